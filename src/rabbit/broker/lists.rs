//! What tools and the lab may look at. Looking changes nothing.

use super::Broker;
use super::arguments;
use crate::ordered::Order;
use crate::rabbit::alarms::QUEUE_BYTES;
use crate::rabbit::channel::Mode;
use crate::rabbit::command::Answer;
use crate::rabbit::exchange::Destination;
use crate::rabbit::inspect::{
    BindingState, CellState, ChannelState, ConnectionState, ConsumerState, ExchangeState, Glimpse,
    NodeState, QueueState,
};
use crate::rabbit::message::List;
use crate::rabbit::messages::Messages;
use crate::rabbit::policy::Policy;
use crate::rabbit::profile::Profile;
use crate::rabbit::queue::Queue;
use crate::rabbit::quorum::Group;
use crate::rabbit::rates::ONE;
use crate::raft::Raft;
use crate::sim::{MessageId, NodeId, Time};
use std::rc::Rc;

impl Broker {
    /// True once it serves.
    pub fn is_ready(&self) -> bool {
        matches!(self.phase, super::Phase::Serves)
    }

    /// True if it has read what it has of its queues.
    pub fn knows_all(&self) -> bool {
        !matches!(self.phase, super::Phase::Boots(_))
    }

    /// How well it knows a queue; zero if it has nothing of it.
    pub fn certainty_of(&self, queue: &str) -> u64 {
        let found = self.queue_ids.get(queue).map(|id| &self.queues[id]);
        found.map_or(0, |queue| self.place_of(queue).certainty)
    }

    pub(super) fn list(&self, list: List, now: Time) -> Answer {
        match list {
            List::Queues => Answer::Queues(self.queue_states(now)),
            List::Exchanges => Answer::Exchanges(self.exchange_states()),
            List::Bindings => {
                // Every queue is bound to the default exchange with its name.
                let mut all: Vec<BindingState> = self.by_name().map(implicit_binding).collect();
                all.extend(self.binding_states());
                Answer::Bindings(all)
            }
            List::Consumers => Answer::Consumers(self.consumer_states()),
            List::Channels => Answer::Channels(self.channel_states()),
            List::Connections => Answer::Connections(self.connection_states(now)),
            List::Policies(is_operator) => {
                let policies = self.policies[usize::from(is_operator)].iter();
                Answer::Policies(policies.cloned().collect())
            }
            List::Members => Answer::Members(self.member_states()),
            List::Status => Answer::Node(Box::new(self.node_state())),
        }
    }

    /// All exchanges in the order of their names.
    pub fn exchange_states(&self) -> Vec<ExchangeState> {
        let states = self.exchanges.iter().map(|exchange| ExchangeState {
            name: exchange.name.to_string(),
            kind: exchange.declaration.kind.name().to_owned(),
            durable: exchange.declaration.durable,
            auto_delete: exchange.declaration.auto_delete,
            internal: exchange.declaration.internal,
            predeclared: exchange.predeclared,
            arguments: exchange.declaration.arguments.clone(),
            policy: exchange.policy.as_ref().map(|name| name.to_string()),
        });
        states.collect()
    }

    /// All bindings, by source, destination and key.
    pub fn binding_states(&self) -> Vec<BindingState> {
        let mut states: Vec<BindingState> = Vec::new();
        for exchange in self.exchanges.iter() {
            let from = states.len();
            states.extend(exchange.bindings().iter().map(|binding| BindingState {
                source: exchange.name.to_string(),
                destination: self.destination_name(&binding.destination).to_string(),
                destination_kind: match binding.destination {
                    Destination::Queue(_) => "queue".to_owned(),
                    Destination::Exchange(_) => "exchange".to_owned(),
                },
                key: binding.key.to_string(),
                arguments: binding.arguments.clone(),
            }));
            states[from..].order_by(|a, b| (&a.destination, &a.key).cmp(&(&b.destination, &b.key)));
        }
        states
    }

    /// All queues in the order of their names.
    pub fn queue_states(&self, now: Time) -> Vec<QueueState> {
        self.by_name().map(|queue| self.state_of(queue, now)).collect()
    }

    /// The queue of this name.
    pub fn queue_state(&self, name: &str, now: Time) -> Option<QueueState> {
        let queue = &self.queues[self.queue_ids.get(name)?];
        Some(self.state_of(queue, now))
    }

    /// True if this queue is a stream.
    pub fn is_stream(&self, queue: &str) -> bool {
        let queue = self.queue_ids.get(queue).map(|id| &self.queues[id]);
        queue.is_some_and(|queue| matches!(queue.storage, Messages::Stream(_)))
    }

