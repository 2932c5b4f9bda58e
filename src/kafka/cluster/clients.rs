//! What may be seen of the clients: what they hold, what they have done, where they are.

use super::Cluster;
use crate::kafka::client::metrics::Metric;
use crate::kafka::consumer::Consumer;
use crate::kafka::event::{InHands, TopicPartition};
use crate::kafka::inspect::{ClientKind, ClientState};
use crate::kafka::process::Program;
use crate::kafka::producer::Producer;
use crate::kafka::spec::{ConsumerSpec, Spec};
use crate::sim::{MessageId, NodeId, Time};

/// How many of the messages in a client's memory are named; the rest is counted.
const HELD_MAX: usize = 1_000;

impl Cluster {
    /// The configuration of a consumer.
    pub fn consumer(&self, name: &str) -> Option<&ConsumerSpec> {
        match self.spec(self.world.id(name)?) {
            Spec::Consumer(spec) => Some(spec),
            _ => None,
        }
    }

    /// Of the records that a consumer has in hands those that its group has committed past.
    pub fn passed_over(&self, id: NodeId, held: &[InHands]) -> Vec<MessageId> {
        let Program::Consumer(consumer) = self.world.node(id).program() else { return Vec::new() };
        let Some(group) = consumer.spec().reads.group() else { return Vec::new() };
        let servers = self.brokers().filter_map(|(_, broker)| broker.server());
        let Some(group) = servers.filter_map(|server| server.groups.get(group)).next() else {
            return Vec::new();
        };
        let passed = held.iter().filter(|(partition, offset, _)| {
            group.offsets.get(partition).is_some_and(|committed| committed.offset > *offset)
        });
        passed.map(|(_, _, message)| *message).collect()
    }

    /// What a consumer was handed and has not handled.
    pub fn in_hands(&self, id: NodeId) -> Vec<InHands> {
        match self.world.node(id).program() {
            Program::Consumer(consumer) => consumer.in_hands(),
            _ => Vec::new(),
        }
    }

    /// The partitions that a consumer reads.
    pub fn assignment(&self, id: NodeId) -> Vec<TopicPartition> {
        match self.world.node(id).program() {
            Program::Consumer(consumer) => consumer.assignment().cloned().collect(),
            _ => Vec::new(),
        }
    }

    /// All producers and consumers in the order in which they came.
    pub fn clients(&self) -> Vec<ClientState> {
        self.world.ids().filter_map(|id| self.state_of(id)).collect()
    }

    /// The producer or consumer of this name.
    pub fn client(&self, name: &str) -> Option<ClientState> {
        self.state_of(self.world.id(name)?)
    }

    /// What a producer or a consumer counted in this life, as Kafka's own metrics.
    pub fn metrics_of(&self, id: NodeId) -> Vec<Metric> {
        match self.world.node(id).program() {
            Program::Producer(producer) => producer.metrics(self.world.now()),
            Program::Consumer(consumer) => consumer.metrics(self.world.now()),
            _ => Vec::new(),
        }
    }

    fn state_of(&self, id: NodeId) -> Option<ClientState> {
        match self.world.node(id).program() {
            Program::Producer(producer) => Some(self.producer_state(id, producer)),
            Program::Consumer(consumer) => Some(self.consumer_state(id, consumer)),
            Program::Broker(_)
            | Program::Controller(_)
            | Program::Admin(_)
            | Program::ZooKeeper(_) => None,
        }
    }

    fn producer_state(&self, id: NodeId, producer: &Producer) -> ClientState {
        let book = producer.book();
        let (count, bytes) = producer.accumulator().held();
        let blocked = producer.blocked().map(|record| record.id);
        let held = producer.accumulator().messages().chain(blocked);
        ClientState {
            kind: ClientKind::Producer,
            group: None,
            got: book.got,
            done: book.done,
            held: held.take(HELD_MAX).collect(),
            held_count: count + producer.blocked().count() as u64,
            held_bytes: bytes,
            busy_until: None,
            positions: Vec::new(),
            parked_since: None,
            failed: book.failed,
            effects: 0,
            ..self.client_state(id)
        }
    }

    fn consumer_state(&self, id: NodeId, consumer: &Consumer) -> ClientState {
        let book = consumer.book();
        let held = consumer.held().filter_map(|held| held.message);
        let positions = consumer.positions().map(|(tp, offset)| (tp.clone(), offset));
        ClientState {
            group: consumer.spec().reads.group().cloned(),
            got: book.got,
            done: book.done,
            held: held.take(HELD_MAX).collect(),
            held_count: consumer.held().count() as u64,
            held_bytes: consumer.held().map(|held| u64::from(held.bytes)).sum(),
            memory: consumer.memory(),
            busy_until: consumer.busy_until(),
            positions: positions.collect(),
            parked_since: self.parked_since(id),
            effects: book.effects,
            store: consumer.store(),
            ..self.client_state(id)
        }
    }

    fn client_state(&self, id: NodeId) -> ClientState {
        ClientState {
            name: self.world.name(id).to_owned(),
            kind: ClientKind::Consumer,
            status: self.world.status(id),
            group: None,
            got: 0,
            done: 0,
            held: Vec::<MessageId>::new(),
            held_count: 0,
            held_bytes: 0,
            memory: None,
            busy_until: None,
            positions: Vec::new(),
            parked_since: None,
            failed: 0,
            effects: 0,
            store: Vec::new(),
        }
    }

    fn parked_since(&self, client: NodeId) -> Option<Time> {
        let servers = self.brokers().filter_map(|(_, broker)| broker.server());
        servers.filter_map(|server| server.parked_since(client)).min()
    }
}
