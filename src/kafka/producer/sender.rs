//! What leaves when, and what becomes of the answers.

use super::batch::ProducerBatch;
use super::client::{Asked, Producer};
use crate::kafka::command::ApiError;
use crate::kafka::error::{ErrorCode, client_error};
use crate::kafka::event::{Event, TopicPartition};
use crate::kafka::message::Request;
use crate::kafka::message::request::Produce;
use crate::kafka::process::Out;
use crate::kafka::record::builder::ProducerStamp;
use crate::ordered::BTreeMap;
use crate::sim::{MessageId, NodeId, Span, Time};

/// A batch that left: its partition, and the number by which its queue knows it.
pub type Sent = (TopicPartition, u64);

/// Records that are stored and count when their transaction is committed.
#[derive(Clone, Debug)]
pub struct Stored {
    /// Where.
    pub partition: TopicPartition,
    /// Which.
    pub messages: Vec<MessageId>,
    /// The offset of the first.
    pub base_offset: i64,
}

impl Producer {
    /// Sends everything that may leave now; says when the next batch may.
    pub(super) fn send_batches(&mut self, out: &mut Out<'_>) -> Option<Time> {
        if self.config.idempotent && self.sequences.is_none() {
            return None;
        }
        let mut next: Option<Time> = None;
        let mut nodes: BTreeMap<NodeId, bool> = BTreeMap::new();
        let hurry = self.is_hurried();
        for (partition, queue) in self.accumulator.queues() {
            let Some(at) = self.accumulator.ready_at(queue, hurry) else { continue };
            let Some((_, node, _)) = self.core.metadata.leader(partition) else {
                self.core.metadata.request_update();
                continue;
            };
            if at > out.now() {
                next = Some(next.map_or(at, |next| next.min(at)));
            } else {
                nodes.insert(node, true);
            }
        }
        for node in nodes.into_keys() {
            while self.core.connect(node, out)
                && self.under_way(node) < self.config.max_in_flight
                && self.has_ready(node, hurry, out.now())
            {
                let batches = self.drain(node, out.now());
                if batches.is_empty() {
                    break;
                }
                self.send_request(node, batches, out);
            }
        }
        next
    }

    fn under_way(&self, node: NodeId) -> usize {
        match self.config.acks {
            // Nothing is waited for: the connection takes all.
            0 => 0,
            _ => self.core.in_flight(node),
        }
    }

    fn is_at(&self, partition: &TopicPartition, node: NodeId) -> bool {
        self.core.metadata.leader(partition).is_some_and(|(_, leader, _)| leader == node)
    }

    fn has_ready(&self, node: NodeId, hurry: bool, now: Time) -> bool {
        self.accumulator.queues().iter().any(|(partition, queue)| {
            !self.is_held_up(partition)
                && self.accumulator.ready_at(queue, hurry).is_some_and(|at| at <= now)
                && self.is_at(partition, node)
        })
    }

    /// True while a partition's next batch must wait for one that is under way: with one request
    /// at a time, or because a retry must not overtake an earlier one.
    fn is_held_up(&self, partition: &TopicPartition) -> bool {
        let Some(queue) = self.accumulator.queues().get(partition) else { return false };
        if self.config.max_in_flight == 1 && !queue.in_flight.is_empty() {
            return true;
        }
        let numbered = queue.waiting.front().is_some_and(|first| first.stamp.is_some());
        let before = |first: &ProducerBatch| queue.in_flight.iter().any(|b| b.id < first.id);
        let unresolved = self.sequences.as_ref().is_some_and(|s| s.is_unresolved(partition));
        self.config.idempotent
            && queue.waiting.front().is_some_and(|first| {
                numbered && before(first) || !numbered && unresolved && !queue.in_flight.is_empty()
            })
    }

    /// Takes the first batch of each partition of a broker, as many as one request may hold.
    fn drain(&mut self, node: NodeId, now: Time) -> Vec<(TopicPartition, ProducerBatch)> {
        let here: Vec<TopicPartition> = {
            let all = self.accumulator.queues().keys();
            all.filter(|tp| self.is_at(tp, node) && !self.is_held_up(tp)).cloned().collect()
        };
        let mut drained = Vec::new();
        let mut size = 0;
        // Each request begins one partition further, so that none is starved.
        let start = if here.is_empty() { 0 } else { self.drain_from % here.len() };
        for partition in here[start..].iter().chain(&here[..start]) {
            let queue = self.accumulator.queue(partition);
            let Some(first) = queue.waiting.front() else { continue };
            if first.attempts > 0 && first.retry_at > now {
                continue;
            }
            if size + first.size_bytes() > self.config.max_request_size && !drained.is_empty() {
                break;
            }
            if let Some(batch) = queue.waiting.pop_front() {
                size += batch.size_bytes();
                self.drain_from = self.drain_from.wrapping_add(1);
                drained.push((partition.clone(), batch));
            }
        }
        drained
    }

