//! The engine: in a Web Worker, or loaded into the page.

#[cfg(target_arch = "wasm32")]
fn main() {
    pushpull::browser::serve::serve();
}

/// It runs in a browser only.
#[cfg(not(target_arch = "wasm32"))]
fn main() {}
