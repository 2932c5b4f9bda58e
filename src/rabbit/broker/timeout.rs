//! Deliveries that are not acknowledged in time: they go back, and their channel is closed.
//!
//! A channel looks once a minute, counted from when it was opened, at the oldest delivery that it
//! has not acknowledged. From 4.3 on this is done for quorum queues only, and less is closed: a
//! consumer is cancelled and told so (`basic.cancel`); what it acknowledges then has no effect.

use super::Broker;
use crate::rabbit::error;
use crate::rabbit::ids::{ChannelId, ConsumerId, QueueId};
use crate::rabbit::message::Method;
use crate::rabbit::process::{Out, Timer};
use crate::rabbit::profile::Profile;
use crate::rabbit::queue::Settlement;
use crate::rabbit::quorum::command::Command;
use crate::rabbit::spec::Settings;
use crate::sim::Span;
use std::rc::Rc;

/// A channel looks so often (`channel_tick_interval`).
const TICK_INTERVAL: Span = Span::seconds(60);

/// Half an hour, in milliseconds (`consumer_timeout`).
const TIMEOUT_MS: u64 = 1_800_000;

/// How long a delivery may be unacknowledged; `None` is without limit.
pub(super) fn setting(settings: &Settings) -> Option<Span> {
    let ms = match settings.get("consumer_timeout").map(|text| &**text) {
        Some("false" | "undefined") => None,
        Some(text) => text.parse().ok(),
        None => Some(TIMEOUT_MS),
    };
    ms.map(Span::millis)
}

impl Broker {
    /// A delivery left that has to be acknowledged: the channel will look after it.
    pub(super) fn expect_settlement(&mut self, id: ChannelId, out: &mut Out<'_>) {
        let now = out.now();
        let channel = self.channel(id);
        channel.has_tick = true;
        let ticks = now.since(channel.opened).as_micros() / TICK_INTERVAL.as_micros();
        let next = channel.opened + TICK_INTERVAL * (ticks + 1);
        out.timer_at(Timer::ChannelTick(id), next);
    }

    /// A channel looks whether it has acknowledged everything in time.
    pub(super) fn channel_tick(&mut self, id: ChannelId, out: &mut Out<'_>) {
        let connection = self.connections.get_mut(&id.client);
        let channel = connection.and_then(|connection| connection.channels.get_mut(&id.number));
        let Some(channel) = channel else { return };
        channel.has_tick = false;
        if self.profile == Profile::V4_3 {
            return self.cancel_late(id, out);
        }
        let Some((at, queue)) = channel.oldest() else { return };
        let of_queue = self.queues.get(&queue).and_then(|queue| queue.rules.consumer_timeout);
        let timeout = of_queue.or(self.consumer_timeout);
        match timeout {
            Some(timeout) if out.now().since(at) >= timeout => {
                let late = error::precondition_failed(format_args!(
                    "delivery acknowledgement on channel {} timed out. Timeout value used: {} ms. \
                     This timeout value can be configured, see consumers doc guide to learn more",
                    id.number,
                    timeout.as_millis()
                ));
                self.fail(id, late, out);
            }
            _ => self.expect_settlement(id, out),
        }
    }

    /// Consumers of quorum queues that are late are cancelled, and what they hold goes back.
    fn cancel_late(&mut self, id: ChannelId, out: &mut Out<'_>) {
        let mut late: Vec<(Rc<str>, QueueId, ConsumerId)> = Vec::new();
        for (tag, consumer) in &self.channel(id).consumers {
            late.push((tag.clone(), consumer.of, consumer.consumer));
        }
        late.retain(|(_, queue, consumer)| {
            let of_queue = self.queues.get(queue).and_then(|queue| queue.rules.consumer_timeout);
            let timeout = of_queue.or(self.consumer_timeout).filter(|_| self.is_quorum(*queue));
            let oldest = self.connections[&id.client].channels[&id.number].oldest_of(*consumer);
            timeout.is_some_and(|timeout| oldest.is_some_and(|at| out.now().since(at) >= timeout))
        });
        for (channel, (tag, queue, consumer)) in late.into_iter().map(|late| (id, late)) {
            let seqs = self.channel(id).give_up(consumer);
            self.channel(id).consumers.remove(&tag);
            self.send(id, Method::BasicCancel { tag: tag.clone() }, out);
            self.submit(queue, &Command::Cancel { channel, tag }, None, out);
            let how = Settlement::Requeued;
            self.submit(queue, &Command::Settle { channel, seqs, how }, None, out);
        }
        if self.has_channel(id) && self.channel(id).unacked() > 0 {
            self.expect_settlement(id, out);
        }
    }
}
