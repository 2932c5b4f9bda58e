//! The classroom: building by hand, starting worlds, charts, reasons and changes in the inspector,
//! the menu of faults, a rule left out, two runs, a bet over what came, a visit without a network,
//! and progress that goes from browser to browser.

use crate::browser::Browser;
use crate::ensure;
use crate::failure::Outcome;
use crate::find::{css, test};
use crate::page::Page;
use serde_json::json;

pub(super) async fn free_lab(browser: &Browser) -> Outcome<Page> {
    let page = browser.open_site().await?;
    page.skip_welcome().await?;
    page.click(test("free-lab")).await?;
    Ok(page)
}

/// Waits until an element says something.
async fn says(page: &Page, mark: &str, text: &str) -> Outcome {
    let said =
        format!("document.querySelector('[data-test={mark}]')?.textContent.includes({text:?})");
    page.wait_until(&format!("{mark} says {text:?}"), &said).await
}

/// Marks everything that is drawn; and how much of the picture and the terminal is new since.
const MARK: &str = "document.querySelectorAll(arguments[0]).forEach((it) => (it.wasHere = true))";
const FRESH: &str =
    "return [...document.querySelectorAll(arguments[0])].filter((it) => !it.wasHere)
    .map((it) => it.getAttribute('class'))";

/// What was drawn stays when one more message comes: what moves goes on, and little is drawn anew.
pub async fn one_more_message_leaves_the_picture_as_it_is(browser: Browser) -> Outcome {
    const DRAWN: &str = ".picture-shapes, .picture-shapes > g, .flights, .hit, .entry, .event";
    const SEND: &str = "kafka-console-producer --topic t <<< hello";
    let page = free_lab(&browser).await?;
    page.run_well("lab new").await?;
    page.run_well("kafka-topics --create --topic t --partitions 1").await?;
    page.run_well(SEND).await?;
    page.wait_until("a cell is drawn", "document.querySelector('g.cell')").await?;
    page.eval(MARK, vec![json!(DRAWN)]).await?;
    page.run_well(SEND).await?;
    let two = "document.querySelectorAll('g.cell').length === 2";
    page.wait_until("the other cell is drawn", two).await?;
    let fresh = page.eval(FRESH, vec![json!(DRAWN)]).await?;
    ensure!(fresh == json!(["cell kafka", "hit cell", "entry"]), "{fresh} is new");
    Ok(())
}

/// A form shows its command, runs it, and the terminal has it.
pub async fn a_form_builds_what_its_command_says(browser: Browser) -> Outcome {
    let page = free_lab(&browser).await?;
    page.click(test("tab-build")).await?;
    page.choose(test("build-form"), "Queue").await?;
    page.fill(test("build-name"), "jobs 1").await?;
    let shown = page.text(css(".build-command .command")).await?;
    ensure!(shown.trim() == "rabbitmqadmin declare queue --name 'jobs 1'", "it shows {shown:?}");
    page.click(test("build-run")).await?;
    page.wait_until(
        "the queue is there",
        "document.querySelector('[data-thing=\"queue-jobs 1\"]')",
    )
    .await?;
    page.choose(test("build-form"), "Producer").await?;
    page.eval(
        "const range = document.querySelector('[data-test=build-rate]');
         range.value = 0; range.dispatchEvent(new Event('input', { bubbles: true }));",
        Vec::new(),
    )
    .await?;
    let rate = "document.querySelector('.build-command').textContent.includes('--rate 1/s')";
    page.wait_until("the slider is in the command", rate).await?;
    page.click(test("build-run")).await?;
    page.click(test("tab-terminal")).await?;
    let last = "[...document.querySelectorAll('.entry-command')].some((line) =>
        line.textContent.startsWith('producer p1 --kafka t --rabbit'))";
    page.wait_until("the terminal has the command", last).await?;
    page.expect_quiet_console().await
}

/// Each starting world is made without an error.
pub async fn every_world_begins(browser: Browser) -> Outcome {
    let page = browser.open_site().await?;
    page.skip_welcome().await?;
    let worlds: Vec<String> = page
        .eval_as(
            "return [...document.querySelectorAll('.world')].map((world) => world.dataset.test);",
        )
        .await?;
    ensure!(worlds.len() == 6, "there are {} worlds", worlds.len());
    for world in &worlds {
        if page.count(test("lesson-list")).await? == 0 {
            page.click(test("lessons")).await?;
        }
        page.click(test(world)).await?;
        let rest = "!document.querySelector('[data-test=stop]')
            && document.querySelectorAll('.entry').length > 5
            && !document.querySelector('.entry-error')";
        page.wait_until(&format!("{world} has begun"), rest).await?;
    }
    page.expect_quiet_console().await
}

