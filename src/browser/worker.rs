//! The page's end of an engine in a Web Worker.

use super::engine::Heard;
use super::port;
use crate::host::drive::Message;
use gloo::events::EventListener;
use std::rc::Rc;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{ErrorEvent, Event, MessageEvent, Worker};

/// The script that loads the engine, beside the document.
const SCRIPT: &str = "worker_loader.js";

/// An engine in a worker of its own; ended when this is dropped.
pub(super) struct Background {
    worker: Worker,
    _listeners: [EventListener; 2],
}

impl Background {
    pub(super) fn start(ear: Rc<dyn Fn(Heard)>) -> Result<Background, JsValue> {
        let root = gloo::utils::document().document_element();
        // The service worker leaves an embed's worker alone.
        let mark = match root.is_some_and(|root| root.has_attribute("data-embed")) {
            true => "?embed",
            false => "",
        };
        let worker = Worker::new(&[&super::address(SCRIPT)?, mark].concat())?;
        let messages = {
            let ear = ear.clone();
            EventListener::new(&worker, "message", move |event: &Event| {
                ear(Heard::Message(event.clone().unchecked_into::<MessageEvent>()));
            })
        };
        let errors = EventListener::new(&worker, "error", move |event: &Event| {
            // A script that cannot be loaded gives a plain event, without a sentence.
            let error = event.dyn_ref::<ErrorEvent>().map(ErrorEvent::message);
            let error = error.filter(|text| !text.is_empty());
            ear(Heard::Failed(error.unwrap_or_else(|| format!("{SCRIPT} could not be loaded"))));
        });
        Ok(Background { worker, _listeners: [messages, errors] })
    }

    pub(super) fn post(&self, message: &Message) -> Result<(), JsValue> {
        let (message, transfer) = port::encode(message)?;
        self.worker.post_message_with_transfer(&message, &transfer)
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.worker.terminate();
    }
}
