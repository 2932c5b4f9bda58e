//! The network between nodes: connections that keep order, and the faults a student can cause.
//!
//! Two nodes share one **connection**, which the first message opens. As with TCP, what is sent
//! arrives in order or the connection ends: loss is delay, and what is sent into a partition waits
//! until the network heals or one side gives up. Only the fault `drop` truly swallows a message.
//!
//! Each end knows for itself whether it still holds the connection. An end that closes says so
//! with a goodbye, which travels behind everything it sent before. If the network loses the
//! goodbye, the connection is **half open**: the other end believes in it until it next sends, and
//! is answered with a reset. A message on a newer connection tells it too.
//!
//! Simplified: two nodes never hold two connections with each other at once; a receiver takes
//! whatever comes, so that nothing is slowed down by a full receive window; what waited for a
//! healed network goes on at once, where TCP waits for its next try.

use super::cost::{CostModel, Server};
use super::node::NodeId;
use super::rng::Stream;
use super::time::{Span, Time};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// How often a lost packet is sent again (`tcp_retries2` of Linux). Simplified: then it comes
/// through, while TCP would end the connection.
const RETRANSMISSIONS_MAX: u32 = 15;

/// The longest wait before a lost packet is sent once more (`TCP_RTO_MAX` of Linux).
const RETRANSMIT_WAIT_MAX: Span = Span::seconds(120);

/// Cuts two sets of nodes off from each other.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partition {
    /// One side.
    pub left: BTreeSet<NodeId>,
    /// The other side.
    pub right: BTreeSet<NodeId>,
}

/// Makes messages take long.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlowRule {
    /// One end.
    pub a: NodeId,
    /// The other end; anybody if `None`.
    pub b: Option<NodeId>,
    /// One way, in place of what the cost model says.
    pub latency: Span,
}

/// Swallows messages between two nodes, in both directions, as they are sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DropRule {
    /// One end.
    pub a: NodeId,
    /// The other end.
    pub b: NodeId,
    /// Only messages of this kind; all if `None`.
    pub kind: Option<String>,
    /// How many more; without end if `None`.
    pub left: Option<u32>,
}

/// All faults that lie on a network.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Faults {
    /// Nodes that are cut off from all others.
    pub isolated: BTreeSet<NodeId>,
    /// Sets of nodes that are cut off from each other.
    pub partitions: Vec<Partition>,
    /// What is slow, the rules for one pair before those for one node.
    pub slow: Vec<SlowRule>,
    /// What is swallowed; the first rule that fits counts.
    pub drops: Vec<DropRule>,
}

/// The number of a connection between two nodes. Each new one has the next number; zero is none.
pub(super) type Connection = u32;

/// What becomes of a message that arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reception {
    /// Its connection is the one the receiver holds, or begins now.
    Taken,
    /// It is the first of a new connection, which shows the receiver that its old one is gone.
    TakenAnew,
    /// The receiver has closed its connection: it is lost, and answered with a reset.
    Refused,
}

/// One direction between two nodes, and what the node at its beginning knows.
#[derive(Clone, Debug, Default)]
struct Way {
    wire: Server,
    last_arrival: Time,
    /// The connection that the sender of this direction holds; zero if it holds none.
    holds: Connection,
    /// The sender of this direction has done with every connection up to this one.
    closed: Connection,
}

/// Both directions between two nodes: the one from the smaller id first. A node that talks to
/// itself uses one direction for both.
#[derive(Clone, Debug, Default)]
struct Pair {
    latest: Connection,
    ways: [Way; 2],
}

/// All connections and the faults that lie on them.
#[derive(Clone, Debug)]
pub struct Network {
    stream: Stream,
    pairs: BTreeMap<(NodeId, NodeId), Pair>,
    faults: Faults,
}

impl Network {
    /// A whole network that draws from this stream.
    pub fn new(stream: Stream) -> Network {
        Network { stream, pairs: BTreeMap::new(), faults: Faults::default() }
    }

    /// Cuts a node off from all others.
    pub fn isolate(&mut self, node: NodeId) {
        self.faults.isolated.insert(node);
    }

    /// Cuts two sets of nodes off from each other.
    pub fn partition(&mut self, left: BTreeSet<NodeId>, right: BTreeSet<NodeId>) {
        self.faults.partitions.push(Partition { left, right });
    }

