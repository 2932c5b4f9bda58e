//! The page's end of the engine: start it, send it requests, be given its replies.
//!
//! First a Web Worker is tried. It has failed if it cannot be made (`SecurityError`), if it tells
//! an error before it is loaded, or if it says nothing for [`PATIENCE_MS`]; then the engine is
//! loaded into the page. A worker's script says at once that it is there: from then on the page
//! waits, however slow the network or the machine is, and does not load a second engine beside it.
//! A worker that was slow even to begin may still answer first: whoever says [`Reply::Loaded`]
//! first is the engine, and the other one is dropped.

use super::inline::Inline;
use super::port::{self, ToPage};
use super::worker::Background;
use crate::host::drive::Message;
use crate::host::protocol::{Reply, Request};
use gloo::render::AnimationFrame;
use gloo::timers::callback::Timeout;
use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use wasm_bindgen::{JsCast, JsValue};
use web_sys::MessageEvent;

/// How long a worker may be silent before the page tries without one as well, in milliseconds.
pub const PATIENCE_MS: u32 = 8_000;

/// After so long a frame counts as drawn even if the browser gave no turn to draw, in
/// milliseconds: a page half out of sight still gets a frame now and then.
const DRAWN_AT_THE_LATEST_MS: u32 = 500;

/// A handle on the engine. Clones are handles on the same one; the last one to go ends it.
#[derive(Clone)]
pub struct Engine(Rc<Link>);

/// Two handles are equal if they are handles on the same engine.
impl PartialEq for Engine {
    fn eq(&self, other: &Engine) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

struct Link {
    on_reply: Rc<dyn Fn(Reply)>,
    candidates: RefCell<Candidates>,
    /// The one that said that it is loaded.
    loaded: Cell<Option<Place>>,
    /// Requests from before that.
    waiting: RefCell<Vec<Request>>,
    patience: RefCell<Option<Timeout>>,
    drawing: RefCell<Option<(AnimationFrame, Timeout)>>,
}

#[derive(Default)]
struct Candidates {
    background: Option<Background>,
    inline: Option<Inline>,
}

/// Where an engine runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Background,
    Inline,
}

/// What is heard from an engine.
pub(super) enum Heard {
    /// A message.
    Message(MessageEvent),
    /// It cannot start, or it has died: why.
    Failed(String),
}

impl Engine {
    /// Starts the engine. `on_reply` is called for every reply, never while [`Engine::send`] runs.
    /// The first is [`Reply::Loaded`], or [`Reply::Failed`] where the engine can run in no way.
    pub fn start(on_reply: Rc<dyn Fn(Reply)>) -> Engine {
        let link = Rc::new(Link {
            on_reply,
            candidates: RefCell::default(),
            loaded: Cell::new(None),
            waiting: RefCell::default(),
            patience: RefCell::default(),
            drawing: RefCell::default(),
        });
        link.try_background();
        Engine(link)
    }

    /// Sends a request; one that is sent before the engine is loaded waits for it.
    pub fn send(&self, request: Request) {
        match self.0.loaded.get() {
            Some(place) => self.0.post(place, &Message::Request(request)),
            None => self.0.waiting.borrow_mut().push(request),
        }
    }
}

impl Link {
    fn try_background(self: &Rc<Link>) {
        match Background::start(self.ear(Place::Background)) {
            Ok(background) => {
                self.candidates.borrow_mut().background = Some(background);
                let link = Rc::downgrade(self);
                let impatient = move || {
                    if let Some(link) = link.upgrade() {
                        link.try_inline();
                    }
                };
                *self.patience.borrow_mut() = Some(Timeout::new(PATIENCE_MS, impatient));
            }
            Err(_) => self.try_inline(),
        }
    }

    fn try_inline(self: &Rc<Link>) {
        if self.loaded.get().is_some() || self.candidates.borrow().inline.is_some() {
            return;
        }
        match Inline::start(self.ear(Place::Inline)) {
            Ok(inline) => self.candidates.borrow_mut().inline = Some(inline),
            Err(error) => self.give_up(&text_of(&error)),
        }
    }

