//! What is called saved comes back.

use crate::tab::Tab;
use crate::{BUSY, QUIET};
use pushpull::host::journal;
use pushpull::host::protocol::{Found, Request};
use pushpull::host::server::Settings;
use pushpull::lab::command::Command;
use pushpull::lab::{Progress, Session, Timeline};
use pushpull::sim::disk::File;
use pushpull::sim::{Span, Time};
use pushpull::storage::memory::Faults;
use pushpull::storage::{Manifest, Memory, Store};
use pushpull::view::frame::Saving;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

/// A store in memory never waits.
pub fn now<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("it waited"),
    }
}

fn manifest(store: &Memory) -> Manifest {
    let other = store.other_tab();
    now(other.open("main")).expect("the tab was closed").manifest.expect("it was saved")
}

fn advance(timeline: &mut Timeline, until: Time) {
    loop {
        match timeline.advance(until, 10_000) {
            Progress::Done(()) => return,
            Progress::More => {}
            Progress::Need(blocks) => panic!("{} blocks are absent", blocks.len()),
        }
    }
}

/// Loads every block of every file.
pub fn load_all(session: &Session, store: &Memory) {
    let load = |file: &File| {
        for piece in file.pieces().iter().filter(|piece| !piece.block.is_resident()) {
            let Some(stored) = piece.block.saved_as() else { continue };
            let content = store.peek_block("main", stored.id).expect("it was saved");
            let from = stored.at as usize;
            piece.block.restore(content.slice(from..from + piece.block.len() as usize));
        }
    };
    let (kafka, rabbit) = (&session.kafka.world, &session.rabbit.world);
    kafka.ids().for_each(|id| kafka.disk(id).iter().for_each(|(_, file)| load(file)));
    rabbit.ids().for_each(|id| rabbit.disk(id).iter().for_each(|(_, file)| load(file)));
}

#[test]
fn a_lab_comes_back_as_after_a_crash_of_every_process() {
    let store = Memory::new();
    let mut tab = Tab::open(store.other_tab(), BUSY);
    assert_eq!(*tab.found(), Found::Nothing);
    tab.save();
    let saved_us = tab.timeline().session().now().micros();
    assert_eq!(tab.saving(), Saving::SavedUpTo(saved_us));
    drop(tab);

    // The journal, replayed up to the saved instant, and then a crash of every process.
    let (mut replayed, end) = journal::timeline(&manifest(&store)).unwrap();
    replayed.seek(end);
    while !matches!(replayed.seek_on(10_000), Progress::Done(())) {}
    let mut crash = replayed.execute(Command::CrashAll, "crash-all");
    while !matches!(replayed.work(&mut crash, 10_000), Progress::Done(_)) {}
    let later = end + Span::seconds(20);
    advance(&mut replayed, later);

    let mut tab = Tab::open(store.other_tab(), QUIET);
    assert_eq!(*tab.found(), Found::Lab { saved_us });
    assert!(!tab.last_frame().status.playing);
    assert!(tab.timeline().session().is_booted());
    let rest = later.since(tab.timeline().session().now());
    tab.run(&format!("run {}us", rest.as_micros()));
    assert_eq!(tab.timeline().session().now(), later);
    // A fingerprint is of what is in memory.
    load_all(tab.timeline().session(), &store);
    assert_eq!(tab.timeline().session().fingerprint(), replayed.session().fingerprint());
    assert_eq!(tab.state("ledger.kafka.lost"), "0");
    assert_eq!(tab.state("ledger.rabbit.lost"), "0");
}

#[test]
fn a_failing_store_is_told_of_and_tried_again() {
    let store = Memory::new();
    let mut tab = Tab::open(store.other_tab(), BUSY);
    tab.save();
    let saved_us = tab.timeline().session().now().micros();
    let commits = store.commits();
    store.set_faults(Faults {
        failing_commits: (commits..commits + 2).collect(),
        ..Faults::default()
    });
    tab.run("run 100ms");
    tab.pass_ms(400);
    let Saving::Failed { saved_us: safe_us, full: false, .. } = tab.saving() else {
        panic!("{:?}", tab.saving());
    };
    assert_eq!(safe_us, saved_us, "what was saved is named");
    tab.pass_ms(5_000);
    assert!(matches!(tab.saving(), Saving::SavedUpTo(_)), "{:?}", tab.saving());
    drop(tab);
    assert!(matches!(Tab::open(store, QUIET).found(), Found::Lab { .. }));
}

#[test]
fn a_full_store_keeps_what_was_saved() {
    let store = Memory::new();
    let mut tab = Tab::open(store.other_tab(), BUSY);
    tab.save();
    let saved_us = tab.timeline().session().now().micros();
    store.set_faults(Faults { bytes_max: Some(1_000), ..Faults::default() });
    tab.run("run 100ms");
    tab.pass_ms(400);
    assert!(matches!(tab.saving(), Saving::Failed { full: true, .. }), "{:?}", tab.saving());
    drop(tab);
    assert_eq!(*Tab::open(store, QUIET).found(), Found::Lab { saved_us });
}

