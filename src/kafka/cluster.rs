//! The Kafka world as the lab holds it: processes by name, and what may be looked at.

use super::broker::{Broker, Server};
use super::command::Command;
use super::config::broker::MACHINE;
use super::consumer::Consumer;
use super::controller::{Controller, ControllerProcess};
use super::event::{Event, InHands, TopicPartition};
use super::inspect::{
    ClientKind, ClientState, Glimpse, GroupPosition, GroupState, MemberState, PartitionState,
    ReplicaState, SegmentState, TopicState, TransactionState,
};
use super::log::Log;
use super::message::message_of;
use super::message::response::DescribedMember;
use super::metadata::{Image, PartitionImage, is_internal};
use super::partition::Partition;
use super::process::{Process, Program};
use super::producer::Producer;
use super::record::{BatchStream, Records};
use super::spec::{ConsumerSpec, Reads, Spec};
use crate::ordered::{BTreeMap, BTreeSet};
use crate::sim::{
    CostModel, Disk, Happening, MachineId, MessageId, NodeId, Saved, SavedProcess, Status, Time,
    World,
};
use std::rc::Rc;

/// How many of the messages in a client's memory are named; the rest is counted.
const HELD_MAX: usize = 1_000;

/// A Kafka-style cluster and its clients.
#[derive(Clone)]
pub struct Cluster {
    /// The world they live in: time, faults, disks.
    pub world: World<Process>,
}

impl Cluster {
    /// An empty world.
    pub fn new(seed: u64, cost: CostModel) -> Cluster {
        Cluster { world: World::new(seed, "kafka", cost) }
    }

    /// The world that a crash of every process would have left where this was saved: see
    /// [`World::restored`].
    pub fn restored(seed: u64, cost: CostModel, saved: Saved<Spec>) -> Cluster {
        let servers: Vec<(NodeId, bool)> = saved
            .processes
            .iter()
            .filter_map(|process: &SavedProcess<Spec>| match process.node {
                Spec::Broker(_) => Some((process.id, false)),
                Spec::Controller(_) => Some((process.id, true)),
                _ => None,
            })
            .collect();
        let saved = saved.map(|id, _, spec| {
            let asks_controllers = matches!(spec, Spec::Broker(_));
            let before = servers.iter().filter(|(server, is_controller)| {
                *server < id && *is_controller == asks_controllers
            });
            Process::new(spec, before.map(|(server, _)| *server).collect())
        });
        Cluster { world: World::restored(seed, "kafka", cost, saved) }
    }

    /// Adds a process on a machine of its own, or on the one that its settings name, with the files
    /// its disk already holds, and starts it. Brokers are called `kafka-1`, ..., controllers
    /// `controller-1`, ...; clients have the names of their specs; the admin client is called
    /// `kafka-admin`. A client knows the brokers
    /// that are there already, a broker the controllers. Panics if the name is taken.
    pub fn add(&mut self, name: &str, spec: Spec, disk: Disk) -> NodeId {
        let machine = self.machine_of(&spec).unwrap_or_else(|| self.world.add_machine());
        let known = match spec {
            Spec::Broker(_) => self.controllers().map(|(node, _)| node).collect(),
            _ => self.brokers().map(|(node, _)| node).collect(),
        };
        let process = Process::new(spec, known);
        let id = self.world.add(name, machine, process, disk);
        self.world.start(id);
        id
    }

    /// The machine that its settings name, if another server is on it already.
    fn machine_of(&self, spec: &Spec) -> Option<MachineId> {
        let named = |spec: &Spec| match spec {
            Spec::Broker(spec) => spec.settings.get(MACHINE).cloned(),
            Spec::Controller(spec) => spec.settings.get(MACHINE).cloned(),
            _ => None,
        };
        let wanted = named(spec)?;
        let mut all = self.world.ids();
        let found = all.find(|id| named(self.spec(*id)).as_deref() == Some(&wanted));
        found.map(|id| self.world.machine(id))
    }

    /// The configuration of a process, for saving: as it was added, with what was set since.
    pub fn spec(&self, id: NodeId) -> &Spec {
        self.world.node(id).spec()
    }

