//! Quorum queues: what clients want becomes a command in the log of the queue's group, and is done
//! when the command is committed.

use super::{Broker, Phase};
use crate::rabbit::channel::Subscribed;
use crate::rabbit::consumers::Consumer;
use crate::rabbit::content::Content;
use crate::rabbit::event::{Event, GroupStep};
use crate::rabbit::ids::{ChannelId, PublishId, QueueId};
use crate::rabbit::message::Method;
use crate::rabbit::process::Out;
use crate::rabbit::queue::{Got, Published, Settlement};
use crate::rabbit::quorum::command::Command;
use crate::rabbit::quorum::group::{Awaited, Committed, Group};
use crate::sim::{MessageId, NodeId};
use bytes::Bytes;
use std::rc::Rc;

/// The log is cut when it has so many entries that are applied, and four times as many as messages.
const LOG_ENTRIES_MIN: u64 = 4_096;

impl Broker {
    /// True if what is to be done with a queue goes through a log.
    pub(super) fn is_quorum(&self, id: QueueId) -> bool {
        self.queues.get(&id).is_some_and(|queue| queue.group.is_some())
    }

    /// Gives a quorum queue its group, with what it had on disk.
    pub(super) fn begin_group(&mut self, id: QueueId, mut group: Group, out: &mut Out<'_>) {
        let Some(queue) = self.queues.get_mut(&id) else { return };
        if group.is_replaying {
            queue.restore(&group.snapshot(), &mut self.names);
            // Whoever used the queue is gone.
            let down = Command::Down { channels: Vec::new() }.encode(out.now());
            group.submit(id, down, None, out);
        }
        group.begin(id, out);
        queue.group = Some(Box::new(group));
    }

    /// Puts a command into the log of a queue.
    pub(super) fn submit(
        &mut self,
        id: QueueId,
        command: &Command,
        awaited: Option<ChannelId>,
        out: &mut Out<'_>,
    ) {
        let bytes = command.encode(out.now());
        self.submit_bytes(id, bytes, awaited.map(Awaited::Answer), out);
    }

    pub(super) fn submit_bytes(
        &mut self,
        id: QueueId,
        command: Bytes,
        awaited: Option<Awaited>,
        out: &mut Out<'_>,
    ) {
        let queue = self.queues.get_mut(&id);
        if let Some(group) = queue.and_then(|queue| queue.group.as_mut()) {
            group.submit(id, command, awaited, out);
            if matches!(awaited, Some(Awaited::Answer(_))) {
                self.expect_answer(id, out);
            }
            if self.is_clustered() {
                self.group_moved(id, out);
            }
        }
    }

    /// A channel has declared a queue, and is told so when its group works.
    pub(super) fn await_leader(&mut self, id: QueueId, channel: ChannelId, out: &mut Out<'_>) {
        let bytes = Command::Expire.encode(out.now());
        self.expect_answer(id, out);
        self.submit_bytes(id, bytes, Some(Awaited::Declared(channel)), out);
    }

    /// Puts a message into the log of a queue.
    pub(super) fn submit_message(
        &mut self,
        id: QueueId,
        content: &Content,
        confirm: Option<PublishId>,
        out: &mut Out<'_>,
    ) {
        let bytes = Command::encode_message(content, out.now());
        let awaited = confirm.map(Awaited::Confirm).or(self.sender.map(Awaited::Sent));
        self.submit_bytes(id, bytes, awaited, out);
    }

    /// The log or the vote of a group is safe: what is committed by that is done.
    pub(super) fn group_flushed(&mut self, id: QueueId, out: &mut Out<'_>) {
        let Some(group) = self.group_mut(id) else { return };
        group.flushed(id, out);
        self.group_moved(id, out);
    }

    /// Something has moved in a group: what is committed is done.
    pub(super) fn group_moved(&mut self, id: QueueId, out: &mut Out<'_>) {
        let is_shared = self.is_clustered();
        if let Some(state) = self.group_mut(id).and_then(|group| group.restored.take()) {
            self.take_state(id, &state, out);
        }
        while let Some(committed) = self.group_mut(id).and_then(|group| group.take_committed()) {
            let Committed { index, command, awaited } = committed;
            if !is_shared {
                self.apply(id, &command, awaited, out);
                continue;
            }
            let dead = self.dead.len();
            out.emit(Event::Applies(GroupStep::Entry(id.0, index)));
            self.apply(id, &command, awaited, out);
            out.emit(Event::Applies(GroupStep::End));
            if !self.leads(id) {
                // The leader sees to what died.
                self.dead.truncate(dead);
            }
        }
        self.compact(id, out);
        match is_shared {
            true => {
                self.lead_on(id, out);
                self.promote_member(id, out);
            }
            false => self.finish_replay(id, out),
        }
    }

