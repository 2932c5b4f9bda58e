//! A toy protocol that uses every door of the world: gossip with echoes, timers, randomness, work,
//! a log, a checkpoint, flushes and reads. What it notices it tells, so that two runs that differ
//! anywhere differ in what they tell.

use bytes::Bytes;
use pushpull::sim::{Input, Message, Node, NodeId, Outbox, Span};
use std::collections::BTreeMap;

/// The log that every toy keeps.
pub const LOG: &str = "log";
/// The small file that every toy replaces whole.
pub const CHECKPOINT: &str = "checkpoint";

/// What toys say to each other: numbered for each life of the sender and each receiver.
#[derive(Clone, Debug, PartialEq)]
pub struct Gossip {
    pub kind: &'static str,
    /// When the sender's life began, and the number of this message in it: grows from message to
    /// message to one receiver.
    pub number: (u64, u64),
    pub payload: Bytes,
}

impl Message for Gossip {
    fn size_bytes(&self) -> u64 {
        40 + self.payload.len() as u64
    }
    fn kind(&self) -> &'static str {
        self.kind
    }
}

/// What a toy tells.
#[derive(Clone, Debug, PartialEq)]
pub enum Told {
    Started { found: u64 },
    Sent { to: NodeId, number: (u64, u64) },
    Heard { from: NodeId, number: (u64, u64) },
    LetGo { peer: NodeId },
    Closed { peer: NodeId },
    Written { file: &'static str, bytes: Bytes },
    Cut { len: u64 },
    AskedToFlush { file: &'static str, number: u64 },
    Flushed { file: &'static str, number: u64 },
    Read { from: u64, bytes: Bytes },
    Drawn(u64),
    Leaves,
}

/// What the lab asks of a toy.
#[derive(Clone, Debug, PartialEq)]
pub enum Ask {
    /// Send one message to everybody.
    Tell,
    /// Say nothing more by itself.
    Rest,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timer {
    Tick,
    /// Moved each time something is heard: up when it was quiet for a while.
    Quiet,
}

#[derive(Clone, Debug)]
pub enum Ticket {
    Flush { file: &'static str, number: u64 },
    Read { from: u64 },
}

/// A toy. `restarted` keeps what is above the line.
#[derive(Clone, Debug)]
pub struct Toy {
    /// Everybody, itself too.
    pub peers: Vec<NodeId>,
    /// Up to so much work for each input.
    pub work_max: Span,
    // ---- what is in memory only ----
    born_us: u64,
    sent: BTreeMap<NodeId, u64>,
    flushes: u64,
    is_resting: bool,
}

impl Toy {
    pub fn new(peers: Vec<NodeId>, work_max: Span) -> Toy {
        Toy { peers, work_max, born_us: 0, sent: BTreeMap::new(), flushes: 0, is_resting: false }
    }

    fn send(&mut self, to: NodeId, kind: &'static str, payload: Bytes, out: &mut Outbox<'_, Toy>) {
        let count = self.sent.entry(to).or_default();
        *count += 1;
        let number = (self.born_us, *count);
        out.emit(Told::Sent { to, number });
        out.send(to, Gossip { kind, number, payload });
    }

    fn flush(&mut self, file: &'static str, out: &mut Outbox<'_, Toy>) {
        self.flushes += 1;
        let number = self.flushes;
        out.emit(Told::AskedToFlush { file, number });
        out.flush(file, Ticket::Flush { file, number });
    }

    fn tick(&mut self, out: &mut Outbox<'_, Toy>) {
        let drawn = out.random().bits();
        out.emit(Told::Drawn(drawn));
        let bytes = noise(drawn, drawn as usize % 300);
        match drawn >> 32 & 15 {
            0..=4 => {
                out.append(LOG, bytes.clone());
                out.emit(Told::Written { file: LOG, bytes });
            }
            5 => {
                out.replace(CHECKPOINT, bytes.clone());
                out.emit(Told::Written { file: CHECKPOINT, bytes });
            }
            6 | 7 => self.flush(LOG, out),
            8 => self.flush(CHECKPOINT, out),
            9 => {
                let len = out.files().len(LOG) * 3 / 4;
                out.truncate(LOG, len);
                out.emit(Told::Cut { len });
            }
            10 | 11 => {
                let from = drawn % (out.files().len(LOG) + 1);
                out.read(LOG, from, 5_000, Ticket::Read { from });
            }
            12 if drawn & 3 == 0 => {
                let peer = self.peers[drawn as usize % self.peers.len()];
                out.close(peer);
                out.emit(Told::LetGo { peer });
            }
            _ => {
                let to = self.peers[drawn as usize % self.peers.len()];
                self.send(to, "Rumour", bytes, out);
            }
        }
        if !self.is_resting {
            let pause = Span::micros(1 + out.random().below(8_000));
            out.timer(Timer::Tick, pause);
        }
    }
}

impl Node for Toy {
    type Message = Gossip;
    type Timer = Timer;
    type Ticket = Ticket;
    type Command = Ask;
    type Event = Told;

    fn step(&mut self, input: Input<Self>, out: &mut Outbox<'_, Self>) {
        let work = out.random().span_up_to(self.work_max);
        out.work(work);
        match input {
            Input::Start => {
                assert!(self.sent.is_empty() && self.born_us == 0, "a start in the middle");
                self.born_us = out.now().micros() + 1;
                let found = out.files().len(LOG);
                out.emit(Told::Started { found });
                out.read(LOG, 0, u64::MAX, Ticket::Read { from: 0 });
                out.timer(Timer::Tick, Span::micros(1));
            }
            Input::Stop => {
                out.emit(Told::Leaves);
                for to in self.peers.clone() {
                    self.send(to, "Bye", Bytes::new(), out);
                }
                out.exit();
            }
            Input::Message { from, body } => {
                out.emit(Told::Heard { from, number: body.number });
                out.timer(Timer::Quiet, Span::millis(30));
                if body.kind == "Rumour" {
                    self.send(from, "Echo", body.payload, out);
                }
            }
            Input::Closed { peer } => out.emit(Told::Closed { peer }),
            Input::Timer(Timer::Tick) => self.tick(out),
            Input::Timer(Timer::Quiet) => {
                let drawn = out.random().below(1_000_000);
                out.emit(Told::Drawn(drawn));
                out.cancel(Timer::Quiet);
            }
            Input::Read { ticket: Ticket::Read { from }, bytes } => {
                out.emit(Told::Read { from, bytes: bytes.bytes() });
            }
            Input::Flushed { ticket: Ticket::Flush { file, number } } => {
                out.emit(Told::Flushed { file, number });
            }
            Input::Read { .. } | Input::Flushed { .. } => {
                unreachable!("tickets come back as given")
            }
            Input::Command(Ask::Tell) => {
                for to in self.peers.clone() {
                    self.send(to, "Tell", Bytes::from_static(b"tell"), out);
                }
            }
            Input::Command(Ask::Rest) => {
                self.is_resting = true;
                out.cancel(Timer::Tick);
            }
        }
    }

    fn restarted(&self) -> Self {
        Toy::new(self.peers.clone(), self.work_max)
    }
}

/// Bytes that look like nothing else.
pub fn noise(seed: u64, len: usize) -> Bytes {
    (0..len as u64).map(|at| (seed.wrapping_mul(at + 1) >> 23) as u8).collect()
}
