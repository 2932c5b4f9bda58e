//! The process of a controller that is not also a broker (`process.roles=controller`).

use super::active::{Controller, ReplyTo};
use super::snapshots::Snapshots;
use super::voter::{Found, Voter, decode_state, state_file};
use crate::kafka::broker::life::Ticket;
use crate::kafka::broker::server::Call;
use crate::kafka::config::BrokerConfig;
use crate::kafka::event::{Event, TopicPartition};
use crate::kafka::log::loader::LoadRequest;
use crate::kafka::log::{LoadStep, Log, LogLoader, LogScan};
use crate::kafka::message::KafkaMessage;
use crate::kafka::metadata::{Image, METADATA_TOPIC};
use crate::kafka::now_ms;
use crate::kafka::process::{Out, Process, Timer};
use crate::kafka::spec::ControllerSpec;
use crate::sim::{Input, Message, NodeId};
use std::rc::Rc;

#[derive(Clone, Debug)]
enum Phase {
    Down,
    Finding(Box<Snapshots>),
    Opening(Box<LogLoader>, Box<Snapshots>),
    Reading(Box<Reading>),
    /// What an earlier life has written is made safe before anything is said that rests on it.
    Flushing(Box<Reading>, usize),
    Serving(Box<Controller>),
}

/// What a start has found so far.
#[derive(Clone, Debug)]
struct Reading {
    log: Log,
    snapshots: Snapshots,
    scan: LogScan,
    found: Found,
    /// True until `quorum-state` was read.
    wants_state: bool,
}

/// A controller.
#[derive(Clone, Debug)]
pub struct ControllerProcess {
    spec: ControllerSpec,
    config: Rc<BrokerConfig>,
    phase: Phase,
}

impl ControllerProcess {
    /// A controller that was not started yet.
    pub fn new(spec: ControllerSpec) -> ControllerProcess {
        let defaults = || BrokerConfig::of(&Default::default()).expect("the defaults are right");
        let config = Rc::new(BrokerConfig::of(&spec.settings).unwrap_or_else(|_| defaults()));
        ControllerProcess { spec, config, phase: Phase::Down }
    }

    /// `node.id`.
    pub fn id(&self) -> i32 {
        self.spec.id
    }

    /// What it does while it serves, be it active or not.
    pub fn serving(&self) -> Option<&Controller> {
        match &self.phase {
            Phase::Serving(controller) => Some(controller),
            _ => None,
        }
    }

    /// The same controller freshly started.
    pub fn restarted(&self) -> ControllerProcess {
        ControllerProcess::new(self.spec.clone())
    }

    /// Takes one input.
    pub fn step(&mut self, input: Input<Process>, out: &mut Out<'_>) {
        match (&mut self.phase, input) {
            (Phase::Down, Input::Start) => {
                if let Err(error) = BrokerConfig::of(&self.spec.settings) {
                    let client = format!("controller-{}", self.spec.id).into();
                    out.emit(Event::ClientError { client, error });
                    return out.exit();
                }
                let snapshots = Snapshots::find(self.config.snapshots, out);
                self.phase = Phase::Finding(Box::new(snapshots));
                self.go_on(out);
            }
            (Phase::Down, _) => {}
            (Phase::Finding(snapshots), Input::Read { bytes, .. }) => {
                snapshots.take(&bytes, out);
                self.go_on(out);
            }
            (Phase::Opening(loader, _), Input::Read { bytes, .. }) => {
                loader.take(bytes);
                self.go_on(out);
            }
            (Phase::Reading(reading), Input::Read { bytes, .. }) => {
                if std::mem::take(&mut reading.wants_state) {
                    let text = String::from_utf8_lossy(&bytes.bytes()).into_owned();
                    (reading.found.epoch, reading.found.voted) = decode_state(&text);
                } else {
                    reading.found.batches.extend(reading.scan.take(bytes));
                }
                self.go_on(out);
            }
            (Phase::Flushing(_, left), Input::Flushed { .. }) => {
                *left -= 1;
                self.go_on(out);
            }
            (Phase::Serving(controller), input) => serve(controller, input, out),
            (_, Input::Message { from, .. }) => out.close(from),
            (_, Input::Stop) => out.exit(),
            _ => {}
        }
    }

