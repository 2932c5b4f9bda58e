//! Requests of transactions, and their answers: each variant says who sends it, when, and why.

use super::request::OffsetCommit;
use crate::kafka::error::ErrorCode;
use crate::kafka::event::TopicPartition;
use crate::sim::Span;
use std::rc::Rc;

/// A transactional producer, as it names itself.
#[derive(Clone, Debug, PartialEq)]
pub struct Transactional {
    /// `transactional.id`.
    pub id: Rc<str>,
    /// The producer id that the coordinator gave it.
    pub producer_id: i64,
    /// And the epoch.
    pub epoch: i16,
}

/// What is asked about a transaction.
#[derive(Clone, Debug, PartialEq)]
pub enum TransactionRequest {
    /// A transactional producer, before anything else: who coordinates?
    FindCoordinator {
        /// `transactional.id`.
        id: Rc<str>,
    },
    /// A transactional producer, at its start (`initTransactions()`): who am I? Whoever had the
    /// id before is fenced, and what it left open is aborted.
    InitProducerId {
        /// `transactional.id`.
        id: Rc<str>,
        /// `transaction.timeout.ms`.
        timeout: Span,
    },
    /// The leader of a partition, to the coordinator, before a producer's first batch of a
    /// transaction is appended there: is this its transaction? (Transaction version 2, KIP-890;
    /// before that the producer itself said where it would write.)
    AddPartitions {
        /// Who writes.
        of: Transactional,
        /// Where.
        partitions: Vec<TopicPartition>,
    },
    /// A transactional producer (`commitTransaction()`, `abortTransaction()`).
    EndTxn {
        /// Who.
        of: Transactional,
        /// True: commit. False: abort.
        commits: bool,
    },
    /// An application that reads, works and writes, to the coordinator of its consumer group:
    /// remember these offsets if the transaction is committed.
    TxnOffsetCommit {
        /// Who.
        of: Transactional,
        /// What.
        commit: OffsetCommit,
    },
    /// The coordinator, to the leaders of all partitions of a transaction that is decided.
    WriteTxnMarkers(Markers),
}

/// Markers that are to be written.
#[derive(Clone, Debug, PartialEq)]
pub struct Markers {
    /// Whose transaction.
    pub of: Transactional,
    /// True if it is committed.
    pub commits: bool,
    /// The leader epoch under which the coordinator decided.
    pub coordinator_epoch: i32,
    /// Where.
    pub partitions: Vec<TopicPartition>,
}

/// What became of something in each partition.
pub type Outcomes = Vec<(TopicPartition, Result<(), ErrorCode>)>;

/// The answer.
#[derive(Clone, Debug, PartialEq)]
pub enum TransactionResponse {
    /// The partitions belong to the transaction now.
    AddPartitions(Result<(), ErrorCode>),
    /// It is decided; producer id and epoch of the next transaction.
    EndTxn(Result<(i64, i16), ErrorCode>),
    /// What became of each offset.
    TxnOffsetCommit(Outcomes),
    /// What became of each marker.
    WriteTxnMarkers(Outcomes),
}

impl TransactionRequest {
    /// Its name in the protocol.
    pub fn kind(&self) -> &'static str {
        match self {
            TransactionRequest::FindCoordinator { .. } => "FindCoordinator",
            TransactionRequest::InitProducerId { .. } => "InitProducerId",
            TransactionRequest::AddPartitions { .. } => "AddPartitionsToTxn",
            TransactionRequest::EndTxn { .. } => "EndTxn",
            TransactionRequest::TxnOffsetCommit { .. } => "TxnOffsetCommit",
            TransactionRequest::WriteTxnMarkers(_) => "WriteTxnMarkers",
        }
    }

    /// Bytes of its body.
    pub(super) fn bytes(&self) -> usize {
        let named = |all: &[TopicPartition]| all.iter().map(|tp| 8 + tp.topic.len()).sum::<usize>();
        match self {
            TransactionRequest::FindCoordinator { id } => 4 + id.len(),
            TransactionRequest::InitProducerId { id, .. } => 17 + id.len(),
            TransactionRequest::AddPartitions { of, partitions } => {
                16 + of.id.len() + named(partitions)
            }
            TransactionRequest::EndTxn { of, .. } => 13 + of.id.len(),
            TransactionRequest::TxnOffsetCommit { of, commit } => {
                let offsets = commit.offsets.iter().map(|(tp, _)| 22 + tp.topic.len());
                let names = of.id.len() + commit.group.len() + commit.member.len();
                20 + names + offsets.sum::<usize>()
            }
            TransactionRequest::WriteTxnMarkers(markers) => 17 + named(&markers.partitions),
        }
    }
}

impl TransactionResponse {
    /// Its name: the request's, and what it is.
    pub fn kind(&self) -> &'static str {
        match self {
            TransactionResponse::AddPartitions(_) => "AddPartitionsToTxnResponse",
            TransactionResponse::EndTxn(_) => "EndTxnResponse",
            TransactionResponse::TxnOffsetCommit(_) => "TxnOffsetCommitResponse",
            TransactionResponse::WriteTxnMarkers(_) => "WriteTxnMarkersResponse",
        }
    }

    /// Bytes of its body.
    pub(super) fn bytes(&self) -> usize {
        match self {
            TransactionResponse::AddPartitions(_) => 20,
            TransactionResponse::EndTxn(_) => 17,
            TransactionResponse::TxnOffsetCommit(all)
            | TransactionResponse::WriteTxnMarkers(all) => {
                8 + all.iter().map(|(tp, _)| 10 + tp.topic.len()).sum::<usize>()
            }
        }
    }
}
