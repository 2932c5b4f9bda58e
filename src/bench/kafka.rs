//! The Kafka side: batches. Once by a client that does no more than it must, and once by real
//! producers and consumers of a group. Then what may not grow with the cluster: the rate with much
//! in the logs, and what a partition costs when a broker fails.

use super::{Clock, Rate, fastest, lab, rate};
use crate::kafka::Cluster;
use crate::kafka::Process;
use crate::kafka::command::{Command, OutgoingRecord};
use crate::kafka::event::TopicPartition;
use crate::kafka::message::request::{Fetch, FetchPartition, Produce};
use crate::kafka::message::{ID_HEADER, KafkaMessage, Request, Response, decimal, message_of};
use crate::kafka::record::builder::{Fields, ProducerStamp};
use crate::kafka::record::header::crc_matches;
use crate::kafka::record::{BatchBuilder, BatchStream, Records};
use crate::sim::{MessageId, NodeId, Rope, Span, Step, Time, World};
use bytes::Bytes;
use std::hint::black_box;
use std::rc::Rc;

const VALUE_BYTES: usize = 100;

const VALUE: [u8; VALUE_BYTES] = [b'x'; VALUE_BYTES];

const BATCH_BYTES: usize = 16 << 10;

const PARTITIONS: usize = 3;

/// `max.in.flight.requests.per.connection`.
const IN_FLIGHT: usize = 5;

/// So many records are given to the producer at a time.
const BURST: u64 = 10_000;

/// A batch is checked so often: by the producer that seals it, the leader, two followers and the
/// consumer.
const CHECKS: usize = 5;

/// Produce with `acks=all`, replicate to three brokers, fetch: by requests alone.
pub fn replicated(messages: u64, clock: Clock<'_>) -> Result<Rate, String> {
    let per_second = fastest(|| {
        let mut client = Client::new()?;
        let begin = clock();
        client.work(messages)?;
        Ok(rate(messages, clock() - begin))
    })?;
    let what = format!("produce, replicate to 3, fetch: {VALUE_BYTES} bytes in 16 KiB batches");
    let limit_per_second = fastest(|| Ok(batch_limit(messages, false, clock)))?;
    Ok(Rate { engine: "kafka", what, messages, per_second, limit_per_second })
}

/// The same with twenty times as many messages in the logs; its limit is the rate with a fiftieth.
/// Comes before what else fills the memory: fresh memory costs more.
pub fn stored(messages: u64, clock: Clock<'_>) -> Result<Rate, String> {
    let (few, many) = (messages / 50, messages * 20);
    let more = |client: &mut Client| {
        let begin = clock();
        client.work(messages)?;
        Ok(rate(messages, clock() - begin))
    };
    // Each of them stays, so that none finds its memory made ready by the one before.
    let mut clients = Vec::new();
    let limit_per_second = fastest(|| {
        let mut client = Client::new()?;
        client.work(few)?;
        let per_second = more(&mut client);
        clients.push(client);
        per_second
    })?;
    let mut client = Client::new()?;
    client.work(many)?;
    let per_second = fastest(|| more(&mut client))?;
    let what = format!("produce, replicate, fetch: {many} stored, beside {few}");
    Ok(Rate { engine: "kafka", what, messages, per_second, limit_per_second })
}

/// A broker of four dies, and the others take the lead of what it led: partitions a second. A
/// fiftieth as many as there are messages; its limit is the rate with a tenth of them, whose logs
/// a processor's cache still holds.
pub fn failed(messages: u64, clock: Clock<'_>) -> Result<Rate, String> {
    let many = (messages / 50).max(10);
    let few = many / 10;
    let limit_per_second = fastest(|| fail(few, clock))?;
    let per_second = fastest(|| fail(many, clock))?;
    let what = format!("a broker fails: {many} partitions, beside {few}");
    Ok(Rate { engine: "kafka", what, messages: many, per_second, limit_per_second })
}

/// A topic has no more partitions.
const TOPIC_PARTITIONS: u64 = 1_000;

/// When its session may end, 9 s after a heartbeat, of which there is one every 2 s; and when the
/// others lead.
const FAILS: (Span, Span) = (Span::seconds(7), Span::seconds(10));

