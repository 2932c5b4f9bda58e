//! What moves. Each flight is an element with an animation of its own, which the browser's
//! compositor runs without the page: so they stand above the picture, not in its SVG, where each
//! step of a movement would be painted anew. One that has to wait is there from the start, unseen:
//! the instants at which an animation begins and ends cost the page frames.

use crate::view::layout::{Flight, Glyph, Traffic};
use yew::prelude::*;

/// A flight lands after one of so many parts of its animation; the style sheet has them.
const LASTS_PARTS: i32 = 4;

/// Everything that is in the air.
pub fn flights_html(traffic: &Traffic) -> Html {
    html! {
        <div class="flights" aria-hidden="true">{ for traffic.flights().map(flight_html) }</div>
    }
}

fn flight_html(flight: &Flight) -> Html {
    let n = |value: i32| value.to_string();
    let style = [
        "--from-x:",
        &n(flight.from.x),
        "px;--from-y:",
        &n(flight.from.y),
        "px;--to-x:",
        &n(flight.to.x),
        "px;--to-y:",
        &n(flight.to.y),
        "px;animation:fly-",
        &n(flight.links),
        " ",
        &n(LASTS_PARTS * flight.lasts_ms),
        "ms",
    ]
    .concat();
    let class = if flight.kafka { "flight kafka" } else { "flight rabbit" };
    html! {
        <div key={flight.id.to_string()} class={class} ~style={style}>{ glyph(flight) }</div>
    }
}

fn glyph(flight: &Flight) -> Html {
    match flight.glyph {
        Glyph::Record => html! { <span class="flight-box">{ &flight.label }</span> },
        Glyph::Message => html! { <span class="flight-box round">{ &flight.label }</span> },
        Glyph::Hook => sign("flight-line", "M9-4h-12a4 4 0 1 0 4 4"),
        Glyph::Empty => sign("flight-empty", "M-7-7h14v14h-14z"),
        Glyph::Tick => sign("flight-line", "M-5 0l3 4 7-8"),
        Glyph::Caret => sign("flight-caret", "M0-6l6 10h-12z"),
    }
}

fn sign(class: &'static str, d: &'static str) -> Html {
    html! {
        <svg class="flight-sign" viewBox="-12 -12 24 24" width="24" height="24">
            <path class={class} d={d} />
        </svg>
    }
}
