//! A channel, as the broker sees it: delivery tags, credit for new consumers, confirms.
//!
//! Delivery tags count the deliveries of a channel from 1, those of `basic.get` and of consumers
//! with automatic acknowledgement included. A tag that is not outstanding, because it was never
//! given, was settled already or belongs to another channel, is an error that closes the channel;
//! then all that is unacknowledged goes back to its queues.
//!
//! In confirm mode publishes are numbered from 1. A returned message is returned before it is
//! confirmed.

use super::broker::transaction::Transaction;
use super::command::AmqpError;
use super::confirms::Confirms;
use super::credit::{Hop, Spec};
use super::error;
use super::ids::{ConsumerId, QueueId};
use super::message::Method;
use crate::ordered::{BTreeMap, BTreeSet, Order, Window};
use crate::sim::Time;
use std::rc::Rc;

/// A delivery that is not acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unacked {
    /// Its queue.
    pub queue: QueueId,
    /// Its sequence id there.
    pub seq: u64,
    /// Its consumer; `None` if `basic.get` took it.
    pub consumer: Option<ConsumerId>,
    /// When it was delivered.
    pub at: Time,
}

/// A consumer of a channel, and with what it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Subscribed {
    /// The queue.
    pub of: QueueId,
    /// What the queue calls it.
    pub consumer: ConsumerId,
    /// True if it must acknowledge.
    pub ack_required: bool,
    /// How many unacknowledged deliveries it may have; 0 is without limit.
    pub prefetch: u16,
    /// `x-priority`.
    pub priority: i64,
    /// True if no other consumer may have the queue.
    pub exclusive: bool,
}

/// What becomes of publishes.
#[derive(Clone, Debug, Default)]
pub enum Mode {
    /// They are not answered.
    #[default]
    Plain,
    /// They are confirmed.
    Confirm(Confirming),
    /// They wait for a commit.
    Transaction(Box<Transaction>),
}

/// The state of a channel in confirm mode.
#[derive(Clone, Debug, Default)]
pub struct Confirming {
    published: u64,
    /// What waits.
    pub waiting: Confirms<QueueId>,
    acknowledged: Vec<u64>,
    refused: Vec<u64>,
}

impl Confirming {
    /// The number of a new publish.
    pub fn number(&mut self) -> u64 {
        self.published += 1;
        self.published
    }

    /// A publish is safe.
    pub fn acknowledge(&mut self, number: u64) {
        self.acknowledged.push(number);
    }

    /// A queue does not take a publish.
    pub fn refuse(&mut self, number: u64) {
        self.refused.push(number);
    }

    /// True if there is something to tell the publisher.
    pub fn has_news(&self) -> bool {
        !self.acknowledged.is_empty() || !self.refused.is_empty()
    }

    /// What to tell the publisher: what was refused; then one acknowledgement for all up to the
    /// first that still waits or was refused, and one each for those behind it.
    pub fn take_news(&mut self) -> impl Iterator<Item = Method> + use<> {
        let refused = std::mem::take(&mut self.refused);
        let mut numbers = std::mem::take(&mut self.acknowledged);
        numbers.order();
        let waiting = self.waiting.smallest();
        let oldest = refused.iter().copied().chain(waiting).min().unwrap_or(u64::MAX);
        let refused = refused.into_iter().map(|delivery_tag| {
            let (multiple, requeue) = (false, false);
            Method::BasicNack { delivery_tag, multiple, requeue }
        });
        let together = numbers.partition_point(|number| *number < oldest);
        let skipped = if numbers.len() > 1 { together.saturating_sub(1) } else { 0 };
        let is_alone = numbers.len() == 1;
        let acknowledged = numbers.into_iter().enumerate().skip(skipped);
        refused.chain(acknowledged.map(move |(at, delivery_tag)| {
            let multiple = !is_alone && at + 1 == together;
            Method::BasicAck { delivery_tag, multiple }
        }))
    }
}

/// A channel.
#[derive(Clone, Debug, Default)]
pub struct Channel {
    deliveries: u64,
    unacked: Window<Unacked>,
    /// `basic.qos` for consumers that are started from now on.
    pub prefetch: u16,
    /// Its consumers, by tag.
    pub consumers: BTreeMap<Rc<str>, Subscribed>,
    /// What becomes of publishes.
    pub mode: Mode,
    /// The queue that was declared last: what an empty name stands for.
    pub last_declared: Option<Rc<str>>,
    /// When it was opened: its tick counts from then.
    pub opened: Time,
    /// True while a tick will look for deliveries that are not acknowledged in time.
    pub has_tick: bool,
    /// Of quorum queues: messages that they have not applied.
    unapplied: Vec<(QueueId, u32)>,
    /// Of classic queues on other nodes: the credit that is left.
    hops: Vec<(QueueId, Hop)>,
    /// Classic queues on other nodes that were asked for messages: they hear when it is gone,
    /// whether their answers have come or not.
    pub asked: BTreeSet<QueueId>,
}

impl Channel {
    /// A channel that is opened now.
    pub fn new(opened: Time) -> Channel {
        Channel { opened, ..Channel::default() }
    }

    /// A delivery leaves: returns its tag, and remembers it if it has to be acknowledged.
    #[inline(always)]
    pub fn deliver(&mut self, unacked: Option<Unacked>) -> u64 {
        self.deliveries += 1;
        if let Some(unacked) = unacked {
            self.unacked.insert(self.deliveries, unacked);
        }
        self.deliveries
    }

    /// A message goes to a quorum queue. Returns how many it had not applied before.
    pub fn sends(&mut self, queue: QueueId) -> u32 {
        match self.unapplied.iter_mut().find(|(of, _)| *of == queue) {
            Some((_, count)) => {
                *count += 1;
                *count - 1
            }
            None => {
                self.unapplied.push((queue, 1));
                0
            }
        }
    }

