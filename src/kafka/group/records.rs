//! The records of `__consumer_offsets`, in the real format.

use super::classic::{ClassicGroup, Member, State};
use super::groups::CommittedOffset;
use super::subscription::{Subscription, decode_assignment, encode_assignment};
use crate::kafka::assignor::Assignor;
use crate::kafka::event::TopicPartition;
use crate::sim::{Span, Time};
use bytes::{BufMut, Bytes, BytesMut};

/// Version of the key of an offset commit.
const KEY_VERSION: i16 = 1;
/// Version of its value.
const VALUE_VERSION: i16 = 3;
/// Version of the key of a group's members.
const MEMBERS_KEY_VERSION: i16 = 2;
/// Version of their value: the first with instance ids.
const MEMBERS_VALUE_VERSION: i16 = 3;

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

/// The key of a group's members.
pub fn encode_members_key(group: &str) -> Bytes {
    let mut out = BytesMut::with_capacity(4 + group.len());
    out.put_i16(MEMBERS_KEY_VERSION);
    put_text(&mut out, group);
    out.freeze()
}

/// Reads the key of a group's members; `None` if it names something else.
pub fn decode_members_key(mut bytes: &[u8]) -> Option<&str> {
    let version = i16::from_be_bytes(take(&mut bytes)?);
    if version == MEMBERS_KEY_VERSION { take_text(&mut bytes) } else { None }
}

/// The members of a group, as `GroupMetadataValue` has them.
pub fn encode_members(group: &ClassicGroup, time: i64) -> Bytes {
    let mut out = BytesMut::new();
    let maybe = |out: &mut BytesMut, text: Option<&str>| match text {
        Some(text) => put_text(out, text),
        None => out.put_i16(-1),
    };
    out.put_i16(MEMBERS_VALUE_VERSION);
    put_text(&mut out, "consumer");
    out.put_i32(group.generation);
    maybe(&mut out, group.protocol.map(Assignor::name));
    maybe(&mut out, group.leader.as_deref());
    out.put_i64(time);
    out.put_i32(group.members.len() as i32);
    for member in &group.members {
        put_text(&mut out, &member.id);
        maybe(&mut out, member.instance.as_deref());
        put_text(&mut out, &member.client);
        put_text(&mut out, "/127.0.0.1");
        out.put_i32(member.rebalance_timeout.as_millis() as i32);
        out.put_i32(member.session_timeout.as_millis() as i32);
        for part in [member.subscription.encode(), encode_assignment(&member.assignment)] {
            out.put_i32(part.len() as i32);
            out.put_slice(&part);
        }
    }
    out.freeze()
}

/// Reads the members of a group, and when they were written. Sessions begin anew at `now`.
pub fn decode_members(mut bytes: &[u8], now: Time) -> Option<(ClassicGroup, i64)> {
    let bytes = &mut bytes;
    if i16::from_be_bytes(take(bytes)?) != MEMBERS_VALUE_VERSION {
        return None;
    }
    let _protocol_type = take_text(bytes)?;
    let generation = i32::from_be_bytes(take(bytes)?);
    let protocol = take_maybe(bytes)?.and_then(Assignor::of_client);
    let leader = take_maybe(bytes)?.map(Into::into);
    let time = i64::from_be_bytes(take(bytes)?);
    let mut members = Vec::new();
    for _ in 0..i32::from_be_bytes(take(bytes)?) {
        let id = take_text(bytes)?.into();
        let instance = take_maybe(bytes)?.map(Into::into);
        let client = take_text(bytes)?.into();
        let _host = take_text(bytes)?;
        let rebalance_timeout = Span::millis(u32::from_be_bytes(take(bytes)?).into());
        let session_timeout = Span::millis(u32::from_be_bytes(take(bytes)?).into());
        let subscription = Subscription::decode(take_bytes(bytes)?)?;
        let assignment = decode_assignment(take_bytes(bytes)?)?;
        members.push(Member {
            id,
            instance,
            client,
            session_timeout,
            rebalance_timeout,
            protocols: protocol.into_iter().collect(),
            subscription,
            assignment,
            joining: None,
            syncing: None,
            has_synced: true,
            heard_by: now + session_timeout,
        });
    }
    let state = if members.is_empty() { State::Empty } else { State::Stable };
    let group =
        ClassicGroup { state, generation, protocol, leader, members, ..ClassicGroup::default() };
    Some((group, time))
}

fn take_maybe<'a>(bytes: &mut &'a [u8]) -> Option<Option<&'a str>> {
    match bytes.first_chunk() {
        Some([255, 255]) => take::<2>(bytes).map(|_| None),
        _ => take_text(bytes).map(Some),
    }
}

fn take_bytes<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let len = usize::try_from(i32::from_be_bytes(take(bytes)?)).ok()?;
    let (taken, rest) = bytes.split_at_checked(len)?;
    *bytes = rest;
    Some(taken)
}

pub(super) fn put_text(out: &mut BytesMut, text: &str) {
    out.put_i16(text.len() as i16);
    out.put_slice(text.as_bytes());
}

pub(super) fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*taken)
}

pub(super) fn take_text<'a>(bytes: &mut &'a [u8]) -> Option<&'a str> {
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
