//! Storage of classic queues, version 2: the head in memory, the tail on disk.
//!
//! A queue hands out **sequence ids**; a message keeps its id for ever, and the order of the queue
//! is the order of the ids. The **head** is in memory: at most `1 + floor(2 * out rate)` messages,
//! 2048 at the most, so that a queue that nobody consumes keeps one. Everything behind it is the
//! **tail**, on disk, until it comes to the head again.
//!
//! A queue with priorities has such a storage for each level; see [`levels`]. Up to 3.11 the head
//! may be as long as memory allows: see [`memory_first`].
//!
//! A message that is to survive a restart is written even while it is in memory. Written means:
//! put into the **write buffer**, and from there into two files of its segment (4096 sequence ids):
//! the store with the messages, the index with an [entry](entry::Entry) each. The buffer is
//! written out when the queue process has nothing else to do and a confirm waits for it, after
//! 200 ms at the latest, or when it holds 512 kB or 4096 messages; then the confirms go out. It is
//! **not** flushed to the drive: a crash of the broker keeps it, a power cut need not. A message
//! that is delivered and acknowledged before that is never written at all.
//!
//! Messages of 4096 bytes and more lie in the [message store](message_store::MessageStore) that
//! all queues share, one copy for all; the queue has only the index entry.
//!
//! Acknowledgements are entries of the index too, so that what was acknowledged stays gone after a
//! restart. A segment whose messages are all acknowledged is deleted.
//!
//! Simplified: without a confirm to wait for, the real queue writes its buffer when it hibernates
//! (after a second without work); here the 200 ms timer holds for all. A real queue waits while it
//! reads; here what comes meanwhile is taken, and only deliveries wait. Large bodies are read into
//! the head with the small ones, where the real ones are read one by one at delivery.

pub mod buffer;
pub mod entry;
pub mod levels;
pub mod memory_first;
pub mod message_store;
mod mirrored;
pub mod recovery;
pub mod refill;
pub mod tail;

use super::content::Content;
use super::death::DeadLetter;
use super::event::Event;
use super::ids::{PublishId, QueueId};
use super::limits::Limits;
use super::names::Names;
use super::process::Out;
use super::rates::OutRate;
use crate::ordered::BTreeMap;
use crate::sim::{MessageId, Time};
use buffer::Buffer;
use entry::{Entry, SEGMENT_ENTRIES, Shared, Stored};
use memory_first::Mode;
use message_store::MessageStore;
use refill::Refill;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::rc::Rc;
use tail::{Tail, TailEntry};

/// A message whose properties and body have together fewer bytes lies in its queue's own store
/// (`queue_index_embed_msgs_below`).
pub const EMBED_BELOW_BYTES: u64 = 4_096;

/// What a queue has to remember of a message that is in memory, besides its body: at least so
/// much.
pub const METADATA_BYTES: u64 = 720;

/// A message that is in memory: in the head, or delivered and not acknowledged.
#[derive(Clone, Debug)]
pub struct Item {
    /// Its sequence id.
    pub seq: u64,
    /// The message.
    pub content: Rc<Content>,
    /// Where it is written.
    pub stored: Stored,
    /// When it expires.
    pub expires: Time,
    /// What a quorum queue counts.
    pub tries: Tries,
}

/// How often a quorum queue has tried to deliver a message, as far as it came back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tries {
    /// So often it was delivered and came back.
    pub delivered: u32,
    /// So many of these times count for the delivery limit.
    pub failed: u32,
}

/// What the storage of a queue works with.
pub struct Means<'a, 'o> {
    /// The disk, the clock, and where events go.
    pub out: &'a mut Out<'o>,
    /// The store for large messages.
    pub message_store: &'a mut MessageStore,
    /// Publishes that are safe now.
    pub confirms: &'a mut Vec<PublishId>,
    /// Shared names.
    pub names: &'a mut Names,
    /// The prefetch of whole channels.
    pub limits: &'a mut Limits,
    /// Messages that are to go to dead letter exchanges.
    pub dead: &'a mut VecDeque<DeadLetter>,
    /// The instant: for a quorum queue that of the command that is applied.
    pub now: Time,
    /// True while a quorum queue does again what it did in an earlier life.
    pub is_silent: bool,
}

impl Means<'_, '_> {
    /// Tells the lab that something happened.
    pub fn emit(&mut self, event: Event) {
        if !self.is_silent {
            self.out.emit(event);
        }
    }

    /// The same of what comes by the thousand.
    pub fn tell(&mut self, event: impl FnOnce() -> Event) {
        if !self.is_silent {
            self.out.tell(event);
        }
    }
}

