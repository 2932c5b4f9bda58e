//! Protections: what keeps a cluster from losing, doubling or diverging, one rule each. A lab may
//! be made without one of them (`lab new --without NAME`), to see what it is for; the real system
//! has no such switch.

/// A rule that can be left out.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Protection {
    /// A follower asks with the epoch of its last record, and cuts what the leader does not have
    /// (KIP-101, KIP-279). Without it, it cuts at its own high watermark when it begins to follow.
    EpochTruncation,
    /// A fetch names the leadership that its sender believes in, and one from another time is
    /// refused (KIP-320).
    FetchEpoch,
    /// The high watermark waits for every member of the ISR.
    IsrRule,
    /// With `acks=all` a leader refuses while fewer than `min.insync.replicas` are in sync.
    MinIsr,
    /// A broker of which nothing is heard leads no longer.
    BrokerFencing,
    /// Only a replica that has all that was committed is elected.
    CleanElection,
    /// A group takes commits of the present generation alone.
    GenerationCheck,
    /// A leader knows a batch again that it has appended already (KIP-98).
    Idempotence,
    /// A producer that comes later with a transactional id fences the one before (KIP-98).
    TransactionFencing,
    /// A partition goes to another member only once its owner has given it up (KIP-429, KIP-848).
    CooperativeRevoke,
    /// An application commits what it has processed, and not what it is about to process.
    CommitAfterProcess,
}

/// Each protection with its name.
pub const PROTECTIONS: [(&str, Protection); 11] = [
    ("epoch-truncation", Protection::EpochTruncation),
    ("fetch-epoch", Protection::FetchEpoch),
    ("isr-rule", Protection::IsrRule),
    ("min-isr", Protection::MinIsr),
    ("broker-fencing", Protection::BrokerFencing),
    ("clean-election", Protection::CleanElection),
    ("generation-check", Protection::GenerationCheck),
    ("idempotence", Protection::Idempotence),
    ("transaction-fencing", Protection::TransactionFencing),
    ("cooperative-revoke", Protection::CooperativeRevoke),
    ("commit-after-process", Protection::CommitAfterProcess),
];

/// The setting of a broker or a consumer that names what it is without; the real one has none such.
pub const WITHOUT: &str = "lab.without";

/// The protections that are left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Without(u16);

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
