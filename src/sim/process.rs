//! A process of the world: its state, and how its cores take up what comes.

use super::disk::Disk;
use super::network::Connection;
use super::node::{Effect, Input, MachineId, Node, NodeId, Outbox};
use super::rng::Stream;
use super::schedule::{Due, Event};
use super::shared::own;
use super::time::{Span, Time};
use super::world::World;
use crate::ordered::BTreeMap;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::rc::Rc;

/// What a process is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Status {
    /// It takes inputs.
    Running,
    /// It stands still (as under SIGSTOP); what comes waits.
    Paused,
    /// It is dead; its machine answers connections with a refusal.
    Down,
    /// Its machine has no power; nothing answers.
    Off,
    /// It was taken out of the world and will not come back.
    Gone,
}

impl Status {
    /// True if there is a process, running or standing still.
    pub fn is_alive(self) -> bool {
        matches!(self, Status::Running | Status::Paused)
    }
}

/// An input that may have to wait for a core or for the process to be resumed.
#[derive(Clone)]
pub(super) struct Waiting<N: Node> {
    pub(super) input: Input<N>,
    pub(super) from: Origin,
}

/// What has to be remembered of where an input came from while it waits.
#[derive(Clone, Copy)]
pub(super) enum Origin {
    /// Nothing.
    Anywhere,
    /// The setting of the timer that is up, which may be moved or taken back meanwhile.
    Timer(Due),
    /// The connection that brought the message, or is gone.
    Connection(Connection),
}

impl<N: Node> From<Input<N>> for Waiting<N> {
    fn from(input: Input<N>) -> Waiting<N> {
        Waiting { input, from: Origin::Anywhere }
    }
}

/// A process: its program, its files, and what it is doing.
#[derive(Clone)]
pub(super) struct Process<N: Node> {
    pub(super) name: Rc<str>,
    pub(super) machine: MachineId,
    /// Its program; `None` only in the place of one that was removed before the world was saved.
    pub(super) node: Option<Rc<N>>,
    pub(super) disk: Disk,
    pub(super) status: Status,
    /// How often it has ended: each life has its own random stream.
    pub(super) life: u32,
    pub(super) stream: Stream,
    cores_busy: u32,
    timers: BTreeMap<N::Timer, Due>,
    waiting: VecDeque<Waiting<N>>,
    /// A core is about to take up what waits.
    is_drained: bool,
    /// It has asked for its end, which comes when its work is done.
    is_leaving: bool,
}

impl<N: Node> Process<N> {
    /// A process that does not run yet.
    pub(super) fn new(
        seed: u64,
        name: Rc<str>,
        machine: MachineId,
        (node, disk): (N, Disk),
        (status, life): (Status, u32),
    ) -> Process<N> {
        Process {
            stream: Stream::named(seed, &format!("{name}/{life}")),
            name,
            machine,
            node: Some(Rc::new(node)),
            disk,
            status,
            life,
            cores_busy: 0,
            timers: BTreeMap::new(),
            waiting: VecDeque::new(),
            is_drained: false,
            is_leaving: false,
        }
    }

    /// Stands in the place of a process of which only the id is left.
    pub(super) fn gap() -> Process<N> {
        Process {
            name: "".into(),
            machine: MachineId(u32::MAX),
            node: None,
            disk: Disk::default(),
            status: Status::Gone,
            life: 0,
            stream: Stream::named(0, ""),
            cores_busy: 0,
            timers: BTreeMap::new(),
            waiting: VecDeque::new(),
            is_drained: false,
            is_leaving: false,
        }
    }

    /// Its life is over: its memory is gone, its files stay.
    pub(super) fn end(&mut self, seed: u64, status: Status) {
        self.disk.forget_flushes();
        let disk = std::mem::take(&mut self.disk);
        let node = self.node.as_ref().expect("a living process has a program").restarted();
        let life = self.life + 1;
        *self = Process::new(seed, self.name.clone(), self.machine, (node, disk), (status, life));
    }

    /// It begins a life. What comes at this instant is taken after its start.
    pub(super) fn begin(&mut self) {
        self.status = Status::Running;
        self.waiting.push_back(Input::Start.into());
    }

