//! The curves under the lanes.

use crate::lab::history::Sample;
use crate::view::scene::{Chart, ChartKind};

/// At most so many points of a curve: more cannot be seen at its width.
const POINTS_MAX: usize = 128;

/// All curves. Where several samples share a point, the greatest stands: a peak is never lost.
/// Each ends with what is so now.
pub fn charts(samples: &[Sample], now: Sample) -> Vec<Chart> {
    let chart = |kind, kafka: fn(&Sample) -> u64, rabbit: fn(&Sample) -> u64| {
        let (kafka, rabbit) = (curve(samples, &now, kafka), curve(samples, &now, rabbit));
        let all = kafka.iter().chain(&rabbit);
        let max = all.map(|(_, value)| *value).fold(0.0, f64::max);
        Chart { kind, kafka, rabbit, max }
    };
    vec![
        chart(ChartKind::Waiting, |s| s.kafka_waiting, |s| s.rabbit_waiting),
        chart(ChartKind::ConsumerMemory, |s| s.kafka_held, |s| s.rabbit_held),
        chart(ChartKind::Processed, |s| s.kafka_processed, |s| s.rabbit_processed),
    ]
}

fn curve(samples: &[Sample], now: &Sample, value: fn(&Sample) -> u64) -> Vec<(u64, f64)> {
    let group = samples.len().div_ceil(POINTS_MAX - 1).max(1);
    let greatest = |group: &[Sample]| {
        let at = group.last().map_or(0, |sample| sample.at.micros());
        (at, group.iter().map(value).max().unwrap_or(0) as f64)
    };
    let present = (now.at.micros(), value(now) as f64);
    samples.chunks(group).map(greatest).chain([present]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::Time;

    #[test]
    fn a_peak_is_never_lost() {
        let sample = |index: u64| Sample {
            at: Time::from_micros(index * 1_000),
            kafka_waiting: if index == 301 { 9 } else { 1 },
            ..Sample::default()
        };
        let samples: Vec<Sample> = (0..512).map(sample).collect();
        let now = Sample { at: Time::from_micros(900_000), ..Sample::default() };
        let charts = charts(&samples, now);
        assert!(charts.iter().all(|chart| chart.kafka.len() <= POINTS_MAX));
        assert_eq!(charts[0].max, 9.0);
        assert_eq!(charts[0].kafka.last(), Some(&(900_000, 0.0)));
    }
}
