//! The curves under the lanes, from the lab's history.

use super::super::scene::{Chart, ChartKind};
use crate::lab::Session;
use crate::lab::history::Sample;

/// At most so many points of a curve: more cannot be told apart on the strip.
const POINTS_MAX: usize = 160;

pub(super) fn charts(session: &Session) -> Vec<Chart> {
    let samples = session.history().samples();
    let stride = samples.len().div_ceil(POINTS_MAX).max(1);
    let kept: Vec<&Sample> = samples.iter().rev().step_by(stride).rev().collect();
    let chart = |kind, kafka: fn(&Sample) -> u64, rabbit: fn(&Sample) -> u64| {
        let curve = |of: fn(&Sample) -> u64| {
            kept.iter().map(|sample| (sample.at.micros(), of(sample) as f64)).collect::<Vec<_>>()
        };
        let (kafka, rabbit) = (curve(kafka), curve(rabbit));
        let max = kafka.iter().chain(&rabbit).map(|(_, value)| *value).fold(0.0, f64::max);
        Chart { kind, kafka, rabbit, max }
    };
    vec![
        chart(ChartKind::Waiting, |s| s.kafka_waiting, |s| s.rabbit_waiting),
        chart(ChartKind::ConsumerMemory, |s| s.kafka_held, |s| s.rabbit_held),
        chart(ChartKind::Processed, |s| s.kafka_processed, |s| s.rabbit_processed),
    ]
}
