//! `step`: one event after the other.

use super::run::passed;
use super::{Call, Program};
use crate::lab::Command;
use crate::shell::error::Refusal;
use crate::shell::job::Job;
use crate::shell::values::number;

/// At most so many events at once.
const STEPS_MAX: u64 = 1_000_000;

pub static PROGRAM: Program = Program {
    name: "step",
    summary: "the next event, or so many",
    usage: &["step [N]"],
    options: &[("", &[])],
    notes: &[],
    plain: &[],
    reads_stdin: false,
    parse,
};

fn parse(call: &Call) -> Result<Job, Refusal> {
    let arguments = call.sort("step", &[])?;
    arguments.at_most(1)?;
    let steps = arguments.plain.first().map_or(Ok(1), |word| number(word, 1..=STEPS_MAX))?;
    Ok(Job::printed(Command::Step(steps), passed))
}
