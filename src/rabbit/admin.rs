//! The client behind the command-line tools.
//!
//! It connects when it is first asked something, and deals with one question at a time. An error
//! that closes its channel or connection is the answer to the question; the next one opens them
//! anew. A broker that is not there is an error too, and one that does not answer in time. A
//! connection that turns out to be dead is no error by itself: what only looks or declares is asked
//! again on a new one, as a real tool connects for each question. For the same reason it gives a
//! node that says nothing no more time on an old connection than on a new one.
//!
//! Simplified: `rabbitmqadmin` asks over HTTP and waits for the operating system's word that a
//! machine is not there; here it gives up when `rabbitmqctl` does.
//!
//! As the management interface does, it publishes with a confirm and `mandatory`, and gets
//! messages one by one; those that are to go back are given back after the last.

use super::command::{
    AmqpError, Answer, Ask, Command, GetMode, GotMessage, OutgoingMessage, RequestId,
};
use super::content::Content;
use super::error;
use super::event::Event;
use super::inspect::lost_without;
use super::link::{Heard, Link, TOOL_TIMEOUT};
use super::message::{Bind, Change, ExchangeDeclare, List, Method, QueueDeclare};
use super::names::Names;
use super::process::{Out, Process, Timer};
use super::spec::Settings;
use crate::sim::{Input, MessageId, NodeId, Span, Time};
use std::collections::VecDeque;
use std::rc::Rc;

/// A tool waits so long for an answer.
const ASK_TIMEOUT: Span = Span::seconds(60);

/// What is said of a node that lives and has not answered within that time.
pub const NO_ANSWER: &str = "no answer in time";

/// It looks so often whether members would do without a node (`SAMPLING_INTERVAL`).
const SAMPLING_INTERVAL: Span = Span::millis(200);

/// After so long without an answer it asks whether the node lives.
const DOUBT: Span = Span::seconds(3);

/// What it waits for.
#[derive(Clone, Debug)]
enum Waits {
    /// For nothing that has more than one answer.
    Simply,
    /// For the confirm of a message, which may come back before.
    Confirm { message: MessageId, routed: bool },
    /// For more messages.
    Get { left: u32, got: Vec<GotMessage>, tags: Vec<u64> },
    /// For members that would do without a node, until this instant.
    Quorums { until: Time },
    /// For the channel to close behind what was given back.
    Close { got: Vec<GotMessage> },
}

/// The client behind the command-line tools.
#[derive(Clone, Debug)]
pub struct Admin {
    name: Rc<str>,
    link: Link,
    names: Names,
    has_channel: bool,
    /// So many nodes have refused the connection that is being opened.
    refused: usize,
    /// True if the question is for one node alone.
    is_bound: bool,
    /// True if the last question was.
    was_bound: bool,
    asks: VecDeque<(RequestId, Ask)>,
    /// True if the connection was opened for the question that waits.
    is_fresh: bool,
    waits: Option<Waits>,
    /// When it asked on an old connection, and whether it asked if the node lives.
    doubts: Option<(Time, bool)>,
}

impl Admin {
    /// An admin client that has not started.
    pub fn new(name: Rc<str>, brokers: Rc<[NodeId]>) -> Admin {
        let mut link = Link::new(name.clone(), brokers, &Settings::new());
        link.is_tool = true;
        Admin {
            link,
            name,
            names: Names::default(),
            has_channel: false,
            refused: 0,
            is_bound: false,
            was_bound: false,
            asks: VecDeque::new(),
            is_fresh: false,
            waits: None,
            doubts: None,
        }
    }

