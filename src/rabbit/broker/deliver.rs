//! From queues to consumers: subscriptions, pushes, gets, acknowledgements.

use super::Broker;
use super::publish::work_of;
use crate::ordered::{BTreeMap, BTreeSet, Order};
use crate::rabbit::channel::{Mode, Subscribed, Unacked};
use crate::rabbit::command::{AmqpError, Argument};
use crate::rabbit::consumers::Consumer;
use crate::rabbit::content::Content;
use crate::rabbit::error;
use crate::rabbit::event::Event;
use crate::rabbit::ids::{ChannelId, ConsumerId, QueueId};
use crate::rabbit::message::{Consume, Frame, Method};
use crate::rabbit::messages::Messages;
use crate::rabbit::process::{Out, Ticket};
use crate::rabbit::profile::Profile;
use crate::rabbit::queue::{Got, Push, Settlement};
use crate::rabbit::quorum::command::Command;
use crate::rabbit::quorum::group::tell;
use crate::rabbit::stream::Start;
use crate::rabbit::talk::{self, Consuming, Deed, Talk};
use crate::sim::{MessageId, Rope, Time};
use std::rc::Rc;

impl Broker {
    // ---- consumers ----

    /// Queues that had waited for a channel may deliver to it again.
    pub(super) fn run_again(
        &mut self,
        channel: ChannelId,
        queues: BTreeSet<QueueId>,
        out: &mut Out<'_>,
    ) {
        if queues.is_empty() {
            return;
        }
        for queue in queues {
            if let Some(home) = self.home_of(queue) {
                self.make_room(home, channel, queue, out);
                continue;
            }
            self.with_queue(queue, out, |queue, means| queue.unblock(channel, means));
            self.run(queue, out);
        }
    }

    /// A channel has settled deliveries of consumers.
    #[inline(always)]
    pub(super) fn settled(&mut self, channel: ChannelId, count: u64, out: &mut Out<'_>) {
        if self.limits.are_none() {
            return;
        }
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
        self.tell_limit(channel, out);
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
        let (id, usual_prefetch) = match self.is_jms() {
            true => self.subscription(channel, consume, out)?,
            false => (self.queue_for(channel, &consume.queue)?, 0),
        };
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
        let start = self.check_stream(id, (channel, consume), out.now())?;
        let prefetch = match self.channel(channel).prefetch {
            _ if consume.no_ack => 0,
            0 => usual_prefetch,
            prefetch => prefetch,
        };
        let (ack_required, exclusive) = (!consume.no_ack, consume.exclusive);
        let consuming = Consuming { tag, ack_required, prefetch, priority, exclusive, start };
        if self.home_of(id).is_some() && self.limits.is_limited(channel) {
            self.tell_limit(channel, out);
        }
        let ends = consume.arguments.get("x-cancel-on-ha-failover");
        if ends == Some(&Argument::Boolean(true))
            && let Some(queue) = self.queues.get_mut(&id)
        {
            queue.mirroring.ends.push((channel, consuming.tag.clone()));
        }
        if self.goes_home(id, channel, || Deed::Consume(consuming.clone()), out) {
            self.channel(channel).asked.insert(id);
            return Ok(());
        }
        if !self.is_quorum(id) {
            return self.start_consumer(id, channel, consuming, out);
        }
        let queue = self.queues.get_mut(&id).expect("it was just found");
        let is_taken = queue.consumers.is_single() || queue.consumers.count() > 0;
        if queue.consumers.has_exclusive() || consume.exclusive && is_taken {
            let text = format!("{} in exclusive use", error::queue_in_vhost(&queue.name));
            return Err(error::access_refused(text));
        }
        if self.limits.is_limited(channel) {
            let of = error::queue_in_vhost(&queue.name);
            let text = format!("{of} does not support global qos");
            return Err(error::not_implemented(text));
        }
        let Consuming { tag, .. } = consuming;
        let command =
            Command::Consume { channel, tag, ack_required, prefetch, priority, exclusive };
        self.submit(id, &command, Some(channel), out);
        Ok(())
    }

