//! The records of the metadata log, in KRaft's own format: a frame version, the record's API key
//! and version, and its fields in the protocol's compact encoding.

use super::client_quota::{self, QuotaEntity};
use super::image::{BrokerImage, PartitionImage};
use crate::kafka::message::response::TopicId;
use crate::kafka::record::Records;
use crate::kafka::record::varint::{read_unsigned, write_unsigned};
use crate::ordered::Order;
use crate::sim::NodeId;
use bytes::{BufMut, Bytes, BytesMut};

const FRAME_VERSION: u64 = 1;
/// `ResourceType` of a topic and of brokers in a ConfigRecord.
const RESOURCE_TOPIC: i8 = 2;
const RESOURCE_BROKER: i8 = 4;

/// Whose settings are changed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Resource {
    /// Those of the topic with this name.
    Topic(String),
    /// Those of one broker, or the cluster's default for all of them.
    Broker(Option<i32>),
    /// The quotas of clients, of users, or of a user's clients.
    Quota(QuotaEntity),
}

impl Resource {
    /// As the record names it: a broker by its id in digits, the default by nothing.
    pub fn name(&self) -> String {
        match self {
            Resource::Topic(name) => name.clone(),
            Resource::Broker(id) => id.map_or_else(String::new, |id| id.to_string()),
            // Its record names both sides.
            Resource::Quota(_) => String::new(),
        }
    }

    /// The user above a pair of a user and a client.
    pub fn above(&self) -> Option<Resource> {
        match self {
            Resource::Quota(QuotaEntity { user: user @ Some(_), client: Some(_) }) => {
                Some(Resource::Quota(QuotaEntity { user: user.clone(), client: None }))
            }
            _ => None,
        }
    }

    /// Its number in the record.
    pub fn kind(&self) -> i8 {
        match self {
            Resource::Topic(_) => RESOURCE_TOPIC,
            Resource::Broker(_) => RESOURCE_BROKER,
            // Its record is another one.
            Resource::Quota(_) => 0,
        }
    }

    fn of(kind: i8, name: String) -> Option<Resource> {
        match (kind, &*name) {
            (RESOURCE_TOPIC, _) => Some(Resource::Topic(name)),
            (RESOURCE_BROKER, "") => Some(Resource::Broker(None)),
            (RESOURCE_BROKER, id) => Some(Resource::Broker(Some(id.parse().ok()?))),
            _ => None,
        }
    }
}

/// A change of the cluster's state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MetadataRecord {
    /// A topic exists (TopicRecord, 2).
    Topic {
        /// Its name.
        name: String,
        /// Its id.
        id: TopicId,
    },
    /// A partition exists, or is as this says now (PartitionRecord, 3).
    Partition {
        /// Its topic.
        topic: TopicId,
        /// Its number.
        partition: i32,
        /// How it is.
        state: PartitionImage,
    },
    /// A partition is as before but for this (PartitionChangeRecord, 5).
    PartitionChange {
        /// Its topic.
        topic: TopicId,
        /// Its number.
        partition: i32,
        /// What is different.
        change: Change,
    },
    /// A broker has begun a life (RegisterBrokerRecord, 27).
    RegisterBroker {
        /// `node.id`.
        broker: i32,
        /// The offset of this record.
        epoch: i64,
        /// Who and where it is.
        registration: BrokerImage,
    },
    /// A broker is fenced, or not any more, or stops (BrokerRegistrationChangeRecord, 17).
    BrokerChange {
        /// `node.id`.
        broker: i32,
        /// Of its registration.
        epoch: i64,
        /// As before if `None`.
        fenced: Option<bool>,
        /// As before if `None`.
        shutting_down: Option<bool>,
    },
    /// A setting of a topic or of brokers (ConfigRecord, 4).
    Config {
        /// Whose.
        resource: Resource,
        /// The setting.
        name: String,
        /// Its value; the default again if `None`.
        value: Option<String>,
    },
    /// A topic is gone, with all its partitions (RemoveTopicRecord, 9).
    RemoveTopic {
        /// Its id.
        id: TopicId,
    },
    /// Producer ids below this one were given to a broker (ProducerIdsRecord, 15).
    ProducerIds {
        /// The broker.
        broker: i32,
        /// The first id that nobody has.
        next: i64,
    },
}

