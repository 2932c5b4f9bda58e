//! What the lab asks of a process of the RabbitMQ world, and what the tools are answered.

use super::alarms::Watermark;
use super::message::Frame;
use super::policy::Policy;
use crate::ordered::BTreeMap;
use crate::sim::{MessageId, NodeId, Span};
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
    /// Publisher: `basic.publish`.
    Publish(OutgoingMessage),
    /// Admin client: ask the broker.
    Ask(RequestId, Ask),
    /// Admin client: these are the nodes.
    Meet(Vec<NodeId>),
    /// Consumer: die without a word when it next reaches this point.
    CrashAt(CrashPoint),
    /// Client: a setting that can change while it runs.
    Set {
        /// The setting's name.
        name: String,
        /// Its new value.
        value: String,
    },
    /// Probe: say this.
    Say(Frame),
}

/// A point of a consumer's round at which it can be made to die.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CrashPoint {
    /// A delivery has come; nothing is done with it.
    Fetched,
    /// The handler is done with a message.
    Processed,
    /// Its side effect has happened.
    Effect,
    /// Its acknowledgement is sent.
    Committed,
}

impl CrashPoint {
    /// Its name, as `client NAME crash --at` takes it.
    pub fn name(self) -> &'static str {
        match self {
            CrashPoint::Fetched => "fetched",
            CrashPoint::Processed => "processed",
            CrashPoint::Effect => "effect",
            CrashPoint::Committed => "committed",
        }
    }
}

/// A message on its way to an exchange.
#[derive(Clone, Debug, PartialEq)]
pub struct OutgoingMessage {
    /// The number by which the lab follows it; it travels in the property `message-id`.
    pub id: MessageId,
    /// The exchange; empty is the default exchange.
    pub exchange: Rc<str>,
    /// The routing key.
    pub routing_key: Rc<str>,
    /// The key of the workload, carried in the header `key`, so that both sides can be compared.
    pub key: Option<Rc<str>>,
    /// The body.
    pub body: Bytes,
    /// Properties, if the caller set any.
    pub properties: Option<Rc<Properties>>,
}

/// The 14 AMQP properties, as a caller sets them.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Properties {
    /// 1 transient, 2 persistent; the client's default if `None`.
    pub delivery_mode: Option<u8>,
    /// 0 to 255.
    pub priority: Option<u8>,
    /// Milliseconds, as a string of digits.
    pub expiration: Option<String>,
    /// For request and reply.
    pub correlation_id: Option<String>,
    /// For request and reply.
    pub reply_to: Option<String>,
    /// Content type.
    pub content_type: Option<String>,
    /// Headers.
    pub headers: BTreeMap<String, Argument>,
    /// Those that no broker acts on, by name: [`CARRIED`]. They are stored behind the others, so
    /// that what was stored without them can still be read.
    #[serde(skip)]
    pub carried: BTreeMap<String, Argument>,
}

/// Properties that are only carried (`user_id` is also checked); `timestamp` is a number of
/// seconds, all others are short strings.
pub const CARRIED: [&str; 7] =
    ["app_id", "cluster_id", "content_encoding", "message_id", "timestamp", "type", "user_id"];

/// A value of an argument table or of the headers, typed as in AMQP.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Argument {
    /// Void.
    Void,
    /// Boolean.
    Boolean(bool),
    /// An integer of any width.
    Integer(i64),
    /// A double.
    Double(f64),
    /// A string.
    Text(String),
    /// An array.
    List(Vec<Argument>),
    /// A timestamp, in seconds.
    Timestamp(u64),
    /// A table.
    Table(BTreeMap<String, Argument>),
}

