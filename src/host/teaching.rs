//! The lesson that is open, if one is.

use super::lines::{From, Ran};
use super::protocol::LessonAct;
use crate::lab::Timeline;
use crate::view::lesson::LessonView;

/// The lesson that is open, if one is.
#[derive(Default)]
pub struct Teaching {}

impl Teaching {
    /// Opens a lesson; gives the lines that set the stage.
    pub fn open(
        &mut self,
        id: &str,
        _language: &str,
        _markdown: &str,
    ) -> Result<Vec<String>, String> {
        Err(format!("not here yet: lesson {id}"))
    }

    /// Takes an act of the learner; gives the lines to run now.
    pub fn act(&mut self, _act: LessonAct) -> Result<Vec<String>, String> {
        Ok(Vec::new())
    }

    /// A line was run.
    pub fn ran(&mut self, _from: From, _ran: &Ran, _timeline: &Timeline) {}

    /// What was to be run is not run any more.
    pub fn stopped(&mut self) {}

    /// Closes the lesson.
    pub fn close(&mut self) {}

    /// The lesson as the page shows it.
    pub fn view(&mut self, _timeline: &Timeline) -> Option<LessonView> {
        None
    }
}
