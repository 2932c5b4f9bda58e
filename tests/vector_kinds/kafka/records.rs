//! Checksums, numbers, batches.

use super::{field, hex, list, number, same, text};
use bytes::Bytes;
use pushpull::kafka::record::builder::{BatchBuilder, Fields, ProducerStamp, RecordHeader};
use pushpull::kafka::record::header::{self, BatchHeader};
use pushpull::kafka::record::reader::ControlMarker;
use pushpull::kafka::record::stream::valid_batches;
use pushpull::kafka::record::{Record, Records, varint};
use pushpull::sim::Rope;
use serde_json::Value;

pub fn crc32c(entry: &Value) -> Result<(), String> {
    let found = format!("{:08x}", header::crc32c(&hex(text(entry, "inputHex")?)?));
    same("the checksum", found.as_str(), text(entry, "crc32cHex")?)
}

pub fn varint(entry: &Value) -> Result<(), String> {
    let (value, bytes) = (number(entry, "value")?, hex(text(entry, "hex")?)?);
    let (mut written, mut rest) = (Vec::new(), &bytes[..]);
    let (read, length) = match text(entry, "type")? {
        "varint32" => {
            varint::write_varint(&mut written, value as i32);
            let length = varint::varint_bytes(value as i32);
            (varint::read_varint(&mut rest).map(i64::from), length)
        }
        "varint64" => {
            varint::write_varlong(&mut written, value);
            (varint::read_varlong(&mut rest), varint::varlong_bytes(value))
        }
        other => return Err(format!("the type {other} is not known")),
    };
    same("the bytes", &written, &bytes)?;
    same("the foretold length", length, bytes.len())?;
    same("the number", read, Some(value))?;
    same("what is left", rest.len(), 0)
}

/// Bytes as the vectors show them: text, `{"hex": ...}`, or null.
fn content(value: &Value) -> Result<Option<Vec<u8>>, String> {
    match value {
        Value::Null => Ok(None),
        Value::String(text) => Ok(Some(text.clone().into_bytes())),
        other => Ok(Some(hex(text(other, "hex")?)?)),
    }
}

pub fn record_batch(entry: &Value) -> Result<(), String> {
    let bytes = hex(text(entry, "hex")?)?;
    same("the size", bytes.len() as i64, number(entry, "bytes")?)?;
    let found = BatchHeader::parse(&bytes).ok_or("there is no header")?;
    check_header(&found, &bytes, field(entry, "batch")?)?;
    let records: Vec<Record<'_>> = Records::of(&bytes).ok_or("it is not whole")?.collect();
    let expected = list(entry, "records")?;
    if found.attributes & header::CODEC_MASK != 0 {
        return Ok(());
    }
    same("the number of records", records.len(), expected.len())?;
    for (record, expected) in records.iter().zip(expected) {
        check_record(record, expected)?;
    }
    if records.is_empty() {
        return Ok(());
    }
    same("the batch built anew", build_anew(&found, &records), bytes)
}

fn check_header(found: &BatchHeader, bytes: &[u8], expected: &Value) -> Result<(), String> {
    let numbers = [
        ("baseOffset", found.base_offset),
        ("batchLength", i64::from(found.batch_length)),
        ("partitionLeaderEpoch", i64::from(found.partition_leader_epoch)),
        ("magic", i64::from(found.magic)),
        ("attributes", i64::from(found.attributes)),
        ("lastOffsetDelta", i64::from(found.last_offset_delta)),
        ("lastOffset", found.last_offset()),
        ("baseTimestamp", found.base_timestamp),
        ("maxTimestamp", found.max_timestamp),
        ("producerId", found.producer_id),
        ("producerEpoch", i64::from(found.producer_epoch)),
        ("baseSequence", i64::from(found.base_sequence)),
        ("recordsCount", i64::from(found.records_count)),
    ];
    for (name, value) in numbers {
        same(name, value, number(expected, name)?)?;
    }
    let flags = [
        ("transactional", found.attributes & header::TRANSACTIONAL != 0),
        ("control", found.is_control()),
        ("deleteHorizon", found.attributes & header::DELETE_HORIZON != 0),
        ("crcValid", header::crc_matches(bytes)),
    ];
    for (name, value) in flags {
        same(name, Some(value), field(expected, name)?.as_bool())?;
    }
    let codecs = ["none", "gzip", "snappy", "lz4", "zstd"];
    let codec = codecs[(found.attributes & header::CODEC_MASK) as usize];
    same("codec", codec, text(expected, "codec")?)?;
    let kind = if found.is_log_append_time() { "LogAppendTime" } else { "CreateTime" };
    same("timestampType", kind, text(expected, "timestampType")?)?;
    same("crc", format!("{:08x}", found.crc).as_str(), text(expected, "crc")?)
}

