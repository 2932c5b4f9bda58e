//! The client behind the command-line tools: it turns a question into the requests that the real
//! tool sends, one after the other, and the answers into one answer.
//!
//! - [`client`]: the process; questions are worked on side by side.
//! - [`job`]: one question: which request comes next, and what its answer means.
//! - [`each`]: one question of several groups, topics or brokers.
//! - [`reassignment`]: what other replicas for partitions take.
//! - [`answers`]: what the tools make of what was gathered.
//!
//! A request that fails for a passing reason (the broker starts, a coordinator loads) is tried
//! again until `default.api.timeout.ms` (60 s) is over; then the question has timed out.

pub mod answers;
pub mod client;
pub mod each;
pub mod job;
pub mod reassignment;

pub use client::Admin;
