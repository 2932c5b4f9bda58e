//! The session: both worlds on one clock, the workload, the events and the ledger.

use super::command::LabSpec;
use super::outcome::LabError;
use crate::sim::{Span, Time};
use crate::{kafka, rabbit};

/// How long a console consumer without a limit of its own waits for a first or further record
/// before the lab takes it away.
pub const CONSOLE_PATIENCE: Span = Span::seconds(10);

/// One lab at one instant. Clones share what they can, and continue identically.
#[derive(Clone)]
pub struct Session {
    /// The Kafka world.
    pub kafka: kafka::Cluster,
    /// The RabbitMQ world.
    pub rabbit: rabbit::Cluster,
}

impl Session {
    /// A fresh lab.
    pub fn new(spec: &LabSpec) -> Result<Session, LabError> {
        let _ = spec;
        Err(LabError::NotHereYet("the session".into()))
    }

    /// The present instant.
    pub fn now(&self) -> Time {
        self.kafka.world.now().max(self.rabbit.world.now())
    }
}
