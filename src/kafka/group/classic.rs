//! A group of the classic protocol: its members, and the states through which it goes.
//!
//! `Empty` → `PreparingRebalance` when the first member joins → `CompletingRebalance` when all have
//! joined (or their time is up) → `Stable` when the leader has said who reads what. From there on
//! every change of the members, of what they subscribe to, or a wish of the leader begins a new
//! rebalance, and each rebalance is a new generation.
//!
//! Members that are waited for are held by their requests: a JoinGroup is answered when the join
//! is complete, a SyncGroup when the leader's has come. What is to be told to whom comes out as
//! [`Effect`]s; this file does no IO.

use super::subscription::Subscription;
use crate::kafka::assignor::Assignor;
use crate::kafka::broker::server::Call;
use crate::kafka::error::ErrorCode;
use crate::kafka::event::{Event, TopicPartition};
use crate::kafka::message::response::Joined;
use crate::sim::{Span, Time};
use std::rc::Rc;

/// Where a group is on its way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum State {
    /// No member.
    #[default]
    Empty,
    /// It waits for its members to join.
    Preparing,
    /// It waits for its leader's assignment.
    Completing,
    /// Everybody knows what to read.
    Stable,
}

impl State {
    /// As the tools print it.
    pub fn name(self) -> &'static str {
        match self {
            State::Empty => "Empty",
            State::Preparing => "PreparingRebalance",
            State::Completing => "CompletingRebalance",
            State::Stable => "Stable",
        }
    }
}

/// A member.
#[derive(Clone, Debug)]
pub struct Member {
    /// `member.id`.
    pub id: Rc<str>,
    /// `group.instance.id`, if it is a static member.
    pub instance: Option<Rc<str>>,
    /// `client.id`.
    pub client: Rc<str>,
    /// It is gone if nothing is heard of it for so long.
    pub session_timeout: Span,
    /// It may take so long to rejoin.
    pub rebalance_timeout: Span,
    /// The assignors it can work with, the best first.
    pub protocols: Vec<Assignor>,
    /// What it wants and has.
    pub subscription: Subscription,
    /// What it reads.
    pub assignment: Vec<TopicPartition>,
    pub(super) joining: Option<Call>,
    pub(super) syncing: Option<Call>,
    pub(super) has_synced: bool,
    pub(super) heard_by: Time,
}

/// What comes out of a change.
#[derive(Clone, Debug)]
pub enum Effect {
    /// A JoinGroup is answered; a refusal names the member id it may come back with.
    Joined(Call, Result<Joined, (ErrorCode, Rc<str>)>),
    /// A SyncGroup is answered, once what was to be stored before is stored.
    Synced(Call, Result<Vec<TopicPartition>, ErrorCode>),
    /// The group is to be written to `__consumer_offsets`.
    Store,
    /// Something to be told.
    Tell(Event),
}

/// The wait for more members when the first one joins an empty group.
#[derive(Clone, Copy, Debug)]
pub(super) struct InitialDelay {
    pub(super) delay: Span,
    pub(super) remaining: Span,
    pub(super) has_grown: bool,
}

/// A group of the classic protocol.
#[derive(Clone, Debug, Default)]
pub struct ClassicGroup {
    /// Where it is on its way.
    pub state: State,
    /// Grows with each rebalance.
    pub generation: i32,
    /// The assignor that its members chose.
    pub protocol: Option<Assignor>,
    /// The member that divides the partitions.
    pub leader: Option<Rc<str>>,
    /// Its members in the order in which they came.
    pub members: Vec<Member>,
    /// Ids that were given out and have not joined yet, and until when.
    pub(super) pending: Vec<(Rc<str>, Time)>,
    pub(super) initial: Option<InitialDelay>,
    /// When the present state ends by itself.
    pub(super) until: Option<Time>,
}

/// The clock, and who is told.
pub struct Moment<'a> {
    /// `group.id`.
    pub group: &'a Rc<str>,
    /// The instant.
    pub now: Time,
    /// `group.initial.rebalance.delay.ms`.
    pub initial_delay: Span,
    /// What comes out.
    pub effects: &'a mut Vec<Effect>,
}

impl ClassicGroup {
    /// A member.
    pub fn member(&self, id: &str) -> Option<&Member> {
        self.members.iter().find(|member| *member.id == *id)
    }

