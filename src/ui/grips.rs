//! What is taken by hand: handles over the picture; while one is held, its name goes with the
//! pointer and the places where it may go stand out. Escape lets go of it. The forms of the
//! inspector do the same without dragging.

use super::desk::{Desk, use_desk};
use super::outside;
use super::state::Action;
use crate::view::drag::Grip;
use crate::view::frame::Selection;
use crate::view::layout::{Handle, Hit, Picture, Rect};
use crate::view::scene::{Place, Scene};
use crate::view::words::runs::Runs;
use gloo::events::{EventListener, EventListenerOptions};
use std::cell::RefCell;
use std::rc::Rc;
use wasm_bindgen::JsCast;
use yew::prelude::*;

/// A press that goes no further than this is a click, in pixels.
const STILL_PX: i32 = 4;

/// Round a place that may be dropped on: nobody has to aim well.
const NEAR_PX: i32 = 6;

/// The name of what is held stands so far from the pointer.
const BESIDE_PX: i32 = 14;

/// Where it is held.
#[derive(PartialEq, Properties)]
pub struct Props {
    /// The picture.
    pub picture: Rc<Picture>,
    /// What it shows.
    pub scene: Rc<Scene>,
}

/// What is held, and where.
struct Held {
    grip: Grip,
    from: (i32, i32),
    at: (i32, i32),
    /// True once it left its place.
    moves: bool,
}

/// A place where it may go.
struct Target {
    key: String,
    rect: Rect,
    place: Place,
    name: String,
}

fn targets(grip: &Grip, picture: &Picture, scene: &Scene) -> Vec<Target> {
    let target = |hit: &Hit| {
        let Selection::Place(place) = &hit.selection else { return None };
        let name = grip.goes_to(scene, place)?;
        Some(Target { key: hit.key.clone(), rect: hit.rect, place: place.clone(), name })
    };
    picture.hits.iter().filter_map(target).collect()
}

fn under((x, y): (i32, i32), targets: &[Target]) -> Option<&Target> {
    targets.iter().find(|target| {
        let near = target.rect.grown(NEAR_PX);
        (near.x..near.right()).contains(&x) && (near.y..near.bottom()).contains(&y)
    })
}

/// The handles of a picture.
#[component]
pub fn Grips(props: &Props) -> Html {
    let held = use_mut_ref(|| None::<Held>);
    let again = use_force_update();
    let moves = held.borrow().as_ref().is_some_and(|held| held.moves);
    {
        let (held, again) = (held.clone(), again.clone());
        use_effect_with(moves, move |moves| {
            // Before whatever has the focus, which may keep its keys to itself.
            let options = EventListenerOptions::run_in_capture_phase();
            let heard = move |event: &web_sys::Event| {
                let key = event.dyn_ref::<web_sys::KeyboardEvent>().map(|event| event.key());
                if key.as_deref() == Some("Escape") {
                    event.stop_propagation();
                    held.borrow_mut().take();
                    again.force_update();
                }
            };
            let document = gloo::utils::document();
            let listener = moves
                .then(|| EventListener::new_with_options(&document, "keydown", options, heard));
            move || drop(listener)
        });
    }
    let desk = use_desk();
    let shown = use_mut_ref(|| (props.picture.clone(), props.scene.clone()));
    *shown.borrow_mut() = (props.picture.clone(), props.scene.clone());
    let hand = Hand { desk, held: held.clone(), shown, again };
    let handle = |one: &Handle| {
        html! { <Grasp key={one.key.clone()} handle={one.clone()} hand={hand.clone()} /> }
    };
    html! {
        <div class={if moves { "grips is-moving" } else { "grips" }} aria-hidden="true">
            { held.borrow().as_ref().filter(|held| held.moves).map(|held| held_html(props, held)) }
            <>{ for props.picture.handles.iter().map(handle) }</>
        </div>
    }
}

