//! The offsets of share groups at the request of the groups tool (KIP-932): what each share
//! coordinator knows of a group, and partitions of a group without members that begin anew
//! elsewhere, or are forgotten.
//!
//! The group's coordinator is asked for a change. It tells the share coordinator of each partition
//! (InitializeShareGroupState, DeleteShareGroupState) and answers when all of them have it in their
//! log. With that the state has a new epoch: a leader that writes with an older one is refused, and
//! each leader reads the state again when the first member comes back ([`super::share`]).
//!
//! Simplified: the real coordinator of a group keeps a list of the partitions that were begun, and
//! asks their share coordinators; here each share coordinator is asked what it knows.

use super::channel::{Purpose, REQUEST_TIMEOUT};
use super::server::{Call, Server};
use super::share_state::Writer;
use crate::kafka::error::ErrorCode;
use crate::kafka::event::TopicPartition;
use crate::kafka::group::groups::Kind;
use crate::kafka::group::modern::ModernGroup;
use crate::kafka::group::share_records::{ShareKey, ShareState};
use crate::kafka::message::request::ShareStart;
use crate::kafka::message::{Request, Response};
use crate::kafka::metadata::SHARE_STATE_TOPIC;
use crate::kafka::process::Out;
use crate::sim::Time;
use std::rc::Rc;

/// A change that was asked for and is not whole yet.
#[derive(Clone, Debug)]
pub(super) struct Change {
    id: u64,
    call: Call,
    group: Rc<str>,
    /// What no share coordinator was asked for yet.
    left: Vec<ShareStart>,
    /// How many of them have not answered.
    under_way: usize,
    retry_at: Time,
    results: Vec<(TopicPartition, Result<(), ErrorCode>)>,
}

impl Server {
    /// What this broker knows of a group as share coordinator.
    pub(super) fn describe_share_offsets(&self, call: &Call, group: &str, out: &mut Out<'_>) {
        let result = match self.share_states.loading.is_empty() {
            false => Err(ErrorCode::CoordinatorLoadInProgress),
            true => Ok(self.share_states.known.iter().filter_map(|(key, state)| {
                let mut topics = self.image.topics.iter();
                let (topic, _) = topics.find(|(_, topic)| topic.id == key.topic)?;
                let partition = TopicPartition { topic: topic.clone(), partition: key.partition };
                (*key.group == *group).then(|| (partition, state.clone()))
            })),
        };
        let result = result.map(|states| states.collect());
        call.answer(Response::DescribeShareGroupOffsets(result), out);
    }

    /// Partitions of a group begin anew, or are forgotten.
    pub(super) fn alter_share_offsets(
        &mut self,
        call: Call,
        group: &Rc<str>,
        starts: Vec<ShareStart>,
        out: &mut Out<'_>,
    ) {
        let begins = starts.iter().any(|(_, start)| start.is_some());
        let allowed = self.coordinated(group).and_then(|_| {
            let found = self.groups.get(group);
            match found.map(|found| (&found.kind, found.is_empty())) {
                Some((Kind::Consumer(known), _)) if !known.is_share() => {
                    Err(ErrorCode::GroupIdNotFound)
                }
                Some((Kind::Classic(_), _)) => Err(ErrorCode::GroupIdNotFound),
                Some((Kind::Consumer(_), false)) => Err(ErrorCode::NonEmptyGroup),
                None if !begins => Err(ErrorCode::GroupIdNotFound),
                _ => Ok(()),
            }
        });
        if let Err(error) = allowed {
            return call.answer(Response::AlterShareGroupOffsets(Err(error)), out);
        }
        if begins {
            self.bump_share_group(group, out);
        }
        let (left, results): (Vec<_>, Vec<_>) =
            starts.into_iter().partition(|(tp, _)| self.image.partition(tp).is_some());
        let missing = |(tp, _): ShareStart| (tp, Err(ErrorCode::UnknownTopicOrPartition));
        let results = results.into_iter().map(missing).collect();
        let (id, group) = (self.fresh_id(), group.clone());
        let retry_at = Time::ZERO;
        let change = Change { id, call, group, left, under_way: 0, retry_at, results };
        self.share_states.changes.push(change);
        self.pump_share_changes(out);
    }

    /// A group whose offsets are set is there from then on, and in a new epoch.
    fn bump_share_group(&mut self, group: &Rc<str>, out: &mut Out<'_>) {
        let found = self.groups.get_or_make(group);
        if let Kind::Classic(_) = &found.kind {
            found.kind = Kind::Consumer(ModernGroup::of_shares());
        }
        if let Kind::Consumer(found) = &mut found.kind {
            found.epoch += 1;
        }
        self.write_modern(group, out);
    }

