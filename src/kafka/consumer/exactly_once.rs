//! Read, work, write with a `transactional.id`: the results of a poll's records and the offsets
//! behind them are one transaction (`producer.sendOffsetsToTransaction(...)` with the group's
//! metadata, KIP-447). Either both count or neither, whatever dies in between; only what leaves
//! Kafka, such as an e-mail, may happen twice.
//!
//! A transaction is opened with the first record that is taken up, and committed after as many as
//! `--commit after:N` says, or when the poll's records are done. When it is aborted, because a
//! result could not be written or the group has gone on without this member, the application goes
//! back to the committed offsets. Who was fenced ends.

use super::client::{Asked, Consumer};
use super::handler::Thread;
use crate::kafka::command::CrashPoint;
use crate::kafka::error::{ErrorCode, client_error};
use crate::kafka::event::{Event, TopicPartition};
use crate::kafka::message::request::OffsetCommit;
use crate::kafka::message::{Request, Response, TransactionRequest, TransactionResponse};
use crate::kafka::process::Out;
use crate::kafka::producer::sequences::Sequences;
use crate::kafka::transaction::client::Heard;
use crate::sim::Time;

/// The offsets of a transaction, on their way to the group's coordinator.
#[derive(Clone, Debug)]
pub struct TransactionOffsets {
    offsets: Vec<(TopicPartition, i64)>,
    is_under_way: bool,
    retry_at: Time,
    failures: u32,
}

impl Consumer {
    /// True while the producer of the results is not ready for another transaction.
    pub(super) fn waits_for_transaction(&self) -> bool {
        self.writer.transaction.as_ref().is_some_and(|transaction| !transaction.may_send())
    }

    /// A record is taken up: its result will belong to a transaction.
    pub(super) fn open_transaction(&mut self, out: &mut Out<'_>) {
        let Some(transaction) = &mut self.writer.transaction else { return };
        if transaction.open() {
            let who = transaction.who();
            out.emit(Event::TransactionBegun {
                client: self.core.name.clone(),
                transactional_id: who.id,
                producer_id: who.producer_id,
                epoch: who.epoch,
            });
        }
    }

    /// `sendOffsetsToTransaction()`, and then `commitTransaction()`: the thread waits.
    pub(super) fn commit_transaction(&mut self) {
        let offsets = self.commits.take_handled().into_iter().collect();
        self.thread = Thread::Committing;
        let (is_under_way, retry_at, failures) = (false, Time::ZERO, 0);
        self.writer.offsets =
            Some(TransactionOffsets { offsets, is_under_way, retry_at, failures });
    }

    /// `abortTransaction()`: the thread waits, and goes back to the committed offsets then.
    pub(super) fn abort_transaction(&mut self) {
        self.thread = Thread::Committing;
        self.writer.offsets = None;
        if let Some(transaction) = &mut self.writer.transaction {
            transaction.end(false);
        }
    }

    /// Asks the coordinators what is to be asked; says when to look again.
    pub(super) fn pump_transaction(&mut self, out: &mut Out<'_>) -> Option<Time> {
        let offsets = self.pump_transaction_offsets(out);
        let transaction = self.writer.transaction.as_mut()?;
        let ending = transaction.ending();
        if transaction.ends_unheard() {
            self.transaction_over(ending == Some(true), out);
            return None;
        }
        let transaction = self.writer.transaction.as_mut()?;
        if let Some((node, request)) = transaction.next(out.now(), true) {
            let node = match node {
                Some(node) => Some(node).filter(|node| self.core.connect(*node, out)),
                None => self.core.any_node(out),
            };
            if let Some(node) = node {
                self.core.send(node, request, Asked::Transaction, out);
                transaction.asked();
            }
        }
        [transaction.next_due(out.now()), offsets].into_iter().flatten().min()
    }

    fn pump_transaction_offsets(&mut self, out: &mut Out<'_>) -> Option<Time> {
        let waiting = self.writer.offsets.as_ref().filter(|offsets| !offsets.is_under_way)?;
        if waiting.retry_at > out.now() {
            return Some(waiting.retry_at);
        }
        let membership = self.membership.as_ref()?;
        let transaction = self.writer.transaction.as_mut()?;
        if membership.is_lost {
            self.offsets_refused(ErrorCode::UnknownMemberId, out);
            return None;
        }
        let node = membership.coordinator().filter(|_| membership.may_commit())?;
        if !self.core.connect(node, out) {
            return None;
        }
        let commit = OffsetCommit {
            group: membership.group.clone(),
            member: membership.member.clone(),
            instance: membership.instance.clone(),
            generation: membership.generation,
            offsets: waiting
                .offsets
                .iter()
                .map(|(tp, o)| self.positions.with_epoch(tp, *o))
                .collect(),
        };
        transaction.sent();
        let request = TransactionRequest::TxnOffsetCommit { of: transaction.who(), commit };
        self.core.send(node, Request::Transaction(request), Asked::TransactionOffsets, out);
        if let Some(offsets) = &mut self.writer.offsets {
            offsets.is_under_way = true;
        }
        None
    }

