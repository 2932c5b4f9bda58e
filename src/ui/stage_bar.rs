//! Above the picture: one sentence, and the two things that can be done at once: send, and let the
//! Kafka consumer ask.

use super::desk::{Desk, use_desk};
use super::icon::Icon;
use super::state::Action;
use super::state::Welcome;
use super::welcome;
use crate::view::acts;
use crate::view::frame::{EventLine, Status};
use crate::view::scene::Scene;
use crate::view::sentence::sentence;
use crate::view::welcome::Act;
use crate::view::words::{fill, seconds};
use std::rc::Rc;
use yew::prelude::*;

/// What is going on.
#[derive(PartialEq, Properties)]
pub struct Props {
    /// The picture.
    pub scene: Rc<Scene>,
    /// The first half minute, if it is not over.
    pub welcome: Option<Welcome>,
    /// The event of the last step.
    pub caption: Option<Rc<EventLine>>,
    /// True once something can be done.
    pub ready: bool,
    /// True while something that was done waits for the engine.
    pub waits: bool,
    /// True if a lesson is open: then its own commands come first.
    pub lesson: bool,
    /// How things stand.
    pub status: Rc<Status>,
}

/// The bar above the picture.
#[component]
pub fn StageBar(props: &Props) -> Html {
    let desk = use_desk();
    let t = desk.texts;
    if let Some(welcome) = props.welcome {
        return welcome::welcome(&desk, welcome, &props.scene, props.ready, props.waits);
    }
    let send = acts::send(&props.scene);
    let fetch = acts::fetch(&props.scene);
    let text = match &props.caption {
        Some(line) => html! {
            <><span class="num quiet">{ seconds(line.at_us, desk.language) }</span>
            { " " }{ sentence(line, desk.language) }</>
        },
        None if props.waits => html! { t.engine_coming },
        None if send.is_none() => html! { t.nothing_built },
        None if props.scene.is_starting() && !props.status.playing => html! { t.starting_hint },
        None => html! { <span class="quiet">{ t.stage_hint }</span> },
    };
    html! {
        <div class="stage-bar">
            if props.status.working.is_some() {
                { working(&desk, props) }
            } else {
                <p class="stage-caption" data-test="caption">{ text }</p>
            }
            <div class="stage-acts">
                <div class="stage-history">{ history(&desk, &props.status) }</div>
                if let Some(command) = fetch {
                    <button type="button" class="button kafka" data-test="fetch" title={command}
                        disabled={!props.ready}
                        onclick={desk.on(Action::Fetch)}>{ t.fetch }</button>
                }
                if let Some(command) = send {
                    <button type="button" data-test="send" title={command} disabled={!props.ready}
                        class={if props.lesson { "button" } else { "button primary" }}
                        onclick={desk.on(Action::Send)}>{ t.send }</button>
                }
            </div>
        </div>
    }
}

fn working(desk: &Desk, props: &Props) -> Html {
    let Some((command, share)) = &props.status.working else { return Html::default() };
    let text = fill(desk.texts.working, &[("command", command)]);
    let value = share.map(|share| ((share * 100.0) as u32).to_string());
    html! {
        <div class="stage-working" data-test="working">
            <span class="small">{ &text }</span>
            <progress max="100" value={value} aria-label={text} />
            <button type="button" class="button" data-test="stop"
                onclick={desk.on(Action::PlayOrPause)}>{ desk.texts.stop }</button>
        </div>
    }
}

/// True if the Kafka consumer should draw the eye.
pub fn beckons(welcome: Option<Welcome>) -> bool {
    welcome.is_some_and(|welcome| welcome.act == Act::Fetch)
}

/// Undo, redo, begin anew.
fn history(desk: &Desk, status: &Status) -> Html {
    let t = desk.texts;
    let title = |name: &str, command: &Option<String>| match command {
        Some(command) => [name, ": ", command].concat(),
        None => name.to_owned(),
    };
    html! {
        <>
            <button type="button" class="button icon quiet" data-test="undo" aria-label={t.undo}
                title={title(t.undo, &status.undo)} disabled={status.undo.is_none()}
                onclick={desk.on(Action::Undo)}>{ Icon::Undo.html() }</button>
            <button type="button" class="button icon quiet" data-test="redo" aria-label={t.redo}
                title={title(t.redo, &status.redo)} disabled={status.redo.is_none()}
                onclick={desk.on(Action::Redo)}>{ Icon::Redo.html() }</button>
            <button type="button" class="button icon quiet" data-test="reset" aria-label={t.reset}
                title={t.reset} onclick={desk.on(Action::Reset)}>{ Icon::Reset.html() }</button>
        </>
    }
}
