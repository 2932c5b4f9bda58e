//! Connections of a client, and the requests under way on each.

use super::backoff::backoff;
use super::metrics::Traffic;
use crate::kafka::config::producer::NetworkConfig;
use crate::kafka::message::{KafkaMessage, Request, Response};
use crate::kafka::process::Out;
use crate::ordered::BTreeMap;
use crate::sim::{NodeId, Span, Time};
use std::collections::VecDeque;
use std::rc::Rc;

#[derive(Clone, Debug, PartialEq)]
enum Link {
    /// Not to be tried again before this instant.
    Closed { until: Time },
    /// The first request is under way.
    Opening { correlation: i32, deadline: Time },
    /// Requests may be sent.
    Open,
}

#[derive(Clone, Debug)]
struct InFlight<P> {
    correlation: i32,
    deadline: Time,
    purpose: P,
}

#[derive(Clone, Debug)]
struct Peer<P> {
    link: Link,
    failures: u32,
    /// True if somebody asked for the connection while it could not be opened yet.
    wanted: bool,
    in_flight: VecDeque<InFlight<P>>,
}

/// What a message meant.
#[derive(Clone, Debug)]
pub enum Heard<P> {
    /// A connection is open now.
    Opened,
    /// The answer to what was asked for this purpose.
    Answer(P, Response),
    /// Nothing that anybody waits for.
    Nothing,
}

/// The connections of one client. `P` is what it remembers of each request.
#[derive(Clone, Debug)]
pub struct Connections<P> {
    client: Rc<str>,
    config: NetworkConfig,
    correlation: i32,
    /// What the first request of this life has.
    first: i32,
    peers: BTreeMap<NodeId, Peer<P>>,
    /// What it counts.
    pub traffic: Traffic,
}

impl<P> Connections<P> {
    /// No connection yet.
    pub fn new(client: Rc<str>, config: NetworkConfig) -> Connections<P> {
        let (peers, traffic) = (BTreeMap::new(), Traffic::default());
        Connections { client, config, correlation: 0, first: 1, peers, traffic }
    }

    /// The process has begun. Its correlation ids differ from those of its earlier lives, so that
    /// an answer that was meant for one of them is not taken for its own.
    pub fn begin(&mut self, out: &mut Out<'_>) {
        self.correlation = (out.random().bits() >> 36) as i32;
        self.first = self.correlation.wrapping_add(1);
    }

    /// A correlation id as the real client counts, from 0 on.
    pub fn ordinal(&self, correlation: i32) -> i32 {
        correlation.wrapping_sub(self.first)
    }

    /// True if requests can be sent to a node now. If not, and its backoff is over, the connection
    /// is being opened.
    pub fn connect(&mut self, node: NodeId, out: &mut Out<'_>) -> bool {
        let closed = Link::Closed { until: Time::ZERO };
        let peer = self.peers.entry(node).or_insert_with(|| Peer {
            link: closed,
            failures: 0,
            wanted: false,
            in_flight: VecDeque::new(),
        });
        match peer.link {
            Link::Open => return true,
            Link::Closed { until } if until <= out.now() => {
                self.correlation = self.correlation.wrapping_add(1);
                let correlation = self.correlation;
                let deadline = out.now() + self.config.connection_setup_timeout;
                peer.link = Link::Opening { correlation, deadline };
                peer.wanted = false;
                self.traffic.requests += 1;
                let (client, body) = (self.client.clone(), Request::ApiVersions);
                out.send(node, KafkaMessage::Request { correlation, client, body }.into());
            }
            Link::Closed { .. } => peer.wanted = true,
            Link::Opening { .. } => {}
        }
        false
    }

    /// True if requests can be sent to a node now.
    pub fn is_open(&self, node: NodeId) -> bool {
        self.peers.get(&node).is_some_and(|peer| peer.link == Link::Open)
    }

    /// True while a node may not be tried.
    pub fn is_backing_off(&self, node: NodeId, now: Time) -> bool {
        let peer = self.peers.get(&node);
        peer.is_some_and(|peer| matches!(peer.link, Link::Closed { until } if until > now))
    }

    /// How many requests to a node are under way.
    pub fn in_flight(&self, node: NodeId) -> usize {
        self.peers.get(&node).map_or(0, |peer| peer.in_flight.len())
    }

