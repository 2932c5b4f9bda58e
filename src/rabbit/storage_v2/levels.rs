//! The ready messages of a queue, by priority: a [`Storage`] for each level.
//!
//! Levels go from 0 to `x-max-priority`; a queue without it has one, and ignores priorities. A
//! message without a priority is of level 0, one above the highest is of the highest. What is
//! first in line is the first of the **highest** level that has any, every time; within a level the
//! order is that of coming, and what is requeued goes back to its place there.
//!
//! All levels hand out the sequence ids of the queue together, so that an id names one message.

use super::{Item, Means, Storage};
use crate::rabbit::content::Content;
use crate::rabbit::ids::QueueId;
use crate::rabbit::mirror::Step;
use crate::sim::{MessageId, Rope, Time};
use std::rc::Rc;

/// The storages of a queue.
#[derive(Clone, Debug)]
pub struct Levels {
    /// By level; at least one.
    pub(super) levels: Vec<Storage>,
    /// What mirrors have to hear of, if there are any.
    pub(super) news: Option<Vec<Step>>,
}

impl Levels {
    /// The storages of a new queue.
    pub fn new(name: &Rc<str>, levels: u16, is_durable: bool, now: Time) -> Levels {
        let level = |level: u16| Storage::new(name.clone(), level as u8, is_durable, now);
        Levels { levels: (0..levels).map(level).collect(), news: None }
    }

    /// Those of a queue that is there again, by level.
    pub fn recovered(mut levels: Vec<Storage>) -> Levels {
        let next = levels.iter().map(Storage::next_seq).max().unwrap_or(0);
        levels.iter_mut().for_each(|level| level.skip_to(next));
        Levels { levels, news: None }
    }

    /// How many priorities it tells apart.
    pub fn count(&self) -> usize {
        self.levels.len()
    }

    fn sum(&self, of: impl Fn(&Storage) -> u64) -> u64 {
        self.levels.iter().map(of).sum()
    }

    /// How many messages wait.
    #[inline(always)]
    pub fn ready(&self) -> u64 {
        match &*self.levels {
            [only] => only.ready(),
            _ => self.sum(Storage::ready),
        }
    }

    /// Bytes of the bodies of the messages that wait.
    pub fn ready_bytes(&self) -> u64 {
        self.sum(Storage::ready_bytes)
    }

    /// How many of the messages that wait are in memory.
    pub fn in_memory(&self) -> u64 {
        self.sum(Storage::in_memory)
    }

    /// Bytes of memory that messages and what is known of them take.
    pub fn memory_bytes(&self) -> u64 {
        self.sum(Storage::memory_bytes)
    }

    /// True while something waits to be written out.
    pub fn is_unwritten(&self) -> bool {
        self.levels.iter().any(Storage::is_unwritten)
    }

    /// True while a confirm waits for a write buffer.
    pub fn owes_confirms(&self) -> bool {
        self.levels.iter().any(Storage::owes_confirms)
    }

    /// The level of the message that is first in line: the highest that has one.
    fn first(&self) -> Option<&Storage> {
        self.levels.iter().rev().find(|level| level.ready() > 0)
    }

    /// When the message that is first in line expires. Those of lower levels are not looked at.
    #[inline(always)]
    pub fn front_expires(&self) -> Time {
        match &*self.levels {
            [only] if only.has_head() || only.ready() == 0 => only.head_expires(),
            _ => self.first().map_or(Time::NEVER, Storage::front_expires),
        }
    }

    /// True while the message that is first in line is being read.
    pub fn reads_front(&self) -> bool {
        self.first().is_some_and(Storage::reads_front)
    }

    /// The messages that wait, in their order, as far as they are known: sequence id, number, key,
    /// and whether they were delivered before.
    pub fn iter(&self) -> impl Iterator<Item = (u64, MessageId, Option<&Rc<str>>, bool)> {
        self.levels.iter().rev().flat_map(|level| {
            level.iter().map(|(seq, message, key)| (seq, message, key, level.was_delivered(seq)))
        })
    }

    /// For each level, the number that tells which messages were delivered.
    pub fn next_deliver_seqs(&self) -> Vec<u64> {
        self.levels.iter().map(Storage::next_deliver_seq).collect()
    }

    #[inline(always)]
    pub(super) fn level_of(&self, content: &Content) -> usize {
        match self.levels.len() {
            1 => 0,
            count => usize::from(content.properties.priority.unwrap_or(0)).min(count - 1),
        }
    }

