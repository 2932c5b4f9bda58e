//! Settings of a topic, which default to the broker's.

use super::{Definition, Kind, Values, define};
use crate::kafka::command::ApiError;
use crate::kafka::error::ErrorCode;
use crate::kafka::spec::Settings;

const POLICIES: &[&str] = &["compact", "delete"];
const CODECS: &[&str] = &["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"];
const TIMESTAMP_TYPES: &[&str] = &["CreateTime", "LogAppendTime"];

/// Replicas whose copying a leader holds back, and whose copying a follower does.
pub const LEADER_THROTTLED: &str = "leader.replication.throttled.replicas";
/// See [`LEADER_THROTTLED`].
pub const FOLLOWER_THROTTLED: &str = "follower.replication.throttled.replicas";

/// Every topic setting with the default that it has if the broker sets nothing.
pub const TABLE: &[Definition] = &[
    define("cleanup.policy", Kind::ListOf(POLICIES), "delete"),
    define("compression.type", Kind::OneOf(CODECS), "producer"),
    define("delete.retention.ms", Kind::Long(0), "86400000"),
    define("file.delete.delay.ms", Kind::Long(0), "60000"),
    define("flush.messages", Kind::Long(1), "9223372036854775807"),
    define("flush.ms", Kind::Long(0), "9223372036854775807"),
    define(FOLLOWER_THROTTLED, Kind::Replicas, ""),
    define("index.interval.bytes", Kind::Int(0), "4096"),
    // For tests only, as in the real one: it has no lower limit.
    define("internal.segment.bytes", Kind::Int(14), "0"),
    define(LEADER_THROTTLED, Kind::Replicas, ""),
    define("max.compaction.lag.ms", Kind::Long(1), "9223372036854775807"),
    define("max.message.bytes", Kind::Int(0), "1048588"),
    define("message.timestamp.after.max.ms", Kind::Long(0), "3600000"),
    define("message.timestamp.before.max.ms", Kind::Long(0), "9223372036854775807"),
    define("message.timestamp.type", Kind::OneOf(TIMESTAMP_TYPES), "CreateTime"),
    define("min.cleanable.dirty.ratio", Kind::Ratio, "0.5"),
    define("min.compaction.lag.ms", Kind::Long(0), "0"),
    define("min.insync.replicas", Kind::Int(1), "1"),
    define("preallocate", Kind::Boolean, "false"),
    define("retention.bytes", Kind::Long(i64::MIN), "-1"),
    define("retention.ms", Kind::Long(-1), "604800000"),
    define("segment.bytes", Kind::Int(1 << 20), "1073741824"),
    define("segment.index.bytes", Kind::Int(4), "10485760"),
    define("segment.jitter.ms", Kind::Long(0), "0"),
    define("segment.ms", Kind::Long(1), "604800000"),
    define("unclean.leader.election.enable", Kind::Boolean, "false"),
];

/// Topic settings, and the broker setting that gives each its default.
pub const BROKER_SYNONYMS: &[(&str, &str)] = &[
    ("cleanup.policy", "log.cleanup.policy"),
    ("compression.type", "compression.type"),
    ("delete.retention.ms", "log.cleaner.delete.retention.ms"),
    ("file.delete.delay.ms", "log.segment.delete.delay.ms"),
    ("flush.messages", "log.flush.interval.messages"),
    ("flush.ms", "log.flush.interval.ms"),
    ("index.interval.bytes", "log.index.interval.bytes"),
    ("max.compaction.lag.ms", "log.cleaner.max.compaction.lag.ms"),
    ("max.message.bytes", "message.max.bytes"),
    ("message.timestamp.after.max.ms", "log.message.timestamp.after.max.ms"),
    ("message.timestamp.before.max.ms", "log.message.timestamp.before.max.ms"),
    ("message.timestamp.type", "log.message.timestamp.type"),
    ("min.cleanable.dirty.ratio", "log.cleaner.min.cleanable.ratio"),
    ("min.compaction.lag.ms", "log.cleaner.min.compaction.lag.ms"),
    ("min.insync.replicas", "min.insync.replicas"),
    ("preallocate", "log.preallocate"),
    ("retention.bytes", "log.retention.bytes"),
    ("retention.ms", "log.retention.ms"),
    ("segment.bytes", "log.segment.bytes"),
    ("segment.index.bytes", "log.index.size.max.bytes"),
    ("segment.jitter.ms", "log.roll.jitter.ms"),
    ("segment.ms", "log.roll.ms"),
    ("unclean.leader.election.enable", "unclean.leader.election.enable"),
];

