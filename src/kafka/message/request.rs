//! Requests: each variant says who sends it, when, and why.

use crate::kafka::assignor::Assignor;
use crate::kafka::event::TopicPartition;
use crate::kafka::group::Subscription;
use crate::kafka::group::share::Acknowledgement;
use crate::kafka::group::share_records::{ShareKey, ShareState};
use crate::kafka::message::control::Control;
use crate::kafka::message::response::TopicId;
use crate::kafka::message::transactions::TransactionRequest;
use crate::kafka::metadata::election::Election;
use crate::kafka::metadata::{Resource, SnapshotId};
use crate::kafka::spec::Settings;
use crate::kafka::zookeeper::request::{Op, Peer};
use crate::raft;
use crate::sim::{NodeId, Span};
use bytes::Bytes;
use std::rc::Rc;

/// What is asked of a broker.
#[derive(Clone, Debug, PartialEq)]
pub enum Request {
    /// About a transaction.
    Transaction(TransactionRequest),
    /// Any client, first on each connection: what can you do? Opens the connection.
    ApiVersions,
    /// Any client, at its start, every `metadata.max.age.ms` and whenever an answer shows that it
    /// knows the wrong leader: which brokers, topics, leaders are there?
    Metadata {
        /// The topics of interest; all if `None`.
        topics: Option<Vec<Rc<str>>>,
        /// True if an unknown topic may be made (`auto.create.topics.enable`).
        allow_auto_create: bool,
    },
    /// An idempotent producer, once before its first batch: give me a producer id.
    InitProducerId,
    /// A producer, when a batch is full or has lingered: append these batches.
    Produce(Produce),
    /// A consumer, whenever it has no records of a broker left, a follower always: what lies from
    /// here on?
    Fetch(Fetch),
    /// A consumer without a committed offset, a tool, or a follower that is out of its leader's
    /// range: which offset belongs to this time?
    ListOffsets {
        /// True from a follower, which sees the whole log.
        from_replica: bool,
        /// True with `isolation.level=read_committed`.
        read_committed: bool,
        /// Of each partition: the time, or -1 latest, -2 earliest, -3 largest timestamp.
        partitions: Vec<(TopicPartition, i64)>,
    },
    /// A consumer that hears of another leader, before it reads on there: where does the epoch of
    /// what I have read end? Of each partition: the leader epoch that it knows, and that epoch.
    OffsetsForLeaderEpoch {
        /// Partition by partition.
        partitions: Vec<(TopicPartition, i32, i32)>,
    },
    /// A consumer of a group, or a tool, before anything else about the group: who coordinates?
    FindCoordinator {
        /// `group.id`.
        group: Rc<str>,
    },
    /// A consumer, to become a member of its group, and again in each rebalance. It is held until
    /// all members have joined.
    JoinGroup(JoinGroup),
    /// A member, after JoinGroup: what do I read? It is held until the leader's has come.
    SyncGroup {
        /// `group.id`.
        group: Rc<str>,
        /// Its member id.
        member: Rc<str>,
        /// `group.instance.id`.
        instance: Option<Rc<str>>,
        /// The generation that JoinGroup gave.
        generation: i32,
        /// From the leader: who reads what.
        assignments: Vec<(Rc<str>, Vec<TopicPartition>)>,
    },
    /// A member, every `heartbeat.interval.ms`: I live; is all as it was?
    Heartbeat {
        /// `group.id`.
        group: Rc<str>,
        /// Its member id.
        member: Rc<str>,
        /// `group.instance.id`.
        instance: Option<Rc<str>>,
        /// The generation that it is in.
        generation: i32,
    },
    /// A member of the consumer protocol (KIP-848): joins, reports, asks and leaves with it.
    ConsumerGroupHeartbeat(ConsumerGroupHeartbeat),
    /// A member that ends politely.
    LeaveGroup {
        /// `group.id`.
        group: Rc<str>,
        /// Its member id.
        member: Rc<str>,
        /// `group.instance.id`.
        instance: Option<Rc<str>>,
    },
    /// A member, by its commit mode, or a tool that resets a group: remember these offsets.
    OffsetCommit(OffsetCommit),
    /// A member that was given partitions, or a tool: which offsets were committed?
    OffsetFetch {
        /// `group.id`.
        group: Rc<str>,
        /// Of these partitions; of all that have one if `None`.
        partitions: Option<Vec<TopicPartition>>,
        /// True: not while a transaction may still change them (`read_committed`).
        require_stable: bool,
    },
    /// An old consumer: remember these offsets in ZooKeeper (OffsetCommit, version 0).
    OldOffsetCommit(OffsetCommit),
    /// An old consumer: which offsets are in ZooKeeper (OffsetFetch, version 0)?
    OldOffsetFetch {
        /// `group.id`.
        group: Rc<str>,
        /// Of these partitions.
        partitions: Vec<TopicPartition>,
    },
    /// A member of a share group, within `poll()` (ShareFetch), or when it says what became of
    /// records without wanting others (ShareAcknowledge).
    ShareFetch(ShareFetch),
    /// The leader of a partition that a share group reads, to the share coordinator: how far has it
    /// come?
    ReadShareGroupState {
        /// With what.
        key: ShareKey,
        /// The epoch of the leader that asks.
        leader_epoch: i32,
    },
    /// The same leader, when something was acknowledged, given back or given up: write that down.
    WriteShareGroupState {
        /// Of what.
        key: ShareKey,
        /// How it is now.
        state: ShareState,
    },
    /// The coordinator of a share group, to a share coordinator: a partition begins at this offset,
    /// or is forgotten (InitializeShareGroupState, DeleteShareGroupState).
    InitializeShareGroupState {
        /// Which.
        key: ShareKey,
        /// Where; `None` to forget it.
        start: Option<i64>,
    },
    /// The groups tool, to each broker: what do you know of a share group as share coordinator?
    /// Simplified: a real client asks the group's coordinator, which asks them.
    DescribeShareGroupOffsets {
        /// `group.id`.
        group: Rc<str>,
    },
    /// The groups tool, to the group's coordinator: partitions of a share group without members
    /// begin anew, or are forgotten (AlterShareGroupOffsets, DeleteShareGroupOffsets).
    AlterShareGroupOffsets {
        /// `group.id`.
        group: Rc<str>,
        /// Partition by partition.
        starts: Vec<ShareStart>,
    },
    /// The topics tool.
    CreateTopics {
        /// Name.
        topic: Rc<str>,
        /// -1 for `num.partitions`.
        partitions: i32,
        /// -1 for `default.replication.factor`.
        replication_factor: i16,
        /// The replicas of each partition, if the tool places them.
        assignment: Vec<Vec<i32>>,
        /// Settings.
        settings: Settings,
    },
    /// The topics tool.
    DeleteTopics {
        /// Name.
        topic: Rc<str>,
    },
    /// The topics tool: give a topic so many partitions in all.
    CreatePartitions {
        /// Name.
        topic: Rc<str>,
        /// How many it shall have.
        count: i32,
    },
    /// The topics tool and the configs tool, to describe: which settings differ from their
    /// defaults, and where do they come from?
    DescribeConfigs {
        /// Of these topics, and of the broker that is asked.
        topics: Vec<Rc<str>>,
    },
    /// The configs tool: set or forget settings.
    IncrementalAlterConfigs {
        /// Whose.
        resource: Resource,
        /// Settings with their new values; `None` for the default again.
        changes: Vec<(String, Option<String>)>,
    },
    /// The delete-records tool: forget records before these offsets.
    DeleteRecords {
        /// Partition by partition; -1 for the high watermark.
        partitions: Vec<(TopicPartition, i64)>,
    },
    /// The leader-election tool.
    ElectLeaders {
        /// What the election may do.
        election: Election,
        /// Of these partitions; of all if `None`.
        partitions: Option<Vec<TopicPartition>>,
    },
    /// The reassignment tool: other replicas for each of these partitions; as they were before a
    /// reassignment that is under way if `None`.
    AlterPartitionReassignments {
        /// Partition by partition.
        partitions: Vec<(TopicPartition, Option<Vec<i32>>)>,
    },
    /// A broker, to the controller, when its block of producer ids is used up.
    AllocateProducerIds {
        /// `node.id`.
        broker: i32,
    },
    /// A broker, to the controller, once in each life: here I am.
    BrokerRegistration(Registration),
    /// A broker, to the controller, every `broker.heartbeat.interval.ms`: I live.
    BrokerHeartbeat(Heartbeat),
    /// A leader, to the controller: write another ISR down.
    AlterPartition(AlterPartition),
    /// The groups tool: which groups do you coordinate?
    ListGroups,
    /// The groups tool.
    DescribeGroups {
        /// `group.id`.
        group: Rc<str>,
    },
    /// The groups tool: forget these offsets.
    OffsetDelete {
        /// `group.id`.
        group: Rc<str>,
        /// Of these partitions.
        partitions: Vec<TopicPartition>,
    },
    /// The groups tool.
    DeleteGroups {
        /// `group.id`.
        group: Rc<str>,
    },
    /// The quorum tool: how far has each copy of the metadata log come?
    DescribeQuorum,
    /// A broker to the active controller, which has told of it: a snapshot of the metadata log.
    FetchSnapshot(SnapshotId),
    /// A controller to another one: votes, and the metadata log. It is not answered; what answers
    /// it is a message of the same kind.
    Quorum(Box<raft::Message>),
    /// The controller of the ZooKeeper era, to a broker.
    Control(Box<Control>),
    /// A broker of the ZooKeeper era that stops, to the controller: let others lead.
    ControlledShutdown {
        /// `broker.id`.
        broker: i32,
        /// Of its registration.
        epoch: i64,
    },
    /// A client of ZooKeeper, to its server.
    ZooKeeper(Box<Op>),
    /// A ZooKeeper server to another one. It is not answered; what answers it is a message of the
    /// same kind.
    Ensemble(Box<Peer>),
}

