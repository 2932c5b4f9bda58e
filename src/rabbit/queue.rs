//! A queue: messages that are ready, and messages that are delivered and unacknowledged.
//!
//! A message is `ready`; delivered to somebody who must acknowledge it is `unacked`; then it is
//! acknowledged and gone, or goes back to its place (the order of sequence ids) and is ready again,
//! or is rejected and gone. With automatic acknowledgement it is gone when it is sent.
//!
//! At rest, either no consumer can be delivered to, or nothing is ready. So a message for which a
//! consumer is found goes to it at once and is never enqueued, and what limits the queue never
//! sees it: only in the reject modes is a full queue asked first.
//!
//! Limits count ready messages. What is too much is dropped at the head, and what has expired is
//! dropped **at the head only**: behind a message that lives an expired one is still counted, and
//! it goes when it gets there. Both are dead-lettered if the queue has an exchange for that.
//!
//! A queue is one process of the broker, and so one core: a job waits for the one before it.

use super::command::Argument;
use super::consumers::{Consumer, Consumers};
use super::content::Content;
use super::death::Reason;
use super::event::Event;
use super::ids::{ChannelId, ConsumerId, PublishId, QueueId};
use super::message::Arguments;
use super::messages::Messages;
use super::mirror::Mirroring;
use super::mirror::held::Held;
use super::profile::Profile;
use super::quorum::Group;
use super::quorum::fifo::Fifo;
use super::quorum::graves::Graves;
use super::rules::{Overflow, Rules};
use super::storage_v2::entry::Shared;
use super::storage_v2::{Item, METADATA_BYTES, Means, Tries};
use super::stream::Start;
use super::stream::member::Member;
use super::talk::NewQueue;
use crate::ordered::{BTreeSet, Window};
use crate::sim::cost::Server;
use crate::sim::{MessageId, NodeId, Span, Time};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::rc::Rc;

mod unacked;

pub use unacked::Settlement;
use unacked::Unacked;

/// With what a queue was declared.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Declaration {
    /// Survives a restart.
    pub durable: bool,
    /// Goes with its last consumer.
    pub auto_delete: bool,
    /// `x-` arguments.
    pub arguments: Arguments,
}

/// A message on its way to a consumer.
#[derive(Clone, Debug, PartialEq)]
pub struct Push {
    /// The consumer's channel.
    pub channel: ChannelId,
    /// The consumer.
    pub consumer: ConsumerId,
    /// Its tag.
    pub tag: Rc<str>,
    /// True if it must acknowledge.
    pub ack_required: bool,
    /// The message's sequence id, by which it is acknowledged to the queue.
    pub seq: u64,
    /// Whether it had been delivered before.
    pub redelivered: bool,
    /// The message.
    pub content: Rc<Content>,
}

/// What a publish comes to at a queue.
#[derive(Clone, Debug)]
pub enum Published {
    /// The queue has it.
    Enqueued,
    /// A consumer gets it at once.
    Pushed(Push),
    /// The queue is full, and does not take it.
    Refused,
}

/// What `basic.get` comes to.
#[derive(Clone, Debug)]
pub enum Got {
    /// There is nothing.
    Empty,
    /// There is something, and it is being read.
    Later,
    /// A message.
    Message {
        /// Its sequence id.
        seq: u64,
        /// Whether it had been delivered before.
        redelivered: bool,
        /// The message.
        content: Rc<Content>,
    },
}

