//! The consumers of a queue, and who is next.
//!
//! Consumers that can be delivered to stand in a ring, one for each consumer priority. The first
//! of the highest class is asked; if it can take the message it goes to the end of its class,
//! which makes the round robin; if not, it is **found blocked**, and leaves the ring until its
//! channel gives credit back; then it joins the end. A consumer that used its last credit and got
//! some back before it was asked again has never been found blocked, and keeps its place.
//!
//! Credit is what `basic.qos` gave when the consumer was started, less its unacknowledged
//! deliveries. A consumer with automatic acknowledgement needs none.
//!
//! With `x-single-active-consumer` the first consumer gets everything, and when it goes the next
//! one does. In a quorum queue one with a higher priority takes over as soon as the active one has
//! nothing unacknowledged.
//!
//! A consumer of a quorum queue that is suspected to be down (4.3, see
//! [`super::quorum::suspects`]) stands outside the ring, too, and joins its end when it is there
//! again. A single active one stays the active one meanwhile, unless its time is over.
//!
//! Simplified: a real queue also finds a consumer blocked while 200 of its deliveries wait for
//! their channel's socket; here the network takes what it is given.

use super::ids::{ChannelId, ConsumerId, QueueId};
use super::limits::Limits;
use super::rates::Utilisation;
use super::stream::Start;
use crate::ordered::Slots;
use crate::sim::Time;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::rc::Rc;

/// A consumer of a quorum queue without prefetch may have so many unacknowledged deliveries.
const QUORUM_UNACKED_MAX: u64 = 2_000;

/// A consumer that is registered at a queue.
#[derive(Clone, Debug)]
pub struct Consumer {
    /// Its tag.
    pub tag: Rc<str>,
    /// Its channel.
    pub channel: ChannelId,
    /// True if it must acknowledge.
    pub ack_required: bool,
    /// `basic.qos` when it was started; 0 is without limit.
    pub prefetch: u16,
    /// `x-priority`.
    pub priority: i64,
    /// True if no other consumer may have the queue.
    pub exclusive: bool,
    /// True if its prefetch is told and not kept: see [`super::protection`].
    pub is_unlimited: bool,
    /// Where it begins in a stream.
    pub start: Option<Start>,
    /// Deliveries that it has not acknowledged.
    pub unacked: u64,
    /// It may have so many.
    unacked_max: u64,
    /// True while it stands outside the ring, as it was found blocked.
    is_blocked: bool,
    /// True while it stands outside the ring, as it is suspected to be down.
    pub is_suspected: bool,
}

/// A consumer of a quorum queue, in its snapshot.
#[derive(Serialize, Deserialize)]
pub struct SavedConsumer {
    id: ConsumerId,
    tag: Rc<str>,
    channel: ChannelId,
    ack_required: bool,
    prefetch: u16,
    priority: i64,
    exclusive: bool,
    unacked: u64,
    is_blocked: bool,
}

impl Consumer {
    /// A consumer that has been sent nothing yet.
    pub fn new(tag: Rc<str>, channel: ChannelId, prefetch: u16) -> Consumer {
        Consumer {
            tag,
            channel,
            ack_required: true,
            prefetch,
            priority: 0,
            exclusive: false,
            is_unlimited: false,
            start: None,
            unacked: 0,
            unacked_max: u64::MAX,
            is_blocked: false,
            is_suspected: false,
        }
    }

    #[inline(always)]
    fn has_credit(&self) -> bool {
        !self.ack_required || self.is_unlimited || self.unacked < self.unacked_max
    }

    /// The limit of its channel holds for classic queues only.
    #[inline(always)]
    fn can_take(&self, (queue, limits): (QueueId, &mut Limits), is_quorum: bool) -> bool {
        let is_free = is_quorum || !self.ack_required;
        !self.is_suspected && self.has_credit() && (is_free || limits.has_room(self.channel, queue))
    }
}

/// Consumers of one priority that can be delivered to, in the order of their turns.
#[derive(Clone, Debug)]
struct Class {
    priority: i64,
    line: VecDeque<ConsumerId>,
}

/// The classes, the highest priority first.
#[derive(Clone, Debug, Default)]
struct Ring(Vec<Class>);