fn held_html(props: &Props, held: &Held) -> Html {
    let targets = targets(&held.grip, &props.picture, &props.scene);
    let over = under(held.at, &targets);
    let name = match over {
        Some(target) => [&*held.grip.name(), " → ", &target.name].concat(),
        None => held.grip.name(),
    };
    let (x, y) = (held.at.0 + BESIDE_PX, held.at.1 + BESIDE_PX);
    let style = ["left:", &x.to_string(), "px;top:", &y.to_string(), "px"].concat();
    html! {
        <>
            <>{ for targets.iter().map(|target| {
                let class = match over.is_some_and(|over| over.key == target.key) {
                    true => "drop is-over",
                    false => "drop",
                };
                html! { <i key={target.key.clone()} {class} data-test="drop" data-drop={target.key.clone()}
                    ~style={place(target.rect)} /> }
            }) }</>
            <b class="held" data-test="held" ~style={style}>{ name }</b>
        </>
    }
}

/// Whoever takes something.
#[derive(Clone)]
struct Hand {
    desk: Desk,
    held: Rc<RefCell<Option<Held>>>,
    /// The picture of now, and what it shows.
    shown: Rc<RefCell<(Rc<Picture>, Rc<Scene>)>>,
    again: UseForceUpdateHandle,
}

impl PartialEq for Hand {
    fn eq(&self, other: &Hand) -> bool {
        self.desk == other.desk && Rc::ptr_eq(&self.held, &other.held)
    }
}

impl Hand {
    /// A pointer is pressed on a handle.
    fn takes(&self, grip: &Grip) -> Callback<PointerEvent> {
        let (hand, grip) = (self.clone(), grip.clone());
        Callback::from(move |event: PointerEvent| {
            let Some(at) = outside::place_in(&event, "picture-box") else { return };
            if event.button() == 0 {
                // Else the text around is selected.
                event.prevent_default();
                outside::capture(&event);
                *hand.held.borrow_mut() =
                    Some(Held { grip: grip.clone(), from: at, at, moves: false });
            }
        })
    }

    /// The pointer moves.
    fn moves(&self) -> Callback<PointerEvent> {
        let hand = self.clone();
        Callback::from(move |event: PointerEvent| {
            let Some(at) = outside::place_in(&event, "picture-box") else { return };
            let mut held = hand.held.borrow_mut();
            let Some(held) = &mut *held else { return };
            held.at = at;
            let way = (at.0 - held.from.0).abs().max((at.1 - held.from.1).abs());
            if !held.moves && way > STILL_PX {
                held.moves = true;
                hand.desk.send(Action::Grab);
            }
            hand.again.force_update();
        })
    }

    /// The pointer is let go: on a place, beside all of them, or where it was.
    fn lets_go(&self) -> Callback<PointerEvent> {
        let hand = self.clone();
        Callback::from(move |_: PointerEvent| {
            let Some(held) = hand.held.borrow_mut().take() else { return };
            hand.again.force_update();
            if !held.moves {
                return hand.desk.send(Action::Select(Some(held.grip.selection())));
            }
            let (picture, scene) = &*hand.shown.borrow();
            let targets = targets(&held.grip, picture, scene);
            if let Some(target) = under(held.at, &targets) {
                hand.desk.send(Action::Move(held.grip, target.place.clone()));
            }
        })
    }

    /// The browser took the pointer for something else.
    fn loses(&self) -> Callback<PointerEvent> {
        let hand = self.clone();
        Callback::from(move |_: PointerEvent| {
            hand.held.borrow_mut().take();
            hand.again.force_update();
        })
    }
}

/// One handle, and whose hand takes it.
#[derive(PartialEq, Properties)]
struct GraspProps {
    handle: Handle,
    hand: Hand,
}

/// A handle: most stay as they are from one picture to the next.
#[component]
fn Grasp(props: &GraspProps) -> Html {
    let GraspProps { handle: one, hand } = props;
    html! {
        <i class="grip" title={Runs::of(hand.desk.language).drag}
            data-test="grip" data-grip={one.key.clone()} ~style={place(one.rect)}
            onpointerdown={hand.takes(&one.grip)} onpointermove={hand.moves()}
            onpointerup={hand.lets_go()}
            onpointercancel={hand.loses()} />
    }
}

fn place(rect: Rect) -> String {
    let n = |value: i32| value.to_string();
    [
        "left:",
        &n(rect.x),
        "px;top:",
        &n(rect.y),
        "px;width:",
        &n(rect.w),
        "px;height:",
        &n(rect.h),
        "px",
    ]
    .concat()
}
