//! The events in order, each as a sentence; a click goes to its time.

use super::desk::{Desk, use_desk};
use super::outside;
use super::state::Action;
use crate::view::frame::{EventLine, Selection};
use crate::view::sentence::sentence;
use crate::view::words::{clock, fill, number};
use std::rc::Rc;
use yew::prelude::*;

/// So many are in sight; the filter finds older ones.
const SHOWN_MAX: usize = 120;

/// The events.
#[derive(PartialEq, Properties)]
pub struct Props {
    /// All that are kept, oldest first.
    pub events: Rc<Vec<Rc<EventLine>>>,
    /// What they are narrowed to.
    pub filter: String,
}

/// The list of events.
#[component]
pub fn EventList(props: &Props) -> Html {
    let desk = use_desk();
    let t = desk.texts;
    let list = use_node_ref();
    {
        let list = list.clone();
        let last = props.events.last().map(|line| line.number);
        use_effect_with((last, props.filter.clone()), move |_| outside::scroll_to_end(&list));
    }
    let filter = props.filter.trim().to_lowercase();
    let wanted = |line: &&Rc<EventLine>| {
        filter.is_empty()
            || line.name.contains(&filter)
            || line.by.to_lowercase().contains(&filter)
            || sentence(line, desk.language).to_lowercase().contains(&filter)
    };
    let mut shown: Vec<&Rc<EventLine>> =
        props.events.iter().rev().filter(wanted).take(SHOWN_MAX + 1).collect();
    let more = shown.len() > SHOWN_MAX;
    shown.truncate(SHOWN_MAX);
    shown.reverse();
    let on_filter = {
        let desk = desk.clone();
        Callback::from(move |event: InputEvent| {
            if let Some(text) = outside::text_in(&event) {
                desk.send(Action::Filter(text));
            }
        })
    };
    let stop = Callback::from(|event: KeyboardEvent| event.stop_propagation());
    html! {
        <div class="event-log" data-test="event-log">
            <div class="event-find">
            <label class="event-filter">
                <span class="small quiet">{ t.filter }</span>
                <input type="search" autocomplete="off" data-test="event-filter" onkeydown={stop}
                    placeholder={t.filter_hint} value={props.filter.clone()} oninput={on_filter} />
            </label>
            { follow(&desk) }
            </div>
            <ol class="event-list" ref={list} tabindex="0" aria-label={t.events}>
                if shown.is_empty() { <li class="quiet small">{ t.no_events }</li> }
                if more { <li class="quiet small">{ fill(t.older_events, &[("count", &number(SHOWN_MAX as u64))]) }</li> }
                <>{ for shown.into_iter().map(|line| {
                    let side = line.name.split('.').next().unwrap_or_default().to_owned();
                    html! {
                        <li key={line.number.to_string()}>
                            <button type="button" class={classes!("event", side)} title={line.name.clone()}
                                data-event={line.name.clone()} onclick={desk.on(Action::Seek(line.at_us))}>
                                <span class="num">{ clock(line.at_us) }</span>
                                <span>{ sentence(line, desk.language) }</span>
                            </button>
                        </li>
                    }
                }) }</>
            </ol>
        </div>
    }
}

/// A message is followed by its number.
fn follow(desk: &Desk) -> Html {
    let on = {
        let desk = desk.clone();
        Callback::from(move |event: Event| {
            if let Some(number) = outside::message_in(&event) {
                desk.send(Action::Select(Some(Selection::Message(number))));
            }
        })
    };
    let stop = Callback::from(|event: KeyboardEvent| event.stop_propagation());
    html! {
        <label class="event-filter">
            <span class="small quiet">{ desk.texts.follow }</span>
            <input id="follow" class="num" inputmode="numeric" autocomplete="off" size="8"
                placeholder="m0" data-test="follow" onchange={on} onkeydown={stop} />
        </label>
    }
}
