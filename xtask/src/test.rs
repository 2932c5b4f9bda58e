//! `test`: runs the steps of [`test_steps`](crate::test_steps) and sums up what they found.

use crate::Failure;
use crate::options::Options;
use crate::site;
use crate::steps::spoken;
use crate::tally::Tally;
use crate::test_steps::{self, STEPS, Step};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// `cargo xtask test`.
pub fn run(options: &Options) -> Result<ExitCode, Failure> {
    let plan = plan(options)?;
    let started = Instant::now();
    let mut reports: Vec<Report> = Vec::new();
    // The longest compilation of all leaves a core idle most of the time, as do the steps before it.
    let needs_site = plan.iter().skip(1).any(|(step, _)| step.name == test_steps::SITE);
    let _ahead = needs_site.then(site::Ahead::begin);
    for (index, (step, filter)) in plan.iter().enumerate() {
        let gave_up =
            !options.has("--keep-going") && reports.iter().any(|report| report.tally.failed > 0);
        reports.push(if gave_up {
            Report::not_run(step.name)
        } else {
            println!("\n[{}/{}] {}: {}", index + 1, plan.len(), step.name, step.purpose);
            take(step, filter)
        });
    }
    let mut total = Tally::default();
    println!("\nIn {}:", spoken(started.elapsed()));
    for report in &reports {
        report.print();
        total += report.tally;
    }
    println!("\n{total}");
    Ok(if total.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The steps that were asked for, each with the filter for its tests ("" for all).
fn plan(options: &Options) -> Result<Vec<(&'static Step, String)>, Failure> {
    if options.names.is_empty() {
        let steps = STEPS.iter().filter(|step| step.is_quick || !options.has("--quick"));
        return Ok(steps.map(|step| (step, String::new())).collect());
    }
    let mut plan = Vec::new();
    for name in &options.names {
        let (name, filter) = name.split_once(':').unwrap_or((name, ""));
        let step = STEPS.iter().find(|step| step.name == name).ok_or_else(|| {
            let names: Vec<_> = STEPS.iter().map(|step| step.name).collect();
            format!("there is no test step `{name}`; there are: {}.", names.join(", "))
        })?;
        plan.push((step, filter.to_string()));
    }
    Ok(plan)
}

fn take(step: &Step, filter: &str) -> Report {
    let started = Instant::now();
    let mut tally = Tally::default();
    let result = (step.work)(filter, &mut tally);
    let failure = result.err();
    if tally.is_empty() {
        // A step that counts nothing is itself the test.
        tally = Tally { passed: usize::from(failure.is_none()), failed: 0 };
    }
    if failure.is_some() {
        tally.failed = tally.failed.max(1);
    }
    if let Some(failure) = &failure {
        eprintln!("error: {failure}");
    }
    let verdict = if tally.failed == 0 { "ok" } else { "FAILED" };
    Report { name: step.name, verdict, tally, took: started.elapsed(), failure }
}

/// What became of one step.
struct Report {
    name: &'static str,
    verdict: &'static str,
    tally: Tally,
    took: Duration,
    failure: Option<Failure>,
}

impl Report {
    fn not_run(name: &'static str) -> Self {
        let (tally, took) = (Tally::default(), Duration::ZERO);
        Report { name, verdict: "not run", tally, took, failure: None }
    }

    fn print(&self) {
        let Report { name, verdict, tally, took, failure } = self;
        println!("  {name:<12} {verdict:<8} {:>12}  {tally}", spoken(*took));
        if let Some(failure) = failure {
            println!("               {failure}");
        }
    }
}
