//! What a broker asks of others: of the controller, and of the leaders that it follows.

use super::registry::Registry;
use super::server::{Call, Server};
use crate::kafka::client::backoff::backoff;
use crate::kafka::client::{Connections, Heard};
use crate::kafka::config::producer::NetworkConfig;
use crate::kafka::controller::snapshots::Snapshots;
use crate::kafka::controller::{Controller, ReplyTo};
use crate::kafka::error::ErrorCode;
use crate::kafka::event::TopicPartition;
use crate::kafka::log::Log;
use crate::kafka::message::request::{Fetch, FetchPartition};
use crate::kafka::message::{KafkaMessage, Request, Response, TransactionResponse};
use crate::kafka::metadata::{METADATA_TOPIC, SnapshotId};
use crate::kafka::process::{Out, Timer};
use crate::sim::{NodeId, Span, Time};
use std::collections::VecDeque;
use std::rc::Rc;

/// What a broker asked something for.
#[derive(Clone, Debug)]
pub enum Purpose {
    /// A client asked what only the controller can do: its answer is handed on.
    Forward(Call),
    /// Something for the active controller. A controller that is not active gives it back, and the
    /// next one is asked.
    Controller(Box<(Purpose, Request)>),
    /// A topic is made because somebody asked about it.
    MakeTopic(Rc<str>),
    /// Producer ids; the caller gets the first, for its transactional id and timeout if it has
    /// one.
    ProducerIds(Call, Option<(Rc<str>, Span)>),
    /// A coordinator is to know of the request with this number.
    Verify(u64),
    /// Markers of a transactional id.
    Markers(Rc<str>, Vec<TopicPartition>),
    /// How far a share group has come.
    ReadShareState(Rc<str>, TopicPartition),
    /// That is written down: which of its changes.
    WriteShareState(Rc<str>, TopicPartition, u64),
    /// A partition of a share group begins anew, for a change with this number.
    BeginShareState(u64, TopicPartition, Option<i64>),
    /// To be known.
    Register,
    /// To be known as alive.
    Heartbeat,
    /// What the cluster knows of itself.
    Metadata,
    /// The same up to here, as a snapshot.
    Snapshot(SnapshotId),
    /// Other ISRs.
    AlterPartition,
    /// Records of a leader: for each partition the leader epoch under which it was asked.
    Replicate(i32, Vec<(TopicPartition, i32)>),
    /// As controller of the ZooKeeper era, to tell this broker something in this life of it.
    Control(i32, i64),
    /// To be let go.
    Shutdown,
    /// Where the log of a leader begins and ends: the leader, the partition and its epoch.
    Range(i32, TopicPartition, i32),
}

/// Where the metadata log is.
#[derive(Clone, Debug)]
pub enum Quorum {
    /// The broker is its own controller.
    Own(Box<Controller>),
    /// It follows the controller's log.
    Remote(Box<RemoteQuorum>),
    /// ZooKeeper has it, and the controller tells.
    ZooKeeper(Box<Registry>),
}

/// Controllers elsewhere.
#[derive(Clone, Debug)]
pub struct RemoteQuorum {
    /// Where they are.
    controllers: Rc<[NodeId]>,
    /// The one that is taken for the active one, and since when no answer said so.
    asked: (NodeId, Time),
    /// The copy of the metadata log, as far as it is committed.
    pub log: Log,
    /// What it adds up to, written down from time to time.
    pub(super) snapshots: Snapshots,
    /// True once everything that was committed when the broker began is known.
    pub is_caught_up: bool,
    waiting: VecDeque<(Purpose, Request)>,
    pub(super) is_fetching: bool,
    retry_at: Time,
    /// How often in a row nobody was found who is active; nobody is asked before this instant.
    failures: u32,
    pause_until: Time,
}

impl RemoteQuorum {
    /// With the copy of the log, and its snapshots, that the start found.
    pub fn new(controllers: Rc<[NodeId]>, (log, snapshots): (Log, Snapshots)) -> RemoteQuorum {
        RemoteQuorum {
            asked: (controllers[0], Time::ZERO),
            controllers,
            log,
            snapshots,
            is_caught_up: false,
            waiting: VecDeque::new(),
            is_fetching: false,
            retry_at: Time::ZERO,
            failures: 0,
            pause_until: Time::ZERO,
        }
    }

    /// Where the controller is that is taken for the active one.
    pub fn controller(&self) -> NodeId {
        self.asked.0
    }

