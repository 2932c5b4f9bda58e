//! The network between nodes: links that keep order, and the faults a student can cause.
//!
//! A link is one direction of a connection. As with TCP, what is sent arrives in order or the
//! connection ends: loss is delay, and what is sent into a partition waits until the network
//! heals or one side gives up. Only the fault `drop` truly swallows a message.

use super::cost::{CostModel, Server};
use super::node::NodeId;
use super::rng::Stream;
use super::time::{Span, Time};
use std::collections::{BTreeMap, BTreeSet};

/// How often a lost packet is sent again (`tcp_retries2` of Linux). Simplified: then it comes
/// through, while TCP would end the connection.
const RETRANSMISSIONS_MAX: u32 = 15;

/// Swallows messages between two nodes, in both directions.
#[derive(Clone, Debug, PartialEq, Eq)]
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

/// One direction of a connection.
#[derive(Clone, Debug, Default)]
pub(super) struct Link {
    wire: Server,
    last_arrival: Time,
    /// Grows when the connection closes, so that what was under way is known to be lost.
    pub(super) epoch: u32,
    /// True while both ends hold the connection.
    pub(super) open: bool,
}

/// All links and the faults that lie on them.
#[derive(Clone, Debug)]
pub struct Network {
    stream: Stream,
    pub(super) links: BTreeMap<(NodeId, NodeId), Link>,
    isolated: BTreeSet<NodeId>,
    partitions: Vec<(BTreeSet<NodeId>, BTreeSet<NodeId>)>,
    slow: BTreeMap<(NodeId, Option<NodeId>), Span>,
    drops: Vec<DropRule>,
}

impl Network {
    /// A whole network that draws from this stream.
    pub fn new(stream: Stream) -> Network {
        Network {
            stream,
            links: BTreeMap::new(),
            isolated: BTreeSet::new(),
            partitions: Vec::new(),
            slow: BTreeMap::new(),
            drops: Vec::new(),
        }
    }

    /// Cuts a node off from all others.
    pub fn isolate(&mut self, node: NodeId) {
        self.isolated.insert(node);
    }

    /// Cuts two sets of nodes off from each other.
    pub fn partition(&mut self, left: BTreeSet<NodeId>, right: BTreeSet<NodeId>) {
        self.partitions.push((left, right));
    }

    /// Makes every message between `a` and `b` (or `a` and anybody) take so long one way.
    pub fn slow(&mut self, a: NodeId, b: Option<NodeId>, latency: Span) {
        self.slow.insert((a, b), latency);
    }

    /// Swallows messages by this rule.
    pub fn swallow(&mut self, rule: DropRule) {
        self.drops.push(rule);
    }

    /// Takes all faults away.
    pub fn heal(&mut self) {
        self.isolated.clear();
        self.partitions.clear();
        self.slow.clear();
        self.drops.clear();
    }

    /// True without any fault.
    pub fn is_whole(&self) -> bool {
        self.isolated.is_empty()
            && self.partitions.is_empty()
            && self.slow.is_empty()
            && self.drops.is_empty()
    }

    /// True if a node is cut off from all others.
    pub fn is_isolated(&self, node: NodeId) -> bool {
        self.isolated.contains(&node)
    }

    /// True if nothing can pass between two nodes now.
    pub fn is_cut(&self, a: NodeId, b: NodeId) -> bool {
        if a == b {
            return false;
        }
        self.isolated.contains(&a)
            || self.isolated.contains(&b)
            || self.partitions.iter().any(|(left, right)| {
                left.contains(&a) && right.contains(&b) || left.contains(&b) && right.contains(&a)
            })
    }

    /// True if a rule swallows this message; counts it.
    pub(super) fn swallows(&mut self, from: NodeId, to: NodeId, kind: &str) -> bool {
        let rule = self.drops.iter_mut().find(|rule| {
            (rule.a == from && rule.b == to || rule.a == to && rule.b == from)
                && rule.kind.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(kind))
                && rule.left != Some(0)
        });
        match rule {
            Some(rule) => {
                rule.left = rule.left.map(|left| left - 1);
                self.drops.retain(|rule| rule.left != Some(0));
                true
            }
            None => false,
        }
    }

    /// One way between two nodes, without what the bandwidth adds.
    pub(super) fn latency(&mut self, from: NodeId, to: NodeId, cost: &CostModel) -> Span {
        let keys = [(from, Some(to)), (to, Some(from)), (from, None), (to, None)];
        if let Some(latency) = keys.iter().find_map(|key| self.slow.get(key)) {
            return *latency;
        }
        let mut latency = cost.latency + self.stream.span_up_to(cost.jitter);
        let mut wait = cost.retransmit_after;
        for _ in 0..RETRANSMISSIONS_MAX {
            if !self.stream.chance(cost.loss_per_million) {
                break;
            }
            latency += wait;
            wait = wait * 2;
        }
        latency
    }

    /// When a message that leaves now arrives: after its turn on the wire and the way, and never
    /// before one that was sent earlier on the same link.
    pub(super) fn arrival(
        &mut self,
        (from, to): (NodeId, NodeId),
        leaves: Time,
        bytes: u64,
        same_machine: bool,
        cost: &CostModel,
    ) -> Time {
        let latency = if same_machine { Span::ZERO } else { self.latency(from, to, cost) };
        let link = self.links.entry((from, to)).or_default();
        let sent = link.wire.serve(leaves, CostModel::transfer(bytes, cost.bandwidth));
        link.last_arrival = link.last_arrival.max(sent + latency);
        link.last_arrival
    }

    /// The peers that hold a connection with a node.
    pub(super) fn peers(&self, node: NodeId) -> Vec<NodeId> {
        let open = self.links.iter().filter(|(_, link)| link.open);
        let peers = open.filter_map(|(&(from, to), _)| match (from == node, to == node) {
            (true, _) => Some(to),
            (_, true) => Some(from),
            _ => None,
        });
        peers.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Ends the connection between two nodes, both ways.
    pub(super) fn close(&mut self, a: NodeId, b: NodeId) {
        for key in [(a, b), (b, a)] {
            if let Some(link) = self.links.get_mut(&key) {
                link.epoch += 1;
                link.open = false;
            }
        }
    }

    /// Begins a connection between two nodes if there is none; returns the epoch of the link.
    pub(super) fn open(&mut self, from: NodeId, to: NodeId) -> u32 {
        self.links.entry((to, from)).or_default().open = true;
        let link = self.links.entry((from, to)).or_default();
        link.open = true;
        link.epoch
    }
}
