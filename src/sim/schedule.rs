//! The schedule: everything that is going to happen, in the order in which it will.
//!
//! It holds only what will really happen: a timer that is moved is taken out, and so is what a
//! dead process had waited for.

use super::network::Connection;
use super::node::{Effect, Input, Node, NodeId};
use super::time::Time;
use crate::ordered::BTreeMap;
use std::rc::Rc;

/// The place of an event in the order of all: its instant, and its number among those of the same
/// instant. No two events share it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Due {
    /// When it happens.
    pub(super) at: Time,
    sequence: u64,
}

/// Something that is going to happen.
#[derive(Clone)]
pub(super) enum Event<N: Node> {
    /// Somebody asks something of a process.
    Input { node: NodeId, input: Input<N> },
    /// A message arrives.
    Arrive { from: NodeId, to: NodeId, on: Connection, sent_at: Time, body: N::Message },
    /// The news arrives that a connection is closed at its other end.
    Goodbye { from: NodeId, to: NodeId, on: Connection, sent_at: Time },
    /// A timer is up.
    Timer { node: NodeId, timer: N::Timer },
    /// The drive has got to a read.
    Read { node: NodeId, file: Rc<str>, from: u64, len: u64, ticket: N::Ticket },
    /// The drive has done a flush.
    Flushed { node: NodeId, file: Rc<str>, number: u64, ticket: N::Ticket },
    /// A core has done the work of a step, and what had to wait for that comes now.
    Worked { node: NodeId, then: Vec<Effect<N>> },
    /// A free core takes up the next input that waits.
    TakeUp { node: NodeId },
}

impl<N: Node> Event<N> {
    /// True if it will not happen when this process dies now: what it waited for, and what it had
    /// not sent yet.
    pub(super) fn dies_with(&self, id: NodeId, now: Time) -> bool {
        match self {
            Event::Arrive { from, sent_at, .. } | Event::Goodbye { from, sent_at, .. } => {
                *from == id && *sent_at > now
            }
            Event::Input { node, .. }
            | Event::Timer { node, .. }
            | Event::Read { node, .. }
            | Event::Flushed { node, .. }
            | Event::Worked { node, .. }
            | Event::TakeUp { node } => *node == id,
        }
    }

    /// The direction in which it travels, if it is something on its way.
    pub(super) fn way(&self) -> Option<(NodeId, NodeId)> {
        match self {
            Event::Arrive { from, to, .. } | Event::Goodbye { from, to, .. } => Some((*from, *to)),
            _ => None,
        }
    }
}

/// All events that are going to happen. Clones share it until one of the two changes it.
#[derive(Clone)]
pub(super) struct Schedule<N: Node> {
    events: Rc<BTreeMap<Due, Event<N>>>,
    sequence: u64,
}

impl<N: Node> Schedule<N> {
    pub(super) fn new() -> Schedule<N> {
        Schedule { events: Rc::default(), sequence: 0 }
    }

    /// Adds an event behind those of the same instant.
    pub(super) fn add(&mut self, at: Time, event: Event<N>) -> Due {
        self.sequence += 1;
        let due = Due { at, sequence: self.sequence };
        self.events().insert(due, event);
        due
    }

    /// The next event.
    pub(super) fn first(&self) -> Option<(Due, &Event<N>)> {
        self.events.first_key_value().map(|(due, event)| (*due, event))
    }

    /// Takes the next event out.
    pub(super) fn pop(&mut self) -> Option<(Due, Event<N>)> {
        self.events().pop_first()
    }

    /// Takes an event out; harmless if it has happened.
    pub(super) fn remove(&mut self, due: Due) {
        self.events().remove(&due);
    }

    /// Takes out all events of which `leaves` is true, in order.
    pub(super) fn extract(&mut self, leaves: impl Fn(&Event<N>) -> bool) -> Vec<(Due, Event<N>)> {
        let leaving = self.events.iter().filter(|(_, event)| leaves(event));
        let dues: Vec<Due> = leaving.map(|(due, _)| *due).collect();
        let events = self.events();
        dues.into_iter().filter_map(|due| Some(due).zip(events.remove(&due))).collect()
    }

    /// All events in order.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = (Due, &Event<N>)> {
        self.events.iter().map(|(due, event)| (*due, event))
    }

    fn events(&mut self) -> &mut BTreeMap<Due, Event<N>> {
        Rc::make_mut(&mut self.events)
    }
}
