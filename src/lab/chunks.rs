//! A long table in shared chunks: a clone copies a list of pointers, a change copies one chunk.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::rc::Rc;

/// Entries of one chunk: small enough that the first change after a clone is cheap, large enough
/// that ten million entries are a short list.
const CHUNK: usize = 4096;

/// A table indexed by number. What was never set is the default.
#[derive(Clone, Debug)]
pub struct Chunks<T> {
    chunks: Vec<Rc<Vec<T>>>,
    len: usize,
}

impl<T> Default for Chunks<T> {
    fn default() -> Chunks<T> {
        Chunks { chunks: Vec::new(), len: 0 }
    }
}

impl<T: Clone + Default> Chunks<T> {
    /// One more than the largest index that was set.
    pub fn len(&self) -> usize {
        self.len
    }

    /// True if nothing was ever set.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The entry at an index, if it lies within the table.
    pub fn get(&self, index: usize) -> Option<&T> {
        self.chunks.get(index / CHUNK)?.get(index % CHUNK).filter(|_| index < self.len)
    }

    /// The entry at an index, to be changed; the table grows as needed.
    pub fn entry(&mut self, index: usize) -> &mut T {
        while self.chunks.len() <= index / CHUNK {
            self.chunks.push(Rc::new(Vec::new()));
        }
        self.len = self.len.max(index + 1);
        let chunk = Rc::make_mut(&mut self.chunks[index / CHUNK]);
        if chunk.len() <= index % CHUNK {
            chunk.resize_with(index % CHUNK + 1, T::default);
        }
        &mut chunk[index % CHUNK]
    }

    /// Adds an entry at the end.
    pub fn push(&mut self, value: T) {
        *self.entry(self.len) = value;
    }

    /// All entries with their indexes, from an index on.
    pub fn iter_from(&self, from: usize) -> impl Iterator<Item = (usize, &T)> {
        let chunks = self.chunks.iter().enumerate().skip(from / CHUNK);
        chunks
            .flat_map(|(number, chunk)| {
                chunk.iter().enumerate().map(move |(i, value)| (number * CHUNK + i, value))
            })
            .skip_while(move |(index, _)| *index < from)
    }
}

impl<T: Serialize + Clone + Default> Serialize for Chunks<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let all: Vec<T> =
            (0..self.len).map(|index| self.get(index).cloned().unwrap_or_default()).collect();
        all.serialize(serializer)
    }
}

impl<'de, T: DeserializeOwned + Clone + Default> Deserialize<'de> for Chunks<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Chunks<T>, D::Error> {
        let mut chunks = Chunks::default();
        for value in Vec::<T>::deserialize(deserializer)? {
            chunks.push(value);
        }
        Ok(chunks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clone_keeps_its_content_when_the_original_changes() {
        let mut table: Chunks<u32> = Chunks::default();
        for value in 0..10_000 {
            table.push(value);
        }
        let clone = table.clone();
        *table.entry(5_000) = 7;
        assert_eq!(clone.get(5_000), Some(&5_000));
        assert_eq!(table.get(5_000), Some(&7));
        assert_eq!(table.iter_from(9_998).map(|(_, v)| *v).collect::<Vec<_>>(), [9_998, 9_999]);
    }

    #[test]
    fn what_was_never_set_is_the_default() {
        let mut table: Chunks<u8> = Chunks::default();
        *table.entry(4_097) = 1;
        assert_eq!(
            (table.get(4_096), table.get(4_097), table.get(4_098)),
            (Some(&0), Some(&1), None)
        );
        assert_eq!(table.get(0), None, "a chunk that was passed over holds nothing yet");
    }
}
