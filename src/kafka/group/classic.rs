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
use crate::kafka::message::request::JoinGroup;
use crate::kafka::message::response::{Joined, JoinedMember};
use crate::sim::{Span, Time};
use std::rc::Rc;

/// How long a member that never joined before may wait for its first generation.
const NEW_MEMBER_TIMEOUT: Span = Span::seconds(300);

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
    delay: Span,
    remaining: Span,
    has_grown: bool,
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

    fn member_mut(&mut self, id: &str) -> Option<&mut Member> {
        self.members.iter_mut().find(|member| *member.id == *id)
    }

    fn is_leader(&self, id: &str) -> bool {
        self.leader.as_ref().is_some_and(|leader| **leader == *id)
    }

    fn rebalance_timeout(&self) -> Span {
        let timeouts = self.members.iter().map(|member| member.rebalance_timeout);
        timeouts.max().unwrap_or(Span::ZERO)
    }

    /// Who speaks for a member id: a static member's id changes each time that it comes back.
    fn check_member(&self, id: &str, instance: Option<&Rc<str>>) -> Result<(), ErrorCode> {
        if let Some(instance) = instance {
            let found = self.members.iter().find(|m| m.instance.as_ref() == Some(instance));
            let found = found.ok_or(ErrorCode::UnknownMemberId)?;
            return if *found.id == *id { Ok(()) } else { Err(ErrorCode::FencedInstanceId) };
        }
        self.member(id).map(drop).ok_or(ErrorCode::UnknownMemberId)
    }

    // ---- join ----

    /// A member wants to join, or to join again. `fresh` is an id for one that has none.
    pub fn join(&mut self, call: Call, join: JoinGroup, fresh: Rc<str>, at: &mut Moment<'_>) {
        let refuse = |error| Effect::Joined(call.clone(), Err((error, join.member.clone())));
        let others = self.members.iter().filter(|member| member.id != join.member);
        let supported =
            |assignor: &&Assignor| others.clone().all(|member| member.protocols.contains(assignor));
        if join.protocols.iter().find(supported).is_none() {
            return at.effects.push(refuse(ErrorCode::InconsistentGroupProtocol));
        }
        if join.member.is_empty() {
            return match &join.instance {
                Some(_) => self.join_static(call, join, fresh, at),
                None => {
                    self.pending.push((fresh.clone(), at.now + join.session_timeout));
                    at.effects
                        .push(Effect::Joined(call, Err((ErrorCode::MemberIdRequired, fresh))));
                }
            };
        }
        if let Some(index) = self.pending.iter().position(|(id, _)| *id == join.member) {
            self.pending.remove(index);
            let id = join.member.clone();
            return self.add(call, join, id, at);
        }
        if let Err(error) = self.check_member(&join.member, join.instance.as_ref()) {
            return at.effects.push(refuse(error));
        }
        let Some(member) = self.member(&join.member) else { return };
        let same = member.protocols == join.protocols && member.subscription == join.subscription;
        match self.state {
            State::Preparing => {
                self.renew(call, join, at.now);
                self.complete_join_if_all_are_here(at);
            }
            State::Completing if same => self.answer_join(call, &join.member, at),
            State::Stable if same && !self.is_leader(&join.member) => {
                self.answer_join(call, &join.member, at);
            }
            State::Completing | State::Stable => {
                let reason = match self.is_leader(&join.member) {
                    true => format!(
                        "Leader {} re-joining group during {}",
                        join.member,
                        self.state.name()
                    ),
                    false => format!(
                        "Updating metadata for member {} during {}",
                        join.member,
                        self.state.name()
                    ),
                };
                self.renew(call, join, at.now);
                self.prepare_rebalance(reason, at);
            }
            State::Empty => at.effects.push(refuse(ErrorCode::UnknownMemberId)),
        }
    }

    /// A static member that comes back takes its old place under a new id.
    fn join_static(&mut self, call: Call, join: JoinGroup, fresh: Rc<str>, at: &mut Moment<'_>) {
        let known = self.members.iter().position(|member| member.instance == join.instance);
        let Some(index) = known else { return self.add(call, join, fresh, at) };
        let old = self.members[index].id.clone();
        let chosen = self.protocol;
        let member = &mut self.members[index];
        if let Some(call) = member.joining.take() {
            at.effects.push(Effect::Joined(call, Err((ErrorCode::FencedInstanceId, old.clone()))));
        }
        if let Some(call) = member.syncing.take() {
            at.effects.push(Effect::Synced(call, Err(ErrorCode::FencedInstanceId)));
        }
        member.id = fresh.clone();
        if self.is_leader(&old) {
            self.leader = Some(fresh.clone());
        }
        let join = JoinGroup { member: fresh.clone(), ..join };
        self.renew(call.clone(), join, at.now);
        match self.state {
            State::Stable if self.select_protocol() == chosen => {
                self.member_mut(&fresh).and_then(|member| member.joining.take());
                at.effects.push(Effect::Store);
                self.answer_join(call, &fresh, at);
            }
            State::Stable | State::Completing | State::Empty => {
                self.prepare_rebalance(format!("Updating metadata for static member {fresh}"), at);
            }
            State::Preparing => self.complete_join_if_all_are_here(at),
        }
    }

    fn add(&mut self, call: Call, join: JoinGroup, id: Rc<str>, at: &mut Moment<'_>) {
        at.effects.push(Effect::Tell(Event::MemberJoined {
            group: at.group.clone(),
            client: call.client.clone(),
            member: id.clone(),
        }));
        self.members.push(Member {
            id: id.clone(),
            instance: join.instance,
            client: call.client.clone(),
            session_timeout: join.session_timeout,
            rebalance_timeout: join.rebalance_timeout,
            protocols: join.protocols,
            subscription: join.subscription,
            assignment: Vec::new(),
            joining: Some(call),
            syncing: None,
            has_synced: false,
            heard_by: at.now + NEW_MEMBER_TIMEOUT,
        });
        self.leader.get_or_insert_with(|| id.clone());
        if let Some(initial) = &mut self.initial {
            initial.has_grown = true;
        }
        match self.state {
            State::Preparing => self.complete_join_if_all_are_here(at),
            _ => {
                let instance = self.member(&id).and_then(|member| member.instance.clone());
                let instance = instance.as_deref().unwrap_or("null");
                let reason = format!("Adding new member {id} with group instance id {instance}");
                self.prepare_rebalance(reason, at);
            }
        }
    }

    /// A known member sends a JoinGroup again: what it says now counts.
    fn renew(&mut self, call: Call, join: JoinGroup, now: Time) {
        let Some(member) = self.member_mut(&join.member) else { return };
        member.session_timeout = join.session_timeout;
        member.rebalance_timeout = join.rebalance_timeout;
        member.protocols = join.protocols;
        member.subscription = join.subscription;
        member.heard_by = now + join.session_timeout;
        member.joining = Some(call);
    }

    fn prepare_rebalance(&mut self, reason: String, at: &mut Moment<'_>) {
        if self.state == State::Completing {
            for member in &mut self.members {
                member.assignment.clear();
                if let Some(call) = member.syncing.take() {
                    let refused = Err(ErrorCode::RebalanceInProgress);
                    at.effects.push(Effect::Synced(call, refused));
                }
            }
        }
        let timeout = self.rebalance_timeout();
        let wait = match self.state {
            State::Empty => {
                let delay = at.initial_delay.min(timeout);
                let remaining = less(timeout, at.initial_delay);
                self.initial = Some(InitialDelay { delay, remaining, has_grown: false });
                delay
            }
            _ => timeout,
        };
        self.state = State::Preparing;
        self.until = Some(at.now + wait);
        at.effects.push(Effect::Tell(Event::RebalanceStarted {
            group: at.group.clone(),
            generation: self.generation,
            reason,
        }));
        self.complete_join_if_all_are_here(at);
    }

    fn complete_join_if_all_are_here(&mut self, at: &mut Moment<'_>) {
        let waits_for_more = self.initial.is_some_and(|initial| initial.delay > Span::ZERO);
        let all = self.members.iter().all(|member| member.joining.is_some());
        if self.state == State::Preparing && all && self.pending.is_empty() && !waits_for_more {
            self.complete_join(at);
        }
    }

    /// The time of the join phase is up.
    fn join_time_is_up(&mut self, at: &mut Moment<'_>) {
        if let Some(initial) = &mut self.initial
            && initial.has_grown
            && initial.remaining > Span::ZERO
        {
            initial.delay = at.initial_delay.min(initial.remaining);
            initial.remaining = less(initial.remaining, initial.delay);
            initial.has_grown = false;
            self.until = Some(at.now + initial.delay);
            return;
        }
        self.complete_join(at);
    }

    fn complete_join(&mut self, at: &mut Moment<'_>) {
        self.initial = None;
        let late = |member: &Member| member.joining.is_none() && member.instance.is_none();
        for member in self.members.iter().filter(|member| late(member)) {
            at.effects.push(left(at.group, member, "rebalance_timeout"));
        }
        self.members.retain(|member| !late(member));
        let joined = |member: &&Member| member.joining.is_some();
        let leader_is_here = |leader: &Rc<str>| {
            self.members.iter().filter(joined).any(|member| member.id == *leader)
        };
        if !self.leader.as_ref().is_some_and(leader_is_here) {
            self.leader = self.members.iter().find(joined).map(|member| member.id.clone());
        }
        if self.leader.is_none() && !self.members.is_empty() {
            // Only static members are left, and none of them is here: they are waited for.
            self.until = Some(at.now + self.rebalance_timeout());
            return;
        }
        self.generation += 1;
        self.protocol = self.select_protocol();
        if self.members.is_empty() {
            self.state = State::Empty;
            self.until = None;
            at.effects.push(Effect::Store);
            at.effects.push(Effect::Tell(Event::GroupEmpty {
                group: at.group.clone(),
                generation: self.generation,
            }));
            return;
        }
        self.state = State::Completing;
        self.until = Some(at.now + self.rebalance_timeout());
        for index in 0..self.members.len() {
            let member = &mut self.members[index];
            member.has_synced = false;
            member.heard_by = at.now + member.session_timeout;
            let (call, id) = (member.joining.take(), member.id.clone());
            if let Some(call) = call {
                self.answer_join(call, &id, at);
            }
        }
    }

    /// Each votes for the best of its assignors that all can work with.
    fn select_protocol(&self) -> Option<Assignor> {
        let all = |assignor: &&Assignor| {
            self.members.iter().all(|member| member.protocols.contains(assignor))
        };
        let votes: Vec<Assignor> =
            self.members.iter().filter_map(|m| m.protocols.iter().find(all).copied()).collect();
        let count = |assignor: &Assignor| votes.iter().filter(|vote| *vote == assignor).count();
        votes.iter().copied().rev().max_by_key(count)
    }

    fn answer_join(&self, call: Call, id: &Rc<str>, at: &mut Moment<'_>) {
        let Some(leader) = &self.leader else { return };
        // Only the leader is told who is in the group.
        let members = self.members.iter().filter(|_| leader == id).map(|member| JoinedMember {
            member: member.id.clone(),
            instance: member.instance.clone(),
            subscription: member.subscription.clone(),
        });
        let joined = Joined {
            member: id.clone(),
            generation: self.generation,
            protocol: self.protocol.unwrap_or(Assignor::Range),
            leader: leader.clone(),
            members: members.collect(),
            // A static leader that comes back to a stable group leaves all as it is.
            skip_assignment: self.state == State::Stable,
        };
        at.effects.push(Effect::Joined(call, Ok(joined)));
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

    fn remove(&mut self, id: &str, why: &'static str, at: &mut Moment<'_>) {
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
fn less(span: Span, by: Span) -> Span {
    Span::micros(span.as_micros().saturating_sub(by.as_micros()))
}

fn left(group: &Rc<str>, member: &Member, reason: &'static str) -> Effect {
    Effect::Tell(Event::MemberLeft {
        group: group.clone(),
        client: member.client.clone(),
        member: member.id.clone(),
        reason,
    })
}
