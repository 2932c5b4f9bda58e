//! What the controller of the ZooKeeper era says, and what a broker does with it.
//!
//! **LeaderAndIsr** gives this broker's replicas their parts, **UpdateMetadata** is what its
//! clients are told, **StopReplica** ends a replica. All are done in the order in which they come.
//! A word of a controller whose reign is over is refused.

use super::channel::Quorum;
use super::lifecycle::Stage;
use super::registry::Task;
use super::server::{Call, Server};
use super::znodes;
use crate::kafka::error::ErrorCode;
use crate::kafka::event::{Event, TopicPartition};
use crate::kafka::message::control::Order;
use crate::kafka::message::{Control, ControlBody, Response};
use crate::kafka::metadata::records::Resource;
use crate::kafka::metadata::{BrokerImage, MetadataRecord};
use crate::kafka::process::Out;
use crate::kafka::zookeeper::Op;
use std::rc::Rc;

impl Server {
    /// The controller says something; without a caller it is this broker itself.
    pub(super) fn controlled(&mut self, call: Option<Call>, control: Control, out: &mut Out<'_>) {
        let (me, epoch) = (self.id, self.lifecycle.epoch);
        let Some(registry) = self.registry() else { return };
        let kind = control.kind();
        let error = if control.controller_epoch < registry.controller_epoch {
            out.emit(Event::ControllerRefused {
                broker: me,
                controller: control.controller,
                epoch: control.controller_epoch,
                known: registry.controller_epoch,
            });
            Some(ErrorCode::StaleControllerEpoch)
        } else if control.broker_epoch < epoch {
            Some(ErrorCode::StaleBrokerEpoch)
        } else {
            None
        };
        if let Some(error) = error {
            if let Some(call) = call {
                call.answer(Response::Control(kind, Err(error)), out);
            }
            return;
        }
        registry.controller_epoch = control.controller_epoch;
        registry.controller = Some(control.controller);
        registry.inbox.push_back((call, control));
        self.work_inbox(out);
    }

    /// Does what the controller said, as far as the settings of its topics are known.
    pub(super) fn work_inbox(&mut self, out: &mut Out<'_>) {
        // A broker takes nothing before it is registered: what comes may be for its former life.
        if self.lifecycle.stage == Stage::Registering {
            return;
        }
        loop {
            let Quorum::ZooKeeper(registry) = &mut self.quorum else { return };
            let Some((_, control)) = registry.inbox.front() else { return };
            if control.broker_epoch < self.lifecycle.epoch {
                if let Some((Some(call), control)) = registry.inbox.pop_front() {
                    let stale = Err(ErrorCode::StaleBrokerEpoch);
                    call.answer(Response::Control(control.kind(), stale), out);
                }
                continue;
            }
            if let ControlBody::LeaderAndIsr(orders)
            | ControlBody::UpdateMetadata { partitions: orders, .. } = &control.body
            {
                let fresh = orders.iter().map(|order| &order.partition.topic);
                let fresh = fresh.filter(|topic| !self.image.topics.contains_key(*topic));
                let mut fresh: Vec<Rc<str>> = fresh.cloned().collect();
                fresh.dedup();
                fresh.retain(|topic| !matches!(registry.configs.get(topic), Some(Some(_))));
                if !fresh.is_empty() {
                    for topic in fresh {
                        if registry.configs.insert(topic.clone(), None).is_none() {
                            let path = znodes::topic_config(&topic);
                            registry.ask(Task::Config(topic), Op::GetData { path, watch: false });
                        }
                    }
                    return;
                }
            }
            let Some((call, control)) = registry.inbox.pop_front() else { return };
            let kind = control.kind();
            match control.body {
                ControlBody::LeaderAndIsr(orders) => {
                    let touched: Vec<TopicPartition> =
                        orders.into_iter().filter_map(|order| self.learn(order)).collect();
                    touched.iter().for_each(|key| self.follow_metadata(key, out));
                }
                ControlBody::UpdateMetadata { brokers, partitions, gone } => {
                    self.update_metadata(brokers, partitions, out);
                    let gone = gone.into_iter().map(|id| MetadataRecord::RemoveTopic { id });
                    let gone: Vec<MetadataRecord> = gone.collect();
                    self.apply(&gone, out);
                }
                ControlBody::StopReplica { partitions, delete } => {
                    for key in &partitions {
                        self.stop_replica(key, delete, out);
                    }
                }
            }
            if let Some(call) = call {
                call.answer(Response::Control(kind, Ok(())), out);
            }
        }
    }

    /// Notes a partition's state, if it is not an old one.
    fn learn(&mut self, order: Order) -> Option<TopicPartition> {
        let Order { partition, topic, state } = order;
        if let Some(known) = self.image.partition(&partition)
            && (known.leader_epoch, known.partition_epoch)
                > (state.leader_epoch, state.partition_epoch)
        {
            return None;
        }
        if !self.image.topics.contains_key(&partition.topic) {
            let settings = self.registry().and_then(|it| it.configs.remove(&partition.topic));
            let name = partition.topic.to_string();
            for (setting, value) in settings.flatten().into_iter().flatten() {
                self.image.apply(&MetadataRecord::Config {
                    resource: Resource::Topic(name.clone()),
                    name: setting,
                    value: Some(value),
                });
            }
            self.image.apply(&MetadataRecord::Topic { name, id: topic });
            // Its logs may be open since the broker began.
            self.configure(&partition.topic);
        }
        self.image.set_partition(&partition, state);
        Some(partition)
    }

    fn update_metadata(
        &mut self,
        brokers: Option<Vec<(i32, BrokerImage)>>,
        partitions: Vec<Order>,
        out: &mut Out<'_>,
    ) {
        if let Some(brokers) = brokers {
            self.image.brokers = brokers.into_iter().collect();
            // Who is gone is not waited for any more.
            let all: Vec<TopicPartition> = self.partitions.keys().cloned().collect();
            all.iter().for_each(|key| self.advance(key, out));
        }
        for order in partitions {
            self.learn(order);
        }
        if !self.has_published {
            self.has_published = true;
            self.lifecycle.stage = Stage::Running;
            out.emit(Event::BrokerStarted { broker: self.id });
            let early = self.registry().map(|registry| std::mem::take(&mut registry.early));
            for (call, request) in early.into_iter().flatten() {
                self.ask(call, request, out);
            }
        }
    }

    fn stop_replica(&mut self, key: &TopicPartition, delete: bool, out: &mut Out<'_>) {
        self.stop_following(key);
        let is_moved = self.image.partition(key).is_some_and(|it| !it.replicas.contains(&self.id));
        match delete {
            true if is_moved => self.drop_partition(key, out),
            true => self.delete_partition(key, out),
            false => {}
        }
    }
}
