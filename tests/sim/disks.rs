//! What is left on disks after crashes and power cuts, and that it never matters where bytes are.

use crate::play::{self, Act, Store};
use crate::puppet::{A, Do, Stage};
use crate::toy::{CHECKPOINT, LOG, Told};
use pushpull::sim::{CostModel, Happening, NodeId, Span, Step, Stream};
use std::collections::BTreeMap;

const SEEDS: u64 = 50;
const ACTS: usize = 60;

// ---- scenes ----

/// A drive that takes 10 ms for a flush, so that there is a time in between.
fn slow_drive() -> Stage {
    let cost = CostModel { fsync: Span::millis(10), ..CostModel::preset("lesson").unwrap() };
    Stage::with(cost, Span::ZERO)
}

fn power_cut(stage: &mut Stage) {
    stage.world.power_cut(stage.world.machine(A));
}

#[test]
fn a_crash_keeps_what_was_written_and_a_power_cut_what_was_flushed() {
    let mut stage = slow_drive();
    stage.tell(A, [Do::Append("log", "abc"), Do::Replace("state", "1"), Do::Flush("log")]);
    stage.tell(A, [Do::Flush("state")]);
    stage.run(20_000);
    stage.tell(A, [Do::Append("log", "def"), Do::Replace("state", "2"), Do::Replace("new", "x")]);
    stage.run(0);
    stage.world.crash(A);
    let files = |stage: &Stage| ["log", "state", "new"].map(|name| stage.file(A, name));
    assert_eq!(files(&stage), ["abcdef", "2", "x"].map(|text| Some(text.to_owned())));
    power_cut(&mut stage);
    assert_eq!(files(&stage), [Some("abc".to_owned()), Some("1".to_owned()), None]);
}

#[test]
fn a_flush_covers_what_was_written_when_it_was_asked_for() {
    let mut stage = slow_drive();
    stage.tell(A, [Do::Append("log", "abc"), Do::Flush("log"), Do::Append("log", "def")]);
    stage.tell(A, [Do::Replace("state", "1"), Do::Flush("state"), Do::Replace("state", "2")]);
    assert_eq!(stage.watch(30_000), ["10000 a has flushed log", "20000 a has flushed state"]);
    power_cut(&mut stage);
    assert_eq!(stage.file(A, "log").as_deref(), Some("abc"));
    assert_eq!(stage.file(A, "state").as_deref(), Some("1"));
}

#[test]
fn a_flush_does_not_cover_what_was_written_in_the_place_of_what_was_cut_off() {
    let mut stage = slow_drive();
    stage.tell(A, [Do::Append("log", "abcdef"), Do::Flush("log")]);
    stage.run(5_000);
    stage.tell(A, [Do::Truncate("log", 2), Do::Append("log", "xyz")]);
    stage.run(10_000);
    assert_eq!(stage.file(A, "log").as_deref(), Some("abxyz"));
    power_cut(&mut stage);
    assert_eq!(stage.file(A, "log").as_deref(), Some("ab"));
}

#[test]
fn a_flush_follows_its_file_to_another_name_and_not_to_another_file() {
    let mut stage = slow_drive();
    stage.tell(A, [Do::Append("tmp", "abc"), Do::Flush("tmp"), Do::Append("old", "old")]);
    stage.tell(A, [Do::Append("gone", "abc"), Do::Flush("gone")]);
    stage.run(5_000);
    stage.tell(A, [Do::Rename("tmp", "old"), Do::Append("tmp", "new"), Do::Rename("none", "tmp")]);
    stage.tell(A, [Do::Delete("gone"), Do::Append("gone", "new"), Do::Delete("none")]);
    assert_eq!(stage.watch(20_000), ["10000 a has flushed tmp", "20000 a has flushed gone"]);
    power_cut(&mut stage);
    assert_eq!(stage.file(A, "old").as_deref(), Some("abc"));
    assert_eq!(stage.file(A, "tmp").as_deref(), Some(""), "made, and nothing of it flushed");
    assert_eq!(stage.file(A, "gone").as_deref(), Some(""));
}

#[test]
fn a_flush_that_the_process_did_not_live_to_see_does_not_count() {
    let mut stage = slow_drive();
    stage.tell(A, [Do::Append("log", "abc"), Do::Flush("log")]);
    stage.run(5_000);
    stage.world.crash(A);
    stage.world.start(A);
    assert_eq!(stage.watch(20_000), ["5000 a starts"]);
    assert_eq!(stage.file(A, "log").as_deref(), Some("abc"));
    power_cut(&mut stage);
    assert_eq!(stage.file(A, "log").as_deref(), Some(""));
}

