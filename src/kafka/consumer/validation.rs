//! Is what was read still there? After another leader was elected a consumer asks it, before it reads
//! on, where the leader epoch of the last record that it has read ends (KIP-320). If that is before
//! its position, the log was cut behind its back: it goes back to where the logs part.

use super::client::{Asked, Consumer};
use crate::kafka::error::client_error;
use crate::kafka::event::{Event, TopicPartition};
use crate::kafka::message::{Request, Response};
use crate::kafka::process::Out;
use crate::ordered::BTreeMap;

impl Consumer {
    /// Asks the leaders of positions of which it is not known whether they are right. They are not
    /// fetched meanwhile.
    pub(super) fn ask_epochs(&mut self, out: &mut Out<'_>) {
        let metadata = &self.core.metadata;
        let epoch = |partition: &TopicPartition| metadata.leader(partition).map(|(_, _, e)| e);
        let unsure = self.positions.to_validate(out.now(), epoch);
        let mut by_node: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (partition, present, read) in unsure {
            if let Some((_, node, _)) = self.core.metadata.leader(&partition)
                && !self.validating.contains(&partition)
            {
                by_node.entry(node).or_default().push((partition, present, read));
            }
        }
        for (node, partitions) in by_node {
            if !self.core.connect(node, out) {
                continue;
            }
            let asked: Vec<(TopicPartition, i32)> =
                partitions.iter().map(|(partition, now, _)| (partition.clone(), *now)).collect();
            self.validating.extend(asked.iter().map(|(partition, _)| partition.clone()));
            let request = Request::OffsetsForLeaderEpoch { partitions };
            self.core.send(node, request, Asked::Epochs(asked), out);
        }
    }

    pub(super) fn epochs_answered(
        &mut self,
        asked: Vec<(TopicPartition, i32)>,
        response: Option<Response>,
        out: &mut Out<'_>,
    ) {
        for (partition, _) in &asked {
            self.validating.remove(partition);
        }
        let Some(Response::OffsetsForLeaderEpoch(results)) = response else {
            self.core.metadata.request_update();
            let all: Vec<TopicPartition> = asked.into_iter().map(|(key, _)| key).collect();
            return self.hold_off(&all, out);
        };
        let mut truncations = Vec::new();
        for ((partition, leader_epoch), (_, result)) in asked.into_iter().zip(results) {
            match result {
                Err(_) => {
                    self.core.metadata.request_update();
                    self.hold_off(&[partition], out);
                }
                Ok(end) => {
                    let cut = self.check_position(&partition, end, out);
                    self.positions.validated(&partition, leader_epoch);
                    truncations.extend(cut);
                }
            }
        }
        if !truncations.is_empty() {
            let sentence = format!("Detected truncated partitions: [{}]", truncations.join(", "));
            self.die(client_error("LogTruncationException", sentence), out);
        }
    }

    /// The epoch of what was read ends there at the leader. Says what was lost if the application
    /// has to be told.
    fn check_position(
        &mut self,
        partition: &TopicPartition,
        (epoch, end): (i32, i64),
        out: &mut Out<'_>,
    ) -> Option<String> {
        let offset = self.positions.get(partition)?;
        let read = self.positions.epoch(partition);
        let is_known = epoch >= 0 && end >= 0;
        // It may have been sought meanwhile.
        if read < 0 || is_known && end >= offset {
            return None;
        }
        let lost = |part: String| {
            format!(
                "(partition={partition}, fetchOffset={offset}, fetchEpoch=Optional[{read}], {part})"
            )
        };
        match (self.config.auto_offset_reset, is_known) {
            (None, true) => {
                Some(lost(format!("divergentOffset={end}, divergentEpoch=Optional[{epoch}]")))
            }
            (None, false) => Some(lost("divergentOffset=unknown, divergentEpoch=unknown".into())),
            (Some(to), false) => {
                self.positions.reset(partition, to);
                None
            }
            (Some(_), true) => {
                self.buffer.retain(|data| data.partition != *partition);
                self.positions.advance_from(partition, end, epoch);
                let (client, partition) = (self.core.name.clone(), partition.clone());
                out.emit(Event::OffsetReset { client, partition, offset: end });
                None
            }
        }
    }
}
