//! `kafka-share-groups`: list and describe share groups (KIP-932). Tables are those of
//! `ShareGroupCommand`.

use super::kafka_tools::{BOOTSTRAP_SERVER, COMMAND_CONFIG, exception};
use super::{Call, Program};
use crate::kafka::command::{Answer, Ask, GroupDescription, GroupListing};
use crate::lab::{Command, LabError, Outcome};
use crate::ordered::Order;
use crate::shell::error::Refusal;
use crate::shell::job::{Job, unexpected};
use crate::shell::options::{Arguments, Opt, ignored, later, once};
use crate::shell::table::pad_java;

static OPTIONS: [Opt; 13] = [
    once(&["--list"], "", "list all share groups"),
    once(&["--describe"], "", "describe a share group: its members or its state"),
    once(&["--group"], "GROUP", "the group"),
    once(&["--members"], "", "describe its members"),
    once(&["--state"], "", "describe its state; with --list: the state of each group"),
    later(&["--offsets"], ""),
    later(&["--all-groups"], ""),
    later(&["--reset-offsets", "--delete-offsets"], ""),
    later(&["--delete"], ""),
    later(&["--verbose"], ""),
    ignored(&["--timeout"], "MS"),
    BOOTSTRAP_SERVER,
    COMMAND_CONFIG,
];

pub static PROGRAM: Program = Program {
    name: "kafka-share-groups",
    summary: "list and describe share groups",
    usage: &[
        "kafka-share-groups --list [--state]",
        "kafka-share-groups --describe --group GROUP --members|--state",
    ],
    options: &[("", &OPTIONS)],
    notes: &[],
    plain: &[],
    reads_stdin: false,
    parse,
};

fn parse(call: &Call) -> Result<Job, Refusal> {
    let arguments = call.sort("kafka-share-groups", &OPTIONS)?;
    arguments.at_most(0)?;
    match arguments.exactly_one(&["--list", "--describe"])? {
        "--list" => {
            let states = arguments.has("--state");
            Ok(Job::of(Command::Kafka(Ask::ListShareGroups), move |result| match result {
                Ok(Outcome::Kafka(Answer::Groups(groups))) => Ok(list(&groups, states)),
                Ok(other) => Ok(unexpected(&other)),
                Err(error) => Err(failure(error)),
            }))
        }
        _ => describe(&arguments),
    }
}

fn list(groups: &[GroupListing], states: bool) -> Vec<String> {
    if !states {
        return groups.iter().map(|group| group.group.clone()).collect();
    }
    let width = groups.iter().map(|group| group.group.encode_utf16().count()).fold(15, usize::max);
    let row = |group: &str, state: &str| format!("{} {state}", pad_java(group, width));
    let header = row("GROUP", "STATE");
    [header].into_iter().chain(groups.iter().map(|group| row(&group.group, group.state))).collect()
}

fn describe(arguments: &Arguments) -> Result<Job, Refusal> {
    let group = arguments.required("--group", "GROUP")?.text.clone();
    let is_about_members = arguments.exactly_one(&["--members", "--state"])? == "--members";
    Ok(Job::of(Command::Kafka(Ask::DescribeGroup { group }), move |result| match result {
        Ok(Outcome::Kafka(Answer::Group(group))) => Ok(match is_about_members {
            true => members(&group),
            false => state(&group),
        }),
        Ok(other) => Ok(unexpected(&other)),
        Err(error) => Err(failure(error)),
    }))
}

fn failure(error: LabError) -> String {
    match error {
        LabError::Kafka(error) => format!(
            "\nError: Executing share group command failed due to {}",
            exception(&error)
                .replace("Consumer group '", "Group ")
                .replace("' does not exist", " not found")
        ),
        other => other.to_string(),
    }
}

/// Rows of cells, each column as wide as its longest cell.
fn table(rows: &[Vec<String>]) -> Vec<String> {
    let columns = rows.first().map_or(0, Vec::len);
    let width =
        |at: usize| rows.iter().map(|row| row[at].encode_utf16().count()).fold(15, usize::max);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().enumerate().map(|(at, cell)| match at + 1 == columns {
            true => cell.clone(),
            false => pad_java(cell, widths[at]),
        });
        cells.collect::<Vec<_>>().join(" ")
    };
    [String::new()].into_iter().chain(rows.iter().map(line)).collect()
}

fn members(group: &GroupDescription) -> Vec<String> {
    if group.members.is_empty() {
        return vec![
            String::new(),
            format!("Share group '{}' has no active members.", group.group),
        ];
    }
    let header = ["GROUP", "CONSUMER-ID", "HOST", "CLIENT-ID", "#PARTITIONS", "ASSIGNMENT"];
    let mut rows = vec![header.map(str::to_owned).to_vec()];
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
        vec![
            group.group.clone(),
            member.member.clone(),
            "/127.0.0.1".to_owned(),
            member.client.clone(),
            partitions.len().to_string(),
            assignment.join(";"),
        ]
    }));
    table(&rows)
}

fn state(group: &GroupDescription) -> Vec<String> {
    let header = ["GROUP", "COORDINATOR (ID)", "STATE", "#MEMBERS"].map(str::to_owned).to_vec();
    let row = vec![
        group.group.clone(),
        format!("localhost:9092  ({})", group.coordinator),
        group.state.clone(),
        group.members.len().to_string(),
    ];
    table(&[header, row])
}