#[test]
fn a_drive_writes_only_what_is_fresh() {
    let cost = CostModel { disk_bandwidth: 1_000, ..CostModel::preset("lesson").unwrap() };
    let mut stage = Stage::with(cost, Span::ZERO);
    // 1 ms a byte: 3, then 2 more while the first are under way, then none; a whole file again.
    stage.tell(A, [Do::Append("log", "abc"), Do::Flush("log"), Do::Append("log", "de")]);
    stage.tell(A, [Do::Flush("log"), Do::Flush("log")]);
    stage.tell(A, [Do::Replace("state", "123"), Do::Flush("state"), Do::Replace("state", "456")]);
    stage.tell(A, [Do::Flush("state"), Do::Flush("state")]);
    let seen = [3, 5, 5, 8, 11, 11];
    let lines = stage.watch(50_000);
    let at = |line: &String| line.split(' ').next().unwrap().parse::<u64>().unwrap() / 1_000;
    assert_eq!(lines.iter().map(at).collect::<Vec<_>>(), seen, "{lines:?}");
}

// ---- properties ----

/// What has to be on a toy's disk, from what the toy told: written is kept by a crash, flushed by
/// a power cut.
#[derive(Clone, Default)]
struct Expected {
    log: Vec<u8>,
    log_flushed: usize,
    log_flushing: BTreeMap<u64, usize>,
    checkpoint: Option<Vec<u8>>,
    checkpoint_flushed: Option<Vec<u8>>,
    checkpoint_flushing: BTreeMap<u64, Option<Vec<u8>>>,
}

impl Expected {
    fn note(&mut self, told: &Told) {
        match told {
            Told::Written { file: LOG, bytes } => self.log.extend(bytes),
            Told::Written { bytes, .. } => self.checkpoint = Some(bytes.to_vec()),
            Told::Cut { len } => {
                let len = *len as usize;
                self.log.truncate(len);
                self.log_flushed = self.log_flushed.min(len);
                self.log_flushing.values_mut().for_each(|flushing| *flushing = len.min(*flushing));
            }
            Told::AskedToFlush { file: LOG, number } => {
                self.log_flushing.insert(*number, self.log.len());
            }
            Told::AskedToFlush { number, .. } => {
                self.checkpoint_flushing.insert(*number, self.checkpoint.clone());
            }
            Told::Flushed { file: LOG, number } => {
                let flushed = self.log_flushing.remove(number).expect("it was asked for");
                self.log_flushed = self.log_flushed.max(flushed);
            }
            Told::Flushed { number, .. } => {
                let flushed = self.checkpoint_flushing.remove(number).expect("it was asked for");
                // A flush of a file that is not there yet makes nothing safe.
                self.checkpoint_flushed = flushed.or(self.checkpoint_flushed.take());
            }
            Told::Started { found } => {
                assert_eq!(
                    *found as usize,
                    self.log.len(),
                    "what a life finds is not what was left"
                );
                self.log_flushing.clear();
                self.checkpoint_flushing.clear();
            }
            _ => {}
        }
    }

    fn power_cut(&mut self) {
        self.log.truncate(self.log_flushed);
        self.checkpoint = self.checkpoint_flushed.clone();
    }
}

#[test]
fn crashes_keep_exactly_what_was_written_and_power_cuts_exactly_what_was_flushed() {
    let (mut kept, mut lost) = (0, 0);
    for seed in 0..SEEDS {
        let mut script = play::script(seed, ACTS);
        script.retain(|(_, act)| !matches!(act, Act::Tear(_)));
        // A paused or busy toy learns late that a flush is done.
        script.retain(|(_, act)| !matches!(act, Act::Pause(_)));
        let mut world = play::world(seed, false);
        let mut expected = vec![Expected::default(); play::TOYS as usize];
        for (after, act) in &script {
            let until = world.now() + *after;
            play::run(&mut world, until, &Store::default(), |world| {
                for Happening { node, event, .. } in world.take_happenings() {
                    expected[node.0 as usize].note(&event);
                }
            });
            if let Act::PowerCut(machine) = act {
                for id in world.ids().filter(|id| world.machine(*id) == *machine) {
                    let expected = &mut expected[id.0 as usize];
                    lost += expected.log.len() - expected.log_flushed;
                    expected.power_cut();
                }
            }
            play::perform(&mut world, act);
            for id in world.ids() {
                let expected = &expected[id.0 as usize];
                let found: BTreeMap<_, _> = play::contents(world.disk(id), &Store::default())
                    .into_iter()
                    .map(|(name, bytes, _)| (name, bytes.to_vec()))
                    .collect();
                let context = format!("seed {seed}, {id} after {act:?} at {}", world.now());
                let log = found.get(LOG).cloned().unwrap_or_default();
                assert!(log == expected.log, "{context}: another log");
                let checkpoint = found.get(CHECKPOINT);
                assert!(
                    checkpoint == expected.checkpoint.as_ref(),
                    "{context}: another checkpoint"
                );
                kept += log.len();
            }
        }
    }
    assert!(kept > 1_000_000 && lost > 10_000, "{kept} bytes kept, {lost} lost: too few");
}

