//! The lessons in `www/lessons`: as the catalog says, and the same in both languages. That they are
//! true, `pushpull check www/lessons` finds out, which `cargo xtask test` runs as a step of its own.

use pushpull::lesson::catalog::{self, LESSONS};
use pushpull::lesson::{Lesson, check};
use std::path::PathBuf;

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("www/lessons")
}

pub fn markdown(language: &str, id: &str) -> String {
    let path = folder().join(language).join(format!("{id}.md"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

pub fn lesson(language: &str, id: &str) -> Lesson {
    let file = format!("{language}/{id}.md");
    Lesson::parse(id, language, &file, &markdown(language, id)).unwrap_or_else(|e| panic!("{e}"))
}

#[test]
fn the_texts_agree_and_name_no_number_that_nothing_confirms() {
    let report = check::check_texts(&[folder()]);
    assert!(report.is_good(), "\n{report}");
    assert_eq!(report.files.len(), 2 * LESSONS.len());
}

#[test]
fn the_catalog_agrees_with_the_files() {
    for entry in &LESSONS {
        for language in ["en", "ko"] {
            let front = lesson(language, entry.id).front;
            assert_eq!(front.title, entry.title(language), "{language}/{}", entry.id);
            let facts = (front.unit.as_str(), front.order, front.minutes);
            assert_eq!(facts, (entry.unit, entry.order, entry.minutes), "{language}/{}", entry.id);
            for before in &front.prerequisites {
                let before = catalog::find(before).unwrap_or_else(|| panic!("no lesson {before}"));
                assert!(before.order < entry.order, "{} comes after {}", before.id, entry.id);
            }
        }
    }
    assert!(LESSONS.is_sorted_by_key(|entry| entry.order));
}

#[test]
fn every_lesson_ends_with_a_rule_that_has_a_blank() {
    for entry in &LESSONS {
        for language in ["en", "ko"] {
            let lesson = lesson(language, entry.id);
            let last = lesson.steps.last().expect("a lesson has steps");
            let question = last.prediction.as_ref().expect("the last step asks for the rule");
            let words: String = question.question.iter().map(|inline| inline.words()).collect();
            assert!(words.contains("____"), "{language}/{}: {words}", entry.id);
        }
    }
}

#[test]
fn every_lesson_says_what_it_simplifies() {
    for entry in &LESSONS {
        assert!(markdown("en", entry.id).contains("\nSimplified: "), "{}", entry.id);
        assert!(markdown("ko", entry.id).contains("\n단순화: "), "{}", entry.id);
    }
}
