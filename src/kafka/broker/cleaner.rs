//! The cleaner: of a compacted log's keys it leaves the last record each.
//!
//! Every `log.cleaner.backoff.ms` it takes the log of which the largest part is dirty, if that is
//! more than `min.cleanable.dirty.ratio`, or one that waited for `max.compaction.lag.ms`. It reads
//! the dirty part into an [`OffsetMap`], copies the segments up to the map's end into `.cleaned`
//! files, small neighbours together, flushes each and puts it in the place of what it was made of.
//! The active segment, and what is not committed, are never touched. A crash leaves either the old
//! files or the new ones; what is left of a `.cleaned` file goes at the next start.
//!
//! Simplified: one thread, without a limit of its rate. The real one renames to `.swap` first, as
//! its renames are not all done at one instant.

use super::life::Ticket;
use super::server::Server;
use crate::kafka::event::{Event, TopicPartition};
use crate::kafka::log::checkpoint::{self, CLEANER_OFFSETS, Offsets};
use crate::kafka::log::compaction::{
    MAP_CAPACITY, OffsetMap, clean_aborted, clean_batch, is_worth_cleaning,
};
use crate::kafka::log::recent::{RecentBatch, RecentBatches};
use crate::kafka::log::segment::{Incoming, Segment, file_name};
use crate::kafka::log::{Log, LogScan};
use crate::kafka::now_ms;
use crate::kafka::partition::Partition;
use crate::kafka::process::{Out, Timer};
use crate::kafka::record::BatchHeader;
use crate::sim::{Rope, Span};
use bytes::Bytes;

/// While somebody reads the files that are to be replaced, it is tried again so soon.
const SWAP_RETRY: Span = Span::millis(1);

/// What the cleaner does, and what it knows of each log.
#[derive(Clone, Debug, Default)]
pub struct Cleaner {
    /// Where the dirty part of each log begins, as the checkpoint has it.
    pub dirty_from: Offsets,
    run: Option<Box<Run>>,
    runs: u64,
}

/// A log that is being cleaned.
#[derive(Clone, Debug)]
struct Run {
    number: u64,
    key: TopicPartition,
    dirty_from: i64,
    map: OffsetMap,
    stage: Stage,
    /// Base offset and size of the segments that are still to be copied, the next one last.
    left: Vec<(i64, u64)>,
    bytes_removed: u64,
}

#[derive(Clone, Debug)]
enum Stage {
    /// Reads keys.
    Mapping(LogScan),
    /// Copies a group of segments.
    Copying(LogScan, Box<Copy>),
    /// The copy is whole and is being flushed, or waits for its place.
    Flushing(Box<Copy>),
}

/// The copy of a group of neighbouring segments.
#[derive(Clone, Debug)]
struct Copy {
    /// What it is made of: base offset and size.
    of: Vec<(i64, u64)>,
    segment: Segment,
    recent: RecentBatches,
}

/// A log that may be cleaned: from where to where, and how much of it is dirty.
struct Candidate {
    from: i64,
    end: i64,
    bytes: (u64, u64),
    must: bool,
}

/// The name of a copy that is not whole yet.
fn cleaned_file(log: &Log, base_offset: i64) -> String {
    file_name(log.directory(), base_offset, "log.cleaned")
}

fn candidate(partition: &Partition, known: Option<i64>, now_ms: i64) -> Candidate {
    let log = &partition.log;
    let known = known.filter(|from| (log.log_start()..=log.log_end()).contains(from));
    let from = known.unwrap_or(log.log_start());
    let lag = log.config.min_compaction_lag_ms;
    let young = |segment: &&Segment| {
        let newest = segment.largest_timestamp();
        lag > 0 && segment.base_offset >= from && newest > now_ms.saturating_sub_unsigned(lag)
    };
    let young = log.segments().find(young).map_or(i64::MAX, |segment| segment.base_offset);
    let end = partition.last_stable().min(log.active().base_offset).min(young);
    let size = |of: &dyn Fn(i64) -> bool| -> u64 {
        let those = log.segments().filter(|segment| of(segment.base_offset));
        those.map(|segment| segment.bytes).sum()
    };
    let first = log.segment_with(from).base_offset;
    let dirty = |base: i64| base >= first && base < end;
    let oldest = log.segments().filter(|segment| dirty(segment.base_offset) && from < end);
    let oldest = oldest.filter_map(|segment| segment.first_timestamp).min();
    let most = i64::try_from(log.config.max_compaction_lag_ms).unwrap_or(i64::MAX);
    let waited = oldest.map_or(0, |oldest| now_ms.saturating_sub(oldest));
    let cleanable = if from < end { size(&dirty) } else { 0 };
    let bytes = (size(&|base| base < from), cleanable);
    Candidate { from, end, bytes, must: most < i64::MAX && waited > most }
}

