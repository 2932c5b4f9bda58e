//! Goes through the first minute of somebody who is here for the first time, with programs that
//! tell, and prints what was passed in each: `called NAME 1,2,3`. See xtask/src/parts.rs.

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

/// The program that runs in the page; what it calls when something is pressed must be there.
const PAGE: &str = "app";

/// The first screen comes, and does what it asks for: a message is sent, fetched, and bet on. Of the
/// engine only what it takes until the first message is fetched counts: it may wait, the page may
/// not.
pub async fn run(setup: &Setup) -> Outcome {
    let browser = Browser::new(setup);
    let told = listen(&browser).await;
    browser.dispose().await;
    let (sent, in_the_end) = told?;
    let of_the_page = |of: &Called| of.name() == PAGE;
    let engine = sent.iter().filter(|of| !of_the_page(of));
    for of in engine.chain(in_the_end.iter().filter(|of| of_the_page(of))) {
        let numbers: Vec<String> = of.called.iter().map(u64::to_string).collect();
        println!("called {} {}", of.name(), numbers.join(","));
    }
    Ok(())
}

impl Called {
    fn name(&self) -> &str {
        self.file.split(['-', '_']).next().unwrap_or_default()
    }
}

/// What was called when the first message was fetched, and in the end.
async fn listen(browser: &Browser) -> Outcome<(Vec<Called>, Vec<Called>)> {
    let page = browser.open(Visit::to("/")).await?;
    page.wait_until_ready().await?;
    page.click(test("send")).await?;
    page.click(test("fetch")).await?;
    page.one(&test("bet-consumer")).await?;
    let sent = tell(&page).await?;
    page.click(test("bet-consumer")).await?;
    page.one(&test("next-lesson")).await?;
    Ok((sent, tell(&page).await?))
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