    /// How many requests are under way in all.
    pub fn all_in_flight(&self) -> usize {
        self.peers.values().map(|peer| peer.in_flight.len()).sum()
    }

    /// How many connections are open.
    pub fn open(&self) -> usize {
        self.peers.values().filter(|peer| peer.link == Link::Open).count()
    }

    /// Sends a request on an open connection. The answer must come within `timeout`.
    pub fn send(
        &mut self,
        node: NodeId,
        (body, purpose): (Request, P),
        timeout: Span,
        out: &mut Out<'_>,
    ) {
        self.correlation = self.correlation.wrapping_add(1);
        let (correlation, deadline) = (self.correlation, out.now() + timeout);
        let peer = self.peers.get_mut(&node).expect("the connection was opened before");
        peer.in_flight.push_back(InFlight { correlation, deadline, purpose });
        self.traffic.requests += 1;
        out.send(
            node,
            KafkaMessage::Request { correlation, client: self.client.clone(), body }.into(),
        );
    }

    /// Sends a request that is not answered.
    pub fn send_one_way(&mut self, node: NodeId, body: Request, out: &mut Out<'_>) {
        self.correlation = self.correlation.wrapping_add(1);
        let (correlation, client) = (self.correlation, self.client.clone());
        self.traffic.requests += 1;
        out.send(node, KafkaMessage::Request { correlation, client, body }.into());
    }

    /// Takes a message.
    pub fn hear(&mut self, from: NodeId, message: KafkaMessage) -> Heard<P> {
        let KafkaMessage::Response { correlation: answered, body } = message else {
            return Heard::Nothing;
        };
        let Some(peer) = self.peers.get_mut(&from) else { return Heard::Nothing };
        if let Link::Opening { correlation, .. } = peer.link {
            if correlation != answered {
                return Heard::Nothing;
            }
            peer.link = Link::Open;
            peer.failures = 0;
            self.traffic.opened += 1;
            self.traffic.responses += 1;
            return Heard::Opened;
        }
        let found = peer.in_flight.iter().position(|request| request.correlation == answered);
        match found.and_then(|index| peer.in_flight.remove(index)) {
            Some(request) => {
                self.traffic.responses += 1;
                Heard::Answer(request.purpose, body)
            }
            None => Heard::Nothing,
        }
    }

    /// A connection ended: what was under way on it is lost.
    pub fn closed(&mut self, node: NodeId, out: &mut Out<'_>) -> Vec<P> {
        let Some(peer) = self.peers.get_mut(&node) else { return Vec::new() };
        if let Link::Closed { .. } = peer.link {
            return Vec::new();
        }
        self.traffic.ended += u64::from(peer.link == Link::Open);
        let config = &self.config;
        let (first, most) = (config.reconnect_backoff, config.reconnect_backoff_max);
        let wait = backoff(first, most, peer.failures, out.random());
        peer.failures += 1;
        peer.link = Link::Closed { until: out.now() + wait };
        peer.in_flight.drain(..).map(|request| request.purpose).collect()
    }

    /// Ends connections that did not open in time or left a request without an answer.
    pub fn expire(&mut self, out: &mut Out<'_>) -> Vec<P> {
        let now = out.now();
        let late = |peer: &Peer<P>| match peer.link {
            Link::Opening { deadline, .. } => deadline <= now,
            _ => peer.in_flight.iter().any(|request| request.deadline <= now),
        };
        let nodes = self.peers.iter().filter(|(_, peer)| late(peer)).map(|(node, _)| *node);
        let mut lost = Vec::new();
        for node in nodes.collect::<Vec<_>>() {
            out.close(node);
            lost.extend(self.closed(node, out));
        }
        lost
    }

    /// When something is due next. What could have been done before is nobody's wish any more.
    pub fn next_due(&self, now: Time) -> Option<Time> {
        let due = self.peers.values().filter_map(|peer| match peer.link {
            Link::Closed { until } => peer.wanted.then_some(until),
            Link::Opening { deadline, .. } => Some(deadline),
            Link::Open => peer.in_flight.iter().map(|request| request.deadline).min(),
        });
        due.filter(|at| *at > now).min()
    }
}
