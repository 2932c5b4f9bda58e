//! Sorting without a sorter for each type.

use std::cmp::Ordering;

/// Stable sorting, as the methods of a slice that begin with `sort`.
pub trait Order<T> {
    /// Sorts by a comparison.
    fn order_by(&mut self, compare: impl FnMut(&T, &T) -> Ordering);

    /// Sorts by a key.
    fn order_by_key<K: Ord>(&mut self, key: impl FnMut(&T) -> K);

    /// Sorts.
    fn order(&mut self)
    where
        T: Ord;
}

impl<T> Order<T> for [T] {
    fn order_by(&mut self, mut compare: impl FnMut(&T, &T) -> Ordering) {
        let mut from: Vec<usize> = (0..self.len()).collect();
        sort(&mut from, &mut |a, b| compare(&self[a], &self[b]));
        // Place `to` gets what stands at `from[to]`: each cycle of these moves is walked by swaps.
        for start in 0..from.len() {
            let mut to = start;
            while from[to] != start {
                let next = from[to];
                self.swap(to, next);
                from[to] = to;
                to = next;
            }
            from[to] = to;
        }
    }

    fn order_by_key<K: Ord>(&mut self, mut key: impl FnMut(&T) -> K) {
        self.order_by(|a, b| key(a).cmp(&key(b)));
    }

    fn order(&mut self)
    where
        T: Ord,
    {
        self.order_by(Ord::cmp);
    }
}

/// The only sorter of the program: inlined it would be one for each type again.
#[inline(never)]
fn sort(places: &mut [usize], compare: &mut dyn FnMut(usize, usize) -> Ordering) {
    places.sort_by(|a, b| compare(*a, *b));
}
