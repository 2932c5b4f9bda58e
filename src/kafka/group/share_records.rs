//! The records of `__share_group_state`, in the real format (KIP-932): how far a share group has
//! come with a partition. The key names them; the value has the start offset, and of what lies
//! behind it runs of records with one state and one count of deliveries.
//!
//! Simplified: every record is a whole snapshot (type 0), where the real coordinator writes what
//! changed (type 1) and a snapshot after 500 of those.

use crate::kafka::message::response::TopicId;
use crate::kafka::record::flexible::{Reader, put_text, put_uvarint};
use bytes::{BufMut, Bytes, BytesMut};
use std::rc::Rc;

/// The version of a key that says that the value is a snapshot.
const SNAPSHOT: i16 = 0;
/// A record of a batch: first and last offset, state, deliveries.
const BATCH_TAGS: u32 = 0;

/// A partition of a share group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ShareKey {
    /// `group.id`.
    pub group: Rc<str>,
    /// The topic.
    pub topic: TopicId,
    /// Its partition.
    pub partition: i32,
}

impl ShareKey {
    /// What its coordinator goes by.
    pub fn text(&self) -> String {
        format!("{}:{}:{}", self.group, self.topic, self.partition)
    }
}

/// Records from one offset to another that have one state and were delivered so often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateBatch {
    /// The first.
    pub first: i64,
    /// The last.
    pub last: i64,
    /// 0 available, 2 acknowledged, 4 archived.
    pub state: u8,
    /// How often they were delivered.
    pub deliveries: u16,
}

/// How far a share group has come with a partition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ShareState {
    /// Counts the records of this key.
    pub snapshot_epoch: i32,
    /// Counts how often the state was begun anew.
    pub state_epoch: i32,
    /// The epoch of the leader that wrote it.
    pub leader_epoch: i32,
    /// Everything before it is done.
    pub start: i64,
    /// What lies behind it, in order.
    pub batches: Vec<StateBatch>,
}

/// The key of a record.
pub fn encode_key(key: &ShareKey) -> Bytes {
    let mut out = BytesMut::new();
    out.put_i16(SNAPSHOT);
    put_text(&mut out, Some(&key.group));
    out.put_slice(&key.topic.0);
    out.put_i32(key.partition);
    put_uvarint(&mut out, 0);
    out.freeze()
}

/// Reads a key; `None` if it names something else.
pub fn decode_key(bytes: &[u8]) -> Option<ShareKey> {
    let mut reader = Reader(bytes);
    if i16::from_be_bytes(reader.take()?) != SNAPSHOT {
        return None;
    }
    let group = reader.text()?.into();
    let topic = TopicId(reader.take()?);
    Some(ShareKey { group, topic, partition: i32::from_be_bytes(reader.take()?) })
}

/// The value of a record.
pub fn encode_value(state: &ShareState, time: i64) -> Bytes {
    let mut out = BytesMut::new();
    out.put_i16(0);
    out.put_i32(state.snapshot_epoch);
    out.put_i32(state.state_epoch);
    out.put_i32(state.leader_epoch);
    out.put_i64(state.start);
    // When it was begun and when it was written.
    out.put_i64(time);
    out.put_i64(time);
    put_uvarint(&mut out, state.batches.len() as u32 + 1);
    for batch in &state.batches {
        out.put_i64(batch.first);
        out.put_i64(batch.last);
        out.put_u8(batch.state);
        out.put_u16(batch.deliveries);
        put_uvarint(&mut out, BATCH_TAGS);
    }
    put_uvarint(&mut out, 0);
    out.freeze()
}

/// When the state of a value was begun, and when it was written, in milliseconds since 1970.
pub fn times(value: &[u8]) -> Option<(i64, i64)> {
    // Behind the version, three epochs and the start offset.
    let mut reader = Reader(value.get(22..)?);
    Some((i64::from_be_bytes(reader.take()?), i64::from_be_bytes(reader.take()?)))
}

/// Reads a value.
pub fn decode_value(bytes: &[u8]) -> Option<ShareState> {
    let mut reader = Reader(bytes);
    let _version: [u8; 2] = reader.take()?;
    let mut epoch = || reader.take().map(i32::from_be_bytes);
    let (snapshot_epoch, state_epoch, leader_epoch) = (epoch()?, epoch()?, epoch()?);
    let start = i64::from_be_bytes(reader.take()?);
    let _times: [u8; 16] = reader.take()?;
    let mut batches = Vec::new();
    for _ in 1..reader.uvarint()? {
        let (first, last) =
            (i64::from_be_bytes(reader.take()?), i64::from_be_bytes(reader.take()?));
        let [state] = reader.take()?;
        let deliveries = u16::from_be_bytes(reader.take()?);
        let _tags = reader.uvarint()?;
        batches.push(StateBatch { first, last, state, deliveries });
    }
    Some(ShareState { snapshot_epoch, state_epoch, leader_epoch, start, batches })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_reads_back_and_has_the_bytes_of_its_schema() {
        let key = ShareKey { group: "s".into(), topic: TopicId([7; 16]), partition: 2 };
        let bytes = encode_key(&key);
        // Type 0, compact "s", the topic's id, the partition, no tagged fields.
        assert_eq!(bytes[..4], [0, 0, 2, b's']);
        assert_eq!(bytes[20..], [0, 0, 0, 2, 0]);
        assert_eq!(decode_key(&bytes), Some(key));
        let state = ShareState {
            snapshot_epoch: 3,
            state_epoch: 1,
            leader_epoch: 4,
            start: 258,
            batches: vec![StateBatch { first: 258, last: 259, state: 0, deliveries: 2 }],
        };
        let value = encode_value(&state, 9);
        assert_eq!(value.len(), 2 + 3 * 4 + 3 * 8 + 1 + (8 + 8 + 1 + 2 + 1) + 1);
        assert_eq!(decode_value(&value), Some(state));
    }
}
