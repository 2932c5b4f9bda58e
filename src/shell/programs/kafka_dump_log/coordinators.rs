//! What the coordinators of transactions and of share groups keep: keys and values of
//! `__transaction_state` and `__share_group_state`. Fields, their order and what is left out are
//! those of Kafka's generated JSON converters.

use super::decoders::{Decoded, ids, quoted};
use crate::kafka::group::share_records;
use crate::kafka::record::reader::Record;
use crate::kafka::transaction::records;

/// A key or a value as the tool writes it.
fn of(label: &str, version: &str, data: &str) -> String {
    format!("{{\"{label}\":\"{version}\",\"data\":{{{data}}}}}")
}

/// What is said of a record that is of another kind.
fn unknown(record: &Record<'_>) -> Decoded {
    let kind = record.key.and_then(|key| key.first_chunk());
    let kind = kind.map_or(-1, |kind| i16::from_be_bytes(*kind));
    (Some(format!("Unknown record type {kind} at offset {}, skipping.", record.offset)), None)
}

fn or_deleted(value: Option<&[u8]>, decode: impl Fn(&[u8]) -> Option<String>) -> String {
    match value {
        None => "<DELETE>".to_owned(),
        Some(value) => decode(value).unwrap_or_else(|| "Error, skipping.".to_owned()),
    }
}

/// A transactional id, and how its transaction stands.
pub(super) fn transaction(record: &Record<'_>) -> Decoded {
    let Some(id) = record.key.and_then(records::decode_key) else { return unknown(record) };
    let key = of("type", "0", &format!("\"transactionalId\":{}", quoted(id)));
    let value = or_deleted(record.value, |value| {
        let found = records::decode_value(value)?;
        let mut topics: Vec<(&str, Vec<i32>)> = Vec::new();
        for partition in &found.partitions {
            match topics.last_mut() {
                Some((topic, all)) if **topic == *partition.topic => all.push(partition.partition),
                _ => topics.push((&partition.topic, vec![partition.partition])),
            }
        }
        let topics = topics.into_iter().map(|(topic, all)| {
            format!("{{\"topic\":{},\"partitionIds\":{}}}", quoted(topic), ids(&all))
        });
        let topics: Vec<String> = topics.collect();
        let data = format!(
            "\"producerId\":{},\"producerEpoch\":{},\"transactionTimeoutMs\":{},\
             \"transactionStatus\":{},\"transactionPartitions\":[{}],\
             \"transactionLastUpdateTimestampMs\":{},\"transactionStartTimestampMs\":{},\
             \"clientTransactionVersion\":2",
            found.producer_id,
            found.epoch,
            found.timeout.as_millis(),
            found.state as i8,
            topics.join(","),
            found.updated_ms,
            found.started_ms,
        );
        Some(of("version", "1", &data))
    });
    (Some(key), Some(value))
}

/// A partition of a share group, and how far the group has come with it.
pub(super) fn share_state(record: &Record<'_>) -> Decoded {
    let Some(found) = record.key.and_then(share_records::decode_key) else {
        return unknown(record);
    };
    let data = format!(
        "\"groupId\":{},\"topicId\":\"{}\",\"partition\":{}",
        quoted(&found.group),
        found.topic,
        found.partition
    );
    let key = of("type", "0", &data);
    let value = or_deleted(record.value, |value| {
        let state = share_records::decode_value(value)?;
        let (created, written) = share_records::times(value)?;
        let batches = state.batches.iter().map(|batch| {
            format!(
                "{{\"firstOffset\":{},\"lastOffset\":{},\"deliveryState\":{},\
                 \"deliveryCount\":{}}}",
                batch.first, batch.last, batch.state, batch.deliveries
            )
        });
        let batches: Vec<String> = batches.collect();
        let data = format!(
            "\"snapshotEpoch\":{},\"stateEpoch\":{},\"leaderEpoch\":{},\"startOffset\":{},\
             \"createTimestamp\":{created},\"writeTimestamp\":{written},\"stateBatches\":[{}]",
            state.snapshot_epoch,
            state.state_epoch,
            state.leader_epoch,
            state.start,
            batches.join(",")
        );
        Some(of("version", "0", &data))
    });
    (Some(key), Some(value))
}
