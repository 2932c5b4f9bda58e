//! The host's core: requests in, replies and frames out, wishes to storage in between. It reads
//! no clock, does no IO and waits for nothing: real time comes in as an argument, so the same
//! inputs give the same outputs.

use super::desk::Desk;
use super::protocol::{Found, Reply, Request};
use super::saver::{Access, Saver};
use super::teaching::LessonText;
use super::wish::{Told, Wish};
use crate::lab::Timeline;
use crate::lab::command::LabSpec;
use crate::storage::{Opened, StoreError};
use crate::view::frame::Frame;

mod lessons;
mod links;
mod tabs;

/// At most so many requests wait while the lab is being opened.
const WAITING_MAX: usize = 1_000;

/// How a server is set up.
#[derive(Clone, Debug)]
pub struct Settings {
    /// At most so many bytes of saved blocks stay in memory.
    pub resident_bytes_max: u64,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings { resident_bytes_max: 16 << 20 }
    }
}

/// The host's core.
#[derive(Default)]
pub struct Server {
    settings: Settings,
    phase: Phase,
    /// The name of the user's own lab in storage.
    lab: String,
    /// Requests that came before the lab was open.
    waiting: Vec<Request>,
    wish: Option<Wish>,
    hidden: bool,
    /// How many frames were sent, of all labs.
    frames: u64,
}

#[derive(Default)]
enum Phase {
    /// Nothing was opened yet.
    #[default]
    Closed,
    /// Storage was asked for the lab.
    Asking { script: String },
    /// Another tab has the lab: storage was asked for a look at it.
    Peeking { script: String },
    /// Storage was asked for the place of the user's own lab, which a shared one is to take.
    Adopting { desk: Box<Desk> },
    /// Storage gives what cannot be read another name.
    KeepingAside { script: String, error: String },
    /// Storage was asked to remove everything.
    Erasing { script: String, former: Box<Desk> },
    /// A lesson is about to be opened, in its own place in storage: first the open lab is saved.
    ToLesson { lesson: LessonText, former: Box<Desk>, script: String, asked: bool },
    /// A link is about to be opened: first the open lab is saved.
    ToLink { desk: Box<Desk>, former: Box<Desk>, script: String },
    /// The lesson's lab cannot be read; storage gives it another name.
    LessonAside { lesson: LessonText, script: String },
    /// The lab is open. The script is kept in case that its blocks turn out to be unreadable.
    Open { desk: Box<Desk>, script: String },
    /// It cannot go on.
    Failed,
}

impl Server {
    /// A server that has opened nothing yet.
    pub fn new(settings: Settings) -> Server {
        Server { settings, ..Server::default() }
    }

    /// The open lab.
    pub fn desk(&self) -> Option<&Desk> {
        match &self.phase {
            Phase::Open { desk, .. } => Some(desk),
            _ => None,
        }
    }

    fn desk_mut(&mut self) -> Option<&mut Desk> {
        match &mut self.phase {
            Phase::Open { desk, .. } => Some(desk),
            _ => None,
        }
    }

    /// Takes a request.
    pub fn handle(&mut self, request: Request) -> Vec<Reply> {
        if let Request::Hidden(hidden) = request {
            self.hidden = hidden;
        }
        match (&mut self.phase, request) {
            (Phase::Closed, Request::Open { lab, script, store: true }) => {
                self.lab = lab.clone();
                self.wish = Some(Wish::Open { lab });
                self.phase = Phase::Asking { script };
                Vec::new()
            }
            (Phase::Closed, Request::Open { script, store: false, .. }) => {
                let access = Access::Unavailable("not asked for".into());
                self.begin(access, 0, script, Found::Nothing)
            }
            (Phase::Closed, Request::OpenLink { text, file, lesson }) => {
                self.open_link(&text, file, lesson)
            }
            (Phase::Open { desk, .. }, request @ Request::OpenLink { .. }) if desk.is_opening() => {
                self.wait(request);
                Vec::new()
            }
            (Phase::Open { .. }, Request::OpenLink { text, file, lesson }) => {
                self.open_link(&text, file, lesson)
            }
            (Phase::Open { desk, .. }, Request::TakeOver)
                if *desk.saver().access() == Access::OtherTab =>
            {
                self.take_over()
            }
            (Phase::Open { desk, .. }, Request::Keep { lab })
                if *desk.saver().access() == Access::Shared =>
            {
                self.adopt(lab)
            }
            (Phase::Open { desk, .. }, Request::Erase { .. }) if desk.is_recovering() => Vec::new(),
            (Phase::Open { .. }, Request::Erase { script }) => self.erase(script),
            (Phase::Open { desk, .. }, request @ Request::OpenLesson { .. })
                if desk.is_opening() =>
            {
                // A lesson must not begin in the middle of it.
                self.wait(request);
                Vec::new()
            }
            (Phase::Open { desk, .. }, Request::OpenLesson { id, language, json, seed })
                if *desk.saver().access() == Access::Writes =>
            {
                self.leave_for(LessonText { id, language, json, seed })
            }
            (Phase::Open { desk, .. }, request) => desk.handle(request),
            (Phase::Failed, _) => Vec::new(),
            (_, request) => {
                self.wait(request);
                Vec::new()
            }
        }
    }

