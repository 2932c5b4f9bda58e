//! `rabbitmq-upgrade`: one node after the other is made ready for being stopped, and comes back.
//! Output is that of the tool.
//!
//! Simplified: behind `post_upgrade` the tool prints who leads how many queues as Erlang terms;
//! `rabbitmq-queues rebalance` prints the same as a table.

use super::rabbitmq_queues::asking;
use super::rabbitmqctl::{named_node, one_vhost};
use super::{Call, Plain, Program};
use crate::rabbit::command::{Answer, Ask};
use crate::rabbit::inspect::lost_without;
use crate::shell::error::{Mistake, Refusal};
use crate::shell::job::Job;
use crate::shell::options::{Arguments, Opt, once};
use crate::shell::values::number;
use crate::sim::Span;

static OPTIONS: [Opt; 5] = [
    once(&["--quiet", "-q"], "", "no lines about what it does"),
    once(&["--silent", "-s"], "", "no such lines either"),
    once(&["--vhost", "-p"], "/", "the virtual host; there is one"),
    once(&["--node", "-n"], "NODE", "the node that it is about (rabbit@rabbit-1)"),
    once(&["--timeout", "-t"], "SECONDS", "await_online_quorum_plus_one: how long (120)"),
];

pub static PROGRAM: Program = Program {
    name: "rabbitmq-upgrade",
    summary: "makes a node ready for being stopped, and lets it come back",
    usage: &[
        "rabbitmq-upgrade await_online_quorum_plus_one [--timeout SECONDS]",
        "rabbitmq-upgrade drain|revive [--node NODE]",
        "rabbitmq-upgrade post_upgrade",
    ],
    options: &[("", &OPTIONS)],
    notes: &[],
    plain: &[Plain::Words(&COMMANDS)],
    reads_stdin: false,
    parse,
};

const COMMANDS: [&str; 4] = ["await_online_quorum_plus_one", "drain", "post_upgrade", "revive"];

/// It waits so long unless it is told otherwise.
const TIMEOUT_SECONDS: u64 = 120;

/// It waits so long at the most: a day.
const TIMEOUT_SECONDS_MAX: u64 = 86_400;

fn parse(call: &Call) -> Result<Job, Refusal> {
    let arguments = call.sort("rabbitmq-upgrade", &OPTIONS)?;
    let command = arguments.word(0, "a command such as drain")?;
    one_vhost(&arguments)?;
    arguments.at_most(1)?;
    let node = named_node(&arguments)?;
    match &*command.text {
        "await_online_quorum_plus_one" => await_quorum(&arguments, &node),
        "drain" => {
            let banner = format!(
                "Will put node {node} into maintenance mode. The node will no longer serve any \
                 client traffic!"
            );
            maintained(&arguments, banner, true)
        }
        "revive" => {
            let banner = format!(
                "Will put node {node} back into regular operating mode. The node will again serve \
                 client traffic and host primary queue replicas."
            );
            maintained(&arguments, banner, false)
        }
        "post_upgrade" => {
            let banner = "Executing post upgrade tasks...\nRebalancing queue masters...";
            let ask = Ask::Rebalance { pattern: ".*".into() };
            asking(&arguments, banner.into(), Default::default(), ask, |_| Ok(Vec::new()))
        }
        unknown => {
            let expected = "a command of rabbitmq-upgrade";
            Err(Mistake::at(command.place, unknown, expected).near(COMMANDS).into())
        }
    }
}

/// It is about one node, and no other answers in its place.
fn maintained(arguments: &Arguments, banner: String, begins: bool) -> Result<Job, Refusal> {
    let ask = match arguments.has("--node") {
        true => Ask::Maintenance(begins),
        false => Ask::On(1, Box::new(Ask::Maintenance(begins))),
    };
    asking(arguments, banner, Default::default(), ask, |_| Ok(Vec::new()))
}

fn await_quorum(arguments: &Arguments, node: &str) -> Result<Job, Refusal> {
    let seconds = match arguments.one("--timeout") {
        Some(word) => number(word, 0..=TIMEOUT_SECONDS_MAX)?,
        None => TIMEOUT_SECONDS,
    };
    let banner = format!(
        "Will wait for a quorum + 1 of nodes to be online for all quorum queues for {seconds} \
         seconds..."
    );
    let node = node.trim_start_matches("rabbit@").to_owned();
    let ask = Ask::AwaitQuorums { node: node.clone(), timeout: Span::seconds(seconds) };
    let is_quiet = arguments.has("--quiet") || arguments.has("--silent");
    asking(arguments, banner, Default::default(), ask, move |answer| match answer {
        Answer::Members(all) if !lost_without(&all, &node).is_empty() => {
            Err("Error:\ntime is up, no quorum + 1 online replicas came online for at least some \
             quorum queues"
                .into())
        }
        Answer::Done if !is_quiet => Ok(vec![
            "Target node seems to be the only one in a single node cluster, the command does not \
             apply"
                .into(),
        ]),
        _ => Ok(Vec::new()),
    })
}
