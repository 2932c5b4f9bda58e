//! Opening a saved world again is a crash of everything at once, and nothing else.

use crate::play::{self, Act, Script, Store, Toys};
use crate::puppet::{A, B, Do, Stage};
use crate::toy::{Ask, Toy};
use pushpull::sim::disk::{Block, File, Kind, Piece};
use pushpull::sim::{Disk, MachineId, NodeId, Saved, SavedProcess, Span, Status, Stream, World};

const SEEDS: u64 = 40;
const ACTS: usize = 40;

/// A disk as storage gives it back: every byte is absent until it is asked for.
fn from_storage(disk: &mut Disk, store: &mut Store, block_bytes_max: u64) -> Disk {
    store.save(disk, block_bytes_max);
    let pieces = |pieces: &[Piece]| -> Vec<Piece> {
        let again = |piece: &Piece| {
            let id = piece.block.saved_as().expect("everything was saved");
            Piece { block: Block::absent(id, piece.block.len()), ..piece.clone() }
        };
        pieces.iter().map(again).collect()
    };
    let mut opened = Disk::default();
    for (name, file) in disk.iter() {
        let kind = match file.kind() {
            Kind::Log { flushed } => Kind::Log { flushed: *flushed },
            Kind::Whole { flushed } => Kind::Whole { flushed: flushed.as_deref().map(pieces) },
        };
        opened.insert(name, File::from_pieces(pieces(file.pieces()), kind));
    }
    opened
}

/// Saves a world and builds it anew from what storage kept and the configurations.
fn reopen(seed: u64, world: &mut Toys, store: &mut Store) -> Toys {
    let saved = world.saved();
    let processes = saved.processes.into_iter().map(|process| {
        let disk = from_storage(world.disk_mut(process.id), store, 700);
        let Toy { peers, work_max, .. } = process.node;
        SavedProcess { node: Toy::new(peers, work_max), disk, ..process }
    });
    let saved = Saved { processes: processes.collect(), ..saved };
    let mut opened = World::restored(seed, "toys", play::cost(seed), saved);
    opened.watch(true);
    opened
}

/// A world in the middle of things, some of its processes removed and others added.
fn grown(seed: u64, script: &Script) -> Toys {
    let mut world = play::world(seed, seed.is_multiple_of(2));
    play::play(&mut world, script);
    let peers: Vec<NodeId> = (0..play::TOYS).map(NodeId).collect();
    for index in 0..seed % 3 {
        let toy = Toy::new(peers.clone(), Span::ZERO);
        let machine = MachineId((seed % 3) as u32);
        let id = world.add(&format!("late-{index}"), machine, toy, Disk::default());
        world.start(id);
        if index == 0 {
            world.command(id, Ask::Tell);
            play::play(&mut world, &play::script(seed + 1, 5));
            world.remove(id);
        }
    }
    play::play(&mut world, &play::script(seed + 2, 5));
    world
}

#[test]
fn a_world_built_from_what_was_saved_goes_on_as_after_crash_all() {
    for seed in 0..SEEDS {
        let script = play::script(seed, ACTS);
        let mut world = grown(seed, &script);
        for _ in 0..Stream::named(seed, "when to save").below(100) {
            world.step();
        }
        let mut store = Store::default();
        let mut opened = reopen(seed, &mut world, &mut store);
        world.crash_all();
        world.take_happenings();
        world.take_hops();

        assert_eq!(world.now(), opened.now());
        assert!(world.ids().eq(opened.ids()), "seed {seed}: other processes");
        for id in world.ids() {
            assert_eq!(world.status(id), opened.status(id), "seed {seed}: {id}");
            assert_eq!(world.life(id), opened.life(id), "seed {seed}: {id}");
            assert_eq!(world.name(id), opened.name(id));
            assert_eq!(opened.id(world.name(id)), Some(id));
        }
        assert_eq!(world.network().faults(), opened.network().faults());
        // Torn power cuts, lost packets, random choices: everything that can be drawn is the same.
        let after = play::script(seed + 3, ACTS);
        let on = play::play(&mut world, &after);
        let mut again = play::Transcript::default();
        play::run_script_with(&mut opened, &after, &store, &mut |world| again.take(world));
        let until = opened.now() + Span::millis(50);
        play::run(&mut opened, until, &store, |world| again.take(world));
        assert!(on == again, "seed {seed}: the world that was opened again goes another way");
        assert!(!on.told.is_empty());
        assert!(play::all_contents(&world, &store) == play::all_contents(&opened, &store));
        assert_eq!(world.add_machine(), opened.add_machine());
        assert_eq!(
            world.add("new", MachineId(0), Toy::new(vec![], Span::ZERO), Disk::default()),
            opened.add("new", MachineId(0), Toy::new(vec![], Span::ZERO), Disk::default()),
        );
    }
}

