//! The page: mounts only.

#[cfg(target_arch = "wasm32")]
fn main() {
    pushpull::ui::mount();
}

/// It runs in a browser only.
#[cfg(not(target_arch = "wasm32"))]
fn main() {}
