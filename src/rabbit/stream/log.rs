//! Segments, writing and retention.

use super::chunk::{self, Header, INDEX_MAGIC, IndexEntry, Mark, Placed, Run, SEGMENT_MAGIC};
use super::reader::{Reader, Reads};
use super::shared::Shared;
use crate::rabbit::content::Content;
use crate::rabbit::event::Event;
use crate::rabbit::ids::{ConsumerId, PublishId, QueueId};
use crate::rabbit::process::Out;
use crate::rabbit::rules::Rules;
use crate::rabbit::storage_v2::Means;
use crate::sim::{MessageId, NodeId};
use bytes::{Bytes, BytesMut};
use std::collections::VecDeque;
use std::rc::Rc;

/// Where the logs of all streams are.
pub const DIRECTORY: &str = "stream/";

/// A segment is full with so many bytes, unless `x-stream-max-segment-size-bytes` says otherwise.
const SEGMENT_BYTES: u64 = 500_000_000;

/// A segment is full with so many chunks, too.
const SEGMENT_CHUNKS: u64 = 256_000;

/// So many messages are written together at the most.
const CHUNK_MESSAGES: usize = 4_096;

/// The folder of a stream. Where several nodes have it, one of them can be down while a stream is
/// deleted and another of its name is made: so its number is part of it.
pub fn directory(stream: &str, number: Option<QueueId>) -> String {
    let stream = stream.replace('%', "%25").replace('/', "%2F");
    match number {
        None => format!("{DIRECTORY}{stream}/"),
        Some(QueueId(number)) => format!("{DIRECTORY}{stream}@{number}/"),
    }
}

/// The segment that begins with this offset.
pub fn segment_file(directory: &str, first: u64) -> String {
    format!("{directory}{first:020}.segment")
}

/// Its index.
pub fn index_file(directory: &str, first: u64) -> String {
    format!("{directory}{first:020}.index")
}

/// A segment.
#[derive(Clone, Debug)]
pub struct Segment {
    /// The offset of its first message, and its name.
    pub first: u64,
    /// Bytes of its file.
    pub bytes: u64,
    /// Bytes of its index.
    pub index_bytes: u64,
    /// Its chunks.
    pub chunks: u64,
    /// When its last chunk was written, in milliseconds.
    pub last_at_ms: u64,
    /// Where its last chunk is.
    pub last_position: u64,
}

impl Segment {
    /// A segment without a chunk.
    pub fn new(first: u64) -> Segment {
        let (bytes, index_bytes) = (SEGMENT_MAGIC.len() as u64, INDEX_MAGIC.len() as u64);
        Segment { first, bytes, index_bytes, chunks: 0, last_at_ms: 0, last_position: bytes }
    }

    /// A chunk lies at its end.
    pub fn add(&mut self, entry: &IndexEntry) {
        self.last_position = entry.position;
        self.bytes = entry.position + entry.bytes;
        self.index_bytes += entry.own_bytes();
        self.last_at_ms = entry.at_ms;
        self.chunks += 1;
    }
}

/// A message that waits to be written.
#[derive(Clone, Debug)]
struct Waiting {
    content: Rc<Content>,
    /// To be confirmed when it is written: of a stream with one member.
    confirm: Option<PublishId>,
    /// The node that it came from: of a stream with several.
    from: Option<NodeId>,
}

/// A stream.
#[derive(Clone, Debug)]
pub struct Stream {
    /// Its name.
    pub name: Rc<str>,
    /// Its folder.
    pub directory: Rc<str>,
    /// From the oldest to the one that is written.
    pub segments: VecDeque<Segment>,
    /// The messages that it holds, in runs.
    pub runs: VecDeque<Run>,
    /// The offset of the next message.
    pub next: u64,
    /// Where each consumer is, and each replica.
    pub readers: Vec<Reader>,
    /// How often something was read.
    pub(super) reads: u64,
    /// The epoch in which it writes, if one node has it.
    pub epoch: u64,
    /// What is known besides, if several nodes have it.
    pub shared: Option<Box<Shared>>,
    unwritten: Vec<Waiting>,
    unwritten_bytes: u64,
}

impl Stream {
    /// A new stream. Its first segment is made with its first chunk.
    pub fn new(name: Rc<str>, shared: Option<QueueId>) -> Stream {
        Stream {
            directory: directory(&name, shared).into(),
            shared: shared.map(|queue| Box::new(Shared::new(queue))),
            reads: 0,
            epoch: 1,
            name,
            segments: VecDeque::from([Segment::new(0)]),
            runs: VecDeque::new(),
            next: 0,
            readers: Vec::new(),
            unwritten: Vec::new(),
            unwritten_bytes: 0,
        }
    }