/// A wish to be a member.
#[derive(Clone, Debug, PartialEq)]
pub struct JoinGroup {
    /// `group.id`.
    pub group: Rc<str>,
    /// Its member id; empty at first.
    pub member: Rc<str>,
    /// `group.instance.id`: a static member.
    pub instance: Option<Rc<str>>,
    /// It is gone if nothing is heard of it for so long.
    pub session_timeout: Span,
    /// It may take so long to join a rebalance (`max.poll.interval.ms`).
    pub rebalance_timeout: Span,
    /// The assignors it can work with, the best first.
    pub protocols: Vec<Assignor>,
    /// What it wants and has.
    pub subscription: Subscription,
}

/// A heartbeat of the consumer protocol. Simplified: it says all each time, where a real one leaves
/// out what did not change.
#[derive(Clone, Debug, PartialEq)]
pub struct ConsumerGroupHeartbeat {
    /// `group.id`.
    pub group: Rc<str>,
    /// Its member id, which it made itself.
    pub member: Rc<str>,
    /// `group.instance.id`: a static member.
    pub instance: Option<Rc<str>>,
    /// The epoch that it has reached; 0 joins, -1 leaves, -2 leaves for a while.
    pub epoch: i32,
    /// It may take so long to give partitions up (`max.poll.interval.ms`).
    pub rebalance_timeout: Span,
    /// What it subscribes to.
    pub topics: Vec<Rc<str>>,
    /// `group.remote.assignor`, if it has a wish.
    pub assignor: Option<Assignor>,
    /// What it has; `None` if it does not say.
    pub owned: Option<Vec<TopicPartition>>,
}

