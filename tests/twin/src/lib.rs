//! One function that is compiled twice, natively and for the browser, and must not tell the
//! difference: same seed and same commands give the same events, byte for byte, on every machine.
//!
//! The browser tests call it on both sides and compare (`tests/browser/src/cases/twin.rs`).

use pushpull::lab::Timeline;
use pushpull::lab::command::LabSpec;
use pushpull::shell::run::{Progress, Running};
use pushpull::sim::rng::Stream;
use std::fmt::Write as _;

/// What the lab has to say to `input`; `what` names how to take it. An error is a `what` that
/// nobody has written: two sides that know nothing must not pass for two that agree.
pub fn answer(what: &str, input: &str) -> Result<String, String> {
    match what {
        "draws" => Ok(draws(input)),
        "script" => script(input),
        other => Err(format!("there is nothing called `{other}` to be compared.")),
    }
}

/// A golden transcript's commands, run in a fresh lab: what each printed, and every event that is
/// there in the end, as JSON.
fn script(transcript: &str) -> Result<String, String> {
    let mut commands = Vec::new();
    let mut continues = false;
    for line in transcript.lines() {
        let command = line.strip_prefix("$ ").or(line.strip_prefix("> ").filter(|_| continues));
        continues = command.is_some() || (continues && line == ">");
        match command {
            Some(command) => commands.push(command),
            None if continues => commands.push(""),
            None => {}
        }
    }
    let mut timeline = Timeline::new(&LabSpec::default()).map_err(|error| error.to_string())?;
    let mut running = Running::new(&commands.join("\n"));
    let mut text = String::new();
    loop {
        match running.work(&mut timeline, 10_000) {
            Progress::More => {}
            Progress::Need(_) => return Err("bytes are not in memory".into()),
            Progress::End => break,
            Progress::Ran(ran) => {
                for line in ran.transcript() {
                    text.push_str(&line);
                    text.push('\n');
                }
            }
        }
    }
    for event in timeline.session().events().since(0) {
        text.push_str(&event.to_json().to_string());
        text.push('\n');
    }
    Ok(text)
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