    /// Asks something of a process.
    pub fn command(&mut self, id: NodeId, command: Command) {
        self.world.command(id, command);
    }

    /// What happened since this was last called.
    pub fn take_happenings(&mut self) -> Vec<Happening<Event>> {
        self.world.take_happenings()
    }

    /// All topics in the order of their names, internal ones too. A partition stands as its leader
    /// has it; without one as the replica does that has the most, or had when it went down.
    pub fn topics(&self) -> Vec<TopicState> {
        self.topics_where(|_| true)
    }

    /// The topic of this name.
    pub fn topic(&self, name: &str) -> Option<TopicState> {
        self.topics_where(|topic| topic == name).pop()
    }

    fn topics_where(&self, is: impl Fn(&str) -> bool) -> Vec<TopicState> {
        let mut topics: BTreeMap<Rc<str>, TopicState> = BTreeMap::new();
        let image = self.image();
        for key in self.partitions_where(&is) {
            let topic = topics.entry(key.topic.clone()).or_insert_with(|| TopicState {
                name: key.topic.to_string(),
                internal: is_internal(&key.topic),
                settings: image.map(|image| image.settings_of(&key.topic)).unwrap_or_default(),
                partitions: Vec::new(),
            });
            let (_, shown) = self.shown(&key).expect("a broker has it");
            let image = image.and_then(|image| image.partition(&key));
            let replicas = self.replicas(&key);
            topic.partitions.push(partition_state(&key, shown, image, replicas));
        }
        topics.into_values().collect()
    }

    /// Every partition of these topics of which a broker has a replica.
    fn partitions_where(&self, is: impl Fn(&str) -> bool) -> BTreeSet<TopicPartition> {
        let all = self.brokers().flat_map(|(_, broker)| broker.partitions().keys());
        all.filter(|key| is(&key.topic)).cloned().collect()
    }

    /// What the cluster knows of itself: the controller's word, or that of the broker that has
    /// heard most of it.
    fn image(&self) -> Option<&Image> {
        if let Some((_, controller)) = self.active_controller() {
            return Some(&controller.image);
        }
        let up = self.brokers().filter(|(node, _)| self.is_up(*node));
        let servers = up.filter_map(|(_, broker)| broker.server());
        servers.max_by_key(|server| server.metadata_end()).map(|server| &server.image)
    }

    /// The controller that decides: of two that believe so the one of the later epoch.
    pub fn active_controller(&self) -> Option<(NodeId, &Controller)> {
        let serving = self.controllers().filter_map(|(node, it)| Some((node, it.serving()?)));
        let active = serving.filter(|(node, it)| self.is_up(*node) && it.is_active());
        active.max_by_key(|(_, it)| it.epoch())
    }

    /// All controllers that serve: `node.id`, where, and what they know.
    pub fn serving_controllers(&self) -> impl Iterator<Item = (NodeId, &Controller)> {
        self.controllers().filter_map(|(node, it)| Some((node, it.serving()?)))
    }

    /// The replica that stands for a partition, and its broker: the leader of the latest epoch
    /// that lives, else the longest log.
    fn shown(&self, key: &TopicPartition) -> Option<(NodeId, &Partition)> {
        let all = self.brokers().filter_map(|(node, broker)| {
            let found = broker.partitions().get(key)?;
            let leads = self.is_up(node) && found.leadership().is_some();
            Some(((leads, leads.then_some(found.leader_epoch), found.log.log_end()), node, found))
        });
        // The first of those that are alike.
        let best = all.reduce(|best, next| if next.0 > best.0 { next } else { best });
        best.map(|(_, node, found)| (node, found))
    }

    /// The broker whose replica stands for a partition.
    pub fn home_of(&self, partition: &TopicPartition) -> Option<NodeId> {
        self.shown(partition).map(|(node, _)| node)
    }

