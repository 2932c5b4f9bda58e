//! The command line: scripts in a fresh lab, lessons checked.
//!
//! `run --export FILE=COPY` copies a file of a Kafka server out of the lab when the script is
//! done: a segment is byte for byte what a real broker would have written. To see it with a
//! library that nobody here wrote: `pip install kafka-python` (read with 3.0), then
//! `kafka.record.MemoryRecords(open(COPY, "rb").read())` gives its batches one by one with
//! `next_batch()`, each with `validate_crc()` and its records.

use pushpull::bench;
use pushpull::explore::draw::Side;
use pushpull::explore::search::{Search, lines_of, search};
use pushpull::lab::command::LabSpec;
use pushpull::lab::{Event, Timeline};
use pushpull::lesson::check::check;
use pushpull::shell::programs::{self, event_row};
use pushpull::shell::run::{Progress, Ran, Running};
use serde_json::Value;
use std::fs::File;
use std::io::{self, BufWriter, ErrorKind, Read, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Once;
use std::sync::atomic::{AtomicU64, Ordering};

const USAGE: &str = "\
pushpull: a laboratory for message brokers

  pushpull run [--json] [--events] [--seed N] FILE|-   run a script in a fresh lab
      [--export SERVER/TOPIC-PARTITION/NAME=COPY]...   then copy files of Kafka's servers out of it
  pushpull check PATH...                               run lessons: what they say must be so
  pushpull explore [--seeds N] [--steps N] [--seed FIRST] [--without PROTECTION]
      [--side kafka|rabbit] [SCRIPT]                   search for a broken invariant
  pushpull bench [--json]                              the engines' rates beside their limit

run exits with 0, or with 1 at the first command that failed, unless its line begins with `! `.
";

/// More of an input than this is not read: a script is far smaller.
const INPUT_BYTES_MAX: u64 = 64 << 20;

/// Events between two looks at what happened.
const BUDGET: u64 = 10_000;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let mut out = BufWriter::new(io::stdout().lock());
    let done = dispatch(&arguments, &mut out).and_then(|code| out.flush().map(|()| code));
    match done {
        Ok(code) => code,
        // Whoever read our output has seen enough.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => complain(&format!("cannot write: {error}"), 1),
    }
}

fn dispatch(arguments: &[String], out: &mut impl Write) -> io::Result<ExitCode> {
    let Some((command, rest)) = arguments.split_first() else {
        return Ok(usage("expected a command"));
    };
    match command.as_str() {
        "run" => match RunOptions::of(rest) {
            Ok(options) => run(&options, out),
            Err(sentence) => Ok(usage(&sentence)),
        },
        "check" => match rest.iter().find(|word| word.starts_with('-')) {
            Some(option) => Ok(usage(&format!("found {option}, expected the paths of lessons"))),
            None if rest.is_empty() => Ok(usage("expected the paths of lessons behind check")),
            None => {
                let report = check(&rest.iter().map(PathBuf::from).collect::<Vec<_>>());
                writeln!(out, "{report}")?;
                Ok(if report.is_good() { ExitCode::SUCCESS } else { ExitCode::from(1) })
            }
        },
        "explore" => match ExploreOptions::of(rest) {
            Ok(search) => explore(&search, out),
            Err(sentence) => Ok(usage(&sentence)),
        },
        "bench" => match rest {
            [] => bench(false, out),
            [word] if word == "--json" => bench(true, out),
            [word, ..] => Ok(usage(&format!("found {word}, expected --json or nothing"))),
        },
        "help" | "--help" | "-h" => {
            out.write_all(USAGE.as_bytes())?;
            Ok(ExitCode::SUCCESS)
        }
        "--version" | "-V" => {
            writeln!(out, "pushpull {}", env!("CARGO_PKG_VERSION"))?;
            Ok(ExitCode::SUCCESS)
        }
        other => Ok(usage(&format!("found {other}, expected run, check, explore or bench"))),
    }
}

fn usage(sentence: &str) -> ExitCode {
    complain(&format!("{sentence}\n\n{USAGE}"), 2)
}

fn complain(sentence: &str, code: u8) -> ExitCode {
    // Nobody is left to tell if this cannot be written either.
    let _ = writeln!(io::stderr(), "pushpull: {sentence}");
    ExitCode::from(code)
}

// ---- explore ----

struct ExploreOptions;

