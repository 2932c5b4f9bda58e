//! The records of `__consumer_offsets`, in the real format.

use super::groups::CommittedOffset;
use crate::kafka::event::TopicPartition;
use bytes::{BufMut, Bytes, BytesMut};

/// Version of the key of an offset commit.
const KEY_VERSION: i16 = 1;
/// Version of its value.
const VALUE_VERSION: i16 = 3;

/// What a record's key names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OffsetKey {
    /// `group.id`.
    pub group: String,
    /// The partition.
    pub partition: TopicPartition,
}

/// The key of a commit.
pub fn encode_key(group: &str, partition: &TopicPartition) -> Bytes {
    let mut out = BytesMut::with_capacity(10 + group.len() + partition.topic.len());
    out.put_i16(KEY_VERSION);
    put_text(&mut out, group);
    put_text(&mut out, &partition.topic);
    out.put_i32(partition.partition);
    out.freeze()
}

/// The value of a commit.
pub fn encode_value(committed: &CommittedOffset) -> Bytes {
    let mut out = BytesMut::with_capacity(24);
    out.put_i16(VALUE_VERSION);
    out.put_i64(committed.offset);
    out.put_i32(committed.leader_epoch);
    put_text(&mut out, "");
    out.put_i64(committed.commit_ms);
    out.freeze()
}

/// Reads a key; `None` if it names something else than a commit.
pub fn decode_key(mut bytes: &[u8]) -> Option<OffsetKey> {
    let bytes = &mut bytes;
    // Versions 0 and 1 are alike; 2 is a group's members.
    if !(0..=KEY_VERSION).contains(&i16::from_be_bytes(take(bytes)?)) {
        return None;
    }
    let group = take_text(bytes)?.to_owned();
    let topic = take_text(bytes)?;
    let partition = i32::from_be_bytes(take(bytes)?);
    Some(OffsetKey { group, partition: TopicPartition::new(topic, partition) })
}

/// Reads a value.
pub fn decode_value(mut bytes: &[u8]) -> Option<CommittedOffset> {
    let bytes = &mut bytes;
    if i16::from_be_bytes(take(bytes)?) != VALUE_VERSION {
        return None;
    }
    let offset = i64::from_be_bytes(take(bytes)?);
    let leader_epoch = i32::from_be_bytes(take(bytes)?);
    let _metadata = take_text(bytes)?;
    Some(CommittedOffset { offset, leader_epoch, commit_ms: i64::from_be_bytes(take(bytes)?) })
}

fn put_text(out: &mut BytesMut, text: &str) {
    out.put_i16(text.len() as i16);
    out.put_slice(text.as_bytes());
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*taken)
}

fn take_text<'a>(bytes: &mut &'a [u8]) -> Option<&'a str> {
    let len = usize::try_from(i16::from_be_bytes(take(bytes)?)).ok()?;
    let (taken, rest) = bytes.split_at_checked(len)?;
    *bytes = rest;
    std::str::from_utf8(taken).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_has_the_bytes_of_key_version_1_and_value_version_3() {
        let partition = TopicPartition::new("t", 5);
        let key = encode_key("gr", &partition);
        assert_eq!(key, [0, 1, 0, 2, b'g', b'r', 0, 1, b't', 0, 0, 0, 5][..]);
        let committed = CommittedOffset { offset: 258, leader_epoch: 1, commit_ms: 7 };
        let value = encode_value(&committed);
        let expected = [0, 3, 0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7];
        assert_eq!(value, expected[..]);
        assert_eq!(decode_key(&key), Some(OffsetKey { group: "gr".to_owned(), partition }));
        assert_eq!(decode_value(&value), Some(committed));
        assert_eq!(decode_key(&[0, 2, 0, 1, b'g']), None, "a group's members");
    }
}
