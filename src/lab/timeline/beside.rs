//! A second run beside the first: the same seed and the same commands at the same instants, but
//! one of them changed. It goes wherever the first one goes in time, and knows the first event in
//! which the two differ: another kind of event, told by another process, at another instant or
//! about other messages. That a setting is named with its new value is no difference yet.
//!
//! As long as nothing differs, commands act at the same point of the stream of events; from then
//! on as soon as their instant is reached.
//!
//! Simplified: a command acts when it did in the first run, whether or not what it waited for
//! there has come here. A lab that was opened again is compared from there on: what happened
//! before is not in memory.

use super::{Entry, Progress, Timeline, Within};
use crate::lab::act::Wait;
use crate::lab::command::{Command, LabSpec};
use crate::lab::event::Event;
use crate::lab::execution::messages_of;
use crate::lab::ledger::LedgerReport;
use crate::lab::outcome::{LabError, Outcome};
use crate::lab::session::Session;
use crate::sim::Time;
use std::rc::Rc;

/// So many events are compared in one go.
const COMPARED_MAX: u64 = 20_000;

/// A recorded line as it would have been.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// The command in the place of the recorded one.
    pub command: Command,
    /// Its line.
    pub text: String,
}

/// The first event in which two runs differ: that of the first, and that of the second.
#[derive(Clone, Debug, PartialEq)]
pub struct Difference {
    /// The instant of the earlier of the two.
    pub at: Time,
    /// What happened in the first run; `None` if nothing did there.
    pub first: Option<Rc<Event>>,
    /// What happened in the second.
    pub second: Option<Rc<Event>>,
}

/// What a comparison came to.
#[derive(Clone, Debug)]
pub struct Compared {
    /// The recorded line; `None` for what the first lab was made by.
    pub was: Option<String>,
    /// What the first lab is made of.
    pub spec: LabSpec,
    /// The changed line.
    pub with: String,
    /// Where the runs part, if they do.
    pub difference: Option<Difference>,
    /// What became of the messages in the first run and in the second.
    pub ledgers: Box<[LedgerReport; 2]>,
}

/// The second run.
pub struct Beside {
    run: Timeline,
    /// The commands of the first run that acted here too, changed or not.
    followed: Vec<Rc<Command>>,
    /// Which of them is changed; the lab itself if `None`.
    place: Option<usize>,
    change: Rc<Command>,
    was: Option<Rc<str>>,
    with: Rc<str>,
    /// Events that were compared.
    compared: u64,
    difference: Option<Difference>,
}

impl Beside {
    /// The recorded line that is changed; `None` for what the first lab was made by.
    pub fn was(&self) -> Option<&str> {
        self.was.as_deref()
    }

    /// The line as it is here.
    pub fn with(&self) -> &str {
        &self.with
    }

    /// The second lab.
    pub fn session(&self) -> &Session {
        self.run.session()
    }

    /// Where the runs part, as far as that is known.
    pub fn difference(&self) -> Option<&Difference> {
        self.difference.as_ref()
    }

    /// Compares more events; true if there were some.
    fn compare(&mut self, first: &Session) -> bool {
        let (own, other) = (first.events(), self.run.session.events());
        if self.difference.is_some() {
            return false;
        }
        let from = self.compared.max(own.first()).max(other.first());
        let end = own.next().max(other.next()).min(from + COMPARED_MAX);
        let present = first.now().min(self.run.session.now());
        for number in from..end {
            let (one, two) = (own.get(number), other.get(number));
            let same = match (one, two) {
                (Some(one), Some(two)) => is_like(one, two),
                // The other may still come.
                (Some(event), None) | (None, Some(event)) if event.at >= present => break,
                _ => false,
            };
            if !same {
                let at = [one, two].into_iter().flatten().map(|event| event.at).min();
                let (first, second) = (one.cloned(), two.cloned());
                self.difference = Some(Difference { at: at.unwrap_or(present), first, second });
                return true;
            }
            self.compared = number + 1;
        }
        self.compared > from
    }

