//! What clients count of themselves, under the names of Kafka's own metrics.
//!
//! Totals count from the start of a life. Averages and maxima are those of the last windows of
//! `metrics.sample.window.ms` (30 s), of which `metrics.num.samples` (2) are kept that are over
//! (`SampledStat`). Simplified: both settings have their defaults.

use crate::sim::{Span, Time};
use std::rc::Rc;

/// `metrics.sample.window.ms`.
const WINDOW: Span = Span::seconds(30);
/// `metrics.num.samples`.
const SAMPLES: usize = 2;

/// What happened in one window.
#[derive(Clone, Copy, Debug)]
struct Sample {
    began: Time,
    last: Time,
    count: u64,
    sum: u64,
    max: u64,
}

/// Figures of the last windows.
#[derive(Clone, Debug, Default)]
pub struct Sampled {
    samples: Vec<Sample>,
}

impl Sampled {
    /// Something has happened.
    pub fn record(&mut self, value: u64, now: Time) {
        let runs = |sample: &Sample| now.since(sample.began) < WINDOW;
        if !self.samples.last().is_some_and(runs) {
            if self.samples.len() > SAMPLES {
                self.samples.remove(0);
            }
            self.samples.push(Sample { began: now, last: now, count: 0, sum: 0, max: 0 });
        }
        if let Some(sample) = self.samples.last_mut() {
            sample.last = now;
            sample.count += 1;
            sample.sum += value;
            sample.max = sample.max.max(value);
        }
    }

    fn kept(&self, now: Time) -> impl Iterator<Item = &Sample> {
        let is_old = move |sample: &&Sample| now.since(sample.last) >= WINDOW * SAMPLES as u64;
        self.samples.iter().filter(move |sample| !is_old(sample))
    }

    /// The average; not a number if nothing happened.
    pub fn average(&self, now: Time) -> f64 {
        let add = |(sum, count), sample: &Sample| (sum + sample.sum, count + sample.count);
        let (sum, count) = self.kept(now).fold((0, 0), add);
        if count == 0 { f64::NAN } else { sum as f64 / count as f64 }
    }

    /// The largest; not a number if nothing happened.
    pub fn most(&self, now: Time) -> f64 {
        self.kept(now).map(|sample| sample.max).max().map_or(f64::NAN, |max| max as f64)
    }
}

/// What connections count (`Selector`).
#[derive(Clone, Copy, Debug, Default)]
pub struct Traffic {
    /// Requests that were sent.
    pub requests: u64,
    /// Responses that came.
    pub responses: u64,
    /// Connections that were opened.
    pub opened: u64,
    /// Connections that ended.
    pub ended: u64,
}

/// A metric of a client. Its tags are the client's id, and the topic if it is of one.
#[derive(Clone, Debug, PartialEq)]
pub struct Metric {
    /// Its group.
    pub group: &'static str,
    /// Its name.
    pub name: &'static str,
    /// The topic.
    pub topic: Option<Rc<str>>,
    /// Its value.
    pub value: f64,
}

impl Metric {
    /// One of the client.
    pub fn new(group: &'static str, (name, value): (&'static str, f64)) -> Metric {
        Metric { group, name, topic: None, value }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_windows_count() {
        let at = |seconds| Time::ZERO + Span::seconds(seconds);
        let mut sampled = Sampled::default();
        assert!(sampled.average(at(0)).is_nan());
        sampled.record(9, at(0));
        sampled.record(1, at(29));
        assert_eq!((sampled.average(at(29)), sampled.most(at(29))), (5.0, 9.0));
        // The first window is over, and kept for so long as its last value is not too old.
        sampled.record(2, at(30));
        assert_eq!((sampled.average(at(30)), sampled.most(at(88))), (4.0, 9.0));
        assert_eq!((sampled.average(at(89)), sampled.most(at(89))), (2.0, 2.0));
    }
}
