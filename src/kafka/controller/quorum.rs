//! The active controller and its quorum: who is active, what is committed, and what each knows.
//!
//! A controller that is elected becomes **active** when the batch with which it began is
//! committed: then it knows everything that ever was. What it decides counts when a majority has
//! it. One that is not elected any more forgets what was not committed, and says so to whoever
//! waits; brokers look for the next one.

use super::active::{Controller, ReplyTo};
use super::voter::{Voter, split_state};
use crate::kafka::event::Event;
use crate::kafka::message::Response;
use crate::kafka::message::response::{QuorumInfo, QuorumReplica};
use crate::kafka::metadata::SnapshotId;
use crate::kafka::now_ms;
use crate::kafka::process::{Out, Timer};
use crate::ordered::Order;
use crate::raft::message::Body;
use crate::raft::{Action, Message, Role};
use crate::sim::{NodeId, Time};

/// Somebody else's copy of the metadata log.
#[derive(Clone, Copy, Debug)]
pub struct Observer {
    /// `node.id`.
    pub id: i32,
    /// How much of the log it has.
    pub offset: i64,
    /// When it last fetched.
    pub fetched_at: Time,
    /// When it last had everything, and the log end at its last fetch.
    pub caught_up: (Time, i64),
}

impl Controller {
    /// Its part in a quorum begins.
    pub fn join(&mut self, mut voter: Box<Voter>, out: &mut Out<'_>) {
        self.is_active = false;
        self.committed = self.snapshots.last().map_or(0, |last| last.id.offset);
        voter.begin(out);
        self.voter = Some(voter);
        self.act(out);
    }

    /// The voter in it; none if it is alone with its broker.
    pub fn voter(&self) -> Option<&Voter> {
        self.voter.as_deref()
    }

    /// True if it is the one that decides.
    pub fn is_active(&self) -> bool {
        self.is_active
    }

    /// Another voter says something.
    pub fn quorum_heard(&mut self, from: NodeId, message: Message, out: &mut Out<'_>) {
        let Some(voter) = &mut self.voter else { return };
        let has_answered = matches!(message.body, Body::Appended { is_same: true, .. });
        voter.hear(from, message, &self.log, out);
        if let Some((id, matched)) = voter.progress_of(from)
            && has_answered
            && self.is_active
        {
            self.observe(id, matched, out.now());
        }
        self.act(out);
    }

    /// Raft's timer is up.
    pub fn quorum_ticked(&mut self, out: &mut Out<'_>) {
        if let Some(voter) = &mut self.voter {
            voter.tick(out);
            self.act(out);
        }
    }

    /// A flush of what was written for the quorum is done.
    pub fn quorum_flushed(&mut self, out: &mut Out<'_>) {
        if let Some(voter) = &mut self.voter
            && voter.flushed(&mut self.log, out)
        {
            self.act(out);
        }
    }

    /// Carries out what Raft asks for.
    pub(super) fn act(&mut self, out: &mut Out<'_>) {
        while let Some(voter) = &mut self.voter {
            // A fetch of a voter that does not know all that is committed is answered at once
            // (4.1, KIP-1166).
            if !self.config.ways.tells_commits_late {
                voter.raft.tell_commit();
            }
            if !voter.raft.has_actions() {
                break;
            }
            for action in voter.raft.take_actions() {
                self.carry_out(action, out);
            }
        }
        if let Some(voter) = &mut self.voter {
            voter.settle(out);
        }
    }

    fn carry_out(&mut self, action: Action, out: &mut Out<'_>) {
        let Some(voter) = &mut self.voter else { return };
        match action {
            Action::Send { to, message } => voter.send(to, message, out),
            Action::SaveVote { write, term, vote } => {
                voter.save_vote((term, vote), out);
                voter.wrote(write);
            }
            Action::Write { write, from, entries } => {
                if voter.holds_back(from, &entries) {
                    return voter.wrote(write);
                }
                voter.write((from, entries), &mut self.log, out);
                voter.wrote(write);
            }
            Action::Commit { index } => self.commit(index, out),
            Action::Role(role) => {
                if role != Role::Leader && self.is_active {
                    self.resign(out);
                }
            }
            Action::Restore { write, last, state } => {
                let Some((offset, bytes)) = split_state(&state) else { return };
                let id = SnapshotId { offset, epoch: last.1 as i32 };
                self.snapshots.give_up(out);
                if self.snapshots.receive(id, bytes, out) {
                    voter.await_snapshot(write);
                }
            }
        }
    }

    fn commit(&mut self, index: u64, out: &mut Out<'_>) {
        let mut end = self.committed;
        while let Some(voter) = &mut self.voter
            && let Some((behind, _)) = voter.next_committed(index, &mut self.snapshots)
        {
            end = behind;
        }
        if self.is_active {
            self.commit_to(end, out);
        } else {
            self.committed = end;
            let Some(voter) = &self.voter else { return };
            let is_own = voter.raft.log().term(index) == Some(voter.raft.term());
            if voter.leads() && is_own {
                self.activate(out);
            }
            self.take_snapshot(out);
        }
    }