    /// Makes every message between `a` and `b` (or `a` and anybody) take so long one way. A rule
    /// for a pair goes before one for a node; the same ends again replace the earlier rule.
    pub fn slow(&mut self, a: NodeId, b: Option<NodeId>, latency: Span) {
        let same = |rule: &SlowRule| match (b, rule.b) {
            (Some(b), Some(rule_b)) => (rule.a, rule_b) == (a, b) || (rule.a, rule_b) == (b, a),
            (None, None) => rule.a == a,
            _ => false,
        };
        self.faults.slow.retain(|rule| !same(rule));
        self.faults.slow.push(SlowRule { a, b, latency });
        self.faults.slow.sort_by_key(|rule| rule.b.is_none());
    }

    /// Swallows messages by this rule.
    pub fn swallow(&mut self, rule: DropRule) {
        if rule.left != Some(0) {
            self.faults.drops.push(rule);
        }
    }

    /// Takes all faults away.
    pub fn heal(&mut self) {
        self.faults = Faults::default();
    }

    /// The faults that lie on it.
    pub fn faults(&self) -> &Faults {
        &self.faults
    }

    /// True without any fault.
    pub fn is_whole(&self) -> bool {
        self.faults == Faults::default()
    }

    /// True if a node is cut off from all others.
    pub fn is_isolated(&self, node: NodeId) -> bool {
        self.faults.isolated.contains(&node)
    }

    /// True if nothing can pass between two nodes now. A node always reaches itself.
    pub fn is_cut(&self, a: NodeId, b: NodeId) -> bool {
        let Faults { isolated, partitions, .. } = &self.faults;
        a != b
            && (isolated.contains(&a)
                || isolated.contains(&b)
                || partitions.iter().any(|Partition { left, right }| {
                    left.contains(&a) && right.contains(&b)
                        || left.contains(&b) && right.contains(&a)
                }))
    }

    /// Lays these faults on it in place of those that are there.
    pub fn set_faults(&mut self, faults: Faults) {
        self.faults = faults;
    }

    /// Every connection is gone; the faults stay.
    pub(super) fn restart(&mut self, stream: Stream) {
        let faults = std::mem::take(&mut self.faults);
        *self = Network { faults, ..Network::new(stream) };
    }

