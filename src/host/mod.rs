//! The host runs the lab for a page: requests in, frames out; inline or behind a worker.

pub mod protocol;
