//! `kafka-producer-perf-test`: how fast records go. Lines are those of `ProducerPerformance`.

use super::kafka_tools::{BOOTSTRAP_SERVER, COMMAND_CONFIG, exception};
use super::{Call, Program};
use crate::lab::command::{ConsoleProduce, Load};
use crate::lab::outcome::{Measured, Window};
use crate::lab::{Command, LabError, Outcome};
use crate::shell::error::Refusal;
use crate::shell::job::{Job, unexpected};
use crate::shell::options::{Opt, ignored, later, many, once};
use crate::shell::values::{integer, number, settings, wrong};
use crate::sim::Span;

/// More records than a lab needs to say something of its rate.
const RECORDS_MAX: u64 = 1_000_000;

/// The largest record that a broker takes by default is smaller.
const SIZE_MAX: u64 = 16 << 20;

static OPTIONS: [Opt; 13] = [
    once(&["--topic"], "NAME", "the topic"),
    once(&["--num-records"], "N", "how many records"),
    once(&["--record-size"], "BYTES", "bytes of each record"),
    once(&["--throughput"], "N", "at most so many records a second; -1 is without limit"),
    many(
        &["--producer-props", "--producer-property", "--command-property"],
        "NAME=VALUE",
        "a setting of the producer: acks, linger.ms, batch.size...",
    ),
    later(&["--payload-file"], "FILE"),
    later(&["--payload-monotonic"], ""),
    later(&["--transactional-id"], "ID"),
    later(&["--transaction-duration-ms"], "MS"),
    later(&["--warmup-records"], "N"),
    ignored(&["--producer.config", "--print-metrics"], ""),
    BOOTSTRAP_SERVER,
    COMMAND_CONFIG,
];

pub static PROGRAM: Program = Program {
    name: "kafka-producer-perf-test",
    summary: "how fast records go to a topic",
    usage: &[
        "kafka-producer-perf-test --topic NAME --num-records N --record-size BYTES --throughput N",
    ],
    options: &[("", &OPTIONS)],
    notes: &["Times are virtual: what the cost model of the lab says."],
    plain: &[],
    reads_stdin: false,
    parse,
};

fn parse(call: &Call) -> Result<Job, Refusal> {
    let arguments = call.sort("kafka-producer-perf-test", &OPTIONS)?;
    // The real tool takes any number of settings behind one `--producer-props`.
    let mut settings = settings(&arguments.all("--producer-props"))?;
    let mut at = 0;
    while let Ok(word) = arguments.word(at, "") {
        let (name, value) = crate::shell::values::setting(word)?;
        settings.insert(name, value);
        at += 1;
    }
    let topic = arguments.required("--topic", "NAME")?.text.clone();
    let records = number(arguments.required("--num-records", "N")?, 1..=RECORDS_MAX)?;
    let size = number(arguments.required("--record-size", "BYTES")?, 1..=SIZE_MAX)? as usize;
    let limit = arguments.required("--throughput", "N")?;
    let every = match integer(limit)? {
        -1 => Span::ZERO,
        rate @ 1..=1_000_000 => Span::micros(1_000_000 / rate as u64),
        _ => return Err(wrong(limit, "-1, or records a second from 1 to 1000000")),
    };
    let load = Some(Load { records, size, every });
    let produce = ConsoleProduce { topic, records: Vec::new(), settings, load };
    Ok(Job::of(Command::KafkaProduce(produce), |result| match result {
        Ok(Outcome::Measured(measured)) => Ok(report(&measured)),
        Ok(other) => Ok(unexpected(&other)),
        Err(LabError::Kafka(error)) => Err(exception(&error)),
        Err(other) => Err(other.to_string()),
    }))
}

/// Records a second, and MB (of 1024 x 1024 bytes) a second.
fn rates(window: &Window) -> (f64, f64) {
    let seconds = window.elapsed_ms.max(1) as f64 / 1_000.0;
    (window.records as f64 / seconds, window.bytes as f64 / seconds / (1_024.0 * 1_024.0))
}

fn report(measured: &Measured) -> Vec<String> {
    let average = |window: &Window| window.latency_ms as f64 / window.records.max(1) as f64;
    let mut lines: Vec<String> = measured
        .windows
        .iter()
        .map(|window| {
            let (records, mb) = rates(window);
            format!(
                "{} records sent, {records:.1} records/sec ({mb:.2} MB/sec), {:.1} ms avg latency, \
                 {:.1} ms max latency.",
                window.records,
                average(window),
                window.latency_ms_max as f64
            )
        })
        .collect();
    let (records, mb) = rates(&measured.total);
    let percentile = |thousandths: usize| {
        let all = &measured.latencies_ms;
        all.get(all.len() * thousandths / 1_000).copied().unwrap_or(0)
    };
    lines.push(format!(
        "{} records sent, {records:.6} records/sec ({mb:.2} MB/sec), {:.2} ms avg latency, {:.2} ms \
         max latency, {} ms 50th, {} ms 95th, {} ms 99th, {} ms 99.9th.",
        measured.total.records,
        average(&measured.total),
        measured.total.latency_ms_max as f64,
        percentile(500),
        percentile(950),
        percentile(990),
        percentile(999)
    ));
    lines
}
