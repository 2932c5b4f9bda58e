//! The same random acts on these and on the standard library's.

use super::{BTreeMap, BTreeSet, Order};
use crate::sim::rng::Stream;
#[allow(clippy::disallowed_types, reason = "they are what is compared with")]
use std::collections::{BTreeMap as StdMap, BTreeSet as StdSet};
use std::ops::Bound;

#[allow(clippy::disallowed_types, reason = "they are what is compared with")]
type Pair = (BTreeMap<u32, u32>, StdMap<u32, u32>);

fn same((ours, std): &Pair) {
    assert!(ours.iter().eq(std.iter()));
    assert!(ours.iter().rev().eq(std.iter().rev()));
    assert_eq!((ours.len(), ours.is_empty()), (std.len(), std.is_empty()));
    assert_eq!(ours.first_key_value(), std.first_key_value());
    assert_eq!(ours.last_key_value(), std.last_key_value());
}

/// One act; keys up to `most`, so that few keys meet often and many seldom.
fn act((ours, std): &mut Pair, rng: &mut Stream, most: u64) {
    let (key, other) = (rng.below(most) as u32, rng.below(most) as u32);
    match rng.below(16) {
        0..6 => assert_eq!(ours.insert(key, other), std.insert(key, other)),
        6 | 7 => assert_eq!(ours.remove(&key), std.remove(&key)),
        8 => assert_eq!(ours.pop_first(), std.pop_first()),
        9 => assert_eq!(ours.pop_last(), std.pop_last()),
        10 => {
            *ours.entry(key).or_default() += 1;
            *std.entry(key).or_default() += 1;
        }
        11 => {
            let (from, to) = (key.min(other), key.max(other));
            assert!(ours.range(from..to).eq(std.range(from..to)));
            assert!(ours.range(from..=to).rev().eq(std.range(from..=to).rev()));
            let above = (Bound::Excluded(from), Bound::Unbounded);
            for (_, value) in ours.range_mut(above) {
                *value ^= 1;
            }
            for (_, value) in std.range_mut(above) {
                *value ^= 1;
            }
        }
        12 if rng.below(8) == 0 => {
            let (mut upper, mut upper_std) = (ours.split_off(&key), std.split_off(&key));
            same(&(ours.clone(), std.clone()));
            same(&(upper.clone(), upper_std.clone()));
            if rng.below(2) == 0 {
                ours.append(&mut upper);
                std.append(&mut upper_std);
            }
        }
        13 if rng.below(8) == 0 => {
            ours.retain(|key, _| key % 3 != 0);
            std.retain(|key, _| key % 3 != 0);
        }
        14 => {
            let is_even = |value: &u32| value.is_multiple_of(2);
            let leaves = std.get(&key).is_some_and(is_even);
            assert_eq!(ours.remove_if(&key, is_even), leaves);
            std.retain(|other, _| !(leaves && *other == key));
        }
        15 => {
            if let Some((_, value)) = ours.first_entry() {
                *value ^= 1;
            }
            if let Some(mut entry) = std.first_entry() {
                *entry.get_mut() ^= 1;
            }
        }
        _ => assert_eq!(ours.get(&key), std.get(&key)),
    }
}

#[test]
fn a_map_does_what_the_standard_one_does() {
    for (seed, most) in [(1, 10), (2, 100), (3, 2_000), (4, 100_000)] {
        let mut pair = Pair::default();
        let mut rng = Stream::named(seed, "map");
        for round in 0..4_000 {
            act(&mut pair, &mut rng, most);
            if round % 50 == 0 {
                same(&pair);
            }
        }
        same(&pair);
        let (ours, std) = pair;
        assert!(ours.into_iter().rev().eq(std.into_iter().rev()));
    }
}

#[test]
fn a_map_that_is_a_queue_frees_what_left() {
    let mut map = BTreeMap::new();
    for number in 0..100_000u32 {
        map.insert(number, number);
        if number >= 100 {
            assert_eq!(map.pop_first(), Some((number - 100, number - 100)));
        }
    }
    assert!(map.keys().copied().eq(99_900..100_000));
}

#[test]
fn a_set_does_what_the_standard_one_does() {
    let mut rng = Stream::named(9, "order");
    let draw = |rng: &mut Stream| -> Vec<u32> { (0..200).map(|_| rng.below(300) as u32).collect() };
    let (a, b) = (draw(&mut rng), draw(&mut rng));
    let ours: (BTreeSet<u32>, BTreeSet<u32>) =
        (a.iter().copied().collect(), b.iter().copied().collect());
    #[allow(clippy::disallowed_types, reason = "they are what is compared with")]
    let std: (StdSet<u32>, StdSet<u32>) = (a.into_iter().collect(), b.into_iter().collect());
    let mut union: Vec<_> = ours.0.union(&ours.1).collect();
    union.order();
    assert!(union.into_iter().eq(std.0.union(&std.1)));
    assert!(ours.0.difference(&ours.1).eq(std.0.difference(&std.1)));
    assert!(ours.0.intersection(&ours.1).eq(std.0.intersection(&std.1)));
    assert!(ours.0.is_subset(&ours.0.union(&ours.1).copied().collect()));
}

#[test]
fn what_is_saved_has_the_form_of_the_standard_library() {
    let map: BTreeMap<String, u32> = (0..40).map(|n| (format!("k{n}"), n)).collect();
    #[allow(clippy::disallowed_types, reason = "they are what is compared with")]
    let std: StdMap<String, u32> = (0..40).map(|n| (format!("k{n}"), n)).collect();
    let bytes = postcard::to_stdvec(&map).unwrap();
    assert_eq!(bytes, postcard::to_stdvec(&std).unwrap());
    assert_eq!(postcard::from_bytes::<BTreeMap<String, u32>>(&bytes).unwrap(), map);
}

#[test]
fn sorting_is_stable() {
    let mut rng = Stream::named(4, "order");
    let mut items: Vec<(u64, usize)> = (0..500).map(|at| (rng.below(20), at)).collect();
    items.order_by_key(|(key, _)| *key);
    assert!(items.is_sorted());
    let mut names = ["c", "a", "b"];
    names.order();
    assert_eq!(names, ["a", "b", "c"]);
}
