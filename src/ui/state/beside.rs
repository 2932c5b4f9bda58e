//! Two runs compared: what the page knows of the second one, and the way to where they part.

use super::{Action, State, Tab};
use crate::host::protocol::Request;
use crate::view::frame::Selection;

impl State {
    /// Shows something in the drawer. The lines that can be another way are asked for anew.
    pub(super) fn show_tab(&mut self, tab: Tab) {
        self.drawer = true;
        self.tab = tab;
        self.ask_recorded();
    }

    /// Asks for the recorded lines, if what can be another way is in sight.
    pub(super) fn ask_recorded(&mut self) {
        let selected = matches!(&self.selection, Some(Selection::Place(_)));
        if selected || self.tab == Tab::Compare && self.drawer {
            self.ask(Request::Recorded);
        }
    }

    /// Goes to where the two runs part.
    pub(super) fn part(&mut self) {
        let parting = self.beside.as_ref().and_then(|beside| beside.difference.as_ref());
        if let Some(at_us) = parting.map(|parting| parting.at_us) {
            self.change(Action::Seek(at_us));
        }
    }
}
