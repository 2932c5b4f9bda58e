//! `kafka-get-offsets`: the offsets of a topic's partitions.

use super::kafka_tools::{BOOTSTRAP_SERVER, COMMAND_CONFIG, topic};
use super::{Call, Program};
use crate::kafka::command::{Answer, Ask};
use crate::lab::{Command, LabError, Outcome};
use crate::ordered::Order;
use crate::shell::error::Refusal;
use crate::shell::job::{Job, unexpected};
use crate::shell::lexer::Word;
use crate::shell::options::{Opt, ignored, later, once};
use crate::shell::values::{list, wrong};

static OPTIONS: [Opt; 7] = [
    once(&["--topic"], "NAME", "the topic"),
    once(&["--partitions"], "N,N", "some of its partitions; all if it is not given"),
    once(
        &["--time"],
        "TIME",
        "-1 or latest, -2 or earliest, -3 or max-timestamp, or milliseconds (latest)",
    ),
    later(&["--topic-partitions"], "LIST"),
    ignored(&["--exclude-internal-topics"], ""),
    BOOTSTRAP_SERVER,
    COMMAND_CONFIG,
];

pub static PROGRAM: Program = Program {
    name: "kafka-get-offsets",
    summary: "the offsets of a topic's partitions",
    usage: &["kafka-get-offsets --topic NAME [--partitions N,N] [--time TIME]"],
    options: &[("", &OPTIONS)],
    notes: &["Prints TOPIC:PARTITION:OFFSET; nothing where no record answers the time."],
    plain: &[],
    reads_stdin: false,
    parse,
};

fn parse(call: &Call) -> Result<Job, Refusal> {
    let arguments = call.sort("kafka-get-offsets", &OPTIONS)?;
    arguments.at_most(0)?;
    let Some(word) = arguments.one("--topic") else {
        return Err(Refusal::NotHereYet("kafka-get-offsets without --topic".into()));
    };
    let topic = topic(word)?;
    let partitions = arguments.value("--partitions", Vec::new(), |word| {
        let numbers = list(word)?;
        let parsed: Result<Vec<i32>, _> = numbers.iter().map(|number| number.parse()).collect();
        parsed.map_err(|_| wrong(word, "partition numbers separated by commas"))
    })?;
    let time = arguments.value("--time", -1, time)?;
    let ask = Ask::ListOffsets { topic, partitions, time };
    Ok(Job::of(Command::Kafka(ask), move |result| match result {
        Ok(Outcome::Kafka(Answer::Offsets(mut offsets))) => {
            // The tool sorts by the text `topic-partition`, so that 10 comes before 2.
            offsets.order_by_key(|(partition, _)| partition.to_string());
            let line = |(partition, offset): (crate::kafka::event::TopicPartition, Option<i64>)| {
                Some(format!("{}:{}:{}", partition.topic, partition.partition, offset?))
            };
            Ok(offsets.into_iter().filter_map(line).collect())
        }
        Ok(other) => Ok(unexpected(&other)),
        Err(LabError::Kafka(error)) if error.name == "UNKNOWN_TOPIC_OR_PARTITION" => {
            Err("Error occurred: Could not match any topic-partitions with the specified filters"
                .into())
        }
        Err(LabError::Kafka(error)) => Err(format!("Error occurred: {error}")),
        Err(other) => Err(other.to_string()),
    }))
}

fn time(word: &Word) -> Result<i64, Refusal> {
    match &*word.text {
        "latest" | "-1" => Ok(-1),
        "earliest" | "-2" => Ok(-2),
        "max-timestamp" | "-3" => Ok(-3),
        "earliest-local" | "-4" | "latest-tiered" | "-5" => {
            Err(Refusal::NotHereYet(format!("kafka-get-offsets --time {}", word.text)))
        }
        text => match text.parse::<i64>() {
            Ok(time) if time >= 0 => Ok(time),
            _ => Err(wrong(
                word,
                "-1 or latest, -2 or earliest, -3 or max-timestamp, or milliseconds",
            )),
        },
    }
}
