//! What a coordinator knows of one transactional id, and what may become of it.
//!
//! A question leads to a change that is to be written ([`Change`]), or it is answered at once.
//! While a change is on its way into the log nothing else is begun.

use crate::kafka::error::ErrorCode;
use crate::kafka::event::TopicPartition;
use crate::ordered::BTreeSet;
use crate::sim::Span;

/// Where a transactional id stands. The numbers are those of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It has an epoch and no transaction.
    Empty = 0,
    /// Partitions belong to its transaction.
    Ongoing = 1,
    /// It is committed; markers are being written.
    PrepareCommit = 2,
    /// It is aborted; markers are being written.
    PrepareAbort = 3,
    /// All markers of a commit are written.
    CompleteCommit = 4,
    /// All markers of an abort are written.
    CompleteAbort = 5,
}

impl State {
    /// The state with this number.
    pub fn of(number: i8) -> Option<State> {
        const ALL: [State; 6] = [
            State::Empty,
            State::Ongoing,
            State::PrepareCommit,
            State::PrepareAbort,
            State::CompleteCommit,
            State::CompleteAbort,
        ];
        ALL.get(usize::try_from(number).ok()?).copied()
    }

    /// Its name, as the tools print it.
    pub fn name(self) -> &'static str {
        match self {
            State::Empty => "Empty",
            State::Ongoing => "Ongoing",
            State::PrepareCommit => "PrepareCommit",
            State::PrepareAbort => "PrepareAbort",
            State::CompleteCommit => "CompleteCommit",
            State::CompleteAbort => "CompleteAbort",
        }
    }

    /// True while markers are being written.
    pub fn is_prepared(self) -> bool {
        matches!(self, State::PrepareCommit | State::PrepareAbort)
    }
}

/// One transactional id.
#[derive(Clone, Debug, PartialEq)]
pub struct Transaction {
    /// The producer id that belongs to it.
    pub producer_id: i64,
    /// The epoch that may write.
    pub epoch: i16,
    /// `transaction.timeout.ms` of its producer.
    pub timeout: Span,
    /// Where it stands.
    pub state: State,
    /// The partitions that wait for a marker, or will.
    pub partitions: BTreeSet<TopicPartition>,
    /// When its transaction began, in milliseconds since 1970; -1 without one.
    pub started_ms: i64,
    /// When it was written last.
    pub updated_ms: i64,
}

/// What a question leads to.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// Nothing is to be written: it is as asked.
    Nothing,
    /// This is to be written first.
    Write(Transaction),
}

impl Transaction {
    /// A transactional id that nobody had before.
    pub fn new(producer_id: i64, timeout: Span, now_ms: i64) -> Transaction {
        Transaction {
            producer_id,
            epoch: 0,
            timeout,
            state: State::Empty,
            partitions: BTreeSet::new(),
            started_ms: -1,
            updated_ms: now_ms,
        }
    }

    /// A producer begins: it gets a newer epoch. While the transaction of the one before is not
    /// complete, it has to come again; an open one is aborted under an epoch of its own.
    pub fn begin_producer(&self, timeout: Span, now_ms: i64) -> Result<Transaction, ErrorCode> {
        match self.state {
            State::PrepareCommit | State::PrepareAbort | State::Ongoing => {
                Err(ErrorCode::ConcurrentTransactions)
            }
            State::Empty | State::CompleteCommit | State::CompleteAbort => Ok(Transaction {
                epoch: self.epoch.wrapping_add(1).max(0),
                ..Transaction::new(self.producer_id, timeout, now_ms)
            }),
        }
    }

    /// Says whether this producer has the id. Without fencing an older epoch does.
    pub fn check(&self, producer_id: i64, epoch: i16, fences: bool) -> Result<(), ErrorCode> {
        match () {
            () if producer_id != self.producer_id => Err(ErrorCode::InvalidProducerIdMapping),
            () if epoch > self.epoch || epoch < self.epoch && fences => {
                Err(ErrorCode::ProducerFenced)
            }
            () => Ok(()),
        }
    }

    /// Partitions are written to.
    pub fn add(&self, partitions: &[TopicPartition], now_ms: i64) -> Result<Change, ErrorCode> {
        if self.state.is_prepared() {
            return Err(ErrorCode::ConcurrentTransactions);
        }
        let is_open = self.state == State::Ongoing;
        if is_open && partitions.iter().all(|partition| self.partitions.contains(partition)) {
            return Ok(Change::Nothing);
        }
        let mut next = Transaction { state: State::Ongoing, updated_ms: now_ms, ..self.clone() };
        if !is_open {
            next.partitions.clear();
            next.started_ms = now_ms;
        }
        next.partitions.extend(partitions.iter().cloned());
        Ok(Change::Write(next))
    }