/// A queue.
#[derive(Clone, Debug)]
pub struct Queue {
    /// Its number in this broker.
    pub id: QueueId,
    /// Its name.
    pub name: Rc<str>,
    /// With what it was declared.
    pub declaration: Declaration,
    /// The only connection that may use it.
    pub exclusive: Option<NodeId>,
    /// The node that a classic queue lives on, if it is another one: its messages are there.
    pub home: Option<NodeId>,
    /// What it keeps to.
    pub rules: Rules,
    /// The policy and the operator policy that hold for it.
    pub policies: [Option<Rc<str>>; 2],
    /// Its consumers.
    pub consumers: Consumers,
    /// Its ready messages.
    pub storage: Messages,
    /// With what it came, in a cluster.
    pub definition: Option<Rc<NewQueue>>,
    /// Who has the stream, if several nodes do.
    pub member: Option<Box<Member>>,
    /// Where in the log of a quorum queue the members stand that its definition names.
    pub members_at: u64,
    /// Members of a quorum queue that have no vote yet.
    pub promotable: Vec<NodeId>,
    /// The group of a quorum queue.
    pub group: Option<Box<Group>>,
    /// Who mirrors it, and what of it is here because of that.
    pub mirroring: Box<Mirroring>,
    /// When the write buffer has to be written out at the latest.
    pub write_by: Option<Time>,
    /// True while a timer will see to that.
    pub has_timer: bool,
    /// When a timer will look whether the message at the head has expired.
    pub ttl_timer: Time,
    /// Gets that wait until a message is read.
    pub waiting_gets: VecDeque<(ChannelId, bool)>,
    /// Dead letters of a quorum queue that are not safe elsewhere.
    pub graves: Graves,
    /// Of channels of other nodes: messages since the last credit was granted.
    handled: Vec<(ChannelId, u64)>,
    unacked: Window<Unacked>,
    unacked_bytes: u64,
    /// Of a quorum queue: channels that are suspected to be gone, and until when they keep what
    /// they hold.
    pub suspects: Vec<(ChannelId, Time)>,
    /// Of a quorum queue: what policies ask of it.
    pub policy_arguments: Arguments,
    had_consumers: bool,
    server: Server,
}

impl Queue {
    /// A queue over this storage.
    pub fn new(
        (id, name): (QueueId, Rc<str>),
        declaration: Declaration,
        exclusive: Option<NodeId>,
        storage: Messages,
        now: Time,
    ) -> Queue {
        let mut rules = Rules::new(&declaration.arguments, &Arguments::new());
        let is_quorum = matches!(storage, Messages::Quorum(_));
        rules.overflow = rules.overflow.of_type(is_quorum);
        Queue {
            id,
            name,
            exclusive,
            home: None,
            definition: None,
            member: None,
            members_at: 0,
            promotable: Vec::new(),
            group: None,
            consumers: Consumers::new(
                is_quorum,
                declaration.arguments.get("x-single-active-consumer")
                    == Some(&Argument::Boolean(true)),
                now,
            ),
            rules,
            policies: [None, None],
            storage,
            mirroring: Box::default(),
            write_by: None,
            has_timer: false,
            ttl_timer: Time::NEVER,
            waiting_gets: VecDeque::new(),
            declaration,
            graves: Graves::default(),
            handled: Vec::new(),
            unacked: Window::new(),
            unacked_bytes: 0,
            suspects: Vec::new(),
            policy_arguments: Arguments::new(),
            had_consumers: false,
            server: Server::default(),
        }
    }

    /// Bytes of the bodies of all its messages.
    pub fn bytes(&self) -> u64 {
        self.storage.ready_bytes() + self.unacked_bytes + self.graves.bytes
    }

    /// Bytes of memory that it takes for messages.
    pub fn memory_bytes(&self) -> u64 {
        let held = self.mirroring.held.as_ref().map_or(0, Held::memory_bytes);
        let unacked = self.unacked_bytes + self.unacked() * METADATA_BYTES;
        self.storage.memory_bytes() + unacked + held
    }

    /// It has dealt with a message of a channel of another node. Returns how many those are since
    /// this was last forgotten.
    pub fn handles(&mut self, channel: ChannelId) -> u64 {
        match self.handled.iter_mut().find(|(of, _)| *of == channel) {
            Some((_, count)) => {
                *count += 1;
                *count
            }
            None => {
                self.handled.push((channel, 1));
                1
            }
        }
    }

    /// The channels got credit, or are gone.
    pub fn forget_handled(&mut self, channels: &[ChannelId]) {
        self.handled.retain(|(of, _)| !channels.contains(of));
    }

    /// True if it is plain that no timer has to be set for it, as for nearly every queue nearly
    /// always: it waits for no drive, no clock and no other node.
    pub fn needs_no_timer(&self) -> bool {
        let is_written = self.write_by.is_none() && !self.storage.is_unwritten();
        let is_plain = self.group.is_none() && self.suspects.is_empty();
        is_written
            && is_plain
            && self.mirroring.held.is_none()
            && self.storage.front_expires() >= self.ttl_timer
    }

    /// The queue's core is busy with one message more; says how long from now on.
    pub fn works(&mut self, now: Time, span: Span) -> Span {
        if span.is_zero() {
            return span;
        }
        self.server.serve(now, span).since(now)
    }

    // ---- messages ----

