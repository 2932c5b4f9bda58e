//! `kafka-share-groups`: list, describe, reset and delete share groups (KIP-932). Tables and
//! sentences are those of `ShareGroupCommand` of Kafka 4.1; 4.2 also shows the lag (KIP-1226).

use super::kafka_tools::{BOOTSTRAP_SERVER, COMMAND_CONFIG, exception};
use super::{Call, Program};
use crate::kafka::command::{Answer, ApiError, Ask, GroupDescription, GroupListing};
use crate::lab::{Command, LabError, Outcome};
use crate::ordered::Order;
use crate::shell::error::Refusal;
use crate::shell::job::{Job, unexpected};
use crate::shell::options::{Arguments, Opt, bare, ignored, many, once};
use crate::shell::table::pad_java;

mod changes;

static OPTIONS: [Opt; 23] = [
    once(&["--list"], "", "list all share groups"),
    once(&["--describe"], "", "describe a share group: its offsets, its members or its state"),
    once(&["--reset-offsets"], "", "begin elsewhere; the group must have no members"),
    once(&["--delete"], "", "delete a group without members"),
    once(&["--delete-offsets"], "", "forget how far a group without members is with topics"),
    many(&["--group"], "GROUP", "the group"),
    once(&["--all-groups"], "", "describe or delete all share groups"),
    once(&["--offsets"], "", "describe where it begins (as without --members and --state)"),
    once(&["--members"], "", "describe its members"),
    bare(&["--state"], "STATES", "describe its state; with --list: of these states, or of all"),
    once(&["--verbose"], "", "more columns: epochs"),
    many(&["--topic"], "TOPIC[:N,N]", "a topic, or some of its partitions"),
    once(&["--all-topics"], "", "reset every partition that the group has begun"),
    once(&["--to-earliest"], "", "reset to the log start"),
    once(&["--to-latest"], "", "reset to the end"),
    once(&["--to-datetime"], "DATETIME", "reset to an instant"),
    once(&["--to-offset"], "N", "reset to this offset"),
    once(&["--to-current"], "", "reset to where it is: what came back or is done is forgotten"),
    once(&["--dry-run"], "", "only say what the offsets would be"),
    once(&["--execute"], "", "set them"),
    ignored(&["--timeout"], "MS"),
    BOOTSTRAP_SERVER,
    COMMAND_CONFIG,
];

pub static PROGRAM: Program = Program {
    name: "kafka-share-groups",
    summary: "list, describe, reset and delete share groups",
    usage: &[
        "kafka-share-groups --list [--state [STATES]]",
        "kafka-share-groups --describe --group GROUP [--offsets|--members|--state] [--verbose]",
        "kafka-share-groups --reset-offsets --group GROUP --topic TOPIC --to-earliest --execute",
        "kafka-share-groups --delete --group GROUP",
        "kafka-share-groups --delete-offsets --group GROUP --topic TOPIC",
    ],
    options: &[("", &OPTIONS)],
    notes: &[],
    plain: &[],
    reads_stdin: false,
    parse,
};

/// The tool's own objection.
fn objects<T>(sentence: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal::Tool(sentence.into()))
}

fn parse(call: &Call) -> Result<Job, Refusal> {
    let arguments = call.sort("kafka-share-groups", &OPTIONS)?;
    arguments.at_most(0)?;
    let acts = ["--list", "--describe", "--reset-offsets", "--delete", "--delete-offsets"];
    match arguments.exactly_one(&acts)? {
        "--list" => list(&arguments),
        "--describe" => describe(&arguments),
        "--reset-offsets" => changes::reset(&arguments),
        "--delete" => changes::delete(&arguments),
        _ => changes::delete_offsets(&arguments),
    }
}

/// States that a share group can be in.
const STATES: [&str; 3] = ["Empty", "Stable", "Dead"];

fn list(arguments: &Arguments) -> Result<Job, Refusal> {
    let shows_states = arguments.has("--state");
    let text = arguments.text("--state").unwrap_or_default();
    let find = |name: &str| STATES.iter().find(|known| known.eq_ignore_ascii_case(name.trim()));
    let wanted: Option<Vec<&str>> = match text.is_empty() {
        true => Some(Vec::new()),
        false => text.split(',').map(|name| find(name).copied()).collect(),
    };
    let Some(wanted) = wanted else {
        let known = STATES.join(", ");
        return objects(format!("Invalid state list '{text}'. Valid states are: {known}"));
    };
    Ok(Job::of(Command::Kafka(Ask::ListShareGroups), move |result| match result {
        Ok(Outcome::Kafka(Answer::Groups(mut groups))) => {
            groups.retain(|group| wanted.is_empty() || wanted.contains(&group.state));
            Ok(listed(&groups, shows_states))
        }
        Ok(other) => Ok(unexpected(&other)),
        Err(error) => Err(failure(error)),
    }))
}

