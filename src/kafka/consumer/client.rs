//! The consumer's process.

use super::commits::{Commits, PendingCommit};
use super::fetcher::{FetchedData, Held};
use super::handler::Thread;
use super::matched::Matched;
use super::membership::Membership;
use super::meters::Meters;
use super::positions::Positions;
use super::share::Share;
use super::streams::Streams;
use super::writer::Writer;
use crate::kafka::assignor::Assignor;
use crate::kafka::client::{ClientCore, CoreHeard};
use crate::kafka::command::{ApiError, Command, CrashPoint};
use crate::kafka::config::ConsumerConfig;
use crate::kafka::error::{ErrorCode, client_error};
use crate::kafka::event::{Event, InHands, TopicPartition};
use crate::kafka::message::Response;
use crate::kafka::process::{Out, Process};
use crate::kafka::spec::{CommitMode, ConsumerSpec, Reads};
use crate::kafka::streams::Topology;
use crate::kafka::transaction::TransactionClient;
use crate::ordered::{BTreeMap, BTreeSet};
use crate::sim::{Input, NodeId, Span, Time};
use std::collections::VecDeque;
use std::rc::Rc;

/// What an answer is for.
#[derive(Clone, Debug)]
pub enum Asked {
    /// The coordinator.
    Coordinator,
    /// To be a member.
    Join,
    /// The assignment.
    Sync,
    /// To stay a member.
    Heartbeat,
    /// Nothing that anybody waits for.
    Nothing,
    /// Committed offsets of these partitions.
    Committed(Vec<TopicPartition>),
    /// Where these partitions begin or end.
    Offsets(Vec<TopicPartition>),
    /// Where leader epochs end: the partitions with the leader epoch that was believed in.
    Epochs(Vec<(TopicPartition, i32)>),
    /// Records: the broker, and what was asked of it.
    Fetch(i32, Vec<(TopicPartition, i64)>),
    /// A commit.
    Commit(PendingCommit),
    /// A result, to be in the log.
    Write(TopicPartition),
    /// Something about a transaction.
    Transaction,
    /// Offsets, to count when a transaction is committed.
    TransactionOffsets,
    /// An internal topic of Kafka Streams.
    InternalTopic,
    /// Where the changelog of a store ends.
    StoreEnd(i32),
    /// Records of a share group, or the end of some: the broker, and whether records are wanted.
    Share(i32, bool),
    /// A producer id, for results.
    ProducerId,
    /// To be a member no more.
    Leave,
}

/// What an observer counts over all lives of a consumer; the program itself never looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Book {
    /// Records fetched.
    pub got: u64,
    /// Records processed.
    pub done: u64,
    /// Side effects.
    pub effects: u64,
}

/// How far the end has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Closing {
    /// The last commit is under way.
    Committing,
    /// The group is being left.
    Leaving,
}

/// A consumer.
#[derive(Clone, Debug)]
pub struct Consumer {
    pub(super) spec: Rc<ConsumerSpec>,
    bootstrap: Vec<NodeId>,
    pub(super) core: ClientCore<Asked>,
    pub(super) config: ConsumerConfig,
    pub(super) membership: Option<Membership>,
    pub(super) positions: Positions,
    /// Fetched records that `poll()` has not handed out.
    pub(super) buffer: VecDeque<FetchedData>,
    /// Partitions of which a leader is asked whether their position is right.
    pub(super) validating: BTreeSet<TopicPartition>,
    /// Brokers with a Fetch under way, since when.
    pub(super) fetching: BTreeMap<i32, Time>,
    /// What the last `poll()` handed out and is not handled yet; the first is in work.
    pub(super) batch: VecDeque<Held>,
    pub(super) thread: Thread,
    pub(super) commits: Commits,
    pub(super) book: Book,
    pub(super) meters: Meters,
    /// Records that this life has handled.
    pub(super) handled: u64,
    pub(super) closing: Option<Closing>,
    close_by: Time,
    finishes: bool,
    is_ready: bool,
    /// Where it is to die.
    crash_at: Option<CrashPoint>,
    pub(super) writer: Writer,
    pub(super) share: Share,
    pub(super) streams: Option<Streams>,
    pub(super) matched: Matched,
}

