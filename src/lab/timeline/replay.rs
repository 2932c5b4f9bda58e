//! A journal that happens again. One that comes from elsewhere (a link, another version) need not
//! fit this lab: then it strays, and that is told rather than hidden.

use super::{Entry, Place, Target, Timeline, Within};
use crate::lab::command::{Command, LabSpec};
use crate::lab::event::Moment;
use crate::lab::outcome::LabError;
use crate::sim::Time;
use crate::storage::manifest::JournalLine;
use std::rc::Rc;

impl Timeline {
    /// A lab at its beginning, with everything that was recorded of it still to come: a
    /// [`Timeline::seek`] to `end` lets it happen again.
    pub fn recorded(
        spec: &LabSpec,
        journal: Vec<(JournalLine, Command)>,
        end: Time,
    ) -> Result<Timeline, LabError> {
        let mut timeline = Timeline::new(spec)?;
        for (acts, (line, command)) in journal.into_iter().enumerate() {
            let moment = Moment { steps: line.steps, acts };
            let before = Place { moment, at: Time::from_micros(line.time_us) };
            let (command, text) = (Rc::new(command), line.text.into());
            timeline.journal.push(Entry { before, command, text, dropped: None });
            timeline.end = timeline.end.max(before);
        }
        timeline.end.at = timeline.end.at.max(end);
        Ok(timeline)
    }

    /// The same, on its way to the point after so many events, at that instant:
    /// [`Timeline::seek_on`] goes there.
    pub fn recorded_to(
        spec: &LabSpec,
        journal: Vec<(JournalLine, Command)>,
        steps: u64,
        end: Time,
    ) -> Result<Timeline, LabError> {
        let acts = journal.len();
        let mut timeline = Timeline::recorded(spec, journal, end)?;
        timeline.end = Place { moment: Moment { steps, acts }, at: end };
        timeline.target = Some(Target::Place(timeline.end));
        Ok(timeline)
    }

    /// The number of the first command, from 1, that did not come to the same when it happened
    /// again; the end counts as one more.
    pub fn strayed(&self) -> Option<usize> {
        self.strayed.map(|acts| acts + 1)
    }

    pub(super) fn stray(&mut self) {
        self.strayed = self.strayed.or(Some(self.session.acts));
    }

    /// A recorded command acts again.
    pub(super) fn repeat(&mut self, at: Time, command: &Command) -> Within {
        let passed_over = self.session.next_time().is_some_and(|next| next < at);
        if passed_over || self.session.now() > at {
            self.stray();
        } else {
            self.session.advance_to(at);
        }
        if self.session.act(command).is_err() {
            self.stray();
        }
        self.session.acts += 1;
        Within::Ran
    }

    /// Comes to rest at a place that was gone to; its instant is zero where only the point counts.
    pub(super) fn come_to(&mut self, place: Place) {
        let passed_over = self.session.next_time().is_some_and(|next| next < place.at);
        let late = place.at > Time::ZERO && self.session.now() > place.at;
        if self.session.moment() != place.moment || passed_over || late {
            self.stray();
        } else {
            self.session.advance_to(place.at);
        }
        self.arrive();
    }

    /// Ends a seek where it is.
    pub fn stop_seeking(&mut self) {
        self.arrive();
    }
}
