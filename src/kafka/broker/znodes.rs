//! What Kafka keeps in ZooKeeper: the paths, and the JSON in them, as `ZkData.scala` writes it.
//!
//! Where the real ones name a host, these name an address that stands for the place of a process.

use crate::kafka::event::TopicPartition;
use crate::kafka::message::response::TopicId;
use crate::kafka::metadata::client_quota::{QuotaEntity, Whose};
use crate::kafka::metadata::{BrokerImage, PartitionImage, Resource};
use crate::kafka::spec::Settings;
use crate::kafka::zookeeper::Op;
use crate::sim::NodeId;
use bytes::Bytes;
use serde_json::{Value, json};
use std::rc::Rc;

/// Who is the controller.
pub const CONTROLLER: &str = "/controller";
/// Counts the controllers.
pub const CONTROLLER_EPOCH: &str = "/controller_epoch";
/// Brokers that live.
pub const BROKER_IDS: &str = "/brokers/ids";
/// Topics with the replicas of their partitions.
pub const TOPICS: &str = "/brokers/topics";
/// Settings of topics.
pub const TOPIC_CONFIGS: &str = "/config/topics";
/// Quotas of clients.
pub const CLIENT_CONFIGS: &str = "/config/clients";
/// Quotas of users.
pub const USER_CONFIGS: &str = "/config/users";
/// Which settings changed.
pub const CONFIG_CHANGES: &str = "/config/changes";
/// Which ISRs were changed by their leaders.
pub const ISR_CHANGES: &str = "/isr_change_notification";
/// Topics that are to go.
pub const DELETIONS: &str = "/admin/delete_topics";
/// Reassignments that were asked for by hand.
pub const REASSIGNMENTS: &str = "/admin/reassign_partitions";
/// The last block of producer ids that was given to a broker.
pub const PRODUCER_IDS: &str = "/latest_producer_id_block";

/// What every broker sees to that it is there, parents first.
pub const PERSISTENT: [&str; 19] = [
    "/admin",
    DELETIONS,
    "/brokers",
    BROKER_IDS,
    "/brokers/seqid",
    TOPICS,
    "/cluster",
    "/config",
    "/config/brokers",
    CONFIG_CHANGES,
    CLIENT_CONFIGS,
    "/config/ips",
    TOPIC_CONFIGS,
    USER_CONFIGS,
    "/consumers",
    ISR_CHANGES,
    PRODUCER_IDS,
    "/log_dir_event_notification",
    "/cluster/id",
];

/// The id that the quick start of the documentation has.
const CLUSTER_ID: &str = r#"{"version":"1","id":"MkU3OEVBNTcwNTJENDM2Qg"}"#;

/// Makes one of [`PERSISTENT`].
pub fn make_persistent(path: &'static str) -> Op {
    let data = match path {
        "/cluster/id" => Bytes::from_static(CLUSTER_ID.as_bytes()),
        _ => Bytes::new(),
    };
    create(path.into(), data, false)
}

/// Makes a znode.
pub fn create(path: Rc<str>, data: impl Into<Bytes>, ephemeral: bool) -> Op {
    Op::Create { path, data: data.into(), ephemeral, sequential: false }
}

/// The znode of a broker.
pub fn broker(id: i32) -> Rc<str> {
    format!("{BROKER_IDS}/{id}").into()
}

/// The znode of a topic.
pub fn topic(topic: &str) -> Rc<str> {
    format!("{TOPICS}/{topic}").into()
}

/// The znode of a partition's state.
pub fn state(partition: &TopicPartition) -> Rc<str> {
    format!("{TOPICS}/{}/partitions/{}/state", partition.topic, partition.partition).into()
}

/// The znode of a topic's settings.
pub fn topic_config(topic: &str) -> Rc<str> {
    format!("{TOPIC_CONFIGS}/{topic}").into()
}

/// The znode of settings.
pub fn config(of: &Resource) -> Rc<str> {
    format!("/config/{}", entity(of)).into()
}

/// What all brokers, all clients or all users have.
const DEFAULT: &str = "<default>";

/// Whose settings they are, as a path below `/config`.
fn entity(of: &Resource) -> String {
    match of {
        Resource::Topic(name) => format!("topics/{name}"),
        Resource::Broker(Some(id)) => format!("brokers/{id}"),
        Resource::Broker(None) => format!("brokers/{DEFAULT}"),
        Resource::Quota(of) => {
            let part = |kind: &str, whose: &Whose| {
                let name = whose.name().map_or(DEFAULT.to_owned(), sanitized);
                format!("{kind}/{name}")
            };
            let user = of.user.iter().map(|user| part("users", user));
            let client = of.client.iter().map(|client| part("clients", client));
            user.chain(client).collect::<Vec<_>>().join("/")
        }
    }
}

