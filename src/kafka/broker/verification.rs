//! Before the first batch of a transaction is appended to a partition, its leader asks the
//! transaction's coordinator to add the partition (KIP-890): so nothing is written for a
//! transaction that nobody will ever end. Offsets that a group commits in a transaction are a
//! first batch in `__consumer_offsets`.
//!
//! Requests of one producer go on in the order in which they came.

use super::channel::{Purpose, REQUEST_TIMEOUT};
use super::coordinator::{OFFSETS_COMMIT_TIMEOUT, Written};
use super::produce::Completion;
use super::server::{Call, Server};
use super::transactions::Asker;
use crate::kafka::error::ErrorCode;
use crate::kafka::event::TopicPartition;
use crate::kafka::group::{CommittedOffset, Group, records};
use crate::kafka::message::request::{OffsetAndEpoch, OffsetCommit, Produce};
use crate::kafka::message::transactions::Transactional;
use crate::kafka::message::{Request, Response, TransactionRequest, TransactionResponse};
use crate::kafka::metadata::TRANSACTIONS_TOPIC;
use crate::kafka::now_ms;
use crate::kafka::process::Out;
use crate::kafka::protection::Protection;
use crate::kafka::record::BatchHeader;
use crate::kafka::record::builder::{BatchBuilder, Fields, ProducerStamp};
use crate::kafka::record::header::TRANSACTIONAL;
use crate::sim::NodeId;
use std::rc::Rc;

/// What is to be appended.
#[derive(Clone, Debug)]
enum What {
    Produce(Produce),
    Offsets(OffsetCommit),
}

/// A request that waits until the coordinator knows of it.
#[derive(Clone, Debug)]
pub struct Verification {
    number: u64,
    call: Call,
    of: Transactional,
    what: What,
    is_under_way: bool,
}

/// Offsets that are in the log and count when their transaction is committed.
#[derive(Clone, Debug)]
pub struct Promised {
    call: Call,
    group: Rc<str>,
    producer_id: i64,
    offsets: Vec<Written>,
    refused: Vec<(TopicPartition, ErrorCode)>,
}

fn refuse(verification: Verification, error: ErrorCode, out: &mut Out<'_>) {
    let answer = match verification.what {
        What::Produce(produce) => {
            let all = produce.batches.into_iter().map(|(partition, _)| (partition, Err(error)));
            Response::Produce(all.collect())
        }
        What::Offsets(commit) => refused(commit, error),
    };
    verification.call.answer(answer, out);
}

fn refused(commit: OffsetCommit, error: ErrorCode) -> Response {
    let all = commit.offsets.into_iter().map(|(partition, _)| (partition, Err(error)));
    Response::Transaction(TransactionResponse::TxnOffsetCommit(all.collect()))
}

impl Server {
    /// Batches of a transaction.
    pub(super) fn produce_in_transaction(
        &mut self,
        call: Call,
        (id, produce): (Rc<str>, Produce),
        out: &mut Out<'_>,
    ) {
        let header = produce.batches.first().and_then(|(_, batch)| BatchHeader::parse(batch));
        let (producer_id, epoch) = header.map_or((-1, -1), |h| (h.producer_id, h.producer_epoch));
        self.verify(call, Transactional { id, producer_id, epoch }, What::Produce(produce), out);
    }

    /// Offsets of a transaction.
    pub(super) fn txn_offset_commit(
        &mut self,
        call: Call,
        of: Transactional,
        commit: OffsetCommit,
        out: &mut Out<'_>,
    ) {
        let allowed = self.coordinated(&commit.group).and_then(|_| {
            if self.config.without.lacks(Protection::GenerationCheck) {
                return Ok(());
            }
            let unknown = Group::default();
            let group = self.groups.get(&commit.group).unwrap_or(&unknown);
            group.check_commit((&commit.member, commit.instance.as_ref(), commit.generation))
        });
        match allowed {
            Ok(()) => self.verify(call, of, What::Offsets(commit), out),
            Err(error) => call.answer(refused(commit, error), out),
        }
    }

    fn verify(&mut self, call: Call, of: Transactional, what: What, out: &mut Out<'_>) {
        let number = self.fresh_id();
        let waiting = Verification { number, call, of, what, is_under_way: false };
        self.transactions.verifications.push(waiting);
        self.pump_verifications(out);
    }

    /// Who asked has closed the connection.
    pub(super) fn forget_verifications(&mut self, peer: NodeId) {
        self.transactions.verifications.retain(|waiting| waiting.call.from != peer);
    }

    /// The partitions that the coordinator has to know of first.
    fn unknown_partitions(&self, of: &Transactional, what: &What) -> Vec<TopicPartition> {
        let is_open = |partition: &TopicPartition| {
            self.partitions.get(partition).is_none_or(|found| {
                found.leadership().is_none()
                    || found.log.producers.has_open(of.producer_id, of.epoch)
            })
        };
        let all: Vec<TopicPartition> = match what {
            What::Produce(produce) => produce.batches.iter().map(|(tp, _)| tp.clone()).collect(),
            What::Offsets(commit) => self.coordinated(&commit.group).into_iter().collect(),
        };
        all.into_iter().filter(|partition| !is_open(partition)).collect()
    }

