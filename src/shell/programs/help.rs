//! `help [PROGRAM]`: what is here.

use super::{Call, LATER, Plain, Program, all, find, names, unknown};
use crate::lab::predicate::shape::{Object, STATE};
use crate::ordered::Order;
use crate::shell::error::Refusal;
use crate::shell::job::Job;
use crate::shell::options::{Is, Opt};
use crate::shell::table::width;

pub static PROGRAM: Program = Program {
    name: "help",
    summary: "what is here",
    usage: &["help [PROGRAM]", "help predicates"],
    options: &[("", &[])],
    notes: &[],
    plain: &[Plain::Program],
    reads_stdin: false,
    parse,
};

fn parse(call: &Call) -> Result<Job, Refusal> {
    let arguments = call.sort("help", &[])?;
    arguments.at_most(1)?;
    let Some(word) = arguments.plain.first() else { return Ok(Job::Say(overview())) };
    if word.text == "predicates" {
        return Ok(Job::Say(predicates()));
    }
    find(&word.text).map(|program| Job::Say(for_program(program))).ok_or_else(|| unknown(word))
}

/// All programs, a line each.
pub fn overview() -> Vec<String> {
    let column = names().map(str::len).max().unwrap_or(0);
    let line = |program: &Program| format!("{:column$}  {}", program.name, program.summary);
    let mut lines: Vec<String> = all().map(line).collect();
    lines.push(String::new());
    lines.push(
        "`help PROGRAM` shows its options; `help predicates` what `run --until` takes.".into(),
    );
    lines.push("Tools of Kafka may end in .sh.".into());
    lines.push(format!("Not here yet: {}.", LATER.join(", ")));
    lines
}

/// The language of predicates, and everything they can be asked of.
pub fn predicates() -> Vec<String> {
    let forms = [
        "Predicates are asked of the data that `state` prints:",
        "",
        "  kafka.group(\"g\").lag == 0 && ledger.lost == 0",
        "  rabbit.queue(\"jobs\").ready >= 24 || time > 30s",
        "  count(\"kafka.fetched\") == 1            events of this name so far",
        "  done(c) == 5, got(c), held(c)           of a client: finished, was given, holds now",
        "  kafka.partition(\"t\", 0).end_offset     one of many, by name or number",
        "  sum(rabbit.queues.ready), size(...)     of each: a list",
        "  all(kafka.groups, it.lag == 0), any(...)",
        "  + - * / %  == != < <= > >=  && || !  ( )  250ms 5s  \"text\"  true false null  [1, 2]",
        "",
        "What there is:",
        "",
    ];
    let mut lines: Vec<String> = forms.map(str::to_owned).to_vec();
    let mut known: Vec<&Object> = vec![&STATE];
    let mut next = 0;
    while let Some(object) = known.get(next).copied() {
        next += 1;
        for (_, shape) in object.fields {
            let is_known = |one: &&Object| known.iter().any(|known| std::ptr::eq(*known, *one));
            let new = shape.object().filter(|inner| !is_known(inner));
            known.extend(new);
        }
        let names = object.fields.iter().map(|(name, _)| *name);
        lines.push(format!("  {}: {}", object.called, names.collect::<Vec<_>>().join(", ")));
    }
    lines
}

/// A program with its options.
pub fn for_program(program: &Program) -> Vec<String> {
    let mut lines = vec![format!("{}: {}", program.name, program.summary), String::new()];
    lines.extend(program.usage.iter().map(|usage| format!("  {usage}")));
    for (group, options) in program.options {
        let shown: Vec<&Opt> =
            options.iter().filter(|o| !matches!(o.is, Is::Ignored | Is::NotHereYet)).collect();
        if shown.is_empty() {
            continue;
        }
        lines.push(String::new());
        if !group.is_empty() {
            lines.push(format!("{group}:"));
        }
        let form = |option: &Opt| format!("{} {}", option.names.join(", "), option.value);
        let column = shown.iter().map(|option| width(&form(option))).max().unwrap_or(0);
        lines.extend(shown.iter().map(|o| format!("  {:column$}  {}", form(o), o.help)));
    }
    let with = |is: Is| -> Vec<&str> {
        let options = program.options.iter().flat_map(|(_, options)| *options);
        let mut names: Vec<&str> = options.filter(|o| o.is == is).map(|o| o.names[0]).collect();
        names.order();
        names.dedup();
        names
    };
    let (ignored, later) = (with(Is::Ignored), with(Is::NotHereYet));
    if !ignored.is_empty() || !later.is_empty() || !program.notes.is_empty() {
        lines.push(String::new());
    }
    lines.extend(program.notes.iter().map(|note| (*note).to_owned()));
    if !ignored.is_empty() {
        lines.push(format!("Accepted, without effect here: {}.", ignored.join(", ")));
    }
    if !later.is_empty() {
        lines.push(format!("Not here yet: {}.", later.join(", ")));
    }
    lines
}
