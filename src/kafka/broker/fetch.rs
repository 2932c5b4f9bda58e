//! Fetch: reading from the disk, and the long poll.
//!
//! A Fetch first reads what there is. If that is less than it wants (`fetch.min.bytes`), it is
//! parked with every partition it names; an append that brings enough, or the end of its time
//! (`fetch.max.wait.ms`), wakes it: then it reads again and is answered with what there is.

use super::client_quotas::Kind;
use super::life::Ticket;
use super::server::{Call, Server};
use crate::kafka::config::BrokerConfig;
use crate::kafka::config::topic::is_throttled;
use crate::kafka::error::ErrorCode;
use crate::kafka::event::{Event, TopicPartition};
use crate::kafka::log::ReadPlan;
use crate::kafka::message::Response;
use crate::kafka::message::request::{Fetch, FetchPartition};
use crate::kafka::message::response::{Fetched, FetchedPartition, ShareFetched};
use crate::kafka::metadata::Image;
use crate::kafka::partition::Partition;
use crate::kafka::process::{Out, Timer};
use crate::kafka::protection::Protection;
use crate::kafka::record::{BatchStream, HEADER_BYTES};
use crate::sim::{NodeId, Rope, Span, Time};
use std::rc::Rc;

/// One partition of a Fetch that is under way.
#[derive(Clone, Debug)]
struct Slot {
    asked: FetchPartition,
    error: Option<ErrorCode>,
    diverging: Option<(i32, i64)>,
    /// The follower from which a consumer is to read.
    preferred: Option<i32>,
    records: Rope,
    /// The read that is under way, what may be taken of it, and whether its first batch is taken
    /// even if it is larger.
    reading: Option<(ReadPlan, u64, bool)>,
    /// True if the Fetch was parked though there was something to read here, or more came since.
    is_stirred: bool,
}

/// A Fetch that reads or waits (in Kafka: the fetch purgatory).
#[derive(Clone, Debug)]
pub struct DelayedFetch {
    /// Who asked.
    pub call: Call,
    /// Since when it has been waiting for records.
    pub parked_since: Option<Time>,
    /// The follower that asks, with its broker epoch.
    replica: Option<(i32, i64)>,
    /// The rack of the consumer that asks.
    rack: Option<Rc<str>>,
    deadline: Time,
    min_bytes: u64,
    max_bytes: u64,
    slots: Vec<Slot>,
    /// True with `isolation.level=read_committed`.
    read_committed: bool,
    /// What a member of a share group acquired: it is answered with that.
    share: Option<ShareFetched>,
    /// True if it is answered after this read, whatever it brings.
    last: bool,
}

impl DelayedFetch {
    /// True while it reads the files of a partition.
    pub fn is_reading(&self, partition: &TopicPartition) -> bool {
        self.slots.iter().any(|s| s.reading.is_some() && s.asked.partition == *partition)
    }
}

/// What a read gave.
pub enum Trimmed {
    /// Whole batches.
    Records(Rope),
    /// The first batch is not whole: so many bytes have to be read for it.
    NeedsBytes(u64),
    /// No batch of this segment holds the offset.
    Beyond,
}

impl Server {
    pub(super) fn fetch(
        &mut self,
        call: Call,
        fetch: Fetch,
        share: Option<ShareFetched>,
        out: &mut Out<'_>,
    ) {
        let id = self.fresh_id();
        let slots = fetch.partitions.into_iter().map(|asked| Slot {
            asked,
            error: None,
            diverging: None,
            preferred: None,
            records: Rope::default(),
            reading: None,
            is_stirred: false,
        });
        let delayed = DelayedFetch {
            call,
            parked_since: None,
            replica: fetch.replica,
            rack: fetch.rack,
            deadline: out.now() + Span::millis(fetch.max_wait_ms),
            min_bytes: fetch.min_bytes,
            max_bytes: fetch.max_bytes,
            slots: slots.collect(),
            read_committed: fetch.read_committed,
            share,
            last: fetch.max_wait_ms == 0,
        };
        self.fetches.insert(id, delayed);
        self.note_follower(id, out);
        self.read_fetch(id, |_| true, out);
    }

