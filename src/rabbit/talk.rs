//! What nodes of a cluster say to each other.
//!
//! A client's channel lives on the node that the client is connected to. What it wants of a classic
//! queue that lives elsewhere goes there as a [`Deed`], and what comes of it comes back. Quorum
//! queues and the definitions are kept by groups: their commands go to the leader, and each node
//! does for its own channels what is committed.
//!
//! Simplified: the handshake of nodes, and what a real cluster says about its health, are one
//! [`Talk::Alive`].

use super::channel::Subscribed;
use super::command::{AmqpError, Answer};
use super::content::Content;
use super::ids::{ChannelId, PublishId, QueueId};
use super::limits::Limiting;
use super::message::{Arguments, List, Method};
use super::mirror::{Mirrors, Step, Turn};
use super::queue::{Push, Settlement};
use super::stream::Start;
use super::stream::member::Says;
use crate::raft;
use crate::sim::{NodeId, Time};
use bytes::Bytes;
use std::rc::Rc;

/// The group that keeps the definitions; queues are numbered from 1.
pub const METADATA: QueueId = QueueId(0);

/// What one node says to another.
#[derive(Clone, Debug, PartialEq)]
pub enum Talk {
    /// Every node to every other, now and then: it lives, and which alarm it has.
    Alive {
        /// Why its publishers are blocked.
        alarm: Option<&'static str>,
        /// True while it stands aside, as it sees only a minority of the nodes.
        is_paused: bool,
        /// True while it is under maintenance.
        is_drained: bool,
        /// When this life of it began.
        began: Time,
    },
    /// After a cut, to every other: who was on this node's side, and how many clients it has.
    Healed {
        /// The nodes.
        side: Vec<NodeId>,
        /// Connections.
        clients: u64,
    },
    /// To every node, from one that is no member: it wants to join.
    Join,
    /// To the leader of a quorum queue: that node is to lead.
    Lead(QueueId, NodeId),
    /// To a node whose side lost: it begins anew.
    BeginAnew,
    /// A member of a group to another.
    Raft(QueueId, raft::Message),
    /// To the leader of a group: commands for its log.
    Propose(QueueId, Bytes),
    /// About a stream that several nodes have.
    Stream(QueueId, Says),
    /// Between a master and its mirrors, after so many promotions.
    Mirror(QueueId, u64, Step),
    /// To every node, from one that is asked to end.
    Leaving,
    /// To the home of a classic queue: a channel wants something.
    Do(QueueId, ChannelId, Deed),
    /// From there: a message for a consumer.
    Push(QueueId, Box<Push>),
    /// From there: the answer to `basic.get`.
    Got(QueueId, ChannelId, Box<Got>),
    /// From there: a consumer is registered.
    Consuming(ChannelId, Rc<str>, Subscribed),
    /// From there: publishes are safe.
    Confirmed(QueueId, Vec<PublishId>),
    /// About the prefetch of a whole channel.
    Limit(ChannelId, Limiting),
    /// From there: many publishes of a channel are dealt with.
    Credit(QueueId, ChannelId),
    /// From there: a publish is not taken.
    Refused(PublishId),
    /// From there: to be said to a client.
    Say(ChannelId, Method),
    /// From there: what was wanted must not be.
    Fail(ChannelId, Rc<AmqpError>),
    /// A tool on a channel wants a list: what does this node know of it?
    List(ChannelId, List),
    /// That.
    Listed(ChannelId, Box<Answer>),
}

/// What a channel wants of a classic queue that lives on another node.
#[derive(Clone, Debug, PartialEq)]
pub enum Deed {
    /// A message comes; its number if it is to be confirmed.
    Publish(Rc<Content>, Option<u64>),
    /// A consumer comes.
    Consume(Consuming),
    /// A consumer goes.
    Cancel(Rc<str>),
    /// One message is asked for; true if it counts as acknowledged when it is sent.
    Get(bool),
    /// Deliveries are dealt with.
    Settle(Vec<u64>, Settlement),
    /// Channels are gone.
    Down(Vec<ChannelId>),
    /// Ready messages are to be removed.
    Purge,
    /// It is to be deleted: only if unused, only if empty.
    Delete(bool, bool),
    /// How many messages and consumers are there? The answer to a declaration.
    Count,
    /// Its mirrors are to be synchronised (true), or that is to end.
    Synchronise(bool),
}

/// With what a consumer comes.
#[derive(Clone, Debug, PartialEq)]
pub struct Consuming {
    /// Its tag.
    pub tag: Rc<str>,
    /// True if it must acknowledge.
    pub ack_required: bool,
    /// How many unacknowledged deliveries it may have; 0 is without limit.
    pub prefetch: u16,
    /// `x-priority`.
    pub priority: i64,
    /// True if no other consumer may have the queue.
    pub exclusive: bool,
    /// Where it begins in a stream.
    pub start: Option<Start>,
}

/// A message that `basic.get` took.
#[derive(Clone, Debug, PartialEq)]
pub struct Got {
    /// It counts as acknowledged.
    pub no_ack: bool,
    /// Its sequence id.
    pub seq: u64,
    /// Whether it had been delivered before.
    pub redelivered: bool,
    /// The message.
    pub content: Rc<Content>,
    /// Ready messages left.
    pub left: u64,
}

/// Bytes of a message between nodes besides what it carries.
const ENVELOPE_BYTES: u64 = 64;

