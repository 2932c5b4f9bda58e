//! What must hold in a lab whose scripts keep to some rules: producers use `acks=all`, topics have
//! three replicas and `min.insync.replicas=2` and keep their records, offsets are committed by
//! consumers alone, queues are durable and their consumers acknowledge by hand.
//!
//! A classic queue of RabbitMQ confirms what is written and not yet flushed, so a confirmed message
//! outlives a crash and not a power cut; a quorum queue flushes first, so it outlives both. Kafka
//! acknowledges what several machines have written and none flushed, so it outlives one power cut
//! at a time.

use crate::kafka::event::{Event as Kafka, TopicPartition};
use crate::kafka::inspect::PartitionState;
use crate::kafka::spec::CommitMode;
use crate::lab::event::{LabEvent, What};
use crate::lab::invariants::Broken;
use crate::lab::{Event, Session};
use crate::ordered::{BTreeMap, BTreeSet};
use crate::rabbit::event::Event as Rabbit;
use crate::sim::{Span, Status, Time};
use std::rc::Rc;

/// A dead broker is fenced after `broker.session.timeout.ms`, 9 s, and the next look.
const FENCED_AFTER: Span = Span::seconds(15);
/// With ZooKeeper its session of 18 s has to be over, at a tick of 2 s; before that the ensemble
/// may have to find a leader, and that leader gives everybody a whole session again.
const SESSION_OVER_AFTER: Span = Span::seconds(45);

/// `min.insync.replicas` of the topics.
const MIN_ISR: usize = 2;

/// What was promised so far.
#[derive(Clone, Debug, Default)]
pub struct Demands {
    next: u64,
    /// The acknowledged message at each offset.
    acknowledged: BTreeMap<(TopicPartition, i64), u64>,
    /// Who led a partition last.
    leaders: BTreeMap<TopicPartition, i32>,
    /// Replicas that were in sync when their machines lost power, and have not left the ISR since:
    /// before KIP-966 nobody knows that they lack what they had not flushed.
    trusted: BTreeSet<(TopicPartition, i32)>,
    /// Brokers that are down, and since when nothing kept the controller from noticing.
    down: BTreeMap<i32, Time>,
    /// Brokers whose machines lost power.
    torn: BTreeSet<i32>,
    committed: BTreeMap<(Rc<str>, TopicPartition), i64>,
    /// The same when the present generation began.
    settled_before: BTreeMap<(Rc<str>, TopicPartition), i64>,
    /// The network had a fault.
    is_cut: bool,
    /// Where each group began to read a partition of which it had committed nothing.
    began: BTreeMap<(Rc<str>, TopicPartition), i64>,
    /// The offsets that each group has processed.
    processed: BTreeSet<(Rc<str>, TopicPartition, i64)>,
    /// Producers that send in transactions.
    transactional: BTreeSet<Rc<str>>,
    /// Partitions to which they send: markers are there and what was aborted, which nobody
    /// processes.
    marked: BTreeSet<TopicPartition>,
    /// Who of a group reads a partition.
    owners: BTreeMap<(Rc<str>, TopicPartition), Rc<str>>,
    /// The last member ids that clients joined with, as long as their group has not given them up:
    /// who was given up may still read an assignment of before, and lose it at once.
    members: BTreeMap<Rc<str>, Rc<str>>,
    confirmed: BTreeSet<u64>,
    settled: BTreeSet<u64>,
    /// Messages that went to quorum queues alone: flushed before they are confirmed.
    flushed: BTreeSet<u64>,
    /// A producer began anew: its application sends again what it does not know to be stored. Or
    /// a broker stopped politely: what it wrote of producers has the last batch of each alone, so
    /// that older ones which are tried again are out of order to it, and get a new epoch.
    sent_again: bool,
    /// An answer alone was lost, as TCP loses none: by the time that the producer tries again the
    /// broker may have forgotten the batch, and it gets a new epoch.
    answer_lost: bool,
    unclean: bool,
    power_cut: bool,
    rabbit_power_cut: bool,
}