impl Server {
    /// Every `log.cleaner.backoff.ms`, and whenever a log is done.
    pub(super) fn clean_filthiest(&mut self, out: &mut Out<'_>) {
        if let Some(run) = &self.cleaner.run {
            if matches!(run.stage, Stage::Flushing(_)) {
                self.swap(out);
            }
            return;
        }
        let Some(backoff) = self.config.cleaner_backoff else { return };
        let now = now_ms(out.now());
        let mut best: Option<(u128, TopicPartition, Candidate)> = None;
        for (key, partition) in self.partitions.iter() {
            if !partition.log.config.is_compacted || self.is_loading(key) {
                continue;
            }
            let found = candidate(partition, self.cleaner.dirty_from.get(key).copied(), now);
            let (clean, cleanable) = found.bytes;
            let ratio = partition.log.config.min_cleanable_millionths;
            if cleanable == 0 || !found.must && !is_worth_cleaning(clean, cleanable, ratio) {
                continue;
            }
            let part = u128::from(cleanable) * 1_000_000 / u128::from(clean + cleanable);
            if best.as_ref().is_none_or(|(other, ..)| part > *other) {
                best = Some((part, key.clone(), found));
            }
        }
        match best {
            Some((_, key, found)) => self.begin_cleaning(key, &found, out),
            None => out.timer(Timer::Cleaner, backoff),
        }
    }

    fn begin_cleaning(&mut self, key: TopicPartition, found: &Candidate, out: &mut Out<'_>) {
        let Some(partition) = self.partitions.get(&key) else { return };
        let log = &partition.log;
        let first = log.segment_with(found.from).base_offset;
        let all = || log.segments().filter(|segment| segment.base_offset < found.end);
        let dirty = all().filter(|segment| segment.base_offset >= first);
        let mut left: Vec<(i64, u64)> =
            all().map(|segment| (segment.base_offset, segment.bytes)).collect();
        left.reverse();
        self.cleaner.runs += 1;
        self.cleaner.run = Some(Box::new(Run {
            number: self.cleaner.runs,
            key,
            dirty_from: found.from,
            map: OffsetMap::new(MAP_CAPACITY),
            stage: Stage::Mapping(LogScan::over(dirty)),
            left,
            bytes_removed: 0,
        }));
        self.go_on_cleaning(out);
    }

    /// Reads on, or begins what comes after.
    fn go_on_cleaning(&mut self, out: &mut Out<'_>) {
        loop {
            let Some(run) = &mut self.cleaner.run else { return };
            let Some(partition) = self.partitions.get(&run.key) else {
                return self.give_up_cleaning(out);
            };
            if let Stage::Mapping(scan) | Stage::Copying(scan, _) = &mut run.stage
                && let Some((file, from, len)) = scan.next_read()
            {
                return out.read(&file, from, len, Ticket::Clean { run: run.number });
            }
            match std::mem::replace(&mut run.stage, Stage::Mapping(LogScan::default())) {
                Stage::Mapping(_) => match run.next_group(&partition.log) {
                    Some(stage) => run.stage = stage,
                    None => return self.cleaned(out),
                },
                Stage::Copying(_, copy) => {
                    let file = cleaned_file(&partition.log, copy.segment.base_offset);
                    // A copy of nothing is a file too.
                    out.append(&file, Bytes::new());
                    out.flush(&file, Ticket::Clean { run: run.number });
                    run.stage = Stage::Flushing(copy);
                    return;
                }
                Stage::Flushing(copy) => {
                    run.stage = Stage::Flushing(copy);
                    return;
                }
            }
        }
    }

    /// Bytes of a segment have come.
    pub(super) fn clean_read(&mut self, number: u64, bytes: Rope, out: &mut Out<'_>) {
        let Some(run) = self.cleaner.run.as_mut().filter(|run| run.number == number) else {
            return;
        };
        let work = out.cost().kilobyte.as_micros() * bytes.len() as u64 / 1_000;
        out.work(Span::micros(work));
        match self.partitions.get(&run.key) {
            Some(partition) => run.take(&partition.log, bytes, out),
            None => return self.give_up_cleaning(out),
        }
        self.go_on_cleaning(out);
    }

    /// A copy is safe: it may take its place.
    pub(super) fn clean_flushed(&mut self, number: u64, out: &mut Out<'_>) {
        if self.cleaner.run.as_ref().is_some_and(|run| run.number == number) {
            self.swap(out);
        }
    }

    fn swap(&mut self, out: &mut Out<'_>) {
        let Some(run) = &self.cleaner.run else { return };
        if self.is_being_read(&run.key) {
            return out.timer(Timer::Cleaner, SWAP_RETRY);
        }
        let Some(mut run) = self.cleaner.run.take() else { return };
        let stage = std::mem::replace(&mut run.stage, Stage::Mapping(LogScan::default()));
        let Some(partition) = self.partitions.get_mut(&run.key) else { return };
        let Stage::Flushing(copy) = stage else { return };
        let file = cleaned_file(&partition.log, copy.segment.base_offset);
        let (before, after) = (copy.of.iter().map(|(_, b)| b).sum::<u64>(), copy.segment.bytes);
        let Copy { of, segment, recent } = *copy;
        if !partition.log.replace_segments(&of, (segment, &file), recent, out) {
            // Retention or a truncation was quicker.
            self.cleaner.run = Some(run);
            return self.give_up_cleaning(out);
        }
        run.bytes_removed += before.saturating_sub(after);
        self.cleaner.run = Some(run);
        self.go_on_cleaning(out);
    }

