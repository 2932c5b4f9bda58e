//! The RabbitMQ world as the lab holds it: processes by name, and what may be looked at.

use super::broker::Broker;
use super::command::Command;
use super::event::{Event, GroupStep};
use super::inspect::{
    BindingState, ClientState, ConnectionState, ConsumerState, ExchangeState, Glimpse, QueueState,
};
use super::policy::Policy;
use super::process::{Process, Role};
use super::spec::Spec;
use crate::ordered::{BTreeMap, Order};
use crate::raft::Raft;
use crate::sim::{CostModel, Disk, Happening, MessageId, NodeId, Saved, SavedProcess, World};
use std::rc::Rc;

/// A RabbitMQ-style broker and its clients.
#[derive(Clone)]
pub struct Cluster {
    /// The world they live in: time, faults, disks.
    pub world: World<Process>,
    /// By the number of a queue: up to this entry of its log everything was told.
    told: BTreeMap<u32, u64>,
    /// True if there were queues before, of which nothing was told.
    is_renewed: bool,
}

impl Cluster {
    /// An empty world.
    pub fn new(seed: u64, cost: CostModel) -> Cluster {
        let world = World::new(seed, "rabbit", cost);
        Cluster { world, told: BTreeMap::new(), is_renewed: false }
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
        let world = World::restored(seed, "rabbit", cost, saved);
        Cluster { world, told: BTreeMap::new(), is_renewed: true }
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

    /// What happened since this was last called. What every member of a quorum queue does is told
    /// once: by the first that does it.
    pub fn take_happenings(&mut self) -> Vec<Happening<Event>> {
        let mut told = Vec::new();
        self.swap_happenings(&mut told);
        told
    }

    /// The same in exchange for an empty list, whose room is used for what will be told.
    pub fn swap_happenings(&mut self, told: &mut Vec<Happening<Event>>) {
        self.world.swap_happenings(told);
        if !told.iter().any(|happening| matches!(happening.event, Event::Applies(_))) {
            return;
        }
        let mut is_known = false;
        told.retain(|happening| match &happening.event {
            Event::Applies(step) => {
                is_known = !self.is_news(*step);
                false
            }
            event => !is_known || !event.is_of_queue(),
        });
    }

    /// True if what follows was not told before.
    fn is_news(&mut self, step: GroupStep) -> bool {
        let (queue, index, is_all) = match step {
            GroupStep::Entry(queue, index) => (queue, index, false),
            GroupStep::All(queue, index) => (queue, index, true),
            GroupStep::End => return true,
        };
        match self.told.get_mut(&queue) {
            Some(told) => {
                let is_news = index > *told && !is_all;
                *told = index.max(*told);
                is_news
            }
            // Of a queue that was there before this life of the cluster its leader tells first.
            None if self.is_renewed && !is_all => false,
            None => {
                self.told.insert(queue, index);
                !is_all || self.is_renewed
            }
        }
    }

    /// Every process begins a new life: what was told before has to be told again.
    pub fn renew(&mut self) {
        self.told = BTreeMap::new();
        self.is_renewed = true;
    }

    /// All exchanges in the order of their names.
    pub fn exchanges(&self) -> Vec<ExchangeState> {
        self.broker().map(Broker::exchange_states).unwrap_or_default()
    }

    /// All bindings, by source, destination and key; those of the default exchange are implied.
    pub fn bindings(&self) -> Vec<BindingState> {
        self.broker().map(Broker::binding_states).unwrap_or_default()
    }

    /// All queues in the order of their names, each as the node tells it that knows it best.
    pub fn queues(&self) -> Vec<QueueState> {
        let now = self.world.now();
        let mut all: Vec<QueueState> = Vec::new();
        for broker in self.serving() {
            let states = broker.queue_states(now);
            if all.is_empty() {
                all = states;
                continue;
            }
            for state in states {
                match all.iter_mut().find(|known| known.name == state.name) {
                    Some(known) => known.learn(state),
                    None => all.push(state),
                }
            }
        }
        all.order_by(|a, b| a.name.cmp(&b.name));
        all
    }

    /// The queue of this name, as the node tells it that knows it best.
    pub fn queue(&self, name: &str) -> Option<QueueState> {
        let now = self.world.now();
        let states = self.serving().filter_map(|broker| broker.queue_state(name, now));
        states.reduce(|mut known, state| {
            known.learn(state);
            known
        })
    }

    /// The classic queues of which several nodes take themselves for the master.
    pub fn split_queues(&self) -> Vec<Rc<str>> {
        let mut all: Vec<Rc<str>> = self.serving().flat_map(Broker::queues_here).collect();
        all.order_by(|a, b| a.cmp(b));
        let next = all.iter().skip(1);
        let twice = all.iter().zip(next).filter(|(one, next)| one == next);
        let mut split: Vec<Rc<str>> = twice.map(|(one, _)| one.clone()).collect();
        split.dedup();
        split
    }

    /// True if this queue is a stream.
    pub fn is_stream(&self, queue: &str) -> bool {
        self.broker().is_some_and(|broker| broker.is_stream(queue))
    }

    /// All registered consumers, by queue and registration.
    pub fn consumers(&self) -> Vec<ConsumerState> {
        let mut all: Vec<_> = self.serving().flat_map(Broker::consumer_states).collect();
        all.order_by(|a: &ConsumerState, b| a.queue.cmp(&b.queue));
        all
    }

    /// All connections of clients, by node and client.
    pub fn connections(&self) -> Vec<ConnectionState> {
        let now = self.world.now();
        self.serving().flat_map(|broker| broker.connection_states(now)).collect()
    }

    /// All policies of users, by name.
    pub fn policies(&self) -> Vec<Policy> {
        self.broker().map(Broker::user_policies).unwrap_or_default()
    }

    /// What a node lacks: `memory`, `disk`.
    pub fn alarms_of(&self, name: &str) -> Vec<&'static str> {
        let id = self.world.id(name);
        match id.map(|id| &self.world.node(id).role) {
            Some(Role::Broker(broker)) => broker.node_state().alarms,
            _ => Vec::new(),
        }
    }

