//! A message: its address, its properties and its body. It never changes, and every copy of it
//! (in each queue, on each way, in each consumer) shares the same bytes.

use super::command::{Argument, OutgoingMessage, Properties};
use super::death::Annotations;
use super::names::Names;
use super::wire::value_bytes;
use crate::ordered::BTreeMap;
use crate::sim::MessageId;
use bytes::Bytes;
use std::rc::Rc;

/// Bytes that each frame has besides its payload: type 1, channel 2, size 4, end 1.
pub const FRAME_OVERHEAD_BYTES: u64 = 8;

/// The largest frame, overhead included, that both sides agree on: the server's default.
pub const FRAME_MAX_BYTES: u64 = 131_072;

/// The header that carries the key of the workload.
pub const KEY_HEADER: &str = "key";

/// A message as a publisher gave it to an exchange.
#[derive(Clone, Debug, PartialEq)]
pub struct Content {
    /// The number by which the lab follows it: the property `message-id`.
    pub id: MessageId,
    /// The exchange; empty is the default exchange.
    pub exchange: Rc<str>,
    /// The routing key.
    pub routing_key: Rc<str>,
    /// The key of the workload: the header `key`.
    pub key: Option<Rc<str>>,
    /// The properties that the publisher set: many messages have the same.
    pub properties: Rc<Properties>,
    /// What the broker has noted on it.
    pub annotations: Option<Rc<Annotations>>,
    /// Bytes of the encoded properties.
    pub properties_bytes: u32,
    /// The body.
    pub body: Bytes,
}

/// What of a message is stored before its body: its id, exchange, routing key and key, its
/// properties, what the broker has noted, and how many bytes the properties take.
type Head<'a, P, A> = (MessageId, &'a str, &'a str, Option<&'a str>, P, Option<A>, u32);

impl Content {
    /// What a publisher sends for a message of the lab; `usual` properties take the place of those
    /// that the message has not.
    pub fn new(message: OutgoingMessage, usual: &Rc<Properties>, names: &mut Names) -> Content {
        let properties = match message.properties {
            None => usual.clone(),
            Some(mut own) => {
                let set = Rc::make_mut(&mut own);
                set.delivery_mode = set.delivery_mode.or(usual.delivery_mode);
                set.priority = set.priority.or(usual.priority);
                if set.expiration.is_none() {
                    set.expiration.clone_from(&usual.expiration);
                }
                own
            }
        };
        let key = message.key.as_deref().map(|key| names.shared(key));
        let properties_bytes = properties_bytes(message.id, key.as_deref(), &properties);
        Content {
            id: message.id,
            exchange: names.shared(&message.exchange),
            routing_key: names.shared(&message.routing_key),
            key,
            properties,
            annotations: None,
            properties_bytes,
            body: message.body,
        }
    }

