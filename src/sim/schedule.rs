//! The schedule: everything that is going to happen, in the order in which it will.
//!
//! It holds only what will really happen: a timer that is moved is taken out, and so is what a
//! dead process had waited for.

use super::network::Connection;
use super::node::{Effect, Input, Node, NodeId};
use super::shared::own;
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
    instants: Rc<Instants<N>>,
    sequence: u64,
    /// The queue of an instant that is over: its room serves a coming one.
    spare: Queue<N>,
}

/// Events of one instant, by their numbers, which rise.
type Queue<N> = VecDeque<(u64, Event<N>)>;

/// The queues by instant; none of them is empty.
#[derive(Clone)]
struct Instants<N: Node> {
    /// The next few, in order: nearly all that is added is for one of them.
    near: Vec<(Time, Queue<N>)>,
    /// Those behind them.
    far: BTreeMap<Time, Queue<N>>,
    /// The place of the near one that was added to last: the next one is often the same, or the
    /// first.
    last: usize,
}

/// So many instants are near.
const NEAR: usize = 8;

impl<N: Node> Instants<N> {
    /// The queue of an instant; a new one begins with this room.
    #[inline(always)]
    fn at(&mut self, at: Time, spare: &mut Queue<N>) -> &mut Queue<N> {
        let is = |place: usize| self.near.get(place).is_some_and(|(near, _)| *near == at);
        let place = if is(self.last) { self.last } else { 0 };
        if !is(place) {
            return self.look_up(at, spare);
        }
        &mut self.near[place].1
    }

    #[inline(never)]
    fn look_up(&mut self, at: Time, spare: &mut Queue<N>) -> &mut Queue<N> {
        let place = self.near.iter().rposition(|(near, _)| *near <= at);
        if let Some(place) = place.filter(|place| self.near[*place].0 == at) {
            self.last = place;
            return &mut self.near[place].1;
        }
        let place = place.map_or(0, |place| place + 1);
        let is_last = place == self.near.len();
        let is_far = is_last
            && (self.near.len() == NEAR
                || self.far.first_key_value().is_some_and(|(far, _)| *far <= at));
        if is_far {
            return self.far.entry(at).or_insert_with(|| std::mem::take(spare));
        }
        if self.near.len() == NEAR
            && let Some((last, queue)) = self.near.pop()
        {
            self.far.insert(last, queue);
        }
        self.near.insert(place, (at, std::mem::take(spare)));
        self.last = place;
        &mut self.near[place].1
    }

    /// What is next becomes near when nothing else is.
    fn refill(&mut self) {
        while self.near.len() < NEAR / 2
            && let Some(next) = self.far.pop_first()
        {
            self.near.push(next);
        }
    }
}

impl<N: Node> Schedule<N> {
    pub(super) fn new() -> Schedule<N> {
        let instants = Instants { near: Vec::new(), far: BTreeMap::new(), last: 0 };
        Schedule { instants: Rc::new(instants), sequence: 0, spare: VecDeque::new() }
    }

    /// Adds an event behind those of the same instant.
    #[inline(always)]
    pub(super) fn add(&mut self, at: Time, event: Event<N>) -> Due {
        self.sequence += 1;
        let queue = own(&mut self.instants).at(at, &mut self.spare);
        queue.push_back((self.sequence, event));
        Due { at, sequence: self.sequence }
    }

    /// The next event.
    pub(super) fn first(&self) -> Option<(Due, &Event<N>)> {
        let (at, queue) = self.instants.near.first()?;
        let (sequence, event) = queue.front()?;
        Some((Due { at: *at, sequence: *sequence }, event))
    }

    /// Takes the next event out.
    #[inline(always)]
    pub(super) fn pop(&mut self) -> Option<(Due, Event<N>)> {
        let instants = own(&mut self.instants);
        let (at, queue) = instants.near.first_mut()?;
        let at = *at;
        let (sequence, event) = queue.pop_front()?;
        if queue.is_empty() {
            let (_, over) = instants.near.remove(0);
            instants.refill();
            self.keep(over);
        }
        Some((Due { at, sequence }, event))
    }

    /// Takes an event out; harmless if it has happened.
    pub(super) fn remove(&mut self, due: Due) {
        self.take(due);
    }

    fn take(&mut self, due: Due) -> Option<Event<N>> {
        let instants = own(&mut self.instants);
        let near = instants.near.iter().position(|(at, _)| *at == due.at);
        let queue = match near {
            Some(place) => &mut instants.near[place].1,
            None => instants.far.get_mut(&due.at)?,
        };
        let place = queue.binary_search_by_key(&due.sequence, |(sequence, _)| *sequence).ok()?;
        let (_, event) = queue.remove(place)?;
        if queue.is_empty() {
            let over = match near {
                Some(place) => instants.near.remove(place).1,
                None => instants.far.remove(&due.at)?,
            };
            instants.refill();
            self.keep(over);
        }
        Some(event)
    }

    /// Keeps an empty queue for a coming instant, unless it is larger than most need.
    fn keep(&mut self, over: Queue<N>) {
        const EVENTS: usize = 1_024;
        if (self.spare.capacity()..=EVENTS).contains(&over.capacity()) {
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
        let near = self.instants.near.iter().map(|(at, queue)| (*at, queue));
        let far = self.instants.far.iter().map(|(at, queue)| (*at, queue));
        near.chain(far).flat_map(|(at, queue)| {
            queue.iter().map(move |(sequence, event)| (Due { at, sequence: *sequence }, event))
        })
    }
}
