//! The events of a lab, newest at the end, with a count of each name since the beginning.

use super::event::{Event, Moment, What};
use crate::ordered::BTreeMap;
use crate::sim::Time;
use std::rc::Rc;

/// Events of one chunk, shared by clones of the log.
const CHUNK: usize = 256;

/// At most so many chunks are kept: the last sixty thousand events or a few more, which take some
/// 15 MB. Older ones are counted only.
const CHUNKS_MAX: usize = 256;

/// A clone that is put aside keeps at least so many of its chunks.
const CHUNKS_MIN: usize = 2;

/// The events of a lab.
#[derive(Clone, Debug, Default)]
pub struct EventLog {
    chunks: std::collections::VecDeque<Rc<Vec<Rc<Event>>>>,
    /// Events that are counted only.
    dropped: u64,
    next: u64,
    counts: BTreeMap<&'static str, u64>,
}

impl EventLog {
    /// Adds an event at the end.
    pub fn push(&mut self, at: Time, before: Moment, by: Rc<str>, what: What) {
        let event = Rc::new(Event { number: self.next, at, before, by, what });
        self.next += 1;
        *self.counts.entry(event.name()).or_default() += 1;
        match self.chunks.back_mut() {
            Some(chunk) if chunk.len() < CHUNK => Rc::make_mut(chunk).push(event),
            _ => {
                let mut chunk = Vec::with_capacity(CHUNK);
                chunk.push(event);
                self.chunks.push_back(Rc::new(chunk));
            }
        }
        if self.chunks.len() > CHUNKS_MAX {
            self.drop_chunk();
        }
    }

    /// Forgets what lies before an event, except for the last hundreds of events. For clones
    /// that are put aside: what the log itself has forgotten is then not kept alive by them.
    pub fn forget_before(&mut self, number: u64) {
        while self.chunks.len() > CHUNKS_MIN && self.dropped < number {
            self.drop_chunk();
        }
    }

    /// For a clone that is put aside: forgets all but the last hundreds of events, and has the
    /// texts of these for itself, where each would keep alive all that was read with it.
    pub fn detach(&mut self) {
        self.forget_before(u64::MAX);
        for chunk in &mut self.chunks {
            for event in Rc::make_mut(chunk) {
                if let Some(what) = event.what.detached() {
                    *event = Rc::new(Event { what, ..(**event).clone() });
                }
            }
        }
    }

    fn drop_chunk(&mut self) {
        self.dropped += self.chunks.pop_front().map_or(0, |chunk| chunk.len() as u64);
    }

    /// The number that the next event will get.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// The number of the oldest event that is kept.
    pub fn first(&self) -> u64 {
        self.dropped
    }

    /// How many events of this name there have been.
    pub fn count(&self, name: &str) -> u64 {
        self.counts.get(name).copied().unwrap_or(0)
    }

    /// Each name with its count.
    pub fn counts(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        self.counts.iter().map(|(name, count)| (*name, *count))
    }

    /// The event with this number, if it is kept.
    pub fn get(&self, number: u64) -> Option<&Rc<Event>> {
        let index = number.checked_sub(self.dropped)? as usize;
        self.chunks.get(index / CHUNK)?.get(index % CHUNK)
    }

    /// The kept events from a number on, oldest first.
    pub fn since(&self, number: u64) -> impl DoubleEndedIterator<Item = &Rc<Event>> {
        let from = number.max(self.dropped);
        (from..self.next).filter_map(|number| self.get(number))
    }

    /// The kept events, newest first.
    pub fn newest_first(&self) -> impl Iterator<Item = &Rc<Event>> {
        self.since(0).rev()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kafka::event::{Event as Kafka, Text, TopicPartition};
    use crate::sim::MessageId;
    use bytes::Bytes;

    #[test]
    fn a_log_that_is_put_aside_keeps_nothing_alive_but_its_own_texts() {
        let mut log = EventLog::default();
        let fetched = Bytes::from(vec![b'x'; 1 << 20]);
        for offset in 0..2_000 {
            let at = offset as usize * 100;
            let processed = Kafka::Processed {
                client: "c".into(),
                partition: TopicPartition::new("t", 0),
                offset,
                message: MessageId(offset as u64),
                key: None,
                value: Some(Text(fetched.slice(at..at + 100))),
                timestamp_ms: 0,
                epoch: 0,
                headers: Vec::new(),
            };
            log.push(Time::ZERO, Moment::default(), "c".into(), What::Kafka(processed));
        }
        let mut aside = log.clone();
        aside.detach();
        let kept: Vec<&Rc<Event>> = aside.since(0).collect();
        assert!(kept.len() >= CHUNK && kept.len() <= CHUNKS_MIN * CHUNK, "{}", kept.len());
        assert!(log.since(aside.first()).eq(kept), "they are the same events");
        assert_eq!((aside.next(), aside.count("kafka.processed")), (2_000, 2_000));
        drop(log);
        assert!(fetched.is_unique(), "nobody looks through a window on it any more");
    }
}
