//! The check of lessons must be able to fail: lessons that say what is not so, in a lab that does
//! what a test tells it to do.

use pushpull::lab::predicate::{Path, walk};
use pushpull::lesson::trial::{Bench, try_lesson};
use pushpull::lesson::{Lesson, Lookup};
use serde_json::{Value, json};
use std::cell::Cell;

/// A lab with one client `c`: `add N` gives it N messages.
struct Fake {
    got: Got,
    salt: u64,
}

struct Got(u64);

impl Lookup for Got {
    fn value(&self, path: &Path) -> Option<Value> {
        walk(&json!({ "clients": { "c": { "got": self.0 } } }), &path.keys)
    }

    fn count(&self, _event: &str) -> u64 {
        0
    }
}

impl Bench for Fake {
    type Seen = Got;

    fn run(&mut self, line: &str) -> Result<Vec<String>, String> {
        match line.split_once(' ') {
            Some(("add", count)) => {
                self.got.0 += count.parse::<u64>().map_err(|e| e.to_string())?
            }
            Some(("noise", _)) => return Ok(vec![self.salt.to_string()]),
            _ if line == "lab new" => self.got.0 = 0,
            _ => return Err(format!("no program {line}")),
        }
        Ok(vec![format!("got {}", self.got.0)])
    }

    fn seen(&self) -> &Got {
        &self.got
    }
}

const LESSON: &str = "---\ntitle: T\nunit: A\norder: 1\nminutes: 3\nseed: 1\n---\n\
    ```sh start\nlab new\n```\n\n\
    ## One\n\n\
    ```predict\nHow many?\n\
    - two\n  when: got(c) == 2\n  why: so\n\
    - three\n  when: got(c) == 3\n  belief: slip\n  why: not so\n```\n\
    ```sh\nadd 2\n```\n\
    ```observe\n- messages: got(c) == 2\n```\n\n\
    ## Two\n\n\
    ```goal\n- five messages: got(c) == 5\n- some messages: got(c) >= 1\n```\n\
    ```solution\nadd 3\n```\n";

/// What is wrong with this lesson, with lines.
fn failures(markdown: &str) -> Vec<String> {
    let lesson = Lesson::parse("fake", "en", "fake.md", markdown).unwrap();
    let salt = Cell::new(0);
    let fresh = || {
        salt.set(salt.get() + 1);
        Ok(Fake { got: Got(0), salt: salt.get() })
    };
    try_lesson("fake.md", &lesson, fresh).iter().map(|failure| failure.to_string()).collect()
}

#[track_caller]
fn fails(from: &str, to: &str, expected: &[&str]) {
    assert!(LESSON.contains(from), "{from}");
    let found = failures(&LESSON.replacen(from, to, 1));
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.contains(expected), "{found}\n  does not say\n{expected}");
    }
}

#[test]
fn a_lesson_that_is_so_passes() {
    assert_eq!(failures(LESSON), [] as [String; 0]);
}

#[test]
fn a_command_that_fails() {
    fails("add 2", "sub 2", &["fake.md:25: the command failed: sub 2\n    no program sub 2"]);
    fails("add 3", "add x", &["invalid digit"]);
}

#[test]
fn a_number_that_is_not_so() {
    let found = "`got(c)` = 2 in `got(c) == 4`, expected that \"messages\" is as the text says";
    fails("- messages: got(c) == 2", "- messages: got(c) == 4", &[found]);
}

#[test]
fn a_solution_that_does_not_reach_the_goal() {
    let found = "`got(c)` = 3 in `got(c) == 5`, expected that the clause \"five messages\" holds";
    fails("add 3", "add 1", &[found]);
}

#[test]
fn a_goal_that_needs_no_act() {
    let before = "found the goal reached before its step begins";
    let without = "found the goal reached without the solution";
    let plain = "found the goal reached without any solution";
    fails("five messages: got(c) == 5", "two: got(c) >= 2", &[before, without, plain]);
}

#[test]
fn a_prediction_that_the_engine_decides_otherwise() {
    let wrong = ["three. not so\" right", "without solutions the engine decides for \"three."];
    fails("add 2", "add 3", &[wrong[0], "messages", "five messages", wrong[1]]);
    fails("when: got(c) == 2", "when: got(c) == 9", &["no choice that is right; `got(c)` = 2"]);
    let both = ["2 choices right", "without solutions the engine decides for \"three."];
    fails("when: got(c) == 3", "when: got(c) > 1", &both);
}

#[test]
fn a_run_that_is_not_the_same_twice() {
    fails("add 3", "add 3\nnoise 1", &["a second run differs: found \"2\", expected \"1\""]);
}
