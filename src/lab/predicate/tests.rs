use super::*;
use serde_json::json;

/// A state by hand.
struct Lab(Value);

impl Lookup for Lab {
    fn value(&self, path: &Path) -> Option<Value> {
        walk(&self.0, &path.keys)
    }
    fn count(&self, event: &str) -> u64 {
        self.0["events"][event].as_u64().unwrap_or(0)
    }
}

fn lab() -> Lab {
    Lab(json!({
        "time_us": 12_500_000,
        "kafka": {
            "topics": { "t": { "records": 6, "partitions_used": 2, "partitions": [
                { "partition": 0, "leader": 1, "isr": [1, 2], "end_offset": 4 },
                { "partition": 1, "leader": null, "isr": [2], "end_offset": 2 },
            ] } },
            "groups": { "g": { "state": "Stable", "members": ["a", "b"], "lag": 3 } },
        },
        "rabbit": { "queues": {
            "q": { "ready": 24, "unacked": 1, "consumers": ["cr"] },
            "p": { "ready": 0, "unacked": 0, "consumers": [] },
        } },
        "clients": { "cr": { "done": 1, "got": 3, "held": 2, "position": { "t-0": 4 } } },
        "ledger": { "lost": 0, "kafka": { "lost": 0 } },
        "events": { "kafka.fetched": 7 },
    }))
}

fn value(text: &str) -> Value {
    let expression = Expression::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    expression.evaluate(&lab()).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn refused(text: &str) -> String {
    match Expression::parse(text) {
        Err(error) => error.to_string(),
        Ok(parsed) => panic!("{text} was taken as {parsed:?}"),
    }
}

#[test]
fn the_examples_of_the_language_hold_or_not() {
    let cases = [
        (r#"kafka.group("g").lag == 0 && ledger.lost == 0"#, false),
        (r#"kafka.group("g").lag == 3 && ledger.lost == 0"#, true),
        (r#"rabbit.queue("q").ready >= 24"#, true),
        (r#"count("kafka.fetched") == 7"#, true),
        ("done(cr) == 1 && held(cr) == 2", true),
        ("time > 12s && time < 12600ms", true),
        ("!(time < 1m)", false),
        ("size(kafka.group(g).members) == 2", true),
        ("sum(rabbit.queues.ready) == 24", true),
        ("all(rabbit.queues.unacked < 2)", true),
        ("any(rabbit.queues, it.ready == 0 && size(it.consumers) == 0)", true),
        ("all(kafka.topic(t).partitions, it.leader != null)", false),
        ("kafka.partition(\"t\", 0).isr == [1, 2]", true),
        ("client(cr).position['t-0'] == 4", true),
    ];
    for (text, expected) in cases {
        assert_eq!(value(text), json!(expected), "{text}");
    }
}

#[test]
fn a_part_of_the_state_is_a_value_too() {
    assert_eq!(value("kafka.topic(t).partitions[1].leader"), Value::Null);
    assert_eq!(value("kafka.topic(t).partition(0).end_offset"), json!(4));
    assert_eq!(value("kafka.topics.partitions.isr"), json!([[1, 2], [2]]));
    assert_eq!(value("rabbit.queues[\"q\"].ready + 1"), json!(25));
    assert_eq!(value("7 / 2"), json!(3.5));
    assert_eq!(value("1.5s"), json!(1_500_000));
    assert_eq!(value("-2 * 3 + 10 % 4"), json!(-4));
    assert_eq!(value("kafka.topic(t)").get("records"), Some(&json!(6)));
}

#[test]
fn what_is_not_there_yet_is_not_true() {
    assert_eq!(value("rabbit.queue(later).ready"), Value::Null);
    assert_eq!(value("rabbit.queue(later).ready == 0"), json!(false));
    assert_eq!(value("rabbit.queue(later).ready < 5"), json!(false));
    assert_eq!(value("rabbit.queue(later) == null"), json!(true));
    assert_eq!(value("size(kafka.group(later).members)"), json!(0));
    assert_eq!(value("all(kafka.group(later).members == 1)"), json!(false));
    let later = Predicate::parse("client(later).busy").expect("a predicate");
    assert_eq!(later.holds(&lab()), Ok(false));
}

#[test]
fn a_wrong_name_is_an_error_with_its_column_and_the_nearest() {
    assert_eq!(
        refused(r#"kafka.group("g").lga == 0"#),
        "column 18: found lga, expected a field of a consumer group; did you mean lag?"
    );
    assert_eq!(
        refused("kafak.group(g).lag"),
        "column 1: found kafak, expected a name such as kafka, rabbit, client, ledger, count or \
         time; did you mean kafka?"
    );
    assert!(refused("count(\"kafka.fetchd\")").ends_with("did you mean kafka.fetched?"));
    assert!(refused("kafka.grup(g).lag == 0").ends_with("did you mean group?"));
    assert!(refused("it.lag == 0").contains("expected it only behind the comma of all(list, ...)"));
}

#[test]
fn a_wrong_form_is_an_error_that_says_what_was_expected() {
    let cases = [
        ("", "column 1: found the end, expected a name, a value or ("),
        ("1 +", "column 4: found the end, expected a name, a value or ("),
        ("1 < 2 < 3", "column 7: found <, expected && or ||: comparisons do not chain"),
        ("time = 5s", "column 6: found =, expected == to compare"),
        ("time > 5 s", "column 10: found s, expected an operator or the end"),
        ("time > 5sec", "column 8: found 5sec, expected a number, or a duration in us ms s m h d"),
        ("\"open", "column 1: found an open quote, expected \" before the end"),
        ("(1", "column 3: found the end, expected )"),
        ("time; 1", "column 5: found ;, expected a name, a value or an operator"),
        ("time.lag", "column 5: found ., expected an operator or the end"),
    ];
    for (text, expected) in cases {
        assert_eq!(refused(text), expected, "{text}");
    }
}

#[test]
fn a_value_of_the_wrong_kind_is_a_sentence_and_no_panic() {
    let holds = |text| Predicate::parse(text).expect("a predicate").holds(&lab());
    assert_eq!(holds("1 + 1"), Err("found 2, expected true or false: 1 + 1".into()));
    assert!(holds("rabbit.queues.ready == 0").unwrap_err().starts_with("found a list"));
    assert_eq!(holds("1 / 0 == 1"), Err("1 / 0 has no value".into()));
    assert!(holds("\"a\" < 1").is_err());
    assert!(holds("1 && true").is_err());
    assert_eq!(holds("true || 1"), Ok(true));
}

#[test]
fn limits_are_kept_and_named() {
    assert!(refused(&" ".repeat(5000)).contains("at most 4096 bytes"));
    let deep = format!("{}1{}", "(".repeat(100), ")".repeat(100));
    assert!(refused(&deep).contains("nested at most 64 deep"));
    let bangs = format!("{}true", "!".repeat(1000));
    assert!(refused(&bangs).contains("nested at most 64 deep"));
    let wide = vec!["1"; 600].join("+");
    assert!(refused(&wide).contains("at most 500 parts"));
}
