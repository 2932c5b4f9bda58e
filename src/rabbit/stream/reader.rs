//! Where a consumer is in a stream, or a replica that is sent what it does not have.
//!
//! A consumer gets what is committed, message by message; a replica all there is, in whole chunks.

use super::chunk::{self, HEADER_BYTES, Placed, SEGMENT_MAGIC};
use super::log::{Stream, index_file, segment_file};
use crate::rabbit::broker::arguments::{type_name, value_text};
use crate::rabbit::command::Argument;
use crate::rabbit::ids::{ConsumerId, QueueId};
use crate::rabbit::names::Names;
use crate::rabbit::process::{Out, Ticket};
use crate::rabbit::rules::age;
use crate::sim::{NodeId, Rope, Time};
use bytes::Bytes;
use std::collections::VecDeque;

/// So many bytes are read at once, or one chunk if that is larger.
const READ_BYTES: u64 = 64 << 10;

/// Where a consumer wants to begin: `x-stream-offset`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// At the oldest message.
    First,
    /// At the first message of the newest chunk.
    Last,
    /// With what comes from now on.
    Next,
    /// At this offset; at the oldest message if that is younger.
    Offset(u64),
    /// At the first chunk that was written at this instant or later, in milliseconds.
    Timestamp(u64),
}

impl Start {
    /// What the argument says; an error in the server's words.
    pub fn of(argument: Option<&Argument>, now: Time) -> Result<Start, String> {
        let text = match argument {
            None => return Ok(Start::Next),
            Some(Argument::Integer(offset)) if *offset >= 0 => {
                return Ok(Start::Offset(*offset as u64));
            }
            Some(Argument::Timestamp(seconds)) => {
                return Ok(Start::Timestamp(seconds.saturating_mul(1_000)));
            }
            Some(Argument::Text(text)) => text,
            Some(other) => {
                let (kind, value) = (type_name(other), value_text(other));
                return Err(format!("{{invalid_stream_offset_arg,{{{kind},{value}}}}}"));
            }
        };
        match &**text {
            "first" => Ok(Start::First),
            "last" => Ok(Start::Last),
            "next" => Ok(Start::Next),
            interval => match age(interval) {
                Some(span) => {
                    let now_ms = now.micros() / 1_000;
                    Ok(Start::Timestamp(now_ms.saturating_sub(span.as_micros() / 1_000)))
                }
                None => Err(format!("{{invalid_stream_offset_arg,{{longstr,<<\"{text}\">>}}}}")),
            },
        }
    }
}

/// How far a consumer has come.
#[derive(Clone, Debug)]
enum Place {
    /// The index of this segment has to be read, to find a chunk.
    Looks(u64, Start),
    /// The next chunk is in this segment, there.
    At(u64, u64),
}

/// Who reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reads {
    /// A consumer.
    Consumer(ConsumerId),
    /// The leader, for the member on this node.
    Replica(NodeId),
}

/// Somebody who reads.
#[derive(Clone, Debug)]
pub struct Reader {
    /// Who.
    pub by: Reads,
    /// Of a replica: chunks that are read and not sent.
    pub raw: Bytes,
    /// Messages that are read and not delivered.
    pub chunk: VecDeque<Placed>,
    place: Place,
    /// Messages before this one are passed over.
    from: u64,
    /// Bytes that the next chunk is known to have.
    wants: u64,
    /// The read that is under way.
    reading: Option<u64>,
}

impl Reader {
    /// Bytes of the bodies that it holds.
    pub fn memory_bytes(&self) -> u64 {
        self.chunk.iter().map(|(_, content)| content.body.len() as u64).sum()
    }
}

impl Stream {
    /// A consumer begins to read.
    pub fn begin_reader(&mut self, consumer: ConsumerId, start: Start) {
        let last = self.segments.back().expect("a stream has a segment");
        let end = self.bound().unwrap_or((last.first, last.bytes));
        let end = Place::At(end.0, end.1);
        let oldest = self.segments[0].first;
        let behind = |ms: u64| last.chunks == 0 || last.last_at_ms < ms;
        let newest = self.last_chunk();
        let (place, from) = match start {
            Start::First => (Place::At(oldest, SEGMENT_MAGIC.len() as u64), 0),
            Start::Next => (end, 0),
            Start::Last => (Place::At(newest.0, newest.1), 0),
            Start::Offset(offset) if offset >= self.committed() => (end, offset),
            Start::Offset(offset) => {
                let segment = self.segments.iter().rev().find(|it| it.first <= offset);
                let segment = segment.map_or(oldest, |segment| segment.first);
                (Place::Looks(segment, start), offset)
            }
            Start::Timestamp(ms) if behind(ms) => (end, 0),
            Start::Timestamp(ms) => {
                let segment = self.segments.iter().find(|it| it.chunks > 0 && it.last_at_ms >= ms);
                (Place::Looks(segment.map_or(oldest, |it| it.first), start), 0)
            }
        };
        self.readers.push(reader(Reads::Consumer(consumer), place, from));
    }

    // ---- replicas ----

    /// As the leader: the member on a node is to get what comes from this offset on.
    pub fn begin_feed(&mut self, node: NodeId, next: u64) {
        self.end_feed(node);
        let last = self.segments.back().expect("a stream has a segment");
        let place = match self.segments.iter().rev().find(|it| it.first <= next) {
            Some(segment) if next < self.next => Place::Looks(segment.first, Start::Offset(next)),
            _ => Place::At(last.first, last.bytes),
        };
        self.readers.push(reader(Reads::Replica(node), place, next));
    }

