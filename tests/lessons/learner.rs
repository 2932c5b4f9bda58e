//! A learner in a lesson, with a lab that says what a test tells it to say.

use crate::files::markdown;
use pushpull::lab::predicate::{Path, walk};
use pushpull::lesson::progress::Answer;
use pushpull::lesson::{Lesson, LessonAct, Lookup, Player, compare};
use pushpull::view::build_lesson::lesson_view;
use serde_json::{Value, json};

struct Lab {
    state: Value,
}

impl Lookup for Lab {
    fn value(&self, path: &Path) -> Option<Value> {
        walk(&self.state, &path.keys)
    }

    fn count(&self, event: &str) -> u64 {
        self.state["events"][event].as_u64().unwrap_or(0)
    }
}

/// The lab of `first-message`, so far on each side.
fn lab(rabbit_got: u64, kafka_got: u64) -> Lab {
    let client = |count: u64| json!({ "got": count, "done": count });
    Lab {
        state: json!({
            "clients": { "cr": client(rabbit_got), "ck": client(kafka_got) },
            "kafka": { "topics": { "t": { "partitions": [{ "records": rabbit_got }] } } },
            "events": {
                "rabbit.delivered": rabbit_got,
                "kafka.fetched": kafka_got,
                "kafka.fetch_sent": 1,
            },
        }),
    }
}

fn lesson(language: &str, id: &str, markdown: &str) -> Lesson {
    Lesson::parse(id, language, id, markdown).unwrap()
}

fn open() -> Player {
    let mut player = Player::open(lesson("en", "first-message", &markdown("en", "first-message")));
    let start = player.start();
    assert!(start[0].starts_with("lab new "));
    start.iter().for_each(|_| player.ran(true, &lab(0, 0)));
    player
}

fn act(player: &mut Player, act: LessonAct) -> Vec<String> {
    player.act(act).unwrap()
}

/// Runs the first step, which sends the message.
fn send(player: &mut Player) {
    let lines = act(player, LessonAct::RunAll);
    assert_eq!(lines, ["producer p --kafka t --rabbit /q --count 1", "run 1s"]);
    player.ran(true, &lab(0, 0));
    player.ran(true, &lab(1, 0));
}

#[test]
fn the_engine_decides_the_prediction_once_the_commands_have_run() {
    let mut player = open();
    act(&mut player, LessonAct::Predict(2));
    act(&mut player, LessonAct::Predict(1));
    player.refresh(&lab(0, 0));
    assert_eq!(player.progress().steps[0].right, None);
    send(&mut player);
    let view = lesson_view(&player);
    let question = view.steps[0].question.as_ref().unwrap();
    assert_eq!((question.chosen, question.right, question.skipped), (Some(1), Some(0), false));
    let why: String = question.why.iter().map(|inline| inline.words()).collect();
    assert!(why.starts_with("Kafka sends nothing") && why.contains("RabbitMQ delivered"), "{why}");
    assert!(view.steps[0].done && view.steps[0].commands.iter().all(|(_, ran)| *ran));
    act(&mut player, LessonAct::Predict(0));
    assert_eq!(player.progress().steps[0].answer, Answer::Chosen(1), "too late to change it");
}

#[test]
fn running_without_a_choice_is_recorded_as_skipped() {
    let mut player = open();
    let first = act(&mut player, LessonAct::RunNext);
    assert_eq!(first.len(), 1);
    assert!(act(&mut player, LessonAct::RunNext).is_empty(), "the first is still under way");
    player.ran(true, &lab(0, 0));
    assert_eq!(player.progress().steps[0].answer, Answer::Skipped);
    assert_eq!(act(&mut player, LessonAct::RunNext), ["run 1s"]);
    player.ran(true, &lab(1, 0));
    assert_eq!(player.progress().steps[0].right, Some(0));
    assert!(act(&mut player, LessonAct::RunNext).is_empty(), "nothing is left");
}

