//! The log of a partition: segments of record batches, with their indexes, as real files.
//!
//! A log is a directory `topic-partition/` of **segments**. A segment is named by its first offset
//! in 20 digits and has three files: `.log` (the batches, byte for byte what producers sent and
//! the leader stamped), `.index` (offset -> position) and `.timeindex` (time -> offset). Records
//! are only ever added to the last segment, the active one; when it is full, or old by *record*
//! time, a new one is rolled. Both indexes are sparse: an entry is written when more than
//! `index.interval.bytes` lie behind the last, so a look-up lands a little before its target and
//! walks batch headers from there.
//!
//! Written is not flushed: nothing flushes the tail, so that a power cut loses it and the other
//! replicas must have it. A rolled segment is flushed, and with it the **recovery point** moves.
//! A broker that was not stopped cleanly walks every batch from there at its next start, checks
//! it, cuts off the torn tail and rebuilds the indexes.
//!
//! - [`index`]: both sparse indexes.
//! - [`segment`]: one segment: what an append does to it, when it must be rolled.
//! - [`partition_log`]: segments in a row: append, roll, where to read, truncate.
//! - [`recent`]: where the last batches lie, so that the tail is found without a walk.
//! - [`epochs`]: which leader epoch began at which offset.
//! - [`producers`]: the last five batches of each idempotent producer.
//! - [`loader`]: opening a log at the start of a broker, with recovery.
//! - [`retention`]: which segments may go. [`compaction`]: which records may go.
//! - [`scan`]: reading a whole log, batch by batch.
//! - [`lookup`]: the first record not before a time.
//! - [`transactions`]: markers, what was aborted, the last stable offset.
//! - [`checkpoint`]: the small text files beside the logs.
//! - [`files`]: the few things a log does to files.
//!
//! Simplified: the real indexes are memory-mapped and grow with each entry; here their files are
//! written when a segment is rolled and at a clean stop (after a crash they are rebuilt in any
//! case). Index entries lie in memory for all segments. `flush.ms` does nothing yet.

pub mod checkpoint;
pub mod compaction;
mod entries;
pub mod epochs;
pub mod files;
pub mod index;
pub mod loader;
pub mod lookup;
pub mod partition_log;
pub mod producers;
pub mod recent;
pub mod retention;
pub mod scan;
pub mod segment;
pub mod transactions;

pub use epochs::EpochCache;
pub use files::Files;
pub use loader::{LoadStep, LogLoader};
pub use partition_log::{Log, ReadPlan};
pub use producers::ProducerStates;
pub use scan::LogScan;
pub use segment::Segment;
