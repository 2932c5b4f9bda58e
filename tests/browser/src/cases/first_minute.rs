//! The first half minute: whoever comes knows nothing, and has soon seen who moves first.

use crate::browser::Browser;
use crate::ensure;
use crate::failure::Outcome;
use crate::find::{css, role, test};
use crate::page::Page;
use crate::visit::Visit;
use crate::wait::wait_for;
use std::time::{Duration, Instant};

/// In so much real time somebody who reads and presses has seen the difference.
const HALF_A_MINUTE: Duration = Duration::from_secs(30);

/// What a consumer's box says beside its name.
async fn box_of(page: &Page, thing: &str) -> Outcome<String> {
    let script = format!(
        "const hit = document.querySelector('[data-thing=\"{thing}\"]').getBoundingClientRect();
         const inside = (text) => {{
            const box = text.getBoundingClientRect();
            return box.left >= hit.left && box.right <= hit.right
                && box.top >= hit.top && box.bottom <= hit.bottom;
         }};
         return [...document.querySelectorAll('.picture-shapes text')].filter(inside)
            .map((text) => text.textContent).join(' | ');"
    );
    page.eval_as(&script).await
}

async fn wait_for_box(page: &Page, thing: &str, words: &str) -> Outcome {
    wait_for(&format!("{thing} says `{words}`"), async || {
        Ok(box_of(page, thing).await?.contains(words).then_some(()))
    })
    .await
}

/// One press, and the picture says that the one consumer has got what the other has not.
pub async fn one_press_shows_push_and_pull(browser: Browser) -> Outcome {
    let page = browser.open_site().await?;
    page.wait_until_ready().await?;
    let started = Instant::now();
    page.click(role("button", "Send a message")).await?;
    page.wait_for_text(css("#welcome"), "RabbitMQ pushed it. Kafka waits to be asked.").await?;
    wait_for_box(&page, "rabbit-client-cr", "1 done").await?;
    wait_for_box(&page, "kafka-client-ck", "0 done").await?;
    ensure!(page.count(css(".picture .beckon")).await? == 1, "nothing draws the eye to ck");
    page.click(role("button", "Fetch")).await?;
    wait_for_box(&page, "kafka-client-ck", "1 done").await?;
    let took = started.elapsed();
    ensure!(took < HALF_A_MINUTE, "it took {} s", took.as_secs());
    page.expect_quiet_console().await
}

/// All three acts with Tab and Enter, on a phone, with less motion.
pub async fn the_first_half_minute_needs_no_mouse(browser: Browser) -> Outcome {
    let visit = Visit::to("/").size(360, 740).with_less_motion();
    let page = browser.open(visit).await?;
    page.wait_until_ready().await?;
    for mark in ["send", "fetch", "bet-consumer"] {
        page.key_on(mark, "Enter").await?;
    }
    page.one(&test("next-lesson")).await?;
    // Prefetch is 0, so the pile is where it was predicted.
    ensure!(page.text(css(".chip.ok")).await? == "You were right.", "the verdict is another");
    page.key_on("explore", "Enter").await?;
    page.one(&test("lesson-list")).await?;
    page.expect_quiet_console().await
}

/// A wrong prediction is told as well, and leads into the first lesson.
pub async fn a_wrong_prediction_is_explained(browser: Browser) -> Outcome {
    let page = browser.open(Visit::to("/").language("ko")).await?;
    page.wait_until_ready().await?;
    for mark in ["send", "fetch", "bet-broker"] {
        page.click(test(mark)).await?;
    }
    page.one(&test("next-lesson")).await?;
    ensure!(page.text(css(".chip.third")).await? == "실제로는 이렇습니다.", "no verdict");
    ensure!(page.count(css(".picture .bet-edge")).await? == 1, "the prediction has gone");
    page.click(test("next-lesson")).await?;
    page.one(&test("lesson")).await?;
    page.expect_quiet_console().await
}

/// The page stands before its engine has come: a press waits for it, and is done.
pub async fn a_press_before_the_engine_has_come_is_done(browser: Browser) -> Outcome {
    let hasty = "new MutationObserver((_, observer) => {
        const send = document.querySelector('[data-test=send]:not([disabled])');
        if (!send) return;
        observer.disconnect();
        window.wasEarly = !document.documentElement.dataset.ready;
        send.click();
    }).observe(document, { subtree: true, childList: true, attributes: true });";
    let page = browser.open(Visit::to("/").after(hasty)).await?;
    page.wait_for_text(css("#welcome"), "RabbitMQ pushed it. Kafka waits to be asked.").await?;
    let was_early: bool = page.eval_as("return window.wasEarly").await?;
    ensure!(was_early, "the engine was there before the page stood");
    wait_for_box(&page, "rabbit-client-cr", "1 done").await?;
    page.expect_quiet_console().await
}

