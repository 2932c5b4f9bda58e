//! Consumers of a node that cannot be reached (4.3): they are suspected to be down, not gone.
//!
//! A node that died and one that the network cuts off look the same from outside. Nothing is
//! delivered to its consumers from then on, but what they hold stays with them:
//!
//! - The node is there again and has gone on: so do they, with what they hold. What they have
//!   acknowledged meanwhile counts now.
//! - The node has begun anew: its channels are gone, and what they held comes back at once, as
//!   after any channel that fails.
//! - Neither, for so long (`x-consumer-disconnected-timeout`, the policy
//!   `consumer-disconnected-timeout`, the lower of both; else `consumer_disconnected_timeout`,
//!   60 s): what they hold comes back, and nobody has failed. They stay suspected. If one was the
//!   single active consumer, the next one is.
//!
//! What `basic.get` took is held the same way. Up to 4.2 what a node held that is down comes back
//! at once ([`Command::NodeDown`](super::command::Command::NodeDown)), and its consumers register
//! anew if the node has gone on.
//!
//! A node hears of the suspicion from its own copy of the log, and so when it can be reached again;
//! then it says in the log that it is there.
//!
//! Source: `rabbit_fifo` (`{down, Pid, noconnection}`, `consumer_disconnected_timeout`,
//! `{nodeup, Node}`), `rabbit_quorum_queue` (`get_consumer_disconnected_timeout`).
//!
//! Simplified: the time runs on under a new leader, where the real one begins it anew; a node that
//! was away for so long that it gets a snapshot in the place of the log registers its consumers
//! anew, and what they held comes back.

use crate::rabbit::event::Event;
use crate::rabbit::ids::{ChannelId, ConsumerId};
use crate::rabbit::queue::{Queue, Settlement};
use crate::rabbit::spec::Settings;
use crate::rabbit::storage_v2::Means;
use crate::sim::{NodeId, Span, Time};

/// A minute, in milliseconds (`consumer_disconnected_timeout`).
const TIMEOUT_MS: u64 = 60_000;

/// How long what a node holds stays with it, if neither the queue nor its policy says so.
pub fn setting(settings: &Settings) -> Span {
    let ms = settings.get("consumer_disconnected_timeout").and_then(|text| text.parse().ok());
    Span::millis(ms.unwrap_or(TIMEOUT_MS))
}

impl Queue {
    /// A node cannot be reached: its consumers are suspected, and keep what they hold for a while.
    pub fn suspect(&mut self, node: NodeId, wait: Span, now: Time) {
        for channel in self.channels_of(node) {
            if self.suspects.iter().all(|(known, _)| *known != channel) {
                self.suspects.push((channel, now + wait));
            }
        }
        for (id, _) in self.consumers_of(|channel| channel.node == node) {
            self.consumers.suspect(id);
        }
    }

    /// A node is there, and has gone on: so do its consumers, but for those that are gone.
    pub fn trust(
        &mut self,
        node: NodeId,
        (channels, consumers): (&[ChannelId], &[ConsumerId]),
        means: &mut Means<'_, '_>,
    ) {
        self.suspects.retain(|(channel, _)| channel.node != node);
        let theirs = self.unacked_items();
        let theirs = theirs.filter(|(_, channel, consumer)| {
            let is_gone = consumer.is_some_and(|id| consumers.contains(&id));
            channel.node == node && (is_gone || channels.contains(channel))
        });
        let held: Vec<(ChannelId, u64)> =
            theirs.map(|(item, channel, _)| (channel, item.seq)).collect();
        for (id, channel) in self.consumers_of(|channel| channel.node == node) {
            if !channels.contains(&channel) && !consumers.contains(&id) {
                self.consumers.trust(id, means.now);
            } else if let Some(gone) = self.consumers.remove(id) {
                let (queue, consumer) = (self.name.clone(), gone.tag);
                means.emit(Event::ConsumerGone { queue, consumer });
            }
        }
        for (channel, seq) in held {
            self.settle(channel, &[seq], Settlement::Failed, means);
        }
    }

    /// Whoever was suspected for long enough gives back what it holds. True if anybody was.
    pub fn end_suspicions(&mut self, means: &mut Means<'_, '_>) -> bool {
        let now = means.now;
        let over = self.suspects.iter().filter(|(_, until)| *until <= now);
        let over: Vec<ChannelId> = over.map(|(channel, _)| *channel).collect();
        self.suspects.retain(|(_, until)| *until > now);
        for channel in &over {
            for seq in self.unacked_of(&[*channel]) {
                self.settle(*channel, &[seq], Settlement::Requeued, means);
            }
            for (id, _) in self.consumers_of(|of| of == *channel) {
                if self.consumers.get(id).is_some_and(|consumer| consumer.is_suspected) {
                    self.consumers.give_up(id);
                }
            }
        }
        !over.is_empty()
    }

    /// When what somebody holds comes back who is suspected.
    pub fn suspicion_due(&self) -> Time {
        self.suspects.iter().map(|(_, until)| *until).min().unwrap_or(Time::NEVER)
    }

    /// Channels are gone, or all of them if none are named: nobody waits for them.
    pub fn forget_suspects(&mut self, channels: &[ChannelId]) {
        self.suspects.retain(|(it, _)| !channels.is_empty() && !channels.contains(it));
    }

    fn consumers_of(&self, is_asked: impl Fn(ChannelId) -> bool) -> Vec<(ConsumerId, ChannelId)> {
        let all = self.consumers.iter().map(|(id, consumer)| (id, consumer.channel));
        all.filter(|(_, channel)| is_asked(*channel)).collect()
    }
}