    /// True if a rule swallows this message; counts it.
    pub(super) fn swallows(&mut self, from: NodeId, to: NodeId, kind: &str) -> bool {
        let rule = self.faults.drops.iter_mut().find(|rule| {
            (rule.a == from && rule.b == to || rule.a == to && rule.b == from)
                && rule.kind.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(kind))
        });
        let Some(rule) = rule else { return false };
        rule.left = rule.left.map(|left| left - 1);
        self.faults.drops.retain(|rule| rule.left != Some(0));
        true
    }

    // ---- time on the way ----

    /// One way between two nodes, without what the bandwidth adds.
    fn latency(&mut self, from: NodeId, to: NodeId, local: bool, cost: &CostModel) -> Span {
        let slow = self.faults.slow.iter().find(|rule| match rule.b {
            Some(b) => (rule.a, b) == (from, to) || (rule.a, b) == (to, from),
            None => rule.a == from || rule.a == to,
        });
        if let Some(rule) = slow {
            return rule.latency;
        }
        if local {
            return Span::ZERO;
        }
        let mut latency = cost.latency + self.stream.span_up_to(cost.jitter);
        let mut wait = cost.retransmit_after;
        for _ in 0..RETRANSMISSIONS_MAX {
            if !self.stream.chance(cost.loss_per_million) {
                break;
            }
            latency += wait;
            wait = (wait * 2).min(RETRANSMIT_WAIT_MAX);
        }
        latency
    }

    /// When a message that leaves now arrives: after its turn on the wire and the way, and never
    /// before one that was sent earlier in the same direction. `local` if both nodes are on one
    /// machine, so that nothing goes over a wire.
    pub(super) fn arrival(
        &mut self,
        (from, to): (NodeId, NodeId),
        leaves: Time,
        bytes: u64,
        local: bool,
        cost: &CostModel,
    ) -> Time {
        let latency = self.latency(from, to, local, cost);
        let way = self.way(from, to);
        let sent = if local { leaves } else { way.wire.transfer(leaves, bytes, cost.bandwidth) };
        way.last_arrival = way.last_arrival.max(sent + latency);
        way.last_arrival
    }

    /// Forgets what is under way in this direction, which is about to be sent again.
    pub(super) fn begin_again(&mut self, from: NodeId, to: NodeId) {
        self.way(from, to).last_arrival = Time::ZERO;
    }

    /// Moves an arrival behind those before it in this direction.
    pub(super) fn behind(&mut self, from: NodeId, to: NodeId, arrival: Time) -> Time {
        let way = self.way(from, to);
        way.last_arrival = way.last_arrival.max(arrival);
        way.last_arrival
    }

    // ---- connections ----

    /// The connection on which `from` sends: the one it holds, else the one that `to` has begun
    /// meanwhile, else a new one.
    pub(super) fn connect(&mut self, from: NodeId, to: NodeId) -> Connection {
        let (pair, here, there) = self.pair(from, to);
        if pair.ways[here].holds == 0 {
            if pair.latest <= pair.ways[here].closed.max(pair.ways[there].closed) {
                pair.latest += 1;
            }
            pair.ways[here].holds = pair.latest;
        }
        pair.ways[here].holds
    }

    /// A message comes to a living `to` on this connection.
    pub(super) fn receive(&mut self, from: NodeId, to: NodeId, on: Connection) -> Reception {
        let (pair, _, there) = self.pair(from, to);
        let end = &mut pair.ways[there];
        if on <= end.closed {
            Reception::Refused
        } else if on <= end.holds {
            // An earlier one was closed by the sender, and its goodbye is still on the way.
            Reception::Taken
        } else {
            let held = std::mem::replace(&mut end.holds, on);
            end.closed = on - 1;
            if held == 0 { Reception::Taken } else { Reception::TakenAnew }
        }
    }

    /// Nobody is there at `to` to take a message on this connection.
    pub(super) fn refuse(&mut self, from: NodeId, to: NodeId, on: Connection) {
        let (pair, _, there) = self.pair(from, to);
        pair.ways[there].closed = pair.ways[there].closed.max(on);
    }

    /// A goodbye comes to `to`; true if it ends the connection that `to` holds.
    pub(super) fn ended(&mut self, from: NodeId, to: NodeId, on: Connection) -> bool {
        let (pair, _, there) = self.pair(from, to);
        let end = &mut pair.ways[there];
        end.closed = end.closed.max(on);
        let ends = end.holds == on;
        if ends {
            end.holds = 0;
        }
        ends
    }

    /// The node lets go of its connection with a peer; says which it was, if it held one.
    pub(super) fn let_go(&mut self, node: NodeId, peer: NodeId) -> Option<Connection> {
        let (pair, here, _) = self.pair(node, peer);
        let end = &mut pair.ways[here];
        end.closed = end.closed.max(end.holds);
        Some(std::mem::take(&mut end.holds)).filter(|held| *held != 0)
    }

    /// True while `node` holds this connection with a peer.
    pub(super) fn holds(&self, node: NodeId, peer: NodeId, connection: Connection) -> bool {
        let (key, here) = pair_of(node, peer);
        self.pairs.get(&key).is_some_and(|pair| pair.ways[here].holds == connection)
    }

    /// The peers with which a node holds a connection.
    pub(super) fn peers(&self, node: NodeId) -> Vec<NodeId> {
        let mut peers = Vec::new();
        for (&(low, high), pair) in &self.pairs {
            if low == node && pair.ways[0].holds != 0 {
                peers.push(high);
            } else if high == node && pair.ways[1].holds != 0 {
                peers.push(low);
            }
        }
        peers
    }

    fn way(&mut self, from: NodeId, to: NodeId) -> &mut Way {
        let (pair, here, _) = self.pair(from, to);
        &mut pair.ways[here]
    }

    /// The pair, the place of the end at `node`, and the place of the other end.
    fn pair(&mut self, node: NodeId, peer: NodeId) -> (&mut Pair, usize, usize) {
        let (key, here) = pair_of(node, peer);
        let there = if node == peer { here } else { 1 - here };
        (self.pairs.entry(key).or_default(), here, there)
    }
}

fn pair_of(node: NodeId, peer: NodeId) -> ((NodeId, NodeId), usize) {
    if node <= peer { ((node, peer), 0) } else { ((peer, node), 1) }
}
