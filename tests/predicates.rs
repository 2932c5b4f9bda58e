//! The state that `state` prints has the shape that predicates know: no field more, and none that
//! is never there.

use pushpull::lab::Timeline;
use pushpull::lab::command::LabSpec;
use pushpull::lab::predicate::Predicate;
use pushpull::lab::predicate::shape::{Object, STATE, Shape};
use pushpull::shell::run::{Progress, Running};
use serde_json::Value;
use std::collections::BTreeSet;

/// A lab of the time before KRaft has figures of its own.
const OLDER: &str = "lab new --coordinator zookeeper\nrun 12s";

const SCRIPT: &str = "
kafka-topics --create --topic t --partitions 2 --replication-factor 3
rabbitmqadmin declare exchange --name x --type fanout
rabbitmqadmin declare queue --name q
rabbitmqadmin declare binding --source x --destination-type queue --destination q --routing-key ''
producer p --kafka t --rabbit x --count 3
consumer ck --kafka t --group g --set auto.offset.reset=earliest
consumer cr --rabbit q
kafka-topics --create --topic sums --partitions 1
producer pt --kafka sums --count 2 --transaction 2
run 12s
";

fn run(script: &str) -> Timeline {
    let mut timeline = Timeline::new(&LabSpec::default()).expect("a lab boots");
    let mut running = Running::new(script);
    loop {
        match running.work(&mut timeline, 10_000) {
            Progress::End => return timeline,
            Progress::Ran(ran) => assert!(ran.right, "{}: {:?}", ran.text, ran.error),
            Progress::More => {}
            Progress::Need(_) => panic!("everything is in memory"),
        }
    }
}

/// Walks state and shape together; `seen` gets the fields that are there.
fn compare(value: &Value, shape: Shape, at: &str, seen: &mut BTreeSet<String>) {
    let mut object = |value: &Value, of: &'static Object, at: &str| {
        let Value::Object(fields) = value else { panic!("{at}: {value} is no object") };
        for (name, value) in fields {
            let shape = of.field(name).unwrap_or_else(|| panic!("{at}.{name} is not in the shape"));
            seen.insert(format!("{}.{name}", of.called));
            compare(value, shape, &format!("{at}.{name}"), seen);
        }
    };
    match (shape, value) {
        (Shape::Object(of), value) => object(value, of, at),
        (Shape::Map(of), Value::Object(map)) => map.iter().for_each(|(name, value)| {
            object(value, of, &format!("{at}[{name}]"));
        }),
        (Shape::List(of), Value::Array(list)) => list.iter().for_each(|v| object(v, of, at)),
        (Shape::Values, Value::Array(list)) => {
            assert!(list.iter().all(|v| !v.is_object() && !v.is_array()), "{at}");
        }
        (Shape::ValueMap, Value::Object(map)) => {
            assert!(map.values().all(|v| !v.is_object() && !v.is_array()), "{at}");
        }
        (Shape::Value, value) => assert!(!value.is_object() && !value.is_array(), "{at}"),
        (_, value) => panic!("{at}: {value} has another shape"),
    }
}

fn all_fields(object: &'static Object, known: &mut BTreeSet<String>) {
    for (name, shape) in object.fields {
        if known.insert(format!("{}.{name}", object.called))
            && let Some(inner) = shape.object()
        {
            all_fields(inner, known);
        }
    }
}

#[test]
fn the_state_has_the_shape_that_predicates_know() {
    let timeline = run(SCRIPT);
    let (mut seen, mut known) = (BTreeSet::new(), BTreeSet::new());
    for timeline in [timeline, run(OLDER)] {
        compare(&timeline.session().state(), Shape::Object(&STATE), "state", &mut seen);
    }
    all_fields(&STATE, &mut known);
    let never: Vec<_> = known.difference(&seen).collect();
    assert!(never.is_empty(), "never there: {never:?}");
}

#[test]
fn the_session_answers_what_the_state_says() {
    let timeline = run(SCRIPT);
    let session = timeline.session();
    let holds = [
        "time > 5s",
        "kafka.topic(t).records == 3 && kafka.topics[\"t\"].records == 3",
        "sum(kafka.topic(t).partitions.records) == 3",
        "kafka.partition(\"t\", 0).leader == kafka.partition(t, 0).replicas[0]",
        "kafka.group(g).lag == 0 && size(kafka.group(g).members) == 1",
        "size(kafka.partition(\"t\", 0).isr) == 3 && size(kafka.brokers) == 3",
        "kafka.broker(\"kafka-1\").status == \"running\"",
        "kafka.controller(\"controller-1\").status == \"running\"",
        "rabbit.node(\"rabbit-1\").status == \"running\"",
        "rabbit.exchange(x).type == \"fanout\"",
        "rabbit.queue(q).messages == 0 && size(rabbit.queue(q).consumers) == 1",
        "size(rabbit.bindings) == 1 && rabbit.bindings[0].source == \"x\"",
        "done(ck) == 3 && got(cr) == 3 && held(cr) == 0",
        "client(p).kafka.done == 3 && client(p).rabbit.done == 3 && client(p).sent == 3",
        "count(\"rabbit.delivered\") == 3 && events[\"rabbit.delivered\"] == 3",
        "ledger.lost == 0 && ledger.kafka.processed == 3 && ledger.rabbit.processed == 3",
        "all(rabbit.queues.ready == 0) && all(kafka.groups, it.lag == 0)",
        "kafka.group(other) == null",
    ];
    for text in holds {
        let predicate = Predicate::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(predicate.holds(session), Ok(true), "{text}");
    }
}
