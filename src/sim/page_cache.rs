//! The modelled page cache of a machine: which pages of which files a read finds in memory.
//!
//! It decides virtual latency only. Whether the bytes are in this computer's memory is another
//! question, answered by [`disk`](super::disk), and never changes a result.

use super::node::NodeId;
use std::collections::BTreeMap;
use std::rc::Rc;

/// The grain of the cache. Linux reads ahead about this much.
const PAGE_BYTES: u64 = 64 << 10;

type Page = (NodeId, Rc<str>, u64);

/// Least recently used pages leave first.
#[derive(Clone, Debug, Default)]
pub(super) struct PageCache {
    pages: BTreeMap<Page, u64>,
    by_age: BTreeMap<u64, Page>,
    clock: u64,
}

impl PageCache {
    /// Touches the pages of a range; returns how many of them were not there. A cache of zero
    /// bytes stands for one without limit: everything is always there.
    pub(super) fn touch(
        &mut self,
        (node, file): (NodeId, &str),
        (from, to): (u64, u64),
        capacity_bytes: u64,
    ) -> u64 {
        if capacity_bytes == 0 || from >= to {
            return 0;
        }
        let file: Rc<str> = file.into();
        let mut missing = 0;
        for page in from / PAGE_BYTES..=(to - 1) / PAGE_BYTES {
            self.clock += 1;
            let key = (node, file.clone(), page);
            match self.pages.insert(key.clone(), self.clock) {
                Some(age) => drop(self.by_age.remove(&age)),
                None => missing += 1,
            }
            self.by_age.insert(self.clock, key);
        }
        while self.pages.len() as u64 * PAGE_BYTES > capacity_bytes {
            let Some((_, oldest)) = self.by_age.pop_first() else { break };
            self.pages.remove(&oldest);
        }
        missing
    }

    /// The machine lost its memory.
    pub(super) fn clear(&mut self) {
        *self = PageCache::default();
    }
}
