//! The lesson that is open, if one is: the player says which lines are to run, and is told how
//! each went.

use super::lines::{Ran, Source};
use super::link::SharedLesson;
use super::protocol::LessonAct;
use crate::lab::Timeline;
use crate::lesson::progress::Progress;
use crate::lesson::{Lesson, Player};
use crate::view::build_lesson::lesson_view;
use crate::view::lesson::LessonView;
use serde::{Deserialize, Serialize};

/// The lesson that is open, if one is.
#[derive(Default)]
pub struct Teaching {
    player: Option<Player>,
    /// Grows with everything that is worth saving.
    changes: u64,
}

/// A lesson as the page gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LessonText {
    /// Its id.
    pub id: String,
    /// `en` or `ko`.
    pub language: String,
    /// The lesson itself, as JSON.
    pub json: String,
    /// The seed of its lab, if it is not the lesson's own.
    pub seed: Option<u32>,
}

impl LessonText {
    /// A learner at its first step, or why it cannot be read.
    pub fn player(&self) -> Result<Player, String> {
        let lesson = Lesson::from_json(&self.id, &self.language, &self.json);
        let lesson = lesson.map_err(|error| error.to_string())?;
        Ok(Player::open(match self.seed {
            Some(seed) => lesson.with_seed(seed.into()),
            None => lesson,
        }))
    }
}

/// A lesson in progress, as storage keeps it.
#[derive(Serialize, Deserialize)]
struct Kept {
    id: String,
    progress: Progress,
    /// The protection that the lab is without.
    #[serde(default)]
    without: Option<usize>,
}

impl Teaching {
    /// Opens a lesson; gives the lines that set the stage. One that cannot be read leaves the
    /// former one open.
    pub fn open(&mut self, text: &LessonText) -> Result<Vec<String>, String> {
        let mut player = text.player()?;
        let lines = player.start();
        self.player = Some(player);
        self.changes += 1;
        Ok(lines)
    }

    /// A lesson in progress as storage keeps it; empty without one.
    pub fn kept(&self) -> String {
        let Some(player) = &self.player else { return String::new() };
        let id = player.lesson().id.clone();
        let (progress, without) = (player.progress().clone(), player.without());
        let kept = Kept { id, progress, without };
        serde_json::to_string(&kept).expect("progress is plain data")
    }

    /// A lesson in progress as a link carries it.
    pub fn shared(&self) -> Option<SharedLesson> {
        let player = self.player.as_ref()?;
        let id = player.lesson().id.clone();
        let (progress, without) = (player.progress().clone(), player.without());
        Some(SharedLesson { id, progress, without })
    }

    /// Goes on where somebody else was. False if that lesson has other steps than the open one.
    pub fn take_shared(&mut self, shared: SharedLesson) -> bool {
        let Some(player) = &mut self.player else { return false };
        if shared.progress.steps.len() != player.lesson().steps.len() {
            return false;
        }
        player.resume(shared.progress);
        player.resume_without(shared.without);
        true
    }

    /// Goes on where the learner was. False if what was kept is not of the open lesson.
    pub fn resume(&mut self, kept: &str) -> bool {
        let Some(player) = &mut self.player else { return false };
        match serde_json::from_str::<Kept>(kept) {
            Ok(kept) if kept.id == player.lesson().id => {
                player.resume(kept.progress);
                player.resume_without(kept.without);
                true
            }
            _ => false,
        }
    }

    /// Grows with everything that is worth saving.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    /// Takes an act of the learner; gives the lines to run now.
    pub fn act(&mut self, act: LessonAct) -> Result<Vec<String>, String> {
        self.changes += 1;
        match &mut self.player {
            Some(player) => {
                let leaves_out = matches!(act, LessonAct::Without(Some(_)));
                let lines = player.act(act).map_err(|error| error.to_string())?;
                let beside = player.beside().filter(|_| leaves_out);
                Ok(lines.into_iter().chain(beside).collect())
            }
            None => Ok(Vec::new()),
        }
    }

    /// The line that puts the run with all protections beside a lab that is without one.
    pub fn beside(&self) -> Option<String> {
        self.player.as_ref()?.beside()
    }

    /// A line was run.
    pub fn ran(&mut self, source: Source, ran: &Ran, timeline: &Timeline) {
        let Some(player) = &mut self.player else { return };
        self.changes += 1;
        match source {
            Source::Lesson => player.ran(ran.right, timeline.session()),
            Source::Page(_) => player.typed(&ran.text, ran.right, timeline.session()),
            Source::Script => {}
        }
    }

    /// Lines of the lesson that were to run are not run any more.
    pub fn stopped(&mut self, timeline: &Timeline) {
        if let Some(player) = &mut self.player {
            self.changes += 1;
            player.ran(false, timeline.session());
        }
    }

    /// Closes the lesson.
    pub fn close(&mut self) {
        self.player = None;
        self.changes += 1;
    }

    /// The lesson as the page shows it now.
    pub fn view(&mut self, timeline: &Timeline) -> Option<LessonView> {
        let player = self.player.as_mut()?;
        player.refresh(timeline.session());
        Some(lesson_view(player))
    }
}
