//! The coordinator and the members of its groups: it hands each request to the group, and carries
//! out what comes of it.
//!
//! One timer serves all groups: it is set to the earliest instant at which something in one of
//! them is due, and finds out then what that is.

use super::coordinator::{OFFSETS_COMMIT_TIMEOUT, batch_of};
use super::produce::Completion;
use super::server::{Call, Server};
use crate::kafka::assignor::Topic;
use crate::kafka::error::ErrorCode;
use crate::kafka::event::TopicPartition;
use crate::kafka::group::classic::{ClassicGroup, Effect, Moment};
use crate::kafka::group::modern::{Around, JOIN};
use crate::kafka::group::{Group, Kind, records};
use crate::kafka::message::Response;
use crate::kafka::message::request::{ConsumerGroupHeartbeat, JoinGroup};
use crate::kafka::now_ms;
use crate::kafka::process::{Out, Timer};
use crate::kafka::protection::Protection;
use std::rc::Rc;

impl Server {
    pub(super) fn join_group(&mut self, call: Call, join: JoinGroup, out: &mut Out<'_>) {
        let group = join.group.clone();
        let session = join.session_timeout;
        let allowed = match () {
            () if group.is_empty() => Err(ErrorCode::InvalidGroupId),
            () if !self.config.group_session_timeouts.contains(&session) => {
                Err(ErrorCode::InvalidSessionTimeout)
            }
            () => self.coordinated(&group).and_then(|_| {
                let max = self.config.group_max_size;
                let found = self.groups.get_or_make(&group).as_classic()?;
                let is_new = found.member(&join.member).is_none();
                match is_new && found.members.len() >= max {
                    true => Err(ErrorCode::GroupMaxSizeReached),
                    false => Ok(()),
                }
            }),
        };
        if let Err(error) = allowed {
            return call.answer(Response::JoinGroup(Err((error, join.member))), out);
        }
        let fresh: Rc<str> = match join.member.is_empty() {
            // A static member's id begins with its instance's.
            true => {
                let name = join.instance.as_ref().unwrap_or(&call.client);
                format!("{name}-{}", super::coordinator::uuid_text(out)).into()
            }
            false => join.member.clone(),
        };
        let mut asked = Some((call, join));
        self.with_classic(&group, out, &mut |found, at| {
            if let Some((call, join)) = asked.take() {
                found.join(call, join, fresh.clone(), at);
            }
        });
    }

    pub(super) fn sync_group(
        &mut self,
        call: Call,
        (group, member, instance, generation): (&Rc<str>, &Rc<str>, Option<&Rc<str>>, i32),
        assignments: Vec<(Rc<str>, Vec<TopicPartition>)>,
        out: &mut Out<'_>,
    ) {
        if let Err(error) = self.classic(group) {
            return call.answer(Response::SyncGroup(Err(error)), out);
        }
        let mut asked = Some((call, assignments));
        self.with_classic(group, out, &mut |found, at| {
            if let Some((call, assignments)) = asked.take() {
                found.sync(call, (member, instance, generation), assignments, at);
            }
        });
    }

    pub(super) fn heartbeat(
        &mut self,
        call: &Call,
        (group, member, instance, generation): (&Rc<str>, &Rc<str>, Option<&Rc<str>>, i32),
        out: &mut Out<'_>,
    ) {
        let now = out.now();
        let result = self
            .classic(group)
            .and_then(|found| found.heartbeat((member, instance, generation), now));
        call.answer(Response::Heartbeat(result), out);
    }

    pub(super) fn leave_group(
        &mut self,
        call: &Call,
        (group, member, instance): (&Rc<str>, &Rc<str>, Option<&Rc<str>>),
        out: &mut Out<'_>,
    ) {
        if let Err(error) = self.classic(group) {
            return call.answer(Response::LeaveGroup(Err(error)), out);
        }
        let mut result = Ok(());
        self.with_classic(group, out, &mut |found, at| {
            result = found.leave(member, instance, at);
        });
        call.answer(Response::LeaveGroup(result), out);
    }

