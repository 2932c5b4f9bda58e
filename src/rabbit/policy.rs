//! Policies: settings for all queues and exchanges whose names match a pattern.
//!
//! Of several that match, the one with the highest priority holds, and no other. An operator
//! policy is laid over it: of limits the lower holds, of all else the operator's.

use super::command::{AmqpError, Argument};
use super::error;
use super::message::Arguments;
use super::pattern::Pattern;
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

/// What a definition may set, and what values are taken.
const KEYS: [(&str, Takes); 13] = [
    ("alternate-exchange", Takes::Text),
    ("consumer-timeout", Takes::Number(0)),
    ("dead-letter-exchange", Takes::Text),
    ("dead-letter-routing-key", Takes::Text),
    ("dead-letter-strategy", Takes::OneOf(&["at-most-once"])),
    ("delivery-limit", Takes::Number(-1)),
    ("expires", Takes::Number(1)),
    ("max-length", Takes::Number(0)),
    ("max-length-bytes", Takes::Number(0)),
    ("message-ttl", Takes::Number(0)),
    ("overflow", Takes::OneOf(&["drop-head", "reject-publish", "reject-publish-dlx"])),
    ("queue-mode", Takes::OneOf(&["default", "lazy"])),
    ("queue-version", Takes::Number(1)),
];

#[derive(Clone, Copy)]
enum Takes {
    Text,
    /// At least so much.
    Number(i64),
    OneOf(&'static [&'static str]),
}

/// Limits of which the lower holds.
pub const LOWER_HOLDS: [&str; 5] =
    ["consumer-timeout", "expires", "max-length", "max-length-bytes", "message-ttl"];

fn invalid(reason: &str) -> AmqpError {
    error::precondition_failed(format_args!("Validation failed\n\n{reason}"))
}

impl Policy {
    /// Refuses a policy that the server would refuse.
    pub fn check(&self) -> Result<(), AmqpError> {
        if let Err(reason) = Pattern::new(&self.pattern) {
            return Err(invalid(&format!("invalid regular expression: {reason}")));
        }
        if self.definition.is_empty() {
            return Err(invalid("no policy provided"));
        }
        let is_unknown =
            |(name, _): &(&String, &Argument)| !KEYS.iter().any(|(key, _)| key == name);
        let unknown = self.definition.iter().filter(is_unknown);
        let unknown: Vec<String> =
            unknown.map(|(name, value)| format!("{{<<\"{name}\">>,{}}}", erlang(value))).collect();
        if !unknown.is_empty() {
            let list = unknown.join(",");
            return Err(invalid(&format!("[{list}] are not recognised policy settings")));
        }
        for (name, takes) in KEYS {
            let Some(value) = self.definition.get(name) else { continue };
            let fits = match (takes, value) {
                (Takes::Text, Argument::Text(_)) => true,
                (Takes::Number(least), Argument::Integer(number)) => *number >= least,
                (Takes::OneOf(words), Argument::Text(word)) => words.contains(&&**word),
                _ => false,
            };
            if !fits {
                let value = erlang(value);
                return Err(invalid(&format!("{value} is not a valid {}", name.replace('-', " "))));
            }
        }
        Ok(())
    }
}

fn erlang(value: &Argument) -> String {
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
            _ => value.clone(),
        };
        merged.insert(name.clone(), lower);
    }
    merged
}
