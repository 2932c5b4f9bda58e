//! What is in a list: values, and how the tool writes them in a table and as JSON.
//!
//! Source: `formatter_helpers.ex` and `core/json.ex` of the tool. A table of arguments comes from
//! the node as triples of name, type and value, and so it is in JSON. Simplified: the names in an
//! object keep the order of the columns; the tool's are in no order that anybody promises.

use super::node_name;
use crate::ordered::BTreeMap;
use crate::rabbit::command::Argument;
use crate::rabbit::message::Arguments;
use crate::shell::values::json_text;

/// A value.
pub enum Cell {
    /// A text or a word.
    Text(String),
    /// A number.
    Number(u64),
    /// One with a fraction.
    Share(f64),
    /// A number below zero or above.
    Signed(i64),
    /// Yes or no.
    Truth(bool),
    /// Arguments.
    Arguments(Arguments),
    /// Nodes.
    Nodes(Vec<String>),
    /// A process of Erlang: a fixed one stands in for it.
    Process,
    /// Such processes of these nodes.
    Processes(Vec<String>),
    /// An address: a fixed one stands in for it.
    Address,
    /// The version of AMQP.
    Protocol,
}

impl From<&str> for Cell {
    fn from(text: &str) -> Cell {
        Cell::Text(text.to_owned())
    }
}

impl From<&Option<String>> for Cell {
    fn from(text: &Option<String>) -> Cell {
        Cell::Text(text.clone().unwrap_or_default())
    }
}

impl Cell {
    /// Nothing is known.
    pub fn nothing() -> Cell {
        Cell::Text(String::new())
    }

    /// As it stands in a table.
    pub fn text(&self) -> String {
        match self {
            Cell::Text(text) => text.clone(),
            Cell::Number(number) => number.to_string(),
            Cell::Share(share) => format!("{share:?}"),
            Cell::Signed(number) => number.to_string(),
            Cell::Truth(truth) => truth.to_string(),
            Cell::Arguments(arguments) => table_term(arguments),
            Cell::Nodes(nodes) => {
                let names: Vec<String> = nodes.iter().map(|node| node_name(node)).collect();
                format!("[{}]", names.join(", "))
            }
            Cell::Process => process("rabbit-1"),
            Cell::Processes(nodes) => {
                let all: Vec<String> = nodes.iter().map(|node| process(node)).collect();
                format!("[{}]", all.join(", "))
            }
            Cell::Address => "127.0.0.1".into(),
            Cell::Protocol => "{0,9,1}".into(),
        }
    }

    /// As JSON.
    pub fn json(&self) -> String {
        match self {
            Cell::Text(text) => quoted(text),
            Cell::Arguments(arguments) => table_json(arguments),
            Cell::Nodes(nodes) => list(nodes.iter().map(|node| quoted(&node_name(node)))),
            Cell::Process => quoted("Pid(#PID<12700.1000.0>)"),
            Cell::Processes(nodes) => list(nodes.iter().map(|_| quoted("Pid(#PID<12700.1000.0>)"))),
            Cell::Address => "[127,0,0,1]".into(),
            Cell::Protocol => "[0,9,1]".into(),
            bare => bare.text(),
        }
    }
}

fn process(node: &str) -> String {
    format!("<{}.1700000000.1000.0>", node_name(node))
}

fn quoted(text: &str) -> String {
    json_text(&Argument::Text(text.to_owned()))
}

fn list(parts: impl Iterator<Item = String>) -> String {
    format!("[{}]", parts.collect::<Vec<_>>().join(","))
}

// ---- terms of Erlang ----

fn table_term(arguments: &Arguments) -> String {
    list(arguments.iter().map(|(name, value)| format!("{{{name:?},{}}}", term(value))))
}

/// A text is a list of characters to Erlang: the empty one is an empty list.
fn term(value: &Argument) -> String {
    match value {
        Argument::Void => "undefined".into(),
        Argument::Text(text) if text.is_empty() => "[]".into(),
        Argument::List(values) => list(values.iter().map(term)),
        Argument::Table(table) => table_term(table),
        plain => json_text(plain),
    }
}

// ---- JSON ----

fn table_json(arguments: &Arguments) -> String {
    let triple = |(name, value): (&String, &Argument)| {
        list([quoted(name), quoted(type_of(value)), value_json(value)].into_iter())
    };
    list(arguments.iter().map(triple))
}

/// What the management interface makes of a value.
fn type_of(value: &Argument) -> &'static str {
    match value {
        Argument::Void => "void",
        Argument::Boolean(_) => "bool",
        Argument::Integer(_) => "long",
        Argument::Double(_) => "double",
        Argument::Text(_) => "longstr",
        Argument::List(_) => "array",
        Argument::Timestamp(_) => "timestamp",
        Argument::Table(_) => "table",
    }
}

/// A list of values comes as pairs of type and value, which the tool takes for an object: of each
/// type the last one is left.
fn value_json(value: &Argument) -> String {
    match value {
        Argument::Void => quoted("undefined"),
        Argument::Table(table) => table_json(table),
        Argument::List(values) if values.is_empty() => "[]".into(),
        Argument::List(values) => {
            let last: BTreeMap<&str, &Argument> =
                values.iter().map(|value| (type_of(value), value)).collect();
            let parts = last.iter().map(|(kind, it)| format!("\"{kind}\":{}", value_json(it)));
            format!("{{{}}}", parts.collect::<Vec<_>>().join(","))
        }
        plain => json_text(plain),
    }
}
