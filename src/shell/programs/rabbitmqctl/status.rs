//! `rabbitmqctl status`: the parts that the lab has; all else stands in its real shape.

use super::{at_node, failure, named_node, node_name};
use crate::lab::{Command, LabError, Outcome};
use crate::rabbit::command::{Answer, Ask};
use crate::rabbit::inspect::NodeState;
use crate::shell::error::Refusal;
use crate::shell::job::{Job, Printed, unexpected};
use crate::shell::options::Arguments;

pub(super) fn status(arguments: &Arguments) -> Result<Job, Refusal> {
    arguments.at_most(1)?;
    about_node(arguments, |state| Ok(lines(state)))
}

pub(super) fn cluster_status(arguments: &Arguments) -> Result<Job, Refusal> {
    arguments.at_most(1)?;
    about_node(arguments, |state| Ok(cluster_lines(state)))
}

/// True unless the tool is to say no more than what was asked for.
pub fn has_banner(arguments: &Arguments) -> bool {
    !arguments.has("--quiet") && !arguments.has("--silent")
}

/// Simplified: a node whose application is stopped has no runtime either.
pub(super) fn ping(arguments: &Arguments) -> Result<Job, Refusal> {
    arguments.at_most(1)?;
    let node = named_node(arguments)?;
    let banner = format!(
        "Will ping {node}. This only checks if the OS process is running and registered with epmd. \
         Timeout: 60000 ms."
    );
    let banner = has_banner(arguments).then_some(banner);
    let ask = at_node(arguments, Ask::Status)?;
    Ok(Job::of(Command::Rabbit(ask), move |result| match result {
        Ok(_) => Ok(banner.iter().cloned().chain(["Ping succeeded".to_owned()]).collect()),
        Err(_) => Err(format!("Error:\nFailed to connect and authenticate to {node} in 60000 ms")),
    }))
}

/// What is printed of a node.
pub fn about_node(
    arguments: &Arguments,
    lines: impl Fn(&NodeState) -> Printed + 'static,
) -> Result<Job, Refusal> {
    let node = named_node(arguments)?;
    let command = arguments.word(0, "a command")?.text.clone();
    let ask = at_node(arguments, Ask::Status)?;
    Ok(Job::of(Command::Rabbit(ask), move |result| match result {
        Ok(Outcome::Rabbit(Answer::Node(state))) => lines(&state),
        Ok(other) => Ok(unexpected(&other)),
        Err(LabError::Rabbit(error)) => Err(failure(&error, &node, &command)),
        Err(other) => Err(other.to_string()),
    }))
}

/// Thousands of millions of bytes with at most four digits behind the point.
fn gigabytes(bytes: u64) -> String {
    let rounded = (bytes as f64 / 100_000.0).round() / 10_000.0;
    format!("{rounded:?} gb")
}

fn lines(node: &NodeState) -> Vec<String> {
    let name = format!("rabbit@{}", node.name);
    let alarms = alarm_lines(node);
    let share = node.memory_limit as f64 / node.memory_total as f64;
    let share = (share * 10_000.0).round() / 10_000.0;
    let sections: [(&str, Vec<String>); 6] = [
        (
            "Runtime",
            vec![
                format!("Is under maintenance?: {}", node.drained.contains(&node.name)),
                format!("RabbitMQ version: {}", node.version),
                "RabbitMQ release series support status: supported".into(),
                format!("Node name: {name}"),
            ],
        ),
        ("Alarms", alarms),
        (
            "Memory",
            vec![
                format!("Total memory used: {}", gigabytes(node.memory)),
                "Calculation strategy: rss".into(),
                format!(
                    "Memory high watermark setting: {share:?} of available memory, computed to: {}",
                    gigabytes(node.memory_limit)
                ),
            ],
        ),
        (
            "Free Disk Space",
            vec![
                format!("Low free disk space watermark: {}", gigabytes(node.disk_free_limit)),
                format!("Free disk space: {}", gigabytes(node.disk_free)),
            ],
        ),
        (
            "Totals",
            vec![
                format!("Connection count: {}", node.connections),
                format!("Queue count: {}", node.queues),
                "Virtual host count: 1".into(),
            ],
        ),
        (
            "Listeners",
            vec![
                "Interface: [::], port: 5672, protocol: amqp, purpose: AMQP 0-9-1 and AMQP 1.0"
                    .into(),
            ],
        ),
    ];
    printed(format!("Status of node {name} ..."), &sections)
}

fn printed(first: String, sections: &[(&str, Vec<String>)]) -> Vec<String> {
    let mut lines = vec![first];
    for (title, content) in sections {
        lines.extend([(*title).to_owned(), String::new()]);
        lines.extend(content.iter().cloned());
        lines.push(String::new());
    }
    lines.pop();
    lines
}

/// Cores and the version of Erlang are fixed stand-ins.
fn cluster_lines(node: &NodeState) -> Vec<String> {
    let name = format!("rabbit@{}", node.name);
    let all: Vec<String> = node.cluster.iter().map(|(name, _)| format!("rabbit@{name}")).collect();
    let running = node.cluster.iter().filter(|(_, is_up)| *is_up);
    let running: Vec<String> = running.map(|(name, _)| format!("rabbit@{name}")).collect();
    let of_running = |line: &dyn Fn(&String) -> String| running.iter().map(line).collect();
    let none = || vec!["(none)".to_owned()];
    let basics = vec![
        "Cluster name: rabbit@rabbit-1".to_owned(),
        format!("Total CPU cores available cluster-wide: {}", 4 * running.len()),
    ];
    let version = node.version;
    let sections: [(&str, Vec<String>); 9] = [
        ("Basics", basics),
        ("Disk Nodes", all),
        ("Running Nodes", running.clone()),
        ("Versions", of_running(&|it| format!("{it}: RabbitMQ {version} on Erlang 27.3.4"))),
        ("CPU Cores", of_running(&|it| format!("Node: {it}, available CPU cores: 4"))),
        (
            "Maintenance status",
            of_running(&|it| {
                let is_drained = node.drained.iter().any(|name| node_name(name) == *it);
                let status =
                    if is_drained { "marked for maintenance" } else { "not under maintenance" };
                format!("Node: {it}, status: {status}")
            }),
        ),
        ("Alarms", alarm_lines(node)),
        ("Network Partitions", none()),
        (
            "Listeners",
            of_running(&|it| {
                format!(
                    "Node: {it}, interface: [::], port: 5672, protocol: amqp, purpose: AMQP 0-9-1 \
                     and AMQP 1.0"
                )
            }),
        ),
    ];
    printed(format!("Cluster status of node {name} ..."), &sections)
}

fn alarm_lines(node: &NodeState) -> Vec<String> {
    let mut alarms = [local_alarms(node), alarms_elsewhere(node)].concat();
    if alarms.is_empty() {
        alarms.push("(none)".into());
    }
    alarms
}

fn alarm(node: &str, kind: &str) -> String {
    let what = if kind == "memory" { "Memory" } else { "Free disk space" };
    format!("{what} alarm on node {}", node_name(node))
}

/// The alarms of a node, a line each.
pub fn local_alarms(node: &NodeState) -> Vec<String> {
    node.alarms.iter().map(|kind| alarm(&node.name, kind)).collect()
}

/// Those of the other nodes that it knows of.
pub fn alarms_elsewhere(node: &NodeState) -> Vec<String> {
    node.alarms_elsewhere.iter().map(|(name, kind)| alarm(name, kind)).collect()
}
