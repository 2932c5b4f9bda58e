//! Which leader epoch began at which offset: how replicas tell two histories apart.

/// Epochs with the offset at which each began, both rising.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EpochCache {
    entries: Vec<(i32, i64)>,
}

impl EpochCache {
    /// From what `leader-epoch-checkpoint` holds.
    pub fn from_entries(entries: Vec<(i32, i64)>) -> EpochCache {
        let mut cache = EpochCache::default();
        for (epoch, start) in entries {
            cache.assign(epoch, start);
        }
        cache
    }

    /// All entries, oldest first.
    pub fn entries(&self) -> &[(i32, i64)] {
        &self.entries
    }

    /// The latest epoch.
    pub fn latest(&self) -> Option<i32> {
        self.entries.last().map(|(epoch, _)| *epoch)
    }

    /// An epoch begins at an offset. What it contradicts at the end goes; true if anything changed.
    pub fn assign(&mut self, epoch: i32, start: i64) -> bool {
        if epoch < 0 || start < 0 {
            return false;
        }
        if self.entries.last().is_some_and(|(last, begins)| *last == epoch && *begins <= start) {
            return false;
        }
        while self.entries.last().is_some_and(|(last, begins)| *last >= epoch || *begins >= start) {
            self.entries.pop();
        }
        self.entries.push((epoch, start));
        true
    }

    /// The log was cut at this offset; true if anything changed.
    pub fn truncate_from_end(&mut self, end: i64) -> bool {
        let before = self.entries.len();
        if end >= 0 {
            self.entries.retain(|(_, start)| *start < end);
        }
        before != self.entries.len()
    }

    /// The log begins at this offset now; true if anything changed.
    pub fn truncate_from_start(&mut self, log_start: i64) -> bool {
        if log_start < 0 {
            return false;
        }
        let before = self.entries.clone();
        let gone = self.entries.partition_point(|(_, start)| *start <= log_start);
        if let Some(last) = gone.checked_sub(1) {
            self.entries.drain(..last);
            self.entries[0].1 = log_start;
        }
        before != self.entries
    }

    /// Where an epoch ended in a log that ends at `log_end`: (epoch, end), both -1 if unknown.
    pub fn end_of(&self, epoch: i32, log_end: i64) -> (i32, i64) {
        const UNDEFINED: (i32, i64) = (-1, -1);
        let Some(latest) = self.latest() else { return UNDEFINED };
        if epoch < 0 || epoch > latest {
            return UNDEFINED;
        }
        if epoch == latest {
            return (epoch, log_end);
        }
        let higher = self.entries.partition_point(|(known, _)| *known <= epoch);
        let end = self.entries[higher].1;
        match higher.checked_sub(1) {
            Some(floor) => (self.entries[floor].0, end),
            None => (epoch, end),
        }
    }
}
