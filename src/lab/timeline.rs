//! The timeline: a lab with its past, and going to and fro in it.
//!
//! The journal keeps each command that changed the lab with the point of time at which it acted.
//! Checkpoints are clones of the session, thinned as they grow in number. To go anywhere, the
//! nearest checkpoint before it is restored and the journal replayed from there. Acting in the
//! past forks: what was recorded beyond is dropped, and undo brings it back.

use super::act::Wait;
use super::command::{Command, LabSpec};
use super::event::{Event, Moment};
use super::execution::{Execution, Stand, messages_of};
use super::outcome::{LabError, Outcome};
use super::session::{Arrived, Session, Stepped};
use crate::sim::disk::Block;
use crate::sim::{Span, Time};
use crate::storage::manifest::JournalLine;
use std::rc::Rc;

mod beside;
mod checkpoints;
mod replay;

pub use beside::{Beside, Change, Compared, Difference};

/// A step forward that finds nothing to see ends after so much virtual time.
const STEP_PATIENCE: Span = Span::seconds(10);

/// A tick.
const TICK: Span = Span::millis(100);

/// How large a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grain {
    /// To the next thing that can be seen.
    Event,
    /// To the next message that gets somewhere.
    Message,
    /// A tenth of a second.
    Tick,
}

/// How far a piece of work is.
#[derive(Clone, Debug)]
pub enum Progress<T> {
    /// It is done.
    Done(T),
    /// The budget is used up; call again.
    More,
    /// Bytes have to be loaded first; nothing has changed.
    Need(Vec<Rc<Block>>),
}

/// A point of time with its instant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    moment: Moment,
    at: Time,
}

#[derive(Clone)]
struct Entry {
    before: Place,
    command: Rc<Command>,
    text: Rc<str>,
    /// What was recorded beyond this point when the command acted in the past.
    dropped: Option<Rc<Branch>>,
}

#[derive(Clone)]
struct Branch {
    entries: Vec<Entry>,
    end: Place,
}

#[derive(Clone, Copy)]
enum Target {
    Time(Time),
    Place(Place),
}

/// A lab with its past, and the futures that were dropped.
pub struct Timeline {
    pub(super) session: Session,
    journal: Vec<Entry>,
    /// Commands of an earlier life of the lab, before it was opened again.
    pub(super) earlier: Vec<JournalLine>,
    end: Place,
    checkpoints: Vec<Session>,
    checkpoint_gap: u64,
    target: Option<Target>,
    stepping: Option<(u64, Time)>,
    undone: Vec<Vec<Entry>>,
    forked: bool,
    /// The first recorded command that came to something else when it happened again.
    strayed: Option<usize>,
    /// The lab before `lab new`, and the one after it once that was undone.
    previous: Option<(Box<Timeline>, Rc<str>)>,
    following: Option<(Box<Timeline>, Rc<str>)>,
    beside: Option<Box<Beside>>,
}

impl Timeline {
    /// A fresh lab.
    pub fn new(spec: &LabSpec) -> Result<Timeline, LabError> {
        Ok(Timeline::of(Session::new(spec)?))
    }

    pub(super) fn of(session: Session) -> Timeline {
        let mut timeline = Timeline {
            checkpoints: vec![session.clone()],
            session,
            journal: Vec::new(),
            earlier: Vec::new(),
            end: Place::default(),
            checkpoint_gap: checkpoints::GAP,
            target: None,
            stepping: None,
            undone: Vec::new(),
            forked: false,
            strayed: None,
            previous: None,
            following: None,
            beside: None,
        };
        timeline.end = timeline.here();
        timeline
    }

    /// The lab at the present instant.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// Begins or ends to keep what arrives, for the picture.
    pub fn watch(&mut self, watched: bool) {
        self.session.watch(watched);
        self.checkpoints.iter_mut().for_each(|checkpoint| checkpoint.watch(watched));
    }

    /// What arrived since this was last called, if the lab is watched.
    pub fn take_arrived(&mut self) -> Arrived {
        self.session.take_arrived()
    }

    fn here(&self) -> Place {
        Place { moment: self.session.moment(), at: self.session.now() }
    }

    // ---- commands ----

