//! What is wrong with a lesson, and where.

use std::fmt;

/// A lesson that cannot be used as it is: where, what was found, what was expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LessonError {
    /// The file, or the lesson's id where there is no file.
    pub file: String,
    /// The line in it, from 1; 0 for the file as a whole.
    pub line: usize,
    /// What stands there.
    pub found: String,
    /// What should stand there.
    pub expected: String,
}

impl fmt::Display for LessonError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}: ", self.file)?,
            line => write!(f, "{}:{line}: ", self.file)?,
        }
        write!(f, "found {}, expected {}", self.found, self.expected)
    }
}

impl std::error::Error for LessonError {}

/// A fault in a text whose file is not known here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) line: usize,
    pub(super) found: String,
    pub(super) expected: String,
}

impl Fault {
    pub(super) fn new(line: usize, found: impl Into<String>, expected: impl Into<String>) -> Fault {
        Fault { line, found: found.into(), expected: expected.into() }
    }

    pub(super) fn within(self, file: &str) -> LessonError {
        LessonError {
            file: file.into(),
            line: self.line,
            found: self.found,
            expected: self.expected,
        }
    }
}

/// A piece of a text for a message: quoted, and cut if it is long.
pub(super) fn quoted(text: &str) -> String {
    const CHARS_MAX: usize = 60;
    let text = text.trim();
    match text.char_indices().nth(CHARS_MAX) {
        Some((end, _)) => format!("{:?}...", &text[..end]),
        None => format!("{text:?}"),
    }
}
