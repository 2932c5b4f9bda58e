//! Browsers that wait for their next test.
//!
//! To start a browser costs more than most tests do. So a test that went well hands its browser on
//! as good as new: its tabs closed, and what the site stored thrown away.

use crate::dialect;
use crate::failure::Outcome;
use crate::setup::Setup;
use fantoccini::Client;
use fantoccini::wd::WindowHandle;
use serde_json::json;
use std::cell::RefCell;
use std::path::PathBuf;

/// A browser that runs, with nothing in it but a blank tab.
pub struct Idle {
    /// What it was started for; a browser's language stays.
    pub language: String,
    /// The folder of its profile.
    pub profile: PathBuf,
    /// The browser.
    pub client: Client,
}

/// The idle browsers of a run.
#[derive(Default)]
pub struct Pool(RefCell<Vec<Idle>>);

impl Pool {
    /// A browser of that language, if one waits.
    pub fn take(&self, language: &str) -> Option<Idle> {
        let mut idle = self.0.borrow_mut();
        let place = idle.iter().position(|idle| idle.language == language)?;
        Some(idle.swap_remove(place))
    }

    /// Takes a browser that [`clear`] has cleared.
    pub fn put(&self, idle: Idle) {
        self.0.borrow_mut().push(idle);
    }

    /// Ends all of them.
    pub async fn dispose(&self) {
        for idle in self.0.take() {
            let _ = idle.client.close().await;
            remove(&idle.profile).await;
        }
    }
}

/// Removes the profile of a browser that was ended.
pub async fn remove(profile: &PathBuf) {
    for _ in 0..50 {
        if std::fs::remove_dir_all(profile).is_ok() || !profile.exists() {
            return;
        }
        // The last process of the browser may still be writing.
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

/// Leaves one blank tab, and nothing of what the site stored (Chromium).
pub async fn clear(client: &Client, setup: &Setup) -> Outcome {
    let old: Vec<WindowHandle> = client.windows().await?;
    let blank = client.new_window(true).await?.handle;
    for tab in old {
        client.switch_to_window(tab).await?;
        client.close_window().await?;
    }
    client.switch_to_window(blank).await?;
    for origin in [setup.address(""), setup.address_elsewhere("")] {
        let all = json!({ "origin": origin.trim_end_matches('/'), "storageTypes": "all" });
        dialect::devtools(client, "Storage.clearDataForOrigin", all).await?;
    }
    Ok(())
}
