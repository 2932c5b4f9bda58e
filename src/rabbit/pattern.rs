//! Patterns of policies: regular expressions over names, found anywhere in them.
//!
//! Matched as a set of states that goes over the name once: names times pattern steps, whatever
//! the pattern.
//!
//! Simplified: the real ones are Perl's. Here there are literals, `.`, `[a-z]`, `[^a-z]`, `\d`,
//! `\w`, `\s`, groups, `|`, `*`, `+`, `?`, `^` and `$`.

/// A step of a compiled pattern.
#[derive(Clone, Debug)]
enum Op {
    /// One sign in one of these ranges, or in none of them.
    Sign {
        ranges: Vec<(char, char)>,
        negated: bool,
    },
    /// Goes on at both places.
    Split(usize, usize),
    Start,
    End,
    Found,
}

/// A compiled pattern.
#[derive(Clone, Debug)]
pub struct Pattern {
    ops: Vec<Op>,
}

struct Parser<'p> {
    rest: std::iter::Peekable<std::str::Chars<'p>>,
    ops: Vec<Op>,
}

impl Pattern {
    /// Compiles a pattern; the error says what is wrong with it.
    pub fn new(text: &str) -> Result<Pattern, String> {
        let mut parser = Parser { rest: text.chars().peekable(), ops: Vec::new() };
        parser.alternatives()?;
        if parser.rest.peek().is_some() {
            return Err("unmatched closing parenthesis".to_owned());
        }
        parser.ops.push(Op::Found);
        Ok(Pattern { ops: parser.ops })
    }

    /// True if the pattern is found somewhere in a name.
    pub fn matches(&self, name: &str) -> bool {
        let mut states = Vec::new();
        let mut signs = name.chars();
        let mut is_start = true;
        loop {
            let rest = signs.as_str();
            let mut seen = vec![false; self.ops.len()];
            let mut reached = Vec::new();
            // It may also begin here.
            for at in states.drain(..).chain([0]) {
                self.reach(at, (is_start, rest.is_empty()), &mut seen, &mut reached);
            }
            if reached.iter().any(|at| matches!(self.ops[*at], Op::Found)) {
                return true;
            }
            let Some(sign) = signs.next() else { return false };
            is_start = false;
            states.extend(reached.into_iter().filter(|at| self.takes(*at, sign)).map(|at| at + 1));
        }
    }

    fn takes(&self, at: usize, sign: char) -> bool {
        match &self.ops[at] {
            Op::Sign { ranges, negated } => {
                ranges.iter().any(|(from, to)| (*from..=*to).contains(&sign)) != *negated
            }
            _ => false,
        }
    }

    /// The states that are reached without a sign.
    fn reach(
        &self,
        at: usize,
        (is_start, is_end): (bool, bool),
        seen: &mut [bool],
        reached: &mut Vec<usize>,
    ) {
        let mut open = vec![at];
        while let Some(at) = open.pop() {
            if std::mem::replace(&mut seen[at], true) {
                continue;
            }
            match &self.ops[at] {
                Op::Split(one, other) => open.extend([*other, *one]),
                Op::Start if is_start => open.push(at + 1),
                Op::End if is_end => open.push(at + 1),
                Op::Start | Op::End => {}
                Op::Sign { .. } | Op::Found => reached.push(at),
            }
        }
    }
}

