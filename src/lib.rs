//! pushpull: a laboratory for message brokers.
pub mod kafka;
pub mod rabbit;
pub mod sim;
