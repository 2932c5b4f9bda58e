//! One question: which request comes next, and what its answer means.

use super::{answers, reassignment};
use crate::kafka::command::{Answer, ApiError, Ask, GroupListing, GroupType, ReassignAct, ResetTo};
use crate::kafka::error::ErrorCode;
use crate::kafka::event::TopicPartition;
use crate::kafka::group::share_records::StateBatch;
use crate::kafka::message::request::{OffsetAndEpoch, OffsetCommit};
use crate::kafka::message::response::{BrokerSettings, DescribedGroup, Metadata, QuorumInfo};
use crate::kafka::message::{Request, Response};
use crate::kafka::metadata::Resource;
use crate::kafka::spec::Settings;
use crate::ordered::{BTreeMap, Order};
use crate::sim::{NodeId, Stream};
use std::rc::Rc;

/// Whom to ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// Any broker; it hands on what is for the controller.
    Any,
    /// This one.
    Node(NodeId),
    /// One that is not there: it may come.
    Nobody,
}

/// What comes next.
#[derive(Debug)]
pub enum Step {
    /// These requests, all at once.
    Send(Vec<(Target, Request)>),
    /// The answer.
    Done(Result<Answer, ApiError>),
}

/// Why a request failed.
#[derive(Debug)]
pub struct Failure {
    /// True if the same may be tried again.
    pub is_passing: bool,
    /// What it was.
    pub error: ApiError,
}

impl From<ErrorCode> for Failure {
    fn from(code: ErrorCode) -> Failure {
        Failure { is_passing: code.is_retriable(), error: code.error() }
    }
}

/// A request of a question that takes several.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Change,
    Topics,
    Configs,
    Throttle,
    Unthrottle,
    Groups,
    Coordinator,
    Group,
    Committed,
    ShareStates,
    Offsets(i64),
    Records,
    Commit,
}

/// Everything that the answers brought.
#[derive(Clone, Debug, Default)]
pub struct Gathered {
    /// Topics and brokers.
    pub metadata: Option<Metadata>,
    /// Settings by topic.
    pub configs: BTreeMap<Rc<str>, Settings>,
    /// Settings of the broker that was asked.
    pub broker: Box<BrokerSettings>,
    /// True once settings were asked for.
    pub is_described: bool,
    /// How many changes of settings are made.
    pub configured: usize,
    /// Groups by id.
    pub groups: Vec<GroupListing>,
    /// How many brokers have said which groups they coordinate.
    pub listed: usize,
    /// What became of each offset that was to be forgotten.
    pub deleted: Vec<(TopicPartition, Result<(), ErrorCode>)>,
    /// The coordinator's broker id and place.
    pub coordinator: Option<(i32, NodeId)>,
    /// The group; `None` if it is not known.
    pub group: Option<DescribedGroup>,
    /// What it committed, or where it begins if it is a share group.
    pub committed: BTreeMap<TopicPartition, i64>,
    /// The leader's epoch of each of them, if it is known.
    pub epochs: BTreeMap<TopicPartition, i64>,
    /// Of a share group: how many records are done behind where it begins.
    pub done: BTreeMap<TopicPartition, i64>,
    /// The quorum of the controllers.
    pub quorum: Option<QuorumInfo>,
    /// What became of elections.
    pub elections: Vec<(TopicPartition, Result<(), ApiError>)>,
    /// The first offsets that are left.
    pub low_watermarks: Vec<(TopicPartition, Result<i64, ApiError>)>,
    /// Offsets by the time that was asked for.
    pub offsets: BTreeMap<i64, BTreeMap<TopicPartition, i64>>,
}

/// A question.
#[derive(Clone, Debug)]
pub struct Job {
    ask: Ask,
    stages: Vec<Stage>,
    at: usize,
    requests: usize,
    gathered: Gathered,
    /// What a reset sets.
    plan: Vec<(TopicPartition, i64)>,
    random: Stream,
    failed: Option<ApiError>,
}

