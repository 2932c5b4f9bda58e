//! The engines compute the same natively and in the browser.

use crate::browser::Browser;
use crate::failure::{Failure, Outcome};
use crate::page::Page;
use crate::visit::Visit;
use serde_json::json;
use std::path::{Path, PathBuf};

/// Scripts with their expected transcripts, from the root of the repository.
const SCRIPTS: &str = "tests/scripts";

/// Random streams and the text of fractions.
pub async fn random_streams_are_the_same_in_the_browser(browser: Browser) -> Outcome {
    let page = open_twin(&browser).await?;
    for input in ["", "network", "client 17", "한국어"] {
        compare(&page, "draws", input, input).await?;
    }
    page.expect_quiet_console().await
}

/// Every golden script.
pub async fn golden_scripts_are_the_same_in_the_browser(browser: Browser) -> Outcome {
    let page = open_twin(&browser).await?;
    for path in files_below(Path::new(SCRIPTS))? {
        let script = std::fs::read_to_string(&path)?;
        compare(&page, "script", &script, &path.display().to_string()).await?;
    }
    page.expect_quiet_console().await
}

async fn open_twin(browser: &Browser) -> Outcome<Page> {
    let page = browser.open(Visit::to("test-pages/twin.html")).await?;
    page.wait_until_ready().await?;
    Ok(page)
}

async fn compare(page: &Page, what: &str, input: &str, name: &str) -> Outcome {
    let native = twin::answer(what, input)?;
    let call = "return answer(arguments[0], arguments[1])";
    let there = page.eval(call, vec![json!(what), json!(input)]).await?;
    let there = there.as_str().unwrap_or_default();
    if native == there {
        return Ok(());
    }
    let line = native.lines().zip(there.lines()).take_while(|(here, there)| here == there).count();
    let (here, there) = (native.lines().nth(line), there.lines().nth(line));
    Err(Failure(format!(
        "{name} differs in line {}:\n    native  {}\n    browser {}",
        line + 1,
        here.unwrap_or("(end)"),
        there.unwrap_or("(end)")
    )))
}

/// Every file below a folder in the order of their names; none if there is no such folder.
fn files_below(folder: &Path) -> Outcome<Vec<PathBuf>> {
    let mut files = Vec::new();
    if folder.is_dir() {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                files.extend(files_below(&path)?);
            } else {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}
