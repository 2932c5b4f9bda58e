//! The command line: exit codes, formats, and what it says when it cannot go on.

use std::io::Write;
use std::process::{Command, Output, Stdio};

fn pushpull(arguments: &[&str], input: &[u8]) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_pushpull"))
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    // It may end before it has read all: that is its right.
    let _ = child.stdin.take().expect("a pipe").write_all(input);
    child.wait_with_output().expect("it ends")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("its output is text")
}

#[test]
fn a_wrong_command_line_is_told_what_is_right() {
    let cases: [(&[&str], &str); 9] = [
        (&[], "expected a command"),
        (&["rnu"], "found rnu, expected run, check, explore or bench"),
        (&["run"], "expected a file, or - for standard input"),
        (&["run", "--jsn", "-"], "found --jsn, expected --json, --events or --seed N"),
        (&["run", "--seed", "x", "-"], "found x, expected a number behind --seed"),
        (&["run", "a", "b"], "found b, expected one file"),
        (&["run", "/no/such/file"], "cannot read /no/such/file"),
        (&["explore"], "not here yet: explore"),
        (&["bench"], "not here yet: bench"),
    ];
    for (arguments, sentence) in cases {
        let output = pushpull(arguments, b"");
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let said = text(&output.stderr);
        assert!(said.contains(sentence), "{arguments:?}: {said}");
    }
    let output = pushpull(&["run", "-"], b"run 1s\n\xff\n");
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("line 2 is not UTF-8"));
    assert_eq!(pushpull(&["--help"], b"").status.code(), Some(0));
}
