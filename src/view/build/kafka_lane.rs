//! The upper lane: brokers, topics with their partitions, consumers.

use super::health;
use crate::kafka::Cluster;
use crate::kafka::event::TopicPartition;
use crate::kafka::inspect::{ClientKind, ClientState, GroupState, PartitionState};
use crate::kafka::spec::{ConsumerSpec, Reads, Spec};
use crate::sim::NodeId;
use crate::view::scene::{
    CELLS_MAX, Caret, Consumer, KafkaLane, LogCell, Partition, Replica, Server, Topic,
};

/// The upper lane.
pub fn lane(cluster: &Cluster) -> KafkaLane {
    let groups = cluster.groups();
    let clients = cluster.clients();
    let topics: Vec<Topic> = cluster
        .topics()
        .iter()
        .filter(|topic| !topic.internal)
        .map(|topic| Topic {
            name: topic.name.clone(),
            partitions: topic
                .partitions
                .iter()
                .map(|state| partition(cluster, state, &groups, &clients))
                .collect(),
        })
        .collect();
    let partitions = topics.iter().flat_map(|topic| &topic.partitions);
    let records = partitions.map(|p| (p.log_end - p.log_start).max(0) as u64).sum();
    KafkaLane { brokers: brokers(cluster), topics, consumers: consumers(cluster, clients), records }
}

fn brokers(cluster: &Cluster) -> Vec<Server> {
    let world = &cluster.world;
    let is_server = |id: &NodeId| {
        matches!(cluster.spec(*id), Spec::Broker(_) | Spec::Controller(_) | Spec::ZooKeeper(_))
    };
    // Brokers first: they hold the records.
    let (brokers, controllers): (Vec<NodeId>, Vec<NodeId>) =
        world.ids().filter(is_server).partition(|id| matches!(cluster.spec(*id), Spec::Broker(_)));
    let ids = brokers.into_iter().chain(controllers);
    ids.map(|id| Server {
        name: world.name(id).to_owned(),
        health: health(world.status(id), cluster.is_ready(id)),
    })
    .collect()
}

fn partition(
    cluster: &Cluster,
    state: &PartitionState,
    groups: &[GroupState],
    clients: &[ClientState],
) -> Partition {
    let from = state.log_start.max(state.log_end - CELLS_MAX as i64);
    let glimpsed = cluster.glimpse(&state.partition, from, state.log_end);
    Partition {
        index: state.partition.partition,
        leader: state.leader.map(|id| format!("kafka-{id}")),
        isr: state.isr.clone(),
        replicas: state.replicas.iter().map(|broker| replica(state, *broker)).collect(),
        log_start: state.log_start,
        high_watermark: state.high_watermark,
        log_end: state.log_end,
        cells: whole(
            glimpsed.into_iter().map(|record| LogCell {
                offset: record.offset,
                message: record.message.map(|message| message.0),
                key: record.key,
                visible: record.offset < state.high_watermark,
            }),
            state,
            from,
        ),
        carets: carets(&state.partition, groups, clients),
        bytes: state.segments.iter().map(|segment| segment.bytes).sum(),
        segments: state.segments.len() as u32,
    }
}

/// The cells with those of segments that are in storage and not in memory: they are there, though
/// nobody can say at once which messages they hold.
fn whole(known: impl Iterator<Item = LogCell>, state: &PartitionState, from: i64) -> Vec<LogCell> {
    let mut known = known.peekable();
    let mut cells = Vec::new();
    let ends = state.segments.iter().skip(1).map(|segment| segment.base_offset);
    for (segment, end) in state.segments.iter().zip(ends.chain([state.log_end])) {
        let before = cells.len();
        while let Some(cell) = known.next_if(|cell| cell.offset < end) {
            cells.push(cell);
        }
        if cells.len() == before && segment.bytes > 0 {
            cells.extend((segment.base_offset.max(from)..end).map(|offset| LogCell {
                offset,
                message: None,
                key: None,
                visible: offset < state.high_watermark,
            }));
        }
    }
    cells
}

fn replica(state: &PartitionState, broker: i32) -> Replica {
    let log = state.logs.iter().find(|log| log.broker == broker);
    let (high_watermark, log_end) = log.map_or((0, 0), |log| (log.high_watermark, log.log_end));
    Replica { broker, high_watermark, log_end }
}

/// One caret for each group that committed something here, or has a member that reads here.
fn carets(of: &TopicPartition, groups: &[GroupState], clients: &[ClientState]) -> Vec<Caret> {
    let position_of = |group: &GroupState| {
        let mine = clients.iter().filter(|client| client.group.as_ref() == Some(&group.id));
        let mut positions = mine.flat_map(|client| &client.positions);
        positions.find(|(partition, _)| partition == of).map(|(_, position)| *position)
    };
    let caret = |group: &GroupState| {
        let stands = group.offsets.iter().find(|position| position.partition == *of)?;
        Some(Caret {
            group: group.id.clone(),
            committed: stands.committed,
            position: position_of(group),
            lag: stands.lag,
        })
    };
    groups.iter().filter_map(caret).collect()
}

