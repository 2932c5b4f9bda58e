//! Opening: first visits, broken storage, other tabs.

use crate::saving::now;
use crate::tab::Tab;
use crate::{BUSY, QUIET};
use pushpull::host::protocol::{Found, Grain, LessonAct, Reply, Request};
use pushpull::host::server::Settings;
use pushpull::storage::memory::Faults;
use pushpull::storage::{Memory, Store};
use pushpull::view::frame::{Saving, Selection};

#[test]
fn a_first_visit_runs_the_script() {
    let mut tab = Tab::open(Memory::new(), BUSY);
    assert_eq!(*tab.found(), Found::Nothing);
    let failed: Vec<_> =
        tab.replies.iter().filter(|reply| matches!(reply, Reply::Ran { .. })).collect();
    assert!(failed.is_empty(), "{failed:?}");
    tab.run("kafka-topics --list");
    let listed = |reply: &Reply| matches!(reply, Reply::Ran { output, .. } if output.iter().any(|l| l == "t"));
    assert!(tab.replies.iter().any(listed), "{:?}", tab.replies);
}

#[test]
fn a_script_that_fails_is_told_of() {
    let tab = Tab::open(Memory::new(), "no-such-program");
    let told =
        |reply: &Reply| matches!(reply, Reply::Ran { id: 0, error: Some(_), last: true, .. });
    assert!(tab.replies.iter().any(told), "{:?}", tab.replies);
}

#[test]
fn without_storage_the_lab_is_in_memory() {
    let store = Memory::new();
    let reason = "SecurityError: denied";
    store.set_faults(Faults { unavailable: Some(reason.into()), ..Faults::default() });
    let mut tab = Tab::open(store.other_tab(), BUSY);
    assert_eq!(*tab.found(), Found::NoStorage { reason: reason.into() });
    assert_eq!(tab.saving(), Saving::Unavailable(reason.into()));
    tab.pass_ms(1_000);
    assert_eq!(store.commits(), 0);
}

#[test]
fn an_embed_does_not_touch_storage() {
    let store = Memory::new();
    let mut tab = Tab::closed(store.other_tab(), Settings::default());
    tab.ask(Request::Open { lab: "main".into(), script: BUSY.into(), store: false });
    tab.pass_ms(1_000);
    assert_eq!(*tab.found(), Found::Nothing);
    assert_eq!(store.commits(), 0);
}

/// Opens a lab whose storage was damaged: it must be kept aside, and a fresh one opened.
fn opens_afresh(damage: impl FnOnce(&Memory)) -> String {
    let store = Memory::new();
    let mut tab = Tab::open(store.other_tab(), BUSY);
    tab.save();
    drop(tab);
    damage(&store);
    let mut tab = Tab::open(store.other_tab(), QUIET);
    let Found::Unreadable { error } = tab.found().clone() else { panic!("{:?}", tab.found()) };
    tab.save();
    assert_eq!(now(store.labs()).unwrap(), ["main", "main (kept 2025-11-21-1)"]);
    tab.run("kafka-topics --create --topic fresh");
    tab.save();
    drop(tab);
    assert!(matches!(Tab::open(store, QUIET).found(), Found::Lab { .. }), "the fresh lab is saved");
    error
}

#[test]
fn a_torn_manifest_is_kept_aside() {
    let error = opens_afresh(|store| store.damage_manifest("main", |bytes| bytes.truncate(100)));
    assert!(error.starts_with("body of the manifest of \"main\": found 76 bytes"), "{error}");
}

#[test]
fn a_manifest_with_a_flipped_byte_is_kept_aside() {
    let error = opens_afresh(|store| store.damage_manifest("main", |bytes| bytes[200] ^= 1));
    assert!(error.starts_with("checksum of the manifest"), "{error}");
}

#[test]
fn a_newer_manifest_is_kept_aside() {
    let error = opens_afresh(|store| {
        store.damage_manifest("main", |bytes| {
            bytes[8] += 1;
            let sum = crc32c::crc32c(&bytes[8..20]);
            let sum = crc32c::crc32c_append(sum, &bytes[24..]);
            bytes[20..24].copy_from_slice(&sum.to_le_bytes());
        });
    });
    assert!(error.contains("newer version"), "{error}");
}

fn break_blocks(store: &Memory) {
    for id in store.block_ids("main") {
        store.damage_block("main", id, |bytes| bytes[10] ^= 1);
    }
}

#[test]
fn a_broken_block_is_kept_aside() {
    let error = opens_afresh(break_blocks);
    assert!(error.contains("found checksum"), "{error}");
}

