//! Virtual time: microseconds since the lab began.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::{Add, AddAssign, Mul, Sub};

/// An instant of virtual time, in microseconds since the lab began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Time(u64);

/// A length of virtual time, in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Span(u64);

impl Time {
    /// The beginning of every lab.
    pub const ZERO: Time = Time(0);
    /// Later than anything that happens.
    pub const NEVER: Time = Time(u64::MAX);

    /// The instant so many microseconds after the beginning.
    pub const fn from_micros(us: u64) -> Time {
        Time(us)
    }

    /// Microseconds since the beginning.
    pub const fn micros(self) -> u64 {
        self.0
    }

    /// Whole milliseconds since the beginning: the grain of both brokers' own clocks.
    pub const fn millis(self) -> u64 {
        self.0 / 1_000
    }

    /// How long after `earlier` this is; zero if it is not after it.
    pub const fn since(self, earlier: Time) -> Span {
        Span(self.0.saturating_sub(earlier.0))
    }
}

impl Span {
    /// No time at all.
    pub const ZERO: Span = Span(0);

    /// So many microseconds.
    pub const fn micros(us: u64) -> Span {
        Span(us)
    }

    /// So many milliseconds.
    pub const fn millis(ms: u64) -> Span {
        Span(ms.saturating_mul(1_000))
    }

    /// So many seconds.
    pub const fn seconds(s: u64) -> Span {
        Span(s.saturating_mul(1_000_000))
    }

    /// This span in microseconds.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// This span in whole milliseconds.
    pub const fn as_millis(self) -> u64 {
        self.0 / 1_000
    }

    /// Half of it.
    pub const fn half(self) -> Span {
        Span(self.0 / 2)
    }

    /// True for no time at all.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }
}

impl Add<Span> for Time {
    type Output = Time;
    fn add(self, span: Span) -> Time {
        Time(self.0.saturating_add(span.0))
    }
}

impl AddAssign<Span> for Time {
    fn add_assign(&mut self, span: Span) {
        *self = *self + span;
    }
}

impl Sub<Time> for Time {
    type Output = Span;
    fn sub(self, earlier: Time) -> Span {
        self.since(earlier)
    }
}

impl Add for Span {
    type Output = Span;
    fn add(self, other: Span) -> Span {
        Span(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Span {
    fn add_assign(&mut self, other: Span) {
        *self = *self + other;
    }
}

impl Mul<u64> for Span {
    type Output = Span;
    fn mul(self, times: u64) -> Span {
        Span(self.0.saturating_mul(times))
    }
}

impl fmt::Display for Time {
    /// Seconds with a point and three decimals, as everywhere on the page: `12.500 s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:03} s", self.0 / 1_000_000, self.0 % 1_000_000 / 1_000)
    }
}

impl fmt::Display for Span {
    /// The largest unit that needs no fraction: `250ms`, `5s`, `1500us`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [(u64, &str); 5] = [
            (86_400_000_000, "d"),
            (3_600_000_000, "h"),
            (60_000_000, "m"),
            (1_000_000, "s"),
            (1_000, "ms"),
        ];
        for (unit, name) in UNITS {
            if self.0 >= unit && self.0.is_multiple_of(unit) {
                return write!(f, "{}{name}", self.0 / unit);
            }
        }
        write!(f, "{}us", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_shown_in_seconds_with_three_decimals() {
        let shown = |us| Time::from_micros(us).to_string();
        assert_eq!(shown(0), "0.000 s");
        assert_eq!(shown(999), "0.000 s", "what is not over is not shown");
        assert_eq!(shown(1_000), "0.001 s");
        assert_eq!(shown(12_500_000), "12.500 s");
        assert_eq!(shown(3_600_010_000), "3600.010 s");
    }

    #[test]
    fn a_span_is_shown_in_the_largest_unit_without_a_fraction() {
        for (span, shown) in [
            (Span::ZERO, "0us"),
            (Span::micros(1), "1us"),
            (Span::micros(1_500), "1500us"),
            (Span::millis(250), "250ms"),
            (Span::millis(1_500), "1500ms"),
            (Span::seconds(5), "5s"),
            (Span::seconds(90), "90s"),
            (Span::seconds(120), "2m"),
            (Span::seconds(7_200), "2h"),
            (Span::seconds(604_800), "7d"),
        ] {
            assert_eq!(span.to_string(), shown);
        }
    }

    #[test]
    fn time_and_spans_end_at_their_bounds_and_never_wrap() {
        assert_eq!(Time::NEVER + Span::seconds(1), Time::NEVER);
        assert_eq!(Span::seconds(u64::MAX) * 2, Span::millis(u64::MAX));
        assert_eq!(Span::micros(u64::MAX) + Span::micros(1), Span::micros(u64::MAX));
        let (early, late) = (Time::from_micros(5), Time::from_micros(12_345));
        assert_eq!(late - early, Span::micros(12_340));
        assert_eq!(early - late, Span::ZERO);
        assert_eq!((late.millis(), (late - early).as_millis()), (12, 12));
        let mut time = early;
        time += Span::millis(2);
        assert_eq!(time.micros(), 2_005);
    }
}
