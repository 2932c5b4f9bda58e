//! The requests of each step of a question.

use super::{Job, Stage, Target};
use crate::kafka::admin::{answers, reassignment};
use crate::kafka::command::Ask;
use crate::kafka::event::TopicPartition;
use crate::kafka::message::Request;
use crate::kafka::message::request::{OffsetAndEpoch, OffsetCommit};
use crate::kafka::metadata::Resource;
use crate::ordered::BTreeMap;
use crate::sim::NodeId;
use std::rc::Rc;

impl Job {
    /// The requests of a step; none, if it has nothing to ask.
    pub(super) fn requests_of(&self, stage: Stage) -> Vec<(Target, Request)> {
        let coordinator = self.gathered.coordinator.map_or(Target::Any, |(_, n)| Target::Node(n));
        let group: Rc<str> = match &self.ask {
            Ask::DescribeGroup { group, .. }
            | Ask::ResetOffsets { group, .. }
            | Ask::DeleteOffsets { group, .. }
            | Ask::DeleteGroup { group, .. } => group.as_str().into(),
            _ => "".into(),
        };
        match stage {
            Stage::Change => match &self.ask {
                Ask::Reassign(asked) => reassignment::change(&self.gathered, asked),
                Ask::AlterConfigs { .. } => vec![(self.configured_at(), self.change(group))],
                _ => vec![(coordinator, self.change(group))],
            },
            Stage::Throttle | Stage::Unthrottle => {
                let Ask::Reassign(asked) = &self.ask else { return Vec::new() };
                match stage {
                    Stage::Throttle => reassignment::throttle(&self.gathered, asked),
                    _ => reassignment::clear(&self.gathered, asked),
                }
            }
            Stage::Topics => {
                let request =
                    Request::Metadata { topics: self.topics_to_ask(), allow_auto_create: false };
                vec![(Target::Any, request)]
            }
            Stage::Configs => {
                let topics = answers::described_topics(&self.gathered, &self.ask);
                vec![(self.configured_at(), Request::DescribeConfigs { topics })]
            }
            // Each broker knows the groups that it coordinates.
            Stage::Groups => {
                let brokers = self.gathered.metadata.iter().flat_map(|known| &known.brokers);
                brokers.map(|(_, node)| (Target::Node(*node), Request::ListGroups)).collect()
            }
            // Each broker knows what it keeps as share coordinator.
            Stage::ShareStates => {
                let brokers = self.gathered.metadata.iter().flat_map(|known| &known.brokers);
                let ask = || Request::DescribeShareGroupOffsets { group: group.clone() };
                brokers.map(|(_, node)| (Target::Node(*node), ask())).collect()
            }
            Stage::Coordinator => vec![(Target::Any, Request::FindCoordinator { group })],
            Stage::Group => vec![(coordinator, Request::DescribeGroups { group })],
            Stage::Committed => {
                vec![(coordinator, {
                    let (partitions, require_stable) = (None, false);
                    Request::OffsetFetch { group, partitions, require_stable }
                })]
            }
            Stage::Offsets(time) => self.offset_requests(time),
            Stage::Records => self.delete_requests(),
            Stage::Commit if self.ask.is_of_share() => {
                let deletes = matches!(self.ask, Ask::DeleteGroup { .. });
                let starts: Vec<(TopicPartition, Option<i64>)> = match deletes {
                    true => self.gathered.committed.keys().map(|tp| (tp.clone(), None)).collect(),
                    false => self.plan.iter().map(|(tp, at)| (tp.clone(), Some(*at))).collect(),
                };
                match starts.is_empty() {
                    true => Vec::new(),
                    false => vec![(coordinator, Request::AlterShareGroupOffsets { group, starts })],
                }
            }
            Stage::Commit => {
                let commit = OffsetCommit {
                    group,
                    member: "".into(),
                    instance: None,
                    generation: -1,
                    offsets: self
                        .plan
                        .iter()
                        .map(|(tp, offset)| {
                            (tp.clone(), OffsetAndEpoch { offset: *offset, epoch: -1 })
                        })
                        .collect(),
                };
                vec![(coordinator, Request::OffsetCommit(commit))]
            }
        }
    }

    /// Settings of one broker are asked of that broker. One that is not there is waited for.
    fn configured_at(&self) -> Target {
        match &self.ask {
            Ask::AlterConfigs { resource: Resource::Broker(Some(id)), .. }
            | Ask::DescribeConfigs { resource: Resource::Broker(Some(id)), .. } => {
                let mut brokers = self.gathered.metadata.iter().flat_map(|known| &known.brokers);
                brokers
                    .find(|(known, _)| known == id)
                    .map_or(Target::Nobody, |(_, node)| Target::Node(*node))
            }
            _ => Target::Any,
        }
    }

