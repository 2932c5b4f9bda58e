//! Where to read: committed offsets, resets, and `position()` of each partition.

use super::client::{Asked, Consumer};
use crate::kafka::error::{ErrorCode, client_error};
use crate::kafka::event::{Event, TopicPartition};
use crate::kafka::message::request::OffsetAndEpoch;
use crate::kafka::message::{Request, Response};
use crate::kafka::now_ms;
use crate::kafka::process::Out;
use crate::kafka::spec::{Reads, StartAt};
use crate::ordered::BTreeMap;
use crate::sim::Time;

/// What is known of one partition's position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// The group's committed offset has to be asked for.
    Committed,
    /// The partition's beginning or end has to be asked for.
    Reset(StartAt),
    /// The next record that `poll()` will return.
    At(i64),
}

#[derive(Clone, Debug)]
struct Position {
    place: Place,
    /// The leader epoch of the last record before it; -1 if it does not come from reading.
    epoch: i32,
    /// The leader epoch under which it is known to be right; -1 if under none.
    valid_under: i32,
    /// True while a leader is asked whether it is.
    validating: bool,
    /// The follower from which it is read, and until when.
    preferred: Option<(i32, Time)>,
    asking: bool,
    retry_at: Time,
    failures: u32,
}

/// The partitions that a consumer reads.
#[derive(Clone, Debug, Default)]
pub struct Positions {
    all: BTreeMap<TopicPartition, Position>,
    /// In which order they are fetched: one that gave records goes to the end.
    order: Vec<TopicPartition>,
}

impl Positions {
    /// These partitions are read from now on. Those that were read before keep their positions.
    pub fn assign(&mut self, partitions: Vec<TopicPartition>) {
        self.all.retain(|partition, _| partitions.contains(partition));
        self.order.retain(|partition| partitions.contains(partition));
        for partition in partitions {
            self.add(partition, Place::Committed);
        }
    }

    /// A partition is read from a place of its own.
    pub fn begin(&mut self, partition: TopicPartition, from: StartAt) {
        self.add(partition, Place::Reset(from));
    }

    /// A partition is read no more.
    pub fn end(&mut self, partition: &TopicPartition) {
        self.all.remove(partition);
        self.order.retain(|other| other != partition);
    }

    fn add(&mut self, partition: TopicPartition, place: Place) {
        if !self.all.contains_key(&partition) {
            self.order.push(partition.clone());
            let (retry_at, failures) = (Time::ZERO, 0);
            let fresh = Position {
                place,
                epoch: -1,
                valid_under: -1,
                validating: false,
                preferred: None,
                asking: false,
                retry_at,
                failures,
            };
            self.all.insert(partition, fresh);
        }
    }

    /// True if a partition is read.
    pub fn reads(&self, partition: &TopicPartition) -> bool {
        self.all.contains_key(partition)
    }

    /// The partitions that are read.
    pub fn assigned(&self) -> impl Iterator<Item = &TopicPartition> {
        self.all.keys()
    }

    /// True if it knows from where to read all that it reads.
    pub fn are_known(&self) -> bool {
        let known = |position: &Position| matches!(position.place, Place::At(_));
        self.all.values().all(known)
    }

    /// `position()` of each partition, as far as it is known.
    pub fn iter(&self) -> impl Iterator<Item = (&TopicPartition, i64)> {
        self.all.iter().filter_map(|(partition, position)| match position.place {
            Place::At(offset) => Some((partition, offset)),
            Place::Committed | Place::Reset(_) => None,
        })
    }

    /// `position()` of a partition.
    pub fn get(&self, partition: &TopicPartition) -> Option<i64> {
        match self.all.get(partition)?.place {
            Place::At(offset) => Some(offset),
            Place::Committed | Place::Reset(_) => None,
        }
    }

    /// The partitions in fetch order with their positions, if they may be fetched now.
    pub fn fetchable(&self, now: Time) -> impl Iterator<Item = (&TopicPartition, i64)> {
        self.order.iter().filter_map(move |partition| {
            let position = self.all.get(partition)?;
            match position.place {
                Place::At(offset) if position.retry_at <= now && !position.validating => {
                    Some((partition, offset))
                }
                _ => None,
            }
        })
    }

    /// It is read on from here.
    pub fn advance(&mut self, partition: &TopicPartition, offset: i64) {
        self.advance_from(partition, offset, -1);
    }

    /// Records up to here were handed out, the last of them of this leader epoch.
    pub fn advance_from(&mut self, partition: &TopicPartition, offset: i64, epoch: i32) {
        if let Some(position) = self.all.get_mut(partition) {
            position.place = Place::At(offset);
            position.epoch = epoch;
        }
    }

    /// It is read on from where the group stands. Who read the last record did so under its epoch:
    /// under that the position is right. Simplified: a real consumer asks the leader even if that
    /// has the same epoch, in which nothing can have been cut.
    fn resume(&mut self, partition: &TopicPartition, from: OffsetAndEpoch) {
        self.advance_from(partition, from.offset, from.epoch);
        if let Some(position) = self.all.get_mut(partition) {
            position.valid_under = from.epoch;
        }
    }

