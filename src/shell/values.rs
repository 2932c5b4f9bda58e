//! Values of options: durations, rates, numbers within limits, keys, settings, JSON.

use super::error::{Mistake, Refusal};
use super::lexer::Word;
use crate::lab::predicate::PredicateError;
use crate::ordered::BTreeMap;
use crate::rabbit::command::Argument;
use crate::sim::Span;
use std::ops::RangeInclusive;

/// The longest duration that is taken.
pub const SPAN_MAX: Span = Span::seconds(366 * 86_400);

/// At most so many keys are taken in turn.
pub const KEYS_MAX: usize = 10_000;

/// The name of a client may have at most so many characters.
const NAME_MAX: usize = 64;

/// Units of durations, in microseconds.
const UNITS: [(&str, u64); 6] = [
    ("us", 1),
    ("ms", 1_000),
    ("s", 1_000_000),
    ("m", 60_000_000),
    ("h", 3_600_000_000),
    ("d", 86_400_000_000),
];

/// A word that is not what was expected.
pub fn wrong(word: &Word, expected: impl Into<String>) -> Refusal {
    Mistake::at(word.place, &word.text, expected).into()
}

/// An error inside of a predicate, at its place in the line.
pub fn inside(word: &Word, error: PredicateError) -> Refusal {
    let mut place = word.place;
    place.column += error.column - 1 + usize::from(word.quoted);
    let mut mistake = Mistake::at(place, &error.found, error.expected);
    mistake.near = error.near;
    mistake.into()
}

/// A whole number within limits.
pub fn number(word: &Word, limits: RangeInclusive<u64>) -> Result<u64, Refusal> {
    let (least, most) = (*limits.start(), *limits.end());
    match word.text.parse::<u64>() {
        Ok(value) if limits.contains(&value) => Ok(value),
        _ => Err(wrong(word, format!("a whole number from {least} to {most}"))),
    }
}

/// The name of a client: letters of ASCII, digits, `-`, `_` and `.`.
pub fn name(word: &Word) -> Result<String, Refusal> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let fits = !word.text.is_empty() && word.text.chars().count() <= NAME_MAX;
    match fits && word.text.chars().all(is_part) {
        true => Ok(word.text.clone()),
        false => Err(wrong(word, format!("a name: 1 to {NAME_MAX} of a-z A-Z 0-9 . _ -"))),
    }
}

/// `a,b`: no part of it empty.
pub fn list(word: &Word) -> Result<Vec<String>, Refusal> {
    let parts: Vec<String> = word.text.split(',').map(str::to_owned).collect();
    match parts.iter().any(String::is_empty) {
        true => Err(wrong(word, "words separated by commas")),
        false => Ok(parts),
    }
}

/// The parts of several such words.
pub fn lists(words: &[&Word]) -> Result<Vec<String>, Refusal> {
    let parts: Vec<Vec<String>> = words.iter().map(|word| list(word)).collect::<Result<_, _>>()?;
    Ok(parts.into_iter().flatten().collect())
}

/// `10000`, `64KiB`, `10MB`: a number of bytes.
pub fn bytes(word: &Word, most: u64) -> Result<u64, Refusal> {
    const UNITS: [(&str, u64); 9] = [
        ("", 1),
        ("B", 1),
        ("kB", 1_000),
        ("KB", 1_000),
        ("MB", 1_000_000),
        ("GB", 1_000_000_000),
        ("KiB", 1 << 10),
        ("MiB", 1 << 20),
        ("GiB", 1 << 30),
    ];
    let digits = word.text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = UNITS.iter().find(|(name, _)| *name == &word.text[digits.len()..]);
    let bytes = unit.and_then(|(_, factor)| digits.parse::<u64>().ok()?.checked_mul(*factor));
    match bytes {
        Some(bytes) if bytes <= most => Ok(bytes),
        Some(_) => Err(wrong(word, format!("at most {most} bytes"))),
        None => Err(wrong(word, "a number of bytes such as 10000, 64KiB or 10MB")),
    }
}

/// A whole number that may be negative.
pub fn integer(word: &Word) -> Result<i64, Refusal> {
    word.text.parse().map_err(|_| wrong(word, "a whole number"))
}

/// `true` or `false`.
pub fn truth(word: &Word) -> Result<bool, Refusal> {
    match &*word.text {
        "true" => Ok(true),
        "false" => Ok(false),
        _ => Err(wrong(word, "true or false")),
    }
}

/// One of these words.
pub fn one_of<'a>(word: &Word, known: &[&'a str]) -> Result<&'a str, Refusal> {
    known.iter().find(|known| **known == word.text).copied().ok_or_else(|| {
        let expected = known.join(", ");
        Mistake::at(word.place, &word.text, expected).near(known.iter().copied()).into()
    })
}

