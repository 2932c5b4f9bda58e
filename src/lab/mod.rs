//! What the user holds: one clock, both worlds, the journal and the ledger.

pub mod command;
pub mod event;
pub mod event_names;
pub mod ledger;
pub mod nearest;
pub mod outcome;
pub mod predicate;
pub mod session;
pub mod timeline;

pub use command::Command;
pub use event::Event;
pub use outcome::{LabError, Outcome};
pub use session::Session;
pub use timeline::{Execution, Grain, Progress, Timeline};