    /// Begins to read for these partitions of a Fetch.
    fn read_fetch(&mut self, id: u64, reads: impl Fn(&Slot) -> bool, out: &mut Out<'_>) {
        let held_back = self.held_back(id, out.now());
        let Some(fetch) = self.fetches.get_mut(&id) else { return };
        let mut left = fetch.max_bytes;
        let mut first = true;
        for (index, slot) in fetch.slots.iter_mut().enumerate().filter(|(_, slot)| reads(slot)) {
            slot.error = None;
            slot.diverging = None;
            slot.records = Rope::default();
            let found = self.partitions.get(&slot.asked.partition);
            let partition = match found.ok_or(ErrorCode::UnknownTopicOrPartition).and_then(|p| {
                p.check_epoch(believed(&self.config, &slot.asked))?;
                // A consumer may read from a follower, and nobody else may.
                let is_consumer = fetch.replica.is_none() && fetch.share.is_none();
                match p.leadership().is_some() || is_consumer {
                    true => Ok(p),
                    false => Err(ErrorCode::NotLeaderOrFollower),
                }
            }) {
                Ok(partition) => partition,
                Err(error) => {
                    slot.error = Some(error);
                    continue;
                }
            };
            let offset = slot.asked.offset;
            match diverging(partition, &slot.asked) {
                Ok(None) => {}
                Ok(Some(end)) => {
                    slot.diverging = Some(end);
                    continue;
                }
                Err(error) => {
                    slot.error = Some(error);
                    continue;
                }
            }
            slot.preferred = match &fetch.rack {
                Some(rack) if self.config.serves_racks => {
                    preferred_replica((self.id, partition), &self.image, rack, (offset, out.now()))
                }
                _ => None,
            };
            let follows = partition.leadership().is_none();
            if offset < partition.log.log_start() || offset > partition.log.log_end() {
                slot.error = Some(ErrorCode::OffsetOutOfRange);
            } else if follows && offset > partition.high_watermark() {
                // It is there, and this follower has not heard that it is committed.
                slot.error = Some(ErrorCode::OffsetNotAvailable);
            } else if slot.preferred.is_none()
                && offset < limit(partition, (fetch.replica, fetch.read_committed))
                && (left > 0 || first)
                && !held_back.contains(&index)
            {
                let most = slot.asked.max_bytes.min(left);
                let plan = partition.log.read_plan(offset, most.max(HEADER_BYTES as u64));
                out.read(
                    &plan.file,
                    plan.from.position,
                    plan.len,
                    Ticket::Fetch { fetch: id, index },
                );
                left = left.saturating_sub(most.min(plan.available));
                slot.reading = Some((plan, most, first));
                first = false;
            }
        }
        self.decide_fetch(id, out);
    }

    /// The partitions of a follower's fetch, by their places in it, of which it gets nothing now:
    /// it is out of sync there, its copying is throttled, and the leader has sent its share.
    fn held_back(&mut self, id: u64, now: Time) -> Vec<usize> {
        // Nearly always there is room for all.
        if !self.quotas.0.is_exceeded(self.config.throttled_rates.0, now) {
            return Vec::new();
        }
        let Some(fetch) = self.fetches.get(&id) else { return Vec::new() };
        let Some((replica, _)) = fetch.replica else { return Vec::new() };
        let slots = fetch.slots.iter().enumerate();
        let throttled =
            slots.filter(|(_, slot)| self.is_throttled_at(&slot.asked.partition, replica));
        throttled.map(|(index, _)| index).collect()
    }

    /// True if what this leader sends to a replica is throttled.
    fn is_throttled_at(&self, key: &TopicPartition, replica: i32) -> bool {
        let Some(found) = self.partitions.get(key) else { return false };
        let in_sync = found.leadership().is_none_or(|leadership| leadership.isr.contains(&replica));
        !in_sync && is_throttled(&found.config().throttled.0, key.partition, self.id)
    }

    /// A follower's fetch says what it has when it comes: the high watermark may move, and it may
    /// join the ISR.
    fn note_follower(&mut self, id: u64, out: &mut Out<'_>) {
        let Some(fetch) = self.fetches.get(&id) else { return };
        let Some((replica, epoch)) = fetch.replica else { return };
        let count = fetch.slots.len();
        for index in 0..count {
            // What one partition brings about may look at this Fetch.
            let Some(fetch) = self.fetches.get(&id) else { return };
            let asked = &fetch.slots[index].asked;
            let Some(found) = self.partitions.get_mut(&asked.partition) else { continue };
            let (log_end, high_watermark) = (found.log.log_end(), found.high_watermark());
            let believed = believed(&self.config, asked);
            let is_now = (believed < 0 || believed == found.leader_epoch)
                && (found.log.log_start()..=log_end).contains(&asked.offset)
                && diverging(found, asked) == Ok(None);
            let Some(leadership) = found.leadership_mut().filter(|_| is_now) else { continue };
            let is_replica = leadership.fetched(replica, epoch, asked.offset, (out.now(), log_end));
            // Nearly always all is replicated, by replicas that are in sync.
            let is_done = high_watermark == log_end && leadership.isr.contains(&replica);
            if is_replica && !is_done {
                let partition = asked.partition.clone();
                self.expand_isr(&partition, replica, out);
                self.advance(&partition, out);
            }
        }
    }

