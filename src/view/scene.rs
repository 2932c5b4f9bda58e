//! The picture as plain data: what stands where, what moves, and with which numbers. Nothing here
//! knows a language, a colour or a pixel; times are microseconds of virtual time.

use serde::{Deserialize, Serialize};

/// Everything that the picture shows at one instant.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Scene {
    /// The instant.
    pub now_us: u64,
    /// Producers in the order in which they came; each may feed both lanes.
    pub producers: Vec<Producer>,
    /// The upper lane.
    pub kafka: KafkaLane,
    /// The lower lane.
    pub rabbit: RabbitLane,
    /// Messages on their way right now.
    pub in_flight: Vec<Mover>,
    /// Messages that arrived since the frame before, oldest first: what the picture moves.
    pub arrived: Vec<Mover>,
    /// How many more arrived than `arrived` holds.
    pub arrived_more: u64,
    /// What became of the messages.
    pub ledger: Ledger,
    /// Curves under the lanes, on the same time axis.
    pub charts: Vec<Chart>,
}

impl Scene {
    /// True if something has begun to start, and time has to run until it has.
    pub fn is_starting(&self) -> bool {
        let servers = self.kafka.brokers.iter().chain(&self.rabbit.nodes);
        let consumers = self.kafka.consumers.iter().chain(&self.rabbit.consumers);
        let all = servers.map(|server| server.health);
        let all = all.chain(consumers.map(|consumer| consumer.health));
        all.chain(self.producers.iter().map(|producer| producer.health))
            .any(|health| health == Health::Starting)
    }
}

/// How a process or a client is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Health {
    /// It takes part.
    #[default]
    Running,
    /// It has started and is not ready yet.
    Starting,
    /// It stands still.
    Paused,
    /// It is dead.
    Down,
    /// Its machine has no power.
    Off,
    /// It held more than its memory and died.
    OutOfMemory,
}

/// A server process.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Server {
    /// `kafka-1`, `rabbit-1`.
    pub name: String,
    /// How it is.
    pub health: Health,
}

/// A producer: one client that sends the same messages to every side it names.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Producer {
    /// Its name.
    pub name: String,
    /// How it is.
    pub health: Health,
    /// Topics it sends to.
    pub topics: Vec<String>,
    /// Exchanges and routing keys it publishes to.
    pub exchanges: Vec<(String, String)>,
    /// Messages a second; 0 if all go at once.
    pub rate_per_second: f64,
    /// Messages sent so far.
    pub sent: u64,
    /// How many it is to send; `None` without end.
    pub count: Option<u64>,
    /// The number of the message it sent last.
    pub last_message: Option<u64>,
    /// Messages acknowledged by Kafka.
    pub acknowledged: u64,
    /// Messages confirmed by RabbitMQ.
    pub confirmed: u64,
    /// Messages given up, refused or returned, both sides together.
    pub failed: u64,
    /// True while it has more to send.
    pub sending: bool,
}

/// The Kafka lane.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct KafkaLane {
    /// Brokers.
    pub brokers: Vec<Server>,
    /// Topics, internal ones left out.
    pub topics: Vec<Topic>,
    /// Consumers in the order in which they came.
    pub consumers: Vec<Consumer>,
    /// Records in all the topics of the lane: decides how densely it is drawn.
    pub records: u64,
}

/// A topic.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Topic {
    /// Its name.
    pub name: String,
    /// Its partitions in order.
    pub partitions: Vec<Partition>,
}

/// A partition.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Partition {
    /// Its number.
    pub index: i32,
    /// The leader: `kafka-1`.
    pub leader: Option<String>,
    /// In-sync replicas.
    pub isr: Vec<i32>,
    /// Replicas in assignment order.
    pub replicas: Vec<Replica>,
    /// The first offset that is still there.
    pub log_start: i64,
    /// Records below it are visible to consumers.
    pub high_watermark: i64,
    /// The offset that the next record will get.
    pub log_end: i64,
    /// The last records, at most [`CELLS_MAX`]; older ones are counted by `log_start` and the
    /// first cell's offset.
    pub cells: Vec<LogCell>,
    /// One caret for each group that reads it.
    pub carets: Vec<Caret>,
    /// Bytes in its segments.
    pub bytes: u64,
    /// How many segments it has.
    pub segments: u32,
}