    /// Takes one input.
    pub fn step(&mut self, input: Input<Process>, out: &mut Out<'_>) {
        match input {
            Input::Stop => out.exit(),
            Input::Message { from, body } => match self.link.take(from, body, out) {
                Heard::Opened => {
                    self.refused = 0;
                    self.link.send(Method::ChannelOpen, out);
                }
                Heard::OnChannel(method) => self.take(method, out),
                // A node that stops said good-bye before it read the question.
                Heard::Closed(Some(error)) if error.code == 320 && self.may_ask_again() => {
                    self.refused = 0;
                    (self.has_channel, self.waits) = (false, None);
                    self.go_on(out);
                }
                Heard::Closed(Some(error)) => self.failed((*error).clone(), out),
                Heard::Closed(None) => self.failed(error::connection_forced("closed"), out),
                Heard::Nothing | Heard::Unblocked => {}
            },
            // Nothing was asked yet: another node may be there.
            Input::Closed { peer }
                if !self.link.is_open()
                    && !self.is_bound
                    && self.refused + 1 < self.link.choices()
                    && self.link.lost(peer, out) =>
            {
                self.refused += 1;
                self.link.connect(out);
            }
            Input::Closed { peer } if self.link.lost(peer, out) => {
                self.refused = 0;
                if self.may_ask_again() {
                    (self.has_channel, self.waits) = (false, None);
                    return self.go_on(out);
                }
                self.failed(error::connection_forced("connection refused or lost"), out);
            }
            Input::Timer(Timer::HandshakeTimeout) => {
                self.link.give_up(out);
                self.try_next(out);
            }
            Input::Timer(Timer::Doubt) => self.doubt(out),
            Input::Timer(Timer::AskAgain) => {
                if let Some(Waits::Quorums { .. }) = self.waits {
                    self.link.send(Method::ManagementGet(List::Members), out);
                }
            }
            Input::Timer(Timer::Heartbeat(_)) if !self.link.heartbeat(out) => {
                self.failed(error::connection_forced("no heartbeat"), out);
            }
            Input::Timer(Timer::AskTimeout(request))
                if self.asks.front().is_some_and(|(id, _)| *id == request) =>
            {
                // What comes late would be taken for the answer to the next question.
                self.close_channel(out);
                self.answer(Err(error::connection_forced(NO_ANSWER)), out);
            }
            Input::Command(command) => match Rc::unwrap_or_clone(command) {
                Command::Ask(request, ask) => {
                    out.timer(Timer::AskTimeout(request), patience(&ask));
                    self.asks.push_back((request, ask));
                    self.go_on(out);
                }
                Command::Meet(nodes) => self.link.meet(nodes),
                _ => {}
            },
            _ => {}
        }
    }

    /// True if the connection is older than the question, and the question may be asked twice.
    fn may_ask_again(&self) -> bool {
        let asked = self.asks.front().map(|(_, ask)| ask);
        let changes = |ask: &Ask| matches!(ask, Ask::Publish(_) | Ask::Get { .. });
        !self.is_fresh && asked.is_some_and(|ask| !changes(ask))
    }

    /// A node says nothing: another may, unless the question is for this one.
    fn try_next(&mut self, out: &mut Out<'_>) {
        self.refused += 1;
        if self.is_bound || self.refused >= self.link.choices() {
            self.refused = 0;
            return self.failed(error::connection_forced("connection timed out"), out);
        }
        (self.has_channel, self.waits, self.is_fresh) = (false, None, true);
        self.link.connect(out);
    }

    /// The answer takes long: does the node live?
    fn doubt(&mut self, out: &mut Out<'_>) {
        let Some((since, has_asked)) = self.doubts else { return };
        if self.link.has_heard_since(since) {
            self.doubts = None;
        } else if !has_asked {
            self.doubts = Some((since, true));
            self.link.send(Method::BasicQos { prefetch_count: 0, global: false }, out);
            out.timer_at(Timer::Doubt, since + TOOL_TIMEOUT);
        } else {
            self.doubts = None;
            self.link.abandon(out);
            let asked = self.asks.front().map(|(_, ask)| ask);
            match asked {
                Some(Ask::Publish(_) | Ask::Get { .. }) => {
                    self.failed(error::connection_forced("connection timed out"), out);
                }
                _ => self.try_next(out),
            }
        }
    }