    fn is_being_read(&self, key: &TopicPartition) -> bool {
        self.fetches.values().any(|fetch| fetch.is_reading(key))
            || self.lookups.values().any(|lookup| lookup.is_reading(key))
            || self.is_loading(key)
    }

    /// All groups are in their places.
    fn cleaned(&mut self, out: &mut Out<'_>) {
        let Some(run) = self.cleaner.run.take() else { return };
        let end_offset = run.map.end().max(run.dirty_from);
        self.cleaner.dirty_from.insert(run.key.clone(), end_offset);
        self.write_cleaner_offsets(out);
        let (broker, bytes_removed) = (self.id, run.bytes_removed);
        out.emit(Event::LogCompacted { broker, partition: run.key, end_offset, bytes_removed });
        self.clean_filthiest(out);
    }

    /// The log is another one now than the one that was read.
    fn give_up_cleaning(&mut self, out: &mut Out<'_>) {
        let Some(run) = self.cleaner.run.take() else { return };
        if let Stage::Copying(_, copy) | Stage::Flushing(copy) = &run.stage
            && let Some(partition) = self.partitions.get(&run.key)
        {
            out.delete(&cleaned_file(&partition.log, copy.segment.base_offset));
        }
        if let Some(backoff) = self.config.cleaner_backoff {
            out.timer(Timer::Cleaner, backoff);
        }
    }

    /// A log was cut at an offset: what is behind it is dirty when it comes again.
    pub(super) fn cleaner_truncated(&mut self, key: &TopicPartition, end: i64, out: &mut Out<'_>) {
        if self.cleaner.run.as_ref().is_some_and(|run| run.key == *key) {
            self.give_up_cleaning(out);
        }
        if self.cleaner.dirty_from.get(key).is_some_and(|from| *from > end) {
            self.cleaner.dirty_from.insert(key.clone(), end);
            self.write_cleaner_offsets(out);
        }
    }

    fn write_cleaner_offsets(&mut self, out: &mut Out<'_>) {
        let all = self.cleaner.dirty_from.iter();
        let known = all.filter(|(key, _)| self.partitions.contains_key(key));
        let text = checkpoint::encode_offsets(known.map(|(key, from)| (key, *from)));
        self.write_if_changed(CLEANER_OFFSETS, text, out);
    }
}

impl Run {
    /// The next segments that fit in one together, up to the end of the map.
    fn next_group(&mut self, log: &Log) -> Option<Stage> {
        let mut of: Vec<(i64, u64)> = Vec::new();
        let mut sum = 0;
        while let Some((base, bytes)) = self.left.last().copied() {
            let fits = of.first().is_none_or(|(first, _)| {
                let past = self.left.iter().rev().nth(1).map_or(log.active().base_offset, |n| n.0);
                sum + bytes <= log.config.segment_bytes && past - first <= i64::from(i32::MAX)
            });
            if base >= self.map.end() || !fits {
                break;
            }
            sum += bytes;
            of.push((base, bytes));
            self.left.pop();
        }
        let first = of.first()?.0;
        let ranged = |segment: &&Segment| of.iter().any(|(base, _)| *base == segment.base_offset);
        let created = log.segment_with(first).created_ms;
        let segment = Segment::new(log.directory(), first, created, 0);
        let scan = LogScan::over(log.segments().filter(ranged));
        let copy = Copy { of: of.clone(), segment, recent: RecentBatches::default() };
        Some(Stage::Copying(scan, Box::new(copy)))
    }

    fn take(&mut self, log: &Log, bytes: Rope, out: &mut Out<'_>) {
        match &mut self.stage {
            Stage::Mapping(scan) => {
                let from = self.dirty_from;
                let is_full = |(header, batch): (BatchHeader, Bytes)| {
                    header.last_offset() >= from
                        && !match log.is_aborted(&header) {
                            true => self.map.pass(&header),
                            false => self.map.take(&header, &batch, from),
                        }
                };
                if scan.take(bytes).into_iter().any(is_full) {
                    *scan = LogScan::default();
                }
            }
            Stage::Copying(scan, copy) => {
                let file = cleaned_file(log, copy.segment.base_offset);
                let now = (now_ms(out.now()), log.config.delete_retention_ms);
                for (header, batch) in scan.take(bytes) {
                    let last = log.producers.is_last(&header);
                    let kept = match log.is_aborted(&header) {
                        true => clean_aborted(&self.map, &header, &batch, last),
                        false => clean_batch(&self.map, &header, &batch, now, last),
                    };
                    if let Some(kept) = kept
                        && let Some(header) = BatchHeader::parse(&kept)
                    {
                        copy.recent.push(RecentBatch {
                            base_offset: header.base_offset,
                            last_offset: header.last_offset(),
                            segment: copy.segment.base_offset,
                            position: copy.segment.bytes,
                        });
                        out.append(&file, kept);
                        let interval = log.config.index_interval_bytes;
                        copy.segment.appended(&Incoming::of(&header), interval);
                    }
                }
            }
            Stage::Flushing(_) => {}
        }
    }
}