    fn wait(&mut self, request: Request) {
        if self.waiting.len() < WAITING_MAX {
            self.waiting.push(request);
        }
    }

    /// A fresh lab; then what was asked for meanwhile.
    fn begin(
        &mut self,
        access: Access,
        next_block: u64,
        script: String,
        found: Found,
    ) -> Vec<Reply> {
        let timeline = match Timeline::new(&LabSpec::default()) {
            Ok(timeline) => timeline,
            Err(error) => {
                self.phase = Phase::Failed;
                return vec![Reply::Failed { error: error.to_string() }];
            }
        };
        let saver = Saver::new(access, next_block, self.settings.resident_bytes_max);
        let mut desk = Desk::new(timeline, saver);
        desk.run_first(&script);
        let mut replies = vec![Reply::Opened { found }];
        replies.extend(self.open(desk, script));
        replies
    }

    /// A lab is open: now what was asked for meanwhile.
    fn open(&mut self, desk: Desk, script: String) -> Vec<Reply> {
        self.phase = Phase::Open { desk: Box::new(desk), script };
        self.catch_up()
    }

    fn catch_up(&mut self) -> Vec<Reply> {
        let hidden = Request::Hidden(self.hidden);
        let waiting = std::mem::take(&mut self.waiting).into_iter().chain([hidden]);
        let handled: Vec<Vec<Reply>> = waiting.map(|request| self.handle(request)).collect();
        handled.into_iter().flatten().collect()
    }

    /// Everything of this lab goes, here and in storage.
    fn erase(&mut self, script: String) -> Vec<Reply> {
        let Phase::Open { desk, script: former_script } = std::mem::take(&mut self.phase) else {
            return Vec::new();
        };
        match desk.saver().access().clone() {
            Access::Writes => {
                self.wish = Some(Wish::Erase);
                self.phase = Phase::Erasing { script, former: desk };
                drop(former_script);
                Vec::new()
            }
            access => self.begin(access, 0, script, Found::Nothing),
        }
    }

    // ---- time ----

    /// True if there is work to be done at once.
    pub fn is_busy(&self) -> bool {
        self.desk().is_some_and(Desk::is_busy)
    }

    /// True while virtual time runs with the real one.
    pub fn is_playing(&self) -> bool {
        self.desk().is_some_and(Desk::is_playing)
    }

    /// Works for at most `budget` events; so much real time has passed since the last call.
    pub fn advance(&mut self, elapsed_us: u64, budget: u64) -> Vec<Reply> {
        let Some(desk) = self.desk_mut() else { return Vec::new() };
        let mut replies = desk.advance(elapsed_us, budget);
        if replies.iter().any(|reply| matches!(reply, Reply::LinkRefused(_))) {
            self.check_link(&replies);
            return replies;
        }
        if !desk.is_opening() && !self.waiting.is_empty() {
            replies.extend(self.catch_up());
        }
        replies
    }

    /// The next frame, if something changed.
    pub fn next_frame(&mut self) -> Option<Frame> {
        let mut frame = self.desk_mut()?.next_frame()?;
        self.frames += 1;
        frame.number = self.frames;
        Some(frame)
    }

    /// True if there is something for a frame.
    pub fn has_changed(&self) -> bool {
        self.desk().is_some_and(Desk::has_changed)
    }

    // ---- storage ----

    /// What is wished of storage now, if anything. Each wish is to be carried out, and its result
    /// told.
    pub fn wish(&mut self, now_us: u64) -> Option<Wish> {
        if let Phase::Erasing { former, .. } = &mut self.phase
            && former.saver().is_writing()
        {
            // Until the commit under way is over, nothing else may write.
            return None;
        }
        if self.wish.is_some() {
            return self.wish.take();
        }
        if let Phase::ToLesson { .. } = &self.phase {
            return self.wish_on_the_way(now_us);
        }
        if let Phase::ToLink { former, .. } = &mut self.phase {
            return former.commit(now_us);
        }
        self.desk_mut()?.wish(now_us)
    }

    /// What was on its way to be opened is, once the lab before it is saved.
    fn arrive(&mut self) -> Vec<Reply> {
        match std::mem::take(&mut self.phase) {
            Phase::ToLink { desk, former, .. } if former.is_settled() => self.open_shared(desk),
            phase => {
                self.phase = phase;
                Vec::new()
            }
        }
    }

    /// When the next commit is due, in real time.
    pub fn commit_due_at_us(&self) -> Option<u64> {
        self.desk()?.commit_due_at_us()
    }

    /// Gathering a commit took from one instant to the other.
    pub fn commit_took(&mut self, began_us: u64, ended_us: u64) {
        if let Some(desk) = self.desk_mut() {
            desk.saver_mut().took(began_us, ended_us);
        }
    }

