//! Who mirrors a classic queue: mirrors come and go, and one takes the master's place.
//!
//! The master compares what the policy wants with what is, and proposes the difference; it is a
//! change of the definitions. So is that a node is down: all nodes come to the same new master.

use super::{Broker, Phase};
use crate::rabbit::command::AmqpError;
use crate::rabbit::error;
use crate::rabbit::event::Event;
use crate::rabbit::ids::{ChannelId, QueueId};
use crate::rabbit::message::Method;
use crate::rabbit::messages::Messages;
use crate::rabbit::mirror::{Mirrors, Step, Turn};
use crate::rabbit::process::{Out, Timer};
use crate::rabbit::profile::Profile;
use crate::rabbit::queue::Queue;
use crate::rabbit::quorum::group::tell;
use crate::rabbit::talk::{Change, Consuming, Deed, NewQueue, Talk};
use crate::sim::NodeId;
use std::rc::Rc;

impl Broker {
    /// The node that the definitions say a queue lives on.
    fn defined_home(&self, queue: &Queue) -> NodeId {
        queue.definition.as_ref().map_or(self.me, |definition| definition.home)
    }

    /// True if a policy wants mirrors of a queue.
    pub(super) fn is_mirrored(&self, queue: &Queue) -> bool {
        queue.rules.mirrored.is_some() && queue.can_be_mirrored()
    }

    /// True if a queue has a mirror that may take the place of its master.
    pub(super) fn has_mirror(&self, id: QueueId) -> bool {
        self.queues.get(&id).is_some_and(|queue| !queue.mirroring.mirrors.all.is_empty())
    }

    /// As the master of queues: what policies want of their mirrors is proposed.
    pub(super) fn see_to_mirrors(&mut self, out: &mut Out<'_>) {
        let is_at_work = self.is_clustered() && matches!(self.phase, Phase::Serves);
        if self.profile != Profile::V3_11 || !is_at_work {
            return;
        }
        let mut others = self.nodes.clone();
        let at = others.iter().position(|node| *node == self.me).unwrap_or(0);
        others.rotate_left(at);
        let up = others.into_iter().filter(|node| *node != self.me && self.is_up(*node));
        let up: Vec<(NodeId, String)> = up.map(|node| (node, self.full_name(node))).collect();
        let (mut changes, mut lacking) = (Vec::new(), Vec::new());
        for queue in self.queues.values_mut() {
            if queue.home.is_some() || !queue.can_be_mirrored() {
                continue;
            }
            let now: Vec<NodeId> = queue.mirroring.mirrors.nodes().collect();
            let wanted = queue.rules.mirrored.as_ref();
            if wanted.is_some_and(|wanted| wanted.is_automatic) && !queue.mirroring.is_syncing {
                lacking.push(queue.id);
            }
            let wanted = wanted.map_or_else(Vec::new, |wanted| wanted.mirrors(&now, &up));
            let come = wanted.iter().filter(|node| !now.contains(node)).copied();
            let go = now.iter().filter(|node| !wanted.contains(node)).copied();
            // Who is down goes when the definitions say so.
            let go = go.filter(|node| up.iter().any(|(up, _)| up == node));
            let turns: Vec<Turn> = come.map(Turn::Comes).chain(go.map(Turn::Goes)).collect();
            for turn in turns {
                if !queue.mirroring.asked.contains(&turn) {
                    queue.mirroring.asked.push(turn);
                    changes.push(Change::Mirror(queue.name.to_string(), turn));
                }
            }
        }
        for change in changes {
            self.change(&change, None, out);
        }
        lacking.into_iter().for_each(|id| self.synchronise(id, out));
    }

    // ---- what the definitions say ----

    /// Who mirrors a queue has changed.
    pub(super) fn mirrors_turn(&mut self, name: &str, turn: Turn, out: &mut Out<'_>) {
        let Some(id) = self.queue_ids.get(name).copied() else { return };
        let home = self.defined_home(&self.queues[&id]);
        let Some(queue) = self.queues.get_mut(&id) else { return };
        queue.mirroring.asked.retain(|asked| *asked != turn);
        queue.mirroring.mirrors.turn(turn, home);
        self.follow_mirrors(id, out);
    }

    /// A snapshot says where a queue lives, and who mirrors it.
    pub(super) fn mirrors_known(
        &mut self,
        name: &str,
        (home, mirrors): (NodeId, &Mirrors),
        out: &mut Out<'_>,
    ) {
        let Some(id) = self.queue_ids.get(name).copied() else { return };
        let Some(queue) = self.queues.get_mut(&id) else { return };
        let moves = queue.mirroring.mirrors.epoch != mirrors.epoch;
        queue.mirroring.mirrors = mirrors.clone();
        if moves {
            self.move_home(id, home, out);
        }
        self.follow_mirrors(id, out);
    }

