//! A node: a process as a state machine with one door.

use super::cost::CostModel;
use super::disk::{Disk, Rope};
use super::machine::Machine;
use super::rng::Stream;
use super::time::{Span, Time};
use super::world::Happening;
use crate::ordered::Number;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::rc::Rc;

/// A process of the world. Ids are given out in order and never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct NodeId(pub u32);

impl Number for NodeId {
    fn number(self) -> usize {
        self.0 as usize
    }

    fn of(number: usize) -> NodeId {
        NodeId(number as u32)
    }
}

/// A machine: processes on it share its drive's speed, its page cache and its power supply.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MachineId(pub u32);

impl fmt::Display for NodeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "node {}", self.0)
    }
}

/// What nodes send to each other.
pub trait Message: Clone {
    /// Bytes on the wire: what the link's bandwidth is charged for.
    fn size_bytes(&self) -> u64;
    /// The name of its kind, as `net drop --kind` names it: `Fetch`, `basic.deliver`.
    fn kind(&self) -> &'static str;
    /// The messages of the lab that it carries, as far as that is seen without unpacking it: for
    /// the picture only.
    fn messages(&self) -> Vec<MessageId> {
        Vec::new()
    }
}

impl<M: Message> Message for Box<M> {
    fn size_bytes(&self) -> u64 {
        (**self).size_bytes()
    }

    fn kind(&self) -> &'static str {
        (**self).kind()
    }

    fn messages(&self) -> Vec<MessageId> {
        (**self).messages()
    }
}

/// A process. `step` is the only way in; the outbox is the only way out.
pub trait Node: Clone {
    /// What it says to other nodes.
    type Message: Message;
    /// The names of its timers; setting one again moves it.
    type Timer: Clone + Ord;
    /// What it remembers of a read or a flush that is under way.
    type Ticket: Clone;
    /// What the lab asks of it.
    type Command: Clone;
    /// What it tells the lab.
    type Event: Clone;

    /// Takes one input. Must not fail, block, or look at anything but itself and the outbox.
    fn step(&mut self, input: Input<Self>, out: &mut Outbox<'_, Self>);

    /// The same program freshly started: its configuration, and nothing that was in memory.
    /// Doing it twice is the same as doing it once.
    fn restarted(&self) -> Self;
}

/// What can happen to a node.
#[derive(Clone)]
pub enum Input<N: Node> {
    /// The process has begun: the first input of every life. Its disk may hold files from an
    /// earlier one.
    Start,
    /// It is asked to end politely; it calls [`Outbox::exit`] when it is done.
    Stop,
    /// A message has come.
    Message {
        /// Who sent it.
        from: NodeId,
        /// What it says.
        body: N::Message,
    },
    /// The connection with this peer is gone: it closed, died or refused. All that it sent before
    /// has come; what this node sent and the peer has not taken is lost. The next message to it
    /// opens a new connection. A peer that was cut off or lost its power says nothing: then this
    /// comes when the peer is back and this node next sends to it, or never.
    Closed {
        /// The other end.
        peer: NodeId,
    },
    /// A timer is up.
    Timer(N::Timer),
    /// Bytes that were asked for with [`Outbox::read`].
    Read {
        /// What it was asked with.
        ticket: N::Ticket,
        /// The bytes; shorter than asked for where the file ends.
        bytes: Rope,
    },
    /// A flush is done: what was written to the file when it was asked for survives a power cut.
    Flushed {
        /// What it was asked with.
        ticket: N::Ticket,
    },
    /// The lab asks something of it.
    Command(N::Command),
}

/// What a step wants the world to do.
#[derive(Clone)]
pub(super) enum Effect<N: Node> {
    Send { to: NodeId, body: N::Message },
    Close { peer: NodeId },
    Timer { timer: N::Timer, at: Time },
    Cancel { timer: N::Timer },
    Read { file: Rc<str>, from: u64, len: u64, ticket: N::Ticket },
    Flush { file: Rc<str>, number: u64, bytes: u64, ticket: N::Ticket },
    ForgetReads,
    Exit,
}

/// The way out of a step: what a node wants done, and what it may look at.
pub struct Outbox<'a, N: Node> {
    pub(super) me: NodeId,
    pub(super) now: Time,
    pub(super) stream: &'a mut Stream,
    pub(super) disk: &'a mut Disk,
    pub(super) machine: &'a mut Rc<Machine>,
    pub(super) cost: &'a CostModel,
    pub(super) effects: &'a mut Vec<Effect<N>>,
    pub(super) happenings: &'a mut Vec<Happening<N::Event>>,
    pub(super) is_heard: bool,
    pub(super) work: Span,
}

