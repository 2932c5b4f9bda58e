//! The coordinator of consumer groups: members, and commits. The leader of a partition of
//! `__consumer_offsets` coordinates the groups that hash to it.
//!
//! Simplified: `__consumer_offsets` gets no more replicas than there are brokers, as the
//! quick-start configuration of a single broker says (`offsets.topic.replication.factor=1`).

use super::life::Ticket;
use super::produce::Completion;
use super::server::{Call, Server};
use crate::kafka::command::ApiError;
use crate::kafka::error::{ErrorCode, client_error};
use crate::kafka::event::{Event, TopicPartition};
use crate::kafka::group::{CommittedOffset, Group, Member, partition_for, records};
use crate::kafka::log::LogScan;
use crate::kafka::message::Response;
use crate::kafka::message::request::OffsetCommit;
use crate::kafka::message::response::{DescribedGroup, Joined};
use crate::kafka::metadata::OFFSETS_TOPIC;
use crate::kafka::now_ms;
use crate::kafka::process::Out;
use crate::kafka::record::Records;
use crate::kafka::record::builder::{BatchBuilder, Fields, ProducerStamp};
use crate::sim::{NodeId, Rope, Span};
use bytes::Bytes;
use std::rc::Rc;

/// An offset that was written.
pub type Written = (TopicPartition, CommittedOffset);

/// How long a commit may wait for replicas (`offsets.commit.timeout.ms`).
const COMMIT_TIMEOUT: Span = Span::seconds(5);

impl Server {
    // ---- loading ----

    /// Begins to read a partition of `__consumer_offsets` that this broker leads now.
    pub(super) fn load_offsets_of(&mut self, partition: i32, out: &mut Out<'_>) {
        let key = TopicPartition::new(OFFSETS_TOPIC, partition);
        let Some(found) = self.partitions.get(&key) else { return };
        if found.log.log_end() > found.log.log_start() {
            self.loading.insert(partition, LogScan::of(&found.log));
            self.read_offsets(partition, out);
        }
    }

    /// Another broker coordinates the groups of a partition of `__consumer_offsets` now.
    pub(super) fn unload_offsets_of(&mut self, partition: i32) {
        self.loading.remove(&partition);
        let count = self.image.topics.get(OFFSETS_TOPIC).map_or(0, |t| t.partitions.len() as i32);
        self.groups.forget(|id| partition_for(id, count.max(1)) == partition);
    }

    fn read_offsets(&mut self, partition: i32, out: &mut Out<'_>) {
        let Some(scan) = self.loading.get_mut(&partition) else { return };
        match scan.next_read() {
            Some((file, from, len)) => {
                out.read(&file, from, len, Ticket::LoadOffsets { partition });
            }
            None => drop(self.loading.remove(&partition)),
        }
    }

    /// Bytes of a partition of `__consumer_offsets` have come.
    pub(super) fn offsets_read(&mut self, partition: i32, bytes: Rope, out: &mut Out<'_>) {
        let Some(scan) = self.loading.get_mut(&partition) else { return };
        for (_, batch) in scan.take(bytes) {
            for record in Records::of(&batch).into_iter().flatten() {
                if let Some(key) = record.key.and_then(records::decode_key) {
                    self.groups.replay(key, record.value.and_then(records::decode_value));
                }
            }
        }
        self.read_offsets(partition, out);
    }

    /// The partition of a group, if this broker coordinates it and knows what it holds.
    fn coordinated(&self, group: &str) -> Result<TopicPartition, ErrorCode> {
        let Some(offsets) = self.image.topics.get(OFFSETS_TOPIC) else {
            return Err(ErrorCode::CoordinatorNotAvailable);
        };
        let number = partition_for(group, offsets.partitions.len() as i32);
        let partition = TopicPartition::new(OFFSETS_TOPIC, number);
        if self.partitions.get(&partition).is_none_or(|found| found.leadership().is_none()) {
            return Err(ErrorCode::NotCoordinator);
        }
        match self.loading.contains_key(&number) {
            true => Err(ErrorCode::CoordinatorLoadInProgress),
            false => Ok(partition),
        }
    }

