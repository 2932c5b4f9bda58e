//! Lessons at the host: a place of their own in storage, and going on where the learner was.

use crate::saving::now;
use crate::tab::Tab;
use crate::{BUSY, QUIET};
use pushpull::host::protocol::{Found, LessonAct, Reply, Request};
use pushpull::lesson::Lesson;
use pushpull::storage::{Memory, Store};
use pushpull::view::lesson::Question;

pub fn first_message() -> Request {
    lesson("first-message")
}

pub fn lesson(id: &str) -> Request {
    let markdown = std::fs::read_to_string(format!("www/lessons/en/{id}.md")).unwrap();
    let json = Lesson::parse(id, "en", id, &markdown).unwrap().to_json();
    Request::OpenLesson { id: id.into(), language: "en".into(), json, seed: None }
}

/// The step in sight, and of each step its commands, its question, and whether it is done.
pub fn place(tab: &Tab) -> (usize, Vec<(Vec<(String, bool)>, Option<Question>, bool)>) {
    let lesson = tab.last_frame().lesson.clone().expect("a lesson is open");
    let steps = lesson.steps.into_iter().map(|step| (step.commands, step.question, step.done));
    (lesson.current, steps.collect())
}

#[test]
fn a_lesson_leaves_the_users_own_lab_alone() {
    let store = Memory::new();
    let mut tab = Tab::open(store.other_tab(), BUSY);
    tab.run("run 10ms");
    let own = tab.timeline().session().now().micros();
    tab.ask(first_message());
    assert_eq!(tab.last_frame().lesson.as_ref().unwrap().id, "first-message");
    tab.ask(Request::Lesson(LessonAct::RunAll));
    tab.save();
    assert_eq!(now(store.labs()).unwrap(), ["main", "main/lesson/first-message"]);
    drop(tab);
    assert_eq!(*Tab::open(store, QUIET).found(), Found::Lab { saved_us: own });
}

#[test]
fn a_lesson_goes_on_where_the_learner_was() {
    let store = Memory::new();
    let mut tab = Tab::open(store.other_tab(), QUIET);
    tab.ask(first_message());
    tab.ask(Request::Lesson(LessonAct::Predict(1)));
    tab.ask(Request::Lesson(LessonAct::RunAll));
    tab.ask(Request::Lesson(LessonAct::Go(1)));
    tab.save();
    let lesson = place(&tab);
    let fingerprint = tab.timeline().session().fingerprint();
    drop(tab);
    let mut tab = Tab::open(store.other_tab(), QUIET);
    tab.ask(first_message());
    assert_eq!(place(&tab), lesson);
    assert_eq!(tab.timeline().session().fingerprint(), fingerprint);
    tab.ask(Request::Lesson(LessonAct::Reset));
    assert_ne!(place(&tab), lesson);
}

/// By an address that names it, a lesson is asked for before the lab is there.
#[test]
fn a_lesson_that_comes_early_leaves_the_users_own_lab_alone() {
    let store = Memory::new();
    let open = Request::Open { lab: "main".into(), script: BUSY.into(), store: true };
    Tab::open(store.other_tab(), BUSY).save();
    for store in [store, Memory::new()] {
        let mut tab = Tab::closed(store.other_tab(), Default::default());
        tab.ask_only(open.clone());
        tab.ask(first_message());
        assert_eq!(tab.last_frame().lesson.as_ref().unwrap().id, "first-message");
        tab.ask(Request::Lesson(LessonAct::RunAll));
        tab.save();
        assert_eq!(now(store.labs()).unwrap(), ["main", "main/lesson/first-message"]);
        drop(tab);
        let tab = Tab::open(store, QUIET);
        assert!(matches!(tab.found(), Found::Lab { .. }));
        // The lesson sends one message, the script of the lab forty.
        assert_eq!(tab.timeline().session().ledger().figures().kafka.sent, 40);
    }
}

#[test]
fn a_lesson_that_cannot_be_read_changes_nothing() {
    let mut tab = Tab::open(Memory::new(), BUSY);
    let now = tab.timeline().session().now();
    let Request::OpenLesson { json, .. } = first_message() else { unreachable!() };
    let cut = &json[..json.len() / 2];
    for (id, json, why) in [
        ("x", "no lesson", "x:1: found "),
        ("first-message", cut, "EOF"),
        ("x", &*json, "found the lesson first-message in en, expected x in en"),
    ] {
        let (id, language, json) = (id.into(), "en".into(), json.into());
        tab.ask(Request::OpenLesson { id, language, json, seed: None });
        let Some(Reply::LessonRefused { error, .. }) = tab.replies.last() else {
            panic!("{why} was expected");
        };
        assert!(error.contains(why), "{error}");
        assert_eq!(tab.timeline().session().now(), now);
    }
}

#[test]
fn without_storage_a_lesson_runs_in_memory() {
    let mut tab = Tab::closed(Memory::new(), Default::default());
    tab.ask(Request::Open { lab: "main".into(), script: QUIET.into(), store: false });
    tab.ask(first_message());
    tab.ask(Request::Lesson(LessonAct::RunAll));
    assert!(tab.last_frame().lesson.as_ref().unwrap().steps[0].commands.iter().all(|c| c.1));
}

#[test]
fn a_lesson_with_another_seed_keeps_it_in_the_other_language() {
    let Request::OpenLesson { id, language, json, .. } = first_message() else { unreachable!() };
    let mut tab = Tab::open(Memory::new(), BUSY);
    tab.ask(Request::OpenLesson { id, language, json, seed: Some(77) });
    assert_eq!(tab.timeline().session().spec().seed, 77);
    let markdown = std::fs::read_to_string("www/lessons/ko/first-message.md").unwrap();
    let lesson = Lesson::parse("first-message", "ko", "first-message", &markdown).unwrap();
    let translated = LessonAct::Translate { language: "ko".into(), json: lesson.to_json() };
    tab.ask(Request::Lesson(translated));
    let refused = tab.replies.iter().any(|r| matches!(r, Reply::LessonRefused { .. }));
    assert!(!refused, "both are the same lesson: {:?}", tab.replies.last());
    tab.ask(Request::Lesson(LessonAct::Reset));
    assert_eq!(tab.timeline().session().spec().seed, 77);
}
