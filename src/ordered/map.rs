//! The map.

use super::iter::{IntoIter, Iter, IterMut};
use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt;
use std::ops::{Bound, Index, RangeBounds};

/// Entries of a leaf at most.
const LEAF: usize = 32;

/// A map in key order, as `std::collections::BTreeMap`.
#[derive(Clone)]
pub struct BTreeMap<K, V> {
    /// Sorted leaves; none of those from `front` on is empty, those before it all are.
    leaves: Vec<Vec<(K, V)>>,
    front: usize,
    len: usize,
}

/// Where an entry is, or where it would be.
#[derive(Clone, Copy)]
struct Place {
    leaf: usize,
    at: usize,
    found: bool,
}

impl<K, V> BTreeMap<K, V> {
    /// An empty map.
    pub const fn new() -> Self {
        BTreeMap { leaves: Vec::new(), front: 0, len: 0 }
    }

    /// The number of entries.
    pub fn len(&self) -> usize {
        self.len
    }

    /// True without entries.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Removes all entries.
    pub fn clear(&mut self) {
        *self = Self::new();
    }

    /// All entries in key order.
    pub fn iter(&self) -> Iter<'_, K, V> {
        Iter::of(&self.leaves)
    }

    /// All entries in key order, the values to be changed.
    pub fn iter_mut(&mut self) -> IterMut<'_, K, V> {
        IterMut::of(&mut self.leaves)
    }

    /// All keys in order.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &K> + Clone {
        self.iter().map(|(key, _)| key)
    }

    /// All values in the order of their keys.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &V> + Clone {
        self.iter().map(|(_, value)| value)
    }

    /// All values in the order of their keys, to be changed.
    pub fn values_mut(&mut self) -> impl DoubleEndedIterator<Item = &mut V> {
        self.iter_mut().map(|(_, value)| value)
    }

    /// All keys in order.
    pub fn into_keys(self) -> impl DoubleEndedIterator<Item = K> {
        self.into_iter().map(|(key, _)| key)
    }

    /// All values in the order of their keys.
    pub fn into_values(self) -> impl DoubleEndedIterator<Item = V> {
        self.into_iter().map(|(_, value)| value)
    }

    /// The entry with the smallest key.
    pub fn first_key_value(&self) -> Option<(&K, &V)> {
        let (key, value) = self.leaves.get(self.front)?.first()?;
        Some((key, value))
    }

    /// The entry with the smallest key, the value to be changed.
    pub fn first_entry(&mut self) -> Option<(&K, &mut V)> {
        let (key, value) = self.leaves.get_mut(self.front)?.first_mut()?;
        Some((key, value))
    }

    /// The entry with the greatest key.
    pub fn last_key_value(&self) -> Option<(&K, &V)> {
        let (key, value) = self.leaves.last()?.last()?;
        Some((key, value))
    }

    /// Removes the entry with the smallest key.
    pub fn pop_first(&mut self) -> Option<(K, V)> {
        (self.len > 0).then(|| self.take(self.front, 0))
    }

    /// Removes the entry with the greatest key.
    pub fn pop_last(&mut self) -> Option<(K, V)> {
        let leaf = self.leaves.len().checked_sub(1)?;
        (self.len > 0).then(|| self.take(leaf, self.leaves[leaf].len() - 1))
    }

    /// Keeps the entries of which `keep` says so.
    pub fn retain(&mut self, mut keep: impl FnMut(&K, &mut V) -> bool) {
        let mut len = 0;
        self.leaves.drain(..self.front);
        self.front = 0;
        self.leaves.retain_mut(|leaf| {
            leaf.retain_mut(|(key, value)| keep(key, value));
            len += leaf.len();
            !leaf.is_empty()
        });
        self.len = len;
    }

    fn take(&mut self, leaf: usize, at: usize) -> (K, V) {
        let entry = self.leaves[leaf].remove(at);
        self.len -= 1;
        if self.leaves[leaf].is_empty() {
            self.unlink(leaf);
        }
        entry
    }

    /// Takes an empty leaf out of the list. Those at the front stay until they are half of it.
    fn unlink(&mut self, leaf: usize) {
        if leaf != self.front {
            self.leaves.remove(leaf);
            return;
        }
        self.leaves[leaf] = Vec::new();
        self.front += 1;
        if self.front * 2 >= self.leaves.len() {
            self.leaves.drain(..self.front);
            self.front = 0;
        }
    }

    /// Puts an entry where it belongs.
    fn put(&mut self, place: Place, key: K, value: V) -> Place {
        let Place { mut leaf, mut at, .. } = place;
        if leaf == self.leaves.len() {
            self.leaves.push(Vec::new());
        } else if self.leaves[leaf].len() == LEAF {
            // What is appended leaves full leaves behind.
            let cut = if leaf + 1 == self.leaves.len() && at == LEAF { LEAF } else { LEAF / 2 };
            let mut upper = Vec::with_capacity(LEAF);
            upper.extend(self.leaves[leaf].drain(cut..));
            self.leaves.insert(leaf + 1, upper);
            if at >= cut {
                (leaf, at) = (leaf + 1, at - cut);
            }
        }
        self.leaves[leaf].insert(at, (key, value));
        self.len += 1;
        Place { leaf, at, found: true }
    }
}

