//! What a choice of a prediction says in figures: those of its comparisons that have a number on
//! their right side. So a bet can be drawn beside what came.

use super::condition::{Condition, Lookup};

/// A comparison with a number.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// The sign between both sides.
    pub sign: &'static str,
    /// The number.
    pub value: f64,
    condition: Condition,
}

/// Signs of comparisons, the longer ones first.
const SIGNS: [&str; 6] = ["==", "!=", "<=", ">=", "<", ">"];

/// The figures of a condition, if all of it is to hold at once; none of one with alternatives.
pub fn figures(condition: &Condition) -> Vec<Figure> {
    if condition.text.contains("||") {
        return Vec::new();
    }
    condition.text.split("&&").filter_map(figure).collect()
}

fn figure(text: &str) -> Option<Figure> {
    let text = text.trim();
    let inner = text.strip_prefix('(').and_then(|text| text.strip_suffix(')')).unwrap_or(text);
    // What is in brackets may be a part of the left side alone.
    let (text, condition) = match Condition::parse(inner) {
        Ok(condition) => (inner, condition),
        Err(_) => (text, Condition::parse(text).ok()?),
    };
    let rest = text.trim().strip_prefix(&*condition.left)?.trim();
    let sign = *SIGNS.iter().find(|sign| rest.starts_with(**sign))?;
    let value = rest[sign.len()..].trim().parse().ok()?;
    Some(Figure { sign, value, condition })
}

impl Figure {
    /// What it is about: the left side.
    pub fn left(&self) -> &str {
        &self.condition.left
    }

    /// The value of the left side now, if it has one that is a number.
    pub fn came(&self, lookup: &impl Lookup) -> Option<f64> {
        self.condition.value(lookup)?.parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Vec<(String, &'static str, f64)> {
        let figures = figures(&Condition::parse(text).expect("a condition"));
        figures.iter().map(|f| (f.left().to_owned(), f.sign, f.value)).collect()
    }

    #[test]
    fn each_comparison_with_a_number_is_a_figure() {
        let lag = "kafka.group(\"g\").lag".to_owned();
        assert_eq!(
            of("kafka.group(\"g\").lag <= 200 && kafka.group(\"g\").lag >= 150"),
            [(lag.clone(), "<=", 200.0), (lag, ">=", 150.0)]
        );
        assert_eq!(of("(done(a) > 0) && done(b) == 2").len(), 2);
        assert_eq!(of("done(a) + done(b) == 16"), [("done(a) + done(b)".to_owned(), "==", 16.0)]);
    }

    #[test]
    fn words_and_alternatives_are_none() {
        assert_eq!(of("client(\"cr\").status == \"running\""), []);
        assert_eq!(of("done(a) == 1 || done(a) == 2"), []);
        assert_eq!(of("done(a) == done(b)"), []);
    }
}
