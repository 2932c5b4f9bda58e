//! `kafka-reassign-partitions`: other replicas for partitions that exist. Output and errors are
//! those of the tool of Kafka 4.1 (`ReassignPartitionsCommand`), without the stack trace.
//!
//! Simplified: a broker has one log directory, so `log_dirs` other than `any` are refused.

use super::kafka_tools::{BOOTSTRAP_SERVER, COMMAND_CONFIG};
use super::{Call, Program};
use crate::kafka::command::{
    Answer, ApiError, Ask, PartitionDescription, ReassignAct, Reassignment, ReassignmentAnswer,
};
use crate::kafka::event::TopicPartition;
use crate::lab::{Command, LabError, Outcome};
use crate::ordered::{BTreeSet, Order};
use crate::shell::error::Refusal;
use crate::shell::job::{Job, Printed, unexpected};
use crate::shell::lexer::Word;
use crate::shell::options::{Arguments, Opt, ignored, later, once};
use crate::shell::values::{number, wrong};
use serde_json::Value;

static OPTIONS: [Opt; 16] = [
    once(&["--generate"], "", "say where the partitions of topics could go"),
    once(&["--execute"], "", "begin a reassignment"),
    once(&["--verify"], "", "say how far it is; when it is done the throttle is taken back"),
    once(&["--cancel"], "", "take a reassignment back that is under way"),
    once(&["--list"], "", "list reassignments that are under way"),
    once(&["--reassignment-json-file"], "-", "partitions and their replicas, on standard input"),
    once(&["--topics-to-move-json-file"], "-", "with --generate: topics, on standard input"),
    once(&["--broker-list"], "1,2,3", "with --generate: the brokers to which they may go"),
    once(&["--disable-rack-aware"], "", "with --generate: whatever their racks are"),
    once(&["--throttle"], "BYTES", "with --execute: so many bytes a second between brokers"),
    once(&["--additional"], "", "with --execute: though others are under way"),
    once(&["--preserve-throttles"], "", "with --verify and --cancel: the throttle stays"),
    later(&["--replica-alter-log-dirs-throttle"], "BYTES"),
    ignored(&["--timeout"], "MS"),
    BOOTSTRAP_SERVER,
    COMMAND_CONFIG,
];

pub static PROGRAM: Program = Program {
    name: "kafka-reassign-partitions",
    summary: "other replicas for partitions that exist",
    usage: &[
        "kafka-reassign-partitions --generate --topics-to-move-json-file - --broker-list 1,2,3",
        "kafka-reassign-partitions --execute --reassignment-json-file - [--throttle BYTES]",
        "kafka-reassign-partitions --verify|--cancel --reassignment-json-file -",
        "kafka-reassign-partitions --list",
    ],
    options: &[("", &OPTIONS)],
    notes: &[
        "Topics: {\"topics\": [{\"topic\": \"t\"}], \"version\": 1}",
        "Replicas: {\"partitions\": [{\"topic\": \"t\", \"partition\": 0, \"replicas\": [1, 2]}]}",
    ],
    plain: &[],
    reads_stdin: true,
    parse,
};

const ACTS: [&str; 5] = ["--generate", "--execute", "--verify", "--cancel", "--list"];

fn parse(call: &Call) -> Result<Job, Refusal> {
    let arguments = call.sort("kafka-reassign-partitions", &OPTIONS)?;
    arguments.at_most(0)?;
    let act = arguments.exactly_one(&ACTS)?;
    let (needed, permitted): (&[&str], &[&str]) = match act {
        "--generate" => {
            (&["--topics-to-move-json-file", "--broker-list"], &["--disable-rack-aware"])
        }
        "--execute" => (&["--reassignment-json-file"], &["--additional", "--throttle"]),
        "--list" => (&[], &[]),
        _ => (&["--reassignment-json-file"], &["--preserve-throttles"]),
    };
    for name in needed {
        arguments.required(name, "with it")?;
    }
    let others = OPTIONS.iter().map(|option| option.names[0]);
    let mut others = others.filter(|name| arguments.has(name) && *name != act);
    if let Some(name) = others.find(|n| !needed.contains(n) && !permitted.contains(n)) {
        let (name, act) = (name.trim_start_matches('-'), act.trim_start_matches('-'));
        let sentence = format!("Option \"[{name}]\" can't be used with action \"[{act}]\"");
        return Err(Refusal::Tool(sentence));
    }
    if act == "--list" {
        return Ok(ask(Reassignment { act: ReassignAct::List, partitions: Vec::new() }));
    }
    let file = arguments.required(needed[0], "-")?;
    let json = json(call, &arguments, file)?;
    let asked = match act {
        "--generate" => topics(&json, &arguments).map(|act| (act, Vec::new())),
        _ => partitions(&json).and_then(|partitions| {
            let preserve = arguments.has("--preserve-throttles");
            Ok(match act {
                "--verify" => (ReassignAct::Verify { preserve }, partitions),
                "--cancel" => (ReassignAct::Cancel { preserve }, partitions),
                _ => {
                    check(&partitions)?;
                    let additional = arguments.has("--additional");
                    (ReassignAct::Execute { additional, throttle: None }, partitions)
                }
            })
        }),
    };
    let (mut act, partitions) =
        asked.map_err(|sentence| Refusal::Tool(format!("Error: {sentence}")))?;
    if let ReassignAct::Execute { throttle, .. } = &mut act {
        *throttle = arguments.maybe("--throttle", |word| number(word, 0..=i64::MAX as u64))?;
    }
    Ok(ask(Reassignment { act, partitions }))
}

