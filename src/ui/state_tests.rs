//! The page without a page: what happens to its state, and what it asks for.

use super::hearing::EVENTS_MAX;
use super::*;
use crate::host::protocol::Reply;
use crate::host::protocol::{Found, LinkError};
use crate::view::frame::Frame;
use crate::view::scene::{Consumer, Health, Queue, Topic};
use crate::view::welcome::{Act, Pile};

fn page() -> State {
    State::new(Language::Korean, Theme::System)
}

fn asked(state: &mut State) -> Vec<Request> {
    let effects = std::mem::take(&mut state.effects);
    let requests = effects.into_iter().filter_map(|(_, effect)| match effect {
        Effect::Ask(request) => Some(request),
        _ => None,
    });
    requests.collect()
}

fn hear(state: &mut State, reply: Reply) {
    state.change(Action::Reply(Box::new(reply), 0));
}

/// The lab of a first visit.
fn first_scene() -> Scene {
    let mut scene = Scene { now_us: 6_000_000, ..Scene::default() };
    scene.kafka.topics.push(Topic { name: "t".into(), ..Topic::default() });
    scene.kafka.consumers.push(Consumer {
        name: "ck".into(),
        health: Health::Paused,
        ..Consumer::default()
    });
    scene.rabbit.queues.push(Queue { name: "q".into(), ..Queue::default() });
    scene
}

fn frame(number: u64, scene: Scene) -> Frame {
    let status = Status { now_us: scene.now_us, end_us: scene.now_us, ..Status::default() };
    Frame { number, scene, status, ..Frame::default() }
}

fn draw(state: &mut State, frame: Frame) {
    hear(state, Reply::Frame(Box::new(frame)));
}

fn first_visit() -> State {
    let mut state = page();
    hear(&mut state, Reply::Loaded { version: "1".into() });
    hear(&mut state, Reply::Opened { found: Found::Nothing });
    draw(&mut state, frame(1, first_scene()));
    asked(&mut state);
    state
}

#[test]
fn the_page_begins_by_opening_the_lab() {
    let mut state = page();
    assert!(matches!(&asked(&mut state)[..], [Request::Open { store: true, .. }]));
    assert!(!state.is_ready());
    assert!(first_visit().is_ready());
}

#[test]
fn the_first_half_minute_goes_through_its_acts() {
    let mut state = first_visit();
    let act = |state: &State| state.welcome.map(|welcome| welcome.act);
    assert_eq!(act(&state), Some(Act::Send));
    state.change(Action::Send);
    let text = "producer p --kafka t --rabbit /q --count 1\nrun 200ms";
    assert_eq!(asked(&mut state), [Request::Run { id: 1, text: text.into() }]);
    assert_eq!(state.terminal.lines.len(), 2, "the command stands in the terminal first");

    let mut scene = first_scene();
    scene.ledger.kafka.acknowledged = 1;
    scene.ledger.rabbit.delivered = 1;
    draw(&mut state, frame(2, scene.clone()));
    assert_eq!(act(&state), Some(Act::Fetch));
    state.change(Action::Fetch);
    let text = "client ck resume\nrun 200ms";
    assert_eq!(asked(&mut state), [Request::Run { id: 2, text: text.into() }]);

    scene.ledger.kafka.delivered = 1;
    draw(&mut state, frame(3, scene.clone()));
    assert_eq!(act(&state), Some(Act::Bet));
    state.change(Action::Bet(Pile::Broker));
    assert_eq!(act(&state), Some(Act::Watch));
    assert_eq!(asked(&mut state), [Request::Run { id: 3, text: welcome::SLOW.into() }]);
    scene.now_us = 9_000_000;
    draw(&mut state, frame(4, scene.clone()));
    let ran =
        |last| Reply::Ran { id: 3, line: String::new(), output: Vec::new(), error: None, last };
    hear(&mut state, ran(false));
    assert_eq!(asked(&mut state), []);
    hear(&mut state, ran(true));
    assert_eq!(asked(&mut state), [Request::Play { speed: 1.0 }]);

    scene.now_us += welcome::WATCH_US;
    scene.rabbit.consumers.push(Consumer { held_count: 12, ..Consumer::default() });
    let mut last = frame(5, scene);
    last.status.playing = true;
    draw(&mut state, last);
    assert_eq!(act(&state), Some(Act::Decided));
    assert_eq!(state.welcome.and_then(|welcome| welcome.right), Some(Pile::Consumer));
    assert_eq!(asked(&mut state), [Request::Pause]);
    state.change(Action::EndWelcome(false));
    assert_eq!((state.welcome, state.left), (None, Left::List));
}

