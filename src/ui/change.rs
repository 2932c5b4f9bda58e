//! A setting of the selected thing, and the command that changes it; a replica and a consumer, and
//! the command that moves them.

use super::desk::use_desk;
use super::outside;
use super::rich_text::command;
use super::state::Action;
use crate::view::change;
use crate::view::drag;
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
}

/// A setting and its new value.
#[component]
pub fn Change(props: &Props) -> Html {
    let desk = use_desk();
    let t = desk.texts;
    let chosen = use_state(|| 0_usize);
    let value = use_state(String::new);
    let all = change::settings(&props.selection);
    let Some(setting) = all.get(*chosen).or(all.first()) else { return Html::default() };
    let line = change::command(&props.selection, setting, &value);
    let choose = {
        let chosen = chosen.clone();
        Callback::from(move |event: Event| {
            if let Some(index) = outside::chosen_in(&event) {
                chosen.set(index);
            }
        })
    };
    let typed = {
        let value = value.clone();
        Callback::from(move |event: InputEvent| {
            if let Some(text) = outside::text_in(&event) {
                value.set(text);
            }
        })
    };
    let run = line.clone().map(|line| desk.on(Action::Build(line)));
    html! {
        <section class="change" data-test="change">
            <h3>{ t.change_setting }</h3>
            <div class="row">
                <select aria-label={t.settings} data-test="change-setting" onchange={choose}>
                    { for all.iter().map(|name| html! { <option selected={name == setting}>{ *name }</option> }) }
                </select>
                <input type="text" size="8" maxlength="64" autocomplete="off" spellcheck="false"
                    aria-label={t.new_value} data-test="change-value" value={(*value).clone()} oninput={typed} />
                <button type="button" class="button" data-test="change-run" disabled={run.is_none()}
                    onclick={run.unwrap_or_default()}>{ t.run }</button>
            </div>
            if let Some(line) = &line { <code class="command">{ command(line) }</code> }
        </section>
    }
}

/// A replica of the selected partition, and the broker it goes to.
#[component]
pub fn Move(props: &Props) -> Html {
    let desk = use_desk();
    let t = Runs::of(desk.language);
    let from = use_state(|| 0_usize);
    let to = use_state(|| 0_usize);
    let Some((here, elsewhere)) = change::replicas(&props.scene, &props.selection) else {
        return Html::default();
    };
    let chosen = |all: &[String], at: usize| all.get(at).or(all.last()).cloned();
    let ways = chosen(&here, *from).zip(chosen(&elsewhere, *to));
    let Some((leaves, goes)) = ways else { return Html::default() };
    let line = change::move_replica(&props.scene, &props.selection, &leaves, &goes);
    let choice = |name: &'static str,
                  test: &'static str,
                  all: &[String],
                  chosen: &str,
                  at: UseStateHandle<usize>| {
        let on = Callback::from(move |event: Event| {
            at.set(outside::chosen_in(&event).unwrap_or(0));
        });
        html! {
            <label class="field">
                <span>{ name }</span>
                <select data-test={test} onchange={on}>
                    { for all.iter().map(|id| html! {
                        <option selected={id == chosen}>{ ["kafka-", id].concat() }</option>
                    }) }
                </select>
            </label>
        }
    };
    html! {
        <section class="change" data-test="move">
            <h3>{ t.move_replica }</h3>
            <div class="row">
                { choice(t.move_from, "move-from", &here, &leaves, from) }
                { choice(t.move_to, "move-to", &elsewhere, &goes, to) }
            </div>
            if let Some(line) = line {
                <code class="command">{ command(&line) }</code>
                <button type="button" class="button" data-test="move-run"
                    onclick={desk.on(Action::Build(line))}>{ desk.texts.run }</button>
            }
        </section>
    }
}

/// What the selected consumer reads instead.
#[derive(PartialEq, Properties)]
pub struct AssignProps {
    /// The picture.
    pub scene: Rc<Scene>,
    /// What is selected.
    pub selection: Selection,
    /// Recorded lines.
    pub recorded: Rc<Vec<String>>,
}

/// The selected consumer, and the topic or queue that it goes to.
#[component]
pub fn Assign(props: &AssignProps) -> Html {
    let desk = use_desk();
    let t = Runs::of(desk.language);
    let to = use_state(|| 0_usize);
    let Selection::Place(place) = &props.selection else { return Html::default() };
    let all = drag::others(&props.scene, place);
    let Some(chosen) = all.get(*to).or(all.last()) else { return Html::default() };
    let Some(lines) = drag::assign(&props.scene, &props.recorded, place, chosen) else {
        return Html::default();
    };
    let choose = Callback::from(move |event: Event| {
        to.set(outside::chosen_in(&event).unwrap_or(0));
    });
    html! {
        <section class="change" data-test="assign">
            <h3>{ t.assign }</h3>
            <label class="field">
                <span>{ t.assign_to }</span>
                <select data-test="assign-to" onchange={choose}>
                    { for all.iter().map(|name| html! {
                        <option selected={name == chosen}>{ name }</option>
                    }) }
                </select>
            </label>
            { for lines.lines().map(|line| html! { <code class="command">{ command(line) }</code> }) }
            <button type="button" class="button" data-test="assign-run"
                onclick={desk.on(Action::Build(lines))}>{ desk.texts.run }</button>
        </section>
    }
}
