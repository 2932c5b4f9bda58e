//! How fast the bare world runs, without a broker: `cargo bench --bench sim`.
//!
//! Real time is read here and only here; the figures are the best of several rounds, because the
//! best is what the machine can do when nobody disturbs it.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, clippy::print_stdout)]
#![allow(missing_docs)]

use bytes::Bytes;
use pushpull::sim::{CostModel, Disk, Input, Message, Node, NodeId, Outbox, Span, Step, World};
use std::hint::black_box;
use std::time::Instant;

const ROUNDS: usize = 7;
const STEPS: u64 = 400_000;
const FILES: usize = 1_000;

#[derive(Clone)]
struct Ball {
    payload: Bytes,
}

impl Message for Ball {
    fn size_bytes(&self) -> u64 {
        100 + self.payload.len() as u64
    }
    fn kind(&self) -> &'static str {
        "Ball"
    }
}

/// Sends every ball back; moves a timer each time, as brokers do with their timeouts.
#[derive(Clone)]
struct Player {
    work: Span,
    moves_timer: bool,
}

impl Node for Player {
    type Message = Ball;
    type Timer = u8;
    type Ticket = ();
    type Command = (NodeId, u32);
    type Event = u64;

    fn step(&mut self, input: Input<Self>, out: &mut Outbox<'_, Self>) {
        match input {
            Input::Command((to, balls)) => {
                for _ in 0..balls {
                    out.send(to, Ball { payload: Bytes::from_static(b"ball") });
                }
            }
            Input::Message { from, body } => {
                out.work(self.work);
                if self.moves_timer {
                    out.timer(0, Span::seconds(10));
                }
                out.send(from, body);
            }
            _ => {}
        }
    }

    fn restarted(&self) -> Self {
        self.clone()
    }
}

fn table(preset: &str, players: u32, balls: u32, work: Span, moves_timer: bool) -> World<Player> {
    let cost = CostModel::preset(preset).expect("a known preset");
    let mut world = World::new(1, "bench", cost);
    let ids: Vec<NodeId> = (0..players)
        .map(|index| {
            let machine = world.add_machine();
            let player = Player { work, moves_timer };
            let id = world.add(&format!("player-{index}"), machine, player, Disk::default());
            world.start(id);
            id
        })
        .collect();
    for pair in ids.chunks(2) {
        world.command(pair[0], (pair[1], balls));
    }
    world
}

fn best_of<T>(mut prepare: impl FnMut() -> T, mut run: impl FnMut(&mut T)) -> f64 {
    let mut best = f64::INFINITY;
    for _ in 0..ROUNDS {
        let mut prepared = prepare();
        let begin = Instant::now();
        run(&mut prepared);
        best = best.min(begin.elapsed().as_secs_f64());
    }
    best
}

fn ping_pong(title: &str, make: impl Fn() -> World<Player>) {
    let seconds = best_of(&make, |world| {
        for _ in 0..STEPS {
            assert!(matches!(world.step(), Step::Ran));
        }
        black_box(world.now());
    });
    println!("{title:<58} {:>9.2} M steps/s", STEPS as f64 / seconds / 1e6);
}

/// One process with many files of many appends each.
fn archive(pieces: usize) -> World<Player> {
    let mut disk = Disk::default();
    for file in 0..FILES {
        for _ in 0..pieces {
            disk.append(&format!("topic-{file:04}/00000000000000000000.log"), vec![7; 100].into());
        }
    }
    let mut world = table("lesson", 2, 1, Span::ZERO, false);
    let machine = world.add_machine();
    let player = Player { work: Span::ZERO, moves_timer: false };
    let id = world.add("archive", machine, player, disk);
    world.start(id);
    world
}

fn cloning(pieces: usize) {
    let clones = 1_000;
    let seconds = best_of(
        || archive(pieces),
        |world| {
            for _ in 0..clones {
                black_box(world.clone());
            }
        },
    );
    println!(
        "{:<58} {:>9.2} us",
        format!("clone, {FILES} files of {pieces} pieces"),
        seconds / f64::from(clones) * 1e6
    );
    let seconds = best_of(
        || archive(pieces),
        |world| {
            let id = world.id("archive").expect("it was added");
            for _ in 0..clones {
                let checkpoint = world.clone();
                world.disk_mut(id).append("topic-0500/00000000000000000000.log", Bytes::new());
                black_box(checkpoint);
            }
        },
    );
    println!(
        "{:<58} {:>9.2} us",
        format!("clone, then one append, {FILES} files of {pieces} pieces"),
        seconds / f64::from(clones) * 1e6
    );
}

fn main() {
    ping_pong("ping-pong: 2 players, 1 ball, lesson", || table("lesson", 2, 1, Span::ZERO, false));
    ping_pong("ping-pong: 2 players, 1000 balls, lan", || table("lan", 2, 1000, Span::ZERO, false));
    ping_pong("ping-pong: 100 players, 20 balls a pair, lan", || {
        table("lan", 100, 20, Span::ZERO, false)
    });
    ping_pong("the same, 5 us of work a ball", || table("lan", 100, 20, Span::micros(5), false));
    ping_pong("the same, and a timer moved each time", || {
        table("lan", 100, 20, Span::micros(5), true)
    });
    cloning(1);
    cloning(100);
}
