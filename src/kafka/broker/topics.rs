//! Topics: what clients are told of them, and how they are made, grown and removed.
//!
//! The controller works on one request at a time: it decides on records, writes them to the
//! metadata log, waits until they are flushed, and only then makes them true and answers.

use super::life::Ticket;
use super::server::{Call, Server, write_durably};
use super::startup::topic_config;
use crate::kafka::command::ApiError;
use crate::kafka::error::ErrorCode;
use crate::kafka::event::{Event, TopicPartition};
use crate::kafka::log::Log;
use crate::kafka::log::checkpoint::PARTITION_METADATA;
use crate::kafka::message::Response;
use crate::kafka::message::response::{Metadata, TopicId};
use crate::kafka::metadata::controller::{self, NewTopic};
use crate::kafka::metadata::{MetadataRecord, OFFSETS_TOPIC};
use crate::kafka::now_ms;
use crate::kafka::partition::Partition;
use crate::kafka::process::Out;
use crate::kafka::record::BatchHeader;
use crate::kafka::record::builder::{BatchBuilder, Fields, ProducerStamp};
use crate::kafka::record::header::stamp;
use crate::kafka::spec::Settings;
use crate::sim::Stream;
use bytes::BytesMut;
use std::collections::VecDeque;
use std::rc::Rc;

/// Producer ids are given to brokers in blocks of so many.
const PRODUCER_ID_BLOCK: i64 = 1_000;

/// A change that the controller is asked for.
#[derive(Clone, Debug)]
enum Change {
    Create { topic: Rc<str>, partitions: i32, replication_factor: i16, settings: Settings },
    Delete { topic: Rc<str> },
    AddPartitions { topic: Rc<str>, count: i32 },
    ProducerIds,
}

/// Whom to answer about a change.
#[derive(Clone, Debug)]
struct Job {
    change: Change,
    call: Option<Call>,
}

/// The controller's part of a broker that is its own.
#[derive(Clone, Debug)]
pub struct Controller {
    /// The metadata log.
    pub log: Log,
    waiting: VecDeque<Job>,
    /// What was written and is being flushed.
    writing: Option<(Job, Vec<MetadataRecord>)>,
}

impl Controller {
    /// With the log that the start opened.
    pub fn new(log: Log) -> Controller {
        Controller { log, waiting: VecDeque::new(), writing: None }
    }
}

/// Draws an id, as `Uuid.randomUuid()` does.
pub fn draw_id(random: &mut Stream) -> TopicId {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&random.bits().to_be_bytes());
    bytes[8..].copy_from_slice(&random.bits().to_be_bytes());
    // A random UUID of RFC 4122: version 4, variant 1.
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    TopicId(bytes)
}

impl Server {
    pub(super) fn metadata(
        &mut self,
        call: &Call,
        topics: Option<Vec<Rc<str>>>,
        allow_auto_create: bool,
        out: &mut Out<'_>,
    ) {
        let names = topics.unwrap_or_else(|| self.image.topics.keys().cloned().collect());
        let mut described = Vec::with_capacity(names.len());
        for name in names {
            let found = match (self.image.metadata_of(&name), controller::check_name(&name)) {
                (Some(topic), _) => Ok(topic),
                (None, Err(_)) => Err(ErrorCode::InvalidTopic),
                (None, Ok(())) => {
                    if allow_auto_create && self.config.auto_create_topics {
                        self.make_by_itself(name.clone(), out);
                    }
                    Err(ErrorCode::UnknownTopicOrPartition)
                }
            };
            described.push((name, found));
        }
        let metadata = Metadata {
            brokers: vec![(self.id, self.node)],
            controller: self.id,
            topics: described,
        };
        call.answer(Response::Metadata(metadata), out);
    }