    // ---- members ----

    pub(super) fn find_coordinator(&mut self, call: &Call, group: &str, out: &mut Out<'_>) {
        if !self.image.topics.contains_key(OFFSETS_TOPIC) {
            self.make_by_itself(OFFSETS_TOPIC.into(), out);
        }
        let found = match self.coordinated(group) {
            // Who loads is the coordinator nevertheless.
            Ok(_) | Err(ErrorCode::CoordinatorLoadInProgress) => Ok((self.id, self.node)),
            Err(ErrorCode::NotCoordinator) => self.coordinator_elsewhere(group),
            Err(error) => Err(error),
        };
        call.answer(Response::FindCoordinator(found), out);
    }

    fn coordinator_elsewhere(&self, group: &str) -> Result<(i32, NodeId), ErrorCode> {
        let offsets = self.image.topics.get(OFFSETS_TOPIC);
        let partitions = offsets.map_or(&[][..], |topic| &topic.partitions);
        let number = partition_for(group, partitions.len().max(1) as i32);
        let leader = partitions.get(number as usize).and_then(|partition| partition.leader);
        let broker = leader.and_then(|id| Some((id, self.image.brokers.get(&id)?)));
        let (id, broker) = broker.ok_or(ErrorCode::CoordinatorNotAvailable)?;
        Ok((id, broker.node))
    }

    pub(super) fn join_group(
        &mut self,
        call: &Call,
        group: &Rc<str>,
        member: &Rc<str>,
        out: &mut Out<'_>,
    ) {
        let joined = self.join(call, group, member, out);
        call.answer(Response::JoinGroup(joined), out);
    }

    fn join(
        &mut self,
        call: &Call,
        group: &Rc<str>,
        member: &Rc<str>,
        out: &mut Out<'_>,
    ) -> Result<Joined, ApiError> {
        if group.is_empty() {
            return Err(ErrorCode::InvalidGroupId.error());
        }
        self.coordinated(group).map_err(ErrorCode::error)?;
        let found = self.groups.get_or_make(group);
        if found.member.as_ref().is_some_and(|other| other.node != call.from) {
            return Err(client_error(
                "NotHereYet",
                format!(
                    "not here yet: a second member of group {group} (the group protocol comes \
                     with consumer groups)"
                ),
            ));
        }
        let id: Rc<str> = match member.is_empty() {
            false => member.clone(),
            true => format!("{}-{}", call.client, uuid_text(out)).into(),
        };
        found.generation += 1;
        found.member = Some(Member {
            id: id.clone(),
            client: call.client.clone(),
            node: call.from,
            assignment: None,
        });
        Ok(Joined { member: id, generation: found.generation })
    }

    pub(super) fn sync_group(
        &mut self,
        call: &Call,
        (group, member, generation): (&str, &str, i32),
        assignment: Vec<TopicPartition>,
        out: &mut Out<'_>,
    ) {
        let result = self.coordinated(group).and_then(|_| {
            let found = self.groups.get_mut(group).ok_or(ErrorCode::UnknownMemberId)?;
            let current = found.member.as_mut().filter(|current| *current.id == *member);
            let current = current.ok_or(ErrorCode::UnknownMemberId)?;
            if found.generation != generation {
                return Err(ErrorCode::IllegalGeneration);
            }
            current.assignment = Some(assignment);
            Ok(())
        });
        call.answer(Response::SyncGroup(result), out);
    }

    pub(super) fn leave_group(
        &mut self,
        call: &Call,
        group: &str,
        member: &str,
        out: &mut Out<'_>,
    ) {
        let result = self.coordinated(group).and_then(|_| {
            let found = self.groups.get_mut(group).ok_or(ErrorCode::UnknownMemberId)?;
            match found.member.take_if(|current| *current.id == *member) {
                Some(_) => Ok(()),
                None => Err(ErrorCode::UnknownMemberId),
            }
        });
        call.answer(Response::LeaveGroup(result), out);
    }

