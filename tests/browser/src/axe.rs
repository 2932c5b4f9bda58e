//! Accessibility: axe-core looks at the page as it is now.

use crate::failure::{Failure, Outcome};
use crate::page::Page;
use serde::Deserialize;
use serde_json::json;
use std::fmt;

/// axe-core, see vendor/README.md.
const AXE: &str = include_str!("../vendor/axe.min.js");

/// WCAG 2.2 at level AA, with all that it includes.
const TAGS: [&str; 5] = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];

/// A rule that the page breaks.
#[derive(Clone, Debug, Deserialize)]
pub struct Violation {
    /// The rule, as in `color-contrast`.
    pub id: String,
    /// What it demands.
    pub help: String,
    /// Where it is broken.
    pub nodes: Vec<Node>,
}

/// An element that breaks a rule.
#[derive(Clone, Debug, Deserialize)]
pub struct Node {
    /// A selector that finds it.
    pub target: serde_json::Value,
    /// What is wrong, in axe's words.
    #[serde(rename = "failureSummary")]
    pub summary: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}: {}", self.id, self.help)?;
        for node in &self.nodes {
            write!(f, "\n      {}: {}", node.target, node.summary.replace('\n', " "))?;
        }
        Ok(())
    }
}

impl Page {
    /// Every rule that the page breaks.
    pub async fn axe(&self) -> Outcome<Vec<Violation>> {
        if !self.eval_as::<bool>("return 'axe' in window").await? {
            self.eval(AXE, Vec::new()).await?;
        }
        let run = "const [tags] = arguments;
            return axe.run(document, { runOnly: { type: 'tag', values: tags } })
                .then((results) => results.violations.map(({ id, help, nodes }) => ({
                    id, help,
                    nodes: nodes.map(({ target, failureSummary }) => ({ target, failureSummary })),
                })));";
        Ok(serde_json::from_value(self.eval(run, vec![json!(TAGS)]).await?)?)
    }

    /// Fails if the page breaks any rule.
    pub async fn expect_accessible(&self) -> Outcome {
        let violations = self.axe().await?;
        if violations.is_empty() {
            return Ok(());
        }
        let list: Vec<String> = violations.iter().map(ToString::to_string).collect();
        Err(Failure(format!("the page is not accessible:\n    {}", list.join("\n    "))))
    }
}
