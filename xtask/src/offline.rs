//! The page without a network: the service worker with the list of the files that it keeps. The
//! list is what the build made, so it cannot be forgotten when a file is added.

use crate::Failure;
use crate::page::{read, write};
use crate::site::files_below;
use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash, Hasher};
use std::path::Path;

/// The service worker, and its name in the site: its scope is the folder that it lies in.
const SOURCE: &str = "www/offline/service_worker.js";
pub const NAME: &str = "service_worker.js";

/// Folders that are not kept: embeds come from the network.
const ELSEWHERE: [&str; 2] = ["embed", "oembed"];

/// Where lessons are: as data they are kept; their pages without a program are not.
const LESSONS: &str = "lessons";

/// The lines that the build writes.
const VERSION_LINE: &str = "const VERSION = \"\";\n";
const FILES_LINE: &str = "const FILES = [];\n";

/// Writes the service worker for the files of the site.
pub fn make(site: &Path) -> Result<(), Failure> {
    let mut files = Vec::new();
    let mut hasher = DefaultHasher::new();
    let mut paths = files_below(site)?;
    paths.sort();
    for path in paths {
        let name = path.strip_prefix(site).expect("the file was found below the site");
        let name = name.to_string_lossy().replace('\\', "/");
        if !is_kept(&name) {
            continue;
        }
        let content = fs::read(&path)
            .map_err(|error| format!("{} cannot be read: {error}.", path.display()))?;
        (&name, content).hash(&mut hasher);
        files.push(name);
    }
    let source = read(Path::new(SOURCE))?;
    write(&site.join(NAME), filled(&source, &files, hasher.finish())?)
}

fn is_kept(name: &str) -> bool {
    match name.split_once('/').map(|(folder, _)| folder) {
        Some(LESSONS) => name.ends_with(".json"),
        Some(folder) => !ELSEWHERE.contains(&folder),
        None => name != NAME,
    }
}

fn filled(source: &str, files: &[String], version: u64) -> Result<String, Failure> {
    for line in [VERSION_LINE, FILES_LINE] {
        if source.matches(line).count() != 1 {
            return Err(format!("{SOURCE} must hold one line `{}`.", line.trim_end()));
        }
    }
    let quoted: Vec<String> = files.iter().map(|file| format!("  \"{file}\",\n")).collect();
    Ok(source
        .replacen(VERSION_LINE, &format!("const VERSION = \"{version:016x}\";\n"), 1)
        .replacen(FILES_LINE, &format!("const FILES = [\n{}];\n", quoted.concat()), 1))
}

#[cfg(test)]
mod tests {
    use super::{filled, is_kept};

    #[test]
    fn the_service_worker_knows_the_files_of_the_build() {
        let source = "const VERSION = \"\";\nconst FILES = [];\n";
        let files = ["index.html".to_string(), "icons/icon.svg".to_string()];
        assert_eq!(
            filled(source, &files, 0xab).expect("both lines are there"),
            "const VERSION = \"00000000000000ab\";\n\
             const FILES = [\n  \"index.html\",\n  \"icons/icon.svg\",\n];\n"
        );
        assert!(filled("const FILES = [];\n", &files, 1).is_err());
    }

    #[test]
    fn embeds_and_the_worker_itself_are_not_kept() {
        for name in ["index.html", "worker_bg.wasm", "lessons/ko/order.json", "icons/icon.svg"] {
            assert!(is_kept(name), "{name}");
        }
        let others = [
            "embed/index.html",
            "embed/order/index.html",
            "oembed/order.json",
            "lessons/order/index.html",
        ];
        for name in others {
            assert!(!is_kept(name), "{name}");
        }
        assert!(!is_kept("service_worker.js"));
    }
}
