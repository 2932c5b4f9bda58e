//! A member of a group of the consumer protocol (KIP-848): it sends heartbeats, and is led to its
//! target by their answers. What it is to give up it gives up in its next `poll()`, and says so at
//! once; what it is to take comes only when nobody else has it any more.

use super::client::{Asked, Consumer};
use super::membership::Side;
use crate::kafka::controller::active::draw_id;
use crate::kafka::error::ErrorCode;
use crate::kafka::event::{Event, TopicPartition};
use crate::kafka::group::modern::{LEAVE, LEAVE_FOR_A_WHILE};
use crate::kafka::message::Request;
use crate::kafka::message::request::ConsumerGroupHeartbeat;
use crate::kafka::message::response::MemberTarget;
use crate::kafka::process::Out;
use crate::sim::{Span, Time};

/// The modern side of a membership.
#[derive(Clone, Debug, Default)]
pub struct ModernMember {
    /// What it is to have, until it has it.
    pub(super) target: Option<Vec<TopicPartition>>,
    /// The last commit before it gives something up was begun.
    has_committed: bool,
}

impl Consumer {
    fn modern(&mut self) -> Option<&mut ModernMember> {
        match &mut self.membership.as_mut()?.side {
            Side::Modern(side) => Some(side),
            Side::Classic(_) => None,
        }
    }

    // ---- within poll() ----

    pub(super) fn poll_modern(&mut self, out: &mut Out<'_>) {
        let Some(membership) = &mut self.membership else { return };
        if membership.is_lost {
            let all = membership.owned.clone();
            membership.beat_at = out.now();
            return self.give_up(all, out);
        }
        let Side::Modern(side) = &mut membership.side else { return };
        let Some(target) = side.target.clone() else { return };
        let owned = &membership.owned;
        let gone: Vec<_> = owned.iter().filter(|p| !target.contains(p)).cloned().collect();
        let added: Vec<_> = target.iter().filter(|p| !owned.contains(p)).cloned().collect();
        if !gone.is_empty() && !std::mem::replace(&mut side.has_committed, true) {
            self.commit_before_rebalance(out.now());
        }
        if self.commits.is_preparing() {
            return;
        }
        self.give_up(gone, out);
        self.own(target);
        let client = self.core.name.clone();
        out.emit(Event::PartitionsAssigned { client, partitions: added });
        if let Some(side) = self.modern() {
            *side = ModernMember::default();
        }
        // The coordinator is told at once.
        if let Some(membership) = &mut self.membership {
            membership.beat_at = out.now();
        }
    }

    // ---- in the background ----

    pub(super) fn pump_modern(&mut self, out: &mut Out<'_>) -> Option<Time> {
        let membership = self.membership.as_mut()?;
        if membership.member.is_empty() {
            membership.member = draw_id(out.random()).to_string().into();
            membership.generation = 0;
        }
        if membership.beat_under_way || membership.is_lost {
            return None;
        }
        if membership.beat_at > out.now() {
            return Some(membership.beat_at);
        }
        let node = membership.coordinator()?;
        let request = Request::ConsumerGroupHeartbeat(self.beat(None)?);
        if self.core.connect(node, out) {
            self.core.send(node, request, Asked::Heartbeat, out);
            let membership = self.membership.as_mut()?;
            membership.beat_under_way = true;
            // The answer says how soon the next one is due.
            membership.beat_at = Time::NEVER;
        }
        None
    }

    /// What it reports; `epoch` if it leaves.
    fn beat(&self, epoch: Option<i32>) -> Option<ConsumerGroupHeartbeat> {
        let membership = self.membership.as_ref()?;
        Some(ConsumerGroupHeartbeat {
            group: membership.group.clone(),
            member: membership.member.clone(),
            instance: membership.instance.clone(),
            epoch: epoch.unwrap_or(membership.generation),
            rebalance_timeout: self.config.max_poll_interval,
            topics: self.subscribed(),
            assignor: self.config.remote_assignor,
            owned: Some(membership.owned.clone()),
        })
    }

    pub(super) fn modern_farewell(&self) -> Option<Request> {
        let is_static = self.membership.as_ref()?.instance.is_some();
        let epoch = if is_static { LEAVE_FOR_A_WHILE } else { LEAVE };
        self.beat(Some(epoch)).map(Request::ConsumerGroupHeartbeat)
    }

    pub(super) fn target_heard(
        &mut self,
        result: Result<(MemberTarget, Span), ErrorCode>,
        out: &mut Out<'_>,
    ) {
        let Some(membership) = &mut self.membership else { return };
        membership.beat_under_way = false;
        match result {
            // It fell out while this was under way.
            Ok(_) if membership.is_lost => {}
            Ok((heard, interval)) => {
                membership.went_well();
                membership.generation = heard.epoch;
                let wanted = out.now() + interval;
                membership.beat_at = match membership.beat_at {
                    Time::NEVER => wanted,
                    sooner => sooner.min(wanted),
                };
                if let (Some(target), Side::Modern(side)) = (heard.assignment, &mut membership.side)
                {
                    side.target = Some(target);
                }
            }
            Err(error) => {
                membership.beat_at = out.now();
                self.membership_refused(error, out);
            }
        }
    }
}
