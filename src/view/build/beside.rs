//! A second run beside the first.

use super::{charts, event_line, side};
use crate::lab::timeline::{self, Difference};
use crate::view::beside::{Beside, Parting};
use crate::view::scene::Ledger;

/// The second run as the page gets it; `made_by` is the line that the first lab was made by.
pub fn beside(second: &timeline::Beside, made_by: &str) -> Beside {
    let session = second.session();
    let figures = session.ledger().figures();
    let parting = |difference: &Difference| Parting {
        at_us: difference.at.micros(),
        first: difference.first.as_deref().map(event_line),
        second: difference.second.as_deref().map(event_line),
    };
    Beside {
        was: second.was().unwrap_or(made_by).to_owned(),
        with: second.with().to_owned(),
        charts: charts::charts(session.history().samples(), session.sample()),
        ledger: Ledger { kafka: side(&figures.kafka), rabbit: side(&figures.rabbit) },
        difference: second.difference().map(parting),
    }
}
