//! What idempotent producers appended last: how a leader knows a retry from something new.

use crate::kafka::error::ErrorCode;
use crate::kafka::record::BatchHeader;
use crate::kafka::record::header::{crc32c, sequence_after};
use crate::ordered::BTreeMap;
use bytes::{BufMut, Bytes, BytesMut};
use std::collections::VecDeque;

/// So many batches of each producer are remembered: as many as may be under way at once.
const BATCHES_KEPT: usize = 5;

/// A batch that a producer appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProducedBatch {
    /// Sequence number of its first record.
    pub first_sequence: i32,
    /// Sequence number of its last record.
    pub last_sequence: i32,
    /// Its last offset.
    pub last_offset: i64,
    /// Its last offset less its first.
    pub offset_delta: i32,
    /// Its largest record time.
    pub timestamp: i64,
}

impl ProducedBatch {
    /// Its first offset.
    pub fn base_offset(&self) -> i64 {
        self.last_offset - i64::from(self.offset_delta)
    }
}

/// What is known of one producer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProducerState {
    /// Its epoch.
    pub epoch: i16,
    /// Its last batches, oldest first.
    pub batches: VecDeque<ProducedBatch>,
}

/// All producers of one partition, by producer id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProducerStates(BTreeMap<i64, ProducerState>);

/// What an append of a producer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It comes next, or its producer is not numbered.
    New,
    /// It was appended before, as this batch: the answer is a success with its offsets.
    Duplicate(ProducedBatch),
}

impl ProducerStates {
    /// True if no idempotent producer is known.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// True if nothing of its producer was appended after this batch.
    pub fn is_last(&self, header: &BatchHeader) -> bool {
        let state = self.0.get(&header.producer_id).filter(|_| header.has_producer());
        let last = state.and_then(|state| state.batches.back());
        last.is_some_and(|last| last.last_offset == header.last_offset())
    }

    /// Judges a batch of a client before it is appended.
    pub fn judge(&self, header: &BatchHeader) -> Result<Verdict, ErrorCode> {
        let state = match self.0.get(&header.producer_id) {
            Some(state) if header.has_producer() => state,
            // Without state (expired, deleted) any sequence is taken.
            _ => return Ok(Verdict::New),
        };
        let (epoch, first) = (header.producer_epoch, header.base_sequence);
        let same = |batch: &&ProducedBatch| {
            epoch == state.epoch
                && batch.first_sequence == first
                && batch.last_sequence == header.last_sequence()
        };
        if let Some(batch) = state.batches.iter().find(same) {
            return Ok(Verdict::Duplicate(*batch));
        }
        if epoch < state.epoch {
            return Err(ErrorCode::InvalidProducerEpoch);
        }
        let next = match state.batches.back() {
            _ if epoch > state.epoch => 0,
            Some(last) => sequence_after(last.last_sequence, 1),
            None => first,
        };
        if first == next { Ok(Verdict::New) } else { Err(ErrorCode::OutOfOrderSequenceNumber) }
    }

    /// The log was cut: batches from this offset on are not in it any more. Simplified: the real
    /// broker reads the state anew from its last snapshot; here a producer whose last five batches
    /// are all gone is not known any more.
    pub fn truncate(&mut self, offset: i64) {
        for state in self.0.values_mut() {
            state.batches.retain(|batch| batch.last_offset < offset);
        }
        self.0.retain(|_, state| !state.batches.is_empty());
    }

    /// Notes a batch that is in the log.
    pub fn appended(&mut self, header: &BatchHeader) {
        if !header.has_producer() || header.is_control() {
            return;
        }
        let epoch = header.producer_epoch;
        let state = self
            .0
            .entry(header.producer_id)
            .or_insert_with(|| ProducerState { epoch, batches: VecDeque::new() });
        if state.epoch != epoch {
            state.epoch = epoch;
            state.batches.clear();
        }
        if state.batches.len() == BATCHES_KEPT {
            state.batches.pop_front();
        }
        state.batches.push_back(ProducedBatch {
            first_sequence: header.base_sequence,
            last_sequence: header.last_sequence(),
            last_offset: header.last_offset(),
            offset_delta: header.last_offset_delta,
            timestamp: header.max_timestamp,
        });
    }

