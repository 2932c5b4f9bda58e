//! A group of the consumer protocol (KIP-848): the coordinator itself divides the partitions, and
//! each member goes towards its target by itself, heartbeat by heartbeat ([`super::reconcile`]).
//!
//! Three numbers say how far things are: the group epoch grows with each change of members,
//! subscriptions or topics; the assignment epoch is that of the target; each member has the epoch
//! that it has reached.
//!
//! Simplified: subscriptions by regular expression are not there.

use super::classic::Effect;
use super::modern_records::{self, Entry};
use super::reconcile::{MemberState, Progress};
use crate::kafka::assignor::{self, Assignor, Topic};
use crate::kafka::error::ErrorCode;
use crate::kafka::event::{Event, TopicPartition};
use crate::kafka::message::request::ConsumerGroupHeartbeat;
use crate::kafka::message::response::{MemberTarget, TopicId};
use crate::ordered::Order;
use crate::sim::{Span, Time};
use bytes::Bytes;
use std::rc::Rc;

/// The epoch with which a member joins.
pub const JOIN: i32 = 0;
/// The epoch with which a member leaves.
pub const LEAVE: i32 = -1;
/// The epoch with which a static member leaves for a while.
pub const LEAVE_FOR_A_WHILE: i32 = -2;

/// A member.
#[derive(Clone, Debug)]
pub struct ModernMember {
    /// `member.id`, which it made itself.
    pub id: Rc<str>,
    /// `group.instance.id`, if it is a static member.
    pub instance: Option<Rc<str>>,
    /// `client.id`.
    pub client: Rc<str>,
    /// What it subscribes to.
    pub topics: Vec<Rc<str>>,
    /// `group.remote.assignor`, if it has a wish.
    pub assignor: Option<Assignor>,
    /// Where it is on its way.
    pub progress: Progress,
    /// What it is to have.
    pub target: Vec<TopicPartition>,
    pub(super) previous_epoch: i32,
    pub(super) rebalance_timeout: Span,
    heard_by: Time,
    /// When it must have given up what it is to give up.
    revoke_by: Option<Time>,
}

/// A group of the consumer protocol.
#[derive(Clone, Debug, Default)]
pub struct ModernGroup {
    /// Grows with each change.
    pub epoch: i32,
    /// The epoch of the target.
    pub assignment_epoch: i32,
    /// True if its members share partitions (KIP-932): all of them do, or none.
    pub(super) shares: bool,
    /// Its members in the order of their ids.
    pub members: Vec<ModernMember>,
    /// The topics that its members read, as they were when it last looked.
    pub(super) topics: Vec<Topic>,
    /// Its records, as the log has them.
    pub(super) written: Vec<Entry>,
}

impl ModernMember {
    /// One of which nothing is known but its id, until it is heard of or its session is over.
    pub(super) fn silent(id: Rc<str>, heard_by: Time) -> ModernMember {
        let (state, epoch) = (MemberState::Stable, JOIN);
        ModernMember {
            id,
            instance: None,
            client: "".into(),
            topics: Vec::new(),
            assignor: None,
            progress: Progress { state, epoch, assigned: Vec::new(), revoking: Vec::new() },
            target: Vec::new(),
            previous_epoch: JOIN,
            rebalance_timeout: Span::ZERO,
            heard_by,
            revoke_by: None,
        }
    }
}

/// What a heartbeat needs to know beside its own words.
pub struct Around<'a> {
    /// `group.id`.
    pub group: &'a Rc<str>,
    /// `client.id` of who asks.
    pub client: &'a Rc<str>,
    /// The instant.
    pub now: Time,
    /// `group.consumer.session.timeout.ms`.
    pub session_timeout: Span,
    /// The topics of the cluster.
    pub topics: &'a [Topic],
    /// True if a partition may go to a member while another still has it.
    pub hands_over: bool,
    /// What comes out.
    pub effects: &'a mut Vec<Effect>,
}

