//! Topic matching: binding keys as patterns over the words of a routing key.
//!
//! Words are what stands between points. **The empty string is no words at all**; any other key
//! keeps its empty words: `a.` is `a` and an empty word, `.` is two empty words. As a whole word of
//! a pattern, `*` stands for exactly one word, an empty one included, and `#` for any number of
//! them. Inside a word, and in a routing key, both are ordinary signs.
//!
//! A pattern is matched in words times words steps, however many `#` it has; all the patterns of an
//! exchange are searched as a trie.

use super::exchange::{Binding, Destination};
use crate::ordered::BTreeSet;

/// True if a binding key matches a routing key.
pub fn matches(pattern: &str, key: &str) -> bool {
    // `reached[n]`: what came of the pattern so far matches the first n words of the key.
    let words: Vec<&str> = words(key).collect();
    let mut reached = vec![false; words.len() + 1];
    reached[0] = true;
    for part in self::words(pattern) {
        match part {
            "#" => {
                let first = reached.iter().position(|is| *is);
                reached.iter_mut().skip(first.unwrap_or(usize::MAX)).for_each(|is| *is = true);
            }
            _ => {
                for at in (0..words.len()).rev() {
                    reached[at + 1] = reached[at] && (part == "*" || part == words[at]);
                }
                reached[0] = false;
            }
        }
    }
    reached[words.len()]
}

/// Puts the destinations of the bindings that match a routing key into `into`, one perhaps more
/// than once. The bindings are in the order of their keys, and so a trie already: those whose keys
/// begin with the same words stand together, and are found by halving.
pub fn search<'a>(bindings: &'a [Binding], key: &str, into: &mut Vec<&'a Destination>) {
    let words: Vec<&str> = words(key).collect();
    let (prefix, seen) = (String::new(), BTreeSet::new());
    let mut search = Search { bindings, prefix, seen, into };
    if words.is_empty() {
        search.take_exact(0);
    }
    search.visit((0, bindings.len()), &words, false);
}

struct Search<'a, 'i> {
    bindings: &'a [Binding],
    /// The words of the patterns that are looked at, each with a point behind it.
    prefix: String,
    /// Where a `#` has led already: the first binding, the bytes of the prefix, the words left.
    seen: BTreeSet<(usize, usize, usize)>,
    into: &'i mut Vec<&'a Destination>,
}

impl Search<'_, '_> {
    /// The bindings of this range begin with the prefix; these words are left.
    fn visit(&mut self, (from, to): (usize, usize), words: &[&str], after_hash: bool) {
        let place = (from, self.prefix.len(), words.len());
        if from == to || after_hash && !self.seen.insert(place) {
            return;
        }
        if let Some((first, rest)) = words.split_first() {
            // Those two are patterns, whatever the key means by them.
            if !matches!(*first, "*" | "#") {
                self.enter((from, to), first, &[rest], after_hash);
            }
            self.enter((from, to), "*", &[rest], after_hash);
        }
        let rests: Vec<&[&str]> = (0..=words.len()).map(|taken| &words[taken..]).collect();
        self.enter((from, to), "#", &rests, true);
    }

    /// Patterns of this range that have this word next, for each of these rests of the key.
    fn enter(
        &mut self,
        (from, to): (usize, usize),
        word: &str,
        rests: &[&[&str]],
        after_hash: bool,
    ) {
        let before = self.prefix.len();
        self.prefix.push_str(word);
        let is_before = |it: &Binding| *it.key < *self.prefix;
        let from = from
            + match word {
                // Before letters and digits.
                "#" | "*" => near_front(&self.bindings[from..to], is_before),
                _ => self.bindings[from..to].partition_point(is_before),
            };
        if rests.iter().any(|rest| rest.is_empty()) {
            self.take_exact(from);
        }
        self.prefix.push('.');
        let is_before = |it: &Binding| *it.key < *self.prefix;
        let from = from + near_front(&self.bindings[from..to], is_before);
        let inside = |binding: &Binding| binding.key.starts_with(&*self.prefix);
        let to = from + near_front(&self.bindings[from..to], inside);
        for rest in rests.iter().filter(|_| from < to) {
            self.visit((from, to), rest, after_hash);
        }
        self.prefix.truncate(before);
    }

    /// The bindings from here on whose key is the prefix.
    fn take_exact(&mut self, from: usize) {
        let all = self.bindings[from..].iter();
        let exact = all.take_while(|binding| *binding.key == *self.prefix);
        self.into.extend(exact.map(|binding| &binding.destination));
    }
}

/// The partition point of a list, found in few steps if it is near the front.
fn near_front(bindings: &[Binding], is: impl Fn(&Binding) -> bool) -> usize {
    let mut bound = 1;
    while bound <= bindings.len() && is(&bindings[bound - 1]) {
        bound *= 2;
    }
    let from = bound / 2;
    from + bindings[from..bound.min(bindings.len())].partition_point(is)
}

/// How many words of a binding key are `#`.
pub fn count_hashes(pattern: &str) -> usize {
    words(pattern).filter(|word| *word == "#").count()
}

fn words(key: &str) -> impl Iterator<Item = &str> {
    let count = if key.is_empty() { 0 } else { usize::MAX };
    key.split('.').take(count)
}

#[cfg(test)]
mod tests {
    use super::{Binding, Destination, matches, search};
    use crate::rabbit::ids::QueueId;

    #[test]
    fn the_empty_key_has_no_words() {
        assert!(matches("", "") && matches("#", "") && matches("#.#", ""));
        assert!(!matches("*", "") && !matches("", ".") && matches("*.*", "."));
    }

    /// All keys of up to three of these words.
    fn keys(words: &[&str]) -> Vec<String> {
        let mut keys = vec![String::new()];
        for first in words {
            keys.push((*first).to_owned());
            for second in words {
                keys.push(format!("{first}.{second}"));
                keys.extend(words.iter().map(|third| format!("{first}.{second}.{third}")));
            }
        }
        keys
    }

    #[test]
    fn a_search_finds_what_matches_one_by_one() {
        // Signs before and behind the point, as they stand between words when keys are ordered.
        let mut patterns = keys(&["a", "a-", "*", "#", "", "b!"]);
        patterns.sort();
        patterns.dedup();
        let bindings: Vec<Binding> = (0..)
            .zip(&patterns)
            .map(|(number, key)| Binding {
                key: key.as_str().into(),
                destination: Destination::Queue(QueueId(number)),
                arguments: Default::default(),
            })
            .collect();
        for key in keys(&["a", "a-", "", "*", "c"]) {
            let mut found = Vec::new();
            search(&bindings, &key, &mut found);
            let mut found: Vec<&Destination> = found.into_iter().collect();
            found.sort();
            found.dedup();
            let wanted = bindings.iter().filter(|binding| matches(&binding.key, &key));
            let wanted: Vec<&Destination> = wanted.map(|binding| &binding.destination).collect();
            assert_eq!(found, wanted, "{key:?}");
        }
    }

    #[test]
    fn many_hashes_take_no_time() {
        let pattern = ["#"; 100].join(".a.");
        assert!(!matches(&pattern, &["a"; 90].join(".")));
        let destination = Destination::Queue(QueueId(1));
        let binding = Binding { key: pattern.into(), destination, arguments: Default::default() };
        let (bindings, mut found) = ([binding], Vec::new());
        search(&bindings, &["a"; 90].join("."), &mut found);
        assert!(found.is_empty());
    }
}
