//! `rabbitmqctl`: lists with their columns, policies, limits, and the life of the application.
//! Output is that of the tool: a line or two about what it does, the names of the columns, then
//! rows with tabs between.

mod acts;
mod cells;
mod columns;
pub mod status;

use super::{Call, Plain, Program};
use crate::lab::{Command, LabError, Outcome};
use crate::ordered::BTreeSet;
use crate::rabbit::admin::NO_ANSWER;
use crate::rabbit::broker::METADATA_TIMEOUT;
use crate::rabbit::command::{AmqpError, Ask};
use crate::shell::error::{Mistake, Refusal};
use crate::shell::job::{Job, unexpected};
use crate::shell::lexer::Word;
use crate::shell::options::{Arguments, Opt, ignored, later, once};
use crate::shell::values::{one_of, wrong};
use cells::Cell;

pub(super) static OPTIONS: [Opt; 13] = [
    once(&["--quiet", "-q"], "", "no lines about what it does"),
    once(&["--silent", "-s"], "", "no such lines, and no names of columns"),
    once(&["--no-table-headers"], "", "no names of columns"),
    once(&["--vhost", "-p"], "/", "the virtual host; there is one"),
    once(&["--priority"], "N", "set_policy: the highest one that matches holds (0)"),
    once(
        &["--apply-to"],
        "WHAT",
        "set_policy: all, queues, classic_queues, quorum_queues, streams or exchanges (all)",
    ),
    once(&["--formatter"], "NAME", "lists: table, json or csv (table)"),
    once(&["--if-empty", "-e"], "", "delete_queue: only if nothing waits in it"),
    once(&["--if-unused", "-u"], "", "delete_queue: only if it has no consumer"),
    later(&["--online", "--offline", "--local"], ""),
    once(&["--node", "-n"], "NODE", "the node to ask: rabbit@rabbit-2 (the first that answers)"),
    ignored(&["--timeout", "-t"], "SECONDS"),
    ignored(&["--longnames", "-l"], ""),
];

pub static PROGRAM: Program = Program {
    name: "rabbitmqctl",
    summary: "lists, policies, limits of memory and disk, and the application's life",
    usage: &[
        "rabbitmqctl list_queues [COLUMN]...",
        "rabbitmqctl list_exchanges|list_bindings|list_consumers [COLUMN]...",
        "rabbitmqctl list_connections|list_channels [COLUMN]...",
        "rabbitmqctl list_policies|list_operator_policies",
        "rabbitmqctl purge_queue QUEUE",
        "rabbitmqctl delete_queue QUEUE [--if-empty] [--if-unused]",
        "rabbitmqctl sync_queue|cancel_sync_queue QUEUE",
        "rabbitmqctl set_policy [--priority N] [--apply-to WHAT] NAME PATTERN DEFINITION",
        "rabbitmqctl clear_policy NAME",
        "rabbitmqctl set_operator_policy [--priority N] [--apply-to WHAT] NAME PATTERN DEFINITION",
        "rabbitmqctl clear_operator_policy NAME",
        "rabbitmqctl set_vm_memory_high_watermark FRACTION",
        "rabbitmqctl set_vm_memory_high_watermark absolute BYTES",
        "rabbitmqctl set_disk_free_limit BYTES",
        "rabbitmqctl status|cluster_status",
        "rabbitmqctl stop_app|start_app",
    ],
    options: &[("", &OPTIONS)],
    notes: &[
        "list_queues: name messages messages_ready messages_unacknowledged consumers type durable ...",
        "A definition is JSON in single quotes: '{\"max-length\": 10}'.",
    ],
    plain: &[Plain::Words(&COMMANDS), Plain::Column(QUEUES.columns)],
    reads_stdin: false,
    parse,
};

