//! The columns of the lists: what stands in each.

use super::cells::Cell;
use super::node_name;
use crate::ordered::Order;
use crate::rabbit::command::{Answer, Argument};
use crate::rabbit::inspect::{
    BindingState, ChannelState, ConnectionState, ConsumerState, ExchangeState, QueueState,
};
use crate::rabbit::policy::Policy;
use crate::shell::values::json_text;
use std::cmp::Reverse;

/// The rows of an answer, with these columns.
pub fn rows(answer: &Answer, columns: &[&'static str]) -> Vec<Vec<Cell>> {
    fn lines<T>(all: &[T], columns: &[&'static str], cell: fn(&T, &str) -> Cell) -> Vec<Vec<Cell>> {
        all.iter().map(|row| columns.iter().map(|column| cell(row, column)).collect()).collect()
    }
    match answer {
        Answer::Queues(all) => lines(all, columns, queue_cell),
        Answer::Exchanges(all) => lines(all, columns, exchange_cell),
        Answer::Bindings(all) => lines(all, columns, binding_cell),
        Answer::Consumers(all) => lines(all, columns, consumer_cell),
        Answer::Policies(all) => {
            // The node sorts by priority with a comparison that turns equal ones around.
            let mut all = all.clone();
            all.order_by_key(|policy| (policy.priority, Reverse(policy.name.clone())));
            lines(&all, columns, policy_cell)
        }
        Answer::Channels(all) => {
            let numbered: Vec<(usize, &ChannelState)> = all.iter().enumerate().collect();
            lines(&numbered, columns, channel_cell)
        }
        Answer::Connections(all) => {
            let numbered: Vec<(usize, &ConnectionState)> = all.iter().enumerate().collect();
            lines(&numbered, columns, connection_cell)
        }
        other => {
            let text = format!("the lab answered with something else: {other:?}");
            vec![vec![Cell::Text(text)]]
        }
    }
}

/// Of quorum queues and streams some things are not told.
fn is_told(queue: &QueueState, column: &str) -> bool {
    let of_classic = column.starts_with("message_bytes")
        || matches!(column, "exclusive" | "consumer_utilisation" | "consumer_capacity");
    match &*queue.kind {
        "quorum" => !of_classic,
        "stream" => !of_classic && column != "messages_ram",
        _ => true,
    }
}

fn queue_cell(queue: &QueueState, column: &str) -> Cell {
    if !is_told(queue, column) {
        return Cell::nothing();
    }
    let is_alone = queue.members.is_empty() && queue.state != "down";
    match column {
        "name" => Cell::Text(queue.name.clone()),
        "durable" => Cell::Truth(queue.durable),
        "auto_delete" => Cell::Truth(queue.auto_delete),
        "arguments" => Cell::Arguments(queue.arguments.clone()),
        "policy" => (&queue.policy).into(),
        "operator_policy" => (&queue.operator_policy).into(),
        "exclusive" => Cell::Truth(queue.exclusive),
        "memory" => Cell::Number(queue.memory),
        "slave_pids" => queue
            .mirrors
            .as_ref()
            .map_or_else(Cell::nothing, |mirrors| Cell::Processes(mirrors.clone())),
        "synchronised_slave_pids" if queue.mirrors.is_some() => {
            Cell::Processes(queue.synchronised.clone())
        }
        "messages_ready" => Cell::Number(queue.ready),
        "messages_unacknowledged" => Cell::Number(queue.unacked),
        "messages" => Cell::Number(queue.messages()),
        "messages_ram" if queue.kind == "quorum" => Cell::Number(0),
        "messages_ram" => Cell::Number(queue.in_memory),
        "message_bytes" => Cell::Number(queue.bytes),
        "message_bytes_ready" => Cell::Number(queue.bytes - queue.unacked_bytes),
        "message_bytes_unacknowledged" => Cell::Number(queue.unacked_bytes),
        "consumers" => Cell::Number(queue.consumers.len() as u64),
        "consumer_utilisation" | "consumer_capacity" if queue.consumers.is_empty() => {
            Cell::Number(0)
        }
        "consumer_utilisation" | "consumer_capacity" => Cell::Share(queue.consumer_utilisation),
        "state" => queue.state.into(),
        "type" => Cell::Text(queue.kind.clone()),
        "leader" => {
            let node = queue.leader.as_ref().or(queue.node.as_ref().filter(|_| is_alone));
            node.map_or_else(Cell::nothing, |node| Cell::Text(node_name(node)))
        }
        "members" if is_alone => Cell::Nodes(queue.node.iter().cloned().collect()),
        "members" => Cell::Nodes(queue.members.clone()),
        "online" if queue.members.is_empty() => Cell::nothing(),
        "online" => Cell::Nodes(queue.online.clone()),
        _ => Cell::nothing(),
    }
}

fn exchange_cell(exchange: &ExchangeState, column: &str) -> Cell {
    match column {
        "name" => Cell::Text(exchange.name.clone()),
        "type" => Cell::Text(exchange.kind.clone()),
        "durable" => Cell::Truth(exchange.durable),
        "auto_delete" => Cell::Truth(exchange.auto_delete),
        "internal" => Cell::Truth(exchange.internal),
        "arguments" => Cell::Arguments(exchange.arguments.clone()),
        _ => (&exchange.policy).into(),
    }
}

fn binding_cell(binding: &BindingState, column: &str) -> Cell {
    match column {
        "source_name" => Cell::Text(binding.source.clone()),
        "source_kind" => "exchange".into(),
        "destination_name" => Cell::Text(binding.destination.clone()),
        "destination_kind" => Cell::Text(binding.destination_kind.clone()),
        "routing_key" => Cell::Text(binding.key.clone()),
        _ => Cell::Arguments(binding.arguments.clone()),
    }
}

fn consumer_cell(consumer: &ConsumerState, column: &str) -> Cell {
    match column {
        "queue_name" => Cell::Text(consumer.queue.clone()),
        "channel_pid" => Cell::Process,
        "consumer_tag" => Cell::Text(consumer.tag.clone()),
        "ack_required" => Cell::Truth(consumer.ack_required),
        "prefetch_count" => Cell::Number(consumer.prefetch.into()),
        "active" => Cell::Truth(consumer.active),
        "activity_status" => consumer.activity.into(),
        _ => {
            let priority = Some(consumer.priority).filter(|priority| *priority != 0);
            let priority = priority.map(|it| ("x-priority".to_owned(), Argument::Integer(it)));
            Cell::Arguments(priority.into_iter().collect())
        }
    }
}

fn policy_cell(policy: &Policy, column: &str) -> Cell {
    match column {
        "vhost" => "/".into(),
        "name" => Cell::Text(policy.name.clone()),
        "pattern" => Cell::Text(policy.pattern.clone()),
        "apply-to" => policy.apply_to.name().into(),
        // A text in JSON, in JSON as well.
        "definition" => Cell::Text(json_text(&Argument::Table(policy.definition.clone()))),
        _ => Cell::Signed(policy.priority),
    }
}

fn channel_cell((at, channel): &(usize, &ChannelState), column: &str) -> Cell {
    let number = channel.number;
    match column {
        "pid" | "connection" => Cell::Process,
        "name" => Cell::Text(format!("127.0.0.1:{} -> 127.0.0.1:5672 ({number})", port(*at))),
        "number" => Cell::Number(number.into()),
        "user" => "guest".into(),
        "transactional" => Cell::Truth(channel.transactional),
        "confirm" => Cell::Truth(channel.confirms),
        "consumer_count" => Cell::Number(channel.consumers),
        "messages_unacknowledged" => Cell::Number(channel.unacked),
        "messages_uncommitted" => Cell::Number(channel.uncommitted.0),
        "acks_uncommitted" => Cell::Number(channel.uncommitted.1),
        "messages_unconfirmed" => Cell::Number(channel.unconfirmed),
        "prefetch_count" => Cell::Number(channel.prefetch.into()),
        _ => "/".into(),
    }
}

/// Ports are fixed stand-ins.
fn port(at: usize) -> u64 {
    50_000 + at as u64
}

/// Simplified: of what a client tells of itself there is its name alone.
fn connection_cell((at, connection): &(usize, &ConnectionState), column: &str) -> Cell {
    match column {
        "user" => "guest".into(),
        "peer_host" => Cell::Address,
        "peer_port" => Cell::Number(port(*at)),
        "state" => connection.state.into(),
        "name" => Cell::Text(format!("127.0.0.1:{} -> 127.0.0.1:5672", port(*at))),
        "channels" => Cell::Number(connection.channels),
        "protocol" => Cell::Protocol,
        "client_properties" => {
            let name = Argument::Text(connection.name.clone());
            Cell::Arguments([("connection_name".to_owned(), name)].into_iter().collect())
        }
        _ => "/".into(),
    }
}
