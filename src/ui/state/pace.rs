//! How fast time runs.

use super::{Request, SPEEDS, State};

impl State {
    /// Time runs.
    pub(super) fn play(&mut self) {
        self.settle();
        self.stepping = false;
        self.caption = None;
        self.ask(Request::Play { speed: self.speed });
    }

    /// Time runs so fast, when it runs.
    pub(super) fn set_speed(&mut self, speed: f64) {
        self.speed = speed;
        if self.status.playing {
            self.ask(Request::Play { speed });
        }
    }

    /// So many speeds faster.
    pub(super) fn speed_by(&mut self, steps: isize) {
        let at = SPEEDS.iter().position(|speed| *speed == self.speed).unwrap_or(3);
        let to = at.saturating_add_signed(steps).min(SPEEDS.len() - 1);
        self.set_speed(SPEEDS[to]);
    }
}
