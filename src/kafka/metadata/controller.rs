//! What the controller decides: which records a request leads to, or why it is refused.

use super::image::Image;
use super::records::MetadataRecord;
use crate::kafka::command::ApiError;
use crate::kafka::config::{BrokerConfig, TopicConfig};
use crate::kafka::error::ErrorCode;
use crate::kafka::message::response::TopicId;
use crate::kafka::spec::Settings;

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

/// The records that make a topic. `brokers` are those that may hold replicas, in order.
pub fn create_topic(
    image: &Image,
    config: &BrokerConfig,
    brokers: &[i32],
    new: NewTopic<'_>,
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
    let replicas = place(brokers, factor)?;
    let mut records = vec![MetadataRecord::Topic { name: new.name.to_owned(), id: new.id }];
    records.extend(new.settings.iter().map(|(name, value)| MetadataRecord::Config {
        topic: new.name.to_owned(),
        name: name.clone(),
        value: Some(value.clone()),
    }));
    records.extend((0..partitions).map(|number| partition_record(new.id, number, &replicas)));
    Ok(records)
}

/// The records that give a topic more partitions.
pub fn add_partitions(
    image: &Image,
    brokers: &[i32],
    topic: &str,
    count: i32,
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
    let replicas = place(brokers, factor)?;
    Ok((has..count).map(|number| partition_record(found.id, number, &replicas)).collect())
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

/// Simplified: with one broker there is one way to place replicas; striped placement comes with
/// the cluster.
fn place(brokers: &[i32], factor: i16) -> Result<Vec<i32>, ApiError> {
    if factor as usize > brokers.len() {
        return Err(ErrorCode::InvalidReplicationFactor.with(format!(
            "Unable to replicate the partition {factor} time(s): The target replication factor of \
             {factor} cannot be reached because only {} broker(s) are registered.",
            brokers.len()
        )));
    }
    Ok(brokers[..factor as usize].to_vec())
}

fn partition_record(topic: TopicId, partition: i32, replicas: &[i32]) -> MetadataRecord {
    MetadataRecord::Partition {
        topic,
        partition,
        replicas: replicas.to_vec(),
        isr: replicas.to_vec(),
        leader: replicas[0],
        leader_epoch: 0,
        partition_epoch: 0,
    }
}