/// A partition's log at one broker.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replica {
    /// The broker's number.
    pub broker: i32,
    /// What it knows of the high watermark.
    pub high_watermark: i64,
    /// The offset that its next record will get.
    pub log_end: i64,
}

/// At most so many cells are given for a partition or a queue; beyond that bars and numbers serve.
pub const CELLS_MAX: usize = 300;

/// A record in the log. It never leaves by being read.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LogCell {
    /// Where it lies.
    pub offset: i64,
    /// The message, if the lab sent it.
    pub message: Option<u64>,
    /// Its key.
    pub key: Option<String>,
    /// False above the high watermark: not yet visible to consumers.
    pub visible: bool,
}

/// Where a group stands in a partition.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Caret {
    /// The group.
    pub group: String,
    /// The committed offset: the next one to read; `None` if nothing was committed.
    pub committed: Option<i64>,
    /// The position of the member that reads it: the next offset it will ask for.
    pub position: Option<i64>,
    /// Visible records that it has not committed.
    pub lag: i64,
}

/// A consumer of either lane.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Consumer {
    /// Its name.
    pub name: String,
    /// How it is.
    pub health: Health,
    /// Its group (Kafka).
    pub group: Option<String>,
    /// The topics or the queue that it reads.
    pub reads: Vec<String>,
    /// Messages in its memory, in the order of work; the first is in work if `busy_until_us` says
    /// so. At most [`CELLS_MAX`].
    pub held: Vec<u64>,
    /// How many it holds.
    pub held_count: u64,
    /// Bytes it holds.
    pub held_bytes: u64,
    /// Bytes it can hold; 0 is without limit.
    pub memory: u64,
    /// Its prefetch (RabbitMQ); 0 is without limit.
    pub prefetch: u16,
    /// Deliveries not yet acknowledged (RabbitMQ).
    pub unacked: u64,
    /// Messages given to it.
    pub got: u64,
    /// Messages it is done with.
    pub done: u64,
    /// Since when a Fetch of its waits at a broker (Kafka).
    pub parked_since_us: Option<u64>,
    /// When its handler will be done.
    pub busy_until_us: Option<u64>,
    /// Handler time for each message.
    pub work_us: u64,
}

/// The RabbitMQ lane.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RabbitLane {
    /// Nodes.
    pub nodes: Vec<Server>,
    /// Exchanges that are in use: those with a binding, or that a producer names. The default
    /// exchange has the empty name.
    pub exchanges: Vec<Exchange>,
    /// Queues.
    pub queues: Vec<Queue>,
    /// Consumers in the order in which they came.
    pub consumers: Vec<Consumer>,
    /// Messages in all queues: decides how densely the lane is drawn.
    pub messages: u64,
}

/// An exchange.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Exchange {
    /// Its name; empty is the default exchange.
    pub name: String,
    /// `direct`, ...
    pub kind: String,
    /// (binding key, queue). Of the default exchange: the queues that exist.
    pub bindings: Vec<(String, String)>,
}

/// A queue.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Queue {
    /// Its name.
    pub name: String,
    /// `classic`, ...
    pub kind: String,
    /// Survives a restart.
    pub durable: bool,
    /// Messages that wait.
    pub ready: u64,
    /// Messages delivered and not yet acknowledged.
    pub unacked: u64,
    /// Messages that came back and are not ready yet.
    pub delayed: u64,
    /// Its messages from the head on, at most [`CELLS_MAX`].
    pub cells: Vec<QueueCell>,
    /// Bytes of the bodies.
    pub bytes: u64,
}

