//! Back-pressure of quorum queues: a connection is not read while one of its channels has sent more
//! than a queue has applied.
//!
//! A channel that sends while 32 of its messages are not applied (`quorum_commands_soft_limit`) has
//! its connection wait until there are fewer: what comes meanwhile waits in the socket,
//! acknowledgements included. The tools show `flow` until one second after the last wait began.
//!
//! Simplified: only publishes count, and not those of a transaction.

use super::Broker;
use super::connections::Connection;
use crate::rabbit::channel::Channel;
use crate::rabbit::ids::{ChannelId, QueueId};
use crate::rabbit::process::Out;
use crate::rabbit::spec::Settings;
use crate::sim::{NodeId, Span, Time};

/// A connection that had to wait is shown so for so long.
const SHOWN: Span = Span::seconds(1);

/// `quorum_commands_soft_limit`.
pub const SOFT_LIMIT: u32 = 32;

/// `stream_messages_soft_limit`.
const STREAM_LIMIT: u32 = 256;

/// How many messages of a channel a quorum queue may have to apply.
pub(super) fn soft_limit(settings: &Settings) -> u32 {
    let text = settings.get("quorum_commands_soft_limit");
    text.and_then(|text| text.parse().ok()).filter(|limit| *limit > 0).unwrap_or(SOFT_LIMIT)
}

impl Connection {
    /// True if it had to wait a moment ago.
    pub fn was_in_flow(&self, now: Time) -> bool {
        self.waited_at.is_some_and(|at| now.since(at) < SHOWN)
    }
}

impl Broker {
    fn limit_of(&self, queue: QueueId) -> u32 {
        if self.is_shared_stream(queue) { STREAM_LIMIT } else { self.soft_limit }
    }

    /// A channel has sent a message to a quorum queue.
    pub(super) fn has_sent(&mut self, id: ChannelId, queue: QueueId, now: Time) {
        let limit = self.limit_of(queue);
        let Some(connection) = self.connections.get_mut(&id.client) else { return };
        let Some(channel) = connection.channels.get_mut(&id.number) else { return };
        // The limit is looked at before the message is counted.
        if channel.sends(queue) >= limit {
            connection.waits = true;
            connection.waited_at = Some(now);
        }
    }

    /// A quorum queue has applied a message of a channel.
    pub(super) fn has_applied(&mut self, id: ChannelId, queue: QueueId) {
        let Some(connection) = self.connections.get_mut(&id.client) else { return };
        let Some(channel) = connection.channels.get_mut(&id.number) else { return };
        channel.applied(queue);
    }

    /// Connections that wait no longer are read again, in the order of what came.
    pub(super) fn read_again(&mut self, out: &mut Out<'_>) {
        let is_free = |connection: &Connection| {
            let mut unapplied = connection.channels.values().flat_map(Channel::unapplied);
            connection.waits && unapplied.all(|(queue, count)| count < self.limit_of(queue))
        };
        let all = self.connections.iter().filter(|(_, connection)| is_free(connection));
        let all: Vec<NodeId> = all.map(|(client, _)| *client).collect();
        if all.is_empty() {
            return;
        }
        self.gather(true, out);
        for client in all {
            let Some(connection) = self.connections.get_mut(&client) else { continue };
            connection.waits = false;
            connection.last_heard = out.now();
            if connection.is_blocked {
                continue;
            }
            self.read_held(client, out);
        }
        self.gather(false, out);
    }

    /// What is read now goes to the disk together.
    fn gather(&mut self, gathers: bool, out: &mut Out<'_>) {
        for id in self.quorum_queues() {
            if let Some(group) = self.group_mut(id) {
                group.gather(id, gathers, out);
            }
        }
    }

    /// What has come while a connection was not read is dealt with, as far as it goes.
    pub(super) fn read_held(&mut self, client: NodeId, out: &mut Out<'_>) {
        while let Some(connection) = self.connections.get_mut(&client)
            && !connection.is_blocked
            && !connection.waits
            && let Some(frame) = connection.held.pop_front()
        {
            self.frame(client, frame, out);
        }
    }
}
