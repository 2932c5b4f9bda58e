//! How smoothly the page moves, and how much of its thread's time it takes.

use super::{alone, head, row};
use crate::browser::Browser;
use crate::failure::Outcome;
use crate::find::test;
use crate::page::Page;
use crate::setup::Setup;
use crate::visit::Visit;
use serde_json::json;
use std::time::{Duration, Instant};

/// How long each thing is watched.
const WATCHED: Duration = Duration::from_secs(5);

/// The texts of the lessons, from the root of the repository.
const LESSONS: &str = "www/lessons/en";

/// Three hundred messages a second on their way to either side.
const CROWD: [&str; 2] =
    ["client ck resume", "producer p --kafka t --rabbit /q --count 1000000 --rate 300/s"];

/// A box that moves by itself.
const MOVING_BOX: &str = "const box = document.body.appendChild(document.createElement('div'));
    box.textContent = 'moves';
    box.animate([{ translate: '0' }, { translate: '300px' }], { duration: 900, iterations: Infinity });";

/// The spans between frames from now on, and the tasks that took longer than 50 ms. To ask for each
/// frame is work as well: it ends with the stretch.
const WATCH: &str = "const frames = window.__frames = []; window.__long = [];
    let last = performance.now();
    const frame = (now) => {
        if (window.__frames !== frames) return;
        frames.push(now - last);
        last = now;
        requestAnimationFrame(frame);
    };
    requestAnimationFrame((now) => { last = now; requestAnimationFrame(frame); });
    new PerformanceObserver((list) => {
        for (const { duration } of list.getEntries()) window.__long.push(duration);
    }).observe({ type: 'longtask' });";

/// A stretch of time on a page's thread.
struct Stretch {
    /// The part of the time in which the thread was at work, in percent.
    busy: f64,
    /// Of the spans between frames, the one that 99 of 100 do not pass, in milliseconds.
    frame_p99_ms: f64,
    /// The longest task above 50 ms; 0 if there is none.
    longest_task_ms: f64,
}

/// Measures, and prints the table.
pub async fn run(setup: &Setup) -> Outcome {
    alone(setup, measure).await
}

async fn measure(browser: &Browser) -> Outcome {
    let blank = browser.open(Visit::to("test-pages/blank.html")).await?;
    let still = stretch(&blank, false).await?;
    blank.eval(MOVING_BOX, Vec::new()).await?;
    let moving = stretch(&blank, true).await?;
    blank.go("about:blank").await?;

    head("the page's thread", "blank page", "pushpull");
    let page = browser.open(Visit::to("/").size(1440, 900)).await?;
    page.skip_welcome().await?;
    page.wait_until_saved().await?;
    let paused = stretch(&page, false).await?;
    row("standing still: busy, %", still.busy, paused.busy);

    for command in CROWD {
        page.run_well(command).await?;
    }
    page.click(test("play")).await?;
    let crowd = stretch(&page, true).await?;
    row("300 messages a second: busy, %", moving.busy, crowd.busy);
    row("  frame, p99, ms", moving.frame_p99_ms, crowd.frame_p99_ms);
    row("  longest task above 50 ms", moving.longest_task_ms, crowd.longest_task_ms);

    page.choose(test("speed"), "max").await?;
    let fastest = stretch(&page, true).await?;
    row("the engine at full speed: busy, %", moving.busy, fastest.busy);
    row("  frame, p99, ms", moving.frame_p99_ms, fastest.frame_p99_ms);
    row("  longest task above 50 ms", moving.longest_task_ms, fastest.longest_task_ms);

    page.eval(HIDE, Vec::new()).await?;
    let hidden = stretch(&page, false).await?;
    row("the same, out of sight: busy, %", still.busy, hidden.busy);

    let mut busiest = (String::new(), 0.0);
    for lesson in lessons()? {
        page.go(&format!("?lesson={lesson}")).await?;
        page.wait_until_ready().await?;
        page.one(&test("lesson")).await?;
        page.click(test("play")).await?;
        let stretch = stretch(&page, false).await?;
        if stretch.busy > busiest.1 {
            busiest = (lesson, stretch.busy);
        }
    }
    row(&format!("the busiest lesson, {}: busy, %", busiest.0), still.busy, busiest.1);
    Ok(())
}

/// The ids of all lessons.
fn lessons() -> Outcome<Vec<String>> {
    let mut ids = Vec::new();
    for entry in std::fs::read_dir(LESSONS)? {
        let path = entry?.path();
        if path.extension().is_some_and(|kind| kind == "md") {
            ids.extend(path.file_stem().map(|stem| stem.to_string_lossy().into_owned()));
        }
    }
    ids.sort();
    Ok(ids)
}

const HIDE: &str = "Object.defineProperty(document, 'hidden', { get: () => true });
    document.dispatchEvent(new Event('visibilitychange'));";

/// Watches a page for a while.
async fn stretch(page: &Page, frames: bool) -> Outcome<Stretch> {
    page.devtools("Performance.enable", json!({ "timeDomain": "timeTicks" })).await?;
    if frames {
        page.eval(WATCH, Vec::new()).await?;
    }
    let (began, before) = (Instant::now(), at_work(page).await?);
    tokio::time::sleep(WATCHED).await;
    let worked = at_work(page).await? - before;
    let busy = 100.0 * worked / began.elapsed().as_secs_f64();
    let (mut frame_p99_ms, mut longest_task_ms) = (0.0, 0.0);
    if frames {
        let read = "const frames = window.__frames; window.__frames = null; return frames;";
        let mut spans: Vec<f64> = page.eval_as(read).await?;
        spans.sort_by(f64::total_cmp);
        frame_p99_ms = spans.get(spans.len() * 99 / 100).copied().unwrap_or_default();
        let long: Vec<f64> = page.eval_as("return window.__long").await?;
        longest_task_ms = long.into_iter().fold(0.0, f64::max);
    }
    Ok(Stretch { busy, frame_p99_ms, longest_task_ms })
}

/// How many seconds the page's thread has worked so far.
async fn at_work(page: &Page) -> Outcome<f64> {
    let metrics = page.devtools("Performance.getMetrics", json!({})).await?;
    let all = metrics["metrics"].as_array();
    let of = |name: &str| -> Option<f64> {
        all?.iter().find(|one| one["name"] == name).and_then(|one| one["value"].as_f64())
    };
    of("TaskDuration").ok_or_else(|| "this browser does not tell the time of its tasks.".into())
}
