//! The start of a broker: small files, the metadata log, then every log of its partitions.

use super::channel::{Quorum, RemoteQuorum};
use super::life::Ticket;
use super::registry::Registry;
use super::server::{Server, write_durably};
use crate::kafka::config::{BrokerConfig, TopicConfig};
use crate::kafka::controller::Controller;
use crate::kafka::controller::active::draw_id;
use crate::kafka::controller::snapshots::Snapshots;
use crate::kafka::event::{Event, TopicPartition};
use crate::kafka::log::checkpoint::{
    self, CLEAN_SHUTDOWN, CLEANER_OFFSETS, HIGH_WATERMARKS, LOG_STARTS, Offsets, RECOVERY_POINTS,
};
use crate::kafka::log::loader::{LoadRequest, Loaded};
use crate::kafka::log::{LoadStep, Log, LogLoader, LogScan};
use crate::kafka::metadata::{Image, METADATA_TOPIC, OFFSETS_TOPIC, is_internal};
use crate::kafka::partition::{Partition, Partitions};
use crate::kafka::process::Out;
use crate::kafka::zookeeper::Session;
use crate::kafka::{now_ms, spec::Settings};
use crate::ordered::BTreeMap;
use crate::sim::{NodeId, Rope, Span};
use std::collections::VecDeque;
use std::rc::Rc;

#[derive(Clone, Debug)]
enum Stage {
    /// Reads the files that hold an offset for each partition.
    Checkpoints(VecDeque<&'static str>),
    /// Reads the snapshots of the metadata log.
    Snapshots,
    /// Opens the metadata log.
    OpenMetadata(Box<LogLoader>),
    /// Reads the metadata log.
    ReadMetadata(Box<LogScan>),
    /// Opens the logs of partitions, one after the other.
    OpenLogs(Option<Box<LogLoader>>),
}

/// A broker that is starting. One read is under way at a time.
#[derive(Clone, Debug)]
pub struct Startup {
    id: i32,
    config: Rc<BrokerConfig>,
    clean: bool,
    controllers: Rc<[NodeId]>,
    /// The broker epoch that a clean stop wrote down.
    previous_epoch: i64,
    stage: Stage,
    checkpoints: BTreeMap<&'static str, Offsets>,
    metadata_log: Option<Box<Log>>,
    snapshots: Snapshots,
    image: Image,
    to_open: VecDeque<TopicPartition>,
    partitions: Partitions,
}

/// The settings of a topic's logs, with the broker's own for `__consumer_offsets`.
pub(super) fn topic_config(
    config: &BrokerConfig,
    topic: &str,
    settings: &Settings,
) -> Rc<TopicConfig> {
    let found = TopicConfig::of(settings, &config.topic_defaults);
    let mut found = found.expect("settings were checked before they were written");
    let after_max = "message.timestamp.after.max.ms";
    let is_set = settings.contains_key(after_max) || config.topic_defaults.contains_key(after_max);
    if config.zookeeper && !is_set {
        // An hour only since 4.0 (KIP-1030).
        found.timestamp_after_max_ms = i64::MAX as _;
    }
    if topic == OFFSETS_TOPIC {
        found.segment_bytes = config.offsets_segment_bytes;
        found.is_compacted = true;
        found.is_deleted = false;
    }
    Rc::new(found)
}

impl Startup {
    /// Begins the start.
    pub fn new(
        id: i32,
        config: BrokerConfig,
        controllers: Rc<[NodeId]>,
        out: &mut Out<'_>,
    ) -> Startup {
        let clean = out.files().get(CLEAN_SHUTDOWN).is_some();
        let mut small = vec![HIGH_WATERMARKS, RECOVERY_POINTS, LOG_STARTS, CLEANER_OFFSETS];
        match controllers.is_empty() {
            // The controller wants to know whose stop was clean.
            false => small.push(CLEAN_SHUTDOWN),
            true => out.delete(CLEAN_SHUTDOWN),
        }
        Startup {
            snapshots: Snapshots::find(config.snapshots, out),
            controllers,
            previous_epoch: -1,
            id,
            config: Rc::new(config),
            clean,
            stage: Stage::Checkpoints(small.into()),
            checkpoints: BTreeMap::new(),
            metadata_log: None,
            image: Image::default(),
            to_open: VecDeque::new(),
            partitions: Partitions::new(),
        }
    }