impl Ring {
    /// A consumer joins the end of its class.
    fn join(&mut self, priority: i64, id: ConsumerId) {
        let at = self.0.partition_point(|class| class.priority > priority);
        if self.0.get(at).is_none_or(|class| class.priority != priority) {
            self.0.insert(at, Class { priority, line: VecDeque::new() });
        }
        self.0[at].line.push_back(id);
    }

    fn leave(&mut self, id: ConsumerId) {
        for class in &mut self.0 {
            class.line.retain(|other| *other != id);
        }
        self.0.retain(|class| !class.line.is_empty());
    }

    /// All of them, in the order of their turns.
    fn iter(&self) -> impl Iterator<Item = &ConsumerId> {
        self.0.iter().flat_map(|class| &class.line)
    }
}

/// All consumers of a queue.
#[derive(Clone, Debug)]
pub struct Consumers {
    all: Slots<ConsumerId, Consumer>,
    ring: Ring,
    /// In the order in which they were found blocked.
    blocked: Vec<ConsumerId>,
    /// True in a quorum queue.
    is_quorum: bool,
    /// With `x-single-active-consumer`: the one that gets everything.
    single: Option<Option<ConsumerId>>,
    next_id: u32,
    utilisation: Utilisation,
}

impl Consumers {
    /// No consumers yet. With `is_single`, only one at a time gets anything.
    pub fn new(is_quorum: bool, is_single: bool, now: Time) -> Consumers {
        Consumers {
            all: Slots::new(),
            ring: Ring::default(),
            blocked: Vec::new(),
            is_quorum,
            single: is_single.then_some(None),
            next_id: 0,
            utilisation: Utilisation::new(now),
        }
    }

    /// All of them, by registration.
    pub fn iter(&self) -> impl Iterator<Item = (ConsumerId, &Consumer)> {
        self.all.iter()
    }

    /// True unless another one is the single active consumer.
    pub fn is_active(&self, id: ConsumerId) -> bool {
        self.single.is_none_or(|active| active == Some(id))
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.all.len()
    }

    /// How many there are that are not suspected to be down.
    pub fn trusted(&self) -> usize {
        self.all.values().filter(|consumer| !consumer.is_suspected).count()
    }

    /// One of them, if it is still there.
    pub fn get(&self, id: ConsumerId) -> Option<&Consumer> {
        self.all.get(&id)
    }

    /// The consumer with this tag on this channel.
    pub fn with_tag(&self, channel: ChannelId, tag: &str) -> Option<ConsumerId> {
        let mut all = self.all.iter();
        let found = all.find(|(_, consumer)| consumer.channel == channel && *consumer.tag == *tag);
        found.map(|(id, _)| id)
    }

    /// True if only one of them at a time gets anything.
    pub fn is_single(&self) -> bool {
        self.single.is_some()
    }

    /// True if one of them wants the queue for itself.
    pub fn has_exclusive(&self) -> bool {
        self.all.values().any(|consumer| consumer.exclusive)
    }

    /// The share of time in which the queue could deliver at once.
    pub fn utilisation(&self, now: Time) -> u64 {
        self.utilisation.share(now)
    }

    /// Registers a consumer at the end of its class.
    pub fn add(&mut self, mut consumer: Consumer, now: Time) -> ConsumerId {
        consumer.unacked_max = self.unacked_max(consumer.prefetch);
        let id = ConsumerId(self.next_id);
        self.next_id += 1;
        self.ring.join(consumer.priority, id);
        self.all.insert(id, consumer);
        if let Some(active) = &mut self.single {
            active.get_or_insert(id);
        }
        self.prefer();
        self.utilisation.becomes_active(now);
        id
    }

    /// Takes a consumer out.
    pub fn remove(&mut self, id: ConsumerId) -> Option<Consumer> {
        let gone = self.all.remove(&id)?;
        self.leave(id);
        self.hand_over(id);
        Some(gone)
    }

    /// It stands neither in the ring nor among those that were found blocked.
    fn leave(&mut self, id: ConsumerId) {
        self.blocked.retain(|other| *other != id);
        self.ring.leave(id);
    }

