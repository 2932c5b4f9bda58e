//! The follower's side: one fetcher for each leader, which fetches all partitions that this broker
//! follows there, appends what comes, and cuts what the leader does not have.

use super::channel::Purpose;
use super::life::Ticket;
use super::server::{Server, write_epochs};
use crate::kafka::config::topic::is_throttled;
use crate::kafka::error::ErrorCode;
use crate::kafka::event::{Event, TopicPartition};
use crate::kafka::log::partition_log::LogPosition;
use crate::kafka::message::request::{Fetch, FetchPartition};
use crate::kafka::message::response::FetchedPartition;
use crate::kafka::message::{Request, Response};
use crate::kafka::now_ms;
use crate::kafka::partition::{AppendTime, Partition, Role};
use crate::kafka::process::Out;
use crate::kafka::protection::Protection::EpochTruncation;
use crate::kafka::record::header::crc_matches;
use crate::kafka::record::{BatchStream, HEADER_BYTES};
use crate::ordered::BTreeMap;
use crate::sim::{Rope, Time};

/// What a partition that is followed waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Following {
    /// It is fetched from this instant on.
    From(Time),
    /// Its log is being cut, or the leader is asked where its own begins and ends.
    Held,
    /// What the leader has cannot be appended: it is left alone until it gets a leader anew
    /// (`AbstractFetcherThread.markPartitionFailed`).
    Failed,
}

/// The fetches from one leader.
#[derive(Clone, Debug, Default)]
pub struct Fetcher {
    is_fetching: bool,
    retry_at: Time,
    partitions: BTreeMap<TopicPartition, Following>,
}

impl Server {
    pub(super) fn start_following(&mut self, leader: i32, key: &TopicPartition) {
        let fetcher = self.fetchers.entry(leader).or_default();
        fetcher.partitions.insert(key.clone(), Following::From(Time::ZERO));
    }

    pub(super) fn stop_following(&mut self, key: &TopicPartition) {
        for fetcher in self.fetchers.values_mut() {
            fetcher.partitions.remove(key);
        }
    }

    fn set_following(&mut self, leader: i32, key: &TopicPartition, following: Following) {
        let fetcher = self.fetchers.get_mut(&leader);
        if let Some(found) = fetcher.and_then(|f| f.partitions.get_mut(key)) {
            *found = following;
        }
    }

    /// Tries a partition again after a pause.
    fn delay(&mut self, leader: i32, key: &TopicPartition, out: &Out<'_>) {
        let until = out.now() + self.config.replica_fetch_backoff;
        self.set_following(leader, key, Following::From(until));
    }

    /// True if this follower is out of sync and its copying is throttled.
    fn is_throttled(&self, key: &TopicPartition) -> bool {
        let Some(found) = self.partitions.get(key) else { return false };
        let in_sync = self.image.partition(key).is_some_and(|p| p.isr.contains(&self.id));
        !in_sync && is_throttled(&found.config().throttled.1, key.partition, self.id)
    }

    /// What is throttled and has had more than its share is not fetched now: it is looked at again
    /// after a pause.
    fn hold_throttled_back(&mut self, out: &Out<'_>) {
        let now = out.now();
        // Nearly always there is room for all.
        if !self.quotas.1.is_exceeded(self.config.throttled_rates.1, now) {
            return;
        }
        let mut due = Vec::new();
        for (leader, fetcher) in self.fetchers.iter().filter(|(_, f)| !f.is_fetching) {
            let ready = fetcher.partitions.iter().filter(|(key, following)| {
                matches!(following, Following::From(at) if *at <= now) && self.is_throttled(key)
            });
            due.extend(ready.map(|(key, _)| (*leader, key.clone())));
        }
        for (leader, key) in due {
            self.delay(leader, &key, out);
        }
    }

