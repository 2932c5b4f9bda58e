//! Settings of a broker.

use super::topic::{BROKER_SYNONYMS, TopicConfig};
use super::{Definition, Kind, Values, define};
use crate::kafka::command::ApiError;
use crate::kafka::spec::Settings;
use crate::sim::Span;
use std::ops::RangeInclusive;

const POLICIES: &[&str] = &["compact", "delete"];
const CODECS: &[&str] = &["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"];
const TIMESTAMP_TYPES: &[&str] = &["CreateTime", "LogAppendTime"];

/// Every broker setting that is understood.
pub const TABLE: &[Definition] = &[
    define("auto.create.topics.enable", Kind::Boolean, "true"),
    define("compression.type", Kind::OneOf(CODECS), "producer"),
    define("default.replication.factor", Kind::Int(1), "1"),
    define("delete.topic.enable", Kind::Boolean, "true"),
    define("group.consumer.heartbeat.interval.ms", Kind::Int(1), "5000"),
    define("group.consumer.session.timeout.ms", Kind::Int(1), "45000"),
    define("group.initial.rebalance.delay.ms", Kind::Int(i64::MIN), "3000"),
    define("group.max.session.timeout.ms", Kind::Int(i64::MIN), "1800000"),
    define("group.max.size", Kind::Int(1), "2147483647"),
    define("group.min.session.timeout.ms", Kind::Int(i64::MIN), "6000"),
    define("log.cleaner.delete.retention.ms", Kind::Long(0), "86400000"),
    define("log.cleaner.max.compaction.lag.ms", Kind::Long(1), "9223372036854775807"),
    define("log.cleaner.min.cleanable.ratio", Kind::Ratio, "0.5"),
    define("log.cleaner.min.compaction.lag.ms", Kind::Long(0), "0"),
    define("log.cleanup.policy", Kind::ListOf(POLICIES), "delete"),
    define("log.flush.interval.messages", Kind::Long(1), "9223372036854775807"),
    define("log.flush.interval.ms", Kind::Long(0), "9223372036854775807"),
    define("log.flush.offset.checkpoint.interval.ms", Kind::Int(0), "60000"),
    define("log.flush.start.offset.checkpoint.interval.ms", Kind::Int(0), "60000"),
    define("log.index.interval.bytes", Kind::Int(0), "4096"),
    define("log.index.size.max.bytes", Kind::Int(4), "10485760"),
    define("log.message.timestamp.after.max.ms", Kind::Long(0), "3600000"),
    define("log.message.timestamp.before.max.ms", Kind::Long(0), "9223372036854775807"),
    define("log.message.timestamp.type", Kind::OneOf(TIMESTAMP_TYPES), "CreateTime"),
    define("log.preallocate", Kind::Boolean, "false"),
    define("log.retention.bytes", Kind::Long(i64::MIN), "-1"),
    define("log.retention.hours", Kind::Int(i64::MIN), "168"),
    define("log.retention.minutes", Kind::Int(i64::MIN), ""),
    define("log.retention.ms", Kind::Long(i64::MIN), ""),
    define("log.roll.hours", Kind::Int(1), "168"),
    define("log.roll.jitter.hours", Kind::Int(0), "0"),
    define("log.roll.jitter.ms", Kind::Long(0), ""),
    define("log.roll.ms", Kind::Long(1), ""),
    define("log.segment.bytes", Kind::Int(1 << 20), "1073741824"),
    define("log.segment.delete.delay.ms", Kind::Long(0), "60000"),
    define("message.max.bytes", Kind::Int(0), "1048588"),
    define("min.insync.replicas", Kind::Int(1), "1"),
    define("num.partitions", Kind::Int(1), "1"),
    define("offset.metadata.max.bytes", Kind::Int(i64::MIN), "4096"),
    define("offsets.commit.timeout.ms", Kind::Int(1), "5000"),
    define("offsets.retention.check.interval.ms", Kind::Long(1), "600000"),
    define("offsets.retention.minutes", Kind::Int(1), "10080"),
    define("offsets.topic.num.partitions", Kind::Int(1), "50"),
    define("offsets.topic.replication.factor", Kind::Int(1), "3"),
    define("offsets.topic.segment.bytes", Kind::Int(1), "104857600"),
    define("replica.high.watermark.checkpoint.interval.ms", Kind::Long(i64::MIN), "5000"),
    define("unclean.leader.election.enable", Kind::Boolean, "false"),
];

