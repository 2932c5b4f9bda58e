//! What the lab asks of a process of the Kafka world, and what the tools are answered.

use super::event::TopicPartition;
use super::message::response::{BrokerSettings, PartitionMetadata, QuorumInfo};
use super::metadata::Resource;
use super::metadata::election::Election;
use super::spec::Settings;
use super::zookeeper::{Op, Reply, ZkError};
use crate::sim::MessageId;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::rc::Rc;

/// A question of a tool, so that its answer is known again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RequestId(pub u64);

/// What the lab asks of a process.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Producer: `send()`.
    Send(Box<OutgoingRecord>),
    /// Producer: `flush()`: what is buffered goes now, whatever `linger.ms` says.
    Flush,
    /// Admin client: ask a broker.
    Ask(RequestId, Box<Ask>),
    /// Producer: `commitTransaction()` (true) or `abortTransaction()`.
    EndTransaction(bool),
    /// Consumer: `seek()`.
    Seek(TopicPartition, i64),
    /// Consumer: `commitSync()` of one partition.
    Commit(TopicPartition, i64),
    /// Consumer: die without a word when it next reaches this point.
    CrashAt(CrashPoint),
    /// Client: a setting that can change while it runs.
    Set {
        /// The setting's real name.
        name: String,
        /// Its new value.
        value: String,
    },
}

/// A point of a consumer's round at which it can be made to die. Between two of them nothing is
/// done that anybody else could see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CrashPoint {
    /// `poll()` has returned records; nothing is done with them.
    Fetched,
    /// The handler is done with a record.
    Processed,
    /// Its side effect has happened.
    Effect,
    /// Its result is written: the broker has acknowledged it.
    Written,
    /// The coordinator has acknowledged a commit.
    Committed,
}

impl CrashPoint {
    /// Its name, as `client NAME crash --at` takes it.
    pub fn name(self) -> &'static str {
        match self {
            CrashPoint::Fetched => "fetched",
            CrashPoint::Processed => "processed",
            CrashPoint::Effect => "effect",
            CrashPoint::Written => "written",
            CrashPoint::Committed => "committed",
        }
    }
}

/// A record on its way into the log.
#[derive(Clone, Debug, PartialEq)]
pub struct OutgoingRecord {
    /// The number by which the lab follows it; it travels in the record header `id`, as decimal
    /// text.
    pub id: MessageId,
    /// The topic.
    pub topic: Rc<str>,
    /// A partition chosen by the caller; the partitioner chooses if `None`.
    pub partition: Option<i32>,
    /// The key, if it has one.
    pub key: Option<Bytes>,
    /// The value; `None` is a tombstone.
    pub value: Option<Bytes>,
    /// Its headers, without the lab's own.
    pub headers: Headers,
}

/// Headers of a record in order: names, and values that may be missing.
pub type Headers = Vec<(String, Option<Bytes>)>;

