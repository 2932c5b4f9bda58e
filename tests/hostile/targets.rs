//! Every parser of the lab, each as a function of some bytes that must come back without a panic
//! and soon. What it makes of them is not looked at here: an error in words is as good as a lab.
//!
//! The same functions are driven by the corpus of hostile inputs (`cargo test --test hostile`) and,
//! for hours, by libFuzzer (`cargo xtask fuzz`).

use bytes::Bytes;
use pushpull::host::inline::{Inline, Next};
use pushpull::host::link::{LINK, Shared};
use pushpull::host::protocol::Request;
use pushpull::host::server::Settings;
use pushpull::kafka::log::{checkpoint, index, producers, transactions};
use pushpull::kafka::metadata::MetadataRecord;
use pushpull::kafka::record::Records;
use pushpull::lab::command::LabSpec;
use pushpull::lab::{Progress, Timeline};
use pushpull::lesson::Lesson;
use pushpull::shell::run::{Progress as Line, Running};
use pushpull::sim::Time;
use pushpull::sim::disk::Block;
use pushpull::storage::Memory;
use pushpull::storage::manifest::{Record, SavedFile, SavedFlushed};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::task::{Context, Waker};

/// A parser under attack.
pub struct Target {
    /// What one types to choose it; also the folder of its inputs.
    pub name: &'static str,
    /// Throws some bytes at it.
    pub throw: fn(&[u8]),
}

/// All of them.
pub const TARGETS: [Target; 7] = [
    Target { name: "shell", throw: shell },
    Target { name: "lesson", throw: lesson },
    Target { name: "link", throw: link },
    Target { name: "manifest", throw: manifest },
    Target { name: "recovery", throw: recovery },
    Target { name: "batch", throw: batch },
    Target { name: "host", throw: host },
];

/// Events after which a lab that goes on and on is left alone.
const EVENTS_MAX: u64 = 20_000;

/// So much virtual time passes in a lab that was opened again.
const RUN_US: u64 = 8_000_000;

/// Both brokers in the middle of their work.
const BUSY: &str = "\
lab new --seed 7 --kafka-brokers 3 --rabbit-nodes 1
kafka-topics --create --topic t --partitions 2 --replication-factor 3
rabbitmqadmin declare queue --name q --durable true
rabbitmqadmin declare queue --name qq --type quorum
rabbitmqadmin declare queue --name s --type stream
producer p --kafka t --rabbit /q --count 40 --rate 100/s --keys a,b,c
producer pt --kafka t --count 10 --rate 50/s --set enable.idempotence=true
producer ps --rabbit /s --count 10 --rate 50/s
producer pq --rabbit /qq --count 10 --rate 50/s
consumer ck --kafka t --group g --process 30ms
consumer cr --rabbit q --prefetch 4 --process 30ms
run 700ms";

/// Lines of the lab's language, in a fresh lab.
pub fn shell(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut timeline = Timeline::new(&LabSpec::default()).expect("a lab opens");
    run(&mut timeline, text);
}

fn run(timeline: &mut Timeline, text: &str) {
    let mut running = Running::new(text);
    for _ in 0..EVENTS_MAX / 100 {
        match running.work(timeline, 100) {
            Line::More | Line::Ran(_) => {}
            Line::End => return,
            Line::Need(_) => panic!("nothing was released"),
        }
    }
}

/// A file of a lesson.
pub fn lesson(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    if let Err(error) = Lesson::parse("hostile", "en", "hostile.md", text) {
        assert!(!error.to_string().is_empty());
    }
}

/// The text of a link; if the text itself is refused, what its checksum would let through.
pub fn link(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let shared = Shared::decode(&text, LINK).ok().or_else(|| serde_json::from_slice(data).ok());
    let Some(shared) = shared else { return };
    let Ok(shared) = Shared::decode(&shared.encode(), LINK) else { return };
    let Ok(mut timeline) = shared.timeline() else { return };
    for _ in 0..EVENTS_MAX / 100 {
        if matches!(timeline.seek_on(100), Progress::Done(())) {
            return;
        }
    }
}

/// What storage gives back when a lab is opened: some bytes of the record are others.
pub fn manifest(data: &[u8]) {
    let saved = saved();
    let _ = Record::decode("main", data);
    let mut body = postcard::to_allocvec(&saved.record).expect("plain data");
    edit(&mut body, data);
    let Ok(record) = postcard::from_bytes::<Record>(&body) else { return };
    if kinds(&record) != kinds(&saved.record) {
        // How a file is written is its program's own affair; only the checksum guards it.
        return;
    }
    let record = Record::decode("main", &record.encode()).expect("it was just written");
    reopen(&record, |id| saved.blocks.get(&id).cloned());
}

/// Of each file, whether it is replaced whole.
fn kinds(record: &Record) -> Vec<(&str, &str, bool)> {
    let nodes = record.manifest.nodes.iter();
    let files = nodes.flat_map(|node| node.files.iter().map(|file| (&*node.name, file)));
    let kind = |file: &SavedFile| matches!(file.flushed, SavedFlushed::Whole(_));
    files.map(|(node, file)| (node, &*file.name, kind(file))).collect()
}

