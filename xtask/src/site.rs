//! `build`: makes the static site with Trunk, weighs it, and holds it to its limit.

use crate::Failure;
use crate::child;
use crate::lesson_pages;
use crate::offline;
use crate::options::Options;
use crate::parts;
use crate::steps::Steps;
use crate::tools;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, Stdio};

/// The most that a first visit may download, compressed, until the page stands and takes what is
/// done; and until the engine has come to where the page is. Beyond either the build fails.
const PAGE_LIMIT_BYTES: usize = 250_000;
const ENGINE_LIMIT_BYTES: usize = 550_000;

/// The profile of Cargo.toml that makes small programs.
pub const PROFILE: &str = "site";

/// How many steps [`make`] announces, the tools among them.
pub const STEPS: usize = tools::STEPS + 2;

/// Folders and files of dist/ that are fetched when asked for, not on the first visit.
const ON_DEMAND: [&str; 3] = ["lessons", "embed", "picture.js"];

/// How the names of the engine's files begin.
const ENGINE: &str = "worker";

/// What to build, and where to put it.
pub struct Build {
    /// The folder that receives the site.
    pub dist: PathBuf,
    /// Without optimisation: quicker to build, several times as large, no limit.
    pub debug: bool,
    /// With programs that count what is called, and the folder for their lists of names.
    pub counted: Option<PathBuf>,
    /// Where the site will stand, with a slash at its end, if that is known.
    pub address: Option<String>,
}

/// `cargo xtask build`.
pub fn run(options: &Options) -> Result<ExitCode, Failure> {
    options.refuse_names()?;
    let dist = PathBuf::from(options.value("--dist").unwrap_or("dist"));
    let mut steps = Steps::new(STEPS);
    let (debug, address) = (options.has("--debug"), options.value("--address"));
    let address = address.map(|address| format!("{}/", address.trim_end_matches('/')));
    make(&mut steps, &Build { dist: dist.clone(), debug, counted: None, address })?;
    println!("\n{} is ready, after {}: any static host will do.", dist.display(), steps.elapsed());
    Ok(ExitCode::SUCCESS)
}

/// Builds the site, prints its weight and refuses it when it is too heavy.
pub fn make(steps: &mut Steps, build: &Build) -> Result<(), Failure> {
    tools::prepare(steps)?;
    let kind = if build.debug { "debug" } else { "release" };
    let label = format!("building the page into {} ({kind})", build.dist.display());
    steps.run(&label, || compile(build).and_then(|()| trunk(build)))?;
    match build.debug {
        true => steps.already("a debug build is not weighed"),
        false => steps.run("weighing it", || weigh(build))?,
    }
    Ok(())
}

/// Compiles both programs side by side, which Trunk would do one after the other; Trunk then finds
/// them.
fn compile(build: &Build) -> Result<(), Failure> {
    child::run(&mut compiler(build.debug))
}

fn compiler(is_debug: bool) -> Command {
    let mut command = child::cargo();
    command.args(["build", "--quiet", "--locked", "--target", tools::TARGET]);
    command.args(["--bin", "app", "--bin", "worker"]);
    if !is_debug {
        command.args(["--profile", PROFILE]);
    }
    command
}

/// Both programs, being compiled while something else is done; who then makes the site waits for
/// cargo's lock, finds them, or hears what is wrong with them. Stopped when dropped.
pub struct Ahead(Option<Child>);