/// What a tool can ask.
#[derive(Clone, Debug, PartialEq)]
pub enum Ask {
    /// Make a topic.
    CreateTopic {
        /// Its name.
        topic: String,
        /// `num.partitions` if `None`.
        partitions: Option<i32>,
        /// `default.replication.factor` if `None`.
        replication_factor: Option<i16>,
        /// The replicas of each partition, if they are chosen by hand.
        assignment: Vec<Vec<i32>>,
        /// Topic settings.
        settings: Settings,
    },
    /// Remove a topic.
    DeleteTopic {
        /// Its name.
        topic: String,
    },
    /// Give a topic more partitions.
    AddPartitions {
        /// Its name.
        topic: String,
        /// How many it shall have.
        partitions: i32,
    },
    /// Describe these topics, or all.
    DescribeTopics {
        /// Their names; all if empty.
        topics: Vec<String>,
    },
    /// The names of all topics.
    ListTopics,
    /// The ids of all brokers, and an empty name for what they have in common.
    ListBrokers,
    /// ListOffsets: -1 latest, -2 earliest, -3 largest timestamp, otherwise the first record not
    /// before this many milliseconds.
    ListOffsets {
        /// Topics, each with some of its partitions or all if empty; without one all topics.
        topics: Vec<(String, Vec<i32>)>,
        /// Of all topics: also of those that are internal.
        internal: bool,
        /// The time asked for.
        time: i64,
    },
    /// Other replicas for partitions that exist.
    Reassign(Reassignment),
    /// The settings of a topic or of brokers, and where they come from.
    DescribeConfigs {
        /// Whose.
        resource: Resource,
        /// False if only those matter that are set: then the tool looks first whether there is
        /// such a topic or broker.
        all: bool,
    },
    /// Set or forget settings of a topic or of brokers.
    AlterConfigs {
        /// Whose.
        resource: Resource,
        /// Settings with their new values; `None` for the default again.
        changes: Vec<(String, Option<String>)>,
    },
    /// Elect leaders.
    ElectLeaders {
        /// What the election may do.
        election: Election,
        /// Of these partitions; of all if `None`.
        partitions: Option<Vec<TopicPartition>>,
    },
    /// Forget records before these offsets; -1 is the high watermark.
    DeleteRecords {
        /// Partition by partition.
        partitions: Vec<(TopicPartition, i64)>,
    },
    /// All groups but share groups.
    ListGroups,
    /// All share groups.
    ListShareGroups,
    /// Describe a group with its offsets.
    DescribeGroup {
        /// `group.id`.
        group: String,
        /// True for a share group.
        share: bool,
        /// True if the tool shows how far a share group is behind (since 4.2).
        lag: bool,
    },
    /// Set a group's committed offsets.
    ResetOffsets {
        /// `group.id`.
        group: String,
        /// Topics, each with some of its partitions or all if empty; without one all partitions
        /// of which the group has an offset.
        topics: Vec<(String, Vec<i32>)>,
        /// Where to.
        to: ResetTo,
        /// True: commit it. False: only say what it would be (`--dry-run`).
        execute: bool,
        /// True for a share group.
        share: bool,
    },
    /// Forget a group's offsets of a topic.
    DeleteOffsets {
        /// `group.id`.
        group: String,
        /// True for a share group.
        share: bool,
        /// Topics, each with some of its partitions or all if empty.
        topics: Vec<(String, Vec<i32>)>,
    },
    /// One question of several groups, topics or brokers, one after the other.
    Each {
        /// Their names; all that there are if empty.
        names: Vec<String>,
        /// What is asked; the name is put in.
        of: Box<Ask>,
    },
    /// Remove an empty group.
    DeleteGroup {
        /// `group.id`.
        group: String,
        /// True for a share group.
        share: bool,
    },
    /// How far each copy of the metadata log has come.
    DescribeQuorum,
    /// Something of ZooKeeper, in a session of its own.
    ZooKeeper {
        /// How many servers its ensemble has; 0 if there is none.
        servers: u32,
        /// What is asked.
        op: Op,
    },
}

/// What `kafka-reassign-partitions` is asked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Reassignment {
    /// What is done.
    pub act: ReassignAct,
    /// With which partitions, and the replicas that they are to have.
    pub partitions: Vec<(TopicPartition, Vec<i32>)>,
}

/// What of `kafka-reassign-partitions` is done.
#[derive(Clone, Debug, PartialEq)]
pub enum ReassignAct {
    /// `--list`.
    List,
    /// `--generate`: say where the partitions of topics could go.
    Generate {
        /// `--broker-list`.
        brokers: Vec<i32>,
        /// Of these topics.
        topics: Vec<String>,
        /// False with `--disable-rack-aware`.
        rack_aware: bool,
    },
    /// `--execute`.
    Execute {
        /// `--additional`: though others are under way.
        additional: bool,
        /// `--throttle`, in bytes a second.
        throttle: Option<u64>,
    },
    /// `--verify`.
    Verify {
        /// `--preserve-throttles`.
        preserve: bool,
    },
    /// `--cancel`.
    Cancel {
        /// `--preserve-throttles`.
        preserve: bool,
    },
}

impl Reassignment {
    /// True if `--broker-list` names this broker.
    pub fn names(&self, broker: i32) -> bool {
        matches!(&self.act, ReassignAct::Generate { brokers, .. } if brokers.contains(&broker))
    }
}

/// What `kafka-reassign-partitions` found, before it changed anything, and what became of it.
#[derive(Clone, Debug, PartialEq)]
pub struct ReassignmentAnswer {
    /// Brokers that live.
    pub brokers: Vec<i32>,
    /// All partitions.
    pub current: Vec<(TopicPartition, PartitionDescription)>,
    /// With `--generate`: where they could go.
    pub proposed: Vec<(TopicPartition, Vec<i32>)>,
    /// What became of each change.
    pub results: Vec<(TopicPartition, Result<(), ApiError>)>,
    /// True if the throttles were taken back.
    pub cleared: bool,
}

