//! A session with the ensemble, seen from its client.
//!
//! The client is connected with one server at a time. It says something at least every third of the
//! timeout, looks for another server when it has not heard anything for two thirds of it, and asks
//! anew there what was not answered: its session goes on if it comes in time. That a session is
//! over it only learns when it is connected again.

use super::request::{Answer, Op, Reply, WatchEvent, WatchKind, ZkError};
use crate::kafka::message::{KafkaMessage, Request, Response};
use crate::kafka::process::Out;
use crate::sim::{NodeId, Span, Time};
use std::collections::VecDeque;
use std::rc::Rc;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Link {
    /// Not to be tried again before this instant.
    Closed(Time),
    /// A session was asked for.
    Opening,
    Open,
}

/// What came.
#[derive(Clone, Debug, PartialEq)]
pub enum SessionEvent {
    /// A new session has begun.
    Began,
    /// The answer to the question of this number.
    Answered(u64, Result<Reply, ZkError>),
    /// Something that was watched has changed.
    Changed(WatchEvent),
    /// The session is over; what was not answered is forgotten.
    Expired,
    /// The connection is lost. The session may go on.
    Lost,
}

/// A session, or the wish for one.
#[derive(Clone, Debug)]
pub struct Session {
    name: Rc<str>,
    servers: Rc<[NodeId]>,
    at: usize,
    link: Link,
    timeout: Span,
    id: i64,
    zxid: i64,
    xid: i32,
    heard_at: Time,
    said_at: Time,
    /// Questions that are not answered, in order; the first so many were sent.
    asked: VecDeque<(u64, Op, i32)>,
    sent: usize,
    watches: Vec<(Rc<str>, WatchKind)>,
}

/// The number of the client's own question after a reconnect.
const WATCHES: u64 = u64::MAX;
/// A client waits for so long before it tries the next server.
const RECONNECT_MAX: Span = Span::seconds(1);

impl Session {
    /// No session yet. `timeout` is what is asked for.
    pub fn new(name: Rc<str>, servers: Rc<[NodeId]>, timeout: Span, out: &mut Out<'_>) -> Session {
        let at = out.random().below(servers.len().max(1) as u64) as usize;
        Session {
            name,
            servers,
            at,
            link: Link::Closed(out.now()),
            timeout,
            id: 0,
            zxid: 0,
            xid: 0,
            heard_at: out.now(),
            said_at: out.now(),
            asked: VecDeque::new(),
            sent: 0,
            watches: Vec::new(),
        }
    }

    /// Its number; 0 before it has begun.
    pub fn id(&self) -> i64 {
        self.id
    }

    /// True while it is connected.
    pub fn is_connected(&self) -> bool {
        self.link == Link::Open
    }

    /// How many questions are not answered.
    pub fn unanswered(&self) -> usize {
        self.asked.len()
    }

    /// How many servers it may try.
    pub fn servers(&self) -> usize {
        self.servers.len()
    }

    /// True for a server of the ensemble.
    pub fn is_server(&self, node: NodeId) -> bool {
        self.servers.contains(&node)
    }

    /// Asks something, as soon as it can.
    pub fn ask(&mut self, number: u64, op: Op) {
        let (watched, made) = match &op {
            Op::Exists { path, watch: true } | Op::GetData { path, watch: true } => {
                (Some((path.clone(), WatchKind::Data)), None)
            }
            Op::GetChildren { path, watch: true } => {
                (Some((path.clone(), WatchKind::Children)), None)
            }
            Op::GetChildrenAnd { path, made } => {
                let made = Some((made.clone(), WatchKind::Made));
                (Some((path.clone(), WatchKind::Children)), made)
            }
            _ => (None, None),
        };
        for watched in watched.into_iter().chain(made) {
            if !self.watches.contains(&watched) {
                self.watches.push(watched);
            }
        }
        self.asked.push_back((number, op, 0));
    }

    fn say(&mut self, op: Op, out: &mut Out<'_>) -> i32 {
        self.xid += 1;
        self.said_at = out.now();
        let (client, body) = (self.name.clone(), Request::ZooKeeper(Box::new(op)));
        let message = KafkaMessage::Request { correlation: self.xid, client, body };
        out.send(self.servers[self.at], message.into());
        self.xid
    }

