//! What `kafka-reassign-partitions` asks for, step by step, and what it makes of the answers
//! (`ReassignPartitionsCommand`): it looks before it changes anything, sets the throttle before the
//! replicas move, and takes it back when nothing moves any more.

use super::job::{Gathered, Target};
use crate::kafka::command::{
    ApiError, PartitionDescription, ReassignAct, Reassignment, ReassignmentAnswer,
};
use crate::kafka::config::topic::{FOLLOWER_THROTTLED, LEADER_THROTTLED};
use crate::kafka::error::{ErrorCode, client_error};
use crate::kafka::event::TopicPartition;
use crate::kafka::message::Request;
use crate::kafka::metadata::Resource;
use crate::kafka::metadata::placement::shifted;
use crate::ordered::{BTreeMap, BTreeSet, Order};
use crate::sim::Stream;

/// Bytes a second that replicas out of sync may cost a leader, and a follower.
const RATES: [&str; 2] =
    ["leader.replication.throttled.rate", "follower.replication.throttled.rate"];

const EXISTING: &str = "Cannot execute because there is an existing partition assignment.  Use \
    --additional to override this and create a new partition assignment in addition to the \
    existing one. The --additional flag can also be used to change the throttle by resubmitting \
    the current reassignment.";

/// An error that the tool prints as it is.
fn terse(sentence: impl Into<String>) -> ApiError {
    client_error("TerseException", sentence)
}

/// An error in front of which the tool writes `Error: `.
fn failed(sentence: impl Into<String>) -> ApiError {
    client_error("AdminCommandFailedException", sentence)
}

fn unknown(sentence: &str) -> ApiError {
    failed(format!("org.apache.kafka.common.errors.UnknownTopicOrPartitionException: {sentence}"))
}

/// All partitions, as they are.
fn partitions(gathered: &Gathered) -> Vec<(TopicPartition, PartitionDescription)> {
    let topics = gathered.metadata.iter().flat_map(|metadata| &metadata.topics);
    let known = topics.filter_map(|(name, found)| Some((name, found.as_ref().ok()?)));
    let all = known.flat_map(|(name, topic)| {
        topic.partitions.iter().enumerate().map(|(number, partition)| {
            let key = TopicPartition { topic: name.clone(), partition: number as i32 };
            (key, PartitionDescription::of(number as i32, partition))
        })
    });
    all.collect()
}

fn is_moving(gathered: &Gathered) -> bool {
    partitions(gathered).iter().any(|(_, partition)| partition.reassignment.is_some())
}

fn alive(gathered: &Gathered) -> Vec<i32> {
    let brokers = gathered.metadata.iter().flat_map(|metadata| &metadata.brokers);
    brokers.map(|(id, _)| *id).collect()
}

/// Says why nothing is done, once it is known how everything is.
pub fn check(gathered: &Gathered, asked: &Reassignment) -> Result<(), ApiError> {
    let all = partitions(gathered);
    let has_topic = |topic: &str| all.iter().any(|(key, _)| *key.topic == *topic);
    let missing = |topic: &str| Err(unknown(&format!("Topic {topic} not found.")));
    match &asked.act {
        ReassignAct::Generate { brokers, topics, rack_aware } => {
            if let Some(topic) = topics.iter().find(|topic| !has_topic(topic)) {
                return missing(topic);
            }
            let racks = racks(gathered, brokers);
            let found = alive(gathered).iter().filter(|id| brokers.contains(id)).count();
            if *rack_aware && !racks.is_empty() && racks.len() < found {
                return Err(failed(
                    "Not all brokers have rack information. Add --disable-rack-aware in command \
                     line to make replica assignment without rack information.",
                ));
            }
            Ok(())
        }
        ReassignAct::Execute { additional, .. } => {
            if !additional && is_moving(gathered) {
                return Err(terse(EXISTING));
            }
            let alive = alive(gathered);
            let mut wanted = asked.partitions.iter().flat_map(|(_, replicas)| replicas);
            if let Some(id) = wanted.find(|id| !alive.contains(id)) {
                return Err(failed(format!("Unknown broker id {id}")));
            }
            let names = asked.partitions.iter().map(|(key, _)| &*key.topic);
            if let Some(topic) = names.into_iter().find(|topic| !has_topic(topic)) {
                return missing(topic);
            }
            let unheard = |key: &&TopicPartition| !all.iter().any(|(known, _)| known == *key);
            let lost = asked.partitions.iter().map(|(key, _)| key).filter(unheard);
            let lost: Vec<String> = lost.map(TopicPartition::to_string).collect();
            match lost.is_empty() {
                true => Ok(()),
                false => Err(unknown(&format!("Unable to find partition: {}", lost.join(", ")))),
            }
        }
        ReassignAct::Verify { .. } | ReassignAct::Cancel { .. } | ReassignAct::List => Ok(()),
    }
}

