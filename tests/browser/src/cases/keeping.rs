//! What storage keeps: the logs are back after a reload, as blocks and not as messages; and what
//! was damaged is told, put aside and never a panic.

use crate::browser::Browser;
use crate::ensure;
use crate::failure::Outcome;
use crate::find::{css, test};
use crate::page::Page;
use crate::setup::Family;
use crate::visit::Visit;
use serde_json::json;

/// A thousand messages on both sides; the RabbitMQ consumer holds ten and is done with none.
async fn thousand(page: &Page) -> Outcome {
    page.skip_welcome().await?;
    for command in [
        "client ck resume",
        "client cr stop",
        "consumer slow --rabbit q --prefetch 10 --process 600s",
        "producer p --kafka t --rabbit /q --count 1000 --rate 1000/s",
        "run 10s",
    ] {
        page.run_well(command).await?;
    }
    Ok(())
}

/// Where everybody is: offsets of the log and of the group, and counts of the queue.
async fn standing(page: &Page) -> Outcome<[String; 3]> {
    let log = page.run_well("kafka-get-offsets --topic t").await?;
    let group = page.run_well("kafka-consumer-groups --describe --group g").await?;
    // GROUP TOPIC PARTITION CURRENT-OFFSET LOG-END-OFFSET LAG; what follows is of this connection.
    let row = group.lines().last().unwrap_or_default();
    let group: Vec<&str> = row.split_whitespace().take(6).collect();
    let queue = "rabbitmqctl list_queues name messages_ready messages_unacknowledged";
    let queue = page.run_well(queue).await?;
    let row = queue.lines().last().unwrap_or_default();
    Ok([
        log.trim().to_string(),
        group.join(" "),
        row.split_whitespace().collect::<Vec<_>>().join(" "),
    ])
}

/// The messages at the head of the queue that are not acknowledged, as the text view tells them.
async fn unacked(page: &Page) -> Outcome<Vec<String>> {
    page.click(test("text")).await?;
    page.one(&test("text-view")).await?;
    let script = "const cells = [...document.querySelectorAll('.text-view td:last-child')];
        const head = cells.map((cell) => cell.textContent).find((text) => text.includes('(unacked)'));
        return (head ?? '').split(', ').filter((cell) => cell.includes('(unacked)'))
            .map((cell) => cell.split(' ')[0]);";
    let messages = page.eval_as(script).await?;
    page.click(test("text")).await?;
    Ok(messages)
}

/// After a reload the logs, the offsets and what is unacked are what they were.
pub async fn a_thousand_messages_outlive_a_reload(browser: Browser) -> Outcome {
    let page = browser.open_site().await?;
    thousand(&page).await?;
    let before = standing(&page).await?;
    let wanted = ["t:0:1000", "g t 0 1000 1000 0", "q 990 10"];
    ensure!(before == wanted, "before the reload stands {before:?}");
    let held = unacked(&page).await?;
    let first: Vec<String> = (0..10).map(|number| format!("m{number}")).collect();
    ensure!(held == first, "unacked are {held:?}");
    page.wait_until_saved().await?;
    page.reload().await?;
    page.wait_until_ready().await?;
    page.one(&test("toast")).await?;
    // Brokers recover and clients come back: that is virtual time.
    page.run_well("run 10s").await?;
    let after = standing(&page).await?;
    ensure!(after == before, "before the reload {before:?}, after it {after:?}");
    let again = unacked(&page).await?;
    ensure!(again == held, "unacked were {held:?} and are {again:?}");
    page.expect_quiet_console().await
}

/// 2,000 messages are a manifest and a few blocks in IndexedDB.
pub async fn storage_holds_blocks_and_no_messages(browser: Browser) -> Outcome {
    let page = browser.open_site().await?;
    thousand(&page).await?;
    page.wait_until_saved().await?;
    let (manifests, blocks) = page.kept_records().await?;
    ensure!(manifests == 1, "{manifests} manifests are kept of one lab");
    // A commit writes one stored block, small ones are packed anew; a record for each message
    // would be a thousand at least.
    ensure!(blocks > 0 && blocks <= 64, "{blocks} blocks are kept");
    page.expect_quiet_console().await
}

/// The browser dies while both brokers are busy; what was called saved is there afterwards.
pub async fn a_killed_browser_loses_nothing_that_was_saved(browser: Browser) -> Outcome {
    if browser.setup().family != Family::Chromium {
        return Ok(());
    }
    crate::kills::lives(&browser, 0, 2).await.map(drop)
}

