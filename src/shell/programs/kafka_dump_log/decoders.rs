//! What keys and values say: as text, as offsets of groups, as changes of the cluster's state.
//! Fields, their order and what is left out are those of Kafka's generated JSON converters.

use super::coordinators;
use crate::kafka::group::records::{decode_key, decode_members_key, decode_value};
use crate::kafka::metadata::records::Change;
use crate::kafka::metadata::snapshot::SnapshotHeader;
use crate::kafka::metadata::{MetadataRecord, Resource};
use crate::kafka::record::reader::{ControlMarker, Record};
use crate::kafka::record::varint::read_unsigned;
use serde_json::Value;

/// How keys and values are read.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Decoder {
    Text,
    Offsets,
    Metadata,
    Transactions,
    ShareStates,
}

/// A key and a value.
pub(super) type Decoded = (Option<String>, Option<String>);

impl Decoder {
    /// Key and value of a record, as far as it has them.
    pub(super) fn decode(self, record: &Record<'_>) -> Decoded {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        match self {
            Decoder::Text => (record.key.map(text), record.value.map(text)),
            Decoder::Offsets => offsets(record),
            Decoder::Metadata => (None, Some(metadata(record))),
            Decoder::Transactions => coordinators::transaction(record),
            Decoder::ShareStates => coordinators::share_state(record),
        }
    }
}

pub(super) fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

fn offsets(record: &Record<'_>) -> Decoded {
    let Some(bytes) = record.key else {
        let sentence = "using the specified decoder (message had a missing key)";
        let offset = record.offset;
        return (Some(format!("Failed to decode message at offset {offset} {sentence}")), None);
    };
    let deleted = || "<DELETE>".to_owned();
    if let Some(key) = decode_key(bytes) {
        let (group, topic) = (quoted(&key.group), quoted(&key.partition.topic));
        let partition = key.partition.partition;
        let key = format!(
            "{{\"type\":\"1\",\"data\":{{\"group\":{group},\"topic\":{topic},\
             \"partition\":{partition}}}}}"
        );
        let value = record.value.map(|value| match decode_value(value) {
            Some(committed) => format!(
                "{{\"version\":\"3\",\"data\":{{\"offset\":{},\"leaderEpoch\":{},\
                 \"metadata\":\"\",\"commitTimestamp\":{}}}}}",
                committed.offset, committed.leader_epoch, committed.commit_ms
            ),
            None => format!("Error at offset {}, skipping.", record.offset),
        });
        return (Some(key), Some(value.unwrap_or_else(deleted)));
    }
    if let Some(group) = decode_members_key(bytes) {
        let group = quoted(group);
        let key = format!("{{\"type\":\"2\",\"data\":{{\"group\":{group}}}}}");
        return (Some(key), Some(record.value.map_or_else(deleted, members)));
    }
    let kind = bytes.first_chunk().map_or(-1, |kind| i16::from_be_bytes(*kind));
    (Some(format!("Unknown record type {kind} at offset {}, skipping.", record.offset)), None)
}

/// The members of a group. Simplified: what a member subscribes to and has is not spelt out.
fn members(value: &[u8]) -> String {
    let Some((group, time)) =
        crate::kafka::group::records::decode_members(value, crate::sim::Time::ZERO)
    else {
        return "Error, skipping.".to_owned();
    };
    let maybe = |text: Option<&str>| text.map_or("null".to_owned(), quoted);
    let each = group.members.iter().map(|member| {
        format!(
            "{{\"memberId\":{},\"groupInstanceId\":{},\"clientId\":{},\
             \"clientHost\":\"/127.0.0.1\",\"rebalanceTimeout\":{},\"sessionTimeout\":{}}}",
            quoted(&member.id),
            maybe(member.instance.as_deref()),
            quoted(&member.client),
            member.rebalance_timeout.as_millis(),
            member.session_timeout.as_millis(),
        )
    });
    format!(
        "{{\"version\":\"3\",\"data\":{{\"protocolType\":\"consumer\",\"generation\":{},\
         \"protocol\":{},\"leader\":{},\"currentStateTimestamp\":{time},\"members\":[{}]}}}}",
        group.generation,
        maybe(group.protocol.map(|protocol| protocol.name())),
        maybe(group.leader.as_deref()),
        each.collect::<Vec<_>>().join(","),
    )
}

