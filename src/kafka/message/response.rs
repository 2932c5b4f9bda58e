//! Responses: each answers the request of its name.

use crate::kafka::assignor::Assignor;
use crate::kafka::command::{ApiError, GroupType};
use crate::kafka::error::ErrorCode;
use crate::kafka::event::TopicPartition;
use crate::kafka::group::Subscription;
use crate::kafka::group::share_records::ShareState;
use crate::kafka::message::control::Control;
use crate::kafka::message::request::OffsetAndEpoch;
use crate::kafka::message::transactions::TransactionResponse;
use crate::kafka::metadata::SnapshotId;
use crate::kafka::metadata::client_quota::QuotaEntity;
use crate::kafka::spec::Settings;
use crate::kafka::zookeeper::request::Answer;
use crate::ordered::BTreeMap;
use crate::sim::{NodeId, Rope, Span, Time};
use bytes::Bytes;
use std::rc::Rc;

/// What a broker answers.
#[derive(Clone, Debug, PartialEq)]
pub enum Response {
    /// About a transaction.
    Transaction(TransactionResponse),
    /// The connection is open.
    ApiVersions,
    /// Brokers and topics as this broker knows them.
    Metadata(Metadata),
    /// A producer id that nobody had before, with its epoch.
    InitProducerId(Result<(i64, i16), ErrorCode>),
    /// What became of each batch.
    Produce(Vec<(TopicPartition, Result<i64, ErrorCode>)>),
    /// Records, or nothing.
    Fetch(Fetched),
    /// An offset for each partition; -1 if no record answers the time asked for.
    ListOffsets(Vec<(TopicPartition, Result<i64, ErrorCode>)>),
    /// The largest epoch of the leader's log that is not above the one asked for, and where it ends
    /// there; -1 and -1 if there is none.
    OffsetsForLeaderEpoch(Vec<(TopicPartition, Result<(i32, i64), ErrorCode>)>),
    /// The coordinator: broker id, and where it is.
    FindCoordinator(Result<(i32, NodeId), ErrorCode>),
    /// All have joined. A refusal names a member id, for one that had none.
    JoinGroup(Result<Joined, (ErrorCode, Rc<str>)>),
    /// What the member reads.
    SyncGroup(Result<Vec<TopicPartition>, ErrorCode>),
    /// All is as it was.
    Heartbeat(Result<(), ErrorCode>),
    /// Where the member is, and when it is to be heard of again.
    ConsumerGroupHeartbeat(Result<(MemberTarget, Span), ErrorCode>),
    /// The member has left.
    LeaveGroup(Result<(), ErrorCode>),
    /// What became of each offset.
    OffsetCommit(Vec<(TopicPartition, Result<(), ErrorCode>)>),
    /// Committed offsets; partitions without one are missing.
    OffsetFetch(Result<Vec<(TopicPartition, OffsetAndEpoch)>, ErrorCode>),
    /// Records that the member has now, and what became of what it said.
    ShareFetch(ShareFetched),
    /// How far a share group has come; `None` if it has not begun.
    ReadShareGroupState(Result<Option<ShareState>, ErrorCode>),
    /// It is written.
    WriteShareGroupState(Result<(), ErrorCode>),
    /// What a broker knows of a share group as share coordinator.
    DescribeShareGroupOffsets(Result<Vec<(TopicPartition, ShareState)>, ErrorCode>),
    /// What became of each partition.
    AlterShareGroupOffsets(Result<Vec<(TopicPartition, Result<(), ErrorCode>)>, ErrorCode>),
    /// The topic is there.
    CreateTopics(Result<(), ApiError>),
    /// The topic is gone.
    DeleteTopics(Result<(), ApiError>),
    /// The partitions are there.
    CreatePartitions(Result<(), ApiError>),
    /// The broker's settings that differ from their defaults, and each topic's own.
    DescribeConfigs(Box<BrokerSettings>, Vec<(Rc<str>, Settings)>),
    /// The settings hold.
    IncrementalAlterConfigs(Result<(), ApiError>),
    /// The first offset that is left, partition by partition.
    DeleteRecords(Vec<(TopicPartition, Result<i64, ErrorCode>)>),
    /// What became of each election.
    ElectLeaders(Vec<(TopicPartition, Result<(), ApiError>)>),
    /// What became of each wish for other replicas.
    AlterPartitionReassignments(Vec<(TopicPartition, Result<(), ApiError>)>),
    /// Producer ids for a broker to give away: the first, and the end of the block.
    AllocateProducerIds(Result<(i64, i64), ErrorCode>),
    /// The broker epoch.
    BrokerRegistration(Result<i64, ErrorCode>),
    /// What a broker may do.
    BrokerHeartbeat(Result<Alive, ErrorCode>),
    /// What became of each ISR.
    AlterPartition(Result<Vec<(TopicPartition, Result<Altered, ErrorCode>)>, ErrorCode>),
    /// Group ids; what each is; their states.
    ListGroups(Result<Vec<(Rc<str>, GroupType, &'static str)>, ErrorCode>),
    /// A group.
    DescribeGroups(Result<DescribedGroup, ErrorCode>),
    /// What became of each offset.
    OffsetDelete(Result<Vec<(TopicPartition, Result<(), ErrorCode>)>, ErrorCode>),
    /// The group is gone.
    DeleteGroups(Result<(), ErrorCode>),
    /// How far each copy of the metadata log has come; `None` from a broker that does not know the
    /// question (UNSUPPORTED_VERSION).
    DescribeQuorum(Option<QuorumInfo>),
    /// The bytes of the snapshot.
    FetchSnapshot(Result<Bytes, ErrorCode>),
    /// Whatever was asked: this controller is not the active one, and if it knows who is, here it
    /// is. In the place of the error NOT_CONTROLLER (41) or NOT_LEADER_OR_FOLLOWER (6) that each
    /// response has.
    NotController(Option<NodeId>),
    /// What the controller said was done, or refused. It names what was said.
    Control(&'static str, Result<(), ErrorCode>),
    /// How many partitions are still led by the broker that stops.
    ControlledShutdown(Result<usize, ErrorCode>),
    /// What a ZooKeeper server says to its client.
    ZooKeeper(Box<Answer>),
}

/// Where a broker's settings come from, the first that has one wins.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BrokerSettings {
    /// Given to this broker while it runs.
    pub own: Settings,
    /// Given to all brokers while they run.
    pub default: Settings,
    /// With which it was started (`server.properties`).
    pub fixed: Settings,
    /// Quotas of clients and users. Simplified: the real tool asks for them with
    /// DescribeClientQuotas.
    pub quotas: BTreeMap<QuotaEntity, Settings>,
}

impl BrokerSettings {
    /// What the broker goes by.
    pub fn merged(&self) -> Settings {
        let mut settings = self.fixed.clone();
        settings.extend(self.default.clone());
        settings.extend(self.own.clone());
        settings
    }
}

/// The quorum as its leader knows it.
#[derive(Clone, Debug, PartialEq)]
pub struct QuorumInfo {
    /// `node.id` of the active controller.
    pub leader: i32,
    /// The epoch of its leadership.
    pub leader_epoch: i32,
    /// Everything before this offset is committed.
    pub high_watermark: i64,
    /// The controllers, in the order of their ids.
    pub voters: Vec<QuorumReplica>,
    /// The brokers.
    pub observers: Vec<QuorumReplica>,
}

/// A copy of the metadata log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct QuorumReplica {
    /// `node.id`.
    pub id: i32,
    /// The end of its log.
    pub log_end: i64,
    /// When the leader last heard of it.
    pub fetched_at: Option<Time>,
    /// When it last had everything.
    pub caught_up_at: Option<Time>,
}

/// The controller's answer to a broker that lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Alive {
    /// It knows of its own registration.
    pub is_caught_up: bool,
    /// It must not lead.
    pub is_fenced: bool,
    /// It may stop: nothing depends on it any more.
    pub should_shut_down: bool,
}

