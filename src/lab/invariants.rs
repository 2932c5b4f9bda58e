//! What must hold at every instant in every lab, judged from outside the engines: by what they
//! tell and by what may be looked at.
//!
//! A [`Watch`] is shown a session again and again and remembers what it has to. `check` shows it
//! the session once, with every event that is kept.
//!
//! Simplified: a replica on a machine that lost power counts as one that has nothing until the
//! controller lets it take part again, because what it had promised is known to be gone.

use super::event::{LabEvent, What};
use super::open_transactions::Transactions;
use super::queue_rules::{self, QueueRules};
use super::session::Session;
use crate::kafka::event::{Event as Kafka, TopicPartition};
use crate::kafka::inspect::{Glimpse, PartitionState};
use crate::ordered::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// A rule that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broken {
    /// The rule.
    pub rule: &'static str,
    /// What was found instead.
    pub found: String,
}

const BOUNDS: &str = "log start <= high watermark <= log end";
const ISR_HAS: &str = "what is below the high watermark is at every in-sync replica";
const FORWARD: &str = "a leader's high watermark never goes back";
const ONE_LEADER: &str = "an epoch has one leader";
pub(crate) const MATCHING: &str = "logs are the same below the high watermark";
const ONE_OWNER: &str = "a generation gives a partition to one member";
pub(super) const DECIDED: &str = "read_committed sees no aborted or open data";
const SENT: &str = "nothing is processed that was not sent";

const ONE_CONTROLLER: &str = "an epoch has one active controller";
const QUORUM: &str = "what controllers know to be committed is the same";
const COMPLETE: &str = "an active controller has all that was committed";

/// The rules by name.
pub const RULES: [&str; 20] = [
    BOUNDS,
    ISR_HAS,
    FORWARD,
    ONE_LEADER,
    MATCHING,
    ONE_OWNER,
    ONE_CONTROLLER,
    QUORUM,
    COMPLETE,
    queue_rules::PREFETCH,
    queue_rules::AT_REST,
    queue_rules::ONE_STATE,
    queue_rules::NOT_AGAIN,
    queue_rules::ONE_DEATH,
    queue_rules::DEATHS,
    queue_rules::ONE_MASTER,
    queue_rules::ONE_LOG,
    queue_rules::HAS_ALL,
    DECIDED,
    SENT,
];

/// So many of the last committed entries of controllers are compared at each look.
const ENTRIES_COMPARED: u64 = 64;

/// What a watch remembers of a lab.
#[derive(Clone, Debug, Default)]
pub struct Watch {
    /// The next event to be read.
    next: u64,
    /// Who leads in each epoch.
    leaders: BTreeMap<(TopicPartition, i32), i32>,
    /// The high watermark of each leader in its epoch.
    watermarks: BTreeMap<(TopicPartition, i32), i64>,
    /// Who was active in each epoch of the controllers.
    controllers: Vec<(i32, i32)>,
    /// The end of what controllers have committed.
    committed: i64,
    /// Brokers whose disks may lack what they had.
    torn: BTreeSet<i32>,
    queues: QueueRules,
    transactions: Transactions,
}

pub(super) fn broken<T>(rule: &'static str, found: String) -> Result<T, Broken> {
    Err(Broken { rule, found })
}

impl Watch {
    /// Reads what happened since the last look, and looks at what is there. Records are compared
    /// only with `deep`.
    pub fn look(&mut self, session: &Session, deep: bool) -> Result<(), Broken> {
        let log = session.events();
        for event in log.since(self.next) {
            match &event.what {
                What::Kafka(kafka) => {
                    self.kafka(kafka)?;
                    self.transactions.look(kafka, session)?;
                }
                What::Rabbit(rabbit) => self.queues.event(rabbit, event.at)?,
                What::Lab(lab) => {
                    self.queues.disturbed(lab, event.at);
                    if let LabEvent::Process { name, became } = lab {
                        self.process(name, became);
                    }
                }
            }
        }
        self.next = log.next();
        for topic in session.kafka.topics() {
            for partition in &topic.partitions {
                self.partition(partition)?;
                if deep {
                    matching(session, partition)?;
                }
            }
        }
        self.quorum(session, deep)?;
        self.queues.look(session, deep)?;
        processed(session)
    }

    /// Raft's own promises, for the quorum of the controllers.
    fn quorum(&mut self, session: &Session, deep: bool) -> Result<(), Broken> {
        let voters = || session.kafka.serving_controllers().filter_map(|(_, it)| it.voter());
        for voter in voters() {
            self.committed = self.committed.max(voter.committed_end());
        }
        if let Some((_, active)) = session.kafka.active_controller()
            && active.voter().is_some()
            && active.log.log_end() < self.committed
        {
            let (end, committed) = (active.log.log_end(), self.committed);
            return broken(COMPLETE, format!("{committed} were committed, its log ends at {end}"));
        }
        let rafts = session.kafka.rafts();
        for one in rafts.iter().filter(|_| deep) {
            for other in rafts.iter().filter(|other| other.me() > one.me()) {
                let to = one.committed().min(other.committed());
                let (left, right) = (one.log(), other.log());
                let from = to.saturating_sub(ENTRIES_COMPARED).max(left.base().0);
                let mut range = from.max(right.base().0) + 1..=to;
                if let Some(index) = range.find(|index| left.get(*index) != right.get(*index)) {
                    let found = format!("entry {index} at {} and at {}", one.me().0, other.me().0);
                    return broken(QUORUM, found);
                }
            }
        }
        Ok(())
    }

