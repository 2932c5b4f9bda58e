//! What the tools make of what was gathered.

use super::job::Gathered;
use super::reassignment;
use crate::kafka::assignor::Assignor;
use crate::kafka::command::{
    Answer, ApiError, Ask, GroupDescription, GroupOffset, MemberDescription, NewOffset,
    PartitionDescription, ResetTo, TopicDescription,
};
use crate::kafka::config::BrokerConfig;
use crate::kafka::error::{ErrorCode, client_error};
use crate::kafka::event::TopicPartition;
use crate::kafka::message::response::{DescribedGroup, TopicMetadata};
use crate::kafka::metadata::Resource;
use crate::kafka::spec::Settings;
use crate::ordered::BTreeSet;
use crate::sim::{NodeId, Stream};
use std::rc::Rc;

fn topics(gathered: &Gathered) -> impl Iterator<Item = (&Rc<str>, &TopicMetadata)> {
    let all = gathered.metadata.iter().flat_map(|metadata| &metadata.topics);
    all.filter_map(|(name, found)| Some((name, found.as_ref().ok()?)))
}

fn topic<'a>(gathered: &'a Gathered, wanted: &str) -> Option<&'a TopicMetadata> {
    topics(gathered).find(|(name, _)| ***name == *wanted).map(|(_, found)| found)
}

/// Where the leader of a partition is.
pub fn leader_of(gathered: &Gathered, partition: &TopicPartition) -> Option<NodeId> {
    let found = topic(gathered, &partition.topic)?;
    let leader = found.partitions.get(partition.partition as usize)?.leader?;
    let brokers = &gathered.metadata.as_ref()?.brokers;
    brokers.iter().find(|(id, _)| *id == leader).map(|(_, node)| *node)
}

/// The topics that a description is about: those that were named, or all.
pub fn described_topics(gathered: &Gathered, ask: &Ask) -> Vec<Rc<str>> {
    if let Ask::DescribeConfigs { resource, .. } | Ask::AlterConfigs { resource, .. } = ask {
        let Resource::Topic(name) = resource else { return Vec::new() };
        return vec![name.as_str().into()];
    }
    match ask {
        Ask::DescribeTopics { .. } => topics(gathered).map(|(name, _)| name.clone()).collect(),
        _ => Vec::new(),
    }
}

/// The partitions that a group's members read or that were committed.
pub fn partitions_of_group(gathered: &Gathered) -> Vec<TopicPartition> {
    let members = gathered.group.iter().flat_map(|group| &group.members);
    let assigned = members.flat_map(|member| member.assignment.iter().cloned());
    let all: BTreeSet<_> = assigned.chain(gathered.committed.keys().cloned()).collect();
    all.into_iter().collect()
}

/// These partitions of a topic; all of them if none is named.
fn named_partitions(gathered: &Gathered, name: &str, numbers: &[i32]) -> Vec<TopicPartition> {
    let count = topic(gathered, name).map_or(0, |found| found.partitions.len() as i32);
    let wanted = (0..count).filter(|number| numbers.is_empty() || numbers.contains(number));
    wanted.map(|number| TopicPartition::new(name, number)).collect()
}

/// The partitions of which offsets are asked for.
pub fn partitions_in_question(gathered: &Gathered, ask: &Ask) -> Vec<TopicPartition> {
    match ask {
        Ask::ResetOffsets { topics, .. }
        | Ask::DeleteOffsets { topics, .. }
        | Ask::ListOffsets { topics, .. }
            if !topics.is_empty() =>
        {
            let each = topics.iter();
            each.flat_map(|(topic, numbers)| named_partitions(gathered, topic, numbers)).collect()
        }
        Ask::ListOffsets { internal, .. } => {
            let all = topics(gathered).filter(|(_, found)| *internal || !found.internal);
            all.flat_map(|(name, _)| named_partitions(gathered, name, &[])).collect()
        }
        Ask::ResetOffsets { .. } => gathered.committed.keys().cloned().collect(),
        _ => partitions_of_group(gathered),
    }
}