    /// The level where a message comes in, ready to hand out the queue's next sequence id.
    #[inline(always)]
    pub fn entrance(&mut self, content: &Content) -> &mut Storage {
        let at = self.level_of(content);
        if self.levels.len() > 1 {
            let next = self.levels.iter().map(Storage::next_seq).max().unwrap_or(0);
            self.levels[at].skip_to(next);
        }
        &mut self.levels[at]
    }

    /// The level that the first in line is of; the lowest if nothing waits.
    fn front(&mut self) -> &mut Storage {
        let at = match self.levels.len() {
            1 => 0,
            _ => self.levels.iter().rposition(|level| level.ready() > 0).unwrap_or(0),
        };
        &mut self.levels[at]
    }

    /// Takes the first message, and tells whether it had been delivered before. `None` if nothing
    /// waits, or if it has to be read first: then that has begun.
    pub fn fetch(&mut self, queue: QueueId, means: &mut Means<'_, '_>) -> Option<(Item, bool)> {
        let level = self.front();
        if !level.has_head() {
            level.refill(queue, means);
        }
        let fetched = level.fetch(means.out.now());
        if let Some((item, _)) = &fetched {
            self.note(|| Step::Delivered(item.seq));
        }
        fetched
    }

    /// Removes the first message without bringing it into memory: see [`Storage::drop_front`].
    pub fn drop_front(&mut self, queue: QueueId, means: &mut Means<'_, '_>) -> Option<MessageId> {
        let notes = self.news.is_some();
        let seq = self.front().iter().next().filter(|_| notes).map(|(seq, ..)| seq);
        let dropped = self.front().drop_front(queue, means);
        if dropped.is_some() {
            self.note(|| Step::Gone(seq.into_iter().collect()));
        }
        dropped
    }

    /// Puts delivered messages back to their places. They are in the order of their ids.
    pub fn requeue(&mut self, mut items: Vec<Item>) {
        self.note(|| Step::Back(items.iter().map(|item| item.seq).collect()));
        if self.levels.len() == 1 {
            return self.levels[0].requeue(items);
        }
        for at in 0..self.levels.len() {
            let (of_level, others) =
                items.into_iter().partition(|item| self.level_of(&item.content) == at);
            self.levels[at].requeue(of_level);
            items = others;
        }
    }

    /// A delivered message is dealt with: it is gone for ever.
    #[inline(always)]
    pub fn settle(&mut self, item: &Item, means: &mut Means<'_, '_>) {
        let at = self.level_of(&item.content);
        self.levels[at].settle(item, means);
        self.note(|| Step::Gone(vec![item.seq]));
    }

    /// Removes all that waits; returns the numbers of the messages.
    pub fn purge(&mut self, means: &mut Means<'_, '_>) -> Vec<MessageId> {
        if self.news.is_some() {
            let gone = self.iter().map(|(seq, ..)| seq).collect();
            self.note(|| Step::Gone(gone));
        }
        self.levels.iter_mut().flat_map(|level| level.purge(means)).collect()
    }

    /// Deletes everything that the queue has on disk; `unacked` are its delivered messages.
    pub fn delete<'i>(
        &mut self,
        unacked: impl Iterator<Item = &'i Item>,
        means: &mut Means<'_, '_>,
    ) -> Vec<MessageId> {
        for item in unacked {
            let at = self.level_of(&item.content);
            self.levels[at].forget(item.seq, item.stored, means);
        }
        self.levels.iter_mut().flat_map(|level| level.delete(means)).collect()
    }

    /// Writes all buffers out.
    pub fn flush(&mut self, means: &mut Means<'_, '_>) {
        self.levels.iter_mut().for_each(|level| level.flush(means));
    }

    /// The index file of a segment that a level waits for was read.
    pub fn index_was_read(
        &mut self,
        (queue, level): (QueueId, u8),
        (refill, segment): (u64, u64),
        bytes: &Rope,
        means: &mut Means<'_, '_>,
    ) {
        let level = &mut self.levels[usize::from(level)];
        level.index_was_read(refill, segment, bytes);
        level.refill(queue, means);
    }

    /// Messages that a level waits for were read.
    pub fn messages_were_read(
        &mut self,
        level: u8,
        which: (u64, usize, usize),
        bytes: &Rope,
        means: &mut Means<'_, '_>,
    ) {
        self.levels[usize::from(level)].messages_were_read(which, bytes, means);
    }
}