    fn change(&self, group: Rc<str>) -> Request {
        match &self.ask {
            Ask::CreateTopic { topic, partitions, replication_factor, assignment, settings } => {
                Request::CreateTopics {
                    topic: topic.as_str().into(),
                    partitions: partitions.unwrap_or(-1),
                    replication_factor: replication_factor.unwrap_or(-1),
                    assignment: assignment.clone(),
                    settings: settings.clone(),
                }
            }
            Ask::DeleteTopic { topic } => Request::DeleteTopics { topic: topic.as_str().into() },
            Ask::AddPartitions { topic, partitions } => {
                Request::CreatePartitions { topic: topic.as_str().into(), count: *partitions }
            }
            Ask::AlterConfigs { resource, changes } => Request::IncrementalAlterConfigs {
                resource: resource.clone(),
                changes: changes.clone(),
            },
            Ask::ElectLeaders { election, partitions } => {
                Request::ElectLeaders { election: *election, partitions: partitions.clone() }
            }
            Ask::DeleteOffsets { share, .. } => {
                let partitions = answers::partitions_in_question(&self.gathered, &self.ask);
                if *share {
                    let starts = partitions.into_iter().map(|partition| (partition, None));
                    return Request::AlterShareGroupOffsets { group, starts: starts.collect() };
                }
                Request::OffsetDelete { group, partitions }
            }
            Ask::DescribeQuorum => Request::DescribeQuorum,
            _ => Request::DeleteGroups { group },
        }
    }

    fn topics_to_ask(&self) -> Option<Vec<Rc<str>>> {
        let one = |topic: &str| Some(vec![Rc::from(topic)]);
        match &self.ask {
            Ask::DescribeTopics { topics } if !topics.is_empty() => {
                Some(topics.iter().map(|topic| topic.as_str().into()).collect())
            }
            Ask::DescribeConfigs { resource, .. } | Ask::AlterConfigs { resource, .. } => {
                match resource {
                    Resource::Topic(name) => one(name),
                    Resource::Broker(_) | Resource::Quota(_) => Some(Vec::new()),
                }
            }
            Ask::ResetOffsets { topics, .. }
            | Ask::DeleteOffsets { topics, .. }
            | Ask::ListOffsets { topics, .. }
                if !topics.is_empty() =>
            {
                Some(topics.iter().map(|(topic, _)| topic.as_str().into()).collect())
            }
            Ask::DeleteRecords { partitions } => {
                let mut topics: Vec<Rc<str>> =
                    partitions.iter().map(|(partition, _)| partition.topic.clone()).collect();
                topics.dedup();
                Some(topics)
            }
            Ask::DescribeGroup { share: false, .. } | Ask::ResetOffsets { share: false, .. } => {
                let mut topics: Vec<Rc<str>> = answers::partitions_of_group(&self.gathered)
                    .into_iter()
                    .map(|partition| partition.topic)
                    .collect();
                topics.dedup();
                Some(topics)
            }
            _ => None,
        }
    }

    /// One ListOffsets for each leader of the partitions in question.
    fn offset_requests(&self, time: i64) -> Vec<(Target, Request)> {
        let known = self.gathered.offsets.get(&time);
        let mut by_node: BTreeMap<NodeId, Vec<(TopicPartition, i64)>> = BTreeMap::new();
        for partition in answers::partitions_in_question(&self.gathered, &self.ask) {
            let asked = known.is_some_and(|known| known.contains_key(&partition));
            if let Some(node) = answers::leader_of(&self.gathered, &partition)
                && !asked
            {
                by_node.entry(node).or_default().push((partition, time));
            }
        }
        let requests = by_node.into_iter().map(|(node, partitions)| {
            let (from_replica, read_committed) = (false, false);
            let request = Request::ListOffsets { from_replica, read_committed, partitions };
            (Target::Node(node), request)
        });
        requests.collect()
    }

    /// One DeleteRecords for each leader of what is not answered yet.
    fn delete_requests(&self) -> Vec<(Target, Request)> {
        let Ask::DeleteRecords { partitions } = &self.ask else { return Vec::new() };
        let mut by_node: BTreeMap<NodeId, Vec<(TopicPartition, i64)>> = BTreeMap::new();
        for (partition, offset) in partitions {
            let asked = self.gathered.low_watermarks.iter().any(|(known, _)| known == partition);
            if let Some(node) = answers::leader_of(&self.gathered, partition)
                && !asked
            {
                by_node.entry(node).or_default().push((partition.clone(), *offset));
            }
        }
        let requests = by_node
            .into_iter()
            .map(|(node, partitions)| (Target::Node(node), Request::DeleteRecords { partitions }));
        requests.collect()
    }
}
