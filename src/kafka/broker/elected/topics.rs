//! Topics come, change and go: the controller writes them, and then finds what it wrote by its
//! watches, as if a tool had written it, as tools once did.

use super::Plan;
use super::read::{self, Found};
use crate::kafka::broker::server::Server;
use crate::kafka::broker::znodes;
use crate::kafka::controller::{ReplyTo, topics};
use crate::kafka::error::ErrorCode;
use crate::kafka::event::TopicPartition;
use crate::kafka::message::{ControlBody, Request, Response};
use crate::kafka::metadata::placement::Candidate;
use crate::kafka::metadata::records::Resource;
use crate::kafka::metadata::{MetadataRecord, PartitionImage};
use crate::kafka::process::Out;
use crate::kafka::spec::Settings;
use crate::kafka::zookeeper::Op;
use bytes::Bytes;
use std::rc::Rc;

/// The writes that give a partition this state.
pub(super) fn state_ops(
    key: &TopicPartition,
    state: &PartitionImage,
    epoch: i32,
    is_new: bool,
) -> Vec<Op> {
    let data = Bytes::from(znodes::state_text(epoch, state));
    if !is_new {
        return vec![Op::SetData {
            path: znodes::state(key),
            data,
            version: state.partition_epoch,
        }];
    }
    let partitions: Rc<str> = format!("{}/partitions", znodes::topic(&key.topic)).into();
    let mut ops = Vec::new();
    if key.partition == 0 {
        ops.push(znodes::create(partitions.clone(), Bytes::new(), false));
    }
    let path = format!("{partitions}/{}", key.partition).into();
    ops.push(znodes::create(path, Bytes::new(), false));
    ops.push(znodes::create(znodes::state(key), data, false));
    ops
}

/// The replicas of new partitions among records, and settings.
fn placed(records: &[MetadataRecord]) -> (Vec<Vec<i32>>, Settings) {
    let replicas = records.iter().filter_map(|record| match record {
        MetadataRecord::Partition { state, .. } => Some(state.replicas.clone()),
        _ => None,
    });
    let settings = records.iter().filter_map(|record| match record {
        MetadataRecord::Config { name, value: Some(value), .. } => {
            Some((name.clone(), value.clone()))
        }
        _ => None,
    });
    (replicas.collect(), settings.collect())
}

impl Server {
    /// A request about topics.
    pub(super) fn decide_topics(
        &mut self,
        to: ReplyTo,
        request: Request,
        out: &mut Out<'_>,
    ) -> Plan {
        let config = self.config.clone();
        let Some(elected) = self.registry().and_then(|registry| registry.elected.as_mut()) else {
            return Plan::default();
        };
        let image = &elected.image;
        let brokers = image.brokers.iter().map(|(id, broker)| Candidate {
            id: *id,
            rack: broker.rack.clone(),
            fenced: false,
        });
        let brokers: Vec<Candidate> = brokers.collect();
        let response = topics::response_to(&request);
        if let Request::CreatePartitions { topic, .. } = &request
            && elected.is_moving(topic)
        {
            let sentence =
                format!("A partition reassignment is in progress for the topic '{topic}'.");
            let error = ErrorCode::ReassignmentInProgress.with(sentence);
            return Plan { answer: Some((to, response(Err(error)))), ..Plan::default() };
        }
        let records = match topics::decide((image, &config), &brokers, &request, out.random()) {
            Some(Ok(records)) => records,
            Some(Err(error)) => {
                return Plan { answer: Some((to, response(Err(error)))), ..Plan::default() };
            }
            None => return Plan::default(),
        };
        let (replicas, settings) = placed(&records);
        let set = |path, text| Op::SetData { path, data: Bytes::from(text), version: -1 };
        let (ops, topic) = match request {
            Request::CreateTopics { topic, .. } => {
                let mut ids = records.iter().filter_map(|record| match record {
                    MetadataRecord::Topic { id, .. } => Some(*id),
                    _ => None,
                });
                let id = ids.next().unwrap_or_default();
                let partitions: Vec<PartitionImage> =
                    replicas.into_iter().map(PartitionImage::unknown).collect();
                let text = znodes::topic_text(id, &partitions);
                let config = znodes::config_text(&settings);
                let config = znodes::create(znodes::topic_config(&topic), config, false);
                (vec![config, znodes::create(znodes::topic(&topic), text, false)], topic)
            }
            Request::CreatePartitions { topic, .. } => {
                let found = &image.topics[&topic];
                let mut all = found.partitions.clone();
                all.extend(replicas.into_iter().map(PartitionImage::unknown));
                let text = znodes::topic_text(found.id, &all);
                (vec![set(znodes::topic(&topic), text)], topic)
            }
            Request::DeleteTopics { topic } => {
                let path = format!("{}/{topic}", znodes::DELETIONS).into();
                (vec![znodes::create(path, Bytes::new(), false)], topic)
            }
            Request::IncrementalAlterConfigs { resource: Resource::Topic(topic), changes } => {
                let mut settings = image.topics[topic.as_str()].settings.clone();
                for (name, value) in changes {
                    match value {
                        Some(value) => drop(settings.insert(name, value)),
                        None => drop(settings.remove(&name)),
                    }
                }
                let text = znodes::config_text(&settings);
                let ops = vec![
                    set(znodes::topic_config(&topic), text),
                    znodes::config_change(&Resource::Topic(topic)),
                ];
                return Plan { ops, answer: Some((to, response(Ok(())))), ..Plan::default() };
            }
            _ => return Plan::default(),
        };
        // Its watches tell when it is so.
        elected.awaited.push((topic, to, response(Ok(()))));
        Plan { ops, ..Plan::default() }
    }

