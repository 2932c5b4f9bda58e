//! Becoming the member of a group: find its coordinator, join, agree on the assignment.

use super::client::{Asked, Consumer};
use crate::kafka::error::ErrorCode;
use crate::kafka::event::TopicPartition;
use crate::kafka::message::{Request, Response};
use crate::kafka::process::Out;
use crate::kafka::spec::Reads;
use crate::sim::{NodeId, Time};
use std::rc::Rc;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// Who coordinates is not known.
    NoCoordinator,
    /// Not a member, or with another assignment.
    Outside,
    /// Joined, and the assignment is not agreed on.
    Joined,
    /// A member.
    Stable,
}

/// The consumer's side of its membership.
#[derive(Clone, Debug)]
pub struct Membership {
    /// `group.id`.
    pub group: Rc<str>,
    /// Its member id; empty before the first join.
    pub member: Rc<str>,
    /// The generation that it joined.
    pub generation: i32,
    stage: Stage,
    coordinator: Option<(i32, NodeId)>,
    assignment: Vec<TopicPartition>,
    asking: bool,
    retry_at: Time,
    failures: u32,
}

impl Membership {
    /// Not a member yet.
    pub fn new(group: &str) -> Membership {
        Membership {
            group: group.into(),
            member: "".into(),
            generation: -1,
            stage: Stage::NoCoordinator,
            coordinator: None,
            assignment: Vec::new(),
            asking: false,
            retry_at: Time::ZERO,
            failures: 0,
        }
    }

    /// True while it is a member with an assignment.
    pub fn is_stable(&self) -> bool {
        self.stage == Stage::Stable
    }

    /// Where the coordinator is.
    pub fn coordinator(&self) -> Option<NodeId> {
        self.coordinator.map(|(_, node)| node)
    }

    /// The coordinator is another one now, or away.
    pub fn forget_coordinator(&mut self) {
        self.stage = Stage::NoCoordinator;
        self.coordinator = None;
    }

    /// The coordinator does not know it any more.
    pub fn rejoin(&mut self) {
        if self.stage != Stage::NoCoordinator {
            self.stage = Stage::Outside;
        }
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

    /// All partitions of the subscribed topics, as far as they are known.
    fn subscribed_partitions(&self) -> Vec<TopicPartition> {
        let Reads::Group { .. } = &self.spec.reads else { return Vec::new() };
        let mut partitions = Vec::new();
        for topic in self.core.metadata.wanted() {
            if let Some(Ok(found)) = self.core.metadata.topic(topic) {
                partitions.extend(
                    (0..found.partitions.len() as i32)
                        .map(|partition| TopicPartition { topic: topic.clone(), partition }),
                );
            }
        }
        partitions
    }

    /// Topics came, grew or went: the assignment has to be agreed on anew.
    pub(super) fn assignment_changed(&mut self) {
        let partitions = self.subscribed_partitions();
        match &mut self.membership {
            Some(membership) if membership.stage == Stage::Stable => {
                if membership.assignment != partitions {
                    membership.stage = Stage::Outside;
                }
            }
            Some(_) => {}
            None => self.assign_by_hand(),
        }
    }

    /// Asks for what the membership needs next; says when to look again.
    pub(super) fn pump_membership(&mut self, out: &mut Out<'_>) -> Option<Time> {
        let partitions = self.subscribed_partitions();
        let membership = self.membership.as_mut()?;
        if membership.asking || membership.is_stable() {
            return None;
        }
        if membership.retry_at > out.now() {
            return Some(membership.retry_at);
        }
        let group = membership.group.clone();
        let member = membership.member.clone();
        let (node, request, asked) = match membership.stage {
            Stage::NoCoordinator => {
                if !self.core.metadata.is_known() {
                    return None;
                }
                let node = self.core.any_node(out)?;
                (node, Request::FindCoordinator { group }, Asked::Coordinator)
            }
            Stage::Outside => {
                // A topic that does not exist yet is waited for.
                if partitions.is_empty() {
                    return None;
                }
                membership.assignment = partitions;
                let topics = self.core.metadata.wanted().cloned().collect();
                let node = membership.coordinator()?;
                (node, Request::JoinGroup { group, member, topics }, Asked::Join)
            }
            Stage::Joined => {
                let (generation, assignment) =
                    (membership.generation, membership.assignment.clone());
                let request = Request::SyncGroup { group, member, generation, assignment };
                (membership.coordinator()?, request, Asked::Sync)
            }
            Stage::Stable => return None,
        };
        if self.core.connect(node, out) {
            membership.asking = true;
            self.core.send(node, request, asked, out);
        }
        None
    }

    pub(super) fn membership_answered(
        &mut self,
        asked: Asked,
        response: Option<Response>,
        out: &mut Out<'_>,
    ) {
        let Some(membership) = &mut self.membership else { return };
        membership.asking = false;
        let failed = match (asked, response) {
            (Asked::Coordinator, Some(Response::FindCoordinator(Ok(coordinator)))) => {
                membership.coordinator = Some(coordinator);
                membership.stage = Stage::Outside;
                None
            }
            (_, Some(Response::FindCoordinator(Err(error)))) => Some(error),
            (Asked::Join, Some(Response::JoinGroup(Ok(joined)))) => {
                membership.member = joined.member;
                membership.generation = joined.generation;
                membership.stage = Stage::Joined;
                None
            }
            (_, Some(Response::JoinGroup(Err(error)))) => {
                let retriable = [
                    ErrorCode::CoordinatorLoadInProgress,
                    ErrorCode::CoordinatorNotAvailable,
                    ErrorCode::NotCoordinator,
                ];
                match retriable.into_iter().find(|code| code.code() == error.code) {
                    Some(code) => Some(code),
                    None => return self.die(error, out),
                }
            }
            (Asked::Sync, Some(Response::SyncGroup(Ok(())))) => {
                membership.stage = Stage::Stable;
                let assignment = membership.assignment.clone();
                self.positions.assign(assignment);
                None
            }
            (_, Some(Response::SyncGroup(Err(error)))) => Some(error),
            // The connection is gone.
            _ => Some(ErrorCode::CoordinatorNotAvailable),
        };
        self.membership_failed(failed, out);
    }

    fn membership_failed(&mut self, failed: Option<ErrorCode>, out: &mut Out<'_>) {
        let Some(membership) = &mut self.membership else { return };
        let Some(error) = failed else {
            membership.failures = 0;
            return;
        };
        let wait = self.core.retry_backoff(membership.failures, out);
        membership.retry_at = out.now() + wait;
        membership.failures += 1;
        match error {
            ErrorCode::NotCoordinator | ErrorCode::CoordinatorNotAvailable => {
                membership.forget_coordinator();
            }
            ErrorCode::UnknownMemberId | ErrorCode::IllegalGeneration => {
                membership.member = "".into();
                membership.rejoin();
            }
            _ => {}
        }
    }

    /// Says goodbye; false if there is nobody to say it to.
    pub(super) fn leave_group(&mut self, out: &mut Out<'_>) -> bool {
        let Some(membership) = &self.membership else { return false };
        let Some(node) = membership.coordinator() else { return false };
        let request = Request::LeaveGroup {
            group: membership.group.clone(),
            member: membership.member.clone(),
        };
        let open = self.core.connect(node, out);
        if open {
            self.core.send(node, request, Asked::Leave, out);
        }
        open
    }
}
