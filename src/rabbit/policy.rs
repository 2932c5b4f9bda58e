//! Policies: settings for all queues and exchanges whose names match a pattern.
//!
//! Of several that match, the one with the highest priority holds, and no other. An operator
//! policy is laid over it: of limits the lower holds, of all else the operator's.
//!
//! Source: `rabbit_policies`, which says what may be set and what holds.

use super::command::{AmqpError, Argument};
use super::error;
use super::message::Arguments;
use super::mirror::policy as mirror;
use super::pattern::Pattern;
use super::profile::Profile;
use super::rules::{age, delivery_limit};
use crate::ordered::BTreeMap;
use serde::{Deserialize, Serialize};

/// What a policy is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum ApplyTo {
    /// Queues and exchanges.
    #[default]
    All,
    /// Queues.
    Queues,
    /// Classic queues.
    ClassicQueues,
    /// Quorum queues.
    QuorumQueues,
    /// Streams.
    Streams,
    /// Exchanges.
    Exchanges,
}

/// Each with its name.
const APPLY_TO: [(ApplyTo, &str); 6] = [
    (ApplyTo::All, "all"),
    (ApplyTo::Queues, "queues"),
    (ApplyTo::ClassicQueues, "classic_queues"),
    (ApplyTo::QuorumQueues, "quorum_queues"),
    (ApplyTo::Streams, "streams"),
    (ApplyTo::Exchanges, "exchanges"),
];

impl ApplyTo {
    /// The one of this name.
    pub fn named(name: &str) -> Option<ApplyTo> {
        APPLY_TO.iter().find(|(_, known)| *known == name).map(|(what, _)| *what)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        let found = APPLY_TO.iter().find(|(what, _)| *what == self);
        found.map_or("", |(_, name)| name)
    }

    fn takes_queue(self, kind: &str) -> bool {
        match self {
            ApplyTo::All | ApplyTo::Queues => true,
            ApplyTo::ClassicQueues => kind == "classic",
            ApplyTo::QuorumQueues => kind == "quorum",
            ApplyTo::Streams => kind == "stream",
            ApplyTo::Exchanges => false,
        }
    }
}

/// A policy.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    /// Its name.
    pub name: String,
    /// What names have to match.
    pub pattern: String,
    /// What it is for.
    pub apply_to: ApplyTo,
    /// The highest one holds.
    pub priority: i64,
    /// What it sets.
    pub definition: Arguments,
}

/// What a definition may set, what values are taken, and what the server calls them.
const KEYS: [(&str, Takes, &str); 24] = [
    ("alternate-exchange", Takes::Text, "alternate exchange name"),
    ("consumer-disconnected-timeout", Takes::Number(0), "consumer disconnected timeout"),
    ("consumer-timeout", Takes::Number(0), "consumer timeout"),
    ("dead-letter-exchange", Takes::Text, "dead letter exchange name"),
    ("dead-letter-routing-key", Takes::Text, "dead letter routing key"),
    (
        "dead-letter-strategy",
        Takes::OneOf(&["at-most-once", "at-least-once"]),
        "dead letter strategy",
    ),
    (
        "delayed-retry-max",
        Takes::Number(1),
        "delayed retry maximum delay. Must be a positive integer",
    ),
    (
        "delayed-retry-min",
        Takes::Number(1),
        "delayed retry minimum delay. Must be a positive integer",
    ),
    (
        "delayed-retry-type",
        Takes::OneOf(&["all", "failed", "returned", "disabled"]),
        "delayed retry type. Must be one of: all, failed, returned, disabled",
    ),
    ("delivery-limit", Takes::Number(i64::MIN), "delivery limit"),
    ("expires", Takes::Number(1), "queue expiry"),
    ("initial-cluster-size", Takes::Number(0), "cluster size"),
    ("max-age", Takes::Age, "max age"),
    ("max-in-memory-bytes", Takes::Number(0), "maximum memory in bytes"),
    ("max-in-memory-length", Takes::Number(0), "maximum memory in bytes"),
    ("max-length", Takes::Number(0), "maximum length"),
    ("max-length-bytes", Takes::Number(0), "maximum length in bytes"),
    ("message-ttl", Takes::Number(0), "message TTL"),
    (
        "overflow",
        Takes::OneOf(&["drop-head", "reject-publish", "reject-publish-dlx"]),
        "overflow value",
    ),
    (
        "queue-leader-locator",
        Takes::OneOf(&["client-local", "balanced", "random", "least-leaders"]),
        "queue leader locator value",
    ),
    ("queue-mode", Takes::OneOf(&["default", "lazy"]), "queue-mode value"),
    ("queue-version", Takes::Between(1, 2), "queue-version value"),
    ("stream-filter-size-bytes", Takes::Between(16, 255), "filter size. Valid range is 16-255"),
    ("stream-max-segment-size-bytes", Takes::Between(0, SEGMENT_BYTES_MAX), "segment size"),
];

