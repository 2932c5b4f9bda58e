//! The ledger: what became of every message on each side, kept by listening to the events.
//!
//! For each message there is one small record a side, and one byte for each reader that processed
//! it; what is regular in them takes next to nothing ([`chunks`](super::chunks)), and clones share
//! the rest.
//!
//! - **acknowledged**: the producer believes it stored (Produce response, publisher confirm).
//! - **lost**: acknowledged, and no longer readable by anybody before it was processed; or held
//!   by a consumer that died before it processed it, while its group had committed past it.
//! - **duplicated**: processed more than once by the same reader (group, or queue).
//! - **reordered**: processed for the first time after a younger message of the same key.

use super::chunks::Chunks;
use super::event::{LabEvent, What};
use crate::ordered::{BTreeMap, BTreeSet};
use crate::sim::{MessageId, Time};
use crate::{kafka, rabbit};
use serde::{Deserialize, Serialize};

mod format_2;
mod side;
#[cfg(test)]
mod tests;

pub use format_2::Ledger2;
use side::{
    ACKNOWLEDGED, DELIVERED, DUPLICATED, FAILED, LIST_MAX, LOST, PROCESSED, REORDERED, SENT, Side,
};

/// What became of every message.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Ledger {
    /// Of each message: its producer and its key, as places in the two lists; 0 is none.
    messages: Chunks<(u16, u32)>,
    producers: Vec<String>,
    keys: Vec<String>,
    key_places: BTreeMap<String, u32>,
    kafka: Side,
    rabbit: Side,
    /// Where the log has each message of the Kafka side that was acknowledged.
    places: Chunks<(u16, i64)>,
    partitions: Vec<(String, i32)>,
    /// The highest acknowledged offset of each; not known of those that came from storage.
    #[serde(skip)]
    highest: Vec<Option<i64>>,
    /// True if there are several brokers.
    is_replicated: bool,
    /// Copies of each message in the queues of the RabbitMQ side.
    copies: Chunks<u8>,
    /// Messages that left their queue when they were sent (automatic acknowledgement), by the
    /// consumer that has them and has not processed them yet.
    in_hands: BTreeMap<String, BTreeSet<u64>>,
}

impl Ledger {
    /// A ledger that was read: what of it follows from the rest is not believed but counted.
    pub fn counted(mut self) -> Ledger {
        self.kafka.count_anew();
        self.rabbit.count_anew();
        self
    }

    /// Notes a message that a producer is about to send.
    pub fn announce(&mut self, message: MessageId, producer: &str, key: Option<&str>) {
        let known = self.producers.iter().position(|name| name == producer);
        let place = known.unwrap_or_else(|| {
            self.producers.push(producer.to_owned());
            self.producers.len() - 1
        });
        let key = key.map_or(0, |key| match self.key_places.get(key) {
            Some(place) => *place,
            None => {
                self.keys.push(key.to_owned());
                let place = self.keys.len() as u32;
                self.key_places.insert(key.to_owned(), place);
                place
            }
        });
        *self.messages.entry(message.0 as usize) = (place as u16 + 1, key);
    }

    /// An empty ledger of a lab with one broker or several.
    pub fn new(is_replicated: bool) -> Ledger {
        Ledger { is_replicated, ..Ledger::default() }
    }

    /// Packs what is noted: for a clone that is put aside.
    pub fn pack(&mut self) {
        self.messages.pack();
        self.places.pack();
        self.copies.pack();
        for side in [&mut self.kafka, &mut self.rabbit] {
            side.flags.pack();
            side.readers.values_mut().for_each(|reader| reader.times.pack());
        }
    }

