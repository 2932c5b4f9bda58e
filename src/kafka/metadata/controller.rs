//! What the controller decides: which records a request leads to, or why it is refused.

use super::client_quota::REQUEST_PERCENTAGE;
use super::image::{Image, PartitionImage};
use super::placement::{self, Candidate, Draw};
use super::records::{MetadataRecord, Resource};
use crate::kafka::command::ApiError;
use crate::kafka::config::{BrokerConfig, TopicConfig};
use crate::kafka::error::ErrorCode;
use crate::kafka::message::response::TopicId;
use crate::kafka::spec::Settings;
use crate::ordered::{BTreeMap, Order};

/// A topic's name may have so many characters.
const NAME_LENGTH_MAX: usize = 249;

/// A topic that is to be made; -1 asks for the broker's default.
#[derive(Clone, Copy, Debug)]
pub struct NewTopic<'a> {
    /// Its name.
    pub name: &'a str,
    /// The id that was drawn for it.
    pub id: TopicId,
    /// How many partitions.
    pub partitions: i32,
    /// How many replicas of each.
    pub replication_factor: i16,
    /// The replicas of each partition, if they were chosen by hand.
    pub assignment: &'a [Vec<i32>],
    /// Its settings.
    pub settings: &'a Settings,
}

/// Says why a name cannot be a topic's.
pub fn check_name(name: &str) -> Result<(), ApiError> {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let reason = match name {
        "" => "the empty string is not allowed".to_owned(),
        "." | ".." => format!("'{name}' is not allowed"),
        _ if name.chars().map(char::len_utf16).sum::<usize>() > NAME_LENGTH_MAX => {
            format!(
                "the length of '{name}' is longer than the max allowed length {NAME_LENGTH_MAX}"
            )
        }
        _ if !name.chars().all(allowed) => format!(
            "'{name}' contains one or more characters other than ASCII alphanumerics, '.', '_' \
             and '-'"
        ),
        _ => return Ok(()),
    };
    Err(ErrorCode::InvalidTopic.with(format!("Topic name is invalid: {reason}")))
}

/// The records that make a topic. `brokers` are those that may hold replicas.
pub fn create_topic(
    image: &Image,
    config: &BrokerConfig,
    brokers: &[Candidate],
    new: NewTopic<'_>,
    draw: Draw<'_>,
) -> Result<Vec<MetadataRecord>, ApiError> {
    check_name(new.name)?;
    let unified = |name: &str| name.replace('.', "_");
    let collides =
        |other: &&std::rc::Rc<str>| ***other != *new.name && unified(other) == unified(new.name);
    if let Some(other) = image.topics.keys().find(collides) {
        return Err(ErrorCode::InvalidTopic
            .with(format!("Topic '{}' collides with existing topic: {other}", new.name)));
    }
    if image.topics.contains_key(new.name) {
        let sentence = format!("Topic '{}' already exists.", new.name);
        return Err(ErrorCode::TopicAlreadyExists.with(sentence));
    }
    TopicConfig::of(new.settings, &config.topic_defaults)?;
    if new.replication_factor < -1 || new.replication_factor == 0 {
        return Err(ErrorCode::InvalidReplicationFactor
            .with("Replication factor must be larger than 0, or -1 to use the default value."));
    }
    if new.partitions < -1 || new.partitions == 0 {
        return Err(ErrorCode::InvalidPartitions
            .with("Number of partitions was set to an invalid non-positive value."));
    }
    let factor = match new.replication_factor {
        -1 => config.default_replication_factor,
        factor => factor,
    };
    let partitions = match new.partitions {
        -1 => config.num_partitions,
        partitions => partitions,
    };
    let placed = match new.assignment {
        [] => place(config, brokers, (0, partitions), factor, draw)?,
        by_hand => check_assignment(brokers, by_hand)?,
    };
    let mut records = vec![MetadataRecord::Topic { name: new.name.to_owned(), id: new.id }];
    records.extend(new.settings.iter().map(|(name, value)| MetadataRecord::Config {
        resource: Resource::Topic(new.name.to_owned()),
        name: name.clone(),
        value: Some(value.clone()),
    }));
    records.extend(partition_records(new.id, 0, &placed, brokers));
    Ok(records)
}