fn json(call: &Call, arguments: &Arguments, file: &Word) -> Result<Value, Refusal> {
    if file.text != "-" {
        return Err(wrong(file, "-: the lab has no files, give JSON on standard input"));
    }
    let Some(stdin) = call.stdin else {
        return Err(arguments.missing("standard input: <<< '{\"partitions\": [...]}'"));
    };
    let expected = "JSON: `help kafka-reassign-partitions` shows its form";
    serde_json::from_str(stdin).map_err(|_| wrong(file, expected))
}

fn version(json: &Value) -> Result<(), String> {
    match json.get("version").map_or(Some(1), Value::as_i64) {
        Some(1) => Ok(()),
        Some(version) => Err(format!("Not supported version field value {version}")),
        None => Err("Not supported version field value".to_owned()),
    }
}

fn repeated<T: PartialEq + Clone>(list: &[T]) -> Vec<T> {
    let again = |at: usize| list[..at].contains(&list[at]);
    (0..list.len()).filter(|at| again(*at)).map(|at| list[at].clone()).collect()
}

fn joined<T: ToString>(list: &[T], separator: &str) -> String {
    list.iter().map(T::to_string).collect::<Vec<_>>().join(separator)
}

fn topics(json: &Value, arguments: &Arguments) -> Result<ReassignAct, String> {
    let list = arguments.text("--broker-list").unwrap_or_default();
    let brokers: Result<Vec<i32>, String> = list
        .split(',')
        .map(|id| id.trim().parse().map_err(|_| format!("For input string: \"{id}\"")))
        .collect();
    let brokers = brokers?;
    let twice = repeated(&brokers);
    if !twice.is_empty() {
        return Err(format!("Broker list contains duplicate entries: [{}]", joined(&twice, ", ")));
    }
    version(json)?;
    let named = json.get("topics").and_then(Value::as_array).into_iter().flatten();
    let topics: Option<Vec<String>> =
        named.map(|topic| Some(topic.get("topic")?.as_str()?.to_owned())).collect();
    let topics = topics.ok_or("No such field exists: `topic`")?;
    let twice = repeated(&topics);
    if !twice.is_empty() {
        let twice = joined(&twice, ", ");
        return Err(format!("List of topics to reassign contains duplicate entries: [{twice}]"));
    }
    let rack_aware = !arguments.has("--disable-rack-aware");
    Ok(ReassignAct::Generate { brokers, topics, rack_aware })
}

type Replicas = Vec<(TopicPartition, Vec<i32>)>;

fn partitions(json: &Value) -> Result<Replicas, String> {
    version(json)?;
    let entries = json.get("partitions").and_then(Value::as_array).into_iter().flatten();
    entries.map(partition).collect()
}

fn partition(entry: &Value) -> Result<(TopicPartition, Vec<i32>), String> {
    let missing = |name: &str| format!("No such field exists: `{name}`");
    let topic = entry.get("topic").and_then(Value::as_str).ok_or_else(|| missing("topic"))?;
    let number = entry.get("partition").and_then(Value::as_i64);
    let number = number.and_then(|n| i32::try_from(n).ok()).ok_or_else(|| missing("partition"))?;
    let key = TopicPartition::new(topic, number);
    let replicas = entry.get("replicas").and_then(Value::as_array);
    let ids: Option<Vec<i32>> =
        replicas.and_then(|all| all.iter().map(|id| i32::try_from(id.as_i64()?).ok()).collect());
    let ids = ids.ok_or_else(|| missing("replicas"))?;
    if let Some(dirs) = entry.get("log_dirs").and_then(Value::as_array) {
        let dirs: Vec<&str> = dirs.iter().map(|dir| dir.as_str().unwrap_or_default()).collect();
        if dirs.len() != ids.len() {
            return Err(format!(
                "Size of replicas list [{}] is different from size of log dirs list [{}] for \
                 partition {key}",
                joined(&ids, ", "),
                dirs.join(", ")
            ));
        }
        if let Some(dir) = dirs.iter().find(|dir| **dir != "any") {
            return Err(format!("a broker has one log directory here: found {dir}, expected any"));
        }
    }
    Ok((key, ids))
}

