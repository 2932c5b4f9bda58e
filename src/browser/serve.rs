//! The engine's end: finds out where it runs, and serves the page.
//!
//! In a worker it talks to whoever made the worker. In a page it talks over the message port that
//! the page left in `window.__pushpull_port`. The rest is the same.

use super::clock::Clock;
use super::indexed_db::IndexedDb;
use super::inline::PORT;
use super::port::{self, ToPage};
use crate::host::drive::{self, Message, Page};
use crate::host::protocol::Reply;
use crate::host::server::Settings;
use gloo::events::EventListener;
use js_sys::{Reflect, global};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::spawn_local;
use web_sys::{DedicatedWorkerGlobalScope, Event, EventTarget, MessageEvent, MessagePort};

/// How long a slice of work may be in a worker, which has nothing else to do than to listen; and
/// in a page, which has to draw. In microseconds.
const SLICE_US: (u64, u64) = (8_000, 4_000);

/// Serves the page for ever.
pub fn serve() {
    match Channel::find() {
        Ok(channel) => {
            let channel = Rc::new(channel);
            tell_of_panics(&channel);
            let slice_us = channel.slice_us();
            let link = Link::new(channel);
            let (clock, store) = (Clock::default(), IndexedDb::default());
            spawn_local(drive::drive(link, clock, store, Settings::default(), slice_us));
        }
        Err(error) => gloo::console::error!("the engine found nobody to talk to:", error),
    }
}

/// A panic is a fault of the program: the page says so and offers to begin anew.
fn tell_of_panics(channel: &Rc<Channel>) {
    thread_local! {
        static CHANNEL: RefCell<Option<Rc<Channel>>> = const { RefCell::new(None) };
    }
    CHANNEL.set(Some(channel.clone()));
    std::panic::set_hook(Box::new(|panic| {
        let error = panic.to_string();
        gloo::console::error!(&error);
        CHANNEL.with_borrow(|channel| {
            if let Some(channel) = channel {
                channel.post(&vec![Reply::Failed { error }]);
            }
        });
    }));
}

enum Channel {
    Worker(DedicatedWorkerGlobalScope),
    Port(MessagePort),
}

impl Channel {
    fn find() -> Result<Channel, JsValue> {
        let global = global();
        let in_page = Reflect::has(&global, &"document".into())?;
        if !in_page {
            return Ok(Channel::Worker(global.unchecked_into()));
        }
        let port = Reflect::get(&global, &PORT.into())?.dyn_into()?;
        Reflect::delete_property(&global, &PORT.into())?;
        Ok(Channel::Port(port))
    }

    fn slice_us(&self) -> u64 {
        match self {
            Channel::Worker(_) => SLICE_US.0,
            Channel::Port(_) => SLICE_US.1,
        }
    }

    fn target(&self) -> &EventTarget {
        match self {
            Channel::Worker(scope) => scope,
            Channel::Port(port) => port,
        }
    }

    fn post(&self, replies: &ToPage) {
        let posted = port::encode(replies).and_then(|(message, transfer)| match self {
            Channel::Worker(scope) => scope.post_message_with_transfer(&message, &transfer),
            Channel::Port(port) => port.post_message_with_transferable(&message, &transfer),
        });
        if let Err(error) = posted {
            gloo::console::error!("replies did not reach the page:", error);
        }
    }
}

/// The page, as the host sees it.
struct Link {
    channel: Rc<Channel>,
    inbox: Rc<RefCell<Inbox>>,
    _listener: EventListener,
}

#[derive(Default)]
struct Inbox {
    messages: VecDeque<Message>,
    waker: Option<Waker>,
}

impl Link {
    fn new(channel: Rc<Channel>) -> Link {
        let inbox = Rc::new(RefCell::new(Inbox::default()));
        let into = inbox.clone();
        let listener = EventListener::new(channel.target(), "message", move |event: &Event| {
            let Some(message) = port::decode(event.unchecked_ref::<MessageEvent>()) else { return };
            let waker = {
                let mut inbox = into.borrow_mut();
                inbox.messages.push_back(message);
                inbox.waker.take()
            };
            if let Some(waker) = waker {
                waker.wake();
            }
        });
        if let Channel::Port(port) = &*channel {
            port.start();
        }
        Link { channel, inbox, _listener: listener }
    }
}

impl Page for Link {
    fn send(&self, replies: Vec<Reply>) {
        self.channel.post(&replies);
    }

    fn poll_message(&self, context: &mut Context<'_>) -> Poll<Message> {
        let mut inbox = self.inbox.borrow_mut();
        match inbox.messages.pop_front() {
            Some(message) => Poll::Ready(message),
            None => {
                inbox.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }
}
