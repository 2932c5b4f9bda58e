//! For everybody: the rules of WCAG in both languages and both colours, narrow windows, targets
//! that a finger hits, and a tab that is out of sight.

use crate::browser::Browser;
use crate::ensure;
use crate::failure::Outcome;
use crate::find::{css, test};
use crate::page::Page;
use crate::visit::{Theme, Visit};

const LESSONS: [&str; 3] = ["first-message", "steering-wheel", "ack-or-retain"];

/// Goes through the states of the page and looks at each.
async fn tour(page: &Page, look: impl AsyncFn(&str) -> Outcome) -> Outcome {
    page.wait_until_ready().await?;
    look("the first picture").await?;
    page.click(test("send")).await?;
    page.one(&test("fetch")).await?;
    look("the second act").await?;
    page.click(test("fetch")).await?;
    page.one(&test("bet-broker")).await?;
    look("the third act").await?;
    page.click(test("skip-welcome")).await?;
    page.one(&test("lesson-list")).await?;
    look("the list of lessons").await?;
    page.click(test("free-lab")).await?;
    page.run_well("producer p --kafka t --rabbit /q --count 40 --rate 40/s").await?;
    page.run_well("run 2s").await?;
    page.run_well("lab compare producer p --kafka t --rabbit /q --count 40 --rate 20/s").await?;
    page.run("consumer c --nope").await?;
    look("the free lab").await?;
    for tab in
        ["tab-events", "tab-ledger", "tab-charts", "tab-build", "tab-compare", "tab-terminal"]
    {
        page.click(test(tab)).await?;
        look(tab).await?;
    }
    page.click(test("text")).await?;
    page.one(&test("text-view")).await?;
    look("the text view").await?;
    page.click(test("text")).await?;
    page.wait_until_gone(test("text-view")).await?;
    // As the keyboard chooses it: in a narrow window it may lie under the player.
    let choose = "document.querySelector('[data-thing=kafka-client-ck]').click()";
    page.eval(choose, Vec::new()).await?;
    page.wait_until("it is known", "document.querySelector('.inspector section')").await?;
    look("the inspector").await?;
    page.click(test("close-inspector")).await?;
    page.click(test("keys")).await?;
    page.one(&test("key-help")).await?;
    look("the list of keys").await?;
    page.press("Escape").await?;
    page.wait_until_gone(test("key-help")).await?;
    page.click(test("lessons")).await?;
    page.open_lesson(LESSONS[0]).await?;
    look("a lesson").await?;
    page.click(css(".answer:nth-of-type(2) [data-test=option]")).await?;
    page.click(test("run")).await?;
    page.one(&css(".answer.is-wrong")).await?;
    look("a lesson's answer").await?;
    page.click(test("next-step")).await?;
    page.one(&css(".goals")).await?;
    page.click(test("hint")).await?;
    page.one(&css(".hint")).await?;
    look("a lesson's goal").await
}

async fn keeps_the_rules(browser: &Browser, language: &str, theme: Theme) -> Outcome {
    // With less motion nothing is half way between two colours when it is looked at.
    // It is high, so that no target lies half under the player, from where it can be scrolled.
    let visit = Visit::to("/").language(language).theme(theme).with_less_motion().size(1280, 1300);
    let page = browser.open(visit).await?;
    tour(&page, async |place| {
        page.expect_accessible().await.map_err(|failure| format!("{place}: {failure}").into())
    })
    .await?;
    page.expect_quiet_console().await
}

pub async fn the_rules_are_kept_in_english_and_light(browser: Browser) -> Outcome {
    keeps_the_rules(&browser, "en", Theme::Light).await
}

pub async fn the_rules_are_kept_in_english_and_dark(browser: Browser) -> Outcome {
    keeps_the_rules(&browser, "en", Theme::Dark).await
}

pub async fn the_rules_are_kept_in_korean_and_light(browser: Browser) -> Outcome {
    keeps_the_rules(&browser, "ko", Theme::Light).await
}