#[derive(Clone, Debug, Default)]
struct Segment {
    /// Messages of it that are needed, in the buffer or written.
    needed: u64,
    /// The names of its index and its store, once it has files.
    files: Option<Files>,
}

/// The files of a segment.
#[derive(Clone, Debug)]
struct Files {
    index: Rc<str>,
    store: Rc<str>,
}

impl Files {
    fn of(directory: &str, segment: u64) -> Files {
        let (index, store) = (index_file(directory, segment), store_file(directory, segment));
        Files { index: index.into(), store: store.into() }
    }

    fn delete(&self, out: &mut Out<'_>) {
        out.delete(&self.index);
        out.delete(&self.store);
    }
}

/// The messages of a classic queue that are not delivered, and the files of all.
#[derive(Clone, Debug)]
pub struct Storage {
    name: Rc<str>,
    directory: Rc<str>,
    level: u8,
    is_durable: bool,
    head: VecDeque<Item>,
    refill: Refill,
    tail: Tail,
    next_seq: u64,
    /// Every message below was delivered before: the `redelivered` flag of all, in one number.
    next_deliver_seq: u64,
    ready_bytes: u64,
    segments: BTreeMap<u64, Segment>,
    buffer: Buffer,
    rate: OutRate,
    mode: Mode,
    /// Under memory pressure: so many messages stay in memory.
    pressure: Option<usize>,
}

impl Storage {
    /// The storage of one level of a new queue.
    pub fn new(name: Rc<str>, level: u8, is_durable: bool, now: Time) -> Storage {
        Storage {
            directory: level_directory(&name, level).into(),
            name,
            level,
            is_durable,
            head: VecDeque::new(),
            refill: Refill::default(),
            tail: Tail::default(),
            next_seq: 0,
            next_deliver_seq: 0,
            ready_bytes: 0,
            segments: BTreeMap::new(),
            buffer: Buffer::default(),
            rate: OutRate::new(now),
            mode: Mode::default(),
            pressure: None,
        }
    }

    /// How many messages wait.
    pub fn ready(&self) -> u64 {
        self.in_memory() + self.refill.count() as u64 + self.tail.count()
    }

    /// Bytes of the bodies of the messages that wait.
    pub fn ready_bytes(&self) -> u64 {
        self.ready_bytes
    }

    /// How many of the messages that wait are in memory.
    pub fn in_memory(&self) -> u64 {
        self.head.len() as u64
    }

    /// True if a message can be fetched at once.
    pub fn has_head(&self) -> bool {
        !self.head.is_empty()
    }

    /// True while something waits to be written out.
    pub fn is_unwritten(&self) -> bool {
        !self.buffer.is_empty()
    }

    /// True while a confirm waits for the write buffer.
    pub fn owes_confirms(&self) -> bool {
        self.buffer.owes_confirms()
    }

    /// The messages that wait, in their order, as far as they are known: sequence id, number, key.
    pub fn iter(&self) -> impl Iterator<Item = (u64, MessageId, Option<&Rc<str>>)> {
        let head = self.head.iter();
        let head = head.map(|item| (item.seq, item.content.id, item.content.key.as_ref()));
        head.chain(self.refill.iter()).chain(self.tail.iter())
    }

    /// When the first message in memory expires; never, if there is none.
    pub fn head_expires(&self) -> Time {
        self.head.front().map_or(Time::NEVER, |item| item.expires)
    }

    /// When the message that is first in line expires.
    pub fn front_expires(&self) -> Time {
        match self.head.front() {
            Some(item) => item.expires,
            None => self.refill.front_expires().unwrap_or_else(|| self.tail.front_expires()),
        }
    }

    /// True while the message at the front is being read.
    pub fn reads_front(&self) -> bool {
        self.head.is_empty() && self.is_refilling()
    }

    /// The sequence id of the next message that comes.
    pub fn next_seq(&self) -> u64 {
        self.next_seq
    }

    /// The next message gets this sequence id: those before went to other levels.
    pub fn skip_to(&mut self, seq: u64) {
        self.next_seq = seq;
    }

    /// Bytes of memory that messages and what is known of them take.
    pub fn memory_bytes(&self) -> u64 {
        let bodies: u64 = self.head.iter().map(|item| item.content.body.len() as u64).sum();
        bodies + self.buffer.bytes() + self.in_memory() * METADATA_BYTES
    }

    /// Whether the message of this sequence id was delivered before.
    pub fn was_delivered(&self, seq: u64) -> bool {
        seq < self.next_deliver_seq
    }

    /// How many messages may be in memory.
    fn memory_limit(&self) -> usize {
        self.mode.limit(self.pressure, self.rate.memory_limit())
    }

