//! One function that is compiled twice, natively and for the browser, and must not tell the
//! difference: same seed and same commands give the same events, byte for byte, on every machine.
//!
//! The browser tests call it on both sides and compare (`tests/browser/src/cases/twin.rs`).

use pushpull::sim::rng::Stream;
use std::fmt::Write as _;

/// What the lab has to say to `input`; `what` names how to take it. An error is a `what` that
/// nobody has written: two sides that know nothing must not pass for two that agree.
pub fn answer(what: &str, input: &str) -> Result<String, String> {
    match what {
        "draws" => Ok(draws(input)),
        other => Err(format!("there is nothing called `{other}` to be compared.")),
    }
}

/// Numbers from a stream named by the input: integers of all sizes, and a fraction in between.
fn draws(input: &str) -> String {
    let mut stream = Stream::named(input.len() as u64, input);
    let mut text = String::new();
    for round in 1..=200_u64 {
        let bits = stream.bits();
        let (below, fraction) = (stream.below(round * 1_000_003), bits as f64 / u64::MAX as f64);
        writeln!(text, "{bits} {below} {fraction}").expect("a string takes what it is given");
    }
    text
}
