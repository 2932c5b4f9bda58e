//! Transactions in a log: markers, which of its records were aborted, and up to where all is
//! decided.
//!
//! A transaction's records lie in the log among others as soon as they are sent. It is open from
//! its first record on until its **marker**: a control batch that the transaction coordinator has
//! the leader append. Where an abort marker stands, the segment's `.txnindex` notes which stretch
//! of which producer is void; a consumer with `isolation.level=read_committed` is told of those
//! and drops them itself. It reads only below the **last stable offset**: the first record of the
//! first transaction that is open, or whose marker is not committed yet; the high watermark if
//! there is none (`ProducerStateManager.firstUnstableOffset`).
//!
//! Simplified: the file is written when its segment is closed and made anew from the log after a
//! crash, as the other indexes are; the real one is appended to.

use super::partition_log::Log;
use super::producers::ProducerStates;
use super::segment::Segment;
use crate::kafka::record::{BatchHeader, Records};
use bytes::{BufMut, Bytes, BytesMut};

/// What a marker says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Marker {
    /// True if the transaction is committed, false if it is aborted.
    pub commits: bool,
    /// The leader epoch of the coordinator that had it written.
    pub coordinator_epoch: i32,
}

impl Marker {
    /// The key of its record: version, and 0 for an abort, 1 for a commit.
    pub fn key(self) -> [u8; 4] {
        [0, 0, 0, u8::from(self.commits)]
    }

    /// The value of its record: version and epoch of the coordinator.
    pub fn value(self) -> [u8; 6] {
        let [a, b, c, d] = self.coordinator_epoch.to_be_bytes();
        [0, 0, a, b, c, d]
    }

    /// The marker in a control batch.
    pub fn of(batch: &Bytes) -> Option<Marker> {
        let record = Records::of(batch)?.next()?;
        let key: [u8; 4] = record.key?.get(..4)?.try_into().ok()?;
        let epoch: [u8; 4] = record.value?.get(2..6)?.try_into().ok()?;
        let commits = match i16::from_be_bytes([key[2], key[3]]) {
            0 => false,
            1 => true,
            _ => return None,
        };
        Some(Marker { commits, coordinator_epoch: i32::from_be_bytes(epoch) })
    }
}

/// A stretch of a log in which the records of one producer are void.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Aborted {
    /// Whose.
    pub producer_id: i64,
    /// Its first record.
    pub first_offset: i64,
    /// The abort marker.
    pub last_offset: i64,
    /// The last stable offset right behind the marker.
    pub last_stable: i64,
}

/// Bytes of an entry of a `.txnindex`: version, producer id, three offsets.
const ENTRY_BYTES: usize = 34;

/// The content of a `.txnindex`.
pub fn encode(aborted: &[Aborted]) -> Bytes {
    let mut out = BytesMut::with_capacity(aborted.len() * ENTRY_BYTES);
    for entry in aborted {
        out.put_i16(0);
        out.put_i64(entry.producer_id);
        out.put_i64(entry.first_offset);
        out.put_i64(entry.last_offset);
        out.put_i64(entry.last_stable);
    }
    out.freeze()
}

/// Reads a `.txnindex`; what is no whole entry is left out.
pub fn decode(bytes: &[u8]) -> Vec<Aborted> {
    let entries = bytes.chunks_exact(ENTRY_BYTES).map(|entry| {
        let long = |at: usize| i64::from_be_bytes(entry[at..at + 8].try_into().expect("8"));
        Aborted {
            producer_id: long(2),
            first_offset: long(10),
            last_offset: long(18),
            last_stable: long(26),
        }
    });
    entries.collect()
}

/// Notes a batch that lies in a segment: who sent it, and what became of a transaction.
pub fn note(
    producers: &mut ProducerStates,
    segment: &mut Segment,
    header: &BatchHeader,
    batch: &Bytes,
) {
    if !header.is_control() {
        return producers.appended(header);
    }
    let Some(marker) = Marker::of(batch) else { return };
    let first = producers.ended(header, marker.coordinator_epoch);
    if let Some(first_offset) = first.filter(|_| !marker.commits) {
        let last_offset = header.last_offset();
        let last_stable = producers.first_open().unwrap_or(last_offset + 1);
        let producer_id = header.producer_id;
        segment.aborted.push(Aborted { producer_id, first_offset, last_offset, last_stable });
    }
}

impl Log {
    /// Up to where all is decided, with this high watermark.
    pub fn last_stable(&self, high_watermark: i64) -> i64 {
        self.producers.first_unstable(high_watermark).map_or(high_watermark, |first| {
            // What lies before the log start was deleted with it.
            first.clamp(self.log_start().min(high_watermark), high_watermark)
        })
    }

    /// The aborted stretches that touch the offsets from `from` on and before `to`.
    pub fn aborted_between(&self, from: i64, to: i64) -> Vec<Aborted> {
        let mut found = Vec::new();
        // A stretch is noted where it ends, which may be in a later segment.
        for segment in self.segments() {
            let touches = |a: &&Aborted| a.last_offset >= from && a.first_offset < to;
            found.extend(segment.aborted.iter().filter(touches));
        }
        found
    }

    /// True if a batch belongs to an aborted transaction.
    pub fn is_aborted(&self, header: &BatchHeader) -> bool {
        header.is_transactional()
            && !header.is_control()
            && self.segments().any(|segment| {
                segment.aborted.iter().any(|aborted| {
                    aborted.producer_id == header.producer_id
                        && aborted.first_offset <= header.base_offset
                        && header.base_offset <= aborted.last_offset
                })
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_entry_has_34_bytes() {
        // AbortedTxn.java: version 2, producer id 8, first, last and last stable offset 8 each.
        let entry = Aborted { producer_id: 5, first_offset: 10, last_offset: 20, last_stable: 15 };
        let bytes = encode(&[entry, entry]);
        assert_eq!(bytes.len(), 2 * 34);
        assert_eq!(bytes[..10], [0, 0, 0, 0, 0, 0, 0, 0, 0, 5]);
        assert_eq!(bytes[26..34], [0, 0, 0, 0, 0, 0, 0, 15]);
        assert_eq!(decode(&bytes), [entry, entry]);
        assert_eq!(decode(&bytes[..40]), [entry], "a torn entry is none");
    }

    #[test]
    fn a_marker_is_two_numbers_in_the_key_and_two_in_the_value() {
        let marker = Marker { commits: true, coordinator_epoch: 258 };
        assert_eq!(marker.key(), [0, 0, 0, 1]);
        assert_eq!(marker.value(), [0, 0, 0, 0, 1, 2]);
    }
}
