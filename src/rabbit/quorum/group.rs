//! A member of a queue's group in its node: its log, its disk, and who waits for what.
//!
//! A group that is shared by several nodes has its commands from all of them. A node numbers its
//! own; they go to the leader, and again to the next one if they have not come back through the log
//! by then. A command is done once, and in the order of its node. So a node that has a copy of the
//! log hears from its own copy what became of what it wanted, whoever leads.
//!
//! One flush is under way at a time (`disk`); what is written meanwhile waits for the next one. So
//! a busy queue has many messages in each flush.

mod disk;

use super::files::{Files, Origins, frames, segment_file, split_origins};
use crate::rabbit::ids::{ChannelId, PublishId, QueueId};
use crate::rabbit::message::{Frame, Method};
use crate::rabbit::process::Out;
use crate::rabbit::talk::Talk;
use crate::raft::{self, Entry, Log, MemberId, Raft, Reads, Role, Saved, Timing};
use crate::sim::{NodeId, Span, Time};
use bytes::{BufMut, Bytes};
use std::collections::VecDeque;
use std::rc::Rc;

/// Ra's orders of magnitude: who knows no leader asks for votes after 500 ms to 1 s. A group of one
/// needs no timers.
const TIMING: Timing = Timing { election: Span::millis(500), heartbeat: Span::millis(1_000) };

/// A leader that is silent is believed in for so long, and up to as long again: the failure
/// detector (`aten`) looks every 5 s. A node that dies is noticed at once.
const BELIEF: Span = Span::seconds(5);

/// Before a command of a cluster: the node that wants it, the instant at which the life of that
/// node began, and the number of the command in that life.
pub const ORIGIN_BYTES: usize = 4 + 8 + 8;

/// What waits for a command.
#[derive(Clone, Copy, Debug)]
pub enum Awaited {
    /// The confirm of a publish.
    Confirm(PublishId),
    /// Nobody: a message of a channel that wants no confirm.
    Sent(ChannelId),
    /// The answer to a question on a channel.
    Answer(ChannelId),
    /// The answer to who has declared the queue.
    Declared(ChannelId),
    /// A consumer of a channel is registered again, which was there before.
    Again(ChannelId),
    /// Something of the node itself.
    Own,
}

impl Awaited {
    /// The channel that it is of.
    pub fn channel(&self) -> Option<ChannelId> {
        match self {
            Awaited::Confirm(publish) => Some(publish.channel),
            Awaited::Sent(channel)
            | Awaited::Answer(channel)
            | Awaited::Declared(channel)
            | Awaited::Again(channel) => Some(*channel),
            Awaited::Own => None,
        }
    }

    fn is_of(&self, channel: ChannelId) -> bool {
        self.channel() == Some(channel)
    }
}

/// A command that this node wants, until it has come back through the log.
#[derive(Clone, Debug)]
struct Pending {
    number: u64,
    bytes: Bytes,
    awaited: Option<Awaited>,
    /// When it was given.
    at: Time,
}

/// What was committed, and is to be applied.
#[derive(Debug)]
pub struct Committed {
    /// Its place in the log.
    pub index: u64,
    /// The command.
    pub command: Bytes,
    /// Who waits for it.
    pub awaited: Option<Awaited>,
}