    pub(super) fn transaction_offsets_answered(
        &mut self,
        response: Option<Response>,
        out: &mut Out<'_>,
    ) {
        let error = match response {
            Some(Response::Transaction(TransactionResponse::TxnOffsetCommit(outcomes))) => {
                outcomes.into_iter().find_map(|(_, result)| result.err())
            }
            _ => Some(ErrorCode::CoordinatorNotAvailable),
        };
        let Some(waiting) = &mut self.writer.offsets else { return };
        waiting.is_under_way = false;
        match error {
            None => {
                self.writer.offsets = None;
                if let Some(transaction) = &mut self.writer.transaction {
                    transaction.end(true);
                }
            }
            Some(error) if error.is_retriable() => {
                let failures = waiting.failures;
                waiting.failures += 1;
                if matches!(error, ErrorCode::NotCoordinator | ErrorCode::CoordinatorNotAvailable)
                    && let Some(membership) = &mut self.membership
                {
                    membership.forget_coordinator();
                }
                let retry_at = out.now() + self.core.retry_backoff(failures, out);
                if let Some(waiting) = &mut self.writer.offsets {
                    waiting.retry_at = retry_at;
                }
            }
            Some(error) => self.offsets_refused(error, out),
        }
    }

    /// The group has gone on without this member: nothing of it counts.
    fn offsets_refused(&mut self, error: ErrorCode, out: &mut Out<'_>) {
        if let Some(membership) = &mut self.membership
            && matches!(error, ErrorCode::UnknownMemberId | ErrorCode::IllegalGeneration)
            && !membership.is_lost
            && membership.may_commit()
        {
            membership.fall_out(error);
        }
        let sentence = "Transaction offset Commit failed due to consumer group metadata mismatch: ";
        let sentence = format!("{sentence}{}", error.sentence());
        let (client, error) =
            (self.core.name.clone(), client_error("CommitFailedException", sentence));
        out.emit(Event::ClientError { client, error });
        self.abort_transaction();
    }

    pub(super) fn transaction_answered(&mut self, response: Option<Response>, out: &mut Out<'_>) {
        let Some(transaction) = &mut self.writer.transaction else { return };
        let again_at = out.now() + self.core.retry_backoff(transaction.failures(), out);
        match transaction.answered(response, again_at) {
            Heard::Nothing => {}
            Heard::Begun(id, epoch) => self.writer.sequences = Some(Sequences::new(id, epoch)),
            Heard::Ended(commits, (id, epoch)) => {
                self.writer.sequences = Some(Sequences::new(id, epoch));
                self.transaction_over(commits, out);
            }
            Heard::Fatal(error) => self.die(error, out),
        }
    }

    fn transaction_over(&mut self, commits: bool, out: &mut Out<'_>) {
        let Some(transaction) = &self.writer.transaction else { return };
        let transactional_id = transaction.id().clone();
        let outcome = if commits { "committed" } else { "aborted" };
        let client = self.core.name.clone();
        out.emit(Event::TransactionEnded { client, transactional_id, outcome });
        if self.closing.is_some() {
            return;
        }
        if !commits {
            // What was read since the last commit is read again.
            self.commits.take_handled();
            self.batch.clear();
            self.buffer.clear();
            self.positions.back_to_committed();
            self.thread = Thread::Polling;
        } else if !self.dies_at(CrashPoint::Committed, out) {
            self.take_up(false, out);
        }
    }

    /// True while a transaction is still being aborted by a polite end.
    pub(super) fn closes_transaction(&mut self, out: &mut Out<'_>) -> bool {
        let is_over =
            |t: &crate::kafka::transaction::TransactionClient| !t.is_open() && t.ending().is_none();
        self.pump_transaction(out);
        self.writer.transaction.as_ref().is_some_and(|transaction| !is_over(transaction))
    }
}