    /// A node is down, or was stopped: its mirrors are gone, and others are promoted for its
    /// masters.
    pub(super) fn mirrors_without(&mut self, node: NodeId, is_shutdown: bool, out: &mut Out<'_>) {
        let mirrored = self.queues.values().filter(|it| !it.mirroring.mirrors.all.is_empty());
        let mirrored: Vec<QueueId> = mirrored.map(|queue| queue.id).collect();
        for id in mirrored {
            let is_home = self.defined_home(&self.queues[&id]) == node;
            let Some(queue) = self.queues.get_mut(&id) else { continue };
            queue.mirroring.asked.clear();
            if !is_home {
                queue.mirroring.mirrors.turn(Turn::Goes(node), node);
                self.follow_mirrors(id, out);
                continue;
            }
            let wanted = queue.rules.mirrored.as_ref();
            let always = wanted.map_or(!is_shutdown, |it| it.promotes_any(is_shutdown));
            match queue.mirroring.mirrors.promote(always) {
                Some(home) => self.move_home(id, home, out),
                None if node != self.me && matches!(self.phase, Phase::Serves) => {
                    self.queue_unreachable(id, out);
                }
                None => {}
            }
            self.follow_mirrors(id, out);
        }
    }

    /// The definitions say who mirrors a queue: its master begins with those that are new, and a
    /// node that is none any more throws away what it had.
    pub(super) fn follow_mirrors(&mut self, id: QueueId, out: &mut Out<'_>) {
        let is_at_work = matches!(self.phase, Phase::Serves);
        let Some(queue) = self.queues.get_mut(&id).filter(|_| is_at_work) else { return };
        if queue.home.is_some() {
            let held = queue.mirroring.held.as_ref();
            if held.is_some_and(|held| queue.mirroring.mirrors.is_over(held.number)) {
                self.with_queue(id, out, |queue, means| queue.drop_held(means));
            }
            return;
        }
        let all = queue.mirroring.mirrors.all.clone();
        let told = queue.mirroring.told.iter();
        let gone = told.filter(|told| !all.iter().any(|mirror| mirror.number == told.number));
        let gone: Vec<NodeId> = gone.map(|told| told.node).collect();
        let mut safe = Vec::new();
        for node in gone {
            safe.extend(queue.mirroring.without(node));
        }
        let is_known = |number: u64, queue: &Queue| {
            queue.mirroring.told.iter().any(|told| told.number == number)
        };
        let new: Vec<_> = all.iter().filter(|it| !is_known(it.number, queue)).copied().collect();
        if let Messages::Classic(levels) = &mut queue.storage {
            levels.note_all(!all.is_empty());
        }
        self.confirms.extend(safe);
        self.confirm_now(id, out);
        for mirror in new {
            self.begin_mirror(id, mirror, out);
        }
    }

    /// A node that serves begins with the mirrors of its queues.
    pub(super) fn begin_mirrors(&mut self, out: &mut Out<'_>) {
        let all: Vec<QueueId> = self.queues.keys().collect();
        all.into_iter().for_each(|id| self.follow_mirrors(id, out));
        self.see_to_mirrors(out);
    }

    // ---- a new master ----

    /// A queue lives on another node than before.
    fn move_home(&mut self, id: QueueId, home: NodeId, out: &mut Out<'_>) {
        let me = self.me;
        let Some(queue) = self.queues.get_mut(&id) else { return };
        if let Some(definition) = &queue.definition {
            queue.definition = Some(Rc::new(NewQueue { home, ..(**definition).clone() }));
        }
        let was_here = queue.home.is_none();
        queue.home = (home != me).then_some(home);
        if !matches!(self.phase, Phase::Serves) {
            return;
        }
        if was_here && home != me {
            self.step_down(id, out);
        }
        if home == me {
            self.take_over(id, out);
        }
        self.turn_to_master(id, out);
        self.take_early_talk(out);
    }

    /// This node was the master, and did not know that it was given up.
    fn step_down(&mut self, id: QueueId, out: &mut Out<'_>) {
        out.cancel(Timer::Expire(id));
        out.cancel(Timer::Ttl(id));
        self.with_queue(id, out, |queue, means| {
            queue.step_down(means);
            if let Messages::Classic(levels) = &mut queue.storage {
                levels.note_all(false);
            }
            let mirroring = &mut queue.mirroring;
            (mirroring.told, mirroring.awaited) = Default::default();
            means.confirms.clear();
        });
        self.refuse_waiting(id);
    }

