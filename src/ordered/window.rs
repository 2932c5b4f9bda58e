//! A map whose keys rise as entries come, and whose entries go soon after they came.

use super::BTreeMap;
use std::collections::VecDeque;
use std::fmt;
use std::ops::Bound;

/// A key that is so far behind the last one is kept apart: in between would be empty places.
const GAP_MAX: u64 = 256;

/// Of so many places a share has to be taken.
const PLACES: usize = 1_024;

/// At least one of so many.
const SHARE: usize = 8;

/// A map from numbers in their order, that finds most values by their place: what is delivered and
/// not acknowledged, what is sent and not confirmed.
#[derive(Clone)]
pub struct Window<V> {
    /// The key of the first place.
    first: u64,
    /// The places of keys that follow each other; the first of them is not empty.
    near: VecDeque<Option<V>>,
    near_len: usize,
    /// What lies outside of these places.
    far: BTreeMap<u64, V>,
}

impl<V> Window<V> {
    /// Without entries.
    pub const fn new() -> Self {
        Window { first: 0, near: VecDeque::new(), near_len: 0, far: BTreeMap::new() }
    }

    /// The number of entries.
    pub fn len(&self) -> usize {
        self.near_len + self.far.len()
    }

    /// True without entries.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many places there are, for tests.
    #[cfg(test)]
    pub(super) fn places(&self) -> usize {
        self.near.capacity()
    }

    /// The key behind the last place.
    fn end(&self) -> u64 {
        self.first + self.near.len() as u64
    }

    #[inline(always)]
    fn place(&self, key: u64) -> Option<usize> {
        let at = key.checked_sub(self.first)? as usize;
        (at < self.near.len()).then_some(at)
    }

    /// The value of a key.
    pub fn get(&self, key: u64) -> Option<&V> {
        match self.place(key) {
            Some(at) => self.near[at].as_ref(),
            None => self.far.get(&key),
        }
    }

    /// True when there is an entry with this key.
    pub fn contains_key(&self, key: u64) -> bool {
        self.get(key).is_some()
    }

    /// Sets the value of a key; the value that it had.
    #[inline(always)]
    pub fn insert(&mut self, key: u64, value: V) -> Option<V> {
        // Nearly always it is the next one.
        let is_plain = self.far.is_empty() && (1..PLACES).contains(&self.near.len());
        if is_plain && key == self.end() {
            self.near.push_back(Some(value));
            self.near_len += 1;
            return None;
        }
        self.insert_anywhere(key, value)
    }

    fn insert_anywhere(&mut self, key: u64, value: V) -> Option<V> {
        if let Some(at) = self.place(key) {
            let before = self.near[at].replace(value);
            self.near_len += usize::from(before.is_none());
            return before;
        }
        if self.near.is_empty() {
            self.first = key;
        }
        let end = self.end();
        let is_near = (end..end.saturating_add(GAP_MAX)).contains(&key)
            && (self.far.is_empty() || self.far.range(end..=key).next().is_none());
        if !is_near {
            return self.far.insert(key, value);
        }
        (end..key).for_each(|_| self.near.push_back(None));
        self.near.push_back(Some(value));
        self.near_len += 1;
        while self.near.len() > PLACES && self.near.len() > SHARE * self.near_len {
            self.put_first_apart();
        }
        None
    }

    /// What stays while those behind it go is kept apart.
    fn put_first_apart(&mut self) {
        if let Some(Some(value)) = self.near.pop_front() {
            self.far.insert(self.first, value);
            self.near_len -= 1;
        }
        self.first += 1;
        self.pass_empty();
    }

    #[inline(always)]
    fn pass_empty(&mut self) {
        while let Some(None) = self.near.front() {
            self.near.pop_front();
            self.first += 1;
        }
    }

    /// Removes the entry of a key; its value.
    #[inline(always)]
    pub fn remove(&mut self, key: u64) -> Option<V> {
        self.remove_if(key, |_| true)
    }

    /// Removes the entry of a key if its value is the one that is meant.
    #[inline]
    pub fn remove_if(&mut self, key: u64, is_meant: impl FnOnce(&V) -> bool) -> Option<V> {
        let Some(at) = self.place(key) else {
            let is_there = !self.far.is_empty() && self.far.get(&key).is_some_and(is_meant);
            return if is_there { self.far.remove(&key) } else { None };
        };
        let value = self.near[at].take_if(|value| is_meant(value))?;
        self.near_len -= 1;
        self.pass_empty();
        Some(value)
    }

    /// Takes the entries up to this key out, in order.
    pub fn take_through(&mut self, last: u64) -> Vec<(u64, V)> {
        let keys: Vec<u64> = self.iter().map(|(key, _)| key).take_while(|it| *it <= last).collect();
        keys.into_iter().filter_map(|key| Some((key, self.remove(key)?))).collect()
    }

    /// All entries in key order.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &V)> {
        let far = |range: (Bound<u64>, Bound<u64>)| {
            let found = (!self.far.is_empty()).then(|| self.far.range(range));
            found.into_iter().flatten().map(|(key, value)| (*key, value))
        };
        let near = self.near.iter().zip(self.first..);
        let near = near.filter_map(|(value, key)| Some((key, value.as_ref()?)));
        let before = far((Bound::Unbounded, Bound::Excluded(self.first)));
        before.chain(near).chain(far((Bound::Included(self.end()), Bound::Unbounded)))
    }

    /// All values in the order of their keys.
    pub fn values(&self) -> impl Iterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }

    /// All values, to be changed, in the order of their keys.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut V> {
        let (first, end) = (self.first, self.end());
        let (mut before, mut behind) = (Vec::new(), Vec::new());
        for (key, value) in self.far.iter_mut() {
            debug_assert!(*key < first || *key >= end, "it has a place");
            if *key < first { &mut before } else { &mut behind }.push(value);
        }
        let near = self.near.iter_mut().filter_map(Option::as_mut);
        before.into_iter().chain(near).chain(behind)
    }
}

impl<V> IntoIterator for Window<V> {
    type Item = (u64, V);
    type IntoIter = std::vec::IntoIter<(u64, V)>;

    fn into_iter(mut self) -> Self::IntoIter {
        self.take_through(u64::MAX).into_iter()
    }
}

impl<V> Extend<(u64, V)> for Window<V> {
    fn extend<I: IntoIterator<Item = (u64, V)>>(&mut self, entries: I) {
        for (key, value) in entries {
            self.insert(key, value);
        }
    }
}

impl<V> Default for Window<V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<V: fmt::Debug> fmt::Debug for Window<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}