    /// Fetches from every leader from which nothing is under way; says when to look again.
    pub(super) fn pump_fetchers(&mut self, out: &mut Out<'_>) -> Option<Time> {
        let now = out.now();
        self.hold_throttled_back(out);
        let mut next: Option<Time> = None;
        for (leader, fetcher) in &mut self.fetchers {
            if fetcher.is_fetching || fetcher.partitions.is_empty() {
                continue;
            }
            let due = fetcher.partitions.values().filter_map(|following| match following {
                Following::From(at) => Some((*at).max(fetcher.retry_at)),
                Following::Held | Following::Failed => None,
            });
            match due.min() {
                None => continue,
                Some(at) if at > now => {
                    next = Some(next.map_or(at, |next| next.min(at)));
                    continue;
                }
                Some(_) => {}
            }
            let Some(node) = self.image.brokers.get(leader).map(|broker| broker.node) else {
                continue;
            };
            if !self.connections.connect(node, out) {
                continue;
            }
            let (mut partitions, mut asked) = (Vec::new(), Vec::new());
            for (key, following) in &fetcher.partitions {
                let Following::From(at) = following else { continue };
                let Some(found) = self.partitions.get(key).filter(|_| *at <= now) else { continue };
                asked.push((key.clone(), found.leader_epoch));
                partitions.push(FetchPartition {
                    partition: key.clone(),
                    offset: found.log.log_end(),
                    current_leader_epoch: found.leader_epoch,
                    last_fetched_epoch: match self.config.without.lacks(EpochTruncation) {
                        false if self.config.cuts_by_epoch => {
                            found.log.epochs.latest().unwrap_or(-1)
                        }
                        _ => -1,
                    },
                    max_bytes: self.config.replica_fetch_max_bytes,
                });
            }
            fetcher.is_fetching = true;
            let request = Request::Fetch(Fetch {
                replica: Some((self.id, self.lifecycle.epoch)),
                rack: None,
                max_wait_ms: self.config.replica_fetch_wait_ms,
                min_bytes: self.config.replica_fetch_min_bytes,
                max_bytes: self.config.replica_fetch_response_max_bytes,
                read_committed: false,
                partitions,
            });
            let purpose = Purpose::Replicate(*leader, asked);
            let timeout = self.config.replica_socket_timeout;
            self.connections.send(node, (request, purpose), timeout, out);
        }
        next
    }

    /// The answer of a leader, or none.
    pub(super) fn replica_fetched(
        &mut self,
        leader: i32,
        asked: Vec<(TopicPartition, i32)>,
        response: Option<Response>,
        out: &mut Out<'_>,
    ) {
        let retry_at = out.now() + self.config.replica_fetch_backoff;
        let Some(fetcher) = self.fetchers.get_mut(&leader) else { return };
        fetcher.is_fetching = false;
        let Some(Response::Fetch(fetched)) = response else {
            fetcher.retry_at = retry_at;
            return;
        };
        for ((key, epoch), answer) in asked.into_iter().zip(fetched.partitions) {
            let Some(found) = self.partitions.get(&key) else { continue };
            // Most partitions of a fetch are idle: of them nothing is new.
            if found.leader_epoch != epoch || is_old(found, &answer) {
                continue;
            }
            if self.fetchers.get(&leader).is_some_and(|f| f.partitions.contains_key(&key)) {
                self.take_answer(leader, &key, answer, out);
            }
        }
    }

    fn take_answer(
        &mut self,
        leader: i32,
        key: &TopicPartition,
        answer: FetchedPartition,
        out: &mut Out<'_>,
    ) {
        match answer.error {
            None => {}
            Some(ErrorCode::OffsetOutOfRange) => return self.ask_range(leader, key, out),
            Some(_) => return self.delay(leader, key, out),
        }
        if let Some(diverging) = answer.diverging {
            let Some(partition) = self.partitions.get(key) else { return };
            // Where the leader has to be asked again, the next fetch does it.
            let (offset, _) = partition.truncation(diverging);
            return self.cut(leader, key, offset, out);
        }
        if !answer.records.is_empty() {
            if self.is_throttled(key) {
                self.quotas.1.record(answer.records.len() as u64, out.now());
            }
            self.append_fetched(leader, key, &answer.records, out);
        }
        let Some(partition) = self.partitions.get_mut(key) else { return };
        let has_more = partition.raise_high_watermark(answer.high_watermark).is_some();
        if answer.log_start > partition.log.log_start() {
            partition.log.set_log_start(answer.log_start);
            if partition.log.epochs.truncate_from_start(answer.log_start) {
                write_epochs(partition, out);
            }
        }
        // Consumers of its rack read here.
        if has_more {
            self.wake_fetches(key, out);
        }
    }

