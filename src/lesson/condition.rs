//! What a lesson asks of the lab: a predicate or a path of the lab's language.

use serde_json::Value;

/// Stands in for the `Lookup` of the lab's predicates until that is here.
pub trait Lookup {
    /// The value of an expression of the predicate language.
    fn evaluate(&self, expression: &str) -> Result<Value, String>;
}

/// A predicate or a path, with its left side apart, so that its value can be shown.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// As it was written.
    pub text: String,
    /// The left side of its only comparison; the whole text if there is none or more than one.
    pub left: String,
    /// True if it compares: then it is an assertion and not only a value to show.
    pub compares: bool,
}

impl Condition {
    /// Reads it.
    pub fn parse(text: &str) -> Result<Condition, String> {
        Ok(Condition { text: text.into(), left: text.into(), compares: true })
    }

    /// Whether it holds. A path without a comparison holds if it has a value. What cannot be
    /// evaluated does not hold: a queue that is not there yet has no messages ready.
    pub fn holds(&self, lookup: &impl Lookup) -> bool {
        match lookup.evaluate(&self.text) {
            Ok(Value::Bool(holds)) => holds,
            Ok(value) => !self.compares && !value.is_null(),
            Err(_) => false,
        }
    }

    /// The value of its left side, as text; `None` if it has none.
    pub fn value(&self, lookup: &impl Lookup) -> Option<String> {
        match lookup.evaluate(&self.left) {
            Ok(Value::Null) | Err(_) => None,
            Ok(Value::String(text)) => Some(text),
            Ok(value) => Some(value.to_string()),
        }
    }
}
