//! Real randomness: for seeds that nobody chose. Everything else is random by its seed.

/// A seed that nobody chose; short enough to be typed.
pub fn seed() -> u32 {
    getrandom::u32().unwrap_or(1)
}
