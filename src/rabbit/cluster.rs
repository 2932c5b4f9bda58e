//! The RabbitMQ world as the lab holds it: processes by name, and what may be looked at.

use super::broker::Broker;
use super::command::Command;
use super::event::Event;
use super::inspect::{
    BindingState, ClientState, ConnectionState, ConsumerState, ExchangeState, Glimpse, QueueState,
};
use super::policy::Policy;
use super::process::{Process, Role};
use super::spec::Spec;
use crate::sim::{CostModel, Disk, Happening, NodeId, Saved, SavedProcess, World};
use std::rc::Rc;

/// A RabbitMQ-style broker and its clients.
#[derive(Clone)]
pub struct Cluster {
    /// The world they live in: time, faults, disks.
    pub world: World<Process>,
}

impl Cluster {
    /// An empty world.
    pub fn new(seed: u64, cost: CostModel) -> Cluster {
        Cluster { world: World::new(seed, "rabbit", cost) }
    }

    /// The world that a crash of every process would have left where this was saved: see
    /// [`World::restored`].
    pub fn restored(seed: u64, cost: CostModel, saved: Saved<Spec>) -> Cluster {
        let is_broker = |process: &&SavedProcess<Spec>| matches!(process.node, Spec::Broker { .. });
        let all = saved.processes.iter().filter(is_broker).map(|process| process.id);
        let brokers: Vec<NodeId> = all.collect();
        let saved = saved.map(|id, name, spec| {
            let before = brokers.iter().filter(|broker| **broker < id).copied();
            Process::new(name, spec, before.collect())
        });
        Cluster { world: World::restored(seed, "rabbit", cost, saved) }
    }

    /// Adds a process on a machine of its own, with the files its disk already holds, and starts
    /// it. Nodes are called `rabbit-1`, ...; clients have the names of their specs; the admin
    /// client is called `rabbit-admin`. A client knows the brokers that are there already. Panics
    /// if the name is taken.
    pub fn add(&mut self, name: &str, spec: Spec, disk: Disk) -> NodeId {
        let machine = self.world.add_machine();
        let process = Process::new(name, spec, self.brokers().collect());
        let id = self.world.add(name, machine, process, disk);
        self.world.start(id);
        id
    }

    /// Adds a client that is told every frame it says, for tests, and starts it.
    pub fn add_probe(&mut self, name: &str) -> NodeId {
        let machine = self.world.add_machine();
        let process = Process::probe(name, self.brokers().collect());
        let id = self.world.add(name, machine, process, Disk::default());
        self.world.start(id);
        id
    }

    /// The configuration of a process, for saving.
    pub fn spec(&self, id: NodeId) -> &Spec {
        self.world.node(id).spec()
    }

    /// Asks something of a process.
    pub fn command(&mut self, id: NodeId, command: Command) {
        self.world.command(id, Rc::new(command));
    }

    /// What happened since this was last called.
    pub fn take_happenings(&mut self) -> Vec<Happening<Event>> {
        self.world.take_happenings()
    }

    /// All exchanges in the order of their names.
    pub fn exchanges(&self) -> Vec<ExchangeState> {
        self.broker().map(Broker::exchange_states).unwrap_or_default()
    }

    /// All bindings, by source, destination and key; those of the default exchange are implied.
    pub fn bindings(&self) -> Vec<BindingState> {
        self.broker().map(Broker::binding_states).unwrap_or_default()
    }

    /// All queues in the order of their names.
    pub fn queues(&self) -> Vec<QueueState> {
        let now = self.world.now();
        self.broker().map(|broker| broker.queue_states(now)).unwrap_or_default()
    }

    /// True if this queue is a stream.
    pub fn is_stream(&self, queue: &str) -> bool {
        self.broker().is_some_and(|broker| broker.is_stream(queue))
    }

    /// All registered consumers, by queue and registration.
    pub fn consumers(&self) -> Vec<ConsumerState> {
        self.broker().map(Broker::consumer_states).unwrap_or_default()
    }

    /// All connections of clients, by client.
    pub fn connections(&self) -> Vec<ConnectionState> {
        self.broker().map(Broker::connection_states).unwrap_or_default()
    }

    /// All policies of users, by name.
    pub fn policies(&self) -> Vec<Policy> {
        self.broker().map(Broker::user_policies).unwrap_or_default()
    }

    /// What the node lacks: `memory`, `disk`.
    pub fn alarms(&self) -> Vec<&'static str> {
        self.broker().map(|broker| broker.node_state().alarms).unwrap_or_default()
    }

    /// At most `limit` messages of a queue from its head on, unacked ones included.
    pub fn glimpse(&self, queue: &str, limit: usize) -> Vec<Glimpse> {
        self.broker().map(|broker| broker.glimpse(queue, limit)).unwrap_or_default()
    }

    /// All publishers and consumers in the order in which they came.
    pub fn clients(&self) -> Vec<ClientState> {
        let clients = self.world.ids().filter_map(|id| {
            let (name, status) = (self.world.name(id), self.world.status(id));
            match &self.world.node(id).role {
                Role::Publisher(publisher) => Some(publisher.state(name, status)),
                Role::Consumer(consumer) => Some(consumer.state(name, status)),
                Role::Broker(_) | Role::Admin(_) | Role::Probe(_) => None,
            }
        });
        clients.collect()
    }

    /// True once the process finished its start: a broker serves, a client is ready to work.
    pub fn is_ready(&self, id: NodeId) -> bool {
        let is_alive = self.world.status(id).is_alive();
        is_alive
            && match &self.world.node(id).role {
                Role::Broker(broker) => broker.is_ready(),
                Role::Publisher(publisher) => publisher.is_ready(),
                Role::Consumer(consumer) => consumer.is_ready(),
                // It connects when it is asked something.
                Role::Admin(_) | Role::Probe(_) => true,
            }
    }

    fn brokers(&self) -> impl Iterator<Item = NodeId> {
        let is_broker = |id: &NodeId| matches!(self.world.node(*id).role, Role::Broker(_));
        self.world.ids().filter(is_broker)
    }

    /// The node that is looked at. Simplified: there is one.
    fn broker(&self) -> Option<&Broker> {
        self.world.ids().find_map(|id| match &self.world.node(id).role {
            Role::Broker(broker) => Some(&**broker),
            _ => None,
        })
    }
}
