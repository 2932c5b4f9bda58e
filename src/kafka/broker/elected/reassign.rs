//! Other replicas for partitions that exist (KIP-455), as the controller of the ZooKeeper era
//! brings them (`KafkaController.onPartitionReassignment`).
//!
//! What comes and goes is written into the topic's znode first (`adding_replicas`,
//! `removing_replicas`), so a controller that is elected meanwhile goes on with it. Then the leader
//! epoch is counted up, and replicas old and new are told. The controller watches the state: once
//! all replicas that are to stay are in the ISR, one of them leads, the others leave the ISR and
//! lose their logs, and the topic's znode is written as it stays.
//!
//! The way before KIP-455 is [`super::by_hand`].
//!
//! Simplified: what the real controller writes into a partition's state in several steps at the end
//! (B3, and B4 for each replica that goes) is one write, with as many leader epochs.

use super::{Affair, Elected, Plan};
use crate::kafka::broker::znodes;
use crate::kafka::command::ApiError;
use crate::kafka::controller::ReplyTo;
use crate::kafka::error::ErrorCode;
use crate::kafka::event::TopicPartition;
use crate::kafka::message::Response;
use crate::kafka::metadata::PartitionImage;
use crate::kafka::metadata::election::without;
use crate::kafka::zookeeper::Op;
use crate::ordered::BTreeSet;
use bytes::Bytes;
use std::rc::Rc;

/// The same partition on its way to these replicas (`ReplicaAssignment.reassignTo`).
pub(super) fn towards(partition: &PartitionImage, wanted: &[i32]) -> PartitionImage {
    let origin = without(&partition.replicas, &partition.adding);
    let going = without(&origin, wanted);
    PartitionImage {
        adding: without(wanted, &origin),
        replicas: [wanted, &going].concat(),
        removing: going,
        ..partition.clone()
    }
}

/// The replicas that are to stay.
fn staying(partition: &PartitionImage) -> Vec<i32> {
    without(&partition.replicas, &partition.removing)
}

fn is_complete(partition: &PartitionImage) -> bool {
    staying(partition).iter().all(|id| partition.isr.contains(id))
}

/// The state without some replicas: they leave the ISR, with an epoch for each, but for the last
/// member; who led among them leads no more, and the first that lives and is in sync does.
fn relieved(old: &PartitionImage, gone: &[i32], lives: &dyn Fn(i32) -> bool) -> PartitionImage {
    let mut new = PartitionImage { recovering: false, ..old.clone() };
    for id in gone.iter().filter(|id| old.isr.contains(id)) {
        new.leader_epoch += 1;
        if new.isr.len() > 1 {
            new.isr = without(&new.isr, &[*id]);
        }
    }
    let leads = |id: &i32| !gone.contains(id) && lives(*id);
    let may_lead = |id: &&i32| new.isr.contains(id) && leads(id);
    let next = || new.replicas.iter().find(may_lead).copied();
    new.leader = old.leader.filter(leads).or_else(next);
    new
}

impl Elected {
    /// True if replicas of a topic come and go.
    pub(super) fn is_moving(&self, topic: &str) -> bool {
        let partitions = self.image.topics.get(topic).map(|topic| topic.partitions.iter());
        partitions.into_iter().flatten().any(|it| it.reassignment().is_some())
    }

    /// What is left undone of reassignments, if there are any of such partitions.
    pub(super) fn resume(
        &self,
        wants: &dyn Fn(&TopicPartition, &PartitionImage) -> bool,
    ) -> Option<Affair> {
        let all = self.image.partitions();
        let all = all.filter(|(key, it)| it.reassignment().is_some() && wants(key, it));
        let partitions: Vec<TopicPartition> = all.map(|(key, _)| key).collect();
        let (unneeded, answer) = (Vec::new(), None);
        (!partitions.is_empty()).then_some(Affair::Move { partitions, unneeded, answer })
    }