impl Consumer {
    /// A consumer that was not started yet; `bootstrap` is where it begins to ask.
    pub fn new(spec: ConsumerSpec, bootstrap: Vec<NodeId>) -> Consumer {
        // Whether the settings are right is said when it starts.
        let defaults = || ConsumerConfig::of(&BTreeMap::new()).expect("the defaults are right");
        let mut config = ConsumerConfig::of(&spec.settings).unwrap_or_else(|_| defaults());
        if spec.is_share {
            // It is led as a member of the consumer protocol is, towards shares of partitions.
            config.is_modern = true;
            config.remote_assignor = Some(Assignor::Simple);
        }
        let name: Rc<str> = spec.name.as_str().into();
        let mut core = ClientCore::new(name, config.network.clone(), bootstrap.clone());
        core.allow_auto_create = config.allow_auto_create;
        let group = spec.reads.group().map_or("", String::as_str);
        let streams = config.topology.as_ref().and_then(|t| Topology::parse(group, t).ok());
        let writes = spec.to.is_some() || streams.is_some();
        let transactional = config.transactional_id.clone().filter(|_| writes);
        let timeout = config.transaction_timeout;
        let writer = Writer::new(transactional.map(|id| TransactionClient::new(id, timeout)));
        let membership = spec.reads.group().map(|group| Membership::new(group, &config));
        let matched = Matched::by(&spec.reads);
        core.metadata.wants_all = matched.pattern.is_some();
        Consumer {
            spec: Rc::new(spec),
            bootstrap,
            core,
            membership,
            positions: Positions::default(),
            buffer: VecDeque::new(),
            validating: BTreeSet::new(),
            fetching: BTreeMap::new(),
            batch: VecDeque::new(),
            thread: Thread::Polling,
            commits: Commits::default(),
            book: Book::default(),
            meters: Meters::default(),
            handled: 0,
            closing: None,
            close_by: Time::NEVER,
            finishes: false,
            is_ready: false,
            crash_at: None,
            writer,
            share: Share::default(),
            streams: streams.map(|topology| Streams::new(topology.into())),
            matched,
            config,
        }
    }

    /// The same consumer freshly started: it knows only what was committed.
    pub fn restarted(&self) -> Consumer {
        let fresh = Consumer::new((*self.spec).clone(), self.bootstrap.clone());
        Consumer { book: self.book, ..fresh }
    }

    /// Its configuration.
    pub fn spec(&self) -> &ConsumerSpec {
        &self.spec
    }

    /// True once it knows where to read.
    pub fn is_ready(&self) -> bool {
        self.is_ready
    }

    /// What an observer counted.
    pub fn book(&self) -> Book {
        self.book
    }

    /// Records in its memory in the order in which it will work on them.
    pub fn held(&self) -> impl Iterator<Item = &Held> {
        self.batch.iter().chain(self.buffer.iter().flat_map(|data| &data.records))
    }

    /// The records of the last `poll()` that are not handled.
    pub fn in_hands(&self) -> Vec<InHands> {
        let held = self.batch.iter();
        held.filter_map(|h| Some((h.partition().clone(), h.offset, h.message?))).collect()
    }

    /// Bytes of records that its process can hold; `None` without limit.
    pub fn memory(&self) -> Option<u64> {
        self.config.memory
    }

    /// When its handler will be done with the record in work.
    pub fn busy_until(&self) -> Option<Time> {
        match self.thread {
            Thread::Working { until } => Some(until),
            Thread::Polling | Thread::Committing | Thread::Writing | Thread::Dead => None,
        }
    }

    /// `assignment()`: the partitions that it reads.
    pub fn assignment(&self) -> impl Iterator<Item = &TopicPartition> {
        self.positions.assigned()
    }

    /// `position()` of each partition it reads.
    pub fn positions(&self) -> impl Iterator<Item = (&TopicPartition, i64)> {
        self.positions.iter()
    }

    /// Takes one input.
    pub fn step(&mut self, input: Input<Process>, out: &mut Out<'_>) {
        match input {
            Input::Start => {
                if let Err(error) = ConsumerConfig::of(&self.spec.settings) {
                    return self.die(error, out);
                }
                self.start(out);
            }
            Input::Stop => self.close(out),
            Input::Timer(_) => self.core.woken(),
            Input::Message { from, body } => match self.core.hear(from, *body, out) {
                CoreHeard::Answer(asked, response) => self.answered(asked, Some(response), out),
                CoreHeard::Metadata => self.metadata_changed(out),
                CoreHeard::Nothing => {}
            },
            Input::Closed { peer } => {
                for asked in self.core.closed(peer, out) {
                    self.answered(asked, None, out);
                }
                self.coordinator_lost(peer);
            }
            Input::Command(command) => self.command(command, out),
            Input::Read { .. } | Input::Flushed { .. } => {}
        }
        self.pump(out);
    }

