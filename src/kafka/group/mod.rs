//! Consumer groups as their coordinator keeps them: members, and committed offsets.
//!
//! A group lives on one partition of `__consumer_offsets`, chosen by a hash of its id
//! ([`partition_for`]); the leader of that partition is its coordinator. Commits are records of
//! that partition ([`records`]), so they outlive the broker, and are loaded when it starts: until
//! then it answers COORDINATOR_LOAD_IN_PROGRESS.
//!
//! Simplified: a group has one member. It is `Stable` while that member is joined and `Empty`
//! otherwise; the member is gone when its connection ends, where a real coordinator waits for the
//! session timeout. There is no initial rebalance delay, no heartbeat, and no record of members in
//! the log. A second member is refused. All of this comes with the group protocol.

pub mod groups;
pub mod records;

pub use groups::{CommittedOffset, Group, Groups, Member};

/// `String.hashCode()` of Java, over UTF-16 code units.
pub fn java_hash(text: &str) -> i32 {
    text.encode_utf16().fold(0, |hash: i32, unit| hash.wrapping_mul(31).wrapping_add(unit.into()))
}

/// The partition of `__consumer_offsets` on which a group lives.
pub fn partition_for(group: &str, partitions: i32) -> i32 {
    // `Utils.abs`: the smallest number, which has no absolute value, counts as 0.
    java_hash(group).checked_abs().unwrap_or(0) % partitions
}
