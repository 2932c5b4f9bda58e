//! Goes through the first minute of somebody who is here for the first time, with programs that
//! count, and prints what was called in each: `called NAME 1,2,3`. See xtask/src/parts.rs.

use crate::browser::Browser;
use crate::failure::Outcome;
use crate::find::test;
use crate::page::Page;
use crate::setup::Setup;
use crate::visit::Visit;
use serde::Deserialize;

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

/// Sends a message, fetches it, and bets: what the first screen asks for.
pub async fn run(setup: &Setup) -> Outcome {
    let browser = Browser::new(setup);
    let told = listen(&browser).await;
    browser.dispose().await;
    for Called { file, called } in told? {
        let name = file.split(['-', '_']).next().unwrap_or_default();
        let numbers: Vec<String> = called.iter().map(u64::to_string).collect();
        println!("called {name} {}", numbers.join(","));
    }
    Ok(())
}

async fn listen(browser: &Browser) -> Outcome<Vec<Called>> {
    let page = browser.open(Visit::to("/")).await?;
    page.wait_until_ready().await?;
    for mark in ["send", "fetch", "bet-consumer"] {
        page.click(test(mark)).await?;
    }
    page.one(&test("next-lesson")).await?;
    tell(&page).await
}

async fn tell(page: &Page) -> Outcome<Vec<Called>> {
    let ask = "window.told = [];
        const channel = new BroadcastChannel('pushpull-called');
        channel.onmessage = ({ data }) => { if (data.file) window.told.push(data); };
        // The page itself has the other end of a channel of this name.
        channel.postMessage('tell');
        return 0;";
    page.eval_as::<u64>(ask).await?;
    page.wait_until("both programs have told", &format!("window.told.length === {PROGRAMS}"))
        .await?;
    page.eval_as("return window.told;").await
}
