//! The engines compute the same natively and in the browser: the site's own engine, as it is
//! shipped, runs every golden script, and what each command prints and every event is what a
//! native run gives.

use crate::browser::Browser;
use crate::engine::Engine;
use crate::failure::{Failure, Outcome};
use pushpull::host::protocol::{Reply, Request};
use pushpull::lab::Timeline;
use pushpull::lab::command::LabSpec;
use pushpull::shell::run::{Progress, Running, script_of};
use std::path::{Path, PathBuf};

/// Scripts with their expected transcripts, from the root of the repository.
const SCRIPTS: &str = "tests/scripts";

/// Prints everything that has happened in a lab.
const EVENTS: &str = "events";

/// The numbers of what the engine is given to run.
const SCRIPT_ID: u64 = 1;
const EVENTS_ID: u64 = 2;

/// A command, what it printed, and why it failed.
#[derive(Debug, PartialEq)]
struct Answer {
    command: String,
    output: Vec<String>,
    error: Option<String>,
}

/// Every golden script.
pub async fn golden_scripts_are_the_same_in_the_browser(browser: Browser) -> Outcome {
    let engine = Engine::start(&browser).await?;
    // A lab in memory; each script is given one of its own.
    let script = String::new();
    engine.ask(vec![Request::Open { lab: "twin".into(), script, store: false }]).await?;
    for path in files_below(Path::new(SCRIPTS))? {
        let script = script_of(std::fs::read_to_string(&path)?.lines()).join("\n");
        let again = script.clone();
        let native = tokio::task::spawn_blocking(move || run_here(&again));
        let there = run_there(&engine, script).await?;
        let here = native.await.map_err(|error| Failure(error.to_string()))??;
        compare(&here, &there)
            .map_err(|failure| Failure(format!("{}: {failure}", path.display())))?;
    }
    engine.page().expect_quiet_console().await
}

fn run_here(script: &str) -> Outcome<Vec<Answer>> {
    let lab = LabSpec::default();
    let mut timeline = Timeline::new(&lab).map_err(|error| Failure(error.to_string()))?;
    let mut answers = Vec::new();
    for text in [script, EVENTS] {
        let mut running = Running::new(text);
        loop {
            match running.work(&mut timeline, 10_000) {
                Progress::More => {}
                Progress::Need(_) => return Err("bytes are not in memory".into()),
                Progress::End => break,
                Progress::Ran(ran) => {
                    answers.push(Answer { command: ran.text, output: ran.output, error: ran.error })
                }
            }
        }
    }
    Ok(answers)
}

async fn run_there(engine: &Engine, script: String) -> Outcome<Vec<Answer>> {
    let fresh = Request::Erase { script: String::new() };
    let script = Request::Run { id: SCRIPT_ID, text: script };
    let events = Request::Run { id: EVENTS_ID, text: EVENTS.into() };
    engine.ask(vec![fresh, script, events]).await?;
    let is_last = |reply: &Reply| matches!(reply, Reply::Ran { id: EVENTS_ID, last: true, .. });
    let replies = engine.until(is_last).await?;
    let answer = |reply| match reply {
        Reply::Ran { line, output, error, .. } => Some(Answer { command: line, output, error }),
        _ => None,
    };
    Ok(replies.into_iter().filter_map(answer).collect())
}

fn compare(here: &[Answer], there: &[Answer]) -> Outcome {
    for (here, there) in here.iter().zip(there) {
        if here == there {
            continue;
        }
        let same = here.output.iter().zip(&there.output).take_while(|(here, there)| here == there);
        let line = same.count();
        let shown = |answer: &Answer| {
            let line = answer.output.get(line).map_or("(end)", String::as_str);
            format!("$ {}\n      {line}\n      error: {:?}", answer.command, answer.error)
        };
        let (native, browser) = (shown(here), shown(there));
        let line = line + 1;
        return Err(Failure(format!(
            "line {line} differs:\n    native  {native}\n    browser {browser}"
        )));
    }
    if here.len() == there.len() {
        return Ok(());
    }
    let (here, there) = (here.len(), there.len());
    Err(Failure(format!("{here} answers natively, {there} in the browser")))
}

/// Every file below a folder in the order of their names.
fn files_below(folder: &Path) -> Outcome<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            files.extend(files_below(&path)?);
        } else {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}
