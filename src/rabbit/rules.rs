//! What a queue keeps to: its arguments and its policies taken together.
//!
//! An argument wins over a policy; of limits that both set the lower holds.

use super::command::Argument;
use super::content::Content;
use super::message::Arguments;
use super::mirror::policy::Wanted;
use super::quorum::delays::DelayedRetry;
use crate::sim::{Span, Time};
use std::rc::Rc;

/// What a queue does when it is full.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Overflow {
    /// It drops messages at its head.
    #[default]
    DropHead,
    /// It refuses new ones.
    RejectPublish,
    /// It refuses new ones, and dead-letters them.
    RejectPublishDlx,
}

impl Overflow {
    /// What a quorum queue makes of it: `reject-publish-dlx` it does not know, and does as if
    /// nothing were said. The real server writes a warning into its log.
    pub fn of_type(self, is_quorum: bool) -> Overflow {
        match self {
            Overflow::RejectPublishDlx if is_quorum => Overflow::DropHead,
            known => known,
        }
    }
}

/// What a queue keeps to.
#[derive(Clone, Debug, Default)]
pub struct Rules {
    /// Messages expire after so long (`x-message-ttl`).
    pub ttl: Option<Span>,
    /// It goes when it was unused for so long (`x-expires`).
    pub expires: Option<Span>,
    /// At most so many ready messages (`x-max-length`).
    pub max_length: Option<u64>,
    /// At most so many bytes of ready bodies (`x-max-length-bytes`).
    pub max_bytes: Option<u64>,
    /// What it does beyond that (`x-overflow`).
    pub overflow: Overflow,
    /// Where messages go that die (`x-dead-letter-exchange`).
    pub dead_letter_exchange: Option<Rc<str>>,
    /// Dead letters are kept until they are safe (`x-dead-letter-strategy`, with `x-overflow` and
    /// `x-dead-letter-exchange` as they have to be for that).
    pub at_least_once: bool,
    /// With which key (`x-dead-letter-routing-key`); with their own without it.
    pub dead_letter_key: Option<Rc<str>>,
    /// A message may come back so often to a quorum queue (`x-delivery-limit`); below zero it is
    /// without limit.
    pub delivery_limit: Option<i64>,
    /// Which messages that come back to a quorum queue wait, and how long (`x-delayed-retry-type`,
    /// from 4.3 on).
    pub delayed_retry: Option<DelayedRetry>,
    /// What consumers of a quorum queue hold on a node that cannot be reached comes back after so
    /// long (`x-consumer-disconnected-timeout`, from 4.3 on).
    pub disconnected: Option<Span>,
    /// A delivery must be acknowledged within so long (`x-consumer-timeout`).
    pub consumer_timeout: Option<Span>,
    /// Keeps its messages on the disk, up to 3.11 (`x-queue-mode`).
    pub lazy: bool,
    /// On how many nodes it is mirrored, up to 3.11 (`ha-mode`).
    pub mirrored: Option<Wanted>,
    /// A stream keeps what is younger (`x-max-age`).
    pub max_age: Option<Span>,
    /// A segment of a stream is full with so many bytes (`x-stream-max-segment-size-bytes`).
    pub segment_bytes: Option<u64>,
}

impl Rules {
    /// The rules that follow from the arguments of a queue and from what its policies set.
    pub fn new(arguments: &Arguments, policy: &Arguments) -> Rules {
        let argument = |name: &str| arguments.get(&format!("x-{name}"));
        let number = |name: &str| {
            let values = [argument(name), policy.get(name)].into_iter().flatten();
            let numbers = values.filter_map(|value| match value {
                Argument::Integer(number) => u64::try_from(*number).ok(),
                _ => None,
            });
            numbers.min()
        };
        let text = |name: &str| match argument(name).or_else(|| policy.get(name)) {
            Some(Argument::Text(text)) => Some(&**text),
            _ => None,
        };
        let dead_letter_exchange: Option<Rc<str>> = text("dead-letter-exchange").map(Into::into);
        Rules {
            ttl: number("message-ttl").map(Span::millis),
            expires: number("expires").map(Span::millis),
            max_length: number("max-length"),
            max_bytes: number("max-length-bytes"),
            overflow: match text("overflow") {
                Some("reject-publish") => Overflow::RejectPublish,
                Some("reject-publish-dlx") => Overflow::RejectPublishDlx,
                _ => Overflow::DropHead,
            },
            at_least_once: text("dead-letter-strategy") == Some("at-least-once")
                && text("overflow") == Some("reject-publish")
                && dead_letter_exchange.is_some(),
            dead_letter_key: text("dead-letter-routing-key")
                .filter(|_| dead_letter_exchange.is_some())
                .map(Into::into),
            dead_letter_exchange,
            delivery_limit: delivery_limit(
                argument("delivery-limit"),
                policy.get("delivery-limit"),
            ),
            delayed_retry: DelayedRetry::of(argument, policy),
            disconnected: number("consumer-disconnected-timeout").map(Span::millis),
            consumer_timeout: number("consumer-timeout").map(Span::millis),
            lazy: text("queue-mode") == Some("lazy"),
            mirrored: Wanted::of(policy),
            max_age: text("max-age").and_then(age),
            segment_bytes: number("stream-max-segment-size-bytes"),
        }
    }

    /// True if there may be too many messages, or too many bytes.
    pub fn is_limited(&self) -> bool {
        self.max_length.is_some() || self.max_bytes.is_some()
    }

    /// True if so many ready messages with so many bytes are too much.
    pub fn is_over(&self, messages: u64, bytes: u64) -> bool {
        self.max_length.is_some_and(|max| messages > max)
            || self.max_bytes.is_some_and(|max| bytes > max)
    }

    /// When a message that comes now expires: after its own time to live or after the queue's,
    /// whichever is shorter.
    pub fn expiry_of(&self, content: &Content, now: Time) -> Time {
        let own = content.properties.expiration.as_ref();
        // A channel refuses what is no number.
        let own = own.and_then(|text| text.parse().ok()).map(Span::millis);
        let span = match (self.ttl, own) {
            (Some(ttl), Some(own)) => Some(ttl.min(own)),
            (ttl, own) => ttl.or(own),
        };
        span.map_or(Time::NEVER, |span| now + span)
    }
}

/// An age as it is written: a number and one of `Y`, `M`, `D`, `h`, `m`, `s`.
pub fn age(text: &str) -> Option<Span> {
    let unit = text.chars().next_back()?;
    let seconds = match unit {
        'Y' => 365 * 86_400,
        'M' => 30 * 86_400,
        'D' => 86_400,
        'h' => 3_600,
        'm' => 60,
        's' => 1,
        _ => return None,
    };
    let digits = &text[..text.len() - 1];
    let is_number = digits.bytes().all(|sign| sign.is_ascii_digit());
    let count = digits.parse::<u64>().ok().filter(|count| is_number && *count <= 1_000_000)?;
    Some(Span::seconds(count * seconds))
}

/// Of two limits the lower holds; one that is without limit gives way to none.
pub fn delivery_limit(argument: Option<&Argument>, policy: Option<&Argument>) -> Option<i64> {
    let numbers = [argument, policy].into_iter().flatten().filter_map(|value| match value {
        Argument::Integer(number) => Some(*number),
        _ => None,
    });
    let limits: Vec<i64> = numbers.collect();
    match limits.iter().any(|limit| *limit < 0) {
        true => limits.into_iter().max(),
        false => limits.into_iter().min(),
    }
}
