//! How fast virtual time runs while it plays.
//!
//! At speed 1 a virtual second takes a real one. **Short hops are stretched**: on a fast network
//! a message, its answer and all that follows from them pass within a few milliseconds, too fast
//! to be seen. So at speeds up to [`SPEED_STRETCHED_MAX`] virtual time stands still for
//! [`HOP_US`] of real time (at speed 1) after each message that got somewhere: at most seven
//! arrive in 300 ms, and the page, which lets each move for that long, never moves more than
//! seven at once.
//!
//! Standing still is paid from a purse that fills with a third of the real time that passes. A
//! lone message is seen at every hop, while a thousand a second empty the purse at once: in the
//! long run virtual time is never slower than two thirds of what was asked for.
//! Nothing of this changes what happens, only when it is shown.

use crate::sim::{Span, Time};

/// Above this speed nothing is stretched.
pub const SPEED_STRETCHED_MAX: f64 = 4.0;

/// How long virtual time stands still after a hop at speed 1: seven hops in 300 ms.
pub const HOP_US: f64 = 300_000.0 / 7.0;

/// The most that the purse holds: 14 hops at speed 1.
const PURSE_US_MAX: f64 = 600_000.0;

/// The part of real time that goes into the purse.
const PURSE_PART: f64 = 1.0 / 3.0;

/// After a longer absence only so much real time counts, in microseconds: a tab that slept does
/// not leap.
const ELAPSED_US_MAX: u64 = 250_000;

/// How fast virtual time runs.
#[derive(Clone, Debug)]
pub struct Pace {
    playing: bool,
    speed: f64,
    /// Virtual microseconds that are due and have not passed.
    owed_us: f64,
    purse_us: f64,
    /// Real microseconds for which virtual time still stands still.
    still_us: f64,
    /// True until the first real time has passed since play: what passed before does not count.
    fresh: bool,
}

impl Default for Pace {
    fn default() -> Pace {
        Pace {
            playing: false,
            speed: 1.0,
            owed_us: 0.0,
            purse_us: PURSE_US_MAX,
            still_us: 0.0,
            fresh: true,
        }
    }
}

/// What is to be done now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// Nothing.
    Nothing,
    /// Time may pass to this instant. If `stretched`, then hop by hop: each is told to
    /// [`Pace::hopped`].
    Until {
        /// The instant.
        until: Time,
        /// Whether hops are told.
        stretched: bool,
    },
    /// As much as can be done.
    Everything,
}

impl Pace {
    /// Lets virtual time run: so many virtual seconds in a real one; 0 is as fast as possible.
    /// What is no speed counts as 1.
    pub fn play(&mut self, speed: f64) {
        self.speed = if speed.is_finite() && speed >= 0.0 { speed } else { 1.0 };
        self.playing = true;
        self.settle();
    }

    /// Stops virtual time.
    pub fn pause(&mut self) {
        self.playing = false;
        self.settle();
    }

    /// Forgets what is owed: real time begins to count anew.
    pub fn settle(&mut self) {
        self.owed_us = 0.0;
        self.still_us = 0.0;
        self.fresh = true;
    }

    /// True while virtual time runs by itself.
    pub fn is_playing(&self) -> bool {
        self.playing
    }

    /// Virtual seconds in a real one; 0 is as fast as possible.
    pub fn speed(&self) -> f64 {
        self.speed
    }

    /// True if more is due at once, as far as the engine gets.
    pub fn owes(&self) -> bool {
        self.playing && (self.speed == 0.0 || (self.owed_us >= 1.0 && self.still_us <= 0.0))
    }

    /// Real time has passed: what is due now?
    pub fn due(&mut self, now: Time, elapsed_us: u64) -> Due {
        if !self.playing {
            return Due::Nothing;
        }
        if self.speed == 0.0 {
            return Due::Everything;
        }
        let elapsed = match std::mem::take(&mut self.fresh) {
            true => 0.0,
            false => elapsed_us.min(ELAPSED_US_MAX) as f64,
        };
        self.purse_us = (self.purse_us + elapsed * PURSE_PART).min(PURSE_US_MAX);
        let stood = elapsed.min(self.still_us);
        self.still_us -= stood;
        self.owed_us += (elapsed - stood) * self.speed;
        if self.still_us > 0.0 || self.owed_us < 1.0 {
            return Due::Nothing;
        }
        let until = now + Span::micros(self.owed_us as u64);
        Due::Until { until, stretched: self.speed <= SPEED_STRETCHED_MAX }
    }