/// What `--execute` looks at before it asks anybody.
fn check(partitions: &Replicas) -> Result<(), String> {
    if partitions.is_empty() {
        return Err("Partition reassignment list cannot be empty".to_owned());
    }
    if partitions.iter().any(|(_, replicas)| replicas.is_empty()) {
        return Err("Partition replica list cannot be empty".to_owned());
    }
    let keys: Vec<TopicPartition> = partitions.iter().map(|(key, _)| key.clone()).collect();
    let twice = repeated(&keys);
    if !twice.is_empty() {
        let twice = joined(&twice, ",");
        return Err(format!("Partition reassignment contains duplicate topic partitions: {twice}"));
    }
    let doubled: Vec<String> = partitions
        .iter()
        .map(|(key, replicas)| (key, repeated(replicas)))
        .filter(|(_, twice)| !twice.is_empty())
        .map(|(key, twice)| format!("{key} contains multiple entries for {}", joined(&twice, ",")))
        .collect();
    match doubled.is_empty() {
        true => Ok(()),
        false => Err(format!(
            "Partition replica lists may not contain duplicate entries: {}",
            doubled.join(". ")
        )),
    }
}

fn ask(asked: Reassignment) -> Job {
    let ask = Ask::Reassign(asked.clone());
    Job::of(Command::Kafka(ask), move |result| match result {
        Ok(Outcome::Kafka(Answer::Reassignment(found))) => match &asked.act {
            ReassignAct::List => Ok(under_way(&found)),
            ReassignAct::Generate { .. } => Ok(generated(&asked, &found)),
            ReassignAct::Execute { throttle, .. } => executed(&asked, *throttle, &found),
            ReassignAct::Verify { .. } => Ok(verified(&asked, &found)),
            ReassignAct::Cancel { .. } => cancelled(&asked, &found),
        },
        Ok(other) => Ok(unexpected(&other)),
        Err(LabError::Kafka(error)) if error.name == "TerseException" => Err(error.sentence),
        Err(LabError::Kafka(error)) => Err(format!("Error: {}", error.sentence)),
        Err(other) => Err(other.to_string()),
    })
}

fn found_at<'a>(
    found: &'a ReassignmentAnswer,
    key: &TopicPartition,
) -> Option<&'a PartitionDescription> {
    found.current.iter().find(|(known, _)| known == key).map(|(_, partition)| partition)
}

fn under_way(found: &ReassignmentAnswer) -> Vec<String> {
    let moving = found.current.iter().filter_map(|(key, partition)| {
        let (adding, removing) = partition.reassignment.as_ref()?;
        let part = |name: &str, ids: &[i32]| match ids.is_empty() {
            true => String::new(),
            false => format!(" {name}: {}.", joined(ids, ",")),
        };
        Some(format!(
            "{key}: replicas: {}.{}{}",
            joined(&partition.replicas, ","),
            part("adding", adding),
            part("removing", removing)
        ))
    });
    let moving: Vec<String> = moving.collect();
    match moving.is_empty() {
        true => vec!["No partition reassignments found.".to_owned()],
        false => [vec!["Current partition reassignments:".to_owned()], moving].concat(),
    }
}

/// As the tool writes it, to be given to it again.
fn as_json(partitions: &[(TopicPartition, Vec<i32>)]) -> String {
    let entry = |(key, replicas): &(TopicPartition, Vec<i32>)| {
        let dirs = vec!["\"any\""; replicas.len()];
        format!(
            "{{\"topic\":{:?},\"partition\":{},\"replicas\":[{}],\"log_dirs\":[{}]}}",
            &*key.topic,
            key.partition,
            joined(replicas, ","),
            dirs.join(",")
        )
    };
    let entries: Vec<String> = partitions.iter().map(entry).collect();
    format!("{{\"version\":1,\"partitions\":[{}]}}", entries.join(","))
}

/// The replicas of these partitions as they are, in order.
fn present(
    found: &ReassignmentAnswer,
    is_meant: impl Fn(&TopicPartition) -> bool,
) -> Vec<(TopicPartition, Vec<i32>)> {
    let meant = found.current.iter().filter(|(key, _)| is_meant(key));
    meant.map(|(key, partition)| (key.clone(), partition.replicas.clone())).collect()
}

fn generated(asked: &Reassignment, found: &ReassignmentAnswer) -> Vec<String> {
    let ReassignAct::Generate { topics, .. } = &asked.act else { return Vec::new() };
    let current = present(found, |key| topics.iter().any(|topic| **topic == *key.topic));
    vec![
        "Current partition replica assignment".to_owned(),
        as_json(&current),
        String::new(),
        "Proposed partition reassignment configuration".to_owned(),
        as_json(&found.proposed),
    ]
}

