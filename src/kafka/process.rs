//! A process of this world: one of six programs behind the one door.

use super::admin::Admin;
use super::broker::{Broker, Ticket};
use super::command::Command;
use super::config;
use super::consumer::Consumer;
use super::controller::ControllerProcess;
use super::event::Event;
use super::message::KafkaMessage;
use super::producer::Producer;
use super::spec::Spec;
use super::zookeeper::ZooKeeper;
use crate::sim::{Input, Node, NodeId, Outbox};
use std::rc::Rc;

/// The way out of a step in this world.
pub type Out<'a> = Outbox<'a, Process>;

/// A process: its configuration, and the program that runs by it.
#[derive(Clone, Debug)]
pub struct Process {
    spec: Rc<Spec>,
    program: Program,
}

/// A program with its memory. Each owns other data, so each is a variant.
#[derive(Clone, Debug)]
pub enum Program {
    /// A broker.
    Broker(Box<Broker>),
    /// A controller that is not also a broker.
    Controller(Box<ControllerProcess>),
    /// A producing client.
    Producer(Box<Producer>),
    /// A consuming client.
    Consumer(Box<Consumer>),
    /// The client behind the command-line tools.
    Admin(Box<Admin>),
    /// A server of the ZooKeeper ensemble.
    ZooKeeper(Box<ZooKeeper>),
}

/// What a process can be woken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timer {
    /// Client: something is due; it looks what.
    Wake,
    /// Broker: a Fetch has waited long enough.
    FetchWait(u64),
    /// Broker: an append has waited long enough for replicas.
    ProduceWait(u64),
    /// Broker: high watermarks are to be written down.
    HighWatermarks,
    /// Broker: recovery points are to be written down.
    RecoveryPoints,
    /// Broker: the controller is to hear that it lives.
    Heartbeat,
    /// Broker: followers that have fallen behind are to leave the ISR.
    IsrShrink,
    /// Broker: old segments are to be looked for.
    Retention,
    /// Broker: logs are to be compacted.
    Cleaner,
    /// Broker: a polite stop has waited long enough for the controller.
    GiveUpStop,
    /// Controller: a broker's session may be over.
    Sessions,
    /// Controller: preferred replicas may lead again.
    LeaderBalance,
    /// Controller: leaderless partitions may get any leader.
    UncleanElection,
    /// Controller, broker: a snapshot of the metadata log may be due.
    Snapshot,
    /// Broker: a client that went over its quota may be heard again.
    Unmute,
    /// Broker: something in a group is due.
    Groups,
    /// Broker: a ShareFetch has waited long enough.
    ShareWait(u64),
    /// Broker: locks of share groups may be over.
    ShareLocks,
    /// Broker: what a share coordinator did not answer is to be asked again.
    ShareStates,
    /// Broker: transactions may be open for too long.
    TransactionTimeouts,
    /// Broker: transactional ids of which nothing was heard for long are to be forgotten.
    OldTransactionalIds,
    /// Broker: markers of transactions are to be tried again.
    Markers,
    /// Broker: committed offsets that are too old are to be forgotten.
    OldOffsets,
    /// Controller: Raft's timer.
    Quorum,
    /// Broker of the ZooKeeper era: changes of ISRs are to be told to the controller.
    IsrPropagation,
}

impl Process {
    /// A process that was not started yet. A client begins to ask at `bootstrap`, the brokers
    /// that are there already (its `bootstrap.servers`); for a broker they are the controllers
    /// (`controller.quorum.bootstrap.servers`), and without one it is its own.
    pub fn new(spec: Spec, bootstrap: Vec<NodeId>) -> Process {
        let program = match &spec {
            Spec::Broker(spec) => Program::Broker(Box::new(Broker::new(spec.clone(), bootstrap))),
            Spec::Controller(spec) => {
                Program::Controller(Box::new(ControllerProcess::new(spec.clone())))
            }
            Spec::Producer(spec) => {
                Program::Producer(Box::new(Producer::new(spec.clone(), bootstrap)))
            }
            Spec::Consumer(spec) => {
                Program::Consumer(Box::new(Consumer::new(spec.clone(), bootstrap)))
            }
            Spec::Admin => Program::Admin(Box::new(Admin::new(bootstrap))),
            Spec::ZooKeeper(spec) => Program::ZooKeeper(Box::new(ZooKeeper::new(spec.clone()))),
        };
        Process { spec: Rc::new(spec), program }
    }

    /// Its configuration, with what was set since it was added.
    pub fn spec(&self) -> &Spec {
        &self.spec
    }

    /// Its program.
    pub fn program(&self) -> &Program {
        &self.program
    }

    /// A setting changes; one that is wrong is left for the program to refuse.
    fn set(&mut self, name: &str, value: &str) {
        let mut spec = (*self.spec).clone();
        if let Some(settings) = spec.settings_mut() {
            settings.insert(name.to_owned(), value.to_owned());
        }
        if config::check(&spec).is_ok() {
            self.spec = Rc::new(spec);
        }
    }
}

impl Node for Process {
    // Boxed, so that an event of the world stays small.
    type Message = Box<KafkaMessage>;
    type Timer = Timer;
    type Ticket = Ticket;
    type Command = Command;
    type Event = Event;

    fn step(&mut self, input: Input<Process>, out: &mut Out<'_>) {
        if let Input::Command(Command::Set { name, value }) = &input {
            self.set(name, value);
        }
        match &mut self.program {
            Program::Broker(broker) => broker.step(input, out),
            Program::Controller(controller) => controller.step(input, out),
            Program::Producer(producer) => producer.step(input, out),
            Program::Consumer(consumer) => consumer.step(input, out),
            Program::Admin(admin) => admin.step(input, out),
            Program::ZooKeeper(server) => server.step(input, out),
        }
    }

    fn restarted(&self) -> Process {
        let program = match &self.program {
            Program::Broker(broker) => Program::Broker(Box::new(broker.restarted())),
            Program::Controller(controller) => {
                Program::Controller(Box::new(controller.restarted()))
            }
            Program::Producer(producer) => Program::Producer(Box::new(producer.restarted())),
            Program::Consumer(consumer) => Program::Consumer(Box::new(consumer.restarted())),
            Program::Admin(admin) => Program::Admin(Box::new(admin.restarted())),
            Program::ZooKeeper(server) => Program::ZooKeeper(Box::new(server.restarted())),
        };
        Process { spec: self.spec.clone(), program }
    }
}
