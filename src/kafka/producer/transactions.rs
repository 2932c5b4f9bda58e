//! An application that sends in transactions: it opens one with the first record, commits after so
//! many or after some time, and aborts some on purpose. Before either it calls `flush()`, so that
//! even what is aborted lies in the log. While a transaction ends, `send()` is not called.
//!
//! What a transaction holds is acknowledged when it is committed. If one record of it cannot be
//! stored, all are aborted; a producer that was fenced ends. A polite stop aborts what is open, as
//! `close()` does.

use super::client::{Asked, Producer};
use crate::kafka::command::ApiError;
use crate::kafka::error::client_error;
use crate::kafka::event::Event;
use crate::kafka::message::Response;
use crate::kafka::process::Out;
use crate::kafka::producer::sequences::Sequences;
use crate::kafka::transaction::client::Heard;
use crate::sim::Time;

impl Producer {
    /// True if `send()` may be called now.
    pub(super) fn may_send(&self) -> bool {
        self.transaction.as_ref().is_none_or(|transaction| transaction.may_send())
    }

    /// True until a transaction that has begun is over.
    pub(super) fn is_in_transaction(&self) -> bool {
        let is_in =
            |t: &crate::kafka::transaction::TransactionClient| t.is_open() || t.ending().is_some();
        self.transaction.as_ref().is_some_and(is_in)
    }

    /// The next record opens a transaction, if none is open.
    pub(super) fn open_transaction(&mut self, out: &mut Out<'_>) {
        let Some(transaction) = &mut self.transaction else { return };
        if transaction.open() {
            self.transactions_begun += 1;
            (self.in_transaction, self.transaction_began) = (0, out.now());
            let who = transaction.who();
            out.emit(Event::TransactionBegun {
                client: self.core.name.clone(),
                transactional_id: who.id,
                producer_id: who.producer_id,
                epoch: who.epoch,
            });
        }
    }

    /// A record was sent in it: it may be the last.
    pub(super) fn sent_in_transaction(&mut self, now: Time) {
        let Some(config) = &self.config.transaction else { return };
        self.in_transaction += 1;
        self.sent_in_all += 1;
        let age = now.since(self.transaction_began);
        let is_old = config.duration.is_some_and(|duration| age >= duration);
        let is_last = config.total == Some(self.sent_in_all);
        if self.in_transaction >= config.records || is_old || is_last {
            let every = config.abort_every;
            let aborts = every > 0 && self.transactions_begun.is_multiple_of(every);
            self.end_transaction(!aborts);
        }
    }

    /// `flush()`, and then `commitTransaction()` or `abortTransaction()`.
    pub(super) fn end_transaction(&mut self, commits: bool) {
        self.accumulator.flush();
        if let Some(transaction) = &mut self.transaction {
            transaction.end(commits);
        }
    }

    /// Asks the coordinator what is to be asked; says when to look again.
    pub(super) fn pump_transaction(&mut self, out: &mut Out<'_>) -> Option<Time> {
        let is_flushed = self.accumulator.is_empty();
        let transaction = self.transaction.as_mut()?;
        let ending = transaction.ending();
        if is_flushed && transaction.ends_unheard() {
            self.transaction_over(ending == Some(true), out);
            return None;
        }
        let transaction = self.transaction.as_mut()?;
        if let Some((node, request)) = transaction.next(out.now(), is_flushed) {
            let node = match node {
                Some(node) => Some(node).filter(|node| self.core.connect(*node, out)),
                None => self.core.any_node(out),
            };
            if let Some(node) = node {
                self.core.send(node, request, Asked::Transaction, out);
                transaction.asked();
            }
        }
        transaction.next_due(out.now())
    }

    pub(super) fn transaction_answered(&mut self, response: Option<Response>, out: &mut Out<'_>) {
        let Some(transaction) = &mut self.transaction else { return };
        let again_at = out.now() + self.core.retry_backoff(transaction.failures(), out);
        match transaction.answered(response, again_at) {
            Heard::Nothing => {}
            Heard::Begun(id, epoch) => {
                self.sequences = Some(Sequences::new(id, epoch));
                self.call_anew(out.now());
            }
            Heard::Ended(commits, (id, epoch)) => {
                self.sequences = Some(Sequences::new(id, epoch));
                self.transaction_over(commits, out);
            }
            Heard::Fatal(error) => self.die(&error, out),
        }
    }

    fn transaction_over(&mut self, commits: bool, out: &mut Out<'_>) {
        let Some(transaction) = &self.transaction else { return };
        let transactional_id = transaction.id().clone();
        for stored in std::mem::take(&mut self.stored) {
            match commits {
                true => self.tell_acknowledged(stored, out),
                false => {
                    let sentence = "Failing batch since transaction was aborted";
                    let error = client_error("TransactionAbortedException", sentence);
                    self.tell_failed(stored.messages, error, out);
                }
            }
        }
        let outcome = if commits { "committed" } else { "aborted" };
        let client = self.core.name.clone();
        out.emit(Event::TransactionEnded { client, transactional_id, outcome });
        self.call_anew(out.now());
    }

    /// `send()` was not called until now: whoever waited for it begins to wait.
    fn call_anew(&mut self, now: Time) {
        let deadline = now + self.config.max_block;
        self.blocked.iter_mut().for_each(|(_, waits_until)| *waits_until = deadline);
    }

    /// The producer can do nothing more: all that it holds has failed, and it ends.
    fn die(&mut self, error: &ApiError, out: &mut Out<'_>) {
        let stored = std::mem::take(&mut self.stored);
        let mut messages: Vec<_> = stored.into_iter().flat_map(|stored| stored.messages).collect();
        messages.extend(self.accumulator.messages());
        messages.extend(self.blocked.drain(..).map(|(record, _)| record.id));
        if !messages.is_empty() {
            self.tell_failed(messages, error.clone(), out);
        }
        let (client, error) = (self.core.name.clone(), error.clone());
        out.emit(Event::ClientError { client, error });
        out.exit();
    }
}