impl<N: Node> Outbox<'_, N> {
    /// The node that is taking this step.
    pub fn me(&self) -> NodeId {
        self.me
    }

    /// The instant of this step.
    pub fn now(&self) -> Time {
        self.now
    }

    /// The node's own random stream; it begins anew with every life of the process.
    pub fn random(&mut self) -> &mut Stream {
        self.stream
    }

    /// What work costs in this world.
    pub fn cost(&self) -> &CostModel {
        self.cost
    }

    /// Keeps a core busy for so long; what this step sends, reads, flushes and its exit come
    /// after it. A process that dies meanwhile has not sent them.
    pub fn work(&mut self, span: Span) {
        self.work += span;
    }

    /// Sends a message. Messages between two nodes arrive in the order of the calls, or not at
    /// all.
    #[inline(always)]
    pub fn send(&mut self, to: NodeId, body: N::Message) {
        self.effects.push(Effect::Send { to, body });
    }

    /// Closes the connection with a peer: what was sent before still arrives, and then the peer
    /// is told; what is under way to this node is lost.
    pub fn close(&mut self, peer: NodeId) {
        self.effects.push(Effect::Close { peer });
    }

    /// Wakes this node after `after`. The same timer set again replaces the earlier setting.
    pub fn timer(&mut self, timer: N::Timer, after: Span) {
        self.timer_at(timer, self.now + after);
    }

    /// Wakes this node at an instant: at once if it has passed, not at all if it is
    /// [`Time::NEVER`].
    pub fn timer_at(&mut self, timer: N::Timer, at: Time) {
        self.effects.push(Effect::Timer { timer, at });
    }

    /// Takes a timer back; harmless if it is not set.
    pub fn cancel(&mut self, timer: N::Timer) {
        self.effects.push(Effect::Cancel { timer });
    }

    /// The node's files: names, lengths, what is flushed. Their bytes come by [`Outbox::read`].
    pub fn files(&self) -> &Disk {
        self.disk
    }

    /// Writes at the end of a file, which is made if it does not exist. Written survives a crash
    /// of the process, not a power cut. Panics if the file is one that is replaced whole.
    pub fn append(&mut self, file: &str, bytes: Bytes) {
        self.disk.append(file, bytes.clone());
        self.written(file, bytes.len() as u64);
    }

    /// Puts a whole new content in the place of a file's old one, atomically. Panics if the file
    /// is one that is appended.
    pub fn replace(&mut self, file: &str, bytes: Bytes) {
        self.disk.replace(file, bytes.clone());
        self.written(file, bytes.len() as u64);
    }

    /// Cuts a file to its first `len` bytes.
    pub fn truncate(&mut self, file: &str, len: u64) {
        self.disk.truncate(file, len);
    }

    /// Removes a file; harmless if there is none.
    pub fn delete(&mut self, file: &str) {
        self.deleted(file);
        self.disk.delete(file);
    }

    /// Gives a file another name, in the place of any that had it.
    pub fn rename(&mut self, file: &str, to: &str) {
        if file != to && self.disk.get(file).is_some() {
            self.deleted(to);
        }
        self.disk.rename(file, to);
    }

    /// The last bytes of a file are in the page cache now.
    fn written(&mut self, name: &str, bytes: u64) {
        let Some(file) = self.disk.get(name).filter(|_| self.cost.page_cache > 0) else { return };
        let range = (file.len().saturating_sub(bytes), file.len());
        Rc::make_mut(self.machine).written((self.me, file.id), range, self.cost);
    }

    /// The pages of a file that is about to go are free.
    fn deleted(&mut self, name: &str) {
        let Some(file) = self.disk.get(name).filter(|_| self.cost.page_cache > 0) else { return };
        Rc::make_mut(self.machine).deleted((self.me, file.id));
    }

    /// Asks that what is written in the file now be made safe from a power cut; answered by
    /// [`Input::Flushed`].
    pub fn flush(&mut self, file: &str, ticket: N::Ticket) {
        let (number, bytes) = self.disk.begin_flush(file);
        self.effects.push(Effect::Flush { file: file.into(), number, bytes, ticket });
    }

    /// Asks for bytes of a file as they are when the drive gets to it; answered by
    /// [`Input::Read`], later if the page cache does not hold them.
    pub fn read(&mut self, file: &str, from: u64, len: u64, ticket: N::Ticket) {
        self.effects.push(Effect::Read { file: file.into(), from, len, ticket });
    }

    /// What this node has asked of its files until now is not answered any more: it begins anew
    /// within the same life.
    pub fn forget_reads(&mut self) {
        self.effects.push(Effect::ForgetReads);
    }

    /// Tells the lab that something happened.
    pub fn emit(&mut self, event: N::Event) {
        self.tell(|| event);
    }

    /// The same of what comes by the thousand: it is not put into words when nobody listens.
    #[inline(always)]
    pub fn tell(&mut self, event: impl FnOnce() -> N::Event) {
        if self.is_heard {
            self.happenings.push(Happening { at: self.now, node: self.me, event: event() });
        }
    }

    /// Ends the process politely once this step's work is done: what it sent still arrives, then
    /// its connections close; files stay. It takes no other input.
    pub fn exit(&mut self) {
        self.effects.push(Effect::Exit);
    }
}

/// The number by which one message is followed through the whole lab: the same in both brokers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MessageId(pub u64);

impl fmt::Display for MessageId {
    /// As the page and the terminal name it: `m12`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "m{}", self.0)
    }
}
