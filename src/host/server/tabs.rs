//! A lab that another tab has: looking on, and taking it over; and a shared lab that becomes the
//! user's own.
//!
//! Whoever looks on has a copy in memory, which is the saved journal played again: it reads no
//! block, so the other tab may collect whatever it likes. Nothing that is kept is ever replaced: a
//! lab whose place is taken is put aside.

use super::{Phase, Server};
use crate::host::desk::Desk;
use crate::host::journal;
use crate::host::protocol::{Found, Reply};
use crate::host::saver::{Access, Saver};
use crate::host::wish::Wish;
use crate::storage::{Manifest, Opened, StoreError};

impl Server {
    /// Asks for a look at what another tab keeps.
    pub(super) fn peek(&mut self, script: String) -> Vec<Reply> {
        self.wish = Some(Wish::Peek { lab: self.lab.clone() });
        self.phase = Phase::Peeking { script };
        Vec::new()
    }

    pub(super) fn peeked(
        &mut self,
        script: String,
        result: Result<Option<Manifest>, StoreError>,
    ) -> Vec<Reply> {
        let manifest = result.ok().flatten();
        let Some(Ok((timeline, end))) = manifest.map(|manifest| journal::timeline(&manifest))
        else {
            return self.begin(Access::OtherTab, 0, script, Found::OtherTab);
        };
        let saver = Saver::new(Access::OtherTab, 0, self.settings.resident_bytes_max);
        let mut replies = vec![Reply::Opened { found: Found::OtherTab }];
        replies.extend(self.open(Desk::copied(timeline, end, saver), script));
        replies
    }

    /// Takes the lab from the tab that has it.
    pub(super) fn take_over(&mut self) -> Vec<Reply> {
        let Phase::Open { script, .. } = std::mem::take(&mut self.phase) else {
            return Vec::new();
        };
        self.wish = Some(Wish::TakeOver { lab: self.lab.clone() });
        self.phase = Phase::Asking { script };
        Vec::new()
    }

    /// Makes a shared lab the user's own.
    pub(super) fn adopt(&mut self, lab: String) -> Vec<Reply> {
        let Phase::Open { desk, .. } = std::mem::take(&mut self.phase) else {
            return Vec::new();
        };
        self.lab.clone_from(&lab);
        self.wish = Some(Wish::Open { lab });
        self.phase = Phase::Adopting { desk };
        Vec::new()
    }

    /// The place is this tab's: empty, or to be emptied, or not to be had.
    pub(super) fn adopted(
        &mut self,
        mut desk: Box<Desk>,
        result: Result<Opened, StoreError>,
    ) -> Vec<Reply> {
        let resident = self.settings.resident_bytes_max;
        let saver = match result {
            Ok(opened) if opened.manifest.is_none() => {
                Saver::new(Access::Writes, opened.next_block, resident)
            }
            Ok(_) | Err(StoreError::Corrupt { .. } | StoreError::Newer { .. }) => {
                self.wish = Some(Wish::KeepAside);
                self.phase = Phase::Adopting { desk };
                return Vec::new();
            }
            Err(StoreError::OtherTab) => Saver::new(Access::OtherTab, 0, resident),
            Err(StoreError::Unavailable(reason) | StoreError::Full(reason)) => {
                Saver::new(Access::Unavailable(reason), 0, resident)
            }
        };
        desk.set_saver(saver);
        self.open(*desk, String::new())
    }
}
