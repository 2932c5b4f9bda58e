//! A process of this world: one of four programs behind the one door.

use super::admin::Admin;
use super::broker::{Broker, Ticket};
use super::command::Command;
use super::consumer::Consumer;
use super::event::Event;
use super::message::KafkaMessage;
use super::producer::Producer;
use crate::sim::{Input, Node, Outbox};

/// The way out of a step in this world.
pub type Out<'a> = Outbox<'a, Process>;

/// A program with its memory. Each owns other data, so each is a variant.
#[derive(Clone, Debug)]
pub enum Process {
    /// A broker.
    Broker(Box<Broker>),
    /// A producing client.
    Producer(Box<Producer>),
    /// A consuming client.
    Consumer(Box<Consumer>),
    /// The client behind the command-line tools.
    Admin(Box<Admin>),
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
}

impl Node for Process {
    type Message = KafkaMessage;
    type Timer = Timer;
    type Ticket = Ticket;
    type Command = Command;
    type Event = Event;

    fn step(&mut self, input: Input<Process>, out: &mut Out<'_>) {
        match self {
            Process::Broker(broker) => broker.step(input, out),
            Process::Producer(producer) => producer.step(input, out),
            Process::Consumer(consumer) => consumer.step(input, out),
            Process::Admin(admin) => admin.step(input, out),
        }
    }

    fn restarted(&self) -> Process {
        match self {
            Process::Broker(broker) => Process::Broker(Box::new(broker.restarted())),
            Process::Producer(producer) => Process::Producer(Box::new(producer.restarted())),
            Process::Consumer(consumer) => Process::Consumer(Box::new(consumer.restarted())),
            Process::Admin(admin) => Process::Admin(Box::new(admin.restarted())),
        }
    }
}