    /// The classic queues of which this node takes itself for the home.
    pub fn queues_here(&self) -> impl Iterator<Item = Rc<str>> {
        let classic =
            |queue: &&Queue| queue.home.is_none() && matches!(queue.storage, Messages::Classic(_));
        self.queues.values().filter(classic).map(|queue| queue.name.clone())
    }

    /// All consumers, by queue and registration.
    pub fn consumer_states(&self) -> Vec<ConsumerState> {
        let own = self.by_name().filter(|queue| self.speaks_for(queue));
        let states = own.flat_map(|queue| {
            queue.consumers.iter().map(|(id, consumer)| ConsumerState {
                queue: queue.name.to_string(),
                tag: consumer.tag.to_string(),
                prefetch: consumer.prefetch,
                ack_required: consumer.ack_required,
                active: match queue.consumers.is_single() {
                    false => !consumer.is_suspected,
                    true => queue.consumers.is_active(id),
                },
                activity: match (queue.consumers.is_single(), queue.consumers.is_active(id)) {
                    (false, _) if consumer.is_suspected => "suspected_down",
                    (false, _) => "up",
                    (true, true) => "single_active",
                    (true, false) => "waiting",
                },
                exclusive: consumer.exclusive,
                priority: consumer.priority,
                unacked: consumer.unacked,
            })
        });
        states.collect()
    }

    /// All connections, by client.
    pub fn connection_states(&self, now: Time) -> Vec<ConnectionState> {
        let clients = self.connections.values().filter(|connection| !connection.is_tool);
        let states = clients.map(|connection| ConnectionState {
            name: connection.name.to_string(),
            state: self.connection_state(connection, now),
            channels: connection.channels.len() as u64,
        });
        states.collect()
    }

    /// All channels of clients, by client and number.
    pub(super) fn channel_states(&self) -> Vec<ChannelState> {
        let clients = self.connections.values().filter(|connection| !connection.is_tool);
        let channels = clients.flat_map(|connection| connection.channels.iter());
        let states = channels.map(|(number, channel)| {
            let (confirms, unconfirmed) = match &channel.mode {
                Mode::Confirm(confirming) => (true, confirming.waiting.outstanding().count()),
                _ => (false, 0),
            };
            let (transactional, uncommitted) = match &channel.mode {
                Mode::Transaction(transaction) => (true, transaction.uncommitted()),
                _ => (false, (0, 0)),
            };
            ChannelState {
                number,
                consumers: channel.consumers.len() as u64,
                unacked: channel.unacked(),
                unconfirmed: unconfirmed as u64,
                uncommitted,
                confirms,
                transactional,
                prefetch: channel.prefetch,
            }
        });
        states.collect()
    }

    /// All policies of users, by name.
    pub fn user_policies(&self) -> Vec<Policy> {
        self.policies[0].iter().cloned().collect()
    }

    /// The node itself.
    pub fn node_state(&self) -> NodeState {
        let alarms = &self.alarms;
        let lacking = [("memory", alarms.lacks_memory()), ("disk", alarms.lacks_disk())];
        let lacking = lacking.into_iter().filter(|(_, is)| *is).map(|(name, _)| name);
        NodeState {
            name: self.name.to_string(),
            version: self.profile.version(),
            memory: alarms.used_bytes,
            memory_limit: alarms.watermark.bytes(alarms.memory_bytes),
            memory_total: alarms.memory_bytes,
            disk_free: alarms.free_bytes,
            disk_free_limit: alarms.disk_free_limit,
            alarms: lacking.collect(),
            alarms_elsewhere: self.alarms_elsewhere(),
            cluster: match self.is_clustered() {
                true => self.nodes.iter().map(|node| self.cluster_node(*node)).collect(),
                false => vec![(self.name.to_string(), true)],
            },
            drained: self.drained(),
            connections: self.connections.values().filter(|it| !it.is_tool).count() as u64,
            queues: self.queues.len() as u64,
        }
    }

    /// The groups that it is a member of, by a number that is the group's own on all nodes.
    pub fn groups(&self) -> impl Iterator<Item = (u64, &Raft)> {
        let metadata = self.metadata.iter().map(|group| (u64::MAX, group.raft()));
        let queues = self
            .queues
            .iter()
            .filter_map(|(id, queue)| Some((u64::from(id.0), queue.group.as_ref()?.raft())));
        metadata.chain(queues)
    }