fn fail(partitions: u64, clock: Clock<'_>) -> Result<f64, String> {
    let mut script = "lab new --cost lesson\nnode kafka-4 add\nrun 2s\n".to_owned();
    let sizes = (0..partitions).step_by(TOPIC_PARTITIONS as usize);
    let sizes: Vec<u64> = sizes.map(|done| TOPIC_PARTITIONS.min(partitions - done)).collect();
    for (topic, size) in sizes.iter().enumerate() {
        script += &format!(
            "kafka-topics --create --topic t{topic} --partitions {size} --replication-factor 3\n"
        );
    }
    script += "run 5s\n";
    let mut cluster = lab(&script)?.session().kafka.clone();
    let broker = cluster.world.id("kafka-1").ok_or("there is no broker")?;
    cluster.world.stop_listening();
    cluster.world.crash(broker);
    let crashed_at = cluster.world.now();
    run_until(&mut cluster, crashed_at + FAILS.0);
    let begin = clock();
    run_until(&mut cluster, crashed_at + FAILS.1);
    let per_second = rate(partitions, clock() - begin);
    for (topic, size) in sizes.iter().enumerate() {
        let topic: Rc<str> = format!("t{topic}").into();
        for partition in 0..*size as i32 {
            let partition = TopicPartition { topic: topic.clone(), partition };
            if cluster.home_of(&partition).is_none_or(|home| home == broker) {
                return Err(format!("nobody took the lead of {partition}"));
            }
        }
    }
    Ok(per_second)
}

fn run_until(cluster: &mut Cluster, end: Time) {
    while cluster.world.next_time().is_some_and(|next| next <= end) {
        cluster.world.step();
    }
}

/// A client that sends batches and fetches them, and does nothing else.
struct Client {
    world: World<Process>,
    /// In whose name it speaks.
    me: NodeId,
    /// Who leads each partition, how many of its requests are under way, and where it reads on.
    leaders: [(NodeId, usize, i64); PARTITIONS],
    topic: Rc<str>,
    name: Rc<str>,
    correlation: i32,
    sent: u64,
    seen: u64,
}

impl Client {
    fn new() -> Result<Client, String> {
        let script = format!(
            "lab new --cost lesson\n\
             kafka-topics --create --topic t --partitions {PARTITIONS} --replication-factor 3\n\
             producer p --kafka t --count 1\n\
             run 10s\n"
        );
        let mut cluster = lab(&script)?.session().kafka.clone();
        let mut leaders = [(NodeId(0), 0, 0); PARTITIONS];
        let topic = cluster.topic("t").ok_or("there is no topic")?;
        for (partition, leader) in topic.partitions.iter().zip(&mut leaders) {
            leader.0 = cluster.home_of(&partition.partition).ok_or("a partition has no leader")?;
            leader.2 = partition.log_end;
        }
        let me = cluster.world.id("p").ok_or("there is no client")?;
        cluster.world.stop_listening();
        cluster.world.watch(true);
        let (topic, name) = ("t".into(), "bench".into());
        let world = cluster.world;
        let correlation = 1 << 20;
        let mut client = Client { world, me, leaders, topic, name, correlation, sent: 0, seen: 0 };
        (0..PARTITIONS).for_each(|number| client.fetch(number));
        Ok(client)
    }

    /// Sends so many messages more, and fetches them.
    fn work(&mut self, messages: u64) -> Result<(), String> {
        let messages = self.sent + messages;
        while self.seen < messages {
            for number in 0..PARTITIONS {
                while self.leaders[number].1 < IN_FLIGHT && self.sent < messages {
                    self.produce(number, messages);
                }
            }
            for _ in 0..10 {
                if !matches!(self.world.step(), Step::Ran) {
                    return Err("the records did not arrive".into());
                }
            }
            for hop in self.world.take_hops() {
                if let KafkaMessage::Response { body, .. } = *hop.body
                    && hop.to == self.me
                {
                    self.answered(body)?;
                }
            }
        }
        Ok(())
    }

    fn partition(&self, number: usize) -> TopicPartition {
        TopicPartition { topic: self.topic.clone(), partition: number as i32 }
    }

    fn ask(&mut self, number: usize, body: Request) {
        self.correlation += 1;
        let (correlation, client) = (self.correlation, self.name.clone());
        let message = KafkaMessage::Request { correlation, client, body };
        self.world.post(self.me, self.leaders[number].0, message.into());
    }

    fn produce(&mut self, number: usize, messages: u64) {
        let batch = sealed(&mut self.sent, messages, false);
        let batches = vec![(self.partition(number), batch)];
        let produce = Produce { acks: -1, transaction: None, timeout_ms: 30_000, batches };
        self.leaders[number].1 += 1;
        self.ask(number, Request::Produce(produce));
    }

    fn fetch(&mut self, number: usize) {
        let asked = FetchPartition {
            partition: self.partition(number),
            offset: self.leaders[number].2,
            current_leader_epoch: -1,
            last_fetched_epoch: -1,
            max_bytes: 1 << 20,
        };
        let fetch = Fetch {
            replica: None,
            rack: None,
            max_wait_ms: 500,
            min_bytes: 1,
            max_bytes: 50 << 20,
            read_committed: false,
            partitions: vec![asked],
        };
        self.ask(number, Request::Fetch(fetch));
    }

