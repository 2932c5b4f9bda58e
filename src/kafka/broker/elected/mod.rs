//! A broker that is the controller, as brokers were before KRaft.
//!
//! It was elected by being the first to make `/controller`. It reads all that ZooKeeper has of the
//! cluster ([`read`]), watches what others change there, and does one **affair** after the other:
//! it reads what it needs, decides ([`decide`], [`topics`]), writes states with the versions that
//! it knows, and then tells brokers ([`tell`]).
//!
//! Each write names the version of `/controller_epoch` that it began with: a controller whose
//! reign is over, because it was paused or cut off for longer than its session, cannot write any
//! more; and what it still says to brokers they refuse by its epoch.
//!
//! Each change of a partition by the controller counts its leader epoch up, also where only the ISR
//! shrinks.
//!
//! Simplified: preferred elections are asked for by a request alone.

pub mod by_hand;
pub mod decide;
pub mod read;
pub mod reassign;
pub mod tell;
pub mod topics;

use super::channel::Quorum;
use super::registry::Task;
use super::server::{Call, Server};
use super::znodes;
use crate::kafka::controller::ReplyTo;
use crate::kafka::event::{Event, TopicPartition};
use crate::kafka::message::{Control, Request, Response};
use crate::kafka::metadata::election::Election;
use crate::kafka::metadata::{Image, PartitionImage};
use crate::kafka::process::{Out, Timer};
use crate::kafka::zookeeper::{Op, Reply, WatchEvent, ZkError};
use crate::ordered::{BTreeMap, BTreeSet};
use crate::sim::Time;
use std::collections::VecDeque;
use std::rc::Rc;

/// Something that the controller sees to.
#[derive(Clone, Debug)]
pub enum Affair {
    /// Its reign begins: it reads everything.
    Begin,
    /// Brokers came or went.
    Brokers,
    /// Topics came.
    Topics,
    /// Topics are to go.
    Deletions,
    /// Leaders wrote ISRs.
    IsrChanges,
    /// A topic has more partitions.
    Grown(Rc<str>),
    /// Somebody else wrote the states of these partitions: they are read again.
    Again(Vec<TopicPartition>),
    /// Partitions without a leader may get one.
    Mend,
    /// A broker that stops, and the epoch of its life: it leads no more.
    Shutdown(ReplyTo, i32, i64),
    /// Elections by hand.
    Elect(ReplyTo, Election, Option<Vec<TopicPartition>>),
    /// Preferred replicas may lead again.
    Balance,
    /// Other replicas for these partitions; as they were before if `None`.
    Reassign(ReplyTo, Vec<(TopicPartition, Option<Vec<i32>>)>),
    /// Partitions whose replicas are to be others: they begin to move, or have moved already.
    Move {
        /// Which.
        partitions: Vec<TopicPartition>,
        /// Replicas that were on their way and are not wanted any more.
        unneeded: Vec<(TopicPartition, Vec<i32>)>,
        /// What is answered then.
        answer: Option<(ReplyTo, Response)>,
    },
    /// The states of partitions that move are others: all new replicas may be in sync.
    Moved(Vec<TopicPartition>),
    /// Somebody may have made the znode of reassignments.
    ByHand,
    /// Partitions are taken out of it.
    Strike(Vec<by_hand::Struck>),
    /// Topics whose partitions have moved: their replicas are written.
    Settle(Vec<Rc<str>>),
    /// A block of producer ids for a broker.
    ProducerIds(ReplyTo, i32),
    /// A request about topics.
    Admin(ReplyTo, Request),
}

/// What was decided: what is written, and what follows when it is.
#[derive(Clone, Debug, Default)]
pub struct Plan {
    /// New states of partitions, each by a write of its own.
    pub changes: Vec<(TopicPartition, PartitionImage)>,
    /// True if they are made and not changed.
    pub is_new: bool,
    /// Other writes.
    pub ops: Vec<Op>,
    /// What is answered then.
    pub answer: Option<(ReplyTo, Response)>,
    /// Who stops, and is answered with how much it still leads.
    pub shutdown: Option<(ReplyTo, i32)>,
    /// Topics that are gone then.
    pub gone: Vec<Rc<str>>,
    /// Replicas that are taken away then, each if the change of its partition was written.
    pub taken: Vec<(i32, TopicPartition)>,
}

