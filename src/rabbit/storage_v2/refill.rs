//! Bringing messages from the tail back into the head.
//!
//! When the head is empty and somebody wants a message, as many messages as the head may hold are
//! taken from the tail, and no more than the first segment has. What the write buffer or its cache
//! holds is there at once; the rest is read, one read for all that lies together in a store.

use super::entry::{Entry, Stored, decode_message, parse};
use super::message_store::file_name;
use super::tail::TailEntry;
use super::{Item, Means, Storage, Tries, index_file, store_file};
use crate::rabbit::content::Content;
use crate::rabbit::event::Event;
use crate::rabbit::ids::QueueId;
use crate::rabbit::process::Ticket;
use crate::sim::{MessageId, Rope, Time};
use std::rc::Rc;

#[derive(Clone, Debug)]
struct Wanted {
    from: TailEntry,
    content: Option<Rc<Content>>,
}

/// Messages on their way from the tail to the head.
#[derive(Clone, Debug, Default)]
pub struct Refill {
    /// Tells a read from one that belonged to an earlier refill.
    number: u64,
    wanted: Vec<Wanted>,
    reads_under_way: usize,
    reads_index: bool,
}

impl Refill {
    /// How many messages are on their way.
    pub fn count(&self) -> usize {
        self.wanted.len()
    }

    /// True while the index is read.
    pub fn is_reading(&self) -> bool {
        self.reads_index
    }

    /// True if no message is on its way.
    pub fn is_empty(&self) -> bool {
        self.wanted.is_empty()
    }

    /// When the first message on its way expires.
    pub fn front_expires(&self) -> Option<Time> {
        self.wanted.first().map(|wanted| wanted.from.entry.expires)
    }

    /// The messages on their way: sequence id, number, key.
    pub fn iter(&self) -> impl Iterator<Item = (u64, MessageId, Option<&Rc<str>>)> {
        self.wanted.iter().map(|Wanted { from: TailEntry { entry, key }, .. }| {
            (entry.seq, entry.message, key.as_ref())
        })
    }

    /// Forgets what is on its way; returns the entries.
    pub fn abandon(&mut self) -> Vec<Entry> {
        let number = self.number + 1;
        let gone = std::mem::replace(self, Refill { number, ..Refill::default() });
        gone.wanted.into_iter().map(|wanted| wanted.from.entry).collect()
    }
}

impl Storage {
    /// Begins to fill the empty head from the tail. Afterwards the head has messages, or reads
    /// are under way, or there is nothing left.
    pub fn refill(&mut self, queue: QueueId, means: &mut Means<'_, '_>) {
        if self.has_head() || !self.refill.is_empty() || self.refill.reads_index {
            return;
        }
        if let Some(segment) = self.tail.forgotten_front() {
            let file = index_file(&self.directory, segment);
            let (level, refill) = (self.level, self.refill.number);
            means.out.read(
                &file,
                0,
                u64::MAX,
                Ticket::TailSegment { queue, level, refill, segment },
            );
            self.refill.reads_index = true;
            return;
        }
        self.refill.number += 1;
        let taken = self.tail.take_front(self.memory_limit().max(1));
        let wanted = taken
            .into_iter()
            .map(|from| Wanted { content: self.buffer.content(from.entry.seq).cloned(), from });
        self.refill.wanted = wanted.collect();
        self.read_wanted(queue, means);
        self.finish_refill(means);
    }

    /// Asks for all that is not in memory.
    fn read_wanted(&mut self, queue: QueueId, means: &mut Means<'_, '_>) {
        let refill = self.refill.number;
        let mut at = 0;
        while let Some(wanted) = self.refill.wanted.get(at) {
            let first = at;
            at += 1;
            if wanted.content.is_some() {
                continue;
            }
            let entry = &wanted.from.entry;
            let (file, offset, len) = match entry.stored {
                Stored::No => unreachable!("what is in the tail is stored"),
                Stored::Shared(shared) => {
                    (file_name(shared.file), shared.offset, entry.stored_bytes())
                }
                Stored::Queue { offset } => {
                    let mut end = u64::from(offset) + entry.stored_bytes();
                    while let Some(Wanted { from, content: None }) = self.refill.wanted.get(at) {
                        let Stored::Queue { offset } = from.entry.stored else { break };
                        end = u64::from(offset) + from.entry.stored_bytes();
                        at += 1;
                    }
                    let segment = entry.seq / super::SEGMENT_ENTRIES;
                    let file = store_file(&self.directory, segment).into();
                    (file, offset, end - u64::from(offset))
                }
            };
            let count = at - first;
            let level = self.level;
            let ticket = Ticket::Messages { queue, level, refill, first, count };
            means.out.read(&file, u64::from(offset), len, ticket);
            self.refill.reads_under_way += 1;
        }
    }

    /// The index file of the first segment of the tail was read.
    pub fn index_was_read(&mut self, refill: u64, segment: u64, bytes: &Rope) {
        if refill == self.refill.number && self.refill.reads_index {
            self.refill.reads_index = false;
            self.tail.know_front(segment, parse(segment, &bytes.bytes()));
        }
    }

    /// Messages of a refill were read.
    pub fn messages_were_read(
        &mut self,
        (refill, first, count): (u64, usize, usize),
        bytes: &Rope,
        means: &mut Means<'_, '_>,
    ) {
        if refill != self.refill.number {
            return;
        }
        let offset = |entry: &Entry| match entry.stored {
            Stored::Queue { offset } => offset as usize,
            Stored::Shared(shared) => shared.offset as usize,
            Stored::No => 0,
        };
        let wanted = &mut self.refill.wanted[first..first + count];
        let begin = offset(&wanted[0].from.entry);
        for Wanted { from: TailEntry { entry, .. }, content } in wanted {
            let from = offset(entry) - begin;
            let to = (from + entry.stored_bytes() as usize).min(bytes.len());
            let message = decode_message(bytes.slice(from.min(to), to));
            let head_bytes = usize::from(entry.head_bytes);
            let decoded =
                message.and_then(|message| Content::decode(&message, head_bytes, means.names));
            *content = decoded.map(Rc::new);
        }
        self.refill.reads_under_way -= 1;
        self.finish_refill(means);
    }

    /// Moves what is complete into the head.
    fn finish_refill(&mut self, means: &mut Means<'_, '_>) {
        if self.refill.reads_under_way > 0 {
            return;
        }
        for Wanted { from: TailEntry { entry, .. }, content } in
            std::mem::take(&mut self.refill.wanted)
        {
            // Recovery looks at the ends of files only: a message can be spoilt before.
            let Some(content) = content else {
                self.ready_bytes -= u64::from(entry.body_bytes);
                let (queue, message) = (self.name.clone(), entry.message);
                let reason = "not_recovered";
                means.out.emit(Event::Removed { queue, message, reason });
                self.forget(entry.seq, entry.stored, means);
                continue;
            };
            let Entry { seq, stored, expires, .. } = entry;
            let tries = Tries::default();
            self.head.push_back(Item { seq, content, stored, expires, tries });
        }
    }
}
