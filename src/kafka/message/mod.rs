//! What the processes of this world say to each other, named as in the protocol.
//!
//! A client sends a [`Request`] with a correlation id of its own; the broker answers with the
//! [`Response`] of the same kind and id, in any order that its waits bring about. `acks=0` is the
//! one request without an answer. There is no other traffic: a broker never calls a client.
//!
//! The first request on a connection is `ApiVersions`; its answer is what a client takes as "the
//! connection is open". Simplified: the TCP handshake before it costs no journey of its own;
//! versions are not negotiated; topics are named, not numbered by id; a Fetch names all of its
//! partitions each time (fetch sessions, KIP-227, leave out those that did not change).

pub mod control;
pub mod kinds;
pub mod request;
pub mod response;
mod size;
pub mod transactions;

pub use control::{Control, ControlBody};
pub use request::Request;
pub use response::Response;
pub use transactions::{TransactionRequest, TransactionResponse};

use super::record::{BatchStream, Records};
use crate::kafka::command::Headers;
use crate::sim::{Message, MessageId, Rope};
use bytes::Bytes;
use std::rc::Rc;

/// A message on the wire.
#[derive(Clone, Debug, PartialEq)]
pub enum KafkaMessage {
    /// A client, or later another broker, asks something of a broker.
    Request {
        /// By which the answer is known again.
        correlation: i32,
        /// `client.id`.
        client: Rc<str>,
        /// What is asked.
        body: Request,
    },
    /// The broker answers.
    Response {
        /// The request's.
        correlation: i32,
        /// The answer.
        body: Response,
    },
}

impl Message for KafkaMessage {
    fn size_bytes(&self) -> u64 {
        size::of(self)
    }

    fn kind(&self) -> &'static str {
        match self {
            KafkaMessage::Request { body, .. } => body.kind(),
            KafkaMessage::Response { body, .. } => body.kind(),
        }
    }

    /// At most the first 1,000.
    fn messages(&self) -> Vec<MessageId> {
        let most = 1_000;
        let mut found = Vec::new();
        match self {
            KafkaMessage::Request { body: Request::Produce(produce), .. } => {
                for (_, batch) in &produce.batches {
                    messages_of(&Rope::from(batch.clone()), most, &mut found);
                }
            }
            KafkaMessage::Response { body: Response::Fetch(fetch), .. } => {
                for partition in &fetch.partitions {
                    messages_of(&partition.records, most, &mut found);
                }
            }
            _ => {}
        }
        found
    }
}

/// The header under which the lab's message number travels.
pub const ID_HEADER: &str = "id";

/// The message of a record, and its own headers: both in one walk.
pub fn message_and_headers(record: &super::record::Record<'_>) -> (Option<MessageId>, Headers) {
    let (mut message, mut headers) = (None, Headers::new());
    for (name, value) in record.headers() {
        if name == ID_HEADER.as_bytes() {
            message = value.and_then(message_number);
        } else {
            let name = String::from_utf8_lossy(name).into_owned();
            headers.push((name, value.map(Bytes::copy_from_slice)));
        }
    }
    (message, headers)
}

/// The message whose number a record carries in its header `id`.
pub fn message_of(record: &super::record::Record<'_>) -> Option<MessageId> {
    message_number(record.last_header(ID_HEADER)?)
}

/// A number as the decimal text of that header without an allocation, and where it begins.
pub fn decimal(mut number: u64) -> ([u8; 20], usize) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            return (digits, at);
        }
    }
}

fn message_number(digits: &[u8]) -> Option<MessageId> {
    let more = |number: u64, digit: &u8| {
        let digit = digit.is_ascii_digit().then(|| u64::from(digit - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    };
    digits.iter().try_fold(0, more).filter(|_| !digits.is_empty()).map(MessageId)
}

fn messages_of(rope: &Rope, most: usize, found: &mut Vec<MessageId>) {
    let mut stream = BatchStream::of(rope);
    while let Some((_, batch)) = stream.next_batch() {
        for record in Records::of(&batch).into_iter().flatten() {
            if found.len() >= most {
                return;
            }
            found.extend(message_of(&record));
        }
    }
}
