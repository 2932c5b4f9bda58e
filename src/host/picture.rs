//! The lab as plain data for the page: the one place where the host asks the view for it.

use crate::lab::session::Arrived;
use crate::lab::{Event, Timeline};
use crate::view::frame::{EventLine, Inspector, Selection};
use crate::view::scene::{Mover, Scene};

/// The picture at the present instant, without what arrived.
pub fn scene(timeline: &Timeline) -> Scene {
    Scene { now_us: timeline.session().now().micros(), ..Scene::default() }
}

/// Messages that arrived.
pub fn movers(_timeline: &Timeline, _arrived: Arrived) -> Vec<Mover> {
    Vec::new()
}

/// An event.
pub fn event_line(event: &Event) -> EventLine {
    EventLine {
        number: event.number,
        at_us: event.at.micros(),
        name: event.name().into(),
        by: event.by.to_string(),
        fields: Vec::new(),
    }
}

/// What is known of a selected thing.
pub fn inspector(_timeline: &Timeline, _selection: &Selection) -> Option<Inspector> {
    None
}
