//! A program's options as a table, and its words sorted by it.

use super::error::{Mistake, Refusal};
use super::lexer::Word;

/// An option of a program.
#[derive(Clone, Copy, Debug)]
pub struct Opt {
    /// Its names, with their hyphens; the first is the one that help shows.
    pub names: &'static [&'static str],
    /// What its value is called; empty if it takes none.
    pub value: &'static str,
    /// How it is treated.
    pub is: Is,
    /// What it does, in a line.
    pub help: &'static str,
}

/// How an option is treated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Is {
    /// Given at most once.
    Once,
    /// Given at most once, with a value or without one.
    Bare,
    /// May be given again and again.
    Repeated,
    /// Accepted, and without effect in the lab: there is one cluster and no configuration file.
    Ignored,
    /// Part of the language, and not built yet.
    NotHereYet,
}

/// An option that is given at most once.
pub const fn once(names: &'static [&'static str], value: &'static str, help: &'static str) -> Opt {
    Opt { names, value, is: Is::Once, help }
}

/// An option that is given at most once and whose value may be left out; it is empty then.
pub const fn bare(names: &'static [&'static str], value: &'static str, help: &'static str) -> Opt {
    Opt { names, value, is: Is::Bare, help }
}

/// An option that may be given again and again.
pub const fn many(names: &'static [&'static str], value: &'static str, help: &'static str) -> Opt {
    Opt { names, value, is: Is::Repeated, help }
}

/// An option that is accepted and without effect.
pub const fn ignored(names: &'static [&'static str], value: &'static str) -> Opt {
    Opt { names, value, is: Is::Ignored, help: "accepted; has no effect in the lab" }
}

/// An option that is not built yet.
pub const fn later(names: &'static [&'static str], value: &'static str) -> Opt {
    Opt { names, value, is: Is::NotHereYet, help: "not here yet" }
}

/// The words behind a program, sorted.
#[derive(Debug)]
pub struct Arguments<'a> {
    /// The program, as errors name it: `kafka-topics`, `rabbitmqadmin declare queue`.
    pub program: &'a str,
    /// Words that belong to no option, in order.
    pub plain: Vec<&'a Word>,
    given: Vec<(&'static str, Word)>,
    end: Word,
}

