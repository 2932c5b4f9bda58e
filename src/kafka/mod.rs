//! A Kafka-style cluster: partitioned logs; consumers pull.

pub mod admin;
pub mod broker;
pub mod client;
pub mod cluster;
pub mod command;
pub mod config;
pub mod consumer;
pub mod error;
pub mod event;
pub mod group;
pub mod inspect;
pub mod log;
pub mod message;
pub mod metadata;
pub mod partition;
pub mod partitioner;
pub mod process;
pub mod producer;
pub mod record;
pub mod spec;

pub use cluster::Cluster;
pub use process::Process;

/// When a lab begins, in the milliseconds since 1970 that Kafka counts time in. Timestamps in
/// records, events and questions are this plus virtual time, so with 0 they are virtual time.
pub const EPOCH_MS: i64 = 0;

/// What a process of this world reads on its clock, in milliseconds since 1970.
pub fn now_ms(now: crate::sim::Time) -> i64 {
    EPOCH_MS + now.millis() as i64
}
