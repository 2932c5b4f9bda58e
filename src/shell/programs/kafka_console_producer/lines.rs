//! Lines to records: headers, key and value, each with what stands behind it, as
//! `LineMessageReader` reads them.
//!
//! Simplified: `headers.separator` is taken as it is, where the real one is a regular expression.

use crate::lab::command::ConsoleRecord;
use crate::shell::error::{Mistake, Place, Refusal};
use crate::shell::lexer::Word;

/// How lines are read.
pub(super) struct LineReader {
    parse_headers: bool,
    parse_key: bool,
    ignore_error: bool,
    headers_delimiter: String,
    headers_separator: String,
    headers_key_separator: String,
    key_separator: String,
    /// What stands for nothing, as a key, as a value and as a header's value.
    null_marker: Option<String>,
}

const KNOWN: [&str; 8] = [
    "parse.key",
    "key.separator",
    "parse.headers",
    "headers.delimiter",
    "headers.separator",
    "headers.key.separator",
    "null.marker",
    "ignore.error",
];

/// A line under way: where it stands, its number and what is left of it.
struct Line<'a> {
    place: Place,
    number: usize,
    text: &'a str,
    rest: &'a str,
}

impl LineReader {
    /// By the tool's `--property` words.
    pub(super) fn of(words: &[&Word]) -> Result<LineReader, Refusal> {
        let mut reader = LineReader {
            parse_headers: false,
            parse_key: false,
            ignore_error: false,
            headers_delimiter: "\t".into(),
            headers_separator: ",".into(),
            headers_key_separator: ":".into(),
            key_separator: "\t".into(),
            null_marker: None,
        };
        for word in words {
            // Blanks around a separator belong to it.
            let Some((name, value)) = word.text.split_once('=') else {
                return Err(Mistake::at(word.place, &word.text, "NAME=VALUE").into());
            };
            let is_true = value.trim().eq_ignore_ascii_case("true");
            match name {
                "parse.headers" => reader.parse_headers = is_true,
                "parse.key" => reader.parse_key = is_true,
                "ignore.error" => reader.ignore_error = is_true,
                "headers.delimiter" => value.clone_into(&mut reader.headers_delimiter),
                "headers.separator" => value.clone_into(&mut reader.headers_separator),
                "headers.key.separator" => value.clone_into(&mut reader.headers_key_separator),
                "key.separator" => value.clone_into(&mut reader.key_separator),
                "null.marker" => reader.null_marker = Some(value.to_owned()),
                _ => {
                    return Err(Mistake::at(word.place, name, KNOWN.join(", ")).near(KNOWN).into());
                }
            }
        }
        reader.check()?;
        Ok(reader)
    }

    /// No two of its words may be the same.
    fn check(&self) -> Result<(), Refusal> {
        let delimiter = ("headers.delimiter", Some(&self.headers_delimiter));
        let separator = ("headers.separator", Some(&self.headers_separator));
        let key_separator = ("headers.key.separator", Some(&self.headers_key_separator));
        let marker = ("null.marker", self.null_marker.as_ref());
        let pairs = [
            (delimiter, separator),
            (delimiter, key_separator),
            (separator, key_separator),
            (marker, ("key.separator", Some(&self.key_separator))),
            (marker, separator),
            (marker, delimiter),
            (marker, key_separator),
        ];
        match pairs.iter().find(|((_, one), (_, other))| one == other) {
            Some(((one, _), (other, _))) => Err(Refusal::Tool(format!(
                "org.apache.kafka.common.KafkaException: {one} and {other} may not be equal"
            ))),
            None => Ok(()),
        }
    }

    /// The records of these lines; `place` is the tool's, for what is wrong with them.
    pub(super) fn records(&self, place: Place, text: &str) -> Result<Vec<ConsoleRecord>, Refusal> {
        let lines = text.lines().enumerate();
        lines
            .map(|(index, text)| self.record(Line { place, number: index + 1, text, rest: text }))
            .collect()
    }

    fn record(&self, mut line: Line<'_>) -> Result<ConsoleRecord, Refusal> {
        let headers = match self.parse_headers {
            true => self.part(&mut line, &self.headers_delimiter, "headers delimiter")?,
            false => None,
        };
        let key = match self.parse_key {
            true => self.part(&mut line, &self.key_separator, "key separator")?,
            false => None,
        };
        let headers = match headers.and_then(|headers| self.text(headers)) {
            Some(headers) => self.headers(&headers, &line)?,
            None => Vec::new(),
        };
        let key = key.and_then(|key| self.text(key));
        Ok(ConsoleRecord { key, value: self.text(line.rest), headers })
    }

    /// What stands before a mark, which is passed over too.
    fn part<'a>(
        &self,
        line: &mut Line<'a>,
        mark: &str,
        called: &str,
    ) -> Result<Option<&'a str>, Refusal> {
        match line.rest.split_once(mark) {
            Some((part, rest)) => {
                line.rest = rest;
                Ok(Some(part))
            }
            None if self.ignore_error => Ok(None),
            None => {
                let expected = format!("a {called} {mark:?} in each line of standard input");
                let Line { number, text, place, .. } = line;
                let hint = format!("No {called} found on line number {number}: '{text}'");
                Err(Mistake::at(*place, text, expected).hint(hint).into())
            }
        }
    }

    fn headers(
        &self,
        text: &str,
        line: &Line<'_>,
    ) -> Result<Vec<(String, Option<String>)>, Refusal> {
        let mut pairs: Vec<&str> = text.split(&*self.headers_separator).collect();
        // As Java splits: nothing at the end is no pair.
        while pairs.len() > 1 && pairs.last().is_some_and(|pair| pair.is_empty()) {
            pairs.pop();
        }
        let header = |pair: &str| match pair.split_once(&*self.headers_key_separator) {
            Some((name, _)) if Some(name) == self.null_marker.as_deref() => {
                Err(Refusal::Tool(format!(
                    "org.apache.kafka.common.KafkaException: Header keys should not be equal to \
                     the null marker '{name}' as they can't be null"
                )))
            }
            Some((name, value)) => Ok((name.to_owned(), self.text(value))),
            None if self.ignore_error => Ok((pair.to_owned(), None)),
            None => {
                let number = line.number;
                let expected = format!("NAME{}VALUE in each header", self.headers_key_separator);
                let hint = format!(
                    "No header key separator found in pair '{pair}' on line number {number}"
                );
                Err(Mistake::at(line.place, line.text, expected).hint(hint).into())
            }
        };
        pairs.into_iter().map(header).collect()
    }

    fn text(&self, text: &str) -> Option<String> {
        (self.null_marker.as_deref() != Some(text)).then(|| text.to_owned())
    }
}
