//! What may be declared: which arguments a queue takes, and when a declaration is the same as the
//! one before.
//!
//! Declaring again with another flag or another known argument is refused; arguments that nobody
//! knows do not count.

use crate::rabbit::command::{AmqpError, Argument};
use crate::rabbit::error;
use crate::rabbit::message::{Arguments, QueueDeclare};
use crate::rabbit::profile::Profile;
use crate::rabbit::rules::age;

/// Arguments of queues that the server knows, and what is demanded of each.
const KNOWN: [(&str, Check); 26] = [
    ("x-consumer-disconnected-timeout", Check::NotNegative),
    ("x-consumer-timeout", Check::NotNegative),
    ("x-dead-letter-exchange", Check::Text),
    ("x-dead-letter-routing-key", Check::DeadLetterKey),
    (
        "x-dead-letter-strategy",
        Check::OneOf(&["at-most-once", "at-least-once"], "invalid_dlx_strategy"),
    ),
    ("x-delayed-retry-max", Check::Nothing),
    ("x-delayed-retry-min", Check::Nothing),
    ("x-delayed-retry-type", Check::Nothing),
    ("x-delivery-limit", Check::Limit),
    ("x-expires", Check::Expires),
    ("x-initial-cluster-size", Check::GroupSize),
    ("x-max-age", Check::MaxAge),
    ("x-max-length", Check::NotNegative),
    ("x-max-length-bytes", Check::NotNegative),
    ("x-max-priority", Check::Priority),
    ("x-message-ttl", Check::TimeToLive),
    (
        "x-overflow",
        Check::OneOf(&["drop-head", "reject-publish", "reject-publish-dlx"], "invalid_overflow"),
    ),
    (
        "x-queue-leader-locator",
        Check::OneOf(&["client-local", "balanced"], "invalid_queue_locator_arg"),
    ),
    ("x-queue-master-locator", Check::Text),
    ("x-queue-mode", Check::Unsupported(&["default", "lazy"], "queue mode")),
    ("x-queue-type", Check::Unsupported(&["classic", "quorum", "stream"], "queue type")),
    ("x-queue-version", Check::Version),
    ("x-quorum-initial-group-size", Check::GroupSize),
    ("x-single-active-consumer", Check::Boolean),
    ("x-stream-filter-size-bytes", Check::NotNegative),
    ("x-stream-max-segment-size-bytes", Check::NotNegative),
];

/// What only a quorum queue takes.
const ONLY_FOR_QUORUM: [&str; 7] = [
    "x-consumer-disconnected-timeout",
    "x-dead-letter-strategy",
    "x-delayed-retry-max",
    "x-delayed-retry-min",
    "x-delayed-retry-type",
    "x-delivery-limit",
    "x-quorum-initial-group-size",
];

/// What releases before 4.3 do not know, and so take without a word.
const SINCE_4_3: [&str; 4] = [
    "x-consumer-disconnected-timeout",
    "x-delayed-retry-max",
    "x-delayed-retry-min",
    "x-delayed-retry-type",
];

fn is_known(name: &str, profile: Profile) -> bool {
    profile == Profile::V4_3 || !SINCE_4_3.contains(&name)
}

/// What only a stream takes.
const ONLY_FOR_STREAMS: [&str; 4] = [
    "x-initial-cluster-size",
    "x-max-age",
    "x-stream-filter-size-bytes",
    "x-stream-max-segment-size-bytes",
];

/// All that a stream takes.
const FOR_STREAMS: [&str; 7] = [
    "x-initial-cluster-size",
    "x-max-age",
    "x-max-length-bytes",
    "x-queue-leader-locator",
    "x-queue-type",
    "x-stream-filter-size-bytes",
    "x-stream-max-segment-size-bytes",
];

/// A segment of a stream has at most so many bytes.
const SEGMENT_BYTES_MAX: i64 = 3_000_000_000;

/// What a quorum queue refuses.
const NOT_FOR_QUORUM: [&str; 4] =
    ["x-max-priority", "x-queue-mode", "x-queue-version", "x-queue-master-locator"];

/// The longest time that a timer of the server takes: 2^32 - 1 ms.
pub const TIMER_MS_MAX: i64 = 4_294_967_295;

#[derive(Clone, Copy)]
enum Check {
    /// Whatever it is: what makes no sense has no effect.
    Nothing,
    Text,
    Boolean,
    NotNegative,
    /// The time after which an unused queue goes: more than zero.
    Expires,
    /// A time to live: zero is meant.
    TimeToLive,
    Priority,
    /// Any number; below zero is without limit.
    Limit,
    Version,
    DeadLetterKey,
    /// A number and a unit of time: `7D`.
    MaxAge,
    /// At least one.
    GroupSize,
    /// One of these words, or this is said.
    OneOf(&'static [&'static str], &'static str),
    /// One of these words, or that such a thing is not supported.
    Unsupported(&'static [&'static str], &'static str),
}

