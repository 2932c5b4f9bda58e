//! The world: processes, their disks and the network between them, on one virtual clock.
//!
//! Events are ordered by (time, sequence number). A clone shares what it can (every process,
//! disk, machine and the schedule itself, until one of the two changes it), and continues
//! identically.

use super::cost::CostModel;
use super::delivery::Held;
use super::disk::{Absent, Block, Disk};
use super::machine::Machine;
use super::network::Network;
use super::node::{Effect, Input, MachineId, Node, NodeId};
use super::process::{Origin, Process, Status};
use super::rng::Stream;
use super::schedule::{Event, Schedule};
use super::shared::own;
use super::time::Time;
use crate::ordered::BTreeMap;
use std::rc::Rc;

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
    /// When it left; when it went on, if it had waited for a cut network to heal.
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

/// Processes, their disks and the network between them, on one virtual clock.
#[derive(Clone)]
pub struct World<N: Node> {
    pub(super) seed: u64,
    pub(super) now: Time,
    steps: u64,
    pub(super) schedule: Schedule<N>,
    pub(super) processes: Vec<Rc<Process<N>>>,
    pub(super) names: BTreeMap<Rc<str>, NodeId>,
    pub(super) machines: Vec<Rc<Machine>>,
    pub(super) network: Network,
    /// Draws what faults leave to chance.
    pub(super) fault_stream: Stream,
    pub(super) cost: Rc<CostModel>,
    /// Messages that wait for a way, in the order in which they came to its end.
    pub(super) held: Vec<Held<N::Message>>,
    pub(super) happenings: Vec<Happening<N::Event>>,
    pub(super) hops: Vec<Hop<N::Message>>,
    /// Nobody hears what nodes tell.
    pub(super) is_unheard: bool,
    pub(super) is_watched: bool,
    /// Messages of the network that have arrived.
    pub(super) arrived: u64,
    /// Empty between steps: kept so that a step allocates nothing.
    pub(super) effects: Vec<Effect<N>>,
}

impl<N: Node> World<N> {
    /// An empty world. `name` tells its random streams from another world's of the same seed.
    pub fn new(seed: u64, name: &str, cost: CostModel) -> World<N> {
        let seed = Stream::named(seed, name).bits();
        World {
            seed,
            now: Time::ZERO,
            steps: 0,
            schedule: Schedule::new(),
            processes: Vec::new(),
            names: BTreeMap::new(),
            machines: Vec::new(),
            network: Network::new(Stream::named(seed, "network")),
            fault_stream: Stream::named(seed, "faults"),
            cost: Rc::new(cost),
            held: Vec::new(),
            happenings: Vec::new(),
            hops: Vec::new(),
            is_unheard: false,
            is_watched: false,
            arrived: 0,
            effects: Vec::new(),
        }
    }

    /// A new machine.
    pub fn add_machine(&mut self) -> MachineId {
        self.machines.push(Rc::default());
        MachineId(self.machines.len() as u32 - 1)
    }

    /// A new process on a machine, with the files that its disk already holds. It does not run
    /// before [`World::start`]. Panics if a process of this name is there.
    pub fn add(&mut self, name: &str, machine: MachineId, node: N, disk: Disk) -> NodeId {
        let id = NodeId(self.processes.len() as u32);
        let name: Rc<str> = name.into();
        let before = self.names.insert(name.clone(), id);
        assert!(before.is_none(), "two processes are called {name}");
        let status = if self.is_off(machine) { Status::Off } else { Status::Down };
        let process = Process::new(self.seed, name, machine, (node, disk), (status, 0));
        self.processes.push(Rc::new(process));
        id
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

    /// Messages of the network that have arrived.
    pub fn arrived(&self) -> u64 {
        self.arrived
    }

    /// Bytes in the page caches of all machines.
    pub fn cached_bytes(&self) -> u64 {
        self.machines.iter().map(|machine| machine.cached_bytes()).sum()
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
        &self.process(id).name
    }

    /// The same, for those who keep it.
    pub fn shared_name(&self, id: NodeId) -> Rc<str> {
        self.process(id).name.clone()
    }

    /// The program a process runs. Panics for one that was removed before the world was saved.
    pub fn node(&self, id: NodeId) -> &N {
        self.process(id).node.as_ref().expect("this process was removed")
    }

    /// What a process is doing.
    pub fn status(&self, id: NodeId) -> Status {
        self.process(id).status
    }

    /// The machine a process stands on.
    pub fn machine(&self, id: NodeId) -> MachineId {
        self.process(id).machine
    }

    /// True if a machine has no power.
    pub fn is_off(&self, machine: MachineId) -> bool {
        self.machines[machine.0 as usize].is_off()
    }

    /// How often a process has ended: the number of its life, from zero on.
    pub fn life(&self, id: NodeId) -> u32 {
        self.process(id).life
    }

    /// How many inputs wait for a core of a process, or for it to be resumed.
    pub fn backlog(&self, id: NodeId) -> usize {
        self.process(id).backlog()
    }

    /// A process's files.
    pub fn disk(&self, id: NodeId) -> &Disk {
        &self.process(id).disk
    }

    /// A process's files, to be sealed and saved. What is read from them must not change.
    pub fn disk_mut(&mut self, id: NodeId) -> &mut Disk {
        &mut self.process_mut(id).disk
    }

    /// All processes that are part of the world, in the order in which they came.
    pub fn ids(&self) -> impl Iterator<Item = NodeId> + '_ {
        let all = self.processes.iter().enumerate();
        all.filter(|(_, process)| process.status != Status::Gone)
            .map(|(index, _)| NodeId(index as u32))
    }