    /// Says why these replicas cannot be a partition's (`validateReplicas`).
    fn check(&self, old: &PartitionImage, wanted: &[i32]) -> Result<(), ApiError> {
        let listed = |ids: &[i32]| -> String {
            let ids: Vec<String> = ids.iter().map(i32::to_string).collect();
            ids.join(", ")
        };
        let refuse = |sentence: String| Err(ErrorCode::InvalidReplicaAssignment.with(sentence));
        if wanted.is_empty() {
            return refuse("Empty replica list specified in partition reassignment.".to_owned());
        }
        if wanted.iter().enumerate().any(|(at, id)| wanted[..at].contains(id)) {
            let sentence = "Duplicate replica ids in partition reassignment replica list:";
            return refuse(format!("{sentence} ArrayBuffer({})", listed(wanted)));
        }
        if wanted.iter().any(|id| *id < 0) {
            let sentence =
                format!("Invalid broker id in replica list: ArrayBuffer({})", listed(wanted));
            return refuse(sentence);
        }
        let adding = towards(old, wanted).adding;
        if adding.iter().all(|id| self.lives(*id)) {
            return Ok(());
        }
        let living = self.image.brokers.keys().copied().filter(|id| self.lives(*id));
        let living: Vec<i32> = living.collect();
        refuse(format!(
            "Replica assignment has brokers that are not alive. Replica list: ArrayBuffer({}), \
             live broker list: Set({})",
            listed(&adding),
            listed(&living)
        ))
    }

    /// The partition on its way to where it is wanted.
    fn directed(
        &self,
        key: &TopicPartition,
        wanted: Option<Vec<i32>>,
    ) -> Result<PartitionImage, ApiError> {
        let found = self.image.partition(key);
        let none = PartitionImage::default();
        let old = found.unwrap_or(&none);
        if let Some(wanted) = &wanted {
            self.check(old, wanted)?;
        }
        let back = || old.reassignment().map(|_| without(&old.replicas, &old.adding));
        let target = wanted.or_else(back);
        let target = target.ok_or_else(|| ErrorCode::NoReassignmentInProgress.error())?;
        if found.is_none() || self.deleting.contains(&key.topic) {
            return Err(ErrorCode::UnknownTopicOrPartition.with("The partition does not exist."));
        }
        Ok(towards(old, &target))
    }

    /// Somebody wants other replicas: which come and go is written into the topics' znodes.
    pub(super) fn reassign(
        &mut self,
        to: ReplyTo,
        wanted: Vec<(TopicPartition, Option<Vec<i32>>)>,
    ) -> Plan {
        let (mut results, mut decided) = (Vec::new(), Vec::new());
        for (key, replicas) in wanted {
            let direction = self.directed(&key, replicas);
            if let Ok(new) = &direction {
                decided.push((key.clone(), new.clone()));
            }
            results.push((key, direction.map(drop)));
        }
        let struck: Vec<_> = decided.iter().map(|(key, _)| (key.clone(), None)).collect();
        let answer = (to, Response::AlterPartitionReassignments(results));
        let plan = self.begin(decided, Some(answer));
        self.strike_later(struck);
        plan
    }

    /// Partitions are to go these ways.
    pub(super) fn begin(
        &mut self,
        decided: Vec<(TopicPartition, PartitionImage)>,
        answer: Option<(ReplyTo, Response)>,
    ) -> Plan {
        let (mut partitions, mut unneeded, mut topics) = (Vec::new(), Vec::new(), BTreeSet::new());
        for (key, new) in decided {
            let Some(old) = self.image.partition(&key) else { continue };
            let gone = without(&old.replicas, &new.replicas);
            if !gone.is_empty() {
                unneeded.push((key.clone(), gone));
            }
            topics.insert(key.topic.clone());
            self.image.set_partition(&key, new);
            partitions.push(key);
        }
        if partitions.is_empty() {
            return Plan { answer, ..Plan::default() };
        }
        self.affairs.push_front(Affair::Move { partitions, unneeded, answer });
        self.settle(&topics.into_iter().collect::<Vec<_>>())
    }

    /// The replicas of topics are written as they are known.
    pub(super) fn settle(&mut self, topics: &[Rc<str>]) -> Plan {
        let known = topics.iter().filter_map(|name| Some((name, self.image.topics.get(name)?)));
        let ops = known.map(|(name, topic)| Op::SetData {
            path: znodes::topic(name),
            data: Bytes::from(znodes::topic_text(topic.id, &topic.partitions)),
            version: -1,
        });
        Plan { ops: ops.collect(), ..Plan::default() }
    }

