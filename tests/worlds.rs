//! The starting worlds of the free lab: each is made without an error, and shows what it says.

use pushpull::lab::Timeline;
use pushpull::lab::command::LabSpec;
use pushpull::lesson::condition::Condition;
use pushpull::shell::run::{Progress, Running};
use pushpull::view::worlds::WORLDS;

/// What each world shows once its lines have run, and after as much time again.
const SHOWN: [(&str, &str, &str, &str); 6] = [
    // Twenty a second come in, five are done by each consumer.
    (
        "slow-consumer",
        "kafka.group(\"shop\").lag > 50",
        "run 5s",
        "rabbit.queue(\"orders\").messages > 100",
    ),
    // The session is over nine seconds after the crash at the latest.
    (
        "broker-failure",
        "kafka.broker(\"kafka-1\").status != \"running\"",
        "run 12s",
        "all(kafka.topic(\"orders\").partitions, it.leader != 1 && it.leader != null)",
    ),
    // Four a second for five seconds; 400 ms each are two and a half a second.
    (
        "fan-out",
        "client(\"mail-r\").done >= 18 && client(\"mail-k\").done >= 18",
        "run 5s",
        "kafka.group(\"stats\").lag > 5 && rabbit.queue(\"stats\").messages > 5",
    ),
    // Half of 25 a second have one key: more than the ten a second of its partition's reader.
    (
        "hot-key",
        "ledger.sent >= 100",
        "run 20s",
        "kafka.group(\"shop\").lag > 20 && rabbit.queue(\"orders\").messages < 20",
    ),
    (
        "poison-message",
        "count(\"rabbit.handler_failed\") >= 1",
        "run 20s",
        "rabbit.queue(\"dead\").messages == 1 && count(\"rabbit.handler_failed\") == 4",
    ),
    // A hundred of the five hundred are done in two seconds.
    (
        "traffic-spike",
        "kafka.group(\"shop\").lag > 200 && rabbit.queue(\"orders\").messages > 200",
        "run 30s",
        "kafka.group(\"shop\").lag < 20 && rabbit.queue(\"orders\").messages < 20",
    ),
];

/// Runs lines to their end; they must all be right.
fn run(timeline: &mut Timeline, text: &str) {
    let mut running = Running::new(text);
    loop {
        match running.work(timeline, 10_000) {
            Progress::Ran(ran) => assert!(ran.right, "{}: {:?}", ran.text, ran.error),
            Progress::More => {}
            Progress::Need(_) => panic!("nothing is stored"),
            Progress::End => return,
        }
    }
}

#[test]
fn every_world_shows_what_it_says() {
    for (world, (id, at_once, more, later)) in WORLDS.iter().zip(SHOWN) {
        assert_eq!(world.id, id);
        let mut timeline = Timeline::new(&LabSpec::default()).expect("a lab");
        run(&mut timeline, world.script);
        let holds = |timeline: &Timeline, text: &str| {
            Condition::parse(text).expect(text).holds(timeline.session())
        };
        assert!(holds(&timeline, at_once), "{id}: {at_once}");
        run(&mut timeline, more);
        assert!(holds(&timeline, later), "{id}: {later}");
    }
}
