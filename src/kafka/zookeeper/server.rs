//! A member of the ensemble: what it does with what clients ask, and with what others decide.
//!
//! A server **serves** while it leads, or follows a leader, and has done a transaction of the
//! present epoch: then it has all that was ever acknowledged. When that ends, it ends every
//! connection, and clients look for another server.

use super::disk::{TxnLog, decode, encode};
use super::request::{Answer, Op, Peer, Reply, Txn, WatchEvent, WatchKind, ZkError};
use super::sessions::{Sessions, TICK, agreed};
use super::tree::{Moment, Tree};
use crate::kafka::broker::server::Call;
use crate::kafka::event::Event;
use crate::kafka::message::{KafkaMessage, Request, Response};
use crate::kafka::now_ms;
use crate::kafka::process::{Out, Timer};
use crate::kafka::ways::Ways;
use crate::ordered::BTreeSet;
use crate::raft::message::Action;
use crate::raft::{MemberId, Raft, Role, Saved, Timing};
use crate::sim::{NodeId, Span, Stream, Time};
use std::collections::VecDeque;
use std::rc::Rc;

/// A follower that has not heard from its leader for a tick, and up to as long again, wants
/// another one; a leader that a majority has not answered for two ticks gives up.
const TIMING: Timing = Timing { election: TICK, heartbeat: Span::millis(500) };

/// What waits: a write for its turn in the log, and what its client asked behind it.
#[derive(Clone, Debug)]
struct Waiting {
    call: Call,
    op: Op,
    /// The number of a write that is under way.
    request: Option<u64>,
}

/// A server.
#[derive(Clone, Debug)]
pub struct Server {
    id: u32,
    ways: Ways,
    members: Rc<[(u32, NodeId)]>,
    raft: Raft,
    log: TxnLog,
    random: Stream,
    /// The znodes.
    pub tree: Tree,
    /// The sessions.
    pub sessions: Sessions,
    applied: u64,
    /// The epoch of the last transaction, and how many it had.
    counted: (u64, u32),
    /// Who is connected, with which session.
    clients: Vec<(NodeId, i64)>,
    watches: Vec<(NodeId, WatchEvent)>,
    waiting: VecDeque<Waiting>,
    last_request: u64,
    last_session: i64,
    is_serving: bool,
    /// As follower, the sessions that were heard of and that the leader does not know of.
    heard: BTreeSet<i64>,
    /// When each other server was last heard of, in the order of members.
    peers_heard: Vec<Time>,
}

impl Server {
    /// A server with what an earlier life has left.
    pub fn new(
        (id, ways): (u32, Ways),
        members: Rc<[(u32, NodeId)]>,
        (log, saved): (TxnLog, Saved),
        out: &mut Out<'_>,
    ) -> Server {
        let is_fresh = saved.term == 0 && saved.log.last().0 == 0;
        let ids: Vec<MemberId> = members.iter().map(|(id, _)| MemberId(*id)).collect();
        let mut server = Server {
            id,
            ways,
            raft: Raft::new(MemberId(id), &ids, TIMING, saved),
            log,
            random: Stream::named(out.random().clone().bits(), "ensemble"),
            tree: Tree::default(),
            sessions: Sessions::default(),
            applied: 0,
            counted: (0, 0),
            clients: Vec::new(),
            watches: Vec::new(),
            waiting: VecDeque::new(),
            last_request: 0,
            last_session: (i64::from(id) << 56)
                | ((now_ms(out.now()) << 24) >> 8 & ((1 << 56) - 1)),
            is_serving: false,
            heard: BTreeSet::new(),
            peers_heard: vec![out.now(); members.len()],
            members,
        };
        server.raft.begin(out.now(), &mut server.random);
        // In an ensemble that is new the first server stands at once.
        if is_fresh && server.members.first().is_some_and(|(first, _)| *first == id) {
            server.raft.campaign(out.now(), &mut server.random);
        }
        server.sleep(out);
        server.act(out);
        server
    }

    // ---- what may be seen ----

    /// True while clients are answered.
    pub fn is_serving(&self) -> bool {
        self.is_serving
    }

    /// True if it leads the ensemble, as far as it knows.
    pub fn leads(&self) -> bool {
        self.raft.role() == Role::Leader
    }