    /// Topics are to go: where all replicas live, their logs and their znodes do. Others wait.
    pub(super) fn decide_deletions(&mut self, found: &Found, out: &mut Out<'_>) -> Plan {
        let Some(elected) = self.registry().and_then(|registry| registry.elected.as_mut()) else {
            return Plan::default();
        };
        let wanted: Vec<Rc<str>> = read::names(found, znodes::DELETIONS).to_vec();
        elected.deleting = wanted.iter().cloned().collect();
        let (mut ops, mut gone, mut told) = (Vec::new(), Vec::new(), Vec::new());
        for name in wanted {
            let delete = |path: String| Op::Delete { path: path.into(), version: -1 };
            if let Some(topic) = elected.image.topics.get(&name) {
                let mut replicas = topic.partitions.iter().flat_map(|p| &p.replicas);
                if !replicas.all(|id| elected.lives(*id)) || elected.is_moving(&name) {
                    continue;
                }
                for (number, partition) in topic.partitions.iter().enumerate() {
                    let key = TopicPartition { topic: name.clone(), partition: number as i32 };
                    told.extend(partition.replicas.iter().map(|id| (*id, key.clone())));
                    let path = format!("{}/partitions/{number}", znodes::topic(&name));
                    ops.push(delete(format!("{path}/state")));
                    ops.push(delete(path));
                }
                ops.push(delete(format!("{}/partitions", znodes::topic(&name))));
                ops.push(delete(znodes::topic(&name).to_string()));
                ops.push(delete(znodes::topic_config(&name).to_string()));
                gone.push(name.clone());
            }
            ops.push(delete(format!("{}/{name}", znodes::DELETIONS)));
        }
        for (id, key) in told {
            let partitions = vec![key];
            self.tell(id, ControlBody::StopReplica { partitions, delete: true }, out);
        }
        Plan { ops, gone, ..Plan::default() }
    }

    /// Who waits for topics that are there now, or gone, is answered.
    pub(super) fn answer_awaited(&mut self, out: &mut Out<'_>) {
        let Some(elected) = self.registry().and_then(|registry| registry.elected.as_mut()) else {
            return;
        };
        let image = &elected.image;
        let is_done = |name: &Rc<str>, response: &Response| match response {
            Response::DeleteTopics(_) => !image.topics.contains_key(name),
            _ => image.topics.get(name).is_some_and(|topic| {
                topic.partitions.iter().all(|partition| partition.partition_epoch >= 0)
            }),
        };
        let (done, left): (Vec<_>, Vec<_>) = std::mem::take(&mut elected.awaited)
            .into_iter()
            .partition(|(name, _, response)| is_done(name, response));
        elected.awaited = left;
        for (_, to, response) in done {
            self.reply(to, response, out);
        }
    }
}
