//! Groups: what is committed when, and where a consumer begins.

use crate::harness::{Lab, consumer, settings, tp};
use pushpull::kafka::command::Command;
use pushpull::kafka::event::Event;
use pushpull::kafka::spec::{CommitMode, ConsumerSpec, Spec};
use pushpull::sim::{Disk, NodeId, Span};

fn filled(records: u64) -> (Lab, NodeId) {
    let mut lab = Lab::new(1);
    lab.create("t", 1);
    let producer = lab.producer("p", &[]);
    for id in 0..records {
        lab.send(producer, id, "t");
    }
    lab.run(Span::seconds(1));
    (lab, producer)
}

fn committed(lab: &Lab) -> Option<i64> {
    let groups = lab.cluster.groups();
    let group = groups.iter().find(|group| group.id == "g")?;
    group.offsets.iter().find(|position| position.partition == tp("t", 0))?.committed
}

#[test]
fn auto_commit_happens_in_poll_and_covers_what_earlier_polls_returned() {
    let (mut lab, _) = filled(300);
    let spec = ConsumerSpec { batch: Some(10), ..consumer("c", "t", "g", Span::millis(100)) };
    let reader = lab.consumer(spec);
    let first = lab.run_until("work", |event| matches!(event, Event::ProcessingStarted { .. }));
    assert!(matches!(first, Event::ProcessingStarted { offset: 0, .. }));
    // Polls come every second; the first one after 5 s commits, and the first after 10 s.
    lab.run(Span::millis(13_250));
    let commits: Vec<i64> = lab
        .seen
        .iter()
        .filter_map(|seen| match seen.event {
            Event::OffsetCommitted { offset, .. } => Some(offset),
            _ => None,
        })
        .collect();
    assert_eq!(commits, [50, 100]);
    assert_eq!(lab.processed("c").len(), 132);
    lab.cluster.world.crash(reader);
    lab.run(Span::seconds(1));
    lab.cluster.world.start(reader);
    // The group waits for the dead member until its session is over, 45 s after its last heartbeat.
    lab.run(Span::seconds(50));
    assert_eq!(lab.processed("c")[132], 100, "32 are read twice");
}

#[test]
fn commit_before_loses_and_commit_after_repeats() {
    for (mode, next) in [(CommitMode::Before, 10), (CommitMode::After(1), 3)] {
        let (mut lab, _) = filled(10);
        let reader = lab
            .consumer(ConsumerSpec { commit: mode, ..consumer("c", "t", "g", Span::millis(100)) });
        lab.run_until("the third", |event| matches!(event, Event::Processed { offset: 2, .. }));
        lab.run(Span::millis(10));
        lab.cluster.world.crash(reader);
        lab.run(Span::millis(10));
        assert_eq!(committed(&lab), Some(next), "{mode:?}");
    }
}

#[test]
fn after_n_commits_every_n_and_a_polite_stop_commits_the_rest() {
    let (mut lab, _) = filled(10);
    let reader = lab.consumer(ConsumerSpec {
        commit: CommitMode::After(4),
        ..consumer("c", "t", "g", Span::millis(100))
    });
    lab.run_until("the sixth", |event| matches!(event, Event::Processed { offset: 5, .. }));
    assert_eq!(committed(&lab), Some(4));
    lab.cluster.world.stop(reader);
    lab.run(Span::seconds(1));
    assert_eq!(committed(&lab), Some(6));
    assert_eq!(lab.cluster.groups()[0].state, "Empty");
}

#[test]
fn seek_and_commit_by_command() {
    let (mut lab, _) = filled(10);
    let spec = ConsumerSpec {
        settings: settings(&[
            ("auto.offset.reset", "earliest"),
            ("enable.auto.commit", "false"),
            ("max.poll.records", "6"),
        ]),
        ..consumer("c", "t", "g", Span::ZERO)
    };
    let reader = lab.consumer(spec);
    lab.run(Span::seconds(1));
    lab.cluster.command(reader, Command::Commit(tp("t", 0), 4));
    lab.run(Span::seconds(1));
    assert_eq!(committed(&lab), Some(4));
    assert_eq!(lab.cluster.groups()[0].offsets[0].lag, 6);
    lab.cluster.command(reader, Command::Seek(tp("t", 0), 8));
    lab.run(Span::seconds(1));
    assert_eq!(lab.processed("c")[10..], [8, 9]);
    lab.cluster.world.crash(reader);
    lab.cluster.world.start(reader);
    lab.run(Span::seconds(50));
    assert_eq!(lab.processed("c")[12], 4, "the next one to read, not the last one read");
}

#[test]
fn committed_offsets_survive_the_broker() {
    let (mut lab, _) = filled(10);
    let reader = lab.consumer(consumer("c", "t", "g", Span::ZERO));
    lab.run(Span::seconds(6));
    assert_eq!(committed(&lab), Some(10));
    lab.cluster.world.stop(reader);
    lab.run(Span::seconds(1));
    lab.cluster.world.crash(lab.broker);
    lab.cluster.world.start(lab.broker);
    lab.run(Span::seconds(1));
    assert_eq!(committed(&lab), Some(10), "read from __consumer_offsets");
    let groups = lab.cluster.groups();
    assert_eq!((groups.len(), groups[0].state.as_str()), (1, "Empty"));
}

#[test]
fn a_consumer_goes_on_when_its_broker_comes_back() {
    let (mut lab, producer) = filled(10);
    lab.consumer(consumer("c", "t", "g", Span::ZERO));
    lab.run(Span::seconds(1));
    lab.cluster.world.crash(lab.broker);
    lab.run(Span::seconds(3));
    lab.cluster.world.start(lab.broker);
    lab.send(producer, 10, "t");
    lab.run(Span::seconds(10));
    assert_eq!(lab.processed("c"), (0..=10).collect::<Vec<_>>(), "it kept its position");
    assert_eq!(lab.cluster.groups()[0].state, "Stable");
}

#[test]
fn no_offset_and_no_reset_policy_ends_the_consumer() {
    let (mut lab, _) = filled(1);
    let spec = ConsumerSpec {
        settings: settings(&[("auto.offset.reset", "none")]),
        ..consumer("c", "t", "g", Span::ZERO)
    };
    lab.cluster.add("c", Spec::Consumer(spec), Disk::default());
    let error = lab.run_until("an error", |event| matches!(event, Event::ClientError { .. }));
    let Event::ClientError { error, .. } = error else { unreachable!() };
    assert_eq!(error.name, "NoOffsetForPartitionException");
    assert_eq!(error.sentence, "Undefined offset with no reset policy for partitions: [t-0]");
}

#[test]
fn latest_begins_at_the_end() {
    let (mut lab, producer) = filled(5);
    let spec = ConsumerSpec { settings: settings(&[]), ..consumer("c", "t", "g", Span::ZERO) };
    lab.consumer(spec);
    lab.send(producer, 5, "t");
    lab.run(Span::seconds(1));
    assert_eq!(lab.processed("c"), [5]);
    let reset = |event: &Event| matches!(event, Event::OffsetReset { offset: 5, .. });
    assert!(lab.seen.iter().any(|seen| reset(&seen.event)));
}
