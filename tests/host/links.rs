//! What is shared is a seed and commands: whoever opens it sees the same happen, in memory, and
//! what does not come to the same is refused.

use crate::lessons::{first_message, lesson, place};
use crate::saving::{load_all, now};
use crate::tab::Tab;
use crate::{BUSY, QUIET};
use pushpull::host::link::{LINK, Shared};
use pushpull::host::protocol::{Fault, Found, LessonAct, LinkError, Reply, Request};
use pushpull::host::server::Settings;
use pushpull::storage::{Memory, Store};
use pushpull::view::frame::Saving;

fn share(tab: &mut Tab) -> String {
    tab.ask(Request::Share);
    match tab.replies.last() {
        Some(Reply::Shared { text }) => text.clone(),
        other => panic!("{other:?}"),
    }
}

fn open(tab: &mut Tab, text: &str) {
    tab.ask(Request::OpenLink { text: text.into(), file: false, lesson: None });
}

fn opened(store: &Memory, text: &str) -> Tab {
    let mut tab = Tab::closed(store.other_tab(), Settings::default());
    open(&mut tab, text);
    tab
}

fn refusal(tab: &Tab) -> &LinkError {
    let refused = tab.replies.iter().rev().find_map(|reply| match reply {
        Reply::LinkRefused(error) => Some(error),
        _ => None,
    });
    refused.expect("the link is refused")
}

/// The same link, with something changed in it.
fn changed(text: &str, change: impl FnOnce(&mut Shared)) -> String {
    let mut shared = Shared::decode(text, LINK).unwrap();
    change(&mut shared);
    shared.encode()
}

#[test]
fn a_link_comes_to_the_same_and_touches_no_storage() {
    let mut tab = Tab::open(Memory::new(), BUSY);
    // Between two events of one instant, so that the instant alone would not say where.
    tab.run("producer q --kafka t --count 5 --rate 10/s\nrun 120ms\nstep 3");
    let text = share(&mut tab);
    assert!(text.len() < 1_000, "{} characters", text.len());
    let store = Memory::new();
    let mut other = opened(&store, &text);
    assert_eq!(*other.found(), Found::Link);
    assert_eq!(other.saving(), Saving::Shared);
    let (here, there) = (tab.timeline().session(), other.timeline().session());
    assert_eq!(there.moment(), here.moment());
    assert_eq!(there.fingerprint(), here.fingerprint());
    other.run("run 5s");
    other.pass_ms(1_000);
    assert_eq!(store.commits(), 0);
    // What is shared anew is the same link until something is done.
    assert_eq!(share(&mut opened(&store, &text)), text);
}

#[test]
fn a_lab_that_was_opened_again_can_be_shared() {
    let store = Memory::new();
    let mut tab = Tab::open(store.other_tab(), BUSY);
    tab.save();
    drop(tab);
    let mut tab = Tab::open(store.other_tab(), QUIET);
    tab.run("producer q --kafka t --count 5\nrun 30s");
    let text = share(&mut tab);
    let other = opened(&Memory::new(), &text);
    load_all(tab.timeline().session(), &store);
    let (here, there) = (tab.timeline().session(), other.timeline().session());
    assert_eq!(there.fingerprint(), here.fingerprint());
}

#[test]
fn the_users_own_lab_is_saved_and_left_alone() {
    let mut sharing = Tab::open(Memory::new(), BUSY);
    let text = share(&mut sharing);
    let store = Memory::new();
    let mut tab = Tab::open(store.other_tab(), QUIET);
    tab.run("kafka-topics --create --topic mine");
    let own_us = tab.timeline().session().now().micros();
    open(&mut tab, &text);
    assert_eq!(*tab.found(), Found::Link);
    tab.run("run 1s");
    tab.pass_ms(1_000);
    drop(tab);
    assert_eq!(now(store.labs()).unwrap(), ["main"]);
    assert_eq!(*Tab::open(store, QUIET).found(), Found::Lab { saved_us: own_us });
}

#[test]
fn a_lesson_is_shared_with_its_place() {
    let mut tab = Tab::open(Memory::new(), QUIET);
    tab.ask(first_message());
    tab.ask(Request::Lesson(LessonAct::Predict(1)));
    tab.ask(Request::Lesson(LessonAct::RunAll));
    tab.ask(Request::Lesson(LessonAct::Go(1)));
    let text = share(&mut tab);
    let mut other = opened(&Memory::new(), &text);
    let needs = Reply::LinkNeeds { lesson: "first-message".into() };
    assert_eq!(other.replies.last(), Some(&needs));
    let Request::OpenLesson { language, json, .. } = first_message() else { unreachable!() };
    let lesson = Some((language, json));
    other.ask(Request::OpenLink { text: text.clone(), file: false, lesson: lesson.clone() });
    assert_eq!(place(&other), place(&tab));
    assert_eq!(other.timeline().session().fingerprint(), tab.timeline().session().fingerprint());
    // A lesson that has changed since has another number of steps.
    let text = changed(&text, |shared| {
        shared.lesson.as_mut().unwrap().progress.steps.pop();
    });
    let mut other = Tab::closed(Memory::new(), Settings::default());
    other.ask(Request::OpenLink { text, file: false, lesson });
    assert_eq!(refusal(&other).fault, Fault::Lesson);
}

