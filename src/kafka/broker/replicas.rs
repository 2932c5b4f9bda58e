//! What the metadata says of this broker's replicas: which logs are there, which of them lead.

use super::channel::Quorum;
use super::life::Ticket;
use super::server::{Server, write_durably, write_epochs};
use super::startup::topic_config;
use crate::kafka::error::ErrorCode;
use crate::kafka::event::{Event, TopicPartition};
use crate::kafka::log::Log;
use crate::kafka::log::checkpoint::PARTITION_METADATA;
use crate::kafka::message::response::FetchedPartition;
use crate::kafka::metadata::{
    MetadataRecord, OFFSETS_TOPIC, PartitionImage, Resource, SHARE_STATE_TOPIC, SnapshotId,
    TRANSACTIONS_TOPIC,
};
use crate::kafka::now_ms;
use crate::kafka::partition::{Partition, Role};
use crate::kafka::process::Out;
use crate::kafka::record::BatchStream;
use crate::ordered::BTreeSet;
use std::rc::Rc;

impl Server {
    /// Committed records of the metadata log have come from the controller.
    pub(super) fn take_metadata(&mut self, answer: FetchedPartition, out: &mut Out<'_>) {
        let Quorum::Remote(remote) = &mut self.quorum else { return };
        let mut stream = BatchStream::of(&answer.records);
        let mut records = Vec::new();
        while let Some((header, batch)) = stream.next_batch() {
            if header.base_offset == remote.log.log_end() {
                remote.log.append(&header, batch.clone(), (now_ms(out.now()), 0), out);
                remote.snapshots.added(&header);
                records.extend(MetadataRecord::all_of(&batch));
            }
        }
        remote.is_caught_up |= remote.log.log_end() >= answer.high_watermark;
        let is_caught_up = remote.is_caught_up;
        self.apply(&records, out);
        self.take_snapshot(out);
        // What was true when this broker went away may not be: nothing is led before it knows.
        if is_caught_up && !self.has_published && self.lifecycle.epoch >= 0 {
            self.publish(out);
        }
    }

    /// Takes a snapshot of what is known, if it is time.
    pub(super) fn take_snapshot(&mut self, out: &mut Out<'_>) {
        match &mut self.quorum {
            Quorum::Own(controller) => controller.take_snapshot(out),
            Quorum::Remote(remote) => remote.snapshots.settle(&self.image, out),
            Quorum::ZooKeeper(_) => {}
        }
    }

    /// A snapshot is on the disk: the broker's own, or one that stands for what it has not got.
    pub(super) fn snapshot_flushed(&mut self, id: SnapshotId, out: &mut Out<'_>) {
        let remote = match &mut self.quorum {
            Quorum::Own(controller) => return controller.snapshot_flushed(id, out),
            Quorum::Remote(remote) => remote,
            Quorum::ZooKeeper(_) => return,
        };
        let Some(kept) = remote.snapshots.flushed(id, out) else { return };
        if kept.id.offset <= remote.log.log_end() {
            let committed = remote.log.log_end();
            remote.snapshots.clean(&mut remote.log, committed, out);
            return remote.snapshots.settle(&self.image, out);
        }
        remote.log.restart_at(kept.id.offset, now_ms(out.now()), out);
        remote.snapshots.installed(out);
        remote.is_fetching = false;
        let records = self.image.records_to(&remote.snapshots.image());
        self.apply(&records, out);
    }

    /// Everything that is known now becomes this broker's part.
    fn publish(&mut self, out: &mut Out<'_>) {
        self.has_published = true;
        let all: Vec<TopicPartition> = self.image.partitions().map(|(key, _)| key).collect();
        all.iter().for_each(|partition| self.follow_metadata(partition, out));
        self.beat(out);
    }

    /// A broker that is alone leads everything that it found.
    pub(super) fn lead_all(&mut self, out: &mut Out<'_>) {
        let lag_max = self.config.replica_lag_max;
        let all: Vec<TopicPartition> = self.partitions.keys().cloned().collect();
        for key in &all {
            let Some(image) = self.image.partition(key) else { continue };
            if let Some(partition) = self.partitions.get_mut(key) {
                partition.lead(self.id, image, out.now(), lag_max);
                write_epochs(partition, out);
            }
        }
        all.iter().for_each(|key| self.advance(key, out));
        all.iter().for_each(|key| self.begin_coordinating(key, out));
    }

