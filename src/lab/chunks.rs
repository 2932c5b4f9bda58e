//! A long table in shared chunks: a clone copies a list of pointers, a change copies one chunk.
//!
//! Ten million messages have to fit into a browser's tab. Most of what is noted of them is regular:
//! the same flags for all, instants at even distances, offsets one after the other. So a chunk that
//! was not changed lately is kept as runs, each of them a value and the step from one to the next.

use serde::de::{DeserializeOwned, Error};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::VecDeque;
use std::rc::Rc;

/// Entries of one chunk: small enough that the first change after a clone is cheap, large enough
/// that ten million entries are a short list.
const CHUNK: usize = 4096;

/// So many chunks are kept entry by entry, those that were changed last.
const LOOSE_MAX: usize = 8;

/// An entry of a table: how one may follow from another.
pub trait Entry: Copy + Default + PartialEq {
    /// The step from this entry to the next one, if there is a rule.
    fn step_to(self, next: Self) -> Option<i64>;
    /// The entry so many steps on.
    fn after(self, step: i64, times: usize) -> Self;
}

/// Entries that are the same or are not.
macro_rules! same_or_not {
    ($($entry:ty),*) => {$(
        impl Entry for $entry {
            fn step_to(self, next: Self) -> Option<i64> {
                (self == next).then_some(0)
            }

            fn after(self, _step: i64, _times: usize) -> Self {
                self
            }
        }
    )*};
}

same_or_not!(u8, (u16, u32));

impl Entry for u64 {
    fn step_to(self, next: u64) -> Option<i64> {
        Some(next.wrapping_sub(self) as i64)
    }

    fn after(self, step: i64, times: usize) -> u64 {
        self.wrapping_add((step as u64).wrapping_mul(times as u64))
    }
}

/// A place in one of several rows.
impl Entry for (u16, i64) {
    fn step_to(self, next: Self) -> Option<i64> {
        (self.0 == next.0).then(|| next.1.wrapping_sub(self.1))
    }

    fn after(self, step: i64, times: usize) -> Self {
        (self.0, self.1.wrapping_add(step.wrapping_mul(times as i64)))
    }
}

/// Entries one after the other that follow from the first.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
struct Run<T> {
    /// How many.
    len: u64,
    first: T,
    step: i64,
}

impl<T: Entry> Run<T> {
    fn of(first: T) -> Run<T> {
        Run { len: 1, first, step: 0 }
    }

    /// Takes the next entry in, if it follows.
    fn takes(&mut self, next: T) -> bool {
        let Some(step) = self.at(self.len as usize - 1).step_to(next) else { return false };
        if self.len > 1 && step != self.step {
            return false;
        }
        self.step = step;
        self.len += 1;
        true
    }

    fn at(&self, index: usize) -> T {
        self.first.after(self.step, index)
    }
}

/// No table that was saved is longer; what claims to be is damaged.
const SAVED_MAX: u64 = 1 << 27;

/// Adds an entry at the end of the last run, or as a run of its own.
fn add<T: Entry>(runs: &mut Vec<Run<T>>, next: T) {
    if !runs.last_mut().is_some_and(|run| run.takes(next)) {
        runs.push(Run::of(next));
    }
}

#[derive(Clone, Debug)]
enum Chunk<T> {
    Loose(Vec<T>),
    Runs(Vec<Run<T>>),
}

impl<T: Entry> Chunk<T> {
    /// A chunk that was saved as runs.
    fn of(runs: Vec<Run<T>>) -> Rc<Chunk<T>> {
        let entries: usize = runs.iter().map(|run| run.len as usize).sum();
        let is_small = runs.len() <= Self::runs_max(entries);
        let mut chunk = Chunk::Runs(runs);
        if !is_small {
            chunk.loosened();
        }
        Rc::new(chunk)
    }

    /// Runs are worth it if there are at most so many for so many entries.
    fn runs_max(entries: usize) -> usize {
        entries * size_of::<T>() / size_of::<Run<T>>() / 2
    }

    fn get(&self, index: usize) -> Option<T> {
        match self {
            Chunk::Loose(entries) => entries.get(index).copied(),
            Chunk::Runs(runs) => {
                let mut index = index;
                for run in runs {
                    match index.checked_sub(run.len as usize) {
                        None => return Some(run.at(index)),
                        Some(rest) => index = rest,
                    }
                }
                None
            }
        }
    }

    fn loosened(&mut self) -> &mut Vec<T> {
        if let Chunk::Runs(runs) = self {
            let entries = runs.iter().flat_map(|run| (0..run.len as usize).map(|at| run.at(at)));
            *self = Chunk::Loose(entries.collect());
        }
        match self {
            Chunk::Loose(entries) => entries,
            Chunk::Runs(_) => unreachable!("it was just loosened"),
        }
    }

