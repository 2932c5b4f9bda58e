//! From queues to consumers: subscriptions, pushes, gets, acknowledgements.

use super::Broker;
use super::publish::work_of;
use crate::ordered::{BTreeMap, BTreeSet, Order};
use crate::rabbit::channel::{Mode, Unacked};
use crate::rabbit::command::{AmqpError, Argument};
use crate::rabbit::consumers::Consumer;
use crate::rabbit::content::Content;
use crate::rabbit::error;
use crate::rabbit::event::Event;
use crate::rabbit::ids::{ChannelId, ConsumerId, QueueId};
use crate::rabbit::message::{Consume, Method};
use crate::rabbit::process::{Out, Ticket};
use crate::rabbit::profile::Profile;
use crate::rabbit::protection::Protection::PrefetchLimit;
use crate::rabbit::queue::{Got, Push, Settlement};
use crate::sim::Rope;
use std::rc::Rc;

impl Broker {
    // ---- consumers ----

    /// Queues that had waited for a channel may deliver to it again.
    fn run_again(&mut self, channel: ChannelId, queues: BTreeSet<QueueId>, out: &mut Out<'_>) {
        for queue in queues {
            self.with_queue(queue, out, |queue, means| queue.unblock(channel, means));
            self.run(queue, out);
        }
    }

    /// A channel has settled deliveries of consumers.
    fn settled(&mut self, channel: ChannelId, count: u64, out: &mut Out<'_>) {
        let again = self.limits.settled(channel, count);
        self.run_again(channel, again, out);
    }

    /// `basic.qos`.
    pub(super) fn qos(
        &mut self,
        channel: ChannelId,
        prefetch_count: u16,
        global: bool,
        out: &mut Out<'_>,
    ) -> Result<(), AmqpError> {
        if !global {
            self.channel(channel).prefetch = prefetch_count;
            self.send(channel, Method::BasicQosOk, out);
            return Ok(());
        }
        if self.profile == Profile::V4_3 {
            return Err(error::not_implemented("Feature `global_qos` is deprecated."));
        }
        let unacked = self.channel(channel).unacked();
        let again = self.limits.set(channel, prefetch_count, unacked);
        self.send(channel, Method::BasicQosOk, out);
        self.run_again(channel, again, out);
        Ok(())
    }

    /// `basic.consume`.
    pub(super) fn consume(
        &mut self,
        channel: ChannelId,
        consume: &Consume,
        out: &mut Out<'_>,
    ) -> Result<(), AmqpError> {
        let id = self.queue_for(channel, &consume.queue)?;
        let tag: Rc<str> = match &*consume.tag {
            "" => format!("amq.ctag-{:022x}", out.random().bits()).into(),
            tag => self.names.shared(tag),
        };
        if self.channel(channel).consumers.contains_key(&tag) {
            let text = format!("attempt to reuse consumer tag '{tag}'");
            return Err(error::not_allowed(text));
        }
        let priority = match consume.arguments.get("x-priority") {
            None => 0,
            Some(Argument::Integer(priority)) => *priority,
            Some(other) => {
                let of = error::queue_in_vhost(&self.queues[&id].name);
                return Err(error::precondition_failed(format_args!(
                    "invalid arg 'x-priority' for {of}: \"expected integer, got {}\"",
                    super::arguments::type_name(other)
                )));
            }
        };
        let prefetch = if consume.no_ack { 0 } else { self.channel(channel).prefetch };
        let queue = self.queues.get_mut(&id).expect("it was just found");
        let is_taken = queue.consumers.is_single() || queue.consumers.count() > 0;
        if queue.consumers.has_exclusive() || consume.exclusive && is_taken {
            let text = format!("{} in exclusive use", error::queue_in_vhost(&queue.name));
            return Err(error::access_refused(text));
        }
        let mut consumer = Consumer::new(tag.clone(), channel, prefetch);
        consumer.ack_required = !consume.no_ack;
        consumer.is_unlimited = self.without.lacks(PrefetchLimit);
        consumer.priority = priority;
        consumer.exclusive = consume.exclusive;
        let queue_name = queue.name.clone();
        let consumer = queue.add_consumer(consumer, out.now());
        self.channel(channel).consumers.insert(tag.clone(), (id, consumer));
        out.emit(Event::ConsumerRegistered { queue: queue_name, consumer: tag.clone(), prefetch });
        self.send(channel, Method::BasicConsumeOk { tag }, out);
        self.used(id, out);
        self.run(id, out);
        Ok(())
    }