    fn replicas(&self, key: &TopicPartition) -> Vec<ReplicaState> {
        let all = self.brokers().filter_map(|(node, broker)| {
            let found = broker.partitions().get(key)?;
            Some(ReplicaState {
                broker: broker.id(),
                is_up: self.is_up(node),
                leads: found.leadership().is_some(),
                leader_epoch: found.leader_epoch,
                log_start: found.log.log_start(),
                high_watermark: found.high_watermark(),
                log_end: found.log.log_end(),
            })
        });
        all.collect()
    }

    /// True if the leaders of a topic give its records their time.
    pub fn stamps_append_time(&self, topic: &str) -> bool {
        let key = TopicPartition::new(topic, 0);
        self.shown(&key).is_some_and(|(_, found)| found.log.config.log_append_time)
    }

    /// The records `from..to` of a partition, as far as they are in this computer's memory.
    pub fn glimpse(&self, partition: &TopicPartition, from: i64, to: i64) -> Vec<Glimpse> {
        match self.shown(partition) {
            Some((node, found)) => glimpse_of(&found.log, self.world.disk(node), from, to),
            None => Vec::new(),
        }
    }

    /// The same at one broker's replica.
    pub fn glimpse_at(
        &self,
        broker: i32,
        partition: &TopicPartition,
        from: i64,
        to: i64,
    ) -> Vec<Glimpse> {
        let found = self.brokers().find(|(_, found)| found.id() == broker);
        let found = found.and_then(|(node, b)| Some((node, b.partitions().get(partition)?)));
        match found {
            Some((node, found)) => glimpse_of(&found.log, self.world.disk(node), from, to),
            None => Vec::new(),
        }
    }

    /// All groups in the order of their ids.
    pub fn groups(&self) -> Vec<GroupState> {
        let mut groups = BTreeMap::new();
        for (_, broker) in self.brokers() {
            let Some(server) = broker.server() else { continue };
            for (id, group) in server.groups.iter() {
                let described = group.describe();
                let read = described.members.iter().flat_map(|m| &m.assignment);
                let mut committed: BTreeMap<TopicPartition, Option<i64>> =
                    read.map(|partition| (partition.clone(), None)).collect();
                for (partition, offset) in &group.offsets {
                    committed.insert(partition.clone(), Some(offset.offset));
                }
                // A share group's place is the first offset that is not done.
                for (_, leader) in self.brokers() {
                    let shared = leader.server().into_iter().flat_map(|server| &server.shares.all);
                    for shared in shared.filter(|s| s.group == *id && s.is_restored) {
                        committed.insert(shared.partition.clone(), Some(shared.state.start()));
                    }
                }
                let offsets = committed.into_iter().map(|(partition, committed)| {
                    let lag = self.shown(&partition).map_or(0, |(_, found)| {
                        let from = committed.unwrap_or(found.log.log_start());
                        (found.high_watermark() - from).max(0)
                    });
                    GroupPosition { partition, committed, lag }
                });
                groups.insert(
                    id.clone(),
                    GroupState {
                        id: id.to_string(),
                        state: described.state,
                        generation: described.generation,
                        assignor: described.assignor,
                        members: described.members.into_iter().map(member_state).collect(),
                        offsets: offsets.collect(),
                    },
                );
            }
        }
        groups.into_values().collect()
    }

    /// All transactional ids in their order.
    pub fn transactions(&self) -> Vec<TransactionState> {
        let mut all = BTreeMap::new();
        for (_, broker) in self.brokers().filter(|(node, _)| self.is_up(*node)) {
            let known = broker.server().map(|server| &server.transactions.all);
            for (id, known) in known.into_iter().flat_map(BTreeMap::iter) {
                let Some(now) = &known.now else { continue };
                let state = TransactionState {
                    id: id.to_string(),
                    coordinator: broker.id(),
                    state: now.state.name(),
                    producer_id: now.producer_id,
                    epoch: now.epoch,
                    partitions: now.partitions.iter().cloned().collect(),
                };
                all.insert(id.clone(), state);
            }
        }
        all.into_values().collect()
    }

    /// The configuration of a consumer.
    pub fn consumer(&self, name: &str) -> Option<&ConsumerSpec> {
        match self.spec(self.world.id(name)?) {
            Spec::Consumer(spec) => Some(spec),
            _ => None,
        }
    }

