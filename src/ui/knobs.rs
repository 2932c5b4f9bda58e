//! What the selected client was begun with, to be turned: from now on, or as if it had been so from
//! the start, beside what was.

use super::desk::use_desk;
use super::host_page;
use super::outside;
use super::rich_text::command;
use super::state::Action;
use crate::view::beside;
use crate::view::frame::Selection;
use crate::view::scene::Scene;
use crate::view::words::runs::Runs;
use std::rc::Rc;
use yew::prelude::*;

/// What is selected.
#[derive(PartialEq, Properties)]
pub struct Props {
    /// The picture.
    pub scene: Rc<Scene>,
    /// What is selected.
    pub selection: Selection,
    /// Recorded lines.
    pub recorded: Rc<Vec<String>>,
}

/// A knob of the client and a slider for it.
#[component]
pub fn Knobs(props: &Props) -> Html {
    let desk = use_desk();
    let t = Runs::of(desk.language);
    let chosen = use_state(|| 0_usize);
    let turned = use_state(|| None::<usize>);
    let Some(line) = beside::line_of(&props.selection, &props.recorded) else {
        return Html::default();
    };
    let all = beside::knobs(line).iter().copied();
    let knobs: Vec<_> = all.filter(|knob| host_page::has_knob(knob.name())).collect();
    let Some(knob) = knobs.get(*chosen).or(knobs.first()).copied() else { return Html::default() };
    let now = knob.value(line);
    let at = turned.or_else(|| knob.values.iter().position(|value| Some(*value) == now));
    let at = at.unwrap_or(0).min(knob.values.len() - 1);
    let value = knob.values[at];
    let is_new = turned.is_some() && now != Some(value);
    let changed = knob.change(line, value);
    let choose = {
        let turned = turned.clone();
        Callback::from(move |event: Event| {
            chosen.set(outside::chosen_in(&event).unwrap_or(0));
            turned.set(None);
        })
    };
    let turn = Callback::from(move |event: InputEvent| {
        turned.set(outside::number_in(&event).map(|at| at as usize));
    });
    let stop = Callback::from(|event: KeyboardEvent| event.stop_propagation());
    let shown = if is_new || now.is_none() { value } else { now.unwrap_or(value) };
    html! {
        <section class="change knobs" data-test="knobs" onkeydown={stop}>
            <h3>{ t.set_anew }</h3>
            <div class="knob">
                <select aria-label={t.knob} data-test="knob" onchange={choose}>
                    { for knobs.iter().map(|one| html! {
                        <option selected={*one == knob}>{ one.name() }</option>
                    }) }
                </select>
                <input type="range" min="0" max={(knob.values.len() - 1).to_string()} step="1"
                    value={at.to_string()} aria-label={knob.name()} aria-valuetext={shown.to_owned()}
                    data-test="knob-value" oninput={turn} />
                <b class="num">{ shown.to_owned() }</b>
            </div>
            if is_new {
                <code class="command">{ command(&changed) }</code>
                <div class="row">
                    <button type="button" class="button" data-test="knob-run"
                        onclick={desk.on(Action::Build(beside::anew(&props.selection, &props.scene, &changed)))}>
                        { t.run_now }</button>
                    <button type="button" class="button" data-test="knob-compare"
                        title={beside::command(&changed)}
                        onclick={desk.on(Action::Compare(beside::command(&changed)))}>{ t.run_compare }</button>
                </div>
            }
        </section>
    }
}
