//! What must hold on the RabbitMQ side at every instant: by what its nodes and clients tell, and by
//! what may be looked at.

use super::event::LabEvent;
use super::invariants::{Broken, broken};
use super::session::Session;
use crate::ordered::{BTreeMap, BTreeSet};
use crate::rabbit::event::Event;
use crate::rabbit::inspect::{ConsumerState, QueueState};
use crate::sim::{Span, Status, Time};
use std::rc::Rc;

pub(super) const PREFETCH: &str = "unacked <= prefetch";
pub(super) const AT_REST: &str = "at rest nothing waits, or no consumer has room";
pub(super) const ONE_STATE: &str = "a message is ready or unacked, and once";
pub(super) const NOT_AGAIN: &str = "what was acknowledged is not redelivered";
pub(super) const ONE_DEATH: &str = "a message dies of itself in a queue once";
pub(super) const DEATHS: &str = "x-death counts no more deaths than there were";
pub(super) const ONE_MASTER: &str = "a classic queue has one master, or the network was cut";
pub(super) const ONE_LOG: &str = "what members of a quorum queue know to be committed is the same";
pub(super) const HAS_ALL: &str = "a quorum queue's leader has all that was committed";

/// Who has room is pushed to within this time, whatever the network and the disk are like.
const REST: Span = Span::seconds(5);

/// A node reads the log of a quorum queue behind its leader: it pushes what was assigned to its
/// consumer when the leader has already told that this was settled, by what the consumer had said
/// of an earlier delivery before the node was cut off.
const LAG: Span = Span::seconds(1);

/// A master that was cut off, or stood still, has heard so long after that that it was given up.
const HEARD: Span = Span::seconds(10);

/// A channel to which so much is on its way has no room, even without a prefetch.
const UNSENT_MAX: u64 = 200;

/// So many of the last committed entries of members are compared at each look.
const ENTRIES_COMPARED: u64 = 64;

/// What is remembered of queues and messages.
#[derive(Clone, Debug, Default)]
pub struct QueueRules {
    /// How often messages were acknowledged in a queue since they last went there, and when.
    acknowledged: BTreeMap<(Rc<str>, u64), (u64, Time)>,
    /// How often messages died of themselves in a queue.
    dead: BTreeMap<(Rc<str>, u64), u64>,
    /// How many copies there may be of a message besides the first: it went to several queues, was
    /// published again, or a crash brought back what had gone on already.
    copies: BTreeMap<u64, u64>,
    /// Messages that were found again since a node started.
    recovered: BTreeSet<u64>,
    /// Messages that were rejected somewhere: they may go round.
    rejected: BTreeSet<u64>,
    /// How often messages have died that were published since.
    deaths: BTreeMap<u64, u64>,
    /// Queues where messages and a consumer with room were together, and since when.
    together: BTreeMap<Rc<str>, Time>,
    /// Mirrored queues of which both sides of a cut have a master: what one knows says nothing of
    /// the other.
    split: BTreeSet<Rc<str>>,
    /// When something last kept nodes from hearing each other.
    cut_at: Time,
    /// The end of what was committed in the log of a group.
    committed: BTreeMap<u64, u64>,
    /// The term in which that was seen.
    terms: BTreeMap<u64, u64>,
}

