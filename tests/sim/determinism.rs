//! Same seed and same script, same events; clones continue identically and independently.

use crate::play::{self, Passed, Store, Transcript};
use crate::toy::Told;
use pushpull::sim::{Span, Stream};

const SEEDS: u64 = 30;
const ACTS: usize = 40;

#[test]
fn same_seed_same_events() {
    for seed in 0..SEEDS {
        let script = play::script(seed, ACTS);
        let [first, second] = [(); 2].map(|()| {
            let mut world = play::world(seed, seed.is_multiple_of(2));
            let transcript = play::play(&mut world, &script);
            (transcript, world.now(), world.steps())
        });
        assert!(first == second, "seed {seed}: two runs differ");
    }
}

#[test]
fn another_seed_gives_other_events() {
    let script = play::script(1, ACTS);
    let [one, two] = [1, 2].map(|seed| play::play(&mut play::world(seed, true), &script));
    assert!(one != two, "the seed changes nothing");
}

#[test]
fn a_clone_continues_identically_and_leaves_the_original_alone() {
    for seed in 0..SEEDS {
        let script = play::script(seed, ACTS);
        let mut stream = Stream::named(seed, "when to clone");
        let (before, after) = script.split_at(1 + stream.below(ACTS as u64 - 1) as usize);
        let mut world = play::world(seed, seed.is_multiple_of(2));
        play::play(&mut world, before);
        for _ in 0..stream.below(200) {
            world.step();
        }
        let contents = |world: &play::Toys| play::all_contents(world, &Store::default());

        let mut clone = world.clone();
        let on_disk = contents(&world);
        // A wild life of the clone...
        let mut wild = world.clone();
        play::play(&mut wild, &play::script(seed + 1, ACTS));
        wild.crash_all();
        play::play(&mut wild, &play::script(seed + 2, ACTS));
        // ... is not seen in the original, nor in another clone.
        assert!(contents(&world) == on_disk, "seed {seed}: a clone wrote to the original's disk");
        let original = play::play(&mut world, after);
        let continued = play::play(&mut clone, after);
        assert!(original == continued, "seed {seed}: a clone went another way");
        assert!(contents(&world) == contents(&clone), "seed {seed}: a clone wrote something else");
    }
}

/// Checks of rare things are worth nothing if the rare things do not happen.
#[test]
fn scripts_make_rare_things_happen() {
    let mut all = Transcript::default();
    let mut acts = String::new();
    for seed in 0..2 * SEEDS {
        let script = play::script(seed, ACTS);
        acts += &format!("{script:?}");
        let transcript = play::play(&mut play::world(seed, true), &script);
        all.told.extend(transcript.told);
        all.hops.extend(transcript.hops);
    }
    let count = |wanted: fn(&Told) -> bool| all.told.iter().filter(|h| wanted(&h.event)).count();
    assert!(count(|told| matches!(told, Told::Closed { .. })) > 200);
    assert!(count(|told| matches!(told, Told::Flushed { .. })) > 200);
    assert!(count(|told| matches!(told, Told::Cut { .. })) > 200);
    assert!(count(|told| matches!(told, Told::Leaves)) > 20);
    assert!(count(|told| matches!(told, Told::Read { bytes, .. } if bytes.len() > 1_000)) > 200);
    assert!(count(|told| matches!(told, Told::Started { found } if *found > 0)) > 200);
    for act in ["PowerCut", "Tear", "CrashAll", "Pause", "Resume", "Partition", "Drop", "Slow"] {
        assert!(acts.contains(act), "{act} was never drawn");
    }
    let late = |hop: &&Passed| hop.3 - hop.2 > Span::millis(45);
    assert!(all.hops.iter().filter(late).count() > 10, "nothing was lost and sent again");
}