    /// The content of a `.snapshot` file: version, checksum, and of each producer its last batch.
    pub fn encode(&self) -> Bytes {
        let mut entries = BytesMut::new();
        entries.put_i32(self.0.len() as i32);
        for (id, state) in &self.0 {
            let last = state.batches.back().copied().unwrap_or(ProducedBatch {
                first_sequence: -1,
                last_sequence: -1,
                last_offset: -1,
                offset_delta: 0,
                timestamp: -1,
            });
            entries.put_i64(*id);
            entries.put_i16(state.epoch);
            entries.put_i32(last.last_sequence);
            entries.put_i64(last.last_offset);
            entries.put_i32(last.offset_delta);
            entries.put_i64(last.timestamp);
            entries.put_i32(-1); // coordinator epoch
            entries.put_i64(-1); // first offset of an open transaction
        }
        let mut bytes = BytesMut::new();
        bytes.put_i16(1);
        bytes.put_u32(crc32c(&entries));
        bytes.put_slice(&entries);
        bytes.freeze()
    }

    /// Reads a `.snapshot` file; nothing is known if it is damaged.
    pub fn decode(bytes: &[u8]) -> ProducerStates {
        ProducerStates::read(bytes).unwrap_or_default()
    }

    fn read(bytes: &[u8]) -> Option<ProducerStates> {
        const ENTRY_BYTES: usize = 46;
        let crc = u32::from_be_bytes(bytes.get(2..6)?.try_into().ok()?);
        let counted = bytes.get(6..)?;
        if crc32c(counted) != crc {
            return None;
        }
        let mut states = BTreeMap::new();
        for entry in counted.get(4..)?.chunks_exact(ENTRY_BYTES) {
            let long = |at: usize| i64::from_be_bytes(entry[at..at + 8].try_into().expect("8"));
            let int = |at: usize| i32::from_be_bytes(entry[at..at + 4].try_into().expect("4"));
            let epoch = i16::from_be_bytes(entry[8..10].try_into().expect("2"));
            let (last_sequence, last_offset, offset_delta) = (int(10), long(14), int(22));
            let first = i64::from(last_sequence) - i64::from(offset_delta);
            let batch = ProducedBatch {
                // The numbers go round: what lies before 0 is the end of the last round.
                first_sequence: (first & i64::from(i32::MAX)) as i32,
                last_sequence,
                last_offset,
                offset_delta,
                timestamp: long(26),
            };
            let batches = if last_offset < 0 { VecDeque::new() } else { VecDeque::from([batch]) };
            states.insert(long(0), ProducerState { epoch, batches });
        }
        Some(ProducerStates(states))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header(first_sequence: i32, records: i32, base_offset: i64) -> BatchHeader {
        BatchHeader {
            base_offset,
            batch_length: 100,
            partition_leader_epoch: 0,
            magic: 2,
            crc: 0,
            attributes: 0,
            last_offset_delta: records - 1,
            base_timestamp: 7,
            max_timestamp: 7,
            producer_id: 4,
            producer_epoch: 0,
            base_sequence: first_sequence,
            records_count: records,
        }
    }

    #[test]
    fn sequences_go_round_after_the_largest() {
        let mut states = ProducerStates::default();
        states.appended(&header(i32::MAX - 1, 2, 0));
        assert_eq!(states.judge(&header(0, 1, 2)), Ok(Verdict::New));
        assert_eq!(states.judge(&header(1, 1, 2)), Err(ErrorCode::OutOfOrderSequenceNumber));
    }

    #[test]
    fn a_snapshot_keeps_the_last_batch() {
        let mut states = ProducerStates::default();
        states.appended(&header(0, 3, 10));
        states.appended(&header(3, 2, 13));
        let back = ProducerStates::decode(&states.encode());
        assert!(matches!(back.judge(&header(3, 2, 0)), Ok(Verdict::Duplicate(batch))
            if batch.base_offset() == 13));
        assert_eq!(back.judge(&header(5, 1, 15)), Ok(Verdict::New));
        let mut damaged = states.encode().to_vec();
        damaged[12] ^= 1;
        assert!(ProducerStates::decode(&damaged).is_empty());
    }
}
