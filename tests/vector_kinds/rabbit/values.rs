//! Values of the vectors: as arguments of AMQP, and compared.

use pushpull::rabbit::command::Argument;
use pushpull::rabbit::message::Arguments;
use serde_json::Value;

pub fn entries(map: Option<&Value>) -> impl Iterator<Item = (&String, &Value)> {
    map.and_then(Value::as_object).into_iter().flatten()
}

/// Demands that two values are the same.
pub fn same(wanted: &Value, is: &Value, what: &str) -> Result<(), String> {
    if wanted == is { Ok(()) } else { Err(format!("{what}: wanted {wanted}, is {is}")) }
}

/// A table of the step language: strings, integers, `{"double": x}`, booleans, null, lists, tables.
pub fn arguments(table: Option<&Value>) -> Arguments {
    entries(table).map(|(name, value)| (name.clone(), argument(value))).collect()
}

/// A value of a table as JSON.
pub fn plain(value: &Argument) -> Value {
    match value {
        Argument::Void => Value::Null,
        Argument::Boolean(value) => (*value).into(),
        Argument::Integer(value) => (*value).into(),
        Argument::Timestamp(value) => (*value).into(),
        Argument::Double(value) => (*value).into(),
        Argument::Text(text) => text.clone().into(),
        Argument::List(list) => list.iter().map(plain).collect(),
        Argument::Table(table) => {
            Value::Object(table.iter().map(|(name, value)| (name.clone(), plain(value))).collect())
        }
    }
}

pub fn argument(value: &Value) -> Argument {
    match value {
        Value::Null => Argument::Void,
        Value::Bool(value) => Argument::Boolean(*value),
        Value::Number(number) => match number.as_i64() {
            Some(integer) => Argument::Integer(integer),
            None => Argument::Double(number.as_f64().unwrap_or_default()),
        },
        Value::String(text) => Argument::Text(text.clone()),
        Value::Array(list) => Argument::List(list.iter().map(argument).collect()),
        Value::Object(object) => match object.get("double").and_then(Value::as_f64) {
            Some(double) => Argument::Double(double),
            None => Argument::Table(arguments(Some(value))),
        },
    }
}
