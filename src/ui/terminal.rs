//! The terminal: everything that buttons do stands here too, and can be typed.

use super::desk::{Desk, use_desk};
use super::outside;
use super::rich_text::command;
use super::state::Action;
use super::terminal_state::{Line, Terminal};
use std::rc::Rc;
use yew::prelude::*;

/// The terminal.
#[derive(PartialEq, Properties)]
pub struct Props {
    /// Its content.
    pub terminal: Rc<Terminal>,
}

/// The terminal.
#[component]
pub fn TerminalPane(props: &Props) -> Html {
    let desk = use_desk();
    let t = desk.texts;
    let log = use_node_ref();
    {
        let log = log.clone();
        let last =
            props.terminal.lines.last().map(|line| (line.id, line.pending, line.output.len()));
        use_effect_with((last, props.terminal.lines.len()), move |_| outside::scroll_to_end(&log));
    }
    let terminal = &props.terminal;
    let on_input = {
        let desk = desk.clone();
        Callback::from(move |event: InputEvent| {
            if let Some(text) = outside::text_in(&event) {
                desk.send(Action::Input(text));
            }
        })
    };
    html! {
        <div class="terminal" data-test="terminal">
            <div class="terminal-log" role="log" aria-label={t.terminal_log} ref={log} tabindex="0"
                data-test="terminal-log">
                if terminal.lines.is_empty() { <p class="quiet small">{ t.terminal_empty }</p> }
                <>{ for terminal.lines.iter().enumerate().map(|(index, line)| line_html(&desk, index, line)) }</>
            </div>
            if !terminal.words.is_empty() {
                <p class="terminal-words mono" data-test="completions">{ for terminal.words.iter().map(|word| html! {
                    <span>{ word }</span>
                }) }</p>
            }
            <div class="terminal-line">
                <span class="mono quiet" aria-hidden="true">{ "$" }</span>
                <input id="terminal-input" class="mono" type="text" autocomplete="off"
                    autocapitalize="off" spellcheck="false" data-test="terminal-input"
                    aria-label={t.terminal_input} placeholder={t.terminal_hint}
                    value={terminal.input.clone()} oninput={on_input} onkeydown={keys(&desk)} />
            </div>
        </div>
    }
}

fn line_html(desk: &Desk, index: usize, line: &Line) -> Html {
    let class = if line.pending { "entry is-pending" } else { "entry" };
    let output = line.output.join("\n");
    html! {
        <div key={index.to_string()} class={class}>
            <p class="entry-command mono">{ command(&line.command) }</p>
            if !output.is_empty() { <pre class="entry-output" lang="en">{ output }</pre> }
            if let Some(error) = &line.error {
                <p class="entry-error"><span class="visually-hidden">{ desk.texts.error }</span>
                    <span class="mono" lang="en">{ error }</span></p>
            }
        </div>
    }
}

/// Enter runs, up and down go through the history, Tab completes, Esc leaves. While a syllable is
/// being composed, none of them.
fn keys(desk: &Desk) -> Callback<KeyboardEvent> {
    let desk = desk.clone();
    Callback::from(move |event: KeyboardEvent| {
        // What is pressed here is no key of the player.
        event.stop_propagation();
        if event.is_composing() || event.key_code() == 229 {
            return;
        }
        let action = match &*event.key() {
            "Enter" => Action::Enter,
            "ArrowUp" => Action::Earlier,
            "ArrowDown" => Action::Later,
            "Tab" if !event.shift_key() && outside::has_text(&event) => Action::Complete,
            "Escape" => return outside::focus("tab-terminal"),
            _ => return,
        };
        event.prevent_default();
        desk.send(action);
    })
}
