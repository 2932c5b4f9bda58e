//! Makes the screen's data from the lab: looks at everything, changes nothing.
//!
//! [`scene`](fn@scene) is the picture at the present instant; [`movers`](fn@movers) are the
//! messages that arrived since the last one; [`event_line`](fn@event_line) puts an event into
//! words' reach; [`inspector`](fn@inspector) is all that is known of one thing.

mod beside;
mod charts;
mod event_line;
mod inspector;
mod kafka_lane;
mod movers;
mod producers;
mod rabbit_lane;

pub use beside::beside;
pub use event_line::event_line;
pub use inspector::inspector;
pub use movers::{in_flight, movers};

use super::scene::{Health, Ledger, LedgerSide, Scene};
use crate::lab::Session;
use crate::lab::ledger::SideReport;
use crate::sim::Status;

/// The picture at the present instant. What arrived since the last one is for the caller to add.
pub fn scene(session: &Session) -> Scene {
    let figures = session.ledger().figures();
    Scene {
        now_us: session.now().micros(),
        producers: producers::producers(session),
        kafka: kafka_lane::lane(&session.kafka),
        rabbit: rabbit_lane::lane(session),
        in_flight: in_flight(session),
        arrived: Vec::new(),
        arrived_more: 0,
        ledger: Ledger { kafka: side(&figures.kafka), rabbit: side(&figures.rabbit) },
        charts: charts::charts(session.history().samples(), session.sample()),
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

/// How a process is, as the picture tells it.
fn health(status: Status, ready: bool) -> Health {
    match status {
        Status::Running if ready => Health::Running,
        Status::Running => Health::Starting,
        Status::Paused => Health::Paused,
        Status::Down | Status::Gone => Health::Down,
        Status::Off => Health::Off,
    }
}