/// What of a partition is different; the rest stays. Every change counts the partition epoch up,
/// and one that names a leader the leader epoch too.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// In-sync replicas.
    pub isr: Option<Vec<i32>>,
    /// The leader; -1 without one.
    pub leader: Option<i32>,
    /// Replicas in assignment order.
    pub replicas: Option<Vec<i32>>,
    /// Those that a reassignment takes away.
    pub removing: Option<Vec<i32>>,
    /// Those that a reassignment brings.
    pub adding: Option<Vec<i32>>,
    /// True after an unclean election.
    pub recovering: Option<bool>,
    /// Eligible leader replicas.
    pub elr: Option<Vec<i32>>,
    /// The last known ones.
    pub last_known_elr: Option<Vec<i32>>,
}

impl Change {
    /// What has to be written so that `old` becomes `new`.
    pub fn between(old: &PartitionImage, new: &PartitionImage) -> Change {
        let list = |old: &Vec<i32>, new: &Vec<i32>| (old != new).then(|| new.clone());
        Change {
            isr: list(&old.isr, &new.isr),
            leader: (old.leader_epoch != new.leader_epoch).then(|| new.leader.unwrap_or(-1)),
            replicas: list(&old.replicas, &new.replicas),
            removing: list(&old.removing, &new.removing),
            adding: list(&old.adding, &new.adding),
            recovering: (old.recovering != new.recovering).then_some(new.recovering),
            elr: list(&old.elr, &new.elr),
            last_known_elr: list(&old.last_known_elr, &new.last_known_elr),
        }
    }

    /// Changes a partition.
    pub fn apply(&self, partition: &mut PartitionImage) {
        partition.partition_epoch += 1;
        if let Some(leader) = self.leader {
            partition.leader = (leader >= 0).then_some(leader);
            partition.leader_epoch += 1;
        }
        let set = |list: &mut Vec<i32>, new: &Option<Vec<i32>>| {
            if let Some(new) = new {
                list.clone_from(new);
            }
        };
        set(&mut partition.isr, &self.isr);
        set(&mut partition.replicas, &self.replicas);
        set(&mut partition.removing, &self.removing);
        set(&mut partition.adding, &self.adding);
        set(&mut partition.elr, &self.elr);
        set(&mut partition.last_known_elr, &self.last_known_elr);
        partition.recovering = self.recovering.unwrap_or(partition.recovering);
    }

    /// The tagged fields of the record.
    fn encode(&self, out: &mut BytesMut) {
        let mut fields: Vec<(u64, BytesMut)> = Vec::new();
        let mut ids = |tag: u64, list: &Option<Vec<i32>>| {
            let Some(list) = list else { return };
            let mut bytes = BytesMut::new();
            put_ids(&mut bytes, list);
            fields.push((tag, bytes));
        };
        ids(0, &self.isr);
        ids(2, &self.replicas);
        ids(3, &self.removing);
        ids(4, &self.adding);
        ids(6, &self.elr);
        ids(7, &self.last_known_elr);
        if let Some(leader) = self.leader {
            fields.push((1, BytesMut::from(&leader.to_be_bytes()[..])));
        }
        if let Some(recovering) = self.recovering {
            fields.push((5, BytesMut::from(&[u8::from(recovering)][..])));
        }
        fields.order_by_key(|(tag, _)| *tag);
        put_fields(out, fields);
    }

