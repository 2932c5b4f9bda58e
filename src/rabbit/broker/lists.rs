//! What tools and the lab may look at. Looking changes nothing.

use super::Broker;
use super::arguments;
use crate::ordered::Order;
use crate::rabbit::alarms::QUEUE_BYTES;
use crate::rabbit::command::Answer;
use crate::rabbit::exchange::Destination;
use crate::rabbit::inspect::{
    BindingState, CellState, ConnectionState, ConsumerState, ExchangeState, Glimpse, NodeState,
    QueueState,
};
use crate::rabbit::message::List;
use crate::rabbit::messages::Messages;
use crate::rabbit::policy::Policy;
use crate::rabbit::queue::Queue;
use crate::rabbit::rates::ONE;
use crate::sim::Time;
use std::rc::Rc;

impl Broker {
    /// True once it serves.
    pub fn is_ready(&self) -> bool {
        matches!(self.phase, super::Phase::Serves)
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
            List::Connections => Answer::Connections(self.connection_states()),
            List::Policies(is_operator) => {
                let policies = self.policies[usize::from(is_operator)].iter();
                Answer::Policies(policies.cloned().collect())
            }
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
        self.by_name().map(|queue| queue_state(queue, &self.name, now)).collect()
    }

    /// True if this queue is a stream.
    pub fn is_stream(&self, queue: &str) -> bool {
        let queue = self.queue_ids.get(queue).map(|id| &self.queues[id]);
        queue.is_some_and(|queue| matches!(queue.storage, Messages::Stream(_)))
    }

    /// All consumers, by queue and registration.
    pub fn consumer_states(&self) -> Vec<ConsumerState> {
        let states = self.by_name().flat_map(|queue| {
            queue.consumers.iter().map(|(id, consumer)| ConsumerState {
                queue: queue.name.to_string(),
                tag: consumer.tag.to_string(),
                prefetch: consumer.prefetch,
                ack_required: consumer.ack_required,
                active: queue.consumers.is_active(id),
                activity: match (queue.consumers.is_single(), queue.consumers.is_active(id)) {
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
    pub fn connection_states(&self) -> Vec<ConnectionState> {
        let clients = self.connections.values().filter(|connection| !connection.is_tool);
        let states = clients.map(|connection| ConnectionState {
            name: connection.name.to_string(),
            state: self.connection_state(connection),
            channels: connection.channels.len() as u64,
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
            connections: self.connection_states().len() as u64,
            queues: self.queues.len() as u64,
        }
    }

    /// At most `limit` messages of a queue from its head on, unacked ones included.
    pub fn glimpse(&self, queue: &str, limit: usize) -> Vec<Glimpse> {
        let Some(queue) = self.queue_ids.get(queue).map(|id| &self.queues[id]) else {
            return Vec::new();
        };
        let text = |key: Option<&Rc<str>>| key.map(|key| key.to_string());
        let mut unacked = queue.unacked_messages().peekable();
        let mut ready = queue.storage.first(limit).into_iter().peekable();
        let mut glimpses = Vec::new();
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
                    None => break,
                },
            });
        }
        glimpses
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

fn queue_state(queue: &Queue, node: &str, now: Time) -> QueueState {
    let consumers = queue.consumers.iter().map(|(_, consumer)| consumer.tag.to_string());
    let [policy, operator_policy] =
        queue.policies.each_ref().map(|policy| policy.as_ref().map(|name| name.to_string()));
    let utilisation = match queue.consumers.count() {
        0 => 0.0,
        _ => queue.consumers.utilisation(now) as f64 / ONE as f64,
    };
    let is_stream = matches!(queue.storage, Messages::Stream(_));
    let is_member = is_stream || queue.group.is_some();
    let members: Vec<String> = is_member.then(|| node.to_owned()).into_iter().collect();
    QueueState {
        name: queue.name.to_string(),
        kind: arguments::queue_type(&queue.declaration.arguments).to_owned(),
        leader: match &queue.group {
            Some(group) => group.leads().then(|| node.to_owned()),
            None => is_stream.then(|| node.to_owned()),
        },
        members: members.clone(),
        online: members,
        delivery_limit: queue.delivery_limit(),
        durable: queue.declaration.durable,
        auto_delete: queue.declaration.auto_delete,
        exclusive: queue.exclusive.is_some(),
        arguments: queue.declaration.arguments.clone(),
        policy,
        operator_policy,
        ready: queue.storage.ready(),
        unacked: queue.unacked(),
        bytes: queue.bytes(),
        in_memory: queue.storage.in_memory(),
        memory: queue.memory_bytes() + QUEUE_BYTES,
        consumers: consumers.collect(),
        consumer_utilisation: utilisation,
    }
}
