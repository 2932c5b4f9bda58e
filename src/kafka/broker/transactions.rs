//! The coordinator of transactions: the leader of a partition of `__transaction_state` coordinates
//! the transactional ids that hash to it.
//!
//! Every change of a transactional id is appended first and true when all in-sync replicas have it
//! ([`Writing`]); what is decided then is told to the leaders of its partitions ([`markers`]).
//!
//! [`markers`]: super::markers

use super::channel::Purpose;
use super::coordinator::{as_coordinator, batch_of};
use super::life::Ticket;
use super::markers::Marking;
use super::produce::Completion;
use super::server::{Call, Server};
use super::verification::Verification;
use crate::kafka::error::ErrorCode;
use crate::kafka::event::{Event, TopicPartition};
use crate::kafka::group::partition_for;
use crate::kafka::log::LogScan;
use crate::kafka::message::transactions::Transactional;
use crate::kafka::message::{Request, Response, TransactionRequest, TransactionResponse};
use crate::kafka::metadata::TRANSACTIONS_TOPIC;
use crate::kafka::now_ms;
use crate::kafka::process::{Out, Timer};
use crate::kafka::protection::Protection;
use crate::kafka::record::Records;
use crate::kafka::transaction::state::Change;
use crate::kafka::transaction::{State, Transaction, records};
use crate::ordered::BTreeMap;
use crate::sim::{Rope, Span, Time};
use std::rc::Rc;

/// A transactional id at its coordinator.
#[derive(Clone, Debug)]
pub struct Known {
    /// As the log has it; `None` until its first record is there.
    pub now: Option<Transaction>,
    /// True while a change is on its way into the log.
    pub is_pending: bool,
}

/// What a broker knows of transactions: as their coordinator, and as a leader that is written to.
#[derive(Clone, Debug, Default)]
pub struct Transactions {
    /// The transactional ids that it coordinates.
    pub all: BTreeMap<Rc<str>, Known>,
    /// Partitions of `__transaction_state` that are still being read.
    pub(super) loading: BTreeMap<i32, LogScan>,
    /// Markers that are to be written.
    pub(super) markers: Vec<Marking>,
    /// Ids of which all markers are written: that has to be noted, from an instant on.
    pub(super) incomplete: Vec<(Rc<str>, Time)>,
    /// Requests that wait until a coordinator knows of them.
    pub(super) verifications: Vec<Verification>,
    /// True while the timer of the timeouts is set.
    pub(super) sweeps: bool,
    /// When markers are tried again.
    pub(super) wake_at: Option<Time>,
}

/// Who asked that partitions be added.
#[derive(Clone, Debug)]
pub enum Asker {
    /// Another broker.
    Call(Call),
    /// This broker, for the request with this number.
    Own(u64),
}

/// What is done once a change is in the log.
#[derive(Clone, Debug)]
pub enum Then {
    /// A producer has its epoch.
    Begun(Call),
    /// Partitions are added.
    Added(Asker),
    /// The transaction is decided by its producer.
    Ended(Call),
    /// The transaction is decided by the coordinator.
    Decided(&'static str),
    /// All markers are written.
    Completed,
}

/// A change on its way into the log.
#[derive(Clone, Debug)]
pub struct Writing {
    id: Rc<str>,
    next: Transaction,
    then: Then,
}

impl Server {
    // ---- loading ----

    /// Begins to read a partition of `__transaction_state` that this broker leads now.
    pub(super) fn load_transactions_of(&mut self, partition: i32, out: &mut Out<'_>) {
        let key = TopicPartition::new(TRANSACTIONS_TOPIC, partition);
        let Some(found) = self.partitions.get(&key) else { return };
        if found.log.log_end() > found.log.log_start() {
            self.transactions.loading.insert(partition, LogScan::of(&found.log));
            self.read_transactions(partition, out);
        }
    }

    /// Another broker coordinates a partition of `__transaction_state` now.
    pub(super) fn unload_transactions_of(&mut self, partition: i32) {
        let count = self.coordinating_partitions(TRANSACTIONS_TOPIC);
        let is_gone = |id: &str| partition_for(id, count) == partition;
        self.transactions.loading.remove(&partition);
        self.transactions.all.retain(|id, _| !is_gone(id));
        self.transactions.markers.retain(|marking| !is_gone(&marking.id));
        self.transactions.incomplete.retain(|(id, _)| !is_gone(id));
    }

