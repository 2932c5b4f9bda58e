//! Ways through a map: leaf by leaf from both ends.

use std::slice;
use std::vec;

/// Entries in key order.
pub struct Iter<'a, K, V> {
    front: slice::Iter<'a, (K, V)>,
    leaves: slice::Iter<'a, Vec<(K, V)>>,
    back: slice::Iter<'a, (K, V)>,
}

impl<'a, K, V> Iter<'a, K, V> {
    pub(super) fn of(leaves: &'a [Vec<(K, V)>]) -> Self {
        Iter { front: [].iter(), leaves: leaves.iter(), back: [].iter() }
    }

    /// From an entry up to another, each as leaf and place in it.
    pub(super) fn between(
        leaves: &'a [Vec<(K, V)>],
        (first, from): (usize, usize),
        (last, to): (usize, usize),
    ) -> Self {
        if (first, from) >= (last, to) {
            return Self::of(&[]);
        }
        let back = leaves.get(last).map_or(&[][..], |leaf| &leaf[..to]);
        if first == last {
            return Iter { front: back[from..].iter(), ..Self::of(&[]) };
        }
        Iter {
            front: leaves[first][from..].iter(),
            leaves: leaves[first + 1..last].iter(),
            back: back.iter(),
        }
    }
}

impl<K, V> Clone for Iter<'_, K, V> {
    fn clone(&self) -> Self {
        Iter { front: self.front.clone(), leaves: self.leaves.clone(), back: self.back.clone() }
    }
}

impl<'a, K, V> Iterator for Iter<'a, K, V> {
    type Item = (&'a K, &'a V);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some((key, value)) = self.front.next() {
                return Some((key, value));
            }
            match self.leaves.next() {
                Some(leaf) => self.front = leaf.iter(),
                None => return self.back.next().map(|(key, value)| (key, value)),
            }
        }
    }
}

impl<K, V> DoubleEndedIterator for Iter<'_, K, V> {
    fn next_back(&mut self) -> Option<Self::Item> {
        loop {
            if let Some((key, value)) = self.back.next_back() {
                return Some((key, value));
            }
            match self.leaves.next_back() {
                Some(leaf) => self.back = leaf.iter(),
                None => return self.front.next_back().map(|(key, value)| (key, value)),
            }
        }
    }
}

/// Entries in key order, the values to be changed.
pub struct IterMut<'a, K, V> {
    front: slice::IterMut<'a, (K, V)>,
    leaves: slice::IterMut<'a, Vec<(K, V)>>,
    back: slice::IterMut<'a, (K, V)>,
}

impl<'a, K, V> IterMut<'a, K, V> {
    pub(super) fn of(leaves: &'a mut [Vec<(K, V)>]) -> Self {
        IterMut { front: [].iter_mut(), leaves: leaves.iter_mut(), back: [].iter_mut() }
    }

    /// As [`Iter::between`].
    pub(super) fn between(
        leaves: &'a mut [Vec<(K, V)>],
        (first, from): (usize, usize),
        (last, to): (usize, usize),
    ) -> Self {
        if (first, from) >= (last, to) {
            return Self::of(&mut []);
        }
        let (before, rest) = leaves.split_at_mut(last);
        let back = rest.first_mut().map_or(&mut [][..], |leaf| &mut leaf[..to]);
        if first == last {
            return IterMut { front: back[from..].iter_mut(), ..Self::of(&mut []) };
        }
        let (front, leaves) = before[first..].split_first_mut().expect("it is before the last");
        IterMut {
            front: front[from..].iter_mut(),
            leaves: leaves.iter_mut(),
            back: back.iter_mut(),
        }
    }
}

impl<'a, K, V> Iterator for IterMut<'a, K, V> {
    type Item = (&'a K, &'a mut V);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some((key, value)) = self.front.next() {
                return Some((key, value));
            }
            match self.leaves.next() {
                Some(leaf) => self.front = leaf.iter_mut(),
                None => return self.back.next().map(|(key, value)| (&*key, value)),
            }
        }
    }
}

impl<K, V> DoubleEndedIterator for IterMut<'_, K, V> {
    fn next_back(&mut self) -> Option<Self::Item> {
        loop {
            if let Some((key, value)) = self.back.next_back() {
                return Some((key, value));
            }
            match self.leaves.next_back() {
                Some(leaf) => self.back = leaf.iter_mut(),
                None => return self.front.next_back().map(|(key, value)| (&*key, value)),
            }
        }
    }
}

/// Entries in key order, taken out of the map.
pub struct IntoIter<K, V> {
    front: vec::IntoIter<(K, V)>,
    leaves: vec::IntoIter<Vec<(K, V)>>,
    back: vec::IntoIter<(K, V)>,
}

impl<K, V> IntoIter<K, V> {
    pub(super) fn of(leaves: Vec<Vec<(K, V)>>) -> Self {
        let (front, back) = (Vec::new().into_iter(), Vec::new().into_iter());
        IntoIter { front, leaves: leaves.into_iter(), back }
    }
}

impl<K, V> Iterator for IntoIter<K, V> {
    type Item = (K, V);

    fn next(&mut self) -> Option<(K, V)> {
        loop {
            if let Some(entry) = self.front.next() {
                return Some(entry);
            }
            match self.leaves.next() {
                Some(leaf) => self.front = leaf.into_iter(),
                None => return self.back.next(),
            }
        }
    }
}

impl<K, V> DoubleEndedIterator for IntoIter<K, V> {
    fn next_back(&mut self) -> Option<(K, V)> {
        loop {
            if let Some(entry) = self.back.next_back() {
                return Some(entry);
            }
            match self.leaves.next_back() {
                Some(leaf) => self.back = leaf.into_iter(),
                None => return self.front.next_back(),
            }
        }
    }
}
