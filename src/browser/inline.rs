//! The page's end of an engine in the page itself: the same program, loaded by a `<script>`, at
//! the other end of a message channel. It works in slices of a few milliseconds.

use super::engine::{Heard, text_of};
use super::port;
use crate::host::drive::Message;
use gloo::events::EventListener;
use std::rc::Rc;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::spawn_local;
use web_sys::{Event, HtmlScriptElement, MessageChannel, MessageEvent, MessagePort};

/// The engine's glue, and its program, beside the document.
const SCRIPT: &str = "worker.js";
const PROGRAM: &str = "worker_bg.wasm";

/// Where the engine finds its end of the channel.
pub(super) const PORT: &str = "__pushpull_port";

#[wasm_bindgen]
extern "C" {
    /// What the engine's glue defines: loads the program and runs its `main`.
    #[wasm_bindgen(js_name = wasm_bindgen, catch)]
    async fn run_program(options: &JsValue) -> Result<JsValue, JsValue>;
}

/// An engine in the page.
pub(super) struct Inline {
    port: MessagePort,
    _listeners: [EventListener; 3],
}

impl Inline {
    pub(super) fn start(ear: Rc<dyn Fn(Heard)>) -> Result<Inline, JsValue> {
        let channel = MessageChannel::new()?;
        let port = channel.port1();
        js_sys::Reflect::set(&js_sys::global(), &PORT.into(), &channel.port2())?;
        let messages = {
            let ear = ear.clone();
            EventListener::new(&port, "message", move |event: &Event| {
                ear(Heard::Message(event.clone().unchecked_into::<MessageEvent>()));
            })
        };
        port.start();
        let document = gloo::utils::document();
        let script: HtmlScriptElement = document.create_element("script")?.unchecked_into();
        script.set_src(&super::address(SCRIPT)?);
        let program = super::address(PROGRAM)?;
        let loaded = {
            let ear = ear.clone();
            EventListener::once(&script, "load", move |_| {
                spawn_local(async move {
                    let options = js_sys::Object::new();
                    let named =
                        js_sys::Reflect::set(&options, &"module_or_path".into(), &program.into());
                    let run = match named {
                        Ok(_) => run_program(&options).await,
                        Err(error) => Err(error),
                    };
                    if let Err(error) = run {
                        ear(Heard::Failed(text_of(&error)));
                    }
                });
            })
        };
        let failed = EventListener::once(&script, "error", move |_| {
            ear(Heard::Failed(format!("{SCRIPT} could not be loaded")));
        });
        gloo::utils::head().append_child(&script)?;
        Ok(Inline { port, _listeners: [messages, loaded, failed] })
    }

    pub(super) fn post(&self, message: &Message) -> Result<(), JsValue> {
        let (message, transfer) = port::encode(message)?;
        self.port.post_message_with_transferable(&message, &transfer)
    }
}

impl Drop for Inline {
    fn drop(&mut self) {
        self.port.close();
    }
}
