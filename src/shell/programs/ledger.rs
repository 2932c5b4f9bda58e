//! `ledger`: what became of the messages.

use super::{Call, Plain, Program};
use crate::lab::ledger::{FIGURES, LedgerReport, SideReport};
use crate::lab::{Command, Outcome};
use crate::shell::error::Refusal;
use crate::shell::job::{Job, unexpected};
use crate::shell::table::aligned;
use crate::sim::MessageId;

pub static PROGRAM: Program = Program {
    name: "ledger",
    summary: "what became of the messages, side by side",
    usage: &["ledger [PRODUCER]"],
    options: &[("", &[])],
    notes: &[
        "lost: believed stored and no longer readable. duplicated: processed more than once.",
        "reordered: processed after a younger message of the same key.",
    ],
    plain: &[Plain::Client],
    reads_stdin: false,
    parse,
};

fn parse(call: &Call) -> Result<Job, Refusal> {
    let arguments = call.sort("ledger", &[])?;
    arguments.at_most(1)?;
    let producer = arguments.plain.first().map(|word| word.text.clone());
    Ok(Job::printed(Command::Ledger { producer }, print))
}

fn print(outcome: Outcome) -> Vec<String> {
    let Outcome::Ledger(report) = outcome else { return unexpected(&outcome) };
    let mut lines = figures(&report);
    for (name, side) in [("kafka", &report.kafka), ("rabbit", &report.rabbit)] {
        lines.extend(list(name, "duplicated", &side.duplicated_list, side.duplicated));
        lines.extend(list(name, "lost", &side.lost_list, side.lost));
        lines.extend(list(name, "reordered", &side.reordered_list, side.reordered));
    }
    lines
}

fn figures(report: &LedgerReport) -> Vec<String> {
    let mut header = vec!["side".to_owned()];
    header.extend(FIGURES.map(|(name, _)| name.to_owned()));
    let row = |name: &str, side: &SideReport| {
        let mut row = vec![name.to_owned()];
        row.extend(FIGURES.map(|(_, of)| of(side).to_string()));
        row
    };
    aligned(&[header, row("kafka", &report.kafka), row("rabbit", &report.rabbit)])
}

/// The first messages behind a number that should be zero.
fn list(side: &str, what: &str, messages: &[MessageId], count: u64) -> Option<String> {
    if messages.is_empty() {
        return None;
    }
    let names: Vec<String> = messages.iter().map(MessageId::to_string).collect();
    let more = count.saturating_sub(messages.len() as u64);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    Some(format!("{side} {what}: {}{more}", names.join(" ")))
}
