//! Numbers in texts, predicates and commands, so that none is named that nothing confirms.

use crate::ordered::BTreeSet;

/// The numbers of a text, in one form: `1,200` is `1200`. A digit that belongs to a name (`m0`,
/// `cr1`, `kafka-1`) is no number.
pub(super) fn numbers(text: &str) -> BTreeSet<String> {
    let letters: Vec<char> = text.chars().collect();
    let mut found = BTreeSet::new();
    let mut at = 0;
    while at < letters.len() {
        if !letters[at].is_ascii_digit() {
            at += 1;
            continue;
        }
        let end = end_of_number(&letters, at);
        if !belongs_to_name(&letters[..at]) {
            let number: String = letters[at..end].iter().filter(|letter| **letter != ',').collect();
            found.insert(number);
        }
        at = end;
    }
    found
}

/// Digits, with a point or groups of three between them.
fn end_of_number(letters: &[char], start: usize) -> usize {
    let digits_from = |from: usize| {
        letters[from.min(letters.len())..]
            .iter()
            .take_while(|letter| letter.is_ascii_digit())
            .count()
    };
    let mut end = start + digits_from(start);
    loop {
        let more = digits_from(end + 1);
        match letters.get(end) {
            Some('.') if more > 0 => end += 1 + more,
            Some(',') if more == 3 => end += 1 + more,
            _ => return end,
        }
    }
}

fn belongs_to_name(before: &[char]) -> bool {
    let is_letter = |letter: &char| letter.is_ascii_alphabetic() || *letter == '_';
    match before {
        [.., letter, '-' | '.'] if is_letter(letter) => true,
        [.., last] => is_letter(last),
        [] => false,
    }
}

#[cfg(test)]
mod tests {
    use super::numbers;

    fn list(text: &str) -> Vec<String> {
        numbers(text).into_iter().collect()
    }

    #[test]
    fn finds_numbers_and_leaves_names_alone() {
        assert_eq!(list("25 messages at 5/s, then 1,200 in 3.2 s."), ["1200", "25", "3.2", "5"]);
        assert_eq!(list("m0, cr1, kafka-1 and `user-6` are names, t-0 too"), [] as [String; 0]);
        assert_eq!(list("메시지 25개를 10초에, 45~47개"), ["10", "25", "45", "47"]);
        assert_eq!(list("run 500ms; --set fetch.max.wait.ms=5000"), ["500", "5000"]);
        assert_eq!(list("since 0.9.1, 4.1."), ["0.9.1", "4.1"]);
        assert_eq!(list("[1,2]"), ["1", "2"]);
    }
}
