//! One question: which request comes next, and what its answer means.

use super::answers;
use crate::kafka::command::{Answer, ApiError, Ask, GroupListing, GroupType, ReassignAct, ResetTo};
use crate::kafka::error::ErrorCode;
use crate::kafka::event::TopicPartition;
use crate::kafka::group::share_records::StateBatch;
use crate::kafka::message::response::{BrokerSettings, DescribedGroup, Metadata, QuorumInfo};
use crate::kafka::message::{Request, Response};
use crate::kafka::spec::Settings;
use crate::ordered::{BTreeMap, Order};
use crate::sim::{NodeId, Stream};
use std::rc::Rc;

mod requests;

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
