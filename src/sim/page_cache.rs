//! The modelled page cache of a machine: which pages of which files a read finds in memory.
//!
//! What was read or written lately is there, as in Linux: that is why a consumer near the end of
//! a log never waits for the disk. It decides virtual latency only. Whether the bytes are in this
//! computer's memory is another question, answered by [`disk`](super::disk), and never changes a
//! result.

use super::node::NodeId;
use super::time::Time;
use std::collections::BTreeMap;

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
