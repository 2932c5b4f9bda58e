//! Logs: indexes, rolls, epochs, look-ups by time, what idempotent producers may append.

use super::{field, list, number, same, text};
use bytes::Bytes;
use pushpull::kafka::broker::list_offsets::{Asker, Bounds};
use pushpull::kafka::config::TopicConfig;
use pushpull::kafka::event::TopicPartition;
use pushpull::kafka::log::index::{OffsetIndex, TimeIndex};
use pushpull::kafka::log::lookup::{LookupStep, TimestampLookup};
use pushpull::kafka::log::segment::{Incoming, Segment};
use pushpull::kafka::log::{EpochCache, Log};
use pushpull::kafka::metadata::PartitionImage;
use pushpull::kafka::partition::{AppendTime, Partition};
use pushpull::kafka::record::builder::{BatchBuilder, Fields, ProducerStamp};
use pushpull::kafka::record::{BatchHeader, header};
use pushpull::sim::{Disk, Rope, Span, Time};
use serde_json::Value;
use std::rc::Rc;

fn epochs_of(entries: &[Value]) -> Result<Vec<(i32, i64)>, String> {
    let entry = |e: &Value| Ok((number(e, "epoch")? as i32, number(e, "startOffset")?));
    entries.iter().map(entry).collect()
}

pub fn epoch_end_offset(entry: &Value) -> Result<(), String> {
    let cache = EpochCache::from_entries(epochs_of(list(entry, "epochs")?)?);
    let asked = number(entry, "requestedEpoch")? as i32;
    let (epoch, end) = cache.end_of(asked, number(entry, "logEndOffset")?);
    let expected = field(entry, "expect")?;
    same("the epoch", i64::from(epoch), number(expected, "epoch")?)?;
    same("its end", end, number(expected, "endOffset")?)
}

pub fn epoch_cache(entry: &Value) -> Result<(), String> {
    let mut cache = EpochCache::from_entries(epochs_of(list(entry, "epochs")?)?);
    for operation in list(entry, "operations")? {
        match text(operation, "op")? {
            "assign" => {
                let epoch = number(operation, "epoch")? as i32;
                cache.assign(epoch, number(operation, "startOffset")?);
            }
            "truncateFromEnd" => {
                cache.truncate_from_end(number(operation, "offset")?);
            }
            "truncateFromStart" => {
                cache.truncate_from_start(number(operation, "offset")?);
            }
            other => return Err(format!("the operation {other} is not known")),
        }
    }
    same("the entries", cache.entries().to_vec(), epochs_of(list(entry, "expect")?)?)
}

/// A batch of so many records with these times, at this offset.
fn batch_at(offset: i64, timestamps: &[i64]) -> (BatchHeader, Bytes) {
    let mut builder = BatchBuilder::new(0, 0);
    for timestamp in timestamps {
        builder.push(*timestamp, &Fields { value: Some(b"hello"), ..Fields::default() });
    }
    let mut bytes = builder.close(ProducerStamp::NONE).to_vec();
    header::stamp(&mut bytes, offset, 0);
    (BatchHeader::parse(&bytes).expect("it was just built"), bytes.into())
}

fn batch_size() -> u64 {
    batch_at(0, &[0]).1.len() as u64
}

/// "2 * batch size - 1", "10 * (s - 1)" or a number, where the size of a batch is `s`.
fn sized(value: &Value) -> Result<u64, String> {
    let s = batch_size();
    match value.as_str() {
        Some("2 * batch size - 1" | "2 * record batch size - 1") => Ok(2 * s - 1),
        Some("10 * (s - 1)") => Ok(10 * (s - 1)),
        Some(other) => Err(format!("{other:?} is not understood")),
        None => value.as_u64().ok_or_else(|| "a size is no number".to_owned()),
    }
}

