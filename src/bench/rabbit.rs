//! The RabbitMQ side: each message on its own.

use super::{Clock, Rate, fastest, lab, rate};
use crate::ordered::BTreeMap;
use crate::rabbit::Cluster;
use crate::rabbit::command::{Command, OutgoingMessage, Properties};
use crate::rabbit::content::Content;
use crate::rabbit::exchange::{Binding, Declaration, Destination, Exchanges, Kind};
use crate::rabbit::ids::QueueId;
use crate::rabbit::link::CHANNEL;
use crate::rabbit::message::{Arguments, Frame, Method};
use crate::rabbit::names::Names;
use crate::rabbit::process::Process;
use crate::sim::{Alone, Input, MessageId, NodeId, Span, Step, Time};
use bytes::Bytes;
use std::collections::VecDeque;
use std::hint::black_box;
use std::rc::Rc;

const BODY_BYTES: usize = 100;

/// The prefetch: so many messages are delivered and not acknowledged.
const UNACKED: usize = 100;

/// The number of the first message, where all have as many digits.
const FIRST: u64 = 1_000_000_000;

/// So many messages are given to the publisher at a time.
const BURST: u64 = 500;

/// Publish, route, push and acknowledge, one message at a time, with prefetch 100.
pub fn pushed(messages: u64, consumers: u64, clock: Clock<'_>) -> Result<Rate, String> {
    let script = pushing(consumers);
    let per_second = fastest(|| {
        let mut cluster = lab(&script)?.session().rabbit.clone();
        cluster.world.stop_listening();
        let begin = clock();
        publish(&mut cluster, messages)?;
        Ok(rate(messages, clock() - begin))
    })?;
    let what = format!(
        "publish, route, push, ack: {BODY_BYTES} bytes, prefetch {UNACKED}, {}",
        number_of(consumers)
    );
    let limit_per_second = fastest(|| Ok(push_limit(messages, clock)))?;
    Ok(Rate { engine: "rabbit", what, messages, per_second, limit_per_second })
}

/// The broker's own part of it, without a network, clients and a schedule: in the rhythm of the
/// limit, a message is published whenever the one a hundred before it is acknowledged, and its body
/// is copied.
pub fn brokered(messages: u64, consumers: u64, clock: Clock<'_>) -> Result<Rate, String> {
    let script = pushing(consumers);
    let per_second = fastest(|| {
        let mut cluster = lab(&script)?.session().rabbit.clone();
        cluster.world.stop_listening();
        let mut clients = Clients::new(&cluster)?;
        drop(cluster);
        let begin = clock();
        clients.work(messages)?;
        Ok(rate(messages, clock() - begin))
    })?;
    let what = format!(
        "the broker's part of that: {BODY_BYTES} bytes, prefetch {UNACKED}, {}",
        number_of(consumers)
    );
    let limit_per_second = fastest(|| Ok(push_limit(messages, clock)))?;
    Ok(Rate { engine: "rabbit", what, messages, per_second, limit_per_second })
}

/// All clients of a broker, as far as it can see them.
struct Clients {
    broker: Alone<Process>,
    publisher: NodeId,
    now: Time,
    /// From one publish to the next.
    pause: Span,
    /// What the broker said that was not answered yet.
    heard: VecDeque<(NodeId, Frame)>,
    acknowledged: u64,
}

impl Clients {
    fn new(cluster: &Cluster) -> Result<Clients, String> {
        let world = &cluster.world;
        let there_and_back = world.cost().latency * 2;
        Ok(Clients {
            broker: world.alone(world.id("rabbit-1").ok_or("there is no broker")?),
            publisher: world.id("p").ok_or("there is no publisher")?,
            now: world.now(),
            pause: Span::micros(there_and_back.as_micros() / UNACKED as u64),
            heard: VecDeque::new(),
            acknowledged: 0,
        })
    }

    fn say(&mut self, from: NodeId, method: Method) {
        let body = Frame { channel: CHANNEL, method };
        self.broker.step(self.now, Input::Message { from, body }, &mut self.heard);
    }

    /// Publishes so many messages, and acknowledges them all.
    fn work(&mut self, messages: u64) -> Result<(), String> {
        let body = [b'x'; BODY_BYTES];
        let (exchange, key) = ("".into(), "q".into());
        let properties = Properties { delivery_mode: Some(1), ..Properties::default() };
        let message = outgoing(&exchange, &key, Bytes::new(), FIRST);
        let message = Content::new(message, &properties.into(), &mut Names::default());
        for number in 0..messages {
            self.now += self.pause;
            if self.heard.len() >= UNACKED {
                self.acknowledge();
            }
            let body = Bytes::copy_from_slice(black_box(&body));
            let content = Content { id: MessageId(FIRST + number), body, ..message.clone() };
            let content = Rc::new(content);
            let (mandatory, immediate) = (false, false);
            self.say(self.publisher, Method::BasicPublish { mandatory, immediate, content });
        }
        while !self.heard.is_empty() {
            self.acknowledge();
        }
        match self.acknowledged {
            all if all == messages => Ok(()),
            some => Err(format!("{some} of {messages} messages were acknowledged")),
        }
    }