    /// Asks the next question, or what has to be opened before.
    fn go_on(&mut self, out: &mut Out<'_>) {
        if self.waits.is_some() || self.asks.is_empty() {
            return;
        }
        let of = match self.asks.front_mut() {
            Some((_, Ask::On(number, ask))) => Some((Some(*number), ask)),
            Some((_, Ask::Any(ask))) => Some((None, ask)),
            _ => None,
        };
        if let Some((number, ask)) = of {
            let ask = std::mem::replace(&mut **ask, Ask::Status);
            self.asks[0].1 = ask;
            self.is_bound = number.is_some();
            let place = number.map(|number| (number as usize).saturating_sub(1));
            if place.is_some_and(|place| place >= self.link.nodes()) {
                return self.answer(Err(error::connection_forced("no such node")), out);
            }
            let was_bound = std::mem::replace(&mut self.was_bound, self.is_bound);
            if let Some(place) = place.or(was_bound.then_some(0)) {
                self.link.turn_to(place, out);
                self.has_channel &= !self.link.is_down();
            }
        }
        if self.link.is_down() {
            self.is_fresh = true;
            self.link.connect(out);
        } else if self.has_channel {
            let (_, ask) = self.asks[0].clone();
            if !self.is_fresh {
                self.doubts = Some((out.now(), false));
                out.timer(Timer::Doubt, DOUBT);
            }
            self.ask(ask, out);
        }
    }

    fn close_channel(&mut self, out: &mut Out<'_>) {
        self.has_channel = false;
        self.link.send(Method::ChannelClose(None), out);
    }

    /// The question that waits is answered by an error.
    fn failed(&mut self, error: AmqpError, out: &mut Out<'_>) {
        self.has_channel = false;
        if !self.asks.is_empty() {
            self.answer(Err(error), out);
        }
    }

    fn answer(&mut self, answer: Result<Answer, AmqpError>, out: &mut Out<'_>) {
        self.waits = None;
        self.is_bound = false;
        if self.doubts.take().is_some() {
            out.cancel(Timer::Doubt);
        }
        if let Some((request, _)) = self.asks.pop_front() {
            self.is_fresh = false;
            out.cancel(Timer::AskTimeout(request));
            out.emit(Event::Answered { request, answer });
        }
        self.go_on(out);
    }

    // ---- questions ----