    /// The next command of the first run that has not acted here.
    fn next<'a>(&self, first: &'a Timeline) -> Option<&'a Entry> {
        let acted = first.journal.get(..first.session.acts).unwrap_or(&first.journal);
        acted.get(self.followed.len())
    }

    /// True if it is to act before anything else happens here.
    fn is_due(&mut self, entry: &Entry) -> bool {
        let (at, steps) = (entry.before.at, entry.before.moment.steps);
        self.run.session.next_time().is_none_or(|next| next > at)
            || (self.run.session.now() == at
                && (self.difference.is_some() || self.run.session.steps() >= steps))
    }

    /// True if it is not where the first run is.
    fn lags(&mut self, first: &Timeline) -> bool {
        let now = first.session.now();
        self.run.is_seeking()
            || self.run.session.now() != now
            || self.next(first).is_some()
            || (self.difference.is_none()
                && self.run.session.steps() < first.session.steps()
                && self.run.has_due(now))
    }

    fn act(&mut self, entry: &Entry) {
        let changed = self.place == Some(self.followed.len());
        let (command, text) = match changed {
            true => (self.change.clone(), self.with.clone()),
            false => (entry.command.clone(), entry.text.clone()),
        };
        let run = &mut self.run;
        run.session.advance_to(entry.before.at);
        let before = run.here();
        run.checkpoints.retain(|kept| kept.moment() < before.moment);
        run.checkpoints.push(run.session.clone());
        // What is refused here has changed nothing, and is recorded all the same.
        if run.session.act(&command).is_err()
            && let Some(kept) = run.checkpoints.last()
        {
            run.session = kept.clone();
        }
        run.journal.push(Entry { before, command, text, dropped: None });
        run.session.acts += 1;
        run.end = run.here();
        self.followed.push(entry.command.clone());
        // What was seen beyond this point was another future.
        if self.difference.as_ref().is_some_and(|difference| difference.at > entry.before.at) {
            (self.difference, self.compared) = (None, 0);
        }
        self.compared = self.compared.min(run.session.events().next());
    }

    /// Goes on towards the present of the first run, for at most `budget` events.
    fn follow(&mut self, first: &Timeline, mut budget: u64) -> Progress<()> {
        let now = first.session.now();
        let present = self.next(first).map_or(now, |entry| entry.before.at.min(now));
        if self.run.session.now() > present && !self.run.is_seeking() {
            self.run.seek(present);
        }
        while budget > 0 {
            budget -= 1;
            if self.run.is_seeking() {
                match self.run.seek_on(budget) {
                    Progress::Done(()) => continue,
                    unfinished => return unfinished,
                }
            }
            // The second run's own past happens again by itself.
            let repeats = self.run.session.acts < self.run.journal.len();
            match self.next(first).filter(|_| !repeats) {
                Some(entry) if self.is_due(entry) => self.act(entry),
                _ if self.lags(first) => {
                    if let Within::Need(blocks) = self.run.step_within(now) {
                        return Progress::Need(blocks);
                    }
                }
                _ if self.compare(&first.session) => {}
                _ => return Progress::Done(()),
            }
            if budget.is_multiple_of(64) {
                self.compare(&first.session);
            }
        }
        Progress::More
    }
}

fn is_like(one: &Event, two: &Event) -> bool {
    one.at == two.at
        && one.name() == two.name()
        && one.by == two.by
        && messages_of(&one.what) == messages_of(&two.what)
}

impl Timeline {
    /// The second run, if there is one.
    pub fn beside(&self) -> Option<&Beside> {
        self.beside.as_deref()
    }

    /// True if the second run is not where the first one is.
    pub fn is_followed(&mut self) -> bool {
        let Some(mut beside) = self.beside.take() else { return false };
        let lags = beside.lags(self);
        self.beside = Some(beside);
        lags
    }

    /// Begins a second run in which a recorded line is another one; ends it if `None`.
    pub(super) fn compare(&mut self, change: Option<&Change>) -> Result<Option<Wait>, LabError> {
        let Some(change) = change else {
            self.beside = None;
            return Ok(None);
        };
        let place = match &change.command {
            Command::New(_) => None,
            _ => Some(self.most_like(&change.text)?),
        };
        let (command, with) = (Rc::new(change.command.clone()), change.text.as_str().into());
        self.beside = Some(Box::new(self.second(place, command, with)?));
        Ok(Some(Wait::Beside))
    }