pub fn log_index(entry: &Value) -> Result<(), String> {
    let given = field(entry, "given")?;
    if let Some(bytes) = given.get("segmentIndexBytes").and_then(Value::as_u64) {
        let expected = field(entry, "expect")?;
        let offsets = OffsetIndex::capacity(bytes) as i64;
        same("the offset index", offsets, number(expected, "offsetIndexEntries")?)?;
        let times = TimeIndex::capacity(bytes) as i64;
        return same("the time index", times, number(expected, "timeIndexEntries")?);
    }
    let base = number(given, "baseOffset")?;
    if let Some(entries) = given.get("entries").and_then(Value::as_array) {
        let mut index = OffsetIndex::new(base);
        for place in entries {
            index.push(number(place, "offset")?, number(place, "position")? as u64);
        }
        for lookup in list(entry, "lookups")? {
            let (offset, position) = index.lookup(number(lookup, "target")?);
            let expected = field(lookup, "expect")?;
            same("the offset", offset, number(expected, "offset")?)?;
            same("the position", position as i64, number(expected, "position")?)?;
        }
        return Ok(());
    }
    let interval = sized(field(given, "indexInterval")?)?;
    let each = number(given, "recordsPerAppend")?;
    let mut segment = Segment::new("t-0", base, 0, 0);
    let mut offset = base;
    for _ in 0..number(given, "appends")? {
        let times: Vec<i64> = (offset..offset + each).collect();
        let (header, _) = batch_at(offset, &times);
        segment.appended(&Incoming::of(&header), interval);
        offset += each;
    }
    let expected = number(field(entry, "expect")?, "timeIndexEntries")?;
    same("the time index", segment.times.len() as i64, expected)
}

/// A log on a disk of its own.
struct OneLog {
    log: Log,
    disk: Disk,
    now_ms: i64,
}

impl OneLog {
    fn new(config: TopicConfig, now_ms: i64) -> OneLog {
        let mut disk = Disk::default();
        let partition = TopicPartition::new("t", 0);
        let log = Log::create(partition, Rc::new(config), now_ms, &mut disk);
        OneLog { log, disk, now_ms }
    }

    fn append(&mut self, offset: i64, timestamps: &[i64]) {
        let (header, bytes) = batch_at(offset, timestamps);
        self.log.append(&header, bytes, (self.now_ms, 0), &mut self.disk);
    }

    fn segments(&self) -> i64 {
        self.log.segments().count() as i64
    }
}

pub fn log_roll(entry: &Value) -> Result<(), String> {
    let given = field(entry, "given")?;
    let mut config = TopicConfig::default();
    if let Some(bytes) = given.get("segmentBytes") {
        config.segment_bytes = sized(bytes)?;
        let mut one = OneLog::new(config, 0);
        let when = text(entry, "when")?;
        let count: i64 = when
            .strip_suffix(" appends")
            .and_then(|count| count.parse().ok())
            .ok_or_else(|| format!("{when:?} is not understood"))?;
        (0..count).for_each(|offset| one.append(offset, &[0]));
        let expected = number(field(entry, "expect")?, "segments")?;
        return same("the segments", one.segments(), expected);
    }
    config.segment_ms = number(given, "segmentMs")? as u64;
    const T: i64 = 1_000_000;
    let mut one = OneLog::new(config, T);
    for step in list(entry, "steps")? {
        if let Some(ms) = step.get("sleepMs").and_then(Value::as_i64) {
            one.now_ms += ms;
        }
        let Some(append) = step.get("append") else { continue };
        let timestamp = match append.get("timestamp").and_then(Value::as_str) {
            None => -1,
            Some("T") => T,
            Some(later) => {
                let ms = later.strip_prefix("T + ").and_then(|ms| ms.parse::<i64>().ok());
                T + ms.ok_or_else(|| format!("{later:?} is not understood"))?
            }
        };
        one.append(one.log.log_end(), &[timestamp]);
        same("the segments", one.segments(), number(step, "segments")?)?;
    }
    Ok(())
}

