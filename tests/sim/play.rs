//! Scripts of faults drawn from a seed, and a player that runs a world of toys through one.

use crate::toy::{Ask, Gossip, Told, Toy};
use bytes::Bytes;
use pushpull::sim::disk::{Block, File, StoredAt};
use pushpull::sim::network::DropRule;
use pushpull::sim::{
    CostModel, Disk, Happening, Hop, MachineId, NodeId, Span, Status, Step, Stream, Time, World,
};
use std::collections::BTreeMap;
use std::rc::Rc;

pub type Toys = World<Toy>;

pub const TOYS: u32 = 5;
/// The last two toys stand on one machine.
pub const MACHINES: u32 = TOYS - 1;

/// Something done to a world.
#[derive(Clone, Debug)]
pub enum Act {
    Start(NodeId),
    Stop(NodeId),
    Crash(NodeId),
    Pause(NodeId),
    Resume(NodeId),
    PowerCut(MachineId),
    Tear(MachineId),
    Isolate(NodeId),
    Partition(NodeId),
    Slow(NodeId, Option<NodeId>, Span),
    Drop(DropRule),
    Heal,
    CrashAll,
    Tell(NodeId),
}

/// What is done, and how long after the act before it.
pub type Script = Vec<(Span, Act)>;

/// A script of so many acts.
pub fn script(seed: u64, acts: usize) -> Script {
    let mut stream = Stream::named(seed, "script");
    (0..acts).map(|_| (stream.span_up_to(Span::millis(60)), act(&mut stream))).collect()
}

fn act(stream: &mut Stream) -> Act {
    let toy = NodeId(stream.below(u64::from(TOYS)) as u32);
    let other = NodeId(stream.below(u64::from(TOYS)) as u32);
    let machine = MachineId(stream.below(u64::from(MACHINES)) as u32);
    match stream.below(28) {
        0..=6 => Act::Start(toy),
        7 => Act::Stop(toy),
        8 | 9 => Act::Crash(toy),
        10 => Act::Pause(toy),
        11 | 12 => Act::Resume(toy),
        13 => Act::PowerCut(machine),
        14 => Act::Tear(machine),
        15 | 16 => Act::Isolate(toy),
        17 => Act::Partition(toy),
        18 => Act::Slow(toy, Some(other), stream.span_up_to(Span::millis(40))),
        19 => Act::Slow(toy, None, stream.span_up_to(Span::millis(40))),
        20 => Act::Drop(DropRule {
            a: toy,
            b: other,
            kind: Some("echo".to_owned()),
            left: Some(stream.below(4) as u32),
        }),
        21..=23 => Act::Heal,
        24 if stream.below(4) == 0 => Act::CrashAll,
        _ => Act::Tell(toy),
    }
}

/// The costs under which the toys of a seed live: rarely free, often narrow.
pub fn cost(seed: u64) -> CostModel {
    let mut stream = Stream::named(seed, "cost");
    let preset = ["lesson", "laptop", "lan", "hdd"][stream.below(4) as usize];
    let cost = CostModel::preset(preset).expect("a known preset");
    CostModel {
        cores: 1 + stream.below(3) as u32,
        loss_per_million: if stream.below(2) == 0 { 0 } else { 50_000 },
        retransmit_after: Span::millis(20),
        bandwidth: if stream.below(2) == 0 { cost.bandwidth } else { 300_000 },
        page_cache: if cost.page_cache == 0 { 0 } else { 128 << 10 },
        ..cost
    }
}

/// A world of toys that have begun. `busy` toys do some work for each input.
pub fn world(seed: u64, busy: bool) -> Toys {
    let mut world = World::new(seed, "toys", cost(seed));
    for _ in 0..MACHINES {
        world.add_machine();
    }
    let peers: Vec<NodeId> = (0..TOYS).map(NodeId).collect();
    let work_max = if busy { Span::micros(2_000) } else { Span::ZERO };
    for index in 0..TOYS {
        let toy = Toy::new(peers.clone(), work_max);
        let machine = MachineId(index.min(MACHINES - 1));
        let id = world.add(&format!("toy-{index}"), machine, toy, Disk::default());
        world.start(id);
    }
    world.watch(true);
    world
}

pub fn perform(world: &mut Toys, act: &Act) {
    match act.clone() {
        Act::Start(id) => world.start(id),
        Act::Stop(id) => world.stop(id),
        Act::Crash(id) => world.crash(id),
        Act::Pause(id) => world.pause(id),
        Act::Resume(id) => world.resume(id),
        Act::PowerCut(machine) => world.power_cut(machine),
        Act::Tear(machine) => world.power_cut_torn(machine),
        Act::Isolate(id) => world.change_network(|network| network.isolate(id)),
        Act::Partition(id) => world.change_network(|network| {
            let (left, right) = (0..TOYS).map(NodeId).partition(|other| *other <= id);
            network.partition(left, right);
        }),
        Act::Slow(a, b, latency) => world.change_network(|network| network.slow(a, b, latency)),
        Act::Drop(rule) => world.change_network(|network| network.swallow(rule)),
        Act::Heal => world.change_network(|network| network.heal()),
        Act::CrashAll => world.crash_all(),
        Act::Tell(id) => world.command(id, Ask::Tell),
    }
}

