//! Replicas of streams come and go, and streams find a leader anew, as tools want it.
//!
//! Who has a replica is part of the definitions. A change of it begins an epoch: all members stop,
//! and the best of those that are left or came leads. One replica at a time, and only when a
//! majority has what was there when the epoch began: so any majority of before shares a member
//! with any of after. The leader knows when that is so: it makes the change.
//!
//! A restart is a change in which the replicas stay. As in the real coordinator who is preferred
//! leads only if it is among the first majority to stop, with a log as good as any of theirs.
//!
//! Source: `rabbit_stream_queue:add_replica`, `delete_replica`, `restart_stream`, and
//! `rabbit_stream_coordinator`, which stops all members of a stream when one comes or goes.

use super::Broker;
use crate::rabbit::command::{AmqpError, Answer};
use crate::rabbit::error;
use crate::rabbit::event::Event;
use crate::rabbit::ids::{ChannelId, QueueId};
use crate::rabbit::message::Method;
use crate::rabbit::messages::Messages;
use crate::rabbit::process::Out;
use crate::rabbit::quorum::group::tell;
use crate::rabbit::stream::Stream;
use crate::rabbit::stream::member::Says;
use crate::rabbit::talk::{Change, NewQueue, Talk};
use crate::sim::NodeId;
use std::rc::Rc;

impl Broker {
    /// A stream that a tool names.
    pub(super) fn stream_named(&self, name: &str) -> Result<QueueId, AmqpError> {
        let id = *self.queue_ids.get(name).ok_or_else(|| error::no_queue(name))?;
        match super::arguments::queue_type(&self.queues[&id].declaration.arguments) {
            "stream" => Ok(id),
            "quorum" => Err(error::precondition_failed("quorum_queue_not_supported")),
            _ => Err(error::precondition_failed("classic_queue_not_supported")),
        }
    }

    /// A tool of this node waits for a replica: its leader is to see to it.
    pub(super) fn want_replica(
        &mut self,
        id: QueueId,
        (node, comes): (NodeId, bool),
        out: &mut Out<'_>,
    ) {
        let me = self.me;
        let Some(member) = self.member(id) else { return };
        match member.leader {
            Some(leader) if leader == me => {
                member.wanted = Some((node, comes));
                self.change_replicas(id, out);
            }
            Some(leader) => {
                let epoch = member.epoch;
                tell(leader, Talk::Stream(id, Says::Resize { epoch, node, comes }), out);
            }
            // It is asked again when there is one.
            None => {}
        }
    }

    /// As the leader, when a majority has what was there: what is wanted is changed.
    pub(super) fn change_replicas(&mut self, id: QueueId, out: &mut Out<'_>) {
        let Some(member) = self.member(id).filter(|member| member.is_announced) else { return };
        let Some((node, comes)) = member.wanted.take() else { return };
        let (epoch, mut nodes) = (member.epoch + 1, member.nodes.clone());
        nodes.retain(|it| *it != node);
        if comes {
            nodes.push(node);
            crate::ordered::Order::order(&mut nodes[..]);
        }
        let name = self.queues[&id].name.to_string();
        self.change(&Change::StreamMembers(name, epoch, nodes), None, out);
    }

    /// The definitions say who has a replica from this epoch on.
    pub(super) fn replicas_known(
        &mut self,
        id: QueueId,
        (epoch, nodes): (u64, &[NodeId]),
        out: &mut Out<'_>,
    ) {
        let Some(queue) = self.queues.get_mut(&id) else { return };
        let Some(member) = queue.member.as_mut().filter(|member| epoch > member.epoch) else {
            return;
        };
        member.nodes = nodes.to_vec();
        if let Some(definition) = &queue.definition {
            let members = nodes.to_vec();
            queue.definition = Some(Rc::new(NewQueue { members, ..(**definition).clone() }));
        }
        self.stream_led(id, epoch, None, out);
    }

    // ---- restarts ----

    /// A tool wants a stream to find a leader anew.
    pub(super) fn restart_stream(
        &mut self,
        channel: ChannelId,
        name: &str,
        preferred: Option<u32>,
        out: &mut Out<'_>,
    ) -> Result<(), AmqpError> {
        let id = *self.queue_ids.get(name).ok_or_else(|| error::no_queue(name))?;
        let kind = super::arguments::queue_type(&self.queues[&id].declaration.arguments);
        if kind != "stream" {
            let reason = format!("{{:not_supported_for_type, :rabbit_{kind}_queue}}");
            return Err(error::precondition_failed(reason));
        }
        let preferred = preferred.and_then(|number| self.numbered(number));
        match self.member(id).map(|member| member.epoch + 1) {
            Some(epoch) => {
                self.restarting.push((channel, id, epoch));
                self.change(&Change::StreamRestart(name.to_owned(), epoch, preferred), None, out);
            }
            None => {
                self.with_stream(id, out, |stream, _, means| stream.begin_alone(means.out));
                self.restarting.push((channel, id, 0));
                self.restarted(id, out);
            }
        }
        Ok(())
    }

    /// The definitions say that a stream finds a leader anew.
    pub(super) fn restart_known(
        &mut self,
        id: QueueId,
        (epoch, preferred): (u64, Option<NodeId>),
        out: &mut Out<'_>,
    ) {
        let Some(member) = self.member(id) else { return };
        let is_next = epoch > member.epoch;
        if is_next || epoch == member.epoch && member.leader.is_none() {
            member.preferred = preferred;
        }
        if is_next {
            self.stream_led(id, epoch, None, out);
        }
    }

    /// A stream may have a leader again: tools that wait for that are told which.
    pub(super) fn restarted(&mut self, id: QueueId, out: &mut Out<'_>) {
        let (epoch, leader) = match self.member(id) {
            Some(member) => (member.epoch, member.leader),
            None => (0, Some(self.me)),
        };
        let Some(leader) = leader else { return };
        let is_done = |it: &(ChannelId, QueueId, u64)| it.1 == id && it.2 <= epoch;
        let done: Vec<ChannelId> =
            self.restarting.iter().filter(|it| is_done(it)).map(|it| it.0).collect();
        self.restarting.retain(|it| !is_done(it));
        for channel in done {
            let answer = Answer::Led(self.short_name(leader).to_string());
            self.send(channel, Method::ManagementList(Rc::new(answer)), out);
        }
    }

    // ---- what is left ----

    /// This node has no replica (any more): what is left of one goes, and its readers with it.
    pub(super) fn drop_replica(&mut self, id: QueueId, out: &mut Out<'_>) {
        let Some(queue) = self.queues.get_mut(&id) else { return };
        if !matches!(&queue.storage, Messages::Stream(stream) if stream.next > 0) {
            return;
        }
        let name = queue.name.clone();
        let readers: Vec<_> = queue.consumers.iter().map(|(at, _)| at).collect();
        for reader in readers {
            let queue = self.queues.get_mut(&id).and_then(|queue| queue.consumers.remove(reader));
            let Some(consumer) = queue else { continue };
            let (queue, tag) = (name.clone(), consumer.tag.clone());
            out.emit(Event::ConsumerGone { queue, consumer: tag.clone() });
            if self.has_channel(consumer.channel) {
                self.channel(consumer.channel).consumers.remove(&tag);
                self.send(consumer.channel, Method::BasicCancel { tag }, out);
            }
        }
        self.with_queue(id, out, |queue, means| {
            if let Messages::Stream(stream) = &mut queue.storage {
                stream.delete(means);
                **stream = Stream::new(queue.name.clone(), Some(queue.id));
            }
        });
    }
}