    /// What a candidate says comes in here.
    fn ear(self: &Rc<Link>, place: Place) -> Rc<dyn Fn(Heard)> {
        let link = Rc::downgrade(self);
        Rc::new(move |heard| {
            if let Some(link) = link.upgrade() {
                link.hear(place, heard);
            }
        })
    }

    fn hear(self: &Rc<Link>, place: Place, heard: Heard) {
        let chosen = self.loaded.get();
        match heard {
            Heard::Message(event) if chosen.is_none_or(|chosen| chosen == place) => {
                let Some(replies) = port::decode::<ToPage>(&event) else {
                    // The worker is there, and has only to load.
                    self.patience.borrow_mut().take();
                    return;
                };
                if chosen.is_none() {
                    self.choose(place);
                }
                let frame = replies.iter().any(|reply| matches!(reply, Reply::Frame(_)));
                replies.into_iter().for_each(|reply| (self.on_reply)(reply));
                if frame {
                    self.tell_when_drawn(place);
                }
            }
            Heard::Failed(error) if chosen == Some(place) => {
                (self.on_reply)(Reply::Failed { error });
            }
            Heard::Failed(error) if chosen.is_none() => match place {
                Place::Background => {
                    self.candidates.borrow_mut().background = None;
                    self.try_inline();
                }
                Place::Inline => self.give_up(&error),
            },
            Heard::Message(_) | Heard::Failed(_) => {}
        }
    }

    fn choose(&self, place: Place) {
        self.loaded.set(Some(place));
        self.patience.borrow_mut().take();
        let mut candidates = self.candidates.borrow_mut();
        match place {
            Place::Background => candidates.inline = None,
            Place::Inline => candidates.background = None,
        }
        drop(candidates);
        let waiting = std::mem::take(&mut *self.waiting.borrow_mut());
        waiting.into_iter().for_each(|request| self.post(place, &Message::Request(request)));
    }

    fn post(&self, place: Place, message: &Message) {
        let candidates = self.candidates.borrow();
        let sent = match (place, &*candidates) {
            (Place::Background, Candidates { background: Some(worker), .. }) => {
                worker.post(message)
            }
            (Place::Inline, Candidates { inline: Some(inline), .. }) => inline.post(message),
            _ => Ok(()),
        };
        if let Err(error) = sent {
            gloo::console::warn!("a request did not reach the engine:", error);
        }
    }

    /// Asks for the next frame once this one is drawn.
    fn tell_when_drawn(self: &Rc<Link>, place: Place) {
        let drawn = move |link: Weak<Link>| {
            if let Some(link) = link.upgrade()
                && link.drawing.borrow_mut().take().is_some()
            {
                link.post(place, &Message::Drawn);
            }
        };
        let link = Rc::downgrade(self);
        let frame = gloo::render::request_animation_frame(move |_| drawn(link));
        let link = Rc::downgrade(self);
        let latest = Timeout::new(DRAWN_AT_THE_LATEST_MS, move || drawn(link));
        *self.drawing.borrow_mut() = Some((frame, latest));
    }

    fn give_up(&self, error: &str) {
        // A worker that is merely slow may still come.
        if self.candidates.borrow().background.is_none() {
            self.patience.borrow_mut().take();
            // Never while the caller is still in `Engine::start`.
            let (on_reply, error) = (self.on_reply.clone(), error.to_owned());
            Timeout::new(0, move || on_reply(Reply::Failed { error })).forget();
        }
    }
}

/// What the browser says about an error, in one line.
pub(super) fn text_of(error: &JsValue) -> String {
    match error.dyn_ref::<js_sys::Error>() {
        Some(error) => format!("{}: {}", error.name(), error.message()),
        None => error.as_string().unwrap_or_else(|| format!("{error:?}")),
    }
}