    /// Bytes have come for one partition of a Fetch.
    pub(super) fn fetch_read(&mut self, id: u64, index: usize, bytes: Rope, out: &mut Out<'_>) {
        let Some(fetch) = self.fetches.get_mut(&id) else { return };
        let slot = &mut fetch.slots[index];
        let Some((mut plan, most, at_least_one)) = slot.reading.take() else { return };
        let Some(partition) = self.partitions.get(&slot.asked.partition) else {
            slot.error = Some(ErrorCode::UnknownTopicOrPartition);
            return self.decide_fetch(id, out);
        };
        let limit = limit(partition, (fetch.replica, fetch.read_committed));
        match trim(&bytes, &slot.asked, limit, most, at_least_one) {
            Trimmed::Records(records) => {
                let work = out.cost().kilobyte.as_micros() * records.len() as u64 / 1_000;
                out.work(Span::micros(work));
                slot.records = records;
            }
            Trimmed::NeedsBytes(len) if len <= plan.available => plan.len = len,
            Trimmed::NeedsBytes(_) | Trimmed::Beyond => {
                // The offset lies in a gap at the end of the segment: the next one has it.
                if let Some(next) = partition.log.next_segment(plan.from.segment) {
                    plan = partition.log.read_plan(next, most.max(HEADER_BYTES as u64));
                } else {
                    return self.decide_fetch(id, out);
                }
            }
        }
        if slot.records.is_empty() && plan.from.segment < limit {
            out.read(&plan.file, plan.from.position, plan.len, Ticket::Fetch { fetch: id, index });
            slot.reading = Some((plan, most, at_least_one));
        }
        self.decide_fetch(id, out);
    }

    /// Answers a Fetch or parks it, if no read is under way.
    fn decide_fetch(&mut self, id: u64, out: &mut Out<'_>) {
        let Some(fetch) = self.fetches.get_mut(&id) else { return };
        if fetch.slots.iter().any(|slot| slot.reading.is_some()) {
            return;
        }
        let bytes: u64 = fetch.slots.iter().map(|slot| slot.records.len() as u64).sum();
        let is_answer =
            |s: &Slot| s.error.is_some() || s.diverging.is_some() || s.preferred.is_some();
        let failed = fetch.slots.iter().any(is_answer);
        let enough = bytes >= fetch.min_bytes;
        if enough || failed || fetch.last || out.now() >= fetch.deadline || fetch.slots.is_empty() {
            return self.answer_fetch(id, out);
        }
        if fetch.parked_since.is_none() {
            fetch.parked_since = Some(out.now());
            if fetch.replica.is_none() {
                let (broker, client) = (self.id, fetch.call.client.clone());
                out.emit(Event::FetchParked { broker, client });
            }
            out.timer_at(Timer::FetchWait(id), fetch.deadline);
        }
        for (index, slot) in fetch.slots.iter_mut().enumerate() {
            slot.is_stirred = !slot.records.is_empty();
            slot.records = Rope::default();
            if let Some(partition) = self.partitions.get_mut(&slot.asked.partition) {
                partition.waiting_fetches.insert(id, index);
            }
        }
    }

