//! A consuming client.
//!
//! It subscribes to one queue with its prefetch and takes what it is pushed into its memory. Its
//! handler works on one message at a time; then the message is acknowledged. If it holds more bytes
//! than its memory has, it dies.
//!
//! When its connection is gone, what waits in its memory is forgotten: it cannot be acknowledged
//! any more. The message that its handler works on is finished all the same, and will come again.
//! It connects again and subscribes anew, after a while; so it does when the queue is not there.
//!
//! A handler fails on the messages that the setting `fail` names (`m4,m7` or `all`); then the
//! message is given back, rejected or acknowledged, as the consumer was told.
//!
//! Settings: `fail` (none), `x-priority` (0), `x-stream-offset` (not set: `first`, `last`, `next`,
//! an offset, `@` and seconds for an instant, or an interval such as `5m`), `exclusive` (false),
//! `x-cancel-on-ha-failover` (false), `network_recovery_interval` (5000 ms); for a topic of JMS
//! `durable` (false) and `clientId` (the consumer's name).

use super::broker::jms::CLIENT_ID;
use super::command::{AmqpError, Argument, Command, CrashPoint};
use super::content::Content;
use super::event::Event;
use super::inspect::{ClientKind, ClientState};
use super::link::{Heard, Link};
use super::message::{Arguments, Consume, Method};
use super::process::{Out, Process, Timer};
use super::spec::{ConsumerSpec, OnError, Settings};
use crate::ordered::BTreeSet;
use crate::sim::{Input, MessageId, NodeId, Span, Status, Time};
use std::collections::VecDeque;
use std::rc::Rc;

/// The messages that a handler fails on.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Fails {
    Never,
    Always,
    On(BTreeSet<MessageId>),
}

#[derive(Clone, Debug)]
struct Held {
    tag: u64,
    content: Rc<Content>,
}

/// What the handler is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Handler {
    Idle,
    /// It works on the first message.
    Works {
        until: Time,
    },
    /// It is done with the first message, which is to be acknowledged.
    Settles {
        failed: bool,
    },
    /// It finishes a message of a connection that is gone.
    Finishes {
        message: MessageId,
        until: Time,
    },
}

/// How a consumer died.
#[derive(Clone, Debug)]
struct Death {
    held: Vec<MessageId>,
    held_count: u64,
    held_bytes: u64,
}

/// A consuming client.
#[derive(Clone, Debug)]
pub struct Consumer {
    name: Rc<str>,
    queue: Rc<str>,
    prefetch: u16,
    auto_ack: bool,
    work_per_message: Span,
    memory: u64,
    on_error: OnError,
    has_effect: bool,
    fails: Fails,
    exclusive: bool,
    /// Of `basic.consume`.
    arguments: Arguments,
    link: Link,
    has_channel: bool,
    is_ready: bool,
    held: VecDeque<Held>,
    held_bytes: u64,
    handler: Handler,
    got: u64,
    done: u64,
    failed: u64,
    effects: u64,
    /// Where it is to die.
    crash_at: Option<CrashPoint>,
    /// Kept from its last life until the next one begins.
    death: Option<Death>,
}

impl Consumer {
    /// A consumer that has not started.
    pub fn new(name: Rc<str>, spec: &ConsumerSpec, brokers: Rc<[NodeId]>) -> Consumer {
        Consumer {
            link: Link::new(name.clone(), brokers, &spec.settings),
            name,
            queue: (&*spec.queue).into(),
            prefetch: spec.prefetch,
            auto_ack: spec.auto_ack,
            work_per_message: spec.work_per_message,
            memory: spec.memory,
            on_error: spec.on_error,
            has_effect: spec.effect.is_some(),
            fails: spec.settings.get("fail").map_or(Fails::Never, |text| fails(text)),
            exclusive: spec.settings.get("exclusive").is_some_and(|value| value == "true"),
            arguments: arguments(&spec.settings, &spec.name),
            has_channel: false,
            is_ready: false,
            held: VecDeque::new(),
            held_bytes: 0,
            handler: Handler::Idle,
            got: 0,
            done: 0,
            failed: 0,
            effects: 0,
            crash_at: None,
            death: None,
        }
    }

