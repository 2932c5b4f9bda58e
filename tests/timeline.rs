//! Going to and fro in time: what was recorded happens again, event for event; acting in the past
//! forks, and undo brings the dropped future back.

use pushpull::kafka::spec::{CommitMode, ConsumerSpec, Reads};
use pushpull::lab::command::{
    ClientAct, Command, LabSpec, ProcessAct, ProducerCommand, RabbitTarget,
};
use pushpull::lab::timeline::{Change, Compared};
use pushpull::lab::{Grain, LabError, Outcome, Progress, Timeline};
use pushpull::sim::{Span, Time};
use pushpull::{kafka, rabbit};

fn lab() -> Timeline {
    // Groups do not wait for more members: what is looked at here is the first second.
    let at_once = ("group.initial.rebalance.delay.ms".to_owned(), "0".to_owned());
    let settings = [at_once].into_iter().collect();
    let spec = LabSpec { cost: "lesson".into(), settings, ..LabSpec::default() };
    Timeline::new(&spec).expect("a lab of the default size opens")
}

fn run(timeline: &mut Timeline, command: Command) -> Result<Outcome, LabError> {
    let text = format!("{command:?}");
    let mut execution = timeline.execute(command, &text);
    loop {
        match timeline.work(&mut execution, 1_000) {
            Progress::Done(result) => return result,
            Progress::More => {}
            Progress::Need(_) => panic!("nothing was ever released"),
        }
    }
}

fn finish_seek(timeline: &mut Timeline) {
    while !matches!(timeline.seek_on(100), Progress::Done(())) {}
}

fn create_topic() -> Command {
    Command::Kafka(kafka::command::Ask::CreateTopic {
        topic: "t".into(),
        partitions: Some(1),
        replication_factor: None,
        assignment: Vec::new(),
        settings: Default::default(),
    })
}

fn declare_queue() -> Command {
    Command::Rabbit(rabbit::command::Ask::DeclareQueue {
        queue: "q".into(),
        kind: "classic".into(),
        durable: true,
        auto_delete: false,
        arguments: Default::default(),
    })
}

fn producer(count: u64, every: Span) -> Command {
    Command::Producer(ProducerCommand {
        name: "p".into(),
        kafka: vec!["t".into()],
        rabbit: vec![RabbitTarget { exchange: String::new(), key: Some("q".into()) }],
        count: Some(count),
        every,
        size: None,
        keys: Vec::new(),
        payload: None,
        settings: Default::default(),
    })
}

fn kafka_consumer() -> Command {
    Command::KafkaConsumer(ConsumerSpec {
        name: "ck".into(),
        reads: Reads::Group { group: "g".into(), topics: vec!["t".into()] },
        work_per_batch: Span::ZERO,
        work_per_message: Span::millis(50),
        batch: None,
        commit: CommitMode::After(1),
        effect: None,
        is_share: false,
        to: None,
        stop_after: None,
        settings: [("auto.offset.reset".to_owned(), "earliest".to_owned())].into(),
    })
}

fn rabbit_consumer() -> Command {
    Command::RabbitConsumer(rabbit::spec::ConsumerSpec {
        name: "cr".into(),
        queue: "q".into(),
        prefetch: 2,
        auto_ack: false,
        work_per_message: Span::millis(50),
        memory: 0,
        on_error: rabbit::spec::OnError::Requeue,
        effect: None,
        settings: Default::default(),
    })
}

/// A lab in which both sides carry 10 messages for a second.
fn busy() -> Timeline {
    let mut timeline = lab();
    for command in [
        create_topic(),
        declare_queue(),
        kafka_consumer(),
        rabbit_consumer(),
        producer(10, Span::millis(100)),
        Command::RunFor(Span::seconds(2)),
    ] {
        run(&mut timeline, command).expect("every command of the set-up works");
    }
    timeline
}

fn story(timeline: &Timeline) -> Vec<String> {
    timeline.session().events().since(0).map(|event| event.to_json().to_string()).collect()
}

