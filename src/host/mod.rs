//! The host runs the lab for a page: requests in, frames out; inline or behind a worker, by the
//! same code.
//!
//! - [`protocol`]: what page and host say to each other.
//! - [`server`]: the core. It reads no clock and does no IO: requests, real time and what came of
//!   its [`wish`]es go in; replies, frames and wishes come out.
//! - [`desk`]: an open lab, with its [`task`]s (anything that takes more than one slice of work),
//!   its [`pace`] (real time into virtual time), its [`saver`] (group commits) with [`residency`]
//!   (which blocks are in memory), its [`framing`] (what the page was not sent yet), and the
//!   lesson ([`teaching`]). A lesson has a place of its own in storage, so that it never takes that
//!   of the lab; one in progress goes on by replaying its [`journal`].
//! - [`link`]: a lab and its journal as the text of an address, or of a file.
//! - [`picture`]: the one place that asks the view for plain data.
//! - [`inline`]: a server with a store, in slices; [`drive`]: the loop around it.

pub mod desk;
pub mod drive;
pub mod framing;
pub mod inline;
pub mod journal;
pub mod lines;
pub mod link;
pub mod pace;
pub mod picture;
pub mod protocol;
pub mod residency;
pub mod saver;
pub mod server;
pub mod task;
pub mod teaching;
pub mod wish;
