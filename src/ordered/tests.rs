//! The same random acts on these and on the standard library's.

use super::{BTreeMap, BTreeSet, Order, Slots, Window};
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

#[test]
#[allow(clippy::disallowed_types, reason = "they are what is compared with")]
fn slots_do_what_a_map_does() {
    let mut rng = Stream::named(3, "slots");
    let (mut ours, mut std): (Slots<u32, u32>, StdMap<u32, u32>) = Default::default();
    for _ in 0..20_000 {
        // Most count from zero; some were read from a damaged disk.
        let far = [0, u32::MAX - 40][usize::from(rng.below(4) == 0)];
        let key = far + rng.below(40) as u32;
        match rng.below(8) {
            0..3 => {
                let value = rng.below(1_000) as u32;
                assert_eq!(ours.insert(key, value), std.insert(key, value));
            }
            3..6 => assert_eq!(ours.remove(&key), std.remove(&key)),
            6 if rng.below(20) == 0 => {
                ours.retain(|key, _| key % 3 != 0);
                std.retain(|key, _| key % 3 != 0);
            }
            _ => ours.values_mut().zip(std.values_mut()).for_each(|(ours, std)| {
                *ours ^= 1;
                *std ^= 1;
            }),
        }
        assert_eq!((ours.len(), ours.is_empty()), (std.len(), std.is_empty()));
        assert_eq!(ours.get(&key), std.get(&key));
        assert!(ours.iter().eq(std.iter().map(|(key, value)| (*key, value))));
    }
    assert!(ours.into_iter().eq(std));
}

/// What comes rises with gaps, what goes is near the front, what comes back is anywhere, and some
/// of it stays for ever.
#[test]
#[allow(clippy::disallowed_types, reason = "they are what is compared with")]
fn a_window_does_what_a_map_does() {
    let mut rng = Stream::named(4, "window");
    let (mut ours, mut std): (Window<u64>, StdMap<u64, u64>) = Default::default();
    let mut next = 0;
    for round in 0..60_000 {
        match rng.below(8) {
            0..4 => {
                next += match rng.below(50) {
                    0 => rng.below(2_000),
                    gap => gap / 49,
                };
                assert_eq!(ours.insert(next, round), std.insert(next, round));
                next += 1;
            }
            4..7 => {
                let first = std.keys().next().copied().unwrap_or(next);
                let near = first + rng.below(4);
                // Numbers that a hundred divides stay.
                if !near.is_multiple_of(100) || round % 5_000 == 0 {
                    assert_eq!(ours.remove(near), std.remove(&near));
                }
                let any = rng.below(next + 2);
                assert_eq!(ours.contains_key(any), std.contains_key(&any));
                if !any.is_multiple_of(100) {
                    assert_eq!(ours.remove(any), std.remove(&any));
                }
            }
            _ => {
                let back = rng.below(next + 1);
                assert_eq!(ours.insert(back, round), std.insert(back, round));
            }
        }
        assert_eq!((ours.len(), ours.is_empty()), (std.len(), std.is_empty()));
        assert_eq!(ours.iter().next(), std.iter().next().map(|(key, value)| (*key, value)));
        if round % 500 == 0 {
            ours.values_mut().zip(std.values_mut()).for_each(|(ours, std)| {
                assert_eq!(ours, std);
                *ours += 1;
                *std += 1;
            });
            assert!(ours.iter().eq(std.iter().map(|(key, value)| (*key, value))));
        }
        if round % 10_000 == 9_999 {
            let upper = std.split_off(&(next / 2 + 1));
            assert_eq!(ours.take_through(next / 2), std.into_iter().collect::<Vec<_>>());
            std = upper;
        }
    }
    assert!(ours.into_iter().eq(std));
}

/// One that stays while many come and go does not make it grow.
#[test]
fn a_window_does_not_keep_places_for_what_is_gone() {
    let mut window = Window::new();
    window.insert(0, 0);
    for key in 1..100_000_u64 {
        window.insert(key, key);
        window.remove(key);
    }
    assert!(window.places() <= 2_048, "{} places", window.places());
    assert_eq!(window.iter().map(|(key, _)| key).collect::<Vec<_>>(), [0]);
}
