//! `rabbitmq-streams`: the members of a stream. Output is that of the tool.

use super::rabbitmq_queues::asking;
use super::rabbitmqctl::{named_node, node_name};
use super::{Call, Plain, Program};
use crate::rabbit::command::{Answer, Ask};
use crate::rabbit::inspect::MemberState;
use crate::shell::error::{Mistake, Refusal};
use crate::shell::job::Job;
use crate::shell::options::{Arguments, Opt, ignored, later, once};
use crate::shell::table::boxed;

static OPTIONS: [Opt; 7] = [
    once(&["--quiet", "-q"], "", "no lines about what it does"),
    once(&["--silent", "-s"], "", "no such lines"),
    once(&["--vhost", "-p"], "/", "the virtual host; there is one"),
    later(&["--tracking"], ""),
    later(&["--formatter"], "NAME"),
    once(&["--node", "-n"], "NODE", "the node to ask: rabbit@rabbit-2 (the first that answers)"),
    ignored(&["--timeout", "-t"], "SECONDS"),
];

pub static PROGRAM: Program = Program {
    name: "rabbitmq-streams",
    summary: "the members of a stream",
    usage: &["rabbitmq-streams stream_status STREAM"],
    options: &[("", &OPTIONS)],
    notes: &[],
    plain: &[Plain::Words(&["stream_status"]), Plain::Queue],
    reads_stdin: false,
    parse,
};

/// Commands of the real tool that are not built.
const LATER: [&str; 5] = ["add_replica", "delete_replica", "grow", "shrink", "restart_stream"];

fn parse(call: &Call) -> Result<Job, Refusal> {
    let arguments = call.sort("rabbitmq-streams", &OPTIONS)?;
    let command = arguments.word(0, "a command such as stream_status")?;
    if let Some(vhost) = arguments.one("--vhost").filter(|word| word.text != "/") {
        return Err(Mistake::at(vhost.place, &vhost.text, "/, the one virtual host").into());
    }
    match &*command.text {
        "stream_status" => status(&arguments),
        later if LATER.contains(&later) => Err(Refusal::NotHereYet(later.to_owned())),
        unknown => {
            let expected = "a command of rabbitmq-streams";
            Err(Mistake::at(command.place, unknown, expected).near(["stream_status"]).into())
        }
    }
}

fn status(arguments: &Arguments) -> Result<Job, Refusal> {
    let stream = arguments.word(1, "a stream")?.text.clone();
    arguments.at_most(2)?;
    let banner = format!("Status of stream {stream} on node {} ...", named_node(arguments)?);
    let names = (stream.clone(), String::new());
    asking(arguments, banner, names, Ask::ListMembers, move |answer| {
        let Answer::Members(all) = answer else { return Ok(Vec::new()) };
        let theirs: Vec<&MemberState> = all.iter().filter(|it| it.queue == stream).collect();
        match theirs.first() {
            None => Err("Object (queue, stream, exchange, etc) was not found".into()),
            Some(first) if first.role == "classic" => {
                Err("Error:\nCannot get stream status of a classic queue".into())
            }
            Some(first) if !first.is_stream => {
                Err("Error:\nCannot get stream status of a quorum queue".into())
            }
            Some(_) => Ok(boxed(
                &[
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
                &theirs
                    .into_iter()
                    .filter(|member| member.role != "nodedown")
                    .map(row)
                    .collect::<Vec<_>>(),
            )),
        }
    })
}

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