    // ---- offsets ----

    pub(super) fn offset_commit(&mut self, call: Call, commit: OffsetCommit, out: &mut Out<'_>) {
        let allowed = self.coordinated(&commit.group).and_then(|partition| {
            let unknown = Group::default();
            let group = self.groups.get(&commit.group).unwrap_or(&unknown);
            group.check_commit(&commit.member, commit.generation)?;
            Ok(partition)
        });
        let partition = match allowed {
            Ok(partition) => partition,
            Err(error) => {
                let all = commit.offsets.into_iter().map(|(tp, _)| (tp, Err(error)));
                return call.answer(Response::OffsetCommit(all.collect()), out);
            }
        };
        let time = now_ms(out.now());
        let (mut offsets, mut refused) = (Vec::new(), Vec::new());
        for (tp, offset) in commit.offsets {
            match self.image.partition(&tp) {
                None => refused.push((tp, ErrorCode::UnknownTopicOrPartition)),
                Some(_) => {
                    let committed = CommittedOffset { offset, leader_epoch: -1, commit_ms: time };
                    offsets.push((tp, committed));
                }
            }
        }
        let completion = Completion::Commit { call, group: commit.group.clone(), offsets, refused };
        let Completion::Commit { offsets, .. } = &completion else { return };
        if offsets.is_empty() {
            return self.append_all(-1, COMMIT_TIMEOUT, Vec::new(), completion, out);
        }
        let entries = offsets.iter().map(|(tp, committed)| {
            (records::encode_key(&commit.group, tp), Some(records::encode_value(committed)))
        });
        let batch = batch_of(entries, time);
        self.append_all(-1, COMMIT_TIMEOUT, vec![(partition, batch)], completion, out);
    }

    /// The record of a commit is in the log, or could not be brought there.
    pub(super) fn committed(
        &mut self,
        call: &Call,
        group: &Rc<str>,
        (offsets, refused): (Vec<Written>, Vec<(TopicPartition, ErrorCode)>),
        written: Result<(), ErrorCode>,
        out: &mut Out<'_>,
    ) {
        // As the real coordinator translates what may go wrong with its append.
        let written = written.map_err(|error| match error {
            ErrorCode::UnknownTopicOrPartition
            | ErrorCode::NotEnoughReplicas
            | ErrorCode::NotEnoughReplicasAfterAppend
            | ErrorCode::RequestTimedOut => ErrorCode::CoordinatorNotAvailable,
            ErrorCode::NotLeaderOrFollower => ErrorCode::NotCoordinator,
            other => other,
        });
        let mut outcomes = Vec::new();
        for (partition, committed) in offsets {
            if written.is_ok() {
                let known = &mut self.groups.get_or_make(group).offsets;
                known.insert(partition.clone(), committed);
                out.emit(Event::OffsetCommitted {
                    group: group.clone(),
                    partition: partition.clone(),
                    offset: committed.offset,
                });
            }
            outcomes.push((partition, written));
        }
        outcomes.extend(refused.into_iter().map(|(partition, error)| (partition, Err(error))));
        call.answer(Response::OffsetCommit(outcomes), out);
    }

    pub(super) fn offset_fetch(
        &self,
        call: &Call,
        group: &str,
        partitions: Option<Vec<TopicPartition>>,
        out: &mut Out<'_>,
    ) {
        let result = self.coordinated(group).map(|_| {
            let Some(found) = self.groups.get(group) else { return Vec::new() };
            let all = || found.offsets.keys().cloned().collect();
            let wanted = partitions.unwrap_or_else(all).into_iter();
            let found = wanted.filter_map(|tp| {
                let offset = found.offsets.get(&tp)?.offset;
                Some((tp, offset))
            });
            found.collect()
        });
        call.answer(Response::OffsetFetch(result), out);
    }

