//! Opening what somebody shared: in memory, beside the user's own lab, which is saved first.

use super::{Phase, Server};
use crate::host::desk::Desk;
use crate::host::link::{FILE, Fault, LINK, LinkError, Shared};
use crate::host::protocol::{Found, Reply, Request};
use crate::host::saver::{Access, Saver};
use crate::host::teaching::LessonText;

impl Server {
    /// Takes a link: it is read before anything else changes.
    pub(super) fn open_link(
        &mut self,
        text: &str,
        file: bool,
        lesson: Option<(String, String)>,
    ) -> Vec<Reply> {
        let limits = if file { FILE } else { LINK };
        let shared = match Shared::decode(text, limits) {
            Ok(shared) => shared,
            Err(error) => return vec![Reply::LinkRefused(error)],
        };
        let named = shared.lesson.as_ref().map(|lesson| lesson.id.clone());
        let lesson = match (named, lesson) {
            (None, _) => None,
            (Some(lesson), None) => return vec![Reply::LinkNeeds { lesson }],
            (Some(id), Some((language, json))) => {
                Some(LessonText { id, language, json, seed: None })
            }
        };
        let desk = match self.desk_of(shared, lesson.as_ref()) {
            Ok(desk) => Box::new(desk),
            Err(error) => return vec![Reply::LinkRefused(error)],
        };
        match std::mem::take(&mut self.phase) {
            Phase::Open { desk: mut former, script } => {
                let mut replies = former.handle(Request::Pause);
                if *former.saver().access() == Access::Writes {
                    self.phase = Phase::ToLink { desk, former, script };
                    replies.extend(self.arrive());
                    return replies;
                }
                replies.extend(self.open_shared(desk));
                replies
            }
            _ => self.open_shared(desk),
        }
    }

    pub(super) fn open_shared(&mut self, desk: Box<Desk>) -> Vec<Reply> {
        let mut replies = vec![Reply::Opened { found: Found::Link }];
        replies.extend(self.open(*desk, String::new()));
        replies
    }

    fn desk_of(&self, shared: Shared, lesson: Option<&LessonText>) -> Result<Desk, LinkError> {
        let timeline = shared.timeline()?;
        let saver = Saver::new(Access::Shared, 0, self.settings.resident_bytes_max);
        Desk::shared(timeline, saver, shared, lesson)
    }

    /// If the link's commands strayed, its lab is no lab to go on with.
    pub(super) fn check_link(&mut self, replies: &[Reply]) {
        let strayed = |reply: &Reply| match reply {
            Reply::LinkRefused(error) => error.fault == Fault::Strayed,
            _ => false,
        };
        if replies.iter().any(strayed) {
            self.phase = Phase::Closed;
        }
    }
}
