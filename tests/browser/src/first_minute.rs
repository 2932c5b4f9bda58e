//! Goes through the first minute of somebody who is here for the first time, with programs that
//! tell, and prints what was passed in each: `called NAME 1,2,3`. See xtask/src/parts.rs.

use crate::browser::Browser;
use crate::failure::Outcome;
use crate::find::test;
use crate::page::Page;
use crate::setup::Setup;
use crate::visit::Visit;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// What a program's script tells.
#[derive(Deserialize)]
struct Called {
    /// The file of the program's rest, which begins with the program's name.
    file: String,
    /// Numbers of functions.
    called: Vec<u64>,
}

/// How many programs tell.
const PROGRAMS: usize = 2;

/// The program that runs in the page; what it calls when something is pressed must be there.
const PAGE: &str = "app";

/// So often each of them comes: when the engine draws, and what is under way then, is never quite the
/// same.
const ROUNDS: usize = 3;

/// Presses "Send" as soon as the page stands, before its engine has come.
const HASTY: &str = "
    new MutationObserver((_, observer) => {
        const send = document.querySelector('[data-test=send]:not([disabled])');
        if (!send) return;
        observer.disconnect();
        send.click();
    }).observe(document, { subtree: true, childList: true, attributes: true });";

/// The first screen comes, and does what it asks for: a message is sent, fetched, and bet on; once
/// by somebody who waits until all is saved before each press, and once by somebody who presses at
/// once. Of the engine only what it takes until the first message is fetched counts: it may wait,
/// the page may not.
pub async fn run(setup: &Setup) -> Outcome {
    let mut called: BTreeMap<String, BTreeSet<u64>> = BTreeMap::new();
    for is_hasty in [false, true].repeat(ROUNDS) {
        let browser = Browser::new(setup);
        let told = listen(&browser, is_hasty).await;
        browser.dispose().await;
        let (fetched, in_the_end) = told?;
        let engine = fetched.into_iter().filter(|of| of.name() != PAGE);
        for of in engine.chain(in_the_end.into_iter().filter(|of| of.name() == PAGE)) {
            called.entry(of.name().to_string()).or_default().extend(of.called);
        }
    }
    for (name, numbers) in called {
        let numbers: Vec<String> = numbers.iter().map(u64::to_string).collect();
        println!("called {name} {}", numbers.join(","));
    }
    Ok(())
}

impl Called {
    fn name(&self) -> &str {
        self.file.split(['-', '_']).next().unwrap_or_default()
    }
}

/// What was called when the first message was fetched, and in the end.
async fn listen(browser: &Browser, is_hasty: bool) -> Outcome<(Vec<Called>, Vec<Called>)> {
    let visit = Visit::to("/");
    let page = browser.open(if is_hasty { visit.after(HASTY) } else { visit }).await?;
    if !is_hasty {
        page.wait_until_ready().await?;
        page.wait_until_saved().await?;
        page.click(test("send")).await?;
    }
    page.one(&test("fetch")).await?;
    page.wait_until_saved().await?;
    page.click(test("fetch")).await?;
    page.one(&test("bet-consumer")).await?;
    page.wait_until_saved().await?;
    // Who looks at another tab must not wait for anything on the way.
    page.eval_as::<bool>("return document.dispatchEvent(new Event('visibilitychange'));").await?;
    let fetched = tell(&page).await?;
    page.click(test("bet-consumer")).await?;
    page.one(&test("next-lesson")).await?;
    Ok((fetched, tell(&page).await?))
}

async fn tell(page: &Page) -> Outcome<Vec<Called>> {
    let ask = "window.told = [];
        window.asked?.close();
        window.asked = new BroadcastChannel('pushpull-called');
        window.asked.onmessage = ({ data }) => { if (data.file) window.told.push(data); };
        // The page itself has the other end of a channel of this name.
        window.asked.postMessage('tell');
        return 0;";
    page.eval_as::<u64>(ask).await?;
    page.wait_until("both programs have told", &format!("window.told.length === {PROGRAMS}"))
        .await?;
    page.eval_as("return window.told;").await
}
