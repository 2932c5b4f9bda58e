//! A broker that serves: what it holds, how inputs are handed to the chapters, what it writes
//! down from time to time, and how it stops.

use super::channel::{self, Quorum};
use super::cleaner::Cleaner;
use super::client_quotas::{self, ClientQuotas};
use super::fetch::DelayedFetch;
use super::follower::Fetcher;
use super::life::Ticket;
use super::lifecycle::{Lifecycle, Stage};
use super::list_offsets::{Asker, DelayedLookup};
use super::produce::DelayedProduce;
use super::quota::Quota;
use super::share::Shares;
use super::share_state::{ShareStates, Writer};
use super::transactions::Transactions;
use crate::kafka::client::Connections;
use crate::kafka::config::BrokerConfig;
use crate::kafka::event::TopicPartition;
use crate::kafka::group::Groups;
use crate::kafka::log::LogScan;
use crate::kafka::log::checkpoint::{
    self, CLEAN_SHUTDOWN, HIGH_WATERMARKS, LEADER_EPOCHS, LOG_STARTS, RECOVERY_POINTS,
};
use crate::kafka::message::{KafkaMessage, Request, Response};
use crate::kafka::metadata::{Image, OFFSETS_TOPIC, Resource};
use crate::kafka::partition::{Partition, Partitions};
use crate::kafka::process::{Out, Process, Timer};
use crate::ordered::{BTreeMap, BTreeSet};
use crate::sim::{Input, Message, NodeId, Span, Time};
use bytes::Bytes;
use std::rc::Rc;

pub use super::channel::Purpose;

/// A request that is to be answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Who asks.
    pub from: NodeId,
    /// By which it knows the answer again.
    pub correlation: i32,
    /// `client.id`.
    pub client: Rc<str>,
}

impl Call {
    /// Answers it.
    pub fn answer(&self, body: Response, out: &mut Out<'_>) {
        out.send(self.from, KafkaMessage::Response { correlation: self.correlation, body }.into());
    }
}

/// What a serving broker holds.
#[derive(Clone, Debug)]
pub struct Server {
    /// `node.id`.
    pub id: i32,
    /// Where it is.
    pub node: NodeId,
    /// Topics, partitions and leaders.
    pub image: Image,
    /// Its replicas: those that lead and those that follow.
    pub partitions: Partitions,
    /// The groups that it coordinates.
    pub groups: Groups,
    pub(super) config: Rc<BrokerConfig>,
    /// Where the metadata log is.
    pub quorum: Quorum,
    pub(super) lifecycle: Lifecycle,
    pub(super) connections: Connections<Purpose>,
    /// True once it does what the metadata says.
    pub(super) has_published: bool,
    pub(super) fetchers: BTreeMap<i32, Fetcher>,
    /// Partitions whose pending ISR the controller has to be asked for.
    pub(super) wanted_isrs: BTreeSet<TopicPartition>,
    pub(super) is_asking_isrs: bool,
    /// Topics that are being made because somebody asked about them.
    pub(super) making: BTreeSet<Rc<str>>,
    pub(super) wake_at: Option<Time>,
    /// Partitions of `__consumer_offsets` that are still being read.
    pub(super) loading: BTreeMap<i32, LogScan>,
    pub(super) fetches: BTreeMap<u64, DelayedFetch>,
    pub(super) produces: BTreeMap<u64, DelayedProduce>,
    /// What it leads of share groups.
    pub shares: Shares,
    /// What it keeps of them as share coordinator.
    pub(super) share_states: ShareStates,
    /// Transactions that it coordinates, or that write here.
    pub transactions: Transactions,
    pub(super) lookups: BTreeMap<u64, DelayedLookup>,
    /// Producer ids that this broker may give away: the next, and the end of its block.
    pub(super) producer_ids: (i64, i64),
    /// When the timer of the groups is up.
    pub(super) groups_wake: Option<Time>,
    pub(super) cleaner: Cleaner,
    /// What was moved of throttled replicas: as leader, and as follower.
    pub(super) quotas: (Quota, Quota),
    /// How fast clients write and read that may not do so as fast as they like.
    pub(super) client_quotas: ClientQuotas,
    last_id: u64,
    /// What the checkpoint files hold, so that they are written only if it changed.
    written: BTreeMap<&'static str, String>,
    /// Flushes that a polite stop still waits for.
    stopping: Option<usize>,
}

