//! `consumer`: a client that pulls from Kafka, or that RabbitMQ pushes to.

use super::{Call, Program};
use crate::kafka::config::consumer::{FAIL, MEMORY, ON_ERROR, RENEW};
use crate::kafka::spec::{CommitMode, ConsumerSpec as Pulls, Reads};
use crate::lab::Command;
use crate::rabbit::spec::{ConsumerSpec as IsPushedTo, OnError};
use crate::shell::error::{Mistake, Refusal};
use crate::shell::job::Job;
use crate::shell::lexer::Word;
use crate::shell::options::{Arguments, Opt, many, once};
use crate::shell::values::{bytes, lists, name, number, one_of, settings, span, wrong};
use crate::sim::Span;

/// More memory than a lab's client needs.
const MEMORY_MAX: u64 = 1 << 40;

static KAFKA: [Opt; 14] = [
    many(&["--kafka"], "TOPIC[,TOPIC]...", "topics it subscribes to"),
    once(&["--group"], "GROUP", "its consumer group"),
    once(&["--share-group"], "GROUP", "in its place: its share group, record by record"),
    once(&["--process"], "DURATION", "what its handler needs for a record (0)"),
    once(
        &["--work"],
        "DURATION+DURATION",
        "what its handler needs for a batch and for each record of it",
    ),
    once(&["--batch"], "N", "records of a poll at most (max.poll.records)"),
    once(&["--commit"], "auto|before|after[:N]|never", "when it commits (auto)"),
    once(&["--effect"], "NAME", "a counted side effect of each record"),
    once(&["--memory"], "BYTES", "past it the client dies, as a real one would; 10MB"),
    once(&["--fail"], "m4,m7|all", "with --share-group: messages on which its handler fails"),
    once(&["--on-error"], "release|reject", "with --share-group: what becomes of them (release)"),
    once(&["--renew"], "DURATION", "with --share-group: how often it renews its locks (Kafka 4.2)"),
    once(&["--to"], "TOPIC", "where it writes a result of each record"),
    many(
        &["--set"],
        "NAME=VALUE",
        "a client setting by its real name: auto.offset.reset, max.poll.records...",
    ),
];

static RABBIT: [Opt; 8] = [
    once(&["--rabbit"], "QUEUE", "the queue it consumes from"),
    once(&["--prefetch"], "N", "unacknowledged messages at most; 0 is without limit (0)"),
    once(
        &["--ack"],
        "manual|auto",
        "whether it acknowledges, or the broker takes it for granted (manual)",
    ),
    once(&["--process"], "DURATION", "what its handler needs for a message (0)"),
    once(&["--memory"], "BYTES", "past it the client dies, as a real one would; 10MB"),
    once(&["--on-error"], "requeue|reject|drop", "what it does when its handler fails (requeue)"),
    once(&["--effect"], "NAME", "a counted side effect of each message"),
    many(&["--set"], "NAME=VALUE", "a client setting by its real name"),
];

pub static PROGRAM: Program = Program {
    name: "consumer",
    summary: "a client that pulls (Kafka) or is pushed to (RabbitMQ)",
    usage: &[
        "consumer NAME --kafka TOPIC[,TOPIC]... --group GROUP [OPTION]...",
        "consumer NAME --rabbit QUEUE [OPTION]...",
    ],
    options: &[("with --kafka", &KAFKA), ("with --rabbit", &RABBIT)],
    notes: &[],
    plain: &[],
    reads_stdin: false,
    parse,
};

fn parse(call: &Call) -> Result<Job, Refusal> {
    let is =
        |side: &str| call.words.iter().find(|word| !word.quoted && word.text.starts_with(side));
    match (is("--kafka"), is("--rabbit")) {
        (None, None) => {
            let arguments =
                call.sort("consumer", &[]).or_else(|_| call.sort("consumer", &KAFKA))?;
            Err(arguments.missing("--kafka TOPIC or --rabbit QUEUE"))
        }
        (Some(_), Some(both)) => {
            let expected = "one side: two consumers for both";
            Err(Mistake::at(both.place, &both.text, expected).into())
        }
        (Some(_), None) => pulls(&call.sort("consumer --kafka", &KAFKA)?),
        (None, Some(_)) => is_pushed_to(&call.sort("consumer --rabbit", &RABBIT)?),
    }
}