    /// Messages got somewhere. True if virtual time now stands still for them.
    pub fn hopped(&mut self, hops: usize) -> bool {
        let wanted = HOP_US / self.speed * hops as f64;
        if hops == 0 || wanted > self.purse_us {
            return false;
        }
        self.purse_us -= wanted;
        self.still_us += wanted;
        true
    }

    /// Virtual time has passed; if not all that was due, then the engine is slower than the speed
    /// asked for, and what is missing is let go beyond one real absence.
    pub fn passed(&mut self, span: Span) {
        let longest = ELAPSED_US_MAX as f64 * self.speed;
        self.owed_us = (self.owed_us - span.as_micros() as f64).clamp(0.0, longest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Plays for `real_ms` in turns of `turn_ms`; a hop after each `hop_us` of virtual time.
    fn play(pace: &mut Pace, real_ms: u64, turn_ms: u64, hop_us: u64) -> (u64, Vec<u64>) {
        let (mut now, mut hops) = (0, Vec::new());
        for turn in 0..=real_ms / turn_ms {
            let due = pace.due(Time::from_micros(now), turn_ms * 1_000);
            let Due::Until { until, stretched } = due else { continue };
            loop {
                let next = (now / hop_us + 1) * hop_us;
                let here = next.min(until.micros());
                pace.passed(Span::micros(here - now));
                now = here;
                if now < next {
                    break;
                }
                hops.push(turn * turn_ms);
                if stretched && pace.hopped(1) {
                    break;
                }
            }
        }
        (now, hops)
    }

    #[test]
    fn a_virtual_second_takes_a_real_one_at_speed_1() {
        for speed in [0.25, 1.0, 2.0, 8.0] {
            let mut pace = Pace::default();
            pace.play(speed);
            let (now, _) = play(&mut pace, 1_000, 16, u64::MAX / 2);
            assert_eq!(now, (992_000.0 * speed) as u64, "speed {speed}");
        }
    }

    #[test]
    fn a_burst_of_hops_is_seen_hop_by_hop() {
        let mut pace = Pace::default();
        pace.play(1.0);
        // Ten hops a quarter of a millisecond apart, and then a pause.
        let (_, hops) = play(&mut pace, 400, 16, 250);
        for window in hops.windows(8) {
            assert!(window[7] - window[0] >= 285, "more than seven in 300 ms: {hops:?}");
        }
        assert!(hops.len() >= 8, "{hops:?}");
    }

    #[test]
    fn a_flood_runs_at_two_thirds_of_its_speed_at_least() {
        let mut pace = Pace::default();
        pace.play(1.0);
        let (now, _) = play(&mut pace, 20_000, 16, 1_000);
        assert!(now >= 20_000_000 * 2 / 3 - PURSE_US_MAX as u64, "{now}");
        let mut fast = Pace::default();
        fast.play(8.0);
        let (now, _) = play(&mut fast, 1_000, 16, 1_000);
        assert_eq!(now, 7_936_000, "nothing is stretched at 8x");
    }

    #[test]
    fn nonsense_is_speed_1_and_a_long_absence_is_no_leap() {
        let mut pace = Pace::default();
        for speed in [f64::NAN, f64::INFINITY, -3.0] {
            pace.play(speed);
            assert_eq!(pace.speed(), 1.0);
        }
        assert_eq!(pace.due(Time::ZERO, 5_000_000), Due::Nothing, "from before play");
        let Due::Until { until, .. } = pace.due(Time::ZERO, 3_600_000_000) else { panic!() };
        assert_eq!(until, Time::from_micros(ELAPSED_US_MAX));
        pace.pause();
        assert_eq!(pace.due(Time::ZERO, 16_000), Due::Nothing);
    }
}
