//! Who leads and who is in sync: changes that leaders ask for, and elections.

use super::active::{Controller, ReplyTo};
use crate::kafka::command::ApiError;
use crate::kafka::error::ErrorCode;
use crate::kafka::event::TopicPartition;
use crate::kafka::message::Response;
use crate::kafka::message::request::{AlterIsr, AlterPartition};
use crate::kafka::message::response::Altered;
use crate::kafka::metadata::election::{Election, PartitionChange, without};
use crate::kafka::metadata::records::Change;
use crate::kafka::metadata::{Image, MetadataRecord, PartitionImage, TopicImage};
use crate::kafka::process::{Out, Timer};
use crate::kafka::protection::Protection;

/// Says why an ISR cannot be written down, in the controller's order.
pub fn check_alter(
    image: &Image,
    broker: i32,
    asked: &AlterIsr,
) -> Result<PartitionImage, ErrorCode> {
    let found = image.partition(&asked.partition);
    let found = found.ok_or(ErrorCode::UnknownTopicOrPartition)?;
    if asked.leader_epoch > found.leader_epoch || asked.partition_epoch > found.partition_epoch {
        return Err(ErrorCode::NotController);
    }
    if asked.leader_epoch < found.leader_epoch {
        return Err(ErrorCode::FencedLeaderEpoch);
    }
    if found.leader != Some(broker) {
        return Err(ErrorCode::InvalidRequest);
    }
    if asked.partition_epoch < found.partition_epoch {
        return Err(ErrorCode::InvalidUpdateVersion);
    }
    let ids = || asked.isr.iter().map(|(id, _)| id);
    if !ids().all(|id| found.replicas.contains(id)) || !ids().any(|id| *id == broker) {
        return Err(ErrorCode::InvalidRequest);
    }
    let eligible = |(id, epoch): &(i32, i64)| {
        let known = image.brokers.get(id);
        known.is_some_and(|b| b.is_active() && (*epoch == -1 || *epoch == b.epoch))
    };
    if !asked.isr.iter().all(eligible) {
        return Err(ErrorCode::IneligibleReplica);
    }
    Ok(found.clone())
}

impl Controller {
    fn min_isr(&self, topic: &TopicImage) -> usize {
        if self.config.without.lacks(Protection::MinIsr) {
            return 1;
        }
        let set = self.topic_setting(topic, "min.insync.replicas");
        set.and_then(|value| value.parse().ok()).unwrap_or(1)
    }

    /// A setting of a topic, which brokers call the same: its own, else what the cluster was given
    /// for all brokers, else what this controller was started with.
    fn topic_setting(&self, topic: &TopicImage, name: &str) -> Option<String> {
        let own = topic.settings.get(name).cloned();
        let given = own.or_else(|| self.image.broker_settings(None).get(name).cloned());
        given.or_else(|| self.config.topic_defaults.get(name).cloned())
    }

