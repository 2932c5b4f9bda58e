//! `passport`: one message's life.

use super::{Call, Program};
use crate::lab::ledger::{Stage, StageKind};
use crate::lab::{Command, Outcome};
use crate::shell::error::Refusal;
use crate::shell::job::{Job, unexpected};
use crate::shell::table::aligned;
use crate::shell::values::wrong;
use crate::sim::MessageId;

pub static PROGRAM: Program = Program {
    name: "passport",
    summary: "one message's life on both sides",
    usage: &["passport MESSAGE"],
    options: &[("", &[])],
    notes: &["Messages are named m0, m1, ... in the order in which they were sent."],
    plain: &[],
    reads_stdin: false,
    parse,
};

fn parse(call: &Call) -> Result<Job, Refusal> {
    let arguments = call.sort("passport", &[])?;
    let word = arguments.word(0, "a message such as m3")?;
    arguments.at_most(1)?;
    let number = word.text.strip_prefix('m').unwrap_or(&word.text).parse();
    let number = number.map_err(|_| wrong(word, "a message such as m3"))?;
    Ok(Job::printed(Command::Passport(MessageId(number)), print))
}

fn print(outcome: Outcome) -> Vec<String> {
    let Outcome::Passport(passport) = outcome else { return unexpected(&outcome) };
    let key = passport.key.map_or("without a key".to_owned(), |key| format!("key {key}"));
    let mut lines = vec![format!("{} from {}, {key}", passport.message, passport.producer)];
    for (name, stages) in [("kafka", &passport.kafka), ("rabbit", &passport.rabbit)] {
        if stages.is_empty() {
            continue;
        }
        lines.push(format!("{name}:"));
        let rows: Vec<Vec<String>> = stages.iter().map(row).collect();
        lines.extend(aligned(&rows).into_iter().map(|line| format!("  {line}")));
    }
    lines
}

fn row(stage: &Stage) -> Vec<String> {
    let at = stage.at.map_or("now".to_owned(), |at| at.to_string());
    let facts: Vec<String> = stage.facts.iter().map(|(name, value)| fact(name, value)).collect();
    vec![at, stage_name(stage.what).to_owned(), facts.join(", ")]
}

/// The default exchange has no name.
fn fact(name: &str, value: &str) -> String {
    format!("{name} {}", if value.is_empty() { "\"\"" } else { value })
}

fn stage_name(stage: StageKind) -> &'static str {
    match stage {
        StageKind::Sent => "sent",
        StageKind::Partitioned => "partitioned",
        StageKind::Appended => "appended",
        StageKind::Visible => "visible",
        StageKind::Acknowledged => "acknowledged",
        StageKind::Routed => "routed",
        StageKind::Enqueued => "enqueued",
        StageKind::Pushed => "pushed",
        StageKind::Delivered => "delivered",
        StageKind::ProcessingStarted => "processing started",
        StageKind::Processed => "processed",
        StageKind::Removed => "removed",
        StageKind::Committed => "committed",
        StageKind::Delayed => "delayed",
        StageKind::Requeued => "requeued",
        StageKind::DeadLettered => "dead-lettered",
        StageKind::Dropped => "dropped",
        StageKind::Waiting => "waiting",
    }
}