impl Job {
    /// A question that nothing was done about yet.
    pub fn new(ask: Ask, random: Stream) -> Job {
        use Stage::*;
        let stages = match &ask {
            Ask::CreateTopic { .. }
            | Ask::DeleteTopic { .. }
            | Ask::AddPartitions { .. }
            | Ask::ElectLeaders { .. }
            | Ask::DescribeQuorum => vec![Change],
            Ask::AlterConfigs { .. } => vec![Topics, Configs, Change],
            Ask::DescribeConfigs { .. } => vec![Topics, Configs],
            Ask::Reassign(asked) => match asked.act {
                ReassignAct::Execute { .. } => vec![Topics, Throttle, Change],
                ReassignAct::Cancel { .. } => vec![Topics, Change, Unthrottle],
                ReassignAct::Verify { .. } => vec![Topics, Unthrottle],
                ReassignAct::List | ReassignAct::Generate { .. } => vec![Topics],
            },
            Ask::DeleteRecords { .. } => vec![Topics, Records],
            Ask::DescribeTopics { .. } => vec![Topics, Configs],
            Ask::ListTopics | Ask::ListBrokers => vec![Topics],
            Ask::ListOffsets { time, .. } => vec![Topics, Offsets(*time)],
            Ask::ListGroups | Ask::ListShareGroups => vec![Topics, Groups],
            Ask::DescribeGroup { share: true, .. } => {
                vec![Coordinator, Group, Topics, ShareStates, Offsets(-1)]
            }
            Ask::DescribeGroup { .. } => vec![Coordinator, Group, Committed, Topics, Offsets(-1)],
            Ask::ResetOffsets { to, execute, share, .. } => {
                let mut stages = match share {
                    true => vec![Coordinator, Group, Topics, ShareStates],
                    false => vec![Coordinator, Group, Committed, Topics],
                };
                stages.extend([Offsets(-2), Offsets(-1)]);
                if let ResetTo::Time(time) = to {
                    stages.push(Offsets(*time));
                }
                if *execute {
                    stages.push(Commit);
                }
                stages
            }
            // It is taken apart before.
            Ask::Each { .. } => Vec::new(),
            // What is kept of a share group's partitions goes before it.
            Ask::DeleteGroup { share: true, .. } => {
                vec![Coordinator, Group, Topics, ShareStates, Commit, Change]
            }
            Ask::DeleteGroup { .. } => vec![Coordinator, Change],
            // The admin client has a session for it.
            Ask::ZooKeeper { .. } => Vec::new(),
            Ask::DeleteOffsets { .. } => vec![Coordinator, Topics, Change],
        };
        let (gathered, plan) = (Gathered::default(), Vec::new());
        Job { ask, stages, at: 0, requests: 0, gathered, plan, random, failed: None }
    }

