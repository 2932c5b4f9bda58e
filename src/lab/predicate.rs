//! Predicates over the lab's state: `kafka.group("g").lag == 0 && ledger.lost == 0`.
//!
//! A predicate is asked of the same data that `state` prints. It never loops and never does
//! unbounded work: what it may look at is named when it is parsed, so that a name that does not
//! exist is an error at once, with its column and the nearest name that does.
//!
//! | form | meaning |
//! |---|---|
//! | `ledger.kafka.lost` | a field; all fields that exist are listed in [`shape`] |
//! | `kafka.topic("t")`, `kafka.partition("t", 0)`, `kafka.group("g")`, `kafka.broker("kafka-1")`, `rabbit.queue("q")`, `rabbit.exchange("x")`, `rabbit.node("rabbit-1")`, `client("c")` | one of many, by name; a single word needs no quotes: `client(c)` |
//! | `kafka.topics["t"]`, `client(c).position["t-0"]`, `kafka.topic(t).partitions[0]` | the same, by index |
//! | `rabbit.queues.ready` | the field of each: a list |
//! | `done(c)`, `got(c)`, `held(c)` | short for `client(c).done` and so on |
//! | `time` | virtual time in microseconds, as durations are: `time >= 5s` |
//! | `5`, `0.5`, `50ms`, `"text"`, `true`, `false`, `null`, `[1, 2]` | values |
//! | `== != < <= > >=`, `&&`, `\|\|`, `!`, `+ - * / %`, `( )` | as everywhere; comparisons do not chain |
//! | `count("kafka.fetched")` | events of this name since the beginning |
//! | `size(x)`, `sum(x)` | how many elements (or characters); the sum of a list's numbers |
//! | `all(x)`, `any(x)` | whether all, or any, of a list of truth values hold |
//! | `all(x, it.lag == 0)`, `any(x, ...)` | the same for what is said of each element, called `it` |
//!
//! A list beside a single value is compared element by element: `all(rabbit.queues.ready == 0)`.
//! What is not there (yet) is `null`: a queue that nobody declared, a group without members. It
//! equals only `null`, is neither less nor greater than anything, and as a truth value it is false.

mod evaluate;
mod parse;
pub mod shape;
mod token;

use serde_json::Value;
use std::fmt;

pub use evaluate::walk;

/// A predicate's text may have at most so many bytes.
pub const TEXT_BYTES_MAX: usize = 4096;
/// Parentheses, calls and operators may be nested at most so deep.
pub const DEPTH_MAX: usize = 64;
/// A predicate may have at most so many parts.
pub const NODES_MAX: usize = 500;

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
    /// A number, string, duration (in microseconds) or truth value.
    Literal(Value),
    /// A place in the lab's state.
    Path(Path),
    /// `it`, the element that `all` or `any` is looking at, and a place in it.
    It(Path),
    /// A list that was written out.
    List(Vec<Expression>),
    /// `!`: true becomes false.
    Not(Box<Expression>),
    /// `-`: less than nothing.
    Negative(Box<Expression>),
    /// Two parts and what joins them.
    Pair(Operator, Box<Expression>, Box<Expression>),
    /// `count("...")`: events of this name.
    Count(String),
    /// `size(x)`.
    Size(Box<Expression>),
    /// `sum(x)`.
    Sum(Box<Expression>),
    /// `all(list)` or `any(list)`, with what is said of each element.
    Quantified {
        /// True for `all`, false for `any`.
        all: bool,
        /// The list.
        list: Box<Expression>,
        /// What is said of each element; its own truth if `None`.
        each: Option<Box<Expression>>,
    },
}

/// What joins two parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operator {
    /// `||`
    Or,
    /// `&&`
    And,
    /// `==`
    Equal,
    /// `!=`
    Unequal,
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterOrEqual,
    /// `+`
    Plus,
    /// `-`
    Minus,
    /// `*`
    Times,
    /// `/`
    Divided,
    /// `%`
    Remainder,
}

/// A place in the lab's state, as the keys that lead to it: `kafka.group("g").lag` is
/// `kafka`, `groups`, `g`, `lag`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Path {
    /// The keys from the whole state down.
    pub keys: Vec<Key>,
}

/// One step of a [`Path`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    /// A field, or one of many by its name.
    Name(String),
    /// One of a list, from 0.
    Index(usize),
    /// All elements of a list, or all values of a map.
    Each,
}

/// What predicates are asked of.
pub trait Lookup {
    /// What is at this place of the state; `None` if it is not there.
    fn value(&self, path: &Path) -> Option<Value>;
    /// How many events of this name there have been.
    fn count(&self, event: &str) -> u64;
}

/// Why a text is no predicate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PredicateError {
    /// Where, in characters from 1.
    pub column: usize,
    /// What was found there.
    pub found: String,
    /// What was expected.
    pub expected: String,
    /// The nearest known word.
    pub near: Option<String>,
}

impl Predicate {
    /// Parses a text that must be true or false.
    pub fn parse(text: &str) -> Result<Predicate, PredicateError> {
        Ok(Predicate { expression: Expression::parse(text)?, text: text.trim().to_owned() })
    }

    /// Whether it holds. The error is a sentence: what was found and what was expected.
    pub fn holds(&self, lookup: &impl Lookup) -> Result<bool, String> {
        match self.expression.evaluate(lookup)? {
            Value::Bool(truth) => Ok(truth),
            Value::Null => Ok(false),
            Value::Array(_) => Err(format!(
                "found a list, expected true or false; all(...), any(...) or size(...) makes one \
                 value of it: {}",
                self.text
            )),
            other => Err(format!("found {other}, expected true or false: {}", self.text)),
        }
    }
}

impl Expression {
    /// Parses a text that may have any value: a predicate, or the path behind `state`.
    pub fn parse(text: &str) -> Result<Expression, PredicateError> {
        parse::parse(text)
    }

    /// Its value. The error is a sentence: what was found and what was expected.
    pub fn evaluate(&self, lookup: &impl Lookup) -> Result<Value, String> {
        evaluate::evaluate(self, lookup)
    }
}

impl fmt::Display for PredicateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "column {}: found {}, expected {}", self.column, self.found, self.expected)?;
        match &self.near {
            Some(near) => write!(f, "; did you mean {near}?"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Operator::Or => "||",
            Operator::And => "&&",
            Operator::Equal => "==",
            Operator::Unequal => "!=",
            Operator::Less => "<",
            Operator::LessOrEqual => "<=",
            Operator::Greater => ">",
            Operator::GreaterOrEqual => ">=",
            Operator::Plus => "+",
            Operator::Minus => "-",
            Operator::Times => "*",
            Operator::Divided => "/",
            Operator::Remainder => "%",
        })
    }
}

#[cfg(test)]
mod tests;
