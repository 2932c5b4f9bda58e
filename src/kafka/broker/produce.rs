//! Appending: what a producer sends, and what the broker appends for itself.

use super::coordinator::Written;
use super::life::Ticket;
use super::markers::Marked;
use super::server::{Call, Server};
use super::share_state::Writer;
use super::transactions::Writing;
use super::verification::Promised;
use crate::kafka::error::ErrorCode;
use crate::kafka::event::{Event, TopicPartition};
use crate::kafka::message::Response;
use crate::kafka::message::request::Produce;
use crate::kafka::now_ms;
use crate::kafka::partition::{AppendTime, LeaderAppend};
use crate::kafka::process::{Out, Timer};
use crate::sim::{NodeId, Span};
use bytes::Bytes;
use std::rc::Rc;

/// What is to be done once the appends are complete.
#[derive(Clone, Debug)]
pub enum Completion {
    /// A Produce is answered.
    Produce(Call),
    /// Offsets are committed: they become known, and the commit is answered.
    Commit {
        /// The OffsetCommit.
        call: Call,
        /// `group.id`.
        group: Rc<str>,
        /// What was written.
        offsets: Vec<Written>,
        /// What was refused before.
        refused: Vec<(TopicPartition, ErrorCode)>,
    },
    /// A group's members are stored: those that wait are told what they read.
    Synced(Vec<(Call, Vec<TopicPartition>)>),
    /// A group is deleted.
    DeleteGroup {
        /// The DeleteGroups.
        call: Call,
        /// `group.id`.
        group: Rc<str>,
    },
    /// How far a share group has come is written down.
    ShareState(Writer),
    /// A transactional id is another one now.
    Transaction(Box<Writing>),
    /// Markers of a transaction are in their logs.
    Markers(Box<Marked>),
    /// Offsets of a transaction are in the log.
    Promised(Box<Promised>),
    /// A Produce with `acks=0`: an error ends the connection, as there is no other way to tell.
    OneWay(NodeId),
    /// Nobody waits.
    Nothing,
}

/// An append to one partition, and how far it has come.
#[derive(Clone, Debug)]
struct Wait {
    partition: TopicPartition,
    base_offset: i64,
    /// Complete when the partition has reached this offset.
    required: i64,
    outcome: Option<Result<i64, ErrorCode>>,
}

/// Appends that wait for replicas or flushes (in Kafka: the produce purgatory).
#[derive(Clone, Debug)]
pub struct DelayedProduce {
    acks: i16,
    waits: Vec<Wait>,
    completion: Completion,
}

impl DelayedProduce {
    /// Who asked has closed the connection: nobody waits for the answer any more.
    pub(super) fn asker_gone(&mut self, peer: NodeId) {
        if matches!(&self.completion, Completion::Produce(call) if call.from == peer) {
            self.completion = Completion::Nothing;
        }
    }
}

impl Server {
    pub(super) fn produce(&mut self, call: Call, produce: Produce, out: &mut Out<'_>) {
        match &produce.transaction {
            Some(id) => self.produce_in_transaction(call, (id.clone(), produce), out),
            None => self.append_produce(call, produce, out),
        }
    }

    pub(super) fn append_produce(&mut self, call: Call, produce: Produce, out: &mut Out<'_>) {
        let timeout = Span::millis(produce.timeout_ms);
        let completion = match produce.acks {
            0 => Completion::OneWay(call.from),
            _ => Completion::Produce(call),
        };
        self.append_all(produce.acks, timeout, produce.batches, completion, out);
    }

    /// Appends batches and sees to their completion.
    pub(super) fn append_all(
        &mut self,
        acks: i16,
        timeout: Span,
        batches: Vec<(TopicPartition, Bytes)>,
        completion: Completion,
        out: &mut Out<'_>,
    ) {
        let id = self.fresh_id();
        let mut waits = Vec::with_capacity(batches.len());
        let mut touched = Vec::with_capacity(batches.len());
        for (partition, batch) in batches {
            let wait = match self.append(&partition, &batch, acks, out) {
                Ok(done) => {
                    touched.push(partition.clone());
                    let (base_offset, required) = (done.base_offset, done.last_offset + 1);
                    Wait { partition, base_offset, required, outcome: None }
                }
                Err(error) => {
                    Wait { partition, base_offset: -1, required: -1, outcome: Some(Err(error)) }
                }
            };
            waits.push(wait);
        }
        self.produces.insert(id, DelayedProduce { acks, waits, completion });
        // A Fetch that one of them wakes brings all of them.
        touched.iter().for_each(|partition| drop(self.stir(partition)));
        for partition in &touched {
            self.advance(partition, out);
            // Followers read up to the log end.
            self.wake_fetches(partition, out);
        }
        if !self.try_complete(id, out) {
            for partition in touched {
                if let Some(found) = self.partitions.get_mut(&partition) {
                    found.waiting_produces.insert(id);
                }
            }
            out.timer(Timer::ProduceWait(id), timeout);
        }
    }

    fn append(
        &mut self,
        partition: &TopicPartition,
        batch: &Bytes,
        acks: i16,
        out: &mut Out<'_>,
    ) -> Result<LeaderAppend, ErrorCode> {
        let found = self.partitions.get_mut(partition);
        let found = found.ok_or(ErrorCode::UnknownTopicOrPartition)?;
        let time = AppendTime { now_ms: now_ms(out.now()), jitter_ms: 0 };
        let done = found.append_as_leader(batch, acks, time, out)?;
        if done.flush {
            let ticket =
                Ticket::AppendFlushed { partition: partition.clone(), up_to: done.last_offset + 1 };
            out.flush(&found.log.active().file.clone(), ticket);
        }
        self.segment_rolled(partition, done.rolled.clone(), out);
        if done.bytes > 0 {
            out.emit(Event::Appended {
                broker: self.id,
                partition: partition.clone(),
                base_offset: done.base_offset,
                last_offset: done.last_offset,
                bytes: done.bytes,
            });
        }
        Ok(done)
    }

