//! The site's engine in a worker, without a page: what it is asked and what it answers, as bytes.

use crate::browser::Browser;
use crate::failure::{Failure, Outcome};
use crate::page::Page;
use crate::visit::Visit;
use pushpull::host::drive::Message;
use pushpull::host::protocol::{Reply, Request};
use serde_json::json;

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

    /// Asks for something; the page's clock says when, in milliseconds.
    pub async fn ask(&self, requests: Vec<Request>) -> Outcome<f64> {
        self.post(requests.into_iter().map(Message::Request).collect()).await
    }

    /// What it answers until one answer is the wanted one, which is the last. Frames count as drawn
    /// at once.
    pub async fn until(&self, wanted: impl Fn(&Reply) -> bool) -> Outcome<Vec<Reply>> {
        Ok(self.until_when(wanted).await?.1)
    }

    /// The same, and when the wanted one came, by the page's clock in milliseconds.
    pub async fn until_when(&self, wanted: impl Fn(&Reply) -> bool) -> Outcome<(f64, Vec<Reply>)> {
        let mut replies = Vec::new();
        loop {
            let mut last = None;
            for (came, reply) in self.heard().await? {
                match &reply {
                    Reply::Failed { error } => return Err(Failure(error.clone())),
                    Reply::Frame(_) => self.post(vec![Message::Drawn]).await.map(drop)?,
                    _ => {}
                }
                if last.is_none() {
                    last = wanted(&reply).then_some(came);
                    replies.push(reply);
                }
            }
            if let Some(came) = last {
                return Ok((came, replies));
            }
        }
    }

    async fn post(&self, messages: Vec<Message>) -> Outcome<f64> {
        let mut letters = Vec::new();
        for message in messages {
            let bytes =
                postcard::to_allocvec(&message).map_err(|error| Failure(error.to_string()))?;
            letters.push(bytes.into_iter().map(char::from).collect::<String>());
        }
        let posted = self.page.eval("return post(arguments[0])", vec![json!(letters)]).await?;
        posted.as_f64().ok_or_else(|| "the engine's page has no clock.".into())
    }

    async fn heard(&self) -> Outcome<Vec<(f64, Reply)>> {
        let heard = self.page.eval("return heard()", Vec::new()).await?;
        let mut replies = Vec::new();
        for heard in heard.as_array().into_iter().flatten() {
            let (Some(came), Some(letters)) = (heard[0].as_f64(), heard[1].as_str()) else {
                return Err("the engine's page answers something else.".into());
            };
            let bytes: Vec<u8> = letters.chars().filter_map(|c| u8::try_from(c).ok()).collect();
            let some: Vec<Reply> =
                postcard::from_bytes(&bytes).map_err(|error| Failure(error.to_string()))?;
            replies.extend(some.into_iter().map(|reply| (came, reply)));
        }
        Ok(replies)
    }
}
