//! Who has a log and no vote about it yet: nodes that joined, and `promotable` members of quorum
//! queues.
//!
//! A node that joins gets the log of the definitions, and a vote when it has all that the leader
//! had when it saw it first. The same holds for a member that a tool adds to a quorum queue: so a
//! member that has nothing yet does not make the majority larger. Until then it is `promotable`;
//! that is part of the definitions, so that the next leader goes on with it. One member at a time
//! gets its vote.
//!
//! Source: Ra's `promotable` members (`ra_server`, "non-voters"), and `rabbitmq-queues add_member
//! --membership`.

use super::Broker;
use crate::ordered::Order;
use crate::rabbit::ids::QueueId;
use crate::rabbit::process::Out;
use crate::rabbit::quorum::command::Command;
use crate::rabbit::talk::{Change, METADATA};
use crate::sim::NodeId;

impl Broker {
    /// As the leader of the definitions: who joined and has caught up gets a vote about them.
    pub(super) fn promote_nodes(&mut self, out: &mut Out<'_>) {
        let Some(group) = self.metadata.as_mut().filter(|group| group.leads()) else { return };
        let mut members = group.members();
        if members.len() == self.nodes.len() {
            return;
        }
        let learners = self.nodes.iter().filter(|node| !members.contains(node));
        let peers = &self.peers;
        let up = learners.filter(|node| peers.iter().any(|it| it.id == **node && it.is_up));
        let Some(node) = group.to_promote(up.copied()) else { return };
        members.push(node);
        let change = Change::Voters(group.members_at, members);
        self.change(&change, None, out);
    }

    /// Others have votes about the definitions from now on, if they are still those that it was
    /// meant for.
    pub(super) fn voters_changed(&mut self, base: u64, members: &[NodeId], out: &mut Out<'_>) {
        let Some(group) = &mut self.metadata else { return };
        if base == group.members_at {
            let at = group.applied();
            group.set_members(METADATA, at, members, out);
        }
    }

    /// A member of a quorum queue comes without a vote, or goes before it had one.
    pub(super) fn promotable_known(
        &mut self,
        id: QueueId,
        (node, comes): (NodeId, bool),
        out: &mut Out<'_>,
    ) {
        let Some(queue) = self.queues.get_mut(&id) else { return };
        queue.promotable.retain(|it| *it != node);
        let has_vote = queue.definition.as_ref().is_some_and(|it| it.members.contains(&node));
        if comes && !has_vote {
            queue.promotable.push(node);
        }
        self.promote_member(id, out);
        self.resized_by_definition(id, node, out);
    }

    /// As the leader of a quorum queue: a promotable member that has caught up gets its vote.
    pub(super) fn promote_member(&mut self, id: QueueId, out: &mut Out<'_>) {
        let Some(queue) = self.queues.get_mut(&id).filter(|it| !it.promotable.is_empty()) else {
            return;
        };
        let Some(group) = &mut queue.group else { return };
        let peers = &self.peers;
        let up = |node: &NodeId| peers.iter().any(|it| it.id == *node && it.is_up);
        let Some(node) = group.to_promote(queue.promotable.iter().copied().filter(up)) else {
            return;
        };
        let (base, mut members) = (group.members_at, group.members());
        members.push(node);
        self.submit(id, &Command::Members { base, members }, None, out);
    }

    /// The nodes that have a quorum queue, in their order: those with a vote, and the promotable.
    pub(super) fn replicas_of(&self, id: QueueId) -> Vec<NodeId> {
        let Some(queue) = self.queues.get(&id) else { return Vec::new() };
        let mut all = queue.group.as_ref().map(|group| group.members()).unwrap_or_default();
        let more: Vec<NodeId> =
            queue.promotable.iter().copied().filter(|it| !all.contains(it)).collect();
        all.extend(more);
        all.order();
        all
    }
}
