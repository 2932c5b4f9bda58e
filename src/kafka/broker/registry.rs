//! A broker of the ZooKeeper era and its session: it registers, learns settings, stands for
//! controller, and as a leader writes ISRs.
//!
//! `/brokers/ids/N` is **ephemeral**: when the session ends, everybody knows that the broker is
//! gone, though it may live on and not know. Whoever makes `/controller` first is the controller,
//! until its session ends ([`super::elected`]); in the same transaction it counts
//! `/controller_epoch` up. A leader writes a new ISR with the version of the state that it knows
//! (compare and set), and tells the controller through `/isr_change_notification`.
//!
//! Simplified: leaders write ISRs themselves, as with `inter.broker.protocol.version` before 2.7
//! (KIP-497); a broker that finds its own znode of an earlier life waits until that is gone, where
//! the real one ends with NodeExists and is started again by whoever watches over it; what a client
//! asks of the controller any broker hands on.

use super::channel::{Purpose, Quorum};
use super::elected::Elected;
use super::lifecycle::Stage;
use super::old_offsets::OldOffsets;
use super::server::{Call, Server};
use super::znodes;
use crate::kafka::event::{Event, TopicPartition};
use crate::kafka::message::{Control, Request};
use crate::kafka::metadata::MetadataRecord;
use crate::kafka::metadata::records::Resource;
use crate::kafka::now_ms;
use crate::kafka::process::{Out, Timer};
use crate::kafka::spec::Settings;
use crate::kafka::zookeeper::{Op, Reply, Session, SessionEvent, WatchEvent, ZkError};
use crate::ordered::{BTreeMap, BTreeSet};
use crate::sim::{NodeId, Span, Time};
use bytes::Bytes;
use std::collections::VecDeque;
use std::rc::Rc;

/// What was asked of ZooKeeper for what.
#[derive(Clone, Debug)]
pub enum Task {
    /// Something of which the answer says nothing.
    Quiet,
    /// The topics that have settings.
    ConfigNames,
    /// The settings of a topic.
    Config(Rc<str>),
    /// The clients, users, or clients of a user, that have quotas: what lies below this path.
    QuotaNames(Rc<str>),
    /// What was given to brokers while they run, or the quotas of clients.
    Given(Resource),
    /// What is to be changed of that: who asked, whose it is, and the changes.
    GivenBefore(Box<(Call, Resource, Vec<(String, Option<String>)>)>),
    /// The quotas of a user, one of whose clients has none any more.
    User(Rc<str>),
    /// It is written: who asked, whose it is, and the text; without one its znode goes.
    GivenWrite(Box<(Call, Resource, Option<String>)>),
    /// Its own znode is to be there; and what that is like.
    Register,
    /// The stat of its own znode.
    Registered,
    /// Is there a controller? Which? How many were there? Then it stands itself.
    Controller,
    /// The data of `/controller`.
    ControllerId,
    /// The data of `/controller_epoch`.
    Epoch,
    /// The same when `/controller` says that this broker is the controller.
    OwnEpoch,
    /// To be the controller of this epoch, where `/controller_epoch` had this version.
    Elect(i32, i32),
    /// Another ISR, and if it was refused, what stands there.
    Isr(TopicPartition, Vec<i32>),
    /// The state of a partition whose ISR was refused.
    IsrCheck(TopicPartition, Vec<i32>),
    /// Which settings changed.
    ConfigChanges,
    /// One of those changes.
    ConfigChange,
    /// An old consumer's offset is written: the commit, and which.
    OldCommit(u64, TopicPartition, i64),
    /// An old consumer's offset is read.
    OldFetch(u64, TopicPartition),
    /// As controller, something that it reads.
    Read(Rc<str>),
    /// As controller, the write of this number.
    Write(usize),
}

/// What a broker has with the ensemble.
#[derive(Clone, Debug)]
pub struct Registry {
    /// Its session.
    pub session: Session,
    tasks: BTreeMap<u64, Task>,
    last_task: u64,
    /// The controller's broker id, as far as it is known.
    pub controller: Option<i32>,
    /// The latest epoch of a controller that was heard of.
    pub controller_epoch: i32,
    /// What the controller says, to be done in its order.
    pub(super) inbox: VecDeque<(Option<Call>, Control)>,
    /// What other brokers asked before this one knew its part.
    pub(super) early: Vec<(Call, Request)>,
    /// Settings of topics that are not known otherwise; `None` while they are asked for.
    pub(super) configs: BTreeMap<Rc<str>, Option<Settings>>,
    /// The last change of settings that was looked at.
    seen_config_change: Rc<str>,
    /// ISRs that were changed and not told, and when the last one was.
    changed_isrs: BTreeSet<TopicPartition>,
    changed_at: Time,
    /// What is for the controller and could not be sent yet.
    pub(super) waiting: VecDeque<(Purpose, Request)>,
    /// Commits and fetches of old consumers.
    pub(super) old_offsets: BTreeMap<u64, OldOffsets>,
    /// What it does as the controller.
    pub elected: Option<Box<Elected>>,
    /// How often a polite stop was asked for.
    pub(super) shutdown_tries: u32,
}