    pub(super) fn consumer_group_heartbeat(
        &mut self,
        call: &Call,
        beat: ConsumerGroupHeartbeat,
        out: &mut Out<'_>,
    ) {
        let group = beat.group.clone();
        let interval = self.config.consumer_heartbeat_interval;
        let allowed = match group.is_empty() {
            true => Err(ErrorCode::InvalidRequest),
            false => self.coordinated(&group).map(drop),
        };
        let result = allowed.and_then(|()| {
            let known = match beat.epoch {
                JOIN => Some(self.groups.get_or_make(&group)),
                _ => self.groups.get_mut(&group),
            };
            known.ok_or(ErrorCode::GroupIdNotFound)?.as_modern().map(drop)
        });
        let mut answer = result.err().map(Err);
        let mut beat = Some(beat);
        if answer.is_none() {
            self.with_modern(&group, &call.client, out, &mut |found, around| {
                if let Some(beat) = beat.take() {
                    answer = Some(found.heartbeat(beat, around));
                }
            });
        }
        if let Some(answer) = answer {
            let answer = answer.map(|target| (target, interval));
            call.answer(Response::ConsumerGroupHeartbeat(answer), out);
        }
    }

    /// A group with members of the classic protocol.
    fn classic(&mut self, group: &str) -> Result<&mut ClassicGroup, ErrorCode> {
        self.coordinated(group)?;
        match self.groups.get_mut(group).map(|group| &mut group.kind) {
            Some(Kind::Classic(found)) => Ok(found),
            _ => Err(ErrorCode::UnknownMemberId),
        }
    }

