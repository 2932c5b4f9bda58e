//! Predicates over the lab's state: `kafka.group("g").lag == 0 && ledger.lost == 0`.

use super::session::Session;

/// A predicate that was parsed.
#[derive(Clone, Debug, PartialEq)]
pub struct Predicate {
    /// What it says.
    pub expression: Expression,
    /// The text it was parsed from.
    pub text: String,
}

/// A part of a predicate.
#[derive(Clone, Debug, PartialEq)]
pub enum Expression {
    /// A number, string, duration or truth value.
    Literal(serde_json::Value),
}

impl Predicate {
    /// True if it holds now.
    pub fn holds(&self, session: &Session) -> Result<bool, String> {
        Ok(self.expression.value(session)? == serde_json::Value::Bool(true))
    }
}

impl Expression {
    /// Its value now.
    pub fn value(&self, _session: &Session) -> Result<serde_json::Value, String> {
        let Expression::Literal(value) = self;
        Ok(value.clone())
    }
}
