//! What cannot be right is answered with a sentence that says where and what, and the lab goes on.

use crate::browser::Browser;
use crate::ensure;
use crate::failure::Outcome;
use crate::find::{css, test};
use crate::page::Page;
use serde_json::json;

async fn refused(page: &Page, command: &str, words: &[&str]) -> Outcome {
    let entry = page.run(command).await?;
    for words in words {
        ensure!(entry.error.contains(words), "`{command}` was answered with: {}", entry.error);
    }
    Ok(())
}

/// Programs and options that do not exist, values that are none, and what is not there.
pub async fn mistakes_in_the_terminal_are_explained(browser: Browser) -> Outcome {
    let page = browser.open_site().await?;
    page.skip_welcome().await?;
    let time = page.text(test("time")).await?;
    refused(&page, "kafka-topic --list", &["line 1, column 1", "kafka-topic"]).await?;
    refused(&page, "consumer c --nope 3", &["column 12", "--nope"]).await?;
    refused(&page, "producer p --kafka t --count many", &["many"]).await?;
    refused(&page, "producer p --kafka t --count", &["--count"]).await?;
    refused(&page, "run 99999999999999999999s", &["99999999999999999999s"]).await?;
    refused(&page, "client nobody stop", &["nobody"]).await?;
    refused(&page, "echo 'half", &["line 1"]).await?;
    refused(&page, "<script>alert(1)</script>", &["line 1"]).await?;
    ensure!(page.text(test("time")).await? == time, "a mistake moved the time");
    page.run_well("help").await?;
    page.expect_quiet_console().await
}

/// A line of ten million letters is refused with the limit; what was typed before is there still.
pub async fn a_line_of_ten_megabytes_is_refused(browser: Browser) -> Outcome {
    let page = browser.open_site().await?;
    page.skip_welcome().await?;
    page.run_well("kafka-get-offsets --topic t").await?;
    let before = page.entries().await?.len();
    page.paste("#terminal-input", json!(10_000_000)).await?;
    page.press("Enter").await?;
    let entry = page.answer_after(before).await?;
    ensure!(entry.error.contains("1048576 bytes"), "it was answered with: {}", entry.error);
    ensure!(entry.command.len() < 2_000, "all of it stands in the terminal");
    ensure!(page.count(css(".entry")).await? == before + 1, "an earlier command has gone");
    page.run_well("run 100ms").await?;
    page.expect_quiet_console().await
}

/// An address that names no lesson opens the lab.
pub async fn an_unknown_lesson_opens_the_lab(browser: Browser) -> Outcome {
    let page = browser.open(crate::visit::Visit::to("/?lesson=nothing&lang=xx")).await?;
    page.wait_until_ready().await?;
    page.one(&test("send")).await?;
    page.expect_quiet_console().await
}
