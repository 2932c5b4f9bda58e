//! Settings of a broker.

use super::topic::{BROKER_SYNONYMS, TopicConfig};
use super::{Definition, Kind, Values, define};
use crate::kafka::command::ApiError;
use crate::kafka::controller::snapshots::SnapshotLimits;
use crate::kafka::error::client_error;
use crate::kafka::group::share::ShareLimits;
use crate::kafka::protection::{WITHOUT, Without};
use crate::kafka::spec::Settings;
use crate::kafka::ways::{ENGINE, ENGINES, Ways};
use crate::sim::Span;
use std::ops::RangeInclusive;
use std::rc::Rc;

const POLICIES: &[&str] = &["compact", "delete"];
const CODECS: &[&str] = &["uncompressed", "zstd", "lz4", "snappy", "gzip", "producer"];
const SELECTORS: &[&str] = &[
    "",
    "org.apache.kafka.common.replica.LeaderSelector",
    "org.apache.kafka.common.replica.RackAwareReplicaSelector",
    "LeaderSelector",
    "RackAwareReplicaSelector",
];
const TIMESTAMP_TYPES: &[&str] = &["CreateTime", "LogAppendTime"];

/// The setting that names the machine on which a server runs.
pub const MACHINE: &str = "lab.machine";

/// Every broker setting that is understood.
pub const TABLE: &[Definition] = &[
    define("auto.create.topics.enable", Kind::Boolean, "true"),
    define("auto.leader.rebalance.enable", Kind::Boolean, "true"),
    define("broker.heartbeat.interval.ms", Kind::Int(i64::MIN), "2000"),
    define("broker.rack", Kind::Text, ""),
    define("broker.session.timeout.ms", Kind::Int(i64::MIN), "9000"),
    // `3001@controller-1:9093,...`
    define("controller.quorum.voters", Kind::Text, ""),
    define("compression.type", Kind::OneOf(CODECS), "producer"),
    define("default.replication.factor", Kind::Int(1), "1"),
    define("controlled.shutdown.enable", Kind::Boolean, "true"),
    define("controlled.shutdown.max.retries", Kind::Int(i64::MIN), "3"),
    define("controlled.shutdown.retry.backoff.ms", Kind::Long(i64::MIN), "5000"),
    define("delete.topic.enable", Kind::Boolean, "true"),
    // A feature of the cluster in the real one, set when it is formatted.
    define("eligible.leader.replicas.version", Kind::Int(0), "1"),
    define("group.consumer.heartbeat.interval.ms", Kind::Int(1), "5000"),
    define("group.consumer.session.timeout.ms", Kind::Int(1), "45000"),
    define("group.initial.rebalance.delay.ms", Kind::Int(i64::MIN), "3000"),
    define("group.max.session.timeout.ms", Kind::Int(i64::MIN), "1800000"),
    define("group.max.size", Kind::Int(1), "2147483647"),
    define("group.min.session.timeout.ms", Kind::Int(i64::MIN), "6000"),
    define("group.share.delivery.count.limit", Kind::Int(2), "5"),
    define("group.share.partition.max.record.locks", Kind::Int(100), "200"),
    define("group.share.record.lock.duration.ms", Kind::Int(1000), "30000"),
    // Of the lab alone: see `protection`.
    define(WITHOUT, Kind::Text, ""),
    // Of the lab alone: see `ways`.
    define(ENGINE, Kind::OneOf(ENGINES), ""),
    // Before 0.11.0 followers cut at their high watermark.
    define("inter.broker.protocol.version", Kind::Text, ""),
    // Of the lab alone: servers of the same word share a machine, its disk and its power.
    define(MACHINE, Kind::Text, ""),
    // Set while brokers run, by `kafka-reassign-partitions --throttle`.
    define("follower.replication.throttled.rate", Kind::Long(0), "9223372036854775807"),
    define("leader.replication.throttled.rate", Kind::Long(0), "9223372036854775807"),
    define("leader.imbalance.check.interval.seconds", Kind::Long(1), "300"),
    define("leader.imbalance.per.broker.percentage", Kind::Int(i64::MIN), "10"),
    define("log.cleaner.backoff.ms", Kind::Long(0), "15000"),
    define("log.cleaner.enable", Kind::Boolean, "true"),
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
    define("log.retention.check.interval.ms", Kind::Long(1), "300000"),
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
    define("metadata.log.max.record.bytes.between.snapshots", Kind::Long(1), "20971520"),
    define("metadata.log.max.snapshot.interval.ms", Kind::Long(0), "3600000"),
    define("metadata.log.segment.bytes", Kind::Int(12), "1073741824"),
    define("metadata.log.segment.min.bytes", Kind::Int(12), "8388608"),
    define("metadata.log.segment.ms", Kind::Long(1), "604800000"),
    define("metadata.max.retention.bytes", Kind::Long(i64::MIN), "104857600"),
    define("metadata.max.retention.ms", Kind::Long(i64::MIN), "604800000"),
    define("min.insync.replicas", Kind::Int(1), "1"),
    define("num.partitions", Kind::Int(1), "1"),
    define("offset.metadata.max.bytes", Kind::Int(i64::MIN), "4096"),
    define("offsets.commit.timeout.ms", Kind::Int(1), "5000"),
    define("offsets.retention.check.interval.ms", Kind::Long(1), "600000"),
    define("offsets.retention.minutes", Kind::Int(1), "10080"),
    define("offsets.topic.num.partitions", Kind::Int(1), "50"),
    define("offsets.topic.replication.factor", Kind::Int(1), "3"),
    define("offsets.topic.segment.bytes", Kind::Int(1), "104857600"),
    define("replica.fetch.backoff.ms", Kind::Int(0), "1000"),
    define("replica.fetch.max.bytes", Kind::Int(0), "1048576"),
    define("replica.fetch.min.bytes", Kind::Int(i64::MIN), "1"),
    define("replica.fetch.response.max.bytes", Kind::Int(0), "10485760"),
    define("replica.fetch.wait.max.ms", Kind::Int(i64::MIN), "500"),
    define("replica.high.watermark.checkpoint.interval.ms", Kind::Long(i64::MIN), "5000"),
    define("replica.lag.time.max.ms", Kind::Long(i64::MIN), "30000"),
    define("replica.selector.class", Kind::OneOf(SELECTORS), ""),
    define("replica.socket.timeout.ms", Kind::Int(i64::MIN), "30000"),
    define("share.coordinator.state.topic.min.isr", Kind::Int(1), "2"),
    define("share.coordinator.state.topic.num.partitions", Kind::Int(1), "50"),
    define("share.coordinator.state.topic.replication.factor", Kind::Int(1), "3"),
    define("share.coordinator.state.topic.segment.bytes", Kind::Int(1), "104857600"),
    define("transaction.abort.timed.out.transaction.cleanup.interval.ms", Kind::Int(1), "10000"),
    define("transaction.remove.expired.transaction.cleanup.interval.ms", Kind::Int(1), "3600000"),
    define("transactional.id.expiration.ms", Kind::Int(1), "604800000"),
    define("transaction.max.timeout.ms", Kind::Int(1), "900000"),
    define("transaction.state.log.min.isr", Kind::Int(1), "2"),
    define("transaction.state.log.num.partitions", Kind::Int(1), "50"),
    define("transaction.state.log.replication.factor", Kind::Int(1), "3"),
    define("transaction.state.log.segment.bytes", Kind::Int(1), "104857600"),
    define("unclean.leader.election.interval.ms", Kind::Long(1), "300000"),
    define("unclean.leader.election.enable", Kind::Boolean, "false"),
    // `zookeeper-1:2181,...`; empty where controllers keep the metadata.
    define("zookeeper.connect", Kind::Text, ""),
    define("zookeeper.session.timeout.ms", Kind::Int(i64::MIN), "18000"),
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
    /// Replicas of `__consumer_offsets`, where there are so many brokers.
    pub offsets_replication_factor: i16,
    /// How often it is looked which transactions are open for too long.
    pub transaction_sweep: Span,
    /// How long a transactional id is kept of which nothing is heard, and how often that is looked
    /// at.
    pub transactional_ids: (Span, Span),
    /// The longest `transaction.timeout.ms` that a producer may ask for.
    pub transaction_max_timeout: Span,
    /// Partitions of `__transaction_state`.
    pub transaction_partitions: i32,
    /// Replicas of it, where there are so many brokers, and how many must be in sync.
    pub transaction_replication: (i16, i16),
    /// Segment size of it.
    pub transaction_segment_bytes: u64,
    /// Limits of share groups.
    pub share_limits: ShareLimits,
    /// Partitions of `__share_group_state`.
    pub share_state_partitions: i32,
    /// Replicas of it, where there are so many brokers, and how many must be in sync.
    pub share_state_replication: (i16, i16),
    /// Segment size of it.
    pub share_state_segment_bytes: u64,
    /// How long the metadata of a commit may be.
    pub offset_metadata_max_bytes: u64,
    /// How often high watermarks are written down.
    pub high_watermark_checkpoint: Span,
    /// How often recovery points are written down.
    pub recovery_point_checkpoint: Span,
    /// True if topics may be deleted.
    pub delete_topic_enable: bool,
    /// How often a broker tells the controller that it lives.
    pub broker_heartbeat: Span,
    /// A broker that was not heard of for so long is fenced.
    pub broker_session_timeout: Span,
    /// `broker.rack`.
    pub rack: Option<String>,
    /// True if consumers are sent to a follower in their rack
    /// (`replica.selector.class=RackAwareReplicaSelector`).
    pub serves_racks: bool,
    /// True if eligible leader replicas are tracked (KIP-966).
    pub eligible_leader_replicas: bool,
    /// True if preferred replicas get the leadership back.
    pub auto_leader_rebalance: bool,
    /// How often they do.
    pub leader_balance_check: Span,
    /// How often leaderless partitions of topics that allow it get any leader.
    pub unclean_election_interval: Span,
    /// A follower that was not caught up for longer leaves the ISR.
    pub replica_lag_max: Span,
    /// Before a follower tries again what failed.
    pub replica_fetch_backoff: Span,
    /// How long a leader may hold a follower's fetch, in milliseconds.
    pub replica_fetch_wait_ms: u64,
    /// It answers sooner with so many bytes.
    pub replica_fetch_min_bytes: u64,
    /// Bytes of one partition.
    pub replica_fetch_max_bytes: u64,
    /// Bytes of an answer.
    pub replica_fetch_response_max_bytes: u64,
    /// How long a follower waits for an answer.
    pub replica_socket_timeout: Span,
    /// How often old segments are looked for.
    pub retention_check: Span,
    /// How long the cleaner sleeps when it has found nothing; `None` without a cleaner.
    pub cleaner_backoff: Option<Span>,
    /// `node.id` of every voter of the controllers' quorum; empty if there is one.
    pub quorum_voters: Vec<i32>,
    /// When snapshots are taken of the metadata log, and which go.
    pub snapshots: SnapshotLimits,
    /// The segments of the metadata log.
    pub metadata_log: Rc<TopicConfig>,
    /// True in the ZooKeeper era.
    pub zookeeper: bool,
    /// What is asked of ZooKeeper as the timeout of a session.
    pub zookeeper_session_timeout: Span,
    /// True if followers ask by epochs where to cut (KIP-101, since 0.11.0).
    pub cuts_by_epoch: bool,
    /// True if a broker that stops hands its leaderships over.
    pub controlled_shutdown: bool,
    /// How often that is tried again, and after how long.
    pub controlled_shutdown_retry: (u32, Span),
    /// A controller of the ZooKeeper era lets a preferred replica lead again where more than so
    /// many percent of its partitions are led by others.
    pub leader_imbalance_percent: u64,
    /// Bytes a second that a leader sends to replicas that are throttled, and that a follower takes
    /// for them.
    pub throttled_rates: (u64, u64),
    /// The settings that this is made of.
    pub fixed: Settings,
    /// Protections that are left out.
    pub without: Without,
    /// What is done as an earlier version did it.
    pub ways: Ways,
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
            offsets_replication_factor: values.number("offsets.topic.replication.factor") as i16,
            offsets_segment_bytes: values.natural("offsets.topic.segment.bytes"),
            transaction_sweep: ms("transaction.abort.timed.out.transaction.cleanup.interval.ms"),
            transactional_ids: (
                ms("transactional.id.expiration.ms"),
                ms("transaction.remove.expired.transaction.cleanup.interval.ms"),
            ),
            transaction_max_timeout: ms("transaction.max.timeout.ms"),
            transaction_partitions: values.number("transaction.state.log.num.partitions") as i32,
            transaction_replication: (
                values.number("transaction.state.log.replication.factor") as i16,
                values.number("transaction.state.log.min.isr") as i16,
            ),
            transaction_segment_bytes: values.natural("transaction.state.log.segment.bytes"),
            share_limits: ShareLimits {
                deliveries: values.number("group.share.delivery.count.limit") as u16,
                lock: ms("group.share.record.lock.duration.ms"),
                in_flight: values.natural("group.share.partition.max.record.locks") as usize,
            },
            share_state_partitions: values.number("share.coordinator.state.topic.num.partitions")
                as i32,
            share_state_replication: (
                values.number("share.coordinator.state.topic.replication.factor") as i16,
                values.number("share.coordinator.state.topic.min.isr") as i16,
            ),
            share_state_segment_bytes: values
                .natural("share.coordinator.state.topic.segment.bytes"),
            offset_metadata_max_bytes: values.natural("offset.metadata.max.bytes"),
            high_watermark_checkpoint: Span::millis(
                values.natural("replica.high.watermark.checkpoint.interval.ms").max(1),
            ),
            recovery_point_checkpoint: Span::millis(
                values.natural("log.flush.offset.checkpoint.interval.ms").max(1),
            ),
            delete_topic_enable: values.is_true("delete.topic.enable"),
            broker_heartbeat: ms("broker.heartbeat.interval.ms"),
            broker_session_timeout: ms("broker.session.timeout.ms"),
            rack: Some(values.text("broker.rack").to_owned()).filter(|rack| !rack.is_empty()),
            serves_racks: values
                .text("replica.selector.class")
                .ends_with("RackAwareReplicaSelector"),
            eligible_leader_replicas: values.number("eligible.leader.replicas.version") > 0
                && values.text("zookeeper.connect").is_empty(),
            auto_leader_rebalance: values.is_true("auto.leader.rebalance.enable"),
            leader_balance_check: Span::seconds(
                values.natural("leader.imbalance.check.interval.seconds"),
            ),
            unclean_election_interval: ms("unclean.leader.election.interval.ms"),
            replica_lag_max: ms("replica.lag.time.max.ms"),
            replica_fetch_backoff: ms("replica.fetch.backoff.ms"),
            replica_fetch_wait_ms: values.natural("replica.fetch.wait.max.ms"),
            replica_fetch_min_bytes: values.natural("replica.fetch.min.bytes"),
            replica_fetch_max_bytes: values.natural("replica.fetch.max.bytes"),
            replica_fetch_response_max_bytes: values.natural("replica.fetch.response.max.bytes"),
            replica_socket_timeout: ms("replica.socket.timeout.ms"),
            retention_check: ms("log.retention.check.interval.ms"),
            cleaner_backoff: values
                .is_true("log.cleaner.enable")
                .then(|| ms("log.cleaner.backoff.ms")),
            quorum_voters: voters(values.text("controller.quorum.voters"))?,
            snapshots: SnapshotLimits {
                bytes: values.natural("metadata.log.max.record.bytes.between.snapshots"),
                interval: Some(ms("metadata.log.max.snapshot.interval.ms"))
                    .filter(|interval| *interval > Span::ZERO),
                retention_bytes: values.number("metadata.max.retention.bytes"),
                retention_ms: values.number("metadata.max.retention.ms"),
            },
            metadata_log: metadata_log(&values)?,
            zookeeper: !values.text("zookeeper.connect").is_empty(),
            zookeeper_session_timeout: ms("zookeeper.session.timeout.ms"),
            cuts_by_epoch: knows_epochs(values.text("inter.broker.protocol.version"))?,
            controlled_shutdown: values.is_true("controlled.shutdown.enable"),
            controlled_shutdown_retry: (
                values.natural("controlled.shutdown.max.retries") as u32,
                ms("controlled.shutdown.retry.backoff.ms"),
            ),
            leader_imbalance_percent: values.natural("leader.imbalance.per.broker.percentage"),
            throttled_rates: (
                values.natural("leader.replication.throttled.rate"),
                values.natural("follower.replication.throttled.rate"),
            ),
            fixed: settings.clone(),
            without: Without::of(values.text(WITHOUT)),
            ways: Ways::of(settings),
            topic_defaults,
        })
    }
}