    fn process(&mut self, name: &str, became: &str) {
        if let Some(id) = name.strip_prefix("kafka-").and_then(|id| id.parse().ok()) {
            self.watermarks.clear();
            if became == "power_cut" {
                self.torn.insert(id);
            }
        }
    }

    fn kafka(&mut self, event: &Kafka) -> Result<(), Broken> {
        match event {
            Kafka::BrokerUnfenced { broker } => {
                self.torn.remove(broker);
            }
            Kafka::LeaderStarted { broker, partition, leader_epoch, .. } => {
                let epoch = (partition.clone(), *leader_epoch);
                let first = *self.leaders.entry(epoch).or_insert(*broker);
                if first != *broker {
                    let found = format!("{partition}, epoch {leader_epoch}: {first} and {broker}");
                    return broken(ONE_LEADER, found);
                }
            }
            Kafka::ControllerElected { controller, epoch } => {
                let known = self.controllers.iter().find(|(known, _)| known == epoch);
                if let Some((_, other)) = known.filter(|(_, other)| other != controller) {
                    let found = format!("epoch {epoch}: {other} and {controller}");
                    return broken(ONE_CONTROLLER, found);
                }
                self.controllers.push((*epoch, *controller));
            }
            Kafka::TopicDeleted { .. } => {
                self.leaders.clear();
                self.watermarks.clear();
            }
            Kafka::RebalanceCompleted { group, generation, assignment, .. } => {
                let mut owners: BTreeMap<&TopicPartition, &Rc<str>> = BTreeMap::new();
                for (client, partitions) in assignment {
                    for partition in partitions {
                        if let Some(other) = owners.insert(partition, client) {
                            let found = format!(
                                "{group}, generation {generation}: {partition} is read by {other} \
                                 and by {client}"
                            );
                            return broken(ONE_OWNER, found);
                        }
                    }
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn partition(&mut self, p: &PartitionState) -> Result<(), Broken> {
        let of = &p.partition;
        for log in &p.logs {
            let (start, visible, end) = (log.log_start, log.high_watermark, log.log_end);
            if !(start <= visible && visible <= end) {
                return broken(
                    BOUNDS,
                    format!("{of} at {}: {start}, {visible}, {end}", log.broker),
                );
            }
        }
        let leads = |log: &&crate::kafka::inspect::ReplicaState| {
            log.is_up && log.leads && log.leader_epoch == p.leader_epoch
        };
        let Some(leader) = p.logs.iter().find(leads) else { return Ok(()) };
        let visible = leader.high_watermark;
        let mut members = p.logs.iter().filter(|log| log.is_up && p.isr.contains(&log.broker));
        let lacks = |log: &&crate::kafka::inspect::ReplicaState| {
            log.log_end < visible && !self.torn.contains(&log.broker)
        };
        if let Some(log) = members.find(lacks) {
            let found = format!(
                "{of}: the high watermark of leader {} is {visible}, and {} has {} records",
                leader.broker, log.broker, log.log_end
            );
            return broken(ISR_HAS, found);
        }
        let before = self.watermarks.insert((of.clone(), leader.leader_epoch), visible);
        match before {
            Some(before) if before > visible => {
                broken(FORWARD, format!("{of} at {}: {before}, then {visible}", leader.broker))
            }
            _ => Ok(()),
        }
    }
}

fn processed(session: &Session) -> Result<(), Broken> {
    let figures = session.ledger().figures();
    for (side, report) in [("kafka", &figures.kafka), ("rabbit", &figures.rabbit)] {
        if report.processed > report.sent {
            return broken(SENT, format!("{side}: {} of {}", report.processed, report.sent));
        }
    }
    Ok(())
}

/// Below what both know to be committed, two replicas have the same records.
fn matching(session: &Session, p: &PartitionState) -> Result<(), Broken> {
    if p.partition.topic.starts_with("__") {
        return Ok(());
    }
    for (index, one) in p.logs.iter().enumerate() {
        for other in &p.logs[index + 1..] {
            let from = one.log_start.max(other.log_start);
            let to = one.high_watermark.min(other.high_watermark);
            let seen = |broker| session.kafka.glimpse_at(broker, &p.partition, from, to);
            let (left, right) = (seen(one.broker), seen(other.broker));
            let differs = |(a, b): &(Glimpse, Glimpse)| a != b;
            if let Some((a, b)) = left.into_iter().zip(right).find(differs) {
                let name = |glimpse: &Glimpse| match glimpse.message {
                    Some(message) => message.to_string(),
                    None => "another record".to_owned(),
                };
                let found = format!(
                    "{} at offset {}: {} has {}, {} has {}",
                    p.partition,
                    a.offset,
                    one.broker,
                    name(&a),
                    other.broker,
                    name(&b)
                );
                return broken(MATCHING, found);
            }
        }
    }
    Ok(())
}
