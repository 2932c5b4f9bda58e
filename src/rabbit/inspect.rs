//! What the lab may look at: plain data about exchanges, queues and clients. Looking changes
//! nothing.

use super::message::Arguments;
use crate::sim::{MessageId, Status, Time};

/// An exchange.
#[derive(Clone, Debug, PartialEq)]
pub struct ExchangeState {
    /// Its name; empty is the default exchange.
    pub name: String,
    /// `direct`, `fanout`, `topic`, `headers`.
    pub kind: String,
    /// Survives a restart.
    pub durable: bool,
    /// Goes with its last binding.
    pub auto_delete: bool,
    /// Only exchanges may route to it.
    pub internal: bool,
    /// Made by the broker itself.
    pub predeclared: bool,
    /// Arguments.
    pub arguments: Arguments,
    /// The policy that holds for it.
    pub policy: Option<String>,
}

/// A binding.
#[derive(Clone, Debug, PartialEq)]
pub struct BindingState {
    /// The exchange.
    pub source: String,
    /// The queue, or the exchange.
    pub destination: String,
    /// `queue` or `exchange`.
    pub destination_kind: String,
    /// The binding key.
    pub key: String,
    /// Arguments.
    pub arguments: Arguments,
}

/// A queue.
#[derive(Clone, Debug, PartialEq)]
pub struct QueueState {
    /// Its name.
    pub name: String,
    /// `classic`, `quorum`, `stream`.
    pub kind: String,
    /// The node that it lives on, or is led from.
    pub node: Option<String>,
    /// `running`; `down` if its node is down; `minority` if too few members are up.
    pub state: &'static str,
    /// How well the node knows that tells this: the one that has the messages most of all.
    pub certainty: u64,
    /// The node where its leader is: of a quorum queue that has one, or of a stream.
    pub leader: Option<String>,
    /// The nodes of its members: of a quorum queue or a stream.
    pub members: Vec<String>,
    /// Those that are up.
    pub online: Vec<String>,
    /// The nodes that mirror it, if a policy wants that.
    pub mirrors: Option<Vec<String>>,
    /// Those of them that lack nothing.
    pub synchronised: Vec<String>,
    /// How often a message may fail: of a quorum queue with a limit.
    pub delivery_limit: Option<u32>,
    /// Survives a restart.
    pub durable: bool,
    /// Goes with its last consumer.
    pub auto_delete: bool,
    /// Belongs to one connection.
    pub exclusive: bool,
    /// Arguments.
    pub arguments: Arguments,
    /// The policy that holds for it.
    pub policy: Option<String>,
    /// The operator policy that holds for it.
    pub operator_policy: Option<String>,
    /// Messages that wait.
    pub ready: u64,
    /// Messages delivered and not yet acknowledged.
    pub unacked: u64,
    /// Messages that came back and are not ready yet.
    pub delayed: u64,
    /// How those wait that come back: of a quorum queue, from 4.3 on; `disabled` if they do not.
    pub delayed_retry: Option<String>,
    /// Dead letters that it keeps until they are safe elsewhere.
    pub dead: u64,
    /// Bytes of the bodies of all.
    pub bytes: u64,
    /// Bytes of the bodies of those that are unacknowledged.
    pub unacked_bytes: u64,
    /// Of a stream: the last offset that is committed, if there is a message.
    pub committed_offset: Option<u64>,
    /// Of a stream: how many segments there are.
    pub segments: Option<u64>,
    /// Ready messages whose content is in the broker's memory.
    pub in_memory: u64,
    /// Bytes of the broker's memory that it takes.
    pub memory: u64,
    /// Consumers in order of registration.
    pub consumers: Vec<String>,
    /// Share of time in which it could deliver at once, 0 to 1 (`consumer_utilisation`).
    pub consumer_utilisation: f64,
}

impl QueueState {
    /// All its messages.
    pub fn messages(&self) -> u64 {
        self.ready + self.unacked + self.delayed + self.dead
    }

    /// What another node tells of the queue: all of it if that node knows more, and the consumers
    /// that a stream has there.
    pub fn learn(&mut self, mut other: QueueState) {
        if other.certainty > self.certainty {
            std::mem::swap(self, &mut other);
        }
        if self.kind == "stream" {
            self.consumers.extend(other.consumers);
        }
    }
}

/// A member of a quorum queue or a stream, as its own node tells it.
#[derive(Clone, Debug, PartialEq)]
pub struct MemberState {
    /// The queue.
    pub queue: String,
    /// True if it is a stream.
    pub is_stream: bool,
    /// The node.
    pub node: String,
    /// `leader`, `follower`, `candidate`, `pre_vote`; of a stream `writer`, `replica`; `nodedown`;
    /// `classic` is a classic queue, which has no members.
    pub role: &'static str,
    /// `voter`, or `promotable`: it has no vote yet.
    pub membership: &'static str,
    /// The term, or the epoch of a stream.
    pub term: u64,
    /// The index of the last entry of its log; of a stream the offset of the last message.
    pub last: Option<u64>,
    /// The last entry that it has applied.
    pub applied: u64,
    /// The last that is known to be committed.
    pub committed: Option<u64>,
    /// The last that is in the snapshot; of a stream the first offset.
    pub first: Option<u64>,
    /// Consumers of a stream there.
    pub readers: u64,
    /// Segments of a stream there.
    pub segments: u64,
}