/// A member.
#[derive(Clone, Debug)]
pub struct Group {
    raft: Raft,
    /// Several nodes have the log.
    is_shared: bool,
    /// Where this life of the node began.
    life: u64,
    pending: VecDeque<Pending>,
    pending_made: u64,
    origins: Origins,
    /// The leader and the term for which what is pending was last sent.
    sent_to: Option<(MemberId, u64)>,
    /// When the timer will be up.
    timer_at: Time,
    /// The state of another member, which takes the place of what is there.
    pub restored: Option<Bytes>,
    /// True if it has become leader, and its owner has not seen to that.
    pub has_won: bool,
    /// True if it leads and has told what is there.
    pub is_announced: bool,
    /// Where in the log its members stand; 0 for those that it began with.
    pub members_at: u64,
    /// As the leader, of who has no vote yet: the term, and what is to be in its log before it has.
    promotions: Vec<(NodeId, u64, u64)>,
    /// A member is being promoted: where the members stood before.
    promoting: Option<u64>,
    directory: Rc<str>,
    /// The first index of each segment of the log; the last is being written.
    segments: VecDeque<u64>,
    /// Up to this index commands are applied.
    applied: u64,
    /// True until the log has what this node says of clients that are gone, as it began anew.
    pub says_farewell: bool,
    /// True while what is applied is of an earlier life: nobody waits for what it does.
    pub is_replaying: bool,
    awaited: VecDeque<(u64, Awaited)>,
    /// Commands that wait for a leader.
    early: VecDeque<(Bytes, Option<Awaited>)>,
    /// What has something to be flushed, and the last write that is in it.
    is_vote_unflushed: bool,
    is_snapshot_unflushed: bool,
    unflushed: Vec<u64>,
    written: u64,
    /// Flushes under way, and the write that is safe when they are done.
    flushes: u8,
    flushing: u64,
    /// True while more is to come before the next flush begins.
    gathers: bool,
    /// The instant of the command that is applied.
    pub time: Time,
}

impl Group {
    /// The group of a queue, with what it had on disk. It is to be started.
    pub fn new(directory: &str, members: &[NodeId], files: Files, out: &mut Out<'_>) -> Group {
        let directory: Rc<str> = directory.into();
        let (base, mut snapshot) = files.snapshot.unwrap_or_default();
        let is_shared = !members.is_empty();
        let mut origins = Origins::new();
        if is_shared {
            (origins, snapshot) = split_origins(&snapshot);
        }
        let mut entries: VecDeque<Entry> = VecDeque::new();
        let mut segments = VecDeque::new();
        for (first, bytes) in files.segments {
            let (frames, sound) = frames(&bytes.bytes());
            if sound < bytes.len() {
                out.truncate(&segment_file(&directory, first), sound as u64);
            }
            segments.push_back(first);
            for (index, entry) in frames.into_iter().filter(|(index, _)| *index > base.0) {
                entries.truncate((index - base.0 - 1) as usize);
                entries.push_back(entry);
            }
        }
        let me = MemberId(if is_shared { out.me().0 } else { 0 });
        let alone = [me];
        let members: Vec<MemberId> = members.iter().map(|node| MemberId(node.0)).collect();
        let members = if is_shared { &members[..] } else { &alone[..] };
        let log = Log::restored(base, snapshot, entries);
        let old = log.last().0;
        if segments.is_empty() {
            segments.push_back(old + 1);
        }
        let saved = Saved { term: files.term, vote: files.vote.map(MemberId), log };
        let mut raft = Raft::new(me, members, TIMING, saved);
        raft.believe_for(BELIEF);
        Group {
            raft,
            is_shared,
            life: out.now().micros(),
            pending: VecDeque::new(),
            pending_made: 0,
            origins,
            sent_to: None,
            timer_at: Time::NEVER,
            restored: None,
            has_won: false,
            is_announced: false,
            members_at: 0,
            promotions: Vec::new(),
            promoting: None,
            directory,
            segments,
            applied: base.0,
            says_farewell: false,
            is_replaying: false,
            awaited: VecDeque::new(),
            early: VecDeque::new(),
            is_vote_unflushed: false,
            is_snapshot_unflushed: false,
            unflushed: Vec::new(),
            written: 0,
            flushes: 0,
            flushing: 0,
            gathers: false,
            time: Time::ZERO,
        }
    }

    /// Its life begins.
    pub fn begin(&mut self, queue: QueueId, out: &mut Out<'_>) {
        let now = out.now();
        self.raft.begin(now, out.random());
        self.act(queue, out);
    }

