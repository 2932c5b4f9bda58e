//! What the charts show: a few figures of both sides over virtual time, thinned as time goes on.

use crate::sim::{Span, Time};

/// At most so many samples are kept; then every other one is dropped and the grain doubles.
const SAMPLES_MAX: usize = 512;

/// The figures at one instant.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sample {
    /// When.
    pub at: Time,
    /// Consumer lag of all groups.
    pub kafka_waiting: u64,
    /// Messages of all queues, ready and unacknowledged.
    pub rabbit_waiting: u64,
    /// Messages in the memory of Kafka consumers.
    pub kafka_held: u64,
    /// Messages in the memory of RabbitMQ consumers.
    pub rabbit_held: u64,
    /// Messages processed on the Kafka side.
    pub kafka_processed: u64,
    /// Messages processed on the RabbitMQ side.
    pub rabbit_processed: u64,
    /// Half of the last messages of the Kafka side took no longer, in microseconds.
    pub kafka_p50_us: u64,
    /// All but one in a hundred of them took no longer.
    pub kafka_p99_us: u64,
    /// The same of the RabbitMQ side.
    pub rabbit_p50_us: u64,
    /// The same of the RabbitMQ side.
    pub rabbit_p99_us: u64,
    /// Bytes in the page caches of the Kafka side.
    pub kafka_memory: u64,
    /// Bytes that the queues take of their broker's memory.
    pub rabbit_memory: u64,
    /// Bytes in the files of the Kafka side.
    pub kafka_disk: u64,
    /// Bytes in the files of the RabbitMQ side.
    pub rabbit_disk: u64,
    /// Messages of the network that arrived on the Kafka side so far.
    pub kafka_arrived: u64,
    /// Messages of the network that arrived on the RabbitMQ side so far.
    pub rabbit_arrived: u64,
}

/// Samples in the order of time.
#[derive(Clone, Debug)]
pub struct History {
    samples: Vec<Sample>,
    grain: Span,
    next_at: Time,
}

impl Default for History {
    fn default() -> History {
        History { samples: Vec::new(), grain: Span::millis(10), next_at: Time::ZERO }
    }
}

impl History {
    /// True if a sample is due.
    pub fn is_due(&self, now: Time) -> bool {
        now >= self.next_at
    }

    /// Adds a sample.
    pub fn push(&mut self, sample: Sample) {
        self.next_at = sample.at + self.grain;
        self.samples.push(sample);
        if self.samples.len() > SAMPLES_MAX {
            let mut keep = false;
            self.samples.retain(|_| {
                keep = !keep;
                keep
            });
            self.grain = self.grain * 2;
        }
    }

    /// All samples, oldest first.
    pub fn samples(&self) -> &[Sample] {
        &self.samples
    }
}
