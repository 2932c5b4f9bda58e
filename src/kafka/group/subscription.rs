//! What a member tells its group, and what it is told: the bytes of the consumer protocol, as they
//! travel inside JoinGroup and SyncGroup and lie in `__consumer_offsets`.

use super::records::{put_text, take, take_text};
use crate::kafka::event::TopicPartition;
use crate::ordered::Order;
use bytes::{BufMut, Bytes, BytesMut};
use std::rc::Rc;

/// Version 3 of `ConsumerProtocolSubscription`: with what is owned, its generation, and the rack.
const VERSION: i16 = 3;

/// What a member wants and has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subscription {
    /// The topics it subscribes to.
    pub topics: Vec<Rc<str>>,
    /// What it keeps while the group rebalances; an eager member has nothing then.
    pub owned: Vec<TopicPartition>,
    /// What it had before: the user data of the sticky assignor.
    pub previous: Vec<TopicPartition>,
    /// The generation in which it was given that.
    pub generation: i32,
    /// `client.rack`.
    pub rack: Option<Rc<str>>,
}

impl Subscription {
    /// Its bytes.
    pub fn encode(&self) -> Bytes {
        let mut out = BytesMut::new();
        out.put_i16(VERSION);
        out.put_i32(self.topics.len() as i32);
        self.topics.iter().for_each(|topic| put_text(&mut out, topic));
        // User data: the sticky assignor's own, previous partitions and generation.
        match self.previous.is_empty() {
            true => out.put_i32(-1),
            false => {
                let mut data = BytesMut::new();
                put_partitions(&mut data, &self.previous);
                data.put_i32(self.generation);
                out.put_i32(data.len() as i32);
                out.put_slice(&data);
            }
        }
        put_partitions(&mut out, &self.owned);
        out.put_i32(self.generation);
        match &self.rack {
            Some(rack) => put_text(&mut out, rack),
            None => out.put_i16(-1),
        }
        out.freeze()
    }

    /// Reads them.
    pub fn decode(mut bytes: &[u8]) -> Option<Subscription> {
        let bytes = &mut bytes;
        if i16::from_be_bytes(take(bytes)?) != VERSION {
            return None;
        }
        let count = i32::from_be_bytes(take(bytes)?);
        let mut topics = Vec::new();
        for _ in 0..count {
            topics.push(take_text(bytes)?.into());
        }
        let mut previous = Vec::new();
        if i32::from_be_bytes(take(bytes)?) >= 0 {
            previous = take_partitions(bytes)?;
            let _generation: [u8; 4] = take(bytes)?;
        }
        let owned = take_partitions(bytes)?;
        let generation = i32::from_be_bytes(take(bytes)?);
        let rack = take_text(bytes).map(Rc::from);
        Some(Subscription { topics, owned, previous, generation, rack })
    }
}

/// The bytes of `ConsumerProtocolAssignment`.
pub fn encode_assignment(partitions: &[TopicPartition]) -> Bytes {
    let mut out = BytesMut::new();
    out.put_i16(VERSION);
    put_partitions(&mut out, partitions);
    out.put_i32(-1);
    out.freeze()
}

/// Reads them.
pub fn decode_assignment(mut bytes: &[u8]) -> Option<Vec<TopicPartition>> {
    let _version: [u8; 2] = take(&mut bytes)?;
    take_partitions(&mut bytes)
}

/// Topic by topic; the partitions of one topic lie together.
fn put_partitions(out: &mut BytesMut, partitions: &[TopicPartition]) {
    let mut sorted: Vec<&TopicPartition> = partitions.iter().collect();
    sorted.order();
    let topics: Vec<&[&TopicPartition]> = sorted.chunk_by(|a, b| a.topic == b.topic).collect();
    out.put_i32(topics.len() as i32);
    for of_topic in topics {
        put_text(out, &of_topic[0].topic);
        out.put_i32(of_topic.len() as i32);
        of_topic.iter().for_each(|partition| out.put_i32(partition.partition));
    }
}

fn take_partitions(bytes: &mut &[u8]) -> Option<Vec<TopicPartition>> {
    let mut partitions = Vec::new();
    for _ in 0..i32::from_be_bytes(take(bytes)?) {
        let topic: Rc<str> = take_text(bytes)?.into();
        for _ in 0..i32::from_be_bytes(take(bytes)?) {
            let partition = i32::from_be_bytes(take(bytes)?);
            partitions.push(TopicPartition { topic: topic.clone(), partition });
        }
    }
    Some(partitions)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back_as_they_were() {
        let owned = vec![TopicPartition::new("t", 0), TopicPartition::new("t", 2)];
        let whole = Subscription {
            topics: vec!["t".into(), "u".into()],
            previous: owned.clone(),
            owned: owned.clone(),
            generation: 7,
            rack: Some("r1".into()),
        };
        assert_eq!(Subscription::decode(&whole.encode()), Some(whole));
        let least = Subscription { topics: vec!["t".into()], ..Subscription::default() };
        assert_eq!(Subscription::decode(&least.encode()), Some(least.clone()));
        // Version, one topic "t", no user data, nothing owned, generation 0, no rack.
        let bytes =
            [0, 3, 0, 0, 0, 1, 0, 1, b't', 255, 255, 255, 255, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255];
        assert_eq!(least.encode(), bytes[..]);
        assert_eq!(decode_assignment(&encode_assignment(&owned)), Some(owned));
    }
}