    /// Another controller is asked: this one, or else the next.
    fn turn(&mut self, to: Option<NodeId>, now: Time) {
        let at = self.controllers.iter().position(|node| *node == self.asked.0).unwrap_or(0);
        let next = self.controllers[(at + 1) % self.controllers.len()];
        self.asked = (to.filter(|node| self.controllers.contains(node)).unwrap_or(next), now);
    }
}

/// How brokers wait for each other.
pub fn network(request_timeout: Span) -> NetworkConfig {
    NetworkConfig {
        retry_backoff: Span::millis(100),
        retry_backoff_max: Span::millis(1_000),
        reconnect_backoff: Span::millis(50),
        reconnect_backoff_max: Span::millis(1_000),
        request_timeout,
        connection_setup_timeout: Span::seconds(10),
        metadata_max_age: Span::seconds(300),
    }
}

impl Server {
    /// Asks the controller, as soon as it can be reached.
    pub(super) fn ask_controller(&mut self, purpose: Purpose, request: Request, out: &mut Out<'_>) {
        match &mut self.quorum {
            Quorum::Own(controller) => {
                controller.ask(ReplyTo::Own(purpose), request, out);
                self.take_own(out);
            }
            Quorum::Remote(remote) => remote.waiting.push_back((purpose, request)),
            Quorum::ZooKeeper(registry) if registry.elected.is_some() => {
                self.ask_elected(ReplyTo::Own(purpose), request, out);
            }
            Quorum::ZooKeeper(registry) => registry.waiting.push_back((purpose, request)),
        }
    }

    /// Takes up what the controller in the same process has decided.
    pub(super) fn take_own(&mut self, out: &mut Out<'_>) {
        let Quorum::Own(controller) = &mut self.quorum else { return };
        let (records, answers) = controller.take_own();
        self.apply(&records, out);
        for (purpose, response) in answers {
            self.answered(purpose, Some(response), out);
        }
    }

    /// Takes an answer of another process.
    pub(super) fn hear(&mut self, from: NodeId, message: KafkaMessage, out: &mut Out<'_>) {
        if let Quorum::ZooKeeper(registry) = &mut self.quorum
            && registry.session.is_server(from)
        {
            registry.session.heard(from, out.now());
            if let Some(event) = registry.session.hear(from, message) {
                self.session_event(event, out);
            }
            return;
        }
        if let Heard::Answer(purpose, response) = self.connections.hear(from, message) {
            self.answered(purpose, Some(response), out);
        }
    }

    /// A connection ended: what was asked on it is lost.
    pub(super) fn disconnected(&mut self, peer: NodeId, out: &mut Out<'_>) {
        if let Quorum::ZooKeeper(registry) = &mut self.quorum {
            registry.early.retain(|(call, _)| call.from != peer);
            if let Some(event) = registry.session.closed(peer, out) {
                self.session_event(event, out);
            }
        }
        if let Quorum::Remote(remote) = &mut self.quorum
            && remote.asked.0 == peer
        {
            remote.turn(None, out.now());
        }
        for purpose in self.connections.closed(peer, out) {
            self.answered(purpose, None, out);
        }
    }