/// Batches to append, at most one a partition.
#[derive(Clone, Debug, PartialEq)]
pub struct Produce {
    /// 0 without an answer, 1 after the leader's append, -1 after all in-sync replicas'.
    pub acks: i16,
    /// `transactional.id`, if the batches belong to a transaction.
    pub transaction: Option<Rc<str>>,
    /// How long the broker may wait for replicas, in milliseconds.
    pub timeout_ms: u64,
    /// The batches.
    pub batches: Vec<(TopicPartition, Bytes)>,
}

/// A broker that begins a life.
#[derive(Clone, Debug, PartialEq)]
pub struct Registration {
    /// `node.id`.
    pub broker: i32,
    /// Drawn by this life.
    pub incarnation: TopicId,
    /// Where it is.
    pub node: NodeId,
    /// `broker.rack`.
    pub rack: Option<String>,
    /// The broker epoch of the life before, if that was stopped cleanly; else -1.
    pub previous_epoch: i64,
}

/// A broker that lives.
#[derive(Clone, Debug, PartialEq)]
pub struct Heartbeat {
    /// `node.id`.
    pub broker: i32,
    /// Of its registration.
    pub epoch: i64,
    /// The last offset of the metadata log that it knows.
    pub metadata_offset: i64,
    /// True until it is ready to lead and follow.
    pub wants_fence: bool,
    /// True once it was asked to stop.
    pub wants_shutdown: bool,
}