    /// Its part: as `mntr` and `srvr` name it.
    pub fn mode(&self) -> &'static str {
        match self.raft.role() {
            Role::Leader => "leader",
            Role::Follower(Some(_)) => "follower",
            _ => "looking",
        }
    }

    /// The epoch that it is in.
    pub fn epoch(&self) -> u64 {
        self.raft.term()
    }

    /// How many clients are connected with it.
    pub fn connections(&self) -> usize {
        self.clients.len()
    }

    /// Its part in the agreement.
    pub fn raft(&self) -> &Raft {
        &self.raft
    }

    // ---- clients ----

    /// A client asks something.
    pub fn ask(&mut self, call: Call, mut op: Op, out: &mut Out<'_>) {
        if !self.is_serving {
            return out.close(call.from);
        }
        if let Op::Connect { session, timeout_ms, zxid, .. } = &mut op {
            if *zxid > self.tree.zxid {
                return out.close(call.from);
            }
            self.forget(call.from);
            *timeout_ms = agreed(*timeout_ms);
            let session = match *session {
                0 => {
                    self.last_session += 1;
                    self.last_session
                }
                known => known,
            };
            self.clients.push((call.from, session));
            return self.submit(Waiting { call, op, request: None }, out);
        }
        let Some(session) = self.session_of(call.from) else { return out.close(call.from) };
        self.touch(session, out.now());
        let waits = self.waiting.iter().any(|other| other.call.from == call.from);
        match op {
            Op::Ping => self.answer(&call, Ok(Reply::Done), out),
            op if op.is_write() => self.submit(Waiting { call, op, request: None }, out),
            op if waits => self.waiting.push_back(Waiting { call, op, request: None }),
            op => self.read(&call, &op, out),
        }
    }

    fn session_of(&self, node: NodeId) -> Option<i64> {
        self.clients.iter().find(|(client, _)| *client == node).map(|(_, session)| *session)
    }

    fn touch(&mut self, session: i64, now: Time) {
        match self.leads() {
            true => self.sessions.touch(session, now),
            false => drop(self.heard.insert(session)),
        }
    }

    fn answer(&self, call: &Call, result: Result<Reply, ZkError>, out: &mut Out<'_>) {
        let answer = Answer::Result(self.tree.zxid, result);
        call.answer(Response::ZooKeeper(Box::new(answer)), out);
    }

    fn read(&mut self, call: &Call, op: &Op, out: &mut Out<'_>) {
        if let Op::SetWatches { zxid, watches } = op {
            for (path, kind) in watches.clone() {
                // Whether it was there is not told: one that is gone counts as changed.
                let event = WatchEvent { path, kind };
                match self.tree.has_changed(&event.path, kind, true, *zxid) {
                    true => tell(call.from, event, out),
                    false => self.watches.push((call.from, event)),
                }
            }
            return self.answer(call, Ok(Reply::Done), out);
        }
        let result = self.tree.read(op);
        if let Op::GetChildrenAnd { made, .. } = op {
            let event = WatchEvent { path: made.clone(), kind: WatchKind::Made };
            match self.tree.has_changed(made, WatchKind::Made, false, 0) {
                true => tell(call.from, event, out),
                false => self.watches.push((call.from, event)),
            }
        }
        let watched = match op {
            // What is not there can be waited for.
            Op::Exists { path, watch: true } => Some((path, WatchKind::Data)),
            Op::GetData { path, watch: true } if result.is_ok() => Some((path, WatchKind::Data)),
            Op::GetChildren { path, watch: true } | Op::GetChildrenAnd { path, .. }
                if result.is_ok() =>
            {
                Some((path, WatchKind::Children))
            }
            _ => None,
        };
        if let Some((path, kind)) = watched {
            let watch = (call.from, WatchEvent { path: path.clone(), kind });
            if !self.watches.contains(&watch) {
                self.watches.push(watch);
            }
        }
        self.answer(call, result, out);
    }

    /// A write goes to the leader.
    fn submit(&mut self, mut waiting: Waiting, out: &mut Out<'_>) {
        let Some(session) = self.session_of(waiting.call.from) else { return };
        self.last_request += 1;
        let request = self.last_request;
        waiting.request = Some(request);
        let op = waiting.op.clone();
        self.waiting.push_back(waiting);
        match self.raft.leader() {
            Some(leader) if leader == self.raft.me() => {
                self.propose((self.id, request), session, op, out);
            }
            Some(leader) => self.send(leader, Peer::Submit { request, session, op }, out),
            None => {}
        }
        self.act(out);
    }

    fn propose(&mut self, origin: (u32, u64), session: i64, op: Op, out: &mut Out<'_>) {
        let txn = Txn { origin, session, time_ms: now_ms(out.now()), op };
        self.raft.propose(encode(&txn));
    }

    /// A connection with a client is gone, or one begins anew.
    fn forget(&mut self, client: NodeId) {
        self.clients.retain(|(node, _)| *node != client);
        self.watches.retain(|(node, _)| *node != client);
        self.waiting.retain(|waiting| waiting.call.from != client);
    }

    fn drop_clients(&mut self, out: &mut Out<'_>) {
        for (client, _) in std::mem::take(&mut self.clients) {
            out.close(client);
        }
        self.watches.clear();
        self.waiting.clear();
    }

    // ---- other servers ----

    /// Another server says something.
    pub fn hear(&mut self, from: NodeId, peer: Peer, out: &mut Out<'_>) {
        let Some(at) = self.members.iter().position(|(_, node)| *node == from) else { return };
        let (id, now) = (self.members[at].0, out.now());
        self.peers_heard[at] = now;
        match peer {
            Peer::Raft(message) => {
                self.raft.receive(MemberId(id), message, now, &mut self.random);
            }
            Peer::Submit { request, session, op } => match self.leads() {
                true => self.propose((id, request), session, op, out),
                false => self.send(MemberId(id), Peer::NotLeading, out),
            },
            Peer::NotLeading => self.drop_clients(out),
            Peer::Touch(sessions) => {
                if self.leads() {
                    sessions.into_iter().for_each(|session| self.sessions.touch(session, now));
                }
            }
        }
        self.act(out);
    }

    fn send(&mut self, to: MemberId, peer: Peer, out: &mut Out<'_>) {
        let Some(at) = self.members.iter().position(|(id, _)| MemberId(*id) == to) else { return };
        let (node, now) = (self.members[at].1, out.now());
        // What one that does not answer was sent before is lost with its connection.
        if now.since(self.peers_heard[at]) >= TICK {
            self.peers_heard[at] = now;
            out.close(node);
        }
        let client = format!("zookeeper-{}", self.id).into();
        let body = Request::Ensemble(Box::new(peer));
        out.send(node, KafkaMessage::Request { correlation: 0, client, body }.into());
    }

    /// A connection is gone.
    pub fn closed(&mut self, peer: NodeId, out: &mut Out<'_>) {
        match self.members.iter().find(|(_, node)| *node == peer) {
            Some((id, _)) => {
                let id = MemberId(*id);
                if self.raft.leader() == Some(id) {
                    self.drop_clients(out);
                }
                self.raft.gone(id, out.now(), &mut self.random);
                self.act(out);
            }
            None => self.forget(peer),
        }
    }

    // ---- time and disk ----

    fn sleep(&self, out: &mut Out<'_>) {
        let half = TICK.half().as_micros();
        let next = (out.now().micros() / half + 1) * half;
        out.timer_at(Timer::Sessions, Time::from_micros(next));
    }

    /// Half a tick is over.
    pub fn ticked(&mut self, out: &mut Out<'_>) {
        self.sleep(out);
        if self.leads() {
            self.heard.clear();
            for session in self.sessions.over(out.now()) {
                self.propose((self.id, 0), session, Op::CloseSession, out);
            }
        } else if let Some(leader) = self.raft.leader() {
            let heard: Vec<i64> = std::mem::take(&mut self.heard).into_iter().collect();
            if !heard.is_empty() {
                self.send(leader, Peer::Touch(heard), out);
            }
        }
        self.act(out);
    }

    /// The timer of the agreement is up.
    pub fn raft_ticked(&mut self, out: &mut Out<'_>) {
        self.raft.tick(out.now(), &mut self.random);
        self.act(out);
    }

    /// A flush of the log is done.
    pub fn flushed(&mut self, out: &mut Out<'_>) {
        if let Some(write) = self.log.flushed() {
            self.raft.flushed(write, out.now());
        }
        self.act(out);
    }

    /// Carries out what the agreement asks for.
    fn act(&mut self, out: &mut Out<'_>) {
        // Who had not answered yet when something was committed hears of it now.
        if self.leads() && !self.ways.tells_commits_late {
            self.raft.tell_commit();
        }
        while self.raft.has_actions() {
            for action in self.raft.take_actions() {
                match action {
                    Action::Send { to, message } => self.send(to, Peer::Raft(message), out),
                    Action::SaveVote { write, term, vote } => {
                        self.log.save_vote(write, (term, vote), out);
                    }
                    Action::Write { write, from, entries } => {
                        self.log.write(write, (from, entries), out);
                    }
                    Action::Commit { index } => self.commit(index, out),
                    // The log is never cut at its beginning, so nobody needs a snapshot.
                    Action::Role(_) | Action::Restore { .. } => {}
                }
            }
            self.check_serving(out);
        }
        self.log.settle(out);
        out.timer_at(Timer::Quorum, self.raft.wake());
    }

    fn check_serving(&mut self, out: &mut Out<'_>) {
        let has_part = self.raft.leader().is_some();
        let is_current = self.raft.log().term(self.applied) == Some(self.raft.term());
        let serves = has_part && is_current && self.applied > 0;
        if serves == self.is_serving {
            return;
        }
        self.is_serving = serves;
        if !serves {
            return self.drop_clients(out);
        }
        if self.leads() {
            self.sessions.touch_all(out.now());
            let epoch = self.raft.term() as i32;
            out.emit(Event::EnsembleLed { server: self.id as i32, epoch });
        }
    }

    fn commit(&mut self, index: u64, out: &mut Out<'_>) {
        while self.applied < index {
            self.applied += 1;
            let Some(entry) = self.raft.log().get(self.applied).cloned() else { continue };
            let count = if entry.term == self.counted.0 { self.counted.1 + 1 } else { 0 };
            self.counted = (entry.term, count);
            let zxid = ((entry.term << 32) | u64::from(count)) as i64;
            match entry.command.as_deref().and_then(decode) {
                Some(txn) => self.apply(&txn, zxid, out),
                None => self.tree.zxid = zxid,
            }
        }
        if self.leads() {
            self.raft.tell_commit();
        }
    }

    /// Does a transaction.
    fn apply(&mut self, txn: &Txn, zxid: i64, out: &mut Out<'_>) {
        let at = Moment { zxid, time_ms: txn.time_ms, session: txn.session };
        let mut told = Vec::new();
        self.tree.zxid = zxid;
        let result = match &txn.op {
            Op::Connect { session, timeout_ms, client, .. } => {
                if *session == 0 {
                    self.sessions.open(txn.session, *timeout_ms, client.clone());
                }
                let timeout_ms = self.sessions.timeout_ms(txn.session).unwrap_or(0);
                Ok(Reply::Connected { session: txn.session, timeout_ms })
            }
            Op::CloseSession => {
                for path in self.tree.ephemerals(txn.session) {
                    // It was just found.
                    let _ = self.tree.write(&Op::Delete { path, version: -1 }, at, &mut told);
                }
                if let Some(client) = self.sessions.close(txn.session)
                    && txn.origin.1 == 0
                    && self.leads()
                {
                    out.emit(Event::SessionExpired { client, session: txn.session });
                }
                Ok(Reply::Done)
            }
            _ if self.sessions.timeout_ms(txn.session).is_none() => Err(ZkError::SessionExpired),
            op => self.tree.write(op, at, &mut told),
        };
        if self.leads() {
            self.sessions.touch(txn.session, out.now());
        }
        for event in told {
            self.fire(event, out);
        }
        if txn.origin.0 == self.id {
            self.done(txn.origin.1, result, out);
        }
        if txn.op == Op::CloseSession
            && let Some((client, _)) = self.clients.iter().find(|(_, id)| *id == txn.session)
        {
            let client = *client;
            self.forget(client);
            out.close(client);
        }
    }

    fn fire(&mut self, event: WatchEvent, out: &mut Out<'_>) {
        let mut left = Vec::new();
        for (client, watched) in std::mem::take(&mut self.watches) {
            match watched == event {
                true => tell(client, watched, out),
                false => left.push((client, watched)),
            }
        }
        self.watches = left;
    }

    /// A write of a client of this server is done: it is answered, and so is what waits behind it.
    fn done(&mut self, request: u64, result: Result<Reply, ZkError>, out: &mut Out<'_>) {
        let at = self.waiting.iter().position(|waiting| waiting.request == Some(request));
        let Some(waiting) = at.and_then(|at| self.waiting.remove(at)) else { return };
        let client = waiting.call.from;
        let is_over = matches!(result, Ok(Reply::Connected { timeout_ms: 0, .. }));
        self.answer(&waiting.call, result, out);
        if is_over {
            return self.forget(client);
        }
        let mut at = 0;
        while at < self.waiting.len() {
            if self.waiting[at].call.from != client {
                at += 1;
                continue;
            }
            if self.waiting[at].request.is_some() {
                break;
            }
            if let Some(next) = self.waiting.remove(at) {
                self.read(&next.call, &next.op, out);
            }
        }
    }
}

fn tell(client: NodeId, event: WatchEvent, out: &mut Out<'_>) {
    let body = Response::ZooKeeper(Box::new(Answer::Watch(event)));
    out.send(client, KafkaMessage::Response { correlation: -1, body }.into());
}
