//! What the cluster knows of itself: topics, partitions, leaders, settings, producer ids.
//!
//! All of it is a log: every change is a record in `__cluster_metadata-0/`, in the real format
//! ([`records`]), and the state is what those records add up to ([`image`]). What a request leads
//! to is decided here ([`controller`]: topics; [`election`]: who leads and who is in sync;
//! [`placement`]: where replicas go); [`super::controller`] writes and flushes the records, and
//! only then are they true; so a topic that was acknowledged survives a power cut.
//!
//! So that nobody has to read the whole log for ever, what it adds up to is written down from time
//! to time ([`snapshot`]).
//!
//! Simplified: a broker that is its own controller is not registered and keeps its leader epochs
//! over a restart, as nobody else can have led meanwhile.

pub mod client_quota;
pub mod controller;
pub mod election;
pub mod image;
pub mod placement;
pub mod records;
pub mod snapshot;

pub use image::{BrokerImage, Image, PartitionImage, TopicImage};
pub use records::{MetadataRecord, Resource};
pub use snapshot::SnapshotId;

/// The topic of the metadata log.
pub const METADATA_TOPIC: &str = "__cluster_metadata";
/// The topic of committed offsets.
pub const OFFSETS_TOPIC: &str = "__consumer_offsets";
/// The topic of transactions.
pub const TRANSACTIONS_TOPIC: &str = "__transaction_state";

/// The topic in which share coordinators keep how far share groups have come.
pub const SHARE_STATE_TOPIC: &str = "__share_group_state";

/// True for the brokers' own topics.
pub fn is_internal(topic: &str) -> bool {
    [OFFSETS_TOPIC, TRANSACTIONS_TOPIC, SHARE_STATE_TOPIC].contains(&topic)
}