    fn decode(bytes: &mut &[u8]) -> Option<Change> {
        let mut change = Change::default();
        for _ in 0..read_unsigned(bytes, 5)? {
            let (tag, mut field) = take_field(bytes)?;
            match tag {
                0 => change.isr = Some(take_ids(&mut field)?),
                1 => change.leader = Some(i32::from_be_bytes(take(&mut field)?)),
                2 => change.replicas = Some(take_ids(&mut field)?),
                3 => change.removing = Some(take_ids(&mut field)?),
                4 => change.adding = Some(take_ids(&mut field)?),
                5 => change.recovering = Some(take::<1>(&mut field)? != [0]),
                6 => change.elr = Some(take_ids(&mut field)?),
                7 => change.last_known_elr = Some(take_ids(&mut field)?),
                _ => {}
            }
        }
        Some(change)
    }
}

impl MetadataRecord {
    /// The value of its record in the log.
    pub fn encode(&self) -> Bytes {
        let mut out = BytesMut::new();
        write_unsigned(&mut out, FRAME_VERSION);
        write_unsigned(&mut out, self.api_key());
        // The version with everything that is written here.
        let version = match self {
            MetadataRecord::PartitionChange { .. } => 2,
            MetadataRecord::RegisterBroker { .. } | MetadataRecord::BrokerChange { .. } => 1,
            MetadataRecord::Partition { state, .. } if state.has_elr() => 2,
            _ => 0,
        };
        write_unsigned(&mut out, version);
        match self {
            MetadataRecord::Topic { name, id } => {
                put_text(&mut out, name);
                out.put_slice(&id.0);
            }
            MetadataRecord::Partition { topic, partition, state } => {
                out.put_i32(*partition);
                out.put_slice(&topic.0);
                for ids in [&state.replicas, &state.isr, &state.removing, &state.adding] {
                    put_ids(&mut out, ids);
                }
                out.put_i32(state.leader.unwrap_or(-1));
                out.put_i32(state.leader_epoch);
                out.put_i32(state.partition_epoch);
                if state.has_elr() {
                    put_ids(&mut out, &[]); // directories
                }
                put_fields(&mut out, partition_fields(state));
                return out.freeze();
            }
            MetadataRecord::Config { resource: Resource::Quota(of), name, value } => {
                client_quota::encode(&mut out, of, name, value.as_deref());
                return out.freeze();
            }
            MetadataRecord::Config { resource, name, value } => {
                out.put_i8(resource.kind());
                put_text(&mut out, &resource.name());
                put_text(&mut out, name);
                match value {
                    Some(value) => put_text(&mut out, value),
                    None => write_unsigned(&mut out, 0),
                }
            }
            MetadataRecord::RemoveTopic { id } => out.put_slice(&id.0),
            MetadataRecord::PartitionChange { topic, partition, change } => {
                out.put_i32(*partition);
                out.put_slice(&topic.0);
                change.encode(&mut out);
                return out.freeze();
            }
            MetadataRecord::RegisterBroker { broker, epoch, registration } => {
                put_broker(&mut out, *broker, *epoch, registration);
                return out.freeze();
            }
            MetadataRecord::BrokerChange { broker, epoch, fenced, shutting_down } => {
                out.put_i32(*broker);
                out.put_i64(*epoch);
                let flag = |value: bool, off: i8| if value { 1 } else { off };
                let byte = |value: i8| BytesMut::from(&value.to_be_bytes()[..]);
                // Only what changes is written; -1 says "not fenced any more".
                let fenced = fenced.map(|fenced| (0, byte(flag(fenced, -1))));
                let stops = shutting_down.map(|stops| (1, byte(flag(stops, 0))));
                put_fields(&mut out, fenced.into_iter().chain(stops).collect());
                return out.freeze();
            }
            MetadataRecord::ProducerIds { broker, next } => {
                out.put_i32(*broker);
                out.put_i64(-1); // broker epoch
                out.put_i64(*next);
            }
        }
        write_unsigned(&mut out, 0); // tagged fields
        out.freeze()
    }

