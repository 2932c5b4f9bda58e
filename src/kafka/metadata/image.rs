//! The state that the metadata records add up to.

use super::records::MetadataRecord;
use crate::kafka::event::TopicPartition;
use crate::kafka::message::response::{PartitionMetadata, TopicId, TopicMetadata};
use crate::kafka::spec::Settings;
use crate::ordered::BTreeMap;
use std::rc::Rc;

/// A topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicImage {
    /// Its id.
    pub id: TopicId,
    /// Its partitions in order.
    pub partitions: Vec<PartitionImage>,
    /// Its own settings.
    pub settings: Settings,
}

/// A partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionImage {
    /// Replicas in assignment order.
    pub replicas: Vec<i32>,
    /// In-sync replicas.
    pub isr: Vec<i32>,
    /// The leader.
    pub leader: Option<i32>,
    /// Grows with each change of the leader.
    pub leader_epoch: i32,
    /// Grows with each change of anything.
    pub partition_epoch: i32,
}

/// The cluster's state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Image {
    /// Topics by name.
    pub topics: BTreeMap<Rc<str>, TopicImage>,
    /// Settings of topics that are not there yet: a ConfigRecord may come before its topic.
    settings: BTreeMap<String, Settings>,
    /// The first producer id that nobody has.
    pub next_producer_id: i64,
}

impl Image {
    /// Adds a record.
    pub fn apply(&mut self, record: &MetadataRecord) {
        match record {
            MetadataRecord::Topic { name, id } => {
                let settings = self.settings.remove(name).unwrap_or_default();
                let topic = TopicImage { id: *id, partitions: Vec::new(), settings };
                self.topics.insert(name.as_str().into(), topic);
            }
            MetadataRecord::Partition {
                topic,
                partition,
                replicas,
                isr,
                leader,
                leader_epoch,
                partition_epoch,
            } => {
                let image = PartitionImage {
                    replicas: replicas.clone(),
                    isr: isr.clone(),
                    leader: (*leader >= 0).then_some(*leader),
                    leader_epoch: *leader_epoch,
                    partition_epoch: *partition_epoch,
                };
                let found = self.topics.values_mut().find(|found| found.id == *topic);
                if let Some(found) = found {
                    match found.partitions.get_mut(*partition as usize) {
                        Some(old) => *old = image,
                        None => found.partitions.push(image),
                    }
                }
            }
            MetadataRecord::Config { topic, name, value } => {
                let settings = match self.topics.get_mut(topic.as_str()) {
                    Some(found) => &mut found.settings,
                    None => self.settings.entry(topic.clone()).or_default(),
                };
                match value {
                    Some(value) => drop(settings.insert(name.clone(), value.clone())),
                    None => drop(settings.remove(name)),
                }
            }
            MetadataRecord::RemoveTopic { id } => self.topics.retain(|_, topic| topic.id != *id),
            MetadataRecord::ProducerIds { next, .. } => self.next_producer_id = *next,
        }
    }

    /// A partition, if it exists.
    pub fn partition(&self, partition: &TopicPartition) -> Option<&PartitionImage> {
        let topic = self.topics.get(&partition.topic)?;
        topic.partitions.get(usize::try_from(partition.partition).ok()?)
    }

    /// All partitions in the order of their topics and numbers.
    pub fn partitions(&self) -> impl Iterator<Item = (TopicPartition, &PartitionImage)> {
        self.topics.iter().flat_map(|(name, topic)| {
            topic.partitions.iter().enumerate().map(|(number, image)| {
                (TopicPartition { topic: name.clone(), partition: number as i32 }, image)
            })
        })
    }

    /// A topic as a Metadata answer shows it.
    pub fn metadata_of(&self, name: &str) -> Option<TopicMetadata> {
        let topic = self.topics.get(name)?;
        let partitions = topic.partitions.iter().map(|partition| PartitionMetadata {
            leader: partition.leader,
            leader_epoch: partition.leader_epoch,
            replicas: partition.replicas.clone(),
            isr: partition.isr.clone(),
        });
        Some(TopicMetadata {
            id: topic.id,
            internal: super::is_internal(name),
            partitions: partitions.collect(),
        })
    }
}
