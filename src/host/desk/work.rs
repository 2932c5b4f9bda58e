//! The desk at work: one slice of a task, or of time that passes by itself.

use super::{Desk, UNSEEN_US};
use crate::host::lines::{Lines, Went};
use crate::host::link::{Fault, LinkError};
use crate::host::pace::Due;
use crate::host::protocol::{Found, Reply};
use crate::host::task::Task;
use crate::lab::Progress;
use crate::lab::command::LabSpec;
use crate::sim::Time;

impl Desk {
    /// True if there is work to be done at once.
    pub fn is_busy(&self) -> bool {
        if !self.need.is_empty() || self.saver.is_overwhelmed(&self.timeline) {
            return false;
        }
        match self.tasks.front() {
            Some(task) => !self.waits_for_saving(task),
            None => !self.hidden && (self.pace.owes() || self.lags),
        }
    }

    /// True while virtual time runs with the real one.
    pub fn is_playing(&self) -> bool {
        self.pace.is_playing() && !self.hidden && self.tasks.is_empty()
    }

    /// What is here is saved before the lab leaves for the past.
    pub(super) fn waits_for_saving(&self, task: &Task) -> bool {
        task.leaves_the_present() && !self.saver.is_settled(self.subject())
    }

    /// Works for at most `budget` events; so much real time has passed since the last call. A lab
    /// that nothing can leave stops where memory would not bear more.
    pub fn advance(&mut self, elapsed_us: u64, budget: u64) -> Vec<Reply> {
        let before = self.timeline.session().steps();
        let mut replies = self.work_on(elapsed_us, budget);
        if self.timeline.session().steps() == before || self.is_opening() {
            return replies;
        }
        let busy = self.pace.is_playing() || self.tasks.iter().any(Task::can_be_stopped);
        if let Some(limit) = self.saver.memory_limit_passed(&self.timeline).filter(|_| busy) {
            replies.extend(self.stop());
            replies.push(Reply::MemoryFull { bytes: limit });
        }
        replies
    }

    fn work_on(&mut self, elapsed_us: u64, budget: u64) -> Vec<Reply> {
        if let Some(reply) = self.recover_seen(elapsed_us) {
            return vec![reply];
        }
        if !self.need.is_empty() || self.saver.is_overwhelmed(&self.timeline) {
            return Vec::new();
        }
        let Some(mut task) = self.tasks.pop_front() else {
            self.play_on(elapsed_us, budget);
            self.follow(budget);
            return Vec::new();
        };
        self.pace.settle();
        self.lags = self.timeline.beside().is_some();
        if self.waits_for_saving(&task) {
            self.tasks.push_front(task);
            return Vec::new();
        }
        self.framing.change();
        if let Task::Lines(lines) = task {
            return self.run_on(lines, budget);
        }
        if matches!(task, Task::Travel { .. } | Task::Replay { .. }) {
            self.framing.jump();
        }
        match task.work(&mut self.timeline, budget) {
            Progress::Done(()) => {
                self.collect();
                match task {
                    Task::Recover { saved_us, took_us, .. } => {
                        self.framing.jump();
                        let opened = Reply::Opened { found: Found::Lab { saved_us } };
                        let told = took_us >= UNSEEN_US;
                        return Some(opened).filter(|_| !told).into_iter().collect();
                    }
                    Task::Travel { .. } => self.framing.jump(),
                    Task::Replay { .. } => {
                        self.framing.jump();
                        return self.strayed().map(Reply::LinkRefused).into_iter().collect();
                    }
                    _ => {}
                }
            }
            Progress::More => self.tasks.push_front(task),
            Progress::Need(blocks) => {
                self.tasks.push_front(task);
                self.need = blocks;
            }
        }
        Vec::new()
    }