    pub(super) fn is_unclean_allowed(&self, topic: &TopicImage) -> bool {
        let set = self.topic_setting(topic, "unclean.leader.election.enable");
        set.is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    pub(super) fn usual_election(&self, topic: &TopicImage) -> Election {
        let allowed = self.config.without.lacks(Protection::CleanElection);
        match allowed || self.is_unclean_allowed(topic) {
            true => Election::Unclean,
            false => Election::Online,
        }
    }

    /// The record of a change, if it changes anything.
    fn change(
        &self,
        topic: &TopicImage,
        number: usize,
        election: Election,
        target: (Option<Vec<i32>>, &[i32]),
        is_acceptable: &dyn Fn(i32) -> bool,
    ) -> Option<(MetadataRecord, PartitionImage)> {
        let old = topic.partitions.get(number)?;
        let change = PartitionChange {
            target_isr: target.0,
            unclean_shutdown: target.1,
            ..PartitionChange::of(old, election, is_acceptable)
        };
        self.made(topic, number, change)
    }

    /// The record of a change that is worked out but for what the topic says, if it changes
    /// anything.
    pub(super) fn made(
        &self,
        topic: &TopicImage,
        number: usize,
        change: PartitionChange<'_>,
    ) -> Option<(MetadataRecord, PartitionImage)> {
        let old = change.partition;
        let new = PartitionChange {
            min_isr: self.min_isr(topic),
            elr: self.config.eligible_leader_replicas,
            last_known_leader: self.config.eligible_leader_replicas,
            ..change
        }
        .build()?;
        let change = Change::between(old, &new);
        let partition = number as i32;
        Some((MetadataRecord::PartitionChange { topic: topic.id, partition, change }, new))
    }

    /// The changes of all partitions that `concerns`, each with its own target ISR.
    fn changes(
        &self,
        concerns: impl Fn(&PartitionImage) -> bool,
        leaving: Option<i32>,
        unclean_shutdown: &[i32],
    ) -> Vec<MetadataRecord> {
        let acceptable = |id: i32| Some(id) != leaving && self.image.is_active(id);
        let mut records = Vec::new();
        for topic in self.image.topics.values() {
            let election = self.usual_election(topic);
            for (number, partition) in topic.partitions.iter().enumerate() {
                if concerns(partition) {
                    let target = leaving.map(|id| without(&partition.isr, &[id]));
                    let target = (target, unclean_shutdown);
                    let made = self.change(topic, number, election, target, &acceptable);
                    records.extend(made.map(|(record, _)| record));
                }
            }
        }
        records
    }

    /// A broker goes: it leaves every ISR, and where it led another one leads.
    pub(super) fn leave_partitions(&self, id: i32, unclean: &[i32]) -> Vec<MetadataRecord> {
        let concerns = |p: &PartitionImage| {
            p.isr.contains(&id)
                || p.leader == Some(id)
                || unclean.contains(&id) && p.elr.contains(&id)
        };
        self.changes(concerns, Some(id), unclean)
    }

    /// A broker came: it may lead where nobody does.
    pub(super) fn elect_for_leaderless(&self) -> Vec<MetadataRecord> {
        self.changes(|partition| partition.leader.is_none(), None, &[])
    }

    pub(super) fn leads_any(&self, id: i32) -> bool {
        let mut all = self.image.topics.values().flat_map(|topic| &topic.partitions);
        all.any(|partition| partition.leader == Some(id))
    }

    pub(super) fn alter_partition(
        &mut self,
        to: ReplyTo,
        alter: AlterPartition,
        out: &mut Out<'_>,
    ) {
        if let Some(error) = self.error_of(alter.broker, alter.epoch) {
            return self.answer(to, Response::AlterPartition(Err(error)), out);
        }
        let (mut records, mut results) = (Vec::new(), Vec::new());
        for asked in alter.partitions {
            let result = self.alter_isr(alter.broker, &asked, &mut records);
            results.push((asked.partition, result));
        }
        self.write(records, to, Some(Response::AlterPartition(Ok(results))), out);
    }

    fn alter_isr(
        &self,
        broker: i32,
        asked: &AlterIsr,
        records: &mut Vec<MetadataRecord>,
    ) -> Result<Altered, ErrorCode> {
        let mut old = check_alter(&self.image, broker, asked)?;
        // A leader that asks has taken up its work.
        let was_recovering = std::mem::take(&mut old.recovering);
        let topic = &self.image.topics[&asked.partition.topic];
        let active = |id: i32| self.image.is_active(id);
        let isr: Vec<i32> = asked.isr.iter().map(|(id, _)| *id).collect();
        let number = asked.partition.partition as usize;
        let election = self.usual_election(topic);
        let made = self.change(topic, number, election, (Some(isr), &[]), &active);
        let new = match made {
            Some((mut record, new)) => {
                if let (MetadataRecord::PartitionChange { change, .. }, true) =
                    (&mut record, was_recovering)
                {
                    change.recovering = Some(false);
                }
                records.push(record);
                new
            }
            None if was_recovering => {
                let change = Change { recovering: Some(false), ..Change::default() };
                records.push(MetadataRecord::PartitionChange {
                    topic: topic.id,
                    partition: asked.partition.partition,
                    change,
                });
                old.partition_epoch += 1;
                old
            }
            None => old,
        };
        if new.leader != Some(broker) {
            return Err(ErrorCode::NewLeaderElected);
        }
        Ok(Altered {
            leader: new.leader.unwrap_or(-1),
            leader_epoch: new.leader_epoch,
            isr: new.isr,
            partition_epoch: new.partition_epoch,
        })
    }

    pub(super) fn elect_leaders(
        &mut self,
        to: ReplyTo,
        election: Election,
        partitions: Option<Vec<TopicPartition>>,
        out: &mut Out<'_>,
    ) {
        let all = partitions.is_none();
        let wanted = partitions
            .unwrap_or_else(|| self.image.partitions().map(|(partition, _)| partition).collect());
        let (mut records, mut results) = (Vec::new(), Vec::new());
        for partition in wanted {
            let result = self.elect_one(&partition, election, &mut records);
            let needless = ErrorCode::ElectionNotNeeded.code();
            if !(all && result.as_ref().is_err_and(|error| error.code == needless)) {
                results.push((partition, result));
            }
        }
        self.write(records, to, Some(Response::ElectLeaders(results)), out);
    }

    fn elect_one(
        &self,
        partition: &TopicPartition,
        election: Election,
        records: &mut Vec<MetadataRecord>,
    ) -> Result<(), ApiError> {
        let unknown =
            |what: String| Err(ErrorCode::UnknownTopicOrPartition.with(format!("No such {what}")));
        let Some(topic) = self.image.topics.get(&partition.topic) else {
            return unknown(format!("topic as {}", partition.topic));
        };
        let Some(found) = self.image.partition(partition) else {
            return unknown(format!("partition as {partition}"));
        };
        let needless = match election {
            Election::Preferred => found.leader == found.replicas.first().copied(),
            _ => found.leader.is_some(),
        };
        if needless {
            return Err(ErrorCode::ElectionNotNeeded.error());
        }
        let active = |id: i32| self.image.is_active(id);
        let number = partition.partition as usize;
        let made = self.change(topic, number, election, (None, &[]), &active);
        let wanted = |new: &PartitionImage| match election {
            Election::Preferred => new.leader == new.replicas.first().copied(),
            _ => new.leader.is_some(),
        };
        match made {
            Some((record, new)) if wanted(&new) => {
                records.push(record);
                Ok(())
            }
            _ if election == Election::Preferred => {
                Err(ErrorCode::PreferredLeaderNotAvailable.error())
            }
            _ => Err(ErrorCode::EligibleLeadersNotAvailable.error()),
        }
    }

    /// From time to time: preferred replicas lead again where they may
    /// (`auto.leader.rebalance.enable`).
    pub fn balance_leaders(&mut self, out: &mut Out<'_>) {
        out.timer(Timer::LeaderBalance, self.config.leader_balance_check);
        if !self.config.auto_leader_rebalance {
            return;
        }
        let mut records = Vec::new();
        let all: Vec<_> = self.image.partitions().map(|(partition, _)| partition).collect();
        for partition in all {
            // What need not or cannot be done is tried again next time.
            let _ = self.elect_one(&partition, Election::Preferred, &mut records);
        }
        self.write(records, ReplyTo::Nobody, None, out);
    }

    /// From time to time: leaderless partitions of topics that allow it get a leader that may miss
    /// something.
    pub fn elect_unclean(&mut self, out: &mut Out<'_>) {
        out.timer(Timer::UncleanElection, self.config.unclean_election_interval);
        let records = self.elect_for_leaderless();
        self.write(records, ReplyTo::Nobody, None, out);
    }
}