    fn ask(&mut self, ask: Ask, out: &mut Out<'_>) {
        self.waits = Some(Waits::Simply);
        let method = match ask {
            Ask::DeclareQueue { queue, kind, durable, auto_delete, mut arguments } => {
                if !kind.is_empty() && kind != "classic" {
                    let kind = super::command::Argument::Text(kind);
                    arguments.insert("x-queue-type".to_owned(), kind);
                }
                Method::QueueDeclare(Rc::new(QueueDeclare {
                    queue,
                    passive: false,
                    durable,
                    exclusive: false,
                    auto_delete,
                    arguments,
                }))
            }
            Ask::DeclareExchange { exchange, kind, durable, auto_delete, internal, arguments } => {
                Method::ExchangeDeclare(Rc::new(ExchangeDeclare {
                    exchange,
                    kind,
                    passive: false,
                    durable,
                    auto_delete,
                    internal,
                    arguments,
                }))
            }
            Ask::Bind { source, destination, to_exchange, key, arguments } => {
                let bind = Rc::new(Bind { source, destination, key, arguments });
                match to_exchange {
                    true => Method::ExchangeBind(bind),
                    false => Method::QueueBind(bind),
                }
            }
            Ask::Unbind { source, destination, to_exchange, key, arguments } => {
                let bind = Bind { source, destination, key, arguments };
                to_do(match to_exchange {
                    true => Change::UnbindExchange(bind),
                    false => Change::UnbindQueue(bind),
                })
            }
            Ask::DeleteQueue { queue } => to_do(Change::DeleteQueue(queue, false, false)),
            Ask::DeleteQueueIf { queue, if_unused, if_empty } => {
                to_do(Change::DeleteQueue(queue, if_unused, if_empty))
            }
            Ask::DeleteExchange { exchange } => to_do(Change::DeleteExchange(exchange)),
            Ask::Purge { queue } => Method::QueuePurge { queue: queue.into() },
            Ask::Publish(message) => self.publish(message, out),
            Ask::Get { queue, count, mode } => {
                let got = Waits::Get { left: count, got: Vec::new(), tags: Vec::new() };
                self.waits = Some(got);
                return self.get(&queue, mode, out);
            }
            Ask::ListQueues => Method::ManagementGet(List::Queues),
            Ask::ListExchanges => Method::ManagementGet(List::Exchanges),
            Ask::ListBindings => Method::ManagementGet(List::Bindings),
            Ask::ListConsumers => Method::ManagementGet(List::Consumers),
            Ask::ListChannels => Method::ManagementGet(List::Channels),
            Ask::ListConnections => Method::ManagementGet(List::Connections),
            Ask::ListPolicies { operator } => Method::ManagementGet(List::Policies(operator)),
            Ask::ListMembers => Method::ManagementGet(List::Members),
            Ask::Members(members) => to_do(Change::Members(members)),
            Ask::Lead { queue, node } => to_do(Change::Lead(queue, node)),
            Ask::RestartStream { stream, preferred } => {
                to_do(Change::RestartStream(stream, preferred))
            }
            Ask::Synchronise { queue, begins } => to_do(Change::Synchronise(queue, begins)),
            Ask::Rebalance { pattern } => to_do(Change::Rebalance(pattern)),
            Ask::Status | Ask::On(..) | Ask::Any(_) => Method::ManagementGet(List::Status),
            Ask::SetPolicy { policy, operator } => to_do(Change::SetPolicy(policy, operator)),
            Ask::ClearPolicy { name, operator } => to_do(Change::ClearPolicy(name, operator)),
            Ask::SetMemoryWatermark(watermark) => to_do(Change::MemoryWatermark(watermark)),
            Ask::SetDiskFreeLimit(bytes) => to_do(Change::DiskFreeLimit(bytes)),
            Ask::Maintenance(begins) => to_do(Change::Maintenance(begins)),
            Ask::AwaitQuorums { .. } if self.link.nodes() < 2 => {
                return self.answer(Ok(Answer::Done), out);
            }
            Ask::AwaitQuorums { timeout, .. } => {
                self.waits = Some(Waits::Quorums { until: out.now() + timeout });
                Method::ManagementGet(List::Members)
            }
        };
        self.link.send(method, out);
    }

    fn publish(&mut self, message: OutgoingMessage, out: &mut Out<'_>) -> Method {
        // A tool sets no delivery mode: the message is transient.
        let content = Rc::new(Content::new(message, &Rc::default(), &mut self.names));
        self.waits = Some(Waits::Confirm { message: content.id, routed: true });
        out.emit(Event::Published {
            client: self.name.clone(),
            message: content.id,
            exchange: content.exchange.clone(),
            routing_key: content.routing_key.clone(),
        });
        Method::BasicPublish { mandatory: true, immediate: false, content }
    }

    /// Asks for one message more, or gives back what is to go back.
    fn get(&mut self, queue: &str, mode: GetMode, out: &mut Out<'_>) {
        let Some(Waits::Get { left, got, tags }) = &mut self.waits else { return };
        if *left > 0 {
            *left -= 1;
            let no_ack = mode == GetMode::Ack;
            return self.link.send(Method::BasicGet { queue: queue.into(), no_ack }, out);
        }
        let (got, tags) = (std::mem::take(got), std::mem::take(tags));
        if mode == GetMode::Ack {
            return self.answer(Ok(Answer::Messages(got)), out);
        }
        for delivery_tag in tags {
            self.link.send(
                match mode {
                    GetMode::AckRequeue => {
                        Method::BasicNack { delivery_tag, multiple: false, requeue: true }
                    }
                    _ => {
                        let requeue = mode == GetMode::RejectRequeue;
                        Method::BasicReject { delivery_tag, requeue }
                    }
                },
                out,
            );
        }
        self.waits = Some(Waits::Close { got });
        self.close_channel(out);
    }

    // ---- answers ----

