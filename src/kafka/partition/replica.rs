//! One replica: its log, its part, and up to where consumers may read.

use super::leadership::Leadership;
use crate::kafka::config::TopicConfig;
use crate::kafka::error::ErrorCode;
use crate::kafka::log::partition_log::Appended;
use crate::kafka::log::producers::Verdict;
use crate::kafka::log::transactions::Marker;
use crate::kafka::log::{Files, Log};
use crate::kafka::metadata::PartitionImage;
use crate::kafka::protection::{Protection, Without};
use crate::kafka::record::header::{crc_matches, stamp, stamp_append_time};
use crate::kafka::record::{BatchHeader, Records};
use crate::ordered::{BTreeMap, BTreeSet};
use crate::sim::{Span, Time};
use bytes::{Bytes, BytesMut};
use std::rc::Rc;

/// What a replica does.
#[derive(Clone, Debug)]
pub enum Role {
    /// It leads.
    Leader(Leadership),
    /// It follows this broker, or waits for a leader.
    Follower(Option<i32>),
}

/// A partition at this broker.
#[derive(Clone, Debug)]
pub struct Partition {
    /// Its log.
    pub log: Log,
    /// Leader or follower.
    pub role: Role,
    /// The epoch of the leadership.
    pub leader_epoch: i32,
    /// Counts every change of its state at the controller.
    pub partition_epoch: i32,
    /// Fetches that wait for records of it, and its place in each.
    pub waiting_fetches: BTreeMap<u64, usize>,
    /// Appends that wait for its high watermark or for a flush of it.
    pub waiting_produces: BTreeSet<u64>,
    high_watermark: i64,
    /// Up to where appends are complete: behind the log end while a flush that the topic asks for
    /// is under way.
    appended_end: i64,
    flushes_under_way: u32,
    without: Without,
    /// True if the high watermark stands still while the ISR is too small (since 3.7, KAFKA-15583).
    pub stands_below_min_isr: bool,
}

/// A batch that was appended, or had been before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaderAppend {
    /// Offset of its first record.
    pub base_offset: i64,
    /// Offset of its last record.
    pub last_offset: i64,
    /// Its bytes; 0 if it had been appended before.
    pub bytes: u64,
    /// The file and the new base offset, if a segment was rolled.
    pub rolled: Option<(Rc<str>, i64)>,
    /// True if the topic wants a flush.
    pub flush: bool,
}

/// The clock and the luck of an append.
#[derive(Clone, Copy, Debug)]
pub struct AppendTime {
    /// The broker's clock, in milliseconds since 1970.
    pub now_ms: i64,
    /// By how much a new segment rolls earlier than its topic says.
    pub jitter_ms: u64,
}

impl Partition {
    /// A replica whose log was opened, and that has no part yet. `high_watermark` comes from the
    /// checkpoint and is bounded by the log.
    pub fn open(log: Log, high_watermark: i64, without: Without) -> Partition {
        let (log_start, log_end) = (log.log_start(), log.log_end());
        Partition {
            log,
            role: Role::Follower(None),
            leader_epoch: -1,
            partition_epoch: -1,
            waiting_fetches: BTreeMap::new(),
            waiting_produces: BTreeSet::new(),
            high_watermark: high_watermark.clamp(log_start, log_end),
            appended_end: log_end,
            flushes_under_way: 0,
            without,
            stands_below_min_isr: true,
        }
    }

    /// It leads from now on. The high watermark stays what it knows, though it may be behind.
    pub fn lead(&mut self, me: i32, image: &PartitionImage, now: Time, lag_max: Span) {
        let log_end = self.log.log_end();
        self.log.epochs.assign(image.leader_epoch, log_end);
        (self.leader_epoch, self.partition_epoch) = (image.leader_epoch, image.partition_epoch);
        let (_, epoch_start) = self.log.epochs.entries().last().copied().unwrap_or((0, log_end));
        self.role = Role::Leader(Leadership::begin(me, image, epoch_start, (now, lag_max)));
        if self.flushes_under_way == 0 {
            self.appended_end = log_end;
        }
    }

    /// It follows from now on.
    pub fn follow(&mut self, image: &PartitionImage) {
        (self.leader_epoch, self.partition_epoch) = (image.leader_epoch, image.partition_epoch);
        self.role = Role::Follower(image.leader);
    }

