//! A person's browser: one profile, started as often as one likes.
//!
//! What the page stored stays with the profile, across [`Page::reopen`](crate::page::Page::reopen)
//! and a crash; a test begins with an empty profile, and the profile goes when the test ends.

use crate::capabilities;
use crate::console::Message;
use crate::dialect;
use crate::failure::{Failure, Outcome};
use crate::page::Page;
use crate::setup::{Family, Setup};
use crate::visit::Visit;
use fantoccini::wd::WindowHandle;
use fantoccini::{Client, ClientBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::json;
use std::cell::{Cell, RefCell};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering};

/// A browser with its profile; clones are the same browser.
#[derive(Clone)]
pub struct Browser(Rc<Inner>);

struct Inner {
    setup: Setup,
    profile: PathBuf,
    /// The running browser, if it runs.
    client: RefCell<Option<Client>>,
    /// The tab that commands go to.
    tab: RefCell<Option<WindowHandle>>,
    /// Whether the first tab, which comes with the browser, is still unused.
    is_fresh: Cell<bool>,
    /// Everything the pages said on their consoles, over all starts.
    console: RefCell<Vec<Message>>,
}

impl Browser {
    /// A browser with an empty profile; it starts with the first page.
    pub fn new(setup: &Setup) -> Outcome<Self> {
        static PROFILES: AtomicU32 = AtomicU32::new(0);
        let number = PROFILES.fetch_add(1, Ordering::Relaxed);
        let profile = setup.scratch.join(format!("profile-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&profile)?;
        Ok(Browser(Rc::new(Inner {
            setup: setup.clone(),
            profile,
            client: RefCell::default(),
            tab: RefCell::default(),
            is_fresh: Cell::new(false),
            console: RefCell::default(),
        })))
    }

    /// What the tests run against.
    pub fn setup(&self) -> &Setup {
        &self.0.setup
    }

    /// Opens a page in a tab of its own, and returns once its `load` event has fired. The
    /// language is the browser's, so it is the first visit after a start that decides it.
    pub async fn open(&self, visit: Visit) -> Outcome<Page> {
        if self.0.client.borrow().is_none() {
            self.start(&visit).await?;
        }
        let client = self.client()?;
        let tab = if self.0.is_fresh.take() {
            client.window().await?
        } else {
            client.new_window(true).await?.handle
        };
        self.turn_to(&tab).await?;
        self.dress(&client, &visit).await?;
        client.goto(&self.0.setup.address(&visit.path)).await?;
        Ok(Page::new(self.clone(), tab, visit))
    }

    /// Opens the site with the usual visit.
    pub async fn open_site(&self) -> Outcome<Page> {
        self.open(Visit::to("/")).await
    }

    /// Closes every window the polite way, as when a person quits; the profile stays.
    pub async fn quit(&self) -> Outcome {
        self.gather_console().await;
        let client = self.0.client.borrow_mut().take();
        self.0.tab.borrow_mut().take();
        match client {
            Some(client) => Ok(client.close().await?),
            None => Ok(()),
        }
    }

    /// Kills every process of the browser at once: no page hears of it, nothing is flushed.
    pub async fn crash(&self) -> Outcome {
        self.gather_console().await;
        let client = self.client()?;
        let capabilities = client.capabilities().cloned().unwrap_or_default();
        let id = ["goog:processID", "moz:processID"]
            .iter()
            .find_map(|name| capabilities.get(*name)?.as_u64())
            .ok_or("this driver does not tell the browser's process.")?;
        let mut kill = Command::new("kill");
        let killed = kill.args(["-KILL", &id.to_string()]).stdin(Stdio::null()).status()?;
        if !killed.success() {
            return Err(Failure(format!("the browser (process {id}) could not be killed.")));
        }
        let client = self.0.client.borrow_mut().take();
        self.0.tab.borrow_mut().take();
        if let Some(client) = client {
            // The driver only learns now that its browser is gone, and complains.
            let _ = client.close().await;
        }
        Ok(())
    }

    /// Ends the browser, whatever state it is in, and removes the profile.
    pub async fn dispose(&self) {
        let _ = self.quit().await;
        for _ in 0..50 {
            if std::fs::remove_dir_all(&self.0.profile).is_ok() || !self.0.profile.exists() {
                return;
            }
            // The last process of the browser may still be writing.
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    }

    /// Everything that pages said on their consoles so far.
    pub async fn console(&self) -> Vec<Message> {
        self.gather_console().await;
        self.0.console.borrow().clone()
    }

    /// Forgets what was said on the consoles so far: for a test that provokes an error.
    pub async fn forget_console(&self) {
        self.gather_console().await;
        self.0.console.borrow_mut().clear();
    }

    /// The running browser.
    pub(crate) fn client(&self) -> Outcome<Client> {
        self.0.client.borrow().clone().ok_or_else(|| "the browser does not run.".into())
    }

    /// Makes commands go to that tab.
    pub(crate) async fn turn_to(&self, tab: &WindowHandle) -> Outcome {
        if self.0.tab.borrow().as_ref() != Some(tab) {
            self.gather_console().await;
            self.client()?.switch_to_window(tab.clone()).await?;
            *self.0.tab.borrow_mut() = Some(tab.clone());
        }
        Ok(())
    }

    /// Collects what the current tab's console holds, which a navigation would lose.
    pub(crate) async fn gather_console(&self) {
        let Ok(client) = self.client() else { return };
        let messages = crate::console::gather(&client, self.0.setup.family).await;
        self.0.console.borrow_mut().extend(messages);
    }

    async fn start(&self, visit: &Visit) -> Outcome {
        let setup = &self.0.setup;
        let capabilities = capabilities::for_visit(setup, visit, &self.0.profile);
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(&setup.driver)
            .await?;
        *self.0.client.borrow_mut() = Some(client);
        self.0.is_fresh.set(true);
        Ok(())
    }

    /// Gives a tab the size, colours and motion of a visit.
    async fn dress(&self, client: &Client, visit: &Visit) -> Outcome {
        if self.0.setup.family == Family::Firefox {
            // Colours and motion came with the profile's preferences.
            client.set_window_size(visit.width, visit.height).await?;
            return Ok(());
        }
        let metrics = json!({
            "width": visit.width, "height": visit.height, "deviceScaleFactor": 1, "mobile": false,
        });
        dialect::devtools(client, "Emulation.setDeviceMetricsOverride", metrics).await?;
        let motion = if visit.is_motion_reduced { "reduce" } else { "no-preference" };
        let contrast = if visit.are_colours_forced { "active" } else { "none" };
        let media = json!({ "features": [
            { "name": "prefers-color-scheme", "value": visit.theme.word() },
            { "name": "prefers-reduced-motion", "value": motion },
            { "name": "forced-colors", "value": contrast },
        ] });
        dialect::devtools(client, "Emulation.setEmulatedMedia", media).await?;
        if let Some(script) = &visit.first_script {
            let source = json!({ "source": script });
            dialect::devtools(client, "Page.addScriptToEvaluateOnNewDocument", source).await?;
        }
        Ok(())
    }
}
