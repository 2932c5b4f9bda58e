//! What the tools ask and are answered.

use crate::harness::{Lab, consumer, settings, tp};
use pushpull::kafka::command::{Answer, Ask, GroupListing, GroupType, NewOffset, ResetTo};
use pushpull::kafka::event::TopicPartition;
use pushpull::kafka::spec::Settings;
use pushpull::sim::Span;

fn create(topic: &str, partitions: i32, factor: i16, settings: Settings) -> Ask {
    Ask::CreateTopic {
        topic: topic.to_owned(),
        partitions: Some(partitions),
        replication_factor: Some(factor),
        assignment: Vec::new(),
        settings,
    }
}

/// Code, name and sentence of an error.
fn refused(lab: &mut Lab, ask: Ask) -> String {
    let error = lab.ask(ask).expect_err("it is wrong");
    format!("{} {} {}", error.code, error.name, error.sentence)
}

fn new_offset(partition: TopicPartition, offset: i64, asked: i64) -> NewOffset {
    NewOffset { partition, offset, asked: Some(asked) }
}

#[test]
fn wrong_topics_are_refused_with_the_real_sentences() {
    let mut lab = Lab::new(1);
    lab.create("orders", 2);
    let none = Settings::new;
    let cases = [
        (create("orders", 1, 1, none()), "36 TOPIC_ALREADY_EXISTS Topic 'orders' already exists."),
        (
            create("a b", 1, 1, none()),
            "17 INVALID_TOPIC_EXCEPTION Topic name is invalid: 'a b' contains one or more \
             characters other than ASCII alphanumerics, '.', '_' and '-'",
        ),
        (
            create("", 1, 1, none()),
            "17 INVALID_TOPIC_EXCEPTION Topic name is invalid: the empty string is not allowed",
        ),
        (
            create("t", 0, 1, none()),
            "37 INVALID_PARTITIONS Number of partitions was set to an invalid non-positive value.",
        ),
        (
            create("t", 1, 0, none()),
            "38 INVALID_REPLICATION_FACTOR Replication factor must be larger than 0, or -1 to use \
             the default value.",
        ),
        (
            create("t", 1, 3, none()),
            "38 INVALID_REPLICATION_FACTOR Unable to replicate the partition 3 time(s): The target \
             replication factor of 3 cannot be reached because only 1 broker(s) are registered.",
        ),
        (
            create("t", 1, 1, settings(&[("retention", "1")])),
            "40 INVALID_CONFIG Unknown topic config name: retention",
        ),
        (
            create("t", 1, 1, settings(&[("retention.ms", "a week")])),
            "40 INVALID_CONFIG Invalid value a week for configuration retention.ms: Not a number \
             of type LONG",
        ),
        (
            Ask::DeleteTopic { topic: "missing".into() },
            "3 UNKNOWN_TOPIC_OR_PARTITION This server does not host this topic-partition.",
        ),
        (
            Ask::AddPartitions { topic: "orders".into(), partitions: 1 },
            "37 INVALID_PARTITIONS The topic orders currently has 2 partition(s); 1 would not be \
             an increase.",
        ),
        (
            Ask::AddPartitions { topic: "orders".into(), partitions: 2 },
            "37 INVALID_PARTITIONS Topic already has 2 partition(s).",
        ),
        (
            Ask::DescribeGroup { group: "nobody".into(), share: false, lag: false },
            "69 GROUP_ID_NOT_FOUND Consumer group 'nobody' does not exist.",
        ),
    ];
    for (ask, expected) in cases {
        assert_eq!(refused(&mut lab, ask), expected);
    }
}

#[test]
fn topics_are_described_grown_listed_and_deleted() {
    let mut lab = Lab::new(1);
    lab.create_with("orders", 1, &[("retention.ms", "1000")]);
    let add = Ask::AddPartitions { topic: "orders".into(), partitions: 3 };
    assert_eq!(lab.ask(add), Ok(Answer::Done));
    let Ok(Answer::Topics(topics)) = lab.ask(Ask::DescribeTopics { topics: vec![] }) else {
        panic!("topics are described")
    };
    assert_eq!(topics.len(), 1);
    let topic = &topics[0];
    assert_eq!((topic.topic.as_str(), topic.id.len()), ("orders", 22));
    assert_eq!(topic.settings, settings(&[("retention.ms", "1000")]));
    let described: Vec<_> = topic.partitions.iter().map(|p| (p.partition, p.leader)).collect();
    assert_eq!(described, [(0, Some(1)), (1, Some(1)), (2, Some(1))]);
    lab.run(Span::seconds(10));
    lab.cluster.world.crash(lab.broker);
    lab.cluster.world.start(lab.broker);
    let Ok(Answer::Topics(again)) = lab.ask(Ask::DescribeTopics { topics: vec![] }) else {
        panic!("topics are described")
    };
    assert_eq!(again, topics, "a restarted broker knows them");
    assert_eq!(lab.ask(Ask::DeleteTopic { topic: "orders".into() }), Ok(Answer::Done));
    assert_eq!(lab.ask(Ask::ListTopics), Ok(Answer::Names(vec![])));
    assert_eq!(lab.cluster.world.disk(lab.broker).with_prefix("orders-").count(), 0);
}

