//! Everything that can be done to a lab or asked of it, typed. Buttons, the terminal, lessons,
//! links, host pages and tests all come down to these.

use super::predicate::Predicate;
pub use super::workload::Body;
use crate::kafka::ways::{ENGINE, ENGINES};
use crate::ordered::BTreeMap;
use crate::sim::{MessageId, Span, Time};
use crate::{kafka, rabbit};
use serde::{Deserialize, Serialize};

/// Settings by their real names.
pub type Settings = BTreeMap<String, String>;

/// One command.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// `lab new`: a fresh lab in the place of this one.
    New(LabSpec),
    /// `run 5s`: let virtual time pass.
    RunFor(Span),
    /// `run --until PREDICATE --max 60s`: until something holds; an error if it does not by then.
    RunUntil {
        /// What must hold.
        predicate: Predicate,
        /// How long to wait for it.
        max: Span,
    },
    /// `step [N]`: so many events.
    Step(u64),
    /// `producer NAME ...`: a client that sends the same numbered messages to every side named.
    /// A producer of this name that has sent all it was to send goes on with the next number.
    Producer(ProducerCommand),
    /// `consumer NAME --kafka ...`.
    KafkaConsumer(kafka::spec::ConsumerSpec),
    /// `consumer NAME --rabbit ...`.
    RabbitConsumer(rabbit::spec::ConsumerSpec),
    /// `client NAME ...`.
    Client {
        /// The client, on both sides if it is a producer to both.
        name: String,
        /// What becomes of it.
        act: ClientAct,
    },
    /// `node NAME ...`.
    Node {
        /// `kafka-1`, `rabbit-1`.
        name: String,
        /// What becomes of it.
        act: ProcessAct,
    },
    /// `net ...`.
    Net(NetAct),
    /// `crash-all`: every process at once, as when the tab dies; all start again.
    CrashAll,
    /// `power-cut`: every machine at once; all start again.
    PowerCut,
    /// A Kafka tool's question; waits for the answer.
    Kafka(kafka::command::Ask),
    /// `kafka-console-producer`: sends records and waits until each is acknowledged or given up.
    KafkaProduce(ConsoleProduce),
    /// `kafka-console-consumer`: reads until it has what it wanted.
    KafkaConsume(ConsoleConsume),
    /// A RabbitMQ tool's question; waits for the answer.
    Rabbit(rabbit::command::Ask),
    /// `ledger [NAME]`: what became of the messages.
    Ledger {
        /// Only those of this producer.
        producer: Option<String>,
    },
    /// `passport MESSAGE`: one message's life.
    Passport(MessageId),
    /// `metrics [PATTERN]`.
    Metrics {
        /// Names that contain it; all if `None`.
        pattern: Option<String>,
    },
    /// `events`.
    Events {
        /// Only these names; all if empty.
        only: Vec<String>,
        /// Only from this instant on.
        since: Time,
    },
    /// `check`: run the invariant checks now.
    Check,
    /// `state [PATH]`.
    State {
        /// A path as in predicates; the whole state if `None`.
        path: Option<super::predicate::Expression>,
    },
    /// What lies in files of Kafka's servers; each with the files of its name that stand beside it.
    Files(Vec<String>),
    /// `node NAME add`: a broker that joins.
    AddNode(String),
    /// `lab compare LINE`: a second run beside this one, in which a recorded line is another one;
    /// `lab compare off` ends it.
    Compare(Option<Box<super::timeline::Change>>),
}

/// What a lab is made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LabSpec {
    /// The one seed of everything random.
    pub seed: u64,
    /// Brokers, `kafka-1` and up.
    pub kafka_brokers: u32,
    /// Controllers, `controller-1` and up: a quorum. Without one the one broker is its own.
    pub controllers: u32,
    /// RabbitMQ nodes, `rabbit-1` and up.
    pub rabbit_nodes: u32,
    /// The Kafka version that is modelled: `4.1`.
    pub kafka_version: String,
    /// The RabbitMQ version that is modelled: `4.2`.
    pub rabbit_version: String,
    /// The name of the cost preset.
    pub cost: String,
    /// Settings of brokers that differ from their defaults.
    pub settings: Settings,
}

impl LabSpec {
    /// True if ZooKeeper keeps Kafka's metadata: so the brokers' `zookeeper.connect` says.
    /// [`LabSpec::controllers`] is the number of its servers then.
    pub fn has_zookeeper(&self) -> bool {
        self.settings.contains_key(ZOOKEEPER_CONNECT)
    }

    /// Lets ZooKeeper keep Kafka's metadata.
    pub fn set_zookeeper(&mut self) {
        let servers = (1..=self.controllers).map(|id| format!("zookeeper-{id}:2181"));
        let servers = servers.collect::<Vec<_>>().join(",");
        self.settings.insert(ZOOKEEPER_CONNECT.to_owned(), servers);
    }

    /// It was recorded by this version of the program: where that had other ways, it keeps them.
    pub fn recorded_by(&mut self, engine: &str) {
        if !engine.is_empty() && ENGINES.contains(&engine) {
            self.settings.entry(ENGINE.to_owned()).or_insert_with(|| engine.to_owned());
        }
    }

    /// Until 0.1.0 a producer that ran already and was started sent again what was not
    /// acknowledged.
    pub fn starts_what_runs(&self) -> bool {
        self.settings.get(ENGINE).is_some_and(|engine| engine == "0.1.0")
    }

    /// Until 0.2.0 a tool of RabbitMQ that was not told which node to ask went on asking the one
    /// that another was told to ask before.
    pub fn asks_last_node(&self) -> bool {
        self.settings.contains_key(ENGINE)
    }