/// Refuses arguments that the server would refuse, and types that are not here yet.
pub fn check_queue(queue: &str, arguments: &Arguments, profile: Profile) -> Result<(), AmqpError> {
    check_refused(queue, arguments, profile)?;
    let kind = queue_type(arguments);
    let is_strange = |name: &&str| match kind {
        "stream" => !FOR_STREAMS.contains(name),
        "quorum" => NOT_FOR_QUORUM.contains(name) || ONLY_FOR_STREAMS.contains(name),
        _ => ONLY_FOR_QUORUM.contains(name) || ONLY_FOR_STREAMS.contains(name),
    };
    // First the type; then the values of what a queue of this type takes; then what it does not.
    let (types, others): (Vec<_>, Vec<_>) =
        KNOWN.into_iter().partition(|(name, _)| *name == "x-queue-type");
    let is_taken = |name: &&str| !is_strange(name) && is_known(name, profile);
    let taken = others.into_iter().filter(|(name, _)| is_taken(name));
    for (name, check) in types.into_iter().chain(taken) {
        let Some(value) = arguments.get(name) else { continue };
        if let Err(reason) = check.holds(value, arguments) {
            let of = error::queue_in_vhost(queue);
            let text = format!("invalid arg '{name}' for {of}: {reason}");
            return Err(error::precondition_failed(text));
        }
    }
    let mut given = queue_arguments(profile).filter(|name| arguments.contains_key(*name));
    if let Some(name) = given.find(is_strange) {
        let of = error::queue_in_vhost(queue);
        return Err(error::precondition_failed(format_args!(
            "invalid arg '{name}' for {of} of queue type rabbit_{kind}_queue"
        )));
    }
    if kind == "stream" {
        return check_stream(arguments);
    }
    Ok(())
}

/// Refuses sizes that a stream cannot have.
fn check_stream(arguments: &Arguments) -> Result<(), AmqpError> {
    let number = |name: &str| match arguments.get(name) {
        Some(Argument::Integer(number)) => Some(*number),
        _ => None,
    };
    if number("x-stream-max-segment-size-bytes").is_some_and(|bytes| bytes > SEGMENT_BYTES_MAX) {
        let text = "Exceeded max value for x-stream-max-segment-size-bytes";
        return Err(error::precondition_failed(text));
    }
    if number("x-stream-filter-size-bytes").is_some_and(|bytes| !(16..=255).contains(&bytes)) {
        return Err(error::precondition_failed("Invalid value for  x-stream-filter-size-bytes"));
    }
    Ok(())
}

/// Refuses properties that a quorum queue or a stream cannot have.
pub fn check_properties(queue: &str, declare: &QueueDeclare) -> Result<(), AmqpError> {
    if queue_type(&declare.arguments) == "classic" {
        return Ok(());
    }
    let wrong = [
        ("auto-delete", declare.auto_delete),
        ("exclusive-owner", declare.exclusive),
        ("non-durable", !declare.durable),
    ];
    match wrong.iter().find(|(_, is)| *is) {
        Some((name, _)) => {
            let of = error::queue_in_vhost(queue);
            Err(error::precondition_failed(format_args!("invalid property '{name}' for {of}")))
        }
        None => Ok(()),
    }
}

/// Only a classic queue may get its name from the server.
pub fn check_server_named(arguments: &Arguments) -> Result<(), AmqpError> {
    match queue_type(arguments) {
        "classic" => Ok(()),
        kind => Err(error::precondition_failed(format_args!(
            "Cannot declare a server-named queue for type rabbit_{kind}_queue"
        ))),
    }
}

/// 4.3 refuses what chose a storage in older releases.
fn check_refused(queue: &str, arguments: &Arguments, profile: Profile) -> Result<(), AmqpError> {
    let refused = arguments.iter().find(|(name, value)| match name.as_str() {
        "x-queue-mode" => true,
        "x-queue-version" => **value == Argument::Integer(1),
        _ => false,
    });
    match refused {
        Some((name, _)) if profile == Profile::V4_3 => {
            let of = error::queue_in_vhost(queue);
            Err(error::precondition_failed(format_args!("invalid arg '{name}' for {of}")))
        }
        _ => Ok(()),
    }
}

/// The type that the arguments ask for.
pub fn queue_type(arguments: &Arguments) -> &str {
    match arguments.get("x-queue-type") {
        Some(Argument::Text(name)) => name,
        _ => "classic",
    }
}

/// How many priorities a queue tells apart: one without `x-max-priority`.
pub fn levels(arguments: &Arguments) -> u16 {
    match arguments.get("x-max-priority") {
        // Zero is taken for one.
        Some(Argument::Integer(max)) => u16::try_from(*max).unwrap_or(0).clamp(1, 255) + 1,
        _ => 1,
    }
}

/// The arguments that are compared when a queue is declared again.
pub fn queue_arguments(profile: Profile) -> impl Iterator<Item = &'static str> {
    let names = KNOWN.iter().map(|(name, _)| *name);
    names.filter(move |name| is_known(name, profile))
}

/// Refuses a declaration that differs in a flag from the current one.
pub fn same_flag(name: &str, of: &str, received: bool, current: bool) -> Result<(), AmqpError> {
    if received == current {
        return Ok(());
    }
    Err(error::inequivalent(name, of, &format!("'{received}'"), &format!("'{current}'")))
}

