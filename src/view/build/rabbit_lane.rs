//! The RabbitMQ lane: exchanges in use, queues with their cells, consumers with what they hold.

use super::super::scene::{
    CELLS_MAX, Consumer, Exchange, Health, Queue, QueueCell, RabbitLane, Server,
};
use super::health;
use crate::lab::Session;
use crate::rabbit::inspect::{CellState, ClientKind, ClientState, QueueState};
use crate::rabbit::spec::Spec;

pub(super) fn lane(session: &Session) -> RabbitLane {
    let queues = session.rabbit.queues();
    let clients = session.rabbit.clients();
    RabbitLane {
        nodes: nodes(session),
        exchanges: exchanges(session, &queues),
        messages: queues.iter().map(|queue| queue.ready + queue.unacked).sum(),
        queues: queues.into_iter().map(|state| queue(session, state)).collect(),
        consumers: clients
            .iter()
            .filter(|client| client.kind == ClientKind::Consumer)
            .map(|client| consumer(session, client))
            .collect(),
    }
}

fn nodes(session: &Session) -> Vec<Server> {
    let rabbit = &session.rabbit;
    let ids = rabbit.world.ids().filter(|id| matches!(rabbit.spec(*id), Spec::Broker { .. }));
    ids.map(|id| Server {
        name: rabbit.world.name(id).to_owned(),
        health: match health(&rabbit.world, id) {
            Health::Running if !rabbit.is_ready(id) => Health::Starting,
            health => health,
        },
    })
    .collect()
}

/// Exchanges with a binding, those that a producer names, and those that somebody declared. The
/// default exchange stands for every queue, and is there if a queue or producer is.
fn exchanges(session: &Session, queues: &[QueueState]) -> Vec<Exchange> {
    let bindings = session.rabbit.bindings();
    let named = |name: &str| {
        session.workloads().any(|workload| workload.exchanges.iter().any(|(x, _)| x == name))
    };
    let all = session.rabbit.exchanges().into_iter().filter_map(|exchange| {
        let own: Vec<(String, String)> = match &*exchange.name {
            "" => queues.iter().map(|queue| (queue.name.clone(), queue.name.clone())).collect(),
            name => bindings
                .iter()
                .filter(|binding| binding.source == name)
                .map(|binding| (binding.key.clone(), binding.destination.clone()))
                .collect(),
        };
        let in_use = !own.is_empty() || !exchange.predeclared || named(&exchange.name);
        in_use.then_some(Exchange { name: exchange.name, kind: exchange.kind, bindings: own })
    });
    all.collect()
}

fn queue(session: &Session, state: QueueState) -> Queue {
    let cells = session.rabbit.glimpse(&state.name, CELLS_MAX).into_iter().map(|cell| QueueCell {
        position: cell.position,
        message: cell.message.0,
        key: cell.key,
        unacked: cell.state == CellState::Unacked,
        redelivered: cell.redelivered,
    });
    Queue {
        cells: cells.collect(),
        name: state.name,
        kind: state.kind,
        durable: state.durable,
        ready: state.ready,
        unacked: state.unacked,
        bytes: state.bytes,
    }
}

fn consumer(session: &Session, client: &ClientState) -> Consumer {
    let id = session.rabbit.world.id(&client.name);
    let work_us = match id.map(|id| session.rabbit.spec(id)) {
        Some(Spec::Consumer(spec)) => spec.work_per_message.as_micros(),
        _ => 0,
    };
    let ready = id.is_some_and(|id| session.rabbit.is_ready(id));
    Consumer {
        name: client.name.clone(),
        health: match id.map(|id| health(&session.rabbit.world, id)) {
            _ if client.out_of_memory => Health::OutOfMemory,
            Some(Health::Running) if !ready => Health::Starting,
            Some(health) => health,
            None => Health::Down,
        },
        group: None,
        reads: client.queue.iter().cloned().collect(),
        held: client.held.iter().take(CELLS_MAX).map(|message| message.0).collect(),
        held_count: client.held_count,
        held_bytes: client.held_bytes,
        memory: client.memory,
        prefetch: client.prefetch,
        unacked: client.unacked,
        got: client.got,
        done: client.done,
        parked_since_us: None,
        busy_until_us: client.busy_until.map(|at| at.micros()),
        work_us,
    }
}