    /// Records of the metadata log are true.
    pub(super) fn apply(&mut self, records: &[MetadataRecord], out: &mut Out<'_>) {
        let mut touched: BTreeSet<TopicPartition> = BTreeSet::new();
        for record in records {
            if let MetadataRecord::RemoveTopic { id } = record
                && let Some(topic) = self.image.name_of(id).cloned()
            {
                touched.retain(|partition| partition.topic != topic);
                self.image.apply(record);
                self.remove_topic(&topic, out);
                continue;
            }
            self.image.apply(record);
            match record {
                MetadataRecord::Partition { topic, partition, .. }
                | MetadataRecord::PartitionChange { topic, partition, .. } => {
                    if let Some(topic) = self.image.name_of(topic).cloned() {
                        touched.insert(TopicPartition { topic, partition: *partition });
                    }
                }
                MetadataRecord::Config { resource: Resource::Topic(topic), .. } => {
                    self.configure(topic);
                }
                MetadataRecord::Config { .. } => self.reconfigure(),
                MetadataRecord::BrokerChange { fenced: Some(true), .. }
                | MetadataRecord::RegisterBroker { .. } => {
                    // Who is not eligible any more is not waited for any more.
                    touched.extend(self.partitions.keys().cloned());
                }
                _ => {}
            }
        }
        if self.has_published {
            touched.iter().for_each(|partition| self.follow_metadata(partition, out));
        }
    }

    /// A topic's settings changed.
    pub(super) fn configure(&mut self, topic: &str) {
        let Some(image) = self.image.topics.get(topic) else { return };
        let config = topic_config(&self.config, topic, &image.settings);
        let mine = self.partitions.iter_mut().filter(|(key, _)| *key.topic == *topic);
        mine.for_each(|(_, partition)| partition.log.config = config.clone());
    }

    /// Does with a partition what the metadata says.
    pub(super) fn follow_metadata(&mut self, key: &TopicPartition, out: &mut Out<'_>) {
        let Some(image) = self.image.partition(key).cloned() else { return };
        if !image.replicas.contains(&self.id) {
            return self.drop_partition(key, out);
        }
        if !self.partitions.contains_key(key) {
            self.make_partition(key, out);
        }
        let Some(partition) = self.partitions.get_mut(key) else { return };
        let is_new_epoch = image.leader_epoch > partition.leader_epoch;
        if !is_new_epoch {
            partition.commit_isr(&image.isr, image.partition_epoch);
            if let Some(leadership) = partition.leadership_mut() {
                leadership.set_replicas(&image.replicas);
            }
            self.retry_produces(key, out);
        } else if image.leader == Some(self.id) {
            self.lead(key, &image, out);
        } else {
            self.follow(key, &image, out);
        }
        self.advance(key, out);
    }

    fn lead(&mut self, key: &TopicPartition, image: &PartitionImage, out: &mut Out<'_>) {
        self.stop_following(key);
        let lag_max = self.config.replica_lag_max;
        let Some(partition) = self.partitions.get_mut(key) else { return };
        let was_leader = partition.leadership().is_some();
        partition.lead(self.id, image, out.now(), lag_max);
        let log_end = partition.log.log_end();
        write_epochs(partition, out);
        if !self.is_alone() {
            out.emit(Event::LeaderStarted {
                broker: self.id,
                partition: key.clone(),
                leader_epoch: image.leader_epoch,
                log_end,
                unclean: image.recovering,
            });
        }
        if image.recovering && !self.config.zookeeper {
            self.want_isr(key, image.isr.clone(), out);
        }
        if !was_leader {
            self.begin_coordinating(key, out);
        }
    }

    /// Who leads a partition of a coordinator's topic coordinates by it.
    fn begin_coordinating(&mut self, key: &TopicPartition, out: &mut Out<'_>) {
        match &*key.topic {
            OFFSETS_TOPIC => self.load_offsets_of(key.partition, out),
            TRANSACTIONS_TOPIC => self.load_transactions_of(key.partition, out),
            SHARE_STATE_TOPIC => self.load_share_states_of(key.partition, out),
            _ => {}
        }
    }

