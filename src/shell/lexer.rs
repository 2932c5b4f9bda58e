//! Text to lines of words: that part of a shell's syntax that the lab knows.
//!
//! Blanks separate words; `'...'`, `"..."` and `\` quote; `#` begins a comment where a word could
//! begin; a `\` at the end continues the line; `<<'EOF'` and `<<< 'text'` give standard input.
//! Everything else that means something to a shell is an error that says so, unless it is quoted:
//! so a script that runs here means the same in a real shell. One line is read at a time, so that
//! the lines before a mistake can run.
//!
//! Simplified: quotes end on the line on which they began, and a here-document is never expanded,
//! quoted or not. The program `state` takes the rest of its line as it stands, so that a path such
//! as `kafka.group("g").lag` needs no quotes.

use super::error::{Mistake, Place, abbreviate};

/// A script may have at most so many bytes.
pub const SCRIPT_BYTES_MAX: usize = 1 << 20;
/// A script may have at most so many lines.
pub const SCRIPT_LINES_MAX: usize = 10_000;
/// A line, with those that continue it, may have at most so many bytes.
pub const LINE_BYTES_MAX: usize = 64 << 10;
/// The standard input of a command may have at most so many bytes.
pub const STDIN_BYTES_MAX: usize = 1 << 20;

/// A word of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// What it says, without its quotes.
    pub text: String,
    /// Where it begins.
    pub place: Place,
    /// True if it begins with a quote.
    pub quoted: bool,
}

/// A line that has a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// Its number, from 1.
    pub number: usize,
    /// All of it as it was written, with its standard input.
    pub text: String,
    /// True if it begins with `! `: it must fail.
    pub must_fail: bool,
    /// The program and its arguments; at least one.
    pub words: Vec<Word>,
    /// Its standard input.
    pub stdin: Option<String>,
}

/// A line that is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadLine {
    /// Its number, from 1.
    pub number: usize,
    /// The line as it was written, abbreviated if it is too long.
    pub text: String,
    /// True if it begins with `! `: it must fail.
    pub must_fail: bool,
    /// What is wrong with it.
    pub mistake: Mistake,
}

impl Line {
    /// The line without the `! ` in front of it.
    pub fn command_text(&self) -> &str {
        match self.must_fail {
            true => self.text[1..].trim_start(),
            false => &self.text,
        }
    }
}

/// A script, and how far it has been read.
#[derive(Clone, Debug)]
pub struct Script {
    text: String,
    at: usize,
    line: usize,
}

impl Script {
    /// A script from its beginning; an error if it is too large.
    pub fn new(text: impl Into<String>) -> Result<Script, Mistake> {
        let text = text.into();
        let start = Place { line: 1, column: 1 };
        if text.len() > SCRIPT_BYTES_MAX {
            let found = format!("a script of {} bytes", text.len());
            let expected = format!("at most {SCRIPT_BYTES_MAX} bytes (1 MiB)");
            return Err(Mistake::at(start, &found, expected));
        }
        let lines = text.lines().count();
        if lines > SCRIPT_LINES_MAX {
            let place = Place { line: SCRIPT_LINES_MAX + 1, column: 1 };
            let found = format!("a script of {lines} lines");
            return Err(Mistake::at(place, &found, format!("at most {SCRIPT_LINES_MAX} lines")));
        }
        // A byte order mark is no part of the text.
        let at = if text.starts_with('\u{feff}') { '\u{feff}'.len_utf8() } else { 0 };
        Ok(Script { text, at, line: 1 })
    }
}

impl Iterator for Script {
    type Item = Result<Line, BadLine>;

    fn next(&mut self) -> Option<Self::Item> {
        while self.at < self.text.len() {
            let place = Place { line: self.line, column: 1 };
            let mut reader = Reader { text: &self.text, at: self.at, place, mistake: None };
            let read = reader.line();
            (self.at, self.line) = (reader.at, reader.place.line);
            if let Some(item) = read {
                return Some(item);
            }
        }
        None
    }
}

/// Words of a line that is still being typed, for completion: mistakes are passed over.
pub fn words_so_far(line: &str) -> Vec<Word> {
    let place = Place { line: 1, column: 1 };
    let mut reader = Reader { text: line, at: 0, place, mistake: None };
    let mut parts = Parts::default();
    reader.parts(&mut parts);
    parts.words
}