    /// Asks share coordinators for what is left of changes; when one is asked again, if any.
    pub(super) fn pump_share_changes(&mut self, out: &mut Out<'_>) -> Option<Time> {
        let now = out.now();
        let ids: Vec<u64> = self.share_states.changes.iter().map(|change| change.id).collect();
        for id in ids {
            let Some(change) = self.share_change(id).filter(|change| change.retry_at <= now) else {
                continue;
            };
            let (group, count) = (change.group.clone(), change.left.len());
            // The change may be whole, and gone, as soon as the last one is asked for.
            for _ in 0..count {
                let Some(change) = self.share_change(id) else { break };
                let start = change.left.remove(0);
                if let Some(later) = self.ask_for_share_start(id, &group, start, out)
                    && let Some(change) = self.share_change(id)
                {
                    change.left.push(later);
                    change.retry_at = now + super::share_state::RETRY;
                }
            }
            self.answer_share_change(id, out);
        }
        let waiting = self.share_states.changes.iter().filter(|change| !change.left.is_empty());
        waiting.map(|change| change.retry_at).min()
    }

    fn share_change(&mut self, id: u64) -> Option<&mut Change> {
        self.share_states.changes.iter_mut().find(|change| change.id == id)
    }

    /// Asks the share coordinator of a partition; gives it back if that cannot be asked now.
    fn ask_for_share_start(
        &mut self,
        id: u64,
        group: &Rc<str>,
        (partition, start): ShareStart,
        out: &mut Out<'_>,
    ) -> Option<ShareStart> {
        if !self.image.topics.contains_key(SHARE_STATE_TOPIC) {
            self.make_by_itself(SHARE_STATE_TOPIC.into(), out);
            return Some((partition, start));
        }
        let Some(topic) = self.image.topics.get(&partition.topic).map(|topic| topic.id) else {
            let gone = Err(ErrorCode::UnknownTopicOrPartition);
            self.share_change(id)?.results.push((partition, gone));
            return None;
        };
        let key = ShareKey { group: group.clone(), topic, partition: partition.partition };
        let coordinator = self.coordinator_of(SHARE_STATE_TOPIC, &key.text()).ok();
        let reached =
            coordinator.filter(|(id, node)| *id == self.id || self.connections.connect(*node, out));
        let Some((broker, node)) = reached else { return Some((partition, start)) };
        self.share_change(id)?.under_way += 1;
        if broker == self.id {
            self.begin_share_state(Writer::Change(id, partition), key, start, out);
        } else {
            let request = Request::InitializeShareGroupState { key, start };
            let purpose = Purpose::BeginShareState(id, partition, start);
            self.connections.send(node, (request, purpose), REQUEST_TIMEOUT, out);
        }
        None
    }

    /// As share coordinator: a partition begins at an offset, or is forgotten.
    pub(super) fn begin_share_state(
        &mut self,
        writer: Writer,
        key: ShareKey,
        start: Option<i64>,
        out: &mut Out<'_>,
    ) {
        let known = self.known_share_state(&key);
        let state = start.map(|start| ShareState {
            snapshot_epoch: known.map_or(0, |known| known.snapshot_epoch + 1),
            state_epoch: known.map_or(0, |known| known.state_epoch + 1),
            leader_epoch: known.map_or(0, |known| known.leader_epoch),
            start,
            batches: Vec::new(),
        });
        if known.is_none() && state.is_none() {
            return self.share_state_written(writer, Ok(()), out);
        }
        match self.coordinated_by(SHARE_STATE_TOPIC, &key.text()) {
            Ok(partition) => self.store_share_state(writer, (partition, key), state, out),
            Err(error) => self.share_state_written(writer, Err(error), out),
        }
    }

    /// A share coordinator has written a partition of a change, or has not.
    pub(super) fn share_start_written(
        &mut self,
        (id, partition): (u64, TopicPartition),
        again: Option<ShareStart>,
        result: Result<(), ErrorCode>,
        out: &mut Out<'_>,
    ) {
        let now = out.now();
        let Some(change) = self.share_change(id) else { return };
        change.under_way -= 1;
        match (result, again) {
            // Another broker may coordinate it now.
            (Err(error), Some(start)) if error.is_retriable() => {
                change.retry_at = now + super::share_state::RETRY;
                change.left.push(start);
            }
            _ => change.results.push((partition, result)),
        }
        self.answer_share_change(id, out);
    }

    fn answer_share_change(&mut self, id: u64, out: &mut Out<'_>) {
        let done =
            |change: &Change| change.id == id && change.left.is_empty() && change.under_way == 0;
        if let Some(at) = self.share_states.changes.iter().position(done) {
            let change = self.share_states.changes.remove(at);
            change.call.answer(Response::AlterShareGroupOffsets(Ok(change.results)), out);
        }
    }
}