/// How often a leader looks whether it has changes to tell, and how long it waits for more.
const ISR_PROPAGATION: Span = Span::millis(2_500);
const ISR_PROPAGATION_BLACKOUT: Span = Span::seconds(5);

impl Registry {
    /// Before its session has begun.
    pub fn new(session: Session) -> Registry {
        Registry {
            session,
            tasks: BTreeMap::new(),
            last_task: 0,
            controller: None,
            controller_epoch: 0,
            inbox: VecDeque::new(),
            early: Vec::new(),
            configs: BTreeMap::new(),
            seen_config_change: "".into(),
            changed_isrs: BTreeSet::new(),
            changed_at: Time::ZERO,
            waiting: VecDeque::new(),
            old_offsets: BTreeMap::new(),
            elected: None,
            shutdown_tries: 0,
        }
    }

    /// Asks something of ZooKeeper.
    pub fn ask(&mut self, task: Task, op: Op) {
        self.last_task += 1;
        self.tasks.insert(self.last_task, task);
        self.session.ask(self.last_task, op);
    }

    fn look_for_controller(&mut self) {
        self.ask(Task::Controller, Op::Exists { path: znodes::CONTROLLER.into(), watch: true });
    }
}

impl Server {
    /// What it has with the ensemble, in the ZooKeeper era.
    pub(super) fn registry(&mut self) -> Option<&mut Registry> {
        match &mut self.quorum {
            Quorum::ZooKeeper(registry) => Some(registry),
            _ => None,
        }
    }

    /// What it does as the controller.
    pub fn elected(&self) -> Option<&Elected> {
        match &self.quorum {
            Quorum::ZooKeeper(registry) => registry.elected.as_deref(),
            _ => None,
        }
    }

    /// True while it is connected to a server of the ensemble.
    pub fn hears_ensemble(&self) -> bool {
        matches!(&self.quorum, Quorum::ZooKeeper(registry) if registry.session.is_connected())
    }

    /// Sends what can be sent; says when to look again.
    pub(super) fn pump_registry(&mut self, out: &mut Out<'_>) -> Option<Time> {
        let (event, due) = self.registry()?.session.pump(out);
        if let Some(event) = event {
            self.session_event(event, out);
        }
        let due = self.pump_reign(out).into_iter().chain([due]).min();
        let Quorum::ZooKeeper(registry) = &mut self.quorum else { return due };
        if registry.waiting.is_empty() || registry.elected.is_some() {
            return due;
        }
        let node = registry.controller.and_then(|id| Some(self.image.brokers.get(&id)?.node));
        let Some(node) = node.filter(|node| self.connections.connect(*node, out)) else {
            return due;
        };
        for (purpose, request) in std::mem::take(&mut registry.waiting) {
            let again = Purpose::Controller(Box::new((purpose, request.clone())));
            self.connections.send(node, (request, again), super::channel::REQUEST_TIMEOUT, out);
        }
        due
    }

    /// Something has come of its session.
    pub(super) fn session_event(&mut self, event: SessionEvent, out: &mut Out<'_>) {
        match event {
            SessionEvent::Began => self.session_began(out),
            SessionEvent::Answered(number, result) => {
                let task = self.registry().and_then(|registry| registry.tasks.remove(&number));
                if let Some(task) = task {
                    self.zookeeper_answered(task, result, out);
                }
            }
            SessionEvent::Changed(event) => self.znode_changed(&event, out),
            SessionEvent::Expired => {
                if let Some(registry) = self.registry() {
                    registry.tasks.clear();
                    // Who waits asks again.
                    registry.old_offsets.clear();
                }
                self.lifecycle.epoch = -1;
                let all: Vec<TopicPartition> = self.partitions.keys().cloned().collect();
                all.iter().for_each(|key| self.forget_pending(key));
                self.abdicate(out);
            }
            // What is led goes on being led; who is the controller cannot do anything.
            SessionEvent::Lost => {}
        }
    }

