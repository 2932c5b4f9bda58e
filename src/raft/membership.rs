//! Members come and go, and a leader hands over.
//!
//! Who has a vote is decided by the owner: as a command of its own in the log, which each member
//! does when it applies it. One member at a time comes or goes, so that the majorities of before
//! and after always share a member; the owner sees to it that a change is over before the next
//! begins.
//!
//! Who has such a command in its log and has not done it yet does not know whether it is committed:
//! so from then on an election and a commit take a majority of those of before **and** of those
//! after. A command says where the one stands that it follows, so it was given when that one was
//! committed: of many that are not done yet, only the last is in doubt. That is how a member that
//! begins anew with the members of long ago is bound by what its log says of later ones.

use super::member::{Peer, Raft, Role};
use super::message::{Body, Entry, MemberId};
use crate::ordered::Order;
use crate::sim::{Stream, Time};
use bytes::Bytes;

/// Who has a vote after an entry, if it is one that says so, and where the entry stands that it
/// follows. One that follows another than the last is for nothing.
pub type Reads = fn(&Bytes) -> Option<(u64, Vec<MemberId>)>;

impl Raft {
    /// So are entries read that change who has a vote. Its members stand at this index.
    pub fn read_changes(&mut self, reads: Reads, at: u64) {
        self.reads = Some(reads);
        self.members_at = at;
        let from = at.max(self.log.base().0) + 1;
        let entries = self.log.from(from, usize::MAX);
        self.note_changes(from, &entries);
    }

    /// Entries come at an index; what was there and behind is gone.
    pub(super) fn note_changes(&mut self, from: u64, entries: &[Entry]) {
        let Some(reads) = self.reads else { return };
        self.changes.retain(|(at, _)| *at < from);
        for (at, entry) in (from..).zip(entries) {
            let Some((base, members)) = entry.command.as_ref().and_then(reads) else { continue };
            let last = self.changes.last().map_or(self.members_at, |(at, _)| *at);
            if base == last && at > last {
                self.changes.push((at, members));
            }
        }
    }

    /// The changes without which nothing is decided: the last one, and the one before if that is
    /// not done either.
    fn in_doubt(&self) -> &[(u64, Vec<MemberId>)] {
        &self.changes[self.changes.len().saturating_sub(2)..]
    }

    /// True if the members that it has done take part in what is decided.
    pub(super) fn has_say(&self) -> bool {
        self.changes.len() < 2
    }

    /// True if it has a vote, or would have one after a change.
    pub(super) fn may_lead(&self) -> bool {
        !self.is_learner || self.changes.iter().any(|(_, members)| members.contains(&self.me))
    }

    /// The others that have a vote, or would have one after a change.
    pub(super) fn electorate(&self) -> Vec<MemberId> {
        let mut all = self.others.to_vec();
        for member in self.changes.iter().flat_map(|(_, members)| members) {
            if *member != self.me && !all.contains(member) {
                all.push(*member);
            }
        }
        all
    }

    pub(super) fn is_electing(&self, member: MemberId) -> bool {
        self.electorate().contains(&member)
    }

    /// True if a majority has given its vote, also of those after a change.
    pub(super) fn has_votes(&self) -> bool {
        let own = usize::from(!self.is_learner && self.votes.contains(&self.me));
        let others = self.others.iter().filter(|member| self.votes.contains(member)).count();
        let is_most = |members: &Vec<MemberId>| {
            members.iter().filter(|it| self.votes.contains(it)).count() > members.len() / 2
        };
        let by_own = !self.has_say() || own + others >= self.majority;
        by_own && self.in_doubt().iter().all(|(_, members)| is_most(members))
    }

    /// Up to which index a majority has the log after each change, as the leader sees it.
    pub(super) fn had_by_changes(&self) -> u64 {
        if self.copies < self.majority {
            return u64::MAX;
        }
        let matched = |member: &MemberId| match *member == self.me {
            true => self.own_matched,
            false => self.peers.iter().find(|it| it.id == *member).map_or(0, |it| it.matched),
        };
        let each = self.in_doubt().iter().map(|(_, members)| {
            let mut copies: Vec<u64> = members.iter().map(matched).collect();
            copies.order_by(|a, b| b.cmp(a));
            copies.get(members.len() / 2).copied().unwrap_or_default()
        });
        each.min().unwrap_or(u64::MAX)
    }

