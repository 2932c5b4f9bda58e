//! The small text files beside the logs: a version, a count, and a line for each entry.

use crate::kafka::event::TopicPartition;
use crate::ordered::BTreeMap;
use std::fmt::Write;

/// Up to where each log is flushed.
pub const RECOVERY_POINTS: &str = "recovery-point-offset-checkpoint";
/// The high watermark of each partition.
pub const HIGH_WATERMARKS: &str = "replication-offset-checkpoint";
/// Where each log begins, if not at its first segment.
pub const LOG_STARTS: &str = "log-start-offset-checkpoint";
/// Where the part of each compacted log begins that was not cleaned yet.
pub const CLEANER_OFFSETS: &str = "cleaner-offset-checkpoint";
/// There after a clean stop only: the next start need not walk the logs.
pub const CLEAN_SHUTDOWN: &str = ".kafka_cleanshutdown";
/// Which leader epoch began where; in the directory of each partition.
pub const LEADER_EPOCHS: &str = "leader-epoch-checkpoint";
/// The topic's id; in the directory of each partition.
pub const PARTITION_METADATA: &str = "partition.metadata";

/// An offset for each partition.
pub type Offsets = BTreeMap<TopicPartition, i64>;

/// Writes one of the files that hold an offset for each partition.
pub fn encode_offsets<'a>(offsets: impl Iterator<Item = (&'a TopicPartition, i64)>) -> String {
    let (mut lines, mut count) = (String::new(), 0);
    for (partition, offset) in offsets {
        count += 1;
        let _ = writeln!(lines, "{} {} {offset}", partition.topic, partition.partition);
    }
    format!("0\n{count}\n{lines}")
}

/// Reads such a file; a line that makes no sense is passed over.
pub fn decode_offsets(text: &str) -> Offsets {
    let entry = |line: &str| {
        let mut words = line.split(' ');
        let topic = words.next()?;
        let partition = words.next()?.parse().ok()?;
        Some((TopicPartition::new(topic, partition), words.next()?.parse().ok()?))
    };
    text.lines().skip(2).filter_map(entry).collect()
}

/// Reads the broker epoch in `.kafka_cleanshutdown`; -1 if there is none.
pub fn decode_broker_epoch(text: &str) -> i64 {
    let number = text.rsplit(':').next().map(|last| last.trim_end_matches(['}', '\n']));
    number.and_then(|number| number.parse().ok()).unwrap_or(-1)
}

/// Writes a `leader-epoch-checkpoint`.
pub fn encode_epochs(entries: &[(i32, i64)]) -> String {
    let mut text = format!("0\n{}\n", entries.len());
    for (epoch, start) in entries {
        let _ = writeln!(text, "{epoch} {start}");
    }
    text
}

/// Reads a `leader-epoch-checkpoint`.
pub fn decode_epochs(text: &str) -> Vec<(i32, i64)> {
    let entry = |line: &str| {
        let (epoch, start) = line.split_once(' ')?;
        Some((epoch.parse().ok()?, start.parse().ok()?))
    };
    text.lines().skip(2).filter_map(entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let offsets =
            Offsets::from([(TopicPartition::new("a.b-c", 3), 7), (TopicPartition::new("x", 0), 0)]);
        let text = encode_offsets(offsets.iter().map(|(partition, offset)| (partition, *offset)));
        assert_eq!(text, "0\n2\na.b-c 3 7\nx 0 0\n");
        assert_eq!(decode_offsets(&text), offsets);
        assert_eq!(encode_epochs(&[(0, 0), (2, 9)]), "0\n2\n0 0\n2 9\n");
        assert_eq!(decode_epochs("0\n2\n0 0\n2 9\n"), [(0, 0), (2, 9)]);
        assert!(decode_offsets("garbage").is_empty());
    }
}
