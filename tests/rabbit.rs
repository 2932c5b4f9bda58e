//! Random plays of publishers, consumers and faults, watched by a checker that knows the engine
//! only by its events and by what may be looked at.
//!
//! - **Nothing vanishes**: every copy that was routed to a queue is ready, unacknowledged, or has
//!   left it for a reason that was told.
//! - **Prefetch holds**: no consumer has more unacknowledged deliveries than it asked for.
//! - **Nobody idles**: at rest, nothing is ready that a consumer with credit could have.
//! - **Limits hold**: at rest no queue that drops its head has more ready messages than it may.
//! - **Nothing stale is delivered**: no message is pushed after its time to live.
//! - **A confirm is a promise**: a crash of the broker loses no persistent message that was
//!   confirmed. (A power cut may: a confirm does not wait for a flush. In a quorum queue it does:
//!   there neither loses a message that was confirmed, persistent or not.)
//! - **It ends**: when all faults are over, everything is delivered and acknowledged.

use pushpull::rabbit::Cluster;
use pushpull::rabbit::alarms::Watermark;
use pushpull::rabbit::command::{
    Argument, Ask, Command, GetMode, OutgoingMessage, Properties, RequestId,
};
use pushpull::rabbit::event::Event;
use pushpull::rabbit::policy::{ApplyTo, Policy};
use pushpull::rabbit::spec::{ConsumerSpec, OnError, PublisherSpec, Settings, Spec};
use pushpull::sim::{
    CostModel, Disk, Happening, MessageId, NodeId, Span, Status, Step, Stream, Time,
};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

const TTL: Span = Span::millis(700);
const MAX_LENGTH: u64 = 20;
const QUEUES: [&str; 6] = ["plain", "ranked", "short", "strict", "stale", "quorum"];

/// What the checker believes, from events alone.
#[derive(Default)]
struct Checker {
    /// Copies of each message in each queue.
    copies: BTreeMap<String, BTreeMap<MessageId, u64>>,
    /// When a copy came into the queue with a time to live.
    came: BTreeMap<MessageId, Time>,
    confirmed: BTreeSet<MessageId>,
    transient: BTreeSet<MessageId>,
    /// What the messages that were confirmed before the last crash must come back as.
    owed: BTreeMap<String, BTreeSet<MessageId>>,
    counts: BTreeMap<String, u64>,
}

impl Checker {
    fn leave(&mut self, queue: &str, message: MessageId) -> Result<(), String> {
        let copies = self.copies.entry(queue.to_owned()).or_default();
        let left = copies.get_mut(&message).filter(|left| **left > 0);
        *left.ok_or(format!("{message} left {queue}, where it was not"))? -= 1;
        copies.retain(|_, left| *left > 0);
        Ok(())
    }

    fn hear(&mut self, Happening { at, event, .. }: &Happening<Event>) -> Result<(), String> {
        let mut name = event.name().to_owned();
        match event {
            Event::Routed { message, queues, .. } => {
                for queue in queues.iter() {
                    *self
                        .copies
                        .entry(queue.to_string())
                        .or_default()
                        .entry(*message)
                        .or_default() += 1;
                    if &**queue == "stale" {
                        self.came.insert(*message, *at);
                    }
                }
            }
            Event::Acknowledged { queue, message } => self.leave(queue, *message)?,
            Event::Removed { queue, message, reason } => {
                name = format!("removed: {reason}");
                // What was not recovered has usually left with the memory already.
                let copies = self.copies.get(&**queue);
                let is_there = copies.is_some_and(|copies| copies.contains_key(message));
                if *reason != "not_recovered" || is_there {
                    self.leave(queue, *message)?;
                }
            }
            Event::Recovered { queue, message, .. } => {
                *self.copies.entry(queue.to_string()).or_default().entry(*message).or_default() +=
                    1;
                self.came.remove(message);
                if let Some(owed) = self.owed.get_mut(&**queue) {
                    owed.remove(message);
                }
            }
            Event::NodeStarted { .. } => {
                if let Some((queue, lost)) = self.owed.iter().find(|(_, owed)| !owed.is_empty()) {
                    return Err(format!("{queue} lost {lost:?}, which were confirmed"));
                }
                self.owed.clear();
            }
            Event::Pushed { queue, message, redelivered, .. } => {
                if *redelivered {
                    *self.counts.entry("redelivered".to_owned()).or_default() += 1;
                }
                let stale = self.came.get(message).filter(|_| &**queue == "stale");
                if let Some(came) = stale.filter(|came| at.since(**came) > TTL + Span::millis(1)) {
                    return Err(format!("{message} came at {came} and was pushed at {at}"));
                }
            }
            Event::Confirmed { message, .. } => {
                self.confirmed.insert(*message);
            }
            _ => {}
        }
        *self.counts.entry(name).or_default() += 1;
        Ok(())
    }

