//! The chores of pushpull, one command each: `cargo xtask serve | build | test | bench |
//! first-minute | previews | lasting | fuzz | kills`. (`page` is a part of `build`, which Trunk runs.)
//!
//! A machine with rustup and nothing else is enough to start from: each command first brings in
//! what it lacks ([`tools`], [`browser`]) and says what it does while it does it ([`steps`]).

#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "xtask runs on a real machine in real time"
)]
#![allow(clippy::print_stdout, reason = "a command line answers on standard output")]

mod bench;
mod browser;
mod child;
mod cut;
mod driver;
mod embed;
mod first_styles;
mod fuzz;
mod inside;
mod lesson_pages;
mod offline;
mod options;
mod page;
mod parts;
mod serve;
mod site;
mod static_server;
mod steps;
mod tally;
mod test;
mod test_steps;
mod tools;

use options::Options;
use std::process::ExitCode;

/// What went wrong, as a sentence for the person at the terminal.
type Failure = String;

const HELP: &str = "\
The chores of pushpull:

  cargo xtask serve [--port N] [--debug]
      Builds the page and serves it on 127.0.0.1 until Ctrl-C. The port is 8080, or the next free
      one. (While you edit: `trunk serve --offline` rebuilds at each change; you reload the page.)

  cargo xtask build [--debug] [--dist DIR] [--address URL]
      Builds the page into dist/ (or DIR): static files with relative addresses, for any host and
      any path. Prints the size of each and fails when the first load grows over its limit.
      --address tells the pages of lessons where they will stand: some of those who preview links
      want the whole address of a picture.

  cargo xtask test [--quick] [--keep-going] [NAME...]
      Everything that must hold: format, clippy, clippy-wasm, native, doc, lessons, site, browser.
      NAME runs the steps so named only; NAME:FILTER hands FILTER to the tests of that step, as in
      `native:raft` or `browser:mounts`. --quick leaves out what needs the built page.

  cargo xtask bench [--no-browser | --page [load | busy | lasting | rates]]
      Speed: benches/, `pushpull bench`, and the page in a real browser beside a blank one; with
      --page only this, of the dist/ that is there.

  cargo xtask first-minute
      Measures in a browser which functions a first visit calls, and writes xtask/first-minute: by
      these lists the build cuts the programs in two, so that a first visit loads little.

  cargo xtask previews
      Takes the pictures that links to lessons are previewed by, of the dist/ that is there, and
      writes them below www/previews. Wanted when a lesson's title or key moment has changed.

  cargo xtask lasting [--page] [MESSAGES]
      What lasts, with 10 million messages: saving against the raw disk, memory while the logs grow,
      opening again, going through time. Some minutes.
      --page the same messages in a browser, by the dist/ that is there.

  cargo xtask fuzz [--seconds N] [TARGET...]
      Throws inputs at every parser (shell, lesson, link, manifest, recovery, batch, host), each for
      60 seconds (or N), guided by what they reach. The first run builds for some minutes.

  cargo xtask kills [N]
      Kills the browser N times (200) at some instant while both brokers are busy, and looks whether
      all that the page had called saved is there. For the site in dist/.

The first run installs what is missing (the wasm32 target, Trunk, wasm-bindgen, a browser for the
tests where apt-get can) and says so.";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(code) => code,
        Err(failure) => {
            eprintln!("\nerror: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<ExitCode, Failure> {
    let (command, rest) = match arguments.split_first() {
        Some((command, rest)) => (command.as_str(), rest),
        None => ("help", arguments),
    };
    if rest.iter().any(|argument| argument == "--help" || argument == "-h") {
        println!("{HELP}");
        return Ok(ExitCode::SUCCESS);
    }
    child::enter_repository()?;
    match command {
        "serve" => serve::run(&Options::parse(rest, &["--port"], &["--debug"])?),
        "build" => site::run(&Options::parse(rest, &["--dist", "--address"], &["--debug"])?),
        "test" => test::run(&Options::parse(rest, &[], &["--quick", "--keep-going"])?),
        "first-minute" => parts::run(&Options::parse(rest, &[], &[])?),
        "page" => page::run(&Options::parse(rest, &[], &[])?),
        "bench" => bench::run(&Options::parse(rest, &[], &["--no-browser", "--page"])?),
        "lasting" => bench::lasting(&Options::parse(rest, &[], &["--page"])?),
        "previews" => bench::previews(&Options::parse(rest, &[], &[])?),
        "kills" => bench::kills(&Options::parse(rest, &[], &[])?),
        "fuzz" => fuzz::run(&Options::parse(rest, &["--seconds"], &[])?),
        "help" | "--help" | "-h" => {
            println!("{HELP}");
            Ok(ExitCode::SUCCESS)
        }
        other => Err(format!("there is no command `{other}`; `cargo xtask help` lists them.")),
    }
}
