//! What idempotent producers appended last: how a leader knows a retry from something new; and
//! which of their transactions are open.

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
    /// The first record of its open transaction.
    pub open_from: Option<i64>,
    /// The epoch of the coordinator that had its last marker written; -1 without.
    pub coordinator_epoch: i32,
}

/// A transaction that has its marker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ended {
    producer_id: i64,
    first_offset: i64,
    last_offset: i64,
}

/// So many ended transactions are remembered, and all whose markers are not committed yet.
const ENDED_KEPT: usize = 16;

impl Default for ProducerState {
    fn default() -> ProducerState {
        ProducerState {
            epoch: -1,
            batches: VecDeque::new(),
            open_from: None,
            coordinator_epoch: -1,
        }
    }
}

/// All producers of one partition, by producer id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProducerStates {
    states: BTreeMap<i64, ProducerState>,
    ended: VecDeque<Ended>,
}

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
        self.states.is_empty()
    }

    /// True if nothing of its producer was appended after this batch.
    pub fn is_last(&self, header: &BatchHeader) -> bool {
        let state = self.states.get(&header.producer_id).filter(|_| header.has_producer());
        let last = state.and_then(|state| state.batches.back());
        last.is_some_and(|last| last.last_offset == header.last_offset())
    }

    /// Judges a batch of a client before it is appended. Without fencing, whatever comes of
    /// another epoch is new.
    pub fn judge(&self, header: &BatchHeader, fences: bool) -> Result<Verdict, ErrorCode> {
        let state = match self.states.get(&header.producer_id) {
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
        if epoch != state.epoch && !fences {
            return Ok(Verdict::New);
        }
        if epoch < state.epoch {
            return Err(ErrorCode::InvalidProducerEpoch);
        }
        if state.open_from.is_some() && !header.is_transactional() {
            return Err(ErrorCode::InvalidTxnState);
        }
        // What a coordinator writes has no numbers.
        if first < 0 {
            return Ok(Verdict::New);
        }
        let next = match state.batches.back() {
            _ if epoch > state.epoch => 0,
            Some(last) => sequence_after(last.last_sequence, 1),
            // A marker began this epoch.
            None => 0,
        };
        if first == next { Ok(Verdict::New) } else { Err(ErrorCode::OutOfOrderSequenceNumber) }
    }

    /// The log was cut: batches from this offset on are not in it any more. Simplified: the real
    /// broker reads the state anew from its last snapshot; here a producer whose last five batches
    /// are all gone is not known any more.
    pub fn truncate(&mut self, offset: i64) {
        for state in self.states.values_mut() {
            state.batches.retain(|batch| batch.last_offset < offset);
            state.open_from = state.open_from.filter(|first| *first < offset);
        }
        // A transaction that lost its marker is open again.
        while let Some(ended) = self.ended.back().copied().filter(|e| e.last_offset >= offset) {
            self.ended.pop_back();
            if let Some(state) = self.states.get_mut(&ended.producer_id) {
                state.open_from = Some(ended.first_offset).filter(|first| *first < offset);
            }
        }
        self.states.retain(|_, state| !state.batches.is_empty() || state.open_from.is_some());
    }

    /// True if this producer has an open transaction of this epoch.
    pub fn has_open(&self, producer_id: i64, epoch: i16) -> bool {
        let state = self.states.get(&producer_id);
        state.is_some_and(|state| state.epoch == epoch && state.open_from.is_some())
    }

    /// The first record of the open transactions.
    pub fn first_open(&self) -> Option<i64> {
        self.states.values().filter_map(|state| state.open_from).min()
    }

    /// The first record of a transaction that is open, or whose marker consumers cannot see yet.
    pub fn first_unstable(&self, high_watermark: i64) -> Option<i64> {
        let hidden = self.ended.iter().filter(|ended| ended.last_offset >= high_watermark);
        hidden.map(|ended| ended.first_offset).chain(self.first_open()).min()
    }

    /// Markers below the high watermark are committed: their transactions need no more thought.
    pub fn replicated(&mut self, high_watermark: i64) {
        while self.ended.len() > ENDED_KEPT
            && self.ended.front().is_some_and(|ended| ended.last_offset < high_watermark)
        {
            self.ended.pop_front();
        }
    }

    /// Notes a marker that is in the log; gives the first record of the transaction that it ends.
    /// With a newer epoch it begins that epoch: sequence numbers begin at 0 (KIP-890).
    pub fn ended(&mut self, header: &BatchHeader, coordinator_epoch: i32) -> Option<i64> {
        let state = self.states.entry(header.producer_id).or_default();
        if state.epoch != header.producer_epoch {
            state.epoch = header.producer_epoch;
            state.batches.clear();
        }
        state.coordinator_epoch = coordinator_epoch;
        let first_offset = state.open_from.take()?;
        let (producer_id, last_offset) = (header.producer_id, header.last_offset());
        self.ended.push_back(Ended { producer_id, first_offset, last_offset });
        Some(first_offset)
    }

    /// Says whether a coordinator of this epoch may write a marker with this producer epoch.
    pub fn may_end(
        &self,
        (producer_id, epoch): (i64, i16),
        coordinator_epoch: i32,
    ) -> Result<(), ErrorCode> {
        match self.states.get(&producer_id) {
            Some(state) if epoch < state.epoch => Err(ErrorCode::InvalidProducerEpoch),
            Some(state) if coordinator_epoch < state.coordinator_epoch => {
                Err(ErrorCode::TransactionCoordinatorFenced)
            }
            _ => Ok(()),
        }
    }

    /// Notes a batch that is in the log.
    pub fn appended(&mut self, header: &BatchHeader) {
        if !header.has_producer() || header.is_control() {
            return;
        }
        let epoch = header.producer_epoch;
        let state = self
            .states
            .entry(header.producer_id)
            .or_insert_with(|| ProducerState { epoch, ..ProducerState::default() });
        if header.is_transactional() && state.open_from.is_none() {
            state.open_from = Some(header.base_offset);
        }
        if state.epoch != epoch {
            state.epoch = epoch;
            state.batches.clear();
        }
        if header.base_sequence < 0 {
            return;
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
        entries.put_i32(self.states.len() as i32);
        for (id, state) in &self.states {
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
            entries.put_i32(state.coordinator_epoch);
            entries.put_i64(state.open_from.unwrap_or(-1));
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
            let open_from = Some(long(38)).filter(|first| *first >= 0);
            let coordinator_epoch = int(34);
            let state = ProducerState { epoch, batches, open_from, coordinator_epoch };
            states.insert(long(0), state);
        }
        Some(ProducerStates { states, ended: VecDeque::new() })
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
        assert_eq!(states.judge(&header(0, 1, 2), true), Ok(Verdict::New));
        assert_eq!(states.judge(&header(1, 1, 2), true), Err(ErrorCode::OutOfOrderSequenceNumber));
    }

    #[test]
    fn a_snapshot_keeps_the_last_batch() {
        let mut states = ProducerStates::default();
        states.appended(&header(0, 3, 10));
        states.appended(&header(3, 2, 13));
        let back = ProducerStates::decode(&states.encode());
        assert!(matches!(back.judge(&header(3, 2, 0), true), Ok(Verdict::Duplicate(batch))
            if batch.base_offset() == 13));
        assert_eq!(back.judge(&header(5, 1, 15), true), Ok(Verdict::New));
        let mut damaged = states.encode().to_vec();
        damaged[12] ^= 1;
        assert!(ProducerStates::decode(&damaged).is_empty());
    }
}
