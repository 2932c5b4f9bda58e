//! MurmurHash 2 as Kafka's Java client computes it.

/// The hash of a key: 32 bits, the seed of the Java client, little-endian words.
pub fn murmur2(key: &[u8]) -> i32 {
    const SEED: u32 = 0x9747_b28c;
    const M: u32 = 0x5bd1_e995;
    let mut hash = SEED ^ key.len() as u32;
    let (words, tail) = key.as_chunks::<4>();
    for word in words {
        let mut k = u32::from_le_bytes(*word).wrapping_mul(M);
        k = (k ^ (k >> 24)).wrapping_mul(M);
        hash = hash.wrapping_mul(M) ^ k;
    }
    if !tail.is_empty() {
        let last = tail.iter().rev().fold(0, |bits, byte| bits << 8 | u32::from(*byte));
        hash = (hash ^ last).wrapping_mul(M);
    }
    hash = (hash ^ (hash >> 13)).wrapping_mul(M);
    (hash ^ (hash >> 15)) as i32
}

/// `toPositive`: the sign bit is cut off, which is not the absolute value.
pub fn to_positive(number: i32) -> i32 {
    number & i32::MAX
}

/// The partition of a key over all partitions of its topic.
pub fn partition_for_key(key: &[u8], partitions: u32) -> i32 {
    to_positive(murmur2(key)) % partitions as i32
}