    /// True while messages are on their way from the disk.
    fn is_refilling(&self) -> bool {
        !self.refill.is_empty() || self.refill.is_reading()
    }

    // ---- messages come ----

    /// Puts a message behind all others. `copy` is where another queue has already stored it.
    pub fn publish(
        &mut self,
        (content, expires): (Rc<Content>, Time),
        confirm: Option<PublishId>,
        copy: &mut Option<Shared>,
        means: &mut Means<'_, '_>,
    ) -> u64 {
        let seq = self.next_seq;
        self.next_seq += 1;
        let on_disk = self.tail.count() + self.refill.count() as u64;
        let to_head = self.mode.keeps(self.head.len(), on_disk, self.memory_limit());
        let is_persistent = self.is_durable && content.is_persistent();
        let stored = if is_persistent || !to_head {
            self.write(seq, (&content, expires), confirm, copy, means)
        } else {
            Stored::No
        };
        self.ready_bytes += content.body.len() as u64;
        if to_head {
            self.head.push_back(Item { seq, content, stored, expires, tries: Tries::default() });
        } else {
            let key = content.key.clone();
            let entry = entry_of(seq, (&content, expires), is_persistent, stored);
            self.tail.push(TailEntry { entry, key });
            if seq.is_multiple_of(SEGMENT_ENTRIES) {
                self.tail.forget_middle(self.buffer.first_seq().unwrap_or(seq));
            }
        }
        self.rate.published(means.out.now());
        self.flush_if_full(means);
        seq
    }

    /// A message that goes to a consumer at once: it gets its sequence id, and is written if it is
    /// to survive a restart, but it never waits.
    pub fn publish_delivered(
        &mut self,
        (content, expires): (Rc<Content>, Time),
        confirm: Option<PublishId>,
        copy: &mut Option<Shared>,
        means: &mut Means<'_, '_>,
    ) -> Item {
        let seq = self.next_seq;
        self.next_seq += 1;
        self.next_deliver_seq = self.next_seq;
        let is_persistent = self.is_durable && content.is_persistent();
        let stored = match is_persistent {
            true => self.write(seq, (&content, expires), confirm, copy, means),
            false => Stored::No,
        };
        self.rate.published(means.out.now());
        self.rate.consumed(means.out.now());
        self.flush_if_full(means);
        Item { seq, content, stored, expires, tries: Tries::default() }
    }

    fn write(
        &mut self,
        seq: u64,
        (content, expires): (&Rc<Content>, Time),
        confirm: Option<PublishId>,
        copy: &mut Option<Shared>,
        means: &mut Means<'_, '_>,
    ) -> Stored {
        self.segments.entry(seq / SEGMENT_ENTRIES).or_default().needed += 1;
        let bytes = content.body.len() as u64 + u64::from(content.properties_bytes);
        let stored = if is_embedded(bytes) {
            Stored::Queue { offset: 0 }
        } else {
            let shared = *copy.get_or_insert_with(|| {
                let (shared, bytes) = means.message_store.write(content, means.out);
                means.out.emit(Event::Written { queue: self.name.clone(), bytes });
                shared
            });
            means.message_store.refer(shared);
            Stored::Shared(shared)
        };
        let is_persistent = self.is_durable && content.is_persistent();
        self.buffer.put(seq, (content.clone(), expires), is_persistent, stored, confirm);
        stored
    }

    // ---- messages go ----

    /// Takes the first message out of the head, and tells whether it had been delivered before.
    pub fn fetch(&mut self, now: Time) -> Option<(Item, bool)> {
        let item = self.head.pop_front()?;
        let redelivered = self.was_delivered(item.seq);
        self.next_deliver_seq = self.next_deliver_seq.max(item.seq + 1);
        self.ready_bytes -= item.content.body.len() as u64;
        self.rate.consumed(now);
        Some((item, redelivered))
    }

    /// Removes the first message without bringing it into memory. `None` if nothing waits, or if it
    /// has to be found on the disk first: then that has begun.
    pub fn drop_front(&mut self, queue: QueueId, means: &mut Means<'_, '_>) -> Option<MessageId> {
        if self.has_head() {
            let (item, _) = self.fetch(means.out.now())?;
            self.settle(&item, means);
            return Some(item.content.id);
        }
        if !self.refill.is_empty() {
            return None;
        }
        let Some(TailEntry { entry, .. }) = self.tail.take_front(1).pop() else {
            self.refill(queue, means);
            return None;
        };
        self.ready_bytes -= u64::from(entry.body_bytes);
        self.rate.consumed(means.out.now());
        self.forget(entry.seq, entry.stored, means);
        self.flush_if_full(means);
        Some(entry.message)
    }

