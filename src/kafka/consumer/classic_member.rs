//! A member of a group of the classic protocol: prepare, join, lead if it must, sync, be stable.
//!
//! Before it joins, the member commits what it has handed out (if it commits by itself), and an
//! eager one gives everything up; a cooperative one keeps what it has until it is told what it
//! loses, and then joins once more so that others may have it.

use super::client::{Asked, Consumer};
use super::membership::Side;
use crate::kafka::assignor::{self, Assignor, Topic};
use crate::kafka::error::ErrorCode;
use crate::kafka::event::{Event, TopicPartition};
use crate::kafka::group::Subscription;
use crate::kafka::message::Request;
use crate::kafka::message::request::JoinGroup;
use crate::kafka::message::response::{Joined, JoinedMember};
use crate::kafka::process::Out;
use crate::kafka::protection::Protection;
use crate::ordered::Order;
use crate::sim::{Span, Time};
use std::rc::Rc;

/// How far it is.
#[derive(Clone, Debug, Default)]
enum Stage {
    /// It has to join; first come a last commit and what has to be given up.
    #[default]
    Outside,
    /// The last commit before a join is under way.
    Preparing,
    /// It wants to join, or waits for the others.
    Joining,
    /// It has joined, and leads: it divides the partitions as soon as it knows all topics.
    Leading(Assignor, Vec<JoinedMember>),
    /// It waits for its partitions.
    Syncing(Vec<(Rc<str>, Vec<TopicPartition>)>),
    /// They have come, and will be taken up by the next `poll()`.
    Arrived(Vec<TopicPartition>),
    /// A member.
    Stable,
}

/// The classic side of a membership.
#[derive(Clone, Debug, Default)]
pub struct ClassicMember {
    stage: Stage,
    /// It has to join once more.
    rejoin: bool,
    /// A JoinGroup or SyncGroup is under way.
    asking: bool,
    /// What it had in which generation: the sticky assignor's memory.
    previous: (Vec<TopicPartition>, i32),
    /// The topics and partition counts by which it divided, if it leads.
    divided: Option<Vec<(Rc<str>, i32)>>,
}

impl ClassicMember {
    pub(super) fn is_stable(&self) -> bool {
        matches!(self.stage, Stage::Stable)
    }

    /// What it joins with is another thing: it joins once more if it has joined already.
    pub(super) fn subscription_changed(&mut self) {
        self.rejoin |= match self.stage {
            Stage::Outside | Stage::Preparing => false,
            Stage::Joining => self.asking,
            Stage::Leading(..) | Stage::Syncing(_) | Stage::Arrived(_) | Stage::Stable => true,
        };
    }

    pub(super) fn may_commit(&self) -> bool {
        matches!(self.stage, Stage::Stable | Stage::Preparing | Stage::Arrived(_))
    }

    pub(super) fn fall_out(&mut self) {
        self.stage = Stage::Outside;
        self.divided = None;
    }

    pub(super) fn unanswered(&mut self, asked: &Asked) {
        if matches!(asked, Asked::Join | Asked::Sync) {
            self.asking = false;
        }
    }
}

/// A JoinGroup may be held for the rebalance timeout; the client waits a little longer.
const JOIN_SLACK: Span = Span::seconds(5);

impl Consumer {
    fn classic(&mut self) -> Option<&mut ClassicMember> {
        match &mut self.membership.as_mut()?.side {
            Side::Classic(side) => Some(side),
            Side::Modern(_) => None,
        }
    }

    fn is_cooperative(&self) -> bool {
        self.config.assignors.iter().all(|assignor| assignor.is_cooperative())
    }

    // ---- within poll() ----

    pub(super) fn poll_classic(&mut self, out: &mut Out<'_>) {
        let Some(side) = self.classic() else { return };
        if let Stage::Arrived(partitions) = &mut side.stage {
            let partitions = std::mem::take(partitions);
            side.stage = Stage::Stable;
            self.take_up_assignment(partitions, out);
        }
        let Some(side) = self.classic() else { return };
        match side.stage {
            Stage::Stable if side.rejoin => self.prepare_to_join(out),
            Stage::Outside => self.prepare_to_join(out),
            Stage::Preparing => self.finish_preparing(out),
            _ => {}
        }
    }

    fn prepare_to_join(&mut self, out: &mut Out<'_>) {
        let Some(membership) = &mut self.membership else { return };
        if membership.coordinator().is_none() {
            return;
        }
        if let Side::Classic(side) = &mut membership.side {
            side.rejoin = false;
            side.stage = Stage::Preparing;
        }
        if membership.generation >= 0 && !membership.is_lost {
            self.commit_before_rebalance(out.now());
        }
        self.finish_preparing(out);
    }

