//! The tables of `rabbitmqadmin`: the columns of the tool. What the lab has no use for is a fixed
//! stand-in: there is one virtual host and one node.

use crate::ordered::Order;
use crate::rabbit::command::{Answer, Argument, GotMessage, Properties};
use crate::rabbit::inspect::{BindingState, ConsumerState, ExchangeState, QueueState};
use crate::rabbit::message::Arguments;
use crate::rabbit::policy::Policy;
use crate::shell::programs::rabbitmqctl::node_name;
use crate::shell::table::rounded;
use crate::shell::values::json_text;

pub(super) fn messages(answer: &Answer) -> Vec<String> {
    let Answer::Messages(messages) = answer else { return something_else(answer) };
    let row = |message: &GotMessage| {
        let (payload, encoding) = match std::str::from_utf8(&message.body) {
            Ok(text) => (text.to_owned(), "string"),
            Err(_) => (base64(&message.body), "base64"),
        };
        vec![
            message.body.len().to_string(),
            message.redelivered.to_string(),
            message.exchange.clone(),
            message.routing_key.clone(),
            message.message_count.to_string(),
            properties_cell(&message.properties),
            payload,
            encoding.into(),
        ]
    };
    let header = [
        "payload_bytes",
        "redelivered",
        "exchange",
        "routing_key",
        "message_count",
        "properties",
        "payload",
        "payload_encoding",
    ];
    rounded(&header, &messages.iter().map(row).collect::<Vec<_>>())
}

/// One line for each property, and an empty one behind them, as the tool leaves it.
fn properties_cell(properties: &Properties) -> String {
    let quoted = |text: &Option<String>| text.as_ref().map(|text| format!("{text:?}"));
    let headers = properties.headers.iter().map(|(name, v)| format!("{name:?}:{}", json_text(v)));
    let headers: Vec<String> = headers.collect();
    let mut parts = vec![
        ("content_type", quoted(&properties.content_type)),
        ("correlation_id", quoted(&properties.correlation_id)),
        ("delivery_mode", properties.delivery_mode.map(|mode| mode.to_string())),
        ("expiration", quoted(&properties.expiration)),
        ("headers", (!headers.is_empty()).then(|| format!("{{{}}}", headers.join(",")))),
        ("priority", properties.priority.map(|priority| priority.to_string())),
        ("reply_to", quoted(&properties.reply_to)),
    ];
    parts.extend(properties.carried.iter().map(|(name, v)| (&**name, Some(json_text(v)))));
    parts.order_by_key(|(name, _)| *name);
    let lines = parts.into_iter().filter_map(|(name, value)| Some(format!("{name}: {}\n", value?)));
    lines.collect()
}

/// A body that is no text, as the HTTP interface encodes it.
fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let letter = |bits: u32| LETTERS[(bits & 63) as usize] as char;
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let byte = |index: usize| u32::from(chunk.get(index).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        text.push(letter(bits >> 18));
        text.push(letter(bits >> 12));
        text.push(if chunk.len() > 1 { letter(bits >> 6) } else { '=' });
        text.push(if chunk.len() > 2 { letter(bits) } else { '=' });
    }
    text
}

/// One line for each argument.
fn table_cell(arguments: &Arguments) -> String {
    let lines = arguments.iter().map(|(name, value)| format!("{name}: {}", json_text(value)));
    lines.collect::<Vec<_>>().join("\n")
}

/// One line for each node.
fn node_lines(nodes: &[String]) -> String {
    nodes.iter().map(|node| node_name(node)).collect::<Vec<_>>().join("\n")
}

fn something_else(answer: &Answer) -> Vec<String> {
    vec![format!("the lab answered with something else: {answer:?}")]
}