    fn answered(&mut self, answer: Response) -> Result<(), String> {
        match answer {
            Response::Produce(results) => {
                for (partition, result) in results {
                    result.map_err(|error| format!("{partition}: {error:?}"))?;
                    self.leaders[partition.partition as usize].1 -= 1;
                }
            }
            Response::Fetch(fetched) => {
                for fetched in fetched.partitions {
                    if let Some(error) = fetched.error {
                        return Err(format!("{}: {error:?}", fetched.partition));
                    }
                    let number = fetched.partition.partition as usize;
                    self.take(number, &fetched.records)?;
                    self.fetch(number);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn take(&mut self, number: usize, records: &Rope) -> Result<(), String> {
        let mut stream = BatchStream::of(records);
        while let Some((header, batch)) = stream.next_batch() {
            if !crc_matches(&batch) {
                return Err(format!("the batch at offset {} is corrupt", header.base_offset));
            }
            self.seen += opened(&batch, false);
            self.leaders[number].2 = header.next_offset();
        }
        Ok(())
    }
}

/// The same through a real producer and a consumer of a group, record by record.
pub fn grouped(messages: u64, clock: Clock<'_>) -> Result<Rate, String> {
    let script = format!(
        "lab new --cost lesson --set offsets.topic.num.partitions=1\n\
         kafka-topics --create --topic t --partitions {PARTITIONS} --replication-factor 3\n\
         consumer c --kafka t --group g --set auto.offset.reset=earliest\n\
         producer p --kafka t --count 1 --set acks=all --set batch.size={BATCH_BYTES} \
         --set linger.ms=5\n\
         run 10s\n"
    );
    let per_second = fastest(|| {
        let mut cluster = lab(&script)?.session().kafka.clone();
        cluster.world.stop_listening();
        let begin = clock();
        send(&mut cluster, messages)?;
        Ok(rate(messages, clock() - begin))
    })?;
    let what = "the same through a producer and a consumer of a group".to_owned();
    let limit_per_second = fastest(|| Ok(batch_limit(messages, true, clock)))?;
    Ok(Rate { engine: "kafka", what, messages, per_second, limit_per_second })
}

/// Sends so many records through the producer, and waits for each burst.
fn send(cluster: &mut Cluster, messages: u64) -> Result<(), String> {
    let producer = cluster.world.id("p").ok_or("there is no producer")?;
    let (value, topic): (_, Rc<str>) = (Bytes::from_static(&VALUE), "t".into());
    let mut sent = 0;
    while sent < messages {
        for _ in 0..BURST.min(messages - sent) {
            sent += 1;
            let record = OutgoingRecord {
                id: MessageId(sent),
                topic: topic.clone(),
                partition: Some((sent / 130 % PARTITIONS as u64) as i32),
                key: None,
                value: Some(value.clone()),
                headers: Vec::new(),
            };
            cluster.command(producer, Command::Send(record.into()));
            // It takes each at once, as in the lab.
            cluster.world.step();
        }
        settle(cluster, sent + 1)?;
    }
    Ok(())
}

/// Runs until the consumer is done with this many, those of before included.
fn settle(cluster: &mut Cluster, wanted: u64) -> Result<(), String> {
    loop {
        for _ in 0..200 {
            if !matches!(cluster.world.step(), Step::Ran) {
                return Err("the records did not arrive".into());
            }
        }
        let consumer = cluster.client("c").ok_or("there is no consumer")?;
        if consumer.done >= wanted {
            return Ok(());
        }
    }
}

/// The next batch: full, if there are so many messages; numbered if each of them carries its
/// number, as those of real producers here do.
fn sealed(sent: &mut u64, messages: u64, numbered: bool) -> Bytes {
    let mut builder = BatchBuilder::new(0, BATCH_BYTES);
    let value = Some(black_box(&VALUE[..]));
    while *sent < messages {
        let (digits, start) = decimal(*sent);
        let header = [(ID_HEADER, Some(&digits[start..]))];
        let headers: &[_] = if numbered { &header } else { &[] };
        let fields = Fields { value, headers, ..Fields::default() };
        let measured = (&fields, fields.content_bytes());
        if !builder.push_within(BATCH_BYTES, 0, measured) {
            break;
        }
        *sent += 1;
    }
    builder.close(ProducerStamp::NONE)
}

/// Reads all records of a batch, and their numbers if they carry such; how many there are.
fn opened(batch: &Bytes, numbered: bool) -> u64 {
    let mut records = 0;
    for record in Records::of(batch).into_iter().flatten() {
        black_box(record.value);
        if numbered {
            black_box(message_of(&record));
        }
        records += 1;
    }
    records
}

/// Encoding, the checks, one copy, decoding: of the same bytes.
fn batch_limit(messages: u64, numbered: bool, clock: Clock<'_>) -> f64 {
    let begin = clock();
    let (mut sent, mut seen) = (0, 0);
    while sent < messages {
        // The producer's own check is the checksum that it writes.
        let batch = sealed(&mut sent, messages, numbered);
        for _ in 1..CHECKS {
            black_box(crc_matches(black_box(&batch)));
        }
        let copy = Bytes::copy_from_slice(&batch);
        seen += opened(&copy, numbered);
    }
    black_box(seen);
    rate(messages, clock() - begin)
}