/// The topic settings that the engine uses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicConfig {
    /// A segment may grow to so many bytes.
    pub segment_bytes: u64,
    /// A segment may span so much record time.
    pub segment_ms: u64,
    /// Each index of a segment may grow to so many bytes.
    pub segment_index_bytes: u64,
    /// An index entry is written when so many bytes lie behind the last.
    pub index_interval_bytes: u64,
    /// The largest batch that is accepted.
    pub max_message_bytes: u64,
    /// The log is flushed after so many records.
    pub flush_messages: u64,
    /// How many replicas must be in sync for `acks=all`.
    pub min_insync_replicas: u32,
    /// True if the leader's clock gives records their time.
    pub log_append_time: bool,
    /// How far a record's time may lie ahead of the leader's clock, in milliseconds.
    pub timestamp_after_max_ms: u64,
    /// How far a record's time may lie behind the leader's clock, in milliseconds.
    pub timestamp_before_max_ms: u64,
    /// True if the log keeps the latest record of each key.
    pub is_compacted: bool,
    /// True if old segments go.
    pub is_deleted: bool,
    /// A segment goes when its last record is older, in milliseconds; never if negative.
    pub retention_ms: i64,
    /// Segments go while so many bytes are left without them; never if negative.
    pub retention_bytes: i64,
    /// How long a tombstone stays after the first cleaning, in milliseconds.
    pub delete_retention_ms: u64,
    /// How old a record must be to be compacted, in milliseconds.
    pub min_compaction_lag_ms: u64,
    /// How old a record may become without being compacted, in milliseconds.
    pub max_compaction_lag_ms: u64,
    /// What part of a log must be dirty, in millionths.
    pub min_cleanable_millionths: u64,
    /// The replicas whose copying is held back at their leader and at the follower.
    pub throttled: (String, String),
}

/// True if a list of throttled replicas names a partition at a broker.
pub fn is_throttled(list: &str, partition: i32, broker: i32) -> bool {
    let is_it = |pair: &str| {
        let (number, id) = pair.trim().split_once(':').unwrap_or_default();
        number.parse() == Ok(partition) && id.parse() == Ok(broker)
    };
    list.trim() == "*" || !list.is_empty() && list.split(',').any(is_it)
}

impl TopicConfig {
    /// Reads a topic's settings over the defaults that the broker gives.
    pub fn of(settings: &Settings, defaults: &Settings) -> Result<TopicConfig, ApiError> {
        let refuse = |error: ApiError| ErrorCode::InvalidConfig.with(error.sentence);
        Values::check(TABLE, settings, "topic").map_err(refuse)?;
        let mut all = defaults.clone();
        all.extend(settings.clone());
        let values = Values::check(TABLE, &all, "topic").map_err(refuse)?;
        let segment_bytes = match values.natural("internal.segment.bytes") {
            0 => values.natural("segment.bytes"),
            bytes => bytes,
        };
        let is_compacted = values.text("cleanup.policy").contains("compact");
        // The active segment is never cleaned: it must not keep a record longer than is promised.
        let longest = if is_compacted { values.natural("max.compaction.lag.ms") } else { u64::MAX };
        Ok(TopicConfig {
            segment_bytes,
            segment_ms: values.natural("segment.ms").min(longest),
            segment_index_bytes: values.natural("segment.index.bytes"),
            index_interval_bytes: values.natural("index.interval.bytes"),
            max_message_bytes: values.natural("max.message.bytes"),
            flush_messages: values.natural("flush.messages"),
            min_insync_replicas: values.natural("min.insync.replicas") as u32,
            log_append_time: values.text("message.timestamp.type") == "LogAppendTime",
            timestamp_after_max_ms: values.natural("message.timestamp.after.max.ms"),
            timestamp_before_max_ms: values.natural("message.timestamp.before.max.ms"),
            is_compacted,
            is_deleted: values.text("cleanup.policy").contains("delete"),
            retention_ms: values.number("retention.ms"),
            retention_bytes: values.number("retention.bytes"),
            delete_retention_ms: values.natural("delete.retention.ms"),
            min_compaction_lag_ms: values.natural("min.compaction.lag.ms"),
            max_compaction_lag_ms: values.natural("max.compaction.lag.ms"),
            min_cleanable_millionths: {
                let ratio: f64 = values.text("min.cleanable.dirty.ratio").parse().unwrap_or(0.5);
                (ratio * 1e6) as u64
            },
            throttled: (
                values.text(LEADER_THROTTLED).to_owned(),
                values.text(FOLLOWER_THROTTLED).to_owned(),
            ),
        })
    }
}

impl Default for TopicConfig {
    fn default() -> TopicConfig {
        let none = Settings::new();
        TopicConfig::of(&none, &none).expect("the defaults are right")
    }
}