    // ---- snapshots ----

    /// Takes one of what is committed, if it is time.
    pub fn take_snapshot(&mut self, out: &mut Out<'_>) {
        match &self.voter {
            Some(voter) => self.snapshots.settle(&voter.committed, out),
            // Who is alone knows nothing else once all is flushed.
            None if self.pending.is_empty() => self.snapshots.settle(&self.image, out),
            None => {}
        }
    }

    /// A snapshot is on the disk: the controller's own, or one that the leader sent.
    pub fn snapshot_flushed(&mut self, id: SnapshotId, out: &mut Out<'_>) {
        let Some(kept) = self.snapshots.flushed(id, out) else { return };
        let image = self.snapshots.image();
        match &mut self.voter {
            Some(voter) if voter.is_installing() => {
                self.log.restart_at(kept.id.offset, now_ms(out.now()), out);
                self.snapshots.installed(out);
                self.committed = kept.id.offset;
                self.image = image.clone();
                voter.install(&kept, image, &mut self.log, out);
            }
            _ => self.snapshots.clean(&mut self.log, self.committed, out),
        }
        if let Some(voter) = &mut self.voter {
            voter.covered(&kept, self.snapshots.latest(), self.log.log_start());
        }
        self.take_snapshot(out);
        self.act(out);
    }

    fn activate(&mut self, out: &mut Out<'_>) {
        let Some(voter) = &self.voter else { return };
        self.image = voter.committed.clone();
        self.is_active = true;
        self.active_epoch = voter.epoch();
        out.emit(Event::ControllerElected { controller: voter.id(), epoch: voter.epoch() });
        self.begin(out);
    }

    /// It does not lead any more: whoever waits has to ask the next one.
    fn resign(&mut self, out: &mut Out<'_>) {
        self.is_active = false;
        let Some(voter) = &self.voter else { return };
        out.emit(Event::ControllerResigned { controller: voter.id(), epoch: self.active_epoch });
        self.image = voter.committed.clone();
        for pending in std::mem::take(&mut self.pending) {
            self.answer(pending.to, Response::NotController(None), out);
        }
        for (fetch, call) in self.take_fetches() {
            out.cancel(Timer::FetchWait(fetch));
            call.answer(Response::NotController(None), out);
        }
        self.sessions.clear();
        self.observers.clear();
        for timer in [Timer::Sessions, Timer::LeaderBalance, Timer::UncleanElection] {
            out.cancel(timer);
        }
    }

    /// It is not the active one: it says who is.
    pub(super) fn refuse(&mut self, to: ReplyTo, out: &mut Out<'_>) {
        let leader = self.voter.as_ref().and_then(|voter| voter.leader_node());
        self.answer(to, Response::NotController(leader), out);
    }

    // ---- what may be seen ----

    /// A broker or a voter is known to have everything before this offset.
    pub(super) fn observe(&mut self, id: i32, offset: i64, now: Time) {
        let end = self.log.log_end();
        let at = self.observers.iter().position(|observer| observer.id == id);
        let at = at.unwrap_or_else(|| {
            let fresh = Observer { id, offset, fetched_at: now, caught_up: (Time::ZERO, 0) };
            self.observers.push(fresh);
            self.observers.len() - 1
        });
        let found = &mut self.observers[at];
        let since = match found.caught_up {
            _ if offset >= end => now,
            // It has what was there when it fetched before.
            (since, before) if before > 0 && offset >= before => since.max(found.fetched_at),
            (since, _) => since,
        };
        *found = Observer { id, offset, fetched_at: now, caught_up: (since, end) };
    }

    /// How far each copy of the log has come.
    pub(super) fn describe_quorum(&self, now: Time) -> QuorumInfo {
        let end = self.log.log_end();
        let voters: Vec<i32> = match &self.voter {
            Some(voter) => voter.voters().iter().map(|(id, _)| *id).collect(),
            None => self.alone.into_iter().collect(),
        };
        let me = self.voter.as_ref().map_or(self.alone.unwrap_or(-1), |voter| voter.id());
        let replica = |id: i32| match self.observers.iter().find(|known| known.id == id) {
            Some(known) => QuorumReplica {
                id,
                log_end: known.offset,
                fetched_at: Some(known.fetched_at),
                caught_up_at: (known.caught_up.0 > Time::ZERO).then_some(known.caught_up.0),
            },
            None if id == me => {
                QuorumReplica { id, log_end: end, fetched_at: Some(now), caught_up_at: Some(now) }
            }
            // It was not heard of since this controller is active.
            None => QuorumReplica { id, log_end: -1, fetched_at: None, caught_up_at: None },
        };
        let brokers = self.observers.iter().map(|known| known.id);
        let mut brokers: Vec<i32> = brokers.filter(|id| !voters.contains(id)).collect();
        brokers.order();
        QuorumInfo {
            leader: me,
            leader_epoch: self.epoch(),
            high_watermark: self.committed(),
            voters: voters.iter().map(|id| replica(*id)).collect(),
            observers: brokers.iter().map(|id| replica(*id)).collect(),
        }
    }
}
