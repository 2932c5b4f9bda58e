//! ListOffsets: which offset belongs to a time. OffsetForLeaderEpoch: which one ends an epoch.

use super::life::Ticket;
use super::server::{Call, Server};
use crate::kafka::error::ErrorCode;
use crate::kafka::event::TopicPartition;
use crate::kafka::log::lookup::{LookupStep, TimestampLookup};
use crate::kafka::message::Response;
use crate::kafka::partition::Partition;
use crate::kafka::process::Out;
use crate::sim::Rope;

/// Asks for the high watermark.
pub const LATEST: i64 = -1;
/// Asks for the log start.
pub const EARLIEST: i64 = -2;
/// Asks for the record with the largest time.
pub const MAX_TIMESTAMP: i64 = -3;

/// The offsets of a log that have a time of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// The first offset that is still there.
    pub log_start: i64,
    /// Records below it may be read.
    pub high_watermark: i64,
    /// Records below it belong to no open transaction.
    pub last_stable: i64,
    /// The offset that the next record will get.
    pub log_end: i64,
}

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asker {
    /// A consumer with `isolation.level=read_uncommitted`, or a tool.
    ReadUncommitted,
    /// A consumer with `isolation.level=read_committed`.
    ReadCommitted,
    /// A follower.
    Replica,
}

impl Bounds {
    /// The answer to one of the special times, `None` for a time that has to be looked up.
    pub fn offset_at(&self, time: i64, asker: Asker) -> Option<i64> {
        match (time, asker) {
            (EARLIEST, _) => Some(self.log_start),
            (LATEST, Asker::ReadUncommitted) => Some(self.high_watermark),
            (LATEST, Asker::ReadCommitted) => Some(self.last_stable),
            (LATEST, Asker::Replica) => Some(self.log_end),
            _ => None,
        }
    }
}

fn bounds_of(partition: &Partition) -> Bounds {
    Bounds {
        log_start: partition.log.log_start(),
        high_watermark: partition.high_watermark(),
        last_stable: partition.last_stable(),
        log_end: partition.log.log_end(),
    }
}

/// Records below it may be an answer.
fn visible_end(partition: &Partition, asker: Asker) -> i64 {
    match asker {
        Asker::ReadCommitted => partition.last_stable(),
        Asker::ReadUncommitted | Asker::Replica => partition.high_watermark(),
    }
}

/// True while a new leader's high watermark has not reached the start of its epoch: it may be
/// smaller than what consumers have seen.
fn is_behind(partition: &Partition) -> bool {
    partition.leadership().is_some_and(|l| partition.high_watermark() < l.epoch_start)
}

/// One partition of a ListOffsets.
#[derive(Clone, Debug)]
struct Slot {
    partition: TopicPartition,
    outcome: Option<Result<i64, ErrorCode>>,
    lookup: Option<TimestampLookup>,
}

/// A ListOffsets that reads.
#[derive(Clone, Debug)]
pub struct DelayedLookup {
    /// Who asked.
    pub call: Call,
    asker: Asker,
    slots: Vec<Slot>,
}

impl DelayedLookup {
    /// True while it reads the files of a partition.
    pub fn is_reading(&self, partition: &TopicPartition) -> bool {
        self.slots.iter().any(|slot| slot.outcome.is_none() && slot.partition == *partition)
    }
}

fn begin_lookup(partition: &Partition, time: i64) -> Option<TimestampLookup> {
    let largest = || partition.log.segments().map(|s| s.largest_timestamp()).max();
    let target = if time == MAX_TIMESTAMP { largest()? } else { time };
    TimestampLookup::new(&partition.log, target).filter(|_| target >= 0)
}

