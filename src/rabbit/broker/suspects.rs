//! Nodes that cannot be reached, as quorum queues see them: what their logs are told of that. What
//! it comes to in the queue is in [`crate::rabbit::quorum::suspects`].

use super::Broker;
use crate::rabbit::ids::{ChannelId, ConsumerId, QueueId};
use crate::rabbit::process::Out;
use crate::rabbit::queue::Settlement;
use crate::rabbit::quorum::command::Command;
use crate::rabbit::quorum::group::Awaited;
use crate::sim::{NodeId, Span};

impl Broker {
    /// As the leader of a queue: another node is down, or cannot be reached.
    pub(super) fn lose_node(&mut self, id: QueueId, node: NodeId, out: &mut Out<'_>) {
        let own = self.queues.get(&id).and_then(|queue| queue.rules.disconnected);
        let wait_ms = own.unwrap_or(self.disconnected).as_millis();
        let command = match self.suspects_first {
            true => Command::Suspect { node, wait_ms },
            false => Command::NodeDown { node },
        };
        self.submit(id, &command, None, out);
    }

    /// This node has begun anew: whoever used a queue through it before is gone.
    pub(super) fn node_is_anew(&mut self, id: QueueId, out: &mut Out<'_>) {
        let node = out.me();
        match self.suspects_first {
            true => self.submit_farewell(id, &Command::Anew { node }, out),
            false => self.node_is_gone(id, out),
        }
    }

    /// Whoever uses a queue through this node is not known there, or not any more.
    pub(super) fn node_is_gone(&mut self, id: QueueId, out: &mut Out<'_>) {
        let node = out.me();
        self.submit_farewell(id, &Command::NodeDown { node }, out);
    }

    /// Until this is done, what the log says of clients of this node is of no account.
    fn submit_farewell(&mut self, id: QueueId, command: &Command, out: &mut Out<'_>) {
        if let Some(group) = self.group_mut(id) {
            group.says_farewell = true;
        }
        self.submit_bytes(id, command.encode(out.now()), Some(Awaited::Own), out);
    }

    /// Whoever used a queue through a node is gone, and what they hold comes back.
    pub(super) fn forget_users(
        &mut self,
        id: QueueId,
        node: NodeId,
        how: Settlement,
        out: &mut Out<'_>,
    ) {
        let channels = self.queues.get(&id).map(|queue| queue.channels_of(node));
        let channels = channels.unwrap_or_default();
        if !channels.is_empty() {
            self.down(id, &channels, how, out);
        }
    }

    /// A node cannot be reached. If it is this one it says that it is there.
    pub(super) fn suspect(&mut self, id: QueueId, node: NodeId, wait_ms: u64, out: &mut Out<'_>) {
        self.with_queue(id, out, |queue, means| {
            queue.suspect(node, Span::millis(wait_ms), means.now);
        });
        if node == self.me {
            self.say_here(id, out);
        }
        self.used(id, out);
        self.run(id, out);
    }

    /// The others took this node for down, and it has gone on: so have its clients, but for those
    /// that it does not know.
    fn say_here(&mut self, id: QueueId, out: &mut Out<'_>) {
        let Some(queue) = self.queues.get(&id) else { return };
        let says_farewell = queue.group.as_ref().is_some_and(|group| group.says_farewell);
        let mut channels = queue.channels_of(self.me);
        if says_farewell || channels.is_empty() {
            return;
        }
        channels.retain(|channel| !self.has_channel(*channel));
        let unknown = queue.consumers.iter().filter(|(consumer, it)| {
            let is_here = it.channel.node == self.me;
            is_here && !self.is_registered(it.channel, &it.tag, (id, *consumer))
        });
        let consumers = unknown.map(|(consumer, _)| consumer).collect();
        let command = Command::Trust { node: self.me, channels, consumers };
        self.submit(id, &command, None, out);
    }

    /// A node that was suspected is there.
    pub(super) fn trust(
        &mut self,
        id: QueueId,
        node: NodeId,
        gone: (&[ChannelId], &[ConsumerId]),
        out: &mut Out<'_>,
    ) {
        self.with_queue(id, out, |queue, means| queue.trust(node, gone, means));
        self.used(id, out);
        self.run(id, out);
    }
}