/// What is under way.
#[derive(Clone, Debug)]
enum Busy {
    Reading { affair: Affair, left: usize, found: BTreeMap<Rc<str>, Reply> },
    Writing { left: usize, plan: Plan, done: Vec<Option<i32>> },
}

/// What the controller tells a broker, one thing after the other.
#[derive(Clone, Debug, Default)]
pub struct Channel {
    queue: VecDeque<Control>,
    is_under_way: bool,
    retry_at: Time,
}

/// A reign.
#[derive(Clone, Debug)]
pub struct Elected {
    /// Counts the reigns.
    pub epoch: i32,
    /// The version of `/controller_epoch` in it.
    version: i32,
    /// The cluster as it knows it. Partition epochs are versions of znodes.
    pub image: Image,
    affairs: VecDeque<Affair>,
    busy: Option<Busy>,
    shutting_down: BTreeSet<i32>,
    /// Who waits for topics to be made or to grow.
    awaited: Vec<(Rc<str>, ReplyTo, Response)>,
    /// Topics that are to go.
    deleting: BTreeSet<Rc<str>>,
    /// The transaction that made the znode of reassignments, if it is there.
    by_hand: Option<i64>,
    channels: BTreeMap<i32, Channel>,
}

impl Server {
    /// Its reign begins.
    pub(super) fn reign(&mut self, epoch: i32, version: i32, out: &mut Out<'_>) {
        let elected = Elected {
            epoch,
            version,
            image: Image::default(),
            affairs: VecDeque::new(),
            busy: None,
            shutting_down: BTreeSet::new(),
            awaited: Vec::new(),
            deleting: BTreeSet::new(),
            by_hand: None,
            channels: BTreeMap::new(),
        };
        let Some(registry) = self.registry() else { return };
        registry.elected = Some(Box::new(elected));
        let waiting = std::mem::take(&mut registry.waiting);
        out.emit(Event::ControllerElected { controller: self.id, epoch });
        out.timer(Timer::LeaderBalance, self.config.leader_balance_check);
        self.see_to(Affair::Begin, out);
        for (purpose, request) in waiting {
            self.ask_elected(ReplyTo::Own(purpose), request, out);
        }
    }

    /// Its reign is over, if there was one: who waits asks the next one.
    pub(super) fn abdicate(&mut self, out: &mut Out<'_>) {
        let Some(registry) = self.registry() else { return };
        let Some(elected) = registry.elected.take() else { return };
        out.cancel(Timer::LeaderBalance);
        let epoch = elected.epoch;
        out.emit(Event::ControllerResigned { controller: self.id, epoch });
        let mut left: Vec<ReplyTo> = Vec::new();
        left.extend(elected.awaited.into_iter().map(|(_, to, _)| to));
        let mut affairs: Vec<Affair> = elected.affairs.into_iter().collect();
        match elected.busy {
            Some(Busy::Reading { affair, .. }) => affairs.push(affair),
            Some(Busy::Writing { plan, .. }) => {
                left.extend(plan.answer.map(|(to, _)| to));
                left.extend(plan.shutdown.map(|(to, _)| to));
            }
            None => {}
        }
        left.extend(affairs.into_iter().filter_map(|affair| match affair {
            Affair::Shutdown(to, ..)
            | Affair::Elect(to, ..)
            | Affair::Reassign(to, _)
            | Affair::Move { answer: Some((to, _)), .. }
            | Affair::ProducerIds(to, _)
            | Affair::Admin(to, _) => Some(to),
            _ => None,
        }));
        for to in left {
            match to {
                // Its own questions are lost as those of others are that end with a connection.
                ReplyTo::Own(purpose) => self.answered(purpose, None, out),
                to => self.reply(to, Response::NotController(None), out),
            }
        }
    }