    /// Takes the bytes that were read.
    pub fn take(&mut self, bytes: Rope, out: &mut Out<'_>) {
        let work = out.cost().kilobyte.as_micros() * bytes.len() as u64 / 1_000;
        out.work(Span::micros(work));
        match &mut self.stage {
            Stage::Checkpoints(names) => {
                if let Some(name) = names.pop_front() {
                    let text = String::from_utf8_lossy(&bytes.bytes()).into_owned();
                    if name == CLEAN_SHUTDOWN {
                        self.previous_epoch = checkpoint::decode_broker_epoch(&text);
                        out.delete(CLEAN_SHUTDOWN);
                    } else {
                        self.checkpoints.insert(name, checkpoint::decode_offsets(&text));
                    }
                }
            }
            Stage::OpenMetadata(loader) | Stage::OpenLogs(Some(loader)) => loader.take(bytes),
            Stage::Snapshots => self.snapshots.take(&bytes, out),
            Stage::ReadMetadata(scan) => {
                let covered = self.snapshots.last().map_or(0, |last| last.id.offset);
                let mut batches = scan.take(bytes);
                batches.retain(|(header, _)| header.base_offset >= covered);
                batches.iter().for_each(|(header, _)| self.snapshots.added(header));
                self.image.take(batches);
            }
            Stage::OpenLogs(None) => {}
        }
    }

    /// Goes on until bytes are needed, or gives the broker that serves.
    pub fn go_on(&mut self, out: &mut Out<'_>) -> Option<Server> {
        loop {
            match &mut self.stage {
                Stage::Checkpoints(names) => match names.front() {
                    Some(name) => {
                        let len = out.files().len(name);
                        if len > 0 {
                            out.read(name, 0, len, Ticket::Startup);
                            return None;
                        }
                        names.pop_front();
                    }
                    None if self.config.zookeeper => {
                        self.to_open = directories(out);
                        self.stage = Stage::OpenLogs(None);
                    }
                    None => self.stage = Stage::Snapshots,
                },
                Stage::Snapshots => {
                    if let Some((file, len)) = self.snapshots.next_read(out) {
                        out.read(&file, 0, len, Ticket::Startup);
                        return None;
                    }
                    self.image = self.snapshots.image();
                    let metadata = TopicPartition::new(METADATA_TOPIC, 0);
                    let loader = self.loader(metadata, self.config.metadata_log.clone(), out);
                    self.stage = Stage::OpenMetadata(Box::new(loader));
                }
                Stage::OpenMetadata(loader) => {
                    let mut log = load(loader, out)?.log;
                    self.snapshots.fit(&mut log, out);
                    let scan = LogScan::of(&log);
                    self.metadata_log = Some(Box::new(log));
                    self.stage = Stage::ReadMetadata(Box::new(scan));
                }
                Stage::ReadMetadata(scan) => {
                    if let Some((file, from, len)) = scan.next_read() {
                        out.read(&file, from, len, Ticket::Startup);
                        return None;
                    }
                    let hosted = self
                        .image
                        .partitions()
                        .filter(|(_, partition)| partition.replicas.contains(&self.id));
                    self.to_open = hosted.map(|(tp, _)| tp).collect();
                    self.stage = Stage::OpenLogs(None);
                }
                Stage::OpenLogs(Some(loader)) => {
                    let loaded = load(loader, out)?;
                    self.opened(loaded, out);
                    self.stage = Stage::OpenLogs(None);
                }
                Stage::OpenLogs(None) => match self.to_open.front() {
                    Some(partition) => {
                        // In the ZooKeeper era settings are only known when the session has begun.
                        let topic = self.image.topics.get(&partition.topic);
                        let settings = topic.map(|topic| topic.settings.clone());
                        let settings = settings.unwrap_or_default();
                        let config = topic_config(&self.config, &partition.topic, &settings);
                        let loader = self.loader(partition.clone(), config, out);
                        self.stage = Stage::OpenLogs(Some(Box::new(loader)));
                    }
                    None => return Some(self.serve(out)),
                },
            }
        }
    }

