//! Commands that WebDriver's standard lacks, in the two dialects, and two that our client lacks.

use crate::failure::Outcome;
use fantoccini::Client;
use fantoccini::wd::WebDriverCompatibleCommand;
use http::Method;
use serde_json::{Value, json};
use url::{ParseError, Url};

/// A command given by its path below the session and its body.
#[derive(Debug)]
struct Raw {
    path: String,
    body: Option<Value>,
}

impl WebDriverCompatibleCommand for Raw {
    fn endpoint(&self, base: &Url, session: Option<&str>) -> Result<Url, ParseError> {
        base.join(&format!("session/{}/{}", session.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _url: &Url) -> (Method, Option<String>) {
        match &self.body {
            Some(body) => (Method::POST, Some(body.to_string())),
            None => (Method::GET, None),
        }
    }
}

/// Gives Chromium a DevTools command.
pub async fn devtools(client: &Client, command: &str, parameters: Value) -> Outcome<Value> {
    let body = Some(json!({ "cmd": command, "params": parameters }));
    Ok(client.issue_cmd(Raw { path: "goog/cdp/execute".into(), body }).await?)
}

/// What Chromium wrote to its console since the last call.
pub async fn chromium_log(client: &Client) -> Outcome<Value> {
    let body = Some(json!({ "type": "browser" }));
    Ok(client.issue_cmd(Raw { path: "se/log".into(), body }).await?)
}

/// The name that assistive technology reads for an element.
pub async fn accessible_name(client: &Client, element: &str) -> Outcome<String> {
    computed(client, element, "computedlabel").await
}

/// The role that assistive technology reads for an element.
pub async fn accessible_role(client: &Client, element: &str) -> Outcome<String> {
    computed(client, element, "computedrole").await
}

async fn computed(client: &Client, element: &str, what: &str) -> Outcome<String> {
    let path = format!("element/{element}/{what}");
    let answer = client.issue_cmd(Raw { path, body: None }).await?;
    Ok(answer.as_str().unwrap_or_default().to_string())
}