    fn second(
        &self,
        place: Option<usize>,
        change: Rc<Command>,
        with: Rc<str>,
    ) -> Result<Beside, LabError> {
        let (run, was) = match (place, &*change) {
            (None, Command::New(_)) if !self.earlier.is_empty() => {
                return Err(LabError::Refused(
                    "this lab was opened again: what it was made of cannot be changed any more; \
                     expected a line that was run since then"
                        .into(),
                ));
            }
            (None, Command::New(spec)) => (Timeline::of(Session::new(spec)?), None),
            _ => {
                let beginning = self.checkpoints.first().cloned();
                let mut run = Timeline::of(beginning.expect("the beginning is always kept"));
                run.watch(false);
                let was = place.and_then(|place| self.journal.get(place));
                (run, was.map(|entry| entry.text.clone()))
            }
        };
        let (followed, difference) = (Vec::new(), None);
        Ok(Beside { run, followed, place, change, was, with, compared: 0, difference })
    }

    /// The recorded line that begins most like this one: the last of several.
    fn most_like(&self, text: &str) -> Result<usize, LabError> {
        let likeness = |entry: &Entry| {
            let pairs = text.split_whitespace().zip(entry.text.split_whitespace());
            let leading = pairs.take_while(|(one, other)| one == other).count();
            let words = text.split_whitespace();
            let shared = words.filter(|word| entry.text.split_whitespace().any(|w| w == *word));
            (leading, shared.count())
        };
        let all = self.journal.iter().enumerate().map(|(place, entry)| (likeness(entry), place));
        match all.max() {
            Some(((leading, _), place)) if leading >= 2 => Ok(place),
            _ => {
                let recorded: Vec<&str> =
                    self.journal.iter().rev().take(5).map(|entry| &*entry.text).collect();
                let recorded = match recorded.is_empty() {
                    true => "nothing was recorded yet".to_owned(),
                    false => format!("the last are: {}", recorded.join("; ")),
                };
                Err(LabError::Refused(format!(
                    "found no recorded line that begins like {text:?}, expected one with a word \
                     or two changed; {recorded}"
                )))
            }
        }
    }

    /// Lets the second run catch up for at most `budget` events. `Done` if it is where the first
    /// one is, or if there is none.
    pub fn follow(&mut self, budget: u64) -> Progress<()> {
        let Some(mut beside) = self.beside.take() else { return Progress::Done(()) };
        let known = |(entry, command): (&Entry, &Rc<Command>)| Rc::ptr_eq(&entry.command, command);
        let fits = beside.followed.len() <= self.journal.len()
            && self.journal.iter().zip(&beside.followed).all(known);
        if !fits {
            // Another past: begin anew, if the changed line is still a part of it.
            let changed = beside.place.map(|place| beside.followed.get(place));
            let stays = match (beside.place, changed) {
                (Some(place), Some(Some(command))) => {
                    self.journal.get(place).is_some_and(|entry| Rc::ptr_eq(&entry.command, command))
                }
                _ => true,
            };
            let again = self.second(beside.place, beside.change.clone(), beside.with.clone());
            match again {
                Ok(again) if stays => *beside = again,
                _ => return Progress::Done(()),
            }
        }
        let progress = beside.follow(self, budget);
        self.beside = Some(beside);
        progress
    }

    /// Goes on with the command that compares.
    pub(super) fn work_beside(&mut self, budget: u64) -> Progress<Result<Outcome, LabError>> {
        match self.follow(budget) {
            Progress::More => Progress::More,
            Progress::Need(blocks) => Progress::Need(blocks),
            Progress::Done(()) => Progress::Done(Ok(match &self.beside {
                None => Outcome::Done,
                Some(beside) => Outcome::Compared(Compared {
                    was: beside.was().map(str::to_owned),
                    spec: self.session.spec().clone(),
                    with: beside.with.to_string(),
                    difference: beside.difference.clone(),
                    ledgers: Box::new([
                        self.session.ledger().report(),
                        beside.session().ledger().report(),
                    ]),
                }),
            })),
        }
    }
}
