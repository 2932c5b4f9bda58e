//! Protections: what keeps a broker from losing messages or drowning its consumers, one rule each.
//! A lab may be made without one of them (`lab new --without NAME`), to see what it is for; the
//! real system has no such switch.

/// A rule that can be left out.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Protection {
    /// What a connection that is lost had not acknowledged goes back to its queue.
    RequeueOnCrash,
    /// A consumer has at most `prefetch` deliveries that it has not acknowledged.
    PrefetchLimit,
    /// A persistent message in a durable queue is confirmed when it is written.
    ConfirmAfterStore,
    /// A message that comes back to a queue in which it has died by itself is dropped.
    DeadLetterCycle,
    /// What goes through the log of a quorum queue is done when a majority has it on disk.
    QuorumMajority,
}

/// Each protection with its name.
pub const PROTECTIONS: [(&str, Protection); 5] = [
    ("requeue-on-crash", Protection::RequeueOnCrash),
    ("prefetch-limit", Protection::PrefetchLimit),
    ("confirm-after-store", Protection::ConfirmAfterStore),
    ("dead-letter-cycle", Protection::DeadLetterCycle),
    ("quorum-majority", Protection::QuorumMajority),
];

/// The setting of a broker that names what it is without; the real one has none such.
pub const WITHOUT: &str = "lab_without";

/// The protections that are left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Without(u8);

impl Without {
    /// Those named in a list with commas; names of others are left out.
    pub fn of(list: &str) -> Without {
        let known = PROTECTIONS.iter().filter(|(name, _)| list.split(',').any(|n| n == *name));
        Without(known.fold(0, |bits, (_, protection)| bits | 1 << *protection as u8))
    }

    /// True if this one is left out.
    pub fn lacks(self, protection: Protection) -> bool {
        self.0 & 1 << protection as u8 != 0
    }
}
