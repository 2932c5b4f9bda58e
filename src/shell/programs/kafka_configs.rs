//! `kafka-configs`: settings of topics. Output and errors are those of the tool of Kafka 4.1
//! (`ConfigCommand`), without the stack trace.

use super::kafka_tools::{BOOTSTRAP_SERVER, COMMAND_CONFIG, exception, topic};
use super::{Call, Program};
use crate::kafka::command::{Answer, Ask, TopicDescription};
use crate::kafka::config::topic::{BROKER_SYNONYMS, TABLE};
use crate::lab::{Command, LabError, Outcome};
use crate::shell::error::Refusal;
use crate::shell::job::{Job, unexpected};
use crate::shell::lexer::Word;
use crate::shell::options::{Opt, later, once};
use crate::shell::values::{list, one_of, wrong};

static OPTIONS: [Opt; 11] = [
    once(&["--describe"], "", "list the settings that were given to a topic"),
    once(&["--alter"], "", "change settings"),
    once(&["--entity-type"], "topics", "whose settings"),
    once(&["--entity-name", "--topic"], "NAME", "the topic"),
    once(&["--add-config"], "NAME=VALUE,...", "set these"),
    once(&["--delete-config"], "NAME,...", "these have their defaults again"),
    later(&["--all"], ""),
    later(&["--add-config-file"], "FILE"),
    later(&["--entity-default"], ""),
    BOOTSTRAP_SERVER,
    COMMAND_CONFIG,
];

pub static PROGRAM: Program = Program {
    name: "kafka-configs",
    summary: "settings of topics",
    usage: &[
        "kafka-configs --describe --entity-type topics --entity-name NAME",
        "kafka-configs --alter --entity-type topics --entity-name NAME --add-config NAME=VALUE,...",
        "kafka-configs --alter --entity-type topics --entity-name NAME --delete-config NAME,...",
    ],
    options: &[("", &OPTIONS)],
    notes: &[],
    plain: &[],
    reads_stdin: false,
    parse,
};

fn parse(call: &Call) -> Result<Job, Refusal> {
    let arguments = call.sort("kafka-configs", &OPTIONS)?;
    arguments.at_most(0)?;
    if let Some(word) = arguments.one("--entity-type") {
        let known = ["topics", "brokers", "clients", "users", "ips", "groups", "client-metrics"];
        if one_of(word, &known)? != "topics" {
            return Err(Refusal::NotHereYet(format!("--entity-type {}", word.text)));
        }
    }
    let name = topic(arguments.required("--entity-name", "NAME")?)?;
    let words: Vec<&str> = call.words.iter().map(|word| word.text.as_str()).collect();
    let words = words.join(" ");
    match arguments.exactly_one(&["--describe", "--alter"])? {
        "--describe" => Ok(describe(name, words)),
        _ => {
            let mut changes = Vec::new();
            if let Some(word) = arguments.one("--add-config") {
                changes.extend(added(word)?);
            }
            if let Some(word) = arguments.one("--delete-config") {
                changes.extend(list(word)?.into_iter().map(|name| (name, None)));
            }
            if changes.is_empty() {
                return Err(arguments.missing("--add-config or --delete-config"));
            }
            Ok(alter(name, changes, words))
        }
    }
}

/// `a=1,b=[x,y]`: square brackets keep a list together.
fn added(word: &Word) -> Result<Vec<(String, Option<String>)>, Refusal> {
    let (mut parts, mut depth) = (vec![String::new()], 0);
    for letter in word.text.chars() {
        match letter {
            '[' => depth += 1,
            ']' => depth -= 1,
            ',' if depth == 0 => parts.push(String::new()),
            letter => parts.last_mut().expect("there is one").push(letter),
        }
    }
    let setting = |part: String| match part.split_once('=') {
        Some((name, value)) => Ok((name.trim().to_owned(), Some(value.trim().to_owned()))),
        None => Err(wrong(word, "NAME=VALUE,NAME=VALUE")),
    };
    parts.into_iter().map(setting).collect()
}

fn alter(name: String, changes: Vec<(String, Option<String>)>, words: String) -> Job {
    let ask = Ask::AlterConfigs { topic: name.clone(), changes };
    Job::of(Command::Kafka(ask), move |result| match result {
        Ok(_) => Ok(vec![format!("Completed updating config for topic {name}.")]),
        Err(error) => Err(failure(error, &words)),
    })
}

fn describe(name: String, words: String) -> Job {
    let ask = Ask::DescribeTopics { topics: vec![name.clone()] };
    Job::of(Command::Kafka(ask), move |result| match result {
        Ok(Outcome::Kafka(Answer::Topics(found))) => {
            let mut lines = vec![format!("Dynamic configs for topic {name} are:")];
            lines.extend(found.iter().flat_map(settings));
            Ok(lines)
        }
        Ok(other) => Ok(unexpected(&other)),
        Err(error) => Err(failure(error, &words)),
    })
}

fn settings(topic: &TopicDescription) -> Vec<String> {
    let lines = topic.settings.iter().map(|(name, value)| {
        let default = TABLE.iter().find(|setting| setting.name == name);
        let default = default.map_or("", |setting| setting.default);
        // The default of a time is the broker's, in the unit in which that has one.
        let (synonym, default) = match name.as_str() {
            "retention.ms" => ("log.retention.hours", "168"),
            "segment.ms" => ("log.roll.hours", "168"),
            "segment.jitter.ms" => ("log.roll.jitter.hours", "0"),
            name => {
                let known = BROKER_SYNONYMS.iter().find(|(topic, _)| *topic == name);
                (known.map_or(name, |(_, broker)| broker), default)
            }
        };
        format!(
            "  {name}={value} sensitive=false synonyms={{DYNAMIC_TOPIC_CONFIG:{name}={value}, \
             DEFAULT_CONFIG:{synonym}={default}}}"
        )
    });
    lines.collect()
}

fn failure(error: LabError, words: &str) -> String {
    match error {
        LabError::Kafka(error) => format!(
            "Error while executing config command with args '{words}'\n\
             java.util.concurrent.ExecutionException: {}",
            exception(&error)
        ),
        other => other.to_string(),
    }
}
