//! `rabbitmqctl`: the listing commands, with their columns. Output is that of the tool: two lines
//! about what it does, the names of the columns, then rows with tabs between.

use super::{Call, Plain, Program};
use crate::lab::{Command, LabError, Outcome};
use crate::rabbit::command::{Answer, Ask};
use crate::rabbit::inspect::{BindingState, ConsumerState, ExchangeState, QueueState};
use crate::shell::error::{Mistake, Refusal};
use crate::shell::job::{Job, unexpected};
use crate::shell::lexer::Word;
use crate::shell::options::{Arguments, Opt, ignored, later, once};

static OPTIONS: [Opt; 9] = [
    once(&["--quiet", "-q"], "", "no lines about what it does"),
    once(&["--silent", "-s"], "", "no such lines, and no names of columns"),
    once(&["--no-table-headers"], "", "no names of columns"),
    once(&["--vhost", "-p"], "/", "the virtual host; there is one"),
    later(&["--formatter"], "NAME"),
    later(&["--online", "--offline", "--local"], ""),
    ignored(&["--node", "-n"], "NODE"),
    ignored(&["--timeout", "-t"], "SECONDS"),
    ignored(&["--longnames", "-l"], ""),
];

pub static PROGRAM: Program = Program {
    name: "rabbitmqctl",
    summary: "list queues, exchanges, bindings and consumers",
    usage: &[
        "rabbitmqctl list_queues [COLUMN]...",
        "rabbitmqctl list_exchanges [COLUMN]...",
        "rabbitmqctl list_bindings [COLUMN]...",
        "rabbitmqctl list_consumers [COLUMN]...",
    ],
    options: &[("", &OPTIONS)],
    notes: &[
        "list_queues: name messages messages_ready messages_unacknowledged consumers type durable ...",
        "Not here yet: list_connections, set_vm_memory_high_watermark, set_policy, clear_policy, \
         status, stop_app, start_app.",
    ],
    plain: &[Plain::Words(&COMMANDS), Plain::Column(QUEUES.columns)],
    reads_stdin: false,
    parse,
};

const COMMANDS: [&str; 4] = ["list_queues", "list_exchanges", "list_bindings", "list_consumers"];

const LATER: [&str; 7] = [
    "list_connections",
    "set_vm_memory_high_watermark",
    "set_policy",
    "clear_policy",
    "status",
    "stop_app",
    "start_app",
];

/// A listing: its words, its columns, and those it shows if none are named.
struct Listing {
    command: &'static str,
    banner: &'static [&'static str],
    columns: &'static [&'static str],
    default: &'static [&'static str],
    ask: Ask,
}

const QUEUES: Listing = Listing {
    command: "list_queues",
    banner: &["Timeout: 60.0 seconds ...", "Listing queues for vhost / ..."],
    columns: &[
        "name",
        "durable",
        "auto_delete",
        "arguments",
        "policy",
        "operator_policy",
        "exclusive",
        "messages_ready",
        "messages_unacknowledged",
        "messages",
        "messages_ram",
        "message_bytes",
        "consumers",
        "consumer_utilisation",
        "consumer_capacity",
        "state",
        "type",
    ],
    default: &["name", "messages"],
    ask: Ask::ListQueues,
};

const EXCHANGES: Listing = Listing {
    command: "list_exchanges",
    banner: &["Listing exchanges for vhost / ..."],
    columns: &["name", "type", "durable", "auto_delete", "internal", "arguments", "policy"],
    default: &["name", "type"],
    ask: Ask::ListExchanges,
};

const BINDINGS: Listing = Listing {
    command: "list_bindings",
    banner: &["Listing bindings for vhost /..."],
    columns: &[
        "source_name",
        "source_kind",
        "destination_name",
        "destination_kind",
        "routing_key",
        "arguments",
    ],
    default: &[
        "source_name",
        "source_kind",
        "destination_name",
        "destination_kind",
        "routing_key",
        "arguments",
    ],
    ask: Ask::ListBindings,
};

const CONSUMERS: Listing = Listing {
    command: "list_consumers",
    banner: &["Listing consumers in vhost / ..."],
    columns: &[
        "queue_name",
        "channel_pid",
        "consumer_tag",
        "ack_required",
        "prefetch_count",
        "active",
        "activity_status",
        "arguments",
    ],
    default: &[
        "queue_name",
        "channel_pid",
        "consumer_tag",
        "ack_required",
        "prefetch_count",
        "active",
        "arguments",
    ],
    ask: Ask::ListConsumers,
};

fn parse(call: &Call) -> Result<Job, Refusal> {
    let arguments = call.sort("rabbitmqctl", &OPTIONS)?;
    let command = arguments.word(0, "a command such as list_queues")?;
    let listing = match &*command.text {
        "list_queues" => QUEUES,
        "list_exchanges" => EXCHANGES,
        "list_bindings" => BINDINGS,
        "list_consumers" => CONSUMERS,
        later if LATER.contains(&later) => {
            return Err(Refusal::NotHereYet(format!("rabbitmqctl {later}")));
        }
        unknown => {
            let expected = "a command of rabbitmqctl";
            let mistake = Mistake::at(command.place, unknown, expected);
            return Err(mistake.near(COMMANDS.into_iter().chain(LATER)).into());
        }
    };
    if let Some(vhost) = arguments.one("--vhost").filter(|word| word.text != "/") {
        return Err(Mistake::at(vhost.place, &vhost.text, "/, the one virtual host").into());
    }
    list(listing, &arguments)
}