/// Other ISRs that a leader wants.
#[derive(Clone, Debug, PartialEq)]
pub struct AlterPartition {
    /// `node.id` of the leader.
    pub broker: i32,
    /// Of its registration.
    pub epoch: i64,
    /// Partition by partition.
    pub partitions: Vec<AlterIsr>,
}

/// Another ISR of one partition.
#[derive(Clone, Debug, PartialEq)]
pub struct AlterIsr {
    /// Which.
    pub partition: TopicPartition,
    /// The leadership under which it is wanted.
    pub leader_epoch: i32,
    /// The state that it comes after.
    pub partition_epoch: i32,
    /// The new ISR, with the broker epochs that the leader has seen; -1 if it has seen none.
    pub isr: Vec<(i32, i64)>,
}

/// Where a partition of a share group is to begin; `None` if it is to be forgotten.
pub type ShareStart = (TopicPartition, Option<i64>);

/// What a member of a share group says of records of one partition, from the first to the last.
pub type Acknowledged = (TopicPartition, (i64, i64), Acknowledgement);

/// Records wanted, and what became of those that came before.
#[derive(Clone, Debug, PartialEq)]
pub struct ShareFetch {
    /// `group.id`.
    pub group: Rc<str>,
    /// Its member id.
    pub member: Rc<str>,
    /// How long the broker may hold it, in milliseconds.
    pub max_wait_ms: u64,
    /// So many records (`max.poll.records`).
    pub max_records: usize,
    /// Bytes of the answer.
    pub max_bytes: u64,
    /// Of these partitions.
    pub partitions: Vec<TopicPartition>,
    /// What became of earlier ones.
    pub acknowledged: Vec<Acknowledged>,
}

/// Records asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Fetch {
    /// The follower that asks, with its broker epoch; `None` from a consumer.
    pub replica: Option<(i32, i64)>,
    /// `client.rack` of a consumer that has one.
    pub rack: Option<Rc<str>>,
    /// How long the broker may hold it, in milliseconds.
    pub max_wait_ms: u64,
    /// It answers sooner with so many bytes.
    pub min_bytes: u64,
    /// Bytes of the answer.
    pub max_bytes: u64,
    /// True with `isolation.level=read_committed`.
    pub read_committed: bool,
    /// From where, partition by partition; the first ones are served first.
    pub partitions: Vec<FetchPartition>,
}

/// One partition of a Fetch.
#[derive(Clone, Debug, PartialEq)]
pub struct FetchPartition {
    /// Which.
    pub partition: TopicPartition,
    /// From this offset on.
    pub offset: i64,
    /// The leader epoch that the client knows; -1 if none.
    pub current_leader_epoch: i32,
    /// The epoch of the follower's last record; -1 if none, and from a consumer.
    pub last_fetched_epoch: i32,
    /// Bytes of this partition.
    pub max_bytes: u64,
}

/// An offset of a group, and what was read last before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OffsetAndEpoch {
    /// The next offset to read.
    pub offset: i64,
    /// The leader epoch of the last record read; -1 if it is not known (KIP-320).
    pub epoch: i32,
}

/// Offsets to remember.
#[derive(Clone, Debug, PartialEq)]
pub struct OffsetCommit {
    /// `group.id`.
    pub group: Rc<str>,
    /// The member id; empty from a tool.
    pub member: Rc<str>,
    /// `group.instance.id`.
    pub instance: Option<Rc<str>>,
    /// The generation, or the member's epoch; -1 from a tool.
    pub generation: i32,
    /// The next offset to read, partition by partition.
    pub offsets: Vec<(TopicPartition, OffsetAndEpoch)>,
}

