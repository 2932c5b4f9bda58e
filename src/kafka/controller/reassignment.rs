//! Other replicas for partitions that exist (KIP-455): brought, taken away, or left as they were.
//!
//! A reassignment is part of a partition's state: `addingReplicas` and `removingReplicas` beside
//! `replicas`, which holds them all meanwhile. It is done in the same step in which the last of
//! the new replicas joins the ISR; so nobody has to remember it, and it outlives every controller.

use super::active::{Controller, ReplyTo};
use crate::kafka::command::ApiError;
use crate::kafka::error::ErrorCode;
use crate::kafka::event::TopicPartition;
use crate::kafka::message::Response;
use crate::kafka::metadata::MetadataRecord;
use crate::kafka::metadata::controller::check_replicas;
use crate::kafka::metadata::election::{Assignment, Election, PartitionChange};
use crate::kafka::process::Out;

impl Controller {
    pub(super) fn reassign(
        &mut self,
        to: ReplyTo,
        partitions: Vec<(TopicPartition, Option<Vec<i32>>)>,
        out: &mut Out<'_>,
    ) {
        let mut records = Vec::new();
        let results = partitions.into_iter().map(|(partition, wanted)| {
            let decided = self.reassign_one(&partition, wanted.as_deref());
            (partition, decided.map(|record| records.extend(record)))
        });
        let results = results.collect();
        self.write(records, to, Some(Response::AlterPartitionReassignments(results)), out);
    }

    fn reassign_one(
        &self,
        key: &TopicPartition,
        wanted: Option<&[i32]>,
    ) -> Result<Option<MetadataRecord>, ApiError> {
        let unknown = |what: String| {
            ErrorCode::UnknownTopicOrPartition.with(format!("Unable to find {what}."))
        };
        let (name, number) = (&key.topic, key.partition);
        let topic = self.image.topics.get(name);
        let topic = topic.ok_or_else(|| unknown(format!("a topic named {name}")))?;
        let partition = self.image.partition(key);
        let partition = partition.ok_or_else(|| unknown(format!("partition {name}:{number}")))?;
        let (target, target_isr, election) = match wanted {
            Some(wanted) => {
                check_replicas(&self.image, wanted)?;
                (Assignment::towards(&partition.replicas, wanted), None, Election::Online)
            }
            None => {
                partition
                    .reassignment()
                    .ok_or_else(|| ErrorCode::NoReassignmentInProgress.error())?;
                let (before, isr, unclean) = Assignment::reverted(partition);
                if unclean && !self.is_unclean_allowed(topic) {
                    let sentence = format!(
                        "Unable to revert partition assignment for {name}:{number} because it \
                         would require an unclean leader election."
                    );
                    return Err(ErrorCode::InvalidReplicaAssignment.with(sentence));
                }
                (before, Some(isr), self.usual_election(topic))
            }
        };
        let active = |id: i32| self.image.is_active(id);
        let change = PartitionChange {
            target_isr,
            target: Some(target),
            ..PartitionChange::of(partition, election, &active)
        };
        Ok(self.made(topic, number as usize, change).map(|(record, _)| record))
    }
}
