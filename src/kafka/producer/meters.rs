//! What a producer counts (`SenderMetricsRegistry`, `KafkaProducerMetrics`). A batch that is sent
//! again is counted again, as in the real one.

use super::client::Producer;
use crate::kafka::client::metrics::{Metric, Sampled};
use crate::kafka::event::TopicPartition;
use crate::ordered::BTreeMap;
use crate::sim::{Span, Time};
use std::rc::Rc;

const GROUP: &str = "producer-metrics";
const TOPIC_GROUP: &str = "producer-topic-metrics";

/// Records that were sent, sent again, and given up; and the bytes of batches that were sent.
#[derive(Clone, Copy, Debug, Default)]
struct Totals {
    sent: u64,
    retried: u64,
    failed: u64,
    bytes: u64,
}

/// What it counts.
#[derive(Clone, Debug, Default)]
pub struct Meters {
    /// By topic.
    topics: BTreeMap<Rc<str>, Totals>,
    batch_bytes: Sampled,
    queue_ms: Sampled,
    records_per_request: Sampled,
    latency_ms: Sampled,
}

impl Meters {
    fn of(&mut self, partition: &TopicPartition) -> &mut Totals {
        self.topics.entry(partition.topic.clone()).or_default()
    }

    /// A batch of so many records and bytes goes, after so long in the buffer.
    pub fn batch_sent(
        &mut self,
        partition: &TopicPartition,
        (records, bytes): (u64, u64),
        waited: Span,
        now: Time,
    ) {
        let totals = self.of(partition);
        totals.sent += records;
        totals.bytes += bytes;
        self.batch_bytes.record(bytes, now);
        self.queue_ms.record(waited.as_millis(), now);
    }

    /// A request with so many records goes.
    pub fn request_sent(&mut self, records: u64, now: Time) {
        self.records_per_request.record(records, now);
    }

    /// A request was answered.
    pub fn answered(&mut self, sent_at: Time, now: Time) {
        self.latency_ms.record(now.millis() - sent_at.millis(), now);
    }

    /// A batch of so many records is to be sent again.
    pub fn retried(&mut self, partition: &TopicPartition, records: u64) {
        self.of(partition).retried += records;
    }

    /// A batch of so many records was given up.
    pub fn failed(&mut self, partition: &TopicPartition, records: u64) {
        self.of(partition).failed += records;
    }
}

impl Producer {
    /// Its metrics.
    pub fn metrics(&self, now: Time) -> Vec<Metric> {
        let meters = &self.meters;
        let all = meters.topics.values();
        let total = |of: fn(&Totals) -> u64| all.clone().map(of).sum::<u64>() as f64;
        let memory = self.config.buffer_memory as f64;
        let own = [
            ("batch-size-avg", meters.batch_bytes.average(now)),
            ("batch-size-max", meters.batch_bytes.most(now)),
            ("buffer-available-bytes", self.accumulator.free_bytes() as f64),
            ("buffer-total-bytes", memory),
            ("record-error-total", total(|totals| totals.failed)),
            ("record-queue-time-avg", meters.queue_ms.average(now)),
            ("record-queue-time-max", meters.queue_ms.most(now)),
            ("record-retry-total", total(|totals| totals.retried)),
            ("record-send-total", total(|totals| totals.sent)),
            ("records-per-request-avg", meters.records_per_request.average(now)),
            ("request-latency-avg", meters.latency_ms.average(now)),
            ("request-latency-max", meters.latency_ms.most(now)),
            ("requests-in-flight", self.core.all_in_flight() as f64),
        ];
        let own = own.into_iter().chain(self.core.traffic());
        let own = own.map(|found| Metric::new(GROUP, found));
        let of_topics = meters.topics.iter().flat_map(|(topic, totals)| {
            let each = [
                ("byte-total", totals.bytes),
                ("record-error-total", totals.failed),
                ("record-retry-total", totals.retried),
                ("record-send-total", totals.sent),
            ];
            each.map(|(name, value)| {
                let metric = Metric::new(TOPIC_GROUP, (name, value as f64));
                Metric { topic: Some(topic.clone()), ..metric }
            })
        });
        own.chain(of_topics).collect()
    }
}
