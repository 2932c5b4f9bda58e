//! Members of quorum queues come and go, and leaders move, as tools want it; replicas of streams
//! are asked for here too, and changed in `replicas`.
//!
//! Who has a vote is a command in the queue's own log; its leader tells the definitions when it is
//! done. One member at a time: a command that was meant for other members than those that are there
//! when it is applied does nothing. A node without a member has the log all the same (see
//! [`Group`]), so what one that joined has to fetch is on its way already. It is `promotable` until
//! it has all (`promotion`), unless the tool wants a `voter` at once.
//!
//! [`Group`]: crate::rabbit::quorum::Group

use super::Broker;
use crate::rabbit::command::{AmqpError, Answer, Members, Of};
use crate::rabbit::error;
use crate::rabbit::ids::{ChannelId, QueueId};
use crate::rabbit::inspect::MemberState;
use crate::rabbit::message::Method;
use crate::rabbit::messages::Messages;
use crate::rabbit::pattern::Pattern;
use crate::rabbit::process::Out;
use crate::rabbit::queue::Queue;
use crate::rabbit::quorum::command::Command;
use crate::rabbit::quorum::group::tell;
use crate::rabbit::talk::{Change, NewQueue, Talk};
use crate::raft::Role;
use crate::sim::NodeId;
use std::collections::VecDeque;
use std::rc::Rc;

/// A tool that waits until members of some queues have come or gone.
#[derive(Clone, Debug)]
pub struct Resizing {
    /// Who waits.
    pub channel: ChannelId,
    node: NodeId,
    adds: bool,
    votes: bool,
    /// The queues that are left; the first is being changed.
    left: VecDeque<QueueId>,
    done: Vec<(String, u64, Option<&'static str>)>,
    /// One queue alone: what goes wrong is the answer.
    is_one: bool,
}

impl Broker {
    /// The node with this number.
    pub(super) fn numbered(&self, number: u32) -> Option<NodeId> {
        let nodes = if self.is_clustered() { &self.nodes[..] } else { &[] };
        nodes.get((number as usize).checked_sub(1)?).copied()
    }

    pub(super) fn members_of(&self, id: QueueId) -> Vec<NodeId> {
        let group = self.queues.get(&id).and_then(|queue| queue.group.as_ref());
        group.map(|group| group.members()).unwrap_or_default()
    }

    /// A quorum queue that a tool names.
    fn quorum_named(&self, name: &str) -> Result<QueueId, AmqpError> {
        let id = *self.queue_ids.get(name).ok_or_else(|| error::no_queue(name))?;
        let kind = super::arguments::queue_type(&self.queues[&id].declaration.arguments);
        match kind {
            "quorum" => Ok(id),
            "stream" => Err(error::precondition_failed("stream_not_supported")),
            _ => Err(error::precondition_failed("classic_queue_not_supported")),
        }
    }

    // ---- members ----

    /// A tool wants members to come or go.
    pub(super) fn change_members(
        &mut self,
        channel: ChannelId,
        members: &Members,
        out: &mut Out<'_>,
    ) -> Result<(), AmqpError> {
        let Members { node, adds, votes, of } = members;
        let Some(node) = self.numbered(*node) else {
            let is_stream = matches!(of, Of::Stream(_));
            let reason = if is_stream { "node_not_running" } else { "not_a_cluster_member" };
            return Err(error::precondition_failed(reason));
        };
        let (adds, votes, is_one) = (*adds, *votes, !matches!(of, Of::Matching { .. }));
        let left = match of {
            Of::Queue(name) => {
                let id = self.quorum_named(name)?;
                if adds && !self.is_up(node) {
                    return Err(error::precondition_failed("node_not_running"));
                }
                VecDeque::from([id])
            }
            Of::Stream(name) => {
                let id = self.stream_named(name)?;
                if adds && !self.is_up(node) {
                    return Err(error::precondition_failed("node_not_running"));
                }
                VecDeque::from([id])
            }
            Of::Matching { pattern, even } => {
                let wanted = self.matching(pattern)?.into_iter().filter(|id| {
                    let members = self.replicas_of(*id);
                    let fits = !*even || members.len().is_multiple_of(2);
                    members.contains(&node) != adds && fits && (!adds || self.is_up(node))
                });
                wanted.collect()
            }
        };
        let done = Vec::new();
        self.resizing.push(Resizing { channel, node, adds, votes, left, done, is_one });
        self.resize_on(channel, out);
        Ok(())
    }

