//! What a process of the Kafka world is started with: all that a restart keeps, besides its files.

use crate::ordered::BTreeMap;
use crate::sim::Span;
use serde::{Deserialize, Serialize};

/// Settings by their real names: `acks`, `linger.ms`, `log.segment.bytes`.
pub type Settings = BTreeMap<String, String>;

/// The program of a process and its configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Spec {
    /// A broker.
    Broker(BrokerSpec),
    /// A controller that is not also a broker.
    Controller(ControllerSpec),
    /// A producing client.
    Producer(ProducerSpec),
    /// A consuming client.
    Consumer(ConsumerSpec),
    /// The client behind the command-line tools.
    Admin,
    /// A server of the ZooKeeper ensemble.
    ZooKeeper(ZooKeeperSpec),
}

impl Spec {
    /// The settings of its program, to be changed; the admin client has none.
    pub fn settings_mut(&mut self) -> Option<&mut Settings> {
        match self {
            Spec::Broker(spec) => Some(&mut spec.settings),
            Spec::Controller(spec) => Some(&mut spec.settings),
            Spec::Producer(spec) => Some(&mut spec.settings),
            Spec::Consumer(spec) => Some(&mut spec.settings),
            Spec::Admin | Spec::ZooKeeper(_) => None,
        }
    }

    /// The settings of a server; a client has none of these.
    pub fn server_settings_mut(&mut self) -> Option<&mut Settings> {
        match self {
            Spec::ZooKeeper(spec) => Some(&mut spec.settings),
            Spec::Broker(_) | Spec::Controller(_) => self.settings_mut(),
            Spec::Producer(_) | Spec::Consumer(_) | Spec::Admin => None,
        }
    }
}

/// A broker's configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct BrokerSpec {
    /// `node.id`: 1, 2, 3.
    pub id: i32,
    /// Broker settings that differ from their defaults.
    pub settings: Settings,
}

/// A controller's configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ControllerSpec {
    /// `node.id`: 3001, 3002, 3003.
    pub id: i32,
    /// Settings that differ from their defaults, from the same table as a broker's.
    pub settings: Settings,
}

/// A ZooKeeper server's configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ZooKeeperSpec {
    /// `myid`: 1, 2, 3.
    pub id: u32,
    /// How many servers the ensemble has; they are added one after the other.
    pub servers: u32,
    /// Settings of the lab alone: see [`super::ways`].
    #[serde(default)]
    pub settings: Settings,
}

/// A producer's configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProducerSpec {
    /// `client.id`, and its name in the lab.
    pub name: String,
    /// Producer settings that differ from their defaults.
    pub settings: Settings,
}

/// A consumer's configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ConsumerSpec {
    /// `client.id`, and its name in the lab.
    pub name: String,
    /// What it reads, and on whose behalf.
    pub reads: Reads,
    /// Handler time for each poll that returned records, whatever their number.
    pub work_per_batch: Span,
    /// Handler time for each record.
    pub work_per_message: Span,
    /// `max.poll.records` as the lab's `--batch` gives it; the client's default if `None`.
    pub batch: Option<u32>,
    /// When offsets are committed.
    pub commit: CommitMode,
    /// A counted side effect of each record, such as an e-mail.
    pub effect: Option<String>,
    /// True if its group is a share group (KIP-932).
    pub is_share: bool,
    /// The topic to which it writes a result of each record.
    pub to: Option<String>,
    /// Ends by itself after so many records (console consumer).
    pub stop_after: Option<u64>,
    /// Consumer settings that differ from their defaults.
    pub settings: Settings,
}

/// What a consumer reads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Reads {
    /// `subscribe()`: the topics, as a member of the group.
    Group {
        /// `group.id`.
        group: String,
        /// Topics.
        topics: Vec<String>,
    },
    /// `assign()` and `seek()`: partitions of one topic, each from a place of its own.
    Assigned {
        /// The topic.
        topic: String,
        /// One partition; all of them if `None`.
        partition: Option<i32>,
        /// Where to begin.
        from: StartAt,
    },
    /// `subscribe(Pattern)`: the topics whose names match, those too that come later, as a member
    /// of the group.
    Pattern {
        /// `group.id`.
        group: String,
        /// The regular expression.
        pattern: String,
    },
}

impl Reads {
    /// `group.id`, if it is a member of a group.
    pub fn group(&self) -> Option<&String> {
        match self {
            Reads::Group { group, .. } | Reads::Pattern { group, .. } => Some(group),
            Reads::Assigned { .. } => None,
        }
    }
}

/// Where reading begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum StartAt {
    /// The log start.
    Earliest,
    /// The high watermark.
    Latest,
    /// This offset.
    Offset(i64),
    /// The first record that is not older than this; the high watermark if there is none.
    Since(Span),
}

/// When a consumer commits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum CommitMode {
    /// By `enable.auto.commit`: in `poll()`, every `auto.commit.interval.ms`.
    Auto,
    /// As soon as records are returned by `poll()`, before they are processed.
    Before,
    /// After so many records were processed.
    After(u32),
    /// Never.
    Never,
}
