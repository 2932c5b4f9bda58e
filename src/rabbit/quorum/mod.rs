//! Quorum queues: a queue whose every change goes through the log of a Raft group.
//!
//! A publish, an acknowledgement, a consumer that comes or goes, a get: each is a
//! [command](command::Command) in the log. It is applied when it is committed: written and
//! flushed by a majority. Only then is a publish confirmed and a message delivered. All members
//! apply the same commands at the instants written in them, so all come to the same queue.
//!
//! - [`command`]: what the log holds;
//! - [`delays`]: what comes back and has to wait (4.3);
//! - [`fifo`]: the ready messages: returned ones first, then by priority;
//! - [`graves`]: dead letters that are kept until they are safe elsewhere;
//! - [`group`]: a member of the group in its node, its log and its disk;
//! - [`files`]: what it has on the disk;
//! - [`snapshot`]: the queue as bytes, so that the log can be cut;
//! - [`suspects`]: consumers of a node that cannot be reached (4.3).
//!
//! How a queue delivers and what limits it is the same as in a classic queue (the module
//! [`queue`](super::queue)), but for what stands in the facts of each module here.
//!
//! A queue has three members where there are so many nodes. Every other node has a copy of the log
//! without a vote. Each node does for its own channels what is committed: it confirms, delivers and
//! answers; only the leader tells expired messages from others, and sees to those that died.
//!
//! Simplified: each queue flushes a log of its own, where the queues of a real node share a
//! write-ahead log; a message stays in memory while it is in the queue; channels are not held back
//! while 32 commands are unapplied.

pub mod command;
pub mod delays;
pub mod fifo;
pub mod files;
pub mod graves;
pub mod group;
pub mod snapshot;
pub mod suspects;

pub use group::Group;