    /// A quorum queue has applied a message.
    pub fn applied(&mut self, queue: QueueId) {
        if let Some((_, count)) = self.unapplied.iter_mut().find(|(of, _)| *of == queue) {
            *count = count.saturating_sub(1);
        }
    }

    /// A quorum queue has applied all it was sent, or never will.
    pub fn applied_all(&mut self, queue: QueueId) {
        self.unapplied.retain(|(of, _)| *of != queue);
    }

    /// A message goes to a classic queue on another node. True if that took the last credit.
    pub fn spends(&mut self, queue: QueueId, spec: Spec) -> bool {
        let at = self.hops.iter().position(|(of, _)| *of == queue).unwrap_or_else(|| {
            self.hops.push((queue, Hop::new(spec)));
            self.hops.len() - 1
        });
        self.hops[at].1.send();
        self.hops[at].1.is_blocked()
    }

    /// Such a queue has dealt with so many messages.
    pub fn granted(&mut self, queue: QueueId, count: u64) {
        if let Some((_, hop)) = self.hops.iter_mut().find(|(of, _)| *of == queue) {
            (0..count).for_each(|_| hop.handle());
        }
    }

    /// Such a queue is gone, or cannot be reached.
    pub fn forget_credit(&mut self, queue: QueueId) {
        self.hops.retain(|(of, _)| *of != queue);
    }

    /// True if no queue on another node keeps it waiting.
    pub fn has_credit(&self) -> bool {
        self.hops.iter().all(|(_, hop)| !hop.is_blocked())
    }

    /// How many messages are unapplied, in each queue.
    pub fn unapplied(&self) -> impl Iterator<Item = (QueueId, u32)> {
        self.unapplied.iter().copied()
    }

    /// How many deliveries are not acknowledged.
    pub fn unacked(&self) -> u64 {
        self.unacked.len() as u64
    }

    /// When the oldest delivery of a consumer was made that is not acknowledged, nor given up.
    pub fn oldest_of(&self, consumer: ConsumerId) -> Option<Time> {
        let theirs = self.unacked.values().filter(|unacked| unacked.consumer == Some(consumer));
        theirs.map(|unacked| unacked.at).find(|at| *at != Time::NEVER)
    }

    /// The deliveries of a consumer go back to their queue: what the client says of them later has
    /// no effect.
    pub fn give_up(&mut self, consumer: ConsumerId) -> Vec<u64> {
        let theirs = self.unacked.values_mut().filter(|it| it.consumer == Some(consumer));
        let seqs = theirs.map(|unacked| {
            unacked.at = Time::NEVER;
            // Nothing in the queue has this one.
            std::mem::replace(&mut unacked.seq, u64::MAX)
        });
        seqs.collect()
    }

    /// The deliveries that an answer of the client is about, with their tags: for a transaction.
    pub fn settle_tagged(
        &mut self,
        tag: u64,
        multiple: bool,
    ) -> Result<Vec<(u64, Unacked)>, AmqpError> {
        if !multiple {
            return Ok(vec![(tag, self.settle_one(tag)?)]);
        }
        if tag != 0 && !self.unacked.contains_key(tag) {
            return Err(error::unknown_tag(tag));
        }
        Ok(self.unacked.take_through(if tag == 0 { u64::MAX } else { tag }))
    }

    /// Deliveries are not settled after all.
    pub fn unsettle(&mut self, tagged: impl Iterator<Item = (u64, Unacked)>) {
        self.unacked.extend(tagged);
    }

    /// When the oldest delivery that is not acknowledged was made, and by which queue.
    pub fn oldest(&self) -> Option<(Time, QueueId)> {
        self.unacked.values().next().map(|unacked| (unacked.at, unacked.queue))
    }

    /// The deliveries that an answer of the client is about, in the order of their tags.
    pub fn settle(&mut self, tag: u64, multiple: bool) -> Result<Vec<Unacked>, AmqpError> {
        if multiple && tag == 0 {
            return Ok(self.settle_all());
        }
        if !self.unacked.contains_key(tag) {
            return Err(error::unknown_tag(tag));
        }
        if multiple {
            let settled = self.unacked.take_through(tag).into_iter();
            return Ok(settled.map(|(_, unacked)| unacked).collect());
        }
        Ok(self.unacked.remove(tag).into_iter().collect())
    }

    /// The one delivery of a tag: the common case, without a list.
    #[inline(always)]
    pub fn settle_one(&mut self, tag: u64) -> Result<Unacked, AmqpError> {
        self.unacked.remove(tag).ok_or_else(|| error::unknown_tag(tag))
    }

    /// All deliveries that are not acknowledged, in the order of their tags.
    pub fn settle_all(&mut self) -> Vec<Unacked> {
        std::mem::take(&mut self.unacked).into_iter().map(|(_, unacked)| unacked).collect()
    }

    /// A queue is gone, with its consumers; nothing waits for its confirms any more. True if the
    /// publisher has to be told something. Deliveries keep their tags: to settle them is no error.
    pub fn queue_gone(&mut self, queue: QueueId) -> bool {
        self.consumers.retain(|_, consumer| consumer.of != queue);
        self.applied_all(queue);
        self.forget_credit(queue);
        match &mut self.mode {
            Mode::Plain => false,
            Mode::Confirm(confirming) => {
                for number in confirming.waiting.remove_queue(&queue) {
                    confirming.acknowledge(number);
                }
                confirming.has_news()
            }
            Mode::Transaction(transaction) => {
                transaction.queue_gone(queue);
                transaction.is_done()
            }
        }
    }
}
