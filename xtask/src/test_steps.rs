//! What `cargo xtask test` tests, in order: what fails quickest comes first.

use crate::Failure;
use crate::browser::Browser;
use crate::child;
use crate::driver::BrowserSession;
use crate::site::{self, Build};
use crate::steps::Steps;
use crate::tally::Tally;
use crate::tools;
use std::path::{Path, PathBuf};

/// One thing to test.
pub struct Step {
    /// What one types to run it alone.
    pub name: &'static str,
    /// What it makes sure of.
    pub purpose: &'static str,
    /// Whether `--quick` keeps it.
    pub is_quick: bool,
    /// Does it: takes a filter for its tests ("" for all) and counts them.
    pub work: fn(&str, &mut Tally) -> Result<(), Failure>,
}

/// All steps.
pub const STEPS: [Step; 8] = [
    Step { name: "format", purpose: "the code is formatted", is_quick: true, work: format },
    Step {
        name: "clippy",
        purpose: "no warning in any native target",
        is_quick: true,
        work: clippy,
    },
    Step {
        name: "clippy-wasm",
        purpose: "no warning in what runs in the browser",
        is_quick: true,
        work: clippy_wasm,
    },
    Step {
        name: "native",
        purpose: "the tests that need no browser",
        is_quick: true,
        work: native,
    },
    Step { name: "doc", purpose: "no warning in the documentation", is_quick: false, work: doc },
    Step {
        name: "lessons",
        purpose: "every lesson does what its text says",
        is_quick: true,
        work: lessons,
    },
    Step {
        name: SITE,
        purpose: "the page builds and keeps to its size",
        is_quick: false,
        work: build_site,
    },
    Step { name: "browser", purpose: "the page in a real browser", is_quick: false, work: browser },
];

/// The step that makes the page.
pub const SITE: &str = "site";

/// The tests in a browser: a program of their own, as they are not cargo's to run.
const BROWSER_TESTS: &str = "browser-tests";

const LESSONS: &str = "www/lessons";

/// The built site.
pub const DIST: &str = "dist";

fn format(_filter: &str, _tally: &mut Tally) -> Result<(), Failure> {
    tools::prepare_lints()?;
    child::run(child::cargo().args(["fmt", "--all", "--check"]))
        .map_err(|failure| format!("{failure} `cargo fmt --all` repairs it."))
}

fn clippy(_filter: &str, _tally: &mut Tally) -> Result<(), Failure> {
    tools::prepare_lints()?;
    let scope = ["clippy", "--workspace", "--all-targets", "--locked"];
    child::run(child::cargo().args(scope).args(["--", "-D", "warnings"]))
}

fn clippy_wasm(_filter: &str, _tally: &mut Tally) -> Result<(), Failure> {
    tools::prepare_lints()?;
    tools::prepare_target(&mut Steps::inside(1))?;
    let scope = ["clippy", "--target", tools::TARGET, "--lib", "--bins", "--locked"];
    child::run(child::cargo().args(scope).args(["--", "-D", "warnings"]))
}

fn native(filter: &str, tally: &mut Tally) -> Result<(), Failure> {
    let mut command = child::cargo();
    command.args(["test", "--workspace", "--locked", "--no-fail-fast"]);
    if !filter.is_empty() {
        command.args(["--", filter]);
    }
    child::run_heard(&mut command, |line| tally.hear(line))
}

fn doc(_filter: &str, _tally: &mut Tally) -> Result<(), Failure> {
    let mut command = child::cargo();
    command.args(["doc", "--no-deps", "--document-private-items", "--locked"]);
    child::run(command.env("RUSTDOCFLAGS", "-D warnings"))
}

fn lessons(filter: &str, tally: &mut Tally) -> Result<(), Failure> {
    if !Path::new(LESSONS).is_dir() {
        println!("      there are no lessons in {LESSONS} yet");
        return Ok(());
    }
    let folder =
        if filter.is_empty() { LESSONS.to_string() } else { format!("{LESSONS}/{filter}") };
    let mut command = child::own("pushpull")?;
    child::run_heard(command.args(["check", &folder]), |line| tally.hear(line))
}

fn build_site(_filter: &str, _tally: &mut Tally) -> Result<(), Failure> {
    let build = Build { dist: PathBuf::from(DIST), debug: false, counted: None, address: None };
    site::make(&mut Steps::inside(site::STEPS), &build)
}

fn browser(filter: &str, tally: &mut Tally) -> Result<(), Failure> {
    run_in_browser(Path::new(DIST), &["test", filter], |line| tally.hear(line))
}

/// Runs the browser package with `arguments` against a built site, in a session that ends with it.
pub fn run_in_browser(
    dist: &Path,
    arguments: &[&str],
    hear: impl FnMut(&str),
) -> Result<(), Failure> {
    if !dist.join("index.html").is_file() {
        let dist = dist.display();
        return Err(format!("there is no page in {dist}; `cargo xtask build` makes it."));
    }
    run_in_browser_at(dist, arguments, hear)
}

/// The same against any folder of files.
pub fn run_in_browser_at(
    dist: &Path,
    arguments: &[&str],
    hear: impl FnMut(&str),
) -> Result<(), Failure> {
    let mut command = child::own(BROWSER_TESTS)?;
    let browser = Browser::find_or_install()?;
    println!("      {browser}");
    let session = BrowserSession::start(&browser, dist, arguments[0] == "test")?;
    command.args(arguments.iter().filter(|argument| !argument.is_empty()));
    child::run_heard(session.tell(&mut command), hear)
}
