//! The cleaner at work: tombstones, crashes in its middle.

use crate::harness::Lab;
use bytes::Bytes;
use pushpull::kafka::command::{Command, OutgoingRecord};
use pushpull::kafka::record::header::crc_matches;
use pushpull::kafka::record::{BatchStream, Records};
use pushpull::sim::{MessageId, NodeId, Span};

/// Every record is a batch of its own, and every batch has a segment of its own; all that is dirty
/// is cleaned.
const TOPIC: &[(&str, &str)] = &[
    ("cleanup.policy", "compact"),
    ("internal.segment.bytes", "80"),
    ("min.cleanable.dirty.ratio", "0"),
    ("delete.retention.ms", "60000"),
];

fn lab(cost: &str) -> (Lab, NodeId) {
    let mut lab = Lab::with(1, cost, &[]);
    lab.create_with("t", 1, TOPIC);
    let producer = lab.producer("p", &[("batch.size", "0"), ("linger.ms", "0")]);
    (lab, producer)
}

fn send(lab: &mut Lab, producer: NodeId, records: &[(&str, Option<&str>)]) {
    for (key, value) in records {
        let record = OutgoingRecord {
            id: MessageId(0),
            topic: "t".into(),
            partition: None,
            key: Some(Bytes::copy_from_slice(key.as_bytes())),
            value: value.map(|value| Bytes::copy_from_slice(value.as_bytes())),
            headers: Vec::new(),
        };
        lab.cluster.command(producer, Command::Send(record.into()));
        lab.run(Span::millis(50));
    }
}

/// Offset, key and value of every record in the files of the log, in the order of the files.
fn stored(lab: &Lab) -> Vec<(i64, String, Option<String>)> {
    let disk = lab.cluster.world.disk(lab.broker);
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let mut found = Vec::new();
    for (_, file) in disk.with_prefix("t-0/").filter(|(name, _)| name.ends_with(".log")) {
        let rope = file.read(0, file.len()).expect("it is in memory");
        let mut stream = BatchStream::of(&rope);
        while let Some((_, batch)) = stream.next_batch() {
            assert!(crc_matches(&batch), "every batch carries its checksum");
            for record in Records::of(&batch).into_iter().flatten() {
                let key = text(record.key.unwrap_or_default());
                found.push((record.offset, key, record.value.map(text)));
            }
        }
    }
    found
}

fn offsets(lab: &Lab) -> Vec<i64> {
    stored(lab).into_iter().map(|(offset, ..)| offset).collect()
}

#[test]
fn a_tombstone_stays_for_delete_retention_ms_from_its_first_cleaning() {
    let (mut lab, producer) = lab("lesson");
    send(&mut lab, producer, &[("a", Some("1")), ("b", Some("1")), ("a", None), ("c", Some("1"))]);
    lab.run(Span::seconds(16));
    // The cleaner looks every 15 s. The tombstone of `a` is kept, what it deletes is gone.
    assert_eq!(offsets(&lab), [1, 2, 3]);
    assert_eq!(stored(&lab)[1], (2, "a".to_owned(), None));
    // Within the minute a cleaning leaves it.
    send(&mut lab, producer, &[("d", Some("1"))]);
    lab.run(Span::seconds(16));
    assert_eq!(offsets(&lab), [1, 2, 3, 4]);
    // After it the next cleaning, which needs something to clean, takes it.
    lab.run(Span::seconds(60));
    assert_eq!(offsets(&lab), [1, 2, 3, 4]);
    send(&mut lab, producer, &[("e", Some("1"))]);
    lab.run(Span::seconds(16));
    assert_eq!(offsets(&lab), [1, 3, 4, 5]);
    let partition = lab.partition("t", 0);
    assert_eq!((partition.log_start, partition.log_end), (0, 6));
}

#[test]
fn wherever_the_cleaner_is_interrupted_the_last_value_of_each_key_is_there() {
    let (mut whole, producer) = lab("hdd");
    let records = [("a", "1"), ("b", "1"), ("a", "2"), ("c", "1"), ("b", "2"), ("d", "1")];
    let records: Vec<_> = records.map(|(key, value)| (key, Some(value))).into();
    send(&mut whole, producer, &records);
    let before = offsets(&whole);
    assert_eq!(before, [0, 1, 2, 3, 4, 5]);
    let mut interrupted_copies = 0;
    for power_cut in [false, true] {
        let mut before_it = whole.clone();
        loop {
            let until = before_it.now() + Span::seconds(60);
            assert!(before_it.step(until), "the cleaner comes");
            if before_it.count("kafka.log_compacted") > 0 {
                break;
            }
            let disk = before_it.cluster.world.disk(before_it.broker);
            let is_cleaning = disk.iter().any(|(name, _)| name.ends_with(".cleaned"));
            if !is_cleaning {
                continue;
            }
            interrupted_copies += 1;
            let mut lab = before_it.clone();
            match power_cut {
                true => {
                    let machine = lab.cluster.world.machine(lab.broker);
                    lab.cluster.world.power_cut(machine);
                }
                false => lab.cluster.world.crash(lab.broker),
            }
            lab.run(Span::millis(10));
            lab.cluster.world.start(lab.broker);
            let broker = lab.broker;
            lab.until_ready(broker);
            let disk = lab.cluster.world.disk(broker);
            assert!(disk.iter().all(|(name, _)| !name.ends_with(".cleaned")), "it begins anew");
            let left = offsets(&lab);
            // The active segment was not flushed: a power cut may take it.
            let needed: &[i64] = if power_cut { &[2, 3, 4] } else { &[2, 3, 4, 5] };
            assert!(needed.iter().all(|offset| left.contains(offset)), "{left:?}");
            lab.run(Span::seconds(40));
            let left = offsets(&lab);
            assert!(needed.iter().all(|offset| left.contains(offset)), "{left:?}");
            assert!(!left.contains(&0), "{left:?}");
        }
        assert_eq!(offsets(&before_it), [2, 3, 4, 5]);
    }
    assert!(interrupted_copies > 4, "only {interrupted_copies} instants");
}