#[test]
fn a_torn_power_cut_keeps_what_was_flushed_and_perhaps_a_little_more() {
    let [mut none, mut some, mut spoilt] = [0; 3];
    for seed in 0..SEEDS * 3 {
        let mut world = play::world(seed, false);
        let until = world.now() + Span::millis(300);
        play::run(&mut world, until, &Store::default(), |_| ());
        let id = NodeId(0);
        let machine = world.machine(id);
        let mut clean = world.clone();
        let file = |world: &play::Toys, name: &str| {
            let found = world.disk(id).get(name)?;
            Some((found.read(0, u64::MAX).expect("it is in memory").bytes(), found.flushed_len()))
        };
        let written = file(&world, LOG).unwrap_or_default().0;
        clean.power_cut(machine);
        world.power_cut_torn(machine);
        let flushed = file(&clean, LOG).unwrap_or_default().0;
        let (torn, safe) = file(&world, LOG).unwrap_or_default();
        assert!(torn.len() >= flushed.len() && torn.len() <= written.len());
        assert_eq!(safe as usize, torn.len(), "what is on the drive is on the drive");
        let same = torn.iter().zip(&written).take_while(|(a, b)| a == b).count();
        assert!(same >= flushed.len(), "seed {seed}: a torn write spoilt what was flushed");
        assert!(torn.len() - same <= 512, "seed {seed}: more than one sector is spoilt");
        none += usize::from(torn.len() == flushed.len());
        some += usize::from(torn.len() > flushed.len() && torn.len() < written.len());
        spoilt += usize::from(same < torn.len());
        let checkpoint = file(&world, CHECKPOINT).map(|(bytes, _)| bytes);
        let flushed_checkpoint = file(&clean, CHECKPOINT).map(|(bytes, _)| bytes);
        let is_old = checkpoint == flushed_checkpoint;
        assert!(is_old || checkpoint.is_some(), "a whole file is there whole or not");
        // A second cut finds nothing more to tear.
        let before = play::contents(world.disk(id), &Store::default());
        world.start(id);
        world.power_cut_torn(machine);
        assert!(before == play::contents(world.disk(id), &Store::default()));
    }
    assert!(none > 0 && some > 10 && spoilt > 10, "{none} {some} {spoilt}");
}

#[test]
fn results_do_not_depend_on_where_bytes_are() {
    for seed in 0..SEEDS {
        let script = play::script(seed, ACTS);
        let mut plain = play::world(seed, seed.is_multiple_of(2));
        let expected = play::play(&mut plain, &script);

        let mut stream = Stream::named(seed, "residency");
        let mut world = play::world(seed, seed.is_multiple_of(2));
        let mut transcript = play::Transcript::default();
        let mut store = Store::default();
        let mut checkpoints = Vec::new();
        for (after, act) in &script {
            if stream.below(4) == 0 {
                checkpoints.push((world.clone(), play::all_contents(&world, &store)));
            }
            if stream.below(2) == 0 {
                let block_bytes_max = 1 + stream.below(4_000);
                for id in world.ids().collect::<Vec<_>>() {
                    store.save(world.disk_mut(id), block_bytes_max);
                }
                store.release(&mut stream);
            }
            let until = world.now() + *after;
            play::run(&mut world, until, &store, |world| transcript.take(world));
            play::perform(&mut world, act);
        }
        let until = world.now() + Span::millis(50);
        play::run(&mut world, until, &store, |world| transcript.take(world));
        assert!(transcript == expected, "seed {seed}: saving or releasing bytes changed a result");
        assert!(play::all_contents(&world, &store) == play::all_contents(&plain, &store));
        for (checkpoint, contents) in &checkpoints {
            let now = play::all_contents(checkpoint, &store);
            assert!(
                now == *contents,
                "seed {seed}: saving changed a checkpoint at {}",
                checkpoint.now()
            );
        }
    }
}

#[test]
fn a_step_that_needs_bytes_changes_nothing() {
    let mut needs = 0;
    for seed in 0..SEEDS {
        let mut world = play::world(seed, true);
        let mut store = Store::default();
        let mut stream = Stream::named(seed, "release");
        for _ in 0..40 {
            for id in world.ids().collect::<Vec<_>>() {
                store.save(world.disk_mut(id), 1_000);
            }
            store.release(&mut stream);
            let until = world.now() + Span::millis(5);
            while world.next_time().is_some_and(|next| next <= until) {
                let before = (world.now(), world.steps(), world.next_time());
                let Step::Need(blocks) = world.step() else { continue };
                needs += 1;
                assert!((world.now(), world.steps(), world.next_time()) == before);
                let Step::Need(again) = world.step() else { panic!("it ran") };
                assert_eq!(again.len(), blocks.len());
                store.restore(&blocks);
                assert!(matches!(world.step(), Step::Ran));
            }
        }
    }
    assert!(needs > 100, "only {needs} steps needed anything");
}
