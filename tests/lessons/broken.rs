//! Lessons that are broken: each is refused with its line, what was found and what was expected;
//! none of them brings the reader down.

use crate::files::markdown;
use pushpull::lesson::catalog::LESSONS;
use pushpull::lesson::{Lesson, LessonError};

const HEAD: &str = "---\ntitle: T\nunit: A\norder: 1\nminutes: 3\nseed: 1\n---\n\
                    ```sh start\nlab new\n```\n\n## One\n\n";
const GOAL: &str = "\n```goal\n- done: got(c) == 1\n```\n";
/// The line of the first text behind [`HEAD`].
const LINE: usize = 14;

fn read(markdown: &str) -> Result<Lesson, LessonError> {
    Lesson::parse("broken", "en", "broken.md", markdown)
}

/// Reads a lesson with this text in its only step.
fn read_step(text: &str) -> Result<Lesson, LessonError> {
    read(&format!("{HEAD}{text}\n{GOAL}"))
}

#[track_caller]
fn refused(markdown: &str, line: usize, found: &str, expected: &str) {
    let error = read(markdown).expect_err(markdown);
    let sentence = error.to_string();
    assert_eq!(error.line, line, "{sentence}");
    assert!(error.found.contains(found), "{sentence}");
    assert!(error.expected.contains(expected), "{sentence}");
    assert!(sentence.starts_with("broken.md"), "{sentence}");
}

#[track_caller]
fn refused_step(text: &str, line_offset: usize, found: &str, expected: &str) {
    refused(&format!("{HEAD}{text}\n{GOAL}"), LINE + line_offset, found, expected);
}

#[test]
fn the_model_of_these_tests_is_a_lesson() {
    let lesson = read_step("Text with **strong** words, `code` and a [link](https://a.example).");
    assert_eq!(lesson.unwrap().steps.len(), 1);
}

#[test]
fn heads() {
    let with = |line: &str, instead: &str| format!("{HEAD}x\n{GOAL}").replace(line, instead);
    refused("", 1, "\"\"", "`---`");
    refused("# Title\n", 1, "# Title", "`---`");
    refused("---\ntitle: T\n", 2, "the end of the file", "`---`");
    refused(&with("title: T\n", ""), 6, "no `title`", "title");
    refused(&with("title: T", "title:"), 2, "no `title`", "title");
    refused(&with("title: T", &format!("title: {}", "T".repeat(81))), 2, "TTT", "80");
    refused(&with("unit: A", "unit: a"), 3, "\"a\"", "A to Z");
    refused(&with("order: 1", "order: first"), 4, "first", "1 to 999");
    refused(&with("minutes: 3", "minutes: 0"), 5, "0", "1 to 60");
    refused(&with("seed: 1", "seed: -1"), 6, "-1", "4294967295");
    refused(&with("seed: 1", "seed 1"), 6, "seed 1", "key: value");
    refused(&with("seed: 1", "colour: red"), 6, "colour", "title, unit");
    refused(&with("seed: 1", "seed: 1\nseed: 1"), 7, "a second time", "once");
    refused(&with("seed: 1", "seed: 1\ncontrols: lever"), 7, "lever", "play");
    let many = "seed: 1\ncontrols: send, fetch, play, step, scrub, speed";
    refused(&with("seed: 1", many), 7, "6 controls", "at most 5");
    refused(&with("seed: 1", "seed: 1\nnumbers: a b"), 7, "a b", "commas");
}

#[test]
fn beginnings() {
    let with = |line: &str, instead: &str| format!("{HEAD}x\n{GOAL}").replace(line, instead);
    refused(&with("```sh start\nlab new\n```\n", ""), 8, "no beginning", "sh start");
    refused(&with("lab new", "run 5s"), 9, "run 5s", "lab new");
    refused(&with("lab new", "lab new --seed 7"), 9, "seed 7", "--seed 1");
    refused(&with("seed: 1", "seed: 7"), 9, "the seed 1", "--seed 7");
    refused(&with("lab new", "# nothing"), 9, "empty", "a command");
    refused(&with("```sh start", "```sh"), 8, "fence `sh`", "a step");
    refused(&with("## One", "Text."), 12, "text before", "a step");
    refused_step("```sh start\nlab new\n```", 0, "sh start", "before the first step");
    refused(&HEAD.replace("## One", ""), 0, "no step", "##");
    refused(HEAD, 0, "no goal", "goal");
}

