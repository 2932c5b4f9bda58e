//! A publishing client.
//!
//! It opens a connection and a channel, and asks for confirms (setting `confirm`, true unless set).
//! What it has published and not seen confirmed it keeps while it lives, and publishes again on
//! every new connection: so a message can be there twice, and is not lost. Without confirms it
//! forgets a message when it is sent.
//!
//! While the broker has blocked its connection (no memory or no disk left) it sends nothing and
//! keeps what it is given.
//!
//! When the broker closes its channel (an exchange that is not there), what was not confirmed is
//! given up, and a new channel is opened.
//!
//! Settings: `confirm` (true), `mandatory` (false), `delivery_mode` (2), `priority` and
//! `expiration` (not set), `network_recovery_interval` (5000 ms).

use super::command::{AmqpError, Command, OutgoingMessage, Properties};
use super::content::Content;
use super::event::Event;
use super::inspect::{ClientKind, ClientState};
use super::link::{Heard, Link};
use super::message::Method;
use super::names::Names;
use super::process::{Out, Process, Timer};
use super::spec::{PublisherSpec, Settings};
use crate::ordered::{BTreeSet, Window};
use crate::sim::{Input, MessageId, NodeId, Status};
use std::collections::VecDeque;
use std::rc::Rc;

/// A publishing client.
#[derive(Clone, Debug)]
pub struct Publisher {
    name: Rc<str>,
    link: Link,
    names: Names,
    confirm: bool,
    mandatory: bool,
    /// The properties of messages that do not have their own.
    usual: Rc<Properties>,
    is_ready: bool,
    /// Messages that could not be sent yet.
    waiting: VecDeque<Rc<Content>>,
    /// Publishes on this channel.
    numbered: u64,
    /// Messages that are sent and not confirmed, by their number on the channel.
    unconfirmed: Window<Rc<Content>>,
    /// Messages of these that came back.
    returned: BTreeSet<MessageId>,
    /// Bytes of the bodies of all messages that it keeps.
    held_bytes: u64,
    published: u64,
    confirmed: u64,
    failed: u64,
}

impl Publisher {
    /// A publisher that has not started.
    pub fn new(name: Rc<str>, spec: &PublisherSpec, brokers: Rc<[NodeId]>) -> Publisher {
        let mut publisher = Publisher {
            link: Link::new(name.clone(), brokers, &spec.settings),
            name,
            names: Names::default(),
            confirm: true,
            mandatory: false,
            usual: Rc::new(Properties { delivery_mode: Some(2), ..Properties::default() }),
            is_ready: false,
            waiting: VecDeque::new(),
            numbered: 0,
            unconfirmed: Window::new(),
            returned: BTreeSet::new(),
            held_bytes: 0,
            published: 0,
            confirmed: 0,
            failed: 0,
        };
        publisher.configure(&spec.settings);
        publisher
    }

    fn configure(&mut self, settings: &Settings) {
        for (name, value) in settings {
            self.set(name, value);
        }
    }

    /// Takes a setting; what makes no sense changes nothing.
    fn set(&mut self, name: &str, value: &str) {
        let usual = Rc::make_mut(&mut self.usual);
        match (name, value) {
            ("confirm", "true" | "false") => self.confirm = value == "true",
            ("mandatory", "true" | "false") => self.mandatory = value == "true",
            ("delivery_mode", "1" | "transient") => usual.delivery_mode = Some(1),
            ("delivery_mode", "2" | "persistent") => usual.delivery_mode = Some(2),
            ("priority", value) => usual.priority = value.parse().ok(),
            ("expiration", value) => {
                usual.expiration = (!value.is_empty()).then(|| value.to_owned());
            }
            ("network_recovery_interval", value) => self.link.set_recovery_interval(value),
            _ => {}
        }
    }

    /// True once its channel is open.
    pub fn is_ready(&self) -> bool {
        self.is_ready
    }

    /// Takes one input.
    pub fn step(&mut self, input: Input<Process>, out: &mut Out<'_>) {
        match input {
            Input::Start => self.link.connect(out),
            Input::Stop => out.exit(),
            Input::Message { from, body } => match self.link.take(from, body, out) {
                Heard::Opened => self.link.send(Method::ChannelOpen, out),
                Heard::OnChannel(method) => self.take(method, out),
                Heard::Unblocked => self.send_waiting(out),
                Heard::Closed(error) => {
                    if let Some(error) = error {
                        self.tell_error(&error, out);
                    }
                    self.disconnected(out);
                }
                Heard::Nothing => {}
            },
            Input::Closed { peer } if self.link.lost(peer, out) => self.disconnected(out),
            Input::Timer(Timer::Retry) => self.link.connect(out),
            Input::Timer(Timer::HandshakeTimeout) => {
                self.link.give_up(out);
                self.disconnected(out);
            }
            Input::Timer(Timer::Heartbeat(_)) if !self.link.heartbeat(out) => {
                self.disconnected(out);
            }
            Input::Command(command) => match Rc::unwrap_or_clone(command) {
                Command::Publish(message) => self.publish(message, out),
                Command::Set { name, value } => self.set(&name, &value),
                Command::Ask(..) | Command::Meet(_) | Command::Say(_) | Command::CrashAt(_) => {}
            },
            _ => {}
        }
    }

