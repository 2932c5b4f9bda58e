//! `power-cut`: every machine at once; all start again.

use super::{Call, Program};
use crate::lab::Command;
use crate::shell::error::Refusal;
use crate::shell::job::Job;

pub static PROGRAM: Program = Program {
    name: "power-cut",
    summary: "every machine at once; all start again",
    usage: &["power-cut"],
    options: &[("", &[])],
    notes: &["Only what was flushed stays."],
    plain: &[],
    reads_stdin: false,
    parse,
};

fn parse(call: &Call) -> Result<Job, Refusal> {
    call.sort("power-cut", &[])?.at_most(0)?;
    Ok(Job::quiet(Command::PowerCut))
}
