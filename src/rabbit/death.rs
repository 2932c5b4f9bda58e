//! Deaths: why a message left a queue for its dead letter exchange, and what is written on it.
//!
//! The list `x-death` has one entry for each pair of queue and reason, the newest first. Dying of
//! the same pair again adds one to its count and brings it to the front; when, where and with which
//! keys it died first stays.
//!
//! A message that comes back to a queue it has died in, and was not once rejected on the way, goes
//! round by itself: that copy is dropped. A rejection is somebody's will and never ends a cycle.

use super::command::Argument;
use super::content::Content;
use super::message::Arguments;
use super::names::Names;
use serde::{Deserialize, Serialize};
use std::rc::Rc;

/// The header with the list.
pub const DEATHS_HEADER: &str = "x-death";

/// Why a message left its queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reason {
    /// A consumer gave it back and did not want it to be requeued.
    Rejected,
    /// Its time to live was over.
    Expired,
    /// The queue was too long.
    MaxLength,
    /// It failed more often than its queue allows.
    DeliveryLimit,
}

impl Reason {
    const ALL: [Reason; 4] =
        [Reason::Rejected, Reason::Expired, Reason::MaxLength, Reason::DeliveryLimit];

    /// Its name in `x-death`.
    pub fn name(self) -> &'static str {
        match self {
            Reason::Rejected => "rejected",
            Reason::Expired => "expired",
            Reason::MaxLength => "maxlen",
            Reason::DeliveryLimit => "delivery_limit",
        }
    }
}

/// An entry of `x-death`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Death {
    queue: String,
    reason: Reason,
    count: u64,
    /// Seconds.
    time: u64,
    exchange: String,
    routing_keys: Vec<String>,
    original_expiration: Option<String>,
}

/// What a broker has noted on a message, beside what its publisher said.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Annotations {
    /// Routing keys that nobody sees: those of the header `BCC`.
    pub blind_keys: Vec<String>,
    /// A dead letter routing key took the place of all keys: the header `CC` does not route any
    /// more.
    pub is_rekeyed: bool,
    /// The newest first.
    deaths: Vec<Death>,
    /// The first of all: queue and reason.
    first: Option<(String, Reason)>,
}

impl Annotations {
    /// True if the message has died.
    pub fn has_deaths(&self) -> bool {
        !self.deaths.is_empty()
    }

    /// How often the message has died, all entries of `x-death` together.
    pub fn death_count(&self) -> u64 {
        self.deaths.iter().map(|death| death.count).sum()
    }

    /// True if a message that has just died must not go into this queue.
    pub fn is_cycle(&self, queue: &str) -> bool {
        let Some(at) = self.deaths.iter().position(|death| death.queue == queue) else {
            return false;
        };
        self.deaths[..=at].iter().all(|death| death.reason != Reason::Rejected)
    }

    fn record(&mut self, death: Death) {
        self.first.get_or_insert_with(|| (death.queue.clone(), death.reason));
        let is_same = |old: &Death| old.queue == death.queue && old.reason == death.reason;
        match self.deaths.iter().position(is_same) {
            Some(at) => {
                self.deaths[..=at].rotate_right(1);
                self.deaths[0].count += 1;
            }
            None => self.deaths.insert(0, death),
        }
    }

    /// Forgets the oldest of several deaths; false if there is only one.
    fn forget_oldest(&mut self) -> bool {
        self.deaths.len() > 1 && self.deaths.pop().is_some()
    }

    /// Adds the headers that tell of the deaths.
    pub fn write(&self, headers: &mut Arguments) {
        let text = |text: &str| Argument::Text(text.to_owned());
        let mut told = |which: &str, queue: &str, reason: Reason| {
            let of = |death: &&Death| death.queue == queue && death.reason == reason;
            let exchange = self.deaths.iter().find(of).map_or("", |death| &death.exchange);
            headers.insert(format!("x-{which}-death-reason"), text(reason.name()));
            headers.insert(format!("x-{which}-death-queue"), text(queue));
            headers.insert(format!("x-{which}-death-exchange"), text(exchange));
        };
        if let (Some(last), Some((queue, reason))) = (self.deaths.first(), &self.first) {
            told("first", queue, *reason);
            told("last", &last.queue, last.reason);
            let deaths = self.deaths.iter().map(Death::table);
            headers.insert(DEATHS_HEADER.to_owned(), Argument::List(deaths.collect()));
        }
    }

