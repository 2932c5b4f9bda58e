//! `rabbitmq-queues`: members of quorum queues, and who leads. Output is that of the tool.

use super::rabbitmqctl::{at_node, failure, named_node, node_name, one_vhost};
use super::{Call, Plain, Program};
use crate::lab::{Command, LabError, Outcome};
use crate::rabbit::command::{AmqpError, Answer, Ask, Members, Of};
use crate::rabbit::inspect::{MemberState, lost_without};
use crate::shell::error::{Mistake, Refusal};
use crate::shell::job::{Job, unexpected};
use crate::shell::lexer::Word;
use crate::shell::options::{Arguments, Opt, ignored, later, once};
use crate::shell::table::boxed;
use crate::shell::values::{one_of, wrong};

static OPTIONS: [Opt; 10] = [
    once(&["--quiet", "-q"], "", "no lines about what it does"),
    once(&["--silent", "-s"], "", "no such lines, and no names of columns"),
    once(&["--vhost", "-p"], "/", "the virtual host; there is one"),
    once(&["--membership"], "WHAT", "add_member, grow: promotable or voter (promotable)"),
    once(&["--queue-pattern"], "PATTERN", "grow, rebalance: queues with such names (.*)"),
    ignored(&["--vhost-pattern"], "PATTERN"),
    once(&["--errors-only"], "", "grow, shrink: only queues that stayed as they were"),
    later(&["--formatter"], "NAME"),
    once(&["--node", "-n"], "NODE", "the node to ask: rabbit@rabbit-2 (the first that answers)"),
    ignored(&["--timeout", "-t"], "SECONDS"),
];

pub static PROGRAM: Program = Program {
    name: "rabbitmq-queues",
    summary: "members of quorum queues, and who leads",
    usage: &[
        "rabbitmq-queues quorum_status QUEUE",
        "rabbitmq-queues add_member|delete_member QUEUE NODE",
        "rabbitmq-queues grow NODE all|even [--queue-pattern PATTERN]",
        "rabbitmq-queues shrink NODE",
        "rabbitmq-queues rebalance all|quorum [--queue-pattern PATTERN]",
        "rabbitmq-queues transfer_leadership QUEUE NODE",
        "rabbitmq-queues check_if_node_is_quorum_critical",
    ],
    options: &[("", &OPTIONS)],
    notes: &[],
    plain: &[Plain::Words(&COMMANDS), Plain::Queue],
    reads_stdin: false,
    parse,
};

const COMMANDS: [&str; 8] = [
    "quorum_status",
    "add_member",
    "delete_member",
    "grow",
    "shrink",
    "rebalance",
    "transfer_leadership",
    "check_if_node_is_quorum_critical",
];

/// What the tool says of a stream that is not there.
const NO_STREAM: &str = "Object (queue, stream, exchange, etc) was not found";

/// The version of the queue's state machine in 4.2.
const MACHINE_VERSION: &str = "7";

fn parse(call: &Call) -> Result<Job, Refusal> {
    let arguments = call.sort("rabbitmq-queues", &OPTIONS)?;
    let command = arguments.word(0, "a command such as quorum_status")?;
    one_vhost(&arguments)?;
    match &*command.text {
        "quorum_status" => status(&arguments, &QUORUM),
        "add_member" => one(&arguments, (true, votes(&arguments)?, "member"), Of::Queue),
        "delete_member" => one(&arguments, (false, true, "member"), Of::Queue),
        "grow" => grow(&arguments),
        "shrink" => shrink(&arguments),
        "rebalance" => rebalance(&arguments),
        "transfer_leadership" => transfer(&arguments),
        "check_if_node_is_quorum_critical" => critical(&arguments),
        unknown => {
            let expected = "a command of rabbitmq-queues";
            Err(Mistake::at(command.place, unknown, expected).near(COMMANDS).into())
        }
    }
}

