//! The results of an application that reads, works and writes: for each record it sends one to
//! another topic, with the record's key, value and number, and waits until all in-sync replicas
//! have it (`producer.send(...).get()` with the idempotent producer's defaults). With a
//! `transactional.id` results and offsets count together ([`super::exactly_once`]).
//!
//! Simplified: this producer shares its connections with the consumer; in a real application each
//! has its own. As `send()` is waited for, a batch holds one record.

use super::client::{Asked, Consumer};
use super::exactly_once::TransactionOffsets;
use super::handler::Thread;
use crate::kafka::client::Known;
use crate::kafka::command::{CrashPoint, OutgoingRecord};
use crate::kafka::error::{ErrorCode, client_error};
use crate::kafka::event::{Event, TopicPartition};
use crate::kafka::message::request::Produce;
use crate::kafka::message::{Request, Response};
use crate::kafka::now_ms;
use crate::kafka::partitioner::StickyPartitioner;
use crate::kafka::partitioner::murmur2::partition_for_key;
use crate::kafka::process::Out;
use crate::kafka::producer::batch::{Measured, ProducerBatch};
use crate::kafka::producer::sequences::Sequences;
use crate::kafka::record::header::TRANSACTIONAL;
use crate::kafka::transaction::TransactionClient;
use crate::sim::{Span, Time};
use bytes::Bytes;
use std::collections::VecDeque;

/// `batch.size`: so many bytes without a key go to one partition before another is drawn.
const STICKY_BYTES: u64 = 16_384;
/// `delivery.timeout.ms`: a result that is not written by then fails.
const DELIVERY_TIMEOUT: Span = Span::seconds(120);

/// A result on its way.
#[derive(Clone, Debug)]
struct Outgoing {
    record: OutgoingRecord,
    /// What is to be written behind it.
    rest: VecDeque<OutgoingRecord>,
    /// The partition of the record that it is of, and the offset behind that record.
    of: (TopicPartition, i64),
    /// Where it goes, and its batch, once they are known.
    batch: Option<(TopicPartition, Bytes)>,
    is_under_way: bool,
    deadline: Time,
    retry_at: Time,
    failures: u32,
}

/// The producing side of such an application.
#[derive(Clone, Debug, Default)]
pub struct Writer {
    outgoing: Option<Outgoing>,
    pub(super) sequences: Option<Sequences>,
    /// With a `transactional.id`.
    pub(super) transaction: Option<TransactionClient>,
    /// The offsets of the transaction that is being committed.
    pub(super) offsets: Option<TransactionOffsets>,
    is_asking_id: bool,
    sticky: Option<StickyPartitioner>,
}

impl Writer {
    /// One that writes in transactions, if there is somebody to ask about them.
    pub(super) fn new(transaction: Option<TransactionClient>) -> Writer {
        Writer { transaction, ..Writer::default() }
    }

    /// Nobody waits for what is under way any more.
    pub(super) fn forget(&mut self) {
        self.outgoing = None;
    }
}

impl Consumer {
    /// Sends a result; the thread waits until it is written.
    pub(super) fn write(
        &mut self,
        (record, rest): (OutgoingRecord, VecDeque<OutgoingRecord>),
        of: (TopicPartition, i64),
        out: &mut Out<'_>,
    ) {
        self.thread = Thread::Writing;
        self.writer.outgoing = Some(Outgoing {
            record,
            rest,
            of,
            batch: None,
            is_under_way: false,
            deadline: out.now() + DELIVERY_TIMEOUT,
            retry_at: Time::ZERO,
            failures: 0,
        });
    }

    /// Does what a result needs next; says when to look again.
    pub(super) fn pump_write(&mut self, out: &mut Out<'_>) -> Option<Time> {
        let now = out.now();
        let outgoing = self.writer.outgoing.as_ref().filter(|outgoing| !outgoing.is_under_way)?;
        let (deadline, retry_at) = (outgoing.deadline, outgoing.retry_at);
        if deadline <= now {
            let sentence = format!(
                "Expiring 1 record(s) for {}: {} ms has passed since batch creation",
                outgoing.record.topic,
                DELIVERY_TIMEOUT.as_millis()
            );
            if self.writer.transaction.is_some() {
                self.writer.outgoing = None;
                self.abort_transaction();
                return None;
            }
            self.die(client_error("TimeoutException", sentence), out);
            return None;
        }
        if retry_at > now {
            return Some(retry_at);
        }
        if self.writer.sequences.is_none() {
            if self.writer.transaction.is_none() {
                self.ask_producer_id(out);
            }
        } else if self.close_batch(out).is_some() {
            self.send_result(out);
        }
        Some(deadline)
    }