    fn answer_fetch(&mut self, id: u64, out: &mut Out<'_>) {
        let Some(mut fetch) = self.drop_fetch(id, out) else { return };
        let bytes = fetch.slots.iter().map(|slot| slot.records.len() as u64).sum();
        if fetch.replica.is_none()
            && bytes > 0
            && self.is_over_quota(&fetch.call, (Kind::Fetch, bytes), out)
        {
            fetch.slots.iter_mut().for_each(|slot| slot.records = Rope::default());
        }
        if let Some((replica, _)) = fetch.replica {
            let throttled = |slot: &&Slot| {
                !slot.records.is_empty() && self.is_throttled_at(&slot.asked.partition, replica)
            };
            let sent = fetch.slots.iter().filter(throttled).map(|slot| slot.records.len() as u64);
            match sent.sum() {
                0 => {}
                bytes => self.quotas.0.record(bytes, out.now()),
            }
        }
        let partitions = fetch.slots.into_iter().map(|slot| {
            let found = self.partitions.get(&slot.asked.partition);
            let reads_aborted = fetch.read_committed && !slot.records.is_empty();
            let aborted = found.filter(|_| reads_aborted);
            let from = slot.asked.offset;
            FetchedPartition {
                aborted: aborted.map_or_else(Vec::new, |p| aborted_in(p, from, &slot.records)),
                last_stable: found.map_or(-1, Partition::last_stable),
                error: slot.error,
                high_watermark: found.map_or(-1, |p| p.high_watermark()),
                log_start: found.map_or(-1, |p| p.log.log_start()),
                diverging: slot.diverging,
                preferred_replica: slot.preferred,
                snapshot: None,
                partition: slot.asked.partition,
                records: slot.records,
            }
        });
        let fetched = Fetched { partitions: partitions.collect() };
        if let Some(share) = fetch.share {
            let share = ShareFetched { fetched: fetched.partitions, ..share };
            return fetch.call.answer(Response::ShareFetch(share), out);
        }
        fetch.call.answer(Response::Fetch(fetched), out);
    }

    /// Takes a Fetch out of the purgatory.
    pub(super) fn drop_fetch(&mut self, id: u64, out: &mut Out<'_>) -> Option<DelayedFetch> {
        let fetch = self.fetches.remove(&id)?;
        if fetch.parked_since.is_some() {
            out.cancel(Timer::FetchWait(id));
        }
        for slot in &fetch.slots {
            if let Some(partition) = self.partitions.get_mut(&slot.asked.partition) {
                partition.waiting_fetches.remove(&id);
            }
        }
        Some(fetch)
    }

    /// The time of a parked Fetch is up.
    pub(super) fn fetch_waited(&mut self, id: u64, out: &mut Out<'_>) {
        self.read_last(id, |_| true, out);
    }

    /// A partition has more to read: Fetches that have enough now are answered. The others of their
    /// partitions have nothing, as when they were parked.
    pub(super) fn wake_fetches(&mut self, partition: &TopicPartition, out: &mut Out<'_>) {
        for id in self.stir(partition) {
            if self.has_enough(id, out.now()) {
                self.read_last(id, |slot| slot.is_stirred, out);
            }
        }
    }

    /// Notes with the Fetches that wait for a partition that it has more to read; which these are.
    pub(super) fn stir(&mut self, partition: &TopicPartition) -> Vec<u64> {
        let Some(found) = self.partitions.get(partition) else { return Vec::new() };
        for (id, index) in &found.waiting_fetches {
            if let Some(fetch) = self.fetches.get_mut(id) {
                fetch.slots[*index].is_stirred = true;
            }
        }
        found.waiting_fetches.keys().copied().collect()
    }

    /// Reads for the last time: it is answered with whatever comes.
    fn read_last(&mut self, id: u64, reads: impl Fn(&Slot) -> bool, out: &mut Out<'_>) {
        let Some(fetch) = self.fetches.get_mut(&id) else { return };
        if !fetch.last {
            fetch.last = true;
            self.read_fetch(id, reads, out);
        }
    }

    /// Since when a Fetch of this client waits here.
    pub fn parked_since(&self, client: NodeId) -> Option<Time> {
        let parked = self.fetches.values().filter(|fetch| fetch.call.from == client);
        parked.filter_map(|fetch| fetch.parked_since).min()
    }

    fn has_enough(&mut self, id: u64, now: Time) -> bool {
        let held_back = self.held_back(id, now);
        let Some(fetch) = self.fetches.get(&id) else { return false };
        let mut bytes = 0;
        for (index, slot) in fetch.slots.iter().enumerate() {
            if held_back.contains(&index) || !slot.is_stirred {
                continue;
            }
            let Some(partition) = self.partitions.get(&slot.asked.partition) else { return true };
            let offset = slot.asked.offset;
            let limit = limit(partition, (fetch.replica, fetch.read_committed));
            if offset < limit {
                let (from, _) = partition.log.position_of(offset);
                let (to, _) = partition.log.position_of(limit);
                if from.segment != to.segment {
                    return true;
                }
                bytes += (to.position.saturating_sub(from.position)).min(slot.asked.max_bytes);
            }
        }
        bytes >= fetch.min_bytes
    }
}