    pub(super) fn member_mut(&mut self, id: &str) -> Option<&mut Member> {
        self.members.iter_mut().find(|member| *member.id == *id)
    }

    pub(super) fn is_leader(&self, id: &str) -> bool {
        self.leader.as_ref().is_some_and(|leader| **leader == *id)
    }

    pub(super) fn rebalance_timeout(&self) -> Span {
        let timeouts = self.members.iter().map(|member| member.rebalance_timeout);
        timeouts.max().unwrap_or(Span::ZERO)
    }

    /// Who speaks for a member id: a static member's id changes each time that it comes back.
    pub(super) fn check_member(
        &self,
        id: &str,
        instance: Option<&Rc<str>>,
    ) -> Result<(), ErrorCode> {
        if let Some(instance) = instance {
            let found = self.members.iter().find(|m| m.instance.as_ref() == Some(instance));
            let found = found.ok_or(ErrorCode::UnknownMemberId)?;
            return if *found.id == *id { Ok(()) } else { Err(ErrorCode::FencedInstanceId) };
        }
        self.member(id).map(drop).ok_or(ErrorCode::UnknownMemberId)
    }

    // ---- sync, heartbeat, leave ----

    /// A member asks for its partitions; the leader brings everybody's.
    pub fn sync(
        &mut self,
        call: Call,
        who: (&Rc<str>, Option<&Rc<str>>, i32),
        assignments: Vec<(Rc<str>, Vec<TopicPartition>)>,
        at: &mut Moment<'_>,
    ) {
        let (id, instance, generation) = who;
        let checked = match (self.check_member(id, instance), self.state) {
            (Err(error), _) => Err(error),
            _ if generation != self.generation => Err(ErrorCode::IllegalGeneration),
            (_, State::Preparing) => Err(ErrorCode::RebalanceInProgress),
            (_, State::Empty) => Err(ErrorCode::UnknownMemberId),
            (_, State::Completing | State::Stable) => Ok(()),
        };
        if let Err(error) = checked {
            return at.effects.push(Effect::Synced(call, Err(error)));
        }
        let (is_leader, state) = (self.is_leader(id), self.state);
        let Some(member) = self.member_mut(id) else { return };
        member.has_synced = true;
        member.heard_by = at.now + member.session_timeout;
        if state == State::Stable {
            return at.effects.push(Effect::Synced(call, Ok(member.assignment.clone())));
        }
        member.syncing = Some(call);
        if is_leader {
            self.take_assignment(assignments, at);
        }
    }

    fn take_assignment(
        &mut self,
        assignments: Vec<(Rc<str>, Vec<TopicPartition>)>,
        at: &mut Moment<'_>,
    ) {
        self.state = State::Stable;
        self.until = Some(at.now + self.rebalance_timeout());
        for member in &mut self.members {
            let found = assignments.iter().find(|(id, _)| *id == member.id);
            member.assignment = found.map(|(_, partitions)| partitions.clone()).unwrap_or_default();
        }
        at.effects.push(Effect::Store);
        for member in &mut self.members {
            if let Some(call) = member.syncing.take() {
                member.heard_by = at.now + member.session_timeout;
                at.effects.push(Effect::Synced(call, Ok(member.assignment.clone())));
            }
        }
        at.effects.push(Effect::Tell(Event::RebalanceCompleted {
            group: at.group.clone(),
            generation: self.generation,
            assignor: self.protocol.map_or("", Assignor::name),
            assignment: self
                .members
                .iter()
                .map(|member| (member.client.clone(), member.assignment.clone()))
                .collect(),
        }));
    }

    /// A member says that it lives.
    pub fn heartbeat(
        &mut self,
        (id, instance, generation): (&str, Option<&Rc<str>>, i32),
        now: Time,
    ) -> Result<(), ErrorCode> {
        self.check_member(id, instance)?;
        if generation != self.generation {
            return Err(ErrorCode::IllegalGeneration);
        }
        if let Some(member) = self.member_mut(id) {
            member.heard_by = now + member.session_timeout;
        }
        match self.state {
            State::Empty => Err(ErrorCode::UnknownMemberId),
            State::Preparing => Err(ErrorCode::RebalanceInProgress),
            State::Completing | State::Stable => Ok(()),
        }
    }