/// The group of a consumer, and whether it is a share group.
fn group_of(session: &Session, client: &str) -> Option<(Rc<str>, bool)> {
    let spec = session.kafka.consumer(client)?;
    let group = spec.reads.group()?;
    Some((group.as_str().into(), spec.is_share))
}

/// True if somebody can notice in the ZooKeeper era that a broker is gone: the controller, which is
/// one of the brokers, hears so from an ensemble that has a majority. Who was the controller may
/// think so for long if nobody can tell it.
fn may_elect(session: &Session) -> bool {
    let world = &session.kafka.world;
    let ensemble: Vec<Status> =
        session.kafka.ensemble().map(|(node, _)| world.status(node)).collect();
    let running = ensemble.iter().filter(|status| **status == Status::Running).count();
    let has_majority = running * 2 > ensemble.len() && session.kafka.is_ensemble_serving();
    has_majority && session.kafka.is_controller_connected()
}

/// The partitions in whose ISR a broker is.
fn in_sync(broker: i32, session: &Session) -> Vec<(TopicPartition, i32)> {
    let topics = session.kafka.topics();
    let all = topics.iter().flat_map(|topic| &topic.partitions);
    let of = all.filter(|p| p.isr.contains(&broker));
    of.map(|p| (p.partition.clone(), broker)).collect()
}

fn broken<T>(rule: &'static str, found: String) -> Result<T, Broken> {
    Err(Broken { rule, found })
}

impl Demands {
    /// Reads what happened since the last look.
    pub fn look(&mut self, session: &Session) -> Result<(), Broken> {
        let log = session.events();
        for event in log.since(self.next) {
            match &event.what {
                What::Kafka(kafka) => self.kafka(kafka, session)?,
                What::Rabbit(rabbit) => self.rabbit(rabbit, session),
                What::Lab(lab) => self.lab(lab, event, session),
            }
        }
        self.next = log.next();
        let limit = match session.spec().has_zookeeper() {
            true => SESSION_OVER_AFTER,
            false => FENCED_AFTER,
        };
        if session.spec().has_zookeeper() && !may_elect(session) {
            self.forgive(session.now());
        }
        // Who was asked to stop lives until the controller lets it go, or does not for too long.
        let world = &session.kafka.world;
        let lives = |broker: &i32| {
            let name = format!("kafka-{broker}");
            world.ids().any(|id| world.name(id) == name && world.status(id) == Status::Running)
        };
        let now = session.now();
        self.down.iter_mut().filter(|(id, _)| lives(id)).for_each(|(_, since)| *since = now);
        for (broker, _) in self.down.iter().filter(|(_, since)| now.since(**since) > limit) {
            let topics = session.kafka.topics();
            let mut all = topics.iter().flat_map(|topic| &topic.partitions);
            if let Some(led) = all.find(|p| p.leader == Some(*broker)) {
                let found = format!("{} is led by {broker}", led.partition);
                return broken("who is silent for long leads nothing", found);
            }
        }
        Ok(())
    }

    /// True if somebody was elected, or led on, who may lack records.
    pub fn is_unclean(&self) -> bool {
        self.unclean
    }