    fn loader(
        &self,
        partition: TopicPartition,
        config: Rc<TopicConfig>,
        out: &mut Out<'_>,
    ) -> LogLoader {
        let offset = |name| self.checkpoints.get(name).and_then(|all| all.get(&partition));
        let request = LoadRequest {
            recovery_point: offset(RECOVERY_POINTS).copied().unwrap_or(0),
            log_start: match &*partition.topic {
                METADATA_TOPIC => self.snapshots.log_start(out),
                _ => offset(LOG_STARTS).copied().unwrap_or(0),
            },
            clean: self.clean,
            now_ms: now_ms(out.now()),
            config,
            partition,
        };
        LogLoader::new(request, out)
    }

    fn opened(&mut self, loaded: Loaded, out: &mut Out<'_>) {
        let Some(partition) = self.to_open.pop_front() else { return };
        let end_offset = loaded.log.log_end();
        if !is_internal(&partition.topic) || end_offset > 0 || loaded.truncated_bytes > 0 {
            out.emit(Event::LogRecovered {
                partition: partition.clone(),
                end_offset,
                truncated_bytes: loaded.truncated_bytes,
            });
        }
        let high_watermarks = self.checkpoints.get(HIGH_WATERMARKS);
        let high_watermark = high_watermarks.and_then(|all| all.get(&partition)).copied();
        let high_watermark = high_watermark.unwrap_or(0);
        let mut opened = Partition::open(loaded.log, high_watermark, self.config.without);
        opened.stands_below_min_isr = !self.config.zookeeper;
        self.partitions.insert(partition, opened);
    }

    fn serve(&mut self, out: &mut Out<'_>) -> Server {
        if out.files().get("meta.properties").is_none() {
            let cluster = draw_id(out.random());
            let directory = draw_id(out.random());
            let text = format!(
                "#\ncluster.id={cluster}\ndirectory.id={directory}\nnode.id={}\nversion=1\n",
                self.id
            );
            write_durably("meta.properties", text, out);
        }
        let metadata_log = self.metadata_log.take();
        let partitions = std::mem::take(&mut self.partitions);
        let image = std::mem::take(&mut self.image);
        let quorum = match metadata_log {
            None => {
                let name = format!("kafka-{}", self.id).into();
                let (servers, timeout) =
                    (self.controllers.clone(), self.config.zookeeper_session_timeout);
                let session = Session::new(name, servers, timeout, out);
                Quorum::ZooKeeper(Box::new(Registry::new(session)))
            }
            Some(log) if !self.controllers.is_empty() => {
                let controllers = self.controllers.clone();
                let found = (*log, self.snapshots.clone());
                Quorum::Remote(Box::new(RemoteQuorum::new(controllers, found)))
            }
            Some(log) => {
                let (config, id) = (self.config.clone(), Some(self.id));
                let found = (*log, self.snapshots.clone());
                Quorum::Own(Box::new(Controller::new(found, image.clone(), config, id)))
            }
        };
        let (config, previous) = (self.config.clone(), self.previous_epoch);
        let found = (image, quorum);
        let mut server = Server::begin(self.id, config, found, partitions, previous, out);
        server.cleaner.dirty_from = self.checkpoints.remove(CLEANER_OFFSETS).unwrap_or_default();
        server
    }
}

/// The partitions whose directories are on the disk.
fn directories(out: &Out<'_>) -> VecDeque<TopicPartition> {
    let mut found: VecDeque<TopicPartition> = VecDeque::new();
    for (file, _) in out.files().iter() {
        let Some((directory, name)) = file.split_once('/') else { continue };
        let Some((topic, number)) = directory.rsplit_once('-') else { continue };
        let Ok(number) = number.parse() else { continue };
        let key = TopicPartition::new(topic, number);
        if name.ends_with(".log") && found.back() != Some(&key) {
            found.push_back(key);
        }
    }
    found
}

fn load(loader: &mut LogLoader, out: &mut Out<'_>) -> Option<Loaded> {
    match loader.next(out) {
        LoadStep::Read { file, from, len } => {
            out.read(&file, from, len, Ticket::Startup);
            None
        }
        LoadStep::Done(loaded) => Some(*loaded),
    }
}
