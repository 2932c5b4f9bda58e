//! The index: one entry of 32 bytes for each message that is written, and one more when it is
//! acknowledged.
//!
//! | bytes | meaning |
//! |---|---|
//! | 1 | status: 1 published, 2 acknowledged |
//! | 2 | place in the segment (12 bits), and the highest bit if persistent |
//! | 1 | where the message is: 1 the message store of the virtual host, 2 the queue's own store |
//! | 4 | file of the message store |
//! | 4 | offset in its file |
//! | 6 | number of the message in this laboratory |
//! | 2 | check of the other 30 bytes |
//! | 4 | bytes of the body |
//! | 2 | bytes in front of the body |
//! | 6 | when it expires, in microseconds; 0 never |
//!
//! Simplified: the real index has these facts in 32 bytes too, arranged otherwise, and clears an
//! entry in its place when its message is acknowledged; the files here only grow.

use super::message_store::file_name;
use super::store_file;
use crate::ordered::BTreeMap;
use crate::sim::{MessageId, Time};
use bytes::BufMut;
use std::rc::Rc;

/// Bytes of an entry.
pub const ENTRY_BYTES: usize = 32;

/// Entries of a segment: a file of the index holds at most so many messages.
pub const SEGMENT_ENTRIES: u64 = 4_096;

/// Bytes in front of the entries of an index file, and of the messages of a store file.
pub const HEADER_BYTES: u64 = 64;

/// The last instant that an entry can tell: after almost nine years.
const EXPIRES_MAX: u64 = (1 << 48) - 1;

const PUBLISHED: u8 = 1;
const ACKNOWLEDGED: u8 = 2;
const PERSISTENT: u16 = 1 << 15;

/// A message in the store that all queues of the virtual host share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Shared {
    /// The file.
    pub file: u32,
    /// Where in the file.
    pub offset: u32,
}

/// Where a message is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// Nowhere: in memory only.
    No,
    /// In the queue's own store; the offset is zero until the write buffer is flushed.
    Queue {
        /// Where in the segment's file.
        offset: u32,
    },
    /// In the store of the virtual host.
    Shared(Shared),
}

/// A message that the index knows.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Its sequence id.
    pub seq: u64,
    /// Its number in the lab.
    pub message: MessageId,
    /// Whether it is to survive a restart.
    pub is_persistent: bool,
    /// Where it is.
    pub stored: Stored,
    /// Bytes of its body.
    pub body_bytes: u32,
    /// Bytes in front of its body.
    pub head_bytes: u16,
    /// When it expires.
    pub expires: Time,
}

impl Entry {
    /// Bytes that it takes in its store, with the entry header of 8 bytes.
    pub fn stored_bytes(&self) -> u64 {
        STORE_ENTRY_HEADER_BYTES + u64::from(self.head_bytes) + u64::from(self.body_bytes)
    }

    /// The file and the offset where the message lies, for a queue of this folder.
    pub fn place(&self, directory: &str) -> Option<(Rc<str>, u64)> {
        match self.stored {
            Stored::No => None,
            Stored::Shared(Shared { file, offset }) => Some((file_name(file), offset.into())),
            Stored::Queue { offset } => {
                let file = store_file(directory, self.seq / SEGMENT_ENTRIES);
                Some((file.into(), offset.into()))
            }
        }
    }

    /// The entry as it is written.
    pub fn encode(&self, into: &mut impl BufMut) {
        let mut bytes = [0; ENTRY_BYTES];
        let mut rest = &mut bytes[..];
        let place = (self.seq % SEGMENT_ENTRIES) as u16;
        rest.put_u8(PUBLISHED);
        rest.put_u16(place | if self.is_persistent { PERSISTENT } else { 0 });
        let (kind, file, offset) = match self.stored {
            Stored::No => (0, 0, 0),
            Stored::Queue { offset } => (2, 0, offset),
            Stored::Shared(Shared { file, offset }) => (1, file, offset),
        };
        rest.put_u8(kind);
        rest.put_u32(file);
        rest.put_u32(offset);
        rest.put_uint(self.message.0, 6);
        rest.put_u16(0);
        rest.put_u32(self.body_bytes);
        rest.put_u16(self.head_bytes);
        if self.expires != Time::NEVER {
            rest.put_uint(self.expires.micros().clamp(1, EXPIRES_MAX), 6);
        }
        seal(&mut bytes);
        into.put_slice(&bytes);
    }

