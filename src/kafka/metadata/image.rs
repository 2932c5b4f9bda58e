//! The state that the metadata records add up to.

use super::client_quota::{PRINCIPAL, QuotaEntity, Share};
use super::records::{MetadataRecord, Resource};
use crate::kafka::event::TopicPartition;
use crate::kafka::message::response::{PartitionMetadata, TopicId, TopicMetadata};
use crate::kafka::record::BatchHeader;
use crate::kafka::spec::Settings;
use crate::ordered::BTreeMap;
use crate::sim::NodeId;
use bytes::Bytes;
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
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PartitionImage {
    /// Replicas in assignment order.
    pub replicas: Vec<i32>,
    /// Those of them that a reassignment takes away when it is done.
    pub removing: Vec<i32>,
    /// Those of them that a reassignment brings, until it is done.
    pub adding: Vec<i32>,
    /// In-sync replicas.
    pub isr: Vec<i32>,
    /// The leader.
    pub leader: Option<i32>,
    /// Replicas that may lead if the ISR is empty (KIP-966).
    pub elr: Vec<i32>,
    /// Replicas that were eligible and came back without having been stopped cleanly.
    pub last_known_elr: Vec<i32>,
    /// True after an unclean election, until the leader has taken up its work.
    pub recovering: bool,
    /// Grows with each change of the leader.
    pub leader_epoch: i32,
    /// Grows with each change of anything.
    pub partition_epoch: i32,
}

/// A broker that is registered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BrokerImage {
    /// Drawn by each life of the broker.
    pub incarnation: TopicId,
    /// The offset of its registration: tells one life from another.
    pub epoch: i64,
    /// Where it is.
    pub node: NodeId,
    /// `broker.rack`.
    pub rack: Option<String>,
    /// True until it has caught up, and after its session is over: it leads nothing.
    pub fenced: bool,
    /// True while it stops politely: it leads nothing new.
    pub shutting_down: bool,
}

impl PartitionImage {
    /// A partition of which no state is known.
    pub fn unknown(replicas: Vec<i32>) -> PartitionImage {
        let (leader_epoch, partition_epoch) = (-1, -1);
        PartitionImage { replicas, leader_epoch, partition_epoch, ..PartitionImage::default() }
    }

    /// True if replicas are, or were, eligible without being in sync.
    pub fn has_elr(&self) -> bool {
        !self.elr.is_empty() || !self.last_known_elr.is_empty()
    }

    /// What a reassignment brings and takes away, while one is under way.
    pub fn reassignment(&self) -> Option<(Vec<i32>, Vec<i32>)> {
        let is_moving = !self.adding.is_empty() || !self.removing.is_empty();
        is_moving.then(|| (self.adding.clone(), self.removing.clone()))
    }
}

impl BrokerImage {
    /// True if it may be in an ISR, and lead.
    pub fn is_active(&self) -> bool {
        !self.fenced && !self.shutting_down
    }
}

/// The cluster's state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Image {
    /// Brokers by id.
    pub brokers: BTreeMap<i32, BrokerImage>,
    /// Topics by name. Shared, as checkpoints and brokers hold many of them.
    pub topics: BTreeMap<Rc<str>, Rc<TopicImage>>,
    /// Settings of topics that are not there yet: a ConfigRecord may come before its topic.
    settings: BTreeMap<String, Settings>,
    /// Settings that brokers were given while they run, by their ids in digits; under no digits the
    /// defaults that the cluster has for all of them.
    broker_settings: BTreeMap<String, Settings>,
    /// Quotas of clients and users; those that have none are not here.
    pub quotas: BTreeMap<QuotaEntity, Settings>,
    /// The first producer id that nobody has.
    pub next_producer_id: i64,
}

impl Image {
    /// A topic's own settings, by name.
    pub fn settings_of(&self, topic: &str) -> Vec<(String, String)> {
        let settings = self.topics.get(topic).map(|topic| topic.settings.iter());
        let settings = settings.into_iter().flatten();
        settings.map(|(name, value)| (name.clone(), value.clone())).collect()
    }

    /// The settings that a broker was given while it runs, or those that the cluster has for all.
    pub fn broker_settings(&self, broker: Option<i32>) -> Settings {
        self.broker_settings.get(&Resource::Broker(broker).name()).cloned().unwrap_or_default()
    }

