//! What is moved by hand: each drag gives the command that the form in the inspector gives.

use super::classroom::free_lab;
use crate::browser::Browser;
use crate::ensure;
use crate::failure::Outcome;
use crate::find::{Target, css, test};
use crate::page::Page;
use crate::wait::wait_for;
use serde_json::json;

/// A broker, a topic and a queue to go to, and a consumer on either side.
const LAB: [&str; 9] = [
    "lab new --kafka-brokers 3",
    "kafka-topics --create --topic t --replica-assignment 1:2",
    "kafka-topics --create --topic u --replica-assignment 2",
    "rabbitmqadmin declare queue --name q --durable true",
    "rabbitmqadmin declare queue --name r --durable true",
    "consumer ck --kafka t --group g",
    "consumer cr --rabbit q --prefetch 5",
    "producer p --kafka t --rabbit /q --count 3",
    "run 2s",
];

const MOVED: &str = "kafka-reassign-partitions --execute --reassignment-json-file - <<< \
    '{\"version\":1,\"partitions\":[{\"topic\":\"t\",\"partition\":0,\"replicas\":[1,3]}]}'";

async fn lab(browser: &Browser) -> Outcome<Page> {
    let page = free_lab(browser).await?;
    begin(&page).await?;
    Ok(page)
}

async fn begin(page: &Page) -> Outcome {
    for line in LAB {
        page.run_well(line).await?;
    }
    Ok(())
}

/// Opens the inspector of a thing with the keyboard.
async fn inspect(page: &Page, key: &str) -> Outcome {
    page.one(&thing(key)).await?;
    page.eval("document.querySelector(arguments[0]).focus()", vec![json!(selector(key))]).await?;
    page.press("Enter").await
}

fn selector(key: &str) -> String {
    format!("[data-thing=\"{key}\"]")
}

fn grip(key: &str) -> Target {
    css(&format!("[data-grip=\"{key}\"]"))
}

fn thing(key: &str) -> Target {
    css(&selector(key))
}

/// The commands that were run since so many were.
async fn since(page: &Page, before: usize) -> Outcome<Vec<String>> {
    let entries = page.entries().await?;
    Ok(entries.into_iter().skip(before).map(|entry| entry.command).collect())
}

async fn ran(page: &Page, before: usize, expected: &[&str]) -> Outcome {
    let what = format!("{expected:?} is run");
    wait_for(&what, async || {
        let lines = since(page, before).await?;
        let pending = page.count(css(".entry.is-pending")).await?;
        let all = expected.iter().all(|line| lines.iter().any(|known| known == line));
        Ok((all && pending == 0).then_some(()))
    })
    .await
}

/// A replica: by mouse, and by the form in the inspector, with the same command.
pub async fn a_replica_is_dragged_or_moved_by_keys(browser: Browser) -> Outcome {
    let page = lab(&browser).await?;
    let before = page.entries().await?.len();
    page.drag(grip("replica-t-0-2"), thing("server-kafka-3"), async |page| {
        page.wait_for_text(test("held"), "kafka-2 → kafka-3").await?;
        let places: usize = page.count(test("drop")).await?;
        ensure!(places == 1, "it may go to {places} places");
        Ok(())
    })
    .await?;
    ran(&page, before, &[MOVED]).await?;
    page.run_well("run 2s").await?;
    page.one(&grip("replica-t-0-3")).await?;

    begin(&page).await?;
    let before = page.entries().await?.len();
    inspect(&page, "partition-t-0").await?;
    page.choose(test("move-from"), "kafka-2").await?;
    page.choose(test("move-to"), "kafka-3").await?;
    page.key_on("move-run", "Enter").await?;
    ran(&page, before, &[MOVED]).await?;
    page.expect_quiet_console().await
}

/// A consumer of either side: by mouse, and by the form in the inspector.
pub async fn a_consumer_is_dragged_or_assigned_by_keys(browser: Browser) -> Outcome {
    let page = lab(&browser).await?;
    let before = page.entries().await?.len();
    page.drag(grip("kafka-client-ck"), thing("partition-u-0"), async |page| {
        page.wait_for_text(test("held"), "ck → u").await
    })
    .await?;
    ran(&page, before, &["client ck stop", "consumer ck --kafka u --group g"]).await?;

    let before = page.entries().await?.len();
    inspect(&page, "rabbit-client-cr").await?;
    page.choose(test("assign-to"), "r").await?;
    page.key_on("assign-run", "Enter").await?;
    ran(&page, before, &["client cr stop", "consumer cr --rabbit r --prefetch 5"]).await?;
    page.expect_quiet_console().await
}

/// Escape lets go of what is held; so does a drop beside every place; a press alone selects.
pub async fn a_drag_can_be_given_up(browser: Browser) -> Outcome {
    let page = lab(&browser).await?;
    let before = page.entries().await?.len();
    page.drag(grip("rabbit-client-cr"), thing("queue-r"), async |page| {
        page.wait_for_text(test("held"), "cr → r").await?;
        page.press("Escape").await?;
        page.wait_until_gone(test("held")).await
    })
    .await?;
    page.drag(grip("rabbit-client-cr"), thing("partition-t-0"), async |page| {
        page.wait_for_text(test("held"), "cr").await
    })
    .await?;
    page.wait_until_gone(test("held")).await?;
    page.click(grip("rabbit-client-cr")).await?;
    page.one(&test("assign")).await?;
    let lines = since(&page, before).await?;
    ensure!(lines.is_empty(), "{lines:?} was run");
    page.expect_quiet_console().await
}

/// A finger does the same: the page does not scroll under what is held.
pub async fn a_finger_drags_too(browser: Browser) -> Outcome {
    let page = lab(&browser).await?;
    if !page.is_chromium() {
        return Ok(());
    }
    let middles =
        "return ['[data-grip=\"rabbit-client-cr\"]', '[data-thing=\"queue-r\"]'].map((one) => {
        const element = document.querySelector(one);
        element.scrollIntoView({ block: 'center' });
        const { x, y, width, height } = element.getBoundingClientRect();
        return { x: x + width / 2, y: y + Math.min(height / 2, 20) };
    })";
    page.eval(middles, Vec::new()).await?;
    let points = page.eval(middles, Vec::new()).await?;
    let before = page.entries().await?.len();
    let touch = async |kind: &str, points: serde_json::Value| {
        page.devtools("Input.dispatchTouchEvent", json!({ "type": kind, "touchPoints": points }))
            .await
    };
    touch("touchStart", json!([points[0]])).await?;
    touch("touchMove", json!([{ "x": points[1]["x"], "y": points[0]["y"] }])).await?;
    touch("touchMove", json!([points[1]])).await?;
    page.wait_for_text(test("held"), "cr → r").await?;
    touch("touchEnd", json!([])).await?;
    ran(&page, before, &["client cr stop", "consumer cr --rabbit r --prefetch 5"]).await?;
    page.expect_quiet_console().await
}
