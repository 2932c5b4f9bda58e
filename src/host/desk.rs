//! An open lab with everything that goes on about it: tasks, pace, saving, frames, a lesson.

use super::framing::Framing;
use super::lines::{Lines, Source};
use super::link::{Fault, LinkError, Shared};
use super::pace::Pace;
use super::protocol::{Grain, Reply, Request};
use super::saver::{Saver, Subject};
use super::task::{Destination, RECOVERY_US_MAX, Task};
use super::teaching::{LessonText, Teaching};
use super::wish::Wish;
use crate::lab::{self, Timeline};
use crate::ordered::BTreeSet;
use crate::shell::complete::complete;
use crate::shell::programs::lab_line;
use crate::sim::disk::Block;
use crate::sim::{Span, Time};
use crate::storage::StoreError;
use crate::view::frame::{Frame, Selection, Status};
use bytes::Bytes;
use std::collections::VecDeque;
use std::rc::Rc;

mod work;

/// At most so many ticks on the time bar.
const MARKS_MAX: usize = 200;

/// So many recorded lines are told.
const RECORDED_MAX: usize = 200;

/// At most so many tasks wait; more are refused, so that no page can fill the memory.
const TASKS_MAX: usize = 1_000;

/// A lab with long logs recovers before the eyes of the reader: after so much real time it can be
/// looked at.
const UNSEEN_US: u64 = 1_000_000;

/// So often in a row the same blocks are asked for.
const READS_MAX: u32 = 5;

/// An open lab.
pub struct Desk {
    timeline: Timeline,
    saver: Saver,
    pace: Pace,
    tasks: VecDeque<Task>,
    framing: Framing,
    selection: Option<Selection>,
    teaching: Teaching,
    /// Blocks that have to be loaded before anything goes on, and whether that was asked for.
    need: Vec<Rc<Block>>,
    asked: bool,
    /// How often in a row they could not be read.
    failed_reads: u32,
    hidden: bool,
    /// True while the second run is not where the first one is.
    lags: bool,
}

impl Desk {
    /// A fresh lab, or one that goes on at the present instant.
    pub fn new(mut timeline: Timeline, saver: Saver) -> Desk {
        timeline.watch(true);
        let mut framing = Framing::default();
        framing.jump();
        Desk {
            timeline,
            saver,
            pace: Pace::default(),
            tasks: VecDeque::new(),
            framing,
            selection: None,
            teaching: Teaching::default(),
            need: Vec::new(),
            asked: false,
            failed_reads: 0,
            hidden: false,
            lags: false,
        }
    }

    /// A lab that was reopened: its brokers recover first.
    pub fn recovering(timeline: Timeline, saver: Saver, saved_us: u64) -> Desk {
        let mut desk = Desk::new(timeline, saver);
        let until = desk.timeline.session().now() + Span::micros(RECOVERY_US_MAX);
        desk.tasks.push_back(Task::Recover { until, saved_us, took_us: 0 });
        desk
    }

    /// A fresh lab for a lesson: it begins with the lines that set the stage.
    pub fn lesson(timeline: Timeline, saver: Saver, lesson: &LessonText) -> Result<Desk, String> {
        let mut desk = Desk::new(timeline, saver);
        let lines = desk.teaching.open(lesson)?;
        desk.begin_lesson(&lines);
        Ok(desk)
    }

    /// A lesson in progress: what happened in its lab happens again.
    pub fn resuming(
        timeline: Timeline,
        end: Time,
        saver: Saver,
        lesson: &LessonText,
        kept: &str,
    ) -> Result<Desk, String> {
        let mut desk = Desk::new(timeline, saver);
        desk.teaching.open(lesson)?;
        if !desk.teaching.resume(kept) {
            return Err("what was kept is not of this lesson".into());
        }
        desk.travel(Destination::Instant(end));
        desk.compare_again();
        Ok(desk)
    }

