//! What a command came to, as data; the shell gives it the form of the real tool's output.

use super::event::Event;
use super::ledger::{LedgerReport, Passport};
use crate::kafka::client::metrics::Metric;
use crate::sim::{Span, Time};
use crate::{kafka, rabbit};
use bytes::Bytes;
use std::fmt;
use std::rc::Rc;

/// What a command that succeeded came to.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// Nothing to say.
    Done,
    /// Time has passed; it is now this instant.
    Passed(Time),
    /// A Kafka tool's answer.
    Kafka(kafka::command::Answer),
    /// A RabbitMQ tool's answer.
    Rabbit(rabbit::command::Answer),
    /// Records that a console consumer printed.
    Consumed(Consumed),
    /// What a console tool came to, and what its client logged meanwhile.
    Warned(Vec<String>, Box<Result<Outcome, LabError>>),
    /// How fast records went that had no meaning.
    Measured(Measured),
    /// What became of the messages.
    Ledger(LedgerReport),
    /// One message's life.
    Passport(Passport),
    /// Names and values.
    Metrics(Vec<(String, f64)>),
    /// Events.
    Events(Vec<Rc<Event>>),
    /// Invariants that were checked, by name.
    Checked(Vec<String>),
    /// A part of the lab's state.
    State(serde_json::Value),
    /// Files of servers.
    Files(Vec<FoundFile>),
    /// Where two runs part.
    Compared(super::timeline::Compared),
}

impl Outcome {
    /// What the client of a tool counted goes with what the tool came to.
    pub(super) fn add_metrics(&mut self, metrics: Vec<Metric>) {
        match self {
            Outcome::Consumed(consumed) => consumed.metrics = metrics,
            Outcome::Measured(measured) => measured.metrics = metrics,
            Outcome::Warned(_, outcome) => {
                if let Ok(outcome) = &mut **outcome {
                    outcome.add_metrics(metrics);
                }
            }
            _ => {}
        }
    }
}

/// A file of a server.
#[derive(Clone, Debug)]
pub struct FoundFile {
    /// As it was asked for.
    pub path: String,
    /// What lies in it.
    pub bytes: Bytes,
    /// The offset index of the same segment.
    pub index: Option<Bytes>,
    /// The log of the same segment.
    pub log: Option<Bytes>,
}

/// What a console consumer printed.
#[derive(Clone, Debug, Default)]
pub struct Consumed {
    /// The records in the order in which they came.
    pub records: Vec<ConsumedRecord>,
    /// True if it ended because nothing came in time.
    pub timed_out: bool,
    /// When it was started.
    pub began: Time,
    /// When it was given partitions, if it is in a group, and how long that took.
    pub rebalances: Vec<(Time, Span)>,
    /// When the last record came, or when it had waited for long enough.
    pub ended: Time,
    /// What its client counted.
    pub metrics: Vec<Metric>,
}

/// What a producer measured over some time.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Window {
    /// Records acknowledged.
    pub records: u64,
    /// Their bytes.
    pub bytes: u64,
    /// How long it was.
    pub elapsed_ms: u64,
    /// The sum of what each took from `send()` to its acknowledgement.
    pub latency_ms: u64,
    /// The longest.
    pub latency_ms_max: u64,
}

/// What a producer measured.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Measured {
    /// Each 5 s, as far as records came behind them.
    pub windows: Vec<Window>,
    /// From the first `send()` to the last acknowledgement.
    pub total: Window,
    /// What each record took, in order of size.
    pub latencies_ms: Vec<u64>,
    /// The same of what came behind the records that were to warm up.
    pub steady: Option<Box<Measured>>,
    /// What its client counted.
    pub metrics: Vec<Metric>,
}

/// A record that a console consumer printed.
#[derive(Clone, Debug, PartialEq)]
pub struct ConsumedRecord {
    /// Its partition.
    pub partition: i32,
    /// Its offset.
    pub offset: i64,
    /// Its timestamp in milliseconds.
    pub timestamp_ms: i64,
    /// Its key.
    pub key: Option<String>,
    /// Its value.
    pub value: Option<String>,
    /// The leader epoch of its batch.
    pub epoch: i32,
    /// Its headers in order.
    pub headers: Vec<(String, Option<String>)>,
    /// When it came.
    pub at: Time,
    /// True if the leader's clock gave it its time (`LogAppendTime`).
    pub is_append_time: bool,
}

/// Why a command failed. It has then changed nothing but the passing of time.
#[derive(Clone, Debug, PartialEq)]
pub enum LabError {
    /// A broker said no: its own words, as the real tool prints them.
    Kafka(kafka::command::ApiError),
    /// A broker said no: its own words, as the real tool prints them.
    Rabbit(rabbit::command::AmqpError),
    /// The lab said no: what was found and what was expected.
    Refused(String),
    /// A part of the product that is not built yet.
    NotHereYet(String),
    /// It was waited for in vain: for what, and how long.
    NotReached(String),
}

impl fmt::Display for LabError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LabError::Kafka(error) => error.fmt(f),
            LabError::Rabbit(error) => error.fmt(f),
            LabError::Refused(sentence) | LabError::NotReached(sentence) => f.write_str(sentence),
            LabError::NotHereYet(name) => write!(f, "not here yet: {name}"),
        }
    }
}
