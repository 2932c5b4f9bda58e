//! How long messages take, from their sending until they are first processed on a side: the last
//! few of each side, of which the charts show the median and the 99th percentile.
//!
//! Simplified: what was sent before the page was opened is not measured; a message that another
//! group processes later counts again.

use super::chunks::Chunks;
use super::event::{LabEvent, What};
use crate::ordered::Order;
use crate::sim::{MessageId, Time};
use crate::{kafka, rabbit};

/// So many messages of a side are looked at.
const RECENT: usize = 200;

/// The median and the 99th percentile, in microseconds; 0 without a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Percentiles {
    /// Half of the messages took no longer.
    pub p50_us: u64,
    /// All but one in a hundred took no longer.
    pub p99_us: u64,
}

/// How long messages took lately.
#[derive(Clone, Debug, Default)]
pub struct Latencies {
    /// When each message was sent, plus one; 0 if that is not known.
    sent: Chunks<u64>,
    kafka: Recent,
    rabbit: Recent,
}

impl Latencies {
    /// Listens to an event.
    pub fn listen(&mut self, at: Time, what: &What) {
        match what {
            What::Lab(LabEvent::MessageSent { message, .. }) => {
                *self.sent.entry(message.0 as usize) = at.micros() + 1;
            }
            What::Kafka(kafka::event::Event::Processed { message, .. }) => {
                if let Some(took) = self.since_sent(at, *message) {
                    self.kafka.push(took);
                }
            }
            What::Rabbit(rabbit::event::Event::Processed { message, .. }) => {
                if let Some(took) = self.since_sent(at, *message) {
                    self.rabbit.push(took);
                }
            }
            _ => {}
        }
    }

    /// Packs what is noted: for a clone that is put aside.
    pub fn pack(&mut self) {
        self.sent.pack();
    }

    fn since_sent(&self, at: Time, message: MessageId) -> Option<u64> {
        let sent = self.sent.get(message.0 as usize).filter(|sent| *sent > 0)?;
        Some((at.micros() + 1).saturating_sub(sent))
    }

    /// Of the Kafka side.
    pub fn kafka(&self) -> Percentiles {
        self.kafka.percentiles()
    }

    /// Of the RabbitMQ side.
    pub fn rabbit(&self) -> Percentiles {
        self.rabbit.percentiles()
    }
}

/// The last latencies, in no order.
#[derive(Clone, Debug, Default)]
struct Recent {
    all: Vec<u64>,
    next: usize,
}

impl Recent {
    fn push(&mut self, took: u64) {
        match self.all.get_mut(self.next) {
            Some(oldest) => *oldest = took,
            None => self.all.push(took),
        }
        self.next = (self.next + 1) % RECENT;
    }

    fn percentiles(&self) -> Percentiles {
        let mut all = self.all.clone();
        all.order();
        // The smallest value that so many of a hundred do not exceed.
        let of = |percent: usize| match (all.len() * percent).div_ceil(100) {
            0 => 0,
            rank => all[rank - 1],
        };
        Percentiles { p50_us: of(50), p99_us: of(99) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_values_that_were_measured() {
        let mut recent = Recent::default();
        assert_eq!(recent.percentiles(), Percentiles::default());
        (1..=100).rev().for_each(|took| recent.push(took));
        // Fifty of 1 to 100 are at most 50, ninety-nine at most 99.
        assert_eq!(recent.percentiles(), Percentiles { p50_us: 50, p99_us: 99 });
    }

    #[test]
    fn only_the_last_ones_count() {
        let mut recent = Recent::default();
        recent.push(9_000);
        (0..RECENT).for_each(|_| recent.push(5));
        assert_eq!(recent.percentiles(), Percentiles { p50_us: 5, p99_us: 5 });
    }
}
