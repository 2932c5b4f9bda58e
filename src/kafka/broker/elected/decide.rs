//! What the controller decides: who leads, who is in sync.
//!
//! An offline partition gets the first replica in assignment order that lives and is in the ISR;
//! if there is none and its topic allows it, the first that lives (`Election.scala`,
//! `PartitionStateMachine.scala`). A dead replica leaves the ISR, but the last one stays in it, so
//! that it is known who has everything (`ReplicaStateMachine.scala`).

use super::read::{self, Found};
use super::{Affair, Elected, Plan};
use crate::kafka::broker::server::Server;
use crate::kafka::broker::znodes;
use crate::kafka::command::ApiError;
use crate::kafka::config::BrokerConfig;
use crate::kafka::controller::ReplyTo;
use crate::kafka::error::ErrorCode;
use crate::kafka::event::{Event, TopicPartition};
use crate::kafka::message::Response;
use crate::kafka::metadata::election::{Election, without};
use crate::kafka::metadata::{PartitionImage, TopicImage};
use crate::kafka::process::Out;
use crate::kafka::protection::Protection;
use crate::kafka::zookeeper::{Op, Reply};
use crate::ordered::BTreeMap;
use bytes::Bytes;
use std::rc::Rc;

/// Producer ids are given to brokers in blocks of so many.
const PRODUCER_ID_BLOCK: i64 = crate::kafka::controller::active::PRODUCER_ID_BLOCK;

type Change = (TopicPartition, PartitionImage);

/// A partition after the controller has changed it: its leader epoch is counted up.
fn changed(old: &PartitionImage, leader: Option<i32>, isr: Vec<i32>) -> PartitionImage {
    let leader_epoch = old.leader_epoch + 1;
    PartitionImage { leader, isr, leader_epoch, recovering: false, ..old.clone() }
}

fn allows_unclean(topic: &TopicImage, config: &BrokerConfig) -> bool {
    let name = "unclean.leader.election.enable";
    let set = topic.settings.get(name).or_else(|| config.topic_defaults.get(name));
    config.without.lacks(Protection::CleanElection)
        || set.is_some_and(|value| value.eq_ignore_ascii_case("true"))
}

/// What becomes of a partition whose brokers are as they are; `None` if it stays.
pub fn mended(
    old: &PartitionImage,
    lives: &dyn Fn(i32) -> bool,
    is_unclean_allowed: bool,
) -> Option<PartitionImage> {
    let alive: Vec<i32> = old.isr.iter().copied().filter(|id| lives(*id)).collect();
    if let Some(leader) = old.leader.filter(|leader| lives(*leader)) {
        let shrinks = alive.len() < old.isr.len() && !alive.is_empty();
        return shrinks.then(|| changed(old, Some(leader), alive));
    }
    if let Some(leader) = old.replicas.iter().find(|id| alive.contains(id)) {
        return Some(changed(old, Some(*leader), alive));
    }
    let any = old.replicas.iter().find(|id| is_unclean_allowed && lives(**id));
    if let Some(leader) = any {
        let mut new = changed(old, Some(*leader), vec![*leader]);
        new.recovering = true;
        return Some(new);
    }
    // The replicas go one after the other, and the last one stays in the ISR.
    old.leader?;
    let mut isr = old.isr.clone();
    let mut order = isr.clone();
    crate::ordered::Order::order(&mut order[..]);
    for id in order {
        if isr.len() > 1 {
            isr = without(&isr, &[id]);
        }
    }
    Some(changed(old, None, isr))
}

impl Elected {
    /// True for a broker that may lead.
    pub(super) fn lives(&self, id: i32) -> bool {
        self.image.brokers.contains_key(&id) && !self.shutting_down.contains(&id)
    }

    /// True for a partition that has been given a state, of a topic that stays.
    fn stands(&self, key: &TopicPartition, partition: &PartitionImage) -> bool {
        partition.partition_epoch >= 0 && !self.deleting.contains(&key.topic)
    }

    /// Every partition whose leader or ISR does not live.
    pub(super) fn mend(&self, config: &BrokerConfig) -> Vec<Change> {
        let mut changes = Vec::new();
        for (key, partition) in self.image.partitions() {
            if self.stands(&key, partition) {
                let unclean = allows_unclean(&self.image.topics[&key.topic], config);
                let new = mended(partition, &|id| self.lives(id), unclean);
                changes.extend(new.map(|new| (key, new)));
            }
        }
        changes
    }

