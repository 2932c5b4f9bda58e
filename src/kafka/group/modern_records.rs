//! The records of a group of the consumer protocol in `__consumer_offsets`, in the real format:
//! its epoch (key version 3), each member (5), the epoch of the target (6), each member's target
//! (7), and where each member is on its way (8). A new coordinator has the group from them. Those
//! of a share group have keys of their own (11, 10, 12, 13, 14), and say less of a member.
//!
//! Simplified: a heartbeat is answered before its records are replicated.

use super::modern::{ModernGroup, ModernMember};
use super::reconcile::{MemberState, Progress};
use super::records::{put_text as put_key_text, take, take_text};
use crate::kafka::assignor::Assignor;
use crate::kafka::event::TopicPartition;
use crate::kafka::message::response::TopicId;
use crate::kafka::record::flexible::{Reader, put_text, put_uvarint};
use crate::sim::{Span, Time};
use bytes::{BufMut, Bytes, BytesMut};
use std::rc::Rc;

const GROUP: i16 = 3;
const MEMBER: i16 = 5;
const TARGET: i16 = 6;
const MEMBER_TARGET: i16 = 7;
const MEMBER_CURRENT: i16 = 8;

/// The same of a share group.
const SHARES: [(i16, i16); 5] =
    [(GROUP, 11), (MEMBER, 10), (TARGET, 12), (MEMBER_TARGET, 13), (MEMBER_CURRENT, 14)];

/// The version of a share group's key.
fn of_share(version: i16) -> i16 {
    let found = SHARES.iter().find(|(known, _)| *known == version);
    found.map_or(version, |(_, share)| *share)
}

/// What a version says, and whether of a share group.
fn meaning(version: i16) -> Option<(i16, bool)> {
    SHARES.iter().find_map(|(known, share)| match version {
        v if v == *known => Some((*known, false)),
        v if v == *share => Some((*known, true)),
        _ => None,
    })
}

/// A key and its value.
pub type Entry = (Bytes, Bytes);

fn key(version: i16, group: &str, member: Option<&str>) -> Bytes {
    let mut out = BytesMut::new();
    out.put_i16(version);
    put_key_text(&mut out, group);
    if let Some(member) = member {
        put_key_text(&mut out, member);
    }
    out.freeze()
}

/// A value of version 0; its tagged fields are none.
fn value(write: impl FnOnce(&mut BytesMut)) -> Bytes {
    let mut out = BytesMut::new();
    out.put_i16(0);
    write(&mut out);
    put_uvarint(&mut out, 0);
    out.freeze()
}

/// Partitions under the ids of their topics.
fn put_partitions(
    out: &mut BytesMut,
    partitions: &[TopicPartition],
    id_of: &dyn Fn(&str) -> Option<TopicId>,
) {
    let mut topics: Vec<(TopicId, Vec<i32>)> = Vec::new();
    for partition in partitions {
        let Some(id) = id_of(&partition.topic) else { continue };
        match topics.iter_mut().find(|(known, _)| *known == id) {
            Some((_, numbers)) => numbers.push(partition.partition),
            None => topics.push((id, vec![partition.partition])),
        }
    }
    put_uvarint(out, topics.len() as u32 + 1);
    for (id, numbers) in topics {
        out.put_slice(&id.0);
        put_uvarint(out, numbers.len() as u32 + 1);
        numbers.iter().for_each(|number| out.put_i32(*number));
        put_uvarint(out, 0);
    }
}

fn take_partitions(
    from: &mut Reader<'_>,
    name_of: &dyn Fn(&TopicId) -> Option<Rc<str>>,
) -> Option<Vec<TopicPartition>> {
    let mut partitions = Vec::new();
    for _ in 1..from.uvarint()? {
        let topic = name_of(&TopicId(from.take()?));
        for _ in 1..from.uvarint()? {
            let partition = i32::from_be_bytes(from.take()?);
            // Of a topic that is gone nothing is left.
            partitions.extend(topic.clone().map(|topic| TopicPartition { topic, partition }));
        }
        from.uvarint()?;
    }
    Some(partitions)
}