    fn decode(segment: u64, bytes: &[u8]) -> Entry {
        let number = |from: usize, to: usize| {
            bytes[from..to].iter().fold(0, |sum: u64, byte| sum << 8 | u64::from(*byte))
        };
        let place = number(1, 3) as u16;
        let (file, offset) = (number(4, 8) as u32, number(8, 12) as u32);
        let stored = match bytes[3] {
            1 => Stored::Shared(Shared { file, offset }),
            2 => Stored::Queue { offset },
            _ => Stored::No,
        };
        Entry {
            seq: segment * SEGMENT_ENTRIES + u64::from(place & !PERSISTENT),
            message: MessageId(number(12, 18)),
            is_persistent: place & PERSISTENT != 0,
            stored,
            body_bytes: number(20, 24) as u32,
            head_bytes: number(24, 26) as u16,
            expires: match number(26, 32) {
                0 => Time::NEVER,
                micros => Time::from_micros(micros),
            },
        }
    }
}

/// Writes that a message was acknowledged.
pub fn encode_acknowledged(seq: u64, into: &mut impl BufMut) {
    let mut bytes = [0; ENTRY_BYTES];
    let mut rest = &mut bytes[..];
    rest.put_u8(ACKNOWLEDGED);
    rest.put_u16((seq % SEGMENT_ENTRIES) as u16);
    seal(&mut bytes);
    into.put_slice(&bytes);
}

/// The messages that an index file holds and that are not acknowledged, in their order. What is
/// torn or spoilt at its end is left out.
pub fn parse(segment: u64, file: &[u8]) -> Vec<Entry> {
    let mut live = BTreeMap::new();
    let entries = file.get(HEADER_BYTES as usize..).unwrap_or_default();
    for bytes in entries.chunks_exact(ENTRY_BYTES).filter(|bytes| is_sound(bytes)) {
        let entry = Entry::decode(segment, bytes);
        match bytes[0] {
            PUBLISHED => drop(live.insert(entry.seq, entry)),
            ACKNOWLEDGED => drop(live.remove(&entry.seq)),
            _ => {}
        }
    }
    live.into_values().collect()
}

fn check(bytes: &[u8]) -> [u8; 2] {
    let sum = crc32c::crc32c_append(crc32c::crc32c(&bytes[..18]), &bytes[20..]);
    (sum as u16).to_be_bytes()
}

fn seal(bytes: &mut [u8; ENTRY_BYTES]) {
    let check = check(bytes);
    bytes[18..20].copy_from_slice(&check);
}

fn is_sound(bytes: &[u8]) -> bool {
    bytes[18..20] == check(bytes)
}

/// The header of a file: four letters, the version, and the first and the end of its sequence ids.
pub fn file_header(magic: &[u8; 4], segment: u64, into: &mut impl BufMut) {
    into.put_slice(magic);
    into.put_u8(2);
    into.put_u64(segment * SEGMENT_ENTRIES);
    into.put_u64((segment + 1) * SEGMENT_ENTRIES);
    into.put_bytes(0, HEADER_BYTES as usize - 21);
}

// ---- messages in their stores ----

/// Bytes in front of a message in a store: its size, a flag, a check of 16 bits, a zero.
pub const STORE_ENTRY_HEADER_BYTES: u64 = 8;

/// Writes a message as it lies in a store.
pub fn encode_message(head: &[u8], body: &[u8], into: &mut impl BufMut) {
    encode_message_head(head, body, into);
    into.put_slice(body);
}

/// Writes all of a message that lies before its body.
pub fn encode_message_head(head: &[u8], body: &[u8], into: &mut impl BufMut) {
    let check = crc32c::crc32c_append(crc32c::crc32c(head), body) as u16;
    into.put_u32((head.len() + body.len()) as u32);
    into.put_u8(1);
    into.put_u16(check);
    into.put_u8(0);
    into.put_slice(head);
}

/// The bytes of a stored message without its entry header; `None` if they are not sound.
pub fn decode_message(stored: bytes::Bytes) -> Option<bytes::Bytes> {
    let header = stored.get(..STORE_ENTRY_HEADER_BYTES as usize)?;
    let (size, check) = (&header[..4], &header[5..7]);
    let message = stored.slice(STORE_ENTRY_HEADER_BYTES as usize..);
    let is_whole = *size == (message.len() as u32).to_be_bytes();
    let sum = crc32c::crc32c(&message) as u16;
    (is_whole && *check == sum.to_be_bytes()).then_some(message)
}
