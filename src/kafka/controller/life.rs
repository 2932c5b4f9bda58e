//! The process of a controller that is not also a broker (`process.roles=controller`).

use super::active::{Controller, ReplyTo};
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
use crate::sim::{Input, Message};
use std::rc::Rc;

#[derive(Clone, Debug)]
enum Phase {
    Down,
    Opening(Box<LogLoader>),
    Reading(Box<(Log, LogScan, Image)>),
    Active(Box<Controller>),
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

    /// What it does while it is active.
    pub fn active(&self) -> Option<&Controller> {
        match &self.phase {
            Phase::Active(controller) => Some(controller),
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
                let request = LoadRequest {
                    partition: TopicPartition::new(METADATA_TOPIC, 0),
                    config: Rc::default(),
                    clean: false,
                    recovery_point: 0,
                    log_start: 0,
                    now_ms: now_ms(out.now()),
                };
                self.phase = Phase::Opening(Box::new(LogLoader::new(request, out)));
                self.go_on(out);
            }
            (Phase::Down, _) => {}
            (Phase::Opening(loader), Input::Read { bytes, .. }) => {
                loader.take(bytes);
                self.go_on(out);
            }
            (Phase::Reading(read), Input::Read { bytes, .. }) => {
                let (_, scan, image) = &mut **read;
                image.take(scan.take(bytes));
                self.go_on(out);
            }
            (Phase::Active(controller), input) => serve(controller, input, out),
            (_, Input::Message { from, .. }) => out.close(from),
            (_, Input::Stop) => out.exit(),
            _ => {}
        }
    }

    fn go_on(&mut self, out: &mut Out<'_>) {
        loop {
            match &mut self.phase {
                Phase::Opening(loader) => match loader.next(out) {
                    LoadStep::Read { file, from, len } => {
                        return out.read(&file, from, len, Ticket::Startup);
                    }
                    LoadStep::Done(loaded) => {
                        let scan = LogScan::of(&loaded.log);
                        let read = (loaded.log, scan, Image::default());
                        self.phase = Phase::Reading(Box::new(read));
                    }
                },
                Phase::Reading(read) => {
                    if let Some((file, from, len)) = read.1.next_read() {
                        return out.read(&file, from, len, Ticket::Startup);
                    }
                    let (log, _, image) = (**read).clone();
                    let mut controller = Controller::new(log, image, self.config.clone(), None);
                    controller.begin(out);
                    out.emit(Event::ControllerStarted { controller: self.spec.id });
                    self.phase = Phase::Active(Box::new(controller));
                    return;
                }
                Phase::Down | Phase::Active(_) => return,
            }
        }
    }
}

fn serve(controller: &mut Controller, input: Input<Process>, out: &mut Out<'_>) {
    match input {
        Input::Message { from, body } => {
            out.work(out.cost().request_of(body.size_bytes()));
            if let KafkaMessage::Request { correlation, client, body } = body {
                let call = Call { from, correlation, client };
                controller.ask(ReplyTo::Caller(call), body, out);
            }
        }
        Input::Flushed { ticket: Ticket::MetadataFlushed { up_to } } => {
            controller.flushed(up_to, out);
        }
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
