//! The architecture as a test: who may know whom, how long a file may be, which names say nothing.
//!
//! The table of layers below is the one of ARCHITECTURE.md. It is read off the `crate::` paths in
//! `src/`, so it cannot rot.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Each module with the modules it may name, itself aside.
const LAYERS: [(&str, &[&str]); 17] = [
    ("ordered", &[]),
    ("sim", &[]),
    ("raft", &["sim"]),
    ("kafka", &["sim", "raft"]),
    ("rabbit", &["sim", "raft"]),
    ("storage", &[]),
    ("lab", &["sim", "kafka", "rabbit", "storage"]),
    ("shell", &["lab", "sim", "kafka", "rabbit"]),
    ("explore", &["lab", "shell", "sim", "kafka", "rabbit"]),
    ("bench", &["lab", "shell", "sim", "kafka", "rabbit"]),
    ("lesson", &["lab", "shell", "sim"]),
    ("view", &["lab", "lesson", "sim", "kafka", "rabbit"]),
    ("host", &["lab", "shell", "lesson", "view", "storage", "sim"]),
    ("browser", &["storage", "host"]),
    ("ui", &["host", "view", "lesson", "browser"]),
    ("embed", &["host", "browser"]),
    (
        "bin",
        &["bench", "browser", "ui", "explore", "host", "lab", "lesson", "shell", "storage", "view"],
    ),
];

/// Crates and the only modules that may name them.
const CRATES: [(&str, &[&str]); 8] = [
    ("yew", &["ui", "bin"]),
    ("web_sys", &["browser", "ui", "bin"]),
    ("js_sys", &["browser", "ui", "bin"]),
    ("wasm_bindgen", &["browser", "ui", "bin"]),
    ("gloo", &["browser", "ui", "bin"]),
    ("getrandom", &["browser"]),
    ("idb", &["browser"]),
    ("pulldown_cmark", &["lesson"]),
];

/// Words that name no concept.
const EMPTY_NAMES: [&str; 8] =
    ["utils", "util", "helpers", "helper", "common", "manager", "misc", "types"];

/// Code lines of a file, its tests aside. Longer files hold more than one concept.
const LINES_MAX: usize = 600;

const COLUMNS_MAX: usize = 100;

