//! The session: both worlds on one clock, the workloads that feed them, and what they told.
//!
//! The clock is shared by always stepping whatever is due first: a workload, then Kafka, then
//! RabbitMQ where they are due at the same instant. So the same message enters both worlds at the
//! same time, and the same seed and commands give the same events.

use super::command::LabSpec;
use super::console::Console;
use super::event::{LabEvent, Moment, What};
use super::event_log::EventLog;
use super::history::History;
use super::latency::Latencies;
use super::ledger::Ledger;
use super::outcome::{LabError, Outcome};
use super::workload::Workload;
use crate::kafka::command::RequestId as KafkaRequest;
use crate::ordered::BTreeMap;
use crate::rabbit::command::RequestId as RabbitRequest;
use crate::sim::disk::Block;
use crate::sim::{Disk, Happening, Hop, MessageId, Node, NodeId, Span, Status, Step, Time};
use crate::{kafka, rabbit};
use std::rc::Rc;

mod boot;

/// How long a console consumer without a limit of its own waits for a first or further record
/// before the lab takes it away.
pub const CONSOLE_PATIENCE: Span = Span::seconds(10);

/// The client behind the Kafka tools.
pub const KAFKA_ADMIN: &str = "kafka-admin";

/// The client behind the RabbitMQ tools.
pub const RABBIT_ADMIN: &str = "rabbit-admin";

/// Room for so many happenings is kept for the next step.
const TOLD_KEPT: usize = 1_024;

/// One lab at one instant. Clones share what they can, and continue identically.
#[derive(Clone)]
pub struct Session {
    /// What it is made of.
    pub(super) spec: Rc<LabSpec>,
    /// The Kafka world.
    pub kafka: kafka::Cluster,
    /// The RabbitMQ world.
    pub rabbit: rabbit::Cluster,
    pub(super) now: Time,
    pub(super) steps: u64,
    pub(super) acts: usize,
    pub(super) workloads: BTreeMap<String, Rc<Workload>>,
    pub(super) order: Vec<String>,
    pub(super) next_message: u64,
    pub(super) next_request: u64,
    pub(super) events: EventLog,
    /// Who tells the events of the lab itself.
    by_lab: Rc<str>,
    pub(super) ledger: Ledger,
    pub(super) history: History,
    pub(super) latencies: Latencies,
    /// The group, or itself, that each Kafka consumer reads for.
    pub(super) readers: BTreeMap<String, String>,
    consoles: BTreeMap<u64, Watched>,
    /// Empty between steps: room for what the worlds tell.
    told: (Vec<Happening<kafka::event::Event>>, Vec<Happening<rabbit::event::Event>>),
}

/// A console tool at work, or what it came to.
#[derive(Clone)]
enum Watched {
    AtWork(Box<Console>),
    Over(Box<Result<Outcome, LabError>>),
}

/// Results of console tools that are kept for whoever asks.
const CONSOLES_MAX: usize = 16;

/// What one step of the session came to.
#[derive(Clone, Debug)]
pub enum Stepped {
    /// One event was processed.
    Ran,
    /// Nothing is left to happen.
    Idle,
    /// Bytes have to be loaded first; nothing has changed.
    Need(Vec<Rc<Block>>),
}

/// Messages that arrived, for the picture.
#[derive(Clone, Debug, Default)]
pub struct Arrived {
    /// In the Kafka world.
    pub kafka: Vec<Hop<<kafka::Process as Node>::Message>>,
    /// In the RabbitMQ world.
    pub rabbit: Vec<Hop<<rabbit::Process as Node>::Message>>,
}

impl Session {
    // ---- looking ----

    /// What it is made of.
    pub fn spec(&self) -> &LabSpec {
        &self.spec
    }

    /// The present instant.
    pub fn now(&self) -> Time {
        self.now
    }

    /// Events of the worlds and messages of workloads that have been processed.
    pub fn steps(&self) -> u64 {
        self.steps
    }

    /// The present point of time.
    pub fn moment(&self) -> Moment {
        Moment { steps: self.steps, acts: self.acts }
    }

    /// Everything that was told.
    pub fn events(&self) -> &EventLog {
        &self.events
    }

    /// A clone to go back to, as small as can be.
    pub(super) fn put_aside(&self) -> Session {
        let mut aside = self.clone();
        aside.ledger.pack();
        aside.latencies.pack();
        aside.events.detach();
        aside
    }

    /// Bytes of messages that consumers hold.
    pub(super) fn held_bytes(&self) -> u64 {
        self.kafka.held_bytes() + self.rabbit.held_bytes()
    }

    /// For a checkpoint: see [`EventLog::forget_before`].
    pub(super) fn forget_events_before(&mut self, number: u64) {
        self.events.forget_before(number);
    }

    /// What became of the messages.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// The figures of the charts.
    pub fn history(&self) -> &History {
        &self.history
    }

    /// Producers with what they send, in the order in which they came.
    pub fn workloads(&self) -> impl Iterator<Item = &Workload> {
        self.order.iter().filter_map(|name| self.workloads.get(name).map(|workload| &**workload))
    }

