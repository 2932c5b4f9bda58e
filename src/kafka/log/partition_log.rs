//! Segments in a row: appending, rolling, and where to read.

use super::epochs::EpochCache;
use super::files::Files;
use super::producers::ProducerStates;
use super::recent::{RecentBatch, RecentBatches};
use super::segment::{Incoming, Segment, file_name};
use super::transactions;
use crate::kafka::config::TopicConfig;
use crate::kafka::event::TopicPartition;
use crate::kafka::record::BatchHeader;
use bytes::Bytes;
use std::rc::Rc;

/// The log of one partition.
#[derive(Clone, Debug)]
pub struct Log {
    /// Which partition.
    pub partition: TopicPartition,
    /// Its topic's settings.
    pub config: Rc<TopicConfig>,
    /// Which leader epoch began where.
    pub epochs: EpochCache,
    /// What idempotent producers appended last.
    pub producers: ProducerStates,
    directory: Rc<str>,
    closed: Vec<Rc<Segment>>,
    active: Segment,
    log_start: i64,
    log_end: i64,
    recovery_point: i64,
    recent: RecentBatches,
    unflushed_records: u64,
}

/// A place in a log's files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogPosition {
    /// Base offset of the segment.
    pub segment: i64,
    /// Where in its file.
    pub position: u64,
}

/// What to read for a batch that holds an offset, and what follows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadPlan {
    /// The segment's `.log` file.
    pub file: Rc<str>,
    /// Where to begin: at the batch, or a little before it.
    pub from: LogPosition,
    /// How much.
    pub len: u64,
    /// Bytes of the segment from there on.
    pub available: u64,
    /// True if nothing but the wanted batch begins at `from`.
    pub exact: bool,
}

/// What an append did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Appended {
    /// The segment that was closed by a roll before it: its file and the base of the new one.
    pub rolled: Option<(Rc<str>, i64)>,
    /// True if the topic wants the log to be flushed now.
    pub flush: bool,
}

/// A log as its files were found: what [`Log::open`] is given.
#[derive(Clone, Debug)]
pub struct Opened {
    /// All segments in order; the last is the active one.
    pub segments: Vec<Segment>,
    /// The first offset that is still there.
    pub log_start: i64,
    /// The offset that the next record will get.
    pub log_end: i64,
    /// Everything before it is flushed.
    pub recovery_point: i64,
    /// Which leader epoch began where.
    pub epochs: EpochCache,
    /// What idempotent producers appended last.
    pub producers: ProducerStates,
    /// Where the last batches lie.
    pub recent: RecentBatches,
}

/// The directory of a partition's log.
pub fn directory_of(partition: &TopicPartition) -> String {
    partition.to_string()
}

impl Log {
    /// A new, empty log.
    pub fn create(
        partition: TopicPartition,
        config: Rc<TopicConfig>,
        now_ms: i64,
        files: &mut impl Files,
    ) -> Log {
        let directory = directory_of(&partition);
        let segment = Segment::new(&directory, 0, now_ms, 0);
        files.append(&segment.file, Bytes::new());
        let opened = Opened {
            segments: vec![segment],
            log_start: 0,
            log_end: 0,
            recovery_point: 0,
            epochs: EpochCache::default(),
            producers: ProducerStates::default(),
            recent: RecentBatches::default(),
        };
        Log::open(partition, config, opened)
    }

    /// A log as its files were found.
    pub fn open(partition: TopicPartition, config: Rc<TopicConfig>, mut opened: Opened) -> Log {
        let active = opened.segments.pop().expect("a log has a segment");
        Log {
            directory: directory_of(&partition).into(),
            partition,
            config,
            epochs: opened.epochs,
            producers: opened.producers,
            closed: opened.segments.into_iter().map(Rc::new).collect(),
            active,
            log_start: opened.log_start,
            log_end: opened.log_end,
            recovery_point: opened.recovery_point,
            recent: opened.recent,
            unflushed_records: 0,
        }
    }

    /// The directory of its files.
    pub fn directory(&self) -> &str {
        &self.directory
    }

    /// The first offset that is still there.
    pub fn log_start(&self) -> i64 {
        self.log_start
    }

    /// The offset that the next record will get.
    pub fn log_end(&self) -> i64 {
        self.log_end
    }

    /// Everything before it is flushed.
    pub fn recovery_point(&self) -> i64 {
        self.recovery_point
    }

    /// Segments from the oldest on.
    pub fn segments(&self) -> impl DoubleEndedIterator<Item = &Segment> {
        self.closed.iter().map(|segment| &**segment).chain([&self.active])
    }