/// Where `--reset-offsets` moves a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResetTo {
    /// The log start.
    Earliest,
    /// The high watermark.
    Latest,
    /// This offset.
    Offset(i64),
    /// So many further, or back.
    ShiftBy(i64),
    /// The first record not before this many milliseconds of virtual time.
    Time(i64),
    /// The first record that is not older than so many milliseconds.
    Age(i64),
    /// These offsets (`--from-file`), each with its group if several are named.
    Planned(Vec<(Option<String>, TopicPartition, i64)>),
    /// Where it is; the high watermark where it has committed nothing.
    Current,
}

impl Ask {
    /// True if it is about a share group.
    pub fn is_of_share(&self) -> bool {
        matches!(
            self,
            Ask::DescribeGroup { share: true, .. }
                | Ask::ResetOffsets { share: true, .. }
                | Ask::DeleteOffsets { share: true, .. }
                | Ask::DeleteGroup { share: true, .. }
        )
    }

    /// The same question of another group, topic or broker; without a name it is the default of
    /// all brokers.
    pub fn of_name(&self, name: &str) -> Ask {
        let mut ask = self.clone();
        if let Ask::DescribeConfigs { resource, .. } = &mut ask {
            *resource = match resource {
                Resource::Broker(_) => Resource::Broker(name.parse().ok()),
                _ => Resource::Topic(name.to_owned()),
            };
        }
        if let Ask::ResetOffsets { topics, to: ResetTo::Planned(planned), .. } = &mut ask {
            planned.retain(|(group, ..)| group.as_deref().is_none_or(|group| group == name));
            let of =
                |(_, key, _): &(_, TopicPartition, _)| (key.topic.to_string(), vec![key.partition]);
            *topics = planned.iter().map(of).collect();
        }
        if let Ask::DescribeGroup { group, .. }
        | Ask::ResetOffsets { group, .. }
        | Ask::DeleteOffsets { group, .. }
        | Ask::DeleteGroup { group, .. } = &mut ask
        {
            name.clone_into(group);
        }
        ask
    }

    /// Says whether the tool shows how far a share group is behind.
    pub fn show_lag(&mut self, shown: bool) {
        match self {
            Ask::Each { of, .. } => of.show_lag(shown),
            Ask::DescribeGroup { lag, share: true, .. } => *lag = shown,
            _ => {}
        }
    }

    /// The same question at this instant: ages become times.
    pub fn at(&self, now_ms: i64) -> Ask {
        let mut ask = self.clone();
        if let Ask::Each { of, .. } = &mut ask {
            **of = of.at(now_ms);
        }
        if let Ask::ResetOffsets { to, .. } = &mut ask
            && let ResetTo::Age(age_ms) = *to
        {
            *to = ResetTo::Time((now_ms - age_ms).max(0));
        }
        ask
    }
}

/// The offset that a reset sets in a partition, or would set.
#[derive(Clone, Debug, PartialEq)]
pub struct NewOffset {
    /// The partition.
    pub partition: TopicPartition,
    /// Within its log.
    pub offset: i64,
    /// What was asked for, in the log or not; `None` where no record is late enough.
    pub asked: Option<i64>,
}

/// The answer to an [`Ask`] that succeeded.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// It is done.
    Done,
    /// Topics, described.
    Topics(Vec<TopicDescription>),
    /// Names of topics.
    Names(Vec<String>),
    /// Groups.
    Groups(Vec<GroupListing>),
    /// What became of a question, group by group.
    Each(Vec<(String, Result<Answer, ApiError>)>),
    /// What became of each offset that was to be forgotten.
    DeletedOffsets(Vec<(TopicPartition, Result<(), ApiError>)>),
    /// Offsets; `None` where no record answers the time asked for.
    Offsets(Vec<(TopicPartition, Option<i64>)>),
    /// What `kafka-reassign-partitions` found and did.
    Reassignment(Box<ReassignmentAnswer>),
    /// A topic's own settings (none of a broker's), and those of the broker that was asked.
    Configs(Settings, Box<BrokerSettings>),
    /// What became of each election.
    Elections(Vec<(TopicPartition, Result<(), ApiError>)>),
    /// The first offset that is left of each partition.
    LowWatermarks(Vec<(TopicPartition, Result<i64, ApiError>)>),
    /// A group, described.
    Group(GroupDescription),
    /// What a reset did, or would do.
    Reset(Vec<NewOffset>),
    /// The quorum of the controllers.
    Quorum(QuorumInfo),
    /// What ZooKeeper said.
    ZooKeeper(Result<Reply, ZkError>),
}

