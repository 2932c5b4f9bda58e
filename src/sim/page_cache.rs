//! The modelled page cache of a machine: which pages of which files a read finds in memory.
//!
//! What was read or written lately is there, as in Linux: that is why a consumer near the end of
//! a log never waits for the disk. It decides virtual latency only. Whether the bytes are in this
//! computer's memory is another question, answered by [`disk`](super::disk), and never changes a
//! result.

use super::node::NodeId;
use std::collections::BTreeMap;

/// The grain of the cache. Linux reads ahead about this much.
pub(super) const PAGE_BYTES: u64 = 64 << 10;

/// A file of a node, by the number that its disk gave it: a new file of an old name is new here.
pub(super) type FileKey = (NodeId, u64);

/// A page of a file, by its place in it.
type Page = (FileKey, u64);

/// Least recently used pages leave first.
#[derive(Clone, Debug, Default)]
pub(super) struct PageCache {
    pages: BTreeMap<Page, u64>,
    by_age: BTreeMap<u64, Page>,
    clock: u64,
}

impl PageCache {
    /// Touches the pages of bytes `from..to`; returns how many of them were not there.
    pub(super) fn touch(
        &mut self,
        file: FileKey,
        (from, to): (u64, u64),
        capacity_bytes: u64,
    ) -> u64 {
        let mut missing = 0;
        if from >= to {
            return missing;
        }
        for place in from / PAGE_BYTES..=(to - 1) / PAGE_BYTES {
            let page = (file, place);
            if self.by_age.last_key_value().is_some_and(|(_, newest)| *newest == page) {
                continue;
            }
            self.clock += 1;
            match self.pages.insert(page, self.clock) {
                Some(age) => drop(self.by_age.remove(&age)),
                None => missing += 1,
            }
            self.by_age.insert(self.clock, page);
        }
        while self.pages.len() as u64 * PAGE_BYTES > capacity_bytes {
            let Some((_, oldest)) = self.by_age.pop_first() else { break };
            self.pages.remove(&oldest);
        }
        missing
    }

    /// A file is gone, and its pages with it.
    pub(super) fn forget(&mut self, file: FileKey) {
        let gone: Vec<Page> =
            self.pages.range((file, 0)..=(file, u64::MAX)).map(|(page, _)| *page).collect();
        for page in gone {
            let age = self.pages.remove(&page).expect("it was just found");
            self.by_age.remove(&age);
        }
    }
}
