//! Producer id, epoch, and the next sequence number of each partition.

use crate::kafka::event::TopicPartition;
use crate::kafka::record::builder::ProducerStamp;
use crate::kafka::record::header::sequence_after;
use crate::ordered::BTreeMap;

/// Where one partition stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Sequence {
    epoch: i16,
    next: i32,
    /// The last sequence number that was acknowledged; -1 before the first.
    last_acknowledged: i32,
    /// True after a batch was given up although it may have been stored.
    unresolved: bool,
}

/// The numbers of an idempotent producer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sequences {
    id: i64,
    epoch: i16,
    partitions: BTreeMap<TopicPartition, Sequence>,
}

impl Sequences {
    /// With the id and epoch that the broker gave.
    pub fn new(id: i64, epoch: i16) -> Sequences {
        Sequences { id, epoch, partitions: BTreeMap::new() }
    }

    /// Numbers a batch of so many records that leaves for the first time. `idle` is true if no
    /// numbered batch of the partition is under way or waits for a retry: only then may it take
    /// up a newer epoch.
    pub fn number(
        &mut self,
        partition: &TopicPartition,
        records: i32,
        idle: bool,
    ) -> ProducerStamp {
        let epoch = self.epoch;
        let fresh = Sequence { epoch, next: 0, last_acknowledged: -1, unresolved: false };
        let sequence = self.partitions.entry(partition.clone()).or_insert(fresh);
        if sequence.epoch != epoch && idle {
            *sequence = fresh;
        }
        let base_sequence = sequence.next;
        sequence.next = sequence_after(base_sequence, records);
        ProducerStamp { id: self.id, epoch: sequence.epoch, base_sequence }
    }

    /// A batch was acknowledged.
    pub fn acknowledged(&mut self, partition: &TopicPartition, stamp: ProducerStamp, records: i32) {
        if let Some(sequence) = self.partitions.get_mut(partition)
            && sequence.epoch == stamp.epoch
        {
            sequence.last_acknowledged = sequence_after(stamp.base_sequence, records - 1);
        }
    }

    /// True if this batch comes right behind what was acknowledged last.
    pub fn is_next(&self, partition: &TopicPartition, stamp: ProducerStamp) -> bool {
        self.partitions.get(partition).is_some_and(|sequence| {
            let next = match sequence.last_acknowledged {
                -1 => 0,
                last => sequence_after(last, 1),
            };
            sequence.epoch == stamp.epoch && next == stamp.base_sequence
        })
    }

    /// A numbered batch was given up: the broker may or may not have it.
    pub fn given_up(&mut self, partition: &TopicPartition) {
        if let Some(sequence) = self.partitions.get_mut(partition) {
            sequence.unresolved = true;
        }
    }

    /// True while it is open whether a batch that was given up is stored.
    pub fn is_unresolved(&self, partition: &TopicPartition) -> bool {
        self.partitions.get(partition).is_some_and(|sequence| sequence.unresolved)
    }

    /// Nothing of the partition is under way any more: if all that was numbered is acknowledged,
    /// the doubt is over; if not, there is a gap. True if there is one.
    pub fn resolve(&mut self, partition: &TopicPartition) -> bool {
        let Some(sequence) = self.partitions.get_mut(partition) else { return false };
        let acknowledged = match sequence.last_acknowledged {
            -1 => 0,
            last => sequence_after(last, 1),
        };
        sequence.unresolved = false;
        acknowledged != sequence.next
    }

    /// Begins a new epoch, in which this partition counts from 0 again.
    pub fn bump_epoch(&mut self, partition: &TopicPartition) {
        self.epoch = self.epoch.wrapping_add(1).max(0);
        let fresh =
            Sequence { epoch: self.epoch, next: 0, last_acknowledged: -1, unresolved: false };
        self.partitions.insert(partition.clone(), fresh);
    }
}