    /// Listens to an event. `reader_of` tells the group (or itself) of a Kafka consumer,
    /// `is_stream` whether everybody reads a queue for himself.
    pub fn listen(
        &mut self,
        what: &What,
        reader_of: impl Fn(&str) -> String,
        is_stream: impl Fn(&str) -> bool,
    ) {
        match what {
            What::Kafka(event) => self.listen_kafka(event, reader_of),
            What::Rabbit(event) => self.listen_rabbit(event, is_stream),
            What::Lab(LabEvent::Process { name, became: "crashed" | "power_cut" | "stopped" }) => {
                self.consumer_died(name);
            }
            What::Lab(_) => {}
        }
    }

    fn listen_kafka(&mut self, event: &kafka::event::Event, reader_of: impl Fn(&str) -> String) {
        use kafka::event::Event;
        match event {
            Event::ProducerBuffered { message, .. } => self.kafka.mark(*message, SENT),
            Event::ProduceAcknowledged { partition, messages, base_offset, .. } => {
                let place = self.partition_place(&partition.topic, partition.partition);
                messages.iter().for_each(|message| self.kafka.mark(*message, ACKNOWLEDGED));
                if *base_offset >= 0 {
                    for (message, offset) in messages.iter().zip(*base_offset..) {
                        *self.places.entry(message.0 as usize) = (place, offset);
                    }
                    self.raise_highest(place, base_offset + messages.len() as i64 - 1);
                }
            }
            Event::ProduceFailed { messages, .. } => {
                messages.iter().for_each(|message| self.kafka.mark(*message, FAILED));
            }
            Event::Fetched { messages, .. } => {
                messages.iter().for_each(|message| self.kafka.mark(*message, DELIVERED));
            }
            // What goes through a repartition topic is still on its way.
            Event::Processed { partition, .. } if partition.topic.ends_with("-repartition") => {}
            Event::Processed { client, message, .. } => {
                let key = self.key_of(*message);
                self.kafka.processed(*message, &reader_of(client), key);
            }
            // With followers, what one broker lost may be elsewhere: the next leader decides.
            Event::LogRecovered { .. } if self.is_replicated => {}
            Event::LogRecovered { partition, end_offset, .. }
            | Event::LeaderStarted { partition, log_end: end_offset, .. } => {
                self.log_ends_at(partition, *end_offset);
            }
            _ => {}
        }
    }

    fn listen_rabbit(&mut self, event: &rabbit::event::Event, is_stream: impl Fn(&str) -> bool) {
        use rabbit::event::Event;
        match event {
            Event::Published { message, .. } => self.rabbit.mark(*message, SENT),
            Event::Routed { message, queues, .. } => {
                let copies = self.copies.entry(message.0 as usize);
                *copies = copies.saturating_add(queues.len().min(255) as u8);
                // A dead letter has left its queue, and is not lost.
                self.rabbit.clear(*message, LOST);
            }
            Event::Confirmed { message, .. } => self.rabbit.mark(*message, ACKNOWLEDGED),
            Event::Refused { message, .. } | Event::Returned { message, .. } => {
                self.rabbit.mark(*message, FAILED);
            }
            Event::Delivered { message, .. } | Event::Got { message, .. } => {
                self.rabbit.mark(*message, DELIVERED);
            }
            Event::Enqueued { message, .. } => self.arrived(*message),
            Event::Pushed { consumer, message, .. } => {
                self.arrived(*message);
                self.in_hands.entry(consumer.to_string()).or_default().insert(message.0);
            }
            Event::Processed { client, queue, message } => {
                self.out_of_hands(client, *message);
                let key = self.key_of(*message);
                match is_stream(queue) {
                    true => self.rabbit.processed(*message, &format!("{queue}/{client}"), key),
                    false => self.rabbit.processed(*message, queue, key),
                }
            }
            Event::SegmentDeleted { messages, .. } => {
                for (first, count) in messages.iter() {
                    for number in first.0..first.0 + count {
                        self.removed(MessageId(number), Some("retention"));
                    }
                }
            }
            Event::Acknowledged { message, .. } => self.removed(*message, None),
            Event::Removed { message, reason, .. } => self.removed(*message, Some(reason)),
            Event::OutOfMemory { client, .. } | Event::ClientCrashed { client, .. } => {
                self.consumer_died(client)
            }
            _ => {}
        }
    }

