//! The partitioners of librdkafka, which most clients other than Java's are built on.

use super::murmur2::partition_for_key;
use crate::sim::Stream;

/// CRC-32 (IEEE, the one of zlib).
pub fn crc32(bytes: &[u8]) -> u32 {
    const POLYNOMIAL: u32 = 0xedb8_8320;
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = (crc >> 1) ^ (POLYNOMIAL & (crc & 1).wrapping_neg());
        }
    }
    !crc
}

/// The absolute value of the signed FNV-1a hash, as Sarama takes it.
pub fn fnv1a(bytes: &[u8]) -> u32 {
    let hash = bytes
        .iter()
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193));
    (hash as i32).unsigned_abs()
}

/// A partitioner by its name in librdkafka's configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Always one at random.
    Random,
    /// CRC-32; a missing key hashes as an empty one.
    Consistent,
    /// CRC-32; at random without a key or with an empty one. librdkafka's default.
    ConsistentRandom,
    /// As Java; a missing key hashes as an empty one.
    Murmur2,
    /// As Java; at random without a key.
    Murmur2Random,
    /// FNV-1a; a missing key hashes as an empty one.
    Fnv1a,
    /// FNV-1a; at random without a key.
    Fnv1aRandom,
}

impl Kind {
    /// The partitioner of this name.
    pub fn named(name: &str) -> Option<Kind> {
        Some(match name {
            "random" => Kind::Random,
            "consistent" => Kind::Consistent,
            "consistent_random" => Kind::ConsistentRandom,
            "murmur2" => Kind::Murmur2,
            "murmur2_random" => Kind::Murmur2Random,
            "fnv1a" => Kind::Fnv1a,
            "fnv1a_random" => Kind::Fnv1aRandom,
            _ => return None,
        })
    }

    /// The partition of a record.
    pub fn partition(self, key: Option<&[u8]>, partitions: u32, random: &mut Stream) -> i32 {
        let hashed = key.unwrap_or_default();
        let at_random = match self {
            Kind::Random => true,
            Kind::ConsistentRandom => hashed.is_empty(),
            Kind::Murmur2Random | Kind::Fnv1aRandom => key.is_none(),
            Kind::Consistent | Kind::Murmur2 | Kind::Fnv1a => false,
        };
        if at_random {
            return random.below(u64::from(partitions)) as i32;
        }
        match self {
            Kind::Murmur2 | Kind::Murmur2Random => partition_for_key(hashed, partitions),
            Kind::Fnv1a | Kind::Fnv1aRandom => (fnv1a(hashed) % partitions) as i32,
            _ => (crc32(hashed) % partitions) as i32,
        }
    }
}
