//! Producers: one client that feeds both lanes, so one box.

use super::health;
use crate::lab::Session;
use crate::lab::workload::Workload;
use crate::view::scene::{Health, Producer};
use crate::{kafka, rabbit};

/// Producers in the order in which they came: those with a workload, then those of tools.
pub fn producers(session: &Session) -> Vec<Producer> {
    let kafka = session.kafka.clients();
    let rabbit = session.rabbit.clients();
    let mut all: Vec<Producer> = session
        .workloads()
        .map(|workload| of_workload(session, workload, &kafka, &rabbit))
        .collect();
    let is_producer =
        |client: &&kafka::inspect::ClientState| client.kind == kafka::inspect::ClientKind::Producer;
    for client in kafka.iter().filter(is_producer) {
        if all.iter().any(|known| known.name == client.name) {
            continue;
        }
        all.push(Producer {
            name: client.name.clone(),
            health: health(client.status, true),
            sent: client.got,
            count: Some(client.got),
            acknowledged: client.done,
            failed: client.failed,
            ..Producer::default()
        });
    }
    all
}

fn of_workload(
    session: &Session,
    workload: &Workload,
    kafka: &[kafka::inspect::ClientState],
    rabbit: &[rabbit::inspect::ClientState],
) -> Producer {
    let name = &workload.name;
    let upper = kafka.iter().find(|client| *client.name == **name);
    let lower = rabbit.iter().find(|client| *client.name == **name);
    let kafka_health = upper.map(|client| {
        let id = session.kafka.world.id(name);
        health(client.status, id.is_some_and(|id| session.kafka.is_ready(id)))
    });
    let rabbit_health = lower.map(|client| {
        let id = session.rabbit.world.id(name);
        health(client.status, id.is_some_and(|id| session.rabbit.is_ready(id)))
    });
    Producer {
        name: name.to_string(),
        health: worse(kafka_health, rabbit_health),
        topics: workload.topics.clone(),
        exchanges: workload
            .exchanges
            .iter()
            .map(|(exchange, key)| {
                (exchange.to_string(), key.as_deref().unwrap_or_default().to_owned())
            })
            .collect(),
        rate_per_second: workload.rate_per_second(),
        sent: workload.sent,
        count: workload.count,
        last_message: workload.last_message.map(|message| message.0),
        acknowledged: upper.map_or(0, |client| client.done),
        confirmed: lower.map_or(0, |client| client.done),
        failed: upper.map_or(0, |client| client.failed) + lower.map_or(0, |client| client.failed),
        sending: !workload.is_done(),
    }
}

/// Of the two halves of a producer, how the one is that is worse off.
fn worse(a: Option<Health>, b: Option<Health>) -> Health {
    let rank = |health: &Health| match health {
        Health::Running => 0,
        Health::Starting => 1,
        Health::Paused => 2,
        Health::Down => 3,
        Health::OutOfMemory => 4,
        Health::Off => 5,
    };
    [a, b].into_iter().flatten().max_by_key(rank).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_producer_is_as_well_as_its_worse_half() {
        assert_eq!(worse(Some(Health::Running), Some(Health::Down)), Health::Down);
        assert_eq!(worse(None, Some(Health::Paused)), Health::Paused);
        assert_eq!(worse(None, None), Health::Running);
    }
}