impl Parser<'_> {
    fn alternatives(&mut self) -> Result<(), String> {
        let begin = self.ops.len();
        self.sequence()?;
        if self.rest.next_if_eq(&'|').is_some() {
            self.insert(begin, Op::Split(begin + 1, self.ops.len() + 2));
            let jump = self.ops.len();
            self.ops.push(Op::Found);
            self.alternatives()?;
            let end = self.ops.len();
            self.ops[jump] = Op::Split(end, end);
        }
        Ok(())
    }

    fn sequence(&mut self) -> Result<(), String> {
        while let Some(sign) = self.rest.next_if(|sign| !matches!(sign, '|' | ')')) {
            let begin = self.ops.len();
            self.atom(sign)?;
            self.repetition(begin);
        }
        Ok(())
    }

    fn atom(&mut self, sign: char) -> Result<(), String> {
        let op = match sign {
            '(' => {
                if self.rest.next_if_eq(&'?').is_some() && self.rest.next() != Some(':') {
                    return Err("unrecognized character after (?".to_owned());
                }
                self.alternatives()?;
                return match self.rest.next() {
                    Some(')') => Ok(()),
                    _ => Err("missing closing parenthesis".to_owned()),
                };
            }
            '*' | '+' | '?' => {
                return Err("quantifier does not follow a repeatable item".to_owned());
            }
            '^' => Op::Start,
            '$' => Op::End,
            '.' => Op::Sign { ranges: Vec::new(), negated: true },
            '[' => self.class()?,
            '\\' => Op::Sign { ranges: self.escaped()?, negated: false },
            plain => Op::Sign { ranges: vec![(plain, plain)], negated: false },
        };
        self.ops.push(op);
        Ok(())
    }

    fn repetition(&mut self, begin: usize) {
        while let Some(sign) = self.rest.next_if(|sign| matches!(sign, '*' | '+' | '?')) {
            if sign != '+' {
                let behind = self.ops.len() + if sign == '*' { 2 } else { 1 };
                self.insert(begin, Op::Split(begin + 1, behind));
            }
            let again = if sign == '+' { begin } else { begin + 1 };
            match sign {
                '+' => self.ops.push(Op::Split(again, self.ops.len() + 1)),
                '*' => self.ops.push(Op::Split(begin, begin)),
                _ => {}
            }
        }
    }

    /// Puts an op in front of others; places behind it move by one.
    fn insert(&mut self, begin: usize, op: Op) {
        for later in &mut self.ops[begin..] {
            if let Op::Split(one, other) = later {
                (*one, *other) = (*one + 1, *other + 1);
            }
        }
        self.ops.insert(begin, op);
    }

    fn escaped(&mut self) -> Result<Vec<(char, char)>, String> {
        Ok(match self.rest.next().ok_or("\\ at end of pattern")? {
            'd' => vec![('0', '9')],
            'w' => vec![('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')],
            's' => vec![('\t', '\r'), (' ', ' ')],
            sign => vec![(sign, sign)],
        })
    }

    fn class(&mut self) -> Result<Op, String> {
        let negated = self.rest.next_if_eq(&'^').is_some();
        let mut ranges = Vec::new();
        loop {
            let missing = || "missing terminating ] for character class".to_owned();
            match self.rest.next().ok_or_else(missing)? {
                ']' if !ranges.is_empty() => return Ok(Op::Sign { ranges, negated }),
                '\\' => ranges.extend(self.escaped()?),
                from => {
                    let mut ahead = self.rest.clone();
                    let is_range = ahead.next() == Some('-') && ahead.next() != Some(']');
                    let to = match is_range {
                        true => {
                            self.rest.next();
                            self.rest.next().ok_or_else(missing)?
                        }
                        false => from,
                    };
                    if to < from {
                        return Err("range out of order in character class".to_owned());
                    }
                    ranges.push((from, to));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    fn matches(pattern: &str, name: &str) -> bool {
        Pattern::new(pattern).expect(pattern).matches(name)
    }

    #[test]
    fn a_pattern_is_found_anywhere_unless_it_is_anchored() {
        assert!(matches("art", "cart") && matches("", "anything") && matches(".*", ""));
        assert!(matches("^amq\\.", "amq.topic") && !matches("^amq\\.", "amqp"));
        assert!(!matches("^q$", "q1") && matches("^q$", "q") && !matches("$^", "a"));
    }

    #[test]
    fn repetitions_groups_and_alternatives() {
        assert!(matches("^(a|bc)+$", "abcbca") && !matches("^(a|bc)+$", "abb"));
        assert!(matches("^x?y*z$", "z") && matches("^x?y*z$", "xyyz") && !matches("^x?z", "xxz"));
        assert!(matches("^(one|two|three)$", "three") && !matches("^(one|two)$", "onetwo"));
        assert!(matches("^(a*)*$", "aaa") && matches("^(|b)$", "") && matches("a(b|)c", "ac"));
    }

    #[test]
    fn classes() {
        assert!(matches("^[a-c0]+$", "ab0") && !matches("^[^a-c]$", "b"));
        assert!(matches("^[]x-]+$", "]-x") && matches("^\\w+\\d$", "ab_3"));
    }

    #[test]
    fn what_is_no_pattern_is_told() {
        for pattern in ["(", "a)", "[a", "*a", "\\", "(?<x>a)", "[b-a]"] {
            assert!(Pattern::new(pattern).is_err(), "{pattern}");
        }
    }
}
