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
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

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

/// An entry of a file: how it is run, its kind and itself.
struct Entry {
    file: String,
    run: fn(&str, &Value) -> Result<(), String>,
    kind: String,
    entry: Value,
}

/// The entries of a file, as far as their kinds are built; or why there are none.
fn read_file(path: &Path) -> Result<Vec<Entry>, String> {
    let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let text = fs::read_to_string(path).expect("a vector file is text");
    let all: Value = serde_json::from_str(&text).expect("a vector file is JSON");
    let format = all["format"].as_str().unwrap_or_default();
    let Some(side) = side_of(format) else {
        return Err(format!("{file}: the format {format:?} is not known"));
    };
    let mut found = Vec::new();
    let kinds = all["kinds"].as_object().expect("kinds are by name");
    for (kind, content) in kinds.iter().filter(|(kind, _)| !side.not_yet.contains(&&***kind)) {
        for entry in content["entries"].as_array().expect("entries are a list") {
            let (file, kind, entry) = (file.clone(), kind.clone(), entry.clone());
            found.push(Entry { file, run: side.run, kind, entry });
        }
    }
    Ok(found)
}

#[test]
fn every_vector_holds() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors");
    let entries = fs::read_dir(folder).expect("tests/vectors can be read");
    let mut files: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    let (mut all, mut failed) = (Vec::new(), Vec::new());
    for file in &files {
        match read_file(file) {
            Ok(entries) => all.extend(entries),
            Err(sentence) => failed.push(sentence),
        }
    }
    assert!(all.len() > 100, "only {} vectors were read: were the files found?", all.len());
    let next = AtomicUsize::new(0);
    let work = || {
        let mut failed = Vec::new();
        while let Some(Entry { file, run, kind, entry }) = all.get(next.fetch_add(1, Relaxed)) {
            if let Err(error) = run(kind, entry) {
                failed.push(format!("{file}: {kind} {}: {error}", entry["id"]));
            }
        }
        failed
    };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let lanes: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        failed.extend(lanes.into_iter().flat_map(|lane| lane.join().expect("a vector panicked")));
    });
    failed.sort();
    let (wrong, all) = (failed.len(), all.len());
    assert!(failed.is_empty(), "{wrong} of {all} failed:\n{}", failed.join("\n"));
}

#[test]
fn an_unknown_kind_fails() {
    assert!(kafka::run("no_such_kind", &Value::Null).is_err());
}
