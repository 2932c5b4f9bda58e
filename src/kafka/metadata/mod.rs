//! What the cluster knows of itself: topics, partitions, leaders, settings, producer ids.
//!
//! All of it is a log: every change is a record in `__cluster_metadata-0/`, in the real format
//! ([`records`]), and the state is what those records add up to ([`image`]). What a request leads
//! to is decided here ([`controller`]: topics; [`election`]: who leads and who is in sync;
//! [`placement`]: where replicas go); [`super::controller`] writes and flushes the records, and
//! only then are they true; so a topic that was acknowledged survives a power cut.
//!
//! Simplified: no snapshots are taken of the log; replicas are not reassigned. A broker that is its
//! own controller is not registered and keeps its leader epochs over a restart, as nobody else can
//! have led meanwhile.

pub mod controller;
pub mod election;
pub mod image;
pub mod placement;
pub mod records;

pub use image::{BrokerImage, Image, PartitionImage, TopicImage};
pub use records::{MetadataRecord, Resource};

/// The topic of the metadata log.
pub const METADATA_TOPIC: &str = "__cluster_metadata";
/// The topic of committed offsets.
pub const OFFSETS_TOPIC: &str = "__consumer_offsets";
/// The topic of transactions.
pub const TRANSACTIONS_TOPIC: &str = "__transaction_state";

/// True for the brokers' own topics.
pub fn is_internal(topic: &str) -> bool {
    topic == OFFSETS_TOPIC || topic == TRANSACTIONS_TOPIC || topic == "__share_group_state"
}