    /// The first states of partitions that have none: who lives of the replicas is in sync.
    pub(super) fn begin_partitions(&self) -> Vec<Change> {
        let fresh = self.image.partitions().filter(|(key, partition)| {
            partition.partition_epoch < 0 && !self.deleting.contains(&key.topic)
        });
        let states = fresh.filter_map(|(key, partition)| {
            let lives = partition.replicas.iter().copied().filter(|id| self.lives(*id));
            let isr: Vec<i32> = lives.collect();
            let leader = Some(*isr.first()?);
            Some((key, PartitionImage { leader, isr, leader_epoch: 0, ..partition.clone() }))
        });
        states.collect()
    }

    /// A broker stops: what it leads others lead, and it leaves the ISRs.
    fn relieve(&self, id: i32) -> Vec<Change> {
        let mut changes = Vec::new();
        for (key, partition) in self.image.partitions() {
            let isr = without(&partition.isr, &[id]);
            let concerns = partition.isr.contains(&id) && !isr.is_empty();
            if !concerns || !self.stands(&key, partition) {
                continue;
            }
            if partition.leader != Some(id) {
                changes.push((key, changed(partition, partition.leader, isr)));
            } else {
                let mut candidates = partition.replicas.iter();
                let next = candidates.find(|other| isr.contains(other) && self.lives(**other));
                changes.extend(next.map(|next| (key, changed(partition, Some(*next), isr))));
            }
        }
        changes
    }

    /// A broker wants to stop. One that is not registered, or is by now with another life, is
    /// refused, or it would be taken for one that stops when it is back
    /// (`KafkaController.doControlledShutdown`).
    fn let_go(&mut self, to: ReplyTo, broker: i32, epoch: i64) -> Plan {
        let refused = match self.image.brokers.get(&broker) {
            None => Some(ErrorCode::UnknownServerError),
            Some(known) => (known.epoch > epoch).then_some(ErrorCode::StaleBrokerEpoch),
        };
        if let Some(refused) = refused {
            let answer = Some((to, Response::ControlledShutdown(Err(refused))));
            return Plan { answer, ..Plan::default() };
        }
        self.shutting_down.insert(broker);
        let changes = self.relieve(broker);
        Plan { changes, shutdown: Some((to, broker)), ..Plan::default() }
    }

    fn elect_one(
        &self,
        key: &TopicPartition,
        election: Election,
        changes: &mut Vec<Change>,
    ) -> Result<(), ApiError> {
        let Some(found) = self.image.partition(key) else {
            return Err(ErrorCode::UnknownTopicOrPartition
                .with(format!("The partition does not exist: {key}")));
        };
        let alive: Vec<i32> = found.isr.iter().copied().filter(|id| self.lives(*id)).collect();
        let new = match election {
            Election::Preferred => {
                let first = found.replicas.first().copied();
                if found.leader == first {
                    return Err(ErrorCode::ElectionNotNeeded.error());
                }
                let first = first.filter(|first| alive.contains(first));
                first.map(|first| changed(found, Some(first), found.isr.clone()))
            }
            _ => {
                if found.leader.is_some_and(|leader| self.lives(leader)) {
                    return Err(ErrorCode::ElectionNotNeeded.error());
                }
                mended(found, &|id| self.lives(id), election == Election::Unclean)
                    .filter(|new| new.leader.is_some())
            }
        };
        match new {
            Some(new) => {
                changes.push((key.clone(), new));
                Ok(())
            }
            None if election == Election::Preferred => {
                Err(ErrorCode::PreferredLeaderNotAvailable.error())
            }
            None => Err(ErrorCode::EligibleLeadersNotAvailable.error()),
        }
    }

    /// Preferred elections where a broker leads too few of the partitions that prefer it.
    fn balance(&self, percent: u64) -> Vec<Change> {
        let mut per_broker: BTreeMap<i32, Vec<TopicPartition>> = BTreeMap::new();
        for (key, partition) in self.image.partitions() {
            if let Some(first) = partition.replicas.first() {
                per_broker.entry(*first).or_default().push(key);
            }
        }
        let mut changes = Vec::new();
        for (id, preferred) in &per_broker {
            let led = |key: &&TopicPartition| {
                self.image.partition(key).is_some_and(|found| found.leader == Some(*id))
            };
            let others = preferred.len() - preferred.iter().filter(led).count();
            if (others as u64) * 100 > percent * preferred.len() as u64 {
                for key in preferred {
                    // What need not or cannot be done is tried again next time.
                    let _ = self.elect_one(key, Election::Preferred, &mut changes);
                }
            }
        }
        changes
    }