    /// The oldest delivery is dealt with.
    fn acknowledge(&mut self) {
        if let Some((consumer, frame)) = self.heard.pop_front()
            && let Method::BasicDeliver { delivery_tag, .. } = frame.method
        {
            self.acknowledged += 1;
            self.say(consumer, Method::BasicAck { delivery_tag, multiple: false });
        }
    }
}

/// A queue with so many consumers, and a publisher.
fn pushing(consumers: u64) -> String {
    let mut script = String::from("lab new --cost lesson\nrabbitmqadmin declare queue --name q\n");
    for number in 1..=consumers {
        script += &format!("consumer c{number} --rabbit q --prefetch {UNACKED}\n");
    }
    script + "producer p --rabbit /q --count 1 --set confirm=false --set delivery_mode=1\nrun 1s\n"
}

fn number_of(consumers: u64) -> String {
    format!("{consumers} consumer{}", if consumers == 1 { "" } else { "s" })
}

/// Publishes so many messages, and waits until each burst is processed.
fn publish(cluster: &mut Cluster, messages: u64) -> Result<(), String> {
    let publisher = cluster.world.id("p").ok_or("there is no publisher")?;
    let body = Bytes::from_static(&[b'x'; BODY_BYTES]);
    let (exchange, key) = ("".into(), "q".into());
    let mut sent = 0;
    while sent < messages {
        for _ in 0..BURST.min(messages - sent) {
            sent += 1;
            let message = outgoing(&exchange, &key, body.clone(), sent);
            cluster.command(publisher, Command::Publish(message));
            // It takes each at once, as in the lab.
            cluster.world.step();
        }
        settle(cluster, sent + 1)?;
    }
    Ok(())
}

/// Publish to a queue that nobody reads, one message at a time: what is ready lies on the disk, and
/// what the queue has in memory does not grow with it.
pub fn kept(messages: u64, clock: Clock<'_>) -> Result<Rate, String> {
    let script = "lab new --cost lesson\nrabbitmqadmin declare queue --name q\n\
        producer p --rabbit /q --count 1 --set confirm=false\nrun 1s\n";
    let (mut in_memory, mut most) = (0, 0);
    let per_second = fastest(|| {
        let mut cluster = lab(script)?.session().rabbit.clone();
        cluster.world.stop_listening();
        let begin = clock();
        most = keep(&mut cluster, messages)?;
        let per_second = rate(messages, clock() - begin);
        in_memory = cluster.queue("q").map_or(0, |queue| queue.in_memory);
        Ok(per_second)
    })?;
    let what =
        format!("publish, keep: {BODY_BYTES} bytes; {in_memory} in memory, {most} bytes at most");
    let limit_per_second = fastest(|| Ok(keep_limit(messages, clock)))?;
    Ok(Rate { engine: "rabbit", what, messages, per_second, limit_per_second })
}

/// Publishes so many messages that stay; the most bytes that the queue had in memory.
fn keep(cluster: &mut Cluster, messages: u64) -> Result<u64, String> {
    let publisher = cluster.world.id("p").ok_or("there is no publisher")?;
    let body = Bytes::from_static(&[b'x'; BODY_BYTES]);
    let (exchange, key) = ("".into(), "q".into());
    let persistent = Properties { delivery_mode: Some(2), ..Properties::default() };
    let persistent = Rc::new(persistent);
    let (mut sent, mut most) = (0, 0);
    while sent < messages {
        for _ in 0..BURST.min(messages - sent) {
            sent += 1;
            let mut message = outgoing(&exchange, &key, body.clone(), sent);
            message.properties = Some(persistent.clone());
            cluster.command(publisher, Command::Publish(message));
        }
        let ready = |cluster: &Cluster| cluster.queue("q").map_or(0, |queue| queue.ready);
        while ready(cluster) < sent + 1 {
            for _ in 0..BURST {
                if !matches!(cluster.world.step(), Step::Ran) {
                    return Err("the messages did not arrive".into());
                }
            }
        }
        most = most.max(cluster.queue("q").map_or(0, |queue| queue.memory));
    }
    Ok(most)
}

