//! What the engine says, and what becomes of it.

use super::{Effect, Left, Phase, State, Toast};
use crate::host::protocol::{Found, Reply};
use crate::view::frame::{EventLine, Frame};
use crate::view::lesson::LessonView;
use crate::view::sentence::sentence;
use crate::view::text_view;
use std::rc::Rc;

/// Events that are kept for the list.
pub const EVENTS_MAX: usize = 2_000;

/// While time runs, a screen reader hears a summary at most so often, in milliseconds.
const SUMMARY_MS: i64 = 5_000;

impl State {
    pub(super) fn hear(&mut self, reply: Reply, now_ms: i64) {
        match reply {
            Reply::Loaded { version } => self.version = version,
            Reply::Opened { found } => self.opened(found),
            Reply::Frame(frame) => self.draw(*frame, now_ms),
            Reply::Ran { id, line, output, error, last } => {
                if let (Some(error), true) = (&error, self.watched_request == Some(id)) {
                    self.toast = Some(Toast::Refused(error.clone()));
                }
                let failed = error.is_some();
                let terminal = Rc::make_mut(&mut self.terminal);
                terminal.answer(id, &line, output, error);
                if last || failed {
                    terminal.end(id);
                    self.ask_recorded();
                }
                if last && self.to_watch == Some(id) {
                    self.to_watch = None;
                    if let Some(welcome) = &mut self.welcome {
                        welcome.since_us = self.status.now_us;
                        self.speed = 1.0;
                        self.play();
                    }
                }
            }
            Reply::Completions { id, words, replaces } => {
                Rc::make_mut(&mut self.terminal).complete(id, words, replaces);
            }
            Reply::LinkNeeds { lesson } => self.link_needs(&lesson),
            Reply::LinkRefused(error) => self.link_refused(error),
            Reply::MemoryFull { bytes } => self.toast = Some(Toast::MemoryFull(bytes)),
            Reply::Recorded { lines } => self.recorded = Rc::new(lines),
            Reply::Shared { text } => self.shared = Some(text),
            Reply::LessonRefused { error } => self.lesson_error = Some(error),
            Reply::Failed { error } => {
                self.not_as_foreseen();
                self.phase = Phase::Failed(error);
            }
        }
    }

    fn opened(&mut self, found: Found) {
        self.phase = Phase::Open;
        if !matches!(found, Found::Nothing | Found::NoStorage { .. }) {
            self.not_as_foreseen();
        }
        if matches!(found, Found::Nothing | Found::Lab { .. }) {
            self.wish(Effect::Keep { name: "been", value: Some("here") });
        }
        match found {
            Found::Nothing => self.begin_welcome(),
            Found::Link => self.link_opened(),
            Found::OtherTab => {
                self.left = Left::List;
                self.tell(Toast::OtherTab);
            }
            Found::NoStorage { reason } => {
                self.begin_welcome();
                self.tell(Toast::NoStorage(reason));
            }
            Found::Unreadable { error } => {
                self.left = Left::List;
                self.tell(Toast::Unreadable(error));
            }
            Found::Lab { saved_us } => {
                self.left = Left::List;
                self.tell(Toast::Restored(saved_us));
            }
        }
    }

    fn draw(&mut self, frame: Frame, now_ms: i64) {
        if self.is_behind(&frame) {
            return self.take_events(frame.events, frame.events_replaced);
        }
        let was_playing = self.status.playing;
        if frame.status.future_dropped && !self.status.future_dropped {
            self.toast = Some(Toast::Forked);
        } else if !frame.status.future_dropped && self.toast == Some(Toast::Forked) {
            self.toast = None;
        }
        self.frame = frame.number;
        self.frame_ms = now_ms;
        self.jumped = frame.events_replaced;
        self.scene = Rc::new(frame.scene);
        self.status = Rc::new(frame.status);
        self.inspector = frame.inspector.map(Rc::new);
        if self.beside.as_deref() != frame.beside.as_deref() {
            self.beside = frame.beside.map(|beside| Rc::new(*beside));
        }
        self.take_lesson(frame.lesson);
        self.take_events(frame.events, frame.events_replaced);
        self.say(was_playing, now_ms);
        self.watch_welcome();
    }

    fn take_lesson(&mut self, lesson: Option<LessonView>) {
        let had = self.lesson.is_some();
        if self.lesson.as_deref() != lesson.as_ref() {
            if let Some(lesson) = &lesson {
                self.note_progress(lesson);
            }
            self.lesson = lesson.map(Rc::new);
        }
        match (had, self.lesson.is_some()) {
            // A lesson that was open when the page was left.
            (false, true) => {
                self.welcome = None;
                self.left = Left::Lesson;
                // It has a lab of its own; what was said was said of the other.
                self.toast.take_if(|toast| matches!(toast, Toast::Restored(_)));
            }
            (true, false) if self.left == Left::Lesson => self.left = Left::List,
            _ => {}
        }
    }

    fn take_events(&mut self, events: Vec<EventLine>, replaced: bool) {
        if events.is_empty() && !replaced {
            return;
        }
        let list = Rc::make_mut(&mut self.events);
        if replaced {
            list.clear();
        }
        list.extend(events.into_iter().map(Rc::new));
        let spare = list.len().saturating_sub(EVENTS_MAX);
        list.drain(..spare);
        if self.stepping {
            self.caption = list.last().cloned();
        }
    }

    /// In step mode each sentence is said, while time runs a summary now and then.
    fn say(&mut self, was_playing: bool, now_ms: i64) {
        if self.stepping && !self.status.playing {
            if let Some(line) = &self.caption {
                self.said = sentence(line, self.language);
            }
            return;
        }
        let paused = was_playing && !self.status.playing;
        let due = self.status.playing && now_ms - self.said_ms >= SUMMARY_MS;
        if paused || due {
            self.said_ms = now_ms;
            self.said = text_view::state(&self.scene, self.language);
        }
    }
}
