//! Frames: what changed since the page was last sent one.

use super::picture;
use crate::lab::Timeline;
use crate::lab::session::Arrived;
use crate::view::frame::{EventLine, Frame, Selection, Status};
use crate::view::lesson::LessonView;
use crate::view::scene::{Mover, MoverKind};

/// At most so many events go into a frame that begins the list anew; the others are counted.
pub const EVENTS_MAX: usize = 500;

/// At most so many are added by a frame: more than anybody reads in a sixtieth of a second.
const EVENTS_ADDED_MAX: usize = 100;

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

    /// Takes up what arrived. Gives how many of them a person should see arrive; what finds no
    /// room in the frame is only counted.
    pub fn arrive(&mut self, timeline: &Timeline, mut arrived: Arrived) -> usize {
        let room = ARRIVED_MAX.saturating_sub(self.arrived.len());
        let total = arrived.kafka.len() + arrived.rabbit.len();
        arrived.kafka.truncate(room);
        arrived.rabbit.truncate(room - arrived.kafka.len());
        let taken = arrived.kafka.len() + arrived.rabbit.len();
        self.arrived_more += (total - taken) as u64;
        if taken == 0 {
            return 0;
        }
        let movers = picture::movers(timeline, arrived);
        let seen = movers.iter().filter(|mover| is_seen(mover.kind)).count();
        self.arrived.extend(movers);
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
            inspector: selection.and_then(|selection| picture::inspector(timeline, selection)),
            lesson,
            beside: picture::beside(timeline).map(Box::new),
        }
    }

    fn events(&mut self, timeline: &Timeline, all: bool) -> (Vec<EventLine>, u64) {
        let log = timeline.session().events();
        let (from, most) = if all { (0, EVENTS_MAX) } else { (self.next_event, EVENTS_ADDED_MAX) };
        self.next_event = log.next();
        let newest = log.since(from).rev().take(most);
        let mut events: Vec<EventLine> = newest.map(|event| picture::event_line(event)).collect();
        events.reverse();
        let fresh = log.next().saturating_sub(from);
        let skipped = fresh - events.len() as u64;
        (events, skipped)
    }
}

/// True for what belongs to the life of a message. Heartbeats, and answers that bring nothing,
/// are drawn where they fit and never waited for.
fn is_seen(kind: MoverKind) -> bool {
    !matches!(kind, MoverKind::Control | MoverKind::NoRecords)
}
