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

/// So often all is measured: storage is fast at one time and slow at another.
const ROUNDS: usize = 5;

/// Places gone to at random.
const SEEKS: u64 = 100;

/// Messages of [`LARGE_BYTES`] on one broker: so large that storage has most of the work.
const LARGE_MESSAGES: u64 = 3_000;

/// Their size.
const LARGE_BYTES: u64 = 100_000;

/// So many blocks of the raw page go into one transaction, as many as the lab lets wait.
const RAW_BLOCKS: u64 = 8;

/// Puts some of the lab's blocks into another database, in one transaction that is on the disk
/// when it is over; returns the milliseconds that this took, and how many bytes and blocks it was.
const RAW: &str = "const [from, count] = arguments;
    const opened = (name) => new Promise((resolve, reject) => {
        const open = indexedDB.open(name);
        open.onupgradeneeded = () => open.result.createObjectStore('blocks');
        open.onerror = () => reject(open.error);
        open.onsuccess = () => resolve(open.result);
    });
    const read = (lab) => new Promise((resolve, reject) => {
        const blocks = [];
        const walk = lab.transaction('blocks').objectStore('blocks').openCursor();
        let skipped = from === 0;
        walk.onerror = () => reject(walk.error);
        walk.onsuccess = () => {
            const cursor = walk.result;
            if (cursor && !skipped) { skipped = true; return cursor.advance(from); }
            if (!cursor || blocks.length === count) return resolve(blocks);
            blocks.push(cursor.value);
            cursor.continue();
        };
    });
    const put = (raw, blocks) => new Promise((resolve, reject) => {
        const began = performance.now();
        const change = raw.transaction('blocks', 'readwrite', { durability: 'strict' });
        blocks.forEach((block, place) => change.objectStore('blocks').put(block, from + place));
        change.onabort = () => reject(change.error);
        change.oncomplete = () => resolve(performance.now() - began);
    });
    return (async () => {
        const [lab, raw] = [await opened('pushpull'), await opened('raw')];
        const blocks = await read(lab);
        const took = blocks.length > 0 ? await put(raw, blocks) : 0;
        lab.close();
        raw.close();
        const bytes = blocks.reduce((sum, block) => sum + block.byteLength, 0);
        return [took, bytes, blocks.length];
    })();";

/// What a round came to.
struct Round {
    /// Messages a second, without saving and with it.
    messages: [f64; 2],
    /// Megabytes a second of large messages: without saving, with it, saving alone, a raw page.
    bytes: [f64; 4],
}

/// Measures, and prints the tables.
pub async fn run(setup: &Setup) -> Outcome {
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let messages = alone(setup, async |browser| {
            Ok([rate(browser, false).await?, rate(browser, true).await?])
        });
        let messages = messages.await?;
        rounds.push(Round { messages, bytes: alone(setup, large).await? });
    }
    let middle = |figure: &dyn Fn(&Round) -> f64| {
        let mut figures: Vec<f64> = rounds.iter().map(figure).collect();
        figures.sort_by(f64::total_cmp);
        figures[figures.len() / 2]
    };
    let messages = [0, 1].map(|place| middle(&|round| round.messages[place]));
    let bytes = [0, 1, 2, 3].map(|place| middle(&|round| round.bytes[place]));
    let kept = middle(&|round| 100.0 * round.messages[1] / round.messages[0]);
    let reached = middle(&|round| 100.0 * round.bytes[2] / round.bytes[3]);

    head(&format!("saving, the middle of {ROUNDS} rounds"), "floor", "pushpull");
    let what = format!("messages a second, {MESSAGES} of 100 bytes, RF 3, without and with");
    row(&what, messages[0], messages[1]);
    row("  with, %", 100.0, kept);
    let what = format!("MB a second, {LARGE_MESSAGES} of {LARGE_BYTES} bytes, without and with");
    row(&what, bytes[0], bytes[1]);
    row("  a raw page that puts the same blocks, and saving alone", bytes[3], bytes[2]);
    row("  saving alone, %", 100.0, reached);
    alone(setup, reopened).await
}

/// How soon a lab is there again, and how soon any instant of its past.
async fn reopened(browser: &Browser) -> Outcome {
    let engine = Engine::start(browser).await?;
    open(&engine, true).await?;
    messages_a_second(&engine).await?;
    all_saved(&engine).await?;
    let (events, mut seeks) = seeks(&engine).await?;
    seeks.sort_by(f64::total_cmp);
    engine.page().go("about:blank").await?;

    let again = Engine::start(browser).await?;
    let began = Instant::now();
    let found = open(&again, true).await?;
    let opened_ms = began.elapsed().as_secs_f64() * 1e3;
    if !matches!(found, Found::Lab { .. }) {
        return Err(Failure(format!("the lab was not found again: {found:?}.")));
    }
    head(&format!("a lab of {MESSAGES} messages"), "floor", "pushpull");
    row("opened again after, ms", 0.0, opened_ms);
    row(&format!("seek over {events} events, middle, ms"), 0.0, seeks[seeks.len() / 2]);
    row("  the slowest, ms", 0.0, seeks[seeks.len() - 1]);
    Ok(())
}

