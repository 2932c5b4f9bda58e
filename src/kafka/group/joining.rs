//! Joining a group of the classic protocol: a rebalance begins, waits for its members, and ends in
//! a new generation.

use super::classic::{ClassicGroup, Effect, InitialDelay, Member, Moment, State, left, less};
use crate::kafka::assignor::Assignor;
use crate::kafka::broker::server::Call;
use crate::kafka::error::ErrorCode;
use crate::kafka::event::Event;
use crate::kafka::message::request::JoinGroup;
use crate::kafka::message::response::{Joined, JoinedMember};
use crate::sim::{Span, Time};
use std::rc::Rc;

/// How long a member that never joined before may wait for its first generation.
const NEW_MEMBER_TIMEOUT: Span = Span::seconds(300);

impl ClassicGroup {
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

    pub(super) fn prepare_rebalance(&mut self, reason: String, at: &mut Moment<'_>) {
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

    pub(super) fn complete_join_if_all_are_here(&mut self, at: &mut Moment<'_>) {
        let waits_for_more = self.initial.is_some_and(|initial| initial.delay > Span::ZERO);
        let all = self.members.iter().all(|member| member.joining.is_some());
        if self.state == State::Preparing && all && self.pending.is_empty() && !waits_for_more {
            self.complete_join(at);
        }
    }

    /// The time of the join phase is up.
    pub(super) fn join_time_is_up(&mut self, at: &mut Moment<'_>) {
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

    pub(super) fn complete_join(&mut self, at: &mut Moment<'_>) {
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
    pub(super) fn select_protocol(&self) -> Option<Assignor> {
        let all = |assignor: &&Assignor| {
            self.members.iter().all(|member| member.protocols.contains(assignor))
        };
        let votes: Vec<Assignor> =
            self.members.iter().filter_map(|m| m.protocols.iter().find(all).copied()).collect();
        let count = |assignor: &Assignor| votes.iter().filter(|vote| *vote == assignor).count();
        votes.iter().copied().rev().max_by_key(count)
    }

    pub(super) fn answer_join(&self, call: Call, id: &Rc<str>, at: &mut Moment<'_>) {
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
}
