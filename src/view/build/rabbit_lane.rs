//! The lower lane: nodes, exchanges, queues, consumers.

use super::health;
use crate::lab::Session;
use crate::ordered::BTreeSet;
use crate::rabbit::Cluster;
use crate::rabbit::inspect::{CellState, ClientKind, ClientState, QueueState};
use crate::rabbit::spec::Spec;
use crate::sim::Status;
use crate::view::scene::{
    CELLS_MAX, Consumer, Exchange, Health, Queue, QueueCell, RabbitLane, Server,
};

/// The lower lane.
pub fn lane(session: &Session) -> RabbitLane {
    let cluster = &session.rabbit;
    let states = cluster.queues();
    let messages = states.iter().map(|queue| queue.ready + queue.unacked + queue.delayed).sum();
    let named: BTreeSet<&str> = session
        .workloads()
        .flat_map(|workload| &workload.exchanges)
        .map(|(exchange, _)| &**exchange)
        .collect();
    RabbitLane {
        nodes: nodes(cluster),
        exchanges: exchanges(cluster, &named, &states),
        queues: states.iter().map(|state| queue(cluster, state)).collect(),
        consumers: consumers(cluster),
        messages,
    }
}

fn nodes(cluster: &Cluster) -> Vec<Server> {
    let world = &cluster.world;
    let ids = world.ids().filter(|id| matches!(cluster.spec(*id), Spec::Broker { .. }));
    ids.map(|id| Server {
        name: world.name(id).to_owned(),
        health: health(world.status(id), cluster.is_ready(id)),
    })
    .collect()
}

/// Exchanges with a binding or named by a producer; the default one where there is a queue.
fn exchanges(cluster: &Cluster, named: &BTreeSet<&str>, queues: &[QueueState]) -> Vec<Exchange> {
    let bindings = cluster.bindings();
    let all = cluster.exchanges().into_iter().map(|state| {
        let bindings = if state.name.is_empty() {
            queues.iter().map(|queue| (queue.name.clone(), queue.name.clone())).collect()
        } else {
            let own = bindings.iter().filter(|binding| binding.source == state.name);
            own.map(|binding| (binding.key.clone(), binding.destination.clone())).collect()
        };
        Exchange { name: state.name, kind: state.kind, bindings }
    });
    let shown: Vec<Exchange> = all
        .filter(|exchange| {
            named.contains(&*exchange.name)
                || !exchange.bindings.is_empty() && !exchange.name.is_empty()
        })
        .collect();
    match shown.is_empty() && !queues.is_empty() {
        true => {
            let direct =
                queues.iter().map(|queue| (queue.name.clone(), queue.name.clone())).collect();
            vec![Exchange { name: String::new(), kind: "direct".into(), bindings: direct }]
        }
        false => shown,
    }
}

fn queue(cluster: &Cluster, state: &QueueState) -> Queue {
    Queue {
        name: state.name.clone(),
        kind: state.kind.clone(),
        durable: state.durable,
        ready: state.ready,
        unacked: state.unacked,
        delayed: state.delayed,
        cells: cluster
            .glimpse(&state.name, CELLS_MAX)
            .into_iter()
            .map(|cell| QueueCell {
                position: cell.position,
                message: cell.message.0,
                key: cell.key,
                unacked: matches!(cell.state, CellState::Unacked | CellState::Dead),
                delayed: cell.state == CellState::Delayed,
                redelivered: cell.redelivered,
            })
            .collect(),
        bytes: state.bytes,
    }
}

fn consumers(cluster: &Cluster) -> Vec<Consumer> {
    let all = cluster.clients().into_iter();
    all.filter(|client| client.kind == ClientKind::Consumer)
        .map(|client| {
            let id = cluster.world.id(&client.name);
            let work_us = id.map_or(0, |id| match cluster.spec(id) {
                Spec::Consumer(spec) => spec.work_per_message.as_micros(),
                _ => 0,
            });
            let ready = id.is_some_and(|id| cluster.is_ready(id));
            Consumer { work_us, ..consumer(client, ready) }
        })
        .collect()
}

fn consumer(client: ClientState, ready: bool) -> Consumer {
    let dead = matches!(client.status, Status::Down | Status::Off);
    Consumer {
        name: client.name,
        health: match client.out_of_memory && dead {
            true => Health::OutOfMemory,
            false => health(client.status, ready),
        },
        group: None,
        reads: client.queue.into_iter().collect(),
        held: client.held.iter().take(CELLS_MAX).map(|message| message.0).collect(),
        held_count: client.held_count,
        held_bytes: client.held_bytes,
        memory: client.memory,
        prefetch: client.prefetch,
        unacked: client.unacked,
        got: client.got,
        done: client.done,
        parked_since_us: None,
        busy_until_us: client.busy_until.map(|time| time.micros()),
        work_us: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::MessageId;

    #[test]
    fn a_consumer_that_died_of_its_memory_says_so() {
        let state = |status, out_of_memory| ClientState {
            name: "cr".into(),
            kind: ClientKind::Consumer,
            status,
            out_of_memory,
            got: 3,
            done: 0,
            held: vec![MessageId(1)],
            held_count: 1,
            held_bytes: 10,
            memory: 9,
            busy_until: None,
            queue: Some("q".into()),
            prefetch: 0,
            unacked: 3,
            failed: 0,
            effects: 0,
        };
        assert_eq!(consumer(state(Status::Down, true), false).health, Health::OutOfMemory);
        assert_eq!(consumer(state(Status::Down, false), false).health, Health::Down);
        assert_eq!(consumer(state(Status::Running, true), true).health, Health::Running);
    }
}
