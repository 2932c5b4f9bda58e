//! `kafka-streams`: a running Kafka Streams application.
//!
//! Simplified: the real one is a program of one's own; here its steps are text.

use super::{Call, Program};
use crate::kafka::config::consumer::TOPOLOGY;
use crate::kafka::spec::{CommitMode, ConsumerSpec, Reads};
use crate::kafka::streams::Topology;
use crate::lab::Command;
use crate::shell::error::Refusal;
use crate::shell::job::Job;
use crate::shell::options::{Opt, many, once};
use crate::shell::values::{name, one_of, settings, span, wrong};
use crate::sim::Span;

static OPTIONS: [Opt; 5] = [
    once(&["--topology"], "STEPS", "what becomes of each record: 'from T | count S | to U'"),
    once(&["--application-id"], "ID", "its group, and the prefix of its internal topics (NAME)"),
    once(&["--guarantee"], "at_least_once|exactly_once_v2", "processing.guarantee (at_least_once)"),
    once(&["--process"], "DURATION", "what it needs for a record (0)"),
    many(
        &["--set"],
        "NAME=VALUE",
        "commit.interval.ms, or a setting of its consumer: session.timeout.ms...",
    ),
];

pub static PROGRAM: Program = Program {
    name: "kafka-streams",
    summary: "a client that reads, changes, counts and writes (Kafka Streams)",
    usage: &["kafka-streams NAME --topology STEPS [OPTION]..."],
    options: &[("", &OPTIONS)],
    notes: &[
        "Steps: from TOPIC[,TOPIC] | filter TEXT | filterNot TEXT | mapValues upper|lower|length |",
        "flatMapValues words | selectKey value|TEXT | branch TEXT TOPIC | count STORE [WINDOW] |",
        "to TOPIC, with | between them. Counts lie in ID-STORE-changelog; where keys change before",
        "they are counted, records go through ID-STORE-repartition.",
    ],
    plain: &[],
    reads_stdin: false,
    parse,
};

/// `exactly_once_v2` commits what a poll brought; at most so many records are a transaction.
const TRANSACTION_RECORDS: u32 = 1_000_000;

fn parse(call: &Call) -> Result<Job, Refusal> {
    let arguments = call.sort("kafka-streams", &OPTIONS)?;
    let name = name(arguments.word(0, "the application's name")?)?;
    arguments.at_most(1)?;
    let steps = arguments.required("--topology", "STEPS")?;
    let id = arguments.text("--application-id").unwrap_or_else(|| name.clone());
    let topology = Topology::parse(&id, &steps.text).map_err(|error| wrong(steps, &error))?;
    let guarantee = arguments.value("--guarantee", "at_least_once", |word| {
        one_of(word, &["at_least_once", "exactly_once_v2"])
    })?;
    let is_exact = guarantee == "exactly_once_v2";
    let mut settings = settings(&arguments.all("--set"))?;
    let mut set = |name: &str, value: &str| {
        settings.entry(name.to_owned()).or_insert_with(|| value.to_owned());
    };
    set(TOPOLOGY, &steps.text);
    set("auto.offset.reset", "earliest");
    set("allow.auto.create.topics", "false");
    set("partition.assignment.strategy", "cooperative-sticky");
    if is_exact {
        set("isolation.level", "read_committed");
        set("transactional.id", &format!("{id}-{name}-1"));
        set("transaction.timeout.ms", "10000");
    }
    let interval = settings.remove("commit.interval.ms");
    let interval = interval.unwrap_or_else(|| "30000".to_owned());
    settings.insert("auto.commit.interval.ms".to_owned(), interval);
    let mut topics = topology.sources().to_vec();
    topics.extend(topology.repartition());
    Ok(Job::quiet(Command::KafkaConsumer(ConsumerSpec {
        name,
        reads: Reads::Group { group: id, topics },
        work_per_batch: Span::ZERO,
        work_per_message: arguments.value("--process", Span::ZERO, span)?,
        batch: None,
        commit: match is_exact {
            true => CommitMode::After(TRANSACTION_RECORDS),
            false => CommitMode::Auto,
        },
        effect: None,
        is_share: false,
        to: None,
        stop_after: None,
        settings,
    })))
}
