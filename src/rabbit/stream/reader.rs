//! Where a consumer is in a stream.

use super::chunk::{self, HEADER_BYTES, Placed, SEGMENT_MAGIC};
use super::log::{Stream, index_file, segment_file};
use crate::rabbit::broker::arguments::{type_name, value_text};
use crate::rabbit::command::Argument;
use crate::rabbit::ids::{ConsumerId, QueueId};
use crate::rabbit::names::Names;
use crate::rabbit::process::{Out, Ticket};
use crate::rabbit::rules::age;
use crate::sim::{Rope, Time};
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

/// A consumer that reads.
#[derive(Clone, Debug)]
pub struct Reader {
    /// The consumer.
    pub consumer: ConsumerId,
    /// Messages that are read and not delivered.
    pub chunk: VecDeque<Placed>,
    place: Place,
    /// Messages before this one are passed over.
    from: u64,
    /// Bytes that the next chunk is known to have.
    wants: u64,
    is_reading: bool,
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
        let end = Place::At(last.first, last.bytes);
        let oldest = self.segments[0].first;
        let behind = |ms: u64| last.chunks == 0 || last.last_at_ms < ms;
        let (place, from) = match start {
            Start::First => (Place::At(oldest, SEGMENT_MAGIC.len() as u64), 0),
            Start::Next => (end, 0),
            Start::Last => (Place::At(last.first, last.last_position), 0),
            Start::Offset(offset) if offset >= self.next => (end, offset),
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
        let (chunk, wants) = (VecDeque::new(), READ_BYTES);
        self.readers.push(Reader { consumer, chunk, place, from, wants, is_reading: false });
    }

    /// Begins to read what comes next for a consumer, if there is anything.
    pub(super) fn read_on(&mut self, at: usize, queue: QueueId, out: &mut Out<'_>) {
        let (consumer, is_reading) = (self.readers[at].consumer, self.readers[at].is_reading);
        if is_reading {
            return;
        }
        let ticket = Ticket::Stream { queue, consumer };
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
                Some((_, bytes)) if position < bytes => {
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
        self.readers[at].is_reading = true;
    }

    fn segment(&self, first: u64) -> Option<(usize, u64)> {
        let at = self.segments.binary_search_by_key(&first, |segment| segment.first).ok()?;
        Some((at, self.segments[at].bytes))
    }

    fn oldest(&self) -> Place {
        Place::At(self.segments[0].first, SEGMENT_MAGIC.len() as u64)
    }

    /// What a consumer waits for was read.
    pub fn was_read(&mut self, consumer: ConsumerId, bytes: &Rope, names: &mut Names) {
        let Some(reader) = self.readers.iter_mut().find(|it| it.consumer == consumer) else {
            return;
        };
        reader.is_reading = false;
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
                reader.place = Place::At(segment, position);
                return;
            }
        };
        let mut rest = bytes;
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
