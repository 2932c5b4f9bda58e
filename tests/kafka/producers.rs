//! Producers: partitions, acknowledgements, retries.

use crate::harness::{Lab, tp};
use pushpull::kafka::command::Command;
use pushpull::kafka::event::Event;
use pushpull::sim::network::DropRule;
use pushpull::sim::{MessageId, NodeId, Span};

/// The network swallows so many answers to Produce requests.
fn swallow_answers(lab: &mut Lab, producer: NodeId, count: u32) {
    let rule = DropRule {
        a: lab.broker,
        b: producer,
        kind: Some("ProduceResponse".to_owned()),
        left: Some(count),
    };
    lab.cluster.world.change_network(|network| network.swallow(rule));
}

fn stored(lab: &Lab, topic: &str) -> Vec<u64> {
    let end = lab.partition(topic, 0).log_end;
    let seen = lab.cluster.glimpse(&tp(topic, 0), 0, end);
    seen.iter().filter_map(|glimpse| glimpse.message).map(|id| id.0).collect()
}

/// Ten messages one after the other; three answers are lost.
fn ten_with_lost_answers(pairs: &[(&str, &str)]) -> Lab {
    let mut lab = Lab::new(1);
    lab.create("t", 1);
    let producer = lab.producer("p", pairs);
    swallow_answers(&mut lab, producer, 3);
    for id in 0..10 {
        lab.send(producer, id, "t");
        lab.run(Span::seconds(100));
    }
    assert_eq!(lab.client("p").done, 10);
    lab
}

#[test]
fn lost_answers_are_retries_and_without_idempotence_duplicates() {
    let lab = ten_with_lost_answers(&[("enable.idempotence", "false")]);
    assert_eq!(stored(&lab, "t").len(), 13);
}

#[test]
fn an_idempotent_producer_is_recognised_when_it_tries_again() {
    let lab = ten_with_lost_answers(&[]);
    assert_eq!(stored(&lab, "t"), (0..10).collect::<Vec<_>>());
}

#[test]
fn records_survive_a_restart_of_the_broker_between_send_and_answer() {
    let mut lab = Lab::new(3);
    lab.create("t", 1);
    let producer = lab.producer("p", &[]);
    for id in 0..40 {
        lab.send(producer, id, "t");
        lab.run(Span::millis(3));
        if id == 20 {
            lab.cluster.world.crash(lab.broker);
        }
        if id == 30 {
            lab.cluster.world.start(lab.broker);
        }
    }
    lab.run(Span::seconds(60));
    assert_eq!(lab.client("p").done, 40);
    assert_eq!(stored(&lab, "t"), (0..40).collect::<Vec<_>>(), "once each, and in order");
}

#[test]
fn with_acks_0_nothing_is_waited_for() {
    let mut lab = Lab::new(1);
    lab.create("t", 1);
    let producer = lab.producer("p", &[("acks", "0")]);
    lab.send(producer, 0, "t");
    lab.run(Span::millis(100));
    let answered = lab.seen.iter().find_map(|seen| match seen.event {
        Event::ProduceAcknowledged { base_offset, .. } => Some((base_offset, seen.at)),
        _ => None,
    });
    let sent = lab.seen.iter().find(|seen| matches!(seen.event, Event::ProduceSent { .. }));
    assert_eq!(answered, Some((-1, sent.expect("it was sent").at)));
    assert_eq!(lab.partition("t", 0).log_end, 1);
}

#[test]
fn keys_go_where_the_java_client_sends_them() {
    let mut lab = Lab::new(1);
    lab.create("t", 3);
    let producer = lab.producer("p", &[]);
    for id in 1..=6_u64 {
        let record = pushpull::kafka::command::OutgoingRecord {
            id: MessageId(id),
            topic: "t".into(),
            partition: None,
            key: Some(format!("user-{id}").into()),
            value: None,
            headers: Vec::new(),
        };
        lab.cluster.command(producer, Command::Send(record.into()));
    }
    lab.run(Span::seconds(1));
    let ends: Vec<i64> = (0..3).map(|number| lab.partition("t", number).log_end).collect();
    // user-1, 2, 3 and 6 hash to 2, user-4 and 5 to 1.
    assert_eq!(ends, [0, 2, 4]);
}

#[test]
fn without_a_key_a_batch_stays_together_and_round_robin_deals_out() {
    let mut lab = Lab::new(1);
    lab.create("sticky", 3);
    lab.create("dealt", 3);
    let sticky = lab.producer("p", &[]);
    let dealing = [("partitioner.class", "RoundRobinPartitioner")];
    let dealt = lab.producer("q", &dealing);
    for id in 0..6 {
        lab.send(sticky, id, "sticky");
        lab.send(dealt, id, "dealt");
    }
    lab.run(Span::seconds(1));
    let ends = |topic: &str| {
        let mut ends: Vec<i64> = (0..3).map(|n| lab.partition(topic, n).log_end).collect();
        ends.sort_unstable();
        ends
    };
    assert_eq!(ends("sticky"), [0, 0, 6]);
    assert_eq!(ends("dealt"), [2, 2, 2]);
}

