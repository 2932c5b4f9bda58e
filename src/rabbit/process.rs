//! A process of the RabbitMQ world: a broker node, or a client of one.

use super::admin::Admin;
use super::broker::Broker;
use super::command::{Command, RequestId};
use super::consumer::Consumer;
use super::event::Event;
use super::ids::{ChannelId, QueueId};
use super::message::Frame;
use super::probe::Probe;
use super::publisher::Publisher;
use super::spec::Spec;
use super::stream::reader::Reads;
use crate::sim::{Input, Node, NodeId, Outbox};
use std::rc::Rc;

/// The way out of a step of such a process.
pub type Out<'o> = Outbox<'o, Process>;

/// What wakes a process.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timer {
    /// Broker: nothing else is waiting; write what confirms wait for.
    Idle,
    /// Broker: the write buffer of a queue has waited long enough.
    Write(QueueId),
    /// Broker: the message at the head of a queue expires.
    Ttl(QueueId),
    /// Broker: a queue was unused for so long that it goes.
    Expire(QueueId),
    /// Broker: the member of a group has waited long enough.
    Group(QueueId),
    /// Broker: tell the other nodes that this one lives, and look which of them do.
    NodeTick,
    /// Broker: all sides of a cut that is over had time to say who they are.
    Heal,
    /// Broker: somebody may have waited too long for a group.
    Overdue(QueueId),
    /// Broker: dead letters that a queue keeps were not confirmed in time.
    Graves(QueueId),
    /// Broker: look at memory and disk.
    Monitor,
    /// Broker: look for deliveries that a channel has not acknowledged in time.
    ChannelTick(ChannelId),
    /// Both: say that this side of a connection lives, and look whether the other does.
    Heartbeat(NodeId),
    /// Client: the handshake takes too long.
    HandshakeTimeout,
    /// Client: connect again, or try again what was refused.
    Retry,
    /// Consumer: the handler is done.
    Worked,
    /// Consumer: acknowledge what is processed.
    Settle,
    /// Admin: the answer takes so long that the node may be dead.
    Doubt,
    /// Admin: the answer takes too long.
    AskTimeout(RequestId),
    /// Admin: look again whether what it waits for is so.
    AskAgain,
}

/// What a read or a flush was asked for.
#[derive(Clone, Debug)]
pub enum Ticket {
    /// Boot: a file of the definitions.
    Definition {
        /// Its name.
        file: Rc<str>,
    },
    /// Boot: what a clean stop left.
    RecoveryTerms,
    /// Boot: the index of a segment of a queue.
    Index {
        /// The queue.
        queue: Rc<str>,
        /// The level of its priority.
        level: u8,
        /// The segment.
        segment: u64,
    },
    /// Boot: a message where a torn write can have ended.
    Doubtful {
        /// The queue.
        queue: Rc<str>,
        /// Its sequence id.
        seq: u64,
    },
    /// The index of the segment at the front of a queue's tail.
    TailSegment {
        /// The queue.
        queue: QueueId,
        /// The level of its priority.
        level: u8,
        /// The refill.
        refill: u64,
        /// The segment.
        segment: u64,
    },
    /// Messages from the tail of a queue.
    Messages {
        /// The queue.
        queue: QueueId,
        /// The level of its priority.
        level: u8,
        /// The refill.
        refill: u64,
        /// The first of its messages.
        first: usize,
        /// How many lie together.
        count: usize,
    },
    /// Chunks of a stream, or an index of it.
    Stream {
        /// The stream.
        queue: QueueId,
        /// For whom.
        by: Reads,
        /// The number of the read.
        read: u64,
    },
    /// Boot: a file of a stream, or of a quorum queue's group.
    GroupFile {
        /// The queue.
        queue: Rc<str>,
        /// Its name in the folder.
        file: Rc<str>,
    },
    /// The log or the vote of a quorum queue's group is safe.
    Group {
        /// The queue.
        queue: QueueId,
    },
    /// A snapshot of a quorum queue is safe.
    Snapshot {
        /// The queue.
        queue: QueueId,
    },
    /// A definition is safe: the answer to who asked for it can go.
    Defined {
        /// Which answer.
        reply: u64,
    },
}

/// What a process is.
#[derive(Clone, Debug)]
pub(super) enum Role {
    Broker(Box<Broker>),
    Publisher(Box<Publisher>),
    Consumer(Box<Consumer>),
    Admin(Box<Admin>),
    Probe(Box<Probe>),
}

/// A process of this world.
#[derive(Clone, Debug)]
pub struct Process {
    name: Rc<str>,
    spec: Rc<Spec>,
    brokers: Rc<[NodeId]>,
    pub(super) role: Role,
}

impl Process {
    /// A process with this name and configuration, which knows these brokers.
    pub fn new(name: &str, spec: Spec, brokers: Vec<NodeId>) -> Process {
        Process::begin(name.into(), Rc::new(spec), brokers.into())
    }

    fn begin(name: Rc<str>, spec: Rc<Spec>, brokers: Rc<[NodeId]>) -> Process {
        let role = match &*spec {
            Spec::Broker { settings, .. } => {
                Role::Broker(Box::new(Broker::new(name.clone(), settings)))
            }
            Spec::Publisher(spec) => {
                Role::Publisher(Box::new(Publisher::new(name.clone(), spec, brokers.clone())))
            }
            Spec::Consumer(spec) => {
                Role::Consumer(Box::new(Consumer::new(name.clone(), spec, brokers.clone())))
            }
            Spec::Admin => Role::Admin(Box::new(Admin::new(name.clone(), brokers.clone()))),
        };
        Process { name, spec, brokers, role }
    }

    /// A client that is told every frame it says, for tests.
    pub fn probe(name: &str, brokers: Vec<NodeId>) -> Process {
        let name: Rc<str> = name.into();
        let role = Role::Probe(Box::new(Probe::new(name.clone(), &brokers)));
        Process { name, spec: Rc::new(Spec::Admin), brokers: brokers.into(), role }
    }

    /// What a probe has heard; nothing for any other process.
    pub fn heard(&self) -> &[Frame] {
        match &self.role {
            Role::Probe(probe) => probe.heard(),
            _ => &[],
        }
    }

    /// Its configuration.
    pub fn spec(&self) -> &Spec {
        &self.spec
    }
}

impl Node for Process {
    type Message = Frame;
    type Timer = Timer;
    type Ticket = Ticket;
    // Shared, so that an event of the world stays small.
    type Command = Rc<Command>;
    type Event = Event;

    fn step(&mut self, input: Input<Process>, out: &mut Out<'_>) {
        match &mut self.role {
            Role::Broker(broker) => broker.step(input, out),
            Role::Publisher(publisher) => publisher.step(input, out),
            Role::Consumer(consumer) => consumer.step(input, out),
            Role::Admin(admin) => admin.step(input, out),
            Role::Probe(probe) => probe.step(input, out),
        }
    }

    fn restarted(&self) -> Process {
        if let Role::Probe(_) = self.role {
            return Process::probe(&self.name, self.brokers.to_vec());
        }
        let mut fresh = Process::begin(self.name.clone(), self.spec.clone(), self.brokers.clone());
        if let (Role::Consumer(fresh), Role::Consumer(dead)) = (&mut fresh.role, &self.role) {
            fresh.remember_death(dead);
        }
        fresh
    }
}
