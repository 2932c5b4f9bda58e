//! How long to wait before the next try.

use crate::sim::{Span, Stream};

/// Doubles with each failure up to `most`, give or take a fifth (KIP-580).
pub fn backoff(first: Span, most: Span, failures: u32, random: &mut Stream) -> Span {
    let (first, most) = (first.as_micros(), most.as_micros());
    if first == 0 {
        return Span::ZERO;
    }
    let doublings = failures.min(most.max(first).div_ceil(first).next_power_of_two().ilog2());
    let term = first.saturating_mul(1 << doublings).min(most.max(first));
    let spread = 800 + random.below(401);
    Span::micros((term * spread / 1_000).min(most.max(first)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_doubles_up_to_its_limit_give_or_take_a_fifth() {
        let mut random = Stream::named(1, "backoff");
        for (failures, middle) in [(0, 100), (1, 200), (2, 400), (3, 800), (4, 1_000), (40, 1_000)]
        {
            for _ in 0..50 {
                let wait = backoff(Span::millis(100), Span::millis(1_000), failures, &mut random);
                let middle = Span::millis(middle).as_micros();
                assert!((middle * 8 / 10..=middle * 12 / 10).contains(&wait.as_micros()));
                assert!(wait <= Span::millis(1_000));
            }
        }
    }
}
