//! The entries of a log that are not in the snapshot yet. Indexes begin with 1.

use super::message::Entry;
use bytes::Bytes;
use std::collections::VecDeque;

/// A log in memory; its owner keeps it on disk.
#[derive(Clone, Debug, Default)]
pub struct Log {
    /// The last entry before those that are here: index and term.
    base: (u64, u64),
    /// The last entry that is in the snapshot: the base, or behind it.
    covered: (u64, u64),
    snapshot: Bytes,
    entries: VecDeque<Entry>,
}

impl Log {
    /// A log that was on disk: its snapshot with the last entry in it, and the entries behind.
    pub fn restored(base: (u64, u64), snapshot: Bytes, entries: VecDeque<Entry>) -> Log {
        Log { base, covered: base, snapshot, entries }
    }

    /// The last entry before those that are here: index and term.
    pub fn base(&self) -> (u64, u64) {
        self.base
    }

    /// The last entry that is in the snapshot: index and term.
    pub fn covered(&self) -> (u64, u64) {
        self.covered
    }

    /// The snapshot; empty if there is none.
    pub fn snapshot(&self) -> &Bytes {
        &self.snapshot
    }

    /// The last entry: index and term.
    pub fn last(&self) -> (u64, u64) {
        let index = self.base.0 + self.entries.len() as u64;
        (index, self.entries.back().map_or(self.base.1, |entry| entry.term))
    }

    /// The term of an entry; `None` if it is not known (any more).
    pub fn term(&self, index: u64) -> Option<u64> {
        if index == self.base.0 {
            return Some(self.base.1);
        }
        self.get(index).map(|entry| entry.term)
    }

    /// An entry.
    pub fn get(&self, index: u64) -> Option<&Entry> {
        let at = index.checked_sub(self.base.0 + 1)?;
        self.entries.get(usize::try_from(at).ok()?)
    }

    /// At most so many entries from an index on.
    pub fn from(&self, index: u64, count_max: usize) -> Vec<Entry> {
        let skipped = index.saturating_sub(self.base.0 + 1) as usize;
        self.entries.iter().skip(skipped).take(count_max).cloned().collect()
    }

    /// Puts entries at an index; what was there and behind goes.
    pub(super) fn put(&mut self, from: u64, entries: &[Entry]) {
        self.entries.truncate((from - self.base.0 - 1) as usize);
        self.entries.extend(entries.iter().cloned());
    }

    /// All up to an index is in this snapshot now.
    pub(super) fn compact(&mut self, index: u64, snapshot: Bytes) {
        if index > self.base.0 {
            self.cover(index, snapshot);
            self.forget(index);
        }
    }

    /// All up to an index is in this snapshot now; what it covers stays.
    pub(super) fn cover(&mut self, index: u64, snapshot: Bytes) {
        let Some(term) = self.term(index) else { return };
        self.covered = (index, term);
        self.snapshot = snapshot;
    }

    /// What lies up to an index goes, as far as the snapshot covers it.
    pub(super) fn forget(&mut self, index: u64) {
        let index = index.min(self.covered.0);
        let Some(term) = self.term(index).filter(|_| index > self.base.0) else { return };
        self.entries.drain(..(index - self.base.0) as usize);
        self.base = (index, term);
    }

    /// A snapshot of somebody else takes the place of everything; what lies behind it stays if it
    /// follows from it.
    pub(super) fn restore(&mut self, last: (u64, u64), snapshot: Bytes) {
        if self.term(last.0) == Some(last.1) {
            return self.compact(last.0, snapshot);
        }
        *self = Log::restored(last, snapshot, VecDeque::new());
    }
}
