//! What can be done to a thing, where the pointer is: its faults first.

use super::desk::use_desk;
use super::inspector::verb;
use super::state::{Action, Menu};
use crate::view::acts;
use crate::view::scene::Scene;
use std::rc::Rc;
use yew::prelude::*;

/// What it is for, and where.
#[derive(PartialEq, Properties)]
pub struct Props {
    /// The picture.
    pub scene: Rc<Scene>,
    /// What it is for, and where.
    pub menu: Menu,
}

/// The menu of a thing.
#[component]
pub fn ContextMenu(props: &Props) -> Html {
    let desk = use_desk();
    let t = desk.texts;
    let Menu { selection, x, y } = &props.menu;
    let style =
        ["left:min(", &x.to_string(), "px,100vw - 17rem);top:", &y.to_string(), "px"].concat();
    let keys = {
        let desk = desk.clone();
        Callback::from(move |event: KeyboardEvent| {
            event.stop_propagation();
            if event.key() == "Escape" {
                desk.send(Action::CloseMenu);
            }
        })
    };
    let acts = acts::menu(&props.scene, selection);
    html! {
        <>
            <div class="menu-ground" onclick={desk.on(Action::CloseMenu)} />
            <div id="menu" class="menu" role="group" aria-label={t.menu} ~style={style} tabindex="-1"
                data-test="menu" onkeydown={keys}>
                { for acts.into_iter().map(|act| html! {
                    <button type="button" data-test={["menu-", act.verb.word()].concat()}
                        onclick={desk.on(Action::FromMenu(act.command.clone()))}>
                        <span>{ verb(&desk, act.verb) }</span><code class="command">{ act.command }</code>
                    </button>
                }) }
            </div>
        </>
    }
}
