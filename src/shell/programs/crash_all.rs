//! `crash-all`: every process at once, as when the tab dies; all start again.

use super::{Call, Program};
use crate::lab::Command;
use crate::shell::error::Refusal;
use crate::shell::job::Job;

pub static PROGRAM: Program = Program {
    name: "crash-all",
    summary: "every process at once, as when the tab dies; all start again",
    usage: &["crash-all"],
    options: &[("", &[])],
    notes: &["What was written stays."],
    plain: &[],
    reads_stdin: false,
    parse,
};

fn parse(call: &Call) -> Result<Job, Refusal> {
    call.sort("crash-all", &[])?.at_most(0)?;
    Ok(Job::quiet(Command::CrashAll))
}
