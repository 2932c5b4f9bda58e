//! Hostile inputs: every parser of the lab meets what somebody could make it read, and comes back
//! with an error or a lab, never with a panic.
//!
//! `corpus/TARGET/` holds inputs by name: what was once found to hurt, and what would hurt a
//! careless parser. Beside them each target meets edits that follow from a seed; `cargo xtask fuzz`
//! looks further, guided by what the edits reach.

#![allow(missing_docs, reason = "a test's name says what it shows")]

mod targets;

use pushpull::sim::rng::Stream;
use std::panic::catch_unwind;
use std::path::Path;
use targets::{TARGETS, Target};

/// Edits of each input that are tried here.
const EDITS: u64 = 4;

fn inputs(target: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new("tests/hostile/corpus").join(target);
    let mut inputs: Vec<(String, Vec<u8>)> = std::fs::read_dir(&folder)
        .unwrap_or_else(|error| panic!("{}: {error}", folder.display()))
        .map(|entry| entry.expect("the folder can be read").path())
        .map(|path| (path.display().to_string(), std::fs::read(path).expect("a file")))
        .collect();
    inputs.sort();
    inputs
}

#[test]
fn the_corpus_hurts_nobody() {
    let mut hurt = Vec::new();
    for target in TARGETS {
        let inputs = inputs(target.name);
        assert!(!inputs.is_empty(), "{} has no corpus", target.name);
        for (name, data) in inputs {
            hurt.extend(throw(&target, name, &data));
        }
    }
    assert_eq!(hurt, Vec::<String>::new(), "see above");
}

#[test]
fn edits_of_the_corpus_hurt_nobody() {
    let mut hurt = Vec::new();
    for target in TARGETS {
        let mut stream = Stream::named(1, target.name);
        for (name, data) in inputs(target.name) {
            for number in 0..EDITS {
                let edited = edited(&data, &mut stream);
                hurt.extend(throw(&target, format!("{name}, edit {number}"), &edited));
            }
        }
    }
    assert_eq!(hurt, Vec::<String>::new(), "see above");
}

/// The name, if this input hurts.
fn throw(target: &Target, name: String, data: &[u8]) -> Option<String> {
    catch_unwind(|| (target.throw)(data)).is_err().then_some(name)
}

/// The input with a few bytes changed, taken out, or repeated.
fn edited(data: &[u8], stream: &mut Stream) -> Vec<u8> {
    let mut data = data.to_vec();
    for _ in 0..=stream.below(3) {
        let at = stream.below(data.len() as u64 + 1) as usize;
        let end = (at + stream.below(8) as usize).min(data.len());
        match stream.below(3) {
            0 => drop(data.drain(at..end)),
            1 => data.extend_from_within(at..end),
            _ => data[at..end].iter_mut().for_each(|byte| *byte = stream.below(256) as u8),
        }
    }
    data
}
