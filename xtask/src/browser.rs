//! Finds a browser and the driver that steers it, or installs them where that is possible.

use crate::Failure;
use crate::child;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// The two families of browsers that the tests know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// Chromium, Google Chrome and their kin, steered by chromedriver.
    Chromium,
    /// Firefox, steered by geckodriver.
    Firefox,
}

impl Family {
    /// The name by which the tests know it.
    pub fn name(self) -> &'static str {
        match self {
            Family::Chromium => "chromium",
            Family::Firefox => "firefox",
        }
    }

    /// Names in the path and full paths where the browser may be.
    fn programs(self) -> &'static [&'static str] {
        match self {
            Family::Chromium => &[
                "chromium",
                "chromium-browser",
                "google-chrome",
                "google-chrome-stable",
                "chrome",
                "/snap/bin/chromium",
                "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
                "/Applications/Chromium.app/Contents/MacOS/Chromium",
                "C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe",
                "C:\\Program Files (x86)\\Google\\Chrome\\Application\\chrome.exe",
            ],
            Family::Firefox => &[
                "firefox",
                "firefox-esr",
                "/snap/bin/firefox",
                "/Applications/Firefox.app/Contents/MacOS/firefox",
                "C:\\Program Files\\Mozilla Firefox\\firefox.exe",
            ],
        }
    }

    /// The same for its driver.
    fn drivers(self) -> &'static [&'static str] {
        match self {
            Family::Chromium => &[
                "chromedriver",
                "chromium.chromedriver",
                "/usr/lib/chromium-browser/chromedriver",
                "/usr/lib/chromium/chromedriver",
                "/snap/bin/chromium.chromedriver",
            ],
            Family::Firefox => &["geckodriver", "/snap/bin/geckodriver"],
        }
    }

    /// Variables that name the browser's program and the driver's program or folder.
    fn variables(self) -> (&'static str, [&'static str; 2]) {
        match self {
            Family::Chromium => ("CHROME", ["CHROMEDRIVER", "CHROMEWEBDRIVER"]),
            Family::Firefox => ("FIREFOX", ["GECKODRIVER", "GECKOWEBDRIVER"]),
        }
    }
}

/// A browser that can be steered.
#[derive(Clone, Debug)]
pub struct Browser {
    /// Which commands it understands.
    pub family: Family,
    /// The browser.
    pub program: PathBuf,
    /// Its driver.
    pub driver: PathBuf,
}

impl fmt::Display for Browser {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let version = version_of(&self.program).unwrap_or_else(|| "version unknown".to_string());
        write!(f, "{} ({version}), driven by {}", self.program.display(), self.driver.display())
    }
}

impl Browser {
    /// The browser to test with: Chromium's family if there is one, else Firefox, else Chromium
    /// from the distribution. `PUSHPULL_BROWSER=firefox` (or `chromium`) insists on one family.
    pub fn find_or_install() -> Result<Self, Failure> {
        let wanted = std::env::var("PUSHPULL_BROWSER").ok();
        let families: Vec<Family> = [Family::Chromium, Family::Firefox]
            .into_iter()
            .filter(|family| wanted.as_ref().is_none_or(|wanted| wanted == family.name()))
            .collect();
        if families.is_empty() {
            return Err("PUSHPULL_BROWSER is either `chromium` or `firefox`.".to_string());
        }
        if let Some(browser) = families.iter().find_map(|family| find(*family)) {
            return Ok(browser);
        }
        if families.contains(&Family::Chromium) && can_apt_install_chromium() {
            apt_install_chromium()?;
        }
        families.iter().find_map(|family| find(*family)).ok_or_else(how_to_install)
    }
}

fn find(family: Family) -> Option<Browser> {
    let (program_variable, driver_variables) = family.variables();
    let program = named_by(program_variable, "").or_else(|| first_of(family.programs()))?;
    let driver = driver_variables
        .into_iter()
        .find_map(|variable| named_by(variable, family.drivers()[0]))
        .or_else(|| first_of(family.drivers()))?;
    Some(Browser { family, program, driver })
}

/// The file that an environment variable names, or `inside` if it names a folder.
fn named_by(variable: &str, inside: &str) -> Option<PathBuf> {
    let path = PathBuf::from(std::env::var_os(variable)?);
    let path = if path.is_dir() {
        path.join(format!("{inside}{}", std::env::consts::EXE_SUFFIX))
    } else {
        path
    };
    path.is_file().then_some(path)
}

fn first_of(candidates: &[&str]) -> Option<PathBuf> {
    candidates.iter().find_map(|candidate| {
        let path = Path::new(candidate);
        if path.is_absolute() {
            path.is_file().then(|| path.to_path_buf())
        } else {
            child::find(candidate)
        }
    })
}

fn version_of(program: &Path) -> Option<String> {
    let said = child::capture(child::command(program).arg("--version"))?;
    said.split_whitespace()
        .find(|word| word.starts_with(|c: char| c.is_ascii_digit()))
        .map(Into::into)
}

const APT_PACKAGES: [&str; 3] = ["chromium", "chromium-driver", "fonts-noto-cjk"];

/// Debian has Chromium as a package; on Ubuntu that package is a pointer to a snap.
fn can_apt_install_chromium() -> bool {
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let is_debian = release.lines().any(|line| line == "ID=debian");
    let is_root = child::capture(child::command("id").arg("-u")).is_some_and(|id| id.trim() == "0");
    is_debian && is_root && child::find("apt-get").is_some()
}

fn apt_install_chromium() -> Result<(), Failure> {
    println!("      installing {} with apt-get (about a minute, once)", APT_PACKAGES.join(", "));
    child::run(child::command("apt-get").args(["update", "--quiet", "--quiet"]))?;
    let mut install = child::command("apt-get");
    install.args(["install", "--yes", "--quiet", "--no-install-recommends"]).args(APT_PACKAGES);
    child::run(install.env("DEBIAN_FRONTEND", "noninteractive"))
}

fn how_to_install() -> Failure {
    let release = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let command = if release.contains("debian") && !release.contains("ubuntu") {
        format!("sudo apt-get install {}", APT_PACKAGES.join(" "))
    } else if release.contains("fedora") {
        "sudo dnf install chromium chromedriver".to_string()
    } else if release.contains("arch") {
        "sudo pacman -S chromium".to_string()
    } else if cfg!(target_os = "macos") {
        "brew install --cask google-chrome chromedriver".to_string()
    } else {
        "npx --yes @puppeteer/browsers install chrome@stable && npx --yes @puppeteer/browsers \
         install chromedriver@stable, and name the two programs in CHROME and CHROMEDRIVER"
            .to_string()
    };
    format!("no browser with its driver (Chromium or Firefox) was found; install one: `{command}`.")
}