    /// Makes a topic because somebody asked about it. Nobody is answered.
    pub(super) fn make_by_itself(&mut self, topic: Rc<str>, out: &mut Out<'_>) {
        let coming =
            |job: &Job| matches!(&job.change, Change::Create { topic: t, .. } if *t == topic);
        let controller = &self.controller;
        let writing = controller.writing.iter().map(|(job, _)| job);
        if writing.chain(&controller.waiting).any(coming) {
            return;
        }
        let (partitions, replication_factor, settings) = match &*topic {
            OFFSETS_TOPIC => {
                let mut settings = Settings::new();
                settings.insert("cleanup.policy".to_owned(), "compact".to_owned());
                settings.insert(
                    "segment.bytes".to_owned(),
                    self.config.offsets_segment_bytes.to_string(),
                );
                (self.config.offsets_partitions, 1, settings)
            }
            _ => (-1, -1, Settings::new()),
        };
        let change = Change::Create { topic, partitions, replication_factor, settings };
        self.submit(Job { change, call: None }, out);
    }

    pub(super) fn create_topic(
        &mut self,
        call: Call,
        topic: Rc<str>,
        (partitions, replication_factor): (i32, i16),
        settings: Settings,
        out: &mut Out<'_>,
    ) {
        let change = Change::Create { topic, partitions, replication_factor, settings };
        self.submit(Job { change, call: Some(call) }, out);
    }

    pub(super) fn delete_topic(&mut self, call: Call, topic: Rc<str>, out: &mut Out<'_>) {
        self.submit(Job { change: Change::Delete { topic }, call: Some(call) }, out);
    }

    pub(super) fn create_partitions(
        &mut self,
        call: Call,
        topic: Rc<str>,
        count: i32,
        out: &mut Out<'_>,
    ) {
        let change = Change::AddPartitions { topic, count };
        self.submit(Job { change, call: Some(call) }, out);
    }

    pub(super) fn init_producer_id(&mut self, call: Call, out: &mut Out<'_>) {
        let (next, end) = self.producer_ids;
        if next < end {
            self.producer_ids.0 += 1;
            call.answer(Response::InitProducerId(Ok((next, 0))), out);
        } else {
            self.submit(Job { change: Change::ProducerIds, call: Some(call) }, out);
        }
    }

    pub(super) fn describe_configs(&self, call: &Call, topics: Vec<Rc<str>>, out: &mut Out<'_>) {
        let described = topics.into_iter().filter_map(|name| {
            let settings = self.image.topics.get(&name)?.settings.clone();
            Some((name, settings))
        });
        call.answer(Response::DescribeConfigs(described.collect()), out);
    }

    // ---- the controller at work ----

    fn submit(&mut self, job: Job, out: &mut Out<'_>) {
        self.controller.waiting.push_back(job);
        self.work_on_changes(out);
    }

    fn work_on_changes(&mut self, out: &mut Out<'_>) {
        while self.controller.writing.is_none() {
            let Some(job) = self.controller.waiting.pop_front() else { return };
            match self.decide(&job, out) {
                Ok(records) if records.is_empty() => self.finish(job, Ok(()), out),
                Ok(records) => {
                    self.write_metadata(&records, out);
                    self.controller.writing = Some((job, records));
                }
                Err(error) => self.finish(job, Err(error), out),
            }
        }
    }

    fn decide(&self, job: &Job, out: &mut Out<'_>) -> Result<Vec<MetadataRecord>, ApiError> {
        let brokers = [self.id];
        match &job.change {
            Change::Create { topic, partitions, replication_factor, settings } => {
                let id = draw_id(out.random());
                let new = NewTopic {
                    name: topic,
                    id,
                    partitions: *partitions,
                    replication_factor: *replication_factor,
                    settings,
                };
                controller::create_topic(&self.image, &self.config, &brokers, new)
            }
            Change::Delete { topic } => controller::delete_topic(&self.image, &self.config, topic),
            Change::AddPartitions { topic, count } => {
                controller::add_partitions(&self.image, &brokers, topic, *count)
            }
            Change::ProducerIds if self.producer_ids.0 < self.producer_ids.1 => Ok(Vec::new()),
            Change::ProducerIds => {
                let next = self.image.next_producer_id + PRODUCER_ID_BLOCK;
                Ok(vec![MetadataRecord::ProducerIds { broker: self.id, next }])
            }
        }
    }