/// The microseconds of a duration; `None` if the text is none.
fn microseconds(text: &str) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.')?;
    let (number, unit) = text.split_at(digits);
    let (_, factor) = UNITS.iter().find(|(name, _)| *name == unit)?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let whole: u64 = whole.parse().ok()?;
    if fraction.is_empty() || fraction.len() > 9 {
        return None;
    }
    let scale = 10_u64.pow(fraction.len() as u32);
    let part = fraction.parse::<u64>().ok()?.checked_mul(*factor)?;
    // What is finer than a microsecond is no duration of the lab.
    if part % scale != 0 {
        return None;
    }
    whole.checked_mul(*factor)?.checked_add(part / scale)
}

/// `250ms`, `1.5s`.
pub fn span(word: &Word) -> Result<Span, Refusal> {
    let expected = "a duration such as 250ms, 5s or 2m (us ms s m h d)";
    let span = microseconds(&word.text).map(Span::micros).ok_or_else(|| wrong(word, expected))?;
    match span > SPAN_MAX {
        true => Err(wrong(word, "a duration of at most 366d")),
        false => Ok(span),
    }
}

/// `5/s`, `2/m`: from one to the next.
pub fn rate(word: &Word) -> Result<Span, Refusal> {
    let parsed = word.text.split_once('/').and_then(|(count, unit)| {
        let count: u64 = count.parse().ok().filter(|count| *count > 0)?;
        let (_, whole) = UNITS.iter().find(|(name, _)| *name == unit)?;
        Some(whole / count)
    });
    match parsed {
        Some(0) => Err(wrong(word, "a rate of at most 1000000/s")),
        Some(every) => Ok(Span::micros(every)),
        None => Err(wrong(word, "a rate such as 5/s or 2/m")),
    }
}

/// `a,b,c`, `user-1..user-6`, `none`.
pub fn keys(word: &Word) -> Result<Vec<String>, Refusal> {
    if word.text == "none" {
        return Ok(Vec::new());
    }
    let mut keys = Vec::new();
    for part in word.text.split(',') {
        match part.split_once("..") {
            Some((first, last)) => {
                let range = key_range(first, last);
                keys.extend(range.ok_or_else(|| wrong(word, "keys such as user-1..user-6"))?);
            }
            None if part.is_empty() => return Err(wrong(word, "keys such as a,b,c, or none")),
            None => keys.push(part.to_owned()),
        }
        if keys.len() > KEYS_MAX {
            return Err(wrong(word, format!("at most {KEYS_MAX} keys")));
        }
    }
    Ok(keys)
}

/// `user-1`, `user-6`: all from one to the other.
fn key_range(first: &str, last: &str) -> Option<Vec<String>> {
    let split = |text: &str| {
        let digits = text.len() - text.trim_end_matches(|c: char| c.is_ascii_digit()).len();
        let (name, number) = text.split_at(text.len() - digits);
        Some((name.to_owned(), number.parse::<u64>().ok()?))
    };
    let ((name, from), (last_name, to)) = (split(first)?, split(last)?);
    let fits = name == last_name && from <= to && to - from <= KEYS_MAX as u64;
    fits.then(|| (from..=to).map(|number| format!("{name}{number}")).collect())
}

/// `NAME=VALUE` of several words.
pub fn settings(words: &[&Word]) -> Result<BTreeMap<String, String>, Refusal> {
    words.iter().map(|word| setting(word)).collect()
}

/// `NAME=VALUE`.
pub fn setting(word: &Word) -> Result<(String, String), Refusal> {
    match word.text.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => {
            Ok((name.trim().to_owned(), value.trim().to_owned()))
        }
        _ => Err(wrong(word, "NAME=VALUE")),
    }
}

/// A JSON object as an argument table of AMQP.
pub fn arguments(word: &Word) -> Result<BTreeMap<String, Argument>, Refusal> {
    let object = json_object(word)?;
    object.into_iter().map(|(name, value)| Ok((name, argument(word, value)?))).collect()
}

/// A JSON object.
pub fn json_object(word: &Word) -> Result<serde_json::Map<String, serde_json::Value>, Refusal> {
    match serde_json::from_str(&word.text) {
        Ok(serde_json::Value::Object(object)) => Ok(object),
        Ok(_) => Err(wrong(word, "a JSON object such as '{\"x-max-length\": 10}'")),
        Err(error) => Err(Mistake::at(word.place, &word.text, "a JSON object in single quotes")
            .hint(error.to_string())
            .into()),
    }
}