    /// What somebody shared: what happened in that lab happens again.
    pub fn shared(
        timeline: Timeline,
        saver: Saver,
        shared: Shared,
        lesson: Option<&LessonText>,
    ) -> Result<Desk, LinkError> {
        let mut desk = Desk::new(timeline, saver);
        if let (Some(text), Some(kept)) = (lesson, shared.lesson) {
            let id = kept.id.clone();
            let refused = |found: String| LinkError::new(Fault::Lesson, found, &id);
            desk.teaching.open(text).map_err(refused)?;
            if !desk.teaching.take_shared(kept) {
                return Err(refused("a lesson with other steps".into()));
            }
        }
        desk.tasks.push_back(Task::Replay { steps: shared.cursor.0 });
        desk.compare_again();
        Ok(desk)
    }

    /// A second run is not kept and not shared: that of a lesson without a protection comes again.
    fn compare_again(&mut self) {
        if let Some(line) = self.teaching.beside() {
            self.tasks.push_back(Task::Lines(Box::new(Lines::new(Source::Lesson, &line))));
        }
    }

    /// The lines that a second run can change: what the lab was made by, and what was run in it.
    fn recorded(&self) -> Vec<String> {
        let journal = self.timeline.journal();
        let own = journal.iter().map(|(_, text)| *text).filter(|text| !text.contains('\n'));
        let own: Vec<String> = own.map(str::to_owned).collect();
        let spare = own.len().saturating_sub(RECORDED_MAX);
        let made_by = lab_line(self.timeline.session().spec());
        std::iter::once(made_by).chain(own.into_iter().skip(spare)).collect()
    }

    /// The lab as a link.
    fn share(&self) -> String {
        Shared::of(&self.timeline, self.teaching.shared()).encode()
    }

    /// Runs a script before anything else.
    pub fn run_first(&mut self, script: &str) {
        self.tasks.push_front(Task::Lines(Box::new(Lines::new(Source::Script, script))));
    }

    /// The lab.
    pub fn timeline(&self) -> &Timeline {
        &self.timeline
    }

    /// What keeps storage up to date.
    pub fn saver(&self) -> &Saver {
        &self.saver
    }

    /// What keeps storage up to date.
    pub fn saver_mut(&mut self) -> &mut Saver {
        &mut self.saver
    }

    /// From now on this is what keeps storage up to date.
    pub fn set_saver(&mut self, saver: Saver) {
        self.saver = saver;
        self.framing.change();
    }

    /// A copy of a lab that another tab has.
    pub fn copied(timeline: Timeline, end: Time, saver: Saver) -> Desk {
        let mut desk = Desk::new(timeline, saver);
        desk.travel(Destination::Instant(end));
        desk
    }

