//! A map whose keys are small numbers that are given out one after the other.

use super::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::ops::Index;

/// A key that is a number.
pub trait Number: Copy {
    /// The number.
    fn number(self) -> usize;
    /// The key of a number.
    fn of(number: usize) -> Self;
}

impl Number for u32 {
    fn number(self) -> usize {
        self as usize
    }

    fn of(number: usize) -> u32 {
        number as u32
    }
}

impl Number for u16 {
    fn number(self) -> usize {
        self.into()
    }

    fn of(number: usize) -> u16 {
        number as u16
    }
}

/// So many keys have a place. A number that was read from a disk may be any.
const PLACES_MAX: usize = 1 << 16;

/// A map in key order that finds a value by its place: for keys that are numbers counted from
/// zero, of which most are there. A key costs a word, whether it is there or not.
#[derive(Clone)]
pub struct Slots<K, V> {
    slots: Vec<Option<Box<V>>>,
    /// What has no place.
    far: BTreeMap<usize, V>,
    len: usize,
    keys: PhantomData<K>,
}

impl<K: Number, V> Slots<K, V> {
    /// Without entries.
    pub const fn new() -> Self {
        Slots { slots: Vec::new(), far: BTreeMap::new(), len: 0, keys: PhantomData }
    }

    /// The number of entries.
    pub fn len(&self) -> usize {
        self.len
    }

    /// True without entries.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// True when there is an entry with this key.
    #[inline(always)]
    pub fn contains_key(&self, key: &K) -> bool {
        self.get(key).is_some()
    }

    /// The value of a key.
    #[inline(always)]
    pub fn get(&self, key: &K) -> Option<&V> {
        match self.slots.get(key.number()) {
            Some(slot) => slot.as_deref(),
            None => far(&self.far, key.number()),
        }
    }

    /// The value of a key, to be changed.
    #[inline(always)]
    pub fn get_mut(&mut self, key: &K) -> Option<&mut V> {
        match self.slots.get_mut(key.number()) {
            Some(slot) => slot.as_deref_mut(),
            None => far_mut(&mut self.far, key.number()),
        }
    }

    /// Sets the value of a key; the value that it had.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        let at = key.number();
        let before = if at >= PLACES_MAX {
            self.far.insert(at, value)
        } else {
            if at >= self.slots.len() {
                self.slots.resize_with(at + 1, || None);
            }
            self.slots[at].replace(Box::new(value)).map(|value| *value)
        };
        self.len += usize::from(before.is_none());
        before
    }

    /// Removes the entry of a key; its value.
    pub fn remove(&mut self, key: &K) -> Option<V> {
        let value = match self.slots.get_mut(key.number()) {
            Some(slot) => *slot.take()?,
            None => self.far.remove(&key.number())?,
        };
        self.len -= 1;
        if self.len == 0 {
            self.slots.clear();
        }
        Some(value)
    }

    /// Keeps the entries of which `keep` says so.
    pub fn retain(&mut self, mut keep: impl FnMut(&K, &mut V) -> bool) {
        for (at, slot) in self.slots.iter_mut().enumerate() {
            if slot.as_deref_mut().is_some_and(|value| !keep(&K::of(at), value)) {
                *slot = None;
            }
        }
        self.far.retain(|at, value| keep(&K::of(*at), value));
        self.len = self.slots.iter().flatten().count() + self.far.len();
    }

    /// All entries in key order.
    pub fn iter(&self) -> impl Iterator<Item = (K, &V)> + Clone {
        let near = self.slots.iter().enumerate();
        let near = near.filter_map(|(at, slot)| Some((K::of(at), slot.as_deref()?)));
        near.chain(self.far.iter().map(|(at, value)| (K::of(*at), value)))
    }

    /// All entries in key order, the values to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (K, &mut V)> {
        let near = self.slots.iter_mut().enumerate();
        let near = near.filter_map(|(at, slot)| Some((K::of(at), slot.as_deref_mut()?)));
        near.chain(self.far.iter_mut().map(|(at, value)| (K::of(*at), value)))
    }

    /// All keys in order.
    pub fn keys(&self) -> impl Iterator<Item = K> + Clone {
        self.iter().map(|(key, _)| key)
    }

    /// All values in the order of their keys.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &V> + Clone {
        self.slots.iter().filter_map(Option::as_deref).chain(self.far.values())
    }

    /// All values in the order of their keys, to be changed.
    pub fn values_mut(&mut self) -> impl DoubleEndedIterator<Item = &mut V> {
        self.slots.iter_mut().filter_map(Option::as_deref_mut).chain(self.far.values_mut())
    }
}

#[cold]
fn far<V>(far: &BTreeMap<usize, V>, number: usize) -> Option<&V> {
    far.get(&number)
}

#[cold]
fn far_mut<V>(far: &mut BTreeMap<usize, V>, number: usize) -> Option<&mut V> {
    far.get_mut(&number)
}

impl<K: Number, V> IntoIterator for Slots<K, V> {
    type Item = (K, V);
    type IntoIter = std::vec::IntoIter<(K, V)>;

    fn into_iter(self) -> Self::IntoIter {
        let near = self.slots.into_iter().enumerate();
        let near = near.filter_map(|(at, slot)| Some((K::of(at), *slot?)));
        let far = self.far.into_iter().map(|(at, value)| (K::of(at), value));
        near.chain(far).collect::<Vec<_>>().into_iter()
    }
}

impl<K: Number, V> Default for Slots<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<K: Number + fmt::Debug, V: fmt::Debug> fmt::Debug for Slots<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<K: Number, V> Index<&K> for Slots<K, V> {
    type Output = V;

    /// # Panics
    ///
    /// When there is no such key.
    fn index(&self, key: &K) -> &V {
        self.get(key).expect("the key is in the map")
    }
}
