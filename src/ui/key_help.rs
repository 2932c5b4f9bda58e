//! The list of keys, as a dialog.

use super::desk::use_desk;
use super::outside;
use super::state::Action;
use crate::view::words::runs::Runs;
use yew::prelude::*;

/// The list of keys.
#[component]
pub fn KeyHelp() -> Html {
    let desk = use_desk();
    let t = desk.texts;
    let dialog = use_node_ref();
    {
        let dialog = dialog.clone();
        use_effect_with((), move |()| outside::show_modal(&dialog));
    }
    let keys = [
        ("Space", t.key_play),
        ("← →", t.key_step),
        ("Home End", t.key_ends),
        ("+ −", t.key_speed),
        ("E M T", t.key_grain),
        ("R", t.key_reset),
        ("F", t.key_follow),
        ("D", Runs::of(desk.language).key_part),
        ("Shift+T", t.key_text),
        ("Ctrl+Z", t.key_undo),
        ("?", t.key_keys),
    ];
    html! {
        <dialog class="key-help" aria-labelledby="key-help" data-test="key-help" ref={dialog}
            onclose={desk.on(Action::ShowKeys(false))}>
            <h2 id="key-help">{ t.keys }</h2>
            <p class="small quiet">{ t.keys_lead }</p>
            <dl class="keys">
                { for keys.into_iter().map(|(keys, text)| html! {
                    <div><dt>{ for keys.split(' ').map(|key| html! { <kbd>{ key }</kbd> }) }</dt><dd>{ text }</dd></div>
                }) }
            </dl>
            <h3>{ t.terminal }</h3>
            <dl class="keys">
                <div><dt><kbd>{ "↑" }</kbd><kbd>{ "↓" }</kbd></dt><dd>{ t.key_history }</dd></div>
                <div><dt><kbd>{ "Tab" }</kbd></dt><dd>{ t.key_complete }</dd></div>
                <div><dt><kbd>{ "Esc" }</kbd></dt><dd>{ t.key_leave }</dd></div>
            </dl>
            <form method="dialog"><button class="button primary" data-test="close-keys">{ t.close }</button></form>
        </dialog>
    }
}
