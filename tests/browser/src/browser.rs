//! A person's browser: one profile, started as often as one likes.
//!
//! What the page stored stays with the profile, across [`Page::reopen`](crate::page::Page::reopen)
//! and a crash; a test begins with an empty profile, and what is in it goes when the test ends.

use crate::capabilities;
use crate::console::Message;
use crate::dialect;
use crate::failure::{Failure, Outcome};
use crate::page::Page;
use crate::pool::{self, Idle, Pool};
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
    /// Where a browser that already runs may be had.
    pool: Rc<Pool>,
    /// The profile, from the first start on.
    profile: RefCell<Option<PathBuf>>,
    /// The running browser, if it runs.
    client: RefCell<Option<Client>>,
    /// The language that it was started for.
    language: RefCell<String>,
    /// Whether what its pages stored is out of our reach.
    is_used_up: Cell<bool>,
    /// The tab that commands go to.
    tab: RefCell<Option<WindowHandle>>,
    /// Whether the first tab, which comes with the browser, is still unused.
    is_fresh: Cell<bool>,
    /// Everything the pages said on their consoles, over all starts.
    console: RefCell<Vec<Message>>,
}

impl Browser {
    /// A browser with an empty profile; it starts with the first page.
    pub fn new(setup: &Setup) -> Self {
        Browser::of(setup, &Rc::default())
    }

    /// The same, or one of the pool that is as good as new.
    pub fn of(setup: &Setup, pool: &Rc<Pool>) -> Self {
        Browser(Rc::new(Inner {
            setup: setup.clone(),
            pool: Rc::clone(pool),
            profile: RefCell::default(),
            client: RefCell::default(),
            language: RefCell::default(),
            is_used_up: Cell::new(false),
            tab: RefCell::default(),
            is_fresh: Cell::new(false),
            console: RefCell::default(),
        }))
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

    /// The browser's first process, of which all others come.
    pub fn process(&self) -> Outcome<u64> {
        let capabilities = self.client()?.capabilities().cloned().unwrap_or_default();
        ["goog:processID", "moz:processID"]
            .iter()
            .find_map(|name| capabilities.get(*name)?.as_u64())
            .ok_or_else(|| "this driver does not tell the browser's process.".into())
    }

    /// Kills every process of the browser at once: no page hears of it, nothing is flushed.
    pub async fn crash(&self) -> Outcome {
        self.gather_console().await;
        let id = self.process()?;
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

    /// Its test went well: the next one may have it.
    pub async fn hand_on(&self) {
        let (setup, client) = (&self.0.setup, self.0.client.borrow().clone());
        let Some(client) = client.filter(|_| setup.family == Family::Chromium) else {
            return self.dispose().await;
        };
        if self.0.is_used_up.get() || pool::clear(&client, setup).await.is_err() {
            return self.dispose().await;
        }
        // What its pages said last is of no concern to the next test.
        self.gather_console().await;
        self.0.client.take();
        let Some(profile) = self.0.profile.take() else { return };
        self.0.pool.put(Idle { language: self.0.language.take(), profile, client });
    }

    /// What its pages store from now on is out of our reach: a frame of another origin has a
    /// storage for each page around it.
    pub(crate) fn use_up(&self) {
        self.0.is_used_up.set(true);
    }

    /// Ends the browser, whatever state it is in, and removes the profile.
    pub async fn dispose(&self) {
        let _ = self.quit().await;
        if let Some(profile) = self.0.profile.take() {
            pool::remove(&profile).await;
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
        let former = self.0.profile.borrow().clone();
        let waiting = || self.0.pool.take(&visit.language);
        let idle = former.is_none().then(waiting).flatten();
        let (client, profile) = match idle {
            Some(idle) => (idle.client, idle.profile),
            None => {
                let profile = former.map_or_else(|| new_profile(setup), Ok)?;
                let client = ClientBuilder::new(HttpConnector::new())
                    .capabilities(capabilities::for_visit(setup, visit, &profile))
                    .connect(&setup.driver)
                    .await?;
                (client, profile)
            }
        };
        *self.0.client.borrow_mut() = Some(client);
        *self.0.profile.borrow_mut() = Some(profile);
        self.0.language.borrow_mut().clone_from(&visit.language);
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

/// An empty folder for a profile.
fn new_profile(setup: &Setup) -> Outcome<PathBuf> {
    static PROFILES: AtomicU32 = AtomicU32::new(0);
    let number = PROFILES.fetch_add(1, Ordering::Relaxed);
    let profile = setup.scratch.join(format!("profile-{}-{number}", std::process::id()));
    std::fs::create_dir_all(&profile)?;
    Ok(profile)
}