    /// The quota of this name that holds for a client, and who counts together with it.
    pub fn quota_of(&self, client: &str, name: &str) -> Option<(f64, Share)> {
        let fitting = self.quotas.iter().filter_map(|(of, quotas)| {
            Some((of.rank_for(PRINCIPAL, client)?, of.share(), quotas.get(name)?))
        });
        let (_, share, rate) = fitting.min_by_key(|(rank, ..)| *rank)?;
        Some((rate.parse().ok()?, share))
    }

    /// The quotas that were given to exactly this one.
    pub fn quotas(&self, of: &QuotaEntity) -> Settings {
        self.quotas.get(of).cloned().unwrap_or_default()
    }

    /// Adds the records of batches of the metadata log; gives them back.
    pub fn take(&mut self, batches: Vec<(BatchHeader, Bytes)>) -> Vec<MetadataRecord> {
        let mut taken = Vec::new();
        for (_, batch) in batches {
            taken.extend(MetadataRecord::all_of(&batch));
        }
        taken.iter().for_each(|record| self.apply(record));
        taken
    }

    /// Adds a record.
    pub fn apply(&mut self, record: &MetadataRecord) {
        match record {
            MetadataRecord::Topic { name, id } => {
                let settings = self.settings.remove(name).unwrap_or_default();
                let topic = TopicImage { id: *id, partitions: Vec::new(), settings };
                self.topics.insert(name.as_str().into(), Rc::new(topic));
            }
            MetadataRecord::Partition { topic, partition, state } => {
                let Some(found) = self.topic_mut(topic) else { return };
                match found.partitions.get_mut(*partition as usize) {
                    Some(old) => old.clone_from(state),
                    None => found.partitions.push(state.clone()),
                }
            }
            MetadataRecord::PartitionChange { topic, partition, change } => {
                let found = self.topic_mut(topic);
                let found = found.and_then(|t| t.partitions.get_mut(*partition as usize));
                if let Some(found) = found {
                    change.apply(found);
                }
            }
            MetadataRecord::RegisterBroker { broker, epoch, registration } => {
                let registration = BrokerImage { epoch: *epoch, ..registration.clone() };
                self.brokers.insert(*broker, registration);
            }
            MetadataRecord::BrokerChange { broker, fenced, shutting_down, .. } => {
                if let Some(found) = self.brokers.get_mut(broker) {
                    found.fenced = fenced.unwrap_or(found.fenced);
                    found.shutting_down = shutting_down.unwrap_or(found.shutting_down);
                }
            }
            MetadataRecord::Config { resource: Resource::Quota(of), name, value } => {
                let quotas = self.quotas.entry(of.clone()).or_default();
                match value {
                    Some(value) => drop(quotas.insert(name.clone(), value.clone())),
                    None => drop(quotas.remove(name)),
                }
                if quotas.is_empty() {
                    self.quotas.remove(of);
                }
            }
            MetadataRecord::Config { resource, name, value } => {
                let settings = match resource {
                    Resource::Broker(_) => self.broker_settings.entry(resource.name()).or_default(),
                    Resource::Quota(_) => return,
                    Resource::Topic(topic) => match self.topics.get_mut(topic.as_str()) {
                        Some(found) => &mut Rc::make_mut(found).settings,
                        None => self.settings.entry(topic.clone()).or_default(),
                    },
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

    /// The records that add up to all this: the cluster, topics, their settings, producer ids, in
    /// the order of a snapshot (`MetadataImage.write`).
    pub fn records(&self) -> Vec<MetadataRecord> {
        let mut all = Vec::new();
        for (id, registration) in &self.brokers {
            let (broker, epoch) = (*id, registration.epoch);
            let registration = registration.clone();
            all.push(MetadataRecord::RegisterBroker { broker, epoch, registration });
        }
        for (name, topic) in &self.topics {
            let id = topic.id;
            all.push(MetadataRecord::Topic { name: name.to_string(), id });
            for (number, state) in topic.partitions.iter().enumerate() {
                let (partition, state) = (number as i32, state.clone());
                all.push(MetadataRecord::Partition { topic: id, partition, state });
            }
        }
        let mut add = |resource: Resource, settings: &Settings| {
            for (name, value) in settings {
                let (resource, name) = (resource.clone(), name.clone());
                let value = Some(value.clone());
                all.push(MetadataRecord::Config { resource, name, value });
            }
        };
        for (id, settings) in &self.broker_settings {
            add(Resource::Broker(id.parse().ok()), settings);
        }
        for (name, topic) in &self.topics {
            add(Resource::Topic(name.to_string()), &topic.settings);
        }
        for (of, quotas) in &self.quotas {
            add(Resource::Quota(of.clone()), quotas);
        }
        if self.next_producer_id > 0 {
            let next = self.next_producer_id;
            all.push(MetadataRecord::ProducerIds { broker: -1, next });
        }
        all
    }

    /// The records that lead from here to a later state: what a broker has to take up that got a
    /// snapshot in the place of the log.
    pub fn records_to(&self, later: &Image) -> Vec<MetadataRecord> {
        let mut all = Vec::new();
        let mut take_back = |resource: Resource, old: &Settings, new: &Settings| {
            for name in old.keys().filter(|name| !new.contains_key(*name)) {
                let (resource, name) = (resource.clone(), name.clone());
                all.push(MetadataRecord::Config { resource, name, value: None });
            }
        };
        for (id, settings) in &self.broker_settings {
            let id = id.parse().ok();
            take_back(Resource::Broker(id), settings, &later.broker_settings(id));
        }
        for (of, quotas) in &self.quotas {
            take_back(Resource::Quota(of.clone()), quotas, &later.quotas(of));
        }
        for (name, topic) in &self.topics {
            if let Some(new) = later.topics.get(name).filter(|new| new.id == topic.id) {
                take_back(Resource::Topic(name.to_string()), &topic.settings, &new.settings);
            }
        }
        let stays = |id: &TopicId| later.name_of(id).is_some();
        let gone = self.topics.values().filter(|topic| !stays(&topic.id));
        all.extend(gone.map(|topic| MetadataRecord::RemoveTopic { id: topic.id }));
        // What is here already as it is there need not be said again.
        all.extend(later.records().into_iter().filter(|record| match record {
            MetadataRecord::Topic { id, .. } => self.name_of(id).is_none(),
            MetadataRecord::Partition { topic, partition, state } => {
                let found = self.topics.values().find(|found| found.id == *topic);
                let found = found.and_then(|found| found.partitions.get(*partition as usize));
                found != Some(state)
            }
            MetadataRecord::RegisterBroker { broker, registration, .. } => {
                self.brokers.get(broker) != Some(registration)
            }
            _ => true,
        }));
        all
    }

    /// A partition is like this; those before it that are not known yet have no leader.
    pub fn set_partition(&mut self, key: &TopicPartition, state: PartitionImage) {
        let Some(topic) = self.topics.get_mut(&key.topic) else { return };
        let partitions = &mut Rc::make_mut(topic).partitions;
        while partitions.len() <= key.partition as usize {
            partitions.push(PartitionImage::unknown(Vec::new()));
        }
        partitions[key.partition as usize] = state;
    }

    /// The leader of a partition has written another ISR down.
    pub fn set_isr(&mut self, key: &TopicPartition, isr: &[i32], partition_epoch: i32) {
        if let Some(found) = self.partition(key) {
            let isr = isr.to_vec();
            let state = PartitionImage { isr, partition_epoch, ..found.clone() };
            self.set_partition(key, state);
        }
    }

    fn topic_mut(&mut self, id: &TopicId) -> Option<&mut TopicImage> {
        self.topics.values_mut().find(|found| found.id == *id).map(Rc::make_mut)
    }

    /// The name of the topic with an id.
    pub fn name_of(&self, id: &TopicId) -> Option<&Rc<str>> {
        self.topics.iter().find(|(_, topic)| topic.id == *id).map(|(name, _)| name)
    }

    /// True for a broker that may be in an ISR, and lead.
    pub fn is_active(&self, broker: i32) -> bool {
        self.brokers.get(&broker).is_some_and(BrokerImage::is_active)
    }

    /// Brokers that clients may be told of, and where they are.
    pub fn alive(&self) -> impl Iterator<Item = (i32, NodeId)> {
        let alive = self.brokers.iter().filter(|(_, broker)| !broker.fenced);
        alive.map(|(id, broker)| (*id, broker.node))
    }

    /// `broker.rack` of those that have one and that clients may be told of.
    pub fn racks(&self) -> BTreeMap<i32, String> {
        let alive = self.brokers.iter().filter(|(_, broker)| !broker.fenced);
        alive.filter_map(|(id, broker)| Some((*id, broker.rack.clone()?))).collect()
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
            elr: partition.elr.clone(),
            last_known_elr: partition.last_known_elr.clone(),
            reassignment: partition.reassignment(),
        });
        Some(TopicMetadata {
            id: topic.id,
            internal: super::is_internal(name),
            partitions: partitions.collect(),
        })
    }
}
