//! Headers matching: binding arguments compared with the headers of a message.
//!
//! `x-match` says how: `all` (also without it) wants every considered argument to match, and so
//! matches everything when none is considered; `any` wants one, and matches nothing when none is
//! considered. Both leave out arguments whose names begin with `x-`; `all-with-x` and `any-with-x`
//! consider them too, `x-match` apart. A void argument only asks that the header is there; others
//! are compared with their types.

use super::command::{AmqpError, Argument};
use super::error;
use super::message::Arguments;

const MODE: &str = "x-match";

/// Refuses binding arguments that make no sense.
pub fn check(arguments: &Arguments) -> Result<(), AmqpError> {
    match arguments.get(MODE) {
        None => Ok(()),
        Some(Argument::Text(mode)) => match &**mode {
            "all" | "any" | "all-with-x" | "any-with-x" => Ok(()),
            other => Err(error::precondition_failed(format_args!(
                "Invalid x-match field value <<\"{other}\">>; expected all, any, all-with-x, or \
                 any-with-x"
            ))),
        },
        Some(_) => Err(error::precondition_failed("Invalid x-match field type; expected longstr")),
    }
}

/// True if the headers of a message match binding arguments.
pub fn matches(arguments: &Arguments, headers: &Arguments) -> bool {
    let mode = match arguments.get(MODE) {
        Some(Argument::Text(mode)) => &**mode,
        _ => "all",
    };
    let with_x = mode.ends_with("-with-x");
    let is_considered = |name: &str| if with_x { name != MODE } else { !name.starts_with("x-") };
    let mut considered = arguments.iter().filter(|(name, _)| is_considered(name));
    let matches = |(name, wanted): (&String, &Argument)| {
        headers.get(name).is_some_and(|header| *wanted == Argument::Void || wanted == header)
    };
    match mode.starts_with("any") {
        true => considered.any(matches),
        false => considered.all(matches),
    }
}