    fn lab(&mut self, event: &LabEvent, told: &Event, session: &Session) {
        match event {
            LabEvent::Process { name, became } => {
                self.owners.retain(|_, who| **who != **name);
                let broker = name.strip_prefix("kafka-").and_then(|id| id.parse().ok());
                match (broker, *became) {
                    (Some(id), "crashed" | "power_cut" | "stopped") => {
                        self.down.insert(id, told.at);
                        self.sent_again |= *became == "stopped";
                        if *became == "power_cut" {
                            self.power_cut = true;
                            self.torn.insert(id);
                            self.trusted.extend(in_sync(id, session));
                        }
                    }
                    (Some(id), _) => {
                        self.down.remove(&id);
                    }
                    (None, "started") if !name.starts_with("rabbit-") => self.sent_again = true,
                    (None, "power_cut") => self.rabbit_power_cut = true,
                    (None, _) => self.forgive(told.at),
                }
            }
            LabEvent::Network { change } => {
                self.is_cut = true;
                let mut lost = change.strip_prefix("drop ").unwrap_or_default().split(' ');
                let is_broker = |name: &str| name.starts_with("kafka-");
                let of_client = lost.next().is_some_and(is_broker) && !lost.all(is_broker);
                self.answer_lost |= of_client;
                self.forgive(told.at);
            }
            _ => {}
        }
    }

    /// Who is silent may have a reason from now on.
    fn forgive(&mut self, now: Time) {
        self.down.values_mut().for_each(|since| *since = now);
    }

    fn kafka(&mut self, event: &Kafka, session: &Session) -> Result<(), Broken> {
        match event {
            // It is the last leader even if it dies before it begins.
            Kafka::LeaderStarted { broker: leader, partition, .. }
            | Kafka::LeaderElected { partition, leader: Some(leader), unclean: false, .. } => {
                self.leaders.insert(partition.clone(), *leader);
                let is_trusted = self.trusted.contains(&(partition.clone(), *leader));
                self.unclean |= session.spec().has_zookeeper() && is_trusted;
            }
            Kafka::IsrChanged { partition, isr } => {
                self.trusted.retain(|(of, broker)| of != partition || isr.contains(broker));
            }
            Kafka::LeaderElected { partition, leader: Some(leader), unclean: true, .. } => {
                self.unclean = true;
                // The last leader may lead again when nobody else is eligible (KIP-966).
                if self.leaders.get(partition).is_some_and(|last| last != leader) {
                    let found = format!("{leader} leads {partition} and may lack records");
                    return broken("only who has everything is elected", found);
                }
            }
            Kafka::ProduceAcknowledged { partition, messages, base_offset, .. } => {
                let topics = session.kafka.topics();
                let mut all = topics.iter().flat_map(|topic| &topic.partitions);
                let state = all.find(|p| p.partition == *partition);
                let end = base_offset + messages.len() as i64;
                for (offset, message) in (*base_offset..).zip(messages) {
                    self.acknowledged.insert((partition.clone(), offset), message.0);
                }
                // Who lost power since had it, and may have nothing of the partition now.
                let holders = state.map_or(0, |p| {
                    let has = |id: &&i32| {
                        let mut logs = p.logs.iter();
                        self.torn.contains(id)
                            || logs.any(|log| log.broker == **id && log.log_end >= end)
                    };
                    p.replicas.iter().filter(has).count()
                });
                let needed = MIN_ISR.min(state.map_or(1, |p| p.replicas.len()));
                if holders < needed {
                    let found = format!("{partition} up to {end}: {holders} of {needed}");
                    let rule = "what is acknowledged with acks=all is at min.insync.replicas";
                    return broken(rule, found);
                }
            }
            Kafka::OffsetCommitted { group, partition, offset } => {
                let place = (group.clone(), partition.clone());
                self.was_processed(&place, *offset, session)?;
                // A member's commits that a cut holds up may come late and in another order, as
                // they go over several connections; those of an earlier generation are refused.
                let held_up = self.is_cut && self.settled_before.get(&place) <= Some(offset);
                let before = self.committed.insert(place, *offset);
                let excused = self.power_cut || held_up;
                if let Some(before) = before.filter(|before| before > offset && !excused) {
                    let found = format!("{group}, {partition}: {before}, then {offset}");
                    return broken("what a group has committed never goes back", found);
                }
            }
            Kafka::RebalanceCompleted { group, .. } => {
                let all = self.committed.iter().filter(|((of, _), _)| of == group);
                self.settled_before.extend(all.map(|(place, offset)| (place.clone(), *offset)));
            }
            Kafka::Processed { client, partition, offset, .. } => {
                if let Some((group, _)) = group_of(session, client) {
                    self.processed.insert((group, partition.clone(), *offset));
                }
            }
            Kafka::MarkerWritten { partition, .. } => {
                self.marked.insert(partition.clone());
            }
            Kafka::TransactionBegun { client, .. } => {
                self.transactional.insert(client.clone());
            }
            Kafka::ProducerBuffered { client, partition, .. }
                if self.transactional.contains(client) =>
            {
                self.marked.insert(partition.clone());
            }
            Kafka::OffsetReset { client, partition, offset } => {
                if let Some((group, _)) = group_of(session, client) {
                    self.began.insert((group, partition.clone()), *offset);
                }
            }
            Kafka::PartitionsAssigned { client, partitions } => {
                let Some((group, false)) = group_of(session, client) else { return Ok(()) };
                if !self.members.contains_key(client) {
                    return Ok(());
                }
                for partition in partitions {
                    let place = (group.clone(), partition.clone());
                    let other = self.owners.insert(place, client.clone());
                    if let Some(other) = other.filter(|other| other != client) {
                        let found = format!("{group}: {partition} is read by {other} and {client}");
                        return broken("a partition has one owner at a time", found);
                    }
                }
            }
            Kafka::PartitionsRevoked { client, partitions }
            | Kafka::PartitionsLost { client, partitions } => {
                self.owners.retain(|(_, tp), who| who != client || !partitions.contains(tp));
            }
            Kafka::MemberJoined { client, member, .. } => {
                self.members.insert(client.clone(), member.clone());
            }
            // Whoever the group gave up owns nothing, whether it knows that or not.
            Kafka::MemberLeft { client, member, .. } => {
                self.owners.retain(|_, who| who != client);
                if self.members.get(client) == Some(member) {
                    self.members.remove(client);
                }
            }
            Kafka::ClientCrashed { client, .. } => {
                self.owners.retain(|_, who| who != client);
            }
            _ => {}
        }
        Ok(())
    }