    /// A member that leads now looks after the queue; and tells what is there, for those who have
    /// not heard of it.
    fn lead_on(&mut self, id: QueueId, out: &mut Out<'_>) {
        let Some(queue) = self.queues.get_mut(&id) else { return };
        let Some(group) = &mut queue.group else { return };
        if !group.leads() {
            group.is_announced = false;
        } else if !group.is_announced && group.is_current() {
            group.is_announced = true;
            let (name, term) = (queue.name.clone(), group.term());
            let node = self.name.clone();
            out.emit(Event::LeaderElected { queue: name.clone(), node, term });
            let index = group.applied();
            out.emit(Event::Applies(GroupStep::All(id.0, index)));
            let unacked = queue.unacked_messages().map(|(seq, content)| (seq, content.id));
            let ready = queue.storage.first(usize::MAX);
            let ready = ready.into_iter().map(|(seq, message, ..)| (seq, message));
            let delayed = queue.storage.delayed().map(|(_, item)| (item.seq, item.content.id));
            let all: Vec<(u64, MessageId)> = unacked.chain(ready).chain(delayed).collect();
            let messages = all.len() as u64;
            out.emit(Event::QueueRecovered { queue: name.clone(), messages });
            for (position, message) in all {
                out.emit(Event::Recovered { queue: name.clone(), message, position });
            }
            out.emit(Event::Applies(GroupStep::End));
            let down: Vec<NodeId> = self.nodes_down().collect();
            for node in down {
                self.lose_node(id, node, out);
            }
            self.configure_group(id, out);
            self.tell_members(id, out);
            self.used(id, out);
            self.look_at_head(id, out);
        }
    }

    /// The state of another member takes the place of what is there.
    fn take_state(&mut self, id: QueueId, state: &Bytes, out: &mut Out<'_>) {
        let profile = self.profile;
        if let Some(queue) = self.queues.get_mut(&id) {
            queue.clear(profile, out.now());
            queue.restore(state, &mut self.names);
        }
        // What was sent before may be in it.
        for connection in self.connections.values_mut() {
            connection.channels.values_mut().for_each(|channel| channel.applied_all(id));
        }
        self.node_is_gone(id, out);
    }

    /// A group of this node.
    pub(super) fn group_mut(&mut self, id: QueueId) -> Option<&mut Group> {
        self.queues.get_mut(&id)?.group.as_deref_mut()
    }

    /// True if this node leads a quorum queue.
    pub(super) fn leads(&self, id: QueueId) -> bool {
        let group = self.queues.get(&id).and_then(|queue| queue.group.as_ref());
        group.is_some_and(|group| group.leads())
    }

    /// All quorum queues.
    pub(super) fn quorum_queues(&self) -> Vec<QueueId> {
        let all = self.queues.values().filter(|queue| queue.group.is_some());
        all.map(|queue| queue.id).collect()
    }

    /// A snapshot of a queue is safe.
    pub(super) fn snapshot_flushed(&mut self, id: QueueId, out: &mut Out<'_>) {
        let group = self.queues.get_mut(&id).and_then(|queue| queue.group.as_mut());
        if let Some(group) = group {
            group.snapshot_flushed(out);
        }
    }

    /// Cuts the log if what is in it is mostly over.
    fn compact(&mut self, id: QueueId, out: &mut Out<'_>) {
        let Some(queue) = self.queues.get(&id) else { return };
        let Some(group) = &queue.group else { return };
        let waiting = queue.storage.ready() + queue.storage.delayed_count();
        let messages = waiting + queue.unacked();
        // Behind a snapshot the definitions tell the members.
        let is_known = group.members_at <= queue.members_at;
        if !is_known || group.log_entries() < LOG_ENTRIES_MIN.max(4 * messages) {
            return;
        }
        let state = queue.snapshot();
        let group = self.queues.get_mut(&id).and_then(|queue| queue.group.as_mut());
        if let (Some(group), Some(state)) = (group, state) {
            group.compact(id, state, out);
        }
    }

