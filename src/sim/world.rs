//! The world: the event queue, the processes, and everything between them.
//!
//! Events are ordered by (time, sequence number). A clone shares what it can (every process,
//! disk and the queue itself until one of the two changes it), and continues identically.

use super::cost::{CostModel, Server};
use super::disk::{Absent, Block, Disk};
use super::network::Network;
use super::node::{Effect, Input, MachineId, Message, Node, NodeId, Outbox};
use super::page_cache::PageCache;
use super::rng::Stream;
use super::time::{Span, Time};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};
use std::rc::Rc;

/// What a process is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

/// Something a node told the lab.
#[derive(Clone, Debug, PartialEq)]
pub struct Happening<E> {
    /// When.
    pub at: Time,
    /// Who told it.
    pub node: NodeId,
    /// What happened.
    pub event: E,
}

/// One message on its way, or just arrived: what the picture moves.
#[derive(Clone, Debug)]
pub struct Hop<M> {
    /// Who sent it.
    pub from: NodeId,
    /// Whom it is for.
    pub to: NodeId,
    /// When it left.
    pub sent_at: Time,
    /// When it arrives.
    pub arrives_at: Time,
    /// What it says.
    pub body: M,
}

/// What one step of the world came to.
#[derive(Clone, Debug)]
pub enum Step {
    /// One event was processed.
    Ran,
    /// Nothing is left to happen.
    Idle,
    /// The next event needs bytes that are not in memory. Nothing has changed: load them and
    /// step again.
    Need(Vec<Rc<Block>>),
}

#[derive(Clone)]
enum Event<N: Node> {
    Input {
        node: NodeId,
        life: u32,
        input: Input<N>,
    },
    Arrive {
        from: NodeId,
        to: NodeId,
        epoch: u32,
        sent_at: Time,
        body: N::Message,
    },
    Timer {
        node: NodeId,
        timer: N::Timer,
    },
    Read {
        node: NodeId,
        life: u32,
        file: String,
        from: u64,
        len: u64,
        ticket: N::Ticket,
    },
    Flushed {
        node: NodeId,
        life: u32,
        file: String,
        len: u64,
        ticket: N::Ticket,
    },
    /// A core takes up the next input that waits, after it became free if `frees`.
    Core {
        node: NodeId,
        life: u32,
        frees: bool,
    },
}

#[derive(Clone)]
struct Scheduled<N: Node> {
    at: Time,
    sequence: u64,
    event: Event<N>,
}

impl<N: Node> PartialEq for Scheduled<N> {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl<N: Node> Eq for Scheduled<N> {}

impl<N: Node> PartialOrd for Scheduled<N> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<N: Node> Ord for Scheduled<N> {
    /// The earliest is the greatest, because a heap gives the greatest first.
    fn cmp(&self, other: &Self) -> Ordering {
        (other.at, other.sequence).cmp(&(self.at, self.sequence))
    }
}

#[derive(Clone)]
struct Slot<N: Node> {
    name: Rc<str>,
    machine: MachineId,
    node: N,
    disk: Disk,
    status: Status,
    stream: Stream,
    /// How often the process has been started anew.
    life: u32,
    cores_busy: u32,
    timers: BTreeMap<N::Timer, u64>,
    /// Inputs that wait for a core or for the process to be resumed, each timer with the
    /// sequence number that tells whether it still holds.
    waiting: VecDeque<(Option<u64>, Input<N>)>,
    draining: bool,
}

#[derive(Clone, Default)]
struct Machine {
    disk: Server,
    cache: PageCache,
}

/// Processes, their disks and the network between them, on one virtual clock.
#[derive(Clone)]
pub struct World<N: Node> {
    seed: u64,
    now: Time,
    sequence: u64,
    steps: u64,
    queue: Rc<BinaryHeap<Scheduled<N>>>,
    slots: Vec<Rc<Slot<N>>>,
    names: BTreeMap<Rc<str>, NodeId>,
    machines: Vec<Machine>,
    network: Network,
    cost: Rc<CostModel>,
    held: Vec<Hop<N::Message>>,
    happenings: Vec<Happening<N::Event>>,
    hops: Vec<Hop<N::Message>>,
    watched: bool,
}

impl<N: Node> World<N> {
    /// An empty world. `name` tells its random streams from another world's of the same seed.
    pub fn new(seed: u64, name: &str, cost: CostModel) -> World<N> {
        let seed = Stream::named(seed, name).bits();
        World {
            seed,
            now: Time::ZERO,
            sequence: 0,
            steps: 0,
            queue: Rc::default(),
            slots: Vec::new(),
            names: BTreeMap::new(),
            machines: Vec::new(),
            network: Network::new(Stream::named(seed, "network")),
            cost: Rc::new(cost),
            held: Vec::new(),
            happenings: Vec::new(),
            hops: Vec::new(),
            watched: false,
        }
    }

