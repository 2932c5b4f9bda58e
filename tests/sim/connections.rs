//! What a network promises: order, nothing through a cut, and no silent loss.

use crate::play::{self, Act, Store};
use crate::toy::Told;
use pushpull::sim::{Happening, NodeId};
use std::collections::{BTreeMap, BTreeSet};

const SEEDS: u64 = 90;
const ACTS: usize = 40;

type Number = (u64, u64);

/// Judges what toys tell of their connections, from outside.
#[derive(Default)]
struct Judge {
    /// Messages sent and not known to be heard, of each sender to each receiver, and whether the
    /// sender was told since that they may be lost.
    sent: BTreeMap<(NodeId, NodeId), Vec<(Number, bool)>>,
    heard: BTreeMap<(NodeId, NodeId), Number>,
    /// Receivers that have heard something on the connection with a sender.
    connected: BTreeSet<(NodeId, NodeId)>,
    heard_count: usize,
    lost_count: usize,
}

impl Judge {
    fn judge(&mut self, seed: u64, happening: Happening<Told>) {
        let Happening { node, event, at } = happening;
        let context = format!("seed {seed}, {at}");
        match event {
            Told::Sent { to, number } => {
                self.sent.entry((node, to)).or_default().push((number, false))
            }
            Told::Heard { from, number } => {
                let before = self.heard.insert((from, node), number).unwrap_or_default();
                assert!(before < number, "{context}: {node} heard {number:?} after {before:?}");
                let sent = self.sent.entry((from, node)).or_default();
                let at = sent.iter().position(|(one, _)| *one == number).expect("it was sent");
                let skipped: Vec<_> = sent.drain(..=at).collect();
                self.lost_count += at;
                self.heard_count += 1;
                let is_first = self.connected.insert((from, node));
                assert!(
                    at == 0 || is_first,
                    "{context}: {node} heard {number:?} of {from} and never learnt that it missed \
                     {skipped:?}"
                );
            }
            Told::Closed { peer } | Told::LetGo { peer } => {
                self.connected.remove(&(peer, node));
                let sent = self.sent.entry((node, peer)).or_default();
                sent.iter_mut().for_each(|(_, is_known)| *is_known = true);
            }
            Told::Started { .. } => {
                self.connected.retain(|(_, to)| *to != node);
                let own = self.sent.iter_mut().filter(|((from, _), _)| *from == node);
                own.flat_map(|(_, sent)| sent).for_each(|(_, is_known)| *is_known = true);
            }
            _ => {}
        }
    }

    /// When nothing is left to happen: who sent something that was not heard was told so.
    fn finish(&self, seed: u64) {
        for ((from, to), sent) in &self.sent {
            for (number, is_known) in sent {
                assert!(is_known, "seed {seed}: {from} was never told that {to} missed {number:?}");
            }
        }
    }
}

#[test]
fn messages_arrive_in_order_or_both_ends_learn_of_it() {
    let (mut heard, mut lost) = (0, 0);
    for seed in 0..SEEDS {
        let mut script = play::script(seed, ACTS);
        // A dropped message is lost in silence: that is what the fault is for.
        script.retain(|(_, act)| !matches!(act, Act::Drop(_)));
        let mut world = play::world(seed, seed.is_multiple_of(2));
        let mut judge = Judge::default();
        let mut listen = |world: &mut play::Toys| {
            world.take_happenings().into_iter().for_each(|told| judge.judge(seed, told));
        };
        play::run_script(&mut world, &script, &mut listen);
        play::settle(&mut world, &Store::default(), &mut listen);
        judge.finish(seed);
        heard += judge.heard_count;
        lost += judge.lost_count;
    }
    assert!(heard > 10_000 && lost > 500, "{heard} heard, {lost} lost: too few to mean anything");
}

#[test]
fn nothing_arrives_over_a_cut_link_or_at_a_machine_without_power() {
    let mut cuts = 0;
    for seed in 0..SEEDS {
        let mut world = play::world(seed, false);
        play::run_script(&mut world, &play::script(seed, ACTS), &mut |world| {
            for hop in world.take_hops() {
                let is_cut = world.network().is_cut(hop.from, hop.to);
                assert!(!is_cut, "seed {seed}: {} reached {} through a cut", hop.from, hop.to);
                let is_off = world.is_off(world.machine(hop.to));
                assert!(!is_off, "seed {seed}: {} heard something without power", hop.to);
            }
            cuts += usize::from(!world.network().is_whole());
        });
    }
    assert!(cuts > 1_000, "the network was nearly always whole");
}
