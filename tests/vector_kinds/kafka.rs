//! The vectors of the Kafka side, through the engine's public functions.

#[path = "kafka/assignors.rs"]
mod assignors;
#[path = "kafka/compaction.rs"]
mod compaction;
#[path = "kafka/controllers.rs"]
mod controllers;
#[path = "kafka/groups.rs"]
mod groups;
#[path = "kafka/logs.rs"]
mod logs;
#[path = "kafka/partitioners.rs"]
mod partitioners;
#[path = "kafka/records.rs"]
mod records;
#[path = "kafka/retention.rs"]
mod retention;
#[path = "kafka/rules.rs"]
mod rules;
#[path = "kafka/scenarios.rs"]
mod scenarios;

use serde_json::Value;
use std::fmt::Debug;

/// Kinds of parts that are not built yet.
pub const NOT_YET: &[&str] = &[];

/// Checks one entry of a kind.
pub fn run(kind: &str, entry: &Value) -> Result<(), String> {
    match kind {
        "crc32c" => records::crc32c(entry),
        "varint" => records::varint(entry),
        "record_batch" => records::record_batch(entry),
        "record_stream" => records::record_stream(entry),
        "record_batch_crc" => records::record_batch_crc(entry),
        "murmur2" => partitioners::murmur2(entry),
        "crc32_partitioner" => partitioners::crc32(entry),
        "fnv1a_partitioner" => partitioners::fnv1a(entry),
        "builtin_partitioner" => partitioners::builtin(entry),
        "group_partition" => partitioners::group_partition(entry),
        "placement_shift" => controllers::placement_shift(entry),
        "placement_striped" => controllers::placement_striped(entry),
        "election" => controllers::election(entry),
        "elr" => controllers::elr(entry),
        "compaction" => compaction::compaction(entry),
        "retention" => retention::retention(entry),
        "reconcile" => groups::reconcile(entry),
        "share" => groups::share(entry),
        "assignor" => assignors::assignor(entry),
        "epoch_end_offset" => logs::epoch_end_offset(entry),
        "epoch_cache" => logs::epoch_cache(entry),
        "log_index" => logs::log_index(entry),
        "log_roll" => logs::log_roll(entry),
        "list_offsets" => logs::list_offsets(entry),
        "idempotence" => logs::idempotence(entry),
        "scenario" => scenarios::scenario(entry),
        _ => Err(format!("the kind {kind} is not known")),
    }
}

/// A field that must be there.
fn field<'a>(entry: &'a Value, name: &str) -> Result<&'a Value, String> {
    entry.get(name).ok_or_else(|| format!("the entry has no {name}"))
}

fn number(entry: &Value, name: &str) -> Result<i64, String> {
    field(entry, name)?.as_i64().ok_or_else(|| format!("{name} is no number"))
}

fn text<'a>(entry: &'a Value, name: &str) -> Result<&'a str, String> {
    field(entry, name)?.as_str().ok_or_else(|| format!("{name} is no text"))
}

fn list<'a>(entry: &'a Value, name: &str) -> Result<&'a [Value], String> {
    let list = field(entry, name)?.as_array().ok_or_else(|| format!("{name} is no list"))?;
    Ok(list)
}

/// Bytes from their digits.
fn hex(digits: &str) -> Result<Vec<u8>, String> {
    let pairs = digits.as_bytes().chunks(2).map(|pair| {
        let pair = std::str::from_utf8(pair).map_err(|error| error.to_string())?;
        u8::from_str_radix(pair, 16).map_err(|error| format!("{pair}: {error}"))
    });
    pairs.collect()
}

fn same<T: PartialEq + Debug>(what: &str, found: T, expected: T) -> Result<(), String> {
    if found == expected {
        return Ok(());
    }
    Err(format!("{what} is {found:?}, expected {expected:?}"))
}
