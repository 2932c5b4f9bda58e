//! The network between nodes: connections that keep order, and the faults a student can cause.
//!
//! Two nodes share one **connection**, which the first message opens. As with TCP, what is sent
//! arrives in order or the connection ends: loss is delay, and what is sent into a partition waits
//! until the network heals or one side gives up. Only the fault `drop` truly swallows a message.
//!
//! Each end knows for itself whether the connection is still there. An end that closes says so
//! with a goodbye, which travels behind everything it sent before. If the network loses the
//! goodbye, the connection is **half open**: the other end believes in it until it next sends, and
//! is answered with a reset. A message on a newer connection tells it too. A process learns of the
//! end when it takes that input; what it sends before goes to the old connection, and is lost.
//!
//! Simplified: two nodes never hold two connections with each other at once; a receiver takes
//! whatever comes, so that nothing is slowed down by a full receive window; what waited for a
//! healed network goes on at once, where TCP waits for its next try.

use super::cost::{CostModel, Server};
use super::node::NodeId;
use super::rng::Stream;
use super::time::{Span, Time};
use crate::ordered::{BTreeMap, BTreeSet, Order};
use serde::{Deserialize, Serialize};

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
    /// The receiver has its connection, or begins it now.
    Taken,
    /// It is the first of a new connection, which shows the receiver that this one is gone.
    TakenAnew(Connection),
    /// The receiver has closed its connection: it is lost, and answered with a reset.
    Refused,
    /// Something that was sent before it on its connection is lost, and so is it.
    Lost,
}

/// One direction between two nodes, and what is known at its beginning.
#[derive(Clone, Debug, Default)]
struct Way {
    wire: Server,
    last_leave: Time,
    last_arrival: Time,
    /// The connection that the sender's machine has; zero if none.
    open: Connection,
    /// The connection on which the sending process believes to be; zero if none. It may be one of
    /// which the machine knows already that it is gone.
    used: Connection,
    /// The sender's machine has done with every connection up to this one.
    closed: Connection,
    /// Something was lost on this connection because its sender was gone when it should have been
    /// sent again.
    torn: Connection,
}

/// Both directions between two nodes: the one from the smaller id first. A node that talks to
/// itself uses one direction for both.
#[derive(Clone, Debug, Default)]
struct Pair {
    latest: Connection,
    ways: [Way; 2],
}

impl Way {
    /// See [`Network::passage`].
    #[inline(always)]
    fn passage(
        &mut self,
        sent: Time,
        latency: Span,
        bytes: impl FnOnce() -> u64,
        local: bool,
        cost: &CostModel,
    ) -> (Time, Time) {
        let leaves = self.last_leave.max(sent);
        // Without a limit of the bandwidth nobody has to know how many bytes these are.
        let through = match local || cost.bandwidth == 0 {
            true => leaves,
            false => self.wire.transfer(leaves, bytes(), cost.bandwidth),
        };
        self.last_leave = leaves;
        self.last_arrival = self.last_arrival.max(through + latency);
        (leaves, self.last_arrival)
    }
}

impl Pair {
    /// The connection on which a process sends: the one on which it is, else the one that the
    /// peer has begun meanwhile, else a new one.
    #[inline(always)]
    fn connect(&mut self, here: usize, there: usize) -> Connection {
        if self.ways[here].used == 0 {
            if self.latest <= self.ways[here].closed.max(self.ways[there].closed) {
                self.latest += 1;
            }
            self.ways[here].used = self.latest;
            self.ways[here].open = self.latest;
        }
        self.ways[here].used
    }
}

/// The pairs of nodes, by the ids of the two: the smaller one in the upper half.
#[derive(Clone, Debug, Default)]
struct Pairs {
    all: Vec<(u64, Pair)>,
    places: BTreeMap<u64, usize>,
    /// The places of those that were asked for last.
    recent: [usize; RECENT],
}

/// So many places are remembered.
const RECENT: usize = 16;

impl Pairs {
    fn recent(&self, key: u64) -> Option<usize> {
        let place = self.recent[recent_of(key)];
        self.all.get(place).is_some_and(|(of, _)| *of == key).then_some(place)
    }

    /// A pair, as far as there was anything between the two.
    fn get(&self, key: u64) -> Option<&Pair> {
        let place = self.recent(key).or_else(|| self.places.get(&key).copied())?;
        Some(&self.all[place].1)
    }

