//! What saving costs, and how soon a lab is open again: the engine in its worker, beside itself
//! without storage, and beside a page that puts the same bytes into IndexedDB and does nothing else.

use super::{alone, head, row};
use crate::browser::Browser;
use crate::engine::Engine;
use crate::failure::{Failure, Outcome};
use crate::setup::Setup;
use pushpull::host::protocol::{Found, Reply, Request};
use pushpull::view::frame::{Saving, Status};
use serde_json::json;
use std::time::Instant;

/// Messages of 100 bytes with three replicas.
const MESSAGES: u64 = 500_000;

/// Bytes of a block when there is enough to save.
const BLOCK_BYTES: u64 = 1 << 20;

/// Places gone to at random.
const SEEKS: u64 = 100;

/// Puts so many blocks of so many bytes, each in a transaction of its own that is on the disk when
/// it is over, and returns the milliseconds.
const RAW: &str = "const [blocks, bytes] = arguments;
    return new Promise((resolve, reject) => {
        const open = indexedDB.open('raw');
        open.onupgradeneeded = () => open.result.createObjectStore('blocks');
        open.onerror = () => reject(open.error);
        open.onsuccess = () => {
            const began = performance.now();
            const put = (number) => {
                if (number === blocks) {
                    resolve(performance.now() - began);
                    open.result.close();
                    indexedDB.deleteDatabase('raw');
                    return;
                }
                const change = open.result.transaction('blocks', 'readwrite', { durability: 'strict' });
                const block = new Uint8Array(bytes).map((_, place) => place * 31 + number);
                change.objectStore('blocks').put(block, number);
                change.oncomplete = () => put(number + 1);
                change.onabort = () => reject(change.error);
            };
            put(0);
        };
    });";

/// How many bytes the blocks of the lab take.
const KEPT_BYTES: &str = "return new Promise((resolve, reject) => {
        const open = indexedDB.open('pushpull');
        open.onerror = () => reject(open.error);
        open.onsuccess = () => {
            let bytes = 0;
            const walk = open.result.transaction('blocks').objectStore('blocks').openCursor();
            walk.onerror = () => reject(walk.error);
            walk.onsuccess = () => {
                const cursor = walk.result;
                if (!cursor) { open.result.close(); return resolve(bytes); }
                bytes += cursor.value.byteLength ?? 0;
                cursor.continue();
            };
        };
    });";

/// Measures, and prints the table.
pub async fn run(setup: &Setup) -> Outcome {
    alone(setup, measure).await
}

async fn measure(browser: &Browser) -> Outcome {
    let alone = Engine::start(browser).await?;
    open(&alone, false).await?;
    let without = messages_a_second(&alone).await?;
    alone.page().go("about:blank").await?;

    let engine = Engine::start(browser).await?;
    open(&engine, true).await?;
    let began = Instant::now();
    let with = messages_a_second(&engine).await?;
    // How saving stands is told with a frame, and a frame comes when something changes.
    engine.ask(vec![Request::Run { id: 2, text: "step".into() }]).await?;
    let is_saved = |reply: &Reply| matches!(reply, Reply::Frame(frame) if matches!(frame.status.saving, Saving::SavedUpTo(_)));
    engine.until(is_saved).await?;
    let saved_s = began.elapsed().as_secs_f64();
    let (events, mut seeks) = seeks(&engine).await?;
    seeks.sort_by(f64::total_cmp);
    let bytes = engine.page().eval(KEPT_BYTES, Vec::new()).await?;
    let bytes = bytes.as_f64().ok_or("the bytes that are kept are no number.")?;

    let blocks = (bytes / BLOCK_BYTES as f64).ceil();
    engine.page().go("about:blank").await?;
    let raw = browser.open(crate::visit::Visit::to("test-pages/blank.html")).await?;
    let raw_ms = raw.eval(RAW, vec![json!(blocks), json!(BLOCK_BYTES)]).await?;
    let raw_ms = raw_ms.as_f64().ok_or("the time of the raw page is no number.")?;

    let again = Engine::start(browser).await?;
    let began = Instant::now();
    let found = open(&again, true).await?;
    let opened_ms = began.elapsed().as_secs_f64() * 1e3;
    if !matches!(found, Found::Lab { .. }) {
        return Err(Failure(format!("the lab was not found again: {found:?}.")));
    }

    head(&format!("saving, {MESSAGES} messages x 100 bytes, RF 3"), "floor", "pushpull");
    row("messages a second, without and with saving", without, with);
    let raw_rate = blocks * BLOCK_BYTES as f64 / 1e3 / raw_ms;
    row("MB a second, raw page and all saved", raw_rate, bytes / 1e6 / saved_s);
    row("opened again after, ms", 0.0, opened_ms);
    row(&format!("seek over {events} events, middle, ms"), 0.0, seeks[seeks.len() / 2]);
    row("  the slowest, ms", 0.0, seeks[seeks.len() - 1]);
    Ok(())
}

