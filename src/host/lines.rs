//! Lines of the lab's language on their way, and whom their answers are for.

use super::protocol::Reply;
use crate::lab::{Progress, Timeline};
use std::collections::VecDeque;

/// Who gave lines to run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum From {
    /// The page, which is told of every line under this number.
    Page(u64),
    /// The script of a first visit: the page is told what failed, under number 0.
    Script,
    /// The lesson.
    Lesson,
}

/// A line that was run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    /// The line.
    pub line: String,
    /// Its output.
    pub output: Vec<String>,
    /// Why it failed.
    pub error: Option<String>,
    /// True if no line follows.
    pub last: bool,
}

/// Lines on their way.
pub struct Lines {
    from: From,
    waiting: VecDeque<String>,
}

impl Lines {
    /// Lines to run.
    pub fn new(from: From, text: &str) -> Lines {
        Lines { from, waiting: text.lines().map(str::to_owned).collect() }
    }

    /// Who gave them.
    pub fn from(&self) -> From {
        self.from
    }

    /// The line under way.
    pub fn line(&self) -> &str {
        self.waiting.front().map_or("", String::as_str)
    }

    /// How far the line under way is, from 0 to 1, where that is known.
    pub fn part_done(&self, _timeline: &Timeline) -> Option<f64> {
        None
    }

    /// Runs on for at most `budget` events, but not beyond the end of a line. `Done(None)`: no
    /// line is left.
    pub fn work(&mut self, _timeline: &mut Timeline, _budget: u64) -> Progress<Option<Ran>> {
        Progress::Done(self.waiting.pop_front().map(|line| Ran {
            line,
            output: Vec::new(),
            error: Some("not here yet: the shell".into()),
            last: self.waiting.is_empty(),
        }))
    }

    /// What the page is told when they are stopped.
    pub fn stopped(&self) -> Option<Reply> {
        self.reply(Ran {
            line: self.line().to_owned(),
            output: Vec::new(),
            error: Some("stopped".into()),
            last: true,
        })
    }

    /// What the page is told of a line.
    pub fn reply(&self, ran: Ran) -> Option<Reply> {
        let id = match self.from {
            From::Page(id) => id,
            From::Script | From::Lesson if ran.error.is_some() => 0,
            From::Script | From::Lesson => return None,
        };
        let Ran { line, output, error, last } = ran;
        Some(Reply::Ran { id, line, output, error, last })
    }
}

/// Words that could stand next at the end of a line, and how many characters at its end they take
/// the place of.
pub fn complete(_line: &str, _timeline: &Timeline) -> (Vec<String>, usize) {
    (Vec::new(), 0)
}
