//! Text to tokens, each with its column.

use super::PredicateError;
use serde_json::Value;

/// Units of durations, in microseconds.
const UNITS: [(&str, f64); 6] =
    [("us", 1.0), ("ms", 1e3), ("s", 1e6), ("m", 6e7), ("h", 3.6e9), ("d", 8.64e10)];

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    Number(Value),
    Text(String),
    Word(String),
    Mark(&'static str),
    End,
}

impl Token {
    pub(super) fn found(&self) -> String {
        match self {
            Token::Number(value) => value.to_string(),
            Token::Text(text) => Value::from(text.as_str()).to_string(),
            Token::Word(word) => word.clone(),
            Token::Mark(mark) => (*mark).into(),
            Token::End => "the end".into(),
        }
    }
}

/// Longer marks before those that they begin with.
const MARKS: [&str; 21] = [
    "==", "!=", "<=", ">=", "&&", "||", "<", ">", "!", "+", "-", "*", "/", "%", "(", ")", "[", "]",
    ",", ".", "=",
];

pub(super) fn error(
    column: usize,
    found: impl Into<String>,
    expected: impl Into<String>,
) -> PredicateError {
    PredicateError { column, found: found.into(), expected: expected.into(), near: None }
}

/// The tokens with their columns.
pub(super) fn lex(text: &str) -> Result<Vec<(Token, usize)>, PredicateError> {
    let characters: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(&first) = characters.get(at) {
        let rest = &characters[at..];
        let column = at + 1;
        let (token, length) = match first {
            c if c.is_whitespace() => {
                at += 1;
                continue;
            }
            c if c.is_ascii_digit() => lex_number(rest, column)?,
            '"' | '\'' => lex_text(rest, column)?,
            c if c.is_ascii_alphabetic() || c == '_' => {
                let is_part = |c: &&char| c.is_ascii_alphanumeric() || **c == '_';
                let word: String = rest.iter().take_while(is_part).collect();
                let length = word.len();
                (Token::Word(word), length)
            }
            _ => {
                let starts = |mark: &&&str| mark.chars().zip(rest).all(|(a, b)| a == *b);
                let fits = |mark: &&&str| mark.len() <= rest.len();
                match MARKS.iter().filter(fits).find(starts) {
                    Some(&"=") => return Err(error(column, "=", "== to compare")),
                    Some(mark) => (Token::Mark(mark), mark.len()),
                    None => return Err(error(column, first, "a name, a value or an operator")),
                }
            }
        };
        tokens.push((token, column));
        at += length;
    }
    tokens.push((Token::End, characters.len() + 1));
    Ok(tokens)
}

/// A number, or a duration as its microseconds.
fn lex_number(rest: &[char], column: usize) -> Result<(Token, usize), PredicateError> {
    let digits = rest.iter().take_while(|c| c.is_ascii_digit() || **c == '.').count();
    // A point that no digit follows is not part of the number.
    let digits = if rest[digits - 1] == '.' { digits - 1 } else { digits };
    let unit = rest[digits..].iter().take_while(|c| c.is_ascii_alphanumeric()).count();
    let number: String = rest[..digits].iter().collect();
    let unit_name: String = rest[digits..digits + unit].iter().collect();
    let found = format!("{number}{unit_name}");
    let value: f64 = number.parse().map_err(|_| error(column, &found, "a number"))?;
    let value = match &*unit_name {
        "" => value,
        name => match UNITS.iter().find(|(unit, _)| *unit == name) {
            Some((_, factor)) => (value * factor).round(),
            None => return Err(error(column, &found, "a number, or a duration in us ms s m h d")),
        },
    };
    let value = super::evaluate::number(value);
    if value.is_null() {
        return Err(error(column, &found, "a smaller number"));
    }
    Ok((Token::Number(value), digits + unit))
}

fn lex_text(rest: &[char], column: usize) -> Result<(Token, usize), PredicateError> {
    let quote = rest[0];
    let mut text = String::new();
    let mut at = 1;
    while let Some(&c) = rest.get(at) {
        at += 1;
        match c {
            c if c == quote => return Ok((Token::Text(text), at)),
            '\\' if rest.get(at).is_some_and(|next| *next == quote || *next == '\\') => {
                text.push(rest[at]);
                at += 1;
            }
            c => text.push(c),
        }
    }
    Err(error(column, "an open quote", format!("{quote} before the end")))
}