/// The keys of the records that a group without members has.
pub fn group_keys(group: &str, is_share: bool) -> [Bytes; 2] {
    [GROUP, TARGET]
        .map(|version| key(if is_share { of_share(version) } else { version }, group, None))
}

/// All records of a group.
pub fn encode(
    id: &str,
    group: &ModernGroup,
    id_of: &dyn Fn(&str) -> Option<TopicId>,
) -> Vec<Entry> {
    let is_share = group.is_share();
    let [of_group, of_target] = group_keys(id, is_share);
    let mut entries = vec![(of_group, value(|out| out.put_i32(group.epoch)))];
    let assignment = value(|out| out.put_i32(group.assignment_epoch));
    entries.push((of_target, assignment));
    for member in &group.members {
        let about = value(|out| {
            if !is_share {
                put_text(out, member.instance.as_deref());
            }
            put_text(out, None);
            put_text(out, Some(&member.client));
            put_text(out, Some("/127.0.0.1"));
            put_uvarint(out, member.topics.len() as u32 + 1);
            member.topics.iter().for_each(|topic| put_text(out, Some(topic)));
            if is_share {
                return;
            }
            put_text(out, None);
            out.put_i32(member.rebalance_timeout.as_millis() as i32);
            put_text(out, member.assignor.map(Assignor::name));
        });
        let target = value(|out| put_partitions(out, &member.target, id_of));
        let progress = &member.progress;
        let current = value(|out| {
            out.put_i32(progress.epoch);
            out.put_i32(member.previous_epoch);
            out.put_i8(progress.state as i8);
            put_partitions(out, &progress.assigned, id_of);
            if !is_share {
                put_partitions(out, &progress.revoking, id_of);
            }
        });
        let of =
            |version| key(if is_share { of_share(version) } else { version }, id, Some(&member.id));
        entries.push((of(MEMBER), about));
        entries.push((of(MEMBER_TARGET), target));
        entries.push((of(MEMBER_CURRENT), current));
    }
    entries
}

/// The group that a key is of; `None` if it names something else.
pub fn group_of(key: &[u8]) -> Option<&str> {
    let mut from = key;
    meaning(i16::from_be_bytes(take(&mut from)?))?;
    take_text(&mut from)
}

/// True for the key of a group itself.
pub fn is_group(key: &[u8]) -> bool {
    [GROUP, of_share(GROUP)].iter().any(|version| key.starts_with(&version.to_be_bytes()))
}

impl ModernGroup {
    /// What a record of the log says; without a value something is forgotten. Sessions of members
    /// last until `heard_by`.
    pub fn replay(
        &mut self,
        key: &[u8],
        value: Option<&[u8]>,
        name_of: &dyn Fn(&TopicId) -> Option<Rc<str>>,
        heard_by: Time,
    ) -> Option<()> {
        let mut key = key;
        let (version, is_share) = meaning(i16::from_be_bytes(take(&mut key)?))?;
        take_text(&mut key)?;
        self.shares |= is_share;
        if matches!(version, GROUP | TARGET) {
            let epoch =
                value.and_then(|value| Some(i32::from_be_bytes(*value.get(2..)?.first_chunk()?)));
            match version {
                GROUP => self.epoch = epoch.unwrap_or(0),
                _ => self.assignment_epoch = epoch.unwrap_or(0),
            }
            return Some(());
        }
        let id = take_text(&mut key)?;
        let Some(value) = value else {
            if version == MEMBER {
                self.members.retain(|member| *member.id != *id);
            }
            return Some(());
        };
        let mut from = Reader(value.get(2..)?);
        let at = self.members.iter().position(|member| *member.id == *id);
        let at = at.unwrap_or_else(|| {
            self.members.push(ModernMember::silent(id.into(), heard_by));
            self.members.len() - 1
        });
        let member = &mut self.members[at];
        match version {
            MEMBER => {
                if !is_share {
                    member.instance = from.maybe_text()?.map(Into::into);
                }
                let _rack = from.maybe_text()?;
                member.client = from.text()?.into();
                let _host = from.text()?;
                member.topics.clear();
                for _ in 1..from.uvarint()? {
                    member.topics.push(from.text()?.into());
                }
                if is_share {
                    member.assignor = Some(Assignor::Simple);
                    return Some(());
                }
                let _expression = from.maybe_text()?;
                member.rebalance_timeout = Span::millis(u32::from_be_bytes(from.take()?).into());
                member.assignor = from.maybe_text()?.and_then(Assignor::of_server);
            }
            MEMBER_TARGET => member.target = take_partitions(&mut from, name_of)?,
            _ => {
                let epoch = i32::from_be_bytes(from.take()?);
                member.previous_epoch = i32::from_be_bytes(from.take()?);
                let state = match i8::from_be_bytes(from.take()?) {
                    1 => MemberState::Unrevoked,
                    2 => MemberState::Unreleased,
                    _ => MemberState::Stable,
                };
                let assigned = take_partitions(&mut from, name_of)?;
                let revoking = match is_share {
                    true => Vec::new(),
                    false => take_partitions(&mut from, name_of)?,
                };
                member.progress = Progress { state, epoch, assigned, revoking };
            }
        }
        Some(())
    }
}

