//! A process by itself: the same door, with neither network nor schedule around it. What a program
//! costs without the simulator is measured so.

use super::cost::CostModel;
use super::disk::Disk;
use super::machine::Machine;
use super::node::{Effect, Input, Node, NodeId, Outbox};
use super::rng::Stream;
use super::time::{Span, Time};
use super::world::{Happening, World};
use std::collections::VecDeque;
use std::rc::Rc;

/// A process by itself.
pub struct Alone<N: Node> {
    id: NodeId,
    node: N,
    disk: Disk,
    stream: Stream,
    machine: Rc<Machine>,
    cost: Rc<CostModel>,
    /// Empty between inputs.
    effects: Vec<Effect<N>>,
    /// Always empty: nobody hears it.
    happenings: Vec<Happening<N::Event>>,
}

impl<N: Node> World<N> {
    /// A process as it is now, by itself; the world keeps its own. Panics for one that was removed
    /// before the world was saved.
    pub fn alone(&self, id: NodeId) -> Alone<N> {
        let process = self.process(id);
        Alone {
            id,
            node: self.node(id).clone(),
            disk: process.disk.clone(),
            stream: process.stream.clone(),
            machine: self.machines[process.machine.0 as usize].clone(),
            cost: self.cost.clone(),
            effects: Vec::new(),
            happenings: Vec::new(),
        }
    }
}

impl<N: Node> Alone<N> {
    /// Gives it an input at an instant; what it sends comes to the end of `sent`. Nobody hears what
    /// it tells, its timers do not wake it, and what it asks of its drive is not answered.
    pub fn step(&mut self, now: Time, input: Input<N>, sent: &mut VecDeque<(NodeId, N::Message)>) {
        let mut out = Outbox {
            me: self.id,
            now,
            stream: &mut self.stream,
            disk: &mut self.disk,
            machine: &mut self.machine,
            cost: &self.cost,
            effects: &mut self.effects,
            happenings: &mut self.happenings,
            is_heard: false,
            work: Span::ZERO,
        };
        self.node.step(input, &mut out);
        for effect in self.effects.drain(..) {
            if let Effect::Send { to, body } = effect {
                sent.push_back((to, body));
            }
        }
    }
}