fn listed(groups: &[GroupListing], states: bool) -> Vec<String> {
    if !states {
        return groups.iter().map(|group| group.group.clone()).collect();
    }
    let width = groups.iter().map(|group| group.group.encode_utf16().count()).fold(15, usize::max);
    let row = |group: &str, state: &str| format!("{} {state}", pad_java(group, width));
    let header = row("GROUP", "STATE");
    [header].into_iter().chain(groups.iter().map(|group| row(&group.group, group.state))).collect()
}

/// The groups that are named; none with `--all-groups`.
fn groups(arguments: &Arguments, neither: &str, both: &str) -> Result<Vec<String>, Refusal> {
    let named = arguments.all("--group");
    match (named.is_empty(), arguments.has("--all-groups")) {
        (true, false) => objects(neither),
        (false, true) => objects(both),
        _ => Ok(named.into_iter().map(|word| word.text.clone()).collect()),
    }
}

fn describe(arguments: &Arguments) -> Result<Job, Refusal> {
    let neither = "Option [describe] takes one of these options: [all-groups], [group]";
    let both = "Option \"[group]\" can't be used with option \"[all-groups]\"";
    let names = groups(arguments, neither, both)?;
    let given = ["--members", "--offsets", "--state"].map(|name| arguments.has(name));
    if given.iter().filter(|given| **given).count() > 1 {
        return objects(
            "Option [describe] takes at most one of these options: [members], [offsets], [state]",
        );
    }
    if arguments.text("--state").is_some_and(|value| !value.is_empty()) {
        return objects("Option [describe] does not take a value for [state]");
    }
    let verbose = arguments.has("--verbose");
    let [about_members, _, about_state] = given;
    let lines = move |group: &GroupDescription| match (about_members, about_state) {
        (true, _) => members(group, verbose),
        (_, true) => state(group, verbose),
        _ => offsets(group, verbose),
    };
    let of = Ask::DescribeGroup { group: String::new(), share: true, lag: false };
    let ask = Ask::Each { names, of: Box::new(of) };
    Ok(Job::of(Command::Kafka(ask), move |result| match result {
        Ok(Outcome::Kafka(Answer::Each(outcomes))) => {
            let mut all = Vec::new();
            for (_, outcome) in outcomes {
                match outcome {
                    Ok(Answer::Group(group)) => all.extend(lines(&group)),
                    Ok(_) => {}
                    Err(error) => return Err(failure(LabError::Kafka(error))),
                }
            }
            Ok(all)
        }
        Ok(other) => Ok(unexpected(&other)),
        Err(error) => Err(failure(error)),
    }))
}

fn failure(error: LabError) -> String {
    match error {
        // The tool's own objections come with its usage.
        LabError::Kafka(error) if error.name == "IllegalArgumentException" => error.sentence,
        LabError::Kafka(error) => {
            let cause = match &*error.name {
                // What the tool itself throws has no other exception around it.
                "UnknownTopicOrPartitionException" => error.sentence.clone(),
                _ => exception(&of_group(error)),
            };
            format!("\nError: Executing share group command failed due to {cause}")
        }
        other => other.to_string(),
    }
}

/// The broker itself says which group there is not.
fn of_group(error: ApiError) -> ApiError {
    let known = error.sentence.strip_prefix("Consumer group '");
    match known.and_then(|rest| rest.strip_suffix("' does not exist.")) {
        Some(group) => ApiError { sentence: format!("Group {group} not found."), ..error },
        None => error,
    }
}

/// Rows of cells, each column as wide as its longest cell, and at least as wide as it is said.
fn table(least: &[usize], rows: &[Vec<String>]) -> Vec<String> {
    let width = |at: usize| {
        let cells = rows.iter().map(|row| row[at].encode_utf16().count());
        // Columns of numbers do not grow.
        if least[at] < 15 { least[at] } else { cells.fold(least[at], usize::max) }
    };
    let line = |row: &Vec<String>| {
        let cells = row.iter().enumerate().map(|(at, cell)| match at + 1 == least.len() {
            true => cell.clone(),
            false => pad_java(cell, width(at)),
        });
        cells.collect::<Vec<_>>().join(" ")
    };
    [String::new()].into_iter().chain(rows.iter().map(line)).collect()
}

