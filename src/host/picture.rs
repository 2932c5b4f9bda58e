//! The lab as plain data for the page: the one place where the host asks the view for it.

use crate::lab::session::Arrived;
use crate::lab::{Event, Timeline};
use crate::shell::programs::lab_line;
use crate::view::beside::Beside;
use crate::view::build;
use crate::view::frame::{EventLine, Inspector, Selection};
use crate::view::scene::{Mover, Scene};

/// The picture at the present instant, without what arrived.
pub fn scene(timeline: &Timeline) -> Scene {
    build::scene(timeline.session())
}

/// Messages that arrived.
pub fn movers(timeline: &Timeline, arrived: Arrived) -> Vec<Mover> {
    build::movers(timeline.session(), &arrived)
}

/// An event.
pub fn event_line(event: &Event) -> EventLine {
    build::event_line(event)
}

/// The second run, if there is one.
pub fn beside(timeline: &Timeline) -> Option<Beside> {
    let second = timeline.beside()?;
    Some(build::beside(second, &lab_line(timeline.session().spec())))
}

/// What is known of a selected thing.
pub fn inspector(timeline: &Timeline, selection: &Selection) -> Option<Inspector> {
    build::inspector(timeline.session(), selection)
}
