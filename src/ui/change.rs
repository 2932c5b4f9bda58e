//! A setting of the selected thing, and the command that changes it.

use super::desk::use_desk;
use super::outside;
use super::rich_text::command;
use super::state::Action;
use crate::view::change;
use crate::view::frame::Selection;
use crate::view::scene::Scene;
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
