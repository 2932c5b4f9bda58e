//! A chunk: messages that were written together, and its entry in the index.
//!
//! | bytes | meaning |
//! |---|---|
//! | 1 | magic and version: 0x50 |
//! | 1 | type: 0, messages |
//! | 2 | entries |
//! | 4 | messages |
//! | 8 | when it was written, in milliseconds |
//! | 8 | epoch of the writer |
//! | 8 | offset of the first message |
//! | 4 | CRC-32 of the entries |
//! | 4 | bytes of the entries |
//! | 4 | bytes of the trailer |
//! | 4 | filter size and reserved: 0 |
//!
//! The trailer of a stream with several members tells how far the publishers have come: of each
//! node whose messages are in it the [`Mark`] behind them, in the first chunk of a segment that of
//! every node.
//!
//! An entry is the length of a message, and the message: the length of its properties, they, and
//! the body. The check is CRC-32C here, where the real one has another polynomial.

use crate::rabbit::content::Content;
use crate::rabbit::names::Names;
use crate::sim::{MessageId, NodeId, Time};
use bytes::{BufMut, Bytes, BytesMut};
use std::rc::Rc;

/// Bytes before the entries.
pub const HEADER_BYTES: usize = 48;

/// What a segment file begins with.
pub const SEGMENT_MAGIC: &[u8; 8] = b"OSIL\0\0\0\x01";

/// What an index file begins with.
pub const INDEX_MAGIC: &[u8; 8] = b"OSII\0\0\0\x01";

/// A message of a stream: its offset and itself.
pub type Placed = (u64, Rc<Content>);

/// How far the publishers of a node have come: up to this message of theirs all is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// The node that they are connected to.
    pub node: NodeId,
    /// When its life began, in microseconds.
    pub life: u64,
    /// The number of the message in that life.
    pub number: u64,
}

/// Bytes of a mark in a trailer.
const MARK_BYTES: usize = 4 + 8 + 8;

/// The bytes of a chunk with these messages, written in an epoch.
pub fn encode(
    first: u64,
    messages: &[Rc<Content>],
    (epoch, now): (u64, Time),
    marks: &[Mark],
) -> Bytes {
    let mut entries = BytesMut::new();
    for content in messages {
        let head = content.encode_head();
        entries.put_u32((4 + head.len() + content.body.len()) as u32);
        entries.put_u32(head.len() as u32);
        entries.put_slice(&head);
        entries.put_slice(&content.body);
    }
    let mut chunk = BytesMut::with_capacity(HEADER_BYTES + entries.len());
    chunk.put_u8(0x50);
    chunk.put_u8(0);
    chunk.put_u16(messages.len() as u16);
    chunk.put_u32(messages.len() as u32);
    chunk.put_u64(now.micros() / 1_000);
    chunk.put_u64(epoch);
    chunk.put_u64(first);
    chunk.put_u32(crc32c::crc32c(&entries));
    chunk.put_u32(entries.len() as u32);
    chunk.put_u32((marks.len() * MARK_BYTES) as u32);
    chunk.put_u32(0);
    chunk.put_slice(&entries);
    for mark in marks {
        chunk.put_u32(mark.node.0);
        chunk.put_u64(mark.life);
        chunk.put_u64(mark.number);
    }
    chunk.freeze()
}

fn number(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

/// What stands in front of a chunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The offset of its first message.
    pub first: u64,
    /// How many it has.
    pub count: u64,
    /// When it was written, in milliseconds.
    pub at_ms: u64,
    /// The epoch of the writer.
    pub epoch: u64,
    /// All its bytes.
    pub bytes: usize,
    /// Where its trailer begins.
    trailer: usize,
    check: u32,
}

/// The largest offset, epoch and time: what has more was not written by a stream.
pub const NUMBER_MAX: u64 = i64::MAX as u64;

/// The header at the beginning of these bytes.
pub fn header(bytes: &[u8]) -> Option<Header> {
    let head = bytes.get(..HEADER_BYTES)?;
    let trailer = HEADER_BYTES + number(&head[36..40]) as usize;
    let header = Header {
        first: number(&head[24..32]),
        count: number(&head[4..8]),
        at_ms: number(&head[8..16]),
        epoch: number(&head[16..24]),
        bytes: trailer + number(&head[40..44]) as usize,
        trailer,
        check: number(&head[32..36]) as u32,
    };
    let Header { first, count, at_ms, epoch, .. } = header;
    (head[0] == 0x50 && are_possible(first, count, at_ms, epoch)).then_some(header)
}

/// Whether so many messages can begin at this offset, written at this time in this epoch.
fn are_possible(first: u64, count: u64, at_ms: u64, epoch: u64) -> bool {
    let end = first.checked_add(count);
    end.is_some_and(|end| end <= NUMBER_MAX) && at_ms <= NUMBER_MAX && epoch < NUMBER_MAX
}