/// Larger segments of a stream are not taken.
const SEGMENT_BYTES_MAX: i64 = 3_000_000_000;

/// What an operator may set.
const OF_OPERATORS: [&str; 12] = [
    "delayed-retry-max",
    "delayed-retry-min",
    "delayed-retry-type",
    "delivery-limit",
    "expires",
    "max-in-memory-bytes",
    "max-in-memory-length",
    "max-length",
    "max-length-bytes",
    "message-ttl",
    "overflow",
    "queue-version",
];

/// What releases before 4.3 do not know.
const SINCE_4_3: [&str; 4] = [
    "consumer-disconnected-timeout",
    "delayed-retry-max",
    "delayed-retry-min",
    "delayed-retry-type",
];

#[derive(Clone, Copy)]
enum Takes {
    Text,
    /// At least so much.
    Number(i64),
    /// From the one to the other.
    Between(i64, i64),
    OneOf(&'static [&'static str]),
    /// A number with a unit of time.
    Age,
}

impl Takes {
    fn takes(self, value: &Argument) -> bool {
        match (self, value) {
            (Takes::Text, Argument::Text(_)) => true,
            (Takes::Number(least), Argument::Integer(number)) => *number >= least,
            (Takes::Between(least, most), Argument::Integer(number)) => {
                (least..=most).contains(number)
            }
            (Takes::OneOf(words), Argument::Text(word)) => words.contains(&&**word),
            (Takes::Age, Argument::Text(text)) => age(text).is_some(),
            _ => false,
        }
    }
}

/// Limits of which the lower holds.
const LOWER_HOLDS: [&str; 7] = [
    "delayed-retry-max",
    "expires",
    "max-in-memory-bytes",
    "max-in-memory-length",
    "max-length",
    "max-length-bytes",
    "message-ttl",
];

fn invalid(reason: &str) -> AmqpError {
    error::precondition_failed(format_args!("Validation failed\n\n{reason}"))
}

impl Policy {
    /// Refuses a policy that the server would refuse.
    pub fn check(&self, is_operator: bool, profile: Profile) -> Result<(), AmqpError> {
        if let Err(reason) = Pattern::new(&self.pattern) {
            return Err(invalid(&format!("invalid regular expression: {reason}")));
        }
        if self.definition.is_empty() {
            return Err(invalid("no policy provided"));
        }
        let is_unknown = |(name, _): &(&String, &Argument)| match is_operator {
            _ if profile != Profile::V4_3 && SINCE_4_3.contains(&&***name) => true,
            true => !OF_OPERATORS.contains(&&***name),
            false => {
                let is_mirroring = profile == Profile::V3_11 && mirror::KEYS.contains(&&***name);
                !is_mirroring && !KEYS.iter().any(|(key, ..)| key == name)
            }
        };
        let unknown = self.definition.iter().filter(is_unknown);
        let unknown: Vec<String> =
            unknown.map(|(name, value)| format!("{{<<\"{name}\">>,{}}}", erlang(value))).collect();
        if !unknown.is_empty() {
            let list = unknown.join(",");
            return Err(invalid(&format!("[{list}] are not recognised policy settings")));
        }
        for (name, takes, noun) in KEYS {
            let wrong = self.definition.get(name).filter(|value| !takes.takes(value));
            if let Some(value) = wrong {
                return Err(invalid(&format!("{} is not a valid {noun}", erlang(value))));
            }
        }
        mirror::check(&self.definition).map_err(|reason| invalid(&reason))?;
        self.check_delayed_retry()
    }

