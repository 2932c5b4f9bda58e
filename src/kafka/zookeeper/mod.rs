//! ZooKeeper: a small ensemble that keeps a tree of **znodes**, for clusters of the time before
//! KRaft (`--coordinator zookeeper`). It carries no messages: it knows who is alive, who is the
//! controller, which topics there are and who leads.
//!
//! - [`request`]: what a client asks and is told, named as in ZooKeeper's protocol.
//! - [`tree`]: the znodes: data, versions, children, owners of ephemeral ones.
//! - [`server`]: a member of the ensemble: it answers reads from its own tree, and sends writes
//!   through the leader; [`sessions`] are kept alive by their clients, and what was **ephemeral**
//!   goes with them.
//! - [`disk`]: its transaction log. [`life`]: its process.
//! - [`client`]: a session from the other side: brokers, old consumers and the shell have one.
//!
//! A **watch** is told once, by the server that the client is connected to, when the znode or its
//! children change. A write counts when a majority has it on disk; without a majority no server
//! serves, and clients look for another one until there is.
//!
//! Simplified: agreement is Raft's ([`crate::raft`]) in the place of ZAB, which is alike in all
//! that a client can see: one leader, epochs in the upper half of every zxid, majorities, the same
//! order everywhere. A reconnect to an earlier session is a write, where the real one asks only the
//! leader. No snapshots are taken of the tree; no access control lists are kept.

pub mod client;
pub mod disk;
pub mod life;
pub mod request;
pub mod server;
pub mod sessions;
pub mod tree;

use crate::sim::NodeId;

pub use client::{Session, SessionEvent};
pub use life::ZooKeeper;
pub use request::{Op, Reply, Stat, WatchEvent, WatchKind, ZkError};

/// Where the server of this number is: those of the ensemble are the first processes of their
/// world.
pub fn place_of(id: u32) -> NodeId {
    NodeId(id - 1)
}