fn check_record(record: &Record<'_>, expected: &Value) -> Result<(), String> {
    let numbers = [
        ("length", i64::from(record.length)),
        ("timestampDelta", record.timestamp_delta),
        ("offsetDelta", i64::from(record.offset_delta)),
        ("offset", record.offset),
        ("timestamp", record.timestamp),
    ];
    for (name, value) in numbers {
        same(name, value, number(expected, name)?)?;
    }
    same("key", record.key.map(<[u8]>::to_vec), content(field(expected, "key")?)?)?;
    same("value", record.value.map(<[u8]>::to_vec), content(field(expected, "value")?)?)?;
    let headers: Vec<_> = record.headers().collect();
    let wanted = list(expected, "headers")?;
    same("the number of headers", headers.len(), wanted.len())?;
    for ((name, value), wanted) in headers.into_iter().zip(wanted) {
        same("a header", name, text(wanted, "key")?.as_bytes())?;
        same("its value", value.map(<[u8]>::to_vec), content(field(wanted, "value")?)?)?;
    }
    if let Some(control) = expected.get("control") {
        let marker = ControlMarker::of(record).ok_or("it is no marker")?;
        let kind = if marker.kind == 1 { "COMMIT" } else { "ABORT" };
        same("the marker's version", i64::from(marker.version), number(control, "version")?)?;
        same("the marker", kind, text(control, "type")?)?;
        let epoch = i64::from(marker.coordinator_epoch);
        same("its coordinator's epoch", epoch, number(control, "coordinatorEpoch")?)?;
    }
    Ok(())
}

/// The same records through the builder and the leader's stamp.
fn build_anew(found: &BatchHeader, records: &[Record<'_>]) -> Vec<u8> {
    let attributes = found.attributes & !header::LOG_APPEND_TIME;
    let mut builder = BatchBuilder::new(attributes, 0);
    for record in records {
        let headers: Vec<RecordHeader<'_>> = record
            .headers()
            .map(|(name, value)| (std::str::from_utf8(name).expect("names are text"), value))
            .collect();
        let fields = Fields { key: record.key, value: record.value, headers: &headers };
        let timestamp = found.base_timestamp + record.timestamp_delta;
        builder.push_at(record.offset_delta, timestamp, &fields);
    }
    let (id, epoch) = (found.producer_id, found.producer_epoch);
    let stamp = ProducerStamp { id, epoch, base_sequence: found.base_sequence };
    let mut bytes = builder.close(stamp).to_vec();
    header::stamp(&mut bytes, found.base_offset, found.partition_leader_epoch);
    if found.is_log_append_time() {
        header::stamp_append_time(&mut bytes, found.max_timestamp);
    }
    bytes
}

pub fn record_stream(entry: &Value) -> Result<(), String> {
    let bytes = hex(text(entry, "hex")?)?;
    let expected: Vec<usize> = list(entry, "batchPositions")?
        .iter()
        .filter_map(Value::as_u64)
        .map(|n| n as usize)
        .collect();
    let (positions, valid) = valid_batches(&Rope::from(Bytes::from(bytes)));
    same("the valid bytes", valid as i64, number(entry, "validBytes")?)?;
    same("the batches", positions, expected)
}

pub fn record_batch_crc(entry: &Value) -> Result<(), String> {
    let bytes = hex(text(entry, "hex")?)?;
    same("crcValid", Some(header::crc_matches(&bytes)), field(entry, "crcValid")?.as_bool())
}
