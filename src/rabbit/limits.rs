//! The prefetch of whole channels: `basic.qos` with `global=true`.
//!
//! It is shared by all consumers of a channel that must acknowledge, whatever their queues, and
//! holds beside the limit that each of them has. A queue that finds a channel at its limit waits
//! until the channel has settled something.

use super::ids::{ChannelId, QueueId};
use crate::ordered::{BTreeMap, BTreeSet};

#[derive(Clone, Debug, Default)]
struct Limit {
    max: u64,
    unacked: u64,
    waiting: BTreeSet<QueueId>,
}

/// The channels that have a limit.
#[derive(Clone, Debug, Default)]
pub struct Limits {
    channels: BTreeMap<ChannelId, Limit>,
}

impl Limits {
    /// Sets the limit of a channel that has so many unacknowledged deliveries; 0 is without limit.
    /// Returns the queues that may deliver again.
    pub fn set(&mut self, channel: ChannelId, max: u16, unacked: u64) -> BTreeSet<QueueId> {
        if max == 0 {
            return self.channels.remove(&channel).map_or_else(BTreeSet::new, |old| old.waiting);
        }
        let fresh = Limit { max: 0, unacked, waiting: BTreeSet::new() };
        self.channels.entry(channel).or_insert(fresh).max = max.into();
        self.settled(channel, 0)
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
    pub fn has_room(&mut self, channel: ChannelId, queue: QueueId) -> bool {
        // Nearly always there is no limit at all.
        if self.channels.is_empty() {
            return true;
        }
        let Some(limit) = self.channels.get_mut(&channel) else { return true };
        let has_room = limit.unacked < limit.max;
        if !has_room {
            limit.waiting.insert(queue);
        }
        has_room
    }

    /// A channel was sent a delivery that it must acknowledge.
    pub fn sent(&mut self, channel: ChannelId) {
        if let Some(limit) = self.channels.get_mut(&channel) {
            limit.unacked += 1;
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
