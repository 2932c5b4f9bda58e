//! The errors of AMQP 0-9-1 in the words of the real server.

use super::command::{AmqpError, Closes};
use std::fmt::Display;

/// What an error is about, in the words of the server: `queue 'q' in vhost '/'`.
pub fn queue_in_vhost(name: &str) -> String {
    format!("queue '{name}' in vhost '/'")
}

/// What an error is about, in the words of the server: `exchange 'x' in vhost '/'`.
pub fn exchange_in_vhost(name: &str) -> String {
    format!("exchange '{name}' in vhost '/'")
}

fn error(code: u16, name: &str, text: impl Display, closes: Closes) -> AmqpError {
    AmqpError { code, text: format!("{name} - {text}"), closes }
}

/// 404: what was named is not there.
pub fn not_found(text: impl Display) -> AmqpError {
    error(404, "NOT_FOUND", text, Closes::Channel)
}

/// 404 for a queue.
pub fn no_queue(name: &str) -> AmqpError {
    not_found(format_args!("no {}", queue_in_vhost(name)))
}

/// 404 for an exchange.
pub fn no_exchange(name: &str) -> AmqpError {
    not_found(format_args!("no {}", exchange_in_vhost(name)))
}

/// 403: it is there, and must not be touched so.
pub fn access_refused(text: impl Display) -> AmqpError {
    error(403, "ACCESS_REFUSED", text, Closes::Channel)
}

/// 403 for what cannot be done to the default exchange.
pub fn default_exchange() -> AmqpError {
    access_refused("operation not permitted on the default exchange")
}

/// 403 for a name that only the server may give.
pub fn reserved(kind: &str, name: &str) -> AmqpError {
    access_refused(format_args!("{kind} name '{name}' contains reserved prefix 'amq.*'"))
}

/// 405: another connection has it for itself.
pub fn locked(queue: &str) -> AmqpError {
    let text = format!(
        "cannot obtain exclusive access to locked {}. It could be originally declared on another \
         connection or the exclusive property value does not match that of the original \
         declaration.",
        queue_in_vhost(queue)
    );
    error(405, "RESOURCE_LOCKED", text, Closes::Channel)
}

/// 405: `basic.get` cannot be had where only one consumer at a time gets anything.
pub fn single_active(queue: &str, kind: &str) -> AmqpError {
    let text = format!(
        "cannot obtain access to locked {}. basic.get operations are not supported by {kind} \
         queues with single active consumer",
        queue_in_vhost(queue)
    );
    error(405, "RESOURCE_LOCKED", text, Closes::Channel)
}

/// 406: it does not fit what is there.
pub fn precondition_failed(text: impl Display) -> AmqpError {
    error(406, "PRECONDITION_FAILED", text, Closes::Channel)
}

/// 406 for something declared again in another way.
pub fn inequivalent(argument: &str, of: &str, received: &str, current: &str) -> AmqpError {
    precondition_failed(format_args!(
        "inequivalent arg '{argument}' for {of}: received {received} but current is {current}"
    ))
}

/// 406 for a delivery tag that is not outstanding on its channel.
pub fn unknown_tag(tag: u64) -> AmqpError {
    precondition_failed(format_args!("unknown delivery tag {tag}"))
}

/// 320: the server closes the connection of its own accord.
pub fn connection_forced(text: impl Display) -> AmqpError {
    error(320, "CONNECTION_FORCED", text, Closes::Connection)
}

/// 504: a channel that is not open was used.
pub fn channel_error(text: impl Display) -> AmqpError {
    error(504, "CHANNEL_ERROR", text, Closes::Connection)
}

/// 530: the protocol forbids it.
pub fn not_allowed(text: impl Display) -> AmqpError {
    error(530, "NOT_ALLOWED", text, Closes::Connection)
}

/// 540: the server does not do that; closes the connection.
pub fn not_implemented(text: impl Display) -> AmqpError {
    error(540, "NOT_IMPLEMENTED", text, Closes::Connection)
}

/// 541: the server cannot do it now; closes the connection.
pub fn internal(text: impl Display) -> AmqpError {
    error(541, "INTERNAL_ERROR", text, Closes::Connection)
}

/// 540 for what this laboratory does not do yet.
pub fn not_here_yet(what: impl Display) -> AmqpError {
    error(540, "NOT_IMPLEMENTED", format_args!("not here yet: {what}"), Closes::Channel)
}
