//! Settings of a consumer.

use super::duration;
use super::producer::NetworkConfig;
use super::{Definition, Kind, Values, define};
use crate::kafka::assignor::Assignor;
use crate::kafka::command::ApiError;
use crate::kafka::error::client_error;
use crate::kafka::protection::{WITHOUT, Without};
use crate::kafka::spec::{Settings, StartAt};
use crate::sim::{MessageId, Span};
use std::rc::Rc;

/// Every consumer setting that is understood.
pub const TABLE: &[Definition] = &[
    define("allow.auto.create.topics", Kind::Boolean, "true"),
    define("auto.commit.interval.ms", Kind::Int(0), "5000"),
    define("auto.offset.reset", Kind::Text, "latest"),
    define("check.crcs", Kind::Boolean, "true"),
    define("default.api.timeout.ms", Kind::Int(0), "60000"),
    define("enable.auto.commit", Kind::Boolean, "true"),
    define("fetch.max.bytes", Kind::Int(0), "52428800"),
    define("fetch.max.wait.ms", Kind::Int(0), "500"),
    define("fetch.min.bytes", Kind::Int(0), "1"),
    define("group.instance.id", Kind::Text, ""),
    define("client.rack", Kind::Text, ""),
    define("group.protocol", Kind::OneOf(&["classic", "consumer"]), "classic"),
    define("group.remote.assignor", Kind::OneOf(&["", "uniform", "range"]), ""),
    define("heartbeat.interval.ms", Kind::Int(i64::MIN), "3000"),
    define(
        "isolation.level",
        Kind::OneOf(&["read_uncommitted", "read_committed"]),
        "read_uncommitted",
    ),
    define("max.partition.fetch.bytes", Kind::Int(0), "1048576"),
    define("max.poll.interval.ms", Kind::Int(1), "300000"),
    define("max.poll.records", Kind::Int(1), "500"),
    define("metadata.max.age.ms", Kind::Long(0), "300000"),
    // Of the consumer before 0.9.
    define("offsets.storage", Kind::OneOf(&["kafka", "zookeeper"]), "kafka"),
    define("partition.assignment.strategy", Kind::Text, "range,cooperative-sticky"),
    define("reconnect.backoff.max.ms", Kind::Long(0), "1000"),
    define("reconnect.backoff.ms", Kind::Long(0), "50"),
    define("request.timeout.ms", Kind::Int(0), "30000"),
    define("retry.backoff.max.ms", Kind::Long(0), "1000"),
    define("retry.backoff.ms", Kind::Long(0), "100"),
    define("session.timeout.ms", Kind::Int(i64::MIN), "45000"),
    define("socket.connection.setup.timeout.max.ms", Kind::Long(i64::MIN), "30000"),
    define("socket.connection.setup.timeout.ms", Kind::Long(i64::MIN), "10000"),
    // Of the lab alone: see `protection`.
    define(WITHOUT, Kind::Text, ""),
    // Of the lab alone: bytes of fetched records that its process can hold; 0 is without limit.
    define(MEMORY, Kind::Long(0), "0"),
    // Of the lab alone: messages on which the handler of a share group's member fails (`m4,m7`,
    // `all`), whether it rejects them for good, and how often it renews its locks.
    define(FAIL, Kind::Text, ""),
    define(ON_ERROR, Kind::OneOf(&["release", "reject"]), "release"),
    define(RENEW, Kind::Long(0), "0"),
    // Of the lab alone: an application that catches what `poll()` throws, closes and then ends.
    define(CLOSES, Kind::Boolean, "false"),
    // Of Kafka Streams; its steps are the lab's.
    define(TOPOLOGY, Kind::Text, ""),
    // These are of the producer of an application that reads, works and writes.
    define("transaction.timeout.ms", Kind::Int(i64::MIN), "60000"),
    define("transactional.id", Kind::Text, ""),
];

/// The setting that says how many bytes of records a consumer's process can hold.
pub const MEMORY: &str = "lab.memory.bytes";
/// The setting that holds the steps of a Kafka Streams application; the real one is a program.
pub const TOPOLOGY: &str = "lab.streams.topology";