pub fn list_offsets(entry: &Value) -> Result<(), String> {
    let log = field(entry, "log")?;
    if log.get("offsets").is_some() {
        return lookup_by_time(entry, log);
    }
    let bounds = Bounds {
        log_start: number(log, "logStartOffset")?,
        high_watermark: number(log, "highWatermark")?,
        last_stable: number(log, "lastStableOffset")?,
        log_end: number(log, "logEndOffset")?,
    };
    for lookup in list(entry, "lookups")? {
        let asker = match lookup.get("isolation").and_then(Value::as_str) {
            Some("read_committed") => Asker::ReadCommitted,
            _ if lookup.get("asReplica") == Some(&Value::Bool(true)) => Asker::Replica,
            _ => Asker::ReadUncommitted,
        };
        let time = number(lookup, "timestamp")?;
        let found = bounds.offset_at(time, asker).or_else(|| {
            // A log without a record has nothing to look up.
            assert_eq!(bounds.log_start, bounds.log_end, "these vectors hold no records");
            let empty = OneLog::new(TopicConfig::default(), 0);
            assert!(TimestampLookup::new(&empty.log, time).is_none());
            None
        });
        same(&format!("the offset at {time}"), found, field(lookup, "expect")?.as_i64())?;
    }
    Ok(())
}

/// One record an append, whose time is ten times its offset.
fn lookup_by_time(entry: &Value, given: &Value) -> Result<(), String> {
    same("timestampOf", text(given, "timestampOf")?, "10 * offset")?;
    let index_interval_bytes = sized(field(given, "indexInterval")?)?;
    let mut one = OneLog::new(TopicConfig { index_interval_bytes, ..TopicConfig::default() }, 0);
    let range: Vec<i64> = list(given, "offsets")?.iter().filter_map(Value::as_i64).collect();
    for offset in range[0]..=range[1] {
        one.append(offset, &[10 * offset]);
    }
    for lookup in list(entry, "lookups")? {
        let target = number(lookup, "timestamp")?;
        let mut found = None;
        if let Some(mut search) = TimestampLookup::new(&one.log, target) {
            let mut bytes = Rope::default();
            loop {
                match search.step(0, bytes) {
                    LookupStep::Read { file, from, len } => {
                        let file = one.disk.get(&file).expect("the segment is there");
                        bytes = file.read(from, len).expect("it is in memory");
                    }
                    LookupStep::Found(_, offset) => {
                        found = Some(offset);
                        break;
                    }
                    LookupStep::None => break,
                }
            }
        }
        same(&format!("the offset at {target}"), found, field(lookup, "expect")?.as_i64())?;
    }
    Ok(())
}

pub fn idempotence(entry: &Value) -> Result<(), String> {
    let mut disk = Disk::default();
    let config = Rc::new(TopicConfig::default());
    let log = Log::create(TopicPartition::new("t", 0), config, 0, &mut disk);
    let mut partition = Partition::open(log, 0, Default::default());
    let image = PartitionImage {
        replicas: vec![1],
        isr: vec![1],
        leader: Some(1),
        elr: Vec::new(),
        last_known_elr: Vec::new(),
        recovering: false,
        leader_epoch: 0,
        partition_epoch: 0,
        ..PartitionImage::default()
    };
    partition.lead(1, &image, Time::ZERO, Span::seconds(30));
    for append in list(entry, "appends")? {
        let mut builder = BatchBuilder::new(0, 0);
        for _ in 0..number(append, "records")? {
            builder.push(0, &Fields { value: Some(b"v"), ..Fields::default() });
        }
        let batch = builder.close(ProducerStamp {
            id: number(append, "producerId")?,
            epoch: number(append, "epoch")? as i16,
            base_sequence: number(append, "firstSequence")? as i32,
        });
        let time = AppendTime { now_ms: 0, jitter_ms: 0 };
        let result = partition.append_as_leader(&batch, -1, time, &mut disk);
        let expected = field(append, "expect")?;
        let name = result.as_ref().err().map_or("NONE", |error| error.name());
        same("the error", name, text(expected, "error")?)?;
        match result {
            Ok(done) => {
                same("the base offset", done.base_offset, number(expected, "baseOffset")?)?;
                let duplicate = expected.get("duplicate").is_some();
                same("a duplicate", done.bytes == 0, duplicate)?;
            }
            Err(error) => same("the code", i64::from(error.code()), number(expected, "code")?)?,
        }
    }
    if let Some(expected) = entry.get("expect") {
        let end = number(expected, "logEndOffset")?;
        same("the log end", partition.log.log_end(), end)?;
    }
    Ok(())
}