    /// Of the records that a consumer has in hands those that its group has committed past.
    pub fn passed_over(&self, id: NodeId, held: &[InHands]) -> Vec<MessageId> {
        let Program::Consumer(consumer) = self.world.node(id).program() else { return Vec::new() };
        let Reads::Group { group, .. } = &consumer.spec().reads else { return Vec::new() };
        let servers = self.brokers().filter_map(|(_, broker)| broker.server());
        let Some(group) = servers.filter_map(|server| server.groups.get(group)).next() else {
            return Vec::new();
        };
        let passed = held.iter().filter(|(partition, offset, _)| {
            group.offsets.get(partition).is_some_and(|committed| committed.offset > *offset)
        });
        passed.map(|(_, _, message)| *message).collect()
    }

    /// What a consumer was handed and has not handled.
    pub fn in_hands(&self, id: NodeId) -> Vec<InHands> {
        match self.world.node(id).program() {
            Program::Consumer(consumer) => consumer.in_hands(),
            _ => Vec::new(),
        }
    }

    /// All producers and consumers in the order in which they came.
    pub fn clients(&self) -> Vec<ClientState> {
        self.world.ids().filter_map(|id| self.state_of(id)).collect()
    }

    /// The producer or consumer of this name.
    pub fn client(&self, name: &str) -> Option<ClientState> {
        self.state_of(self.world.id(name)?)
    }

    fn state_of(&self, id: NodeId) -> Option<ClientState> {
        match self.world.node(id).program() {
            Program::Producer(producer) => Some(self.producer_state(id, producer)),
            Program::Consumer(consumer) => Some(self.consumer_state(id, consumer)),
            Program::Broker(_) | Program::Controller(_) | Program::Admin(_) => None,
        }
    }

    /// True once the process finished its start: a broker serves, a client is ready to work.
    pub fn is_ready(&self, id: NodeId) -> bool {
        match self.world.node(id).program() {
            Program::Broker(broker) => broker.server().is_some_and(Server::is_running),
            Program::Controller(controller) => controller.serving().is_some(),
            Program::Producer(producer) => producer.is_ready(),
            Program::Consumer(consumer) => consumer.is_ready(),
            Program::Admin(admin) => admin.is_ready(),
        }
    }

    fn brokers(&self) -> impl Iterator<Item = (NodeId, &Broker)> {
        self.world.ids().filter_map(|id| match self.world.node(id).program() {
            Program::Broker(broker) => Some((id, &**broker)),
            _ => None,
        })
    }

    fn controllers(&self) -> impl Iterator<Item = (NodeId, &ControllerProcess)> {
        self.world.ids().filter_map(|id| match self.world.node(id).program() {
            Program::Controller(controller) => Some((id, &**controller)),
            _ => None,
        })
    }

    fn is_up(&self, id: NodeId) -> bool {
        matches!(self.world.status(id), Status::Running | Status::Paused)
    }

    fn producer_state(&self, id: NodeId, producer: &Producer) -> ClientState {
        let book = producer.book();
        let (count, bytes) = producer.accumulator().held();
        let blocked = producer.blocked().map(|record| record.id);
        let held = producer.accumulator().messages().chain(blocked);
        ClientState {
            kind: ClientKind::Producer,
            group: None,
            got: book.got,
            done: book.done,
            held: held.take(HELD_MAX).collect(),
            held_count: count + producer.blocked().count() as u64,
            held_bytes: bytes,
            busy_until: None,
            positions: Vec::new(),
            parked_since: None,
            failed: book.failed,
            effects: 0,
            ..self.client_state(id)
        }
    }