    /// The member on a node is not sent anything any more.
    pub fn end_feed(&mut self, node: NodeId) {
        self.readers.retain(|reader| reader.by != Reads::Replica(node));
    }

    pub(super) fn drop_feeds(&mut self) {
        self.readers.retain(|reader| matches!(reader.by, Reads::Consumer(_)));
    }

    /// What is read for the member on a node; begins to read if that is nothing.
    pub fn next_feed(&mut self, node: NodeId, queue: QueueId, out: &mut Out<'_>) -> Bytes {
        let Some(at) = self.readers.iter().position(|it| it.by == Reads::Replica(node)) else {
            return Bytes::new();
        };
        if self.readers[at].raw.is_empty() {
            self.read_on(at, queue, out);
        }
        std::mem::take(&mut self.readers[at].raw)
    }

    /// Begins to read what comes next for a consumer, if there is anything.
    pub(super) fn read_on(&mut self, at: usize, queue: QueueId, out: &mut Out<'_>) {
        let by = self.readers[at].by;
        if self.readers[at].reading.is_some() {
            return;
        }
        let read = self.reads + 1;
        let ticket = Ticket::Stream { queue, by, read };
        let bound = self.bound().filter(|_| matches!(by, Reads::Consumer(_)));
        match self.readers[at].place {
            Place::Looks(segment, _) if self.segment(segment).is_some() => {
                out.read(&index_file(&self.directory, segment), 0, u64::MAX, ticket);
            }
            Place::Looks(..) => {
                self.readers[at].place = self.oldest();
                return self.read_on(at, queue, out);
            }
            Place::At(segment, position) => match self.segment(segment) {
                // It was deleted: what is the oldest now comes next.
                None => {
                    self.readers[at].place = self.oldest();
                    return self.read_on(at, queue, out);
                }
                // Behind what is committed a consumer waits.
                Some(_) if bound.is_some_and(|bound| (segment, position) >= bound) => return,
                Some((_, bytes)) if position < bytes => {
                    let bytes = match bound {
                        Some((last, end)) if last == segment => end,
                        _ => bytes,
                    };
                    let len = self.readers[at].wants.min(bytes - position);
                    out.read(&segment_file(&self.directory, segment), position, len, ticket);
                }
                Some((place, _)) => {
                    let Some(next) = self.segments.get(place + 1) else { return };
                    self.readers[at].place = Place::At(next.first, SEGMENT_MAGIC.len() as u64);
                    return self.read_on(at, queue, out);
                }
            },
        }
        self.reads = read;
        self.readers[at].reading = Some(read);
    }

    fn segment(&self, first: u64) -> Option<(usize, u64)> {
        let at = self.segments.binary_search_by_key(&first, |segment| segment.first).ok()?;
        Some((at, self.segments[at].bytes))
    }

    fn oldest(&self) -> Place {
        Place::At(self.segments[0].first, SEGMENT_MAGIC.len() as u64)
    }

    /// What somebody waits for was read.
    pub fn was_read(&mut self, by: Reads, read: u64, bytes: &Rope, names: &mut Names) {
        let bound = self.bound().filter(|_| matches!(by, Reads::Consumer(_)));
        let theirs = |it: &&mut Reader| it.by == by && it.reading == Some(read);
        let Some(reader) = self.readers.iter_mut().find(theirs) else { return };
        reader.reading = None;
        let bytes = bytes.bytes();
        let (segment, mut position) = match reader.place {
            Place::At(segment, position) => (segment, position),
            Place::Looks(segment, start) => {
                let entries = chunk::parse_index(&bytes);
                let entry = match start {
                    Start::Offset(offset) => entries.iter().rev().find(|it| it.first <= offset),
                    Start::Timestamp(ms) => entries.iter().find(|entry| entry.at_ms >= ms),
                    _ => None,
                };
                let position = entry.map_or(SEGMENT_MAGIC.len() as u64, |entry| entry.position);
                let place = (segment, position);
                let place = bound.map_or(place, |bound| place.min(bound));
                reader.place = Place::At(place.0, place.1);
                return;
            }
        };
        let mut rest = bytes.clone();
        if let Reads::Replica(_) = by {
            while let Some(head) = chunk::header(&rest).filter(|head| head.bytes <= rest.len()) {
                position += head.bytes as u64;
                rest = rest.slice(head.bytes..);
            }
            reader.raw = bytes.slice(..bytes.len() - rest.len());
        }
        while let Some((head, messages)) = chunk::decode(&rest, names) {
            position += head.bytes as u64;
            let from = reader.from;
            reader.chunk.extend(messages.into_iter().filter(|(offset, _)| *offset >= from));
            rest = rest.slice(head.bytes..);
        }
        let is_new = !matches!(reader.place, Place::At(_, before) if before == position);
        reader.place = Place::At(segment, position);
        reader.wants = READ_BYTES;
        if !is_new {
            // The chunk is larger than what was read; one that is spoilt ends the segment.
            match chunk::header(&rest) {
                Some(head) if rest.len() >= HEADER_BYTES && head.bytes > rest.len() => {
                    reader.wants = head.bytes as u64;
                }
                _ => reader.place = Place::At(segment, u64::MAX),
            }
        }
    }
}

fn reader(by: Reads, place: Place, from: u64) -> Reader {
    let (raw, chunk, wants) = (Bytes::new(), VecDeque::new(), READ_BYTES);
    Reader { by, raw, chunk, place, from, wants, reading: None }
}