impl ExploreOptions {
    fn of(words: &[String]) -> Result<Search, String> {
        let mut search = Search { first_seed: 1, seeds: 100, steps: 12, ..Search::default() };
        let mut rest = words.iter();
        while let Some(word) = rest.next() {
            let (name, inline) = match word.split_once('=') {
                Some((name, value)) if name.starts_with("--") => (name, Some(value.to_owned())),
                _ => (word.as_str(), None),
            };
            let mut value = || inline.clone().or_else(|| rest.next().cloned());
            let number = |value: Option<String>| {
                let value = value.ok_or(format!("expected a number behind {name}"))?;
                let parsed = value.parse::<u64>().ok().filter(|number| *number <= 1_000_000_000);
                parsed.ok_or(format!("found {value}, expected a number behind {name}"))
            };
            match name {
                "--seeds" => search.seeds = number(value())?,
                "--steps" => search.steps = number(value())?.min(1_000) as usize,
                "--seed" => search.first_seed = number(value())?,
                "--side" => {
                    search.side = match value().as_deref() {
                        Some("kafka") => Some(Side::Kafka),
                        Some("rabbit") => Some(Side::Rabbit),
                        _ => return Err("expected kafka or rabbit behind --side".to_owned()),
                    }
                }
                "--without" => {
                    let known = programs::protections();
                    let found = value().unwrap_or_default();
                    if !known.contains(&&*found) {
                        let known = known.join(", ");
                        return Err(format!("found {found}, expected a protection: {known}"));
                    }
                    search.without.push(found);
                }
                option if option.starts_with("--") => {
                    return Err(format!(
                        "found {option}, expected --seeds, --steps, --seed, --without or --side"
                    ));
                }
                file if search.script.is_none() => search.script = Some(lines_of(&read(file)?)?),
                file => return Err(format!("found {file}, expected one script")),
            }
        }
        Ok(search)
    }
}

/// A word now and then, so that a long search is seen to go on, and which seed a panic is of.
fn tell_seed(seed: u64) {
    static SEED: AtomicU64 = AtomicU64::new(0);
    static IS_HOOKED: Once = Once::new();
    SEED.store(seed, Ordering::Relaxed);
    IS_HOOKED.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            let _ = writeln!(io::stderr(), "seed {}:", SEED.load(Ordering::Relaxed));
            usual(panic);
        }));
    });
    if seed.is_multiple_of(1_000) {
        let _ = writeln!(io::stderr(), "seed {seed}");
    }
}

/// Searches; 1 if a rule was broken. Without a protection that is what was expected, and said.
fn explore(options: &Search, out: &mut impl Write) -> io::Result<ExitCode> {
    let options = &Search { told: Some(tell_seed), ..options.clone() };
    let report = match search(options) {
        Ok(report) => report,
        Err(error) => return Ok(complain(&error.to_string(), 1)),
    };
    write!(out, "{report}")?;
    let without = options.without.join(", ");
    match (report.found.is_some(), options.without.is_empty()) {
        (true, false) => writeln!(out, "as expected without {without}")?,
        (false, false) => writeln!(out, "nothing was found without {without}: more seeds?")?,
        _ => {}
    }
    Ok(if report.found.is_some() { ExitCode::from(1) } else { ExitCode::SUCCESS })
}

// ---- bench ----

/// Enough for a second or two of each, and for a moment of a program that is not optimised.
const BENCH_MESSAGES: u64 = if cfg!(debug_assertions) { 2_000 } else { 500_000 };

