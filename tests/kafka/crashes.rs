//! What a crash, a power cut and a torn tail leave of the logs.

use crate::harness::{Lab, consumer, tp};
use bytes::Bytes;
use pushpull::kafka::event::Event;
use pushpull::sim::{NodeId, Span};

fn filled(records: u64, topic: &[(&str, &str)]) -> (Lab, NodeId) {
    let mut lab = Lab::new(1);
    lab.create_with("t", 1, topic);
    let producer = lab.producer("p", &[("linger.ms", "0")]);
    for id in 0..records {
        lab.send(producer, id, "t");
        lab.run(Span::millis(10));
    }
    assert_eq!(lab.partition("t", 0).log_end, records as i64);
    (lab, producer)
}

/// Starts the broker again; returns the end of the log of `t-0` and the bytes cut off.
fn restart(lab: &mut Lab) -> (i64, u64) {
    let from = lab.seen.len();
    lab.cluster.world.start(lab.broker);
    let broker = lab.broker;
    lab.until_ready(broker);
    let recovered = lab.seen[from..].iter().find_map(|seen| match &seen.event {
        Event::LogRecovered { partition, end_offset, truncated_bytes }
            if *partition == tp("t", 0) =>
        {
            Some((*end_offset, *truncated_bytes))
        }
        _ => None,
    });
    lab.run(Span::seconds(2));
    recovered.expect("the log was opened")
}

fn messages(lab: &Lab) -> Vec<u64> {
    let seen = lab.cluster.glimpse(&tp("t", 0), 0, i64::MAX);
    seen.iter().filter_map(|glimpse| glimpse.message).map(|id| id.0).collect()
}

#[test]
fn a_crash_of_the_broker_keeps_what_was_written() {
    let (mut lab, _) = filled(20, &[]);
    let file = "t-0/00000000000000000000.log";
    let before = lab.cluster.world.disk(lab.broker).len(file);
    lab.cluster.world.crash(lab.broker);
    lab.run(Span::millis(10));
    let down = lab.partition("t", 0);
    assert_eq!((down.leader, down.log_end), (None, 20), "the picture shows it without a leader");
    assert_eq!(restart(&mut lab), (20, 0));
    assert_eq!(lab.cluster.world.disk(lab.broker).len(file), before);
    let partition = lab.partition("t", 0);
    assert_eq!((partition.high_watermark, partition.leader), (20, Some(1)));
    assert_eq!(messages(&lab), (0..20).collect::<Vec<_>>());
}

#[test]
fn a_power_cut_loses_the_tail_that_nobody_flushed() {
    let (mut lab, producer) = filled(20, &[]);
    let machine = lab.cluster.world.machine(lab.broker);
    lab.cluster.world.power_cut(machine);
    assert_eq!(restart(&mut lab), (0, 0), "the topic is there, its records are not");
    lab.send(producer, 99, "t");
    lab.run(Span::seconds(40));
    assert_eq!(messages(&lab), [99]);
}

#[test]
fn flush_messages_1_survives_a_power_cut() {
    let (mut lab, _) = filled(20, &[("flush.messages", "1")]);
    let machine = lab.cluster.world.machine(lab.broker);
    lab.cluster.world.power_cut(machine);
    assert_eq!(restart(&mut lab), (20, 0));
}

#[test]
fn with_flush_messages_1_the_answer_waits_for_the_flush() {
    let mut lab = Lab::with(1, "hdd", &[]);
    lab.run(Span::seconds(1));
    lab.create_with("t", 1, &[("flush.messages", "1")]);
    let producer = lab.producer("p", &[("linger.ms", "0"), ("acks", "1")]);
    lab.send(producer, 0, "t");
    lab.run(Span::seconds(1));
    let at = |name: &str| {
        let found = lab.seen.iter().rev().find(|seen| seen.event.name() == name);
        found.expect("it happened").at
    };
    let waited = at("kafka.produce_acknowledged").since(at("kafka.appended"));
    assert!(waited >= Span::millis(10), "a flush takes 10 ms on this disk, not {waited}");
}

#[test]
fn a_torn_tail_is_cut_off() {
    let (mut lab, _) = filled(20, &[]);
    lab.cluster.world.crash(lab.broker);
    let file = "t-0/00000000000000000000.log";
    let disk = lab.cluster.world.disk_mut(lab.broker);
    let before = disk.len(file);
    // The beginning of a batch that was never finished.
    disk.append(file, Bytes::from_static(&[0, 0, 0, 0, 0, 0, 0, 20, 0, 0, 0, 90, 0, 0]));
    assert_eq!(restart(&mut lab), (20, 14));
    assert_eq!(lab.cluster.world.disk(lab.broker).len(file), before);
    assert_eq!(messages(&lab).len(), 20);
}

