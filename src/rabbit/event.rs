//! Everything the RabbitMQ world tells: what golden files, charts and the picture are made of.

use super::command::{AmqpError, Answer, RequestId};
use crate::sim::MessageId;
use serde::Serialize;
use std::rc::Rc;

/// What happened. The variant's name in snake case behind `rabbit.` is its public name.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum Event {
    /// A node finished its boot and serves.
    NodeStarted {
        /// Its name: `rabbit-1`.
        node: Rc<str>,
    },
    /// A node sees another that it had taken for down.
    NodeUp {
        /// The node.
        node: Rc<str>,
        /// The other.
        peer: Rc<str>,
    },
    /// A node takes another for down.
    NodeDown {
        /// The node.
        node: Rc<str>,
        /// The other.
        peer: Rc<str>,
    },
    /// A node sees too few of the nodes, and stands aside (`pause_minority`, `pause_if_all_down`).
    NodePaused {
        /// The node.
        node: Rc<str>,
    },
    /// The network is whole again, and the side that a node was on lost: it begins anew
    /// (`autoheal`).
    PartitionLost {
        /// The node.
        node: Rc<str>,
    },
    /// The master of a mirrored queue is gone: this node has taken its place.
    MirrorPromoted {
        /// The queue.
        queue: Rc<str>,
        /// The node.
        node: Rc<str>,
    },
    /// A quorum queue has a new leader.
    LeaderElected {
        /// The queue.
        queue: Rc<str>,
        /// The node that leads.
        node: Rc<str>,
        /// The term of Raft.
        term: u64,
    },
    /// What follows in this step is done by every member that applies this entry of its log: the
    /// first one tells it. The world of the lab takes this out.
    Applies(GroupStep),
    /// A durable queue was read back from disk at boot.
    QueueRecovered {
        /// The queue.
        queue: Rc<str>,
        /// Messages that were still there, all ready again.
        messages: u64,
    },
    /// A message of a durable queue is still there after a boot: it is ready again.
    Recovered {
        /// The queue.
        queue: Rc<str>,
        /// The message.
        message: MessageId,
        /// Its sequence id in the queue.
        position: u64,
    },
    /// A queue exists now.
    QueueDeclared {
        /// Its name.
        queue: Rc<str>,
    },
    /// A queue is gone.
    QueueDeleted {
        /// Its name.
        queue: Rc<str>,
    },
    /// An exchange exists now.
    ExchangeDeclared {
        /// Its name.
        exchange: Rc<str>,
    },
    /// A binding exists now.
    Bound {
        /// The exchange.
        source: Rc<str>,
        /// The queue.
        destination: Rc<str>,
        /// The binding key.
        key: Rc<str>,
    },
    /// A `basic.publish` left a publisher.
    Published {
        /// The publisher.
        client: Rc<str>,
        /// The message.
        message: MessageId,
        /// The exchange; empty is the default exchange.
        exchange: Rc<str>,
        /// The routing key.
        routing_key: Rc<str>,
    },
    /// An exchange chose the queues of a message.
    Routed {
        /// The message.
        message: MessageId,
        /// The exchange.
        exchange: Rc<str>,
        /// One copy goes to each.
        queues: Rc<[Rc<str>]>,
    },
    /// No queue: the message was dropped, and returned before that if it was `mandatory`.
    Unroutable {
        /// The message.
        message: MessageId,
        /// True if `basic.return` was sent.
        returned: bool,
    },
    /// A message waits in a queue.
    Enqueued {
        /// The queue.
        queue: Rc<str>,
        /// The message.
        message: MessageId,
        /// Its sequence id in the queue: its place, for ever.
        position: u64,
    },
    /// A broker sent `basic.deliver`.
    Pushed {
        /// The queue.
        queue: Rc<str>,
        /// The consumer tag.
        consumer: Rc<str>,
        /// The delivery tag on its channel.
        tag: u64,
        /// The message.
        message: MessageId,
        /// Whether it had been delivered before.
        redelivered: bool,
    },
    /// `basic.deliver` arrived at a consumer.
    Delivered {
        /// The consumer.
        client: Rc<str>,
        /// The queue.
        queue: Rc<str>,
        /// The delivery tag.
        tag: u64,
        /// The message.
        message: MessageId,
        /// Whether it had been delivered before.
        redelivered: bool,
    },
    /// The handler of a consumer took a message up.
    ProcessingStarted {
        /// The consumer.
        client: Rc<str>,
        /// The message.
        message: MessageId,
    },
    /// The handler of a consumer is done with a message.
    Processed {
        /// The consumer.
        client: Rc<str>,
        /// The queue.
        queue: Rc<str>,
        /// The message.
        message: MessageId,
    },
    /// The handler of a consumer failed on a message: it will give it back, reject it or drop it.
    HandlerFailed {
        /// The consumer.
        client: Rc<str>,
        /// The queue.
        queue: Rc<str>,
        /// The message.
        message: MessageId,
    },
    /// A broker took an acknowledgement: the message is gone from the queue.
    Acknowledged {
        /// The queue.
        queue: Rc<str>,
        /// The message.
        message: MessageId,
    },
    /// A message came back to its queue, and has to wait before it is ready again; then it is
    /// `Requeued`.
    Delayed {
        /// The queue.
        queue: Rc<str>,
        /// The message.
        message: MessageId,
        /// Milliseconds until then.
        delay_ms: u64,
    },
    /// A message went back into its queue.
    Requeued {
        /// The queue.
        queue: Rc<str>,
        /// The message.
        message: MessageId,
    },
    /// A message left its queue otherwise.
    Removed {
        /// The queue.
        queue: Rc<str>,
        /// The message.
        message: MessageId,
        /// `rejected`, `expired`, `maxlen`, `refused`, `purged`, `auto_ack`, `got`,
        /// `not_recovered`, `queue_deleted`.
        reason: &'static str,
    },
    /// The retention of a stream deleted its oldest segment.
    SegmentDeleted {
        /// The stream.
        queue: Rc<str>,
        /// The offset of the first message that went.
        first_offset: u64,
        /// The offset of the first that stays.
        next_offset: u64,
        /// The messages that went, in runs: the first, and how many.
        #[serde(skip)]
        messages: Rc<[(MessageId, u64)]>,
    },
    /// A message that died went to a dead letter exchange. If queues took it, `Routed` follows.
    DeadLettered {
        /// The queue that it left.
        queue: Rc<str>,
        /// The message.
        message: MessageId,
        /// The dead letter exchange.
        exchange: Rc<str>,
        /// `rejected`, `expired`, `maxlen`.
        reason: &'static str,
    },
    /// `basic.get` took a message.
    Got {
        /// The queue.
        queue: Rc<str>,
        /// The message.
        message: MessageId,
    },
    /// A publisher was told that a message is safe.
    Confirmed {
        /// The publisher.
        client: Rc<str>,
        /// The message.
        message: MessageId,
    },
    /// A publisher was told that a message was refused.
    Refused {
        /// The publisher.
        client: Rc<str>,
        /// The message.
        message: MessageId,
    },
    /// `basic.return` arrived at a publisher.
    Returned {
        /// The publisher.
        client: Rc<str>,
        /// The message.
        message: MessageId,
    },
    /// A consumer is registered at a queue.
    ConsumerRegistered {
        /// The queue.
        queue: Rc<str>,
        /// The consumer tag.
        consumer: Rc<str>,
        /// Its prefetch; 0 is without limit.
        prefetch: u16,
    },
    /// A consumer left a queue.
    ConsumerGone {
        /// The queue.
        queue: Rc<str>,
        /// The consumer tag.
        consumer: Rc<str>,
    },
    /// A node lacks memory or disk: connections that publish will be blocked.
    AlarmSet {
        /// The node.
        node: Rc<str>,
        /// `memory`, `disk`.
        resource: &'static str,
    },
    /// A node has enough again.
    AlarmCleared {
        /// The node.
        node: Rc<str>,
        /// `memory`, `disk`.
        resource: &'static str,
    },
    /// A connection published while there was an alarm: it is not read any more.
    ConnectionBlocked {
        /// The client.
        client: Rc<str>,
        /// `low on memory`, `low on disk`.
        reason: &'static str,
    },
    /// A connection is not read for a while, as a queue lags behind; told once while this is shown.
    ConnectionFlow {
        /// The client.
        client: Rc<str>,
    },
    /// A connection is read again.
    ConnectionUnblocked {
        /// The client.
        client: Rc<str>,
    },
    /// Queue content was written from memory to the disk.
    Written {
        /// The queue.
        queue: Rc<str>,
        /// Bytes.
        bytes: u64,
    },
    /// A client has its connection and channel: it is ready to work.
    ClientReady {
        /// The client.
        client: Rc<str>,
    },
    /// A consumer held more than its memory and died.
    OutOfMemory {
        /// The consumer.
        client: Rc<str>,
        /// Bytes that it held.
        held_bytes: u64,
    },
    /// A consumer died where it was told to.
    ClientCrashed {
        /// The client.
        client: Rc<str>,
        /// `fetched`, `processed`, `effect`, `committed`.
        at: &'static str,
    },
    /// A client's channel or connection was closed by the broker.
    ClientError {
        /// The client.
        client: Rc<str>,
        /// Why.
        error: AmqpError,
    },
    /// What a tool asked was answered.
    Answered {
        /// The question.
        request: RequestId,
        /// The answer.
        #[serde(skip)]
        answer: Result<Answer, AmqpError>,
    },
}