    /// These have a vote from now on, by the entry at this index. Who had one before and has it no
    /// more still gets the log. A leader that is none of them steps down, and who follows one that
    /// is none does not believe in it any more.
    pub fn set_members(&mut self, at: u64, members: &[MemberId], now: Time, random: &mut Stream) {
        let me = self.me;
        self.members_at = at;
        self.changes.retain(|(it, _)| *it > at);
        let commits_alone = self.copies < self.majority;
        let known: Vec<MemberId> = self.others.iter().chain(&self.learners).copied().collect();
        self.learners = known.into_iter().filter(|it| !members.contains(it)).collect();
        self.others = members.iter().copied().filter(|member| *member != me).collect();
        self.is_learner = !members.contains(&me);
        self.majority = members.len() / 2 + 1;
        self.copies = if commits_alone { 1 } else { self.majority };
        match self.role {
            Role::Leader if !self.is_learner => {
                let next = self.log.last().0 + 1;
                for member in self.others.clone().iter() {
                    if self.peers.iter().all(|peer| peer.id != *member) {
                        self.peers.push(Peer::new(*member, next, now));
                    }
                }
                self.await_heartbeat(now);
                self.advance_commit();
                self.send_entries();
            }
            Role::Follower(Some(leader)) if members.contains(&leader) => {}
            Role::Follower(None) => {}
            _ => self.follow(None, now, random),
        }
    }

    /// As the leader: another member is to lead. It asks for votes at once; that it gets them takes
    /// that it has the whole log.
    pub fn transfer(&mut self, to: MemberId) {
        if self.role == Role::Leader && self.others.contains(&to) {
            self.say(to, self.term, Body::Stand);
        }
    }