#[test]
fn a_damaged_batch_ends_the_log_and_later_segments_go() {
    // A batch has 75 bytes (61 of the header; 9 of the record's fields, 2 of its value, 3 of its
    // header `id`), so that two fit into a segment.
    let (mut lab, producer) = filled(10, &[("internal.segment.bytes", "160")]);
    let segments: Vec<i64> =
        lab.partition("t", 0).segments.iter().map(|segment| segment.base_offset).collect();
    assert_eq!(segments, [0, 2, 4, 6, 8]);
    assert_eq!(lab.count("kafka.segment_rolled"), 4);
    lab.cluster.world.crash(lab.broker);
    let disk = lab.cluster.world.disk_mut(lab.broker);
    // Whatever was flushed is believed: the recovery point has to be forgotten.
    disk.delete("recovery-point-offset-checkpoint");
    let file = "t-0/00000000000000000004.log";
    let bytes = disk.get(file).expect("it is there").read(0, 999).expect("in memory").bytes();
    let mut damaged = bytes.to_vec();
    let last = damaged.len() - 2;
    damaged[last] ^= 1;
    disk.delete(file);
    disk.append(file, damaged.into());
    let (end, cut) = restart(&mut lab);
    assert_eq!(end, 5, "the second batch of the third segment does not match its checksum");
    assert_eq!(cut, 5 * 75, "it, and the four batches of the two later segments");
    assert_eq!(messages(&lab), [0, 1, 2, 3, 4]);
    let files: Vec<_> = lab
        .cluster
        .world
        .disk(lab.broker)
        .with_prefix("t-0/0")
        .filter(|(name, _)| name.ends_with(".log"))
        .map(|(name, _)| name.to_owned())
        .collect();
    assert_eq!(files.len(), 3);
    lab.send(producer, 50, "t");
    lab.run(Span::seconds(40));
    assert_eq!(messages(&lab), [0, 1, 2, 3, 4, 50]);
}

#[test]
fn a_clean_stop_flushes_and_needs_no_recovery() {
    let (mut lab, producer) = filled(10, &[("internal.segment.bytes", "160")]);
    lab.cluster.world.stop(lab.broker);
    lab.run(Span::seconds(1));
    let disk = lab.cluster.world.disk(lab.broker);
    assert!(disk.get(".kafka_cleanshutdown").is_some());
    for (name, file) in disk.with_prefix("t-0/") {
        let is_log = name.ends_with(".log");
        assert!(!is_log || file.flushed_len() == file.len(), "{name} is not flushed");
    }
    // Nothing is checked after a clean stop: a flipped bit stays where it is.
    let file = "t-0/00000000000000000004.log";
    let disk = lab.cluster.world.disk_mut(lab.broker);
    let mut damaged =
        disk.get(file).expect("there").read(0, 999).expect("in memory").bytes().to_vec();
    let last = damaged.len() - 2;
    damaged[last] ^= 1;
    disk.delete(file);
    disk.append(file, damaged.into());
    assert_eq!(restart(&mut lab), (10, 0));
    assert!(lab.cluster.world.disk(lab.broker).get(".kafka_cleanshutdown").is_none());
    lab.send(producer, 10, "t");
    lab.run(Span::seconds(40));
    assert_eq!(lab.partition("t", 0).log_end, 11);
    assert_eq!(lab.partition("t", 0).segments.len(), 6, "it rolled as it would have before");
}

#[test]
fn a_consumer_reads_over_segments_and_goes_on_after_crashes() {
    let (mut lab, producer) = filled(10, &[("internal.segment.bytes", "160")]);
    let reader = lab.consumer(consumer("c", "t", "g", Span::millis(100)));
    lab.run(Span::millis(6_050));
    assert_eq!(lab.processed("c"), (0..10).collect::<Vec<_>>());
    lab.cluster.world.crash_all();
    for id in [lab.broker, lab.admin, producer, reader] {
        lab.cluster.world.start(id);
    }
    lab.until_ready(reader);
    lab.send(producer, 10, "t");
    lab.run(Span::seconds(10));
    assert_eq!(lab.processed("c"), (0..=10).collect::<Vec<_>>(), "committed, so not read again");
}
