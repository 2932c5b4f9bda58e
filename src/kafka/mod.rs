//! A Kafka-style cluster: partitioned logs; consumers pull.

pub mod cluster;
pub mod command;
pub mod config;
pub mod error;
pub mod event;
pub mod inspect;
pub mod log;
pub mod partitioner;
pub mod record;
pub mod spec;

pub use cluster::Cluster;

/// When a lab begins, in the milliseconds since 1970 that Kafka counts time in: the first of
/// January 2026. Timestamps in records, events and questions are this plus virtual time.
pub const EPOCH_MS: i64 = 1_767_225_600_000;
