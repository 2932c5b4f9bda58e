//! Named random streams, all derived from one seed.
//!
//! A stream belongs to a purpose (the network, one client, the faults). Adding a purpose never
//! moves another stream, and reading or checking never draws.

use super::time::Span;
use rand_xoshiro::Xoshiro256PlusPlus;
use rand_xoshiro::rand_core::{Rng as _, SeedableRng};

/// A stream of random numbers for one purpose.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stream(Xoshiro256PlusPlus);

impl Stream {
    /// The stream called `name` of the lab with this seed.
    pub fn named(seed: u64, name: &str) -> Stream {
        // FNV-1a spreads the name over 64 bits; the generator's own seeding does the mixing.
        let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        Stream(Xoshiro256PlusPlus::seed_from_u64(hash ^ seed.wrapping_mul(0x9e37_79b9_7f4a_7c15)))
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number below `bound`, each equally likely. Panics if `bound` is zero.
    pub fn below(&mut self, bound: u64) -> u64 {
        assert!(bound > 0, "a number below zero was asked for");
        // Lemire's multiplication with rejection: no modulo bias.
        loop {
            let product = u128::from(self.bits()) * u128::from(bound);
            if product as u64 >= bound.wrapping_neg() % bound {
                return (product >> 64) as u64;
            }
        }
    }

    /// True so many times in a million.
    pub fn chance(&mut self, per_million: u32) -> bool {
        per_million > 0 && self.below(1_000_000) < u64::from(per_million)
    }

    /// A span from zero up to and including `most`; draws nothing if `most` is zero.
    pub fn span_up_to(&mut self, most: Span) -> Span {
        if most.is_zero() {
            Span::ZERO
        } else {
            Span::micros(self.below(most.as_micros().saturating_add(1)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The generator is the published one, not a cousin of it. The numbers are those that
    /// `rand_xoshiro` tests itself with, made with its authors' reference
    /// (<https://prng.di.unimi.it/xoshiro256plusplus.c>) from the state 1, 2, 3, 4.
    #[test]
    fn the_generator_gives_its_reference_numbers() {
        let mut seed = [0; 32];
        for (index, word) in seed.chunks_mut(8).enumerate() {
            word[0] = index as u8 + 1;
        }
        let mut stream = Stream(Xoshiro256PlusPlus::from_seed(seed));
        let expected: [u64; 10] = [
            41943041,
            58720359,
            3588806011781223,
            3591011842654386,
            9228616714210784205,
            9973669472204895162,
            14011001112246962877,
            12406186145184390807,
            15849039046786891736,
            10450023813501588000,
        ];
        assert_eq!(expected.map(|_| stream.bits()), expected);
    }

    /// Saved labs and links hold seeds: the same seed must mean the same run in every version.
    /// The numbers were worked out apart from this code: FNV-1a, SplitMix64, xoshiro256++.
    #[test]
    fn the_way_from_seed_and_name_to_numbers_never_changes() {
        let first = |seed, name| Stream::named(seed, name).bits();
        assert_eq!(first(1, "network"), 0x7f93_0705_46e8_6ef2);
        assert_eq!(first(u64::MAX, ""), 0xfcbf_46dc_365f_cfa8);
    }

    #[test]
    fn streams_are_independent_of_each_other() {
        let numbers = |seed, name: &str| {
            let mut stream = Stream::named(seed, name);
            [(); 4].map(|()| stream.bits())
        };
        let all: Vec<_> = ["network", "faults", "a/0", "a/1", "b/0", ""]
            .iter()
            .flat_map(|name| (0..4).map(move |seed| numbers(seed, name)))
            .collect();
        for (index, one) in all.iter().enumerate() {
            assert!(!all[..index].contains(one), "two streams are the same");
        }
        // Using one does not move another.
        let mut other = Stream::named(1, "faults");
        let mut network = Stream::named(1, "network");
        let drawn = [(); 4].map(|()| {
            other.bits();
            network.bits()
        });
        assert_eq!(drawn, numbers(1, "network"));
    }

    #[test]
    fn below_stays_below_and_reaches_everything() {
        let mut stream = Stream::named(1, "below");
        for bound in [1, 2, 3, 7, 1 << 32, u64::MAX / 2 + 2, u64::MAX] {
            assert!((0..200).all(|_| stream.below(bound) < bound));
        }
        let mut counts = [0_u32; 6];
        (0..60_000).for_each(|_| counts[stream.below(6) as usize] += 1);
        // Six sigma of a binomial with n = 60,000 and p = 1/6 is 548.
        assert!(counts.iter().all(|count| count.abs_diff(10_000) < 548), "{counts:?}");
        // With a bound of 3/4 of the range, a plain multiplication without rejection would give
        // every third number twice as often: those of residue 0 half of the time.
        let bound = 3 << 62;
        let thirds = (0..30_000).filter(|_| stream.below(bound).is_multiple_of(3)).count();
        assert!(thirds.abs_diff(10_000) < 490, "{thirds} of 30,000");
    }

    #[test]
    #[should_panic(expected = "a number below zero was asked for")]
    fn nothing_is_below_zero() {
        Stream::named(1, "").below(0);
    }

    #[test]
    fn chance_and_spans_have_their_bounds() {
        let mut stream = Stream::named(1, "chance");
        let before = stream.clone();
        assert!(!stream.chance(0));
        assert_eq!(stream.span_up_to(Span::ZERO), Span::ZERO);
        assert_eq!(stream, before, "what is certain draws nothing");
        assert!((0..1_000).all(|_| stream.chance(1_000_000)));
        let hits = (0..100_000).filter(|_| stream.chance(100_000)).count();
        // Six sigma of a binomial with n = 100,000 and p = 1/10 is 569.
        assert!(hits.abs_diff(10_000) < 569, "{hits}");
        let spans: Vec<u64> =
            (0..200).map(|_| stream.span_up_to(Span::micros(3)).as_micros()).collect();
        assert!((0..=3).all(|us| spans.contains(&us)) && spans.iter().all(|us| *us <= 3));
        stream.span_up_to(Span::micros(u64::MAX));
    }
}
