//! Back-pressure: a connection is not read while one of its channels has sent more than a queue
//! has dealt with.
//!
//! - A quorum queue: a channel that sends while 32 of its messages are not applied
//!   (`quorum_commands_soft_limit`) has its connection wait until there are fewer; a stream with
//!   several members: 256.
//! - A classic queue on another node: the channel spends credit, 400 at first; the queue grants 200
//!   more after each 200 that it has dealt with (`credit_flow_default_credit`). Who has spent all
//!   waits.
//!
//! What comes meanwhile waits in the socket, acknowledgements included, and so do all channels of
//! the connection. The tools show `flow` until one second after the last wait began.
//!
//! Simplified: only publishes count, and not those of a transaction.

use super::Broker;
use super::connections::Connection;
use crate::rabbit::channel::Channel;
use crate::rabbit::credit;
use crate::rabbit::event::Event;
use crate::rabbit::ids::{ChannelId, QueueId};
use crate::rabbit::process::Out;
use crate::rabbit::quorum::group::tell;
use crate::rabbit::spec::Settings;
use crate::rabbit::talk::Talk;
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

/// `credit_flow_default_credit`.
pub(super) fn credit(settings: &Settings) -> credit::Spec {
    let text = settings.get("credit_flow_default_credit");
    text.and_then(|text| credit_of(text)).unwrap_or(credit::DEFAULT)
}

/// Credit as it is written: `{400,200}`.
pub fn credit_of(text: &str) -> Option<credit::Spec> {
    let (initial, more) = text.strip_prefix('{')?.strip_suffix('}')?.split_once(',')?;
    let (initial, more_after) = (initial.trim().parse().ok()?, more.trim().parse().ok()?);
    (1..=initial).contains(&more_after).then_some(credit::Spec { initial, more_after })
}

impl Connection {
    /// It is not read until what it waits for has happened.
    fn wait(&mut self, out: &mut Out<'_>) {
        let now = out.now();
        if !self.was_in_flow(now) {
            out.emit(Event::ConnectionFlow { client: self.name.clone() });
        }
        self.waits = true;
        self.waited_at = Some(now);
    }

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
    pub(super) fn has_sent(&mut self, id: ChannelId, queue: QueueId, out: &mut Out<'_>) {
        let limit = self.limit_of(queue);
        let Some(connection) = self.connections.get_mut(&id.client) else { return };
        let Some(channel) = connection.channels.get_mut(&id.number) else { return };
        // The limit is looked at before the message is counted.
        if channel.sends(queue) >= limit {
            connection.wait(out);
            self.waits = true;
        }
    }

    /// A channel sends a message to a classic queue on another node: that costs it credit.
    pub(super) fn spends(&mut self, id: ChannelId, queue: QueueId, out: &mut Out<'_>) {
        let spec = self.credit;
        let Some(connection) = self.connections.get_mut(&id.client) else { return };
        let Some(channel) = connection.channels.get_mut(&id.number) else { return };
        if channel.spends(queue, spec) {
            connection.wait(out);
            self.waits = true;
        }
    }

    /// A classic queue here has dealt with a message of a channel of another node.
    pub(super) fn has_handled(&mut self, id: QueueId, channel: ChannelId, out: &mut Out<'_>) {
        let more_after = self.credit.more_after;
        let Some(queue) = self.queues.get_mut(&id).filter(|_| channel.number > 0) else { return };
        if queue.handles(channel) == more_after {
            queue.forget_handled(&[channel]);
            tell(channel.node, Talk::Credit(id, channel), out);
        }
    }

    /// A queue on another node has dealt with many messages of a channel: it has credit again.
    pub(super) fn granted(&mut self, id: ChannelId, queue: QueueId) {
        let more_after = self.credit.more_after;
        if self.has_channel(id) {
            self.channel(id).granted(queue, more_after);
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
        self.waits = self.connections.values().any(|connection| connection.waits);
        let is_free = |connection: &Connection| {
            let mut unapplied = connection.channels.values().flat_map(Channel::unapplied);
            connection.waits
                && connection.channels.values().all(Channel::has_credit)
                && unapplied.all(|(queue, count)| count < self.limit_of(queue))
        };
        let all = self.connections.iter().filter(|(_, connection)| is_free(connection));
        let all: Vec<NodeId> = all.map(|(client, _)| client).collect();
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
