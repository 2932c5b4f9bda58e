//! A lab in two tabs: the second looks on, may take over, and the first is told. And every byte of
//! what is kept may be wrong.

use crate::saving::now;
use crate::tab::Tab;
use crate::{BUSY, QUIET};
use pushpull::host::protocol::{Found, Reply, Request};
use pushpull::host::server::Settings;
use pushpull::storage::memory::Faults;
use pushpull::storage::{Memory, Store};
use pushpull::view::frame::Saving;

#[test]
fn a_second_tab_looks_on_and_writes_nothing() {
    let store = Memory::new();
    let mut first = Tab::open(store.other_tab(), BUSY);
    first.save();
    let saved = first.timeline().session().now();
    let mut second = Tab::open(store.other_tab(), QUIET);
    assert_eq!(*second.found(), Found::OtherTab);
    assert_eq!(second.saving(), Saving::OtherTab);
    assert_eq!(second.timeline().session().now(), saved);
    let (here, there) = (first.timeline().session(), second.timeline().session());
    assert_eq!(there.fingerprint(), here.fingerprint(), "the copy is exact");
    let commits = store.commits();
    second.run("kafka-topics --create --topic other");
    second.pass_ms(1_000);
    assert_eq!((store.commits(), store.blocks_read()), (commits, 0));
}

#[test]
fn a_tab_that_takes_over_saves_and_the_other_is_told() {
    let store = Memory::new();
    let mut first = Tab::open(store.other_tab(), BUSY);
    first.save();
    let saved_us = first.timeline().session().now().micros();
    first.run("run 1s");
    let mut second = Tab::open(store.other_tab(), QUIET);
    second.ask(Request::TakeOver);
    assert_eq!(*second.found(), Found::Lab { saved_us });
    second.run("kafka-topics --create --topic mine\nrun 1s");
    second.save();
    // The first one does not write a byte more, and goes on in memory.
    let commits = store.commits();
    first.run("run 1s");
    first.pass_ms(1_000);
    assert_eq!(first.saving(), Saving::OtherTab);
    assert!(store.commits() >= commits);
    let kept = now(store.other_tab().peek("main")).unwrap().expect("it was saved");
    assert!(kept.journal.iter().any(|line| line.text.contains("mine")), "the second one's lab");
    // And back again.
    first.ask(Request::TakeOver);
    assert!(matches!(first.found(), Found::Lab { .. }));
    first.run("kafka-topics --describe --topic mine");
}

#[test]
fn a_tab_that_lost_the_lab_puts_nothing_aside() {
    let store = Memory::new();
    let mut first = Tab::open_with(store.other_tab(), QUIET, Settings { resident_bytes_max: 0 });
    first.run("kafka-topics --create --topic t\nproducer p --kafka t --count 10\nrun 1s");
    first.save();
    let mut second = Tab::open(store.other_tab(), QUIET);
    second.ask(Request::TakeOver);
    // What the first one needs to go on belongs to the second one now.
    let text = "kafka-console-consumer --topic t --from-beginning --max-messages 10".into();
    first.ask(Request::Run { id: 1, text });
    assert_eq!(*first.found(), Found::OtherTab);
    assert_eq!(now(store.labs()).unwrap(), ["main"]);
}

#[test]
fn a_shared_lab_can_be_kept_and_what_was_there_is_put_aside() {
    let mut sharing = Tab::open(Memory::new(), BUSY);
    sharing.ask(Request::Share);
    let Some(Reply::Shared { text }) = sharing.replies.last().cloned() else { panic!() };
    let store = Memory::new();
    let mut own = Tab::open(store.other_tab(), QUIET);
    own.save();
    drop(own);
    let mut tab = Tab::closed(store.other_tab(), Settings::default());
    tab.ask(Request::OpenLink { text, file: false, lesson: None });
    tab.ask(Request::Keep { lab: "main".into() });
    tab.save();
    assert_eq!(now(store.labs()).unwrap(), ["main", "main (kept 2025-11-21-1)"]);
    let saved_us = tab.timeline().session().now().micros();
    drop(tab);
    assert_eq!(*Tab::open(store, QUIET).found(), Found::Lab { saved_us });
}

#[test]
fn a_shared_lab_that_cannot_be_kept_says_why() {
    let mut sharing = Tab::open(Memory::new(), QUIET);
    sharing.ask(Request::Share);
    let Some(Reply::Shared { text }) = sharing.replies.last().cloned() else { panic!() };
    let store = Memory::new();
    store.set_faults(Faults { unavailable: Some("denied".into()), ..Faults::default() });
    let mut tab = Tab::closed(store, Settings::default());
    tab.ask(Request::OpenLink { text, file: false, lesson: None });
    tab.ask(Request::Keep { lab: "main".into() });
    assert_eq!(tab.saving(), Saving::Unavailable("denied".into()));
}

/// Whatever byte of whatever is kept is flipped: it is told, put aside, and a fresh lab opens.
#[test]
fn any_flipped_byte_is_told_and_put_aside() {
    let store = Memory::new();
    let mut tab = Tab::open(store.other_tab(), BUSY);
    tab.save();
    drop(tab);
    let length = std::cell::Cell::new(0);
    store.damage_manifest("main", |bytes| length.set(bytes.len()));
    let of_manifest = (0..30).map(|part| (None, part * length.get() / 30));
    let ids = store.block_ids("main");
    let of_blocks = ids.iter().flat_map(|id| (0..8).map(|part| (Some(*id), part)));
    for (block, at) in of_manifest.chain(of_blocks) {
        let store = store.copy();
        match block {
            None => store.damage_manifest("main", |bytes| bytes[at] ^= 0x20),
            Some(id) => store.damage_block("main", id, |bytes| {
                let at = at * bytes.len() / 8;
                bytes[at] ^= 0x20;
            }),
        }
        let mut tab = Tab::open(store.other_tab(), QUIET);
        let mut found = tab.found().clone();
        if matches!(found, Found::Lab { .. }) {
            // No broker needed that block to start; whoever reads everything does.
            tab.run("run 100s");
            let text = "kafka-console-consumer --topic t --from-beginning --max-messages 40";
            tab.ask(Request::Run { id: 1, text: text.into() });
            found = tab.found().clone();
        }
        let Found::Unreadable { error } = found else {
            // What nobody reads in the lab cannot hurt it; storage says so when it is read.
            let id = block.expect("every byte of a manifest counts");
            assert!(store.peek_block("main", id).is_none(), "{block:?} {at}");
            continue;
        };
        assert!(error.contains("found"), "{error}");
        tab.save();
        assert_eq!(now(store.labs()).unwrap().len(), 2, "nothing is thrown away");
    }
}

#[test]
fn without_storage_a_lab_stops_before_it_fills_the_memory() {
    let settings = Settings { resident_bytes_max: 100_000 };
    let mut tab = Tab::closed(Memory::new(), settings);
    tab.ask(Request::Open { lab: "main".into(), script: QUIET.into(), store: false });
    tab.run("kafka-topics --create --topic t");
    let text = "producer p --kafka t --size 10000 --rate 1000/s\nrun 1h".into();
    tab.ask(Request::Run { id: 9, text });
    // Twenty times what else would stay in memory.
    let told = |reply: &Reply| matches!(reply, Reply::MemoryFull { bytes: 2_000_000 });
    assert!(tab.replies.iter().any(told), "{:?}", tab.replies);
    let hour = pushpull::sim::Time::from_micros(3_600_000_000);
    assert!(tab.timeline().session().now() < hour);
    // A fresh lab is the way out.
    tab.run("lab new --kafka-brokers 1\nrun 1s");
}