    fn finish_preparing(&mut self, out: &mut Out<'_>) {
        if self.commits.is_preparing() {
            return;
        }
        let is_eager = !self.is_cooperative();
        let Some(membership) = &mut self.membership else { return };
        let generation = membership.generation;
        let gone = match is_eager || membership.is_lost {
            true => membership.owned.clone(),
            false => Vec::new(),
        };
        if let Side::Classic(side) = &mut membership.side {
            if !membership.is_lost && generation >= 0 {
                side.previous = (membership.owned.clone(), generation);
            }
            side.stage = Stage::Joining;
        }
        self.give_up(gone, out);
    }

    fn take_up_assignment(&mut self, partitions: Vec<TopicPartition>, out: &mut Out<'_>) {
        let Some(membership) = &self.membership else { return };
        let owned = &membership.owned;
        let gone: Vec<_> = owned.iter().filter(|p| !partitions.contains(p)).cloned().collect();
        let added: Vec<_> = partitions.iter().filter(|p| !owned.contains(p)).cloned().collect();
        // What it had to give up can be handed out only when it joins again without it.
        let again = !gone.is_empty();
        self.give_up(gone, out);
        self.own(partitions);
        self.begin_auto_commit(out.now());
        let client = self.core.name.clone();
        out.emit(Event::PartitionsAssigned { client, partitions: added });
        if let Some(side) = self.classic() {
            side.rejoin |= again;
        }
    }

    // ---- in the background ----

    pub(super) fn pump_classic(&mut self, out: &mut Out<'_>) -> Option<Time> {
        self.divide_if_all_is_known();
        let now = out.now();
        let membership = self.membership.as_ref()?;
        let node = membership.coordinator()?;
        let Side::Classic(side) = &membership.side else { return None };
        let (group, member) = (membership.group.clone(), membership.member.clone());
        let (instance, generation) = (membership.instance.clone(), membership.generation);
        match &side.stage {
            Stage::Joining if !side.asking => {
                let join = self.join_request()?;
                let timeout = self.config.max_poll_interval + JOIN_SLACK;
                if self.core.connect(node, out) {
                    let timeout = timeout.max(self.core.config.request_timeout);
                    let request = Request::JoinGroup(join);
                    self.core.send_within(node, (request, Asked::Join), timeout, out);
                    self.classic()?.asking = true;
                }
                None
            }
            Stage::Syncing(assignments) if !side.asking => {
                let assignments = assignments.clone();
                let request =
                    Request::SyncGroup { group, member, instance, generation, assignments };
                if self.core.connect(node, out) {
                    self.core.send(node, request, Asked::Sync, out);
                    self.classic()?.asking = true;
                }
                None
            }
            Stage::Stable | Stage::Preparing | Stage::Arrived(_) if generation >= 0 => {
                if membership.beat_under_way {
                    return None;
                }
                if membership.beat_at > now {
                    return Some(membership.beat_at);
                }
                if self.core.connect(node, out) {
                    let request = Request::Heartbeat { group, member, instance, generation };
                    self.core.send(node, request, Asked::Heartbeat, out);
                    let membership = self.membership.as_mut()?;
                    membership.beat_under_way = true;
                    membership.beat_at = now + self.config.heartbeat_interval;
                }
                None
            }
            _ => None,
        }
    }

    fn join_request(&self) -> Option<JoinGroup> {
        let membership = self.membership.as_ref()?;
        let Side::Classic(side) = &membership.side else { return None };
        let (previous, generation) = side.previous.clone();
        let remembers = self.config.assignors.contains(&Assignor::Sticky);
        Some(JoinGroup {
            group: membership.group.clone(),
            member: membership.member.clone(),
            instance: membership.instance.clone(),
            session_timeout: self.config.session_timeout,
            rebalance_timeout: self.config.max_poll_interval,
            protocols: self.config.assignors.clone(),
            subscription: Subscription {
                topics: self.subscribed(),
                owned: membership.owned.clone(),
                previous: if remembers { previous } else { Vec::new() },
                generation,
                rack: self.config.rack.clone(),
            },
        })
    }

    pub(super) fn joined(
        &mut self,
        result: Result<Joined, (ErrorCode, Rc<str>)>,
        out: &mut Out<'_>,
    ) {
        let (now, interval) = (out.now(), self.config.heartbeat_interval);
        let Some(membership) = &mut self.membership else { return };
        let Side::Classic(side) = &mut membership.side else { return };
        side.asking = false;
        match result {
            Ok(joined) => {
                membership.member = joined.member.clone();
                membership.generation = joined.generation;
                membership.beat_at = now + interval;
                side.divided = None;
                side.stage = match joined.leader == joined.member && !joined.skip_assignment {
                    true => Stage::Leading(joined.protocol, joined.members),
                    false => Stage::Syncing(Vec::new()),
                };
                membership.went_well();
                self.want_topics_of_members();
                self.divide_if_all_is_known();
            }
            Err((ErrorCode::MemberIdRequired, id)) => membership.member = id,
            // What it owned is lost: it prepares anew, and joins with nothing.
            Err((ErrorCode::UnknownMemberId, _)) => {
                membership.fall_out(ErrorCode::UnknownMemberId);
            }
            Err((error, _)) => self.membership_refused(error, out),
        }
    }