    /// Its consumer dies with it in hands, and a commit says that it was done.
    pub fn passed_over(&mut self, message: MessageId) {
        if !self.kafka.has(message, PROCESSED) {
            self.kafka.mark(message, LOST);
        }
    }

    /// A copy is in a queue. One that was under way when the queues were counted was not found.
    fn arrived(&mut self, message: MessageId) {
        let copies = self.copies.entry(message.0 as usize);
        if *copies == 0 {
            *copies = 1;
            self.rabbit.clear(message, LOST);
        }
    }

    /// A copy left its queue. It is lost if it was the last, nobody processed it and nobody has
    /// it in hands.
    fn removed(&mut self, message: MessageId, reason: Option<&str>) {
        let copies = self.copies.entry(message.0 as usize);
        *copies = copies.saturating_sub(1);
        let last = *copies == 0;
        // What was refused was never acknowledged.
        let kept = matches!(reason, None | Some("auto_ack" | "got" | "refused"));
        if last && !kept && !self.rabbit.has(message, PROCESSED) {
            self.rabbit.mark(message, LOST);
        }
    }

    fn out_of_hands(&mut self, consumer: &str, message: MessageId) {
        if let Some(held) = self.in_hands.get_mut(consumer) {
            held.remove(&message.0);
        }
    }

    /// What a dead consumer held and no queue has any more is lost.
    fn consumer_died(&mut self, name: &str) {
        for number in self.in_hands.remove(name).unwrap_or_default() {
            let message = MessageId(number);
            let copies = self.copies.get(number as usize).unwrap_or(0);
            if copies == 0 && !self.rabbit.has(message, PROCESSED) {
                self.rabbit.mark(message, LOST);
            }
        }
    }

    /// After a RabbitMQ node lost its memory: only the messages of `present` are still in queues.
    pub fn recount_queues(&mut self, present: &BTreeMap<MessageId, u8>) {
        let before: Vec<usize> =
            self.copies.iter_from(0).filter(|(_, n)| *n > 0).map(|(i, _)| i).collect();
        for number in before {
            let message = MessageId(number as u64);
            let left = present.get(&message).copied().unwrap_or(0);
            *self.copies.entry(number) = left;
            if left == 0 && !self.rabbit.has(message, PROCESSED | FAILED) {
                self.rabbit.mark(message, LOST);
            }
        }
        for (message, copies) in present {
            *self.copies.entry(message.0 as usize) = *copies;
            self.rabbit.clear(*message, LOST);
        }
    }

    fn partition_place(&mut self, topic: &str, partition: i32) -> u16 {
        self.known_place(topic, partition).unwrap_or_else(|| {
            self.highest.resize(self.partitions.len(), None);
            self.highest.push(Some(-1));
            self.partitions.push((topic.to_owned(), partition));
            self.partitions.len() as u16
        })
    }

    fn known_place(&self, topic: &str, partition: i32) -> Option<u16> {
        let known = self.partitions.iter().position(|(t, p)| t == topic && *p == partition);
        known.map(|index| index as u16 + 1)
    }

    fn highest_mut(&mut self, place: u16) -> Option<&mut i64> {
        self.highest.get_mut(usize::from(place) - 1)?.as_mut()
    }

    fn raise_highest(&mut self, place: u16, offset: i64) {
        if let Some(highest) = self.highest_mut(place) {
            *highest = offset.max(*highest);
        }
    }