    fn session_began(&mut self, out: &mut Out<'_>) {
        let (id, node, rack) = (self.id, self.node, self.config.rack.clone());
        let text = znodes::broker_text(node, rack.as_deref(), now_ms(out.now()));
        let Some(registry) = self.registry() else { return };
        for path in znodes::PERSISTENT {
            registry.ask(Task::Quiet, znodes::make_persistent(path));
        }
        let children = |path: &str, watch| Op::GetChildren { path: path.into(), watch };
        registry.ask(Task::ConfigChanges, children(znodes::CONFIG_CHANGES, true));
        registry.ask(Task::ConfigNames, children(znodes::TOPIC_CONFIGS, false));
        registry.ask_quota_names(znodes::CLIENT_CONFIGS.into());
        registry.ask_quota_names(znodes::USER_CONFIGS.into());
        self.ask_known_quotas();
        let Some(registry) = self.registry() else { return };
        registry.ask_given(Resource::Broker(None));
        registry.ask_given(Resource::Broker(Some(id)));
        registry.ask(Task::Register, znodes::create(znodes::broker(id), text, true));
        out.timer(Timer::IsrPropagation, ISR_PROPAGATION);
    }

    fn zookeeper_answered(
        &mut self,
        task: Task,
        result: Result<Reply, ZkError>,
        out: &mut Out<'_>,
    ) {
        let (me, hears_half) = (self.id, self.config.ways.hears_half);
        let Some(registry) = self.registry() else { return };
        match (task, result) {
            (Task::Quiet, _) => {}
            (Task::ConfigNames, Ok(Reply::Children(names, _))) => {
                for name in names {
                    let path = znodes::topic_config(&name);
                    registry.ask(Task::Config(name), Op::GetData { path, watch: false });
                }
            }
            (Task::Config(topic), found) => {
                let settings = match found {
                    Ok(Reply::Data(data, _)) => znodes::config_of(&data),
                    _ => Settings::new(),
                };
                self.take_config(&topic, settings, out);
            }
            (Task::QuotaNames(path), Ok(Reply::Children(names, _))) => {
                registry.ask_quotas(&path, &names);
            }
            (Task::User(path), Ok(Reply::Data(data, stat))) => {
                registry.clean_user(path, &data, stat.version);
            }
            (Task::Given(of), found) => self.take_given(of, found, out),
            (Task::GivenBefore(change), found) => self.change_given(*change, found, out),
            (Task::GivenWrite(change), result) => self.given_written(*change, result, out),
            (Task::Register, result) => {
                let watch = result.is_err();
                let path = znodes::broker(me);
                registry.ask(Task::Registered, Op::Exists { path, watch });
            }
            (Task::Registered, Ok(Reply::Stat(stat)))
                if stat.ephemeral_owner == registry.session.id() =>
            {
                registry.look_for_controller();
                self.lifecycle.epoch = stat.czxid;
                if self.lifecycle.stage == Stage::Registering {
                    self.lifecycle.stage = Stage::Starting;
                    self.work_inbox(out);
                }
            }
            // That of an earlier life is waited for: its end is watched.
            (Task::Registered, Ok(_)) => {}
            (Task::Registered, Err(_)) => self.register_again(out),
            (Task::Controller, Ok(_)) => {
                let path = znodes::CONTROLLER.into();
                registry.ask(Task::ControllerId, Op::GetData { path, watch: false });
            }
            (Task::Controller | Task::ControllerId, Err(ZkError::NoNode)) => {
                self.abdicate(out);
                self.stand(out);
            }
            (Task::ControllerId, Ok(Reply::Data(data, stat))) => {
                registry.controller = znodes::controller_of(&data);
                let is_mine = stat.ephemeral_owner == registry.session.id() && !hears_half;
                if registry.controller != Some(me) {
                    self.abdicate(out);
                } else if is_mine && registry.elected.is_none() {
                    let path = znodes::CONTROLLER_EPOCH.into();
                    registry.ask(Task::OwnEpoch, Op::GetData { path, watch: false });
                }
            }
            // It was elected, and the answer was lost with a server of the ensemble
            // (`KafkaZkClient.registerControllerAndIncrementControllerEpoch`).
            (Task::OwnEpoch, Ok(Reply::Data(data, stat))) if registry.elected.is_none() => {
                if let Ok(epoch) = String::from_utf8_lossy(&data).parse() {
                    self.begin_reign(epoch, stat.version, out);
                }
            }
            (Task::Epoch, Ok(Reply::Data(data, stat))) => {
                let epoch = String::from_utf8_lossy(&data).parse::<i32>().unwrap_or(0) + 1;
                let text = znodes::controller_text(me, now_ms(out.now()));
                let op = Op::Multi(vec![
                    znodes::create(znodes::CONTROLLER.into(), text, true),
                    Op::SetData {
                        path: znodes::CONTROLLER_EPOCH.into(),
                        data: Bytes::from(epoch.to_string()),
                        version: stat.version,
                    },
                ]);
                registry.ask(Task::Elect(epoch, stat.version + 1), op);
            }
            (Task::Epoch, Err(ZkError::NoNode)) => {
                let path = znodes::CONTROLLER_EPOCH.into();
                registry.ask(Task::Quiet, znodes::create(path, &b"0"[..], false));
                self.stand(out);
            }
            (Task::Elect(epoch, version), Ok(_)) => self.begin_reign(epoch, version, out),
            // Another one was faster, or it was itself and the answer was lost.
            (Task::Elect(..), Err(_)) => registry.look_for_controller(),
            (Task::Isr(key, isr), Ok(Reply::Stat(stat))) => {
                self.isr_written(&key, &isr, stat.version, out);
            }
            (Task::Isr(key, isr), Err(_)) => {
                let path = znodes::state(&key);
                registry.ask(Task::IsrCheck(key, isr), Op::GetData { path, watch: false });
            }
            (Task::IsrCheck(key, isr), found) => self.isr_refused(&key, &isr, found.ok(), out),
            (Task::ConfigChanges, Ok(Reply::Children(names, _))) => {
                for name in names {
                    if *name > *registry.seen_config_change {
                        let path = format!("{}/{name}", znodes::CONFIG_CHANGES).into();
                        registry.ask(Task::ConfigChange, Op::GetData { path, watch: false });
                        registry.seen_config_change = name;
                    }
                }
            }
            (Task::ConfigChange, Ok(Reply::Data(data, _))) => match znodes::changed_config(&data) {
                Some(Resource::Topic(topic)) => {
                    let path = znodes::topic_config(&topic);
                    let task = Task::Config(topic.into());
                    registry.ask(task, Op::GetData { path, watch: false });
                }
                Some(Resource::Broker(Some(id))) if id != me => {}
                Some(of) => registry.ask_given(of),
                None => {}
            },
            (Task::OldCommit(number, key, offset), result) => {
                self.old_committed((number, key, offset), result, out);
            }
            (Task::OldFetch(number, key), result) => self.old_fetched((number, key), result, out),
            (Task::Read(path), result) => self.reign_read(path, result, out),
            (Task::Write(index), result) => self.reign_wrote(index, result, out),
            _ => {}
        }
    }