/// The first look for old segments comes so soon after the start (`InitialTaskDelayMs`).
const RETENTION_FIRST_CHECK: Span = Span::seconds(30);

/// Puts a small file in the place of the old one and makes it safe from a power cut.
pub(super) fn write_durably(file: &str, text: String, out: &mut Out<'_>) {
    out.replace(file, Bytes::from(text));
    out.flush(file, Ticket::Checkpoint);
}

/// Writes which leader epoch of a partition began where.
pub(super) fn write_epochs(partition: &Partition, out: &mut Out<'_>) {
    let file = format!("{}/{LEADER_EPOCHS}", partition.log.directory());
    write_durably(&file, checkpoint::encode_epochs(partition.log.epochs.entries()), out);
}

impl Server {
    /// Begins to serve with what the start found. `previous_epoch` is the broker epoch of the life
    /// before, if that was stopped cleanly.
    pub fn begin(
        id: i32,
        config: Rc<BrokerConfig>,
        (image, quorum): (Image, Quorum),
        partitions: Partitions,
        previous_epoch: i64,
        out: &mut Out<'_>,
    ) -> Server {
        let is_alone = matches!(quorum, Quorum::Own(_));
        let has_dynamic =
            [None, Some(id)].map(|of| image.broker_settings(of).is_empty()) != [true; 2];
        let mut server = Server {
            id,
            node: out.me(),
            producer_ids: match is_alone {
                true => (image.next_producer_id, image.next_producer_id),
                false => (0, 0),
            },
            image,
            partitions,
            groups: Groups::default(),
            quorum,
            lifecycle: Lifecycle::new(is_alone, previous_epoch, out),
            connections: channel::connections(id, is_alone, out),
            has_published: is_alone,
            fetchers: BTreeMap::new(),
            wanted_isrs: BTreeSet::new(),
            is_asking_isrs: false,
            making: BTreeSet::new(),
            wake_at: None,
            loading: BTreeMap::new(),
            fetches: BTreeMap::new(),
            produces: BTreeMap::new(),
            shares: Shares::default(),
            share_states: ShareStates::default(),
            transactions: Transactions::default(),
            lookups: BTreeMap::new(),
            groups_wake: None,
            cleaner: Cleaner::default(),
            quotas: Default::default(),
            client_quotas: ClientQuotas::default(),
            last_id: 0,
            written: BTreeMap::new(),
            stopping: None,
            config,
        };
        if has_dynamic {
            server.reconfigure();
        }
        out.timer(Timer::HighWatermarks, server.config.high_watermark_checkpoint);
        out.timer(Timer::RecoveryPoints, server.config.recovery_point_checkpoint);
        out.timer(Timer::Retention, RETENTION_FIRST_CHECK);
        if let Some(backoff) = server.config.cleaner_backoff {
            out.timer(Timer::Cleaner, backoff);
        }
        if is_alone {
            server.lead_all(out);
        } else if server.config.zookeeper {
            out.timer(Timer::IsrShrink, server.config.replica_lag_max.half());
            server.pump(out);
        } else {
            out.timer(Timer::IsrShrink, server.config.replica_lag_max.half());
            server.beat(out);
            server.pump(out);
        }
        out.timer(Timer::OldTransactionalIds, server.config.transactional_ids.1);
        out.timer(Timer::OldOffsets, server.config.offsets_retention_check);
        server
    }

    /// A number that nothing here had before.
    pub(super) fn fresh_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// Takes one input.
    pub fn step(&mut self, input: Input<Process>, out: &mut Out<'_>) {
        match input {
            Input::Message { from, body } => {
                out.work(out.cost().request_of(body.size_bytes()));
                let Some(body) = self.unless_muted(from, *body) else { return };
                self.take(from, body, out);
            }
            Input::Read { ticket, bytes } => match ticket {
                Ticket::Fetch { fetch, index } => self.fetch_read(fetch, index, bytes, out),
                Ticket::Lookup { lookup, index } => self.lookup_read(lookup, index, bytes, out),
                Ticket::LoadOffsets { partition } => self.offsets_read(partition, bytes, out),
                Ticket::LoadTransactions { partition } => {
                    self.transactions_read(partition, bytes, out);
                }
                Ticket::LoadShareStates { partition } => {
                    self.share_states_read(partition, bytes, out);
                }
                Ticket::Truncate { partition, offset, from } => {
                    self.cut_read((partition, offset), from, &bytes, out);
                }
                Ticket::Clean { run } => self.clean_read(run, bytes, out),
                _ => {}
            },
            Input::Flushed { ticket } => self.flushed(ticket, out),
            Input::Timer(timer) => self.timer(timer, out),
            Input::Closed { peer } => self.closed(peer, out),
            Input::Stop => self.stop(out),
            Input::Start | Input::Command(_) => {}
        }
        self.pump(out);
    }