#[test]
fn both_sides_carry_the_same_messages() {
    let timeline = busy();
    let figures = timeline.session().ledger().figures();
    for side in [&figures.kafka, &figures.rabbit] {
        assert_eq!((side.sent, side.acknowledged), (10, 10));
        assert_eq!((side.processed, side.lost, side.duplicated), (10, 0, 0));
    }
    timeline.session().check().expect("the invariants hold");
}

#[test]
fn the_same_commands_give_the_same_events() {
    assert_eq!(story(&busy()), story(&busy()));
}

#[test]
fn a_lab_that_went_back_and_forth_tells_the_same_story() {
    let mut timeline = busy();
    let (story_once, end) = (story(&timeline), timeline.session().now());
    for to_ms in [1_500, 3, 700, 1_999, 0, 450] {
        timeline.seek(Time::from_micros(to_ms * 1_000).max(timeline.start()));
        finish_seek(&mut timeline);
        let told = story(&timeline);
        assert_eq!(told, story_once[..told.len()], "at {to_ms} ms");
    }
    timeline.seek(end);
    finish_seek(&mut timeline);
    assert_eq!(story(&timeline), story_once);
    assert_eq!(timeline.session().now(), end);
}

#[test]
fn a_step_back_and_a_step_forward_cancel_out() {
    let mut timeline = busy();
    for grain in [Grain::Event, Grain::Message] {
        timeline.seek(Time::from_micros(650_000));
        finish_seek(&mut timeline);
        for _ in 0..20 {
            assert!(matches!(timeline.step_forward(grain, u64::MAX), Progress::Done(true)));
            let after = story(&timeline);
            timeline.step_back(grain);
            finish_seek(&mut timeline);
            assert!(story(&timeline).len() < after.len(), "a step back takes something back");
            assert!(matches!(timeline.step_forward(grain, u64::MAX), Progress::Done(true)));
            assert_eq!(story(&timeline), after);
        }
    }
}

#[test]
fn acting_in_the_past_drops_the_future_and_undo_brings_it_back() {
    let mut timeline = busy();
    let future = story(&timeline);
    timeline.seek(Time::from_micros(500_000));
    finish_seek(&mut timeline);
    assert!(!timeline.future_dropped());
    let pause = ClientAct::Process(ProcessAct::Pause);
    run(&mut timeline, Command::Client { name: "cr".into(), act: pause }).expect("cr is there");
    assert!(timeline.future_dropped());
    run(&mut timeline, Command::RunFor(Span::seconds(2))).expect("time passes");
    let figures = timeline.session().ledger().figures();
    assert!(figures.rabbit.processed < 10, "a paused consumer does not go on");
    assert_eq!(figures.kafka.processed, 10);

    assert!(timeline.undo());
    finish_seek(&mut timeline);
    assert_eq!(timeline.session().now(), Time::from_micros(500_000));
    timeline.seek(timeline.end());
    finish_seek(&mut timeline);
    assert_eq!(story(&timeline), future);
}

#[test]
fn what_was_undone_does_not_happen_by_itself_and_redo_does_it_again() {
    let mut timeline = lab();
    run(&mut timeline, create_topic()).expect("a topic");
    run(&mut timeline, declare_queue()).expect("a queue");
    run(&mut timeline, producer(3, Span::millis(10))).expect("a producer");
    run(&mut timeline, Command::RunFor(Span::seconds(1))).expect("time passes");
    assert_eq!(timeline.session().ledger().figures().kafka.sent, 3);

    assert!(timeline.undo_text().is_some_and(|text| text.contains("Producer")));
    assert!(timeline.undo());
    finish_seek(&mut timeline);
    run(&mut timeline, Command::RunFor(Span::seconds(5))).expect("time passes");
    assert_eq!(timeline.session().ledger().figures().kafka.sent, 0, "it was taken back");

    assert!(timeline.redo());
    finish_seek(&mut timeline);
    run(&mut timeline, Command::RunFor(Span::seconds(1))).expect("time passes");
    assert_eq!(timeline.session().ledger().figures().kafka.sent, 3);
    assert!(!timeline.redo(), "there is nothing more to do again");
}