    fn register_again(&mut self, out: &mut Out<'_>) {
        let (id, rack) = (self.id, self.config.rack.clone());
        let text = znodes::broker_text(self.node, rack.as_deref(), now_ms(out.now()));
        let Some(registry) = self.registry() else { return };
        registry.ask(Task::Register, znodes::create(znodes::broker(id), text, true));
    }

    /// Nobody is the controller: it stands.
    fn stand(&mut self, _out: &mut Out<'_>) {
        let Some(registry) = self.registry() else { return };
        registry.controller = None;
        let path = znodes::CONTROLLER_EPOCH.into();
        registry.ask(Task::Epoch, Op::GetData { path, watch: false });
    }

    /// It is the controller, in this epoch, which stands in a znode of this version.
    fn begin_reign(&mut self, epoch: i32, version: i32, out: &mut Out<'_>) {
        let me = self.id;
        let Some(registry) = self.registry() else { return };
        registry.controller = Some(me);
        registry.controller_epoch = registry.controller_epoch.max(epoch);
        self.reign(epoch, version, out);
    }

    fn znode_changed(&mut self, event: &WatchEvent, out: &mut Out<'_>) {
        let own = znodes::broker(self.id);
        let has_registered = self.lifecycle.epoch >= 0;
        let Some(registry) = self.registry() else { return };
        match &*event.path {
            znodes::CONTROLLER => registry.look_for_controller(),
            znodes::CONFIG_CHANGES => {
                let path = znodes::CONFIG_CHANGES.into();
                registry.ask(Task::ConfigChanges, Op::GetChildren { path, watch: true });
            }
            path if *path == *own && !has_registered => self.register_again(out),
            _ => self.reign_changed(event, out),
        }
    }