    /// True once it is subscribed.
    pub fn is_ready(&self) -> bool {
        self.is_ready
    }

    /// The page goes on showing what a dead consumer held, until it is started again.
    pub(super) fn remember_death(&mut self, dead: &Consumer) {
        self.death = dead.death.clone();
    }

    /// Takes one input.
    pub fn step(&mut self, input: Input<Process>, out: &mut Out<'_>) {
        match input {
            Input::Start => {
                self.death = None;
                self.link.connect(out);
            }
            Input::Stop => out.exit(),
            Input::Message { from, body } => match self.link.take(from, body, out) {
                Heard::Opened => self.link.send(Method::ChannelOpen, out),
                Heard::OnChannel(method) => self.take(method, out),
                Heard::Closed(error) => {
                    self.tell_error(error, out);
                    self.disconnected(out);
                }
                Heard::Nothing | Heard::Unblocked => {}
            },
            Input::Closed { peer } if self.link.lost(peer, out) => self.disconnected(out),
            Input::Timer(timer) => self.wake(timer, out),
            Input::Command(command) => match &*command {
                Command::Set { name, value } => self.set(name, value),
                Command::CrashAt(point) => self.crash_at = Some(*point),
                _ => {}
            },
            _ => {}
        }
    }

    /// Takes a setting; what makes no sense changes nothing.
    fn set(&mut self, name: &str, value: &str) {
        match name {
            "fail" => self.fails = fails(value),
            "network_recovery_interval" => self.link.set_recovery_interval(value),
            _ => {}
        }
    }

    fn wake(&mut self, timer: Timer, out: &mut Out<'_>) {
        match timer {
            Timer::Retry if self.link.is_down() => self.link.connect(out),
            Timer::Retry if self.has_channel => self.subscribe(out),
            Timer::Retry => self.link.send(Method::ChannelOpen, out),
            Timer::HandshakeTimeout => {
                self.link.give_up(out);
                self.disconnected(out);
            }
            Timer::Heartbeat(_) if !self.link.heartbeat(out) => self.disconnected(out),
            Timer::Worked => self.worked(out),
            Timer::Settle => self.settle(out),
            _ => {}
        }
    }

    // ---- its subscription ----

    fn take(&mut self, method: Method, out: &mut Out<'_>) {
        match method {
            Method::ChannelOpenOk => {
                self.has_channel = true;
                let (prefetch_count, global) = (self.prefetch, false);
                self.link.send(Method::BasicQos { prefetch_count, global }, out);
            }
            Method::BasicQosOk => self.subscribe(out),
            Method::BasicConsumeOk { .. } => {
                self.is_ready = true;
                out.emit(Event::ClientReady { client: self.name.clone() });
            }
            Method::BasicDeliver { delivery_tag, redelivered, content, .. } => {
                self.delivered(delivery_tag, redelivered, content, out);
            }
            // The queue is gone.
            Method::BasicCancel { .. } => {
                self.is_ready = false;
                out.timer(Timer::Retry, self.link.recovery_interval);
            }
            Method::ChannelClose(error) => {
                self.link.send(Method::ChannelCloseOk, out);
                self.tell_error(error, out);
                self.channel_gone(out);
                out.timer(Timer::Retry, self.link.recovery_interval);
            }
            _ => {}
        }
    }

    fn subscribe(&mut self, out: &mut Out<'_>) {
        let consume = Consume {
            queue: self.queue.to_string(),
            tag: self.name.to_string(),
            no_ack: self.auto_ack,
            exclusive: self.exclusive,
            arguments: self.arguments.clone(),
        };
        self.link.send(Method::BasicConsume(Rc::new(consume)), out);
    }

    fn disconnected(&mut self, out: &mut Out<'_>) {
        if self.link.is_down() {
            self.channel_gone(out);
            out.timer(Timer::Retry, self.link.recovery_interval);
        }
    }

