//! Raft: a few members keep the same log, and what a majority has on disk is never lost.
//!
//! A [`Raft`] is a pure state machine: it reads no clock, draws from the stream it is lent, and
//! does no IO. Its owner hands it what happens (a message, a timer, a flush that is done, a
//! command to propose) and carries out the [`Action`]s that it asks for. It knows nothing of what
//! its commands mean: they are bytes.
//!
//! - [`message`]: what members say to each other, and what a member asks of its owner;
//! - [`log`]: the entries that are not in the snapshot yet;
//! - [`member`]: a member, its role and its timers;
//! - `election`: pre-vote, votes, who leads;
//! - `replication`: entries travel, majorities commit, stragglers get the snapshot;
//! - `membership`: members come and go, a leader hands over.
//!
//! **Written is not flushed.** Every action that writes has a number; the owner tells when all up
//! to a number is safe from a power cut ([`Raft::flushed`]). Until then a vote is not given, an
//! entry is not acknowledged, and a leader does not count itself. What an earlier life has
//! written is flushed before a new one begins.
//!
//! **Pre-vote**: before a member begins a term it asks whether it could win it, so that one who
//! was cut off does not disturb the others when it is back. A leader that does not hear from a
//! majority for two election timeouts steps down.
//!
//! After Ongaro and Ousterhout, *In Search of an Understandable Consensus Algorithm* (2014), and
//! section 9.6 of Ongaro's thesis for the pre-vote.
//!
//! Simplified: from when a change of who has a vote is written until it is applied, those of before
//! and those of after decide together; a snapshot travels in one message; a leader has one
//! `Append` under way to each member; reads go through the log as all else.

mod election;
pub mod log;
pub mod member;
mod membership;
pub mod message;
mod replication;
#[cfg(test)]
mod tests;

pub use log::Log;
pub use member::{Raft, Role, Saved, Timing};
pub use membership::Reads;
pub use message::{Action, Entry, MemberId, Message};