    /// The controller has written another state down, with the same leader.
    pub fn commit_isr(&mut self, isr: &[i32], partition_epoch: i32) {
        if partition_epoch <= self.partition_epoch {
            return;
        }
        self.partition_epoch = partition_epoch;
        if let Role::Leader(leadership) = &mut self.role {
            leadership.isr = isr.to_vec();
            leadership.pending = None;
        }
    }

    /// The leader's side, if it leads.
    pub fn leadership(&self) -> Option<&Leadership> {
        match &self.role {
            Role::Leader(leadership) => Some(leadership),
            Role::Follower(_) => None,
        }
    }

    /// The leader's side, to be changed.
    pub fn leadership_mut(&mut self) -> Option<&mut Leadership> {
        match &mut self.role {
            Role::Leader(leadership) => Some(leadership),
            Role::Follower(_) => None,
        }
    }

    /// Says whether a request that believes in this epoch is for this time; -1 believes in none.
    pub fn check_epoch(&self, believed: i32) -> Result<(), ErrorCode> {
        match believed {
            _ if believed < 0 => Ok(()),
            _ if believed < self.leader_epoch => Err(ErrorCode::FencedLeaderEpoch),
            _ if believed > self.leader_epoch => Err(ErrorCode::UnknownLeaderEpoch),
            _ => Ok(()),
        }
    }

    /// Records below it may be read by consumers.
    pub fn high_watermark(&self) -> i64 {
        self.high_watermark
    }

    /// Records below it may be read with `isolation.level=read_committed`.
    pub fn last_stable(&self) -> i64 {
        self.log.last_stable(self.high_watermark)
    }

    /// Up to where appends are complete at this replica.
    pub fn appended_end(&self) -> i64 {
        self.appended_end
    }

    /// Settings of its topic.
    pub fn config(&self) -> &TopicConfig {
        &self.log.config
    }

    /// How many replicas must be in sync.
    pub fn min_in_sync(&self) -> usize {
        if self.without.lacks(Protection::MinIsr) {
            return 1;
        }
        let wanted = self.config().min_insync_replicas as usize;
        self.leadership().map_or(wanted, |leadership| wanted.min(leadership.replicas()))
    }

    /// Appends the batch of a client: checks it, stamps it and writes it.
    pub fn append_as_leader(
        &mut self,
        batch: &Bytes,
        acks: i16,
        time: AppendTime,
        files: &mut impl Files,
    ) -> Result<LeaderAppend, ErrorCode> {
        let leadership = self.leadership().ok_or(ErrorCode::NotLeaderOrFollower)?;
        if acks == -1 && leadership.isr.len() < self.min_in_sync() {
            return Err(ErrorCode::NotEnoughReplicas);
        }
        let header = BatchHeader::parse(batch).ok_or(ErrorCode::CorruptMessage)?;
        self.check(&header, batch, time.now_ms)?;
        let fences = !self.without.lacks(Protection::TransactionFencing);
        if let Some(marker) = Marker::of(batch).filter(|_| header.is_control()) {
            let producer = (header.producer_id, header.producer_epoch);
            self.log.producers.may_end(producer, marker.coordinator_epoch)?;
        } else if !self.without.lacks(Protection::Idempotence)
            && let Verdict::Duplicate(before) = self.log.producers.judge(&header, fences)?
        {
            return Ok(LeaderAppend {
                base_offset: before.base_offset(),
                last_offset: before.last_offset,
                bytes: 0,
                rolled: None,
                flush: false,
            });
        }
        // The one copy of the broker's path: the producer keeps its bytes for a retry.
        let mut bytes = BytesMut::from(&batch[..]);
        stamp(&mut bytes, self.log.log_end(), self.leader_epoch);
        if self.config().log_append_time {
            stamp_append_time(&mut bytes, time.now_ms);
        }
        let header = BatchHeader::parse(&bytes).ok_or(ErrorCode::CorruptMessage)?;
        let clock = (time.now_ms, time.jitter_ms);
        let appended = self.log.append(&header, bytes.freeze(), clock, files);
        match appended.flush {
            true => self.flushes_under_way += 1,
            false if self.flushes_under_way == 0 => self.appended_end = self.log.log_end(),
            false => {}
        }
        Ok(LeaderAppend {
            base_offset: header.base_offset,
            last_offset: header.last_offset(),
            bytes: batch.len() as u64,
            rolled: appended.rolled,
            flush: appended.flush,
        })
    }