    /// Goes on with every request that is the first of its producer.
    pub(super) fn pump_verifications(&mut self, out: &mut Out<'_>) {
        let mut at = 0;
        while let Some(waiting) = self.transactions.verifications.get(at) {
            let producer = waiting.of.producer_id;
            let mut before = self.transactions.verifications[..at].iter();
            if waiting.is_under_way || before.any(|other| other.of.producer_id == producer) {
                at += 1;
                continue;
            }
            let partitions = self.unknown_partitions(&waiting.of, &waiting.what);
            if partitions.is_empty() {
                let ready = self.transactions.verifications.remove(at);
                self.append_verified(ready, out);
                at = 0;
                continue;
            }
            let (number, of) = (waiting.number, waiting.of.clone());
            match self.coordinator_of(TRANSACTIONS_TOPIC, &of.id) {
                Err(error) => {
                    self.verified(number, Err(error), out);
                    at = 0;
                }
                Ok((id, _)) if id == self.id => {
                    self.transactions.verifications[at].is_under_way = true;
                    self.add_partitions(&of, &partitions, Asker::Own(number), out);
                    at = 0;
                }
                Ok((_, node)) if self.connections.connect(node, out) => {
                    self.transactions.verifications[at].is_under_way = true;
                    let request = TransactionRequest::AddPartitions { of, partitions };
                    let asked = (Request::Transaction(request), Purpose::Verify(number));
                    self.connections.send(node, asked, REQUEST_TIMEOUT, out);
                }
                Ok(_) => at += 1,
            }
        }
    }

    /// The coordinator knows of a request, or will not.
    pub(super) fn verified(
        &mut self,
        number: u64,
        result: Result<(), ErrorCode>,
        out: &mut Out<'_>,
    ) {
        let all = &mut self.transactions.verifications;
        let Some(at) = all.iter().position(|waiting| waiting.number == number) else { return };
        let verification = all.remove(at);
        match result {
            Ok(()) => self.append_verified(verification, out),
            Err(error) => {
                let error = match error {
                    // What a producer cannot know of is told as something that it can try again.
                    ErrorCode::NotCoordinator
                    | ErrorCode::CoordinatorNotAvailable
                    | ErrorCode::CoordinatorLoadInProgress
                    | ErrorCode::NetworkException => ErrorCode::NotEnoughReplicas,
                    ErrorCode::ProducerFenced => ErrorCode::InvalidProducerEpoch,
                    other => other,
                };
                refuse(verification, error, out);
            }
        }
    }

    fn append_verified(&mut self, verification: Verification, out: &mut Out<'_>) {
        let Verification { call, of, what, .. } = verification;
        match what {
            What::Produce(produce) => self.append_produce(call, produce, out),
            What::Offsets(commit) => self.append_promised(call, &of, commit, out),
        }
    }

    /// Writes offsets that count when their transaction is committed.
    fn append_promised(
        &mut self,
        call: Call,
        of: &Transactional,
        commit: OffsetCommit,
        out: &mut Out<'_>,
    ) {
        let partition = match self.coordinated(&commit.group) {
            Ok(partition) => partition,
            Err(error) => return call.answer(refused(commit, error), out),
        };
        let time = now_ms(out.now());
        let mut promised = Promised {
            call,
            group: commit.group.clone(),
            producer_id: of.producer_id,
            offsets: Vec::new(),
            refused: Vec::new(),
        };
        let mut builder = BatchBuilder::new(TRANSACTIONAL, 0);
        for (tp, OffsetAndEpoch { offset, epoch }) in commit.offsets {
            if self.image.partition(&tp).is_none() {
                promised.refused.push((tp, ErrorCode::UnknownTopicOrPartition));
                continue;
            }
            let committed = CommittedOffset { offset, leader_epoch: epoch, commit_ms: time };
            let (key, value) =
                (records::encode_key(&commit.group, &tp), records::encode_value(&committed));
            let fields = Fields { key: Some(&key), value: Some(&value), headers: &[] };
            builder.push(time, &fields);
            promised.offsets.push((tp, committed));
        }
        let stamp = ProducerStamp { id: of.producer_id, epoch: of.epoch, base_sequence: -1 };
        let batches = match promised.offsets.is_empty() {
            true => Vec::new(),
            false => vec![(partition, builder.close(stamp))],
        };
        let completion = Completion::Promised(Box::new(promised));
        self.append_all(-1, OFFSETS_COMMIT_TIMEOUT, batches, completion, out);
    }

    /// The offsets are in the log, or could not be brought there.
    pub(super) fn promised(
        &mut self,
        promised: Promised,
        written: Result<(), ErrorCode>,
        out: &mut Out<'_>,
    ) {
        let Promised { call, group, producer_id, offsets, refused } = promised;
        let written = written.map_err(super::coordinator::as_coordinator);
        let mut outcomes = Vec::new();
        for (partition, committed) in offsets {
            outcomes.push((partition.clone(), written));
            if written.is_ok() {
                self.groups.promise(producer_id, &group, partition, committed);
            }
        }
        outcomes.extend(refused.into_iter().map(|(partition, error)| (partition, Err(error))));
        let answer = TransactionResponse::TxnOffsetCommit(outcomes);
        call.answer(Response::Transaction(answer), out);
    }
}