#[test]
fn commits_are_grouped() {
    let store = Memory::new();
    let mut tab = Tab::open(store.other_tab(), QUIET);
    tab.run("kafka-topics --create --topic t\nproducer p --kafka t --rate 50/s");
    tab.save();
    let before = store.commits();
    tab.ask(Request::Play { speed: 8.0 });
    tab.pass_ms(5_000);
    let commits = store.commits() - before;
    assert!((10..=20).contains(&commits), "{commits} commits in 5 s");
    tab.ask(Request::Pause);
    tab.save();
    let before = store.commits();
    tab.pass_ms(5_000);
    assert_eq!(store.commits(), before, "what is saved is not saved again");
}

#[test]
fn a_hidden_page_is_saved_at_once_and_stands_still() {
    let store = Memory::new();
    let mut tab = Tab::open(store.other_tab(), QUIET);
    tab.run("kafka-topics --create --topic t\nproducer p --kafka t --rate 50/s");
    tab.save();
    tab.ask(Request::Play { speed: 1.0 });
    tab.pass_ms(300);
    let (commits, frames) = (store.commits(), tab.frames);
    tab.ask(Request::Hidden(true));
    assert!(store.commits() > commits);
    let now = tab.timeline().session().now();
    tab.pass_ms(2_000);
    assert_eq!(tab.timeline().session().now(), now);
    assert_eq!(tab.frames, frames);
    tab.ask(Request::Hidden(false));
    tab.pass_ms(300);
    assert!(tab.timeline().session().now() > now, "it plays on");
    assert!(tab.frames > frames);
}

/// Who leaves while the first script runs finds all of it the next time.
#[test]
fn half_of_a_first_script_is_not_saved() {
    let store = Memory::new();
    let script = format!("{BUSY}\nrun 2000s");
    let mut tab = Tab::closed(store.other_tab(), Settings::default());
    tab.ask_only(Request::Open { lab: "main".into(), script: script.clone(), store: true });
    while tab.now().is_none_or(|now| now == Time::ZERO) {
        tab.turn_after_ms(0);
    }
    assert!(tab.now() < Some(Time::ZERO + Span::seconds(2_000)), "it was over at once");
    tab.ask_only(Request::Hidden(true));
    tab.turn_after_ms(0);
    assert!(tab.now() < Some(Time::ZERO + Span::seconds(2_000)));
    assert_eq!(store.commits(), 0);
    drop(tab);
    let mut again = Tab::open(store, &script);
    assert_eq!(again.found(), &Found::Nothing);
    again.save();
}

#[test]
fn results_do_not_depend_on_what_is_in_memory() {
    let script = "\
lab new --seed 3 --kafka-brokers 1 --rabbit-nodes 1
kafka-topics --create --topic t
rabbitmqadmin declare queue --name q --durable true
producer p --kafka t --rabbit /q --count 400 --rate 1000/s --size 1000
run 2s";
    let read = "\
consumer ck --kafka t --group g --set auto.offset.reset=earliest
consumer cr --rabbit q
run 5s";
    let everything = |resident_bytes_max| {
        let store = Memory::new();
        let settings = Settings { resident_bytes_max };
        let mut tab = Tab::open_with(store.other_tab(), script, settings);
        tab.save();
        tab.run(read);
        let log = tab.timeline().session().events();
        let events: Vec<_> = log.since(0).map(|event| event.to_json().to_string()).collect();
        (events, store.blocks_read())
    };
    let (expected, read_of_all) = everything(24 << 20);
    assert_eq!(read_of_all, 0);
    for resident_bytes_max in [0, 100_000] {
        let (events, blocks_read) = everything(resident_bytes_max);
        assert!(blocks_read > 0, "everything was in memory");
        assert!(events == expected, "with {resident_bytes_max} bytes in memory it went otherwise");
    }
}

#[test]
fn what_is_here_is_saved_before_one_goes_back_in_time() {
    let store = Memory::new();
    let mut tab = Tab::open(store.other_tab(), BUSY);
    tab.run("run 200ms");
    let present = tab.timeline().session().now();
    tab.ask(Request::Seek { at_us: present.micros() - 300_000 });
    tab.settle();
    assert!(tab.timeline().session().now() < present);
    assert_eq!(manifest_while_open(&store).time_us, present.micros());
    // Looking at the past changes nothing in storage; acting in it does.
    tab.pass_ms(1_000);
    assert_eq!(manifest_while_open(&store).time_us, present.micros());
    tab.run("kafka-topics --create --topic other");
    tab.save();
    let forked = tab.timeline().session().now();
    assert!(forked < present);
    assert_eq!(manifest_while_open(&store).time_us, forked.micros());
}

fn manifest_while_open(store: &Memory) -> Manifest {
    store.manifest("main").expect("it was saved")
}

#[test]
fn stored_blocks_that_nothing_needs_are_dropped() {
    let store = Memory::new();
    let mut tab = Tab::open(store.other_tab(), QUIET);
    tab.run("kafka-topics --create --topic t\nproducer p --kafka t --rate 200/s --size 500");
    tab.ask(Request::Play { speed: 4.0 });
    tab.pass_ms(8_000);
    tab.ask(Request::Pause);
    tab.save();
    drop(tab);
    let before = store.block_ids("main");
    let tab = Tab::open(store.other_tab(), QUIET);
    drop(tab);
    let named = manifest(&store).block_ids();
    assert!(before.len() < named.len() + 100, "{} blocks, {} named", before.len(), named.len());
}
