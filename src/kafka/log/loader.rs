//! Opening a log at the start of a broker: a small state machine over reads.
//!
//! [`LogLoader::next`] says what to read, [`LogLoader::take`] is given the bytes, until the log
//! is there. After a clean stop the index files are believed and only what lies behind the last
//! index entry is walked. Else every batch from the recovery point's segment on is checked; at the
//! first that is torn or corrupt the log is cut, and all later segments go.

use super::checkpoint::{LEADER_EPOCHS, decode_epochs};
use super::epochs::EpochCache;
use super::files::Files;
use super::index::{OffsetIndex, TimeIndex};
use super::partition_log::{Log, Opened, directory_of};
use super::producers::ProducerStates;
use super::recent::{RecentBatch, RecentBatches};
use super::segment::{Incoming, Segment, file_name};
use super::transactions;
use crate::kafka::config::TopicConfig;
use crate::kafka::event::TopicPartition;
use crate::kafka::record::header::crc_matches;
use crate::kafka::record::{BatchHeader, BatchStream, HEADER_BYTES};
use crate::sim::Rope;
use bytes::Bytes;
use std::rc::Rc;

/// Bytes of one read of a walk. A batch that is larger is read in more steps.
const CHUNK_BYTES: u64 = 1 << 20;

/// What a loader wants.
#[derive(Debug)]
pub enum LoadStep {
    /// These bytes of this file.
    Read {
        /// The file.
        file: Rc<str>,
        /// From here.
        from: u64,
        /// So many.
        len: u64,
    },
    /// Nothing more: here is the log.
    Done(Box<Loaded>),
}

/// A log that was opened.
#[derive(Debug)]
pub struct Loaded {
    /// The log.
    pub log: Log,
    /// Bytes that were cut off because they were torn or corrupt, later segments included.
    pub truncated_bytes: u64,
}

/// What is known of a partition before its files are looked at.
#[derive(Clone, Debug)]
pub struct LoadRequest {
    /// Which.
    pub partition: TopicPartition,
    /// Its topic's settings.
    pub config: Rc<TopicConfig>,
    /// True after a clean stop.
    pub clean: bool,
    /// From `recovery-point-offset-checkpoint`.
    pub recovery_point: i64,
    /// From `log-start-offset-checkpoint`.
    pub log_start: i64,
    /// The broker's clock, in milliseconds since 1970.
    pub now_ms: i64,
}

#[derive(Clone, Debug)]
enum Stage {
    Epochs,
    Snapshot,
    TransactionIndex,
    OffsetIndex,
    TimeIndex,
    /// Reads the first header of the active segment; its walk begins at `position` then.
    FirstHeader {
        position: u64,
    },
    Walk(Walk),
}

/// A walk over a segment's batches.
#[derive(Clone, Debug, Default)]
struct Walk {
    /// True if each batch is checked and the indexes are made anew.
    recover: bool,
    /// Up to here all is valid.
    position: u64,
    /// Bytes from there on that are not yet a whole batch.
    carry: Rope,
    /// True once something was found that is no batch.
    broken: bool,
}

/// A log that is being opened.
#[derive(Clone, Debug)]
pub struct LogLoader {
    request: LoadRequest,
    directory: String,
    /// Base offsets of the segments that are still to be opened, the next one last.
    to_open: Vec<i64>,
    opened: Vec<Segment>,
    current: Option<Segment>,
    stage: Stage,
    epochs: EpochCache,
    producers: ProducerStates,
    recent: RecentBatches,
    log_end: i64,
    truncated_bytes: u64,
}

impl LogLoader {
    /// Begins to open a log.
    pub fn new(request: LoadRequest, files: &mut impl Files) -> LogLoader {
        let directory = directory_of(&request.partition);
        let prefix = format!("{directory}/");
        // A cleaning that a crash has ended begins anew.
        let names = files.disk().with_prefix(&prefix).map(|(name, _)| name);
        let unfinished = names.filter(|name| name.ends_with(".cleaned")).map(str::to_owned);
        for name in unfinished.collect::<Vec<_>>() {
            files.delete(&name);
        }
        let logs = files.disk().with_prefix(&prefix).filter_map(|(name, _)| {
            name.strip_prefix(&prefix)?.strip_suffix(".log")?.parse::<i64>().ok()
        });
        let mut to_open: Vec<i64> = logs.collect();
        to_open.reverse();
        LogLoader {
            request,
            directory,
            to_open,
            opened: Vec::new(),
            current: None,
            stage: Stage::Epochs,
            epochs: EpochCache::default(),
            producers: ProducerStates::default(),
            recent: RecentBatches::default(),
            log_end: 0,
            truncated_bytes: 0,
        }
    }