    /// A new machine.
    pub fn add_machine(&mut self) -> MachineId {
        self.machines.push(Machine::default());
        MachineId(self.machines.len() as u32 - 1)
    }

    /// A new process on a machine, with the files that its disk already holds. It does not run
    /// before [`World::start`]. Panics if a process of this name is there.
    pub fn add(&mut self, name: &str, machine: MachineId, node: N, disk: Disk) -> NodeId {
        let id = NodeId(self.slots.len() as u32);
        let name: Rc<str> = name.into();
        let before = self.names.insert(name.clone(), id);
        assert!(before.is_none(), "two processes are called {name}");
        self.slots.push(Rc::new(Slot {
            stream: Stream::named(self.seed, &format!("{name}/0")),
            name,
            machine,
            node,
            disk,
            status: Status::Down,
            life: 0,
            cores_busy: 0,
            timers: BTreeMap::new(),
            waiting: VecDeque::new(),
            draining: false,
        }));
        id
    }

    /// Takes a process out of the world; its name is free again.
    pub fn remove(&mut self, id: NodeId) {
        let status = self.slot(id).status;
        if status == Status::Gone {
            return;
        }
        self.die(id, Status::Gone, status != Status::Off);
        let name = self.slot(id).name.clone();
        self.names.remove(&name);
    }

    // ---- looking ----

    /// The present instant.
    pub fn now(&self) -> Time {
        self.now
    }

    /// How many events have been processed.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// What things cost here.
    pub fn cost(&self) -> &CostModel {
        &self.cost
    }

    /// The process of this name.
    pub fn id(&self, name: &str) -> Option<NodeId> {
        self.names.get(name).copied()
    }

    /// The name of a process.
    pub fn name(&self, id: NodeId) -> &str {
        &self.slot(id).name
    }

    /// The program a process runs.
    pub fn node(&self, id: NodeId) -> &N {
        &self.slot(id).node
    }

    /// What a process is doing.
    pub fn status(&self, id: NodeId) -> Status {
        self.slot(id).status
    }

    /// The machine a process stands on.
    pub fn machine(&self, id: NodeId) -> MachineId {
        self.slot(id).machine
    }

    /// How often a process has been started anew.
    pub fn life(&self, id: NodeId) -> u32 {
        self.slot(id).life
    }

    /// A process's files.
    pub fn disk(&self, id: NodeId) -> &Disk {
        &self.slot(id).disk
    }

    /// A process's files, to be sealed and saved. What is read from them must not change.
    pub fn disk_mut(&mut self, id: NodeId) -> &mut Disk {
        &mut self.slot_mut(id).disk
    }

    /// All processes that are part of the world, in the order in which they came.
    pub fn ids(&self) -> impl Iterator<Item = NodeId> + '_ {
        let all = self.slots.iter().enumerate();
        all.filter(|(_, slot)| slot.status != Status::Gone).map(|(index, _)| NodeId(index as u32))
    }

