//! Facts about the real brokers as test vectors, through the engines' public functions: every file
//! in `tests/vectors/`. An entry of a kind that nobody knows fails, and so does a format that
//! nobody knows; kinds of parts that are not built yet are listed beside their runners.

#[path = "vector_kinds/kafka.rs"]
mod kafka;
#[path = "vector_kinds/play.rs"]
mod play;
#[path = "vector_kinds/rabbit.rs"]
mod rabbit;

use serde_json::Value;
use std::fs;
use std::path::Path;

/// A runner of one entry, and the kinds that it cannot run yet.
struct Side {
    run: fn(&str, &Value) -> Result<(), String>,
    not_yet: &'static [&'static str],
}

fn side_of(format: &str) -> Option<Side> {
    match format {
        "pushpull-kafka-vectors/1" => Some(Side { run: kafka::run, not_yet: kafka::NOT_YET }),
        "pushpull-rabbitmq-vectors/1" => Some(Side { run: rabbit::run, not_yet: rabbit::NOT_YET }),
        _ => None,
    }
}

/// Runs a file; returns how many entries passed, and what failed.
fn run_file(path: &Path) -> (usize, Vec<String>) {
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let text = fs::read_to_string(path).expect("a vector file is text");
    let all: Value = serde_json::from_str(&text).expect("a vector file is JSON");
    let format = all["format"].as_str().unwrap_or_default();
    let Some(side) = side_of(format) else {
        return (0, vec![format!("{name}: the format {format:?} is not known")]);
    };
    let (mut passed, mut failed) = (0, Vec::new());
    let kinds = all["kinds"].as_object().expect("kinds are by name");
    for (kind, content) in kinds.iter().filter(|(kind, _)| !side.not_yet.contains(&&***kind)) {
        for entry in content["entries"].as_array().expect("entries are a list") {
            match (side.run)(kind, entry) {
                Ok(()) => passed += 1,
                Err(error) => failed.push(format!("{name}: {kind} {}: {error}", entry["id"])),
            }
        }
    }
    (passed, failed)
}

#[test]
fn every_vector_holds() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
    let entries = fs::read_dir(folder).expect("tests/vectors can be read");
    let mut files: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    let (mut passed, mut failed) = (0, Vec::new());
    for file in &files {
        let (more, wrong) = run_file(file);
        passed += more;
        failed.extend(wrong);
    }
    assert!(failed.is_empty(), "{passed} passed, {} failed:\n{}", failed.len(), failed.join("\n"));
    assert!(passed > 100, "only {passed} vectors were run: were the files found?");
}

#[test]
fn an_unknown_kind_fails() {
    assert!(kafka::run("no_such_kind", &Value::Null).is_err());
}