    /// Quorum queues whose names match, in the order of their names.
    fn matching(&self, pattern: &str) -> Result<Vec<QueueId>, AmqpError> {
        let pattern = Pattern::new(pattern).map_err(error::precondition_failed)?;
        let all = self.queue_ids.iter().filter(|(name, _)| pattern.matches(name));
        Ok(all.map(|(_, id)| *id).filter(|id| self.is_quorum(*id)).collect())
    }

    /// The next queue that a tool wants changed; when there is none, the tool is answered.
    fn resize_on(&mut self, channel: ChannelId, out: &mut Out<'_>) {
        let Some(at) = self.resizing.iter().position(|it| it.channel == channel) else { return };
        let Resizing { node, adds, votes, .. } = self.resizing[at];
        while let Some(id) = self.resizing[at].left.front().copied() {
            let Some(queue) = self.queues.get(&id) else {
                self.resizing[at].left.pop_front();
                continue;
            };
            if let Some(member) = &queue.member {
                let is_last = member.nodes == [node];
                match member.nodes.contains(&node) {
                    there if there == adds => self.note_resized(at, id, None),
                    true if is_last => self.note_resized(at, id, Some("last_stream_member")),
                    _ => return self.want_replica(id, (node, adds), out),
                }
                continue;
            }
            let Some(group) = queue.group.as_ref() else { return };
            let is_promotable = queue.promotable.contains(&node);
            let (base, mut members) = (group.members_at, group.members());
            let fails = match members.contains(&node) {
                // As it was wanted.
                false if is_promotable && adds => None,
                false if is_promotable || (adds && !votes) => {
                    let change = Change::Promotable(queue.name.to_string(), node, adds);
                    return self.change(&change, None, out);
                }
                there if there == adds => None,
                true if members.len() == 1 => Some("last_node"),
                true => {
                    members.retain(|member| *member != node);
                    let command = Command::Members { base, members };
                    return self.submit(id, &command, Some(channel), out);
                }
                false => {
                    members.push(node);
                    let command = Command::Members { base, members };
                    return self.submit(id, &command, Some(channel), out);
                }
            };
            self.note_resized(at, id, fails);
        }
        let Resizing { done, is_one, .. } = self.resizing.remove(at);
        match done.first() {
            Some((_, _, Some(reason))) if is_one => {
                self.fail(channel, error::precondition_failed(reason), out);
            }
            _ if is_one => self.send(channel, Method::ManagementOk, out),
            _ => {
                let answer = Rc::new(Answer::Resized(done));
                self.send(channel, Method::ManagementList(answer), out);
            }
        }
    }

    fn note_resized(&mut self, at: usize, id: QueueId, fails: Option<&'static str>) {
        let size = self.replicas_of(id).len() as u64;
        let name = self.queues.get(&id).map(|queue| queue.name.to_string()).unwrap_or_default();
        self.resizing[at].left.pop_front();
        self.resizing[at].done.push((name, size, fails));
    }

    /// What a tool wants of a queue is done, or failed.
    pub(super) fn resized(
        &mut self,
        channel: ChannelId,
        fails: Option<&'static str>,
        out: &mut Out<'_>,
    ) {
        let at = self.resizing.iter().position(|it| it.channel == channel);
        let id = at.and_then(|at| self.resizing[at].left.front().copied());
        if let (Some(at), Some(id)) = (at, id) {
            self.note_resized(at, id, fails);
            self.resize_on(channel, out);
        }
    }

    /// An epoch of a stream has begun: tools that wait for its replicas look again.
    pub(super) fn resize_again(&mut self, id: QueueId, out: &mut Out<'_>) {
        let theirs = self.resizing.iter().filter(|it| it.left.front() == Some(&id));
        let channels: Vec<ChannelId> = theirs.map(|it| it.channel).collect();
        channels.into_iter().for_each(|channel| self.resize_on(channel, out));
    }

