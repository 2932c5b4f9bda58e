//! The ledger: what became of every message on each side. Filled by the lab's session.

use crate::sim::{MessageId, Time};

/// What became of the messages, side by side.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LedgerReport {
    /// The Kafka side.
    pub kafka: SideReport,
    /// The RabbitMQ side.
    pub rabbit: SideReport,
}

/// Counts of one side, with the first messages behind each number that should be zero.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SideReport {
    /// Given to the client library.
    pub sent: u64,
    /// Acknowledged to the producer: believed stored.
    pub acknowledged: u64,
    /// Given up by the producer.
    pub failed: u64,
    /// Handed to a consumer at least once.
    pub delivered: u64,
    /// Processed at least once.
    pub processed: u64,
    /// Processed more than once.
    pub duplicated: u64,
    /// Believed stored and no longer readable.
    pub lost: u64,
    /// Processed after a younger message of the same key.
    pub reordered: u64,
    /// The first of the duplicated.
    pub duplicated_list: Vec<MessageId>,
    /// The first of the lost.
    pub lost_list: Vec<MessageId>,
    /// The first of the reordered.
    pub reordered_list: Vec<MessageId>,
}

/// One message's life on both sides.
#[derive(Clone, Debug, PartialEq)]
pub struct Passport {
    /// The message.
    pub message: MessageId,
    /// Its producer.
    pub producer: String,
    /// Its key.
    pub key: Option<String>,
    /// The stages on the Kafka side.
    pub kafka: Vec<Stage>,
    /// The stages on the RabbitMQ side.
    pub rabbit: Vec<Stage>,
}

/// A stage of a message's life.
#[derive(Clone, Debug, PartialEq)]
pub struct Stage {
    /// When; `None` for what it is waiting for now.
    pub at: Option<Time>,
    /// Which.
    pub what: StageKind,
    /// Facts that belong to it, as (name, value): `partition` `t-0`, `offset` `12`.
    pub facts: Vec<(&'static str, String)>,
}

/// The stages of a message's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StageKind {
    /// Given to the client library.
    Sent,
    /// The partitioner chose a partition.
    Partitioned,
    /// Stored in the log.
    Appended,
    /// Visible to consumers: below the high watermark.
    Visible,
    /// Acknowledged to the producer.
    Acknowledged,
    /// An exchange chose its queues.
    Routed,
    /// It waits in a queue.
    Enqueued,
    /// The broker sent it to a consumer.
    Pushed,
    /// It arrived at a consumer.
    Delivered,
    /// A handler took it up.
    ProcessingStarted,
    /// A handler is done with it.
    Processed,
    /// The broker took its acknowledgement; it is gone from the queue.
    Removed,
    /// The group committed an offset behind it.
    Committed,
    /// It went back into its queue.
    Requeued,
    /// It was dropped, refused or given up.
    Dropped,
    /// It waits: for a consumer to ask, for a prefetch slot, for a consumer at all.
    Waiting,
}
