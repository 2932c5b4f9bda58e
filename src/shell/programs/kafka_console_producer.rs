//! `kafka-console-producer`: each line of standard input becomes a record.

use super::kafka_tools::{BOOTSTRAP_SERVER, COMMAND_CONFIG, LOGGED_AT, exception, logged};
use super::{Call, Program};
use crate::lab::command::{ConsoleProduce, ConsoleRecord};
use crate::lab::{Command, LabError};
use crate::shell::error::Refusal;
use crate::shell::job::Job;
use crate::shell::options::{Opt, ignored, later, many, once};
use crate::shell::values::settings;
use lines::LineReader;

mod lines;

static OPTIONS: [Opt; 18] = [
    once(&["--topic"], "NAME", "the topic"),
    many(
        &["--property", "--reader-property"],
        "NAME=VALUE",
        "parse.key=true, key.separator=: (a tab), parse.headers=true, headers.delimiter= (a tab), \
         headers.separator=, (a comma), headers.key.separator=: (a colon), null.marker=TEXT, \
         ignore.error=true",
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
    let reader = LineReader::of(&arguments.all("--property"))?;
    let records = reader.records(call.program.place, stdin)?;
    let mut settings = settings(&arguments.all("--producer-property"))?;
    for (option, name) in SETTINGS {
        if let Some(value) = arguments.text(option) {
            settings.insert(name.into(), value);
        }
    }
    let about = (topic.clone(), records.clone());
    let produce = ConsoleProduce { topic, records, settings, load: None };
    let command = Command::KafkaProduce(produce);
    let print = move |result| match result {
        Ok(_) => Ok(Vec::new()),
        Err(error) => Err(failure(error, &about.0, &about.1)),
    };
    Ok(Job::of(command, logged(Vec::new(), "Producer clientId=console-producer".into(), print)))
}

/// What the tool's `ErrorLoggingCallback` logs.
fn failure(error: LabError, topic: &str, records: &[ConsoleRecord]) -> String {
    let LabError::Kafka(error) = error else { return error.to_string() };
    if error.name == "ConfigException" {
        // The producer was never made.
        return exception(&error);
    }
    let first = records.first();
    let key = first.and_then(|record| record.key.as_ref());
    let value = first.and_then(|record| record.value.as_ref());
    let size = |text: Option<&String>| text.map_or("null".into(), |t| format!("{} bytes", t.len()));
    let (key, value) = (size(key), size(value));
    format!(
        "{LOGGED_AT} ERROR Error when sending message to topic {topic} with key: \
         {key}, value: {value} with error: \
         (org.apache.kafka.clients.producer.internals.ErrorLoggingCallback)\n{}",
        exception(&error)
    )
}