    /// The broker loses its memory; `keeps` if what it has written stays.
    fn crashed(&mut self, keeps: bool) {
        self.owed.clear();
        for (queue, copies) in std::mem::take(&mut self.copies) {
            // Only these take nothing but what a publisher sent, and never give it up themselves.
            let is_quorum = queue == "quorum";
            if is_quorum || keeps && matches!(&*queue, "plain" | "ranked") {
                let is_kept = |it: &MessageId| is_quorum || !self.transient.contains(it);
                let is_safe = |it: &MessageId| self.confirmed.contains(it) && is_kept(it);
                let confirmed = copies.into_keys().filter(is_safe);
                self.owed.insert(queue, confirmed.collect());
            }
        }
    }
}

struct Play {
    cluster: Cluster,
    rabbit: NodeId,
    admin: NodeId,
    publishers: Vec<NodeId>,
    consumers: Vec<NodeId>,
    random: Stream,
    checker: Checker,
    messages: u64,
    asked: u64,
    told: Vec<String>,
}

fn text(text: &str) -> Argument {
    Argument::Text(text.to_owned())
}

impl Play {
    fn new(seed: u64) -> Play {
        let cost = CostModel::preset("lesson").expect("it is a preset");
        let mut cluster = Cluster::new(seed, cost);
        let broker = Spec::Broker { number: 1, settings: Settings::new() };
        let rabbit = cluster.add("rabbit-1", broker, Disk::default());
        let admin = cluster.add("rabbit-admin", Spec::Admin, Disk::default());
        let mut play = Play {
            cluster,
            rabbit,
            admin,
            publishers: Vec::new(),
            consumers: Vec::new(),
            random: Stream::named(seed, "play"),
            checker: Checker::default(),
            messages: 0,
            asked: 0,
            told: Vec::new(),
        };
        play.pass(Span::seconds(1)).expect("nothing happens yet");
        play.declare("plain", &[]);
        play.declare("dead", &[]);
        play.declare("ranked", &[("x-max-priority", Argument::Integer(3))]);
        let max = ("x-max-length", Argument::Integer(MAX_LENGTH as i64));
        play.declare("short", std::slice::from_ref(&max));
        play.declare("strict", &[max, ("x-overflow", text("reject-publish"))]);
        let ttl = Argument::Integer(TTL.as_millis() as i64);
        let to_dead = [
            ("x-dead-letter-exchange", text("")),
            ("x-dead-letter-routing-key", text("dead")),
            ("x-message-ttl", ttl),
        ];
        play.declare("stale", &to_dead);
        play.declare("quorum", &[("x-queue-type", text("quorum"))]);
        for (name, confirm) in [("p1", "true"), ("p2", "true"), ("p3", "false")] {
            let settings = [("confirm", confirm), ("network_recovery_interval", "1000")];
            let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
            let spec = PublisherSpec { name: name.to_owned(), settings: settings.into() };
            let id = play.cluster.add(name, Spec::Publisher(spec), Disk::default());
            play.publishers.push(id);
        }
        for (at, queue) in QUEUES.iter().chain(&["plain", "dead"]).enumerate() {
            let settings = [("network_recovery_interval", "1000"), ("fail", "m3,m8,m20,m51")];
            let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
            let spec = ConsumerSpec {
                name: format!("c{at}"),
                queue: (*queue).to_owned(),
                prefetch: [1, 3, 0, 10, 2][at % 5],
                auto_ack: false,
                work_per_message: Span::millis([20, 40, 15, 30, 60][at % 5]),
                memory: 0,
                on_error: [OnError::Reject, OnError::Drop][at % 2],
                effect: None,
                settings: settings.into(),
            };
            let name = spec.name.clone();
            let id = play.cluster.add(&name, Spec::Consumer(spec), Disk::default());
            play.consumers.push(id);
        }
        play.pass(Span::seconds(1)).expect("nothing happens yet");
        play
    }

    fn declare(&mut self, queue: &str, arguments: &[(&str, Argument)]) {
        let arguments = arguments.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
        self.ask(Ask::DeclareQueue {
            queue: queue.to_owned(),
            kind: "classic".to_owned(),
            durable: true,
            auto_delete: false,
            arguments: arguments.collect(),
        });
        self.pass(Span::millis(100)).expect("a declaration breaks nothing");
    }

