//! The producer's half of a transaction (`TransactionManager`): what is to be asked next, and of
//! whom. Whoever owns it sends, and brings the answers back.

use crate::kafka::command::ApiError;
use crate::kafka::error::ErrorCode;
use crate::kafka::message::transactions::Transactional;
use crate::kafka::message::{Request, Response, TransactionRequest, TransactionResponse};
use crate::sim::{NodeId, Span, Time};
use std::rc::Rc;

/// Where the producer stands.
#[derive(Clone, Debug, PartialEq)]
enum Stage {
    /// `initTransactions()` is under way.
    Beginning,
    /// Nothing is open.
    Ready,
    /// A transaction is open.
    Open,
    /// `commitTransaction()` (true) or `abortTransaction()` is under way.
    Ending(bool),
    /// It has been fenced, or worse: it can do nothing more.
    Fatal,
}

/// What an answer meant.
#[derive(Clone, Debug, PartialEq)]
pub enum Heard {
    /// Something else is to be asked, or the same again.
    Nothing,
    /// The producer has this id and epoch now.
    Begun(i64, i16),
    /// The transaction is committed (true) or aborted; the next one has this id and epoch.
    Ended(bool, (i64, i16)),
    /// It can do nothing more.
    Fatal(ApiError),
}

/// What a transactional producer knows.
#[derive(Clone, Debug)]
pub struct TransactionClient {
    id: Rc<str>,
    timeout: Span,
    coordinator: Option<NodeId>,
    stage: Stage,
    /// Producer id and epoch.
    producer: (i64, i16),
    is_asking: bool,
    retry_at: Time,
    failures: u32,
    /// True once a batch or offsets of the transaction have left.
    has_sent: bool,
}

impl TransactionClient {
    /// One that has not begun.
    pub fn new(id: Rc<str>, timeout: Span) -> TransactionClient {
        TransactionClient {
            id,
            timeout,
            coordinator: None,
            stage: Stage::Beginning,
            producer: (-1, -1),
            is_asking: false,
            retry_at: Time::ZERO,
            failures: 0,
            has_sent: false,
        }
    }

    /// `transactional.id`.
    pub fn id(&self) -> &Rc<str> {
        &self.id
    }

    /// How it names itself.
    pub fn who(&self) -> Transactional {
        let (producer_id, epoch) = self.producer;
        Transactional { id: self.id.clone(), producer_id, epoch }
    }

    /// True while records may be sent: a transaction is open, or may be opened.
    pub fn may_send(&self) -> bool {
        matches!(self.stage, Stage::Ready | Stage::Open)
    }

    /// True while a transaction is open.
    pub fn is_open(&self) -> bool {
        self.stage == Stage::Open
    }

    /// True while a transaction is being committed (true) or aborted.
    pub fn ending(&self) -> Option<bool> {
        match self.stage {
            Stage::Ending(commits) => Some(commits),
            _ => None,
        }
    }

    /// True if it can do nothing more.
    pub fn is_fatal(&self) -> bool {
        self.stage == Stage::Fatal
    }

    /// `beginTransaction()`, if none is open.
    pub fn open(&mut self) -> bool {
        let opens = self.stage == Stage::Ready;
        if opens {
            (self.stage, self.has_sent) = (Stage::Open, false);
        }
        opens
    }

    /// Something of the transaction has left.
    pub fn sent(&mut self) {
        self.has_sent = true;
    }

    /// `commitTransaction()` or `abortTransaction()`: an abort may take the place of a commit that
    /// was not sent.
    pub fn end(&mut self, commits: bool) {
        if matches!(self.stage, Stage::Open | Stage::Ending(true)) && !self.is_asking {
            self.stage = Stage::Ending(commits);
        }
    }

    /// True if nothing is to be asked for the end, as nothing has left.
    pub fn ends_unheard(&mut self) -> bool {
        let unheard = matches!(self.stage, Stage::Ending(_)) && !self.has_sent;
        if unheard {
            self.stage = Stage::Ready;
        }
        unheard
    }

    /// What is to be asked now, and of whom; anybody if `None`. `is_flushed` is true once
    /// everything that was sent was answered.
    pub fn next(&self, now: Time, is_flushed: bool) -> Option<(Option<NodeId>, Request)> {
        let wants = match self.stage {
            Stage::Beginning => true,
            Stage::Ending(_) => is_flushed,
            Stage::Ready | Stage::Open | Stage::Fatal => false,
        };
        if !wants || self.is_asking || self.retry_at > now {
            return None;
        }
        let request = match (self.coordinator, &self.stage) {
            (None, _) => TransactionRequest::FindCoordinator { id: self.id.clone() },
            (_, Stage::Ending(commits)) => {
                TransactionRequest::EndTxn { of: self.who(), commits: *commits }
            }
            _ => {
                let (id, timeout) = (self.id.clone(), self.timeout);
                TransactionRequest::InitProducerId { id, timeout }
            }
        };
        Some((self.coordinator, Request::Transaction(request)))
    }

    /// When to look again, if something waits for its time.
    pub fn next_due(&self, now: Time) -> Option<Time> {
        Some(self.retry_at).filter(|at| *at > now)
    }

    /// What [`TransactionClient::next`] gave was sent.
    pub fn asked(&mut self) {
        self.is_asking = true;
    }

    /// How often in a row it was not answered as it should be.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// Takes an answer, or that there was none; it is asked again after `wait`.
    pub fn answered(&mut self, response: Option<Response>, again_at: Time) -> Heard {
        self.is_asking = false;
        let error = match response {
            Some(Response::FindCoordinator(Ok((_, node)))) => {
                self.coordinator = Some(node);
                return Heard::Nothing;
            }
            Some(Response::InitProducerId(Ok((id, epoch)))) => {
                (self.stage, self.producer, self.failures) = (Stage::Ready, (id, epoch), 0);
                return Heard::Begun(id, epoch);
            }
            Some(Response::Transaction(TransactionResponse::EndTxn(Ok(next)))) => {
                let commits = self.ending().unwrap_or(false);
                (self.stage, self.producer, self.failures) = (Stage::Ready, next, 0);
                return Heard::Ended(commits, next);
            }
            Some(Response::FindCoordinator(Err(error)))
            | Some(Response::InitProducerId(Err(error)))
            | Some(Response::Transaction(TransactionResponse::EndTxn(Err(error)))) => error,
            _ => ErrorCode::NetworkException,
        };
        match error {
            ErrorCode::NotCoordinator
            | ErrorCode::CoordinatorNotAvailable
            | ErrorCode::NetworkException => self.coordinator = None,
            error if error.is_retriable() => {}
            error => return Heard::Fatal(self.fail(error)),
        }
        self.failures += 1;
        self.retry_at = again_at;
        Heard::Nothing
    }

    /// It can do nothing more.
    pub fn fail(&mut self, error: ErrorCode) -> ApiError {
        self.stage = Stage::Fatal;
        let exception = match error {
            ErrorCode::ProducerFenced | ErrorCode::InvalidProducerEpoch => {
                return crate::kafka::error::client_error(
                    "ProducerFencedException",
                    ErrorCode::ProducerFenced.sentence(),
                );
            }
            ErrorCode::InvalidTxnState => "InvalidTxnStateException",
            ErrorCode::InvalidProducerIdMapping => "InvalidPidMappingException",
            ErrorCode::InvalidTransactionTimeout => "InvalidTxnTimeoutException",
            _ => "KafkaException",
        };
        crate::kafka::error::client_error(exception, error.sentence())
    }
}
