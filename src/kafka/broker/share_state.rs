//! What becomes of a share group's records outlives its leaders: it is kept in
//! `__share_group_state` (KIP-932).
//!
//! A leader asks before it hands anything out how far the group had come (ReadShareGroupState), and
//! lets whoever told it what became of a record wait until that is written (WriteShareGroupState).
//! What somebody works on is not written: with another leader it is available again. The leader of
//! a partition of `__share_group_state` is the **share coordinator** of the keys that hash to it;
//! a leader of an earlier epoch is refused there.

use super::channel::{Purpose, REQUEST_TIMEOUT};
use super::coordinator::batch_of;
use super::life::Ticket;
use super::produce::Completion;
use super::server::{Call, Server};
use super::share::Shared;
use super::share_offsets::Change;
use crate::kafka::error::ErrorCode;
use crate::kafka::event::TopicPartition;
use crate::kafka::group::share::SharePartition;
use crate::kafka::group::share_records::{self, ShareKey, ShareState};
use crate::kafka::log::LogScan;
use crate::kafka::message::{Request, Response};
use crate::kafka::metadata::SHARE_STATE_TOPIC;
use crate::kafka::now_ms;
use crate::kafka::process::{Out, Timer};
use crate::kafka::record::Records;
use crate::ordered::BTreeMap;
use crate::sim::{Rope, Span, Time};
use std::rc::Rc;

/// Before a coordinator that could not be asked is asked again.
pub(super) const RETRY: Span = Span::millis(100);
/// How long a state may wait for replicas (`share.coordinator.write.timeout.ms`).
const WRITE_TIMEOUT: Span = Span::seconds(5);

/// What a share coordinator knows.
#[derive(Clone, Debug, Default)]
pub struct ShareStates {
    /// How far each group has come with each partition that it coordinates.
    pub(super) known: Vec<(ShareKey, ShareState)>,
    /// Partitions of `__share_group_state` that are still being read.
    pub(super) loading: BTreeMap<i32, LogScan>,
    /// What the groups tool has asked for.
    pub(super) changes: Vec<Change>,
}

/// Who wants a state to be written.
#[derive(Clone, Debug)]
pub enum Writer {
    /// A leader elsewhere.
    Call(Call),
    /// This broker as leader: the group, the partition and which of its changes.
    Own(Rc<str>, TopicPartition, u64),
    /// This broker as coordinator of the group, for a change that the tool asked for.
    Change(u64, TopicPartition),
}

impl Server {
    // ---- the coordinator ----

    /// Begins to read a partition of `__share_group_state` that this broker leads now.
    pub(super) fn load_share_states_of(&mut self, partition: i32, out: &mut Out<'_>) {
        let key = TopicPartition::new(SHARE_STATE_TOPIC, partition);
        let Some(found) = self.partitions.get(&key) else { return };
        if found.log.log_end() > found.log.log_start() {
            self.share_states.loading.insert(partition, LogScan::of(&found.log));
            self.read_share_states(partition, out);
        }
    }

    /// Another broker coordinates a partition of `__share_group_state` now.
    pub(super) fn unload_share_states_of(&mut self, partition: i32) {
        self.share_states.loading.remove(&partition);
        let count = self.coordinating_partitions(SHARE_STATE_TOPIC);
        let is_gone =
            |key: &ShareKey| crate::kafka::group::partition_for(&key.text(), count) == partition;
        self.share_states.known.retain(|(key, _)| !is_gone(key));
    }

    fn read_share_states(&mut self, partition: i32, out: &mut Out<'_>) {
        let Some(scan) = self.share_states.loading.get_mut(&partition) else { return };
        match scan.next_read() {
            Some((file, from, len)) => {
                out.read(&file, from, len, Ticket::LoadShareStates { partition });
            }
            None => drop(self.share_states.loading.remove(&partition)),
        }
    }

    /// Bytes of a partition of `__share_group_state` have come.
    pub(super) fn share_states_read(&mut self, partition: i32, bytes: Rope, out: &mut Out<'_>) {
        let Some(scan) = self.share_states.loading.get_mut(&partition) else { return };
        let mut states = Vec::new();
        for (_, batch) in scan.take(bytes) {
            for record in Records::of(&batch).into_iter().flatten() {
                let Some(key) = record.key.and_then(share_records::decode_key) else { continue };
                states.push((key, record.value.and_then(share_records::decode_value)));
            }
        }
        for (key, state) in states {
            self.keep_share_state(key, state);
        }
        self.read_share_states(partition, out);
    }