    /// What came of a wish.
    pub fn told(&mut self, told: Told, now_us: u64) -> Vec<Reply> {
        match (std::mem::take(&mut self.phase), told) {
            (Phase::Peeking { script }, Told::Peeked(result)) => self.peeked(script, result),
            (Phase::Adopting { desk }, Told::Opened(result) | Told::KeptAside(result)) => {
                self.adopted(desk, result)
            }
            (Phase::Asking { script }, Told::Opened(result)) => self.opened(script, result),
            (Phase::KeepingAside { script, error }, Told::KeptAside(result)) => {
                let found = Found::Unreadable { error };
                match result {
                    Ok(opened) => self.begin(Access::Writes, opened.next_block, script, found),
                    Err(reason) => {
                        let access = Access::Unavailable(reason.to_string());
                        self.begin(access, 0, script, found)
                    }
                }
            }
            (Phase::ToLesson { lesson, script, .. }, Told::Opened(result)) => {
                self.lesson_opened(lesson, script, result)
            }
            (Phase::ToLesson { lesson, mut former, script, asked }, Told::Committed(result)) => {
                former.committed(result, now_us);
                self.phase = Phase::ToLesson { lesson, former, script, asked };
                Vec::new()
            }
            (Phase::ToLink { desk, mut former, script }, Told::Committed(result)) => {
                former.committed(result, now_us);
                self.phase = Phase::ToLink { desk, former, script };
                self.arrive()
            }
            (Phase::LessonAside { lesson, script }, Told::KeptAside(result)) => match result {
                Ok(opened) => self.teach(lesson, script, Access::Writes, opened.next_block),
                Err(error) => {
                    let access = Access::Unavailable(error.to_string());
                    self.teach(lesson, script, access, 0)
                }
            },
            (Phase::Erasing { script, former }, Told::Erased(Ok(()))) => {
                let next_block = former.saver().next_block();
                self.begin(Access::Writes, next_block, script, Found::Nothing)
            }
            (Phase::Erasing { script, mut former }, Told::Erased(Err(error))) => {
                let full = matches!(error, StoreError::Full(_));
                former.saver_mut().fail(error.to_string(), full, now_us);
                self.phase = Phase::Open { desk: former, script };
                self.catch_up()
            }
            (Phase::Erasing { script, mut former }, Told::Committed(result)) => {
                former.committed(result, now_us);
                self.phase = Phase::Erasing { script, former };
                Vec::new()
            }
            (Phase::Open { mut desk, script }, Told::Committed(result)) => {
                desk.committed(result, now_us);
                self.phase = Phase::Open { desk, script };
                Vec::new()
            }
            (Phase::Open { mut desk, script }, Told::Read(result)) => {
                match result.and_then(|blocks| desk.loaded(&blocks)) {
                    Ok(()) => {
                        self.phase = Phase::Open { desk, script };
                        Vec::new()
                    }
                    Err(error) => self.not_read(desk, script, error),
                }
            }
            // Of a lab that is not open any more.
            (phase, _) => {
                self.phase = phase;
                Vec::new()
            }
        }
    }

    /// Blocks could not be read, and without them nothing goes on.
    fn not_read(&mut self, mut desk: Box<Desk>, script: String, error: StoreError) -> Vec<Reply> {
        match error {
            StoreError::Corrupt { .. } | StoreError::Newer { .. } => {
                self.keep_aside(script, error.to_string())
            }
            StoreError::OtherTab => self.peek(script),
            _ if desk.may_ask_again() => {
                self.phase = Phase::Open { desk, script };
                Vec::new()
            }
            // What is in storage stays there, for a better day.
            _ => {
                let reason = error.to_string();
                let found = Found::NoStorage { reason: reason.clone() };
                self.begin(Access::Unavailable(reason), 0, script, found)
            }
        }
    }

    fn opened(&mut self, script: String, result: Result<Opened, StoreError>) -> Vec<Reply> {
        let opened = match result {
            Ok(opened) => opened,
            Err(StoreError::Unavailable(reason) | StoreError::Full(reason)) => {
                let found = Found::NoStorage { reason: reason.clone() };
                return self.begin(Access::Unavailable(reason), 0, script, found);
            }
            Err(StoreError::OtherTab) => return self.peek(script),
            Err(error @ (StoreError::Corrupt { .. } | StoreError::Newer { .. })) => {
                return self.keep_aside(script, error.to_string());
            }
        };
        let Some(manifest) = &opened.manifest else {
            return self.begin(Access::Writes, opened.next_block, script, Found::Nothing);
        };
        match Timeline::reopen(manifest) {
            Ok(timeline) => {
                let resident = self.settings.resident_bytes_max;
                let saver = Saver::reopened(&timeline, &opened, resident);
                let desk = Desk::recovering(timeline, saver, manifest.time_us);
                self.open(desk, script)
            }
            Err(error) => self.keep_aside(script, error),
        }
    }

    fn keep_aside(&mut self, script: String, error: String) -> Vec<Reply> {
        self.wish = Some(Wish::KeepAside);
        self.phase = Phase::KeepingAside { script, error };
        Vec::new()
    }
}
