//! The Kafka side: batches.

use super::{Clock, Rate, lab, rate};
use crate::kafka::Cluster;
use crate::kafka::command::{Command, OutgoingRecord};
use crate::kafka::event::Event;
use crate::kafka::record::builder::{Fields, ProducerStamp};
use crate::kafka::record::header::crc_matches;
use crate::kafka::record::{BatchBuilder, Records};
use crate::sim::{Happening, MessageId, Step};
use bytes::Bytes;
use std::hint::black_box;
use std::rc::Rc;

const VALUE_BYTES: usize = 100;

const BATCH_BYTES: usize = 16 << 10;

/// So many records are given to the producer at a time.
const BURST: u64 = 2_000;

/// A batch is checked so often: by the producer that seals it, the leader, two followers and the
/// consumer.
const CHECKS: usize = 5;

/// Produce with `acks=all`, replicate to three brokers, fetch in a group.
pub fn replicated(messages: u64, clock: Clock<'_>) -> Result<Rate, String> {
    let script = "lab new --cost lesson\n\
        kafka-topics --create --topic t --partitions 3 --replication-factor 3\n\
        consumer c --kafka t --group g --set auto.offset.reset=earliest\n\
        producer p --kafka t --count 1 --set acks=all --set batch.size=16384 --set linger.ms=5\n\
        run 10s\n";
    let mut cluster = lab(script)?.session().kafka.clone();
    let producer = cluster.world.id("p").ok_or("there is no producer")?;
    let value = Bytes::from(vec![b'x'; VALUE_BYTES]);
    let topic: Rc<str> = "t".into();
    let begin = clock();
    let (mut sent, mut told) = (0, Vec::new());
    while sent < messages {
        for _ in 0..BURST.min(messages - sent) {
            sent += 1;
            let record = OutgoingRecord {
                id: MessageId(sent),
                topic: topic.clone(),
                partition: Some((sent / 130 % 3) as i32),
                key: None,
                value: Some(value.clone()),
                headers: Vec::new(),
            };
            cluster.command(producer, Command::Send(record));
        }
        settle(&mut cluster, sent + 1, &mut told)?;
    }
    let per_second = rate(messages, clock() - begin);
    let what = format!("produce, replicate to 3, fetch: {VALUE_BYTES} bytes in 16 KiB batches");
    let limit_per_second = batch_limit(messages, clock);
    Ok(Rate { engine: "kafka", what, messages, per_second, limit_per_second })
}

/// Runs until the consumer is done with this many, those of before included.
fn settle(
    cluster: &mut Cluster,
    wanted: u64,
    told: &mut Vec<Happening<Event>>,
) -> Result<(), String> {
    loop {
        for _ in 0..200 {
            if !matches!(cluster.world.step(), Step::Ran) {
                return Err("the records did not arrive".into());
            }
        }
        cluster.swap_happenings(told);
        told.clear();
        let consumer = cluster.client("c").ok_or("there is no consumer")?;
        if consumer.done >= wanted {
            return Ok(());
        }
    }
}

/// Encoding, the checks, one copy, decoding: of the bytes that a batch of format 2 has.
fn batch_limit(messages: u64, clock: Clock<'_>) -> f64 {
    let value = [b'x'; VALUE_BYTES];
    let begin = clock();
    let (mut sent, mut seen) = (0, 0);
    while sent < messages {
        let mut builder = BatchBuilder::new(0, BATCH_BYTES);
        let fields = Fields { value: Some(black_box(&value)), ..Fields::default() };
        let measured = (&fields, fields.content_bytes());
        while sent < messages && builder.push_within(BATCH_BYTES, sent as i64, measured) {
            sent += 1;
        }
        // The producer's own check is the checksum that it writes.
        let batch = builder.close(ProducerStamp::NONE);
        for _ in 1..CHECKS {
            black_box(crc_matches(black_box(&batch)));
        }
        let copy = Bytes::copy_from_slice(&batch);
        for record in Records::of(&copy).into_iter().flatten() {
            seen += black_box(record.value).map_or(0, <[u8]>::len);
        }
    }
    black_box(seen);
    rate(messages, clock() - begin)
}
