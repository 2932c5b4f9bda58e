//! The browser is killed at some instant while both brokers are busy, and opened again: nothing
//! that the page had called saved is missing.
//!
//! `cargo xtask kills 200` does it two hundred times; a few are among the tests.

use crate::browser::Browser;
use crate::ensure;
use crate::failure::Outcome;
use crate::find::test;
use crate::page::Page;
use crate::setup::Setup;
use crate::visit::Visit;
use std::time::{Duration, Instant};

/// After so many kills the next one begins with an empty profile: logs that grow for ever would
/// make each opening slower than the one before.
const OF_ONE_PROFILE: u64 = 10;

/// The soonest and the latest a browser dies, in milliseconds after it began to work.
const DIES_MS: (u64, u64) = (200, 2_500);

/// What a busy lab is made of; both producers send as long as the browser lives.
const LOAD: [&str; 6] = [
    "lab new --kafka-brokers 3 --rabbit-nodes 1",
    "kafka-topics --create --topic t --partitions 3 --replication-factor 3",
    "rabbitmqadmin declare queue --name q --durable true",
    "producer p --kafka t --rabbit /q --count 10000000 --rate 2000/s --set acks=all",
    "consumer ck --kafka t --group g",
    "consumer cr --rabbit q --prefetch 100",
];

/// What storage holds, as the page says it, in tenths of a virtual second.
const SAVED: &str = "const said = document.querySelector('[data-test=saving]').textContent;
    const found = /([0-9,]+)(?:\\.([0-9]))? s/.exec(said);
    return found ? Number(found[1].replaceAll(',', '')) * 10 + Number(found[2] ?? 0) : 0;";

/// The same of the lab that was found when the page was opened.
const FOUND: &str = "const said = document.querySelector('[data-test=toast]')?.textContent ?? '';
    const found = /saved up to ([0-9,]+)(?:\\.([0-9]))? s/.exec(said);
    return found ? Number(found[1].replaceAll(',', '')) * 10 + Number(found[2] ?? 0) : -1;";

/// `kills`: so many, and how it went.
pub async fn run(setup: &Setup, kills: u64) -> Outcome {
    let began = Instant::now();
    let (mut saved, mut kept) = (0, 0);
    for first in (0..kills).step_by(OF_ONE_PROFILE as usize) {
        let browser = Browser::new(setup);
        let count = OF_ONE_PROFILE.min(kills - first);
        let told = lives(&browser, first, count).await;
        browser.dispose().await;
        let told = told?;
        (saved, kept) = (saved + told.0, kept + told.1);
        println!("{} of {kills} kills, {} s", first + count, began.elapsed().as_secs());
    }
    println!(
        "{kills} kills: {:.1} virtual seconds were called saved, {:.1} were found again",
        saved as f64 / 10.0,
        kept as f64 / 10.0
    );
    Ok(())
}

/// A browser that dies so many times. How far the page had called its lab saved before each death,
/// and how far it was found again, in sum.
pub async fn lives(browser: &Browser, first: u64, count: u64) -> Outcome<(i64, i64)> {
    let mut page = browser.open(Visit::to("/")).await?;
    page.skip_welcome().await?;
    for command in LOAD {
        page.run_well(command).await?;
    }
    let (mut sum, mut found_sum) = (0, 0);
    for round in first..first + count {
        let saved = work_until_death(&page, round).await?;
        browser.crash().await?;
        let found;
        (page, found) = come_back(browser).await?;
        ensure!(
            found >= saved,
            "kill {round}: {saved} tenths of a second were called saved, {found} were found"
        );
        (sum, found_sum) = (sum + saved, found_sum + found);
    }
    ensure!(sum > 0, "the page never said that anything was saved");
    Ok((sum, found_sum))
}

/// Lets time run as fast as it can, up to some instant. What was called saved by then.
async fn work_until_death(page: &Page, round: u64) -> Outcome<i64> {
    page.choose(test("speed"), "max").await?;
    page.click(test("play")).await?;
    // Any instants will do, if they are not always the same.
    let spread = DIES_MS.1 - DIES_MS.0;
    let dies = Duration::from_millis(DIES_MS.0 + round.wrapping_mul(2_654_435_761) % spread);
    let began = Instant::now();
    let mut saved = page.eval_as(SAVED).await?;
    while began.elapsed() < dies {
        saved = page.eval_as(SAVED).await?;
    }
    Ok(saved)
}

/// Opens the page again: its brokers recover, and nothing that was acknowledged is lost.
async fn come_back(browser: &Browser) -> Outcome<(Page, i64)> {
    let page = browser.open(Visit::to("/")).await?;
    page.wait_until_ready().await?;
    page.one(&test("toast")).await?;
    let found = page.eval_as(FOUND).await?;
    page.run_well("run 10s").await?;
    let lost = page.run_well("state ledger.lost").await?;
    ensure!(lost.trim() == "0", "{lost} messages are lost that were acknowledged");
    Ok((page, found))
}