    // ---- time ----

    /// When the next thing is due.
    pub fn next_time(&mut self) -> Option<Time> {
        let workload = self.workloads.values().filter_map(|w| w.next_at).min();
        let worlds = [self.kafka.world.next_time(), self.rabbit.world.next_time()];
        worlds.into_iter().chain([workload, self.console_deadline()]).flatten().min()
    }

    /// Lets the clock stand at an instant before which nothing is due.
    pub fn advance_to(&mut self, time: Time) {
        if time > self.now {
            self.now = time;
        }
        self.level();
    }

    /// Brings both worlds to the present, so that what acts on them acts now.
    pub(super) fn level(&mut self) {
        self.kafka.world.advance_to(self.now);
        self.rabbit.world.advance_to(self.now);
    }

    /// Processes the next thing that is due.
    pub fn step(&mut self) -> Stepped {
        let Some(next) = self.next_time() else { return Stepped::Idle };
        let before = self.moment();
        let due = self.workloads.iter().find(|(_, w)| w.next_at.is_some_and(|at| at <= next));
        if let Some(name) = due.map(|(name, _)| name.clone()) {
            self.now = self.now.max(next);
            self.level();
            self.send_next(&name);
        } else if self.console_deadline() == Some(next) {
            // Its end is found below.
            self.now = self.now.max(next);
        } else if self.kafka.world.next_time() == Some(next) {
            if let Step::Need(blocks) = self.kafka.world.step() {
                return Stepped::Need(blocks);
            }
        } else if let Step::Need(blocks) = self.rabbit.world.step() {
            return Stepped::Need(blocks);
        }
        self.now = self.now.max(next);
        self.steps += 1;
        self.collect(before);
        self.end_consoles();
        if self.history.is_due(self.now) {
            let sample = self.sample();
            self.history.push(sample);
        }
        Stepped::Ran
    }

    /// A producer sends its next message to every side.
    fn send_next(&mut self, name: &str) {
        let kafka = self.kafka.world.id(name);
        let rabbit = self.rabbit.world.id(name);
        let runs = kafka.is_none_or(|id| self.kafka.world.status(id) == Status::Running)
            && rabbit.is_none_or(|id| self.rabbit.world.status(id) == Status::Running);
        let workload = Rc::make_mut(self.workloads.get_mut(name).expect("found by this name"));
        if !runs {
            // It stands still with its client, and goes on when that does.
            workload.next_at = None;
            return;
        }
        let id = MessageId(self.next_message);
        self.next_message += 1;
        let message = workload.next(id, self.now);
        let workload = self.workloads[name].clone();
        self.ledger.announce(id, name, message.key.as_deref());
        if let Some(node) = kafka {
            for record in workload.records(&message) {
                self.kafka.command(node, kafka::command::Command::Send(record.into()));
            }
        }
        if let Some(node) = rabbit {
            for publish in workload.publishes(&message) {
                self.rabbit.command(node, rabbit::command::Command::Publish(publish));
            }
        }
        self.tell(LabEvent::MessageSent {
            producer: workload.name.clone(),
            message: id,
            key: message.key,
        });
        if workload.is_done() {
            self.tell(LabEvent::ProducerDone { producer: workload.name.clone() });
        }
    }

    /// Takes up what the worlds told since `before`.
    pub(super) fn collect(&mut self, before: Moment) {
        let mut told = std::mem::take(&mut self.told.0);
        self.kafka.swap_happenings(&mut told);
        for happening in told.drain(..) {
            let by = self.kafka.world.shared_name(happening.node);
            self.note(happening.at, before, by, What::Kafka(happening.event));
        }
        // A consumer that works in no time tells of all it holds at once: that is much room.
        told.shrink_to(TOLD_KEPT);
        self.told.0 = told;
        let mut told = std::mem::take(&mut self.told.1);
        self.rabbit.swap_happenings(&mut told);
        for happening in told.drain(..) {
            let by = self.rabbit.world.shared_name(happening.node);
            let recovered = matches!(happening.event, rabbit::event::Event::NodeStarted { .. })
                && self.steps > 0;
            self.note(happening.at, before, by, What::Rabbit(happening.event));
            // What is on a node that is down is not lost.
            if recovered && self.rabbit.is_whole() {
                self.recount_queues();
            }
        }
        told.shrink_to(TOLD_KEPT);
        self.told.1 = told;
    }

    fn recount_queues(&mut self) {
        let mut present: BTreeMap<MessageId, u8> = BTreeMap::new();
        for queue in self.rabbit.queues() {
            for cell in self.rabbit.glimpse(&queue.name, usize::MAX) {
                *present.entry(cell.message).or_default() += 1;
            }
        }
        self.ledger.recount_queues(&present);
    }

    /// Tells something of the lab itself.
    pub(super) fn tell(&mut self, event: LabEvent) {
        let before = self.moment();
        self.note(self.now, before, self.by_lab.clone(), What::Lab(event));
    }