    /// What is to be done next.
    pub fn next(&mut self, files: &mut impl Files) -> LoadStep {
        loop {
            let file = match &self.stage {
                Stage::Epochs => format!("{}/{LEADER_EPOCHS}", self.directory),
                Stage::Snapshot => match self.begin_segment(files) {
                    Some(snapshot) => snapshot,
                    None => return LoadStep::Done(Box::new(self.finish(files))),
                },
                Stage::TransactionIndex => self.file("txnindex"),
                Stage::OffsetIndex => self.file("index"),
                Stage::TimeIndex => self.file("timeindex"),
                Stage::FirstHeader { .. } => {
                    let file = self.segment().file.clone();
                    return LoadStep::Read { file, from: 0, len: HEADER_BYTES as u64 };
                }
                Stage::Walk(walk) => {
                    let file = self.segment().file.clone();
                    let from = walk.position + walk.carry.len() as u64;
                    if from < files.disk().len(&file) && !walk.broken {
                        return LoadStep::Read { file, from, len: CHUNK_BYTES };
                    }
                    self.end_walk(files);
                    continue;
                }
            };
            let len = files.disk().len(&file);
            if len > 0 {
                return LoadStep::Read { file: file.into(), from: 0, len };
            }
            self.take(Rope::default());
        }
    }

    /// Takes the bytes that [`LogLoader::next`] asked for.
    pub fn take(&mut self, bytes: Rope) {
        match &mut self.stage {
            Stage::Epochs => {
                let text = String::from_utf8_lossy(&bytes.bytes()).into_owned();
                self.epochs = EpochCache::from_entries(decode_epochs(&text));
                self.stage = Stage::Snapshot;
            }
            Stage::Snapshot => {
                // A later snapshot holds all that an earlier one does.
                if !bytes.is_empty() {
                    self.producers = ProducerStates::decode(&bytes.bytes());
                }
                self.stage = match self.must_recover() {
                    true => Stage::Walk(Walk { recover: true, ..Walk::default() }),
                    false => Stage::TransactionIndex,
                };
            }
            Stage::TransactionIndex => {
                let segment = self.current.as_mut().expect("an index has a segment");
                segment.aborted = transactions::decode(&bytes.bytes());
                self.stage = Stage::OffsetIndex;
            }
            Stage::OffsetIndex => {
                let segment = self.current.as_mut().expect("an index has a segment");
                segment.offsets = OffsetIndex::decode(segment.base_offset, &bytes.bytes());
                self.stage = Stage::TimeIndex;
            }
            Stage::TimeIndex => self.take_time_index(&bytes),
            Stage::FirstHeader { position } => {
                let walk = Walk { position: *position, ..Walk::default() };
                let first = BatchHeader::parse(&bytes.bytes());
                let segment = self.current.as_mut().expect("a header has a segment");
                segment.first_timestamp = first.map(|header| header.max_timestamp);
                self.stage = Stage::Walk(walk);
            }
            Stage::Walk(walk) => {
                walk.carry.extend(bytes);
                self.walk();
            }
        }
    }

    fn segment(&self) -> &Segment {
        self.current.as_ref().expect("a segment is being opened")
    }

    fn file(&self, suffix: &str) -> String {
        file_name(&self.directory, self.segment().base_offset, suffix)
    }

    /// Takes the next segment up and names its producer snapshot; `None` after the last.
    fn begin_segment(&mut self, files: &mut impl Files) -> Option<String> {
        let base = self.to_open.pop()?;
        let mut segment = Segment::new(&self.directory, base, self.request.now_ms, 0);
        segment.bytes = files.disk().len(&segment.file);
        self.log_end = self.log_end.max(base);
        self.current = Some(segment);
        // After a clean stop the last snapshot stands at the log's end.
        let last = self.to_open.is_empty() && self.request.clean;
        let snapshots = format!("{}/", self.directory);
        let newest = files.disk().with_prefix(&snapshots).filter(|(n, _)| n.ends_with(".snapshot"));
        match newest.last() {
            Some((name, _)) if last => Some(name.to_owned()),
            _ => Some(self.file("snapshot")),
        }
    }