impl QueueRules {
    /// Takes an event.
    pub fn event(&mut self, event: &Event, at: Time) -> Result<(), Broken> {
        match event {
            // What leaves a queue is written late: a crash may bring it back.
            Event::NodeStarted { .. } => {
                self.acknowledged.clear();
                self.dead.clear();
                self.recovered.clear();
                self.together.clear();
            }
            // A mirror need not have heard of it.
            Event::MirrorPromoted { queue, .. } => {
                self.forget(queue);
                // Until it is seen that the old master has stepped down.
                self.split.insert(queue.clone());
            }
            Event::Acknowledged { queue, message } if !self.split.contains(queue) => {
                let place = (queue.clone(), message.0);
                let (times, last) = self.acknowledged.entry(place).or_insert((0, at));
                (*times, *last) = (*times + 1, at);
            }
            Event::Recovered { message, .. } => {
                let again = !self.recovered.insert(message.0);
                self.copied(message.0, u64::from(again));
            }
            Event::Routed { message, queues, .. } => {
                self.copied(message.0, queues.len().saturating_sub(1) as u64);
                for queue in queues.iter() {
                    self.acknowledged.remove(&(queue.clone(), message.0));
                }
            }
            Event::Published { message, .. } => {
                self.copied(message.0, u64::from(self.deaths.contains_key(&message.0)));
                self.deaths.entry(message.0).or_default();
            }
            Event::Pushed { queue, message, redelivered, consumer, .. } => {
                self.together.remove(queue);
                let known = self.acknowledged.get(&(queue.clone(), message.0)).copied();
                let is_late = |(times, last): (u64, Time)| {
                    times >= self.copies_of(message.0) && at.since(last) > LAG
                };
                if *redelivered && known.is_some_and(is_late) {
                    return broken(NOT_AGAIN, format!("{queue}: {message} to {consumer}"));
                }
            }
            Event::DeadLettered { queue, message, reason, .. } => {
                if let Some(deaths) = self.deaths.get_mut(&message.0) {
                    *deaths += 1;
                }
                if *reason == "rejected" {
                    self.rejected.insert(message.0);
                    return Ok(());
                }
                if self.split.contains(queue) {
                    return Ok(());
                }
                let copies = self.copies_of(message.0);
                let times = self.dead.entry((queue.clone(), message.0)).or_default();
                *times += 1;
                if *times > copies && !self.rejected.contains(&message.0) {
                    return broken(ONE_DEATH, format!("{queue}: {message}, {reason}"));
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// Something happened to the network or to a process: who was cut off may be heard again.
    pub fn disturbed(&mut self, event: &LabEvent, at: Time) {
        if let LabEvent::Network { .. } | LabEvent::Process { .. } = event {
            self.cut_at = at;
        }
    }

    /// What was said of a queue's messages says nothing any more.
    fn forget(&mut self, queue: &Rc<str>) {
        self.acknowledged.retain(|(of, _), _| of != queue);
        self.dead.retain(|(of, _), _| of != queue);
        self.together.remove(queue);
    }

    /// Both sides of a cut may go on with a mirrored queue, each with a master of its own, until
    /// the old one hears of the new one.
    fn masters(&mut self, session: &Session) -> Result<(), Broken> {
        let world = &session.rabbit.world;
        let stands_still = |id| world.status(id) == Status::Paused;
        if !world.network().is_whole() || world.ids().any(stands_still) {
            self.cut_at = session.now();
        }
        let split: BTreeSet<Rc<str>> = session.rabbit.split_queues().into_iter().collect();
        for queue in &split {
            let state = session.rabbit.queue(queue);
            let is_mirrored = state.is_some_and(|state| state.mirrors.is_some());
            if !is_mirrored || session.now().since(self.cut_at) > HEARD {
                return broken(ONE_MASTER, format!("{queue}: two nodes have it"));
            }
        }
        let changed: Vec<Rc<str>> = self.split.union(&split).cloned().collect();
        changed.iter().for_each(|queue| self.forget(queue));
        self.split = split;
        Ok(())
    }

    /// So many copies of a message may have been at once.
    fn copies_of(&self, message: u64) -> u64 {
        1 + self.copies.get(&message).copied().unwrap_or(0)
    }

    fn copied(&mut self, message: u64, more: u64) {
        if more > 0 {
            *self.copies.entry(message).or_default() += more;
        }
    }

    /// Looks at what is there.
    pub fn look(&mut self, session: &Session, deep: bool) -> Result<(), Broken> {
        self.masters(session)?;
        let consumers = session.rabbit.consumers();
        for consumer in &consumers {
            if consumer.prefetch > 0 && consumer.unacked > u64::from(consumer.prefetch) {
                let ConsumerState { tag, unacked, prefetch, .. } = consumer;
                return broken(PREFETCH, format!("{tag}: {unacked} of {prefetch}"));
            }
        }
        if !consumers.is_empty() {
            self.at_rest(session, &consumers)?;
        }
        if !deep {
            return Ok(());
        }
        for queue in session.rabbit.queues() {
            let cells = session.rabbit.glimpse(&queue.name, usize::MAX);
            let places: BTreeSet<u64> = cells.iter().map(|cell| cell.position).collect();
            if places.len() < cells.len() {
                let twice = cells.len() - places.len();
                return broken(ONE_STATE, format!("{}: {twice} are there twice", queue.name));
            }
        }
        for (queue, message, counted) in session.rabbit.deaths() {
            if let Some(known) = self.deaths.get(&message.0).filter(|known| counted > **known) {
                let found = format!("{queue}: {message} says {counted}, and died {known} times");
                return broken(DEATHS, found);
            }
        }
        self.groups(session)
    }

    /// A queue that has a message and a consumer with room brings them together.
    fn at_rest(&mut self, session: &Session, consumers: &[ConsumerState]) -> Result<(), Broken> {
        let world = &session.rabbit.world;
        let stands_still = |id| world.status(id) == Status::Paused;
        if world.ids().any(stands_still) {
            self.together.clear();
            return Ok(());
        }
        let now = session.now();
        for queue in session.rabbit.queues() {
            let has_room = |consumer: &&ConsumerState| {
                let most =
                    if consumer.prefetch > 0 { consumer.prefetch.into() } else { UNSENT_MAX };
                consumer.queue == queue.name && consumer.active && consumer.unacked < most
            };
            let found = consumers.iter().find(has_room).filter(|_| is_own_master(&queue));
            let name: Rc<str> = queue.name.as_str().into();
            let found = found.filter(|_| !self.split.contains(&name));
            let Some(consumer) = found else {
                self.together.remove(&name);
                continue;
            };
            let since = *self.together.entry(name).or_insert(now);
            if now.since(since) > REST {
                let (queue, ready, tag) = (&queue.name, queue.ready, &consumer.tag);
                return broken(AT_REST, format!("{queue}: {ready} ready, and {tag} has room"));
            }
        }
        Ok(())
    }

    /// Raft's own promises, for quorum queues and for the definitions.
    fn groups(&mut self, session: &Session) -> Result<(), Broken> {
        let members = session.rabbit.groups();
        for (id, _, raft) in &members {
            let committed = self.committed.entry(*id).or_default();
            if raft.committed() > *committed {
                *committed = raft.committed();
                self.terms.insert(*id, raft.term());
            }
        }
        for (id, name, raft) in &members {
            let of_group = || members.iter().filter(|(other, ..)| other == id);
            let (last, committed) = (raft.log().last().0, self.committed[id]);
            // A leader of the past that stood still meanwhile need not have it.
            let known = self.terms.get(id).copied().unwrap_or_default();
            let leads = raft.leader() == Some(raft.me()) && raft.term() >= known;
            if leads && last < committed {
                let found = format!("{committed} were committed, the log at {name} ends at {last}");
                return broken(HAS_ALL, found);
            }
            for (_, other_name, other) in of_group().filter(|(_, other, _)| other > name) {
                let to = raft.committed().min(other.committed());
                let (left, right) = (raft.log(), other.log());
                let from = to.saturating_sub(ENTRIES_COMPARED).max(left.base().0);
                let mut range = from.max(right.base().0) + 1..=to;
                if let Some(index) = range.find(|index| left.get(*index) != right.get(*index)) {
                    let found = format!("entry {index} at {name} and at {other_name}");
                    return broken(ONE_LOG, found);
                }
            }
        }
        Ok(())
    }
}

/// True for a queue that asks no other node before it delivers, and has something to deliver.
fn is_own_master(queue: &QueueState) -> bool {
    let waits = queue.ready > 0 && queue.state == "running" && queue.kind != "stream";
    waits && queue.members.len() < 2
}
