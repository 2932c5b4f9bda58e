//! A Kafka Streams application ([`crate::kafka::streams`]) as its consumer sees it: it makes its
//! internal topics, joins the group `application.id`, restores the store of each partition that it
//! is given, and only then takes records up.

use super::client::{Asked, Consumer};
use super::fetcher::Held;
use crate::kafka::command::OutgoingRecord;
use crate::kafka::error::{ErrorCode, client_error};
use crate::kafka::event::{Event, TopicPartition};
use crate::kafka::message::{Request, Response};
use crate::kafka::process::Out;
use crate::kafka::spec::{Settings, StartAt};
use crate::kafka::streams::topology::Flow;
use crate::kafka::streams::{Store, Topology};
use crate::ordered::BTreeMap;
use crate::sim::{MessageId, Time};
use std::collections::VecDeque;
use std::rc::Rc;

/// A store of one partition.
#[derive(Clone, Debug, Default)]
struct Task {
    store: Store,
    /// How far its changelog has to be read; `None` until that is known.
    end: Option<i64>,
    is_asking: bool,
    is_restored: bool,
    records: u64,
}

/// What such an application knows.
#[derive(Clone, Debug)]
pub struct Streams {
    topology: Rc<Topology>,
    /// Internal topics that are still to be made.
    to_make: Option<VecDeque<(String, Settings)>>,
    is_making: bool,
    retry_at: Time,
    tasks: BTreeMap<i32, Task>,
}

impl Streams {
    /// One that has not begun.
    pub fn new(topology: Rc<Topology>) -> Streams {
        Streams {
            topology,
            to_make: None,
            is_making: false,
            retry_at: Time::ZERO,
            tasks: BTreeMap::new(),
        }
    }

    fn is_restoring(&self) -> bool {
        self.tasks.values().any(|task| !task.is_restored)
    }
}

impl Consumer {
    /// True while the application may not join its group yet.
    pub(super) fn prepares_streams(&self) -> bool {
        let streams = self.streams.as_ref();
        streams.is_some_and(|streams| streams.to_make.as_ref().is_none_or(|left| !left.is_empty()))
    }

    /// The topics that it has to know of from the start.
    pub(super) fn streams_topics(&self) -> Vec<Rc<str>> {
        let topology = self.streams.as_ref().map(|streams| &streams.topology);
        let sources = topology.iter().flat_map(|topology| topology.sources());
        let sinks = topology.iter().flat_map(|topology| topology.sinks());
        sources.map(|topic| topic.as_str().into()).chain(sinks.map(Into::into)).collect()
    }

    /// True while stores are being restored: no record is taken up.
    pub(super) fn is_restoring(&self) -> bool {
        self.streams.as_ref().is_some_and(Streams::is_restoring)
    }

    /// True for a partition that is read to restore a store.
    pub(super) fn is_changelog(&self, partition: &TopicPartition) -> bool {
        let changelog = self.streams.as_ref().and_then(|streams| streams.topology.changelog());
        changelog.is_some_and(|topic| *topic == *partition.topic)
    }

    /// The counts of all stores here, by key.
    pub fn store(&self) -> Vec<(String, i64)> {
        let Some(streams) = &self.streams else { return Vec::new() };
        let counts = streams.tasks.values().flat_map(|task| task.store.iter());
        counts.map(|(key, count)| (streams.topology.shown(key), *count)).collect()
    }

    // ---- the internal topics ----

    /// Makes the internal topics, one after the other, as soon as the sources are known; says when
    /// to look again.
    pub(super) fn pump_streams(&mut self, out: &mut Out<'_>) -> Option<Time> {
        let streams = self.streams.as_mut()?;
        if streams.to_make.is_none() {
            let counts = streams.topology.sources().iter().map(|source| {
                match self.core.metadata.topic(source) {
                    Some(Ok(found)) => Some(found.partitions.len()),
                    _ => None,
                }
            });
            let count = counts.collect::<Option<Vec<_>>>()?.into_iter().max()?;
            let policy = |name: &str| Settings::from([("cleanup.policy".to_owned(), name.into())]);
            let repartition = streams.topology.repartition().map(|name| (name, policy("delete")));
            let changelog = streams.topology.changelog().map(|name| (name, policy("compact")));
            let all = repartition.into_iter().chain(changelog).map(|(name, mut settings)| {
                settings.insert("partitions".to_owned(), count.to_string());
                (name, settings)
            });
            streams.to_make = Some(all.collect());
        }
        let (name, settings) = streams.to_make.as_ref()?.front()?;
        if streams.is_making || streams.retry_at > out.now() {
            return Some(streams.retry_at).filter(|at| *at > out.now());
        }
        let mut settings = settings.clone();
        let partitions = settings.remove("partitions").and_then(|count| count.parse().ok());
        let request = Request::CreateTopics {
            topic: name.as_str().into(),
            partitions: partitions.unwrap_or(-1),
            replication_factor: -1,
            assignment: Vec::new(),
            settings,
        };
        let node = self.core.any_node(out)?;
        streams.is_making = true;
        self.core.send(node, request, Asked::InternalTopic, out);
        None
    }