/// Refuses a declaration that differs in one of these arguments from the current one.
pub fn same_arguments(
    names: impl Iterator<Item = &'static str>,
    of: &str,
    received: &Arguments,
    current: &Arguments,
) -> Result<(), AmqpError> {
    for name in names {
        let (received, current) = (received.get(name), current.get(name));
        let classic = |value: Option<&Argument>| {
            name == "x-queue-type" && value.is_none_or(|it| *it == Argument::Text("classic".into()))
        };
        if received != current && !(classic(received) && classic(current)) {
            return Err(error::inequivalent(name, of, &described(received), &described(current)));
        }
    }
    Ok(())
}

fn described(value: Option<&Argument>) -> String {
    match value {
        None => "none".to_owned(),
        Some(value) => {
            format!("the value '{}' of type '{}'", value_text(value), type_name(value))
        }
    }
}

/// A value in the server's words.
pub fn value_text(value: &Argument) -> String {
    match value {
        Argument::Void => "undefined".to_owned(),
        Argument::Boolean(value) => value.to_string(),
        Argument::Integer(value) => value.to_string(),
        Argument::Double(value) => format!("{value:?}"),
        Argument::Text(value) => value.clone(),
        Argument::List(list) => {
            let list: Vec<String> = list.iter().map(value_text).collect();
            format!("[{}]", list.join(","))
        }
        Argument::Timestamp(seconds) => seconds.to_string(),
        Argument::Table(table) => {
            let entries = table.iter().map(|(name, value)| format!("{name}={}", value_text(value)));
            format!("{{{}}}", entries.collect::<Vec<_>>().join(","))
        }
    }
}

/// The name of a value's type in the server's words.
pub fn type_name(value: &Argument) -> &'static str {
    match value {
        Argument::Void => "void",
        Argument::Boolean(_) => "bool",
        Argument::Integer(_) => "signedint",
        Argument::Double(_) => "double",
        Argument::Text(_) => "longstr",
        Argument::List(_) => "array",
        Argument::Timestamp(_) => "timestamp",
        Argument::Table(_) => "table",
    }
}

impl Check {
    /// The reason, in the server's words, why a value is refused.
    fn holds(self, value: &Argument, all: &Arguments) -> Result<(), String> {
        match self {
            Check::Nothing => Ok(()),
            Check::Text => text(value).map(drop),
            Check::DeadLetterKey if !all.contains_key("x-dead-letter-exchange") => {
                Err("routing_key_but_no_dlx_defined".to_owned())
            }
            Check::DeadLetterKey => text(value).map(drop),
            Check::Boolean => match value {
                Argument::Boolean(_) => Ok(()),
                other => Err(format!("{{unacceptable_type,{}}}", type_name(other))),
            },
            Check::NotNegative => not_negative(value).map(drop),
            Check::TimeToLive => timer(value).map(drop),
            Check::Expires => match timer(value)? {
                0 => Err("{value_zero,0}".to_owned()),
                _ => Ok(()),
            },
            Check::Priority => match not_negative(value)? {
                0..=255 => Ok(()),
                more => Err(format!("{{max_value_exceeded,{more}}}")),
            },
            Check::Limit => match value {
                Argument::Integer(_) => Ok(()),
                other => Err(format!("\"expected integer, got {}\"", type_name(other))),
            },
            Check::Version => match not_negative(value)? {
                1 | 2 => Ok(()),
                other => Err(format!("\"unsupported queue version '{other}'\"")),
            },
            Check::MaxAge => match age(text(value)?) {
                Some(_) => Ok(()),
                None => Err("invalid_max_age".to_owned()),
            },
            Check::GroupSize => match not_negative(value)? {
                0 => Err("{value_zero,0}".to_owned()),
                _ => Ok(()),
            },
            Check::OneOf(words, said) => match text(value)? {
                word if words.contains(&word) => Ok(()),
                _ => Err(said.to_owned()),
            },
            Check::Unsupported(words, what) => match text(value)? {
                word if words.contains(&word) => Ok(()),
                word => Err(format!("\"unsupported {what} '{word}'\"")),
            },
        }
    }
}

fn text(value: &Argument) -> Result<&str, String> {
    match value {
        Argument::Text(text) => Ok(text),
        other => Err(format!("{{unacceptable_type,{}}}", type_name(other))),
    }
}

/// Milliseconds that a timer can take.
fn timer(value: &Argument) -> Result<i64, String> {
    match not_negative(value)? {
        more if more > TIMER_MS_MAX => Err(format!("{{value_too_big,{more}}}")),
        ms => Ok(ms),
    }
}

fn not_negative(value: &Argument) -> Result<i64, String> {
    match value {
        Argument::Integer(value) if *value >= 0 => Ok(*value),
        Argument::Integer(value) => Err(format!("{{value_negative,{value}}}")),
        other => Err(format!("\"expected integer, got {}\"", type_name(other))),
    }
}
