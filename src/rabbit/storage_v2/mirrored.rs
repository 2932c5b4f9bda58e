//! What the storage of a mirrored queue does besides: a master notes what happens to its messages,
//! a mirror keeps messages that are not in line (see [`mirror`](crate::rabbit::mirror)).

use super::levels::Levels;
use super::memory_first::Mode;
use super::{Item, Means, Storage};
use crate::rabbit::content::Content;
use crate::rabbit::ids::{PublishId, QueueId};
use crate::rabbit::mirror::{Came, Step};
use crate::sim::Time;
use std::rc::Rc;

impl Levels {
    /// Notes what happens from now on, or does not any more.
    pub fn note_all(&mut self, notes: bool) {
        self.news = notes.then(|| self.news.take().unwrap_or_default());
    }

    /// What has happened since this was last asked.
    pub fn has_news(&self) -> bool {
        self.news.as_ref().is_some_and(|news| !news.is_empty())
    }

    /// What mirrors have to hear of.
    pub fn take_news(&mut self) -> Vec<Step> {
        self.news.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// Something happens to messages.
    pub(super) fn note(&mut self, step: impl FnOnce() -> Step) {
        let Some(news) = &mut self.news else { return };
        match (news.last_mut(), step()) {
            (Some(Step::Gone(before)), Step::Gone(more)) => before.extend(more),
            (_, step) => news.push(step),
        }
    }

    /// A message has come.
    pub fn note_came(
        &mut self,
        seq: u64,
        message: Option<(Rc<Content>, Time)>,
        is_delivered: bool,
    ) {
        let Some((content, expires)) = message else { return };
        self.note(|| Step::Came(Came { seq, content, expires, confirm: None, is_delivered }));
    }

    /// True if mirrors have to hear of what happens.
    pub fn is_mirrored(&self) -> bool {
        self.news.is_some()
    }

    /// The message that came last wants a confirm.
    pub fn note_confirm(&mut self, publish: Option<PublishId>) {
        if let Some(Step::Came(came)) = self.news.as_mut().and_then(|news| news.last_mut()) {
            came.confirm = publish;
        }
    }

    /// Keeps a message of this sequence id that is not in line.
    pub fn hold(
        &mut self,
        seq: u64,
        message: (Rc<Content>, Time),
        confirm: Option<PublishId>,
        means: &mut Means<'_, '_>,
    ) -> Item {
        let level = self.entrance(&message.0);
        let (next, delivered) = (level.next_seq, level.next_deliver_seq);
        level.next_seq = seq;
        let item = level.publish_delivered(message, confirm, &mut None, means);
        level.next_seq = next.max(seq + 1);
        level.next_deliver_seq = delivered;
        item
    }

    /// A message that is not in line was delivered by the master.
    pub fn mark_delivered(&mut self, item: &Item) {
        let at = self.level_of(&item.content);
        let level = &mut self.levels[at];
        level.next_deliver_seq = level.next_deliver_seq.max(item.seq + 1);
    }

    /// Begins to bring all messages into memory; true if they are there.
    pub fn load(&mut self, queue: QueueId, means: &mut Means<'_, '_>) -> bool {
        let mut is_there = true;
        for level in &mut self.levels {
            is_there &= level.load(queue, means);
        }
        is_there
    }

    /// The messages that wait in memory, and whether they were delivered before.
    pub fn in_head(&self) -> impl Iterator<Item = (&Item, bool)> {
        self.levels.iter().flat_map(|level| {
            level.head.iter().map(move |item| (item, level.was_delivered(item.seq)))
        })
    }
}

impl Storage {
    fn load(&mut self, queue: QueueId, means: &mut Means<'_, '_>) -> bool {
        let (mode, pressure) = (self.mode, self.pressure.take());
        self.mode = Mode::MemoryFirst;
        while !self.is_refilling() && !self.tail.is_empty() {
            // What is read goes behind what is there.
            let mut head = std::mem::take(&mut self.head);
            self.refill(queue, means);
            head.append(&mut self.head);
            self.head = head;
        }
        (self.mode, self.pressure) = (mode, pressure);
        !self.is_refilling() && self.tail.is_empty()
    }
}