/// A look-up, one copy to the end of a file, and an entry of an index.
fn keep_limit(messages: u64, clock: Clock<'_>) -> f64 {
    const INDEX_ENTRY_BYTES: usize = 32;
    const FILE_BYTES: usize = 1 << 20;
    let names: Vec<Rc<str>> = (0..16).map(|number| format!("q{number}").into()).collect();
    let queues: BTreeMap<Rc<str>, usize> = names.iter().cloned().zip(0..).collect();
    let (mut file, mut index) = (Vec::with_capacity(FILE_BYTES), Vec::with_capacity(FILE_BYTES));
    let body = [b'x'; BODY_BYTES];
    let begin = clock();
    for number in 0..messages {
        let name: &str = &names[(number % 16) as usize];
        let Some(queue) = queues.get(black_box(name)) else { continue };
        for written in [&mut file, &mut index] {
            if written.len() + BODY_BYTES > FILE_BYTES {
                black_box(&*written);
                written.clear();
            }
        }
        file.extend_from_slice(black_box(&body));
        let mut entry = [0; INDEX_ENTRY_BYTES];
        entry[..8].copy_from_slice(&number.to_be_bytes());
        entry[8] = *queue as u8;
        index.extend_from_slice(&entry);
    }
    rate(messages, clock() - begin)
}

/// Runs until this many messages are processed, those of before included.
fn settle(cluster: &mut Cluster, wanted: u64) -> Result<(), String> {
    loop {
        for _ in 0..BURST {
            if !matches!(cluster.world.step(), Step::Ran) {
                return Err("the messages did not arrive".into());
            }
        }
        let clients = cluster.clients();
        let done = clients.iter().filter(|client| client.queue.is_some()).map(|it| it.done);
        if done.sum::<u64>() >= wanted {
            return Ok(());
        }
    }
}

/// A look-up, a queue, what is unacknowledged, and one copy.
fn push_limit(messages: u64, clock: Clock<'_>) -> f64 {
    let names: Vec<Rc<str>> = (0..16).map(|number| format!("q{number}").into()).collect();
    let queues: BTreeMap<Rc<str>, usize> = names.iter().cloned().zip(0..).collect();
    let mut waiting: Vec<VecDeque<(u64, Bytes)>> = vec![VecDeque::new(); names.len()];
    let mut unacked: BTreeMap<u64, Bytes> = BTreeMap::new();
    let body = [b'x'; BODY_BYTES];
    let begin = clock();
    for number in 0..messages {
        let name: &str = &names[(number % 16) as usize];
        let Some(queue) = queues.get(black_box(name)).copied() else { continue };
        waiting[queue].push_back((number, Bytes::copy_from_slice(black_box(&body))));
        if let Some((number, body)) = waiting[queue].pop_front() {
            unacked.insert(number, body);
        }
        if let Some(oldest) = number.checked_sub(UNACKED as u64) {
            black_box(unacked.remove(&oldest));
        }
    }
    rate(messages, clock() - begin)
}

/// Routing by a topic exchange with 100,000 bindings; its limit is one with 100.
pub fn routed(messages: u64, clock: Clock<'_>) -> Result<Rate, String> {
    let rates = [100, 100_000].map(|bindings| {
        let mut names = Names::default();
        let exchanges = topics(bindings, &mut names);
        let queues = BTreeMap::new();
        let mut into = Vec::new();
        let (x, usual) = ("x".into(), Rc::default());
        let messages = messages / 10 + 1;
        let contents: Vec<Content> = (0..100)
            .map(|number| {
                let key = format!("eu.{}.order.{number}", number % bindings);
                Content::new(outgoing(&x, &key.into(), Bytes::new(), 1), &usual, &mut names)
            })
            .collect();
        let begin = clock();
        for number in 0..messages {
            into.clear();
            let content = &contents[(number % 100) as usize];
            if exchanges.route(content, &queues, &mut into).is_err() || into.is_empty() {
                return Err(format!("{} matched nothing", content.routing_key));
            }
        }
        Ok(rate(messages, clock() - begin))
    });
    let [few, many] = rates;
    let what = "route by topic: 100,000 bindings, beside 100".to_owned();
    let (limit_per_second, per_second) = (few?, many?);
    Ok(Rate { engine: "rabbit", what, messages, per_second, limit_per_second })
}

/// A topic exchange with so many bindings.
fn topics(bindings: u64, names: &mut Names) -> Exchanges {
    let mut exchanges = Exchanges::default();
    let declaration = Declaration {
        kind: Kind::Topic,
        durable: false,
        auto_delete: false,
        internal: false,
        arguments: Arguments::new(),
    };
    exchanges.add("x".into(), declaration);
    let all = (0..bindings).map(|number| {
        let key = names.shared(&format!("eu.{number}.*.#"));
        let destination = Destination::Queue(QueueId(number as u32));
        Binding { key, destination, arguments: Arguments::new() }
    });
    exchanges.bind_all("x", all);
    exchanges
}

fn outgoing(exchange: &Rc<str>, key: &Rc<str>, body: Bytes, number: u64) -> OutgoingMessage {
    OutgoingMessage {
        id: MessageId(number),
        exchange: exchange.clone(),
        routing_key: key.clone(),
        key: None,
        body,
        properties: None,
    }
}