impl<'a> Arguments<'a> {
    /// Sorts the words behind `program` by its options; `last` is the program's own last word.
    pub fn sort(
        program: &'a str,
        options: &'static [Opt],
        last: &Word,
        words: &'a [Word],
    ) -> Result<Arguments<'a>, Refusal> {
        let mut end = words.last().unwrap_or(last).clone();
        end.place.column += end.text.chars().count() + if end.quoted { 2 } else { 0 };
        let mut sorted = Arguments { program, plain: Vec::new(), given: Vec::new(), end };
        let mut rest = words.iter();
        while let Some(word) = rest.next() {
            if word.quoted || !is_option(&word.text) {
                sorted.plain.push(word);
                continue;
            }
            let (name, inline) = match word.text.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (word.text.as_str(), None),
            };
            let option = options.iter().find(|option| option.names.contains(&name));
            let option = option.ok_or_else(|| sorted.unknown(name, word, options))?;
            if option.is == Is::NotHereYet {
                return Err(Refusal::NotHereYet(format!("{program} {name}")));
            }
            let value = sorted.value_of(option, word, inline, &mut rest)?;
            let first = option.names[0];
            match option.is {
                Is::Ignored | Is::NotHereYet => {}
                Is::Once | Is::Bare if sorted.has(first) => {
                    return Err(Mistake::at(word.place, name, "it only once").into());
                }
                Is::Once | Is::Bare | Is::Repeated => sorted.given.push((first, value)),
            }
        }
        Ok(sorted)
    }

    /// The value of an option: behind `=`, or the next word.
    fn value_of(
        &self,
        option: &Opt,
        word: &Word,
        inline: Option<&str>,
        rest: &mut std::slice::Iter<'a, Word>,
    ) -> Result<Word, Refusal> {
        let name = option.names[0];
        match (option.value.is_empty(), inline) {
            (true, None) => Ok(word.clone()),
            (true, Some(value)) => {
                Err(Mistake::at(word.place, value, format!("no value behind {name}")).into())
            }
            (false, Some(value)) => {
                let mut place = word.place;
                place.column += word.text.chars().count() - value.chars().count();
                Ok(Word { text: value.to_owned(), place, quoted: true })
            }
            (false, None) => {
                let expected = format!("{} behind {name}", option.value);
                let is_option = |next: &Word| !next.quoted && next.text.starts_with("--");
                if option.is == Is::Bare && rest.as_slice().first().is_none_or(is_option) {
                    return Ok(Word { text: String::new(), ..word.clone() });
                }
                match rest.next() {
                    None => Err(self.missing(&expected)),
                    Some(next) if is_option(next) => {
                        Err(Mistake::at(next.place, &next.text, expected).into())
                    }
                    Some(next) => Ok(next.clone()),
                }
            }
        }
    }

    fn unknown(&self, name: &str, word: &Word, options: &'static [Opt]) -> Refusal {
        let expected = format!("an option of {}", self.program);
        let known = options.iter().flat_map(|option| option.names.iter().copied());
        let program = self.program.split(' ').next().unwrap_or_default();
        let mistake = Mistake::at(word.place, name, expected).near(known);
        mistake.hint(format!("`help {program}` lists them")).into()
    }

    /// A mistake at the end of the line: something is missing there.
    pub fn missing(&self, expected: &str) -> Refusal {
        let expected = format!("{expected} ({})", self.program);
        Mistake::at(self.end.place, "the end of the line", expected).into()
    }

    /// True if the option was given. Options go by the first of their names.
    pub fn has(&self, name: &str) -> bool {
        self.given.iter().any(|(given, _)| *given == name)
    }

    /// The value of an option, if it was given.
    pub fn one(&self, name: &str) -> Option<&Word> {
        self.given.iter().find(|(given, _)| *given == name).map(|(_, word)| word)
    }

    /// The value of an option that must be given.
    pub fn required(&self, name: &str, value: &str) -> Result<&Word, Refusal> {
        self.one(name).ok_or_else(|| self.missing(&format!("{name} {value}")))
    }

    /// All values of an option.
    pub fn all(&self, name: &str) -> Vec<&Word> {
        self.given.iter().filter(|(given, _)| *given == name).map(|(_, word)| word).collect()
    }

    /// The value of an option, read by `read`, or `default` if it was not given.
    pub fn value<T>(
        &self,
        name: &str,
        default: T,
        read: impl FnOnce(&Word) -> Result<T, Refusal>,
    ) -> Result<T, Refusal> {
        self.one(name).map_or(Ok(default), read)
    }

    /// The value of an option, read by `read`, if it was given.
    pub fn maybe<T>(
        &self,
        name: &str,
        read: impl FnOnce(&Word) -> Result<T, Refusal>,
    ) -> Result<Option<T>, Refusal> {
        self.one(name).map(read).transpose()
    }

    /// The text of an option, if it was given.
    pub fn text(&self, name: &str) -> Option<String> {
        self.one(name).map(|word| word.text.clone())
    }

    /// The plain word at a place, which must be there.
    pub fn word(&self, index: usize, called: &str) -> Result<&'a Word, Refusal> {
        self.plain.get(index).copied().ok_or_else(|| self.missing(called))
    }

    /// An error if there are more plain words than this.
    pub fn at_most(&self, plain: usize) -> Result<(), Refusal> {
        match self.plain.get(plain) {
            None => Ok(()),
            Some(word) => {
                let expected = format!("an option or the end of the line ({})", self.program);
                Err(Mistake::at(word.place, &word.text, expected).into())
            }
        }
    }

    /// An error unless exactly one of these options was given; which one.
    pub fn exactly_one(&self, names: &[&'static str]) -> Result<&'static str, Refusal> {
        let given: Vec<&&'static str> = names.iter().filter(|name| self.has(name)).collect();
        match given[..] {
            [name] => Ok(name),
            [] => Err(self.missing(&format!("exactly one of {}", names.join(", ")))),
            [_, second, ..] => {
                let word = self.one(second).unwrap_or(&self.end);
                let expected = format!("exactly one of {}", names.join(", "));
                Err(Mistake::at(word.place, second, expected).into())
            }
        }
    }
}

/// `--name`, `-n`; a negative number is none.
fn is_option(text: &str) -> bool {
    let mut characters = text.chars();
    characters.next() == Some('-') && characters.next().is_some_and(|c| !c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::shell::lexer::words_so_far;

    static OPTIONS: [Opt; 6] = [
        once(&["--topic", "-t"], "NAME", ""),
        bare(&["--state"], "STATES", ""),
        once(&["--list"], "", ""),
        many(&["--config"], "NAME=VALUE", ""),
        ignored(&["--bootstrap-server"], "HOST"),
        later(&["--replica-assignment"], "LIST"),
    ];

    fn sort<T>(line: &str, look: impl FnOnce(&Arguments) -> T) -> Result<T, String> {
        let words = words_so_far(line);
        let sorted = Arguments::sort("p", &OPTIONS, &words[0], &words[1..]);
        sorted.map(|sorted| look(&sorted)).map_err(|refusal| refusal.to_string())
    }

    #[test]
    fn a_value_may_be_left_out_where_the_option_says_so() {
        let state = |line: &str| sort(line, |found| found.text("--state"));
        assert_eq!(state("p --state"), Ok(Some(String::new())));
        assert_eq!(state("p --state --list"), Ok(Some(String::new())));
        assert_eq!(state("p --state Stable --list"), Ok(Some("Stable".into())));
        assert_eq!(state("p --list"), Ok(None));
    }

    #[test]
    fn options_are_sorted_from_plain_words() {
        let line = "p a --topic=x --config a=1 --config b=2 --bootstrap-server h:1 --list -5";
        sort(line, |found| {
            assert_eq!(
                found.plain.iter().map(|w| w.text.as_str()).collect::<Vec<_>>(),
                ["a", "-5"]
            );
            assert_eq!(found.text("--topic").as_deref(), Some("x"));
            assert_eq!(found.one("--topic").map(|word| word.place.column), Some(13));
            assert!(found.has("--list"));
            assert_eq!(found.all("--config").len(), 2);
        })
        .expect("all known");
        assert_eq!(sort("p -t x", |found| found.text("--topic")), Ok(Some("x".into())));
    }

    #[test]
    fn what_is_wrong_is_named() {
        let cases = [
            (
                "p --topik x",
                "line 1, column 3: found --topik, expected an option of p; did you mean --topic? \
                 `help p` lists them",
            ),
            (
                "p --topic",
                "line 1, column 10: found the end of the line, expected NAME behind --topic (p)",
            ),
            ("p --topic --list", "line 1, column 11: found --list, expected NAME behind --topic"),
            ("p --topic a --topic b", "line 1, column 13: found --topic, expected it only once"),
            ("p --list=5", "line 1, column 3: found 5, expected no value behind --list"),
            ("p --replica-assignment 1:2", "not here yet: p --replica-assignment"),
        ];
        for (line, expected) in cases {
            assert_eq!(sort(line, |_| ()), Err(expected.into()), "{line}");
        }
    }
}
