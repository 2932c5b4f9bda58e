//! The leader's care for its ISRs: who falls behind leaves, who has caught up joins. Both are asked
//! of the controller; until it has answered, the high watermark waits for the larger of both.

use super::channel::Purpose;
use super::server::Server;
use crate::kafka::event::TopicPartition;
use crate::kafka::message::request::{AlterIsr, AlterPartition};
use crate::kafka::message::{Request, Response};
use crate::kafka::process::{Out, Timer};

impl Server {
    /// Every half of `replica.lag.time.max.ms`: who has fallen behind?
    pub(super) fn shrink_isrs(&mut self, out: &mut Out<'_>) {
        out.timer(Timer::IsrShrink, self.config.replica_lag_max.half());
        let now = out.now();
        let shrunk = self.partitions.iter().filter_map(|(key, partition)| {
            let isr = partition.leadership()?.shrunk(now, partition.log.log_end())?;
            Some((key.clone(), isr))
        });
        for (key, isr) in shrunk.collect::<Vec<_>>() {
            self.want_isr(&key, isr, out);
        }
    }

    /// A follower has fetched: it may join.
    pub(super) fn expand_isr(&mut self, key: &TopicPartition, id: i32, out: &mut Out<'_>) {
        let Some(partition) = self.partitions.get(key) else { return };
        let Some(leadership) = partition.leadership() else { return };
        let epoch = leadership.follower(id).map_or(-1, |follower| follower.broker_epoch);
        let known = self.image.brokers.get(&id);
        let eligible = known.is_some_and(|b| b.is_active() && (epoch == -1 || epoch == b.epoch));
        if let Some(isr) = leadership.expanded(id, partition.high_watermark(), eligible) {
            self.want_isr(key, isr, out);
        }
    }

    /// Asks for another ISR.
    pub(super) fn want_isr(&mut self, key: &TopicPartition, isr: Vec<i32>, out: &mut Out<'_>) {
        let Some(partition) = self.partitions.get_mut(key) else { return };
        if let Some(leadership) = partition.leadership_mut() {
            leadership.pending = Some(isr);
            if self.config.zookeeper {
                return self.write_isr(key);
            }
            self.wanted_isrs.insert(key.clone());
            self.ask_isrs(out);
        }
    }

    /// Asks for all that are wanted; one request is under way at a time.
    fn ask_isrs(&mut self, out: &mut Out<'_>) {
        if self.is_asking_isrs || self.wanted_isrs.is_empty() {
            return;
        }
        let mut asked = Vec::new();
        for key in std::mem::take(&mut self.wanted_isrs) {
            let Some(partition) = self.partitions.get(&key) else { continue };
            let Some(leadership) = partition.leadership() else { continue };
            let Some(isr) = &leadership.pending else { continue };
            let epoch = |id: i32| match id == self.id {
                true => self.lifecycle.epoch,
                false => leadership.follower(id).map_or(-1, |follower| follower.broker_epoch),
            };
            asked.push(AlterIsr {
                leader_epoch: partition.leader_epoch,
                partition_epoch: partition.partition_epoch,
                isr: isr.iter().map(|id| (*id, epoch(*id))).collect(),
                partition: key,
            });
        }
        if !asked.is_empty() {
            self.is_asking_isrs = true;
            let (broker, epoch) = (self.id, self.lifecycle.epoch);
            let request =
                Request::AlterPartition(AlterPartition { broker, epoch, partitions: asked });
            self.ask_controller(Purpose::AlterPartition, request, out);
        }
    }

    pub(super) fn isr_answered(&mut self, response: Option<Response>, out: &mut Out<'_>) {
        self.is_asking_isrs = false;
        match response {
            Some(Response::AlterPartition(Ok(results))) => {
                for (key, result) in results {
                    let Some(partition) = self.partitions.get_mut(&key) else { continue };
                    match result {
                        Ok(altered) if altered.leader_epoch == partition.leader_epoch => {
                            partition.commit_isr(&altered.isr, altered.partition_epoch);
                        }
                        Ok(_) => {}
                        Err(_) => self.forget_pending(&key),
                    }
                    self.advance(&key, out);
                    self.retry_produces(&key, out);
                }
            }
            // It was lost, or nobody knows this broker: whoever still has to leave or may join is
            // found again.
            _ => {
                let all: Vec<TopicPartition> = self.partitions.keys().cloned().collect();
                all.iter().for_each(|key| self.forget_pending(key));
            }
        }
        self.ask_isrs(out);
    }

    pub(super) fn forget_pending(&mut self, key: &TopicPartition) {
        let waits = self.wanted_isrs.contains(key);
        let found = self.partitions.get_mut(key).and_then(|p| p.leadership_mut());
        if let Some(leadership) = found.filter(|_| !waits) {
            leadership.pending = None;
        }
    }
}