    fn read_transactions(&mut self, partition: i32, out: &mut Out<'_>) {
        let Some(scan) = self.transactions.loading.get_mut(&partition) else { return };
        match scan.next_read() {
            Some((file, from, len)) => {
                out.read(&file, from, len, Ticket::LoadTransactions { partition });
            }
            None => self.transactions_loaded(partition, out),
        }
    }

    /// Bytes of a partition of `__transaction_state` have come.
    pub(super) fn transactions_read(&mut self, partition: i32, bytes: Rope, out: &mut Out<'_>) {
        let Some(scan) = self.transactions.loading.get_mut(&partition) else { return };
        for (_, batch) in scan.take(bytes) {
            for record in Records::of(&batch).into_iter().flatten() {
                let Some(id) = record.key.and_then(records::decode_key) else { continue };
                let now = record.value.and_then(records::decode_value);
                self.transactions.all.insert(id.into(), Known { now, is_pending: false });
            }
        }
        self.read_transactions(partition, out);
    }

    /// All of a partition is known: what was decided and is not complete goes on.
    fn transactions_loaded(&mut self, partition: i32, out: &mut Out<'_>) {
        self.transactions.loading.remove(&partition);
        let count = self.coordinating_partitions(TRANSACTIONS_TOPIC);
        let mine = self.transactions.all.iter();
        let mine = mine.filter(|(id, _)| partition_for(id, count) == partition);
        let prepared = mine.filter_map(|(id, known)| {
            let decided = known.now.clone().filter(|now| now.state.is_prepared());
            decided.map(|decided| (id.clone(), decided))
        });
        // Whoever wrote it may have died before it could tell.
        for (id, decided) in prepared.collect::<Vec<_>>() {
            self.decided(id, &decided, "loaded", out);
        }
        self.sweep_soon(out);
    }

    // ---- what is asked ----

    pub(super) fn ask_transaction(
        &mut self,
        call: Call,
        request: TransactionRequest,
        out: &mut Out<'_>,
    ) {
        match request {
            TransactionRequest::FindCoordinator { id } => {
                self.find_coordinator(&call, TRANSACTIONS_TOPIC, &id, out);
            }
            TransactionRequest::InitProducerId { id, timeout } => {
                self.begin_transactional(call, id, timeout, out);
            }
            TransactionRequest::AddPartitions { of, partitions } => {
                self.add_partitions(&of, &partitions, Asker::Call(call), out);
            }
            TransactionRequest::EndTxn { of, commits } => {
                if let Err(error) = self.end_transaction(&call, &of, commits, out) {
                    let answer = TransactionResponse::EndTxn(Err(error));
                    call.answer(Response::Transaction(answer), out);
                }
            }
            TransactionRequest::TxnOffsetCommit { of, commit } => {
                self.txn_offset_commit(call, of, commit, out);
            }
            TransactionRequest::WriteTxnMarkers(markers) => {
                self.write_markers(markers, Some(call), out);
            }
        }
    }

    fn fences(&self) -> bool {
        !self.config.without.lacks(Protection::TransactionFencing)
    }

    /// A transactional id that is coordinated here and that nothing is being written of.
    fn transaction(&self, id: &str) -> Result<Option<&Transaction>, ErrorCode> {
        self.coordinated_by(TRANSACTIONS_TOPIC, id)?;
        match self.transactions.all.get(id) {
            Some(known) if known.is_pending => Err(ErrorCode::ConcurrentTransactions),
            known => Ok(known.and_then(|known| known.now.as_ref())),
        }
    }