    /// What has come on a connection that is not muted.
    pub(super) fn take(&mut self, from: NodeId, message: KafkaMessage, out: &mut Out<'_>) {
        let bytes = message.size_bytes();
        match message {
            KafkaMessage::Request { correlation, client, body } => {
                let call = Call { from, correlation, client };
                self.spend_time(&call, bytes, out);
                self.ask(call, body, out);
            }
            response => self.hear(from, response, out),
        }
    }

    pub(super) fn ask(&mut self, call: Call, request: Request, out: &mut Out<'_>) {
        if let Request::Control(control) = request {
            return match self.stopping {
                Some(_) => out.close(call.from),
                None => self.controlled(Some(call), *control, out),
            };
        }
        // Before it knows what it leads it does not listen. In the ZooKeeper era a broker is the
        // controller too: what brokers ask waits, and their connections stay.
        let is_early = !self.has_published && self.stopping.is_none();
        let is_early = match &request {
            Request::ApiVersions => is_early,
            _ => is_early && !self.config.ways.hears_half,
        };
        if is_early
            && call.client.starts_with("broker-")
            && let Some(registry) = self.registry()
        {
            return match request {
                Request::ApiVersions => call.answer(Response::ApiVersions, out),
                request => registry.early.push((call, request)),
            };
        }
        if self.stopping.is_some() || !self.has_published {
            out.close(call.from);
            return;
        }
        if let Some(bytes) = client_quotas::produced_bytes(&request) {
            self.is_over_quota(&call, (client_quotas::Kind::Produce, bytes), out);
        }
        match request {
            Request::ApiVersions => call.answer(Response::ApiVersions, out),
            Request::Metadata { topics, allow_auto_create } => {
                self.metadata(&call, topics, allow_auto_create, out);
            }
            Request::InitProducerId => self.init_producer_id(call, out),
            Request::Produce(produce) => self.produce(call, produce, out),
            Request::Fetch(mut fetch) => {
                if fetch.replica.is_none() {
                    fetch.max_bytes = self.most_fetched(&call.client, fetch.max_bytes);
                }
                self.fetch(call, fetch, None, out);
            }
            Request::ShareFetch(fetch) => self.share_fetch(call, fetch, out),
            Request::ReadShareGroupState { key, leader_epoch } => {
                let found = self.share_state_of(&key, leader_epoch);
                call.answer(Response::ReadShareGroupState(found), out);
            }
            Request::WriteShareGroupState { key, state } => {
                self.write_share_state(Writer::Call(call), key, state, out);
            }
            Request::InitializeShareGroupState { key, start } => {
                self.begin_share_state(Writer::Call(call), key, start, out);
            }
            Request::DescribeShareGroupOffsets { group } => {
                self.describe_share_offsets(&call, &group, out);
            }
            Request::AlterShareGroupOffsets { group, starts } => {
                self.alter_share_offsets(call, &group, starts, out);
            }
            Request::ListOffsets { from_replica, read_committed, partitions } => {
                let asker = match (from_replica, read_committed) {
                    (true, _) => Asker::Replica,
                    (false, true) => Asker::ReadCommitted,
                    (false, false) => Asker::ReadUncommitted,
                };
                self.list_offsets(call, asker, partitions, out);
            }
            Request::OffsetsForLeaderEpoch { partitions } => {
                self.offsets_for_leader_epoch(&call, partitions, out);
            }
            Request::FindCoordinator { group } => {
                self.find_coordinator(&call, OFFSETS_TOPIC, &group, out);
            }
            Request::Transaction(request) => self.ask_transaction(call, request, out),
            Request::JoinGroup(join) => self.join_group(call, join, out),
            Request::SyncGroup { group, member, instance, generation, assignments } => {
                let who = (&group, &member, instance.as_ref(), generation);
                self.sync_group(call, who, assignments, out);
            }
            Request::Heartbeat { group, member, instance, generation } => {
                self.heartbeat(&call, (&group, &member, instance.as_ref(), generation), out);
            }
            Request::ConsumerGroupHeartbeat(beat) => {
                self.consumer_group_heartbeat(&call, beat, out);
            }
            Request::LeaveGroup { group, member, instance } => {
                self.leave_group(&call, (&group, &member, instance.as_ref()), out);
            }
            Request::OffsetCommit(commit) => self.offset_commit(call, commit, out),
            Request::OffsetFetch { group, partitions, require_stable } => {
                self.offset_fetch(&call, &group, partitions, require_stable, out);
            }
            Request::OldOffsetCommit(commit) => self.old_offset_commit(call, commit, out),
            Request::OldOffsetFetch { group, partitions } => {
                self.old_offset_fetch(call, group, partitions, out);
            }
            Request::IncrementalAlterConfigs {
                resource: of @ (Resource::Broker(_) | Resource::Quota(_)),
                changes,
            } if self.config.zookeeper => self.alter_given(call, of, changes),
            request @ (Request::CreateTopics { .. }
            | Request::DeleteTopics { .. }
            | Request::CreatePartitions { .. }
            | Request::IncrementalAlterConfigs { .. }
            | Request::AlterPartitionReassignments { .. }
            | Request::ElectLeaders { .. }
            | Request::DescribeQuorum
            | Request::AllocateProducerIds { .. }
            | Request::ControlledShutdown { .. })
                if self.config.zookeeper =>
            {
                self.ask_reigning(call, request, out);
            }
            request @ (Request::CreateTopics { .. }
            | Request::DeleteTopics { .. }
            | Request::CreatePartitions { .. }
            | Request::AlterPartitionReassignments { .. }
            | Request::ElectLeaders { .. }
            | Request::DescribeQuorum) => {
                self.ask_controller(Purpose::Forward(call), request, out);
            }
            Request::DeleteRecords { partitions } => self.delete_records(&call, partitions, out),
            // These are for a controller.
            Request::AllocateProducerIds { .. }
            | Request::FetchSnapshot(_)
            | Request::BrokerRegistration(_)
            | Request::BrokerHeartbeat(_)
            | Request::AlterPartition(_)
            | Request::ControlledShutdown { .. }
            | Request::Control(_)
            | Request::ZooKeeper(_)
            | Request::Ensemble(_)
            | Request::Quorum(_) => out.close(call.from),
            Request::IncrementalAlterConfigs { resource, changes } => {
                self.alter_configs(call, resource, changes, out);
            }
            Request::DescribeConfigs { topics } => self.describe_configs(&call, topics, out),
            Request::ListGroups => self.list_groups(&call, out),
            Request::DescribeGroups { group } => self.describe_group(&call, &group, out),
            Request::OffsetDelete { group, partitions } => {
                self.offset_delete(&call, &group, partitions, out);
            }
            Request::DeleteGroups { group } => self.delete_group(call, &group, out),
        }
    }