#[derive(Default)]
struct Parts {
    must_fail: bool,
    words: Vec<Word>,
    stdin: Option<String>,
    /// The end mark of a here-document, and where it is named.
    until: Option<(String, Place)>,
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    place: Place,
    /// The first mistake of the line; the rest is still read, to find where the line ends.
    mistake: Option<Mistake>,
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn take(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += next.len_utf8();
        if next == '\n' {
            self.place = Place { line: self.place.line + 1, column: 1 };
        } else {
            self.place.column += 1;
        }
        Some(next)
    }

    fn accept(&mut self, text: &str) -> bool {
        let is = self.rest().starts_with(text);
        if is {
            for _ in text.chars() {
                self.take();
            }
        }
        is
    }

    fn wrong(&mut self, mistake: Mistake) {
        self.mistake.get_or_insert(mistake);
    }

    fn at_line_end(&self) -> bool {
        let rest = self.rest();
        rest.is_empty() || rest.starts_with('\n') || rest.starts_with("\r\n")
    }

    fn skip_to_line_end(&mut self) {
        let length = self.rest().find('\n').unwrap_or(self.rest().len());
        self.at += length;
    }

    /// One line with those that continue it and its here-document; `None` if it has no command.
    fn line(&mut self) -> Option<Result<Line, BadLine>> {
        let (start, number) = (self.at, self.place.line);
        let physical = self.rest().find('\n').unwrap_or(self.rest().len());
        let mut parts = Parts::default();
        match physical > LINE_BYTES_MAX {
            true => self.skip_to_line_end(),
            false => self.parts(&mut parts),
        }
        let length = self.at - start;
        if length > LINE_BYTES_MAX {
            let place = Place { line: number, column: 1 };
            let found = format!("a line of {length} bytes");
            let expected = format!("at most {LINE_BYTES_MAX} bytes (64 KiB)");
            self.mistake = Some(Mistake::at(place, &found, expected));
        }
        let mut end = self.at;
        self.accept("\r");
        self.take();
        if let Some((until, place)) = parts.until.take() {
            parts.stdin = self.here_document(&until, place, &mut end);
        }
        let text = self.text[start..end].trim();
        let must_fail = parts.must_fail || text.starts_with("! ");
        if let Some(mistake) = self.mistake.take() {
            let text = if length > LINE_BYTES_MAX { abbreviate(text) } else { text.into() };
            return Some(Err(BadLine { number, text, must_fail, mistake }));
        }
        let (words, stdin) = (parts.words, parts.stdin);
        let line = Line { number, text: text.into(), must_fail, words, stdin };
        (!line.words.is_empty()).then_some(Ok(line))
    }

    /// Everything up to the end of the line.
    fn parts(&mut self, parts: &mut Parts) {
        while !self.at_line_end() {
            let place = self.place;
            match self.peek().unwrap_or('\n') {
                ' ' | '\t' => {
                    self.take();
                }
                '#' => self.skip_to_line_end(),
                '\\' if self.accept("\\\n") || self.accept("\\\r\n") => {}
                '!' if parts.words.is_empty() && !parts.must_fail && self.accept("! ") => {
                    parts.must_fail = true;
                }
                '<' if self.rest().starts_with("<<") => self.standard_input(parts, place),
                _ if takes_rest(&parts.words) && self.begins_name() => {
                    let rest = self.raw_rest();
                    parts.words.push(Word { text: rest, place, quoted: false });
                }
                _ => {
                    let word = self.word();
                    parts.words.extend(word);
                }
            }
        }
    }

    fn begins_name(&self) -> bool {
        self.peek().is_some_and(|c| c.is_ascii_alphabetic())
    }

    /// The rest of the line as it stands, without a comment behind it.
    fn raw_rest(&mut self) -> String {
        let start = self.at;
        self.skip_to_line_end();
        let rest = &self.text[start..self.at];
        let rest = rest.find(" #").map_or(rest, |comment| &rest[..comment]);
        rest.trim_end().to_owned()
    }

    /// A word, or nothing if all of it was wrong.
    fn word(&mut self) -> Option<Word> {
        let place = self.place;
        let quoted = matches!(self.peek(), Some('\'' | '"'));
        let (mut text, mut is_word) = (String::new(), quoted);
        while !self.at_line_end() {
            let here = self.place;
            match self.peek().unwrap_or(' ') {
                ' ' | '\t' => break,
                quote @ ('\'' | '"') => {
                    is_word = true;
                    self.quoted(quote, &mut text);
                }
                '\\' => {
                    if self.accept("\\\n") || self.accept("\\\r\n") {
                        continue;
                    }
                    self.take();
                    is_word = true;
                    text.extend(if self.at_line_end() { Some('\\') } else { self.take() });
                }
                c => {
                    self.take();
                    match forbidden(c) {
                        Some((found, expected)) => self.wrong(Mistake::at(here, &found, expected)),
                        None => {
                            is_word = true;
                            text.push(c);
                        }
                    }
                }
            }
        }
        is_word.then_some(Word { text, place, quoted })
    }