/// What is to be written so that the log has these records, where it had others: new values, and
/// tombstones for what is gone.
pub fn changes(had: &[Entry], has: &[Entry]) -> Vec<(Bytes, Option<Bytes>)> {
    let fresh = has.iter().filter(|entry| !had.contains(entry));
    let fresh = fresh.map(|(key, value)| (key.clone(), Some(value.clone())));
    let gone = had.iter().filter(|(key, _)| !has.iter().any(|(other, _)| other == key));
    fresh.chain(gone.map(|(key, _)| (key.clone(), None))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_comes_back_from_its_records() {
        let topic: Rc<str> = "t".into();
        let mut member = ModernMember::silent("m-1".into(), Time::ZERO);
        member.client = "c".into();
        member.topics = vec![topic.clone()];
        member.target = vec![TopicPartition::new("t", 0), TopicPartition::new("t", 2)];
        member.progress = Progress {
            state: MemberState::Unreleased,
            epoch: 4,
            assigned: vec![TopicPartition::new("t", 0)],
            revoking: vec![TopicPartition::new("t", 1)],
        };
        let group = ModernGroup {
            epoch: 5,
            assignment_epoch: 5,
            members: vec![member],
            ..ModernGroup::default()
        };
        let id = TopicId([7; 16]);
        let entries = encode("g", &group, &|_| Some(id));
        // ConsumerGroupMetadataKey is version 3 and the group; its value version 0 and the epoch.
        assert_eq!(entries[0].0, [0, 3, 0, 1, b'g'][..]);
        assert_eq!(entries[0].1, [0, 0, 0, 0, 0, 5, 0][..]);
        let mut back = ModernGroup::default();
        for (key, value) in &entries {
            assert_eq!(group_of(key), Some("g"));
            let name_of = |_: &TopicId| Some(topic.clone());
            back.replay(key, Some(value), &name_of, Time::ZERO).expect("it is whole");
        }
        assert_eq!(encode("g", &back, &|_| Some(id)), entries);
        let mut shared = ModernGroup { shares: true, ..group.clone() };
        shared.members[0].assignor = Some(Assignor::Simple);
        shared.members[0].progress.revoking.clear();
        let of_share = encode("s", &shared, &|_| Some(id));
        assert_eq!(of_share[0].0, [0, 11, 0, 1, b's'][..]);
        let mut restored = ModernGroup::default();
        for (key, value) in &of_share {
            let name_of = |_: &TopicId| Some(topic.clone());
            restored.replay(key, Some(value), &name_of, Time::ZERO).expect("it is whole");
        }
        assert!(restored.is_share());
        assert_eq!(encode("s", &restored, &|_| Some(id)), of_share);
        assert_eq!(changes(&entries, &entries), []);
        back.members.clear();
        let left = encode("g", &back, &|_| Some(id));
        assert_eq!(changes(&entries, &left).len(), 3, "three tombstones for one member");
    }
}
