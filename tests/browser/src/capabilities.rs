//! What the driver is asked for when it starts a browser: quiet, headless, with our profile.

use crate::setup::{Family, Setup};
use crate::visit::{Theme, Visit};
use fantoccini::wd::Capabilities;
use serde_json::{Value, json};
use std::path::Path;

/// Nothing of these is under test, and each would reach for the network or the screen.
const CHROMIUM_FLAGS: [&str; 11] = [
    "--headless",
    // Commands come through a pipe, so that the browser ends when its driver does.
    "--remote-debugging-pipe",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
];

/// The capabilities for a visit with the profile in that folder.
pub fn for_visit(setup: &Setup, visit: &Visit, profile: &Path) -> Capabilities {
    let value = match setup.family {
        Family::Chromium => chromium(setup, visit, profile),
        Family::Firefox => firefox(setup, visit, profile),
    };
    match value {
        Value::Object(capabilities) => capabilities,
        _ => unreachable!("capabilities are an object"),
    }
}

fn chromium(setup: &Setup, visit: &Visit, profile: &Path) -> Value {
    let mut flags: Vec<String> = CHROMIUM_FLAGS.iter().map(ToString::to_string).collect();
    flags.push(format!("--user-data-dir={}", profile.display()));
    flags.push(format!("--lang={}", visit.language));
    flags.push(format!("--window-size={},{}", visit.width, visit.height));
    json!({
        "browserName": "chrome",
        "goog:loggingPrefs": { "browser": "ALL" },
        "goog:chromeOptions": {
            "binary": setup.program,
            "args": flags,
            "prefs": { "intl.accept_languages": visit.language },
        },
    })
}

fn firefox(setup: &Setup, visit: &Visit, profile: &Path) -> Value {
    let scheme = match visit.theme {
        Theme::Dark => 0,
        Theme::Light => 1,
    };
    json!({
        "browserName": "firefox",
        "moz:firefoxOptions": {
            "binary": setup.program,
            "args": ["-headless", "-profile", profile.display().to_string(),
                     "--width", visit.width.to_string(), "--height", visit.height.to_string()],
            "prefs": {
                "intl.accept_languages": visit.language,
                "layout.css.prefers-color-scheme.content-override": scheme,
                "ui.prefersReducedMotion": i32::from(visit.is_motion_reduced),
                "app.update.enabled": false,
                "datareporting.policy.dataSubmissionEnabled": false,
            },
        },
    })
}