/// A partition's state after a change that its leader asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Altered {
    /// The leader; -1 without one.
    pub leader: i32,
    /// The epoch of its leadership.
    pub leader_epoch: i32,
    /// In-sync replicas.
    pub isr: Vec<i32>,
    /// Counts the changes.
    pub partition_epoch: i32,
}

/// The cluster as a broker knows it.
#[derive(Clone, Debug, PartialEq)]
pub struct Metadata {
    /// Broker ids, and where they are: in place of host and port.
    pub brokers: Vec<(i32, NodeId)>,
    /// The active controller.
    pub controller: i32,
    /// True if the broker can tell eligible leader replicas (DescribeTopicPartitions, KIP-966).
    pub knows_elr: bool,
    /// `broker.rack` of the brokers that have one.
    pub racks: BTreeMap<i32, String>,
    /// The topics that were asked for.
    pub topics: Vec<(Rc<str>, Result<TopicMetadata, ErrorCode>)>,
}

/// A topic as a broker knows it.
#[derive(Clone, Debug, PartialEq)]
pub struct TopicMetadata {
    /// Its id.
    pub id: TopicId,
    /// True for `__consumer_offsets` and the like.
    pub internal: bool,
    /// Its partitions in order.
    pub partitions: Vec<PartitionMetadata>,
}

/// A topic's id: 16 random bytes, shown as 22 characters of base 64.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicId(pub [u8; 16]);

