//! A client's end of its connection: the handshake, heartbeats, and connecting again.
//!
//! A client knows all nodes, or those that its setting `host` names, in that order: it connects to
//! the first, and when its connection ends to the next. With the setting `connection.blocked` false
//! it does not have that capability: it is not told that it is blocked.
//!
//! Simplified: a client has one connection and one channel on it.

use super::broker::{HEARTBEAT_INTERVAL, SILENCE_MAX};
use super::command::AmqpError;
use super::message::{Frame, Method};
use super::process::{Out, Timer};
use super::spec::Settings;
use crate::sim::{NodeId, Span, Time};
use std::rc::Rc;

/// A client waits so long before it connects again (the Java client's
/// `networkRecoveryInterval`).
const RECOVERY_INTERVAL: Span = Span::seconds(5);

/// A handshake that takes longer has failed (the Java client's connection timeout).
const HANDSHAKE_TIMEOUT: Span = Span::seconds(60);

/// That of a tool: nodes and tools of Erlang give up after so long (`net_setuptime`).
pub const TOOL_TIMEOUT: Span = Span::seconds(7);

/// The channel that a client uses.
pub const CHANNEL: u16 = 1;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Down,
    Opening,
    Open,
    /// It is open, and the broker does not read it.
    Blocked,
}

/// A client's connection.
#[derive(Clone, Debug)]
pub struct Link {
    name: Rc<str>,
    brokers: Rc<[NodeId]>,
    at: usize,
    state: State,
    last_heard: Time,
    /// True for a command-line tool.
    pub is_tool: bool,
    /// True if it has the capability `connection.blocked`.
    hears_blocked: bool,
    /// How long to wait before connecting again.
    pub recovery_interval: Span,
}

/// The nodes of a list of names, in its order: `rabbit-2,rabbit-1`. Names that are not known are
/// left out; without one that is, all nodes are taken.
fn named(hosts: &str, brokers: &Rc<[NodeId]>) -> Rc<[NodeId]> {
    let number = |name: &str| name.trim().strip_prefix("rabbit-")?.parse::<usize>().ok();
    let places = hosts.split(',').filter_map(|name| number(name)?.checked_sub(1));
    let named: Rc<[NodeId]> = places.filter_map(|at| brokers.get(at).copied()).collect();
    if named.is_empty() { brokers.clone() } else { named }
}

/// What a frame from the broker means for a client.
#[derive(Debug)]
pub enum Heard {
    /// The connection is open: open a channel.
    Opened,
    /// The broker reads the connection again.
    Unblocked,
    /// Something on the channel.
    OnChannel(Method),
    /// The broker closed the connection, and why.
    Closed(Option<Rc<AmqpError>>),
    /// Nothing that concerns the client.
    Nothing,
}

impl Link {
    /// A connection that is not open, to one of these brokers.
    pub fn new(name: Rc<str>, brokers: Rc<[NodeId]>, settings: &Settings) -> Link {
        let mut link = Link {
            name,
            brokers,
            at: 0,
            state: State::Down,
            last_heard: Time::ZERO,
            is_tool: false,
            hears_blocked: settings.get("connection.blocked").is_none_or(|it| it != "false"),
            recovery_interval: RECOVERY_INTERVAL,
        };
        if let Some(hosts) = settings.get("host") {
            link.brokers = named(hosts, &link.brokers);
        }
        if let Some(value) = settings.get("network_recovery_interval") {
            link.set_recovery_interval(value);
        }
        link
    }

    /// Takes a setting in milliseconds; what is not a number changes nothing.
    pub fn set_recovery_interval(&mut self, value: &str) {
        if let Ok(ms) = value.parse() {
            self.recovery_interval = Span::millis(ms);
        }
    }

    /// True while the connection is open.
    pub fn is_open(&self) -> bool {
        matches!(self.state, State::Open | State::Blocked)
    }

    /// True while the broker does not read the connection.
    pub fn is_blocked(&self) -> bool {
        self.state == State::Blocked
    }

    /// The connection is to be to this node from now on; one to another node ends.
    pub fn turn_to(&mut self, place: usize, out: &mut Out<'_>) {
        if place == self.at || place >= self.brokers.len() {
            return;
        }
        if let Some(broker) = self.broker().filter(|_| self.state != State::Down) {
            out.close(broker);
            self.hang_up(out);
        }
        self.at = place;
    }

    /// So many nodes it knows.
    pub fn nodes(&self) -> usize {
        self.brokers.len()
    }