    fn flushed(&mut self, ticket: Ticket, out: &mut Out<'_>) {
        match ticket {
            Ticket::SegmentFlushed { partition, up_to } => {
                if let Some(found) = self.partitions.get_mut(&partition) {
                    found.log.flushed(up_to);
                }
            }
            Ticket::AppendFlushed { partition, up_to } => {
                if let Some(found) = self.partitions.get_mut(&partition) {
                    found.append_flushed(up_to);
                    self.advance(&partition, out);
                    self.retry_produces(&partition, out);
                }
            }
            Ticket::MetadataFlushed { up_to } => {
                if let Quorum::Own(controller) = &mut self.quorum {
                    controller.flushed(up_to, out);
                    self.take_own(out);
                }
            }
            Ticket::Clean { run } => self.clean_flushed(run, out),
            Ticket::Snapshot(id) => self.snapshot_flushed(id, out),
            Ticket::Stopping => {
                let left = self.stopping.unwrap_or(1).saturating_sub(1);
                self.stopping = Some(left);
                if left == 0 {
                    if let Quorum::ZooKeeper(registry) = &mut self.quorum {
                        registry.session.end(out);
                    }
                    out.exit();
                }
            }
            _ => {}
        }
    }

    fn timer(&mut self, timer: Timer, out: &mut Out<'_>) {
        match timer {
            Timer::FetchWait(fetch) => self.fetch_waited(fetch, out),
            Timer::ShareWait(id) => self.share_waited(id, out),
            Timer::ShareLocks => self.share_locks_over(out),
            // It is woken to look.
            Timer::ShareStates => {}
            Timer::ProduceWait(produce) => self.produce_waited(produce, out),
            Timer::HighWatermarks => {
                self.write_high_watermarks(out);
                out.timer(Timer::HighWatermarks, self.config.high_watermark_checkpoint);
            }
            Timer::RecoveryPoints => {
                self.write_recovery_points(out);
                out.timer(Timer::RecoveryPoints, self.config.recovery_point_checkpoint);
            }
            Timer::Heartbeat => self.beat(out),
            Timer::Snapshot => self.take_snapshot(out),
            Timer::IsrShrink => self.shrink_isrs(out),
            Timer::IsrPropagation => self.propagate_isrs(out),
            Timer::LeaderBalance => self.reign_balance(out),
            Timer::Retention => self.delete_old_segments(out),
            Timer::Cleaner => self.clean_filthiest(out),
            Timer::GiveUpStop => self.close_down(out),
            Timer::Wake => self.wake_at = None,
            Timer::Groups => self.groups_woken(out),
            Timer::Unmute => self.unmute(out),
            Timer::OldOffsets => self.forget_old_offsets(out),
            Timer::TransactionTimeouts => self.abort_late(out),
            Timer::OldTransactionalIds => self.forget_old_ids(out),
            Timer::Markers => {
                self.transactions.wake_at = None;
                self.pump_markers(out);
            }
            _ => {}
        }
    }

