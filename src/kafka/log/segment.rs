//! One segment: what an append does to its indexes, and when the next one must be rolled.

use super::files::Files;
use super::index::{OffsetIndex, TimeIndex};
use super::transactions::{self, Aborted};
use crate::kafka::config::TopicConfig;
use crate::kafka::record::BatchHeader;
use std::rc::Rc;

/// A stretch of a log in one file, with its indexes.
#[derive(Clone, Debug)]
pub struct Segment {
    /// Its first offset, which names its files.
    pub base_offset: i64,
    /// Bytes of its `.log` file.
    pub bytes: u64,
    /// Offset -> position.
    pub offsets: OffsetIndex,
    /// Time -> offset.
    pub times: TimeIndex,
    /// Transactions whose abort markers lie in it.
    pub aborted: Vec<Aborted>,
    /// The name of its `.log` file.
    pub file: Rc<str>,
    /// Largest record time so far, and the offset of the batch that brought it.
    pub max_timestamp: Option<(i64, i64)>,
    /// Largest record time of its first batch: from there the age of the segment counts.
    pub first_timestamp: Option<i64>,
    /// When it was made, by the broker's clock: what counts if records have no time.
    pub created_ms: i64,
    /// Bytes since the last index entry.
    pub bytes_since_entry: u64,
    jitter_ms: u64,
}

/// A file of a segment: its directory, base offset in 20 digits, and what it holds.
pub fn file_name(directory: &str, base_offset: i64, suffix: &str) -> String {
    format!("{directory}/{base_offset:020}.{suffix}")
}

/// What comes to be appended.
#[derive(Clone, Copy, Debug)]
pub struct Incoming {
    /// Bytes of all of it.
    pub bytes: u64,
    /// Its last offset.
    pub last_offset: i64,
    /// Its largest record time; -1 without.
    pub max_timestamp: i64,
}

impl Incoming {
    /// A batch as it stands.
    pub fn of(header: &BatchHeader) -> Incoming {
        Incoming {
            bytes: header.size_bytes() as u64,
            last_offset: header.last_offset(),
            max_timestamp: header.max_timestamp,
        }
    }
}

impl Segment {
    /// An empty segment. It rolls by time up to `jitter_ms` earlier than its topic says.
    pub fn new(directory: &str, base_offset: i64, now_ms: i64, jitter_ms: u64) -> Segment {
        Segment {
            base_offset,
            bytes: 0,
            offsets: OffsetIndex::new(base_offset),
            times: TimeIndex::new(base_offset),
            aborted: Vec::new(),
            file: file_name(directory, base_offset, "log").into(),
            max_timestamp: None,
            first_timestamp: None,
            created_ms: now_ms,
            bytes_since_entry: 0,
            jitter_ms,
        }
    }

    /// True if `incoming` must go to a new segment.
    pub fn should_roll(&self, incoming: &Incoming, config: &TopicConfig, now_ms: i64) -> bool {
        let full = self.bytes + incoming.bytes > config.segment_bytes;
        let limit = config.segment_ms.saturating_sub(self.jitter_ms);
        let old = self.bytes > 0 && self.waited_ms(incoming, now_ms) > i128::from(limit);
        let offsets = OffsetIndex::capacity(config.segment_index_bytes);
        // The last place of the time index is kept for the entry that the roll makes.
        let times = TimeIndex::capacity(config.segment_index_bytes).saturating_sub(1);
        full || old
            || self.offsets.len() as u64 >= offsets
            || self.times.len() as u64 >= times
            || incoming.last_offset - self.base_offset > i64::from(i32::MAX)
    }

    fn waited_ms(&self, incoming: &Incoming, now_ms: i64) -> i128 {
        match self.first_timestamp {
            Some(first) if first >= 0 => i128::from(incoming.max_timestamp) - i128::from(first),
            _ => i128::from(now_ms) - i128::from(self.created_ms),
        }
    }

    /// Notes what was just written behind its end.
    pub fn appended(&mut self, incoming: &Incoming, index_interval_bytes: u64) {
        self.note_times(incoming);
        if self.bytes_since_entry > index_interval_bytes {
            self.add_entry(incoming.last_offset);
            self.bytes_since_entry = 0;
        }
        self.bytes_since_entry += incoming.bytes;
        self.bytes += incoming.bytes;
    }

    /// Notes a batch that a recovery found behind what it has found so far. The rule for entries
    /// differs a little from the one of appending, as it does in Kafka.
    pub fn recovered(&mut self, incoming: &Incoming, index_interval_bytes: u64) {
        self.note_times(incoming);
        let last_entry = self.offsets.last().map_or(0, |(_, position)| position);
        if self.bytes - last_entry > index_interval_bytes {
            self.add_entry(incoming.last_offset);
        }
        self.bytes += incoming.bytes;
    }

    /// Notes a batch that lies in it and is in its indexes already.
    pub fn walked(&mut self, incoming: &Incoming) {
        self.note_times(incoming);
    }

    fn note_times(&mut self, incoming: &Incoming) {
        if self.first_timestamp.is_none() {
            self.first_timestamp = Some(incoming.max_timestamp);
        }
        if self.max_timestamp.is_none_or(|(largest, _)| incoming.max_timestamp > largest) {
            self.max_timestamp = Some((incoming.max_timestamp, incoming.last_offset));
        }
    }

    fn add_entry(&mut self, offset: i64) {
        self.offsets.push(offset, self.bytes);
        if let Some((timestamp, offset)) = self.max_timestamp {
            self.times.push(timestamp, offset);
        }
    }

    /// It was cut at this offset and place. Simplified: its largest record time may be that of
    /// a record that went, until the next life of the broker.
    pub fn truncated(&mut self, offset: i64, position: u64) {
        self.offsets.truncate(offset);
        self.times.truncate(offset);
        self.aborted.retain(|aborted| aborted.last_offset < offset);
        self.bytes = position;
        self.bytes_since_entry = 0;
        if position == 0 {
            (self.max_timestamp, self.first_timestamp) = (None, None);
        }
    }

    /// Largest record time; -1 without.
    pub fn largest_timestamp(&self) -> i64 {
        self.max_timestamp.map_or(-1, |(timestamp, _)| timestamp)
    }

    /// Writes its indexes: no more is added to them, at least not in this life.
    pub fn close(&mut self, directory: &str, files: &mut impl Files) {
        if let Some((timestamp, offset)) = self.max_timestamp {
            self.times.push(timestamp, offset);
        }
        for (suffix, bytes) in
            [("index", self.offsets.encode()), ("timeindex", self.times.encode())]
        {
            files.replace(&file_name(directory, self.base_offset, suffix), bytes);
        }
        // Most segments have no aborted transaction, and then no file.
        if !self.aborted.is_empty() {
            let name = file_name(directory, self.base_offset, "txnindex");
            files.replace(&name, transactions::encode(&self.aborted));
        }
    }

    /// Removes its files.
    pub fn delete(&self, directory: &str, files: &mut impl Files) {
        for suffix in ["log", "index", "timeindex", "txnindex", "snapshot"] {
            files.delete(&file_name(directory, self.base_offset, suffix));
        }
    }
}
