//! The write buffer: what is to be written of a queue, and the writing.

use super::entry::{
    ENTRY_BYTES, Entry, HEADER_BYTES, SEGMENT_ENTRIES, Stored, encode_acknowledged, encode_message,
    file_header,
};
use super::{Files, Means, Storage, entry_of};
use crate::ordered::{BTreeMap, BTreeSet};
use crate::rabbit::content::Content;
use crate::rabbit::event::Event;
use crate::rabbit::ids::PublishId;
use crate::sim::Time;
use bytes::BytesMut;
use std::rc::Rc;

/// The buffer is written out when it holds so many bytes,
const BYTES_MAX: u64 = 512 << 10;
/// or so many messages: as many as a segment of the index,
const MESSAGES_MAX: usize = SEGMENT_ENTRIES as usize;
/// or so many acknowledgements of what is written.
const ACKNOWLEDGED_MAX: usize = SEGMENT_ENTRIES as usize / 2;

#[derive(Clone, Debug)]
struct Unwritten {
    content: Rc<Content>,
    expires: Time,
    is_persistent: bool,
    stored: Stored,
    confirm: Option<PublishId>,
}

/// What is to be written of a queue.
#[derive(Clone, Debug, Default)]
pub struct Buffer {
    messages: BTreeMap<u64, Unwritten>,
    acknowledged: BTreeSet<u64>,
    bytes: u64,
    confirms_owed: usize,
    /// What the buffer held before it was last written out: read from here, not from the disk.
    cache: BTreeMap<u64, Rc<Content>>,
}

impl Buffer {
    /// True if there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty() && self.acknowledged.is_empty()
    }

    /// True while a confirm waits for what is to be written.
    pub fn owes_confirms(&self) -> bool {
        self.confirms_owed > 0
    }

    /// Bytes that it takes in memory.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The first message that is not written.
    pub fn first_seq(&self) -> Option<u64> {
        self.messages.first_key_value().map(|(seq, _)| *seq)
    }

    /// Adds a message.
    pub fn put(
        &mut self,
        seq: u64,
        (content, expires): (Rc<Content>, Time),
        is_persistent: bool,
        stored: Stored,
        confirm: Option<PublishId>,
    ) {
        self.bytes += bytes_of(&content, stored);
        self.confirms_owed += usize::from(confirm.is_some());
        self.messages.insert(seq, Unwritten { content, expires, is_persistent, stored, confirm });
    }

    /// Takes a message out that needs not be written any more: its publish, if that wants a
    /// confirm. `None` if the message is not here.
    pub fn take(&mut self, seq: u64) -> Option<Option<PublishId>> {
        let taken = self.messages.remove(&seq)?;
        self.bytes -= bytes_of(&taken.content, taken.stored);
        self.confirms_owed -= usize::from(taken.confirm.is_some());
        Some(taken.confirm)
    }

    /// Adds the acknowledgement of a message that is written.
    pub fn acknowledge(&mut self, seq: u64) {
        self.cache.remove(&seq);
        self.acknowledged.insert(seq);
    }

    /// A segment is deleted: nothing of it has to be written.
    pub fn forget_acknowledged(&mut self, segment: u64) {
        let range = segment * SEGMENT_ENTRIES..(segment + 1) * SEGMENT_ENTRIES;
        let gone: Vec<u64> = self.acknowledged.range(range).copied().collect();
        for seq in gone {
            self.acknowledged.remove(&seq);
        }
    }

    /// True if a message waits to be written.
    pub fn holds(&self, seq: u64) -> bool {
        self.messages.contains_key(&seq)
    }

    /// A message that need not be read from the disk.
    pub fn content(&self, seq: u64) -> Option<&Rc<Content>> {
        let unwritten = self.messages.get(&seq).map(|unwritten| &unwritten.content);
        unwritten.or_else(|| self.cache.get(&seq))
    }

    /// Forgets everything; returns the publishes that wanted confirms.
    pub fn abandon(&mut self) -> Vec<PublishId> {
        let messages = std::mem::take(self).messages;
        messages.into_values().filter_map(|unwritten| unwritten.confirm).collect()
    }

    fn is_full(&self) -> bool {
        self.bytes >= BYTES_MAX
            || self.messages.len() >= MESSAGES_MAX
            || self.acknowledged.len() >= ACKNOWLEDGED_MAX
    }
}

