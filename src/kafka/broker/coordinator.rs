//! The coordinator of consumer groups: what it loads, commits, and what the tools ask of it.
//! The leader of a partition of `__consumer_offsets` coordinates the groups that hash to it.
//!
//! Simplified: `__consumer_offsets` gets no more replicas than there are brokers, as the
//! quick-start configuration of a single broker says (`offsets.topic.replication.factor=1`).

use super::life::Ticket;
use super::produce::Completion;
use super::server::{Call, Server};
use crate::kafka::command::GroupType;
use crate::kafka::error::ErrorCode;
use crate::kafka::event::{Event, TopicPartition};
use crate::kafka::group::{CommittedOffset, Group, Kind, modern_records, partition_for, records};
use crate::kafka::log::LogScan;
use crate::kafka::log::transactions::Marker;
use crate::kafka::message::Response;
use crate::kafka::message::request::{OffsetAndEpoch, OffsetCommit};
use crate::kafka::message::response::TopicId;
use crate::kafka::metadata::{OFFSETS_TOPIC, SHARE_STATE_TOPIC, TRANSACTIONS_TOPIC};
use crate::kafka::now_ms;
use crate::kafka::process::{Out, Timer};
use crate::kafka::protection::Protection;
use crate::kafka::record::Records;
use crate::kafka::record::builder::{BatchBuilder, Fields, ProducerStamp};
use crate::sim::{NodeId, Rope, Span};
use bytes::Bytes;
use std::rc::Rc;

/// An offset that was written.
pub type Written = (TopicPartition, CommittedOffset);

