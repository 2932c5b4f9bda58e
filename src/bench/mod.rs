//! How fast the engines are, beside what this machine can do at all, in one run.
//!
//! An engine runs with real clients in a world where nothing takes virtual time, as fast as it can.
//! Beside it runs a loop that does **only the necessary work** on the same number of messages of
//! the same size: what a broker has to look up, keep, copy and check, without a network, a clock,
//! files or events. The share of the one in the other says what the engine costs, whatever the
//! machine.
//!
//! - [`kafka`]: produce, replicate to three brokers, fetch, by requests alone; and the same through
//!   a producer and a consumer of a group; with much in the logs; and a broker's failure;
//! - [`assignors`]: a rebalance of a large group by each rule, beside a sort of its partitions;
//! - [`rabbit`]: publish, route, push, acknowledge, with all clients and by the broker alone;
//!   publish to a backlog; and routing alone.
//!
//! Nobody listens: what nodes tell of what they do is for the lab, and no broker's work. Of a few
//! runs the fastest counts, of the engine and of the loop: other work of the machine only slows.
//!
//! The clock comes from outside: nothing here reads one.

pub mod assignors;
pub mod kafka;
pub mod rabbit;

use crate::lab::Timeline;
use crate::lab::command::LabSpec;
use crate::shell::run::{Progress, Running};
use std::fmt;

/// Seconds since some instant.
pub type Clock<'a> = &'a dyn Fn() -> f64;

/// A rate beside its limit.
#[derive(Clone, Debug, PartialEq)]
pub struct Rate {
    /// `kafka` or `rabbit`.
    pub engine: &'static str,
    /// What was done.
    pub what: String,
    /// So many messages, or partitions.
    pub messages: u64,
    /// Messages a second through the engine.
    pub per_second: f64,
    /// Messages a second through the loop that does only what is necessary.
    pub limit_per_second: f64,
}

impl Rate {
    /// The engine's share of the limit, 0 to 1.
    pub fn share(&self) -> f64 {
        self.per_second / self.limit_per_second
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Rate { engine, what, per_second, limit_per_second, .. } = self;
        write!(
            f,
            "{engine:<7} {what:<64} {per_second:>11.0}/s   limit {limit_per_second:>12.0}/s   \
             {:>5.1} %",
            100.0 * self.share()
        )
    }
}

/// A part of what is measured: its rates, with about so many messages each.
pub type Part = fn(u64, Clock<'_>) -> Result<Vec<Rate>, String>;

/// All parts, in the order in which they are told.
pub const PARTS: [Part; 11] = [
    |messages, clock| Ok(vec![kafka::stored(messages, clock)?]),
    |messages, clock| Ok(vec![kafka::replicated(messages, clock)?]),
    |messages, clock| Ok(vec![kafka::grouped(messages, clock)?]),
    |messages, clock| Ok(vec![kafka::failed(messages, clock)?]),
    |_, clock| Ok(assignors::rebalances(clock)),
    |messages, clock| Ok(vec![rabbit::pushed(messages, 1, clock)?]),
    |messages, clock| Ok(vec![rabbit::brokered(messages, 1, clock)?]),
    |messages, clock| Ok(vec![rabbit::pushed(messages, 10, clock)?]),
    |messages, clock| Ok(vec![rabbit::brokered(messages, 10, clock)?]),
    |messages, clock| Ok(vec![rabbit::kept(messages, clock)?]),
    |messages, clock| Ok(vec![rabbit::routed(messages, clock)?]),
];

/// A lab in which these lines were run.
fn lab(script: &str) -> Result<Timeline, String> {
    let mut timeline = Timeline::new(&LabSpec::default()).map_err(|error| error.to_string())?;
    let mut running = Running::new(script);
    loop {
        match running.work(&mut timeline, 100_000) {
            Progress::More => {}
            Progress::End => return Ok(timeline),
            Progress::Need(_) => return Err("bytes are not in memory".into()),
            Progress::Ran(ran) => {
                if let Some(error) = ran.error {
                    return Err(format!("{}: {error}", ran.text));
                }
            }
        }
    }
}

/// How often an engine or a loop runs.
const ROUNDS: usize = 3;

/// The fastest run.
fn fastest(mut once: impl FnMut() -> Result<f64, String>) -> Result<f64, String> {
    let mut fastest = 0.0_f64;
    for _ in 0..ROUNDS {
        fastest = fastest.max(once()?);
    }
    Ok(fastest)
}

/// How many times a second something is done that takes so long for all of it.
fn rate(messages: u64, seconds: f64) -> f64 {
    messages as f64 / seconds.max(1e-9)
}