    fn append_fetched(
        &mut self,
        leader: i32,
        key: &TopicPartition,
        records: &Rope,
        out: &mut Out<'_>,
    ) {
        let time = AppendTime { now_ms: now_ms(out.now()), jitter_ms: 0 };
        let Some(partition) = self.partitions.get_mut(key) else { return };
        let (mut first, epoch) = (partition.log.log_end(), partition.log.epochs.latest());
        let mut rolled = Vec::new();
        let mut stream = BatchStream::of(records);
        let (mut corrupt, mut failed) = (false, false);
        while let Some((header, batch)) = stream.next_batch() {
            corrupt = !crc_matches(&batch);
            if corrupt {
                break;
            }
            let end = partition.log.log_end();
            if header.base_offset < end {
                // Where the leader's log begins may lie inside one of its batches: an empty log
                // takes all of that (`Partition.appendRecordsToFollowerOrFutureReplica`). Any
                // other one has something else there.
                failed = end > partition.log.log_start() || header.last_offset() < end;
                if failed {
                    break;
                }
                first = header.base_offset;
                partition.log.restart_at(first, time.now_ms, out);
                partition.bound_high_watermark();
            }
            let appended = partition.append_as_follower(&header, batch, time, out);
            rolled.extend(appended.rolled);
        }
        let end = partition.log.log_end();
        if partition.log.epochs.latest() != epoch {
            write_epochs(partition, out);
        }
        for rolled in rolled {
            self.segment_rolled(key, Some(rolled), out);
        }
        if end > first {
            out.emit(Event::Replicated {
                broker: self.id,
                partition: key.clone(),
                base_offset: first,
                last_offset: end - 1,
            });
        }
        if corrupt {
            self.delay(leader, key, out);
        }
        if failed {
            self.set_following(leader, key, Following::Failed);
        }
    }

    // ---- cutting ----

    /// Before KIP-101: whoever begins to follow cuts at its high watermark, whatever the leader
    /// has.
    pub(super) fn cut_at_high_watermark(
        &mut self,
        leader: i32,
        key: &TopicPartition,
        out: &mut Out<'_>,
    ) {
        let high_watermark = self.partitions.get(key).map(|found| found.high_watermark());
        let is_blind = !self.config.cuts_by_epoch || self.config.without.lacks(EpochTruncation);
        if let Some(offset) = high_watermark.filter(|_| is_blind) {
            self.cut(leader, key, offset, out);
        }
    }

    /// Cuts the log at an offset; where its batch lies may have to be looked up on the disk.
    fn cut(&mut self, leader: i32, key: &TopicPartition, offset: i64, out: &mut Out<'_>) {
        let Some(partition) = self.partitions.get_mut(key) else { return };
        let end = partition.log.log_end();
        if offset >= end {
            // It may have led an epoch without appending anything, of which the leader knows
            // nothing: then that epoch is all that has to go (`UnifiedLog.truncateTo`).
            let before = partition.log.epochs.latest();
            partition.log.epochs.truncate_from_end(end);
            if partition.log.epochs.latest() != before {
                write_epochs(partition, out);
            }
            return;
        }
        match partition.log.cut_of(offset) {
            Some((offset, at)) => self.truncate(key, offset, at, out),
            None => {
                let plan = partition.log.read_plan(offset, HEADER_BYTES as u64);
                let ticket = Ticket::Truncate { partition: key.clone(), offset, from: plan.from };
                out.read(&plan.file, plan.from.position, plan.available, ticket);
                self.set_following(leader, key, Following::Held);
                self.cleaner_truncated(key, offset, out);
            }
        }
    }