    fn ask_producer_id(&mut self, out: &mut Out<'_>) {
        if !self.writer.is_asking_id
            && let Some(node) = self.core.any_node(out)
        {
            self.writer.is_asking_id = true;
            self.core.send(node, Request::InitProducerId, Asked::ProducerId, out);
        }
    }

    pub(super) fn producer_id_answered(&mut self, response: Option<Response>, out: &mut Out<'_>) {
        self.writer.is_asking_id = false;
        match response {
            Some(Response::InitProducerId(Ok((id, epoch)))) => {
                self.writer.sequences = Some(Sequences::new(id, epoch));
            }
            _ => self.write_later(out),
        }
    }

    /// Chooses the partition of a result and makes its batch: once, however often it is sent.
    fn close_batch(&mut self, out: &mut Out<'_>) -> Option<()> {
        let outgoing = self.writer.outgoing.as_mut()?;
        if outgoing.batch.is_some() {
            return Some(());
        }
        let topic = &outgoing.record.topic;
        let known = self.core.metadata.named(topic).map(|(_, known)| known);
        let Some(Known { found: Ok(found), available }) = known else {
            self.core.metadata.want(topic);
            self.core.metadata.request_update();
            return None;
        };
        let count = found.partitions.len() as u32;
        let measured = Measured::of(&outgoing.record);
        let bytes = measured.bytes_most();
        let attributes = if self.writer.transaction.is_some() { TRANSACTIONAL } else { 0 };
        let mut batch = ProducerBatch::new(0, (bytes, bytes), attributes, out.now());
        batch.try_push((&outgoing.record, &measured), now_ms(out.now()));
        let number = match (outgoing.record.partition, &outgoing.record.key) {
            (Some(number), _) => number,
            (None, Some(key)) => partition_for_key(key, count),
            (None, None) => {
                let all = (count, &available[..]);
                let mut random = || out.random().bits() as i32;
                let new = || StickyPartitioner::new(STICKY_BYTES);
                let sticky = self.writer.sticky.get_or_insert_with(new);
                let number = sticky.partition(all, &mut random);
                sticky.produced(batch.size_bytes(), true, all, &mut random);
                number
            }
        };
        let partition = TopicPartition::new(topic, number);
        let stamp = self.writer.sequences.as_mut()?.number(&partition, 1, true);
        outgoing.batch = Some((partition, batch.close(stamp)));
        Some(())
    }

    fn send_result(&mut self, out: &mut Out<'_>) {
        let Some(outgoing) = &mut self.writer.outgoing else { return };
        let Some((partition, bytes)) = outgoing.batch.clone() else { return };
        let Some((_, node, _)) = self.core.metadata.leader(&partition) else {
            return self.core.metadata.request_update();
        };
        if self.core.connect(node, out) {
            outgoing.is_under_way = true;
            let timeout_ms = self.config.network.request_timeout.as_millis();
            let batches = vec![(partition.clone(), bytes)];
            let transaction = self.writer.transaction.as_mut().map(|transaction| {
                transaction.sent();
                transaction.id().clone()
            });
            let request = Request::Produce(Produce { acks: -1, transaction, timeout_ms, batches });
            self.core.send(node, request, Asked::Write(partition), out);
        }
    }

    pub(super) fn write_answered(
        &mut self,
        partition: &TopicPartition,
        response: Option<Response>,
        out: &mut Out<'_>,
    ) {
        let Some(outgoing) = &mut self.writer.outgoing else { return };
        outgoing.is_under_way = false;
        let result = match response {
            Some(Response::Produce(results)) => {
                results.into_iter().next().map(|(_, result)| result)
            }
            _ => None,
        };
        match result.unwrap_or(Err(ErrorCode::NetworkException)) {
            Ok(offset) => {
                let Some(Outgoing { record, mut rest, of, .. }) = self.writer.outgoing.take()
                else {
                    return;
                };
                out.emit(Event::ResultWritten {
                    client: self.core.name.clone(),
                    message: record.id,
                    partition: partition.clone(),
                    offset,
                });
                if let Some(next) = rest.pop_front() {
                    self.write((next, rest), of, out);
                } else if !self.dies_at(CrashPoint::Written, out) {
                    self.handled((&of.0, of.1), out);
                }
            }
            Err(error) if error.is_retriable() => {
                self.core.metadata.request_update();
                self.write_later(out);
            }
            Err(_) if self.writer.transaction.is_some() => {
                self.writer.outgoing = None;
                self.abort_transaction();
            }
            Err(error) => self.die(error.error(), out),
        }
    }

    fn write_later(&mut self, out: &mut Out<'_>) {
        let failures = self.writer.outgoing.as_ref().map_or(0, |outgoing| outgoing.failures);
        let wait = self.core.retry_backoff(failures, out);
        if let Some(outgoing) = &mut self.writer.outgoing {
            outgoing.failures += 1;
            outgoing.retry_at = out.now() + wait;
        }
    }
}