/// A message in a queue. It leaves when it is acknowledged.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct QueueCell {
    /// Its sequence id in the queue.
    pub position: u64,
    /// The message.
    pub message: u64,
    /// Its key.
    pub key: Option<String>,
    /// True: delivered and not yet acknowledged. False: ready.
    pub unacked: bool,
    /// True: it came back, and is not ready yet.
    pub delayed: bool,
    /// Whether it had been delivered before.
    pub redelivered: bool,
}

/// A place in the picture.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Place {
    /// A producer.
    Producer(String),
    /// A Kafka broker.
    Broker(String),
    /// A partition of a topic.
    Partition(String, i32),
    /// A Kafka consumer.
    KafkaConsumer(String),
    /// A RabbitMQ node.
    RabbitNode(String),
    /// An exchange.
    Exchange(String),
    /// A queue.
    Queue(String),
    /// A RabbitMQ consumer.
    RabbitConsumer(String),
    /// A command-line tool.
    Tool,
}

/// What a moving thing is: decides its shape and weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum MoverKind {
    /// Messages on their way to a broker (Produce, basic.publish).
    Send,
    /// The broker's word that they are safe (Produce response, publisher confirm).
    Confirm,
    /// A consumer's question (Fetch): the hook.
    FetchRequest,
    /// Records on their way to a consumer (Fetch response with records).
    Records,
    /// A Fetch response without a record.
    NoRecords,
    /// A pushed message (basic.deliver).
    Deliver,
    /// An acknowledgement of a consumer (basic.ack, nack, reject): the tick.
    Acknowledge,
    /// An offset commit.
    Commit,
    /// Everything else that belongs to a connection.
    Control,
}

/// A message between two places: on its way, or arrived.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Mover {
    /// Tells it from every other of this branch of time.
    pub id: u64,
    /// True in the Kafka lane, false in the RabbitMQ lane.
    pub kafka: bool,
    /// What it is.
    pub kind: MoverKind,
    /// Where it left.
    pub from: Place,
    /// Where it goes.
    pub to: Place,
    /// When it left.
    pub sent_us: u64,
    /// When it arrives.
    pub arrives_us: u64,
    /// The messages it carries, at most the first three.
    pub messages: Vec<u64>,
    /// How many it carries.
    pub count: u64,
    /// The name of its kind in the protocol: `Fetch`, `basic.deliver`.
    pub name: String,
}

/// What became of the messages.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Ledger {
    /// The Kafka side.
    pub kafka: LedgerSide,
    /// The RabbitMQ side.
    pub rabbit: LedgerSide,
}

/// What became of the messages of one side.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct LedgerSide {
    /// Given to the client library.
    pub sent: u64,
    /// Believed stored.
    pub acknowledged: u64,
    /// Handed to a consumer at least once.
    pub delivered: u64,
    /// Processed at least once.
    pub processed: u64,
    /// Processed more than once.
    pub duplicated: u64,
    /// Believed stored and no longer readable.
    pub lost: u64,
    /// Processed after a younger one of the same key.
    pub reordered: u64,
}

/// What a chart shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ChartKind {
    /// Messages that are not done with: consumer lag; ready and unacknowledged.
    Backlog,
    /// Messages in the memory of consumers.
    ConsumerMemory,
    /// Messages processed in a second.
    Throughput,
    /// How long messages took, in microseconds: the median, and the 99th percentile.
    Latency,
    /// Bytes of the brokers' memory: page caches, queues.
    BrokerMemory,
    /// Bytes in files.
    Disk,
    /// Messages of the network that arrived in a second.
    Traffic,
}

/// A curve: (time, value), down-sampled.
pub type Curve = Vec<(u64, f64)>;

/// The curves of both sides on one time axis.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Chart {
    /// What it shows.
    pub kind: ChartKind,
    /// The Kafka side.
    pub kafka: Curve,
    /// The RabbitMQ side.
    pub rabbit: Curve,
    /// The upper curve of the Kafka side; empty if there is one only.
    pub kafka_high: Curve,
    /// The upper curve of the RabbitMQ side.
    pub rabbit_high: Curve,
    /// The largest value of all.
    pub max: f64,
}
