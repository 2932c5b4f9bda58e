//! What lasts: saving against a raw disk and against no saving at all, memory while the logs grow,
//! opening again, and going through time. `cargo bench --bench lasting [-- MESSAGES]`.
//!
//! With `-- backlog [MESSAGES]` instead: so many messages (ten million) are ready in a classic queue
//! that nobody reads, and memory is bounded; then the first of them are consumed.
//!
//! The store keeps its blocks in files, with a flush for each commit, as IndexedDB does with
//! strict durability; so memory is that of the lab alone. Real time is read here and only here.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, clippy::print_stdout)]
#![allow(missing_docs)]

use bytes::Bytes;
use pushpull::host::inline::{Inline, Next};
use pushpull::host::protocol::{Found, Reply, Request};
use pushpull::host::server::Settings;
use pushpull::ordered::BTreeSet;
use pushpull::rabbit::inspect::QueueState;
use pushpull::storage::manifest::Record;
use pushpull::storage::{Commit, Manifest, Opened, Store, StoreError, block};
use pushpull::view::frame::Saving;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

/// Messages unless others are asked for.
const MESSAGES: u64 = 1_000_000;

/// Messages of a backlog unless others are asked for.
const BACKLOG: u64 = 10_000_000;

/// A backlog grows in so many parts, and after each its memory is told.
const PARTS: u64 = 10;

/// So many messages of a backlog are read.
const READ: u64 = 100_000;

/// Bytes of a message.
const SIZE: u64 = 100;

/// How long a slice is, in microseconds.
const SLICE_US: u64 = 8_000;

/// Places gone to at random.
const SEEKS: u64 = 100;

/// Blocks and the manifest as files of a folder.
struct Folder(PathBuf);

impl Folder {
    fn write(&self, name: &str, parts: &[&[u8]]) -> Result<(), StoreError> {
        let written = File::create(self.0.join(name)).and_then(|mut file| {
            parts.iter().try_for_each(|part| file.write_all(part))?;
            file.sync_all()
        });
        written.map_err(|error| StoreError::Full(error.to_string()))
    }

    fn manifest(&self) -> Result<Option<Manifest>, StoreError> {
        match fs::read(self.0.join("manifest")) {
            Ok(bytes) => Ok(Some(Record::decode("lab", &bytes)?.manifest)),
            Err(_) => Ok(None),
        }
    }
}

impl Store for Folder {
    async fn open(&self, _lab: &str) -> Result<Opened, StoreError> {
        let manifest = self.manifest()?;
        let next_block = manifest.as_ref().map_or(0, |manifest| manifest.next_block);
        Ok(Opened { manifest, next_block })
    }

    async fn take_over(&self, lab: &str) -> Result<Opened, StoreError> {
        self.open(lab).await
    }

    async fn peek(&self, _lab: &str) -> Result<Option<Manifest>, StoreError> {
        self.manifest()
    }

    async fn keep_aside(&self, _date: &str) -> Result<Opened, StoreError> {
        panic!("nothing is damaged here")
    }

    async fn read(&self, ids: &[u64]) -> Result<Vec<Bytes>, StoreError> {
        let blocks = ids.iter().map(|id| {
            let kept = fs::read(self.0.join(id.to_string())).unwrap_or_default();
            block::open("lab", *id, kept)
        });
        blocks.collect()
    }

    async fn commit(&self, commit: &Commit) -> Result<(), StoreError> {
        for (id, content) in &commit.blocks {
            self.write(&id.to_string(), &[&block::head(content), content])?;
        }
        let record = Record { first_block: 0, manifest: commit.manifest.clone() };
        self.write("manifest", &[&record.encode()])?;
        for id in &commit.drop {
            // One that is gone already is as well.
            let _ = fs::remove_file(self.0.join(id.to_string()));
        }
        Ok(())
    }

    async fn erase(&self) -> Result<(), StoreError> {
        Ok(())
    }

    async fn labs(&self) -> Result<Vec<String>, StoreError> {
        Ok(vec!["lab".into()])
    }
}

/// A host with a page that draws every frame at once.
struct Tab {
    host: Inline<Folder>,
    began: Instant,
    replies: Vec<Reply>,
    saving: Saving,
}

