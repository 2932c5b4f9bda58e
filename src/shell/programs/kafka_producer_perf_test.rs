//! `kafka-producer-perf-test`: how fast records go. Lines are those of `ProducerPerformance`.

use super::client_metrics;
use super::kafka_tools::{BOOTSTRAP_SERVER, COMMAND_CONFIG, exception, logged};
use super::{Call, Program};
use crate::kafka::config::producer;
use crate::kafka::spec::Settings;
use crate::lab::command::{Body, ConsoleProduce, Load};
use crate::lab::outcome::{Measured, Window};
use crate::lab::{Command, LabError, Outcome};
use crate::shell::error::Refusal;
use crate::shell::job::{Job, unexpected};
use crate::shell::options::{Arguments, Opt, ignored, many, once};
use crate::shell::values::{number, settings, wrong};
use crate::sim::Span;

/// More records than a lab needs to say something of its rate.
const RECORDS_MAX: u64 = 1_000_000;

/// The largest record that a broker takes by default is smaller.
const SIZE_MAX: u64 = 16 << 20;

/// The transactional id of one that was given none; 16 random bytes in the real tool.
const MADE_UP: &str = "performance-producer-MkU3OEVBNTcwNTJENDM2Qg";

/// A transaction lasts so long if only its id is given.
const TRANSACTION_MS: u64 = 3_000;

static OPTIONS: [Opt; 15] = [
    once(&["--topic"], "NAME", "the topic"),
    once(&["--num-records"], "N", "how many records"),
    once(&["--record-size"], "BYTES", "bytes of each record"),
    once(&["--payload-file"], "-", "each record is one of these texts, drawn at random"),
    once(&["--payload-delimiter"], "TEXT", "what stands between them (\\n)"),
    once(&["--payload-monotonic"], "", "the records are 0, 1, 2..."),
    once(&["--throughput"], "N", "at most so many records a second; -1 is without limit"),
    many(
        &["--producer-props", "--producer-property", "--command-property"],
        "NAME=VALUE",
        "a setting of the producer: acks, linger.ms, batch.size...",
    ),
    once(&["--transactional-id"], "ID", "in transactions of this id"),
    once(
        &["--transaction-duration-ms"],
        "MS",
        "in transactions that are committed after so long (3000)",
    ),
    once(&["--warmup-records"], "N", "what comes behind the first N is measured for itself (4.2)"),
    once(&["--print-metrics"], "", "print what the producer counted at the end"),
    ignored(&["--producer.config"], "FILE"),
    BOOTSTRAP_SERVER,
    COMMAND_CONFIG,
];

pub static PROGRAM: Program = Program {
    name: "kafka-producer-perf-test",
    summary: "how fast records go to a topic",
    usage: &[
        "kafka-producer-perf-test --topic NAME --num-records N --record-size BYTES --throughput N",
        "kafka-producer-perf-test --topic NAME --num-records N --payload-monotonic --throughput N",
        "kafka-producer-perf-test --topic NAME --num-records N --payload-file - --throughput N \
         <<< TEXT",
    ],
    options: &[("", &OPTIONS)],
    notes: &[
        "Times are virtual: what the cost model of the lab says.",
        "--print-metrics: of the metrics of the real producer those of batches, requests, memory,",
        "connections and topics that the lab's producer counts; no rates, and no sizes of records.",
    ],
    plain: &[],
    reads_stdin: true,
    parse,
};

/// What the parser of the real tool, or its check of the arguments, says.
fn error<T>(sentence: &str) -> Result<T, Refusal> {
    Err(Refusal::Tool(format!("producer-performance: error: {sentence}")))
}

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
    let records = arguments.required("--num-records", "N")?;
    if records.text == "0" {
        return error("--num-records should be greater than zero");
    }
    let records = number(records, 1..=RECORDS_MAX)?;
    let (size, body) = payload(&arguments)?;
    let limit = arguments.required("--throughput", "N")?;
    let every = match limit.text.parse::<f64>() {
        Ok(-1.0) => Span::ZERO,
        Ok(rate) if (0.001..=1e6).contains(&rate) => Span::micros((1e6 / rate) as u64),
        _ => return Err(wrong(limit, "-1, or records a second up to 1000000")),
    };
    let warmup = arguments.value("--warmup-records", 0, |word| number(word, 0..=RECORDS_MAX))?;
    if warmup > 0 && warmup >= records {
        return error(
            "The value for --warmup-records must be strictly fewer than the number of records in \
             the test, --num-records.",
        );
    }
    transactions(&arguments, records, &mut settings)?;
    let mut lines = Vec::new();
    let body = match body {
        Some(body) => body,
        None => {
            let texts = texts(&arguments, call.stdin)?;
            lines.push("Reading payloads from: /dev/stdin".to_owned());
            lines.push(format!("Number of messages read: {}", texts.len()));
            Body::OneOf(texts.into())
        }
    };
    if warmup > 0 {
        lines.push(format!(
            "Warmup first {warmup} records. Steady state results will print after the complete \
             test summary."
        ));
    }
    let load = Some(Load { records, size, body, every, warmup });
    let produce = ConsoleProduce { topic, records: Vec::new(), settings, load };
    let transactional = produce.settings.get("transactional.id");
    let transactional = transactional.map(|id| format!(", transactionalId={id}"));
    let who = format!(
        "Producer clientId=perf-producer-client{}",
        transactional.as_deref().unwrap_or_default()
    );
    let prints_metrics = arguments.has("--print-metrics");
    let print = move |result| match result {
        Ok(Outcome::Measured(measured)) => {
            let mut lines = report(&measured);
            if prints_metrics {
                lines.extend(client_metrics::lines(&measured.metrics, "perf-producer-client"));
            }
            Ok(lines)
        }
        Ok(other) => Ok(unexpected(&other)),
        Err(LabError::Kafka(error)) => Err(exception(&error)),
        Err(other) => Err(other.to_string()),
    };
    Ok(Job::of(Command::KafkaProduce(produce), logged(lines, who, print)))
}

