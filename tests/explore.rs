//! The explorer: what it finds without a protection is found again, and not with it.
//!
//! Each script under `tests/scripts/without/` is small, shrunk or written by hand. It breaks a rule in a lab
//! that lacks the protection of its name, and none in a lab that has it.

use pushpull::explore::{draw, search, trial};
use std::path::Path;

fn scripts() -> Vec<(String, Vec<String>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts/without");
    let files = std::fs::read_dir(folder).expect("the folder can be read").flatten();
    let mut scripts: Vec<(String, Vec<String>)> = files
        .map(|file| {
            let name = file.path().file_stem().expect("a name").to_string_lossy().into_owned();
            let text = std::fs::read_to_string(file.path()).expect("a script can be read");
            let lines = text.lines().filter_map(|line| line.strip_prefix("$ "));
            (name, lines.map(str::to_owned).collect())
        })
        .collect();
    scripts.sort();
    scripts
}

#[test]
fn a_protection_that_is_left_out_is_missed() {
    for (name, script) in scripts() {
        assert!(script.len() <= 15, "{name} has {} lines", script.len());
        let without = trial::run(&script).expect("it runs");
        assert!(without.broken.is_some(), "nothing is broken without {name}");
        let option = format!(" --without {name}");
        assert!(script[0].contains(&option), "{name} leaves something else out");
        let with = trial::run(&trial::whole(&script)).expect("it runs");
        assert_eq!(with.broken, None, "{name} is there");
    }
}

#[test]
fn whole_labs_keep_their_rules() {
    let search = search::Search { first_seed: 1, seeds: 4, steps: 8, ..search::Search::default() };
    let report = search::search(&search).expect("labs can be made");
    assert!(report.found.is_none(), "{report}");
    assert_eq!(report.seeds, 4);
}

#[test]
fn a_seed_draws_one_script() {
    let script = draw::script(7, 10, &[]);
    assert_eq!(script, draw::script(7, 10, &[]));
    assert_ne!(script, draw::script(8, 10, &[]));
}

#[test]
fn a_search_finds_a_minority_that_confirms() {
    let without = vec!["quorum-majority".to_owned()];
    let search = search::Search {
        first_seed: 1,
        seeds: 30,
        steps: 12,
        without,
        ..search::Search::default()
    };
    let report = search::search(&search).expect("labs can be made");
    let (_, trial) = report.found.expect("it is found");
    assert!(trial.lines.len() <= 15, "{:?}", trial.lines);
}