    fn start(&mut self, out: &mut Out<'_>) {
        self.core.begin(out);
        self.commits.begin(out.now() + self.config.auto_commit_interval);
        let topics: Vec<Rc<str>> = match &self.spec.reads {
            // The repartition topic is still to be made.
            Reads::Group { .. } if self.streams.is_some() => self.streams_topics(),
            Reads::Group { topics, .. } => topics.iter().map(|t| t.as_str().into()).collect(),
            Reads::Assigned { topic, .. } => vec![topic.as_str().into()],
            // They are found.
            Reads::Pattern { .. } => Vec::new(),
        };
        topics.iter().for_each(|topic| self.core.metadata.want(topic));
        if let Some(to) = &self.spec.to {
            self.core.metadata.want(&to.as_str().into());
        }
    }

    fn command(&mut self, command: Command, out: &mut Out<'_>) {
        match command {
            Command::Seek(partition, offset) => {
                self.positions.seek(&partition, offset);
                self.buffer.retain(|data| data.partition != partition);
            }
            Command::Commit(partition, offset) => {
                self.commit_by_command(partition, offset, out.now());
            }
            Command::CrashAt(point) => self.crash_at = Some(point),
            Command::Set { name, value } => self.set(name, value, out),
            Command::Send(_) | Command::Flush | Command::Ask(..) | Command::EndTransaction(_) => {}
        }
    }

    fn set(&mut self, name: String, value: String, out: &mut Out<'_>) {
        let mut spec = (*self.spec).clone();
        spec.settings.insert(name, value);
        match ConsumerConfig::of(&spec.settings) {
            Ok(config) => {
                self.config = config;
                self.spec = Rc::new(spec);
            }
            Err(error) => out.emit(Event::ClientError { client: self.core.name.clone(), error }),
        }
    }

    fn answered(&mut self, asked: Asked, response: Option<Response>, out: &mut Out<'_>) {
        match (asked, response) {
            (Asked::Fetch(broker, asked), response) => {
                self.fetch_answered(broker, asked, response, out);
            }
            (Asked::Committed(partitions), response) => {
                self.committed_answered(partitions, response, out);
            }
            (Asked::Offsets(partitions), response) => {
                self.offsets_answered(partitions, response, out);
            }
            (Asked::Epochs(partitions), response) => {
                self.epochs_answered(partitions, response, out);
            }
            (Asked::Commit(commit), response) => self.commit_answered(commit, response, out),
            (Asked::Write(partition), response) => self.write_answered(&partition, response, out),
            (Asked::Share(broker, wants), response) => {
                self.share_answered((broker, wants), response, out);
            }
            (Asked::Transaction, response) => self.transaction_answered(response, out),
            (Asked::TransactionOffsets, response) => {
                self.transaction_offsets_answered(response, out);
            }
            (Asked::InternalTopic, response) => self.internal_topic_answered(response, out),
            (Asked::StoreEnd(partition), response) => {
                self.store_end_answered(partition, response, out);
            }
            (Asked::ProducerId, response) => self.producer_id_answered(response, out),
            (Asked::Leave, _) => out.exit(),
            (Asked::Nothing, _) => {}
            (asked, response) => self.membership_answered(asked, response, out),
        }
    }

    fn metadata_changed(&mut self, out: &mut Out<'_>) {
        let invalid = |topic: &&Rc<str>| {
            matches!(self.core.metadata.topic(topic), Some(Err(ErrorCode::InvalidTopic)))
        };
        let invalid: Vec<String> =
            self.core.metadata.wanted().filter(invalid).map(ToString::to_string).collect();
        if !invalid.is_empty() {
            let sentence = format!("Invalid topics: [{}]", invalid.join(", "));
            return self.die(client_error("InvalidTopicException", sentence), out);
        }
        self.match_topics(out);
        self.assignment_changed();
    }

    pub(super) fn pump(&mut self, out: &mut Out<'_>) {
        for asked in self.core.expire(out) {
            self.answered(asked, None, out);
        }
        if self.thread == Thread::Dead {
            return;
        }
        self.core.pump(out);
        if self.closing.is_some() {
            return self.go_on_closing(out);
        }
        if self.prepares_streams() {
            let next = self.pump_streams(out);
            if self.prepares_streams() {
                return self.core.sleep(next, out);
            }
        }
        self.pump_restore(out);
        let thread = self.run_thread(out);
        if self.thread == Thread::Dead {
            return;
        }
        if self.closing.is_some() {
            return self.go_on_closing(out);
        }
        let membership = self.pump_membership(out);
        let positions = self.pump_positions(out);
        let renewals = self.pump_renewals(out);
        self.note_ready(out);
        let waits = |c: &Consumer| (c.thread == Thread::Committing, c.commits.is_preparing());
        let before = waits(self);
        let commits = self.pump_commits(out);
        if waits(self) != before && !self.commits.is_preparing() {
            // A commit that will not be made: who waited for it goes on.
            return self.pump(out);
        }
        let write = self.pump_write(out);
        let ends = |c: &Consumer| (c.thread, c.waits_for_transaction());
        let before = ends(self);
        let transaction = self.pump_transaction(out);
        if ends(self) != before {
            return self.pump(out);
        }
        let own = [membership, positions, renewals, thread, commits, write, transaction]
            .into_iter()
            .flatten()
            .min();
        self.core.sleep(own, out);
    }

