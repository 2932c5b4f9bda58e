//! `kafka-consumer-groups`: list, describe, reset and delete consumer groups. Tables are those of
//! Kafka 4.1 (`ConsumerGroupCommand`): widths, blank lines and warnings included.

use super::kafka_tools::{BOOTSTRAP_SERVER, COMMAND_CONFIG, exception};
use super::{Call, Program};
use crate::kafka::command::{
    Answer, ApiError, Ask, GroupDescription, GroupListing, GroupOffset, GroupType,
    MemberDescription,
};
use crate::kafka::event::TopicPartition;
use crate::lab::{Command, LabError, Outcome};
use crate::ordered::{BTreeMap, Order};
use crate::shell::error::{Mistake, Refusal};
use crate::shell::job::{Job, unexpected};
use crate::shell::options::{Arguments, Opt, bare, ignored, later, many, once};
use crate::shell::table::pad_java;

static OPTIONS: [Opt; 30] = [
    once(&["--list"], "", "list all groups"),
    once(&["--describe"], "", "describe a group: its offsets and lag, members or state"),
    once(&["--reset-offsets"], "", "set a group's offsets; the group must have no members"),
    once(&["--delete"], "", "delete a group without members"),
    once(&["--delete-offsets"], "", "forget a group's offsets of a topic that nobody of it reads"),
    many(&["--group"], "GROUP", "the group"),
    once(&["--offsets"], "", "describe its offsets (as without --members and --state)"),
    once(&["--members"], "", "describe its members"),
    bare(&["--state"], "STATES", "describe its state; with --list: of these states, or of all"),
    once(&["--verbose"], "", "more columns: assignments and epochs"),
    many(&["--topic"], "TOPIC[:N,N]", "a topic, or some of its partitions"),
    once(&["--all-topics"], "", "reset every partition of which the group has an offset"),
    once(&["--to-earliest"], "", "reset to the log start"),
    once(&["--to-latest"], "", "reset to the end"),
    once(&["--to-offset"], "N", "reset to this offset"),
    once(&["--shift-by"], "N", "reset so many further, or back"),
    once(
        &["--to-datetime"],
        "DATETIME",
        "reset to an instant; the lab begins at 1970-01-01T00:00:00.000",
    ),
    once(&["--by-duration"], "DURATION", "reset to so long ago: PT30S, P1DT2H"),
    once(&["--to-current"], "", "reset to where it is, so that nothing changes"),
    once(&["--dry-run"], "", "only say what the offsets would be (as without --execute)"),
    once(&["--execute"], "", "set them"),
    later(&["--validate-regex"], "REGEX"),
    once(&["--all-groups"], "", "describe, reset or delete all groups"),
    once(&["--from-file"], "-", "reset to the offsets of these rows, on standard input"),
    once(&["--export"], "", "print the offsets as rows that --from-file takes"),
    bare(&["--type"], "TYPES", "with --list: the protocol of each group; only these, or all"),
    later(&["--validate"], ""),
    ignored(&["--timeout"], "MS"),
    BOOTSTRAP_SERVER,
    COMMAND_CONFIG,
];

pub static PROGRAM: Program = Program {
    name: "kafka-consumer-groups",
    summary: "list, describe, reset and delete consumer groups",
    usage: &[
        "kafka-consumer-groups --list",
        "kafka-consumer-groups --describe --group GROUP [--members [--verbose] | --state]",
        "kafka-consumer-groups --reset-offsets --group GROUP --topic TOPIC --to-earliest --execute",
        "kafka-consumer-groups --delete --group GROUP",
        "kafka-consumer-groups --delete-offsets --group GROUP --topic TOPIC",
    ],
    options: &[("", &OPTIONS)],
    notes: &[],
    plain: &[],
    reads_stdin: true,
    parse,
};

fn parse(call: &Call) -> Result<Job, Refusal> {
    let arguments = call.sort("kafka-consumer-groups", &OPTIONS)?;
    arguments.at_most(0)?;
    let acts = ["--list", "--describe", "--reset-offsets", "--delete", "--delete-offsets"];
    match arguments.exactly_one(&acts)? {
        "--list" => {
            let columns = (arguments.has("--type"), arguments.has("--state"));
            let types = filter(&arguments, "--type", &TYPES)?;
            let states = filter(&arguments, "--state", &STATES)?;
            let is_one =
                |wanted: &[&str], found: &str| wanted.is_empty() || wanted.contains(&found);
            Ok(Job::of(Command::Kafka(Ask::ListGroups), move |result| match result {
                Ok(Outcome::Kafka(Answer::Groups(mut groups))) => {
                    groups.retain(|group| {
                        is_one(&types, kind(group)) && is_one(&states, group.state)
                    });
                    Ok(list(&groups, columns))
                }
                Ok(other) => Ok(unexpected(&other)),
                Err(error) => Err(failure(error)),
            }))
        }
        "--describe" => describe(&arguments),
        "--reset-offsets" => changes::reset(&arguments, call.stdin),
        "--delete-offsets" => changes::delete_offsets(&arguments),
        _ => changes::delete(&arguments),
    }
}

