//! The first half minute: send, fetch, predict, watch.

use super::{Action, Effect, Left, State, Welcome};
use crate::lesson::catalog;
use crate::view::welcome::{self, Act, Pile};

impl State {
    /// Somebody is here for the first time. Who did something before the engine came, goes on.
    pub(super) fn begin_welcome(&mut self) {
        if !self.foreseen {
            self.welcome = Some(Welcome::default());
        }
    }

    /// Where the learner expects the pile.
    pub(super) fn bet(&mut self, pile: Pile) {
        let Some(welcome) = &mut self.welcome else { return };
        if welcome.act != Act::Bet {
            return;
        }
        welcome.bet = Some(pile);
        welcome.act = Act::Watch;
        welcome.since_us = u64::MAX;
        self.to_watch = Some(self.run(welcome::SLOW.to_owned()));
    }

    /// It is over; the first lesson follows if `lesson`.
    pub(super) fn end_welcome(&mut self, lesson: bool) {
        if self.welcome.take().is_none() {
            return;
        }
        if lesson && let Some(entry) = catalog::LESSONS.first() {
            return self.change(Action::OpenLesson(entry.id));
        }
        self.left = Left::List;
    }

    /// The lab goes on; does the first half minute?
    pub(super) fn watch_welcome(&mut self) {
        let Some(mut welcome) = self.welcome else { return };
        let (scene, ledger) = (&self.scene, &self.scene.ledger);
        match welcome.act {
            Act::Send if ledger.rabbit.delivered > 0 && ledger.kafka.acknowledged > 0 => {
                welcome.act = Act::Fetch;
            }
            Act::Fetch if ledger.kafka.delivered > 0 => welcome.act = Act::Bet,
            Act::Watch if scene.now_us >= welcome.since_us.saturating_add(welcome::WATCH_US) => {
                welcome.act = Act::Decided;
                welcome.right = Some(welcome::rabbit_pile(scene));
                self.pause();
            }
            _ => return,
        }
        self.welcome = Some(welcome);
        // The button that was pressed is gone: its place is taken by the next caption.
        self.wish(Effect::Focus("welcome"));
    }
}
