//! The figures of the present instant, as the charts show them.

use super::Session;
use super::history::Sample;
use crate::{kafka, rabbit};

impl Session {
    /// The figures of the present instant.
    pub fn sample(&self) -> Sample {
        let lag = |group: kafka::inspect::GroupState| {
            group.offsets.iter().map(|position| position.lag.max(0) as u64).sum::<u64>()
        };
        let figures = self.ledger.figures();
        let (kafka, rabbit) = (self.kafka.clients(), self.rabbit.clients());
        let kafka = kafka.iter().filter(|c| c.kind == kafka::inspect::ClientKind::Consumer);
        let rabbit = rabbit.iter().filter(|c| c.kind == rabbit::inspect::ClientKind::Consumer);
        let queues = self.rabbit.queues();
        let of_kafka = self.latencies.kafka();
        let of_rabbit = self.latencies.rabbit();
        Sample {
            at: self.now,
            kafka_waiting: self.kafka.groups().into_iter().map(lag).sum(),
            rabbit_waiting: queues.iter().map(|queue| queue.ready + queue.unacked).sum(),
            kafka_held: kafka.map(|client| client.held_count).sum(),
            rabbit_held: rabbit.map(|client| client.held_count).sum(),
            kafka_processed: figures.kafka.processed,
            rabbit_processed: figures.rabbit.processed,
            kafka_p50_us: of_kafka.p50_us,
            kafka_p99_us: of_kafka.p99_us,
            rabbit_p50_us: of_rabbit.p50_us,
            rabbit_p99_us: of_rabbit.p99_us,
            kafka_memory: self.kafka.world.cached_bytes(),
            rabbit_memory: queues.iter().map(|queue| queue.memory).sum(),
            kafka_disk: disk_bytes(&self.kafka.world),
            rabbit_disk: disk_bytes(&self.rabbit.world),
            kafka_arrived: self.kafka.world.arrived(),
            rabbit_arrived: self.rabbit.world.arrived(),
        }
    }
}

/// Bytes in the files of all processes of a world.
fn disk_bytes<N: crate::sim::Node>(world: &crate::sim::World<N>) -> u64 {
    let files = world.ids().flat_map(|id| world.disk(id).iter());
    files.map(|(_, file)| file.len()).sum()
}
