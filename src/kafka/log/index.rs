//! The two sparse indexes of a segment.

use super::entries::Entries;
use bytes::{BufMut, Bytes, BytesMut};

/// Bytes of an entry of the offset index: offset less base, position.
pub const OFFSET_ENTRY_BYTES: u64 = 8;
/// Bytes of an entry of the time index: time, offset less base.
pub const TIME_ENTRY_BYTES: u64 = 12;

/// Offset -> position in the segment's log file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OffsetIndex {
    base_offset: i64,
    entries: Entries<(u32, u32)>,
}

impl OffsetIndex {
    /// An empty index of the segment with this base offset.
    pub fn new(base_offset: i64) -> OffsetIndex {
        OffsetIndex { base_offset, entries: Entries::default() }
    }

    /// How many entries fit in a file of so many bytes, rounded down.
    pub fn capacity(index_bytes: u64) -> u64 {
        index_bytes / OFFSET_ENTRY_BYTES
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True without entries.
    pub fn is_empty(&self) -> bool {
        self.entries.len() == 0
    }

    /// Adds an entry; one that does not lie behind the last is passed over.
    pub fn push(&mut self, offset: i64, position: u64) {
        let relative = (offset - self.base_offset) as u32;
        if self.entries.last().is_none_or(|(last, _)| last < relative) {
            self.entries.push((relative, position as u32));
        }
    }

    /// The last entry at or before an offset: (offset, position). (base, 0) if there is none.
    pub fn lookup(&self, offset: i64) -> (i64, u64) {
        match self.count_up_to(offset) {
            0 => (self.base_offset, 0),
            count => self.entry(count - 1),
        }
    }

    /// The position of the first entry behind an offset: the batch with that offset begins there
    /// or before.
    pub fn position_behind(&self, offset: i64) -> Option<u64> {
        let found = self.entries.get(self.count_up_to(offset));
        found.map(|(_, position)| u64::from(position))
    }

    /// A position behind which no batch with this offset or an earlier one can lie, if the index
    /// tells one: that of the second entry behind it, as the first may hold it.
    pub fn position_past(&self, offset: i64) -> Option<u64> {
        let found = self.entries.get(self.count_up_to(offset) + 1);
        found.map(|(_, position)| u64::from(position))
    }

    /// The last entry.
    pub fn last(&self) -> Option<(i64, u64)> {
        self.entries.len().checked_sub(1).map(|last| self.entry(last))
    }

    /// Drops entries from an offset on.
    pub fn truncate(&mut self, offset: i64) {
        let base = self.base_offset;
        let kept =
            self.entries.partition_point(|(relative, _)| base + i64::from(*relative) < offset);
        self.entries.truncate(kept);
    }

    /// The content of the `.index` file.
    pub fn encode(&self) -> Bytes {
        let mut bytes = BytesMut::with_capacity(self.entries.len() * OFFSET_ENTRY_BYTES as usize);
        for (relative, position) in self.entries.iter() {
            bytes.put_u32(*relative);
            bytes.put_u32(*position);
        }
        bytes.freeze()
    }

    /// Reads an `.index` file.
    pub fn decode(base_offset: i64, bytes: &[u8]) -> OffsetIndex {
        let mut index = OffsetIndex::new(base_offset);
        for entry in bytes.chunks_exact(OFFSET_ENTRY_BYTES as usize) {
            let word = |at: usize| u32::from_be_bytes(entry[at..at + 4].try_into().expect("4"));
            index.push(base_offset + i64::from(word(0)), u64::from(word(4)));
        }
        index
    }

    fn count_up_to(&self, offset: i64) -> usize {
        let base = self.base_offset;
        self.entries.partition_point(|(relative, _)| base + i64::from(*relative) <= offset)
    }

    /// All entries: offset, position.
    pub fn entries(&self) -> impl Iterator<Item = (i64, u64)> {
        (0..self.entries.len()).map(|at| self.entry(at))
    }

    fn entry(&self, at: usize) -> (i64, u64) {
        let (relative, position) = self.entries.get(at).expect("it is one of them");
        (self.base_offset + i64::from(relative), u64::from(position))
    }
}

/// Time -> offset: a record later than the time lies behind the offset.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TimeIndex {
    base_offset: i64,
    entries: Entries<(i64, u32)>,
}

impl TimeIndex {
    /// An empty index of the segment with this base offset.
    pub fn new(base_offset: i64) -> TimeIndex {
        TimeIndex { base_offset, entries: Entries::default() }
    }

    /// How many entries fit in a file of so many bytes, rounded down.
    pub fn capacity(index_bytes: u64) -> u64 {
        index_bytes / TIME_ENTRY_BYTES
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// True without entries.
    pub fn is_empty(&self) -> bool {
        self.entries.len() == 0
    }

    /// Adds an entry if its time is later than the last one's.
    pub fn push(&mut self, timestamp: i64, offset: i64) {
        if timestamp >= 0 && self.entries.last().is_none_or(|(last, _)| last < timestamp) {
            self.entries.push((timestamp, (offset - self.base_offset) as u32));
        }
    }

    /// The last entry not later than a time: (time, offset). (-1, base) if there is none.
    pub fn lookup(&self, timestamp: i64) -> (i64, i64) {
        match self.entries.partition_point(|(time, _)| *time <= timestamp) {
            0 => (-1, self.base_offset),
            count => self.entry(count - 1),
        }
    }

    /// The last entry.
    pub fn last(&self) -> Option<(i64, i64)> {
        self.entries.len().checked_sub(1).map(|last| self.entry(last))
    }

    /// Drops entries from an offset on.
    pub fn truncate(&mut self, offset: i64) {
        let base = self.base_offset;
        let kept =
            self.entries.partition_point(|(_, relative)| base + i64::from(*relative) < offset);
        self.entries.truncate(kept);
    }

    /// The content of the `.timeindex` file.
    pub fn encode(&self) -> Bytes {
        let mut bytes = BytesMut::with_capacity(self.entries.len() * TIME_ENTRY_BYTES as usize);
        for (timestamp, relative) in self.entries.iter() {
            bytes.put_i64(*timestamp);
            bytes.put_u32(*relative);
        }
        bytes.freeze()
    }

    /// Reads a `.timeindex` file.
    pub fn decode(base_offset: i64, bytes: &[u8]) -> TimeIndex {
        let mut index = TimeIndex::new(base_offset);
        for entry in bytes.chunks_exact(TIME_ENTRY_BYTES as usize) {
            let timestamp = i64::from_be_bytes(entry[0..8].try_into().expect("8"));
            let relative = u32::from_be_bytes(entry[8..12].try_into().expect("4"));
            index.push(timestamp, base_offset + i64::from(relative));
        }
        index
    }

    /// All entries: time, offset.
    pub fn entries(&self) -> impl Iterator<Item = (i64, i64)> {
        (0..self.entries.len()).map(|at| self.entry(at))
    }

    fn entry(&self, at: usize) -> (i64, i64) {
        let (timestamp, relative) = self.entries.get(at).expect("it is one of them");
        (timestamp, self.base_offset + i64::from(relative))
    }
}