/// The marks of a chunk that is whole.
pub fn marks(head: Header, bytes: &[u8]) -> Vec<Mark> {
    let trailer = bytes.get(head.trailer..head.bytes).unwrap_or_default();
    let marks = trailer.chunks_exact(MARK_BYTES).map(|mark| Mark {
        node: NodeId(number(&mark[..4]) as u32),
        life: number(&mark[4..12]),
        number: number(&mark[12..]),
    });
    marks.collect()
}

/// The chunk at the beginning of these bytes, if it is whole and sound, with its messages.
pub fn decode(bytes: &Bytes, names: &mut Names) -> Option<(Header, Vec<Placed>)> {
    let head = header(bytes)?;
    bytes.get(..head.bytes)?;
    let entries = bytes.get(HEADER_BYTES..head.trailer)?;
    if crc32c::crc32c(entries) != head.check {
        return None;
    }
    let (mut messages, mut at) = (Vec::new(), HEADER_BYTES);
    while at < head.trailer {
        let len = number(bytes.get(at..at + 4)?) as usize;
        let head_len = number(bytes.get(at + 4..at + 8)?) as usize;
        let message = bytes.get(at + 8..(at + 4).checked_add(len)?)?;
        let content = Content::decode(&bytes.slice_ref(message), head_len, names)?;
        messages.push((head.first + messages.len() as u64, Rc::new(content)));
        at += 4 + len;
    }
    Some((head, messages))
}

// ---- the index ----

/// Messages that follow each other, in the stream and in the numbers of the lab.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// The offset of the first.
    pub offset: u64,
    /// Its number.
    pub message: MessageId,
    /// How many there are.
    pub count: u64,
}

/// What the index knows of a chunk.
#[derive(Clone, Debug, PartialEq)]
pub struct IndexEntry {
    /// The offset of its first message.
    pub first: u64,
    /// When it was written, in milliseconds.
    pub at_ms: u64,
    /// The epoch of the writer.
    pub epoch: u64,
    /// Where it is in its segment.
    pub position: u64,
    /// How many bytes it has.
    pub bytes: u64,
    /// Its messages.
    pub runs: Vec<Run>,
}

impl IndexEntry {
    /// The offset behind its last message.
    pub fn end(&self) -> u64 {
        self.first + self.runs.iter().map(|run| run.count).sum::<u64>()
    }

    /// The entry of a chunk with these messages.
    pub fn of(head: Header, position: u64, messages: impl Iterator<Item = MessageId>) -> Self {
        let Header { first, at_ms, epoch, .. } = head;
        let bytes = head.bytes as u64;
        let mut runs: Vec<Run> = Vec::new();
        for (offset, message) in (first..).zip(messages) {
            extend(&mut runs, Run { offset, message, count: 1 });
        }
        IndexEntry { first, at_ms, epoch, position, bytes, runs }
    }

    /// How many bytes it has itself.
    pub fn own_bytes(&self) -> u64 {
        (ENTRY_BYTES + RUN_BYTES * self.runs.len()) as u64
    }

    /// Its bytes: 29 as the real ones, and behind them what the lab adds.
    pub fn encode(&self, into: &mut BytesMut) {
        into.put_u64(self.first);
        into.put_u64(self.at_ms);
        into.put_u64(self.epoch);
        into.put_u32(self.position as u32);
        into.put_u8(0);
        into.put_u32(self.bytes as u32);
        into.put_u16(self.runs.len() as u16);
        for run in &self.runs {
            into.put_uint(run.message.0, 6);
            into.put_u32(run.count as u32);
        }
    }
}

/// Adds messages behind others, to the last run if they go on with it.
fn extend(runs: &mut Vec<Run>, run: Run) {
    match runs.last_mut() {
        Some(last) if last.message.0 + last.count == run.message.0 => last.count += run.count,
        _ => runs.push(run),
    }
}

/// Bytes of an entry of the index before its runs, and of a run.
const ENTRY_BYTES: usize = 8 + 8 + 8 + 4 + 1 + 4 + 2;
const RUN_BYTES: usize = 6 + 4;

/// The entries of an index file, as far as it is whole.
pub fn parse_index(file: &[u8]) -> Vec<IndexEntry> {
    let mut entries = Vec::new();
    let mut rest = file.get(INDEX_MAGIC.len()..).unwrap_or_default();
    while let Some((fixed, behind)) = rest.split_at_checked(ENTRY_BYTES) {
        let Some((runs, behind)) =
            behind.split_at_checked(RUN_BYTES * number(&fixed[33..35]) as usize)
        else {
            break;
        };
        let mut offset = number(&fixed[..8]);
        let mut entry = IndexEntry {
            first: offset,
            at_ms: number(&fixed[8..16]),
            epoch: number(&fixed[16..24]),
            position: number(&fixed[24..28]),
            bytes: number(&fixed[29..33]),
            runs: Vec::new(),
        };
        for run in runs.chunks_exact(RUN_BYTES) {
            let (message, count) = (MessageId(number(&run[..6])), number(&run[6..]));
            entry.runs.push(Run { offset, message, count });
            offset = offset.saturating_add(count);
        }
        if !are_possible(offset, 0, entry.at_ms, entry.epoch) {
            break;
        }
        entries.push(entry);
        rest = behind;
    }
    entries
}