/// Storage as a host has it: blocks by number.
#[derive(Default)]
pub struct Store {
    pub blocks: BTreeMap<u64, Bytes>,
    known: Vec<Rc<Block>>,
}

impl Store {
    /// Seals and saves a disk.
    pub fn save(&mut self, disk: &mut Disk, block_bytes_max: u64) {
        for block in disk.seal(block_bytes_max) {
            let bytes = block.bytes().expect("what is to be saved is in memory");
            let id = self.blocks.len() as u64;
            self.blocks.insert(id, bytes);
            block.mark_saved(StoredAt { id, stored_len: block.len(), at: 0 });
            self.known.push(block);
        }
    }

    /// Forgets the bytes of some saved blocks.
    pub fn release(&mut self, stream: &mut Stream) {
        self.known.iter().filter(|_| stream.below(2) == 0).for_each(|block| block.release());
    }

    /// Gives bytes back that a step needs.
    pub fn restore(&self, needed: &[Rc<Block>]) {
        assert!(!needed.is_empty(), "a step needs bytes and does not say which");
        for block in needed {
            assert!(!block.is_resident(), "a block was asked for that is there");
            let stored = block.saved_as().expect("only saved blocks are absent");
            block.restore(self.blocks[&stored.id].clone());
        }
    }
}

/// Who sent to whom, when it left, when it arrived, and what.
pub type Passed = (NodeId, NodeId, Time, Time, Gossip);

/// All that can be seen of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Transcript {
    pub told: Vec<Happening<Told>>,
    pub hops: Vec<Passed>,
    pub steps: u64,
}

impl Transcript {
    pub fn take(&mut self, world: &mut Toys) {
        self.told.extend(world.take_happenings());
        let hops = world.take_hops().into_iter();
        self.hops.extend(hops.map(|Hop { from, to, sent_at, arrives_at, body }| {
            (from, to, sent_at, arrives_at, body)
        }));
        self.steps += 1;
    }
}

/// Runs a world until `until`, or until nothing is left; `each` is called after every step.
pub fn run(world: &mut Toys, until: Time, store: &Store, mut each: impl FnMut(&mut Toys)) {
    while world.next_time().is_some_and(|next| next <= until) {
        match world.step() {
            Step::Ran => each(world),
            Step::Need(blocks) => store.restore(&blocks),
            Step::Idle => unreachable!("something was due"),
        }
    }
    if until < Time::NEVER {
        world.advance_to(until);
    }
}

/// Plays a script; `each` is called after every step.
pub fn run_script(world: &mut Toys, script: &[(Span, Act)], each: &mut impl FnMut(&mut Toys)) {
    run_script_with(world, script, &Store::default(), each);
}

/// Plays a script with bytes in storage.
pub fn run_script_with(
    world: &mut Toys,
    script: &[(Span, Act)],
    store: &Store,
    each: &mut impl FnMut(&mut Toys),
) {
    for (after, act) in script {
        let until = world.now() + *after;
        run(world, until, store, &mut *each);
        perform(world, act);
    }
}

/// Plays a script and says what could be seen.
pub fn play(world: &mut Toys, script: &[(Span, Act)]) -> Transcript {
    let mut transcript = Transcript::default();
    let mut take = |world: &mut Toys| transcript.take(world);
    run_script(world, script, &mut take);
    let until = world.now() + Span::millis(50);
    run(world, until, &Store::default(), take);
    transcript
}

/// What is on a disk: every file with its bytes and how much of it is flushed.
pub fn contents(disk: &Disk, store: &Store) -> Vec<(String, Bytes, u64)> {
    let read = |file: &File| {
        loop {
            match file.read(0, u64::MAX) {
                Ok(rope) => return rope.bytes(),
                Err(absent) => store.restore(&absent.0),
            }
        }
    };
    disk.iter().map(|(name, file)| (name.to_owned(), read(file), file.flushed_len())).collect()
}

/// What is on all disks.
pub fn all_contents(world: &Toys, store: &Store) -> Vec<Vec<(String, Bytes, u64)>> {
    world.ids().map(|id| contents(world.disk(id), store)).collect()
}

/// Heals everything, starts everybody, and lets each send to each until nothing is left to happen.
pub fn settle(world: &mut Toys, store: &Store, each: &mut impl FnMut(&mut Toys)) {
    world.change_network(|network| network.heal());
    let ids: Vec<NodeId> = world.ids().collect();
    for ask in [Ask::Tell, Ask::Rest, Ask::Tell, Ask::Tell] {
        for id in &ids {
            world.start(*id);
            assert_eq!(world.status(*id), Status::Running);
            world.command(*id, ask.clone());
        }
        let until = if ask == Ask::Tell { world.now() + Span::millis(500) } else { Time::NEVER };
        run(world, until, store, &mut *each);
    }
    run(world, Time::NEVER, store, each);
}