/// A partition as a broker knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionMetadata {
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
    /// Replicas that were eligible once.
    pub last_known_elr: Vec<i32>,
    /// Replicas that a reassignment brings, and those that it takes away, while one is under way.
    /// Simplified: a real client asks for it with ListPartitionReassignments.
    pub reassignment: Option<(Vec<i32>, Vec<i32>)>,
}

/// The answer to a Fetch.
#[derive(Clone, Debug, PartialEq)]
pub struct Fetched {
    /// Partition by partition, as asked.
    pub partitions: Vec<FetchedPartition>,
}

/// One partition of the answer to a Fetch.
#[derive(Clone, Debug, PartialEq)]
pub struct FetchedPartition {
    /// Which.
    pub partition: TopicPartition,
    /// What is wrong, if anything.
    pub error: Option<ErrorCode>,
    /// Records below it may be read.
    pub high_watermark: i64,
    /// Records below it are decided: committed, or aborted for good.
    pub last_stable: i64,
    /// With `read_committed`: the aborted transactions among the records, each by its producer id
    /// and its first offset.
    pub aborted: Vec<(i64, i64)>,
    /// The first offset that is still there.
    pub log_start: i64,
    /// Whole batches; the first may begin before the offset that was asked for.
    pub records: Rope,
    /// The follower's log and the leader's are different: where the last epoch that both may know
    /// ended at the leader (epoch, offset).
    pub diverging: Option<(i32, i64)>,
    /// A follower in the consumer's rack, from which it is to read (KIP-392).
    pub preferred_replica: Option<i32>,
    /// Of the metadata log: it begins behind the offset that was asked for, and this snapshot is to
    /// be fetched in its place (KIP-630).
    pub snapshot: Option<SnapshotId>,
}

/// A member that has joined.
#[derive(Clone, Debug, PartialEq)]
pub struct Joined {
    /// Its member id.
    pub member: Rc<str>,
    /// The generation of the group.
    pub generation: i32,
    /// The assignor that the members chose.
    pub protocol: Assignor,
    /// The member that divides the partitions.
    pub leader: Rc<str>,
    /// To the leader: who is in the group.
    pub members: Vec<JoinedMember>,
    /// To the leader: all stays as it is.
    pub skip_assignment: bool,
}

/// A member as the leader of its group is told of it.
#[derive(Clone, Debug, PartialEq)]
pub struct JoinedMember {
    /// Its member id.
    pub member: Rc<str>,
    /// `group.instance.id`.
    pub instance: Option<Rc<str>>,
    /// What it wants and has.
    pub subscription: Subscription,
}

/// Records for a member of a share group.
#[derive(Clone, Debug, PartialEq)]
pub struct ShareFetched {
    /// What it said that was wrong.
    pub refused: Vec<(TopicPartition, ErrorCode)>,
    /// Batches; not all of their records are the member's.
    pub fetched: Vec<FetchedPartition>,
    /// The offsets that are, each with its delivery count.
    pub acquired: Vec<Acquired>,
}

/// Offsets of a partition that a member acquired, each with its delivery count.
pub type Acquired = (TopicPartition, Vec<(i64, u16)>);

/// Where a member of the consumer protocol is on its way.
#[derive(Clone, Debug, PartialEq)]
pub struct MemberTarget {
    /// The epoch that it has reached.
    pub epoch: i32,
    /// What it is to have, if that is news.
    pub assignment: Option<Vec<TopicPartition>>,
}

/// A group as its coordinator knows it.
#[derive(Clone, Debug, PartialEq)]
pub struct DescribedGroup {
    /// True if it speaks the consumer protocol.
    pub is_modern: bool,
    /// Its generation or epoch.
    pub generation: i32,
    /// `Stable`, `Empty`, ...
    pub state: String,
    /// The assignor that its members chose; empty without members.
    pub assignor: String,
    /// Its members in the order of their ids.
    pub members: Vec<DescribedMember>,
}

/// A member as its coordinator knows it.
#[derive(Clone, Debug, PartialEq)]
pub struct DescribedMember {
    /// Its member id.
    pub member: Rc<str>,
    /// `group.instance.id`.
    pub instance: Option<Rc<str>>,
    /// `client.id`.
    pub client: Rc<str>,
    /// What it reads.
    pub assignment: Vec<TopicPartition>,
    /// The epoch that it has reached (consumer protocol).
    pub epoch: Option<i32>,
    /// The epoch of its target, and what it is to have then (consumer protocol).
    pub target: Option<(i32, Vec<TopicPartition>)>,
}

