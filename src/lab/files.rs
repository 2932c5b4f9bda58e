//! Files of Kafka's servers, by the paths that their tools are given.
//!
//! A path ends with the directory of a partition and the name of a file; a server that is named
//! before them is where it lies: `kafka-2/orders-0/00000000000000000000.log`. Without one it is the
//! partition's leader, and for the metadata log the active controller.

use super::outcome::{FoundFile, LabError};
use super::session::Session;
use crate::kafka::event::TopicPartition;
use crate::kafka::metadata::METADATA_TOPIC;
use crate::sim::NodeId;
use bytes::Bytes;

/// Longer files are not shown at once.
const BYTES_MAX: u64 = 16 << 20;

impl Session {
    /// What lies in a file.
    pub fn file(&self, path: &str) -> Result<Bytes, LabError> {
        let (node, file) = self.place_of(path)?;
        self.read_file(node, &file)?.ok_or_else(|| missing(path))
    }

    pub(super) fn found_file(&self, path: &str) -> Result<FoundFile, LabError> {
        let (node, file) = self.place_of(path)?;
        let bytes = self.read_file(node, &file)?.ok_or_else(|| missing(path))?;
        let stem = file.rsplit_once('.').map_or(&*file, |(stem, _)| stem);
        let index = self.read_file(node, &format!("{stem}.index"))?;
        let log = self.read_file(node, &format!("{stem}.log"))?;
        Ok(FoundFile { path: path.to_owned(), bytes, index, log })
    }

    fn read_file(&self, node: NodeId, file: &str) -> Result<Option<Bytes>, LabError> {
        let Some(found) = self.kafka.world.disk(node).get(file) else { return Ok(None) };
        if found.len() > BYTES_MAX {
            return Err(LabError::Refused(format!(
                "{file} has {} bytes, expected at most {BYTES_MAX}",
                found.len()
            )));
        }
        match found.read(0, found.len()) {
            Ok(rope) => Ok(Some(rope.bytes())),
            Err(absent) => Err(LabError::Refused(format!(
                "{file} was saved and {} blocks of it are not loaded",
                absent.0.len()
            ))),
        }
    }

    /// The server and the file on its disk.
    fn place_of(&self, path: &str) -> Result<(NodeId, String), LabError> {
        let mut parts = path.rsplit('/').filter(|part| !part.is_empty());
        let (Some(name), Some(directory)) = (parts.next(), parts.next()) else {
            return Err(missing(path));
        };
        let file = format!("{directory}/{name}");
        let named = parts.next().and_then(|server| self.kafka.world.id(server));
        let node = named.or_else(|| self.home_of(directory)).ok_or_else(|| missing(path))?;
        Ok((node, file))
    }

    fn home_of(&self, directory: &str) -> Option<NodeId> {
        let (topic, partition) = directory.rsplit_once('-')?;
        if topic == METADATA_TOPIC {
            let active = self.kafka.active_controller().map(|(node, _)| node);
            return active.or_else(|| self.kafka.world.id("kafka-1"));
        }
        let partition = TopicPartition::new(topic, partition.parse().ok()?);
        self.kafka.home_of(&partition)
    }
}

fn missing(path: &str) -> LabError {
    LabError::Refused(format!("java.nio.file.NoSuchFileException: {path}"))
}
