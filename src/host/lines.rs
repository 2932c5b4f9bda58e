//! Lines of the lab's language on their way, and whom their answers are for.

use super::protocol::Reply;
use crate::lab::{self, Timeline};
use crate::shell::run::{Progress, Running};

pub use crate::shell::run::Ran;

/// Who gave lines to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The page, which is told of every line under this number.
    Page(u64),
    /// The script of a first visit: the page is told what failed, under number 0.
    Script,
    /// The lesson: the page is told what failed, under number 0.
    Lesson,
}

/// What a stopped line says.
const STOPPED: &str = "stopped";

/// Lines on their way.
pub struct Lines {
    source: Source,
    running: Running,
    /// A line that was run, and is told of once it is known whether it was the last.
    held: Option<Ran>,
    told: bool,
}

/// How far lines are.
pub enum Went {
    /// A line is done.
    Ran(Ran),
    /// No line is left.
    End,
}

impl Lines {
    /// Lines to run.
    pub fn new(source: Source, text: &str) -> Lines {
        Lines { source, running: Running::new(text), held: None, told: false }
    }

    /// Who gave them.
    pub fn source(&self) -> Source {
        self.source
    }

    /// The line under way.
    pub fn line(&self) -> &str {
        self.running.current().map_or("", |(line, _)| &line.text)
    }

    /// How far the line under way is, from 0 to 1, where that is known.
    pub fn part_done(&self, timeline: &Timeline) -> Option<f64> {
        self.running.current()?.1.part_done(timeline.session().now())
    }

    /// Runs on for at most `budget` events, and at most to the end of a line.
    pub fn work(&mut self, timeline: &mut Timeline, budget: u64) -> lab::Progress<Went> {
        match self.running.work(timeline, budget) {
            Progress::Ran(ran) => lab::Progress::Done(Went::Ran(ran)),
            Progress::End => lab::Progress::Done(Went::End),
            Progress::More => lab::Progress::More,
            Progress::Need(blocks) => lab::Progress::Need(blocks),
        }
    }

    /// A line was run: what the page can be told of the one before.
    pub fn ran(&mut self, ran: Ran) -> Option<Reply> {
        let before = self.held.replace(ran)?;
        self.tell(before, false)
    }

    /// More lines follow: the page can be told of what was run.
    pub fn goes_on(&mut self) -> Option<Reply> {
        let held = self.held.take()?;
        self.tell(held, false)
    }

    /// What the page is told at the end.
    pub fn ended(&mut self) -> Option<Reply> {
        match self.held.take() {
            Some(last) => self.tell(last, true),
            None if self.told => None,
            None => self.tell(blank(String::new(), None), true),
        }
    }

    /// What the page is told when they are stopped.
    pub fn stopped(&mut self) -> Vec<Reply> {
        let held = self.goes_on();
        let stopped = self.tell(blank(self.line().to_owned(), Some(STOPPED.into())), true);
        held.into_iter().chain(stopped).collect()
    }

    /// What the page is told when they cannot be taken.
    pub fn refused(mut self, text: &str, why: String) -> Option<Reply> {
        let line = text.lines().next().unwrap_or_default().to_owned();
        self.tell(blank(line, Some(why)), true)
    }

    fn tell(&mut self, ran: Ran, last: bool) -> Option<Reply> {
        self.told = true;
        let id = match self.source {
            Source::Page(id) => id,
            Source::Script | Source::Lesson if ran.error.is_some() && !ran.right => 0,
            Source::Script | Source::Lesson => return None,
        };
        Some(Reply::Ran { id, line: ran.text, output: ran.output, error: ran.error, last })
    }
}

fn blank(text: String, error: Option<String>) -> Ran {
    Ran { line: 0, text, output: Vec::new(), right: error.is_none(), error }
}
