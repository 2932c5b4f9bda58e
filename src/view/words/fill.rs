//! Puts values into the placeholders of a text.

use super::particle::{Particle, particle};

/// The text with its placeholders filled. A placeholder without a value is left out; the tests
/// over all texts see to it that none is.
pub fn fill(text: &str, values: &[(&str, &str)]) -> String {
    let mut filled = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some(at) = rest.find('{') {
        filled.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let end = rest.find('}').unwrap_or(rest.len());
        put(&rest[..end], values, &mut filled);
        rest = rest.get(end + 1..).unwrap_or_default();
    }
    filled.push_str(rest);
    filled
}

fn put(placeholder: &str, values: &[(&str, &str)], filled: &mut String) {
    let value_of =
        |name: &str| values.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value);
    if let Some((name, forms)) = placeholder.split_once('#') {
        let (one, many) = forms.split_once('/').unwrap_or((forms, forms));
        filled.push_str(if value_of(name) == "1" { one } else { many });
    } else if let Some((name, marker)) = placeholder.split_once('|') {
        let value = value_of(name);
        filled.push_str(value);
        let kind = Particle::named(marker).unwrap_or(Particle::Topic);
        filled.push_str(match (particle(value, kind), kind) {
            (Some(particle), _) => particle,
            // "컨슈머 order-worker: 메시지 3을 처리했습니다."
            (None, Particle::Subject | Particle::Topic) => ":",
            (None, _) => "",
        });
    } else {
        filled.push_str(value_of(placeholder));
    }
}

#[cfg(test)]
mod tests {
    use super::fill;

    #[test]
    fn values_take_their_places() {
        let text = "{client} took {count} {count#message/messages}.";
        assert_eq!(fill(text, &[("client", "ck"), ("count", "1")]), "ck took 1 message.");
        assert_eq!(fill(text, &[("client", "ck"), ("count", "3")]), "ck took 3 messages.");
    }

    #[test]
    fn particles_follow_their_values() {
        let text = "컨슈머 {client|이/가} {message|을/를} 처리했습니다.";
        let filled = |client, message| fill(text, &[("client", client), ("message", message)]);
        assert_eq!(filled("cr", "m3"), "컨슈머 cr이 m3을 처리했습니다.");
        assert_eq!(filled("ck", "m2"), "컨슈머 ck가 m2를 처리했습니다.");
        assert_eq!(filled("order-worker", "m3"), "컨슈머 order-worker: m3을 처리했습니다.");
    }

    #[test]
    fn a_text_that_is_cut_short_does_no_harm() {
        assert_eq!(fill("a {b", &[("b", "c")]), "a c");
        assert_eq!(fill("a {x} b", &[]), "a  b");
    }
}
