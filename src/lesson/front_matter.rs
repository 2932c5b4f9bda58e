//! The head of a lesson: `key: value` lines between two `---`.

use super::document::FrontMatter;
use super::error::{Fault, quoted};
use crate::ordered::BTreeMap;

/// The keys, each with whether a lesson must have it.
const KEYS: [(&str, bool); 8] = [
    ("title", true),
    ("unit", true),
    ("order", true),
    ("minutes", true),
    ("seed", true),
    ("prerequisites", false),
    ("controls", false),
    ("numbers", false),
];

/// The controls that a lesson may bring into sight.
pub const CONTROLS: [&str; 16] = [
    "send", "fetch", "play", "step", "scrub", "speed", "undo", "consumer", "client", "node", "net",
    "settings", "ledger", "passport", "events", "terminal",
];

/// More controls than this at once hide what matters.
pub const CONTROLS_MAX: usize = 5;

const TITLE_CHARS_MAX: usize = 80;
const MINUTES_MAX: u32 = 60;
const ORDER_MAX: u32 = 999;
const LIST_MAX: usize = 40;

/// Reads the head; gives it with the body behind it and the body's first line.
pub(super) fn front_matter(markdown: &str) -> Result<(FrontMatter, &str, usize), Fault> {
    let mut lines = markdown.split_inclusive('\n');
    let first = lines.next().unwrap_or_default();
    if first.trim_end() != "---" {
        return Err(Fault::new(1, quoted(first), "`---`, the beginning of the head"));
    }
    let (mut line, mut length) = (1, first.len());
    let mut values = BTreeMap::new();
    for text in lines {
        line += 1;
        length += text.len();
        if text.trim_end() == "---" {
            return Ok((head(&values, line)?, &markdown[length..], line + 1));
        }
        if text.trim().is_empty() {
            continue;
        }
        let (key, value) = key_and_value(text, line)?;
        if values.insert(key, (line, value)).is_some() {
            return Err(Fault::new(line, format!("`{key}` a second time"), "each key once"));
        }
    }
    Err(Fault::new(line, "the end of the file", "`---`, the end of the head"))
}

fn key_and_value(text: &str, line: usize) -> Result<(&'static str, &str), Fault> {
    let keys = KEYS.map(|(key, _)| key);
    let Some((key, value)) = text.split_once(':') else {
        return Err(Fault::new(line, quoted(text), "`key: value`"));
    };
    let Some(key) = keys.iter().find(|known| **known == key.trim()) else {
        let expected = format!("one of {}", keys.join(", "));
        return Err(Fault::new(line, format!("key {}", quoted(key)), expected));
    };
    let value = value.trim();
    let unquoted = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
    Ok((key, unquoted.unwrap_or(value)))
}

type Values<'a> = BTreeMap<&'a str, (usize, &'a str)>;

fn head(values: &Values<'_>, line_end: usize) -> Result<FrontMatter, Fault> {
    for (key, needed) in KEYS {
        if needed && values.get(key).is_none_or(|(_, value)| value.is_empty()) {
            let line = values.get(key).map_or(line_end, |(line, _)| *line);
            return Err(Fault::new(
                line,
                format!("no `{key}`"),
                format!("`{key}: ...` in the head"),
            ));
        }
    }
    let (line, title) = values["title"];
    if title.chars().count() > TITLE_CHARS_MAX {
        let expected = format!("a title of at most {TITLE_CHARS_MAX} characters");
        return Err(Fault::new(line, quoted(title), expected));
    }
    let (line, unit) = values["unit"];
    if unit.len() != 1 || !unit.starts_with(|letter: char| letter.is_ascii_uppercase()) {
        return Err(Fault::new(line, quoted(unit), "a unit: one letter from A to Z"));
    }
    let head = FrontMatter {
        title: title.into(),
        unit: unit.into(),
        order: whole_number(values, "order", 1, ORDER_MAX)?,
        minutes: whole_number(values, "minutes", 1, MINUTES_MAX)?,
        seed: whole_number(values, "seed", 0, u32::MAX)?.into(),
        prerequisites: list(values, "prerequisites")?,
        controls: list(values, "controls")?,
        numbers: list(values, "numbers")?,
    };
    let line = values.get("controls").map_or(line_end, |(line, _)| *line);
    if let Some(unknown) = head.controls.iter().find(|name| !CONTROLS.contains(&name.as_str())) {
        let expected = format!("controls out of {}", CONTROLS.join(", "));
        return Err(Fault::new(line, quoted(unknown), expected));
    }
    if head.controls.len() > CONTROLS_MAX {
        let found = format!("{} controls", head.controls.len());
        return Err(Fault::new(line, found, format!("at most {CONTROLS_MAX}")));
    }
    Ok(head)
}

fn whole_number(values: &Values<'_>, key: &str, least: u32, most: u32) -> Result<u32, Fault> {
    let (line, text) = values[key];
    match text.parse() {
        Ok(number) if (least..=most).contains(&number) => Ok(number),
        _ => {
            let expected = format!("`{key}` as a whole number from {least} to {most}");
            Err(Fault::new(line, quoted(text), expected))
        }
    }
}

/// Names or numbers between commas; `none` is an empty list.
fn list(values: &Values<'_>, key: &str) -> Result<Vec<String>, Fault> {
    let Some((line, text)) = values.get(key) else { return Ok(Vec::new()) };
    if text.is_empty() || *text == "none" {
        return Ok(Vec::new());
    }
    let names: Vec<String> = text.split(',').map(|name| name.trim().to_string()).collect();
    if let Some(odd) = names.iter().find(|name| !is_plain(name)) {
        return Err(Fault::new(*line, quoted(odd), "names or numbers between commas"));
    }
    if names.len() > LIST_MAX {
        let found = format!("{} entries in `{key}`", names.len());
        return Err(Fault::new(*line, found, format!("at most {LIST_MAX}")));
    }
    Ok(names)
}

fn is_plain(name: &str) -> bool {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_.".contains(letter);
    !name.is_empty() && name.chars().all(plain)
}
