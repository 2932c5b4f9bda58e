//! In the browser, offers [`twin::answer`] to the page as the function `answer`.

#[cfg(target_arch = "wasm32")]
fn main() {
    use wasm_bindgen::prelude::*;
    let answer = Closure::<dyn Fn(String, String) -> String>::new(|what: String, input: String| {
        twin::answer(&what, &input).unwrap_or_else(|error| error)
    });
    js_sys::Reflect::set(&js_sys::global(), &"answer".into(), answer.as_ref())
        .expect("a window takes new properties");
    // The page calls it for as long as it is open.
    answer.forget();
}

#[cfg(not(target_arch = "wasm32"))]
fn main() {}
