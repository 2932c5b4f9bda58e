//! `kafka-get-offsets`: the offsets of partitions.

use super::kafka_tools::{BOOTSTRAP_SERVER, COMMAND_CONFIG, PARTITIONS_MAX, topic};
use super::{Call, Program};
use crate::kafka::command::{Answer, Ask};
use crate::lab::{Command, LabError, Outcome};
use crate::ordered::Order;
use crate::shell::error::Refusal;
use crate::shell::job::{Job, unexpected};
use crate::shell::lexer::Word;
use crate::shell::options::{Opt, once};
use crate::shell::values::{list, wrong};

static OPTIONS: [Opt; 7] = [
    once(&["--topic"], "NAME", "the topic; all topics if it is not given"),
    once(&["--partitions"], "N,N", "some of its partitions; all if it is not given"),
    once(&["--topic-partitions"], "LIST", "partitions of several topics: t:0,t:2-4,u"),
    once(
        &["--time"],
        "TIME",
        "-1 or latest, -2 or earliest, -3 or max-timestamp, or milliseconds (latest)",
    ),
    once(&["--exclude-internal-topics"], "", "without __consumer_offsets and the like"),
    BOOTSTRAP_SERVER,
    COMMAND_CONFIG,
];

pub static PROGRAM: Program = Program {
    name: "kafka-get-offsets",
    summary: "the offsets of partitions",
    usage: &[
        "kafka-get-offsets [--topic NAME] [--partitions N,N] [--time TIME]",
        "kafka-get-offsets --topic-partitions TOPIC:N,TOPIC:N-N [--time TIME]",
    ],
    options: &[("", &OPTIONS)],
    notes: &["Prints TOPIC:PARTITION:OFFSET; nothing where no record answers the time."],
    plain: &[],
    reads_stdin: false,
    parse,
};

fn parse(call: &Call) -> Result<Job, Refusal> {
    let arguments = call.sort("kafka-get-offsets", &OPTIONS)?;
    arguments.at_most(0)?;
    let partitions = arguments.value("--partitions", Vec::new(), |word| {
        let numbers = list(word)?;
        let parsed: Result<Vec<i32>, _> = numbers.iter().map(|number| number.parse()).collect();
        parsed.map_err(|_| wrong(word, "partition numbers separated by commas"))
    })?;
    let time = arguments.value("--time", -1, time)?;
    let topics = match (arguments.one("--topic"), arguments.one("--topic-partitions")) {
        (topic, Some(_)) if topic.is_some() || arguments.has("--partitions") => {
            let sentence = "--topic-partitions cannot be used with --topic or --partitions";
            return Err(Refusal::Tool(sentence.into()));
        }
        (Some(word), _) => vec![(topic(word)?, partitions)],
        (None, Some(word)) => list(word)?
            .iter()
            .map(|part| topic_partitions(part).ok_or_else(|| wrong(word, "TOPIC:N, TOPIC:N-N")))
            .collect::<Result<_, _>>()?,
        (None, None) if partitions.is_empty() => Vec::new(),
        (None, None) => return Err(Refusal::NotHereYet("--partitions without --topic".into())),
    };
    let internal = !arguments.has("--exclude-internal-topics");
    let ask = Ask::ListOffsets { topics, internal, time };
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

/// `t`, `t:0`, `t:2-4`: the last of a range is not of it.
fn topic_partitions(part: &str) -> Option<(String, Vec<i32>)> {
    let Some((topic, numbers)) = part.split_once(':') else {
        return Some((part.to_owned(), Vec::new()));
    };
    let numbers = match numbers.split_once('-') {
        None => vec![numbers.parse().ok().filter(|number| *number >= 0)?],
        Some((from, to)) => {
            let to = if to.is_empty() { PARTITIONS_MAX as i32 } else { to.parse().ok()? };
            let from = if from.is_empty() { 0 } else { from.parse().ok()? };
            (from..to.min(PARTITIONS_MAX as i32)).collect()
        }
    };
    Some((topic.to_owned(), numbers))
        .filter(|(topic, numbers)| !topic.is_empty() && !numbers.is_empty())
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
