//! A script at work: line by line, each of them a little at a time.

use super::error::{Mistake, abbreviate};
use super::job::{Job, Print};
use super::lexer::{Line, Script};
use super::programs;
use crate::lab::{self, Execution, Timeline};
use crate::sim::disk::Block;
use std::rc::Rc;

/// A line that was run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ran {
    /// Its number, from 1.
    pub line: usize,
    /// All of it as it was written, with its standard input.
    pub text: String,
    /// What it printed.
    pub output: Vec<String>,
    /// Why it failed.
    pub error: Option<String>,
    /// True if it did what the script wants of it: it succeeded, or it failed and begins with
    /// `! `. Otherwise the script has ended with it.
    pub right: bool,
}

/// How far a script is.
#[derive(Clone, Debug)]
pub enum Progress {
    /// A line is done.
    Ran(Ran),
    /// The budget is used up; call again.
    More,
    /// Bytes have to be loaded first; nothing has changed.
    Need(Vec<Rc<Block>>),
    /// The script is at its end, or ended with a line that failed.
    End,
}

/// A script at work. It holds no lab: the same one is given to each call.
pub struct Running {
    script: Result<Script, TooLarge>,
    current: Option<Current>,
    ended: bool,
}

struct TooLarge {
    text: String,
    mistake: Mistake,
}

struct Current {
    line: Line,
    print: Print,
    execution: Execution,
}

impl Running {
    /// A script before its first line.
    pub fn new(text: &str) -> Running {
        let script = Script::new(text);
        let script = script.map_err(|mistake| TooLarge { text: abbreviate(text.trim()), mistake });
        Running { script, current: None, ended: false }
    }

    /// The line under way, and how it waits.
    pub fn current(&self) -> Option<(&Line, &Execution)> {
        self.current.as_ref().map(|current| (&current.line, &current.execution))
    }

    /// Goes on for at most `budget` events, and at most to the end of a line.
    pub fn work(&mut self, timeline: &mut Timeline, budget: u64) -> Progress {
        if self.ended {
            return Progress::End;
        }
        if self.current.is_none() {
            match self.begin(timeline) {
                Begun::Waits => {}
                Begun::Ran(ran) => return self.ran(ran),
                Begun::End => {
                    self.ended = true;
                    return Progress::End;
                }
            }
        }
        let Some(current) = &mut self.current else { return Progress::More };
        match timeline.work(&mut current.execution, budget) {
            lab::Progress::More => Progress::More,
            lab::Progress::Need(blocks) => Progress::Need(blocks),
            lab::Progress::Done(result) => {
                let current = self.current.take().expect("it was just at work");
                let printed = (current.print)(result);
                self.ran(finished(&current.line, printed))
            }
        }
    }

    /// Takes up the next line.
    fn begin(&mut self, timeline: &mut Timeline) -> Begun {
        let script = match &mut self.script {
            Ok(script) => script,
            Err(TooLarge { text, mistake }) => {
                let (line, text, error) = (mistake.place.line, text.clone(), mistake.to_string());
                let error = Some(error);
                return Begun::Ran(Ran { line, text, output: Vec::new(), error, right: false });
            }
        };
        let line = match script.next() {
            None => return Begun::End,
            Some(Ok(line)) => line,
            Some(Err(bad)) => {
                return Begun::Ran(Ran {
                    line: bad.number,
                    text: bad.text,
                    output: Vec::new(),
                    error: Some(bad.mistake.to_string()),
                    right: bad.must_fail,
                });
            }
        };
        match programs::parse(&line) {
            Ok(Job::Say(output)) => Begun::Ran(finished(&line, Ok(output))),
            Ok(Job::Do { command, print }) => {
                let execution = timeline.execute(*command, line.command_text());
                self.current = Some(Current { line, print, execution });
                Begun::Waits
            }
            Err(refusal) => Begun::Ran(finished(&line, Err(refusal.to_string()))),
        }
    }

    fn ran(&mut self, ran: Ran) -> Progress {
        self.ended = !ran.right;
        Progress::Ran(ran)
    }
}

enum Begun {
    Waits,
    Ran(Ran),
    End,
}

fn finished(line: &Line, printed: Result<Vec<String>, String>) -> Ran {
    let (output, error) = match printed {
        Ok(output) if line.must_fail => {
            (output, Some(format!("line {} was expected to fail and did not", line.number)))
        }
        Ok(output) => return Ran { right: true, ..blank(line, output) },
        Err(error) => {
            return Ran { error: Some(error), right: line.must_fail, ..blank(line, vec![]) };
        }
    };
    Ran { error, right: false, ..blank(line, output) }
}

fn blank(line: &Line, output: Vec<String>) -> Ran {
    Ran { line: line.number, text: line.text.clone(), output, error: None, right: false }
}

impl Ran {
    /// The line behind `$ `, those that continue it or are its standard input behind `> `, and
    /// below them its output or its error: as on a terminal.
    pub fn transcript(&self) -> Vec<String> {
        let mut lines: Vec<String> = Vec::new();
        for (index, line) in self.text.lines().enumerate() {
            lines.push(format!("{} {line}", if index == 0 { "$" } else { ">" }));
        }
        lines.extend(self.output.iter().cloned());
        lines.extend(self.error.iter().flat_map(|error| error.split('\n').map(str::to_owned)));
        lines
    }
}

/// The script of a transcript: what stands behind `$ `, and behind `> ` right below it.
pub fn script_of<'a>(transcript: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let mut script = Vec::new();
    let mut in_command = false;
    for line in transcript {
        let command = line.strip_prefix("$ ").or(line.strip_prefix("> ").filter(|_| in_command));
        // The line after a bare sign is empty.
        let command = command.or((in_command && line == ">").then_some(""));
        in_command = command.is_some();
        script.extend(command);
    }
    script
}