/// A page that knows what the engine will come to.
fn foreseen() -> State {
    page().foreseeing(Some(first_scene()))
}

#[test]
fn a_first_visit_stands_before_the_engine_has_come() {
    assert!(!page().foreseeing(None).is_ready());
    let mut state = foreseen();
    assert!(state.is_ready() && !state.stands() && !state.waits());
    asked(&mut state);
    state.change(Action::Send);
    assert!(state.waits(), "the press waits");
    let text = "producer p --kafka t --rabbit /q --count 1\nrun 200ms";
    assert_eq!(asked(&mut state), [Request::Run { id: 1, text: text.into() }]);

    hear(&mut state, Reply::Loaded { version: "1".into() });
    hear(&mut state, Reply::Opened { found: Found::Nothing });
    // On its way the engine shows less than what is seen already.
    let mut on_its_way = frame(1, Scene { now_us: 5_000_000, ..Scene::default() });
    on_its_way.events = vec![line(1, "lab.message_sent")];
    (on_its_way.events_replaced, on_its_way.status.opening) = (true, true);
    draw(&mut state, on_its_way);
    assert_eq!(*state.scene, first_scene());
    assert_eq!(state.events.len(), 1, "what happened on the way is kept");
    let mut scene = Scene { now_us: 6_200_000, ..first_scene() };
    scene.ledger.kafka.acknowledged = 1;
    scene.ledger.rabbit.delivered = 1;
    draw(&mut state, frame(2, scene.clone()));
    assert_eq!(*state.scene, scene);
    assert_eq!(state.welcome.map(|welcome| welcome.act), Some(Act::Fetch));
    assert!(state.stands() && !state.waits());
}

#[test]
fn who_goes_back_before_the_engine_has_come_is_taken_there() {
    let mut state = foreseen();
    state.change(Action::Step { back: true });
    hear(&mut state, Reply::Opened { found: Found::Nothing });
    let before = Scene { now_us: 5_900_000, ..first_scene() };
    draw(&mut state, frame(1, before.clone()));
    assert_eq!(*state.scene, before);
    assert!(state.stands());
}

#[test]
fn who_skips_the_welcome_before_the_engine_has_come_is_not_welcomed_again() {
    let mut state = foreseen();
    state.change(Action::EndWelcome(false));
    assert!(state.waits(), "it is said that the engine is coming");
    hear(&mut state, Reply::Opened { found: Found::Nothing });
    draw(&mut state, frame(1, first_scene()));
    assert_eq!((state.welcome, state.left), (None, Left::List));
    assert!(state.stands());
}

#[test]
fn what_was_foreseen_gives_way_to_what_is_found() {
    let mut state = foreseen();
    hear(&mut state, Reply::Opened { found: Found::Lab { saved_us: 1_000_000 } });
    assert!(state.welcome.is_none() && !state.stands());
    draw(&mut state, frame(1, Scene { now_us: 1_000_000, ..Scene::default() }));
    assert_eq!(state.scene.now_us, 1_000_000);

    let mut state = foreseen();
    hear(&mut state, Reply::Failed { error: "no engine".into() });
    assert!(!state.is_ready());

    let link = page().with_link(Some("0".into())).foreseeing(Some(first_scene()));
    assert!(!link.is_ready() && link.welcome.is_none(), "a link opens something else");
    let embed = page().in_embed(Lanes::Both, 0, None).foreseeing(Some(first_scene()));
    assert!(!embed.is_ready());
}

#[test]
fn a_returning_visitor_sees_her_lab() {
    let mut state = page();
    hear(&mut state, Reply::Opened { found: Found::Lab { saved_us: 12_300_000 } });
    assert_eq!(state.welcome, None);
    assert_eq!(state.toast, Some(Toast::Restored(12_300_000)));
}

#[test]
fn a_lesson_that_goes_on_is_not_the_lab_that_was_restored() {
    let mut state = page();
    hear(&mut state, Reply::Opened { found: Found::Lab { saved_us: 12_300_000 } });
    let mut lesson = frame(1, first_scene());
    lesson.lesson = Some(LessonView { id: "acks".into(), ..LessonView::default() });
    draw(&mut state, lesson);
    assert_eq!(state.toast, None, "the lesson's lab stands at another instant");
}

#[test]
fn without_storage_the_page_works_and_says_so() {
    let mut state = page();
    let reason = "SecurityError".to_owned();
    hear(&mut state, Reply::Opened { found: Found::NoStorage { reason } });
    assert!(state.welcome.is_some());
    assert!(matches!(state.toast, Some(Toast::NoStorage(_))));
}