#[test]
fn a_broken_block_that_is_met_later_is_kept_aside() {
    let store = Memory::new();
    let settings = Settings { resident_bytes_max: 0 };
    let mut tab = Tab::open_with(store.other_tab(), QUIET, settings);
    tab.run("kafka-topics --create --topic t\nproducer p --kafka t --count 10\nrun 1s");
    tab.save();
    break_blocks(&store);
    let text = "kafka-console-consumer --topic t --from-beginning --max-messages 10".into();
    tab.ask(Request::Run { id: 1, text });
    let Found::Unreadable { error } = tab.found() else { panic!("{:?}", tab.found()) };
    assert!(error.contains("found checksum"), "{error}");
    assert_eq!(now(store.labs()).unwrap(), ["main", "main (kept 2025-11-21-1)"]);
}

#[test]
fn storage_that_goes_away_while_blocks_are_read_costs_only_storage() {
    let store = Memory::new();
    let mut tab = Tab::open(store.other_tab(), BUSY);
    tab.save();
    drop(tab);
    store.set_faults(Faults { unreadable: Some("gone".into()), ..Faults::default() });
    let tab = Tab::open(store.other_tab(), QUIET);
    assert_eq!(*tab.found(), Found::NoStorage { reason: "gone".into() });
    drop(tab);
    store.set_faults(Faults::default());
    assert!(matches!(Tab::open(store, QUIET).found(), Found::Lab { .. }), "nothing was lost");
}

#[test]
fn erasing_begins_anew() {
    let store = Memory::new();
    let mut tab = Tab::open(store.other_tab(), BUSY);
    tab.run("run 10ms");
    // A commit may be under way.
    tab.ask_only(Request::Erase { script: QUIET.into() });
    tab.settle();
    assert_eq!(tab.found(), &Found::Nothing);
    tab.save();
    assert_eq!(tab.timeline().session().ledger().figures().kafka.sent, 0);
    drop(tab);
    let tab = Tab::open(store, BUSY);
    assert!(matches!(tab.found(), Found::Lab { .. }));
    assert_eq!(tab.timeline().session().ledger().figures().kafka.sent, 0);
}

#[test]
fn no_request_at_any_time_is_a_panic() {
    let lesson = |json: &str| Request::OpenLesson {
        id: "x".into(),
        language: "en".into(),
        json: json.into(),
        seed: None,
    };
    let requests = [
        Request::Pause,
        Request::Play { speed: f64::NAN },
        Request::Play { speed: 1e300 },
        Request::Run { id: 1, text: "run 5s\n\u{0}\u{ffff} \"".into() },
        Request::Run { id: 2, text: String::new() },
        Request::Step { grain: Grain::Event, back: true },
        Request::Step { grain: Grain::Message, back: false },
        Request::Seek { at_us: u64::MAX },
        Request::Seek { at_us: 0 },
        Request::Undo,
        Request::Redo,
        Request::Redo,
        Request::Select(Some(Selection::Message(u64::MAX))),
        Request::Select(Some(Selection::Group("no such".into()))),
        Request::Complete { id: 3, line: "kafka-\u{1f980} ".into() },
        lesson("---\nnonsense"),
        Request::Lesson(LessonAct::RunAll),
        Request::Lesson(LessonAct::Predict(usize::MAX)),
        Request::Lesson(LessonAct::Go(usize::MAX)),
        Request::CloseLesson,
        Request::Hidden(true),
        Request::Hidden(false),
        Request::Open { lab: "main".into(), script: String::new(), store: true },
        Request::Erase { script: "nonsense".into() },
    ];
    // Before the lab is open, one by one, and each after each.
    let mut tab = Tab::closed(Memory::new(), Settings::default());
    for request in &requests[..22] {
        tab.ask_only(request.clone());
    }
    tab.ask(Request::Open { lab: "main".into(), script: QUIET.into(), store: true });
    tab.ask(Request::Pause);
    for (index, first) in requests.iter().enumerate() {
        tab.ask_only(first.clone());
        tab.ask_only(requests[(index * 7 + 3) % requests.len()].clone());
        tab.ask(Request::Pause);
        tab.pass_ms(20);
    }
}

#[test]
fn a_long_recovery_can_be_looked_at_and_what_is_asked_meanwhile_waits() {
    let store = Memory::new();
    let mut tab = Tab::open(store.other_tab(), BUSY);
    tab.save();
    drop(tab);
    let mut tab = Tab::closed(store, Settings::default());
    tab.ask_only(Request::Open { lab: "main".into(), script: String::new(), store: true });
    tab.ask_only(Request::Run { id: 3, text: "kafka-topics --list".into() });
    // A machine so slow that two seconds pass from one turn to the next.
    let opened =
        |tab: &Tab| tab.replies.iter().filter(|r| matches!(r, Reply::Opened { .. })).count();
    let answered = |tab: &Tab| tab.replies.iter().any(|r| matches!(r, Reply::Ran { id: 3, .. }));
    while opened(&tab) == 0 {
        tab.turn_after_ms(2_000);
    }
    assert!(tab.frames > 0, "it can be looked at");
    assert!(!answered(&tab), "its brokers have not recovered");
    tab.settle();
    assert!(answered(&tab));
    assert_eq!(opened(&tab), 1, "it is opened once");
}
