//! What every client does below its own work: connections, answers, timeouts, metadata.
//!
//! - [`connections`]: one connection a broker, opened when it is first needed; backoff when it
//!   fails; every request answered, timed out, or lost with the connection.
//! - [`metadata`]: which broker leads which partition, as far as this client has heard.
//! - [`core`]: both together, as producer, consumer and admin client use them.
//! - [`backoff`]: how long to wait before the next try.
//! - [`pattern`]: regular expressions for names of topics.
//!
//! A client of this world does not run; it is stepped. Each input ends with a *pump*: it looks at
//! everything that could be done now, does it, and sets one timer for the next instant at which
//! something will be due. So a client behaves like the loop that the real ones run, without one.

pub mod backoff;
pub mod connections;
pub mod core;
pub mod metadata;
pub mod metrics;
pub mod pattern;

pub use connections::{Connections, Heard};
pub use core::{ClientCore, CoreHeard};
pub use metadata::{ClientMetadata, Known};
