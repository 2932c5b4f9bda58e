//! What the cluster knows of itself: topics, partitions, leaders, settings, producer ids.
//!
//! All of it is a log: every change is a record in `__cluster_metadata-0/`, in the real format
//! ([`records`]), and the state is what those records add up to ([`image`]). The controller decides
//! which records a request leads to ([`controller`]), writes and flushes them, and only then are
//! they true; so a topic that was acknowledged survives a power cut.
//!
//! Simplified: the one broker is its own controller, and its log needs no quorum and no epochs; a
//! restart makes it leader again in the same leader epoch, as nobody else can have led meanwhile.
//! Brokers are not registered, so there are no fencing and no broker epochs. No snapshots are
//! taken of the log.

pub mod controller;
pub mod election;
pub mod image;
pub mod placement;
pub mod records;

pub use image::{BrokerImage, Image, PartitionImage, TopicImage};
pub use records::MetadataRecord;

/// The topic of the metadata log.
pub const METADATA_TOPIC: &str = "__cluster_metadata";
/// The topic of committed offsets.
pub const OFFSETS_TOPIC: &str = "__consumer_offsets";

/// True for the brokers' own topics.
pub fn is_internal(topic: &str) -> bool {
    topic == OFFSETS_TOPIC || topic == "__transaction_state" || topic == "__share_group_state"
}