    /// Moves a partition's high watermark if it can, and wakes what waits for it.
    pub(super) fn advance(&mut self, partition: &TopicPartition, out: &mut Out<'_>) {
        let Some(found) = self.partitions.get_mut(partition) else { return };
        let image = &self.image;
        let moved = found.advance_high_watermark(out.now(), |id| image.is_active(id));
        if let Some(offset) = moved {
            out.emit(Event::HighWatermarkAdvanced { partition: partition.clone(), offset });
            self.retry_produces(partition, out);
            self.wake_fetches(partition, out);
            self.wake_shares(out);
        }
    }

    /// Looks again at the appends that wait for a partition.
    pub(super) fn retry_produces(&mut self, partition: &TopicPartition, out: &mut Out<'_>) {
        let Some(found) = self.partitions.get(partition) else { return };
        let waiting: Vec<u64> = found.waiting_produces.iter().copied().collect();
        for id in waiting {
            if self.try_complete(id, out) {
                out.cancel(Timer::ProduceWait(id));
            }
        }
    }

    /// The time of an append is up: what is not complete has timed out.
    pub(super) fn produce_waited(&mut self, id: u64, out: &mut Out<'_>) {
        if let Some(produce) = self.produces.get_mut(&id) {
            for wait in &mut produce.waits {
                wait.outcome.get_or_insert(Err(ErrorCode::RequestTimedOut));
            }
            self.try_complete(id, out);
        }
    }

    /// This broker does not lead a partition any more.
    pub(super) fn fail_produce(
        &mut self,
        id: u64,
        partition: &TopicPartition,
        error: ErrorCode,
        out: &mut Out<'_>,
    ) {
        let Some(produce) = self.produces.get_mut(&id) else { return };
        for wait in produce.waits.iter_mut().filter(|wait| wait.partition == *partition) {
            wait.outcome.get_or_insert(Err(error));
        }
        if self.try_complete(id, out) {
            out.cancel(Timer::ProduceWait(id));
        }
    }

    /// True if it is complete, and then it was answered.
    pub(super) fn try_complete(&mut self, id: u64, out: &mut Out<'_>) -> bool {
        let Some(produce) = self.produces.get_mut(&id) else { return true };
        for wait in &mut produce.waits {
            if wait.outcome.is_some() {
                continue;
            }
            wait.outcome = match self.partitions.get(&wait.partition) {
                None => Some(Err(ErrorCode::UnknownTopicOrPartition)),
                Some(found) if produce.acks == -1 => {
                    let in_sync = found.leadership().map_or(0, |l| l.maximal_isr().len());
                    (found.high_watermark() >= wait.required).then_some({
                        match in_sync >= found.min_in_sync() {
                            true => Ok(wait.base_offset),
                            false => Err(ErrorCode::NotEnoughReplicasAfterAppend),
                        }
                    })
                }
                Some(found) => {
                    (found.appended_end() >= wait.required).then_some(Ok(wait.base_offset))
                }
            };
        }
        if produce.waits.iter().any(|wait| wait.outcome.is_none()) {
            return false;
        }
        let Some(produce) = self.produces.remove(&id) else { return true };
        for wait in &produce.waits {
            if let Some(found) = self.partitions.get_mut(&wait.partition) {
                found.waiting_produces.remove(&id);
            }
        }
        let outcomes = produce
            .waits
            .into_iter()
            .map(|wait| (wait.partition, wait.outcome.unwrap_or(Err(ErrorCode::RequestTimedOut))));
        self.complete(produce.completion, outcomes.collect(), out);
        true
    }

    fn complete(
        &mut self,
        completion: Completion,
        outcomes: Vec<(TopicPartition, Result<i64, ErrorCode>)>,
        out: &mut Out<'_>,
    ) {
        match completion {
            Completion::Nothing => {}
            Completion::OneWay(peer) => {
                if outcomes.iter().any(|(_, result)| result.is_err()) {
                    out.close(peer);
                }
            }
            Completion::Produce(call) => call.answer(Response::Produce(outcomes), out),
            Completion::Commit { call, group, offsets, refused } => {
                let written = outcomes.into_iter().try_for_each(|(_, result)| result.map(drop));
                self.committed(&call, &group, (offsets, refused), written, out);
            }
            Completion::Transaction(writing) => {
                let written = outcomes.into_iter().try_for_each(|(_, result)| result.map(drop));
                self.transaction_written(*writing, written, out);
            }
            Completion::Markers(marked) => self.markers_written(*marked, outcomes, out),
            Completion::Promised(promised) => {
                let written = outcomes.into_iter().try_for_each(|(_, result)| result.map(drop));
                self.promised(*promised, written, out);
            }
            Completion::Synced(synced) => {
                let written = outcomes.into_iter().try_for_each(|(_, result)| result.map(drop));
                self.group_stored(synced, written, out);
            }
            Completion::ShareState(writer) => {
                let written = outcomes.into_iter().try_for_each(|(_, result)| result.map(drop));
                self.share_state_written(writer, written, out);
            }
            Completion::DeleteGroup { call, group } => {
                let written = outcomes.into_iter().try_for_each(|(_, result)| result.map(drop));
                if written.is_ok() {
                    self.groups.remove(&group);
                }
                call.answer(Response::DeleteGroups(written), out);
            }
        }
    }
}