    /// Takes a message of a server.
    pub fn hear(&mut self, from: NodeId, message: KafkaMessage) -> Option<SessionEvent> {
        if self.servers.get(self.at) != Some(&from) {
            return None;
        }
        let KafkaMessage::Response { correlation, body: Response::ZooKeeper(answer) } = message
        else {
            return None;
        };
        match *answer {
            Answer::Watch(event) => {
                let watched = (event.path.clone(), event.kind);
                self.watches.retain(|known| *known != watched);
                Some(SessionEvent::Changed(event))
            }
            Answer::Result(zxid, result) => {
                if let (Link::Opening, Ok(Reply::Connected { session, timeout_ms })) =
                    (self.link, &result)
                {
                    // What happened before it is not seen yet: its watches are set from before.
                    return self.opened(*session, *timeout_ms);
                }
                self.zxid = self.zxid.max(zxid);
                let (number, _, xid) = self.asked.front()?;
                if *xid != correlation || self.sent == 0 {
                    return None;
                }
                let number = *number;
                self.asked.pop_front();
                self.sent -= 1;
                (number != WATCHES).then_some(SessionEvent::Answered(number, result))
            }
        }
    }

    fn opened(&mut self, session: i64, timeout_ms: u64) -> Option<SessionEvent> {
        if timeout_ms == 0 {
            self.reset();
            return Some(SessionEvent::Expired);
        }
        self.link = Link::Open;
        self.timeout = Span::millis(timeout_ms);
        self.sent = 0;
        let is_new = self.id == 0;
        self.id = session;
        if is_new {
            return Some(SessionEvent::Began);
        }
        // The server is another one: it is told what is watched.
        self.asked.retain(|(number, ..)| *number != WATCHES);
        if !self.watches.is_empty() {
            let (zxid, watches) = (self.zxid, self.watches.clone());
            self.asked.push_front((WATCHES, Op::SetWatches { zxid, watches }, 0));
        }
        None
    }

    fn reset(&mut self) {
        self.link = Link::Closed(Time::ZERO);
        (self.id, self.zxid, self.sent) = (0, 0, 0);
        self.asked.clear();
        self.watches.clear();
    }

    /// Notes that its server was heard of.
    pub fn heard(&mut self, from: NodeId, now: Time) {
        if self.servers.get(self.at) == Some(&from) {
            self.heard_at = now;
        }
    }

    /// A connection is gone.
    pub fn closed(&mut self, peer: NodeId, out: &mut Out<'_>) -> Option<SessionEvent> {
        let is_this = self.servers.get(self.at) == Some(&peer);
        if !is_this || matches!(self.link, Link::Closed(_)) {
            return None;
        }
        let was_open = self.link == Link::Open;
        self.at = (self.at + 1) % self.servers.len();
        let wait = out.random().span_up_to(RECONNECT_MAX);
        self.link = Link::Closed(out.now() + wait);
        self.sent = 0;
        was_open.then_some(SessionEvent::Lost)
    }

    /// Ends politely: what is ephemeral goes. The answer is not waited for.
    pub fn end(&mut self, out: &mut Out<'_>) {
        if self.link == Link::Open {
            self.say(Op::CloseSession, out);
        }
        self.reset();
        self.link = Link::Closed(Time::NEVER);
    }

    /// Sends what can be sent; says when to look again.
    pub fn pump(&mut self, out: &mut Out<'_>) -> (Option<SessionEvent>, Time) {
        let now = out.now();
        let third = Span::micros(self.timeout.as_micros() / 3);
        let mut event = None;
        // A server that does not answer is left after two thirds of the timeout, one that does not
        // even open a connection after its share of it.
        let patience = match self.link {
            Link::Open => third * 2,
            _ => Span::micros(self.timeout.as_micros() / self.servers.len().max(1) as u64),
        };
        if !matches!(self.link, Link::Closed(_)) && self.heard_at + patience <= now {
            let server = self.servers[self.at];
            out.close(server);
            event = self.closed(server, out);
        }
        if let Link::Closed(until) = self.link {
            if until > now {
                return (event, until);
            }
            self.link = Link::Opening;
            self.heard_at = now;
            let (session, zxid) = (self.id, self.zxid);
            let (timeout_ms, client) = (self.timeout.as_millis(), self.name.clone());
            self.say(Op::Connect { session, timeout_ms, zxid, client }, out);
        }
        if self.link != Link::Open {
            return (event, self.heard_at + patience);
        }
        while let Some((_, op, _)) = self.asked.get(self.sent) {
            let op = op.clone();
            let xid = self.say(op, out);
            self.asked[self.sent].2 = xid;
            self.sent += 1;
        }
        if self.said_at + third <= now {
            self.say(Op::Ping, out);
        }
        (event, (self.said_at + third).min(self.heard_at + third * 2))
    }
}
