//! The picture: shapes of the layout as SVG, native buttons over what can be selected, and what
//! moves. It has no state of its own but what is in the air.

use super::desk::{Desk, use_desk};
use super::flights::flights_html;
use super::grips::Grips;
use super::state::{Action, Menu};
use crate::view::frame::Selection;
use crate::view::layout::{self, Anchor, Hit, Options, Part, Picture, Shape, Traffic};
use crate::view::scene::Scene;
use crate::view::text_view;
use crate::view::words::fill;
use crate::view::words::number;
use crate::view::words::picture::Picture as Texts;
use std::rc::Rc;
use yew::prelude::*;

/// What is drawn.
#[derive(PartialEq, Properties)]
pub struct Props {
    /// The scene.
    pub scene: Rc<Scene>,
    /// The number of its frame.
    pub frame: u64,
    /// When it came, in milliseconds.
    pub frame_ms: i64,
    /// True if it jumped: then nothing moves.
    pub jumped: bool,
    /// What the picture is made for.
    pub options: Options,
    /// True if curves stand below it: then their lines are explained.
    pub curves: bool,
}

/// What is in the air, and from which picture it left.
#[derive(Default)]
struct Air {
    frame: u64,
    picture: Rc<Picture>,
    traffic: Traffic,
}

/// The picture.
#[component]
pub fn Figure(props: &Props) -> Html {
    let desk = use_desk();
    let air = use_mut_ref(Air::default);
    let picture = {
        let scene = props.scene.clone();
        use_memo((props.frame, props.options.clone()), move |(_, options)| {
            layout::picture(&scene, options)
        })
    };
    let mut air = air.borrow_mut();
    let is_as_wide = air.picture.width == picture.width;
    if !is_as_wide {
        // What is in the air there would be beside the picture here.
        air.traffic.clear();
    }
    if air.frame != props.frame {
        if props.jumped || air.frame == 0 || !is_as_wide {
            air.traffic.clear();
        } else {
            let flights = layout::flights(&air.picture, &picture, &props.scene.arrived);
            air.traffic.admit(flights, props.frame_ms);
        }
        air.frame = props.frame;
    }
    air.picture = picture.clone();
    let view_box = ["0 0 ", &picture.width.to_string(), " ", &picture.height.to_string()].concat();
    let state = text_view::state(&props.scene, desk.language);
    let class = if props.jumped { "picture is-still" } else { "picture" };
    let traffic = &air.traffic;
    let size = ["height:", &picture.height.to_string(), "px"].concat();
    // What has a key is by itself: beside what has none Yew goes by place, and one more of it makes
    // all before it anew.
    html! {
        <figure class={class} data-test="picture" aria-label={desk.texts.picture}
            aria-describedby="state-sentence">
            <div class="picture-box" ~style={size} onclick={pick(&desk, &picture)}>
                <svg class="picture-shapes" viewBox={view_box} width={picture.width.to_string()}
                    height={picture.height.to_string()} aria-hidden="true">
                    <defs>
                        { pattern("unacked") }{ pattern("hidden") }
                    </defs>
                    <>{ for picture.parts.iter().map(|part| part_html(part, traffic)) }</>
                </svg>
                { flights_html(traffic) }
                <>{ for picture.hits.iter().map(|hit| hit_html(&desk, hit)) }</>
                <Grips picture={picture.clone()} scene={props.scene.clone()} />
            </div>
            <p id="state-sentence" class="visually-hidden">{ state }</p>
            { density(&desk, &picture, props) }
        </figure>
    }
}

/// Diagonal lines: unacked in the one lane, not yet visible in the other.
fn pattern(id: &'static str) -> Html {
    html! {
        <pattern id={id} width="6" height="6" patternUnits="userSpaceOnUse"
            patternTransform="rotate(45)">
            <rect width="6" height="6" class={classes!("pattern-ground", id)} />
            <path d="M1 0V6" class={classes!("pattern-line", id)} />
        </pattern>
    }
}

fn part_html(part: &Part, traffic: &Traffic) -> Html {
    let mut style = String::new();
    if part.at.x != 0 || part.at.y != 0 {
        style =
            ["translate:", &part.at.x.to_string(), "px ", &part.at.y.to_string(), "px"].concat();
    }
    let kafka = part.class == "cell kafka";
    let landing = part.message.and_then(|message| traffic.landing(kafka, message));
    if let Some(after) = landing {
        style = [&*style, ";--after:", &after.to_string(), "ms"].concat();
    }
    html! {
        <g key={part.key.clone()} class={part.class} ~style={style}>
            { for part.shapes.iter().map(shape_html) }
        </g>
    }
}