    /// The name of the real client's call, as its timeouts print it.
    pub fn call(&self) -> &'static str {
        match &self.ask {
            Ask::CreateTopic { .. } => "createTopics",
            Ask::DeleteTopic { .. } => "deleteTopics",
            Ask::AddPartitions { .. } => "createPartitions",
            Ask::DescribeTopics { .. } => "describeTopics",
            Ask::ListTopics => "listTopics",
            Ask::ListBrokers => "listNodes",
            Ask::ListOffsets { .. } => "listOffsets",
            Ask::AlterConfigs { .. } => "incrementalAlterConfigs",
            Ask::DescribeConfigs { .. } => "describeConfigs",
            Ask::Reassign(_) => "listPartitionReassignments",
            Ask::ElectLeaders { .. } => "electLeaders",
            Ask::DeleteRecords { .. } => "deleteRecords",
            Ask::ListGroups | Ask::ListShareGroups | Ask::Each { .. } => "findAllBrokers",
            Ask::DescribeGroup { share: true, .. } => "describeShareGroups",
            Ask::DescribeGroup { .. } => "describeConsumerGroups",
            Ask::ResetOffsets { share: true, .. } => "alterShareGroupOffsets",
            Ask::ResetOffsets { .. } => "alterConsumerGroupOffsets",
            Ask::DeleteGroup { share: true, .. } => "deleteShareGroups",
            Ask::DeleteGroup { .. } => "deleteConsumerGroups",
            Ask::DeleteOffsets { share: true, .. } => "deleteShareGroupOffsets",
            Ask::DeleteOffsets { .. } => "deleteConsumerGroupOffsets",
            Ask::DescribeQuorum => "describeMetadataQuorum",
            Ask::ZooKeeper { .. } => "zookeeper",
        }
    }

    /// True for a question about settings.
    pub fn is_of_configs(&self) -> bool {
        matches!(self.ask, Ask::DescribeConfigs { .. } | Ask::AlterConfigs { .. })
    }

    /// How many requests the present step has.
    pub fn requests(&self) -> usize {
        self.requests
    }

    /// The present step is tried again. If the coordinator may be another one, it is asked for
    /// anew.
    pub fn again(&mut self) {
        if matches!(self.stages.get(self.at), Some(Stage::Group | Stage::Committed | Stage::Commit))
        {
            self.at = 0;
        }
        if self.stages.get(self.at) == Some(&Stage::ShareStates) {
            (self.at, self.gathered.listed) = (self.at - 1, 0);
        }
        if self.stages.get(self.at) == Some(&Stage::Groups) {
            // Brokers may have come or gone.
            self.gathered.configured = 0;
            (self.at, self.gathered.listed) = (0, 0);
            self.gathered.groups.clear();
        }
    }

    /// It cannot be answered: that is its answer.
    pub fn fail(&mut self, error: ApiError) {
        self.failed = Some(error);
    }

    /// What comes next.
    pub fn next_step(&mut self) -> Step {
        if let Some(error) = self.failed.take() {
            return Step::Done(Err(error));
        }
        loop {
            let Some(stage) = self.stages.get(self.at).copied() else {
                return Step::Done(self.answer());
            };
            if stage == Stage::Commit
                && let Err(error) = self.make_plan()
            {
                return Step::Done(Err(error));
            }
            let requests = self.requests_of(stage);
            if !requests.is_empty() {
                self.requests = requests.len();
                return Step::Send(requests);
            }
            self.at += 1;
        }
    }

    fn requests_of(&self, stage: Stage) -> Vec<(Target, Request)> {
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
                    Resource::Broker(_) | Resource::Client(_) | Resource::User(_) => {
                        Some(Vec::new())
                    }
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

    /// Takes an answer of the present step.
    pub fn take(&mut self, response: Response) -> Result<(), Failure> {
        let stage = self.stages.get(self.at).copied();
        let gathered = &mut self.gathered;
        match response {
            Response::CreateTopics(result)
            | Response::DeleteTopics(result)
            | Response::CreatePartitions(result) => {
                result.map_err(|error| Failure { is_passing: false, error })?;
            }
            Response::IncrementalAlterConfigs(result) => {
                result.map_err(|error| Failure { is_passing: false, error })?;
                gathered.configured += 1;
                if gathered.configured < self.requests {
                    return Ok(());
                }
                gathered.configured = 0;
            }
            Response::DeleteGroups(result) => result?,
            Response::OffsetDelete(result) => gathered.deleted = result?,
            Response::Metadata(metadata) => gathered.metadata = Some(metadata),
            Response::DescribeConfigs(broker, configs) => {
                gathered.configs = configs.into_iter().collect();
                gathered.broker = broker;
                gathered.is_described = true;
            }
            Response::ListGroups(groups) => {
                // Share groups have a tool of their own.
                let shares = matches!(self.ask, Ask::ListShareGroups);
                let asked = groups?
                    .into_iter()
                    .filter(|(_, kind, _)| (*kind == GroupType::Share) == shares);
                gathered.groups.extend(asked.map(|(group, kind, state)| GroupListing {
                    group: group.to_string(),
                    kind,
                    state,
                }));
                gathered.listed += 1;
                if gathered.listed < self.requests {
                    return Ok(());
                }
                gathered.groups.order_by_key(|listing| listing.group.clone());
            }
            Response::FindCoordinator(found) => gathered.coordinator = Some(found?),
            Response::DescribeGroups(Err(ErrorCode::GroupIdNotFound)) => gathered.group = None,
            Response::DescribeGroups(found) => gathered.group = Some(found?),
            Response::OffsetFetch(committed) => {
                for (partition, found) in committed? {
                    if found.epoch >= 0 {
                        gathered.epochs.insert(partition.clone(), i64::from(found.epoch));
                    }
                    gathered.committed.insert(partition, found.offset);
                }
            }
            Response::DescribeShareGroupOffsets(states) => {
                for (partition, state) in states? {
                    let is_done = |batch: &&StateBatch| matches!(batch.state, 2 | 4);
                    let done = state.batches.iter().filter(is_done);
                    let done = done.map(|batch| batch.last - batch.first + 1).sum();
                    gathered.done.insert(partition.clone(), done);
                    gathered.epochs.insert(partition.clone(), i64::from(state.leader_epoch));
                    gathered.committed.insert(partition, state.start);
                }
                gathered.listed += 1;
                if gathered.listed < self.requests {
                    return Ok(());
                }
                gathered.listed = 0;
            }
            Response::AlterShareGroupOffsets(results) => {
                let results = results?;
                if !matches!(self.ask, Ask::DeleteOffsets { .. }) {
                    results.into_iter().try_for_each(|(_, result)| result)?;
                } else {
                    gathered.deleted = results;
                }
            }
            Response::ListOffsets(results) => {
                let Some(Stage::Offsets(time)) = stage else { return Ok(()) };
                let known = gathered.offsets.entry(time).or_default();
                for (partition, result) in results {
                    known.insert(partition, result?);
                }
                // Another leader may still owe its part: the step ends when nothing is left to ask.
                return Ok(());
            }
            Response::ElectLeaders(results) | Response::AlterPartitionReassignments(results) => {
                gathered.elections = results;
            }
            Response::DescribeQuorum(Some(info)) => gathered.quorum = Some(info),
            Response::DescribeQuorum(None) => {
                let error = ApiError {
                    code: 35,
                    name: "UNSUPPORTED_VERSION".to_owned(),
                    sentence: "The node does not support DESCRIBE_QUORUM".to_owned(),
                };
                return Err(Failure { is_passing: false, error });
            }
            Response::DeleteRecords(results) => {
                for (partition, result) in results {
                    let known = result.map_err(ErrorCode::error);
                    gathered.low_watermarks.push((partition, known));
                }
                return Ok(());
            }
            Response::OffsetCommit(results) => {
                results.into_iter().try_for_each(|(_, result)| result)?;
            }
            _ => return Ok(()),
        }
        self.at += 1;
        self.check()
    }

    /// What was gathered may already show that the question cannot be answered.
    fn check(&mut self) -> Result<(), Failure> {
        answers::check(&self.gathered, &self.ask)
            .map_err(|error| Failure { is_passing: false, error })
    }

    fn make_plan(&mut self) -> Result<(), ApiError> {
        let plan = answers::reset_plan(&self.gathered, &self.ask)?;
        self.plan = plan.into_iter().map(|new| (new.partition, new.offset)).collect();
        Ok(())
    }

    fn answer(&mut self) -> Result<Answer, ApiError> {
        answers::answer(&self.gathered, &self.ask, &mut self.random)
    }
}