    /// Partitions whose position comes from reading under another leader epoch than the present
    /// one, with that and the epoch of what was read.
    pub(super) fn take_unsure(
        &mut self,
        now: Time,
        leader_epoch: impl Fn(&TopicPartition) -> Option<i32>,
    ) -> Vec<(TopicPartition, i32, i32)> {
        let mut unsure = Vec::new();
        for (partition, position) in &mut self.all {
            let Some(present) = leader_epoch(partition) else { continue };
            let is_at = matches!(position.place, Place::At(_));
            if !is_at || position.valid_under == present {
                continue;
            }
            // What does not come from reading has nothing that could have been cut.
            position.validating = position.epoch >= 0 && position.valid_under >= 0;
            match position.validating {
                false => position.valid_under = present,
                true if position.retry_at <= now => {
                    unsure.push((partition.clone(), present, position.epoch));
                }
                true => {}
            }
        }
        unsure
    }

    /// A position is right under this leader epoch.
    pub(super) fn validated(&mut self, partition: &TopicPartition, leader_epoch: i32) {
        self.answered(partition);
        if let Some(position) = self.all.get_mut(partition) {
            (position.valid_under, position.validating) = (leader_epoch, false);
        }
    }

    /// The leader epoch of what was read last; -1 if it is not known.
    pub(super) fn epoch(&self, partition: &TopicPartition) -> i32 {
        self.all.get(partition).map_or(-1, |position| position.epoch)
    }

    /// An offset to commit, with the leader epoch of what was handed out last.
    pub(super) fn with_epoch(
        &self,
        partition: &TopicPartition,
        offset: i64,
    ) -> (TopicPartition, OffsetAndEpoch) {
        let epoch = self.epoch(partition);
        (partition.clone(), OffsetAndEpoch { offset, epoch })
    }

    /// The follower from which a partition is read at this instant.
    pub(super) fn preferred(&self, partition: &TopicPartition, now: Time) -> Option<i32> {
        let (broker, until) = self.all.get(partition)?.preferred?;
        (now < until).then_some(broker)
    }

    /// A partition is read from a follower until then; from its leader again with `None`. True if
    /// it was read from a follower before.
    pub(super) fn prefer(
        &mut self,
        partition: &TopicPartition,
        preferred: Option<(i32, Time)>,
    ) -> bool {
        let Some(position) = self.all.get_mut(partition) else { return false };
        std::mem::replace(&mut position.preferred, preferred).is_some()
    }

    /// `seek()`; a partition that is not read is passed over.
    pub fn seek(&mut self, partition: &TopicPartition, offset: i64) {
        self.advance(partition, offset);
    }

    /// The position is not known any more: it is reset.
    pub fn reset(&mut self, partition: &TopicPartition, to: StartAt) {
        if let Some(position) = self.all.get_mut(partition) {
            position.place = Place::Reset(to);
        }
    }

    /// All is read again from where the group stands.
    pub fn back_to_committed(&mut self) {
        for position in self.all.values_mut() {
            position.place = Place::Committed;
        }
    }

    /// A partition gave records: the others come first next time.
    pub fn move_to_end(&mut self, partition: &TopicPartition) {
        if let Some(index) = self.order.iter().position(|other| other == partition) {
            let partition = self.order.remove(index);
            self.order.push(partition);
        }
    }

    /// A partition is not asked about again before this instant.
    pub fn hold_off(&mut self, partition: &TopicPartition, until: Time) {
        if let Some(position) = self.all.get_mut(partition) {
            position.asking = false;
            position.failures += 1;
            position.retry_at = until;
        }
    }

    fn failures(&self, partition: &TopicPartition) -> u32 {
        self.all.get(partition).map_or(0, |position| position.failures)
    }

    fn answered(&mut self, partition: &TopicPartition) {
        if let Some(position) = self.all.get_mut(partition) {
            position.asking = false;
            position.failures = 0;
        }
    }
}

impl Consumer {
    /// `assign()`: takes the partitions as soon as the topic is known.
    pub(super) fn assign_by_hand(&mut self) {
        let Reads::Assigned { topic, partition, from } = &self.spec.reads else { return };
        let (partition, from) = (*partition, *from);
        let Some(Ok(found)) = self.core.metadata.topic(topic) else { return };
        let count = found.partitions.len() as i32;
        let numbers = match partition {
            Some(number) if number < count => number..number + 1,
            Some(_) => 0..0,
            None => 0..count,
        };
        for number in numbers {
            let place = match from {
                StartAt::Offset(offset) => Place::At(offset),
                from => Place::Reset(from),
            };
            self.positions.add(TopicPartition::new(topic, number), place);
        }
    }

    /// Asks for what is missing; says when to look again.
    pub(super) fn pump_positions(&mut self, out: &mut Out<'_>) -> Option<Time> {
        self.ask_committed(out);
        self.ask_offsets(out);
        self.ask_epochs(out);
        let waiting = self.positions.all.values().map(|position| position.retry_at);
        waiting.filter(|at| *at > out.now()).min()
    }

