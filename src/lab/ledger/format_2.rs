//! The ledger as format 2 of manifests kept it: every entry of every table. It is only read.

use super::Ledger;
use super::side::{Reader, Side};
use crate::ordered::{BTreeMap, BTreeSet};
use serde::Deserialize;

/// The ledger of that time.
#[derive(Deserialize)]
pub struct Ledger2 {
    messages: Vec<(u16, u32)>,
    producers: Vec<String>,
    keys: Vec<String>,
    key_places: BTreeMap<String, u32>,
    kafka: Side2,
    rabbit: Side2,
    places: Vec<(u16, i64)>,
    partitions: Vec<(String, i32)>,
    is_replicated: bool,
    copies: Vec<u8>,
    in_hands: BTreeMap<String, BTreeSet<u64>>,
}

#[derive(Deserialize)]
struct Side2 {
    flags: Vec<u8>,
    counts: [u64; 8],
    readers: BTreeMap<String, Reader2>,
}

#[derive(Deserialize)]
struct Reader2 {
    times: Vec<u8>,
    youngest: BTreeMap<u32, u64>,
}

impl From<Side2> for Side {
    fn from(old: Side2) -> Side {
        let readers = old.readers.into_iter().map(|(name, reader)| {
            let times = reader.times.into_iter().collect();
            (name, Reader { times, youngest: reader.youngest })
        });
        Side {
            flags: old.flags.into_iter().collect(),
            counts: old.counts,
            readers: readers.collect(),
        }
    }
}

impl From<Ledger2> for Ledger {
    fn from(old: Ledger2) -> Ledger {
        Ledger {
            messages: old.messages.into_iter().collect(),
            producers: old.producers,
            keys: old.keys,
            key_places: old.key_places,
            kafka: old.kafka.into(),
            rabbit: old.rabbit.into(),
            places: old.places.into_iter().collect(),
            partitions: old.partitions,
            highest: Vec::new(),
            is_replicated: old.is_replicated,
            copies: old.copies.into_iter().collect(),
            in_hands: old.in_hands,
        }
    }
}
