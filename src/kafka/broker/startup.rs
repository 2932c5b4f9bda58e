//! The start of a broker: small files, the metadata log, then every log of its partitions.

use super::life::Ticket;
use super::server::{Server, write_durably};
use crate::kafka::config::{BrokerConfig, TopicConfig};
use crate::kafka::event::{Event, TopicPartition};
use crate::kafka::log::checkpoint::{
    self, CLEAN_SHUTDOWN, HIGH_WATERMARKS, LOG_STARTS, Offsets, RECOVERY_POINTS,
};
use crate::kafka::log::loader::{LoadRequest, Loaded};
use crate::kafka::log::{LoadStep, Log, LogLoader, LogScan};
use crate::kafka::metadata::{
    Image, METADATA_TOPIC, MetadataRecord, OFFSETS_TOPIC, PartitionImage, is_internal,
};
use crate::kafka::partition::Partition;
use crate::kafka::process::Out;
use crate::kafka::record::Records;
use crate::kafka::{now_ms, spec::Settings};
use crate::ordered::BTreeMap;
use crate::sim::{Rope, Span};
use std::collections::VecDeque;
use std::rc::Rc;

#[derive(Clone, Debug)]
enum Stage {
    /// Reads the files that hold an offset for each partition.
    Checkpoints(VecDeque<&'static str>),
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
    stage: Stage,
    checkpoints: BTreeMap<&'static str, Offsets>,
    metadata_log: Option<Box<Log>>,
    image: Image,
    to_open: VecDeque<(TopicPartition, PartitionImage)>,
    partitions: BTreeMap<TopicPartition, Partition>,
}

/// The settings of a topic's logs, with the broker's own for `__consumer_offsets`.
pub(super) fn topic_config(
    config: &BrokerConfig,
    topic: &str,
    settings: &Settings,
) -> Rc<TopicConfig> {
    let found = TopicConfig::of(settings, &config.topic_defaults);
    let mut found = found.expect("settings were checked before they were written");
    if topic == OFFSETS_TOPIC {
        found.segment_bytes = config.offsets_segment_bytes;
        found.is_compacted = true;
    }
    Rc::new(found)
}

impl Startup {
    /// Begins the start.
    pub fn new(id: i32, config: BrokerConfig, out: &mut Out<'_>) -> Startup {
        let clean = out.files().get(CLEAN_SHUTDOWN).is_some();
        out.delete(CLEAN_SHUTDOWN);
        let small = [HIGH_WATERMARKS, RECOVERY_POINTS, LOG_STARTS];
        Startup {
            id,
            config: Rc::new(config),
            clean,
            stage: Stage::Checkpoints(small.into()),
            checkpoints: BTreeMap::new(),
            metadata_log: None,
            image: Image::default(),
            to_open: VecDeque::new(),
            partitions: BTreeMap::new(),
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
                    self.checkpoints.insert(name, checkpoint::decode_offsets(&text));
                }
            }
            Stage::OpenMetadata(loader) | Stage::OpenLogs(Some(loader)) => loader.take(bytes),
            Stage::ReadMetadata(scan) => {
                for (_, batch) in scan.take(bytes) {
                    for record in Records::of(&batch).into_iter().flatten() {
                        let value = record.value.and_then(MetadataRecord::decode);
                        value.iter().for_each(|record| self.image.apply(record));
                    }
                }
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
                    None => {
                        let metadata = TopicPartition::new(METADATA_TOPIC, 0);
                        let loader = self.loader(metadata, Rc::default(), out);
                        self.stage = Stage::OpenMetadata(Box::new(loader));
                    }
                },
                Stage::OpenMetadata(loader) => {
                    let loaded = load(loader, out)?;
                    let scan = LogScan::of(&loaded.log);
                    self.metadata_log = Some(Box::new(loaded.log));
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
                    self.to_open = hosted.map(|(tp, image)| (tp, image.clone())).collect();
                    self.stage = Stage::OpenLogs(None);
                }
                Stage::OpenLogs(Some(loader)) => {
                    let loaded = load(loader, out)?;
                    self.opened(loaded, out);
                    self.stage = Stage::OpenLogs(None);
                }
                Stage::OpenLogs(None) => match self.to_open.front() {
                    Some((partition, _)) => {
                        let topic = &self.image.topics[&partition.topic];
                        let config = topic_config(&self.config, &partition.topic, &topic.settings);
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
        out: &Out<'_>,
    ) -> LogLoader {
        let offset = |name| self.checkpoints.get(name).and_then(|all| all.get(&partition));
        let request = LoadRequest {
            recovery_point: offset(RECOVERY_POINTS).copied().unwrap_or(0),
            log_start: offset(LOG_STARTS).copied().unwrap_or(0),
            clean: self.clean,
            now_ms: now_ms(out.now()),
            config,
            partition,
        };
        LogLoader::new(request, out)
    }

    fn opened(&mut self, loaded: Loaded, out: &mut Out<'_>) {
        let Some((partition, image)) = self.to_open.pop_front() else { return };
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
        let counts = (image.isr.len() as u32, image.replicas.len() as u32);
        let led =
            Partition::lead(loaded.log, image.leader_epoch, high_watermark.unwrap_or(0), counts);
        super::server::write_epochs(&led, out);
        self.partitions.insert(partition, led);
    }

    fn serve(&mut self, out: &mut Out<'_>) -> Server {
        if out.files().get("meta.properties").is_none() {
            let cluster = super::topics::draw_id(out.random());
            let directory = super::topics::draw_id(out.random());
            let text = format!(
                "#\ncluster.id={cluster}\ndirectory.id={directory}\nnode.id={}\nversion=1\n",
                self.id
            );
            write_durably("meta.properties", text, out);
        }
        let metadata_log = self.metadata_log.take().expect("the metadata log was opened first");
        let partitions = std::mem::take(&mut self.partitions);
        let image = std::mem::take(&mut self.image);
        Server::begin(self.id, self.config.clone(), (image, *metadata_log), partitions, out)
    }
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
