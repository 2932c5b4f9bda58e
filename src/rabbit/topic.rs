//! Topic matching: binding keys as patterns over the words of a routing key.
//!
//! Words are what stands between points. **The empty string is no words at all**; any other key
//! keeps its empty words: `a.` is `a` and an empty word, `.` is two empty words. As a whole word of
//! a pattern, `*` stands for exactly one word, an empty one included, and `#` for any number of
//! them. Inside a word, and in a routing key, both are ordinary signs.
//!
//! A pattern is matched in words times words steps, however many `#` it has.

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
    use super::matches;

    #[test]
    fn the_empty_key_has_no_words() {
        assert!(matches("", "") && matches("#", "") && matches("#.#", ""));
        assert!(!matches("*", "") && !matches("", ".") && matches("*.*", "."));
    }

    #[test]
    fn many_hashes_take_no_time() {
        let pattern = ["#"; 100].join(".a.");
        assert!(!matches(&pattern, &["a"; 90].join(".")));
    }
}
