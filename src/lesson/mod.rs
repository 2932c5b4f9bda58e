//! Lessons: Markdown that reads well as it is, and that the lab can run, check and judge.

pub mod catalog;
pub mod check;
pub mod compare;
pub mod condition;
pub mod document;
mod error;
mod fence;
pub mod front_matter;
mod markdown;
pub mod misconception;
mod number;
pub mod parse;
pub mod player;
pub mod progress;
mod script;
pub mod text;
mod trial;

pub use condition::Lookup;
pub use document::Lesson;
pub use error::LessonError;
pub use player::{LessonAct, Player};