    // ---- what may be seen ----

    /// The snapshot that its state begins from.
    pub fn snapshot(&self) -> Bytes {
        match self.is_shared {
            true => split_origins(self.raft.log().snapshot()).1,
            false => self.raft.log().snapshot().clone(),
        }
    }

    /// Leaves out that a majority has to have what is committed.
    pub fn commit_alone(&mut self) {
        self.raft.commit_alone();
    }

    /// The member itself.
    pub fn raft(&self) -> &Raft {
        &self.raft
    }

    /// True if it leads.
    pub fn leads(&self) -> bool {
        self.raft.role() == Role::Leader
    }

    /// The commands that are in its log, be they committed or not.
    pub fn commands(&self) -> impl Iterator<Item = Bytes> {
        let log = self.raft.log();
        let entries = log.from(log.base().0 + 1, usize::MAX).into_iter();
        entries.filter_map(|entry| Some(entry.command?.slice(ORIGIN_BYTES..)))
    }

    /// The node that leads, as far as it knows.
    pub fn leader(&self) -> Option<NodeId> {
        self.raft.leader().map(|member| NodeId(member.0))
    }

    /// The term of Raft.
    pub fn term(&self) -> u64 {
        self.raft.term()
    }

    /// The nodes that have a vote.
    pub fn members(&self) -> Vec<NodeId> {
        self.raft.voters().map(|member| NodeId(member.0)).collect()
    }

    /// Up to this place in the log all is applied.
    pub fn applied(&self) -> u64 {
        self.applied
    }

    /// True if it knows a leader, and has applied something that this leader has written: so
    /// nothing is missing that was committed before.
    pub fn is_current(&self) -> bool {
        let term = self.raft.log().term(self.applied);
        self.raft.leader().is_some() && term == Some(self.raft.term())
    }

    /// The oldest command that has waited for this long: who waits for an answer to it.
    pub fn overdue(&self, now: Time, limit: Span) -> Option<(ChannelId, Bytes)> {
        let late = self.pending.iter().filter(|pending| now.since(pending.at) >= limit);
        late.filter_map(|pending| match pending.awaited {
            Some(Awaited::Answer(channel) | Awaited::Declared(channel)) => {
                Some((channel, pending.bytes.slice(ORIGIN_BYTES..)))
            }
            _ => None,
        })
        .next()
    }

    /// True if it leads and has applied all that it has.
    pub fn is_settled(&self) -> bool {
        self.raft.role() == Role::Leader
            && self.applied == self.raft.log().last().0
            && self.early.is_empty()
    }

    /// True if somebody of this channel waits for something.
    pub fn awaits(&self, channel: ChannelId) -> bool {
        self.waiting().any(|awaited| awaited.is_of(channel))
    }

    /// The channels that wait for an answer.
    pub fn asking(&self) -> Vec<ChannelId> {
        let channels = self.waiting().filter_map(|awaited| match awaited {
            Awaited::Answer(channel) => Some(*channel),
            _ => None,
        });
        channels.collect()
    }

    fn waiting(&self) -> impl Iterator<Item = &Awaited> {
        let early = self.early.iter().filter_map(|(_, awaited)| awaited.as_ref());
        let pending = self.pending.iter().filter_map(|pending| pending.awaited.as_ref());
        self.awaited.iter().map(|(_, awaited)| awaited).chain(early).chain(pending)
    }

    /// Channels are gone: nothing is answered to them.
    pub fn forget(&mut self, channels: &[ChannelId]) {
        let stays = |awaited: &Awaited| awaited.channel().is_none_or(|it| !channels.contains(&it));
        self.awaited.retain(|(_, awaited)| stays(awaited));
        for (_, awaited) in &mut self.early {
            *awaited = awaited.filter(stays);
        }
        for pending in &mut self.pending {
            pending.awaited = pending.awaited.filter(stays);
        }
    }

    // ---- commands ----

