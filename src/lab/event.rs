//! The lab's event stream: both brokers' events and the lab's own, on one clock.

use crate::sim::{MessageId, Time};
use crate::{kafka, rabbit};
use bytes::Bytes;
use serde::Serialize;
use std::rc::Rc;

/// A point of one branch of time: finer than the instant, because much can happen in one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    /// Events of the worlds that had been processed.
    pub steps: u64,
    /// Commands that had acted.
    pub acts: usize,
}

/// One event.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Its place in the stream, from 0; never reused on one branch of time.
    pub number: u64,
    /// When.
    pub at: Time,
    /// The point of time just before what told it.
    pub before: Moment,
    /// The name of the process that told it; `lab` for the lab itself.
    pub by: Rc<str>,
    /// What.
    pub what: What,
}

/// What happened, on which side.
#[derive(Clone, Debug, PartialEq)]
pub enum What {
    /// On the Kafka side.
    Kafka(kafka::event::Event),
    /// On the RabbitMQ side.
    Rabbit(rabbit::event::Event),
    /// To the lab itself.
    Lab(LabEvent),
}

impl What {
    /// The same with texts of its own, if it has any: those of an event are windows on what a
    /// consumer had fetched.
    pub(super) fn detached(&self) -> Option<What> {
        let mut copy = match self {
            What::Kafka(event @ kafka::event::Event::Processed { .. }) => event.clone(),
            _ => return None,
        };
        if let kafka::event::Event::Processed { key, value, .. } = &mut copy {
            for text in [key, value].into_iter().flatten() {
                text.0 = Bytes::copy_from_slice(&text.0);
            }
        }
        Some(What::Kafka(copy))
    }
}

/// What happens to the lab itself.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub enum LabEvent {
    /// A workload gave the same message to every side that its producer names.
    MessageSent {
        /// The producer.
        producer: Rc<str>,
        /// The message.
        message: MessageId,
        /// Its key.
        key: Option<String>,
    },
    /// A producer sent all it was to send.
    ProducerDone {
        /// The producer.
        producer: Rc<str>,
    },
    /// Something became of a process: `stopped`, `crashed`, `started`, `paused`, `resumed`,
    /// `power_cut`.
    Process {
        /// Which.
        name: String,
        /// What.
        became: &'static str,
    },
    /// The network changed; the words are those of the command.
    Network {
        /// What was done.
        change: String,
    },
}

impl Event {
    /// Its public name: `kafka.appended`, `rabbit.pushed`, `lab.message_sent`.
    pub fn name(&self) -> &'static str {
        match &self.what {
            What::Kafka(event) => event.name(),
            What::Rabbit(event) => event.name(),
            What::Lab(LabEvent::MessageSent { .. }) => "lab.message_sent",
            What::Lab(LabEvent::ProducerDone { .. }) => "lab.producer_done",
            What::Lab(LabEvent::Process { .. }) => "lab.process",
            What::Lab(LabEvent::Network { .. }) => "lab.network",
        }
    }

    /// One JSON object: `{"t_us": 1180, "event": "kafka.appended", "by": "kafka-1", ...}`.
    pub fn to_json(&self) -> serde_json::Value {
        let fields = match &self.what {
            What::Kafka(event) => serde_json::to_value(event),
            What::Rabbit(event) => serde_json::to_value(event),
            What::Lab(event) => serde_json::to_value(event),
        };
        let mut object = serde_json::Map::new();
        object.insert("t_us".into(), self.at.micros().into());
        object.insert("event".into(), self.name().into());
        object.insert("by".into(), (*self.by).into());
        // An event is a variant with named fields: {"Appended": {"broker": 1, ...}}.
        if let Ok(serde_json::Value::Object(variant)) = fields {
            let fields = variant.into_iter().next().map(|(_, fields)| fields);
            if let Some(serde_json::Value::Object(fields)) = fields {
                object.extend(fields);
            }
        }
        serde_json::Value::Object(object)
    }
}
