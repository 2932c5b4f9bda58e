//! `kafka-console-consumer`: prints records. Lines are those of `DefaultMessageFormatter`.
//!
//! Simplified: without a group the real tool makes up a group of its own
//! (`console-consumer-12345`) and waits for the first rebalance; here it reads all partitions
//! without a group. Where the real tool would wait for ever, here it ends after a while, as if
//! Ctrl-C were pressed.

use super::kafka_tools::{
    BOOTSTRAP_SERVER, COMMAND_CONFIG, LOGGED_AT, exception, included, logged,
};
use super::{Call, Program};
use crate::kafka::spec::{Reads, StartAt};
use crate::lab::command::ConsoleConsume;
use crate::lab::outcome::{Consumed, ConsumedRecord};
use crate::lab::{Command, LabError, Outcome};
use crate::shell::error::{Mistake, Refusal};
use crate::shell::job::{Job, unexpected};
use crate::shell::lexer::Word;
use crate::shell::options::{Arguments, Opt, ignored, later, many, once};
use crate::shell::values::{number, one_of, settings, truth, wrong};
use crate::sim::Span;

static OPTIONS: [Opt; 20] = [
    once(&["--topic"], "NAME", "the topic"),
    once(
        &["--include", "--whitelist"],
        "REGEX",
        "all topics whose names match, those too that come later",
    ),
    once(&["--group"], "GROUP", "reads as a member of this group, and commits"),
    once(&["--from-beginning"], "", "from the earliest record, if the group has no offset yet"),
    once(&["--partition"], "N", "only this partition"),
    once(&["--offset"], "N|earliest|latest", "where to begin in the partition (latest)"),
    once(&["--max-messages"], "N", "end after so many records"),
    once(&["--timeout-ms"], "N", "end when nothing came for so long"),
    many(
        &["--property", "--formatter-property"],
        "NAME=VALUE",
        "print.key, print.value, print.headers, print.partition, print.offset, print.timestamp, \
         print.epoch, print.delivery, key.separator, line.separator, headers.separator, \
         null.literal",
    ),
    once(&["--isolation-level"], "LEVEL", "read_uncommitted or read_committed"),
    many(&["--consumer-property", "--command-property"], "NAME=VALUE", "a setting of the consumer"),
    later(&["--formatter"], "CLASS"),
    later(&["--key-deserializer"], "CLASS"),
    later(&["--value-deserializer"], "CLASS"),
    later(&["--enable-systest-events"], ""),
    ignored(&["--skip-message-on-error"], ""),
    ignored(&["--consumer.config"], "FILE"),
    ignored(&["--formatter-config"], "FILE"),
    BOOTSTRAP_SERVER,
    COMMAND_CONFIG,
];

pub static PROGRAM: Program = Program {
    name: "kafka-console-consumer",
    summary: "prints the records of a topic",
    usage: &[
        "kafka-console-consumer --topic NAME [--from-beginning] [--max-messages N] [OPTION]...",
        "kafka-console-consumer --include REGEX [--from-beginning] [--max-messages N] [OPTION]...",
    ],
    options: &[("", &OPTIONS)],
    notes: &[
        "Without --max-messages and --timeout-ms it ends when 10 s of virtual time brought nothing.",
    ],
    plain: &[],
    reads_stdin: false,
    parse,
};