fn metadata(record: &Record<'_>) -> String {
    let Some(found) = record.value.and_then(MetadataRecord::decode) else {
        return format!("Error at {}, skipping.", record.offset);
    };
    let (name, version, data) = match &found {
        MetadataRecord::Topic { name, id } => {
            ("TOPIC_RECORD", 0, format!("\"name\":{},\"topicId\":\"{id}\"", quoted(name)))
        }
        MetadataRecord::Partition { topic, partition, state } => {
            let mut data = format!(
                "\"partitionId\":{partition},\"topicId\":\"{topic}\",\"replicas\":{},\
                 \"isr\":{},\"removingReplicas\":{},\"addingReplicas\":{},\"leader\":{}",
                ids(&state.replicas),
                ids(&state.isr),
                ids(&state.removing),
                ids(&state.adding),
                state.leader.unwrap_or(-1),
            );
            if state.recovering {
                data += ",\"leaderRecoveryState\":1";
            }
            data += &format!(
                ",\"leaderEpoch\":{},\"partitionEpoch\":{}",
                state.leader_epoch, state.partition_epoch
            );
            if state.has_elr() {
                data += ",\"directories\":[]";
            }
            let lists =
                [("eligibleLeaderReplicas", &state.elr), ("lastKnownElr", &state.last_known_elr)];
            for (name, list) in lists.into_iter().filter(|(_, list)| !list.is_empty()) {
                data += &format!(",\"{name}\":{}", ids(list));
            }
            ("PARTITION_RECORD", if state.has_elr() { 2 } else { 0 }, data)
        }
        MetadataRecord::PartitionChange { topic, partition, change } => {
            let start = format!("\"partitionId\":{partition},\"topicId\":\"{topic}\"");
            ("PARTITION_CHANGE_RECORD", 2, start + &changed(change))
        }
        MetadataRecord::RegisterBroker { broker, epoch, registration } => {
            let rack = registration.rack.as_deref().map_or("null".to_owned(), quoted);
            let data = format!(
                "\"brokerId\":{broker},\"incarnationId\":\"{}\",\"brokerEpoch\":{epoch},\
                 \"endPoints\":[{{\"name\":\"PLAINTEXT\",\"host\":\"kafka-{broker}\",\
                 \"port\":{},\"securityProtocol\":0}}],\"features\":[],\"rack\":{rack},\
                 \"fenced\":{},\"inControlledShutdown\":{}",
                registration.incarnation,
                registration.node.0,
                registration.fenced,
                registration.shutting_down,
            );
            ("REGISTER_BROKER_RECORD", 1, data)
        }
        MetadataRecord::BrokerChange { broker, epoch, fenced, shutting_down } => {
            let mut data = format!("\"brokerId\":{broker},\"brokerEpoch\":{epoch}");
            data.extend(fenced.map(|on| format!(",\"fenced\":{}", if on { 1 } else { -1 })));
            let stops = shutting_down.filter(|stops| *stops);
            data.extend(stops.map(|_| ",\"inControlledShutdown\":1"));
            ("BROKER_REGISTRATION_CHANGE_RECORD", 1, data)
        }
        MetadataRecord::Config { resource: Resource::Quota(of), name, value } => {
            let sides = of.sides().map(|(kind, whose)| {
                let name = whose.name().map_or("null".to_owned(), quoted);
                format!("{{\"entityType\":\"{kind}\",\"entityName\":{name}}}")
            });
            let sides: Vec<String> = sides.collect();
            let data = format!(
                "\"entity\":[{}],\"key\":{},\"value\":{},\"remove\":{}",
                sides.join(","),
                quoted(name),
                value.as_deref().unwrap_or("0.0"),
                value.is_none(),
            );
            ("CLIENT_QUOTA_RECORD", 0, data)
        }
        MetadataRecord::Config { resource, name, value } => {
            let value = value.as_deref().map_or("null".to_owned(), quoted);
            let data = format!(
                "\"resourceType\":{},\"resourceName\":{},\"name\":{},\"value\":{value}",
                resource.kind(),
                quoted(&resource.name()),
                quoted(name),
            );
            ("CONFIG_RECORD", 0, data)
        }
        MetadataRecord::RemoveTopic { id } => {
            ("REMOVE_TOPIC_RECORD", 0, format!("\"topicId\":\"{id}\""))
        }
        MetadataRecord::ProducerIds { broker, next } => {
            let data =
                format!("\"brokerId\":{broker},\"brokerEpoch\":-1,\"nextProducerId\":{next}");
            ("PRODUCER_IDS_RECORD", 0, data)
        }
    };
    format!("{{\"type\":\"{name}\",\"version\":{version},\"data\":{{{data}}}}}")
}

