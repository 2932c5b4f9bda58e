//! Where the browser, its driver and the site are; `cargo xtask test` starts them and says so.

use crate::failure::Outcome;
use std::env;
use std::path::{Path, PathBuf};

/// Which dialect the browser speaks beyond WebDriver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Chromium and its kin: DevTools commands and a console log through the driver.
    Chromium,
    /// Firefox: preferences of its profile.
    Firefox,
}

/// What the tests are run against.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The browser's family.
    pub family: Family,
    /// The browser's program.
    pub program: String,
    /// The address of the driver.
    pub driver: String,
    /// The address of the site, with a slash at its end.
    pub site: String,
    /// A folder for profiles and other things of one run.
    pub scratch: PathBuf,
    /// A folder for screenshots.
    pub screens: PathBuf,
}

impl Setup {
    /// Reads the environment that `cargo xtask test` prepared.
    pub fn from_environment() -> Outcome<Self> {
        let family = match said("PUSHPULL_BROWSER")?.as_str() {
            "chromium" => Family::Chromium,
            "firefox" => Family::Firefox,
            other => return Err(format!("no tests are known for the browser `{other}`.").into()),
        };
        let target = env::current_dir()?.join("target");
        let setup = Setup {
            family,
            program: said("PUSHPULL_BROWSER_PROGRAM")?,
            driver: said("PUSHPULL_DRIVER")?,
            site: said("PUSHPULL_SITE")?,
            scratch: target.join("browser"),
            screens: target.join("screens"),
        };
        std::fs::create_dir_all(&setup.scratch)?;
        remove_old_profiles(&setup.scratch)?;
        std::fs::create_dir_all(&setup.screens)?;
        Ok(setup)
    }

    /// The address of a path of the site, or the address itself if it is a whole one.
    pub fn address(&self, path: &str) -> String {
        if path.contains("://") || path.starts_with("data:") || path.starts_with("about:") {
            path.to_string()
        } else {
            format!("{}{}", self.site, path.trim_start_matches('/'))
        }
    }

    /// The same path under another origin: the same server by another name.
    pub fn address_elsewhere(&self, path: &str) -> String {
        self.address(path).replacen("//127.0.0.1", "//localhost", 1)
    }
}

/// Removes what a run that was killed left behind.
fn remove_old_profiles(scratch: &Path) -> Outcome {
    for entry in std::fs::read_dir(scratch)? {
        let path = entry?.path();
        if path.is_dir() {
            std::fs::remove_dir_all(&path)?;
        }
    }
    Ok(())
}

fn said(variable: &str) -> Outcome<String> {
    env::var(variable).map_err(|_| {
        format!("{variable} is not set: these tests are run by `cargo xtask test browser`.").into()
    })
}