    fn keep_share_state(&mut self, key: ShareKey, state: Option<ShareState>) {
        self.share_states.known.retain(|(known, _)| *known != key);
        self.share_states.known.extend(state.map(|state| (key, state)));
    }

    pub(super) fn known_share_state(&self, key: &ShareKey) -> Option<&ShareState> {
        let found = self.share_states.known.iter().find(|(known, _)| known == key);
        found.map(|(_, state)| state)
    }

    /// A leader asks how far a group has come.
    pub(super) fn share_state_of(
        &self,
        key: &ShareKey,
        leader_epoch: i32,
    ) -> Result<Option<ShareState>, ErrorCode> {
        self.coordinated_by(SHARE_STATE_TOPIC, &key.text())?;
        let known = self.known_share_state(key);
        match known.is_some_and(|state| leader_epoch < state.leader_epoch) {
            true => Err(ErrorCode::FencedLeaderEpoch),
            false => Ok(known.cloned()),
        }
    }

    /// A leader says how far a group has come.
    pub(super) fn write_share_state(
        &mut self,
        writer: Writer,
        key: ShareKey,
        mut state: ShareState,
        out: &mut Out<'_>,
    ) {
        let allowed = self.coordinated_by(SHARE_STATE_TOPIC, &key.text()).and_then(|partition| {
            match self.known_share_state(&key) {
                Some(known) if state.leader_epoch < known.leader_epoch => {
                    Err(ErrorCode::FencedLeaderEpoch)
                }
                Some(known) if state.state_epoch < known.state_epoch => {
                    Err(ErrorCode::FencedStateEpoch)
                }
                known => Ok((partition, known.map_or(-1, |known| known.snapshot_epoch))),
            }
        });
        let (partition, snapshot_epoch) = match allowed {
            Ok(allowed) => allowed,
            Err(error) => return self.share_state_written(writer, Err(error), out),
        };
        state.snapshot_epoch = snapshot_epoch + 1;
        self.store_share_state(writer, (partition, key), Some(state), out);
    }

    /// Writes a state, or that there is none any more.
    pub(super) fn store_share_state(
        &mut self,
        writer: Writer,
        (partition, key): (TopicPartition, ShareKey),
        state: Option<ShareState>,
        out: &mut Out<'_>,
    ) {
        let time = now_ms(out.now());
        let value = state.as_ref().map(|state| share_records::encode_value(state, time));
        let entry = (share_records::encode_key(&key), value);
        let batches = vec![(partition, batch_of([entry].into_iter(), time))];
        self.keep_share_state(key, state);
        let completion = Completion::ShareState(writer);
        self.append_all(-1, WRITE_TIMEOUT, batches, completion, out);
    }

    /// All in-sync replicas have a state, or it could not be written.
    pub(super) fn share_state_written(
        &mut self,
        writer: Writer,
        result: Result<(), ErrorCode>,
        out: &mut Out<'_>,
    ) {
        match writer {
            Writer::Call(call) => call.answer(Response::WriteShareGroupState(result), out),
            Writer::Own(group, partition, change) => {
                self.share_state_stored((group, partition, change), result, out);
            }
            Writer::Change(id, partition) => {
                self.share_start_written((id, partition), None, result, out);
            }
        }
    }

    // ---- the leader ----

    fn share_key(&self, shared: &Shared) -> Option<(ShareKey, i32)> {
        let topic = self.image.topics.get(&shared.partition.topic)?.id;
        let epoch = self.partitions.get(&shared.partition)?.leader_epoch;
        let (group, partition) = (shared.group.clone(), shared.partition.partition);
        Some((ShareKey { group, topic, partition }, epoch))
    }

