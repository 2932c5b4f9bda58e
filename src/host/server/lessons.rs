//! On the way from one lab to that of a lesson: the open lab is saved, storage is asked for the
//! lesson's own place, and the lesson begins there or goes on.

use super::{Phase, Server};
use crate::host::desk::Desk;
use crate::host::journal;
use crate::host::protocol::{Reply, Request};
use crate::host::saver::{Access, Saver};
use crate::host::teaching::LessonText;
use crate::host::wish::Wish;
use crate::lab::Timeline;
use crate::lab::command::LabSpec;
use crate::storage::{Opened, StoreError};

impl Server {
    /// Leaves the open lab, once it is saved, for that of a lesson.
    pub(super) fn leave_for(&mut self, lesson: LessonText) -> Vec<Reply> {
        if let Err(error) = lesson.player() {
            return vec![Reply::LessonRefused { error }];
        }
        let Phase::Open { mut desk, script } = std::mem::take(&mut self.phase) else {
            return Vec::new();
        };
        let replies = desk.handle(Request::Pause);
        self.phase = Phase::ToLesson { lesson, former: desk, script, asked: false };
        replies
    }

    /// What is wished of storage on the way to a lesson.
    pub(super) fn wish_on_the_way(&mut self, now_us: u64) -> Option<Wish> {
        let Phase::ToLesson { lesson, former, asked, .. } = &mut self.phase else { return None };
        if *asked || former.saver().is_writing() {
            return None;
        }
        if !former.is_settled() {
            return former.commit(now_us);
        }
        *asked = true;
        Some(Wish::Open { lab: format!("{}/lesson/{}", self.lab, lesson.id) })
    }

    pub(super) fn lesson_opened(
        &mut self,
        lesson: LessonText,
        script: String,
        result: Result<Opened, StoreError>,
    ) -> Vec<Reply> {
        let opened = match result {
            Ok(opened) => opened,
            Err(StoreError::OtherTab) => return self.teach(lesson, script, Access::OtherTab, 0),
            Err(StoreError::Unavailable(reason) | StoreError::Full(reason)) => {
                return self.teach(lesson, script, Access::Unavailable(reason), 0);
            }
            Err(StoreError::Corrupt { .. } | StoreError::Newer { .. }) => {
                return self.lesson_aside(lesson, script);
            }
        };
        let saver = Saver::succeeding(&opened, self.settings.resident_bytes_max);
        let in_progress = opened.manifest.filter(|manifest| !manifest.lesson.is_empty());
        let Some(manifest) = in_progress else { return self.begin_lesson(&lesson, script, saver) };
        let resumed = journal::timeline(&manifest).and_then(|(timeline, end)| {
            Desk::resuming(timeline, end, saver, &lesson, &manifest.lesson)
        });
        match resumed {
            Ok(desk) => self.open(desk, script),
            Err(_) => self.lesson_aside(lesson, script),
        }
    }

    fn lesson_aside(&mut self, lesson: LessonText, script: String) -> Vec<Reply> {
        self.wish = Some(Wish::KeepAside);
        self.phase = Phase::LessonAside { lesson, script };
        Vec::new()
    }

    /// Begins a lesson in a fresh lab.
    pub(super) fn teach(
        &mut self,
        lesson: LessonText,
        script: String,
        access: Access,
        next_block: u64,
    ) -> Vec<Reply> {
        let saver = Saver::new(access, next_block, self.settings.resident_bytes_max);
        self.begin_lesson(&lesson, script, saver)
    }

    fn begin_lesson(&mut self, lesson: &LessonText, script: String, saver: Saver) -> Vec<Reply> {
        let timeline = Timeline::new(&LabSpec::default()).map_err(|error| error.to_string());
        match timeline.and_then(|timeline| Desk::lesson(timeline, saver, lesson)) {
            Ok(desk) => self.open(desk, script),
            Err(error) => {
                self.phase = Phase::Failed;
                vec![Reply::Failed { error }]
            }
        }
    }
}
