//! `help [PROGRAM]`: what is here.

use super::{Call, LATER, PROGRAMS, Plain, Program, find, unknown};
use crate::shell::error::Refusal;
use crate::shell::job::Job;
use crate::shell::options::{Is, Opt};
use crate::shell::table::width;

pub static PROGRAM: Program = Program {
    name: "help",
    summary: "what is here",
    usage: &["help [PROGRAM]"],
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
    find(&word.text).map(|program| Job::Say(for_program(program))).ok_or_else(|| unknown(word))
}

/// All programs, a line each.
pub fn overview() -> Vec<String> {
    let column = PROGRAMS.iter().map(|program| program.name.len()).max().unwrap_or(0);
    let line = |program: &&Program| format!("{:column$}  {}", program.name, program.summary);
    let mut lines: Vec<String> = PROGRAMS.iter().map(line).collect();
    lines.push(String::new());
    lines.push("`help PROGRAM` shows its options. Tools of Kafka may end in .sh.".into());
    lines.push(format!("Not here yet: {}.", LATER.join(", ")));
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
        names.sort_unstable();
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
