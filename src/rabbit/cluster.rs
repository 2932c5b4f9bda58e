//! The RabbitMQ world as the lab holds it: processes by name, and what may be looked at.

use super::command::Command;
use super::event::Event;
use super::inspect::{
    BindingState, ClientState, ConsumerState, ExchangeState, Glimpse, QueueState,
};
use super::spec::Spec;
use crate::sim::{
    CostModel, Disk, Happening, Input, Message, Node, NodeId, Outbox, Span, Time, World,
};

/// What the processes of this world say to each other: filled by the engine.
#[derive(Clone, Debug)]
pub enum Method {}

impl Message for Method {
    fn size_bytes(&self) -> u64 {
        match *self {}
    }
    fn kind(&self) -> &'static str {
        match *self {}
    }
}

/// A process of this world.
#[derive(Clone, Debug)]
pub struct Process;

impl Process {
    /// A process that was never started.
    pub fn new(spec: Spec) -> Process {
        let _ = spec;
        Process
    }
}

impl Node for Process {
    type Message = Method;
    type Timer = ();
    type Ticket = ();
    type Command = Command;
    type Event = Event;
    fn step(&mut self, _input: Input<Self>, _out: &mut Outbox<'_, Self>) {}
    fn restarted(&self) -> Self {
        Process
    }
}

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

    /// Adds a process on a machine of its own, with the files its disk already holds, and starts
    /// it. Nodes are called `rabbit-1`, ...; clients have the names of their specs; the admin
    /// client is called `rabbit-admin`. Panics if the name is taken.
    pub fn add(&mut self, name: &str, spec: Spec, disk: Disk) -> NodeId {
        let _ = spec;
        let machine = self.world.add_machine();
        let id = self.world.add(name, machine, Process, disk);
        self.world.start(id);
        id
    }

    /// The configuration of a process, for saving.
    pub fn spec(&self, id: NodeId) -> &Spec {
        let _ = id;
        &Spec::Admin
    }

    /// Asks something of a process.
    pub fn command(&mut self, id: NodeId, command: Command) {
        self.world.command(id, command);
    }

    /// What happened since this was last called.
    pub fn take_happenings(&mut self) -> Vec<Happening<Event>> {
        self.world.take_happenings()
    }

    /// All exchanges in the order of their names.
    pub fn exchanges(&self) -> Vec<ExchangeState> {
        Vec::new()
    }

    /// All bindings, by source, destination and key; those of the default exchange are implied.
    pub fn bindings(&self) -> Vec<BindingState> {
        Vec::new()
    }

    /// All queues in the order of their names.
    pub fn queues(&self) -> Vec<QueueState> {
        Vec::new()
    }

    /// All registered consumers, by queue and registration.
    pub fn consumers(&self) -> Vec<ConsumerState> {
        Vec::new()
    }

    /// At most `limit` messages of a queue from its head on, unacked ones included.
    pub fn glimpse(&self, queue: &str, limit: usize) -> Vec<Glimpse> {
        let _ = (queue, limit);
        Vec::new()
    }

    /// All publishers and consumers in the order in which they came.
    pub fn clients(&self) -> Vec<ClientState> {
        Vec::new()
    }

    /// True once the process finished its start: a broker serves, a client is ready to work.
    pub fn is_ready(&self, id: NodeId) -> bool {
        let _ = (id, Time::ZERO, Span::ZERO);
        false
    }
}
