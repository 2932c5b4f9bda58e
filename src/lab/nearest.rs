//! The nearest known word: what an error offers to who has mistyped.

/// The word among `known` that is nearest to `found`, if one is near enough to be meant: at most
/// one change in three characters. On a tie the first one wins.
pub fn nearest<'a>(found: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let allowed = (found.chars().count() / 3).clamp(1, 4);
    let with_distance = known.into_iter().map(|word| (distance(found, word, allowed), word));
    let near = with_distance.filter(|(distance, _)| *distance <= allowed);
    near.min_by_key(|(distance, _)| *distance).map(|(_, word)| word)
}

/// Insertions, deletions, replacements and swaps of neighbours that turn one word into the other;
/// `limit + 1` if there are more. Upper and lower case are the same.
fn distance(a: &str, b: &str, limit: usize) -> usize {
    let a: Vec<char> = a.chars().flat_map(char::to_lowercase).collect();
    let b: Vec<char> = b.chars().flat_map(char::to_lowercase).collect();
    if a.len().abs_diff(b.len()) > limit {
        return limit + 1;
    }
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 0..a.len() {
        let mut row = vec![i + 1];
        for j in 0..b.len() {
            let replace = last[j] + usize::from(a[i] != b[j]);
            let mut least = replace.min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j] {
                least = least.min(before[j - 1] + 1);
            }
            row.push(least);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()].min(limit + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOOLS: [&str; 3] = ["kafka-topics", "kafka-configs", "rabbitmqctl"];

    #[test]
    fn a_mistyped_word_finds_what_was_meant() {
        assert_eq!(nearest("kafka-topic", TOOLS), Some("kafka-topics"));
        assert_eq!(nearest("rabbitmqclt", TOOLS), Some("rabbitmqctl"));
        assert_eq!(nearest("Kafka-Topics", TOOLS), Some("kafka-topics"));
        assert_eq!(nearest("lga", ["lag", "state"]), Some("lag"));
    }

    #[test]
    fn a_word_far_from_all_finds_nothing() {
        assert_eq!(nearest("zebra", TOOLS), None);
        assert_eq!(nearest("", TOOLS), None);
        let long = "a".repeat(60_000);
        assert_eq!(nearest(&long, TOOLS), None);
    }
}