    /// What waits cannot be acknowledged any more, and will come again.
    fn channel_gone(&mut self, out: &mut Out<'_>) {
        (self.has_channel, self.is_ready) = (false, false);
        match (self.handler, self.held.front()) {
            (Handler::Works { until }, Some(held)) => {
                self.handler = Handler::Finishes { message: held.content.id, until };
            }
            (Handler::Settles { .. }, _) => {
                out.cancel(Timer::Settle);
                self.handler = Handler::Idle;
            }
            _ => {}
        }
        self.held.clear();
        self.held_bytes = 0;
    }

    fn tell_error(&self, error: Option<Rc<AmqpError>>, out: &mut Out<'_>) {
        if let Some(error) = error {
            let error = (*error).clone();
            out.emit(Event::ClientError { client: self.name.clone(), error });
        }
    }

    // ---- its messages ----

    fn delivered(&mut self, tag: u64, redelivered: bool, content: Rc<Content>, out: &mut Out<'_>) {
        self.got += 1;
        self.held_bytes += content.body.len() as u64;
        out.tell(|| Event::Delivered {
            client: self.name.clone(),
            queue: self.queue.clone(),
            tag,
            message: content.id,
            redelivered,
        });
        self.held.push_back(Held { tag, content });
        if self.memory > 0 && self.held_bytes > self.memory {
            return self.run_out_of_memory(out);
        }
        if self.dies_at(CrashPoint::Fetched, out) {
            return;
        }
        self.take_up(out);
    }

    /// True if it was to die here: then it ends with this step, and must do nothing more.
    fn dies_at(&mut self, point: CrashPoint, out: &mut Out<'_>) -> bool {
        let dies = self.crash_at == Some(point);
        if dies {
            let client = self.name.clone();
            out.emit(Event::ClientCrashed { client, at: point.name() });
            out.exit();
        }
        dies
    }

    fn run_out_of_memory(&mut self, out: &mut Out<'_>) {
        self.death = Some(Death {
            held: self.first_held(),
            held_count: self.held.len() as u64,
            held_bytes: self.held_bytes,
        });
        let held_bytes = self.held_bytes;
        out.emit(Event::OutOfMemory { client: self.name.clone(), held_bytes });
        out.exit();
    }

    /// An idle handler takes the next message up.
    fn take_up(&mut self, out: &mut Out<'_>) {
        let Some(held) = self.held.front().filter(|_| self.handler == Handler::Idle) else {
            return;
        };
        let message = held.content.id;
        out.tell(|| Event::ProcessingStarted { client: self.name.clone(), message });
        let until = out.now() + self.work_per_message;
        self.handler = Handler::Works { until };
        if self.work_per_message.is_zero() {
            self.worked(out);
        } else {
            out.timer_at(Timer::Worked, until);
        }
    }

    /// The handler is done.
    fn worked(&mut self, out: &mut Out<'_>) {
        let message = match self.handler {
            Handler::Works { .. } => self.held.front().expect("it works on it").content.id,
            Handler::Finishes { message, .. } => message,
            Handler::Idle | Handler::Settles { .. } => return,
        };
        let failed = match &self.fails {
            Fails::Never => false,
            Fails::Always => true,
            Fails::On(messages) => messages.contains(&message),
        };
        let whose = || (self.name.clone(), self.queue.clone());
        if failed {
            let (client, queue) = whose();
            out.emit(Event::HandlerFailed { client, queue, message });
            self.failed += 1;
        } else {
            out.tell(|| {
                let (client, queue) = whose();
                Event::Processed { client, queue, message }
            });
            self.done += 1;
            self.effects += u64::from(self.has_effect);
        }
        let is_effect = !failed && self.has_effect && self.dies_at(CrashPoint::Effect, out);
        if is_effect || self.dies_at(CrashPoint::Processed, out) {
            return;
        }
        if let Handler::Finishes { .. } = self.handler {
            self.handler = Handler::Idle;
            return self.take_up(out);
        }
        // A step of its own, so that a crash fits between the work and its acknowledgement.
        self.handler = Handler::Settles { failed };
        out.timer(Timer::Settle, Span::ZERO);
    }