    /// Reads the value of a record of the log; `None` for kinds that are not known here.
    pub fn decode(mut bytes: &[u8]) -> Option<MetadataRecord> {
        let bytes = &mut bytes;
        if read_unsigned(bytes, 5)? != FRAME_VERSION {
            return None;
        }
        let key = read_unsigned(bytes, 5)?;
        let version = read_unsigned(bytes, 5)?;
        Some(match key {
            2 => MetadataRecord::Topic { name: take_text(bytes)??, id: take_id(bytes)? },
            3 => {
                let partition = i32::from_be_bytes(take(bytes)?);
                let topic = take_id(bytes)?;
                let mut state = PartitionImage {
                    replicas: take_ids(bytes)?,
                    isr: take_ids(bytes)?,
                    removing: take_ids(bytes)?,
                    adding: take_ids(bytes)?,
                    leader: Some(i32::from_be_bytes(take(bytes)?)).filter(|leader| *leader >= 0),
                    leader_epoch: i32::from_be_bytes(take(bytes)?),
                    partition_epoch: i32::from_be_bytes(take(bytes)?),
                    ..PartitionImage::default()
                };
                if version > 0 {
                    let _directories = take_ids(bytes)?;
                }
                for _ in 0..read_unsigned(bytes, 5)? {
                    match take_field(bytes)? {
                        (0, field) => state.recovering = field != [0],
                        (1, mut field) => state.elr = take_ids(&mut field)?,
                        (2, mut field) => state.last_known_elr = take_ids(&mut field)?,
                        _ => {}
                    }
                }
                MetadataRecord::Partition { topic, partition, state }
            }
            4 => MetadataRecord::Config {
                resource: Resource::of(i8::from_be_bytes(take(bytes)?), take_text(bytes)??)?,
                name: take_text(bytes)??,
                value: take_text(bytes)?,
            },
            5 => {
                let partition = i32::from_be_bytes(take(bytes)?);
                let topic = take_id(bytes)?;
                let change = Change::decode(bytes)?;
                MetadataRecord::PartitionChange { topic, partition, change }
            }
            9 => MetadataRecord::RemoveTopic { id: take_id(bytes)? },
            14 => client_quota::decode(bytes)?,
            17 => {
                let broker = i32::from_be_bytes(take(bytes)?);
                let epoch = i64::from_be_bytes(take(bytes)?);
                let (mut fenced, mut shutting_down) = (None, None);
                for _ in 0..read_unsigned(bytes, 5)? {
                    match take_field(bytes)? {
                        (0, field) => fenced = Some(field == [1]),
                        (1, field) => shutting_down = Some(field == [1]),
                        _ => {}
                    }
                }
                MetadataRecord::BrokerChange { broker, epoch, fenced, shutting_down }
            }
            27 => take_broker(bytes)?,
            15 => {
                let broker = i32::from_be_bytes(take(bytes)?);
                let _broker_epoch: [u8; 8] = take(bytes)?;
                MetadataRecord::ProducerIds { broker, next: i64::from_be_bytes(take(bytes)?) }
            }
            _ => return None,
        })
    }

    /// The records of a batch of the metadata log.
    pub fn all_of(batch: &[u8]) -> Vec<MetadataRecord> {
        let records = Records::of(batch).into_iter().flatten();
        records.filter_map(|record| record.value.and_then(MetadataRecord::decode)).collect()
    }

    fn api_key(&self) -> u64 {
        match self {
            MetadataRecord::Topic { .. } => 2,
            MetadataRecord::Partition { .. } => 3,
            MetadataRecord::Config { resource: Resource::Quota(_), .. } => 14,
            MetadataRecord::Config { .. } => 4,
            MetadataRecord::PartitionChange { .. } => 5,
            MetadataRecord::RegisterBroker { .. } => 27,
            MetadataRecord::BrokerChange { .. } => 17,
            MetadataRecord::RemoveTopic { .. } => 9,
            MetadataRecord::ProducerIds { .. } => 15,
        }
    }
}

/// The tagged fields of a partition's record: what is not as it is in most of them.
fn partition_fields(state: &PartitionImage) -> Vec<(u64, BytesMut)> {
    let mut fields = Vec::new();
    if state.recovering {
        fields.push((0, BytesMut::from(&[1][..])));
    }
    for (tag, ids) in [(1, &state.elr), (2, &state.last_known_elr)] {
        if !ids.is_empty() {
            let mut bytes = BytesMut::new();
            put_ids(&mut bytes, ids);
            fields.push((tag, bytes));
        }
    }
    fields
}