    fn ask(&mut self, ask: Ask) {
        self.asked += 1;
        self.cluster.command(self.admin, Command::Ask(RequestId(self.asked), ask));
    }

    fn pick(&mut self, from: u64) -> u64 {
        self.random.below(from)
    }

    /// Lets time pass; the checker hears everything, and looks whenever an instant is over.
    fn pass(&mut self, span: Span) -> Result<(), String> {
        let until = self.cluster.world.now() + span;
        while self.cluster.world.next_time().is_some_and(|next| next <= until) {
            assert!(matches!(self.cluster.world.step(), Step::Ran), "bytes are in memory");
            for happening in self.cluster.take_happenings() {
                self.told.push(format!("{} {:?}", happening.at, happening.event));
                self.checker.hear(&happening)?;
            }
            let now = self.cluster.world.now();
            if self.cluster.world.next_time().is_none_or(|next| next > now) {
                self.look()?;
            }
        }
        self.cluster.world.advance_to(until);
        Ok(())
    }

    fn look(&self) -> Result<(), String> {
        if self.cluster.world.status(self.rabbit) != Status::Running
            || !self.cluster.is_ready(self.rabbit)
        {
            return Ok(());
        }
        let consumers = self.cluster.consumers();
        for consumer in &consumers {
            if consumer.prefetch > 0 && consumer.unacked > u64::from(consumer.prefetch) {
                return Err(format!("{consumer:?} has more than it asked for"));
            }
        }
        for queue in self.cluster.queues() {
            let copies = self.checker.copies.get(&queue.name).map_or(0, |all| all.values().sum());
            if queue.ready + queue.unacked != copies {
                return Err(format!("{queue:?} should have {copies} messages"));
            }
            let mut of_queue = consumers.iter().filter(|consumer| consumer.queue == queue.name);
            let idle = of_queue.find(|it| it.prefetch == 0 || it.unacked < it.prefetch.into());
            if let Some(idle) = idle.filter(|_| queue.ready > 0) {
                return Err(format!("{idle:?} idles, while {queue:?} has something for it"));
            }
            if queue.name == "short" && queue.ready > MAX_LENGTH {
                return Err(format!("{queue:?} is too long"));
            }
        }
        Ok(())
    }

    fn publish(&mut self) {
        let at = self.pick(3) as usize;
        let queue = QUEUES[self.pick(6) as usize];
        for _ in 0..=self.pick(25) {
            let (persistent, large) = (self.pick(4) > 0, self.pick(8) == 0);
            let priority = self.pick(5) as u8;
            let message = OutgoingMessage {
                id: MessageId(self.messages),
                exchange: "".into(),
                routing_key: queue.into(),
                key: None,
                body: vec![b'.'; if large { 5_000 } else { 50 }].into(),
                properties: Some(Rc::new(Properties {
                    delivery_mode: Some(if persistent { 2 } else { 1 }),
                    priority: (priority < 4).then_some(priority),
                    ..Properties::default()
                })),
            };
            if !persistent {
                self.checker.transient.insert(message.id);
            }
            self.messages += 1;
            let publisher = self.publishers[at];
            if self.cluster.world.status(publisher) == Status::Running {
                self.cluster.command(publisher, Command::Publish(message));
            }
        }
    }

