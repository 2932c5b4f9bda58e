//! Frames: what changed since the page was last sent one.

use super::picture;
use crate::lab::Timeline;
use crate::lab::session::Arrived;
use crate::view::frame::{EventLine, Frame, Inspector, Selection, Status};
use crate::view::lesson::LessonView;
use crate::view::scene::Mover;

/// At most so many events go into one frame; the others are counted.
pub const EVENTS_MAX: usize = 500;

/// At most so many messages that arrived go into one frame; the others are counted.
pub const ARRIVED_MAX: usize = 300;

/// What the page was sent, and what it has to be sent.
#[derive(Default)]
pub struct Framing {
    /// The first event that was not sent yet.
    next_event: u64,
    /// True if what was sent of events is no longer true.
    jumped: bool,
    changed: bool,
    arrived: Vec<Mover>,
    arrived_more: u64,
}

impl Framing {
    /// Something changed that the page shows.
    pub fn change(&mut self) {
        self.changed = true;
    }

    /// True if something changed since the last frame.
    pub fn has_changed(&self) -> bool {
        self.changed
    }

    /// The lab stands elsewhere in time, or is another one.
    pub fn jump(&mut self) {
        self.changed = true;
        self.jumped = true;
        self.arrived.clear();
        self.arrived_more = 0;
    }

    /// Takes up what arrived. Gives how many of them a person should see arrive.
    pub fn arrive(&mut self, timeline: &Timeline, arrived: Arrived) -> usize {
        let movers = picture::movers(timeline, arrived);
        let seen = movers.iter().filter(|mover| mover.count > 0).count();
        let room = ARRIVED_MAX.saturating_sub(self.arrived.len());
        self.arrived_more += movers.len().saturating_sub(room) as u64;
        self.arrived.extend(movers.into_iter().take(room));
        seen
    }

    /// The next frame; whoever sends it gives it its number.
    pub fn frame(
        &mut self,
        timeline: &Timeline,
        status: Status,
        selection: Option<&Selection>,
        lesson: Option<LessonView>,
    ) -> Frame {
        let mut scene = picture::scene(timeline);
        scene.arrived = std::mem::take(&mut self.arrived);
        scene.arrived_more = std::mem::take(&mut self.arrived_more);
        let events_replaced = std::mem::take(&mut self.jumped);
        let (events, events_skipped) = self.events(timeline, events_replaced);
        self.changed = false;
        Frame {
            number: 0,
            scene,
            events,
            events_replaced,
            events_skipped,
            status,
            inspector: selection.and_then(|selection| inspector(timeline, selection)),
            lesson,
        }
    }

    fn events(&mut self, timeline: &Timeline, all: bool) -> (Vec<EventLine>, u64) {
        let log = timeline.session().events();
        let from = if all { 0 } else { self.next_event };
        self.next_event = log.next();
        let newest = log.since(from).rev().take(EVENTS_MAX);
        let mut events: Vec<EventLine> = newest.map(|event| picture::event_line(event)).collect();
        events.reverse();
        let fresh = log.next().saturating_sub(from);
        let skipped = fresh - events.len() as u64;
        (events, skipped)
    }
}

fn inspector(timeline: &Timeline, selection: &Selection) -> Option<Inspector> {
    picture::inspector(timeline, selection)
}