    /// What is set of delayed retries has to go together.
    fn check_delayed_retry(&self) -> Result<(), AmqpError> {
        let of = |name: &str| self.definition.get(&format!("delayed-retry-{name}"));
        match (of("type"), of("min"), of("max")) {
            (Some(Argument::Text(kind)), None, _) if kind != "disabled" => Err(invalid(&format!(
                "delayed-retry-min is required when delayed-retry-type is {kind}"
            ))),
            (_, Some(Argument::Integer(min)), Some(Argument::Integer(max))) if max < min => {
                Err(invalid(&format!(
                    "delayed-retry-max ({max}) must not be smaller than delayed-retry-min ({min})"
                )))
            }
            _ => Ok(()),
        }
    }
}

/// A value as Erlang writes it.
pub fn erlang(value: &Argument) -> String {
    match value {
        Argument::Text(text) => format!("<<\"{text}\">>"),
        other => super::broker::arguments::value_text(other),
    }
}

#[derive(Clone, Debug)]
struct Compiled {
    policy: Policy,
    pattern: Pattern,
}

/// All policies of one sort, by name.
#[derive(Clone, Debug, Default)]
pub struct Policies {
    all: BTreeMap<String, Compiled>,
}

impl Policies {
    /// Sets a policy that was checked, in the place of any of its name.
    pub fn set(&mut self, policy: Policy) {
        if let Ok(pattern) = Pattern::new(&policy.pattern) {
            self.all.insert(policy.name.clone(), Compiled { policy, pattern });
        }
    }

    /// True if there is a policy of this name.
    pub fn has(&self, name: &str) -> bool {
        self.all.contains_key(name)
    }

    /// Takes a policy away; false if there was none.
    pub fn clear(&mut self, name: &str) -> bool {
        self.all.remove(name).is_some()
    }

    /// All of them, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Policy> {
        self.all.values().map(|compiled| &compiled.policy)
    }

    /// The policy that holds for a queue of this type.
    pub fn of_queue(&self, name: &str, kind: &str) -> Option<&Policy> {
        self.highest(name, |apply_to| apply_to.takes_queue(kind))
    }

    /// The policy that holds for an exchange.
    pub fn of_exchange(&self, name: &str) -> Option<&Policy> {
        self.highest(name, |apply_to| matches!(apply_to, ApplyTo::All | ApplyTo::Exchanges))
    }

    fn highest(&self, name: &str, applies: impl Fn(ApplyTo) -> bool) -> Option<&Policy> {
        let matching = self.all.values().filter(|it| applies(it.policy.apply_to));
        let matching = matching.filter(|it| it.pattern.matches(name));
        matching.map(|it| &it.policy).max_by_key(|policy| policy.priority)
    }
}

/// What a policy and an operator policy set together.
pub fn merged(user: Option<&Policy>, operator: Option<&Policy>) -> Arguments {
    let mut merged = user.map(|policy| policy.definition.clone()).unwrap_or_default();
    for (name, value) in operator.into_iter().flat_map(|policy| &policy.definition) {
        let lower = match (merged.get(name), value) {
            (Some(Argument::Integer(ours)), Argument::Integer(theirs))
                if LOWER_HOLDS.contains(&&**name) =>
            {
                Argument::Integer(*ours.min(theirs))
            }
            (Some(Argument::Integer(ours)), Argument::Integer(theirs))
                if name == "delayed-retry-min" =>
            {
                Argument::Integer(*ours.max(theirs))
            }
            (Some(ours @ Argument::Integer(_)), Argument::Integer(_))
                if name == "delivery-limit" =>
            {
                let limit = delivery_limit(Some(ours), Some(value));
                limit.map_or_else(|| value.clone(), Argument::Integer)
            }
            _ => value.clone(),
        };
        merged.insert(name.clone(), lower);
    }
    merged
}