#[test]
fn a_dropped_future_can_be_had_back() {
    let mut state = first_visit();
    let mut forked = frame(2, first_scene());
    forked.status.future_dropped = true;
    draw(&mut state, forked);
    assert_eq!(state.toast, Some(Toast::Forked));
    state.change(Action::Undo);
    assert_eq!(asked(&mut state), [Request::Undo]);
    assert_eq!(state.toast, None);
}

#[test]
fn speeds_go_up_and_down() {
    let mut state = first_visit();
    state.change(Action::Faster);
    assert_eq!(state.speed, 2.0);
    for _ in 0..10 {
        state.change(Action::Faster);
    }
    assert_eq!(state.speed, 0.0, "as fast as possible");
    for _ in 0..20 {
        state.change(Action::Slower);
    }
    assert_eq!(state.speed, 0.1);
    assert_eq!(asked(&mut state), [], "nothing is asked while time stands still");
}

fn line(number: u64, name: &str) -> EventLine {
    EventLine { number, at_us: 0, name: name.into(), by: "x".into(), fields: Vec::new() }
}

#[test]
fn a_step_says_its_sentence_and_running_says_little() {
    let mut state = first_visit();
    state.change(Action::Step { back: false });
    let mut step = frame(2, first_scene());
    step.events = vec![line(0, "kafka.fetched_nothing")];
    draw(&mut state, step);
    assert!(state.said.contains("빈손"), "{}", state.said);
    state.change(Action::PlayOrPause);
    let mut said = 0;
    for number in 3..600 {
        let mut running = frame(number, first_scene());
        running.status.playing = true;
        let before = state.said_ms;
        let now_ms = number as i64 * 16;
        state.change(Action::Reply(Box::new(Reply::Frame(Box::new(running))), now_ms));
        said += i32::from(state.said_ms != before);
    }
    assert!(said <= 2, "{said} summaries in ten seconds");
}

#[test]
fn the_list_of_events_is_bounded_and_replaced_after_a_jump() {
    let mut state = first_visit();
    let mut many = frame(2, first_scene());
    many.events = (0..5_000).map(|number| line(number, "lab.network")).collect();
    draw(&mut state, many);
    assert_eq!(state.events.len(), EVENTS_MAX);
    let mut jumped = frame(3, first_scene());
    jumped.events_replaced = true;
    jumped.events = vec![line(7, "lab.network")];
    draw(&mut state, jumped);
    assert_eq!(state.events.len(), 1);
    assert!(state.jumped);
}

#[test]
fn selecting_pauses() {
    let mut state = first_visit();
    let mut running = frame(2, first_scene());
    running.status.playing = true;
    draw(&mut state, running);
    state.change(Action::Select(Some(Selection::Message(3))));
    let requests = asked(&mut state);
    assert_eq!(requests[0], Request::Pause);
    assert_eq!(requests[1], Request::Select(Some(Selection::Message(3))));
}

#[test]
fn another_language_keeps_the_place_in_the_lesson() {
    let mut state = first_visit();
    let mut lesson = frame(2, first_scene());
    lesson.lesson = Some(LessonView { id: "first-message".into(), ..LessonView::default() });
    draw(&mut state, lesson);
    assert_eq!(state.left, Left::Lesson);
    state.change(Action::SetLanguage(Language::English));
    let fetch = state.effects.iter().find_map(|(_, effect)| match effect {
        Effect::FetchLesson { id, translate, .. } => Some((*id, *translate)),
        _ => None,
    });
    assert_eq!(fetch, Some(("first-message", true)));
    asked(&mut state);
    state.change(Action::LessonText {
        id: "first-message",
        language: Language::English,
        json: Some("x".into()),
        translate: true,
    });
    assert!(matches!(
        &asked(&mut state)[..],
        [Request::Lesson(LessonAct::Translate { language, .. })] if language == "en"
    ));
}

#[test]
fn a_refused_button_is_told() {
    let mut state = first_visit();
    state.change(Action::Send);
    hear(
        &mut state,
        Reply::Ran {
            id: 1,
            line: "producer p".into(),
            output: Vec::new(),
            error: Some("no".into()),
            last: false,
        },
    );
    assert_eq!(state.toast, Some(Toast::Refused("no".into())));
    assert_eq!(state.terminal.lines.len(), 1, "the rest was not run");
}

// ---- links ----