/// The settings of the metadata log. Its segments go when snapshots stand for them, and by nothing
/// else.
fn metadata_log(values: &Values<'_>) -> Result<Rc<TopicConfig>, ApiError> {
    let [bytes, least] = ["metadata.log.segment.bytes", "metadata.log.segment.min.bytes"];
    let (segment_bytes, least) = (values.natural(bytes), values.natural(least));
    if segment_bytes < least {
        // As KafkaMetadataLog says it.
        let sentence =
            format!("Cannot set metadata.log.segment.bytes below {least}: {segment_bytes}");
        return Err(client_error("InvalidConfigurationException", sentence));
    }
    Ok(Rc::new(TopicConfig {
        segment_bytes,
        segment_ms: values.natural("metadata.log.segment.ms"),
        retention_ms: -1,
        retention_bytes: -1,
        ..TopicConfig::default()
    }))
}

/// True if brokers that speak this version cut by leader epochs (`0.11.0-IV2` and later); the
/// latest one if it is empty.
fn knows_epochs(version: &str) -> Result<bool, ApiError> {
    let (number, feature) = version.split_once("-IV").unwrap_or((version, "9"));
    let parts: Option<Vec<u32>> = number.split('.').map(|part| part.parse().ok()).collect();
    match (parts.as_deref(), feature.parse::<u32>()) {
        _ if version.is_empty() => Ok(true),
        (Some([0, minor, ..]), Ok(feature)) => Ok((*minor, feature) >= (11, 2)),
        (Some([1..=3, _, ..]), Ok(_)) => Ok(true),
        _ => {
            let sentence = format!("Version {version} is not a valid version");
            Err(client_error("IllegalArgumentException", sentence))
        }
    }
}

/// Refuses settings of which no broker knows anything.
pub fn check_names(settings: &Settings) -> Result<(), ApiError> {
    Values::check(TABLE, settings, "broker").map(drop)
}

/// True for a setting that a broker reads at its start alone (`DynamicBrokerConfig`): all but those
/// of topics, of the cleaner and of throttled replication.
pub fn read_only(name: &str) -> bool {
    let is_of_topics = BROKER_SYNONYMS.iter().any(|(_, broker)| *broker == name);
    let others = [
        "log.cleaner.backoff.ms",
        "leader.replication.throttled.rate",
        "follower.replication.throttled.rate",
    ];
    !is_of_topics && !others.contains(&name)
}

/// The ids in `controller.quorum.voters`.
fn voters(text: &str) -> Result<Vec<i32>, ApiError> {
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    let ids = parts.map(|part| {
        let id = part.split_once('@').and_then(|(id, _)| id.parse().ok());
        id.ok_or_else(|| {
            let name = "controller.quorum.voters";
            let expected = "Each entry should be in the form `{id}@{host}:{port}`.";
            let sentence = format!("Invalid value {text} for configuration {name}: {expected}");
            client_error("ConfigException", sentence)
        })
    });
    ids.collect()
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