fn parse(call: &Call) -> Result<Job, Refusal> {
    let arguments = call.sort("kafka-console-consumer", &OPTIONS)?;
    arguments.at_most(0)?;
    let topic = match (arguments.text("--topic"), arguments.one("--include")) {
        (Some(topic), None) => Wanted::Topic(topic),
        (None, Some(word)) => Wanted::Matching(included(word)?),
        _ => {
            let sentence = "Exactly one of --include/--topic is required. ";
            return Err(Refusal::Tool(sentence.to_owned()));
        }
    };
    let mut settings = settings(&arguments.all("--consumer-property"))?;
    if let Some(word) = arguments.one("--isolation-level") {
        let level = one_of(word, &["read_uncommitted", "read_committed"])?;
        settings.insert("isolation.level".into(), level.into());
    }
    let group = group(&arguments, settings.remove("group.id"))?;
    let reset = settings.get("auto.offset.reset").map(String::as_str);
    if let (true, Some(reset)) = (arguments.has("--from-beginning"), reset)
        && reset != "earliest"
    {
        return Err(Refusal::Tool(format!(
            "Can't simultaneously specify --from-beginning and 'auto.offset.reset={reset}', \
             please remove one option"
        )));
    }
    let reads = reads(&arguments, topic, group)?;
    if reads.group().is_some() && arguments.has("--from-beginning") {
        settings.insert("auto.offset.reset".into(), "earliest".into());
    }
    if reads.group().is_some_and(|group| group == MADE_UP) {
        settings.entry("enable.auto.commit".into()).or_insert_with(|| "false".into());
    }
    let max_messages = arguments.one("--max-messages").filter(|word| word.text != "-1");
    let max_messages = max_messages.map(|word| number(word, 1..=10_000_000)).transpose()?;
    let timeout = arguments.maybe("--timeout-ms", |word| number(word, 1..=86_400_000))?;
    let format = Format::of(&arguments)?;
    let timeout = timeout.map(Span::millis);
    let group = reads.group().map_or(MADE_UP, String::as_str);
    let who = format!("Consumer clientId=console-consumer, groupId={group}");
    let command = Command::KafkaConsume(ConsoleConsume { reads, max_messages, timeout, settings });
    let print = move |result| match result {
        Ok(Outcome::Consumed(consumed)) => Ok(format.print(&consumed, timeout.is_some())),
        Ok(other) => Ok(unexpected(&other)),
        Err(LabError::Kafka(error)) => Err(exception(&error)),
        Err(other) => Err(other.to_string()),
    };
    Ok(Job::of(command, logged(Vec::new(), who, print)))
}

/// The group of a consumer that was given none; a random number in the real tool.
const MADE_UP: &str = "console-consumer-12345";

/// What it reads.
enum Wanted {
    /// One topic.
    Topic(String),
    /// Those that match.
    Matching(String),
}

/// `--group` and `--consumer-property group.id=` are the same, and so must be what they say.
fn group(arguments: &Arguments, property: Option<String>) -> Result<Option<String>, Refusal> {
    match (arguments.text("--group"), property) {
        (Some(group), Some(property)) if group != property => Err(Refusal::Tool(format!(
            "The group ids provided in different places (directly using '--group', via \
             '--consumer-property', or via '--consumer.config') do not match. Detected group ids: \
             '{group}', '{property}'"
        ))),
        (group, property) => Ok(group.or(property)),
    }
}

/// How it reads; the errors are the sentences of the real tool.
fn reads(arguments: &Arguments, topic: Wanted, group: Option<String>) -> Result<Reads, Refusal> {
    let from_beginning = arguments.has("--from-beginning");
    let from = match (from_beginning, arguments.one("--offset")) {
        (true, Some(word)) => {
            let sentence = "--from-beginning or --offset: Options from-beginning and offset cannot \
                be specified together";
            return Err(wrong(word, sentence));
        }
        (true, None) => StartAt::Earliest,
        (false, Some(word)) => offset(word)?,
        (false, None) => StartAt::Latest,
    };
    let partition = arguments.maybe("--partition", |word| number(word, 0..=i32::MAX as u64))?;
    if let (Some(word), None) = (arguments.one("--offset"), partition) {
        let sentence = "--partition N too: The partition is required when offset is specified";
        return Err(wrong(word, sentence));
    }
    let topic = match topic {
        Wanted::Matching(_) if partition.is_some() => {
            let sentence = "The topic is required when partition is specified.";
            return Err(Refusal::Tool(sentence.to_owned()));
        }
        Wanted::Matching(pattern) => {
            let group = group.unwrap_or_else(|| MADE_UP.to_owned());
            return Ok(Reads::Pattern { group, pattern });
        }
        Wanted::Topic(topic) => topic,
    };
    match (group, partition) {
        (Some(_), Some(_)) => {
            let sentence = "Options group and partition cannot be specified together.";
            Err(Refusal::Tool(sentence.to_owned()))
        }
        (Some(group), None) => Ok(Reads::Group { group, topics: vec![topic] }),
        (None, partition) => {
            Ok(Reads::Assigned { topic, partition: partition.map(|number| number as i32), from })
        }
    }
}

fn offset(word: &Word) -> Result<StartAt, Refusal> {
    match &*word.text {
        "earliest" => Ok(StartAt::Earliest),
        "latest" => Ok(StartAt::Latest),
        text => match text.parse::<i64>() {
            Ok(offset) if offset >= 0 => Ok(StartAt::Offset(offset)),
            _ => Err(wrong(word, "earliest, latest, or an offset from 0")),
        },
    }
}

