//! The Kafka engine through its facade: clients, a broker, faults, two runs alike.

mod harness;
mod produce_fetch;