    /// Where a consumer begins in a stream, if it may have it; `None` for another queue.
    fn check_stream(
        &mut self,
        id: QueueId,
        (channel, consume): (ChannelId, &Consume),
        now: Time,
    ) -> Result<Option<Start>, AmqpError> {
        let queue = &self.queues[&id];
        let of = error::queue_in_vhost(&queue.name);
        let kind = super::arguments::queue_type(&queue.declaration.arguments);
        let (strange, offset) = match kind {
            "stream" => ("x-priority", consume.arguments.get("x-stream-offset")),
            _ => ("x-stream-offset", None),
        };
        if consume.arguments.contains_key(strange) {
            return Err(error::precondition_failed(format_args!(
                "invalid arg '{strange}' for {of} of queue type rabbit_{kind}_queue"
            )));
        }
        if kind != "stream" {
            return Ok(None);
        }
        let start = Start::of(offset, now).map_err(|reason| {
            error::precondition_failed(format_args!(
                "invalid arg 'x-stream-offset' for {of}: {reason}"
            ))
        })?;
        if self.channel(channel).prefetch == 0 {
            return Err(error::precondition_failed(format_args!(
                "consumer prefetch count is not set for stream {of}"
            )));
        }
        if consume.no_ack {
            return Err(error::not_implemented(format_args!(
                "automatic acknowledgement not supported by stream {of}"
            )));
        }
        if self.limits.is_limited(channel) {
            return Err(error::not_implemented(format_args!("{of} does not support global qos")));
        }
        if self.is_shared_stream(id) && !self.has_member(id) {
            return Err(error::precondition_failed(format_args!(
                "stream {of} does not have a running replica on the local node"
            )));
        }
        Ok(Some(start))
    }

    /// Registers a consumer at its queue, and with its channel if that is still there.
    pub(super) fn add_consumer(
        &mut self,
        id: QueueId,
        consumer: Consumer,
        is_awaited: bool,
        out: &mut Out<'_>,
    ) {
        let Consumer { channel, prefetch, ack_required, priority, exclusive, .. } = consumer;
        let tag = consumer.tag.clone();
        let registered = self.with_queue(id, out, |queue, means| {
            // Who was taken for down by two leaders comes again for each, and is there once.
            let known = queue.consumers.with_tag(channel, &consumer.tag);
            if let Some(known) = known.filter(|_| queue.group.is_some()) {
                return known;
            }
            let (queue_name, consumer_tag) = (queue.name.clone(), consumer.tag.clone());
            let registered = queue.add_consumer(consumer, means.now);
            means.emit(Event::ConsumerRegistered {
                queue: queue_name,
                consumer: consumer_tag,
                prefetch,
            });
            registered
        });
        if let Some(registered) = registered.filter(|_| is_awaited) {
            let consumer = registered;
            let known =
                Subscribed { of: id, consumer, ack_required, prefetch, priority, exclusive };
            if channel.node == self.me {
                self.registered(channel, tag, known, out);
            } else {
                tell(channel.node, Talk::Consuming(channel, tag, known), out);
            }
        }
        self.used(id, out);
        self.run(id, out);
    }

    /// A consumer is registered at its queue: its client hears so, unless it was before.
    pub(super) fn registered(
        &mut self,
        channel: ChannelId,
        tag: Rc<str>,
        known: Subscribed,
        out: &mut Out<'_>,
    ) {
        if self.channel(channel).consumers.insert(tag.clone(), known).is_none() {
            self.send(channel, Method::BasicConsumeOk { tag }, out);
        }
    }

