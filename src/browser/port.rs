//! The bytes between page and engine.
//!
//! A message is one `Uint8Array` of postcard, handed over rather than copied.

use crate::host::protocol::Reply;
use js_sys::{Array, Uint8Array};
use serde::Serialize;
use serde::de::DeserializeOwned;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::MessageEvent;

/// What the engine tells the page: replies, in order.
pub type ToPage = Vec<Reply>;

/// A message as JavaScript carries it, and the list of what changes hands with it.
pub fn encode(message: &impl Serialize) -> Result<(JsValue, JsValue), JsValue> {
    let bytes = postcard::to_allocvec(message).map_err(|error| error.to_string())?;
    let array = Uint8Array::from(&bytes[..]);
    let transfer = Array::of1(&array.buffer());
    Ok((array.into(), transfer.into()))
}

/// The message in an event; `None` if it is none of ours.
pub fn decode<T: DeserializeOwned>(event: &MessageEvent) -> Option<T> {
    let array: Uint8Array = event.data().dyn_into().ok()?;
    postcard::from_bytes(&array.to_vec()).ok()
}