    pub(super) fn answered(
        &mut self,
        purpose: Purpose,
        response: Option<Response>,
        out: &mut Out<'_>,
    ) {
        match (purpose, response) {
            (Purpose::Controller(asked), Some(Response::NotController(leader))) => {
                self.not_controller(*asked, leader, out);
            }
            (Purpose::Controller(asked), response) => self.answered(asked.0, response, out),
            (Purpose::Forward(call), Some(response)) => call.answer(response, out),
            // The client does not hear that the controller was away; it asks again.
            (Purpose::Forward(call), None) => out.close(call.from),
            (Purpose::MakeTopic(topic), _) => drop(self.making.remove(&topic)),
            (Purpose::ProducerIds(call, asked), Some(Response::AllocateProducerIds(Ok(block)))) => {
                self.producer_ids = block;
                match asked {
                    Some((id, timeout)) => self.begin_transactional(call, id, timeout, out),
                    None => self.init_producer_id(call, out),
                }
            }
            (Purpose::Verify(number), response) => {
                let result = match response {
                    Some(Response::Transaction(TransactionResponse::AddPartitions(result))) => {
                        result
                    }
                    _ => Err(ErrorCode::NetworkException),
                };
                self.verified(number, result, out);
            }
            (Purpose::Markers(id, partitions), response) => {
                let outcomes = match response {
                    Some(Response::Transaction(TransactionResponse::WriteTxnMarkers(all))) => all,
                    _ => {
                        let lost = Err(ErrorCode::NetworkException);
                        partitions.into_iter().map(|partition| (partition, lost)).collect()
                    }
                };
                self.markers_answered(&id, outcomes, out);
            }
            (Purpose::ReadShareState(group, partition), response) => {
                let found = match response {
                    Some(Response::ReadShareGroupState(found)) => found,
                    _ => Err(ErrorCode::NetworkException),
                };
                self.share_state_read((group, partition), found, out);
            }
            (Purpose::WriteShareState(group, partition, change), response) => {
                let result = match response {
                    Some(Response::WriteShareGroupState(result)) => result,
                    _ => Err(ErrorCode::NetworkException),
                };
                self.share_state_stored((group, partition, change), result, out);
            }
            (Purpose::BeginShareState(id, partition, start), response) => {
                let result = match response {
                    Some(Response::WriteShareGroupState(result)) => result,
                    _ => Err(ErrorCode::NetworkException),
                };
                let again = Some((partition.clone(), start));
                self.share_start_written((id, partition), again, result, out);
            }
            (Purpose::ProducerIds(call, _), _) => {
                let error = ErrorCode::CoordinatorLoadInProgress;
                call.answer(Response::InitProducerId(Err(error)), out);
            }
            (Purpose::Register, Some(Response::BrokerRegistration(result))) => {
                self.registered(result, out);
            }
            (Purpose::Register, _) => self.registered(Err(ErrorCode::NetworkException), out),
            (Purpose::Heartbeat, Some(Response::BrokerHeartbeat(result))) => {
                self.heartbeat_answered(result, out);
            }
            (Purpose::Heartbeat, _) => {
                self.heartbeat_answered(Err(ErrorCode::NetworkException), out);
            }
            (Purpose::Control(broker, epoch), response) => {
                self.told((broker, epoch), response, out);
            }
            (Purpose::Shutdown, response) => self.shutdown_answered(response, out),
            (Purpose::Metadata, response) => self.metadata_fetched(response, out),
            (Purpose::Snapshot(id), response) => self.snapshot_fetched(id, response, out),
            (Purpose::AlterPartition, response) => self.isr_answered(response, out),
            (Purpose::Replicate(leader, asked), response) => {
                self.replica_fetched(leader, asked, response, out);
            }
            (Purpose::Range(leader, partition, epoch), response) => {
                self.range_answered(leader, (partition, epoch), response, out);
            }
        }
    }

    /// Sends what can be sent, and sees to it that the broker wakes for what cannot.
    pub(super) fn pump(&mut self, out: &mut Out<'_>) {
        if !self.transactions.verifications.is_empty() {
            self.pump_verifications(out);
        }
        if !self.transactions.markers.is_empty() {
            self.pump_markers(out);
        }
        if !self.shares.all.is_empty() || !self.share_states.changes.is_empty() {
            self.pump_share_states(out);
        }
        if let Quorum::Own(_) = &self.quorum {
            return;
        }
        for purpose in self.connections.expire(out) {
            self.answered(purpose, None, out);
        }
        let controller = match self.quorum {
            Quorum::ZooKeeper(_) => self.pump_registry(out),
            _ => self.pump_controller(out),
        };
        let fetchers = self.pump_fetchers(out);
        // What is overdue waits for a connection, or nobody wants it any more.
        let now = if self.config.ways.hears_half { Time::ZERO } else { out.now() };
        let due = [controller, fetchers, self.connections.next_due(now)].into_iter().flatten();
        let Some(due) = due.filter(|at| *at > out.now()).min() else { return };
        if self.wake_at.is_none_or(|at| due < at) {
            self.wake_at = Some(due);
            out.timer_at(Timer::Wake, due);
        }
    }