#[test]
fn crash_all_starts_who_lived_and_keeps_what_was_written() {
    let mut stage = Stage::new();
    let down = stage.add("down", MachineId(0), Span::ZERO);
    let off = stage.add("off", MachineId(2), Span::ZERO);
    stage.tell(A, [Do::Append("log", "abc"), Do::Timer("t", Span::millis(9)), Do::Say(B, "x")]);
    stage.tell(B, [Do::Replace("state", "1")]);
    stage.run(500);
    stage.world.pause(B);
    stage.world.crash(down);
    stage.world.power_cut(MachineId(2));
    stage.world.change_network(|network| network.slow(A, None, Span::millis(7)));
    let before = stage.world.now();
    stage.world.take_happenings();
    stage.world.crash_all();

    assert_eq!(stage.world.now(), before, "it takes no time");
    let status = |id| stage.world.status(id);
    assert_eq!([A, B].map(status), [Status::Running; 2]);
    assert_eq!([down, off].map(status), [Status::Down, Status::Off]);
    assert_eq!([A, B, down, off].map(|id| stage.world.life(id)), [1; 4]);
    assert_eq!(stage.file(A, "log").as_deref(), Some("abc"));
    assert_eq!(stage.file(B, "state").as_deref(), Some("1"));
    assert_eq!(stage.world.in_flight().count(), 0);
    assert!(!stage.world.network().is_whole(), "faults stay");
    assert_eq!(stage.watch(20_000), ["500 a starts", "500 b starts"], "no message, timer or news");
}

#[test]
fn crash_all_begins_random_streams_anew() {
    let [mut once, mut twice] = [(); 2].map(|()| play::world(1, true));
    play::play(&mut once, &play::script(1, ACTS));
    play::play(&mut twice, &play::script(2, ACTS / 2));
    let lives = |world: &Toys| world.ids().map(|id| world.life(id)).collect::<Vec<_>>();
    // Two worlds with other pasts, brought to the same lives, statuses, disks and time.
    let time = once.now().max(twice.now()) + Span::seconds(1);
    for world in [&mut once, &mut twice] {
        play::run(world, time, &Store::default(), |_| ());
        world.change_network(|network| network.heal());
        for id in world.ids().collect::<Vec<_>>() {
            world.start(id);
            world.crash(id);
        }
    }
    for index in 0..play::TOYS {
        let id = NodeId(index);
        let most = once.life(id).max(twice.life(id));
        for world in [&mut once, &mut twice] {
            while world.life(id) < most {
                world.start(id);
                world.crash(id);
            }
            *world.disk_mut(id) = Disk::default();
            world.start(id);
        }
    }
    assert_eq!(lives(&once), lives(&twice));
    once.crash_all();
    twice.crash_all();
    once.take_happenings();
    twice.take_happenings();
    let script: Script = vec![(Span::seconds(1), Act::Tell(A)); 3];
    let [once, twice] = [once, twice].map(|mut world| play::play(&mut world, &script));
    assert!(once.told == twice.told, "the past shows through");
}

#[test]
#[should_panic(expected = "two processes are called a")]
fn a_saved_world_with_one_name_twice_is_refused() {
    let stage = Stage::new();
    let mut saved = stage.world.saved();
    saved.processes[1].name = "a".into();
    World::restored(1, "stage", stage.world.cost().clone(), saved);
}
