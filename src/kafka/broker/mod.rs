//! A broker: one process that keeps logs, answers requests, and coordinates groups.
//!
//! Its life ([`life`]) is: start, which opens every log through recovery ([`startup`]); serving
//! ([`server`]); and a polite stop that flushes and closes the logs. A crash ends it anywhere.
//! While it starts it refuses connections, as a real one does whose socket server is not up.
//!
//! Serving is a table of requests. Most are answered at once; four kinds wait:
//! - a Produce waits for the high watermark (`acks=all`) or for a flush that its topic asks for
//!   ([`produce`]);
//! - a Fetch reads the disk, and if there is too little, waits for more ([`fetch`]): the long poll;
//! - a ListOffsets by time walks a stretch of a segment ([`list_offsets`]);
//! - the cleaner reads a compacted log and writes it anew ([`cleaner`]);
//! - changes of the cluster's state wait for the controller ([`topics`], [`channel`]).
//!
//! What it is a replica of, and which of them lead, the metadata log says ([`replicas`]). A leader
//! watches who is in sync ([`isr`]), a follower fetches ([`follower`]). [`lifecycle`] is how the
//! controller knows that it lives.
//!
//! In the ZooKeeper era the broker has a session with the ensemble ([`registry`], [`znodes`]); one
//! of the brokers is elected controller ([`elected`]) and says who leads ([`orders`]); old
//! consumers keep their offsets there ([`old_offsets`]).
//!
//! Offsets are committed through an append to `__consumer_offsets` like any other
//! ([`coordinator`]); joining a group waits for its other members ([`membership`]). Transactions
//! are decided the same way ([`transactions`]): a leader asks before it appends the first batch of
//! one ([`verification`]), and writes a marker when it is over ([`markers`]).
//!
//! The coordinator of share groups keeps what became of their records in `__share_group_state`
//! ([`share_state`]); the leader of a partition hands them out ([`share`]), and the groups tool may
//! have them begin elsewhere ([`share_offsets`]).
//!
//! Settings can change while it runs ([`settings`], before KRaft [`config_entities`]); what a
//! reassignment copies may be throttled ([`quota`]), and so may clients ([`client_quotas`]).
//!
//! The broker never decodes records: it reads batch headers, checks checksums, stamps offsets, and
//! hands the same bytes on. (A look-up by time and the loading of its own logs decode, as the real
//! ones do.)
//!
//! Simplified: one disk, one log directory; requests are served by the cores of the cost model in
//! the order in which they come; clients are not authorised.

pub mod channel;
pub mod cleaner;
pub mod client_quotas;
pub mod config_entities;
pub mod coordinator;
pub mod elected;
pub mod fetch;
pub mod follower;
pub mod isr;
pub mod life;
pub mod lifecycle;
pub mod list_offsets;
pub mod markers;
pub mod membership;
pub mod old_offsets;
pub mod orders;
pub mod produce;
pub mod quota;
pub mod registry;
pub mod replicas;
pub mod retention;
pub mod server;
pub mod settings;
pub mod share;
pub mod share_offsets;
pub mod share_state;
pub mod startup;
pub mod topics;
pub mod transactions;
pub mod verification;
pub mod znodes;

pub use life::{Broker, Ticket};
pub use server::Server;