#[test]
fn a_command_that_failed_can_be_run_again() {
    let mut player = open();
    assert_eq!(act(&mut player, LessonAct::RunAll).len(), 2);
    player.ran(false, &lab(0, 0));
    assert_eq!(player.progress().steps[0].ran, 0);
    assert_eq!(act(&mut player, LessonAct::RunAll).len(), 2);
}

#[test]
fn a_command_that_was_typed_counts_as_run() {
    let mut player = open();
    player.typed("ledger", true, &lab(0, 0));
    player.typed("producer p --kafka t --rabbit /q --count 1", false, &lab(0, 0));
    assert_eq!(player.progress().steps[0].ran, 0);
    player.typed("producer p --kafka t --rabbit /q --count 1 ", true, &lab(0, 0));
    assert_eq!(player.progress().steps[0].ran, 1);
    assert_eq!(act(&mut player, LessonAct::RunAll), ["run 1s"]);
}

#[test]
fn goals_are_live_and_a_goal_that_was_reached_stays_reached() {
    let mut player = open();
    send(&mut player);
    act(&mut player, LessonAct::Go(1));
    player.refresh(&lab(1, 0));
    let goals = lesson_view(&player).steps[1].goals.clone();
    let live: Vec<_> = goals.iter().map(|goal| (goal.holds, goal.value.as_deref())).collect();
    assert_eq!(live, [(true, Some("1")), (false, Some("0")), (false, Some("0"))]);
    assert!(!lesson_view(&player).solved);
    player.refresh(&lab(1, 1));
    player.refresh(&lab(2, 1));
    let view = lesson_view(&player);
    assert!(!view.steps[1].goals[0].holds && view.steps[1].done && view.solved && !view.viewed);
}

#[test]
fn hints_come_one_by_one_and_end() {
    let mut player = open();
    act(&mut player, LessonAct::Go(1));
    for shown in [1, 2, 3, 3] {
        act(&mut player, LessonAct::Hint);
        let step = &lesson_view(&player).steps[1];
        assert_eq!((step.hints.len(), step.hints_total), (shown, 3));
    }
}

#[test]
fn a_solution_that_was_shown_makes_the_lesson_viewed_not_solved() {
    let mut player = open();
    send(&mut player);
    act(&mut player, LessonAct::ShowSolution);
    assert!(!player.viewed(), "the first step has no solution");
    act(&mut player, LessonAct::Go(1));
    assert_eq!(lesson_view(&player).steps[1].solution, None);
    act(&mut player, LessonAct::ShowSolution);
    player.refresh(&lab(1, 1));
    let view = lesson_view(&player);
    let solution = ["client ck resume".to_string(), "run 1s".into()];
    assert_eq!(view.steps[1].solution.as_deref(), Some(&solution[..]));
    assert!(view.steps[1].done && view.viewed && !view.solved);
    act(&mut player, LessonAct::Reset);
    assert!(!player.viewed());
}

#[test]
fn a_solution_looked_at_afterwards_takes_nothing_away() {
    let mut player = open();
    act(&mut player, LessonAct::Go(1));
    player.refresh(&lab(1, 1));
    act(&mut player, LessonAct::ShowSolution);
    assert!(player.solved() && !player.viewed());
}

#[test]
fn who_goes_ahead_runs_what_was_passed_over() {
    let text = markdown("en", "ack-or-retain");
    let mut player = Player::open(lesson("en", "ack-or-retain", &text));
    act(&mut player, LessonAct::Go(2));
    let lines = act(&mut player, LessonAct::RunNext);
    assert_eq!(lines.len(), 3 + 3 + 1);
    assert!(lines[6].starts_with("consumer ck3 "));
    lines.iter().for_each(|_| player.ran(true, &lab(0, 0)));
    let ran: Vec<_> = player.progress().steps.iter().map(|step| step.ran).collect();
    assert_eq!(ran, [3, 3, 1, 0, 0]);
    assert_eq!(player.progress().steps[1].answer, Answer::Skipped);
}

