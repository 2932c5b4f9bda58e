//! The vocabulary: the methods of AMQP 0-9-1, as frames on a connection.
//!
//! How large they are and what they are called on the wire stands in [`wire`](super::wire).
//!
//! Simplified: the handshake of a connection (protocol header, start, tune, open) is one question
//! and one answer; the lists of the management interface travel as methods of their own, where the
//! real ones go by HTTP.

use super::alarms::Watermark;
use super::command::{AmqpError, Answer, Argument};
use super::content::Content;
use super::policy::Policy;
use super::talk::Talk;
use crate::ordered::BTreeMap;
use std::rc::Rc;

/// Argument tables.
pub type Arguments = BTreeMap<String, Argument>;

/// A method on a channel of the connection between a client and a broker.
#[derive(Clone, Debug, PartialEq)]
pub struct Frame {
    /// The channel; 0 is the connection itself.
    pub channel: u16,
    /// What is said.
    pub method: Method,
}

/// `queue.declare`.
#[derive(Clone, Debug, PartialEq)]
pub struct QueueDeclare {
    /// Its name; empty asks the server for one.
    pub queue: String,
    /// Only asks whether it is there.
    pub passive: bool,
    /// Survives a restart.
    pub durable: bool,
    /// Only for this connection, and deleted with it.
    pub exclusive: bool,
    /// Goes with its last consumer.
    pub auto_delete: bool,
    /// `x-` arguments.
    pub arguments: Arguments,
}

/// `exchange.declare`.
#[derive(Clone, Debug, PartialEq)]
pub struct ExchangeDeclare {
    /// Its name.
    pub exchange: String,
    /// `direct`, `fanout`, ...
    pub kind: String,
    /// Only asks whether it is there.
    pub passive: bool,
    /// Survives a restart.
    pub durable: bool,
    /// Goes with its last binding.
    pub auto_delete: bool,
    /// Only exchanges may route to it.
    pub internal: bool,
    /// `alternate-exchange`.
    pub arguments: Arguments,
}

/// `queue.bind`, `queue.unbind`, `exchange.bind` and `exchange.unbind`.
#[derive(Clone, Debug, PartialEq)]
pub struct Bind {
    /// The exchange that messages come from.
    pub source: String,
    /// The queue or exchange that they go to.
    pub destination: String,
    /// The binding key.
    pub key: String,
    /// Arguments.
    pub arguments: Arguments,
}

/// `basic.consume`.
#[derive(Clone, Debug, PartialEq)]
pub struct Consume {
    /// The queue.
    pub queue: String,
    /// The consumer tag; empty asks the server for one.
    pub tag: String,
    /// Automatic acknowledgement: deliveries count as acknowledged when they are sent.
    pub no_ack: bool,
    /// No other consumer may have the queue.
    pub exclusive: bool,
    /// `x-priority`.
    pub arguments: Arguments,
}

/// A list of the management interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum List {
    /// All queues.
    Queues,
    /// All exchanges.
    Exchanges,
    /// All bindings.
    Bindings,
    /// All consumers.
    Consumers,
    /// All connections.
    Connections,
    /// All channels.
    Channels,
    /// All policies; true for those of operators.
    Policies(bool),
    /// All members of quorum queues and streams.
    Members,
    /// The node itself.
    Status,
}

/// What a tool wants changed that is no method of AMQP, or says more than the method does.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// Members of quorum queues come or go.
    Members(super::command::Members),
    /// A quorum queue is to be led from this node, by its number.
    Lead(String, u32),
    /// Leaders of quorum queues with such names are to be spread over the nodes.
    Rebalance(String),
    /// A stream is to begin a new epoch, if it can be led from this node, by its number.
    RestartStream(String, Option<u32>),
    /// Deletes a queue, which must be there: only if it is unused, only if it is empty.
    DeleteQueue(String, bool, bool),
    /// Deletes an exchange, which must be there.
    DeleteExchange(String),
    /// Takes a binding of a queue away, which must be there.
    UnbindQueue(Bind),
    /// Takes a binding of an exchange away, which must be there.
    UnbindExchange(Bind),
    /// The mirrors of a queue are to be synchronised (true), or that is to end.
    Synchronise(String, bool),
    /// Sets a policy; true for one of an operator.
    SetPolicy(Policy, bool),
    /// Takes a policy away; true for one of an operator.
    ClearPolicy(String, bool),
    /// Above so much memory publishers are blocked.
    MemoryWatermark(Watermark),
    /// Below so many free bytes on the disk publishers are blocked.
    DiskFreeLimit(u64),
    /// The node goes into maintenance (true), or comes back from it.
    Maintenance(bool),
}