impl Ahead {
    /// Begins, if there is all that it takes: else [`make`] will bring it in.
    pub fn begin() -> Self {
        let can_begin = tools::has_target();
        let mut command = compiler(false);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Ahead(can_begin.then(|| command.spawn().ok()).flatten())
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        if let Some(child) = &mut self.0 {
            // It has mostly ended by now, and then there is nothing to stop.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn trunk(build: &Build) -> Result<(), Failure> {
    let mut command = child::command("trunk");
    command.args(["build", "--offline", "--dist"]).arg(&build.dist);
    if !build.debug {
        command.args(["--release", "--cargo-profile", PROFILE]);
    }
    if let Some(folder) = &build.counted {
        let (name, value) = parts::counted_in(folder);
        command.env(name, value);
    }
    if let Some(address) = &build.address {
        command.env(lesson_pages::ADDRESS, address);
    }
    // What rustc says is the news; where in Trunk it was passed on is not.
    command.env("RUST_BACKTRACE", "0");
    // Trunk reads NO_COLOR as a boolean and refuses the customary "1".
    if std::env::var_os("NO_COLOR").is_some() {
        command.env("NO_COLOR", "true");
    }
    child::run(&mut command)
}

/// One file of the site.
struct Weight {
    path: PathBuf,
    bytes: usize,
    /// What a first visit downloads of it; 0 if it does not.
    bytes_brotli: usize,
    turn: Turn,
}

/// When a first visit downloads a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Turn {
    /// Until the page stands, and takes what is done.
    Page,
    /// Until the engine has come to where the page is, and does it.
    Engine,
    /// Behind both, or when it is asked for.
    Later,
}

fn weigh(build: &Build) -> Result<(), Failure> {
    let mut weights = Vec::new();
    for path in files_below(&build.dist)? {
        weights.push(weigh_file(&build.dist, path)?);
    }
    weights.sort_by(|a, b| (a.turn, &a.path).cmp(&(b.turn, &b.path)));
    println!("      {:>11} {:>11}", "bytes", "brotli");
    for Weight { path, bytes, bytes_brotli, turn } in &weights {
        let path = path.display();
        match turn {
            Turn::Later => println!("      {bytes:>11} {:>11}  {path}", "later"),
            _ => println!("      {bytes:>11} {bytes_brotli:>11}  {path}"),
        }
    }
    let until = |turn: Turn| -> usize {
        weights.iter().filter(|weight| weight.turn <= turn).map(|weight| weight.bytes_brotli).sum()
    };
    let told = [
        ("the page stands", until(Turn::Page), PAGE_LIMIT_BYTES),
        ("its engine is there", until(Turn::Engine), ENGINE_LIMIT_BYTES),
    ];
    for (what, bytes, limit) in told {
        println!("      {what} after {bytes} bytes with brotli, of {limit} allowed");
    }
    match told.iter().find(|(_, bytes, limit)| bytes > limit && build.counted.is_none()) {
        Some((what, bytes, limit)) => Err(format!(
            "on a first visit {what} after {bytes} bytes with brotli, but {limit} are allowed; the \
             list above says which file grew."
        )),
        None => Ok(()),
    }
}

fn weigh_file(dist: &Path, path: PathBuf) -> Result<Weight, Failure> {
    let content =
        fs::read(&path).map_err(|error| format!("{} cannot be read: {error}.", path.display()))?;
    let path = path.strip_prefix(dist).expect("the file was found below dist").to_path_buf();
    let turn = turn(&path);
    let bytes_brotli = if turn == Turn::Later { 0 } else { brotli_length(&content) };
    Ok(Weight { path, bytes: content.len(), bytes_brotli, turn })
}

fn turn(path: &Path) -> Turn {
    let kind = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    let first = path.components().next().map(|first| first.as_os_str().to_string_lossy());
    let first = first.unwrap_or_default();
    let is_needed = ["html", "js", "wasm", "css", "scene"].contains(&kind)
        && !ON_DEMAND.contains(&&*first)
        && !parts::is_rest(path)
        && path != Path::new(offline::NAME);
    match is_needed {
        false => Turn::Later,
        true if first.starts_with(ENGINE) => Turn::Engine,
        true => Turn::Page,
    }
}

/// How many bytes a host that compresses well would send.
fn brotli_length(content: &[u8]) -> usize {
    const BUFFER_BYTES: usize = 64 * 1024;
    const QUALITY_BEST: u32 = 11;
    const WINDOW_BITS: u32 = 22;
    let mut compressed = Vec::new();
    let mut writer =
        brotli::CompressorWriter::new(&mut compressed, BUFFER_BYTES, QUALITY_BEST, WINDOW_BITS);
    writer.write_all(content).expect("a vector takes what it is given");
    drop(writer);
    compressed.len()
}

/// Every file below `folder`, in any order.
pub fn files_below(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let unreadable = |error| format!("{} cannot be read: {error}.", folder.display());
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.is_dir() {
            files.extend(files_below(&path)?);
        } else {
            files.push(path);
        }
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::{Turn, brotli_length, turn};
    use std::path::Path;

    #[test]
    fn first_comes_the_page_then_its_engine() {
        for file in ["index.html", "app-1f2e.js", "app-1f2e_bg.wasm", "opening.scene"] {
            assert_eq!(turn(Path::new(file)), Turn::Page, "{file}");
        }
        for file in ["worker_bg.wasm", "worker.js", "worker_loader.js"] {
            assert_eq!(turn(Path::new(file)), Turn::Engine, "{file}");
        }
        let others = [
            "lessons/en/offsets.md",
            "embed/pushpull.js",
            "icons/icon.svg",
            "app-1f2e_rest.wasm",
            "worker_rest.wasm",
            "service_worker.js",
            "picture.js",
        ];
        for file in others {
            assert_eq!(turn(Path::new(file)), Turn::Later, "{file}");
        }
    }

    #[test]
    fn repetition_compresses_away() {
        assert!(brotli_length(&[7; 100_000]) < 100);
    }
}