#[test]
fn offsets_are_found_by_time() {
    let mut lab = Lab::new(1);
    lab.create("t", 1);
    let producer = lab.producer("p", &[("linger.ms", "0")]);
    let mut times = Vec::new();
    for id in 0..10 {
        lab.send(producer, id, "t");
        lab.run(Span::seconds(1));
        let seen = lab.seen.iter().rev();
        let sent = seen.into_iter().find(|seen| seen.event.name() == "kafka.producer_buffered");
        times.push(sent.expect("it was sent").at.millis() as i64);
    }
    let mut at = |time: i64| {
        let ask = Ask::ListOffsets { topics: vec![("t".into(), vec![])], internal: true, time };
        match lab.ask(ask) {
            Ok(Answer::Offsets(offsets)) => offsets[0].1,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!((at(-2), at(-1), at(-3)), (Some(0), Some(10), Some(9)));
    assert_eq!(at(times[4]), Some(4));
    assert_eq!(at(times[4] + 1), Some(5));
    assert_eq!(at(times[9] + 1), None);
}

#[test]
fn a_group_is_described_reset_and_deleted() {
    let mut lab = Lab::new(1);
    lab.create("t", 2);
    let producer = lab.producer("p", &[]);
    for id in 0..10 {
        lab.send_to(producer, id, "t", Some((id % 2) as i32), "v");
    }
    let reader = lab.consumer(consumer("c", "t", "g", Span::ZERO));
    lab.run(Span::seconds(6));
    let describe = Ask::DescribeGroup { group: "g".into(), share: false, lag: false };
    let Ok(Answer::Group(group)) = lab.ask(describe.clone()) else { panic!("it is there") };
    assert_eq!((group.state.as_str(), group.assignor.as_str()), ("Stable", "range"));
    assert_eq!(group.members[0].client, "c");
    assert!(group.members[0].member.starts_with("c-"));
    let rows: Vec<_> = group.offsets.iter().map(|row| (row.committed, row.end)).collect();
    assert_eq!(rows, [(Some(5), 5), (Some(5), 5)]);
    let reset = |to, execute| Ask::ResetOffsets {
        group: "g".into(),
        topics: vec![("t".into(), vec![0])],
        to,
        execute,
        share: false,
    };
    assert_eq!(
        refused(&mut lab, reset(ResetTo::Earliest, true)),
        "-1 IllegalStateException Assignments can only be reset if the group 'g' is inactive, but \
         the current state is Stable."
    );
    let delete = Ask::DeleteGroup { group: "g".into(), share: false };
    assert_eq!(refused(&mut lab, delete.clone()), "68 NON_EMPTY_GROUP The group is not empty.");
    lab.cluster.world.stop(reader);
    lab.run(Span::seconds(1));
    let shifted = Ok(Answer::Reset(vec![new_offset(tp("t", 0), 3, 3)]));
    assert_eq!(lab.ask(reset(ResetTo::ShiftBy(-2), false)), shifted);
    let still = lab.cluster.groups()[0].offsets[0].committed;
    assert_eq!(still, Some(5), "a dry run changes nothing");
    assert_eq!(lab.ask(reset(ResetTo::ShiftBy(-2), true)), shifted);
    assert_eq!(lab.cluster.groups()[0].offsets[0].committed, Some(3));
    let beyond = lab.ask(reset(ResetTo::Offset(99), true));
    assert_eq!(
        beyond,
        Ok(Answer::Reset(vec![new_offset(tp("t", 0), 5, 99)])),
        "not behind the end"
    );
    let kind = GroupType::Classic;
    let listed = vec![GroupListing { group: "g".into(), kind, state: "Empty" }];
    assert_eq!(lab.ask(Ask::ListGroups), Ok(Answer::Groups(listed)));
    assert_eq!(lab.ask(delete), Ok(Answer::Done));
    assert_eq!(lab.ask(Ask::ListGroups), Ok(Answer::Groups(vec![])));
    assert!(lab.ask(describe).is_err());
}

#[test]
fn a_question_waits_for_a_broker_that_starts_and_times_out_without_one() {
    let mut lab = Lab::new(1);
    lab.create("t", 1);
    lab.cluster.world.crash(lab.broker);
    let mut without = lab.clone();
    lab.cluster.world.start(lab.broker);
    assert_eq!(lab.ask(Ask::ListTopics), Ok(Answer::Names(vec!["t".into()])));
    let error = without.ask(Ask::ListTopics).expect_err("nobody answers");
    assert_eq!(error.sentence, "Timed out waiting for a node assignment. Call: listTopics");
}