    /// The producer of this epoch ends its transaction.
    pub fn end(&self, epoch: i16, commits: bool, now_ms: i64) -> Result<Change, ErrorCode> {
        // The answer to an earlier try was lost: the epoch is the next one already. (Or the
        // coordinator has aborted it meanwhile, which is as good as an abort.)
        let is_retry = epoch.wrapping_add(1) == self.epoch;
        if epoch != self.epoch && !is_retry {
            return Err(ErrorCode::ProducerFenced);
        }
        let (prepared, complete) = match commits {
            true => (State::PrepareCommit, State::CompleteCommit),
            false => (State::PrepareAbort, State::CompleteAbort),
        };
        match self.state {
            State::Ongoing | State::Empty if is_retry => Err(ErrorCode::ProducerFenced),
            State::Ongoing => Ok(Change::Write(self.decided(commits, now_ms))),
            state if state == prepared => Err(ErrorCode::ConcurrentTransactions),
            state if state == complete && is_retry => Ok(Change::Nothing),
            // Nothing was ever added to it: there are no markers to write.
            State::Empty | State::CompleteCommit | State::CompleteAbort
                if !commits && !is_retry =>
            {
                Ok(Change::Write(Transaction {
                    state: State::CompleteAbort,
                    epoch: self.epoch.wrapping_add(1).max(0),
                    updated_ms: now_ms,
                    ..self.clone()
                }))
            }
            _ => Err(ErrorCode::InvalidTxnState),
        }
    }

    /// It is decided, whoever decided it: the epoch that wrote so far may write no more.
    pub fn decided(&self, commits: bool, now_ms: i64) -> Transaction {
        Transaction {
            state: if commits { State::PrepareCommit } else { State::PrepareAbort },
            epoch: self.epoch.wrapping_add(1).max(0),
            updated_ms: now_ms,
            ..self.clone()
        }
    }

    /// All markers are written.
    pub fn completed(&self, now_ms: i64) -> Transaction {
        Transaction {
            state: match self.state {
                State::PrepareCommit => State::CompleteCommit,
                _ => State::CompleteAbort,
            },
            partitions: BTreeSet::new(),
            started_ms: -1,
            updated_ms: now_ms,
            ..self.clone()
        }
    }

    /// True if its producer has taken too long.
    pub fn is_late(&self, now_ms: i64) -> bool {
        let timeout = self.timeout.as_millis() as i64;
        self.state == State::Ongoing && self.started_ms.saturating_add(timeout) < now_ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fresh() -> Transaction {
        Transaction::new(7, Span::seconds(60), 0)
    }

    fn written(change: Result<Change, ErrorCode>) -> Transaction {
        match change {
            Ok(Change::Write(next)) => next,
            other => panic!("it is to be written: {other:?}"),
        }
    }

    #[test]
    fn a_transaction_is_prepared_and_then_complete_under_the_next_epoch() {
        let open = written(fresh().add(&[TopicPartition::new("t", 0)], 5));
        assert_eq!((open.state, open.epoch, open.started_ms), (State::Ongoing, 0, 5));
        assert_eq!(open.add(&[TopicPartition::new("t", 0)], 6), Ok(Change::Nothing));
        let prepared = written(open.end(0, true, 7));
        assert_eq!((prepared.state, prepared.epoch), (State::PrepareCommit, 1));
        let concurrent = Err(ErrorCode::ConcurrentTransactions);
        assert_eq!(prepared.add(&[TopicPartition::new("t", 1)], 8), concurrent);
        let complete = prepared.completed(9);
        assert_eq!((complete.state, complete.partitions.len()), (State::CompleteCommit, 0));
        assert_eq!(complete.end(0, true, 9), Ok(Change::Nothing), "the answer was lost");
        assert_eq!(complete.end(0, false, 9), Err(ErrorCode::InvalidTxnState));
        let later = Transaction { epoch: 2, ..complete.clone() };
        assert_eq!(later.end(0, false, 9), Err(ErrorCode::ProducerFenced));
        assert_eq!(complete.end(1, true, 9), Err(ErrorCode::InvalidTxnState), "nothing is open");
    }

    #[test]
    fn whoever_comes_later_fences_whoever_was_there() {
        let first = fresh();
        let second = first.begin_producer(Span::seconds(60), 1).expect("nothing is open");
        assert_eq!(second.epoch, 1);
        assert_eq!(second.check(7, 0, true), Err(ErrorCode::ProducerFenced));
        assert_eq!(second.check(7, 0, false), Ok(()), "without fencing");
        assert_eq!(second.check(8, 1, true), Err(ErrorCode::InvalidProducerIdMapping));
        let open = written(second.add(&[TopicPartition::new("t", 0)], 2));
        let later = open.begin_producer(Span::seconds(60), 3);
        assert_eq!(later, Err(ErrorCode::ConcurrentTransactions), "it is aborted first");
    }
}