/// The size of the records, and what stands in them; no body if they are read.
fn payload(arguments: &Arguments) -> Result<(Option<usize>, Option<Body>), Refusal> {
    let ways = ["--record-size", "--payload-file", "--payload-monotonic"];
    let given: Vec<&str> = ways.into_iter().filter(|way| arguments.has(way)).collect();
    match *given {
        [] => error(
            "one of the arguments --record-size --payload-file --payload-monotonic is required",
        ),
        ["--record-size"] => {
            let word = arguments.required("--record-size", "BYTES")?;
            if word.text == "0" {
                return error("--record-size should be greater than zero");
            }
            Ok((Some(number(word, 1..=SIZE_MAX)? as usize), Some(Body::Numbered)))
        }
        ["--payload-file"] => Ok((None, None)),
        [_] => Ok((None, Some(Body::Counting))),
        [first, second, ..] => {
            error(&format!("argument {second}: not allowed with argument {first}"))
        }
    }
}

/// What stands in the file. Simplified: the delimiter is no regular expression.
fn texts(arguments: &Arguments, stdin: Option<&str>) -> Result<Vec<String>, Refusal> {
    let file = arguments.required("--payload-file", "-")?;
    if file.text != "-" {
        return Err(wrong(file, "-: there are no files; texts come from <<< or <<'EOF'"));
    }
    let delimiter = arguments.text("--payload-delimiter").filter(|text| text != "\\n");
    let delimiter = delimiter.unwrap_or_else(|| "\n".to_owned());
    let text = stdin.unwrap_or_default();
    let mut texts: Vec<String> = text.split(&*delimiter).map(str::to_owned).collect();
    // As Java splits: nothing stands at the end.
    while texts.last().is_some_and(String::is_empty) {
        texts.pop();
    }
    match texts.is_empty() {
        true => Err(Refusal::Tool(
            "java.lang.IllegalArgumentException: File does not exist or empty file provided."
                .to_owned(),
        )),
        false => Ok(texts),
    }
}

/// Either of id and duration brings transactions, and the other has its default.
fn transactions(
    arguments: &Arguments,
    records: u64,
    settings: &mut Settings,
) -> Result<(), Refusal> {
    let duration = match arguments.one("--transaction-duration-ms") {
        Some(word) if word.text == "0" || word.text.starts_with('-') => {
            return error("--transaction-duration-ms should be greater than zero");
        }
        Some(word) => Some(number(word, 1..=86_400_000)?),
        None => None,
    };
    if let Some(id) = arguments.text("--transactional-id") {
        settings.insert("transactional.id".to_owned(), id);
    }
    if duration.is_none() && !settings.contains_key("transactional.id") {
        return Ok(());
    }
    settings.entry("transactional.id".to_owned()).or_insert_with(|| MADE_UP.to_owned());
    let mut set =
        |name: &str, value: u64| drop(settings.insert(name.to_owned(), value.to_string()));
    set(producer::TRANSACTION_MS, duration.unwrap_or(TRANSACTION_MS));
    // Their number does not count.
    set(producer::TRANSACTION_RECORDS, i64::MAX as u64);
    set(producer::TRANSACTION_TOTAL, records);
    Ok(())
}

/// Records a second, and MB (of 1024 x 1024 bytes) a second.
fn rates(window: &Window) -> (f64, f64) {
    let seconds = window.elapsed_ms.max(1) as f64 / 1_000.0;
    (window.records as f64 / seconds, window.bytes as f64 / seconds / (1_024.0 * 1_024.0))
}

fn report(measured: &Measured) -> Vec<String> {
    let mut lines = windows(measured);
    if let Some(steady) = &measured.steady {
        let windows = windows(steady);
        lines.extend((!windows.is_empty()).then(|| "In steady state.".to_owned()));
        lines.extend(windows);
    }
    lines.push(total(measured, ""));
    lines.extend(measured.steady.iter().map(|steady| total(steady, " steady state")));
    lines
}

fn average(window: &Window) -> f64 {
    window.latency_ms as f64 / window.records.max(1) as f64
}

fn windows(measured: &Measured) -> Vec<String> {
    let lines = measured.windows.iter().map(|window| {
        let (records, mb) = rates(window);
        format!(
            "{} records sent, {records:.1} records/sec ({mb:.2} MB/sec), {:.1} ms avg latency, \
             {:.1} ms max latency.",
            window.records,
            average(window),
            window.latency_ms_max as f64
        )
    });
    lines.collect()
}

fn total(measured: &Measured, which: &str) -> String {
    let (records, mb) = rates(&measured.total);
    let percentile = |thousandths: usize| {
        let all = &measured.latencies_ms;
        all.get(all.len() * thousandths / 1_000).copied().unwrap_or(0)
    };
    format!(
        "{}{which} records sent, {records:.1} records/sec ({mb:.2} MB/sec), {:.2} ms avg latency, \
         {:.2} ms max latency, {} ms 50th, {} ms 95th, {} ms 99th, {} ms 99.9th.",
        measured.total.records,
        average(&measured.total),
        measured.total.latency_ms_max as f64,
        percentile(500),
        percentile(950),
        percentile(990),
        percentile(999)
    )
}