    pub(super) fn reply(&mut self, to: ReplyTo, response: Response, out: &mut Out<'_>) {
        match to {
            ReplyTo::Caller(call) => call.answer(response, out),
            ReplyTo::Own(purpose) => self.answered(purpose, Some(response), out),
            ReplyTo::Nobody => {}
        }
    }

    /// Somebody asks what only the controller can do. A broker asks the controller alone; what a
    /// client asks is handed on.
    pub(super) fn ask_reigning(&mut self, call: Call, request: Request, out: &mut Out<'_>) {
        let is_controller = self.elected().is_some();
        if is_controller {
            return self.ask_elected(ReplyTo::Caller(call), request, out);
        }
        match call.client.starts_with("broker-") {
            true => call.answer(Response::NotController(self.controller_node()), out),
            false => self.ask_controller(super::channel::Purpose::Forward(call), request, out),
        }
    }

    /// The controller is asked something.
    pub(super) fn ask_elected(&mut self, to: ReplyTo, request: Request, out: &mut Out<'_>) {
        let affair = match request {
            Request::ElectLeaders { election, partitions } => {
                Affair::Elect(to, election, partitions)
            }
            Request::AlterPartitionReassignments { partitions } => Affair::Reassign(to, partitions),
            Request::AllocateProducerIds { broker } => Affair::ProducerIds(to, broker),
            Request::ControlledShutdown { broker, epoch } => Affair::Shutdown(to, broker, epoch),
            Request::DescribeQuorum => {
                return self.reply(to, Response::DescribeQuorum(None), out);
            }
            request => Affair::Admin(to, request),
        };
        self.see_to(affair, out);
    }

    /// Sees to an affair when those before it are done.
    pub(super) fn see_to(&mut self, affair: Affair, out: &mut Out<'_>) {
        let Some(elected) = self.registry().and_then(|registry| registry.elected.as_mut()) else {
            return;
        };
        elected.affairs.push_back(affair);
        self.next_affair(out);
    }

    fn next_affair(&mut self, out: &mut Out<'_>) {
        let Quorum::ZooKeeper(registry) = &mut self.quorum else { return };
        let Some(elected) = &mut registry.elected else { return };
        if elected.busy.is_some() {
            return;
        }
        let Some(affair) = elected.affairs.pop_front() else { return };
        let reads = elected.reads_of(&affair);
        let left = reads.len();
        elected.busy = Some(Busy::Reading { affair, left, found: BTreeMap::new() });
        for (path, op) in reads {
            registry.ask(Task::Read(path), op);
        }
        if left == 0 {
            self.decide_now(out);
        }
    }

    /// Something that was read for an affair has come.
    pub(super) fn reign_read(
        &mut self,
        path: Rc<str>,
        result: Result<Reply, ZkError>,
        out: &mut Out<'_>,
    ) {
        let ways = self.config.ways;
        let Quorum::ZooKeeper(registry) = &mut self.quorum else { return };
        let Some(elected) = &mut registry.elected else { return };
        let Some(Busy::Reading { affair, left, found }) = &mut elected.busy else { return };
        *left -= 1;
        let mut more = Vec::new();
        if let Ok(reply) = result {
            more = read::reads_behind(&elected.image, (affair, ways), &path, &reply);
            *left += more.len();
            found.insert(path, reply);
        }
        let is_done = *left == 0;
        for (path, op) in more {
            registry.ask(Task::Read(path), op);
        }
        if is_done {
            self.decide_now(out);
        }
    }