fn list(listing: Listing, arguments: &Arguments) -> Result<Job, Refusal> {
    let mut columns = Vec::new();
    for word in &arguments.plain[1..] {
        columns.extend(self::columns(&listing, word)?);
    }
    if columns.is_empty() {
        columns = listing.default.to_vec();
    }
    let silent = arguments.has("--silent");
    let header = !silent && !arguments.has("--no-table-headers");
    let banner = if silent || arguments.has("--quiet") { &[] } else { listing.banner };
    Ok(Job::of(Command::Rabbit(listing.ask), move |result| {
        let rows = match result {
            Ok(Outcome::Rabbit(answer)) => rows(&answer, &columns),
            Ok(other) => return Ok(unexpected(&other)),
            Err(LabError::Rabbit(error)) => return Err(format!("Error:\n{error}")),
            Err(other) => return Err(other.to_string()),
        };
        let mut lines: Vec<String> = banner.iter().map(|line| (*line).to_owned()).collect();
        // Without a row the tool does not know the columns either.
        if header && !rows.is_empty() {
            lines.push(columns.join("\t"));
        }
        lines.extend(rows);
        Ok(lines)
    }))
}

/// The columns that a word names, several with commas between.
fn columns(listing: &Listing, word: &Word) -> Result<Vec<&'static str>, Refusal> {
    let find = |name: &str| {
        listing.columns.iter().find(|column| **column == name).copied().ok_or_else(|| {
            let expected = format!("a column of {}", listing.command);
            Mistake::at(word.place, name, expected)
                .near(listing.columns.iter().copied())
                .hint(format!("Info key(s) {name} are not supported"))
                .into()
        })
    };
    word.text.split(',').filter(|name| !name.is_empty()).map(|name| find(name.trim())).collect()
}

fn rows(answer: &Answer, columns: &[&'static str]) -> Vec<String> {
    fn lines<T>(all: &[T], columns: &[&'static str], cell: fn(&T, &str) -> String) -> Vec<String> {
        let line = |row| columns.iter().map(|column| cell(row, column)).collect::<Vec<_>>();
        all.iter().map(|row| line(row).join("\t")).collect()
    }
    match answer {
        Answer::Queues(all) => lines(all, columns, queue_cell),
        Answer::Exchanges(all) => lines(all, columns, exchange_cell),
        Answer::Bindings(all) => lines(all, columns, binding_cell),
        Answer::Consumers(all) => lines(all, columns, consumer_cell),
        other => vec![format!("the lab answered with something else: {other:?}")],
    }
}

fn queue_cell(queue: &QueueState, column: &str) -> String {
    match column {
        "name" => queue.name.clone(),
        "durable" => queue.durable.to_string(),
        "auto_delete" => queue.auto_delete.to_string(),
        "arguments" => "[]".into(),
        "exclusive" => "false".into(),
        "messages_ready" => queue.ready.to_string(),
        "messages_unacknowledged" => queue.unacked.to_string(),
        "messages" => (queue.ready + queue.unacked).to_string(),
        "messages_ram" => queue.in_memory.to_string(),
        "message_bytes" => queue.bytes.to_string(),
        "consumers" => queue.consumers.len().to_string(),
        "consumer_utilisation" | "consumer_capacity" => format!("{:?}", queue.consumer_utilisation),
        "state" => "running".into(),
        "type" => queue.kind.clone(),
        _ => String::new(),
    }
}

fn exchange_cell(exchange: &ExchangeState, column: &str) -> String {
    match column {
        "name" => exchange.name.clone(),
        "type" => exchange.kind.clone(),
        "durable" => exchange.durable.to_string(),
        "auto_delete" => exchange.auto_delete.to_string(),
        "internal" => "false".into(),
        "arguments" => "[]".into(),
        _ => String::new(),
    }
}

fn binding_cell(binding: &BindingState, column: &str) -> String {
    match column {
        "source_name" => binding.source.clone(),
        "source_kind" => "exchange".into(),
        "destination_name" => binding.destination.clone(),
        "destination_kind" => "queue".into(),
        "routing_key" => binding.key.clone(),
        _ => "[]".into(),
    }
}

fn consumer_cell(consumer: &ConsumerState, column: &str) -> String {
    match column {
        "queue_name" => consumer.queue.clone(),
        // A process of Erlang; a fixed one stands in for it.
        "channel_pid" => "<rabbit@rabbit-1.1700000000.1000.0>".into(),
        "consumer_tag" => consumer.tag.clone(),
        "ack_required" => consumer.ack_required.to_string(),
        "prefetch_count" => consumer.prefetch.to_string(),
        "active" => "true".into(),
        "activity_status" => "up".into(),
        _ => "[]".into(),
    }
}
