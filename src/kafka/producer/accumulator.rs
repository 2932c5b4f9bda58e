//! The producer's buffer: a queue of batches for each partition, and the memory they share.

use super::batch::{Measured, ProducerBatch};
use crate::kafka::command::OutgoingRecord;
use crate::kafka::config::ProducerConfig;
use crate::kafka::event::TopicPartition;
use crate::kafka::record::header::TRANSACTIONAL;
use crate::ordered::BTreeMap;
use crate::sim::{MessageId, Span, Time};
use std::collections::VecDeque;

/// Batches of one partition.
#[derive(Clone, Debug, Default)]
pub struct PartitionQueue {
    /// Waiting to be sent, the next one first.
    pub waiting: VecDeque<ProducerBatch>,
    /// Sent and not yet answered, in the order of sending.
    pub in_flight: Vec<ProducerBatch>,
}

/// What an append did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// Bytes that it added.
    pub bytes: u64,
    /// True if it began a batch.
    pub batch_is_new: bool,
    /// True if the last batch of the queue can take no more.
    pub batch_is_full: bool,
}

/// The buffer.
#[derive(Clone, Debug)]
pub struct Accumulator {
    queues: BTreeMap<TopicPartition, PartitionQueue>,
    batch_size: u64,
    linger: Span,
    free_bytes: u64,
    last_id: u64,
    /// Attributes of its batches.
    attributes: i16,
    /// Batches that were there when `flush()` was called go without lingering.
    flush_up_to: u64,
}

impl Accumulator {
    /// An empty buffer.
    pub fn new(config: &ProducerConfig) -> Accumulator {
        Accumulator {
            queues: BTreeMap::new(),
            batch_size: config.batch_size,
            linger: config.linger,
            free_bytes: config.buffer_memory,
            last_id: 0,
            attributes: if config.transaction.is_some() { TRANSACTIONAL } else { 0 },
            flush_up_to: 0,
        }
    }

    /// Sets how long batches wait for more.
    pub fn set_linger(&mut self, linger: Span) {
        self.linger = linger;
    }

    /// Bytes that are free.
    pub fn free_bytes(&self) -> u64 {
        self.free_bytes
    }

    /// The queues by partition.
    pub fn queues(&self) -> &BTreeMap<TopicPartition, PartitionQueue> {
        &self.queues
    }

    /// The queue of a partition.
    pub fn queue(&mut self, partition: &TopicPartition) -> &mut PartitionQueue {
        self.queues.entry(partition.clone()).or_default()
    }

    /// True if the last batch of a partition can take no more, or there is none.
    pub fn is_last_full(&self, partition: &TopicPartition) -> bool {
        let last = self.queues.get(partition).and_then(|queue| queue.waiting.back());
        last.is_none_or(ProducerBatch::is_full)
    }

    /// Adds a record to a partition; `None` if there is no memory for the batch that it needs.
    pub fn append(
        &mut self,
        partition: &TopicPartition,
        record: (&OutgoingRecord, &Measured),
        timestamp: i64,
        now: Time,
    ) -> Option<Appended> {
        if let Some(queue) = self.queues.get_mut(partition)
            && let Some(last) = queue.waiting.back_mut()
            && let Some(bytes) = last.try_push(record, timestamp)
        {
            let batch_is_full = last.is_full();
            return Some(Appended { bytes, batch_is_new: false, batch_is_full });
        }
        let reserved = self.batch_size.max(record.1.bytes_most());
        self.free_bytes = self.free_bytes.checked_sub(reserved)?;
        self.last_id += 1;
        let sizes = (reserved, self.batch_size);
        let mut batch = ProducerBatch::new(self.last_id, sizes, self.attributes, now);
        let bytes = batch.try_push(record, timestamp).expect("the first record has room");
        let batch_is_full = batch.is_full();
        self.queue(partition).waiting.push_back(batch);
        Some(Appended { bytes, batch_is_new: true, batch_is_full })
    }

    /// What is there now goes without lingering.
    pub fn flush(&mut self) {
        self.flush_up_to = self.last_id;
    }

    /// When the first batch of a queue may leave; `hurry` is true while somebody waits for memory
    /// or the producer closes.
    pub fn ready_at(&self, queue: &PartitionQueue, hurry: bool) -> Option<Time> {
        let first = queue.waiting.front()?;
        if first.attempts > 0 {
            return Some(first.retry_at);
        }
        let full = queue.waiting.len() > 1 || first.is_full();
        let at_once = full || hurry || first.id <= self.flush_up_to;
        Some(if at_once { Time::ZERO } else { first.created_at + self.linger })
    }

    /// Gives the memory of a batch back.
    pub fn release(&mut self, batch: &ProducerBatch) {
        self.free_bytes += batch.reserved_bytes;
    }

    /// Takes out every batch that was made `timeout` ago or earlier.
    pub fn expire(&mut self, now: Time, timeout: Span) -> Vec<(TopicPartition, ProducerBatch)> {
        let mut expired = Vec::new();
        let old = |batch: &ProducerBatch| batch.created_at + timeout <= now;
        for (partition, queue) in &mut self.queues {
            let mut keep = VecDeque::with_capacity(queue.waiting.len());
            if queue.waiting.iter().any(old) {
                for batch in queue.waiting.drain(..) {
                    match old(&batch) {
                        true => expired.push((partition.clone(), batch)),
                        false => keep.push_back(batch),
                    }
                }
                queue.waiting = keep;
            }
            while let Some(index) = queue.in_flight.iter().position(old) {
                expired.push((partition.clone(), queue.in_flight.remove(index)));
            }
        }
        for (_, batch) in &expired {
            self.release(batch);
        }
        expired
    }

    /// When the first batch will be given up.
    pub fn next_expiry(&self, timeout: Span) -> Option<Time> {
        let all =
            self.queues.values().flat_map(|q| q.waiting.front().into_iter().chain(&q.in_flight));
        all.map(|batch| batch.created_at + timeout).min()
    }

    /// True without any batch.
    pub fn is_empty(&self) -> bool {
        self.queues.values().all(|queue| queue.waiting.is_empty() && queue.in_flight.is_empty())
    }

    /// The messages that it holds, queue by queue in the order in which they will leave.
    pub fn messages(&self) -> impl Iterator<Item = MessageId> + '_ {
        let batches = self.queues.values().flat_map(|q| q.in_flight.iter().chain(&q.waiting));
        batches.flat_map(|batch| batch.messages.iter().copied())
    }

    /// How many messages, and how many bytes of batches, it holds.
    pub fn held(&self) -> (u64, u64) {
        let batches = self.queues.values().flat_map(|q| q.in_flight.iter().chain(&q.waiting));
        batches.fold((0, 0), |(count, bytes), batch| {
            (count + batch.messages.len() as u64, bytes + batch.size_bytes())
        })
    }
}
