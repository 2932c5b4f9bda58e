//! What moves: messages between places, with their real source, target and time.

use super::super::scene::{Mover, MoverKind, Place};
use crate::kafka::event::{Event as KafkaEvent, TopicPartition};
use crate::kafka::spec::Spec as KafkaSpec;
use crate::lab::event::What;
use crate::lab::session::Arrived;
use crate::lab::{Event, Session};
use crate::rabbit::spec::Spec as RabbitSpec;
use crate::sim::{Hop, Message, MessageId, NodeId, Time};
use std::rc::Rc;

/// More movers than this in one frame are joined where they go the same way.
const MOVERS_MAX: usize = 40;

/// How far back the events are looked through for what a message carries.
const EVENTS_BACK: usize = 2_000;

/// The messages that a mover names, at most.
const NAMED_MAX: usize = 3;

/// What arrived, as movers, oldest first, and how many more there were.
pub fn movers(session: &Session, arrived: &Arrived) -> (Vec<Mover>, u64) {
    let recent = recent(session);
    let kafka = arrived.kafka.iter().map(|hop| kafka_mover(session, hop, &recent));
    let rabbit = arrived.rabbit.iter().map(|hop| rabbit_mover(session, hop));
    let mut all: Vec<Mover> = kafka.chain(rabbit).collect();
    all.sort_by_key(|mover| mover.arrives_us);
    number(&mut all);
    let before = all.len();
    if before > MOVERS_MAX {
        join(&mut all);
    }
    let more = all.len().saturating_sub(MOVERS_MAX);
    all.drain(..more);
    (all, more as u64)
}

/// What is on its way at this instant.
pub(super) fn in_flight(session: &Session) -> Vec<Mover> {
    let recent = recent(session);
    let mut all: Vec<Mover> = Vec::new();
    all.extend(session.kafka.world.in_flight().map(|hop| kafka_mover(session, &hop, &recent)));
    all.extend(session.rabbit.world.in_flight().map(|hop| rabbit_mover(session, &hop)));
    all.sort_by(|a, b| (a.arrives_us, a.sent_us, &a.from).cmp(&(b.arrives_us, b.sent_us, &b.from)));
    number(&mut all);
    if all.len() > MOVERS_MAX {
        join(&mut all);
        all.truncate(MOVERS_MAX);
    }
    all
}

/// Gives each mover an id that it keeps from frame to frame: its way and times, and its place
/// among those that share them.
fn number(all: &mut [Mover]) {
    let mut last = (0, 0);
    for mover in all {
        let text = format!(
            "{} {:?} {:?} {:?} {} {}",
            mover.kafka, mover.kind, mover.from, mover.to, mover.sent_us, mover.arrives_us
        );
        let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        last = if last.0 == hash { (hash, last.1 + 1) } else { (hash, 0) };
        mover.id = hash.wrapping_add(last.1);
    }
}

/// Joins movers that go the same way into one that counts them.
fn join(all: &mut Vec<Mover>) {
    let mut joined: Vec<Mover> = Vec::new();
    for mover in all.drain(..) {
        let same = joined.iter_mut().find(|other| {
            (other.kafka, other.kind) == (mover.kafka, mover.kind)
                && other.from == mover.from
                && other.to == mover.to
        });
        match same {
            Some(other) => {
                other.count += mover.count;
                other.arrives_us = mover.arrives_us;
            }
            None => joined.push(mover),
        }
    }
    *all = joined;
}

fn recent(session: &Session) -> Vec<Rc<Event>> {
    session.events().newest_first().take(EVENTS_BACK).cloned().collect()
}

/// What a message of the Kafka world carries, as the clients told it when they sent or got it.
#[derive(Default)]
struct Load {
    partition: Option<TopicPartition>,
    messages: Vec<MessageId>,
}

fn kafka_mover<M: Message>(session: &Session, hop: &Hop<M>, recent: &[Rc<Event>]) -> Mover {
    let world = &session.kafka.world;
    let is_broker = |id: NodeId| matches!(session.kafka.spec(id), KafkaSpec::Broker(_));
    let request = is_broker(hop.to);
    let client = if request { hop.from } else { hop.to };
    let name = hop.body.kind();
    let load = load(world.name(client), request, name, hop, recent);
    let kind = match (name.split(['R', '_']).next().unwrap_or(name), request) {
        (kind, true) if kind.starts_with("Produce") => MoverKind::Send,
        (kind, false) if kind.starts_with("Produce") => MoverKind::Confirm,
        (kind, true) if kind.starts_with("Fetch") => MoverKind::FetchRequest,
        (kind, false) if kind.starts_with("Fetch") => match load.messages.is_empty() {
            true if hop.arrives_at <= session.now() => MoverKind::NoRecords,
            _ => MoverKind::Records,
        },
        (kind, _) if kind.starts_with("OffsetCommit") => MoverKind::Commit,
        _ => MoverKind::Control,
    };
    let broker = |id: NodeId| match &load.partition {
        Some(partition) => Place::Partition(partition.topic.to_string(), partition.partition),
        None => Place::Broker(world.name(id).to_owned()),
    };
    let place = |id: NodeId| {
        if is_broker(id) { broker(id) } else { kafka_client(session, id) }
    };
    Mover {
        id: 0,
        kafka: true,
        kind,
        from: place(hop.from),
        to: place(hop.to),
        sent_us: hop.sent_at.micros(),
        arrives_us: hop.arrives_at.micros(),
        messages: load.messages.iter().take(NAMED_MAX).map(|message| message.0).collect(),
        count: load.messages.len() as u64,
        name: name.to_owned(),
    }
}

