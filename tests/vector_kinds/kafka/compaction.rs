//! Which records are left.

use super::{field, list, number, same};
use bytes::Bytes;
use pushpull::kafka::log::compaction::{MAP_CAPACITY, OffsetMap, clean_batch, is_worth_cleaning};
use pushpull::kafka::record::builder::{BatchBuilder, DELETE_HORIZON, Fields, ProducerStamp};
use pushpull::kafka::record::header::{crc_matches, stamp};
use pushpull::kafka::record::{BatchHeader, Records};
use serde_json::Value;

/// A record as a vector gives it.
struct Given {
    key: String,
    value: Option<String>,
    producer: Option<(i64, i32)>,
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn given(entry: &Value) -> Result<Vec<Given>, String> {
    let given = field(entry, "given")?;
    if given.get("keysAtOffsets").is_some() {
        let keys = list(given, "keysAtOffsets")?.iter();
        let record =
            |key: &Value| Given { key: plain(key), value: Some("v".into()), producer: None };
        return Ok(keys.map(record).collect());
    }
    let records = list(given, "records")?.iter().map(|record| {
        let producer = record.get("producerId").and_then(Value::as_i64);
        let sequence = record.get("sequence").and_then(Value::as_i64).unwrap_or(-1) as i32;
        let value = match record.get("value") {
            Some(Value::Null) => None,
            Some(value) => Some(plain(value)),
            None => Some("v".into()),
        };
        Given { key: plain(&record["key"]), value, producer: producer.map(|id| (id, sequence)) }
    });
    Ok(records.collect())
}

fn parse(batch: &Bytes) -> Result<BatchHeader, String> {
    BatchHeader::parse(batch).ok_or_else(|| "no header".to_owned())
}

/// Each record as a batch of its own.
fn written(records: &[Given]) -> Vec<Bytes> {
    let batches = records.iter().enumerate().map(|(offset, record)| {
        let mut builder = BatchBuilder::new(0, 0);
        let value = record.value.as_ref().map(|value| value.as_bytes());
        builder.push(100, &Fields { key: Some(record.key.as_bytes()), value, headers: &[] });
        let producer = record.producer.map_or(ProducerStamp::NONE, |(id, base_sequence)| {
            ProducerStamp { id, epoch: 0, base_sequence }
        });
        let mut bytes = builder.close(producer).to_vec();
        stamp(&mut bytes, offset as i64, 0);
        Bytes::from(bytes)
    });
    batches.collect()
}

pub fn compaction(entry: &Value) -> Result<(), String> {
    let about = field(entry, "given")?;
    if about.get("minCleanableRatio").is_some() {
        let ratio = about["minCleanableRatio"].as_f64().ok_or("no ratio")?;
        let sizes = (number(about, "cleanBytes")? as u64, number(about, "cleanableBytes")? as u64);
        let cleaned = is_worth_cleaning(sizes.0, sizes.1, (ratio * 1e6) as u64);
        return same("cleaned", cleaned, entry["expect"]["cleaned"] == Value::Bool(true));
    }
    let records = given(entry)?;
    let mut batches = written(&records);
    let capacity = about.get("offsetMapHolds").and_then(Value::as_u64);
    let capacity = capacity.map_or(MAP_CAPACITY, |capacity| capacity as usize);
    let retention = about.get("deleteRetentionMs").and_then(Value::as_u64).unwrap_or(0);
    let active = about.get("activeSegmentBase").and_then(Value::as_i64).unwrap_or(i64::MAX);
    for step in list(entry, "steps")? {
        let from = step.get("firstDirtyOffset").and_then(Value::as_i64).unwrap_or(0);
        let now = step.get("cleanAt").and_then(Value::as_i64).unwrap_or(1_000);
        let mut map = OffsetMap::new(capacity);
        for batch in &batches {
            let header = parse(batch)?;
            if header.base_offset >= active || !map.take(&header, batch, from) {
                break;
            }
        }
        let mut kept = Vec::new();
        for batch in &batches {
            let header = parse(batch)?;
            let later = |other: &Bytes| {
                parse(other).is_ok_and(|o| {
                    o.producer_id == header.producer_id && o.base_offset > header.base_offset
                })
            };
            let last = header.has_producer() && !batches.iter().any(later);
            kept.extend(clean_batch(&map, &header, batch, (now, retention), last));
        }
        batches = kept;
        check(&batches, step)?;
    }
    Ok(())
}

fn check(batches: &[Bytes], step: &Value) -> Result<(), String> {
    let (mut keys, mut offsets, mut ends) = (Vec::new(), Vec::new(), Vec::new());
    for batch in batches {
        same("the checksum", crc_matches(batch), true)?;
        let header = parse(batch)?;
        ends.push(Value::from(header.last_offset()));
        for record in Records::of(batch).into_iter().flatten() {
            keys.push(String::from_utf8_lossy(record.key.unwrap_or_default()).into_owned());
            offsets.push(Value::from(record.offset));
            same("the time", record.timestamp, 100)?;
        }
        let is_stamped = header.attributes & DELETE_HORIZON != 0;
        if let Some(horizon) = step.get("deleteHorizon").and_then(Value::as_i64)
            && is_stamped
        {
            same("the horizon", header.base_timestamp, horizon)?;
        }
        if let Some(sequence) = step["lastSequence"].get(header.producer_id.to_string()) {
            same("the sequence", Value::from(header.last_sequence()), sequence.clone())?;
        }
    }
    same("the offsets", &offsets[..], list(step, "offsets")?)?;
    if step.get("keys").is_some() {
        let expected: Vec<String> = list(step, "keys")?.iter().map(plain).collect();
        same("the keys", keys, expected)?;
    }
    if step.get("lastOffsetPerBatch").is_some() {
        same("the batches", &ends[..], list(step, "lastOffsetPerBatch")?)?;
    }
    Ok(())
}