    /// What is processed is acknowledged, and the handler goes on.
    fn settle(&mut self, out: &mut Out<'_>) {
        let Handler::Settles { failed } = self.handler else { return };
        self.handler = Handler::Idle;
        let Some(Held { tag: delivery_tag, content }) = self.held.pop_front() else { return };
        self.held_bytes -= content.body.len() as u64;
        if !self.auto_ack {
            let method = match (failed, self.on_error) {
                (true, OnError::Requeue) => {
                    Method::BasicNack { delivery_tag, multiple: false, requeue: true }
                }
                (true, OnError::Reject) => Method::BasicReject { delivery_tag, requeue: false },
                _ => Method::BasicAck { delivery_tag, multiple: false },
            };
            self.link.send(method, out);
            if self.dies_at(CrashPoint::Committed, out) {
                return;
            }
        }
        self.take_up(out);
    }

    // ---- what the lab may look at ----

    fn first_held(&self) -> Vec<MessageId> {
        self.held.iter().take(1_000).map(|held| held.content.id).collect()
    }

    /// Bytes of the messages that it holds.
    pub fn held_bytes(&self) -> u64 {
        self.held_bytes
    }

    /// What the lab may look at.
    pub fn state(&self, name: &str, status: Status) -> ClientState {
        let (held, held_count, held_bytes) = match &self.death {
            Some(death) => (death.held.clone(), death.held_count, death.held_bytes),
            None => (self.first_held(), self.held.len() as u64, self.held_bytes),
        };
        ClientState {
            name: name.to_owned(),
            kind: ClientKind::Consumer,
            status,
            out_of_memory: self.death.is_some(),
            got: self.got,
            done: self.done,
            held,
            held_count,
            held_bytes,
            memory: self.memory,
            busy_until: match self.handler {
                Handler::Works { until } | Handler::Finishes { until, .. } => Some(until),
                Handler::Idle | Handler::Settles { .. } => None,
            },
            queue: Some(self.queue.to_string()),
            prefetch: self.prefetch,
            unacked: if self.auto_ack { 0 } else { self.held.len() as u64 },
            failed: self.failed,
            effects: self.effects,
        }
    }
}

/// What it subscribes with.
fn arguments(settings: &Settings, name: &str) -> Arguments {
    // What is no integer is the broker's to refuse.
    let priority = settings.get("x-priority").map(|text| match text.parse() {
        Ok(number) => Argument::Integer(number),
        Err(_) => Argument::Text(text.clone()),
    });
    let priority = priority.map(|it| ("x-priority".to_owned(), it));
    let start = settings.get("x-stream-offset").map(|text| {
        let seconds = text.strip_prefix('@').and_then(|seconds| seconds.parse().ok());
        let value = match (seconds, text.parse()) {
            (Some(seconds), _) => Argument::Timestamp(seconds),
            (None, Ok(offset)) => Argument::Integer(offset),
            (None, Err(_)) => Argument::Text(text.clone()),
        };
        ("x-stream-offset".to_owned(), value)
    });
    let is_durable = settings.get("durable").is_some_and(|value| value == "true");
    let client = settings.get(CLIENT_ID).map_or(name, |client| client);
    let client = is_durable.then(|| (CLIENT_ID.to_owned(), Argument::Text(client.to_owned())));
    let ends = settings
        .get("x-cancel-on-ha-failover")
        .map(|value| ("x-cancel-on-ha-failover".to_owned(), Argument::Boolean(value == "true")));
    priority.into_iter().chain(start).chain(client).chain(ends).collect()
}

/// `none`, `all`, or the numbers of messages: `m4,m7`.
fn fails(text: &str) -> Fails {
    match text {
        "all" => Fails::Always,
        "none" | "" => Fails::Never,
        list => {
            let numbers = list.split(',').filter_map(|word| {
                let word = word.trim();
                word.strip_prefix('m').unwrap_or(word).parse().ok().map(MessageId)
            });
            Fails::On(numbers.collect())
        }
    }
}
