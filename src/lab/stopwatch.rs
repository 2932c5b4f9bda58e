//! What a performance test of a producer notes: how long each record took, and how many went in
//! which time. Of records that were to warm up the whole knows, and what comes behind them is
//! measured for itself as well.
//!
//! In transactions a record has been stored when its callback is called; the tool is done when the
//! last transaction is committed.

use super::command::Load;
use super::event::{LabEvent, What};
use super::outcome::{Measured, Window};
use crate::kafka::command::ApiError;
use crate::kafka::event::Event;
use crate::ordered::{BTreeMap, Order};
use crate::sim::{MessageId, Span, Time};

/// The tool reports so often.
const REPORT_EVERY: Span = Span::seconds(5);

fn add(window: &mut Window, latency_ms: u64, size: u64, elapsed: Span) {
    window.records += 1;
    window.bytes += size;
    window.latency_ms += latency_ms;
    window.latency_ms_max = window.latency_ms_max.max(latency_ms);
    window.elapsed_ms = elapsed.as_millis();
}

/// Records from some instant on.
#[derive(Clone, Debug)]
struct Meter {
    began: Time,
    window_began: Time,
    window: Window,
    measured: Measured,
    /// False if nobody wants to hear of each window any more.
    reports: bool,
}

impl Meter {
    fn begin(now: Time) -> Meter {
        let (window, measured) = (Window::default(), Measured::default());
        Meter { began: now, window_began: now, window, measured, reports: true }
    }

    fn record(&mut self, latency_ms: u64, size: u64, at: Time) {
        add(&mut self.measured.total, latency_ms, size, at.since(self.began));
        add(&mut self.window, latency_ms, size, at.since(self.window_began));
        self.measured.latencies_ms.push(latency_ms);
        if at.since(self.window_began) >= REPORT_EVERY {
            if self.reports {
                self.measured.windows.push(self.window);
            }
            (self.window, self.window_began) = (Window::default(), at);
        }
    }

    fn ended(&mut self, at: Time) {
        self.measured.total.elapsed_ms = at.since(self.began).as_millis();
    }

    fn result(&self) -> Measured {
        let mut measured = self.measured.clone();
        measured.latencies_ms.order();
        measured
    }
}

/// A performance test at work.
#[derive(Clone, Debug)]
pub(super) struct Stopwatch {
    load: Load,
    /// How many records went out, and how many of all have come to an end.
    announced: u64,
    settled: u64,
    /// When `send()` was called for each record that is not acknowledged: which it was, its bytes.
    sent: BTreeMap<u64, (u64, u64, Time)>,
    /// When the last `send()` returned.
    returned: Time,
    /// A transaction has begun and is not over.
    is_open: bool,
    all: Meter,
    steady: Option<Meter>,
}

impl Stopwatch {
    pub(super) fn of(load: Load, now: Time) -> Stopwatch {
        Stopwatch {
            load,
            announced: 0,
            settled: 0,
            sent: BTreeMap::new(),
            returned: now,
            is_open: false,
            all: Meter::begin(now),
            steady: None,
        }
    }

    /// True if all records have come to an end.
    pub(super) fn is_over(&self) -> bool {
        self.settled >= self.load.records && !self.is_open
    }

    /// What was measured.
    pub(super) fn result(&self) -> Measured {
        let steady = self.steady.as_ref().map(|steady| Box::new(steady.result()));
        Measured { steady, ..self.all.result() }
    }

    fn announce(&mut self, message: MessageId, at: Time) {
        let before = self.announced;
        let text = || self.load.body.text(message, before).len();
        let size = self.load.size.unwrap_or_else(text) as u64;
        self.announced += 1;
        self.sent.insert(message.0, (before, size, at));
    }

    /// `send()` has returned: the call before it must have, too.
    fn buffered(&mut self, message: MessageId, at: Time) {
        let returned = std::mem::replace(&mut self.returned, at);
        let Some((before, _, sent)) = self.sent.get_mut(&message.0) else { return };
        *sent = (*sent).max(returned);
        if self.load.warmup > 0 && *before == self.load.warmup {
            self.steady = Some(Meter::begin(*sent));
            self.all.reports = false;
        }
    }

    fn acknowledged(&mut self, messages: &[MessageId], at: Time) {
        for message in messages {
            let Some((before, size, sent)) = self.sent.remove(&message.0) else { continue };
            self.settled += 1;
            let latency_ms = at.millis() - sent.millis();
            self.all.record(latency_ms, size, at);
            if let Some(steady) = self.steady.as_mut().filter(|_| before >= self.load.warmup) {
                steady.record(latency_ms, size, at);
            }
        }
    }

    fn transaction(&mut self, begins: bool, at: Time) {
        self.is_open = begins;
        self.returned = at;
        match begins {
            // Before it there was `initTransactions()`.
            true if self.settled == 0 => self.all = Meter::begin(at),
            true => {}
            false => {
                self.all.ended(at);
                self.steady.iter_mut().for_each(|steady| steady.ended(at));
            }
        }
    }

    /// Listens to what becomes of the records of this client; true if it goes on.
    pub(super) fn listen(
        &mut self,
        name: &str,
        at: Time,
        what: &What,
        error: &mut Option<ApiError>,
    ) -> bool {
        match what {
            What::Lab(LabEvent::MessageSent { producer, message, .. }) if **producer == *name => {
                self.announce(*message, at);
            }
            What::Kafka(Event::ProducerBuffered { client, message, .. }) if **client == *name => {
                self.buffered(*message, at);
            }
            What::Kafka(
                Event::ProduceAcknowledged { client, messages, .. }
                | Event::ProduceStored { client, messages, .. },
            ) if **client == *name => {
                self.acknowledged(messages, at);
                return true;
            }
            What::Kafka(Event::ProduceFailed { client, messages, error: failure })
                if **client == *name =>
            {
                error.get_or_insert_with(|| failure.clone());
                let lost = messages.iter().filter(|lost| self.sent.remove(&lost.0).is_some());
                self.settled += lost.count() as u64;
                return true;
            }
            What::Kafka(Event::TransactionBegun { client, .. }) if **client == *name => {
                self.transaction(true, at);
            }
            What::Kafka(Event::TransactionEnded { client, .. }) if **client == *name => {
                self.transaction(false, at);
                return true;
            }
            _ => {}
        }
        false
    }
}