/// A registered consumer as the broker sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct ConsumerState {
    /// The queue.
    pub queue: String,
    /// The consumer tag.
    pub tag: String,
    /// Its prefetch; 0 is without limit.
    pub prefetch: u16,
    /// True if it must acknowledge.
    pub ack_required: bool,
    /// True unless another one is the single active consumer, or it is suspected to be down.
    pub active: bool,
    /// `up` or `suspected_down`; with a single active consumer `single_active` or `waiting`.
    pub activity: &'static str,
    /// True if no other consumer may have the queue.
    pub exclusive: bool,
    /// `x-priority`.
    pub priority: i64,
    /// Deliveries that it has not acknowledged.
    pub unacked: u64,
}

/// A connection as the broker sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct ConnectionState {
    /// The client's name.
    pub name: String,
    /// `running`, `blocking`, `blocked`, `flow`.
    pub state: &'static str,
    /// Open channels.
    pub channels: u64,
}

/// A channel of a client.
#[derive(Clone, Debug, PartialEq)]
pub struct ChannelState {
    /// Its number.
    pub number: u16,
    /// Its consumers.
    pub consumers: u64,
    /// Deliveries that are not acknowledged.
    pub unacked: u64,
    /// Publishes that wait for their confirm.
    pub unconfirmed: u64,
    /// In a transaction: publishes and acknowledgements that wait for the commit.
    pub uncommitted: (u64, u64),
    /// It is in confirm mode.
    pub confirms: bool,
    /// It is transactional.
    pub transactional: bool,
    /// `basic.qos` for consumers that are started from now on.
    pub prefetch: u16,
}

/// A node: memory, disk and alarms.
#[derive(Clone, Debug, PartialEq)]
pub struct NodeState {
    /// Its name.
    pub name: String,
    /// The release that is modelled: `4.2`.
    pub version: &'static str,
    /// Memory in use.
    pub memory: u64,
    /// Above so much there is an alarm.
    pub memory_limit: u64,
    /// Memory of the machine.
    pub memory_total: u64,
    /// Free disk.
    pub disk_free: u64,
    /// Below so much there is an alarm.
    pub disk_free_limit: u64,
    /// `memory`, `disk`.
    pub alarms: Vec<&'static str>,
    /// The same of other nodes, by their names.
    pub alarms_elsewhere: Vec<(String, &'static str)>,
    /// All nodes of the cluster, as this one sees them: their names, and whether they are up.
    pub cluster: Vec<(String, bool)>,
    /// Nodes that are under maintenance, by their names.
    pub drained: Vec<String>,
    /// Open connections.
    pub connections: u64,
    /// Queues.
    pub queues: u64,
}

/// The queues that would lose their majority without this node: those that several nodes have, and
/// of which too few others are there.
pub fn lost_without<'m>(all: &'m [MemberState], node: &str) -> Vec<&'m str> {
    let votes = |it: &&MemberState| it.membership == "voter";
    let mut lost = Vec::new();
    for member in all.iter().filter(votes).filter(|it| it.node == node) {
        let theirs = || all.iter().filter(|it| it.queue == member.queue).filter(votes);
        let left = theirs().filter(|it| it.role != "nodedown").count().saturating_sub(1);
        if theirs().count() > 1 && left * 2 <= theirs().count() {
            lost.push(&*member.queue);
        }
    }
    lost
}

/// What a message in a queue is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CellState {
    /// It waits.
    Ready,
    /// It was delivered and is not acknowledged.
    Unacked,
    /// It came back, and waits until it is ready again.
    Delayed,
    /// It died, and stays until it is safe elsewhere.
    Dead,
}

/// A message as the picture shows it: a number in a cell.
#[derive(Clone, Debug, PartialEq)]
pub struct Glimpse {
    /// Its sequence id in the queue.
    pub position: u64,
    /// The message.
    pub message: MessageId,
    /// The key of the workload, if it has one.
    pub key: Option<String>,
    /// Ready or unacked.
    pub state: CellState,
    /// Whether it had been delivered before.
    pub redelivered: bool,
}

/// What a client is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientKind {
    /// It publishes.
    Publisher,
    /// It is delivered to.
    Consumer,
}

/// A client.
#[derive(Clone, Debug, PartialEq)]
pub struct ClientState {
    /// Its name.
    pub name: String,
    /// What it does.
    pub kind: ClientKind,
    /// What its process is doing.
    pub status: Status,
    /// True if it died because it held more than its memory.
    pub out_of_memory: bool,
    /// Messages given to it so far (deliveries; messages published, for a publisher).
    pub got: u64,
    /// Messages that it is done with (processed; confirmed, for a publisher).
    pub done: u64,
    /// Messages in its memory now, in the order in which it will work on them; the first is in
    /// work if `busy_until` says so. At most the first 1,000.
    pub held: Vec<MessageId>,
    /// How many it holds now.
    pub held_count: u64,
    /// Bytes that it holds now.
    pub held_bytes: u64,
    /// Bytes it can hold; 0 is without limit.
    pub memory: u64,
    /// When its handler will be done with what it works on; `None` if it is idle.
    pub busy_until: Option<Time>,
    /// The queue, for a consumer.
    pub queue: Option<String>,
    /// The prefetch, for a consumer; 0 is without limit.
    pub prefetch: u16,
    /// Deliveries that it has not yet acknowledged.
    pub unacked: u64,
    /// Messages refused or returned (a publisher).
    pub failed: u64,
    /// Counted side effects.
    pub effects: u64,
}
