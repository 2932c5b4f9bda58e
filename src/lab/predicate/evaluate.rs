//! The value of an expression.

use super::{Expression, Key, Lookup, Operator};
use serde_json::Value;
use std::cmp::Ordering;

/// Whole numbers up to here are exact in a double.
const EXACT_MAX: f64 = 9_007_199_254_740_992.0;

type Evaluated = Result<Value, String>;

pub(super) fn evaluate(expression: &Expression, lookup: &impl Lookup) -> Evaluated {
    Evaluation { lookup }.value(expression, &Value::Null)
}

/// What is at the end of these keys, if it is there. Behind [`Key::Each`] that is a list.
pub fn walk(value: &Value, keys: &[Key]) -> Option<Value> {
    let Some((key, rest)) = keys.split_first() else { return Some(value.clone()) };
    match key {
        Key::Name(name) => walk(value.get(name)?, rest),
        Key::Index(index) => walk(value.get(index)?, rest),
        Key::Each => {
            let flat = rest.contains(&Key::Each);
            let found = elements(value)?.into_iter().map(|v| walk(v, rest).unwrap_or(Value::Null));
            let mut all = Vec::new();
            for value in found {
                match value {
                    Value::Array(inner) if flat => all.extend(inner),
                    other => all.push(other),
                }
            }
            Some(Value::Array(all))
        }
    }
}

/// The elements of a list, or the values of a map.
fn elements(value: &Value) -> Option<Vec<&Value>> {
    match value {
        Value::Array(list) => Some(list.iter().collect()),
        Value::Object(map) => Some(map.values().collect()),
        _ => None,
    }
}

/// A number as JSON has it: whole where it is whole; `null` if it is none.
pub(super) fn number(value: f64) -> Value {
    if value.fract() == 0.0 && value.abs() <= EXACT_MAX {
        return if value < 0.0 { (value as i64).into() } else { (value as u64).into() };
    }
    value.into()
}

struct Evaluation<'a, L> {
    lookup: &'a L,
}

impl<L: Lookup> Evaluation<'_, L> {
    /// `it` is the element that the nearest `all` or `any` around is looking at.
    fn value(&self, expression: &Expression, it: &Value) -> Evaluated {
        match expression {
            Expression::Literal(value) => Ok(value.clone()),
            Expression::Path(path) => Ok(self.lookup.value(path).unwrap_or(Value::Null)),
            Expression::It(path) => Ok(walk(it, &path.keys).unwrap_or(Value::Null)),
            Expression::List(list) => list
                .iter()
                .map(|inner| self.value(inner, it))
                .collect::<Result<_, _>>()
                .map(Value::Array),
            Expression::Not(inner) => Ok((!truth(&self.value(inner, it)?)?).into()),
            Expression::Negative(inner) => match self.value(inner, it)? {
                Value::Null => Ok(Value::Null),
                value => Ok(number(-as_number(&value, "behind -")?)),
            },
            Expression::Pair(operator, left, right) => self.pair(*operator, left, right, it),
            Expression::Count(name) => Ok(self.lookup.count(name).into()),
            Expression::Size(inner) => match self.value(inner, it)? {
                Value::Null => Ok(0.into()),
                Value::String(text) => Ok(text.chars().count().into()),
                value => match elements(&value) {
                    Some(all) => Ok(all.len().into()),
                    None => Err(format!("found {value}, expected a list in size(...)")),
                },
            },
            Expression::Sum(inner) => {
                let value = self.value(inner, it)?;
                let Some(all) = elements(&value).or_else(|| value.is_null().then(Vec::new)) else {
                    return Err(format!("found {value}, expected a list in sum(...)"));
                };
                let numbers = all.into_iter().filter(|v| !v.is_null());
                let sum = numbers.map(|v| as_number(v, "in sum(...)")).sum::<Result<f64, _>>()?;
                Ok(number(sum))
            }
            Expression::Quantified { all, list, each } => {
                let list = self.value(list, it)?;
                self.quantified(*all, &list, each.as_deref()).map(Value::Bool)
            }
        }
    }

    fn quantified(
        &self,
        all: bool,
        list: &Value,
        each: Option<&Expression>,
    ) -> Result<bool, String> {
        // What is not there compares to a single false; nothing is said of all of nothing.
        if list.is_null() || (each.is_none() && list.is_boolean()) {
            return truth(list);
        }
        let name = if all { "all" } else { "any" };
        let Some(elements) = elements(list) else {
            return Err(format!("found {list}, expected a list in {name}(...)"));
        };
        for element in elements {
            let holds = match each {
                Some(each) => truth(&self.value(each, element)?)?,
                None => truth(element)?,
            };
            if holds != all {
                return Ok(holds);
            }
        }
        Ok(all)
    }

    fn pair(&self, by: Operator, left: &Expression, right: &Expression, it: &Value) -> Evaluated {
        let left = self.value(left, it)?;
        match by {
            Operator::Or if truth(&left)? => return Ok(true.into()),
            Operator::And if !truth(&left)? => return Ok(false.into()),
            _ => {}
        }
        let right = self.value(right, it)?;
        match by {
            Operator::Or | Operator::And => Ok(truth(&right)?.into()),
            Operator::Plus | Operator::Minus | Operator::Times => reckon(by, &left, &right),
            Operator::Divided | Operator::Remainder => reckon(by, &left, &right),
            _ => compare_all(by, &left, &right),
        }
    }
}

