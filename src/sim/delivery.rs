//! How messages get from process to process: sending, arriving, waiting for a way, goodbyes.

use super::network::{Connection, Reception};
use super::node::{Input, Message, Node, NodeId};
use super::process::Origin;
use super::schedule::{Due, Event};
use super::time::Time;
use super::world::{Hop, World};
use crate::ordered::BTreeSet;

/// A message that came to where there is no way on now. Its sender's machine goes on trying.
#[derive(Clone)]
pub(super) struct Held<M> {
    pub(super) hop: Hop<M>,
    on: Connection,
}

impl<N: Node> World<N> {
    /// Sends a message for a step whose work is done at `done`.
    pub(super) fn send(&mut self, from: NodeId, to: NodeId, done: Time, body: N::Message) {
        if self.network.may_swallow() && self.network.swallows(from, to, body.kind()) {
            return;
        }
        let local = self.process(from).machine == self.process(to).machine;
        let bytes = || body.size_bytes();
        let (on, sent_at, at) = self.network.send((from, to), done, bytes, local, &self.cost);
        self.schedule.add(at, Event::Arrive { from, to, on, sent_at, body });
    }

    /// A message arrives.
    #[inline(always)]
    pub(super) fn arrive(&mut self, hop: Hop<N::Message>, on: Connection) {
        let (from, to) = (hop.from, hop.to);
        if self.is_blocked(from, to) {
            match self.network.is_open(from, to, on) {
                true => self.held.push(Held { hop, on }),
                false => self.network.tear(from, to, on),
            }
            return;
        }
        if !self.process(to).status.is_alive() {
            self.network.refuse(from, to, on);
            return self.say_goodbye(to, from, on, self.now);
        }
        match self.network.receive(from, to, on) {
            Reception::Lost => return,
            Reception::Refused => return self.say_goodbye(to, from, on, self.now),
            Reception::TakenAnew(gone) => self.connection_is_gone(to, from, gone),
            Reception::Taken => {}
        }
        self.arrived += 1;
        if self.is_watched {
            self.hops.push(hop.clone());
        }
        let input = Input::Message { from, body: hop.body };
        self.accept(to, input, Origin::Connection(on));
    }

    /// A process closes its connection with a peer in a step whose work is done at `done`. What
    /// had come on it and waits for a core is not taken any more.
    pub(super) fn close(&mut self, id: NodeId, peer: NodeId, done: Time) {
        let used = self.network.used(id, peer);
        if used != 0 {
            self.process_mut(id).forget_waiting(peer, used);
            let next = self.process(id).next_connection(peer, used);
            if let Some(on) = self.network.leave(id, peer, next) {
                self.forget_held(id, peer);
                self.say_goodbye(id, peer, on, done);
            }
        }
    }

    /// A process learns that a connection is gone.
    pub(super) fn learn_of_end(&mut self, id: NodeId, peer: NodeId, gone: Connection) {
        debug_assert_eq!(self.network.used(id, peer), gone, "ends are learnt in their order");
        let next = self.process(id).next_connection(peer, gone);
        self.network.leave(id, peer, next);
    }

    /// Tells a node that its connection with another, which it may still hold, is no more.
    pub(super) fn say_goodbye(&mut self, from: NodeId, to: NodeId, on: Connection, said: Time) {
        if from != to {
            let (sent_at, at) = self.passage(from, to, said, || 0);
            self.schedule.add(at, Event::Goodbye { from, to, on, sent_at });
        }
    }

    /// The news arrives that a connection is closed at its other end; lost if there is no way.
    pub(super) fn take_goodbye(&mut self, from: NodeId, to: NodeId, on: Connection) {
        if !self.is_blocked(from, to) && self.network.ended(from, to, on) {
            self.connection_is_gone(to, from, on);
        }
    }

    fn connection_is_gone(&mut self, id: NodeId, peer: NodeId, gone: Connection) {
        self.forget_held(id, peer);
        let input = Input::Closed { peer };
        self.accept(id, input, Origin::Connection(gone));
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
            self.network.resend(from, to);
        }
        for Held { hop: Hop { from, to, body, .. }, on } in free {
            let (sent_at, at) = self.passage(from, to, self.now, || body.size_bytes());
            self.schedule.add(at, Event::Arrive { from, to, on, sent_at, body });
        }
        for (due, event) in under_way {
            let (from, to) = event.way().expect("only such were taken");
            let at = self.network.behind(from, to, due.at);
            self.schedule.add(at, event);
        }
    }

    /// A machine that has done with a connection does not send again what waits for a way.
    pub(super) fn forget_held(&mut self, from: NodeId, to: NodeId) {
        let network = &mut self.network;
        self.held.retain(|Held { hop, on }| {
            let stays = (hop.from, hop.to) != (from, to);
            if !stays {
                network.tear(from, to, *on);
            }
            stays
        });
    }

    /// True if nothing gets from one process to the other's machine now.
    fn is_blocked(&self, from: NodeId, to: NodeId) -> bool {
        self.network.is_cut(from, to) || self.is_off(self.process(to).machine)
    }

    /// What a process that dies now had not sent yet is never sent. Returns the peers that it
    /// was about to tell of the end of a connection.
    pub(super) fn unsend(&mut self, id: NodeId) -> Vec<(NodeId, Connection)> {
        let now = self.now;
        let unsent = self.schedule.extract(|event| event.dies_with(id, now));
        let ways: BTreeSet<_> = unsent.iter().filter_map(|(_, event)| event.way()).collect();
        for (from, to) in ways {
            let left = self.schedule.iter().filter(|(_, event)| event.way() == Some((from, to)));
            let last_arrival = left.map(|(due, _)| due.at).max().unwrap_or(Time::ZERO);
            self.network.unsend(from, to, last_arrival);
        }
        let goodbyes = unsent.into_iter().filter_map(|(_, event)| match event {
            Event::Goodbye { to, on, .. } => Some((to, on)),
            _ => None,
        });
        goodbyes.collect()
    }

    /// When something that is sent now leaves and arrives.
    fn passage(
        &mut self,
        from: NodeId,
        to: NodeId,
        sent: Time,
        bytes: impl FnOnce() -> u64,
    ) -> (Time, Time) {
        let local = self.process(from).machine == self.process(to).machine;
        self.network.passage((from, to), sent, bytes, local, &self.cost)
    }
}
