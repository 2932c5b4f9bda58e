//! The harness itself: a test that cannot fail is worth nothing, so each of its ears and eyes is
//! shown something to hear and see.

use crate::browser::Browser;
use crate::console::Level;
use crate::failure::Outcome;
use crate::find::{css, role, test};
use crate::visit::{Theme, Visit};
use crate::wait::wait_for;
use crate::{ensure, failure::Failure};
use serde_json::json;

const NOISY: &str = "test-pages/noisy.html";

/// Role and name find what is visible and only that; keys and text arrive.
pub async fn elements_are_found_as_a_person_names_them(browser: Browser) -> Outcome {
    let page = browser.open(Visit::to(NOISY)).await?;
    ensure!(page.count(role("button", "Run again")).await? == 1, "a hidden button was counted");
    ensure!(page.count(role("button", "Run")).await? == 0, "half a name is not the name");
    page.click(role("button", "Close")).await?;
    page.wait_for_text(test("seen"), "closed").await?;
    page.fill(role("textbox", "Name"), "orders").await?;
    page.wait_for_text(test("seen"), "orders").await?;
    ensure!(page.focused().await? == "textbox \"Name\"", "another element has the focus");
    page.press("Tab").await?;
    ensure!(page.focused().await? == "button \"Close\"", "Tab went elsewhere");
    page.press("Control+k").await?;
    page.type_text("ab").await?;
    page.press("ArrowLeft").await?;
    let keys = page.attribute(css("body"), "data-keys").await?;
    let keys = keys.unwrap_or_default();
    ensure!(keys.ends_with("^Control ^k a b ArrowLeft "), "the keys were `{keys}`");
    Ok(())
}

/// Errors, rejections, later exceptions and failed downloads are heard; in Chromium, workers too.
pub async fn errors_on_the_console_are_heard(browser: Browser) -> Outcome {
    let page = browser.open(Visit::to(NOISY)).await?;
    let mut wanted = vec!["said aloud", "nobody caught this", "thrown later"];
    if page.is_chromium() {
        wanted.extend(["missing.png", "thrown in a worker"]);
    }
    for words in wanted {
        wait_for(&format!("the console says `{words}`"), async || {
            let said = browser.console().await;
            let is_said = |message: &&crate::console::Message| {
                message.level == Level::Error && message.text.contains(words)
            };
            Ok(said.iter().find(is_said).map(|_| ()))
        })
        .await?;
    }
    ensure!(page.expect_quiet_console().await.is_err(), "that console was not quiet");
    browser.forget_console().await;
    page.expect_quiet_console().await
}

/// axe sees a field without a label and letters too pale to read.
pub async fn accessibility_faults_are_found(browser: Browser) -> Outcome {
    let page = browser.open(Visit::to(NOISY)).await?;
    let violations = page.axe().await?;
    let rules: Vec<&str> = violations.iter().map(|violation| violation.id.as_str()).collect();
    ensure!(rules.contains(&"color-contrast"), "axe saw only {rules:?}");
    ensure!(rules.contains(&"image-alt"), "axe saw only {rules:?}");
    let page = browser.open(Visit::to("test-pages/blank.html")).await?;
    page.expect_accessible().await
}

/// What a page stored is there after a reload, after quitting, and after a crash.
pub async fn a_profile_outlives_its_browser(browser: Browser) -> Outcome {
    const KEPT: &str = "return new Promise((resolve, reject) => {
        const open = indexedDB.open('kept', 1);
        open.onupgradeneeded = () => open.result.createObjectStore('things');
        open.onerror = () => reject(open.error);
        open.onsuccess = () => {
            const change = open.result.transaction('things', 'readwrite', { durability: 'strict' });
            const things = change.objectStore('things');
            const before = things.get('count');
            before.onsuccess = () => things.put((before.result ?? 0) + 1, 'count');
            change.oncomplete = () => { open.result.close(); resolve(before.result ?? 0); };
        };
    });";
    let expect = async |page: &crate::page::Page, wanted: u64| {
        let found = page.eval(KEPT, Vec::new()).await?;
        ensure!(found == json!(wanted), "{wanted} visits were made, but {found} are remembered");
        Ok::<(), Failure>(())
    };
    let page = browser.open(Visit::to("test-pages/blank.html")).await?;
    expect(&page, 0).await?;
    page.reload().await?;
    expect(&page, 1).await?;
    let page = page.reopen().await?;
    expect(&page, 2).await?;
    if !page.is_chromium() {
        return Ok(());
    }
    let page = page.crash_and_reopen().await?;
    expect(&page, 3).await
}

/// The page sees the preferences of whoever visits.
pub async fn language_colours_and_width_are_those_of_the_visit(browser: Browser) -> Outcome {
    let visit = Visit::to("test-pages/blank.html")
        .language("ko")
        .theme(Theme::Dark)
        .on_a_phone()
        .with_less_motion()
        .with_forced_colours()
        .after("delete window.indexedDB");
    let page = browser.open(visit).await?;
    let language: String = page.eval_as("return navigator.language").await?;
    ensure!(language.starts_with("ko"), "the language is {language}");
    let mut queries = vec!["(prefers-color-scheme: dark)", "(prefers-reduced-motion: reduce)"];
    if page.is_chromium() {
        queries.push("(forced-colors: active)");
        let has_storage: bool = page.eval_as("return 'indexedDB' in window").await?;
        ensure!(!has_storage, "the script that takes storage away came too late");
    }
    for query in queries {
        let holds: bool = page.eval_as(&format!("return matchMedia('{query}').matches")).await?;
        ensure!(holds, "the page does not see {query}");
    }
    let width: u32 = page.eval_as("return innerWidth").await?;
    ensure!(!page.is_chromium() || width == 390, "the page is {width} wide");
    Ok(())
}