    /// Puts a command into the log.
    pub fn submit(
        &mut self,
        queue: QueueId,
        command: Bytes,
        awaited: Option<Awaited>,
        out: &mut Out<'_>,
    ) {
        if self.is_shared {
            self.pending_made += 1;
            let number = self.pending_made;
            let mut bytes = Vec::with_capacity(ORIGIN_BYTES + command.len());
            bytes.put_u32(out.me().0);
            bytes.put_u64(self.life);
            bytes.put_u64(number);
            bytes.extend_from_slice(&command);
            let bytes: Bytes = bytes.into();
            self.pending.push_back(Pending {
                number,
                bytes: bytes.clone(),
                awaited,
                at: out.now(),
            });
            self.hand_on(queue, bytes, out);
            return self.act(queue, out);
        }
        match self.raft.propose(command.clone()) {
            Some(index) => {
                self.awaited.extend(awaited.map(|awaited| (index, awaited)));
                self.act(queue, out);
            }
            None => self.early.push_back((command, awaited)),
        }
    }

    /// A command goes to the leader; without one it waits until there is one.
    fn hand_on(&mut self, queue: QueueId, bytes: Bytes, out: &mut Out<'_>) {
        let Some(leader) = self.raft.leader() else { return };
        if leader == self.raft.me() {
            self.raft.propose(bytes);
        } else {
            tell(NodeId(leader.0), Talk::Propose(queue, bytes), out);
        }
    }

    /// Commands of another node, for the leader. Who does not lead forgets them: they come again.
    pub fn proposed(&mut self, queue: QueueId, bytes: Bytes, out: &mut Out<'_>) {
        if self.raft.propose(bytes).is_some() {
            self.act(queue, out);
        }
    }

    /// What is pending goes to the leader (again), if there is one.
    pub fn hand_on_all(&mut self, queue: QueueId, out: &mut Out<'_>) {
        let all: Vec<Bytes> = self.pending.iter().map(|pending| pending.bytes.clone()).collect();
        for bytes in all {
            self.hand_on(queue, bytes, out);
        }
        self.act(queue, out);
    }

    /// The next command that is committed and not applied, and who waits for it.
    pub fn take_committed(&mut self) -> Option<Committed> {
        while self.applied < self.raft.committed() {
            self.applied += 1;
            let index = self.applied;
            let Some(Entry { command: Some(command), .. }) = self.raft.log().get(index) else {
                continue;
            };
            let command = command.clone();
            if self.is_shared {
                let Some(awaited) = self.comes_back(&command) else { continue };
                let command = command.slice(ORIGIN_BYTES..);
                return Some(Committed { index, command, awaited });
            }
            let awaited = self.awaited.front().filter(|(at, _)| *at == index);
            let awaited = awaited.map(|(_, awaited)| *awaited);
            if awaited.is_some() {
                self.awaited.pop_front();
            }
            return Some(Committed { index, command, awaited });
        }
        None
    }

    /// A command of some node is committed: `None` if it is not the next one of that node, as it
    /// was sent twice or another before it was lost; else who waits for it here.
    fn comes_back(&mut self, command: &Bytes) -> Option<Option<Awaited>> {
        let number = |from: usize, to: usize| {
            let bytes = command.get(from..to).unwrap_or_default();
            bytes.iter().fold(0, |sum: u64, byte| sum << 8 | u64::from(*byte))
        };
        let (origin, life, count) = (number(0, 4) as u32, number(4, 12), number(12, 20));
        let last = self.origins.get(&origin).copied().unwrap_or_default();
        let is_next =
            if last.0 == life { count == last.1 + 1 } else { life > last.0 && count == 1 };
        if !is_next {
            return None;
        }
        self.origins.insert(origin, (life, count));
        let is_mine = origin == self.raft.me().0 && life == self.life;
        if !is_mine {
            return Some(None);
        }
        // It is the first one, unless a snapshot had those before it.
        let place = self.pending.iter().position(|pending| pending.number == count);
        Some(place.and_then(|place| self.pending.remove(place)).and_then(|it| it.awaited))
    }

