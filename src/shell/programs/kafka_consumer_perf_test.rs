//! `kafka-consumer-perf-test`: how fast records come. Lines are those of `ConsumerPerformance`.

use super::client_metrics;
use super::kafka_tools::{BOOTSTRAP_SERVER, COMMAND_CONFIG, exception, included, logged};
use super::{Call, Program};
use crate::kafka::spec::Reads;
use crate::lab::command::ConsoleConsume;
use crate::lab::outcome::{Consumed, ConsumedRecord};
use crate::lab::{Command, LabError, Outcome};
use crate::shell::error::Refusal;
use crate::shell::job::{Job, unexpected};
use crate::shell::options::{Opt, ignored, many, once};
use crate::shell::values::{number, settings};
use crate::sim::{Span, Time};

/// The tool keeps what it reads until it has counted it.
const MESSAGES_MAX: u64 = 100_000;

static OPTIONS: [Opt; 17] = [
    once(&["--topic"], "NAME", "the topic"),
    once(&["--include"], "REGEX", "all topics whose names match, those too that come later"),
    once(&["--messages", "--num-records"], "N", "how many records"),
    once(
        &["--group"],
        "GROUP",
        "its group (perf-consumer-12345; a random number in the real tool)",
    ),
    once(&["--timeout"], "MS", "end when nothing came for so long (10000)"),
    once(&["--from-latest"], "", "only what comes from now on, if the group has no offset yet"),
    once(&["--hide-header"], "", "without the first line"),
    once(&["--show-detailed-stats"], "", "a line for each interval instead of one for all"),
    once(&["--reporting-interval"], "MS", "how long such an interval is (5000)"),
    once(&["--fetch-size"], "BYTES", "max.partition.fetch.bytes (1048576)"),
    many(&["--consumer-property", "--command-property"], "NAME=VALUE", "a setting of the consumer"),
    ignored(&["--date-format"], "FORMAT"),
    ignored(&["--socket-buffer-size"], "BYTES"),
    once(&["--print-metrics"], "", "print what the consumer counted at the end"),
    ignored(&["--consumer.config"], "FILE"),
    BOOTSTRAP_SERVER,
    COMMAND_CONFIG,
];

pub static PROGRAM: Program = Program {
    name: "kafka-consumer-perf-test",
    summary: "how fast records come from a topic",
    usage: &["kafka-consumer-perf-test --topic NAME|--include REGEX --messages N [OPTION]..."],
    options: &[("", &OPTIONS)],
    notes: &[
        "Times are virtual: what the cost model of the lab says.",
        "--print-metrics: of the metrics of the real consumer those of its Fetches that the lab's",
        "consumer counts: of the client and of each topic; no rates, and none of partitions.",
    ],
    plain: &[],
    reads_stdin: false,
    parse,
};

/// What is printed.
struct Shown {
    /// A line for each interval of so many milliseconds.
    details: Option<u64>,
    timeout_ms: u64,
    /// What the client counted, at the end.
    metrics: bool,
}

fn parse(call: &Call) -> Result<Job, Refusal> {
    let arguments = call.sort("kafka-consumer-perf-test", &OPTIONS)?;
    arguments.at_most(0)?;
    let messages = number(arguments.required("--messages", "N")?, 1..=MESSAGES_MAX)?;
    let group = arguments.text("--group").unwrap_or_else(|| "perf-consumer-12345".into());
    let reads = match (arguments.text("--topic"), arguments.one("--include")) {
        (Some(topic), None) => Reads::Group { group, topics: vec![topic] },
        (None, Some(word)) => Reads::Pattern { group, pattern: included(word)? },
        (None, None) => return Err(arguments.missing("--topic NAME or --include REGEX")),
        (Some(_), Some(_)) => {
            let sentence = "Exactly one of the following arguments is required: [topic], [include]";
            return Err(Refusal::Tool(sentence.to_owned()));
        }
    };
    let timeout_ms = arguments.value("--timeout", 10_000, |word| number(word, 1..=86_400_000))?;
    let interval = match arguments.one("--reporting-interval") {
        Some(word) if word.text == "0" => {
            let sentence = "Reporting interval must be greater than 0.";
            return Err(Refusal::Tool(sentence.to_owned()));
        }
        Some(word) => number(word, 1..=86_400_000)?,
        None => 5_000,
    };
    let mut settings = settings(&arguments.all("--consumer-property"))?;
    let reset = if arguments.has("--from-latest") { "latest" } else { "earliest" };
    settings.insert("auto.offset.reset".into(), reset.into());
    settings.insert("check.crcs".into(), "false".into());
    if let Some(bytes) = arguments.text("--fetch-size") {
        settings.insert("max.partition.fetch.bytes".into(), bytes);
    }
    let details = arguments.has("--show-detailed-stats").then_some(interval);
    let shown = Shown { details, timeout_ms, metrics: arguments.has("--print-metrics") };
    let when = if shown.details.is_some() { "time, threadId" } else { "start.time, end.time" };
    let header = match arguments.has("--hide-header") {
        true => Vec::new(),
        false => vec![format!("{when}, {FIELDS}")],
    };
    let group = reads.group().map_or("", String::as_str);
    let who = format!("Consumer clientId=perf-consumer-client, groupId={group}");
    let command = Command::KafkaConsume(ConsoleConsume {
        reads,
        max_messages: Some(messages),
        timeout: Some(Span::millis(timeout_ms)),
        settings,
    });
    let print = move |result| match result {
        Ok(Outcome::Consumed(consumed)) => {
            let mut lines = report(&consumed, &shown);
            if shown.metrics {
                lines.extend(client_metrics::lines(&consumed.metrics, "perf-consumer-client"));
            }
            Ok(lines)
        }
        Ok(other) => Ok(unexpected(&other)),
        Err(LabError::Kafka(error)) => Err(exception(&error)),
        Err(other) => Err(other.to_string()),
    };
    Ok(Job::of(command, logged(header, who, print)))
}

