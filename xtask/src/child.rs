//! Child processes: where they find their tools, and what becomes of what they say.

use crate::Failure;
use std::env;
use std::ffi::{OsStr, OsString};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Where tools go that would otherwise replace another version in the cargo home.
pub const PROJECT_TOOLS: &str = "target/tools";

/// Makes the root of the repository the working directory, wherever the command was typed.
pub fn enter_repository() -> Result<(), Failure> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask/ is in the repository");
    env::set_current_dir(root)
        .map_err(|error| format!("{} cannot be entered: {error}.", root.display()))
}

/// A command that sees the project's tools, then the cargo home's, then the machine's.
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.env("PATH", search_path());
    command
}

/// The cargo that started us.
pub fn cargo() -> Command {
    command(env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo")))
}

/// A program of this workspace, freshly compiled. All of them are compiled with the features of the
/// whole workspace, as the tests are: so nothing is compiled twice.
pub fn own(program: &str) -> Result<Command, Failure> {
    run(cargo().args(["build", "--quiet", "--locked", "--workspace", "--bin", program]))?;
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| "target".into(), PathBuf::from);
    Ok(command(target.join("debug").join([program, env::consts::EXE_SUFFIX].concat())))
}

/// Where `cargo install` puts programs.
pub fn cargo_home() -> PathBuf {
    env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| env::home_dir().map(|home| home.join(".cargo")))
        .unwrap_or_else(|| PathBuf::from(".cargo"))
}

/// The folders in which children look for programs, in order.
pub fn search_folders() -> Vec<PathBuf> {
    let here = env::current_dir().unwrap_or_default();
    let mut folders = vec![here.join(PROJECT_TOOLS).join("bin"), cargo_home().join("bin")];
    folders.extend(env::split_paths(&env::var_os("PATH").unwrap_or_default()));
    folders
}

fn search_path() -> OsString {
    env::join_paths(search_folders()).unwrap_or_else(|_| env::var_os("PATH").unwrap_or_default())
}

/// The first program of that name in the folders that children see.
pub fn find(program: &str) -> Option<PathBuf> {
    let file = format!("{program}{}", env::consts::EXE_SUFFIX);
    search_folders().into_iter().map(|folder| folder.join(&file)).find(|path| path.is_file())
}

/// Runs a command whose output goes straight to the terminal.
pub fn run(command: &mut Command) -> Result<(), Failure> {
    let status = command.status().map_err(|error| cannot_start(command, &error))?;
    if status.success() { Ok(()) } else { Err(format!("`{}` failed ({status}).", typed(command))) }
}

/// Runs a command and returns what it printed, or nothing when it cannot be run or fails.
pub fn capture(command: &mut Command) -> Option<String> {
    let output = command.stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}

/// So much of a line is shown.
const SHOWN_CHARS: usize = 2_000;

/// Runs a command, shows each line of its standard output and hands it to `hear` as well.
///
/// A line that is for us alone may be very long; the terminal gets its beginning.
pub fn run_heard(command: &mut Command, mut hear: impl FnMut(&str)) -> Result<(), Failure> {
    command.stdout(Stdio::piped());
    let mut child = command.spawn().map_err(|error| cannot_start(command, &error))?;
    let mut output = BufReader::new(child.stdout.take().expect("standard output is piped"));
    let mut line = Vec::new();
    let mut terminal = std::io::stdout();
    while output.read_until(b'\n', &mut line).is_ok_and(|length| length > 0) {
        let text = String::from_utf8_lossy(&line);
        // A closed terminal must not stop the tests whose result the exit code still tells.
        let _ = match text.char_indices().nth(SHOWN_CHARS) {
            Some((end, _)) => writeln!(terminal, "{} ...", &text[..end]),
            None => terminal.write_all(text.as_bytes()),
        };
        hear(text.trim_end());
        line.clear();
    }
    let status = child.wait().map_err(|error| cannot_start(command, &error))?;
    if status.success() { Ok(()) } else { Err(format!("`{}` failed ({status}).", typed(command))) }
}

/// The command as one would type it.
pub fn typed(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_stem().unwrap_or_default();
    let words = std::iter::once(program).chain(command.get_args());
    words.map(|word| quoted(&word.to_string_lossy())).collect::<Vec<_>>().join(" ")
}

fn quoted(word: &str) -> String {
    if word.contains([' ', '\'', '"']) { format!("{word:?}") } else { word.to_string() }
}

fn cannot_start(command: &Command, error: &std::io::Error) -> Failure {
    format!("`{}` cannot be started: {error}.", typed(command))
}
