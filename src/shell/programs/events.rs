//! `events`: what happened.

use super::{Call, Program};
use crate::lab::event_names::NAMES;
use crate::lab::{Command, Event, Outcome};
use crate::shell::error::{Mistake, Refusal};
use crate::shell::job::{Job, unexpected};
use crate::shell::lexer::Word;
use crate::shell::options::{Opt, many, once};
use crate::shell::table::aligned;
use crate::shell::values::span;
use crate::sim::Time;
use serde_json::Value;

static OPTIONS: [Opt; 2] = [
    many(&["--only"], "KIND,...", "only these: kafka.fetched, rabbit.pushed, or fetched, pushed"),
    once(&["--since"], "TIME", "only from this instant on, such as 12.5s"),
];

pub static PROGRAM: Program = Program {
    name: "events",
    summary: "what happened: when, what, by whom",
    usage: &["events [--only KIND,...] [--since TIME]"],
    options: &[("", &OPTIONS)],
    notes: &[],
    plain: &[],
    reads_stdin: false,
    parse,
};

fn parse(call: &Call) -> Result<Job, Refusal> {
    let arguments = call.sort("events", &OPTIONS)?;
    arguments.at_most(0)?;
    let mut only = Vec::new();
    for word in arguments.all("--only") {
        for name in word.text.split(',') {
            only.extend(kinds(word, name)?);
        }
    }
    let since = arguments.maybe("--since", span)?;
    let since = since.map_or(Time::ZERO, |span| Time::ZERO + span);
    Ok(Job::printed(Command::Events { only, since }, print))
}

/// The full names of a kind, with or without its side.
fn kinds(word: &Word, name: &str) -> Result<Vec<String>, Refusal> {
    let short = |full: &str| full.split_once('.').map(|(_, short)| short.to_owned());
    let is = |full: &&&str| **full == name || short(full).as_deref() == Some(name);
    let found: Vec<String> = NAMES.iter().filter(is).map(|full| (*full).to_owned()).collect();
    match found.is_empty() {
        false => Ok(found),
        true => Err(Mistake::at(word.place, name, "the name of an event")
            .near(NAMES.iter().copied())
            .into()),
    }
}

fn print(outcome: Outcome) -> Vec<String> {
    let Outcome::Events(events) = outcome else { return unexpected(&outcome) };
    aligned(&events.iter().map(|event| event_row(event)).collect::<Vec<_>>())
}

/// An event in the words of the screen: when, what, by whom, and its facts.
pub fn event_row(event: &Event) -> Vec<String> {
    let mut facts = Vec::new();
    if let Value::Object(fields) = event.to_json() {
        let about = fields.iter().filter(|(name, _)| !matches!(&***name, "t_us" | "event" | "by"));
        facts.extend(about.map(|(name, value)| format!("{name}={}", fact(name, value))));
    }
    vec![event.at.to_string(), event.name().into(), event.by.to_string(), facts.join(" ")]
}

/// A field in the words of the screen: messages as `m3`, partitions as `t-0`.
fn fact(name: &str, value: &Value) -> String {
    match value {
        Value::Number(id) if matches!(name, "message" | "messages") => format!("m{id}"),
        Value::String(text) if !text.contains(' ') && !text.is_empty() => text.clone(),
        Value::Array(list) => {
            let parts: Vec<String> = list.iter().map(|value| fact(name, value)).collect();
            parts.join(",")
        }
        Value::Object(fields) => match (fields.get("topic"), fields.get("partition")) {
            (Some(Value::String(topic)), Some(partition)) => format!("{topic}-{partition}"),
            _ => value.to_string(),
        },
        other => other.to_string(),
    }
}
