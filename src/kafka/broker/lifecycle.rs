//! A broker's standing with the controller: registration, heartbeats, the polite stop.
//!
//! A broker registers and is **fenced** until it knows of its own registration; then its heartbeats
//! keep it alive. Asked to stop, it says so, the controller moves its leaderships away, and when
//! nothing depends on it any more it may go.

use super::channel::{Purpose, Quorum};
use super::server::Server;
use crate::kafka::client::backoff::backoff;
use crate::kafka::controller::active::draw_id;
use crate::kafka::error::ErrorCode;
use crate::kafka::event::Event;
use crate::kafka::message::request::{Heartbeat, Registration};
use crate::kafka::message::response::{Alive, TopicId};
use crate::kafka::message::{Request, Response};
use crate::kafka::process::{Out, Timer};
use crate::sim::Span;

/// How far a broker's life has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// It is its own controller and registers nowhere.
    Alone,
    /// The controller does not know it yet.
    Registering,
    /// It is registered and fenced.
    Starting,
    /// It takes part.
    Running,
    /// It was asked to stop and waits to be let go.
    Leaving,
}

/// A broker's standing.
#[derive(Clone, Debug)]
pub struct Lifecycle {
    /// How far it has come.
    pub stage: Stage,
    /// The epoch of its registration; -1 before.
    pub epoch: i64,
    incarnation: TopicId,
    previous_epoch: i64,
    failures: u32,
}

/// Before a registration that was refused is tried again.
const RESEND: Span = Span::millis(100);
/// How soon a broker that is catching up asks again.
const STARTING_INTERVAL: Span = Span::millis(10);
/// A polite stop waits so long for the controller.
const STOP_TIMEOUT: Span = Span::seconds(300);

impl Lifecycle {
    /// A life begins. `previous_epoch` is that of the life before if it ended cleanly.
    pub fn new(is_alone: bool, previous_epoch: i64, out: &mut Out<'_>) -> Lifecycle {
        let stage = if is_alone { Stage::Alone } else { Stage::Registering };
        let incarnation = if is_alone { TopicId([0; 16]) } else { draw_id(out.random()) };
        Lifecycle { stage, epoch: -1, incarnation, previous_epoch, failures: 0 }
    }
}

impl Server {
    /// Says what is due: here I am, I live, I want to stop.
    pub(super) fn beat(&mut self, out: &mut Out<'_>) {
        let id = self.id;
        if let Quorum::ZooKeeper(_) = &self.quorum {
            // Its session says that it lives. A polite stop is asked for again.
            if self.lifecycle.stage == Stage::Leaving {
                let request =
                    Request::ControlledShutdown { broker: id, epoch: self.lifecycle.epoch };
                self.ask_controller(Purpose::Shutdown, request, out);
            }
            return;
        }
        let request = match self.lifecycle.stage {
            Stage::Alone => return,
            Stage::Registering => {
                let registration = Registration {
                    broker: id,
                    incarnation: self.lifecycle.incarnation,
                    node: self.node,
                    rack: self.config.rack.clone(),
                    previous_epoch: self.lifecycle.previous_epoch,
                };
                return self.ask_controller(
                    Purpose::Register,
                    Request::BrokerRegistration(registration),
                    out,
                );
            }
            stage => {
                let Quorum::Remote(remote) = &self.quorum else { return };
                Request::BrokerHeartbeat(Heartbeat {
                    broker: id,
                    epoch: self.lifecycle.epoch,
                    metadata_offset: remote.log.log_end() - 1,
                    wants_fence: !self.has_published,
                    wants_shutdown: stage == Stage::Leaving,
                })
            }
        };
        self.ask_controller(Purpose::Heartbeat, request, out);
    }

    pub(super) fn registered(&mut self, result: Result<i64, ErrorCode>, out: &mut Out<'_>) {
        match result {
            Ok(epoch) => {
                self.lifecycle.epoch = epoch;
                self.lifecycle.stage = Stage::Starting;
                self.lifecycle.failures = 0;
                self.beat(out);
            }
            // An earlier life of this broker is still thought to be alive.
            Err(_) => {
                let most = self.config.broker_session_timeout;
                let wait = backoff(RESEND, most, self.lifecycle.failures, out.random());
                self.lifecycle.failures += 1;
                out.timer(Timer::Heartbeat, wait);
            }
        }
    }

    pub(super) fn heartbeat_answered(
        &mut self,
        result: Result<Alive, ErrorCode>,
        out: &mut Out<'_>,
    ) {
        let interval = self.config.broker_heartbeat;
        let Ok(alive) = result else {
            let wait = backoff(RESEND, interval, self.lifecycle.failures, out.random());
            self.lifecycle.failures += 1;
            return out.timer(Timer::Heartbeat, wait);
        };
        self.lifecycle.failures = 0;
        if self.lifecycle.stage == Stage::Starting && !alive.is_fenced {
            self.lifecycle.stage = Stage::Running;
            out.emit(Event::BrokerStarted { broker: self.id });
        }
        if self.lifecycle.stage == Stage::Leaving && alive.should_shut_down {
            return self.close_down(out);
        }
        let starting = self.lifecycle.stage == Stage::Starting;
        out.timer(Timer::Heartbeat, if starting { STARTING_INTERVAL } else { interval });
    }

    /// The lab asks it to stop.
    pub(super) fn stop(&mut self, out: &mut Out<'_>) {
        match self.lifecycle.stage {
            Stage::Leaving => {}
            Stage::Running if self.config.zookeeper && !self.config.controlled_shutdown => {
                self.close_down(out);
            }
            Stage::Running => {
                self.lifecycle.stage = Stage::Leaving;
                out.timer(Timer::GiveUpStop, STOP_TIMEOUT);
                self.beat(out);
            }
            Stage::Alone | Stage::Registering | Stage::Starting => self.close_down(out),
        }
    }

    /// The controller of the ZooKeeper era has moved leaderships away, or not all of them.
    pub(super) fn shutdown_answered(&mut self, response: Option<Response>, out: &mut Out<'_>) {
        let (most, wait) = self.config.controlled_shutdown_retry;
        if self.lifecycle.stage != Stage::Leaving {
            return;
        }
        let Some(registry) = self.registry() else { return };
        registry.shutdown_tries += 1;
        let is_over = registry.shutdown_tries >= most;
        match response {
            Some(Response::ControlledShutdown(Ok(0))) => self.close_down(out),
            // The real one goes on with an unclean shutdown: its leaders are elected anew when its
            // session is over.
            _ if is_over => self.close_down(out),
            _ => out.timer(Timer::Heartbeat, wait),
        }
    }

    /// How much of the metadata log it knows.
    pub fn metadata_end(&self) -> i64 {
        match &self.quorum {
            Quorum::Own(controller) => controller.committed(),
            Quorum::Remote(remote) => remote.log.log_end(),
            Quorum::ZooKeeper(registry) => i64::from(registry.controller_epoch),
        }
    }

    /// True once it takes part in the cluster.
    pub fn is_running(&self) -> bool {
        matches!(self.lifecycle.stage, Stage::Alone | Stage::Running | Stage::Leaving)
    }
}