    /// The definitions say that a member comes without a vote, or that it goes.
    pub(super) fn resized_by_definition(&mut self, id: QueueId, node: NodeId, out: &mut Out<'_>) {
        let theirs =
            self.resizing.iter().filter(|it| it.node == node && it.left.front() == Some(&id));
        let channels: Vec<ChannelId> = theirs.map(|it| it.channel).collect();
        channels.into_iter().for_each(|channel| self.resized(channel, None, out));
    }

    /// The command that changes members is applied.
    pub(super) fn members_changed(
        &mut self,
        id: QueueId,
        (base, members): (u64, &[NodeId]),
        asked: Option<ChannelId>,
        out: &mut Out<'_>,
    ) {
        let Some(group) = self.group_mut(id) else { return };
        let is_next = base == group.members_at;
        if is_next {
            let (at, led) = (group.applied(), group.leads());
            group.set_members(id, at, members, out);
            if led {
                self.tell_members(id, out);
            }
        }
        if let Some(channel) = asked {
            let fails = (!is_next).then_some("cluster_change_not_permitted");
            self.resized(channel, fails, out);
        }
    }

    /// The leader of a queue tells the definitions who its members are.
    pub(super) fn tell_members(&mut self, id: QueueId, out: &mut Out<'_>) {
        let Some(queue) = self.queues.get(&id) else { return };
        let Some(group) = queue.group.as_ref() else { return };
        if self.is_clustered() && group.members_at > queue.members_at {
            let mut members = group.members();
            crate::ordered::Order::order(&mut members[..]);
            let change = Change::Members(queue.name.to_string(), group.members_at, members);
            self.change(&change, None, out);
        }
    }

    /// The definitions tell who the members of a queue are.
    pub(super) fn members_known(
        &mut self,
        id: QueueId,
        at: u64,
        members: &[NodeId],
        out: &mut Out<'_>,
    ) {
        let Some(queue) = self.queues.get_mut(&id).filter(|queue| at > queue.members_at) else {
            return;
        };
        queue.members_at = at;
        queue.promotable.retain(|node| !members.contains(node));
        if let Some(definition) = &queue.definition {
            let members = members.to_vec();
            queue.definition = Some(Rc::new(NewQueue { members, ..(**definition).clone() }));
        }
        if let Some(group) = &mut queue.group {
            group.set_members(id, at, members, out);
        }
    }

    // ---- leaders ----

    /// A tool wants a node to lead a queue.
    pub(super) fn lead_from(
        &mut self,
        channel: ChannelId,
        queue: &str,
        node: u32,
        out: &mut Out<'_>,
    ) -> Result<(), AmqpError> {
        let id = self.quorum_named(queue)?;
        let node = self.numbered(node).filter(|node| self.members_of(id).contains(node));
        let Some(node) = node else {
            return Err(error::precondition_failed("the target node is not a member"));
        };
        if self.leader_of(id) == Some(node) {
            return Err(error::precondition_failed("already_leader"));
        }
        self.move_leader(id, node, out);
        self.send(channel, Method::ManagementOk, out);
        Ok(())
    }

    fn leader_of(&self, id: QueueId) -> Option<NodeId> {
        self.queues.get(&id)?.group.as_ref()?.leader().filter(|node| self.is_up(*node))
    }

    pub(super) fn move_leader(&mut self, id: QueueId, to: NodeId, out: &mut Out<'_>) {
        match self.leader_of(id) {
            Some(leader) if leader == self.me => {
                if let Some(group) = self.group_mut(id) {
                    group.transfer(id, to, out);
                }
            }
            Some(leader) => tell(leader, Talk::Lead(id, to), out),
            None => {}
        }
    }

