//! Messages between two places: what moves, and in which shape.

use crate::lab::Session;
use crate::lab::session::Arrived;
use crate::ordered::Order;
use crate::sim::{Hop, Message, NodeId};
use crate::view::scene::{Mover, MoverKind, Place};
use crate::{kafka, rabbit};

/// So many messages of a mover are named.
const NAMED_MAX: usize = 3;

/// What arrived, in the order of arrival.
pub fn movers(session: &Session, arrived: &Arrived) -> Vec<Mover> {
    let kafka = arrived.kafka.iter().map(|hop| in_kafka(&session.kafka, hop));
    let rabbit = arrived.rabbit.iter().map(|hop| in_rabbit(&session.rabbit, hop));
    let mut all: Vec<Mover> = kafka.chain(rabbit).flatten().collect();
    all.order_by_key(|mover| (mover.arrives_us, mover.sent_us, mover.id));
    all
}

/// What is on its way right now, the next to arrive first.
pub fn in_flight(session: &Session) -> Vec<Mover> {
    let kafka = session.kafka.world.in_flight();
    let rabbit = session.rabbit.world.in_flight();
    let mut all: Vec<Mover> = kafka
        .filter_map(|hop| in_kafka(&session.kafka, &hop))
        .chain(rabbit.filter_map(|hop| in_rabbit(&session.rabbit, &hop)))
        .collect();
    all.order_by_key(|mover| (mover.arrives_us, mover.sent_us, mover.id));
    all
}

