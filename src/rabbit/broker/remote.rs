//! Classic queues that live on another node: what a channel wants of them goes there, and what
//! comes of it comes back.
//!
//! The channel keeps its delivery tags and its confirms; the queue keeps its consumers. When the
//! node of a queue is down, its consumers are cancelled, what waited for its confirm is refused,
//! and whoever wants something of a durable one is told that its home node is down. When the node
//! of a channel is down, what it had not acknowledged goes back.
//!
//! Simplified: a prefetch of a whole channel does not count deliveries of queues elsewhere.

use super::Broker;
use crate::rabbit::channel::Mode;
use crate::rabbit::command::{AmqpError, Answer};
use crate::rabbit::consumers::Consumer;
use crate::rabbit::error;
use crate::rabbit::event::Event;
use crate::rabbit::ids::{ChannelId, PublishId, QueueId};
use crate::rabbit::message::{List, Method};
use crate::rabbit::process::Out;
use crate::rabbit::queue::Settlement;
use crate::rabbit::quorum::group::tell;
use crate::rabbit::talk::{Consuming, Deed, Got, Talk};
use crate::sim::NodeId;
use std::rc::Rc;

impl Broker {
    /// The node that a classic queue lives on, if it is another one.
    pub(super) fn home_of(&self, id: QueueId) -> Option<NodeId> {
        self.queues.get(&id).and_then(|queue| queue.home)
    }

    /// Refuses what is wanted of a queue whose node is down.
    pub(super) fn check_home(&self, id: QueueId) -> Result<(), AmqpError> {
        match self.home_of(id) {
            Some(home) if !self.is_up(home) => Err(error::not_found(format_args!(
                "home node '{}' of durable {} is down or inaccessible",
                self.full_name(home),
                error::queue_in_vhost(&self.queues[&id].name)
            ))),
            _ => Ok(()),
        }
    }

    /// If a queue lives elsewhere, what is wanted goes there.
    pub(super) fn goes_home(
        &self,
        id: QueueId,
        channel: ChannelId,
        deed: impl FnOnce() -> Deed,
        out: &mut Out<'_>,
    ) -> bool {
        let home = self.home_of(id);
        if let Some(home) = home {
            tell(home, Talk::Do(id, channel, deed()), out);
        }
        home.is_some()
    }

    /// Another node wants something of a queue here, or tells what came of what was wanted there.
    pub(super) fn remote(&mut self, from: NodeId, talk: &Talk, out: &mut Out<'_>) {
        match talk {
            Talk::Do(id, channel, deed) => self.deed(*id, *channel, deed, out),
            Talk::Say(channel, method) => self.relay(*channel, method, out),
            Talk::Push(id, push) if self.has_channel(push.channel) => {
                self.push(*id, (**push).clone(), out);
            }
            Talk::Got(id, channel, got) if self.has_channel(*channel) => {
                let Got { no_ack, seq, redelivered, content, left } = (**got).clone();
                let message = (seq, redelivered, content);
                self.send_got(*id, (*channel, no_ack), message, left, out);
            }
            Talk::Consuming(channel, tag, consumer) if self.has_channel(*channel) => {
                self.registered(*channel, tag.clone(), *consumer, out);
            }
            Talk::Confirmed(id, publishes) => {
                self.confirms.extend(publishes);
                self.forget_sent(|publish| publishes.contains(publish));
                self.confirm_now(*id, out);
            }
            Talk::Refused(publish) if self.has_channel(publish.channel) => {
                self.forget_sent(|sent| sent == publish);
                self.refuse(Some(*publish), out);
            }
            Talk::Fail(channel, error) if self.has_channel(*channel) => {
                self.fail(*channel, (**error).clone(), out);
            }
            Talk::Limit(channel, limiting) => self.limiting(from, *channel, *limiting, out),
            Talk::Credit(id, channel) => self.granted(*channel, *id),
            Talk::List(channel, list) => {
                let answer = self.list(*list, out.now());
                tell(from, Talk::Listed(*channel, Box::new(answer)), out);
            }
            Talk::Listed(channel, answer) => self.listed(from, *channel, answer, out),
            _ => {}
        }
    }

    /// The home of a queue says something to a client of this node.
    fn relay(&mut self, channel: ChannelId, method: &Method, out: &mut Out<'_>) {
        if !self.has_channel(channel) {
            return;
        }
        if let Method::BasicCancel { tag } = method {
            self.channel(channel).consumers.remove(tag);
        }
        self.send(channel, method.clone(), out);
    }

    // ---- at the home of a queue ----