/// Seven charts, with curves, and their values as a table.
pub async fn charts_have_curves_and_a_table(browser: Browser) -> Outcome {
    let page = free_lab(&browser).await?;
    page.run_well("producer p --kafka t --rabbit /q --rate 20/s").await?;
    page.run_well("run 5s").await?;
    page.click(test("tab-charts")).await?;
    let charts = page.count(css("[data-test=all-charts] .chart")).await?;
    ensure!(charts == 7, "there are {charts} charts");
    let moving = "[...document.querySelectorAll('[data-test=all-charts] path.chart-line.kafka')]
        .some((line) => line.getAttribute('d').includes('V'))";
    page.wait_until("a curve has steps", moving).await?;
    page.click(test("chart-table")).await?;
    let cells = page.count(css(".chart-table tbody tr:last-child td")).await?;
    // Two lines a chart, and two more for the percentiles.
    ensure!(cells == 16, "a row has {cells} values");
    page.expect_quiet_console().await
}

/// The menu of a thing does what it says, and the inspector says why the thing is so.
pub async fn the_menu_of_a_thing_and_the_reason(browser: Browser) -> Outcome {
    let page = free_lab(&browser).await?;
    page.eval(
        "document.querySelector('[data-thing=rabbit-client-cr]').dispatchEvent(
            new MouseEvent('contextmenu', { bubbles: true, clientX: 300, clientY: 200 }));",
        Vec::new(),
    )
    .await?;
    page.click(test("menu-crash")).await?;
    page.wait_until_gone(test("menu")).await?;
    says(&page, "why", "Its process does not run.").await?;
    page.expect_quiet_console().await
}

/// A setting is changed where it is shown.
pub async fn a_setting_is_changed_in_the_inspector(browser: Browser) -> Outcome {
    let page = free_lab(&browser).await?;
    let choose = "document.querySelector('[data-thing^=partition-]').click()";
    page.eval(choose, Vec::new()).await?;
    page.fill(test("change-value"), "1").await?;
    page.click(test("change-run")).await?;
    let there = "[...document.querySelectorAll('.inspector dt')].some((name) =>
        name.textContent === 'min.insync.replicas')";
    page.wait_until("the inspector shows it", there).await?;
    page.expect_quiet_console().await
}

/// With a rule left out the lab shows what the rule is for; nothing there counts.
pub async fn a_rule_is_left_out_and_comes_back(browser: Browser) -> Outcome {
    let page = browser.open_site().await?;
    page.skip_welcome().await?;
    page.open_lesson("leader-dies").await?;
    page.click(css(".answer:nth-of-type(1) [data-test=option]")).await?;
    page.click(test("run")).await?;
    let leader = |is: &str| {
        format!("document.querySelector('.lesson-observed dd').textContent.trim() === '{is}'")
    };
    page.wait_until("broker 2 leads partition 0", &leader("2")).await?;
    page.click(test("without")).await?;
    page.wait_until("the dead broker leads on", &leader("1")).await?;
    page.one(&css("[data-test=without][aria-pressed=true]")).await?;
    // The run with the rule stands beside it.
    page.click(test("without-both")).await?;
    let both = "[...document.querySelectorAll('.compare-pair .command')]
        .map((line) => line.textContent.includes('--without')).join() === 'true,false'";
    page.wait_until("both runs are told", both).await?;
    page.wait_until_saved().await?;
    page.reload().await?;
    page.one(&css("[data-test=without][aria-pressed=true]")).await?;
    page.wait_until("it is still so after a reload", &leader("1")).await?;
    // Where they part the leader is still alive.
    page.click(test("without-part")).await?;
    page.wait_until("broker 1 is about to die", &leader("1")).await?;
    page.click(test("without")).await?;
    page.wait_until("broker 2 leads again", &leader("2")).await?;
    page.expect_quiet_console().await
}