/// Says why a question cannot be answered, if that is known already.
pub fn check(gathered: &Gathered, ask: &Ask) -> Result<(), ApiError> {
    if let Ask::AlterConfigs { resource, changes } = ask
        && gathered.is_described
    {
        check_deletions(gathered, resource, changes)?;
    }
    if let Some(metadata) = &gathered.metadata {
        if let Ask::Reassign(asked) = ask {
            reassignment::check(gathered, asked)?;
        }
        if let Ask::DescribeConfigs { resource, all: false } = ask {
            check_resource(gathered, resource)?;
        }
        if let Ask::ResetOffsets { topics, .. } = ask {
            check_partitions(gathered, topics)?;
        }
        let named = matches!(
            ask,
            Ask::DescribeTopics { .. }
                | Ask::DescribeConfigs { .. }
                | Ask::AlterConfigs { .. }
                | Ask::ResetOffsets { .. }
                | Ask::DeleteOffsets { share: false, .. }
        );
        if let Some(error) =
            metadata.topics.iter().find_map(|(_, found)| found.as_ref().err()).filter(|_| named)
        {
            return Err(error.error());
        }
        if let Ask::ListOffsets { .. } = ask
            && partitions_in_question(gathered, ask).is_empty()
        {
            return Err(ErrorCode::UnknownTopicOrPartition.error());
        }
    }
    if ask.is_of_share() {
        return check_share_group(gathered, ask);
    }
    if let (Ask::ResetOffsets { group, .. }, Some(found)) = (ask, &gathered.group)
        && !matches!(&*found.state, "Empty" | "Dead")
    {
        return Err(client_error(
            "IllegalStateException",
            format!(
                "Assignments can only be reset if the group '{group}' is inactive, but the \
                 current state is {}.",
                found.state
            ),
        ));
    }
    Ok(())
}

/// The tool looks at a share group before it asks for anything.
fn check_share_group(gathered: &Gathered, ask: &Ask) -> Result<(), ApiError> {
    let Some(found) = &gathered.group else { return Ok(()) };
    match ask {
        Ask::DeleteGroup { group, .. } if !is_share(found) => {
            let sentence = format!("Group '{group}' is not a share group.");
            Err(ErrorCode::GroupIdNotFound.with(sentence))
        }
        Ask::DescribeGroup { group, .. } if !is_share(found) => {
            let sentence = format!("Group {group} is not a share group.");
            Err(ErrorCode::GroupIdNotFound.with(sentence))
        }
        Ask::DeleteGroup { group, .. } if found.state != "Empty" => {
            Err(ErrorCode::NonEmptyGroup.with(format!("Share group '{group}' is not EMPTY.")))
        }
        Ask::ResetOffsets { group, .. } if !matches!(&*found.state, "Empty" | "Dead") => {
            let sentence = format!("Share group '{group}' is not empty.");
            Err(client_error("IllegalArgumentException", sentence))
        }
        _ => Ok(()),
    }
}

fn is_share(group: &DescribedGroup) -> bool {
    group.is_modern && group.assignor == Assignor::Simple.name()
}

/// What `kafka-configs` says of a topic or a broker that there is not.
pub const NO_SUCH_RESOURCE: &str = "NoSuchResource";

fn check_resource(gathered: &Gathered, resource: &Resource) -> Result<(), ApiError> {
    let mut brokers = gathered.metadata.iter().flat_map(|known| &known.brokers);
    let what = match resource {
        Resource::Topic(name) if topic(gathered, name).is_none() => format!("topic '{name}'"),
        Resource::Broker(Some(id)) if !brokers.any(|(known, _)| known == id) => {
            format!("broker '{id}'")
        }
        _ => return Ok(()),
    };
    let sentence = format!("The {what} doesn't exist and doesn't have dynamic config.");
    Err(client_error(NO_SUCH_RESOURCE, sentence))
}

/// Those of the named partitions that there are not.
fn missing(gathered: &Gathered, name: &str, partitions: &[i32]) -> Vec<TopicPartition> {
    let count = topic(gathered, name).map_or(0, |found| found.partitions.len() as i32);
    let lacks = partitions.iter().filter(|number| !(0..count).contains(*number));
    lacks.map(|number| TopicPartition::new(name, *number)).collect()
}

/// The tool itself looks whether partitions exist that are named by their numbers.
fn check_partitions(gathered: &Gathered, topics: &[(String, Vec<i32>)]) -> Result<(), ApiError> {
    let missing = topics.iter().flat_map(|(topic, numbers)| missing(gathered, topic, numbers));
    let missing: Vec<String> = missing.map(|partition| partition.to_string()).collect();
    match missing.is_empty() {
        true => Ok(()),
        false => {
            let sentence = format!("The partitions \"{}\" do not exist", missing.join(","));
            Err(client_error("UnknownTopicOrPartitionException", sentence))
        }
    }
}