    /// These are the nodes: more than those that it knew, in the same order.
    pub fn meet(&mut self, nodes: Vec<NodeId>) {
        self.brokers = nodes.into();
    }

    /// How many nodes it may connect to.
    pub fn choices(&self) -> usize {
        self.brokers.len()
    }

    /// True while there is no connection, and none is being opened.
    pub fn is_down(&self) -> bool {
        self.state == State::Down
    }

    /// Opens the connection.
    pub fn connect(&mut self, out: &mut Out<'_>) {
        let Some(broker) = self.broker() else { return };
        self.state = State::Opening;
        let (client, is_tool) = (self.name.clone(), self.is_tool);
        let hears_blocked = self.hears_blocked;
        let method = Method::ConnectionOpen { client, is_tool, hears_blocked };
        out.send(broker, Frame { channel: 0, method });
        let timeout = if self.is_tool { TOOL_TIMEOUT } else { HANDSHAKE_TIMEOUT };
        out.timer(Timer::HandshakeTimeout, timeout);
    }

    /// Says something on the channel.
    pub fn send(&self, method: Method, out: &mut Out<'_>) {
        if let Some(broker) = self.broker().filter(|_| self.is_open()) {
            out.send(broker, Frame { channel: CHANNEL, method });
        }
    }

    /// A frame came.
    pub fn take(&mut self, from: NodeId, frame: Frame, out: &mut Out<'_>) -> Heard {
        if Some(from) != self.broker() || self.state == State::Down {
            return Heard::Nothing;
        }
        self.last_heard = out.now();
        match frame.method {
            Method::ConnectionOpenOk => {
                self.state = State::Open;
                out.cancel(Timer::HandshakeTimeout);
                out.timer(Timer::Heartbeat(from), HEARTBEAT_INTERVAL);
                Heard::Opened
            }
            Method::ConnectionClose(error) => {
                out.send(from, Frame { channel: 0, method: Method::ConnectionCloseOk });
                self.hang_up(out);
                Heard::Closed(error)
            }
            Method::ConnectionBlocked { .. } if self.is_open() => {
                self.state = State::Blocked;
                Heard::Nothing
            }
            Method::ConnectionUnblocked if self.is_blocked() => {
                self.state = State::Open;
                Heard::Unblocked
            }
            method if frame.channel == CHANNEL && self.is_open() => Heard::OnChannel(method),
            _ => Heard::Nothing,
        }
    }

    /// The connection with a peer is gone. True if it was this one.
    pub fn lost(&mut self, peer: NodeId, out: &mut Out<'_>) -> bool {
        let is_ours = Some(peer) == self.broker() && self.state != State::Down;
        if is_ours {
            self.hang_up(out);
        }
        is_ours
    }

    /// True if the node has said something since.
    pub fn has_heard_since(&self, instant: Time) -> bool {
        self.last_heard > instant
    }

    /// The node is taken for dead, and the connection for lost.
    pub fn abandon(&mut self, out: &mut Out<'_>) {
        if let Some(broker) = self.broker() {
            out.close(broker);
            self.hang_up(out);
        }
    }

    /// The handshake took too long.
    pub fn give_up(&mut self, out: &mut Out<'_>) {
        if let Some(broker) = self.broker().filter(|_| self.state == State::Opening) {
            out.close(broker);
            self.hang_up(out);
        }
    }

    /// It is time to say that this side lives. False if the other side does not: then the
    /// connection is closed.
    pub fn heartbeat(&mut self, out: &mut Out<'_>) -> bool {
        let Some(broker) = self.broker().filter(|_| self.is_open()) else { return true };
        if out.now().since(self.last_heard) > SILENCE_MAX {
            out.close(broker);
            self.hang_up(out);
            return false;
        }
        out.send(broker, Frame { channel: 0, method: Method::Heartbeat });
        out.timer(Timer::Heartbeat(broker), HEARTBEAT_INTERVAL);
        true
    }

    fn broker(&self) -> Option<NodeId> {
        self.brokers.get(self.at).copied()
    }

    /// The next attempt goes to the next broker.
    fn hang_up(&mut self, out: &mut Out<'_>) {
        if let Some(broker) = self.broker() {
            out.cancel(Timer::Heartbeat(broker));
        }
        out.cancel(Timer::HandshakeTimeout);
        self.state = State::Down;
        self.at = (self.at + 1) % self.brokers.len().max(1);
    }
}