    fn consumer_state(&self, id: NodeId, consumer: &Consumer) -> ClientState {
        let book = consumer.book();
        let held = consumer.held().filter_map(|held| held.message);
        let positions = consumer.positions().map(|(tp, offset)| (tp.clone(), offset));
        ClientState {
            group: match &consumer.spec().reads {
                Reads::Group { group, .. } => Some(group.clone()),
                Reads::Assigned { .. } => None,
            },
            got: book.got,
            done: book.done,
            held: held.take(HELD_MAX).collect(),
            held_count: consumer.held().count() as u64,
            held_bytes: consumer.held().map(|held| u64::from(held.bytes)).sum(),
            memory: consumer.memory(),
            busy_until: consumer.busy_until(),
            positions: positions.collect(),
            parked_since: self.parked_since(id),
            effects: book.effects,
            store: consumer.store(),
            ..self.client_state(id)
        }
    }

    fn client_state(&self, id: NodeId) -> ClientState {
        ClientState {
            name: self.world.name(id).to_owned(),
            kind: ClientKind::Consumer,
            status: self.world.status(id),
            group: None,
            got: 0,
            done: 0,
            held: Vec::<MessageId>::new(),
            held_count: 0,
            held_bytes: 0,
            memory: None,
            busy_until: None,
            positions: Vec::new(),
            parked_since: None,
            failed: 0,
            effects: 0,
            store: Vec::new(),
        }
    }

    fn parked_since(&self, client: NodeId) -> Option<Time> {
        let servers = self.brokers().filter_map(|(_, broker)| broker.server());
        servers.filter_map(|server| server.parked_since(client)).min()
    }
}

fn member_state(member: DescribedMember) -> MemberState {
    MemberState {
        member: member.member.to_string(),
        client: member.client.to_string(),
        partitions: member.assignment,
    }
}

fn partition_state(
    key: &TopicPartition,
    partition: &Partition,
    image: Option<&PartitionImage>,
    replicas: Vec<ReplicaState>,
) -> PartitionState {
    let segments = partition.log.segments();
    let here = || replicas.iter().map(|replica| replica.broker).collect::<Vec<_>>();
    PartitionState {
        partition: key.clone(),
        leader: image.and_then(|image| image.leader),
        leader_epoch: image.map_or(partition.leader_epoch, |image| image.leader_epoch),
        replicas: image.map_or_else(here, |image| image.replicas.clone()),
        isr: image.map_or_else(here, |image| image.isr.clone()),
        elr: image.map_or_else(Vec::new, |image| image.elr.clone()),
        log_start: partition.log.log_start(),
        high_watermark: partition.high_watermark(),
        last_stable: partition.last_stable(),
        log_end: partition.log.log_end(),
        segments: segments
            .map(|segment| SegmentState { base_offset: segment.base_offset, bytes: segment.bytes })
            .collect(),
        logs: replicas,
    }
}

/// Decodes the records `from..to` from a disk, segment by segment, without asking for bytes that
/// are not in memory.
fn glimpse_of(log: &Log, disk: &Disk, from: i64, to: i64) -> Vec<Glimpse> {
    let mut seen = Vec::new();
    let mut next = from.max(log.log_start());
    let to = to.min(log.log_end());
    while next < to {
        let plan = log.read_plan(next, u64::MAX);
        let end = match log.position_of(to) {
            (end, true) if end.segment == plan.from.segment => Some(end.position),
            _ => log.segment_with(plan.from.segment).offsets.position_past(to),
        };
        let len = end.map_or(plan.available, |end| end.saturating_sub(plan.from.position));
        let file = disk.get(&plan.file);
        if let Some(Ok(rope)) = file.map(|file| file.read(plan.from.position, len)) {
            let mut stream = BatchStream::of(&rope);
            while let Some((header, batch)) = stream.next_batch() {
                if header.base_offset >= to {
                    break;
                }
                if header.last_offset() < next {
                    continue;
                }
                let records = Records::of(&batch).into_iter().flatten();
                let wanted = records.filter(|record| (next..to).contains(&record.offset));
                seen.extend(wanted.map(|record| Glimpse {
                    offset: record.offset,
                    message: message_of(&record),
                    key: record.key.map(|key| String::from_utf8_lossy(key).into_owned()),
                }));
            }
        }
        match log.next_segment(plan.from.segment) {
            Some(segment) => next = segment,
            None => break,
        }
    }
    seen
}
