//! The site's engine in a worker, without a page: what it is asked and what it answers, as bytes.

use crate::browser::Browser;
use crate::failure::{Failure, Outcome};
use crate::page::Page;
use crate::visit::Visit;
use pushpull::host::drive::Message;
use pushpull::host::protocol::{Reply, Request};
use serde_json::{Value, json};

/// The engine, as it is shipped.
pub struct Engine {
    page: Page,
}

impl Engine {
    /// Loads it; nothing is open yet.
    pub async fn start(browser: &Browser) -> Outcome<Engine> {
        let page = browser.open(Visit::to("test-pages/engine.html")).await?;
        page.wait_until_ready().await?;
        Ok(Engine { page })
    }

    /// The page that it is in.
    pub fn page(&self) -> &Page {
        &self.page
    }

    /// Asks for something.
    pub async fn ask(&self, requests: Vec<Request>) -> Outcome {
        self.post(requests.into_iter().map(Message::Request).collect()).await
    }

    /// What it answers until one answer is the wanted one, which is the last. Frames count as drawn
    /// at once.
    pub async fn until(&self, wanted: impl Fn(&Reply) -> bool) -> Outcome<Vec<Reply>> {
        let mut replies = Vec::new();
        loop {
            for reply in self.heard().await? {
                match &reply {
                    Reply::Failed { error } => return Err(Failure(error.clone())),
                    Reply::Frame(_) => self.post(vec![Message::Drawn]).await?,
                    _ => {}
                }
                replies.push(reply);
            }
            if let Some(last) = replies.iter().position(&wanted) {
                replies.truncate(last + 1);
                return Ok(replies);
            }
        }
    }

    async fn post(&self, messages: Vec<Message>) -> Outcome {
        let mut letters = Vec::new();
        for message in messages {
            let bytes =
                postcard::to_allocvec(&message).map_err(|error| Failure(error.to_string()))?;
            letters.push(bytes.into_iter().map(char::from).collect::<String>());
        }
        self.page.eval("post(arguments[0])", vec![json!(letters)]).await.map(drop)
    }

    async fn heard(&self) -> Outcome<Vec<Reply>> {
        let heard = self.page.eval("return heard()", Vec::new()).await?;
        let mut replies = Vec::new();
        for letters in heard.as_array().into_iter().flatten().filter_map(Value::as_str) {
            let bytes: Vec<u8> = letters.chars().filter_map(|c| u8::try_from(c).ok()).collect();
            let some: Vec<Reply> =
                postcard::from_bytes(&bytes).map_err(|error| Failure(error.to_string()))?;
            replies.extend(some);
        }
        Ok(replies)
    }
}