/// A topic as `kafka-topics --describe` shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct TopicDescription {
    /// Its name.
    pub topic: String,
    /// Its id, as Kafka prints it (22 characters of base 64), fixed by seed and order.
    pub id: String,
    /// Settings that differ from their defaults, in the order that the tool prints.
    pub settings: Settings,
    /// Its partitions in order.
    pub partitions: Vec<PartitionDescription>,
    /// True if eligible leader replicas are known.
    pub knows_elr: bool,
}

/// A partition as `kafka-topics --describe` shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct PartitionDescription {
    /// Its number.
    pub partition: i32,
    /// The leader's broker id; `None` without one.
    pub leader: Option<i32>,
    /// Replicas in assignment order.
    pub replicas: Vec<i32>,
    /// In-sync replicas.
    pub isr: Vec<i32>,
    /// Replicas that may lead if the ISR is empty.
    pub elr: Vec<i32>,
    /// Replicas that were eligible once.
    pub last_known_elr: Vec<i32>,
    /// What a reassignment brings and takes away, while one is under way.
    pub reassignment: Option<(Vec<i32>, Vec<i32>)>,
}

impl PartitionDescription {
    /// A partition as a broker knows it.
    pub fn of(number: i32, partition: &PartitionMetadata) -> PartitionDescription {
        PartitionDescription {
            partition: number,
            leader: partition.leader,
            replicas: partition.replicas.clone(),
            isr: partition.isr.clone(),
            elr: partition.elr.clone(),
            last_known_elr: partition.last_known_elr.clone(),
            reassignment: partition.reassignment.clone(),
        }
    }
}

/// A group as `kafka-consumer-groups --describe` shows it.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupDescription {
    /// `group.id`.
    pub group: String,
    /// True if it speaks the consumer protocol.
    pub is_modern: bool,
    /// True if the tool shows how far a share group is behind.
    pub shows_lag: bool,
    /// Its generation or epoch.
    pub generation: i32,
    /// `Stable`, `Empty`, ...
    pub state: String,
    /// `range`, `uniform`; empty without members.
    pub assignor: String,
    /// The coordinator's broker id.
    pub coordinator: i32,
    /// Its members in order of their ids.
    pub members: Vec<MemberDescription>,
    /// Offsets, partition by partition.
    pub offsets: Vec<GroupOffset>,
}

/// A group as `kafka-consumer-groups --list` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupListing {
    /// `group.id`.
    pub group: String,
    /// What it is.
    pub kind: GroupType,
    /// `Stable`, `Empty`, ...
    pub state: &'static str,
}

/// What a group is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupType {
    /// It speaks the classic protocol.
    Classic,
    /// It speaks the consumer protocol.
    Consumer,
    /// A share group.
    Share,
}

/// A member of a group.
#[derive(Clone, Debug, PartialEq)]
pub struct MemberDescription {
    /// `member.id`.
    pub member: String,
    /// `group.instance.id`, if it is a static member.
    pub instance: Option<String>,
    /// `client.id`.
    pub client: String,
    /// Its partitions.
    pub assignment: Vec<TopicPartition>,
    /// The epoch that it has reached (consumer protocol).
    pub epoch: Option<i32>,
    /// The epoch of its target, and what it is to have then (consumer protocol).
    pub target: Option<(i32, Vec<TopicPartition>)>,
}

/// A row of a group's offsets.
#[derive(Clone, Debug, PartialEq)]
pub struct GroupOffset {
    /// The partition.
    pub partition: TopicPartition,
    /// The committed offset, or where a share group begins; `None` if there is none yet.
    pub committed: Option<i64>,
    /// The leader's epoch when it was set, if that is known.
    pub epoch: Option<i64>,
    /// Of a share group: how many records behind its start are done.
    pub done: i64,
    /// The partition's log end as consumers see it: its high watermark.
    pub end: i64,
    /// The member that owns it, by `member.id`.
    pub member: Option<String>,
}

/// An error with its real code, name and sentence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ApiError {
    /// Code of the protocol, as in `Errors.java`; -1 for an error of the client alone.
    pub code: i16,
    /// Name of the protocol: `UNKNOWN_TOPIC_OR_PARTITION`, or the client's exception.
    pub name: String,
    /// The sentence that the real tool prints.
    pub sentence: String,
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sentence)
    }
}
