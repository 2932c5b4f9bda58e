//! What this browser keeps: how much, for how long, and how to be rid of it.

use super::{Effect, LAB, State};
use crate::host::protocol::Request;
use crate::view::welcome;

/// How much this browser keeps.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Estimate {
    /// Bytes, and how many there is room for, if the browser says so.
    pub bytes: Option<(u64, u64)>,
    /// True if it promised to keep them; `None` if it was not asked or cannot say.
    pub persisted: Option<bool>,
    /// The button that was pressed once: what it deletes cannot be had back.
    pub sure: Option<Erase>,
}

/// What can be deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Erase {
    /// The user's own lab.
    Lab,
    /// Everything of this site.
    All,
}

/// What can happen about what is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Store {
    /// Open the dialog.
    Open,
    /// Close it.
    Close,
    /// The browser said how much there is, and whether it stays.
    Known(Option<(u64, u64)>, Option<bool>),
    /// Ask the browser to keep it.
    Persist,
    /// Delete: at the second press.
    Erase(Erase),
    /// Take the lab from the other tab.
    TakeOver,
    /// Make a shared lab one's own.
    Keep,
}

impl State {
    pub(super) fn store(&mut self, action: Store) {
        match action {
            Store::Open => {
                self.storage = Some(Estimate::default());
                self.wish(Effect::Estimate(false));
            }
            Store::Close => self.storage = None,
            Store::Known(bytes, persisted) => {
                if let Some(known) = &mut self.storage {
                    (known.bytes, known.persisted) = (bytes, persisted);
                }
            }
            Store::Persist => self.wish(Effect::Estimate(true)),
            Store::Erase(what) => {
                let Some(known) = &mut self.storage else { return };
                if known.sure != Some(what) {
                    known.sure = Some(what);
                    return;
                }
                self.storage = None;
                match what {
                    Erase::Lab => self.ask(Request::Erase { script: welcome::SCRIPT.into() }),
                    Erase::All => self.wish(Effect::EraseAll),
                }
            }
            Store::TakeOver => {
                (self.storage, self.toast) = (None, None);
                self.ask(Request::TakeOver);
            }
            Store::Keep => {
                (self.storage, self.toast) = (None, None);
                self.ask(Request::Keep { lab: LAB.into() });
            }
        }
    }
}