    /// Takes a message from an exchange: a copy of its own.
    pub fn publish(
        &mut self,
        content: &Rc<Content>,
        confirm: Option<PublishId>,
        copy: &mut Option<Shared>,
        means: &mut Means<'_, '_>,
    ) -> Published {
        if let Messages::Stream(stream) = &mut self.storage {
            stream.append(content.clone(), confirm);
            return Published::Enqueued;
        }
        if self.rules.overflow != Overflow::DropHead && self.is_full_for(content) {
            if self.rules.overflow == Overflow::RejectPublishDlx {
                self.dead_letter(content.clone(), Reason::MaxLength, means);
            }
            let (queue, message) = (self.name.clone(), content.id);
            means.emit(Event::Removed { queue, message, reason: "refused" });
            return Published::Refused;
        }
        let is_kept = self.group.is_some() || self.declaration.durable && content.is_persistent();
        let wanted = confirm;
        let confirm = match confirm {
            // It is confirmed when it is written.
            Some(publish) if is_kept => Some(publish),
            // The queue has it, and more will not be done for it.
            Some(publish) => {
                means.confirms.push(publish);
                None
            }
            None => None,
        };
        let now = means.now;
        if self.storage.ready() > 0 || !self.consumers.find(now, self.id, means.limits) {
            let expires = self.rules.expiry_of(content, now);
            let seq = self.storage.publish((content.clone(), expires), confirm, copy, means);
            self.storage.note_confirm(wanted);
            means.tell(|| Event::Enqueued {
                queue: self.name.clone(),
                message: content.id,
                position: seq,
            });
            let dropped = self.drop_excess(means);
            // Only if the head may have changed.
            if dropped || expires != Time::NEVER && self.storage.ready() == 1 {
                self.drop_expired(means);
            }
            return Published::Enqueued;
        }
        let (consumer, taker) = self.consumers.take(means.limits);
        let (channel, tag) = (taker.channel, taker.tag.clone());
        let ack_required = taker.ack_required;
        let mut seq = 0;
        if ack_required {
            // What is given back keeps the instant at which it expires.
            let message = (content.clone(), self.rules.expiry_of(content, now));
            let item = self.storage.publish_delivered(message, confirm, copy, means);
            self.storage.note_confirm(wanted);
            seq = item.seq;
            self.keep_unacked(item, channel, Some(consumer));
        } else {
            means.confirms.extend(confirm);
        }
        let (redelivered, content) = (false, content.clone());
        Published::Pushed(Push { channel, consumer, tag, ack_required, seq, redelivered, content })
    }

    fn is_full_for(&self, content: &Content) -> bool {
        // A quorum queue looks at what is there already: one more gets in.
        if self.group.is_some() {
            let kept = (self.graves.count(), self.graves.bytes);
            let waiting = self.storage.ready() + self.storage.delayed_count();
            return self.rules.is_over(waiting + kept.0, self.storage.ready_bytes() + kept.1);
        }
        let bytes = self.storage.ready_bytes() + content.body.len() as u64;
        self.rules.is_over(self.storage.ready() + 1, bytes)
    }

    // ---- deliveries ----

    /// The next delivery, if there is a ready message and somebody to deliver it to. Begins to
    /// read if what is ready is on the disk.
    pub fn next_push(&mut self, means: &mut Means<'_, '_>) -> Option<Push> {
        if let Messages::Stream(_) = self.storage {
            return self.next_of_stream(means);
        }
        if self.storage.ready() == 0 || !self.consumers.find(means.now, self.id, means.limits) {
            return None;
        }
        let (item, redelivered) = self.storage.fetch(self.id, means)?;
        self.drop_expired(means);
        let (consumer, taker) = self.consumers.take(means.limits);
        let (channel, tag) = (taker.channel, taker.tag.clone());
        let ack_required = taker.ack_required;
        let (seq, content) = (item.seq, self.as_delivered(&item));
        if ack_required {
            self.keep_unacked(item, channel, Some(consumer));
        } else {
            self.storage.settle(&item, means);
        }
        Some(Push { channel, consumer, tag, ack_required, seq, redelivered, content })
    }

    /// `basic.get`.
    pub fn get(&mut self, channel: ChannelId, no_ack: bool, means: &mut Means<'_, '_>) -> Got {
        if self.storage.ready() == 0 {
            return Got::Empty;
        }
        let Some((item, redelivered)) = self.storage.fetch(self.id, means) else {
            return Got::Later;
        };
        self.drop_expired(means);
        let (seq, content) = (item.seq, self.as_delivered(&item));
        if no_ack {
            self.storage.settle(&item, means);
        } else {
            self.keep_unacked(item, channel, None);
        }
        Got::Message { seq, redelivered, content }
    }