    /// The bytes around a cut have come.
    pub(super) fn cut_read(
        &mut self,
        (key, offset): (TopicPartition, i64),
        from: LogPosition,
        bytes: &Rope,
        out: &mut Out<'_>,
    ) {
        let Some(partition) = self.partitions.get(&key) else { return };
        let Role::Follower(leader) = partition.role else { return };
        let mut stream = BatchStream::of(bytes);
        let mut cut = None;
        while let Some(header) = stream.peek_whole() {
            if header.last_offset() >= offset {
                let position = from.position + stream.position() as u64;
                cut = Some((header.base_offset.min(offset), LogPosition { position, ..from }));
                break;
            }
            stream.skip(header.size_bytes());
        }
        let end = LogPosition { position: from.position + stream.position() as u64, ..from };
        let (offset, at) = cut.unwrap_or((offset, end));
        self.truncate(&key, offset, at, out);
        if let Some(leader) = leader {
            self.set_following(leader, &key, Following::From(Time::ZERO));
        }
    }

    fn truncate(&mut self, key: &TopicPartition, offset: i64, at: LogPosition, out: &mut Out<'_>) {
        let Some(partition) = self.partitions.get_mut(key) else { return };
        let from_offset = partition.log.log_end();
        partition.log.truncate(offset, at, out);
        partition.bound_high_watermark();
        write_epochs(partition, out);
        let end_offset = partition.log.log_end();
        let (broker, partition) = (self.id, key.clone());
        out.emit(Event::LogTruncated { broker, partition, from_offset, end_offset });
        self.cleaner_truncated(key, end_offset, out);
    }

    // ---- out of the leader's range ----

    fn ask_range(&mut self, leader: i32, key: &TopicPartition, out: &mut Out<'_>) {
        let node = self.image.brokers.get(&leader).map(|broker| broker.node);
        let epoch = self.partitions.get(key).map_or(-1, |partition| partition.leader_epoch);
        let Some(node) = node.filter(|node| self.connections.is_open(*node)) else {
            return self.delay(leader, key, out);
        };
        let partitions = vec![(key.clone(), -1), (key.clone(), -2)];
        let request =
            Request::ListOffsets { from_replica: true, read_committed: false, partitions };
        let purpose = Purpose::Range(leader, key.clone(), epoch);
        self.connections.send(node, (request, purpose), self.config.replica_socket_timeout, out);
        self.set_following(leader, key, Following::Held);
    }

    pub(super) fn range_answered(
        &mut self,
        leader: i32,
        (key, epoch): (TopicPartition, i32),
        response: Option<Response>,
        out: &mut Out<'_>,
    ) {
        let is_now = self.partitions.get(&key).is_some_and(|p| p.leader_epoch == epoch);
        if !is_now {
            return;
        }
        let Some(Response::ListOffsets(results)) = response else {
            return self.delay(leader, &key, out);
        };
        let (Some((_, Ok(end))), Some((_, Ok(start)))) = (results.first(), results.get(1)) else {
            return self.delay(leader, &key, out);
        };
        self.set_following(leader, &key, Following::From(Time::ZERO));
        let Some(partition) = self.partitions.get_mut(&key) else { return };
        let log_end = partition.log.log_end();
        if *end < log_end {
            self.cut(leader, &key, *end, out);
        } else if *start > log_end {
            partition.log.restart_at(*start, now_ms(out.now()), out);
            partition.bound_high_watermark();
            write_epochs(partition, out);
            let (from_offset, end_offset) = (log_end, *start);
            self.cleaner_truncated(&key, end_offset, out);
            let (broker, partition) = (self.id, key);
            out.emit(Event::LogTruncated { broker, partition, from_offset, end_offset });
        }
    }
}

/// True if an answer tells a follower nothing that it does not know.
fn is_old(partition: &Partition, answer: &FetchedPartition) -> bool {
    answer.error.is_none()
        && answer.diverging.is_none()
        && answer.records.is_empty()
        && answer.high_watermark <= partition.high_watermark()
        && answer.log_start <= partition.log.log_start()
}