const COMMANDS: [&str; 23] = [
    "list_queues",
    "list_exchanges",
    "list_bindings",
    "list_consumers",
    "list_connections",
    "list_channels",
    "list_policies",
    "list_operator_policies",
    "purge_queue",
    "delete_queue",
    "sync_queue",
    "cancel_sync_queue",
    "set_policy",
    "clear_policy",
    "set_operator_policy",
    "clear_operator_policy",
    "set_vm_memory_high_watermark",
    "set_disk_free_limit",
    "status",
    "cluster_status",
    "ping",
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
        "message_bytes_ready",
        "message_bytes_unacknowledged",
        "memory",
        "slave_pids",
        "synchronised_slave_pids",
        "consumers",
        "consumer_utilisation",
        "consumer_capacity",
        "state",
        "type",
        "leader",
        "members",
        "online",
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

const CONNECTIONS: Listing = Listing {
    command: "list_connections",
    banner: &["Listing connections ..."],
    columns: &[
        "user",
        "peer_host",
        "peer_port",
        "state",
        "name",
        "channels",
        "protocol",
        "vhost",
        "client_properties",
    ],
    default: &["user", "peer_host", "peer_port", "state"],
    ask: Ask::ListConnections,
};

const CHANNELS: Listing = Listing {
    command: "list_channels",
    banner: &["Listing channels ..."],
    columns: &[
        "pid",
        "connection",
        "name",
        "number",
        "user",
        "vhost",
        "transactional",
        "confirm",
        "consumer_count",
        "messages_unacknowledged",
        "messages_uncommitted",
        "acks_uncommitted",
        "messages_unconfirmed",
        "prefetch_count",
    ],
    default: &["pid", "user", "consumer_count", "messages_unacknowledged"],
    ask: Ask::ListChannels,
};

const POLICY_COLUMNS: &[&str] = &["vhost", "name", "pattern", "apply-to", "definition", "priority"];

const POLICIES: Listing = Listing {
    command: "list_policies",
    banner: &["Listing policies for vhost \"/\" ..."],
    columns: POLICY_COLUMNS,
    default: POLICY_COLUMNS,
    ask: Ask::ListPolicies { operator: false },
};

const OPERATOR_POLICIES: Listing = Listing {
    command: "list_operator_policies",
    banner: &["Listing operator policy overrides for vhost \"/\" ..."],
    columns: POLICY_COLUMNS,
    default: POLICY_COLUMNS,
    ask: Ask::ListPolicies { operator: true },
};

fn parse(call: &Call) -> Result<Job, Refusal> {
    let arguments = call.sort("rabbitmqctl", &OPTIONS)?;
    let command = arguments.word(0, "a command such as list_queues")?;
    one_vhost(&arguments)?;
    if let Some(job) = observing(&arguments) {
        return job;
    }
    match &*command.text {
        "set_policy" => acts::set_policy(&arguments, false),
        "set_operator_policy" => acts::set_policy(&arguments, true),
        "clear_policy" => acts::clear_policy(&arguments, false),
        "clear_operator_policy" => acts::clear_policy(&arguments, true),
        "set_vm_memory_high_watermark" => acts::set_memory(&arguments),
        "set_disk_free_limit" => acts::set_disk(&arguments),
        "purge_queue" => acts::purge_queue(&arguments),
        "delete_queue" => acts::delete_queue(&arguments),
        "sync_queue" | "cancel_sync_queue" => acts::synchronise(&arguments),
        "stop_app" | "start_app" => acts::application(&arguments),
        unknown => {
            let expected = "a command of rabbitmqctl";
            Err(Mistake::at(command.place, unknown, expected).near(COMMANDS).into())
        }
    }
}

/// The lab has one virtual host: another one is a mistake, at its place.
pub(super) fn one_vhost(arguments: &Arguments) -> Result<(), Refusal> {
    match arguments.one("--vhost").filter(|word| word.text != "/") {
        Some(vhost) => Err(Mistake::at(vhost.place, &vhost.text, "/, the one virtual host").into()),
        None => Ok(()),
    }
}

/// The commands that look and change nothing: `rabbitmq-diagnostics` has them too.
pub(super) fn observing(arguments: &Arguments) -> Option<Result<Job, Refusal>> {
    let listing = match &*arguments.plain.first()?.text {
        "list_queues" => QUEUES,
        "list_exchanges" => EXCHANGES,
        "list_bindings" => BINDINGS,
        "list_consumers" => CONSUMERS,
        "list_connections" => CONNECTIONS,
        "list_channels" => CHANNELS,
        "list_policies" => POLICIES,
        "list_operator_policies" => OPERATOR_POLICIES,
        "status" => return Some(status::status(arguments)),
        "cluster_status" => return Some(status::cluster_status(arguments)),
        "ping" => return Some(status::ping(arguments)),
        _ => return None,
    };
    Some(list(listing, arguments))
}

/// The number of the node that `--node` names: 2 for `rabbit@rabbit-2`.
pub(super) fn node_number(arguments: &Arguments) -> Result<Option<u32>, Refusal> {
    arguments.maybe("--node", |word| {
        let name = word.text.strip_prefix("rabbit@").unwrap_or(&word.text);
        let number = name.strip_prefix("rabbit-").and_then(|number| number.parse().ok());
        number
            .filter(|number| *number > 0)
            .ok_or_else(|| wrong(word, "a node such as rabbit@rabbit-2"))
    })
}

/// The name of the node that `--node` names, or of the first.
pub fn named_node(arguments: &Arguments) -> Result<String, Refusal> {
    let number = node_number(arguments)?.unwrap_or(1);
    Ok(node_name(&format!("rabbit-{number}")))
}

/// A question for the node that `--node` names, or for any.
pub fn at_node(arguments: &Arguments, ask: Ask) -> Result<Ask, Refusal> {
    let number = node_number(arguments)?;
    Ok(match number {
        Some(number) => Ask::On(number, Box::new(ask)),
        None => ask,
    })
}

/// What the node says when it refuses, as the tool prints it.
pub fn failure(error: &AmqpError, node: &str, command: &str) -> String {
    if error.code == 320 && error.text.ends_with(NO_ANSWER) {
        let late = format!("Error: operation {command} on node {node} timed out.");
        return match command {
            "list_queues" => format!(
                "{late} Timeout value used: 60.0. Some queue(s) are unresponsive, use \
                 list_unresponsive_queues command."
            ),
            _ => format!("{late} Timeout value used: 60000"),
        };
    }
    if error.code == 320 {
        // The first of many lines that all say the same.
        return format!(
            "Error: unable to perform an operation on node '{node}'. Please see diagnostics \
             information and suggestions below."
        );
    }
    let reason = error.text.split_once(" - ").map_or(&*error.text, |(_, reason)| reason);
    if reason == METADATA_TIMEOUT {
        return format!(
            "Error:\nKhepri has timed out on node {node}.\nKhepri cluster could be in minority."
        );
    }
    format!("Error:\n{reason}")
}

fn list(listing: Listing, arguments: &Arguments) -> Result<Job, Refusal> {
    let mut columns = Vec::new();
    for word in &arguments.plain[1..] {
        columns.extend(self::columns(&listing, word)?);
    }
    if columns.is_empty() {
        columns = listing.default.to_vec();
    }
    let mut known = BTreeSet::new();
    columns.retain(|column| known.insert(*column));
    if listing.command == "list_consumers" {
        // The node sends consumers with their columns in an order of its own.
        let all = listing.columns.iter().copied();
        columns = all.filter(|column| known.contains(column)).collect();
    }
    let format =
        arguments.value("--formatter", "table", |word| one_of(word, &["table", "json", "csv"]))?;
    let is_table = format == "table";
    let silent = arguments.has("--silent");
    let header = !silent && !arguments.has("--no-table-headers");
    let quiet = silent || arguments.has("--quiet") || !is_table;
    let banner = if quiet { &[] } else { listing.banner };
    let node = named_node(arguments)?;
    let ask = at_node(arguments, listing.ask)?;
    Ok(Job::of(Command::Rabbit(ask), move |result| {
        let rows = match result {
            Ok(Outcome::Rabbit(answer)) => columns::rows(&answer, &columns),
            Ok(other) => return Ok(unexpected(&other)),
            Err(LabError::Rabbit(error)) => return Err(failure(&error, &node, listing.command)),
            Err(other) => return Err(other.to_string()),
        };
        let mut lines: Vec<String> = banner.iter().map(|line| (*line).to_owned()).collect();
        if format == "json" {
            lines.extend(json(&columns, &rows));
            return Ok(lines);
        }
        let row = |row: &Vec<String>| match is_table {
            true => row.join("\t"),
            false => row.iter().map(|cell| csv_cell(cell)).collect::<Vec<_>>().join(","),
        };
        let texts = |cells: &Vec<Cell>| cells.iter().map(Cell::text).collect::<Vec<String>>();
        // Without a row the tool does not know the columns either.
        if header && !rows.is_empty() {
            lines.push(row(&columns.iter().map(|name| (*name).to_owned()).collect()));
        }
        lines.extend(rows.iter().map(texts).map(|texts| row(&texts)));
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

/// An object a line, as the tool streams them.
fn json(columns: &[&'static str], rows: &[Vec<Cell>]) -> Vec<String> {
    let mut lines = vec!["[".to_owned()];
    lines.extend(rows.iter().enumerate().map(|(index, row)| {
        let cells = columns.iter().zip(row);
        let cells: Vec<String> =
            cells.map(|(name, cell)| format!("\"{name}\":{}", cell.json())).collect();
        format!("{}{{{}}}", if index > 0 { "," } else { "" }, cells.join(","))
    }));
    lines.push("]".to_owned());
    lines
}

/// Numbers too stand in quotes, as the tool has it.
fn csv_cell(cell: &str) -> String {
    format!("\"{}\"", cell.replace('"', "\"\""))
}

/// A node's name as Erlang knows it.
pub fn node_name(node: &str) -> String {
    format!("rabbit@{node}")
}
