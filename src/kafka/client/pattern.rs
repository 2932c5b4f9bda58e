//! Regular expressions that clients and tools take for names of topics: the whole name must match.
//!
//! Simplified: of Java's expressions those of `.`, `*`, `+`, `?`, `|`, `( )`, `[a-z]`, `[^a-z]` and
//! a backslash before a sign that is meant as it is. A match is looked for at all places at once,
//! so that no expression takes long.

/// So deep may groups lie in each other.
const DEPTH_MAX: usize = 32;

/// An expression: one of these sequences.
#[derive(Clone, Debug)]
pub struct Pattern(Vec<Vec<Piece>>);

#[derive(Clone, Debug)]
struct Piece {
    atom: Atom,
    /// True if it need not be there.
    optional: bool,
    /// True if it may come again.
    repeats: bool,
}

#[derive(Clone, Debug)]
enum Atom {
    Any,
    /// Any of these, or with `true` none of them.
    OneOf(Vec<(char, char)>, bool),
    Group(Pattern),
}

impl Pattern {
    /// Reads an expression; `None` if it is none.
    pub fn parse(text: &str) -> Option<Pattern> {
        let mut reader = Reader { signs: text.chars().collect(), at: 0 };
        let pattern = reader.pattern(0)?;
        (reader.at == reader.signs.len()).then_some(pattern)
    }

    /// The same where blanks mean nothing and a comma stands for `|` (`IncludeList`).
    pub fn parse_list(text: &str) -> Option<Pattern> {
        let signs = text.chars().filter(|sign| *sign != ' ');
        let text: String = signs.map(|sign| if sign == ',' { '|' } else { sign }).collect();
        Pattern::parse(&text)
    }

    /// True if the whole name matches.
    pub fn matches(&self, name: &str) -> bool {
        let name: Vec<char> = name.chars().collect();
        let mut starts = vec![false; name.len() + 1];
        starts[0] = true;
        self.ends(&name, &starts)[name.len()]
    }

    /// Where it may end, if it begins at one of these places.
    fn ends(&self, name: &[char], starts: &[bool]) -> Vec<bool> {
        let mut ends = vec![false; starts.len()];
        for sequence in &self.0 {
            let mut places = starts.to_vec();
            for piece in sequence {
                places = piece.ends(name, &places);
            }
            join(&mut ends, &places);
        }
        ends
    }
}

impl Piece {
    fn ends(&self, name: &[char], starts: &[bool]) -> Vec<bool> {
        let mut ends = self.atom.ends(name, starts);
        let mut grows = self.repeats;
        while grows {
            let further = self.atom.ends(name, &ends);
            grows = join(&mut ends, &further);
        }
        if self.optional {
            join(&mut ends, starts);
        }
        ends
    }
}

impl Atom {
    fn ends(&self, name: &[char], starts: &[bool]) -> Vec<bool> {
        let is_meant = |sign: char| match self {
            Atom::OneOf(ranges, none) => {
                ranges.iter().any(|(from, to)| (*from..=*to).contains(&sign)) != *none
            }
            _ => true,
        };
        if let Atom::Group(pattern) = self {
            return pattern.ends(name, starts);
        }
        let mut ends = vec![false; starts.len()];
        for (place, sign) in name.iter().enumerate() {
            ends[place + 1] = starts[place] && is_meant(*sign);
        }
        ends
    }
}

/// Adds places; true if some are new.
fn join(places: &mut [bool], more: &[bool]) -> bool {
    let mut grew = false;
    for (place, more) in places.iter_mut().zip(more) {
        grew |= *more && !*place;
        *place |= *more;
    }
    grew
}

struct Reader {
    signs: Vec<char>,
    at: usize,
}

impl Reader {
    fn next(&mut self) -> Option<char> {
        let sign = self.signs.get(self.at).copied();
        self.at += usize::from(sign.is_some());
        sign
    }

    fn takes(&mut self, wanted: char) -> bool {
        let is_there = self.signs.get(self.at) == Some(&wanted);
        self.at += usize::from(is_there);
        is_there
    }

    fn pattern(&mut self, depth: usize) -> Option<Pattern> {
        let mut sequences = vec![Vec::new()];
        while let Some(sign) = self.signs.get(self.at).copied().filter(|sign| *sign != ')') {
            self.at += 1;
            let atom = match sign {
                '|' => {
                    sequences.push(Vec::new());
                    continue;
                }
                '.' => Atom::Any,
                '[' => self.class()?,
                '(' if depth < DEPTH_MAX => {
                    let inner = self.pattern(depth + 1)?;
                    self.takes(')').then_some(Atom::Group(inner))?
                }
                '\\' => one(self.next().filter(|sign| !sign.is_alphanumeric())?),
                '*' | '+' | '?' | '(' | '{' | '^' | '$' => return None,
                plain => one(plain),
            };
            let (optional, repeats) = match self.signs.get(self.at) {
                Some('*') => (true, true),
                Some('+') => (false, true),
                Some('?') => (true, false),
                _ => (false, false),
            };
            self.at += usize::from(optional || repeats);
            sequences.last_mut()?.push(Piece { atom, optional, repeats });
        }
        Some(Pattern(sequences))
    }

    /// What stands behind `[`.
    fn class(&mut self) -> Option<Atom> {
        let none = self.takes('^');
        let mut ranges = Vec::new();
        loop {
            match self.next()? {
                ']' if !ranges.is_empty() => return Some(Atom::OneOf(ranges, none)),
                ']' | '[' | '&' | '\\' => return None,
                from => {
                    let is_range = self.signs.get(self.at) == Some(&'-')
                        && self.signs.get(self.at + 1).is_some_and(|to| *to != ']');
                    let to = if is_range { self.signs[self.at + 1] } else { from };
                    self.at += if is_range { 2 } else { 0 };
                    (from <= to).then(|| ranges.push((from, to)))?;
                }
            }
        }
    }
}

fn one(sign: char) -> Atom {
    Atom::OneOf(vec![(sign, sign)], false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, name: &str) -> bool {
        Pattern::parse(pattern).expect(pattern).matches(name)
    }

    #[test]
    fn the_whole_name_matches() {
        assert!(matches("orders.*", "orders") && matches("orders.*", "orders-eu"));
        assert!(!matches("orders.+", "orders") && !matches("rder", "orders"));
        assert!(
            matches("a|b", "b")
                && Pattern::parse_list("a, b").is_some_and(|it| it.matches("b"))
                && !matches("a|b", "ab")
        );
        assert!(matches("t-[0-9]+", "t-42") && !matches("t-[0-9]+", "t-x"));
        assert!(matches("[^_].*", "t") && !matches("[^_].*", "__consumer_offsets"));
        assert!(matches("(eu|us)-(a|b)?", "us-") && matches("(ab)+", "abab"));
        assert!(matches(r"a\.b", "a.b") && !matches(r"a\.b", "axb"));
        assert!(matches("[a-]", "-"));
    }

    #[test]
    fn what_is_no_expression_is_refused() {
        for text in ["*", "a**", "(a", "a)", "[", "[]", "[b-a]", "\\", r"\d", "a{2}"] {
            assert!(Pattern::parse(text).is_none(), "{text}");
        }
        assert!(Pattern::parse(&"(".repeat(100_000)).is_none());
    }

    #[test]
    fn no_expression_takes_long() {
        assert!(!matches("((a*)*)*b", &"a".repeat(249)));
    }
}