    /// Counts the real time of a recovery; from a certain moment on it can be seen.
    fn recover_seen(&mut self, elapsed_us: u64) -> Option<Reply> {
        let Some(Task::Recover { saved_us, took_us, .. }) = self.tasks.front_mut() else {
            return None;
        };
        let before_us = *took_us;
        *took_us += elapsed_us;
        let begins = before_us < UNSEEN_US && *took_us >= UNSEEN_US;
        let opened = Reply::Opened { found: Found::Lab { saved_us: *saved_us } };
        begins.then(|| {
            self.framing.jump();
            opened
        })
    }

    /// Why what a link recorded is not what happened here.
    fn strayed(&self) -> Option<LinkError> {
        let number = self.timeline.strayed()?;
        let journal = self.timeline.journal();
        let text = journal.get(number - 1).map_or("the end", |(_, text)| *text);
        let found = format!("{number}: {text}");
        Some(LinkError::new(Fault::Strayed, found, env!("CARGO_PKG_VERSION")))
    }

    fn run_on(&mut self, mut lines: Box<Lines>, budget: u64) -> Vec<Reply> {
        let lab: *const LabSpec = self.timeline.session().spec();
        let progress = lines.work(&mut self.timeline, budget);
        if !std::ptr::eq(lab, self.timeline.session().spec()) {
            // `lab new` put another lab in the place of this one, which undo keeps alive.
            self.framing.jump();
        }
        self.collect();
        let reply = match progress {
            Progress::Done(Went::End) => return lines.ended().into_iter().collect(),
            Progress::Done(Went::Ran(ran)) => {
                self.teaching.ran(lines.source(), &ran, &self.timeline);
                lines.ran(ran)
            }
            Progress::More => lines.goes_on(),
            Progress::Need(blocks) => {
                self.need = blocks;
                lines.goes_on()
            }
        };
        self.tasks.push_front(Task::Lines(lines));
        reply.into_iter().collect()
    }

    /// Lets virtual time pass as far as it is due.
    fn play_on(&mut self, elapsed_us: u64, budget: u64) {
        if self.hidden || !self.pace.is_playing() {
            return;
        }
        if self.timeline.is_idle() {
            self.pace.pause();
            self.framing.change();
            return;
        }
        let before = self.timeline.session().now();
        match self.pace.due(before, elapsed_us) {
            Due::Nothing => return,
            Due::Everything => self.pass(Time::NEVER, budget),
            Due::Until { until, stretched: false } => self.pass(until, budget),
            Due::Until { until, stretched: true } => self.pass_hop_by_hop(until, budget),
        }
        self.framing.change();
    }

    /// The second run, if there is one, comes to where the first one is.
    fn follow(&mut self, budget: u64) {
        if self.timeline.beside().is_none() {
            self.lags = false;
            return;
        }
        match self.timeline.follow(budget) {
            Progress::Need(blocks) => self.need = blocks,
            Progress::More | Progress::Done(()) => {}
        }
        let lagged = std::mem::replace(&mut self.lags, self.timeline.is_followed());
        if lagged && !self.lags {
            self.framing.change();
        }
    }

    fn pass(&mut self, until: Time, budget: u64) {
        let before = self.timeline.session().now();
        if let Progress::Need(blocks) = self.timeline.advance(until, budget) {
            self.need = blocks;
        }
        self.pace.passed(self.timeline.session().now() - before);
        self.collect();
    }

    fn pass_hop_by_hop(&mut self, until: Time, budget: u64) {
        let mut before = self.timeline.session().now();
        for _ in 0..budget {
            let progress = self.timeline.advance(until, 1);
            let now = self.timeline.session().now();
            self.pace.passed(now - before);
            before = now;
            let hops = self.collect();
            if self.pace.hopped(hops) {
                return;
            }
            match progress {
                Progress::More => {}
                Progress::Done(()) => return,
                Progress::Need(blocks) => {
                    self.need = blocks;
                    return;
                }
            }
        }
    }

    fn collect(&mut self) -> usize {
        let arrived = self.timeline.take_arrived();
        self.framing.arrive(&self.timeline, arrived)
    }
}
