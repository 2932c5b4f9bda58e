//! `rabbitmqctl status`: the parts that the lab has; all else stands in its real shape.

use super::failure;
use crate::lab::{Command, LabError, Outcome};
use crate::rabbit::command::{Answer, Ask};
use crate::rabbit::inspect::NodeState;
use crate::shell::error::Refusal;
use crate::shell::job::{Job, unexpected};
use crate::shell::options::Arguments;

pub(super) fn status(arguments: &Arguments) -> Result<Job, Refusal> {
    arguments.at_most(1)?;
    Ok(Job::of(Command::Rabbit(Ask::Status), |result| match result {
        Ok(Outcome::Rabbit(Answer::Node(node))) => Ok(lines(&node)),
        Ok(other) => Ok(unexpected(&other)),
        Err(LabError::Rabbit(error)) => Err(failure(&error)),
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
    let alarms = node.alarms.iter().map(|alarm| match *alarm {
        "memory" => format!("Memory alarm on node {name}"),
        _ => format!("Free disk space alarm on node {name}"),
    });
    let mut alarms: Vec<String> = alarms.collect();
    if alarms.is_empty() {
        alarms.push("(none)".into());
    }
    let share = node.memory_limit as f64 / node.memory_total as f64;
    let share = (share * 10_000.0).round() / 10_000.0;
    let sections: [(&str, Vec<String>); 6] = [
        (
            "Runtime",
            vec![
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
    let mut lines = vec![format!("Status of node {name} ...")];
    for (title, content) in sections {
        lines.extend([title.to_owned(), String::new()]);
        lines.extend(content);
        lines.push(String::new());
    }
    lines.pop();
    lines
}
