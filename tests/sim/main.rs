//! The world itself, proven with toys: no broker here.
//!
//! Each property runs over `SEEDS` seeds, few enough to be waited for; after a change of the world
//! itself, run them once with twenty times as many. A failure names its seed.

mod connections;
mod determinism;
mod disks;
mod play;
mod puppet;
mod reopened;
mod scenes;
mod toy;