    /// What any node lacks: `memory`, `disk`.
    pub fn alarms(&self) -> Vec<&'static str> {
        let mut all: Vec<&'static str> =
            self.serving().flat_map(|broker| broker.node_state().alarms).collect();
        all.order_by(|a, b| b.cmp(a));
        all.dedup();
        all
    }

    /// At most `limit` messages of a queue from its head on, unacked ones included.
    pub fn glimpse(&self, queue: &str, limit: usize) -> Vec<Glimpse> {
        let mut best: Option<(u64, &Broker)> = None;
        for broker in self.serving() {
            let certainty = broker.certainty_of(queue);
            if certainty > best.map_or(0, |(known, _)| known) {
                best = Some((certainty, broker));
            }
        }
        best.map(|(_, broker)| broker.glimpse(queue, limit)).unwrap_or_default()
    }

    /// The members of groups that several nodes share, with a number that is the group's own and
    /// the name of the node.
    pub fn groups(&self) -> Vec<(u64, &str, &Raft)> {
        let serving = self.world.ids().filter_map(|id| match &self.world.node(id).role {
            Role::Broker(broker) if broker.is_clustered() && self.is_ready(id) => {
                Some((self.world.name(id), broker))
            }
            _ => None,
        });
        let members = serving.flat_map(|(name, broker)| {
            broker.groups().map(move |(group, raft)| (group, name, raft))
        });
        members.collect()
    }

    /// Of each message that is delivered and not acknowledged: its queue, and how many deaths its
    /// header `x-death` counts.
    pub fn deaths(&self) -> Vec<(Rc<str>, MessageId, u64)> {
        self.serving().flat_map(Broker::deaths).collect()
    }

    /// All publishers and consumers in the order in which they came.
    pub fn clients(&self) -> Vec<ClientState> {
        self.world.ids().filter_map(|id| self.client_state(id)).collect()
    }

    /// The publisher or consumer of this name.
    pub fn client(&self, name: &str) -> Option<ClientState> {
        self.client_state(self.world.id(name)?)
    }

    /// Bytes of messages that consumers hold.
    pub fn held_bytes(&self) -> u64 {
        let held = self.world.ids().map(|id| match &self.world.node(id).role {
            Role::Consumer(consumer) => consumer.held_bytes(),
            _ => 0,
        });
        held.sum()
    }

    fn client_state(&self, id: NodeId) -> Option<ClientState> {
        let (name, status) = (self.world.name(id), self.world.status(id));
        match &self.world.node(id).role {
            Role::Publisher(publisher) => Some(publisher.state(name, status)),
            Role::Consumer(consumer) => Some(consumer.state(name, status)),
            Role::Broker(_) | Role::Admin(_) | Role::Probe(_) => None,
        }
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

    /// True if all nodes serve.
    pub fn is_whole(&self) -> bool {
        self.brokers().all(|id| self.is_ready(id))
    }

    /// The nodes, in the order in which they came.
    pub fn brokers(&self) -> impl Iterator<Item = NodeId> {
        let is_broker = |id: &NodeId| matches!(self.world.node(*id).role, Role::Broker(_));
        self.world.ids().filter(is_broker)
    }

    /// The nodes that serve; one that is alone also before and after.
    fn serving(&self) -> impl Iterator<Item = &Broker> {
        self.world.ids().filter_map(|id| match &self.world.node(id).role {
            Role::Broker(broker) => {
                let lives = self.world.status(id).is_alive();
                (!broker.is_clustered() || lives && broker.knows_all()).then_some(&**broker)
            }
            _ => None,
        })
    }

    /// The node whose definitions are looked at: the first that serves.
    fn broker(&self) -> Option<&Broker> {
        self.serving().next()
    }
}
