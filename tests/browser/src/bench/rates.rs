//! How fast the engines are in this browser, beside loops of only the necessary work in the same.

use super::alone;
use crate::failure::Outcome;
use crate::setup::Setup;
use crate::visit::Visit;
use serde_json::json;

/// Measures part by part, and prints what each says.
pub async fn run(setup: &Setup, messages: u32) -> Outcome {
    alone(setup, async |browser| {
        let page = browser.open(Visit::to("test-pages/rates.html")).await?;
        page.wait_until_ready().await?;
        for part in 0.. {
            let arguments = vec![json!(part), json!(messages)];
            let said = page.eval("return rates(...arguments)", arguments).await?;
            let Some(lines) = said.as_str() else { break };
            print!("{lines}");
        }
        Ok(())
    })
    .await
}