    /// Puts headers onto it, in the place of those of the same names.
    pub fn set_headers(&mut self, headers: impl Iterator<Item = (&'static str, Argument)>) {
        for (name, value) in headers {
            Rc::make_mut(&mut self.properties).headers.insert(name.to_owned(), value);
        }
        let headers = self.headers();
        self.properties_bytes = encoded_bytes(self.id, None, &self.properties, &headers);
    }

    /// Notes something on it, in the place of what was noted before.
    pub fn annotate(&mut self, annotations: Annotations) {
        self.annotations = Some(Rc::new(annotations));
        let headers = self.headers();
        self.properties_bytes = encoded_bytes(self.id, None, &self.properties, &headers);
    }

    /// True if it asks to survive a restart of the broker.
    pub fn is_persistent(&self) -> bool {
        self.properties.delivery_mode == Some(2)
    }

    /// Bytes of its header frame and body frames on the wire.
    pub fn wire_bytes(&self) -> u64 {
        // Header payload: class 2, weight 2, body size 8, and the properties with their flags.
        let header = FRAME_OVERHEAD_BYTES + 12 + u64::from(self.properties_bytes);
        let body = self.body.len() as u64;
        header + body + body_frames(body, FRAME_MAX_BYTES) * FRAME_OVERHEAD_BYTES
    }

    /// The strings of a header that is an array: routing keys, in `CC` and `BCC`.
    pub fn listed_keys(&self, header: &str) -> Vec<&str> {
        let Some(Argument::List(list)) = self.properties.headers.get(header) else {
            return Vec::new();
        };
        let texts = list.iter().filter_map(|key| match key {
            Argument::Text(key) => Some(&**key),
            _ => None,
        });
        texts.collect()
    }

    /// Its headers, those of the workload's key and of its deaths included.
    pub fn headers(&self) -> BTreeMap<String, Argument> {
        let mut headers = self.properties.headers.clone();
        if let Some(annotations) = &self.annotations {
            annotations.write(&mut headers);
        }
        if let Some(key) = &self.key {
            headers.insert(KEY_HEADER.to_owned(), Argument::Text(key.to_string()));
        }
        headers
    }

    /// All but the body, as it is stored in front of the body.
    pub fn encode_head(&self) -> Vec<u8> {
        let head: Head<'_, &Properties, &Annotations> = (
            self.id,
            &self.exchange,
            &self.routing_key,
            self.key.as_deref(),
            &self.properties,
            self.annotations.as_deref(),
            self.properties_bytes,
        );
        let mut bytes = postcard::to_stdvec(&head).expect("plain data can always be encoded");
        if !self.properties.carried.is_empty() {
            let carried = postcard::to_stdvec(&self.properties.carried);
            bytes.extend(carried.expect("plain data can always be encoded"));
        }
        bytes
    }

    /// A message as it was stored; `None` if these are not the bytes of one.
    pub fn decode(stored: &Bytes, head_bytes: usize, names: &mut Names) -> Option<Content> {
        let head = stored.get(..head_bytes)?;
        let (head, rest): (Head<'_, Properties, Annotations>, _) =
            postcard::take_from_bytes(head).ok()?;
        let (id, exchange, routing_key, key, mut properties, annotations, properties_bytes) = head;
        if !rest.is_empty() {
            properties.carried = postcard::from_bytes(rest).ok()?;
        }
        Some(Content {
            id,
            exchange: names.shared(exchange),
            routing_key: names.shared(routing_key),
            key: key.map(|key| names.shared(key)),
            properties: Rc::new(properties),
            annotations: annotations.map(Rc::new),
            properties_bytes,
            body: stored.slice(head_bytes..),
        })
    }
}

/// How many frames a body takes.
pub fn body_frames(body_bytes: u64, frame_max_bytes: u64) -> u64 {
    body_bytes.div_ceil(frame_max_bytes - FRAME_OVERHEAD_BYTES)
}

fn properties_bytes(id: MessageId, key: Option<&str>, properties: &Properties) -> u32 {
    encoded_bytes(id, key, properties, &properties.headers)
}

/// Bytes of the encoded properties: the flags, and each property that is there.
fn encoded_bytes(
    id: MessageId,
    key: Option<&str>,
    properties: &Properties,
    headers: &BTreeMap<String, Argument>,
) -> u32 {
    let short = |text: &Option<String>| text.as_ref().map_or(0, |text| 1 + text.len());
    let mut bytes = 2 + 1 + digits(id.0);
    bytes += usize::from(properties.delivery_mode.is_some());
    bytes += usize::from(properties.priority.is_some());
    bytes += short(&properties.expiration) + short(&properties.correlation_id);
    bytes += short(&properties.reply_to) + short(&properties.content_type);
    let carried = |value: &Argument| match value {
        Argument::Text(text) => 1 + text.len(),
        // A timestamp.
        _ => 8,
    };
    if !properties.carried.is_empty() {
        bytes += properties.carried.values().map(carried).sum::<usize>();
    }
    let entry = |(name, value): (&String, &Argument)| 1 + name.len() + value_bytes(value) as usize;
    let table: usize = if headers.is_empty() { 0 } else { headers.iter().map(entry).sum() };
    let key = key.map_or(0, |key| 1 + KEY_HEADER.len() + 5 + key.len());
    if table + key > 0 {
        bytes += 4 + table + key;
    }
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

fn digits(number: u64) -> usize {
    number.checked_ilog10().unwrap_or(0) as usize + 1
}
