//! Ten million messages: how much memory the page and its engine take while they are stored and
//! read again from the start, and how soon the lab is open again.

use super::{alone, head, row};
use crate::browser::Browser;
use crate::ensure;
use crate::failure::{Failure, Outcome};
use crate::find::test;
use crate::page::Page;
use crate::setup::Setup;
use crate::visit::Visit;
use crate::wait::wait_for_within;
use std::fs;
use std::time::{Duration, Instant};

/// Longer than any part of it takes on a slow machine.
const PATIENCE: Duration = Duration::from_secs(3_600);

/// What the process of a page takes for itself, in MiB: what it shares with other processes of the
/// browser is not counted.
const PRIVATE: [&str; 2] = ["Private_Clean:", "Private_Dirty:"];

/// Measures with so many messages of 100 bytes and three replicas, and prints the table.
pub async fn run(setup: &Setup, messages: u64) -> Outcome {
    let blank = alone(setup, async |browser| {
        browser.open(Visit::to("test-pages/blank.html")).await?;
        memory_mib(browser)
    });
    let blank = blank.await?;
    alone(setup, async |browser| measure(browser, messages, blank).await).await
}

async fn measure(browser: &Browser, messages: u64, blank: f64) -> Outcome {
    let page = browser.open(Visit::to("/")).await?;
    page.skip_welcome().await?;
    let empty_mib = memory_mib(browser)?;
    let began = Instant::now();
    let mut most = 0.0;
    for command in [
        "lab new --kafka-brokers 3 --cost lesson",
        "kafka-topics --create --topic t --partitions 3 --replication-factor 3",
        &format!(
            "producer p --kafka t --count {messages} --size 100 --rate 100000/s \
             --set batch.size=65536 --set linger.ms=20"
        ),
        &format!("run --until ledger.kafka.acknowledged=={messages} --max 1h"),
    ] {
        run_watched(&page, command, &mut most).await?;
    }
    let (stored_s, stored_mib) = (began.elapsed().as_secs_f64(), most);
    let began = Instant::now();
    for command in [
        "consumer c --kafka t --group g --set auto.offset.reset=earliest",
        &format!("run --until ledger.kafka.processed=={messages} --max 1h"),
    ] {
        run_watched(&page, command, &mut most).await?;
    }
    let read_s = began.elapsed().as_secs_f64();
    wait_for_within(PATIENCE, "all is saved", async || {
        Ok((page.count(crate::find::css(".saving.ok")).await? > 0).then_some(()))
    })
    .await?;

    browser.crash().await?;
    let page = browser.open(Visit::to("/")).await?;
    // Since the address was called: the browser was started before.
    let since = "return performance.now()";
    page.one(&test("toast")).await?;
    let seen_ms: f64 = page.eval_as(since).await?;
    let is_ready = "return document.documentElement.dataset.ready === 'true'";
    wait_for_within(PATIENCE, "all brokers have recovered", async || {
        Ok(page.eval_as::<bool>(is_ready).await?.then_some(()))
    })
    .await?;
    let recovered_ms: f64 = page.eval_as(since).await?;
    page.run_well("state ledger.kafka.processed").await?;

    head(&format!("{messages} messages x 100 bytes, RF 3"), "blank page", "pushpull");
    row("stored after, s", 0.0, stored_s);
    row("read from the start after, s", 0.0, read_s);
    row("memory of an empty lab, MiB", blank, empty_mib);
    row("largest memory while stored, MiB", blank, stored_mib);
    row("largest memory of all, MiB", blank, most);
    row("killed, opened again: the lab is seen after, s", 0.0, seen_ms / 1e3);
    row("  all brokers have recovered after, s", 0.0, recovered_ms / 1e3);
    Ok(())
}

/// Runs a command that may take long, and looks at the memory meanwhile.
async fn run_watched(page: &Page, command: &str, most: &mut f64) -> Outcome {
    let before = page.entries().await?.len();
    page.click(test("terminal-input")).await?;
    page.type_text(command).await?;
    page.press("Enter").await?;
    let entry = wait_for_within(PATIENCE, command, async || {
        *most = memory_mib(page.browser())?.max(*most);
        let pending = page.count(crate::find::css(".entry.is-pending")).await?;
        let entries = page.entries().await?;
        Ok(entries.into_iter().nth(before).filter(|_| pending == 0))
    });
    let entry = entry.await?;
    ensure!(entry.error.is_empty(), "`{command}` failed: {}", entry.error);
    Ok(())
}

/// What the page's process takes, with its worker: that of the largest page of this browser.
fn memory_mib(browser: &Browser) -> Outcome<f64> {
    let browser = browser.process()?;
    let mut largest: f64 = 0.0;
    for entry in fs::read_dir("/proc")?.flatten() {
        let Some(id) = entry.file_name().to_str().and_then(|name| name.parse::<u64>().ok()) else {
            continue;
        };
        let read = |name: &str| {
            let bytes = fs::read(entry.path().join(name)).unwrap_or_default();
            String::from_utf8_lossy(&bytes).into_owned()
        };
        // A process that was forked writes its whole command line as one word.
        let is_page = read("cmdline").contains("--type=renderer");
        if is_page && descends(id, browser) {
            let rollup = read("smaps_rollup");
            let private = rollup.lines().filter(|line| PRIVATE.iter().any(|p| line.starts_with(p)));
            let kib =
                private.filter_map(|line| line.split_whitespace().nth(1)?.parse::<f64>().ok());
            largest = largest.max(kib.sum::<f64>() / 1024.0);
        }
    }
    match largest > 0.0 {
        true => Ok(largest),
        false => Err(Failure("the memory of pages is told by Linux only.".to_string())),
    }
}

/// True if a process is another one's child, or its child's, and so on.
fn descends(mut id: u64, from: u64) -> bool {
    while id > 1 {
        if id == from {
            return true;
        }
        // "ID (NAME) STATE PARENT ...", and a name may have spaces.
        let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        let behind = stat.rsplit(')').next().unwrap_or_default();
        let parent = behind.split_whitespace().nth(1).and_then(|word| word.parse().ok());
        id = parent.unwrap_or(0);
    }
    false
}