    /// A tool wants leaders spread over the nodes: none is to lead more than its share, rounded up.
    pub(super) fn rebalance(
        &mut self,
        channel: ChannelId,
        pattern: &str,
        out: &mut Out<'_>,
    ) -> Result<(), AmqpError> {
        let queues = self.matching(pattern)?;
        let up: Vec<NodeId> = self.nodes.iter().copied().filter(|it| self.is_up(*it)).collect();
        let mut led: Vec<(NodeId, Vec<QueueId>)> =
            up.iter().map(|node| (*node, Vec::new())).collect();
        for id in &queues {
            let leader = self.leader_of(*id);
            if let Some((_, theirs)) = led.iter_mut().find(|(node, _)| Some(*node) == leader) {
                theirs.push(*id);
            }
        }
        let share = queues.len().div_ceil(up.len().max(1));
        for from in 0..led.len() {
            let mut at = 0;
            while led[from].1.len() > share && at < led[from].1.len() {
                let id = led[from].1[at];
                let members = self.members_of(id);
                let others =
                    (0..led.len()).filter(|to| *to != from && members.contains(&led[*to].0));
                let to = others.min_by_key(|to| led[*to].1.len());
                let Some(to) = to.filter(|to| led[*to].1.len() < share) else {
                    at += 1;
                    continue;
                };
                led[from].1.remove(at);
                led[to].1.push(id);
                let node = led[to].0;
                self.move_leader(id, node, out);
            }
        }
        let leaders = led.iter().filter(|(_, theirs)| !theirs.is_empty());
        let leaders = leaders
            .map(|(node, theirs)| (self.short_name(*node).to_string(), theirs.len() as u64))
            .collect();
        self.send(channel, Method::ManagementList(Rc::new(Answer::Leaders(leaders))), out);
        Ok(())
    }

    // ---- what may be seen ----

    /// The members of this node, and those of nodes that are down; a classic queue is its own.
    pub(super) fn member_states(&self) -> Vec<MemberState> {
        let mut all = Vec::new();
        for queue in self.queues.values() {
            let members = match (&queue.group, &queue.member) {
                (Some(_), _) if self.is_clustered() => self.replicas_of(queue.id),
                (Some(_), _) => vec![self.me],
                (_, Some(member)) => member.nodes.clone(),
                _ if queue.home.is_none() => vec![self.me],
                _ => Vec::new(),
            };
            // One of those that are up tells of those that are not.
            let first = members.iter().copied().filter(|node| self.is_up(*node)).min();
            for node in members {
                if node == self.me {
                    all.push(self.own_member(queue));
                } else if !self.is_up(node) && first == Some(self.me) {
                    let name = self.short_name(node).to_string();
                    all.push(MemberState { role: "nodedown", term: 0, ..blank(queue, name) });
                }
            }
        }
        all
    }

    fn own_member(&self, queue: &Queue) -> MemberState {
        let mut state = blank(queue, self.name.to_string());
        if queue.promotable.contains(&self.me) && !self.members_of(queue.id).contains(&self.me) {
            state.membership = "promotable";
        }
        if let Some(group) = &queue.group {
            let raft = group.raft();
            state.role = match raft.role() {
                Role::Leader => "leader",
                Role::Follower(_) => "follower",
                Role::PreCandidate => "pre_vote",
                Role::Candidate => "candidate",
            };
            state.term = raft.term();
            state.last = Some(raft.log().last().0);
            state.applied = group.applied();
            state.committed = Some(raft.committed());
            state.first = Some(raft.log().base().0);
        }
        if let Some(member) = &queue.member {
            state.term = member.epoch;
            if member.leader != Some(self.me) {
                state.role = "replica";
            }
        }
        if let Messages::Classic(_) = &queue.storage {
            state.role = "classic";
        }
        if let Messages::Stream(stream) = &queue.storage {
            if queue.member.is_none() {
                state.term = stream.epoch;
            }
            state.last = stream.next.checked_sub(1);
            state.committed = stream.committed().checked_sub(1);
            state.first = (stream.count() > 0).then(|| stream.first());
            state.readers = queue.consumers.count() as u64;
            state.segments = stream.segments.len() as u64;
        }
        state
    }
}

/// A member of which nothing is known but where it is.
fn blank(queue: &Queue, node: String) -> MemberState {
    MemberState {
        queue: queue.name.to_string(),
        is_stream: queue.group.is_none(),
        node,
        role: "writer",
        membership: "voter",
        term: 1,
        last: None,
        applied: 0,
        committed: None,
        first: None,
        readers: 0,
        segments: 0,
    }
}
