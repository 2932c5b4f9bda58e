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

/// Settings of a selected thing that can be changed; none if it has none.
pub fn settings(selection: &Selection) -> &'static [&'static str] {
    match selection {
        Selection::Place(Place::Partition(..)) => &OF_TOPIC,
        Selection::Place(Place::Producer(_)) => &OF_PRODUCER,
        Selection::Place(Place::KafkaConsumer(_)) => &OF_KAFKA_CONSUMER,
        Selection::Place(Place::RabbitConsumer(_)) => &OF_RABBIT_CONSUMER,
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
        _ => return None,
    };
    Some(pieces.concat())
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
        assert_eq!(command(&Selection::Message(1), "acks", "0"), None);
    }
}