    /// A pair, to be changed.
    fn get_mut(&mut self, key: u64) -> &mut Pair {
        let place = self.recent(key).unwrap_or_else(|| self.look_up(key));
        &mut self.all[place].1
    }

    #[cold]
    fn look_up(&mut self, key: u64) -> usize {
        let Pairs { all, places, recent } = self;
        let place = *places.entry(key).or_insert_with(|| {
            all.push((key, Pair::default()));
            all.len() - 1
        });
        recent[recent_of(key)] = place;
        place
    }

    /// All of them, in the order of their keys.
    fn iter(&self) -> impl Iterator<Item = (u64, &Pair)> {
        self.places.iter().map(|(key, place)| (*key, &self.all[*place].1))
    }
}

/// Where the place of a pair is remembered: those of one node lie apart.
fn recent_of(key: u64) -> usize {
    ((key >> 32) * 5 + key) as usize % RECENT
}

/// All connections and the faults that lie on them.
#[derive(Clone, Debug)]
pub struct Network {
    stream: Stream,
    pairs: Pairs,
    faults: Faults,
}

impl Network {
    /// A whole network that draws from this stream.
    pub fn new(stream: Stream) -> Network {
        Network { stream, pairs: Pairs::default(), faults: Faults::default() }
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
        self.faults.slow.order_by_key(|rule| rule.b.is_none());
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
    #[inline(always)]
    pub fn is_cut(&self, a: NodeId, b: NodeId) -> bool {
        let Faults { isolated, partitions, .. } = &self.faults;
        let is_somewhere = !isolated.is_empty() || !partitions.is_empty();
        is_somewhere && self.is_cut_between(a, b)
    }

    fn is_cut_between(&self, a: NodeId, b: NodeId) -> bool {
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

    /// True if there is any rule that swallows messages.
    #[inline(always)]
    pub(super) fn may_swallow(&self) -> bool {
        !self.faults.drops.is_empty()
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

    /// When a message that is sent now leaves and arrives: it leaves after those that were sent
    /// before it in the same direction, and arrives after its turn on the wire and the way, never
    /// before one of them. `local` if both nodes are on one machine, so that nothing goes over a
    /// wire.
    pub(super) fn passage(
        &mut self,
        (from, to): (NodeId, NodeId),
        sent: Time,
        bytes: impl FnOnce() -> u64,
        local: bool,
        cost: &CostModel,
    ) -> (Time, Time) {
        let latency = self.latency(from, to, local, cost);
        self.way(from, to).passage(sent, latency, bytes, local, cost)
    }

    /// The same for a message, with the connection on which it is sent.
    #[inline(always)]
    pub(super) fn send(
        &mut self,
        (from, to): (NodeId, NodeId),
        sent: Time,
        bytes: impl FnOnce() -> u64,
        local: bool,
        cost: &CostModel,
    ) -> (Connection, Time, Time) {
        let latency = self.latency(from, to, local, cost);
        let (pair, here, there) = self.pair(from, to);
        let on = pair.connect(here, there);
        let (leaves, arrives) = pair.ways[here].passage(sent, latency, bytes, local, cost);
        (on, leaves, arrives)
    }

    /// What was the last to be sent in this direction will not leave: the last that does arrives
    /// at `last_arrival`.
    pub(super) fn unsend(&mut self, from: NodeId, to: NodeId, last_arrival: Time) {
        let way = self.way(from, to);
        way.wire.reset();
        (way.last_leave, way.last_arrival) = (Time::ZERO, last_arrival);
    }

    /// What is under way in this direction is about to be sent again.
    pub(super) fn resend(&mut self, from: NodeId, to: NodeId) {
        self.way(from, to).last_arrival = Time::ZERO;
    }

    /// Moves an arrival behind those before it in this direction.
    pub(super) fn behind(&mut self, from: NodeId, to: NodeId, arrival: Time) -> Time {
        let way = self.way(from, to);
        way.last_arrival = way.last_arrival.max(arrival);
        way.last_arrival
    }

    // ---- connections ----

    /// A message comes to the living process `to` on this connection.
    pub(super) fn receive(&mut self, from: NodeId, to: NodeId, on: Connection) -> Reception {
        let (pair, there, here) = self.pair(to, from);
        if on <= pair.ways[here].torn {
            return Reception::Lost;
        }
        let end = &mut pair.ways[there];
        if on <= end.closed {
            return Reception::Refused;
        }
        if on <= end.open {
            // An earlier one was closed by the sender, and its goodbye is still on the way.
            return Reception::Taken;
        }
        if end.used == 0 {
            end.used = on;
        }
        match std::mem::replace(&mut end.open, on) {
            0 => Reception::Taken,
            gone => Reception::TakenAnew(gone),
        }
    }

    /// Nobody is there at `to` to take a message on this connection.
    pub(super) fn refuse(&mut self, from: NodeId, to: NodeId, on: Connection) {
        let end = self.way(to, from);
        end.closed = end.closed.max(on);
    }

    /// A message on this connection is lost for good, so that nothing after it can be taken.
    pub(super) fn tear(&mut self, from: NodeId, to: NodeId, on: Connection) {
        let way = self.way(from, to);
        way.torn = way.torn.max(on);
    }

    /// A goodbye comes to the machine of `to`; true if it ends the connection that is open there.
    pub(super) fn ended(&mut self, from: NodeId, to: NodeId, on: Connection) -> bool {
        let end = self.way(to, from);
        end.closed = end.closed.max(on);
        let ends = end.open == on;
        if ends {
            end.open = 0;
        }
        ends
    }

    /// The connection on which a process believes to be with a peer; zero if none.
    pub(super) fn used(&mut self, node: NodeId, peer: NodeId) -> Connection {
        self.way(node, peer).used
    }

    /// A process leaves the connection that it used: because it is gone, or to close it. It goes
    /// over to `next`, from which something waits for it, or to one that is open. Returns the
    /// connection of which the peer has to be told.
    pub(super) fn leave(
        &mut self,
        node: NodeId,
        peer: NodeId,
        next: Option<Connection>,
    ) -> Option<Connection> {
        let end = self.way(node, peer);
        let left = std::mem::take(&mut end.used);
        end.closed = end.closed.max(left);
        let was_open = left != 0 && end.open == left;
        if was_open {
            end.open = 0;
        }
        end.used = next.unwrap_or(end.open);
        was_open.then_some(left)
    }

    /// A process is dead, and its machine gives up its connection with a peer. Returns the
    /// connection of which the peer has to be told.
    pub(super) fn abandon(&mut self, node: NodeId, peer: NodeId) -> Option<Connection> {
        let end = self.way(node, peer);
        let open = std::mem::take(&mut end.open);
        end.closed = end.closed.max(open).max(std::mem::take(&mut end.used));
        Some(open).filter(|open| *open != 0)
    }

    /// True while the machine of `node` has this connection with a peer.
    pub(super) fn is_open(&self, node: NodeId, peer: NodeId, connection: Connection) -> bool {
        let (key, here) = pair_of(node, peer);
        self.pairs.get(key).is_some_and(|pair| pair.ways[here].open == connection)
    }

    /// The peers with which a process or its machine has a connection.
    pub(super) fn peers(&self, node: NodeId) -> Vec<NodeId> {
        let is_connected = |way: &Way| way.open != 0 || way.used != 0;
        let pairs = self.pairs.iter();
        let ends = |key: u64| (NodeId((key >> 32) as u32), NodeId(key as u32));
        let pairs = pairs.map(|(key, pair)| (ends(key), pair));
        let peers = pairs.filter_map(|((low, high), pair)| match node {
            _ if low == node => is_connected(&pair.ways[0]).then_some(high),
            _ if high == node => is_connected(&pair.ways[1]).then_some(low),
            _ => None,
        });
        peers.collect()
    }

    fn way(&mut self, from: NodeId, to: NodeId) -> &mut Way {
        let (pair, here, _) = self.pair(from, to);
        &mut pair.ways[here]
    }

    /// The pair, the place of the end at `node`, and the place of the other end.
    fn pair(&mut self, node: NodeId, peer: NodeId) -> (&mut Pair, usize, usize) {
        let (key, here) = pair_of(node, peer);
        let there = if node == peer { here } else { 1 - here };
        (self.pairs.get_mut(key), here, there)
    }
}

fn pair_of(node: NodeId, peer: NodeId) -> (u64, usize) {
    let key = |low: NodeId, high: NodeId| u64::from(low.0) << 32 | u64::from(high.0);
    if node <= peer { (key(node, peer), 0) } else { (key(peer, node), 1) }
}