    fn go_on(&mut self, out: &mut Out<'_>) {
        loop {
            match &mut self.phase {
                Phase::Finding(snapshots) => {
                    if let Some((file, len)) = snapshots.next_read(out) {
                        return out.read(&file, 0, len, Ticket::Startup);
                    }
                    let request = LoadRequest {
                        partition: TopicPartition::new(METADATA_TOPIC, 0),
                        config: self.config.metadata_log.clone(),
                        clean: false,
                        recovery_point: 0,
                        log_start: snapshots.log_start(out),
                        now_ms: now_ms(out.now()),
                    };
                    let loader = Box::new(LogLoader::new(request, out));
                    self.phase = Phase::Opening(loader, snapshots.clone());
                }
                Phase::Opening(loader, snapshots) => match loader.next(out) {
                    LoadStep::Read { file, from, len } => {
                        return out.read(&file, from, len, Ticket::Startup);
                    }
                    LoadStep::Done(loaded) => {
                        let mut log = loaded.log;
                        let snapshots = (**snapshots).clone();
                        snapshots.fit(&mut log, out);
                        let scan = LogScan::of(&log);
                        let wants_state = out.files().len(&state_file()) > 0;
                        let found = Found::default();
                        let reading = Reading { log, snapshots, scan, found, wants_state };
                        self.phase = Phase::Reading(Box::new(reading));
                    }
                },
                Phase::Reading(reading) => {
                    if reading.wants_state {
                        let len = out.files().len(&state_file());
                        return out.read(&state_file(), 0, len, Ticket::Startup);
                    }
                    if let Some((file, from, len)) = reading.scan.next_read() {
                        return out.read(&file, from, len, Ticket::Startup);
                    }
                    let files: Vec<Rc<str>> =
                        reading.log.segments().map(|segment| segment.file.clone()).collect();
                    let state: Rc<str> = state_file().into();
                    let files = files.into_iter().chain([state]);
                    let files = files.filter(|file| out.files().len(file) > 0);
                    let files: Vec<Rc<str>> = files.collect();
                    files.iter().for_each(|file| out.flush(file, Ticket::Quorum));
                    self.phase = Phase::Flushing(reading.clone(), files.len());
                }
                Phase::Flushing(reading, 0) => {
                    let Reading { log, snapshots, found, .. } = (**reading).clone();
                    let voters = self.voters(out.me());
                    let voter = Voter::new(self.spec.id, voters, found, (&log, &snapshots));
                    let (found, config) = ((log, snapshots), self.config.clone());
                    let mut controller = Controller::new(found, Image::default(), config, None);
                    out.emit(Event::ControllerStarted { controller: self.spec.id });
                    controller.join(Box::new(voter), out);
                    self.phase = Phase::Serving(Box::new(controller));
                    return;
                }
                Phase::Flushing(..) | Phase::Down | Phase::Serving(_) => return,
            }
        }
    }

    /// Every voter, and where it is: they were added one after the other, in the order of their
    /// ids, so that the place of one tells those of the others.
    fn voters(&self, me: NodeId) -> Rc<[(i32, NodeId)]> {
        let mine = self.spec.id;
        let place = |id: i32| NodeId(me.0.wrapping_add_signed(id - mine));
        match &*self.config.quorum_voters {
            [] => [(mine, me)].into(),
            ids => ids.iter().map(|id| (*id, place(*id))).collect(),
        }
    }
}

fn serve(controller: &mut Controller, input: Input<Process>, out: &mut Out<'_>) {
    match input {
        Input::Message { from, body } => {
            out.work(out.cost().request_of(body.size_bytes()));
            if let KafkaMessage::Request { correlation, client, body } = *body {
                let call = Call { from, correlation, client };
                controller.ask(ReplyTo::Caller(call), body, out);
            }
        }
        Input::Flushed { ticket: Ticket::Snapshot(id) } => controller.snapshot_flushed(id, out),
        Input::Flushed { .. } => controller.quorum_flushed(out),
        Input::Timer(Timer::Quorum) => controller.quorum_ticked(out),
        Input::Timer(Timer::Snapshot) => controller.take_snapshot(out),
        Input::Read { ticket: Ticket::MetadataFetch { fetch }, bytes } => {
            controller.metadata_read(fetch, &bytes, out);
        }
        Input::Timer(Timer::FetchWait(fetch)) => controller.metadata_waited(fetch, out),
        Input::Timer(Timer::Sessions) => controller.check_sessions(out),
        Input::Timer(Timer::LeaderBalance) => controller.balance_leaders(out),
        Input::Timer(Timer::UncleanElection) => controller.elect_unclean(out),
        Input::Closed { peer } => controller.closed(peer),
        Input::Stop => out.exit(),
        _ => {}
    }
}