/// The one place of the program that looks at a real clock.
#[allow(clippy::disallowed_methods, clippy::disallowed_types)]
fn bench(json: bool, out: &mut impl Write) -> io::Result<ExitCode> {
    let begin = std::time::Instant::now();
    let clock = move || begin.elapsed().as_secs_f64();
    if cfg!(debug_assertions) && !json {
        writeln!(out, "this program is not optimised: these are no figures to keep")?;
    }
    for part in bench::PARTS {
        match part(BENCH_MESSAGES, &clock) {
            Ok(rates) => rates.iter().try_for_each(|rate| write_rate(rate, json, out))?,
            Err(sentence) => return Ok(complain(&sentence, 1)),
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn write_rate(rate: &bench::Rate, json: bool, out: &mut impl Write) -> io::Result<()> {
    if !json {
        return writeln!(out, "{rate}");
    }
    writeln!(
        out,
        "{{\"engine\": \"{}\", \"what\": \"{}\", \"messages\": {}, \"per_s\": {:.0}, \
         \"limit_per_s\": {:.0}, \"share\": {:.4}}}",
        rate.engine,
        rate.what,
        rate.messages,
        rate.per_second,
        rate.limit_per_second,
        rate.share()
    )
}

// ---- run ----

struct RunOptions {
    json: bool,
    events: bool,
    seed: u64,
    file: String,
    /// Files of servers, and where they are copied to.
    exports: Vec<(String, String)>,
}

impl RunOptions {
    fn of(words: &[String]) -> Result<RunOptions, String> {
        let (mut json, mut events, mut seed, mut file) = (false, false, 1, None);
        let mut exports = Vec::new();
        let mut rest = words.iter();
        while let Some(word) = rest.next() {
            let (name, inline) = match word.split_once('=') {
                Some((name, value)) if name.starts_with("--") => (name, Some(value.to_owned())),
                _ => (word.as_str(), None),
            };
            match name {
                "--json" => json = true,
                "--events" => events = true,
                "--seed" => {
                    let value = inline.or_else(|| rest.next().cloned());
                    let value = value.ok_or("expected a number behind --seed")?;
                    seed = value
                        .parse()
                        .map_err(|_| format!("found {value}, expected a number behind --seed"))?;
                }
                "--export" => {
                    let value = inline.or_else(|| rest.next().cloned()).unwrap_or_default();
                    let Some((from, to)) = value.split_once('=') else {
                        return Err(format!("found {value}, expected FILE=COPY behind --export"));
                    };
                    exports.push((from.to_owned(), to.to_owned()));
                }
                "-" => file = Some(word.clone()),
                option if option.starts_with('-') => {
                    return Err(format!(
                        "found {option}, expected --json, --events, --seed or --export"
                    ));
                }
                _ if file.is_some() => return Err(format!("found {word}, expected one file")),
                _ => file = Some(word.clone()),
            }
        }
        let file = file.ok_or("expected a file, or - for standard input")?;
        Ok(RunOptions { json, events, seed, file, exports })
    }
}

fn run(options: &RunOptions, out: &mut impl Write) -> io::Result<ExitCode> {
    let text = match read(&options.file) {
        Ok(text) => text,
        Err(sentence) => return Ok(complain(&sentence, 2)),
    };
    let spec = LabSpec { seed: options.seed, ..LabSpec::default() };
    let mut timeline = match Timeline::new(&spec) {
        Ok(timeline) => timeline,
        Err(error) => return Ok(complain(&error.to_string(), 1)),
    };
    let mut running = Running::new(&text);
    let mut seen = 0;
    loop {
        let progress = running.work(&mut timeline, BUDGET);
        // `lab new` begins a stream of events of its own.
        if let Progress::Ran(ran) = &progress
            && programs::is_lab_new(&ran.text)
            && ran.error.is_none()
        {
            seen = 0;
        }
        if options.events {
            let log = timeline.session().events();
            for event in log.since(seen) {
                writeln!(out, "{}", event_line(event, options.json))?;
            }
            seen = log.next();
        }
        match progress {
            Progress::More => {}
            Progress::Ran(ran) => {
                let now = timeline.session().now().micros();
                match options.json {
                    true => writeln!(out, "{}", json_line(&ran, now))?,
                    false => {
                        for line in ran.transcript() {
                            writeln!(out, "{line}")?;
                        }
                    }
                }
                if !ran.right {
                    out.flush()?;
                    let sentence = format!("stopped at line {} of {}", ran.line, options.file);
                    return Ok(complain(&sentence, 1));
                }
            }
            Progress::Need(blocks) => {
                let sentence = format!("{} blocks are not in memory", blocks.len());
                return Ok(complain(&sentence, 1));
            }
            Progress::End => break,
        }
    }
    for (from, to) in &options.exports {
        let bytes = match timeline.session().file(from) {
            Ok(bytes) => bytes,
            Err(error) => return Ok(complain(&error.to_string(), 1)),
        };
        if let Err(error) = std::fs::write(to, bytes) {
            return Ok(complain(&format!("cannot write {to}: {error}"), 1));
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A script from a file or from standard input.
fn read(file: &str) -> Result<String, String> {
    let mut bytes = Vec::new();
    let result = match file {
        "-" => io::stdin().lock().take(INPUT_BYTES_MAX).read_to_end(&mut bytes),
        path => File::open(path).and_then(|f| f.take(INPUT_BYTES_MAX).read_to_end(&mut bytes)),
    };
    result.map_err(|error| format!("cannot read {file}: {error}"))?;
    String::from_utf8(bytes).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let lines = error.as_bytes()[..good].iter().filter(|byte| **byte == b'\n').count();
        format!("cannot read {file}: line {} is not UTF-8", lines + 1)
    })
}

/// `{"t_us": 1200, "line": 3, "command": "...", "ok": true, "output": [...]}`
fn json_line(ran: &Ran, now_us: u64) -> String {
    let quoted = |text: &str| Value::from(text).to_string();
    let (line, command, ok) = (ran.line, quoted(&ran.text), ran.error.is_none());
    let rest = match &ran.error {
        None => {
            let output: Vec<String> = ran.output.iter().map(|line| quoted(line)).collect();
            format!("\"output\": [{}]", output.join(", "))
        }
        Some(error) => format!("\"error\": {}", quoted(error.trim_start_matches('\n'))),
    };
    format!(
        "{{\"t_us\": {now_us}, \"line\": {line}, \"command\": {command}, \"ok\": {ok}, {rest}}}"
    )
}

/// `{"t_us": 1180, "event": "kafka.appended", ...}`, or the same as text.
fn event_line(event: &Event, json: bool) -> String {
    if !json {
        return format!("  {}", event_row(event).join("  "));
    }
    let Value::Object(mut fields) = event.to_json() else { return String::new() };
    let mut parts = Vec::new();
    for name in ["t_us", "event", "by"] {
        parts.extend(fields.remove(name).map(|value| format!("\"{name}\": {value}")));
    }
    parts.extend(fields.iter().map(|(name, value)| format!("\"{name}\": {value}")));
    format!("{{{}}}", parts.join(", "))
}