/// The number of the node that a word names: 2 for `rabbit@rabbit-2`.
pub fn number(word: &Word) -> Result<u32, Refusal> {
    let name = word.text.strip_prefix("rabbit@").unwrap_or(&word.text);
    let number = name.strip_prefix("rabbit-").and_then(|number| number.parse().ok());
    let number = number.filter(|number| *number > 0);
    number.ok_or_else(|| wrong(word, "a node such as rabbit@rabbit-2"))
}

/// What goes wrong with a queue that a command names, and a node.
fn sentence(error: &AmqpError, queue: &str, about: &str, node: &str, command: &str) -> String {
    let says = |reason: &str| error.text.ends_with(reason);
    let replicas = match command {
        "add_replica" => Some("Cannot add replicas to"),
        "delete_replica" => Some("Cannot delete replicas from"),
        _ => None,
    };
    if let Some(cannot) = replicas {
        if error.code == 404 {
            return NO_STREAM.into();
        }
        if let Some(kind) = ["classic", "quorum"]
            .into_iter()
            .find(|kind| says(&format!("{kind}_queue_not_supported")))
        {
            return format!("Error:\n{cannot} a {kind} queue");
        }
        if says("last_stream_member") {
            return "Error:\nCannot delete the last member of a stream".into();
        }
    }
    if command == "delete_queue" {
        let reason = [(" not empty", "not empty"), (" in use", "in use")];
        if let Some((_, what)) = reason.into_iter().find(|(end, _)| says(end)) {
            return format!("Error:\nThe queue is {what}");
        }
        if error.code == 404 {
            return "Error:\nNo such queue was found".into();
        }
    }
    if error.code == 404 && matches!(command, "restart_stream" | "purge_queue") {
        return NO_STREAM.into();
    }
    if command == "transfer_leadership" && says("_queue}") {
        let kind = if says("quorum_queue}") { "quorum" } else { "classic" };
        return format!("Error:\nCannot transfer leadership of a {kind} queue");
    }
    if error.code == 404 {
        return format!("queue '{queue}' was not found in virtual host '/'");
    }
    if says("not_a_cluster_member") {
        return format!("Error: node {about} is not a member of the cluster");
    }
    if says("already_leader") {
        return "Error:\nThe target node is already the leader of this queue".into();
    }
    if says(" - timeout") {
        return format!(
            "Error: operation {command} on node {node} timed out. Timeout value used: 5000"
        );
    }
    failure(error, node, command)
}

/// A job that asks a node. The banner comes first; then what the answer comes to.
pub fn asking(
    arguments: &Arguments,
    banner: String,
    (queue, about): (String, String),
    ask: Ask,
    lines: impl Fn(Answer) -> Result<Vec<String>, String> + 'static,
) -> Result<Job, Refusal> {
    let is_quiet = arguments.has("--quiet") || arguments.has("--silent");
    let node = named_node(arguments)?;
    let command = arguments.word(0, "a command")?.text.clone();
    let ask = at_node(arguments, ask)?;
    Ok(Job::of(Command::Rabbit(ask), move |result| match result {
        Ok(Outcome::Rabbit(answer)) => {
            let lines = lines(answer)?;
            let banner = banner.lines().filter(|_| !is_quiet).map(str::to_owned);
            Ok(banner.chain(lines).collect())
        }
        Ok(other) => Ok(unexpected(&other)),
        Err(LabError::Rabbit(error)) => Err(sentence(&error, &queue, &about, &node, &command)),
        Err(other) => Err(other.to_string()),
    }))
}

// ---- members ----

/// True if `--membership` wants a vote at once.
fn votes(arguments: &Arguments) -> Result<bool, Refusal> {
    let membership = arguments.one("--membership");
    let membership = membership.map(|word| one_of(word, &["promotable", "voter"])).transpose()?;
    Ok(membership == Some("voter"))
}