    fn subject(&self) -> Subject<'_> {
        Subject { timeline: &self.timeline, teaching: &self.teaching }
    }

    /// True while a reopened lab has not recovered yet.
    pub fn is_recovering(&self) -> bool {
        matches!(self.tasks.front(), Some(Task::Recover { .. }))
    }

    /// True while a reopened lab recovers so fast that nobody has to see it.
    fn recovers_unseen(&self) -> bool {
        matches!(self.tasks.front(), Some(Task::Recover { took_us, .. }) if *took_us < UNSEEN_US)
    }

    /// True while the lab is on its way to where the reader finds it: a reopened one recovers, a
    /// fresh one runs its first script.
    pub fn is_opening(&self) -> bool {
        let first = |task: &Task| match task {
            Task::Lines(lines) => lines.source() == Source::Script,
            _ => false,
        };
        let replays = matches!(self.tasks.front(), Some(Task::Replay { .. }));
        self.is_recovering() || replays || self.tasks.iter().any(first)
    }

    /// True while nothing is saved: who leaves now and comes again shall find the lab as it was, or
    /// all of a fresh one, and not what half of its script had made. A script that writes much has
    /// to be saved all the same.
    fn is_half_begun(&self) -> bool {
        self.is_recovering() || self.is_opening() && !self.saver.has_much(&self.timeline)
    }

    // ---- requests ----

    /// Takes a request.
    pub fn handle(&mut self, request: Request) -> Vec<Reply> {
        self.framing.change();
        match request {
            Request::Run { id, text } => return self.run(Source::Page(id), &text),
            Request::Play { speed } => {
                self.pace.play(speed);
                // As fast as possible only results are drawn.
                self.timeline.watch(self.pace.speed() > 0.0);
            }
            Request::Pause => return self.stop(),
            Request::Step { grain, back: false } => self.do_next(Task::Forward(grain.into())),
            Request::Step { grain, back: true } => self.travel(Destination::Back(grain.into())),
            Request::Seek { at_us } => self.seek(Time::from_micros(at_us)),
            Request::Undo => self.travel(Destination::Undo),
            Request::Redo => self.travel(Destination::Redo),
            Request::Select(selection) => self.selection = selection,
            Request::Complete { id, line } => {
                let completion = complete(&line, &self.timeline);
                let (words, replaces) = (completion.words, completion.replaces);
                return vec![Reply::Completions { id, words, replaces }];
            }
            Request::OpenLesson { id, language, json, seed } => {
                match self.teaching.open(&LessonText { id, language, json, seed }) {
                    Ok(lines) => self.begin_lesson(&lines),
                    Err(error) => return vec![Reply::LessonRefused { error }],
                }
            }
            Request::Lesson(act) => match self.teaching.act(act) {
                Ok(lines) if lines.is_empty() => {}
                Ok(lines) => return self.run(Source::Lesson, &lines.join("\n")),
                Err(error) => return vec![Reply::LessonRefused { error }],
            },
            Request::CloseLesson => self.teaching.close(),
            Request::Hidden(hidden) => {
                self.hidden = hidden;
                self.pace.settle();
            }
            Request::Recorded => return vec![Reply::Recorded { lines: self.recorded() }],
            Request::Share => return vec![Reply::Shared { text: self.share() }],
            // The server's own.
            Request::Open { .. }
            | Request::OpenLink { .. }
            | Request::TakeOver
            | Request::Keep { .. }
            | Request::Erase { .. } => {}
        }
        Vec::new()
    }

    fn run(&mut self, source: Source, text: &str) -> Vec<Reply> {
        let lines = Lines::new(source, text);
        if self.tasks.len() >= TASKS_MAX {
            let sentence = format!("{TASKS_MAX} tasks are waiting; that is the limit");
            return lines.refused(text, sentence).into_iter().collect();
        }
        self.tasks.push_back(Task::Lines(Box::new(lines)));
        Vec::new()
    }

    fn begin_lesson(&mut self, lines: &[String]) {
        self.pace.pause();
        self.tasks.retain(|task| !task.can_be_stopped());
        self.tasks.push_back(Task::Lines(Box::new(Lines::new(Source::Lesson, &lines.join("\n")))));
    }

    /// A step or a journey: time stops to run by itself.
    fn do_next(&mut self, task: Task) {
        self.pace.pause();
        self.timeline.watch(true);
        if self.tasks.len() < TASKS_MAX {
            self.tasks.push_back(task);
        }
    }

    fn travel(&mut self, to: Destination) {
        self.do_next(Task::Travel { to, begun: false });
    }

    /// Of several journeys to an instant only the last one counts: the time bar is being dragged.
    /// Nobody travels beyond what is recorded: that future may have no end.
    fn seek(&mut self, to: Time) {
        let to = to.min(self.timeline.end());
        let under_way = Task::Travel { to: Destination::Instant(to), begun: false };
        match self.tasks.back_mut() {
            Some(last @ Task::Travel { to: Destination::Instant(_), .. }) => *last = under_way,
            _ => self.tasks.push_back(under_way),
        }
    }

    /// Stops virtual time and what can be stopped.
    fn stop(&mut self) -> Vec<Reply> {
        self.pace.pause();
        self.timeline.watch(true);
        let mut replies = Vec::new();
        for task in &mut self.tasks {
            if let Task::Lines(lines) = task {
                replies.extend(lines.stopped());
                if lines.source() == Source::Lesson {
                    self.teaching.stopped(&self.timeline);
                }
            }
        }
        if matches!(self.tasks.front(), Some(Task::Replay { .. })) {
            self.timeline.stop_seeking();
        }
        self.tasks.retain(|task| !task.can_be_stopped());
        replies
    }

    // ---- storage ----

    /// What is wished of storage now, if anything.
    pub fn wish(&mut self, now_us: u64) -> Option<Wish> {
        if !self.need.is_empty() && !self.asked {
            self.asked = true;
            let ids = self.need.iter().filter_map(|block| block.saved_as());
            let ids: BTreeSet<u64> = ids.map(|stored| stored.id).collect();
            return Some(Wish::Read { ids: ids.into_iter().collect() });
        }
        if self.is_half_begun() {
            return None;
        }
        let leaving = self.tasks.front().is_some_and(|task| self.waits_for_saving(task));
        let urgent = leaving || self.hidden;
        self.saver.due(&mut self.timeline, &self.teaching, now_us, urgent)
    }

    /// True if storage holds everything that it can be made to hold.
    pub fn is_settled(&self) -> bool {
        self.saver.is_settled(self.subject())
    }

    /// What would save everything now.
    pub fn commit(&mut self, now_us: u64) -> Option<Wish> {
        self.saver.due(&mut self.timeline, &self.teaching, now_us, true)
    }

    /// When the next commit is due.
    pub fn commit_due_at_us(&self) -> Option<u64> {
        if self.is_half_begun() { None } else { self.saver.due_at_us(self.subject()) }
    }

    /// The blocks that were asked for could not be read. True if they may be asked for again.
    pub fn may_ask_again(&mut self) -> bool {
        self.asked = false;
        self.failed_reads += 1;
        self.failed_reads < READS_MAX
    }

    /// The blocks that were asked for have come.
    pub fn loaded(&mut self, blocks: &[(u64, Bytes)]) -> Result<(), StoreError> {
        self.asked = false;
        self.failed_reads = 0;
        let residency = self.saver.residency_mut();
        residency.trim();
        for (id, content) in blocks {
            residency.loaded(*id, content)?;
        }
        self.need.clear();
        Ok(())
    }

    /// What came of a commit.
    pub fn committed(&mut self, result: Result<(), StoreError>, now_us: u64) {
        self.saver.committed(&mut self.timeline, result, now_us);
        self.framing.change();
    }

    // ---- frames ----

    /// True if something changed that the page shows.
    pub fn has_changed(&self) -> bool {
        self.framing.has_changed() && !self.hidden && !self.recovers_unseen()
    }

    /// The next frame, if something changed.
    pub fn next_frame(&mut self) -> Option<Frame> {
        if !self.has_changed() {
            return None;
        }
        let status = self.status();
        let lesson = self.teaching.view(&self.timeline);
        Some(self.framing.frame(&self.timeline, status, self.selection.as_ref(), lesson))
    }

    fn status(&mut self) -> Status {
        let journal = self.timeline.journal();
        let stride = journal.len().div_ceil(MARKS_MAX).max(1);
        let marks_us = journal.iter().step_by(stride).map(|(at, _)| at.micros()).collect();
        let working = self.tasks.front().map(|task| (task.text(), task.part_done(&self.timeline)));
        Status {
            opening: self.is_opening(),
            playing: self.pace.is_playing(),
            speed: self.pace.speed(),
            now_us: self.timeline.session().now().micros(),
            end_us: self.timeline.end().micros(),
            idle: self.timeline.is_idle(),
            undo: self.timeline.undo_text().map(str::to_owned),
            redo: self.timeline.redo_text().map(str::to_owned),
            future_dropped: self.timeline.future_dropped(),
            steps: self.timeline.session().steps(),
            marks_us,
            working,
            saving: self.saver.status(self.subject()),
        }
    }
}

impl std::convert::From<Grain> for lab::Grain {
    fn from(grain: Grain) -> lab::Grain {
        match grain {
            Grain::Event => lab::Grain::Event,
            Grain::Message => lab::Grain::Message,
            Grain::Tick => lab::Grain::Tick,
        }
    }
}