    /// Begins a command. `text` is what the journal keeps: the line of the lab's language, with
    /// its standard input. Acting in the past forks: the old future can be had back by undo.
    pub fn execute(&mut self, command: Command, text: &str) -> Execution {
        self.target = None;
        self.stepping = None;
        if let Command::New(spec) = &command {
            return self.begin_anew(spec, text);
        }
        if let Command::Compare(change) = &command {
            let wait = self.compare(change.as_deref());
            let done = || Wait::For(Box::new(Outcome::Done));
            return Execution::new(wait.map(|wait| wait.unwrap_or_else(done)), &self.session);
        }
        if !command.changes() {
            let wait = self.session.act(&command);
            return Execution::new(wait, &self.session);
        }
        let before = self.here();
        let checkpoint = self.session.clone();
        let wait = self.session.act(&command);
        let execution = Execution::new(wait, &self.session);
        if execution.was_refused() {
            self.session = checkpoint;
            return execution;
        }
        let dropped = (before < self.end).then(|| {
            let entries = self.journal.split_off(before.moment.acts);
            Rc::new(Branch { entries, end: self.end })
        });
        self.forked = dropped.is_some();
        self.checkpoints.retain(|kept| kept.moment() < before.moment);
        self.checkpoints.push(checkpoint);
        self.journal.push(Entry { before, command: Rc::new(command), text: text.into(), dropped });
        self.session.acts += 1;
        self.end = self.here();
        self.undone.clear();
        self.following = None;
        execution
    }

    fn begin_anew(&mut self, spec: &LabSpec, text: &str) -> Execution {
        let wait = match Timeline::new(spec) {
            Ok(mut fresh) => {
                fresh.watch(self.session.is_watched());
                let mut old = std::mem::replace(self, fresh);
                (old.previous, old.beside) = (None, None);
                self.previous = Some((Box::new(old), text.into()));
                Ok(Outcome::Done)
            }
            Err(error) => Err(error),
        };
        Execution::settled(wait, &self.session)
    }

    /// Goes on with a command for at most `budget` events.
    pub fn work(
        &mut self,
        execution: &mut Execution,
        mut budget: u64,
    ) -> Progress<Result<Outcome, LabError>> {
        if matches!(execution.wait, Ok(Wait::Beside)) {
            return self.work_beside(budget);
        }
        loop {
            if budget == 0 {
                return Progress::More;
            }
            let limit = match execution.look(&self.session) {
                Stand::Done(result) => return Progress::Done(*result),
                Stand::Until(limit) => limit,
            };
            budget -= 1;
            match self.step_within(limit) {
                Within::Ran | Within::Reached => {}
                Within::Idle => return Progress::Done(Ok(Outcome::Passed(self.session.now()))),
                Within::Need(blocks) => {
                    execution.look_again();
                    return Progress::Need(blocks);
                }
            }
        }
    }

    // ---- time ----

    /// Lets time pass up to an instant, for at most `budget` events.
    pub fn advance(&mut self, until: Time, mut budget: u64) -> Progress<()> {
        self.stepping = None;
        while self.session.now() < until || self.has_due(until) {
            if budget == 0 {
                return Progress::More;
            }
            budget -= 1;
            match self.step_within(until) {
                Within::Ran => {}
                Within::Reached | Within::Idle => break,
                Within::Need(blocks) => return Progress::Need(blocks),
            }
        }
        Progress::Done(())
    }

    /// True if nothing will happen by itself any more and nothing recorded is left.
    pub fn is_idle(&mut self) -> bool {
        self.session.acts == self.journal.len() && self.session.next_time().is_none()
    }

    fn has_due(&mut self, until: Time) -> bool {
        let recorded = self.journal.get(self.session.acts).map(|entry| entry.before.at);
        recorded.is_some_and(|at| at <= until)
            || self.session.next_time().is_some_and(|at| at <= until)
    }

    /// One step, of a recorded command or of the worlds, not beyond `limit`.
    fn step_within(&mut self, limit: Time) -> Within {
        let moment = self.session.moment();
        let recorded = self.journal.get(moment.acts);
        if let Some(entry) = recorded.filter(|e| e.before.moment.steps == moment.steps) {
            if entry.before.at > limit {
                self.session.advance_to(limit);
                return Within::Reached;
            }
            let (at, command) = (entry.before.at, entry.command.clone());
            return self.repeat(at, &command);
        }
        let within = match self.session.next_time() {
            None if limit == Time::NEVER => return Within::Idle,
            Some(next) if next <= limit => match self.session.step() {
                Stepped::Need(blocks) => return Within::Need(blocks),
                Stepped::Ran | Stepped::Idle => Within::Ran,
            },
            _ => {
                self.session.advance_to(limit);
                Within::Reached
            }
        };
        self.end = self.end.max(self.here());
        self.keep_checkpoint();
        within
    }