/// A member of one queue or stream comes or goes: `what` is that word of the tool.
pub fn one(
    arguments: &Arguments,
    (adds, votes, what): (bool, bool, &'static str),
    of: fn(String) -> Of,
) -> Result<Job, Refusal> {
    let queue = arguments.word(1, "a queue")?.text.clone();
    let node = arguments.word(2, "a node such as rabbit@rabbit-2")?;
    arguments.at_most(3)?;
    let about = node.text.clone();
    let banner = match adds {
        true => format!("Adding a {what} for queue {queue} on node {about}..."),
        false => format!("Removing a replica of queue {queue} on node {about}..."),
    };
    let of = of(queue.clone());
    let ask = Ask::Members(Members { node: number(node)?, adds, votes, of });
    asking(arguments, banner, (queue, about), ask, |_| Ok(Vec::new()))
}

fn grow(arguments: &Arguments) -> Result<Job, Refusal> {
    let node = arguments.word(1, "a node such as rabbit@rabbit-2")?;
    let strategy = arguments.word(2, "all or even")?;
    arguments.at_most(3)?;
    let even = one_of(strategy, &["all", "even"])? == "even";
    let banner = format!("Growing {} queues on {}...", strategy.text, node.text);
    let pattern = arguments.text("--queue-pattern").unwrap_or_else(|| ".*".into());
    let of = Of::Matching { pattern, even };
    resizing(
        arguments,
        banner,
        node,
        Members { node: number(node)?, adds: true, votes: votes(arguments)?, of },
    )
}

fn shrink(arguments: &Arguments) -> Result<Job, Refusal> {
    let node = arguments.word(1, "a node such as rabbit@rabbit-2")?;
    arguments.at_most(2)?;
    let banner = format!("Shrinking queues on {}...", node.text);
    let of = Of::Matching { pattern: ".*".into(), even: false };
    resizing(
        arguments,
        banner,
        node,
        Members { node: number(node)?, adds: false, votes: false, of },
    )
}

fn resizing(
    arguments: &Arguments,
    banner: String,
    node: &Word,
    members: Members,
) -> Result<Job, Refusal> {
    let has_header = !arguments.has("--silent");
    let errors_only = arguments.has("--errors-only");
    let names = (String::new(), node.text.clone());
    asking(arguments, banner, names, Ask::Members(members), move |answer| {
        let Answer::Resized(all) = answer else { return Ok(Vec::new()) };
        let all = all.into_iter().filter(|(_, _, fails)| !errors_only || fails.is_some());
        let rows: Vec<String> = all
            .map(|(name, size, fails)| {
                let size = if fails == Some("timeout") { "?".into() } else { size.to_string() };
                let result = match fails {
                    None => "ok".into(),
                    Some("timeout") => {
                        "error: the operation timed out and may not have been completed".into()
                    }
                    Some("last_node") => "error: the last node cannot be removed".into(),
                    Some(reason) => format!("error: {reason}"),
                };
                format!("/\t{name}\t{size}\t{result}")
            })
            .collect();
        // Without a row the tool does not know the columns either.
        let header = Some("vhost\tname\tsize\tresult".to_owned());
        Ok(header.filter(|_| has_header && !rows.is_empty()).into_iter().chain(rows).collect())
    })
}

// ---- leaders ----

fn rebalance(arguments: &Arguments) -> Result<Job, Refusal> {
    let kind = arguments.word(1, "all or quorum")?;
    arguments.at_most(2)?;
    let kind = one_of(kind, &["all", "quorum"])?;
    let banner = match kind {
        "all" => "Re-balancing leaders of all replicated queues...",
        _ => "Re-balancing leaders of quorum queues...",
    };
    let pattern = arguments.text("--queue-pattern").unwrap_or_else(|| ".*".into());
    let names = (String::new(), String::new());
    asking(arguments, banner.into(), names, Ask::Rebalance { pattern }, |answer| {
        let Answer::Leaders(all) = answer else { return Ok(Vec::new()) };
        let rows: Vec<Vec<String>> =
            all.iter().map(|(node, count)| vec![node_name(node), count.to_string()]).collect();
        Ok(boxed(&["Node name", "Number of quorum queues"], &rows))
    })
}

fn transfer(arguments: &Arguments) -> Result<Job, Refusal> {
    let queue = arguments.word(1, "a queue")?.text.clone();
    let node = arguments.word(2, "a node such as rabbit@rabbit-2")?;
    arguments.at_most(3)?;
    let about = node.text.clone();
    let banner = format!("Transferring leadership of quorum queue {queue} to node {about}...");
    let ask = Ask::Lead { queue: queue.clone(), node: number(node)? };
    let leader = about.clone();
    asking(arguments, banner, (queue, about), ask, move |_| Ok(vec![leader.clone()]))
}

// ---- what is there ----

/// What is told of a queue or stream: its members, as a table.
pub struct Status {
    /// `queue`, `stream`.
    pub noun: &'static str,
    /// What is wrong with a queue of another type.
    pub wrong: fn(&MemberState) -> Option<&'static str>,
    /// The columns.
    pub columns: &'static [&'static str],
    /// What is in them; nothing if this member is left out.
    pub row: fn(&MemberState) -> Option<Vec<String>>,
}