    /// What was acknowledged beyond the end of a log is lost.
    fn log_ends_at(&mut self, partition: &kafka::event::TopicPartition, end_offset: i64) {
        let Some(place) = self.known_place(&partition.topic, partition.partition) else { return };
        if self.highest_mut(place).is_some_and(|highest| *highest < end_offset) {
            return;
        }
        let is_beyond = |found: (u16, i64)| found.0 == place && found.1 >= end_offset;
        let gone = self.places.iter_from(0).filter(|(_, found)| is_beyond(*found));
        let gone: Vec<MessageId> = gone.map(|(n, _)| MessageId(n as u64)).collect();
        gone.into_iter().for_each(|message| self.kafka.mark(message, LOST));
    }

    fn key_of(&self, message: MessageId) -> u32 {
        self.messages.get(message.0 as usize).map_or(0, |(_, key)| key)
    }

    /// The counts of both sides; the lists behind them are left empty.
    pub fn figures(&self) -> LedgerReport {
        LedgerReport { kafka: self.kafka.figures(), rabbit: self.rabbit.figures() }
    }

    /// The counts of both sides, with the first messages behind each number that should be zero.
    pub fn report(&self) -> LedgerReport {
        LedgerReport { kafka: self.kafka.report(), rabbit: self.rabbit.report() }
    }

    /// The counts of one producer's messages.
    pub fn report_of(&self, producer: &str) -> Option<LedgerReport> {
        let place = self.producers.iter().position(|name| name == producer)? as u16 + 1;
        let mut report = LedgerReport::default();
        for (number, (by, _)) in self.messages.iter_from(0) {
            if by == place {
                let message = MessageId(number as u64);
                report.kafka.add(&self.kafka, message);
                report.rabbit.add(&self.rabbit, message);
            }
        }
        Some(report)
    }

    /// A message's producer and key, if the lab sent it.
    pub fn origin(&self, message: MessageId) -> Option<(&str, Option<&str>)> {
        let (producer, key) = self.messages.get(message.0 as usize)?;
        let producer = self.producers.get(producer.checked_sub(1)? as usize)?;
        let key = key.checked_sub(1).and_then(|place| self.keys.get(place as usize));
        Some((producer, key.map(String::as_str)))
    }

    /// Messages of a producer that are not acknowledged on the Kafka side (`true`) or the
    /// RabbitMQ side, oldest first, at most `limit`.
    pub fn unacknowledged(&self, producer: &str, kafka: bool, limit: usize) -> Vec<MessageId> {
        let Some(place) = self.producers.iter().position(|name| name == producer) else {
            return Vec::new();
        };
        let side = if kafka { &self.kafka } else { &self.rabbit };
        let open = side.flags.iter_from(0).filter(|(number, flags)| {
            *flags & SENT != 0
                && *flags & (ACKNOWLEDGED | FAILED) == 0
                && self.messages.get(*number).is_some_and(|(by, _)| by == place as u16 + 1)
        });
        open.map(|(number, _)| MessageId(number as u64)).take(limit).collect()
    }
}

/// What became of the messages, side by side.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LedgerReport {
    /// The Kafka side.
    pub kafka: SideReport,
    /// The RabbitMQ side.
    pub rabbit: SideReport,
}

/// Counts of one side, with the first messages behind each number that should be zero.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SideReport {
    /// Given to the client library.
    pub sent: u64,
    /// Acknowledged to the producer: believed stored.
    pub acknowledged: u64,
    /// Given up by the producer.
    pub failed: u64,
    /// Handed to a consumer at least once.
    pub delivered: u64,
    /// Processed at least once.
    pub processed: u64,
    /// Processed more than once by the same reader.
    pub duplicated: u64,
    /// Believed stored and no longer readable.
    pub lost: u64,
    /// Processed after a younger message of the same key.
    pub reordered: u64,
    /// The first of the duplicated.
    pub duplicated_list: Vec<MessageId>,
    /// The first of the lost.
    pub lost_list: Vec<MessageId>,
    /// The first of the reordered.
    pub reordered_list: Vec<MessageId>,
}

