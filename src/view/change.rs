//! Settings that can be changed while the lab runs: which, and by which command.

use super::frame::Selection;
use super::scene::Place;

/// Settings of a topic that are worth a try.
const OF_TOPIC: [&str; 6] = [
    "min.insync.replicas",
    "retention.ms",
    "segment.ms",
    "segment.bytes",
    "cleanup.policy",
    "unclean.leader.election.enable",
];

/// Settings of a producer.
const OF_PRODUCER: [&str; 4] = ["acks", "linger.ms", "batch.size", "request.timeout.ms"];

/// Settings of a Kafka consumer.
const OF_KAFKA_CONSUMER: [&str; 4] =
    ["max.poll.records", "fetch.max.wait.ms", "fetch.min.bytes", "auto.offset.reset"];

/// Settings of a RabbitMQ consumer.
const OF_RABBIT_CONSUMER: [&str; 1] = ["fail"];

/// What a policy can say of a queue. Of several policies the one with the highest priority holds,
/// so the page gives each queue one.
const OF_QUEUE: [&str; 7] = [
    "max-length",
    "overflow",
    "message-ttl",
    "expires",
    "dead-letter-exchange",
    "dead-letter-routing-key",
    "delivery-limit",
];

/// What a policy can say of an exchange.
const OF_EXCHANGE: [&str; 1] = ["alternate-exchange"];

/// Limits of a node.
const OF_NODE: [&str; 2] = ["vm_memory_high_watermark", "disk_free_limit"];

/// Settings of a selected thing that can be changed; none if it has none.
pub fn settings(selection: &Selection) -> &'static [&'static str] {
    match selection {
        Selection::Place(Place::Partition(..)) => &OF_TOPIC,
        Selection::Place(Place::Producer(_)) => &OF_PRODUCER,
        Selection::Place(Place::KafkaConsumer(_)) => &OF_KAFKA_CONSUMER,
        Selection::Place(Place::RabbitConsumer(_)) => &OF_RABBIT_CONSUMER,
        Selection::Place(Place::Queue(_)) => &OF_QUEUE,
        Selection::Place(Place::Exchange(name)) if !name.is_empty() => &OF_EXCHANGE,
        Selection::Place(Place::RabbitNode(_)) => &OF_NODE,
        _ => &[],
    }
}

/// The command that gives a setting of the selected thing a value.
pub fn command(selection: &Selection, setting: &str, value: &str) -> Option<String> {
    let value = value.trim();
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ',');
    if value.is_empty() || !value.chars().all(plain) {
        return None;
    }
    let pieces: &[&str] = match selection {
        Selection::Place(Place::Partition(topic, _)) => &[
            "kafka-configs --alter --entity-type topics --entity-name ",
            topic,
            " --add-config ",
            setting,
            "=",
            value,
        ],
        Selection::Place(
            Place::Producer(name) | Place::KafkaConsumer(name) | Place::RabbitConsumer(name),
        ) => &["client ", name, " set ", setting, "=", value],
        Selection::Place(Place::Queue(name)) => {
            return Some(policy("queues", name, setting, value));
        }
        Selection::Place(Place::Exchange(name)) => {
            return Some(policy("exchanges", name, setting, value));
        }
        Selection::Place(Place::RabbitNode(_)) => &["rabbitmqctl set_", setting, " ", value],
        _ => return None,
    };
    Some(pieces.concat())
}

/// A policy for one queue or exchange: its pattern fits that name alone.
fn policy(of: &str, name: &str, setting: &str, value: &str) -> String {
    let special = |letter: char| r".^$*+?()[]{}|\".contains(letter);
    let mut pattern = String::new();
    for letter in name.chars() {
        if special(letter) {
            pattern.push('\\');
        }
        pattern.push(letter);
    }
    let number = value.chars().all(|letter| letter.is_ascii_digit());
    let quote = if number { "" } else { "\"" };
    let pieces = [
        "rabbitmqctl set_policy --apply-to ",
        of,
        " '",
        &name.replace('\'', ""),
        "' '^",
        &pattern.replace('\'', "."),
        "$' '{\"",
        setting,
        "\":",
        quote,
        value,
        quote,
        "}'",
    ];
    pieces.concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_is_the_real_tools_command() {
        let partition = Selection::Place(Place::Partition("t".into(), 2));
        assert_eq!(
            command(&partition, "retention.ms", " 1000 ").as_deref(),
            Some(
                "kafka-configs --alter --entity-type topics --entity-name t --add-config retention.ms=1000"
            )
        );
        let producer = Selection::Place(Place::Producer("p".into()));
        assert_eq!(command(&producer, "acks", "0").as_deref(), Some("client p set acks=0"));
        for wrong in ["", "  ", "a b", "'x'"] {
            assert_eq!(command(&producer, "acks", wrong), None, "{wrong:?}");
        }
        let queue = Selection::Place(Place::Queue("a.b".into()));
        assert_eq!(
            command(&queue, "max-length", "5").as_deref(),
            Some(r#"rabbitmqctl set_policy --apply-to queues 'a.b' '^a\.b$' '{"max-length":5}'"#)
        );
        assert_eq!(
            command(&queue, "overflow", "reject-publish").as_deref(),
            Some(
                r#"rabbitmqctl set_policy --apply-to queues 'a.b' '^a\.b$' '{"overflow":"reject-publish"}'"#
            )
        );
        let node = Selection::Place(Place::RabbitNode("rabbit-1".into()));
        assert_eq!(
            command(&node, "vm_memory_high_watermark", "0.4").as_deref(),
            Some("rabbitmqctl set_vm_memory_high_watermark 0.4")
        );
        assert_eq!(command(&Selection::Message(1), "acks", "0"), None);
    }
}
