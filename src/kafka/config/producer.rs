//! Settings of a producer.

use super::{Definition, Kind, Values, define};
use crate::kafka::command::ApiError;
use crate::kafka::error::client_error;
use crate::kafka::partitioner::Partitioner;
use crate::kafka::spec::Settings;
use crate::sim::Span;
use std::rc::Rc;

/// Every producer setting that is understood.
pub const TABLE: &[Definition] = &[
    define("acks", Kind::OneOf(&["all", "-1", "0", "1"]), "all"),
    define("batch.size", Kind::Int(0), "16384"),
    define("buffer.memory", Kind::Long(0), "33554432"),
    define("compression.type", Kind::OneOf(&["none"]), "none"),
    define("delivery.timeout.ms", Kind::Int(0), "120000"),
    define("enable.idempotence", Kind::Boolean, "true"),
    define("linger.ms", Kind::Long(0), "5"),
    define("max.block.ms", Kind::Long(0), "60000"),
    define("max.in.flight.requests.per.connection", Kind::Int(1), "5"),
    define("max.request.size", Kind::Int(0), "1048576"),
    define("metadata.max.age.ms", Kind::Long(0), "300000"),
    // librdkafka's setting: the name of one of its partitioners.
    define("partitioner", Kind::Text, ""),
    define("partitioner.adaptive.partitioning.enable", Kind::Boolean, "true"),
    define("partitioner.class", Kind::Text, ""),
    define("partitioner.ignore.keys", Kind::Boolean, "false"),
    define("reconnect.backoff.max.ms", Kind::Long(0), "1000"),
    define("reconnect.backoff.ms", Kind::Long(0), "50"),
    define("request.timeout.ms", Kind::Int(0), "30000"),
    define("retries", Kind::Int(0), "2147483647"),
    define("retry.backoff.max.ms", Kind::Long(0), "1000"),
    define("retry.backoff.ms", Kind::Long(0), "100"),
    define("socket.connection.setup.timeout.max.ms", Kind::Long(i64::MIN), "30000"),
    define("socket.connection.setup.timeout.ms", Kind::Long(i64::MIN), "10000"),
    define("transaction.timeout.ms", Kind::Int(i64::MIN), "60000"),
    define("transactional.id", Kind::Text, ""),
    // Of the lab alone: what its application does.
    define(TRANSACTION_RECORDS, Kind::Long(1), "1"),
    define(TRANSACTION_ABORTS, Kind::Long(0), "0"),
    define(TRANSACTION_MS, Kind::Long(0), "0"),
    define(TRANSACTION_TOTAL, Kind::Long(0), "0"),
];

/// The setting of a transactional producer that says how many records a transaction has.
pub const TRANSACTION_RECORDS: &str = "lab.transaction.records";
/// The setting that says that every so manieth transaction is aborted; 0 for none.
pub const TRANSACTION_ABORTS: &str = "lab.transaction.abort.every";
/// The setting that says after how many milliseconds the next record is a transaction's last; with
/// 0 only their number counts.
pub const TRANSACTION_MS: &str = "lab.transaction.ms";
/// The setting that says after how many records in all the last transaction is committed; with 0
/// it stays open.
pub const TRANSACTION_TOTAL: &str = "lab.transaction.total";

/// The transactions of a producer.
#[derive(Clone, Debug, PartialEq)]
pub struct TransactionConfig {
    /// `transactional.id`.
    pub id: Rc<str>,
    /// After so long the coordinator aborts a transaction.
    pub timeout: Span,
    /// Its application commits after so many records.
    pub records: u64,
    /// It aborts every so manieth transaction in place of committing it; 0 for none.
    pub abort_every: u64,
    /// Or with the first record that is sent so long after it began.
    pub duration: Option<Span>,
    /// Or after so many records in all.
    pub total: Option<u64>,
}

impl TransactionConfig {
    /// The settings of transactions, if there is a transactional id.
    pub fn of(values: &Values<'_>) -> Option<TransactionConfig> {
        let id = values.text("transactional.id");
        (!id.is_empty()).then(|| TransactionConfig {
            id: id.into(),
            timeout: Span::millis(values.natural("transaction.timeout.ms")),
            records: values.natural(TRANSACTION_RECORDS),
            abort_every: values.natural(TRANSACTION_ABORTS),
            duration: Some(values.natural(TRANSACTION_MS)).filter(|ms| *ms > 0).map(Span::millis),
            total: Some(values.natural(TRANSACTION_TOTAL)).filter(|total| *total > 0),
        })
    }
}

/// How a client waits between tries and for answers.
#[derive(Clone, Debug, PartialEq)]
pub struct NetworkConfig {
    /// Before a request is tried again; doubles with each failure.
    pub retry_backoff: Span,
    /// The most that doubling comes to.
    pub retry_backoff_max: Span,
    /// Before a connection is tried again; doubles with each failure.
    pub reconnect_backoff: Span,
    /// The most that doubling comes to.
    pub reconnect_backoff_max: Span,
    /// How long an answer may take.
    pub request_timeout: Span,
    /// How long a connection may take to open.
    pub connection_setup_timeout: Span,
    /// How old metadata may grow.
    pub metadata_max_age: Span,
}

