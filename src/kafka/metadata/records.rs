//! The records of the metadata log, in KRaft's own format: a frame version, the record's API key
//! and version, and its fields in the protocol's compact encoding.

use crate::kafka::message::response::TopicId;
use crate::kafka::record::varint::{read_unsigned, write_unsigned};
use bytes::{BufMut, Bytes, BytesMut};

const FRAME_VERSION: u64 = 1;
/// `ResourceType` of a topic in a ConfigRecord.
const RESOURCE_TOPIC: i8 = 2;

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
        /// Replicas in assignment order.
        replicas: Vec<i32>,
        /// In-sync replicas.
        isr: Vec<i32>,
        /// The leader; -1 without one.
        leader: i32,
        /// Grows with each change of the leader.
        leader_epoch: i32,
        /// Grows with each change of anything.
        partition_epoch: i32,
    },
    /// A setting of a topic (ConfigRecord, 4).
    Config {
        /// The topic's name.
        topic: String,
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

impl MetadataRecord {
    /// The value of its record in the log.
    pub fn encode(&self) -> Bytes {
        let mut out = BytesMut::new();
        write_unsigned(&mut out, FRAME_VERSION);
        write_unsigned(&mut out, self.api_key());
        write_unsigned(&mut out, 0);
        match self {
            MetadataRecord::Topic { name, id } => {
                put_text(&mut out, name);
                out.put_slice(&id.0);
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
                out.put_i32(*partition);
                out.put_slice(&topic.0);
                // Replicas, ISR, and those that a reassignment removes and adds.
                for ids in [replicas.as_slice(), isr, &[], &[]] {
                    write_unsigned(&mut out, ids.len() as u64 + 1);
                    ids.iter().for_each(|id| out.put_i32(*id));
                }
                out.put_i32(*leader);
                out.put_i32(*leader_epoch);
                out.put_i32(*partition_epoch);
            }
            MetadataRecord::Config { topic, name, value } => {
                out.put_i8(RESOURCE_TOPIC);
                put_text(&mut out, topic);
                put_text(&mut out, name);
                match value {
                    Some(value) => put_text(&mut out, value),
                    None => write_unsigned(&mut out, 0),
                }
            }
            MetadataRecord::RemoveTopic { id } => out.put_slice(&id.0),
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
        let _version = read_unsigned(bytes, 5)?;
        Some(match key {
            2 => MetadataRecord::Topic { name: take_text(bytes)??, id: take_id(bytes)? },
            3 => {
                let partition = i32::from_be_bytes(take(bytes)?);
                let topic = take_id(bytes)?;
                let (replicas, isr) = (take_ids(bytes)?, take_ids(bytes)?);
                let (_removing, _adding) = (take_ids(bytes)?, take_ids(bytes)?);
                MetadataRecord::Partition {
                    topic,
                    partition,
                    replicas,
                    isr,
                    leader: i32::from_be_bytes(take(bytes)?),
                    leader_epoch: i32::from_be_bytes(take(bytes)?),
                    partition_epoch: i32::from_be_bytes(take(bytes)?),
                }
            }
            4 if i8::from_be_bytes(take(bytes)?) == RESOURCE_TOPIC => MetadataRecord::Config {
                topic: take_text(bytes)??,
                name: take_text(bytes)??,
                value: take_text(bytes)?,
            },
            9 => MetadataRecord::RemoveTopic { id: take_id(bytes)? },
            15 => {
                let broker = i32::from_be_bytes(take(bytes)?);
                let _broker_epoch: [u8; 8] = take(bytes)?;
                MetadataRecord::ProducerIds { broker, next: i64::from_be_bytes(take(bytes)?) }
            }
            _ => return None,
        })
    }

    fn api_key(&self) -> u64 {
        match self {
            MetadataRecord::Topic { .. } => 2,
            MetadataRecord::Partition { .. } => 3,
            MetadataRecord::Config { .. } => 4,
            MetadataRecord::RemoveTopic { .. } => 9,
            MetadataRecord::ProducerIds { .. } => 15,
        }
    }
}

fn put_text(out: &mut BytesMut, text: &str) {
    write_unsigned(out, text.len() as u64 + 1);
    out.put_slice(text.as_bytes());
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(*taken)
}

fn take_id(bytes: &mut &[u8]) -> Option<TopicId> {
    take(bytes).map(TopicId)
}

fn take_text(bytes: &mut &[u8]) -> Option<Option<String>> {
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
mod tests {
    use super::*;

    #[test]
    fn every_record_reads_back() {
        let id = TopicId([7; 16]);
        let records = [
            MetadataRecord::Topic { name: "주문".to_owned(), id },
            MetadataRecord::Partition {
                topic: id,
                partition: 3,
                replicas: vec![1, 2],
                isr: vec![2],
                leader: -1,
                leader_epoch: 4,
                partition_epoch: 5,
            },
            MetadataRecord::Config {
                topic: "t".to_owned(),
                name: "retention.ms".to_owned(),
                value: Some("5".to_owned()),
            },
            MetadataRecord::Config { topic: "t".to_owned(), name: "x".to_owned(), value: None },
            MetadataRecord::RemoveTopic { id },
            MetadataRecord::ProducerIds { broker: 1, next: 1_000 },
        ];
        for record in records {
            assert_eq!(MetadataRecord::decode(&record.encode()), Some(record));
        }
    }

    #[test]
    fn a_topic_record_has_the_bytes_that_kraft_writes() {
        // Frame 1, key 2, version 0, compact "foo", the id, no tagged fields.
        let record = MetadataRecord::Topic { name: "foo".to_owned(), id: TopicId([9; 16]) };
        let mut expected = vec![1, 2, 0, 4, b'f', b'o', b'o'];
        expected.extend([9; 16]);
        expected.push(0);
        assert_eq!(record.encode(), expected);
    }
}
