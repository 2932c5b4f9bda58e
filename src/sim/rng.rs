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
        if most.is_zero() { Span::ZERO } else { Span::micros(self.below(most.as_micros() + 1)) }
    }
}