/// What a tool can ask.
#[derive(Clone, Debug, PartialEq)]
pub enum Ask {
    /// `queue.declare`.
    DeclareQueue {
        /// Its name.
        queue: String,
        /// `classic`, `quorum`, `stream`.
        kind: String,
        /// Survives a restart.
        durable: bool,
        /// Goes with its last consumer.
        auto_delete: bool,
        /// `x-` arguments.
        arguments: BTreeMap<String, Argument>,
    },
    /// `exchange.declare`.
    DeclareExchange {
        /// Its name.
        exchange: String,
        /// `direct`, `fanout`, `topic`, `headers`.
        kind: String,
        /// Survives a restart.
        durable: bool,
        /// Goes with its last binding.
        auto_delete: bool,
        /// Only exchanges may route to it.
        internal: bool,
        /// Arguments.
        arguments: BTreeMap<String, Argument>,
    },
    /// `queue.bind`, `exchange.bind`.
    Bind {
        /// The exchange.
        source: String,
        /// The queue or exchange.
        destination: String,
        /// True if the destination is an exchange.
        to_exchange: bool,
        /// The binding key.
        key: String,
        /// Arguments.
        arguments: BTreeMap<String, Argument>,
    },
    /// Takes a binding away, which must be there.
    Unbind {
        /// The exchange.
        source: String,
        /// The queue or exchange.
        destination: String,
        /// True if the destination is an exchange.
        to_exchange: bool,
        /// The binding key.
        key: String,
        /// Arguments.
        arguments: BTreeMap<String, Argument>,
    },
    /// Deletes a queue, which must be there.
    DeleteQueue {
        /// Its name.
        queue: String,
    },
    /// The same with conditions.
    DeleteQueueIf {
        /// Its name.
        queue: String,
        /// Only if it has no consumer.
        if_unused: bool,
        /// Only if nothing waits in it.
        if_empty: bool,
    },
    /// Deletes an exchange, which must be there.
    DeleteExchange {
        /// Its name.
        exchange: String,
    },
    /// `queue.purge`.
    Purge {
        /// Its name.
        queue: String,
    },
    /// Publish one message with a confirm, as the management interface does.
    Publish(OutgoingMessage),
    /// `basic.get` so many times.
    Get {
        /// The queue.
        queue: String,
        /// At most so many.
        count: u32,
        /// What becomes of them.
        mode: GetMode,
    },
    /// All queues.
    ListQueues,
    /// All exchanges.
    ListExchanges,
    /// All bindings.
    ListBindings,
    /// All consumers.
    ListConsumers,
    /// All connections.
    ListConnections,
    /// All channels.
    ListChannels,
    /// All policies.
    ListPolicies {
        /// Those of operators.
        operator: bool,
    },
    /// Sets a policy.
    SetPolicy {
        /// The policy.
        policy: Policy,
        /// As an operator's.
        operator: bool,
    },
    /// Takes a policy away.
    ClearPolicy {
        /// Its name.
        name: String,
        /// An operator's.
        operator: bool,
    },
    /// Sets the limit of memory.
    SetMemoryWatermark(Watermark),
    /// Sets the limit of free disk, in bytes.
    SetDiskFreeLimit(u64),
    /// The node goes into maintenance (true), or comes back from it.
    Maintenance(bool),
    /// The members, as soon as every queue that several nodes have would keep its majority without
    /// this node, or after so long. At once `Done` where there is only one node.
    AwaitQuorums {
        /// The node's name.
        node: String,
        /// How long.
        timeout: Span,
    },
    /// Members of quorum queues come or go.
    Members(Members),
    /// A quorum queue is to be led from this node, by its number.
    Lead {
        /// The queue.
        queue: String,
        /// The node.
        node: u32,
    },
    /// Leaders of quorum queues with such names are to be spread over the nodes.
    Rebalance {
        /// A regular expression.
        pattern: String,
    },
    /// All members of a stream are to stop, and to find a leader.
    RestartStream {
        /// The stream.
        stream: String,
        /// The node that leads if its log is as good as any, by its number.
        preferred: Option<u32>,
    },
    /// The mirrors of a queue are to be synchronised, or that is to end.
    Synchronise {
        /// The queue.
        queue: String,
        /// They are.
        begins: bool,
    },
    /// All members of quorum queues and streams.
    ListMembers,
    /// The node itself.
    Status,
    /// Something of this node, by its number: 2 for `rabbit-2`.
    On(u32, Box<Ask>),
    /// Something of the first node that answers, whatever node was asked before.
    Any(Box<Ask>),
}

/// Members of quorum queues that come or go.
#[derive(Clone, Debug, PartialEq)]
pub struct Members {
    /// On this node, by its number.
    pub node: u32,
    /// They come.
    pub adds: bool,
    /// They have a vote at once (`--membership voter`).
    pub votes: bool,
    /// Of which queues.
    pub of: Of,
}

/// Which queues.
#[derive(Clone, Debug, PartialEq)]
pub enum Of {
    /// This one.
    Queue(String),
    /// This stream.
    Stream(String),
    /// All with names that match.
    Matching {
        /// A regular expression.
        pattern: String,
        /// Only those with an even number of members.
        even: bool,
    },
}

/// `--ack-mode` of `rabbitmqadmin get messages`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GetMode {
    /// `ack_requeue_false`: taken.
    Ack,
    /// `ack_requeue_true`: put back.
    AckRequeue,
    /// `reject_requeue_true`: put back.
    RejectRequeue,
    /// `reject_requeue_false`: rejected.
    Reject,
}

/// The answer to an [`Ask`] that succeeded.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// It is done.
    Done,
    /// Done to so many messages (purge, delete).
    Count(u64),
    /// Published; whether a queue took it.
    Published {
        /// True if at least one queue took it.
        routed: bool,
    },
    /// Messages that `basic.get` took.
    Messages(Vec<GotMessage>),
    /// Queues in the order of their names.
    Queues(Vec<super::inspect::QueueState>),
    /// Exchanges in the order of their names.
    Exchanges(Vec<super::inspect::ExchangeState>),
    /// Bindings.
    Bindings(Vec<super::inspect::BindingState>),
    /// Consumers.
    Consumers(Vec<super::inspect::ConsumerState>),
    /// Connections.
    Connections(Vec<super::inspect::ConnectionState>),
    /// Channels.
    Channels(Vec<super::inspect::ChannelState>),
    /// Policies in the order of their names.
    Policies(Vec<Policy>),
    /// The node.
    Node(Box<super::inspect::NodeState>),
    /// Members of queues, by queue and node.
    Members(Vec<super::inspect::MemberState>),
    /// Of each queue how many members it has now, and why not more or less.
    Resized(Vec<(String, u64, Option<&'static str>)>),
    /// Of each node how many quorum queues it leads now.
    Leaders(Vec<(String, u64)>),
    /// The node that leads a stream now.
    Led(String),
}

/// A message that `basic.get` took.
#[derive(Clone, Debug, PartialEq)]
pub struct GotMessage {
    /// The exchange it was published to.
    pub exchange: String,
    /// Its routing key.
    pub routing_key: String,
    /// Whether it had been delivered before.
    pub redelivered: bool,
    /// Messages left ready after it.
    pub message_count: u64,
    /// The body.
    pub body: Bytes,
    /// Its properties.
    pub properties: Properties,
}

/// What an AMQP error closes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Closes {
    /// The channel.
    Channel,
    /// The connection with all its channels.
    Connection,
}

/// An error with its real reply code and text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AmqpError {
    /// 404, 406, ...
    pub code: u16,
    /// `NOT_FOUND - no queue 'q' in vhost '/'`.
    pub text: String,
    /// What it closed.
    pub closes: Closes,
}

impl fmt::Display for AmqpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.code, self.text)
    }
}
