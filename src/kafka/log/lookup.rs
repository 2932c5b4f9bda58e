//! The first record, in offset order, that is not before a time.

use super::partition_log::{Log, LogPosition};
use crate::kafka::record::{BatchStream, Records};
use crate::sim::Rope;
use std::rc::Rc;

/// Bytes of one read of the walk.
const CHUNK_BYTES: u64 = 64 << 10;

/// Where a look-up by time begins, and what it has read so far.
#[derive(Clone, Debug)]
pub struct TimestampLookup {
    target: i64,
    file: Rc<str>,
    from: LogPosition,
    end: u64,
    carry: Rope,
}

/// What a look-up wants or has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LookupStep {
    /// Read `len` bytes of `file` from `from` on.
    Read {
        /// The file.
        file: Rc<str>,
        /// From here.
        from: u64,
        /// So many.
        len: u64,
    },
    /// The record: its time and offset.
    Found(i64, i64),
    /// There is none.
    None,
}

impl TimestampLookup {
    /// Begins to look for the first record not before `target`; `None` if every record is.
    pub fn new(log: &Log, target: i64) -> Option<TimestampLookup> {
        let segment = log.segments().find(|s| s.bytes > 0 && s.largest_timestamp() >= target)?;
        // A record that is not before the target lies behind the last entry that is before it.
        let (_, behind) = segment.times.lookup(target - 1);
        let (_, position) = segment.offsets.lookup(behind.max(log.log_start()));
        Some(TimestampLookup {
            target,
            file: segment.file.clone(),
            from: LogPosition { segment: segment.base_offset, position },
            end: segment.bytes,
            carry: Rope::default(),
        })
    }

    /// What is to be done next, with the bytes of the last read.
    pub fn step(&mut self, log_start: i64, bytes: Rope) -> LookupStep {
        self.carry.extend(bytes);
        let mut stream = BatchStream::of(&self.carry);
        while let Some((header, batch)) = stream.next_batch() {
            if header.max_timestamp < self.target || header.last_offset() < log_start {
                continue;
            }
            let records = Records::of(&batch).into_iter().flatten();
            let mut late = records.filter(|r| r.timestamp >= self.target && r.offset >= log_start);
            if let Some(record) = late.next() {
                return LookupStep::Found(record.timestamp, record.offset);
            }
        }
        let done = stream.position();
        self.from.position += done as u64;
        self.carry = self.carry.share(done, self.carry.len());
        let from = self.from.position + self.carry.len() as u64;
        match self.end.saturating_sub(from) {
            0 => LookupStep::None,
            left => LookupStep::Read { file: self.file.clone(), from, len: left.min(CHUNK_BYTES) },
        }
    }
}