/// A truth value; what is not there is not true.
fn truth(value: &Value) -> Result<bool, String> {
    match value {
        Value::Bool(truth) => Ok(*truth),
        Value::Null => Ok(false),
        other => Err(format!("found {other}, expected true or false")),
    }
}

fn as_number(value: &Value, place: &str) -> Result<f64, String> {
    value.as_f64().ok_or_else(|| format!("found {value}, expected a number {place}"))
}

fn reckon(by: Operator, left: &Value, right: &Value) -> Evaluated {
    if left.is_null() || right.is_null() {
        return Ok(Value::Null);
    }
    let place = format!("beside {by}");
    let (a, b) = (as_number(left, &place)?, as_number(right, &place)?);
    let result = match by {
        Operator::Plus => a + b,
        Operator::Minus => a - b,
        Operator::Times => a * b,
        Operator::Divided if b == 0.0 => return Err(format!("{left} / 0 has no value")),
        Operator::Remainder if b == 0.0 => return Err(format!("{left} % 0 has no value")),
        Operator::Divided => a / b,
        _ => a % b,
    };
    Ok(number(result))
}

/// Something to compare each element of a list with.
fn is_single(value: &Value) -> bool {
    !value.is_array() && !value.is_null()
}

/// Compares two values, or a list element by element with a single value.
fn compare_all(by: Operator, left: &Value, right: &Value) -> Evaluated {
    let both = |result: Result<Vec<Value>, String>| result.map(Value::Array);
    match (left, right) {
        (Value::Array(list), single) if is_single(single) => {
            both(list.iter().map(|v| compare(by, v, single).map(Value::Bool)).collect())
        }
        (single, Value::Array(list)) if is_single(single) => {
            both(list.iter().map(|v| compare(by, single, v).map(Value::Bool)).collect())
        }
        _ => compare(by, left, right).map(Value::Bool),
    }
}

fn compare(by: Operator, left: &Value, right: &Value) -> Result<bool, String> {
    let equal = || match (left.as_f64(), right.as_f64()) {
        (Some(a), Some(b)) => a == b,
        _ => left == right,
    };
    let order = match by {
        Operator::Equal => return Ok(equal()),
        Operator::Unequal => return Ok(!equal()),
        _ if left.is_null() || right.is_null() => return Ok(false),
        _ => match (left, right) {
            (Value::Number(a), Value::Number(b)) => {
                let (a, b) = (a.as_f64(), b.as_f64());
                a.partial_cmp(&b).unwrap_or(Ordering::Equal)
            }
            (Value::String(a), Value::String(b)) => a.cmp(b),
            _ => {
                return Err(format!(
                    "found {left} {by} {right}, expected two numbers or two strings"
                ));
            }
        },
    };
    Ok(match by {
        Operator::Less => order.is_lt(),
        Operator::LessOrEqual => order.is_le(),
        Operator::Greater => order.is_gt(),
        _ => order.is_ge(),
    })
}
