//! The page appears, wherever it is served from, and has nothing to complain about.

use crate::browser::Browser;
use crate::failure::Outcome;
use crate::visit::Visit;

/// At the root of a site.
pub async fn the_page_mounts_quietly(browser: Browser) -> Outcome {
    let page = browser.open_site().await?;
    page.wait_until_ready().await?;
    page.screenshot("mount").await?;
    page.expect_quiet_console().await
}

/// Below a path: every address in the site is relative.
pub async fn the_page_mounts_below_a_path(browser: Browser) -> Outcome {
    let page = browser.open(Visit::to("some/sub-path/")).await?;
    page.wait_until_ready().await?;
    page.expect_quiet_console().await
}
