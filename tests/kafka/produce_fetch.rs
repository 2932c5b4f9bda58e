//! Records on their way from a producer through the log to a consumer.

use crate::harness::{Lab, consumer, settings, tp};
use pushpull::kafka::event::Event;
use pushpull::kafka::spec::{ConsumerSpec, Reads, StartAt};
use pushpull::sim::{MessageId, Span};

/// A producer that knows its topic already, so that the next `send()` does not wait for metadata.
fn warm_producer(lab: &mut Lab, topic: &str, pairs: &[(&str, &str)]) -> pushpull::sim::NodeId {
    let producer = lab.producer("p", pairs);
    lab.send(producer, 900, topic);
    lab.run(Span::seconds(1));
    producer
}

#[test]
fn a_record_lingers_travels_is_appended_fetched_and_processed() {
    let mut lab = Lab::new(1);
    lab.create("orders", 1);
    let producer = warm_producer(&mut lab, "orders", &[]);
    lab.consumer(consumer("c", "orders", "g", Span::millis(5)));
    lab.run(Span::millis(100));
    let sent = lab.now();
    lab.send(producer, 0, "orders");
    lab.run(Span::millis(100));
    assert_eq!(lab.times("kafka.producer_buffered", sent), [0]);
    assert_eq!(lab.times("kafka.produce_sent", sent), [5], "linger.ms");
    assert_eq!(lab.times("kafka.appended", sent), [6], "one way");
    assert_eq!(lab.times("kafka.high_watermark_advanced", sent), [6], "the ISR is one");
    assert_eq!(lab.times("kafka.produce_acknowledged", sent), [7]);
    assert_eq!(lab.times("kafka.fetched", sent), [7], "the parked Fetch is answered at once");
    assert_eq!(lab.times("kafka.processing_started", sent), [7]);
    assert_eq!(lab.times("kafka.processed", sent), [12]);
    let partition = lab.partition("orders", 0);
    assert_eq!((partition.log_end, partition.high_watermark), (2, 2));
    assert_eq!((partition.leader, partition.isr), (Some(1), vec![1]));
    let seen = lab.cluster.glimpse(&tp("orders", 0), 0, 10);
    let ids: Vec<_> = seen.iter().map(|glimpse| (glimpse.offset, glimpse.message)).collect();
    assert_eq!(ids, [(0, Some(MessageId(900))), (1, Some(MessageId(0)))]);
}

#[test]
fn an_empty_fetch_is_answered_after_half_a_second_and_asked_again() {
    let mut lab = Lab::new(1);
    lab.create("orders", 1);
    lab.consumer(consumer("c", "orders", "g", Span::ZERO));
    let from = lab.now();
    lab.run(Span::millis(1_600));
    // There and back is 2 ms, and fetch.max.wait.ms is 500.
    assert_eq!(lab.times("kafka.fetch_sent", from), [0, 502, 1004, 1506]);
    assert_eq!(lab.times("kafka.fetch_parked", from), [1, 503, 1005, 1507]);
    assert_eq!(lab.times("kafka.fetched_nothing", from), [502, 1004, 1506]);
    assert!(lab.client("c").parked_since.is_some());
}

#[test]
fn a_slow_consumer_holds_what_it_works_on_and_one_fetch_more() {
    let mut lab = Lab::new(1);
    lab.create("t", 1);
    lab.consumer(consumer("ck", "t", "g", Span::seconds(10)));
    let producer = lab.producer("p", &[]);
    for id in 0..25 {
        lab.send(producer, id, "t");
        lab.run(Span::millis(200));
    }
    let client = lab.client("ck");
    assert_eq!(lab.partition("t", 0).log_end, 25);
    assert_eq!(client.held, [MessageId(0), MessageId(1)], "m0 in work, m1 fetched ahead");
    let fetches = lab.count("kafka.fetch_sent");
    lab.run(Span::seconds(4));
    assert_eq!(lab.count("kafka.fetch_sent"), fetches, "the handler works: nothing is asked");
    lab.run(Span::seconds(3));
    assert_eq!(lab.processed("ck"), [0]);
    assert_eq!(lab.client("ck").got, 25, "the next Fetch brought all that had come meanwhile");
}

