//! Says what is being done, out of how many things, and how long each took.

use crate::Failure;
use std::time::{Duration, Instant};

/// The steps of one command, counted as they are announced.
pub struct Steps {
    total: usize,
    announced: usize,
    started: Instant,
    margin: &'static str,
}

impl Steps {
    /// A command of `total` steps.
    pub fn new(total: usize) -> Self {
        Steps { total, announced: 0, started: Instant::now(), margin: "" }
    }

    /// The steps of something that is itself a step.
    pub fn inside(total: usize) -> Self {
        Steps { margin: "      ", ..Steps::new(total) }
    }

    /// Announces a step, does its work and says how long it took.
    pub fn run<T>(
        &mut self,
        label: &str,
        work: impl FnOnce() -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        self.announce(&format!("{label} ..."));
        let started = Instant::now();
        let result = work();
        let verb = if result.is_ok() { "done in" } else { "failed after" };
        println!("{}      {verb} {}", self.margin, spoken(started.elapsed()));
        result
    }

    /// Announces a step that has nothing to do.
    pub fn already(&mut self, label: &str) {
        self.announce(label);
    }

    /// How long the command has been at it.
    pub fn elapsed(&self) -> String {
        spoken(self.started.elapsed())
    }

    fn announce(&mut self, label: &str) {
        self.announced += 1;
        assert!(self.announced <= self.total, "a command announced more steps than it promised");
        println!("{}[{}/{}] {label}", self.margin, self.announced, self.total);
    }
}

/// A duration as one says it: "0.4 s", "3 min 12 s".
pub fn spoken(duration: Duration) -> String {
    let seconds = duration.as_secs();
    if seconds < 60 {
        format!("{:.1} s", duration.as_secs_f64())
    } else {
        format!("{} min {} s", seconds / 60, seconds % 60)
    }
}
