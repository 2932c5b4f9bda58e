//! A first visit: what the engine will show is known before it has come, so the page stands already.
//! What is done meanwhile waits for the engine.

use super::{Phase, State, Welcome};
use crate::view::frame::{Frame, Status};
use crate::view::scene::Scene;
use std::rc::Rc;

impl State {
    /// The page of a first visit, with the scene that the engine will come to; unless it is to open
    /// something else.
    pub fn foreseeing(mut self, scene: Option<Scene>) -> State {
        let opens_own = self.keeps && self.incoming.is_none();
        let Some(scene) = scene.filter(|_| opens_own) else { return self };
        let now_us = scene.now_us;
        self.status = Rc::new(Status { now_us, end_us: now_us, ..Status::default() });
        self.scene = Rc::new(scene);
        self.welcome = Some(Welcome::default());
        self.foreseen = true;
        self
    }

    /// True while something that was done waits for the engine.
    pub fn waits(&self) -> bool {
        self.foreseen && (self.next_request > 0 || self.welcome.is_none())
    }

    /// The engine found something else than a first visit, or cannot come.
    pub(super) fn not_as_foreseen(&mut self) {
        if std::mem::take(&mut self.foreseen) {
            self.welcome = None;
        }
    }

    /// True if the engine has still to come to what is shown already. Its events are new all the
    /// same.
    pub(super) fn is_behind(&mut self, frame: &Frame) -> bool {
        self.foreseen &= self.phase == Phase::Opening || frame.status.opening;
        self.foreseen
    }
}
