//! `check`: run the invariant checks now.

use super::{Call, Program};
use crate::lab::{Command, Outcome};
use crate::shell::error::Refusal;
use crate::shell::job::{Job, unexpected};

pub static PROGRAM: Program = Program {
    name: "check",
    summary: "run the invariant checks now",
    usage: &["check"],
    options: &[("", &[])],
    notes: &[],
    plain: &[],
    reads_stdin: false,
    parse,
};

fn parse(call: &Call) -> Result<Job, Refusal> {
    call.sort("check", &[])?.at_most(0)?;
    Ok(Job::printed(Command::Check, print))
}

fn print(outcome: Outcome) -> Vec<String> {
    let Outcome::Checked(names) = outcome else { return unexpected(&outcome) };
    names.iter().map(|name| format!("ok  {name}")).collect()
}
