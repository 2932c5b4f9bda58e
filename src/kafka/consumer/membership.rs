//! Being a member of a group: what both protocols share.
//!
//! Two things go on side by side. In the background, whatever the application does, the
//! coordinator is found, heartbeats are sent and answers taken. What touches the application's
//! partitions happens within `poll()` alone (`poll_group`): they are taken away and given while
//! nobody works with them. So a rebalance waits for slow handlers, and who does not come back to
//! `poll()` within `max.poll.interval.ms` leaves the group by itself.

use super::classic_member::ClassicMember;
use super::client::{Asked, Consumer};
use super::handler::Thread;
use super::modern_member::ModernMember;
use crate::kafka::config::ConsumerConfig;
use crate::kafka::error::{ErrorCode, client_error};
use crate::kafka::event::{Event, TopicPartition};
use crate::kafka::message::{Request, Response};
use crate::kafka::process::Out;
use crate::kafka::spec::Reads;
use crate::ordered::Order;
use crate::sim::{NodeId, Time};
use std::rc::Rc;

/// The protocol that a member speaks, with how far it is.
#[derive(Clone, Debug)]
pub enum Side {
    /// `group.protocol=classic`.
    Classic(ClassicMember),
    /// `group.protocol=consumer`.
    Modern(ModernMember),
}

/// The consumer's side of its membership.
#[derive(Clone, Debug)]
pub struct Membership {
    /// `group.id`.
    pub group: Rc<str>,
    /// Its member id; empty while it has none.
    pub member: Rc<str>,
    /// `group.instance.id`.
    pub instance: Option<Rc<str>>,
    /// The generation, or the member's epoch; -1 outside.
    pub generation: i32,
    /// What it reads.
    pub(super) owned: Vec<TopicPartition>,
    /// True if what it reads may be somebody else's by now.
    pub(super) is_lost: bool,
    /// By its protocol.
    pub(super) side: Side,
    coordinator: Option<(i32, NodeId)>,
    asking_coordinator: bool,
    retry_at: Time,
    failures: u32,
    /// When `poll()` last returned.
    polled_at: Time,
    /// When the coordinator is to hear of it.
    pub(super) beat_at: Time,
    pub(super) beat_under_way: bool,
}

impl Membership {
    /// Not a member yet.
    pub fn new(group: &str, config: &ConsumerConfig) -> Membership {
        Membership {
            group: group.into(),
            member: "".into(),
            instance: config.group_instance.clone(),
            generation: -1,
            owned: Vec::new(),
            is_lost: false,
            side: match config.is_modern {
                true => Side::Modern(ModernMember::default()),
                false => Side::Classic(ClassicMember::default()),
            },
            coordinator: None,
            asking_coordinator: false,
            retry_at: Time::ZERO,
            failures: 0,
            polled_at: Time::ZERO,
            beat_at: Time::ZERO,
            beat_under_way: false,
        }
    }

    /// True while it is a member and knows what it reads.
    pub fn is_stable(&self) -> bool {
        match &self.side {
            Side::Classic(side) => side.is_stable(),
            Side::Modern(side) => self.generation > 0 && side.target.is_none(),
        }
    }

    /// True while the coordinator may take a commit of it.
    pub fn may_commit(&self) -> bool {
        match &self.side {
            Side::Classic(side) => self.generation >= 0 && side.may_commit(),
            Side::Modern(_) => self.generation > 0,
        }
    }

    /// Where the coordinator is.
    pub fn coordinator(&self) -> Option<NodeId> {
        self.coordinator.map(|(_, node)| node)
    }

    /// The coordinator is another one now, or away. The membership stays as it is.
    pub fn forget_coordinator(&mut self) {
        self.coordinator = None;
    }

    /// The coordinator does not know it any more, or not as what it says it is.
    pub fn fall_out(&mut self, error: ErrorCode) {
        self.is_lost = true;
        self.generation = -1;
        match &mut self.side {
            Side::Classic(side) => {
                if error == ErrorCode::UnknownMemberId {
                    self.member = "".into();
                }
                side.fall_out();
            }
            Side::Modern(side) => {
                side.target = None;
                self.generation = 0;
                self.beat_at = Time::ZERO;
            }
        }
    }

    /// Waits a little before the next try.
    pub(super) fn hold_off(&mut self, until: Time) {
        self.failures += 1;
        self.retry_at = until;
    }

