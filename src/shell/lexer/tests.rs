use super::*;

fn lines(text: &str) -> Vec<Line> {
    let script = Script::new(text).expect("not too large");
    script.map(|line| line.unwrap_or_else(|bad| panic!("{}: {}", bad.text, bad.mistake))).collect()
}

fn words(text: &str) -> Vec<String> {
    let mut lines = lines(text);
    assert_eq!(lines.len(), 1, "{text}");
    lines.remove(0).words.into_iter().map(|word| word.text).collect()
}

fn mistake(text: &str) -> String {
    let mut script = Script::new(text).expect("not too large");
    let bad = script.find_map(Result::err).unwrap_or_else(|| panic!("{text} was taken"));
    bad.mistake.to_string()
}

#[test]
fn blanks_separate_and_quotes_keep() {
    assert_eq!(words("run   5s\t"), ["run", "5s"]);
    assert_eq!(words(r#"p 'a b' "c d" e\ f"#), ["p", "a b", "c d", "e f"]);
    assert_eq!(words(r#"p '{"a": [1]}'"#), ["p", r#"{"a": [1]}"#]);
    assert_eq!(words(r#"p "a\"b\\c\n" '\n'"#), ["p", r#"a"b\c\n"#, r"\n"]);
    assert_eq!(words(r#"p a'b'"c"d"#), ["p", "abcd"]);
    assert_eq!(words("p '' \"\""), ["p", "", ""]);
    assert_eq!(words("p '*.orange.*' \"$HOME; | & ()\""), ["p", "*.orange.*", "$HOME; | & ()"]);
    assert_eq!(words(r"p \* \$ \|"), ["p", "*", "$", "|"]);
    assert_eq!(words("p --payload '안녕하세요' 주문"), ["p", "--payload", "안녕하세요", "주문"]);
}

#[test]
fn comments_and_blank_lines_are_no_commands() {
    let lines = lines("# first\n\n  run 1s # and so on\nrun lazy.#\r\n#last");
    assert_eq!(lines.len(), 2);
    assert_eq!((lines[0].number, lines[0].words.len()), (3, 2));
    assert_eq!((lines[1].number, lines[1].words[1].text.as_str()), (4, "lazy.#"));
}

#[test]
fn a_backslash_at_the_end_continues_the_line() {
    let lines = lines("run \\\n  5s\nstep");
    assert_eq!(lines[0].words[1].text, "5s");
    assert_eq!(lines[0].words[1].place, Place { line: 2, column: 3 });
    assert_eq!(lines[0].text, "run \\\n  5s");
    assert_eq!(lines[1].number, 3);
}

#[test]
fn here_documents_and_here_strings_are_standard_input() {
    let lines =
        lines("p --t x <<'EOF' --more\n$a | b\n  # c\nEOF\nq <<< \"hello\" --t x\nr <<<x\n");
    assert_eq!(lines[0].stdin.as_deref(), Some("$a | b\n  # c\n"));
    assert_eq!(lines[0].words.last().map(|word| word.text.as_str()), Some("--more"));
    assert_eq!(lines[0].text, "p --t x <<'EOF' --more\n$a | b\n  # c\nEOF");
    assert_eq!(lines[1].number, 5);
    assert_eq!(lines[1].stdin.as_deref(), Some("hello\n"));
    assert_eq!(lines[1].words.len(), 3);
    assert_eq!(lines[2].stdin.as_deref(), Some("x\n"));
}

#[test]
fn an_exclamation_mark_demands_failure() {
    let lines = lines("! run 5x\nrun 1s");
    assert!(lines[0].must_fail && !lines[1].must_fail);
    assert_eq!(lines[0].words[0].text, "run");
    assert_eq!(lines[0].text, "! run 5x");
    assert_eq!(lines[0].command_text(), "run 5x");
    let bad = Script::new("! run 1s | x").expect("small").next();
    assert!(bad.is_some_and(|line| line.is_err_and(|bad| bad.must_fail)));
}

#[test]
fn state_takes_the_rest_of_its_line() {
    assert_eq!(words(r#"state kafka.group("g").lag # now"#), ["state", r#"kafka.group("g").lag"#]);
    assert_eq!(words("state 'kafka'"), ["state", "kafka"]);
    assert_eq!(words("state"), ["state"]);
}

#[test]
fn other_shell_syntax_is_an_error_that_says_so() {
    let cases = [
        ("a | b", "line 1, column 3: found |, expected a word: there are no pipes here"),
        ("a; b", "line 1, column 2: found ;, expected a word: there is one command on each line"),
        ("\n\na $HOME", "line 3, column 3: found $, expected a word: there are no variables"),
        ("a *.log", "line 1, column 3: found *, expected a word: there are no globs"),
        ("가 > b", "line 1, column 3: found >, expected a word: there are no files to write to"),
        ("a < b", "line 1, column 3: found <, expected a word: there are no files to read"),
        ("a `b`", "line 1, column 3: found `, expected a word: there is no command substitution"),
        ("a (b)", "line 1, column 3: found (, expected a word: an argument with parentheses"),
        ("a 'b", "line 1, column 3: found an open quote ', expected ' before the end of the line"),
        ("a \"b\nc", "line 1, column 3: found an open quote \", expected \" before the end"),
        ("a “b”", "line 1, column 3: found “, expected a plain quote"),
        ("a\u{a0}b", "line 1, column 2: found the character U+00A0, expected a plain blank"),
        ("a <<EOF\nb\n", "line 1, column 3: found the end of the script, expected a line EOF"),
        ("a <<<", "line 1, column 3: found <<<, expected a word behind it"),
        ("a <<-EOF\nEOF", "line 1, column 3: found <<, expected an end mark such as EOF"),
        ("a <<< x <<< y", "line 1, column 9: found <<<, expected one standard input"),
        ("r<<<x", "line 1, column 2: found <, expected a word: there are no files to read"),
    ];
    for (text, expected) in cases {
        assert!(mistake(text).starts_with(expected), "{text}: {}", mistake(text));
    }
}

#[test]
fn the_lines_after_a_wrong_one_can_still_be_read() {
    let mut script = Script::new("a | b <<EOF\nbody\nEOF\nrun 1s\n").expect("small");
    assert!(script.next().is_some_and(|line| line.is_err()));
    assert_eq!(script.next().and_then(Result::ok).map(|line| line.number), Some(4));
    assert!(script.next().is_none());
}

#[test]
fn limits_are_kept_and_named() {
    let text = format!("run 1s\np {}\nrun 2s", "x".repeat(70_000));
    let mut script = Script::new(text).expect("less than 1 MiB");
    assert!(script.next().is_some_and(|line| line.is_ok()));
    let bad = script.next().and_then(Result::err).expect("too long");
    assert_eq!(bad.number, 2);
    assert!(bad.text.len() < 100);
    let expected = "line 2, column 1: found a line of 70002 bytes, expected at most 65536 bytes";
    assert!(bad.mistake.to_string().starts_with(expected), "{}", bad.mistake);
    assert!(script.next().is_some_and(|line| line.is_ok_and(|line| line.number == 3)));

    let text = "x".repeat(10 << 20);
    let error = Script::new(text).expect_err("10 MiB").to_string();
    assert!(
        error.contains("found a script of 10485760 bytes, expected at most 1048576"),
        "{error}"
    );
    let error = Script::new("\n".repeat(10_001)).expect_err("too many lines").to_string();
    assert!(error.contains("found a script of 10001 lines, expected at most 10000"), "{error}");
    let continued = "p \\\n".to_string() + &"yyyyyyyy \\\n".repeat(9_990);
    assert!(mistake(&continued).contains("expected at most 65536 bytes"));
}

#[test]
fn any_text_is_read_without_a_panic() {
    let texts = ["\\", "'", "\"\\", "<<", "<<<<", "!", "! ", "a\\", "\r", "\r\n", "\0", "<<''\n"];
    for text in texts {
        Script::new(text).expect("small").for_each(drop);
        words_so_far(text);
    }
}
