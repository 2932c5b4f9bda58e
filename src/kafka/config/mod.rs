//! Settings: their real names, kinds, limits and defaults, and the sentences with which a wrong
//! one is refused.
//!
//! Each program has a table ([`broker`], [`topic`], [`producer`], [`consumer`]) and a struct with
//! the values that the engine uses. Tables name every setting that is understood; what a real
//! program knows and the lab has no use for is left out, and refused like an unknown one.
//!
//! Simplified: a real client or broker starts with an unknown setting and logs a warning; here it
//! is refused, with the topic tool's sentence, so that a typing error is not mistaken for a result.

pub mod broker;
pub mod consumer;
pub mod duration;
pub mod producer;
pub mod topic;

pub use broker::BrokerConfig;
pub use consumer::ConsumerConfig;
pub use producer::ProducerConfig;
pub use topic::TopicConfig;

use super::command::ApiError;
use super::error::client_error;
use super::spec::{Settings, Spec};

/// Says what is wrong with the settings of a process, before it is started: a process that is
/// started with them reports the same and ends.
pub fn check(spec: &Spec) -> Result<(), ApiError> {
    match spec {
        Spec::Broker(spec) => BrokerConfig::of(&spec.settings).map(drop),
        Spec::Controller(spec) => BrokerConfig::of(&spec.settings).map(drop),
        Spec::Producer(spec) => ProducerConfig::of(&spec.settings).map(drop),
        Spec::Consumer(spec) => ConsumerConfig::of(&spec.settings).map(drop),
        Spec::Admin => Ok(()),
    }
}

/// What a value must look like.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// A whole number of 32 bits, not below this one.
    Int(i64),
    /// A whole number of 64 bits, not below this one.
    Long(i64),
    /// `true` or `false`.
    Boolean,
    /// A fraction from 0 to 1, kept as text.
    Ratio,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// Some of these words, separated by commas.
    ListOf(&'static [&'static str]),
    /// `*`, or partitions and brokers: `0:1,0:2,1:3`.
    Replicas,
    /// Any text.
    Text,
}

/// A setting.
#[derive(Clone, Copy, Debug)]
pub struct Definition {
    /// Its real name.
    pub name: &'static str,
    /// What its value must look like.
    pub kind: Kind,
    /// Its default; empty where the real one is null.
    pub default: &'static str,
}

const fn define(name: &'static str, kind: Kind, default: &'static str) -> Definition {
    Definition { name, kind, default }
}

/// Settings that were found to be right, and the defaults of the others.
#[derive(Clone, Debug)]
pub struct Values<'a> {
    table: &'static [Definition],
    settings: &'a Settings,
}

impl<'a> Values<'a> {
    /// Checks settings against a table. `what` names the kind of setting in the sentence about an
    /// unknown one: `Unknown topic config name: retention`.
    pub fn check(
        table: &'static [Definition],
        settings: &'a Settings,
        what: &str,
    ) -> Result<Values<'a>, ApiError> {
        for (name, value) in settings {
            let Some(definition) = table.iter().find(|definition| definition.name == name) else {
                let sentence = format!("Unknown {what} config name: {name}");
                return Err(client_error("ConfigException", sentence));
            };
            definition.check(value.trim())?;
        }
        Ok(Values { table, settings })
    }

    /// The value of a setting, or its default.
    pub fn text(&self, name: &str) -> &'a str {
        if let Some(value) = self.settings.get(name) {
            return value.trim();
        }
        let found = self.table.iter().find(|definition| definition.name == name);
        found.expect("the engine asks for settings that its tables hold").default
    }

    /// A setting that is a number.
    pub fn number(&self, name: &str) -> i64 {
        self.text(name).parse().expect("the value was checked")
    }

    /// A setting that is a number not below zero.
    pub fn natural(&self, name: &str) -> u64 {
        self.number(name).max(0) as u64
    }

    /// A setting that is true or false.
    pub fn is_true(&self, name: &str) -> bool {
        self.text(name).eq_ignore_ascii_case("true")
    }

    /// True if it was set, whatever to.
    pub fn is_set(&self, name: &str) -> bool {
        self.settings.contains_key(name)
    }
}

impl Definition {
    fn check(&self, value: &str) -> Result<(), ApiError> {
        let refuse = |why: String| {
            let sentence = format!("Invalid value {value} for configuration {}: {why}", self.name);
            Err(client_error("ConfigException", sentence))
        };
        let number = |kind: &str, least: i64, parsed: Option<i64>| match parsed {
            None => refuse(format!("Not a number of type {kind}")),
            Some(number) if number < least => refuse(format!("Value must be at least {least}")),
            Some(_) => Ok(()),
        };
        match self.kind {
            Kind::Int(least) => number("INT", least, value.parse::<i32>().ok().map(i64::from)),
            Kind::Long(least) => number("LONG", least, value.parse().ok()),
            Kind::Boolean if ["true", "false"].iter().any(|b| value.eq_ignore_ascii_case(b)) => {
                Ok(())
            }
            Kind::Boolean => refuse("Expected value to be either true or false".to_owned()),
            Kind::Ratio => match value.parse::<f64>() {
                Err(_) => refuse("Not a number of type DOUBLE".to_owned()),
                Ok(ratio) if ratio < 0.0 => refuse("Value must be at least 0".to_owned()),
                Ok(ratio) if ratio > 1.0 => refuse("Value must be no more than 1".to_owned()),
                Ok(_) => Ok(()),
            },
            Kind::OneOf(words) if words.contains(&value) => Ok(()),
            Kind::OneOf(words) => refuse(format!("String must be one of: {}", words.join(", "))),
            Kind::ListOf(words) => {
                match value.split(',').map(str::trim).find(|word| !words.contains(word)) {
                    Some(_) => refuse(format!("String must be one of: {}", words.join(", "))),
                    None => Ok(()),
                }
            }
            Kind::Replicas => {
                let digits = |part: &str| part.bytes().all(|b| b.is_ascii_digit());
                let is_pair = |pair: &str| match pair.trim().split_once(':') {
                    Some((partition, broker)) => {
                        ![partition, broker].contains(&"") && digits(partition) && digits(broker)
                    }
                    None => pair.trim().is_empty(),
                };
                let parts: Vec<&str> = value.split(',').collect();
                if parts.iter().all(|part| is_pair(part)) || parts.concat().trim() == "*" {
                    return Ok(());
                }
                let sentence = format!(
                    "Invalid value [{}] for configuration {name}: {name} must be the literal '*' \
                     or a list of replicas in the following format: \
                     [partitionId]:[brokerId],[partitionId]:[brokerId],...",
                    parts.join(", "),
                    name = self.name
                );
                Err(client_error("ConfigException", sentence))
            }
            Kind::Text => Ok(()),
        }
    }
}