    pub(super) fn is_holding_off(&self, now: Time) -> bool {
        self.retry_at > now
    }

    pub(super) fn went_well(&mut self) {
        self.failures = 0;
    }

    pub(super) fn failures(&self) -> u32 {
        self.failures
    }

    /// `poll()` returns with records.
    pub(super) fn polled(&mut self, now: Time) {
        self.polled_at = now;
    }
}

impl Consumer {
    /// The connection with a broker ended; was it the coordinator's?
    pub(super) fn coordinator_lost(&mut self, peer: NodeId) {
        if let Some(membership) = &mut self.membership
            && membership.coordinator() == Some(peer)
        {
            membership.forget_coordinator();
        }
    }

    /// Topics came, grew or went.
    pub(super) fn assignment_changed(&mut self) {
        match &self.membership {
            Some(_) => self.leader_looks_at_topics(),
            None => self.assign_by_hand(),
        }
    }

    /// What it subscribes to, in order.
    pub(super) fn subscribed(&self) -> Vec<Rc<str>> {
        match &self.spec.reads {
            Reads::Group { topics, .. } => {
                let mut topics: Vec<Rc<str>> = topics.iter().map(|t| t.as_str().into()).collect();
                topics.order();
                topics.dedup();
                topics
            }
            Reads::Pattern { .. } => self.matched.topics.clone(),
            Reads::Assigned { .. } => Vec::new(),
        }
    }

    /// It subscribes to other topics now: its group is to hear of it.
    pub(super) fn subscription_changed(&mut self, out: &mut Out<'_>) {
        let Some(membership) = &mut self.membership else { return };
        match &mut membership.side {
            Side::Classic(side) => side.subscription_changed(),
            Side::Modern(_) => membership.beat_at = membership.beat_at.min(out.now()),
        }
    }

    // ---- within poll() ----

    /// The group's part of `poll()`.
    pub(super) fn poll_group(&mut self, out: &mut Out<'_>) {
        // Which topics match is known first.
        if self.matched.pattern.is_some() && !self.core.metadata.is_known() {
            return;
        }
        match self.membership.as_ref().map(|membership| &membership.side) {
            Some(Side::Classic(_)) => self.poll_classic(out),
            Some(Side::Modern(_)) => self.poll_modern(out),
            None => {}
        }
    }

    /// From now on it reads these partitions; what it keeps goes on where it was.
    pub(super) fn own(&mut self, partitions: Vec<TopicPartition>) {
        self.buffer.retain(|data| partitions.contains(&data.partition));
        if !self.spec.is_share {
            self.positions.assign(partitions.clone());
            self.own_stores(&partitions);
        }
        if let Some(membership) = &mut self.membership {
            membership.owned = partitions;
        }
    }

    /// Gives partitions up: politely, or because they are lost.
    pub(super) fn give_up(&mut self, gone: Vec<TopicPartition>, out: &mut Out<'_>) {
        let Some(membership) = &mut self.membership else { return };
        let is_lost = std::mem::take(&mut membership.is_lost);
        if gone.is_empty() {
            return;
        }
        self.commits.leave_out(&gone);
        let kept = membership.owned.iter().filter(|partition| !gone.contains(partition));
        let kept = kept.cloned().collect();
        self.own(kept);
        let client = self.core.name.clone();
        out.emit(match is_lost {
            true => Event::PartitionsLost { client, partitions: gone },
            false => Event::PartitionsRevoked { client, partitions: gone },
        });
    }

    // ---- in the background ----

    /// Does what the membership needs next; says when to look again.
    pub(super) fn pump_membership(&mut self, out: &mut Out<'_>) -> Option<Time> {
        let now = out.now();
        let membership = self.membership.as_mut()?;
        if membership.coordinator.is_none() {
            if membership.asking_coordinator || !self.core.metadata.is_known() {
                return None;
            }
            if membership.is_holding_off(now) {
                return Some(membership.retry_at);
            }
            let group = membership.group.clone();
            let node = self.core.any_node(out)?;
            membership.asking_coordinator = true;
            self.core.send(node, Request::FindCoordinator { group }, Asked::Coordinator, out);
            return None;
        }
        let poll_by = self.watch_poll(out);
        let membership = self.membership.as_mut()?;
        if membership.is_holding_off(now) {
            return [Some(membership.retry_at), poll_by].into_iter().flatten().min();
        }
        let next = match &membership.side {
            Side::Classic(_) => self.pump_classic(out),
            Side::Modern(_) => self.pump_modern(out),
        };
        [next, poll_by].into_iter().flatten().min()
    }

