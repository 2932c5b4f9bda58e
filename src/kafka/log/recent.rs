//! Where the last batches of a log lie, exactly: consumers that keep up are served from here
//! without a walk, and the picture finds its cells.

use std::collections::VecDeque;

/// Enough for the picture's few hundred cells even if each record is a batch of its own.
const BATCHES_MAX: usize = 512;

/// A batch and its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecentBatch {
    /// Its first offset.
    pub base_offset: i64,
    /// Its last offset.
    pub last_offset: i64,
    /// Base offset of the segment that it lies in.
    pub segment: i64,
    /// Where it begins in the segment's file.
    pub position: u64,
}

/// The last batches, oldest first.
#[derive(Clone, Debug, Default)]
pub struct RecentBatches(VecDeque<RecentBatch>);

impl RecentBatches {
    /// Adds the newest.
    pub fn push(&mut self, batch: RecentBatch) {
        if self.0.len() == BATCHES_MAX {
            self.0.pop_front();
        }
        self.0.push_back(batch);
    }

    /// The batch that holds an offset, or the first behind it; `None` if the offset lies before
    /// what is remembered.
    pub fn find(&self, offset: i64) -> Option<RecentBatch> {
        if self.0.front()?.base_offset > offset {
            return None;
        }
        self.0.get(self.0.partition_point(|batch| batch.last_offset < offset)).copied()
    }

    /// Puts others in the place of those that lie in these segments, if any of them is remembered:
    /// what is remembered has no gaps.
    pub fn replace(&mut self, segments: &[(i64, u64)], by: RecentBatches) {
        let is_in = |batch: &RecentBatch| segments.iter().any(|(base, _)| *base == batch.segment);
        let Some(at) = self.0.iter().position(is_in) else { return };
        let behind = self.0.split_off(at);
        self.0.extend(by.0);
        self.0.extend(behind.into_iter().filter(|batch| !is_in(batch)));
        self.0.drain(..self.0.len().saturating_sub(BATCHES_MAX));
    }

    /// Drops what lies at or behind an offset.
    pub fn truncate(&mut self, offset: i64) {
        while self.0.back().is_some_and(|batch| batch.last_offset >= offset) {
            self.0.pop_back();
        }
    }
}
