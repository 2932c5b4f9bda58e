//! Consumer groups as their coordinator keeps them: members, and committed offsets.
//!
//! A group lives on one partition of `__consumer_offsets`, chosen by a hash of its id
//! ([`partition_for`]); the leader of that partition is its coordinator. Commits and the members of
//! stable groups are records of that partition ([`records`]), so they outlive the broker, and are
//! loaded when it starts: until then it answers COORDINATOR_LOAD_IN_PROGRESS.
//!
//! A group speaks one of two protocols:
//! - [`classic`]: members meet at a barrier ([`joining`]), one of them divides the partitions
//!   ([`crate::kafka::assignor`]), and everybody is told. Eager members give everything up before;
//!   cooperative ones only what moves.
//! - [`modern`] (KIP-848): the coordinator divides; each member is led to its target by heartbeats,
//!   step by step ([`reconcile`]).
//!
//! [`share`] is the partition of a share group (KIP-932); what became of its records is kept in a
//! topic of its own ([`share_records`]). Its members are led like those of the modern protocol.
//!
//! Simplified: a group changes its protocol only while it is empty.

pub mod classic;
pub mod groups;
pub mod joining;
pub mod modern;
pub mod modern_records;
pub mod reconcile;
pub mod records;
pub mod share;
pub mod share_records;
pub mod subscription;

pub use groups::{CommittedOffset, Group, Groups, Kind};
pub use subscription::Subscription;

/// `String.hashCode()` of Java, over UTF-16 code units.
pub fn java_hash(text: &str) -> i32 {
    text.encode_utf16().fold(0, |hash: i32, unit| hash.wrapping_mul(31).wrapping_add(unit.into()))
}

/// The partition of `__consumer_offsets` on which a group lives.
pub fn partition_for(group: &str, partitions: i32) -> i32 {
    // `Utils.abs`: the smallest number, which has no absolute value, counts as 0.
    java_hash(group).checked_abs().unwrap_or(0) % partitions
}