impl<K: Ord, V> BTreeMap<K, V> {
    fn place<Q: Ord + ?Sized>(&self, key: &Q) -> Place
    where
        K: Borrow<Q>,
    {
        let (mut low, mut high) = (self.front, self.leaves.len());
        // The last leaf that begins at or below the key.
        while low + 1 < high {
            let middle = (low + high) / 2;
            match self.leaves[middle][0].0.borrow().cmp(key) {
                Ordering::Greater => high = middle,
                _ => low = middle,
            }
        }
        let Some(leaf) = self.leaves.get(low) else {
            return Place { leaf: low, at: 0, found: false };
        };
        let (mut from, mut to) = (0, leaf.len());
        while from < to {
            let middle = (from + to) / 2;
            match leaf[middle].0.borrow().cmp(key) {
                Ordering::Less => from = middle + 1,
                Ordering::Equal => return Place { leaf: low, at: middle, found: true },
                Ordering::Greater => to = middle,
            }
        }
        Place { leaf: low, at: from, found: false }
    }

    /// True when there is an entry with this key.
    pub fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        self.place(key).found
    }

    /// The value of a key.
    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        self.get_key_value(key).map(|(_, value)| value)
    }

    /// The entry of a key.
    pub fn get_key_value<Q: Ord + ?Sized>(&self, key: &Q) -> Option<(&K, &V)>
    where
        K: Borrow<Q>,
    {
        let place = self.place(key);
        place.found.then(|| {
            let (key, value) = &self.leaves[place.leaf][place.at];
            (key, value)
        })
    }

    /// The value of a key, to be changed.
    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        let place = self.place(key);
        place.found.then(|| &mut self.leaves[place.leaf][place.at].1)
    }

    /// Sets the value of a key; the value that it had.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        // Most keys are numbers that rise.
        if let Some(last) = self.leaves.last()
            && last.last().is_some_and(|(before, _)| *before < key)
        {
            let place = Place { leaf: self.leaves.len() - 1, at: last.len(), found: false };
            self.put(place, key, value);
            return None;
        }
        let place = self.place(&key);
        if place.found {
            let held = &mut self.leaves[place.leaf][place.at].1;
            return Some(std::mem::replace(held, value));
        }
        self.put(place, key, value);
        None
    }

    /// Removes the entry of a key; its value.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        self.remove_entry(key).map(|(_, value)| value)
    }

    /// Removes the entry of a key if `leaves` says so of its value; true if it did.
    pub fn remove_if<Q: Ord + ?Sized>(&mut self, key: &Q, leaves: impl FnOnce(&V) -> bool) -> bool
    where
        K: Borrow<Q>,
    {
        let Place { leaf, at, found } = self.place(key);
        let leaves = found && leaves(&self.leaves[leaf][at].1);
        if leaves {
            self.take(leaf, at);
        }
        leaves
    }

    /// Removes the entry of a key.
    pub fn remove_entry<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<(K, V)>
    where
        K: Borrow<Q>,
    {
        let place = self.place(key);
        place.found.then(|| self.take(place.leaf, place.at))
    }

    /// The entry of a key, there or not.
    pub fn entry(&mut self, key: K) -> Entry<'_, K, V> {
        let place = self.place(&key);
        Entry { map: self, place, key }
    }

    /// The entries from one key to another.
    pub fn range<Q: Ord + ?Sized>(&self, range: impl RangeBounds<Q>) -> Iter<'_, K, V>
    where
        K: Borrow<Q>,
    {
        let (from, to) = (self.start(range.start_bound()), self.end(range.end_bound()));
        Iter::between(&self.leaves, from, to)
    }

    /// The entries from one key to another, the values to be changed.
    pub fn range_mut<Q: Ord + ?Sized>(&mut self, range: impl RangeBounds<Q>) -> IterMut<'_, K, V>
    where
        K: Borrow<Q>,
    {
        let (from, to) = (self.start(range.start_bound()), self.end(range.end_bound()));
        IterMut::between(&mut self.leaves, from, to)
    }

    /// The first entry of a range, as leaf and place in it.
    fn start<Q: Ord + ?Sized>(&self, bound: Bound<&Q>) -> (usize, usize)
    where
        K: Borrow<Q>,
    {
        match bound {
            Bound::Unbounded => (self.front, 0),
            Bound::Included(key) => self.before(key),
            Bound::Excluded(key) => self.after(key),
        }
    }

    /// What follows the last entry of a range.
    fn end<Q: Ord + ?Sized>(&self, bound: Bound<&Q>) -> (usize, usize)
    where
        K: Borrow<Q>,
    {
        match bound {
            Bound::Unbounded => (self.leaves.len(), 0),
            Bound::Included(key) => self.after(key),
            Bound::Excluded(key) => self.before(key),
        }
    }

    fn before<Q: Ord + ?Sized>(&self, key: &Q) -> (usize, usize)
    where
        K: Borrow<Q>,
    {
        let place = self.place(key);
        (place.leaf, place.at)
    }

    fn after<Q: Ord + ?Sized>(&self, key: &Q) -> (usize, usize)
    where
        K: Borrow<Q>,
    {
        let place = self.place(key);
        (place.leaf, place.at + usize::from(place.found))
    }

    /// Takes the entries from this key on out of the map.
    pub fn split_off<Q: Ord + ?Sized>(&mut self, key: &Q) -> Self
    where
        K: Borrow<Q>,
    {
        let (leaf, at) = self.before(key);
        if leaf == self.leaves.len() {
            return Self::new();
        }
        let mut leaves = vec![self.leaves[leaf].split_off(at)];
        leaves.extend(self.leaves.drain(leaf + 1..));
        if leaves[0].is_empty() {
            leaves.remove(0);
        }
        if self.leaves[leaf].is_empty() {
            self.leaves.pop();
            if self.leaves.len() == self.front {
                (self.leaves, self.front) = (Vec::new(), 0);
            }
        }
        let len = leaves.iter().map(Vec::len).sum();
        self.len -= len;
        BTreeMap { leaves, front: 0, len }
    }

    /// Moves all entries of another map into this one; those of the other win.
    pub fn append(&mut self, other: &mut Self) {
        self.extend(std::mem::take(other));
    }
}