    fn console_deadline(&self) -> Option<Time> {
        let at_work = self.consoles.values().filter_map(|watched| match watched {
            Watched::AtWork(console) => Some(console.deadline()),
            Watched::Over(_) => None,
        });
        at_work.min()
    }

    /// Watches a console tool from now on; its number.
    pub(super) fn watch_console(&mut self, console: Console) -> u64 {
        self.next_request += 1;
        self.consoles.insert(self.next_request, Watched::AtWork(Box::new(console)));
        self.next_request
    }

    /// What a console tool came to, once it is over.
    pub(super) fn console_result(&self, number: u64) -> Option<Result<Outcome, LabError>> {
        match self.consoles.get(&number)? {
            Watched::AtWork(_) => None,
            Watched::Over(result) => Some((**result).clone()),
        }
    }

    /// Takes the clients of console tools away that are over.
    pub(super) fn end_consoles(&mut self) {
        let mut over = Vec::new();
        let mut closing = Vec::new();
        for (number, watched) in &mut self.consoles {
            let Watched::AtWork(console) = watched else { continue };
            let world = &self.kafka.world;
            let runs = world.id(&console.client).is_some_and(|id| world.status(id).is_alive());
            let metrics = || world.id(&console.client).map(|id| self.kafka.metrics_of(id));
            let result = console.result(self.now).map(|mut result| {
                if console.wants_metrics()
                    && let Ok(outcome) = &mut result
                {
                    outcome.add_metrics(metrics().unwrap_or_default());
                }
                result
            });
            match result {
                Some(result) if runs && console.closes(&result, self.now) => {
                    closing.push(console.client.clone());
                }
                Some(result) => over.push((*number, console.client.clone(), result)),
                None => {
                    let ending = console.ending().filter(|_| !runs);
                    over.extend(ending.map(|end| (*number, console.client.clone(), end.clone())));
                }
            }
        }
        for client in closing {
            if let Some(id) = self.kafka.world.id(&client) {
                self.level();
                self.kafka.world.stop(id);
            }
        }
        for (number, client, result) in over {
            self.consoles.insert(number, Watched::Over(Box::new(result)));
            self.workloads.remove(&client);
            if let Some(id) = self.kafka.world.id(&client) {
                self.level();
                self.kafka.world.remove(id);
            }
        }
        while self.consoles.len() > CONSOLES_MAX
            && self.consoles.first_key_value().is_some_and(|(_, w)| matches!(w, Watched::Over(_)))
        {
            self.consoles.pop_first();
        }
    }

    fn note(&mut self, at: Time, before: Moment, by: Rc<str>, what: What) {
        for watched in self.consoles.values_mut() {
            if let Watched::AtWork(console) = watched {
                console.listen(at, &what);
            }
        }
        self.latencies.listen(at, &what);
        let (readers, rabbit) = (&self.readers, &self.rabbit);
        let reader_of =
            |client: &str| readers.get(client).cloned().unwrap_or_else(|| client.to_owned());
        self.ledger.listen(&what, reader_of, |queue| rabbit.is_stream(queue));
        if let What::Kafka(kafka::event::Event::ClientCrashed { client, held, .. }) = &what
            && let Some(id) = self.kafka.world.id(client)
        {
            self.note_passed_over(id, held);
        }
        // What was to wait until its client is ready begins.
        if let What::Kafka(kafka::event::Event::ClientReady { client }) = &what
            && let Some(workload) = self.workloads.get_mut(&**client)
            && workload.next_at.is_none()
            && workload.sent == 0
        {
            Rc::make_mut(workload).next_at = Some(at);
        }
        self.events.push(at, before, by, what);
    }

    // ---- the picture ----

    /// Begins or ends to keep what arrives.
    pub(super) fn watch(&mut self, watched: bool) {
        self.kafka.world.watch(watched);
        self.rabbit.world.watch(watched);
    }

    /// True if what arrives is kept.
    pub(super) fn is_watched(&self) -> bool {
        self.kafka.world.is_watched()
    }

    /// What arrived since this was last called.
    pub(super) fn take_arrived(&mut self) -> Arrived {
        Arrived { kafka: self.kafka.world.take_hops(), rabbit: self.rabbit.world.take_hops() }
    }

    // ---- inside ----

    pub(super) fn add_kafka(&mut self, name: &str, spec: kafka::spec::Spec) -> NodeId {
        self.kafka.add(name, spec, Disk::default())
    }

    pub(super) fn add_rabbit(&mut self, name: &str, spec: rabbit::spec::Spec) -> NodeId {
        self.rabbit.add(name, spec, Disk::default())
    }

    /// A number for a question of a tool, never used before in this lab.
    pub(super) fn kafka_request(&mut self) -> KafkaRequest {
        self.next_request += 1;
        KafkaRequest(self.next_request)
    }

    /// A number for a question of a tool, never used before in this lab.
    pub(super) fn rabbit_request(&mut self) -> RabbitRequest {
        self.next_request += 1;
        RabbitRequest(self.next_request)
    }
}