#[test]
fn a_fresh_lab_can_be_undone() {
    let mut timeline = busy();
    let before = story(&timeline);
    run(&mut timeline, Command::New(LabSpec { seed: 2, ..LabSpec::default() })).expect("a lab");
    assert_eq!(timeline.session().spec().seed, 2);
    assert!(timeline.undo());
    assert_eq!(story(&timeline), before);
    assert!(timeline.redo());
    assert_eq!(timeline.session().spec().seed, 2);
}

#[test]
fn a_refused_command_changes_nothing() {
    let mut timeline = busy();
    let (before, undo) = (story(&timeline), timeline.undo_text().map(str::to_owned));
    let crash = ClientAct::Process(ProcessAct::Crash);
    for (command, expected) in [
        (
            Command::Client { name: "nobody".into(), act: crash.clone() },
            "there is no client nobody",
        ),
        (Command::Client { name: "kafka-1".into(), act: crash }, "kafka-1 is a server"),
        (kafka_consumer(), "consumer ck is running"),
        (
            Command::New(LabSpec { cost: "free".into(), ..LabSpec::default() }),
            "no cost preset free",
        ),
        (
            Command::Node { name: "cr".into(), act: ProcessAct::Crash },
            "cr is a client; `client cr ...` acts on it",
        ),
    ] {
        let error = run(&mut timeline, command).expect_err("it is refused").to_string();
        assert!(error.contains(expected), "{error:?} does not say {expected:?}");
    }
    assert_eq!(story(&timeline), before);
    assert_eq!(timeline.undo_text().map(str::to_owned), undo);
}

fn compare(timeline: &mut Timeline, command: Command, text: &str) -> Compared {
    let change = Box::new(Change { command, text: text.to_owned() });
    match run(timeline, Command::Compare(Some(change))) {
        Ok(Outcome::Compared(compared)) => compared,
        other => panic!("a comparison came to {other:?}"),
    }
}

#[test]
fn a_second_run_with_nothing_changed_never_parts() {
    let mut timeline = busy();
    let command = producer(10, Span::millis(100));
    let text = format!("{command:?}");
    let compared = compare(&mut timeline, command, &text);
    assert_eq!(compared.was.as_deref(), Some(&*text));
    assert_eq!(compared.difference, None);
    let own = story(&timeline);
    let beside = timeline.beside().expect("it is there until it is ended");
    let other: Vec<String> =
        beside.session().events().since(0).map(|event| event.to_json().to_string()).collect();
    assert_eq!(own, other);
}

#[test]
fn a_second_run_goes_wherever_the_first_one_goes() {
    let mut timeline = busy();
    let text = format!("{:?}", producer(10, Span::millis(100)));
    // The first message is sent at once either way; the second one is later.
    let compared = compare(&mut timeline, producer(10, Span::millis(400)), &text);
    let difference = compared.difference.expect("another rate is seen");
    assert!(compared.ledgers[1].kafka.sent < compared.ledgers[0].kafka.sent);
    assert_eq!(timeline.beside().unwrap().session().now(), timeline.session().now());
    timeline.seek(Time::from_micros(difference.at.micros() - 1));
    finish_seek(&mut timeline);
    assert!(timeline.is_followed());
    while matches!(timeline.follow(100), Progress::More) {}
    assert!(!timeline.is_followed());
    let beside = timeline.beside().unwrap();
    assert_eq!(beside.session().now(), timeline.session().now());
    // Before they part both have told the same.
    assert_eq!(beside.session().events().next(), timeline.session().events().next());
    // Acting there makes another future for both.
    run(&mut timeline, Command::CrashAll).unwrap();
    run(&mut timeline, Command::RunFor(Span::millis(100))).unwrap();
    while matches!(timeline.follow(100), Progress::More) {}
    let beside = timeline.beside().unwrap();
    assert_eq!(beside.session().now(), timeline.session().now());
    assert_eq!(
        beside.session().events().count("lab.process"),
        timeline.session().events().count("lab.process")
    );
}