    fn take(&mut self, method: Method, out: &mut Out<'_>) {
        match method {
            Method::ChannelOpenOk if self.confirm => self.link.send(Method::ConfirmSelect, out),
            Method::ChannelOpenOk | Method::ConfirmSelectOk => self.begin(out),
            Method::BasicAck { delivery_tag, multiple: false } => {
                if let Some(content) = self.unconfirmed.remove(delivery_tag) {
                    self.held_bytes -= content.body.len() as u64;
                    self.confirmed(content.id, out);
                }
            }
            Method::BasicAck { delivery_tag, multiple } => {
                for content in self.settled(delivery_tag, multiple) {
                    self.confirmed(content.id, out);
                }
            }
            Method::BasicNack { delivery_tag, multiple, .. } => {
                for content in self.settled(delivery_tag, multiple) {
                    self.refused(content.id, out);
                }
            }
            Method::BasicReturn { content } => {
                self.failed += 1;
                if self.confirm {
                    self.returned.insert(content.id);
                }
                out.emit(Event::Returned { client: self.name.clone(), message: content.id });
            }
            Method::ChannelClose(error) => {
                self.link.send(Method::ChannelCloseOk, out);
                if let Some(error) = error {
                    self.tell_error(&error, out);
                }
                self.is_ready = false;
                for content in self.settled(u64::MAX, true) {
                    self.refused(content.id, out);
                }
                self.link.send(Method::ChannelOpen, out);
            }
            _ => {}
        }
    }

    /// The channel is ready: first what is not known to be safe, then what has waited.
    fn begin(&mut self, out: &mut Out<'_>) {
        self.is_ready = true;
        self.numbered = 0;
        out.emit(Event::ClientReady { client: self.name.clone() });
        for (_, content) in std::mem::take(&mut self.unconfirmed) {
            self.send(content, out);
        }
        self.send_waiting(out);
    }

    /// What could not be sent before is sent now.
    fn send_waiting(&mut self, out: &mut Out<'_>) {
        if self.is_ready {
            for content in std::mem::take(&mut self.waiting) {
                self.published += 1;
                self.send(content, out);
            }
        }
    }

    fn publish(&mut self, message: OutgoingMessage, out: &mut Out<'_>) {
        let content = Rc::new(Content::new(message, &self.usual, &mut self.names));
        self.held_bytes += content.body.len() as u64;
        if self.is_ready && !self.link.is_blocked() {
            self.published += 1;
            self.send(content, out);
        } else {
            self.waiting.push_back(content);
        }
    }

    fn send(&mut self, content: Rc<Content>, out: &mut Out<'_>) {
        self.numbered += 1;
        out.tell(|| Event::Published {
            client: self.name.clone(),
            message: content.id,
            exchange: content.exchange.clone(),
            routing_key: content.routing_key.clone(),
        });
        if self.confirm {
            self.unconfirmed.insert(self.numbered, content.clone());
        } else {
            self.held_bytes -= content.body.len() as u64;
        }
        let mandatory = self.mandatory;
        self.link.send(Method::BasicPublish { mandatory, immediate: false, content }, out);
    }

    /// The messages that an answer of the broker is about: they are not kept any more.
    fn settled(&mut self, number: u64, multiple: bool) -> Vec<Rc<Content>> {
        let settled: Vec<Rc<Content>> = if multiple {
            let settled = self.unconfirmed.take_through(number).into_iter();
            settled.map(|(_, content)| content).collect()
        } else {
            self.unconfirmed.remove(number).into_iter().collect()
        };
        self.held_bytes -= settled.iter().map(|content| content.body.len() as u64).sum::<u64>();
        settled
    }

    fn confirmed(&mut self, message: MessageId, out: &mut Out<'_>) {
        // What came back is confirmed too: dealt with, not safe.
        if !self.returned.remove(&message) {
            self.confirmed += 1;
            out.emit(Event::Confirmed { client: self.name.clone(), message });
        }
    }

    fn refused(&mut self, message: MessageId, out: &mut Out<'_>) {
        self.failed += 1;
        self.returned.remove(&message);
        out.emit(Event::Refused { client: self.name.clone(), message });
    }

    fn tell_error(&self, error: &AmqpError, out: &mut Out<'_>) {
        out.emit(Event::ClientError { client: self.name.clone(), error: error.clone() });
    }

    fn disconnected(&mut self, out: &mut Out<'_>) {
        self.is_ready = false;
        if self.link.is_down() {
            out.timer(Timer::Retry, self.link.recovery_interval);
        }
    }

    /// What the lab may look at.
    pub fn state(&self, name: &str, status: Status) -> ClientState {
        let held = self.unconfirmed.values().chain(&self.waiting);
        ClientState {
            name: name.to_owned(),
            kind: ClientKind::Publisher,
            status,
            out_of_memory: false,
            got: self.published,
            done: self.confirmed,
            held: held.take(1_000).map(|content| content.id).collect(),
            held_count: (self.unconfirmed.len() + self.waiting.len()) as u64,
            held_bytes: self.held_bytes,
            memory: 0,
            busy_until: None,
            queue: None,
            prefetch: 0,
            unacked: 0,
            failed: self.failed,
            effects: 0,
        }
    }
}