/// What is said. "Client" is any program that connects; the others are the broker's.
#[derive(Clone, Debug, PartialEq)]
pub enum Method {
    /// A client opens a connection. Stands for the whole handshake.
    ConnectionOpen {
        /// The client's name, from its client properties.
        client: Rc<str>,
        /// True for a command-line tool, which a real broker talks to otherwise.
        is_tool: bool,
        /// True if it has the capability `connection.blocked`: it wants to be told.
        hears_blocked: bool,
    },
    /// The broker accepts the connection.
    ConnectionOpenOk,
    /// The broker does not read this connection any more, as it lacks memory or disk.
    ConnectionBlocked {
        /// `low on memory`, `low on disk`.
        reason: Rc<str>,
    },
    /// It reads again.
    ConnectionUnblocked,
    /// Either side ends the connection: a client when it leaves, the broker after an error.
    ConnectionClose(Option<Rc<AmqpError>>),
    /// The other side has closed its end.
    ConnectionCloseOk,
    /// Either side, while a connection is open: it still lives. Every half heartbeat interval.
    Heartbeat,
    /// A client opens a channel.
    ChannelOpen,
    /// The broker opened it.
    ChannelOpenOk,
    /// Either side ends a channel: a client when it needs it no more, the broker after an error.
    ChannelClose(Option<Rc<AmqpError>>),
    /// The other side has closed its end; the number may be opened again.
    ChannelCloseOk,
    /// A client makes an exchange, or asks whether it is there.
    ExchangeDeclare(Rc<ExchangeDeclare>),
    /// It is there.
    ExchangeDeclareOk,
    /// A client deletes an exchange.
    ExchangeDelete {
        /// Its name.
        exchange: Rc<str>,
    },
    /// It is gone.
    ExchangeDeleteOk,
    /// A client binds an exchange to an exchange.
    ExchangeBind(Rc<Bind>),
    /// It is bound.
    ExchangeBindOk,
    /// A client takes such a binding away.
    ExchangeUnbind(Rc<Bind>),
    /// It is gone.
    ExchangeUnbindOk,
    /// A client makes a queue, or asks whether it is there.
    QueueDeclare(Rc<QueueDeclare>),
    /// It is there.
    QueueDeclareOk {
        /// Its name; that which the server gave if none was asked for.
        queue: Rc<str>,
        /// Ready messages.
        message_count: u64,
        /// Consumers.
        consumer_count: u64,
    },
    /// A client binds a queue to an exchange.
    QueueBind(Rc<Bind>),
    /// It is bound.
    QueueBindOk,
    /// A client takes a binding away.
    QueueUnbind(Rc<Bind>),
    /// It is gone.
    QueueUnbindOk,
    /// A client removes all ready messages of a queue.
    QueuePurge {
        /// The queue.
        queue: Rc<str>,
    },
    /// They are gone.
    QueuePurgeOk {
        /// How many there were.
        message_count: u64,
    },
    /// A client deletes a queue.
    QueueDelete {
        /// The queue.
        queue: Rc<str>,
        /// Only if it has no consumers.
        if_unused: bool,
        /// Only if it has no ready messages.
        if_empty: bool,
    },
    /// It is gone.
    QueueDeleteOk {
        /// How many ready messages went with it.
        message_count: u64,
    },
    /// A client limits how many deliveries may be unacknowledged.
    BasicQos {
        /// How many; 0 is without limit.
        prefetch_count: u16,
        /// False: for each consumer that is started on the channel from now on. True: for the
        /// channel as a whole.
        global: bool,
    },
    /// The limit holds.
    BasicQosOk,
    /// A client subscribes to a queue.
    BasicConsume(Rc<Consume>),
    /// It is subscribed; deliveries follow.
    BasicConsumeOk {
        /// The consumer tag.
        tag: Rc<str>,
    },
    /// A client ends a subscription; or the broker does, because the queue is gone.
    BasicCancel {
        /// The consumer tag.
        tag: Rc<str>,
    },
    /// The subscription is ended. What is unacknowledged stays with the channel.
    BasicCancelOk {
        /// The consumer tag.
        tag: Rc<str>,
    },
    /// A client gives a message to an exchange. There is no answer, but a confirm if the channel
    /// is in confirm mode.
    BasicPublish {
        /// Send it back if no queue takes it.
        mandatory: bool,
        /// Send it back if no consumer is ready: refused since 3.0.
        immediate: bool,
        /// The message.
        content: Rc<Content>,
    },
    /// The broker sends a mandatory message back that no queue took.
    BasicReturn {
        /// The message.
        content: Rc<Content>,
    },
    /// The broker pushes a message to a consumer.
    BasicDeliver {
        /// The consumer tag.
        tag: Rc<str>,
        /// The delivery tag, by which it is acknowledged on this channel.
        delivery_tag: u64,
        /// Whether it had been delivered before.
        redelivered: bool,
        /// The message.
        content: Rc<Content>,
    },
    /// A client asks for one message of a queue.
    BasicGet {
        /// The queue.
        queue: Rc<str>,
        /// It counts as acknowledged when it is sent.
        no_ack: bool,
    },
    /// Here it is.
    BasicGetOk {
        /// The delivery tag.
        delivery_tag: u64,
        /// Whether it had been delivered before.
        redelivered: bool,
        /// Ready messages left.
        message_count: u64,
        /// The message.
        content: Rc<Content>,
    },
    /// There is none.
    BasicGetEmpty,
    /// A client has dealt with a delivery; or the broker with a publish (a confirm).
    BasicAck {
        /// The delivery tag, or the number of the publish on its channel.
        delivery_tag: u64,
        /// All up to this one as well.
        multiple: bool,
    },
    /// A client gives a delivery back.
    BasicReject {
        /// The delivery tag.
        delivery_tag: u64,
        /// Back into the queue; if not, it is dead-lettered or dropped.
        requeue: bool,
    },
    /// A client gives deliveries back; or the broker refuses a publish.
    BasicNack {
        /// The delivery tag, or the number of the publish on its channel.
        delivery_tag: u64,
        /// All up to this one as well.
        multiple: bool,
        /// Back into the queue; if not, it is dead-lettered or dropped.
        requeue: bool,
    },
    /// A client gives all unacknowledged deliveries of the channel back.
    BasicRecover {
        /// Must be true.
        requeue: bool,
    },
    /// They are back.
    BasicRecoverOk,
    /// A client asks for confirms on this channel.
    ConfirmSelect,
    /// Every publish from now on is numbered, from 1, and confirmed.
    ConfirmSelectOk,
    /// A client makes the channel transactional.
    TxSelect,
    /// It is.
    TxSelectOk,
    /// A client commits.
    TxCommit,
    /// All of it is done.
    TxCommitOk,
    /// A client rolls back.
    TxRollback,
    /// Nothing of it is done.
    TxRollbackOk,
    /// A client wants deliveries to pause: refused since 2.0.
    ChannelFlow {
        /// False to pause.
        active: bool,
    },
    /// A node talks to another.
    Between(Rc<Talk>),
    /// A tool asks the management interface for a list.
    ManagementGet(List),
    /// The list.
    ManagementList(Rc<Answer>),
    /// A tool wants something changed.
    ManagementDo(Rc<Change>),
    /// It is.
    ManagementOk,
}
