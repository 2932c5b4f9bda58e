//! `kafka-leader-election`: give preferred replicas the leadership back, or find any leader where
//! there is none. Output and errors are those of the tool of Kafka 4.1 (`LeaderElectionCommand`).

use super::kafka_tools::{BOOTSTRAP_SERVER, COMMAND_CONFIG, exception, topic};
use super::{Call, Program};
use crate::kafka::command::{Answer, Ask};
use crate::kafka::event::TopicPartition;
use crate::kafka::metadata::election::Election;
use crate::lab::{Command, LabError, Outcome};
use crate::shell::error::Refusal;
use crate::shell::job::{Job, Printed, unexpected};
use crate::shell::options::{Opt, ignored, later, once};
use crate::shell::values::{number, one_of};

static OPTIONS: [Opt; 8] = [
    once(&["--election-type"], "preferred|unclean", "what the election may do"),
    once(&["--topic"], "NAME", "the topic"),
    once(&["--partition"], "N", "its partition"),
    once(&["--all-topic-partitions"], "", "all partitions of all topics"),
    later(&["--path-to-json-file"], "FILE"),
    ignored(&["--admin.config"], "FILE"),
    BOOTSTRAP_SERVER,
    COMMAND_CONFIG,
];

pub static PROGRAM: Program = Program {
    name: "kafka-leader-election",
    summary: "elect preferred replicas, or any where there is no leader",
    usage: &[
        "kafka-leader-election --election-type preferred|unclean --topic NAME --partition N",
        "kafka-leader-election --election-type preferred|unclean --all-topic-partitions",
    ],
    options: &[("", &OPTIONS)],
    notes: &["An unclean election may lose records that were acknowledged."],
    plain: &[],
    reads_stdin: false,
    parse,
};

fn parse(call: &Call) -> Result<Job, Refusal> {
    let arguments = call.sort("kafka-leader-election", &OPTIONS)?;
    arguments.at_most(0)?;
    let word = arguments.required("--election-type", "preferred or unclean")?;
    let known = ["preferred", "unclean", "PREFERRED", "UNCLEAN"];
    let (election, name) = match one_of(word, &known)?.eq_ignore_ascii_case("preferred") {
        true => (Election::Preferred, "PREFERRED"),
        false => (Election::Unclean, "UNCLEAN"),
    };
    let partitions = match arguments.exactly_one(&["--topic", "--all-topic-partitions"])? {
        "--topic" => {
            let topic = topic(arguments.required("--topic", "NAME")?)?;
            let partition = number(arguments.required("--partition", "N")?, 0..=i32::MAX as u64)?;
            Some(vec![TopicPartition::new(&topic, partition as i32)])
        }
        _ => None,
    };
    let ask = Ask::ElectLeaders { election, partitions };
    Ok(Job::of(Command::Kafka(ask), move |result| match result {
        Ok(Outcome::Kafka(Answer::Elections(elections))) => print(name, elections),
        Ok(other) => Ok(unexpected(&other)),
        Err(LabError::Kafka(error)) => Err(exception(&error)),
        Err(other) => Err(other.to_string()),
    }))
}

type Elections = Vec<(TopicPartition, Result<(), crate::kafka::command::ApiError>)>;

fn print(name: &str, elections: Elections) -> Printed {
    let (mut done, mut needless, mut failed) = (Vec::new(), Vec::new(), Vec::new());
    for (partition, result) in elections {
        match result {
            Ok(()) => done.push(partition.to_string()),
            Err(error) if error.name == "ELECTION_NOT_NEEDED" => {
                needless.push(partition.to_string());
            }
            Err(error) => failed.push((partition, error)),
        }
    }
    let mut lines = Vec::new();
    if !done.is_empty() {
        lines.push(format!(
            "Successfully completed leader election ({name}) for partitions {}",
            done.join(", ")
        ));
    }
    if !needless.is_empty() {
        lines.push(format!("Valid replica already elected for partitions {}", needless.join(", ")));
    }
    if failed.is_empty() {
        return Ok(lines);
    }
    lines.extend(failed.iter().map(|(partition, error)| {
        format!(
            "Error completing leader election ({name}) for partition: {partition}: {}",
            exception(error)
        )
    }));
    lines.push(format!("{} replica(s) could not be elected", failed.len()));
    Err(lines.join("\n"))
}