/// The tool forgets only what is set.
fn check_deletions(
    gathered: &Gathered,
    resource: &Resource,
    changes: &[(String, Option<String>)],
) -> Result<(), ApiError> {
    let none = Settings::new();
    let set = match resource {
        Resource::Topic(name) => gathered.configs.get(name.as_str()).unwrap_or(&none),
        Resource::Broker(Some(_)) => &gathered.broker.own,
        Resource::Broker(None) => &gathered.broker.default,
        Resource::Quota(of) => gathered.broker.quotas.get(of).unwrap_or(&none),
    };
    let deleted = changes.iter().filter(|(_, value)| value.is_none()).map(|(name, _)| &**name);
    let invalid: Vec<&str> = deleted.filter(|name| !set.contains_key(*name)).collect();
    match invalid.is_empty() {
        true => Ok(()),
        false => {
            let sentence = format!("Invalid config(s): {}", invalid.join(","));
            Err(client_error("InvalidConfigurationException", sentence))
        }
    }
}

/// The answer.
pub fn answer(gathered: &Gathered, ask: &Ask, random: &mut Stream) -> Result<Answer, ApiError> {
    Ok(match ask {
        Ask::CreateTopic { .. }
        | Ask::DeleteTopic { .. }
        | Ask::AddPartitions { .. }
        | Ask::AlterConfigs { .. }
        | Ask::DeleteGroup { .. } => Answer::Done,
        Ask::Reassign(asked) => {
            Answer::Reassignment(Box::new(reassignment::answer(gathered, asked, random)?))
        }
        Ask::DescribeConfigs { resource, .. } => {
            let own = match resource {
                Resource::Topic(name) => gathered.configs.get(name.as_str()).cloned(),
                Resource::Broker(_) | Resource::Quota(_) => None,
            };
            Answer::Configs(own.unwrap_or_default(), gathered.broker.clone())
        }
        Ask::ElectLeaders { .. } => Answer::Elections(gathered.elections.clone()),
        Ask::DeleteRecords { partitions } => {
            let found = partitions.iter().map(|(partition, _)| {
                let known = gathered.low_watermarks.iter().find(|(of, _)| of == partition);
                let missing = || Err(ErrorCode::UnknownTopicOrPartition.error());
                (partition.clone(), known.map_or_else(missing, |(_, result)| result.clone()))
            });
            Answer::LowWatermarks(found.collect())
        }
        Ask::DescribeTopics { .. } => Answer::Topics(describe_topics(gathered, ask)),
        Ask::ListTopics => {
            Answer::Names(topics(gathered).map(|(name, _)| name.to_string()).collect())
        }
        Ask::ListBrokers => {
            let brokers = gathered.metadata.iter().flat_map(|metadata| &metadata.brokers);
            let ids = brokers.map(|(id, _)| id.to_string());
            Answer::Names(ids.chain([String::new()]).collect())
        }
        Ask::Each { .. } => Answer::Done,
        Ask::ListGroups | Ask::ListShareGroups => Answer::Groups(gathered.groups.clone()),
        Ask::DeleteOffsets { topics: named, share, .. } => {
            let all = gathered.deleted.iter();
            let told = all.map(|(tp, outcome)| (tp.clone(), outcome.map_err(ErrorCode::error)));
            let lacking =
                named.iter().filter(|(name, _)| *share && topic(gathered, name).is_none());
            let unknown = |name: &str| {
                let missing = Err(ErrorCode::UnknownTopicOrPartition.error());
                (TopicPartition::new(name, -1), missing)
            };
            Answer::DeletedOffsets(told.chain(lacking.map(|(name, _)| unknown(name))).collect())
        }
        Ask::ListOffsets { time, .. } => {
            let found = gathered.offsets.get(time).into_iter().flatten();
            let found = found.map(|(tp, offset)| (tp.clone(), (*offset >= 0).then_some(*offset)));
            Answer::Offsets(found.collect())
        }
        Ask::DescribeGroup { group, lag, .. } => {
            Answer::Group(GroupDescription { shows_lag: *lag, ..describe_group(gathered, group)? })
        }
        Ask::ResetOffsets { .. } => Answer::Reset(reset_plan(gathered, ask)?),
        Ask::DescribeQuorum => match &gathered.quorum {
            Some(info) => Answer::Quorum(info.clone()),
            None => Answer::Done,
        },
        Ask::ZooKeeper { .. } => Answer::Done,
    })
}

