//! A partition at its leader: its log, and up to where consumers may read it.

use super::config::TopicConfig;
use super::error::ErrorCode;
use super::log::producers::Verdict;
use super::log::{Files, Log};
use super::record::BatchHeader;
use super::record::header::{crc_matches, stamp, stamp_append_time};
use crate::ordered::BTreeSet;
use bytes::{Bytes, BytesMut};
use std::rc::Rc;

/// A partition that this broker leads.
#[derive(Clone, Debug)]
pub struct Partition {
    /// Its log.
    pub log: Log,
    /// The epoch of the leadership.
    pub leader_epoch: i32,
    /// Fetches that wait for records of it.
    pub waiting_fetches: BTreeSet<u64>,
    /// Appends that wait for its high watermark or for a flush of it.
    pub waiting_produces: BTreeSet<u64>,
    high_watermark: i64,
    /// Up to where appends are complete: behind the log end while a flush that the topic asks for
    /// is under way.
    appended_end: i64,
    flushes_under_way: u32,
    in_sync: u32,
    replicas: u32,
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
    /// Takes up the leadership of a log that was opened. `high_watermark` comes from the
    /// checkpoint and is bounded by the log.
    pub fn lead(
        mut log: Log,
        leader_epoch: i32,
        high_watermark: i64,
        (in_sync, replicas): (u32, u32),
    ) -> Partition {
        let (log_start, log_end) = (log.log_start(), log.log_end());
        log.epochs.assign(leader_epoch, log_end);
        Partition {
            log,
            leader_epoch,
            waiting_fetches: BTreeSet::new(),
            waiting_produces: BTreeSet::new(),
            high_watermark: high_watermark.clamp(log_start, log_end),
            appended_end: log_end,
            flushes_under_way: 0,
            in_sync,
            replicas,
        }
    }

    /// Records below it may be read by consumers.
    pub fn high_watermark(&self) -> i64 {
        self.high_watermark
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
    pub fn min_in_sync(&self) -> u32 {
        self.config().min_insync_replicas.min(self.replicas)
    }

    /// Appends the batch of a client: checks it, stamps it and writes it.
    pub fn append_as_leader(
        &mut self,
        batch: &Bytes,
        acks: i16,
        time: AppendTime,
        files: &mut impl Files,
    ) -> Result<LeaderAppend, ErrorCode> {
        if acks == -1 && self.in_sync < self.min_in_sync() {
            return Err(ErrorCode::NotEnoughReplicas);
        }
        let header = BatchHeader::parse(batch).ok_or(ErrorCode::CorruptMessage)?;
        self.check(&header, batch, time.now_ms)?;
        if let Verdict::Duplicate(before) = self.log.producers.judge(&header)? {
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

    /// Moves the high watermark as far as the in-sync replicas allow; returns it if it moved.
    /// Simplified: the leader is the only replica.
    pub fn advance_high_watermark(&mut self) -> Option<i64> {
        let reached = self.appended_end;
        if self.in_sync < self.min_in_sync() || reached <= self.high_watermark {
            return None;
        }
        self.high_watermark = reached;
        Some(reached)
    }
}