    /// Applications that do not commit first commit what they have processed.
    fn was_processed(
        &self,
        place: &(Rc<str>, TopicPartition),
        offset: i64,
        session: &Session,
    ) -> Result<(), Broken> {
        let (group, partition) = place;
        if self.marked.contains(partition) {
            return Ok(());
        }
        let before = self.committed.get(place).or(self.began.get(place)).copied();
        let clients = session.kafka.clients().into_iter();
        let members = clients.filter(|client| client.group.as_deref() == Some(&**group));
        let mut specs = members.filter_map(|client| session.kafka.consumer(&client.name));
        if specs.any(|spec| spec.is_share || spec.commit == CommitMode::Before) {
            return Ok(());
        }
        let is_processed =
            |offset: &i64| self.processed.contains(&(group.clone(), partition.clone(), *offset));
        match (before.unwrap_or(0)..offset).find(|offset| !is_processed(offset)) {
            Some(missing) => {
                let found = format!("{group}, {partition}: {offset}, and {missing} was not");
                broken("what a group has committed it has processed", found)
            }
            None => Ok(()),
        }
    }

    fn rabbit(&mut self, event: &Rabbit, session: &Session) {
        match event {
            Rabbit::Routed { message, queues, .. } => {
                let is_quorum = |queue: &Rc<str>| {
                    session.rabbit.queue(queue).is_some_and(|queue| queue.kind == "quorum")
                };
                if queues.iter().all(is_quorum) {
                    self.flushed.insert(message.0);
                }
            }
            Rabbit::Confirmed { message, .. } => {
                self.confirmed.insert(message.0);
            }
            // Its acknowledgement may be in a log that is only read after a crash: nothing is told
            // then. Who works on a message until its end has not lost it.
            Rabbit::Processed { message, .. }
            | Rabbit::Acknowledged { message, .. }
            | Rabbit::Removed { message, .. }
            | Rabbit::DeadLettered { message, .. }
            | Rabbit::Unroutable { message, .. } => {
                self.settled.insert(message.0);
            }
            _ => {}
        }
    }