impl Server {
    pub(super) fn offsets_for_leader_epoch(
        &self,
        call: &Call,
        partitions: Vec<(TopicPartition, i32, i32)>,
        out: &mut Out<'_>,
    ) {
        let results = partitions.into_iter().map(|(key, believed, epoch)| {
            let found = self.partitions.get(&key).ok_or(ErrorCode::UnknownTopicOrPartition);
            let end = found.and_then(|partition| {
                partition.check_epoch(believed)?;
                partition.leadership().ok_or(ErrorCode::NotLeaderOrFollower)?;
                Ok(partition.log.epochs.end_of(epoch, partition.log.log_end()))
            });
            (key, end)
        });
        call.answer(Response::OffsetsForLeaderEpoch(results.collect()), out);
    }

    pub(super) fn list_offsets(
        &mut self,
        call: Call,
        asker: Asker,
        partitions: Vec<(TopicPartition, i64)>,
        out: &mut Out<'_>,
    ) {
        let id = self.fresh_id();
        let slots = partitions.into_iter().map(|(partition, time)| {
            let (outcome, lookup) = match self.partitions.get(&partition) {
                None => (Some(Err(ErrorCode::UnknownTopicOrPartition)), None),
                Some(found) if found.leadership().is_none() => {
                    (Some(Err(ErrorCode::NotLeaderOrFollower)), None)
                }
                Some(found) => match bounds_of(found).offset_at(time, asker) {
                    Some(_) if time == LATEST && asker != Asker::Replica && is_behind(found) => {
                        (Some(Err(ErrorCode::OffsetNotAvailable)), None)
                    }
                    Some(offset) => (Some(Ok(offset)), None),
                    None => match begin_lookup(found, time) {
                        Some(lookup) => (None, Some(lookup)),
                        None => (Some(Ok(-1)), None),
                    },
                },
            };
            Slot { partition, outcome, lookup }
        });
        let slots = slots.collect::<Vec<_>>();
        let count = slots.len();
        self.lookups.insert(id, DelayedLookup { call, asker, slots });
        for index in 0..count {
            self.lookup_step(id, index, Rope::default(), out);
        }
        self.answer_lookup(id, out);
    }

    /// Bytes have come for one partition of a ListOffsets.
    pub(super) fn lookup_read(&mut self, id: u64, index: usize, bytes: Rope, out: &mut Out<'_>) {
        self.lookup_step(id, index, bytes, out);
        self.answer_lookup(id, out);
    }

    fn lookup_step(&mut self, id: u64, index: usize, bytes: Rope, out: &mut Out<'_>) {
        let Some(delayed) = self.lookups.get_mut(&id) else { return };
        let asker = delayed.asker;
        let slot = &mut delayed.slots[index];
        let Some(lookup) = slot.lookup.as_mut() else { return };
        let Some(partition) = self.partitions.get(&slot.partition) else {
            slot.outcome = Some(Err(ErrorCode::UnknownTopicOrPartition));
            return;
        };
        slot.outcome = match lookup.step(partition.log.log_start(), bytes) {
            LookupStep::Read { file, from, len } => {
                out.read(&file, from, len, Ticket::Lookup { lookup: id, index });
                None
            }
            LookupStep::Found(_, offset) if offset < visible_end(partition, asker) => {
                Some(Ok(offset))
            }
            LookupStep::Found(..) if is_behind(partition) => {
                Some(Err(ErrorCode::OffsetNotAvailable))
            }
            // A record that consumers cannot see yet is no answer.
            LookupStep::Found(..) | LookupStep::None => Some(Ok(-1)),
        };
    }

    fn answer_lookup(&mut self, id: u64, out: &mut Out<'_>) {
        let done = |lookup: &DelayedLookup| lookup.slots.iter().all(|s| s.outcome.is_some());
        if !self.lookups.get(&id).is_some_and(done) {
            return;
        }
        if let Some(delayed) = self.lookups.remove(&id) {
            let outcomes = delayed.slots.into_iter();
            let outcomes = outcomes.map(|slot| (slot.partition, slot.outcome.unwrap_or(Ok(-1))));
            delayed.call.answer(Response::ListOffsets(outcomes.collect()), out);
        }
    }
}