impl Storage {
    /// Writes the buffer out if it is full.
    pub(super) fn flush_if_full(&mut self, means: &mut Means<'_, '_>) {
        if self.buffer.is_full() {
            self.flush(means);
        }
    }

    /// Writes the buffer out. What is written is confirmed; it is not made safe from a power cut.
    pub fn flush(&mut self, means: &mut Means<'_, '_>) {
        if self.buffer.is_empty() {
            return;
        }
        let mut messages = std::mem::take(&mut self.buffer.messages);
        let mut acknowledged = std::mem::take(&mut self.buffer.acknowledged);
        (self.buffer.bytes, self.buffer.confirms_owed) = (0, 0);
        self.buffer.cache.clear();
        let mut bytes = 0;
        while let Some(&seq) =
            [messages.first_key_value().map(|(seq, _)| seq), acknowledged.first()]
                .into_iter()
                .flatten()
                .min()
        {
            let segment = seq / SEGMENT_ENTRIES;
            let end = (segment + 1) * SEGMENT_ENTRIES;
            let later = messages.split_off(&end);
            let later_acknowledged = acknowledged.split_off(&end);
            bytes += self.flush_segment(segment, messages, acknowledged, means);
            (messages, acknowledged) = (later, later_acknowledged);
        }
        means.out.emit(Event::Written { queue: self.name.clone(), bytes });
    }

    fn flush_segment(
        &mut self,
        segment: u64,
        messages: BTreeMap<u64, Unwritten>,
        acknowledged: BTreeSet<u64>,
        means: &mut Means<'_, '_>,
    ) -> u64 {
        let (mut index, mut store) = (BytesMut::new(), BytesMut::new());
        index.reserve(HEADER_BYTES as usize + ENTRY_BYTES * (messages.len() + acknowledged.len()));
        let needed = self.segments.entry(segment).or_default();
        let files = needed.files.get_or_insert_with(|| Files::of(&self.directory, segment)).clone();
        let store_len = means.out.files().len(&files.store);
        if means.out.files().len(&files.index) == 0 {
            file_header(b"RCQI", segment, &mut index);
        }
        for (seq, unwritten) in messages {
            let Unwritten { content, expires, is_persistent, mut stored, confirm } = unwritten;
            let head = content.encode_head();
            if let Stored::Queue { offset } = &mut stored {
                if store_len == 0 && store.is_empty() {
                    file_header(b"RCQS", segment, &mut store);
                }
                *offset = (store_len + store.len() as u64) as u32;
                encode_message(&head, &content.body, &mut store);
            }
            let head_bytes = u16::try_from(head.len()).expect("a channel refuses larger heads");
            let entry = entry_of(seq, (&content, expires), is_persistent, stored);
            let entry = Entry { head_bytes, ..entry };
            entry.encode(&mut index);
            self.tail.written(seq, stored, head_bytes);
            self.written_in_head(seq, stored);
            if let Stored::Queue { .. } = stored {
                self.buffer.cache.insert(seq, content);
            }
            means.confirms.extend(confirm);
        }
        for seq in acknowledged {
            encode_acknowledged(seq, &mut index);
        }
        let bytes = (index.len() + store.len()) as u64;
        // Messages first: an entry of the index never speaks of what is not there.
        if !store.is_empty() {
            means.out.append(&files.store, store.freeze());
        }
        means.out.append(&files.index, index.freeze());
        bytes
    }
}

fn bytes_of(content: &Content, stored: Stored) -> u64 {
    match stored {
        Stored::Queue { .. } => content.body.len() as u64 + u64::from(content.properties_bytes),
        Stored::No | Stored::Shared(_) => 0,
    }
}
