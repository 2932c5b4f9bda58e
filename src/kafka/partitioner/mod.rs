//! Which partition a record goes to: the client decides, by one of these.
//!
//! - With a key, the Java client takes [`murmur2`] of it over **all** partitions, available or not.
//! - Without a key it stays on one partition until it has given it a batch's bytes, then draws
//!   another ([`sticky`]): that is not round robin.
//! - `RoundRobinPartitioner` deals them out one by one, keys or not.
//! - librdkafka's own default hashes keys with CRC-32, so the same key goes elsewhere than from a
//!   Java client; Sarama and librdkafka can use FNV-1a ([`librdkafka`]).

pub mod librdkafka;
pub mod murmur2;
pub mod sticky;

use crate::ordered::BTreeMap;
pub use sticky::{LoadStats, StickyPartitioner};

use super::error::client_error;
use crate::kafka::command::ApiError;
use crate::sim::Stream;
use std::rc::Rc;

/// The partitioner that a producer was configured with (`partitioner.class`).
#[derive(Clone, Debug, PartialEq)]
pub enum Partitioner {
    /// The Java client's own: murmur2 of the key, sticky without one.
    BuiltIn,
    /// One after the other, whatever the key.
    RoundRobin(BTreeMap<Rc<str>, u32>),
    /// One of librdkafka's, by its name there.
    Librdkafka(librdkafka::Kind),
}

impl Partitioner {
    /// The partitioner of this name: a Java class, or a name of librdkafka's `partitioner`.
    pub fn named(name: &str) -> Result<Partitioner, ApiError> {
        match name {
            "" | "null" => Ok(Partitioner::BuiltIn),
            "RoundRobinPartitioner" | "org.apache.kafka.clients.producer.RoundRobinPartitioner" => {
                Ok(Partitioner::RoundRobin(BTreeMap::new()))
            }
            _ => librdkafka::Kind::named(name).map(Partitioner::Librdkafka).ok_or_else(|| {
                client_error(
                    "ConfigException",
                    format!(
                        "Invalid value {name} for configuration partitioner.class: \
                         Class {name} could not be found."
                    ),
                )
            }),
        }
    }

    /// The partition of a record, unless the sticky choice is to be asked (`None`).
    /// `available` are the partitions with a leader.
    pub fn partition(
        &mut self,
        topic: &Rc<str>,
        key: Option<&[u8]>,
        (count, available): (u32, &[i32]),
        random: &mut Stream,
    ) -> Option<i32> {
        match self {
            Partitioner::BuiltIn => key.map(|key| murmur2::partition_for_key(key, count)),
            Partitioner::RoundRobin(counters) => {
                let counter = counters.entry(topic.clone()).or_default();
                let turn = *counter & 0x7fff_ffff;
                *counter = counter.wrapping_add(1);
                Some(match available.len() {
                    0 => (turn % count) as i32,
                    len => available[turn as usize % len],
                })
            }
            Partitioner::Librdkafka(kind) => Some(kind.partition(key, count, random)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn round_robin_deals_each_topic_out_over_its_available_partitions() {
        let mut random = Stream::named(1, "test");
        let mut round = Partitioner::named("RoundRobinPartitioner").expect("it exists");
        let (a, b): (Rc<str>, Rc<str>) = ("a".into(), "b".into());
        let mut take = |topic, available: &[i32]| {
            round.partition(topic, Some(b"same key"), (4, available), &mut random)
        };
        let dealt: Vec<_> = (0..5).map(|_| take(&a, &[0, 1, 3]).expect("it chooses")).collect();
        assert_eq!(dealt, [0, 1, 3, 0, 1]);
        assert_eq!(take(&b, &[0, 1, 2, 3]), Some(0), "each topic counts for itself");
        assert_eq!(take(&b, &[]), Some(1), "without leaders, over all");
    }

    #[test]
    fn an_unknown_partitioner_is_refused() {
        assert!(Partitioner::named("org.example.Mine").is_err());
    }
}
