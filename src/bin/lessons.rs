//! Makes lessons ready for the page: `lessons FROM TO` reads `FROM/LANGUAGE/ID.md` and writes
//! `TO/LANGUAGE/ID.json`.

use pushpull::lesson::Lesson;
use pushpull::lesson::catalog::LESSONS;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

const LANGUAGES: [&str; 2] = ["en", "ko"];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [from, to] = &*arguments else {
        return complain("expected two folders: where lessons are, and where they are to be");
    };
    for language in LANGUAGES {
        for id in LESSONS.iter().map(|entry| entry.id) {
            if let Err(sentence) = ready(language, id, from.as_ref(), to.as_ref()) {
                return complain(&sentence);
            }
        }
    }
    ExitCode::SUCCESS
}

fn complain(sentence: &str) -> ExitCode {
    use std::io::Write;
    // Nobody is left to tell if this cannot be written.
    let _ = writeln!(std::io::stderr(), "lessons: {sentence}");
    ExitCode::from(1)
}

fn ready(language: &str, id: &str, from: &Path, to: &Path) -> Result<(), String> {
    let source = from.join(language).join(id).with_extension("md");
    let file = source.display().to_string();
    let markdown = fs::read_to_string(&source).map_err(|error| format!("{file}: {error}"))?;
    let lesson =
        Lesson::parse(id, language, &file, &markdown).map_err(|error| error.to_string())?;
    let folder = to.join(language);
    let target = folder.join(id).with_extension("json");
    fs::create_dir_all(&folder)
        .and_then(|()| fs::write(&target, lesson.to_json()))
        .map_err(|error| format!("{}: {error}", target.display()))
}