    /// The offset of the oldest message that is there.
    pub fn first(&self) -> u64 {
        self.runs.front().map_or(self.next, |run| run.offset)
    }

    /// How many messages it has that may be read.
    pub fn count(&self) -> u64 {
        self.committed().saturating_sub(self.first())
    }

    /// Bytes of all its segments.
    pub fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.bytes).sum::<u64>()
            - (SEGMENT_MAGIC.len() * self.segments.len()) as u64
    }

    /// Bytes of memory that it takes.
    pub fn memory_bytes(&self) -> u64 {
        self.unwritten_bytes + self.readers.iter().map(Reader::memory_bytes).sum::<u64>()
    }

    /// True while something waits to be written.
    pub fn is_unwritten(&self) -> bool {
        !self.unwritten.is_empty()
    }

    /// The messages from the oldest on: offset and number.
    pub fn iter(&self) -> impl Iterator<Item = (u64, MessageId)> {
        self.runs
            .iter()
            .flat_map(|run| (0..run.count).map(|n| (run.offset + n, MessageId(run.message.0 + n))))
    }

    // ---- writing ----

    /// A message comes: it will be in the next chunk.
    pub fn append(&mut self, content: Rc<Content>, confirm: Option<PublishId>) {
        self.unwritten_bytes += content.body.len() as u64;
        self.unwritten.push(Waiting { content, confirm, from: None });
    }

    /// A message of a node comes.
    pub(super) fn append_from(&mut self, node: NodeId, content: Rc<Content>) {
        self.unwritten_bytes += content.body.len() as u64;
        self.unwritten.push(Waiting { content, confirm: None, from: Some(node) });
    }

    /// What waits is not written after all.
    pub(super) fn drop_unwritten(&mut self) {
        self.unwritten.clear();
        self.unwritten_bytes = 0;
    }

    /// Writes what waits. What is written is confirmed.
    pub fn write(&mut self, rules: &Rules, means: &mut Means<'_, '_>) {
        let mut waiting = std::mem::take(&mut self.unwritten);
        self.unwritten_bytes = 0;
        while !waiting.is_empty() {
            let later = waiting.split_off(waiting.len().min(CHUNK_MESSAGES));
            self.write_chunk(waiting, rules, means);
            waiting = later;
        }
    }

    /// One node has it: the next epoch begins.
    pub fn begin_alone(&mut self, out: &mut Out<'_>) {
        self.epoch += 1;
        let file = format!("{}epoch", self.directory);
        out.replace(&file, Bytes::copy_from_slice(&self.epoch.to_be_bytes()));
    }

    /// A full segment is left behind.
    pub(super) fn roll(&mut self, rules: &Rules, means: &mut Means<'_, '_>) {
        let limit = rules.segment_bytes.unwrap_or(SEGMENT_BYTES);
        let last = &self.segments[self.segments.len() - 1];
        if last.bytes >= limit || last.chunks >= SEGMENT_CHUNKS {
            self.segments.push_back(Segment::new(self.next));
            self.retain(rules, means);
        }
    }

    fn write_chunk(&mut self, waiting: Vec<Waiting>, rules: &Rules, means: &mut Means<'_, '_>) {
        self.roll(rules, means);
        let first = self.next;
        let nodes: Vec<NodeId> = waiting.iter().filter_map(|it| it.from).collect();
        let confirms: Vec<PublishId> = waiting.iter().filter_map(|it| it.confirm).collect();
        let contents: Vec<Rc<Content>> = waiting.into_iter().map(|it| it.content).collect();
        let is_first = self.segments.back().is_some_and(|segment| segment.chunks == 0);
        let (epoch, marks) = match &self.shared {
            Some(shared) => (shared.epoch, shared.trailer(&nodes, is_first)),
            None => (self.epoch, Vec::new()),
        };
        let bytes = chunk::encode(first, &contents, (epoch, means.out.now()), &marks);
        let head = chunk::header(&bytes).expect("it was just made");
        self.put(head, bytes, contents.iter().map(|content| content.id), marks, means);
        if self.shared.is_none() {
            for (position, content) in (first..).zip(&contents) {
                let (queue, message) = (self.name.clone(), content.id);
                means.emit(Event::Enqueued { queue, message, position });
            }
        }
        means.confirms.extend(confirms);
    }

    /// A chunk goes to the end of the last segment.
    pub(super) fn put(
        &mut self,
        head: Header,
        bytes: Bytes,
        messages: impl Iterator<Item = MessageId>,
        marks: Vec<Mark>,
        means: &mut Means<'_, '_>,
    ) {
        let segment = self.segments.back_mut().expect("a stream has a segment");
        let entry = IndexEntry::of(head, segment.bytes, messages);
        let (mut index, mut begin) = (BytesMut::new(), Bytes::new());
        if segment.chunks == 0 {
            begin = Bytes::from_static(SEGMENT_MAGIC);
            index.extend_from_slice(INDEX_MAGIC);
        }
        entry.encode(&mut index);
        let file = segment_file(&self.directory, segment.first);
        let written = (begin.len() + bytes.len() + index.len()) as u64;
        if !begin.is_empty() {
            means.out.append(&file, begin);
        }
        // The chunk first: the index never speaks of what is not there.
        means.out.append(&file, bytes);
        means.out.append(&index_file(&self.directory, segment.first), index.freeze());
        if let Some(shared) = &mut self.shared {
            shared.add(segment.clone(), &entry, marks);
        }
        segment.add(&entry);
        self.next = entry.end();
        self.hold(&entry.runs);
        means.out.emit(Event::Written { queue: self.name.clone(), bytes: written });
    }

    /// These messages are there now, behind all others.
    pub fn hold(&mut self, runs: &[Run]) {
        for run in runs {
            match self.runs.back_mut() {
                Some(last) if last.message.0 + last.count == run.message.0 => {
                    last.count += run.count;
                }
                _ => self.runs.push_back(*run),
            }
        }
    }

    // ---- retention ----

    /// Deletes the oldest segments while there is too much, or while they are too old.
    pub fn retain(&mut self, rules: &Rules, means: &mut Means<'_, '_>) {
        let now_ms = means.out.now().micros() / 1_000;
        while self.segments.len() > 1 {
            let oldest = &self.segments[0];
            let is_old = rules.max_age.is_some_and(|age| {
                now_ms.saturating_sub(oldest.last_at_ms) > age.as_micros() / 1_000
            });
            if !is_old && rules.max_bytes.is_none_or(|max| self.bytes() <= max) {
                break;
            }
            let end = self.segments[1].first;
            if end > self.committed() {
                break;
            }
            let gone = self.segments.pop_front().expect("there are two at least");
            means.out.delete(&segment_file(&self.directory, gone.first));
            means.out.delete(&index_file(&self.directory, gone.first));
            let messages = self.release(end);
            let (queue, first_offset) = (self.name.clone(), gone.first);
            // Each member has its own; one of them tells.
            if self.shared.as_ref().is_none_or(|shared| shared.leads) {
                means.emit(Event::SegmentDeleted {
                    queue,
                    first_offset,
                    next_offset: end,
                    messages,
                });
            }
        }
    }

    /// Messages before this offset are not there any more; returns their numbers.
    fn release(&mut self, end: u64) -> Rc<[(MessageId, u64)]> {
        let mut gone = Vec::new();
        while let Some(run) = self.runs.front_mut().filter(|run| run.offset < end) {
            let count = run.count.min(end - run.offset);
            gone.push((run.message, count));
            *run = Run {
                offset: run.offset + count,
                message: MessageId(run.message.0 + count),
                count: run.count - count,
            };
            if run.count == 0 {
                self.runs.pop_front();
            }
        }
        gone.into()
    }

    /// Deletes all it has; returns the numbers of its messages.
    pub fn delete(&mut self, means: &mut Means<'_, '_>) -> Vec<MessageId> {
        let messages = self.iter().map(|(_, message)| message).collect();
        for segment in &self.segments {
            means.out.delete(&segment_file(&self.directory, segment.first));
            means.out.delete(&index_file(&self.directory, segment.first));
        }
        means.out.delete(&format!("{}epoch", self.directory));
        // A deleted queue is nobody's refusal.
        let waiting = std::mem::take(&mut self.unwritten);
        means.confirms.extend(waiting.into_iter().filter_map(|it| it.confirm));
        self.runs.clear();
        messages
    }

    /// The next message for some consumer that has credit; begins to read where that is needed.
    pub fn next_for(
        &mut self,
        has_credit: impl Fn(ConsumerId) -> bool,
        queue: QueueId,
        out: &mut Out<'_>,
    ) -> Option<(ConsumerId, Placed)> {
        let mut found = None;
        for at in 0..self.readers.len() {
            let Reads::Consumer(consumer) = self.readers[at].by else { continue };
            if found.is_some() || !has_credit(consumer) {
                continue;
            }
            let reader = &mut self.readers[at];
            found = reader.chunk.pop_front().map(|placed| (consumer, placed));
            if self.readers[at].chunk.is_empty() {
                self.read_on(at, queue, out);
            }
        }
        found
    }
}