fn kafka_client(session: &Session, id: NodeId) -> Place {
    let name = session.kafka.world.name(id).to_owned();
    match session.kafka.spec(id) {
        _ if super::is_console(&name) => Place::Tool,
        KafkaSpec::Producer(_) => Place::Producer(name),
        KafkaSpec::Consumer(_) => Place::KafkaConsumer(name),
        KafkaSpec::Broker(_) => Place::Broker(name),
        KafkaSpec::Admin => Place::Tool,
    }
}

fn load<M: Message>(
    client: &str,
    request: bool,
    kind: &str,
    hop: &Hop<M>,
    recent: &[Rc<Event>],
) -> Load {
    let at = |event: &Event, at: Time| event.at == at;
    for event in recent {
        let What::Kafka(what) = &event.what else { continue };
        let found = match what {
            KafkaEvent::ProduceSent { client: by, partition, messages }
                if request
                    && kind.starts_with("Produce")
                    && at(event, hop.sent_at)
                    && **by == *client =>
            {
                Some((Some(partition.clone()), messages.clone()))
            }
            KafkaEvent::ProduceAcknowledged { client: by, partition, messages, .. }
                if !request
                    && kind.starts_with("Produce")
                    && at(event, hop.arrives_at)
                    && **by == *client =>
            {
                Some((Some(partition.clone()), messages.clone()))
            }
            KafkaEvent::FetchSent { client: by, partitions }
                if request
                    && kind.starts_with("Fetch")
                    && at(event, hop.sent_at)
                    && **by == *client =>
            {
                Some((partitions.first().map(|(partition, _)| partition.clone()), Vec::new()))
            }
            KafkaEvent::Fetched { client: by, partition, messages, .. }
                if !request
                    && kind.starts_with("Fetch")
                    && at(event, hop.arrives_at)
                    && **by == *client =>
            {
                Some((Some(partition.clone()), messages.clone()))
            }
            _ => None,
        };
        if let Some((partition, messages)) = found {
            return Load { partition, messages };
        }
    }
    Load::default()
}

fn rabbit_mover<M: Message>(session: &Session, hop: &Hop<M>) -> Mover {
    let world = &session.rabbit.world;
    let is_broker = |id: NodeId| matches!(session.rabbit.spec(id), RabbitSpec::Broker { .. });
    let name = hop.body.kind();
    let from_publisher = matches!(session.rabbit.spec(hop.from), RabbitSpec::Publisher(_));
    let kind = match name {
        "basic.publish" => MoverKind::Send,
        "basic.deliver" => MoverKind::Deliver,
        "basic.ack" | "basic.nack" | "basic.reject" if is_broker(hop.to) => MoverKind::Acknowledge,
        "basic.ack" | "basic.nack" | "basic.return" if is_broker(hop.from) => MoverKind::Confirm,
        "basic.get-ok" => MoverKind::Deliver,
        _ => MoverKind::Control,
    };
    let target = |id: NodeId| -> Place {
        let workload =
            |id: NodeId| session.workloads().find(|workload| workload.name == world.name(id));
        match (kind, if from_publisher { workload(hop.from) } else { workload(hop.to) }) {
            (MoverKind::Send | MoverKind::Confirm, Some(workload)) => {
                let exchange = workload.exchanges.first().map(|(exchange, _)| exchange.clone());
                exchange
                    .map_or_else(|| Place::RabbitNode(world.name(id).to_owned()), Place::Exchange)
            }
            _ => Place::RabbitNode(world.name(id).to_owned()),
        }
    };
    let queue_of = |consumer: NodeId| match session.rabbit.spec(consumer) {
        RabbitSpec::Consumer(spec) => Some(Place::Queue(spec.queue.clone())),
        _ => None,
    };
    let place = |id: NodeId, peer: NodeId| match session.rabbit.spec(id) {
        RabbitSpec::Publisher(_) => Place::Producer(world.name(id).to_owned()),
        RabbitSpec::Consumer(_) => Place::RabbitConsumer(world.name(id).to_owned()),
        RabbitSpec::Admin => Place::Tool,
        RabbitSpec::Broker { .. } => queue_of(peer).unwrap_or_else(|| target(id)),
    };
    let messages = hop.body.messages();
    Mover {
        id: 0,
        kafka: false,
        kind,
        from: place(hop.from, hop.to),
        to: place(hop.to, hop.from),
        sent_us: hop.sent_at.micros(),
        arrives_us: hop.arrives_at.micros(),
        count: messages.len() as u64,
        messages: messages.iter().take(NAMED_MAX).map(|message| message.0).collect(),
        name: name.to_owned(),
    }
}