    fn with_classic(
        &mut self,
        group: &Rc<str>,
        out: &mut Out<'_>,
        act: &mut dyn FnMut(&mut ClassicGroup, &mut Moment<'_>),
    ) {
        let initial_delay = self.config.initial_rebalance_delay;
        let mut effects = Vec::new();
        if let Some(Group { kind: Kind::Classic(found), .. }) = self.groups.get_mut(group) {
            let now = out.now();
            act(found, &mut Moment { group, now, initial_delay, effects: &mut effects });
            // A delay of nothing is over at once.
            found.expire(&mut Moment { group, now, initial_delay, effects: &mut effects });
        }
        self.carry_out(group, effects, out);
    }

    fn with_modern(
        &mut self,
        group: &Rc<str>,
        client: &Rc<str>,
        out: &mut Out<'_>,
        act: &mut dyn FnMut(&mut crate::kafka::group::modern::ModernGroup, &mut Around<'_>),
    ) {
        let topics = self.all_topics();
        let mut effects = Vec::new();
        if let Some(Group { kind: Kind::Consumer(found), .. }) = self.groups.get_mut(group) {
            act(
                found,
                &mut Around {
                    group,
                    client,
                    now: out.now(),
                    session_timeout: self.config.consumer_session_timeout,
                    topics: &topics,
                    hands_over: self.config.without.lacks(Protection::CooperativeRevoke),
                    effects: &mut effects,
                },
            );
        }
        self.carry_out(group, effects, out);
        self.write_modern(group, out);
    }

    fn all_topics(&self) -> Vec<Topic> {
        let topics = self.image.topics.iter().map(|(name, topic)| Topic {
            name: name.clone(),
            partitions: topic.partitions.len() as i32,
            racks: Vec::new(),
        });
        topics.collect()
    }

    /// Writes what has changed of a group of the consumer protocol.
    pub(super) fn write_modern(&mut self, group: &Rc<str>, out: &mut Out<'_>) {
        let Ok(partition) = self.coordinated(group) else { return };
        let topics = &self.image.topics;
        let id_of = |topic: &str| topics.get(topic).map(|topic| topic.id);
        let Some(Group { kind: Kind::Consumer(found), .. }) = self.groups.get_mut(group) else {
            return;
        };
        let changes = found.to_write(group, &id_of);
        if !changes.is_empty() {
            let batch = batch_of(changes.into_iter(), now_ms(out.now()));
            let batches = vec![(partition, batch)];
            self.append_all(-1, OFFSETS_COMMIT_TIMEOUT, batches, Completion::Nothing, out);
        }
    }

    /// Everything of a partition of `__consumer_offsets` is known: sessions go on.
    pub(super) fn groups_loaded(&mut self, out: &mut Out<'_>) {
        let all = self.all_topics();
        let topics = &self.image.topics;
        let id_of = |topic: &str| topics.get(topic).map(|topic| topic.id);
        for (id, group) in self.groups.iter_mut() {
            if let Kind::Consumer(found) = &mut group.kind
                && found.topics_unknown()
            {
                found.was_read(&all);
                found.to_write(id, &id_of);
            }
        }
        self.sleep_for_groups(out);
    }

    fn carry_out(&mut self, group: &Rc<str>, effects: Vec<Effect>, out: &mut Out<'_>) {
        let mut stores = false;
        let mut synced = Vec::new();
        for effect in effects {
            match effect {
                Effect::Tell(event) => out.emit(event),
                Effect::Joined(call, joined) => call.answer(Response::JoinGroup(joined), out),
                Effect::Store => stores = true,
                Effect::Synced(call, Ok(assignment)) if stores => synced.push((call, assignment)),
                Effect::Synced(call, result) => call.answer(Response::SyncGroup(result), out),
            }
        }
        let time = now_ms(out.now());
        if let Some(found) = self.groups.get_mut(group) {
            let since = found.empty_since.unwrap_or(time);
            found.empty_since = found.is_empty().then_some(since);
        }
        if stores {
            self.store_group(group, synced, out);
        }
        self.sleep_for_groups(out);
    }

    /// Writes a group's members; then those that asked for their assignment get it.
    fn store_group(
        &mut self,
        group: &Rc<str>,
        synced: Vec<(Call, Vec<TopicPartition>)>,
        out: &mut Out<'_>,
    ) {
        let Ok(partition) = self.coordinated(group) else { return };
        let Some(Group { kind: Kind::Classic(found), .. }) = self.groups.get(group) else { return };
        let time = now_ms(out.now());
        let (key, value) =
            (records::encode_members_key(group), records::encode_members(found, time));
        let batch = batch_of([(key, Some(value))].into_iter(), time);
        let completion = Completion::Synced(synced);
        self.append_all(-1, OFFSETS_COMMIT_TIMEOUT, vec![(partition, batch)], completion, out);
    }

    /// A group's members are in the log, or could not be brought there.
    pub(super) fn group_stored(
        &mut self,
        synced: Vec<(Call, Vec<TopicPartition>)>,
        written: Result<(), ErrorCode>,
        out: &mut Out<'_>,
    ) {
        for (call, assignment) in synced {
            let result = written.map(|()| assignment).map_err(super::coordinator::as_coordinator);
            call.answer(Response::SyncGroup(result), out);
        }
    }

    /// Something in a group may be due.
    pub(super) fn groups_woken(&mut self, out: &mut Out<'_>) {
        self.groups_wake = None;
        let now = out.now();
        let due =
            self.groups.iter().filter(|(_, group)| group.next_due().is_some_and(|at| at <= now));
        let due: Vec<Rc<str>> = due.map(|(id, _)| id.clone()).collect();
        for id in due {
            self.with_classic(&id, out, &mut |_, _| {});
            self.with_modern(&id, &"".into(), out, &mut |group, around| group.expire(around));
        }
        self.sleep_for_groups(out);
    }

    /// Sets the timer of the groups; it is only ever moved forward.
    pub(super) fn sleep_for_groups(&mut self, out: &mut Out<'_>) {
        let Some(due) = self.groups.next_due() else { return };
        let due = due.max(out.now());
        if self.groups_wake.is_none_or(|at| due < at) {
            self.groups_wake = Some(due);
            out.timer_at(Timer::Groups, due);
        }
    }
}
