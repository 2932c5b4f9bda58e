//! `kafka-consumer-groups`: list, describe, reset and delete consumer groups. Tables are those of
//! Kafka 4.1 (`ConsumerGroupCommand`): widths, blank lines and warnings included.

use super::kafka_tools::{BOOTSTRAP_SERVER, COMMAND_CONFIG, exception};
use super::{Call, Program};
use crate::kafka::command::{
    Answer, ApiError, Ask, GroupDescription, GroupListing, GroupOffset, GroupType,
    MemberDescription, ResetTo,
};
use crate::kafka::config::duration;
use crate::kafka::event::TopicPartition;
use crate::lab::{Command, LabError, Outcome};
use crate::ordered::{BTreeMap, Order};
use crate::shell::error::{Mistake, Refusal};
use crate::shell::job::{Job, unexpected};
use crate::shell::lexer::Word;
use crate::shell::options::{Arguments, Opt, ignored, later, many, once};
use crate::shell::table::pad_java;
use crate::shell::values::{integer, wrong};

static OPTIONS: [Opt; 30] = [
    once(&["--list"], "", "list all groups"),
    once(&["--describe"], "", "describe a group: its offsets and lag, members or state"),
    once(&["--reset-offsets"], "", "set a group's offsets; the group must have no members"),
    once(&["--delete"], "", "delete a group without members"),
    once(&["--delete-offsets"], "", "forget a group's offsets of a topic that nobody of it reads"),
    many(&["--group"], "GROUP", "the group"),
    once(&["--offsets"], "", "describe its offsets (as without --members and --state)"),
    once(&["--members"], "", "describe its members"),
    once(&["--state"], "", "describe its state"),
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
    later(&["--all-groups"], ""),
    later(&["--from-file"], "FILE"),
    later(&["--export"], ""),
    once(&["--type"], "", "with --list: the protocol of each group"),
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
    reads_stdin: false,
    parse,
};