    /// If this is the single active consumer: the next one by registration, of the highest class,
    /// takes its place.
    fn hand_over(&mut self, id: ConsumerId) {
        if self.single == Some(Some(id)) {
            self.single = Some(self.ring.iter().next().copied());
        }
    }

    /// A consumer is suspected to be down: nothing is delivered to it.
    pub fn suspect(&mut self, id: ConsumerId) {
        let Some(consumer) = self.all.get_mut(&id) else { return };
        consumer.is_suspected = true;
        consumer.is_blocked = false;
        self.leave(id);
    }

    /// A consumer was suspected for as long as it may be: another one is active, if there is any.
    pub fn give_up(&mut self, id: ConsumerId) {
        self.hand_over(id);
    }

    /// A consumer that was suspected is there: it joins the end of its class.
    pub fn trust(&mut self, id: ConsumerId, now: Time) {
        let Some(consumer) = self.all.get_mut(&id).filter(|it| it.is_suspected) else { return };
        consumer.is_suspected = false;
        self.ring.join(consumer.priority, id);
        if let Some(active) = &mut self.single {
            active.get_or_insert(id);
        }
        self.prefer();
        self.utilisation.becomes_active(now);
    }

    /// Takes all consumers of these channels out.
    pub fn remove_channels(&mut self, channels: &[ChannelId]) -> Vec<Consumer> {
        let theirs = self.all.iter().filter(|(_, consumer)| channels.contains(&consumer.channel));
        let theirs: Vec<ConsumerId> = theirs.map(|(id, _)| id).collect();
        theirs.into_iter().filter_map(|id| self.remove(id)).collect()
    }

    /// The number of the next one; all of them in the order of the ring, behind it those found
    /// blocked and those suspected; and the single active one.
    pub fn saved(&self) -> (u32, Vec<SavedConsumer>, Option<ConsumerId>) {
        let suspected = self.suspected();
        let ids = self.ring.iter().chain(&self.blocked).chain(&suspected);
        let all = ids.map(|id| {
            let Consumer { tag, channel, ack_required, prefetch, priority, exclusive, .. } =
                self.all[id].clone();
            let (unacked, is_blocked) = (self.all[id].unacked, self.all[id].is_blocked);
            let id = *id;
            SavedConsumer {
                id,
                tag,
                channel,
                ack_required,
                prefetch,
                priority,
                exclusive,
                unacked,
                is_blocked,
            }
        });
        (self.next_id, all.collect(), self.single.flatten())
    }

    /// Those that are suspected to be down, by registration.
    pub fn suspected(&self) -> Vec<ConsumerId> {
        let theirs = self.all.iter().filter(|(_, consumer)| consumer.is_suspected);
        theirs.map(|(id, _)| id).collect()
    }

    /// Takes back what was saved. Who was suspected is to be told again.
    pub fn restore(&mut self, next_id: u32, saved: Vec<SavedConsumer>, single: Option<ConsumerId>) {
        for saved in saved {
            let mut consumer = Consumer::new(saved.tag, saved.channel, saved.prefetch);
            consumer.ack_required = saved.ack_required;
            consumer.priority = saved.priority;
            consumer.exclusive = saved.exclusive;
            consumer.unacked = saved.unacked;
            consumer.is_blocked = saved.is_blocked;
            consumer.unacked_max = self.unacked_max(saved.prefetch);
            match saved.is_blocked {
                true => self.blocked.push(saved.id),
                false => self.ring.join(saved.priority, saved.id),
            }
            self.all.insert(saved.id, consumer);
        }
        self.next_id = next_id;
        if let Some(active) = &mut self.single {
            *active = single;
        }
    }

    fn unacked_max(&self, prefetch: u16) -> u64 {
        match (prefetch, self.is_quorum) {
            (0, true) => QUORUM_UNACKED_MAX,
            (0, false) => u64::MAX,
            (prefetch, _) => prefetch.into(),
        }
    }