/// The partitions in order, with commas.
fn in_order<'a>(keys: impl Iterator<Item = &'a TopicPartition>) -> (usize, String) {
    let keys: BTreeSet<TopicPartition> = keys.cloned().collect();
    let names: Vec<String> = keys.iter().map(TopicPartition::to_string).collect();
    (names.len(), names.join(","))
}

fn plural(count: usize) -> &'static str {
    if count == 1 { "" } else { "s" }
}

/// What could not be done, partition by partition.
fn failures(results: &[(TopicPartition, Result<(), ApiError>)]) -> Vec<String> {
    let failed = results
        .iter()
        .filter_map(|(key, result)| Some(format!("{key}: {}", result.as_ref().err()?.sentence)));
    failed.collect()
}

fn executed(asked: &Reassignment, throttle: Option<u64>, found: &ReassignmentAnswer) -> Printed {
    let keys = || asked.partitions.iter().map(|(key, _)| key);
    let mut lines = vec![
        "Current partition replica assignment".to_owned(),
        String::new(),
        as_json(&present(found, |key| keys().any(|wanted| wanted == key))),
        String::new(),
        "Save this to use as the --reassignment-json-file option during rollback".to_owned(),
    ];
    if let Some(rate) = throttle {
        lines.push(
            "Warning: You must run --verify periodically, until the reassignment completes, to \
             ensure the throttle is removed."
                .to_owned(),
        );
        lines.push(format!("The inter-broker throttle limit was set to {rate} B/s"));
    }
    let failed = failures(&found.results);
    if !failed.is_empty() {
        lines.push("Error reassigning partition(s):".to_owned());
        return Err([lines, failed].concat().join("\n"));
    }
    let (count, names) = in_order(keys());
    let started =
        format!("Successfully started partition reassignment{} for {names}", plural(count));
    lines.push(started);
    Ok(lines)
}

fn verified(asked: &Reassignment, found: &ReassignmentAnswer) -> Vec<String> {
    let mut lines = vec!["Status of partition reassignment:".to_owned()];
    let mut targets = asked.partitions.clone();
    targets.order_by(|a, b| a.0.cmp(&b.0));
    lines.extend(targets.iter().map(|(key, wanted)| {
        let partition = found_at(found, key);
        let replicas = partition.map_or(&[][..], |partition| &partition.replicas);
        if partition.is_some_and(|partition| partition.reassignment.is_some()) {
            format!("Reassignment of partition {key} is still in progress.")
        } else if replicas == wanted.as_slice() {
            format!("Reassignment of partition {key} is completed.")
        } else {
            format!(
                "There is no active reassignment of partition {key}, but replica set is {} rather \
                 than {}.",
                joined(replicas, ","),
                joined(wanted, ",")
            )
        }
    }));
    // What became of moves between log directories: there are none.
    lines.push(String::new());
    if found.cleared {
        lines.extend(clearing(asked, found));
    }
    lines
}

fn clearing(asked: &Reassignment, found: &ReassignmentAnswer) -> [String; 2] {
    let wanted = asked.partitions.iter().flat_map(|(_, replicas)| replicas);
    let brokers: BTreeSet<i32> = found.brokers.iter().chain(wanted).copied().collect();
    let topics: BTreeSet<String> =
        asked.partitions.iter().map(|(key, _)| key.topic.to_string()).collect();
    let ids: Vec<String> = brokers.iter().map(i32::to_string).collect();
    let names: Vec<&str> = topics.iter().map(String::as_str).collect();
    [
        format!("Clearing broker-level throttles on broker{} {}", plural(ids.len()), ids.join(",")),
        format!(
            "Clearing topic-level throttles on topic{} {}",
            plural(names.len()),
            names.join(",")
        ),
    ]
}

fn cancelled(asked: &Reassignment, found: &ReassignmentAnswer) -> Printed {
    let failed = failures(&found.results);
    if !failed.is_empty() {
        let title = format!("Error cancelling partition reassignment{} for:", plural(failed.len()));
        return Err([vec![title], failed].concat().join("\n"));
    }
    let mut lines = Vec::new();
    if found.results.is_empty() {
        lines.push("None of the specified partition reassignments are active.".to_owned());
    } else {
        let (count, names) = in_order(found.results.iter().map(|(key, _)| key));
        let start = "Successfully cancelled partition reassignment";
        lines.push(format!("{start}{} for: {names}", plural(count)));
    }
    // The tool does not end this line.
    let moves = "None of the specified partition moves are active.";
    match found.cleared {
        true => {
            let [brokers, topics] = clearing(asked, found);
            lines.extend([format!("{moves}{brokers}"), topics]);
        }
        false => lines.push(moves.to_owned()),
    }
    Ok(lines)
}
