//! How messages get from process to process: sending, arriving, waiting for a way, goodbyes.

use super::network::{Connection, Reception};
use super::node::{Input, Message, Node, NodeId};
use super::schedule::{Due, Event};
use super::time::Time;
use super::world::{Hop, World};
use std::collections::BTreeSet;

/// A message that came to where there is no way on now. Its sender's machine goes on trying.
#[derive(Clone)]
pub(super) struct Held<M> {
    pub(super) hop: Hop<M>,
    on: Connection,
}

impl<N: Node> World<N> {
    /// Sends a message, which leaves its process at `leaves_at`.
    pub(super) fn send(&mut self, from: NodeId, to: NodeId, leaves_at: Time, body: N::Message) {
        if self.network.swallows(from, to, body.kind()) {
            return;
        }
        let on = self.network.connect(from, to);
        let at = self.arrival(from, to, leaves_at, body.size_bytes());
        self.schedule.add(at, Event::Arrive { from, to, on, sent_at: leaves_at, body });
    }

    /// A message arrives.
    pub(super) fn arrive(&mut self, hop: Hop<N::Message>, on: Connection) {
        let (from, to) = (hop.from, hop.to);
        if self.is_blocked(from, to) {
            if self.network.holds(from, to, on) {
                self.held.push(Held { hop, on });
            }
            return;
        }
        if !self.process(to).status.is_alive() {
            self.network.refuse(from, to, on);
            return self.say_goodbye(to, from, on, self.now);
        }
        match self.network.receive(from, to, on) {
            Reception::Refused => return self.say_goodbye(to, from, on, self.now),
            Reception::TakenAnew => {
                self.forget_held(to, from);
                self.accept(to, None, Input::Closed { peer: from });
            }
            Reception::Taken => {}
        }
        if self.is_watched {
            self.hops.push(hop.clone());
        }
        self.accept(to, None, Input::Message { from, body: hop.body });
    }

    /// A process closes its connection with a peer, to whom the news leaves at `leaves_at`.
    pub(super) fn close(&mut self, id: NodeId, peer: NodeId, leaves_at: Time) {
        if let Some(on) = self.network.let_go(id, peer) {
            self.forget_held(id, peer);
            self.say_goodbye(id, peer, on, leaves_at);
        }
    }

    /// Tells a node that its connection with another, which it may still hold, is no more.
    pub(super) fn say_goodbye(&mut self, from: NodeId, to: NodeId, on: Connection, sent_at: Time) {
        if from != to {
            let at = self.arrival(from, to, sent_at, 0);
            self.schedule.add(at, Event::Goodbye { from, to, on, sent_at });
        }
    }

    /// The news arrives that a connection is closed at its other end; lost if there is no way.
    pub(super) fn take_goodbye(&mut self, from: NodeId, to: NodeId, on: Connection) {
        if !self.is_blocked(from, to) && self.network.ended(from, to, on) {
            self.forget_held(to, from);
            self.accept(to, None, Input::Closed { peer: from });
        }
    }

    /// What had been waiting for a way goes on if there is one now. What is under way behind it
    /// keeps its place behind it.
    pub(super) fn release_held(&mut self) {
        let held = std::mem::take(&mut self.held);
        let (blocked, free): (Vec<_>, Vec<_>) =
            held.into_iter().partition(|held| self.is_blocked(held.hop.from, held.hop.to));
        self.held = blocked;
        let ways: BTreeSet<_> = free.iter().map(|held| (held.hop.from, held.hop.to)).collect();
        if ways.is_empty() {
            return;
        }
        let under_way: Vec<(Due, Event<N>)> =
            self.schedule.extract(|event| event.way().is_some_and(|way| ways.contains(&way)));
        for (from, to) in ways {
            self.network.begin_again(from, to);
        }
        for Held { hop: Hop { from, to, body, .. }, on } in free {
            let at = self.arrival(from, to, self.now, body.size_bytes());
            self.schedule.add(at, Event::Arrive { from, to, on, sent_at: self.now, body });
        }
        for (due, event) in under_way {
            let (from, to) = event.way().expect("only such were taken");
            let at = self.network.behind(from, to, due.at);
            self.schedule.add(at, event);
        }
    }

    /// A process that lets go of a connection has nothing more to say on it.
    fn forget_held(&mut self, from: NodeId, to: NodeId) {
        self.held.retain(|held| (held.hop.from, held.hop.to) != (from, to));
    }

    /// Forgets all that a process had to say where there is no way now.
    pub(super) fn forget_all_held(&mut self, from: NodeId) {
        self.held.retain(|held| held.hop.from != from);
    }

    /// True if nothing gets from one process to the other's machine now.
    fn is_blocked(&self, from: NodeId, to: NodeId) -> bool {
        self.network.is_cut(from, to) || self.is_off(self.process(to).machine)
    }

    fn arrival(&mut self, from: NodeId, to: NodeId, leaves_at: Time, bytes: u64) -> Time {
        let local = self.process(from).machine == self.process(to).machine;
        self.network.arrival((from, to), leaves_at, bytes, local, &self.cost)
    }
}