    fn deed(&mut self, id: QueueId, channel: ChannelId, deed: &Deed, out: &mut Out<'_>) {
        match deed {
            Deed::Publish(content, number) => {
                let confirm = number.map(|number| PublishId { channel, number });
                self.publish_here(id, channel, (content, confirm), out);
            }
            Deed::Consume(consuming) => {
                if let Err(error) = self.start_consumer(id, channel, consuming.clone(), out) {
                    self.fail(channel, error, out);
                }
            }
            Deed::Cancel(tag) => {
                let queue = self.queues.get_mut(&id);
                if let Some(queue) = queue
                    && let Some(consumer) = queue.consumers.with_tag(channel, tag)
                {
                    queue.consumers.remove(consumer);
                    let (queue, consumer) = (queue.name.clone(), tag.clone());
                    out.emit(Event::ConsumerGone { queue, consumer });
                }
                if !self.remove_if_unused(id, out) {
                    self.used(id, out);
                    self.run(id, out);
                }
            }
            Deed::Get(no_ack) => {
                self.used(id, out);
                self.get_from(id, channel, *no_ack, out);
                self.see_to_timers(id, out);
            }
            Deed::Synchronise(begins) => self.synchronise_here(id, channel, *begins, out),
            Deed::Settle(seqs, how) => self.settle_at(channel, id, seqs, *how, out),
            Deed::Down(channels) => self.take_all_back(id, channels, out),
            Deed::Purge => {
                let count = self.with_queue(id, out, |queue, means| queue.purge(means));
                self.run(id, out);
                let message_count = count.unwrap_or(0);
                self.send(channel, Method::QueuePurgeOk { message_count }, out);
            }
            Deed::Delete(if_unused, if_empty) => {
                if let Err(error) = self.delete_here(channel, id, (*if_unused, *if_empty), out) {
                    self.fail(channel, error, out);
                }
            }
            Deed::Count => {
                self.used(id, out);
                let queue = &self.queues[&id];
                let answer = Method::QueueDeclareOk {
                    queue: queue.name.clone(),
                    message_count: queue.storage.ready(),
                    consumer_count: queue.consumers.count() as u64,
                };
                self.send(channel, answer, out);
            }
        }
    }

    /// A consumer comes to a classic queue here, or to a quorum queue.
    pub(super) fn start_consumer(
        &mut self,
        id: QueueId,
        channel: ChannelId,
        consuming: Consuming,
        out: &mut Out<'_>,
    ) -> Result<(), AmqpError> {
        let Some(queue) = self.queues.get(&id) else { return Ok(()) };
        let is_taken = queue.consumers.is_single() || queue.consumers.count() > 0;
        let is_shared = consuming.start.is_some();
        let is_taken = queue.consumers.has_exclusive() || consuming.exclusive && is_taken;
        if is_taken && !is_shared {
            let text = format!("{} in exclusive use", error::queue_in_vhost(&queue.name));
            return Err(error::access_refused(text));
        }
        let Consuming { tag, ack_required, prefetch, priority, exclusive, start } = consuming;
        let mut consumer = Consumer::new(tag, channel, prefetch);
        consumer.ack_required = ack_required;
        consumer.is_unlimited =
            self.without.lacks(crate::rabbit::protection::Protection::PrefetchLimit);
        consumer.priority = priority;
        consumer.exclusive = exclusive;
        consumer.start = start;
        self.add_consumer(id, consumer, true, out);
        Ok(())
    }

    /// Channels are gone: their consumers too, and these deliveries go back, that they had not
    /// acknowledged.
    pub(super) fn channels_down(
        &mut self,
        id: QueueId,
        channels: &[ChannelId],
        seqs: Vec<u64>,
        out: &mut Out<'_>,
    ) {
        self.with_queue(id, out, |queue, means| {
            for consumer in queue.consumers.remove_channels(channels) {
                let (queue, consumer) = (queue.name.clone(), consumer.tag);
                means.out.emit(Event::ConsumerGone { queue, consumer });
            }
            queue.waiting_gets.retain(|(waiting, _)| !channels.contains(waiting));
            queue.forget_handled(channels);
            if let Some(first) = channels.first() {
                queue.settle_all(*first, &seqs, Settlement::Requeued, means);
            }
        });
        if !self.remove_if_unused(id, out) {
            self.used(id, out);
            self.run(id, out);
        }
    }

    /// Channels of another node are gone.
    pub(super) fn take_all_back(&mut self, id: QueueId, channels: &[ChannelId], out: &mut Out<'_>) {
        channels.iter().for_each(|channel| self.limits.forget(*channel));
        let theirs = self.queues.get(&id).map(|queue| match channels.is_empty() {
            true => Vec::new(),
            false => queue.unacked_of(channels),
        });
        self.channels_down(id, channels, theirs.unwrap_or_default(), out);
    }

    // ---- nodes that are down ----

    /// A node is down: its channels are gone, and its queues cannot be reached.
    pub(super) fn remote_down(&mut self, node: NodeId, out: &mut Out<'_>) {
        let ids: Vec<QueueId> = self.queues.keys().collect();
        for id in ids {
            match self.home_of(id) {
                // Somebody else will have it.
                Some(home) if home == node && self.has_mirror(id) => {}
                Some(home) if home == node => self.queue_unreachable(id, out),
                Some(_) => {}
                None if self.is_quorum(id) => {}
                None => {
                    let Some(queue) = self.queues.get(&id) else { continue };
                    let channels = queue.channels_of(node);
                    if !channels.is_empty() {
                        self.take_all_back(id, &channels, out);
                    }
                }
            }
        }
        let waiting: Vec<ChannelId> = self.asking.iter().map(|(channel, ..)| *channel).collect();
        for channel in waiting {
            self.listed(node, channel, &Answer::Done, out);
        }
    }