    /// Goes on by one step. `Done(false)`: nothing is left to happen.
    pub fn step_forward(&mut self, grain: Grain, mut budget: u64) -> Progress<bool> {
        if grain == Grain::Tick {
            let now = self.session.now();
            let (_, until) = *self.stepping.get_or_insert((0, now + TICK));
            return self.step_until(until, budget);
        }
        let now = self.session.now();
        let seen = self.session.events().next();
        let (seen, until) = *self.stepping.get_or_insert((seen, now + STEP_PATIENCE));
        loop {
            let seen_one = self.session.events().since(seen).any(|event| is_of_grain(event, grain));
            if seen_one || self.session.now() >= until {
                self.stepping = None;
                return Progress::Done(true);
            }
            if budget == 0 {
                return Progress::More;
            }
            budget -= 1;
            if self.is_idle() {
                self.stepping = None;
                return Progress::Done(false);
            }
            if let Within::Need(blocks) = self.step_within(until) {
                return Progress::Need(blocks);
            }
        }
    }

    fn step_until(&mut self, until: Time, budget: u64) -> Progress<bool> {
        let kept = self.stepping;
        match self.advance(until, budget) {
            Progress::Done(()) => Progress::Done(true),
            unfinished => {
                self.stepping = kept;
                match unfinished {
                    Progress::Need(blocks) => Progress::Need(blocks),
                    _ => Progress::More,
                }
            }
        }
    }

    /// Begins to go back by one step; finished by [`Timeline::seek_on`].
    pub fn step_back(&mut self, grain: Grain) {
        let now = self.session.now();
        if grain == Grain::Tick {
            return self.seek(Time::from_micros(now.micros().saturating_sub(TICK.as_micros())));
        }
        let first = self.checkpoints.first().expect("the beginning is always kept");
        let beginning = Place { moment: first.moment(), at: first.now() };
        let kept_from = first.events().next();
        let log = self.session.events();
        // Where the log does not reach back to such an event, its oldest one has to do.
        let oldest = log.get(log.first()).filter(|_| log.first() > kept_from);
        let last = log.since(kept_from).rev().find(|event| is_of_grain(event, grain)).or(oldest);
        let target = last.map_or(beginning, |event| Place { moment: event.before, at: Time::ZERO });
        self.restore(|kept| kept.moment() <= target.moment);
        self.target = Some(Target::Place(target));
    }

    /// Begins to go to an instant of the recorded past (or of its future, which then happens);
    /// finished by [`Timeline::seek_on`].
    pub fn seek(&mut self, to: Time) {
        let present = self.session.moment();
        // Forward as well, the nearest checkpoint saves most of the way.
        let is_nearer = |kept: &Session| kept.now() <= to && kept.moment() > present;
        if to < self.session.now() || self.checkpoints.iter().any(is_nearer) {
            self.restore(|kept| kept.now() <= to);
        }
        self.target = Some(Target::Time(to));
    }

    /// Takes the last checkpoint that fits for the present; the beginning if none does.
    fn restore(&mut self, fits: impl Fn(&Session) -> bool) {
        self.stepping = None;
        let watched = self.session.is_watched();
        let found = self.checkpoints.iter().rposition(fits).unwrap_or(0);
        self.session = self.checkpoints[found].clone();
        self.session.watch(watched);
    }

    /// Goes on with a seek, undo or redo for at most `budget` events.
    pub fn seek_on(&mut self, mut budget: u64) -> Progress<()> {
        let target = match self.target {
            None => return Progress::Done(()),
            Some(Target::Time(to)) => {
                let progress = self.advance(to, budget);
                if matches!(progress, Progress::Done(())) {
                    self.arrive();
                }
                return progress;
            }
            Some(Target::Place(place)) => place,
        };
        while self.session.moment() < target.moment {
            if budget == 0 {
                return Progress::More;
            }
            budget -= 1;
            match self.step_within(Time::NEVER) {
                Within::Ran | Within::Reached => {}
                Within::Idle => break,
                Within::Need(blocks) => return Progress::Need(blocks),
            }
        }
        self.come_to(target);
        Progress::Done(())
    }

    /// A jump shows where it got to, not what passed on the way.
    fn arrive(&mut self) {
        self.target = None;
        self.session.take_arrived();
    }