    fn send_request(
        &mut self,
        node: NodeId,
        drained: Vec<(TopicPartition, ProducerBatch)>,
        out: &mut Out<'_>,
    ) {
        let (mut batches, mut sent, mut records) = (Vec::new(), Vec::new(), 0);
        let now = out.now();
        for (partition, mut batch) in drained {
            let stamp = self.stamp_for(&partition, &batch);
            let bytes = batch.close(stamp);
            let (count, waited) = (batch.messages.len() as u64, now.since(batch.created_at));
            self.meters.batch_sent(&partition, (count, bytes.len() as u64), waited, now);
            records += count;
            batches.push((partition.clone(), bytes));
            out.tell(|| Event::ProduceSent {
                client: self.core.name.clone(),
                partition: partition.clone(),
                messages: batch.messages.clone(),
            });
            sent.push((partition.clone(), batch.id));
            self.accumulator.queue(&partition).in_flight.push(batch);
        }
        self.meters.request_sent(records, now);
        let acks = self.config.acks;
        let timeout_ms = self.config.network.request_timeout.as_millis();
        let transaction = self.transaction.as_mut().map(|transaction| {
            transaction.sent();
            transaction.id().clone()
        });
        let request = Request::Produce(Produce { acks, transaction, timeout_ms, batches });
        if acks == 0 {
            self.core.send_one_way(node, request, out);
            for sent in sent {
                self.batch_answered(sent, Ok(-1), out);
            }
        } else {
            self.core.send(node, request, Asked::Produce(sent, now), out);
        }
    }

    fn stamp_for(&mut self, partition: &TopicPartition, batch: &ProducerBatch) -> ProducerStamp {
        if let Some(stamp) = batch.stamp {
            return stamp;
        }
        let Some(sequences) = &mut self.sequences else { return ProducerStamp::NONE };
        let queue = self.accumulator.queue(partition);
        let numbered = queue.waiting.iter().any(|waiting| waiting.stamp.is_some());
        let idle = queue.in_flight.is_empty() && !numbered;
        sequences.number(partition, batch.records(), idle)
    }

    /// An answer has come for a batch, or its connection is gone.
    pub(super) fn batch_answered(
        &mut self,
        (partition, id): Sent,
        result: Result<i64, ErrorCode>,
        out: &mut Out<'_>,
    ) {
        let queue = self.accumulator.queue(&partition);
        let found = queue.in_flight.iter().position(|batch| batch.id == id);
        // It may have been given up meanwhile.
        let Some(mut batch) = found.map(|index| queue.in_flight.remove(index)) else {
            return self.settle(&partition);
        };
        match result {
            Ok(base_offset) => self.acknowledge(&partition, batch, base_offset, out),
            Err(error) => {
                if matches!(
                    error,
                    ErrorCode::UnknownTopicOrPartition
                        | ErrorCode::NotLeaderOrFollower
                        | ErrorCode::NetworkException
                ) {
                    self.core.metadata.request_update();
                }
                if self.may_retry(&batch, error, out.now()) {
                    let wait = self.core.retry_backoff(batch.attempts, out);
                    batch.attempts += 1;
                    self.meters.retried(&partition, batch.messages.len() as u64);
                    batch.retry_at = out.now() + wait;
                    self.note_out_of_order(&partition, &batch, error);
                    // Behind the retries that were made before it.
                    let waiting = &mut self.accumulator.queue(&partition).waiting;
                    let at = waiting.iter().position(|other| other.id > batch.id);
                    waiting.insert(at.unwrap_or(waiting.len()), batch);
                } else {
                    let error = match error {
                        // The one thing that a broker finds wrong with what a producer made.
                        ErrorCode::InvalidRecord => error.with(format!(
                            "Compacted topic cannot accept message without key in topic partition \
                             {partition}."
                        )),
                        other => other.error(),
                    };
                    self.give_up(&partition, batch, error, out);
                }
            }
        }
        self.settle(&partition);
    }

