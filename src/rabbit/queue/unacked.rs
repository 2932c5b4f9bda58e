//! What is delivered and not acknowledged, and how it is settled.

use super::Queue;
use crate::rabbit::content::Content;
use crate::rabbit::death::Reason;
use crate::rabbit::event::Event;
use crate::rabbit::ids::{ChannelId, ConsumerId};
use crate::rabbit::messages::Messages;
use crate::rabbit::profile::Profile;
use crate::rabbit::storage_v2::{Item, Means};
use serde::{Deserialize, Serialize};

/// How delivered messages are dealt with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Settlement {
    /// They are done with.
    Acknowledged,
    /// They are given up.
    Rejected,
    /// They go back.
    Requeued,
    /// They go back because whoever had them failed: `basic.reject`, or a channel that closes.
    Failed,
}

impl Settlement {
    /// True if they go back.
    pub fn is_back(self) -> bool {
        matches!(self, Settlement::Requeued | Settlement::Failed)
    }
}

/// A message that is delivered and not acknowledged.
#[derive(Clone, Debug)]
pub(super) struct Unacked {
    pub(super) item: Item,
    pub(super) channel: ChannelId,
    /// `None` for one that `basic.get` took.
    consumer: Option<ConsumerId>,
}

impl Queue {
    /// How many messages are delivered and not acknowledged.
    pub fn unacked(&self) -> u64 {
        self.unacked.len() as u64
    }

    /// Bytes of the bodies of those that are delivered and not acknowledged.
    pub fn unacked_bytes(&self) -> u64 {
        self.unacked_bytes
    }

    /// The delivered messages in the order of their ids: sequence id and message.
    pub fn unacked_messages(&self) -> impl Iterator<Item = (u64, &Content)> {
        self.unacked.iter().map(|(seq, unacked)| (seq, &*unacked.item.content))
    }

    /// The delivered messages that these channels have; all, if no channels are named.
    pub fn unacked_of(&self, channels: &[ChannelId]) -> Vec<u64> {
        let theirs = self
            .unacked
            .iter()
            .filter(|(_, unacked)| channels.is_empty() || channels.contains(&unacked.channel));
        theirs.map(|(seq, _)| seq).collect()
    }

    /// Remembers that a message is delivered.
    #[inline(always)]
    pub fn keep_unacked(&mut self, item: Item, channel: ChannelId, consumer: Option<ConsumerId>) {
        self.unacked_bytes += item.content.body.len() as u64;
        self.unacked.insert(item.seq, Unacked { item, channel, consumer });
    }

    /// Deals with what a channel says of its deliveries, given in the order of their ids. What was
    /// taken back meanwhile and given to another channel is that one's.
    #[inline(always)]
    pub fn settle(
        &mut self,
        channel: ChannelId,
        seqs: &[u64],
        how: Settlement,
        means: &mut Means<'_, '_>,
    ) {
        self.settle_of(Some(channel), (channel, seqs), how, means);
    }

    /// Deals with delivered messages, given in the order of their ids.
    pub fn settle_all(
        &mut self,
        channel: ChannelId,
        seqs: &[u64],
        how: Settlement,
        means: &mut Means<'_, '_>,
    ) {
        self.settle_of(None, (channel, seqs), how, means);
    }

    /// The same; if `whose` is named, only those that this channel has.
    fn settle_of(
        &mut self,
        whose: Option<ChannelId>,
        (channel, seqs): (ChannelId, &[u64]),
        how: Settlement,
        means: &mut Means<'_, '_>,
    ) {
        let mut has_credit = false;
        let mut back = None;
        if let Messages::Stream(_) = self.storage {
            return self.answered_to_stream(seqs);
        }
        let is_meant = |unacked: &Unacked| whose.is_none_or(|channel| unacked.channel == channel);
        for seq in seqs {
            // A quorum queue may have taken it back already, as its channel was closed.
            let found = self.unacked.remove_if(*seq, is_meant);
            let Some(Unacked { mut item, consumer, .. }) = found else { continue };
            self.unacked_bytes -= item.content.body.len() as u64;
            has_credit |= consumer.is_some_and(|id| self.consumers.credit(id, 1));
            let message = item.content.id;
            match how {
                Settlement::Acknowledged => {
                    self.storage.settle(&item, means);
                    means.tell(|| Event::Acknowledged { queue: self.name.clone(), message });
                }
                Settlement::Rejected => {
                    self.storage.settle(&item, means);
                    let reason = Reason::Rejected;
                    if self.dies(item, reason, means) {
                        let (queue, reason) = (self.name.clone(), reason.name());
                        means.emit(Event::Removed { queue, message, reason });
                    }
                }
                Settlement::Requeued | Settlement::Failed => {
                    if self.gives_up(&mut item, how) {
                        let reason = Reason::DeliveryLimit;
                        if self.dies(item, reason, means) {
                            let (queue, reason) = (self.name.clone(), reason.name());
                            means.emit(Event::Removed { queue, message, reason });
                        }
                        continue;
                    }
                    if let Some(item) = self.delay(item, how, means) {
                        back.get_or_insert_with(Vec::new).push(item);
                        means.emit(Event::Requeued { queue: self.name.clone(), message });
                    }
                }
            }
        }
        if let Some(back) = back {
            self.storage.requeue(back, self.returns(how));
            self.drop_excess(means);
            self.drop_expired(means);
        }
        if has_credit {
            self.unblock(channel, means);
        }
    }

    /// How often a message may fail; `None` is without limit.
    pub fn delivery_limit(&self) -> Option<u32> {
        let Messages::Quorum(fifo) = &self.storage else { return None };
        match self.rules.delivery_limit {
            Some(limit) => u32::try_from(limit).ok(),
            None => fifo.profile().delivery_limit(),
        }
    }

    /// A message comes back: true if it has failed too often.
    fn gives_up(&self, item: &mut Item, how: Settlement) -> bool {
        let Messages::Quorum(fifo) = &self.storage else { return false };
        item.tries.delivered += 1;
        // From 4.3 on a nack is no failure.
        let counts = fifo.profile() != Profile::V4_3 || how == Settlement::Failed;
        item.tries.failed += u32::from(counts);
        self.delivery_limit().is_some_and(|limit| item.tries.failed > limit)
    }

    /// The delivered messages, with who has them.
    pub fn unacked_items(&self) -> impl Iterator<Item = (&Item, ChannelId, Option<ConsumerId>)> {
        self.unacked.values().map(|it| (&it.item, it.channel, it.consumer))
    }

    /// The channel that has a delivered message.
    pub fn channel_of(&self, seq: u64) -> Option<ChannelId> {
        self.unacked.get(seq).map(|unacked| unacked.channel)
    }
}