/// The replicas that move: of each partition the brokers that have it, and those that get it.
fn moves(gathered: &Gathered, asked: &Reassignment) -> BTreeMap<TopicPartition, [Vec<i32>; 2]> {
    let mut moves = BTreeMap::new();
    let all = partitions(gathered);
    for (key, partition) in &all {
        if let Some((adding, _)) = &partition.reassignment {
            let has = partition.replicas.iter().filter(|id| !adding.contains(id));
            moves.insert(key.clone(), [has.copied().collect(), adding.clone()]);
        }
    }
    for (key, wanted) in &asked.partitions {
        let Some((_, partition)) = all.iter().find(|(known, _)| known == key) else { continue };
        let [has, _] =
            moves.remove(key).unwrap_or_else(|| [partition.replicas.clone(), Vec::new()]);
        let gets = wanted.iter().filter(|id| !has.contains(id)).copied().collect();
        moves.insert(key.clone(), [has, gets]);
    }
    moves
}

/// The requests that set the throttle.
pub fn throttle(gathered: &Gathered, asked: &Reassignment) -> Vec<(Target, Request)> {
    let ReassignAct::Execute { throttle: Some(rate), .. } = &asked.act else { return Vec::new() };
    let moves = moves(gathered, asked);
    let mut lists: BTreeMap<String, [BTreeSet<String>; 2]> = BTreeMap::new();
    let mut brokers = BTreeSet::new();
    for (key, ends) in &moves {
        let found = lists.entry(key.topic.to_string()).or_default();
        for (list, ids) in found.iter_mut().zip(ends) {
            brokers.extend(ids.iter().copied());
            list.extend(ids.iter().map(|id| format!("{}:{id}", key.partition)));
        }
    }
    let joined =
        |list: &BTreeSet<String>| list.iter().map(String::as_str).collect::<Vec<_>>().join(",");
    let topics = lists.into_iter().map(|(topic, [leaders, followers])| {
        let changes = vec![
            (LEADER_THROTTLED.to_owned(), Some(joined(&leaders))),
            (FOLLOWER_THROTTLED.to_owned(), Some(joined(&followers))),
        ];
        (Resource::Topic(topic), changes)
    });
    let rates = RATES.map(|name| (name.to_owned(), Some(rate.to_string())));
    let brokers = brokers.into_iter().map(|id| (Resource::Broker(Some(id)), rates.to_vec()));
    requests(gathered, topics.chain(brokers))
}

/// The requests that take every throttle back, if that is to be done.
pub fn clear(gathered: &Gathered, asked: &Reassignment) -> Vec<(Target, Request)> {
    if !clears(gathered, asked) {
        return Vec::new();
    }
    let mut topics: Vec<String> =
        asked.partitions.iter().map(|(key, _)| key.topic.to_string()).collect();
    topics.dedup();
    let forget = |names: [&str; 2]| names.map(|name| (name.to_owned(), None)).to_vec();
    let topics = topics
        .into_iter()
        .map(|topic| (Resource::Topic(topic), forget([LEADER_THROTTLED, FOLLOWER_THROTTLED])));
    let brokers = alive(gathered).into_iter();
    let brokers = brokers.map(|id| (Resource::Broker(Some(id)), forget(RATES)));
    requests(gathered, brokers.chain(topics))
}

