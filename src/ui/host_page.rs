//! The page around an embed: what it asks for comes as an event of the document, and what it may
//! know goes out as another. `www/embed/embed.js` stands between, with the limits; without it
//! nothing here is alive.

use super::desk::Desk;
use super::outside;
use super::state::{Action, Share, Theme};
use crate::host::protocol::{Grain, LessonAct, Reply, Request};
use crate::lesson::catalog;
use crate::view::layout::Lanes;
use crate::view::lesson::LessonView;
use crate::view::words::Language;
use gloo::events::EventListener;
use js_sys::Array;
use std::cell::Cell;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{CustomEvent, CustomEventInit};

/// Requests of the page around have numbers from here on, apart from our own.
const FIRST: u64 = 1 << 32;

thread_local! {
    /// Links that the page around asked for: they open no dialog.
    static LINKS: Cell<u32> = const { Cell::new(0) };
}

/// Does what the page around asks for, until the listener is dropped.
pub fn listen(desk: Desk) -> EventListener {
    EventListener::new(&gloo::utils::document(), "pushpull:do", move |event| {
        let detail = event.dyn_ref::<CustomEvent>().and_then(|event| event.detail().as_string());
        if let Some(detail) = detail {
            let (word, rest) = detail.split_once('\n').unwrap_or((&detail, ""));
            carry_out(&desk, word, rest);
        }
    })
}

/// Which side an embed shows.
pub fn side(name: &str) -> Lanes {
    match name {
        "kafka" => Lanes::Kafka,
        "rabbit" => Lanes::Rabbit,
        _ => Lanes::Both,
    }
}

/// False if the author of the page around wants no bets.
pub fn asks_bets() -> bool {
    outside::noted("predict").as_deref() != Some("0")
}

/// False for a knob that the author of the page around left out.
pub fn has_knob(name: &str) -> bool {
    outside::noted("controls").is_none_or(|names| names.split(',').any(|one| one.trim() == name))
}

fn carry_out(desk: &Desk, word: &str, rest: &str) {
    let ask = |request| desk.send(Action::Ask(Box::new(request)));
    match word {
        "play" => ask(Request::Play { speed: outside::data_number("speed").unwrap_or(1.0) }),
        "pause" => ask(Request::Pause),
        "reset" => desk.send(Action::Reset),
        "hidden" => desk.send(Action::Hidden(rest == "1" || outside::is_hidden())),
        "share" => {
            LINKS.set(LINKS.get() + 1);
            desk.send(Action::Share(Share::Ask));
        }
        "side" => desk.send(Action::SetSide(side(rest))),
        "seek" => {
            if let Ok(at_us) = rest.parse() {
                ask(Request::Seek { at_us });
            }
        }
        "go" => {
            if let Ok(step) = rest.parse() {
                desk.send(Action::Lesson(LessonAct::Go(step)));
            }
        }
        "speed" => {
            if let Ok(speed) = rest.parse() {
                desk.send(Action::SetSpeed(speed));
            }
        }
        "step" => {
            let (count, grain) = rest.split_once('\n').unwrap_or((rest, ""));
            let count: i32 = count.parse().unwrap_or(0);
            let grain = match grain {
                "message" => Grain::Message,
                "tick" => Grain::Tick,
                _ => Grain::Event,
            };
            (0..count.unsigned_abs()).for_each(|_| ask(Request::Step { grain, back: count < 0 }));
        }
        "run" => {
            let (id, text) = rest.split_once('\n').unwrap_or((rest, ""));
            if let Ok(id) = id.parse::<u64>() {
                ask(Request::Run { id: id + FIRST, text: text.to_owned() });
            }
        }
        "lesson" => match catalog::find(rest) {
            Some(entry) => desk.send(Action::OpenLesson(entry.id)),
            None => tell("failed", &[JsValue::from(["no lesson is named ", rest].concat())]),
        },
        "lang" => {
            if let Some(language) = Language::of_tag(rest) {
                desk.send(Action::SetLanguage(language));
            }
        }
        "theme" => desk.send(Action::SetTheme(match rest {
            "light" => Theme::Light,
            "dark" => Theme::Dark,
            _ => Theme::System,
        })),
        _ => {}
    }
}

/// Tells the page around what it may know of a reply. True if that is all there is to it.
pub fn pass_on(reply: &Reply) -> bool {
    match reply {
        Reply::Loaded { version } => tell("loaded", &[version.into()]),
        Reply::Ran { id, output, error, last, .. } if *id >= FIRST => {
            let error = error.as_ref().map_or(JsValue::NULL, JsValue::from);
            let id = (id - FIRST) as f64;
            tell("ran", &[id.into(), output.join("\n").into(), error, (*last).into()]);
            return true;
        }
        Reply::Shared { text } if LINKS.get() > 0 => {
            LINKS.set(LINKS.get() - 1);
            tell("shared", &[text.into()]);
            return true;
        }
        Reply::Failed { error } => tell("failed", &[error.into()]),
        Reply::LinkRefused(error) => {
            let found = ["the link is refused: ", &error.found].concat();
            tell("failed", &[found.into()]);
        }
        Reply::Frame(frame) => {
            let status = &frame.status;
            tell("state", &[(status.now_us as f64).into(), status.playing.into()]);
            if let Some(lesson) = &frame.lesson {
                tell_lesson(lesson);
            }
            if !frame.events_replaced {
                for line in &frame.events {
                    let fields = line.fields.iter();
                    let fields: Array = fields
                        .map(|(name, value)| Array::of2(&name.into(), &value.into()))
                        .collect();
                    let at = (line.at_us as f64).into();
                    tell("event", &[(&line.name).into(), at, fields.into()]);
                }
            }
        }
        _ => {}
    }
    false
}

fn tell_lesson(lesson: &LessonView) {
    let Some(step) = lesson.steps.get(lesson.current) else { return };
    let number = |value: Option<usize>| value.map_or(JsValue::NULL, |n| (n as f64).into());
    let goals: Array = step
        .goals
        .iter()
        .map(|goal| {
            let text = crate::view::lesson::plain(&goal.text);
            let value = goal.value.as_ref().map_or(JsValue::NULL, JsValue::from);
            Array::of3(&text.into(), &goal.holds.into(), &value)
        })
        .collect();
    let question = step.question.as_ref();
    let question = Array::of2(
        &number(question.and_then(|question| question.chosen)),
        &number(question.and_then(|question| question.right)),
    );
    let status = match (lesson.solved, lesson.viewed && lesson.steps.iter().all(|s| s.done)) {
        (true, _) => "solved",
        (false, true) => "viewed",
        _ => "",
    };
    let current = (lesson.current as f64).into();
    tell("lesson", &[(&lesson.id).into(), current, status.into(), goals.into(), question.into()]);
}

fn tell(what: &str, values: &[JsValue]) {
    let detail: Array =
        std::iter::once(JsValue::from(what)).chain(values.iter().cloned()).collect();
    let about = CustomEventInit::new();
    about.set_detail(&detail);
    if let Ok(event) = CustomEvent::new_with_event_init_dict("pushpull:tell", &about) {
        // Nobody may stop it.
        let _ = gloo::utils::document().dispatch_event(&event);
    }
}
