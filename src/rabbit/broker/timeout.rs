//! Deliveries that are not acknowledged in time: their channel is closed, and they go back.
//!
//! A channel looks once a minute, counted from when it was opened, at the oldest delivery that it
//! has not acknowledged. From 4.3 on this is done for quorum queues only.

use super::Broker;
use crate::rabbit::error;
use crate::rabbit::ids::ChannelId;
use crate::rabbit::process::{Out, Timer};
use crate::rabbit::profile::Profile;
use crate::rabbit::spec::Settings;
use crate::sim::Span;

/// A channel looks so often (`channel_tick_interval`).
const TICK_INTERVAL: Span = Span::seconds(60);

/// Half an hour, in milliseconds (`consumer_timeout`).
const TIMEOUT_MS: u64 = 1_800_000;

/// How long a delivery may be unacknowledged; `None` is without limit.
pub(super) fn setting(settings: &Settings, profile: Profile) -> Option<Span> {
    let ms = match settings.get("consumer_timeout").map(|text| &**text) {
        Some("false" | "undefined") => None,
        Some(text) => text.parse().ok(),
        None => Some(TIMEOUT_MS),
    };
    ms.filter(|_| profile != Profile::V4_3).map(Span::millis)
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
        let Some((at, queue)) = channel.oldest() else { return };
        let of_queue = self.queues.get(&queue).and_then(|queue| queue.rules.consumer_timeout);
        let timeout = of_queue.filter(|_| self.profile != Profile::V4_3).or(self.consumer_timeout);
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
}