fn describe_topics(gathered: &Gathered, ask: &Ask) -> Vec<TopicDescription> {
    let of_brokers = BrokerConfig::of(&gathered.broker.merged());
    let of_brokers = of_brokers.map(|config| config.topic_defaults).unwrap_or_default();
    let described = described_topics(gathered, ask).into_iter().filter_map(|name| {
        let found = topic(gathered, &name)?;
        let numbered = found.partitions.iter().enumerate();
        let partitions =
            numbered.map(|(number, found)| PartitionDescription::of(number as i32, found));
        // What brokers were told for all topics is no default either.
        let mut settings = of_brokers.clone();
        settings.extend(gathered.configs.get(&name).cloned().unwrap_or_default());
        Some(TopicDescription {
            id: found.id.to_string(),
            settings,
            partitions: partitions.collect(),
            topic: name.to_string(),
            knows_elr: gathered.metadata.as_ref().is_some_and(|known| known.knows_elr),
        })
    });
    described.collect()
}

fn describe_group(gathered: &Gathered, group: &str) -> Result<GroupDescription, ApiError> {
    let Some(found) = &gathered.group else {
        let sentence = format!("Consumer group '{group}' does not exist.");
        return Err(ErrorCode::GroupIdNotFound.with(sentence));
    };
    let ends = gathered.offsets.get(&-1);
    let offsets = partitions_of_group(gathered).into_iter().filter_map(|partition| {
        let end = *ends?.get(&partition)?;
        let owner = found.members.iter().find(|m| m.assignment.contains(&partition));
        Some(GroupOffset {
            committed: gathered.committed.get(&partition).copied(),
            epoch: gathered.epochs.get(&partition).copied(),
            done: gathered.done.get(&partition).copied().unwrap_or(0),
            end,
            member: owner.map(|owner| owner.member.to_string()),
            partition,
        })
    });
    let members = found.members.iter().map(|member| MemberDescription {
        member: member.member.to_string(),
        instance: member.instance.as_ref().map(|instance| instance.to_string()),
        client: member.client.to_string(),
        assignment: member.assignment.clone(),
        epoch: member.epoch,
        target: member.target.clone(),
    });
    Ok(GroupDescription {
        group: group.to_owned(),
        is_modern: found.is_modern,
        shows_lag: false,
        generation: found.generation,
        state: found.state.clone(),
        assignor: found.assignor.clone(),
        coordinator: gathered.coordinator.map_or(-1, |(id, _)| id),
        members: members.collect(),
        offsets: offsets.collect(),
    })
}

/// The offsets that a reset sets.
pub fn reset_plan(gathered: &Gathered, ask: &Ask) -> Result<Vec<NewOffset>, ApiError> {
    let Ask::ResetOffsets { to, .. } = ask else { return Ok(Vec::new()) };
    let offset_at = |time: i64, partition: &TopicPartition| {
        let found = gathered.offsets.get(&time)?.get(partition).copied();
        found.filter(|offset| *offset >= 0)
    };
    let mut plan = Vec::new();
    for partition in partitions_in_question(gathered, ask) {
        let (Some(start), Some(end)) = (offset_at(-2, &partition), offset_at(-1, &partition))
        else {
            return Err(ErrorCode::LeaderNotAvailable.error());
        };
        let asked = match to {
            ResetTo::Earliest => Some(start),
            ResetTo::Latest => Some(end),
            ResetTo::Offset(offset) => Some(*offset),
            ResetTo::ShiftBy(by) => match gathered.committed.get(&partition) {
                Some(committed) => Some(committed.saturating_add(*by)),
                None => {
                    return Err(client_error(
                        "IllegalArgumentException",
                        format!(
                            "Cannot shift offset for partition {partition} since there is no \
                             current committed offset"
                        ),
                    ));
                }
            },
            ResetTo::Time(time) => offset_at(*time, &partition),
            ResetTo::Planned(planned) => match planned.iter().find(|(_, of, _)| *of == partition) {
                Some((.., offset)) => Some(*offset),
                None => continue,
            },
            ResetTo::Current => Some(gathered.committed.get(&partition).copied().unwrap_or(end)),
            // An age has become a time before it was asked.
            ResetTo::Age(_) => Some(end),
        };
        // Where no record is late enough, the tool takes the end.
        let offset = asked.unwrap_or(end).clamp(start, end);
        plan.push(NewOffset { partition, offset, asked });
    }
    Ok(plan)
}