pub async fn the_rules_are_kept_in_korean_and_dark(browser: Browser) -> Outcome {
    keeps_the_rules(&browser, "ko", Theme::Dark).await
}

/// What stands out to the right of the window, outside of boxes that scroll by themselves.
const SPILLED: &str = "const width = document.documentElement.clientWidth;
    const scrolls = (element) => {
        for (let box = element.parentElement; box; box = box.parentElement) {
            if (/auto|scroll|hidden/.test(getComputedStyle(box).overflowX)) return true;
        }
        return false;
    };
    const spilled = [...document.querySelectorAll('body *')].filter((element) =>
        element.checkVisibility({ checkVisibilityCSS: true })
        && element.getBoundingClientRect().right > width + 1 && !scrolls(element));
    const name = (element) => `${element.tagName} ${element.getAttribute('class')}`;
    return document.documentElement.scrollWidth > width ? ['the page scrolls', ...spilled.map(name)]
        : spilled.map(name);";

/// Targets smaller than 24 by 24 pixels that do not stand alone (WCAG 2.5.8: what lies in a line
/// of text, and what has room around it, may be smaller).
const SMALL: &str = "const targets = [...document.querySelectorAll('button, input, select, a[href], summary')]
        .filter((element) => element.checkVisibility({ checkVisibilityCSS: true }))
        .filter((element) => !element.closest('.hit, .skip-link, label, p'));
    return targets.map((element) => [element, element.getBoundingClientRect()])
        .filter(([, box]) => box.width < 24 || box.height < 24)
        .map(([element, box]) => `${element.dataset.test ?? element.textContent} ${box.width} x ${box.height}`);";

async fn fits(browser: &Browser, language: &str) -> Outcome {
    let visit = Visit::to("/").language(language).size(320, 640).with_less_motion();
    let page = browser.open(visit).await?;
    tour(&page, async |place| {
        let spilled: Vec<String> = page.eval_as(SPILLED).await?;
        ensure!(spilled.is_empty(), "{place}: out of a window of 320 px stand {spilled:?}");
        let small: Vec<String> = page.eval_as(SMALL).await?;
        ensure!(small.is_empty(), "{place}: too small for a finger are {small:?}");
        Ok(())
    })
    .await?;
    page.expect_quiet_console().await
}

pub async fn a_window_of_320_pixels_is_wide_enough_in_english(browser: Browser) -> Outcome {
    fits(&browser, "en").await
}

pub async fn a_window_of_320_pixels_is_wide_enough_in_korean(browser: Browser) -> Outcome {
    fits(&browser, "ko").await
}

/// In a tab that is out of sight time stands still, and goes on when one comes back.
pub async fn a_tab_out_of_sight_stands_still(browser: Browser) -> Outcome {
    // A page without a window is always in sight: it is told otherwise.
    let hide = "let hidden = false;
        Object.defineProperty(document, 'hidden', { get: () => hidden });
        window.__hide = (is) => { hidden = is; document.dispatchEvent(new Event('visibilitychange')); };";
    let page = browser.open(Visit::to("/").after(hide)).await?;
    page.skip_welcome().await?;
    page.run_well("producer p --kafka t --rabbit /q --count 1000 --rate 10/s").await?;
    page.click(test("play")).await?;
    let seconds = "parseFloat(document.querySelector('[data-test=time]').textContent)";
    page.wait_until("time runs", &format!("{seconds} > 6.5")).await?;
    page.eval("window.__hide(true)", Vec::new()).await?;
    // Each answer takes real time to come, and would be a later one if time went on.
    let then = page.run_well("run 0s").await?;
    for _ in 0..5 {
        let now = page.run_well("run 0s").await?;
        ensure!(now == then, "out of sight the time went from {then} to {now}");
    }
    let then: f64 = page.eval_as(&format!("return {seconds}")).await?;
    page.eval("window.__hide(false)", Vec::new()).await?;
    page.wait_until("time goes on", &format!("{seconds} > {then}")).await?;
    page.expect_quiet_console().await
}
