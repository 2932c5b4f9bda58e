//! What tools and the lab may look at. Looking changes nothing.

use super::Broker;
use super::arguments;
use crate::ordered::Order;
use crate::rabbit::command::Answer;
use crate::rabbit::exchange::Destination;
use crate::rabbit::inspect::{
    BindingState, CellState, ConsumerState, ExchangeState, Glimpse, QueueState,
};
use crate::rabbit::message::List;
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
            List::Bindings => Answer::Bindings(self.binding_states()),
            List::Consumers => Answer::Consumers(self.consumer_states()),
        }
    }

    /// All exchanges in the order of their names.
    pub fn exchange_states(&self) -> Vec<ExchangeState> {
        let states = self.exchanges.iter().map(|exchange| ExchangeState {
            name: exchange.name.to_string(),
            kind: exchange.declaration.kind.name().to_owned(),
            durable: exchange.declaration.durable,
            auto_delete: exchange.declaration.auto_delete,
            predeclared: exchange.predeclared,
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
            }));
            states[from..].order_by(|a, b| (&a.destination, &a.key).cmp(&(&b.destination, &b.key)));
        }
        states
    }

    /// All queues in the order of their names.
    pub fn queue_states(&self, now: Time) -> Vec<QueueState> {
        self.by_name().map(|queue| queue_state(queue, now)).collect()
    }

    /// All consumers, by queue and registration.
    pub fn consumer_states(&self) -> Vec<ConsumerState> {
        let states = self.by_name().flat_map(|queue| {
            queue.consumers.iter().map(|consumer| ConsumerState {
                queue: queue.name.to_string(),
                tag: consumer.tag.to_string(),
                prefetch: consumer.prefetch,
                ack_required: consumer.ack_required,
                unacked: consumer.unacked,
            })
        });
        states.collect()
    }

    /// At most `limit` messages of a queue from its head on, unacked ones included.
    pub fn glimpse(&self, queue: &str, limit: usize) -> Vec<Glimpse> {
        let Some(queue) = self.queue_ids.get(queue).map(|id| &self.queues[id]) else {
            return Vec::new();
        };
        let text = |key: Option<&Rc<str>>| key.map(|key| key.to_string());
        let mut unacked = queue.unacked_messages().peekable();
        let mut ready = queue.storage.iter().peekable();
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
                    Some((position, message, key)) => Glimpse {
                        position,
                        message,
                        key: text(key),
                        state: CellState::Ready,
                        redelivered: queue.storage.was_delivered(position),
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

fn queue_state(queue: &Queue, now: Time) -> QueueState {
    let consumers = queue.consumers.iter().map(|consumer| consumer.tag.to_string());
    let utilisation = match queue.consumers.count() {
        0 => 0.0,
        _ => queue.consumers.utilisation(now) as f64 / ONE as f64,
    };
    QueueState {
        name: queue.name.to_string(),
        kind: arguments::queue_type(&queue.declaration.arguments).to_owned(),
        durable: queue.declaration.durable,
        auto_delete: queue.declaration.auto_delete,
        ready: queue.storage.ready(),
        unacked: queue.unacked(),
        bytes: queue.bytes(),
        in_memory: queue.storage.in_memory(),
        consumers: consumers.collect(),
        consumer_utilisation: utilisation,
    }
}