    fn to_ask(&self, wanted: impl Fn(Place) -> bool, now: Time) -> Vec<TopicPartition> {
        let all = self.positions.all.iter().filter(|(_, position)| {
            wanted(position.place) && !position.asking && position.retry_at <= now
        });
        all.map(|(partition, _)| partition.clone()).collect()
    }

    fn ask_committed(&mut self, out: &mut Out<'_>) {
        let wanted = self.to_ask(|place| place == Place::Committed, out.now());
        let Some(membership) = self.membership.as_ref() else { return };
        let Some(node) = membership.coordinator().filter(|_| !wanted.is_empty()) else { return };
        let group = membership.group.clone();
        if self.core.connect(node, out) {
            let request = match self.config.offsets_in_zookeeper {
                true => Request::OldOffsetFetch { group, partitions: wanted.clone() },
                false => Request::OffsetFetch {
                    group,
                    partitions: Some(wanted.clone()),
                    require_stable: self.config.read_committed,
                },
            };
            self.mark_asking(&wanted);
            self.core.send(node, request, Asked::Committed(wanted), out);
        }
    }

    fn ask_offsets(&mut self, out: &mut Out<'_>) {
        let wanted = self.to_ask(|place| matches!(place, Place::Reset(_)), out.now());
        let mut by_node: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for partition in wanted {
            match self.core.metadata.leader(&partition) {
                Some((_, node, _)) => by_node.entry(node).or_default().push(partition),
                None => self.core.metadata.request_update(),
            }
        }
        for (node, partitions) in by_node {
            if !self.core.connect(node, out) {
                continue;
            }
            let asked = partitions.iter().filter_map(|partition| {
                let time = match self.positions.all.get(partition)?.place {
                    Place::Reset(StartAt::Earliest) => -2,
                    Place::Reset(StartAt::Since(span)) => {
                        (now_ms(out.now()) - span.as_millis() as i64).max(0)
                    }
                    _ => -1,
                };
                Some((partition.clone(), time))
            });
            let (partitions_asked, read_committed) = (asked.collect(), self.config.read_committed);
            let request = Request::ListOffsets {
                from_replica: false,
                read_committed,
                partitions: partitions_asked,
            };
            self.mark_asking(&partitions);
            self.core.send(node, request, Asked::Offsets(partitions), out);
        }
    }

    fn mark_asking(&mut self, partitions: &[TopicPartition]) {
        for partition in partitions {
            if let Some(position) = self.positions.all.get_mut(partition) {
                position.asking = true;
            }
        }
    }

    pub(super) fn committed_answered(
        &mut self,
        partitions: Vec<TopicPartition>,
        response: Option<Response>,
        out: &mut Out<'_>,
    ) {
        let committed = match response {
            Some(Response::OffsetFetch(Ok(committed))) => committed,
            Some(Response::OffsetFetch(Err(error))) => {
                if error == ErrorCode::NotCoordinator
                    && let Some(membership) = &mut self.membership
                {
                    membership.forget_coordinator();
                }
                return self.hold_off(&partitions, out);
            }
            _ => return self.hold_off(&partitions, out),
        };
        let committed: BTreeMap<_, _> = committed.into_iter().collect();
        let mut without = Vec::new();
        for partition in partitions {
            self.positions.answered(&partition);
            let asked = self.positions.all.get(&partition);
            // It may have been sought or taken away meanwhile.
            if asked.is_none_or(|position| position.place != Place::Committed) {
                continue;
            }
            match (committed.get(&partition), self.config.auto_offset_reset) {
                (Some(committed), _) => self.positions.resume(&partition, *committed),
                (None, Some(to)) => self.positions.reset(&partition, to),
                (None, None) => without.push(partition.to_string()),
            }
        }
        if !without.is_empty() {
            let sentence = format!(
                "Undefined offset with no reset policy for partitions: [{}]",
                without.join(", ")
            );
            self.die(client_error("NoOffsetForPartitionException", sentence), out);
        }
    }

    pub(super) fn offsets_answered(
        &mut self,
        partitions: Vec<TopicPartition>,
        response: Option<Response>,
        out: &mut Out<'_>,
    ) {
        let Some(Response::ListOffsets(results)) = response else {
            return self.hold_off(&partitions, out);
        };
        for (partition, result) in results {
            match result {
                // All that is there is older.
                Ok(-1) => {
                    self.positions.answered(&partition);
                    self.positions.reset(&partition, StartAt::Latest);
                }
                Ok(offset) => {
                    self.positions.answered(&partition);
                    let asked = self.positions.all.get(&partition);
                    if asked.is_some_and(|position| matches!(position.place, Place::Reset(_))) {
                        self.positions.advance(&partition, offset);
                        let client = self.core.name.clone();
                        out.emit(Event::OffsetReset { client, partition, offset });
                    }
                }
                Err(_) => {
                    self.core.metadata.request_update();
                    self.hold_off(&[partition], out);
                }
            }
        }
    }

    pub(super) fn hold_off(&mut self, partitions: &[TopicPartition], out: &mut Out<'_>) {
        for partition in partitions {
            let wait = self.core.retry_backoff(self.positions.failures(partition), out);
            self.positions.hold_off(partition, out.now() + wait);
        }
    }
}