/// What a group can be, in the order of the tool.
const TYPES: [&str; 2] = ["Classic", "Consumer"];

/// States that a group can be in, in the order of the tool.
const STATES: [&str; 7] = [
    "PreparingRebalance",
    "CompletingRebalance",
    "Stable",
    "Dead",
    "Empty",
    "Assigning",
    "Reconciling",
];

/// Those of the known words that an option names, in whatever case; none if it names none.
fn filter(
    arguments: &Arguments,
    option: &'static str,
    known: &[&'static str],
) -> Result<Vec<&'static str>, Refusal> {
    let Some(word) = arguments.one(option).filter(|word| !word.text.is_empty()) else {
        return Ok(Vec::new());
    };
    let find = |name: &str| known.iter().find(|known| known.eq_ignore_ascii_case(name.trim()));
    let found: Option<Vec<&str>> = word.text.split(',').map(|name| find(name).copied()).collect();
    found.ok_or_else(|| {
        let (text, known) = (&word.text, known.join(", "));
        Refusal::Tool(match option {
            "--type" => format!("Invalid types list '{text}'. Valid types are: {known}"),
            _ => format!("Invalid state list '{text}'. Valid states are: {known}"),
        })
    })
}

fn kind(group: &GroupListing) -> &'static str {
    match group.kind {
        GroupType::Classic => "Classic",
        GroupType::Consumer => "Consumer",
        GroupType::Share => "Share",
    }
}

fn list(groups: &[GroupListing], (types, states): (bool, bool)) -> Vec<String> {
    if !types && !states {
        return groups.iter().map(|group| group.group.clone()).collect();
    }
    let longest = groups.iter().map(|group| group.group.encode_utf16().count());
    let width = longest.fold(15, usize::max) + 10;
    let row = |group: &str, kind: &str, state: &str| {
        let mut line = pad_java(group, width);
        for cell in [types.then_some(kind), states.then_some(state)].into_iter().flatten() {
            line = format!("{line} {}", pad_java(cell, 20));
        }
        line
    };
    let mut lines = vec![row("GROUP", "TYPE", "STATE")];
    lines.extend(groups.iter().map(|group| row(&group.group, kind(group), group.state)));
    lines
}

fn group(arguments: &Arguments) -> Result<String, Refusal> {
    match arguments.all("--group")[..] {
        [] => Err(arguments.missing("--group GROUP")),
        [group] => Ok(group.text.clone()),
        [_, second, ..] => Err(Mistake::at(second.place, &second.text, "one --group").into()),
    }
}

/// The groups that are named; none with `--all-groups`.
fn all_or_some(arguments: &Arguments) -> Result<Vec<String>, Refusal> {
    let words = arguments.all("--group");
    match (words.first(), arguments.one("--all-groups")) {
        (Some(_), Some(all)) => {
            let expected = "one of --group and --all-groups";
            Err(Mistake::at(all.place, "--all-groups", expected).into())
        }
        (None, None) => Err(arguments.missing("--group GROUP or --all-groups")),
        _ => Ok(words.into_iter().map(|word| word.text.clone()).collect()),
    }
}

fn failure(error: LabError) -> String {
    match error {
        // The tool's own objections come with its usage.
        LabError::Kafka(error) if error.name == "IllegalArgumentException" => error.sentence,
        LabError::Kafka(error) => {
            // What the tool itself throws has no other exception around it.
            let mut cause = match &*error.name {
                "UnknownTopicOrPartitionException" => error.sentence.clone(),
                _ => exception(&error),
            };
            // Since 4.0 the broker itself says so, and names the group.
            if let Some(group) = error.sentence.strip_prefix("Consumer group '")
                && let Some(group) = group.strip_suffix("' does not exist.")
            {
                cause =
                    exception(&ApiError { sentence: format!("Group {group} not found."), ..error });
            }
            format!("\nError: Executing consumer group command failed due to {cause}")
        }
        other => other.to_string(),
    }
}

// ---- describe ----

#[derive(Clone, Copy)]
enum About {
    Offsets,
    Members,
    State,
}

