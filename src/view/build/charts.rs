//! The curves under the lanes.

use crate::lab::history::Sample;
use crate::view::scene::{Chart, ChartKind, Curve};

/// At most so many points of a curve: more cannot be seen at its width.
const POINTS_MAX: usize = 128;

/// A rate is that of the second before, in microseconds.
const RATE_US: u64 = 1_000_000;

type Value = fn(&Sample) -> u64;

/// All curves. Where several samples share a point, the greatest stands: a peak is never lost.
/// Each ends with what is so now.
pub fn charts(samples: &[Sample], now: Sample) -> Vec<Chart> {
    let levels = |kind, kafka: Value, rabbit: Value| {
        chart(kind, [curve(samples, &now, kafka), curve(samples, &now, rabbit)])
    };
    let rates = |kind, kafka: Value, rabbit: Value| {
        chart(kind, [rate(samples, &now, kafka), rate(samples, &now, rabbit)])
    };
    let mut latency = levels(ChartKind::Latency, |s| s.kafka_p50_us, |s| s.rabbit_p50_us);
    latency.kafka_high = curve(samples, &now, |s| s.kafka_p99_us);
    latency.rabbit_high = curve(samples, &now, |s| s.rabbit_p99_us);
    latency.max = greatest(latency.kafka_high.iter().chain(&latency.rabbit_high));
    vec![
        levels(ChartKind::Backlog, |s| s.kafka_waiting, |s| s.rabbit_waiting),
        chart(
            ChartKind::ConsumerMemory,
            [peaks(samples, &now, |s| s.kafka_held), peaks(samples, &now, |s| s.rabbit_held)],
        ),
        rates(ChartKind::Throughput, |s| s.kafka_processed, |s| s.rabbit_processed),
        latency,
        levels(ChartKind::BrokerMemory, |s| s.kafka_memory, |s| s.rabbit_memory),
        levels(ChartKind::Disk, |s| s.kafka_disk, |s| s.rabbit_disk),
        rates(ChartKind::Traffic, |s| s.kafka_arrived, |s| s.rabbit_arrived),
    ]
}

fn chart(kind: ChartKind, [kafka, rabbit]: [Curve; 2]) -> Chart {
    let max = greatest(kafka.iter().chain(&rabbit));
    Chart { kind, kafka, rabbit, kafka_high: Curve::new(), rabbit_high: Curve::new(), max }
}

fn greatest<'a>(points: impl Iterator<Item = &'a (u64, f64)>) -> f64 {
    points.map(|(_, value)| *value).fold(0.0, f64::max)
}

fn curve(samples: &[Sample], now: &Sample, value: Value) -> Curve {
    let all = samples.iter().chain([now]);
    thinned(all.map(|sample| (sample.at.micros(), value(sample) as f64)).collect())
}

/// The greatest value of the second before, at each sample: what a consumer holds goes up and down
/// with every message, and a curve of that is a blot. It ends with what is so now.
fn peaks(samples: &[Sample], now: &Sample, value: Value) -> Curve {
    let mut first = 0;
    let mut points = Curve::with_capacity(samples.len() + 1);
    for (index, sample) in samples.iter().enumerate() {
        let at = sample.at.micros();
        while samples[first].at.micros() + RATE_US <= at {
            first += 1;
        }
        let most = samples[first..=index].iter().map(value).max();
        points.push((at, most.unwrap_or(0) as f64));
    }
    points.push((now.at.micros(), value(now) as f64));
    thinned(points)
}

/// How much a count has grown in the second before, at each sample.
fn rate(samples: &[Sample], now: &Sample, value: Value) -> Curve {
    let all: Vec<&Sample> = samples.iter().chain([now]).collect();
    let mut first = 0;
    let mut points = Curve::with_capacity(all.len());
    for (index, sample) in all.iter().enumerate() {
        let at = sample.at.micros();
        // The last sample that is a second old, or the one before if samples are further apart.
        while first + 1 < index && all[first + 1].at.micros() + RATE_US <= at {
            first += 1;
        }
        let before = all[first];
        let span = at.saturating_sub(before.at.micros()).max(RATE_US) as f64;
        let grown = value(sample).saturating_sub(value(before)) as f64;
        points.push((at, grown / span * 1e6));
    }
    thinned(points)
}

fn thinned(points: Curve) -> Curve {
    let Some((last, earlier)) = points.split_last() else { return points };
    let group = earlier.len().div_ceil(POINTS_MAX - 1).max(1);
    let one =
        |group: &[(u64, f64)]| (group.last().map_or(0, |(at, _)| *at), greatest(group.iter()));
    earlier.chunks(group).map(one).chain([*last]).collect()
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

    #[test]
    fn a_rate_is_that_of_the_second_before() {
        // Five messages in each tenth of a second are fifty in a second.
        let sample = |index: u64| Sample {
            at: Time::from_micros(index * 100_000),
            kafka_processed: index * 5,
            ..Sample::default()
        };
        let samples: Vec<Sample> = (0..30).map(sample).collect();
        let points = rate(&samples, &sample(30), |sample| sample.kafka_processed);
        assert_eq!(points.last(), Some(&(3_000_000, 50.0)));
        // In the first second there is less than a second behind it.
        assert_eq!(points[5], (500_000, 25.0));
        assert_eq!(points[10], (1_000_000, 50.0));
    }

    #[test]
    fn what_comes_and_goes_with_every_message_is_drawn_as_its_peaks() {
        let sample = |index: u64| Sample {
            at: Time::from_micros(index * 100_000),
            rabbit_held: u64::from(index < 20 && index.is_multiple_of(7)),
            ..Sample::default()
        };
        let samples: Vec<Sample> = (0..30).map(sample).collect();
        let points = peaks(&samples, &sample(30), |sample| sample.rabbit_held);
        // The last one is at 1.4 s; a second later nothing is left of it.
        assert!(points[..24].iter().all(|(_, value)| *value == 1.0), "{points:?}");
        assert!(points[24..].iter().all(|(_, value)| *value == 0.0), "{points:?}");
    }

    #[test]
    fn samples_that_are_far_apart_have_a_rate_too() {
        let sample = |index: u64| Sample {
            at: Time::from_micros(index * 4_000_000),
            rabbit_arrived: index * 8,
            ..Sample::default()
        };
        let samples = [sample(0), sample(1)];
        let points = rate(&samples, &sample(2), |sample| sample.rabbit_arrived);
        // Eight in four seconds.
        assert_eq!(points, [(0, 0.0), (4_000_000, 2.0), (8_000_000, 2.0)]);
    }
}