#[test]
fn texts() {
    refused_step("Some <b>bold</b> text", 0, "<b>", "no HTML");
    refused_step("<script>alert(1)</script>", 0, "<script>", "no HTML");
    refused_step("a\n\n<!-- hidden -->", 2, "<!--", "no HTML");
    refused_step("[x](http://a.example)", 0, "http:", "https://");
    refused_step("[x](javascript:alert)", 0, "javascript", "https://");
    refused_step("[x](https://)", 0, "https://", "https://");
    refused_step("[x](../other)", 0, "../other", "https://");
    refused_step("<mail@example.com>", 0, "mail", "https://");
    refused_step("*slanted*", 0, "slanted", "**strong**");
    refused_step("# Title", 0, "# Title", "## ");
    refused_step("### Part", 0, "### Part", "## ");
    refused_step("    indented", 0, "indented", "fence");
    refused_step("one\n\n---\n\ntwo", 2, "---", "text");
    refused_step("- a\n  - b", 1, "- b", "without a list inside");
    refused_step("- a\n\n  b", 0, "- a", "one paragraph");
    refused_step("3. a\n4. b", 0, "3. a", "begins with 1");
    refused_step("> a\n>\n> b", 0, "> a", "one paragraph");
    refused_step("##", 0, "`##` alone", "title");
}

#[test]
fn pictures() {
    let good = read_step("![Two lanes](broken/lanes.svg)");
    assert!(good.is_ok(), "{good:?}");
    let own = "`broken/NAME`";
    refused_step("![x](https://a.example/x.png)", 0, "a.example", own);
    refused_step("![x](other/lanes.svg)", 0, "other", own);
    refused_step("![x](broken/../lanes.svg)", 0, "..", own);
    refused_step("![x](/broken/lanes.svg)", 0, "/broken", own);
    refused_step("![x](broken/a/b.svg)", 0, "a/b", own);
    refused_step("![x](broken/)", 0, "broken/", own);
    refused_step("![x](data:image/png;base64,AA)", 0, "data:", own);
    refused_step("![](broken/lanes.svg)", 0, "lanes", "words");
    refused_step("see ![x](broken/lanes.svg)", 0, "lanes", "paragraph of its own");
    refused_step("![x](broken/lanes.svg) see", 0, "lanes", "paragraph of its own");
}

#[test]
fn fences() {
    refused_step("```bash\nrun 5s\n```", 0, "bash", "sh, sh start, predict");
    refused_step("```\nrun 5s\n```", 0, "\"\"", "text");
    refused_step("```sh\n```", 1, "empty", "a command");
    refused_step("```sh\nrun 'x\n```", 1, "run 'x", "'");
    refused_step("```sh\nx <<'EOF'\na\n```", 1, "the end of the script", "EOF");
    refused(&format!("{HEAD}{GOAL}\n```sh\nrun 5s\n"), 19, "without an end", "backticks");
    refused_step("```goal\n- done: got(c) == 1\n```", 4, "a second `goal`", "further step");
    refused_step("```observe\n```", 1, "empty", "- words: predicate");
    refused_step("```observe\ngot(c) == 1\n```", 1, "got(c)", "- words: predicate");
    refused_step("```observe\n- got(c) == 1\n```", 1, "got(c)", "- words: predicate");
    refused_step("```observe\n- a: got(c\n```", 1, "got(c", "a predicate or path");
    refused_step("```observe\n- a: rabit.queues\n```", 1, "did you mean rabbit", "a predicate");
    refused_step("```observe\n- a: got(c) == 1\nb\n```", 2, "\"b\"", "two blanks");
    refused_step("```observe\n- <i>a</i>: got(c) == 1\n```", 1, "<i>", "no HTML");
    refused_step("```without\n- Fencing\n```", 1, "Fencing", "- protection:");
    refused_step("```hint\n\n```", 1, "an empty hint", "text");
    refused_step("```hint\n## x\n```", 1, "a heading", "text");
    refused_step("```hint\na\n```\n".repeat(4).trim_end(), 9, "4 hints", "at most 3");
}

#[test]
fn goals_and_solutions() {
    let no_goal = format!("{HEAD}x\n{GOAL}\n## Two\n\n```solution\nrun 1s\n```\n");
    refused(&no_goal, 20, "a solution without a goal", "fence `goal`");
    let value = format!("{HEAD}```goal\n- done: got(c)\n```\n");
    refused(&value, LINE + 1, "got(c)", "holds or does not");
    let many = format!("{HEAD}```goal\n{}```\n", "- done: got(c) == 1\n".repeat(9));
    refused(&many, LINE, "9 clauses", "at most 8");
}