/// The records that give a topic more partitions.
pub fn add_partitions(
    image: &Image,
    config: &BrokerConfig,
    brokers: &[Candidate],
    (topic, count): (&str, i32),
    draw: Draw<'_>,
) -> Result<Vec<MetadataRecord>, ApiError> {
    let found = image.topics.get(topic);
    let found = found.ok_or_else(|| ErrorCode::UnknownTopicOrPartition.error())?;
    let has = found.partitions.len() as i32;
    if count == has {
        let sentence = format!("Topic already has {has} partition(s).");
        return Err(ErrorCode::InvalidPartitions.with(sentence));
    }
    if count < has {
        return Err(ErrorCode::InvalidPartitions.with(format!(
            "The topic {topic} currently has {has} partition(s); {count} would not be an increase."
        )));
    }
    let factor = found.partitions.first().map_or(1, |partition| partition.replicas.len() as i16);
    let placed = place(config, brokers, (has, count - has), factor, draw)?;
    Ok(partition_records(found.id, has, &placed, brokers).collect())
}

/// The records that change settings of a topic or of brokers.
pub fn alter_configs(
    image: &Image,
    config: &BrokerConfig,
    resource: &Resource,
    changes: &[(String, Option<String>)],
) -> Result<Vec<MetadataRecord>, ApiError> {
    let before = match resource {
        Resource::Topic(topic) => {
            let found = image.topics.get(topic.as_str());
            let found = found.ok_or_else(|| {
                let sentence = format!("The topic '{topic}' does not exist.");
                ErrorCode::UnknownTopicOrPartition.with(sentence)
            })?;
            found.settings.clone()
        }
        Resource::Broker(broker) => {
            check_min_isr(config, *broker, changes)?;
            image.broker_settings(*broker)
        }
        Resource::Quota(of) => {
            check_quotas(changes)?;
            image.quotas(of)
        }
    };
    let mut settings = before.clone();
    let mut records = Vec::new();
    for (name, value) in changes {
        match value {
            Some(value) => drop(settings.insert(name.clone(), value.clone())),
            None => drop(settings.remove(name)),
        }
        if before.get(name) != value.as_ref() {
            let (name, value) = (name.clone(), value.clone());
            records.push(MetadataRecord::Config { resource: resource.clone(), name, value });
        }
    }
    if let Resource::Topic(_) = resource {
        TopicConfig::of(&settings, &config.topic_defaults)?;
    }
    Ok(records)
}

/// Quotas are above zero, and bytes whole (`ClientQuotaControlManager.validateQuotaKeyValue`).
fn check_quotas(changes: &[(String, Option<String>)]) -> Result<(), ApiError> {
    for (name, value) in changes {
        let Some(value) = value.as_ref().and_then(|value| value.parse::<f64>().ok()) else {
            continue;
        };
        let sentence = if value <= 0.0 {
            format!("Quota {name} must be greater than 0")
        } else if name == REQUEST_PERCENTAGE {
            continue;
        } else if value > i64::MAX as f64 {
            format!("Proposed value for {name} is too large for a LONG.")
        } else if (value.round() - value).abs() > 1e-6 {
            format!("{name} cannot be a fractional value.")
        } else {
            continue;
        };
        return Err(ErrorCode::InvalidRequest.with(sentence));
    }
    Ok(())
}

/// With eligible leader replicas the controller counts with `min.insync.replicas`: it must be the
/// same at every broker.
fn check_min_isr(
    config: &BrokerConfig,
    broker: Option<i32>,
    changes: &[(String, Option<String>)],
) -> Result<(), ApiError> {
    let name = "min.insync.replicas";
    let change = changes.iter().find(|(changed, _)| changed == name);
    let sentence = match (change, broker) {
        (Some(_), Some(_)) => {
            format!("Broker-level {name} cannot be altered while ELR is enabled.")
        }
        (Some((_, None)), None) => {
            format!("Cluster-level {name} cannot be removed while ELR is enabled.")
        }
        _ => return Ok(()),
    };
    match config.eligible_leader_replicas {
        true => Err(ErrorCode::InvalidConfig.with(sentence)),
        false => Ok(()),
    }
}

/// The replicas that are wanted for a partition, checked: they are registered and different.
pub fn check_replicas(image: &Image, replicas: &[i32]) -> Result<(), ApiError> {
    let refuse = |what: String| {
        let sentence = format!("The manual partition assignment includes {what}");
        Err(ErrorCode::InvalidReplicaAssignment.with(sentence))
    };
    if replicas.is_empty() {
        return refuse("an empty replica list.".to_owned());
    }
    let mut sorted = replicas.to_vec();
    sorted.order();
    for (at, id) in sorted.iter().enumerate() {
        if !image.brokers.contains_key(id) {
            return refuse(format!("broker {id}, but no such broker is registered."));
        }
        if sorted[..at].last() == Some(id) {
            return refuse(format!("the broker {id} more than once."));
        }
    }
    Ok(())
}