    /// Partitions begin to move: their leader epochs are counted up, so that leaders hear of the
    /// new replicas. Those that have moved already are done.
    pub(super) fn begin_moves(
        &mut self,
        keys: &[TopicPartition],
        unneeded: &[(TopicPartition, Vec<i32>)],
    ) -> Plan {
        let mut plan = Plan::default();
        for key in keys {
            let Some(old) = self.image.partition(key) else { continue };
            let gone = unneeded.iter().find(|(known, _)| known == key);
            let gone = gone.map_or_else(Vec::new, |(_, gone)| gone.clone());
            plan.taken.extend(gone.iter().map(|id| (*id, key.clone())));
            let mut new = relieved(old, &gone, &|id| self.lives(id));
            match is_complete(&new) {
                true => self.end_move(key, new, &mut plan),
                false => {
                    new.leader_epoch += 1;
                    plan.changes.push((key.clone(), new));
                }
            }
        }
        plan
    }

    /// Those of these partitions that have all their new replicas in sync are done.
    pub(super) fn end_moves(&mut self, keys: &[TopicPartition]) -> Plan {
        let mut plan = Plan::default();
        for key in keys {
            let found = self.image.partition(key);
            if let Some(old) = found.filter(|it| it.reassignment().is_some() && is_complete(it)) {
                self.end_move(key, old.clone(), &mut plan);
            }
        }
        plan
    }

    fn end_move(&mut self, key: &TopicPartition, state: PartitionImage, plan: &mut Plan) {
        let gone = state.removing.clone();
        let stays = staying(&state);
        let mut new = relieved(&state, &gone, &|id| self.lives(id));
        (new.replicas, new.adding, new.removing) = (stays, Vec::new(), Vec::new());
        new.leader_epoch += 1;
        plan.taken.extend(gone.iter().map(|id| (*id, key.clone())));
        self.strike_moved(key, &new);
        plan.changes.push((key.clone(), new));
        let topics = vec![key.topic.clone()];
        self.affairs.push_front(Affair::Settle(topics));
        if self.deleting.contains(&key.topic) {
            self.affairs.push_back(Affair::Deletions);
        }
    }
}

impl super::Server {
    /// The partition whose state is at this path, if its replicas come and go.
    pub(super) fn moving_by_state(&self, path: &str) -> Option<TopicPartition> {
        let key = znodes::partition_of(path)?;
        let found = self.elected()?.image.partition(&key)?;
        found.reassignment().map(|_| key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partition(replicas: &[i32], isr: &[i32], leader: i32) -> PartitionImage {
        PartitionImage {
            isr: isr.to_vec(),
            leader: Some(leader),
            leader_epoch: 4,
            ..PartitionImage::unknown(replicas.to_vec())
        }
    }

    #[test]
    fn a_way_can_be_changed_and_taken_back() {
        let first = towards(&partition(&[1, 2], &[1, 2], 1), &[2, 3]);
        let parts =
            |it: &PartitionImage| (it.replicas.clone(), it.adding.clone(), it.removing.clone());
        assert_eq!(parts(&first), (vec![2, 3, 1], vec![3], vec![1]));
        assert!(!is_complete(&first));
        let second = towards(&first, &[4, 1]);
        assert_eq!(parts(&second), (vec![4, 1, 2], vec![4], vec![2]));
        assert_eq!(parts(&towards(&first, &[1, 2])), (vec![1, 2], vec![], vec![]));
    }

    #[test]
    fn each_member_of_the_isr_that_goes_has_an_epoch() {
        let old = partition(&[2, 3, 1], &[1, 2, 3], 1);
        let new = relieved(&old, &[1], &|_| true);
        assert_eq!((new.leader, new.isr, new.leader_epoch), (Some(2), vec![2, 3], 5));
        let new = relieved(&old, &[3, 2], &|id| id != 3);
        assert_eq!((new.leader, new.isr, new.leader_epoch), (Some(1), vec![1], 6));
    }
}