/// A step of a group of several members.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub enum GroupStep {
    /// The entry at an index of the log of a queue is applied.
    Entry(u32, u64),
    /// A leader tells what is there, all up to an index being applied.
    All(u32, u64),
    /// That was it.
    End,
}

impl Event {
    /// True if it is about what a queue does with its messages and consumers, which every member of
    /// a quorum queue does alike.
    pub fn is_of_queue(&self) -> bool {
        matches!(
            self,
            Event::Enqueued { .. }
                | Event::Acknowledged { .. }
                | Event::Delayed { .. }
                | Event::Requeued { .. }
                | Event::Removed { .. }
                | Event::ConsumerRegistered { .. }
                | Event::ConsumerGone { .. }
                | Event::QueueRecovered { .. }
                | Event::Recovered { .. }
        )
    }

    /// Its public name, as `count("...")`, `events --only` and JSON give it.
    pub fn name(&self) -> &'static str {
        match self {
            Event::NodeStarted { .. } => "rabbit.node_started",
            Event::NodeUp { .. } => "rabbit.node_up",
            Event::NodeDown { .. } => "rabbit.node_down",
            Event::NodePaused { .. } => "rabbit.node_paused",
            Event::PartitionLost { .. } => "rabbit.partition_lost",
            Event::MirrorPromoted { .. } => "rabbit.mirror_promoted",
            Event::LeaderElected { .. } => "rabbit.leader_elected",
            Event::Applies(_) => "applies",
            Event::QueueRecovered { .. } => "rabbit.queue_recovered",
            Event::Recovered { .. } => "rabbit.recovered",
            Event::QueueDeclared { .. } => "rabbit.queue_declared",
            Event::QueueDeleted { .. } => "rabbit.queue_deleted",
            Event::ExchangeDeclared { .. } => "rabbit.exchange_declared",
            Event::Bound { .. } => "rabbit.bound",
            Event::Published { .. } => "rabbit.published",
            Event::Routed { .. } => "rabbit.routed",
            Event::Unroutable { .. } => "rabbit.unroutable",
            Event::Enqueued { .. } => "rabbit.enqueued",
            Event::Pushed { .. } => "rabbit.pushed",
            Event::Delivered { .. } => "rabbit.delivered",
            Event::ProcessingStarted { .. } => "rabbit.processing_started",
            Event::Processed { .. } => "rabbit.processed",
            Event::HandlerFailed { .. } => "rabbit.handler_failed",
            Event::Acknowledged { .. } => "rabbit.acknowledged",
            Event::Delayed { .. } => "rabbit.delayed",
            Event::Requeued { .. } => "rabbit.requeued",
            Event::Removed { .. } => "rabbit.removed",
            Event::SegmentDeleted { .. } => "rabbit.segment_deleted",
            Event::DeadLettered { .. } => "rabbit.dead_lettered",
            Event::Got { .. } => "rabbit.got",
            Event::Confirmed { .. } => "rabbit.confirmed",
            Event::Refused { .. } => "rabbit.refused",
            Event::Returned { .. } => "rabbit.returned",
            Event::ConsumerRegistered { .. } => "rabbit.consumer_registered",
            Event::ConsumerGone { .. } => "rabbit.consumer_gone",
            Event::AlarmSet { .. } => "rabbit.alarm_set",
            Event::AlarmCleared { .. } => "rabbit.alarm_cleared",
            Event::ConnectionBlocked { .. } => "rabbit.connection_blocked",
            Event::ConnectionFlow { .. } => "rabbit.connection_flow",
            Event::ConnectionUnblocked { .. } => "rabbit.connection_unblocked",
            Event::Written { .. } => "rabbit.written",
            Event::ClientReady { .. } => "rabbit.client_ready",
            Event::OutOfMemory { .. } => "rabbit.out_of_memory",
            Event::ClientCrashed { .. } => "rabbit.client_crashed",
            Event::ClientError { .. } => "rabbit.client_error",
            Event::Answered { .. } => "rabbit.answered",
        }
    }
}
