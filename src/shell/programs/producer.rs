//! `producer`: a running client that sends the same numbered messages to every side named.

use super::{Call, Program};
use crate::kafka::config::producer::{TRANSACTION_ABORTS, TRANSACTION_RECORDS};
use crate::lab::Command;
use crate::lab::command::{ProducerCommand, RabbitTarget};
use crate::shell::error::{Mistake, Refusal};
use crate::shell::job::Job;
use crate::shell::lexer::Word;
use crate::shell::options::{Opt, many, once};
use crate::shell::values::{bytes, keys, lists, name, number, rate, settings, wrong};
use crate::sim::Span;

/// The ledger stays small up to so many messages.
const COUNT_MAX: u64 = 10_000_000;

/// The largest message that either broker takes by default is smaller.
const SIZE_MAX: u64 = 16 << 20;

static OPTIONS: [Opt; 10] = [
    many(&["--kafka"], "TOPIC", "a topic that each message goes to"),
    many(
        &["--rabbit"],
        "EXCHANGE[/KEY]",
        "an exchange that each message goes to; /q is the queue q",
    ),
    once(&["--count"], "N", "how many messages; without end if it is not given"),
    once(&["--rate"], "N/s", "how often; all at once if --count is given, else 1/s"),
    once(&["--size"], "BYTES", "the size of each body"),
    once(&["--keys"], "LIST", "a,b,c or user-1..user-6, taken in turn; none (none)"),
    once(&["--payload"], "TEXT", "the text of each body (message N)"),
    once(
        &["--transaction"],
        "N",
        "Kafka: commits after each N messages (1); --set transactional.id=... is its NAME if not given",
    ),
    once(
        &["--abort-every"],
        "N",
        "every Nth transaction is aborted in place of committed (0: none)",
    ),
    many(
        &["--set"],
        "NAME=VALUE",
        "a client setting by its real name: acks, linger.ms, confirm, mandatory...",
    ),
];

pub static PROGRAM: Program = Program {
    name: "producer",
    summary: "a client that sends the same numbered messages to every side named",
    usage: &["producer NAME [--kafka TOPIC]... [--rabbit EXCHANGE[/KEY]]... [OPTION]..."],
    options: &[("", &OPTIONS)],
    notes: &["A producer of this name that has sent all goes on with the next number."],
    plain: &[],
    reads_stdin: false,
    parse,
};

fn parse(call: &Call) -> Result<Job, Refusal> {
    let arguments = call.sort("producer", &OPTIONS)?;
    let name = name(arguments.word(0, "the producer's name")?)?;
    arguments.at_most(1)?;
    let kafka = lists(&arguments.all("--kafka"))?;
    let rabbit: Vec<RabbitTarget> =
        arguments.all("--rabbit").into_iter().map(target).collect::<Result<_, _>>()?;
    if kafka.is_empty() && rabbit.is_empty() {
        return Err(arguments.missing("--kafka TOPIC or --rabbit EXCHANGE[/KEY]"));
    }
    let count = arguments.maybe("--count", |word| number(word, 1..=COUNT_MAX))?;
    let every = if count.is_some() { Span::ZERO } else { Span::seconds(1) };
    let size = arguments.maybe("--size", |word| bytes(word, SIZE_MAX))?;
    if let (Some(_), Some(payload)) = (size, arguments.one("--payload")) {
        return Err(Mistake::at(payload.place, "--payload", "one of --size and --payload").into());
    }
    let mut settings = settings(&arguments.all("--set"))?;
    let records = arguments.maybe("--transaction", |word| number(word, 1..=COUNT_MAX))?;
    let aborts = arguments.maybe("--abort-every", |word| number(word, 0..=COUNT_MAX))?;
    if let Some(first) = ["--transaction", "--abort-every"].into_iter().find(|o| arguments.has(o)) {
        if let (true, Some(word)) = (kafka.is_empty(), arguments.one(first)) {
            return Err(wrong(word, "--kafka TOPIC too: transactions are Kafka's"));
        }
        settings.entry("transactional.id".to_owned()).or_insert_with(|| name.clone());
    }
    for (setting, value) in [(TRANSACTION_RECORDS, records), (TRANSACTION_ABORTS, aborts)] {
        if let Some(value) = value {
            settings.insert(setting.to_owned(), value.to_string());
        }
    }
    Ok(Job::quiet(Command::Producer(ProducerCommand {
        name,
        kafka,
        rabbit,
        count,
        every: arguments.value("--rate", every, rate)?,
        size: size.map(|size| size as usize),
        keys: arguments.value("--keys", Vec::new(), keys)?,
        payload: arguments.text("--payload"),
        settings,
    })))
}

/// `EXCHANGE`, `EXCHANGE/KEY`, `/QUEUE`.
fn target(word: &Word) -> Result<RabbitTarget, Refusal> {
    // Destinations of JMS.
    let text = word.text.replacen("queue://", "/", 1);
    let (exchange, key) = match text.split_once('/') {
        _ if text.starts_with("topic://") => (&*text, None),
        Some((exchange, key)) => (exchange, Some(key.to_owned())),
        None => (&*text, None),
    };
    if exchange.is_empty() && key.as_deref().is_none_or(str::is_empty) {
        return Err(Mistake::at(word.place, &word.text, "EXCHANGE, EXCHANGE/KEY or /QUEUE").into());
    }
    Ok(RabbitTarget { exchange: exchange.to_owned(), key })
}