const FIELDS: &str = "data.consumed.in.MB, MB.sec, data.consumed.in.nMsg, nMsg.sec, \
                      rebalance.time.ms, fetch.time.ms, fetch.MB.sec, fetch.nMsg.sec";

/// An instant as `yyyy-MM-dd HH:mm:ss:SSS`; the lab begins with 1970.
fn date(at: Time) -> String {
    let ms = at.millis();
    let (days, rest) = (ms / 86_400_000, ms % 86_400_000);
    let (mut year, mut day) = (1970, days);
    let is_leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    while day >= 365 + u64::from(is_leap(year)) {
        day -= 365 + u64::from(is_leap(year));
        year += 1;
    }
    let lengths = [31, 28 + u64::from(is_leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 0;
    while month < 11 && day >= lengths[month] {
        day -= lengths[month];
        month += 1;
    }
    let (hour, minute, second) = (rest / 3_600_000, rest / 60_000 % 60, rest / 1_000 % 60);
    let (month, day, millis) = (month + 1, day + 1, rest % 1_000);
    format!("{year}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}:{millis:03}")
}

/// Records, and the bytes of their keys and values.
#[derive(Clone, Copy, Default)]
struct Count {
    records: u64,
    bytes: u64,
}

impl Count {
    fn add(&mut self, record: &ConsumedRecord) {
        let length = |text: &Option<String>| text.as_ref().map_or(0, String::len) as u64;
        self.records += 1;
        self.bytes += length(&record.key) + length(&record.value);
    }

    fn since(self, before: Count) -> Count {
        let (records, bytes) = (self.records - before.records, self.bytes - before.bytes);
        Count { records, bytes }
    }

    fn mb(self) -> f64 {
        self.bytes as f64 / (1_024.0 * 1_024.0)
    }
}

fn report(consumed: &Consumed, shown: &Shown) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(interval) = shown.details {
        lines.extend(details(consumed, Span::millis(interval)));
    }
    if consumed.timed_out {
        lines.push(format!(
            "WARNING: Exiting before consuming the expected number of messages: timeout \
             ({} ms) exceeded. You can use the --timeout option to increase the timeout.",
            shown.timeout_ms
        ));
    }
    if shown.details.is_none() {
        lines.push(total(consumed));
    }
    lines
}

/// The line of the whole.
fn total(consumed: &Consumed) -> String {
    let mut all = Count::default();
    consumed.records.iter().for_each(|record| all.add(record));
    let (count, mb) = (all.records as f64, all.mb());
    let elapsed_ms = consumed.ended.since(consumed.began).as_millis();
    let rebalances = consumed.rebalances.iter().map(|(_, took)| took.as_millis());
    let rebalance_ms = rebalances.sum::<u64>().min(elapsed_ms);
    let fetch_ms = elapsed_ms - rebalance_ms;
    let seconds = |ms: u64| ms.max(1) as f64 / 1_000.0;
    format!(
        "{}, {}, {mb:.4}, {:.4}, {}, {:.4}, {rebalance_ms}, {fetch_ms}, {:.4}, {:.4}",
        date(consumed.began),
        date(consumed.ended),
        mb / seconds(elapsed_ms),
        all.records,
        count / seconds(elapsed_ms),
        mb / seconds(fetch_ms),
        count / seconds(fetch_ms)
    )
}

/// A line at the first record that comes when an interval is over. As in the real tool the time of
/// rebalances stands in the first line alone.
fn details(consumed: &Consumed, interval: Span) -> Vec<String> {
    let (mut lines, mut began) = (Vec::new(), consumed.began);
    let (mut all, mut before) = (Count::default(), Count::default());
    for record in &consumed.records {
        all.add(record);
        let elapsed = record.at.since(began);
        if elapsed < interval {
            continue;
        }
        let joined = consumed.rebalances.iter().filter(|(at, _)| *at <= record.at);
        let rebalance_ms = match lines.is_empty() {
            true => joined.map(|(_, took)| took.as_millis()).sum::<u64>(),
            false => 0,
        };
        let (elapsed_ms, new) = (elapsed.as_millis(), all.since(before));
        let fetch_ms = elapsed_ms as i64 - rebalance_ms as i64;
        let rate = |of: f64, ms: i64| if ms > 0 { of * 1_000.0 / ms as f64 } else { 0.0 };
        let (mb, count) = (new.mb(), new.records as f64);
        lines.push(format!(
            "{}, 0, {:.4}, {:.4}, {}, {:.4}, {rebalance_ms}, {fetch_ms}, {:.4}, {:.4}",
            date(record.at),
            all.mb(),
            rate(mb, elapsed_ms as i64),
            all.records,
            rate(count, elapsed_ms as i64),
            rate(mb, fetch_ms),
            rate(count, fetch_ms)
        ));
        (began, before) = (record.at, all);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_become_dates() {
        let day = |days: u64| date(Time::from_micros(days * 86_400_000_000));
        assert_eq!(day(0), "1970-01-01 00:00:00:000");
        // 1972 was a leap year: its 60th day is the 29th of February.
        assert_eq!(day(365 + 365 + 59), "1972-02-29 00:00:00:000");
        assert_eq!(day(365 + 365 + 366), "1973-01-01 00:00:00:000");
        assert_eq!(date(Time::from_micros(3_723_004_000)), "1970-01-01 01:02:03:004");
    }
}