    fn take(&mut self, method: Method, out: &mut Out<'_>) {
        match method {
            Method::ChannelOpenOk => self.link.send(Method::ConfirmSelect, out),
            Method::ConfirmSelectOk => {
                self.has_channel = true;
                self.go_on(out);
            }
            Method::ChannelClose(error) => {
                self.link.send(Method::ChannelCloseOk, out);
                self.link.send(Method::ChannelOpen, out);
                if let Some(error) = error {
                    self.failed((*error).clone(), out);
                }
            }
            Method::ChannelCloseOk => {
                self.link.send(Method::ChannelOpen, out);
                if let Some(Waits::Close { got }) = &mut self.waits {
                    let got = std::mem::take(got);
                    self.answer(Ok(Answer::Messages(got)), out);
                }
            }
            _ if !self.has_channel => {}
            Method::QueueDeclareOk { .. }
            | Method::QueueBindOk
            | Method::QueueUnbindOk
            | Method::ExchangeBindOk
            | Method::ExchangeUnbindOk
            | Method::ExchangeDeclareOk
            | Method::ExchangeDeleteOk
            | Method::ManagementOk => self.answer(Ok(Answer::Done), out),
            Method::QueuePurgeOk { message_count } | Method::QueueDeleteOk { message_count } => {
                self.answer(Ok(Answer::Count(message_count)), out);
            }
            Method::ManagementList(answer) if self.has_to_look_again(&answer, out) => {
                out.timer(Timer::AskAgain, SAMPLING_INTERVAL);
            }
            Method::ManagementList(answer) => self.answer(Ok((*answer).clone()), out),
            Method::BasicReturn { content } => {
                out.emit(Event::Returned { client: self.name.clone(), message: content.id });
                if let Some(Waits::Confirm { routed, .. }) = &mut self.waits {
                    *routed = false;
                }
            }
            Method::BasicAck { .. } | Method::BasicNack { .. } => self.confirmed(&method, out),
            Method::BasicGetOk { .. } | Method::BasicGetEmpty => self.got(method, out),
            _ => {}
        }
    }

    /// True while it waits for members, and some queue would not do without the node.
    fn has_to_look_again(&self, answer: &Answer, out: &Out<'_>) -> bool {
        let (Some(Waits::Quorums { until }), Answer::Members(all)) = (&self.waits, answer) else {
            return false;
        };
        let node = match self.asks.front() {
            Some((_, Ask::AwaitQuorums { node, .. })) => node,
            _ => return false,
        };
        out.now() < *until && !lost_without(all, node).is_empty()
    }

    fn confirmed(&mut self, method: &Method, out: &mut Out<'_>) {
        let Some(&Waits::Confirm { message, routed }) = self.waits.as_ref() else { return };
        let client = self.name.clone();
        match method {
            Method::BasicAck { .. } => {
                if routed {
                    out.emit(Event::Confirmed { client, message });
                }
                self.answer(Ok(Answer::Published { routed }), out);
            }
            _ => {
                out.emit(Event::Refused { client, message });
                let refused = error::precondition_failed("the message was rejected by a queue");
                self.answer(Err(refused), out);
            }
        }
    }

    fn got(&mut self, method: Method, out: &mut Out<'_>) {
        let Some((_, Ask::Get { queue, mode, .. })) = self.asks.front().cloned() else { return };
        let Some(Waits::Get { left, got, tags }) = &mut self.waits else { return };
        match method {
            Method::BasicGetOk { delivery_tag, redelivered, message_count, content } => {
                tags.push(delivery_tag);
                got.push(GotMessage {
                    exchange: content.exchange.to_string(),
                    routing_key: content.routing_key.to_string(),
                    redelivered,
                    message_count,
                    body: content.body.clone(),
                    properties: super::command::Properties {
                        headers: content.headers(),
                        ..(*content.properties).clone()
                    },
                });
            }
            _ => *left = 0,
        }
        self.get(&queue, mode, out);
    }
}

/// How long an answer may take.
fn patience(ask: &Ask) -> Span {
    match ask {
        Ask::On(_, ask) | Ask::Any(ask) => patience(ask),
        Ask::AwaitQuorums { timeout, .. } => ASK_TIMEOUT + *timeout,
        _ => ASK_TIMEOUT,
    }
}

fn to_do(change: Change) -> Method {
    Method::ManagementDo(Rc::new(change))
}