/// Progress comes from a file; what is none is refused with its line.
pub async fn progress_comes_from_a_file(browser: Browser) -> Outcome {
    let page = browser.open_site().await?;
    page.skip_welcome().await?;
    let load = |text: &str| {
        format!(
            "const input = document.querySelector('[data-test=import-progress]');
             const given = new DataTransfer();
             given.items.add(new File([{text:?}], 'progress.txt', {{ type: 'text/plain' }}));
             input.files = given.files;
             input.dispatchEvent(new Event('change', {{ bubbles: true }}));"
        )
    };
    page.eval(&load("pushpull progress 1\norder won\n"), Vec::new()).await?;
    says(&page, "toast", "line 2 was not understood").await?;
    page.eval(&load("pushpull progress 1\norder solved 3 1 0\n"), Vec::new()).await?;
    says(&page, "progress", "1 of 12 lessons done").await?;
    page.reload().await?;
    page.wait_until_ready().await?;
    if page.count(test("lesson-list")).await? == 0 {
        page.click(test("lessons")).await?;
    }
    says(&page, "lesson-order", "solved").await?;
    page.expect_quiet_console().await
}

/// Two runs: one knob is turned in a recorded line, by click; where they part is gone to by a key.
pub async fn two_runs_are_compared(browser: Browser) -> Outcome {
    let page = free_lab(&browser).await?;
    page.run_well("consumer w --rabbit q --prefetch 10 --process 1s").await?;
    page.run_well("producer p --kafka t --rabbit /q --rate 10/s --count 20").await?;
    page.run_well("run 3s").await?;
    page.click(test("tab-compare")).await?;
    page.choose(test("compare-line"), "consumer w --rabbit q --prefetch 10 --process 1s").await?;
    page.choose(test("compare-value"), "1").await?;
    let shown = page.text(css(".compare .command")).await?;
    let command = "lab compare consumer w --rabbit q --prefetch 1 --process 1s";
    ensure!(shown.trim() == command, "it shows {shown:?}");
    page.click(test("compare-run")).await?;
    let dotted = "document.querySelector('.charts path.is-second.rabbit')
        && document.querySelector('[data-test=compare-result] [data-test=part]')";
    page.wait_until("the second run is in the charts", dotted).await?;
    let parts: String =
        page.eval_as("return document.querySelector('[data-test=beside] b').textContent").await?;
    page.key_on("play", "d").await?;
    let there = format!(
        "parseFloat({parts:?}.match(/[\\d.]+/)[0])
            === parseFloat(document.querySelector('[data-test=time]').textContent)"
    );
    page.wait_until("the lab is where they part", &there).await?;
    page.click(css(".stage [data-test=compare-end]")).await?;
    page.wait_until_gone(test("beside")).await?;
    page.expect_quiet_console().await
}

/// The bet over what came: in figures beside the question, and as a ghost over a curve.
pub async fn a_bet_is_drawn_over_what_came(browser: Browser) -> Outcome {
    let page = browser.open_site().await?;
    page.skip_welcome().await?;
    page.open_lesson("overload").await?;
    page.eval("document.querySelectorAll('.lesson-steps button')[3].click()", Vec::new()).await?;
    page.wait_until("the fourth step is open", "document.querySelectorAll('.answer').length === 3")
        .await?;
    page.click(css(".answer:nth-of-type(2) [data-test=option]")).await?;
    page.wait_until("the bet is over the curve", "document.querySelector('[data-test=ghost]')")
        .await?;
    page.click(test("run")).await?;
    let drawn = "document.querySelectorAll('[data-test=bets] rect.bet-ghost').length === 2";
    page.wait_until("the bet is over what came", drawn).await?;
    page.expect_quiet_console().await
}

/// A second visit needs no network; word of a newer version comes with a way to take it.
pub async fn a_second_visit_needs_no_network(browser: Browser) -> Outcome {
    let page = browser.open_site().await?;
    page.skip_welcome().await?;
    if !page.is_chromium() {
        return Ok(());
    }
    page.eval(
        "navigator.serviceWorker.register('service_worker.js');
         navigator.serviceWorker.ready.then(() => { document.body.dataset.kept = 'yes'; });",
        Vec::new(),
    )
    .await?;
    page.wait_until("the page is kept", "document.body.dataset.kept === 'yes'").await?;
    let cut =
        json!({ "offline": true, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1 });
    page.devtools("Network.enable", json!({})).await?;
    page.devtools("Network.emulateNetworkConditions", cut).await?;
    page.reload().await?;
    page.wait_until_ready().await?;
    if page.count(test("lesson-list")).await? == 0 {
        page.click(test("lessons")).await?;
    }
    page.open_lesson("order").await?;
    page.eval("document.dispatchEvent(new CustomEvent('pushpull-newer'))", Vec::new()).await?;
    // What listens to the console is not of the page, and does not come.
    page.one(&test("toast-reload")).await.map(drop)
}
