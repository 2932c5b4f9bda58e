//! Elections: at most one leader in a term, and only one whose log has all that is committed.

use super::member::{Peer, Raft, Role, Waiting};
use super::message::{Body, MemberId};
use crate::sim::{Stream, Time};

impl Raft {
    /// Asks whether it could win the next term. Its owner may call this to have an election now.
    pub fn campaign(&mut self, now: Time, random: &mut Stream) {
        if self.role == Role::Leader {
            return;
        }
        if !self.may_lead() {
            return self.follow(None, now, random);
        }
        self.set_role(Role::PreCandidate);
        self.votes.clear();
        self.await_leader(now, random);
        self.ask_for_votes(true);
        self.got_vote(self.me, self.term + 1, true, now, random);
    }

    fn ask_for_votes(&mut self, is_trial: bool) {
        let (term, last) = (self.term + u64::from(is_trial), self.log.last());
        for other in self.electorate() {
            self.say(other, term, Body::AskVote { is_trial, last });
        }
    }

    pub(super) fn asked_for_vote(
        &mut self,
        from: MemberId,
        term: u64,
        is_trial: bool,
        last: (u64, u64),
        now: Time,
        random: &mut Stream,
    ) {
        let (index, last_term) = self.log.last();
        let is_complete = (last.1, last.0) >= (last_term, index);
        if is_trial {
            let granted = term > self.term && is_complete && !self.has_leader(now);
            // A refusal tells the term that the other one lags behind.
            let term = if granted { term } else { self.term };
            return self.say(from, term, Body::Vote { is_trial, granted });
        }
        let is_free = self.vote.is_none_or(|vote| vote == from);
        let granted = term == self.term && is_complete && is_free && self.role != Role::Leader;
        if granted {
            if self.vote.is_none() {
                self.enter(term, Some(from));
            }
            self.await_leader(now, random);
        }
        self.answer(from, Body::Vote { is_trial, granted });
    }

    pub(super) fn got_vote(
        &mut self,
        from: MemberId,
        term: u64,
        is_trial: bool,
        now: Time,
        random: &mut Stream,
    ) {
        match self.role {
            Role::PreCandidate if is_trial && term == self.term + 1 => {
                self.note_vote(from);
                if self.has_votes() {
                    self.stand(now, random);
                }
            }
            Role::Candidate if !is_trial && term == self.term => self.count_vote(from, now),
            _ => {}
        }
    }

    /// Begins a term. Its own vote counts when it is on disk.
    pub(super) fn stand(&mut self, now: Time, random: &mut Stream) {
        self.votes.clear();
        self.enter(self.term + 1, Some(self.me));
        self.set_role(Role::Candidate);
        self.await_leader(now, random);
        self.when_flushed(Waiting::OwnVote(self.term));
        self.ask_for_votes(false);
    }

    pub(super) fn count_vote(&mut self, from: MemberId, now: Time) {
        self.note_vote(from);
        if self.has_votes() {
            self.lead(now);
        }
    }

    fn note_vote(&mut self, from: MemberId) {
        if !self.votes.contains(&from) {
            self.votes.push(from);
        }
    }

    fn lead(&mut self, now: Time) {
        self.set_role(Role::Leader);
        let next = self.log.last().0 + 1;
        let mut others = self.electorate();
        others.extend(self.learners.iter().copied().filter(|it| !self.is_electing(*it)));
        self.peers = others.into_iter().map(|id| Peer::new(id, next, now)).collect();
        self.own_matched = 0;
        self.await_heartbeat(now);
        let opening = self.opening.take();
        self.add(opening);
    }
}
