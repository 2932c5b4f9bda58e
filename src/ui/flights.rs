//! What moves. Each flight is an element with an animation of its own, which the browser runs
//! without the page.

use crate::view::layout::{Flight, Glyph, Traffic, text_width};
use yew::prelude::*;

/// Everything that is in the air.
pub fn flights_html(traffic: &Traffic) -> Html {
    html! { <g class="flights">{ for traffic.flights().map(flight_html) }</g> }
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
        "px;--delay:",
        &n(flight.delay_ms),
        "ms",
    ]
    .concat();
    let class = if flight.kafka { "flight kafka" } else { "flight rabbit" };
    html! {
        <g key={flight.id.to_string()} class={class} ~style={style}>{ glyph(flight) }</g>
    }
}

fn glyph(flight: &Flight) -> Html {
    match flight.glyph {
        Glyph::Record | Glyph::Message => {
            let radius = if flight.glyph == Glyph::Record { "1" } else { "10" };
            let w = (text_width(&flight.label, 12) + 10).max(22);
            html! {
                <>
                    <rect class="flight-box" x={(-w / 2).to_string()} y="-11"
                        width={w.to_string()} height="22" rx={radius} />
                    <text class="flight-text" y="4" text-anchor="middle">{ &flight.label }</text>
                </>
            }
        }
        Glyph::Hook => html! { <path class="flight-line" d="M9-4h-12a4 4 0 1 0 4 4" /> },
        Glyph::Empty => html! {
            <rect class="flight-empty" x="-7" y="-7" width="14" height="14" />
        },
        Glyph::Tick => html! { <path class="flight-line" d="M-5 0l3 4 7-8" /> },
        Glyph::Caret => html! { <path class="flight-box" d="M0-6l6 10h-12z" /> },
    }
}
