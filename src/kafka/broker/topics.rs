//! Topics: what clients are told of them, and what only the controller can change.

use super::channel::Purpose;
use super::server::{Call, Server};
use crate::kafka::error::ErrorCode;
use crate::kafka::message::response::Metadata;
use crate::kafka::message::{Request, Response};
use crate::kafka::metadata::{OFFSETS_TOPIC, TRANSACTIONS_TOPIC, controller};
use crate::kafka::process::Out;
use crate::kafka::spec::Settings;
use std::rc::Rc;

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
            brokers: match self.is_alone() {
                true => vec![(self.id, self.node)],
                false => self.image.alive().collect(),
            },
            racks: self.image.racks(),
            controller: self.id,
            topics: described,
        };
        call.answer(Response::Metadata(metadata), out);
    }

    /// Makes a topic because somebody asked about it. Nobody is answered.
    pub(super) fn make_by_itself(&mut self, topic: Rc<str>, out: &mut Out<'_>) {
        if !self.making.insert(topic.clone()) {
            return;
        }
        let mut settings = Settings::new();
        let (mut partitions, mut replication_factor) = (-1, -1);
        // A cluster that is smaller has fewer replicas, as the quick-start configurations say.
        let brokers = self.image.brokers.len().max(1) as i16;
        let mut set = |name: &str, value: String| drop(settings.insert(name.to_owned(), value));
        if *topic == *OFFSETS_TOPIC {
            set("cleanup.policy", "compact".to_owned());
            set("segment.bytes", self.config.offsets_segment_bytes.to_string());
            partitions = self.config.offsets_partitions;
            replication_factor = self.config.offsets_replication_factor.min(brokers);
        } else if *topic == *TRANSACTIONS_TOPIC {
            let (replicas, in_sync) = self.config.transaction_replication;
            replication_factor = replicas.min(brokers);
            set("cleanup.policy", "compact".to_owned());
            set("segment.bytes", self.config.transaction_segment_bytes.to_string());
            set("min.insync.replicas", in_sync.min(replication_factor).to_string());
            partitions = self.config.transaction_partitions;
        }
        let request = Request::CreateTopics {
            topic: topic.clone(),
            partitions,
            replication_factor,
            assignment: Vec::new(),
            settings,
        };
        self.ask_controller(Purpose::MakeTopic(topic), request, out);
    }

    pub(super) fn init_producer_id(&mut self, call: Call, out: &mut Out<'_>) {
        match self.next_producer_id() {
            Some(id) => call.answer(Response::InitProducerId(Ok((id, 0))), out),
            None => {
                let request = Request::AllocateProducerIds { broker: self.id };
                self.ask_controller(Purpose::ProducerIds(call, None), request, out);
            }
        }
    }

    /// A producer id that nobody had before, if this broker has one to give away.
    pub(super) fn next_producer_id(&mut self) -> Option<i64> {
        let (next, end) = self.producer_ids;
        (next < end).then(|| {
            self.producer_ids.0 += 1;
            next
        })
    }
}
