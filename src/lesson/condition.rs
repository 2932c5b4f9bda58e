//! What a lesson asks of the lab: a predicate or a path of the lab's language.

pub use crate::lab::predicate::Lookup;
use crate::lab::predicate::{Expression, Operator, PredicateError};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A predicate or a path, with its left side apart, so that its value can be shown. As data it is
/// its text.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Condition {
    /// As it was written.
    pub text: String,
    /// The left side of its comparison; all of it if it is no single comparison.
    pub left: String,
    /// False if it is only a value to show, and holds nothing or another.
    pub compares: bool,
    whole: Expression,
    shown: Expression,
}

impl Condition {
    /// Reads it.
    pub fn parse(text: &str) -> Result<Condition, PredicateError> {
        let text = text.trim();
        let whole = Expression::parse(text)?;
        let (shown, left) = match &whole {
            Expression::Pair(operator, left, _) if is_comparison(*operator) => {
                ((**left).clone(), left_text(text, left).unwrap_or(text))
            }
            all => (all.clone(), text),
        };
        let compares = matches!(&whole, Expression::Pair(operator, ..) if is_truth(*operator))
            || matches!(&whole, Expression::Not(_) | Expression::Quantified { .. });
        Ok(Condition { text: text.into(), left: left.into(), compares, whole, shown })
    }

    /// Whether it holds. A value without a comparison holds if it is there. What cannot be
    /// evaluated does not hold.
    pub fn holds(&self, lookup: &impl Lookup) -> bool {
        match self.whole.evaluate(lookup) {
            Ok(Value::Bool(holds)) if self.compares => holds,
            Ok(value) => !self.compares && !value.is_null(),
            Err(_) => false,
        }
    }

    /// The value of its left side, as text; `None` if it has none.
    pub fn value(&self, lookup: &impl Lookup) -> Option<String> {
        match self.shown.evaluate(lookup) {
            Ok(Value::Null) | Err(_) => None,
            Ok(Value::String(text)) => Some(text),
            Ok(value) => Some(value.to_string()),
        }
    }
}

impl TryFrom<String> for Condition {
    type Error = PredicateError;

    fn try_from(text: String) -> Result<Condition, PredicateError> {
        Condition::parse(&text)
    }
}

impl From<Condition> for String {
    fn from(condition: Condition) -> String {
        condition.text
    }
}

fn is_comparison(operator: Operator) -> bool {
    use Operator::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, Unequal};
    matches!(operator, Equal | Unequal | Less | LessOrEqual | Greater | GreaterOrEqual)
}

fn is_truth(operator: Operator) -> bool {
    is_comparison(operator) || matches!(operator, Operator::And | Operator::Or)
}

/// The part of the text that reads as the left side: it ends before one of the operators.
fn left_text<'a>(text: &'a str, left: &Expression) -> Option<&'a str> {
    let marks = text.char_indices().filter(|(_, letter)| "=!<>".contains(*letter));
    let mut parts = marks.map(|(index, _)| text[..index].trim());
    parts.find(|part| Expression::parse(part).is_ok_and(|found| found == *left))
}

#[cfg(test)]
mod tests {
    use super::Condition;

    #[test]
    fn knows_its_left_side() {
        let left = |text: &str| Condition::parse(text).unwrap().left;
        assert_eq!(left("rabbit.queue(\"a=b\").ready >= 24"), "rabbit.queue(\"a=b\").ready");
        assert_eq!(left("count(\"kafka.fetched\") == 0"), "count(\"kafka.fetched\")");
        assert_eq!(left("got(a) == 1 && got(b) == 0"), "got(a) == 1 && got(b) == 0");
        assert_eq!(left("kafka.groups_stable"), "kafka.groups_stable");
    }

    #[test]
    fn a_path_shows_and_a_predicate_asserts() {
        let compares = |text: &str| Condition::parse(text).unwrap().compares;
        assert!(!compares("held(cr)") && !compares("held(cr) + 1"));
        assert!(compares("held(cr) == 1") && compares("all(rabbit.queues.ready == 0)"));
        assert!(Condition::parse("rabit.queue(q).ready").is_err());
    }
}