    /// A queue that has done all that is in its log again is there; when all are, the node serves.
    fn finish_replay(&mut self, id: QueueId, out: &mut Out<'_>) {
        let Some(queue) = self.queues.get_mut(&id) else { return };
        let Some(group) = &mut queue.group else { return };
        if !group.is_replaying || !group.is_settled() {
            return;
        }
        group.is_replaying = false;
        let name = queue.name.clone();
        let ready = queue.storage.first(usize::MAX).into_iter();
        let ready = ready.map(|(position, message, ..)| (position, message));
        let delayed = queue.storage.delayed().map(|(_, item)| (item.seq, item.content.id));
        let ready: Vec<(u64, MessageId)> = ready.chain(delayed).collect();
        out.emit(Event::QueueRecovered { queue: name.clone(), messages: ready.len() as u64 });
        for (position, message) in ready {
            out.emit(Event::Recovered { queue: name.clone(), message, position });
        }
        self.used(id, out);
        self.see_to_timers(id, out);
        self.burials.queues.insert(id);
        let is_last = !self.is_replaying();
        if is_last && matches!(self.phase, Phase::Boots(_)) {
            self.serve(out);
        }
    }

    /// True while a quorum queue is not there again.
    pub(super) fn is_replaying(&self) -> bool {
        let groups = self.queues.values().filter_map(|queue| queue.group.as_ref());
        groups.into_iter().any(|group| group.is_replaying)
    }

    /// Does what a committed command says.
    fn apply(&mut self, id: QueueId, bytes: &Bytes, awaited: Option<Awaited>, out: &mut Out<'_>) {
        let Some((at, command, content)) = Command::decode(bytes, &mut self.names) else { return };
        let Some(queue) = self.queues.get_mut(&id) else { return };
        if let Some(group) = &mut queue.group {
            group.time = at;
            group.says_farewell &= !matches!(awaited, Some(Awaited::Own));
        }
        let is_awaited = awaited.is_some();
        match command {
            Command::Enqueue { .. } => {
                let confirm = match awaited {
                    Some(Awaited::Confirm(publish)) => Some(publish),
                    _ => None,
                };
                if let Some(channel) = awaited.as_ref().and_then(Awaited::channel) {
                    self.has_applied(channel, id);
                }
                self.enqueue(id, content.map(Rc::new), confirm, out);
            }
            Command::Consume { channel, tag, ack_required, prefetch, priority, exclusive } => {
                let mut consumer = Consumer::new(tag, channel, prefetch);
                consumer.ack_required = ack_required;
                consumer.priority = priority;
                consumer.exclusive = exclusive;
                if let Some(Awaited::Again(channel)) = awaited {
                    return self.add_again(id, channel, consumer, out);
                }
                self.add_consumer(id, consumer, is_awaited, out);
            }
            Command::Cancel { channel, tag } => {
                if is_awaited {
                    self.channel(channel).consumers.remove(&tag);
                    self.send(channel, Method::BasicCancelOk { tag: tag.clone() }, out);
                }
                let found = self.queues.get(&id);
                let consumer = found.and_then(|queue| queue.consumers.with_tag(channel, &tag));
                self.with_queue(id, out, |queue, means| {
                    if consumer.and_then(|consumer| queue.consumers.remove(consumer)).is_some() {
                        let queue = queue.name.clone();
                        means.emit(Event::ConsumerGone { queue, consumer: tag });
                    }
                });
                self.used(id, out);
                self.run(id, out);
            }
            Command::Get { channel, no_ack } if is_awaited => {
                self.get_from(id, channel, no_ack, out);
            }
            Command::Get { channel, no_ack } => {
                let got =
                    self.with_queue(id, out, |queue, means| queue.get(channel, no_ack, means));
                if let Some(Got::Message { content, .. }) = got.filter(|_| no_ack) {
                    self.gone_unseen(id, content.id, out);
                }
            }
            Command::Settle { channel, seqs, how } => self.settle_at(channel, id, &seqs, how, out),
            Command::Down { channels } => self.down(id, &channels, Settlement::Failed, out),
            Command::NodeDown { node } => {
                // Nobody has failed: only from 4.3 on that makes a difference.
                self.forget_users(id, node, Settlement::Requeued, out);
                if node == self.me {
                    self.consume_again(id, out);
                }
            }
            Command::Anew { node } => self.forget_users(id, node, Settlement::Failed, out),
            Command::Suspect { node, wait_ms } => self.suspect(id, node, wait_ms, out),
            Command::Trust { node, channels, consumers } => {
                self.trust(id, node, (&channels, &consumers), out);
            }
            Command::Purge => {
                let count = self.with_queue(id, out, |queue, means| queue.purge(means));
                if let Some(Awaited::Answer(channel)) = awaited {
                    let message_count = count.unwrap_or(0);
                    self.send(channel, Method::QueuePurgeOk { message_count }, out);
                }
                self.run(id, out);
            }
            Command::Expire => {
                if let Some(Awaited::Declared(channel)) = awaited {
                    let queue = queue.name.clone();
                    let (message_count, consumer_count) = (0, 0);
                    let answer = Method::QueueDeclareOk { queue, message_count, consumer_count };
                    self.send(channel, answer, out);
                }
                let again = self.with_queue(id, out, |queue, means| {
                    let again = queue.end_delays(means);
                    queue.drop_expired(means);
                    queue.end_suspicions(means) || again
                });
                if again == Some(true) {
                    self.run(id, out);
                }
            }
            Command::Members { base, members } => {
                let asked = match awaited {
                    Some(Awaited::Answer(channel)) => Some(channel),
                    _ => None,
                };
                self.members_changed(id, (base, &members), asked, out);
            }
            Command::Buried { seqs } => {
                self.with_queue(id, out, |queue, means| queue.buried(&seqs, means));
            }
            Command::Configure { policy } => {
                self.with_queue(id, out, |queue, means| {
                    queue.configure(policy);
                    queue.drop_excess(means);
                    queue.drop_expired(means);
                });
                self.used(id, out);
            }
        }
        self.see_to_timers(id, out);
    }

