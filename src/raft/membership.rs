//! Members come and go, and a leader hands over.
//!
//! Who has a vote is decided by the owner: as a command of its own in the log, which each member
//! does when it applies it. One member at a time comes or goes, so that the majorities of before
//! and after always share a member; the owner sees to it that a change is over before the next
//! begins.

use super::member::{Peer, Raft, Role};
use super::message::{Body, MemberId};
use crate::sim::{Stream, Time};

impl Raft {
    /// These have a vote from now on. Who had one before and has it no more still gets the log. A
    /// leader that is none of them steps down, and who follows one that is none does not believe in
    /// it any more.
    pub fn set_members(&mut self, members: &[MemberId], now: Time, random: &mut Stream) {
        let me = self.me;
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
    use super::super::{MemberId, Raft, Role, Saved, Timing};
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
            raft.set_members(&members(&[0, 1, 2, 3]), NOW, &mut random);
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
            raft.set_members(&members(&[1, 2]), NOW, &mut random);
        }
        settle(&mut all, &[0, 1, 2, 3], &mut random);
        assert_eq!(all[0].role(), Role::Follower(None));
        all[0].campaign(NOW, &mut random);
        all[1].campaign(NOW, &mut random);
        settle(&mut all, &[0, 1, 2, 3], &mut random);
        assert_eq!((all[0].role() == Role::Leader, all[1].role()), (false, Role::Leader));
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
