//! What takes more than one slice of work, one after the other: lines of the lab's language,
//! steps, journeys through time, and the recovery of a lab that was opened again.

use super::lines::Lines;
use crate::lab::{Grain, Progress, Timeline};
use crate::sim::Time;

/// Something that takes more than one slice of work.
pub enum Task {
    /// The brokers of a reopened lab recover.
    Recover {
        /// Virtual time goes no further than this.
        until: Time,
        /// The instant that was saved.
        saved_us: u64,
        /// Real time that it has taken so far.
        took_us: u64,
    },
    /// What a link recorded happens again, for so many events.
    Replay {
        /// Events at its end.
        steps: u64,
    },
    /// Lines of the lab's language.
    Lines(Box<Lines>),
    /// A step forward.
    Forward(Grain),
    /// A journey through time.
    Travel {
        /// Where to.
        to: Destination,
        /// True once it has begun.
        begun: bool,
    },
}

/// Where a journey through time goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Destination {
    /// Back by a step.
    Back(Grain),
    /// To an instant.
    Instant(Time),
    /// To before the last command, which is taken back.
    Undo,
    /// To after the command that was taken back.
    Redo,
}

/// So much virtual time a recovery may take. A broker that serves after it is no less welcome; the
/// lab is opened then as it is.
pub const RECOVERY_US_MAX: u64 = 300_000_000;

impl Task {
    /// What the page says that the lab is doing.
    pub fn text(&self) -> String {
        match self {
            Task::Recover { .. } => "crash-all".into(),
            Task::Replay { .. } => "replay".into(),
            Task::Lines(lines) => lines.line().to_owned(),
            Task::Forward(_) => "step".into(),
            Task::Travel { to: Destination::Undo, .. } => "undo".into(),
            Task::Travel { to: Destination::Redo, .. } => "redo".into(),
            Task::Travel { .. } => "seek".into(),
        }
    }

    /// How far it is, from 0 to 1, where that is known.
    pub fn part_done(&self, timeline: &Timeline) -> Option<f64> {
        match self {
            Task::Lines(lines) => lines.part_done(timeline),
            Task::Replay { steps } => {
                Some(timeline.session().steps() as f64 / (*steps).max(1) as f64)
            }
            _ => None,
        }
    }

    /// True if it would go elsewhere in time: then what is here is saved first.
    pub fn leaves_the_present(&self) -> bool {
        matches!(self, Task::Travel { begun: false, .. })
    }

    /// True if pause ends it.
    pub fn can_be_stopped(&self) -> bool {
        matches!(self, Task::Lines(_) | Task::Forward(_) | Task::Replay { .. })
    }

    /// Recovers, steps or travels on for at most `budget` events. Lines are worked on by
    /// [`Lines::work`], as they have something to say.
    pub fn work(&mut self, timeline: &mut Timeline, budget: u64) -> Progress<()> {
        match self {
            Task::Lines(_) => Progress::Done(()),
            Task::Recover { until, .. } => recover(timeline, *until, budget),
            Task::Replay { .. } => timeline.seek_on(budget),
            Task::Forward(grain) => match timeline.step_forward(*grain, budget) {
                Progress::Done(_) => Progress::Done(()),
                Progress::More => Progress::More,
                Progress::Need(blocks) => Progress::Need(blocks),
            },
            Task::Travel { to, begun } => {
                if !std::mem::replace(begun, true) {
                    match *to {
                        Destination::Back(grain) => timeline.step_back(grain),
                        Destination::Instant(instant) => timeline.seek(instant),
                        Destination::Undo if timeline.undo() => {}
                        Destination::Redo if timeline.redo() => {}
                        Destination::Undo | Destination::Redo => return Progress::Done(()),
                    }
                }
                timeline.seek_on(budget)
            }
        }
    }
}

fn recover(timeline: &mut Timeline, until: Time, budget: u64) -> Progress<()> {
    let mut left = budget;
    while left > 0 {
        if timeline.session().is_booted() || timeline.session().now() >= until {
            return Progress::Done(());
        }
        // One event at a time: without one before it, time would pass up to `until`.
        match timeline.advance(until, 1) {
            Progress::Need(blocks) => return Progress::Need(blocks),
            Progress::More | Progress::Done(()) => left -= 1,
        }
    }
    Progress::More
}