    /// The same as runs, if that is much smaller.
    fn packed(&self) -> Option<Chunk<T>> {
        let Chunk::Loose(entries) = self else { return None };
        let runs_max = Self::runs_max(entries.len());
        let mut runs = Vec::new();
        for entry in entries {
            add(&mut runs, *entry);
            if runs.len() > runs_max {
                return None;
            }
        }
        runs.shrink_to_fit();
        Some(Chunk::Runs(runs))
    }
}

/// A table indexed by number. What was never set is the default.
#[derive(Clone, Debug)]
pub struct Chunks<T> {
    chunks: Vec<Rc<Chunk<T>>>,
    len: usize,
    /// Chunks that are kept entry by entry until others are changed.
    loose: VecDeque<usize>,
}

impl<T> Default for Chunks<T> {
    fn default() -> Chunks<T> {
        Chunks { chunks: Vec::new(), len: 0, loose: VecDeque::new() }
    }
}

impl<T: Entry> Chunks<T> {
    /// One more than the largest index that was set.
    pub fn len(&self) -> usize {
        self.len
    }

    /// True if nothing was ever set.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The entry at an index, if it lies within the table.
    pub fn get(&self, index: usize) -> Option<T> {
        self.chunks.get(index / CHUNK)?.get(index % CHUNK).filter(|_| index < self.len)
    }

    /// The entry at an index, to be changed; the table grows as needed.
    pub fn entry(&mut self, index: usize) -> &mut T {
        let number = index / CHUNK;
        while self.chunks.len() <= number {
            self.chunks.push(Rc::new(Chunk::Loose(Vec::new())));
        }
        self.len = self.len.max(index + 1);
        if self.loose.back() != Some(&number) && !self.loose.contains(&number) {
            self.loose.push_back(number);
            if self.loose.len() > LOOSE_MAX {
                self.pack_oldest();
            }
        }
        let entries = Rc::make_mut(&mut self.chunks[number]).loosened();
        if entries.len() <= index % CHUNK {
            entries.resize_with(index % CHUNK + 1, T::default);
        }
        &mut entries[index % CHUNK]
    }

    fn pack_oldest(&mut self) {
        let Some(oldest) = self.loose.pop_front() else { return };
        if let Some(packed) = self.chunks[oldest].packed() {
            self.chunks[oldest] = Rc::new(packed);
        }
    }

    /// Packs all chunks: for a clone that is put aside.
    pub fn pack(&mut self) {
        while !self.loose.is_empty() {
            self.pack_oldest();
        }
    }

    /// Adds an entry at the end.
    pub fn push(&mut self, value: T) {
        *self.entry(self.len) = value;
    }

    /// All entries with their indexes, from an index on.
    pub fn iter_from(&self, from: usize) -> impl Iterator<Item = (usize, T)> {
        let chunks = self.chunks.iter().enumerate().skip(from / CHUNK);
        let runs = chunks.flat_map(|(number, chunk)| {
            let (loose, runs) = match &**chunk {
                Chunk::Loose(entries) => (&entries[..], &[][..]),
                Chunk::Runs(runs) => (&[][..], &runs[..]),
            };
            let loose = loose.iter().copied();
            let runs = runs.iter().flat_map(|run| (0..run.len as usize).map(|at| run.at(at)));
            loose.chain(runs).enumerate().map(move |(i, value)| (number * CHUNK + i, value))
        });
        runs.skip_while(move |(index, _)| *index < from)
    }

    /// The whole table as runs; a chunk that was passed over holds defaults.
    fn runs(&self) -> Vec<Run<T>> {
        let mut runs = Vec::new();
        for (number, chunk) in self.chunks.iter().enumerate() {
            let len = CHUNK.min(self.len - number * CHUNK);
            let mut noted = 0;
            match &**chunk {
                Chunk::Loose(entries) => {
                    entries.iter().for_each(|entry| add(&mut runs, *entry));
                    noted = entries.len();
                }
                Chunk::Runs(own) => {
                    noted += own.iter().map(|run| run.len as usize).sum::<usize>();
                    runs.extend(own);
                }
            }
            if noted < len {
                runs.push(Run { len: (len - noted) as u64, first: T::default(), step: 0 });
            }
        }
        runs
    }
}

impl<T: Serialize + Entry> Serialize for Chunks<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.runs().serialize(serializer)
    }
}

impl Chunks<u8> {
    /// All entries in order, those that are the same together: each with how many there are.
    pub fn rows(&self) -> impl Iterator<Item = (u8, u64)> {
        self.chunks.iter().flat_map(|chunk| {
            let (loose, runs) = match &**chunk {
                Chunk::Loose(entries) => (&entries[..], &[][..]),
                Chunk::Runs(runs) => (&[][..], &runs[..]),
            };
            let runs = runs.iter().map(|run| (run.first, run.len));
            loose.iter().map(|entry| (*entry, 1)).chain(runs)
        })
    }
}