    /// `initTransactions()` of a producer.
    pub(super) fn begin_transactional(
        &mut self,
        call: Call,
        id: Rc<str>,
        timeout: Span,
        out: &mut Out<'_>,
    ) {
        let now = now_ms(out.now());
        let known = match self.transaction(&id) {
            _ if id.is_empty() => Err(ErrorCode::InvalidRequest),
            _ if timeout > self.config.transaction_max_timeout => {
                Err(ErrorCode::InvalidTransactionTimeout)
            }
            Err(error) => Err(error),
            Ok(None) => match self.next_producer_id() {
                Some(producer_id) => Ok(Transaction::new(producer_id, timeout, now)),
                None => {
                    let request = Request::AllocateProducerIds { broker: self.id };
                    let purpose = Purpose::ProducerIds(call, Some((id, timeout)));
                    return self.ask_controller(purpose, request, out);
                }
            },
            Ok(Some(open)) if open.state == State::Ongoing && self.fences() => {
                // Who has it now is fenced; the one that comes has to come again.
                let next = open.decided(false, now);
                self.write_transaction(id.clone(), next, Then::Decided("fenced"), out);
                Err(ErrorCode::ConcurrentTransactions)
            }
            Ok(Some(open)) if open.state == State::Ongoing => {
                Ok(Transaction { epoch: open.epoch + 1, ..open.clone() })
            }
            Ok(Some(known)) => known.begin_producer(timeout, now),
        };
        match known {
            Ok(next) => self.write_transaction(id, next, Then::Begun(call), out),
            Err(error) => call.answer(Response::InitProducerId(Err(error)), out),
        }
    }

    pub(super) fn add_partitions(
        &mut self,
        of: &Transactional,
        partitions: &[TopicPartition],
        asker: Asker,
        out: &mut Out<'_>,
    ) {
        let fences = self.fences();
        let change = self.transaction(&of.id).and_then(|known| {
            let known = known.ok_or(ErrorCode::InvalidProducerIdMapping)?;
            known.check(of.producer_id, of.epoch, fences)?;
            known.add(partitions, now_ms(out.now()))
        });
        match change {
            Ok(Change::Write(next)) => {
                self.write_transaction(of.id.clone(), next, Then::Added(asker), out);
            }
            Ok(Change::Nothing) => self.added(asker, Ok(()), out),
            Err(error) => self.added(asker, Err(error), out),
        }
    }

    fn added(&mut self, asker: Asker, result: Result<(), ErrorCode>, out: &mut Out<'_>) {
        match asker {
            Asker::Call(call) => {
                let answer = TransactionResponse::AddPartitions(result);
                call.answer(Response::Transaction(answer), out);
            }
            Asker::Own(number) => self.verified(number, result, out),
        }
    }

    fn end_transaction(
        &mut self,
        call: &Call,
        of: &Transactional,
        commits: bool,
        out: &mut Out<'_>,
    ) -> Result<(), ErrorCode> {
        let fences = self.fences();
        let known = self.transaction(&of.id)?.ok_or(ErrorCode::InvalidProducerIdMapping)?;
        if of.producer_id != known.producer_id {
            return Err(ErrorCode::InvalidProducerIdMapping);
        }
        let epoch = if fences { of.epoch } else { known.epoch };
        match known.end(epoch, commits, now_ms(out.now()))? {
            Change::Write(next) => {
                let then = Then::Ended(call.clone());
                self.write_transaction(of.id.clone(), next, then, out);
            }
            Change::Nothing => {
                let next = Ok((known.producer_id, known.epoch));
                let answer = Response::Transaction(TransactionResponse::EndTxn(next));
                call.answer(answer, out);
            }
        }
        Ok(())
    }

    // ---- writing ----

    /// Appends a change to `__transaction_state`.
    pub(super) fn write_transaction(
        &mut self,
        id: Rc<str>,
        next: Transaction,
        then: Then,
        out: &mut Out<'_>,
    ) {
        let Ok(partition) = self.coordinated_by(TRANSACTIONS_TOPIC, &id) else { return };
        match self.transactions.all.get_mut(&id) {
            Some(known) => known.is_pending = true,
            None => {
                let known = Known { now: None, is_pending: true };
                self.transactions.all.insert(id.clone(), known);
            }
        }
        let entry = (records::encode_key(&id), Some(records::encode_value(&next)));
        let batch = batch_of([entry].into_iter(), now_ms(out.now()));
        let timeout = next.timeout;
        let completion = Completion::Transaction(Box::new(Writing { id, next, then }));
        self.append_all(-1, timeout, vec![(partition, batch)], completion, out);
    }

