//! The only home of the browser's own interfaces: messages between page and engine, IndexedDB,
//! locks, the real clock and real randomness.
//!
//! **The engine is one program** (`src/bin/worker.rs`), which the page does not contain. It runs
//! in a Web Worker; where none can start (an opaque origin, an old host) the page loads the same
//! files into itself, and both talk over a message channel instead. [`engine`] decides, and
//! nothing outside it knows which.
//!
//! - [`engine`]: the page's end: start, send requests, be given replies.
//! - [`serve`]: the engine's end.
//! - [`port`]: the bytes between them.
//! - [`indexed_db`], [`locks`]: the store, and which of several tabs may write to it.
//! - [`clock`], [`entropy`]: real time and real randomness.
//!
//! Every address is relative to the document, so that the site may live under any path.

pub mod clock;
pub mod engine;
pub mod entropy;
pub mod indexed_db;
mod inline;
pub mod locks;
pub mod port;
mod scratch;
pub mod serve;
mod worker;

pub use engine::Engine;

use wasm_bindgen::JsValue;

/// The address of a file beside the document.
fn address(file: &str) -> Result<String, JsValue> {
    let base = gloo::utils::document().base_uri()?.unwrap_or_default();
    Ok(web_sys::Url::new_with_base(file, &base)?.href())
}
