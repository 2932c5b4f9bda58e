//! `metrics`: figures under the names of the real systems.

use super::{Call, Program};
use crate::lab::{Command, Outcome};
use crate::shell::error::Refusal;
use crate::shell::job::{Job, unexpected};
use crate::shell::table::aligned;

pub static PROGRAM: Program = Program {
    name: "metrics",
    summary: "figures under the names of the real systems",
    usage: &["metrics [PATTERN]"],
    options: &[("", &[])],
    notes: &["With a pattern: those whose name contains it; a * in it stands for any text."],
    plain: &[],
    reads_stdin: false,
    parse,
};

fn parse(call: &Call) -> Result<Job, Refusal> {
    let arguments = call.sort("metrics", &[])?;
    arguments.at_most(1)?;
    let pattern = arguments.plain.first().map(|word| word.text.clone());
    Ok(Job::printed(Command::Metrics { pattern }, print))
}

fn print(outcome: Outcome) -> Vec<String> {
    let Outcome::Metrics(metrics) = outcome else { return unexpected(&outcome) };
    let rows = metrics.into_iter().map(|(name, value)| vec![name, figure(value)]);
    aligned(&rows.collect::<Vec<_>>())
}

/// Six decimals at most, none that say nothing.
fn figure(value: f64) -> String {
    let text = format!("{value:.6}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
