//! The player: time, to and fro. A toolbar with one tab stop; arrows go inside it.

use super::desk::{Desk, use_desk};
use super::icon::Icon;
use super::outside;
use super::state::{Action, SPEEDS};
use crate::host::protocol::Grain;
use crate::view::frame::Status;
use crate::view::words::{clock, fill};
use std::rc::Rc;
use yew::prelude::*;

/// How time is.
#[derive(PartialEq, Properties)]
pub struct Props {
    /// How things stand.
    pub status: Rc<Status>,
    /// How fast time runs, when it runs.
    pub speed: f64,
    /// How large a step is.
    pub grain: Grain,
    /// True once something can be done.
    pub ready: bool,
}

/// The player.
#[component]
pub fn Player(props: &Props) -> Html {
    let desk = use_desk();
    let t = desk.texts;
    let status = &props.status;
    let playing = status.playing;
    let off = !props.ready;
    let at_start = off || status.now_us == 0;
    let play = if playing { t.pause } else { t.play };
    html! {
        <div class="app-player player" role="group" aria-label={t.player} data-test="player">
            <div class="player-buttons">
                { button(&desk, "start", t.to_start, Icon::Start, Action::Seek(0), at_start) }
                { button(&desk, "back", t.step_back, Icon::Back, Action::Step { back: true }, at_start) }
                <button type="button" class="button icon primary" data-test="play"
                    aria-label={play} title={play} aria-pressed={if playing { "true" } else { "false" }}
                    disabled={off && !playing} onclick={desk.on(Action::PlayOrPause)}>
                    { if playing { Icon::Pause.html() } else { Icon::Play.html() } }
                </button>
                { button(&desk, "step", t.step, Icon::Forward, Action::Step { back: false }, off) }
                { button(&desk, "end", t.to_end, Icon::End, Action::SeekEnd, off || status.now_us >= status.end_us) }
            </div>
            { scrub(&desk, status, off) }
            <output class="player-time num" data-test="time">{ clock(status.now_us) }
                <span class="quiet">{ t.second }</span></output>
            <div class="player-choices">
                { speed(&desk, props.speed) }
                { grain(&desk, props.grain) }
            </div>
        </div>
    }
}

fn button(
    desk: &Desk,
    test: &'static str,
    name: &'static str,
    icon: Icon,
    action: Action,
    off: bool,
) -> Html {
    html! {
        <button type="button" class="button icon" data-test={test} aria-label={name} title={name}
            disabled={off} onclick={desk.on(action)}>{ icon.html() }</button>
    }
}

/// The time bar, with a tick for each command.
fn scrub(desk: &Desk, status: &Status, off: bool) -> Html {
    let end = status.end_us.max(status.now_us).max(1);
    let share = |at: u64| {
        let thousandths = (u128::from(at.min(end)) * 1_000 / u128::from(end)) as u32;
        [&*(thousandths / 10).to_string(), ".", &(thousandths % 10).to_string(), "%"].concat()
    };
    let words =
        fill(desk.texts.time_of, &[("now", &clock(status.now_us)), ("end", &clock(status.end_us))]);
    let on = {
        let desk = desk.clone();
        Callback::from(move |event: InputEvent| {
            if let Some(ms) = outside::number_in(&event) {
                desk.send(Action::Seek(ms * 1_000));
            }
        })
    };
    let keys = slider_keys(desk, status);
    html! {
        <div class="scrub">
            <div class="scrub-marks" aria-hidden="true">
                <i class="scrub-past" ~style={["width:", &share(status.now_us)].concat()} />
                { for status.marks_us.iter().map(|at| html! {
                    <i class="scrub-mark" ~style={["left:", &share(*at)].concat()} />
                }) }
            </div>
            <input type="range" min="0" max={(end / 1_000).to_string()} step="1"
                value={(status.now_us / 1_000).to_string()} disabled={off} data-test="scrub"
                aria-label={desk.texts.time} aria-valuetext={words} oninput={on} onkeydown={keys} />
        </div>
    }
}

/// Arrows go a tenth of a second, page keys a second.
fn slider_keys(desk: &Desk, status: &Status) -> Callback<KeyboardEvent> {
    let (desk, now, end) = (desk.clone(), status.now_us, status.end_us);
    Callback::from(move |event: KeyboardEvent| {
        let to = match &*event.key() {
            "ArrowLeft" | "ArrowDown" => now.saturating_sub(100_000),
            "ArrowRight" | "ArrowUp" => (now + 100_000).min(end),
            "PageDown" => now.saturating_sub(1_000_000),
            "PageUp" => (now + 1_000_000).min(end),
            "Home" => 0,
            "End" => end,
            _ => return,
        };
        event.prevent_default();
        desk.send(Action::Seek(to));
    })
}

fn speed(desk: &Desk, speed: f64) -> Html {
    let t = desk.texts;
    let names = ["0.1×", "0.25×", "0.5×", "1×", "2×", "4×", "8×", t.speed_max];
    let at = SPEEDS.iter().position(|known| *known == speed).unwrap_or(3);
    let on = {
        let desk = desk.clone();
        Callback::from(move |event: Event| {
            let chosen = outside::chosen_in(&event).and_then(|index| SPEEDS.get(index).copied());
            if let Some(speed) = chosen {
                desk.send(Action::SetSpeed(speed));
            }
        })
    };
    html! {
        <select class="player-select num" aria-label={t.speed} title={t.speed} data-test="speed"
            onchange={on}>
            { for names.into_iter().enumerate().map(|(index, name)| html! {
                <option value={index.to_string()} selected={index == at}>{ name }</option>
            }) }
        </select>
    }
}

fn grain(desk: &Desk, grain: Grain) -> Html {
    let t = desk.texts;
    let all = [Grain::Event, Grain::Message, Grain::Tick];
    let names = [t.grain_event, t.grain_message, t.grain_tick];
    let on = {
        let desk = desk.clone();
        Callback::from(move |event: Event| {
            if let Some(grain) = outside::chosen_in(&event).and_then(|index| all.get(index)) {
                desk.send(Action::SetGrain(*grain));
            }
        })
    };
    html! {
        <select class="player-select" aria-label={t.grain} title={t.grain} data-test="grain"
            onchange={on}>
            { for names.into_iter().enumerate().map(|(index, name)| html! {
                <option value={index.to_string()} selected={all[index] == grain}>{ name }</option>
            }) }
        </select>
    }
}