/// Opens the lab, with storage or without.
async fn open(engine: &Engine, store: bool) -> Outcome<Found> {
    let lab = "bench".to_owned();
    engine.ask(vec![Request::Open { lab, script: String::new(), store }]).await?;
    let replies = engine.until(|reply| matches!(reply, Reply::Opened { .. })).await?;
    match replies.into_iter().last() {
        Some(Reply::Opened { found }) => Ok(found),
        _ => Err("the lab did not open.".into()),
    }
}

/// Goes to places all over the past and back to the end; how many events there are, and how long
/// each way took in milliseconds.
async fn seeks(engine: &Engine) -> Outcome<(u64, Vec<f64>)> {
    let status = last_status(engine, None).await?;
    let mut took = Vec::new();
    for number in 0..SEEKS {
        let at_us = status.end_us / SEEKS * (number * 37 % SEEKS);
        let began = Instant::now();
        last_status(engine, Some(at_us)).await?;
        took.push(began.elapsed().as_secs_f64() * 1e3);
    }
    last_status(engine, Some(status.end_us)).await?;
    Ok((status.steps, took))
}

/// Goes to an instant, if one is given, or takes a step; how the lab stands there.
async fn last_status(engine: &Engine, at_us: Option<u64>) -> Outcome<Status> {
    let request = match at_us {
        Some(at_us) => Request::Seek { at_us },
        None => Request::Run { id: 3, text: "step".into() },
    };
    engine.ask(vec![request]).await?;
    let is_there = |reply: &Reply| matches!(reply, Reply::Frame(frame) if at_us.is_none_or(|at| frame.status.now_us == at));
    match engine.until(is_there).await?.into_iter().last() {
        Some(Reply::Frame(frame)) => Ok(frame.status),
        _ => Err("no frame came.".into()),
    }
}

/// How fast a producer's messages are stored on three brokers.
async fn messages_a_second(engine: &Engine) -> Outcome<f64> {
    let text = format!(
        "lab new --kafka-brokers 3 --cost lesson\n\
         kafka-topics --create --topic t --partitions 3 --replication-factor 3\n\
         producer p --kafka t --count {MESSAGES} --size 100 --rate 100000/s \
         --set batch.size=65536 --set linger.ms=20\n\
         run --until ledger.kafka.acknowledged=={MESSAGES} --max 1h"
    );
    let began = Instant::now();
    engine.ask(vec![Request::Run { id: 1, text }]).await?;
    let is_last = |reply: &Reply| matches!(reply, Reply::Ran { id: 1, last: true, .. });
    for reply in engine.until(is_last).await? {
        if let Reply::Ran { line, error: Some(error), .. } = reply {
            return Err(Failure(format!("{line}: {error}")));
        }
    }
    Ok(MESSAGES as f64 / began.elapsed().as_secs_f64())
}
