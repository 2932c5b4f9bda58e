//! The modelled page cache of a machine: which pages of which files a read finds in memory.
//!
//! What was read or written lately is there, as in Linux: that is why a consumer near the end of
//! a log never waits for the disk. It decides virtual latency only. Whether the bytes are in this
//! computer's memory is another question, answered by [`disk`](super::disk), and never changes a
//! result.

use super::node::NodeId;
use super::time::Time;
use crate::ordered::BTreeMap;

/// The grain of the cache. Linux reads ahead about this much.
pub(super) const PAGE_BYTES: u64 = 64 << 10;

/// A file of a node, by the number that its disk gave it: a new file of an old name is new here.
pub(super) type FileKey = (NodeId, u64);

/// A page of a file, by its place in it.
type Page = (FileKey, u64);

/// When a page was last touched, in the order of touches, and when it is there.
#[derive(Clone, Copy, Debug)]
struct Entry {
    age: u64,
    ready_at: Time,
}

/// Least recently used pages leave first.
#[derive(Clone, Debug, Default)]
pub(super) struct PageCache {
    pages: BTreeMap<Page, Entry>,
    by_age: BTreeMap<u64, Page>,
    clock: u64,
}

impl PageCache {
    /// Bytes that it holds.
    pub(super) fn bytes(&self) -> u64 {
        self.pages.len() as u64 * PAGE_BYTES
    }

    /// How many of the pages of bytes `from..to` have to be read from the drive.
    pub(super) fn missing(&self, file: FileKey, range: (u64, u64)) -> u64 {
        let missing = |place: &u64| !self.pages.contains_key(&(file, *place));
        places(range).filter(missing).count() as u64
    }

    /// Touches the pages of bytes `from..to`, those that were missing being there at `ready_at`.
    /// Says when all are there.
    pub(super) fn touch(
        &mut self,
        file: FileKey,
        range: (u64, u64),
        ready_at: Time,
        capacity_bytes: u64,
    ) -> Time {
        let mut all_ready_at = Time::ZERO;
        for place in places(range) {
            let page = (file, place);
            let next = self.clock + 1;
            let entry = self.pages.entry(page).or_insert(Entry { age: next, ready_at });
            all_ready_at = all_ready_at.max(entry.ready_at);
            if entry.age == self.clock {
                continue;
            }
            self.by_age.remove(&entry.age);
            entry.age = next;
            self.by_age.insert(next, page);
            self.clock = next;
        }
        while self.pages.len() as u64 * PAGE_BYTES > capacity_bytes {
            let Some((_, oldest)) = self.by_age.pop_first() else { break };
            self.pages.remove(&oldest);
        }
        all_ready_at
    }

    /// A file is gone, and its pages with it.
    pub(super) fn forget(&mut self, file: FileKey) {
        let gone: Vec<Page> =
            self.pages.range((file, 0)..=(file, u64::MAX)).map(|(page, _)| *page).collect();
        for page in gone {
            let entry = self.pages.remove(&page).expect("it was just found");
            self.by_age.remove(&entry.age);
        }
    }
}

/// The pages that bytes `from..to` lie in.
fn places((from, to): (u64, u64)) -> impl Iterator<Item = u64> {
    let first = from / PAGE_BYTES;
    let end = if from < to { to.div_ceil(PAGE_BYTES) } else { first };
    first..end
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: FileKey = (NodeId(1), 7);
    const CAPACITY: u64 = 3 * PAGE_BYTES;

    /// Which of the first ten pages are there.
    fn held(cache: &PageCache) -> Vec<u64> {
        let is_there = |page: &u64| cache.missing(FILE, (page * PAGE_BYTES, page * PAGE_BYTES + 1));
        (0..10).filter(|page| is_there(page) == 0).collect()
    }

    fn touch(cache: &mut PageCache, page: u64) {
        let from = page * PAGE_BYTES;
        cache.touch(FILE, (from, from + PAGE_BYTES), Time::ZERO, CAPACITY);
    }

    #[test]
    fn the_least_recently_used_page_leaves_first() {
        let mut cache = PageCache::default();
        [0, 1, 2].into_iter().for_each(|page| touch(&mut cache, page));
        assert_eq!(held(&cache), [0, 1, 2]);
        touch(&mut cache, 0);
        touch(&mut cache, 3);
        assert_eq!(held(&cache), [0, 2, 3], "1 was used longest ago");
        touch(&mut cache, 3);
        touch(&mut cache, 3);
        touch(&mut cache, 4);
        assert_eq!(held(&cache), [0, 3, 4]);
    }

    #[test]
    fn a_range_touches_every_page_that_it_lies_in() {
        let mut cache = PageCache::default();
        let range = (PAGE_BYTES - 1, 2 * PAGE_BYTES + 1);
        assert_eq!(cache.missing(FILE, range), 3);
        cache.touch(FILE, range, Time::ZERO, CAPACITY);
        assert_eq!(held(&cache), [0, 1, 2]);
        assert_eq!(cache.missing(FILE, (0, 4 * PAGE_BYTES)), 1);
        for (from, to) in [(5, 5), (9 * PAGE_BYTES, 5)] {
            assert_eq!(cache.missing((NodeId(2), 7), (from, to)), 0, "no byte is in no page");
        }
        assert_eq!(cache.missing((NodeId(1), 8), range), 3, "another file has pages of its own");
    }

    #[test]
    fn a_page_that_is_on_its_way_is_waited_for() {
        let mut cache = PageCache::default();
        let [soon, late] = [5, 9].map(Time::from_micros);
        assert_eq!(cache.touch(FILE, (0, 1), soon, CAPACITY), soon);
        assert_eq!(cache.touch(FILE, (0, PAGE_BYTES + 1), late, CAPACITY), late);
        assert_eq!(cache.touch(FILE, (0, 1), late, CAPACITY), soon);
    }

    #[test]
    fn a_file_that_is_gone_gives_its_pages_back() {
        let mut cache = PageCache::default();
        let other = (NodeId(1), 8);
        cache.touch(other, (0, 1), Time::ZERO, CAPACITY);
        [0, 1].into_iter().for_each(|page| touch(&mut cache, page));
        cache.forget(FILE);
        assert_eq!(held(&cache), [0; 0]);
        [5, 6].into_iter().for_each(|page| touch(&mut cache, page));
        assert_eq!(cache.missing(other, (0, 1)), 0, "there was room for it");
        assert_eq!((cache.pages.len(), cache.by_age.len()), (3, 3));
    }
}