#[test]
fn the_rule_at_the_end_is_decided_without_a_command() {
    let mut player = open();
    act(&mut player, LessonAct::Go(2));
    player.refresh(&lab(1, 1));
    assert_eq!(player.progress().steps[2].right, None);
    act(&mut player, LessonAct::Predict(3));
    player.refresh(&lab(1, 1));
    assert_eq!(player.progress().steps[2].right, Some(0));
    assert!(player.step_done(2));
}

#[test]
fn reset_begins_anew() {
    let mut player = open();
    send(&mut player);
    act(&mut player, LessonAct::Go(1));
    let lines = act(&mut player, LessonAct::Reset);
    assert!(lines[0].starts_with("lab new "));
    assert_eq!(player.progress().current, 0);
    assert_eq!(player.progress().steps[0], Default::default());
}

#[test]
fn another_language_goes_on_at_the_same_place() {
    let mut player = open();
    act(&mut player, LessonAct::Predict(0));
    send(&mut player);
    act(&mut player, LessonAct::Go(1));
    act(&mut player, LessonAct::Hint);
    let before = player.progress().clone();
    let markdown_ko = markdown("ko", "first-message");
    let translate = |markdown: &str| LessonAct::Translate {
        language: "ko".into(),
        json: lesson("ko", "first-message", markdown).to_json(),
    };
    assert!(act(&mut player, translate(&markdown_ko)).is_empty());
    assert_eq!((player.lesson().language.as_str(), player.progress()), ("ko", &before));
    assert_eq!(lesson_view(&player).title, "첫 메시지");
    let fewer_hints = markdown_ko.replacen("```hint", "```text", 1);
    let refused = player.act(translate(&fewer_hints)).unwrap_err();
    assert!(refused.found.contains("number of hints 2"), "{refused}");
    let nonsense = LessonAct::Translate { language: "ko".into(), json: "nonsense".into() };
    assert!(player.act(nonsense).is_err());
    assert_eq!(player.progress(), &before);
}

#[test]
fn progress_that_does_not_fit_is_cut_to_fit() {
    let mut player = open();
    let mut odd = player.progress().clone();
    odd.current = 99;
    odd.steps[0].ran = 99;
    odd.steps[0].answer = Answer::Chosen(99);
    odd.steps.push(Default::default());
    player.resume(odd);
    let own = player.progress();
    assert_eq!((own.current, own.steps.len(), own.steps[0].ran), (2, 3, 2));
    assert_eq!(own.steps[0].answer, Answer::Open);
    lesson_view(&player);
}

#[test]
fn languages_that_differ_in_more_than_words_are_told_apart() {
    let read = |language: &str, text: &str| lesson(language, "first-message", text);
    let english = read("en", &markdown("en", "first-message"));
    let korean = markdown("ko", "first-message");
    let differing = |from: &str, to: &str| -> Vec<String> {
        assert!(korean.contains(from), "{from}");
        let found = compare::differences(&english, &read("ko", &korean.replacen(from, to, 1)));
        found.iter().map(|error| error.to_string()).collect()
    };
    assert_eq!(differing("메시지", "메시지"), [] as [String; 0]);
    for (from, to, what) in [
        ("minutes: 3", "minutes: 4", "minutes 4, expected 3"),
        ("client ck pause\n", "", "commands of `sh start`"),
        ("--count 1", "--count 2", "commands"),
        ("got(cr) == 1 && got(ck) == 0", "got(cr) == 1", "choice"),
        ("belief: slip", "belief: kafka-pushes", "choice"),
        ("done(ck) == 1", "done(ck) == 2", "clauses"),
        ("count(\"kafka.fetched\") == 0", "count(\"kafka.fetched\") == 1", "observations"),
        ("메시지 1개를 처리했습니다", "메시지 7개를 처리했습니다", "numbers in the text"),
    ] {
        let found = differing(from, to);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(
            found[0].contains(what) && found[0].starts_with("ko/first-message.md"),
            "{found:?}"
        );
    }
}
