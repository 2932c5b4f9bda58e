//! The tools that turn Rust into a page: the wasm32 target, Trunk and wasm-bindgen.
//!
//! Each is looked for first and brought in when it is missing. A tool of another version in the
//! cargo home belongs to somebody else's project: it stays, and ours goes to `target/tools`.

use crate::Failure;
use crate::child;
use crate::steps::Steps;
use std::fs;

/// Trunk's releases differ in what they make of the same index.html, so one is named.
const TRUNK_VERSION: &str = "0.21.14";

/// What drives libFuzzer.
const FUZZ_VERSION: &str = "0.13.2";

/// How many steps [`prepare`] announces.
pub const STEPS: usize = 4;

/// What the browser runs.
pub const TARGET: &str = "wasm32-unknown-unknown";

/// Brings in whatever of the tools is missing.
pub fn prepare(steps: &mut Steps) -> Result<(), Failure> {
    prepare_target(steps)?;
    prepare_tool(steps, &Tool::trunk())?;
    prepare_tool(steps, &Tool::wasm_bindgen()?)?;
    // Trunk builds offline so that it never fetches a tool behind our back; the crates, then, have
    // to be here before.
    steps.run("fetching the crates that Cargo.lock names", || {
        let fetched = child::run(child::cargo().args(["fetch", "--locked", "--quiet"]));
        fetched.map_err(|failure| {
            format!("{failure} Either Cargo.lock is out of date or crates.io is out of reach.")
        })
    })
}

/// Brings in what `fuzz` needs; announces one step.
pub fn prepare_fuzz(steps: &mut Steps) -> Result<(), Failure> {
    prepare_tool(steps, &Tool::fuzz())
}

/// Brings in rustfmt and clippy, which a minimal rustup leaves out.
pub fn prepare_lints() -> Result<(), Failure> {
    for (subcommand, component) in [("fmt", "rustfmt"), ("clippy", "clippy")] {
        if child::capture(child::cargo().args([subcommand, "--version"])).is_some() {
            continue;
        }
        rustup(&["component", "add", component]).map_err(|failure| {
            format!("{component} is missing and could not be added: {failure}")
        })?;
    }
    Ok(())
}

/// Brings in the standard library for the browser; announces one step.
pub fn prepare_target(steps: &mut Steps) -> Result<(), Failure> {
    if has_target() {
        steps.already(&format!("the {TARGET} target is in place"));
        return Ok(());
    }
    steps.run(&format!("adding the {TARGET} target"), || rustup(&["target", "add", TARGET]))
}

/// Whether the standard library for the browser is here.
pub fn has_target() -> bool {
    child::capture(child::command("rustc").args(["--print", "target-libdir", "--target", TARGET]))
        .and_then(|folder| fs::read_dir(folder.trim()).ok())
        .is_some_and(|mut files| {
            files.any(|file| {
                file.is_ok_and(|file| file.file_name().to_string_lossy().starts_with("libcore-"))
            })
        })
}

fn rustup(arguments: &[&str]) -> Result<(), Failure> {
    if child::find("rustup").is_none() {
        return Err(format!(
            "this Rust comes from the system and has no rustup to run `rustup {}`; install rustup \
             with `curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh`, then try again.",
            arguments.join(" ")
        ));
    }
    child::run(child::command("rustup").args(arguments))
}

/// A program that `cargo install` builds, at exactly one version.
struct Tool {
    name: &'static str,
    program: &'static str,
    package: &'static str,
    version: String,
    /// Whether the lock file that the package came with still builds.
    locked: bool,
    minutes: u32,
}

impl Tool {
    fn trunk() -> Self {
        Tool {
            name: "Trunk",
            program: "trunk",
            package: "trunk",
            version: TRUNK_VERSION.to_string(),
            locked: true,
            minutes: 5,
        }
    }

    fn fuzz() -> Self {
        Tool {
            name: "cargo-fuzz",
            program: "cargo-fuzz",
            package: "cargo-fuzz",
            version: FUZZ_VERSION.to_string(),
            locked: true,
            minutes: 2,
        }
    }

    /// The command line half of wasm-bindgen, which works only at the version of the crate.
    fn wasm_bindgen() -> Result<Self, Failure> {
        let lock = fs::read_to_string("Cargo.lock")
            .map_err(|error| format!("Cargo.lock cannot be read: {error}."))?;
        let version = locked_version(&lock, "wasm-bindgen")
            .ok_or_else(|| "Cargo.lock does not name wasm-bindgen.".to_string())?;
        Ok(Tool {
            name: "wasm-bindgen",
            program: "wasm-bindgen",
            package: "wasm-bindgen-cli",
            version,
            locked: false,
            minutes: 2,
        })
    }

    /// The version that children would run, if any.
    fn found(&self) -> Option<String> {
        let said = child::capture(child::command(child::find(self.program)?).arg("--version"))?;
        said.split_whitespace().nth(1).map(ToString::to_string)
    }

    fn install_arguments(&self) -> Vec<&str> {
        let mut arguments = vec!["install", self.package, "--version", &self.version];
        if self.locked {
            arguments.push("--locked");
        }
        arguments
    }
}

fn prepare_tool(steps: &mut Steps, tool: &Tool) -> Result<(), Failure> {
    if tool.found().as_ref() == Some(&tool.version) {
        steps.already(&format!("{} {} is in place", tool.name, tool.version));
        return Ok(());
    }
    let label =
        format!("installing {} {} (about {} minutes, once)", tool.name, tool.version, tool.minutes);
    steps.run(&label, || install(tool))
}

fn install(tool: &Tool) -> Result<(), Failure> {
    let mut command = child::cargo();
    command.args(tool.install_arguments());
    let program = format!("{}{}", tool.program, std::env::consts::EXE_SUFFIX);
    if child::cargo_home().join("bin").join(program).exists() {
        command.args(["--root", child::PROJECT_TOOLS]);
    }
    child::run(&mut command).map_err(|failure| {
        format!(
            "{failure} {} {} is needed; try it by hand: `cargo {}`.",
            tool.name,
            tool.version,
            tool.install_arguments().join(" ")
        )
    })?;
    match tool.found() {
        Some(found) if found == tool.version => Ok(()),
        found => Err(format!(
            "{} {} was installed, but the first `{}` in the path is {}.",
            tool.name,
            tool.version,
            tool.program,
            found.unwrap_or_else(|| "missing".to_string())
        )),
    }
}

/// The version of `package` in the text of a Cargo.lock.
fn locked_version(lock: &str, package: &str) -> Option<String> {
    let name = format!("name = \"{package}\"");
    let line = lock.lines().skip_while(|line| *line != name).nth(1)?;
    Some(line.strip_prefix("version = \"")?.strip_suffix('"')?.to_string())
}

#[cfg(test)]
mod tests {
    use super::locked_version;

    const LOCK: &str = "[[package]]\nname = \"wasm-bindgen-futures\"\nversion = \"0.4.80\"\n\n\
                        [[package]]\nname = \"wasm-bindgen\"\nversion = \"0.2.130\"\n";

    #[test]
    fn the_lock_file_names_the_version_of_exactly_that_package() {
        assert_eq!(locked_version(LOCK, "wasm-bindgen").as_deref(), Some("0.2.130"));
        assert_eq!(locked_version(LOCK, "wasm"), None);
    }
}