impl ModernGroup {
    /// A share group that nobody is in.
    pub fn of_shares() -> ModernGroup {
        ModernGroup { shares: true, ..ModernGroup::default() }
    }

    /// The name of its state.
    pub fn state(&self) -> &'static str {
        let at_target = |member: &ModernMember| {
            member.progress.state == MemberState::Stable
                && member.progress.epoch == self.assignment_epoch
        };
        match () {
            _ if self.members.is_empty() => "Empty",
            // Nobody waits for anybody there.
            _ if self.is_share() => "Stable",
            _ if self.epoch > self.assignment_epoch => "Assigning",
            _ if !self.members.iter().all(at_target) => "Reconciling",
            _ => "Stable",
        }
    }

    /// The assignor that most members wish for; `uniform` where none has a wish.
    pub fn assignor(&self) -> Assignor {
        if self.is_share() {
            return Assignor::Simple;
        }
        let wish = |assignor| {
            self.members.iter().filter(|member| member.assignor == Some(assignor)).count()
        };
        match wish(Assignor::ServerRange) > wish(Assignor::ServerUniform) {
            true => Assignor::ServerRange,
            false => Assignor::ServerUniform,
        }
    }

    /// True if its members share partitions (KIP-932): all of them do, or none.
    pub fn is_share(&self) -> bool {
        self.shares
    }

    /// What the log lacks of it now.
    pub fn to_write(
        &mut self,
        id: &str,
        id_of: &dyn Fn(&str) -> Option<TopicId>,
    ) -> Vec<(Bytes, Option<Bytes>)> {
        let has = modern_records::encode(id, self, id_of);
        let changes = modern_records::changes(&self.written, &has);
        self.written = has;
        changes
    }

    /// True for one that was read from the log and not looked at yet.
    pub fn topics_unknown(&self) -> bool {
        self.topics.is_empty() && self.written.is_empty() && !self.members.is_empty()
    }

    /// All of it was read from the log: its members read these topics.
    pub fn was_read(&mut self, all: &[Topic]) {
        let read = |topic: &&Topic| self.members.iter().any(|m| m.topics.contains(&topic.name));
        self.topics = all.iter().filter(read).cloned().collect();
        self.members.order_by(|a, b| a.id.cmp(&b.id));
    }

    fn place(&self, id: &str) -> Option<usize> {
        self.members.iter().position(|member| *member.id == *id)
    }

    /// A member joins, reports, asks or leaves.
    pub fn heartbeat(
        &mut self,
        beat: ConsumerGroupHeartbeat,
        around: &mut Around<'_>,
    ) -> Result<MemberTarget, ErrorCode> {
        if beat.epoch < JOIN {
            return self.leave(&beat, around);
        }
        let shares = beat.assignor == Some(Assignor::Simple);
        if self.members.is_empty() {
            self.shares = shares;
        }
        if !self.members.is_empty() && self.is_share() != shares {
            return Err(ErrorCode::InconsistentGroupProtocol);
        }
        let at = match beat.epoch {
            JOIN => self.join(&beat, around)?,
            _ => self.known(&beat)?,
        };
        let member = &mut self.members[at];
        member.heard_by = around.now + around.session_timeout;
        member.rebalance_timeout = beat.rebalance_timeout;
        let mut changed = beat.epoch == JOIN;
        if member.topics != beat.topics || member.assignor != beat.assignor {
            member.topics = beat.topics;
            member.assignor = beat.assignor;
            changed = true;
        }
        let read = |topic: &&Topic| self.members.iter().any(|m| m.topics.contains(&topic.name));
        let topics: Vec<Topic> = around.topics.iter().filter(read).cloned().collect();
        changed |= topics != self.topics;
        if changed {
            self.topics = topics;
            self.bump(around);
        }
        self.divide();
        Ok(self.go_on(at, beat.owned.as_deref(), around))
    }

    fn bump(&mut self, around: &mut Around<'_>) {
        self.epoch += 1;
        around.effects.push(Effect::Tell(Event::GroupEpochBumped {
            group: around.group.clone(),
            epoch: self.epoch,
        }));
    }

    fn join(
        &mut self,
        beat: &ConsumerGroupHeartbeat,
        around: &mut Around<'_>,
    ) -> Result<usize, ErrorCode> {
        let static_one = beat.instance.as_ref().and_then(|instance| {
            self.members.iter().position(|member| member.instance.as_ref() == Some(instance))
        });
        if let Some(at) = static_one {
            // It comes back under another id and takes its old place.
            let member = &mut self.members[at];
            if member.progress.epoch != LEAVE_FOR_A_WHILE && member.id != beat.member {
                return Err(ErrorCode::UnreleasedInstanceId);
            }
            member.id = beat.member.clone();
            member.client = around.client.clone();
            member.progress.epoch = JOIN;
        } else if self.place(&beat.member).is_none() {
            let progress = Progress {
                state: MemberState::Stable,
                epoch: JOIN,
                assigned: Vec::new(),
                revoking: Vec::new(),
            };
            self.members.push(ModernMember {
                id: beat.member.clone(),
                instance: beat.instance.clone(),
                client: around.client.clone(),
                topics: Vec::new(),
                assignor: None,
                progress,
                target: Vec::new(),
                previous_epoch: JOIN,
                rebalance_timeout: beat.rebalance_timeout,
                heard_by: around.now,
                revoke_by: None,
            });
            around.effects.push(Effect::Tell(Event::MemberJoined {
                group: around.group.clone(),
                client: around.client.clone(),
                member: beat.member.clone(),
            }));
        }
        self.members.order_by(|a, b| a.id.cmp(&b.id));
        self.place(&beat.member).ok_or(ErrorCode::UnknownMemberId)
    }

    /// A member that is here; what it says of its epoch must fit.
    fn known(&self, beat: &ConsumerGroupHeartbeat) -> Result<usize, ErrorCode> {
        let at = self.place(&beat.member).ok_or(ErrorCode::UnknownMemberId)?;
        let member = &self.members[at];
        // Its last answer may have been lost: then it has nothing that it may not have.
        let missed_one = || {
            let mut owned = beat.owned.iter().flatten();
            beat.epoch == member.previous_epoch
                && beat.owned.is_some()
                && owned.all(|partition| member.progress.assigned.contains(partition))
        };
        match beat.epoch == member.progress.epoch || missed_one() {
            true => Ok(at),
            false => Err(ErrorCode::FencedMemberEpoch),
        }
    }

    fn leave(
        &mut self,
        beat: &ConsumerGroupHeartbeat,
        around: &mut Around<'_>,
    ) -> Result<MemberTarget, ErrorCode> {
        let at = self.place(&beat.member).ok_or(ErrorCode::UnknownMemberId)?;
        if beat.epoch == LEAVE_FOR_A_WHILE && self.members[at].instance.is_some() {
            self.members[at].progress.epoch = LEAVE_FOR_A_WHILE;
        } else {
            self.remove(at, "left", around);
        }
        Ok(MemberTarget { epoch: beat.epoch, assignment: None })
    }

    fn remove(&mut self, at: usize, reason: &'static str, around: &mut Around<'_>) {
        let member = self.members.remove(at);
        around.effects.push(Effect::Tell(Event::MemberLeft {
            group: around.group.clone(),
            client: member.client,
            member: member.id,
            reason,
        }));
        self.bump(around);
        self.divide();
        if self.members.is_empty() {
            self.assignment_epoch = self.epoch;
            around.effects.push(Effect::Tell(Event::GroupEmpty {
                group: around.group.clone(),
                generation: self.epoch,
            }));
        }
    }

    /// Makes the target of the group's epoch.
    fn divide(&mut self) {
        if self.epoch == self.assignment_epoch {
            return;
        }
        let members = self.members.iter().map(|member| assignor::Member {
            id: member.id.clone(),
            instance: member.instance.clone(),
            rack: None,
            topics: member.topics.clone(),
            owned: member.target.clone(),
            generation: self.assignment_epoch,
        });
        let members: Vec<assignor::Member> = members.collect();
        let targets = self.assignor().assign(&self.topics, &members);
        for (member, target) in self.members.iter_mut().zip(targets) {
            member.target = target;
        }
        self.assignment_epoch = self.epoch;
    }

    /// The next step of a member, and what it is told.
    fn go_on(
        &mut self,
        at: usize,
        owned: Option<&[TopicPartition]>,
        around: &mut Around<'_>,
    ) -> MemberTarget {
        let is_free = self.is_share() || around.hands_over;
        let is_taken = |partition: &TopicPartition| {
            if is_free {
                return false;
            }
            let others = self.members.iter().enumerate().filter(|(other, _)| *other != at);
            others.map(|(_, other)| &other.progress).any(|other| {
                other.assigned.contains(partition) || other.revoking.contains(partition)
            })
        };
        let before = &self.members[at];
        let from = match before.progress.epoch {
            // Who joins (again) has told what it has; it begins at its target's side.
            JOIN => Progress { state: MemberState::Unreleased, ..before.progress.clone() },
            _ => before.progress.clone(),
        };
        let target = (self.assignment_epoch, &*before.target);
        let progress = from.step(target, is_taken, owned);
        let changed = progress.assigned != before.progress.assigned;
        let was_stable = self.state() == "Stable";
        let member = &mut self.members[at];
        // It is told what to have when that changed, and when its own words show that it may not
        // know it.
        let differs = owned.is_some_and(|owned| {
            owned.len() != progress.assigned.len()
                || !owned.iter().all(|partition| progress.assigned.contains(partition))
        });
        if progress.epoch != member.progress.epoch {
            member.previous_epoch = member.progress.epoch;
        }
        member.revoke_by = match progress.state {
            MemberState::Unrevoked => {
                member.revoke_by.or(Some(around.now + member.rebalance_timeout))
            }
            _ => None,
        };
        member.progress = progress;
        let told = MemberTarget {
            epoch: member.progress.epoch,
            assignment: (changed || differs || from.epoch == JOIN)
                .then(|| member.progress.assigned.clone()),
        };
        if !was_stable && self.state() == "Stable" {
            around.effects.push(Effect::Tell(Event::RebalanceCompleted {
                group: around.group.clone(),
                generation: self.epoch,
                assignor: self.assignor().name(),
                assignment: self
                    .members
                    .iter()
                    .map(|member| (member.client.clone(), member.progress.assigned.clone()))
                    .collect(),
            }));
        }
        told
    }

    /// Says whether an offset may be committed by this member; a tool has no epoch.
    pub fn check_commit(&self, id: &str, epoch: i32) -> Result<(), ErrorCode> {
        if epoch < 0 && self.members.is_empty() {
            return Ok(());
        }
        let at = self.place(id).ok_or(ErrorCode::UnknownMemberId)?;
        match self.members[at].progress.epoch == epoch {
            true => Ok(()),
            false => Err(ErrorCode::StaleMemberEpoch),
        }
    }

    /// Removes the members of which nothing was heard, or which did not give up in time.
    pub fn expire(&mut self, around: &mut Around<'_>) {
        let now = around.now;
        let late = |member: &ModernMember| match member.revoke_by {
            Some(by) if by <= now => Some("rebalance_timeout"),
            _ if member.heard_by <= now => Some("session_timeout"),
            _ => None,
        };
        let mut at = 0;
        while let Some(member) = self.members.get(at) {
            match late(member) {
                Some(reason) => self.remove(at, reason, around),
                None => at += 1,
            }
        }
    }

    /// When something is due next.
    pub fn next_due(&self) -> Option<Time> {
        let due = self.members.iter().flat_map(|member| [Some(member.heard_by), member.revoke_by]);
        due.flatten().min()
    }
}