    fn note_ready(&mut self, out: &mut Out<'_>) {
        let joined = self.membership.as_ref().is_none_or(Membership::is_stable);
        let mut topics = self.core.metadata.wanted();
        let all_there = topics.all(|topic| matches!(self.core.metadata.topic(topic), Some(Ok(_))));
        if !self.is_ready && joined && all_there && self.positions.are_known() {
            self.is_ready = true;
            out.emit(Event::ClientReady { client: self.core.name.clone() });
        }
    }

    /// An error that the application does not catch: it is reported, and the process ends. One
    /// that does closes its consumer first.
    pub(super) fn die(&mut self, error: ApiError, out: &mut Out<'_>) {
        out.emit(Event::ClientError { client: self.core.name.clone(), error });
        match self.config.closes {
            true => self.close(out),
            false => out.exit(),
        }
    }

    // ---- the end ----

    /// True if it was to die here: then it is dead, and must do nothing more.
    pub(super) fn dies_at(&mut self, point: CrashPoint, out: &mut Out<'_>) -> bool {
        if self.crash_at != Some(point) || self.thread == Thread::Dead {
            return self.thread == Thread::Dead;
        }
        self.thread = Thread::Dead;
        let (client, held) = (self.core.name.clone(), self.in_hands());
        out.emit(Event::ClientCrashed { client, at: point.name(), held });
        out.exit();
        true
    }

    /// `close()`: commits what was handled, leaves the group, ends.
    pub(super) fn close(&mut self, out: &mut Out<'_>) {
        if self.closing.is_some() {
            return;
        }
        /// `close()` waits so long for its requests.
        const CLOSE_TIMEOUT: Span = Span::seconds(30);
        self.close_by = out.now() + CLOSE_TIMEOUT;
        self.commits.forget();
        let commits = match self.spec.commit {
            CommitMode::Auto => self.config.auto_commit,
            CommitMode::Before | CommitMode::Never => false,
            // What is not committed in a transaction is not done.
            CommitMode::After(_) => self.writer.transaction.is_none(),
        };
        if self.spec.is_share {
            self.share_close(out);
        } else if commits && self.membership.is_some() {
            let offsets = self.offsets_handled();
            self.commits.at_close(offsets);
        }
        self.batch.clear();
        self.buffer.clear();
        self.writer.forget();
        self.abort_transaction();
        self.thread = Thread::Polling;
        self.closing = Some(Closing::Committing);
    }

    /// It has processed what it was to process.
    pub(super) fn finish(&mut self, out: &mut Out<'_>) {
        self.finishes = true;
        self.close(out);
    }

    fn go_on_closing(&mut self, out: &mut Out<'_>) {
        let membership = self.membership.as_ref();
        let is_member = membership.is_some_and(|m| !m.member.is_empty() && m.generation >= 0);
        if !is_member || out.now() >= self.close_by {
            return self.end(out);
        }
        if !membership.is_some_and(Membership::may_commit) {
            // In the middle of a rebalance nothing can be committed.
            self.commits.forget();
        }
        let next = self.pump_commits(out);
        if self.closes_transaction(out) {
            let own = [next, Some(self.close_by)].into_iter().flatten().min();
            return self.core.sleep(own, out);
        }
        if self.closing == Some(Closing::Committing) && self.commits.is_empty() {
            self.closing = Some(Closing::Leaving);
            if self.finishes {
                self.finishes = false;
                out.emit(Event::ClientFinished { client: self.core.name.clone() });
            }
            if !self.leave_group(out) {
                return out.exit();
            }
        }
        let own = [next, Some(self.close_by)].into_iter().flatten().min();
        self.core.sleep(own, out);
    }

    fn end(&mut self, out: &mut Out<'_>) {
        if self.finishes {
            out.emit(Event::ClientFinished { client: self.core.name.clone() });
        }
        out.exit();
    }
}
