//! The timeline: journal, checkpoints, and going to and fro between them.

use super::command::{Command, LabSpec};
use super::outcome::{LabError, Outcome};
use super::session::Session;
use crate::sim::Time;
use crate::sim::disk::Block;
use std::rc::Rc;

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

/// A command under way: it acted, and may now wait for an answer while time passes.
#[derive(Clone, Debug)]
pub struct Execution {}

/// A lab with its past, and the futures that were dropped.
pub struct Timeline {
    session: Session,
}

impl Timeline {
    /// A fresh lab.
    pub fn new(spec: &LabSpec) -> Result<Timeline, LabError> {
        Ok(Timeline { session: Session::new(spec)? })
    }

    /// The lab at the present instant.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// Begins a command. `text` is what the journal keeps: the line of the lab's language, with
    /// its standard input. Acting in the past forks: the old future can be had back by undo.
    pub fn execute(&mut self, command: Command, text: &str) -> Execution {
        let _ = (command, text);
        Execution {}
    }

    /// Goes on with a command for at most `budget` events.
    pub fn work(
        &mut self,
        execution: &mut Execution,
        budget: u64,
    ) -> Progress<Result<Outcome, LabError>> {
        let _ = (execution, budget);
        Progress::More
    }

    /// Lets time pass up to an instant, for at most `budget` events.
    pub fn advance(&mut self, until: Time, budget: u64) -> Progress<()> {
        let _ = (until, budget);
        Progress::More
    }

    /// Goes on by one step. `Done(false)`: nothing is left to happen.
    pub fn step_forward(&mut self, grain: Grain, budget: u64) -> Progress<bool> {
        let _ = (grain, budget);
        Progress::More
    }

    /// Begins to go back by one step; finished by [`Timeline::seek_on`].
    pub fn step_back(&mut self, grain: Grain) {
        let _ = grain;
    }

    /// Begins to go to an instant of the recorded past (or of its future, which then happens);
    /// finished by [`Timeline::seek_on`].
    pub fn seek(&mut self, to: Time) {
        let _ = to;
    }

    /// Goes on with a seek, undo or redo for at most `budget` events.
    pub fn seek_on(&mut self, budget: u64) -> Progress<()> {
        let _ = budget;
        Progress::More
    }

    /// The end of what is recorded.
    pub fn end(&self) -> Time {
        self.session.now()
    }

    /// The command that undo would take back.
    pub fn undo_text(&self) -> Option<&str> {
        None
    }

    /// The command that redo would do again.
    pub fn redo_text(&self) -> Option<&str> {
        None
    }

    /// True if the last act in the past dropped a future that undo brings back.
    pub fn future_dropped(&self) -> bool {
        false
    }

    /// Begins to take the last command back; finished by [`Timeline::seek_on`].
    pub fn undo(&mut self) -> bool {
        false
    }

    /// Begins to do again what was taken back; finished by [`Timeline::seek_on`].
    pub fn redo(&mut self) -> bool {
        false
    }

    /// The recorded commands: their instants and texts.
    pub fn journal(&self) -> Vec<(Time, &str)> {
        Vec::new()
    }
}
