//! Korean texts: the terms of the project, and particles that fit what stands before them.

use crate::files::markdown;
use pushpull::lesson::catalog::LESSONS;

/// Words that practitioners do not use, or that say another thing, with the term instead.
const OTHER_WORDS: [(&str, &str); 19] = [
    ("소비자", "컨슈머"),
    ("생산자", "프로듀서"),
    ("중개자", "브로커"),
    ("게시자", "발행자"),
    ("교환기", "익스체인지"),
    ("대기열", "큐"),
    ("주제", "토픽"),
    ("오프셋값", "오프셋"),
    ("재조정", "리밸런싱"),
    ("소비자 그룹", "컨슈머 그룹"),
    ("컨슈머그룹", "컨슈머 그룹"),
    ("공유 그룹", "셰어 그룹"),
    ("승인", "확인 응답(ack)"),
    ("내기", "내 예측"),
    ("그것", "the noun itself"),
    ("되어지", "a plain passive"),
    ("이(가)", "a particle that fits"),
    ("을(를)", "a particle that fits"),
    ("은(는)", "a particle that fits"),
];

fn texts() -> impl Iterator<Item = (&'static str, String)> {
    LESSONS.iter().map(|entry| (entry.id, markdown("ko", entry.id)))
}

/// The lines that a learner reads: no commands, no predicates.
fn read_lines(text: &str) -> Vec<String> {
    let mut in_commands = false;
    let mut lines = Vec::new();
    for line in text.lines() {
        match line {
            "```sh start" | "```sh" | "```solution" => in_commands = true,
            "```" => in_commands = false,
            _ if in_commands || line.trim_start().starts_with("when:") => {}
            _ => lines.push(line.to_string()),
        }
    }
    lines
}

#[test]
fn korean_texts_use_the_terms_of_the_project() {
    for (id, text) in texts() {
        for line in read_lines(&text) {
            for (found, term) in OTHER_WORDS {
                let is_part = line.replace("보내기", "").contains(found);
                assert!(!is_part, "ko/{id}.md: {found} in {line:?}; say {term}");
            }
            let line = line.replace("!=", "");
            assert!(!line.contains('!') || line.contains("!["), "ko/{id}.md: {line:?}");
        }
    }
}

/// Particles, as they stand behind a final consonant and behind a vowel.
const PARTICLES: [(&str, &str); 4] = [("이", "가"), ("을", "를"), ("은", "는"), ("과", "와")];

/// Whether the name of a client, read letter by letter, ends in a consonant; `None` for anything
/// that is not read so.
fn ends_in_consonant(name: &str) -> Option<bool> {
    let letters = name.chars().filter(char::is_ascii_lowercase).count();
    let plain = name.chars().all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit());
    if !plain || !(1..=3).contains(&letters) {
        return None;
    }
    Some("lmnr013678".contains(name.chars().last()?))
}

#[test]
fn particles_fit_the_names_before_them() {
    let mut judged = 0;
    for (id, text) in texts() {
        for line in read_lines(&text) {
            for (index, part) in line.split('`').enumerate().skip(1).step_by(2) {
                let behind = line.split('`').nth(index + 1).unwrap_or_default();
                let end = behind.find(|letter: char| !('가'..='힣').contains(&letter));
                let word = &behind[..end.unwrap_or(behind.len())];
                let variable = ["으로", "로"].contains(&word)
                    || PARTICLES.iter().any(|(one, other)| [*one, *other].contains(&word));
                if !variable {
                    continue;
                }
                let consonant = ends_in_consonant(part).unwrap_or_else(|| {
                    panic!("ko/{id}.md: no particle fits `{part}`{word} for sure: {line}")
                });
                let fitting =
                    PARTICLES.iter().map(|(one, other)| if consonant { *one } else { *other });
                assert!(
                    fitting.clone().any(|fit| fit == word),
                    "ko/{id}.md: `{part}`{word}: {line}"
                );
                judged += 1;
            }
        }
    }
    assert!(judged > 20, "{judged}");
}
