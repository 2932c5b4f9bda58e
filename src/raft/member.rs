//! A member of a group: its role, its timers, what waits for its disk.

use super::log::Log;
use super::membership::Reads;
use super::message::{Action, Body, Entry, MemberId, Message};
use crate::sim::{Span, Stream, Time};
use bytes::Bytes;
use std::collections::VecDeque;
use std::rc::Rc;

/// What a member does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It follows this leader, if it knows one.
    Follower(Option<MemberId>),
    /// It asks whether it could win an election.
    PreCandidate,
    /// It asks for votes.
    Candidate,
    /// It leads.
    Leader,
}

/// How long members wait.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// A follower that has not heard from a leader for so long, and up to as long again, asks to be
    /// elected.
    pub election: Span,
    /// A leader says so often that it lives.
    pub heartbeat: Span,
}

/// What a member had on disk.
#[derive(Clone, Debug, Default)]
pub struct Saved {
    /// The term that it was in.
    pub term: u64,
    /// Its vote in that term.
    pub vote: Option<MemberId>,
    /// Its log.
    pub log: Log,
}

/// What a leader knows of another member.
#[derive(Clone, Debug)]
pub(super) struct Peer {
    pub(super) id: MemberId,
    /// The next entry that it is sent.
    pub(super) next: u64,
    /// It has everything up to here on disk.
    pub(super) matched: u64,
    /// When it last answered.
    pub(super) heard: Time,
    /// True while it has not answered the last `Append`.
    pub(super) is_asked: bool,
    /// It was told that all up to here is committed.
    pub(super) told: u64,
}

impl Peer {
    /// One that has not answered yet.
    pub(super) fn new(id: MemberId, next: u64, now: Time) -> Peer {
        Peer { id, next, matched: 0, heard: now, is_asked: false, told: 0 }
    }
}

/// What waits until something is flushed.
#[derive(Clone, Debug)]
pub(super) enum Waiting {
    Send(MemberId, Message),
    /// The member's own vote in a term.
    OwnVote(u64),
    /// As the leader of a term, its own copy of the log up to an index.
    OwnCopy(u64, u64),
}

/// A member of a group.
#[derive(Clone, Debug)]
pub struct Raft {
    pub(super) me: MemberId,
    /// The others.
    pub(super) others: Rc<[MemberId]>,
    /// Who is sent the log and has no vote.
    pub(super) learners: Vec<MemberId>,
    /// True if it has no vote itself.
    pub(super) is_learner: bool,
    /// So many members decide.
    pub(super) majority: usize,
    /// How an entry that changes who has a vote is told from others.
    pub(super) reads: Option<Reads>,
    /// Where the entry stands that made its members; 0 for those that it began with.
    pub(super) members_at: u64,
    /// Such entries that its owner has not done yet: index, and who has a vote then.
    pub(super) changes: Vec<(u64, Vec<MemberId>)>,
    /// As leader it commits what so many have: the majority.
    pub(super) copies: usize,
    timing: Timing,
    /// So long a follower believes in a leader that is silent, and up to as long again.
    belief: Span,
    pub(super) term: u64,
    pub(super) vote: Option<MemberId>,
    pub(super) role: Role,
    pub(super) log: Log,
    pub(super) commit: u64,
    /// Who has given its vote, or would.
    pub(super) votes: Vec<MemberId>,
    pub(super) peers: Vec<Peer>,
    /// As leader, its own copy is flushed up to here.
    pub(super) own_matched: u64,
    /// What its first entry as a leader holds.
    pub(super) opening: Option<Bytes>,
    pub(super) leader_heard: Time,
    wake: Time,
    writes: u64,
    flushed: u64,
    waiting: VecDeque<(u64, Waiting)>,
    pub(super) actions: Vec<Action>,
}

impl Raft {
    /// A member with what it had on disk, as a follower. The first call should be [`Raft::begin`].
    pub fn new(me: MemberId, members: &[MemberId], timing: Timing, saved: Saved) -> Raft {
        Raft {
            me,
            others: members.iter().copied().filter(|member| *member != me).collect(),
            learners: Vec::new(),
            is_learner: !members.contains(&me),
            majority: members.len() / 2 + 1,
            copies: members.len() / 2 + 1,
            reads: None,
            members_at: 0,
            changes: Vec::new(),
            belief: timing.election,
            timing,
            term: saved.term,
            vote: saved.vote,
            role: Role::Follower(None),
            commit: saved.log.base().0,
            log: saved.log,
            votes: Vec::new(),
            peers: Vec::new(),
            own_matched: 0,
            opening: None,
            leader_heard: Time::ZERO,
            wake: Time::NEVER,
            writes: 0,
            flushed: 0,
            waiting: VecDeque::new(),
            actions: Vec::new(),
        }
    }

    /// Its life begins. Who is alone need not wait for a leader.
    pub fn begin(&mut self, now: Time, random: &mut Stream) {
        self.await_leader(now, random);
        if self.others.is_empty() {
            self.campaign(now, random);
        }
    }

