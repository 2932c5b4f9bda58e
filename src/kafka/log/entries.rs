//! A list that grows at its end, and whose clones share all but its end: the indexes of a segment
//! of a gigabyte have some hundred thousand entries, and each checkpoint of a lab is a clone.

use std::rc::Rc;

/// Entries that are shared at once.
const CHUNK: usize = 512;

/// The list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entries<T> {
    full: Vec<Rc<Vec<T>>>,
    end: Vec<T>,
}

impl<T> Default for Entries<T> {
    fn default() -> Entries<T> {
        Entries { full: Vec::new(), end: Vec::new() }
    }
}

impl<T: Copy> Entries<T> {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.full.len() * CHUNK + self.end.len()
    }

    /// The entry at a place.
    pub fn get(&self, at: usize) -> Option<T> {
        match self.full.get(at / CHUNK) {
            Some(chunk) => chunk.get(at % CHUNK).copied(),
            None => self.end.get(at - self.full.len() * CHUNK).copied(),
        }
    }

    /// The last entry.
    pub fn last(&self) -> Option<T> {
        self.len().checked_sub(1).and_then(|last| self.get(last))
    }

    /// Adds an entry.
    pub fn push(&mut self, entry: T) {
        self.end.push(entry);
        if self.end.len() == CHUNK {
            self.full.push(Rc::new(std::mem::take(&mut self.end)));
        }
    }

    /// Keeps the first so many.
    pub fn truncate(&mut self, len: usize) {
        if let Some(chunk) = self.full.get(len / CHUNK) {
            self.end = chunk[..len % CHUNK].to_vec();
            self.full.truncate(len / CHUNK);
        } else {
            self.end.truncate(len - self.full.len() * CHUNK);
        }
    }

    /// How many at the beginning satisfy the predicate, which no later one does.
    pub fn partition_point(&self, holds: impl Fn(&T) -> bool) -> usize {
        let full = self.full.partition_point(|chunk| holds(&chunk[CHUNK - 1]));
        let chunk = self.full.get(full).map_or(&self.end, |chunk| chunk);
        full * CHUNK + chunk.partition_point(holds)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.full.iter().flat_map(|chunk| chunk.iter()).chain(&self.end)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_a_list() {
        for len in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK] {
            let mut entries = Entries::default();
            (0..len).for_each(|value| entries.push(2 * value));
            assert_eq!(entries.len(), len);
            assert!(entries.iter().copied().eq((0..len).map(|value| 2 * value)));
            assert_eq!(entries.last(), len.checked_sub(1).map(|last| 2 * last));
            assert_eq!(entries.get(len), None);
            for kept in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK] {
                let below = entries.partition_point(|value| *value < 2 * kept);
                assert_eq!(below, kept.min(len), "of {len} entries below {kept}");
                let mut cut = entries.clone();
                cut.truncate(kept.min(len));
                assert!(cut.iter().copied().eq((0..kept.min(len)).map(|value| 2 * value)));
            }
        }
    }
}
