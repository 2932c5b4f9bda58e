//! Predicates over the lab's state: `kafka.group("g").lag == 0 && ledger.lost == 0`.

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
