//! Settings that can be changed while the lab runs: which, and by which command.

use super::frame::Selection;
use super::scene::{Place, Scene};

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

/// Settings of a broker that can change while it runs.
const OF_BROKER: [&str; 4] = [
    "unclean.leader.election.enable",
    "log.retention.ms",
    "log.segment.bytes",
    "message.max.bytes",
];

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
        Selection::Place(Place::Broker(name)) if broker(name).is_some() => &OF_BROKER,
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
        Selection::Place(Place::Broker(name)) => &[
            "kafka-configs --alter --entity-type brokers --entity-name ",
            broker(name)?,
            " --add-config ",
            setting,
            "=",
            value,
        ],
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

/// The id of a broker; `None` for a controller.
fn broker(name: &str) -> Option<&str> {
    name.strip_prefix("kafka-")
}

/// Where the replicas of the selected partition are, and the brokers that have none of them.
pub fn replicas(scene: &Scene, selection: &Selection) -> Option<(Vec<String>, Vec<String>)> {
    let Selection::Place(Place::Partition(topic, index)) = selection else { return None };
    let topic = scene.kafka.topics.iter().find(|known| known.name == *topic)?;
    let partition = topic.partitions.iter().find(|known| known.index == *index)?;
    let here: Vec<String> =
        partition.replicas.iter().map(|replica| replica.broker.to_string()).collect();
    let all = scene.kafka.brokers.iter().filter_map(|server| broker(&server.name));
    let elsewhere = all.filter(|id| !here.iter().any(|known| known == id)).map(str::to_owned);
    Some((here.clone(), elsewhere.collect()))
}

/// The command that moves a replica of the selected partition to another broker.
pub fn move_replica(scene: &Scene, selection: &Selection, from: &str, to: &str) -> Option<String> {
    let Selection::Place(Place::Partition(topic, index)) = selection else { return None };
    let (here, elsewhere) = replicas(scene, selection)?;
    if !here.iter().any(|id| id == from) || !elsewhere.iter().any(|id| id == to) {
        return None;
    }
    let moved: Vec<&str> = here.iter().map(|id| if id == from { to } else { id }).collect();
    let pieces = [
        "kafka-reassign-partitions --execute --reassignment-json-file - <<< '",
        "{\"version\":1,\"partitions\":[{\"topic\":\"",
        topic,
        "\",\"partition\":",
        &index.to_string(),
        ",\"replicas\":[",
        &moved.join(","),
        "]}]}'",
    ];
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
    use crate::view::scene::{Partition, Replica, Server, Topic};

    #[test]
    fn a_replica_moves_to_a_broker_that_has_none() {
        let mut scene = Scene::default();
        let server = |name: &str| Server { name: name.into(), ..Server::default() };
        scene.kafka.brokers =
            ["kafka-1", "kafka-2", "kafka-4", "controller-1"].map(server).to_vec();
        let replica = |broker| Replica { broker, ..Replica::default() };
        let replicas = vec![replica(1), replica(2)];
        let partition = Partition { index: 3, replicas, ..Partition::default() };
        scene.kafka.topics.push(Topic { name: "t".into(), partitions: vec![partition] });
        let selection = Selection::Place(Place::Partition("t".into(), 3));
        let (here, elsewhere) = super::replicas(&scene, &selection).expect("it is there");
        assert_eq!((here.join(","), elsewhere.join(",")), ("1,2".into(), "4".into()));
        assert_eq!(
            move_replica(&scene, &selection, "2", "4").as_deref(),
            Some(concat!(
                "kafka-reassign-partitions --execute --reassignment-json-file - <<< ",
                r#"'{"version":1,"partitions":[{"topic":"t","partition":3,"replicas":[1,4]}]}'"#
            ))
        );
        assert_eq!(move_replica(&scene, &selection, "2", "1"), None);
        assert_eq!(move_replica(&scene, &selection, "4", "4"), None);
    }

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
        let broker = Selection::Place(Place::Broker("kafka-2".into()));
        let line = "kafka-configs --alter --entity-type brokers --entity-name 2 --add-config ";
        assert_eq!(
            command(&broker, "log.retention.ms", "1000"),
            Some([line, "log.retention.ms=1000"].concat())
        );
        let controller = Selection::Place(Place::Broker("controller-1".into()));
        assert!(settings(&controller).is_empty());
        let node = Selection::Place(Place::RabbitNode("rabbit-1".into()));
        assert_eq!(
            command(&node, "vm_memory_high_watermark", "0.4").as_deref(),
            Some("rabbitmqctl set_vm_memory_high_watermark 0.4")
        );
        assert_eq!(command(&Selection::Message(1), "acks", "0"), None);
    }
}