struct Source {
    path: PathBuf,
    module: String,
    code: String,
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("src can be read") {
            let path = entry.expect("an entry of src").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ext| ext == "rs") && !path.ends_with("tests.rs")
            {
                let inside = path.strip_prefix(&root).expect("it lies in src");
                let first = inside.components().next().expect("a path has a part");
                let module = first.as_os_str().to_string_lossy().trim_end_matches(".rs").to_owned();
                let code = fs::read_to_string(&path).expect("a source is text");
                found.push(Source { path: inside.to_owned(), module, code });
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(found.len() > 50, "the sources were not found: {} files", found.len());
    found
}

/// The lines that are code: no comments, and nothing from the tests at the end of a file on.
fn code_lines(code: &str) -> impl Iterator<Item = (usize, &str)> {
    let end = code.find("\n#[cfg(test)]\nmod ").unwrap_or(code.len());
    code[..end].lines().enumerate().filter(|(_, line)| {
        let line = line.trim_start();
        !line.is_empty() && !line.starts_with("//")
    })
}

/// The modules that a line names behind `crate::` (or `pushpull::` in the programs), also in a
/// group: `use crate::{kafka, rabbit::Cluster};`.
fn named_modules(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    for root in ["crate::", "pushpull::"] {
        for (at, _) in text.match_indices(root) {
            let before = text[..at].chars().next_back();
            if before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
                continue;
            }
            let rest = &text[at + root.len()..];
            match rest.strip_prefix('{') {
                None => names.push(first_word(rest)),
                Some(group) => {
                    let mut depth = 0;
                    let mut start = 0;
                    for (index, c) in group.char_indices() {
                        match c {
                            '{' => depth += 1,
                            '}' | ',' if depth == 0 => {
                                names.push(first_word(group[start..index].trim()));
                                start = index + 1;
                                if c == '}' {
                                    break;
                                }
                            }
                            '}' => depth -= 1,
                            _ => {}
                        }
                    }
                }
            }
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

fn first_word(text: &str) -> String {
    text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
}

#[test]
fn every_module_stands_in_the_table_of_layers() {
    let known: BTreeMap<&str, &[&str]> = LAYERS.into_iter().collect();
    for source in sources().iter().filter(|source| source.module != "lib") {
        assert!(
            known.contains_key(&*source.module),
            "{} is in no layer: add its module to the table, with its reason to ARCHITECTURE.md",
            source.path.display()
        );
    }
}

#[test]
fn dependencies_point_down() {
    let known: BTreeMap<&str, &[&str]> = LAYERS.into_iter().collect();
    let mut wrong = Vec::new();
    for source in sources().iter().filter(|source| source.module != "lib") {
        let end = source.code.find("\n#[cfg(test)]\nmod ").unwrap_or(source.code.len());
        let code: String = code_lines(&source.code[..end]).map(|(_, l)| format!("{l}\n")).collect();
        for name in named_modules(&code) {
            let is_layer = known.contains_key(&*name);
            let is_free = name == source.module || name == "ordered";
            if is_layer && !is_free && !known[&*source.module].contains(&&*name) {
                wrong.push(format!("{} names {name}", source.path.display()));
            }
        }
    }
    wrong.sort();
    wrong.dedup();
    assert!(wrong.is_empty(), "against the table of layers:\n{}", wrong.join("\n"));
}

#[test]
fn maps_and_sorters_are_those_of_ordered() {
    const LARGE: [&str; 6] = [
        "collections::{BTree",
        "collections::BTree",
        ".sort()",
        ".sort_by",
        ".sort_unstable",
        ".sort_by_cached",
    ];
    let mut wrong = Vec::new();
    for source in sources().iter().filter(|source| !["ordered", "bin"].contains(&&*source.module)) {
        for (number, line) in code_lines(&source.code) {
            if LARGE.iter().any(|large| line.contains(large)) {
                wrong.push(format!("{}:{}: {line}", source.path.display(), number + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "`ordered` has smaller ones:\n{}", wrong.join("\n"));
}

#[test]
fn the_browser_has_few_homes() {
    let mut wrong = Vec::new();
    for source in sources() {
        for (name, homes) in CRATES {
            let named = code_lines(&source.code).find(|(_, line)| {
                line.contains(&format!("{name}::")) || line.contains(&format!("use {name};"))
            });
            if let Some((line, _)) = named.filter(|_| !homes.contains(&&*source.module)) {
                wrong.push(format!("{}:{} names {name}", source.path.display(), line + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "only {CRATES:?} may:\n{}", wrong.join("\n"));
}

#[test]
fn names_say_something() {
    for source in sources() {
        let stem =
            source.path.file_stem().expect("a file has a name").to_string_lossy().to_string();
        let folder = source.path.parent().and_then(Path::file_name).unwrap_or_default();
        for name in [stem, folder.to_string_lossy().to_string()] {
            assert!(
                !EMPTY_NAMES.contains(&&*name),
                "{}: {name} names no concept; name the concept first",
                source.path.display()
            );
        }
    }
}

#[test]
fn files_and_lines_are_short_enough_to_read() {
    let mut wrong = Vec::new();
    for source in sources() {
        let count = code_lines(&source.code).count();
        if count > LINES_MAX {
            wrong.push(format!(
                "{}: {count} code lines, at most {LINES_MAX}",
                source.path.display()
            ));
        }
        for (number, line) in source.code.lines().enumerate() {
            let columns = line.chars().count();
            // The formatter leaves markup and lists in macros as they are written.
            let is_text = source.module == "ui"
                || source.path.starts_with("view/words")
                || source.path.ends_with("welcome.rs")
                || source.path.ends_with("worlds.rs")
                || line.contains('"')
                || line.trim_start().starts_with("//! |");
            if columns > COLUMNS_MAX && !is_text {
                wrong.push(format!("{}:{}: {columns} columns", source.path.display(), number + 1));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_module_begins_with_its_chapter() {
    for source in sources() {
        assert!(
            source.code.starts_with("//!"),
            "{} says nothing about what it is",
            source.path.display()
        );
    }
}

/// The names that the functions `kind` and `answer_kind` of a file may return.
fn kinds_in(file: &str) -> BTreeSet<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(file);
    let code = fs::read_to_string(path).expect("a source is text");
    let mut kinds = BTreeSet::new();
    let functions = code
        .split("fn ")
        .filter(|rest| rest.starts_with("kind(") || rest.starts_with("answer_kind("));
    for function in functions {
        let body = function.split("\n    }\n").next().unwrap_or_default();
        for arm in body.split("=>").skip(1) {
            let arm = arm.trim_start().trim_start_matches('{').trim_start();
            let name = arm.strip_prefix('"').and_then(|rest| rest.split('"').next());
            kinds.extend(name.map(str::to_owned));
        }
    }
    kinds
}

#[test]
fn the_lists_of_kinds_are_what_messages_call_themselves() {
    let kafka = [
        "kafka/message/request.rs",
        "kafka/message/response.rs",
        "kafka/message/transactions.rs",
        "kafka/message/control.rs",
        "kafka/zookeeper/request.rs",
    ];
    let rabbit = ["rabbit/wire.rs", "rabbit/talk.rs"];
    for (files, listed) in [
        (&kafka[..], pushpull::kafka::message::kinds::KINDS),
        (&rabbit[..], pushpull::rabbit::kinds::KINDS),
    ] {
        let said: BTreeSet<String> = files.iter().flat_map(|file| kinds_in(file)).collect();
        let listed: BTreeSet<String> = listed.split(' ').map(str::to_owned).collect();
        assert_eq!(said, listed);
    }
    assert!(kinds_in("kafka/message/request.rs").contains("Fetch"));
    assert!(kinds_in("rabbit/talk.rs").contains("queue.publish"));
}

#[test]
fn the_table_reader_sees_what_is_named() {
    let text =
        "use crate::{kafka, rabbit::{Cluster, spec}, sim};\nlet x = crate::lab::Session::new();";
    assert_eq!(named_modules(text), ["kafka", "rabbit", "sim", "lab"]);
    assert_eq!(named_modules("use pushpull::host::Server;"), ["host"]);
    assert!(named_modules("my_crate::sim").is_empty());
}