    // ---- the other members ----

    /// Another member says something.
    pub fn receive(
        &mut self,
        queue: QueueId,
        from: NodeId,
        message: raft::Message,
        out: &mut Out<'_>,
    ) {
        let now = out.now();
        self.raft.receive(MemberId(from.0), message, now, out.random());
        self.act(queue, out);
    }

    /// Its timer is up.
    pub fn tick(&mut self, queue: QueueId, out: &mut Out<'_>) {
        self.timer_at = Time::NEVER;
        let now = out.now();
        self.raft.tick(now, out.random());
        self.act(queue, out);
    }

    /// A node is down.
    pub fn node_gone(&mut self, queue: QueueId, node: NodeId, out: &mut Out<'_>) {
        let now = out.now();
        self.raft.gone(MemberId(node.0), now, out.random());
        self.act(queue, out);
    }

    /// A node without a member has the log too, so that it can serve its own clients.
    pub fn teach(&mut self, queue: QueueId, node: NodeId, out: &mut Out<'_>) {
        if self.is_shared {
            self.raft.teach(MemberId(node.0), out.now());
            self.act(queue, out);
        }
    }

    /// Its members are these from this place in the log on, if they are not newer ones already.
    pub fn set_members(&mut self, queue: QueueId, at: u64, members: &[NodeId], out: &mut Out<'_>) {
        if at > self.members_at {
            self.members_at = at;
            let members: Vec<MemberId> = members.iter().map(|node| MemberId(node.0)).collect();
            let now = out.now();
            self.raft.set_members(at, &members, now, out.random());
            self.act(queue, out);
        }
    }

    /// So are commands read that change who has a vote; those up to where its members stand are
    /// done.
    pub fn read_changes(&mut self, reads: Reads) {
        if self.is_shared {
            self.raft.read_changes(reads, self.members_at);
        }
    }

    /// As the leader: which of these, who have the log and no vote, has caught up with what was
    /// there when this leader saw it first. It is named once, until the members are others.
    pub fn to_promote(&mut self, learners: impl Iterator<Item = NodeId>) -> Option<NodeId> {
        if !self.leads() || !self.is_current() || self.promoting == Some(self.members_at) {
            return None;
        }
        let (term, last) = (self.raft.term(), self.raft.log().last().0);
        self.promotions.retain(|(_, of, _)| *of == term);
        for node in learners {
            let known = self.promotions.iter().find(|(it, ..)| *it == node).map(|it| it.2);
            let target = known.unwrap_or(last);
            if known.is_none() {
                self.promotions.push((node, term, target));
            }
            let mut progress = self.raft.progress();
            let has = progress.find(|(it, ..)| it.0 == node.0).map_or(0, |(_, matched, _)| matched);
            if has >= target && self.raft.voters().all(|it| it.0 != node.0) {
                self.promoting = Some(self.members_at);
                return Some(node);
            }
        }
        None
    }

    /// As the leader it has another node lead.
    pub fn transfer(&mut self, queue: QueueId, to: NodeId, out: &mut Out<'_>) {
        self.raft.transfer(MemberId(to.0));
        self.act(queue, out);
    }

    /// It asks to be elected.
    pub fn campaign(&mut self, queue: QueueId, out: &mut Out<'_>) {
        let now = out.now();
        self.raft.campaign(now, out.random());
        self.act(queue, out);
    }

    /// How many entries the log has that are applied.
    pub fn log_entries(&self) -> u64 {
        self.applied - self.raft.log().base().0
    }
}

/// Says something to another node.
pub fn tell(node: NodeId, talk: Talk, out: &mut Out<'_>) {
    out.send(node, Frame { channel: 0, method: Method::Between(Rc::new(talk)) });
}
