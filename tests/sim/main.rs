//! The world itself, proven with toys: no broker here.

mod connections;
mod determinism;
mod play;
mod toy;
