//! The command line: exit codes, formats, and what it says when it cannot go on.

use serde_json::Value;
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
        (&["run", "--jsn", "-"], "found --jsn, expected --json, --events, --seed or --export"),
        (&["run", "--seed", "x", "-"], "found x, expected a number behind --seed"),
        (&["run", "a", "b"], "found b, expected one file"),
        (&["run", "/no/such/file"], "cannot read /no/such/file"),
        (&["explore", "--without", "x"], "found x, expected a protection: epoch-truncation"),
        (&["bench", "--jsn"], "found --jsn, expected --json or nothing"),
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

#[test]
fn a_bench_tells_rates_beside_limits() {
    let output = pushpull(&["bench", "--json"], b"");
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let lines: Vec<Value> = text(&output.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).expect("each line is JSON"))
        .collect();
    // Batches without and with clients, much in the logs, a broker that fails; six rules at two
    // sizes; RabbitMQ with one and ten consumers, each whole and the broker's part, and two more.
    assert_eq!(lines.len(), 4 + 6 * 2 + 2 * 2 + 2);
    for line in lines {
        let number = |name: &str| line[name].as_f64().expect("a number");
        let share = number("per_s") / number("limit_per_s");
        assert!(number("per_s") > 0.0 && (share - number("share")).abs() < 0.01, "{line}");
    }
}

#[test]
fn a_run_prints_each_command_and_its_output() {
    let script = b"kafka-topics --create --topic orders\n# a comment\n\nkafka-topics --list\n";
    let output = pushpull(&["run", "-"], script);
    assert_eq!(output.status.code(), Some(0));
    let expected = "$ kafka-topics --create --topic orders\nCreated topic orders.\n\
        $ kafka-topics --list\norders\n";
    assert_eq!(text(&output.stdout), expected);
}

#[test]
fn json_is_one_object_a_line_with_events_in_order() {
    let script = b"kafka-topics --create --topic orders\nkafka-console-producer --topic orders \
        <<< \"hello\"\nkafka-console-consumer --topic orders --from-beginning --max-messages 1\n\
        ! kafka-topics --create --topic orders\nkafka-topics --lst\nkafka-topics --list\n";
    let output = pushpull(&["run", "--json", "--events", "--seed", "7", "-"], script);
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stdout);
    let lines = said.lines().map(|line| serde_json::from_str(line).expect("an object"));
    let lines: Vec<serde_json::Value> = lines.collect();
    let times: Vec<u64> = lines.iter().map(|line| line["t_us"].as_u64().expect("a time")).collect();
    assert!(times.is_sorted(), "{times:?}");
    assert!(lines.iter().any(|line| line["event"] == "kafka.appended"));
    let commands: Vec<_> = lines.iter().filter(|line| line.get("command").is_some()).collect();
    assert_eq!(commands.len(), 5, "the script ends with the command that failed");
    assert_eq!(commands[0]["line"], 1);
    assert_eq!(commands[2]["output"][0], "hello");
    assert_eq!((&commands[3]["ok"], &commands[4]["ok"]), (&false.into(), &false.into()));
    let error = commands[3]["error"].as_str().expect("an error");
    assert!(error.contains("Topic 'orders' already exists."));
    assert!(commands[4]["error"].as_str().is_some_and(|error| error.contains("--list")));
    assert_eq!(
        said,
        text(&pushpull(&["run", "--json", "--events", "--seed", "7", "-"], script).stdout)
    );
}

#[test]
fn a_line_that_must_fail_and_does_not_ends_the_run() {
    let output = pushpull(&["run", "--json", "-"], b"! kafka-topics --list\nkafka-topics --list\n");
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stdout);
    assert_eq!(said.lines().count(), 1);
    assert!(said.contains("\"ok\": false, \"error\": \"line 1 was expected to fail and did not\""));
}

#[test]
fn ten_megabytes_are_an_error_with_a_figure() {
    let script = format!("kafka-topics --create --topic {}\n", "x".repeat(10 << 20));
    let output = pushpull(&["run", "-"], script.as_bytes());
    assert_eq!(output.status.code(), Some(1));
    let said = text(&output.stdout);
    assert!(said.contains("expected at most 1048576 bytes (1 MiB)"), "{}", said.len());
    assert!(said.len() < 1_000);
}

#[test]
fn who_stops_reading_is_no_panic() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_pushpull"))
        .args(["run", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    drop(child.stdout.take());
    let script = "help\n".repeat(5_000);
    let _ = child.stdin.take().expect("a pipe").write_all(script.as_bytes());
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(text(&output.stderr), "");
}