/// Storage fills up in the middle of a commit: its blocks have room, its manifest has not. The page
/// says so, the lab goes on, and once there is room again all of it is saved.
pub async fn storage_that_is_full_is_told_and_filled_up_later(browser: Browser) -> Outcome {
    // Only Chromium runs a script before those of the worker.
    if browser.setup().family != Family::Chromium {
        return Ok(());
    }
    let narrow = "let full = false;
        new BroadcastChannel('room').onmessage = ({ data }) => { full = data; };
        const put = IDBObjectStore.prototype.put;
        IDBObjectStore.prototype.put = function (...given) {
            if (full && this.name === 'manifests') throw new DOMException('no room', 'QuotaExceededError');
            return put.apply(this, given);
        };";
    let page = browser.open(Visit::to("/").after(&worker_after(narrow))).await?;
    thousand(&page).await?;
    page.wait_until_saved().await?;
    let room = async |full: bool| {
        let script = "const room = new BroadcastChannel('room');
            room.postMessage(arguments[0]);
            return null;";
        page.eval(script, vec![json!(full)]).await
    };
    room(true).await?;
    page.run_well("producer more --kafka t --rabbit /q --count 500 --rate 500/s").await?;
    page.run_well("run 3s").await?;
    page.wait_until("it says so", "document.querySelector('.saving.error')").await?;
    let said = page.text(test("saving")).await?;
    ensure!(said.contains("full"), "it says {said}");
    let before = standing(&page).await?;
    ensure!(before[0] == "t:0:1500", "the lab does not go on: {before:?}");
    room(false).await?;
    page.wait_until_saved().await?;
    page.reload().await?;
    page.wait_until_ready().await?;
    page.one(&test("toast")).await?;
    page.run_well("run 20s").await?;
    let after = standing(&page).await?;
    ensure!(after == before, "before the reload {before:?}, after it {after:?}");
    page.expect_quiet_console().await
}

/// The browser throws the site's storage away while the page is open: the lab goes on, and the page
/// says that it does not save.
pub async fn storage_that_is_thrown_away_is_told(browser: Browser) -> Outcome {
    let page = browser.open_site().await?;
    if !page.is_chromium() {
        return Ok(());
    }
    thousand(&page).await?;
    page.wait_until_saved().await?;
    let origin: String = page.eval_as("return location.origin").await?;
    let all = json!({ "origin": origin, "storageTypes": "indexeddb" });
    page.devtools("Storage.clearDataForOrigin", all).await?;
    page.run_well("run 1s").await?;
    page.wait_until("it says so", "document.querySelector('.saving.error')").await?;
    let said = page.text(test("saving")).await?;
    ensure!(said.contains("not saved"), "it says {said}");
    let offsets = page.run_well("kafka-get-offsets --topic t").await?;
    ensure!(offsets.trim() == "t:0:1000", "what is in memory is {offsets}");
    Ok(())
}

/// What makes the page's worker, which is the one that has the storage, run some lines first.
fn worker_after(lines: &str) -> String {
    let wrapped = "const Real = window.Worker;
        window.Worker = function (address) {
            const code = `FIRST
                const real = importScripts;
                self.importScripts = (path) => real('${new URL('.', location)}' + path);
                const fetched = fetch;
                self.fetch = (path, ...rest) => fetched(new URL(path, '${new URL('.', location)}'), ...rest);
                const open = XMLHttpRequest.prototype.open;
                XMLHttpRequest.prototype.open = function (method, path, ...rest) {
                    open.call(this, method, new URL(path, '${new URL('.', location)}'), ...rest);
                };
                importScripts('worker_loader.js');`;
            return new Real(URL.createObjectURL(new Blob([code], { type: 'text/javascript' })));
        };";
    wrapped.replace("FIRST", lines)
}

/// Where storage is refused the page works, and says that it does not save.
pub async fn without_storage_the_lab_works_and_says_so(browser: Browser) -> Outcome {
    // Only Chromium runs a script before those of the worker.
    if browser.setup().family != Family::Chromium {
        return Ok(());
    }
    let refused = "indexedDB.open = () => { throw new DOMException('no', 'SecurityError'); };";
    let page = browser.open(Visit::to("/").after(&worker_after(refused))).await?;
    page.wait_until_ready().await?;
    page.wait_until("it says so", "document.querySelector('.saving.warning')").await?;
    page.click(test("send")).await?;
    page.one(&test("fetch")).await.map(drop)
}

/// A saved lab whose manifest is damaged is put aside under another name, and a fresh one opened.
pub async fn a_damaged_manifest_is_put_aside(browser: Browser) -> Outcome {
    let page = damaged(&browser, "manifests").await?;
    page.wait_until("it says so", "document.querySelector('.toast.warning small')").await?;
    let why = page.text(css(".toast small")).await?;
    ensure!(!why.is_empty(), "it does not say why");
    // What was there is there still, beside the fresh lab.
    page.run_well("kafka-get-offsets --topic t").await?;
    page.wait_until_saved().await?;
    let (manifests, _) = page.kept_records().await?;
    ensure!(manifests == 2, "{manifests} manifests are kept");
    page.expect_quiet_console().await
}

/// The same if the manifest is whole and the blocks are not.
pub async fn damaged_blocks_are_put_aside(browser: Browser) -> Outcome {
    let page = damaged(&browser, "blocks").await?;
    page.wait_until("it says so", "document.querySelector('.toast.warning small')").await?;
    page.run_well("run 1s").await?;
    page.wait_until_saved().await?;
    let (manifests, blocks) = page.kept_records().await?;
    ensure!(manifests == 2 && blocks > 0, "{manifests} manifests and {blocks} blocks are kept");
    page.expect_quiet_console().await
}

/// A lab that was saved, damaged while the page was closed, and opened again.
async fn damaged(browser: &Browser, store: &str) -> Outcome<Page> {
    let page = browser.open_site().await?;
    thousand(&page).await?;
    page.wait_until_saved().await?;
    page.go("test-pages/blank.html").await?;
    let records = page.damage(store).await?;
    ensure!(records > 0, "there was nothing to damage");
    page.go("/").await?;
    page.wait_until_ready().await?;
    Ok(page)
}
