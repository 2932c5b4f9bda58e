//! Compaction: of each key the last record is left, at its old offset.
//!
//! The log is a clean part and a dirty part. First the dirty part is read into a map, key -> last
//! offset ([`OffsetMap`]); then all segments up to the end of the map are copied, without the
//! records that a later one of their key has overtaken ([`clean_batch`]). A record without a value,
//! a tombstone, stays for `delete.retention.ms` from the first cleaning that keeps it (KIP-534), so
//! that every consumer can learn that the key is gone.
//! The broker's cleaner (`broker/cleaner.rs`) reads and writes by these rules.

use crate::kafka::record::builder::{BatchBuilder, DELETE_HORIZON, Fields};
use crate::kafka::record::{BatchHeader, Record, Records};
use crate::ordered::BTreeMap;
use bytes::Bytes;

/// The last offset of each key of the dirty part. Simplified: keys themselves are kept where the
/// real map keeps their MD5.
#[derive(Clone, Debug, Default)]
pub struct OffsetMap {
    offsets: BTreeMap<Bytes, i64>,
    capacity: usize,
    /// The last offset that was looked at; -1 before the first.
    latest: i64,
}

/// Room of the real map: 128 MiB, 24 bytes an entry, filled to nine tenths.
pub const MAP_CAPACITY: usize = (128 << 20) / 24 * 9 / 10;

impl OffsetMap {
    /// An empty map with room for so many keys.
    pub fn new(capacity: usize) -> OffsetMap {
        OffsetMap { offsets: BTreeMap::new(), capacity, latest: -1 }
    }

    /// Takes the records of a batch from an offset on; false if the map is full.
    pub fn take(&mut self, header: &BatchHeader, batch: &Bytes, from: i64) -> bool {
        for record in Records::of(batch).into_iter().flatten().filter(|r| r.offset >= from) {
            if let Some(key) = record.key.filter(|_| !header.is_control()) {
                if self.offsets.len() >= self.capacity {
                    return false;
                }
                self.offsets.insert(Bytes::copy_from_slice(key), record.offset);
            }
            self.latest = record.offset;
        }
        self.latest = self.latest.max(header.last_offset());
        true
    }

    /// Passes over a batch of an aborted transaction: it says nothing of its keys.
    pub fn pass(&mut self, header: &BatchHeader) -> bool {
        self.latest = self.latest.max(header.last_offset());
        true
    }

    /// Where the next cleaning begins: behind what the map has seen.
    pub fn end(&self) -> i64 {
        self.latest + 1
    }

    /// True if a record stays in a batch whose tombstones have this horizon.
    fn retains(&self, record: &Record<'_>, horizon: Option<i64>, now_ms: i64) -> bool {
        if record.offset > self.latest {
            return true;
        }
        // Without a key nothing can be said of it.
        let Some(key) = record.key else { return false };
        let is_last = self.offsets.get(key).is_none_or(|last| record.offset >= *last);
        let is_kept = record.value.is_some() || horizon.is_none_or(|horizon| horizon > now_ms);
        is_last && is_kept
    }
}

/// What is left of a batch: all of it, some of it, or nothing. `is_last_of_producer` keeps a batch
/// without records, so that its producer stays known.
pub fn clean_batch(
    map: &OffsetMap,
    header: &BatchHeader,
    batch: &Bytes,
    (now_ms, delete_retention_ms): (i64, u64),
    is_last_of_producer: bool,
) -> Option<Bytes> {
    if header.is_control() || header.base_offset > map.latest {
        return Some(batch.clone());
    }
    let has_horizon = header.attributes & DELETE_HORIZON != 0;
    let horizon = has_horizon.then_some(header.base_timestamp);
    let records: Vec<Record<'_>> = Records::of(batch).into_iter().flatten().collect();
    let kept: Vec<&Record<'_>> =
        records.iter().filter(|record| map.retains(record, horizon, now_ms)).collect();
    let has_tombstone = kept.iter().any(|record| record.value.is_none());
    let fresh = (has_tombstone && !has_horizon)
        .then_some(now_ms.saturating_add_unsigned(delete_retention_ms));
    if kept.len() == records.len() && fresh.is_none() && !kept.is_empty() {
        return Some(batch.clone());
    }
    if kept.is_empty() && !is_last_of_producer {
        return None;
    }
    let mut builder = BatchBuilder::cleaned(header, fresh);
    for record in kept {
        let headers: Vec<(Vec<u8>, Option<&[u8]>)> =
            record.headers().map(|(name, value)| (name.to_vec(), value)).collect();
        let named = headers
            .iter()
            .filter_map(|(name, value)| std::str::from_utf8(name).ok().map(|name| (name, *value)));
        let named: Vec<_> = named.collect();
        let fields = Fields { key: record.key, value: record.value, headers: &named };
        builder.push_at(record.offset_delta, record.timestamp, &fields);
    }
    Some(builder.close_as(header))
}

/// What is left of a batch of an aborted transaction: no record. Simplified: markers stay for good,
/// where the real cleaner removes them some time after the last record of their transaction.
pub fn clean_aborted(
    map: &OffsetMap,
    header: &BatchHeader,
    batch: &Bytes,
    is_last_of_producer: bool,
) -> Option<Bytes> {
    if header.last_offset() > map.latest {
        return Some(batch.clone());
    }
    let empty = BatchBuilder::cleaned(header, None);
    is_last_of_producer.then(|| empty.close_as(header))
}

/// True if so large a part of a log is dirty that it is worth a cleaning: strictly more than the
/// ratio, which is given in millionths.
pub fn is_worth_cleaning(clean_bytes: u64, cleanable_bytes: u64, ratio_millionths: u64) -> bool {
    let all = u128::from(clean_bytes) + u128::from(cleanable_bytes);
    u128::from(cleanable_bytes) * 1_000_000 > all * u128::from(ratio_millionths)
}
