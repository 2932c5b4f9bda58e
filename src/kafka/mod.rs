//! A Kafka-style cluster: partitioned logs; consumers pull.
//!
//! A **topic** is a name for some **partitions**; a partition is a log, a row of records that is
//! only ever added to. A record's place in it is its **offset**. Producers choose a partition and
//! send batches; the partition's leader stamps them with offsets and appends them. Consumers ask:
//! "what lies from this offset on?", and the broker may hold the question until it has an answer.
//! Reading changes nothing. Where a group of consumers stands is one number for each partition,
//! which is itself a record in a log.
//!
//! From the bytes upwards:
//!
//! - [`record`]: record batches, the bytes that travel unchanged from producer to consumer.
//! - [`log`]: segments, indexes, recovery.
//! - [`partition`]: a log at one of its replicas, leadership, and the high watermark.
//! - [`metadata`], [`group`]: what the cluster knows of topics, and of consumer groups.
//! - [`transaction`]: what counts together or not at all.
//! - [`assignor`]: who of a group reads which partition.
//! - [`message`]: every request and response, who sends it, when, why. [`error`]: what goes wrong.
//! - [`broker`]: the process that serves. [`controller`]: who decides what the cluster is.
//! - [`zookeeper`]: what there was before controllers of their own.
//! - [`client`]: what all clients share; [`producer`] with its [`partitioner`], [`consumer`],
//!   [`admin`].
//! - [`streams`]: what a Kafka Streams application does with its records.
//! - [`config`]: settings by their real names.
//! - [`process`]: the six programs behind one door. [`ways`]: what earlier versions did otherwise.
//!
//! What is not built yet, and said where it matters: quotas of what changes the cluster
//! (`controller_mutation_rate`, KIP-599).

pub mod admin;
pub mod assignor;
pub mod broker;
pub mod client;
pub mod cluster;
pub mod command;
pub mod config;
pub mod consumer;
pub mod controller;
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
pub mod protection;
pub mod record;
pub mod spec;
pub mod streams;
pub mod transaction;
pub mod ways;
pub mod zookeeper;

pub use cluster::Cluster;
pub use process::Process;

/// When a lab begins, in the milliseconds since 1970 that Kafka counts time in. Timestamps in
/// records, events and questions are this plus virtual time, so with 0 they are virtual time.
pub const EPOCH_MS: i64 = 0;

/// What a process of this world reads on its clock, in milliseconds since 1970.
pub fn now_ms(now: crate::sim::Time) -> i64 {
    EPOCH_MS + now.millis() as i64
}