    /// A change is in the log, or could not be brought there.
    pub(super) fn transaction_written(
        &mut self,
        writing: Writing,
        written: Result<(), ErrorCode>,
        out: &mut Out<'_>,
    ) {
        let Writing { id, next, then } = writing;
        let written = written.map_err(as_coordinator);
        let who = (next.producer_id, next.epoch);
        // It is not there any more if another broker coordinates it now.
        if let Some(known) = self.transactions.all.get_mut(&id) {
            known.is_pending = false;
            if written.is_ok() {
                known.now = Some(next.clone());
            }
        }
        match then {
            Then::Begun(call) => {
                call.answer(Response::InitProducerId(written.map(|()| who)), out);
            }
            Then::Added(asker) => {
                self.sweep_soon(out);
                self.added(asker, written, out);
            }
            Then::Ended(call) => {
                let answer = TransactionResponse::EndTxn(written.map(|()| who));
                call.answer(Response::Transaction(answer), out);
                if written.is_ok() {
                    self.decided(id, &next, "ended", out);
                }
            }
            Then::Decided(reason) if written.is_ok() => self.decided(id, &next, reason, out),
            Then::Decided(_) => {}
            Then::Completed if written.is_ok() => out.emit(Event::TransactionCompleted {
                transactional_id: id,
                outcome: outcome(next.state == State::CompleteCommit),
            }),
            Then::Completed => {
                /// Before it is tried again.
                const AGAIN: Span = Span::millis(100);
                self.transactions.incomplete.push((id, out.now() + AGAIN));
            }
        }
    }

    fn decided(
        &mut self,
        id: Rc<str>,
        next: &Transaction,
        reason: &'static str,
        out: &mut Out<'_>,
    ) {
        let commits = matches!(next.state, State::PrepareCommit | State::CompleteCommit);
        out.emit(Event::TransactionDecided {
            transactional_id: id.clone(),
            producer_id: next.producer_id,
            epoch: next.epoch,
            outcome: outcome(commits),
            reason,
        });
        self.begin_markers(&id, out);
    }

    // ---- timeouts ----

    /// Sees to it that open transactions are looked at in time.
    fn sweep_soon(&mut self, out: &mut Out<'_>) {
        let is_open =
            |known: &Known| known.now.as_ref().is_some_and(|now| now.state == State::Ongoing);
        if !self.transactions.sweeps && self.transactions.all.values().any(is_open) {
            self.transactions.sweeps = true;
            let each = self.config.transaction_sweep.as_micros().max(1);
            let next = (out.now().micros() / each + 1) * each;
            out.timer_at(Timer::TransactionTimeouts, Time::from_micros(next));
        }
    }

    /// Aborts what was open for too long.
    pub(super) fn abort_late(&mut self, out: &mut Out<'_>) {
        self.transactions.sweeps = false;
        let now = now_ms(out.now());
        let late = self.transactions.all.iter().filter_map(|(id, known)| {
            let transaction = known.now.as_ref().filter(|_| !known.is_pending)?;
            transaction.is_late(now).then(|| (id.clone(), transaction.decided(false, now)))
        });
        for (id, next) in late.collect::<Vec<_>>() {
            self.write_transaction(id, next, Then::Decided("timeout"), out);
        }
        self.sweep_soon(out);
    }

    /// Forgets transactional ids that have nothing open and of which nothing was heard for
    /// `transactional.id.expiration.ms`: with a tombstone, so that the log forgets them too.
    pub(super) fn forget_old_ids(&mut self, out: &mut Out<'_>) {
        let (kept, every) = self.config.transactional_ids;
        out.timer(Timer::OldTransactionalIds, every);
        let now = now_ms(out.now());
        let is_old = |known: &Known| {
            let quiet = known.now.as_ref().filter(|_| !known.is_pending);
            quiet.is_some_and(|transaction| {
                matches!(
                    transaction.state,
                    State::Empty | State::CompleteCommit | State::CompleteAbort
                ) && transaction.updated_ms + kept.as_millis() as i64 <= now
            })
        };
        let old = self.transactions.all.iter().filter(|(_, known)| is_old(known));
        let old: Vec<Rc<str>> = old.map(|(id, _)| id.clone()).collect();
        for id in old {
            let Ok(partition) = self.coordinated_by(TRANSACTIONS_TOPIC, &id) else { continue };
            self.transactions.all.remove(&id);
            let batch = batch_of([(records::encode_key(&id), None)].into_iter(), now);
            let batches = vec![(partition, batch)];
            self.append_all(-1, EXPIRY_TIMEOUT, batches, Completion::Nothing, out);
        }
    }
}

/// How long the end of a transactional id may wait for replicas.
const EXPIRY_TIMEOUT: Span = Span::seconds(30);

/// How an outcome is called in events and states.
pub(super) fn outcome(commits: bool) -> &'static str {
    if commits { "committed" } else { "aborted" }
}