    /// The connection after `gone` on which the next message of this peer waits.
    pub(super) fn next_connection(&self, peer: NodeId, gone: Connection) -> Option<Connection> {
        self.waiting.iter().find_map(|waiting| match (&waiting.input, waiting.from) {
            (Input::Message { from, .. }, Origin::Connection(on)) if *from == peer => {
                Some(on).filter(|on| *on > gone)
            }
            _ => None,
        })
    }

    /// Forgets what waits of a connection with this peer that was closed by the process.
    pub(super) fn forget_waiting(&mut self, peer: NodeId, closed: Connection) {
        self.waiting.retain(|waiting| match (&waiting.input, waiting.from) {
            (Input::Message { from: sender, .. }, Origin::Connection(on))
            | (Input::Closed { peer: sender }, Origin::Connection(on)) => {
                *sender != peer || on > closed
            }
            _ => true,
        });
    }

    /// How many inputs wait.
    pub(super) fn backlog(&self) -> usize {
        self.waiting.len()
    }
}

impl<N: Node> World<N> {
    /// Gives a living process an input, at once if a core is free and nothing else waits.
    #[inline(always)]
    pub(super) fn accept(&mut self, id: NodeId, input: Input<N>, from: Origin) {
        let cores = self.cost.cores.max(1);
        let process = self.process(id);
        if !process.status.is_alive() || process.is_leaving {
            return;
        }
        let is_free = process.status == Status::Running && process.cores_busy < cores;
        if is_free && process.waiting.is_empty() {
            self.run(id, input, from);
        } else {
            self.process_mut(id).waiting.push_back(Waiting { input, from });
        }
    }

    /// Sees to it that what waits is taken up if a core is free.
    pub(super) fn drain(&mut self, id: NodeId) {
        let cores = self.cost.cores.max(1);
        let process = self.process(id);
        let is_free = process.status == Status::Running
            && process.cores_busy < cores
            && !process.is_leaving
            && !process.is_drained;
        if is_free && !process.waiting.is_empty() {
            self.process_mut(id).is_drained = true;
            self.schedule.add(self.now, Event::TakeUp { node: id });
        }
    }

    /// A free core takes up the next input that waits.
    pub(super) fn take_up(&mut self, id: NodeId) {
        let process = self.process_mut(id);
        process.is_drained = false;
        if process.status == Status::Running && !process.is_leaving {
            if let Some(Waiting { input, from }) = process.waiting.pop_front() {
                self.run(id, input, from);
            }
            self.drain(id);
        }
    }

    /// A core has done the work of a step.
    pub(super) fn worked(&mut self, id: NodeId, then: Vec<Effect<N>>) {
        self.process_mut(id).cores_busy -= 1;
        for effect in then {
            self.carry_out(id, self.now, effect);
        }
        if !self.process(id).is_drained {
            self.take_up(id);
        }
    }

    /// Takes one step of a process, and does what the step wants done.
    fn run(&mut self, id: NodeId, input: Input<N>, from: Origin) {
        let is_valid = match (&input, from) {
            // It may have been moved or taken back while it waited.
            (Input::Timer(name), Origin::Timer(due)) => {
                self.process_mut(id).timers.remove_if(name, |set| *set == due)
            }
            (Input::Closed { peer }, Origin::Connection(gone)) => {
                self.learn_of_end(id, *peer, gone);
                true
            }
            _ => true,
        };
        if !is_valid {
            return;
        }
        let process = own(&mut self.processes[id.0 as usize]);
        let mut out = Outbox {
            me: id,
            now: self.now,
            stream: &mut process.stream,
            disk: &mut process.disk,
            machine: &mut self.machines[process.machine.0 as usize],
            cost: &self.cost,
            effects: &mut self.effects,
            happenings: &mut self.happenings,
            is_heard: !self.is_unheard,
            work: Span::ZERO,
        };
        let node = process.node.as_mut().expect("a living process has a program");
        own(node).step(input, &mut out);
        let work = out.work;
        if work.is_zero() && self.effects.len() < 2 {
            // Nearly always.
            return match self.effects.pop() {
                None => {}
                Some(Effect::Send { to, body }) => self.send(id, to, self.now, body),
                Some(effect) => self.carry_out(id, self.now, effect),
            };
        }
        self.do_all(id, work);
    }