    fn enqueue(
        &mut self,
        id: QueueId,
        content: Option<Rc<Content>>,
        confirm: Option<PublishId>,
        out: &mut Out<'_>,
    ) {
        let Some(content) = content else { return };
        let published = self
            .with_queue(id, out, |queue, means| queue.publish(&content, confirm, &mut None, means));
        match published {
            Some(Published::Pushed(push)) => self.push(id, push, out),
            Some(Published::Refused) => self.refuse(confirm, out),
            _ => {}
        }
    }

    /// The others took this node for down: its consumers come again, which are still there.
    fn consume_again(&mut self, id: QueueId, out: &mut Out<'_>) {
        let node = self.me;
        let mut again = Vec::new();
        for (client, connection) in self.connections.iter() {
            for (number, channel) in connection.channels.iter() {
                let theirs = channel.consumers.iter().filter(|(_, consumer)| consumer.of == id);
                let channel_id = ChannelId { node, client, number };
                again.extend(theirs.map(|(tag, consumer)| (channel_id, tag.clone(), *consumer)));
            }
        }
        for (channel, tag, Subscribed { ack_required, prefetch, priority, exclusive, .. }) in again
        {
            let command =
                Command::Consume { channel, tag, ack_required, prefetch, priority, exclusive };
            let bytes = command.encode(out.now());
            self.submit_bytes(id, bytes, Some(Awaited::Again(channel)), out);
        }
    }

    fn add_again(
        &mut self,
        id: QueueId,
        channel: ChannelId,
        consumer: Consumer,
        out: &mut Out<'_>,
    ) {
        let tag = consumer.tag.clone();
        let registered = self.with_queue(id, out, |queue, means| {
            let known = queue.consumers.with_tag(channel, &tag);
            known.unwrap_or_else(|| queue.add_consumer(consumer, means.now))
        });
        let state = self.channel(channel);
        if let (Some(known), Some(registered)) = (state.consumers.get_mut(&tag), registered) {
            known.consumer = registered;
        }
        self.run(id, out);
    }

    /// Channels are gone, or all of them: what they had comes back.
    pub(super) fn down(
        &mut self,
        id: QueueId,
        channels: &[ChannelId],
        how: Settlement,
        out: &mut Out<'_>,
    ) {
        self.with_queue(id, out, |queue, means| {
            let all: Vec<ChannelId> =
                queue.consumers.iter().map(|(_, consumer)| consumer.channel).collect();
            let theirs = if channels.is_empty() { &all } else { channels };
            for consumer in queue.consumers.remove_channels(theirs) {
                let (queue, consumer) = (queue.name.clone(), consumer.tag);
                means.emit(Event::ConsumerGone { queue, consumer });
            }
            queue.forget_suspects(channels);
            let seqs = queue.unacked_of(channels);
            for seq in seqs {
                let Some(channel) = queue.channel_of(seq) else { continue };
                queue.settle(channel, &[seq], how, means);
            }
        });
        self.used(id, out);
        self.run(id, out);
    }
}
