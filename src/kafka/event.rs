//! Everything the Kafka world tells: what golden files, charts and the picture are made of.

mod name;
mod text;

use super::command::{Answer, ApiError, RequestId};
use crate::sim::MessageId;
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::fmt;
use std::rc::Rc;

pub use text::Text;

/// A partition of a topic: `orders-0`, as the real tools and directories name it.
#[derive(Clone, Debug, Eq, Serialize, Deserialize)]
pub struct TopicPartition {
    /// The topic's name.
    pub topic: Rc<str>,
    /// The partition's number.
    pub partition: i32,
}

impl TopicPartition {
    /// The partition with this number of this topic.
    pub fn new(topic: &str, partition: i32) -> TopicPartition {
        TopicPartition { topic: topic.into(), partition }
    }
}

impl Ord for TopicPartition {
    /// By the topic's name, then by number. The name is nearly always the same one in memory.
    fn cmp(&self, other: &TopicPartition) -> Ordering {
        let topics = match Rc::ptr_eq(&self.topic, &other.topic) {
            true => Ordering::Equal,
            false => self.topic.cmp(&other.topic),
        };
        topics.then(self.partition.cmp(&other.partition))
    }
}

impl PartialOrd for TopicPartition {
    fn partial_cmp(&self, other: &TopicPartition) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for TopicPartition {
    fn eq(&self, other: &TopicPartition) -> bool {
        self.partition == other.partition
            && (Rc::ptr_eq(&self.topic, &other.topic) || self.topic == other.topic)
    }
}

impl fmt::Display for TopicPartition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.topic, self.partition)
    }
}

/// A record that a consumer was handed and has not handled: where it lies, and its message.
pub type InHands = (TopicPartition, i64, MessageId);