    /// A member ends politely.
    pub fn leave(
        &mut self,
        id: &str,
        instance: Option<&Rc<str>>,
        at: &mut Moment<'_>,
    ) -> Result<(), ErrorCode> {
        if let Some(index) = self.pending.iter().position(|(pending, _)| **pending == *id) {
            self.pending.remove(index);
            self.complete_join_if_all_are_here(at);
            return Ok(());
        }
        self.check_member(id, instance)?;
        self.remove(id, "left", at);
        Ok(())
    }

    pub(super) fn remove(&mut self, id: &str, why: &'static str, at: &mut Moment<'_>) {
        let Some(index) = self.members.iter().position(|member| *member.id == *id) else { return };
        let member = self.members.remove(index);
        at.effects.push(left(at.group, &member, why));
        if let Some(call) = member.joining {
            at.effects
                .push(Effect::Joined(call, Err((ErrorCode::UnknownMemberId, member.id.clone()))));
        }
        if let Some(call) = member.syncing {
            at.effects.push(Effect::Synced(call, Err(ErrorCode::UnknownMemberId)));
        }
        if self.is_leader(id) {
            self.leader = self.members.first().map(|member| member.id.clone());
        }
        match self.state {
            State::Preparing => self.complete_join_if_all_are_here(at),
            State::Completing | State::Stable => {
                // As the coordinator logs it.
                let reason = match why {
                    "left" => format!("explicit `LeaveGroup` request for ({id}) members."),
                    "sync_timeout" => format!("Removing {id} on pending sync request expiration"),
                    _ => format!("removing member {id} on heartbeat expiration"),
                };
                self.prepare_rebalance(reason, at);
            }
            State::Empty => {}
        }
    }

    /// Says whether an offset may be committed by this member of this generation; a tool has
    /// neither.
    pub fn check_commit(
        &self,
        id: &str,
        instance: Option<&Rc<str>>,
        generation: i32,
    ) -> Result<(), ErrorCode> {
        if self.state == State::Empty && generation < 0 {
            return Ok(());
        }
        if generation < 0 && id.is_empty() {
            return Err(ErrorCode::UnknownMemberId);
        }
        self.check_member(id, instance)?;
        match self.state {
            _ if generation != self.generation => Err(ErrorCode::IllegalGeneration),
            State::Completing => Err(ErrorCode::RebalanceInProgress),
            _ => Ok(()),
        }
    }

    // ---- time ----

    /// Does everything whose time has come.
    pub fn expire(&mut self, at: &mut Moment<'_>) {
        let before = self.pending.len();
        self.pending.retain(|(_, until)| *until > at.now);
        if self.pending.len() < before {
            self.complete_join_if_all_are_here(at);
        }
        while let Some(member) = self.members.iter().find(|member| member.is_late(at.now)) {
            let id = member.id.clone();
            self.remove(&id, "session_timeout", at);
        }
        if self.until.is_none_or(|until| until > at.now) {
            return;
        }
        self.until = None;
        match self.state {
            State::Preparing => self.join_time_is_up(at),
            State::Completing | State::Stable => {
                let silent = self.members.iter().filter(|m| !m.has_synced && m.instance.is_none());
                let silent: Vec<Rc<str>> = silent.map(|member| member.id.clone()).collect();
                for id in silent {
                    self.remove(&id, "sync_timeout", at);
                }
            }
            State::Empty => {}
        }
    }

    /// When something is due next.
    pub fn next_due(&self) -> Option<Time> {
        let waits = |member: &&Member| member.joining.is_none() && member.syncing.is_none();
        let members = self.members.iter().filter(waits).map(|member| member.heard_by);
        let pending = self.pending.iter().map(|(_, until)| *until);
        members.chain(pending).chain(self.until).min()
    }
}

impl Member {
    /// A member that is held by a request of its own is there.
    fn is_late(&self, now: Time) -> bool {
        self.joining.is_none() && self.syncing.is_none() && self.heard_by <= now
    }
}

/// The difference, or nothing.
pub(super) fn less(span: Span, by: Span) -> Span {
    Span::micros(span.as_micros().saturating_sub(by.as_micros()))
}

pub(super) fn left(group: &Rc<str>, member: &Member, reason: &'static str) -> Effect {
    Effect::Tell(Event::MemberLeft {
        group: group.clone(),
        client: member.client.clone(),
        member: member.id.clone(),
        reason,
    })
}