pub(super) fn queues(answer: &Answer) -> Vec<String> {
    let Answer::Queues(queues) = answer else { return something_else(answer) };
    let header = [
        "name",
        "vhost",
        "queue_type",
        "durable",
        "auto_delete",
        "exclusive",
        "arguments",
        "node",
        "state",
        "leader",
        "members",
        "online",
        "memory",
        "consumer_count",
        "consumer_utilisation",
        "policy",
        "operator_policy",
        "message_bytes",
        "message_count",
        "unacknowledged_message_count",
    ];
    let row = |queue: &QueueState| {
        let blank = String::new;
        let kind = "x-queue-type".to_owned();
        let mut arguments = queue.arguments.clone();
        arguments.entry(kind).or_insert(Argument::Text(queue.kind.clone()));
        vec![
            queue.name.clone(),
            "/".into(),
            queue.kind.clone(),
            queue.durable.to_string(),
            queue.auto_delete.to_string(),
            queue.exclusive.to_string(),
            table_cell(&arguments),
            queue.node.as_deref().map(node_name).unwrap_or_else(blank),
            queue.state.into(),
            queue.leader.as_deref().map(node_name).unwrap_or_else(blank),
            node_lines(&queue.members),
            node_lines(&queue.online),
            queue.memory.to_string(),
            queue.consumers.len().to_string(),
            (queue.consumer_utilisation as f32).to_string(),
            queue.policy.clone().unwrap_or_default(),
            queue.operator_policy.clone().unwrap_or_default(),
            // A stream reports none.
            if queue.kind == "stream" { 0 } else { queue.bytes }.to_string(),
            queue.messages().to_string(),
            queue.unacked.to_string(),
        ]
    };
    rounded(&header, &queues.iter().map(row).collect::<Vec<_>>())
}

pub(super) fn policies(answer: &Answer) -> Vec<String> {
    let Answer::Policies(policies) = answer else { return something_else(answer) };
    let header = ["name", "vhost", "pattern", "apply_to", "priority", "definition"];
    let row = |policy: &Policy| {
        vec![
            policy.name.clone(),
            "/".into(),
            policy.pattern.clone(),
            policy.apply_to.name().into(),
            policy.priority.to_string(),
            table_cell(&policy.definition),
        ]
    };
    rounded(&header, &policies.iter().map(row).collect::<Vec<_>>())
}

pub(super) fn exchanges(answer: &Answer) -> Vec<String> {
    let Answer::Exchanges(exchanges) = answer else { return something_else(answer) };
    let header = ["name", "vhost", "exchange_type", "durable", "auto_delete", "arguments"];
    let row = |exchange: &ExchangeState| {
        vec![
            exchange.name.clone(),
            "/".into(),
            exchange.kind.clone(),
            exchange.durable.to_string(),
            exchange.auto_delete.to_string(),
            table_cell(&exchange.arguments),
        ]
    };
    rounded(&header, &exchanges.iter().map(row).collect::<Vec<_>>())
}

pub(super) fn bindings(answer: &Answer) -> Vec<String> {
    let Answer::Bindings(bindings) = answer else { return something_else(answer) };
    let header = [
        "vhost",
        "source",
        "destination",
        "destination_type",
        "routing_key",
        "arguments",
        "properties_key",
    ];
    let row = |binding: &BindingState| {
        let key = if binding.key.is_empty() { "~" } else { &binding.key };
        vec![
            "/".into(),
            binding.source.clone(),
            binding.destination.clone(),
            binding.destination_kind.clone(),
            binding.key.clone(),
            table_cell(&binding.arguments),
            key.to_owned(),
        ]
    };
    rounded(&header, &bindings.iter().map(row).collect::<Vec<_>>())
}

pub(super) fn consumers(answer: &Answer) -> Vec<String> {
    let Answer::Consumers(consumers) = answer else { return something_else(answer) };
    let header = [
        "vhost",
        "queue",
        "consumer_tag",
        "manual_ack",
        "prefetch_count",
        "active",
        "exclusive",
        "arguments",
        "delivery_ack_timeout",
    ];
    let row = |consumer: &ConsumerState| {
        vec![
            "/".into(),
            consumer.queue.clone(),
            consumer.tag.clone(),
            consumer.ack_required.to_string(),
            consumer.prefetch.to_string(),
            consumer.active.to_string(),
            consumer.exclusive.to_string(),
            match consumer.priority {
                0 => String::new(),
                priority => format!("x-priority: {priority}"),
            },
            "1800000".into(),
        ]
    };
    rounded(&header, &consumers.iter().map(row).collect::<Vec<_>>())
}