impl Request {
    /// Its name in the protocol.
    pub fn kind(&self) -> &'static str {
        match self {
            Request::Transaction(request) => request.kind(),
            Request::ApiVersions => "ApiVersions",
            Request::Metadata { .. } => "Metadata",
            Request::InitProducerId => "InitProducerId",
            Request::Produce(_) => "Produce",
            Request::Fetch(_) => "Fetch",
            Request::ListOffsets { .. } => "ListOffsets",
            Request::OffsetsForLeaderEpoch { .. } => "OffsetForLeaderEpoch",
            Request::FindCoordinator { .. } => "FindCoordinator",
            Request::JoinGroup(_) => "JoinGroup",
            Request::SyncGroup { .. } => "SyncGroup",
            Request::Heartbeat { .. } => "Heartbeat",
            Request::ShareFetch(fetch) if fetch.partitions.is_empty() => "ShareAcknowledge",
            Request::ShareFetch(_) => "ShareFetch",
            Request::ReadShareGroupState { .. } => "ReadShareGroupState",
            Request::WriteShareGroupState { .. } => "WriteShareGroupState",
            Request::InitializeShareGroupState { start: None, .. } => "DeleteShareGroupState",
            Request::InitializeShareGroupState { .. } => "InitializeShareGroupState",
            Request::DescribeShareGroupOffsets { .. } => "DescribeShareGroupOffsets",
            Request::AlterShareGroupOffsets { starts, .. } => {
                match starts.iter().any(|(_, start)| start.is_some()) {
                    true => "AlterShareGroupOffsets",
                    false => "DeleteShareGroupOffsets",
                }
            }
            Request::ConsumerGroupHeartbeat(beat) if beat.assignor == Some(Assignor::Simple) => {
                "ShareGroupHeartbeat"
            }
            Request::ConsumerGroupHeartbeat(_) => "ConsumerGroupHeartbeat",
            Request::LeaveGroup { .. } => "LeaveGroup",
            Request::OffsetCommit(_) | Request::OldOffsetCommit(_) => "OffsetCommit",
            Request::OffsetFetch { .. } | Request::OldOffsetFetch { .. } => "OffsetFetch",
            Request::CreateTopics { .. } => "CreateTopics",
            Request::DeleteTopics { .. } => "DeleteTopics",
            Request::CreatePartitions { .. } => "CreatePartitions",
            Request::DescribeConfigs { .. } => "DescribeConfigs",
            Request::IncrementalAlterConfigs { .. } => "IncrementalAlterConfigs",
            Request::DeleteRecords { .. } => "DeleteRecords",
            Request::ElectLeaders { .. } => "ElectLeaders",
            Request::AlterPartitionReassignments { .. } => "AlterPartitionReassignments",
            Request::AllocateProducerIds { .. } => "AllocateProducerIds",
            Request::BrokerRegistration(_) => "BrokerRegistration",
            Request::BrokerHeartbeat(_) => "BrokerHeartbeat",
            Request::AlterPartition(_) => "AlterPartition",
            Request::ListGroups => "ListGroups",
            Request::DescribeGroups { .. } => "DescribeGroups",
            Request::OffsetDelete { .. } => "OffsetDelete",
            Request::DeleteGroups { .. } => "DeleteGroups",
            Request::DescribeQuorum => "DescribeQuorum",
            Request::Control(control) => control.kind(),
            Request::ControlledShutdown { .. } => "ControlledShutdown",
            Request::ZooKeeper(op) => op.kind(),
            Request::Ensemble(peer) => peer.kind(),
            // The leader pushes where the real followers fetch: the names are those of the real
            // messages that carry the same.
            Request::FetchSnapshot(_) => "FetchSnapshot",
            Request::Quorum(message) => match message.body {
                raft::message::Body::AskVote { .. } => "Vote",
                raft::message::Body::Vote { .. } => "VoteResponse",
                raft::message::Body::Append { .. } => "FetchResponse",
                raft::message::Body::Snapshot { .. } => "FetchSnapshotResponse",
                raft::message::Body::Appended { .. } => "Fetch",
                raft::message::Body::Stand => "EndQuorumEpoch",
            },
        }
    }
}
