//! The Kafka side: batches.

use super::{Clock, Rate, lab, rate};
use crate::kafka::Cluster;
use crate::kafka::command::{Command, OutgoingRecord};
use crate::kafka::event::Event;
use crate::sim::{Happening, MessageId, Step};
use bytes::{BufMut, Bytes, BytesMut};
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

/// Encoding, the checks, one copy, decoding.
fn batch_limit(messages: u64, clock: Clock<'_>) -> f64 {
    let value = [b'x'; VALUE_BYTES];
    let in_batch = (BATCH_BYTES / (VALUE_BYTES + 20)) as u64;
    let begin = clock();
    let (mut left, mut seen) = (messages, 0);
    while left > 0 {
        let count = in_batch.min(left);
        left -= count;
        let mut batch = BytesMut::with_capacity(BATCH_BYTES);
        for number in 0..count {
            batch.put_u32(VALUE_BYTES as u32);
            batch.put_u64(number);
            batch.put_slice(black_box(&value));
        }
        for _ in 0..CHECKS {
            black_box(crc32c::crc32c(black_box(&batch)));
        }
        let mut rest: &[u8] = &Bytes::copy_from_slice(&batch);
        while let Some((head, behind)) = rest.split_at_checked(12) {
            let len = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
            seen += black_box(&behind[..len]).len();
            rest = &behind[len..];
        }
    }
    black_box(seen);
    rate(messages, clock() - begin)
}