/// The place of a key in a map, there or not.
pub struct Entry<'a, K, V> {
    map: &'a mut BTreeMap<K, V>,
    place: Place,
    key: K,
}

impl<'a, K: Ord, V> Entry<'a, K, V> {
    /// Its value, which is made when it has none.
    pub fn or_insert_with(self, make: impl FnOnce() -> V) -> &'a mut V {
        let Entry { map, mut place, key } = self;
        if !place.found {
            place = map.put(place, key, make());
        }
        &mut map.leaves[place.leaf][place.at].1
    }

    /// Its value, which becomes `value` when it has none.
    pub fn or_insert(self, value: V) -> &'a mut V {
        self.or_insert_with(|| value)
    }

    /// Its value, which becomes the type's default when it has none.
    pub fn or_default(self) -> &'a mut V
    where
        V: Default,
    {
        self.or_insert_with(V::default)
    }

    /// Changes the value if there is one.
    pub fn and_modify(self, change: impl FnOnce(&mut V)) -> Self {
        if self.place.found {
            change(&mut self.map.leaves[self.place.leaf][self.place.at].1);
        }
        self
    }
}

impl<K, V> Default for BTreeMap<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for BTreeMap<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<K: PartialEq, V: PartialEq> PartialEq for BTreeMap<K, V> {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.iter().eq(other.iter())
    }
}

impl<K: Eq, V: Eq> Eq for BTreeMap<K, V> {}

impl<K: PartialOrd, V: PartialOrd> PartialOrd for BTreeMap<K, V> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.iter().partial_cmp(other.iter())
    }
}

impl<K: Ord, V: Ord> Ord for BTreeMap<K, V> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.iter().cmp(other.iter())
    }
}

impl<K: Ord + Borrow<Q>, Q: Ord + ?Sized, V> Index<&Q> for BTreeMap<K, V> {
    type Output = V;

    /// # Panics
    ///
    /// When there is no such key.
    fn index(&self, key: &Q) -> &V {
        self.get(key).expect("the key is in the map")
    }
}

impl<K: Ord, V> Extend<(K, V)> for BTreeMap<K, V> {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        for (key, value) in entries {
            self.insert(key, value);
        }
    }
}

impl<'a, K: Ord + Copy, V: Copy> Extend<(&'a K, &'a V)> for BTreeMap<K, V> {
    fn extend<I: IntoIterator<Item = (&'a K, &'a V)>>(&mut self, entries: I) {
        for (key, value) in entries {
            self.insert(*key, *value);
        }
    }
}

impl<K: Ord, V> FromIterator<(K, V)> for BTreeMap<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut map = Self::new();
        map.extend(entries);
        map
    }
}

impl<K: Ord, V, const N: usize> From<[(K, V); N]> for BTreeMap<K, V> {
    fn from(entries: [(K, V); N]) -> Self {
        entries.into_iter().collect()
    }
}

impl<K, V> IntoIterator for BTreeMap<K, V> {
    type Item = (K, V);
    type IntoIter = IntoIter<K, V>;

    fn into_iter(self) -> IntoIter<K, V> {
        IntoIter::of(self.leaves)
    }
}

impl<'a, K, V> IntoIterator for &'a BTreeMap<K, V> {
    type Item = (&'a K, &'a V);
    type IntoIter = Iter<'a, K, V>;

    fn into_iter(self) -> Iter<'a, K, V> {
        self.iter()
    }
}

impl<'a, K, V> IntoIterator for &'a mut BTreeMap<K, V> {
    type Item = (&'a K, &'a mut V);
    type IntoIter = IterMut<'a, K, V>;

    fn into_iter(self) -> IterMut<'a, K, V> {
        self.iter_mut()
    }
}