    fn elect(&self, to: ReplyTo, election: Election, wanted: Option<Vec<TopicPartition>>) -> Plan {
        let all = wanted.is_none();
        let wanted = wanted
            .unwrap_or_else(|| self.image.partitions().map(|(partition, _)| partition).collect());
        let (mut changes, mut results) = (Vec::new(), Vec::new());
        for key in wanted {
            let result = self.elect_one(&key, election, &mut changes);
            let needless = ErrorCode::ElectionNotNeeded.code();
            if !(all && result.as_ref().is_err_and(|error| error.code == needless)) {
                results.push((key, result));
            }
        }
        let answer = Some((to, Response::ElectLeaders(results)));
        Plan { changes, answer, ..Plan::default() }
    }
}

impl Server {
    /// Decides an affair by what was found.
    pub(super) fn decide(&mut self, affair: Affair, found: &Found, out: &mut Out<'_>) -> Plan {
        let config = self.config.clone();
        if let Affair::Admin(to, request) = affair {
            return self.decide_topics(to, request, out);
        }
        let Some(elected) = self.registry().and_then(|registry| registry.elected.as_mut()) else {
            return Plan::default();
        };
        let changed = match affair {
            Affair::Brokers
            | Affair::Shutdown(..)
            | Affair::Elect(..)
            | Affair::Balance
            | Affair::Move { .. }
            | Affair::Moved(_)
            | Affair::IsrChanges
            | Affair::Again(_) => read::learn_states(&mut elected.image, found),
            _ => Vec::new(),
        };
        self.tell_own(&changed, out);
        let Some(elected) = self.registry().and_then(|registry| registry.elected.as_mut()) else {
            return Plan::default();
        };
        let mended = |elected: &Elected| Plan { changes: elected.mend(&config), ..Plan::default() };
        match affair {
            Affair::Begin => {
                elected.image.brokers = read::brokers(found);
                for name in read::names(found, znodes::TOPICS) {
                    read::learn_topic(&mut elected.image, found, name);
                }
                read::learn_states(&mut elected.image, found);
                elected.deleting.extend(read::names(found, znodes::DELETIONS).iter().cloned());
                // What was left undone.
                let undone = [Affair::Topics, Affair::IsrChanges, Affair::Deletions];
                elected.affairs.extend(undone);
                elected.affairs.extend(elected.resume(&|_, _| true));
                let plan = mended(elected);
                self.tell_everything(out);
                plan
            }
            Affair::Brokers => self.brokers_changed(read::brokers(found), out),
            Affair::Topics => {
                let known: Vec<Rc<str>> = read::names(found, znodes::TOPICS).to_vec();
                known.iter().for_each(|name| {
                    read::learn_topic(&mut elected.image, found, name);
                });
                Plan { changes: elected.begin_partitions(), is_new: true, ..Plan::default() }
            }
            Affair::Grown(topic) => {
                if elected.image.topics.contains_key(&topic) {
                    read::learn_topic(&mut elected.image, found, &topic);
                }
                Plan { changes: elected.begin_partitions(), is_new: true, ..Plan::default() }
            }
            Affair::Deletions => self.decide_deletions(found, out),
            Affair::IsrChanges => {
                let seen = read::names(found, znodes::ISR_CHANGES).iter().map(|name| Op::Delete {
                    path: format!("{}/{name}", znodes::ISR_CHANGES).into(),
                    version: -1,
                });
                let ops = seen.collect();
                let changed: Vec<_> = changed.into_iter().map(|(key, _)| key).collect();
                self.tell_metadata(&changed, out);
                Plan { ops, ..Plan::default() }
            }
            Affair::Again(partitions) => {
                let plan = mended(elected);
                elected.affairs.extend(elected.resume(&|key, _| partitions.contains(key)));
                let changed: Vec<_> = changed.into_iter().map(|(key, _)| key).collect();
                self.tell_metadata(&changed, out);
                plan
            }
            Affair::Mend => mended(elected),
            Affair::Shutdown(to, broker, epoch) => elected.let_go(to, broker, epoch),
            Affair::Elect(to, election, wanted) => elected.elect(to, election, wanted),
            Affair::Balance => {
                let changes = elected.balance(config.leader_imbalance_percent);
                Plan { changes, ..Plan::default() }
            }
            Affair::Reassign(to, wanted) => elected.reassign(to, wanted),
            Affair::Move { partitions, unneeded, answer } => {
                Plan { answer, ..elected.begin_moves(&partitions, &unneeded) }
            }
            Affair::Moved(partitions) => elected.end_moves(&partitions),
            Affair::Settle(topics) => elected.settle(&topics),
            Affair::ByHand => elected.take_up(found),
            Affair::Strike(struck) => elected.strike(&struck, found),
            Affair::ProducerIds(to, broker) => {
                let (first, version) = match found.get(znodes::PRODUCER_IDS) {
                    Some(Reply::Data(data, stat)) => (znodes::next_producer_id(data), stat.version),
                    _ => (0, -1),
                };
                let end = first + PRODUCER_ID_BLOCK;
                let data = Bytes::from(znodes::producer_ids_text(broker, (first, end - 1)));
                let op = Op::SetData { path: znodes::PRODUCER_IDS.into(), data, version };
                let answer = Some((to, Response::AllocateProducerIds(Ok((first, end)))));
                Plan { ops: vec![op], answer, ..Plan::default() }
            }
            Affair::Admin(..) => Plan::default(),
        }
    }

