//! How long the page takes from nothing to usable, beside a page that does nothing.
//!
//! Each load has a fresh profile, so nothing is cached or compiled before; the two pages take
//! turns, so that a busy moment of the machine falls on both.

use super::{alone, head, row};
use crate::browser::Browser;
use crate::failure::Outcome;
use crate::setup::Setup;
use crate::visit::Visit;
use serde::Deserialize;

/// Loads of each page; the middle one counts.
const ROUNDS: usize = 7;

const BLANK: &str = "test-pages/blank.html";

/// One cold load.
#[derive(Clone, Copy, Debug, Deserialize)]
struct Load {
    /// Until something can be seen.
    painted_ms: f64,
    /// Until the page stands, and takes what is done.
    stands_ms: f64,
    /// Until its engine is there, and does it at once.
    ready_ms: f64,
    /// Downloaded, with headers, as the test server sends it: without compression.
    bytes: f64,
    /// Files downloaded.
    files: f64,
}

/// The middle values of the loads of one page.
#[derive(Clone, Copy, Debug)]
struct Summary {
    painted_ms: f64,
    stands_ms: f64,
    ready_ms: f64,
    ready_ms_worst: f64,
    bytes: f64,
    files: f64,
}

/// Measures both pages and prints the table.
pub async fn run(setup: &Setup) -> Outcome {
    let (mut blank, mut page) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        blank.push(load(setup, BLANK).await?);
        page.push(load(setup, "/").await?);
    }
    let (blank, page) = (summary(&blank), summary(&page));
    head(&format!("cold load, the middle of {ROUNDS}"), "blank page", "pushpull");
    row("first contentful paint, ms", blank.painted_ms, page.painted_ms);
    row("takes a press (data-stands), ms", blank.stands_ms, page.stands_ms);
    row("does it at once (data-ready), ms", blank.ready_ms, page.ready_ms);
    row("the same, the slowest, ms", blank.ready_ms_worst, page.ready_ms_worst);
    row("downloaded without compression, kB", blank.bytes / 1000.0, page.bytes / 1000.0);
    row("files", blank.files, page.files);
    Ok(())
}

async fn load(setup: &Setup, path: &str) -> Outcome<Load> {
    alone(setup, async |browser| measure(browser, path).await).await
}

async fn measure(browser: &Browser, path: &str) -> Outcome<Load> {
    // The first page of a browser pays for its start; the measured one is the second.
    let page = browser.open(Visit::to("about:blank")).await?;
    let watch = serde_json::json!({ "source": WATCH });
    page.devtools("Page.addScriptToEvaluateOnNewDocument", watch).await?;
    page.go(path).await?;
    page.wait_until("the page is usable and painted", "window.__load?.()").await?;
    page.eval_as("return window.__load()").await
}

/// Notes when `data-stands` and `data-ready` appear, and adds up what was downloaded.
const WATCH: &str = r#"
(() => {
  let stands = null, ready = null;
  const look = () => {
    const said = document.documentElement?.dataset ?? {};
    if (ready === null && said.ready) ready = performance.now();
    if (stands === null && (said.stands || said.ready)) stands = performance.now();
  };
  new MutationObserver(look).observe(document, { attributes: true, childList: true, subtree: true });
  window.__load = () => {
    look();
    const paint = performance.getEntriesByName("first-contentful-paint")[0];
    if (ready === null || !paint) return null;
    const all = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")];
    return { painted_ms: paint.startTime, stands_ms: stands, ready_ms: ready, files: all.length, bytes: all.reduce((sum, one) => sum + one.transferSize, 0) };
  };
})();
"#;

fn summary(loads: &[Load]) -> Summary {
    Summary {
        painted_ms: middle(loads.iter().map(|load| load.painted_ms)),
        stands_ms: middle(loads.iter().map(|load| load.stands_ms)),
        ready_ms: middle(loads.iter().map(|load| load.ready_ms)),
        ready_ms_worst: loads.iter().map(|load| load.ready_ms).fold(0.0, f64::max),
        bytes: middle(loads.iter().map(|load| load.bytes)),
        files: middle(loads.iter().map(|load| load.files)),
    }
}

fn middle(values: impl Iterator<Item = f64>) -> f64 {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}