fn shape_html(shape: &Shape) -> Html {
    match shape {
        Shape::Rect { class, rect, radius } => html! {
            <rect class={*class} x={rect.x.to_string()} y={rect.y.to_string()}
                width={rect.w.to_string()} height={rect.h.to_string()}
                rx={radius.to_string()} />
        },
        Shape::Path { class, d } => html! { <path class={*class} d={d.clone()} /> },
        Shape::Text { class, at, anchor, text } => {
            let anchor = match anchor {
                Anchor::Start => None,
                Anchor::Middle => Some("middle"),
                Anchor::End => Some("end"),
            };
            html! {
                <text class={*class} x={at.x.to_string()} y={at.y.to_string()}
                    text-anchor={anchor}>{ text }</text>
            }
        }
    }
}

fn hit_html(desk: &Desk, hit: &Hit) -> Html {
    let n = |value: i32| value.to_string();
    let style = [
        "left:",
        &n(hit.rect.x),
        "px;top:",
        &n(hit.rect.y),
        "px;width:",
        &n(hit.rect.w),
        "px;height:",
        &n(hit.rect.h),
        "px",
    ]
    .concat();
    let selection = match hit.selected {
        true => None,
        false => Some(hit.selection.clone()),
    };
    let is_cell = matches!(hit.selection, Selection::Message(_));
    html! {
        <button type="button" key={hit.key.clone()} class={if is_cell { "hit cell" } else { "hit" }}
            ~style={style} aria-label={hit.label.clone()} data-test="thing"
            data-thing={hit.key.clone()} tabindex={is_cell.then_some("-1")}
            aria-pressed={if hit.selected { "true" } else { "false" }}
            onclick={stop(desk.on(Action::Select(selection)))}
            oncontextmenu={menu(desk, &hit.selection)} />
    }
}

/// The menu of a thing, where the pointer is; none for a message.
fn menu(desk: &Desk, selection: &Selection) -> Option<Callback<MouseEvent>> {
    if !matches!(selection, Selection::Place(_)) {
        return None;
    }
    let (desk, selection) = (desk.clone(), selection.clone());
    Some(Callback::from(move |event: MouseEvent| {
        event.prevent_default();
        let (x, y) = (event.client_x(), event.client_y());
        desk.send(Action::OpenMenu(Menu { selection: selection.clone(), x, y }));
    }))
}

/// A click that means a thing does not mean what lies behind it; a click of the mouse on a small
/// cell inside it does.
fn stop(act: Callback<MouseEvent>) -> Callback<MouseEvent> {
    Callback::from(move |event: MouseEvent| {
        if !event.default_prevented() {
            act.emit(event);
        }
    })
}

/// Small cells have no buttons: the message under the pointer is selected.
fn pick(desk: &Desk, picture: &Rc<Picture>) -> Option<Callback<MouseEvent>> {
    if picture.grids.is_empty() {
        return None;
    }
    let (desk, picture) = (desk.clone(), picture.clone());
    Some(Callback::from(move |event: MouseEvent| {
        let Some(place) = super::outside::place_in(&event, "picture-box") else { return };
        let found = picture.grids.iter().find_map(|grid| grid.message_at(place.0, place.1));
        if let Some(message) = found {
            desk.send(Action::Select(Some(Selection::Message(message))));
        }
    }))
}

/// How densely it is drawn, in words.
fn density(desk: &Desk, picture: &Picture, props: &Props) -> Html {
    let scene = &props.scene;
    let t = Texts::of(desk.language);
    let text = match picture.density {
        layout::Density::Cards => t.density_cards,
        layout::Density::Squares => t.density_squares,
        layout::Density::Bars => t.density_bars,
        layout::Density::Figures => t.density_figures,
    };
    let more = (scene.arrived_more > 0)
        .then(|| fill(t.more_arrived, &[("count", &number(scene.arrived_more))]));
    html! {
        <figcaption class="picture-note">
            if props.curves {
                <span class="line-name kafka">{ "Kafka" }</span>
                <span class="line-name rabbit">{ "RabbitMQ" }</span>
            }
            <span class="push">{ text }
                if let Some(more) = more { { " · " }{ more } }
            </span>
        </figcaption>
    }
}