    /// The inside of quotes, up to the quote that closes them.
    fn quoted(&mut self, quote: char, text: &mut String) {
        let open = self.place;
        self.take();
        while !self.at_line_end() {
            match self.take().unwrap_or(quote) {
                c if c == quote => return,
                '\\' if quote == '"' => match self.peek() {
                    Some('\n') => {
                        self.take();
                    }
                    Some(c @ ('"' | '\\' | '$' | '`')) => {
                        self.take();
                        text.push(c);
                    }
                    _ => text.push('\\'),
                },
                c => text.push(c),
            }
        }
        let found = format!("an open quote {quote}");
        self.wrong(Mistake::at(open, &found, format!("{quote} before the end of the line")));
    }

    /// `<<< word` or `<< mark`.
    fn standard_input(&mut self, parts: &mut Parts, place: Place) {
        let here_string = self.accept("<<<");
        let sign = if here_string || !self.accept("<<") { "<<<" } else { "<<" };
        while matches!(self.peek(), Some(' ' | '\t')) {
            self.take();
        }
        if parts.stdin.is_some() || parts.until.is_some() {
            self.wrong(Mistake::at(place, sign, "one standard input"));
        }
        let word = if self.at_line_end() { None } else { self.word() };
        match word {
            Some(word) if here_string => parts.stdin = Some(word.text + "\n"),
            Some(word) if !word.text.is_empty() && !word.text.starts_with('-') => {
                parts.until = Some((word.text, place));
            }
            _ if here_string => self.wrong(Mistake::at(place, sign, "a word behind it")),
            _ => self.wrong(Mistake::at(place, sign, "an end mark such as EOF behind it")),
        }
    }

    /// The lines up to the end mark. `end` becomes the end of the mark's line.
    fn here_document(&mut self, until: &str, place: Place, end: &mut usize) -> Option<String> {
        let mut body = String::new();
        while !self.rest().is_empty() {
            let start = self.at;
            self.skip_to_line_end();
            *end = self.at;
            let line = self.text[start..self.at].trim_end_matches('\r').to_owned();
            self.take();
            if line == until {
                return Some(body);
            }
            body.push_str(&line);
            body.push('\n');
            if body.len() > STDIN_BYTES_MAX {
                let found = format!("more than {STDIN_BYTES_MAX} bytes of standard input");
                let expected = format!("at most {STDIN_BYTES_MAX} bytes (1 MiB)");
                self.wrong(Mistake::at(place, &found, expected));
            }
        }
        self.wrong(Mistake::at(
            place,
            "the end of the script",
            format!("a line {until} that ends the standard input"),
        ));
        None
    }
}

/// True if the rest of the line is one word as it stands.
fn takes_rest(words: &[Word]) -> bool {
    matches!(words, [program] if program.text == "state" && !program.quoted)
}

/// A character that may not stand outside of quotes: what was found, and what was expected.
fn forbidden(c: char) -> Option<(String, &'static str)> {
    let expected = match c {
        '|' => "a word: there are no pipes here",
        ';' => "a word: there is one command on each line",
        '&' => "a word: there are no jobs in the background, and one command on each line",
        '$' => "a word: there are no variables; quotes keep a $ as it is",
        '*' | '?' => "a word: there are no globs; quotes keep * and ? as they are",
        '`' => "a word: there is no command substitution; quotes keep a ` as it is",
        '>' => "a word: there are no files to write to; quotes keep a > as it is",
        '<' => "a word: there are no files to read; <<'EOF' and <<< 'text' give standard input",
        '(' | ')' => "a word: an argument with parentheses goes into single quotes",
        '“' | '”' | '‘' | '’' => "a plain quote, ' or \"",
        c if c.is_control() => "a word",
        c if c.is_whitespace() || c == '\u{feff}' || c == '\u{200b}' => "a plain blank",
        _ => return None,
    };
    let shown = !c.is_control() && !c.is_whitespace() && !matches!(c, '\u{feff}' | '\u{200b}');
    let found = if shown { c.to_string() } else { format!("the character U+{:04X}", c as u32) };
    Some((found, expected))
}

#[cfg(test)]
mod tests;