    /// `basic.cancel`. What is unacknowledged stays with the channel.
    pub(super) fn cancel(
        &mut self,
        channel: ChannelId,
        tag: Rc<str>,
        out: &mut Out<'_>,
    ) -> Result<(), AmqpError> {
        let gone = self.channel(channel).consumers.remove(&tag);
        self.send(channel, Method::BasicCancelOk { tag: tag.clone() }, out);
        if let Some((id, consumer)) = gone {
            if let Some(queue) = self.queues.get_mut(&id) {
                queue.consumers.remove(consumer);
                out.emit(Event::ConsumerGone { queue: queue.name.clone(), consumer: tag });
            }
            if !self.remove_if_unused(id, out) {
                self.used(id, out);
                self.run(id, out);
            }
        }
        Ok(())
    }

    // ---- deliveries ----

    /// Lets a queue deliver until nothing is ready or nobody can take more.
    pub(super) fn run(&mut self, id: QueueId, out: &mut Out<'_>) {
        self.serve_waiting_gets(id, out);
        while let Some(push) =
            self.with_queue(id, out, |queue, means| queue.next_push(means)).flatten()
        {
            self.push(id, push, out);
        }
        self.see_to_timers(id, out);
    }

    /// Sends a message to a consumer.
    pub(super) fn push(&mut self, id: QueueId, push: Push, out: &mut Out<'_>) {
        let Push { channel, consumer, tag, ack_required, seq, redelivered, content } = push;
        self.charge(id, work_of(out.cost(), content.body.len()), out.now());
        let unacked = Unacked { queue: id, seq, consumer: Some(consumer), at: out.now() };
        let state = self.channel(channel);
        let delivery_tag = state.deliver(ack_required.then_some(unacked));
        if ack_required && !state.has_tick {
            self.expect_settlement(channel, out);
        }
        let queue = self.queues[&id].name.clone();
        let message = content.id;
        out.emit(Event::Pushed {
            queue: queue.clone(),
            consumer: tag.clone(),
            tag: delivery_tag,
            message,
            redelivered,
        });
        if !ack_required {
            out.emit(Event::Removed { queue, message, reason: "auto_ack" });
        }
        self.send(channel, Method::BasicDeliver { tag, delivery_tag, redelivered, content }, out);
    }

    /// `basic.get`.
    pub(super) fn get(
        &mut self,
        channel: ChannelId,
        queue: &str,
        no_ack: bool,
        out: &mut Out<'_>,
    ) -> Result<(), AmqpError> {
        let id = self.queue_for(channel, queue)?;
        if self.queues[&id].consumers.is_single() {
            return Err(error::single_active(&self.queues[&id].name));
        }
        self.used(id, out);
        self.get_from(id, channel, no_ack, out);
        self.see_to_timers(id, out);
        Ok(())
    }

    fn get_from(&mut self, id: QueueId, channel: ChannelId, no_ack: bool, out: &mut Out<'_>) {
        let got = self.with_queue(id, out, |queue, means| {
            let got = queue.get(no_ack, means);
            if let Got::Later = got {
                queue.waiting_gets.push_back((channel, no_ack));
            }
            got
        });
        match got {
            Some(Got::Later) => {}
            Some(Got::Message { seq, redelivered, content }) => {
                self.charge(id, work_of(out.cost(), content.body.len()), out.now());
                self.send_got(id, (channel, no_ack), (seq, redelivered, content), out);
            }
            Some(Got::Empty) | None => self.send(channel, Method::BasicGetEmpty, out),
        }
    }

    fn send_got(
        &mut self,
        id: QueueId,
        (channel, no_ack): (ChannelId, bool),
        (seq, redelivered, content): (u64, bool, Rc<Content>),
        out: &mut Out<'_>,
    ) {
        let unacked = Unacked { queue: id, seq, consumer: None, at: out.now() };
        let state = self.channel(channel);
        let delivery_tag = state.deliver((!no_ack).then_some(unacked));
        if !no_ack && !state.has_tick {
            self.expect_settlement(channel, out);
        }
        let (queue, message) = (&self.queues[&id], content.id);
        let (name, message_count) = (queue.name.clone(), queue.storage.ready());
        out.emit(Event::Got { queue: name.clone(), message });
        if no_ack {
            out.emit(Event::Removed { queue: name, message, reason: "got" });
        }
        let got = Method::BasicGetOk { delivery_tag, redelivered, message_count, content };
        self.send(channel, got, out);
    }