/// The broker settings that the engine uses.
#[derive(Clone, Debug, PartialEq)]
pub struct BrokerConfig {
    /// True if asking for an unknown topic makes it.
    pub auto_create_topics: bool,
    /// Partitions of a new topic of which no number was given.
    pub num_partitions: i32,
    /// Replicas of a new topic of which no number was given.
    pub default_replication_factor: i16,
    /// How long the first member of an empty group waits for others.
    pub initial_rebalance_delay: Span,
    /// The session timeouts that members may ask for.
    pub group_session_timeouts: RangeInclusive<Span>,
    /// Members that a group may have.
    pub group_max_size: usize,
    /// How often members of the consumer protocol are to be heard of.
    pub consumer_heartbeat_interval: Span,
    /// After how long of silence they are gone.
    pub consumer_session_timeout: Span,
    /// How long a group keeps offsets when nobody reads.
    pub offsets_retention: Span,
    /// How often it is looked which offsets are too old.
    pub offsets_retention_check: Span,
    /// Partitions of `__consumer_offsets`.
    pub offsets_partitions: i32,
    /// Segment size of `__consumer_offsets`.
    pub offsets_segment_bytes: u64,
    /// How long the metadata of a commit may be.
    pub offset_metadata_max_bytes: u64,
    /// How often high watermarks are written down.
    pub high_watermark_checkpoint: Span,
    /// How often recovery points are written down.
    pub recovery_point_checkpoint: Span,
    /// True if topics may be deleted.
    pub delete_topic_enable: bool,
    /// Topic settings that follow from the broker's.
    pub topic_defaults: Settings,
}

impl BrokerConfig {
    /// Reads a broker's settings.
    pub fn of(settings: &Settings) -> Result<BrokerConfig, ApiError> {
        let values = Values::check(TABLE, settings, "broker")?;
        let ms = |name| Span::millis(values.natural(name));
        let topic_defaults = topic_defaults(&values);
        TopicConfig::of(&Settings::new(), &topic_defaults)?;
        Ok(BrokerConfig {
            auto_create_topics: values.is_true("auto.create.topics.enable"),
            num_partitions: values.number("num.partitions") as i32,
            default_replication_factor: values.number("default.replication.factor") as i16,
            initial_rebalance_delay: ms("group.initial.rebalance.delay.ms"),
            group_session_timeouts: ms("group.min.session.timeout.ms")
                ..=ms("group.max.session.timeout.ms"),
            group_max_size: values.natural("group.max.size") as usize,
            consumer_heartbeat_interval: ms("group.consumer.heartbeat.interval.ms"),
            consumer_session_timeout: ms("group.consumer.session.timeout.ms"),
            offsets_retention: Span::seconds(60 * values.natural("offsets.retention.minutes")),
            offsets_retention_check: ms("offsets.retention.check.interval.ms"),
            offsets_partitions: values.number("offsets.topic.num.partitions") as i32,
            offsets_segment_bytes: values.natural("offsets.topic.segment.bytes"),
            offset_metadata_max_bytes: values.natural("offset.metadata.max.bytes"),
            high_watermark_checkpoint: Span::millis(
                values.natural("replica.high.watermark.checkpoint.interval.ms").max(1),
            ),
            recovery_point_checkpoint: Span::millis(
                values.natural("log.flush.offset.checkpoint.interval.ms").max(1),
            ),
            delete_topic_enable: values.is_true("delete.topic.enable"),
            topic_defaults,
        })
    }
}

fn topic_defaults(values: &Values<'_>) -> Settings {
    const HOUR_MS: i64 = 3_600_000;
    const MINUTE_MS: i64 = 60_000;
    let mut defaults = Settings::new();
    // Coarser units come first: the finer ones win.
    for (name, unit, topic) in [
        ("log.retention.hours", HOUR_MS, "retention.ms"),
        ("log.retention.minutes", MINUTE_MS, "retention.ms"),
        ("log.roll.hours", HOUR_MS, "segment.ms"),
        ("log.roll.jitter.hours", HOUR_MS, "segment.jitter.ms"),
    ] {
        if values.is_set(name) {
            let number = values.number(name);
            let ms = if number < 0 { -1 } else { number * unit };
            defaults.insert(topic.to_owned(), ms.to_string());
        }
    }
    for (topic, broker) in BROKER_SYNONYMS {
        if values.is_set(broker) {
            defaults.insert((*topic).to_owned(), values.text(broker).to_owned());
        }
    }
    defaults
}