pub(super) fn ids(ids: &[i32]) -> String {
    let all: Vec<String> = ids.iter().map(i32::to_string).collect();
    format!("[{}]", all.join(","))
}

/// The tagged fields that are not as they are by default, in the order of the record's schema.
fn changed(change: &Change) -> String {
    let mut data = String::new();
    data.extend(change.isr.as_ref().map(|isr| format!(",\"isr\":{}", ids(isr))));
    data.extend(change.leader.map(|leader| format!(",\"leader\":{leader}")));
    for (name, list) in [
        ("replicas", &change.replicas),
        ("removingReplicas", &change.removing),
        ("addingReplicas", &change.adding),
    ] {
        data.extend(list.as_ref().map(|list| format!(",\"{name}\":{}", ids(list))));
    }
    let recovering = change.recovering;
    data.extend(recovering.map(|on| format!(",\"leaderRecoveryState\":{}", i32::from(on))));
    let elr = change.elr.as_ref();
    data.extend(elr.map(|elr| format!(",\"eligibleLeaderReplicas\":{}", ids(elr))));
    let known = change.last_known_elr.as_ref();
    data.extend(known.map(|known| format!(",\"lastKnownElr\":{}", ids(known))));
    data
}

/// What a control record says.
pub(super) fn control(record: &Record<'_>) -> String {
    let kind = record.key.and_then(|key| key.get(2..4));
    let kind = kind.map_or(-1, |kind| i16::from_be_bytes([kind[0], kind[1]]));
    match (kind, ControlMarker::of(record)) {
        (0 | 1, Some(marker)) => format!(
            " endTxnMarker: {} coordinatorEpoch: {}",
            if kind == 0 { "ABORT" } else { "COMMIT" },
            marker.coordinator_epoch
        ),
        (3, _) => match record.value.and_then(SnapshotHeader::decode) {
            Some(header) => format!(
                " SnapshotHeader {{\"version\":0,\"lastContainedLogTimestamp\":{}}}",
                header.last_contained_ms
            ),
            None => " SnapshotHeader unreadable".to_owned(),
        },
        (4, _) => " SnapshotFooter {\"version\":0}".to_owned(),
        (2, _) => match record.value.and_then(leader_change) {
            Some(json) => format!(" LeaderChange: {json}"),
            None => " LeaderChange: unreadable".to_owned(),
        },
        _ => format!(" controlType: UNKNOWN({kind})"),
    }
}

fn leader_change(mut bytes: &[u8]) -> Option<String> {
    let number = |bytes: &mut &[u8]| {
        let (taken, rest) = bytes.split_first_chunk::<4>()?;
        *bytes = rest;
        Some(i32::from_be_bytes(*taken))
    };
    let (version, rest) = bytes.split_first_chunk::<2>()?;
    bytes = rest;
    let leader = number(&mut bytes)?;
    let mut voters = || {
        let mut all = Vec::new();
        for _ in 1..read_unsigned(&mut bytes, 5)? {
            let id = number(&mut bytes)?;
            let _tags = read_unsigned(&mut bytes, 5)?;
            all.push(format!("{{\"voterId\":{id}}}"));
        }
        Some(all.join(","))
    };
    let (all, granting) = (voters()?, voters()?);
    let version = i16::from_be_bytes(*version);
    Some(format!(
        "{{\"version\":{version},\"leaderId\":{leader},\"voters\":[{all}],\
         \"grantingVoters\":[{granting}]}}"
    ))
}
