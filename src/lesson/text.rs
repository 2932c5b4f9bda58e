//! Rich text as data: what may stand in a lesson, and nothing else. The page makes elements of
//! it; it never sees HTML.

use serde::{Deserialize, Serialize};

/// A block of text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Block {
    /// A paragraph.
    Paragraph(Vec<Inline>),
    /// A list; numbered if `true`.
    List(bool, Vec<Vec<Inline>>),
    /// Code to read, not to run.
    Code(String),
    /// A table: head and rows.
    Table(Vec<Vec<Inline>>, Vec<Vec<Vec<Inline>>>),
    /// A remark set apart (`> ...`).
    Note(Vec<Inline>),
    /// A picture of the lesson's own folder: what it shows, in words, and its path below the
    /// folder of the language.
    Image(String, String),
}

/// A stretch of text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Inline {
    /// Plain.
    Text(String),
    /// Important.
    Strong(String),
    /// A command, setting or value.
    Code(String),
    /// A link that opens outside: text and address (`https:` only).
    Link(String, String),
}

impl Inline {
    /// What is read.
    pub fn words(&self) -> &str {
        match self {
            Inline::Text(words)
            | Inline::Strong(words)
            | Inline::Code(words)
            | Inline::Link(words, _) => words,
        }
    }
}
