//! Which segments may go: whole ones, from the oldest on, below the high watermark.

use super::files::Files;
use super::partition_log::Log;
use super::segment::Segment;

impl Log {
    /// Removes what lies before the log start, what is too much and what is too old. True if
    /// anything went. Simplified: the real files are renamed to `.deleted` first and go after
    /// `file.delete.delay.ms`.
    pub fn delete_old(&mut self, now_ms: i64, high_watermark: i64, files: &mut impl Files) -> bool {
        let before = self.log_start();
        let log_start = self.log_start();
        let mut gone = self.delete_while(high_watermark, now_ms, files, |_, next| {
            next.is_some_and(|base| base <= log_start)
        });
        let config = self.config.clone();
        if config.is_deleted && config.retention_bytes >= 0 {
            let size: u64 = self.segments().map(|segment| segment.bytes).sum();
            let mut surplus = size as i64 - config.retention_bytes;
            gone |= self.delete_while(high_watermark, now_ms, files, |segment, _| {
                surplus -= segment.bytes as i64;
                surplus >= 0
            });
        }
        if config.is_deleted && config.retention_ms >= 0 {
            gone |= self.delete_while(high_watermark, now_ms, files, |segment, _| {
                let newest = match segment.largest_timestamp() {
                    -1 => segment.created_ms,
                    newest => newest,
                };
                now_ms.saturating_sub(newest) > config.retention_ms
            });
        }
        self.set_log_start(self.first_base());
        gone || self.log_start() != before
    }

    /// Removes segments from the oldest on while `goes` says so; if all of them go, an empty one is
    /// rolled first. An empty last segment stays.
    fn delete_while(
        &mut self,
        high_watermark: i64,
        now_ms: i64,
        files: &mut impl Files,
        mut goes: impl FnMut(&Segment, Option<i64>) -> bool,
    ) -> bool {
        let bases: Vec<i64> = self.segments().skip(1).map(|segment| segment.base_offset).collect();
        let mut count = 0;
        for (index, segment) in self.segments().enumerate() {
            let next = bases.get(index).copied();
            let end = next.unwrap_or(self.log_end());
            let is_empty_last = next.is_none() && segment.bytes == 0;
            if high_watermark < end || is_empty_last || !goes(segment, next) {
                break;
            }
            count += 1;
        }
        if count > bases.len() {
            self.roll_empty(now_ms, files);
        }
        self.delete_first(count, files);
        count > 0
    }
}
