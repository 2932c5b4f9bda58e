//! A client without a mind: it says what it is told, frame by frame, and keeps what it hears. For
//! tests that speak the protocol themselves.

use super::command::Command;
use super::message::{Frame, Method};
use super::process::{Out, Process, Timer};
use crate::sim::{Input, NodeId, Span};
use std::rc::Rc;

/// A heartbeat so often keeps its connection.
const HEARTBEAT_INTERVAL: Span = Span::seconds(30);

/// A client without a mind.
#[derive(Clone, Debug)]
pub struct Probe {
    name: Rc<str>,
    broker: Option<NodeId>,
    heard: Vec<Frame>,
}

impl Probe {
    /// A probe that has not started. It connects to the first of these brokers.
    pub fn new(name: Rc<str>, brokers: &[NodeId]) -> Probe {
        Probe { name, broker: brokers.first().copied(), heard: Vec::new() }
    }

    /// All that it has heard, heartbeats apart.
    pub fn heard(&self) -> &[Frame] {
        &self.heard
    }

    /// Takes one input.
    pub fn step(&mut self, input: Input<Process>, out: &mut Out<'_>) {
        let Some(broker) = self.broker else { return };
        match input {
            Input::Start => {
                let client = self.name.clone();
                let method = Method::ConnectionOpen { client, is_tool: false, hears_blocked: true };
                out.send(broker, Frame { channel: 0, method });
                out.timer(Timer::Heartbeat(broker), HEARTBEAT_INTERVAL);
            }
            Input::Stop => out.exit(),
            Input::Message { body, .. } if !matches!(body.method, Method::Heartbeat) => {
                self.heard.push(body);
            }
            Input::Timer(_) => {
                out.send(broker, Frame { channel: 0, method: Method::Heartbeat });
                out.timer(Timer::Heartbeat(broker), HEARTBEAT_INTERVAL);
            }
            Input::Command(command) => {
                if let Command::Say(frame) = Rc::unwrap_or_clone(command) {
                    out.send(broker, frame);
                }
            }
            _ => {}
        }
    }
}