fn clears(gathered: &Gathered, asked: &Reassignment) -> bool {
    match asked.act {
        ReassignAct::Verify { preserve } => !preserve && !is_moving(gathered),
        ReassignAct::Cancel { preserve } => !preserve,
        _ => false,
    }
}

type Changes = (Resource, Vec<(String, Option<String>)>);

/// Settings of a broker are asked of that broker.
fn requests(gathered: &Gathered, changes: impl Iterator<Item = Changes>) -> Vec<(Target, Request)> {
    let brokers = || gathered.metadata.iter().flat_map(|metadata| &metadata.brokers);
    let placed = changes.filter_map(|(resource, changes)| {
        let target = match &resource {
            Resource::Broker(Some(id)) => Target::Node(brokers().find(|(known, _)| known == id)?.1),
            _ => Target::Any,
        };
        Some((target, Request::IncrementalAlterConfigs { resource, changes }))
    });
    placed.collect()
}

/// The request that begins or takes back; none if there is nothing to take back.
pub fn change(gathered: &Gathered, asked: &Reassignment) -> Vec<(Target, Request)> {
    let partitions: Vec<_> = match &asked.act {
        ReassignAct::Execute { .. } => {
            let all = asked.partitions.iter();
            all.map(|(key, replicas)| (key.clone(), Some(replicas.clone()))).collect()
        }
        ReassignAct::Cancel { .. } => {
            let all = partitions(gathered);
            let moving = |key: &&TopicPartition| {
                let found = all.iter().find(|(known, _)| known == *key);
                found.is_some_and(|(_, partition)| partition.reassignment.is_some())
            };
            let asked = asked.partitions.iter().map(|(key, _)| key).filter(moving);
            asked.map(|key| (key.clone(), None)).collect()
        }
        _ => Vec::new(),
    };
    match partitions.is_empty() {
        true => Vec::new(),
        false => vec![(Target::Any, Request::AlterPartitionReassignments { partitions })],
    }
}

fn racks(gathered: &Gathered, brokers: &[i32]) -> BTreeMap<i32, String> {
    let all = gathered.metadata.iter().flat_map(|metadata| &metadata.racks);
    let known = all.filter(|(id, _)| brokers.contains(id));
    known.map(|(id, rack)| (*id, rack.clone())).collect()
}

/// What the tool prints of.
pub fn answer(
    gathered: &Gathered,
    asked: &Reassignment,
    random: &mut Stream,
) -> Result<ReassignmentAnswer, ApiError> {
    let current = partitions(gathered);
    let mut proposed = Vec::new();
    if let ReassignAct::Generate { brokers, topics, rack_aware } = &asked.act {
        let racks = if *rack_aware { racks(gathered, brokers) } else { BTreeMap::new() };
        let mut brokers = alive(gathered);
        brokers.retain(|id| asked.names(*id));
        brokers.order();
        for topic in topics {
            let mut of_topic = current.iter().filter(|(key, _)| *key.topic == **topic);
            let count = of_topic.clone().count();
            let factor = of_topic.next().map_or(1, |(_, first)| first.replicas.len());
            if factor > brokers.len() {
                let sentence = format!(
                    "Replication factor: {factor} larger than available brokers: {}",
                    brokers.len()
                );
                return Err(ApiError {
                    name: "AdminCommandFailedException".into(),
                    ..ErrorCode::InvalidReplicationFactor.with(sentence)
                });
            }
            let mut draw = || random.below(brokers.len() as u64) as usize;
            let begins = (draw(), draw());
            let placed = shifted(&brokers, &racks, (0, count), factor, begins);
            let numbered = placed.into_iter().enumerate();
            proposed.extend(
                numbered.map(|(number, replicas)| {
                    (TopicPartition::new(topic, number as i32), replicas)
                }),
            );
        }
    }
    Ok(ReassignmentAnswer {
        brokers: alive(gathered),
        current,
        proposed,
        results: gathered.elections.clone(),
        cleared: clears(gathered, asked),
    })
}