    /// Does what a step wants done that took so much work.
    fn do_all(&mut self, id: NodeId, work: Span) {
        let mut effects = std::mem::take(&mut self.effects);
        let done = self.now + work;
        let mut then = Vec::new();
        let mut leaves = false;
        for effect in effects.drain(..) {
            match effect {
                // Nothing comes after it.
                Effect::Exit => leaves = true,
                Effect::Read { .. } | Effect::Flush { .. } if !work.is_zero() => then.push(effect),
                _ => self.carry_out(id, done, effect),
            }
        }
        self.effects = effects;
        if work.is_zero() {
            if leaves {
                self.carry_out(id, done, Effect::Exit);
            }
            return;
        }
        if leaves {
            then.push(Effect::Exit);
        }
        let process = self.process_mut(id);
        process.is_leaving |= leaves;
        process.cores_busy += 1;
        self.schedule.add(done, Event::Worked { node: id, then });
    }

    /// Does what a step wants done; what leaves the process leaves it at `leaves_at`.
    fn carry_out(&mut self, id: NodeId, leaves_at: Time, effect: Effect<N>) {
        match effect {
            Effect::Send { to, body } => self.send(id, to, leaves_at, body),
            Effect::Close { peer } => self.close(id, peer, leaves_at),
            Effect::Timer { timer, at } => self.set_timer(id, timer, at),
            Effect::Cancel { timer } => self.set_timer(id, timer, Time::NEVER),
            Effect::Read { file, from, len, ticket } => {
                let at = self.read_done(id, &file, (from, len));
                self.schedule.add(at, Event::Read { node: id, file, from, len, ticket });
            }
            Effect::Flush { file, number, bytes, ticket } => {
                let machine = self.process(id).machine;
                let machine = Rc::make_mut(&mut self.machines[machine.0 as usize]);
                let at = machine.flush(self.now, bytes, &self.cost);
                self.schedule.add(at, Event::Flushed { node: id, file, number, ticket });
            }
            Effect::ForgetReads => self.forget_reads(id),
            Effect::Exit => self.die(id, Status::Down),
        }
    }

    /// Reads that are asked for, under way, or waiting to be taken are not answered.
    fn forget_reads(&mut self, id: NodeId) {
        let is_read = |effect: &Effect<N>| matches!(effect, Effect::Read { .. });
        let found = self.schedule.extract(|event| match event {
            Event::Read { node, .. } => *node == id,
            Event::Worked { node, then } => *node == id && then.iter().any(is_read),
            _ => false,
        });
        for (due, event) in found {
            if let Event::Worked { node, mut then } = event {
                then.retain(|effect| !is_read(effect));
                self.schedule.add(due.at, Event::Worked { node, then });
            }
        }
        let waiting = &mut self.process_mut(id).waiting;
        waiting.retain(|waiting| !matches!(waiting.input, Input::Read { .. }));
    }

    fn set_timer(&mut self, id: NodeId, timer: N::Timer, at: Time) {
        let process = own(&mut self.processes[id.0 as usize]);
        if at == Time::NEVER {
            if let Some(due) = process.timers.remove(&timer) {
                self.schedule.remove(due);
            }
            return;
        }
        let due =
            self.schedule.add(at.max(self.now), Event::Timer { node: id, timer: timer.clone() });
        if let Some(earlier) = process.timers.insert(timer, due) {
            self.schedule.remove(earlier);
        }
    }

    /// When a read that the drive gets now is done.
    fn read_done(&mut self, id: NodeId, name: &str, (from, len): (u64, u64)) -> Time {
        let process = self.process(id);
        let Some(file) = process.disk.get(name) else { return self.now };
        let range = (from, from.saturating_add(len).min(file.len()));
        if range.0 >= range.1 || self.cost.page_cache == 0 {
            return self.now;
        }
        let (key, machine) = ((id, file.id), process.machine);
        let machine = Rc::make_mut(&mut self.machines[machine.0 as usize]);
        machine.read(self.now, key, range, &self.cost)
    }
}