    fn acknowledge(
        &mut self,
        partition: &TopicPartition,
        batch: ProducerBatch,
        base_offset: i64,
        out: &mut Out<'_>,
    ) {
        if let (Some(sequences), Some(stamp)) = (&mut self.sequences, batch.stamp) {
            sequences.acknowledged(partition, stamp, batch.records());
        }
        self.accumulator.release(&batch);
        let stored = Stored { partition: partition.clone(), messages: batch.messages, base_offset };
        match &self.transaction {
            // It counts with its transaction.
            Some(_) => {
                let Stored { partition, messages, base_offset } = stored.clone();
                let client = self.core.name.clone();
                out.emit(Event::ProduceStored { client, partition, messages, base_offset });
                self.stored.push(stored);
            }
            None => self.tell_acknowledged(stored, out),
        }
    }

    /// The application knows that records are stored.
    pub(super) fn tell_acknowledged(&mut self, stored: Stored, out: &mut Out<'_>) {
        let Stored { partition, messages, base_offset } = stored;
        self.book.done += messages.len() as u64;
        let client = self.core.name.clone();
        out.emit(Event::ProduceAcknowledged { client, partition, messages, base_offset });
    }

    fn may_retry(&self, batch: &ProducerBatch, error: ErrorCode, now: Time) -> bool {
        let in_time = now < batch.created_at + self.config.delivery_timeout;
        // A gap ends a transaction: the next one has an epoch of its own.
        if error == ErrorCode::OutOfOrderSequenceNumber && self.transaction.is_some() {
            return false;
        }
        let out_of_order = error == ErrorCode::OutOfOrderSequenceNumber && self.config.idempotent;
        in_time && batch.attempts < self.config.retries && (error.is_retriable() || out_of_order)
    }

    /// The broker misses something before this batch. If nothing before it is under way, it will
    /// never come: a new epoch begins, and the partition's batches are numbered from 0 again.
    fn note_out_of_order(
        &mut self,
        partition: &TopicPartition,
        batch: &ProducerBatch,
        error: ErrorCode,
    ) {
        let (Some(sequences), Some(stamp)) = (&mut self.sequences, batch.stamp) else { return };
        let gap = sequences.is_next(partition, stamp) || sequences.is_unresolved(partition);
        if error == ErrorCode::OutOfOrderSequenceNumber && gap {
            self.epoch_bumps.insert(partition.clone());
        }
    }

    /// Once nothing of a partition is under way, does what had to wait for that.
    fn settle(&mut self, partition: &TopicPartition) {
        let Some(sequences) = &mut self.sequences else { return };
        let queue = self.accumulator.queue(partition);
        if !queue.in_flight.is_empty() {
            return;
        }
        let numbered = queue.waiting.iter().any(|batch| batch.stamp.is_some());
        let gap = sequences.is_unresolved(partition) && !numbered && sequences.resolve(partition);
        let is_transactional = self.transaction.is_some();
        if self.epoch_bumps.remove(partition) || gap && !is_transactional {
            sequences.bump_epoch(partition);
            for batch in queue.waiting.iter_mut().filter(|batch| batch.stamp.is_some()) {
                let records = batch.records();
                batch.close(sequences.number(partition, records, false));
            }
        }
    }

    /// Gives batches up whose time is over.
    pub(super) fn expire_batches(&mut self, out: &mut Out<'_>) {
        let timeout = self.config.delivery_timeout;
        if self.accumulator.next_expiry(timeout).is_none_or(|at| at > out.now()) {
            return;
        }
        for (partition, batch) in self.accumulator.expire(out.now(), timeout) {
            let age: Span = out.now().since(batch.created_at);
            let sentence = format!(
                "Expiring {} record(s) for {partition}:{} ms has passed since batch creation",
                batch.records(),
                age.as_millis()
            );
            self.fail(&partition, batch, client_error("TimeoutException", sentence), out);
            self.settle(&partition);
        }
    }

    fn give_up(
        &mut self,
        partition: &TopicPartition,
        batch: ProducerBatch,
        error: ApiError,
        out: &mut Out<'_>,
    ) {
        self.accumulator.release(&batch);
        self.fail(partition, batch, error, out);
    }

    fn fail(
        &mut self,
        partition: &TopicPartition,
        batch: ProducerBatch,
        error: ApiError,
        out: &mut Out<'_>,
    ) {
        if let (Some(sequences), Some(_)) = (&mut self.sequences, batch.stamp) {
            sequences.given_up(partition);
        }
        // What misses a record is aborted.
        if let Some(transaction) = &mut self.transaction {
            transaction.end(false);
        }
        self.meters.failed(partition, batch.messages.len() as u64);
        self.tell_failed(batch.messages, error, out);
    }

    pub(super) fn tell_failed(
        &mut self,
        messages: Vec<MessageId>,
        error: ApiError,
        out: &mut Out<'_>,
    ) {
        self.book.failed += messages.len() as u64;
        let client = self.core.name.clone();
        out.emit(Event::ProduceFailed { client, messages, error });
    }
}
