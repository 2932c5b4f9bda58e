//! Makes lessons ready for the page: `lessons FROM TO PAGES OPENING` reads `FROM/LANGUAGE/ID.md`
//! and writes `TO/LANGUAGE/ID.json` for the engine; and into `PAGES` what the pages show that need
//! no engine: `ID.still.html`, the picture and the table of its key moment, and, for each language,
//! `LANGUAGE/ID.html`, its text, and `LANGUAGE/ID.txt`, its title and what it is about. `OPENING`
//! is the file for the scene of a first visit, which the page shows while its engine is coming.

mod article;
mod still;

use pushpull::lesson::Lesson;
use pushpull::lesson::bench::LabBench;
use pushpull::lesson::catalog::LESSONS;
use pushpull::lesson::trial::Bench;
use pushpull::view::build::scene;
use pushpull::view::welcome::SCRIPT;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [from, to, pages, opening] = &*arguments else {
        return complain(
            "expected folders: where lessons are, where they are to be, their pages; and a file",
        );
    };
    if let Err(sentence) = open(opening.as_ref()) {
        return complain(&sentence);
    }
    for id in LESSONS.iter().map(|entry| entry.id) {
        if let Err(sentence) = ready(id, from.as_ref(), to.as_ref(), pages.as_ref()) {
            return complain(&sentence);
        }
    }
    ExitCode::SUCCESS
}

/// Writes the scene of a first visit, as the engine comes to it.
fn open(file: &Path) -> Result<(), String> {
    let mut bench = LabBench::fresh()?;
    bench.run(SCRIPT)?;
    let scene = postcard::to_allocvec(&scene(bench.seen())).map_err(|error| error.to_string())?;
    fs::write(file, scene).map_err(|error| format!("{}: {error}", file.display()))
}

fn complain(sentence: &str) -> ExitCode {
    use std::io::Write;
    // Nobody is left to tell if this cannot be written.
    let _ = writeln!(std::io::stderr(), "lessons: {sentence}");
    ExitCode::from(1)
}

fn ready(id: &str, from: &Path, to: &Path, pages: &Path) -> Result<(), String> {
    let ko = read(from, id, "ko")?;
    let en = read(from, id, "en")?;
    for lesson in [&ko, &en] {
        let folder = pages.join(&lesson.language);
        write(&to.join(&lesson.language), &format!("{id}.json"), &lesson.to_json())?;
        write(&folder, &format!("{id}.html"), &article::html(lesson))?;
        let about = format!("{}\n{}\n", lesson.front.title, article::about(lesson));
        write(&folder, &format!("{id}.txt"), &about)?;
    }
    let still = still::html(&ko, &en).map_err(|sentence| format!("{id}: {sentence}"))?;
    write(pages, &format!("{id}.still.html"), &still)
}

fn read(from: &Path, id: &str, language: &str) -> Result<Lesson, String> {
    let source = from.join(language).join(id).with_extension("md");
    let file = source.display().to_string();
    let markdown = fs::read_to_string(&source).map_err(|error| format!("{file}: {error}"))?;
    Lesson::parse(id, language, &file, &markdown).map_err(|error| error.to_string())
}

fn write(folder: &Path, name: &str, text: &str) -> Result<(), String> {
    let target = folder.join(name);
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(&target, text))
        .map_err(|error| format!("{}: {error}", target.display()))
}