fn describe(arguments: &Arguments) -> Result<Job, Refusal> {
    let groups = all_or_some(arguments)?;
    let given = ["--members", "--offsets", "--state"].map(|name| arguments.has(name));
    let about = match given {
        [_, _, true] if arguments.text("--state").is_some_and(|value| !value.is_empty()) => {
            let sentence = "Option [describe] does not take a value for [state]";
            return Err(Refusal::Tool(sentence.to_owned()));
        }
        [true, false, false] => About::Members,
        [false, false, true] => About::State,
        [false, _, false] => About::Offsets,
        _ => {
            let sentence = "Option [describe] takes at most one of these options: [members], \
                            [offsets], [state]";
            return Err(Refusal::Tool(sentence.to_owned()));
        }
    };
    let verbose = arguments.has("--verbose");
    let lines = move |group: &GroupDescription| match about {
        About::Offsets => offsets(group, verbose),
        About::Members => members(group, verbose),
        About::State => state(group, verbose),
    };
    let of = Box::new(Ask::DescribeGroup { group: String::new(), share: false, lag: false });
    let ask = Ask::Each { names: groups, of };
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

/// What the tool says of a group that is not stable.
fn warning(group: &GroupDescription) -> Vec<String> {
    let name = &group.group;
    match &*group.state {
        "Empty" => vec![String::new(), format!("Consumer group '{name}' has no active members.")],
        "PreparingRebalance" | "CompletingRebalance" | "Assigning" | "Reconciling" => {
            vec![String::new(), format!("Warning: Consumer group '{name}' is rebalancing.")]
        }
        _ => Vec::new(),
    }
}

/// Every client runs on the machine of its own name; the tool shows addresses.
const HOST: &str = "/127.0.0.1";

fn offsets(group: &GroupDescription, verbose: bool) -> Vec<String> {
    let mut lines = warning(group);
    let mut rows = offset_rows(group);
    if rows.is_empty() {
        return lines;
    }
    let header = [
        "GROUP",
        "TOPIC",
        "PARTITION",
        "LEADER-EPOCH",
        "CURRENT-OFFSET",
        "LOG-END-OFFSET",
        "LAG",
        "CONSUMER-ID",
        "HOST",
        "CLIENT-ID",
    ];
    rows.insert(0, header.map(str::to_owned));
    let longest = |column: usize| {
        rows.iter().map(|row| row[column].encode_utf16().count()).fold(15, usize::max)
    };
    let widths = [longest(0), longest(1), 10, 15, 15, 15, 15, longest(7), longest(8), 0];
    lines.push(String::new());
    // The leader epoch of a commit is shown with --verbose alone.
    let shown = |row: &[String; 10]| {
        let cells = row.iter().zip(&widths).enumerate().filter(|(at, _)| verbose || *at != 3);
        let padded = cells.map(|(_, (cell, columns))| pad_java(cell, *columns));
        padded.collect::<Vec<_>>().join(" ")
    };
    lines.extend(rows.iter().map(shown));
    lines
}

fn java_row(cells: &[impl AsRef<str>], widths: &[usize]) -> String {
    let padded = cells.iter().zip(widths).map(|(cell, columns)| pad_java(cell.as_ref(), *columns));
    padded.collect::<Vec<_>>().join(" ")
}

/// Members with most partitions first, then what nobody owns; each by topic and partition.
fn offset_rows(group: &GroupDescription) -> Vec<[String; 10]> {
    let mut owners: Vec<Option<&MemberDescription>> =
        group.members.iter().filter(|member| !member.assignment.is_empty()).map(Some).collect();
    owners.order_by_key(|owner| std::cmp::Reverse(owner.map_or(0, |m| m.assignment.len())));
    owners.push(None);
    let mut rows = Vec::new();
    for owner in owners {
        let id = owner.map(|owner| &owner.member);
        let is_known = |member: &String| group.members.iter().any(|m| m.member == *member);
        let mut of_owner: Vec<&GroupOffset> = group
            .offsets
            .iter()
            .filter(|row| row.member.as_ref().filter(|member| is_known(member)) == id)
            .collect();
        of_owner.order_by(|a, b| a.partition.cmp(&b.partition));
        rows.extend(of_owner.into_iter().map(|row| offset_row(group, row, owner)));
    }
    rows
}

fn offset_row(
    group: &GroupDescription,
    row: &GroupOffset,
    owner: Option<&MemberDescription>,
) -> [String; 10] {
    let dash = || "-".to_owned();
    [
        group.group.clone(),
        row.partition.topic.to_string(),
        row.partition.partition.to_string(),
        row.epoch.map_or_else(dash, |epoch| epoch.to_string()),
        row.committed.map_or_else(dash, |committed| committed.to_string()),
        row.end.to_string(),
        row.committed.map_or_else(dash, |committed| (row.end - committed).to_string()),
        owner.map_or_else(dash, |owner| owner.member.clone()),
        owner.map_or_else(dash, |_| HOST.into()),
        owner.map_or_else(dash, |owner| owner.client.clone()),
    ]
}

fn members(group: &GroupDescription, verbose: bool) -> Vec<String> {
    let mut lines = warning(group);
    if group.members.is_empty() {
        return lines;
    }
    let has_static = group.members.iter().any(|member| member.instance.is_some());
    let mut header = vec!["GROUP", "CONSUMER-ID"];
    let mut least = vec![15, 15];
    if has_static {
        header.push("GROUP-INSTANCE-ID");
        least.push(17);
    }
    header.extend(["HOST", "CLIENT-ID", "#PARTITIONS"]);
    least.extend([15, 15, 15]);
    if verbose {
        header.extend(["CURRENT-EPOCH", "CURRENT-ASSIGNMENT", "TARGET-EPOCH", "TARGET-ASSIGNMENT"]);
        least.extend([15, 20, 15, 20]);
    }
    let row = |member: &MemberDescription| {
        let mut row = vec![group.group.clone(), member.member.clone()];
        if has_static {
            row.push(member.instance.clone().unwrap_or_default());
        }
        let count = member.assignment.len().to_string();
        row.extend([HOST.to_owned(), member.client.clone(), count]);
        if verbose {
            let number = |epoch: Option<i32>| epoch.map_or("-".into(), |epoch| epoch.to_string());
            let target = member.target.as_ref();
            row.extend([number(member.epoch), assignment(&member.assignment)]);
            row.push(number(target.map(|(epoch, _)| *epoch)));
            row.push(target.map_or("-".into(), |(_, partitions)| assignment(partitions)));
        }
        row
    };
    let rows: Vec<Vec<String>> = group.members.iter().map(row).collect();
    let longest = |column: usize, least: usize| {
        rows.iter().map(|row| row[column].encode_utf16().count()).fold(least, usize::max)
    };
    let widths: Vec<usize> =
        least.into_iter().enumerate().map(|(column, least)| longest(column, least)).collect();
    // The tool leaves a blank behind the last column without --verbose.
    let end = if verbose { "" } else { " " };
    lines.push(String::new());
    lines.push(java_row(&header, &widths) + end);
    lines.extend(rows.iter().map(|row| java_row(row, &widths) + end));
    lines
}

/// `t:0,1;u:2`.
fn assignment(partitions: &[TopicPartition]) -> String {
    let mut topics: BTreeMap<&str, Vec<i32>> = BTreeMap::new();
    partitions.iter().for_each(|p| topics.entry(&p.topic).or_default().push(p.partition));
    let topic = |(topic, mut numbers): (&str, Vec<i32>)| {
        numbers.order();
        let numbers: Vec<String> = numbers.iter().map(i32::to_string).collect();
        format!("{topic}:{}", numbers.join(","))
    };
    match topics.is_empty() {
        true => "-".into(),
        false => topics.into_iter().map(topic).collect::<Vec<_>>().join(";"),
    }
}

fn state(group: &GroupDescription, verbose: bool) -> Vec<String> {
    let mut lines = warning(group);
    let coordinator = format!("localhost:9092  ({})", group.coordinator);
    let assignor = if group.assignor.is_empty() { "-" } else { &group.assignor };
    let count = group.members.len().to_string();
    // A group of the classic protocol has generations, not epochs.
    let epoch = |epoch: i32| if group.is_modern { epoch.to_string() } else { "-".into() };
    let target = group.members.iter().find_map(|member| member.target.as_ref());
    let (of_group, of_target) =
        (epoch(group.generation), epoch(target.map_or(group.generation, |(epoch, _)| *epoch)));
    let mut widths =
        vec![group.group.encode_utf16().count().max(15), coordinator.len().max(25), 20, 20];
    let mut header = vec!["GROUP", "COORDINATOR (ID)", "ASSIGNMENT-STRATEGY", "STATE"];
    let mut row: Vec<&str> = vec![&group.group, &coordinator, assignor, &group.state];
    if verbose {
        header.extend(["GROUP-EPOCH", "TARGET-ASSIGNMENT-EPOCH"]);
        row.extend([&*of_group, &*of_target]);
        widths.extend([15, 25]);
    }
    header.push("#MEMBERS");
    row.push(&count);
    widths.push(0);
    lines.push(String::new());
    lines.push(java_row(&header, &widths));
    lines.push(java_row(&row, &widths));
    lines
}

pub(super) mod changes;
#[cfg(test)]
mod tests;