/// What of a record is printed.
struct Format {
    timestamp: bool,
    partition: bool,
    offset: bool,
    key: bool,
    value: bool,
    headers: bool,
    delivery: bool,
    epoch: bool,
    separator: String,
    headers_separator: String,
    line_separator: String,
    null_literal: String,
}

impl Format {
    fn of(arguments: &Arguments) -> Result<Format, Refusal> {
        let mut format = Format {
            timestamp: false,
            partition: false,
            offset: false,
            key: false,
            value: true,
            headers: false,
            delivery: false,
            epoch: false,
            separator: "\t".into(),
            headers_separator: ",".into(),
            line_separator: "\n".into(),
            null_literal: "null".into(),
        };
        const KNOWN: [&str; 12] = [
            "print.timestamp",
            "print.partition",
            "print.offset",
            "print.key",
            "print.value",
            "print.headers",
            "print.delivery",
            "print.epoch",
            "key.separator",
            "line.separator",
            "headers.separator",
            "null.literal",
        ];
        for word in arguments.all("--property") {
            let (name, value) =
                word.text.split_once('=').ok_or_else(|| wrong(word, "NAME=VALUE"))?;
            let value_word = Word { text: value.to_owned(), ..word.clone() };
            let flag = match name {
                "print.timestamp" => &mut format.timestamp,
                "print.partition" => &mut format.partition,
                "print.offset" => &mut format.offset,
                "print.key" => &mut format.key,
                "print.value" => &mut format.value,
                "print.headers" => &mut format.headers,
                "print.delivery" => &mut format.delivery,
                "print.epoch" => &mut format.epoch,
                "key.separator" | "line.separator" | "headers.separator" | "null.literal" => {
                    let text = match name {
                        "key.separator" => &mut format.separator,
                        "line.separator" => &mut format.line_separator,
                        "headers.separator" => &mut format.headers_separator,
                        _ => &mut format.null_literal,
                    };
                    *text = value.to_owned();
                    continue;
                }
                _ => {
                    return Err(Mistake::at(word.place, name, KNOWN.join(", ")).near(KNOWN).into());
                }
            };
            *flag = truth(&value_word)?;
        }
        Ok(format)
    }

    fn record(&self, record: &ConsumedRecord) -> String {
        let text =
            |text: &Option<String>| text.clone().unwrap_or_else(|| self.null_literal.clone());
        let parts = [
            (self.timestamp, {
                let kind = if record.is_append_time { "LogAppendTime" } else { "CreateTime" };
                format!("{kind}:{}", record.timestamp_ms)
            }),
            (self.partition, format!("Partition:{}", record.partition)),
            (self.offset, format!("Offset:{}", record.offset)),
            // Only share groups count how often a record was delivered.
            (self.delivery, "Delivery:NOT_PRESENT".to_owned()),
            (self.epoch, format!("Epoch:{}", record.epoch)),
            (self.headers, self.headers(record)),
            (self.key, text(&record.key)),
            (self.value, text(&record.value)),
        ];
        let shown = parts.into_iter().filter_map(|(shown, part)| shown.then_some(part));
        shown.collect::<Vec<_>>().join(&self.separator)
    }

    fn headers(&self, record: &ConsumedRecord) -> String {
        if record.headers.is_empty() {
            return "NO_HEADERS".to_owned();
        }
        let each = record.headers.iter().map(|(name, value)| {
            format!("{name}:{}", value.as_deref().unwrap_or(&self.null_literal))
        });
        each.collect::<Vec<_>>().join(&self.headers_separator)
    }

    /// The records, and what the tool says when it ends.
    fn print(&self, consumed: &Consumed, with_timeout: bool) -> Vec<String> {
        let mut text = String::new();
        for record in &consumed.records {
            text += &self.record(record);
            text += &self.line_separator;
        }
        let mut lines: Vec<String> = text.split('\n').map(str::to_owned).collect();
        // What stands behind the last one is the beginning of no line.
        if lines.last().is_some_and(String::is_empty) {
            lines.pop();
        }
        if consumed.timed_out && with_timeout {
            lines.push(format!(
                "{LOGGED_AT} ERROR Error processing message, terminating consumer process:  \
                 (org.apache.kafka.tools.consumer.ConsoleConsumer)"
            ));
            lines.push("org.apache.kafka.common.errors.TimeoutException".into());
        }
        lines.push(format!("Processed a total of {} messages", consumed.records.len()));
        lines
    }
}
