//! A node makes ready for being stopped, or replaced by a newer release: `rabbitmq-upgrade drain`.
//!
//! It closes the connections of its clients and takes no new ones, so that they go to other nodes,
//! and has others lead the quorum queues and the definitions that it led. Tools still reach it. It
//! is back in regular operation after `revive`, or when it is started again.
//!
//! Source: `rabbit_maintenance` of the server.
//!
//! Simplified: the node's members of quorum queues go on as followers and vote, where real ones
//! are stopped; who leads in the node's place is the first of those that are up and not under
//! maintenance, where the real members elect. Streams led from the node stay there.

use super::Broker;
use crate::rabbit::error;
use crate::rabbit::ids::QueueId;
use crate::rabbit::process::Out;
use crate::rabbit::talk::METADATA;
use crate::sim::NodeId;

impl Broker {
    /// It goes into maintenance.
    pub(super) fn drain(&mut self, out: &mut Out<'_>) {
        self.is_drained = true;
        let clients = self.connections.iter().filter(|(_, connection)| !connection.is_tool);
        let clients: Vec<NodeId> = clients.map(|(client, _)| client).collect();
        for client in clients {
            let error = error::connection_forced("Node was put into maintenance mode");
            self.fail(self.connection_id(client), error, out);
        }
        let heirs = self.peers.iter().filter(|peer| peer.is_up && !peer.is_drained);
        let heirs: Vec<NodeId> = heirs.map(|peer| peer.id).collect();
        let led = self.queues.values().filter(|queue| {
            self.is_clustered() && queue.group.as_ref().is_some_and(|group| group.leads())
        });
        let led: Vec<QueueId> = led.map(|queue| queue.id).collect();
        for queue in led {
            let members = self.members_of(queue);
            if let Some(heir) = heirs.iter().copied().find(|heir| members.contains(heir)) {
                self.move_leader(queue, heir, out);
            }
        }
        if let (Some(group), Some(heir)) = (&mut self.metadata, heirs.first())
            && group.leads()
        {
            group.transfer(METADATA, *heir, out);
        }
        self.say_alive(out);
    }

    /// It comes back from maintenance.
    pub(super) fn revive(&mut self, out: &mut Out<'_>) {
        self.is_drained = false;
        self.say_alive(out);
    }

    /// The nodes that are under maintenance, as far as this one knows.
    pub(super) fn drained(&self) -> Vec<String> {
        let others = self.peers.iter().filter(|peer| peer.is_up && peer.is_drained);
        let own = Some(self.me).filter(|_| self.is_drained && self.is_clustered());
        let all = own.into_iter().chain(others.map(|peer| peer.id));
        let mut names: Vec<String> = all.map(|node| self.short_name(node).to_string()).collect();
        if self.is_drained && !self.is_clustered() {
            names.push(self.name.to_string());
        }
        names
    }
}