/// What tells a hop from every other: who, to whom, when, and what. Two of the same sender to the
/// same receiver at the same instant with the same content are the same picture.
fn id(from: NodeId, to: NodeId, sent_us: u64, kind: &str, first: Option<u64>, kafka: bool) -> u64 {
    // FNV-1a: the same on every machine, and nothing here is hostile.
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    let mut take = |bytes: &[u8]| {
        for byte in bytes {
            hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
    };
    take(&from.0.to_le_bytes());
    take(&to.0.to_le_bytes());
    take(&sent_us.to_le_bytes());
    take(kind.as_bytes());
    take(&first.map_or(u64::MAX, |message| message).to_le_bytes());
    take(&[u8::from(kafka)]);
    hash
}

fn in_kafka(
    cluster: &kafka::Cluster,
    hop: &Hop<<kafka::Process as crate::sim::Node>::Message>,
) -> Option<Mover> {
    let place = |id: NodeId| {
        let name = cluster.world.name(id).to_owned();
        match cluster.spec(id) {
            kafka::spec::Spec::Broker(_)
            | kafka::spec::Spec::Controller(_)
            | kafka::spec::Spec::ZooKeeper(_) => Place::Broker(name),
            kafka::spec::Spec::Producer(_) => Place::Producer(name),
            kafka::spec::Spec::Consumer(_) => Place::KafkaConsumer(name),
            kafka::spec::Spec::Admin => Place::Tool,
        }
    };
    let name = hop.body.kind();
    let messages = carried(&hop.body);
    let (from, to) = (place(hop.from), place(hop.to));
    // Between servers only records are shown: heartbeats and empty fetches never stop.
    let servers = matches!((&from, &to), (Place::Broker(_), Place::Broker(_)));
    if servers && messages.is_empty() {
        return None;
    }
    let kind = kafka_kind(name, &from, messages.len());
    Some(mover(hop, (from, to), kind, messages, true))
}

fn in_rabbit(
    cluster: &rabbit::Cluster,
    hop: &Hop<<rabbit::Process as crate::sim::Node>::Message>,
) -> Option<Mover> {
    let place = |id: NodeId| {
        let name = cluster.world.name(id).to_owned();
        match cluster.spec(id) {
            rabbit::spec::Spec::Broker { .. } => Place::RabbitNode(name),
            rabbit::spec::Spec::Publisher(_) => Place::Producer(name),
            rabbit::spec::Spec::Consumer(_) => Place::RabbitConsumer(name),
            rabbit::spec::Spec::Admin => Place::Tool,
        }
    };
    let messages = carried(&hop.body);
    let (from, to) = (place(hop.from), place(hop.to));
    // Between nodes only messages are shown: what they say to each other never stops.
    let nodes = matches!((&from, &to), (Place::RabbitNode(_), Place::RabbitNode(_)));
    if nodes && messages.is_empty() {
        return None;
    }
    let kind = rabbit_kind(hop.body.kind(), &to);
    Some(mover(hop, (from, to), kind, messages, false))
}

fn carried(body: &impl Message) -> Vec<u64> {
    body.messages().into_iter().map(|message| message.0).collect()
}

fn mover<M: Message>(
    hop: &Hop<M>,
    (from, to): (Place, Place),
    kind: MoverKind,
    messages: Vec<u64>,
    kafka: bool,
) -> Mover {
    let name = hop.body.kind();
    let sent_us = hop.sent_at.micros();
    let count = messages.len() as u64;
    Mover {
        id: id(hop.from, hop.to, sent_us, name, messages.first().copied(), kafka),
        kafka,
        kind,
        from,
        to,
        sent_us,
        arrives_us: hop.arrives_at.micros(),
        messages: messages.into_iter().take(NAMED_MAX).collect(),
        count,
        name: name.to_owned(),
    }
}

/// The shape of a message of the Kafka side. Answers carry the name of their request.
fn kafka_kind(name: &str, from: &Place, records: usize) -> MoverKind {
    let answer = matches!(from, Place::Broker(_));
    match (name, answer) {
        (name, false) if name.starts_with("Produce") => MoverKind::Send,
        (name, true) if name.starts_with("Produce") => MoverKind::Confirm,
        (name, false) if name.starts_with("Fetch") => MoverKind::FetchRequest,
        (name, true) if name.starts_with("Fetch") && records > 0 => MoverKind::Records,
        (name, true) if name.starts_with("Fetch") => MoverKind::NoRecords,
        (name, false) if name.starts_with("OffsetCommit") => MoverKind::Commit,
        _ => MoverKind::Control,
    }
}

/// The shape of a message of the RabbitMQ side.
fn rabbit_kind(name: &str, to: &Place) -> MoverKind {
    match name {
        "basic.publish" => MoverKind::Send,
        "basic.deliver" => MoverKind::Deliver,
        // The same method: from a consumer the tick, to a publisher the confirm.
        "basic.ack" | "basic.nack" | "basic.reject" if matches!(to, Place::Producer(_)) => {
            MoverKind::Confirm
        }
        "basic.ack" | "basic.nack" | "basic.reject" => MoverKind::Acknowledge,
        _ => MoverKind::Control,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_follow_the_protocol() {
        let broker = Place::Broker("kafka-1".into());
        let consumer = Place::KafkaConsumer("ck".into());
        assert_eq!(kafka_kind("Fetch", &consumer, 0), MoverKind::FetchRequest);
        assert_eq!(kafka_kind("Fetch", &broker, 2), MoverKind::Records);
        assert_eq!(kafka_kind("FetchResponse", &broker, 0), MoverKind::NoRecords);
        assert_eq!(kafka_kind("Produce", &Place::Producer("p".into()), 1), MoverKind::Send);
        assert_eq!(kafka_kind("Produce", &broker, 0), MoverKind::Confirm);
        assert_eq!(kafka_kind("Heartbeat", &consumer, 0), MoverKind::Control);
        let node = Place::RabbitNode("rabbit-1".into());
        assert_eq!(rabbit_kind("basic.ack", &node), MoverKind::Acknowledge);
        assert_eq!(rabbit_kind("basic.ack", &Place::Producer("p".into())), MoverKind::Confirm);
        assert_eq!(rabbit_kind("basic.deliver", &consumer), MoverKind::Deliver);
        assert_eq!(rabbit_kind("basic.qos", &node), MoverKind::Control);
    }

    #[test]
    fn movers_have_names_of_their_own() {
        let a = id(NodeId(1), NodeId(2), 5, "Fetch", None, true);
        assert_eq!(a, id(NodeId(1), NodeId(2), 5, "Fetch", None, true));
        for other in [
            id(NodeId(2), NodeId(1), 5, "Fetch", None, true),
            id(NodeId(1), NodeId(2), 6, "Fetch", None, true),
            id(NodeId(1), NodeId(2), 5, "Fetch", Some(0), true),
            id(NodeId(1), NodeId(2), 5, "Fetch", None, false),
        ] {
            assert_ne!(a, other);
        }
    }
}
