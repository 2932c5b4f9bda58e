//! A Kafka-style cluster: partitioned logs; consumers pull.

pub mod cluster;
pub mod command;
pub mod event;
pub mod inspect;
pub mod spec;

pub use cluster::{Cluster, Process};
