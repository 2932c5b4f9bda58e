//! The classroom: starting worlds, the menu of a thing, what is moved by hand, and how far the
//! learner is.

use super::{Action, Effect, State, Toast};
use crate::view::acts;
use crate::view::drag::Grip;
use crate::view::frame::Selection;
use crate::view::lesson::LessonView;
use crate::view::progress::Progress;
use crate::view::scene::Place;
use crate::view::worlds::WORLDS;
use std::rc::Rc;

/// What can be done to a thing, where the pointer is.
#[derive(Clone, Debug, PartialEq)]
pub struct Menu {
    /// The thing.
    pub selection: Selection,
    /// From the left edge of the window, in pixels.
    pub x: i32,
    /// From its upper edge.
    pub y: i32,
}

impl State {
    /// The free lab begins with a starting world.
    pub(super) fn begin_world(&mut self, index: usize) {
        let Some(world) = WORLDS.get(index) else { return };
        self.change(Action::FreeLab);
        self.selection = None;
        self.watched_request = Some(self.run(world.script.to_owned()));
        self.caption = None;
    }

    /// The thing is selected, and what can be done to it stands at the pointer.
    pub(super) fn open_menu(&mut self, menu: Menu) {
        self.select(Some(menu.selection.clone()));
        if !acts::menu(&self.scene, &menu.selection).is_empty() {
            self.menu = Some(menu);
            self.wish(Effect::Focus("menu"));
        }
    }

    /// What was taken by hand goes where it was let go.
    pub(super) fn move_to(&mut self, grip: &Grip, place: &Place) {
        if let Some(command) = grip.command(&self.scene, &self.recorded, place) {
            self.act(command);
        }
    }

    /// Notes how far the open lesson is.
    pub(super) fn note_progress(&mut self, lesson: &LessonView) {
        if Rc::make_mut(&mut self.progress).note(lesson) {
            self.keep_progress();
        }
    }

    fn keep_progress(&mut self) {
        let text = self.progress.text();
        self.wish(Effect::KeepProgress(text));
    }

    /// Takes progress from a file; `None` if the file could not be read.
    pub(super) fn import(&mut self, text: Option<&str>) {
        let read = text.ok_or((0, String::new())).and_then(Progress::parse);
        self.toast = Some(match read {
            Ok(other) => {
                Rc::make_mut(&mut self.progress).merge(&other);
                self.keep_progress();
                Toast::Imported
            }
            Err((line, found)) => Toast::NotImported(line, found),
        });
    }
}
