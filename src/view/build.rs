//! From the lab to the screen's plain data. Everything here looks and changes nothing.

mod charts;
mod events;
mod inspector;
mod kafka_lane;
mod movers;
mod rabbit_lane;

pub use events::event_line;
pub use inspector::inspector;
pub use movers::movers;

use super::scene::{Health, Ledger, LedgerSide, Producer, Scene};
use crate::lab::Session;
use crate::lab::ledger::SideReport;
use crate::sim::{Node, NodeId, Status, World};

/// The picture at the present instant. What arrived is added by whoever watched the lab: see
/// [`movers`].
pub fn scene(session: &Session) -> Scene {
    let figures = session.ledger().figures();
    Scene {
        now_us: session.now().micros(),
        producers: producers(session),
        kafka: kafka_lane::lane(session),
        rabbit: rabbit_lane::lane(session),
        in_flight: movers::in_flight(session),
        arrived: Vec::new(),
        arrived_more: 0,
        ledger: Ledger { kafka: side(&figures.kafka), rabbit: side(&figures.rabbit) },
        charts: charts::charts(session),
    }
}

fn side(report: &SideReport) -> LedgerSide {
    LedgerSide {
        sent: report.sent,
        acknowledged: report.acknowledged,
        delivered: report.delivered,
        processed: report.processed,
        duplicated: report.duplicated,
        lost: report.lost,
        reordered: report.reordered,
    }
}

fn producers(session: &Session) -> Vec<Producer> {
    let kafka = session.kafka.clients();
    let rabbit = session.rabbit.clients();
    let of = |workload: &crate::lab::workload::Workload| {
        let name = &workload.name;
        let on_kafka = kafka.iter().find(|client| client.name == *name);
        let on_rabbit = rabbit.iter().find(|client| client.name == *name);
        let health_kafka = session.kafka.world.id(name).map(|id| health(&session.kafka.world, id));
        let health_rabbit =
            session.rabbit.world.id(name).map(|id| health(&session.rabbit.world, id));
        Producer {
            name: name.clone(),
            health: health_kafka.or(health_rabbit).unwrap_or(Health::Down),
            topics: workload.topics.clone(),
            exchanges: workload
                .exchanges
                .iter()
                .map(|(exchange, key)| (exchange.clone(), key.clone().unwrap_or_default()))
                .collect(),
            rate_per_second: workload.rate_per_second(),
            sent: workload.sent,
            count: workload.count,
            last_message: workload.last_message.map(|message| message.0),
            acknowledged: on_kafka.map_or(0, |client| client.done),
            confirmed: on_rabbit.map_or(0, |client| client.done),
            failed: on_kafka.map_or(0, |c| c.failed) + on_rabbit.map_or(0, |c| c.failed),
            sending: workload.next_at.is_some(),
        }
    };
    session.workloads().map(of).collect()
}

/// How a process is, as far as the world knows.
fn health<N: Node>(world: &World<N>, id: NodeId) -> Health {
    match world.status(id) {
        Status::Running => Health::Running,
        Status::Paused => Health::Paused,
        Status::Down | Status::Gone => Health::Down,
        Status::Off => Health::Off,
    }
}

/// Clients of the console tools come and go; the picture leaves them out.
fn is_console(name: &str) -> bool {
    name.starts_with("console-")
}