    /// Puts delivered messages back to their places. They are in the order of their ids.
    pub fn requeue(&mut self, items: Vec<Item>) {
        self.ready_bytes += items.iter().map(|item| item.content.body.len() as u64).sum::<u64>();
        let Some(last) = items.last() else { return };
        if self.head.front().is_none_or(|front| last.seq < front.seq) {
            for item in items.into_iter().rev() {
                self.head.push_front(item);
            }
            return;
        }
        let mut merged = VecDeque::with_capacity(self.head.len() + items.len());
        for item in items {
            while self.head.front().is_some_and(|front| front.seq < item.seq) {
                merged.extend(self.head.pop_front());
            }
            merged.push_back(item);
        }
        merged.append(&mut self.head);
        self.head = merged;
    }

    /// A delivered message is dealt with: it is gone for ever.
    #[inline(always)]
    pub fn settle(&mut self, item: &Item, means: &mut Means<'_, '_>) {
        self.forget(item.seq, item.stored, means);
        self.flush_if_full(means);
    }

    /// Removes all that waits; returns the numbers of the messages.
    pub fn purge(&mut self, means: &mut Means<'_, '_>) -> Vec<MessageId> {
        let messages: Vec<MessageId> = self.iter().map(|(_, message, _)| message).collect();
        for item in std::mem::take(&mut self.head) {
            self.forget(item.seq, item.stored, means);
        }
        let (mut known, on_disk) = self.tail.take_all();
        known.extend(self.refill.abandon());
        for entry in known {
            self.forget(entry.seq, entry.stored, means);
        }
        for (number, count) in on_disk {
            self.unneeded(number, count as u64, means.out);
        }
        self.ready_bytes = 0;
        self.flush_if_full(means);
        messages
    }

    /// Deletes everything that is on disk; what was delivered is forgotten already.
    pub fn delete(&mut self, means: &mut Means<'_, '_>) -> Vec<MessageId> {
        let messages = self.purge(means);
        for segment in std::mem::take(&mut self.segments).into_values() {
            if let Some(files) = segment.files {
                files.delete(means.out);
            }
        }
        means.confirms.extend(self.buffer.abandon());
        messages
    }

    /// A message is needed no more, wherever it is written.
    pub fn forget(&mut self, seq: u64, stored: Stored, means: &mut Means<'_, '_>) {
        if stored == Stored::No {
            return;
        }
        if let Stored::Shared(shared) = stored {
            means.message_store.release(shared, means.out);
        }
        match self.buffer.take(seq) {
            // It was never written, and never will be.
            Some(confirm) => means.confirms.extend(confirm),
            None => self.buffer.acknowledge(seq),
        }
        self.unneeded(seq / SEGMENT_ENTRIES, 1, means.out);
    }

    /// So many messages less of a segment are needed; without any it goes.
    fn unneeded(&mut self, number: u64, count: u64, out: &mut Out<'_>) {
        let segment = self.segments.get_mut(&number).expect("a written message has a segment");
        segment.needed -= count;
        if segment.needed == 0 {
            if let Some(files) = &segment.files {
                files.delete(out);
            }
            self.segments.remove(&number);
            self.buffer.forget_acknowledged(number);
        }
    }
}

/// True if a message of so many bytes, properties included, lies in its queue's own store.
pub fn is_embedded(bytes: u64) -> bool {
    bytes < EMBED_BELOW_BYTES
}

/// True if a new message stays in memory: only if all before it do, and not too many.
pub fn joins_head(in_memory: usize, on_disk: u64, memory_limit: usize) -> bool {
    on_disk == 0 && in_memory < memory_limit
}

fn entry_of(
    seq: u64,
    (content, expires): (&Content, Time),
    is_persistent: bool,
    stored: Stored,
) -> Entry {
    Entry {
        seq,
        message: content.id,
        is_persistent,
        stored,
        body_bytes: content.body.len() as u32,
        head_bytes: 0,
        expires,
    }
}

/// The folder of a queue. Names may hold any sign; those that separate folders are written out.
pub fn directory(queue: &str) -> String {
    format!("queues/{}/", queue.replace('%', "%25").replace('/', "%2F"))
}

/// The folder of one level of a queue: that of the lowest is the queue's own.
pub fn level_directory(queue: &str, level: u8) -> String {
    match level {
        0 => directory(queue),
        _ => format!("{}priority-{level}/", directory(queue)),
    }
}

/// The file with the index of a segment.
pub fn index_file(directory: &str, segment: u64) -> String {
    format!("{directory}{segment}.qi")
}

/// The file with the messages of a segment.
pub fn store_file(directory: &str, segment: u64) -> String {
    format!("{directory}{segment}.qs")
}
