//! How fast replicas that are out of sync may be copied: `leader.replication.throttled.rate` and
//! `follower.replication.throttled.rate` of a broker, for the replicas that a topic names in
//! `leader.replication.throttled.replicas` and `follower.replication.throttled.replicas` (KIP-73).
//!
//! A rate is measured over the last ten seconds and the one that runs. Nothing is cut short: what
//! goes over the rate makes the next one wait. Who is in sync is never held back.

use crate::sim::{Span, Time};
use std::collections::VecDeque;

/// `replication.quota.window.size.seconds`.
const WINDOW: Span = Span::seconds(1);
/// `replication.quota.window.num`.
const WINDOWS: u64 = 11;

/// Bytes of throttled replicas that were sent or taken lately.
#[derive(Clone, Debug, Default)]
pub struct Quota {
    windows: VecDeque<(Time, u64)>,
}

impl Quota {
    /// So many bytes were moved now.
    pub fn record(&mut self, bytes: u64, now: Time) {
        self.forget(now);
        match self.windows.back_mut().filter(|(since, _)| now.since(*since) < WINDOW) {
            Some((_, moved)) => *moved += bytes,
            None => self.windows.push_back((now, bytes)),
        }
    }

    /// True while more than `rate` bytes a second were moved.
    pub fn is_exceeded(&mut self, rate: u64, now: Time) -> bool {
        self.forget(now);
        let Some((since, _)) = self.windows.front() else { return false };
        let elapsed = now.since(*since).max(WINDOW).as_micros();
        let moved: u64 = self.windows.iter().map(|(_, bytes)| *bytes).sum();
        u128::from(moved) * 1_000_000 > u128::from(rate) * u128::from(elapsed)
    }

    fn forget(&mut self, now: Time) {
        let is_old = |(since, _): &(Time, u64)| now.since(*since) >= WINDOW * WINDOWS;
        while self.windows.front().is_some_and(is_old) {
            self.windows.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: u64) -> Time {
        Time::ZERO + Span::millis(ms)
    }

    #[test]
    fn what_goes_over_the_rate_makes_the_next_one_wait() {
        let mut quota = Quota::default();
        assert!(!quota.is_exceeded(100, at(0)));
        quota.record(500, at(0));
        // 500 bytes at 100 a second take five seconds.
        assert!(quota.is_exceeded(100, at(0)));
        assert!(quota.is_exceeded(100, at(4_999)));
        assert!(!quota.is_exceeded(100, at(5_000)));
        quota.record(100, at(5_000));
        assert!(quota.is_exceeded(100, at(5_999)));
        assert!(!quota.is_exceeded(100, at(6_000)));
        // After eleven seconds the first bytes are forgotten.
        quota.record(600, at(6_000));
        assert!(quota.is_exceeded(100, at(10_999)));
        assert_eq!(quota.windows.len(), 3);
        quota.record(1, at(11_000));
        assert_eq!(quota.windows.len(), 3);
    }
}
