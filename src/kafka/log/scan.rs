//! Reading a whole log from its start, batch by batch: how a broker loads what it keeps in logs
//! of its own (cluster metadata, committed offsets).

use super::partition_log::Log;
use super::segment::Segment;
use crate::kafka::record::{BatchHeader, BatchStream};
use crate::sim::Rope;
use bytes::Bytes;
use std::collections::VecDeque;
use std::rc::Rc;

/// Bytes of one read.
const CHUNK_BYTES: u64 = 1 << 20;

/// A log that is being read.
#[derive(Clone, Debug, Default)]
pub struct LogScan {
    files: VecDeque<(Rc<str>, u64)>,
    position: u64,
    carry: Rope,
}

impl LogScan {
    /// From the first segment of a log to its present end.
    pub fn of(log: &Log) -> LogScan {
        LogScan::over(log.segments())
    }

    /// Over these segments.
    pub fn over<'a>(segments: impl Iterator<Item = &'a Segment>) -> LogScan {
        let files = segments.map(|segment| (segment.file.clone(), segment.bytes)).collect();
        LogScan { files, position: 0, carry: Rope::default() }
    }

    /// What to read next: file, position, length; `None` at the end.
    pub fn next_read(&mut self) -> Option<(Rc<str>, u64, u64)> {
        while let Some((file, len)) = self.files.front() {
            let left = len.saturating_sub(self.position);
            if left > 0 {
                return Some((file.clone(), self.position, left.min(CHUNK_BYTES)));
            }
            self.files.pop_front();
            self.position = 0;
            self.carry = Rope::default();
        }
        None
    }

    /// Takes the bytes of a read; gives the batches that are whole now.
    pub fn take(&mut self, bytes: Rope) -> Vec<(BatchHeader, Bytes)> {
        self.position += bytes.len() as u64;
        self.carry.extend(bytes);
        let mut stream = BatchStream::of(&self.carry);
        let mut batches = Vec::new();
        while let Some(batch) = stream.next_batch() {
            batches.push(batch);
        }
        let done = stream.position();
        self.carry = self.carry.share(done, self.carry.len());
        batches
    }
}