/// Of a lesson without a rule the link carries that, and the run with the rule stands beside it
/// again.
#[test]
fn a_lesson_is_shared_without_its_rule() {
    let mut tab = Tab::open(Memory::new(), QUIET);
    let asked = lesson("acks");
    let Request::OpenLesson { language, json, .. } = asked.clone() else { unreachable!() };
    tab.ask(asked);
    tab.ask(Request::Lesson(LessonAct::SkipPrediction));
    tab.ask(Request::Lesson(LessonAct::RunAll));
    tab.ask(Request::Lesson(LessonAct::Without(Some(0))));
    let known = |tab: &Tab| {
        let frame = tab.last_frame();
        let lesson = frame.lesson.as_ref().expect("a lesson is open");
        assert!(lesson.steps[0].without[0].1, "it is without its rule");
        let beside = frame.beside.clone().expect("there is a second run");
        assert!(beside.was.contains("--without isr-rule"), "{}", beside.was);
        assert!(!beside.with.contains("--without"), "{}", beside.with);
        let at_us = beside.difference.as_ref().expect("the two part").at_us;
        (at_us, beside.ledger)
    };
    let own = known(&tab);
    assert_ne!(own.1.kafka, tab.last_frame().scene.ledger.kafka, "the rule makes a difference");
    let text = share(&mut tab);
    let mut other = opened(&Memory::new(), &text);
    let lesson = Some((language, json));
    other.ask(Request::OpenLink { text, file: false, lesson });
    other.settle();
    assert_eq!(known(&other), own);
    assert_eq!(other.timeline().session().fingerprint(), tab.timeline().session().fingerprint());
    // Whoever goes on does so with the rule, and with one run.
    other.ask(Request::Lesson(LessonAct::Without(None)));
    assert!(other.last_frame().beside.is_none());
}

#[test]
fn what_does_not_come_to_the_same_is_refused_and_the_own_lab_opens() {
    let mut sharing = Tab::open(Memory::new(), BUSY);
    let text = share(&mut sharing);
    let last = Shared::decode(&text, LINK).unwrap().actions.len();
    let cases: [(&str, fn(&mut Shared), usize); 6] = [
        // Nothing was due after the brokers' start: it is the next command that comes too late.
        ("an earlier command", |shared| shared.actions[0].1 += 400_000, 2),
        ("a later command", |shared| shared.actions[1].0 += 1, 2),
        ("one event more", |shared| shared.cursor.0 += 1, 0),
        ("an earlier end", |shared| shared.cursor.0 -= 1, 0),
        ("the end of time", |shared| shared.cursor.1 = u64::MAX, 0),
        ("a refused command", |shared| shared.actions[0].2 = "client nobody stop".into(), 1),
    ];
    for (name, change, number) in cases {
        let store = Memory::new();
        let text = changed(&text, |shared| {
            change(shared);
            let mut at = shared.actions[0].1;
            for action in &mut shared.actions {
                at = at.max(action.1);
                action.1 = at;
            }
        });
        let mut tab = opened(&store, &text);
        let error = refusal(&tab);
        assert_eq!(error.fault, Fault::Strayed, "{name}");
        let number = if number == 0 { last + 1 } else { number };
        let command = error.found.starts_with(&format!("{number}: "));
        assert!(command, "{name}: {}, expected {number}", error.found);
        tab.ask(Request::Open { lab: "main".into(), script: QUIET.into(), store: true });
        assert_eq!(*tab.found(), Found::Nothing, "{name}");
    }
}

#[test]
fn a_link_that_is_none_leaves_the_open_lab() {
    let mut tab = Tab::open(Memory::new(), BUSY);
    let before = tab.timeline().session().moment();
    for text in ["", "AQ", "<script>alert(1)</script>", "\u{0}", &"A".repeat(10_000)] {
        open(&mut tab, text);
        refusal(&tab);
        assert_eq!(tab.timeline().session().moment(), before);
    }
    tab.run("run 10ms");
}

#[test]
fn a_long_way_can_be_stopped() {
    let mut sharing = Tab::open(Memory::new(), BUSY);
    sharing.run("run 60s");
    let text = share(&mut sharing);
    let mut tab = Tab::closed(Memory::new(), Settings::default());
    tab.ask_only(Request::OpenLink { text, file: false, lesson: None });
    tab.ask_only(Request::Pause);
    tab.settle();
    let (here, end) = (tab.timeline().session().now(), tab.timeline().end());
    assert!(here < end, "{here} of {end}");
    assert!(tab.last_frame().status.working.is_none());
    tab.run("run 10ms");
}