    pub(super) fn internal_topic_answered(
        &mut self,
        response: Option<Response>,
        out: &mut Out<'_>,
    ) {
        let again = out.now() + self.core.retry_backoff(0, out);
        let Some(streams) = &mut self.streams else { return };
        streams.is_making = false;
        streams.retry_at = again;
        let result = match response {
            Some(Response::CreateTopics(result)) => result,
            _ => return,
        };
        match result {
            Err(error) if error.code != ErrorCode::TopicAlreadyExists.code() => {
                let sentence = format!("Could not create internal topics: {}", error.sentence);
                self.die(client_error("StreamsException", sentence), out);
            }
            _ => {
                let made = streams.to_make.as_mut().and_then(VecDeque::pop_front);
                streams.retry_at = Time::ZERO;
                if let Some((name, _)) = made {
                    self.core.metadata.want(&name.as_str().into());
                }
            }
        }
    }

    // ---- stores ----

    /// It has these partitions now: stores come and go with them.
    pub(super) fn own_stores(&mut self, partitions: &[TopicPartition]) {
        let Some(streams) = &mut self.streams else { return };
        let Some(changelog) = streams.topology.changelog() else { return };
        let counted = partitions.iter().filter(|tp| streams.topology.counts(&tp.topic));
        let counted: Vec<i32> = counted.map(|tp| tp.partition).collect();
        streams.tasks.retain(|partition, _| counted.contains(partition));
        for partition in counted {
            let task = streams.tasks.entry(partition).or_default();
            if !task.is_restored {
                let from = TopicPartition::new(&changelog, partition);
                self.positions.begin(from, StartAt::Earliest);
            }
        }
    }

    /// Asks how far the changelogs have to be read, as soon as they are known.
    pub(super) fn pump_restore(&mut self, out: &mut Out<'_>) {
        let Some(streams) = &mut self.streams else { return };
        let Some(changelog) = streams.topology.changelog() else { return };
        for (partition, task) in &mut streams.tasks {
            let key = TopicPartition::new(&changelog, *partition);
            if task.is_restored || task.is_asking || task.end.is_some() {
                continue;
            }
            let Some((_, node, _)) = self.core.metadata.leader(&key) else {
                self.core.metadata.request_update();
                continue;
            };
            if self.core.connect(node, out) {
                task.is_asking = true;
                let request = Request::ListOffsets {
                    from_replica: false,
                    read_committed: self.config.read_committed,
                    partitions: vec![(key, -1)],
                };
                self.core.send(node, request, Asked::StoreEnd(*partition), out);
            }
        }
    }

    pub(super) fn store_end_answered(
        &mut self,
        partition: i32,
        response: Option<Response>,
        out: &mut Out<'_>,
    ) {
        let Some(streams) = &mut self.streams else { return };
        let Some(task) = streams.tasks.get_mut(&partition) else { return };
        task.is_asking = false;
        if let Some(Response::ListOffsets(results)) = response
            && let Some((_, Ok(end))) = results.into_iter().next()
        {
            task.end = Some(end);
        }
        self.end_restore(partition, out);
    }

    /// Records of a changelog have come, and more are to be read from this offset on.
    pub(super) fn restore(
        &mut self,
        partition: &TopicPartition,
        records: VecDeque<Held>,
        next_offset: i64,
        out: &mut Out<'_>,
    ) {
        self.positions.advance(partition, next_offset);
        let Some(streams) = &mut self.streams else { return };
        let Some(task) = streams.tasks.get_mut(&partition.partition) else { return };
        task.records += records.len() as u64;
        for held in records {
            if let Some(key) = held.key() {
                streams.topology.restore(&mut task.store, &key, held.value().as_ref());
            }
        }
        self.end_restore(partition.partition, out);
    }

    /// A store is whole once its changelog was read to the end.
    fn end_restore(&mut self, partition: i32, out: &mut Out<'_>) {
        let Some(streams) = &mut self.streams else { return };
        let Some(changelog) = streams.topology.changelog() else { return };
        let Some(task) = streams.tasks.get_mut(&partition) else { return };
        let key = TopicPartition::new(&changelog, partition);
        let at = self.positions.get(&key);
        if task.end.is_none_or(|end| end > 0 && at.is_none_or(|at| at < end)) {
            return;
        }
        task.is_restored = true;
        let records = task.records;
        self.positions.end(&key);
        let client = self.core.name.clone();
        out.emit(Event::StoreRestored { client, changelog: key, records });
    }

    // ---- records ----

    /// What is to be written for a record.
    pub(super) fn stream(&mut self, held: &Held, id: MessageId) -> VecDeque<OutgoingRecord> {
        let Some(streams) = &mut self.streams else { return VecDeque::new() };
        let mut none = Store::new();
        let store = match streams.tasks.get_mut(&held.partition().partition) {
            Some(task) => &mut task.store,
            None => &mut none,
        };
        let (key, value) = (held.key(), held.value());
        let flow = Flow { key, value, timestamp_ms: held.timestamp_ms };
        let from = (&*held.partition().topic, held.partition().partition);
        let mut outputs = Vec::new();
        streams.topology.process(from, flow, store, &mut outputs);
        let records = outputs.into_iter().map(|output| OutgoingRecord {
            id,
            topic: output.topic.into(),
            partition: output.partition,
            key: output.key,
            value: output.value,
            headers: Vec::new(),
        });
        records.collect()
    }
}
