//! The Kafka world as the lab holds it: processes by name, and what may be looked at.

use super::command::Command;
use super::event::{Event, TopicPartition};
use super::inspect::{ClientState, Glimpse, GroupState, TopicState};
use super::spec::Spec;
use crate::sim::{
    CostModel, Disk, Happening, Input, Message, Node, NodeId, Outbox, Saved, Span, Time, World,
};

/// What the processes of this world say to each other: filled by the engine.
#[derive(Clone, Debug)]
pub enum KafkaMessage {}

impl Message for KafkaMessage {
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
    type Message = KafkaMessage;
    type Timer = ();
    type Ticket = ();
    type Command = Command;
    type Event = Event;
    fn step(&mut self, _input: Input<Self>, _out: &mut Outbox<'_, Self>) {}
    fn restarted(&self) -> Self {
        Process
    }
}

/// A Kafka-style cluster and its clients.
#[derive(Clone)]
pub struct Cluster {
    /// The world they live in: time, faults, disks.
    pub world: World<Process>,
}

impl Cluster {
    /// An empty world.
    pub fn new(seed: u64, cost: CostModel) -> Cluster {
        Cluster { world: World::new(seed, "kafka", cost) }
    }

    /// The world that a crash of every process would have left where this was saved: see
    /// [`World::restored`].
    pub fn restored(seed: u64, cost: CostModel, saved: Saved<Spec>) -> Cluster {
        let saved = saved.map(|_, _, spec| Process::new(spec));
        Cluster { world: World::restored(seed, "kafka", cost, saved) }
    }

    /// Adds a process on a machine of its own, with the files its disk already holds, and starts
    /// it. Brokers are called `kafka-1`, ...; clients have the names of their specs; the admin
    /// client is called `kafka-admin`. Panics if the name is taken.
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

    /// All topics in the order of their names, internal ones too.
    pub fn topics(&self) -> Vec<TopicState> {
        Vec::new()
    }

    /// The records `from..to` of a partition, as far as they are in this computer's memory.
    pub fn glimpse(&self, partition: &TopicPartition, from: i64, to: i64) -> Vec<Glimpse> {
        let _ = (partition, from, to);
        Vec::new()
    }

    /// All groups in the order of their ids.
    pub fn groups(&self) -> Vec<GroupState> {
        Vec::new()
    }

    /// All producers and consumers in the order in which they came.
    pub fn clients(&self) -> Vec<ClientState> {
        Vec::new()
    }

    /// True once the process finished its start: a broker serves, a client is ready to work.
    pub fn is_ready(&self, id: NodeId) -> bool {
        let _ = (id, Time::ZERO, Span::ZERO);
        false
    }
}
