//! The Kafka world as the lab holds it: processes by name, and what may be looked at.

mod clients;

use super::broker::elected::Elected;
use super::broker::znodes;
use super::broker::{Broker, Server};
use super::command::Command;
use super::config::broker::MACHINE;
use super::controller::{Controller, ControllerProcess};
use super::event::{Event, TopicPartition};
use super::inspect::{
    Glimpse, GroupPosition, GroupState, MemberState, PartitionState, ReplicaState, SegmentState,
    TopicState, TransactionState,
};
use super::log::Log;
use super::message::message_of;
use super::message::response::DescribedMember;
use super::metadata::{Image, PartitionImage, is_internal};
use super::partition::Partition;
use super::process::{Process, Program};
use super::record::{BatchStream, Records};
use super::spec::Spec;
use super::zookeeper::{Op, Reply, ZooKeeper};
use crate::ordered::{BTreeMap, BTreeSet};
use crate::raft::Raft;
use crate::sim::{
    CostModel, Disk, Happening, MachineId, NodeId, Saved, SavedProcess, Status, World,
};
use std::rc::Rc;

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
                Spec::Controller(_) | Spec::ZooKeeper(_) => Some((process.id, true)),
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
    /// `controller-1`, ..., servers of ZooKeeper `zookeeper-1`, ...; clients have the names of
    /// their specs; the admin client is called `kafka-admin`. A client knows the brokers
    /// that are there already, a broker the controllers. Panics if the name is taken.
    pub fn add(&mut self, name: &str, spec: Spec, disk: Disk) -> NodeId {
        let machine = self.machine_of(&spec).unwrap_or_else(|| self.world.add_machine());
        let known = match spec {
            Spec::Broker(_) => {
                let ensemble = self.ensemble().map(|(node, _)| node);
                self.controllers().map(|(node, _)| node).chain(ensemble).collect()
            }
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

    /// The same in exchange for an empty list, whose room is used for what will be told.
    pub fn swap_happenings(&mut self, told: &mut Vec<Happening<Event>>) {
        self.world.swap_happenings(told);
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
            let written = image.and_then(|image| self.written_state(&key, image));
            let replicas = self.replicas(&key);
            let image = written.as_ref().or(image);
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
        // One that has just been elected has not read anything yet.
        let elected = self.elected_controller().map(|(_, elected)| &elected.image);
        if let Some(image) = elected.filter(|image| !image.brokers.is_empty()) {
            return Some(image);
        }
        if let Some((_, controller)) = self.active_controller() {
            return Some(&controller.image);
        }
        let up = self.brokers().filter(|(node, _)| self.is_up(*node));
        let servers = up.filter_map(|(_, broker)| broker.server());
        // One that was elected a moment ago counts the new reign and has read nothing yet; one
        // that is cut off knows the reign, and not what came in it.
        let known = |server: &&Server| {
            let image = &server.image;
            (!image.brokers.is_empty(), server.metadata_end(), image.topics.len())
        };
        servers.max_by_key(known).map(|server| &server.image)
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
                // One that starts does not lead yet, though it shows what it was.
                leads: found.leadership().is_some()
                    && (broker.server().is_some() || !self.is_up(node)),
                leader_epoch: found.leader_epoch,
                log_start: found.log.log_start(),
                high_watermark: found.high_watermark(),
                log_end: found.log.log_end(),
            })
        });
        all.collect()
    }

    /// True if the leaders of a topic give its records their time.
    pub fn stamping_topics(&self) -> Vec<String> {
        let all = self.topics().into_iter().filter(|topic| {
            let key = TopicPartition::new(&topic.name, 0);
            self.shown(&key).is_some_and(|(_, found)| found.log.config.log_append_time)
        });
        all.map(|topic| topic.name.to_string()).collect()
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
                for (partition, offset) in &mut committed {
                    *offset = offset.or_else(|| self.old_offset(id, partition));
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

    /// What stands in ZooKeeper of a partition, if the controller has not heard of it yet: leaders
    /// write ISRs themselves.
    fn written_state(
        &self,
        key: &TopicPartition,
        known: &PartitionImage,
    ) -> Option<PartitionImage> {
        let servers = self.ensemble().filter_map(|(_, server)| server.server());
        let op = Op::GetData { path: znodes::state(key), watch: false };
        let found = match servers.max_by_key(|server| server.tree.zxid) {
            Some(server) => {
                let Ok(Reply::Data(data, stat)) = server.tree.read(&op) else { return None };
                let (leader, leader_epoch, isr) = znodes::state_of(&data)?;
                let partition_epoch = stat.version;
                PartitionImage { leader, leader_epoch, isr, partition_epoch, ..known.clone() }
            }
            // While all of them are down, the leader remembers what it has written.
            None => {
                self.ensemble().next()?;
                let (node, _) = self.shown(key)?;
                let (_, leader) = self.brokers().find(|(id, _)| *id == node)?;
                leader.server()?.image.partition(key)?.clone()
            }
        };
        (found.partition_epoch > known.partition_epoch).then_some(found)
    }

    /// What an old consumer's group has in ZooKeeper.
    fn old_offset(&self, group: &str, partition: &TopicPartition) -> Option<i64> {
        let path = znodes::offset(group, partition);
        let servers = self.ensemble().filter_map(|(_, server)| server.server());
        let server = servers.max_by_key(|server| server.tree.zxid)?;
        match server.tree.read(&Op::GetData { path, watch: false }) {
            Ok(Reply::Data(data, _)) => String::from_utf8_lossy(&data).parse().ok(),
            _ => None,
        }
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

    /// True once the process finished its start: a broker serves, a client is ready to work.
    pub fn is_ready(&self, id: NodeId) -> bool {
        match self.world.node(id).program() {
            Program::Broker(broker) => broker.server().is_some_and(Server::is_running),
            Program::Controller(controller) => controller.serving().is_some(),
            Program::Producer(producer) => producer.is_ready(),
            Program::Consumer(consumer) => consumer.is_ready(),
            Program::Admin(admin) => admin.is_ready(),
            Program::ZooKeeper(server) => server.server().is_some(),
        }
    }

    /// Bytes of records that consumers hold.
    pub fn held_bytes(&self) -> u64 {
        let held = self.world.ids().map(|id| match self.world.node(id).program() {
            Program::Consumer(consumer) => consumer.held().map(|held| u64::from(held.bytes)).sum(),
            _ => 0,
        });
        held.sum()
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

    /// The servers of ZooKeeper, in the order of their ids.
    pub fn ensemble(&self) -> impl Iterator<Item = (NodeId, &ZooKeeper)> {
        self.world.ids().filter_map(|id| match self.world.node(id).program() {
            Program::ZooKeeper(server) => Some((id, &**server)),
            _ => None,
        })
    }

    /// The logs that controllers agree on, or the servers of ZooKeeper.
    pub fn rafts(&self) -> Vec<&Raft> {
        let voters = self.controllers().filter_map(|(_, it)| Some(&it.serving()?.voter()?.raft));
        voters.chain(self.ensemble().filter_map(|(_, it)| Some(it.server()?.raft()))).collect()
    }

    /// The broker that is the controller in the ZooKeeper era: of two that believe so the one of
    /// the later epoch.
    pub fn elected_controller(&self) -> Option<(NodeId, &Elected)> {
        let up = self.brokers().filter(|(node, _)| self.is_up(*node));
        let elected = up.filter_map(|(node, broker)| Some((node, broker.server()?.elected()?)));
        elected.max_by_key(|(_, elected)| elected.epoch)
    }

    /// True while the elected controller runs and is connected to its ensemble: what it does not
    /// hear of it cannot act on.
    pub fn is_controller_connected(&self) -> bool {
        let controller = self.elected_controller().map(|(node, _)| node);
        let mut all = self.brokers().filter(|(node, _)| Some(*node) == controller);
        all.any(|(node, broker)| {
            let hears = broker.server().is_some_and(Server::hears_ensemble);
            hears && self.world.status(node) == Status::Running
        })
    }

    /// True while the ensemble answers its clients.
    pub fn is_ensemble_serving(&self) -> bool {
        let runs = |id: NodeId| self.world.status(id) == Status::Running;
        let up = self.ensemble().filter(|(id, _)| runs(*id));
        let mut all = up.filter_map(|(_, server)| server.server());
        all.any(|server| server.leads() && server.is_serving())
    }

    fn is_up(&self, id: NodeId) -> bool {
        matches!(self.world.status(id), Status::Running | Status::Paused)
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
                    producer_epoch: header.producer_epoch,
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