impl<'de, T: DeserializeOwned + Entry> Deserialize<'de> for Chunks<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Chunks<T>, D::Error> {
        let mut chunks = Chunks::default();
        let mut open = Vec::new();
        for run in Vec::<Run<T>>::deserialize(deserializer)? {
            if run.len > SAVED_MAX - chunks.len as u64 {
                let len = run.len;
                return Err(D::Error::custom(format!(
                    "a run of {len} entries, at most {SAVED_MAX}"
                )));
            }
            let mut taken = 0;
            while taken < run.len as usize {
                let len = (CHUNK - chunks.len % CHUNK).min(run.len as usize - taken);
                open.push(Run { len: len as u64, first: run.at(taken), step: run.step });
                (taken, chunks.len) = (taken + len, chunks.len + len);
                if chunks.len.is_multiple_of(CHUNK) {
                    chunks.chunks.push(Chunk::of(std::mem::take(&mut open)));
                }
            }
        }
        if !open.is_empty() {
            chunks.chunks.push(Chunk::of(open));
        }
        Ok(chunks)
    }
}

impl<T: Entry> FromIterator<T> for Chunks<T> {
    fn from_iter<I: IntoIterator<Item = T>>(entries: I) -> Chunks<T> {
        let mut chunks = Chunks::default();
        entries.into_iter().for_each(|entry| chunks.push(entry));
        chunks
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_packed<T>(table: &Chunks<T>, chunk: usize) -> bool {
        matches!(*table.chunks[chunk], Chunk::Runs(_))
    }

    #[test]
    fn a_clone_keeps_its_content_when_the_original_changes() {
        let mut table: Chunks<u64> = (0..10_000).collect();
        let clone = table.clone();
        *table.entry(5_000) = 7;
        assert_eq!(clone.get(5_000), Some(5_000));
        assert_eq!(table.get(5_000), Some(7));
        assert_eq!(table.iter_from(9_998).collect::<Vec<_>>(), [(9_998, 9_998), (9_999, 9_999)]);
    }

    #[test]
    fn what_was_never_set_is_the_default() {
        let mut table: Chunks<u8> = Chunks::default();
        *table.entry(4_097) = 1;
        assert_eq!(
            (table.get(4_096), table.get(4_097), table.get(4_098)),
            (Some(0), Some(1), None)
        );
        assert_eq!(table.get(0), None, "a chunk that was passed over holds nothing yet");
        let saved: Chunks<u8> =
            postcard::from_bytes(&postcard::to_stdvec(&table).unwrap()).unwrap();
        assert_eq!((saved.get(0), saved.get(4_097), saved.len()), (Some(0), Some(1), 4_098));
    }

    #[test]
    fn what_is_regular_becomes_runs_and_reads_the_same() {
        // Rows of 500 places each, three rows in turn: what a producer's batches make.
        let place = |i: u64| (((i / 500) % 3) as u16, ((i / 1_500) * 500 + i % 500) as i64);
        let count = (LOOSE_MAX as u64 + 4) * CHUNK as u64;
        let mut table: Chunks<(u16, i64)> = (0..count).map(place).collect();
        assert!(is_packed(&table, 0) && !is_packed(&table, LOOSE_MAX + 3));
        let Chunk::Runs(runs) = &*table.chunks[0] else { panic!("it is packed") };
        assert!(runs.len() <= CHUNK / 500 + 2, "{} runs", runs.len());
        assert!((0..count).all(|i| table.get(i as usize) == Some(place(i))));
        let mut aside = table.clone();
        aside.pack();
        assert!(is_packed(&aside, LOOSE_MAX + 3) && !is_packed(&table, LOOSE_MAX + 3));
        assert!(aside.iter_from(0).eq(table.iter_from(0)));
        let listed = table.iter_from(700).take(2_000);
        assert!(listed.zip(700..).all(|((at, entry), i)| at as u64 == i && entry == place(i)));
        *table.entry(1_000) = (9, 9);
        assert!(!is_packed(&table, 0) && is_packed(&table, 4), "the oldest made room");
        assert_eq!((table.get(999), table.get(1_000)), (Some(place(999)), Some((9, 9))));
        let saved: Chunks<(u16, i64)> =
            postcard::from_bytes(&postcard::to_stdvec(&table).unwrap()).unwrap();
        assert!(saved.iter_from(0).eq(table.iter_from(0)));
    }

    #[test]
    fn what_is_irregular_stays_as_it_is() {
        let entry = |i: u64| (0, (i.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40) as u32);
        let count = (LOOSE_MAX as u64 + 2) * CHUNK as u64;
        let table: Chunks<(u16, u32)> = (0..count).map(entry).collect();
        assert!(!is_packed(&table, 0));
        assert!((0..count).all(|i| table.get(i as usize) == Some(entry(i))));
        let saved: Chunks<(u16, u32)> =
            postcard::from_bytes(&postcard::to_stdvec(&table).unwrap()).unwrap();
        assert!(!is_packed(&saved, 0) && saved.iter_from(0).eq(table.iter_from(0)));
    }
}