    /// Asks for what has to be known, and writes what has changed.
    pub(super) fn pump_share_states(&mut self, out: &mut Out<'_>) {
        let now = out.now();
        let is_due = |shared: &Shared| shared.wants_coordinator() && shared.retry_at <= now;
        let due: Vec<usize> =
            (0..self.shares.all.len()).filter(|at| is_due(&self.shares.all[*at])).collect();
        for at in due {
            self.ask_share_coordinator(at, out);
        }
        let waiting = self.shares.all.iter().filter(|shared| shared.wants_coordinator());
        let next = waiting.map(|shared| shared.retry_at).filter(|at| *at > now).min();
        let next = next.into_iter().chain(self.pump_share_changes(out)).min();
        if let Some(next) = next {
            out.timer_at(Timer::ShareStates, next);
        }
    }

    fn ask_share_coordinator(&mut self, at: usize, out: &mut Out<'_>) {
        let Some(shared) = self.shares.all.get(at) else { return };
        let Some((key, leader_epoch)) = self.share_key(shared) else { return };
        let text = key.text();
        if !self.image.topics.contains_key(SHARE_STATE_TOPIC) {
            self.make_by_itself(SHARE_STATE_TOPIC.into(), out);
        }
        let coordinator = self.coordinator_of(SHARE_STATE_TOPIC, &text);
        let reached = coordinator
            .ok()
            .filter(|(id, node)| *id == self.id || self.connections.connect(*node, out));
        let Some(shared) = self.shares.all.get_mut(at) else { return };
        shared.retry_at = out.now() + RETRY;
        let Some((id, node)) = reached else { return };
        shared.is_asking = true;
        let (group, partition) = (shared.group.clone(), shared.partition.clone());
        let change = shared.changes;
        let state = shared.is_restored.then(|| ShareState {
            snapshot_epoch: 0,
            state_epoch: shared.state_epoch,
            leader_epoch,
            start: shared.state.start(),
            batches: shared.state.batches(),
        });
        match (id == self.id, state) {
            (true, Some(state)) => {
                let writer = Writer::Own(group, partition, change);
                self.write_share_state(writer, key, state, out);
            }
            (true, None) => {
                let found = self.share_state_of(&key, leader_epoch);
                self.share_state_read((group, partition), found, out);
            }
            (false, Some(state)) => {
                let request = Request::WriteShareGroupState { key, state };
                let purpose = Purpose::WriteShareState(group, partition, change);
                self.connections.send(node, (request, purpose), REQUEST_TIMEOUT, out);
            }
            (false, None) => {
                let request = Request::ReadShareGroupState { key, leader_epoch };
                let purpose = Purpose::ReadShareState(group, partition);
                self.connections.send(node, (request, purpose), REQUEST_TIMEOUT, out);
            }
        }
    }

    /// How far the group had come, or why that is not known.
    pub(super) fn share_state_read(
        &mut self,
        (group, partition): (Rc<str>, TopicPartition),
        found: Result<Option<ShareState>, ErrorCode>,
        out: &mut Out<'_>,
    ) {
        let end = self.partitions.get(&partition).map_or(0, |p| p.high_watermark());
        let limits = self.config.share_limits;
        let Some(shared) = self.shared(&group, &partition) else { return };
        shared.is_asking = false;
        match found {
            Err(_) => shared.retry_at = out.now() + RETRY,
            Ok(found) => {
                shared.is_restored = true;
                shared.retry_at = Time::ZERO;
                shared.state = match found {
                    Some(found) => {
                        shared.state_epoch = found.state_epoch;
                        SharePartition::restored(found.start, &found.batches, limits)
                    }
                    None => SharePartition::new(end, limits),
                };
            }
        }
        self.wake_shares(out);
    }

    /// A change is written, or it could not be.
    pub(super) fn share_state_stored(
        &mut self,
        (group, partition, change): (Rc<str>, TopicPartition, u64),
        result: Result<(), ErrorCode>,
        out: &mut Out<'_>,
    ) {
        let Some(shared) = self.shared(&group, &partition) else { return };
        shared.is_asking = false;
        match result {
            Ok(()) => {
                shared.stored = shared.stored.max(change);
                shared.retry_at = Time::ZERO;
            }
            // Another broker leads the partition, or the group was begun anew: what is known here
            // is old.
            Err(ErrorCode::FencedLeaderEpoch | ErrorCode::FencedStateEpoch) => {
                shared.is_restored = false;
                shared.stored = shared.changes;
            }
            Err(_) => shared.retry_at = out.now() + RETRY,
        }
        self.wake_shares(out);
    }
}
