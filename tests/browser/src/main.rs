//! The page of pushpull in a real browser.
//!
//! `cargo xtask test browser` starts a driver and a server and runs this program; see [`cases`] for
//! the tests and how to add one. `bench` instead of `test` measures the page beside a blank
//! one; `large N` stores N messages; `rates N` measures the engines alone; `first-minute` tells what a first visit calls; `kills N` kills
//! it at work; `previews` takes the pictures that links to lessons are previewed by.

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "a real browser lives in real time"
)]
#![allow(clippy::print_stdout, reason = "a command line answers on standard output")]
#![allow(dead_code, reason = "the harness is a vocabulary: not every word is used every day")]

mod axe;
mod bench;
mod browser;
mod capabilities;
mod cases;
mod console;
mod dialect;
mod engine;
mod failure;
mod find;
mod first_minute;
mod keys;
mod kills;
mod lab;
mod page;
mod pool;
mod previews;
mod runner;
mod setup;
mod visit;
mod wait;

use crate::failure::{Failure, Outcome};
use crate::setup::Setup;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            eprintln!("error: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// Returns whether everything passed.
fn run(arguments: &[String]) -> Outcome<bool> {
    let setup = Setup::from_environment()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let local = tokio::task::LocalSet::new();
    let filter = arguments.get(1).map_or("", String::as_str);
    match arguments.first().map(String::as_str) {
        Some("test") => Ok(local.block_on(&runtime, runner::run(&setup, cases::TESTS, filter))),
        Some("first-minute") => local.block_on(&runtime, first_minute::run(&setup)).map(|()| true),
        Some("previews") => local.block_on(&runtime, previews::run(&setup)).map(|()| true),
        Some("kills") => {
            let kills = filter.parse().map_err(|_| Failure("say how many kills.".to_string()))?;
            local.block_on(&runtime, kills::run(&setup, kills)).map(|()| true)
        }
        Some("large") => {
            let messages =
                filter.parse().map_err(|_| Failure("say how many messages.".to_string()))?;
            local.block_on(&runtime, bench::large::run(&setup, messages)).map(|()| true)
        }
        Some("rates") => {
            let messages =
                filter.parse().map_err(|_| Failure("say how many messages.".to_string()))?;
            local.block_on(&runtime, bench::rates::run(&setup, messages)).map(|()| true)
        }
        Some("bench") => local.block_on(&runtime, bench::run(&setup, filter)).map(|()| true),
        _ => Err(Failure(
            "say `test [FILTER]`, `bench [PART]`, `large N`, `rates N`, `first-minute`, \
             `previews` or `kills N`."
                .to_string(),
        )),
    }
}
