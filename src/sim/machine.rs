//! A machine: the disk drive, the page cache and the power supply that its processes share.

use super::cost::{CostModel, Server};
use super::page_cache::{FileKey, PAGE_BYTES, PageCache};
use super::time::Time;

/// What the processes on one machine share.
#[derive(Clone, Debug, Default)]
pub(super) struct Machine {
    drive: Server,
    cache: PageCache,
    is_off: bool,
}

impl Machine {
    /// True without power.
    pub(super) fn is_off(&self) -> bool {
        self.is_off
    }

    /// Bytes in its page cache.
    pub(super) fn cached_bytes(&self) -> u64 {
        self.cache.bytes()
    }

    /// Gives it power or takes it; what it had in memory is gone.
    pub(super) fn reboot(&mut self, is_off: bool) {
        *self = Machine { is_off, ..Machine::default() };
    }

    /// When a read of bytes `range` is done: at once from the page cache, else after the drive's
    /// turn.
    pub(super) fn read(
        &mut self,
        now: Time,
        file: FileKey,
        range: (u64, u64),
        cost: &CostModel,
    ) -> Time {
        let missing = self.cache.missing(file, range);
        let mut done = now;
        if missing > 0 {
            let bytes = (range.1 - range.0).min(missing * PAGE_BYTES);
            self.drive.serve(now, cost.seek);
            done = self.drive.transfer(now, bytes, cost.disk_bandwidth);
        }
        self.cache.touch(file, range, done, cost.page_cache).max(now)
    }

    /// When a flush of so many fresh bytes is done.
    pub(super) fn flush(&mut self, now: Time, bytes: u64, cost: &CostModel) -> Time {
        self.drive.serve(now, cost.fsync);
        self.drive.transfer(now, bytes, cost.disk_bandwidth)
    }

    /// What was just written is in the page cache.
    pub(super) fn written(&mut self, file: FileKey, range: (u64, u64), cost: &CostModel) {
        self.cache.touch(file, range, Time::ZERO, cost.page_cache);
    }

    /// A file is gone.
    pub(super) fn deleted(&mut self, file: FileKey) {
        self.cache.forget(file);
    }
}
