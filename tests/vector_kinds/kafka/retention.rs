//! Which segments go.

use super::{field, list, number, same};
use bytes::Bytes;
use pushpull::kafka::config::TopicConfig;
use pushpull::kafka::event::TopicPartition;
use pushpull::kafka::log::Log;
use pushpull::kafka::record::BatchHeader;
use pushpull::kafka::record::builder::{BatchBuilder, Fields, ProducerStamp};
use pushpull::kafka::record::header;
use pushpull::sim::Disk;
use serde_json::Value;
use std::rc::Rc;

/// Not so late that the span of the records rolls a segment.
const NOW: i64 = 100_000_000;
const DAY: i64 = 86_400_000;

/// A batch of one record; all are of one size.
fn batch(offset: i64, timestamp: i64) -> Bytes {
    let mut builder = BatchBuilder::new(0, 0);
    builder.push(timestamp, &Fields { value: Some(b"value"), ..Fields::default() });
    let mut bytes = builder.close(ProducerStamp::NONE).to_vec();
    header::stamp(&mut bytes, offset, 0);
    bytes.into()
}

fn records(given: &Value, name: &str, size: u64) -> Option<i64> {
    let count = given.get(name)?.as_str()?.split(' ').next()?.parse::<i64>().ok()?;
    Some(count * size as i64)
}

pub fn retention(entry: &Value) -> Result<(), String> {
    let given = field(entry, "given")?;
    let size = batch(0, 0).len() as u64;
    let compact = given.get("cleanupPolicy").is_some_and(|policy| policy == "compact");
    let config = TopicConfig {
        segment_bytes: size * number(given, "recordsPerSegment")? as u64,
        retention_ms: given.get("retentionMs").and_then(Value::as_i64).unwrap_or(-1),
        retention_bytes: records(given, "retentionBytes", size).unwrap_or(-1),
        is_deleted: !compact,
        is_compacted: compact,
        ..TopicConfig::default()
    };
    let mut disk = Disk::default();
    let partition = TopicPartition::new("t", 0);
    let mut log = Log::create(partition, Rc::new(config), NOW, &mut disk);
    let age = given.get("recordAgeMs").and_then(Value::as_i64);
    let usual = given.get("recordTimestamp").and_then(Value::as_i64);
    let usual = usual.or(age.map(|age| NOW - age)).unwrap_or(NOW);
    let exception = given.get("exception").and_then(|e| e["offset"].as_i64());
    for offset in 0..number(given, "appended")? {
        let timestamp = if exception == Some(offset) { NOW + DAY } else { usual };
        let bytes = batch(offset, timestamp);
        let header = BatchHeader::parse(&bytes).ok_or("it was just built")?;
        log.append(&header, bytes, (NOW, 0), &mut disk);
    }
    let high_watermark = number(given, "highWatermark")?;
    let steps = entry.get("steps").map(|_| list(entry, "steps")).transpose()?;
    let expectations = steps.unwrap_or_else(|| std::slice::from_ref(&entry["expect"]));
    for expected in expectations {
        if let Some(before) = expected.get("deleteRecordsBefore").and_then(Value::as_i64) {
            log.set_log_start(before);
        }
        log.delete_old(NOW, high_watermark, &mut disk);
        let segments = log.segments().count();
        same("the segments", segments as i64, number(expected, "segments")?)?;
        if expected.get("logStartOffset").is_some() {
            same("the log start", log.log_start(), number(expected, "logStartOffset")?)?;
        }
        if expected.get("lastSegmentBytes").is_some() {
            let bytes = log.active().bytes as i64;
            same("the last segment", bytes, number(expected, "lastSegmentBytes")?)?;
        }
        let files = disk.with_prefix("t-0/").filter(|(name, _)| name.ends_with(".log")).count();
        same("the files", files, segments)?;
    }
    Ok(())
}
