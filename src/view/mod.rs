//! Plain data for the screen, a pure function of the lab; and its words, in two languages.

pub mod build_lesson;
pub mod frame;
pub mod lesson;
pub mod scene;
