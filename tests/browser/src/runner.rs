//! Runs the tests, each with an empty profile, and says how each went. Two run beside each other,
//! as a test mostly waits.

use crate::browser::Browser;
use crate::failure::{Failure, Outcome};
use crate::pool::Pool;
use crate::setup::{Family, Setup};
use std::cell::Cell;
use std::pin::Pin;
use std::rc::Rc;
use std::time::{Duration, Instant};

/// How long a test may take as a whole. One that hangs must not hang the rest.
const TEST_LIMIT: Duration = Duration::from_secs(300);

/// How many tests run at once. A geckodriver has one browser at a time.
fn at_once(family: Family) -> usize {
    match family {
        Family::Chromium => 2,
        Family::Firefox => 1,
    }
}

/// A test: its name is its path, `module::function`.
pub struct Test {
    /// What one types to run it alone.
    pub name: &'static str,
    /// Begins it.
    pub begin: fn(Browser) -> Pin<Box<dyn Future<Output = Outcome>>>,
}

/// Makes the table of tests from the paths of their functions.
#[macro_export]
macro_rules! tests {
    ($($path:path),+ $(,)?) => {
        &[$($crate::runner::Test {
            name: stringify!($path),
            begin: |browser| Box::pin($path(browser)),
        }),+]
    };
}

/// How the tests went so far, and which is next.
#[derive(Default)]
struct Tally {
    next: Cell<usize>,
    passed: Cell<usize>,
    failed: Cell<usize>,
}

/// Runs the tests whose name contains `filter`, prints the closing line, and returns whether all
/// of them passed.
pub async fn run(setup: &Setup, tests: &'static [Test], filter: &str) -> bool {
    let chosen: Vec<&'static Test> =
        tests.iter().filter(|test| test.name.contains(filter)).collect();
    let (chosen, tally) = (Rc::new(chosen), Rc::new(Tally::default()));
    let pool = Rc::new(Pool::default());
    let lanes: Vec<_> = (0..at_once(setup.family))
        .map(|_| {
            let (chosen, tally) = (Rc::clone(&chosen), Rc::clone(&tally));
            let (setup, pool) = (setup.clone(), Rc::clone(&pool));
            tokio::task::spawn_local(async move { run_lane(&setup, &pool, &chosen, &tally).await })
        })
        .collect();
    for lane in lanes {
        // Each test has a task of its own, whose panics are its failures.
        lane.await.expect("a lane does not panic");
    }
    pool.dispose().await;
    let (passed, failed) = (tally.passed.get(), tally.failed.get());
    if passed + failed == 0 {
        println!("no browser test has `{filter}` in its name");
        return false;
    }
    println!("\n{passed} passed, {failed} failed");
    failed == 0
}

/// Takes the next test as long as there is one.
async fn run_lane(setup: &Setup, pool: &Rc<Pool>, tests: &[&Test], tally: &Tally) {
    while let Some(test) = tests.get(tally.next.replace(tally.next.get() + 1)) {
        let started = Instant::now();
        let outcome = run_one(&Browser::of(setup, pool), test).await;
        let seconds = started.elapsed().as_secs_f64();
        match outcome {
            Ok(()) => {
                tally.passed.set(tally.passed.get() + 1);
                println!("{} ... ok ({seconds:.1} s)", test.name);
            }
            Err(failure) => {
                tally.failed.set(tally.failed.get() + 1);
                println!("{} ... FAILED ({seconds:.1} s)\n    {failure}", test.name);
            }
        }
    }
}

async fn run_one(browser: &Browser, test: &Test) -> Outcome {
    // A task of its own, so that a failed assertion ends the test and nothing else.
    let task = tokio::task::spawn_local((test.begin)(browser.clone()));
    let abort = task.abort_handle();
    let outcome = match tokio::time::timeout(TEST_LIMIT, task).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(panic)) => Err(Failure(sentence_of(panic))),
        Err(_) => {
            abort.abort();
            Err(Failure(format!("it took more than {} s.", TEST_LIMIT.as_secs())))
        }
    };
    match outcome {
        Ok(()) => {
            browser.hand_on().await;
            Ok(())
        }
        Err(failure) => {
            let failure = with_evidence(browser, test, failure).await;
            browser.dispose().await;
            Err(failure)
        }
    }
}

fn sentence_of(panic: tokio::task::JoinError) -> String {
    match panic.try_into_panic() {
        Err(_) => "the test was stopped.".to_string(),
        Ok(payload) => payload
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| payload.downcast_ref::<&str>().map(ToString::to_string))
            .unwrap_or_else(|| "the test panicked.".to_string()),
    }
}

/// Adds a picture of the page and what its console said.
async fn with_evidence(browser: &Browser, test: &Test, failure: Failure) -> Failure {
    let mut told = failure.0;
    for message in browser.console().await {
        told.push_str(&format!("\n    console: {message}"));
    }
    if let Some(path) = photograph(browser, test).await {
        told.push_str(&format!("\n    picture: {path}"));
    }
    Failure(told)
}

async fn photograph(browser: &Browser, test: &Test) -> Option<String> {
    let picture = browser.client().ok()?.screenshot().await.ok()?;
    let file = format!("failed-{}.png", test.name.replace("::", "-"));
    let path = browser.setup().screens.join(file);
    std::fs::write(&path, picture).ok()?;
    Some(path.display().to_string())
}