/// A JSON value as AMQP types it.
pub fn argument(word: &Word, value: serde_json::Value) -> Result<Argument, Refusal> {
    use serde_json::Value;
    Ok(match value {
        Value::Null => Argument::Void,
        Value::Bool(truth) => Argument::Boolean(truth),
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => Argument::Integer(whole),
            (None, Some(double)) => Argument::Double(double),
            (None, None) => return Err(wrong(word, "a smaller number")),
        },
        Value::String(text) => Argument::Text(text),
        Value::Array(list) => {
            Argument::List(list.into_iter().map(|v| argument(word, v)).collect::<Result<_, _>>()?)
        }
        Value::Object(table) => {
            let entries = table.into_iter().map(|(name, v)| Ok((name, argument(word, v)?)));
            Argument::Table(entries.collect::<Result<_, Refusal>>()?)
        }
    })
}

/// A value of a table as JSON.
pub fn json_text(value: &Argument) -> String {
    let joined = |parts: Vec<String>| parts.join(",");
    match value {
        Argument::Void => "null".into(),
        Argument::Boolean(truth) => truth.to_string(),
        Argument::Integer(number) => number.to_string(),
        Argument::Timestamp(seconds) => seconds.to_string(),
        Argument::Double(number) => format!("{number:?}"),
        Argument::Text(text) => format!("{text:?}"),
        Argument::List(list) => format!("[{}]", joined(list.iter().map(json_text).collect())),
        Argument::Table(table) => {
            let entries = table.iter().map(|(name, v)| format!("{name:?}:{}", json_text(v)));
            format!("{{{}}}", joined(entries.collect()))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shell::error::Place;

    fn word(text: &str) -> Word {
        Word { text: text.into(), place: Place { line: 1, column: 7 }, quoted: false }
    }

    #[test]
    fn durations_have_a_unit() {
        let cases = [("250ms", 250_000), ("5s", 5_000_000), ("1.5s", 1_500_000), ("7us", 7)];
        for (text, us) in cases {
            assert_eq!(span(&word(text)), Ok(Span::micros(us)), "{text}");
        }
        assert_eq!(span(&word("2m")), Ok(Span::seconds(120)));
        assert_eq!(span(&word("1d")), Ok(Span::seconds(86_400)));
        for text in ["5", "s", "5 s", "5sec", "-1s", "1.2345us", "1..2s", "", "99999999999999d"] {
            assert!(span(&word(text)).is_err(), "{text}");
        }
        let error = span(&word("5")).expect_err("no unit").to_string();
        assert!(error.starts_with("line 1, column 7: found 5, expected a duration"), "{error}");
    }

    #[test]
    fn rates_become_the_time_between_two() {
        assert_eq!(rate(&word("5/s")), Ok(Span::millis(200)));
        assert_eq!(rate(&word("2/m")), Ok(Span::seconds(30)));
        assert_eq!(rate(&word("3/s")), Ok(Span::micros(333_333)));
        for text in ["5", "0/s", "s/5", "5/sec", "2000000/s"] {
            assert!(rate(&word(text)).is_err(), "{text}");
        }
    }

    #[test]
    fn bytes_may_have_a_unit() {
        assert_eq!(bytes(&word("10000"), 1 << 30), Ok(10_000));
        assert_eq!(bytes(&word("10MB"), 1 << 30), Ok(10_000_000));
        assert_eq!(bytes(&word("64KiB"), 1 << 30), Ok(65_536));
        let error = bytes(&word("2GB"), 1 << 30).expect_err("too many").to_string();
        assert!(error.contains("at most 1073741824 bytes"), "{error}");
        assert!(bytes(&word("5 MB"), 1 << 30).is_err());
        assert!(bytes(&word("MB"), 1 << 30).is_err());
    }

    #[test]
    fn keys_are_lists_and_ranges() {
        assert_eq!(keys(&word("a,b")), Ok(vec!["a".into(), "b".into()]));
        let users = keys(&word("user-1..user-3,x")).expect("a range");
        assert_eq!(users, ["user-1", "user-2", "user-3", "x"]);
        assert_eq!(keys(&word("none")), Ok(vec![]));
        for text in ["", "a,,b", "a1..b2", "u9..u1", "u1..u99999999"] {
            assert!(keys(&word(text)).is_err(), "{text}");
        }
    }

    #[test]
    fn json_is_typed_as_amqp_types_it() {
        let table = arguments(&word(r#"{"n": 5, "t": "x", "b": true, "v": null, "d": 0.5}"#));
        let table = table.expect("an object");
        assert_eq!(table["n"], Argument::Integer(5));
        assert_eq!(table["v"], Argument::Void);
        assert_eq!(table["d"], Argument::Double(0.5));
        assert!(arguments(&word("[1]")).is_err());
        let error = arguments(&word("{x-max-length: 5}")).expect_err("no JSON").to_string();
        assert!(error.contains("expected a JSON object in single quotes"), "{error}");
    }
}