/// So does a lesson: its lab begins before the instant that is shown.
pub async fn a_lesson_before_the_engine_has_come_is_opened(browser: Browser) -> Outcome {
    let hasty = "const presses = ['skip-welcome', 'lesson-steering-wheel'];
        new MutationObserver((_, observer) => {
            const next = document.querySelector(`[data-test=${presses[0]}]`);
            if (!next) return;
            presses.shift();
            window.wasEarly = !document.documentElement.dataset.ready;
            if (presses.length === 0) observer.disconnect();
            next.click();
        }).observe(document, { subtree: true, childList: true });";
    let page = browser.open(Visit::to("/").after(hasty)).await?;
    page.one(&test("lesson")).await?;
    page.wait_until_ready().await?;
    let was_early: bool = page.eval_as("return window.wasEarly").await?;
    ensure!(was_early, "the engine was there before the lesson was asked for");
    wait_for_box(&page, "kafka-client-ck", "idle").await?;
    page.expect_quiet_console().await
}

/// What the page shows before its engine has come is what the engine comes to.
pub async fn the_engine_comes_to_what_is_shown_already(browser: Browser) -> Outcome {
    let shapes = "return document.querySelector('.picture-shapes').innerHTML";
    let never = "window.Worker = class extends EventTarget { postMessage() {} terminate() {} };";
    let page = browser.open(Visit::to("/").after(never)).await?;
    page.wait_until("the page stands", "document.documentElement.dataset.stands").await?;
    let foreseen: String = page.eval_as(shapes).await?;
    let page = browser.open_site().await?;
    page.wait_until_ready().await?;
    let shown: String = page.eval_as(shapes).await?;
    ensure!(foreseen == shown, "it shows\n{foreseen}\nand then\n{shown}");
    page.expect_quiet_console().await
}

/// Who was here before and is taken for somebody new finds the own lab all the same.
pub async fn a_lab_that_was_not_foreseen_is_opened(browser: Browser) -> Outcome {
    let page = browser.open_site().await?;
    page.wait_until_ready().await?;
    page.click(test("send")).await?;
    page.one(&test("fetch")).await?;
    page.wait_until_saved().await?;
    page.eval_as::<bool>("localStorage.removeItem('pushpull.been'); return true").await?;
    let page = browser.open_site().await?;
    page.wait_until_ready().await?;
    ensure!(page.count(css(".is-welcome")).await? == 0, "it is welcomed like somebody new");
    wait_for_box(&page, "rabbit-client-cr", "1 done").await?;
    page.expect_quiet_console().await
}

/// Nothing jumps when the program takes the place of the still picture.
pub async fn the_still_picture_gives_way_without_a_jump(browser: Browser) -> Outcome {
    let boxes = "const names = { caption: '.welcome-caption', send: '.button.large.primary' };
        const boxes = {};
        for (const [name, selector] of Object.entries(names)) {
            const { left, top, height } = document.querySelector(selector).getBoundingClientRect();
            boxes[name] = [left, top, height].map(Math.round);
        }
        const lanes = [...document.querySelectorAll('.stage svg')].find((svg) =>
            svg.getBoundingClientRect().height > 100).getBoundingClientRect();
        boxes.picture = [lanes.left, lanes.top].map(Math.round);
        return JSON.stringify(boxes);";
    for (width, height) in [(1440, 900), (768, 1024), (360, 740)] {
        // Of its own, because who was here before is not welcomed again.
        let browser = Browser::new(browser.setup());
        // The program never comes: its loader finds that something is wrong already.
        let still = "window.fetch = () => new Promise(() => {});";
        let page = browser.open(Visit::to("/").size(width, height).after(still)).await?;
        let before: String = page.eval_as(boxes).await?;
        let page = browser.open(Visit::to("/").size(width, height)).await?;
        page.wait_until_ready().await?;
        let after: String = page.eval_as(boxes).await?;
        browser.dispose().await;
        ensure!(before == after, "at {width} px the first picture jumps from {before} to {after}");
    }
    Ok(())
}
