//! `run`: let virtual time pass.

use super::{Call, Program};
use crate::lab::predicate::Predicate;
use crate::lab::{Command, Outcome};
use crate::shell::error::{Mistake, Refusal};
use crate::shell::job::{Job, unexpected};
use crate::shell::options::{Opt, once};
use crate::shell::values::{inside, span};
use crate::sim::Span;

/// How long `run --until` waits if it is not told.
const PATIENCE: Span = Span::seconds(60);

static OPTIONS: [Opt; 2] = [
    once(&["--until"], "PREDICATE", "until this holds; an error if it does not in time"),
    once(&["--max"], "DURATION", "how long to wait for it (60s)"),
];

pub static PROGRAM: Program = Program {
    name: "run",
    summary: "let virtual time pass",
    usage: &["run DURATION", "run --until PREDICATE [--max DURATION]"],
    options: &[("", &OPTIONS)],
    notes: &[
        "Durations: 250us, 50ms, 5s, 2m, 1h, 1d.",
        "Predicates go into single quotes: run --until 'kafka.group(\"g\").lag == 0'",
    ],
    plain: &[],
    reads_stdin: false,
    parse,
};

fn parse(call: &Call) -> Result<Job, Refusal> {
    let arguments = call.sort("run", &OPTIONS)?;
    if let Some(word) = arguments.one("--until") {
        arguments.at_most(0)?;
        let predicate = Predicate::parse(&word.text).map_err(|error| inside(word, error))?;
        let max = arguments.value("--max", PATIENCE, span)?;
        return Ok(Job::printed(Command::RunUntil { predicate, max }, passed));
    }
    let duration = span(arguments.word(0, "a duration such as 5s, or --until PREDICATE")?)?;
    arguments.at_most(1)?;
    if let Some(max) = arguments.one("--max") {
        return Err(Mistake::at(max.place, &max.text, "--until PREDICATE before --max").into());
    }
    Ok(Job::printed(Command::RunFor(duration), passed))
}

/// Where the clock stands.
pub(super) fn passed(outcome: Outcome) -> Vec<String> {
    match outcome {
        Outcome::Passed(now) => vec![format!("now {now}")],
        other => unexpected(&other),
    }
}
