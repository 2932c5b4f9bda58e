//! The Kafka engine through its facade: clients, a broker, faults, two runs alike.

mod admin;
mod commits;
mod compaction;
mod crashes;
mod determinism;
mod faults;
mod groups;
mod harness;
mod produce_fetch;
mod producers;