    /// The segment that is appended to.
    pub fn active(&self) -> &Segment {
        &self.active
    }

    /// A flush of everything before this offset is done.
    pub fn flushed(&mut self, up_to: i64) {
        self.recovery_point = self.recovery_point.max(up_to);
    }

    /// Writes a stamped batch at the end, in a new segment if the active one is full.
    /// `jitter_ms` is the new segment's, if there is one.
    pub fn append(
        &mut self,
        header: &BatchHeader,
        batch: Bytes,
        (now_ms, jitter_ms): (i64, u64),
        files: &mut impl Files,
    ) -> Appended {
        debug_assert!(header.base_offset >= self.log_end, "offsets only grow");
        let incoming = Incoming::of(header);
        let roll = self.active.should_roll(&incoming, &self.config, now_ms);
        let rolled = roll.then(|| self.roll(header.base_offset, (now_ms, jitter_ms), files));
        self.recent.push(RecentBatch {
            base_offset: header.base_offset,
            last_offset: header.last_offset(),
            segment: self.active.base_offset,
            position: self.active.bytes,
        });
        transactions::note(&mut self.producers, &mut self.active, header, &batch);
        files.append(&self.active.file, batch);
        self.active.appended(&incoming, self.config.index_interval_bytes);
        self.log_end = header.next_offset();
        self.unflushed_records += header.records_count.max(0) as u64;
        let flush = self.unflushed_records >= self.config.flush_messages;
        if flush {
            self.unflushed_records = 0;
        }
        Appended { rolled, flush }
    }

    fn roll(
        &mut self,
        base_offset: i64,
        (now_ms, jitter_ms): (i64, u64),
        files: &mut impl Files,
    ) -> (Rc<str>, i64) {
        self.active.close(&self.directory, files);
        let fresh = Segment::new(&self.directory, base_offset, now_ms, jitter_ms);
        files.append(&fresh.file, Bytes::new());
        self.write_snapshot(base_offset, files);
        let closed = std::mem::replace(&mut self.active, fresh);
        let file = closed.file.clone();
        self.closed.push(Rc::new(closed));
        (file, base_offset)
    }

    /// Writes what a start after a clean stop needs instead of a walk.
    pub fn close(&mut self, files: &mut impl Files) {
        self.active.close(&self.directory, files);
        self.write_snapshot(self.log_end, files);
    }

    fn write_snapshot(&self, offset: i64, files: &mut impl Files) {
        if !self.producers.is_empty() {
            let name = file_name(&self.directory, offset, "snapshot");
            files.replace(&name, self.producers.encode());
        }
    }

    /// Removes all its files.
    pub fn delete(&self, files: &mut impl Files) {
        let prefix = format!("{}/", self.directory);
        let names: Vec<String> =
            files.disk().with_prefix(&prefix).map(|(name, _)| name.to_owned()).collect();
        for name in names {
            files.delete(&name);
        }
    }

    /// Where the batch with an offset lies: exactly if it is among the last ones or at the end,
    /// else a place a little before it.
    pub fn position_of(&self, offset: i64) -> (LogPosition, bool) {
        if offset >= self.log_end {
            let end = LogPosition { segment: self.active.base_offset, position: self.active.bytes };
            return (end, true);
        }
        if let Some(batch) = self.recent.find(offset) {
            return (LogPosition { segment: batch.segment, position: batch.position }, true);
        }
        let segment = self.segment_with(offset);
        let (base, position) = segment.offsets.lookup(offset);
        let exact = position == 0 && base == offset;
        (LogPosition { segment: segment.base_offset, position }, exact)
    }

    /// What to read for an offset below the log end, so that `max_bytes` of the batches from the
    /// wanted one on are among it.
    pub fn read_plan(&self, offset: i64, max_bytes: u64) -> ReadPlan {
        let (from, exact) = self.position_of(offset);
        let segment = self.segment_with(from.segment);
        let available = segment.bytes.saturating_sub(from.position);
        let before = match segment.offsets.position_behind(offset) {
            _ if exact => 0,
            Some(position) => position.saturating_sub(from.position),
            None => available,
        };
        let len = before.saturating_add(max_bytes).min(available);
        ReadPlan { file: segment.file.clone(), from, len, available, exact }
    }

    /// The place behind a segment, which is the beginning of the next one.
    pub fn next_segment(&self, segment: i64) -> Option<i64> {
        let bases = self.segments().map(|segment| segment.base_offset);
        bases.into_iter().find(|base| *base > segment)
    }

