//! `rabbitmq-streams`: the replicas of streams. Output is that of the tool.

use super::rabbitmq_queues::{Status, asking, number, one, status};
use super::rabbitmqctl::{node_name, one_vhost};
use super::{Call, Plain, Program};
use crate::rabbit::command::{Answer, Ask, Of};
use crate::rabbit::inspect::MemberState;
use crate::shell::error::{Mistake, Refusal};
use crate::shell::job::Job;
use crate::shell::options::{Arguments, Opt, ignored, later, once};

static OPTIONS: [Opt; 8] = [
    once(&["--quiet", "-q"], "", "no lines about what it does"),
    once(&["--silent", "-s"], "", "no such lines"),
    once(&["--vhost", "-p"], "/", "the virtual host; there is one"),
    later(&["--tracking"], ""),
    once(&["--preferred-leader-node"], "NODE", "restart_stream: leads if its log is as good"),
    later(&["--formatter"], "NAME"),
    once(&["--node", "-n"], "NODE", "the node to ask: rabbit@rabbit-2 (the first that answers)"),
    ignored(&["--timeout", "-t"], "SECONDS"),
];

pub static PROGRAM: Program = Program {
    name: "rabbitmq-streams",
    summary: "the replicas of streams",
    usage: &[
        "rabbitmq-streams stream_status STREAM",
        "rabbitmq-streams add_replica|delete_replica STREAM NODE",
        "rabbitmq-streams transfer_leadership STREAM NODE",
        "rabbitmq-streams restart_stream STREAM [--preferred-leader-node NODE]",
    ],
    options: &[("", &OPTIONS)],
    notes: &[],
    plain: &[Plain::Words(&COMMANDS), Plain::Queue],
    reads_stdin: false,
    parse,
};

const COMMANDS: [&str; 5] =
    ["stream_status", "add_replica", "delete_replica", "restart_stream", "transfer_leadership"];

/// Commands of the real tool that are not built.
const LATER: [&str; 2] = ["grow", "shrink"];

fn parse(call: &Call) -> Result<Job, Refusal> {
    let arguments = call.sort("rabbitmq-streams", &OPTIONS)?;
    let command = arguments.word(0, "a command such as stream_status")?;
    one_vhost(&arguments)?;
    match &*command.text {
        "stream_status" => status(&arguments, &STREAM),
        "add_replica" => one(&arguments, (true, true, "replica"), Of::Stream),
        "delete_replica" => one(&arguments, (false, true, "replica"), Of::Stream),
        "restart_stream" => restart(&arguments),
        "transfer_leadership" => transfer(&arguments),
        later if LATER.contains(&later) => Err(Refusal::NotHereYet(later.to_owned())),
        unknown => {
            let expected = "a command of rabbitmq-streams";
            Err(Mistake::at(command.place, unknown, expected).near(COMMANDS).into())
        }
    }
}

const STREAM: Status = Status {
    noun: "stream",
    wrong: |member| match member.role {
        "classic" => Some("Cannot get stream status of a classic queue"),
        _ if !member.is_stream => Some("Cannot get stream status of a quorum queue"),
        _ => None,
    },
    columns: &[
        "role",
        "node",
        "epoch",
        "offset",
        "committed_offset",
        "first_offset",
        "readers",
        "segments",
    ],
    // A member that is down tells nothing of itself.
    row: |member| (member.role != "nodedown").then(|| row(member)),
};

/// Without a message there is no offset: -1.
fn row(member: &MemberState) -> Vec<String> {
    let offset = |value: Option<u64>| value.map_or("-1".to_owned(), |it| it.to_string());
    vec![
        member.role.into(),
        node_name(&member.node),
        member.term.to_string(),
        offset(member.last),
        offset(member.committed),
        offset(member.first),
        member.readers.to_string(),
        member.segments.to_string(),
    ]
}

/// A preferred node that there is not is no error.
fn restart(arguments: &Arguments) -> Result<Job, Refusal> {
    let stream = arguments.word(1, "a stream")?.text.clone();
    arguments.at_most(2)?;
    let preferred = arguments.one("--preferred-leader-node").and_then(|word| number(word).ok());
    let banner = format!("Restarting stream {stream}...");
    let names = (stream.clone(), String::new());
    asking(arguments, banner, names, Ask::RestartStream { stream, preferred }, leader)
}

/// The tool restarts the stream and tells who leads then, be it that node or not.
fn transfer(arguments: &Arguments) -> Result<Job, Refusal> {
    let stream = arguments.word(1, "a stream")?.text.clone();
    let node = arguments.word(2, "a node such as rabbit@rabbit-2")?;
    arguments.at_most(3)?;
    let preferred = number(node).ok();
    let banner = format!("Transferring leadership of stream {stream} to node {}...", node.text);
    let names = (stream.clone(), node.text.clone());
    asking(arguments, banner, names, Ask::RestartStream { stream, preferred }, leader)
}

fn leader(answer: Answer) -> Result<Vec<String>, String> {
    let Answer::Led(node) = answer else { return Ok(Vec::new()) };
    Ok(vec![node_name(&node)])
}