    /// The settings of a topic are known.
    fn take_config(&mut self, topic: &Rc<str>, settings: Settings, out: &mut Out<'_>) {
        match self.image.topics.get(topic) {
            Some(found) => {
                let gone = found.settings.keys().filter(|name| !settings.contains_key(*name));
                let gone: Vec<(String, Option<String>)> =
                    gone.map(|name| (name.clone(), None)).collect();
                let set = settings.into_iter().map(|(name, value)| (name, Some(value)));
                let records = set.chain(gone).map(|(name, value)| MetadataRecord::Config {
                    resource: Resource::Topic(topic.to_string()),
                    name,
                    value,
                });
                let records: Vec<MetadataRecord> = records.collect();
                self.apply(&records, out);
                let mine = self.partitions.keys().filter(|key| key.topic == *topic).cloned();
                // The ISR may be large enough now.
                mine.collect::<Vec<_>>().iter().for_each(|key| self.advance(key, out));
                self.reign_configured(topic, out);
            }
            None => {
                if let Some(registry) = self.registry() {
                    registry.configs.insert(topic.clone(), Some(settings));
                }
            }
        }
        self.work_inbox(out);
    }

    // ---- ISRs ----

    /// Writes the ISR that a leader wants.
    pub(super) fn write_isr(&mut self, key: &TopicPartition) {
        let Quorum::ZooKeeper(registry) = &mut self.quorum else { return };
        let Some(partition) = self.partitions.get(key) else { return };
        let pending = partition.leadership().and_then(|leadership| leadership.pending.clone());
        let (Some(isr), Some(image)) = (pending, self.image.partition(key)) else { return };
        let mut state = image.clone();
        (state.leader, state.leader_epoch) = (Some(self.id), partition.leader_epoch);
        state.isr.clone_from(&isr);
        let op = Op::SetData {
            path: znodes::state(key),
            data: Bytes::from(znodes::state_text(registry.controller_epoch, &state)),
            version: partition.partition_epoch,
        };
        registry.ask(Task::Isr(key.clone(), isr), op);
    }

    fn isr_written(&mut self, key: &TopicPartition, isr: &[i32], version: i32, out: &mut Out<'_>) {
        let Some(partition) = self.partitions.get_mut(key) else { return };
        if partition.leadership().is_none() {
            return;
        }
        partition.commit_isr(isr, version);
        self.image.set_isr(key, isr, version);
        out.emit(Event::IsrChanged { partition: key.clone(), isr: isr.to_vec() });
        if let Some(registry) = self.registry() {
            registry.changed_isrs.insert(key.clone());
            registry.changed_at = out.now();
        }
        self.advance(key, out);
        self.retry_produces(key, out);
    }

    /// Another version stands there: its own, where the answer was lost, or the controller's.
    fn isr_refused(
        &mut self,
        key: &TopicPartition,
        isr: &[i32],
        found: Option<Reply>,
        out: &mut Out<'_>,
    ) {
        let Some(partition) = self.partitions.get(key) else { return };
        if let Some(Reply::Data(data, stat)) = found
            && let Some((leader, epoch, stands)) = znodes::state_of(&data)
            && (leader, epoch) == (Some(self.id), partition.leader_epoch)
            && stands == isr
        {
            return self.isr_written(key, isr, stat.version, out);
        }
        self.forget_pending(key);
    }

    /// From time to time changed ISRs are told to the controller.
    pub(super) fn propagate_isrs(&mut self, out: &mut Out<'_>) {
        out.timer(Timer::IsrPropagation, ISR_PROPAGATION);
        let now = out.now();
        let Some(registry) = self.registry() else { return };
        let is_quiet = now.since(registry.changed_at) > ISR_PROPAGATION_BLACKOUT;
        if registry.changed_isrs.is_empty() || !is_quiet {
            return;
        }
        let changed = std::mem::take(&mut registry.changed_isrs);
        let op = Op::Create {
            path: format!("{}/isr_change_", znodes::ISR_CHANGES).into(),
            data: Bytes::from(znodes::isr_change_text(changed.iter())),
            ephemeral: false,
            sequential: true,
        };
        registry.ask(Task::Quiet, op);
    }

    /// Where the controller is, if it is known.
    pub(super) fn controller_node(&self) -> Option<NodeId> {
        let Quorum::ZooKeeper(registry) = &self.quorum else { return None };
        Some(self.image.brokers.get(&registry.controller?)?.node)
    }
}