/// Messages a second into a fresh lab.
async fn rate(browser: &Browser, store: bool) -> Outcome<f64> {
    let engine = Engine::start(browser).await?;
    open(&engine, store).await?;
    let rate = messages_a_second(&engine).await?;
    engine.page().go("about:blank").await?;
    Ok(rate)
}

/// Megabytes a second of large messages: without saving, with it, saving alone, a raw page.
async fn large(browser: &Browser) -> Outcome<[f64; 4]> {
    let mut took_s = [0.0; 2];
    for (took_s, store) in took_s.iter_mut().zip([false, true]) {
        let engine = Engine::start(browser).await?;
        open(&engine, store).await?;
        let (began_ms, mut ended_ms) = ran(&engine, large_messages()).await?;
        if store {
            ended_ms = all_saved(&engine).await?;
        }
        *took_s = (ended_ms - began_ms) / 1e3;
        engine.page().go("about:blank").await?;
    }
    let [made_s, saved_s] = took_s;
    let (raw_s, bytes) = raw(browser).await?;
    // What storage costs by itself: the time that it adds to the engine's.
    let spans = [made_s, saved_s, saved_s - made_s, raw_s];
    Ok(spans.map(|seconds| bytes / 1e6 / seconds))
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
    let (_, status) = last_status(engine, None).await?;
    let mut took = Vec::new();
    for number in 0..SEEKS {
        // Not the very beginning: nobody travels to before the lab was up.
        let at_us = status.end_us / SEEKS * (1 + number * 37 % SEEKS);
        took.push(last_status(engine, Some(at_us)).await?.0);
    }
    last_status(engine, Some(status.end_us)).await?;
    Ok((status.steps, took))
}

/// Goes to an instant, if one is given, or takes a step; after how many milliseconds its picture
/// came, and how the lab stands there.
async fn last_status(engine: &Engine, at_us: Option<u64>) -> Outcome<(f64, Status)> {
    let request = match at_us {
        Some(at_us) => Request::Seek { at_us },
        None => Request::Run { id: 3, text: "step".into() },
    };
    let began = engine.ask(vec![request]).await?;
    let is_there = |reply: &Reply| matches!(reply, Reply::Frame(frame) if at_us.is_none_or(|at| frame.status.now_us == at));
    let (came, replies) = engine.until_when(is_there).await?;
    match replies.into_iter().last() {
        Some(Reply::Frame(frame)) => Ok((came - began, frame.status)),
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
    let (began_ms, ended_ms) = ran(engine, text).await?;
    Ok(MESSAGES as f64 / (ended_ms - began_ms) * 1e3)
}

/// Large messages, as fast as the broker takes them.
fn large_messages() -> String {
    format!(
        "lab new --kafka-brokers 1 --cost lesson\n\
         kafka-topics --create --topic t --partitions 1 --replication-factor 1\n\
         producer p --kafka t --count {LARGE_MESSAGES} --size {LARGE_BYTES} --rate 10000/s \
         --set batch.size=1000000 --set linger.ms=20\n\
         run --until ledger.kafka.acknowledged=={LARGE_MESSAGES} --max 1h"
    )
}

/// Waits until storage has all of the lab; says when, by the page's clock in milliseconds.
async fn all_saved(engine: &Engine) -> Outcome<f64> {
    // How saving stands is told with a frame, and a frame comes when something changes.
    engine.ask(vec![Request::Run { id: 2, text: "step".into() }]).await?;
    let is_saved = |reply: &Reply| matches!(reply, Reply::Frame(frame) if matches!(frame.status.saving, Saving::SavedUpTo(_)));
    engine.until_when(is_saved).await.map(|(came, _)| came)
}

/// Runs these lines to their end; when that began and ended, by the page's clock in milliseconds.
async fn ran(engine: &Engine, text: String) -> Outcome<(f64, f64)> {
    let began = engine.ask(vec![Request::Run { id: 1, text }]).await?;
    let is_last = |reply: &Reply| matches!(reply, Reply::Ran { id: 1, last: true, .. });
    let (came, replies) = engine.until_when(is_last).await?;
    for reply in replies {
        if let Reply::Ran { line, error: Some(error), .. } = reply {
            return Err(Failure(format!("{line}: {error}")));
        }
    }
    Ok((began, came))
}

/// Seconds in which a page puts the lab's blocks into a database of its own, and how many bytes
/// they have.
async fn raw(browser: &Browser) -> Outcome<(f64, f64)> {
    let page = browser.open(crate::visit::Visit::to("test-pages/blank.html")).await?;
    let (mut from, mut seconds, mut bytes) = (0, 0.0, 0.0);
    loop {
        let put = page.eval(RAW, vec![json!(from), json!(RAW_BLOCKS)]).await?;
        let figure =
            |place: usize| put[place].as_f64().ok_or("a figure of the raw page is no number.");
        seconds += figure(0)? / 1e3;
        bytes += figure(1)?;
        from += figure(2)? as u64;
        if figure(2)? == 0.0 {
            return Ok((seconds, bytes));
        }
    }
}