/// What the brokers find on their disks: some bytes of their files are others.
pub fn recovery(data: &[u8]) {
    let saved = saved();
    let mut all: Vec<u8> = saved.blocks.values().flatten().copied().collect();
    edit(&mut all, data);
    let mut rest = Bytes::from(all);
    let mut blocks = BTreeMap::new();
    for (id, block) in &saved.blocks {
        blocks.insert(*id, rest.split_to(block.len()));
    }
    reopen(&saved.record, |id| blocks.get(&id).cloned());
}

/// Where in the bytes (4 bytes), how many (1), and what they become.
fn edit(bytes: &mut [u8], mut edits: &[u8]) {
    while let [a, b, c, d, len, rest @ ..] = edits {
        let at = u32::from_be_bytes([*a, *b, *c, *d]) as usize % bytes.len();
        let len = (usize::from(*len) % 16 + 1).min(rest.len()).min(bytes.len() - at);
        let (new, behind) = rest.split_at(len);
        bytes[at..at + len].copy_from_slice(new);
        edits = behind;
    }
}

/// Opens what was saved and lets it run for a while, as long as storage has what it asks for.
fn reopen(record: &Record, read: impl Fn(u64) -> Option<Bytes>) {
    let load = |blocks: &[Rc<Block>]| {
        blocks.iter().all(|block| {
            let stored = block.saved_as().expect("an absent block was saved");
            let bytes = read(stored.id).filter(|bytes| {
                let end = stored.at.checked_add(block.len());
                bytes.len() as u64 == stored.stored_len
                    && end.is_some_and(|it| it <= stored.stored_len)
            });
            // Without these bytes the host keeps the lab aside.
            let Some(bytes) = bytes else { return false };
            block.restore(bytes.slice(stored.at as usize..(stored.at + block.len()) as usize));
            true
        })
    };
    let Ok(mut timeline) = Timeline::reopen(&record.manifest) else { return };
    let until = timeline.session().now().micros().saturating_add(RUN_US);
    let until = Time::from_micros(until);
    for _ in 0..EVENTS_MAX / 100 {
        match timeline.advance(until, 100) {
            Progress::Done(()) => return,
            Progress::More => {}
            Progress::Need(blocks) => {
                if !load(&blocks) {
                    return;
                }
            }
        }
    }
}

/// A record batch, and the small files beside a log.
pub fn batch(data: &[u8]) {
    if let Some(records) = Records::of(data) {
        for record in records {
            let _ = record.headers().count();
        }
    }
    let _ = index::OffsetIndex::decode(0, data);
    let _ = index::TimeIndex::decode(0, data);
    let _ = producers::ProducerStates::decode(data);
    let _ = transactions::decode(data);
    let _ = MetadataRecord::decode(data);
    let text = String::from_utf8_lossy(data);
    let _ = checkpoint::decode_offsets(&text);
    let _ = checkpoint::decode_epochs(&text);
    let _ = checkpoint::decode_broker_epoch(&text);
}

/// Requests one after the other, as the page sends them: 2 bytes of length before each.
pub fn host(mut data: &[u8]) {
    let mut host = Inline::new(Settings::default(), Memory::default(), "2026-01-01".to_owned());
    let now_us = Cell::new(0);
    host.handle(Request::Open { lab: "main".into(), script: String::new(), store: true });
    settle(&mut host, &now_us);
    while let [a, b, rest @ ..] = data {
        let len = usize::from(u16::from_be_bytes([*a, *b])).min(rest.len());
        let (request, behind) = rest.split_at(len);
        data = behind;
        if let Ok(request) = postcard::from_bytes::<Request>(request) {
            host.handle(request);
            settle(&mut host, &now_us);
        }
    }
}

/// Gives the host some turns, in which it can process a few thousand events.
fn settle(host: &mut Inline<Memory>, now_us: &Cell<u64>) {
    let mut context = Context::from_waker(Waker::noop());
    let clock = || {
        now_us.set(now_us.get() + 1_000);
        now_us.get()
    };
    for _ in 0..20 {
        let (_, next) = host.turn(&clock, 10_000);
        let _ = host.poll_store(&mut context, now_us.get());
        host.drawn(now_us.get());
        if next == Next::Whenever {
            return;
        }
    }
}

/// A lab as storage keeps it.
struct Saved {
    record: Record,
    blocks: BTreeMap<u64, Bytes>,
}

thread_local! {
    static SAVED: Rc<Saved> = Rc::new(save());
}

fn saved() -> Rc<Saved> {
    SAVED.with(Rc::clone)
}

fn save() -> Saved {
    let mut timeline = Timeline::new(&LabSpec::default()).expect("a lab opens");
    let mut running = Running::new(BUSY);
    loop {
        match running.work(&mut timeline, 10_000) {
            Line::More => {}
            Line::Ran(ran) => assert!(ran.right, "{}: {:?}", ran.text, ran.error),
            Line::End => break,
            Line::Need(_) => panic!("nothing was released"),
        }
    }
    let save = timeline.save("hostile", None);
    let blocks = save.blocks.iter().cloned().collect();
    Saved { record: Record { first_block: 1, manifest: save.manifest }, blocks }
}
