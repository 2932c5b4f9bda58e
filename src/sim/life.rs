//! The lives of processes and machines: start, stop, crash, pause, resume, power cut, crash-all,
//! and what of a world outlives the program that runs it.

use super::cost::CostModel;
use super::disk::Disk;
use super::network::Faults;
use super::node::{Input, MachineId, Node, NodeId};
use super::process::{Process, Status};
use super::rng::Stream;
use super::schedule::{Event, Schedule};
use super::time::Time;
use super::world::World;
use std::rc::Rc;

/// What of a world outlives the program that runs it: enough to build the world that
/// [`World::crash_all`] leaves.
#[derive(Clone, Debug)]
pub struct Saved<N> {
    /// The instant.
    pub now: Time,
    /// How many machines there are.
    pub machines: u32,
    /// How many ids have been given out, those of removed processes included.
    pub ids: u32,
    /// The faults that lie on the network.
    pub faults: Faults,
    /// The processes that are part of the world.
    pub processes: Vec<SavedProcess<N>>,
}

/// What of a process outlives the program that runs it.
#[derive(Clone, Debug)]
pub struct SavedProcess<N> {
    /// Its id.
    pub id: NodeId,
    /// Its name.
    pub name: String,
    /// The machine it stands on.
    pub machine: MachineId,
    /// How often it has ended.
    pub life: u32,
    /// What it was doing.
    pub status: Status,
    /// Its configuration: the program as [`Node::restarted`] gives it.
    pub node: N,
    /// Its files.
    pub disk: Disk,
}

impl<N> Saved<N> {
    /// The same with another kind of node in the place of each: a program in the place of its
    /// configuration.
    pub fn map<M>(self, mut node: impl FnMut(NodeId, &str, N) -> M) -> Saved<M> {
        let processes = self.processes.into_iter().map(|process| SavedProcess {
            node: node(process.id, &process.name, process.node),
            id: process.id,
            name: process.name,
            machine: process.machine,
            life: process.life,
            status: process.status,
            disk: process.disk,
        });
        Saved {
            processes: processes.collect(),
            now: self.now,
            machines: self.machines,
            ids: self.ids,
            faults: self.faults,
        }
    }
}

impl<N: Node> World<N> {
    /// Starts a process that is down or off, and its machine with it; harmless if it runs.
    pub fn start(&mut self, id: NodeId) {
        match self.process(id).status {
            Status::Running | Status::Gone => return,
            Status::Paused => return self.resume(id),
            Status::Down => {}
            Status::Off => self.boot(self.process(id).machine),
        }
        self.process_mut(id).begin();
        self.drain(id);
    }

    /// Asks a process to end politely; a paused one dies at once, as it cannot answer.
    pub fn stop(&mut self, id: NodeId) {
        match self.process(id).status {
            Status::Running => {
                let event = Event::Input { node: id, input: Input::Stop };
                self.schedule.add(self.now, event);
            }
            Status::Paused => self.crash(id),
            Status::Down | Status::Off | Status::Gone => {}
        }
    }

    /// Kills a process: its memory is gone, what it wrote stays. Its machine sends what the
    /// process had sent, and then tells its peers that their connections are closed.
    pub fn crash(&mut self, id: NodeId) {
        if self.process(id).status.is_alive() {
            self.die(id, Status::Down);
        }
    }

    /// Lets a process stand still. Simplified: the work of a step that has begun is still done.
    pub fn pause(&mut self, id: NodeId) {
        if self.process(id).status == Status::Running {
            self.process_mut(id).status = Status::Paused;
        }
    }

    /// Lets a paused process go on with what has come meanwhile, in the order in which it came.
    pub fn resume(&mut self, id: NodeId) {
        if self.process(id).status == Status::Paused {
            self.process_mut(id).status = Status::Running;
            self.drain(id);
        }
    }

    /// Takes a process out of the world, with its files; its name is free again. Another process
    /// of this name would draw the same random numbers again.
    pub fn remove(&mut self, id: NodeId) {
        let status = self.process(id).status;
        if status == Status::Gone {
            return;
        }
        if status.is_alive() {
            self.die(id, Status::Gone);
        }
        let process = self.process_mut(id);
        process.status = Status::Gone;
        process.disk = Disk::default();
        let name = process.name.clone();
        self.names.remove(&name);
    }

    /// Takes the power from a machine: on each of its disks exactly what was flushed is left, and
    /// nobody is told. Messages to it wait, as if the network were cut, until one of its processes
    /// is started; then what is sent on old connections is answered with a reset.
    pub fn power_cut(&mut self, machine: MachineId) {
        self.cut_power(machine, false);
    }