/// How long a commit may wait for replicas (`offsets.commit.timeout.ms`).
pub(super) const OFFSETS_COMMIT_TIMEOUT: Span = Span::seconds(5);

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
        let count = self.coordinating_partitions(OFFSETS_TOPIC);
        self.groups.forget(|id| partition_for(id, count) == partition);
    }

    fn read_offsets(&mut self, partition: i32, out: &mut Out<'_>) {
        let Some(scan) = self.loading.get_mut(&partition) else { return };
        match scan.next_read() {
            Some((file, from, len)) => {
                out.read(&file, from, len, Ticket::LoadOffsets { partition });
            }
            None => {
                self.loading.remove(&partition);
                self.groups_loaded(out);
            }
        }
    }

    /// Bytes of a partition of `__consumer_offsets` have come.
    pub(super) fn offsets_read(&mut self, partition: i32, bytes: Rope, out: &mut Out<'_>) {
        let Some(scan) = self.loading.get_mut(&partition) else { return };
        for (header, batch) in scan.take(bytes) {
            if let Some(marker) = Marker::of(&batch).filter(|_| header.is_control()) {
                let count = self.image.topics.get(OFFSETS_TOPIC).map_or(1, |t| t.partitions.len());
                let is_here = |group: &str| partition_for(group, count as i32) == partition;
                self.groups.decide(header.producer_id, marker.commits, is_here);
                continue;
            }
            for record in Records::of(&batch).into_iter().flatten() {
                let Some(bytes) = record.key else { continue };
                if let Some(key) = records::decode_key(bytes) {
                    let committed = record.value.and_then(records::decode_value);
                    match (header.is_transactional(), committed) {
                        (true, Some(committed)) => {
                            let group: Rc<str> = key.group.into();
                            let producer = header.producer_id;
                            self.groups.promise(producer, &group, key.partition, committed);
                        }
                        (_, committed) => self.groups.replay(key, committed),
                    }
                } else if let Some(group) = modern_records::group_of(bytes) {
                    let heard_by = out.now() + self.config.consumer_session_timeout;
                    let image = &self.image;
                    let name_of = |id: &TopicId| image.name_of(id).cloned();
                    let id: Rc<str> = group.into();
                    if record.value.is_none() && self.groups.get(group).is_none() {
                        continue;
                    }
                    if let Ok(found) = self.groups.get_or_make(&id).as_modern() {
                        found.replay(bytes, record.value, &name_of, heard_by);
                    }
                    if record.value.is_none() && modern_records::is_group(bytes) {
                        self.groups.remove(&id);
                    }
                } else if let Some(group) = records::decode_members_key(bytes) {
                    let now = out.now();
                    let members = record.value.and_then(|v| records::decode_members(v, now));
                    self.groups.replay_members(&group.into(), members);
                }
            }
        }
        self.read_offsets(partition, out);
    }

    /// The partition of a group, if this broker coordinates it and knows what it holds.
    pub(super) fn coordinated(&self, group: &str) -> Result<TopicPartition, ErrorCode> {
        self.coordinated_by(OFFSETS_TOPIC, group)
    }

    /// The partition of an internal topic that a key hashes to, if this broker coordinates it and
    /// knows what it holds.
    pub(super) fn coordinated_by(
        &self,
        topic: &str,
        key: &str,
    ) -> Result<TopicPartition, ErrorCode> {
        if !self.image.topics.contains_key(topic) {
            return Err(ErrorCode::CoordinatorNotAvailable);
        }
        let number = partition_for(key, self.coordinating_partitions(topic));
        let partition = TopicPartition::new(topic, number);
        if self.partitions.get(&partition).is_none_or(|found| found.leadership().is_none()) {
            return Err(ErrorCode::NotCoordinator);
        }
        match self.is_loading(&partition) {
            true => Err(ErrorCode::CoordinatorLoadInProgress),
            false => Ok(partition),
        }
    }

    /// How many partitions an internal topic has.
    pub(super) fn coordinating_partitions(&self, topic: &str) -> i32 {
        let found = self.image.topics.get(topic);
        found.map_or(1, |topic| topic.partitions.len().max(1) as i32)
    }

    /// True while this broker reads what it coordinates by a partition.
    pub(super) fn is_loading(&self, key: &TopicPartition) -> bool {
        let loading = match &*key.topic {
            OFFSETS_TOPIC => &self.loading,
            TRANSACTIONS_TOPIC => &self.transactions.loading,
            SHARE_STATE_TOPIC => &self.share_states.loading,
            _ => return false,
        };
        loading.contains_key(&key.partition)
    }

    pub(super) fn find_coordinator(
        &mut self,
        call: &Call,
        topic: &str,
        key: &str,
        out: &mut Out<'_>,
    ) {
        if !self.image.topics.contains_key(topic) {
            self.make_by_itself(topic.into(), out);
        }
        let found = self.coordinator_of(topic, key);
        call.answer(Response::FindCoordinator(found), out);
    }

    /// Who coordinates a key of an internal topic.
    pub(super) fn coordinator_of(
        &self,
        topic: &str,
        key: &str,
    ) -> Result<(i32, NodeId), ErrorCode> {
        match self.coordinated_by(topic, key) {
            // Who loads is the coordinator nevertheless.
            Ok(_) | Err(ErrorCode::CoordinatorLoadInProgress) => Ok((self.id, self.node)),
            Err(ErrorCode::NotCoordinator) => self.coordinator_elsewhere(topic, key),
            Err(error) => Err(error),
        }
    }

    fn coordinator_elsewhere(&self, topic: &str, key: &str) -> Result<(i32, NodeId), ErrorCode> {
        let found = self.image.topics.get(topic);
        let partitions = found.map_or(&[][..], |topic| &topic.partitions);
        let number = partition_for(key, partitions.len().max(1) as i32);
        let leader = partitions.get(number as usize).and_then(|partition| partition.leader);
        let broker = leader.and_then(|id| Some((id, self.image.brokers.get(&id)?)));
        let (id, broker) = broker.ok_or(ErrorCode::CoordinatorNotAvailable)?;
        Ok((id, broker.node))
    }

    // ---- offsets ----

    pub(super) fn offset_commit(&mut self, call: Call, commit: OffsetCommit, out: &mut Out<'_>) {
        let allowed = self.coordinated(&commit.group).and_then(|partition| {
            let unknown = Group::default();
            let group = self.groups.get(&commit.group).unwrap_or(&unknown);
            let instance = commit.instance.as_ref();
            if !self.config.without.lacks(Protection::GenerationCheck) {
                group.check_commit((&commit.member, instance, commit.generation))?;
            }
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
        for (tp, OffsetAndEpoch { offset, epoch }) in commit.offsets {
            match self.image.partition(&tp) {
                None => refused.push((tp, ErrorCode::UnknownTopicOrPartition)),
                Some(_) => {
                    let committed =
                        CommittedOffset { offset, leader_epoch: epoch, commit_ms: time };
                    offsets.push((tp, committed));
                }
            }
        }
        let completion = Completion::Commit { call, group: commit.group.clone(), offsets, refused };
        let Completion::Commit { offsets, .. } = &completion else { return };
        if offsets.is_empty() {
            return self.append_all(-1, OFFSETS_COMMIT_TIMEOUT, Vec::new(), completion, out);
        }
        let entries = offsets.iter().map(|(tp, committed)| {
            (records::encode_key(&commit.group, tp), Some(records::encode_value(committed)))
        });
        let batch = batch_of(entries, time);
        self.append_all(-1, OFFSETS_COMMIT_TIMEOUT, vec![(partition, batch)], completion, out);
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
        let written = written.map_err(as_coordinator);
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
        require_stable: bool,
        out: &mut Out<'_>,
    ) {
        let result = self.coordinated(group).and_then(|_| {
            let Some(found) = self.groups.get(group) else { return Ok(Vec::new()) };
            let all = || found.offsets.keys().cloned().collect::<Vec<_>>();
            let wanted = partitions.unwrap_or_else(all);
            let is_open = |partition: &TopicPartition| self.groups.is_promised(group, partition);
            if require_stable && wanted.iter().any(is_open) {
                return Err(ErrorCode::UnstableOffsetCommit);
            }
            let found = wanted.into_iter().filter_map(|tp| {
                let CommittedOffset { offset, leader_epoch: epoch, .. } =
                    *found.offsets.get(&tp)?;
                Some((tp, OffsetAndEpoch { offset, epoch }))
            });
            Ok(found.collect())
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
            self.forget_offsets_of(&id, keys, out);
        }
    }

    fn forget_offsets_of(&mut self, id: &Rc<str>, keys: Vec<TopicPartition>, out: &mut Out<'_>) {
        let Ok(partition) = self.coordinated(id) else { return };
        let tombstones = keys.iter().map(|key| (records::encode_key(id, key), None));
        let batch = batch_of(tombstones, now_ms(out.now()));
        if let Some(group) = self.groups.get_mut(id) {
            group.offsets.retain(|key, _| !keys.contains(key));
        }
        let batches = vec![(partition, batch)];
        self.append_all(-1, OFFSETS_COMMIT_TIMEOUT, batches, Completion::Nothing, out);
    }

    /// Forgets offsets that are older than `offsets.retention.minutes`: of a group that has had
    /// members, counted from when it became empty; of topics that nobody of it reads any more, and
    /// of groups that only ever committed, from the commit. A group that keeps nothing goes too.
    pub(super) fn forget_old_offsets(&mut self, out: &mut Out<'_>) {
        out.timer(Timer::OldOffsets, self.config.offsets_retention_check);
        let horizon = now_ms(out.now()) - self.config.offsets_retention.as_millis() as i64;
        let found = self.groups.iter().map(|(id, group)| {
            let is_old = |(key, committed): &(&TopicPartition, &CommittedOffset)| {
                let since = match group.empty_since {
                    Some(since) => since.max(committed.commit_ms),
                    None => committed.commit_ms,
                };
                since <= horizon && (group.is_empty() || !group.subscribes_to(&key.topic))
            };
            let keys = group.offsets.iter().filter(is_old).map(|(key, _)| key.clone());
            (id.clone(), keys.collect::<Vec<_>>())
        });
        let found: Vec<_> = found.filter(|(_, keys)| !keys.is_empty()).collect();
        for (group, keys) in found {
            for partition in &keys {
                let (group, partition) = (group.clone(), partition.clone());
                out.emit(Event::OffsetExpired { group, partition });
            }
            self.forget_offsets_of(&group, keys, out);
            if self.groups.get(&group).is_some_and(|g| g.offsets.is_empty() && g.is_empty()) {
                self.groups.remove(&group);
            }
        }
    }

    // ---- tools ----

    pub(super) fn list_groups(&self, call: &Call, out: &mut Out<'_>) {
        let result = match self.loading.is_empty() {
            true => Ok({
                let kind = |group: &Group| match &group.kind {
                    Kind::Consumer(group) if group.is_share() => GroupType::Share,
                    Kind::Consumer(_) => GroupType::Consumer,
                    Kind::Classic(_) => GroupType::Classic,
                };
                let all = self.groups.iter();
                all.map(|(id, group)| (id.clone(), kind(group), group.state())).collect()
            }),
            false => Err(ErrorCode::CoordinatorLoadInProgress),
        };
        call.answer(Response::ListGroups(result), out);
    }

    pub(super) fn describe_group(&self, call: &Call, group: &str, out: &mut Out<'_>) {
        let result = self.coordinated(group).and_then(|_| {
            let found = self.groups.get(group).ok_or(ErrorCode::GroupIdNotFound)?;
            Ok(found.describe())
        });
        call.answer(Response::DescribeGroups(result), out);
    }

    /// Forgets some offsets of a group, but none of topics that its members read.
    pub(super) fn offset_delete(
        &mut self,
        call: &Call,
        group: &Rc<str>,
        partitions: Vec<TopicPartition>,
        out: &mut Out<'_>,
    ) {
        let result = self.coordinated(group).and_then(|_| {
            let found = self.groups.get(group).ok_or(ErrorCode::GroupIdNotFound)?;
            let outcome = |partition: &TopicPartition| match () {
                () if self.image.partition(partition).is_none() => {
                    Err(ErrorCode::UnknownTopicOrPartition)
                }
                () if found.subscribes_to(&partition.topic) => {
                    Err(ErrorCode::GroupSubscribedToTopic)
                }
                () => Ok(()),
            };
            let outcomes = partitions.into_iter().map(|tp| {
                let outcome = outcome(&tp);
                (tp, outcome)
            });
            Ok(outcomes.collect::<Vec<_>>())
        });
        if let Ok(outcomes) = &result {
            let gone = outcomes.iter().filter(|(_, outcome)| outcome.is_ok());
            let keys: Vec<TopicPartition> = gone.map(|(tp, _)| tp.clone()).collect();
            if !keys.is_empty() {
                self.forget_offsets_of(group, keys, out);
            }
        }
        call.answer(Response::OffsetDelete(result), out);
    }

    pub(super) fn delete_group(&mut self, call: Call, group: &Rc<str>, out: &mut Out<'_>) {
        let checked = self.coordinated(group).and_then(|partition| {
            let found = self.groups.get(group).ok_or(ErrorCode::GroupIdNotFound)?;
            match found.is_empty() {
                false => Err(ErrorCode::NonEmptyGroup),
                true => {
                    let keys: Vec<_> = found.offsets.keys().cloned().collect();
                    let modern = match &found.kind {
                        Kind::Consumer(modern) => {
                            modern_records::group_keys(group, modern.is_share()).to_vec()
                        }
                        Kind::Classic(_) => Vec::new(),
                    };
                    Ok((partition, keys, modern))
                }
            }
        });
        match checked {
            Err(error) => call.answer(Response::DeleteGroups(Err(error)), out),
            Ok((partition, keys, modern)) => {
                let offsets = keys.iter().map(|key| records::encode_key(group, key));
                let all = offsets.chain([records::encode_members_key(group)]).chain(modern);
                let batch = batch_of(all.map(|key| (key, None)), now_ms(out.now()));
                let batches = vec![(partition, batch)];
                let completion = Completion::DeleteGroup { call, group: group.clone() };
                self.append_all(-1, OFFSETS_COMMIT_TIMEOUT, batches, completion, out);
            }
        }
    }
}

/// What may go wrong with an append, as the real coordinator translates it.
pub(super) fn as_coordinator(error: ErrorCode) -> ErrorCode {
    match error {
        ErrorCode::UnknownTopicOrPartition
        | ErrorCode::NotEnoughReplicas
        | ErrorCode::NotEnoughReplicasAfterAppend
        | ErrorCode::RequestTimedOut => ErrorCode::CoordinatorNotAvailable,
        ErrorCode::NotLeaderOrFollower => ErrorCode::NotCoordinator,
        other => other,
    }
}

/// A batch of keys with values or tombstones.
pub(super) fn batch_of(entries: impl Iterator<Item = (Bytes, Option<Bytes>)>, time: i64) -> Bytes {
    let mut builder = BatchBuilder::new(0, 0);
    for (key, value) in entries {
        builder.push(time, &Fields { key: Some(&key), value: value.as_deref(), headers: &[] });
    }
    builder.close(ProducerStamp::NONE)
}

/// A random UUID in the usual form: `8-4-4-4-12` digits.
pub(super) fn uuid_text(out: &mut Out<'_>) -> String {
    let bits = u128::from_be_bytes(crate::kafka::controller::active::draw_id(out.random()).0);
    let hex = format!("{bits:032x}");
    let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
    parts.join("-")
}