    /// Somebody who has no vote is to have the log too.
    pub fn teach(&mut self, learner: MemberId, now: Time) {
        if self.others.contains(&learner) || self.learners.contains(&learner) || learner == self.me
        {
            return;
        }
        self.learners.push(learner);
        if self.role == Role::Leader {
            let peer = Peer::new(learner, self.log.last().0 + 1, now);
            self.peers.push(peer);
            self.send_to(self.peers.len() - 1);
        }
    }

    /// Lets followers believe in a silent leader for longer than who knows none waits: whoever
    /// owns them hears otherwise when a member dies ([`Raft::gone`]).
    pub fn believe_for(&mut self, belief: Span) {
        self.belief = belief;
    }

    /// Lets a leader commit what it has alone: wrong, and there to be seen to be wrong.
    pub fn commit_alone(&mut self) {
        self.copies = 1;
    }

    // ---- what may be seen ----

    /// Its own id.
    pub fn me(&self) -> MemberId {
        self.me
    }

    /// The members that have a vote.
    pub fn voters(&self) -> impl Iterator<Item = MemberId> {
        let me = std::iter::once(self.me).filter(|_| !self.is_learner);
        me.chain(self.others.iter().copied())
    }

    /// All members.
    pub fn members(&self) -> impl Iterator<Item = MemberId> {
        std::iter::once(self.me).chain(self.others.iter().copied())
    }

    /// The term it is in: the leader epoch.
    pub fn term(&self) -> u64 {
        self.term
    }

    /// What it does.
    pub fn role(&self) -> Role {
        self.role
    }

    /// Who leads, as far as it knows.
    pub fn leader(&self) -> Option<MemberId> {
        match self.role {
            Role::Leader => Some(self.me),
            Role::Follower(leader) => leader,
            _ => None,
        }
    }

    /// Its log.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// Up to this index all is committed.
    pub fn committed(&self) -> u64 {
        self.commit
    }

    /// As a leader: of each other member the last entry that it is known to have on disk, and when
    /// it last answered.
    pub fn progress(&self) -> impl Iterator<Item = (MemberId, u64, Time)> {
        self.peers.iter().map(|peer| (peer.id, peer.matched, peer.heard))
    }

    /// Who has given its vote, or would, in the election that is under way.
    pub fn votes(&self) -> &[MemberId] {
        &self.votes
    }

    /// When [`Raft::tick`] is due.
    pub fn wake(&self) -> Time {
        self.wake
    }

    /// True if the owner has something to do.
    pub fn has_actions(&self) -> bool {
        !self.actions.is_empty()
    }

    /// What the owner has to do, in this order.
    pub fn take_actions(&mut self) -> Vec<Action> {
        std::mem::take(&mut self.actions)
    }

    // ---- what happens ----

    /// Its timer is up.
    pub fn tick(&mut self, now: Time, random: &mut Stream) {
        if now < self.wake {
            return;
        }
        if self.role != Role::Leader {
            return self.campaign(now, random);
        }
        let limit = self.belief * 2;
        let voters = self.peers.iter().filter(|peer| self.others.contains(&peer.id));
        let heard = voters.filter(|peer| now.since(peer.heard) < limit).count();
        if heard + 1 < self.majority {
            // Others may have another leader by now: whoever waits here would wait in vain.
            return self.follow(None, now, random);
        }
        self.say_alive(now);
    }

    /// Another member says something.
    pub fn receive(&mut self, from: MemberId, message: Message, now: Time, random: &mut Stream) {
        let Message { term, body } = message;
        let is_trial = matches!(
            body,
            Body::AskVote { is_trial: true, .. } | Body::Vote { is_trial: true, granted: true }
        );
        if term > self.term && !is_trial {
            let leader = matches!(body, Body::Append { .. } | Body::Snapshot { .. });
            self.enter(term, None);
            self.follow(leader.then_some(from), now, random);
        }
        match body {
            Body::AskVote { is_trial, last } => {
                self.asked_for_vote(from, term, is_trial, last, now, random);
            }
            Body::Vote { is_trial, granted } => {
                if granted {
                    self.got_vote(from, term, is_trial, now, random);
                }
            }
            _ if term < self.term => {
                // A leader of the past learns that it is one.
                if matches!(body, Body::Append { .. } | Body::Snapshot { .. }) {
                    self.answer(from, Body::Appended { index: 0, is_same: false });
                }
            }
            Body::Append { before, entries, commit } => {
                self.heard_leader(from, now, random);
                self.append(from, before, entries, commit);
            }
            Body::Snapshot { last, state } => {
                self.heard_leader(from, now, random);
                self.install(from, last, state);
            }
            Body::Stand => self.asked_to_stand(from, now, random),
            Body::Appended { index, is_same } => self.appended(from, index, is_same, now),
        }
    }

    /// Its owner knows that a member is gone: a follower of it does not believe in it any more.
    pub fn gone(&mut self, member: MemberId, now: Time, random: &mut Stream) {
        if self.role == Role::Follower(Some(member)) {
            self.follow(None, now, random);
        }
    }