impl Tab {
    fn open(folder: &Path, store: bool) -> Tab {
        let host = Inline::new(Settings::default(), Folder(folder.to_path_buf()), "today".into());
        let (began, saving) = (Instant::now(), Saving::Opening);
        let mut tab = Tab { host, began, replies: Vec::new(), saving };
        tab.host.handle(Request::Open { lab: "lab".into(), script: String::new(), store });
        tab.until(|tab| tab.replies.iter().any(|reply| matches!(reply, Reply::Opened { .. })));
        tab
    }

    fn turn(&mut self) {
        let began = self.began;
        let clock = || began.elapsed().as_micros() as u64;
        let (replies, next) = self.host.turn(&clock, SLICE_US);
        for reply in replies {
            match reply {
                Reply::Frame(frame) => {
                    self.saving = frame.status.saving;
                    self.host.drawn(clock());
                }
                other => self.replies.push(other),
            }
        }
        let told = self.host.poll_store(&mut Context::from_waker(Waker::noop()), clock());
        if told.is_pending() && next != Next::AtOnce {
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    fn until(&mut self, done: impl Fn(&Tab) -> bool) {
        while !done(self) {
            self.turn();
        }
    }

    fn run(&mut self, text: &str) {
        self.replies.clear();
        self.host.handle(Request::Run { id: 1, text: text.into() });
        let last = |reply: &Reply| matches!(reply, Reply::Ran { last: true, .. });
        self.until(|tab| tab.replies.iter().any(last));
        for reply in &self.replies {
            if let Reply::Ran { line, error: Some(error), .. } = reply {
                panic!("{line}: {error}");
            }
        }
    }

    fn save(&mut self) {
        self.until(|tab| matches!(tab.saving, Saving::SavedUpTo(_)));
    }

    fn queue(&self) -> QueueState {
        let desk = self.host.server().desk().expect("a lab is open");
        desk.timeline().session().rabbit.queue("q").expect("it was declared")
    }

    fn steps(&self) -> u64 {
        self.host.server().desk().expect("a lab is open").timeline().session().steps()
    }
}

fn script(messages: u64) -> String {
    format!(
        "lab new --kafka-brokers 3 --cost lesson\n\
         kafka-topics --create --topic t --partitions 3 --replication-factor 3\n\
         producer p --kafka t --count {messages} --size {SIZE} --rate 100000/s --set batch.size=65536 --set linger.ms=20\n\
         run --until ledger.kafka.acknowledged=={messages} --max 1h"
    )
}

fn main() {
    let messages = std::env::args().skip(1).find_map(|word| word.parse().ok()).unwrap_or(MESSAGES);
    let folder = std::env::temp_dir().join(format!("pushpull-lasting-{}", std::process::id()));
    fs::create_dir_all(&folder).expect("a folder for the blocks");
    if std::env::args().any(|word| word == "backlog") {
        let asked = std::env::args().skip(1).find_map(|word| word.parse().ok());
        backlog(&folder, asked.unwrap_or(BACKLOG));
        return fs::remove_dir_all(&folder).expect("the folder is ours");
    }
    println!("{messages} messages of {SIZE} bytes, three replicas");

    let mut alone = Tab::open(&folder, false);
    let started = Instant::now();
    alone.run(&script(messages.min(300_000)));
    let without = alone.steps() as f64 / started.elapsed().as_secs_f64();
    drop(alone);
    forget_memory();
    let mut tab = Tab::open(&folder, true);
    let started = Instant::now();
    tab.run(&script(messages));
    let with = tab.steps() as f64 / started.elapsed().as_secs_f64();
    tab.save();
    let saved = started.elapsed();
    println!("  events a second, without saving     {without:>12.0}");
    println!("  events a second, with saving        {with:>12.0}   {:.0}%", 100.0 * with / without);
    let bytes = bytes_in(&folder);
    println!(
        "  bytes saved                         {bytes:>12}   {:.1} MB/s",
        bytes as f64 / 1e6 / saved.as_secs_f64()
    );
    println!("  the same bytes, raw                 {:>23.1} MB/s", raw(&folder, bytes));
    let text = "consumer c --kafka t --group g --set auto.offset.reset=earliest\n";
    tab.run(&format!("{text}run --until ledger.kafka.processed=={messages} --max 1h"));
    println!("  largest memory, read from the start {:>12} MiB", memory_mib("VmHWM"));
    seeks(&mut tab);
    tab.save();
    drop(tab);
    let started = Instant::now();
    let tab = Tab::open(&folder, true);
    assert!(tab.replies.iter().any(|r| matches!(r, Reply::Opened { found: Found::Lab { .. } })));
    println!("  opened again after                  {:>12} ms", started.elapsed().as_millis());
    drop(tab);
    fs::remove_dir_all(&folder).expect("the folder is ours");
}

/// A queue with so many ready messages: all of them lie on the lab's disk, and most of that in the
/// store.
fn backlog(folder: &Path, messages: u64) {
    println!("{messages} messages of {SIZE} bytes, ready in a classic queue");
    let mut tab = Tab::open(folder, true);
    let started = Instant::now();
    for part in 1..=PARTS {
        let count = messages / PARTS;
        let begin = match part {
            1 => "lab new --cost lesson\nrabbitmqadmin declare queue --name q\n",
            _ => "",
        };
        tab.run(&format!(
            "{begin}producer p{part} --rabbit /q --count {count} --size {SIZE} --rate 100000/s\n\
             run --until 'rabbit.queue(q).ready=={}' --max 1h",
            count * part
        ));
        let queue = tab.queue();
        println!(
            "  {:>10} ready, {:>2} of them and {:>9} bytes in the broker's memory; this process \
             {:>4} MiB, at most {:>4} MiB",
            queue.ready,
            queue.in_memory,
            queue.memory,
            memory_mib("VmRSS"),
            memory_mib("VmHWM")
        );
    }
    let ready = messages / PARTS * PARTS;
    let rate = ready as f64 / started.elapsed().as_secs_f64();
    tab.save();
    println!("  messages a second, with saving      {rate:>12.0}");
    println!("  bytes saved                         {:>12}", bytes_in(folder));
    tab.run(&format!(
        "consumer c --rabbit q --prefetch 100\nrun --until 'done(c)>={READ}' --max 1h\n\
         client c stop\nrun 1s"
    ));
    println!("  largest memory, {READ} read         {:>12} MiB", memory_mib("VmHWM"));
}

/// Goes to places all over the past.
fn seeks(tab: &mut Tab) {
    let end = tab.host.server().desk().expect("open").timeline().end().micros();
    let mut times = Vec::new();
    for number in 0..SEEKS {
        let at_us = end / SEEKS * (number * 37 % SEEKS);
        let started = Instant::now();
        tab.host.handle(Request::Seek { at_us });
        tab.turn();
        while tab.host.server().is_busy() {
            tab.turn();
        }
        times.push(started.elapsed().as_micros());
    }
    let steps = tab.steps();
    tab.host.handle(Request::Seek { at_us: end });
    tab.turn();
    while tab.host.server().is_busy() {
        tab.turn();
    }
    times.sort_unstable();
    let (middle, worst) = (times[times.len() / 2] / 1_000, times[times.len() - 1] / 1_000);
    println!(
        "  seek over {:>9} events, middle   {middle:>12} ms, worst {worst} ms",
        steps.max(tab.steps())
    );
}

fn bytes_in(folder: &Path) -> u64 {
    let files = fs::read_dir(folder).expect("the folder is ours").flatten();
    files.filter_map(|file| file.metadata().ok()).map(|about| about.len()).sum()
}

/// Megabytes a second when the same bytes are written in blocks of a MiB, each flushed.
fn raw(folder: &Path, bytes: u64) -> f64 {
    let (block, started) = (vec![7; 1 << 20], Instant::now());
    let names: BTreeSet<String> =
        (0..bytes.div_ceil(1 << 20)).map(|n| format!("raw-{n}")).collect();
    let store = Folder(folder.to_path_buf());
    names.iter().for_each(|name| store.write(name, &[&block]).expect("there is room"));
    let rate = bytes as f64 / 1e6 / started.elapsed().as_secs_f64();
    names.iter().for_each(|name| fs::remove_file(folder.join(name)).expect("it is ours"));
    rate
}

/// The largest memory is that of what comes from here on.
fn forget_memory() {
    // Where there is no such file there is no figure either.
    let _ = fs::write("/proc/self/clear_refs", "5");
}

/// A figure of this process, from Linux; 0 elsewhere.
fn memory_mib(name: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    let kib = line.and_then(|rest| rest.trim().trim_end_matches(" kB").parse::<u64>().ok());
    kib.unwrap_or(0) / 1024
}