    /// True if somebody can be delivered to. Those that are found blocked leave the ring.
    pub fn find(&mut self, now: Time, queue: QueueId, limits: &mut Limits) -> bool {
        if let Some(single) = &self.single {
            let active = single.filter(|id| self.preferred().is_none_or(|first| first == *id));
            let active = active.and_then(|id| self.all.get(&id));
            let found =
                active.is_some_and(|active| active.can_take((queue, limits), self.is_quorum));
            if !found {
                self.utilisation.becomes_inactive(now);
            }
            return found;
        }
        for Class { line, .. } in &mut self.ring.0 {
            while let Some(id) = line.front() {
                let consumer = self.all.get_mut(id).expect("who stands in the ring is registered");
                if consumer.can_take((queue, limits), self.is_quorum) {
                    return true;
                }
                consumer.is_blocked = true;
                self.blocked.extend(line.pop_front());
            }
        }
        self.utilisation.becomes_inactive(now);
        false
    }

    /// The consumer that was found: the next message is counted as delivered to it.
    pub fn take(&mut self, limits: &mut Limits) -> (ConsumerId, &Consumer) {
        let id = match self.single {
            Some(active) => active.expect("somebody was found"),
            None => {
                let mut lines = self.ring.0.iter_mut().map(|class| &mut class.line);
                let line = lines.find(|line| !line.is_empty());
                let line = line.expect("somebody was found");
                let first = line.pop_front().expect("it is not empty");
                line.push_back(first);
                first
            }
        };
        let consumer = self.all.get_mut(&id).expect("who stands in the ring is registered");
        if consumer.ack_required {
            consumer.unacked += 1;
            limits.sent(consumer.channel);
        }
        (id, consumer)
    }

    /// This consumer is delivered to: the message is counted.
    pub fn take_for(&mut self, id: ConsumerId) -> Option<&Consumer> {
        let consumer = self.all.get_mut(&id)?;
        consumer.unacked += 1;
        Some(consumer)
    }

    /// True if this consumer has credit of its own.
    pub fn may_take(&self, id: ConsumerId) -> bool {
        self.all.get(&id).is_some_and(Consumer::has_credit)
    }

    /// A consumer has dealt with so many deliveries. True if that gave it credit again.
    pub fn credit(&mut self, id: ConsumerId, count: u64) -> bool {
        let Some(consumer) = self.all.get_mut(&id) else { return false };
        let had_credit = consumer.has_credit();
        consumer.unacked -= count;
        let has_credit = !had_credit && consumer.has_credit();
        self.prefer() || has_credit
    }

    /// In a quorum queue with a single active consumer: the first of the highest class, where that
    /// is a higher one than that of the active consumer, or the active one.
    fn preferred(&self) -> Option<ConsumerId> {
        let active = self.single.flatten().filter(|_| self.is_quorum)?;
        let first = *self.ring.iter().next()?;
        let is_higher = self.all[&first].priority > self.all[&active].priority;
        Some(if is_higher { first } else { active })
    }

    /// The preferred one takes over once the active one has nothing unacknowledged; until then
    /// nothing new is delivered. True if it did.
    #[inline(always)]
    fn prefer(&mut self) -> bool {
        self.single.is_some() && self.prefers()
    }

    fn prefers(&mut self) -> bool {
        let (Some(first), Some(Some(active))) = (self.preferred(), self.single) else {
            return false;
        };
        let takes_over = first != active && self.all[&active].unacked == 0;
        if takes_over {
            self.single = Some(Some(first));
        }
        takes_over
    }

    /// Those of a channel that were blocked and can be delivered to again join the ring. True if
    /// any did.
    pub fn unblock(
        &mut self,
        channel: ChannelId,
        (queue, limits): (QueueId, &mut Limits),
        now: Time,
    ) -> bool {
        if let Some(Some(active)) = self.single
            && self.all[&active].channel == channel
        {
            self.utilisation.becomes_active(now);
            return true;
        }
        let before = self.blocked.len();
        if before == 0 {
            return false;
        }
        let Consumers { all, ring, blocked, is_quorum, .. } = self;
        blocked.retain(|id| {
            let consumer = all.get_mut(id).expect("who is blocked is registered");
            let stays =
                consumer.channel != channel || !consumer.can_take((queue, limits), *is_quorum);
            if !stays {
                consumer.is_blocked = false;
                ring.join(consumer.priority, *id);
            }
            stays
        });
        let joined = self.blocked.len() < before;
        if joined {
            self.utilisation.becomes_active(now);
        }
        joined
    }
}