    // ---- at the end ----

    /// Everything was healed and had time: nothing is lost, nothing is twice, all work is done.
    pub fn end(&self, session: &Session) -> Result<(), Broken> {
        for topic in session.kafka.topics().iter().filter(|topic| !topic.internal) {
            for p in &topic.partitions {
                self.has_all(session, p)?;
            }
        }
        for group in session.kafka.groups().iter().filter(|group| !group.members.is_empty()) {
            if let Some(behind) = group.offsets.iter().find(|position| position.lag > 0) {
                let found = format!("{}, {}: {} behind", group.id, behind.partition, behind.lag);
                return broken("a healed group reads everything", found);
            }
        }
        self.queues_have_all(session)
    }

    fn has_all(&self, session: &Session, p: &PartitionState) -> Result<(), Broken> {
        let of = &p.partition;
        // A follower whose log goes on where that of a leader without its records begins anew, in
        // the same epoch, cannot append: it has failed, as the real one has. With ZooKeeper a
        // leader that lost power is trusted if it is back before that is noticed.
        let may_fail = self.power_cut && (self.unclean || session.spec().has_zookeeper());
        if p.leader.is_none() || p.isr.len() < p.replicas.len() && !may_fail {
            let found = format!("{of}: leader {:?}, ISR {:?}", p.leader, p.isr);
            return broken("a healed partition has a leader and all replicas in sync", found);
        }
        let records = session.kafka.glimpse(of, p.log_start, p.log_end);
        if !(self.unclean && self.power_cut) {
            let there: BTreeMap<i64, u64> =
                records.iter().filter_map(|r| Some((r.offset, r.message?.0))).collect();
            let mut all = self.acknowledged.iter().filter(|((partition, _), _)| partition == of);
            if let Some(((_, offset), message)) =
                all.find(|((_, offset), message)| there.get(offset) != Some(message))
            {
                let found = format!("{of} at offset {offset}: m{message}");
                return broken("what is acknowledged with acks=all is not lost", found);
            }
        }
        let mut seen = BTreeMap::new();
        let twice = records.iter().find(|record| {
            let epoch = record.producer_epoch;
            let before = record.message.and_then(|message| seen.insert(message.0, epoch));
            before.is_some_and(|before| before == epoch || !self.answer_lost)
        });
        if let Some(record) = twice.filter(|_| !self.sent_again) {
            let found = format!("{of}: {:?} at offset {} again", record.message, record.offset);
            return broken("an idempotent producer's message is in the log once", found);
        }
        Ok(())
    }

    fn queues_have_all(&self, session: &Session) -> Result<(), Broken> {
        let mut there = BTreeSet::new();
        for queue in session.rabbit.queues() {
            let cells = session.rabbit.glimpse(&queue.name, usize::MAX);
            there.extend(cells.iter().map(|cell| cell.message.0));
            // Reading takes nothing out of a stream.
            let is_emptied = queue.kind != "stream" && !queue.consumers.is_empty();
            if is_emptied && queue.ready + queue.unacked + queue.delayed > 0 {
                let found =
                    format!("{}: {} ready, {} unacked", queue.name, queue.ready, queue.unacked);
                return broken("a queue with consumers is emptied", found);
            }
        }
        let is_kept = |message: &&u64| !self.rabbit_power_cut || self.flushed.contains(*message);
        let mut kept = self.confirmed.iter().filter(is_kept);
        match kept.find(|message| !self.settled.contains(*message) && !there.contains(*message)) {
            Some(message) => broken(
                "what is confirmed, durable and persistent outlives a crash",
                format!("m{message}"),
            ),
            None => Ok(()),
        }
    }
}
