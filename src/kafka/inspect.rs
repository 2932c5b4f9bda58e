//! What the lab may look at: plain data about topics, groups and clients. Looking changes nothing.

use super::event::TopicPartition;
use crate::sim::{MessageId, Status, Time};

/// A topic.
#[derive(Clone, Debug, PartialEq)]
pub struct TopicState {
    /// Its name.
    pub name: String,
    /// True for the brokers' own topics, such as `__consumer_offsets`.
    pub internal: bool,
    /// Its own settings, by name.
    pub settings: Vec<(String, String)>,
    /// Its partitions in order.
    pub partitions: Vec<PartitionState>,
}

/// A partition, as its leader sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct PartitionState {
    /// Which.
    pub partition: TopicPartition,
    /// The leader's broker id; `None` without one.
    pub leader: Option<i32>,
    /// The epoch of its leadership.
    pub leader_epoch: i32,
    /// Replicas in assignment order.
    pub replicas: Vec<i32>,
    /// In-sync replicas.
    pub isr: Vec<i32>,
    /// Replicas that may lead if the ISR is empty.
    pub elr: Vec<i32>,
    /// The first offset that is still there.
    pub log_start: i64,
    /// Records below it may be read by consumers.
    pub high_watermark: i64,
    /// Records below it may be read with `isolation.level=read_committed`.
    pub last_stable: i64,
    /// The offset that the next record will get.
    pub log_end: i64,
    /// Segments from the oldest on.
    pub segments: Vec<SegmentState>,
    /// The log at each broker that has one, in the order of the brokers.
    pub logs: Vec<ReplicaState>,
}

/// A partition's log at one broker, as it is, or was when the broker went down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplicaState {
    /// The broker.
    pub broker: i32,
    /// True while its process lives.
    pub is_up: bool,
    /// True if it believes that it leads.
    pub leads: bool,
    /// The epoch that it knows of.
    pub leader_epoch: i32,
    /// The first offset that is still there.
    pub log_start: i64,
    /// What it knows of the high watermark.
    pub high_watermark: i64,
    /// The offset that the next record will get.
    pub log_end: i64,
}

/// A segment of a log.
#[derive(Clone, Debug, PartialEq)]
pub struct SegmentState {
    /// Its first offset: its files' name.
    pub base_offset: i64,
    /// Bytes of its `.log` file.
    pub bytes: u64,
}

/// A record as the picture shows it: a number in a cell.
#[derive(Clone, Debug, PartialEq)]
pub struct Glimpse {
    /// Where it lies.
    pub offset: i64,
    /// The message, if the lab sent it.
    pub message: Option<MessageId>,
    /// Its key as text.
    pub key: Option<String>,
    /// The epoch of the producer that wrote it; -1 if that was not idempotent.
    pub producer_epoch: i16,
}

/// A consumer group.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupState {
    /// `group.id`.
    pub id: String,
    /// `Empty`, `Stable`, ...
    pub state: String,
    /// Its generation or epoch.
    pub generation: i32,
    /// The assignor that it uses; empty while it is not stable.
    pub assignor: String,
    /// Its members in the order of their ids.
    pub members: Vec<MemberState>,
    /// Committed offset and high watermark of each partition that its members read or that was
    /// committed.
    pub offsets: Vec<GroupPosition>,
}

/// A transactional id, as its coordinator knows it.
#[derive(Clone, Debug, PartialEq)]
pub struct TransactionState {
    /// `transactional.id`.
    pub id: String,
    /// The coordinator's broker id.
    pub coordinator: i32,
    /// `Empty`, `Ongoing`, `PrepareCommit`, ...
    pub state: &'static str,
    /// Its producer id.
    pub producer_id: i64,
    /// The epoch that may write.
    pub epoch: i16,
    /// The partitions of its transaction.
    pub partitions: Vec<TopicPartition>,
}

/// A member of a group.
#[derive(Clone, Debug, PartialEq)]
pub struct MemberState {
    /// `member.id`.
    pub member: String,
    /// `client.id`.
    pub client: String,
    /// What it reads.
    pub partitions: Vec<TopicPartition>,
}

/// Where a group stands in one partition.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupPosition {
    /// The partition.
    pub partition: TopicPartition,
    /// The committed offset; `None` if nothing was committed.
    pub committed: Option<i64>,
    /// How many visible records it has not committed; counted from the log start if it has
    /// committed nothing.
    pub lag: i64,
}

/// What a client is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientKind {
    /// It sends.
    Producer,
    /// It reads.
    Consumer,
}

/// A client.
#[derive(Clone, Debug, PartialEq)]
pub struct ClientState {
    /// Its name.
    pub name: String,
    /// What it does.
    pub kind: ClientKind,
    /// What its process is doing.
    pub status: Status,
    /// The group, for a consumer that is in one.
    pub group: Option<String>,
    /// Messages that were given to it so far (records fetched; messages sent, for a producer).
    pub got: u64,
    /// Messages that it is done with (processed; acknowledged, for a producer).
    pub done: u64,
    /// Messages in its memory now, in the order in which it will work on them; the first is in
    /// work if `busy_until` says so. At most the first 1,000.
    pub held: Vec<MessageId>,
    /// How many it holds now.
    pub held_count: u64,
    /// Bytes that it holds now.
    pub held_bytes: u64,
    /// Bytes that it can hold; `None` without limit.
    pub memory: Option<u64>,
    /// When its handler will be done with what it works on; `None` if it is idle.
    pub busy_until: Option<Time>,
    /// The position of each partition it reads: the next offset that it will ask for.
    pub positions: Vec<(TopicPartition, i64)>,
    /// Since when a Fetch of its waits at a broker.
    pub parked_since: Option<Time>,
    /// Messages it gave up (a producer).
    pub failed: u64,
    /// Counted side effects.
    pub effects: u64,
    /// The counts of its stores (a Kafka Streams application).
    pub store: Vec<(String, i64)>,
}
