//! A workload: the same numbered messages for every side that its producer names, at the same
//! instants.

use super::command::{ProducerCommand, RabbitTarget, Settings};
use crate::kafka::command::OutgoingRecord;
use crate::rabbit::command::OutgoingMessage;
use crate::sim::{MessageId, Span, Time};
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::rc::Rc;

/// What a producer sends, and how far it is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Workload {
    /// The producer's name.
    pub name: Rc<str>,
    /// Topics that each message goes to.
    pub topics: Vec<String>,
    /// (exchange, routing key) that each message goes to; the message's own key if `None`.
    pub exchanges: Vec<(Rc<str>, Option<Rc<str>>)>,
    /// How many messages in all; without end if `None`.
    pub count: Option<u64>,
    /// From one message to the next; zero sends all at once.
    pub every: Span,
    size: Option<usize>,
    keys: Vec<String>,
    payload: Body,
    /// Client settings of either side.
    pub settings: Settings,
    /// Messages sent.
    pub sent: u64,
    /// The number of the message it sent last.
    pub last_message: Option<MessageId>,
    /// When the next message is due; `None` if it has sent all or stands still.
    pub next_at: Option<Time>,
}

/// What stands in the messages of a workload. Saved labs hold it: new kinds come last.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub enum Body {
    /// `message 7`, the message's number.
    Numbered,
    /// Always the same.
    Text(String),
    /// 0, 1, 2: how many came before.
    Counting,
    /// One of these, drawn as `SplittableRandom(0)` of Java draws it.
    OneOf(Rc<[String]>),
}

/// The first two were once an `Option`, and the fingerprints of shared labs know them as that.
impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Body::Numbered => write!(f, "None"),
            Body::Text(text) => write!(f, "Some({text:?})"),
            Body::Counting => write!(f, "Counting"),
            Body::OneOf(texts) => write!(f, "OneOf({texts:?})"),
        }
    }
}

impl Body {
    /// The text of the message of this number, before which so many were sent.
    pub fn text(&self, id: MessageId, before: u64) -> String {
        match self {
            Body::Numbered => format!("message {}", id.0),
            Body::Text(text) => text.clone(),
            Body::Counting => before.to_string(),
            Body::OneOf(texts) => texts[drawn(before, texts.len())].clone(),
        }
    }
}

/// What `nextInt(count)` of `SplittableRandom(0)` gives after so many calls. Simplified: the one in
/// 2^31 / count that the real one draws anew is taken.
fn drawn(before: u64, count: usize) -> usize {
    let z = before.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 33)).wrapping_mul(0x62a9_d9ed_7997_05f5);
    let mixed = ((z ^ (z >> 28)).wrapping_mul(0xcb24_d0a5_c88c_35b3) >> 32) as u32 as usize;
    match count.is_power_of_two() {
        true => mixed & (count - 1),
        false => (mixed >> 1) % count,
    }
}

/// A message of a workload, before it takes the form of either side.
#[derive(Clone, Debug, PartialEq)]
pub struct WorkMessage {
    /// Its number.
    pub id: MessageId,
    /// Its key.
    pub key: Option<String>,
    /// Its body.
    pub body: Bytes,
}

impl Workload {
    /// A workload that begins at once.
    pub fn new(command: &ProducerCommand, now: Time) -> Workload {
        Workload {
            name: command.name.as_str().into(),
            topics: command.kafka.clone(),
            exchanges: command
                .rabbit
                .iter()
                .map(|RabbitTarget { exchange, key }| {
                    (exchange.as_str().into(), key.as_deref().map(Into::into))
                })
                .collect(),
            count: command.count,
            every: command.every,
            size: command.size,
            keys: command.keys.clone(),
            payload: command.payload.clone().map_or(Body::Numbered, Body::Text),
            settings: command.settings.clone(),
            sent: 0,
            last_message: None,
            next_at: (command.count != Some(0)).then_some(now),
        }
    }

    /// What stands in its messages.
    pub fn with_body(self, body: Body) -> Workload {
        Workload { payload: body, ..self }
    }

    /// Goes on after what an earlier workload of the same producer sent: keys and counts go on.
    pub fn following(mut self, earlier: &Workload) -> Workload {
        self.sent = earlier.sent;
        self.last_message = earlier.last_message;
        self.count = self.count.map(|count| count + earlier.sent);
        self
    }

    /// True if it has sent all it was to send.
    pub fn is_done(&self) -> bool {
        self.count.is_some_and(|count| self.sent >= count)
    }

    /// The next message; says when the one after it is due.
    pub fn next(&mut self, id: MessageId, now: Time) -> WorkMessage {
        let key = match self.keys.len() {
            0 => None,
            count => Some(self.keys[(self.sent % count as u64) as usize].clone()),
        };
        let body = self.body(id, self.sent);
        self.sent += 1;
        self.last_message = Some(id);
        self.next_at = (!self.is_done()).then(|| now + self.every);
        WorkMessage { id, key, body }
    }

    /// A message that was sent before, as it was.
    pub fn again(&self, id: MessageId, key: Option<&str>) -> WorkMessage {
        // Those behind it had numbers without a gap, unless others sent at the same time.
        let behind = self.last_message.map_or(0, |last| last.0.saturating_sub(id.0));
        let before = self.sent.saturating_sub(behind + 1);
        WorkMessage { id, key: key.map(str::to_owned), body: self.body(id, before) }
    }

    /// The body of a message: its text, cut or filled up to the size that was asked for.
    fn body(&self, id: MessageId, before: u64) -> Bytes {
        let mut body = self.payload.text(id, before).into_bytes();
        if let Some(size) = self.size {
            body.resize(size, b'.');
        }
        Bytes::from(body)
    }

    /// The message as records of the Kafka side, one a topic.
    pub fn records<'a>(
        &'a self,
        message: &'a WorkMessage,
    ) -> impl Iterator<Item = OutgoingRecord> + 'a {
        self.topics.iter().map(|topic| OutgoingRecord {
            id: message.id,
            topic: topic.as_str().into(),
            partition: None,
            key: message.key.clone().map(Bytes::from),
            value: Some(message.body.clone()),
            headers: Vec::new(),
        })
    }

    /// The message as publishes of the RabbitMQ side, one a target.
    pub fn publishes<'a>(
        &'a self,
        message: &'a WorkMessage,
    ) -> impl Iterator<Item = OutgoingMessage> + 'a {
        let own: Option<Rc<str>> = message.key.as_deref().map(Into::into);
        self.exchanges.iter().map(move |(exchange, key)| OutgoingMessage {
            id: message.id,
            exchange: exchange.clone(),
            routing_key: key.clone().or_else(|| own.clone()).unwrap_or_default(),
            key: own.clone(),
            body: message.body.clone(),
            properties: None,
        })
    }

    /// Its rate in messages a second; 0 if all go at once.
    pub fn rate_per_second(&self) -> f64 {
        match self.every.as_micros() {
            0 => 0.0,
            us => 1_000_000.0 / us as f64,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_drawn_as_java_draws_them() {
        let of = |count| (0..12).map(|before| drawn(before, count)).collect::<Vec<_>>();
        assert_eq!(of(3), [1, 1, 0, 0, 1, 1, 2, 0, 1, 0, 1, 2]);
        assert_eq!(of(4), [1, 1, 3, 2, 2, 1, 3, 1, 1, 3, 3, 3]);
    }
}