    /// The setting by which a node of RabbitMQ knows whose ways it keeps.
    pub fn rabbit_ways(&self) -> Option<(String, String)> {
        let engine = self.settings.get(ENGINE)?;
        Some((crate::rabbit::settings::ENGINE.to_owned(), engine.clone()))
    }

    /// The settings by which a server knows whose ways it keeps.
    pub fn ways(&self) -> Settings {
        let own = self.settings.get_key_value(ENGINE);
        own.map(|(name, engine)| (name.clone(), engine.clone())).into_iter().collect()
    }
}

/// The setting of brokers of the ZooKeeper era.
const ZOOKEEPER_CONNECT: &str = "zookeeper.connect";

impl Default for LabSpec {
    fn default() -> LabSpec {
        LabSpec {
            seed: 1,
            kafka_brokers: 3,
            controllers: 3,
            rabbit_nodes: 1,
            kafka_version: "4.1".into(),
            rabbit_version: "4.2".into(),
            cost: "lan".into(),
            settings: Settings::new(),
        }
    }
}

/// `producer NAME ...`.
#[derive(Clone, Debug, PartialEq)]
pub struct ProducerCommand {
    /// Its name.
    pub name: String,
    /// Topics that each message goes to.
    pub kafka: Vec<String>,
    /// Exchanges that each message goes to.
    pub rabbit: Vec<RabbitTarget>,
    /// How many messages; without end if `None`.
    pub count: Option<u64>,
    /// Microseconds from one message to the next; zero sends all at once.
    pub every: Span,
    /// Bytes of a body that has no text of its own.
    pub size: Option<usize>,
    /// Keys, taken in turn; no key if empty.
    pub keys: Vec<String>,
    /// The text of each body; `message N` if `None`.
    pub payload: Option<String>,
    /// Client settings of either side.
    pub settings: Settings,
}

/// Where a message goes on the RabbitMQ side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RabbitTarget {
    /// The exchange; empty is the default exchange.
    pub exchange: String,
    /// The routing key; the message's own key if `None`.
    pub key: Option<String>,
}

/// What becomes of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProcessAct {
    /// It ends politely.
    Stop,
    /// It dies without a word.
    Crash,
    /// Its machine loses power.
    PowerCut,
    /// It starts again.
    Start,
    /// It stands still.
    Pause,
    /// It goes on.
    Resume,
}

/// What becomes of a client.
#[derive(Clone, Debug, PartialEq)]
pub enum ClientAct {
    /// Its life as a process.
    Process(ProcessAct),
    /// `crash --at`: it dies when it next gets there.
    CrashAt(kafka::command::CrashPoint),
    /// A setting that can change while it runs.
    Set {
        /// The setting's real name.
        name: String,
        /// Its new value.
        value: String,
    },
    /// `commit-transaction` (true) or `abort-transaction`: a producer ends what is open.
    EndTransaction(bool),
    /// `seek TOPIC:PARTITION:OFFSET`.
    Seek(kafka::event::TopicPartition, i64),
    /// `commit TOPIC:PARTITION:OFFSET`.
    Commit(kafka::event::TopicPartition, i64),
}

/// A change of the network. Names may be nodes or clients of either side.
#[derive(Clone, Debug, PartialEq)]
pub enum NetAct {
    /// Cuts one off from all others.
    Isolate(String),
    /// Cuts two sets off from each other.
    Partition(Vec<String>, Vec<String>),
    /// Messages take so long one way.
    Slow {
        /// One end.
        a: String,
        /// The other end; anybody if `None`.
        b: Option<String>,
        /// One way.
        latency: Span,
    },
    /// Swallows messages.
    Drop {
        /// One end.
        a: String,
        /// The other end.
        b: String,
        /// Only of this kind.
        kind: Option<String>,
        /// Only so many.
        count: Option<u32>,
    },
    /// Takes all faults of the network away.
    Heal,
}

/// What `kafka-console-producer` sends.
#[derive(Clone, Debug, PartialEq)]
pub struct ConsoleProduce {
    /// The topic.
    pub topic: String,
    /// What is sent, in order.
    pub records: Vec<ConsoleRecord>,
    /// `--producer-property`.
    pub settings: Settings,
    /// What `kafka-producer-perf-test` sends in the place of records.
    pub load: Option<Load>,
}

/// A record of `kafka-console-producer`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ConsoleRecord {
    /// The key, if it has one.
    pub key: Option<String>,
    /// The value; a tombstone has none.
    pub value: Option<String>,
    /// Its headers in order.
    pub headers: Vec<(String, Option<String>)>,
}

/// Records without a meaning, to see how fast they go.
#[derive(Clone, Debug, PartialEq)]
pub struct Load {
    /// How many.
    pub records: u64,
    /// The bytes of each, if all are of one size.
    pub size: Option<usize>,
    /// What stands in them.
    pub body: Body,
    /// From one to the next; zero for as fast as it goes.
    pub every: Span,
    /// So many come before what is measured for itself; 0 for none.
    pub warmup: u64,
}

/// What `kafka-console-consumer` reads.
#[derive(Clone, Debug, PartialEq)]
pub struct ConsoleConsume {
    /// How it reads: with a group, or from a place of its own.
    pub reads: kafka::spec::Reads,
    /// Ends after so many records.
    pub max_messages: Option<u64>,
    /// Ends when nothing came for so long. Without either it ends when virtual time has passed
    /// [`CONSOLE_PATIENCE`](super::session::CONSOLE_PATIENCE) without a record.
    pub timeout: Option<Span>,
    /// Consumer settings (`isolation.level`, `auto.offset.reset`).
    pub settings: Settings,
}
