//! The controller: it alone changes what the cluster knows of itself.
//!
//! Every change is one or more records in the metadata log. A request is decided against the state
//! that all records written so far add up to; its records are appended and flushed, and only when
//! they are safe is the request answered and are brokers given them ([`active`]). Brokers *pull*:
//! each fetches the metadata log like a follower and applies it in order ([`metadata_fetch`]).
//!
//! - [`voter`]: a controller's part in the quorum: Raft over the metadata log.
//! - [`quorum`]: which of them is active, and what is committed.
//! - [`brokers`]: registration, heartbeats, fencing, the polite stop.
//! - [`partitions`]: ISR changes that leaders ask for, and elections.
//! - [`reassignment`]: other replicas for partitions that exist.
//! - [`topics`]: topics and their settings.
//! - [`snapshots`]: what all of it adds up to, written down from time to time.
//! - [`life`]: the process of a controller that is not also a broker.
//!
//! A broker that is alone is its own controller (`process.roles=broker,controller`): then what is
//! decided here is applied in the same process, and nothing is fetched; what it has flushed is
//! committed, and its epoch never changes.

pub mod active;
pub mod brokers;
pub mod life;
pub mod metadata_fetch;
pub mod partitions;
pub mod quorum;
pub mod reassignment;
pub mod snapshots;
pub mod topics;
pub mod voter;

pub use active::{Controller, ReplyTo};
pub use life::ControllerProcess;
