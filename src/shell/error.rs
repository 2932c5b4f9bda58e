//! Why a line is no command: where, what was found, what was expected, and the nearest known word.

use crate::lab::nearest::nearest;
use std::fmt;

/// A place in a script, both counted from 1; columns count characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

/// Something that cannot be understood. Nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Where.
    pub place: Place,
    /// What was found there.
    pub found: String,
    /// What was expected.
    pub expected: String,
    /// The nearest known word.
    pub near: Option<String>,
    /// A sentence more, where it helps.
    pub hint: Option<String>,
}

/// Why a line does not become a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It cannot be understood.
    Mistake(Box<Mistake>),
    /// It is part of the language, and not built yet: the program, or `program --option`.
    NotHereYet(String),
    /// The tool itself refuses it before it asks anybody, in its own words.
    Tool(String),
}

/// More than so many characters of what was found are not repeated.
const FOUND_MAX: usize = 60;

/// A found text, cut to a readable length.
pub fn abbreviate(found: &str) -> String {
    match found.char_indices().nth(FOUND_MAX) {
        Some((end, _)) => format!("{}... ({} bytes)", &found[..end], found.len()),
        None => found.to_owned(),
    }
}

impl Mistake {
    /// A mistake at a place.
    pub fn at(place: Place, found: &str, expected: impl Into<String>) -> Mistake {
        let found = if found.is_empty() { "an empty word".into() } else { abbreviate(found) };
        Mistake { place, found, expected: expected.into(), near: None, hint: None }
    }

    /// With the nearest of these words to what was found, if one is near enough.
    pub fn near<'a>(mut self, known: impl IntoIterator<Item = &'a str>) -> Mistake {
        self.near = nearest(&self.found, known).map(Into::into);
        self
    }

    /// With a sentence more.
    pub fn hint(mut self, hint: impl Into<String>) -> Mistake {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Place { line, column } = self.place;
        write!(f, "line {line}, column {column}: ")?;
        write!(f, "found {}, expected {}", self.found, self.expected)?;
        if let Some(near) = &self.near {
            write!(f, "; did you mean {near}?")?;
        }
        match &self.hint {
            Some(hint) if self.near.is_some() => write!(f, " {hint}"),
            Some(hint) => write!(f, "; {hint}"),
            None => Ok(()),
        }
    }
}

impl From<Mistake> for Refusal {
    fn from(mistake: Mistake) -> Refusal {
        Refusal::Mistake(Box::new(mistake))
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refusal::Mistake(mistake) => mistake.fmt(f),
            Refusal::NotHereYet(name) => write!(f, "not here yet: {name}"),
            Refusal::Tool(sentence) => f.write_str(sentence),
        }
    }
}
