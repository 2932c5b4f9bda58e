//! The replicas of a broker. A clone shares each of them until one of the two changes it: a broker
//! may have thousands, of which an instant touches few.

use super::Partition;
use crate::kafka::event::TopicPartition;
use crate::ordered::BTreeMap;
use std::rc::Rc;

/// Replicas by partition.
#[derive(Clone, Debug, Default)]
pub struct Partitions(BTreeMap<TopicPartition, Rc<Partition>>);

impl Partitions {
    /// No replica.
    pub fn new() -> Partitions {
        Partitions::default()
    }

    /// The replica of a partition.
    pub fn get(&self, key: &TopicPartition) -> Option<&Partition> {
        self.0.get(key).map(|found| &**found)
    }

    /// The same, to be changed.
    pub fn get_mut(&mut self, key: &TopicPartition) -> Option<&mut Partition> {
        self.0.get_mut(key).map(Rc::make_mut)
    }

    /// True if there is one.
    pub fn contains_key(&self, key: &TopicPartition) -> bool {
        self.0.contains_key(key)
    }

    /// Adds a replica in place of one that was there.
    pub fn insert(&mut self, key: TopicPartition, partition: Partition) {
        self.0.insert(key, Rc::new(partition));
    }

    /// Takes a replica out.
    pub fn remove(&mut self, key: &TopicPartition) -> Option<Partition> {
        self.0.remove(key).map(Rc::unwrap_or_clone)
    }

    /// All of them in the order of their keys.
    pub fn iter(&self) -> impl Iterator<Item = (&TopicPartition, &Partition)> {
        self.0.iter().map(|(key, partition)| (key, &**partition))
    }

    /// The same, to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&TopicPartition, &mut Partition)> {
        self.0.iter_mut().map(|(key, partition)| (key, Rc::make_mut(partition)))
    }

    /// Their keys in order.
    pub fn keys(&self) -> impl Iterator<Item = &TopicPartition> {
        self.0.keys()
    }

    /// All of them without their keys.
    pub fn values(&self) -> impl Iterator<Item = &Partition> {
        self.iter().map(|(_, partition)| partition)
    }

    /// The same, to be changed.
    pub fn values_mut(&mut self) -> impl Iterator<Item = &mut Partition> {
        self.iter_mut().map(|(_, partition)| partition)
    }
}