    fn pump_controller(&mut self, out: &mut Out<'_>) -> Option<Time> {
        let heartbeat_timeout = self.config.broker_session_timeout.half();
        let Quorum::Remote(remote) = &mut self.quorum else { return None };
        let now = out.now();
        if remote.pause_until > now {
            return Some(remote.pause_until);
        }
        let wants_fetch = !remote.is_fetching && remote.retry_at <= now;
        if remote.waiting.is_empty() && !wants_fetch {
            return (!remote.is_fetching).then_some(remote.retry_at);
        }
        let (node, since) = remote.asked;
        if !self.connections.connect(node, out) {
            // One that cannot be reached may not be the active one any more.
            if remote.controllers.len() == 1 {
                return None;
            }
            let due = since + QUORUM_TIMEOUT;
            if due <= now {
                remote.turn(None, now);
                remote.pause_until = now + METADATA_RETRY;
                return Some(remote.pause_until);
            }
            return Some(due);
        }
        for (purpose, request) in std::mem::take(&mut remote.waiting) {
            let timeout = match purpose {
                Purpose::Register | Purpose::Heartbeat => heartbeat_timeout,
                _ => REQUEST_TIMEOUT,
            };
            let again = Purpose::Controller(Box::new((purpose, request.clone())));
            self.connections.send(node, (request, again), timeout, out);
        }
        if wants_fetch {
            remote.is_fetching = true;
            let request = Request::Fetch(Fetch {
                replica: Some((self.id, self.lifecycle.epoch)),
                rack: None,
                max_wait_ms: 500,
                min_bytes: 1,
                max_bytes: METADATA_FETCH_BYTES,
                read_committed: false,
                partitions: vec![FetchPartition {
                    partition: TopicPartition::new(METADATA_TOPIC, 0),
                    offset: remote.log.log_end(),
                    current_leader_epoch: -1,
                    last_fetched_epoch: -1,
                    max_bytes: METADATA_FETCH_BYTES,
                }],
            });
            let again = Purpose::Controller(Box::new((Purpose::Metadata, request.clone())));
            self.connections.send(node, (request, again), QUORUM_TIMEOUT, out);
        }
        None
    }

    /// A controller that is not active was asked.
    fn not_controller(
        &mut self,
        (purpose, request): (Purpose, Request),
        leader: Option<NodeId>,
        out: &mut Out<'_>,
    ) {
        let remote = match &mut self.quorum {
            Quorum::Remote(remote) => remote,
            // It hears of the next one by itself; then that is asked.
            Quorum::ZooKeeper(registry) => return registry.waiting.push_back((purpose, request)),
            Quorum::Own(_) => return,
        };
        match purpose {
            Purpose::Metadata => {
                remote.is_fetching = false;
                remote.turn(leader, out.now());
                if leader.is_none() {
                    let (first, most) = (METADATA_RETRY, NOBODY_RETRY_MAX);
                    let wait = backoff(first, most, remote.failures, out.random());
                    remote.failures += 1;
                    remote.pause_until = out.now() + wait;
                }
            }
            purpose => remote.waiting.push_back((purpose, request)),
        }
    }

    /// The answer to a fetch of the metadata log.
    fn metadata_fetched(&mut self, response: Option<Response>, out: &mut Out<'_>) {
        let Quorum::Remote(remote) = &mut self.quorum else { return };
        remote.is_fetching = false;
        let Some(Response::Fetch(mut fetched)) = response else {
            remote.retry_at = out.now() + METADATA_RETRY;
            if remote.controllers.len() > 1 {
                remote.turn(None, out.now());
            }
            return;
        };
        remote.failures = 0;
        remote.asked.1 = out.now();
        let Some(answer) = fetched.partitions.pop() else { return };
        let Some(id) = answer.snapshot else { return self.take_metadata(answer, out) };
        // Nothing else is fetched until it is here.
        remote.is_fetching = true;
        self.ask_controller(Purpose::Snapshot(id), Request::FetchSnapshot(id), out);
    }

    fn snapshot_fetched(&mut self, id: SnapshotId, response: Option<Response>, out: &mut Out<'_>) {
        let Quorum::Remote(remote) = &mut self.quorum else { return };
        let is_taken = match response {
            Some(Response::FetchSnapshot(Ok(bytes))) => remote.snapshots.receive(id, bytes, out),
            _ => false,
        };
        if !is_taken {
            remote.is_fetching = false;
            remote.retry_at = out.now() + METADATA_RETRY;
        }
    }
}

/// How long a request to the controller may take.
pub(super) const REQUEST_TIMEOUT: Span = Span::seconds(30);
/// `controller.quorum.retry.backoff.ms`.
const METADATA_RETRY: Span = Span::millis(20);
/// The longest wait before controllers are asked again of which none is active
/// (`controller.quorum.election.backoff.max.ms`).
const NOBODY_RETRY_MAX: Span = Span::seconds(1);
/// `controller.quorum.request.timeout.ms`.
const QUORUM_TIMEOUT: Span = Span::seconds(2);
/// Bytes of one fetch of the metadata log.
const METADATA_FETCH_BYTES: u64 = 8 << 20;

/// No connection yet. A broker that is alone never has one.
pub fn connections(id: i32, is_alone: bool, out: &mut Out<'_>) -> Connections<Purpose> {
    let client = format!("broker-{id}").into();
    let mut connections = Connections::new(client, network(REQUEST_TIMEOUT));
    if !is_alone {
        connections.begin(out);
    }
    connections
}