#[test]
fn a_link_is_opened_in_the_place_of_the_own_lab() {
    let mut state = page().with_link(Some("AQ".into()));
    let open = Request::OpenLink { text: "AQ".into(), file: false, lesson: None };
    assert_eq!(asked(&mut state), [open]);
    hear(&mut state, Reply::Opened { found: Found::Link });
    assert_eq!(state.phase, Phase::Open);
    assert_eq!(state.toast, Some(Toast::Shared));
    assert!(state.welcome.is_none());
}

#[test]
fn a_refused_link_is_told_of_and_the_own_lab_opens() {
    let mut state = page().with_link(Some("*".into()));
    asked(&mut state);
    let error = LinkError::new(crate::host::protocol::Fault::Letter, "*", 1);
    hear(&mut state, Reply::LinkRefused(error.clone()));
    assert!(matches!(&asked(&mut state)[..], [Request::Open { store: true, .. }]));
    hear(&mut state, Reply::Opened { found: Found::Lab { saved_us: 5 } });
    assert_eq!(state.toast, Some(Toast::Link(error)), "the own lab does not hide it");
}

#[test]
fn a_file_that_is_refused_leaves_the_open_lab() {
    let mut state = page();
    hear(&mut state, Reply::Opened { found: Found::Nothing });
    asked(&mut state);
    state.change(Action::Share(Share::OpenFile("*".into())));
    let open = Request::OpenLink { text: "*".into(), file: true, lesson: None };
    assert_eq!(asked(&mut state), [open]);
    let error = LinkError::new(crate::host::protocol::Fault::Letter, "*", 1);
    hear(&mut state, Reply::LinkRefused(error));
    assert_eq!(asked(&mut state), []);
}

#[test]
fn the_lesson_of_a_link_is_fetched_first() {
    let mut state = page().with_link(Some("AQ".into()));
    asked(&mut state);
    hear(&mut state, Reply::LinkNeeds { lesson: "first-message".into() });
    let fetch = |(_, effect): &(u64, Effect)| matches!(effect, Effect::FetchLesson { .. });
    assert!(state.effects.iter().any(fetch));
    state.effects.clear();
    state.change(Action::LessonText {
        id: "first-message",
        language: Language::Korean,
        json: Some("{}".into()),
        translate: false,
    });
    let lesson = Some(("ko".to_owned(), "{}".to_owned()));
    let open = Request::OpenLink { text: "AQ".into(), file: false, lesson };
    assert_eq!(asked(&mut state), [open]);
    // One that is not here is told of.
    let mut state = page().with_link(Some("AQ".into()));
    asked(&mut state);
    hear(&mut state, Reply::LinkNeeds { lesson: "no-such".into() });
    assert!(matches!(&state.toast, Some(Toast::Link(error)) if error.expected == "no-such"));
    assert!(matches!(&asked(&mut state)[..], [Request::Open { .. }]));
}

#[test]
fn an_embed_keeps_nothing_and_shows_its_side() {
    let mut state = page().in_embed(Lanes::Rabbit, 2, Some(9));
    assert!(matches!(&asked(&mut state)[..], [Request::Open { store: false, .. }]));
    hear(&mut state, Reply::Opened { found: Found::Nothing });
    assert_eq!(state.lanes(false), Lanes::Rabbit);
    let (id, language) = ("first-message", Language::Korean);
    let text = Action::LessonText { id, language, json: Some("{}".into()), translate: false };
    state.change(text);
    let requests = asked(&mut state);
    assert_eq!(requests.last(), Some(&Request::Lesson(LessonAct::Go(2))));
    assert!(requests.iter().any(|r| matches!(r, Request::OpenLesson { seed: Some(9), .. })));
}

// ---- what is kept ----

#[test]
fn deleting_takes_two_presses_of_the_same_button() {
    let mut state = page();
    asked(&mut state);
    state.change(Action::Store(Store::Open));
    state.change(Action::Store(Store::Erase(Erase::Lab)));
    state.change(Action::Store(Store::Erase(Erase::All)));
    state.change(Action::Store(Store::Erase(Erase::Lab)));
    assert_eq!(asked(&mut state), []);
    state.change(Action::Store(Store::Erase(Erase::Lab)));
    assert!(matches!(&asked(&mut state)[..], [Request::Erase { .. }]));
    assert!(state.storage.is_none(), "the dialog is closed");
}

#[test]
fn a_lab_of_another_tab_can_be_taken_over() {
    let mut state = page();
    hear(&mut state, Reply::Opened { found: Found::OtherTab });
    assert_eq!(state.toast, Some(Toast::OtherTab));
    asked(&mut state);
    state.change(Action::Store(Store::TakeOver));
    assert_eq!(asked(&mut state), [Request::TakeOver]);
    assert_eq!(state.toast, None);
}
