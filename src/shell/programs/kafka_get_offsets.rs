//! `kafka-get-offsets`: the offsets of partitions.

use super::kafka_tools::{BOOTSTRAP_SERVER, COMMAND_CONFIG, PARTITIONS_MAX, Topics};
use super::{Call, Program};
use crate::kafka::command::{Answer, Ask};
use crate::kafka::event::TopicPartition;
use crate::lab::{Command, LabError, Outcome};
use crate::ordered::Order;
use crate::shell::error::Refusal;
use crate::shell::job::{Job, unexpected};
use crate::shell::lexer::Word;
use crate::shell::options::{Opt, once};
use crate::shell::values::{list, wrong};

static OPTIONS: [Opt; 7] = [
    once(&["--topic"], "REGEX", "the topic, or topics; all if it is not given"),
    once(&["--partitions"], "N,N", "some of its partitions; all if it is not given"),
    once(&["--topic-partitions"], "LIST", "partitions of several topics: t:0,t:2-4,u.*"),
    once(
        &["--time"],
        "TIME",
        "-1 or latest, -2 or earliest, -3 or max-timestamp, -4 or earliest-local, -5 or \
         latest-tiered, or milliseconds (latest)",
    ),
    once(&["--exclude-internal-topics"], "", "without __consumer_offsets and the like"),
    BOOTSTRAP_SERVER,
    COMMAND_CONFIG,
];

pub static PROGRAM: Program = Program {
    name: "kafka-get-offsets",
    summary: "the offsets of partitions",
    usage: &[
        "kafka-get-offsets [--topic REGEX] [--partitions N,N] [--time TIME]",
        "kafka-get-offsets --topic-partitions REGEX:N,REGEX:N-N [--time TIME]",
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
    let time = arguments.value("--time", At::Asked(-1), time)?;
    let wanted: Vec<Wanted> = match (arguments.one("--topic"), arguments.one("--topic-partitions"))
    {
        (topic, Some(_)) if topic.is_some() || arguments.has("--partitions") => {
            let sentence = "--topic-partitions cannot be used with --topic or --partitions";
            return Err(Refusal::Tool(sentence.into()));
        }
        (Some(word), _) => vec![(Topics::of(word)?, partitions)],
        (None, Some(word)) => list(word)?
            .iter()
            .map(|part| {
                let (topic, numbers) =
                    topic_partitions(part).ok_or_else(|| wrong(word, "TOPIC:N, TOPIC:N-N"))?;
                Ok((Topics::of(&Word { text: topic, ..word.clone() })?, numbers))
            })
            .collect::<Result<_, Refusal>>()?,
        (None, None) => vec![(Topics::All, partitions)],
    };
    let internal = !arguments.has("--exclude-internal-topics");
    // Of topics that are named the broker is asked, of the others all that it has.
    let named = wanted.iter().map(|(topics, numbers)| match topics {
        Topics::Named(name) => Some((name.clone(), numbers.clone())),
        Topics::All | Topics::Matching(..) => None,
    });
    let topics = named.collect::<Option<Vec<_>>>();
    let filters = topics.is_none();
    let topics = topics.unwrap_or_default();
    let ask = Ask::ListOffsets { topics, internal, time: time.asked() };
    Ok(Job::of(Command::Kafka(ask), move |result| match result {
        Ok(Outcome::Kafka(Answer::Offsets(mut offsets))) => {
            if filters {
                offsets.retain(|(partition, _)| wanted.iter().any(|it| is_wanted(it, partition)));
                if offsets.is_empty() {
                    return Err(NO_MATCH.into());
                }
            }
            // The tool sorts by the text `topic-partition`, so that 10 comes before 2.
            offsets.order_by_key(|(partition, _)| partition.to_string());
            let line = |(partition, offset): (TopicPartition, Option<i64>)| {
                let offset = offset.filter(|_| time != At::Tiered)?;
                Some(format!("{}:{}:{offset}", partition.topic, partition.partition))
            };
            Ok(offsets.into_iter().filter_map(line).collect())
        }
        Ok(other) => Ok(unexpected(&other)),
        Err(LabError::Kafka(error)) if error.name == "UNKNOWN_TOPIC_OR_PARTITION" => {
            Err(NO_MATCH.into())
        }
        Err(LabError::Kafka(error)) => Err(format!("Error occurred: {error}")),
        Err(other) => Err(other.to_string()),
    }))
}

const NO_MATCH: &str =
    "Error occurred: Could not match any topic-partitions with the specified filters";

/// Topics, and which of their partitions; all if none is given.
type Wanted = (Topics, Vec<i32>);

fn is_wanted((topics, numbers): &Wanted, partition: &TopicPartition) -> bool {
    topics.is(&partition.topic) && (numbers.is_empty() || numbers.contains(&partition.partition))
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

/// What is asked of a partition.
#[derive(Clone, Copy, PartialEq, Eq)]
enum At {
    /// As the protocol has it: a time, or -1, -2, -3.
    Asked(i64),
    /// Where the broker's own part of the log begins: all of it is the broker's own here.
    Local,
    /// The end of what is in tiered storage: nothing is.
    Tiered,
}

impl At {
    fn asked(self) -> i64 {
        match self {
            At::Asked(time) => time,
            At::Local => -2,
            At::Tiered => -1,
        }
    }
}

fn time(word: &Word) -> Result<At, Refusal> {
    match &*word.text {
        "latest" | "-1" => Ok(At::Asked(-1)),
        "earliest" | "-2" => Ok(At::Asked(-2)),
        "max-timestamp" | "-3" => Ok(At::Asked(-3)),
        "earliest-local" | "-4" => Ok(At::Local),
        "latest-tiered" | "-5" => Ok(At::Tiered),
        text => match text.parse::<i64>() {
            Ok(time) if time >= 0 => Ok(At::Asked(time)),
            _ => Err(wrong(
                word,
                "-1 or latest, -2 or earliest, -3 or max-timestamp, -4 or earliest-local, -5 or \
                 latest-tiered, or milliseconds",
            )),
        },
    }
}