/// The follower from which a consumer in this rack is to read (`RackAwareReplicaSelector`): of
/// those in the ISR that have the offset and are in its rack, the one that has most; none if the
/// leader is in that rack itself.
fn preferred_replica(
    (me, partition): (i32, &Partition),
    image: &Image,
    rack: &str,
    (offset, now): (i64, Time),
) -> Option<i32> {
    let leadership = partition.leadership()?;
    let is_there = |id: &i32| {
        image.brokers.get(id).is_some_and(|b| !b.fenced && b.rack.as_deref() == Some(rack))
    };
    let candidates = leadership.isr.iter().filter(|id| is_there(id));
    let known = candidates.filter_map(|id| {
        if *id == me {
            return Some((None, *id));
        }
        let follower = leadership.follower(*id)?;
        let end = follower.log_end.filter(|end| *end >= offset)?;
        let behind = now.since(follower.caught_up_at.unwrap_or(Time::ZERO));
        Some((Some((end, std::cmp::Reverse(behind))), *id))
    });
    let known: Vec<_> = known.collect();
    let leads = known.iter().any(|(has, _)| has.is_none());
    known.into_iter().filter(|_| !leads).max().map(|(_, id)| id)
}

/// The leader epoch that the sender of a fetch believes in; -1 if that is not looked at.
fn believed(config: &BrokerConfig, asked: &FetchPartition) -> i32 {
    match config.without.lacks(Protection::FetchEpoch) {
        true => -1,
        false => asked.current_leader_epoch,
    }
}

/// Up to where somebody may read: a follower everything, a consumer what is committed, and with
/// `read_committed` what is decided too.
fn limit(partition: &Partition, who: (Option<(i32, i64)>, bool)) -> i64 {
    match who {
        (Some(_), _) => partition.log.log_end(),
        (None, false) => partition.high_watermark(),
        (None, true) => partition.last_stable(),
    }
}

/// The aborted transactions among these records: producer id and first offset of each.
fn aborted_in(partition: &Partition, offset: i64, records: &Rope) -> Vec<(i64, i64)> {
    let mut stream = BatchStream::of(records);
    let mut end = offset;
    while let Some(header) = stream.peek() {
        end = header.next_offset();
        stream.skip(header.size_bytes());
    }
    let aborted = partition.log.aborted_between(offset, end).into_iter();
    aborted.map(|aborted| (aborted.producer_id, aborted.first_offset)).collect()
}

/// Where the last epoch of a follower ended here, if its log is different from this one.
fn diverging(
    partition: &Partition,
    asked: &FetchPartition,
) -> Result<Option<(i32, i64)>, ErrorCode> {
    if asked.last_fetched_epoch < 0 {
        return Ok(None);
    }
    let log = &partition.log;
    let (epoch, end) = log.epochs.end_of(asked.last_fetched_epoch, log.log_end());
    if epoch < 0 || end < 0 {
        return Err(ErrorCode::OffsetOutOfRange);
    }
    let differs = epoch < asked.last_fetched_epoch || end < asked.offset;
    Ok(differs.then_some((epoch, end)))
}

/// Cuts what was read to whole batches: from the one with the offset on, below the limit, at most
/// so many bytes.
pub fn trim(
    bytes: &Rope,
    asked: &FetchPartition,
    limit: i64,
    most: u64,
    at_least_one: bool,
) -> Trimmed {
    let mut stream = BatchStream::of(bytes);
    let mut start = None;
    loop {
        let position = stream.position();
        let Some(header) = stream.peek() else {
            return match start {
                Some(start) => Trimmed::Records(bytes.share(start, position)),
                None if stream.left() == 0 => Trimmed::Beyond,
                None => Trimmed::NeedsBytes((position + HEADER_BYTES) as u64),
            };
        };
        let size = header.size_bytes();
        if start.is_none() && header.last_offset() < asked.offset {
            if size > stream.left() {
                return Trimmed::NeedsBytes((position + size + HEADER_BYTES) as u64);
            }
            stream.skip(size);
            continue;
        }
        let begin = *start.get_or_insert(position);
        let first = begin == position;
        let full = (position + size - begin) as u64 > most && !(first && at_least_one);
        if header.base_offset >= limit || full {
            return Trimmed::Records(bytes.share(begin, position));
        }
        if size > stream.left() {
            return match first {
                true => Trimmed::NeedsBytes((position + size) as u64),
                false => Trimmed::Records(bytes.share(begin, position)),
            };
        }
        stream.skip(size);
    }
}