impl NetworkConfig {
    /// The settings that all clients share.
    pub fn of(values: &Values<'_>) -> NetworkConfig {
        let ms = |name| Span::millis(values.natural(name));
        NetworkConfig {
            retry_backoff: ms("retry.backoff.ms"),
            retry_backoff_max: ms("retry.backoff.max.ms"),
            reconnect_backoff: ms("reconnect.backoff.ms"),
            reconnect_backoff_max: ms("reconnect.backoff.max.ms"),
            request_timeout: ms("request.timeout.ms"),
            connection_setup_timeout: ms("socket.connection.setup.timeout.ms"),
            metadata_max_age: ms("metadata.max.age.ms"),
        }
    }
}

/// The producer settings that the engine uses.
#[derive(Clone, Debug, PartialEq)]
pub struct ProducerConfig {
    /// 0, 1, or -1 for all.
    pub acks: i16,
    /// A batch is full at so many bytes.
    pub batch_size: u64,
    /// How long a batch waits for more.
    pub linger: Span,
    /// Requests that may be under way to one broker.
    pub max_in_flight: usize,
    /// How often a batch is tried again.
    pub retries: u32,
    /// When a record is given up, from `send()` on.
    pub delivery_timeout: Span,
    /// Bytes of the buffer.
    pub buffer_memory: u64,
    /// How long `send()` may block.
    pub max_block: Span,
    /// Largest request, and largest record.
    pub max_request_size: u64,
    /// True if the broker is to recognise this producer's retries.
    pub idempotent: bool,
    /// Its transactions, if it has a `transactional.id`.
    pub transaction: Option<TransactionConfig>,
    /// True if long queues are drawn less often by the sticky partitioner.
    pub adaptive: bool,
    /// True if keys do not decide the partition.
    pub ignore_keys: bool,
    /// Who chooses partitions.
    pub partitioner: Partitioner,
    /// Timeouts and backoffs.
    pub network: NetworkConfig,
}

impl ProducerConfig {
    /// Reads a producer's settings.
    pub fn of(settings: &Settings) -> Result<ProducerConfig, ApiError> {
        let values = Values::check(TABLE, settings, "producer")?;
        let ms = |name| Span::millis(values.natural(name));
        let acks = match values.text("acks") {
            "0" => 0,
            "1" => 1,
            _ => -1,
        };
        Ok(ProducerConfig {
            acks,
            batch_size: values.natural("batch.size"),
            linger: ms("linger.ms"),
            max_in_flight: values.natural("max.in.flight.requests.per.connection") as usize,
            retries: values.natural("retries") as u32,
            delivery_timeout: delivery_timeout(&values)?,
            buffer_memory: values.natural("buffer.memory"),
            max_block: ms("max.block.ms"),
            max_request_size: values.natural("max.request.size"),
            idempotent: idempotent(&values, acks)?,
            transaction: TransactionConfig::of(&values),
            adaptive: values.is_true("partitioner.adaptive.partitioning.enable"),
            ignore_keys: values.is_true("partitioner.ignore.keys"),
            partitioner: match values.text("partitioner") {
                "" => Partitioner::named(values.text("partitioner.class"))?,
                name => Partitioner::named(name)?,
            },
            network: NetworkConfig::of(&values),
        })
    }
}

/// `delivery.timeout.ms` must leave time for one try; a default that does not is raised.
fn delivery_timeout(values: &Values<'_>) -> Result<Span, ApiError> {
    let delivery = values.natural("delivery.timeout.ms");
    let one_try = values.natural("linger.ms") + values.natural("request.timeout.ms");
    if delivery >= one_try.min(i32::MAX as u64) {
        return Ok(Span::millis(delivery));
    }
    if values.is_set("delivery.timeout.ms") {
        return Err(client_error(
            "ConfigException",
            "delivery.timeout.ms should be equal to or larger than linger.ms + request.timeout.ms",
        ));
    }
    Ok(Span::millis(one_try))
}

/// Idempotence needs acks=all, retries and at most 5 requests under way: a setting against that
/// switches it off, unless it was asked for explicitly.
fn idempotent(values: &Values<'_>, acks: i16) -> Result<bool, ApiError> {
    let is_transactional = !values.text("transactional.id").is_empty();
    if !values.is_true("enable.idempotence") {
        return match is_transactional {
            true => Err(client_error(
                "ConfigException",
                "Cannot set a transactional.id without also enabling idempotence.",
            )),
            false => Ok(false),
        };
    }
    let asked_for = is_transactional || values.is_set("enable.idempotence");
    let refuse = |sentence: &str| match asked_for {
        true => Err(client_error("ConfigException", sentence)),
        false => Ok(false),
    };
    if values.number("retries") == 0 {
        return refuse("Must set retries to non-zero when using the idempotent producer.");
    }
    if acks != -1 {
        return refuse(
            "Must set acks to all in order to use the idempotent producer. Otherwise we cannot \
             guarantee idempotence.",
        );
    }
    if values.number("max.in.flight.requests.per.connection") > 5 {
        return refuse(
            "Must set max.in.flight.requests.per.connection to at most 5 to use the idempotent \
             producer.",
        );
    }
    Ok(true)
}