    /// Who does not come back to `poll()` in time leaves. A static member only falls silent.
    fn watch_poll(&mut self, out: &mut Out<'_>) -> Option<Time> {
        let membership = self.membership.as_ref()?;
        if self.thread == Thread::Polling || membership.generation < 0 || membership.is_lost {
            return None;
        }
        let by = membership.polled_at + self.config.max_poll_interval;
        if by > out.now() {
            return Some(by);
        }
        let error = client_error(
            "ConsumerCoordinator",
            "consumer poll timeout has expired. This means the time between subsequent calls to \
             poll() was longer than the configured max.poll.interval.ms, which typically implies \
             that the poll loop is spending too much time processing messages. You can address \
             this either by increasing max.poll.interval.ms or by reducing the maximum size of \
             batches returned in poll() with max.poll.records.",
        );
        out.emit(Event::ClientError { client: self.core.name.clone(), error });
        if let Some((node, request)) = self.farewell()
            && self.core.connect(node, out)
        {
            self.core.send(node, request, Asked::Nothing, out);
        }
        let membership = self.membership.as_mut()?;
        membership.fall_out(ErrorCode::UnknownMemberId);
        // It comes back with its next poll, not before.
        membership.beat_at = Time::NEVER;
        None
    }

    /// How to say goodbye, if there is anybody to say it to.
    fn farewell(&self) -> Option<(NodeId, Request)> {
        let membership = self.membership.as_ref()?;
        let node = membership.coordinator()?;
        let request = match &membership.side {
            Side::Classic(_) if membership.instance.is_some() || membership.member.is_empty() => {
                return None;
            }
            Side::Classic(_) => Request::LeaveGroup {
                group: membership.group.clone(),
                member: membership.member.clone(),
                instance: membership.instance.clone(),
            },
            Side::Modern(_) if membership.generation <= 0 => return None,
            Side::Modern(_) => self.modern_farewell()?,
        };
        Some((node, request))
    }

    /// Says goodbye; false if there is nobody to say it to.
    pub(super) fn leave_group(&mut self, out: &mut Out<'_>) -> bool {
        let Some((node, request)) = self.farewell() else { return false };
        let open = self.core.connect(node, out);
        if open {
            self.core.send(node, request, Asked::Leave, out);
        }
        open
    }

    pub(super) fn membership_answered(
        &mut self,
        asked: Asked,
        response: Option<Response>,
        out: &mut Out<'_>,
    ) {
        let Some(membership) = &mut self.membership else { return };
        match (asked, response) {
            (Asked::Coordinator, Some(Response::FindCoordinator(Ok(coordinator)))) => {
                membership.asking_coordinator = false;
                membership.coordinator = Some(coordinator);
                membership.went_well();
                membership.retry_at = out.now();
            }
            (Asked::Coordinator, _) => {
                membership.asking_coordinator = false;
                self.try_again_later(out);
            }
            (Asked::Join, Some(Response::JoinGroup(result))) => self.joined(result, out),
            (Asked::Sync, Some(Response::SyncGroup(result))) => self.synced(result, out),
            (Asked::Heartbeat, Some(Response::Heartbeat(result))) => self.beaten(result, out),
            (Asked::Heartbeat, Some(Response::ConsumerGroupHeartbeat(result))) => {
                self.target_heard(result, out);
            }
            (asked, _) => self.membership_unanswered(asked, out),
        }
    }

    /// The connection is gone.
    fn membership_unanswered(&mut self, asked: Asked, out: &mut Out<'_>) {
        let Some(membership) = &mut self.membership else { return };
        membership.beat_under_way &= !matches!(asked, Asked::Heartbeat);
        if let Side::Classic(side) = &mut membership.side {
            side.unanswered(&asked);
        }
        membership.forget_coordinator();
        self.try_again_later(out);
    }

    pub(super) fn try_again_later(&mut self, out: &mut Out<'_>) {
        let failures = self.membership.as_ref().map_or(0, Membership::failures);
        let wait = self.core.retry_backoff(failures, out);
        if let Some(membership) = &mut self.membership {
            membership.hold_off(out.now() + wait);
        }
    }
}