    /// Answers the gets that waited for the disk, as far as messages are there now.
    fn serve_waiting_gets(&mut self, id: QueueId, out: &mut Out<'_>) {
        let Some(queue) = self.queues.get_mut(&id) else { return };
        for (channel, no_ack) in std::mem::take(&mut queue.waiting_gets) {
            self.get_from(id, channel, no_ack, out);
        }
    }

    /// Something that a queue waits for was read.
    pub(super) fn queue_was_read(&mut self, ticket: Ticket, bytes: &Rope, out: &mut Out<'_>) {
        let id = match ticket {
            Ticket::TailSegment { queue: id, level, refill, segment } => {
                self.with_queue(id, out, |queue, means| {
                    let which = (refill, segment);
                    queue.storage.index_was_read((id, level), which, bytes, means);
                });
                id
            }
            Ticket::Messages { queue: id, level, refill, first, count } => {
                self.with_queue(id, out, |queue, means| {
                    queue.storage.messages_were_read(level, (refill, first, count), bytes, means);
                });
                id
            }
            _ => return,
        };
        self.look_at_head(id, out);
        self.run(id, out);
    }

    // ---- acknowledgements ----

    /// `basic.ack`, `basic.nack`, `basic.reject`.
    pub(super) fn settle(
        &mut self,
        channel: ChannelId,
        (tag, multiple): (u64, bool),
        how: Settlement,
        out: &mut Out<'_>,
    ) -> Result<(), AmqpError> {
        let state = self.channel(channel);
        if let Mode::Transaction(_) = state.mode {
            let tagged = state.settle_tagged(tag, multiple)?;
            if let Mode::Transaction(transaction) = &mut state.mode {
                transaction.settle(tagged, how);
            }
        } else if multiple {
            let settled = state.settle(tag, true)?;
            self.settle_many(channel, settled, how, out);
        } else {
            let unacked = state.settle_one(tag)?;
            self.settle_at(channel, unacked.queue, &[unacked.seq], how, out);
            self.settled(channel, u64::from(unacked.consumer.is_some()), out);
        }
        Ok(())
    }

    /// `basic.recover`.
    pub(super) fn recover(
        &mut self,
        channel: ChannelId,
        requeue: bool,
        out: &mut Out<'_>,
    ) -> Result<(), AmqpError> {
        if !requeue {
            return Err(error::not_implemented("requeue=false"));
        }
        let settled = self.channel(channel).settle_all();
        self.settle_many(channel, settled, Settlement::Requeued, out);
        self.send(channel, Method::BasicRecoverOk, out);
        Ok(())
    }

    /// Each queue hears of the deliveries of each of its consumers together.
    pub(super) fn settle_many(
        &mut self,
        channel: ChannelId,
        settled: Vec<Unacked>,
        how: Settlement,
        out: &mut Out<'_>,
    ) {
        let count = settled.iter().filter(|unacked| unacked.consumer.is_some()).count() as u64;
        let mut groups: BTreeMap<(QueueId, Option<ConsumerId>), Vec<u64>> = BTreeMap::new();
        for Unacked { queue, seq, consumer, .. } in settled {
            groups.entry((queue, consumer)).or_default().push(seq);
        }
        for ((queue, _), mut seqs) in groups {
            // Put back by place; given up in the order of the tags.
            if how == Settlement::Requeued {
                seqs.order();
            }
            self.settle_at(channel, queue, &seqs, how, out);
        }
        self.settled(channel, count, out);
    }

    fn settle_at(
        &mut self,
        channel: ChannelId,
        queue: QueueId,
        seqs: &[u64],
        how: Settlement,
        out: &mut Out<'_>,
    ) {
        // A queue that is deleted meanwhile hears nothing.
        self.with_queue(queue, out, |queue, means| queue.settle(channel, seqs, how, means));
        self.run(queue, out);
    }
}