/// The members of the queue that is named, as this says.
pub fn status(arguments: &Arguments, shown: &'static Status) -> Result<Job, Refusal> {
    let noun = shown.noun;
    let queue = arguments.word(1, &format!("a {noun}"))?.text.clone();
    arguments.at_most(2)?;
    let banner = format!("Status of {noun} {queue} on node {} ...", named_node(arguments)?);
    let names = (queue.clone(), String::new());
    asking(arguments, banner, names, Ask::ListMembers, move |answer| {
        let Answer::Members(all) = answer else { return Ok(Vec::new()) };
        let theirs = || all.iter().filter(|it| it.queue == queue);
        match theirs().next().map(shown.wrong) {
            None if noun == "stream" => Err(NO_STREAM.into()),
            None => Err(format!("queue '{queue}' was not found in virtual host '/'")),
            Some(Some(wrong)) => Err(format!("Error:\n{wrong}")),
            Some(None) => {
                Ok(boxed(shown.columns, &theirs().filter_map(shown.row).collect::<Vec<_>>()))
            }
        }
    })
}

const QUORUM: Status = Status {
    noun: "queue",
    wrong: |member| match member.role {
        "classic" => Some("classic_queue_not_supported"),
        _ if member.is_stream => Some("not_quorum_queue"),
        _ => None,
    },
    columns: &[
        "Node Name",
        "Raft State",
        "Membership",
        "Last Log Index",
        "Last Written",
        "Last Applied",
        "Commit Index",
        "Snapshot Index",
        "Term",
        "Machine Version",
    ],
    row: |member| Some(member_row(member)),
};

fn member_row(member: &MemberState) -> Vec<String> {
    let number = |value: Option<u64>| value.map(|it| it.to_string()).unwrap_or_default();
    let is_up = member.last.is_some();
    let if_up = |text: String| if is_up { text } else { String::new() };
    vec![
        node_name(&member.node),
        member.role.into(),
        if_up(member.membership.into()),
        number(member.last),
        number(member.last),
        if_up(member.applied.to_string()),
        number(member.committed),
        number(member.first),
        if_up(member.term.to_string()),
        if_up(MACHINE_VERSION.into()),
    ]
}

pub fn critical(arguments: &Arguments) -> Result<Job, Refusal> {
    arguments.at_most(1)?;
    let node = named_node(arguments)?;
    let banner = format!(
        "Checking if node {node} is critical for quorum of any quorum queues or streams ..."
    );
    let names = (String::new(), node.clone());
    asking(arguments, banner, names, Ask::ListMembers, move |answer| {
        let Answer::Members(all) = answer else { return Ok(Vec::new()) };
        let lost = lost_without(&all, node.trim_start_matches("rabbit@"));
        match lost.is_empty() {
            true => Ok(vec![format!(
                "Node {node} reported no quorum queue or stream replicas that would lose their \
                 online quorum"
            )]),
            false => {
                Err(format!("Node {node} is critical for quorum of queues: {}", lost.join(", ")))
            }
        }
    })
}