impl Talk {
    /// What it is called, as `net drop --kind` takes it.
    pub fn kind(&self) -> &'static str {
        match self {
            Talk::Alive { .. } => "node.alive",
            Talk::Healed { .. } | Talk::BeginAnew => "node.heal",
            Talk::Join => "node.join",
            Talk::Leaving => "node.leave",
            Talk::Mirror(..) => "queue.mirror",
            Talk::Lead(..) => "queue.lead",
            Talk::Limit(..) => "channel.limit",
            Talk::Credit(..) => "queue.credit",
            Talk::Raft(METADATA, _) => "metadata.raft",
            Talk::Raft(..) => "queue.raft",
            Talk::Propose(..) => "queue.command",
            Talk::Do(_, _, Deed::Publish(..)) | Talk::Stream(_, Says::Publish { .. }) => {
                "queue.publish"
            }
            Talk::Stream(_, Says::Confirmed { .. }) => "queue.confirm",
            Talk::Stream(_, Says::Resize { .. }) => "stream.resize",
            Talk::Stream(..) => "stream.replica",
            Talk::Do(..) => "queue.do",
            Talk::Push(..) | Talk::Got(..) => "queue.deliver",
            Talk::Confirmed(..) | Talk::Refused(_) => "queue.confirm",
            Talk::Consuming(..) | Talk::Say(..) | Talk::Fail(..) => "queue.answer",
            Talk::List(..) | Talk::Listed(..) => "node.list",
        }
    }

    /// Bytes on the wire, without the message that it carries.
    pub fn size_bytes(&self) -> u64 {
        ENVELOPE_BYTES
            + match self {
                Talk::Raft(_, message) => raft_bytes(message),
                Talk::Propose(_, bytes) => bytes.len() as u64,
                Talk::Listed(..) => 1_000,
                Talk::Mirror(_, _, Step::Begin(_, all) | Step::There(all)) => 16 * all.len() as u64,
                Talk::Mirror(_, _, Step::Gone(all) | Step::Lacks(all)) => 8 * all.len() as u64,
                Talk::Stream(_, Says::Chunks { bytes, .. }) => bytes.len() as u64,
                _ => 0,
            }
    }

    /// The message that it carries, if it carries one.
    pub fn content(&self) -> Option<&Content> {
        match self {
            Talk::Do(_, _, Deed::Publish(content, _))
            | Talk::Stream(_, Says::Publish { content, .. }) => Some(content),
            Talk::Push(_, push) => Some(&push.content),
            Talk::Got(_, _, got) => Some(&got.content),
            Talk::Mirror(_, _, Step::Came(came)) => Some(&came.content),
            _ => None,
        }
    }
}

fn raft_bytes(message: &raft::Message) -> u64 {
    use raft::message::Body;
    match &message.body {
        Body::Append { entries, .. } => {
            let commands = entries.iter().filter_map(|entry| entry.command.as_ref());
            commands.map(|command| 24 + command.len() as u64).sum()
        }
        Body::Snapshot { state, .. } => state.len() as u64,
        _ => 0,
    }
}

/// A change of the definitions: what the log of their group holds.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub enum Change {
    /// An exchange comes.
    Exchange(String, super::exchange::Declaration),
    /// An exchange goes.
    DeleteExchange(String),
    /// A queue comes.
    Queue(NewQueue),
    /// A queue goes.
    DeleteQueue(String),
    /// A binding comes, or goes.
    Bind(Bound, bool),
    /// A policy comes; true for one of an operator.
    Policy(super::policy::Policy, bool),
    /// A policy goes.
    ClearPolicy(String, bool),
    /// A node is down: what belongs to its clients and its memory alone is gone.
    NodeDown(NodeId),
    /// A node joins.
    Join(NodeId),
    /// A quorum queue has these members, as of this place in its log.
    Members(String, u64, Vec<NodeId>),
    /// A stream is in this epoch, with this leader.
    StreamLed(String, u64, Option<NodeId>),
    /// These nodes have a vote about the definitions, if those who had one still stand at this
    /// place in the log. In a snapshot it is the place where they stand.
    Voters(u64, Vec<NodeId>),
    /// A member of a quorum queue comes without a vote (true), or goes before it had one.
    Promotable(String, NodeId, bool),
    /// From this epoch on these nodes have a replica of a stream; who leads is to be found out.
    StreamMembers(String, u64, Vec<NodeId>),
    /// A stream enters this epoch; of the members with the best log this one is to lead.
    StreamRestart(String, u64, Option<NodeId>),
    /// Who mirrors a classic queue changes.
    Mirror(String, Turn),
    /// A classic queue lives on this node, and these mirror it: in a snapshot.
    Mirrors(String, NodeId, Mirrors),
    /// A node was stopped: as if it were down, but it said so.
    NodeLeft(NodeId),
}

/// A queue that comes.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct NewQueue {
    /// Its name.
    pub name: String,
    /// With what it is declared.
    pub declaration: super::queue::Declaration,
    /// The only connection that may use it.
    pub exclusive: Option<NodeId>,
    /// The node that it lives on, or where its leader begins.
    pub home: NodeId,
    /// The nodes that have a member of a quorum queue; none for a classic one.
    pub members: Vec<NodeId>,
}

/// A binding between names.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Bound {
    /// The exchange that messages come from.
    pub source: String,
    /// The queue or exchange that they go to.
    pub destination: String,
    /// True if that is an exchange.
    pub to_exchange: bool,
    /// The binding key.
    pub key: String,
    /// Arguments.
    pub arguments: Arguments,
}