    /// True while a seek, undo or redo is under way.
    pub fn is_seeking(&self) -> bool {
        self.target.is_some()
    }

    /// The end of what is recorded.
    pub fn end(&self) -> Time {
        self.end.at.max(self.session.now())
    }

    /// The beginning of what can be gone back to.
    pub fn start(&self) -> Time {
        self.checkpoints.first().map_or(Time::ZERO, Session::now)
    }

    // ---- undo ----

    /// The command that undo would take back.
    pub fn undo_text(&self) -> Option<&str> {
        match self.session.acts.checked_sub(1).and_then(|last| self.journal.get(last)) {
            Some(entry) => Some(&entry.text),
            None => self.previous.as_ref().map(|(_, text)| &**text),
        }
    }

    /// The command that redo would do again.
    pub fn redo_text(&self) -> Option<&str> {
        match self.undone.last().and_then(|tail| tail.first()) {
            Some(entry) => Some(&entry.text),
            None => self.following.as_ref().map(|(_, text)| &**text),
        }
    }

    /// True if the last act in the past dropped a future that undo brings back.
    pub fn future_dropped(&self) -> bool {
        self.forked
    }

    /// Begins to take the last command back; finished by [`Timeline::seek_on`]. False if there is
    /// none.
    pub fn undo(&mut self) -> bool {
        let Some(last) = self.session.acts.checked_sub(1).filter(|l| *l < self.journal.len())
        else {
            return self.undo_new();
        };
        let tail = self.journal.split_off(last);
        let entry = &tail[0];
        let before = entry.before;
        self.end = before;
        if let Some(branch) = &entry.dropped {
            self.journal.extend(branch.entries.iter().cloned());
            self.end = branch.end;
        }
        self.undone.push(tail);
        self.forked = false;
        self.go_to(before);
        true
    }

    fn undo_new(&mut self) -> bool {
        let Some((previous, text)) = self.previous.take() else { return false };
        let watched = self.session.is_watched();
        let fresh = std::mem::replace(self, *previous);
        self.following = Some((Box::new(fresh), text));
        self.watch(watched);
        true
    }

    /// Begins to do again what was taken back; finished by [`Timeline::seek_on`]. False if there
    /// is nothing.
    pub fn redo(&mut self) -> bool {
        let Some(tail) = self.undone.pop() else { return self.redo_new() };
        let first = tail[0].before;
        self.journal.truncate(first.moment.acts);
        self.journal.extend(tail);
        let acted = Moment { acts: first.moment.acts + 1, ..first.moment };
        self.end = Place { moment: acted, at: first.at };
        if let Some(last) = self.journal.last() {
            self.end = self.end.max(last.before);
        }
        self.forked = self.journal[first.moment.acts].dropped.is_some();
        self.go_to(first);
        self.target = Some(Target::Place(Place { moment: acted, at: first.at }));
        true
    }

    fn redo_new(&mut self) -> bool {
        let Some((following, text)) = self.following.take() else { return false };
        let watched = self.session.is_watched();
        let old = std::mem::replace(self, *following);
        self.previous = Some((Box::new(old), text));
        self.watch(watched);
        true
    }

    /// Goes to a point of another branch: what lies beyond it is no longer true.
    fn go_to(&mut self, place: Place) {
        self.checkpoints.retain(|kept| kept.moment() <= place.moment);
        self.restore(|kept| kept.moment() <= place.moment);
        self.target = Some(Target::Place(place));
    }

    /// The recorded commands: their instants and texts.
    pub fn journal(&self) -> Vec<(Time, &str)> {
        self.journal.iter().map(|entry| (entry.before.at, &*entry.text)).collect()
    }

    /// The commands up to the present, with those of earlier lives, as storage keeps them.
    pub fn journal_lines(&self) -> Vec<JournalLine> {
        let present = self.journal.iter().take(self.session.acts).map(|entry| JournalLine {
            steps: entry.before.moment.steps,
            time_us: entry.before.at.micros(),
            text: entry.text.to_string(),
        });
        self.earlier.iter().cloned().chain(present).collect()
    }
}

/// What a step within a limit came to.
enum Within {
    Ran,
    Reached,
    Idle,
    Need(Vec<Rc<Block>>),
}

fn is_of_grain(event: &Event, grain: Grain) -> bool {
    match grain {
        Grain::Event => true,
        Grain::Message => !messages_of(&event.what).is_empty() || event.name() == "kafka.appended",
        Grain::Tick => false,
    }
}
