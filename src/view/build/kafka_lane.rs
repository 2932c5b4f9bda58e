//! The Kafka lane: partitions with their last cells and carets, consumers with what they hold.

use super::super::scene::{
    CELLS_MAX, Caret, Consumer, Health, KafkaLane, LogCell, Partition, Server, Topic,
};
use super::{health, is_console};
use crate::kafka::inspect::{ClientKind, ClientState, GroupState, PartitionState};
use crate::kafka::spec::{Reads, Spec};
use crate::lab::Session;

pub(super) fn lane(session: &Session) -> KafkaLane {
    let groups = session.kafka.groups();
    let clients = session.kafka.clients();
    let topics: Vec<Topic> = session
        .kafka
        .topics()
        .into_iter()
        .filter(|topic| !topic.internal)
        .map(|topic| Topic {
            partitions: topic
                .partitions
                .iter()
                .map(|state| partition(session, state, &groups, &clients))
                .collect(),
            name: topic.name,
        })
        .collect();
    let records = |p: &Partition| (p.log_end - p.log_start).max(0) as u64;
    KafkaLane {
        brokers: brokers(session),
        records: topics.iter().flat_map(|topic| &topic.partitions).map(records).sum(),
        topics,
        consumers: clients
            .iter()
            .filter(|client| client.kind == ClientKind::Consumer && !is_console(&client.name))
            .map(|client| consumer(session, client))
            .collect(),
    }
}

fn brokers(session: &Session) -> Vec<Server> {
    let kafka = &session.kafka;
    let ids = kafka.world.ids().filter(|id| matches!(kafka.spec(*id), Spec::Broker(_)));
    ids.map(|id| Server {
        name: kafka.world.name(id).to_owned(),
        health: match health(&kafka.world, id) {
            Health::Running if !kafka.is_ready(id) => Health::Starting,
            health => health,
        },
    })
    .collect()
}

fn partition(
    session: &Session,
    state: &PartitionState,
    groups: &[GroupState],
    clients: &[ClientState],
) -> Partition {
    let first = state.log_start.max(state.log_end - CELLS_MAX as i64);
    let mut known = session.kafka.glimpse(&state.partition, first, state.log_end).into_iter();
    let mut next = known.next();
    let cells = (first..state.log_end).map(|offset| {
        while next.as_ref().is_some_and(|glimpse| glimpse.offset < offset) {
            next = known.next();
        }
        let glimpse = next.as_ref().filter(|glimpse| glimpse.offset == offset);
        LogCell {
            offset,
            message: glimpse.and_then(|glimpse| glimpse.message).map(|message| message.0),
            key: glimpse.and_then(|glimpse| glimpse.key.clone()),
            visible: offset < state.high_watermark,
        }
    });
    let carets = groups.iter().filter_map(|group| {
        let place = group.offsets.iter().find(|place| place.partition == state.partition)?;
        let of_group =
            clients.iter().filter(|client| client.group.as_deref() == Some(group.id.as_str()));
        let position = of_group
            .flat_map(|client| &client.positions)
            .find(|(partition, _)| *partition == state.partition)
            .map(|(_, offset)| *offset);
        let (committed, lag) = (place.committed, place.lag);
        Some(Caret { group: group.id.clone(), committed, position, lag })
    });
    Partition {
        index: state.partition.partition,
        leader: state.leader.map(|id| format!("kafka-{id}")),
        isr: state.isr.clone(),
        replicas: state.replicas.clone(),
        log_start: state.log_start,
        high_watermark: state.high_watermark,
        log_end: state.log_end,
        cells: cells.collect(),
        carets: carets.collect(),
        bytes: state.segments.iter().map(|segment| segment.bytes).sum(),
        segments: state.segments.len() as u32,
    }
}

fn consumer(session: &Session, client: &ClientState) -> Consumer {
    let id = session.kafka.world.id(&client.name);
    let (reads, work_us) = match id.map(|id| session.kafka.spec(id)) {
        Some(Spec::Consumer(spec)) => {
            let reads = match &spec.reads {
                Reads::Group { topics, .. } => topics.clone(),
                Reads::Assigned { topic, .. } => vec![topic.clone()],
            };
            (reads, spec.work_per_message.as_micros())
        }
        _ => (Vec::new(), 0),
    };
    let ready = id.is_some_and(|id| session.kafka.is_ready(id));
    Consumer {
        name: client.name.clone(),
        health: match id.map(|id| health(&session.kafka.world, id)) {
            Some(Health::Running) if !ready => Health::Starting,
            Some(health) => health,
            None => Health::Down,
        },
        group: client.group.clone(),
        reads,
        held: client.held.iter().take(CELLS_MAX).map(|message| message.0).collect(),
        held_count: client.held_count,
        held_bytes: client.held_bytes,
        got: client.got,
        done: client.done,
        parked_since_us: client.parked_since.map(|at| at.micros()),
        busy_until_us: client.busy_until.map(|at| at.micros()),
        work_us,
        ..Consumer::default()
    }
}