    /// Takes the power from a machine in the middle of its writing: of what was not flushed, some
    /// may have reached the disks, as the random stream `faults` draws it. Of a log's tail a
    /// prefix survives, perhaps with its last sector spoilt; of a replaced file the old or the new
    /// content.
    pub fn power_cut_torn(&mut self, machine: MachineId) {
        self.cut_power(machine, true);
    }

    fn cut_power(&mut self, machine: MachineId, is_torn: bool) {
        self.machine_mut(machine).reboot(true);
        let here: Vec<NodeId> =
            self.ids().filter(|id| self.process(*id).machine == machine).collect();
        for id in here {
            if self.process(id).status.is_alive() {
                self.die(id, Status::Off);
            }
            let process = Rc::make_mut(&mut self.processes[id.0 as usize]);
            process.status = Status::Off;
            process.disk.power_cut(is_torn.then_some(&mut self.fault_stream));
        }
    }

    /// Gives a machine its power back: it answers again, though none of its processes runs.
    fn boot(&mut self, machine: MachineId) {
        self.machine_mut(machine).reboot(false);
        for process in &mut self.processes {
            if process.machine == machine && process.status == Status::Off {
                Rc::make_mut(process).status = Status::Down;
            }
        }
        self.release_held();
    }

    /// Ends the life of a process. Its peers are told, unless its machine has no power.
    pub(super) fn die(&mut self, id: NodeId, status: Status) {
        let mut goodbyes = self.unsend(id);
        for peer in self.network.peers(id) {
            self.forget_held(id, peer);
            goodbyes.extend(self.network.abandon(id, peer).map(|on| (peer, on)));
        }
        if !self.is_off(self.process(id).machine) {
            for (peer, on) in goodbyes {
                self.say_goodbye(id, peer, on, self.now);
            }
        }
        let seed = self.seed;
        self.process_mut(id).end(seed, status);
    }

    /// Kills every living process at once and starts it again, in the order of their ids, with
    /// every connection gone: as when the tab dies and is opened again. The machines forget their
    /// page caches; files keep what was written; faults of the network stay.
    ///
    /// The random streams of the network, the faults and the processes begin anew, so that the
    /// world afterwards is a function of what [`World::saved`] gives: opening a saved lab
    /// ([`World::restored`]) gives the world that `crash_all` would have left at that instant.
    pub fn crash_all(&mut self) {
        self.schedule = Schedule::new();
        self.held.clear();
        let (seed, now_us) = (self.seed, self.now.micros());
        self.network.restart(Stream::named(seed, &format!("network/{now_us}")));
        self.fault_stream = Stream::named(seed, &format!("faults/{now_us}"));
        for machine in &mut self.machines {
            let is_off = machine.is_off();
            Rc::make_mut(machine).reboot(is_off);
        }
        let ids: Vec<NodeId> = self.ids().collect();
        for id in ids {
            let process = self.process_mut(id);
            if process.status.is_alive() {
                process.end(seed, Status::Down);
                process.begin();
                self.drain(id);
            }
        }
    }

    /// What of this world outlives the program that runs it. Shares the bytes of the disks.
    pub fn saved(&self) -> Saved<N> {
        let saved = |id| {
            let process = self.process(id);
            SavedProcess {
                id,
                name: process.name.to_string(),
                machine: process.machine,
                life: process.life,
                status: process.status,
                node: self.node(id).restarted(),
                disk: process.disk.clone(),
            }
        };
        Saved {
            now: self.now,
            machines: self.machines.len() as u32,
            ids: self.processes.len() as u32,
            faults: self.network.faults().clone(),
            processes: self.ids().map(saved).collect(),
        }
    }

    /// The world that [`World::crash_all`] would have left where this was saved; `seed`, `name`
    /// and `cost` are those of the saved world. Both go on with the same events. Panics if two
    /// processes have one id or one name, or if a number is beyond the count that is saved.
    pub fn restored(seed: u64, name: &str, cost: CostModel, saved: Saved<N>) -> World<N> {
        let mut world = World::new(seed, name, cost);
        world.now = saved.now;
        world.machines.resize_with(saved.machines as usize, Default::default);
        let gap = Rc::new(Process::gap());
        world.processes.resize(saved.ids as usize, gap);
        for SavedProcess { id, name, machine, life, status, node, disk } in saved.processes {
            let name: Rc<str> = name.into();
            let named = world.names.insert(name.clone(), id);
            assert!(named.is_none(), "two processes are called {name}");
            assert!(status != Status::Gone, "{name} was removed and yet saved");
            if status == Status::Off {
                world.machine_mut(machine).reboot(true);
            }
            let process = Process::new(world.seed, name, machine, (node, disk), (status, life));
            let place = &mut world.processes[id.0 as usize];
            assert!(place.status == Status::Gone, "two processes are {id}");
            *place = Rc::new(process);
        }
        world.network.set_faults(saved.faults);
        world.crash_all();
        world
    }
}