/// The setting that says that an application closes its consumer whatever ends it.
pub const CLOSES: &str = "lab.closes";

/// The setting that names messages on which a handler fails.
pub const FAIL: &str = "lab.fail";
/// The setting that says what becomes of them.
pub const ON_ERROR: &str = "lab.on.error";
/// The setting that says how often locks are renewed, in milliseconds.
pub const RENEW: &str = "lab.renew.ms";

/// What the coordinator decides in the consumer protocol.
const CLASSIC_ONLY: [&str; 3] =
    ["partition.assignment.strategy", "heartbeat.interval.ms", "session.timeout.ms"];

/// The assignors of a list of names or classes.
fn assignors(list: &str) -> Result<Vec<Assignor>, ApiError> {
    let each = list.split(',').map(str::trim).map(|name| {
        Assignor::of_client(name).ok_or_else(|| {
            client_error(
                "KafkaException",
                format!("{name} ClassNotFoundException exception occurred"),
            )
        })
    });
    each.collect()
}

/// Where to begin without a committed offset, by its name (KIP-1106).
fn offset_reset(text: &str) -> Result<Option<StartAt>, ApiError> {
    match text {
        "earliest" => Ok(Some(StartAt::Earliest)),
        "latest" => Ok(Some(StartAt::Latest)),
        "none" => Ok(None),
        _ => match text.strip_prefix("by_duration:").and_then(duration::parse) {
            Some(span) => Ok(Some(StartAt::Since(span))),
            None => Err(client_error(
                "ConfigException",
                format!(
                    "Invalid value {text} for configuration auto.offset.reset: Invalid value \
                     `{text}` for configuration auto.offset.reset. The value must be either \
                     'earliest', 'latest', 'none' or of the format 'by_duration:<PnDTnHnMn.nS.>'."
                ),
            )),
        },
    }
}

/// The consumer settings that the engine uses.
#[derive(Clone, Debug, PartialEq)]
pub struct ConsumerConfig {
    /// True if offsets are kept in ZooKeeper.
    pub offsets_in_zookeeper: bool,
    /// Where to begin without a committed offset; `None` is an error then.
    pub auto_offset_reset: Option<StartAt>,
    /// True if the application closes its consumer whatever ends it.
    pub closes: bool,
    /// True if `poll()` commits by itself.
    pub auto_commit: bool,
    /// How often it does.
    pub auto_commit_interval: Span,
    /// A broker answers a Fetch when so many bytes are there.
    pub fetch_min_bytes: u64,
    /// Or after so long.
    pub fetch_max_wait: Span,
    /// Bytes of one answer.
    pub fetch_max_bytes: u64,
    /// Bytes of one partition in an answer.
    pub max_partition_fetch_bytes: u64,
    /// `isolation.level=read_committed`.
    pub read_committed: bool,
    /// `transactional.id` of the results, if they and the offsets are to count together.
    pub transactional_id: Option<Rc<str>>,
    /// After so long the coordinator aborts such a transaction.
    pub transaction_timeout: Span,
    /// Records that one `poll()` returns.
    pub max_poll_records: usize,
    /// True if checksums are checked.
    pub check_crcs: bool,
    /// True if asking for an unknown topic may make it.
    pub allow_auto_create: bool,
    /// How long a call such as `commitSync()` may take.
    pub api_timeout: Span,
    /// `group.instance.id`: a static member.
    pub group_instance: Option<Rc<str>>,
    /// `group.protocol=consumer`.
    pub is_modern: bool,
    /// The assignors of the classic protocol, the best first.
    pub assignors: Vec<Assignor>,
    /// The assignor that the coordinator is to use (consumer protocol).
    pub remote_assignor: Option<Assignor>,
    /// `client.rack`.
    pub rack: Option<Rc<str>>,
    /// How often the coordinator is to hear of it.
    pub heartbeat_interval: Span,
    /// After how long of silence it is gone.
    pub session_timeout: Span,
    /// How long the application may stay away from `poll()`.
    pub max_poll_interval: Span,
    /// Bytes of fetched records that its process can hold; `None` without limit.
    pub memory: Option<u64>,
    /// Messages on which the handler of a share group's member fails: `m4,m7` or `all`.
    fails: Rc<str>,
    /// True if it rejects them for good; false if somebody else may try.
    pub rejects: bool,
    /// How often it renews the locks of what it has in hands.
    pub renews: Option<Span>,
    /// The steps of a Kafka Streams application.
    pub topology: Option<Rc<str>>,
    /// Protections that are left out.
    pub without: Without,
    /// Timeouts and backoffs.
    pub network: NetworkConfig,
}