    /// Other brokers live: who is gone leads no more, who came is told everything.
    fn brokers_changed(
        &mut self,
        mut now: BTreeMap<i32, crate::kafka::metadata::BrokerImage>,
        out: &mut Out<'_>,
    ) -> Plan {
        let config = self.config.clone();
        let Some(elected) = self.registry().and_then(|registry| registry.elected.as_mut()) else {
            return Plan::default();
        };
        let before = &elected.image.brokers;
        let is_same = |id: &i32| before.get(id).map(|b| b.epoch) == now.get(id).map(|b| b.epoch);
        let gone: Vec<i32> = before.keys().copied().filter(|id| !is_same(id)).collect();
        let came: Vec<i32> = now.keys().copied().filter(|id| !is_same(id)).collect();
        // One that came back with another life is first gone.
        if gone.iter().any(|id| came.contains(id)) {
            now.retain(|id, _| !gone.contains(id));
            elected.affairs.push_front(Affair::Brokers);
        }
        let came: Vec<i32> = came.into_iter().filter(|id| !gone.contains(id)).collect();
        elected.image.brokers = now;
        for id in &gone {
            elected.channels.remove(id);
            elected.shutting_down.remove(id);
            out.emit(Event::BrokerFenced { broker: *id });
        }
        came.iter().for_each(|id| out.emit(Event::BrokerUnfenced { broker: *id }));
        let fences = !config.without.lacks(Protection::BrokerFencing);
        let changes = match gone.is_empty() || fences {
            true => elected.mend(&config),
            false => Vec::new(),
        };
        if !came.is_empty() {
            elected.affairs.push_front(Affair::Deletions);
            // Topics all of whose replicas were away.
            elected.affairs.push_front(Affair::Topics);
            let comes = |_: &TopicPartition, it: &PartitionImage| {
                came.iter().any(|id| it.replicas.contains(id) && !it.removing.contains(id))
            };
            elected.affairs.extend(elected.resume(&comes));
        }
        self.tell_brokers(&came, out);
        Plan { changes, ..Plan::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partition(replicas: &[i32], isr: &[i32], leader: i32) -> PartitionImage {
        PartitionImage {
            isr: isr.to_vec(),
            leader: (leader >= 0).then_some(leader),
            leader_epoch: 4,
            partition_epoch: 7,
            ..PartitionImage::unknown(replicas.to_vec())
        }
    }

    fn outcome(old: &PartitionImage, alive: &[i32], unclean: bool) -> Option<(i32, Vec<i32>, i32)> {
        let new = mended(old, &|id| alive.contains(&id), unclean)?;
        Some((new.leader.unwrap_or(-1), new.isr, new.leader_epoch))
    }

    #[test]
    fn the_first_living_replica_in_sync_leads() {
        let old = partition(&[1, 2, 3], &[3, 1, 2], 1);
        assert_eq!(outcome(&old, &[1, 2, 3], false), None);
        assert_eq!(outcome(&old, &[2, 3], false), Some((2, vec![3, 2], 5)));
        // A follower that is gone leaves the ISR, and the epoch is counted up.
        assert_eq!(outcome(&old, &[1, 2], false), Some((1, vec![1, 2], 5)));
    }

    #[test]
    fn the_last_in_sync_stays_and_others_lead_only_where_that_is_allowed() {
        let old = partition(&[1, 2], &[1], 1);
        assert_eq!(outcome(&old, &[2], false), Some((-1, vec![1], 5)));
        assert_eq!(outcome(&old, &[2], true), Some((2, vec![2], 5)));
        let none = partition(&[1, 2], &[1], -1);
        assert_eq!(outcome(&none, &[2], false), None);
        assert_eq!(outcome(&none, &[1, 2], false), Some((1, vec![1], 5)));
        // All at once: they leave the ISR in the order of their ids.
        let all = partition(&[2, 1], &[2, 1], 2);
        assert_eq!(outcome(&all, &[], false), Some((-1, vec![2], 5)));
    }
}
