//! The prefetch of whole channels: `basic.qos` with `global=true`.
//!
//! It is shared by all consumers of a channel that must acknowledge, whatever their queues, and
//! holds beside the limit that each of them has. A queue that finds a channel at its limit waits
//! until the channel has settled something.
//!
//! The limit is kept by the node that the channel is on. A queue of another node asks there for
//! room before each delivery, as a real queue asks the channel's limiter, and says so if it does
//! not need it any more.

use super::ids::{ChannelId, QueueId};
use crate::ordered::{BTreeMap, BTreeSet};

#[derive(Clone, Debug, Default)]
struct Limit {
    max: u64,
    unacked: u64,
    waiting: BTreeSet<QueueId>,
    /// It is kept elsewhere: `max` is the room that was granted and not used.
    is_far: bool,
}

/// What nodes say to each other about the limit of a channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limiting {
    /// The channel's node to all others: it has a limit from now on, or has none any more.
    Set(bool),
    /// To it: a queue wants to deliver.
    Ask(QueueId),
    /// From it: the queue may deliver one message.
    Grant(QueueId),
    /// To it: so many are not needed.
    Back(u64),
}

/// The channels that have a limit.
#[derive(Clone, Debug, Default)]
pub struct Limits {
    channels: BTreeMap<ChannelId, Limit>,
    /// What has to be asked of channels of other nodes.
    asks: Vec<(ChannelId, QueueId)>,
}

impl Limits {
    /// Sets the limit of a channel that has so many unacknowledged deliveries; 0 is without limit.
    /// Returns the queues that may deliver again.
    pub fn set(&mut self, channel: ChannelId, max: u16, unacked: u64) -> BTreeSet<QueueId> {
        if max == 0 {
            return self.channels.remove(&channel).map_or_else(BTreeSet::new, |old| old.waiting);
        }
        let fresh = Limit { unacked, ..Limit::default() };
        self.channels.entry(channel).or_insert(fresh).max = max.into();
        self.settled(channel, 0)
    }

    /// True if no channel has a limit, as nearly always.
    pub fn are_none(&self) -> bool {
        self.channels.is_empty()
    }

    /// True if a channel has a limit.
    pub fn is_limited(&self, channel: ChannelId) -> bool {
        self.channels.contains_key(&channel)
    }

    /// A channel is gone.
    pub fn forget(&mut self, channel: ChannelId) {
        self.channels.remove(&channel);
    }

    /// True if a channel can take a delivery; if not, the queue waits for it.
    #[inline(always)]
    pub fn has_room(&mut self, channel: ChannelId, queue: QueueId) -> bool {
        self.are_none() || self.looks_for_room(channel, queue)
    }

    fn looks_for_room(&mut self, channel: ChannelId, queue: QueueId) -> bool {
        let Some(limit) = self.channels.get_mut(&channel) else { return true };
        let has_room = limit.unacked < limit.max;
        if !has_room && limit.waiting.insert(queue) && limit.is_far {
            self.asks.push((channel, queue));
        }
        has_room
    }

    // ---- channels of other nodes ----

    /// A channel of another node has a limit, or has none any more. Returns the queues that may
    /// deliver then.
    pub fn set_far(&mut self, channel: ChannelId, is_limited: bool) -> BTreeSet<QueueId> {
        if is_limited {
            let fresh = Limit { is_far: true, ..Limit::default() };
            self.channels.entry(channel).or_insert(fresh);
            return BTreeSet::new();
        }
        self.channels.remove(&channel).map_or_else(BTreeSet::new, |old| old.waiting)
    }

    /// True if something has to be asked of channels of other nodes.
    pub fn asks(&self) -> bool {
        !self.asks.is_empty()
    }

    /// What has to be asked of channels of other nodes.
    pub fn take_asks(&mut self) -> Vec<(ChannelId, QueueId)> {
        std::mem::take(&mut self.asks)
    }

    /// A queue may deliver one message to a channel of another node.
    pub fn granted(&mut self, channel: ChannelId, queue: QueueId) {
        if let Some(limit) = self.channels.get_mut(&channel).filter(|limit| limit.is_far) {
            limit.max += 1;
            limit.waiting.remove(&queue);
        }
    }

    /// The room that was granted and is not needed.
    pub fn unused(&mut self, channel: ChannelId) -> u64 {
        let limit = self.channels.get_mut(&channel).filter(|limit| limit.is_far);
        limit.map_or(0, |limit| std::mem::take(&mut limit.max))
    }

    /// A queue of another node wants to deliver to a channel. If there is room it is taken.
    pub fn reserves(&mut self, channel: ChannelId, queue: QueueId) -> bool {
        let has_room = self.has_room(channel, queue);
        if has_room {
            self.sent(channel);
        }
        has_room
    }

    /// A channel was sent a delivery that it must acknowledge.
    pub fn sent(&mut self, channel: ChannelId) {
        if self.are_none() {
            return;
        }
        match self.channels.get_mut(&channel) {
            Some(limit) if limit.is_far => limit.max = limit.max.saturating_sub(1),
            Some(limit) => limit.unacked += 1,
            None => {}
        }
    }

    /// A channel has settled so many deliveries. Returns the queues that may deliver again.
    pub fn settled(&mut self, channel: ChannelId, count: u64) -> BTreeSet<QueueId> {
        let Some(limit) = self.channels.get_mut(&channel) else { return BTreeSet::new() };
        limit.unacked = limit.unacked.saturating_sub(count);
        match limit.unacked < limit.max {
            true => std::mem::take(&mut limit.waiting),
            false => BTreeSet::new(),
        }
    }
}
