//! Two runs compared: what is different, where they part, and what came of it.

use super::desk::{Desk, use_desk};
use super::outside;
use super::rich_text::command;
use super::state::Action;
use super::table::table_html;
use crate::view::beside::{self, Beside, Knob};
use crate::view::frame::EventLine;
use crate::view::scene::Scene;
use crate::view::sentence::sentence;
use crate::view::words::runs::Runs;
use crate::view::words::{fill, seconds};
use std::rc::Rc;
use yew::prelude::*;

/// What there is to compare.
#[derive(PartialEq, Properties)]
pub struct Props {
    /// The first run.
    pub scene: Rc<Scene>,
    /// The recorded lines.
    pub recorded: Rc<Vec<String>>,
    /// The second run, if there is one.
    pub beside: Option<Rc<Beside>>,
}

/// The form, and below it what came of it.
#[component]
pub fn ComparePanel(props: &Props) -> Html {
    let desk = use_desk();
    let t = Runs::of(desk.language);
    let line = use_state(|| None::<String>);
    let knob = use_state(|| 0_usize);
    let value = use_state(|| None::<usize>);
    let lines: Vec<&String> =
        props.recorded.iter().filter(|line| !beside::knobs(line).is_empty()).collect();
    // At first a consumer: how it takes its messages is what differs most.
    let first = lines.iter().rev().find(|line| line.starts_with("consumer ")).or(lines.last());
    let own = line.as_ref().filter(|own| lines.contains(own));
    let Some(chosen) = own.or(first.copied()) else {
        return html! { <p class="quiet small" data-test="compare">{ t.none }</p> };
    };
    let knobs = beside::knobs(chosen);
    let turned = knobs[(*knob).min(knobs.len() - 1)];
    let now = turned.value(chosen);
    let other = turned.values.iter().position(|value| Some(*value) != now).unwrap_or(0);
    let new = turned.values[value.filter(|at| *at < turned.values.len()).unwrap_or(other)];
    let text = beside::command(&turned.change(chosen, new));
    let choose_line = {
        let (line, knob, value) = (line.clone(), knob.clone(), value.clone());
        let all: Vec<String> = lines.iter().map(|line| (*line).clone()).collect();
        Callback::from(move |event: Event| {
            line.set(outside::chosen_in(&event).and_then(|index| all.get(index).cloned()));
            knob.set(0);
            value.set(None);
        })
    };
    let choose_knob = {
        let value = value.clone();
        Callback::from(move |event: Event| {
            knob.set(outside::chosen_in(&event).unwrap_or(0));
            value.set(None);
        })
    };
    let choose_value = Callback::from(move |event: Event| value.set(outside::chosen_in(&event)));
    let stop = Callback::from(|event: KeyboardEvent| event.stop_propagation());
    let same = now == Some(new);
    html! {
        <div class="compare" data-test="compare" onkeydown={stop}>
            <p class="small quiet">{ t.lead }</p>
            <div class="build">
                { choice(t.line, "compare-line", lines.iter().map(|line| (line.to_string(), *line == chosen)), choose_line) }
                { choice(t.knob, "compare-knob", knobs.iter().map(|one| (named(*one, chosen), *one == turned)), choose_knob) }
                { choice(t.value, "compare-value", turned.values.iter().map(|one| ((*one).to_owned(), *one == new)), choose_value) }
                <div class="build-command">
                    <code class="command">{ command(&text) }</code>
                    <div class="row">
                        <button type="button" class="button primary" data-test="compare-run" disabled={same}
                            onclick={desk.on(Action::Run(text.clone()))}>{ desk.texts.compare }</button>
                        <button type="button" class="button" data-test="compare-copy"
                            onclick={desk.on(Action::Copy(text))}>{ desk.texts.copy }</button>
                    </div>
                </div>
            </div>
            if let Some(known) = &props.beside { { came_of(&desk, &props.scene, known) } }
        </div>
    }
}

/// A knob with the value that it has now.
fn named(knob: Knob, line: &str) -> String {
    match knob.value(line) {
        Some(value) => [knob.name(), " (", value, ")"].concat(),
        None => knob.name().to_owned(),
    }
}

fn choice(
    name: &'static str,
    test: &'static str,
    options: impl Iterator<Item = (String, bool)>,
    on: Callback<Event>,
) -> Html {
    html! {
        <label class="field">
            <span>{ name }</span>
            <select data-test={test} onchange={on}>
                { for options.map(|(text, selected)| html! { <option {selected}>{ text }</option> }) }
            </select>
        </label>
    }
}

/// Where the two part, and what became of the messages.
fn came_of(desk: &Desk, scene: &Scene, known: &Beside) -> Html {
    let t = Runs::of(desk.language);
    let event = |name: &'static str, line: &str, event: &Option<EventLine>, parts: bool| {
        let what = match event {
            Some(event) => sentence(event, desk.language),
            None => t.nothing_there.to_owned(),
        };
        html! {
            <section class="card">
                <h3>{ name }</h3>
                <code class="command">{ command(line) }</code>
                if parts { <p>{ what }</p> }
            </section>
        }
    };
    let (first, second) = known
        .difference
        .as_ref()
        .map_or((None, None), |parting| (parting.first.clone(), parting.second.clone()));
    let parts = known.difference.is_some();
    html! {
        <div class="compare-result" data-test="compare-result">
            { beside_line(desk, known) }
            <div class="compare-pair">
                { event(t.first_run, &known.was, &first, parts) }
                { event(t.second_run, &known.with, &second, parts) }
            </div>
            { table_html(&beside::table(scene, known, desk.language)) }
        </div>
    }
}

/// The second run in a line: where it parts from the first, the way there, and the way out.
pub fn beside_line(desk: &Desk, known: &Beside) -> Html {
    let t = Runs::of(desk.language);
    html! {
        <p class="beside-line" data-test="beside">
            if let Some(parting) = &known.difference {
                <b>{ fill(t.parts_at, &[("time", &seconds(parting.at_us, desk.language))]) }</b>
                <button type="button" class="button" data-test="part" aria-keyshortcuts="d"
                    onclick={desk.on(Action::Part)}>{ t.jump }</button>
            } else {
                <b>{ t.same_so_far }</b>
            }
            <span class="small quiet">{ t.dotted }</span>
            <button type="button" class="button quiet" data-test="compare-end" title="lab compare off"
                onclick={desk.on(Action::Run("lab compare off".into()))}>{ t.end }</button>
        </p>
    }
}
