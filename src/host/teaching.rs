//! The lesson that is open, if one is: the player says which lines are to run, and is told how
//! each went.

use super::lines::{Ran, Source};
use super::protocol::LessonAct;
use crate::lab::Timeline;
use crate::lesson::Player;
use crate::view::build_lesson::lesson_view;
use crate::view::lesson::LessonView;

/// The lesson that is open, if one is.
#[derive(Default)]
pub struct Teaching {
    player: Option<Player>,
}

impl Teaching {
    /// Opens a lesson; gives the lines that set the stage. One that cannot be read leaves the
    /// former one open.
    pub fn open(
        &mut self,
        id: &str,
        language: &str,
        markdown: &str,
    ) -> Result<Vec<String>, String> {
        let mut player = Player::open(id, language, markdown).map_err(|error| error.to_string())?;
        let lines = player.start();
        self.player = Some(player);
        Ok(lines)
    }

    /// Takes an act of the learner; gives the lines to run now.
    pub fn act(&mut self, act: LessonAct) -> Result<Vec<String>, String> {
        match &mut self.player {
            Some(player) => player.act(act).map_err(|error| error.to_string()),
            None => Ok(Vec::new()),
        }
    }

    /// A line was run.
    pub fn ran(&mut self, source: Source, ran: &Ran, timeline: &Timeline) {
        let Some(player) = &mut self.player else { return };
        match source {
            Source::Lesson => player.ran(ran.right, timeline.session()),
            Source::Page(_) => player.typed(&ran.text, ran.right, timeline.session()),
            Source::Script => {}
        }
    }

    /// Lines of the lesson that were to run are not run any more.
    pub fn stopped(&mut self, timeline: &Timeline) {
        if let Some(player) = &mut self.player {
            player.ran(false, timeline.session());
        }
    }

    /// Closes the lesson.
    pub fn close(&mut self) {
        self.player = None;
    }

    /// The lesson as the page shows it now.
    pub fn view(&mut self, timeline: &Timeline) -> Option<LessonView> {
        let player = self.player.as_mut()?;
        player.refresh(timeline.session());
        Some(lesson_view(player))
    }
}
