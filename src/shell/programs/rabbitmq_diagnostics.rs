//! `rabbitmq-diagnostics`: whether a node is well. Output is that of the tool. What only looks it
//! shares with `rabbitmqctl`.

use super::rabbitmq_queues::critical;
use super::rabbitmqctl::status::{about_node, alarms_elsewhere, has_banner, local_alarms};
use super::rabbitmqctl::{OPTIONS, node_name, observing, one_vhost};
use super::{Call, Plain, Program};
use crate::shell::error::{Mistake, Refusal};
use crate::shell::job::{Job, Printed};
use crate::shell::options::Arguments;

pub static PROGRAM: Program = Program {
    name: "rabbitmq-diagnostics",
    summary: "whether a node is well, and what is there",
    usage: &[
        "rabbitmq-diagnostics alarms",
        "rabbitmq-diagnostics check_alarms|check_local_alarms",
        "rabbitmq-diagnostics check_running|ping",
        "rabbitmq-diagnostics check_if_node_is_quorum_critical",
        "rabbitmq-diagnostics status|cluster_status",
        "rabbitmq-diagnostics list_queues|list_connections|... [COLUMN]...",
    ],
    options: &[("", &OPTIONS)],
    notes: &["Its lists are those of rabbitmqctl."],
    plain: &[Plain::Words(&COMMANDS)],
    reads_stdin: false,
    parse,
};

const COMMANDS: [&str; 16] = [
    "alarms",
    "check_alarms",
    "check_local_alarms",
    "check_running",
    "check_if_node_is_quorum_critical",
    "ping",
    "status",
    "cluster_status",
    "list_queues",
    "list_exchanges",
    "list_bindings",
    "list_consumers",
    "list_connections",
    "list_channels",
    "list_policies",
    "list_operator_policies",
];

fn parse(call: &Call) -> Result<Job, Refusal> {
    let arguments = call.sort("rabbitmq-diagnostics", &OPTIONS)?;
    let command = arguments.word(0, "a command such as check_alarms")?;
    one_vhost(&arguments)?;
    if let Some(job) = observing(&arguments) {
        return job;
    }
    match &*command.text {
        "alarms" => alarms(&arguments, ("known", false), Ok),
        "check_alarms" => alarms(&arguments, ("local", false), |all| Err(all.join("\n"))),
        "check_local_alarms" => {
            alarms(&arguments, ("local", true), |all| Err(format!("Error:\n{}", all.join("\n"))))
        }
        "check_running" => running(&arguments),
        "check_if_node_is_quorum_critical" => critical(&arguments),
        unknown => {
            let expected = "a command of rabbitmq-diagnostics";
            Err(Mistake::at(command.place, unknown, expected).near(COMMANDS).into())
        }
    }
}

/// The alarms that a node knows of, or its own alone.
fn alarms(
    arguments: &Arguments,
    (which, only_local): (&str, bool),
    found: fn(Vec<String>) -> Printed,
) -> Result<Job, Refusal> {
    arguments.at_most(1)?;
    let (which, has_banner) = (which.to_owned(), has_banner(arguments));
    let what = if only_local { "local alarms" } else { "alarms, local or clusterwide" };
    about_node(arguments, move |state| {
        let node = node_name(&state.name);
        let banner = format!("Asking node {node} to report any {which} resource alarms ...");
        let mut all = local_alarms(state);
        if !only_local {
            all.extend(alarms_elsewhere(state));
        }
        let none = || vec![format!("Node {node} reported no {what}")];
        let all = if all.is_empty() { none() } else { found(all)? };
        Ok(has_banner.then_some(banner).into_iter().chain(all).collect())
    })
}

/// A node that answers has booted.
fn running(arguments: &Arguments) -> Result<Job, Refusal> {
    arguments.at_most(1)?;
    let has_banner = has_banner(arguments);
    about_node(arguments, move |state| {
        let node = node_name(&state.name);
        let banner = format!("Checking if RabbitMQ is running on node {node} ...");
        let said = format!("RabbitMQ on node {node} is fully booted and running");
        Ok(has_banner.then_some(banner).into_iter().chain([said]).collect())
    })
}