    fn closed(&mut self, peer: NodeId, out: &mut Out<'_>) {
        self.disconnected(peer, out);
        self.forget_muted(peer);
        let gone = |call: &Call| call.from == peer;
        let fetches: Vec<u64> =
            self.fetches.iter().filter(|(_, f)| gone(&f.call)).map(|(id, _)| *id).collect();
        for fetch in fetches {
            self.drop_fetch(fetch, out);
        }
        self.share_member_gone(peer, out);
        self.forget_verifications(peer);
        self.lookups.retain(|_, lookup| !gone(&lookup.call));
        self.produces.values_mut().for_each(|produce| produce.asker_gone(peer));
    }

    // ---- what is written down from time to time ----

    fn write_high_watermarks(&mut self, out: &mut Out<'_>) {
        let all = self.partitions.iter().map(|(tp, p)| (tp, p.high_watermark()));
        let text = checkpoint::encode_offsets(all);
        self.write_if_changed(HIGH_WATERMARKS, text, out);
    }

    fn write_recovery_points(&mut self, out: &mut Out<'_>) {
        let all = self.partitions.iter().map(|(tp, p)| (tp, p.log.recovery_point()));
        let text = checkpoint::encode_offsets(all);
        self.write_if_changed(RECOVERY_POINTS, text, out);
        // Only logs that begin behind their first segment's base need a line.
        let starts = self.partitions.iter().map(|(tp, p)| (tp, &p.log)).filter(|(_, log)| {
            log.segments().next().is_some_and(|first| first.base_offset < log.log_start())
        });
        let text = checkpoint::encode_offsets(starts.map(|(tp, log)| (tp, log.log_start())));
        self.write_if_changed(LOG_STARTS, text, out);
    }

    pub(super) fn write_if_changed(&mut self, file: &'static str, text: String, out: &mut Out<'_>) {
        if self.written.get(file) != Some(&text) {
            write_durably(file, text.clone(), out);
            self.written.insert(file, text);
        }
    }

    // ---- the polite stop ----

    /// Flushes and closes everything, and ends.
    pub(super) fn close_down(&mut self, out: &mut Out<'_>) {
        if self.stopping.is_some() {
            return;
        }
        let mut flushes = 0;
        let metadata = match &mut self.quorum {
            Quorum::Own(controller) => Some(&mut controller.log),
            Quorum::Remote(remote) => Some(&mut remote.log),
            Quorum::ZooKeeper(_) => None,
        };
        let logs = self.partitions.values_mut().map(|partition| &mut partition.log);
        for log in logs.chain(metadata) {
            log.close(out);
            out.flush(&log.active().file.clone(), Ticket::Stopping);
            log.flushed(log.log_end());
            flushes += 1;
        }
        self.write_high_watermarks(out);
        self.write_recovery_points(out);
        let text = format!("{{\"version\":0,\"brokerEpoch\":{}}}", self.lifecycle.epoch);
        out.replace(CLEAN_SHUTDOWN, Bytes::from(text));
        out.flush(CLEAN_SHUTDOWN, Ticket::Stopping);
        self.stopping = Some(flushes + 1);
    }

    /// True while it is its own controller.
    pub fn is_alone(&self) -> bool {
        self.lifecycle.stage == Stage::Alone
    }
}