/// The figures of a side, by their names.
pub const FIGURES: [(&str, fn(&SideReport) -> u64); 8] = [
    ("sent", |side| side.sent),
    ("acknowledged", |side| side.acknowledged),
    ("failed", |side| side.failed),
    ("delivered", |side| side.delivered),
    ("processed", |side| side.processed),
    ("duplicated", |side| side.duplicated),
    ("lost", |side| side.lost),
    ("reordered", |side| side.reordered),
];

impl LedgerReport {
    /// A figure of both sides together. The same messages are sent to both; what each side
    /// acknowledges is another promise, so that has no sum.
    pub fn both(&self, name: &str) -> Option<u64> {
        let (kafka, rabbit) = (self.kafka.figure(name)?, self.rabbit.figure(name)?);
        match name {
            "sent" => Some(kafka.max(rabbit)),
            "acknowledged" => None,
            _ => Some(kafka + rabbit),
        }
    }
}

impl SideReport {
    /// A figure by its name.
    pub fn figure(&self, name: &str) -> Option<u64> {
        FIGURES.iter().find(|(known, _)| *known == name).map(|(_, of)| of(self))
    }

    fn add(&mut self, side: &Side, message: MessageId) {
        let flags = side.flags.get(message.0 as usize).unwrap_or(0);
        let one = |flag: u8| u64::from(flags & flag != 0);
        self.sent += one(SENT);
        self.acknowledged += one(ACKNOWLEDGED);
        self.failed += one(FAILED);
        self.delivered += one(DELIVERED);
        self.processed += one(PROCESSED);
        self.duplicated += one(DUPLICATED);
        self.lost += one(LOST);
        self.reordered += one(REORDERED);
        for (flag, list) in [
            (DUPLICATED, &mut self.duplicated_list),
            (LOST, &mut self.lost_list),
            (REORDERED, &mut self.reordered_list),
        ] {
            if flags & flag != 0 && list.len() < LIST_MAX {
                list.push(message);
            }
        }
    }
}

/// One message's life on both sides.
#[derive(Clone, Debug, PartialEq)]
pub struct Passport {
    /// The message.
    pub message: MessageId,
    /// Its producer.
    pub producer: String,
    /// Its key.
    pub key: Option<String>,
    /// The stages on the Kafka side.
    pub kafka: Vec<Stage>,
    /// The stages on the RabbitMQ side.
    pub rabbit: Vec<Stage>,
}

/// A stage of a message's life.
#[derive(Clone, Debug, PartialEq)]
pub struct Stage {
    /// When; `None` for what it is waiting for now.
    pub at: Option<Time>,
    /// Which.
    pub what: StageKind,
    /// Facts that belong to it, as (name, value): `partition` `t-0`, `offset` `12`.
    pub facts: Vec<(&'static str, String)>,
}

/// The stages of a message's life, in the order in which they follow each other in one instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StageKind {
    /// The partitioner chose a partition.
    Partitioned,
    /// Given to the client library, or on its way to the broker.
    Sent,
    /// Stored in the log.
    Appended,
    /// Visible to consumers: below the high watermark.
    Visible,
    /// Acknowledged to the producer.
    Acknowledged,
    /// An exchange chose its queues.
    Routed,
    /// It waits in a queue.
    Enqueued,
    /// The broker sent it to a consumer.
    Pushed,
    /// It arrived at a consumer.
    Delivered,
    /// A handler took it up.
    ProcessingStarted,
    /// A handler is done with it.
    Processed,
    /// The broker took its acknowledgement; it is gone from the queue.
    Removed,
    /// The group committed an offset behind it.
    Committed,
    /// It came back to its queue, and has to wait before it is ready again.
    Delayed,
    /// It went back into its queue.
    Requeued,
    /// It died in its queue and went to a dead letter exchange.
    DeadLettered,
    /// It was dropped, refused or given up.
    Dropped,
    /// It waits: for a consumer to ask, for a prefetch slot, for a consumer at all.
    Waiting,
}