#[test]
fn predictions() {
    const RIGHT: &str = "- a\n  when: got(c) == 1\n  why: so\n";
    const WRONG: &str = "- b\n  when: got(c) == 0\n  belief: kafka-pushes\n  why: not so\n";
    let fence = |content: &str| format!("```predict\n{content}```");
    let good = read_step(&fence(&format!("Which?\n{RIGHT}{WRONG}")));
    assert!(good.is_ok(), "{good:?}");
    refused_step(&fence(RIGHT), 1, "no question", "before the first");
    refused_step(&fence(&format!("Q\n{RIGHT}")), 1, "1 choices", "2 to 4");
    refused_step(&fence(&format!("Q\n{RIGHT}{}", WRONG.repeat(4))), 1, "5 choices", "2 to 4");
    refused_step(&fence(&format!("Q\n{RIGHT}{RIGHT}")), 1, "2 choices without", "exactly one");
    refused_step(&fence(&format!("Q\n{WRONG}{WRONG}")), 1, "0 choices without", "exactly one");
    let refused_choice = |from: &str, to: &str, line: usize, found: &str, expected: &str| {
        let wrong = WRONG.replace(from, to);
        refused_step(&fence(&format!("Q\n{RIGHT}{wrong}")), line, found, expected);
    };
    refused_choice("kafka-pushes", "pigs-fly", 7, "pigs-fly", "misconception");
    refused_choice("  why: not so\n", "", 5, "without `why:`", "why: ...");
    refused_choice("  when: got(c) == 0\n", "", 5, "without `when:`", "when: ...");
    refused_choice("got(c) == 0", "got(c)", 5, "got(c)", "holds or does not");
    refused_choice("got(c) == 0", "got(c) ==", 6, "got(c) ==", "a predicate");
    refused_choice("  why:", "  what:", 8, "what", "`why:`");
    refused_choice("  why: not so", "  why: so\n  why: so", 9, "a second time", "once");
}

#[test]
fn limits_name_their_figure() {
    refused(&"x".repeat(64 * 1024 + 1), 0, "65537 bytes", "65536");
    let steps = format!("{HEAD}{GOAL}{}", "\n## More\n".repeat(40));
    refused(&steps, 97, "step 41", "40 steps");
    let commands = format!("```sh\n{}```", "run 1s\n".repeat(200));
    refused_step(&commands, 1, "201 commands", "at most 200");
    let observations = format!("```observe\n{}```", "- a: got(c)\n".repeat(17));
    refused_step(&observations, 0, "17 observations", "at most 16");
    let wrong_names = Lesson::parse("Big", "en", "f", HEAD).unwrap_err();
    assert!(wrong_names.expected.contains("a to z"));
    let wrong_language = Lesson::parse("a", "fr", "f", HEAD).unwrap_err();
    assert!(wrong_language.expected.contains("en or ko"));
}

/// A small generator of its own, so that the cuts are the same each time.
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit.max(1)
    }
}

const PIECES: [&str; 24] = [
    "```",
    "```sh\n",
    "## ",
    "- ",
    "  when: ",
    "<b>",
    "</b>",
    "![x](",
    "[x](https://",
    "---\n",
    "> ",
    "|",
    "\u{0}",
    "`",
    "**",
    "*",
    ": ",
    "\n",
    "\r\n",
    "==",
    "(",
    "\"",
    "가",
    "\u{202e}",
];

/// Cuts out, doubles and puts in.
fn damaged(text: &str, dice: &mut Dice) -> String {
    let mut letters: Vec<char> = text.chars().collect();
    for _ in 0..=dice.below(4) {
        let at = dice.below(letters.len());
        let end = (at + dice.below(200)).min(letters.len());
        match dice.below(4) {
            0 => drop(letters.drain(at..end)),
            1 => letters.truncate(end),
            2 => {
                let copy = letters[at..end].to_vec();
                letters.splice(at..at, copy);
            }
            _ => drop(letters.splice(at..at, PIECES[dice.below(PIECES.len())].chars())),
        }
    }
    letters.into_iter().collect()
}

#[test]
fn damaged_lessons_are_refused_or_read_but_never_bring_the_reader_down() {
    let mut dice = Dice(1);
    let (mut tried, mut refused) = (0, 0);
    for entry in &LESSONS {
        for language in ["en", "ko"] {
            let good = markdown(language, entry.id);
            for _ in 0..300 {
                let text = damaged(&good, &mut dice);
                tried += 1;
                if let Err(error) = Lesson::parse(entry.id, language, "file.md", &text) {
                    let lines = text.lines().count() + 1;
                    assert!(error.line <= lines, "{error} in {lines} lines");
                    assert!(!error.found.is_empty() && !error.expected.is_empty());
                    refused += 1;
                }
            }
        }
    }
    assert!((tried / 6..tried).contains(&refused), "{refused} of {tried}");
}

#[test]
fn every_beginning_of_a_lesson_is_refused_or_read() {
    let good = markdown("ko", "steering-wheel");
    for (end, _) in good.char_indices().step_by(7) {
        let _ = Lesson::parse("steering-wheel", "ko", "file.md", &good[..end]);
    }
}