    /// The node of a queue is down: its consumers here are cancelled, what waits for its confirm is
    /// refused, and deliveries can be settled without effect.
    pub(super) fn queue_unreachable(&mut self, id: QueueId, out: &mut Out<'_>) {
        let node = self.me;
        let mut cancelled = Vec::new();
        for (client, connection) in self.connections.iter_mut() {
            for (number, channel) in connection.channels.iter_mut() {
                let channel_id = ChannelId { node, client, number };
                let theirs = channel.consumers.iter().filter(|(_, consumer)| consumer.of == id);
                cancelled.extend(theirs.map(|(tag, _)| (channel_id, tag.clone())));
                channel.consumers.retain(|_, consumer| consumer.of != id);
                channel.forget_credit(id);
            }
        }
        self.refuse_waiting(id);
        for (channel, tag) in cancelled {
            self.send(channel, Method::BasicCancel { tag }, out);
        }
    }

    /// What waits for a confirm of a queue is refused.
    pub(super) fn refuse_waiting(&mut self, id: QueueId) {
        let node = self.me;
        for (client, connection) in self.connections.iter_mut() {
            for (number, channel) in connection.channels.iter_mut() {
                let Mode::Confirm(confirming) = &mut channel.mode else { continue };
                for publish in confirming.waiting.of_queue(&id) {
                    if confirming.waiting.reject(publish) {
                        confirming.refuse(publish);
                        self.news.insert(ChannelId { node, client, number });
                    }
                }
            }
        }
        if let Some(queue) = self.queues.get_mut(&id) {
            queue.mirroring.sent.clear();
        }
    }

    // ---- lists for tools ----

    /// A tool wants a list of what all nodes have.
    pub(super) fn ask_all(&mut self, channel: ChannelId, list: List, out: &mut Out<'_>) {
        let own = self.list(list, out.now());
        let others = match list {
            List::Queues | List::Consumers | List::Connections | List::Channels | List::Members => {
                self.others_up()
            }
            _ => Vec::new(),
        };
        if others.is_empty() {
            return self.send(channel, Method::ManagementList(Rc::new(own)), out);
        }
        for node in &others {
            tell(*node, Talk::List(channel, list), out);
        }
        self.asking.retain(|(asking, ..)| *asking != channel);
        self.asking.push((channel, others, own));
    }

    /// What another node has; or nothing, if it is down.
    fn listed(&mut self, from: NodeId, channel: ChannelId, answer: &Answer, out: &mut Out<'_>) {
        let Some(at) = self.asking.iter().position(|(asking, ..)| *asking == channel) else {
            return;
        };
        let (_, waits, all) = &mut self.asking[at];
        waits.retain(|node| *node != from);
        merge(all, answer);
        if waits.is_empty() {
            let (_, _, all) = self.asking.remove(at);
            self.send(channel, Method::ManagementList(Rc::new(all)), out);
        }
    }

    /// Publishes that are safe and came from other nodes are confirmed there.
    pub(super) fn confirm_elsewhere(&mut self, id: QueueId, out: &mut Out<'_>) {
        let me = self.me;
        if self.confirms.iter().all(|publish| publish.channel.node == me) {
            return;
        }
        let all = std::mem::take(&mut self.confirms);
        let (own, others): (Vec<PublishId>, Vec<PublishId>) =
            all.into_iter().partition(|publish| publish.channel.node == me);
        self.confirms = own;
        for node in self.nodes.iter().filter(|node| **node != me) {
            let theirs = others.iter().filter(|publish| publish.channel.node == *node).copied();
            let theirs: Vec<PublishId> = theirs.collect();
            // Of a quorum queue each node confirms what was published through it.
            if !theirs.is_empty() && !self.is_quorum(id) {
                tell(*node, Talk::Confirmed(id, theirs), out);
            }
        }
    }
}

/// Puts what another node knows to what is known: of a queue, what the node knows that has it.
fn merge(all: &mut Answer, more: &Answer) {
    use crate::ordered::Order;
    match (all, more) {
        (Answer::Queues(all), Answer::Queues(more)) => {
            for queue in more {
                match all.iter_mut().find(|known| known.name == queue.name) {
                    Some(known) => known.learn(queue.clone()),
                    None => all.push(queue.clone()),
                }
            }
            all.order_by(|a, b| a.name.cmp(&b.name));
        }
        (Answer::Consumers(all), Answer::Consumers(more)) => {
            all.extend(more.iter().cloned());
            all.order_by(|a, b| a.queue.cmp(&b.queue));
        }
        (Answer::Members(all), Answer::Members(more)) => {
            all.extend(more.iter().cloned());
            all.order_by(|a, b| (&a.queue, &a.node).cmp(&(&b.queue, &b.node)));
        }
        (Answer::Channels(all), Answer::Channels(more)) => all.extend(more.iter().cloned()),
        (Answer::Connections(all), Answer::Connections(more)) => all.extend(more.iter().cloned()),
        _ => {}
    }
}
