//! Entries travel from the leader to the others, and what a majority has is committed.
//!
//! A leader commits an entry of its **own term** when a majority has it; what lies before is
//! committed with it. An entry of an earlier term is never committed by counting alone.

use super::member::{Peer, Raft, Role};
use super::message::{Action, Body, Entry, MemberId};
use crate::ordered::Order;
use crate::sim::Time;
use bytes::Bytes;

/// At most so many entries travel together.
const ENTRIES_MAX: usize = 128;

impl Raft {
    /// Sends every member what it does not have, if it has answered what it was sent before.
    pub(super) fn send_entries(&mut self) {
        for at in 0..self.peers.len() {
            let peer = &self.peers[at];
            if !peer.is_asked && peer.next <= self.log.last().0 {
                self.send_to(at);
            }
        }
    }

    /// The leader's timer: everybody hears of it, and gets anew what it has not answered.
    pub(super) fn say_alive(&mut self, now: Time) {
        for at in 0..self.peers.len() {
            self.send_to(at);
        }
        self.await_heartbeat(now);
    }

    /// Tells every member at once what is committed, where it would hear of it with the next entry
    /// or the next sign of life.
    pub fn tell_commit(&mut self) {
        for at in 0..self.peers.len() {
            let peer = &self.peers[at];
            if !peer.is_asked && peer.told < self.commit {
                self.send_to(at);
            }
        }
    }

    pub(super) fn send_to(&mut self, at: usize) {
        let peer = &mut self.peers[at];
        peer.is_asked = true;
        peer.told = self.commit;
        let Peer { id, next, .. } = *peer;
        let before = next - 1;
        // Who has nothing is sent the snapshot, if there is one.
        let begins = before == 0 && self.log.covered().0 > 0;
        let body = match self.log.term(before).filter(|_| !begins) {
            Some(term) => {
                let entries = self.log.from(next, ENTRIES_MAX);
                Body::Append { before: (before, term), entries, commit: self.commit }
            }
            None => {
                let last = self.log.covered();
                Body::Snapshot { last, state: self.log.snapshot().clone() }
            }
        };
        self.say(id, self.term, body);
    }

    /// A leader sent entries.
    pub(super) fn append(
        &mut self,
        from: MemberId,
        before: (u64, u64),
        mut entries: Vec<Entry>,
        commit: u64,
    ) {
        let (mut index, term) = before;
        let end = index + entries.len() as u64;
        let base = self.log.base().0;
        if index < base {
            // What is in the snapshot is committed, and so the same.
            entries.drain(..entries.len().min((base - index) as usize));
            index = base;
        } else if self.log.term(index) != Some(term) {
            let index = self.where_to_try(index);
            return self.answer(from, Body::Appended { index, is_same: false });
        }
        let same = (index + 1..).zip(&entries);
        let same = same.take_while(|(at, entry)| self.log.term(*at) == Some(entry.term)).count();
        let fresh = entries.split_off(same);
        if !fresh.is_empty() {
            self.write_entries(index + 1 + same as u64, fresh);
        }
        self.commit_to(commit.min(end));
        self.answer(from, Body::Appended { index: end, is_same: true });
    }

    /// The entry of this index does not match: before the whole term that it is of, or at the end.
    fn where_to_try(&self, index: u64) -> u64 {
        let last = self.log.last().0;
        let Some(term) = self.log.term(index) else { return last };
        let mut try_at = index - 1;
        while try_at > self.commit && self.log.term(try_at) == Some(term) {
            try_at -= 1;
        }
        try_at
    }

    /// A leader sent its snapshot.
    pub(super) fn install(&mut self, from: MemberId, last: (u64, u64), state: Bytes) {
        if last.0 > self.commit {
            self.log.restore(last, state.clone());
            let end = self.log.last().0;
            self.changes.retain(|(at, _)| (last.0 + 1..=end).contains(at));
            self.commit = last.0;
            let write = self.next_write();
            self.actions.push(Action::Restore { write, last, state });
            // What follows from it was promised to be kept.
            let entries = self.log.from(last.0 + 1, usize::MAX);
            if !entries.is_empty() {
                let write = self.next_write();
                self.actions.push(Action::Write { write, from: last.0 + 1, entries });
            }
        }
        self.answer(from, Body::Appended { index: self.commit.max(last.0), is_same: true });
    }

    /// A member answered what it was sent.
    pub(super) fn appended(&mut self, from: MemberId, index: u64, is_same: bool, now: Time) {
        if self.role != Role::Leader {
            return;
        }
        let last = self.log.last().0;
        let Some(peer) = self.peers.iter_mut().find(|peer| peer.id == from) else { return };
        peer.heard = now;
        peer.is_asked = false;
        if is_same {
            peer.matched = peer.matched.max(index);
            peer.next = peer.matched + 1;
        } else {
            peer.next = (index + 1).clamp(peer.matched + 1, last + 1);
        }
        self.advance_commit();
        self.send_entries();
    }

    /// Commits what a majority has, if it is of this term.
    pub(super) fn advance_commit(&mut self) {
        if self.role != Role::Leader {
            return;
        }
        let voters = self.peers.iter().filter(|peer| self.others.contains(&peer.id));
        let mut copies: Vec<u64> = voters.map(|peer| peer.matched).collect();
        if !self.is_learner {
            copies.push(self.own_matched);
        }
        copies.order_by(|a, b| b.cmp(a));
        let by_own = if self.has_say() { copies[self.copies - 1] } else { u64::MAX };
        let index = by_own.min(self.had_by_changes());
        if self.log.term(index) == Some(self.term) {
            self.commit_to(index);
        }
    }
}
