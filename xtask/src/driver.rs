//! The processes around a run of browser tests: the driver and the site's server.
//!
//! Both take whatever port is free, and both end when the [`BrowserSession`] is dropped.

use crate::Failure;
use crate::browser::{Browser, Family};
use crate::child;
use crate::static_server::{Mount, Site, StaticServer};
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// Where the site is served a second time, to notice any address that is not relative.
const SUB_PATH: &str = "/some/sub-path/";

/// Pages that belong to the tests: hosts that embed the site, and a blank one.
const TEST_PAGES: &str = "/test-pages/";
const TEST_PAGES_FOLDER: &str = "tests/browser/pages";

/// How long a driver may take until it listens, and until it is gone.
const DRIVER_PATIENCE: Duration = Duration::from_secs(30);

/// A driver and a server that run.
pub struct BrowserSession {
    browser: Browser,
    driver: Driver,
    server: StaticServer,
}

impl BrowserSession {
    /// Starts both, with the site of `dist`. Tests listen to each page's console; a measurement
    /// wants the pages as they are.
    pub fn start(browser: &Browser, dist: &Path, listens: bool) -> Result<Self, Failure> {
        let mut site = Site::of(dist);
        let more = [(SUB_PATH, dist), (TEST_PAGES, Path::new(TEST_PAGES_FOLDER))];
        for (prefix, folder) in more {
            let (prefix, folder) = (prefix.to_string(), folder.to_path_buf());
            site.mounts.push(Mount { prefix, folder });
        }
        site.first_script = listens.then(|| format!("{TEST_PAGES}console-hook.js"));
        let server = StaticServer::start(site, 0)?;
        let driver = Driver::start(browser)?;
        Ok(BrowserSession { browser: browser.clone(), driver, server })
    }

    /// Tells the browser package where everything is.
    pub fn tell<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        command
            .env("PUSHPULL_BROWSER", self.browser.family.name())
            .env("PUSHPULL_BROWSER_PROGRAM", &self.browser.program)
            .env("PUSHPULL_DRIVER", format!("http://127.0.0.1:{}", self.driver.port))
            .env("PUSHPULL_SITE", self.server.address())
    }
}

/// A running chromedriver or geckodriver; dropping it ends it and its browsers.
struct Driver {
    process: Child,
    port: u16,
}

impl Driver {
    fn start(browser: &Browser) -> Result<Self, Failure> {
        let name = browser.driver.display();
        let mut command = guarded(&browser.driver);
        match browser.family {
            Family::Chromium => command.arg("--port=0"),
            Family::Firefox => command.args(["--port", "0"]),
        };
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process =
            command.spawn().map_err(|error| format!("{name} cannot be started: {error}."))?;
        let output = process.stdout.take().expect("standard output is piped");
        let (found, port) = mpsc::channel();
        thread::spawn(move || log_and_find_port(BufReader::new(output), &found));
        match port.recv_timeout(DRIVER_PATIENCE) {
            Ok(port) => Ok(Driver { process, port }),
            Err(_) => {
                let mut driver = Driver { process, port: 0 };
                driver.stop();
                Err(format!("{name} did not say on which port it listens."))
            }
        }
    }

    fn stop(&mut self) {
        // The guard takes the end of its input as the word to end the driver.
        drop(self.process.stdin.take());
        let started = Instant::now();
        while cfg!(unix) && started.elapsed() < DRIVER_PATIENCE {
            if !matches!(self.process.try_wait(), Ok(None)) {
                return;
            }
            thread::sleep(Duration::from_millis(20));
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A shell that runs the driver and, as soon as its own input ends, ends the driver the polite way:
/// asked, a driver closes its browsers; killed, it leaves them behind. The input ends with us,
/// however we end, so Ctrl-C or a killed build leaves nothing running.
const GUARD: &str = "\"$0\" \"$@\" </dev/null & driver=$!; trap '' HUP INT TERM; \
                     read -r _; kill -TERM \"$driver\"; wait \"$driver\"";

fn guarded(driver: &Path) -> Command {
    if !cfg!(unix) {
        return child::command(driver);
    }
    let mut command = child::command("sh");
    command.args(["-c", GUARD]).arg(driver);
    command
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Keeps what the driver says in target/browser/driver.log, and sends the port once it is named.
fn log_and_find_port(output: impl BufRead, found: &mpsc::Sender<u16>) {
    let _ = fs::create_dir_all("target/browser");
    let mut log = File::create("target/browser/driver.log").ok();
    for line in output.lines().map_while(Result::ok) {
        if let Some(log) = &mut log {
            let _ = writeln!(log, "{line}");
        }
        if let Some(port) = port_in(&line) {
            // Nobody listens once the first port is known; later lines may look like one.
            let _ = found.send(port);
        }
    }
}

/// The port in "ChromeDriver was started successfully on port 40123." or geckodriver's
/// "... Listening on 127.0.0.1:40123".
fn port_in(line: &str) -> Option<u16> {
    let is_chromedriver = line.contains("started successfully on port");
    let is_geckodriver = line.contains("Listening on ");
    if !is_chromedriver && !is_geckodriver {
        return None;
    }
    let end = line.trim_end_matches('.').rsplit([' ', ':']).next()?;
    end.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::port_in;

    #[test]
    fn both_drivers_name_their_port() {
        assert_eq!(port_in("ChromeDriver was started successfully on port 40123."), Some(40123));
        assert_eq!(port_in("17 geckodriver INFO Listening on 127.0.0.1:4444"), Some(4444));
        assert_eq!(port_in("Only local connections are allowed."), None);
    }
}