    /// The leader has to know the topics of all members.
    fn want_topics_of_members(&mut self) {
        let Some(ClassicMember { stage: Stage::Leading(_, members), .. }) = self.classic() else {
            return;
        };
        let topics = members.iter().flat_map(|member| &member.subscription.topics);
        let topics: Vec<Rc<str>> = topics.cloned().collect();
        topics.iter().for_each(|topic| self.core.metadata.want(topic));
    }

    /// The leader divides the partitions among the members.
    fn divide_if_all_is_known(&mut self) {
        let Some(ClassicMember { stage: Stage::Leading(assignor, members), .. }) = self.classic()
        else {
            return;
        };
        let (assignor, members) = (*assignor, members.clone());
        let mut names: Vec<&Rc<str>> =
            members.iter().flat_map(|member| &member.subscription.topics).collect();
        names.order();
        names.dedup();
        if names.iter().any(|name| self.core.metadata.is_awaited(name)) {
            return;
        }
        let counts = names.into_iter().map(|name| (name.clone(), self.partition_count(name)));
        let counts: Vec<(Rc<str>, i32)> = counts.collect();
        let topics = counts.iter().filter(|(_, count)| *count > 0).map(|(name, count)| Topic {
            name: name.clone(),
            partitions: *count,
            racks: Vec::new(),
        });
        let among = members.iter().map(|member| {
            let sticky = assignor == Assignor::Sticky;
            let said = &member.subscription;
            assignor::Member {
                id: member.member.clone(),
                instance: member.instance.clone(),
                rack: said.rack.clone(),
                topics: said.topics.clone(),
                owned: if sticky { said.previous.clone() } else { said.owned.clone() },
                generation: said.generation,
            }
        });
        let among: Vec<assignor::Member> = among.collect();
        // Without its second step a cooperative assignor is the sticky one.
        let hands_over = self.config.without.lacks(Protection::CooperativeRevoke);
        let assignor = match assignor {
            Assignor::CooperativeSticky if hands_over => Assignor::Sticky,
            assignor => assignor,
        };
        let divided = assignor.assign(&topics.collect::<Vec<_>>(), &among);
        let assignments = members.into_iter().map(|member| member.member).zip(divided).collect();
        if let Some(side) = self.classic() {
            side.divided = Some(counts);
            side.stage = Stage::Syncing(assignments);
        }
    }

    fn partition_count(&self, topic: &str) -> i32 {
        match self.core.metadata.topic(topic) {
            Some(Ok(found)) => found.partitions.len() as i32,
            _ => 0,
        }
    }

    /// The leader divides anew when a topic came, grew or went.
    pub(super) fn leader_looks_at_topics(&mut self) {
        let Some(Some(divided)) = self.classic().map(|side| side.divided.clone()) else { return };
        if divided.iter().any(|(topic, count)| self.partition_count(topic) != *count)
            && let Some(side) = self.classic()
        {
            side.rejoin = true;
        }
    }

    pub(super) fn synced(
        &mut self,
        result: Result<Vec<TopicPartition>, ErrorCode>,
        out: &mut Out<'_>,
    ) {
        let Some(side) = self.classic() else { return };
        side.asking = false;
        match result {
            Ok(partitions) => side.stage = Stage::Arrived(partitions),
            // Somebody came or went meanwhile: join again.
            Err(ErrorCode::RebalanceInProgress) => side.stage = Stage::Joining,
            Err(error) => self.membership_refused(error, out),
        }
    }

    pub(super) fn beaten(&mut self, result: Result<(), ErrorCode>, out: &mut Out<'_>) {
        let Some(membership) = &mut self.membership else { return };
        membership.beat_under_way = false;
        match result {
            Ok(()) => membership.went_well(),
            Err(ErrorCode::RebalanceInProgress) => {
                if let Side::Classic(side) = &mut membership.side {
                    side.rejoin |= matches!(side.stage, Stage::Stable | Stage::Arrived(_));
                }
            }
            Err(error) => self.membership_refused(error, out),
        }
    }

    /// What all requests of a member can be answered with.
    pub(super) fn membership_refused(&mut self, error: ErrorCode, out: &mut Out<'_>) {
        let Some(membership) = &mut self.membership else { return };
        match error {
            ErrorCode::NotCoordinator | ErrorCode::CoordinatorNotAvailable => {
                membership.forget_coordinator();
                self.try_again_later(out);
            }
            ErrorCode::CoordinatorLoadInProgress | ErrorCode::RequestTimedOut => {
                self.try_again_later(out);
            }
            ErrorCode::UnknownMemberId
            | ErrorCode::IllegalGeneration
            | ErrorCode::FencedMemberEpoch => membership.fall_out(error),
            fatal => self.die(fatal.error(), out),
        }
    }
}
