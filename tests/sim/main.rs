//! The world itself, proven with toys: no broker here.

mod connections;
mod determinism;
mod disks;
mod play;
mod puppet;
mod reopened;
mod scenes;
mod toy;
