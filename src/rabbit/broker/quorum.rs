//! Quorum queues: what clients want becomes a command in the log of the queue's group, and is done
//! when the command is committed.

use super::{Broker, Phase};
use crate::rabbit::consumers::Consumer;
use crate::rabbit::content::Content;
use crate::rabbit::event::Event;
use crate::rabbit::ids::{ChannelId, PublishId, QueueId};
use crate::rabbit::message::Method;
use crate::rabbit::process::Out;
use crate::rabbit::queue::{Got, Published, Settlement};
use crate::rabbit::quorum::command::Command;
use crate::rabbit::quorum::group::{Awaited, Group};
use crate::sim::MessageId;
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
            queue.restore(&group.snapshot().clone(), &mut self.names);
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

    fn submit_bytes(
        &mut self,
        id: QueueId,
        command: Bytes,
        awaited: Option<Awaited>,
        out: &mut Out<'_>,
    ) {
        let queue = self.queues.get_mut(&id);
        if let Some(group) = queue.and_then(|queue| queue.group.as_mut()) {
            group.submit(id, command, awaited, out);
        }
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
        self.submit_bytes(id, bytes, confirm.map(Awaited::Confirm), out);
    }

    /// The log or the vote of a group is safe: what is committed by that is done.
    pub(super) fn group_flushed(&mut self, id: QueueId, out: &mut Out<'_>) {
        let Some(queue) = self.queues.get_mut(&id) else { return };
        let Some(group) = &mut queue.group else { return };
        group.flushed(id, out);
        loop {
            let queue = self.queues.get_mut(&id);
            let group = queue.and_then(|queue| queue.group.as_mut());
            let Some((bytes, awaited)) = group.and_then(|group| group.take_committed()) else {
                break;
            };
            self.apply(id, &bytes, awaited, out);
        }
        self.compact(id, out);
        self.finish_replay(id, out);
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
        let messages = queue.storage.ready() + queue.unacked();
        if group.log_entries() < LOG_ENTRIES_MIN.max(4 * messages) {
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
        let ready: Vec<(u64, MessageId)> = queue
            .storage
            .first(usize::MAX)
            .into_iter()
            .map(|(position, message, ..)| (position, message))
            .collect();
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
        }
        let is_awaited = awaited.is_some();
        match command {
            Command::Enqueue { .. } => {
                let confirm = match awaited {
                    Some(Awaited::Confirm(publish)) => Some(publish),
                    _ => None,
                };
                self.enqueue(id, content.map(Rc::new), confirm, out);
            }
            Command::Consume { channel, tag, ack_required, prefetch, priority, exclusive } => {
                let mut consumer = Consumer::new(tag, channel, prefetch);
                consumer.ack_required = ack_required;
                consumer.priority = priority;
                consumer.exclusive = exclusive;
                self.add_consumer(id, consumer, is_awaited, out);
            }
            Command::Cancel { channel, tag } => {
                if is_awaited {
                    self.channel(channel).consumers.remove(&tag);
                    self.send(channel, Method::BasicCancelOk { tag: tag.clone() }, out);
                }
                let consumer = queue_consumer(self, id, channel, &tag);
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
            Command::Down { channels } => self.down(id, &channels, out),
            Command::Purge => {
                let count = self.with_queue(id, out, |queue, means| queue.purge(means));
                if let Some(Awaited::Answer(channel)) = awaited {
                    let message_count = count.unwrap_or(0);
                    self.send(channel, Method::QueuePurgeOk { message_count }, out);
                }
                self.run(id, out);
            }
            Command::Expire => {
                self.with_queue(id, out, |queue, means| queue.drop_expired(means));
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
            Some(Published::Refused) => self.refuse(confirm),
            _ => {}
        }
    }

    /// Channels are gone, or all of them.
    fn down(&mut self, id: QueueId, channels: &[ChannelId], out: &mut Out<'_>) {
        self.with_queue(id, out, |queue, means| {
            let all: Vec<ChannelId> =
                queue.consumers.iter().map(|(_, consumer)| consumer.channel).collect();
            let theirs = if channels.is_empty() { &all } else { channels };
            for consumer in queue.consumers.remove_channels(theirs) {
                let (queue, consumer) = (queue.name.clone(), consumer.tag);
                means.emit(Event::ConsumerGone { queue, consumer });
            }
            let seqs = queue.unacked_of(channels);
            for seq in seqs {
                let Some(channel) = queue.channel_of(seq) else { continue };
                queue.settle(channel, &[seq], Settlement::Failed, means);
            }
        });
        self.used(id, out);
        self.run(id, out);
    }
}

fn queue_consumer(
    broker: &Broker,
    id: QueueId,
    channel: ChannelId,
    tag: &str,
) -> Option<crate::rabbit::ids::ConsumerId> {
    broker.queues.get(&id)?.consumers.with_tag(channel, tag)
}
