//! What a queue finds on its disk when the broker boots.
//!
//! Every index file is read. Persistent messages that are published, not acknowledged and whole in
//! their store come back, all of them in the tail; transient ones do not. After a clean stop the
//! `redelivered` flag of each is what it was; otherwise every message may have been delivered, and
//! is flagged.
//!
//! Simplified: the real broker reads every message back after an unclean stop and checks it; this
//! one checks the lengths of the files, and messages where a torn write can have ended.

use super::entry::{Entry, SEGMENT_ENTRIES, Stored, parse};
use super::message_store::{MessageStore, file_name};
use super::tail::TailEntry;
use super::{Storage, store_file};
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
    /// The storage of a durable queue at boot, from its index files in their order.
    /// `next_deliver_seq` is known after a clean stop.
    pub fn recover(
        name: Rc<str>,
        index_files: &[(u64, Vec<u8>)],
        next_deliver_seq: Option<u64>,
        message_store: &mut MessageStore,
        (now, out): (Time, &mut Out<'_>),
    ) -> (Storage, Recovered) {
        let mut storage = Storage::new(name, true, now);
        let mut recovered = Recovered::default();
        for (segment, bytes) in index_files {
            storage.segments.entry(*segment).or_default().has_files = true;
            let store_len = out.files().len(&store_file(&storage.directory, *segment));
            for entry in parse(*segment, bytes) {
                let written = match entry.stored {
                    Stored::No => false,
                    Stored::Queue { offset } => {
                        u64::from(offset) + entry.stored_bytes() <= store_len
                    }
                    Stored::Shared(shared) => {
                        let len = out.files().len(&file_name(shared.file));
                        u64::from(shared.offset) + entry.stored_bytes() <= len
                    }
                };
                storage.next_seq = storage.next_seq.max(entry.seq + 1);
                if written && entry.is_persistent {
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