    /// This node is the master now.
    fn take_over(&mut self, id: QueueId, out: &mut Out<'_>) {
        self.with_queue(id, out, |queue, means| queue.take_over(means));
        let Some(queue) = self.queues.get_mut(&id) else { return };
        let all = queue.mirroring.mirrors.all.clone();
        let (epoch, messages) = (queue.mirroring.mirrors.epoch, queue.all_messages());
        queue.mirroring.told = all.iter().map(Into::into).collect();
        if let Messages::Classic(levels) = &mut queue.storage {
            levels.note_all(!all.is_empty());
        }
        let (queue, node) = (queue.name.clone(), self.name.clone());
        out.emit(Event::MirrorPromoted { queue, node });
        for mirror in all {
            let step = Step::There(messages.clone());
            tell(mirror.node, Talk::Mirror(id, epoch, step), out);
        }
        self.used(id, out);
        self.look_at_head(id, out);
        self.run(id, out);
    }

    /// Clients of this node turn to the new master: consumers are registered anew or cancelled, and
    /// what was not confirmed is sent again.
    fn turn_to_master(&mut self, id: QueueId, out: &mut Out<'_>) {
        let node = self.me;
        let mut consumers = Vec::new();
        for (client, connection) in self.connections.iter_mut() {
            for (number, channel) in connection.channels.iter_mut() {
                channel.forget_credit(id);
                let channel_id = ChannelId { node, client, number };
                let theirs = channel.consumers.iter().filter(|(_, consumer)| consumer.of == id);
                consumers.extend(theirs.map(|(tag, of)| (channel_id, tag.clone(), *of)));
            }
        }
        let Some(queue) = self.queues.get_mut(&id) else { return };
        let ends = std::mem::take(&mut queue.mirroring.ends);
        let sent = match queue.home {
            Some(_) => queue.mirroring.sent.clone(),
            None => std::mem::take(&mut queue.mirroring.sent),
        };
        for (channel, tag, known) in consumers {
            if ends.contains(&(channel, tag.clone())) {
                self.channel(channel).consumers.remove(&tag);
                self.send(channel, Method::BasicCancel { tag }, out);
                continue;
            }
            let consuming = Consuming {
                tag,
                ack_required: known.ack_required,
                prefetch: known.prefetch,
                priority: known.priority,
                exclusive: known.exclusive,
                start: None,
            };
            if self.goes_home(id, channel, || Deed::Consume(consuming.clone()), out) {
                continue;
            }
            if let Err(error) = self.start_consumer(id, channel, consuming, out) {
                self.fail(channel, error, out);
            }
        }
        for (publish, content) in sent {
            let again = || Deed::Publish(content.clone(), Some(publish.number));
            if !self.goes_home(id, publish.channel, again, out) {
                self.publish_here(id, publish.channel, (&content, Some(publish)), out);
            }
        }
    }

    /// A node is seen again that is the master of queues: it has given up the clients of this node,
    /// if it could not see it either.
    pub(super) fn ask_masters(&self, node: NodeId, out: &mut Out<'_>) {
        let theirs = self.queues.values().filter(|queue| queue.home == Some(node));
        for queue in theirs.filter(|queue| queue.mirroring.mirrors.made > 0) {
            let epoch = queue.mirroring.mirrors.epoch;
            tell(node, Talk::Mirror(queue.id, epoch, Step::Who), out);
        }
    }

    /// It is the master still: consumers are registered anew, what was not confirmed is refused.
    pub(super) fn return_to_master(&mut self, id: QueueId, out: &mut Out<'_>) {
        self.refuse_waiting(id);
        self.turn_to_master(id, out);
    }

    // ---- tools ----

    /// `sync_queue`, `cancel_sync_queue`.
    pub(super) fn synchronise_from(
        &mut self,
        channel: ChannelId,
        (queue, begins): (&str, bool),
        out: &mut Out<'_>,
    ) -> Result<(), AmqpError> {
        let id = *self.queue_ids.get(queue).ok_or_else(|| error::no_queue(queue))?;
        self.check_home(id)?;
        if self.goes_home(id, channel, || Deed::Synchronise(begins), out) {
            return Ok(());
        }
        self.synchronise_here(id, channel, begins, out);
        Ok(())
    }

    /// The same where the queue lives.
    pub(super) fn synchronise_here(
        &mut self,
        id: QueueId,
        channel: ChannelId,
        begins: bool,
        out: &mut Out<'_>,
    ) {
        if !self.queues.get(&id).is_some_and(|queue| self.is_mirrored(queue)) {
            let error = error::precondition_failed(":not_mirrored");
            return self.fail(channel, error, out);
        }
        if let Some(queue) = self.queues.get_mut(&id) {
            queue.mirroring.is_syncing &= begins;
        }
        self.send(channel, Method::ManagementOk, out);
        if begins {
            self.synchronise(id, out);
        }
    }
}
