//! What a page says on its console.
//!
//! Two ears: the driver's log (Chromium only; it hears workers and failed downloads too), and a
//! script that the test server puts first into every page (`pages/console-hook.js`).

use crate::dialect;
use crate::setup::Family;
use fantoccini::Client;
use serde_json::Value;
use std::fmt;

/// How loud it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// An error, an exception nobody caught, a failed download.
    Error,
    /// A warning.
    Warning,
    /// Anything else.
    Other,
}

/// One thing said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// How loud.
    pub level: Level,
    /// What.
    pub text: String,
}

impl Message {
    /// Whether a page in good order would not have said it.
    pub fn is_loud(&self) -> bool {
        self.level != Level::Other
    }
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{:?}: {}", self.level, self.text)
    }
}

/// Collects what was said since the last time; silence if the browser is gone.
pub async fn gather(client: &Client, family: Family) -> Vec<Message> {
    let mut messages = Vec::new();
    if family == Family::Chromium
        && let Ok(Value::Array(entries)) = dialect::chromium_log(client).await
    {
        messages.extend(entries.iter().map(|entry| from_entry(entry, "message")));
    }
    let take = "return (window.__console_heard ?? []).splice(0)";
    if let Ok(Value::Array(entries)) = client.execute(take, Vec::new()).await {
        let heard = entries.iter().map(|entry| from_entry(entry, "text"));
        let news: Vec<_> = heard.filter(|one| !is_told(&messages, one)).collect();
        messages.extend(news);
    }
    messages
}

fn from_entry(entry: &Value, text: &str) -> Message {
    let level = match entry["level"].as_str() {
        Some("SEVERE") => Level::Error,
        Some("WARNING") => Level::Warning,
        _ => Level::Other,
    };
    Message { level, text: entry[text].as_str().unwrap_or_default().to_string() }
}

/// Whether the driver's log has told the same already, with its place in front.
fn is_told(messages: &[Message], one: &Message) -> bool {
    let words = one.text.lines().next().unwrap_or_default();
    messages.iter().any(|told| told.level == one.level && told.text.contains(words))
}