    /// A message as it is delivered: a quorum queue tells how often it came back.
    fn as_delivered(&self, item: &Item) -> Rc<Content> {
        let Messages::Quorum(fifo) = &self.storage else { return item.content.clone() };
        let Tries { delivered, failed } = item.tries;
        let acquired = if fifo.profile() == Profile::V4_3 { delivered } else { 0 };
        if failed + acquired == 0 {
            return item.content.clone();
        }
        let mut content = (*item.content).clone();
        let counts = [("x-delivery-count", failed), ("x-acquired-count", acquired)];
        let counts = counts.into_iter().filter(|(_, count)| *count > 0);
        content.set_headers(counts.map(|(name, count)| (name, Argument::Integer(count.into()))));
        Rc::new(content)
    }

    /// The channels of clients of a node that have consumers or deliveries here.
    pub fn channels_of(&self, node: NodeId) -> Vec<ChannelId> {
        let consuming = self.consumers.iter().map(|(_, consumer)| consumer.channel);
        let all = consuming.chain(self.unacked.values().map(|unacked| unacked.channel));
        let theirs: BTreeSet<ChannelId> = all.filter(|channel| channel.node == node).collect();
        theirs.into_iter().collect()
    }

    /// It lives elsewhere now: all that it has here is forgotten, also on the disk.
    pub fn step_down(&mut self, means: &mut Means<'_, '_>) {
        let unacked = std::mem::take(&mut self.unacked);
        self.storage.delete(unacked.values().map(|unacked| &unacked.item), means);
        self.unacked_bytes = 0;
        self.ttl_timer = Time::NEVER;
        let is_single = self.consumers.is_single();
        self.consumers = Consumers::new(false, is_single, means.now);
        self.waiting_gets.clear();
        self.handled.clear();
    }

    /// Everything that a quorum queue holds is forgotten: a snapshot takes its place.
    pub fn clear(&mut self, profile: Profile, now: Time) {
        self.storage = Messages::Quorum(Fifo::new(profile));
        let is_single = self.consumers.is_single();
        self.consumers = Consumers::new(true, is_single, now);
        self.graves = Graves::default();
        self.suspects.clear();
        self.unacked = Window::new();
        self.unacked_bytes = 0;
    }

    /// Removes all ready messages.
    pub fn purge(&mut self, means: &mut Means<'_, '_>) -> u64 {
        let messages = self.storage.purge(means);
        self.removed(&messages, "purged", means);
        messages.len() as u64
    }

    /// Deletes all it has, in memory and on disk; returns how many messages were ready.
    pub fn delete(&mut self, means: &mut Means<'_, '_>) -> u64 {
        self.drop_held(means);
        let unacked = std::mem::take(&mut self.unacked);
        let items = unacked.values().map(|unacked| &unacked.item);
        let ready = self.storage.delete(items, means);
        self.removed(&ready, "queue_deleted", means);
        let unacked = unacked.values().map(|unacked| unacked.item.content.id);
        let kept = std::mem::take(&mut self.graves);
        let kept = kept.iter().map(|grave| grave.item.content.id);
        self.removed(&unacked.chain(kept).collect::<Vec<_>>(), "queue_deleted", means);
        ready.len() as u64
    }

    fn removed(&self, messages: &[MessageId], reason: &'static str, means: &mut Means<'_, '_>) {
        for message in messages {
            let (queue, message) = (self.name.clone(), *message);
            means.emit(Event::Removed { queue, message, reason });
        }
    }

    // ---- consumers ----

    /// Consumers of a channel that could not be delivered to perhaps can now.
    pub fn unblock(&mut self, channel: ChannelId, means: &mut Means<'_, '_>) {
        self.consumers.unblock(channel, (self.id, means.limits), means.now);
    }

    /// Registers a consumer.
    pub fn add_consumer(&mut self, consumer: Consumer, now: Time) -> ConsumerId {
        self.had_consumers = true;
        let start = consumer.start;
        let id = self.consumers.add(consumer, now);
        if let Messages::Stream(stream) = &mut self.storage {
            stream.begin_reader(id, start.unwrap_or(Start::Next));
        }
        id
    }

    /// True if it goes now, because its last consumer left.
    pub fn is_to_go(&self) -> bool {
        self.declaration.auto_delete && self.had_consumers && self.consumers.count() == 0
    }
}