    fn act(&mut self) -> Result<(), String> {
        let client = {
            let all: Vec<NodeId> = self.publishers.iter().chain(&self.consumers).copied().collect();
            all[self.pick(all.len() as u64) as usize]
        };
        let rabbit = self.rabbit;
        match self.pick(20) {
            0..=9 => self.publish(),
            10 => {
                self.cluster.world.crash(rabbit);
                self.checker.crashed(true);
                self.pass_down()?;
            }
            11 => {
                let machine = self.cluster.world.machine(rabbit);
                match self.pick(2) {
                    0 => self.cluster.world.power_cut(machine),
                    _ => self.cluster.world.power_cut_torn(machine),
                }
                self.checker.crashed(false);
                self.pass_down()?;
            }
            12 => {
                self.cluster.world.crash(client);
                self.pass(Span::millis(300))?;
                self.cluster.world.start(client);
            }
            13 => {
                self.cluster.world.pause(client);
                self.pass(Span::millis(500))?;
                self.cluster.world.resume(client);
            }
            14 => {
                self.cluster.world.change_network(|network| network.isolate(client));
                self.pass(Span::millis(400))?;
                self.cluster.world.change_network(pushpull::sim::network::Network::heal);
            }
            15 => {
                let (queue, count) = (QUEUES[self.pick(6) as usize].to_owned(), 3);
                let modes = [GetMode::Ack, GetMode::AckRequeue, GetMode::Reject];
                let mode = modes[self.pick(3) as usize];
                self.ask(Ask::Get { queue, count, mode });
            }
            16 => {
                let queue = QUEUES[self.pick(6) as usize].to_owned();
                self.ask(Ask::Purge { queue });
            }
            17 => {
                let policy = Policy {
                    name: "brief".to_owned(),
                    pattern: "^(short|strict)$".to_owned(),
                    apply_to: ApplyTo::Queues,
                    priority: 0,
                    definition: [("max-length".to_owned(), Argument::Integer(5))].into(),
                };
                let sets = self.pick(2) == 0;
                self.ask(match sets {
                    true => Ask::SetPolicy { policy, operator: false },
                    false => Ask::ClearPolicy { name: policy.name, operator: false },
                });
            }
            18 => {
                self.ask(Ask::SetMemoryWatermark(Watermark::Absolute(0)));
                self.pass(Span::millis(400))?;
                self.publish();
                self.pass(Span::millis(400))?;
                self.ask(Ask::SetMemoryWatermark(Watermark::Relative(600_000)));
            }
            _ => self.pass(Span::seconds(3))?,
        }
        let wait = self.pick(300);
        self.pass(Span::millis(wait))
    }

    fn pass_down(&mut self) -> Result<(), String> {
        self.pass(Span::millis(200))?;
        self.cluster.world.start(self.rabbit);
        self.pass(Span::millis(100))
    }

    fn end(&mut self) -> Result<(), String> {
        self.ask(Ask::SetMemoryWatermark(Watermark::Relative(600_000)));
        // A connection that was cut off is noticed by its missing heartbeats, after 120 s.
        self.pass(Span::seconds(400))?;
        for queue in self.cluster.queues() {
            if queue.ready + queue.unacked > 0 {
                return Err(format!("{queue:?} still has something"));
            }
        }
        match self.cluster.clients().into_iter().find(|client| client.held_count > 0) {
            Some(client) => Err(format!("{client:?} still holds something")),
            None => Ok(()),
        }
    }
}

/// Plays a seed; returns what was told, and how often each thing happened.
fn play(seed: u64) -> (Vec<String>, BTreeMap<String, u64>) {
    let mut play = Play::new(seed);
    let mut result = Ok(());
    for _ in 0..60 {
        result = result.and_then(|()| play.act());
    }
    if let Err(error) = result.and_then(|()| play.end()) {
        let last = play.told.len().saturating_sub(30);
        panic!("seed {seed}: {error}\n{}", play.told[last..].join("\n"));
    }
    (play.told, play.checker.counts)
}

#[test]
fn random_plays_break_nothing() {
    let mut counts: BTreeMap<String, u64> = BTreeMap::new();
    for seed in 1..=12 {
        for (name, count) in play(seed).1 {
            *counts.entry(name).or_default() += count;
        }
    }
    for rare in [
        "redelivered",
        "rabbit.recovered",
        "rabbit.requeued",
        "rabbit.dead_lettered",
        "rabbit.refused",
        "rabbit.connection_blocked",
        "rabbit.connection_unblocked",
        "removed: expired",
        "removed: maxlen",
        "removed: rejected",
        "removed: refused",
        "removed: purged",
        "removed: not_recovered",
    ] {
        assert!(counts.get(rare).is_some_and(|count| *count > 0), "{rare} never happened");
    }
}

#[test]
fn a_play_is_the_same_each_time() {
    assert_eq!(play(3).0, play(3).0);
}

#[test]
fn the_checker_notices_what_is_wrong() {
    let happening = |event| Happening { at: Time::ZERO, node: NodeId(0), event };
    let (queue, message) = ("plain", MessageId(1));
    let routed = || Event::Routed { message, exchange: "".into(), queues: [queue.into()].into() };
    let gone = || Event::Acknowledged { queue: queue.into(), message };
    let mut checker = Checker::default();
    for event in [routed(), gone()] {
        checker.hear(&happening(event)).expect("that is right");
    }
    assert!(checker.hear(&happening(gone())).is_err(), "it was acknowledged twice");
    let mut checker = Checker::default();
    let confirmed = Event::Confirmed { client: "p".into(), message };
    for event in [routed(), confirmed] {
        checker.hear(&happening(event)).expect("that is right");
    }
    checker.crashed(true);
    let started = happening(Event::NodeStarted { node: "rabbit-1".into() });
    assert!(checker.hear(&started).is_err(), "what was confirmed is lost");
}
