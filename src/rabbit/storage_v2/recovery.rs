//! What a queue finds on its disk when the broker boots.
//!
//! Every index file is read. Persistent messages that are published, not acknowledged and whole in
//! their store come back, all of them in the tail; transient ones do not. After a clean stop the
//! `redelivered` flag of each is what it was; otherwise every message may have been delivered, and
//! is flagged.
//!
//! Simplified: the real broker reads every message back after an unclean stop and checks it; this
//! one checks the lengths of the files, and messages where a torn write can have ended.

use super::entry::{ENTRY_BYTES, Entry, HEADER_BYTES, SEGMENT_ENTRIES, Stored};
use super::message_store::MessageStore;
use super::tail::TailEntry;
use super::{Files, Storage, index_file, store_file};
use crate::ordered::{BTreeMap, BTreeSet};
use crate::rabbit::process::Out;
use crate::sim::{MessageId, Time};
use std::rc::Rc;

/// What became of the messages of a queue at boot.
#[derive(Clone, Debug, Default)]
pub struct Recovered {
    /// Still there: sequence id and number.
    pub messages: Vec<(u64, MessageId)>,
    /// Found on the disk, and not kept: transient, or not whole.
    pub dropped: Vec<MessageId>,
}

impl Storage {
    /// The storage of a level of a durable queue at boot, from what its index files say, and which
    /// of its messages are known to be spoilt. `next_deliver_seq` is known after a clean stop.
    pub fn recover(
        (name, level): (Rc<str>, u8),
        (index, spoilt): (BTreeMap<u64, Vec<Entry>>, &BTreeSet<u64>),
        next_deliver_seq: Option<u64>,
        message_store: &mut MessageStore,
        (now, out): (Time, &mut Out<'_>),
    ) -> (Storage, Recovered) {
        let mut storage = Storage::new(name, level, true, now);
        let mut recovered = Recovered::default();
        for (segment, entries) in index {
            let files = Files::of(&storage.directory, segment);
            storage.segments.entry(segment).or_default().files = Some(files);
            cut_torn_ends(&storage.directory, segment, out);
            for entry in entries {
                let is_whole = entry.place(&storage.directory).is_some_and(|(file, offset)| {
                    offset + entry.stored_bytes() <= out.files().len(&file)
                });
                storage.next_seq = storage.next_seq.max(entry.seq + 1);
                if is_whole && entry.is_persistent && !spoilt.contains(&entry.seq) {
                    recovered.messages.push((entry.seq, entry.message));
                    storage.take_back(entry, message_store);
                } else {
                    storage.buffer.acknowledge(entry.seq);
                    recovered.dropped.push(entry.message);
                }
            }
            storage.tail.forget_middle(u64::MAX);
        }
        storage.next_deliver_seq = next_deliver_seq.unwrap_or(storage.next_seq);
        storage.next_seq = storage.next_seq.max(storage.next_deliver_seq);
        let empty = storage.segments.iter().filter(|(_, segment)| segment.needed == 0);
        let empty: Vec<u64> = empty.map(|(number, _)| *number).collect();
        for segment in empty {
            storage.unneeded(segment, 0, out);
        }
        (storage, recovered)
    }

    fn take_back(&mut self, entry: Entry, message_store: &mut MessageStore) {
        self.segments.entry(entry.seq / SEGMENT_ENTRIES).or_default().needed += 1;
        if let Stored::Shared(shared) = entry.stored {
            message_store.refer(shared);
        }
        self.ready_bytes += u64::from(entry.body_bytes);
        self.tail.push(TailEntry { entry, key: None });
    }

    /// The number that tells which messages were delivered: kept over a clean stop.
    pub fn next_deliver_seq(&self) -> u64 {
        self.next_deliver_seq
    }
}

/// What is written next begins behind the last whole entry.
fn cut_torn_ends(directory: &str, segment: u64, out: &mut Out<'_>) {
    let (index, store) = (index_file(directory, segment), store_file(directory, segment));
    let len = out.files().len(&index);
    let entries = len.saturating_sub(HEADER_BYTES) / ENTRY_BYTES as u64;
    let whole = if len < HEADER_BYTES { 0 } else { HEADER_BYTES + entries * ENTRY_BYTES as u64 };
    if whole < len {
        out.truncate(&index, whole);
    }
    if out.files().len(&store) < HEADER_BYTES {
        out.delete(&store);
    }
}