    fn must_recover(&self) -> bool {
        let end = self.to_open.last().copied();
        !self.request.clean && end.is_none_or(|next| next > self.request.recovery_point)
    }

    fn take_time_index(&mut self, bytes: &Rope) {
        let segment = self.current.as_mut().expect("an index has a segment");
        segment.times = TimeIndex::decode(segment.base_offset, &bytes.bytes());
        segment.max_timestamp = segment.times.last();
        let (offset, position) = segment.offsets.lookup(i64::MAX);
        let lost = segment.bytes > 0 && segment.times.is_empty();
        if lost {
            // The files of the indexes are gone: they are made anew.
            self.stage = Stage::Walk(Walk { recover: true, ..Walk::default() });
            segment.offsets = OffsetIndex::new(segment.base_offset);
            segment.aborted = Vec::new();
        } else if self.to_open.is_empty() {
            self.log_end = self.log_end.max(offset);
            self.stage = Stage::FirstHeader { position };
        } else {
            self.close_segment();
        }
    }

    fn close_segment(&mut self) {
        self.opened.extend(self.current.take());
        self.stage = Stage::Snapshot;
    }

    /// Goes over the whole batches that are there; what is left of the bytes waits for more.
    fn walk(&mut self) {
        let Stage::Walk(walk) = &mut self.stage else { return };
        let segment = self.current.as_mut().expect("a walk has a segment");
        if walk.position == 0 {
            segment.bytes = 0;
        }
        let mut stream = BatchStream::of(&walk.carry);
        while let Some(header) = stream.peek() {
            walk.broken = !header.is_sound();
            if walk.broken || header.size_bytes() > stream.left() {
                break;
            }
            let incoming = Incoming::of(&header);
            let bytes = stream.take(&header);
            if walk.recover {
                walk.broken = !belongs(&header, segment) || !crc_matches(&bytes);
                if walk.broken {
                    break;
                }
                segment.recovered(&incoming, self.request.config.index_interval_bytes);
                transactions::note(&mut self.producers, segment, &header, &bytes);
                let epoch = header.partition_leader_epoch;
                if self.epochs.latest().is_none_or(|latest| latest < epoch) {
                    self.epochs.assign(epoch, header.base_offset);
                }
            } else {
                segment.walked(&incoming);
            }
            self.recent.push(RecentBatch {
                base_offset: header.base_offset,
                last_offset: header.last_offset(),
                segment: segment.base_offset,
                position: walk.position,
            });
            self.log_end = header.next_offset();
            walk.position += incoming.bytes;
        }
        let done = stream.position();
        walk.carry = walk.carry.share(done, walk.carry.len());
    }

    /// The walk is over: cuts off what no valid batch covers.
    fn end_walk(&mut self, files: &mut impl Files) {
        let Stage::Walk(walk) = std::mem::replace(&mut self.stage, Stage::Snapshot) else {
            return;
        };
        let segment = self.current.as_mut().expect("a walk has a segment");
        let cut = files.disk().len(&segment.file) - walk.position;
        segment.bytes = walk.position;
        if cut > 0 {
            files.truncate(&segment.file, walk.position);
            self.truncated_bytes += cut;
            for base in std::mem::take(&mut self.to_open) {
                let later = Segment::new(&self.directory, base, self.request.now_ms, 0);
                self.truncated_bytes += files.disk().len(&later.file);
                later.delete(&self.directory, files);
            }
        }
        if walk.recover && !self.to_open.is_empty() {
            segment.close(&self.directory, files);
        }
        self.close_segment();
    }

    fn finish(&mut self, files: &mut impl Files) -> Loaded {
        let request = &self.request;
        if self.opened.is_empty() {
            let segment = Segment::new(&self.directory, 0, request.now_ms, 0);
            files.append(&segment.file, Bytes::new());
            self.opened.push(segment);
        }
        let first = self.opened[0].base_offset;
        self.epochs.truncate_from_end(self.log_end);
        let opened = Opened {
            segments: std::mem::take(&mut self.opened),
            log_start: request.log_start.max(first).min(self.log_end),
            log_end: self.log_end,
            recovery_point: request.recovery_point.min(self.log_end),
            epochs: std::mem::take(&mut self.epochs),
            producers: std::mem::take(&mut self.producers),
            recent: std::mem::take(&mut self.recent),
        };
        let log = Log::open(request.partition.clone(), request.config.clone(), opened);
        Loaded { log, truncated_bytes: self.truncated_bytes }
    }
}