/// The records that remove a topic.
pub fn delete_topic(
    image: &Image,
    config: &BrokerConfig,
    topic: &str,
) -> Result<Vec<MetadataRecord>, ApiError> {
    if !config.delete_topic_enable {
        return Err(ApiError {
            code: 73,
            name: "TOPIC_DELETION_DISABLED".to_owned(),
            sentence: "Topic deletion is disabled.".to_owned(),
        });
    }
    match image.topics.get(topic) {
        Some(found) => Ok(vec![MetadataRecord::RemoveTopic { id: found.id }]),
        None => Err(ErrorCode::UnknownTopicOrPartition.error()),
    }
}

fn place(
    config: &BrokerConfig,
    brokers: &[Candidate],
    (first, partitions): (i32, i32),
    factor: i16,
    draw: Draw<'_>,
) -> Result<Vec<Vec<i32>>, ApiError> {
    if config.zookeeper {
        return shift(brokers, (first, partitions), factor, draw);
    }
    placement::striped(brokers, partitions as usize, factor, draw).map_err(|error| {
        let sentence =
            format!("Unable to replicate the partition {factor} time(s): {}", error.sentence);
        ErrorCode::InvalidReplicationFactor.with(sentence)
    })
}

/// As a controller of the ZooKeeper era places them (`AdminUtils`).
fn shift(
    brokers: &[Candidate],
    (first, partitions): (i32, i32),
    factor: i16,
    draw: Draw<'_>,
) -> Result<Vec<Vec<i32>>, ApiError> {
    if factor as usize > brokers.len() {
        let sentence = format!(
            "Replication factor: {factor} larger than available brokers: {}.",
            brokers.len()
        );
        return Err(ErrorCode::InvalidReplicationFactor.with(sentence));
    }
    let ids: Vec<i32> = brokers.iter().map(|broker| broker.id).collect();
    let racks = brokers.iter().filter_map(|broker| Some((broker.id, broker.rack.clone()?)));
    let racks: BTreeMap<i32, String> = racks.collect();
    if !racks.is_empty() && racks.len() < ids.len() {
        let sentence = "Not all brokers have rack information for replica rack aware assignment.";
        return Err(ErrorCode::InvalidReplicationFactor.with(sentence));
    }
    let start = (draw(ids.len()), draw(ids.len()));
    let range = (first as usize, partitions as usize);
    Ok(placement::shifted(&ids, &racks, range, factor as usize, start))
}

fn check_assignment(
    brokers: &[Candidate],
    assignment: &[Vec<i32>],
) -> Result<Vec<Vec<i32>>, ApiError> {
    let refuse = |sentence: String| Err(ErrorCode::InvalidReplicaAssignment.with(sentence));
    for replicas in assignment {
        if replicas.is_empty() {
            return refuse(
                "The manual partition assignment includes an empty replica list.".into(),
            );
        }
        for (index, id) in replicas.iter().enumerate() {
            if replicas[..index].contains(id) {
                return refuse(format!(
                    "The manual partition assignment includes the broker {id} more than once."
                ));
            }
            if !brokers.iter().any(|broker| broker.id == *id) {
                return refuse(format!(
                    "The manual partition assignment includes broker {id}, but no such broker is \
                     registered."
                ));
            }
        }
        if replicas.len() != assignment[0].len() {
            return refuse(format!(
                "The manual partition assignment includes a partition with {} replica(s), but \
                 this is not consistent with previous partitions, which have {} replica(s).",
                replicas.len(),
                assignment[0].len()
            ));
        }
    }
    Ok(assignment.to_vec())
}

/// New partitions: those of their replicas that live are in sync, and the first of them leads.
fn partition_records<'a>(
    topic: TopicId,
    first: i32,
    placed: &'a [Vec<i32>],
    brokers: &'a [Candidate],
) -> impl Iterator<Item = MetadataRecord> + 'a {
    placed.iter().enumerate().map(move |(number, replicas)| {
        let lives = |id: &&i32| brokers.iter().any(|broker| broker.id == **id && !broker.fenced);
        let isr: Vec<i32> = replicas.iter().filter(lives).copied().collect();
        let replicas = replicas.clone();
        let leader = isr.first().copied();
        let state = PartitionImage { replicas, leader, isr, ..PartitionImage::default() };
        MetadataRecord::Partition { topic, partition: first + number as i32, state }
    })
}