pub(super) fn put_text(out: &mut BytesMut, text: &str) {
    write_unsigned(out, text.len() as u64 + 1);
    out.put_slice(text.as_bytes());
}

fn put_ids(out: &mut BytesMut, ids: &[i32]) {
    write_unsigned(out, ids.len() as u64 + 1);
    ids.iter().for_each(|id| out.put_i32(*id));
}

/// Tagged fields, sorted by their tags.
fn put_fields(out: &mut BytesMut, fields: Vec<(u64, BytesMut)>) {
    write_unsigned(out, fields.len() as u64);
    for (tag, bytes) in fields {
        write_unsigned(out, tag);
        write_unsigned(out, bytes.len() as u64);
        out.put_slice(&bytes);
    }
}

fn take_field<'a>(bytes: &mut &'a [u8]) -> Option<(u64, &'a [u8])> {
    let (tag, len) = (read_unsigned(bytes, 5)?, read_unsigned(bytes, 5)?);
    let (field, rest) = bytes.split_at_checked(len as usize)?;
    *bytes = rest;
    Some((tag, field))
}

/// The one listener of a broker. Its port is where the broker is in the lab's network.
const LISTENER: &str = "PLAINTEXT";

fn put_broker(out: &mut BytesMut, broker: i32, epoch: i64, registration: &BrokerImage) {
    out.put_i32(broker);
    out.put_slice(&registration.incarnation.0);
    out.put_i64(epoch);
    write_unsigned(out, 2);
    put_text(out, LISTENER);
    put_text(out, &format!("kafka-{broker}"));
    out.put_u16(registration.node.0 as u16);
    out.put_i16(0); // security protocol
    write_unsigned(out, 0);
    write_unsigned(out, 1); // no features
    match &registration.rack {
        Some(rack) => put_text(out, rack),
        None => write_unsigned(out, 0),
    }
    out.put_u8(u8::from(registration.fenced));
    out.put_u8(u8::from(registration.shutting_down));
    write_unsigned(out, 0);
}

fn take_broker(bytes: &mut &[u8]) -> Option<MetadataRecord> {
    let broker = i32::from_be_bytes(take(bytes)?);
    let incarnation = take_id(bytes)?;
    let epoch = i64::from_be_bytes(take(bytes)?);
    let _listeners = read_unsigned(bytes, 5)?;
    let (_name, _host) = (take_text(bytes)?, take_text(bytes)?);
    let node = NodeId(u32::from(u16::from_be_bytes(take(bytes)?)));
    let _protocol: [u8; 2] = take(bytes)?;
    let (_fields, _features) = (read_unsigned(bytes, 5)?, read_unsigned(bytes, 5)?);
    let rack = take_text(bytes)?;
    let [fenced, shutting_down] = take(bytes)?;
    let (fenced, shutting_down) = (fenced == 1, shutting_down == 1);
    let registration = BrokerImage { incarnation, epoch, node, rack, fenced, shutting_down };
    Some(MetadataRecord::RegisterBroker { broker, epoch, registration })
}

pub(super) fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*taken)
}

fn take_id(bytes: &mut &[u8]) -> Option<TopicId> {
    take(bytes).map(TopicId)
}

pub(super) fn take_text(bytes: &mut &[u8]) -> Option<Option<String>> {
    let Some(len) = read_unsigned(bytes, 5)?.checked_sub(1) else { return Some(None) };
    let (taken, rest) = bytes.split_at_checked(len as usize)?;
    *bytes = rest;
    Some(Some(String::from_utf8(taken.to_vec()).ok()?))
}

fn take_ids(bytes: &mut &[u8]) -> Option<Vec<i32>> {
    let count = read_unsigned(bytes, 5)?.checked_sub(1)?;
    (0..count).map(|_| take(bytes).map(i32::from_be_bytes)).collect()
}

#[cfg(test)]
mod tests;