    fn check(&self, header: &BatchHeader, batch: &[u8], now_ms: i64) -> Result<(), ErrorCode> {
        if !header.is_sound() || header.size_bytes() != batch.len() || !crc_matches(batch) {
            return Err(ErrorCode::CorruptMessage);
        }
        if header.records_count == 0 || header.last_offset_delta != header.records_count - 1 {
            return Err(ErrorCode::InvalidRecord);
        }
        let config = self.config();
        let has_key = |batch: &[u8]| {
            let mut records = Records::of(batch).into_iter().flatten();
            records.all(|record| record.key.is_some())
        };
        if config.is_compacted && !header.is_control() && !has_key(batch) {
            return Err(ErrorCode::InvalidRecord);
        }
        let size = batch.len() as u64;
        if size > config.max_message_bytes {
            return Err(ErrorCode::MessageTooLarge);
        }
        if size > config.segment_bytes {
            return Err(ErrorCode::RecordListTooLarge);
        }
        let ahead = i128::from(header.max_timestamp) - i128::from(now_ms);
        let timely = header.max_timestamp < 0
            || ahead <= i128::from(config.timestamp_after_max_ms)
                && -ahead <= i128::from(config.timestamp_before_max_ms);
        if !config.log_append_time && !timely {
            return Err(ErrorCode::InvalidTimestamp);
        }
        Ok(())
    }

    /// A flush that an append asked for is done; it covers everything before this offset.
    pub fn append_flushed(&mut self, up_to: i64) {
        self.log.flushed(up_to);
        self.flushes_under_way = self.flushes_under_way.saturating_sub(1);
        let end = if self.flushes_under_way == 0 { self.log.log_end() } else { up_to };
        self.appended_end = self.appended_end.max(end);
    }

    /// Appends a batch that the leader has stamped.
    pub fn append_as_follower(
        &mut self,
        header: &BatchHeader,
        batch: Bytes,
        time: AppendTime,
        files: &mut impl Files,
    ) -> Appended {
        self.log.epochs.assign(header.partition_leader_epoch, header.base_offset);
        let clock = (time.now_ms, time.jitter_ms);
        let appended = self.log.append(header, batch, clock, files);
        self.appended_end = self.log.log_end();
        appended
    }

    /// Moves a leader's high watermark as far as the in-sync replicas allow; returns it if it
    /// moved.
    pub fn advance_high_watermark(
        &mut self,
        now: Time,
        is_eligible: impl Fn(i32) -> bool,
    ) -> Option<i64> {
        let ends = (self.log.log_end(), self.appended_end);
        if self.without.lacks(Protection::IsrRule) && self.leadership().is_some() {
            return self.raise_high_watermark(self.appended_end);
        }
        let min_isr = if self.stands_below_min_isr { self.min_in_sync() } else { 1 };
        let reached = self.leadership()?.high_watermark(ends, min_isr, now, is_eligible)?;
        self.raise_high_watermark(reached)
    }

    /// A follower hears of the high watermark; it has what it has. Returns it if it moved.
    pub fn raise_high_watermark(&mut self, heard: i64) -> Option<i64> {
        let reached = heard.min(self.log.log_end());
        if reached <= self.high_watermark {
            return None;
        }
        self.high_watermark = reached;
        self.log.producers.replicated(reached);
        Some(reached)
    }

    /// The log was cut, or begins later: the high watermark lies within it again.
    pub fn bound_high_watermark(&mut self) {
        let (start, end) = (self.log.log_start(), self.log.log_end());
        self.high_watermark = self.high_watermark.clamp(start, end);
        self.appended_end = self.appended_end.min(end);
    }

    /// Where a follower cuts its log when the leader says that `epoch` ended at `end`; false with
    /// it if the leader has to be asked again from there (KIP-279).
    pub fn truncation(&self, (epoch, end): (i32, i64)) -> (i64, bool) {
        let log_end = self.log.log_end();
        if end < 0 {
            return (self.high_watermark.min(log_end), true);
        }
        if epoch < 0 {
            return (end.min(log_end), true);
        }
        match self.log.epochs.end_of(epoch, log_end) {
            (-1, -1) => (end.min(log_end), true),
            (mine, ends) if mine == epoch => (ends.min(end).min(log_end), true),
            (_, ends) => (ends.min(log_end), false),
        }
    }
}