fn parse(call: &Call) -> Result<Job, Refusal> {
    let arguments = call.sort("kafka-consumer-groups", &OPTIONS)?;
    arguments.at_most(0)?;
    let acts = ["--list", "--describe", "--reset-offsets", "--delete", "--delete-offsets"];
    match arguments.exactly_one(&acts)? {
        "--list" => {
            let columns = (arguments.has("--type"), arguments.has("--state"));
            Ok(Job::of(Command::Kafka(Ask::ListGroups), move |result| match result {
                Ok(Outcome::Kafka(Answer::Groups(groups))) => Ok(list(&groups, columns)),
                Ok(other) => Ok(unexpected(&other)),
                Err(error) => Err(failure(error)),
            }))
        }
        "--describe" => describe(&arguments),
        "--reset-offsets" => reset(&arguments),
        "--delete-offsets" => delete_offsets(&arguments),
        _ => delete(&arguments),
    }
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

fn failure(error: LabError) -> String {
    match error {
        LabError::Kafka(error) => {
            let mut cause = exception(&error);
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
    let group = group(arguments)?;
    let about = match (arguments.has("--members"), arguments.has("--state")) {
        (true, true) => {
            let word = arguments.one("--state").expect("it was given");
            return Err(Mistake::at(word.place, "--state", "one of --members and --state").into());
        }
        (true, false) => About::Members,
        (false, true) => About::State,
        (false, false) => About::Offsets,
    };
    let verbose = arguments.has("--verbose");
    Ok(Job::of(Command::Kafka(Ask::DescribeGroup { group }), move |result| match result {
        Ok(Outcome::Kafka(Answer::Group(group))) => Ok(match about {
            About::Offsets => offsets(&group, verbose),
            About::Members => members(&group, verbose),
            About::State => state(&group, verbose),
        }),
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
        // Simplified: commits carry no leader epoch.
        dash(),
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

// ---- reset and delete ----

fn reset(arguments: &Arguments) -> Result<Job, Refusal> {
    let group = group(arguments)?;
    let topics = topics(arguments, arguments.has("--all-topics"))?;
    let scenarios = [
        "--to-earliest",
        "--to-latest",
        "--to-offset",
        "--shift-by",
        "--to-datetime",
        "--by-duration",
        "--to-current",
    ];
    let scenario = arguments.exactly_one(&scenarios)?;
    let word = arguments.one(scenario).expect("it was given");
    let to = match scenario {
        "--to-earliest" => ResetTo::Earliest,
        "--to-latest" => ResetTo::Latest,
        "--to-offset" => ResetTo::Offset(integer(word)?),
        "--shift-by" => ResetTo::ShiftBy(integer(word)?),
        "--to-current" => ResetTo::Current,
        "--by-duration" => {
            let span = duration::parse(&word.text).ok_or_else(|| wrong(word, "PnDTnHnMn.nS"))?;
            ResetTo::Age(span.as_millis() as i64)
        }
        _ => ResetTo::Time(datetime(word)?),
    };
    if let (true, Some(word)) = (arguments.has("--dry-run"), arguments.one("--execute")) {
        let expected = "one of --dry-run and --execute";
        return Err(Mistake::at(word.place, "--execute", expected).into());
    }
    let execute = arguments.has("--execute");
    let name = group.clone();
    let ask = Ask::ResetOffsets { group, topics, to, execute };
    Ok(Job::of(Command::Kafka(ask), move |result| match result {
        Ok(Outcome::Kafka(Answer::Reset(offsets))) => Ok(reset_table(&name, &offsets)),
        Ok(other) => Ok(unexpected(&other)),
        // The tool looks at the group's state before it asks, and prints an empty table all the
        // same.
        Err(LabError::Kafka(error)) if error.sentence.starts_with(ONLY_INACTIVE) => {
            let table = reset_table(&name, &[]).join("\n");
            Err(format!("\nError: {}\n{table}", error.sentence))
        }
        Err(error) => Err(failure(error)),
    }))
}

/// How the tool begins when a group has members.
const ONLY_INACTIVE: &str = "Assignments can only be reset if the group";

fn reset_table(group: &str, offsets: &[(TopicPartition, i64)]) -> Vec<String> {
    let widths = [30, 30, 10, 15];
    let mut lines =
        vec![String::new(), java_row(&["GROUP", "TOPIC", "PARTITION", "NEW-OFFSET"], &widths)];
    lines.extend(offsets.iter().map(|(partition, offset)| {
        let (number, offset) = (partition.partition.to_string(), offset.to_string());
        java_row(&[group, &*partition.topic, &number, &offset], &widths)
    }));
    lines
}

/// The topics that are named; none with `all`.
fn topics(arguments: &Arguments, all: bool) -> Result<Vec<(String, Vec<i32>)>, Refusal> {
    let words = arguments.all("--topic");
    match (words.is_empty(), all) {
        (true, false) => Err(arguments.missing("--topic TOPIC[:N,N]")),
        (false, true) => Err(wrong(words[0], "one of --topic and --all-topics")),
        _ => words.into_iter().map(topic_partitions).collect(),
    }
}

/// `t`, `t:0`, `t:0,2`.
fn topic_partitions(word: &Word) -> Result<(String, Vec<i32>), Refusal> {
    let Some((topic, numbers)) = word.text.split_once(':') else {
        return Ok((word.text.clone(), Vec::new()));
    };
    let numbers: Result<Vec<i32>, _> = numbers.split(',').map(str::parse).collect();
    let numbers = numbers.map_err(|_| wrong(word, "TOPIC or TOPIC:N,N"))?;
    Ok((topic.to_owned(), numbers))
}

/// `1970-01-01T00:00:05.000` to the milliseconds that records carry.
fn datetime(word: &Word) -> Result<i64, Refusal> {
    let expected = "YYYY-MM-DDThh:mm:ss.sss";
    let text = word.text.strip_suffix('Z').unwrap_or(&word.text);
    let parsed = text.split_once('T').and_then(|(date, time)| {
        let mut date = date.splitn(3, '-').map(|part| part.parse::<i64>().ok());
        let (year, month, day) = (date.next()??, date.next()??, date.next()??);
        let mut time = time.splitn(3, ':');
        let (hours, minutes) =
            (time.next()?.parse::<i64>().ok()?, time.next()?.parse::<i64>().ok()?);
        let seconds = time.next().map_or(Some(0.0), |text| text.parse::<f64>().ok())?;
        let fits = (1970..=9999).contains(&year)
            && (1..=12).contains(&month)
            && (1..=31).contains(&day)
            && (0..24).contains(&hours)
            && (0..60).contains(&minutes)
            && (0.0..60.0).contains(&seconds);
        let minutes = (days_since_1970(year, month, day) * 24 + hours) * 60 + minutes;
        fits.then(|| minutes * 60_000 + (seconds * 1000.0).round() as i64)
    });
    parsed.ok_or_else(|| wrong(word, expected))
}

/// Days from 1970-01-01 to a date of the Gregorian calendar; years begin in March, so that the
/// leap day is the last.
fn days_since_1970(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    year * 365 + year / 4 - year / 100 + year / 400 + day_of_year - 719_468
}

fn delete(arguments: &Arguments) -> Result<Job, Refusal> {
    let group = group(arguments)?;
    let name = group.clone();
    Ok(Job::of(Command::Kafka(Ask::DeleteGroup { group }), move |result| match result {
        Ok(_) => {
            Ok(vec![format!("Deletion of requested consumer groups ('{name}') was successful.")])
        }
        Err(LabError::Kafka(error)) => Err(format!(
            "\nError: Deletion of some consumer groups failed:\n* Group '{name}' could not be \
             deleted due to: {}",
            exception(&error)
        )),
        Err(other) => Err(other.to_string()),
    }))
}

fn delete_offsets(arguments: &Arguments) -> Result<Job, Refusal> {
    let group = group(arguments)?;
    let asked = topics(arguments, false)?;
    let named: Vec<String> =
        arguments.all("--topic").into_iter().map(|word| word.text.clone()).collect();
    let (name, topics) = (group.clone(), named.join(","));
    let ask = Ask::DeleteOffsets { group, topics: asked };
    Ok(Job::of(Command::Kafka(ask), move |result| match result {
        Ok(Outcome::Kafka(Answer::DeletedOffsets(outcomes))) => {
            let table = deleted_table(&outcomes);
            if outcomes.iter().any(|(_, outcome)| outcome.is_err()) {
                let error =
                    "\nError: Encounter some partition level error, see the follow-up details:";
                return Err(format!("{error}\n{}", table.join("\n")));
            }
            let done =
                format!("Request succeed for deleting offsets with topic {topics} group {name}");
            Ok([done].into_iter().chain(table).collect())
        }
        Ok(other) => Ok(unexpected(&other)),
        Err(LabError::Kafka(error)) if error.name == "GROUP_ID_NOT_FOUND" => {
            let table = deleted_table(&[]).join("\n");
            Err(format!("\nError: '{name}' does not exist.\n{table}"))
        }
        Err(error) => Err(failure(error)),
    }))
}

fn deleted_table(outcomes: &[(TopicPartition, Result<(), ApiError>)]) -> Vec<String> {
    let widths = [30, 15, 15];
    let mut lines = vec![String::new(), java_row(&["TOPIC", "PARTITION", "STATUS"], &widths)];
    lines.extend(outcomes.iter().map(|(partition, outcome)| {
        let number = partition.partition.to_string();
        let status = match outcome {
            Ok(()) => "Successful".to_owned(),
            Err(error) => format!("Error: :{}", exception(error)),
        };
        java_row(&[&*partition.topic, &number, &status], &widths)
    }));
    lines
}

#[cfg(test)]
mod tests;
