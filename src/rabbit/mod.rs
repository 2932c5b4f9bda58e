//! A RabbitMQ-style broker: exchanges and queues; the broker pushes.

pub mod admin;
pub mod alarms;
pub mod broker;
pub mod channel;
pub mod cluster;
pub mod command;
pub mod confirms;
pub mod consumer;
pub mod consumers;
pub mod content;
pub mod credit;
pub mod death;
pub mod definitions;
pub mod dying;
pub mod error;
pub mod event;
pub mod exchange;
pub mod headers;
pub mod ids;
pub mod inspect;
pub mod kinds;
pub mod limits;
pub mod link;
pub mod message;
pub mod messages;
pub mod mirror;
pub mod names;
pub mod pattern;
pub mod policy;
pub mod probe;
pub mod process;
pub mod profile;
pub mod protection;
pub mod publisher;
pub mod queue;
pub mod quorum;
pub mod rates;
pub mod rules;
pub mod settings;
pub mod spec;
pub mod storage_v2;
pub mod stream;
pub mod talk;
pub mod topic;
pub mod wire;

pub use cluster::Cluster;
pub use process::Process;

#[cfg(test)]
mod tests;
