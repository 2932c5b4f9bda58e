//! `kafka-consumer-perf-test`: how fast records come. Lines are those of `ConsumerPerformance`.

use super::kafka_tools::{BOOTSTRAP_SERVER, COMMAND_CONFIG, exception};
use super::{Call, Program};
use crate::kafka::spec::Reads;
use crate::lab::command::ConsoleConsume;
use crate::lab::outcome::Consumed;
use crate::lab::{Command, LabError, Outcome};
use crate::shell::error::Refusal;
use crate::shell::job::{Job, unexpected};
use crate::shell::options::{Opt, ignored, later, many, once};
use crate::shell::values::{number, settings};
use crate::sim::{Span, Time};

/// The tool keeps what it reads until it has counted it.
const MESSAGES_MAX: u64 = 100_000;

static OPTIONS: [Opt; 16] = [
    once(&["--topic"], "NAME", "the topic"),
    once(&["--messages", "--num-records"], "N", "how many records"),
    once(
        &["--group"],
        "GROUP",
        "its group (perf-consumer-12345; a random number in the real tool)",
    ),
    once(&["--timeout"], "MS", "end when nothing came for so long (10000)"),
    once(&["--from-latest"], "", "only what comes from now on, if the group has no offset yet"),
    once(&["--hide-header"], "", "without the first line"),
    once(&["--fetch-size"], "BYTES", "max.partition.fetch.bytes (1048576)"),
    many(&["--consumer-property", "--command-property"], "NAME=VALUE", "a setting of the consumer"),
    later(&["--show-detailed-stats"], ""),
    later(&["--include"], "REGEX"),
    ignored(&["--reporting-interval"], "MS"),
    ignored(&["--date-format"], "FORMAT"),
    ignored(&["--socket-buffer-size"], "BYTES"),
    ignored(&["--consumer.config", "--print-metrics"], ""),
    BOOTSTRAP_SERVER,
    COMMAND_CONFIG,
];

pub static PROGRAM: Program = Program {
    name: "kafka-consumer-perf-test",
    summary: "how fast records come from a topic",
    usage: &["kafka-consumer-perf-test --topic NAME --messages N [OPTION]..."],
    options: &[("", &OPTIONS)],
    notes: &["Times are virtual: what the cost model of the lab says."],
    plain: &[],
    reads_stdin: false,
    parse,
};

fn parse(call: &Call) -> Result<Job, Refusal> {
    let arguments = call.sort("kafka-consumer-perf-test", &OPTIONS)?;
    arguments.at_most(0)?;
    let topic = arguments.required("--topic", "NAME")?.text.clone();
    let messages = number(arguments.required("--messages", "N")?, 1..=MESSAGES_MAX)?;
    let group = arguments.text("--group").unwrap_or_else(|| "perf-consumer-12345".into());
    let timeout_ms = arguments.value("--timeout", 10_000, |word| number(word, 1..=86_400_000))?;
    let mut settings = settings(&arguments.all("--consumer-property"))?;
    let reset = if arguments.has("--from-latest") { "latest" } else { "earliest" };
    settings.insert("auto.offset.reset".into(), reset.into());
    settings.insert("check.crcs".into(), "false".into());
    if let Some(bytes) = arguments.text("--fetch-size") {
        settings.insert("max.partition.fetch.bytes".into(), bytes);
    }
    let hides = arguments.has("--hide-header");
    let command = Command::KafkaConsume(ConsoleConsume {
        reads: Reads::Group { group, topics: vec![topic] },
        max_messages: Some(messages),
        timeout: Some(Span::millis(timeout_ms)),
        settings,
    });
    Ok(Job::of(command, move |result| match result {
        Ok(Outcome::Consumed(consumed)) => Ok(report(&consumed, (hides, timeout_ms))),
        Ok(other) => Ok(unexpected(&other)),
        Err(LabError::Kafka(error)) => Err(exception(&error)),
        Err(other) => Err(other.to_string()),
    }))
}

const HEADER: &str = "start.time, end.time, data.consumed.in.MB, MB.sec, data.consumed.in.nMsg, \
                      nMsg.sec, rebalance.time.ms, fetch.time.ms, fetch.MB.sec, fetch.nMsg.sec";

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

fn report(consumed: &Consumed, (hides, timeout_ms): (bool, u64)) -> Vec<String> {
    let mut lines = Vec::new();
    if !hides {
        lines.push(HEADER.to_owned());
    }
    if consumed.timed_out {
        lines.push(format!(
            "WARNING: Exiting before consuming the expected number of messages: timeout \
             ({timeout_ms} ms) exceeded. You can use the --timeout option to increase the timeout."
        ));
    }
    let length = |text: &Option<String>| text.as_ref().map_or(0, String::len);
    let bytes: usize =
        consumed.records.iter().map(|record| length(&record.key) + length(&record.value)).sum();
    let (count, mb) = (consumed.records.len() as f64, bytes as f64 / (1_024.0 * 1_024.0));
    let elapsed_ms = consumed.ended.since(consumed.began).as_millis();
    let joined = consumed.joined.unwrap_or(consumed.began).min(consumed.ended);
    let rebalance_ms = joined.since(consumed.began).as_millis();
    let fetch_ms = elapsed_ms.saturating_sub(rebalance_ms);
    let seconds = |ms: u64| ms.max(1) as f64 / 1_000.0;
    lines.push(format!(
        "{}, {}, {mb:.4}, {:.4}, {}, {:.4}, {rebalance_ms}, {fetch_ms}, {:.4}, {:.4}",
        date(consumed.began),
        date(consumed.ended),
        mb / seconds(elapsed_ms),
        consumed.records.len(),
        count / seconds(elapsed_ms),
        mb / seconds(fetch_ms),
        count / seconds(fetch_ms)
    ));
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
