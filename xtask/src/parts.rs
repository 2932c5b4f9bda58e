//! The programs of the site in two parts each, and the list that says where the cut goes.
//!
//! `first-minute/app.txt` and `worker.txt` say what of the programs somebody needs who comes for the
//! first time: of the engine what it takes until a message is sent, saved and fetched, of the page
//! also what betting on what comes next takes. `cargo xtask first-minute` writes them: it builds programs that tell, has a browser go through that minute, and keeps what
//! was gone through. Functions that have come since are in the rest; when the lists have grown old,
//! the build says how much of them is left.

use crate::Failure;
use crate::cut;
use crate::cut::first_minute::{self, Counted, FirstMinute};
use crate::options::Options;
use crate::page::{paths, read, write};
use crate::site::{self, Build};
use crate::steps::Steps;
use crate::test_steps;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Where the lists are.
const LISTS: &str = "xtask/first-minute";

/// When it is set, the programs count what is called; it names the folder for their lists of names.
const COUNTED: &str = "PUSHPULL_COUNTED";

/// The script that brings the rest, and the one that counts instead.
const REST: &str = "www/boot/rest.js";
const COUNT: &str = include_str!("count.js");

/// How the glue of a program ends the list of what the program imports.
const IMPORTS_END: &str = "_bg.js\": import0,\n";

/// How the names of the two parts end.
const FIRST_END: &str = "_bg.wasm";
const REST_END: &str = "_rest.wasm";

/// The programs: each is `NAME*_bg.wasm` with its glue `NAME*.js`.
const PROGRAMS: [&str; 2] = ["app", "worker"];

/// Cuts the programs of a site.
pub fn make(site: &Path) -> Result<(), Failure> {
    for name in PROGRAMS {
        let program = Program::find(site, name)?;
        match std::env::var_os(COUNTED) {
            None => program.cut()?,
            Some(folder) => program.count(Path::new(&folder))?,
        }
    }
    Ok(())
}

/// `cargo xtask first-minute`.
pub fn run(options: &Options) -> Result<ExitCode, Failure> {
    options.refuse_names()?;
    let scratch = std::env::current_dir()
        .map_err(|error| format!("this folder has no name: {error}."))?
        .join("target/first-minute");
    fs::create_dir_all(&scratch)
        .map_err(|error| format!("{} cannot be made: {error}.", scratch.display()))?;
    let mut steps = Steps::new(site::STEPS + 1);
    let build = Build {
        dist: scratch.join("dist"),
        debug: false,
        counted: Some(scratch.clone()),
        address: None,
    };
    site::make(&mut steps, &build)?;
    let mut called = Vec::new();
    steps.run("the first minute, in a browser", || {
        let hear = |line: &str| called.extend(line.strip_prefix("called ").map(str::to_string));
        test_steps::run_in_browser(&build.dist, &["first-minute"], hear)
    })?;
    for name in PROGRAMS {
        let functions = functions(&read(&scratch.join(format!("{name}.txt")))?)?;
        let numbers = called
            .iter()
            .find_map(|line| line.strip_prefix(name)?.split_once(' '))
            .ok_or_else(|| format!("the browser did not say what was called in `{name}`."))?;
        let passed: Option<BTreeSet<usize>> =
            numbers.1.split(',').map(|number| number.parse().ok()).collect();
        let passed = passed.ok_or_else(|| format!("the browser told no numbers of `{name}`."))?;
        let list = first_minute::list(&functions, &passed);
        println!("      {name}: {} of {} functions", list.lines().count(), functions.len());
        write(&Path::new(LISTS).join(format!("{name}.txt")), list)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The functions of a program that tells, as it noted them.
fn functions(noted: &str) -> Result<Vec<(String, usize)>, Failure> {
    let read = |line: &str| {
        let (spots, name) = line.split_once('\t')?;
        Some((name.to_string(), spots.parse().ok()?))
    };
    let functions: Option<_> = noted.lines().map(read).collect();
    functions.ok_or_else(|| "the list of functions cannot be read.".to_string())
}

/// The environment of a build whose programs count.
pub fn counted_in(folder: &Path) -> (&'static str, &Path) {
    (COUNTED, folder)
}

/// Whether a file of the site is the rest of a program.
pub fn is_rest(path: &Path) -> bool {
    path.to_string_lossy().ends_with(REST_END)
}

/// A program of the site, and the script that loads it.
struct Program {
    name: &'static str,
    path: PathBuf,
    module: Vec<u8>,
    glue_path: PathBuf,
    glue: String,
}

impl Program {
    fn find(site: &Path, name: &'static str) -> Result<Program, Failure> {
        let file_name =
            |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let path = paths(site, "wasm")?
            .into_iter()
            .find(|path| file_name(path).starts_with(name))
            .ok_or_else(|| format!("{} has no program `{name}`.", site.display()))?;
        let module = fs::read(&path).map_err(|error| format!("{}: {error}.", path.display()))?;
        let glue_path = path.with_file_name(file_name(&path).replace(FIRST_END, ".js"));
        let glue = read(&glue_path)?;
        Ok(Program { name, path, module, glue_path, glue })
    }

    /// Replaces the program by its first part, and puts its rest beside it.
    fn cut(&self) -> Result<(), Failure> {
        let list = read(&Path::new(LISTS).join(format!("{}.txt", self.name)))?;
        let told = |error: String| format!("{}: {error}", self.path.display());
        let list = FirstMinute::read(&list).map_err(told)?;
        let parts = cut::cut(&self.module, &list).map_err(told)?;
        println!(
            "      {}: {} of {} functions of its first minute are there",
            self.name,
            list.len() - parts.stale,
            list.len()
        );
        write(&self.path, parts.first)?;
        write(&self.path.with_file_name(self.rest_name()), parts.rest)?;
        write(&self.glue_path, self.glue_with(&read(Path::new(REST))?)?)
    }

    /// Makes the program count, and notes its names in a folder.
    fn count(&self, folder: &Path) -> Result<(), Failure> {
        let Counted { program, functions } = first_minute::counted(&self.module)?;
        let functions: String =
            functions.iter().map(|(name, spots)| format!("{spots}\t{name}\n")).collect();
        write(&folder.join(format!("{}.txt", self.name)), functions)?;
        write(&self.path, program)?;
        write(&self.glue_path, self.glue_with(COUNT)?)
    }

    /// The file of the rest.
    fn rest_name(&self) -> String {
        let name = self.path.file_name().unwrap_or_default().to_string_lossy();
        name.replace(FIRST_END, REST_END)
    }

    /// The glue with one import more.
    fn glue_with(&self, script: &str) -> Result<String, Failure> {
        if self.glue.matches(IMPORTS_END).count() != 1 {
            return Err(format!(
                "{} does not list the imports as this build expects: wasm-bindgen has changed.",
                self.glue_path.display()
            ));
        }
        let import = format!("rest: restOfProgram(() => wasm, \"{}\"),\n", self.rest_name());
        let glue = self.glue.replacen(IMPORTS_END, &format!("{IMPORTS_END}{import}"), 1);
        Ok(format!("{script}\n{glue}"))
    }
}
