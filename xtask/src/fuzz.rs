//! `fuzz`: throws inputs at every parser for as long as one likes, guided by what they reach.
//!
//! The targets are those of tests/hostile, built by cargo-fuzz with marks of coverage and with
//! checked arithmetic. What is found lies under fuzz/artifacts; an input that once hurt belongs
//! into tests/hostile/corpus, where every run of the tests meets it.

use crate::Failure;
use crate::child;
use crate::options::Options;
use crate::steps::Steps;
use crate::tools;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

/// Seconds for each target, if nothing else is asked.
const SECONDS: &str = "60";

/// Inputs that are kept, one folder each.
const CORPUS: &str = "tests/hostile/corpus";

/// Where the marked programs are built, and what they find worth keeping.
const BUILT: &str = "target/fuzz";

/// `cargo xtask fuzz`.
pub fn run(options: &Options) -> Result<ExitCode, Failure> {
    let seconds = options.value("--seconds").unwrap_or(SECONDS);
    seconds.parse::<u32>().map_err(|_| format!("--seconds wants a number, not `{seconds}`."))?;
    let all = targets()?;
    let chosen = if options.names.is_empty() { &all } else { &options.names };
    if let Some(name) = chosen.iter().find(|name| !all.contains(name)) {
        return Err(format!("there is no target `{name}`; there are: {}.", all.join(", ")));
    }
    let mut steps = Steps::new(chosen.len() + 1);
    tools::prepare_fuzz(&mut steps)?;
    for target in chosen {
        steps.run(&format!("{target}, for {seconds} s"), || attack(target, seconds))?;
    }
    println!("\nNothing was found, after {}.", steps.elapsed());
    Ok(ExitCode::SUCCESS)
}

fn targets() -> Result<Vec<String>, Failure> {
    let folder = fs::read_dir(CORPUS).map_err(|error| format!("{CORPUS}: {error}."))?;
    let mut names: Vec<String> =
        folder.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    Ok(names)
}

fn attack(target: &str, seconds: &str) -> Result<(), Failure> {
    let found = Path::new(BUILT).join("corpus").join(target);
    fs::create_dir_all(&found).map_err(|error| format!("{}: {error}.", found.display()))?;
    let mut command = child::cargo();
    command.args(["fuzz", "run", "--sanitizer", "none", "--target-dir", BUILT, target]);
    command.arg(&found).arg(Path::new(CORPUS).join(target));
    let time = format!("-max_total_time={seconds}");
    command.args(["--", &time, "-timeout=20", "-rss_limit_mb=2048", "-max_len=65536"]);
    child::run(command.args(["-print_final_stats=1", "-verbosity=0"]))
}