    /// `basic.cancel`. What is unacknowledged stays with the channel.
    pub(super) fn cancel(
        &mut self,
        channel: ChannelId,
        tag: Rc<str>,
        out: &mut Out<'_>,
    ) -> Result<(), AmqpError> {
        let found = self.channel(channel).consumers.get(&tag).map(|consumer| consumer.of);
        if let Some(id) = found.filter(|id| self.is_quorum(*id)) {
            self.submit(id, &Command::Cancel { channel, tag }, Some(channel), out);
            return Ok(());
        }
        let gone = self.channel(channel).consumers.remove(&tag);
        self.send(channel, Method::BasicCancelOk { tag: tag.clone() }, out);
        if let Some(Subscribed { of: id, consumer, .. }) = gone {
            if self.goes_home(id, channel, || Deed::Cancel(tag.clone()), out) {
                return Ok(());
            }
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
        let Some(queue) = self.queues.get(&id) else { return };
        if !queue.waiting_gets.is_empty() {
            self.serve_waiting_gets(id, out);
        }
        while let Some(push) = self.next_push(id, out) {
            self.push(id, push, out);
        }
        self.see_to_timers(id, out);
    }

    fn next_push(&mut self, id: QueueId, out: &mut Out<'_>) -> Option<Push> {
        // Nearly always nothing waits.
        if self.queues.get(&id)?.storage.is_empty() {
            return None;
        }
        self.with_queue(id, out, |queue, means| queue.next_push(means)).flatten()
    }

    /// Sends a message to a consumer.
    pub(super) fn push(&mut self, id: QueueId, push: Push, out: &mut Out<'_>) {
        let Push { channel, consumer, tag, ack_required, seq, redelivered, content } = push;
        let is_here =
            self.queues.get(&id).is_some_and(|it| it.group.is_none() && it.home.is_none());
        if channel.node != self.me {
            if is_here {
                self.charge(id, work_of(out.cost(), content.body.len()), out.now());
                let push = Push { channel, consumer, tag, ack_required, seq, redelivered, content };
                tell(channel.node, Talk::Push(id, Box::new(push)), out);
            } else if !ack_required {
                self.gone_unseen(id, content.id, out);
            }
            return;
        }
        // A queue elsewhere may not have heard yet that the consumer is gone.
        if !is_here && !self.is_registered(channel, &tag, (id, consumer)) {
            let give_back = || Deed::Settle(vec![seq], Settlement::Requeued);
            self.settled(channel, u64::from(ack_required), out);
            if self.goes_home(id, channel, give_back, out) {
                return;
            }
            if !ack_required {
                self.gone_unseen(id, content.id, out);
            }
            return;
        }
        self.charge(id, work_of(out.cost(), content.body.len()), out.now());
        let unacked = Unacked { queue: id, seq, consumer: Some(consumer), at: out.now() };
        let state = self.channel(channel);
        let delivery_tag = state.deliver(ack_required.then_some(unacked));
        if ack_required && !state.has_tick {
            self.expect_settlement(channel, out);
        }
        let message = content.id;
        out.tell(|| Event::Pushed {
            queue: self.queues[&id].name.clone(),
            consumer: tag.clone(),
            tag: delivery_tag,
            message,
            redelivered,
        });
        if !ack_required {
            let queue = self.queues[&id].name.clone();
            out.emit(Event::Removed { queue, message, reason: "auto_ack" });
        }
        let method = Method::BasicDeliver { tag, delivery_tag, redelivered, content };
        out.send(channel.client, Frame { channel: channel.number, method });
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
        if let Messages::Stream(_) = self.queues[&id].storage {
            let of = error::queue_in_vhost(&self.queues[&id].name);
            return Err(error::not_implemented(format_args!(
                "basic.get not supported by stream queues {of}"
            )));
        }
        if self.queues[&id].consumers.is_single() {
            let kind = if self.is_quorum(id) { "quorum" } else { "classic" };
            return Err(error::single_active(&self.queues[&id].name, kind));
        }
        self.used(id, out);
        if self.is_quorum(id) {
            self.submit(id, &Command::Get { channel, no_ack }, Some(channel), out);
            return Ok(());
        }
        if self.goes_home(id, channel, || Deed::Get(no_ack), out) {
            self.channel(channel).asked.insert(id);
            return Ok(());
        }
        self.get_from(id, channel, no_ack, out);
        self.see_to_timers(id, out);
        Ok(())
    }

    /// A message left a quorum queue for a channel that is gone.
    pub(super) fn gone_unseen(&mut self, id: QueueId, message: MessageId, out: &mut Out<'_>) {
        self.with_queue(id, out, |queue, means| {
            let queue = queue.name.clone();
            means.emit(Event::Removed { queue, message, reason: "auto_ack" });
        });
    }

    pub(super) fn is_registered(
        &self,
        channel: ChannelId,
        tag: &Rc<str>,
        consumer: (QueueId, ConsumerId),
    ) -> bool {
        let connection = self.connections.get(&channel.client);
        let found = connection.and_then(|connection| connection.channels.get(&channel.number));
        let found = found.and_then(|found| found.consumers.get(tag));
        found.is_some_and(|found| (found.of, found.consumer) == consumer)
    }

    /// Gives a channel the first message, or tells it that there is none.
    pub(super) fn get_from(
        &mut self,
        id: QueueId,
        channel: ChannelId,
        no_ack: bool,
        out: &mut Out<'_>,
    ) {
        let got = self.with_queue(id, out, |queue, means| {
            let got = queue.get(channel, no_ack, means);
            if let Got::Later = got {
                queue.waiting_gets.push_back((channel, no_ack));
            }
            got
        });
        match got {
            Some(Got::Later) => {}
            Some(Got::Message { seq, redelivered, content }) => {
                self.charge(id, work_of(out.cost(), content.body.len()), out.now());
                let left = self.queues[&id].storage.ready();
                if channel.node == self.me {
                    let message = (seq, redelivered, content);
                    return self.send_got(id, (channel, no_ack), message, left, out);
                }
                let got = talk::Got { no_ack, seq, redelivered, content, left };
                tell(channel.node, Talk::Got(id, channel, Box::new(got)), out);
            }
            Some(Got::Empty) | None => self.send(channel, Method::BasicGetEmpty, out),
        }
    }

    pub(super) fn send_got(
        &mut self,
        id: QueueId,
        (channel, no_ack): (ChannelId, bool),
        (seq, redelivered, content): (u64, bool, Rc<Content>),
        message_count: u64,
        out: &mut Out<'_>,
    ) {
        let unacked = Unacked { queue: id, seq, consumer: None, at: out.now() };
        let state = self.channel(channel);
        let delivery_tag = state.deliver((!no_ack).then_some(unacked));
        if !no_ack && !state.has_tick {
            self.expect_settlement(channel, out);
        }
        let message = content.id;
        let Some(name) = self.queues.get(&id).map(|queue| queue.name.clone()) else { return };
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
                    if let Messages::Classic(levels) = &mut queue.storage {
                        levels.index_was_read((id, level), which, bytes, means);
                    }
                });
                id
            }
            Ticket::Messages { queue: id, level, refill, first, count } => {
                self.with_queue(id, out, |queue, means| {
                    if let Messages::Classic(levels) = &mut queue.storage {
                        let which = (refill, first, count);
                        levels.messages_were_read(level, which, bytes, means);
                    }
                });
                id
            }
            Ticket::Stream { queue: id, by, read } => {
                self.with_queue(id, out, |queue, means| {
                    if let Messages::Stream(stream) = &mut queue.storage {
                        stream.was_read(by, read, bytes, means.names);
                    }
                });
                self.stream_moved(id, out);
                id
            }
            _ => return,
        };
        self.look_at_head(id, out);
        self.run(id, out);
        self.synchronise_on(id, out);
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
            self.settle_or_submit(channel, unacked.queue, &[unacked.seq], how, out);
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
            if how.is_back() && !self.is_quorum(queue) {
                seqs.order();
            }
            self.settle_or_submit(channel, queue, &seqs, how, out);
        }
        self.settled(channel, count, out);
    }

    #[inline(always)]
    fn settle_or_submit(
        &mut self,
        channel: ChannelId,
        queue: QueueId,
        seqs: &[u64],
        how: Settlement,
        out: &mut Out<'_>,
    ) {
        // A queue that is deleted meanwhile hears nothing.
        let Some(found) = self.queues.get(&queue) else { return };
        if found.group.is_some() {
            let seqs = seqs.to_vec();
            self.submit(queue, &Command::Settle { channel, seqs, how }, None, out);
        } else if let Some(home) = found.home {
            let deed = Deed::Settle(seqs.to_vec(), how);
            tell(home, Talk::Do(queue, channel, deed), out);
        } else {
            self.settle_at(channel, queue, seqs, how, out);
        }
    }

    /// A queue hears of deliveries of a channel.
    #[inline(always)]
    pub(super) fn settle_at(
        &mut self,
        channel: ChannelId,
        queue: QueueId,
        seqs: &[u64],
        how: Settlement,
        out: &mut Out<'_>,
    ) {
        self.with_queue(queue, out, |queue, means| queue.settle(channel, seqs, how, means));
        self.run(queue, out);
    }
}
