//! How fast the engines are in a browser: what `cargo xtask bench` loads into one.

#[cfg(target_arch = "wasm32")]
mod rates {
    use pushpull::bench::PARTS;
    use wasm_bindgen::prelude::wasm_bindgen;

    /// A part of what is measured, counted from 0: a line for each rate, with about so many
    /// messages. Nothing beyond the last part.
    #[wasm_bindgen]
    pub fn rates(part: usize, messages: u32) -> Result<Option<String>, String> {
        let Some(part) = PARTS.get(part) else { return Ok(None) };
        let rates = part(messages.into(), &seconds)?;
        Ok(Some(rates.iter().map(|rate| format!("{rate}\n")).collect()))
    }

    fn seconds() -> f64 {
        let window = web_sys::window().expect("the engines are measured in a page");
        window.performance().expect("a page has a clock").now() / 1000.0
    }
}

fn main() {}
