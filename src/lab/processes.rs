//! Processes stop, crash, stand still, lose power and come back, alone or all at once; and what
//! their applications do then.

use super::act::{Acted, Wait, What, done, is_server, refused};
use super::command::ProcessAct;
use super::event::LabEvent;
use super::session::{KAFKA_ADMIN, RABBIT_ADMIN, Session};
use crate::ordered::BTreeSet;
use crate::sim::{NodeId, Span, Status};
use crate::{kafka, rabbit};
use std::rc::Rc;

/// At most so many unacknowledged messages are sent again when a producer begins anew.
const RESEND_MAX: usize = 100_000;

/// How long a polite end may take: a consumer finishes what its handler is at.
const STOP_PATIENCE: Span = Span::seconds(60);

impl Session {
    pub(super) fn act_node(&mut self, name: &str, act: ProcessAct) -> Acted {
        self.known(name, What::Node)?;
        if !is_server(name) {
            return refused(format!("{name} is a client; `client {name} ...` acts on it"));
        }
        self.act_process(name, act)
    }

    pub(super) fn act_process(&mut self, name: &str, act: ProcessAct) -> Acted {
        let (kafka, rabbit) = self.processes(name);
        let runs = [
            kafka.map(|id| self.kafka.world.status(id)),
            rabbit.map(|id| self.rabbit.world.status(id)),
        ];
        let runs = runs.into_iter().flatten().all(|status| status == Status::Running);
        if act == ProcessAct::Start && runs && !self.spec.starts_what_runs() {
            return done();
        }
        if let Some(id) = kafka {
            if matches!(act, ProcessAct::Stop | ProcessAct::Crash) {
                self.note_memory_lost(id);
            }
            change_process(&mut self.kafka.world, id, act);
        }
        if let Some(id) = rabbit {
            change_process(&mut self.rabbit.world, id, act);
        }
        if act == ProcessAct::Start {
            self.send_again(name);
        }
        if matches!(act, ProcessAct::Start | ProcessAct::Resume) {
            self.wake_workload(name);
        }
        let became = match act {
            ProcessAct::Stop => "stopped",
            ProcessAct::Crash => "crashed",
            ProcessAct::PowerCut => "power_cut",
            ProcessAct::Start => "started",
            ProcessAct::Pause => "paused",
            ProcessAct::Resume => "resumed",
        };
        self.tell(LabEvent::Process { name: name.into(), became });
        match act {
            ProcessAct::Stop => Ok(Wait::Ended(name.into(), self.now + STOP_PATIENCE)),
            _ => done(),
        }
    }

    /// True once no process of this name runs any more.
    pub(super) fn has_ended(&self, name: &str) -> bool {
        let (kafka, rabbit) = self.processes(name);
        let lives = |status: Status| matches!(status, Status::Running | Status::Paused);
        !kafka.is_some_and(|id| lives(self.kafka.world.status(id)))
            && !rabbit.is_some_and(|id| lives(self.rabbit.world.status(id)))
    }

    /// A producer that stood still with its client goes on.
    fn wake_workload(&mut self, name: &str) {
        let now = self.now;
        if let Some(workload) = self.workloads.get_mut(name)
            && !workload.is_done()
            && workload.next_at.is_none()
        {
            Rc::make_mut(workload).next_at = Some(now);
        }
    }

    /// A producer that begins a new life sends again what was never acknowledged in the old one:
    /// its application keeps its messages until they are.
    fn send_again(&mut self, name: &str) {
        let Some(workload) = self.workloads.get(name).cloned() else { return };
        let (kafka, rabbit) = self.processes(name);
        let confirms = workload.settings.get("confirm").is_none_or(|value| value != "false");
        if let Some(node) = kafka.filter(|id| self.kafka.world.status(*id) == Status::Running) {
            for id in self.ledger.unacknowledged(name, true, RESEND_MAX) {
                let message = workload.again(id, self.ledger.origin(id).and_then(|(_, key)| key));
                for record in workload.records(&message) {
                    self.kafka.command(node, kafka::command::Command::Send(record.into()));
                }
            }
        }
        let rabbit = rabbit.filter(|id| self.rabbit.world.status(*id) == Status::Running);
        if let Some(node) = rabbit.filter(|_| confirms) {
            for id in self.ledger.unacknowledged(name, false, RESEND_MAX) {
                let message = workload.again(id, self.ledger.origin(id).and_then(|(_, key)| key));
                for publish in workload.publishes(&message) {
                    self.rabbit.command(node, rabbit::command::Command::Publish(publish));
                }
            }
        }
    }

    /// Every process at once, as when the tab dies: what was written stays. All that were running
    /// start again.
    pub(super) fn crash_all(&mut self) {
        self.level();
        running(&self.kafka.world).into_iter().for_each(|id| self.note_memory_lost(id));
        self.kafka.world.crash_all();
        self.rabbit.world.crash_all();
        self.rabbit.renew();
        self.after_restart("crashed");
    }

    pub(super) fn power_cut_all(&mut self) {
        let machines: BTreeSet<_> =
            self.kafka.world.ids().map(|id| self.kafka.world.machine(id)).collect();
        let alive: Vec<NodeId> = running(&self.kafka.world);
        alive.iter().for_each(|id| self.note_memory_lost(*id));
        machines.into_iter().for_each(|machine| self.kafka.world.power_cut(machine));
        alive.into_iter().for_each(|id| self.kafka.world.start(id));
        let machines: BTreeSet<_> =
            self.rabbit.world.ids().map(|id| self.rabbit.world.machine(id)).collect();
        let alive: Vec<NodeId> = running(&self.rabbit.world);
        machines.into_iter().for_each(|machine| self.rabbit.world.power_cut(machine));
        alive.into_iter().for_each(|id| self.rabbit.world.start(id));
        self.after_restart("power_cut");
    }

    pub(super) fn after_restart(&mut self, became: &'static str) {
        let kafka = self.kafka.world.ids().map(|id| self.kafka.world.name(id).to_owned());
        let rabbit = self.rabbit.world.ids().map(|id| self.rabbit.world.name(id).to_owned());
        let names: BTreeSet<String> = kafka.chain(rabbit).collect();
        for name in names {
            if !matches!(&*name, KAFKA_ADMIN | RABBIT_ADMIN) {
                self.send_again(&name);
                self.wake_workload(&name);
                self.tell(LabEvent::Process { name, became });
            }
        }
    }
}

fn running<N: crate::sim::Node>(world: &crate::sim::World<N>) -> Vec<NodeId> {
    let alive = |id: &NodeId| matches!(world.status(*id), Status::Running | Status::Paused);
    world.ids().filter(alive).collect()
}

fn change_process<N: crate::sim::Node>(
    world: &mut crate::sim::World<N>,
    id: NodeId,
    act: ProcessAct,
) {
    match act {
        ProcessAct::Stop => world.stop(id),
        ProcessAct::Crash => world.crash(id),
        ProcessAct::PowerCut => {
            let machine = world.machine(id);
            world.power_cut(machine);
        }
        ProcessAct::Start => world.start(id),
        ProcessAct::Pause => world.pause(id),
        ProcessAct::Resume => world.resume(id),
    }
}
