//! A RabbitMQ-style broker: exchanges and queues; the broker pushes.

pub mod cluster;
pub mod command;
pub mod event;
pub mod inspect;
pub mod spec;

pub use cluster::{Cluster, Process};