/// What happened. The variant's name in snake case behind `kafka.` is its public name.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum Event {
    /// A broker finished its recovery and serves.
    BrokerStarted {
        /// `node.id`.
        broker: i32,
    },
    /// A log was opened by the recovery of a starting broker.
    LogRecovered {
        /// Which.
        partition: TopicPartition,
        /// The end of the log after it.
        end_offset: i64,
        /// Bytes cut off at the tail because they were torn or corrupt.
        truncated_bytes: u64,
    },
    /// A topic exists now.
    TopicCreated {
        /// Its name.
        topic: Rc<str>,
        /// How many partitions.
        partitions: i32,
    },
    /// A topic is gone.
    TopicDeleted {
        /// Its name.
        topic: Rc<str>,
    },
    /// `send()` was called: the message lies in the producer's buffer.
    ProducerBuffered {
        /// The producer.
        client: Rc<str>,
        /// The message.
        message: MessageId,
        /// The partition that the partitioner chose.
        partition: TopicPartition,
    },
    /// A Produce request left a producer.
    ProduceSent {
        /// The producer.
        client: Rc<str>,
        /// Where to.
        partition: TopicPartition,
        /// The messages in its batch.
        messages: Vec<MessageId>,
    },
    /// A leader appended a batch to its log.
    Appended {
        /// The broker.
        broker: i32,
        /// The partition.
        partition: TopicPartition,
        /// First offset of the batch.
        base_offset: i64,
        /// Last offset of the batch.
        last_offset: i64,
        /// Size of the batch.
        bytes: u64,
    },
    /// A follower appended what it fetched from its leader.
    Replicated {
        /// The follower.
        broker: i32,
        /// The partition.
        partition: TopicPartition,
        /// First offset of what it appended.
        base_offset: i64,
        /// Last offset of what it appended.
        last_offset: i64,
    },
    /// A follower cut its log, which had records that its leader does not have.
    LogTruncated {
        /// The follower.
        broker: i32,
        /// The partition.
        partition: TopicPartition,
        /// The end of its log before.
        from_offset: i64,
        /// The end of its log now.
        end_offset: i64,
    },
    /// Records at the beginning of a log are gone: too old, too many, or deleted by hand.
    LogStartAdvanced {
        /// The broker.
        broker: i32,
        /// The partition.
        partition: TopicPartition,
        /// The first offset that is still there.
        offset: i64,
    },
    /// A log was compacted: of each key the last record is left.
    LogCompacted {
        /// The broker.
        broker: i32,
        /// The partition.
        partition: TopicPartition,
        /// Up to here.
        end_offset: i64,
        /// Bytes that went.
        bytes_removed: u64,
    },
    /// A controller finished its recovery: it may vote, and lead if it is elected.
    ControllerStarted {
        /// `node.id`.
        controller: i32,
    },
    /// A controller was elected and knows all that is committed: it decides now.
    ControllerElected {
        /// `node.id`.
        controller: i32,
        /// The epoch of its leadership: Raft's term.
        epoch: i32,
    },
    /// A controller does not lead any more: another one was elected, or it hears no majority.
    ControllerResigned {
        /// `node.id`.
        controller: i32,
        /// The epoch in which it led.
        epoch: i32,
    },
    /// A ZooKeeper server has read its log and takes part in the ensemble.
    ZooKeeperStarted {
        /// `myid`.
        server: i32,
    },
    /// A ZooKeeper server leads the ensemble, and knows all that was ever acknowledged.
    EnsembleLed {
        /// `myid`.
        server: i32,
        /// The epoch: the upper half of every zxid from now on.
        epoch: i32,
    },
    /// ZooKeeper has not heard of a client for too long: what was ephemeral of it is gone.
    SessionExpired {
        /// Whose session it was.
        client: Rc<str>,
        /// Its number.
        session: i64,
    },
    /// A broker refused what a controller said that is not the present one.
    ControllerRefused {
        /// The broker.
        broker: i32,
        /// The controller's broker id.
        controller: i32,
        /// The epoch that it named.
        epoch: i32,
        /// The epoch that the broker knows.
        known: i32,
    },
    /// The controller made another replica the leader, or found none.
    LeaderElected {
        /// The partition.
        partition: TopicPartition,
        /// The leader; `None` without one.
        leader: Option<i32>,
        /// The epoch of its leadership.
        leader_epoch: i32,
        /// True if it may lack committed records.
        unclean: bool,
    },
    /// A replica took the leadership up. What lies behind its log end at others will be cut there.
    LeaderStarted {
        /// The broker.
        broker: i32,
        /// The partition.
        partition: TopicPartition,
        /// The epoch of its leadership.
        leader_epoch: i32,
        /// The end of its log.
        log_end: i64,
        /// True if it may lack committed records.
        unclean: bool,
    },
    /// Another ISR was written down.
    IsrChanged {
        /// The partition.
        partition: TopicPartition,
        /// In-sync replicas.
        isr: Vec<i32>,
    },
    /// The controller has not heard of a broker for too long, or it stops: it leads nothing now.
    BrokerFenced {
        /// The broker.
        broker: i32,
    },
    /// A broker has caught up: it may lead and be in sync.
    BrokerUnfenced {
        /// The broker.
        broker: i32,
    },
    /// A log began a new segment.
    SegmentRolled {
        /// The partition.
        partition: TopicPartition,
        /// Base offset of the new segment.
        base_offset: i64,
    },
    /// Records up to here may be read by consumers now.
    HighWatermarkAdvanced {
        /// The partition.
        partition: TopicPartition,
        /// The new high watermark.
        offset: i64,
    },
    /// A producer's batch was acknowledged as its `acks` asks; one of a transaction when that is
    /// committed.
    ProduceAcknowledged {
        /// The producer.
        client: Rc<str>,
        /// The partition.
        partition: TopicPartition,
        /// The messages.
        messages: Vec<MessageId>,
        /// The offset of the first; -1 with `acks=0`.
        base_offset: i64,
    },
    /// The same in a transaction: the messages count when that is committed.
    ProduceStored {
        /// The producer.
        client: Rc<str>,
        /// The partition.
        partition: TopicPartition,
        /// The messages.
        messages: Vec<MessageId>,
        /// The offset of the first.
        base_offset: i64,
    },
    /// A producer gave messages up.
    ProduceFailed {
        /// The producer.
        client: Rc<str>,
        /// The messages.
        messages: Vec<MessageId>,
        /// Why.
        error: ApiError,
    },
    /// A Fetch request left a consumer.
    FetchSent {
        /// The consumer.
        client: Rc<str>,
        /// From where it asks, partition by partition.
        partitions: Vec<(TopicPartition, i64)>,
    },
    /// A broker holds a Fetch until there is data or its time is up.
    FetchParked {
        /// The broker.
        broker: i32,
        /// The consumer.
        client: Rc<str>,
    },
    /// Records arrived at a consumer.
    Fetched {
        /// The consumer.
        client: Rc<str>,
        /// The partition.
        partition: TopicPartition,
        /// The first offset that it had asked for.
        offset: i64,
        /// The messages, in offset order.
        messages: Vec<MessageId>,
    },
    /// A Fetch was answered without a record.
    FetchedNothing {
        /// The consumer.
        client: Rc<str>,
    },
    /// The handler of a consumer took a record up.
    ProcessingStarted {
        /// The consumer.
        client: Rc<str>,
        /// The partition.
        partition: TopicPartition,
        /// The record's offset.
        offset: i64,
        /// The message.
        message: MessageId,
    },
    /// The handler of a consumer is done with a record.
    Processed {
        /// The consumer.
        client: Rc<str>,
        /// The partition.
        partition: TopicPartition,
        /// The record's offset.
        offset: i64,
        /// The message.
        message: MessageId,
        /// The record's key, if it had one.
        key: Option<Text>,
        /// The record's value, for the console tools.
        value: Option<Text>,
        /// The record's timestamp, in milliseconds of virtual time.
        timestamp_ms: i64,
        /// The leader epoch of its batch, for the console tools.
        #[serde(skip)]
        epoch: i32,
        /// The record's headers as text, without the lab's own.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        headers: Vec<(String, Option<String>)>,
    },
    /// A group's offset was committed: the next one to read.
    OffsetCommitted {
        /// The group.
        group: Rc<str>,
        /// The partition.
        partition: TopicPartition,
        /// The committed offset.
        offset: i64,
    },
    /// A consumer became a member of a group.
    MemberJoined {
        /// The group.
        group: Rc<str>,
        /// The consumer.
        client: Rc<str>,
        /// Its member id.
        member: Rc<str>,
    },
    /// A group has lost a member.
    MemberLeft {
        /// The group.
        group: Rc<str>,
        /// The consumer.
        client: Rc<str>,
        /// Its member id.
        member: Rc<str>,
        /// Why: `left`, `session_timeout`, `rebalance_timeout`, `sync_timeout`.
        reason: &'static str,
    },
    /// A group begins to rebalance: its members are to join again (classic protocol).
    RebalanceStarted {
        /// The group.
        group: Rc<str>,
        /// The generation that ends.
        generation: i32,
        /// Why, as the coordinator logs it.
        reason: String,
    },
    /// A change of members, subscriptions or topics gave a group a new epoch (consumer protocol).
    GroupEpochBumped {
        /// The group.
        group: Rc<str>,
        /// The new epoch.
        epoch: i32,
    },
    /// A group is stable: every member has, or is being told, what it reads.
    RebalanceCompleted {
        /// The group.
        group: Rc<str>,
        /// The new generation or epoch.
        generation: i32,
        /// The assignor.
        assignor: &'static str,
        /// Each consumer with its partitions.
        assignment: Vec<(Rc<str>, Vec<TopicPartition>)>,
    },
    /// The last member of a group is gone.
    GroupEmpty {
        /// The group.
        group: Rc<str>,
        /// Its generation or epoch.
        generation: i32,
    },
    /// A consumer was given partitions (`onPartitionsAssigned`).
    PartitionsAssigned {
        /// The consumer.
        client: Rc<str>,
        /// What is new; empty if nothing is.
        partitions: Vec<TopicPartition>,
    },
    /// A consumer gave partitions up (`onPartitionsRevoked`).
    PartitionsRevoked {
        /// The consumer.
        client: Rc<str>,
        /// Which.
        partitions: Vec<TopicPartition>,
    },
    /// A consumer found out that its partitions may be somebody else's by now
    /// (`onPartitionsLost`).
    PartitionsLost {
        /// The consumer.
        client: Rc<str>,
        /// Which.
        partitions: Vec<TopicPartition>,
    },
    /// A member of a share group has records for itself, until it says what became of them or the
    /// lock's time is up.
    ShareAcquired {
        /// The group.
        group: Rc<str>,
        /// The consumer.
        client: Rc<str>,
        /// The partition.
        partition: TopicPartition,
        /// The offsets, each with its delivery count.
        offsets: Vec<(i64, u16)>,
    },
    /// Records of a share group came back: others may have them, or they were delivered too often
    /// and are archived.
    ShareReturned {
        /// The group.
        group: Rc<str>,
        /// The partition.
        partition: TopicPartition,
        /// How many.
        records: u64,
        /// Why: `lock_timeout`, `released`, `left`.
        reason: &'static str,
    },
    /// A committed offset was too old and was forgotten.
    OffsetExpired {
        /// The group.
        group: Rc<str>,
        /// The partition.
        partition: TopicPartition,
    },
    /// A consumer began at a place that no commit gave it.
    OffsetReset {
        /// The consumer.
        client: Rc<str>,
        /// The partition.
        partition: TopicPartition,
        /// Where it begins.
        offset: i64,
    },
    /// A client has its metadata, coordinator and positions: it is ready to work.
    ClientReady {
        /// The client.
        client: Rc<str>,
    },
    /// A client met an error that its real counterpart would report or throw.
    ClientError {
        /// The client.
        client: Rc<str>,
        /// What.
        error: ApiError,
    },
    /// A client died at the point that it was told to die at.
    ClientCrashed {
        /// The client.
        client: Rc<str>,
        /// `fetched`, `processed`, `effect`, `written`, `committed`; or `out_of_memory`.
        at: &'static str,
        /// What it had been handed and had not handled.
        #[serde(skip)]
        held: Vec<InHands>,
    },
    /// The result of a record is in the log of another topic.
    ResultWritten {
        /// The consumer that made it.
        client: Rc<str>,
        /// The message.
        message: MessageId,
        /// Where the result is.
        partition: TopicPartition,
        /// Its offset.
        offset: i64,
    },
    /// A producer opened a transaction.
    TransactionBegun {
        /// The client.
        client: Rc<str>,
        /// `transactional.id`.
        transactional_id: Rc<str>,
        /// Its producer id.
        producer_id: i64,
        /// Its epoch.
        epoch: i16,
    },
    /// A client heard that its transaction is over.
    TransactionEnded {
        /// The client.
        client: Rc<str>,
        /// `transactional.id`.
        transactional_id: Rc<str>,
        /// `committed` or `aborted`.
        outcome: &'static str,
    },
    /// A coordinator has decided a transaction: nothing can change it now.
    TransactionDecided {
        /// `transactional.id`.
        transactional_id: Rc<str>,
        /// The producer id.
        producer_id: i64,
        /// The epoch of the next transaction: older ones are fenced.
        epoch: i16,
        /// `committed` or `aborted`.
        outcome: &'static str,
        /// Why: `ended` by its producer, `fenced` by a newer one, `timeout`; `loaded` if another
        /// coordinator wrote it and this one found it in the log.
        reason: &'static str,
    },
    /// A marker is in the log: the records of the transaction in this partition count, or are
    /// void.
    MarkerWritten {
        /// The partition.
        partition: TopicPartition,
        /// The producer id.
        producer_id: i64,
        /// The marker's offset.
        offset: i64,
        /// `committed` or `aborted`.
        outcome: &'static str,
    },
    /// All markers of a transaction are written.
    TransactionCompleted {
        /// `transactional.id`.
        transactional_id: Rc<str>,
        /// `committed` or `aborted`.
        outcome: &'static str,
    },
    /// A Kafka Streams application has read the changelog of a store to its end.
    StoreRestored {
        /// The client.
        client: Rc<str>,
        /// The partition of the changelog.
        changelog: TopicPartition,
        /// How many records it had.
        records: u64,
    },
    /// A client ended by itself (a console consumer that has what it wanted).
    ClientFinished {
        /// The client.
        client: Rc<str>,
    },
    /// What a tool asked was answered.
    Answered {
        /// The question.
        request: RequestId,
        /// The answer.
        #[serde(skip)]
        answer: Result<Answer, ApiError>,
    },
}