/// Whose quotas lie at a path below `/config`: `clients/C`, `users/U` or `users/U/clients/C`.
pub fn quota_entity(path: &str) -> Option<QuotaEntity> {
    let whose = |name: &str| match name {
        DEFAULT => Whose::Default,
        name => Whose::Named(desanitized(name)),
    };
    let parts: Vec<&str> = path.split('/').collect();
    let (user, client) = match parts[..] {
        ["clients", client] => (None, Some(client)),
        ["users", user] => (Some(user), None),
        ["users", user, "clients", client] => (Some(user), Some(client)),
        _ => return None,
    };
    Some(QuotaEntity { user: user.map(whose), client: client.map(whose) })
}

/// A name as it can stand in a path: as in a URL (`Sanitizer.java`).
fn sanitized(name: &str) -> String {
    let mut text = String::new();
    for byte in name.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' => text.push(byte.into()),
            _ => text.push_str(&format!("%{byte:02X}")),
        }
    }
    text
}

fn desanitized(name: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), name.as_bytes());
    while let [first, behind @ ..] = rest {
        let digits = behind.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let coded = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match coded.filter(|_| *first == b'%') {
            Some(byte) => {
                bytes.push(byte);
                rest = &behind[2..];
            }
            None => {
                bytes.push(*first);
                rest = behind;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Where an old consumer's offset is.
pub fn offset(group: &str, partition: &TopicPartition) -> Rc<str> {
    let TopicPartition { topic, partition } = partition;
    format!("/consumers/{group}/offsets/{topic}/{partition}").into()
}

/// The znodes above it, from the first that may be missing.
pub fn above_offset(group: &str, partition: &TopicPartition) -> [Rc<str>; 3] {
    let group = format!("/consumers/{group}");
    let offsets = format!("{group}/offsets");
    let topic = format!("{offsets}/{}", partition.topic);
    [group.into(), offsets.into(), topic.into()]
}

/// The partition of whose state this is the path.
pub fn partition_of(path: &str) -> Option<TopicPartition> {
    let rest = path.strip_prefix(TOPICS)?.strip_prefix('/')?.strip_suffix("/state")?;
    let (topic, number) = rest.split_once("/partitions/")?;
    Some(TopicPartition { topic: topic.into(), partition: number.parse().ok()? })
}

fn parse(data: &[u8]) -> Option<Value> {
    serde_json::from_slice(data).ok()
}

fn ids(value: &Value) -> Vec<i32> {
    let all = value.as_array().into_iter().flatten();
    all.filter_map(|id| id.as_i64().map(|id| id as i32)).collect()
}

/// The text of `/brokers/ids/N`. Simplified: the address says where the process is.
pub fn broker_text(node: NodeId, rack: Option<&str>, now_ms: i64) -> String {
    let host = format!("10.0.{}.{}", node.0 >> 8, node.0 & 255);
    let rack = rack.map_or_else(String::new, |rack| format!(r#","rack":{}"#, json!(rack)));
    format!(
        r#"{{"features":{{}},"listener_security_protocol_map":{{"PLAINTEXT":"PLAINTEXT"}},"endpoints":["PLAINTEXT://{host}:9092"],"jmx_port":-1,"port":9092,"host":"{host}"{rack},"version":5,"timestamp":"{now_ms}"}}"#
    )
}

/// A broker by its znode.
pub fn broker_of(data: &[u8], czxid: i64) -> Option<BrokerImage> {
    let value = parse(data)?;
    let mut parts = value["host"].as_str()?.strip_prefix("10.0.")?.split('.');
    let (high, low): (u32, u32) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    Some(BrokerImage {
        incarnation: TopicId([0; 16]),
        epoch: czxid,
        node: NodeId(high << 8 | low),
        rack: value["rack"].as_str().map(str::to_owned),
        fenced: false,
        shutting_down: false,
    })
}

/// The text of `/controller`.
pub fn controller_text(id: i32, now_ms: i64) -> String {
    format!(r#"{{"version":2,"brokerid":{id},"timestamp":"{now_ms}","kraftControllerEpoch":-1}}"#)
}

/// The broker that is the controller.
pub fn controller_of(data: &[u8]) -> Option<i32> {
    parse(data)?["brokerid"].as_i64().map(|id| id as i32)
}

/// The text of a partition's state.
pub fn state_text(controller_epoch: i32, state: &PartitionImage) -> String {
    let isr: Vec<String> = state.isr.iter().map(i32::to_string).collect();
    format!(
        r#"{{"controller_epoch":{controller_epoch},"leader":{},"version":1,"leader_epoch":{},"isr":[{}]}}"#,
        state.leader.unwrap_or(-1),
        state.leader_epoch,
        isr.join(",")
    )
}

/// Leader, leader epoch and ISR by a partition's state.
pub fn state_of(data: &[u8]) -> Option<(Option<i32>, i32, Vec<i32>)> {
    let value = parse(data)?;
    let leader = value["leader"].as_i64()? as i32;
    Some((
        (leader >= 0).then_some(leader),
        value["leader_epoch"].as_i64()? as i32,
        ids(&value["isr"]),
    ))
}

/// The text of a topic: its id, the replicas of each partition, and which of them a reassignment
/// brings and takes away.
pub fn topic_text(id: TopicId, partitions: &[PartitionImage]) -> String {
    let lists = |of: fn(&PartitionImage) -> &[i32]| {
        let each = partitions.iter().map(of).enumerate().filter(|(_, list)| !list.is_empty());
        let each = each.map(|(number, list)| {
            let list: Vec<String> = list.iter().map(i32::to_string).collect();
            format!(r#""{number}":[{}]"#, list.join(","))
        });
        each.collect::<Vec<String>>().join(",")
    };
    format!(
        r#"{{"removing_replicas":{{{}}},"partitions":{{{}}},"topic_id":"{id}","adding_replicas":{{{}}},"version":3}}"#,
        lists(|it| &it.removing),
        lists(|it| &it.replicas),
        lists(|it| &it.adding),
    )
}

/// A topic's id and its partitions, without states.
pub fn topic_of(data: &[u8]) -> Option<(TopicId, Vec<PartitionImage>)> {
    let value = parse(data)?;
    let all = value["partitions"].as_object()?;
    let partitions = (0..all.len()).map(|number| {
        let number = number.to_string();
        PartitionImage {
            adding: ids(&value["adding_replicas"][&number]),
            removing: ids(&value["removing_replicas"][&number]),
            ..PartitionImage::unknown(ids(&all[&number]))
        }
    });
    Some((TopicId::parse(value["topic_id"].as_str()?)?, partitions.collect()))
}

/// The text of a topic's settings.
pub fn config_text(settings: &Settings) -> String {
    let each = settings.iter().map(|(name, value)| format!("{}:{}", json!(name), json!(value)));
    let each: Vec<String> = each.collect();
    format!(r#"{{"version":1,"config":{{{}}}}}"#, each.join(","))
}

/// A topic's settings.
pub fn config_of(data: &[u8]) -> Settings {
    let value = parse(data).unwrap_or_default();
    let all = value["config"].as_object().into_iter().flatten();
    all.map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned())).collect()
}

/// Tells that settings have changed.
pub fn config_change(of: &Resource) -> Op {
    let text = format!(r#"{{"version":2,"entity_path":"{}"}}"#, entity(of));
    Op::Create {
        path: format!("{CONFIG_CHANGES}/config_change_").into(),
        data: Bytes::from(text),
        ephemeral: false,
        sequential: true,
    }
}

/// Whose settings have changed.
pub fn changed_config(data: &[u8]) -> Option<Resource> {
    let value = parse(data)?;
    let (kind, name) = value["entity_path"].as_str()?.split_once('/')?;
    match kind {
        "topics" => Some(Resource::Topic(name.to_owned())),
        "brokers" if name == DEFAULT => Some(Resource::Broker(None)),
        "brokers" => Some(Resource::Broker(Some(name.parse().ok()?))),
        _ => Some(Resource::Quota(quota_entity(value["entity_path"].as_str()?)?)),
    }
}

/// The text of reassignments that are asked for.
pub fn reassignments_text(wanted: &[(TopicPartition, Vec<i32>)]) -> String {
    let each = wanted.iter().map(|(key, replicas)| {
        let (topic, partition) = (&key.topic, key.partition);
        format!(r#"{{"topic":"{topic}","partition":{partition},"replicas":{}}}"#, json!(replicas))
    });
    let each: Vec<String> = each.collect();
    format!(r#"{{"version":1,"partitions":[{}]}}"#, each.join(","))
}

/// The partitions of it with their replicas; what stands there last of one holds.
pub fn reassignments_of(data: &[u8]) -> Option<Vec<(TopicPartition, Vec<i32>)>> {
    let mut wanted: Vec<(TopicPartition, Vec<i32>)> = Vec::new();
    for one in parse(data)?["partitions"].as_array()? {
        let partition = i32::try_from(one["partition"].as_i64()?).ok()?;
        let key = TopicPartition { topic: one["topic"].as_str()?.into(), partition };
        let all = one["replicas"].as_array()?.iter();
        let replicas =
            all.map(|id| i32::try_from(id.as_i64()?).ok()).collect::<Option<Vec<_>>>()?;
        wanted.retain(|(known, _)| *known != key);
        wanted.push((key, replicas));
    }
    Some(wanted)
}

/// The text of a notification of changed ISRs.
pub fn isr_change_text<'a>(partitions: impl Iterator<Item = &'a TopicPartition>) -> String {
    let each = partitions.map(|partition| {
        format!(r#"{{"topic":"{}","partition":{}}}"#, partition.topic, partition.partition)
    });
    let each: Vec<String> = each.collect();
    format!(r#"{{"version":1,"partitions":[{}]}}"#, each.join(","))
}

/// The partitions of a notification.
pub fn isr_change_of(data: &[u8]) -> Vec<TopicPartition> {
    let value = parse(data).unwrap_or_default();
    let all = value["partitions"].as_array().into_iter().flatten();
    let each = all.filter_map(|each| {
        let topic = each["topic"].as_str()?.into();
        Some(TopicPartition { topic, partition: each["partition"].as_i64()? as i32 })
    });
    each.collect()
}

/// The text of a block of producer ids.
pub fn producer_ids_text(broker: i32, (first, last): (i64, i64)) -> String {
    format!(r#"{{"version":1,"broker":{broker},"block_start":"{first}","block_end":"{last}"}}"#)
}

/// The first producer id behind the last block.
pub fn next_producer_id(data: &[u8]) -> i64 {
    let value = parse(data).unwrap_or_default();
    let end = value["block_end"].as_str().and_then(|end| end.parse::<i64>().ok());
    end.map_or(0, |end| end + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quota(user: Option<Whose>, client: Option<Whose>) -> Resource {
        Resource::Quota(QuotaEntity { user, client })
    }

    #[test]
    fn texts_are_read_as_they_are_written() {
        let id = TopicId([7; 16]);
        let mut partitions = vec![vec![1, 2], vec![4, 2, 3]].into_iter();
        let mut partitions: Vec<PartitionImage> =
            partitions.by_ref().map(PartitionImage::unknown).collect();
        (partitions[1].adding, partitions[1].removing) = (vec![4], vec![2]);
        let text = topic_text(id, &partitions);
        assert!(text.contains(r#""adding_replicas":{"1":[4]}"#), "{text}");
        assert_eq!(topic_of(text.as_bytes()), Some((id, partitions)));
        let found = broker_of(broker_text(NodeId(259), Some("a"), 5).as_bytes(), 9).unwrap();
        assert_eq!((found.node, found.epoch, found.rack.as_deref()), (NodeId(259), 9, Some("a")));
        let settings = Settings::from([("min.insync.replicas".to_owned(), "2".to_owned())]);
        assert_eq!(config_of(config_text(&settings).as_bytes()), settings);
        for of in [
            Resource::Broker(Some(2)),
            Resource::Broker(None),
            Resource::Topic("t".to_owned()),
            quota(None, Some(Whose::Default)),
            quota(Some(Whose::Default), None),
            quota(Some(Whose::Named("ANONYMOUS".to_owned())), None),
            quota(None, Some(Whose::Named("a/b ü*".to_owned()))),
            quota(Some(Whose::Named("a/b".to_owned())), Some(Whose::Default)),
        ] {
            let Op::Create { data, .. } = config_change(&of) else { panic!("it is made") };
            assert_eq!(changed_config(&data), Some(of));
        }
        // URLEncoder.encode(...) of it, with %20 for the blank and %2A for the star.
        let client = quota(None, Some(Whose::Named("a/b ü*".to_owned())));
        assert_eq!(&*config(&client), "/config/clients/a%2Fb%20%C3%BC%2A");
        let pair = quota(Some(Whose::Default), Some(Whose::Named("c".to_owned())));
        assert_eq!(&*config(&pair), "/config/users/<default>/clients/c");
        let key = TopicPartition::new("t", 3);
        assert_eq!(partition_of(&state(&key)), Some(key.clone()));
        assert_eq!(isr_change_of(isr_change_text([&key].into_iter()).as_bytes()), [key]);
        assert_eq!(next_producer_id(producer_ids_text(1, (1_000, 1_999)).as_bytes()), 2_000);
        assert_eq!(next_producer_id(b""), 0);
        let wanted =
            vec![(TopicPartition::new("t", 3), vec![3, 1]), (TopicPartition::new("u", 0), vec![])];
        assert_eq!(reassignments_of(reassignments_text(&wanted).as_bytes()), Some(wanted));
        assert_eq!(reassignments_of(b"partitions"), None);
    }

    #[test]
    fn a_state_is_written_as_the_real_one() {
        let state = PartitionImage {
            isr: vec![2],
            leader_epoch: 4,
            partition_epoch: 0,
            ..PartitionImage::unknown(vec![1, 2])
        };
        let text = state_text(3, &state);
        assert_eq!(
            text,
            r#"{"controller_epoch":3,"leader":-1,"version":1,"leader_epoch":4,"isr":[2]}"#
        );
        assert_eq!(state_of(text.as_bytes()), Some((None, 4, vec![2])));
    }
}