    /// Forgets what groups committed for partitions that are gone.
    pub(super) fn forget_offsets(
        &mut self,
        gone: impl Fn(&TopicPartition) -> bool,
        out: &mut Out<'_>,
    ) {
        let found = self.groups.iter().map(|(id, group)| {
            let keys = group.offsets.keys().filter(|key| gone(key)).cloned();
            (id.clone(), keys.collect::<Vec<_>>())
        });
        let found: Vec<_> = found.filter(|(_, keys)| !keys.is_empty()).collect();
        for (id, keys) in found {
            let Ok(partition) = self.coordinated(&id) else { continue };
            let tombstones = keys.iter().map(|key| (records::encode_key(&id, key), None));
            let batch = batch_of(tombstones, now_ms(out.now()));
            if let Some(group) = self.groups.get_mut(&id) {
                group.offsets.retain(|key, _| !keys.contains(key));
            }
            let batches = vec![(partition, batch)];
            self.append_all(-1, COMMIT_TIMEOUT, batches, Completion::Nothing, out);
        }
    }

    // ---- tools ----

    pub(super) fn list_groups(&self, call: &Call, out: &mut Out<'_>) {
        let result = match self.loading.is_empty() {
            true => Ok(self.groups.iter().map(|(id, _)| id.clone()).collect()),
            false => Err(ErrorCode::CoordinatorLoadInProgress),
        };
        call.answer(Response::ListGroups(result), out);
    }

    pub(super) fn describe_group(&self, call: &Call, group: &str, out: &mut Out<'_>) {
        let result = self.coordinated(group).and_then(|_| {
            let found = self.groups.get(group).ok_or(ErrorCode::GroupIdNotFound)?;
            let members = found.member.iter().map(|member| {
                let assignment = member.assignment.clone().unwrap_or_default();
                (member.id.clone(), member.client.clone(), assignment)
            });
            let assignor = if found.state() == "Stable" { "range" } else { "" };
            Ok(DescribedGroup {
                state: found.state().to_owned(),
                assignor: assignor.to_owned(),
                members: members.collect(),
            })
        });
        call.answer(Response::DescribeGroups(result), out);
    }

    pub(super) fn delete_group(&mut self, call: Call, group: &Rc<str>, out: &mut Out<'_>) {
        let checked = self.coordinated(group).and_then(|partition| {
            let found = self.groups.get(group).ok_or(ErrorCode::GroupIdNotFound)?;
            match &found.member {
                Some(_) => Err(ErrorCode::NonEmptyGroup),
                None => Ok((partition, found.offsets.keys().cloned().collect::<Vec<_>>())),
            }
        });
        match checked {
            Err(error) => call.answer(Response::DeleteGroups(Err(error)), out),
            Ok((partition, keys)) => {
                let tombstones = keys.iter().map(|key| (records::encode_key(group, key), None));
                let batches = match keys.is_empty() {
                    true => Vec::new(),
                    false => vec![(partition, batch_of(tombstones, now_ms(out.now())))],
                };
                let completion = Completion::DeleteGroup { call, group: group.clone() };
                self.append_all(-1, COMMIT_TIMEOUT, batches, completion, out);
            }
        }
    }
}

/// A batch of keys with values or tombstones.
fn batch_of(entries: impl Iterator<Item = (Bytes, Option<Bytes>)>, time: i64) -> Bytes {
    let mut builder = BatchBuilder::new(0, 0);
    for (key, value) in entries {
        builder.push(time, &Fields { key: Some(&key), value: value.as_deref(), headers: &[] });
    }
    builder.close(ProducerStamp::NONE)
}

/// A random UUID in the usual form: `8-4-4-4-12` digits.
fn uuid_text(out: &mut Out<'_>) -> String {
    let bits = u128::from_be_bytes(crate::kafka::controller::active::draw_id(out.random()).0);
    let hex = format!("{bits:032x}");
    let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
    parts.join("-")
}