#[test]
fn a_fetch_brings_at_most_a_mebibyte_of_a_partition() {
    let mut lab = Lab::new(1);
    lab.create("t", 1);
    let producer = lab.producer("p", &[]);
    let value = "x".repeat(10_000);
    for id in 0..500 {
        lab.send_to(producer, id, "t", None, &value);
    }
    lab.run(Span::seconds(2));
    lab.consumer(consumer("ck", "t", "g", Span::millis(50)));
    lab.run(Span::seconds(1));
    let client = lab.client("ck");
    // A batch of one such record has 10,000 bytes and some: 104 of them are less than 1 MiB.
    let first = lab.run_until("records", |event| matches!(event, Event::Fetched { .. }));
    assert!(matches!(first, Event::Fetched { messages, .. } if messages.len() == 104));
    assert_eq!(client.got, 208);
    assert_eq!(client.held_count + client.done, 208);
}

#[test]
fn poll_hands_out_max_poll_records_and_a_buffered_broker_is_not_asked() {
    let mut lab = Lab::new(1);
    lab.create("t", 1);
    let producer = lab.producer("p", &[]);
    for id in 0..10 {
        lab.send(producer, id, "t");
    }
    lab.run(Span::seconds(1));
    let spec = ConsumerSpec {
        settings: settings(&[("auto.offset.reset", "earliest"), ("max.poll.records", "4")]),
        ..consumer("c", "t", "g", Span::millis(100))
    };
    lab.consumer(spec);
    lab.run(Span::millis(50));
    let client = lab.client("c");
    assert_eq!((client.got, client.held_count), (10, 10));
    assert_eq!(client.positions, [(tp("t", 0), 4)], "position() is behind what poll() returned");
    assert_eq!(lab.count("kafka.fetch_sent"), 1);
    lab.run(Span::seconds(2));
    assert_eq!(lab.processed("c"), (0..10).collect::<Vec<_>>());
}

#[test]
fn a_consumer_with_partitions_of_its_own_reads_without_a_group() {
    let mut lab = Lab::new(1);
    lab.create("t", 2);
    let producer = lab.producer("p", &[]);
    for id in 0..6 {
        lab.send_to(producer, id, "t", Some((id % 2) as i32), "v");
    }
    lab.run(Span::seconds(1));
    let reads = Reads::Assigned { topic: "t".into(), partition: Some(1), from: StartAt::Offset(1) };
    let spec =
        ConsumerSpec { reads, stop_after: Some(2), ..consumer("c", "t", "unused", Span::ZERO) };
    lab.consumer(spec);
    lab.run(Span::seconds(1));
    assert_eq!(lab.processed("c"), [3, 5]);
    assert_eq!(lab.count("kafka.client_finished"), 1);
    assert!(lab.cluster.groups().is_empty());
}

#[test]
fn a_topic_that_does_not_exist_is_waited_for() {
    let mut lab = Lab::with(1, "lesson", &[("auto.create.topics.enable", "false")]);
    let spec = consumer("c", "late", "g", Span::ZERO);
    let id = lab.cluster.add("c", pushpull::kafka::spec::Spec::Consumer(spec), Default::default());
    lab.run(Span::seconds(5));
    assert!(!lab.cluster.is_ready(id));
    assert_eq!(lab.count("kafka.client_error"), 1, "it is told once");
    lab.create("late", 1);
    lab.until_ready(id);
}

#[test]
fn a_topic_is_made_by_the_first_who_asks_for_it() {
    let mut lab = Lab::with(1, "lesson", &[("num.partitions", "3")]);
    let producer = lab.producer("p", &[]);
    lab.send(producer, 0, "made");
    lab.run(Span::seconds(1));
    assert_eq!(lab.count("kafka.produce_acknowledged"), 1);
    let topics = lab.cluster.topics();
    let made = topics.iter().find(|topic| topic.name == "made").expect("it was made");
    assert_eq!(made.partitions.len(), 3);
}