    /// Of each message that is delivered and not acknowledged: its queue, and its deaths.
    pub fn deaths(&self) -> impl Iterator<Item = (Rc<str>, MessageId, u64)> {
        self.queues.values().flat_map(|queue| {
            let dead = queue.unacked_messages().filter_map(|(_, content)| {
                Some((content.id, content.annotations.as_ref()?.death_count()))
            });
            dead.map(|(message, count)| (queue.name.clone(), message, count))
        })
    }

    /// At most `limit` messages of a queue from its head on, unacked ones included.
    pub fn glimpse(&self, queue: &str, limit: usize) -> Vec<Glimpse> {
        let Some(queue) = self.queue_ids.get(queue).map(|id| &self.queues[id]) else {
            return Vec::new();
        };
        let text = |key: Option<&Rc<str>>| key.map(|key| key.to_string());
        let mut unacked = queue.unacked_messages().peekable();
        let mut ready = queue.storage.first(limit).into_iter().peekable();
        let dead = queue.graves.iter().take(limit).map(|grave| Glimpse {
            position: grave.item.seq,
            message: grave.item.content.id,
            key: text(grave.item.content.key.as_ref()),
            state: CellState::Dead,
            redelivered: false,
        });
        let mut glimpses: Vec<Glimpse> = dead.collect();
        let mut delayed = queue.storage.delayed();
        while glimpses.len() < limit {
            let next = match (unacked.peek(), ready.peek()) {
                (Some((first, _)), Some((second, ..))) if first < second => unacked.next(),
                (Some(_), None) => unacked.next(),
                _ => None,
            };
            glimpses.push(match next {
                Some((position, content)) => Glimpse {
                    position,
                    message: content.id,
                    key: text(content.key.as_ref()),
                    state: CellState::Unacked,
                    redelivered: false,
                },
                None => match ready.next() {
                    Some((position, message, key, redelivered)) => Glimpse {
                        position,
                        message,
                        key: text(key),
                        state: CellState::Ready,
                        redelivered,
                    },
                    None => match delayed.next() {
                        Some((_, item)) => Glimpse {
                            position: item.seq,
                            message: item.content.id,
                            key: text(item.content.key.as_ref()),
                            state: CellState::Delayed,
                            redelivered: true,
                        },
                        None => break,
                    },
                },
            });
        }
        glimpses
    }

    /// Which nodes have said that they lack memory or disk.
    fn alarms_elsewhere(&self) -> Vec<(String, &'static str)> {
        let peers = self.peers.iter().filter_map(|peer| Some((peer.id, peer.alarm?)));
        let each = peers.flat_map(|(id, reason)| {
            let kinds = ["memory", "disk"].into_iter().filter(move |kind| reason.contains(kind));
            kinds.map(move |kind| (self.short_name(id).to_string(), kind))
        });
        each.collect()
    }

    fn cluster_node(&self, node: NodeId) -> (String, bool) {
        let is_up = node == self.me || self.others_up().contains(&node);
        (self.short_name(node).to_string(), is_up)
    }

    /// True if this node is the one that tells about a queue: what is elsewhere is told there.
    fn speaks_for(&self, queue: &Queue) -> bool {
        let leads = |group: &Group| !self.is_clustered() || group.leads();
        queue.home.is_none() && queue.group.as_deref().is_none_or(leads)
    }

    /// Where a queue is, and how well this node knows it.
    fn place_of(&self, queue: &Queue) -> Place {
        let name = |node: NodeId| self.short_name(node).to_string();
        if let Some(member) = &queue.member {
            let up = |node: &&NodeId| self.is_up(**node);
            let leader = member.leader.filter(|node| self.is_up(*node)).map(name);
            let count = queue.storage.ready();
            return Place {
                node: leader.clone(),
                state: "running",
                certainty: match member.leader == Some(self.me) {
                    true => u64::MAX - 1,
                    false => u64::from(member.nodes.contains(&self.me)) + count,
                },
                leader,
                members: member.nodes.iter().copied().map(name).collect(),
                online: member.nodes.iter().filter(up).copied().map(name).collect(),
            };
        }
        let Some(group) = queue.group.as_deref() else {
            let (home, state) = match queue.home {
                Some(home) if !self.is_up(home) => (home, "down"),
                Some(home) => (home, "running"),
                None => (self.me, "running"),
            };
            let certainty = if queue.home.is_none() { u64::MAX } else { 0 };
            let node = if self.is_clustered() { name(home) } else { self.name.to_string() };
            let is_stream = matches!(queue.storage, Messages::Stream(_));
            let members: Vec<String> = is_stream.then(|| node.clone()).into_iter().collect();
            let (leader, online) = (members.first().cloned(), members.clone());
            return Place { node: Some(node), state, certainty, leader, members, online };
        };
        if !self.is_clustered() {
            let members = vec![self.name.to_string()];
            let leader = group.leads().then(|| self.name.to_string());
            let (node, online) = (leader.clone(), members.clone());
            return Place { node, state: "running", certainty: u64::MAX, leader, members, online };
        }
        let up = |node: &NodeId| self.is_up(*node);
        let members = self.replicas_of(queue.id);
        let online: Vec<NodeId> = members.iter().copied().filter(up).collect();
        let leader = group.leader().filter(up);
        let voters = group.members();
        let voting = voters.iter().copied().filter(up).count();
        let state = if voting * 2 > voters.len() { "running" } else { "minority" };
        let leader = leader.map(name);
        Place {
            node: leader.clone(),
            state,
            certainty: if group.leads() { u64::MAX - 1 } else { 1 + group.applied() },
            leader,
            members: members.into_iter().map(name).collect(),
            online: online.into_iter().map(name).collect(),
        }
    }

