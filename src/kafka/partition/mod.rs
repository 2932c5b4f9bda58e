//! A partition at one of its replicas.
//!
//! One replica **leads**: producers and consumers talk to it alone. The others **follow**: they
//! fetch from the leader as a consumer would, but up to the log end, and append the same bytes.
//! By the offset from which a follower fetches, the leader knows what it has. The **high
//! watermark** is what every member of the ISR has; the leader moves it, and tells it with the next
//! answer, so a follower learns it one fetch later ([`leadership`]).
//!
//! A **leader epoch** is a leadership's number. The leader stamps it into each batch; a fetch names
//! the epoch its sender believes in and the epoch of its last record. So a request from another
//! time is refused (KIP-320), and a follower whose tail comes from a leadership that ended earlier
//! is told where to cut (KIP-101, KIP-279). [`replica`] has the state and what changes it; those of
//! a broker are its [`Partitions`].

pub mod leadership;
pub mod partitions;
pub mod replica;

pub use leadership::Leadership;
pub use partitions::Partitions;
pub use replica::{AppendTime, LeaderAppend, Partition, Role};