fn belongs(header: &BatchHeader, segment: &Segment) -> bool {
    let relative = header.last_offset() - segment.base_offset;
    (0..=i64::from(i32::MAX)).contains(&relative)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::record::builder::{BatchBuilder, Fields, ProducerStamp};
    use crate::kafka::record::header::stamp;
    use crate::sim::Disk;

    const BATCHES: i64 = 12;

    fn config() -> Rc<TopicConfig> {
        let index_interval_bytes = 100;
        Rc::new(TopicConfig { segment_bytes: 300, index_interval_bytes, ..TopicConfig::default() })
    }

    /// A log of batches of two records each, and the disk it lies on.
    fn written() -> (Log, Disk) {
        let mut disk = Disk::default();
        let mut log = Log::create(TopicPartition::new("t", 0), config(), 0, &mut disk);
        for number in 0..BATCHES {
            let mut builder = BatchBuilder::new(0, 0);
            let fields = Fields { value: Some(b"value"), ..Fields::default() };
            builder.push(10 * number, &fields);
            builder.push(10 * number + 5, &fields);
            let producer = ProducerStamp { id: 3, epoch: 0, base_sequence: 2 * number as i32 };
            let mut bytes = builder.close(producer).to_vec();
            stamp(&mut bytes, 2 * number, 0);
            let header = BatchHeader::parse(&bytes).expect("it was just built");
            log.append(&header, bytes.into(), (0, 0), &mut disk);
        }
        (log, disk)
    }

    fn open(disk: &mut Disk, clean: bool) -> Loaded {
        let request = LoadRequest {
            partition: TopicPartition::new("t", 0),
            config: config(),
            clean,
            recovery_point: 0,
            log_start: 0,
            now_ms: 0,
        };
        let mut loader = LogLoader::new(request, disk);
        loop {
            match loader.next(disk) {
                LoadStep::Read { file, from, len } => {
                    let file = disk.get(&file).expect("what is asked for is there");
                    loader.take(file.read(from, len).expect("it is in memory"));
                }
                LoadStep::Done(loaded) => return *loaded,
            }
        }
    }

    /// Base offset, bytes, largest time of a segment.
    type Shape = (i64, u64, Option<(i64, i64)>);

    fn shape(log: &Log) -> Vec<Shape> {
        log.segments().map(|s| (s.base_offset, s.bytes, s.max_timestamp)).collect()
    }

    #[test]
    fn wherever_the_last_segment_is_cut_whole_batches_are_kept() {
        let (log, disk) = written();
        let last = log.active();
        let (file, whole) = (last.file.clone(), last.bytes);
        let each = 2 * whole / (log.log_end() - last.base_offset) as u64;
        assert_eq!(whole % each, 0, "all batches are alike");
        for cut in 0..=whole {
            let mut disk = disk.clone();
            disk.truncate(&file, cut);
            let loaded = open(&mut disk, false);
            let kept = last.base_offset + 2 * (cut / each) as i64;
            assert_eq!(loaded.log.log_end(), kept, "cut at {cut}");
            assert_eq!(loaded.truncated_bytes, cut % each);
            assert_eq!(disk.len(&file), cut - cut % each);
        }
    }

    #[test]
    fn a_recovery_finds_what_a_clean_start_reads() {
        let (mut log, mut disk) = written();
        let mut crashed = disk.clone();
        log.close(&mut disk);
        let clean = open(&mut disk, true).log;
        let recovered = open(&mut crashed, false).log;
        for found in [&clean, &recovered] {
            assert_eq!(shape(found), shape(&log));
            assert_eq!(found.log_end(), 2 * BATCHES);
            assert_eq!(found.active().first_timestamp, log.active().first_timestamp);
        }
        let offset = clean.active().base_offset;
        assert_eq!(clean.position_of(offset), log.position_of(offset));
        // The snapshot keeps the last batch of a producer, a walk finds the last five.
        let next = |log: &Log| log.producers.encode();
        assert_eq!(next(&clean), next(&log));
        assert_eq!(next(&recovered), next(&log));
    }
}
