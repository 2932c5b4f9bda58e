//! What a consumer counts of its Fetches (`FetchMetricsRegistry`).
//!
//! Simplified: records and bytes are counted when they come, where the real consumer counts those
//! of a Fetch when `poll()` has handed all of them out.

use super::client::Consumer;
use super::fetcher::Held;
use crate::kafka::client::metrics::{Metric, Sampled};
use crate::kafka::record::varint::varint_bytes;
use crate::ordered::BTreeMap;
use crate::sim::Time;
use std::collections::VecDeque;
use std::rc::Rc;

const GROUP: &str = "consumer-fetch-manager-metrics";

/// Records, and their bytes.
#[derive(Clone, Copy, Debug, Default)]
struct Totals {
    records: u64,
    bytes: u64,
}

/// What it counts.
#[derive(Clone, Debug, Default)]
pub struct Meters {
    /// By topic.
    topics: BTreeMap<Rc<str>, Totals>,
    /// What the answer brought that is being read.
    coming: Totals,
    fetches: u64,
    latency_ms: Sampled,
    bytes: Sampled,
    records: Sampled,
    lag: Sampled,
}

impl Meters {
    /// Records of a partition have come.
    pub fn came(&mut self, topic: &Rc<str>, records: &VecDeque<Held>) {
        let size = |held: &Held| u64::from(held.bytes) + varint_bytes(held.bytes as i32) as u64;
        let (count, bytes) = (records.len() as u64, records.iter().map(size).sum::<u64>());
        let totals = self.topics.entry(topic.clone()).or_default();
        for totals in [totals, &mut self.coming] {
            totals.records += count;
            totals.bytes += bytes;
        }
    }

    /// All of an answer has been read.
    pub fn fetched(&mut self, sent_at: Time, now: Time) {
        self.fetches += 1;
        self.latency_ms.record(now.millis() - sent_at.millis(), now);
        let coming = std::mem::take(&mut self.coming);
        if coming.records > 0 {
            self.bytes.record(coming.bytes, now);
            self.records.record(coming.records, now);
        }
    }

    /// `poll()` has handed records of a partition out; so many are behind them.
    pub fn handed_out(&mut self, lag: u64, now: Time) {
        self.lag.record(lag, now);
    }
}

impl Consumer {
    /// Its metrics.
    pub fn metrics(&self, now: Time) -> Vec<Metric> {
        let meters = &self.meters;
        let all = meters.topics.values();
        let total = |of: fn(&Totals) -> u64| all.clone().map(of).sum::<u64>() as f64;
        let own = [
            ("bytes-consumed-total", total(|totals| totals.bytes)),
            ("fetch-latency-avg", meters.latency_ms.average(now)),
            ("fetch-latency-max", meters.latency_ms.most(now)),
            ("fetch-size-avg", meters.bytes.average(now)),
            ("fetch-size-max", meters.bytes.most(now)),
            ("fetch-total", meters.fetches as f64),
            ("records-consumed-total", total(|totals| totals.records)),
            ("records-lag-max", meters.lag.most(now)),
            ("records-per-request-avg", meters.records.average(now)),
        ];
        let of_topics = meters.topics.iter().flat_map(|(topic, totals)| {
            // A name with dots stands there twice until 5.0 (KIP-1109).
            let old = topic.contains('.').then(|| topic.replace('.', "_").into());
            let each = [
                ("bytes-consumed-total", totals.bytes),
                ("records-consumed-total", totals.records),
            ];
            [Some(topic.clone()), old].into_iter().flatten().flat_map(move |topic: Rc<str>| {
                each.map(|(name, value)| {
                    let metric = Metric::new(GROUP, (name, value as f64));
                    Metric { topic: Some(topic.clone()), ..metric }
                })
            })
        });
        own.into_iter().map(|found| Metric::new(GROUP, found)).chain(of_topics).collect()
    }
}