fn pulls(arguments: &Arguments) -> Result<Job, Refusal> {
    let name = name(arguments.word(0, "the consumer's name")?)?;
    arguments.at_most(1)?;
    let topics = lists(&arguments.all("--kafka"))?;
    let share = arguments.one("--share-group");
    if let (Some(_), Some(both)) = (arguments.one("--group"), share) {
        return Err(wrong(both, "one of --group and --share-group"));
    }
    let group = match share {
        Some(word) => word.text.clone(),
        None => arguments.required("--group", "GROUP")?.text.clone(),
    };
    let process = arguments.maybe("--process", span)?;
    let (work_per_batch, work_per_message) = match (arguments.one("--work"), process) {
        (Some(word), Some(_)) => return Err(wrong(word, "one of --work and --process")),
        (Some(word), None) => work(word)?,
        (None, process) => (Span::ZERO, process.unwrap_or(Span::ZERO)),
    };
    let batch = arguments.maybe("--batch", |word| number(word, 1..=1_000_000))?;
    let mut settings = settings(&arguments.all("--set"))?;
    if let Some(memory) = arguments.maybe("--memory", |word| bytes(word, MEMORY_MAX))? {
        settings.insert(MEMORY.to_owned(), memory.to_string());
    }
    if share.is_none()
        && let Some(word) =
            ["--fail", "--on-error", "--renew"].iter().find_map(|name| arguments.one(name))
    {
        return Err(wrong(word, "--share-group: members of a consumer group commit offsets"));
    }
    let failing = [(FAIL, arguments.text("--fail")), (ON_ERROR, arguments.text("--on-error"))];
    for (name, value) in failing {
        settings.extend(value.map(|value| (name.to_owned(), value)));
    }
    if let Some(every) = arguments.maybe("--renew", span)? {
        settings.insert(RENEW.to_owned(), every.as_millis().to_string());
    }
    let mut default_commit = CommitMode::Auto;
    if settings.contains_key("transactional.id") {
        if arguments.one("--to").is_none() {
            return Err(arguments.missing("--to TOPIC: a transaction is of results and offsets"));
        }
        default_commit = CommitMode::After(1);
    }
    let mode = arguments.value("--commit", default_commit, commit)?;
    if let Some(word) = arguments.one("--commit")
        && settings.contains_key("transactional.id")
        && !matches!(mode, CommitMode::After(_))
    {
        return Err(wrong(word, "after or after:N: a transaction commits what was processed"));
    }
    Ok(Job::quiet(Command::KafkaConsumer(Pulls {
        name,
        reads: Reads::Group { group, topics },
        work_per_batch,
        work_per_message,
        batch: batch.map(|batch| batch as u32),
        commit: mode,
        effect: arguments.text("--effect"),
        is_share: share.is_some(),
        to: arguments.text("--to"),
        stop_after: None,
        settings,
    })))
}

fn is_pushed_to(arguments: &Arguments) -> Result<Job, Refusal> {
    let name = name(arguments.word(0, "the consumer's name")?)?;
    arguments.at_most(1)?;
    let queue = arguments.required("--rabbit", "QUEUE")?.text.clone();
    let prefetch = arguments.value("--prefetch", 0, |word| number(word, 0..=65_535))?;
    let ack = arguments.value("--ack", "manual", |word| one_of(word, &["manual", "auto"]))?;
    let on_error = arguments
        .value("--on-error", "requeue", |word| one_of(word, &["requeue", "reject", "drop"]))?;
    Ok(Job::quiet(Command::RabbitConsumer(IsPushedTo {
        name,
        queue,
        prefetch: prefetch as u16,
        auto_ack: ack == "auto",
        work_per_message: arguments.value("--process", Span::ZERO, span)?,
        memory: arguments.value("--memory", 0, |word| bytes(word, MEMORY_MAX))?,
        on_error: match on_error {
            "requeue" => OnError::Requeue,
            "reject" => OnError::Reject,
            _ => OnError::Drop,
        },
        effect: arguments.text("--effect"),
        settings: settings(&arguments.all("--set"))?,
    })))
}

/// `5ms+100us`: for each batch, and for each record.
fn work(word: &Word) -> Result<(Span, Span), Refusal> {
    let expected = "durations for a batch and for each record of it, such as 5ms+100us";
    let (batch, message) = word.text.split_once('+').ok_or_else(|| wrong(word, expected))?;
    let part = |text: &str| {
        let part = Word { text: text.to_owned(), ..word.clone() };
        span(&part).map_err(|_| wrong(word, expected))
    };
    Ok((part(batch)?, part(message)?))
}

/// `auto`, `before`, `after`, `after:10`, `never`.
fn commit(word: &Word) -> Result<CommitMode, Refusal> {
    let expected = "auto, before, after, after:N or never";
    match &*word.text {
        "auto" => Ok(CommitMode::Auto),
        "before" => Ok(CommitMode::Before),
        "after" => Ok(CommitMode::After(1)),
        "never" => Ok(CommitMode::Never),
        text => match text.strip_prefix("after:").and_then(|n| n.parse::<u32>().ok()) {
            Some(count) if count > 0 => Ok(CommitMode::After(count)),
            _ => Err(wrong(word, expected)),
        },
    }
}