    fn follow(&mut self, key: &TopicPartition, image: &PartitionImage, out: &mut Out<'_>) {
        let Some(partition) = self.partitions.get_mut(key) else { return };
        let was_leader = partition.leadership().is_some();
        partition.follow(image);
        self.stop_following(key);
        if let Some(leader) = image.leader {
            self.start_following(leader, key);
            self.cut_at_high_watermark(leader, key, out);
        }
        if was_leader {
            self.resign(key, out);
        }
    }

    /// It leads a partition no more: nobody waits here any longer.
    fn resign(&mut self, key: &TopicPartition, out: &mut Out<'_>) {
        self.wanted_isrs.remove(key);
        self.shares.all.retain(|shared| shared.partition != *key);
        self.fail_waiting(key, ErrorCode::NotLeaderOrFollower, out);
        match &*key.topic {
            OFFSETS_TOPIC => self.unload_offsets_of(key.partition),
            TRANSACTIONS_TOPIC => self.unload_transactions_of(key.partition),
            SHARE_STATE_TOPIC => self.unload_share_states_of(key.partition),
            _ => {}
        }
    }

    fn fail_waiting(&mut self, key: &TopicPartition, error: ErrorCode, out: &mut Out<'_>) {
        let Some(partition) = self.partitions.get(key) else { return };
        let fetches: Vec<u64> = partition.waiting_fetches.keys().copied().collect();
        let produces: Vec<u64> = partition.waiting_produces.iter().copied().collect();
        fetches.into_iter().for_each(|fetch| self.fetch_waited(fetch, out));
        produces.into_iter().for_each(|produce| self.fail_produce(produce, key, error, out));
    }

    fn make_partition(&mut self, key: &TopicPartition, out: &mut Out<'_>) {
        let Some(image) = self.image.topics.get(&key.topic) else { return };
        let config = topic_config(&self.config, &key.topic, &image.settings);
        let log = Log::create(key.clone(), config, now_ms(out.now()), out);
        let mut made = Partition::open(log, 0, self.config.without);
        made.stands_below_min_isr = !self.config.zookeeper;
        let text = format!("version: 0\ntopic_id: {}\n", image.id);
        write_durably(&format!("{}/{PARTITION_METADATA}", made.log.directory()), text, out);
        self.partitions.insert(key.clone(), made);
    }

    /// Removes a topic's partitions: their files, what waits for them, and what groups committed.
    /// Simplified: the real directory is renamed to `...-delete` first and goes after
    /// `file.delete.delay.ms`.
    fn remove_topic(&mut self, topic: &Rc<str>, out: &mut Out<'_>) {
        let keys: Vec<TopicPartition> =
            self.partitions.keys().filter(|key| key.topic == *topic).cloned().collect();
        keys.iter().for_each(|key| self.delete_partition(key, out));
        self.forget_offsets(|partition| partition.topic == *topic, out);
    }

    /// This broker has no replica of a partition any more: a reassignment took it away.
    pub(super) fn drop_partition(&mut self, key: &TopicPartition, out: &mut Out<'_>) {
        if self.partitions.contains_key(key) {
            self.resign(key, out);
            self.delete_partition(key, out);
        }
    }

    /// Removes a replica: its files, and what waits for it.
    pub(super) fn delete_partition(&mut self, key: &TopicPartition, out: &mut Out<'_>) {
        self.stop_following(key);
        self.wanted_isrs.remove(key);
        let Some(partition) = self.partitions.remove(key) else { return };
        partition.log.delete(out);
        for fetch in partition.waiting_fetches.into_keys() {
            self.fetch_waited(fetch, out);
        }
        for produce in partition.waiting_produces {
            self.try_complete(produce, out);
        }
    }

    /// Sees to what an append brought: a segment that was closed is flushed.
    pub(super) fn segment_rolled(
        &mut self,
        key: &TopicPartition,
        rolled: Option<(Rc<str>, i64)>,
        out: &mut Out<'_>,
    ) {
        let Some((closed, base_offset)) = rolled else { return };
        let ticket = Ticket::SegmentFlushed { partition: key.clone(), up_to: base_offset };
        out.flush(&closed, ticket);
        let leads = self.partitions.get(key).is_some_and(|p| matches!(p.role, Role::Leader(_)));
        if leads {
            let partition = key.clone();
            out.emit(Event::SegmentRolled { partition, base_offset });
        }
    }
}