    fn write_metadata(&mut self, records: &[MetadataRecord], out: &mut Out<'_>) {
        /// Simplified: a quorum of one elects its leader once.
        const QUORUM_EPOCH: i32 = 1;
        let time = now_ms(out.now());
        let mut builder = BatchBuilder::new(0, 0);
        for record in records {
            let value = record.encode();
            builder.push(time, &Fields { value: Some(&value), ..Fields::default() });
        }
        let mut bytes = BytesMut::from(&builder.close(ProducerStamp::NONE)[..]);
        let log = &mut self.controller.log;
        stamp(&mut bytes, log.log_end(), QUORUM_EPOCH);
        let header = BatchHeader::parse(&bytes).expect("it was just built");
        log.append(&header, bytes.freeze(), (time, 0), out);
        out.flush(&log.active().file.clone(), Ticket::MetadataFlushed);
    }

    /// What was written to the metadata log is safe now: it becomes true.
    pub(super) fn metadata_flushed(&mut self, out: &mut Out<'_>) {
        let Some((job, records)) = self.controller.writing.take() else { return };
        let log = &mut self.controller.log;
        log.flushed(log.log_end());
        if let Change::Delete { topic } = &job.change {
            self.remove_topic(topic, out);
        }
        for record in &records {
            self.image.apply(record);
        }
        match &job.change {
            Change::Create { topic, .. } => {
                self.make_partitions(topic, out);
                let partitions = self.image.topics[topic].partitions.len() as i32;
                out.emit(Event::TopicCreated { topic: topic.clone(), partitions });
            }
            Change::AddPartitions { topic, .. } => self.make_partitions(topic, out),
            Change::ProducerIds => {
                let end = self.image.next_producer_id;
                self.producer_ids = (end - PRODUCER_ID_BLOCK, end);
            }
            Change::Delete { .. } => {}
        }
        self.finish(job, Ok(()), out);
        self.work_on_changes(out);
    }

    fn finish(&mut self, job: Job, result: Result<(), ApiError>, out: &mut Out<'_>) {
        let Some(call) = job.call else { return };
        match job.change {
            Change::Create { .. } => call.answer(Response::CreateTopics(result), out),
            Change::Delete { .. } => call.answer(Response::DeleteTopics(result), out),
            Change::AddPartitions { .. } => call.answer(Response::CreatePartitions(result), out),
            Change::ProducerIds => self.init_producer_id(call, out),
        }
    }

    /// Makes the logs of a topic's partitions that are not there yet.
    fn make_partitions(&mut self, topic: &Rc<str>, out: &mut Out<'_>) {
        let Some(image) = self.image.topics.get(topic) else { return };
        let config = topic_config(&self.config, topic, &image.settings);
        for (number, partition) in image.partitions.iter().enumerate() {
            let key = TopicPartition { topic: topic.clone(), partition: number as i32 };
            if self.partitions.contains_key(&key) {
                continue;
            }
            let log = Log::create(key.clone(), config.clone(), now_ms(out.now()), out);
            let counts = (partition.isr.len() as u32, partition.replicas.len() as u32);
            let led = Partition::lead(log, partition.leader_epoch, 0, counts);
            let text = format!("version: 0\ntopic_id: {}\n", image.id);
            write_durably(&format!("{}/{PARTITION_METADATA}", led.log.directory()), text, out);
            super::server::write_epochs(&led, out);
            self.partitions.insert(key, led);
        }
    }

    /// Removes a topic's partitions: their files, what waits for them, and what groups committed.
    /// Simplified: the real directory is renamed to `...-delete` first and goes after
    /// `file.delete.delay.ms`.
    fn remove_topic(&mut self, topic: &Rc<str>, out: &mut Out<'_>) {
        let keys: Vec<TopicPartition> =
            self.partitions.keys().filter(|key| key.topic == *topic).cloned().collect();
        for key in keys {
            let Some(partition) = self.partitions.remove(&key) else { continue };
            partition.log.delete(out);
            for fetch in partition.waiting_fetches {
                self.fetch_waited(fetch, out);
            }
            for produce in partition.waiting_produces {
                self.try_complete(produce, out);
            }
        }
        self.forget_offsets(|partition| partition.topic == *topic, out);
        out.emit(Event::TopicDeleted { topic: topic.clone() });
    }
}