#[test]
fn batches_fill_up_to_their_size() {
    let mut lab = Lab::new(1);
    lab.create("t", 1);
    let producer = lab.producer("p", &[]);
    for id in 0..1000 {
        lab.send_to(producer, id, "t", None, &"x".repeat(100));
    }
    lab.run(Span::seconds(1));
    let sizes: Vec<u64> = lab
        .seen
        .iter()
        .filter_map(|seen| match &seen.event {
            Event::Appended { partition, bytes, .. } if &*partition.topic == "t" => Some(*bytes),
            _ => None,
        })
        .collect();
    // 100 bytes and the id need 113 to 116 bytes a record: 7 batches of at most 16,384.
    assert_eq!(sizes.len(), 7 + 1, "{sizes:?}");
    assert!(sizes.iter().all(|size| *size <= 16_384));
}

#[test]
fn what_cannot_be_sent_is_given_up_with_the_real_sentences() {
    let mut lab = Lab::with(1, "lesson", &[("auto.create.topics.enable", "false")]);
    lab.create("t", 1);
    let producer = lab.producer("p", &[("max.block.ms", "1000"), ("delivery.timeout.ms", "31000")]);
    lab.send_to(producer, 0, "t", None, &"x".repeat(1_100_000));
    lab.send(producer, 1, "missing");
    lab.run(Span::seconds(5));
    lab.cluster.world.pause(lab.broker);
    lab.send(producer, 2, "t");
    lab.run(Span::seconds(60));
    let errors: Vec<String> = lab
        .seen
        .iter()
        .filter_map(|seen| match &seen.event {
            Event::ProduceFailed { error, .. } => Some(format!("{}: {error}", error.name)),
            _ => None,
        })
        .collect();
    assert_eq!(
        errors,
        [
            "RecordTooLargeException: The message is 1100093 bytes when serialized which is larger \
             than 1048576, which is the value of the max.request.size configuration.",
            "TimeoutException: Topic missing not present in metadata after 1000 ms.",
            "TimeoutException: Expiring 1 record(s) for t-0:31000 ms has passed since batch \
             creation",
        ]
    );
}

#[test]
fn batches_behind_a_lost_one_are_refused_and_come_again_in_order() {
    let mut lab = Lab::new(1);
    lab.create("t", 1);
    let producer = lab.producer("p", &[("linger.ms", "0")]);
    lab.send(producer, 0, "t");
    lab.run(Span::seconds(1));
    let rule =
        DropRule { a: lab.broker, b: producer, kind: Some("Produce".to_owned()), left: Some(1) };
    lab.cluster.world.change_network(|network| network.swallow(rule));
    for id in 1..10 {
        lab.send(producer, id, "t");
        lab.run(Span::millis(1));
    }
    lab.run(Span::seconds(20));
    assert_eq!(stored(&lab, "t"), [0], "those behind it are out of order");
    lab.run(Span::seconds(20));
    assert_eq!(stored(&lab, "t"), (0..10).collect::<Vec<_>>());
    assert_eq!(lab.client("p").done, 10);
}

#[test]
fn a_batch_that_was_given_up_does_not_block_the_next_ones() {
    let mut lab = Lab::new(1);
    lab.create("t", 1);
    let producer = lab.producer("p", &[("linger.ms", "0"), ("delivery.timeout.ms", "30000")]);
    lab.send(producer, 0, "t");
    lab.run(Span::seconds(1));
    let rule =
        DropRule { a: lab.broker, b: producer, kind: Some("Produce".to_owned()), left: Some(1) };
    lab.cluster.world.change_network(|network| network.swallow(rule));
    lab.send(producer, 1, "t");
    lab.run(Span::seconds(40));
    assert_eq!(lab.client("p").failed, 1);
    lab.send(producer, 2, "t");
    lab.run(Span::seconds(5));
    assert_eq!(stored(&lab, "t"), [0, 2], "a new epoch began");
}

#[test]
fn a_batch_over_max_message_bytes_is_refused_by_the_broker() {
    let mut lab = Lab::new(1);
    lab.create_with("t", 1, &[("max.message.bytes", "500")]);
    let producer = lab.producer("p", &[]);
    lab.send_to(producer, 0, "t", None, &"x".repeat(1_000));
    let failed = lab.run_until("a failure", |e| matches!(e, Event::ProduceFailed { .. }));
    let Event::ProduceFailed { error, .. } = failed else { unreachable!() };
    assert_eq!((error.code, error.name.as_str()), (10, "MESSAGE_TOO_LARGE"));
    assert_eq!(
        error.sentence,
        "The request included a message larger than the max message size the server will accept."
    );
}
