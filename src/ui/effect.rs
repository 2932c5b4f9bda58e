//! What a change of the state wants done outside of it.

use crate::host::protocol::Request;
use crate::view::words::Language;

/// Something to do outside of the state.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// Ask the engine.
    Ask(Request),
    /// Keep a choice for the next visit; forget it if `None`.
    Keep {
        /// `lang`, `theme`.
        name: &'static str,
        /// The choice.
        value: Option<&'static str>,
    },
    /// Keep how far the learner is for the next visit.
    KeepProgress(String),
    /// Fetch the text of a lesson.
    FetchLesson {
        /// Its id.
        id: &'static str,
        /// In this language.
        language: Language,
        /// It is open already: the same place in another language.
        translate: bool,
    },
    /// Put the focus on the element with this id.
    Focus(&'static str),
    /// Bring the end of the element with this id into sight.
    Reveal(&'static str),
    /// Put a text where it can be pasted from.
    Copy(String),
    /// Ask the browser how much it keeps, and to keep it if `true`.
    Estimate(bool),
    /// Delete everything that this site keeps, and begin anew.
    EraseAll,
    /// Load the page anew.
    Reload,
}