    /// What the header `x-death` of a publisher says: releases before 4.0 took it for their own.
    pub fn read(headers: &Arguments) -> Option<Annotations> {
        let Some(Argument::List(list)) = headers.get(DEATHS_HEADER) else { return None };
        let deaths: Vec<Death> = list.iter().filter_map(Death::read).collect();
        let first = deaths.last().map(|death| (death.queue.clone(), death.reason));
        (!deaths.is_empty()).then(|| Annotations { deaths, first, ..Annotations::default() })
    }
}

impl Death {
    fn table(&self) -> Argument {
        let text = |text: &str| Argument::Text(text.to_owned());
        let keys = self.routing_keys.iter().map(|key| text(key));
        let mut table = Arguments::from([
            ("count".to_owned(), Argument::Integer(self.count as i64)),
            ("exchange".to_owned(), text(&self.exchange)),
            ("queue".to_owned(), text(&self.queue)),
            ("reason".to_owned(), text(self.reason.name())),
            ("routing-keys".to_owned(), Argument::List(keys.collect())),
            ("time".to_owned(), Argument::Timestamp(self.time)),
        ]);
        if let Some(expiration) = &self.original_expiration {
            table.insert("original-expiration".to_owned(), text(expiration));
        }
        Argument::Table(table)
    }

    fn read(entry: &Argument) -> Option<Death> {
        let Argument::Table(table) = entry else { return None };
        let text = |name: &str| match table.get(name) {
            Some(Argument::Text(text)) => Some(text.clone()),
            _ => None,
        };
        let reason = text("reason")?;
        let routing_keys = match table.get("routing-keys") {
            Some(Argument::List(keys)) => keys.iter().filter_map(|key| match key {
                Argument::Text(key) => Some(key.clone()),
                _ => None,
            }),
            _ => return None,
        };
        Some(Death {
            queue: text("queue")?,
            reason: Reason::ALL.into_iter().find(|known| known.name() == reason)?,
            count: match table.get("count") {
                Some(Argument::Integer(count)) => u64::try_from(*count).ok()?,
                _ => return None,
            },
            time: match table.get("time") {
                Some(Argument::Timestamp(time)) => *time,
                _ => 0,
            },
            exchange: text("exchange").unwrap_or_default(),
            routing_keys: routing_keys.collect(),
            original_expiration: text("original-expiration"),
        })
    }
}

/// A message that has left its queue for a dead letter exchange.
#[derive(Clone, Debug)]
pub struct DeadLetter {
    /// The message as it was in the queue.
    pub content: Rc<Content>,
    /// The queue.
    pub queue: Rc<str>,
    /// Why.
    pub reason: Reason,
    /// The dead letter exchange.
    pub exchange: Rc<str>,
    /// The key in the place of the message's own keys.
    pub routing_key: Option<Rc<str>>,
}

impl DeadLetter {
    /// The message as it is published to the dead letter exchange: it tells of its death, and does
    /// not expire any more.
    pub fn into_content(self, now_seconds: u64, bytes_max: u64, names: &mut Names) -> Content {
        let mut content = Rc::unwrap_or_clone(self.content);
        let mut annotations =
            content.annotations.take().map_or_else(Default::default, Rc::unwrap_or_clone);
        let own = std::iter::once(content.routing_key.to_string());
        let copied = match annotations.is_rekeyed {
            true => Vec::new(),
            false => content.listed_keys("CC").into_iter().map(str::to_owned).collect(),
        };
        annotations.record(Death {
            queue: self.queue.to_string(),
            reason: self.reason,
            count: 1,
            time: now_seconds,
            exchange: content.exchange.to_string(),
            routing_keys: own.chain(copied).collect(),
            original_expiration: Rc::make_mut(&mut content.properties).expiration.take(),
        });
        content.exchange = self.exchange;
        if let Some(key) = self.routing_key {
            content.routing_key = names.shared(&key);
            annotations.is_rekeyed = true;
            annotations.blind_keys.clear();
        }
        content.annotate(annotations.clone());
        // Simplified: a real list grows without limit.
        while u64::from(content.properties_bytes) > bytes_max && annotations.forget_oldest() {
            content.annotate(annotations.clone());
        }
        content
    }
}