    /// Everything is read: it decides, and writes.
    fn decide_now(&mut self, out: &mut Out<'_>) {
        let Quorum::ZooKeeper(registry) = &mut self.quorum else { return };
        let Some(elected) = &mut registry.elected else { return };
        let Some(Busy::Reading { affair, found, .. }) = elected.busy.take() else { return };
        // Somebody else reigns if its epoch was counted up.
        if let Some(Reply::Stat(stat)) = found.get(znodes::CONTROLLER_EPOCH)
            && stat.version != elected.version
        {
            return self.abdicate(out);
        }
        let plan = self.decide(affair, &found, out);
        let Quorum::ZooKeeper(registry) = &mut self.quorum else { return };
        let Some(elected) = &mut registry.elected else { return };
        let mut writes: Vec<Vec<Op>> = Vec::new();
        for (key, state) in &plan.changes {
            writes.push(topics::state_ops(key, state, elected.epoch, plan.is_new));
        }
        writes.extend(plan.ops.iter().map(|op| vec![op.clone()]));
        let left = writes.len();
        let version = elected.version;
        elected.busy = Some(Busy::Writing { left, done: vec![None; left], plan });
        for (index, ops) in writes.into_iter().enumerate() {
            let check = Op::Check { path: znodes::CONTROLLER_EPOCH.into(), version };
            let all = std::iter::once(check).chain(ops).collect();
            registry.ask(Task::Write(index), Op::Multi(all));
        }
        if left == 0 {
            self.all_written(out);
        }
    }

    /// A write is done, or was refused.
    pub(super) fn reign_wrote(
        &mut self,
        index: usize,
        result: Result<Reply, ZkError>,
        out: &mut Out<'_>,
    ) {
        let Some(elected) = self.registry().and_then(|registry| registry.elected.as_mut()) else {
            return;
        };
        let Some(Busy::Writing { left, done, .. }) = &mut elected.busy else { return };
        *left -= 1;
        done[index] = match result {
            // The version of what was written last.
            Ok(Reply::Multi(replies)) => Some(match replies.last() {
                Some(Reply::Stat(stat)) => stat.version,
                _ => 0,
            }),
            // Made by an earlier try of which the answer was lost, or gone by one.
            Err(ZkError::NodeExists | ZkError::NoNode) => Some(0),
            _ => None,
        };
        if *left == 0 {
            self.all_written(out);
        }
    }

    /// Everything that was decided is written, but for what others were faster with.
    fn all_written(&mut self, out: &mut Out<'_>) {
        let Some(elected) = self.registry().and_then(|registry| registry.elected.as_mut()) else {
            return;
        };
        let Some(Busy::Writing { plan, done, .. }) = elected.busy.take() else { return };
        let refused = plan.changes.iter().zip(&done).filter(|(_, version)| version.is_none());
        let refused: Vec<TopicPartition> = refused.map(|((key, _), _)| key.clone()).collect();
        if !refused.is_empty() {
            elected.affairs.push_front(Affair::Again(refused));
        }
        self.written(plan, &done, out);
        self.next_affair(out);
    }

    /// Something that the controller watches has changed.
    pub(super) fn reign_changed(&mut self, event: &WatchEvent, out: &mut Out<'_>) {
        let affair = match &*event.path {
            znodes::BROKER_IDS => Affair::Brokers,
            znodes::TOPICS => Affair::Topics,
            znodes::DELETIONS => Affair::Deletions,
            znodes::ISR_CHANGES => Affair::IsrChanges,
            znodes::REASSIGNMENTS => Affair::ByHand,
            path => match path.strip_prefix(znodes::TOPICS).and_then(|rest| rest.strip_prefix('/'))
            {
                Some(topic) if !topic.contains('/') => Affair::Grown(topic.into()),
                _ => match self.moving_by_state(path) {
                    Some(key) => Affair::Moved(vec![key]),
                    None => return,
                },
            },
        };
        self.see_to(affair, out);
    }

    /// The settings of a topic are others: it may allow unclean elections now.
    pub(super) fn reign_configured(&mut self, topic: &Rc<str>, out: &mut Out<'_>) {
        let settings = self.image.topics.get(topic).map(|topic| topic.settings.clone());
        let Some(elected) = self.registry().and_then(|registry| registry.elected.as_mut()) else {
            return;
        };
        if let (Some(found), Some(settings)) = (elected.image.topics.get_mut(topic), settings) {
            Rc::make_mut(found).settings = settings;
            self.see_to(Affair::Mend, out);
        }
    }

    /// From time to time preferred replicas lead again where too many do not.
    pub(super) fn reign_balance(&mut self, out: &mut Out<'_>) {
        out.timer(Timer::LeaderBalance, self.config.leader_balance_check);
        if self.config.auto_leader_rebalance {
            self.see_to(Affair::Balance, out);
        }
    }
}