    /// The network and its faults.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// Messages on their way: first those that move, by their arrival, then those that wait for
    /// a way.
    pub fn in_flight(&self) -> impl Iterator<Item = Hop<N::Message>> + '_ {
        let moving = self.schedule.iter().filter_map(|(due, event)| match event {
            Event::Arrive { from, to, sent_at, body, .. } if *sent_at <= self.now => Some(Hop {
                from: *from,
                to: *to,
                sent_at: *sent_at,
                arrives_at: due.at,
                body: body.clone(),
            }),
            _ => None,
        });
        moving.chain(self.held.iter().map(|held| held.hop.clone()))
    }

    /// What nodes told since this was last called, in order.
    pub fn take_happenings(&mut self) -> Vec<Happening<N::Event>> {
        std::mem::take(&mut self.happenings)
    }

    /// The same in exchange for an empty list, whose room is used for what will be told.
    pub fn swap_happenings(&mut self, told: &mut Vec<Happening<N::Event>>) {
        debug_assert!(told.is_empty(), "what is in it would be told again");
        std::mem::swap(&mut self.happenings, told);
    }

    /// From now on nobody listens: what nodes tell is not kept. What a world costs by itself is
    /// measured so.
    pub fn stop_listening(&mut self) {
        self.is_unheard = true;
        self.happenings.clear();
    }

    /// True while messages that arrive are kept.
    pub fn is_watched(&self) -> bool {
        self.is_watched
    }

    /// Begins or ends to keep each message that arrives for [`World::take_hops`].
    pub fn watch(&mut self, watched: bool) {
        self.is_watched = watched;
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
        if self.process(id).status.is_alive() {
            let event = Event::Input { node: id, input: Input::Command(command) };
            self.schedule.add(self.now, event);
        }
    }

    /// Sends a message in the name of a process, whatever that is doing.
    pub fn post(&mut self, from: NodeId, to: NodeId, body: N::Message) {
        self.send(from, to, self.now, body);
    }

    /// Changes the network. What had been waiting for a way goes on if there is one now.
    pub fn change_network(&mut self, change: impl FnOnce(&mut Network)) {
        change(&mut self.network);
        self.release_held();
    }

    // ---- time ----

    /// When the next event is due.
    pub fn next_time(&self) -> Option<Time> {
        self.schedule.first().map(|(due, _)| due.at)
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
        let Some((_, event)) = self.schedule.first() else { return Step::Idle };
        let mut read = None;
        if let Event::Read { node, file, from, len, .. } = event {
            match self.disk(*node).get(file).map(|found| found.read(*from, *len)) {
                Some(Err(Absent(blocks))) => return Step::Need(blocks),
                Some(Ok(bytes)) => read = Some(bytes),
                None => {}
            }
        }
        let (due, event) = self.schedule.pop().expect("it was just looked at");
        self.now = due.at;
        self.steps += 1;
        match event {
            Event::Input { node, input } => self.accept(node, input, Origin::Anywhere),
            Event::Timer { node, timer } => {
                let input = Input::Timer(timer);
                self.accept(node, input, Origin::Timer(due));
            }
            Event::Read { node, ticket, .. } => {
                let bytes = read.unwrap_or_default();
                self.accept(node, Input::Read { ticket, bytes }, Origin::Anywhere);
            }
            Event::Flushed { node, file, number, ticket } => {
                self.disk_mut(node).end_flush(&file, number);
                self.accept(node, Input::Flushed { ticket }, Origin::Anywhere);
            }
            Event::Worked { node, then } => self.worked(node, then),
            Event::TakeUp { node } => self.take_up(node),
            Event::Goodbye { from, to, on, .. } => self.take_goodbye(from, to, on),
            Event::Arrive { from, to, on, sent_at, body } => {
                self.arrive(Hop { from, to, sent_at, arrives_at: due.at, body }, on);
            }
        }
        Step::Ran
    }

    // ---- inside ----

    pub(super) fn process(&self, id: NodeId) -> &Process<N> {
        &self.processes[id.0 as usize]
    }

    pub(super) fn process_mut(&mut self, id: NodeId) -> &mut Process<N> {
        own(&mut self.processes[id.0 as usize])
    }

    pub(super) fn machine_mut(&mut self, id: MachineId) -> &mut Machine {
        Rc::make_mut(&mut self.machines[id.0 as usize])
    }
}