    /// The segment in which an offset lies, if it lies in one.
    pub fn segment_with(&self, offset: i64) -> &Segment {
        if offset >= self.active.base_offset {
            return &self.active;
        }
        let count = self.closed.partition_point(|segment| segment.base_offset <= offset);
        &self.closed[count.saturating_sub(1)]
    }

    /// Where the batch lies that holds an offset, or the first behind it, and where the log ends if
    /// it is cut there; `None` if that has to be looked up on the disk.
    pub fn cut_of(&self, offset: i64) -> Option<(i64, LogPosition)> {
        if let Some(batch) = self.recent.find(offset) {
            let at = LogPosition { segment: batch.segment, position: batch.position };
            return Some((batch.base_offset.min(offset), at));
        }
        let (at, exact) = self.position_of(offset);
        exact.then_some((offset, at))
    }

    /// Cuts the log: `at` is where the first batch lies that holds `offset` or comes behind it.
    /// That batch, and all behind it, go.
    pub fn truncate(&mut self, offset: i64, at: LogPosition, files: &mut impl Files) {
        if offset >= self.log_end {
            return;
        }
        while self.active.base_offset > at.segment
            && let Some(before) = self.closed.pop()
        {
            let before = Rc::unwrap_or_clone(before);
            std::mem::replace(&mut self.active, before).delete(&self.directory, files);
        }
        files.truncate(&self.active.file, at.position);
        self.active.truncated(offset, at.position);
        for suffix in ["index", "timeindex", "txnindex"] {
            files.delete(&file_name(&self.directory, self.active.base_offset, suffix));
        }
        self.log_end = offset.max(self.log_start);
        self.recovery_point = self.recovery_point.min(self.log_end);
        self.epochs.truncate_from_end(self.log_end);
        self.producers.truncate(offset);
        self.recent.truncate(offset);
    }

    /// Begins an empty segment at the log end.
    pub fn roll_empty(&mut self, now_ms: i64, files: &mut impl Files) {
        self.roll(self.log_end, (now_ms, 0), files);
    }

    /// The base offset of the oldest segment.
    pub fn first_base(&self) -> i64 {
        self.closed.first().map_or(self.active.base_offset, |segment| segment.base_offset)
    }

    /// Removes so many of the oldest segments.
    pub fn delete_first(&mut self, count: usize, files: &mut impl Files) {
        for segment in self.closed.drain(..count) {
            segment.delete(&self.directory, files);
        }
    }

    /// Puts a cleaned copy, which lies in `file`, in the place of these closed segments; false, and
    /// nothing is done, if they are not the same any more.
    pub fn replace_segments(
        &mut self,
        of: &[(i64, u64)],
        (mut segment, file): (Segment, &str),
        recent: RecentBatches,
        files: &mut impl Files,
    ) -> bool {
        let bases = self.closed.iter().map(|closed| (closed.base_offset, closed.bytes));
        let Some(at) = bases.clone().position(|closed| Some(&closed) == of.first()) else {
            return false;
        };
        if !bases.skip(at).take(of.len()).eq(of.iter().copied()) {
            return false;
        }
        let replaced = self.closed[at..at + of.len()].iter();
        segment.aborted.extend(replaced.flat_map(|old| old.aborted.iter().copied()));
        for old in self.closed.drain(at + 1..at + of.len()) {
            old.delete(&self.directory, files);
        }
        files.rename(file, &segment.file);
        segment.close(&self.directory, files);
        self.closed[at] = Rc::new(segment);
        self.recent.replace(of, recent);
        true
    }

    /// Drops everything and begins anew at an offset.
    pub fn restart_at(&mut self, offset: i64, now_ms: i64, files: &mut impl Files) {
        self.delete_segments(files);
        self.active = Segment::new(&self.directory, offset, now_ms, 0);
        files.append(&self.active.file, Bytes::new());
        (self.log_start, self.log_end, self.recovery_point) = (offset, offset, offset);
        self.epochs = EpochCache::default();
        self.producers = ProducerStates::default();
        self.recent = RecentBatches::default();
    }

    fn delete_segments(&mut self, files: &mut impl Files) {
        for segment in std::mem::take(&mut self.closed) {
            segment.delete(&self.directory, files);
        }
        self.active.delete(&self.directory, files);
    }

    /// The log begins at this offset now: records before it may no longer be read.
    pub fn set_log_start(&mut self, offset: i64) {
        self.log_start = self.log_start.max(offset.min(self.log_end));
    }
}
