//! A deterministic world of processes, networks and disks. It knows no broker.
//!
//! A [`World`] holds **nodes**: state machines with one door, [`Node::step`]. A node is given an
//! [`Input`] (it has started, a message has come, a timer is up, bytes were read) and fills an
//! [`Outbox`] (send this, wake me then, append these bytes to that file). It does no IO, reads no
//! clock and draws randomness only from its own stream, so the same seed and the same commands
//! give the same events, byte for byte, natively and in WebAssembly.
//!
//! - [`time`]: virtual time in microseconds; nothing here knows another clock.
//! - [`rng`]: named streams derived from one seed, so that one more consumer never changes what
//!   the network does.
//! - [`node`]: the door, its inputs and its outbox.
//! - [`network`]: connections with latency, bandwidth and order; isolate, partition, slow, drop,
//!   heal. `delivery` takes messages through it.
//! - [`disk`]: files of shared immutable blocks; *written* is not *flushed*. `machine` has the
//!   drive that they wait for, and the modelled page cache.
//! - [`cost`]: what work, network and drives cost, and the queueing servers that charge it.
//! - [`world`]: the clock, and what may be seen and done. `schedule` holds what is going to
//!   happen, `process` takes inputs to cores, `life` starts, stops, kills, saves and restores.
//! - [`alone`]: a process without all that.
//!
//! A clone of a world is cheap, shares what neither has changed, and continues identically. What
//! outlives the program ([`World::saved`]) gives the world back as [`World::crash_all`] would have
//! left it.
//!
//! Simplified: a step happens at the instant at which a core takes it up, and what it sends, reads
//! and flushes comes when the core is done; memory is not modelled here; metadata operations of a
//! file system (create, rename, truncate, delete) are durable at once.

pub mod alone;
pub mod cost;
mod delivery;
pub mod disk;
mod life;
mod machine;
pub mod network;
pub mod node;
mod page_cache;
mod process;
pub mod rng;
mod schedule;
mod shared;
pub mod time;
pub mod world;

pub use alone::Alone;
pub use cost::CostModel;
pub use disk::{Disk, Rope};
pub use life::{Saved, SavedProcess};
pub use node::{Input, MachineId, Message, MessageId, Node, NodeId, Outbox};
pub use process::Status;
pub use rng::Stream;
pub use time::{Span, Time};
pub use world::{Happening, Hop, Step, World};
