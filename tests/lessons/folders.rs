//! `pushpull check` on folders that are not as they should be: a sentence for each fault.

use crate::files::markdown;
use pushpull::lesson::check::check_texts;
use std::path::PathBuf;

/// A folder of its own for each test, gone afterwards.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Folder {
        let path = std::env::temp_dir().join(format!("pushpull-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    fn write(&self, file: &str, text: &str) {
        let path = self.0.join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// The failures, without the folder's own name.
    fn failures(&self, path: &str) -> Vec<String> {
        let report = check_texts(&[self.0.join(path)]);
        let folder = format!("{}/", self.0.display());
        report.failures.iter().map(|failure| failure.to_string().replace(&folder, "")).collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[track_caller]
fn says(found: &[String], expected: &[&str]) {
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.contains(expected), "{found}\n  does not say\n{expected}");
    }
}

#[test]
fn one_file_is_checked_with_its_other_language() {
    let folder = Folder::new("pair");
    folder.write("en/first-message.md", &markdown("en", "first-message"));
    says(&folder.failures("."), &["ko/first-message.md: found a file that cannot be read"]);
    folder.write("ko/first-message.md", &markdown("ko", "first-message"));
    says(&folder.failures("."), &[]);
    says(&folder.failures("ko/first-message.md"), &[]);
}

#[test]
fn what_is_no_lesson_is_named() {
    let folder = Folder::new("none");
    says(&folder.failures("."), &["found no lesson, expected files like en/ID.md"]);
    says(&folder.failures("missing"), &["missing: found another file, expected a lesson"]);
    folder.write("fr/x.md", "");
    says(&folder.failures("."), &["fr/x.md: found another file, expected a lesson: LANGUAGE"]);
}

#[test]
fn a_number_that_nothing_confirms_is_named_with_its_line() {
    let folder = Folder::new("number");
    let wrong = |language: &str, from: &str, to: &str| {
        let text = markdown(language, "ack-or-retain");
        assert!(text.contains(from), "{from}");
        folder.write(&format!("{language}/ack-or-retain.md"), &text.replacen(from, to, 1));
    };
    wrong("en", "The same 6 messages", "The same 99 messages");
    wrong("ko", "같은 메시지 6개", "같은 메시지 99개");
    let found = folder.failures(".");
    let sentence = "en/ack-or-retain.md:22: found the number 99 in the text";
    says(&found, &[sentence, "ko/ack-or-retain.md:22: found the number 99 in the text"]);
}

#[test]
fn a_wrong_answer_may_name_its_own_number_and_nothing_else_may() {
    let folder = Folder::new("choice");
    let text =
        |language: &str| markdown(language, "steering-wheel").replacen(">= 1000\n", ">= 7777\n", 1);
    folder.write("ko/steering-wheel.md", &text("ko"));
    folder.write("en/steering-wheel.md", &text("en").replacen("Thousands: it", "7777: it", 1));
    says(&folder.failures("en/steering-wheel.md"), &["numbers in the text"]);
    folder.write("en/steering-wheel.md", &text("en").replacen("simply waits", "waits 7777 s", 1));
    let sentence = "found the number 7777 in the text";
    says(&folder.failures("en/steering-wheel.md"), &[sentence, "numbers in the text"]);
}