    fn by_name(&self) -> impl Iterator<Item = &Queue> {
        self.queue_ids.values().map(|id| &self.queues[id])
    }
}

fn implicit_binding(queue: &Queue) -> BindingState {
    BindingState {
        source: String::new(),
        destination: queue.name.to_string(),
        destination_kind: "queue".to_owned(),
        key: queue.name.to_string(),
        arguments: Default::default(),
    }
}

/// Where a queue is.
#[derive(Default)]
struct Place {
    node: Option<String>,
    state: &'static str,
    certainty: u64,
    leader: Option<String>,
    members: Vec<String>,
    online: Vec<String>,
}

impl Broker {
    /// The nodes that mirror a queue, the oldest mirror first; or those that lack nothing.
    fn mirrors_of(&self, queue: &Queue, synchronised: bool) -> Vec<String> {
        let all = queue.mirroring.mirrors.all.iter();
        let chosen = all.filter(|mirror| mirror.is_synchronised || !synchronised);
        chosen.map(|mirror| self.short_name(mirror.node).to_string()).collect()
    }

    fn tells_delays(&self, queue: &Queue) -> Option<String> {
        let is_known = self.profile == Profile::V4_3 && queue.group.is_some();
        let text = queue.delayed_retry().map_or("disabled".to_owned(), |retry| retry.text());
        is_known.then_some(text)
    }

    fn state_of(&self, queue: &Queue, now: Time) -> QueueState {
        let Place { node, state, certainty, leader, members, online } = self.place_of(queue);
        let consumers = queue.consumers.iter().map(|(_, consumer)| consumer.tag.to_string());
        let [policy, operator_policy] =
            queue.policies.each_ref().map(|policy| policy.as_ref().map(|name| name.to_string()));
        let stream = match &queue.storage {
            Messages::Stream(stream) => Some(stream),
            _ => None,
        };
        let utilisation = match queue.consumers.count() {
            0 => 0.0,
            _ => queue.consumers.utilisation(now) as f64 / ONE as f64,
        };
        QueueState {
            name: queue.name.to_string(),
            kind: match self.is_jms() {
                true => "jms",
                false => arguments::queue_type(&queue.declaration.arguments),
            }
            .to_owned(),
            node,
            state,
            certainty,
            leader,
            members,
            online,
            mirrors: self.is_mirrored(queue).then(|| self.mirrors_of(queue, false)),
            synchronised: self.mirrors_of(queue, true),
            delivery_limit: queue.delivery_limit(),
            durable: queue.declaration.durable,
            auto_delete: queue.declaration.auto_delete,
            exclusive: queue.exclusive.is_some(),
            arguments: queue.declaration.arguments.clone(),
            policy,
            operator_policy,
            ready: queue.storage.ready(),
            unacked: queue.unacked(),
            delayed: queue.storage.delayed_count(),
            delayed_retry: self.tells_delays(queue),
            dead: queue.graves.count(),
            bytes: queue.bytes(),
            unacked_bytes: queue.unacked_bytes(),
            committed_offset: stream.and_then(|stream| stream.committed().checked_sub(1)),
            segments: stream.map(|stream| stream.segments.len() as u64),
            in_memory: queue.storage.in_memory(),
            memory: queue.memory_bytes() + QUEUE_BYTES,
            consumers: consumers.collect(),
            consumer_utilisation: utilisation,
        }
    }
}
