//! `bench`: how fast the engines are, and how fast the page is beside a blank one. `lasting` and
//! `kills`: how well it lasts. `previews`: the pictures of its lessons.

use crate::Failure;
use crate::child;
use crate::options::Options;
use crate::site::{self, Build};
use crate::steps::Steps;
use crate::test_steps;
use crate::tools;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Messages that a lab has to bear.
const MESSAGES: &str = "10000000";

/// `cargo xtask lasting`.
pub fn lasting(options: &Options) -> Result<ExitCode, Failure> {
    let messages = options.names.first().map_or(MESSAGES, String::as_str);
    if options.has("--page") {
        test_steps::run_in_browser(Path::new(test_steps::DIST), &["large", messages], |_| {})?;
        return Ok(ExitCode::SUCCESS);
    }
    let bench = ["bench", "--locked", "--bench", "lasting", "--", messages];
    child::run(child::cargo().args(bench))?;
    Ok(ExitCode::SUCCESS)
}

/// `cargo xtask previews`.
pub fn previews(options: &Options) -> Result<ExitCode, Failure> {
    options.refuse_names()?;
    test_steps::run_in_browser(Path::new(test_steps::DIST), &["previews"], |_| {})?;
    Ok(ExitCode::SUCCESS)
}

/// How often a browser is killed.
const KILLS: &str = "200";

/// `cargo xtask kills`.
pub fn kills(options: &Options) -> Result<ExitCode, Failure> {
    let kills = options.names.first().map_or(KILLS, String::as_str);
    test_steps::run_in_browser(Path::new(test_steps::DIST), &["kills", kills], |_| {})?;
    Ok(ExitCode::SUCCESS)
}

/// Messages with which the engines are measured in a browser.
const RATES: &str = "500000";

/// The engines' rates in a browser, optimised as they are shipped.
fn rates_in_browser() -> Result<(), Failure> {
    let mut compiler = child::cargo();
    compiler.args(["build", "--quiet", "--locked", "--target", tools::TARGET]);
    child::run(compiler.args(["--bin", "rates", "--profile", site::PROFILE]))?;
    let folder = Path::new("target/rates");
    let program = format!("target/{}/{}/rates.wasm", tools::TARGET, site::PROFILE);
    let mut bindings = child::command("wasm-bindgen");
    bindings.args(["--target", "web", "--no-typescript", "--out-dir"]).arg(folder);
    child::run(bindings.arg(program))?;
    test_steps::run_in_browser_at(folder, &["rates", RATES], |_| {})
}

/// `cargo xtask bench`.
pub fn run(options: &Options) -> Result<ExitCode, Failure> {
    if options.has("--page") {
        let part = options.names.first().map_or("", String::as_str);
        if part == "rates" {
            tools::prepare(&mut Steps::new(tools::STEPS))?;
            rates_in_browser()?;
            return Ok(ExitCode::SUCCESS);
        }
        test_steps::run_in_browser(Path::new(test_steps::DIST), &["bench", part], |_| {})?;
        return Ok(ExitCode::SUCCESS);
    }
    options.refuse_names()?;
    let in_browser = !options.has("--no-browser");
    let mut steps = Steps::new(if in_browser { site::STEPS + 4 } else { 2 });
    if Path::new("benches").is_dir() {
        steps.run("benches/", || child::run(child::cargo().args(["bench", "--locked"])))?;
    } else {
        steps.already("benches/ is not there yet");
    }
    steps.run("pushpull bench", || {
        let program = ["run", "--release", "--locked", "--bin", "pushpull", "--", "bench"];
        child::run(child::cargo().args(program))
    })?;
    if in_browser {
        site::make(
            &mut steps,
            &Build { dist: PathBuf::from("dist"), debug: false, counted: None, address: None },
        )?;
        steps.run("the engines in a browser", rates_in_browser)?;
        steps.run("the page in a browser, beside a blank page", || {
            test_steps::run_in_browser(Path::new(test_steps::DIST), &["bench"], |_| {})
        })?;
    }
    println!("\nDone in {}.", steps.elapsed());
    Ok(ExitCode::SUCCESS)
}
