//! Sharing the lab, and opening what somebody shared.

use super::{Effect, Left, Phase, State, Toast};
use crate::host::protocol::{Fault, LinkError, Request};
use crate::lesson::catalog;
use crate::view::layout::Lanes;
use crate::view::words::Language;

/// What somebody shared, on its way to be opened.
#[derive(Clone, Debug, PartialEq)]
pub struct Incoming {
    /// The text of the link.
    pub text: String,
    /// True if it comes from a file.
    pub file: bool,
}

impl State {
    /// The page as an embed: it keeps nothing, shows these sides, and opens its lesson at this
    /// step and with this seed.
    pub fn in_embed(mut self, side: Lanes, step: usize, seed: Option<u32>) -> State {
        self.effects.clear();
        (self.keeps, self.side) = (false, side);
        (self.first_step, self.first_seed) = (step, seed);
        self.open_own();
        self
    }

    /// The page of an address that carries a link: the user's own lab is not opened.
    pub fn with_link(mut self, text: Option<String>) -> State {
        if let Some(text) = text {
            self.effects.clear();
            self.open_shared(Incoming { text, file: false });
        }
        self
    }

    /// Opens what somebody shared.
    pub(super) fn open_shared(&mut self, incoming: Incoming) {
        let Incoming { text, file } = incoming.clone();
        self.incoming = Some(incoming);
        self.shared = None;
        self.ask(Request::OpenLink { text, file, lesson: None });
    }

    /// It is the state of a lesson, which has to be fetched first.
    pub(super) fn link_needs(&mut self, lesson: &str) {
        match catalog::find(lesson) {
            Some(entry) => {
                let (id, language) = (entry.id, self.language);
                self.wish(Effect::FetchLesson { id, language, translate: false });
            }
            None => {
                self.link_refused(LinkError::new(Fault::Lesson, "nothing of this name", lesson));
            }
        }
    }

    /// The lesson of a link came, or did not. False if no link waits for one.
    pub(super) fn link_lesson(&mut self, language: Language, json: &Option<String>) -> bool {
        let Some(Incoming { text, file }) = self.incoming.clone() else { return false };
        match json {
            Some(json) => {
                let lesson = Some((language.code().to_owned(), json.clone()));
                self.ask(Request::OpenLink { text, file, lesson });
            }
            None => {
                self.leave_link();
                self.toast = Some(Toast::NoLesson);
            }
        }
        true
    }

    /// A link is refused: the user's own lab is opened, if none is open.
    pub(super) fn link_refused(&mut self, error: LinkError) {
        let strayed = error.fault == Fault::Strayed;
        if strayed {
            self.phase = Phase::Opening;
        }
        self.leave_link();
        self.toast = Some(Toast::Link(error));
    }

    fn leave_link(&mut self) {
        self.incoming = None;
        if self.phase == Phase::Opening {
            self.open_own();
        }
    }

    /// Tells how the own lab was opened, unless there is a refused link to be told of.
    pub(super) fn tell(&mut self, toast: Toast) {
        if !matches!(self.toast, Some(Toast::Link(_))) {
            self.toast = Some(toast);
        }
    }

    /// A link was opened.
    pub(super) fn link_opened(&mut self) {
        self.incoming = None;
        self.welcome = None;
        self.left = Left::Nothing;
        self.toast = Some(Toast::Shared);
    }

    /// Something about sharing happens.
    pub(super) fn share(&mut self, action: Share) {
        match action {
            Share::Ask => {
                self.ask(Request::Recorded);
                self.ask(Request::Share);
            }
            Share::Close => self.shared = None,
            Share::OpenFile(text) => self.open_shared(Incoming { text, file: true }),
        }
    }
}

/// What can happen about sharing.
#[derive(Clone, Debug, PartialEq)]
pub enum Share {
    /// Make a link.
    Ask,
    /// Close the dialog.
    Close,
    /// Open the text of a file.
    OpenFile(String),
}