impl ConsumerConfig {
    /// True if the handler fails on a message.
    pub fn fails_on(&self, message: Option<MessageId>) -> bool {
        let is_it = |name: &str| match name.trim().strip_prefix('m') {
            Some(number) => message.is_some_and(|m| number.parse() == Ok(m.0)),
            None => name.trim() == "all",
        };
        self.fails.split(',').any(is_it)
    }

    /// Reads a consumer's settings.
    pub fn of(settings: &Settings) -> Result<ConsumerConfig, ApiError> {
        let values = Values::check(TABLE, settings, "consumer")?;
        let ms = |name| Span::millis(values.natural(name));
        let text = |name| Some(values.text(name)).filter(|text| !text.is_empty()).map(Rc::from);
        let is_modern = values.text("group.protocol") == "consumer";
        if is_modern && let Some(name) = CLASSIC_ONLY.iter().find(|name| values.is_set(name)) {
            let sentence = format!("{name} cannot be set when group.protocol=CONSUMER");
            return Err(client_error("ConfigException", sentence));
        }
        let assignors = assignors(values.text("partition.assignment.strategy"))?;
        let (heartbeat_interval, session_timeout) =
            (ms("heartbeat.interval.ms"), ms("session.timeout.ms"));
        if heartbeat_interval >= session_timeout {
            let sentence = "Heartbeat must be set lower than the session timeout";
            return Err(client_error("IllegalArgumentException", sentence));
        }
        Ok(ConsumerConfig {
            offsets_in_zookeeper: values.text("offsets.storage") == "zookeeper",
            auto_offset_reset: offset_reset(values.text("auto.offset.reset"))?,
            closes: values.is_true(CLOSES),
            auto_commit: values.is_true("enable.auto.commit"),
            auto_commit_interval: ms("auto.commit.interval.ms"),
            fetch_min_bytes: values.natural("fetch.min.bytes"),
            fetch_max_wait: ms("fetch.max.wait.ms"),
            fetch_max_bytes: values.natural("fetch.max.bytes"),
            max_partition_fetch_bytes: values.natural("max.partition.fetch.bytes"),
            read_committed: values.text("isolation.level") == "read_committed",
            transactional_id: text("transactional.id"),
            transaction_timeout: ms("transaction.timeout.ms"),
            max_poll_records: values.natural("max.poll.records") as usize,
            check_crcs: values.is_true("check.crcs"),
            allow_auto_create: values.is_true("allow.auto.create.topics"),
            api_timeout: ms("default.api.timeout.ms"),
            group_instance: text("group.instance.id"),
            is_modern,
            assignors,
            remote_assignor: Assignor::of_server(values.text("group.remote.assignor")),
            rack: text("client.rack"),
            heartbeat_interval,
            session_timeout,
            max_poll_interval: ms("max.poll.interval.ms"),
            memory: Some(values.natural(MEMORY)).filter(|bytes| *bytes > 0),
            fails: values.text(FAIL).into(),
            rejects: values.text(ON_ERROR) == "reject",
            renews: Some(ms(RENEW)).filter(|every| !every.is_zero()),
            topology: text(TOPOLOGY),
            without: Without::of(values.text(WITHOUT)),
            network: NetworkConfig::of(&values),
        })
    }
}