impl Response {
    /// Its name: the request's, and what it is.
    pub fn kind(&self) -> &'static str {
        match self {
            Response::Transaction(response) => response.kind(),
            Response::ApiVersions => "ApiVersionsResponse",
            Response::Metadata(_) => "MetadataResponse",
            Response::InitProducerId(_) => "InitProducerIdResponse",
            Response::Produce(_) => "ProduceResponse",
            Response::Fetch(_) => "FetchResponse",
            Response::ListOffsets(_) => "ListOffsetsResponse",
            Response::OffsetsForLeaderEpoch(_) => "OffsetForLeaderEpochResponse",
            Response::FindCoordinator(_) => "FindCoordinatorResponse",
            Response::JoinGroup(_) => "JoinGroupResponse",
            Response::SyncGroup(_) => "SyncGroupResponse",
            Response::Heartbeat(_) => "HeartbeatResponse",
            Response::ConsumerGroupHeartbeat(_) => "ConsumerGroupHeartbeatResponse",
            Response::LeaveGroup(_) => "LeaveGroupResponse",
            Response::OffsetCommit(_) => "OffsetCommitResponse",
            Response::OffsetFetch(_) => "OffsetFetchResponse",
            Response::ShareFetch(_) => "ShareFetchResponse",
            Response::ReadShareGroupState(_) => "ReadShareGroupStateResponse",
            Response::WriteShareGroupState(_) => "WriteShareGroupStateResponse",
            Response::DescribeShareGroupOffsets(_) => "DescribeShareGroupOffsetsResponse",
            Response::AlterShareGroupOffsets(_) => "AlterShareGroupOffsetsResponse",
            Response::CreateTopics(_) => "CreateTopicsResponse",
            Response::DeleteTopics(_) => "DeleteTopicsResponse",
            Response::CreatePartitions(_) => "CreatePartitionsResponse",
            Response::DescribeConfigs(..) => "DescribeConfigsResponse",
            Response::IncrementalAlterConfigs(_) => "IncrementalAlterConfigsResponse",
            Response::DeleteRecords(_) => "DeleteRecordsResponse",
            Response::ElectLeaders(_) => "ElectLeadersResponse",
            Response::AlterPartitionReassignments(_) => "AlterPartitionReassignmentsResponse",
            Response::AllocateProducerIds(_) => "AllocateProducerIdsResponse",
            Response::BrokerRegistration(_) => "BrokerRegistrationResponse",
            Response::BrokerHeartbeat(_) => "BrokerHeartbeatResponse",
            Response::AlterPartition(_) => "AlterPartitionResponse",
            Response::ListGroups(_) => "ListGroupsResponse",
            Response::DescribeGroups(_) => "DescribeGroupsResponse",
            Response::OffsetDelete(_) => "OffsetDeleteResponse",
            Response::DeleteGroups(_) => "DeleteGroupsResponse",
            Response::DescribeQuorum(_) => "DescribeQuorumResponse",
            Response::FetchSnapshot(_) => "FetchSnapshotResponse",
            Response::NotController(_) => "NotController",
            Response::Control(kind, _) => Control::answer_kind(kind),
            Response::ControlledShutdown(_) => "ControlledShutdownResponse",
            Response::ZooKeeper(answer) => match &**answer {
                Answer::Watch(_) => "WatcherEvent",
                Answer::Result(..) => "ZooKeeperResponse",
            },
        }
    }
}

const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

impl TopicId {
    /// Reads what [`TopicId`] prints.
    pub fn parse(text: &str) -> Option<TopicId> {
        let mut bits = 0u128;
        for (at, digit) in text.bytes().enumerate() {
            let value = DIGITS.iter().position(|known| *known == digit)? as u128;
            // 21 digits of 6 bits and one of 2.
            bits = if at < 21 { bits << 6 | value } else { bits << 2 | value >> 4 };
        }
        (text.len() == 22).then(|| TopicId(bits.to_be_bytes()))
    }
}

impl std::fmt::Display for TopicId {
    /// URL-safe base 64 without padding, as Kafka's `Uuid` prints itself.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let bits = u128::from_be_bytes(self.0);
        // 128 bits are 21 digits of 6 bits and one of 2, which is filled up with zeros.
        for digit in 0..21 {
            write!(f, "{}", DIGITS[(bits >> (122 - 6 * digit)) as usize & 63] as char)?;
        }
        write!(f, "{}", DIGITS[(bits as usize & 3) << 4] as char)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_id_prints_as_kafka_prints_it() {
        // ZERO_UUID and METADATA_TOPIC_ID of Kafka: (0, 0) and (0, 1).
        assert_eq!(TopicId([0; 16]).to_string(), "AAAAAAAAAAAAAAAAAAAAAA");
        let mut one = [0; 16];
        one[15] = 1;
        assert_eq!(TopicId(one).to_string(), "AAAAAAAAAAAAAAAAAAAAAQ");
        assert_eq!(TopicId([255; 16]).to_string(), "_____________________w");
        for id in [TopicId(one), TopicId([255; 16]), TopicId([0x5a; 16])] {
            assert_eq!(TopicId::parse(&id.to_string()), Some(id));
        }
    }
}
