//! `kafka-console-producer`: each line of standard input becomes a record.

use super::kafka_tools::{BOOTSTRAP_SERVER, COMMAND_CONFIG, LOGGED_AT, exception};
use super::{Call, Program};
use crate::lab::command::ConsoleProduce;
use crate::lab::{Command, LabError};
use crate::shell::error::{Mistake, Refusal};
use crate::shell::job::Job;
use crate::shell::options::{Arguments, Opt, ignored, later, many, once};
use crate::shell::values::settings;

static OPTIONS: [Opt; 18] = [
    once(&["--topic"], "NAME", "the topic"),
    many(
        &["--property", "--reader-property"],
        "NAME=VALUE",
        "parse.key=true, key.separator=: (a tab), null.marker=TEXT, ignore.error=true",
    ),
    many(
        &["--producer-property", "--command-property"],
        "NAME=VALUE",
        "a setting of the producer: acks, linger.ms, batch.size...",
    ),
    once(&["--request-required-acks"], "0|1|all", "the same as --producer-property acks="),
    once(&["--batch-size"], "BYTES", "the same as --producer-property batch.size="),
    once(&["--timeout"], "MS", "the same as --producer-property linger.ms="),
    once(&["--max-block-ms"], "MS", "the same as --producer-property max.block.ms="),
    once(&["--max-memory-bytes"], "BYTES", "the same as --producer-property buffer.memory="),
    once(&["--message-send-max-retries"], "N", "the same as --producer-property retries="),
    once(&["--request-timeout-ms"], "MS", "the same as --producer-property request.timeout.ms="),
    once(&["--retry-backoff-ms"], "MS", "the same as --producer-property retry.backoff.ms="),
    later(&["--line-reader"], "CLASS"),
    later(&["--compression-codec"], "NAME"),
    ignored(&["--sync"], ""),
    ignored(&["--producer.config", "--reader-config"], "FILE"),
    ignored(&["--broker-list"], "HOST"),
    BOOTSTRAP_SERVER,
    COMMAND_CONFIG,
];

pub static PROGRAM: Program = Program {
    name: "kafka-console-producer",
    summary: "each line of standard input becomes a record",
    usage: &["kafka-console-producer --topic NAME [OPTION]... <<< 'text'"],
    options: &[("", &OPTIONS)],
    notes: &["It ends when every record is acknowledged or given up."],
    plain: &[],
    reads_stdin: true,
    parse,
};

/// Settings of the producer that have options of their own.
const SETTINGS: [(&str, &str); 8] = [
    ("--request-required-acks", "acks"),
    ("--batch-size", "batch.size"),
    ("--timeout", "linger.ms"),
    ("--max-block-ms", "max.block.ms"),
    ("--max-memory-bytes", "buffer.memory"),
    ("--message-send-max-retries", "retries"),
    ("--request-timeout-ms", "request.timeout.ms"),
    ("--retry-backoff-ms", "retry.backoff.ms"),
];

fn parse(call: &Call) -> Result<Job, Refusal> {
    let arguments = call.sort("kafka-console-producer", &OPTIONS)?;
    arguments.at_most(0)?;
    let topic = arguments.required("--topic", "NAME")?.text.clone();
    let Some(stdin) = call.stdin else {
        return Err(arguments.missing("standard input: <<< 'text' or <<'EOF'"));
    };
    let records = records(call, &arguments, stdin)?;
    let mut settings = settings(&arguments.all("--producer-property"))?;
    for (option, name) in SETTINGS {
        if let Some(value) = arguments.text(option) {
            settings.insert(name.into(), value);
        }
    }
    let about = (topic.clone(), records.clone());
    let produce = ConsoleProduce { topic, records, settings, load: None };
    let command = Command::KafkaProduce(produce);
    Ok(Job::of(command, move |result| match result {
        Ok(_) => Ok(Vec::new()),
        Err(error) => Err(failure(error, &about.0, &about.1)),
    }))
}

type Records = Vec<(Option<String>, Option<String>)>;

/// Lines to keys and values, as `LineMessageReader` does it.
fn records(call: &Call, arguments: &Arguments, stdin: &str) -> Result<Records, Refusal> {
    let properties = settings(&arguments.all("--property"))?;
    let is =
        |name: &str| properties.get(name).is_some_and(|value| value.eq_ignore_ascii_case("true"));
    let known = ["parse.key", "key.separator", "null.marker", "ignore.error"];
    for word in arguments.all("--property") {
        let name = word.text.split('=').next().unwrap_or_default();
        if !known.contains(&name) {
            return match name {
                "parse.headers" => {
                    Err(Refusal::NotHereYet(format!("kafka-console-producer --property {name}")))
                }
                _ => Err(Mistake::at(word.place, name, known.join(", ")).near(known).into()),
            };
        }
    }
    let separator = arguments.all("--property").into_iter().rev().find_map(|word| {
        // Blanks around the separator belong to it.
        word.text.strip_prefix("key.separator=").map(str::to_owned)
    });
    let separator = separator.unwrap_or_else(|| "\t".into());
    // What stands for nothing, as a key and as a value.
    let marker = properties.get("null.marker");
    let text = |text: &str| (marker.map(String::as_str) != Some(text)).then(|| text.to_owned());
    let record = |(index, line): (usize, &str)| match line.split_once(&*separator) {
        _ if !is("parse.key") => Ok((None, text(line))),
        Some((key, value)) => Ok((text(key), text(value))),
        None if is("ignore.error") => Ok((None, text(line))),
        None => {
            let expected = format!("a key separator {separator:?} in each line of standard input");
            let number = index + 1;
            let hint = format!("No key separator found on line number {number}: '{line}'");
            Err(Mistake::at(call.program.place, line, expected).hint(hint).into())
        }
    };
    stdin.lines().enumerate().map(record).collect()
}

/// What the tool's `ErrorLoggingCallback` logs.
fn failure(error: LabError, topic: &str, records: &Records) -> String {
    let LabError::Kafka(error) = error else { return error.to_string() };
    if error.name == "ConfigException" {
        // The producer was never made.
        return exception(&error);
    }
    let (key, value) =
        records.first().map_or((None, None), |(key, value)| (key.as_ref(), value.as_ref()));
    let size = |text: Option<&String>| text.map_or("null".into(), |t| format!("{} bytes", t.len()));
    let (key, value) = (size(key), size(value));
    format!(
        "{LOGGED_AT} ERROR Error when sending message to topic {topic} with key: \
         {key}, value: {value} with error: \
         (org.apache.kafka.clients.producer.internals.ErrorLoggingCallback)\n{}",
        exception(&error)
    )
}