    /// The leader wants this member to lead.
    pub(super) fn asked_to_stand(&mut self, from: MemberId, now: Time, random: &mut Stream) {
        if self.role == Role::Follower(Some(from)) && !self.is_learner {
            self.stand(now, random);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::message::Action;
    use super::super::{Entry, Log, MemberId, Raft, Role, Saved, Timing};
    use crate::sim::{Span, Stream, Time};

    const TIMING: Timing = Timing { election: Span::millis(100), heartbeat: Span::millis(20) };
    const NOW: Time = Time::ZERO;

    /// Members 0 to 3, of whom the first three have votes; those that are `up` hear each other, and
    /// everything is safe at once.
    fn settle(all: &mut [Raft], up: &[u32], random: &mut Stream) {
        loop {
            let mut moved = false;
            for at in up {
                let from = &mut all[*at as usize];
                let actions = from.take_actions();
                let write = actions.iter().filter_map(|action| match action {
                    Action::SaveVote { write, .. }
                    | Action::Write { write, .. }
                    | Action::Restore { write, .. } => Some(*write),
                    _ => None,
                });
                if let Some(write) = write.max() {
                    from.flushed(write, NOW);
                    moved = true;
                }
                for action in actions {
                    let Action::Send { to, message } = action else { continue };
                    if up.contains(&to.0) {
                        all[to.0 as usize].receive(MemberId(*at), message, NOW, random);
                        moved = true;
                    }
                }
            }
            if !moved {
                return;
            }
        }
    }

    fn members(ids: &[u32]) -> Vec<MemberId> {
        ids.iter().copied().map(MemberId).collect()
    }

    /// Member 0 leads; member 3 has the log and no vote.
    fn group(random: &mut Stream) -> Vec<Raft> {
        let voters = members(&[0, 1, 2]);
        let new = |id| Raft::new(MemberId(id), &voters, TIMING, Saved::default());
        let mut all: Vec<Raft> = (0..4).map(new).collect();
        all[0].teach(MemberId(3), NOW);
        all[0].campaign(NOW, random);
        settle(&mut all, &[0, 1, 2, 3], random);
        assert_eq!(all[0].role(), Role::Leader);
        all
    }

    fn command() -> bytes::Bytes {
        bytes::Bytes::from_static(b"x")
    }

    #[test]
    fn a_new_member_counts() {
        let mut random = Stream::named(1, "raft");
        let mut all = group(&mut random);
        // Without its vote: 0 and 3 are one of three.
        let index = all[0].propose(command()).expect("it leads");
        settle(&mut all, &[0, 3], &mut random);
        assert!(all[0].committed() < index);
        settle(&mut all, &[0, 1, 2, 3], &mut random);
        for raft in &mut all {
            raft.set_members(1, &members(&[0, 1, 2, 3]), NOW, &mut random);
        }
        settle(&mut all, &[0, 1, 2, 3], &mut random);
        // With it a majority is three of four.
        let index = all[0].propose(command()).expect("it leads");
        settle(&mut all, &[0, 3], &mut random);
        assert!(all[0].committed() < index);
        all[0].say_alive(NOW);
        settle(&mut all, &[0, 1, 3], &mut random);
        assert_eq!(all[0].committed(), index);
    }

    #[test]
    fn a_leader_that_is_no_member_steps_down() {
        let mut random = Stream::named(1, "raft");
        let mut all = group(&mut random);
        for raft in &mut all {
            raft.set_members(1, &members(&[1, 2]), NOW, &mut random);
        }
        settle(&mut all, &[0, 1, 2, 3], &mut random);
        assert_eq!(all[0].role(), Role::Follower(None));
        all[0].campaign(NOW, &mut random);
        all[1].campaign(NOW, &mut random);
        settle(&mut all, &[0, 1, 2, 3], &mut random);
        assert_eq!((all[0].role() == Role::Leader, all[1].role()), (false, Role::Leader));
    }

    /// `m`, where the change stands that it follows, and the ids of the members.
    fn reads(command: &bytes::Bytes) -> Option<(u64, Vec<MemberId>)> {
        let [base, ids @ ..] = command.strip_prefix(b"m")? else { return None };
        Some((u64::from(*base), ids.iter().map(|id| MemberId(u32::from(*id))).collect()))
    }

    /// Five members that begin anew, each with the three of long ago and both changes in its log; a
    /// third one is for nothing.
    fn begun_anew() -> Vec<Raft> {
        let commands: [&'static [u8]; 3] =
            [&[b'm', 0, 0, 1, 2, 3], &[b'm', 1, 0, 1, 2, 3, 4], &[b'm', 1, 9]];
        let new = |id| {
            let entries = commands.iter().map(|it| {
                let command = Some(bytes::Bytes::from_static(it));
                Entry { term: 1, command }
            });
            let log = Log::restored((0, 0), bytes::Bytes::new(), entries.collect());
            let saved = Saved { term: 1, vote: None, log };
            let mut raft = Raft::new(MemberId(id), &members(&[0, 1, 2]), TIMING, saved);
            raft.read_changes(reads, 0);
            raft
        };
        (0..5).map(new).collect()
    }

    #[test]
    fn changes_in_the_log_bind_an_election_though_nobody_has_done_them_yet() {
        let mut random = Stream::named(1, "raft");
        let mut all = begun_anew();
        // Two of the three of long ago; but of five it takes three.
        all[1].campaign(NOW, &mut random);
        settle(&mut all, &[1, 2], &mut random);
        assert_ne!(all[1].role(), Role::Leader);
        // Three of five; but of the four of before, too.
        all[1].campaign(NOW, &mut random);
        settle(&mut all, &[1, 2, 4], &mut random);
        assert_ne!(all[1].role(), Role::Leader);
        // One that is no member yet as far as it knows.
        all[3].campaign(NOW, &mut random);
        settle(&mut all, &[1, 2, 3], &mut random);
        assert_eq!(all[3].role(), Role::Leader);
    }

    #[test]
    fn changes_in_the_log_bind_a_commit_until_they_are_done() {
        let mut random = Stream::named(1, "raft");
        let mut all = begun_anew();
        all[0].campaign(NOW, &mut random);
        settle(&mut all, &[0, 1, 2], &mut random);
        assert_eq!(all[0].role(), Role::Leader);
        // 0, 1 and 2 are three of four and of five.
        let committed = all[0].committed();
        assert_eq!(committed, 4);
        all[0].propose(command()).expect("it leads");
        settle(&mut all, &[0, 1], &mut random);
        assert_eq!(all[0].committed(), committed);
        // Its members are those of the second change: three of five have it all the same.
        all[0].set_members(2, &members(&[0, 1, 2, 3, 4]), NOW, &mut random);
        assert_eq!(all[0].committed(), committed);
        all[0].say_alive(NOW);
        settle(&mut all, &[0, 1, 4], &mut random);
        assert_eq!(all[0].committed(), committed + 1);
    }

    #[test]
    fn a_leader_hands_over() {
        let mut random = Stream::named(1, "raft");
        let mut all = group(&mut random);
        // Who has no vote cannot lead.
        all[0].transfer(MemberId(3));
        settle(&mut all, &[0, 1, 2, 3], &mut random);
        assert_eq!(all[0].role(), Role::Leader);
        all[0].transfer(MemberId(2));
        settle(&mut all, &[0, 1, 2, 3], &mut random);
        assert_eq!((all[0].leader(), all[2].role()), (Some(MemberId(2)), Role::Leader));
    }
}