fn row(cells: &[&str]) -> Vec<String> {
    cells.iter().map(|cell| (*cell).to_owned()).collect()
}

/// What is said of a group that nobody is in.
fn warning(group: &GroupDescription) -> Vec<String> {
    match group.state == "Empty" {
        true => {
            let name = &group.group;
            vec![String::new(), format!("Share group '{name}' has no active members.")]
        }
        false => Vec::new(),
    }
}

fn offsets(group: &GroupDescription, verbose: bool) -> Vec<String> {
    let mut lines = warning(group);
    if group.offsets.is_empty() {
        return lines;
    }
    let (epoch, lag) = (verbose.then_some(()), group.shows_lag.then_some(()));
    let cells = |[name, topic, number, leader, start, behind]: [&str; 6]| {
        let all = [
            Some(name),
            Some(topic),
            Some(number),
            epoch.map(|()| leader),
            Some(start),
            lag.map(|()| behind),
        ];
        row(&all.into_iter().flatten().collect::<Vec<_>>())
    };
    let header = ["GROUP", "TOPIC", "PARTITION", "LEADER-EPOCH", "START-OFFSET", "LAG"];
    let mut rows = vec![cells(header)];
    for offset in &group.offsets {
        let text = |number: Option<i64>| number.map_or("-".to_owned(), |n| n.to_string());
        let behind = offset.committed.map(|start| offset.end - start - offset.done);
        rows.push(cells([
            &group.group,
            &offset.partition.topic,
            &offset.partition.partition.to_string(),
            &text(offset.epoch),
            &text(offset.committed),
            &text(behind),
        ]));
    }
    let widths = [Some(15), Some(15), Some(10), epoch.map(|()| 13), Some(13), lag.map(|()| 0)];
    let widths: Vec<usize> = widths.into_iter().flatten().collect();
    lines.extend(table(&widths, &rows));
    lines
}

fn members(group: &GroupDescription, verbose: bool) -> Vec<String> {
    if group.members.is_empty() {
        return warning(group);
    }
    let mut header =
        row(&["GROUP", "CONSUMER-ID", "HOST", "CLIENT-ID", "#PARTITIONS", "ASSIGNMENT"]);
    let mut widths = vec![15, 15, 15, 15, 12, 0];
    if verbose {
        header.insert(5, "MEMBER-EPOCH".to_owned());
        widths.insert(5, 13);
    }
    let mut rows = vec![header];
    rows.extend(group.members.iter().map(|member| {
        let mut partitions = member.assignment.clone();
        partitions.order();
        let mut assignment: Vec<String> = Vec::new();
        for partition in &partitions {
            match assignment.last_mut() {
                Some(last) if last.split(':').next() == Some(&*partition.topic) => {
                    *last = format!("{last},{}", partition.partition);
                }
                _ => assignment.push(format!("{}:{}", partition.topic, partition.partition)),
            }
        }
        let count = partitions.len().to_string();
        let mut cells = row(&[
            &group.group,
            &member.member,
            "/127.0.0.1",
            &member.client,
            &count,
            &assignment.join(";"),
        ]);
        if verbose {
            cells.insert(5, member.epoch.unwrap_or(0).to_string());
        }
        cells
    }));
    table(&widths, &rows)
}

fn state(group: &GroupDescription, verbose: bool) -> Vec<String> {
    let mut header = row(&["GROUP", "COORDINATOR (ID)", "STATE", "#MEMBERS"]);
    let coordinator = format!("localhost:9092  ({})", group.coordinator);
    let count = group.members.len().to_string();
    let mut cells = row(&[&group.group, &coordinator, &group.state, &count]);
    let mut widths = vec![15, 25, 15, 0];
    if verbose {
        let epoch = group.generation.to_string();
        header.splice(3..3, ["GROUP-EPOCH".to_owned(), "ASSIGNMENT-EPOCH".to_owned()]);
        cells.splice(3..3, [epoch.clone(), epoch]);
        widths.splice(3..3, [12, 17]);
    }
    [warning(group), table(&widths, &[header, cells])].concat()
}