fn consumers(cluster: &Cluster, clients: Vec<ClientState>) -> Vec<Consumer> {
    let readers = clients.into_iter().filter(|client| client.kind == ClientKind::Consumer);
    readers
        .map(|client| {
            let id = cluster.world.id(&client.name);
            let spec = id.and_then(|id| match cluster.spec(id) {
                Spec::Consumer(spec) => Some(spec),
                _ => None,
            });
            let ready = id.is_some_and(|id| cluster.is_ready(id));
            consumer(client, spec, ready)
        })
        .collect()
}

fn consumer(client: ClientState, spec: Option<&ConsumerSpec>, ready: bool) -> Consumer {
    Consumer {
        health: health(client.status, ready),
        reads: spec.map_or_else(Vec::new, |spec| match &spec.reads {
            Reads::Group { topics, .. } => topics.clone(),
            Reads::Assigned { topic, .. } => vec![topic.clone()],
            // Of those that match it those that it reads just now.
            Reads::Pattern { .. } => {
                let mut topics: Vec<String> = Vec::new();
                for (partition, _) in &client.positions {
                    if topics.last().is_none_or(|last| **last != *partition.topic) {
                        topics.push(partition.topic.to_string());
                    }
                }
                topics
            }
        }),
        name: client.name,
        group: client.group,
        held: client.held.iter().take(CELLS_MAX).map(|message| message.0).collect(),
        held_count: client.held_count,
        held_bytes: client.held_bytes,
        memory: 0,
        prefetch: 0,
        unacked: 0,
        got: client.got,
        done: client.done,
        parked_since_us: client.parked_since.map(|time| time.micros()),
        busy_until_us: client.busy_until.map(|time| time.micros()),
        work_us: spec.map_or(0, |spec| spec.work_per_message.as_micros()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::inspect::{GroupPosition, SegmentState};
    use crate::kafka::spec::CommitMode;
    use crate::ordered::BTreeMap;
    use crate::sim::{MessageId, Span, Status, Time};
    use crate::view::scene::Health;

    fn client(positions: Vec<(TopicPartition, i64)>) -> ClientState {
        ClientState {
            name: "ck".into(),
            kind: ClientKind::Consumer,
            status: Status::Running,
            group: Some("g".into()),
            got: 5,
            done: 2,
            held: vec![MessageId(3), MessageId(4)],
            held_count: 2,
            held_bytes: 20,
            memory: None,
            busy_until: Some(Time::from_micros(9)),
            positions,
            parked_since: None,
            failed: 0,
            effects: 0,
            store: Vec::new(),
        }
    }

    #[test]
    fn a_group_has_a_caret_where_it_stands() {
        let here = TopicPartition::new("t", 0);
        let elsewhere = TopicPartition::new("t", 1);
        let group = GroupState {
            id: "g".into(),
            state: "Stable".into(),
            generation: 1,
            assignor: "range".into(),
            members: Vec::new(),
            offsets: vec![GroupPosition { partition: here.clone(), committed: Some(4), lag: 6 }],
        };
        let clients = [client(vec![(here.clone(), 6)])];
        let found = carets(&here, std::slice::from_ref(&group), &clients);
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].committed, found[0].position, found[0].lag), (Some(4), Some(6), 6));
        assert!(carets(&elsewhere, &[group], &clients).is_empty());
    }

    #[test]
    fn what_is_in_storage_only_is_drawn_too() {
        let segments = [(0, 9), (3, 0), (4, 9), (6, 9)];
        let segments = segments.map(|(base_offset, bytes)| SegmentState { base_offset, bytes });
        let state = PartitionState {
            partition: TopicPartition::new("t", 0),
            leader: Some(1),
            leader_epoch: 0,
            replicas: vec![1],
            isr: vec![1],
            elr: Vec::new(),
            log_start: 0,
            high_watermark: 7,
            last_stable: 7,
            log_end: 8,
            segments: segments.to_vec(),
            logs: Vec::new(),
        };
        // Of the third segment one record is gone by compaction; the others were not in memory,
        // and the second is empty.
        let known = LogCell { offset: 5, message: Some(9), key: None, visible: true };
        let cells = whole([known].into_iter(), &state, 1);
        let seen: Vec<_> = cells.iter().map(|cell| (cell.offset, cell.message)).collect();
        assert_eq!(seen, [(1, None), (2, None), (5, Some(9)), (6, None), (7, None)]);
        assert_eq!(cells.iter().filter(|cell| cell.visible).count(), 4);
    }

    #[test]
    fn a_consumer_shows_what_it_was_started_with() {
        let spec = ConsumerSpec {
            name: "ck".into(),
            reads: Reads::Group { group: "g".into(), topics: vec!["t".into(), "u".into()] },
            work_per_batch: Span::ZERO,
            work_per_message: Span::millis(50),
            batch: None,
            commit: CommitMode::Auto,
            effect: None,
            is_share: false,
            to: None,
            stop_after: None,
            settings: BTreeMap::new(),
        };
        let shown = consumer(client(Vec::new()), Some(&spec), false);
        assert_eq!(shown.health, Health::Starting);
        assert_eq!(shown.reads, ["t", "u"]);
        assert_eq!(shown.work_us, 50_000);
        assert_eq!(shown.held, [3, 4]);
    }
}
