//! What the user holds: one clock, both worlds, the journal and the ledger.
//!
//! A [`Session`] is a lab at one instant: the Kafka world and the RabbitMQ world, stepped so that
//! whatever is due first happens first; the workloads that feed both with the same messages; and
//! what they told: events, ledger, history. A [`Timeline`] is a session with its past: the journal
//! of commands, checkpoints to go back to, undo. A [`Command`] acts at the present instant and may
//! then wait, while time passes, for what it came to: an [`Execution`] on its way to an
//! [`Outcome`].
//!
//! - [`command`], [`outcome`], [`event`]: the vocabulary.
//! - [`session`], with `act` (what commands do), `console` (tools that run as clients) and `look`
//!   (commands that change nothing).
//! - [`invariants`]: what must hold, judged from outside the engines.
//! - [`workload`]: the same numbered messages for both sides.
//! - [`event_log`], [`ledger`], [`history`], [`latency`], `sample`, `passport`: what is known of
//!   what happened.
//! - [`predicate`] over `state`: questions about the lab that are decided by the lab.
//! - [`timeline`], `execution`: time, to and fro.
//! - [`saving`]: what storage keeps, and how a lab comes back from it.

mod act;
mod asking;
pub mod chunks;
mod clients;
pub mod command;
mod console;
pub mod event;
pub mod event_log;
pub mod event_names;
mod execution;
mod files;
pub mod history;
pub mod invariants;
mod joining;
pub mod latency;
pub mod ledger;
mod look;
pub mod nearest;
mod open_transactions;
pub mod outcome;
mod passport;
pub mod predicate;
mod processes;
mod queue_rules;
mod sample;
pub mod saving;
pub mod session;
pub mod state;
mod stopwatch;
pub mod timeline;
pub mod workload;

pub use command::Command;
pub use event::{Event, Moment};
pub use execution::Execution;
pub use outcome::{LabError, Outcome};
pub use session::Session;
pub use timeline::{Grain, Progress, Timeline};