    /// The network and its faults.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// Messages on their way, in no particular order.
    pub fn in_flight(&self) -> impl Iterator<Item = Hop<N::Message>> + '_ {
        let moving = self.queue.iter().filter_map(|scheduled| match &scheduled.event {
            Event::Arrive { from, to, epoch, sent_at, body }
                if self.network.links.get(&(*from, *to)).map(|l| l.epoch) == Some(*epoch) =>
            {
                let (from, to, sent_at, arrives_at) = (*from, *to, *sent_at, scheduled.at);
                Some(Hop { from, to, sent_at, arrives_at, body: body.clone() })
            }
            _ => None,
        });
        moving.chain(self.held.iter().cloned())
    }

    /// What nodes told since this was last called, in order.
    pub fn take_happenings(&mut self) -> Vec<Happening<N::Event>> {
        std::mem::take(&mut self.happenings)
    }

    /// Begins or ends to keep each message that arrives for [`World::take_hops`].
    pub fn watch(&mut self, watched: bool) {
        self.watched = watched;
        self.hops.clear();
    }

    /// The messages that arrived since this was last called, if the world is watched.
    pub fn take_hops(&mut self) -> Vec<Hop<N::Message>> {
        std::mem::take(&mut self.hops)
    }

    // ---- acting ----

    /// Asks something of a process at the present instant; nobody hears it if the process is not
    /// alive.
    pub fn command(&mut self, id: NodeId, command: N::Command) {
        let Slot { life, status, .. } = *self.slot(id);
        if !matches!(status, Status::Running | Status::Paused) {
            return;
        }
        self.schedule(self.now, Event::Input { node: id, life, input: Input::Command(command) });
    }

    /// Starts a process that is down or off; harmless if it runs.
    pub fn start(&mut self, id: NodeId) {
        match self.slot(id).status {
            Status::Running | Status::Gone => return,
            Status::Paused => return self.resume(id),
            Status::Down => {}
            // The machine boots: it answers old connections with a reset.
            Status::Off => self.close_all(id),
        }
        let slot = self.slot_mut(id);
        slot.status = Status::Running;
        // First in line, so that nothing that comes at this instant is taken before it.
        slot.waiting.push_back((None, Input::Start));
        self.drain(id);
    }

    /// Asks a process to end politely; a paused one dies at once, as it cannot answer.
    pub fn stop(&mut self, id: NodeId) {
        match self.slot(id).status {
            Status::Running => {
                let life = self.slot(id).life;
                self.schedule(self.now, Event::Input { node: id, life, input: Input::Stop });
            }
            Status::Paused => self.crash(id),
            Status::Down | Status::Off | Status::Gone => {}
        }
    }

    /// Kills a process: its memory is gone, what it wrote stays, its peers see the connection end.
    pub fn crash(&mut self, id: NodeId) {
        if matches!(self.slot(id).status, Status::Running | Status::Paused) {
            self.die(id, Status::Down, true);
        }
    }

    /// Takes the power from a machine: on each of its disks only what was flushed is left, and
    /// nobody is told.
    pub fn power_cut(&mut self, machine: MachineId) {
        self.machines[machine.0 as usize].cache.clear();
        self.machines[machine.0 as usize].disk.reset();
        let here: Vec<NodeId> = self.ids().filter(|id| self.slot(*id).machine == machine).collect();
        for id in here {
            self.die(id, Status::Off, false);
            self.slot_mut(id).disk.power_cut();
        }
    }

    /// Lets a process stand still.
    pub fn pause(&mut self, id: NodeId) {
        if self.slot(id).status == Status::Running {
            self.slot_mut(id).status = Status::Paused;
        }
    }

    /// Lets a paused process go on with what has come meanwhile.
    pub fn resume(&mut self, id: NodeId) {
        if self.slot(id).status == Status::Paused {
            self.slot_mut(id).status = Status::Running;
            self.drain(id);
        }
    }

    /// Changes the network. What had been waiting for a way goes on if there is one now.
    pub fn change_network(&mut self, change: impl FnOnce(&mut Network)) {
        change(&mut self.network);
        for hop in std::mem::take(&mut self.held) {
            if self.network.is_cut(hop.from, hop.to) {
                self.held.push(hop);
            } else {
                self.transmit(hop.from, hop.to, self.now, hop.body);
            }
        }
    }

    // ---- time ----

    /// When the next event is due.
    pub fn next_time(&mut self) -> Option<Time> {
        loop {
            let head = self.queue.peek()?;
            if !self.is_stale(head) {
                return Some(head.at);
            }
            Rc::make_mut(&mut self.queue).pop();
        }
    }

    /// Lets the clock stand at `time`. Panics if an event is due before it.
    pub fn advance_to(&mut self, time: Time) {
        if time > self.now {
            assert!(self.next_time().is_none_or(|next| next >= time), "an event was passed over");
            self.now = time;
        }
    }

    /// Processes the next event.
    pub fn step(&mut self) -> Step {
        if self.next_time().is_none() {
            return Step::Idle;
        }
        let head = self.queue.peek().expect("next_time found one");
        let mut read = None;
        if let Event::Read { node, file, from, len, .. } = &head.event {
            match self.slot(*node).disk.get(file).map(|found| found.read(*from, *len)) {
                Some(Err(Absent(blocks))) => return Step::Need(blocks),
                Some(Ok(bytes)) => read = Some(bytes),
                None => {}
            }
        }
        let Scheduled { at, sequence, event } =
            Rc::make_mut(&mut self.queue).pop().expect("it was just looked at");
        self.now = at;
        self.steps += 1;
        match event {
            Event::Input { node, input, .. } => self.accept(node, None, input),
            Event::Timer { node, timer } => self.accept(node, Some(sequence), Input::Timer(timer)),
            Event::Read { node, ticket, .. } => {
                self.accept(node, None, Input::Read { ticket, bytes: read.unwrap_or_default() });
            }
            Event::Flushed { node, file, len, ticket, .. } => {
                self.slot_mut(node).disk.flushed(&file, len);
                self.accept(node, None, Input::Flushed { ticket });
            }
            Event::Core { node, frees, .. } => self.next_waiting(node, frees),
            Event::Arrive { from, to, sent_at, body, .. } => {
                self.arrive(Hop { from, to, sent_at, arrives_at: at, body });
            }
        }
        Step::Ran
    }

    // ---- inside ----

    fn slot(&self, id: NodeId) -> &Slot<N> {
        &self.slots[id.0 as usize]
    }

    fn slot_mut(&mut self, id: NodeId) -> &mut Slot<N> {
        Rc::make_mut(&mut self.slots[id.0 as usize])
    }

    fn schedule(&mut self, at: Time, event: Event<N>) -> u64 {
        self.sequence += 1;
        let (at, sequence) = (at.max(self.now), self.sequence);
        Rc::make_mut(&mut self.queue).push(Scheduled { at, sequence, event });
        sequence
    }

    fn is_stale(&self, scheduled: &Scheduled<N>) -> bool {
        match &scheduled.event {
            Event::Timer { node, timer } => {
                self.slot(*node).timers.get(timer) != Some(&scheduled.sequence)
            }
            Event::Arrive { from, to, epoch, .. } => {
                self.network.links.get(&(*from, *to)).map(|link| link.epoch) != Some(*epoch)
            }
            Event::Input { node, life, .. }
            | Event::Read { node, life, .. }
            | Event::Flushed { node, life, .. }
            | Event::Core { node, life, .. } => self.slot(*node).life != *life,
        }
    }

    fn accept(&mut self, id: NodeId, timer: Option<u64>, input: Input<N>) {
        let cores = self.cost.cores.max(1);
        let slot = self.slot(id);
        let free = slot.status == Status::Running && slot.cores_busy < cores;
        if free && slot.waiting.is_empty() {
            self.run(id, timer, input);
        } else if matches!(slot.status, Status::Running | Status::Paused) {
            self.slot_mut(id).waiting.push_back((timer, input));
        }
    }

    fn next_waiting(&mut self, id: NodeId, frees: bool) {
        let slot = self.slot_mut(id);
        if frees {
            slot.cores_busy -= 1;
        } else {
            slot.draining = false;
        }
        if slot.status == Status::Running {
            if let Some((timer, input)) = slot.waiting.pop_front() {
                self.run(id, timer, input);
            }
            self.drain(id);
        }
    }

    /// Sees to it that what waits is taken up if a core is free.
    fn drain(&mut self, id: NodeId) {
        let cores = self.cost.cores.max(1);
        let slot = self.slot(id);
        if !slot.waiting.is_empty() && slot.cores_busy < cores && !slot.draining {
            let life = slot.life;
            self.slot_mut(id).draining = true;
            self.schedule(self.now, Event::Core { node: id, life, frees: false });
        }
    }

    fn run(&mut self, id: NodeId, timer: Option<u64>, input: Input<N>) {
        let now = self.now;
        let cost = self.cost.clone();
        let slot = self.slot_mut(id);
        if let (Some(sequence), Input::Timer(name)) = (timer, &input) {
            // It may have been moved or taken back while it waited for a core.
            if slot.timers.get(name) != Some(&sequence) {
                return;
            }
            slot.timers.remove(name);
        }
        let mut effects = Vec::new();
        let mut out = Outbox {
            me: id,
            now,
            stream: &mut slot.stream,
            disk: &mut slot.disk,
            cost: &cost,
            effects: &mut effects,
            work: Span::ZERO,
        };
        slot.node.step(input, &mut out);
        let work = out.work;
        let done = now + work;
        if !work.is_zero() {
            slot.cores_busy += 1;
            let life = slot.life;
            self.schedule(done, Event::Core { node: id, life, frees: true });
        }
        for effect in effects {
            self.carry_out(id, done, effect);
        }
    }

    fn carry_out(&mut self, id: NodeId, done: Time, effect: Effect<N>) {
        let life = self.slot(id).life;
        match effect {
            Effect::Send { to, body } => self.transmit(id, to, done, body),
            Effect::Close { peer } => self.close(id, peer),
            Effect::Timer { timer, at } => {
                let sequence = self.schedule(at, Event::Timer { node: id, timer: timer.clone() });
                self.slot_mut(id).timers.insert(timer, sequence);
            }
            Effect::Cancel { timer } => drop(self.slot_mut(id).timers.remove(&timer)),
            Effect::Read { file, from, len, ticket } => {
                let at = self.read_done(id, done, &file, (from, len));
                self.schedule(at, Event::Read { node: id, life, file, from, len, ticket });
            }
            Effect::Flush { file, ticket } => {
                let found = self.slot(id).disk.get(&file);
                let len = found.map_or(0, |f| f.len());
                let fresh = found.map_or(0, |f| f.len().saturating_sub(f.flushed_len()));
                let cost = self.cost.clone();
                let work = cost.fsync + CostModel::transfer(fresh, cost.disk_bandwidth);
                let at = self.machine_of(id).disk.serve(done, work);
                self.schedule(at, Event::Flushed { node: id, life, file, len, ticket });
            }
            Effect::Emit(event) => {
                self.happenings.push(Happening { at: self.now, node: id, event });
            }
            Effect::Exit => self.die(id, Status::Down, true),
        }
    }

    fn machine_of(&mut self, id: NodeId) -> &mut Machine {
        let machine = self.slot(id).machine;
        &mut self.machines[machine.0 as usize]
    }

    /// When a read is done: at once from the page cache, else after the disk's turn.
    fn read_done(&mut self, id: NodeId, now: Time, file: &str, (from, len): (u64, u64)) -> Time {
        let to = from.saturating_add(len).min(self.slot(id).disk.len(file));
        let cost = self.cost.clone();
        let machine = self.machine_of(id);
        match machine.cache.touch((id, file), (from, to), cost.page_cache) {
            0 => now,
            _ => {
                let bytes = to.saturating_sub(from);
                let work = cost.seek + CostModel::transfer(bytes, cost.disk_bandwidth);
                machine.disk.serve(now, work)
            }
        }
    }

    fn transmit(&mut self, from: NodeId, to: NodeId, leaves: Time, body: N::Message) {
        if self.network.swallows(from, to, body.kind()) {
            return;
        }
        let epoch = self.network.open(from, to);
        let same_machine = self.slot(from).machine == self.slot(to).machine;
        let cost = self.cost.clone();
        let bytes = body.size_bytes();
        let at = self.network.arrival((from, to), leaves, bytes, same_machine, &cost);
        self.schedule(at, Event::Arrive { from, to, epoch, sent_at: leaves, body });
    }

    fn arrive(&mut self, hop: Hop<N::Message>) {
        if self.network.is_cut(hop.from, hop.to) {
            self.held.push(hop);
            return;
        }
        match self.slot(hop.to).status {
            Status::Off => {}
            Status::Down | Status::Gone => {
                self.network.close(hop.from, hop.to);
                self.tell_closed(hop.from, hop.to);
            }
            Status::Running | Status::Paused => {
                if self.watched {
                    self.hops.push(hop.clone());
                }
                self.accept(hop.to, None, Input::Message { from: hop.from, body: hop.body });
            }
        }
    }

    fn close(&mut self, id: NodeId, peer: NodeId) {
        self.network.close(id, peer);
        self.held
            .retain(|hop| !(hop.from == id && hop.to == peer || hop.from == peer && hop.to == id));
        self.tell_closed(peer, id);
    }

    /// Tells a living node, one way later, that its connection with `peer` is gone.
    fn tell_closed(&mut self, id: NodeId, peer: NodeId) {
        let slot = self.slot(id);
        let life = slot.life;
        let alive = matches!(slot.status, Status::Running | Status::Paused);
        if alive && !self.network.is_cut(id, peer) {
            let cost = self.cost.clone();
            let same_machine = slot.machine == self.slot(peer).machine;
            let at = self.network.arrival((peer, id), self.now, 0, same_machine, &cost);
            self.schedule(at, Event::Input { node: id, life, input: Input::Closed { peer } });
        }
    }

    fn close_all(&mut self, id: NodeId) {
        for peer in self.network.peers(id) {
            self.close(id, peer);
        }
    }

    fn die(&mut self, id: NodeId, status: Status, peers_see_it: bool) {
        if peers_see_it {
            self.close_all(id);
        }
        let seed = self.seed;
        let slot = self.slot_mut(id);
        slot.status = status;
        slot.life += 1;
        slot.node = slot.node.restarted();
        slot.stream = Stream::named(seed, &format!("{}/{}", slot.name, slot.life));
        slot.cores_busy = 0;
        slot.timers.clear();
        slot.waiting.clear();
        slot.draining = false;
    }
}