    /// All writes up to this number are safe from a power cut.
    pub fn flushed(&mut self, write: u64, now: Time) {
        self.flushed = self.flushed.max(write);
        while let Some((needed, _)) = self.waiting.front()
            && *needed <= self.flushed
            && let Some((_, waiting)) = self.waiting.pop_front()
        {
            match waiting {
                // What was promised in a term that is over does not count.
                Waiting::Send(to, message) if message.term == self.term => {
                    self.actions.push(Action::Send { to, message });
                }
                Waiting::OwnVote(term) if term == self.term && self.role == Role::Candidate => {
                    self.count_vote(self.me, now);
                }
                Waiting::OwnCopy(term, index) if term == self.term => {
                    self.own_matched = self.own_matched.max(index);
                    self.advance_commit();
                }
                _ => {}
            }
        }
    }

    /// A command is to be put into the log: returns its index, or `None` if this is not the leader.
    /// It is committed when [`Action::Commit`] reaches it, unless another leader comes before.
    pub fn propose(&mut self, command: Bytes) -> Option<u64> {
        if self.role != Role::Leader {
            return None;
        }
        Some(self.add(Some(command)))
    }

    /// Should it be elected, its first entry holds this in the place of nothing.
    pub fn open_with(&mut self, command: Bytes) {
        self.opening = Some(command);
    }

    /// The owner has made a snapshot of its state after this index, and has it on disk.
    pub fn compact(&mut self, index: u64, snapshot: Bytes) {
        self.log.compact(index.min(self.commit), snapshot);
    }

    /// The same, and what the snapshot covers stays until [`Raft::forget`]: who lags a little is
    /// sent entries, who has nothing the snapshot.
    pub fn cover(&mut self, index: u64, snapshot: Bytes) {
        self.log.cover(index, snapshot);
    }

    /// Entries up to an index, which the snapshot covers, are gone from the disk.
    pub fn forget(&mut self, index: u64) {
        self.log.forget(index);
    }

    // ---- roles and terms ----

    /// Enters a term, with the vote in it.
    pub(super) fn enter(&mut self, term: u64, vote: Option<MemberId>) {
        self.term = term;
        self.vote = vote;
        let write = self.next_write();
        self.actions.push(Action::SaveVote { write, term, vote });
    }

    pub(super) fn next_write(&mut self) -> u64 {
        self.writes += 1;
        self.writes
    }

    pub(super) fn set_role(&mut self, role: Role) {
        if self.role != role {
            self.role = role;
            self.actions.push(Action::Role(role));
        }
    }

    pub(super) fn follow(&mut self, leader: Option<MemberId>, now: Time, random: &mut Stream) {
        self.set_role(Role::Follower(leader));
        self.peers.clear();
        self.await_leader(now, random);
    }

    /// Sets the timer after which it does not believe in a leader any more.
    pub(super) fn await_leader(&mut self, now: Time, random: &mut Stream) {
        let patience = match self.role {
            Role::Follower(Some(_)) => self.belief,
            _ => self.timing.election,
        };
        self.wake = now + patience + random.span_up_to(patience);
    }

    pub(super) fn await_heartbeat(&mut self, now: Time) {
        let is_alone = self.others.is_empty() && self.learners.is_empty();
        self.wake = if is_alone { Time::NEVER } else { now + self.timing.heartbeat };
    }

    fn heard_leader(&mut self, from: MemberId, now: Time, random: &mut Stream) {
        self.leader_heard = now;
        self.follow(Some(from), now, random);
    }

    /// True if a leader was heard of so lately that nobody should ask for votes.
    pub(super) fn has_leader(&self, now: Time) -> bool {
        match self.role {
            Role::Leader => true,
            Role::Follower(Some(_)) => now.since(self.leader_heard) < self.belief,
            _ => false,
        }
    }

    /// Says something to another member.
    pub(super) fn say(&mut self, to: MemberId, term: u64, body: Body) {
        self.actions.push(Action::Send { to, message: Message { term, body } });
    }

    /// Says something that must not be said before all that was written is safe.
    pub(super) fn answer(&mut self, to: MemberId, body: Body) {
        let message = Message { term: self.term, body };
        self.when_flushed(Waiting::Send(to, message));
    }

    pub(super) fn when_flushed(&mut self, waiting: Waiting) {
        match waiting {
            Waiting::Send(to, message) if self.flushed >= self.writes => {
                self.actions.push(Action::Send { to, message });
            }
            waiting => self.waiting.push_back((self.writes, waiting)),
        }
    }

    /// Puts an entry behind its own log, as the leader.
    pub(super) fn add(&mut self, command: Option<Bytes>) -> u64 {
        let from = self.log.last().0 + 1;
        let entries = vec![Entry { term: self.term, command }];
        self.write_entries(from, entries);
        self.when_flushed(Waiting::OwnCopy(self.term, from));
        self.send_entries();
        from
    }

    pub(super) fn write_entries(&mut self, from: u64, entries: Vec<Entry>) {
        self.log.put(from, &entries);
        self.note_changes(from, &entries);
        let write = self.next_write();
        self.actions.push(Action::Write { write, from, entries });
    }

    pub(super) fn commit_to(&mut self, index: u64) {
        if index > self.commit {
            self.commit = index;
            self.actions.push(Action::Commit { index });
        }
    }
}
