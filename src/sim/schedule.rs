//! The schedule: everything that is going to happen, in the order in which it will.
//!
//! It holds only what will really happen: a timer that is moved is taken out, and so is what a
//! dead process had waited for.

use super::network::Connection;
use super::node::{Effect, Input, Node, NodeId};
use super::time::Time;
use crate::ordered::BTreeMap;
use std::collections::VecDeque;
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

/// All events that are going to happen: those of one instant stand in a queue. Clones share it
/// until one of the two changes it.
#[derive(Clone)]
pub(super) struct Schedule<N: Node> {
    /// By instant; no queue is empty.
    instants: Rc<BTreeMap<Time, Queue<N>>>,
    sequence: u64,
    /// The queue of an instant that is over: its room serves a coming one.
    spare: Queue<N>,
}

/// Events of one instant, by their numbers, which rise.
type Queue<N> = VecDeque<(u64, Event<N>)>;

impl<N: Node> Schedule<N> {
    pub(super) fn new() -> Schedule<N> {
        Schedule { instants: Rc::default(), sequence: 0, spare: VecDeque::new() }
    }

    /// Adds an event behind those of the same instant.
    pub(super) fn add(&mut self, at: Time, event: Event<N>) -> Due {
        self.sequence += 1;
        let spare = &mut self.spare;
        let queue = Rc::make_mut(&mut self.instants).entry(at);
        queue.or_insert_with(|| std::mem::take(spare)).push_back((self.sequence, event));
        Due { at, sequence: self.sequence }
    }

    /// The next event.
    pub(super) fn first(&self) -> Option<(Due, &Event<N>)> {
        let (at, queue) = self.instants.first_key_value()?;
        let (sequence, event) = queue.front()?;
        Some((Due { at: *at, sequence: *sequence }, event))
    }

    /// Takes the next event out.
    pub(super) fn pop(&mut self) -> Option<(Due, Event<N>)> {
        let instants = Rc::make_mut(&mut self.instants);
        let (at, queue) = instants.first_entry()?;
        let at = *at;
        let (sequence, event) = queue.pop_front()?;
        if queue.is_empty() {
            let (_, over) = instants.pop_first()?;
            self.keep(over);
        }
        Some((Due { at, sequence }, event))
    }

    /// Takes an event out; harmless if it has happened.
    pub(super) fn remove(&mut self, due: Due) {
        self.take(due);
    }

    fn take(&mut self, due: Due) -> Option<Event<N>> {
        let instants = Rc::make_mut(&mut self.instants);
        let queue = instants.get_mut(&due.at)?;
        let place = queue.binary_search_by_key(&due.sequence, |(sequence, _)| *sequence).ok()?;
        let (_, event) = queue.remove(place)?;
        if queue.is_empty() {
            let over = instants.remove(&due.at)?;
            self.keep(over);
        }
        Some(event)
    }

    /// Keeps an empty queue for a coming instant, unless it is larger than most need.
    fn keep(&mut self, over: Queue<N>) {
        const EVENTS: usize = 64;
        if over.capacity() <= EVENTS {
            self.spare = over;
        }
    }

    /// Takes out all events of which `leaves` is true, in order.
    pub(super) fn extract(&mut self, leaves: impl Fn(&Event<N>) -> bool) -> Vec<(Due, Event<N>)> {
        let leaving = self.iter().filter(|(_, event)| leaves(event));
        let dues: Vec<Due> = leaving.map(|(due, _)| due).collect();
        dues.into_iter().filter_map(|due| Some(due).zip(self.take(due))).collect()
    }

    /// All events in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Due, &Event<N>)> {
        self.instants.iter().flat_map(|(at, queue)| {
            queue.iter().map(|(sequence, event)| (Due { at: *at, sequence: *sequence }, event))
        })
    }
}
